"""Every row of the table: its value by a plain formula, two derivatives by differences, its kinks."""

import numpy as np
import pytest
from scipy import special

import einderiv as ed
from einderiv.expression import Einsum, is_zero
from einderiv.functions import FUNCTIONS, apply, powered, raised

t, es, ev = ed.tensor, ed.einsum, ed.evaluate
x = t("x", "i")
CORE = [name for name, row in FUNCTIONS.items() if row.core]
FORMULAS = {
    "exp":        lambda x: np.e**x,
    "log":        lambda x: np.log2(x) / np.log2(np.e),
    "sin":        lambda x: (np.e ** (1j * x)).imag,
    "cos":        lambda x: (np.e ** (1j * x)).real,
    "tanh":       lambda x: np.sinh(x) / np.cosh(x),
    "sqrt":       lambda x: x**0.5,
    "square":     lambda x: x * x,
    "reciprocal": lambda x: x**-1.0,
    "sigmoid":    special.expit,
    "relu":       lambda x: x * (x > 0),
    "abs":        lambda x: (x * x) ** 0.5,
    "sign":       lambda x: (x > 0) * 1.0 - (x < 0),
    "heaviside":  lambda x: (x > 0) * 1.0,
    "expm1":      lambda x: np.exp(x) - 1,
    "log1p":      lambda x: np.log(1 + x),
    "log2":       lambda x: np.log(x) / np.log(2),
    "log10":      lambda x: np.log(x) / np.log(10),
    "cbrt":       lambda x: x ** (1 / 3),
    "tan":        lambda x: np.sin(x) / np.cos(x),
    "arcsin":     lambda x: np.arctan2(x, (1 - x * x) ** 0.5),
    "arccos":     lambda x: np.arctan2((1 - x * x) ** 0.5, x),
    "arctan":     lambda x: np.arctan2(x, 1),
    "sinh":       lambda x: (np.exp(x) - np.exp(-x)) / 2,
    "cosh":       lambda x: (np.exp(x) + np.exp(-x)) / 2,
    "arcsinh":    lambda x: np.log(x + (x * x + 1) ** 0.5),
    "arccosh":    lambda x: np.log(x + (x * x - 1) ** 0.5),
    "arctanh":    lambda x: np.log((1 + x) / (1 - x)) / 2,
    "softplus":   lambda x: np.log(1 + np.exp(x)),
    "log_sigmoid": lambda x: np.log(special.expit(x)),
    "power":      lambda x, p: np.e ** (p * np.log(x)),
    "maximum":    lambda x, y: (x + y + np.abs(x - y)) / 2,
    "minimum":    lambda x, y: (x + y - np.abs(x - y)) / 2,
    "hypot":      lambda x, y: (x * x + y * y) ** 0.5,
    "arctan2":    lambda y, x: np.arctan(y / x),
    "softmax":    special.softmax,
    "logsumexp":  special.logsumexp,
}  # fmt: skip
SPECIAL = ("power", "sigmoid")  # complex numbers are a matter of their own there
PARAMETERS = {"power": [(2.5,), (-0.5,), (5,), (-3,), (1.0,), (2.0,), (0.75,)]}
PAIRS = [name for name, row in FUNCTIONS.items() if len(row.derivatives) == 2]
ROWS = [(name, p) for name in FUNCTIONS if name not in PAIRS for p in PARAMETERS.get(name, [()])]
rows = pytest.mark.parametrize(("name", "parameters"), ROWS, ids=[f"{n}{p or ''}" for n, p in ROWS])


def test_every_row_has_a_formula():
    assert set(FORMULAS) == set(FUNCTIONS)
    assert all(row.name == name for name, row in FUNCTIONS.items())


def points(row, shape=(4,)):
    """Arguments in the row's domain, away from a kink at 0."""
    low, high = row.domain
    found = np.random.default_rng(11).uniform(low, high, shape)
    return np.where(np.abs(found) < 0.1, found + 0.2, found) if row.kink else found


