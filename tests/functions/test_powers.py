"""``x ** y`` where both are arrays: values, and derivatives of every order, at 0 too."""

import numpy as np
import pytest

import einderiv as ed

x, y, X = ed.tensor("x", "i"), ed.tensor("y", "i"), ed.tensor("X", "ij")
ev = ed.evaluate


def test_values():
    given = {"x": [0.0, 2.0, 9.0], "y": [0, 3, 0.5]}
    assert ev(x**y, given).tolist() == [1, 8, 3]
    assert ev(x ** np.array([0, 3, 0.5]), x=given["x"]).tolist() == [1, 8, 3]
    assert ev([1, 2, 4] ** y, y=[2, 3, -1]).tolist() == [1, 8, 0.25]
    assert ev(np.array([1, 2]) ** X, X=[[2, 3]]).tolist() == [[1, 8]]
    assert ev(np.power(x[:, None], y), given).shape == (3, 3)
    assert ev(np.float_power(x, 2), x=[3.0]).tolist() == [9]
    assert ev(x**y, x=[2, 3], y=[-1, 2]).tolist() == [0.5, 9]
    assert ev(x**y, x=np.array([2, 3], "f4"), y=np.array([2, 2], "f4")).dtype == "f4"
    assert x ** np.array(2.0) == x**2.0


def test_a_polynomial_in_powers_is_right_at_zero():
    """Exact: x^0, x^1, x^2, x^3 at 0 and at 2."""
    terms = x[:, None] ** np.arange(4)
    at = np.array([0.0, 2.0])
    want = {
        0: [[1, 0, 0, 0], [1, 2, 4, 8]],
        1: [[0, 1, 0, 0], [0, 1, 4, 12]],
        2: [[0, 0, 2, 0], [0, 0, 2, 12]],
        3: [[0, 0, 0, 6], [0, 0, 0, 6]],
        4: [[0, 0, 0, 0], [0, 0, 0, 0]],
    }
    e = terms
    for order in range(5):
        assert ev(e, x=at).tolist() == want[order]
        derived = ed.derive(e, x)
        e = ed.einsum("iji->ij", derived)


@pytest.mark.parametrize(
    "orders", ["x", "y", "xx", "xy", "yx", "yy", "xxy", "xyy", "xxx", "yyy", "xxyy"]
)
def test_mixed_derivatives_are_those_of_jax(orders):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    at, to = np.array([0.3, 1.0, 2.5]), np.array([1.7, -2.0, 0.0])
    f, e = lambda x, y: x**y, x**y
    for name in orders:
        f = jax.grad(f, "xy".index(name))
        e = ed.einsum("ii->i", ed.derive(e, name))
    want = [f(a, b) for a, b in zip(at, to, strict=True)]
    np.testing.assert_allclose(ev(e, x=at, y=to), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", "xy")
def test_slopes_at_zero_are_those_of_jax(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    at, to = np.array([0.0, 0.0, 0.0, -2.0]), np.array([0.0, 1.0, 2.5, 3.0])
    # by x JAX says nan at 0**0; by y the logarithm of a negative number is none
    kept = slice(3) if name == "y" else slice(1, 4)
    at, to = at[kept], to[kept]
    f = jax.grad(lambda x, y: x**y, "xy".index(name))
    want = [f(a, b) for a, b in zip(at, to, strict=True)]
    assert ev(ed.grad(ed.sum(x**y), name), x=at, y=to).tolist() == want


FORMULAS = [
    (lambda: ed.grad(ed.sum(x**y), y),    "∂y/∂y[a] = log(x[a]) pow(x[a], y[a])"),
    (lambda: ed.grad(ed.sum(x**y), x),    "∂y/∂x[a] = y[a] pow(x[a], y[a] − 1)"),
    (lambda: ed.hessian(ed.sum(x**y), x), "∂²y/∂x[a]∂x[b] = δ[a,b] (y[a] − 1) y[a] pow(x[a], y[a] − 2)"),
    (lambda: ed.hessian(ed.sum(x**y), y), "∂²y/∂y[a]∂y[b] = δ[a,b] log(x[a])² pow(x[a], y[a])"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "formula"), FORMULAS, ids=[row[1] for row in FORMULAS])
def test_formulas(make, formula):
    assert ed.formula(make()) == formula


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_libraries(backend):
    pytest.importorskip(backend)
    e = ed.hessian(ed.sum(x**y), x), ed.grad(ed.sum(x**y), y)
    given = {"x": np.array([0.0, 1.5]), "y": np.array([2.0, 2.5])}
    for got, want in zip(ed.compile(e, backend=backend)(given), ev(e, given), strict=True):
        np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
