"""The public elementwise calls: numbers, scalars and arrays as arguments, parameters, bounds, and what is refused."""

import math
import re
from types import FunctionType

import numpy as np
import pytest
from formulas import by_differences
from scipy import special

import einderiv as ed
from einderiv.functions import elementwise

ev = ed.evaluate
x, y, s, r, X = ed.tensor("x", "i"), ed.tensor("y", "i"), ed.tensor("s"), ed.tensor("r"), ed.tensor("X", "ij")
AT = {"x": np.array([-2.0, -0.5, 0.5, 3.0]), "y": np.array([1.0, -1.0, 2.0, 0.25]), "s": np.array(0.75),
      "r": np.array(-0.25), "X": np.arange(-3.0, 3.0).reshape(2, 3) + 0.5}  # fmt: skip


def used(e, given=AT):
    return {n: given[n] for n in ed.compile(e).tensors}


VALUES = [
    # call                                          the same in NumPy, of all arrays
    (ed.clip(x, -1, 1),                             lambda x, y, s, r, X: np.clip(x, -1, 1)),
    (ed.clip(x, None, 1),                           lambda x, y, s, r, X: np.minimum(x, 1)),
    (ed.clip(x, -1),                                lambda x, y, s, r, X: np.maximum(x, -1)),
    (ed.clip(x, low := [0.0, -1, 0, 1], 2),         lambda x, y, s, r, X: np.clip(x, low, 2)),
    (ed.clip(x, r, s),                              lambda x, y, s, r, X: np.clip(x, r, s)),
    (ed.clip(x, 1, -1),                             lambda x, y, s, r, X: np.clip(x, 1, -1)),
    (ed.clip(s, 0, 0.5),                            lambda x, y, s, r, X: np.clip(s, 0, 0.5)),
    (ed.where(ed.less(x, y), x * y, x),             lambda x, y, s, r, X: np.where(x < y, x * y, x)),
    (ed.where([True, False, True, False], x, s),    lambda x, y, s, r, X: np.where([1, 0, 1, 0], x, s)),
    (ed.where(x - 0.5, s, y),                       lambda x, y, s, r, X: np.where(x != 0.5, s, y)),
    (ed.where(s, x, y),                             lambda x, y, s, r, X: x),
    (ed.where(0, x, y),                             lambda x, y, s, r, X: y),
    (ed.where(ed.greater(X, 0), X, 0.5),            lambda x, y, s, r, X: np.where(X > 0, X, 0.5)),
    (ed.leaky_relu(x),                              lambda x, y, s, r, X: np.maximum(x, 0.01 * x)),
    (ed.leaky_relu(X, -1),                          lambda x, y, s, r, X: np.abs(X)),
    (ed.elu(x),                                     lambda x, y, s, r, X: np.where(x > 0, x, np.exp(x) - 1)),
    (ed.elu(X, 2),                                  lambda x, y, s, r, X: np.where(X > 0, X, 2 * np.exp(X) - 2)),
    (ed.gelu(X),                                    lambda x, y, s, r, X: X * special.ndtr(X)),
    (ed.gelu(x, approximate=True),                  lambda x, y, s, r, X: x * special.expit(
        math.sqrt(8 / math.pi) * (x + 0.044715 * x**3))),
    (ed.polygamma(2, ed.square(x)),                 lambda x, y, s, r, X: special.polygamma(2, x * x)),
    (ed.maximum(x, s),                              lambda x, y, s, r, X: np.maximum(x, s)),
    (ed.minimum(0.1, X),                            lambda x, y, s, r, X: np.minimum(0.1, X)),
    (ed.hypot(s, x),                                lambda x, y, s, r, X: np.hypot(s, x)),
    (ed.hypot(3, 4),                                lambda x, y, s, r, X: np.asarray(5.0)),
    (ed.arctan2(y, x),                              lambda x, y, s, r, X: np.arctan2(y, x)),
    (ed.arctan2(s, r),                              lambda x, y, s, r, X: np.arctan2(s, r)),
    (x**3 - 2 / x,                                  lambda x, y, s, r, X: x**3 - 2 / x),
    ((X * X) ** 0.25,                               lambda x, y, s, r, X: np.sqrt(np.abs(X))),
]  # fmt: skip


@pytest.mark.parametrize(("e", "plain"), VALUES, ids=[f"{k}" for k in range(len(VALUES))])
def test_values_and_derivatives(e, plain):
    np.testing.assert_allclose(ev(e, used(e)), plain(**AT), rtol=1e-14, atol=1e-15)
    assert e.ndim == plain(**AT).ndim
    for name in ed.compile(e).inputs:
        J = ed.derive(e, name)
        want = by_differences(lambda z: plain(**{**AT, name: z}), AT[name], 1e-6)
        assert ev(J, used(J)).shape == want.shape
        np.testing.assert_allclose(ev(J, used(J)), want, rtol=1e-7, atol=1e-8)
        H = ed.derive(J, name)
        want = by_differences(lambda z: ev(J, {**used(J), name: z}), AT[name], 1e-6)
        np.testing.assert_allclose(ev(H, used(H)), want, rtol=1e-6, atol=1e-6)


