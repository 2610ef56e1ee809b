"""Dtypes, exact integers, odd arrays, memory: what happens between a program and the numbers."""

import tracemalloc
from contextlib import nullcontext

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed
from einderiv.errors import spoken_bytes

t, es = ed.tensor, ed.einsum
X = t("X", "ij")


def product():
    return es("ij,jk->ik", "X", "Y")


# ---- the dtype of results: NumPy's result_type of all arrays that the expression has met
F4, F8, C8, C16, I1, I8, U1, F2, B1 = map(
    np.dtype, ("f4", "f8", "c8", "c16", "i1", "i8", "u1", "f2", "?")
)
PAIRS = [
    # X   Y    result
    (F4,  F4,  F4),
    (F4,  F8,  F8),
    (F4,  I1,  F4),
    (F4,  I8,  F8),
    (F4,  B1,  F4),
    (F8,  B1,  F8),
    (F2,  F2,  F2),
    (F2,  F4,  F4),
    (F2,  B1,  F2),
    (C8,  C8,  C8),
    (C8,  F4,  C8),
    (C8,  F8,  C16),
    (C16, I8,  C16),
    (I8,  I8,  I8),
    (I1,  I1,  I1),
    (I1,  I8,  I8),
    (U1,  U1,  U1),
    (U1,  I1,  np.dtype("i2")),
    (I8,  B1,  I8),
]  # fmt: skip
MADE = {
    "product":                lambda: product(),
    "derivative by X":        lambda: ed.derive(product(), "X"),  # X occurs no longer
    "derivative by Y":        lambda: ed.derive(product(), "Y"),
    "second derivative":      lambda: ed.derive(ed.derive(product(), "X"), "Y"),  # neither does
    "zero":                   lambda: ed.derive(ed.derive(product(), "X"), "X"),
    "gradient":               lambda: ed.grad(es("ij,jk->", "X", "Y"), "X"),
    "hessian":                lambda: ed.hessian(es("ij,jk->", "X", "Y"), "X", "Y"),
    "doubled":                lambda: 2 * product(),
    "jvp":                    lambda: ed.jvp(product(), "X", "X"),
    "vanished in a sum":      lambda: t("Y", "jk") + 0 * es("ij->", "X"),
}  # fmt: skip


@pytest.mark.parametrize(("x", "y", "want"), PAIRS, ids=[f"{x},{y}" for x, y, _ in PAIRS])
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_dtype(make, x, y, want):
    a, b = np.array([[1, 0], [1, 1]], x), np.array([[1, 1], [0, 1]], y)
    for dense in (True, False):
        got = ed.evaluate(make(), X=a, Y=b, dense=dense)
        assert got.dtype == want
        for core in [] if dense else [c for c, _ in got.terms]:
            assert core.dtype == want
    exact = ed.evaluate(make(), X=a.astype(complex), Y=b.astype(complex))
    np.testing.assert_array_equal(ed.evaluate(make(), X=a, Y=b), exact)


FLOATS = {
    "half":         lambda: 0.5 * X,
    "mean":         lambda: ed.mean(X),
    "exp":          lambda: ed.exp(X),
    "sigmoid":      lambda: ed.sigmoid(X),
    "softmax":      lambda: ed.softmax(X),
    "logsumexp":    lambda: ed.logsumexp(X),
    "norm":         lambda: ed.norm(X),
    "grad of norm": lambda: ed.grad(ed.norm(X), "X"),
    "power":        lambda: X**2.5,
    "plus one":     lambda: X + 1.5,
    "over X":       lambda: 1 / X,
    "NumPy scalar": lambda: np.float64(0.5) * X,
    "size":         lambda: es("ij->i", es("i->ij", es("ij->i", X), sizes={"j": "j"})),
    "relu":         lambda: ed.derive(ed.relu(X), X),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("make", FLOATS.values(), ids=FLOATS)
def test_numbers_do_not_decide_the_dtype(make, dtype):
    assert ed.evaluate(make(), X=np.array([[1, 2], [3, 4]], dtype)).dtype == dtype


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "?"])
def test_integers_under_a_smooth_function_are_double(dtype):
    x = np.array([[0, 1]], dtype)
    for make in (FLOATS["exp"], FLOATS["norm"], FLOATS["half"]):
        assert ed.evaluate(make(), X=x).dtype == np.float64
    np.testing.assert_allclose(ed.evaluate(ed.exp(X), X=x), np.exp([[0.0, 1.0]]), rtol=1e-15)


