"""The functions that a source brings along: they do not overflow, and a source has those that it calls."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends.numpy_helpers import HELPERS, IMPORTS, TEXTS


@pytest.mark.parametrize(
    "text",
    [
        "sigmoid(x)",
        "softplus(x)",
        "softmax(x, -1)",
        "log_softmax(x, -1)",
        "logsumexp(x, -1)",
    ],
)
@pytest.mark.parametrize("x", [[1e4, 0, -1e4], [-1e4] * 3, [8e307, -8e307, 0]])
def test_helpers_do_not_overflow(text, x):
    scope = {"np": np, "x": np.array(x, float)}
    for helper in TEXTS.values():
        exec(helper, scope)
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(eval(text, scope)).all()


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        (["t0 = softmax(x, -1)"], ["lowered", "softmax"]),
        (["t0 = log_softmax(x, -1)"], ["lowered", "log_softmax"]),
        (["t0 = -softplus(-x)"], ["softplus"]),
        (["t0 = adjugate(x)"], ["products", "adjugate"]),
        (["t0 = factored(x)", "t1 = solved(t0, b)"], ["factored", "solved"]),
        (["t0 = np.exp(x)", "t1 = x @ t0"], []),
    ],
)
def test_a_source_has_the_helpers_that_it_calls(lines, want):
    assert HELPERS.used(lines) == want


def test_helpers_are_named_as_they_are_called():
    for name, text in TEXTS.items():
        assert text.startswith(f"def {name}(")
    assert set(IMPORTS) <= set(TEXTS)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (1,), (0,), (2, 0)])
@pytest.mark.parametrize("out", [0, 1, 2, 3])
def test_products_leave_entries_out(shape, out):
    scope = {"np": np}
    exec(TEXTS["products"], scope)
    x = np.random.default_rng(0).integers(-3, 4, (2, *shape))
    found = scope["products"](x, len(shape), out)
    assert found.shape == (2, *shape * out)
    for at in np.ndindex(*shape * out):
        gone = [at[k * len(shape) : (k + 1) * len(shape)] for k in range(out)]
        left = [x[(slice(None), *place)] for place in np.ndindex(*shape) if place not in gone]
        want = np.prod(left, 0) if len(set(gone)) == out else np.zeros(2)
        assert (found[(slice(None), *at)] == want).all()


@pytest.mark.parametrize("missing", [False, True])
def test_factors_serve_with_scipy_and_without(monkeypatch, missing):
    """The same numbers, and singular matrices are named by NumPy in both."""
    A = ed.tensor("A", "ij")
    outputs = {
        "x": ed.solve(A, ed.tensor("b", "i")),
        "log": ed.logdet(A),
        "det": ed.det(A),
        "inv": ed.inv(A),
    }
    source = ed.compile(outputs).source(A=(3, 3), b=(3,))
    if missing:
        source = source.replace("from scipy.linalg import lapack", "raise ImportError")
    scope = {}
    exec(source, scope)
    a, b = np.array([[0.0, 2, 1], [3, 1, 0], [1, 0, 2]]), np.array([1.0, 2, 3])
    x, log, det, inv = scope["compute"](a, b)
    np.testing.assert_allclose(a @ x, b, rtol=1e-13)
    np.testing.assert_allclose(inv, np.linalg.inv(a), rtol=1e-13)
    np.testing.assert_allclose([det, log], [-13, np.log(13)], rtol=1e-13)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        scope["compute"](np.ones((3, 3)), b)


def test_one_factorisation_serves_all_uses(monkeypatch):
    """The value of log det and its gradient, a solve and one with the transposed matrix: factored once."""
    A, b, c = ed.tensor("A", "ij"), ed.tensor("b", "i"), ed.tensor("c", "j")
    loss = ed.logdet(A) + c @ ed.inv(A) @ b
    f = ed.compile(ed.value_and_grad(loss, A))
    source = f.source(A=(5, 5), b=(5,), c=(5,))
    assert source.count("factored(A)") == 1
    assert source.count("solved(t") == 2
    monkeypatch.setattr(np.linalg, "inv", None)
    monkeypatch.setattr(np.linalg, "solve", None)
    rng = np.random.default_rng(1)
    a = rng.normal(size=(5, 5))
    value, _ = f(A=a, b=rng.normal(size=5), c=rng.normal(size=5))
    assert np.isfinite(value)


def test_a_contracted_inverse_is_never_formed():
    A, b = ed.tensor("A", "ij"), ed.tensor("b", "ik")
    for e in (
        ed.inv(A) @ b,
        ed.sum(ed.inv(A) @ b),
        ed.inv(A).T @ b,
        ed.trace(ed.inv(A) @ b),
        ed.solve(A @ A, b),
        ed.vjp(ed.solve(A, b), "b", "C"),
        ed.jvp(ed.solve(A, b), A, "V"),
    ):
        assert "inverse" not in ed.source(e)
