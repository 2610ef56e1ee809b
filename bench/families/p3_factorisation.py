"""P3: matrix factorisation, plain and masked: gradients, Hessians with structure, Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Call, Case, Family, Problem, cores, normal, sized
from ..rivals import contracted, derivatives

T, U, V, M = ed.tensor("T", "nm"), ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("M", "nm")
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
    return {**data(n, k), "M": (np.random.default_rng(1).random((n, n)) < 0.3).astype(float)}


def gradient_by_hand(U: Any, V: Any, T: Any) -> Any:
    """2 (U VᵀV − T V): the residual is never formed."""
    return 2 * (U @ (V.T @ V) - T @ V)


def masked_gradient_by_hand(U: Any, V: Any, T: Any, M: Any) -> Any:
    """−2 (M ∘ (T − UVᵀ)) V in blocks of 16 rows, so that the residual stays in the cache."""
    right, out = np.ascontiguousarray(V.T), np.empty_like(U)
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


def gradient(n: int, k: int) -> Problem:
    """The gradient by U."""
    return Problem(
        data(n, k), lambda: ed.grad(plain(), U), gradient_by_hand, derivatives("grad", model)
    )


def masked_gradient(n: int, k: int) -> Problem:
    """The gradient by U with a mask."""
    return Problem(
        with_mask(n, k),
        lambda: ed.grad(masked(), U),
        masked_gradient_by_hand,
        derivatives("grad", masked_model),
    )


def hessian(n: int, k: int) -> Problem:
    """The dense Hessian by U: (nk)² entries of which k² are different."""
    small = n <= 100
    rivals = contracted(("ac,mb,md->abcd", n, "V", "V"), scale=2)
    return Problem(
        data(n, k),
        lambda: ed.hessian(plain(), U),
        hessian_by_hand,
        {**rivals, **(derivatives("hessian", model) if small else {})},
        skipped={} if small else TOO_LARGE,
    )


def masked_hessian(n: int, k: int) -> Problem:
    """The dense Hessian by U with a mask."""
    small = n <= 100
    rivals = contracted(("ac,am,mb,md->abcd", n, "M", "V", "V"), scale=2)
    return Problem(
        with_mask(n, k),
        lambda: ed.hessian(masked(), U),
        masked_hessian_by_hand,
        {**rivals, **(derivatives("hessian", masked_model) if small else {})},
        skipped={} if small else TOO_LARGE,
    )


def structured(n: int, k: int) -> Problem:
    """The core of the Hessian."""
    return Problem(
        data(n, k),
        lambda: ed.hessian(plain(), U),
        block,
        kind="structured",
        answer=cores,
        full=hessian_by_hand,
    )


def masked_structured(n: int, k: int) -> Problem:
    """The core of the masked Hessian; by hand the order of its axes is free, for it is
    symmetric.
    """

    def answer(result: Any) -> Any:
        ((core, embedding),) = result.terms
        labels = embedding.partition("->")[0]
        return np.einsum(f"{labels}->{embedding[-2]}{labels.replace(embedding[-2], '')}", core)

    return Problem(
        with_mask(n, k),
        lambda: ed.hessian(masked(), U),
        blocks,
        kind="structured",
        answer=answer,
        full=masked_hessian_by_hand,
    )


def newton_step(
    make: Callable[[int, int], Arrays], loss: Callable[[], ed.Expr], curvature: Callable[..., Any]
) -> Callable[[int, int], Problem]:
    """A Newton step: gradient, structured Hessian, solve. The loss is quadratic, so it ends at
    the minimum.
    """

    def build(n: int, k: int) -> Problem:
        arrays = make(n, k)
        first, second = (
            ed.compile(ed.grad(loss(), U)),
            ed.compile(ed.hessian(loss(), U), dense=False),
        )

        def by_hand(a: Arrays) -> Call:
            def run() -> Any:
                if "M" in a:
                    g = masked_gradient_by_hand(a["U"], a["V"], a["T"], a["M"])
                    return a["U"] - np.linalg.solve(curvature(a["V"], a["M"]), g[..., None])[..., 0]
                return (
                    a["U"]
                    - np.linalg.solve(
                        curvature(a["V"]), gradient_by_hand(a["U"], a["V"], a["T"]).T
                    ).T
                )

            return run

        return Problem(
            arrays,
            lambda: arrays["U"] - second(arrays).solve(first(arrays)),
            by_hand(arrays),
            kind="call",
        )

    return build


FAMILY = Family(
    "P3",
    "matrix factorisation, plain and masked",
    (
        Case("P3", "gradient", gradient, GRADIENTS),
        Case("P3", "masked gradient", masked_gradient, GRADIENTS),
        Case("P3", "Hessian", hessian, HESSIANS),
        Case("P3", "Hessian, structured", structured, HESSIANS),
        Case("P3", "masked Hessian", masked_hessian, HESSIANS),
        Case("P3", "masked Hessian, structured", masked_structured, HESSIANS),
        Case(
            "P3",
            "Newton step",
            newton_step(data, plain, block),
            sized((4, 2), (10, 2), (100, 10), (1000, 10)),
        ),
        Case(
            "P3",
            "masked Newton step",
            newton_step(with_mask, masked, blocks),
            sized((30, 2), (40, 2), (100, 10), (1000, 10)),
        ),
    ),
)
