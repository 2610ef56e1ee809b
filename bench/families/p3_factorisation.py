"""P3: matrix factorisation, plain and masked: gradients, Hessians with structure, Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, derivatives

from ..problems import Case, Problem, cores, family, normal, sized
from ..rivals import contracted

U, V = ed.tensor("U", "nk"), ed.tensor("V", "mk")
T, M = ed.tensor("T", "nm"), ed.tensor("M", "nm")
GRADIENTS = sized((4, 2), (10, 2), (200, 5), (2000, 20))
HESSIANS = sized((4, 2), (10, 2), (100, 5), (1000, 5))
TOO_LARGE = {
    "jax.hessian": "40 GB of tangents",
    "torch.hessian": "40 GB of tangents",
    "jax.revrev": "40 GB of cotangents",
    "torch.revrev": "40 GB of cotangents",
    "autograd.hessian": "5000 passes over 8 MB",
}


def plain() -> ed.Expr:
    """The loss ‖T − UVᵀ‖²."""
    return ed.sum((T - U @ V.T) ** 2)


def masked() -> ed.Expr:
    """The loss Σ M (T − UVᵀ)², over what is known."""
    return ed.sum(M * (T - U @ V.T) ** 2)


def model(xp: Any, u: Any, v: Any, t: Any) -> Any:
    """The loss for rivals."""
    return xp.sum((t - u @ v.T) ** 2)


def masked_model(xp: Any, u: Any, v: Any, t: Any, m: Any) -> Any:
    """The masked loss for rivals."""
    return xp.sum(m * (t - u @ v.T) ** 2)


def data(n: int, k: int) -> Arrays:
    """U, V and T, all tall or square."""
    return normal(U=(n, k), V=(n, k), T=(n, n))


def with_mask(n: int, k: int) -> Arrays:
    """The same and a mask of which 3 in 10 are ones."""
    known = np.random.default_rng(1).random((n, n)) < 0.3
    return {**data(n, k), "M": known.astype(float)}


def gradient_by_hand(U: Any, V: Any, T: Any) -> Any:
    """2 (U VᵀV − T V): the residual is never formed."""
    return 2 * (U @ (V.T @ V) - T @ V)


def masked_gradient_by_hand(U: Any, V: Any, T: Any, M: Any) -> Any:
    """−2 (M ∘ (T − UVᵀ)) V in blocks of 16 rows, so that the residual stays in the cache."""
    right = np.ascontiguousarray(V.T)
    out = np.empty_like(U)
    for start in range(0, len(U), 16):
        rows = slice(start, start + 16)
        residual = U[rows] @ right
        residual -= T[rows]
        residual *= M[rows]
        np.matmul(residual, V, out=out[rows])
    out *= 2
    return out


def block(V: Any) -> Any:
    """2 VᵀV: the core, the same for every row of U."""
    return 2 * (V.T @ V)


def blocks(V: Any, M: Any) -> Any:
    """Σ_m 2 M[n,m] V[m,b] V[m,d], one core for each row of U; half of it by symmetry."""
    k = V.shape[1]
    a, b = np.triu_indices(k)
    half = 2 * (M @ (V[:, a] * V[:, b]))
    out = np.empty((len(M), k, k), V.dtype)
    out[:, a, b] = half
    out[:, b, a] = half
    return out


def embedded(core: Any, n: int) -> Any:
    """The core on the diagonal a = c of the axes [a, b, c, d]."""
    k = core.shape[-1]
    out = np.zeros((n, k, n, k), core.dtype)
    np.einsum("abac->abc", out)[...] = core
    return out


def hessian_by_hand(U: Any, V: Any) -> Any:
    """The dense Hessian of the plain loss."""
    return embedded(block(V), len(U))


def masked_hessian_by_hand(U: Any, V: Any, M: Any) -> Any:
    """The dense Hessian of the masked loss."""
    return embedded(blocks(V, M), len(U))


def core_by_rows(result: Any) -> Any:
    """The core of a structured Hessian with the axis of the rows in front. By hand the order of the
    other two is free, for the core is symmetric in them.
    """
    ((core, embedding),) = result.terms
    labels = embedding.partition("->")[0]
    row = embedding[-2]
    return np.einsum(f"{labels}->{row}{labels.replace(row, '')}", core)


def step_by_hand(U: Any, V: Any, T: Any) -> Any:
    """Newton's step, the same matrix for all rows."""
    gradient = gradient_by_hand(U, V, T)
    return U - np.linalg.solve(block(V), gradient.T).T


