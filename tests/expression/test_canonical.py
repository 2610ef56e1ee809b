"""Equality: up to names of labels, order and nesting; never of what differs in value."""

import itertools
import random

import numpy as np
import pytest

import einderiv as ed
from einderiv.errors import limits
from einderiv.expression import Add, coefficient, same, scaled, wrapped
from einderiv.expression.canonical import FLATTENED, Forms, collected

es, t = ed.einsum, ed.tensor
RANKS = {"s": 0, "x": 1, "A": 2, "B": 2, "T": 3}
X, Y, Z = (t(name, "ij") for name in "XYZ")


def values(seed, n):
    rng = np.random.default_rng(seed)
    return {name: rng.integers(-9, 10, (n,) * rank) for name, rank in RANKS.items()}


SAMPLES = [values(1, 2), values(2, 3), values(3, 3)]


def random_product(rng, most=4):
    """A small product in which tensors repeat: (terms, names, output)."""
    names = [rng.choice("sxAABT") for _ in range(rng.randint(1, most))]
    terms = ["".join(rng.choices("abcd", k=RANKS[name])) for name in names]
    there = sorted(set("".join(terms)))
    output = "".join(rng.sample(there, min(len(there), rng.randint(0, 2))))
    return terms, names, output


def expression(product):
    terms, names, output = product
    return es(",".join(terms) + "->" + output, *names)


def value(product, arrays):
    terms, names, output = product
    return np.einsum(",".join(terms) + "->" + output, *(arrays[name] for name in names))


def shuffled(product, rng):
    """Another spelling: operands in another order, other letters, some operands in an einsum of their own."""
    terms, names, output = product
    order = rng.sample(range(len(names)), len(names))
    new = dict(zip("abcd", rng.sample("ijklmnopq", 4)))
    terms = ["".join(new[x] for x in terms[k]) for k in order]
    names, output = [names[k] for k in order], "".join(new[x] for x in output)
    cut = rng.randint(0, len(names))
    inside, outside = "".join(terms[:cut]), "".join(terms[cut:]) + output
    kept = "".join(rng.sample(shared := sorted(set(inside) & set(outside)), len(shared)))
    inner = es(",".join(terms[:cut]) + "->" + kept, *names[:cut]) if cut else 1
    return es(",".join([kept if cut else "", *terms[cut:]]) + "->" + output, inner, *names[cut:])


@pytest.mark.parametrize("seed", range(8))
def test_equal_exactly_where_values_are_equal(seed):
    rng = random.Random(seed)
    products = [random_product(rng) for _ in range(120)]
    made = [expression(p) for p in products]
    known = [[value(p, arrays) for arrays in SAMPLES] for p in products]
    equal = 0
    for (a, u), (b, w) in itertools.combinations(zip(made, known), 2):
        alike = a.ndim == b.ndim and all(np.array_equal(p, q) for p, q in zip(u, w, strict=True))
        assert (a == b) == alike, f"{a} and {b}"
        assert a != b or hash(a) == hash(b)
        equal += alike
    assert equal > 5, "without equal pairs one half of this is not tested"


@pytest.mark.parametrize("seed", range(150))
def test_another_spelling_is_equal(seed):
    rng = random.Random(1000 + seed)
    product = random_product(rng, most=7)
    a, b, c = expression(product), shuffled(product, rng), shuffled(product, rng)
    assert a == b
    assert b == c
    assert hash(a) == hash(b) == hash(c)
    got = ed.evaluate(b, {k: SAMPLES[0][k] for k in set(product[1])})
    assert np.array_equal(got, value(product, SAMPLES[0]))


ARRAY = np.arange(3)
v, M, m = t("v", "n"), t("M", "nn"), t("M", (None, None))
EQUAL = {
    "letters":               (es("ij,jk->ik", "A", "B"), es("pq,qr->pr", "A", "B")),
    "how it was declared":   (M, m),
    "order":                 (es("ij,jk->ik", "A", "B"), es("jk,ij->ik", "B", "A")),
    "nesting, left, right":  ((X @ Y) @ Z, X @ (Y @ Z)),
    "a view that is none":   (X.T.T, X),
    "identity einsum":       (es("ij->ij", X), X),
    "diag of diag":          (ed.diag(ed.diag(v)), v),
    "delta":                 (es("ab,bc->ac", es("->ii", sizes={"i": 3}), X) * 1, X),
    "sum, order":            (X + Y, Y + X),
    "sum, nesting":          ((X + Y) + Z, X + (Y + Z)),
    "sum, merged":           (X + Y + X, 2 * X + Y),
    "twice the same":        (X + X, 2 * X),
    "numbers fold":          (2 * (3 * X), 6 * X),
    "numbers, 1.0":          (1.0 * X, X),
    "inside a function":     (ed.exp(X @ Y), ed.exp(es("qr,pq->pr", Y, X))),
    "function in a product": (ed.exp(X) * Y, Y * ed.exp(X)),
    "trace of a product":    (ed.trace(M @ M @ M), es("ki,ij,jk->", m, m, m)),
    "trace, transposed":     (ed.trace(M @ M), ed.trace((M @ M).T)),
    "commuting scalars":     (es("i,i,j->", "a", "b", "c"), es("i->", "c") * es("i,i->", "b", "a")),
    "zeros":                 (X - X, 0 * X),
    "the same array":        (es("i,i->", ARRAY, v), es("j,j->", v, ARRAY)),
}  # fmt: skip


