"""Operators are NumPy's, elementwise and exact on integers, and broadcast as NumPy's do."""

import operator
import re

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed
from einderiv.expression import (
    FLAT,
    Add,
    Einsum,
    Expr,
    added,
    aligned,
    as_expression,
    axes_of,
    is_zero,
)

t, es, ev = ed.tensor, ed.einsum, ed.evaluate
NAMES = {
    "X": "ij",
    "Y": "ij",
    "B": "jk",
    "M": "nn",
    "N": "nn",
    "u": "j",
    "w": "i",
    "s": "",
    "r": "",
    "P": "bij",
    "Q": "bjk",
}
SIZED = {
    "usual": {"i": 2, "j": 3, "k": 4, "n": 3, "b": 2},
    "ones": dict.fromkeys("ijknb", 1),
    "empty": {"i": 2, "j": 0, "k": 4, "n": 0, "b": 2},
}


def given(sizes):
    """Integers without 0, which may be divided by."""
    rng, found = np.random.default_rng(5), {}
    for name, axes in NAMES.items():
        shape = [sizes[x] for x in axes]
        found[name] = np.asarray(rng.integers(1, 8, shape) * rng.choice((-1, 1), shape))
    return found


class Arrays:
    def __init__(self, sizes):
        self.__dict__.update(given(sizes))


class Tensors:
    def __init__(self):
        self.__dict__.update({name: t(name, axes) for name, axes in NAMES.items()})


WHOLE = [
    "X + Y",
    "X - Y",
    "X * Y",
    "X + 2",
    "2 + X",
    "X - 2",
    "2 - X",
    "X * 2",
    "2 * X",
    "-X",
    "+X",
    "X + s",
    "s + X",
    "X - s",
    "s - X",
    "X * s",
    "s * X",
    "s + r",
    "s - r",
    "s * r",
    "s + 2",
    "2 - s",
    "2 * s",
    "-s",
    "X + X",
    "X - X",
    "X + Y - X",
    "X * 0",
    "0 * X + Y",
    "X + 0",
    "X * 1",
    "3 * X - 2 * X - X",
    "X * X",
    "X * X * X",
    "X - Y * 2 + X * Y",
    "(X + Y) * (X - Y)",
    "-(X - 2 * Y)",
    "(X + Y) * s - 3",
    "2 * (X + Y) * 3",
    "X.T",
    "X.T.T",
    "u.T",
    "s.T",
    "P.T",
    "X.T + Y.T",
    "(X + Y).T",
    "X @ B",
    "u @ B",
    "X @ u",
    "u @ u",
    "w @ X @ B",
    "M @ N @ M",
    "X.T @ Y",
    "X @ Y.T",
    "P @ Q",
    "u @ Q",
    "P @ u",
    "X @ (B + B)",
    "X ** 0",
    "X ** 1",
    "X ** 2",
    "X ** 3",
    "X ** 4",
    "X ** 5",
    "s ** 2",
    "(X + Y) ** 2",
    "M ** 2",
]


@pytest.mark.parametrize("sizes", SIZED.values(), ids=SIZED)
@pytest.mark.parametrize("text", WHOLE)
def test_integers_as_numpy(text, sizes):
    e, want = eval(text, vars(Tensors())), eval(text, vars(Arrays(sizes)))
    assert isinstance(e, Expr)
    used = {
        name: array for name, array in given(sizes).items() if name in set(ed.compile(e).tensors)
    }
    assert e.ndim == np.ndim(want)
    assert_same(ev(e, used), want, text)


FRACTIONS = [
    "X / 2",
    "2 / X",
    "X / Y",
    "s / X",
    "X / s",
    "s / r",
    "2 / s",
    "X / Y / 4",
    "1 / (1 / X)",
    "X ** -1",
    "X ** -2",
    "X * 0.5",
    "X + 0.25",
    "0.5 - X",
    "abs_X ** 0.5",
    "abs_X ** 2.5",
    "X ** 2.0",
    "X / X",
    "(X + Y) / 8",
]


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
@pytest.mark.parametrize("text", FRACTIONS)
def test_fractions_as_numpy(text, dtype):
    arrays = {name: array.astype(dtype) for name, array in given(SIZED["usual"]).items()}
    arrays["abs_X"] = abs(arrays["X"])
    plain = {name: a.astype(float) for name, a in arrays.items()}
    e, want = eval(text, {**vars(Tensors()), "abs_X": t("abs_X", "ij")}), eval(text, plain)
    got = ev(
        e, {name: array for name, array in arrays.items() if name in set(ed.compile(e).tensors)}
    )
    assert got.dtype == (np.float64 if dtype is np.int64 else dtype), (
        "a number does not decide the dtype"
    )
    np.testing.assert_allclose(got, want, rtol=1e-6 if dtype is np.float32 else 1e-14)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.matmul]
OTHERS = [
    np.array([[1, -2], [3, 4]]),
    np.array([[1.5, 2], [4, -8]]),
    [[1, 2], [4, 8]],
    ((1, 2), (4, 8)),
]


