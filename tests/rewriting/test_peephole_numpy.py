"""Faster steps: the same values, where they apply and where they do not."""

import tracemalloc

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends import NUMPY, emit
from einderiv.expression import Sizes
from einderiv.planning import Index, Ops, Program, tuning
from einderiv.rewriting.peephole_numpy import numpy_peepholes

n, m = 70, 90
rng = np.random.default_rng(0)
FORMS = [  # the einsum, is it a Gram matrix?
    ("nd,n,ne->de", True),
    ("nd,n,ne->ed", True),
    ("dn,n,en->de", True),
    ("nd,d,ne->de", False),
    ("nd,n,en->de", False),
]


def sources(e, **arrays):
    f = ed.compile(e)
    return f(**arrays), f._last.emitted.source


@pytest.mark.parametrize("shift", [0.0, 0.5, float("nan")])
@pytest.mark.parametrize(("subscripts", "gram"), FORMS)
def test_gram_matrices_with_weights(subscripts, gram, shift):
    square = subscripts in ("nd,d,ne->de", "nd,n,en->de")
    X = rng.normal(size=(m, m) if square else ((m, n) if subscripts.startswith("n") else (n, m)))
    w = rng.random(m) - shift
    got, source = sources(ed.einsum(subscripts, "X", "w", "X"), X=X, w=w)
    np.testing.assert_allclose(got, np.einsum(subscripts, X, w, X), rtol=1e-12, atol=1e-12)
    assert ("= gram(" in source) is gram
    if gram:
        assert got.tolist() == got.T.tolist() or shift, "symmetric to the last bit"


@pytest.mark.parametrize(
    "subscripts", ["nr,rb,rd->nbd", "rn,rb,rd->nbd", "nr,br,dr->nbd", "nr,rb,rd->ndb"]
)
@pytest.mark.parametrize(
    ("side", "summed", "found"), [(4, 64, True), (9, 100, True), (3, 100, False), (9, 63, False)]
)
def test_a_gram_matrix_for_each_row(subscripts, side, summed, found):
    sizes = {"n": 256, "r": summed, "b": side, "d": side}
    M, X = (
        rng.integers(-3, 4, [sizes[x] for x in ls]).astype(float)
        for ls in subscripts.split(",")[:2]
    )
    got, source = sources(ed.einsum(subscripts, "M", "X", "X"), M=M, X=X)
    assert got.tolist() == np.einsum(subscripts, M, X, X).tolist()
    assert ("= grams(" in source) is found
    got, source = sources(ed.einsum(subscripts, "M", "X", "Y"), M=M, X=X, Y=X + 1)
    assert "grams(" not in source
    assert got.tolist() == np.einsum(subscripts, M, X, X + 1).tolist()


def test_no_gram_of_two_matrices_or_small_ones():
    w, X = rng.random(m), rng.normal(size=(m, n))
    assert "gram(" not in sources(ed.einsum("nd,n,nd->nd", "X", "w", "X"), X=X, w=w)[1]
    assert "gram(" not in sources(ed.einsum("nd,n,ne->de", "X", "w", "Y"), X=X, w=w, Y=X + 1)[1]
    assert (
        "gram("
        not in sources(
            ed.einsum("nd,n,ne->de", "X", "w", "X"), X=X[:, : tuning.gram_rows - 1], w=w
        )[1]
    )


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.complex128])
def test_dtypes_of_a_gram_matrix(dtype):
    X, w = rng.integers(-3, 4, (m, n)).astype(dtype), rng.integers(0, 4, m).astype(dtype)
    got, source = sources(ed.einsum("nd,n,ne->de", "X", "w", "X"), X=X, w=w)
    assert ("gram(" in source) is (dtype is np.float32)  # whole numbers stay whole, and √w is real
    assert got.dtype == dtype
    np.testing.assert_allclose(got, X.T @ (w[:, None] * X), rtol=1e-5, atol=1e-4)


