"""Structured results whose cores sit along relations and index arrays: every method says what the dense one says."""

import pickle
import random
import re

import index_programs as programs
import numpy as np
import pytest
from exactness import in_portions

import einderiv as ed
from einderiv.functions import tree_data, tree_of
from einderiv.large.blocks import block
from einderiv.runtime import is_related
from einderiv.runtime.terms import lengths, multiplied

SEEDS = range(0, 60)
x, w = np.arange(1, 11), np.array([1, 2, 3])
U, V = np.arange(1, 16).reshape(5, 3), np.arange(1, 19).reshape(6, 3)
r, c = np.array([0, 4, 2, 2, 1, 3, 0]), np.array([5, 1, 0, 0, 2, 3, 3])
convolution = ed.einsum("i+k,k->i", "x", "w")
observed = ed.einsum("(r[e])k,(c[e])k->e", "U", "V")


def gram(e, wrt):
    """``JᵀJ`` of the derivative by one tensor."""
    J = ed.derive(e, wrt)
    letters = iter("abcdefghijklmnop")
    rows = "".join(next(letters) for _ in range(e.ndim))
    one, other = ("".join(next(letters) for _ in range(J.ndim - e.ndim)) for _ in range(2))
    return ed.einsum(f"{rows}{one},{rows}{other}->{one}{other}", J, J)


CASES = [
    # what                   expression                                  arrays                           bytes held       embeddings
    ("by the window",        lambda: ed.derive(convolution, "x"),        {"x": x, "w": w},                w.nbytes,        ["k->i(i+k)"]),
    ("by the kernel",        lambda: ed.derive(convolution, "w"),        {"x": x, "w": w},                x.nbytes,        ["p->(p-k)k"]),
    ("a band",               lambda: gram(convolution, "x"),             {"x": np.arange(100), "w": w},   w.nbytes,        ["kl->(i+k)(i+l)"]),
    ("a transposed one",     lambda: ed.vjp(convolution, "x", "u"),      {"x": x, "w": w, "u": x[:8]},    x.nbytes,        ["p->p"]),
    ("a slice",              lambda: ed.derive(ed.einsum("(2i+1)->i", "x"), "x"), {"x": x},               8,               ["->i(2i+1)"]),
    ("reversed",             lambda: ed.derive(ed.einsum("(9-i)->i", "x", sizes={"i": 10}), "x"), {"x": x}, 8,             ["->(-p+9)p"]),
    ("a running sum",        lambda: ed.derive(ed.einsum("(i-j),j->i", np.ones(5, int), "x", sizes={"i": 5}), "x"),
     {"x": x[:5]}, 40, ["q->(j+q)j"]),
    ("gathered",             lambda: ed.derive(observed, "U"),           {"U": U, "V": V, "r": r, "c": c}, V.nbytes,      ["(s[e])k->e(r[e])k"]),
    ("blocks of rows",       lambda: gram(observed, "U"),                {"U": U, "V": V, "r": r, "c": c}, 8 * 5 * 3 * 3,  None),
    ("a Kronecker product",  lambda: ed.einsum("ij,kl->(i k)(j l)", "A", "B"), {"A": U, "B": V},          U.nbytes + V.nbytes, ["ijkl->(6i+k)(3j+l)"]),
    ("no point",             lambda: ed.derive(ed.einsum("(i+20)->i", "x", sizes={"i": 3}), "x"), {"x": x}, 0,             []),
]  # fmt: skip


def test_terms_in_the_same_places_are_one():
    """Of 2 f g' at [i, i+1] and 3 h at [i, i+1] the cores are added up: a tridiagonal Hessian holds
    a number for its ridge, and two diagonals.
    """
    unknowns = ed.tensor("x", "i")
    step = unknowns[1:] - unknowns[:-1]
    chain = ed.sum(step**4) + ed.sum(step**3) + ed.sum(unknowns * unknowns)
    at = np.arange(1.0, 7.0) ** 2
    S = ed.evaluate(ed.hessian(chain, "x"), x=at, dense=False)
    difference = at[1:] - at[:-1]
    core = 12 * difference**2 + 6 * difference
    assert S.nbytes == 8 + 2 * core.nbytes
    cores = {in_order(text): array.tolist() for array, text in S.terms}
    on, off = core.tolist(), (-core).tolist()
    assert cores.pop(in_order("->aa")) == 2
    wanted = {"i->(i+0)(i+0)": on, "i->(i+1)(i+1)": on, "i->(i+0)(i+1)": off, "i->(i+1)(i+0)": off}
    assert cores == {in_order(text): array for text, array in wanted.items()}
    assert S.dense().tolist() == ed.evaluate(ed.hessian(chain, "x"), x=at).tolist()


