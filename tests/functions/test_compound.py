"""Functions made of others, against NumPy and SciPy: values, derivatives, axes, tiny sizes."""

import numpy as np
import pytest
from oracle import assert_same
from scipy import special

import einderiv as ed
from einderiv.functions import divided, negated, subtracted

t, ev = ed.tensor, ed.evaluate
T, X, M, v, u, s = t("T", "ijk"), t("X", "ij"), t("M", "nn"), t("v", "i"), t("u", "j"), t("s")
SIZED = {
    "usual": {"i": 2, "j": 3, "k": 4, "n": 3},
    "ones": {"i": 1, "j": 1, "k": 1, "n": 1},
    "empty": {"i": 2, "j": 0, "k": 4, "n": 0},
}
TENSORS = {"T": T, "X": X, "M": M, "v": v, "u": u, "s": s}
sized = pytest.mark.parametrize("sizes", SIZED.values(), ids=SIZED)


def arrays(sizes):
    rng = np.random.default_rng(2)
    return {
        name: np.asarray(rng.integers(-9, 10, [sizes[x] for x in e.axes]))
        for name, e in TENSORS.items()
    }


def used(e, given):
    return {name: given[name] for name in ed.compile(e).tensors}


WHOLE = [
    # of expressions                                of arrays
    (lambda e: ed.sum(e["T"]),                      lambda a: a["T"].sum()),
    (lambda e: ed.sum(e["T"], 0),                   lambda a: a["T"].sum(0)),
    (lambda e: ed.sum(e["T"], -1),                  lambda a: a["T"].sum(-1)),
    (lambda e: ed.sum(e["T"], "j"),                 lambda a: a["T"].sum(1)),
    (lambda e: ed.sum(e["T"], (2, 0)),              lambda a: a["T"].sum((2, 0))),
    (lambda e: ed.sum(e["T"], ("k", 0)),            lambda a: a["T"].sum((2, 0))),
    (lambda e: ed.sum(e["T"], axis=()),             lambda a: a["T"]),
    (lambda e: ed.sum(e["s"]),                      lambda a: a["s"]),
    (lambda e: ed.sum(e["X"] + 1, 1),               lambda a: (a["X"] + 1).sum(1)),
    (lambda e: ed.sum(5),                           lambda a: np.asarray(5)),
    (lambda e: ed.sum([[1, 2], [3, 4]], 0),         lambda a: np.array([4, 6])),
    (lambda e: ed.trace(e["M"]),                    lambda a: np.trace(a["M"])),
    (lambda e: ed.trace(e["X"] @ e["X"].T),         lambda a: np.trace(a["X"] @ a["X"].T)),
    (lambda e: ed.diag(e["M"]),                     lambda a: np.diag(a["M"])),
    (lambda e: ed.diag(e["v"]),                     lambda a: np.diag(a["v"])),
    (lambda e: ed.diag(ed.diag(e["v"])),            lambda a: a["v"]),
    (lambda e: ed.diag(e["u"]) @ e["u"],            lambda a: a["u"] ** 2),
    (lambda e: ed.outer(e["u"], e["v"]),            lambda a: np.multiply.outer(a["u"], a["v"])),
    (lambda e: ed.outer(e["v"], e["v"]),            lambda a: np.multiply.outer(a["v"], a["v"])),
    (lambda e: ed.outer(e["X"], e["u"]),            lambda a: np.multiply.outer(a["X"], a["u"])),
    (lambda e: ed.outer(e["s"], e["X"]),            lambda a: a["s"] * a["X"]),
    (lambda e: ed.outer(e["u"], [1, 2]),            lambda a: np.multiply.outer(a["u"], [1, 2])),
    (lambda e: ed.norm_squared(e["X"]),             lambda a: (a["X"] ** 2).sum()),
    (lambda e: ed.norm_squared(e["s"]),             lambda a: a["s"] ** 2),
    (lambda e: ed.norm_squared(e["X"] - 1),         lambda a: ((a["X"] - 1) ** 2).sum()),
    (lambda e: subtracted(e["X"], 2),               lambda a: a["X"] - 2),
    (lambda e: subtracted(2, e["X"]),               lambda a: 2 - a["X"]),
    (lambda e: negated(e["X"]),                     lambda a: -a["X"]),
]  # fmt: skip


