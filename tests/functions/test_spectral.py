"""Eigenvalues, singular values, factors and functions of matrices: SciPy says the values, JAX the slopes."""

import numpy as np
import pytest

import einderiv as ed

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

linalg = pytest.importorskip("scipy.linalg")

rng = np.random.default_rng(7)
A, B, C = ed.tensor("A", "ii"), ed.tensor("B", "jj"), ed.tensor("C", "ij")
square = rng.normal(size=(4, 4))
symmetric = square + square.T
definite = square @ square.T + np.eye(4)
M = rng.normal(size=(4, 4))


def close(e, want, tolerance=1e-9, **given):
    found = ed.evaluate(e, given)
    assert found.shape == np.shape(want)
    np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)


# ---- values
VALUES = {
    "eigvalsh": (lambda: ed.eigvalsh(A), lambda a: np.linalg.eigvalsh((a + a.T) / 2)),
    "eigh":     (lambda: ed.einsum("ip,p,jp->ij", ed.eigh(A)[1], ed.eigh(A)[0], ed.eigh(A)[1]), lambda a: (a + a.T) / 2),
    "svdvals":  (lambda: ed.svdvals(A), lambda a: np.linalg.svd(a, compute_uv=False)),
    "qr":       (lambda: ed.qr(A).Q @ ed.qr(A).R, lambda a: a),
    "nuclear":  (lambda: ed.norm(A, "nuc"), lambda a: np.linalg.norm(a, "nuc")),
    "spectral": (lambda: ed.norm(A, 2), lambda a: np.linalg.norm(a, 2)),
    "sqrtm":    (lambda: ed.sqrtm(A) @ ed.sqrtm(A), lambda a: a),
    "logm":     (lambda: ed.expm(ed.logm(A)), lambda a: a),
    "cholesky": (lambda: ed.cholesky(A, upper=True), lambda a: np.linalg.cholesky(a).T),
    "lstsq":    (lambda: ed.lstsq(A, M), lambda a: np.linalg.lstsq(a, M)[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    ours, theirs = VALUES[name]
    close(ours(), theirs(definite), A=definite)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_factors_of_rectangles(shape):
    X = ed.tensor("X", shape)
    at = rng.normal(size=shape)
    U, s, Vh = ed.svd(X)
    close(ed.einsum("ik,k,kj->ij", U, s, Vh), at, X=at)
    close(ed.einsum("ki,kj->ij", U, U), np.eye(min(shape)), X=at)
    Q, R = ed.qr(X)
    close(Q @ R, at, X=at)
    close(R - ed.triu(R), np.zeros((min(shape), shape[1])), X=at)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("unit", [False, True])
def test_triangular_solves(lower, trans, unit):
    b = np.arange(4.0)
    x = ed.solve_triangular(A, ed.tensor("b", "i"), trans, lower, unit)
    want = linalg.solve_triangular(definite, b, trans, lower, unit)
    close(x, want, A=definite, b=b)


@pytest.mark.parametrize("lower", [False, True])
def test_solves_by_a_factor_of_cholesky(lower):
    b = np.arange(4.0)
    x = ed.cho_solve(ed.cho_factor(A, lower), ed.tensor("b", "i"))
    close(x, np.linalg.solve(definite, b), A=definite, b=b)


# ---- slopes
def jax_functions():
    jnp = jax.numpy

    def sym(a):
        return (a + a.T) / 2

    return jax, {
        "eigvalsh": (lambda: ed.eigvalsh(A), lambda a: jnp.linalg.eigvalsh(sym(a))),
        "vectors": (lambda: ed.eigh(A)[1], lambda a: jnp.linalg.eigh(sym(a))[1]),
        "left": (lambda: ed.svd(A)[0], lambda a: jnp.linalg.svd(a)[0]),
        "svdvals": (lambda: ed.svdvals(A), lambda a: jnp.linalg.svd(a, compute_uv=False)),
        "right": (lambda: ed.svd(A)[2], lambda a: jnp.linalg.svd(a)[2]),
        "q": (lambda: ed.qr(A)[0], lambda a: jnp.linalg.qr(a)[0]),
        "r": (lambda: ed.qr(A)[1], lambda a: jnp.linalg.qr(a)[1]),
        "nuclear": (lambda: ed.norm(A, "nuc"), lambda a: jnp.linalg.svd(a)[1].sum()),
        "spectral": (lambda: ed.norm(A, 2), lambda a: jnp.linalg.svd(a)[1][0]),
        "sqrtm": (lambda: ed.sqrtm(A), lambda a: _of_eigenvalues(jnp, jnp.sqrt, sym(a))),
        "logm": (lambda: ed.logm(A), lambda a: _of_eigenvalues(jnp, jnp.log, sym(a))),
    }


def _of_eigenvalues(jnp, f, a):
    values, vectors = jnp.linalg.eigh(a)
    return (vectors * f(values)) @ vectors.T


NAMES = ["eigvalsh", "vectors", "left", "svdvals", "right", "q", "r", "nuclear", "spectral"]


@pytest.mark.parametrize("name", NAMES)
def test_slopes(name):
    jax, functions = jax_functions()
    ours, theirs = functions[name]
    at = symmetric if name in ("eigvalsh", "vectors") else square
    close(ed.derive(ours(), A), jax.jacobian(theirs)(at), A=at)
    weights = rng.normal(size=ed.evaluate(ours(), A=at).shape)
    loss = ed.sum(ours() ** 3 * weights)
    own = lambda a: (theirs(a) ** 3 * weights).sum()  # noqa: E731
    close(ed.grad(loss, A), jax.grad(own)(at), 1e-8, A=at)
    close(ed.hessian(loss, A), jax.hessian(own)(at), 1e-6, A=at)


@pytest.mark.parametrize("name", ["sqrtm", "logm"])
def test_slopes_of_functions_of_matrices(name):
    """In symmetric directions they are those of the functions of eigenvalues."""
    jax, functions = jax_functions()
    ours, theirs = functions[name]
    direction = rng.normal(size=(4, 4))
    direction = direction + direction.T
    _, want = jax.jvp(theirs, (definite,), (direction,))
    close(ed.jvp(ours(), A, direction), want, 1e-7, A=definite)
    assert ed.check(ed.sum(ours() ** 2 * M), A, order=2, A=definite).ok


def test_the_entropy_of_von_neumann():
    g = ed.grad(ed.trace(A @ ed.logm(A)), A)
    close(g, linalg.logm(definite).T + np.eye(4), 1e-7, A=definite)


# ---- equal eigenvalues
def cubes(jnp):
    def loss(a):
        s = (a + a.T) / 2
        return jnp.trace(s @ s @ s)

    return loss


TIED = {
    "identity": 2 * np.eye(3),
    "zero": np.zeros((3, 3)),
    "two": (lambda q: q @ np.diag([1.0, 1.0, 2.0]) @ q.T)(np.linalg.qr(rng.normal(size=(3, 3)))[0]),
    "near": np.diag([1.0, 1.0 + 1e-9, 1.0 + 1e-5]),
}


@pytest.mark.parametrize("name", TIED)
def test_sums_of_functions_of_equal_eigenvalues(name):
    """Σ λ³ is tr A³, whose derivatives know nothing of eigenvalues."""
    at = TIED[name]
    loss, own = ed.sum(ed.eigvalsh(A) ** 3), cubes(jax.numpy)
    close(ed.grad(loss, A), jax.grad(own)(at), A=at)
    close(ed.hessian(loss, A), jax.hessian(own)(at), A=at)
    close(ed.derive(ed.derive(loss, A), A), jax.hessian(own)(at), A=at)
    close(ed.hvp(loss, A, M[:3, :3]), np.tensordot(jax.hessian(own)(at), M[:3, :3]), A=at)


def test_logarithms_of_equal_eigenvalues():
    """Σ log λ is log det, of which the Hessian is known."""
    at = 2 * np.eye(3)
    loss = ed.sum(ed.log(ed.eigvalsh(A)))
    S = ed.tensor("S", "ii")
    known = ed.logdet((S + S.T) / 2)
    close(ed.hessian(loss, A), ed.evaluate(ed.hessian(known, S), S=at), A=at)


def test_squares_of_traces():
    """What is summed over eigenvalues counts as a constant among equal ones."""
    at = np.eye(3)
    loss = ed.sum(ed.eigvalsh(A)) ** 2
    want = 2 * np.einsum("ij,kl->ijkl", np.eye(3), np.eye(3))
    close(ed.hessian(loss, A), want, A=at)


def test_kinks_of_singular_values():
    zero = np.zeros((3, 3))
    assert ed.evaluate(ed.grad(ed.norm(A, 2), A), A=zero).tolist() == zero.tolist()
    assert np.isfinite(ed.evaluate(ed.grad(ed.norm(A, "nuc"), A), A=zero)).all()


# ---- A X + X B = C
def test_sylvester():
    jnp = jax.numpy
    given = dict(A=definite, B=rng.normal(size=(3, 3)), C=rng.normal(size=(4, 3)))
    X = ed.solve_sylvester(A, B, C)
    close(X, linalg.solve_sylvester(*given.values()), **given)

    def solved(a, b, c):
        system = jnp.kron(a, jnp.eye(3)) + jnp.kron(jnp.eye(4), b.T)
        return jnp.linalg.solve(system, c.reshape(-1)).reshape(4, 3)

    for k, name in enumerate("ABC"):
        close(ed.derive(X, name), jax.jacobian(solved, k)(*given.values()), **given)
        loss, own = ed.sum(X**3), lambda *z: (solved(*z) ** 3).sum()
        close(ed.grad(loss, name), jax.grad(own, k)(*given.values()), **given)
        close(ed.hessian(loss, name), jax.hessian(own, k)(*given.values()), 1e-7, **given)


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("name", [*NAMES, "sylvester"])
def test_other_libraries(name, backend):
    pytest.importorskip(backend)
    calls = {
        "eigvalsh": lambda: ed.eigvalsh(A),
        "vectors": lambda: ed.eigh(A)[1] ** 2,
        "left": lambda: ed.svd(A)[0] ** 2,
        "svdvals": lambda: ed.svdvals(A),
        "right": lambda: ed.svd(A)[2] ** 2,
        "q": lambda: ed.qr(A)[0] ** 2,
        "r": lambda: ed.qr(A)[1] ** 2,
        "nuclear": lambda: ed.norm(A, "nuc"),
        "spectral": lambda: ed.norm(A, 2),
        "sylvester": lambda: ed.solve_sylvester(A, A, M),
    }
    e = calls[name]()
    weights = rng.normal(size=ed.evaluate(e, A=definite).shape)
    for of in (ed.grad(ed.sum(e * weights), A), ed.hvp(ed.sum(e * weights), A, M)):
        found = np.asarray(ed.compile(of, backend=backend)(A=definite))
        np.testing.assert_allclose(found, ed.evaluate(of, A=definite), rtol=1e-7, atol=1e-8)


# ---- norms
@pytest.mark.parametrize("order", [3, 1.5, 4, 0.5, -1, 0, 1, 2, np.inf, -np.inf])
def test_norms_of_vectors(order):
    jnp = jax.numpy
    x, X = ed.tensor("x", "i"), ed.tensor("X", "ij")
    at = rng.normal(size=(3, 4))
    close(ed.norm(X, order, 1, keepdims=True), np.linalg.norm(at, order, 1, True), X=at)
    if order:
        own = lambda v: jnp.linalg.norm(v, order)  # noqa: E731
        close(ed.grad(ed.norm(x, order), x), jax.grad(own)(at[0]), x=at[0])
        close(ed.hessian(ed.norm(x, order), x), jax.hessian(own)(at[0]), x=at[0])
    assert ed.evaluate(ed.grad(ed.norm(x, order), x), x=[0.0, 0.0]).tolist() == [0, 0]


def test_norms_near_the_ends_of_the_range():
    x = ed.tensor("x", "i")
    assert ed.evaluate(ed.norm(x, 3), x=[1e200, -1e200]) == pytest.approx(2 ** (1 / 3) * 1e200)
    assert ed.evaluate(ed.norm(x, 3), x=[1.0, np.inf]) == np.inf


# ---- Hermitian tensors
def test_the_value_of_a_hermitian_form_is_real():
    H, psi = ed.tensor("H", "ii", hermitian=True), ed.tensor("psi", "i", complex=True)
    value = ed.conj(psi) @ H @ psi
    assert ed.conj(value) == value
    h = np.array([[1, 1j], [-1j, 2]])
    assert ed.evaluate(value, H=h, psi=[1, 1j]) == 1
    with pytest.raises(ed.EinderivError, match="H is declared hermitian, but its array is not"):
        ed.evaluate(value, H=h + 1j, psi=[1, 1j])
    G = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
    projected = ed.evaluate(ed.project(ed.tensor("G", "ii", complex=True), H), G=G)
    np.testing.assert_allclose(projected, (G + G.conj().T) / 2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ed.svdvals(ed.tensor("X", "ij")), ed.ShapeError, "declare the sizes"),
        (lambda: ed.svd(ed.tensor("X", (3, 2)), full_matrices=True), ed.EinderivError, "no derivative"),
        (lambda: ed.qr(A, "complete"), ed.EinderivError, "the mode 'reduced'"),
        (lambda: ed.derive(ed.qr(ed.tensor("X", (2, 3)))[0], "X"), ed.EinderivError, "fewer rows than columns"),
        (lambda: ed.solve_triangular(A, C, trans=2), ed.EinderivError, "trans must be"),
        (lambda: ed.cho_solve(A, C), TypeError, "a pair"),
        (lambda: ed.solve_sylvester(A, B, ed.tensor("b", "i")), ed.ShapeError, "needs a matrix"),
        (lambda: ed.eigvalsh(ed.tensor("x", "i")), ed.ShapeError, "needs a matrix"),
        (lambda: ed.pinv(A, 2), ed.EinderivError, "rtol must be a number from 0 to 1"),
        (lambda: ed.softplus(A, 0), TypeError, "beta must be a number that is not 0"),
    ],
)  # fmt: skip
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_third_derivatives_of_the_nuclear_norm_are_refused():
    H = ed.hessian(ed.norm(A, "nuc"), A)
    with pytest.raises(ed.EinderivError, match="second derivatives here, and no third"):
        ed.derive(H, A)


def test_qr_of_a_wide_matrix_of_unknown_sizes():
    X = ed.tensor("X", "ij")
    with pytest.raises(ed.ShapeError, match="a size is not negative"):
        ed.evaluate(ed.qr(X)[0], X=np.ones((2, 3)))


@pytest.mark.parametrize("f", [ed.sqrtm, ed.logm])
def test_a_complex_root_of_a_real_matrix_is_refused(f):
    with pytest.raises(ed.SingularMatrixError, match="of a real matrix is complex here"):
        ed.evaluate(f(ed.tensor("B", "ii")), B=np.array([[-1.0, 0.0], [0.0, 4.0]]))