def test_halves_of_a_large_gram_matrix():
    X, w = rng.integers(-3, 4, (20, 601)).astype(float), rng.integers(-3, 4, 20).astype(float)
    got = ed.evaluate(ed.einsum("nd,n,ne->de", "X", "w", "X"), X=X, w=w)
    assert got.tolist() == (X.T @ (w[:, None] * X)).tolist()


def test_weights_that_were_not_tested_when_the_plan_was_made():
    f = ed.compile(ed.einsum("nd,n,ne->de", "X", "w", "X"))
    X = rng.integers(-3, 4, (m, n)).astype(float)
    for w in (np.ones(m), -np.ones(m), np.zeros(m)):
        np.testing.assert_allclose(f(X=X, w=w), X.T @ (w[:, None] * X), rtol=1e-12)


def test_the_hessian_of_logistic_regression_is_one():
    X, w, y = ed.tensor("X", "nd"), ed.tensor("w", "d"), ed.tensor("y", "n")
    H = ed.hessian(ed.sum(ed.softplus(-(y * (X @ w)))), w)
    assert (
        "= gram(X, " in sources(H, X=rng.normal(size=(m, n)), w=rng.normal(size=n), y=np.ones(m))[1]
    )


@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 4)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_slopes_of_the_sigmoid_take_one_exponential(shape, dtype):
    x = ed.tensor("x", "ij"[: len(shape)])
    at = np.asarray(rng.normal(size=shape) * 3, dtype)
    p = 1 / (1 + np.exp(-np.asarray(at, np.float64)))
    got, source = sources(ed.jvp(ed.sigmoid(x), x, "v"), x=at, v=np.ones_like(at))
    assert "= sigmoid_slope(x)" in source
    np.testing.assert_allclose(got, p * (1 - p), rtol=1e-6 if dtype is np.float32 else 1e-12)
    got, source = sources(ed.sigmoid(-x), x=at)
    assert "= reflected_sigmoid(x)" in source
    np.testing.assert_allclose(got, 1 - p, rtol=1e-5 if dtype is np.float32 else 1e-12)
    assert got.dtype == dtype


def test_slopes_of_the_sigmoid_far_out():
    x = ed.tensor("x", "i")
    at = np.array([-1000.0, -40.0, 40.0, 1000.0, np.inf, -np.inf, np.nan])
    want = [0, np.exp(-40.0), np.exp(-40.0), 0, 0, 0, np.nan]
    np.testing.assert_allclose(
        ed.evaluate(ed.jvp(ed.sigmoid(x), x, "v"), x=at, v=np.ones(7)), want, rtol=1e-12
    )
    np.testing.assert_allclose(
        ed.evaluate(ed.sigmoid(-x), x=at)[:4], [1, 1, np.exp(-40.0), 0], rtol=1e-12
    )


def test_other_sigmoids_stay_what_they_are():
    x, z = ed.tensor("x", "i"), rng.normal(size=4)
    for e in (ed.sigmoid(x) * ed.sigmoid(2 * x), ed.sigmoid(-2 * x), ed.sigmoid(x) * ed.sigmoid(x)):
        assert "= sigmoid(" in sources(e, x=z)[1]
    source = sources(ed.jvp(ed.sigmoid(x), x, "v"), x=z + 1j, v=np.ones(4))[1]
    assert "slope" not in source, "|x| of complex numbers is no change of sign"


X, Y, u = ed.tensor("X", "ij"), ed.tensor("Y", "ij"), ed.tensor("u", "j")
SUMS = [  # the expression, what the source says
    (lambda: 1 - X * X, "1 - t0"),
    (lambda: 2 * X + 2 * Y, "2 * (X + Y)"),
    (lambda: 3 - 2 * X - 2 * Y, "3 + (-2) * (X + Y)"),
    (lambda: X + Y - 1, "(-1) + X + Y"),
    (lambda: -X - Y, "-X - Y"),
    (lambda: 2 * X - Y + 0.5, "0.5 + 2 * X - Y"),
    (lambda: X - 3 * ed.einsum("j->ij", u, sizes={"i": 3}), "X + t0"),
    (lambda: ed.einsum("j->ij", u, sizes={"i": 3}) + 1, "t1[...] = u"),
]