def by_differences(f, x, h):
    """``df/dx`` by central differences, of shape ``f.shape + x.shape``."""
    columns = []
    for k in range(x.size):
        e = np.zeros(x.size)
        e[k] = h
        e = e.reshape(x.shape)
        columns.append((f(x + e) - f(x - e)) / (2 * h))
    return np.stack(columns, -1).reshape(columns[0].shape + x.shape)


@rows
def test_a_row(name, parameters):
    row = FUNCTIONS[name]
    if row.core:
        X, shape, core, options = t("x", "ij"), (2, 3), 1, {"axis": 1}
    else:
        X, shape, core, options = x, (4,), 0, {}
    at, y = points(row, shape), apply(name, X, core, parameters)
    y1, y2 = ed.derive(y, X), ed.derive(ed.derive(y, X), X)

    def value(z):
        return FORMULAS[name](z, *parameters, **options)

    def slope(z):
        return ev(y1, x=z)

    np.testing.assert_allclose(ev(y, x=at), value(at), rtol=1e-14, atol=1e-14)
    assert y.ndim == np.ndim(value(at))
    assert ev(y1, x=at).shape == value(at).shape + shape
    np.testing.assert_allclose(slope(at), by_differences(value, at, 1e-6), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(ev(y2, x=at), by_differences(slope, at, 1e-6), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", PAIRS)
def test_a_row_of_two_arguments(name):
    """Value, first and mixed second derivatives by both, and by a tensor that stands in both."""
    f, plain = getattr(ed, name), FORMULAS[name]
    y = t("y", "i")
    e = f(x, y)
    a, b = points(FUNCTIONS[name]), points(FUNCTIONS[name])[::-1] + 0.05
    assert ev(e, x=a, y=b).shape == (4,)
    np.testing.assert_allclose(ev(e, x=a, y=b), plain(a, b), rtol=1e-14)
    np.testing.assert_allclose(ev(ed.derive(e, x), x=a, y=b), by_differences(lambda z: plain(z, b), a, 1e-6), atol=1e-8)
    np.testing.assert_allclose(ev(ed.derive(e, y), x=a, y=b), by_differences(lambda z: plain(a, z), b, 1e-6), atol=1e-8)
    mixed = ed.derive(ed.derive(e, x), y)
    slope = ed.derive(e, x)
    np.testing.assert_allclose(ev(mixed, x=a, y=b), by_differences(lambda z: ev(slope, x=a, y=z), b, 1e-6), atol=1e-7)
    both = ed.grad(ed.sum(f(x, x * x)), x)
    want = by_differences(lambda z: plain(z, z * z).sum(), a, 1e-6)
    np.testing.assert_allclose(ev(both, x=a), want, atol=1e-8)
    assert ed.formula(e) == f"y[i] = {name}(x[i], y[i])"


def test_two_arguments_broadcast_numbers_and_share_ties():
    assert ev(ed.maximum(3, x), x=np.array([1, 5])).tolist() == [3, 5]
    assert ev(ed.minimum(x, t("s", "")), x=np.array([1, 5]), s=2).tolist() == [1, 2]
    assert ev(ed.grad(ed.sum(ed.maximum(x, 0)), x), x=np.array([-1.0, 0.0, 2.0])).tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(ed.ShapeError, match="only scalars broadcast"):
        ed.hypot(x, t("X", "ij"))
    with pytest.raises(ed.EinderivError, match="not holomorphic"):
        ev(ed.maximum(x, 0), x=np.array([1j]))


@rows
def test_a_row_explains_itself(name, parameters):
    row = FUNCTIONS[name]
    assert row.law
    assert row.derived
    assert row.domain[0] < row.domain[1]
    assert r"\exp" in row.latex.format(r"\exp", *parameters)
    shown = "".join(f", {p}" for p in parameters)
    assert str(apply(name, t("x", "ij"), row.core, parameters)) == f"{name}(x{shown})"
    (rule,) = row.derivatives
    assert bool(rule(apply(name, t("x", "ij"), int(row.core), parameters))) == (row.derived != "0")
    assert not row.reduces or row.core


@rows
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 0)])
def test_a_row_on_tiny_arrays(name, parameters, shape):
    row = FUNCTIONS[name]
    if row.core and not shape[1]:
        shape = (0, 3)  # SciPy refuses a core without entries
    y, at = apply(name, t("x", "ij"), int(row.core), parameters), points(row, shape)
    want = FORMULAS[name](at, *parameters, **({"axis": 1} if row.core else {}))
    np.testing.assert_allclose(ev(y, x=at), want, rtol=1e-14)
    assert ev(ed.derive(y, "x"), x=at).shape == want.shape + shape


