"""Least squares and constraints: ours against SciPy's, and residuals against differences."""

import numpy as np
import pytest

import einderiv as ed

scipy_optimize = pytest.importorskip("scipy.optimize")
rng = np.random.default_rng(6)
t, y = ed.tensor("t", "n"), ed.tensor("y", "n")
a, k = ed.tensor("a", ""), ed.tensor("k", "")
TIMES = np.linspace(0, 3, 20)
DECAY = {"t": TIMES, "y": 2 * np.exp(-0.7 * TIMES)}
FALLING = a * ed.exp(-k * t) - y
U, V, T, M = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("T", "nm"), ed.tensor("M", "nm")
x = ed.tensor("x", "i")
METHODS = ["auto", "lm", "dogleg", "trf", "dogbox"]


@pytest.mark.parametrize("method", METHODS)
def test_a_decay(method):
    found = ed.least_squares(FALLING, [a, k], [1.0, 1.0], DECAY, method=method)
    assert found.success and np.allclose(found.x, [2, 0.7])
    assert found.cost < 1e-12 and found.fun.shape == (20,) and found.optimality < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_of_one_tensor_with_axes(method):
    rows, cols = rng.normal(size=(6, 2)), rng.normal(size=(5, 2))
    data = {"V": cols, "T": rows @ cols.T}
    found = ed.least_squares(T - U @ V.T, U, np.zeros((6, 2)), data, method=method)
    assert found.x.shape == (6, 2) and np.allclose(found.x, rows, atol=1e-5)


@pytest.mark.parametrize("method", ["lm", "dogleg"])
def test_rosenbrock(method):
    valley = ed.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])
    found = ed.least_squares(valley, x, np.array([-1.2, 1.0]), method=method)
    assert np.allclose(found.x, [1, 1], atol=1e-6)


def test_several_tensors_of_many_unknowns(monkeypatch):
    """Dense, sparse and matrix-free steps end at the same place."""
    from einderiv.fitting import gauss_newton

    one, two = ed.tensor("p", "n"), ed.tensor("q", "n")
    residual = ed.stack([one * two - y, one - 2.0])
    data = {"y": np.arange(1.0, 9.0)}
    start = [np.ones(8), np.ones(8)]
    for blocks, sparse in ((2000, True), (1, True), (1, False)):
        monkeypatch.setattr(gauss_newton, "LARGEST_BLOCK", blocks)
        if not sparse:
            monkeypatch.setattr(gauss_newton, "joined", lambda blocks: None)
        found = ed.least_squares(residual, [one, two], start, data)
        assert np.allclose(found.x[0], 2) and np.allclose(found.x[1], data["y"] / 2), found.message
    assert "LSMR" in found.message


def test_bounds_in_the_structure_of_wrt():
    found = ed.least_squares(
        FALLING, {"a": a, "k": k}, {"a": 1.0, "k": 1.0}, DECAY, bounds=(0, 1.5)
    )
    assert found.x["a"] <= 1.5 and np.isclose(found.x["a"], 1.5)
    ends = ({"a": 0.0, "k": 0.0}, {"a": np.inf, "k": 0.5})
    found = ed.least_squares(FALLING, {"a": a, "k": k}, {"a": 1.0, "k": 0.2}, DECAY, bounds=ends)
    assert np.isclose(found.x["k"], 0.5)


def test_residuals_as_functions():
    masked = M * (T - U @ V.T)
    data = {"M": rng.integers(0, 2, (4, 5)).astype(float), "T": rng.normal(size=(4, 5))}
    f = ed.scipy_functions(masked, [U, V], data, sizes={"k": 2})
    at = f.pack([rng.normal(size=(4, 2)), rng.normal(size=(5, 2))])
    J = f.jac(at)
    assert J.shape == (20, 18)
    h = 1e-6
    for k_ in range(18):
        moved = np.eye(18)[k_] * h
        assert np.allclose((f.fun(at + moved) - f.fun(at - moved)) / (2 * h), J[:, k_], atol=1e-6)
    assert np.array_equal(f.jac_sparse(at).toarray(), J)
    v, u = rng.normal(size=18), rng.normal(size=20)
    operator = f.jac_operator(at)
    assert np.allclose(operator @ v, J @ v) and np.allclose(operator.rmatvec(u), J.T @ u)
    assert np.allclose(f.product(at, v), J @ v)
    second = f.curvature(at, u)
    slope = (f.jac(at + h * v).T @ u - f.jac(at - h * v).T @ u) / (2 * h)
    assert np.allclose(second @ v, slope, atol=1e-5)
    pattern = f.jac_sparsity.toarray()
    assert set(np.unique(pattern)) == {0, 1} and not J[pattern == 0].any()
    assert pattern.sum() == 20 * 4  # two entries of U and two of V for each residual


