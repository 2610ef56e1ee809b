"""Elementwise functions. Their calls: numbers, scalars and arrays as arguments, parameters, bounds, what is refused.

Their rows: kinks, the whole complex plane, arguments of ±1e4, high orders, and integers.
"""

import math
import re
from types import FunctionType

import numpy as np
import pytest
from formulas import by_differences
from scipy import special
from scipy.stats import norm

import einderiv as ed
from einderiv.functions import complex, elementwise
from einderiv.functions.elementwise import raised, squared
from einderiv.functions.table import ADDED, FUNCTIONS, apply

ev = ed.evaluate
x, y, s, r, X = (
    ed.tensor("x", "i"),
    ed.tensor("y", "i"),
    ed.tensor("s"),
    ed.tensor("r"),
    ed.tensor("X", "ij"),
)
AT = {
    "x": np.array([-2.0, -0.5, 0.5, 3.0]),
    "y": np.array([1.0, -1.0, 2.0, 0.25]),
    "s": np.array(0.75),
    "r": np.array(-0.25),
    "X": np.arange(-3.0, 3.0).reshape(2, 3) + 0.5,
}


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


@pytest.mark.parametrize(
    ("quadrant", "want"),
    [
        ((3, 4), (0.16, -0.12)),
        ((3, -4), (-0.16, -0.12)),
        ((-3, 4), (0.16, 0.12)),
        ((-3, -4), (-0.16, 0.12)),
    ],
)
def test_arctan2_in_every_quadrant(quadrant, want):
    given = dict(zip(("x", "y"), np.array(quadrant, float)[:, None]))
    e = ed.arctan2(x, y)
    assert ev(e, given) == math.atan2(*quadrant)
    slopes = [ev(g, given)[0] for g in ed.grad(ed.sum(e), (x, y))]
    np.testing.assert_allclose(slopes, want, rtol=1e-15)


@pytest.mark.parametrize("shape", [(0,), (1,), (3,)])
@pytest.mark.parametrize(
    "f",
    [
        ed.clip,
        ed.leaky_relu,
        ed.elu,
        ed.gelu,
        ed.abs,
        lambda e: ed.where(e, e, 1),
        lambda e: ed.maximum(e, 0),
        lambda e: e**2.5,
        lambda e: ed.polygamma(1, e),
    ],
)
def test_tiny_and_empty_arrays(f, shape):
    at = np.full(shape, 0.5, "f4")
    e = f(x)
    assert e.axes == ("i",)
    for k in range(3):
        got = ev(e, x=at)
        assert got.shape == shape * (k + 1) and got.dtype == np.float32
        e = ed.derive(e, x)


def test_axes_are_those_of_the_argument_that_has_some():
    for e in (
        ed.maximum(s, X),
        ed.where(1, s, X),
        ed.clip(X, s, 2),
        ed.clip(s, 0, X),
        ed.hypot(X, X),
    ):
        assert e.axes == ("i", "j")
    assert ed.maximum(s, r).axes == ()


@pytest.mark.parametrize(
    ("value", "exponent", "want"),
    [
        ([2, 3], 3, [8, 27]),
        ([2, 3], 0, [1, 1]),
        ([2, 4], -1, [0.5, 0.25]),
        ([4.0, 9.0], 0.5, [2, 3]),
        ([2, 3], np.int64(2), [4, 9]),
        ([2.0, 3.0], np.float64(2), [4, 9]),
    ],
)
def test_powered(value, exponent, want):
    assert ev(x**exponent, x=np.array(value)).tolist() == want
    assert ev(elementwise.powered(np.array(value), exponent)).tolist() == want


