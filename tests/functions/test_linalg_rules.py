"""The differentials of matrix functions: exact integers, singular matrices, batches, second derivatives, structure."""

import itertools

import numpy as np
import pytest
from formulas import by_differences, cofactors
from scipy import linalg

import einderiv as ed
from einderiv.functions.table import apply

ev = ed.evaluate
A, B, N = ed.tensor("A", "ij"), ed.tensor("B", "ij"), ed.tensor("A", "nij")
rng = np.random.default_rng(7)
REGULAR = rng.normal(size=(3, 3)) + 2 * np.eye(3)
EYE = np.eye(3)


def signature(order):
    return round(np.linalg.det(np.eye(len(order))[list(order)]))


def leibniz(a, gone=()):
    """The determinant by permutations in whole numbers; derived by the entries `gone`, in order."""
    n, total = len(a), 0
    for order in itertools.permutations(range(n)):
        if all(order[i] == j for i, j in gone) and len(set(gone)) == len(gone):
            rest = [int(a[i][order[i]]) for i in range(n) if i not in {i for i, _ in gone}]
            total += signature(order) * int(np.prod(rest, dtype=object))
    return total


def exactly(got, want):
    """The whole numbers are those, and rounding leaves them by far."""
    np.testing.assert_allclose(got, np.rint(got), rtol=0, atol=1e-9)
    assert (np.rint(got) == want).all()