def masked_step_by_hand(U: Any, V: Any, T: Any, M: Any) -> Any:
    """Newton's step, a matrix for each row."""
    gradient = masked_gradient_by_hand(U, V, T, M)
    return U - np.linalg.solve(blocks(V, M), gradient[..., None])[..., 0]


def newton_step(arrays: Arrays, loss: ed.Expr, hand: Callable[..., Any]) -> Problem:
    """A Newton step: gradient, structured Hessian, solve. The loss is quadratic, so it ends at
    the minimum. Both sides work on these very arrays, in float64.
    """
    gradient = ed.compile(ed.grad(loss, U))
    hessian = ed.compile(ed.hessian(loss, U), dense=False)
    return Problem(
        arrays=arrays,
        ours=lambda: arrays["U"] - hessian(arrays).solve(gradient(arrays)),
        hand=lambda: hand(**arrays),
        kind="call",
    )


FAMILY = family(
    "P3",
    "matrix factorisation, plain and masked",
    Case(
        "gradient",
        GRADIENTS,
        lambda n, k: Problem(
            arrays=data(n, k),
            ours=lambda: ed.grad(plain(), U),
            hand=gradient_by_hand,
            rivals=derivatives("grad", model),
        ),
    ),
    Case(
        "masked gradient",
        GRADIENTS,
        lambda n, k: Problem(
            arrays=with_mask(n, k),
            ours=lambda: ed.grad(masked(), U),
            hand=masked_gradient_by_hand,
            rivals=derivatives("grad", masked_model),
        ),
    ),
    # Dense: of (nk)² entries k² are different.
    Case(
        "Hessian",
        HESSIANS,
        lambda n, k: Problem(
            arrays=data(n, k),
            ours=lambda: ed.hessian(plain(), U),
            hand=hessian_by_hand,
            rivals={
                **contracted(("ac,mb,md->abcd", n, "V", "V"), scale=2),
                **derivatives("hessian", model),
            },
            skipped=TOO_LARGE if n > 100 else {},
        ),
    ),
    Case(
        "Hessian, structured",
        HESSIANS,
        lambda n, k: Problem(
            arrays=data(n, k),
            ours=lambda: ed.hessian(plain(), U),
            hand=block,
            kind="structured",
            answer=cores,
            full=hessian_by_hand,
        ),
    ),
    Case(
        "masked Hessian",
        HESSIANS,
        lambda n, k: Problem(
            arrays=with_mask(n, k),
            ours=lambda: ed.hessian(masked(), U),
            hand=masked_hessian_by_hand,
            rivals={
                **contracted(("ac,am,mb,md->abcd", n, "M", "V", "V"), scale=2),
                **derivatives("hessian", masked_model),
            },
            skipped=TOO_LARGE if n > 100 else {},
        ),
    ),
    Case(
        "masked Hessian, structured",
        HESSIANS,
        lambda n, k: Problem(
            arrays=with_mask(n, k),
            ours=lambda: ed.hessian(masked(), U),
            hand=blocks,
            kind="structured",
            answer=core_by_rows,
            full=masked_hessian_by_hand,
        ),
    ),
    Case(
        "Newton step",
        sized((4, 2), (10, 2), (100, 10), (1000, 10)),
        lambda n, k: newton_step(data(n, k), plain(), step_by_hand),
    ),
    Case(
        "masked Newton step",
        sized((30, 2), (40, 2), (100, 10), (1000, 10)),
        lambda n, k: newton_step(with_mask(n, k), masked(), masked_step_by_hand),
    ),
)