@pytest.mark.parametrize(("build", "text"), SUMS, ids=[text for _, text in SUMS])
def test_numbers_stay_with_the_terms_of_their_sum(build, text):
    e = build()
    arrays = {n: rng.integers(-9, 9, (4,) if n == "u" else (3, 4)) for n in ed.compile(e).inputs}
    got, source = sources(e, **{n: a.astype(float) for n, a in arrays.items()})
    assert text in source
    assert (2 * got).tolist() == (2 * ed.evaluate(2 * e, arrays) / 2).tolist()


SHORT_SUMS = [  # the einsum, the shape, is it a product with ones?
    ("i->",     (5,),       True),
    ("i->",     (5000,),    False),
    ("ij->i",   (3, 4),     True),
    ("ij->j",   (3, 4),     True),
    ("ij->",    (3, 4),     True),
    ("ij->i",   (3, 0),     False),
    ("ij->i",   (2, 5000),  False),
    ("ii->",    (4, 4),     True),
    ("ijk->ij", (2, 3, 4),  True),
    ("ijk->i",  (2, 3, 4),  True),
    ("ijk->jk", (2, 3, 4),  False),
    ("ijk->ik", (2, 3, 4),  False),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.complex128])
@pytest.mark.parametrize(("subscripts", "shape", "ones"), SHORT_SUMS)
def test_sums_over_short_axes_are_products_with_ones(subscripts, shape, ones, dtype):
    X = rng.integers(-9, 9, shape).astype(dtype)
    got, source = sources(ed.einsum(subscripts, "X"), X=X)
    assert ("ones = np.ones(" in source) is (ones and np.dtype(dtype).kind == "f")
    assert got.dtype == dtype
    assert got.tolist() == np.einsum(subscripts, X).tolist()


def test_ones_are_made_once_and_their_name_may_be_taken():
    f = ed.compile(ed.einsum("ij->i", "ones"))
    X = rng.integers(-9, 9, (3, 4)).astype(float)
    for _ in range(3):
        assert f(ones=X).tolist() == X.sum(1).tolist()
    assert "_ones" in f._last.emitted.source
    plan = f.plan(ones=(3, 4))  # of floats, where the sum is a product with ones
    assert plan.steps[0].einsum == "ij,j->i"
    assert plan.notes == ["passes: numpy peepholes"]


@pytest.mark.parametrize(
    ("shape", "by_blas"),
    [
        ((3, 4), True),
        ((9, 3000), True),
        ((3, 3000), False),
        ((3000, 3), True),
        ((0, 2), True),
    ],
)
@pytest.mark.parametrize(("subscripts", "names"), [("i,j->ij", "xy"), ("j,i->ij", "yx")])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_outer_products(subscripts, names, shape, by_blas, dtype):
    x, y = (rng.integers(-9, 9, n).astype(dtype) for n in shape)
    got, source = sources(ed.einsum(subscripts, *names), x=x, y=y)
    assert ("[None])" in source) is (by_blas and dtype is not np.int64)
    assert got.dtype == dtype
    assert got.tolist() == np.outer(x, y).tolist()


# ---- products with windows
def windows(entries, sign):
    """A program with a window of three entries at each of so many places: y[i, k] = x[i ± k]."""
    program = Program(int)
    x = program.add(Ops.INPUT, (), ("x",), (entries + 2,))
    spec = (Index(0 if sign == 1 else 2, ((0, 1), (1, sign))),)
    return program, program.add(Ops.READ, (x,), spec, (entries, 3))


LARGE = 400_000  # windows of three entries each, of several blocks