@rows
def test_a_row_keeps_float32(name, parameters):
    row = FUNCTIONS[name]
    y, at = apply(name, t("x", "ij"), int(row.core), parameters), points(row, (2, 3)).astype(np.float32)
    want = FORMULAS[name](at.astype(float), *parameters, **({"axis": 1} if row.core else {}))
    for e in (y, ed.derive(y, "x")):
        assert ev(e, x=at).dtype == np.float32
    np.testing.assert_allclose(ev(y, x=at), want, rtol=2e-6)


@rows
def test_integers_stay_integers_or_become_float64(name, parameters):
    row = FUNCTIONS[name]
    at = np.array([[1, 2, 3], [3, 1, 2]]) if row.domain[1] > 1 else np.zeros((2, 3), int)
    got = ev(apply(name, t("x", "ij"), int(row.core), parameters), x=at)
    whole = name in ("square", "relu", "abs", "sign", "heaviside") or parameters == (5,)
    assert got.dtype == (np.int64 if whole else np.float64)
    want = FORMULAS[name](at.astype(float), *parameters, **({"axis": 1} if row.core else {}))
    np.testing.assert_allclose(got, want, rtol=1e-13)


@pytest.mark.parametrize(("name", "at", "value"), [
    ("square",    -3037000499,  3037000499**2),
    ("abs",       -(2**60) - 1, 2**60 + 1),
    ("relu",      2**60 + 1,    2**60 + 1),
    ("sign",      -(2**60) - 1, -1),
    ("heaviside", 2**60 + 1,    1),
])  # fmt: skip
def test_large_integers_are_exact(name, at, value):
    assert ev(apply(name, x), x=np.array([at])).tolist() == [value]
    if abs(value) == 1:  # a detour through floats would round 2**60 + 1
        product = es("i,i->i", apply(name, x), "y")
        assert ev(product, x=np.array([at]), y=np.array([2**60 + 1])).tolist() == [value * (2**60 + 1)]


@pytest.mark.parametrize("name", [n for n, row in FUNCTIONS.items() if row.analytic and n not in SPECIAL])
def test_analytic_rows_take_complex_numbers(name):
    row, z = FUNCTIONS[name], np.array([[0.8 + 0.3j, 1.1 - 0.4j]])
    y = apply(name, t("x", "ij"), int(row.core))
    h = 1e-7
    for direction in (h, 1j * h):  # holomorphic: the same in all directions
        plus, minus = (ev(y, x=z + s * np.array([[direction, 0]])) for s in (1, -1))
        slope = ev(ed.derive(y, "x"), x=z)[..., 0, 0]
        np.testing.assert_allclose((plus - minus) / (2 * direction), slope, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("e", "at", "want"), [
    (ed.sigmoid(x),   np.array([1j]),   1 / (1 + np.e**-1j)),
    (x ** (1 + 2j),   np.array([2.0]),  2.0 ** (1 + 2j)),
], ids=["sigmoid", "exponent"])  # fmt: skip
def test_complex_as_numpy(e, at, want):
    np.testing.assert_allclose(ev(e, x=at), [want], rtol=1e-14)


@pytest.mark.parametrize("name", ["abs", "sign"])
def test_what_is_not_holomorphic_is_refused(name):
    with pytest.raises(ed.EinderivError, match=r"complex|holomorphic"):
        ev(ed.derive(apply(name, x), x), x=np.array([1 + 1j]))