@sized
@pytest.mark.parametrize(("made", "plain"), WHOLE)
def test_integers_as_numpy(made, plain, sizes):
    given = arrays(sizes)
    e = made(TENSORS)
    assert_same(ev(e, used(e, given)), plain(given))


def mean_softmax(a):
    return special.softmax(a["X"], 1).mean(0)


SMOOTH = [
    (lambda e: ed.mean(e["T"]),                     lambda a: a["T"].mean()),
    (lambda e: ed.mean(e["T"], 1),                  lambda a: a["T"].mean(1)),
    (lambda e: ed.mean(e["T"], ("i", -1)),          lambda a: a["T"].mean((0, 2))),
    (lambda e: ed.mean(e["T"], ()),                 lambda a: a["T"]),
    (lambda e: ed.mean(e["s"]),                     lambda a: a["s"]),
    (lambda e: ed.norm(e["X"]),                     lambda a: np.linalg.norm(a["X"])),
    (lambda e: ed.norm(e["T"]),                     lambda a: np.sqrt((a["T"] ** 2).sum())),
    (lambda e: ed.norm(e["s"]),                     lambda a: abs(a["s"])),
    (lambda e: ed.norm(e["u"] - 1),                 lambda a: np.linalg.norm(a["u"] - 1)),
    (lambda e: ed.softmax(e["u"]),                  lambda a: special.softmax(a["u"])),
    (lambda e: ed.softmax(e["T"]),                  lambda a: special.softmax(a["T"], -1)),
    (lambda e: ed.softmax(e["T"], 0),               lambda a: special.softmax(a["T"], 0)),
    (lambda e: ed.softmax(e["T"], "j"),             lambda a: special.softmax(a["T"], 1)),
    (lambda e: ed.softmax(e["T"], (2, 0)),          lambda a: special.softmax(a["T"], (2, 0))),
    (lambda e: ed.softmax(e["T"], None),            lambda a: special.softmax(a["T"])),
    (lambda e: ed.logsumexp(e["T"]),                lambda a: special.logsumexp(a["T"])),
    (lambda e: ed.logsumexp(e["T"], 0),             lambda a: special.logsumexp(a["T"], 0)),
    (lambda e: ed.logsumexp(e["T"], "j"),           lambda a: special.logsumexp(a["T"], 1)),
    (lambda e: ed.logsumexp(e["T"], (0, -1)),       lambda a: special.logsumexp(a["T"], (0, -1))),
    (lambda e: ed.logsumexp(e["X"].T, 1),           lambda a: special.logsumexp(a["X"], 0)),
    (lambda e: ed.mean(ed.softmax(e["X"], 1), 0),   mean_softmax),
    (lambda e: divided(e["X"], e["s"]),             lambda a: a["X"] / a["s"]),
    (lambda e: divided(2, e["X"]),                  lambda a: 2 / a["X"]),
    (lambda e: divided(e["X"], 4),                  lambda a: a["X"] / 4),
]  # fmt: skip


def positive(sizes):
    rng = np.random.default_rng(4)
    return {
        name: np.asarray(rng.uniform(0.3, 2, [sizes[x] for x in e.axes]))
        for name, e in TENSORS.items()
    }


@pytest.mark.parametrize("sizes", [SIZED["usual"], SIZED["ones"]], ids=["usual", "ones"])
@pytest.mark.parametrize(("made", "plain"), SMOOTH)
def test_smooth_values_and_slopes(made, plain, sizes):
    e, given = made(TENSORS), positive(sizes)
    (name, *_) = ed.compile(e).inputs
    np.testing.assert_allclose(ev(e, used(e, given)), plain(given), rtol=1e-14, atol=1e-15)
    slope = ed.derive(e, TENSORS[name])
    direction = np.random.default_rng(9).uniform(-1, 1, given[name].shape)
    plus, minus = (plain({**given, name: given[name] + h * direction}) for h in (1e-6, -1e-6))
    want = (plus - minus) / 2e-6
    got = np.tensordot(ev(slope, used(slope, given)), direction, direction.ndim)
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [ed.mean, ed.norm, ed.softmax, ed.logsumexp, ed.sum, ed.norm_squared])
def test_dtype_is_kept(f, dtype):
    x = np.array([[1, 2, 3], [4, 5, 6]], dtype)
    assert ev(f(X), X=x).dtype == dtype
    assert ev(ed.derive(f(X), X), X=x).dtype == dtype


