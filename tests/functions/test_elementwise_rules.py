"""The elementwise rows: kinks, the whole complex plane, arguments of ±1e4, high orders, and integers."""

import math

import numpy as np
import pytest
from scipy import special
from scipy.stats import norm

import einderiv as ed
from einderiv.functions import apply
from einderiv.functions import elementwise_rules as rows
from einderiv.functions.elementwise_rules import raised, squared
from einderiv.functions.table import FUNCTIONS

ev = ed.evaluate
NAMES = "xyz"
ROWS = {row.name: row for row in rows._ROWS}
x = ed.tensor("x", "i")


def applied(name, parameters=()):
    tensors = [ed.tensor(n, "i") for n, _ in zip(NAMES, ROWS[name].derivatives)]
    return apply(name, tuple(tensors), 0, parameters)


def slope(e, name, given):
    """The derivative of an elementwise expression by a vector, entry by entry."""
    return ev(ed.derive(ed.sum(e), name), given)


# ---- kinks
KINKS = [
    # row             parameters  arguments                 f            f' by each of them
    ("relu",          (),         ([-1, 0, 2],),            [0, 0, 2],   ([0, 0, 1],)),
    ("abs",           (),         ([-1, 0, 2],),            [1, 0, 2],   ([-1, 0, 1],)),
    ("sign",          (),         ([-1, 0, 2],),            [-1, 0, 1],  ([0, 0, 0],)),
    ("heaviside",     (),         ([-1, 0, 2],),            [0, 0, 1],   ([0, 0, 0],)),
    ("leaky_relu",    (0.25,),    ([-4, 0, 2],),            [-1, 0, 2],  ([0.25, 0.25, 1],)),
    ("leaky_relu",    (3,),       ([-4, 0, 2],),            [-12, 0, 2], ([3, 3, 1],)),
    ("elu",           (0.5,),     ([0, 2],),                [0, 2],      ([0.5, 1],)),
    ("maximum",       (),         ([1, 2, 3], [2, 2, 2]),   [2, 2, 3],   ([0, 0.5, 1], [1, 0.5, 0])),
    ("minimum",       (),         ([1, 2, 3], [2, 2, 2]),   [1, 2, 2],   ([1, 0.5, 0], [0, 0.5, 1])),
    ("where",         (),         ([-1, 0, 2], [3, 4, 5], [6, 7, 8]), [3, 7, 5], ([0, 0, 0], [1, 0, 1], [0, 1, 0])),
    ("greater",       (),         ([1, 2, 3], [2, 2, 2]),   [0, 0, 1],   ([0, 0, 0],) * 2),
    ("greater_equal", (),         ([1, 2, 3], [2, 2, 2]),   [0, 1, 1],   ([0, 0, 0],) * 2),
    ("less",          (),         ([1, 2, 3], [2, 2, 2]),   [1, 0, 0],   ([0, 0, 0],) * 2),
    ("less_equal",    (),         ([1, 2, 3], [2, 2, 2]),   [1, 1, 0],   ([0, 0, 0],) * 2),
    ("equal",         (),         ([1, 2, 3], [2, 2, 2]),   [0, 1, 0],   ([0, 0, 0],) * 2),
    ("not_equal",     (),         ([1, 2, 3], [2, 2, 2]),   [1, 0, 1],   ([0, 0, 0],) * 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "arguments", "value", "slopes"), KINKS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_kinks(name, parameters, arguments, value, slopes, dtype):
    e, given = applied(name, parameters), {n: np.array(a, dtype) for n, a in zip(NAMES, arguments)}
    assert ev(e, given).tolist() == value
    for n, want in zip(given, slopes, strict=True):
        got = slope(e, n, given)
        assert got.dtype == dtype
        assert got.tolist() == want


def test_every_kink_is_tested():
    assert {row[0] for row in KINKS} == {name for name, row in ROWS.items() if row.kink}


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row.derived == "0"])
def test_what_is_constant_has_no_terms(name):
    assert [rule(applied(name)) for rule in ROWS[name].derivatives] == [()] * len(ROWS[name].derivatives)


def test_second_derivatives_at_kinks_are_zero():
    given = {"x": np.array([-1.0, 0.0, 1.0])}
    for e in (ed.relu(x), ed.abs(x), ed.leaky_relu(x, 0.3), ed.maximum(x, 0), ed.where(x, x, -x)):
        assert not ev(ed.hessian(ed.sum(e), x), given).any()
    second = slope(ed.derive(ed.sum(ed.elu(x, 2)), x), x, given)
    np.testing.assert_allclose(second, [2 / math.e, 2, 0], rtol=1e-15)  # at 0 from the left, as in JAX


# ---- the complex plane
PLANE = np.array([0.7 + 0.4j, -0.8 + 0.6j, -1.7 - 0.9j, 1.9 - 0.5j, -2.5 + 0.1j, 0.3 + 1.8j, -0.3 - 1.7j])
ANALYTIC = [(n, p) for n, row in ROWS.items() if row.analytic and len(row.derivatives) == 1
            for p in ([(2.5,), (-0.5,), (5,), (-3,), (2 + 1j,)] if n == "power" else [()])]  # fmt: skip


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
    parameters = {"leaky_relu": (0.1,), "elu": (1.0,), "polygamma": (1,)}.get(name, ())
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
@pytest.mark.parametrize(("p", "text"), [
    (1,    "x"),
    (2,    'einsum("i,i->i", x, x)'),
    (-1,   "reciprocal(x)"),
    (0.5,  "sqrt(x)"),
    (-0.5, "power(x, -0.5)"),
    (9,    "power(x, 9)"),
])  # fmt: skip
def test_raised(p, text):
    assert str(raised(x, p)) == text
    assert squared(x) == raised(x, 2)


@pytest.mark.parametrize(("e", "p", "bits"), [(x**2, 2, 81), (ed.square(x), 2, 81), (x**9, 9, 361)])
def test_powers_of_integers_are_exact_or_refused(e, p, bits):
    assert ev(e, x=np.array([-7, 5])).tolist() == [(-7) ** p, 5**p]
    with pytest.raises(ed.EinderivError, match=rf"integers may reach 2\*\*{bits} here, beyond int64"):
        ev(e, x=np.array([2**40]))


def test_whole_functions_of_whole_numbers():
    given = {"x": np.array([-(2**62), 0, 5]), "y": np.array([3, 0, 5])}
    for name in ("maximum", "minimum", "greater", "less_equal"):
        got = ev(applied(name), given)
        assert got.dtype == np.int64
        assert got.tolist() == getattr(np, name)(*given.values()).astype(int).tolist()


def test_rows_are_those_of_the_table():
    assert all(FUNCTIONS[name] is row for name, row in ROWS.items())
    assert len(ROWS) == len(rows._ROWS)