# ---- kinks
@pytest.mark.parametrize(("name", "value", "slope", "said"), [
    ("relu",      0, 0, "relu'(0) = 0"),
    ("abs",       0, 0, "abs'(0) = 0"),
    ("sign",      0, 0, "sign'(0) = 0"),
    ("heaviside", 0, 0, "heaviside(0) = 0, its derivative there 0"),
])  # fmt: skip
def test_at_the_kink_the_stated_convention_holds(name, value, slope, said):
    assert FUNCTIONS[name].kink == said
    for zero in (0, 0.0, -0.0):
        y = apply(name, x)
        assert ev(y, x=np.array([zero])).tolist() == [value]
        assert ev(ed.derive(y, x), x=np.array([zero])).tolist() == [[slope]]
        assert ev(ed.derive(ed.derive(y, x), x), x=np.array([zero])).tolist() == [[[0]]]


def test_only_what_is_constant_between_jumps_has_a_zero_derivative():
    made = {name: apply(name, t("x", "ij"), int(FUNCTIONS[name].core), p) for name, p in ROWS}
    zeros = {name for name, e in made.items() if is_zero(ed.derive(e, "x"))}
    assert zeros == {"sign", "heaviside"}


# ---- core axes and extremes
@pytest.mark.parametrize("core", [1, 2, 3])
@pytest.mark.parametrize("name", CORE)
def test_several_core_axes(name, core):
    T = t("T", "ijk")
    at = points(FUNCTIONS[name], (2, 3, 2))
    y = apply(name, T, core)
    axes = tuple(range(3 - core, 3))
    np.testing.assert_allclose(ev(y, T=at), FORMULAS[name](at, axis=axes), rtol=1e-14)
    slope = by_differences(lambda z: FORMULAS[name](z, axis=axes), at, 1e-6)
    np.testing.assert_allclose(ev(ed.derive(y, T), T=at), slope, rtol=1e-8, atol=1e-9)
    grad = ev(ed.grad(ed.sum(y * y), T), T=at)
    want = by_differences(lambda z: np.sum(FORMULAS[name](z, axis=axes) ** 2), at, 1e-6)
    np.testing.assert_allclose(grad, want, rtol=1e-7, atol=1e-8)


LARGE = np.array([1e4, 0, -1e4], np.float32)


@pytest.mark.parametrize(("e", "want"), [
    (ed.softmax(x),                              [1, 0, 0]),
    (ed.softmax(-x),                             [0, 0, 1]),
    (ed.logsumexp(x),                            1e4),
    (ed.logsumexp(-x),                           1e4),
    (ed.logsumexp(x - 3e4),                      -2e4),
    (ed.grad(ed.logsumexp(x), x),                [1, 0, 0]),
    (ed.derive(ed.softmax(x), x),                np.zeros((3, 3))),
    (ed.hessian(ed.logsumexp(x), x),             np.zeros((3, 3))),
    (ed.sigmoid(x),                              [1, 0.5, 0]),
    (ed.grad(ed.sum(ed.sigmoid(x)), x),          [0, 0.25, 0]),
    (ed.tanh(x),                                 [1, 0, -1]),
    (ed.grad(ed.sum(ed.tanh(x)), x),             [0, 1, 0]),
])  # fmt: skip
def test_large_arguments_stay_finite_in_float32(e, want):
    got = ev(e, x=LARGE)
    assert got.dtype == np.float32
    assert np.array_equal(got, np.asarray(want, np.float32))


def test_softmax_keeps_its_structure():
    y = apply("softmax", x, 1)
    diagonal, outer = FUNCTIONS["softmax"].derivatives[0](y)
    assert (diagonal.compact, outer.compact, outer.coefficient) == ("i->ii", "i,a->ia", -1)


# ---- powers
@pytest.mark.parametrize(("exponent", "function"), [
    (-1, "reciprocal"), (0.5, "sqrt"), (5, "power"), (2.0, "power"),
])  # fmt: skip
def test_powers_choose_their_row(exponent, function):
    assert raised(x, exponent).function.name == function
    assert powered(x, np.float64(exponent)) == raised(x, exponent)


@pytest.mark.parametrize("exponent", [0, 2, 3, 4, True])
def test_small_whole_powers_are_products(exponent):
    e = x**exponent
    assert e is x if exponent is True else isinstance(e, Einsum) and len(e.factors) == exponent