@pytest.mark.parametrize(("a", "b"), EQUAL.values(), ids=EQUAL)
def test_equal(a, b):
    assert a == b
    assert hash(a) == hash(b)
    assert not a != b  # noqa: SIM202


DIFFERENT = {
    "names":               (X, Y),
    "numbers of axes":     (t("X", "i"), t("X", "ij")),
    "transpose":           (X, X.T),
    "coefficient":         (2 * X, 3 * X),
    "sign":                (X, -X),
    "sum and product":     (X + Y, X * Y),
    "functions":           (ed.exp(X), ed.log(X)),
    "parameters":          (X**5, X**6),
    "softmax axes":        (ed.softmax(X, 0), ed.softmax(X, 1)),
    "core axes":           (ed.logsumexp(X, 1), ed.logsumexp(X.T, 1)),
    "M M and M M^T":       (ed.trace(M @ M), ed.trace(M @ M.T)),
    "product, other way":  (X @ Y, Y @ X),
    "diagonal, dense":     (ed.diag(v), es("i,j->ij", v, v)),
    "where it is embedded": (es("i,j->iij", "a", "b"), es("i,j->ijj", "a", "b")),
    "sizes":               (es("i->ij", v, sizes={"j": 2}), es("i->ij", v, sizes={"j": 3})),
    "a size as a factor":  (es("ij->i", es("i->ij", v, sizes={"j": 2})), v),
    "zeros, other shapes": (0 * t("p", "i"), 0 * t("q", "i")),
    "how often, where":    (es("i,i,i,j->", v, v, v, v), es("i,i,j,j->", v, v, v, v)),
    "arrays":              (es("i->i", ARRAY), es("i->i", ARRAY + 1)),
    "two triangles, one hexagon": (es("ab,bc,ca,de,ef,fd->", *[M] * 6), es("ab,bc,cd,de,ef,fa->", *[M] * 6)),
}  # fmt: skip


@pytest.mark.parametrize(("a", "b"), DIFFERENT.values(), ids=DIFFERENT)
def test_different(a, b):
    assert a != b
    assert not a == b  # noqa: SIM201


@pytest.mark.parametrize("other", [3, "X", None, [X]], ids=lambda o: type(o).__name__)
def test_equal_to_nothing_else(other):
    assert (other == X) is False
    assert (other != X) is True


def test_arrays_compare_entry_by_entry():
    for compare in (lambda: np.ones((2, 3)) == X, lambda: np.ones((2, 3)) != X):
        with pytest.raises(
            TypeError, match=r"== between an array and an expression.*ed\.(not_)?equal\(x, y\)"
        ):
            compare()


# ---- symmetric products: every operand looks alike at first
def network(edges, nodes, order):
    """The same matrix, both ways round, on every edge; nothing is left open."""
    edges = [e for pair in edges for e in (pair, pair[::-1])]
    names = dict(zip(range(nodes), "abcdefgh"))
    terms = [names[p] + names[q] for p, q in edges]
    return es(",".join(terms[k] for k in order(range(len(terms)))) + "->", *[M] * len(terms))


PRISM = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (0, 3), (1, 4), (2, 5)]
BIPARTITE = [(p, q) for p in (0, 1, 2) for q in (3, 4, 5)]


def test_regular_networks_that_refinement_cannot_tell_apart():
    prism, bipartite = network(PRISM, 6, list), network(BIPARTITE, 6, list)
    a = {"M": np.random.default_rng(0).integers(-2, 3, (3, 3))}
    assert int(ed.evaluate(prism, a)) != int(ed.evaluate(bipartite, a))
    assert prism != bipartite
    for seed in range(5):
        rng = random.Random(seed)
        assert network([PRISM[k] for k in rng.sample(range(9), 9)], 6, list) == prism
        assert network(PRISM, 6, lambda r, k=seed: random.Random(k).sample(r, len(r))) == prism
        p = rng.sample(range(6), 6)
        assert network([(p[a], p[b]) for a, b in BIPARTITE], 6, list) == bipartite


