"""Any product, any path, the same numbers; what is shared is computed once; a bad path is refused."""

from collections import Counter

import numpy as np
import opt_einsum
import pytest
from hypothesis import given, settings
from lengths import length
from oracle import assert_same, exact_by_name, loop_einsum
from strategies import einsums

import einderiv as ed
from einderiv.expression import added
from einderiv.planning.paths import OPTIMIZERS, _pairs

t, es = ed.tensor, ed.einsum
CHAIN = ("ij,jk,kl,lm,mn,ni->", "ABCDEF")


def integers(subscripts, names, size=3, seed=0):
    r = np.random.default_rng(seed)
    terms = subscripts.partition("->")[0].split(",")
    sizes = {c: size + ord(c) % 3 if size > 1 else size for c in subscripts}
    return {n: r.integers(-3, 4, [sizes[c] for c in term]) for n, term in zip(names, terms)}


def steps(e, at, kind=None, **options):
    """The kinds of steps of a plan, counted; or the number of one kind."""
    found = Counter(row[0] for row in ed.compile(e, **options).plan(at).steps)
    return found if kind is None else found[kind]


# ---- random products
@settings(deadline=None, max_examples=150)
@given(einsums(max_operands=6))
def test_random_products(case):
    got = ed.evaluate(es(case.subscripts, *case.names), case.values)
    assert_same(got, loop_einsum(case.subscripts, *case.arrays), case.subscripts)


PRODUCTS = [
    ("ij->ij",                   "A"),
    ("ij->ji",                   "A"),
    ("ij->",                     "A"),
    ("ii->",                     "A"),
    ("ii->i",                    "A"),
    ("iij->ji",                  "A"),
    ("i,->i",                    "AB"),
    (",->",                      "AB"),
    ("i,j->ji",                  "AB"),
    ("ij,ij->ij",                "AB"),
    ("ij,ji->",                  "AB"),
    ("ij,jk->ki",                "AB"),
    ("bij,bjk->bik",             "AB"),
    ("bij,bjk->kib",             "AB"),
    ("abij,abjk->iabk",          "AB"),
    ("bi,bj->b",                 "AB"),
    ("ij,k->ik",                 "AB"),
    ("ijkl,kl->ji",              "AB"),
    ("ijk,kjl->il",              "AB"),
    ("is,st,tj->ij",             "XYP"),
    ("ia,ja,ka->ijk",            "ABC"),
    ("ia,ja,ka->",               "ABC"),
    ("i,i,i->",                  "ABC"),
    ("ia,ja,ka,ijk->a",          "ABCT"),
    ("ij,jk,kl,li->",            "ABCD"),
    ("abc,bd,ce,def,fa->d",      "ABCDE"),
    ("ij,kl,mn->",               "ABC"),
    ("ij,kl,mn->nlj",            "ABC"),
    ("i,ij,j,jk,k->",            "ABCDE"),
    CHAIN,
]  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize(("subscripts", "names"), PRODUCTS, ids=[p[0] for p in PRODUCTS])
def test_products(subscripts, names, size):
    at = integers(subscripts, names, size)
    want = np.einsum(subscripts, *at.values())
    for optimize in OPTIMIZERS if size == 3 and len(names) > 2 else ("auto",):
        got = ed.compile(es(subscripts, *names), optimize=optimize)(at)
        assert_same(got, want, optimize)


@pytest.mark.parametrize(
    ("subscripts", "names"),
    [("ij,jk->ik", "AB"), ("ij,ij->i", "AB"), ("i,ij,j->", "ABC"), ("ij,jk,kl->li", "ABC")],
)
def test_large_products(subscripts, names):
    at = integers(subscripts, names, 200)
    assert_same(
        ed.evaluate(es(subscripts, *names), at), np.einsum(subscripts, *at.values(), optimize=True)
    )


# ---- path searches
@pytest.mark.parametrize("optimize", OPTIMIZERS)
def test_every_optimizer(optimize):
    at = integers(*CHAIN)
    y = es(CHAIN[0], *CHAIN[1])
    want = np.einsum(CHAIN[0], *at.values())
    assert_same(ed.compile(y, optimize=optimize)(at), want)
    assert steps(y, at, "contract", optimize=optimize) == 5
    g = ed.grad(y, "C")
    assert_same(ed.compile(g, optimize=optimize)(at), exact_by_name(CHAIN[0], CHAIN[1], at, "C"))


