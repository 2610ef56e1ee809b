"""P7: forms of the Matrix Cookbook, and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Case, Family, Problem, cores, normal, sized
from ..rivals import contracted, derivatives, logsumexp, softmax

SQUARE = {"A": "nn", "B": "nn", "X": "nn"}
A, B, X = (ed.tensor(name, axes) for name, axes in SQUARE.items())
Q, K, V = ed.tensor("Q", "nd"), ed.tensor("K", "md"), ed.tensor("V", "me")
MATRICES = sized(3, 8, 100, 400)
ATTENTION = sized((4, 2), (8, 4), (64, 16), (128, 32))
LEAST = sized((5, 3), (20, 10), (200, 100), (1000, 500))


def squares(n: int) -> Arrays:
    """Three square matrices."""
    return normal(X=(n, n), A=(n, n), B=(n, n))


def quadratic(n: int) -> Problem:
    """The Hessian of xᵀAx is A + Aᵀ."""

    def model(xp: Any, x: Any, A: Any) -> Any:
        return x @ A @ x

    def hand(A: Any) -> Any:
        return A + A.T

    rivals = {
        **contracted(("ia,ij,jb->ab", n, "A", n), ("ib,ij,ja->ab", n, "A", n)),
        **derivatives("hessian", model),
    }
    form = ed.einsum("i,ij,j->", "x", "A", "x")
    return Problem(normal(x=(n,), A=(n, n)), lambda: ed.hessian(form, "x"), hand, rivals)


def linear_trace(n: int) -> Problem:
    """∂ tr(AXB)/∂X = (BA)ᵀ."""

    def model(xp: Any, X: Any, A: Any, B: Any) -> Any:
        return xp.trace(A @ X @ B)

    def hand(A: Any, B: Any) -> Any:
        return (B @ A).T

    return Problem(
        squares(n), lambda: ed.grad(ed.trace(A @ X @ B), X), hand, derivatives("grad", model)
    )


def quadratic_trace_model(xp: Any, X: Any, A: Any, B: Any) -> Any:
    """tr(XᵀAXB) for rivals."""
    return xp.trace(X.T @ A @ X @ B)


def quadratic_trace(n: int) -> Problem:
    """∂ tr(XᵀAXB)/∂X = AXB + AᵀXBᵀ."""

    def hand(X: Any, A: Any, B: Any) -> Any:
        return A @ X @ B + A.T @ X @ B.T

    return Problem(
        squares(n),
        lambda: ed.grad(ed.trace(X.T @ A @ X @ B), X),
        hand,
        derivatives("grad", quadratic_trace_model),
    )


def quadratic_trace_hessian(n: int) -> Problem:
    """∂²/∂X[j,i]∂X[k,l] = A[j,k] B[l,i] + A[k,j] B[i,l]."""

    def hand(A: Any, B: Any) -> Any:
        left, right = (
            np.ascontiguousarray(A[:, None, :, None]),
            np.ascontiguousarray(B.T[:, None, :]),
        )
        out = left * right
        out += np.ascontiguousarray(A.T)[:, None, :, None] * B[:, None, :]
        return out

    rivals = {
        **contracted(("ac,db->abcd", "A", "B"), ("ca,bd->abcd", "A", "B")),
        **derivatives("hessian", quadratic_trace_model),
    }
    return Problem(squares(n), lambda: ed.hessian(ed.trace(X.T @ A @ X @ B), X), hand, rivals)


def squares_model(xp: Any, x: Any, A: Any, b: Any) -> Any:
    """‖Ax − b‖² for rivals."""
    return xp.sum((A @ x - b) ** 2)


def squares_loss() -> ed.Expr:
    """‖Ax − b‖²."""
    return ed.norm_squared(ed.tensor("A", "mn") @ ed.tensor("x", "n") - ed.tensor("b", "m"))


def least_squares_gradient(m: int, n: int) -> Problem:
    """2 Aᵀ(Ax − b)."""

    def hand(x: Any, A: Any, b: Any) -> Any:
        return 2 * ((A @ x - b) @ A)

    return Problem(
        normal(x=(n,), A=(m, n), b=(m,)),
        lambda: ed.grad(squares_loss(), "x"),
        hand,
        derivatives("grad", squares_model),
    )


def least_squares_hessian(m: int, n: int) -> Problem:
    """2 AᵀA, a symmetric product."""

    def hand(A: Any) -> Any:
        return 2 * (A.T @ A)

    return Problem(
        normal(x=(n,), A=(m, n), b=(m,)),
        lambda: ed.hessian(squares_loss(), "x"),
        hand,
        derivatives("hessian", squares_model),
    )


def kronecker(n: int) -> Problem:
    """∂ xᵀ(A ⊗ B)y / ∂A = XBYᵀ, where X and Y are x and y as matrices; the Kronecker product is
    never formed.
    """

    def model(xp: Any, A: Any, B: Any, x: Any, y: Any) -> Any:
        return x @ xp.kron(A, B) @ y

    def hand(B: Any, x: Any, y: Any) -> Any:
        return x.reshape(n, n) @ B @ y.reshape(n, n).T

    def ours() -> Any:
        return ed.grad(ed.einsum("i,ij,j->", "x", ed.kron(A, B), "y"), A)

    return Problem(
        normal(A=(n, n), B=(n, n), x=(n * n,), y=(n * n,)), ours, hand, derivatives("grad", model)
    )


def softmax_hessian(m: int, n: int) -> Problem:
    """The Hessian of logsumexp(Xw): Xᵀ(diag p − ppᵀ)X, a symmetric product less one of rank one."""

    def model(xp: Any, w: Any, X: Any) -> Any:
        return logsumexp(xp, X @ w)

    def hand(w: Any, X: Any) -> Any:
        z = X @ w
        e = np.exp(z - z.max())
        p = e / e.sum()
        scaled, mean = X * np.sqrt(p)[:, None], p @ X
        out = scaled.T @ scaled
        out -= np.multiply.outer(mean, mean)
        return out

    def ours() -> Any:
        return ed.hessian(ed.logsumexp(ed.einsum("mn,n->m", "X", "w"), 0), "w")

    arrays = normal(w=(n,), X=(m, n))
    return Problem(
        {**arrays, "w": arrays["w"] / np.sqrt(n)}, ours, hand, derivatives("hessian", model)
    )


def attention(n: int, d: int) -> ed.Expr:
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
    p, (n, d) = weights(Q, K), Q.shape
    out = (p @ (V[:, :, None] * K[:, None, :]).reshape(len(K), -1)).reshape(n, V.shape[1], d)
    out -= (p @ V)[:, :, None] * (p @ K)[:, None, :]
    out /= d**0.5
    return out


def by_query(Q: Any, K: Any, V: Any) -> Any:
    """Zero unless the rows are equal."""
    core = query_core(Q, K, V)
    out = np.zeros((len(Q), V.shape[1], *Q.shape), Q.dtype)
    np.einsum("ieid->ied", out)[...] = core
    return out


def by_key(Q: Any, K: Any, V: Any) -> Any:
    """p[i,j] (V[j,e] − O[i,e]) Q[i,d]/√d on the axes [i, e, j, d]."""
    p = weights(Q, K)
    core = (V.T - (p @ V)[:, :, None]) * (p / Q.shape[1] ** 0.5)[:, None, :]
    return core[:, :, :, None] * Q[:, None, None, :]


def by_value(Q: Any, K: Any, V: Any) -> Any:
    """δ[e,f] p[i,j] on the axes [i, e, j, f]."""
    out = np.zeros((len(Q), V.shape[1], *V.shape), Q.dtype)
    np.einsum("ieje->ije", out)[...] = weights(Q, K)[:, :, None]
    return out


def attention_by(name: str, hand: Any) -> Any:
    """The Jacobian of attention by Q, K or V."""

    def build(n: int, d: int) -> Problem:
        arrays = normal(Q=(n, d), K=(n, d), V=(n, d))
        small = n <= 64
        rivals = derivatives(
            "jacobian", attention_model, "QKV".index(name), engines=("jax", "torch")
        )
        return Problem(
            arrays,
            lambda: ed.derive(attention(n, d), name),
            hand,
            rivals if small else {},
            skipped={} if small else dict.fromkeys(rivals, "more than 4 GB"),
        )

    return build


def attention_structured(n: int, d: int) -> Problem:
    """The Jacobian by Q, cores only."""

    def answer(result: Any) -> Any:
        total = 0
        for core, embedding in result.terms:
            labels, axes = embedding.split("->")
            total = total + np.einsum(f"{labels}->{axes[0]}{axes[1]}{axes[3]}", core)
        return total

    return Problem(
        normal(Q=(n, d), K=(n, d), V=(n, d)),
        lambda: ed.derive(attention(n, d), Q),
        query_core,
        kind="structured",
        answer=answer,
        full=by_query,
    )


def structured_trace(n: int) -> Problem:
    """The Hessian of ‖AX‖² by X: 2 AᵀA for every column."""

    def hand(A: Any) -> Any:
        return 2 * (A.T @ A)

    return Problem(
        normal(X=(n, n), A=(n, n)),
        lambda: ed.hessian(ed.norm_squared(A @ X), X),
        hand,
        kind="structured",
        answer=cores,
    )


FAMILY = Family("P7", "Matrix Cookbook forms and attention", (
    Case("P7", "xᵀAx, Hessian", quadratic, sized(3, 10, 100, 1000)),
    Case("P7", "tr(AXB), gradient", linear_trace, MATRICES),
    Case("P7", "tr(XᵀAXB), gradient", quadratic_trace, MATRICES),
    Case("P7", "tr(XᵀAXB), Hessian", quadratic_trace_hessian, sized(3, 5, 20, 48)),
    Case("P7", "‖Ax − b‖², gradient", least_squares_gradient, LEAST),
    Case("P7", "‖Ax − b‖², Hessian", least_squares_hessian, LEAST),
    Case("P7", "xᵀ(A ⊗ B)y, gradient", kronecker, sized(3, 5, 20, 32)),
    Case("P7", "‖AX‖², Hessian, structured", structured_trace, MATRICES),
    Case("P7", "logsumexp(Xw), Hessian", softmax_hessian, LEAST),
    Case("P7", "attention by Q", attention_by("Q", by_query), ATTENTION),
    Case("P7", "attention by K", attention_by("K", by_key), ATTENTION),
    Case("P7", "attention by V", attention_by("V", by_value), ATTENTION),
    Case("P7", "attention by Q, structured", attention_structured, ATTENTION),
))  # fmt: skip