REFUSED = [
    (lambda: x**"2",                      TypeError,        "the exponent is the string '2'"),
    (lambda: x**None,                     TypeError,        "the exponent must be an array"),
    (lambda: x**X,                        ed.ShapeError,    "write x[:, None]"),
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
    (lambda: ed.where(x, X, 0),           ed.ShapeError,    "write x[:, None]"),
    (lambda: ed.where(x, "y", 0),         TypeError,        "string 'y'"),
    (lambda: ed.where([1, 0], x, [1, 2, 3]), ed.ShapeError, "2"),
    (lambda: ed.maximum(x, X),            ed.ShapeError,    "write x[:, None]"),
    (lambda: ed.maximum(x, None),         TypeError,        "NoneType"),
    (lambda: ed.maximum([1, 2], [1, 2, 3]), ed.ShapeError,  "3"),
    (lambda: ed.clip(x, "0"),             TypeError,        "string '0'"),
    (lambda: ed.clip(x, 0, X),            ed.ShapeError,    "write [:, None] behind it"),
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


CALLS = [
    n
    for n, f in vars(elementwise).items()
    if isinstance(f, FunctionType) and n.rstrip("_") in ed.__all__
]


@pytest.mark.parametrize("name", CALLS)
def test_public_names(name):
    call, public = getattr(elementwise, name), name.rstrip("_")
    assert getattr(ed, public) is call or public == "abs"  # of complex numbers `abs` is more
    assert (call.__name__, call.__doc__.startswith(f"``{public}(")) == (name.rstrip("_"), True)


def test_all_public_names_were_seen():
    assert {"where", "clip", "leaky_relu", "elu", "gelu", "polygamma", "abs_", "exp", "less"} <= {
        *CALLS
    }
    assert len(CALLS) >= 45


# ---- the rows
NAMES = "xyz"
OTHERS = {row.name for row in complex._ROWS}
ROWS = {n: row for n, row in FUNCTIONS.items() if row.core == 0 and n not in (*ADDED, *OTHERS)}


def applied(name, parameters=()):
    tensors = [ed.tensor(n, "i") for n, _ in zip(NAMES, ROWS[name].derivatives)]
    return apply(name, tuple(tensors), 0, parameters)


def slope(e, name, given):
    """The derivative of an elementwise expression by a vector, entry by entry."""
    return ev(ed.derive(ed.sum(e), name), given)


# ---- kinks
SLOPES = [
    # row             parameters  arguments                 f            f' by each of them
    ("relu",          (),         ([-1, 0, 2],),            [0, 0, 2],   ([0, 0, 1],)),
    ("abs",           (),         ([-1, 0, 2],),            [1, 0, 2],   ([-1, 0, 1],)),
    ("sign",          (),         ([-1, 0, 2],),            [-1, 0, 1],  ([0, 0, 0],)),
    ("heaviside",     (),         ([-1, 0, 2],),            [0, 0, 1],   ([0, 0, 0],)),
    ("leaky_relu",    (0.25,),    ([-4, 0, 2],),            [-1, 0, 2],  ([0.25, 0.25, 1],)),
    ("leaky_relu",    (3,),       ([-4, 0, 2],),            [-12, 0, 2], ([3, 3, 1],)),
    ("elu",           (0.5,),     ([0, 2],),                [0, 2],      ([0.5, 1],)),
    ("elu_slope",      (),         ([0, 2],),                [1, 0],      ([0, 0],)),
    ("hypot_slope",     (),         ([0, 3], [0, 0]),         [0, 1],      ([0, 0], [0, 0])),
    ("arctan2_slope", (),         ([0, 2], [0, 0]),         [0, 0.5],    ([0, -0.25], [0, 0])),
    ("hypot",         (),         ([0, 3], [0, 0]),         [0, 3],      ([0, 1], [0, 0])),
    ("arctan2",       (),         ([0, 0], [0, 2]),         [0, 0],      ([0, 0.5], [0, 0])),
    ("maximum",       (),         ([1, 2, 3], [2, 2, 2]),   [2, 2, 3],   ([0, 0.5, 1], [1, 0.5, 0])),
    ("minimum",       (),         ([1, 2, 3], [2, 2, 2]),   [1, 2, 2],   ([1, 0.5, 0], [0, 0.5, 1])),
    ("remainder",     (),         ([4, 5, -1], [2, 2, 4]),  [0, 1, 3],   ([1, 1, 1], [-2, -2, 1])),
    ("pow",           (),         ([0, 0, 1], [0, 2, 3]),   [1, 0, 1],   ([0, 0, 3], [0, 0, 0])),
    ("pow_slope",     (1, 0),     ([0, 0, 1], [2, 1, 3]),   [0, 1, 3],   ([2, 0, 6], [0, 1, 1])),
    ("maximum_slope",         (),         ([1, 2, 3], [2, 2, 2]),   [0, 0.5, 1], ([0, 0, 0],) * 2),
    ("where",         (),         ([-1, 0, 2], [3, 4, 5], [6, 7, 8]), [3, 7, 5], ([0, 0, 0], [1, 0, 1], [0, 1, 0])),
    ("greater",       (),         ([1, 2, 3], [2, 2, 2]),   [0, 0, 1],   ([0, 0, 0],) * 2),
    ("greater_equal", (),         ([1, 2, 3], [2, 2, 2]),   [0, 1, 1],   ([0, 0, 0],) * 2),
    ("less",          (),         ([1, 2, 3], [2, 2, 2]),   [1, 0, 0],   ([0, 0, 0],) * 2),
    ("less_equal",    (),         ([1, 2, 3], [2, 2, 2]),   [1, 1, 0],   ([0, 0, 0],) * 2),
    ("equal",         (),         ([1, 2, 3], [2, 2, 2]),   [0, 1, 0],   ([0, 0, 0],) * 2),
    ("not_equal",     (),         ([1, 2, 3], [2, 2, 2]),   [1, 0, 1],   ([0, 0, 0],) * 2),
    ("floor",         (),         ([-1.5, -1, 2.5],),       [-2, -1, 2], ([0, 0, 0],)),
    ("ceil",          (),         ([-1.5, -1, 2.5],),       [-1, -1, 3], ([0, 0, 0],)),
    ("trunc",         (),         ([-1.5, -1, 2.5],),       [-1, -1, 2], ([0, 0, 0],)),
    ("rint",          (),         ([-1.5, 0.5, 2.75],),     [-2, 0, 3],  ([0, 0, 0],)),
    ("xlogy",         (),         ([0, 2], [1, 1]),         [0, 0],      ([0, 0], [0, 2])),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "arguments", "value", "slopes"), SLOPES)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_kinks(name, parameters, arguments, value, slopes, dtype):
    e, given = applied(name, parameters), {n: np.array(a, dtype) for n, a in zip(NAMES, arguments)}
    assert ev(e, given).tolist() == value
    for n, want in zip(given, slopes, strict=True):
        got = slope(e, n, given)
        assert got.dtype == dtype
        assert got.tolist() == want