def from_the_left(inputs, output, sizes, memory_limit=None):
    return [(0, 1)] + [(len(inputs) - 2 - k, 0) for k in range(len(inputs) - 2)]


def all_at_once(inputs, output, sizes, memory_limit=None):
    return [tuple(range(len(inputs)))]


def stops_early(inputs, output, sizes, memory_limit=None):
    return [(0, 1)]


PATHS = {
    "from the left": from_the_left,
    "all at once": all_at_once,
    "stops early": stops_early,
    "opt_einsum's own": opt_einsum.paths.DynamicProgramming(),
    "NumPy integers": lambda *a: [tuple(np.array([0, 1]))] * (len(a[0]) - 1),
}


@pytest.mark.parametrize("search", PATHS.values(), ids=PATHS)
def test_a_path_of_the_callers(search):
    at = integers(*CHAIN)
    assert_same(
        ed.compile(es(CHAIN[0], *CHAIN[1]), optimize=search)(at), np.einsum(CHAIN[0], *at.values())
    )


def test_the_search_sees_labels_and_sizes():
    seen = []

    def search(inputs, output, sizes, memory_limit=None):
        seen.append((inputs, output, sizes))
        return all_at_once(inputs, output, sizes)

    ed.compile(es("ij,jk,kl->il", *"ABC"), optimize=search)(
        A=np.ones((2, 3)), B=np.ones((3, 4)), C=np.ones((4, 5))
    )
    ((inputs, output, sizes),) = seen
    assert [len(s) for s in inputs] == [2, 2, 2]
    assert output == inputs[0] ^ (inputs[0] & inputs[1]) | inputs[2] ^ (inputs[1] & inputs[2])
    assert sorted(sizes.values()) == [2, 3, 4, 5]


@pytest.mark.parametrize("path", [[(0, 7)], [(0, -1)], [(0, 0)], [()], [(0, 1), (0, 5)]], ids=str)
def test_a_bad_path_is_refused(path):
    f = ed.compile(es(CHAIN[0], *CHAIN[1]), optimize=lambda *_: path)
    with pytest.raises(ed.EinderivError, match="the path search gave the step"):
        f(integers(*CHAIN))


@pytest.mark.parametrize(
    ("optimize", "error", "match"),
    [
        ("gready", ed.EinderivError, "gready.*did you mean 'greedy'"),
        ("", ed.EinderivError, "no path search is called ''"),
        (None, TypeError, "not NoneType"),
        (True, TypeError, "not bool"),
        ([(0, 1)], TypeError, "not list"),
    ],
)
def test_an_optimizer_that_is_none_is_refused_at_once(optimize, error, match):
    with pytest.raises(error, match=match):
        ed.compile(es("ij,jk->ik"), optimize=optimize)
    with pytest.raises(error, match=match):
        ed.plan(es("ij,jk->ik"), optimize=optimize)


@pytest.mark.parametrize(
    ("path", "count", "want"),
    [
        ([], 1, []),
        ([(0,)], 1, []),
        ([(0, 1)], 2, [(0, 1)]),
        ([(2, 0)], 3, [(0, 2), (0, 1)]),
        ([(0, 1, 2)], 3, [(0, 1), (0, 1)]),
        ([(1, 3, 2)], 4, [(1, 2), (1, 2), (0, 1)]),
        ([(0, 1), (0, 1)], 3, [(0, 1), (0, 1)]),
        ([], 3, [(0, 1), (0, 1)]),
        ([(0,), (0, 1), (0, 1)], 3, [(1, 2), (0, 1)]),
        ([(1,), (1, 2), (0, 1)], 3, [(1, 2), (0, 1)]),
    ],
)
def test_paths_as_pairs(path, count, want):
    assert _pairs(path, count) == want
    left = list(range(count))
    for i, j in want:
        assert 0 <= i < j < len(left)
        left = [x for k, x in enumerate(left) if k not in (i, j)] + [None]
    assert len(left) == 1