def test_residuals_of_no_rows_and_of_no_unknowns():
    nothing = ed.least_squares(FALLING, [a, k], [1.0, 1.0], {"t": np.zeros(0), "y": np.zeros(0)})
    assert nothing.success and nothing.cost == 0
    empty = ed.least_squares(x - 1.0, x, np.zeros(0))
    assert empty.success and empty.x.shape == (0,)


def test_singular_matrices_and_flat_places():
    twice = ed.least_squares(x[0] + x[1] - 1.0, x, np.zeros(2))
    assert np.isclose(twice.x.sum(), 1)
    flat = ed.least_squares(ed.stack([x[0] * 0.0 + 1.0]), x, np.ones(1))
    assert flat.success and flat.cost == 0.5


@pytest.mark.parametrize("method", [None, "SLSQP", "trust-constr"])
def test_constraints(method):
    found = ed.minimize(ed.norm_squared(x), x, np.ones(3), method=method, equal=ed.sum(x) - 3)
    assert np.allclose(found.x, 1, atol=1e-5)
    c = ed.tensor("c", "i")
    below = [c - x, ed.norm_squared(x) - 9.0]
    data = {"c": np.array([1.0, 2.0, -1.0])}
    found = ed.minimize(ed.sum(x), x, np.full(3, 1.5), data, method=method, below=below)
    want = scipy_optimize.minimize(
        lambda v: v.sum(),
        np.full(3, 1.5),
        jac=lambda v: np.ones(3),
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": lambda v: v - data["c"]},
            {"type": "ineq", "fun": lambda v: 9.0 - v @ v},
        ],
    )
    assert np.allclose(found.x, want.x, atol=1e-3)


def test_constraints_on_some_of_the_tensors():
    p, q = ed.tensor("p", "i"), ed.tensor("q", "")
    found = ed.minimize(
        ed.norm_squared(p) + (q - 3.0) ** 2, [p, q], [np.ones(2), 0.0], equal=p[0] - 2, below=q - 1
    )
    assert np.allclose(found.x[0], [2, 0], atol=1e-5) and np.isclose(found.x[1], 1, atol=1e-5)


S = ed.tensor("S", "ii", symmetric=True)
WRONG = [
    (lambda: ed.least_squares(FALLING, [a, k], [1.0, 1.0], DECAY, method="newton"), ed.EinderivError, "no method is called 'newton'"),
    (lambda: ed.least_squares(FALLING, [a, k], [1.0, 1.0], DECAY, method="lm", bounds=(0, 1)), ed.EinderivError, "takes no bounds"),
    (lambda: ed.least_squares(FALLING, [a, k], [1.0, 1.0], DECAY, bounds=3), TypeError, "a pair"),
    (lambda: ed.least_squares(FALLING, [a, k], [1.0, 1.0], DECAY, bounds=(2, 1)), ed.ShapeError, "above the high one"),
    (lambda: ed.least_squares(FALLING, [a, k], [1.0, 1.0], DECAY, ftol=-1), ed.EinderivError, "ftol is a number that is not negative"),
    (lambda: ed.least_squares(3, a, 1.0), TypeError, "must be an expression"),
    (lambda: ed.least_squares(ed.log(x), x, np.zeros(2)), ed.EinderivError, "at the start the cost is"),
    (lambda: ed.least_squares(S @ x, S, np.eye(2), x=np.ones(2)), ed.EinderivError, "declared symmetric"),
    (lambda: ed.least_squares(FALLING, [a, "q"], [1.0, 1.0], DECAY), ed.EinderivError, "'q'"),
    (lambda: ed.least_squares(x - 1j, x, np.ones(2)), TypeError, "the loss is complex"),
    (lambda: ed.minimize(ed.sum(x) * 1j, x, np.ones(2)), TypeError, "the loss is complex"),
    (lambda: ed.minimize(ed.sum(x), x, np.ones(2), equal=3), TypeError, "equal is an expression"),
    (lambda: ed.minimize(ed.sum(x), x, np.ones(2), equal=x, method="BFGS"), ed.EinderivError, "takes no constraints"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), WRONG)
def test_what_is_refused(call, error, match):
    with np.errstate(all="ignore"), pytest.raises(error, match=match):
        call()
