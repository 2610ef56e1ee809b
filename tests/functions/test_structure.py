"""Declared structures: projections are idempotent and tangent, symmetric transposes equal, arrays checked."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.functions import with_structure

A = ed.tensor("A", "nn")
FLAGS = ["symmetric", "diagonal", "lower", "orthogonal"]
rng = np.random.default_rng(3)
G = rng.integers(-4, 5, (3, 3))


def declared(flag):
    return ed.tensor("S", "nn", **{flag: True})


def value(flag, n=3):
    return with_structure(np.random.default_rng(7).normal(size=(n, n)), flag)


@pytest.mark.parametrize(
    ("flag", "want"),
    [
        ("symmetric", (G + G.T) / 2),
        ("diagonal", np.diag(np.diag(G))),
        ("lower", np.tril(G)),
    ],
)
def test_projections(flag, want):
    S = declared(flag)
    assert (ed.evaluate(ed.project(ed.tensor("G", "nn"), S), G=G) == want).all()


@pytest.mark.parametrize("flag", FLAGS)
def test_a_projection_is_idempotent_and_tangent(flag):
    """A small step along the projection keeps the structure to first order, and projecting twice changes nothing."""
    S, s = declared(flag), value(flag)
    once = ed.project(ed.tensor("G", "nn"), S)
    p = ed.evaluate(once, G=G, S=s)
    np.testing.assert_allclose(ed.evaluate(ed.project(once, S), G=G, S=s), p, atol=1e-13)
    if flag == "orthogonal":
        np.testing.assert_allclose(p.T @ s + s.T @ p, 0, atol=1e-13)
    else:
        assert (with_structure(p, flag) == p).all()


@pytest.mark.parametrize("flag", FLAGS)
def test_a_projection_has_the_slope_of_the_function_along_the_structure(flag):
    """⟨P G, T⟩ = ⟨G, T⟩ for every tangent T: nothing of the gradient that the structure can see is lost."""
    S, s = declared(flag), value(flag)
    g = ed.grad(ed.trace(ed.matrix_power(S, 3) @ A), S)
    at = {"S": s, "A": G * 1.0}
    free, along = ed.evaluate(g, at), ed.evaluate(ed.project(g, S), at)
    T = rng.normal(size=(3, 3))
    T = s @ (T - T.T) if flag == "orthogonal" else with_structure(T, flag)
    np.testing.assert_allclose((free * T).sum(), (along * T).sum(), rtol=1e-12)


def test_a_projection_acts_on_the_last_two_axes():
    S, x = declared("symmetric"), ed.tensor("x", "n")
    J = ed.derive(S @ x, S)
    got = ed.evaluate(ed.project(J, S), x=[1, 2, 3])
    full = ed.evaluate(J, x=[1, 2, 3])
    assert (got == (full + full.swapaxes(1, 2)) / 2).all()
    Q = declared("orthogonal")
    got = ed.evaluate(ed.project(ed.derive(Q @ x, Q), Q), x=[1.0, 2, 3], S=np.eye(3))
    np.testing.assert_allclose(got, (full - full.swapaxes(1, 2)) / 2)


S = declared("symmetric")
x, u = ed.tensor("x", "n"), ed.tensor("u", "n")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (S, S.T, True),
        (S @ S, (S @ S).T, True),
        (S @ A, S.T @ A, True),
        ((S @ A).T, A.T @ S, True),
        (S @ A, (A @ S).T, False),
        (ed.inv(S), ed.inv(S).T, True),
        (A, A.T, False),
        (ed.einsum("ij,i,j->", S, x, u), ed.einsum("ij,j,i->", S, x, u), True),
        (ed.einsum("ij,i,ij->", S, x, A), ed.einsum("ij,j,ij->", S, x, A), False),
        (ed.einsum("ij,jk,kl,li->", S, A, S, A), ed.einsum("ji,jk,lk,li->", S, A, S, A), True),
        (ed.einsum("ij,jk,kl,li->", S, A, S, A.T), ed.einsum("ji,jk,lk,li->", S, A, S, A), False),
        (ed.einsum("ij->ij", S), ed.einsum("ij->ji", S), True),
    ],
)
def test_a_symmetric_tensor_equals_its_transpose(a, b, same):
    assert (a == b) is same
    assert not same or hash(a) == hash(b)
    at = {
        "S": np.array([[1, 2], [2, 5]]),
        "A": np.array([[1, 3], [0, 2]]),
        "x": [1, 2],
        "u": [3, 1],
    }
    values = [ed.evaluate(e, {n: at[n] for n in ed.compile(e).inputs}) for e in (a, b)]
    assert np.allclose(*values) is same


def test_derivatives_are_unconstrained():
    """Terms that only a symmetry makes equal are not merged, or a further derivative would be another."""
    y = ed.sum(S * S + S * S.T)
    H = ed.evaluate(ed.hessian(y, S), S=np.eye(2)).reshape(4, 4)
    swap = np.eye(4)[[0, 2, 1, 3]]
    assert (2 * np.eye(4) + 2 * swap == H).all()


@pytest.mark.parametrize("flag", FLAGS)
def test_arrays_are_checked(flag):
    e = declared(flag) @ x
    with pytest.raises(ed.EinderivError, match=f"S is declared {flag}, but its array is not"):
        ed.evaluate(e, S=np.array([[1.0, 2], [3, 4]]), x=[1, 1])
    ed.evaluate(e, S=value(flag), x=[1, 1, 1])
    near = value(flag) * (1 + 1e-12 * rng.normal(size=(3, 3)))
    ed.evaluate(e, S=near, x=[1, 1, 1])
    with pytest.raises(ed.EinderivError, match="is declared"):
        ed.evaluate(e, S=np.full((2, 2), np.nan), x=[1, 1])
    assert ed.evaluate(e, S=np.zeros((0, 0)), x=[]).shape == (0,)
    assert ed.check(e, "S").ok


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ed.tensor("S", "n", symmetric=True), ed.ShapeError, "needs two"),
        (lambda: ed.tensor("S", ("n", 3, 4), lower=True), ed.ShapeError, "sizes 3 and 4"),
        (
            lambda: ed.tensor("S", "nn", symmetric=True, lower=True),
            ed.EinderivError,
            "symmetric and lower",
        ),
        (lambda: ed.project(A, A), ed.EinderivError, "A has no declared structure"),
        (lambda: ed.project(A, "S"), ed.EinderivError, "str has no declared structure"),
        (lambda: ed.project(x, S), ed.ShapeError, "x has 1 axis"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_stacks_of_structured_matrices():
    T = ed.tensor("T", "bnn", symmetric=True)
    t = np.array([[[1, 2], [2, 3]], [[0, 1], [1, 5]]])
    assert (ed.evaluate(T - ed.einsum("bij->bji", T), T=t) == 0).all()
    assert ed.einsum("bij->bji", T) == T
    assert ed.einsum("bij->jib", T) != T


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3,), (0, 2)])
def test_arrays_that_are_not_square(flag, shape):
    with pytest.raises(ed.ShapeError, match=rf"S .*{', '.join(map(str, shape))}"):
        ed.evaluate(ed.sum(declared(flag)), S=np.ones(shape))