@pytest.mark.parametrize("other", OTHERS, ids=["int", "float", "list", "tuple"])
@pytest.mark.parametrize("f", OPERATORS)
def test_arrays_on_either_side(f, other):
    M, m = t("M", "ij"), np.array([[2, -1], [4, 8]])
    for e, want in ((f(other, M), f(np.asarray(other), m)), (f(M, other), f(m, np.asarray(other)))):
        assert isinstance(e, Expr), "never an object array"
        np.testing.assert_allclose(ev(e, M=m), want, rtol=1e-15)
        assert ev(e, M=m).dtype == want.dtype


@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(3),
        np.float32(3),
        np.int8(3),
        np.array(3),
        np.complex64(3),
        3.0,
    ],
)
@pytest.mark.parametrize("f", OPERATORS[:4])
def test_numpy_scalars_on_either_side(f, scalar):
    x = t("x", "i")
    for e, want in (
        (f(scalar, x), f(3, np.array([1.0, 2.0]))),
        (f(x, scalar), f(np.array([1.0, 2.0]), 3)),
    ):
        assert isinstance(e, Expr)
        np.testing.assert_allclose(ev(e, x=np.array([1.0, 2.0])), want, rtol=1e-15)


# ---- what numbers, zeros and equal terms become
X, Y, B, u, s = (t(name, NAMES[name]) for name in ("X", "Y", "B", "u", "s"))


@pytest.mark.parametrize(
    ("e", "like", "kind"),
    [
        (X + X, 2 * X, Einsum),
        (X + Y + X, 2 * X + Y, Add),
        (2 * (3 * X), 6 * X, Einsum),
        (X @ B + X @ B, 2 * (X @ B), Einsum),
        (2 * X - X, X, Expr),
        (X - Y + Y, X, Expr),
        (X + 0, X, Expr),
        (X / 2, 0.5 * X, Einsum),
        (X**1, X, Expr),
        (X**3, X * X * X, Einsum),
        (2 * (X + Y), 2 * X + 2 * Y, Add),
    ],
)
def test_terms_merge_and_numbers_fold(e, like, kind):
    assert e == like
    assert isinstance(e, kind)


@pytest.mark.parametrize(
    "e", [X - X, 0 * X, X * 0.0, X + Y - Y - X, 0 * (X + Y), 0 * s * X, X - X + (Y - Y)]
)
def test_a_zero_keeps_shape_and_dtype_and_what_it_met(e):
    assert is_zero(e)
    assert (e.ndim, e.axes) == (2, ("i", "j"))
    for dtype in (np.int64, np.float32, np.complex128):
        met = {
            name: np.ones((2, 3) if name != "s" else (), dtype) for name in ed.compile(e).tensors
        }
        got = ev(e, met)
        assert got.shape == (2, 3)
        assert not got.any()
        assert got.dtype == np.result_type(dtype, *([0.0] if type(e.coefficient) is float else []))
    with pytest.raises(ed.ShapeError, match=r"2.*3|3.*2"):
        ev(e + t("Z", "ij"), {"X": np.ones((2, 2)), "Z": np.ones((3, 3))})