def in_order(embedding):
    """An embedding with letters for its labels by their first appearance."""
    names = {}
    return re.sub(
        r"[a-z](?!\[)", lambda found: names.setdefault(found[0], f"{len(names)}_"), embedding
    )


def test_embeddings_have_the_letters_of_the_author():
    S = ed.evaluate(ed.derive(convolution, "x"), x=x, w=w, dense=False)
    assert [text for _, text in S.terms] == ["k->i(i+k)"]


@pytest.mark.parametrize(
    ("make", "arrays", "held", "embeddings"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_held(make, arrays, held, embeddings):
    e = make()
    S, dense = ed.evaluate(e, arrays, dense=False), ed.evaluate(e, arrays)
    assert S.nbytes == held
    if embeddings is not None:
        found = [text for _, text in S.terms]
        assert list(map(in_order, found)) == list(map(in_order, embeddings))
    assert S.dense().tolist() == dense.tolist()
    sparse = S.to_sparse()
    assert sparse.nnz == np.count_nonzero(dense)
    assert sparse.todense().tolist() == dense.tolist()


def test_sparse_forms_enumerate_points_and_not_the_box():
    n = 200_000  # a box of n² points would be refused
    S = ed.evaluate(gram(convolution, "x"), x=np.ones(n), w=[1.0, 2.0, 3.0], dense=False)
    assert S.nbytes == 24
    assert S.to_sparse().nnz == n + 2 * (n - 1) + 2 * (n - 2)
    v = np.arange(n) % 7.0
    image = S._times(v, 1)  # and a dense matrix would be refused here
    assert image[0] == v[:3] @ [1, 2, 3]
    assert S._diagonal(1)[:3].tolist() == [1, 5, 14]
    assert S.trace() == 14 * (n - 2)
    assert S.method() == f"banded factorisation of {n} unknowns, 2 below and 2 above the diagonal"


def test_a_sparse_form_that_is_too_large():
    S = ed.evaluate(
        ed.derive(ed.einsum("(i-j),j->i", np.ones(10**6), "x", sizes={"i": 10**6}), "x"),
        x=np.ones(10**6),
        dense=False,
    )
    with pytest.raises(ed.LimitError, match="the sparse form has"):
        S.to_sparse()


def test_whole_numbers_that_may_not_fit():
    big = np.full(3, 2**40)
    y = ed.einsum("i+k,k,k->i", "x", "w", "w")
    S = ed.evaluate(
        ed.einsum("ia,ib->ab", ed.derive(y, "x"), ed.derive(y, "x")),
        x=x,
        w=big // 2**30,
        dense=False,
    )
    assert S.to_sparse().nnz == 44
    huge = ed.evaluate(gram(convolution, "x"), x=np.arange(100), w=big, dense=False)
    with pytest.raises(ed.EinderivError, match="integers may reach 2"):
        huge.to_sparse()


@pytest.mark.parametrize("text", ["(3i)->i", "(i+1)->i", "(r[i])->i", "(i j)->ij", "ij->(i j)"])
def test_index_arrays_and_results_change_apart(text):
    e = ed.derive(ed.einsum(text, "x", sizes={"i": 2, "j": 5} if "(i j)->" in text else None), "x")
    shape = (2, 5) if text.startswith("ij") else 10
    places = np.array([1, 0, 1])
    given = {"x": np.ones(shape)} | ({"r": places} if "r" in text else {})
    S = ed.evaluate(e, given, dense=False)
    before = S.dense().tolist()
    places[:] = 9
    assert S.dense().tolist() == before


# ---- random programs
def each(seed):
    """The derivatives of a random program, structured, and dense by the judge."""
    program = programs.drawn(seed)
    e = programs.expression(program)
    found = programs.derivatives(program)
    for name, want in found.first.items():
        J = ed.derive(e, name)
        given = programs.given(program)
        yield e, name, J, given, ed.evaluate(J, given, dense=False), np.array(want, np.int64)


@pytest.mark.parametrize("seed", SEEDS)
def test_products_and_copies(seed):
    for e, _, _, _, S, want in each(seed):
        k = e.ndim
        rows, columns = want.shape[:k], want.shape[k:]
        flat = want.reshape(int(np.prod(rows)), -1 if want.size else int(np.prod(columns)))
        v = np.arange(1, flat.shape[1] + 1).reshape(columns)
        u = np.arange(2, flat.shape[0] + 2).reshape(rows)
        assert (S @ v).ravel().tolist() == (flat @ v.ravel()).tolist()
        assert (u @ S).ravel().tolist() == (u.ravel() @ flat).tolist()
        assert S.rmatvec(u).tolist() == (u @ S).tolist()
        operator = S.as_linear_operator()
        assert operator.matvec(v.ravel()).tolist() == (flat @ v.ravel()).tolist()
        again = pickle.loads(pickle.dumps(S))
        assert again.dense().tolist() == want.tolist()
        assert repr(again) == repr(S)


@pytest.mark.parametrize("seed", SEEDS)
def test_square_ones(seed):
    for e, name, _, given, _, want in each(seed):
        k = e.ndim
        n = int(np.prod(want.shape[k:]))
        flat = want.reshape(-1, n) if n else want.reshape(0, 0)
        G = gram(e, name)
        S = ed.evaluate(G, given, dense=False)
        squared = flat.T @ flat
        m = S.ndim // 2
        assert S.dense().reshape(n, n).tolist() == squared.tolist()
        assert S.trace() == np.trace(squared)
        assert S._diagonal(m).ravel().tolist() == np.diag(squared).tolist()
        if not m:
            continue
        assert S.to_sparse().todense().reshape(n, n).tolist() == squared.tolist()
        letters = "abcdef"[:m]
        identity = ed.einsum(f"->{letters * 2}", sizes=dict(zip(letters, S.shape, strict=False)))
        H = ed.evaluate(G + 7 * identity, given, dense=False)
        full = squared + 7 * np.eye(n)
        b = np.arange(1, n + 1).reshape(S.shape[:m])
        for tensor, matrix in ((H, full), ((7 * np.eye(n) is None and S) or H, full)):
            np.testing.assert_allclose(tensor.solve(b).ravel(), np.linalg.solve(matrix, b.ravel()))
            assert tensor.logdet() == pytest.approx(np.linalg.slogdet(matrix)[1])
            np.testing.assert_allclose(tensor.eigvalsh(), np.linalg.eigvalsh(matrix))
        values = S.eigvalsh() if n else np.zeros(0)
        largest = max(1, np.abs(squared).max(initial=0))
        np.testing.assert_allclose(
            values, np.linalg.eigvalsh(squared) if n else values, atol=1e-9 * largest
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks(seed):
    rng = random.Random(seed)
    for _, _, J, given, S, want in each(seed):
        ranges = [sorted((rng.randint(0, n), rng.randint(0, n))) for n in want.shape]
        cut = want[tuple(slice(start, stop) for start, stop in ranges)]
        needed = {name: given[name] for name in ed.expression.tensors_of(J)}
        for terms in (S._terms, in_portions(J, needed)[0]):
            part = block(terms, S.dtype, tuple(map(tuple, ranges)))
            assert (np.zeros(cut.shape, int) if part is None else part).tolist() == cut.tolist()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("apart", [False, True])
def test_embeddings_say_where_cores_sit(seed, apart):
    """The judge, who reads the strings with loops of his own, makes the same tensor of them."""
    for _, _, _, _, S, want in each(seed):
        total = np.zeros(want.shape, object)
        for k, (arrays, text) in enumerate(S.factors if apart else S.terms):
            term = S._terms[k] if apart else multiplied(S._terms[k], S.shape, S._value)
            spelling = S._spelling(k, term)
            sizes_of = lengths(term, S.shape)
            slots, output = programs.read(text)
            if programs.two_sizes(output, S.shape) or "+0)" in text:
                return  # the judge has one size for each index expression
            sizes = {spelling.names[x]: n for x, n in sizes_of.items() if x in spelling.names}
            axes = re.findall(r"\([^)]*\)|\w", text.partition("->")[2])
            for label, axis in zip(term.output, axes, strict=True):
                alone = re.fullmatch(r"\((\w)\[.*\]\)", axis)
                if axis[0] == "(":
                    sizes[alone[1] if alone else axis[1:-1]] = sizes_of[label]
            ones = [np.ones(n, int) for n in spelling.sizes_beside]
            hots = {name: array for name, (array, _) in zip("rstuvwxyz", term.hots, strict=False)}
            operands = [*ones, *(arrays if apart else [arrays])]
            assert len(slots) == len(operands)
            total = total + programs.judged(text, operands, sizes, **hots)
        assert np.array_equal(total, want)


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_check(seed):
    for e, name, _, given, _, _ in each(seed):
        assert ed.check(e, name, given).ok


def test_check_draws_index_arrays():
    assert ed.check(observed, ["U", "V"]).ok
    assert ed.check(ed.einsum("(2r[i]+i),i->i", "x", "y"), "x").ok
    assert ed.check(ed.sum(ed.exp(convolution)), ["x", "w"]).ok


# ---- blocks that are factored
def test_relations_join_what_deltas_leave_apart():
    """``k -> [i, i+k]`` is neither an outer product nor an identity along i."""
    n = 6
    same = ed.einsum("i+k,k->i", "x", "w", sizes={"k": 1, "i": n})
    J = ed.derive(same, "x")
    S = ed.evaluate(J, x=np.ones(n), w=[3.0], dense=False)
    assert S.method() == f"division by {n} diagonal entries"
    np.testing.assert_allclose(S.solve(np.arange(n)), np.arange(n) / 3)
    lower = ed.einsum("i+k-2,k->i", "x", "w", sizes={"i": n})
    L = ed.evaluate(ed.derive(lower, "x"), x=np.ones(n), w=[1.0, 5.0, 2.0], dense=False)
    assert L.nbytes == 24
    assert L.method() == f"banded factorisation of {n} unknowns, 2 below and 0 above the diagonal"
    np.testing.assert_allclose(L.dense() @ L.solve(np.arange(n)), np.arange(n), atol=1e-12)
    assert L.logdet() == pytest.approx(n * np.log(2))


def test_a_kronecker_product_with_a_band():
    n = 4
    band = ed.einsum("i+k-1,k->i", "x", "w", sizes={"i": n})
    M = ed.derive(band, "x")
    e = ed.einsum("ia,jb->ijab", M, ed.tensor("B", "jb"))
    values = {
        "x": np.ones(n),
        "w": np.array([1.0, 4.0, 1.0]),
        "B": np.array([[2.0, 1.0], [0.0, 3.0]]),
    }
    S, dense = ed.evaluate(e, values, dense=False), ed.evaluate(e, values)
    assert S.method() == "Kronecker product: 4x4 and 2x2"
    assert S.nbytes == 24 + 32
    b = np.arange(8.0).reshape(4, 2)
    matrix = dense.reshape(8, 8)
    np.testing.assert_allclose(S.solve(b).ravel(), np.linalg.solve(matrix, b.ravel()))
    assert S.logdet() == pytest.approx(np.linalg.slogdet(matrix)[1])


@pytest.mark.parametrize(
    ("loss", "held", "core"),
    [
        (lambda e: ed.sum(e**2), "(r[e])d,(s[e])b->(r[e])b(s[e])d", (20, 2, 2)),
        (lambda e: ed.sum(e**4), "(r[e])d,e,(s[e])b->(r[e])b(s[e])d", (20, 2, 2)),
    ],
)
def test_a_cross_block_is_held_by_what_is_observed(loss, held, core):
    """``U[r[e], k] V[c[e], l]`` at ``r[e], l, c[e], k``: a point for each observation, k and l."""
    n, m, k, count = 15, 14, 2, 20
    own = np.random.default_rng(0)
    arrays = {"U": own.integers(-4, 5, (n, k)), "V": own.integers(-4, 5, (m, k))}
    arrays |= {"r": own.integers(0, n, count), "c": own.integers(0, m, count)}
    arrays["T"] = own.integers(-4, 5, count)
    H = ed.hessian(loss(ed.tensor("T", "e") - observed), ["U", "V"])[0][1]
    S, dense = ed.evaluate(H, arrays, dense=False), ed.evaluate(H, arrays)
    assert S.nbytes < dense.nbytes / 2
    assert in_order(S.factors[0][1]) == in_order(held)
    assert sorted(S.terms[0][0].shape) == sorted(core)
    assert S.dense().tolist() == dense.tolist()
    assert S.to_sparse().todense().tolist() == dense.tolist()
    v, u = own.integers(-4, 5, (m, k)), own.integers(-4, 5, (n, k))
    assert S.matvec(v).tolist() == np.tensordot(dense, v, 2).tolist()
    assert S.rmatvec(u).tolist() == np.tensordot(u, dense, 2).tolist()
    again = pickle.loads(pickle.dumps(S))
    assert again.dense().tolist() == dense.tolist()
    # what the terms say of themselves can be written
    total = 0
    for term, (array, text) in zip(S._terms, S.terms, strict=True):
        index = dict(zip("rs", [places for places, _ in term.hots]))
        size_of = lengths(term, S.shape)
        sizes = dict(zip("rs", [size_of[labels[-1]] for _, labels in term.hots]))
        repeated = {"b": k} if "b" not in text.split("->")[0] else {}
        total = total + ed.einsum(text, array, sizes=sizes | repeated, index=index)
    assert ed.evaluate(total).tolist() == dense.tolist()


def test_stacks_of_blocks_by_an_index_array():
    """``JᵀJ`` of observed entries is a block for each row: nothing of rows by rows is formed."""
    seeded = np.random.default_rng(3)
    values = {"U": seeded.integers(1, 4, (50, 2)), "V": seeded.integers(1, 5, (30, 2))}
    values |= {"r": seeded.permutation(np.arange(400) % 50), "c": seeded.integers(0, 30, 400)}
    S = ed.evaluate(gram(observed, "U"), values, dense=False)
    assert S.method() == "50 blocks of 2x2"
    b = np.arange(100.0).reshape(50, 2)
    np.testing.assert_allclose(S._times(S.solve(b), 2), b, atol=1e-8)


# ---- streaming, and other processes
def test_streamed(tmp_path):
    pytest.importorskip("zarr")
    for k, (e, given) in enumerate(
        [
            (ed.derive(convolution, "x"), {"x": np.arange(300), "w": w}),
            (gram(convolution, "x"), {"x": np.arange(120), "w": w}),
            (ed.derive(observed, "U"), {"U": U, "V": V, "r": np.tile(r, 30), "c": np.tile(c, 30)}),
        ]
    ):
        to = tmp_path / f"{k}.zarr"
        z = ed.stream(e, given, to=to, memory_limit="64kB", progress=False)
        assert z[...].tolist() == ed.evaluate(e, given).tolist()
        again = ed.stream(e, given, to=to, memory_limit="64kB", progress=False)
        assert again[...].tolist() == z[...].tolist()
        changed = {n: a[::-1] if n in ("w", "c") else a for n, a in given.items()}
        with pytest.raises(ed.EinderivError, match="holds another result"):
            ed.stream(e, changed, to=to, memory_limit="64kB", progress=False)


def test_joblib():
    joblib = pytest.importorskip("joblib")
    f = ed.compile(ed.derive(observed, "U"), dense=False)
    given = {"U": U, "V": V, "r": r, "c": c}
    want = f(given)
    (found,) = joblib.Parallel(n_jobs=2)([joblib.delayed(f)(given)])
    assert found.dense().tolist() == want.dense().tolist()
    assert repr(found) == repr(want)


# ---- hostile files
S = ed.evaluate(ed.derive(observed, "U"), U=U, V=V, r=r, c=c, dense=False)
READ, PARTS = S.__reduce__()
((FACTORS, OUTPUT, RELATIONS, HOTS, GIVEN),) = PARTS[0]
BAND = ed.evaluate(gram(convolution, "x"), x=x, w=w, dense=False).__reduce__()[1]
WRONG = [
    # the parts of a term                                                     message
    ((FACTORS, OUTPUT, RELATIONS, HOTS),                                      "not enough values"),
    ((FACTORS, OUTPUT, ((0, ((10**9, 1),)),), HOTS, GIVEN),                   "a label of a relation has no size"),
    ((FACTORS, OUTPUT, ((0, ((OUTPUT[0], 0),)),), HOTS, GIVEN),               "no coefficient is 0"),
    ((FACTORS, OUTPUT, ((0.5, ((OUTPUT[0], 1),)),), HOTS, GIVEN),             "no whole number"),
    ((FACTORS, OUTPUT, ((0, ((OUTPUT[0], "os"),)),), HOTS, GIVEN),            "no whole number"),
    ((FACTORS, OUTPUT, RELATIONS, ((r / 2, HOTS[0][1]), HOTS[1]), GIVEN),     "whole numbers, not float64"),
    ((FACTORS, OUTPUT, RELATIONS, ((r - 1, HOTS[0][1]), HOTS[1]), GIVEN),     "places are not negative"),
    ((FACTORS, OUTPUT, RELATIONS, ((r[:3], HOTS[0][1]), HOTS[1]), GIVEN),     "does not have the sizes"),
    ((FACTORS, OUTPUT, RELATIONS, (("text", HOTS[0][1]), HOTS[1]), GIVEN),    "no stored structured tensor"),
    ((FACTORS, OUTPUT, RELATIONS, ((r, (OUTPUT[0], 10**9)),), GIVEN),         "has no size"),
    ((FACTORS, OUTPUT, RELATIONS, HOTS, ((10**9, -3),)),                      "no size of a label"),
    ((FACTORS, OUTPUT, RELATIONS, HOTS, ((OUTPUT[0], 3),)),                   "no size of a label"),
    ((((V, (0, 1, 2)),), OUTPUT, RELATIONS, HOTS, GIVEN),                     "other axes than 3"),
]  # fmt: skip


@pytest.mark.parametrize(("term", "message"), WRONG)
def test_hostile_terms(term, message):
    with pytest.raises(ed.EinderivError, match=message):
        READ([term], *PARTS[1:])


def changed_rows(e, kind, change):
    version, rows, arrays, tree = tree_data(e)
    return version, tuple(change(row) if row[0] == kind else row for row in rows), arrays, tree


RELATED = [
    ("einsum", lambda row: (*row[:6], ((0, ((10**9, 1),)),), *row[7:]), "a label of a relation has no size"),
    ("einsum", lambda row: (*row[:6], ((0, ((0, 0),)),), *row[7:]), "no coefficient is 0"),
    ("einsum", lambda row: (*row[:6], ((0, ((0, 1), (0, 2))),), *row[7:]), "each label once"),
    ("einsum", lambda row: (*row[:6], ((0.5, ()),), *row[7:]), "holds none"),
    ("einsum", lambda row: (*row[:6], "relations", *row[7:]), "holds none: TypeError"),
    ("apply", lambda row: (*row[:2], (0,), *row[3:]), "holds none|an index array"),
    ("apply", lambda row: (*row[:4], (-2,)), "a whole number, not -2"),
    ("apply", lambda row: (*row[:3], 1, *row[4:]), "no axes of its own"),
    ("apply", lambda row: ("apply", "exp", *row[2:4], ()), "an index array stands where"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "change", "message"), RELATED)
def test_hostile_rows(kind, change, message):
    e = ed.einsum("(r[e]+i)k->ek", "U", sizes={"r": 3})
    assert tree_of(tree_data(e)) == e
    with pytest.raises(ed.EinderivError, match=message):
        tree_of(changed_rows(e, kind, change))


def test_clear_refusals():
    f = ed.compile(ed.derive(observed, "U"), dense=False, constants=["r"])
    with pytest.raises(ed.EinderivError, match="r is an index array, for which nothing is put in"):
        f(U=U, V=V, r=r, c=c)
    assert is_related(S._terms[0])