@pytest.mark.parametrize(
    ("f", "want"),
    [
        (ed.relu, [0, 0, 2]),
        (ed.abs, [3, 0, 2]),
        (ed.square, [9, 0, 4]),
        (ed.sign, [-1, 0, 1]),
        (ed.heaviside, [0, 0, 1]),
    ],
)
@pytest.mark.parametrize("dtype", ["i1", "i8"])
def test_integers_under_a_whole_function_stay(f, want, dtype):
    got = ed.evaluate(f(t("x", "i")), x=np.array([-3, 0, 2], dtype))
    assert got.dtype == dtype
    assert got.tolist() == want


def test_complex_is_holomorphic():
    z = np.array([1 + 2j, 3 - 1j])
    y = es("i,i->", "z", "z")
    np.testing.assert_array_equal(ed.evaluate(y, z=z), (z * z).sum())
    np.testing.assert_array_equal(ed.evaluate(ed.grad(y, "z"), z=z), 2 * z)
    np.testing.assert_array_equal(
        ed.evaluate(ed.vjp(es("i,i->i", "z", "w"), "z", "u"), z=z, w=z, u=1j * z), 1j * z * z
    )
    assert ed.evaluate(1j * t("x", "i"), x=np.ones(2, "f4")).dtype == C8
    assert ed.evaluate(1j * t("x", "i"), x=np.ones(2)).dtype == C16
    np.testing.assert_allclose(
        ed.evaluate(ed.derive(ed.exp(t("z", "i")), "z"), z=z), np.diag(np.exp(z)), rtol=1e-15
    )


def test_float16_accumulates_wider():
    """Summed in half precision, 4096 ones stop at 2048."""
    assert ed.evaluate(es("i,i->", "a", "b"), a=np.ones(4096, F2), b=np.ones(4096, F2)) == 4096


# ---- integers: exact, or refused
EXACT = [
    # subscripts, entry, n, dtype: the value is n · entry² and must fit the dtype
    ("ij,jk->ik",  11,         1,    "i1"),
    ("ij,jk->ik",  15,         1,    "u1"),
    ("ij,jk->ik",  10,         200,  "i2"),
    ("ij,jk->ik",  2**31 - 1,  2,    "i8"),
    ("ij,jk->ik",  3,          200,  "i8"),
    ("ij,jk->ik",  1,          200,  "u1"),
    ("ij,jk->ik",  2**15,      3,    "u4"),
    ("ij,jk->ik",  7,          0,    "i8"),
    ("ij,jk->ik",  2**30,      4,    "u8"),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "entry", "n", "dtype"), EXACT)
def test_exact(subscripts, entry, n, dtype):
    a, b = np.full((2, n), entry, dtype), np.full((n, 2), entry, dtype)
    got = ed.evaluate(es(subscripts, "A", "B"), A=a, B=b)
    assert got.dtype == dtype
    assert [[int(v) for v in row] for row in got] == [[n * entry**2] * 2] * 2


x1, one = t("x", "i"), np.array([1], "u1")
AB = es("ij,jk->ik", "A", "B")
REFUSED = [
    # expression, arrays, the message
    (AB,                     dict(A=np.full((1, 3), 100, "i1"), B=np.full((3, 1), 100, "i1")), "30000.*int8"),
    (-x1,                    dict(x=one),                                                    "-[12].*uint8"),
    (x1 - t("y", "i"),       dict(x=one, y=2 * one),                                         "-[12].*uint8"),
    (x1 * x1,                dict(x=[2**32]),                                                "beyond int64"),
    (ed.sum(x1),             dict(x=np.full(200, 2**56)),                                    "beyond int64"),
    (2**62 * x1,             dict(x=[2]),                                                    "beyond int64"),
    (ed.sum(x1),             dict(x=np.array([2**63 + 5], "u8")),                            "beyond int64"),
    (ed.abs(x1),             dict(x=[-(2**63)]),                                             "beyond int64"),
    (ed.square(x1),          dict(x=[2**40]),                                                "beyond int64"),
    (ed.relu(2**40 * x1),    dict(x=[2**30]),                                                "beyond int64"),
    (es("i,i->", np.array([2**62]), x1),                             dict(x=[4]),            "beyond int64"),
    (es("ij->i", es("i->ij", x1, sizes={"j": 2**40})),               dict(x=[2**30]),        "beyond int64"),
    (ed.derive(2**62 * x1, "x") * 4,                                 dict(x=[1]),            "beyond int64"),
]  # fmt: skip


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(("e", "given", "match"), REFUSED)
def test_integers_that_may_not_fit_are_refused(e, given, match, dense):
    with pytest.raises(ed.EinderivError, match=match):
        ed.evaluate(e, given, dense=dense)