def test_an_empty_mean_is_nan_as_numpy_says():
    with pytest.warns(RuntimeWarning, match="divide by zero|invalid value"):
        assert np.isnan(ev(ed.mean(v), v=np.zeros(0)))
    assert ev(ed.mean(X, 0), X=np.zeros((3, 0))).shape == (0,)


@pytest.mark.parametrize(
    ("e", "string"),
    [
        (ed.sum(X, "j"), "ij->i"),
        (ed.sum(X), "ij->"),
        (ed.trace(X), "ii->"),
        (ed.diag(X), "ii->i"),
        (ed.diag(v), "i->ii"),
        (ed.outer(v, u), "i,j->ij"),
        (ed.outer(v, v), "i,a->ia"),
        (ed.norm_squared(X), "ij,ij->"),
        (ed.trace(X @ X.T), "ij,ij->"),
        (ed.diag(v) @ X, "i,ij->ij"),
    ],
)
def test_linear_functions_are_einsums(e, string):
    assert e.compact == string


def test_a_name_of_two_axes_says_neither():
    x = np.array([[1, 2], [3, 4]])
    with pytest.raises(ed.ShapeError, match="2 axes are called 'n'"):
        ed.sum(M, "n")
    assert_same(ev(ed.sum(M, 1), M=x), x.sum(1))


LARGE = np.array([[1e4, -1e4], [-1e4, -1e4]], np.float32)


@pytest.mark.parametrize(
    ("e", "want"),
    [
        (ed.softmax(X, 1), [[1, 0], [0.5, 0.5]]),
        (ed.softmax(X, 0), [[1, 0.5], [0, 0.5]]),
        (ed.softmax(X, None), [[1, 0], [0, 0]]),
        (ed.logsumexp(X), 1e4),
        (ed.logsumexp(X, 0), np.array([1e4, -1e4 + np.log(2)])),
    ],
)
def test_extremes_in_float32(e, want):
    got = ev(e, X=LARGE)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "lse", "soft"),
    [
        ([-np.inf, 1.0], 1.0, [0, 1]),
        ([-np.inf, -np.inf], -np.inf, None),  # 0/0 has no value
        ([np.inf, 1.0], np.inf, None),
    ],
)
def test_infinities(x, lse, soft):
    assert ev(ed.logsumexp(v), v=np.array(x)) == lse
    if soft:
        assert ev(ed.softmax(v), v=np.array(x)).tolist() == soft


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ed.sum(X, 2), ed.ShapeError, "axis 2 is out of range for 2 axes"),
        (lambda: ed.mean(X, "z"), ed.ShapeError, "no axis is called 'z'; the axes are i, j"),
        (lambda: ed.sum(X, (0, "i")), ed.ShapeError, "names one axis twice"),
        (lambda: ed.sum(X, 1.0), TypeError, "an axis is an int or a name, not float"),
        (lambda: ed.sum(s, 0), ed.ShapeError, "axis 0 is out of range for 0 axes"),
        (lambda: ed.trace(v), ed.ShapeError, "trace needs 2 axes, but v has 1"),
        (lambda: ed.trace(T), ed.ShapeError, "trace needs 2 axes, but T has 3"),
        (lambda: ed.diag(s), ed.ShapeError, "diag needs 1 or 2 axes, but s has 0"),
        (lambda: ed.diag(T), ed.ShapeError, "diag needs 1 or 2 axes, but T has 3"),
        (lambda: ed.trace(np.ones((2, 3))), ed.ShapeError, "has size 2 .* 3"),
        (lambda: ed.softmax(s), ed.ShapeError, "axis -1 is out of range for 0 axes"),
        (lambda: ed.softmax(X, ()), ed.ShapeError, "softmax needs at least one axis"),
        (lambda: ed.sum("X"), TypeError, "the argument is the string 'X'"),
        (lambda: ed.exp(None), TypeError, "the argument must be an array"),
        (lambda: ed.outer(v, None), TypeError, "the argument must be an array"),
        (lambda: divided(X, 0), ed.EinderivError, "division by the number 0"),
        (lambda: divided(X, v), ed.ShapeError, r"write v\[:, None\]"),
    ],
)
def test_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("axis", [np.int64(1), (np.int64(1),)])
def test_an_axis_may_be_a_numpy_int(axis):
    assert ed.sum(X, axis).axes == ("i",)
