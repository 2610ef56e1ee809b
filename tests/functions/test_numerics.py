"""Interpolation, polynomials, cross products, covariances: NumPy says the values, JAX the slopes."""

import numpy as np
import pytest

import einderiv as ed

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

rng = np.random.default_rng(5)
x, X, p = ed.tensor("x", "n"), ed.tensor("X", "ij"), ed.tensor("p", (4,))
knots, f = ed.tensor("t", "k"), ed.tensor("f", "k")
A, B = ed.tensor("A", "nk"), ed.tensor("B", "nk")
VALUES = dict(
    x=rng.normal(size=5),
    X=rng.normal(size=(3, 5)),
    p=rng.normal(size=4),
    t=np.sort(rng.normal(size=7)),
    f=rng.normal(size=7),
    A=rng.integers(-3, 4, (4, 3)),
    B=rng.integers(-3, 4, (4, 3)),
)
W = np.array([1.0, 2.0, 3.0])
CASES = {
    "interp":        (lambda e: e.interp(x, knots, f), lambda v: np.interp(v.x, v.t, v.f)),
    "interp, ends":  (lambda e: e.interp(X, knots, f, left=-1, right=2), lambda v: np.interp(v.X, v.t, v.f, -1, 2)),
    "interp, held":  (lambda e: e.interp(x, [0, 1.0], [2, 4.0]), lambda v: np.interp(v.x, [0, 1], [2, 4])),
    "polyval":       (lambda e: e.polyval([1.0, 0, 3], x), lambda v: np.polyval([1, 0, 3], v.x)),
    "polyval of p":  (lambda e: e.polyval(p, X), lambda v: np.polyval(v.p, v.X)),
    "polyval, zero": (lambda e: e.polyval([0], x), lambda v: 0 * v.x),
    "vander":        (lambda e: e.vander(x, 3), lambda v: np.vander(v.x, 3)),
    "vander, up":    (lambda e: e.vander(x, 4, increasing=True), lambda v: np.vander(v.x, 4, True)),
    "vander, none":  (lambda e: e.vander(x, 0), lambda v: np.vander(v.x, 0)),
    "vander of p":   (lambda e: e.vander(p), lambda v: np.vander(v.p)),
    "cross":         (lambda e: e.cross(A, B), lambda v: np.cross(v.A, v.B)),
    "cross, first":  (lambda e: e.cross(A.T, B.T, axis=0), lambda v: np.cross(v.A.T, v.B.T, axis=0)),
    "average":       (lambda e: e.average(X, 0, W), lambda v: np.average(v.X, 0, W)),
    "average, kept": (lambda e: e.average(X, 1, x, keepdims=True), lambda v: np.average(v.X, 1, v.x, keepdims=True)),
    "average, all":  (lambda e: e.average(X), lambda v: v.X.mean()),
    "cov":           (lambda e: e.cov(X), lambda v: np.cov(v.X)),
    "cov, columns":  (lambda e: e.cov(X, rowvar=False, bias=True), lambda v: np.cov(v.X, rowvar=False, bias=True)),
    "cov, ddof":     (lambda e: e.cov(X, ddof=2), lambda v: np.cov(v.X, ddof=2)),
    "cov, vector":   (lambda e: e.cov(x), lambda v: np.cov(v.x)),
    "corrcoef":      (lambda e: e.corrcoef(X), lambda v: np.corrcoef(v.X)),
    "trapezoid":     (lambda e: e.trapezoid(X, dx=0.5), lambda v: np.trapezoid(v.X, dx=0.5)),
    "trapezoid, x":  (lambda e: e.trapezoid(X, [0, 1, 4], axis=0), lambda v: np.trapezoid(v.X, [0, 1, 4], axis=0)),
}  # fmt: skip


class Values:
    def __init__(self, given):
        self.__dict__.update(given)


def needed(e):
    return {name: VALUES[name] for name in ed.compile(e).inputs}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("module", [ed, np])
def test_values(name, module):
    ours, numpys = CASES[name]
    e = ours(module)
    want = numpys(Values(VALUES))
    found = ed.evaluate(e, VALUES)
    assert found.shape == np.shape(want)
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("vander, none", "polyval, zero")])
def test_derivatives(name):
    e = CASES[name][0](ed)
    given = {n: 1.0 * a for n, a in needed(e).items()}
    for tensor in given:
        assert ed.check(ed.sum(e**2), tensor, order=2, **given).ok


def test_slopes_of_an_interpolation():
    y = ed.interp(x, knots, f)
    given = [VALUES[n] for n in "xtf"]
    at_knots = [VALUES["t"][[0, 3, 6]], *given[1:]]
    for values in (given, at_knots):
        for k, name in enumerate("xtf"):
            want = jax.jacobian(jax.numpy.interp, k)(*values)
            found = ed.evaluate(ed.derive(y, name), dict(zip("xtf", values, strict=True)))
            np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("name", ["interp", "interp, ends", "cross", "cov", "corrcoef"])
def test_other_libraries(name, backend):
    pytest.importorskip(backend)
    e = ed.sum(CASES[name][0](ed) ** 2)
    given = {n: 1.0 * a for n, a in needed(e).items()}
    for tensor in given:
        g = ed.grad(e, tensor)
        found = np.asarray(
            ed.compile(g, backend=backend)({n: given[n] for n in ed.compile(g).inputs})
        )
        np.testing.assert_allclose(found, ed.evaluate(g, {n: given[n] for n in ed.compile(g).inputs}), rtol=1e-10)  # fmt: skip


def test_a_scalar_is_interpolated():
    s = ed.tensor("s")
    assert float(ed.evaluate(ed.interp(s, [0.0, 2.0], [0.0, 1.0]), s=0.5)) == 0.25
    far = ed.evaluate(ed.interp(x, [0.0, 2.0], [0.0, 1.0]), x=[-np.inf, np.inf, 1.0])
    assert far.tolist() == [0, 1, 0.5]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ed.interp(x, [1.0], [1.0]), ed.ShapeError, "two knots or more, not 1"),
        (lambda: ed.interp(x, X, f), ed.ShapeError, "xp must be a vector, but X has 2 axes"),
        (lambda: ed.polyval(x, X), ed.ShapeError, "declare the size of its axis"),
        (lambda: ed.vander(x), ed.ShapeError, "how many columns"),
        (lambda: ed.vander(X, 2), ed.ShapeError, "vander takes a vector"),
        (lambda: ed.cross(p, p), ed.ShapeError, "three entries along axis -1, but p has 4"),
        (lambda: ed.cov(ed.tensor("T", "abc")), ed.ShapeError, "a vector or a matrix"),
        (lambda: ed.average(X, weights=[1.0, 2.0]), ed.ShapeError, "vector along one axis"),
        (lambda: ed.trapezoid(X, ed.tensor("T", "abc")), ed.ShapeError, "x must be a vector"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_cross_product_of_four():
    with pytest.raises(ed.ShapeError, match="size 4, but was given size 3"):
        ed.evaluate(ed.cross(A, B), A=np.ones((2, 4)), B=np.ones((2, 4)))
