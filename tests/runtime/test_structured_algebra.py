"""Sums, multiples, transposes, shifts and products of structured tensors, against the dense ones."""

import pickle

import numpy as np
import pytest

import einderiv as ed

r = np.random.default_rng(5)
x, U, V = ed.tensor("x", "i"), ed.tensor("U", "nk"), ed.tensor("V", "mk")
A, B = ed.tensor("A", "ij"), ed.tensor("B", "jk")
es = ed.einsum


def factorised():
    loss = ed.norm_squared(ed.tensor("T", "nm") - U @ V.T)
    at = dict(T=r.integers(-4, 5, (6, 5)), U=r.integers(-4, 5, (6, 2)), V=r.integers(-4, 5, (5, 2)))
    return ed.evaluate(ed.hessian(loss, U), at, dense=False)


def jacobian():
    at = dict(A=r.integers(-4, 5, (2, 3)), B=r.integers(-4, 5, (3, 4)))
    return ed.evaluate(ed.derive(A @ B, A), at, dense=False)


def softmax():
    return ed.evaluate(ed.hessian(ed.logsumexp(x), x), x=r.normal(size=4), dense=False)


def shift():
    return ed.evaluate(
        ed.derive(es("(i+k),k->i", x, "w"), x), x=np.arange(7), w=np.arange(3), dense=False
    )


def gather():
    taken = ed.take(x, np.array([2, 0, 2]))
    return ed.evaluate(ed.derive(taken * taken, x), x=np.arange(1.0, 4), dense=False)