# ---- shared work
A, B, x = t("A", "ij"), t("B", "jk"), t("x", "j")
SHARED = [
    # what, expressions, step, how often
    ("a node used twice",           lambda: (lambda h: h + ed.exp(h))(A @ B),             "contract", 1),
    ("a function used twice",       lambda: ed.tanh(A) * ed.tanh(A),                       "tanh",     1),
    ("written twice",               lambda: ed.exp(A @ B) + ed.tanh(A @ B),                "contract", 1),
    ("written in other letters",    lambda: ed.exp(es("ab,bc->ac", A, B)) + ed.tanh(es("xy,yz->xz", A, B)),
     "contract", 1),
    ("function of a product twice", lambda: ed.exp(A @ x) * ed.exp(A @ x),                 "exp",      1),
    ("several outputs",             lambda: (ed.exp(A @ B), A @ B, ed.tanh(A @ B)),      "contract", 1),
    ("value and gradient",          lambda: ed.value_and_grad(ed.sum(ed.exp(A @ x)), "x"), "exp",      1),
    ("gradient and Hessian",        lambda: (ed.grad(ed.sum(ed.exp(A @ x)), "x"),
                                             ed.hessian(ed.sum(ed.exp(A @ x)), "x")),
     "exp", 1),
    ("the softmax of logsumexp",    lambda: (ed.grad(ed.logsumexp(A @ x), "x"),
                                             ed.hessian(ed.logsumexp(A @ x), "x")),
     "softmax", 1),
    ("not the same at all",         lambda: ed.exp(A @ B) + ed.exp(2 * (A @ B)),           "exp",      2),
    ("transposes differ",           lambda: ed.sum(ed.exp(t("M", "nn")) @ ed.exp(t("M", "nn").T)), "exp", 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "kind", "count"), [r[1:] for r in SHARED], ids=[r[0] for r in SHARED]
)
def test_common_work_is_done_once(make, kind, count):
    at = {"A": (4, 3), "B": (3, 5), "x": (3,), "M": (3, 3)}
    e = make()
    at = {n: shape for n, shape in at.items() if n in ed.compile(e).inputs}
    assert steps(e, at, kind) == count


def test_a_deep_shared_chain_is_linear():
    """Each square uses the one before twice: 2**20 products if sharing failed."""
    h = t("M", "nn")
    for _ in range(20):
        h = ed.tanh(h @ h)
    assert steps(h, {"M": (3, 3)}, "contract") == 20
    M = np.random.default_rng(0).normal(size=(3, 3))
    want = M
    for _ in range(20):
        want = np.tanh(want @ want)
    np.testing.assert_allclose(ed.evaluate(h, M=M), want, rtol=1e-12)


def test_the_order_follows_the_costs():
    """A vector at the end is multiplied in first: two products with a vector, none of two matrices."""
    y = es("ij,jk,k->i", "A", "B", "x")
    n = 200
    assert ed.plan(y, {"A": (n, n), "B": (n, n), "x": (n,)}).flops == 2 * 2 * n * n
    nested = (A @ B) @ t("x", "k")  # however it was written
    assert ed.plan(nested, {"A": (n, n), "B": (n, n), "x": (n,)}).flops == 2 * 2 * n * n


def test_deltas_cost_nothing():
    """J of XYP by Y is an outer product; by X it is one matrix product, and no delta is multiplied."""
    y, n = es("is,st,tj->ij", "X", "Y", "P"), 20
    at = dict(X=(n, n), Y=(n, n), P=(n, n))
    f = ed.compile(ed.derive(y, "X"), dense=False)
    assert [row[0] for row in f.plan(at).steps] == ["contract"]
    assert f.plan(at).flops == 2 * n**3
    assert f.plan(at).largest == n * n


def test_private_labels_are_summed_before_anything_is_multiplied():
    plan = ed.plan(es("ij,k->i", "A", "b"), {"A": (100, 100), "b": (100,)})
    assert plan.largest == 100
    assert plan.flops < 3 * 100 * 100


def test_a_number_belongs_to_the_smallest_operand_of_a_large_product():
    e = 3 * ed.einsum("ij,k->ijk", "A", "b")
    steps = ed.compile(e).plan({"A": (40, 50), "b": (60,)}).steps
    assert [(row.what, row.entries) for row in steps] == [("scale", 60), ("contract", 40 * 50 * 60)]
    small = ed.compile(e).plan({"A": (4, 5), "b": (6,)}).steps
    assert [row.what for row in small] == ["contract", "scale"]
    a, b = np.arange(2000).reshape(40, 50), np.arange(60)
    assert (ed.evaluate(e, A=a, b=b) == 3 * a[:, :, None] * b).all()