def test_every_kink_is_tested():
    assert {row[0] for row in SLOPES} == {name for name, row in ROWS.items() if row.kink}


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row.derived == "0"])
def test_what_is_constant_has_no_terms(name):
    assert [rule(applied(name)) for rule in ROWS[name].derivatives] == [()] * len(
        ROWS[name].derivatives
    )


def test_second_derivatives_at_kinks_are_zero():
    given = {"x": np.array([-1.0, 0.0, 1.0])}
    for e in (ed.relu(x), ed.abs(x), ed.leaky_relu(x, 0.3), ed.maximum(x, 0), ed.where(x, x, -x)):
        assert not ev(ed.hessian(ed.sum(e), x), given).any()
    second = slope(ed.derive(ed.sum(ed.elu(x, 2)), x), x, given)
    # at 0 as in PyTorch; in JAX it is that from the left
    np.testing.assert_allclose(second, [2 / math.e, 0, 0], rtol=1e-15)


# ---- the complex plane
PLANE = np.array(
    [0.7 + 0.4j, -0.8 + 0.6j, -1.7 - 0.9j, 1.9 - 0.5j, -2.5 + 0.1j, 0.3 + 1.8j, -0.3 - 1.7j]
)
ANALYTIC = [
    (n, p)
    for n, row in ROWS.items()
    if row.analytic and len(row.derivatives) == 1
    for p in ([(2.5,), (-0.5,), (5,), (-3,), (2 + 1j,)] if n == "power" else [()])
]