def test_large_integers_that_cancel_are_exact():
    assert_same(ed.evaluate(es("i->", "x"), x=np.array([2**40, -(2**40)])), np.asarray(0))


def test_all_bool_is_refused_and_a_mask_is_not():
    mask = np.array([[True, False], [False, True]])
    with pytest.raises(TypeError, match="all arrays are bool"):
        ed.evaluate(X * 2, X=mask)
    held = es("ij,ij->ij", X, mask)
    assert_same(ed.evaluate(held, X=np.array([[1, 2], [3, 4]])), np.array([[1, 0], [0, 4]]))
    assert_same(ed.evaluate(ed.grad(ed.sum(held), "X"), X=np.ones((2, 2), F4)), mask.astype(F4))


# ---- arrays of every layout
def layouts():
    base = np.arange(24.0).reshape(4, 6)
    read_only = base[:2, :3].copy()
    read_only.flags.writeable = False
    return {
        "plain": base[:2, :3].copy(),
        "strided": base[::3, ::2],
        "negative": base[3:1:-1, ::-2],
        "transposed": base[:3, :2].T,
        "Fortran": np.asfortranarray(base[:2, :3]),
        "read-only": read_only,
        "broadcast": np.broadcast_to(base[0, :3], (2, 3)),
        "one row": base[:1],
        "no rows": base[:0, :3],
        "no columns": base[:2, :0],
        "byte-swapped": base[:2, :3].astype(">f8"),
    }


OF_X = {
    "itself":       lambda: X,
    "transpose":    lambda: X.T,
    "Gram":         lambda: X @ X.T,
    "sum":          lambda: ed.sum(X),
    "rows":         lambda: ed.sum(X, 1),
    "cube":         lambda: X**3,
    "embedded":     lambda: es("ij->iji", X),
    "derivative":   lambda: ed.derive(X @ X.T, "X"),
    "exp":          lambda: ed.exp(X),
    "relu":         lambda: ed.relu(X),
    "pair":         lambda: (X, X, X.T),
}  # fmt: skip