def test_sums_of_any_length():
    parts = [t(f"T{k}", "i") for k in range(2 * FLAT + 1)]
    total = parts[0]
    for terms in range(1, len(parts) + 1):
        if terms > 1:
            total = total + parts[terms - 1]
        if terms not in (1, 2, FLAT - 1, FLAT, FLAT + 1, 2 * FLAT + 1):
            continue
        assert [str(x) for x in total.terms] == [str(x) for x in parts[:terms]], "in written order"
        arrays = {f"T{k}": np.array([k, 1]) for k in range(terms)}
        for same in (total, 2 * total - added([total])):
            assert_same(ev(same, arrays), [terms * (terms - 1) // 2, terms])


# ---- what is refused
@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: X + t("w", "i"),
            ed.ShapeError,
            r"axis i of w would meet axis j of X, which has an axis i ",
        ),
        (lambda: X * t("w", "i"), ed.ShapeError, r"axis i elsewhere: write w\[:, None\]$"),
        (lambda: t("w", "i") / X, ed.ShapeError, r"axis i elsewhere: write w\[:, None\]$"),
        (lambda: X - ed.sum(X, 1), ed.ShapeError, r"write \[:, None\] behind it, or keepdims=True"),
        (lambda: t("T", "abc") + t("M", "ca"), ed.ShapeError, "turn the axes of M, or write"),
        (
            lambda: t("P", (3, 4)) + [1, 2, 3],
            ed.ShapeError,
            r"cannot broadcast: axis 1 of P has size 4, axis 0 of an array of shape \(3,\) has 3",
        ),
        (lambda: X @ s, ed.ShapeError, "@ needs two operands with axes"),
        (lambda: X @ 2, ed.ShapeError, "@ needs two operands with axes"),
        (
            lambda: t("P", "bij") @ t("Q", "bcjk"),
            ed.ShapeError,
            r"axis b of P would meet axis c of Q, .*: write P\[:, None\]$",
        ),
        (lambda: X / 0, ed.EinderivError, "division by the number 0"),
        (lambda: X / np.float64(0), ed.EinderivError, "division by the number 0"),
        (lambda: X ** t("v", "i"), ed.ShapeError, r"write v\[:, None\]"),
        (lambda: X ** "2", TypeError, "the exponent is the string '2'"),
        (lambda: X ** float("nan"), ed.EinderivError, r"\*\* takes a finite exponent, not nan"),
        (lambda: X ** float("inf"), ed.EinderivError, r"\*\* takes a finite exponent, not inf"),
        (lambda: (-2) ** X, TypeError, r"-2 \*\* x needs a positive number to the left"),
        (
            lambda: X**True,
            TypeError,
            r"\*\* takes a number, an array or an expression as exponent, not True",
        ),
        (
            lambda: X * True,
            TypeError,
            r"is the bool True: == compares whole expressions, ed.equal\(x, y\)",
        ),
        (lambda: (X != 0) * X, TypeError, "is the bool True"),
        (lambda: np.where(X == 0, 1, X), TypeError, "is the bool False"),
        (lambda: X.softmax, AttributeError, r"no attribute 'softmax': ed.softmax\(e\) is there"),
        (lambda: X.frobnicate, AttributeError, "expressions have no attribute 'frobnicate'$"),
        (lambda: X + "Y", TypeError, "unsupported operand"),
        (lambda: X + None, TypeError, "unsupported operand"),
        (lambda: X << 2, TypeError, "unsupported operand"),
        (lambda: np.modf(X), TypeError, "np.modf does not work on expressions"),
        (lambda: X + np.array(["a"]), TypeError, "has dtype <U1"),
        (lambda: as_expression("X"), TypeError, "the argument is the string 'X': ed.tensor makes"),
    ],
)
def test_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    ("axis", "positions"),
    [
        (None, (0, 1)),
        (0, (0,)),
        (-1, (1,)),
        ("j", (1,)),
        ((1, 0), (1, 0)),
        (("i", -1), (0, 1)),
        ([0], (0,)),
        ((), ()),
    ],
)
def test_axes_of(axis, positions):
    assert axes_of(X, axis) == positions


@pytest.mark.parametrize(
    ("axis", "kind", "message"),
    [
        (2, ed.ShapeError, "axis 2 is out of range for 2 axes"),
        (-3, ed.ShapeError, "axis -3 is out of range for 2 axes"),
        ("z", ed.ShapeError, "no axis is called 'z'; the axes are i, j"),
        ((0, 0), ed.ShapeError, r"axis \(0, 0\) names one axis twice"),
        ((0, -2), ed.ShapeError, "names one axis twice"),
        (True, TypeError, "an axis is an int or a name, not bool"),
        (1.0, TypeError, "an axis is an int or a name, not float"),
    ],
)
def test_axes_of_refuses(axis, kind, message):
    with pytest.raises(kind, match=message):
        axes_of(X, axis)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x * 10**400,
        lambda x: x / 10**400,
        lambda x: x ** (10**5000),
        lambda x: 10**300 * x * 10**300 * 0.5,
    ],
)
def test_numbers_beyond_floats_are_refused(make):
    with pytest.raises(ed.EinderivError, match="floats hold"):
        make(ed.tensor("x", "i"))


def test_long_sums_merge_and_vanish():
    total = ed.tensor("v0", "i")
    for k in range(1, 100):
        total = total + ed.tensor(f"v{k}", "i")
    assert (total - total).coefficient == 0
    assert total + total == 2 * total


def test_an_array_does_not_take_the_letters_away():
    assert (np.ones((2, 2)) @ ed.tensor("M", "ij")).axes == (None, "j")
    assert (np.ones(2) @ ed.tensor("x", "i")).subscripts == "i,i->"


@pytest.mark.parametrize("given", ["u", t("u", "pq"), np.ones((2, 3)), [[1, 2, 3], [4, 5, 6]]])
def test_aligned(given):
    e = aligned(given, X, "the tangent")
    assert e.axes == X.axes and e.ndim == 2
    assert (aligned(2, t("s"), "the tangent").axes, aligned("u", t("s"), "it").axes) == ((), ())


@pytest.mark.parametrize(
    ("given", "like", "kind", "message"),
    [
        (3, X, ed.ShapeError, "the tangent has 0 axes, but needs 2"),
        ("class", X, ed.ParseError, "the name of the tangent must be an ASCII identifier"),
        (t("v", "i"), X, ed.ShapeError, "the tangent has 1 axis, but needs 2"),
        (np.ones((2, 3)), t("W", (2, 4)), ed.ShapeError, "has size 3, but was given size 4"),
        (None, X, TypeError, "the tangent must be an array, a number or nested lists"),
    ],
)
def test_what_cannot_be_aligned(given, like, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        aligned(given, like, "the tangent")