WHOLE = {
    "regular":   [[2, -1, 3], [0, 4, 1], [-2, 5, 1]],
    "rank two":  [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    "rank one":  [[1, -2, 3], [2, -4, 6], [-1, 2, -3]],
    "zero":      [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
    "2 × 2":     [[0, 2], [0, 3]],
    "1 × 1":     [[0]],
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("order", range(5))
def test_the_determinant_is_a_polynomial(name, order):
    """Every derivative, of singular matrices too, is the sum over the permutations that are left."""
    a = np.array(WHOLE[name])
    e, n = ed.det(A), len(a)
    for _ in range(order):
        e = ed.derive(e, A)
    got = ev(e, A=a)
    assert got.shape == (n, n) * order
    want = np.array(
        [leibniz(a, tuple(zip(at[::2], at[1::2]))) for at in np.ndindex(*got.shape)]
    ).reshape(got.shape)
    exactly(got, want)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("order", range(3))
def test_the_adjugate_is_a_polynomial(name, order):
    """Entry [i, j] is the derivative of det A by A[j, i]."""
    a, e = np.array(WHOLE[name]), ed.adj(A)
    for _ in range(order):
        e = ed.derive(e, A)
    got = ev(e, A=a)
    want = np.array(
        [
            leibniz(a, ((j, i), *zip(rest[::2], rest[1::2])))
            for i, j, *rest in np.ndindex(*got.shape)
        ]
    )
    exactly(got, want.reshape(got.shape))


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_derivatives_of_powers(n):
    """d A^n = Σ A^m dA A^(n-1-m), in whole numbers."""
    a = np.array([[1, 2, 0], [-1, 1, 3], [2, 0, -1]])
    powers = [np.linalg.matrix_power(a, m) for m in range(n + 1)]
    e = ed.matrix_power(A, n)
    assert (ev(e, A=a) == powers[n]).all()
    want = sum(np.einsum("ik,lj->ijkl", powers[m], powers[n - 1 - m]) for m in range(n))
    assert (ev(ed.derive(e, A), A=a) == want).all()
    second = 0
    for m, k in itertools.product(range(n), repeat=2):
        if m + k <= n - 2:  # either direction first
            term = np.einsum("ik,lp,qj->ijklpq", powers[m], powers[k], powers[n - 2 - m - k])
            second = second + term + term.transpose(0, 1, 4, 5, 2, 3)
    assert (ev(ed.derive(ed.derive(e, A), A), A=a) == second).all()


@pytest.mark.parametrize("f", [ed.tril, ed.triu])
@pytest.mark.parametrize("k", [-2, -1, 0, 1, 3])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (0, 3), (1, 1)])
def test_triangles(f, k, shape):
    """Linear, so the derivative is that of the unit matrices, and the second is zero."""
    at = np.arange(1, 1 + np.prod(shape)).reshape(shape)
    plain = getattr(np, f.__name__)
    got = ev(f(A, k), A=at)
    assert got.dtype == np.int64 and (got == plain(at, k)).all()
    J = ev(ed.derive(f(A, k), A), A=at)
    want = np.zeros(shape * 2, int)
    for i, j in np.ndindex(*shape):
        want[..., i, j] = plain(np.eye(1, at.size, i * shape[1] + j, dtype=int).reshape(shape), k)
    assert (want == J).all()
    assert not ev(ed.derive(ed.derive(f(A, k), A), A), A=at).any()


@pytest.mark.parametrize("axes", [None, (0, 1), (1, 2), (0, 2), (2, 0), 1])
@pytest.mark.parametrize("order", ["C", "F"])
def test_reshapes_are_permutations(axes, order):
    """The derivative of a reshape has a single 1 in each row; forwards and backwards."""
    at = np.arange(24).reshape(2, 3, 4)
    e = ed.vec(ed.tensor("A", "ijk"), axes, order=order)
    J, value = ev(ed.derive(e, "A"), A=at), ev(e, A=at)
    assert (J.reshape(24, 24) @ at.ravel() == value.ravel()).all()
    assert (J.reshape(24, 24).sum(0) == 1).all() and (J.reshape(24, 24).sum(1) == 1).all()
    weights = np.arange(value.size).reshape(value.shape)
    gradient = ev(ed.grad(ed.sum(e * weights), "A"), A=at)
    assert (gradient == np.tensordot(weights, J, weights.ndim)).all()
    assert (ev(ed.hessian(ed.sum(e * e), "A"), A=at).reshape(24, 24) == 2 * np.eye(24)).all()


# ---- smooth ones, by formulas of their differentials
def inverse_slope(a):
    p = np.linalg.inv(a)
    return -np.einsum("ik,lj->ijkl", p, p)


def inverse_curve(a):
    p = np.linalg.inv(a)
    one = np.einsum("ik,lp,qj->ijklpq", p, p, p)
    return one + one.transpose(0, 1, 4, 5, 2, 3)


FORMULAS = {
    # first and second derivative
    "inv":    (ed.inv, inverse_slope, inverse_curve),
    "logdet": (ed.logdet, lambda a: np.linalg.inv(a).T, lambda a: inverse_slope(a).transpose(1, 0, 2, 3)),
    "det":    (ed.det, lambda a: cofactors(a).T, None),
    "square": (lambda e: ed.matrix_power(e, -2), lambda a: np.einsum("im,mjkl->ijkl", np.linalg.inv(a),
               inverse_slope(a)) + np.einsum("imkl,mj->ijkl", inverse_slope(a), np.linalg.inv(a)), None),
    "sign":   (lambda e: ed.slogdet(e)[0], lambda a: np.zeros((3, 3)), lambda a: np.zeros((3,) * 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("sign", [1, -1])
def test_differentials(name, sign):
    f, first, second = FORMULAS[name]
    at = REGULAR * [[sign], [1], [1]]
    np.testing.assert_allclose(ev(ed.derive(f(A), A), A=at), first(at), rtol=1e-12, atol=1e-13)
    if second:
        np.testing.assert_allclose(
            ev(ed.derive(ed.derive(f(A), A), A), A=at), second(at), rtol=1e-12, atol=1e-12
        )


NUMERIC = {
    "inv":      (ed.inv, np.linalg.inv),
    "adj":      (ed.adj, cofactors),
    "power":    (lambda e: ed.matrix_power(e, 4), lambda a: a @ a @ a @ a),
    "expm":     (ed.expm, linalg.expm),
    "cholesky": (lambda e: ed.cholesky(e + 9 * EYE), lambda a: np.linalg.cholesky((a + a.T) / 2 + 9 * EYE)),
    "pinv":     (ed.pinv, np.linalg.pinv),
    "logdet":   (ed.logdet, lambda a: np.linalg.slogdet(a)[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMERIC)
def test_first_and_second_derivatives_by_differences(name):
    f, plain = NUMERIC[name]
    J = ed.derive(f(A), A)
    np.testing.assert_allclose(ev(f(A), A=REGULAR), plain(REGULAR), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(
        ev(J, A=REGULAR), by_differences(plain, REGULAR, 1e-6), rtol=1e-6, atol=1e-7
    )
    second = by_differences(lambda a: ev(J, A=a), REGULAR, 1e-6)
    np.testing.assert_allclose(ev(ed.derive(J, A), A=REGULAR), second, rtol=1e-6, atol=1e-6)
    W = np.cos(np.arange(plain(REGULAR).size)).reshape(plain(REGULAR).shape)
    backwards = ev(ed.grad(ed.sum(f(A) * W), A), A=REGULAR)
    np.testing.assert_allclose(
        backwards, np.tensordot(W, ev(J, A=REGULAR), W.ndim), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("name", [n for n in NUMERIC if n != "cholesky"])
def test_a_batch_is_its_matrices_one_by_one(name):
    f = NUMERIC[name][0]
    at = np.stack([REGULAR, REGULAR.T + EYE])
    got, J = ev(f(N), A=at), ev(ed.derive(f(N), N), A=at)
    for n, m in np.ndindex(2, 2):
        one = ev(ed.derive(f(A), A), A=at[n])
        np.testing.assert_allclose(got[n], ev(f(A), A=at[n]), rtol=1e-13)
        block = J[n].take(m, axis=got.ndim - 1)
        np.testing.assert_allclose(
            block, one if n == m else np.zeros_like(one), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize("shape", [(2, 3), (4, 2), (3, 1), (2, 2)])
def test_pinv_of_full_rank(shape):
    at = rng.normal(size=shape)
    J = ev(ed.derive(ed.pinv(A), A), A=at)
    assert ed.pinv(A).axes == ("j", "i")
    np.testing.assert_allclose(J, by_differences(np.linalg.pinv, at, 1e-6), rtol=1e-6, atol=1e-6)


def test_pinv_along_matrices_of_one_rank():
    """A = u vᵀ has the pseudo-inverse v uᵀ / (|u|² |v|²), and so along a curve of such matrices."""
    u, v, du, dv = rng.normal(size=(4, 3))
    at, direction = np.outer(u, v), np.outer(du, v) + np.outer(u, dv)

    def plain(h):
        return np.outer(v + h * dv, u + h * du) / (
            ((u + h * du) ** 2).sum() * ((v + h * dv) ** 2).sum()
        )

    J = ev(ed.derive(ed.pinv(A), A), A=at)
    want = (plain(1e-6) - plain(-1e-6)) / 2e-6
    np.testing.assert_allclose(np.tensordot(J, direction, 2), want, rtol=1e-6, atol=1e-8)


def test_cholesky_takes_the_symmetric_part():
    at = REGULAR @ REGULAR.T + np.triu(np.ones((3, 3)), 1)
    J = ev(ed.derive(ed.cholesky(A), A), A=at)
    np.testing.assert_allclose(J, J.swapaxes(2, 3), rtol=1e-13)
    assert (J[np.triu_indices(3, 1)] == 0).all()
    np.testing.assert_allclose(
        ev(ed.cholesky(A), A=at), np.linalg.cholesky((at + at.T) / 2), rtol=1e-14
    )


def test_expm_of_nilpotent_matrices_is_a_sum_of_two():
    """exp(t E) = I + t E where E E = 0, and the derivative along E is E exp(t E) = E."""
    E = np.array([[0.0, 1], [0, 0]])
    np.testing.assert_allclose(ev(ed.expm(A), A=3 * E), np.eye(2) + 3 * E, rtol=1e-15)
    J = ev(ed.derive(ed.expm(A), A), A=3 * E)
    np.testing.assert_allclose(np.tensordot(J, E, 2), E, atol=1e-14)
    assert ev(ed.expm(A), A=np.zeros((2, 2), "f4")).dtype == np.float32


def test_minors_of_two_orders_are_antisymmetric():
    e = apply("minors", A, 2, (2,))
    got = ev(e, A=REGULAR)
    np.testing.assert_allclose(got, -got.transpose(2, 1, 0, 3), atol=1e-13)
    np.testing.assert_allclose(got, got.transpose(2, 3, 0, 1), atol=1e-13)
    # Euler
    np.testing.assert_allclose(
        np.einsum("ijkl,kl->ij", got, REGULAR), 2 * cofactors(REGULAR).T, rtol=1e-12
    )


TINY = [
    # function                           of [[2]]     of the empty matrix, or an empty one
    (ed.det,                             2,           1),
    (ed.logdet,                          np.log(2),   0),
    (ed.inv,                             [[0.5]],     None),
    (ed.adj,                             [[1]],       None),
    (ed.pinv,                            [[0.5]],     None),
    (ed.cholesky,                        [[2**0.5]],  None),
    (ed.expm,                            [[np.e**2]], None),
    (ed.tril,                            [[2]],       None),
    (lambda e: ed.matrix_power(e, 3),    [[8]],       None),
    (lambda e: ed.matrix_power(e, 0),    [[1]],       None),
    (ed.vec,                             [2],         np.zeros(0)),
    (lambda e: ed.kron(e, e),            [[4]],       None),
]  # fmt: skip


@pytest.mark.parametrize(("f", "one", "empty"), TINY)
def test_tiny_matrices(f, one, empty):
    for n, want in ((1, one), (0, np.zeros((0, 0)) if empty is None else empty)):
        at, e, shape = np.full((n, n), 2.0), f(A), np.shape(want)
        np.testing.assert_allclose(ev(e, A=at), want, rtol=1e-14)
        for order in (1, 2):
            e = ed.derive(e, A)
            assert ev(e, A=at).shape == shape + (n, n) * order