KINKS = [
    # call                         at                 the derivative of the sum
    (ed.clip(x, 0, 1),             [-1, 0, 0.5, 1, 2], [0, 0.5, 1, 0.5, 0]),
    (ed.clip(x, 0),                [-1, 0, 3],        [0, 0.5, 1]),
    (ed.clip(x, None, 0),          [-1, 0, 3],        [1, 0.5, 0]),
    (ed.clip(x, 1, 1),             [0, 1, 2],         [0, 0.25, 0]),
    (ed.maximum(x, x),             [-1, 0, 3],        [1, 1, 1]),
    (ed.maximum(x, -x),            [-1, 0, 3],        [-1, 0, 1]),
    (ed.minimum(0, x),             [-1, 0, 3],        [1, 0.5, 0]),
    (ed.where(x, 3 * x, 5 * x),    [-1, 0, 3],        [3, 5, 3]),
    (ed.relu(x) - ed.relu(-x),     [-1, 0, 3],        [1, 0, 1]),
    (ed.leaky_relu(x, 0.5),        [-1, 0, 3],        [0.5, 0.5, 1]),
    (ed.elu(x, 0.5),               [0, 3],            [0.5, 1]),
    (ed.sign(x) * x,               [-1, 0, 3],        [-1, 0, 1]),
    (ed.greater(x, 0) * x,         [-1, 0, 3],        [0, 0, 1]),
    (ed.greater_equal(x, 0) * x,   [-1, 0, 3],        [0, 1, 1]),
    (ed.equal(x, 0) * x,           [-1, 0, 3],        [0, 1, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("e", "at", "want"), KINKS, ids=[str(row[0]) for row in KINKS])
def test_derivatives_at_kinks(e, at, want):
    assert ev(ed.grad(ed.sum(e), x), x=np.array(at, float)).tolist() == want


STRETCHED = [
    # by s = 2, with x = (1, 2, 3)   gradient of the sum by s   by x
    (ed.maximum(s, x),               1.5,                       [0, 0.5, 1]),
    (ed.minimum(s, x),               1.5,                       [1, 0.5, 0]),
    (ed.where(ed.greater(x, 1), s, x), 2,                       [1, 0, 0]),
    (ed.where(ed.greater(x, 1), x, s), 1,                       [0, 1, 1]),
    (ed.where(s, x, s),              0,                         [1, 1, 1]),
    (ed.clip(x, s, 10),              1.5,                       [0, 0.5, 1]),
    (ed.clip(x, 0, s),               1.5,                       [1, 0.5, 0]),
    (s * ed.less(x, s),              1,                         [0, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("e", "by_s", "by_x"), STRETCHED, ids=[str(row[0]) for row in STRETCHED])
def test_a_scalar_that_broadcasts_collects_its_shares(e, by_s, by_x):
    given = {"x": np.array([1, 2, 3]), "s": np.array(2)}
    first, second = ed.grad(ed.sum(e), (s, x))
    assert ev(first, used(first, given)) == by_s
    assert ev(second, used(second, given)).tolist() == by_x


@pytest.mark.parametrize(("quadrant", "want"), [
    ((3, 4),   (0.16, -0.12)), ((3, -4),  (-0.16, -0.12)),
    ((-3, 4),  (0.16, 0.12)),  ((-3, -4), (-0.16, 0.12)),
])  # fmt: skip
def test_arctan2_in_every_quadrant(quadrant, want):
    given = dict(zip(("x", "y"), np.array(quadrant, float)[:, None]))
    e = ed.arctan2(x, y)
    assert ev(e, given) == math.atan2(*quadrant)
    slopes = [ev(g, given)[0] for g in ed.grad(ed.sum(e), (x, y))]
    np.testing.assert_allclose(slopes, want, rtol=1e-15)


@pytest.mark.parametrize("shape", [(0,), (1,), (3,)])
@pytest.mark.parametrize("f", [ed.clip, ed.leaky_relu, ed.elu, ed.gelu, ed.abs, lambda e: ed.where(e, e, 1),
                               lambda e: ed.maximum(e, 0), lambda e: e**2.5, lambda e: ed.polygamma(1, e)])  # fmt: skip
def test_tiny_and_empty_arrays(f, shape):
    at = np.full(shape, 0.5, "f4")
    e = f(x)
    assert e.axes == ("i",)
    for k in range(3):
        got = ev(e, x=at)
        assert got.shape == shape * (k + 1) and got.dtype == np.float32
        e = ed.derive(e, x)


def test_axes_are_those_of_the_argument_that_has_some():
    for e in (ed.maximum(s, X), ed.where(1, s, X), ed.clip(X, s, 2), ed.clip(s, 0, X), ed.hypot(X, X)):
        assert e.axes == ("i", "j")
    assert ed.maximum(s, r).axes == ()


@pytest.mark.parametrize(("value", "exponent", "want"), [
    ([2, 3], 3,  [8, 27]), ([2, 3], 0, [1, 1]), ([2, 4], -1, [0.5, 0.25]), ([4.0, 9.0], 0.5, [2, 3]),
    ([2, 3], np.int64(2), [4, 9]), ([2.0, 3.0], np.float64(2), [4, 9]),
])  # fmt: skip
def test_powered(value, exponent, want):
    assert ev(x**exponent, x=np.array(value)).tolist() == want
    assert ev(elementwise.powered(np.array(value), exponent)).tolist() == want


REFUSED = [
    (lambda: x**"2",                      TypeError,        "** takes a number as exponent, not str: write ed.exp("),
    (lambda: x**None,                     TypeError,        "** takes a number as exponent, not NoneType"),
    (lambda: x**y,                        TypeError,        "** takes a number as exponent, not"),
    (lambda: x ** math.nan,               ed.EinderivError, "** takes a finite exponent, not nan"),
    (lambda: x ** -math.inf,              ed.EinderivError, "** takes a finite exponent, not -inf"),
    (lambda: ed.leaky_relu(x, "1"),       TypeError,        "the slope must be a finite real number, not '1'"),
    (lambda: ed.leaky_relu(x, 1j),        TypeError,        "the slope must be a finite real number, not 1j"),
    (lambda: ed.leaky_relu(x, math.inf),  TypeError,        "the slope must be a finite real number, not inf"),
    (lambda: ed.leaky_relu(x, s),         TypeError,        "the slope must be a finite real number, not"),
    (lambda: ed.elu(x, math.nan),         TypeError,        "alpha must be a finite real number, not nan"),
    (lambda: ed.elu(x, None),             TypeError,        "alpha must be a finite real number, not None"),
    (lambda: ed.polygamma(0, x),          TypeError,        "the order of polygamma must be a whole number"),
    (lambda: ed.polygamma(1001, x),       TypeError,        "must be a whole number from 1 to 1000, not 1001"),
    (lambda: ed.polygamma(True, x),       TypeError,        "must be a whole number from 1 to 1000, not True"),
    (lambda: ed.polygamma(1.0, x),        TypeError,        "must be a whole number from 1 to 1000, not 1.0"),
    (lambda: ed.polygamma(x, 1),          TypeError,        "must be a whole number from 1 to 1000"),
    (lambda: ed.where(x, X, 0),           ed.ShapeError,    "only scalars broadcast"),
    (lambda: ed.where(x, "y", 0),         TypeError,        "string 'y'"),
    (lambda: ed.where([1, 0], x, [1, 2, 3]), ed.ShapeError, "2"),
    (lambda: ed.maximum(x, X),            ed.ShapeError,    "only scalars broadcast"),
    (lambda: ed.maximum(x, None),         TypeError,        "NoneType"),
    (lambda: ed.maximum([1, 2], [1, 2, 3]), ed.ShapeError,  "3"),
    (lambda: ed.clip(x, "0"),             TypeError,        "string '0'"),
    (lambda: ed.clip(x, 0, X),            ed.ShapeError,    "only scalars broadcast"),
    (lambda: ed.gelu(None),               TypeError,        "the argument must be an array, a number"),
    (lambda: ed.exp("x"),                 TypeError,        "the argument is the string 'x': ed.tensor makes a tensor"),
    (lambda: ed.exp(x, x),                TypeError,        "takes 1 positional argument but 2 were given"),
    (lambda: ed.maximum(x),               TypeError,        "missing 1 required positional argument"),
    (lambda: ed.exp(e=x),                 TypeError,        "positional-only"),
    (lambda: ed.gelu(x, True),            TypeError,        "takes 1 positional argument but 2 were given"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_refused(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call()


def test_sizes_that_do_not_fit_are_told_on_evaluation():
    with pytest.raises(ed.ShapeError, match="has size 3"):
        ev(ed.maximum(x, y), x=np.ones(2), y=np.ones(3))


CALLS = [n for n, f in vars(elementwise).items() if isinstance(f, FunctionType) and n.rstrip("_") in ed.__all__]


@pytest.mark.parametrize("name", CALLS)
def test_public_names(name):
    call, public = getattr(elementwise, name), name.rstrip("_")
    assert getattr(ed, public) is call or public == "abs"  # of complex numbers `abs` is more
    assert (call.__name__, call.__doc__.startswith(f"``{public}(")) == (name.rstrip("_"), True)


def test_all_public_names_were_seen():
    assert {"where", "clip", "leaky_relu", "elu", "gelu", "polygamma", "abs_", "exp", "less"} <= {*CALLS}
    assert len(CALLS) >= 45