@pytest.mark.parametrize("n", [1, 2, 8, 20])
def test_powers_of_a_sum(n):
    """(Σ x)ⁿ has n! orders; its components are alike and need no trying."""
    flat = es(",".join("abcdefghijklmnopqrst"[:n]) + "->", *["x"] * n)
    one = nested = es("i->", "x")
    for _ in range(n - 1):
        nested = nested * one
    assert flat == nested
    assert hash(flat) == hash(nested)
    assert flat != nested * one
    assert flat != es(",".join("aabcdefghijklmnopqrs"[:n]) + "->", *["x"] * n) or n == 1


@pytest.mark.parametrize("times", [1, 4, 9, 10, 12])
def test_nested_squarings(times):
    def squared(matrix):
        for _ in range(times):
            matrix = matrix @ matrix
        return matrix

    assert (2**times > FLATTENED) == (times >= 10), (
        "beyond this, products are compared as they are nested"
    )
    assert squared(M) == squared(m)
    assert squared(M) != squared(t("N", "nn"))
    assert hash(squared(M)) == hash(squared(m))


def test_over_budget_equality_never_lies():
    with limits.override(canonical_steps=1):
        prism, again = network(PRISM, 6, list), network(PRISM, 6, lambda r: list(r)[::-1])
        assert prism != network(BIPARTITE, 6, list)
        assert hash(prism) == hash(again), "whether equality misses or not"
        rng = random.Random(99)
        products = [random_product(rng, most=6) for _ in range(80)]
        for p, q in itertools.combinations(products, 2):
            if expression(p) == expression(q):
                assert np.array_equal(value(p, SAMPLES[1]), value(q, SAMPLES[1])), (p, q)


# ---- merging
@pytest.mark.parametrize(
    ("terms", "merged"),
    [
        ([], []),
        ([X], [X]),
        ([X, Y], [X, Y]),
        ([X, Y, X], [2 * X, Y]),
        ([Y, X, 3 * X, -X], [Y, 3 * X]),
        ([X @ Y, es("qr,pq->pr", Y, X)], [2 * (X @ Y)]),
        ([X, -X], [0 * X]),
        ([ed.exp(X), ed.exp(X)], [2 * ed.exp(X)]),
    ],
)
def test_collected(terms, merged):
    found = collected(terms)
    assert [coefficient(e) for e in found] == [coefficient(e) for e in merged]
    assert all(
        same(wrapped(a), b) or coefficient(b) == 0 for a, b in zip(found, merged, strict=True)
    )


@pytest.mark.parametrize("seed", range(100))
def test_other_spellings_merge(seed):
    rng = random.Random(2000 + seed)
    product = random_product(rng, most=7)
    spelt = [wrapped(expression(product)), *(wrapped(shuffled(product, rng)) for _ in range(4))]
    forms = Forms(lambda _: False)
    assert len({forms.outline(e) for e in spelt}) == len({forms.product(e) for e in spelt}) == 1
    (found,) = collected(spelt)
    assert coefficient(found) == sum(map(coefficient, spelt))


def test_outlines_of_products_in_products():
    A, B, u = t("A", "ij"), t("B", "ij"), t("u", "i")
    apart = es("ij,k->ijk", A @ B, u)  # two components, whether they are nested or not
    for e, flat in [
        (es("ijk,k->ij", apart, u), es("ia,aj,k,k->ij", A, B, u, u)),
        (es("iij,j->i", es("ij,k->kij", A @ B, u), u), es("ia,aj,i,j->i", A, B, u, u)),
        (es("ii->", A @ B), es("ij,ji->", A, B)),
    ]:
        assert e == flat
        assert Forms().outline(wrapped(e)) == Forms().outline(wrapped(flat))


def test_outlines_tell_where_a_chain_is_cut():
    chain = "ij,jk,kl,lm,mn->in"
    terms = ed.derive(es(chain, *"AAAAA"), "A").terms
    assert len({Forms().outline(wrapped(term)) for term in terms}) == len(terms) == 5


def test_merging_keeps_the_letters_of_the_first():
    (found,) = collected([es("pq,qr->pr", "A", "B"), es("ij,jk->ik", "A", "B")])
    assert (found.subscripts, found.coefficient) == ("pq,qr->pr", 2)


def test_scaled_and_forms():
    assert scaled(X, 5) == 5 * X
    assert scaled(3 * X, 5) == 5 * X
    forms = Forms()
    assert forms.of(X) == forms.of(es("ij->ij", X)) != forms.of(2 * X)
    assert forms.product(wrapped(X)) == forms.product(2 * X) != forms.product(2 * Y)
    assert forms.of(Add((X, Y))) == forms.of(Add((Y, X)))