MADE = [factorised, jacobian, softmax, shift, gather]
DONE = [
    ("twice",       lambda S: S + S),
    ("three times", lambda S: S + 2 * S),
    ("difference",  lambda S: S - 3 * S),
    ("nothing",     lambda S: S - S),
    ("negative",    lambda S: -S),
    ("positive",    lambda S: +S),
    ("right",       lambda S: S * 2),
    ("float",       lambda S: 0.5 * S),
    ("complex",     lambda S: 2j * S),
    ("NumPy's",     lambda S: np.float64(3) * S),
    ("0-d array",   lambda S: S * np.array(3)),
    ("half",        lambda S: S / 2),
]  # fmt: skip


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("do", [row[1] for row in DONE], ids=[row[0] for row in DONE])
def test_sums_and_multiples(make, do):
    S = make()
    want = do(S.dense())
    got = do(S)
    assert got.dtype == want.dtype
    assert np.allclose(got.dense(), want, rtol=1e-14, atol=0 if S.dtype.kind == "i" else 1e-15)
    assert got.nbytes <= 2 * S.nbytes * (np.dtype(got.dtype).itemsize // np.dtype(S.dtype).itemsize)
    assert got.split == S.split
    again = pickle.loads(pickle.dumps(got))
    assert np.array_equal(again.dense(), got.dense())
    v = r.integers(-4, 5, S.shape[S.split :])
    assert np.allclose(got @ v, np.tensordot(want, v, v.ndim))


@pytest.mark.parametrize("make", MADE)
def test_transposes(make):
    S = make()
    k = S.split
    order = [*range(k, S.ndim), *range(k)]
    assert np.array_equal(S.T.dense(), S.dense().transpose(order))
    assert np.array_equal(S.T.T.dense(), S.dense())
    u = r.integers(-4, 5, S.shape[:k])
    assert np.allclose(S.T @ u, u @ S)


def test_shifts():
    S = factorised()
    identity = np.eye(12).reshape(S.shape)
    assert np.array_equal(S.shifted(3).dense(), S.dense() + 3 * identity)
    assert S.shifted(3).dtype == S.dtype
    assert S.shifted(3).shifted(-3).nbytes == S.nbytes + 8
    assert np.array_equal(S.shifted(0.5).dense(), S.dense() + 0.5 * identity)
    gram = ed.evaluate(es("ij,ik->jk", "X", "X"), X=np.arange(6.0).reshape(2, 3), dense=False)
    assert np.array_equal(gram.shifted(2).dense(), gram.dense() + 2 * np.eye(3))
    assert np.array_equal(gram.T.dense(), gram.dense().T)


def test_cores_in_one_place_are_one():
    S = factorised()
    assert len((S + 2 * S).terms) == 1
    # u ⊗ u + v ⊗ v is no product, and v ⊗ u + w ⊗ u is one
    one, other = (ed.evaluate(es("i,j->ij", "u", "v"), u=u, v=np.ones(3), dense=False)
                  for u in (np.arange(3.0), np.ones(3)))  # fmt: skip
    assert np.array_equal((one + other).dense(), one.dense() + other.dense())


def test_products_stay_structured():
    J = jacobian()
    gram = J @ J.T
    B = J.dense()
    assert np.array_equal(gram.dense(), np.einsum("ikab,jlab->ikjl", B, B))
    assert gram.nbytes == 4 * 4 * 8  # B Bᵀ, for every row
    H = factorised()
    assert np.array_equal((H @ H).dense(), np.einsum("abcd,cdef->abef", H.dense(), H.dense()))
    assert np.array_equal(
        ((J @ J.T) @ np.ones((2, 4))), np.tensordot(gram.dense(), np.ones((2, 4)))
    )
    S = softmax()
    assert np.allclose((S @ S).dense(), S.dense() @ S.dense())


def test_a_product_that_is_dense_is_refused():
    X = ed.tensor("X", "cd")
    at = {name: r.normal(size=(6, 6)) for name in "PQRSTUVWYZ"} | {"X": np.ones((6, 6))}
    pairs = [
        es("ac,bd,cd->ab", first, second, X) for first, second in ("PQ", "RS", "TU", "VW", "YZ")
    ]
    S = ed.evaluate(ed.derive(sum(pairs[1:], pairs[0]), X), at, dense=False)
    # 25 Kronecker products of 36 + 36 entries, in place of a tensor of 1296
    with pytest.raises(
        TypeError, match=r"cores of 1800 entries, .* both have 720: multiply one .* S\.dense"
    ):
        S @ S
    assert np.allclose((S @ np.ones((6, 6))), S.dense().sum((2, 3)))


REFUSED = [
    (lambda S: S + np.ones(S.shape), TypeError, "plus or minus an array of shape .* would be dense"),
    (lambda S: S + 1, TypeError, "plus or minus a number .int. would be dense"),
    (lambda S: 1 - S, TypeError, "plus or minus a number .int. would be dense"),
    (lambda S: S - None, TypeError, "plus or minus NoneType would be dense"),
    (lambda S: S * np.ones(2), TypeError, "multiplied and divided by numbers, not by an array of shape .2,."),
    (lambda S: S * S, TypeError, "multiplied and divided by numbers"),
    (lambda S: S * "2", TypeError, "not by str"),
    (lambda S: S / S, TypeError, "multiplied and divided by numbers"),
    (lambda S: S + softmax(), ed.ShapeError, "tensors of one shape, not .6, 2, 6, 2. and .4, 4."),
    (lambda S: S.shifted(np.ones(3)), TypeError, "shifted takes a number, not an array of shape .3,."),
    (lambda S: jacobian().shifted(1), ed.ShapeError, "there is a diagonal, and shifted, only if"),
    (lambda S: S @ softmax(), ed.ShapeError, "S @ S needs an input of the shape of the other's output"),
    (lambda S: S * 2**62, ed.EinderivError, "integers may reach .*, beyond int64"),
    (lambda S: S * 2**60 + S * 2**60, ed.EinderivError, "integers may reach .*, beyond int64"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), REFUSED)
def test_what_is_refused(call, error, match):
    with pytest.raises(error, match=match):
        call(factorised())


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_other_libraries(library):
    pytest.importorskip(library)
    loss = ed.norm_squared(ed.tensor("T", "nm") - U @ V.T)
    at = dict(T=r.normal(size=(6, 5)), U=r.normal(size=(6, 2)), V=r.normal(size=(5, 2)))
    want = ed.evaluate(ed.hessian(loss, U), at, dense=False)
    if library == "torch":
        import torch

        given = {name: torch.tensor(array) for name, array in at.items()}
    else:
        import jax.numpy as jnp

        given = {name: jnp.array(array) for name, array in at.items()}
    S = ed.evaluate(ed.hessian(loss, U), given, dense=False)
    for do in (
        lambda S: S + 2 * S,
        lambda S: (S - S / 4).T,
        lambda S: S.shifted(0.5),
        lambda S: S @ S,
    ):
        got = do(S)
        assert type(got.dense()) is type(given["U"]) or library == "jax"
        assert np.allclose(np.asarray(got), do(want).dense(), rtol=1e-5)
    with pytest.raises(ed.EinderivError, match="evaluate both with arrays of one library"):
        S + want