@pytest.mark.parametrize(
    ("labels", "other", "out", "entries", "found"),
    [
        ((0, 1), (1,),      (0,),   LARGE, True),   # x[i+k] w[k] -> i
        ((0, 1), (1, 2),    (0, 2), LARGE, True),   # x[i+k] w[k,c] -> ic
        ((0, 1), (0,),      (1,),   LARGE, True),   # x[i+k] u[i] -> k
        ((0, 1), (0, 2),    (1, 2), LARGE, True),
        ((0, 1), (0, 1),    (),     LARGE, True),
        ((0, 1), (0, 1),    (0, 1), LARGE, False),  # nothing is summed
        ((0, 1), (1,),      (0,),   100,   False),  # nothing worth a block
        ((0, 1), (0, 1, 2), (0, 2), LARGE, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("turned", [False, True])
def test_products_with_windows_copy_no_more_than_a_block(
    labels, other, out, entries, found, turned, sign
):
    program, window = windows(entries, sign)
    sizes = {0: entries, 1: 3, 2: 2}
    w = program.add(Ops.INPUT, (), ("w",), tuple(sizes[x] for x in other))
    if turned:
        window = program.add(Ops.VIEW, (window,), (labels, labels[::-1]), (3, entries))
        labels = labels[::-1]
    spec = (labels, other, out)
    y = program.add(Ops.CONTRACT, (window, w), spec, tuple(sizes[x] for x in out), 1)
    program.outputs = [y]
    faster = numpy_peepholes(program, None)
    assert (faster.steps[faster.outputs[0]].op is Ops.WINDOWED) is found
    source = emit(faster, (), Sizes({}), NUMPY, order=("x", "w"), dtype="float64")
    arrays = [rng.integers(-3, 4, program.shape(k)).astype(float) for k in (0, w)]
    function = source.function(NUMPY)
    x = arrays[0]
    seen = np.array([x[k : k + entries] for k in (range(3) if sign == 1 else (2, 1, 0))])
    seen = seen if turned else seen.T
    want = np.einsum(seen, list(labels), arrays[1], list(other), list(out))
    got = function(*arrays)
    assert (got == want).all()
    tracemalloc.start()
    function(*arrays)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if found:
        assert peak < got.nbytes + 2**22, "a block, and its product"


def test_stacks_of_products_with_windows_stay():
    """``x[b, i+k] w[b,k,c] -> bic``: `matmul` makes each without a copy."""
    program = Program(int)
    x = program.add(Ops.INPUT, (), ("x",), (4, LARGE + 2))
    spec = (Index(0, ((0, 1),)), Index(0, ((1, 1), (2, 1))))
    window = program.add(Ops.READ, (x,), spec, (4, LARGE, 3))
    w = program.add(Ops.INPUT, (), ("w",), (4, 3, 2))
    spec = ((0, 1, 2), (0, 2, 3), (0, 1, 3))
    program.outputs = [program.add(Ops.CONTRACT, (window, w), spec, (4, LARGE, 2), 1)]
    assert numpy_peepholes(program, None) is program


# ---- rows that are added up with weights
@pytest.mark.parametrize(
    ("subscripts", "found"),
    [
        ("e,ek->(r[e])k", True),
        ("ek,e->(r[e])k", True),
        ("e,ekl->(r[e])kl", True),
        ("ek,ek->(r[e])k", False),
        ("k,ek->(r[e])k", False),
        ("e,ke->k(r[e])", False),
        ("e,e->(r[e])", False),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_rows_with_weights(subscripts, found, dtype):
    sizes = {"e": 50, "k": 4, "l": 3}
    first, second = subscripts.split("->")[0].split(",")
    x, y = (rng.integers(-4, 5, [sizes[a] for a in ls]).astype(dtype) for ls in (first, second))
    r = rng.integers(0, 7, 50)
    e = ed.einsum(subscripts, "x", "y", sizes={"r": 7})
    got, source = sources(e, x=x, y=y, r=r)
    out = subscripts.split("->")[1].replace("(r[e])", "e")
    places = np.einsum(f"{first},{second}->{out}", x, y)
    at = np.moveaxis(places, out.index("e"), 0)
    want = np.zeros((7, *at.shape[1:]), dtype)
    np.add.at(want, r, at)
    assert got.dtype == dtype
    assert got.tolist() == np.moveaxis(want, 0, out.index("e")).tolist()
    assert ("weighted_rows(" in source) is (found and dtype is not np.int64)
