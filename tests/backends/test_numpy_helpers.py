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


# ---- the plain way, and the careful one where it is needed
EDGES = {
    "zeros": [0, 0, 0],
    "plain": [2, 3, 6],
    "large": [2e300, 3e300, 6e300],
    "small": [2e-300, 3e-300, 6e-300],
    "infinite": [np.inf, 1, -np.inf],
    "nan": [np.nan, 1, 2],
}
LENGTHS = [0, 7, 7e300, 7e-300, np.inf, np.nan]
SEVENTHS = np.array([2, 3, 6]) / 7
UNITS = [
    [0, 0, 0], SEVENTHS, SEVENTHS, SEVENTHS, np.array([1, 0, -1]) / np.sqrt(2), [np.nan] * 3,
]  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1])
def test_one_row_that_needs_care_beside_others_that_do_not(axis):
    x, at = ed.tensor("X", "ij"), np.array(list(EDGES.values()))
    length = ed.norm(x, axis=axis)
    turned, units = (at, np.array(UNITS)) if axis else (at.T, np.array(UNITS).T)
    np.testing.assert_allclose(ed.evaluate(length, X=turned), LENGTHS, rtol=1e-15)
    gradient = ed.evaluate(ed.grad(ed.sum(length), x), X=turned)
    np.testing.assert_allclose(gradient, units, rtol=1e-15)


def test_lengths_of_whole_numbers_and_of_single_precision():
    x = ed.tensor("x", "i")
    assert ed.evaluate(ed.norm(x), x=[3 * 10**15, 4 * 10**15]) == 5e15
    single = ed.evaluate(ed.norm(x), x=np.array([3e-30, 4e-30], "f4"))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, 5e-30, rtol=1e-6)


PAIRS = [
    # x         y          its length   x / length   x / length²
    (3.0,       4.0,       5.0,         0.6,         0.12),
    (0.0,       0.0,       0.0,         0.0,         0.0),
    (3e300,     4e300,     5e300,       0.6,         1.2e-301),
    (3e-300,    4e-300,    5e-300,      0.6,         1.2e299),
    (-3e160,    4e160,     5e160,       -0.6,        -1.2e-161),
    (np.inf,    4.0,       np.inf,      1.0,         0.0),
    (3.0,       -np.inf,   np.inf,      0.0,         0.0),
    (-np.inf,   np.inf,    np.inf,      -np.sqrt(0.5), 0.0),
    (np.nan,    4.0,       np.nan,      np.nan,      np.nan),
]  # fmt: skip


@pytest.mark.parametrize("repeated", [1, 500])
@pytest.mark.parametrize(
    "pairs", [PAIRS, PAIRS[:1], PAIRS[:2], PAIRS[:3]], ids=["all", "plain", "zero", "far"]
)
def test_hypotenuses_of_few_and_of_many_numbers(pairs, repeated):
    x, y = ed.tensor("x", "i"), ed.tensor("y", "i")
    a, b, length, slope, turn = np.tile(np.array(pairs), (repeated, 1)).T
    of = {"x": a, "y": b}
    np.testing.assert_allclose(ed.evaluate(ed.hypot(x, y), **of), length, rtol=1e-15)
    got = ed.evaluate(ed.grad(ed.sum(ed.hypot(x, y)), x), **of)
    np.testing.assert_allclose(got, slope, rtol=1e-15)
    got = ed.evaluate(ed.grad(ed.sum(ed.arctan2(y, x)), y), **of)
    np.testing.assert_allclose(got, turn, rtol=1e-15)


def test_slopes_where_few_entries_are_far_out():
    x = ed.tensor("x", "i")
    second = ed.derive(ed.derive(ed.sum(ed.arctan(x)), x), x)
    at = np.array([np.inf, -1.0, 0.0, 1e200, np.nan])
    got = np.diagonal(ed.evaluate(second, x=at))
    np.testing.assert_allclose(got, [0, 0.5, 0, 0, np.nan], rtol=1e-15)
    elu = ed.evaluate(ed.grad(ed.sum(ed.elu(x)), x), x=at)
    np.testing.assert_allclose(elu, [1, np.exp(-1), 1, 1, np.nan], rtol=1e-15)
    of_whole = ed.evaluate(ed.grad(ed.sum(ed.arctan(x)), x), x=np.array([10**10, 1]))
    np.testing.assert_allclose(of_whole, [1e-20, 0.5], rtol=1e-15)
    of_whole = ed.evaluate(ed.silu(x), x=np.array([0, -2000]))
    np.testing.assert_array_equal(of_whole, [0, 0])
