"""P7: forms of the Matrix Cookbook, and attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, derivatives

from ..problems import Case, Problem, cores, family, normal, sized
from ..rivals import contracted, logsumexp, softmax

A, B, X = ed.tensor("A", "nn"), ed.tensor("B", "nn"), ed.tensor("X", "nn")
Q, K, V = ed.tensor("Q", "nd"), ed.tensor("K", "md"), ed.tensor("V", "me")
MATRICES = sized(3, 8, 100, 400)
ATTENTION = sized((4, 2), (8, 4), (64, 16), (128, 32))
LEAST = sized((5, 3), (20, 10), (200, 100), (1000, 500))


def squares(n: int) -> Arrays:
    """Three square matrices."""
    return normal(X=(n, n), A=(n, n), B=(n, n))


def quadratic_trace() -> ed.Expr:
    """tr(XᵀAXB)."""
    return ed.trace(X.T @ A @ X @ B)


def quadratic_trace_model(xp: Any, X: Any, A: Any, B: Any) -> Any:
    """The same for rivals."""
    return xp.trace(X.T @ A @ X @ B)


def quadratic_trace_hessian(A: Any, B: Any) -> Any:
    """∂²/∂X[j,i]∂X[k,l] = A[j,k] B[l,i] + A[k,j] B[i,l]."""
    left = np.ascontiguousarray(A[:, None, :, None])
    right = np.ascontiguousarray(B.T[:, None, :])
    hessian = left * right
    hessian += np.ascontiguousarray(A.T)[:, None, :, None] * B[:, None, :]
    return hessian


def squares_loss() -> ed.Expr:
    """‖Ax − b‖²."""
    return ed.norm_squared(ed.tensor("A", "mn") @ ed.tensor("x", "n") - ed.tensor("b", "m"))


def squares_model(xp: Any, x: Any, A: Any, b: Any) -> Any:
    """The same for rivals."""
    return xp.sum((A @ x - b) ** 2)


def kronecker_by_hand(B: Any, x: Any, y: Any) -> Any:
    """XBYᵀ, where X and Y are x and y as matrices: the Kronecker product is never formed."""
    n = len(B)
    return x.reshape(n, n) @ B @ y.reshape(n, n).T


def scaled_normal(m: int, n: int) -> Arrays:
    """Points X, and weights w that keep Xw near one."""
    arrays = normal(w=(n,), X=(m, n))
    return {**arrays, "w": arrays["w"] / np.sqrt(n)}


def logsumexp_hessian(w: Any, X: Any) -> Any:
    """Xᵀ(diag p − ppᵀ)X with p = softmax(Xw): a symmetric product less one of rank one."""
    z = X @ w
    powers = np.exp(z - z.max())
    p = powers / powers.sum()
    scaled = X * np.sqrt(p)[:, None]
    mean = p @ X
    hessian = scaled.T @ scaled
    hessian -= np.multiply.outer(mean, mean)
    return hessian


def queries(n: int, d: int) -> Arrays:
    """Queries, keys and values, n of each."""
    return normal(Q=(n, d), K=(n, d), V=(n, d))


def attention(d: int) -> ed.Expr:
    """softmax(QKᵀ/√d) V."""
    return ed.softmax(Q @ K.T / d**0.5, 1) @ V


def attention_model(xp: Any, Q: Any, K: Any, V: Any) -> Any:
    """The same for rivals."""
    return softmax(xp, Q @ K.T / Q.shape[1] ** 0.5) @ V


def weights(Q: Any, K: Any) -> Any:
    """The softmax."""
    scores = Q @ K.T
    scores /= Q.shape[1] ** 0.5
    scores -= scores.max(1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(1, keepdims=True)
    return scores


def query_core(Q: Any, K: Any, V: Any) -> Any:
    """Vᵀ(diag p − ppᵀ)K/√d for every row: one product of matrices, and outer products of the
    means.
    """
    n, d = Q.shape
    p = weights(Q, K)
    outer = (V[:, :, None] * K[:, None, :]).reshape(len(K), -1)
    core = (p @ outer).reshape(n, V.shape[1], d)
    core -= (p @ V)[:, :, None] * (p @ K)[:, None, :]
    core /= d**0.5
    return core


def by_query(Q: Any, K: Any, V: Any) -> Any:
    """Zero unless the rows are equal."""
    core = query_core(Q, K, V)
    jacobian = np.zeros((len(Q), V.shape[1], *Q.shape), Q.dtype)
    np.einsum("ieid->ied", jacobian)[...] = core
    return jacobian


def by_key(Q: Any, K: Any, V: Any) -> Any:
    """p[i,j] (V[j,e] − O[i,e]) Q[i,d]/√d on the axes [i, e, j, d]."""
    p = weights(Q, K)
    core = (V.T - (p @ V)[:, :, None]) * (p / Q.shape[1] ** 0.5)[:, None, :]
    return core[:, :, :, None] * Q[:, None, None, :]


def by_value(Q: Any, K: Any, V: Any) -> Any:
    """δ[e,f] p[i,j] on the axes [i, e, j, f]."""
    jacobian = np.zeros((len(Q), V.shape[1], *V.shape), Q.dtype)
    np.einsum("ieje->ije", jacobian)[...] = weights(Q, K)[:, :, None]
    return jacobian


def attention_by(name: str, hand: Callable[..., Any]) -> Case:
    """The dense Jacobian of attention by Q, K or V."""
    engines = ("jax", "torch")
    rivals = derivatives("jacobian", attention_model, "QKV".index(name), engines=engines)
    too_large = dict.fromkeys(rivals, "more than 4 GB")
    return Case(
        f"attention by {name}",
        ATTENTION,
        lambda n, d: Problem(
            arrays=queries(n, d),
            ours=lambda: ed.derive(attention(d), name),
            hand=hand,
            rivals=rivals,
            skipped=too_large if n > 64 else {},
        ),
    )


def cores_by_rows(result: Any) -> Any:
    """The cores of the Jacobian by Q, added up on the axes [i, e, d]."""
    total = 0
    for core, embedding in result.terms:
        labels, axes = embedding.split("->")
        total = total + np.einsum(f"{labels}->{axes[0]}{axes[1]}{axes[3]}", core)
    return total


FAMILY = family(
    "P7",
    "Matrix Cookbook forms and attention",
    # ∂² xᵀAx/∂x² = A + Aᵀ
    Case(
        "xᵀAx, Hessian",
        sized(3, 10, 100, 1000),
        lambda n: Problem(
            arrays=normal(x=(n,), A=(n, n)),
            ours=lambda: ed.hessian(ed.einsum("i,ij,j->", "x", "A", "x"), "x"),
            hand=lambda A: A + A.T,
            rivals={
                **contracted(("ia,ij,jb->ab", n, "A", n), ("ib,ij,ja->ab", n, "A", n)),
                **derivatives("hessian", lambda xp, x, A: x @ A @ x),
            },
        ),
    ),
    # ∂ tr(AXB)/∂X = (BA)ᵀ
    Case(
        "tr(AXB), gradient",
        MATRICES,
        lambda n: Problem(
            arrays=squares(n),
            ours=lambda: ed.grad(ed.trace(A @ X @ B), X),
            hand=lambda A, B: (B @ A).T,
            rivals=derivatives("grad", lambda xp, X, A, B: xp.trace(A @ X @ B)),
        ),
    ),
    # ∂ tr(XᵀAXB)/∂X = AXB + AᵀXBᵀ
    Case(
        "tr(XᵀAXB), gradient",
        MATRICES,
        lambda n: Problem(
            arrays=squares(n),
            ours=lambda: ed.grad(quadratic_trace(), X),
            hand=lambda X, A, B: A @ X @ B + A.T @ X @ B.T,
            rivals=derivatives("grad", quadratic_trace_model),
        ),
    ),
    Case(
        "tr(XᵀAXB), Hessian",
        sized(3, 5, 20, 48),
        lambda n: Problem(
            arrays=squares(n),
            ours=lambda: ed.hessian(quadratic_trace(), X),
            hand=quadratic_trace_hessian,
            rivals={
                **contracted(("ac,db->abcd", "A", "B"), ("ca,bd->abcd", "A", "B")),
                **derivatives("hessian", quadratic_trace_model),
            },
        ),
    ),
    # ∂ ‖Ax − b‖²/∂x = 2 Aᵀ(Ax − b)
    Case(
        "‖Ax − b‖², gradient",
        LEAST,
        lambda m, n: Problem(
            arrays=normal(x=(n,), A=(m, n), b=(m,)),
            ours=lambda: ed.grad(squares_loss(), "x"),
            hand=lambda x, A, b: 2 * ((A @ x - b) @ A),
            rivals=derivatives("grad", squares_model),
        ),
    ),
    # ∂² ‖Ax − b‖²/∂x² = 2 AᵀA, a symmetric product
    Case(
        "‖Ax − b‖², Hessian",
        LEAST,
        lambda m, n: Problem(
            arrays=normal(x=(n,), A=(m, n), b=(m,)),
            ours=lambda: ed.hessian(squares_loss(), "x"),
            hand=lambda A: 2 * (A.T @ A),
            rivals=derivatives("hessian", squares_model),
        ),
    ),
    Case(
        "xᵀ(A ⊗ B)y, gradient",
        sized(3, 5, 20, 32),
        lambda n: Problem(
            arrays=normal(A=(n, n), B=(n, n), x=(n * n,), y=(n * n,)),
            ours=lambda: ed.grad(ed.einsum("i,ij,j->", "x", ed.kron(A, B), "y"), A),
            hand=kronecker_by_hand,
            rivals=derivatives("grad", lambda xp, A, B, x, y: x @ xp.kron(A, B) @ y),
        ),
    ),
    # 2 AᵀA for every column of X
    Case(
        "‖AX‖², Hessian, structured",
        MATRICES,
        lambda n: Problem(
            arrays=normal(X=(n, n), A=(n, n)),
            ours=lambda: ed.hessian(ed.norm_squared(A @ X), X),
            hand=lambda A: 2 * (A.T @ A),
            kind="structured",
            answer=cores,
        ),
    ),
    Case(
        "logsumexp(Xw), Hessian",
        LEAST,
        lambda m, n: Problem(
            arrays=scaled_normal(m, n),
            ours=lambda: ed.hessian(ed.logsumexp(ed.einsum("mn,n->m", "X", "w"), 0), "w"),
            hand=logsumexp_hessian,
            rivals=derivatives("hessian", lambda xp, w, X: logsumexp(xp, X @ w)),
        ),
    ),
    attention_by("Q", by_query),
    attention_by("K", by_key),
    attention_by("V", by_value),
    Case(
        "attention by Q, structured",
        ATTENTION,
        lambda n, d: Problem(
            arrays=queries(n, d),
            ours=lambda: ed.derive(attention(d), Q),
            hand=query_core,
            kind="structured",
            answer=cores_by_rows,
            full=by_query,
        ),
    ),
)