@pytest.mark.parametrize(("name", "parameters"), ANALYTIC)
def test_holomorphic_in_all_quadrants(name, parameters):
    """The derivative is the slope along the real axis, and along the imaginary one."""
    e = applied(name, parameters)
    first = ed.derive(ed.sum(e), x)
    for f, g in ((e, first), (first, ed.derive(ed.sum(first), x))):
        for h in (1e-6, 1e-6j):
            want = (ev(f, x=PLANE + h) - ev(f, x=PLANE - h)) / (2 * h)
            np.testing.assert_allclose(ev(g, x=PLANE), want, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if not row.analytic])
def test_what_is_not_holomorphic_refuses_complex_numbers(name):
    given = dict.fromkeys(NAMES[: len(ROWS[name].derivatives)], PLANE)
    parameters = {
        "leaky_relu": (0.1,),
        "elu": (1.0,),
        "polygamma": (1,),
        "pow_slope": (1, 0),
        "bessel_i": (2,),
        "spherical_bessel": (1,),
    }.get(name, ())
    with pytest.raises(ed.EinderivError, match=f"{name} of complex numbers is not holomorphic"):
        ev(applied(name, parameters), given)


# ---- far out
LARGE = np.array([1e4, 30, 0.5, -30, -1e4], "f4")
FAR = {
    # value and derivative that keep their precision, in float64
    "sigmoid":     (special.expit, lambda a: special.expit(a) * special.expit(-a)),
    "softplus":    (lambda a: np.logaddexp(0, a), special.expit),
    "log_sigmoid": (special.log_expit, lambda a: special.expit(-a)),
    "silu":        (lambda a: a * special.expit(a), lambda a: special.expit(a) * (1 + a * special.expit(-a))),
    "tanh":        (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "arctan":      (np.arctan, lambda a: 1 / (1 + a * a)),
    "arcsinh":     (np.arcsinh, lambda a: 1 / np.hypot(1, a)),
    "erf":         (special.erf, lambda a: 2 * norm.pdf(a, scale=0.5**0.5)),
    "erfc":        (special.erfc, lambda a: -2 * norm.pdf(a, scale=0.5**0.5)),
    "gelu":        (lambda a: a * norm.cdf(a), lambda a: norm.cdf(a) + a * norm.pdf(a)),
    "elu":         (lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))), lambda a: np.exp(np.minimum(a, 0))),
    "leaky_relu":  (lambda a: np.where(a > 0, a, 0.01 * a), lambda a: np.where(a > 0, 1, 0.01)),
    "relu":        (lambda a: np.maximum(a, 0), lambda a: 1.0 * (a > 0)),
    "abs":         (np.abs, np.sign),
    "cbrt":        (np.cbrt, lambda a: np.cbrt(a) / (3 * a)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAR)