@pytest.mark.parametrize("layout", layouts())
@pytest.mark.parametrize("make", OF_X.values(), ids=OF_X)
def test_layouts_and_no_alias(make, layout):
    array = layouts()[layout]
    before = array.copy()
    e = make()
    got = ed.evaluate(e, X=array)
    want = ed.evaluate(e, X=np.ascontiguousarray(array, float))
    many = isinstance(e, tuple)
    for a, b in zip(got, want) if many else [(got, want)]:
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float64
        assert not np.shares_memory(a, array)
        a[...] = -1.0  # results are the caller's own
    np.testing.assert_array_equal(array, before)
    if many:
        assert not any(np.shares_memory(got[i], got[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
        np.testing.assert_array_equal(ed.evaluate(e, X=array)[0], before)


@pytest.mark.parametrize("dense", [True, False])
def test_held_arrays_are_never_written_or_given_out(dense):
    held = np.arange(4.0)
    for e in (
        es("i->i", held),
        es("i->ii", held),
        es("i,i->i", held, np.ones(4)),
        es("i->i", held) * 1,
    ):
        got = ed.evaluate(e, dense=dense)
        assert dense or not any(np.shares_memory(core, held) for core, _ in got.terms)
        (got if dense else got.dense())[...] = 9
        np.testing.assert_array_equal(held, np.arange(4.0))


def test_scalars():
    s = t("s")
    for value in (3, 3.0, np.float32(3), np.array(3), np.array(3, "i1"), True + 2):
        got = ed.evaluate(s * s, s=value)
        assert got.shape == ()
        assert got == 9
    assert isinstance(ed.evaluate(s, s=2.0), np.ndarray)


# ---- memory
LARGE = 10**6


@pytest.mark.parametrize(
    ("e", "memory_limit", "match"),
    [
        (es("i,j->ij", "x", "x"), None, "dense result.*8 TB"),
        (ed.derive(x1 * 1, "x"), None, "dense=False"),
        (es("i->ijk", "x", sizes={"j": LARGE, "k": LARGE}), None, "over the limit"),
        (ed.sum(ed.exp(es("i,j->ij", "x", "x"))), None, "intermediate array"),
        (x1 + x1 * x1, 100, "8 MB.*100 bytes"),
    ],
)
def test_memory_is_refused_before_it_is_taken(e, memory_limit, match):
    x = np.ones(LARGE)
    tracemalloc.start()
    try:
        with pytest.raises(ed.LimitError, match=match):
            ed.evaluate(e, x=x, memory_limit=memory_limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 2, "no array may have been allocated"


def test_memory_limit_is_inclusive_and_inputs_do_not_count():
    x = np.ones(4)
    assert ed.evaluate(es("i,j->ij", "x", "x"), x=x, memory_limit=128).shape == (4, 4)
    assert ed.evaluate(es("i->", "x"), x=x, memory_limit=8) == 4
    with ed.limits.override(dense_bytes=100), pytest.raises(ed.LimitError, match=r"dense_bytes"):
        ed.evaluate(es("i,j->ij", "x", "x"), x=x)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (33_000, "33 kB"),
        (2**30, "1.07 GB"),
        (10**18, "1e+03 PB"),
    ],
)
def test_spoken_bytes(size, text):
    assert spoken_bytes(size) == text


def test_held_arrays_are_held_and_not_copied():
    for held in (np.array([1, 2]), np.array([1.0, 2.0])):
        e = es("i,i->i", held, x1)
        f = ed.compile(e)
        assert f(x=np.array([1.0, 1.0])).tolist() == [1.0, 2.0]
        held[0] = 50
        assert (
            f(x=np.array([1.0, 1.0])).tolist()
            == ed.evaluate(e, x=np.array([1.0, 1.0])).tolist()
            == [50.0, 2.0]
        )


@pytest.mark.parametrize("dense", [True, False])
def test_a_size_that_nothing_gives_is_named(dense):
    g = ed.grad(ed.sum(t("s", "") + x1), "s")  # the number of entries of x
    with pytest.raises(ed.ShapeError, match="axis 0 of x is not known"):
        ed.evaluate(g, dense=dense)
    assert int(ed.evaluate(g, x=np.ones(7, int))) == 7


@pytest.mark.parametrize(
    ("subscripts", "sizes"),
    [
        ("x" * 1400, {}),
        (
            ",".join("abcdefghijklmnopqrst") + "->abcdefghijklmnopqrst",
            dict.fromkeys("abcdefghijklmnopqrst", 2**62),
        ),
    ],
)
def test_sizes_beyond_any_estimate(subscripts, sizes):
    J = ed.derive(ed.einsum(subscripts), 0)
    with pytest.raises(ed.LimitError, match="more than 1e308 entries"):
        ed.plan(J, sizes)


def test_a_float_may_hold_the_entries_and_not_the_bytes():
    letters = "abcdefghijklmnopq"
    e = ed.einsum(f"{','.join(letters)}->{letters}")
    for size, error in ((2**26, False), (2**29, True)):
        with pytest.raises(ed.LimitError, match="1e308") if error else nullcontext():
            str(ed.plan(e, dict.fromkeys(letters, 2**62) | {"a": size}))


def test_a_way_with_matrices_beyond_any_estimate_is_not_compared():
    subscripts = "swgPxVAUYMiJX,QMcqdCIG,SEWtMOyriBRT,kecjOwhtlMV,LoOvcQ,TKvsoekmFYhG,NcDrizb->VM"
    J = ed.derive(ed.einsum(subscripts), 0)
    for size, compared in ((2, True), (2**62, False)):
        plan = str(ed.plan(J, dict.fromkeys(set(subscripts) - set(",->"), size)))
        assert ("with identity matrices" in plan) is compared


@pytest.mark.parametrize("shape", [(), (3,), (80, 80)], ids=str)
def test_what_a_users_function_answers_is_copied(shape):
    """It may answer its argument: a result shares memory with no array of the caller, and with no other result."""
    name = f"answers_{len(shape)}_{sum(shape)}"
    same = ed.function(name, "{0}", lambda x: x * 0 + 1)
    x = ed.tensor("x", "ab"[: len(shape)])
    X = np.ones(shape)
    f = ed.compile([same(x), same(x).T, same(same(x))])
    for _ in range(3):
        results = f(x=X)
        for k, result in enumerate(results):
            assert not np.shares_memory(result, X)
            assert not any(np.shares_memory(result, other) for other in results[:k])
