"""P8: the latency of a call on small arrays, where everything but the arithmetic is what costs."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Way, derivatives
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, normal, sized

W, x, b = ed.tensor("W", "oi"), ed.tensor("x", "i"), ed.tensor("b", "o")


def pair(first: str, one: tuple[str, str], second: str, two: tuple[str, str]) -> dict[str, Way]:
    """Two einsums, one after the other, by opt_einsum with its plan made before and by NumPy."""

    def planned(arrays: Arrays) -> Call:
        import opt_einsum

        left = [arrays[name] for name in one]
        right = [arrays[name] for name in two]
        f = opt_einsum.contract_expression(first, *(a.shape for a in left))
        g = opt_einsum.contract_expression(second, *(a.shape for a in right))
        return lambda: (f(*left), g(*right))

    def plain(arrays: Arrays) -> Call:
        left = [arrays[name] for name in one]
        right = [arrays[name] for name in two]
        return lambda: (np.einsum(first, *left), np.einsum(second, *right))

    return {"opt_einsum": planned, "numpy.einsum": plain}


def layer_by_hand(W: Any, x: Any, b: Any) -> Any:
    """2 t (1 − t²) xᵀ and 2 t (1 − t²) with t = tanh(Wx + b)."""
    t = np.tanh(W @ x + b)
    g = 2 * t * (1 - t * t)
    return [np.multiply.outer(g, x), g]


def hessian_by_hand(x: Any, A: Any) -> Any:
    """2 ggᵀ + 2 (xᵀAx)(A + Aᵀ) with g = (A + Aᵀ)x."""
    symmetric = A + A.T
    g = symmetric @ x
    return 2 * (np.multiply.outer(g, g) + (x @ A @ x) * symmetric)


FAMILY = family(
    "P8",
    "latency on small arrays",
    # ∂/∂A = GBᵀ and ∂/∂B = AᵀG of Σ G ∘ (AB)
    Case(
        "gradients of a product",
        sized((2, 3, 4), (3, 4, 5)),
        lambda i, j, k: Problem(
            arrays=normal(A=(i, j), B=(j, k), G=(i, k)),
            ours=lambda: ed.grad(ed.einsum("ij,jk,ik->", "A", "B", "G"), ["A", "B"]),
            hand=lambda A, B, G: [G @ B.T, A.T @ G],
            rivals={
                **pair("ik,jk->ij", ("G", "B"), "ij,ik->jk", ("A", "G")),
                **derivatives("grad", lambda xp, A, B, G: xp.sum((A @ B) * G), (0, 1)),
            },
        ),
    ),
    # By W and b of Σ tanh(Wx + b)².
    Case(
        "gradients of a layer",
        sized((2, 3), (4, 3)),
        lambda o, i: Problem(
            arrays=normal(W=(o, i), x=(i,), b=(o,)),
            ours=lambda: ed.grad(ed.sum(ed.tanh(W @ x + b) ** 2), [W, b]),
            hand=layer_by_hand,
            rivals=derivatives("grad", lambda xp, W, x, b: xp.sum(xp.tanh(W @ x + b) ** 2), (0, 2)),
        ),
    ),
    Case(
        "Hessian of (xᵀAx)²",
        sized(2, 3),
        lambda n: Problem(
            arrays=normal(x=(n,), A=(n, n)),
            ours=lambda: ed.hessian(ed.einsum("i,ij,j->", "x", "A", "x") ** 2, "x"),
            hand=hessian_by_hand,
            rivals=derivatives("hessian", lambda xp, x, A: (x @ A @ x) ** 2),
        ),
    ),
)