def test_large_arguments_in_single_precision(name):
    e = getattr(ed, name)(x)
    value, derivative = (f(LARGE.astype(float)) for f in FAR[name])
    got, first = ev(e, x=LARGE), slope(e, x, {"x": LARGE})
    assert got.dtype == first.dtype == np.float32
    np.testing.assert_allclose(got, value, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(first, derivative, rtol=1e-5, atol=1e-7)
    assert np.isfinite(ev(ed.derive(ed.derive(ed.sum(e), x), x), x=LARGE)).all()


PRECISE = [  # where a careless formula leaves no digits
    ("expm1",       1e-12,  1e-12 * (1 + 0.5e-12),        1 + 1e-12),
    ("log1p",       1e-12,  1e-12 * (1 - 0.5e-12),        1 - 1e-12),
    ("sigmoid",     -50.0,  math.exp(-50),                math.exp(-50)),
    ("sigmoid",     50.0,   1.0,                          math.exp(-50)),
    ("softplus",    -50.0,  math.exp(-50),                math.exp(-50)),
    ("log_sigmoid", 50.0,   -math.exp(-50),               math.exp(-50)),
    ("erfc",        10.0,   2.0884875837625447e-45,       -2 / math.sqrt(math.pi) * math.exp(-100)),
    ("gelu",        -10.0,  -10 * norm.sf(10),            norm.sf(10) - 10 * norm.pdf(10)),
    ("hypot",       3e200,  5e200,                        0.6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "at", "value", "derivative"), PRECISE)
def test_no_digits_are_lost(name, at, value, derivative):
    e, given = applied(name), {"x": np.array([at]), "y": np.array([4e200])}
    given = {n: given[n] for n in ed.compile(e).inputs}
    np.testing.assert_allclose(ev(e, given), [value], rtol=1e-13)
    np.testing.assert_allclose(slope(e, "x", given), [derivative], rtol=1e-12)


# ---- high orders
ORDERS = [
    # row        order  f^(n)
    ("exp",        5,   np.exp),
    ("log",        4,   lambda a: -6 / a**4),
    ("sin",        6,   lambda a: -np.sin(a)),
    ("cos",        5,   lambda a: -np.sin(a)),
    ("sqrt",       3,   lambda a: 3 / 8 * a**-2.5),
    ("reciprocal", 4,   lambda a: 24 / a**5),
    ("tanh",       3,   lambda a: (1 - np.tanh(a) ** 2) * (6 * np.tanh(a) ** 2 - 2)),
    ("sigmoid",    2,   lambda a: special.expit(a) * special.expit(-a) * np.tanh(-a / 2)),
    ("softplus",   3,   lambda a: special.expit(a) * special.expit(-a) * np.tanh(-a / 2)),
    ("tan",        2,   lambda a: 2 * np.tan(a) / np.cos(a) ** 2),
    ("arctan",     3,   lambda a: (6 * a**2 - 2) / (1 + a**2) ** 3),
    ("arcsin",     2,   lambda a: a / (1 - a**2) ** 1.5),
    ("arctanh",    2,   lambda a: 2 * a / (1 - a**2) ** 2),
    ("erf",        3,   lambda a: (8 * a**2 - 4) / math.sqrt(math.pi) * np.exp(-(a**2))),
    ("gelu",       2,   lambda a: (2 - a**2) * norm.pdf(a)),
    ("gammaln",    4,   lambda a: special.polygamma(3, a)),
    ("cbrt",       2,   lambda a: -2 / 9 * a ** (-5 / 3)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "order", "want"), ORDERS)
def test_high_orders(name, order, want):
    at, e = np.array([0.3, 0.55, 0.8]), applied(name)
    for _ in range(order):
        e = ed.derive(ed.sum(e), x)
    np.testing.assert_allclose(ev(e, x=at), want(at), rtol=1e-11)


@pytest.mark.parametrize("p", [0, 1, 2, 3, 7, 2.0, 3.0])
def test_powers_are_exact_at_zero_and_beyond_their_degree(p):
    """No ``0 * inf``: the derivative of order n is p (p-1) … (p-n+1) x^(p-n), and 0 from order p + 1."""
    at, e = np.array([-2.0, 0.0, 3.0]), x**p
    for n in range(5):
        assert ev(e, x=at).tolist() == (math.perm(int(p), n) * at ** max(p - n, 0)).tolist()
        e = ed.derive(ed.sum(e), x)


# ---- integers
@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1, "x"),
        (2, 'einsum("i,i->i", x, x)'),
        (-1, "reciprocal(x)"),
        (0.5, "sqrt(x)"),
        (-0.5, "power(x, -0.5)"),
        (9, "power(x, 9)"),
    ],
)
def test_raised(p, text):
    assert str(raised(x, p)) == text
    assert squared(x) == raised(x, 2)


@pytest.mark.parametrize(("e", "p", "bits"), [(x**2, 2, 81), (ed.square(x), 2, 81), (x**9, 9, 361)])
def test_powers_of_integers_are_exact_or_refused(e, p, bits):
    assert ev(e, x=np.array([-7, 5])).tolist() == [(-7) ** p, 5**p]
    with pytest.raises(
        ed.EinderivError, match=rf"integers may reach 2\*\*{bits} here, beyond int64"
    ):
        ev(e, x=np.array([2**40]))


def test_whole_functions_of_whole_numbers():
    given = {"x": np.array([-(2**62), 0, 5]), "y": np.array([3, 0, 5])}
    for name in ("maximum", "minimum", "greater", "less_equal"):
        got = ev(applied(name), given)
        assert got.dtype == np.int64
        assert got.tolist() == getattr(np, name)(*given.values()).astype(int).tolist()
