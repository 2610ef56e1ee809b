"""Conjugate gradients: systems that are not formed, and those that they cannot solve."""

import sys

import numpy as np
import pytest

import einderiv as ed
from einderiv.runtime import conjugate_gradients

t, es = ed.tensor, ed.einsum
x = t("x", "n")
r = np.random.default_rng(3)


def linear(A, dtype=None):
    """The tensor that is the matrix `A`."""
    A = np.asarray(A, dtype)
    return ed.evaluate(
        ed.derive(es("ij,j->i", "A", "x"), "x"), A=A, x=np.ones(A.shape[1], A.dtype), dense=False
    )


def close(got, want, digits=9):
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(
        got, want, rtol=10.0**-digits, atol=10.0**-digits * np.abs(want).max(initial=1e-300)
    )


def ridged(G):
    e = ed.hessian(ed.norm_squared(es("mn,n->m", "G", "x")) / 2 + ed.norm_squared(x), x)
    return ed.evaluate(e, G=G, x=np.ones(G.shape[1]), dense=False)


def gram(n, m=20, seed=0):
    """A Gram matrix and a ridge, and its system."""
    G = np.random.default_rng(seed).normal(size=(m, n))
    return ridged(G), G.T @ G + 2 * np.eye(n)


@pytest.mark.parametrize("extra", [(), (2,), (0,)], ids=str)
def test_conjugate_gradients(extra, monkeypatch):
    pytest.importorskip("scipy")
    H, full = gram(30)
    b = r.normal(size=(30, *extra))
    assert H.method() == "dense 30x30"
    monkeypatch.setattr("einderiv.runtime.kronecker.LARGEST_BLOCK", 20)
    assert H.method() == "matrix-free conjugate gradients"
    got = H.solve(b)
    close(got, np.linalg.solve(full, b))
    rough = H.solve(b, rtol=1e-2)
    assert np.linalg.norm(full @ rough - b) <= 1e-2 * np.linalg.norm(b)
    with pytest.raises(ed.LimitError, match=r"30x30, 7\.2 kB"):
        H.logdet()
    with pytest.raises(ed.LimitError, match="eigvalsh would factor 30x30"):
        H.eigvalsh()
    close(H.trace(), np.trace(full))


def test_conjugate_gradients_beyond_the_memory():
    pytest.importorskip("scipy")
    H, full = gram(30)
    with ed.limits.override(dense_bytes=5000):
        assert H.method() == "matrix-free conjugate gradients"
        close(H.solve(np.ones(30)), np.linalg.solve(full, np.ones(30)))


@pytest.mark.slow
def test_a_size_that_is_not_formed():
    H = ridged(r.normal(size=(3, 5000)))  # 200 MB dense
    assert H.method() == "Woodbury's identity for a number plus 3 outer products, O(5000 · 3²)"
    b = r.normal(size=5000)
    got = H.solve(b)
    assert np.linalg.norm(H.matvec(got) - b) <= 1e-10 * np.linalg.norm(b)


def test_conjugate_gradients_of_complex_and_of_single_numbers(monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.setattr("einderiv.runtime.kronecker.LARGEST_BLOCK", 2)
    G = r.normal(size=(6, 4)) + 1j * r.normal(size=(6, 4))
    A = G.conj().T @ G + np.eye(4)
    b = r.normal(size=4) + 1j
    close(linear(A).solve(b), np.linalg.solve(A, b), 8)
    single = linear(A.real, "f4").solve(np.ones(4, "f4"))
    assert single.dtype == np.float32
    close(single, np.linalg.solve(A.real, np.ones(4)), 4)


@pytest.mark.parametrize(
    ("A", "options", "match"),
    [
        ([[2.0, 1, 0], [0, 2, 0], [0, 0, 1]], {}, "need a symmetric .* tensor"),
        ([[1.0, 0, 0], [0, 0, 0], [0, 0, 1]], {}, "stopped at a residual of"),
        ([[0.0, 0, 0], [0, 0, 0], [0, 0, 0]], {}, "stopped at a residual of"),
        ([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]], dict(maxiter=1, rtol=1e-14), "over rtol = 1e-14"),
        ([[np.nan, 1, 0], [1, 3, 1], [0, 1, 2]], {}, "holds nan or inf"),
    ],
)
def test_conjugate_gradients_that_fail(A, options, match, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.setattr("einderiv.runtime.kronecker.LARGEST_BLOCK", 2)
    H = linear(A)
    with pytest.raises(ed.EinderivError, match=match):
        H.solve(np.array([1.0, 2.0, -1.0]), **options)


def test_without_scipy(monkeypatch):
    H, full = gram(6)
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    close(H.solve(np.ones(6)), np.linalg.solve(full, np.ones(6)))
    monkeypatch.setattr("einderiv.runtime.kronecker.LARGEST_BLOCK", 2)
    with pytest.raises(ImportError, match=r"einderiv\[scipy\]"):
        H.solve(np.ones(6))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_right_hand_sides_must_be_finite(bad, monkeypatch):
    H = linear(np.eye(3))
    b = np.array([1.0, bad, 2.0])
    with pytest.raises(ed.EinderivError, match="the right-hand side holds nan or inf"):
        conjugate_gradients(H.matvec, b, None, 1e-9, 10, np.float64)
    with pytest.raises(ed.EinderivError, match="the right-hand side holds nan or inf"):
        H.solve(b)
    monkeypatch.setattr("einderiv.runtime.kronecker.LARGEST_BLOCK", 2)
    with pytest.raises(ed.EinderivError, match="the right-hand side holds nan or inf"):
        H.solve(b)