def test_terms_of_one_place_are_added_before_they_are_written():
    u, v, A = ed.tensor("u", "i"), ed.tensor("v", "i"), ed.tensor("A", "ij")
    e = ed.diag(u) + ed.diag(v) + A
    f = ed.compile(e)
    at = {"u": np.arange(4), "v": np.arange(4) ** 2, "A": np.ones((4, 4), int)}
    assert (f(at) == np.diag(at["u"] + at["v"]) + 1).all()
    source = f._last.emitted.source
    assert source.count("[...] +=") == 1
    assert "zeros" not in source


def test_one_product_for_all_orders_of_its_axes():
    e = [ed.einsum("i,j,k->ijk", "x", "y", "z"), ed.einsum("i,j,k->kji", "x", "y", "z")]
    at = {n: np.arange(1, size + 1) for n, size in zip("xyz", (2, 3, 4), strict=True)}
    f = ed.compile(e)
    a, b = f(at)
    assert (a == np.einsum("i,j,k->ijk", *at.values())).all()
    assert (b == a.transpose(2, 1, 0)).all()
    assert sum(step.op.name == "contract" for step in f._last.program.steps) == 3


# ---- one step for one product, whatever its labels are called and in whatever order its operands and axes stand
SAME = [  # two or more einsums of the same operands, how many products are made
    (["ij,jk->ik", "ab,bc->ac"], "AB", 1),
    (["ij,jk->ik", "ij,jk->ki"], "AB", 1),
    (["ij,ij->ij", "ij,ij->ji"], "AB", 2),
    (["ij,jk->ik", "ik,jk->ij"], "AB", 2),
    (["ij,kj->ik", "ij,kj->ki"], "AA", 1),
    (["ij,jk->ik", "ij,jk->ijk"], "AB", 2),
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("texts", "names", "count"), SAME, ids=[" ".join(row[0]) for row in SAME])
def test_one_product_is_one_step(texts, names, count, turned):
    es = [ed.einsum(text, *names) for text in texts]
    if turned:  # the operands of the last one the other way round
        terms, out = texts[-1].split("->")
        es[-1] = ed.einsum(",".join(reversed(terms.split(","))) + "->" + out, *reversed(names))
    f = ed.compile(es)
    at = {n: np.random.default_rng(ord(n)).integers(-4, 5, (3, 3)) for n in set(names)}
    got = f({n: a.astype(float) for n, a in at.items()})
    for text, value in zip(texts, got, strict=True):
        assert value.tolist() == np.einsum(text, *(at[n] for n in names)).tolist()
    assert not any(np.shares_memory(a, b) for k, a in enumerate(got) for b in got[:k])
    source = f._last.emitted.source
    assert source.count(".dot(") + source.count(" * ") == count, source


def _many(count, term):
    """One sum of many terms; Python's ``sum`` makes sums of 256, one in the other."""
    return added([term(k) for k in range(count)])


LONG = length(800, 3000)  # terms; 3000 are more than Python's compiler takes in one expression


@pytest.mark.parametrize(
    ("term", "value"),
    [
        (lambda k: ed.sin(k * ed.tensor("x", "i")), lambda x, k: np.sin(k * x)),
        (lambda k: 3 * ed.abs(ed.tensor("x", "i") - k), lambda x, k: 3 * abs(x - k)),
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "torch", "jax", "dask"])
def test_a_long_sum_is_several_lines(term, value, backend):
    e = _many(LONG, term)
    x = np.array([0.1, 0.7])
    want = value(x, np.arange(LONG)[:, None]).sum(0)
    np.testing.assert_allclose(ed.evaluate(e, x=x), want, rtol=1e-9, atol=1e-9)
    source = ed.source(e, backend)
    compile(source, "<source>", "exec")
    assert max(map(len, source.splitlines())) < 3500


def test_many_places_in_one_tensor_are_several_steps():
    names = [f"x{k}" for k in range(600)]
    e = ed.einsum("ij->ij", "M")
    for k, name in enumerate(names):
        e = e + ed.einsum(
            "ij->ij",
            ed.einsum("i->ii" if k % 2 else "i->ij", name, sizes=None if k % 2 else {"j": 2}),
        )
    at = {name: np.full(2, 1.0) for name in names}
    found = ed.evaluate(e, {"M": np.zeros((2, 2)), **at})
    assert found.tolist() == [[600, 300], [300, 600]]
    compile(ed.source(e, "torch"), "<source>", "exec")
