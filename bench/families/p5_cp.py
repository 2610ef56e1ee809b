"""P5: the CP decomposition of orders 3 to 5: all gradients, curvature times vectors, blocks of
the Hessian.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Case, Family, Problem, Way, normal, sized
from ..rivals import derivatives

SIZES = {
    3: sized((3, 2), (6, 3), (60, 20), (160, 20)),
    4: sized((3, 2), (5, 3), (20, 20), (34, 20)),
    5: sized((2, 2), (4, 3), (11, 20), (16, 20)),
}
BLOCKS = sized((3, 2), (5, 3), (30, 10), (60, 20))


def names(order: int, prefix: str = "A") -> list[str]:
    """Names of the factors, or of their tangents."""
    return [f"{prefix}{k}" for k in range(order)]


def subscripts(order: int) -> str:
    """The model: ``iz,jz,kz->ijk`` and so on."""
    letters = "ijklm"[:order]
    return ",".join(f"{c}z" for c in letters) + f"->{letters}"


def factors(order: int) -> list[ed.Expr]:
    """The factors as tensors."""
    return [ed.tensor(name, f"{c}z") for name, c in zip(names(order), "ijklm", strict=False)]


def reconstruction(order: int) -> ed.Expr:
    """The sum of rank-one tensors."""
    return ed.einsum(subscripts(order), *factors(order))


def loss(order: int) -> ed.Expr:
    """‖T − [[A0, A1, …]]‖²."""
    return ed.sum((ed.tensor("T", "ijklm"[:order]) - reconstruction(order)) ** 2)


def data(
    order: int, size: int, rank: int, *, target: bool = True, tangents: bool = False
) -> Arrays:
    """Factors, the tensor, and tangents."""
    found = normal(**dict.fromkeys(names(order), (size, rank)))
    if target:
        found |= normal(1, T=(size,) * order)
    if tangents:
        found |= normal(2, **dict.fromkeys(names(order, "d"), (size, rank)))
    return found


def khatri_rao(matrices: list[Any]) -> Any:
    """The columnwise Kronecker product, rows in the order of the first matrix first."""
    out = matrices[0]
    for m in matrices[1:]:
        out = (out[:, None, :] * m).reshape(-1, m.shape[1])
    return out


def mttkrps(T: Any, A: list[Any]) -> list[Any]:
    """T times all factors but one, for every one: two large products of matrices, the rest is
    small.

    The axes are split in two halves. T times the Khatri-Rao product of one half serves all factors
    of the other.
    """
    half = 2
    rows = prod(a.shape[0] for a in A[:half])
    flat, rank = T.reshape(rows, -1), A[0].shape[1]
    left = (flat @ khatri_rao(A[half:])).reshape(*T.shape[:half], rank)
    right = (flat.T @ khatri_rao(A[:half])).reshape(*T.shape[half:], rank)
    return [*rest(left, A[:half]), *rest(right, A[half:])]


def rest(partial_: Any, A: list[Any]) -> list[Any]:
    """The same for a tensor that has the rank as its last axis: at most three factors."""
    if len(A) == 1:
        return [partial_]
    if len(A) == 2:
        return [np.einsum("ijr,jr->ir", partial_, A[1]), np.einsum("ijr,ir->jr", partial_, A[0])]
    last = np.einsum("pkr,pr->kr", partial_.reshape(-1, *partial_.shape[-2:]), khatri_rao(A[:2]))
    return [*rest(np.einsum("ijkr,kr->ijr", partial_, A[2]), A[:2]), last]


def others(grams: list[Any], *left_out: int) -> Any:
    """The elementwise product of all Gram matrices but some."""
    kept = [g for k, g in enumerate(grams) if k not in left_out]
    out = kept[0].copy() if kept else np.ones_like(grams[0])
    for g in kept[1:]:
        out *= g
    return out


def gradients_by_hand(order: int, *arrays: Any) -> list[Any]:
    """2 (A_k Γ_k − MTTKRP_k): the residual is never formed."""
    A, T = list(arrays[:order]), arrays[order]
    grams = [a.T @ a for a in A]
    return [
        2 * (a @ others(grams, k) - m)
        for k, (a, m) in enumerate(zip(A, mttkrps(T, A), strict=True))
    ]


def gauss_newton_by_hand(order: int, *arrays: Any) -> list[Any]:
    """2 JᵀJ v by Gram matrices alone: nothing has the size of the tensor."""
    A, V = arrays[:order], arrays[order:]
    grams, mixed = [a.T @ a for a in A], [v.T @ a for a, v in zip(A, V, strict=True)]
    out = []
    for k in range(order):
        pull = sum(mixed[j] * others(grams, j, k) for j in range(order) if j != k)
        out.append(2 * (V[k] @ others(grams, k) + A[k] @ pull))
    return out


def along(T: Any, A: list[Any], V: list[Any]) -> list[Any]:
    """The derivative of all MTTKRPs along V, with the two large products made once for value and
    tangent.
    """
    half, rank, shape = 2, A[0].shape[1], T.shape
    flat = T.reshape(prod(shape[:half]), -1)
    found = []
    for left, sizes, here, there in (
        (flat, shape[:half], slice(0, half), slice(half, None)),
        (flat.T, shape[half:], slice(half, None), slice(0, half)),
    ):
        both = left @ np.hstack([khatri_rao(A[there]), tangent(A[there], V[there])])
        value, change = (
            np.ascontiguousarray(x).reshape(*sizes, rank) for x in (both[:, :rank], both[:, rank:])
        )
        found += varied(value, change, A[here], V[here])
    return found


def tangent(A: list[Any], V: list[Any]) -> Any:
    """The derivative of the Khatri-Rao product along V."""
    return sum(khatri_rao([*A[:k], V[k], *A[k + 1 :]]) for k in range(len(A)))


def varied(value: Any, change: Any, A: list[Any], V: list[Any]) -> list[Any]:
    """The derivative of `rest` along V and along the change of its tensor."""
    out = rest(change, A)
    for j in range(len(A)):
        moved = rest(value, [*A[:j], V[j], *A[j + 1 :]])
        out = [out[k] if k == j else out[k] + moved[k] for k in range(len(A))]
    return out


def hvp_by_hand(order: int, *arrays: Any) -> list[Any]:
    """The Hessian times a vector: Gram matrices, and two large products of T with matrices of 2R
    columns.
    """
    A, T, V = list(arrays[:order]), arrays[order], list(arrays[order + 1 :])
    moved = along(T, A, V)
    grams, mixed = [a.T @ a for a in A], [v.T @ a for a, v in zip(A, V, strict=True)]
    out = []
    for k in range(order):
        pull = sum((mixed[j] + mixed[j].T) * others(grams, j, k) for j in range(order) if j != k)
        out.append(2 * (V[k] @ others(grams, k) + A[k] @ pull - moved[k]))
    return out


def models(order: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The model and the loss for rivals."""
    text = subscripts(order)

    def rebuilt(xp: Any, *A: Any) -> Any:
        return xp.einsum(text, *A)

    def squared(xp: Any, *arrays: Any) -> Any:
        return xp.sum((arrays[order] - xp.einsum(text, *arrays[:order])) ** 2)

    return rebuilt, squared


def gradients(order: int, size: int, rank: int) -> Problem:
    """All gradients at once."""
    engines = ("jax", "torch") if size**order > 5e4 else ()
    rivals = derivatives("grad", models(order)[1], tuple(range(order)), engines=engines)
    return Problem(
        data(order, size, rank),
        lambda: ed.grad(loss(order), names(order)),
        partial(gradients_by_hand, order),
        rivals,
        skipped={"autograd.grad": "its einsum is not optimised"} if engines else {},
    )


def gauss_newton(order: int, size: int, rank: int) -> Problem:
    """2 JᵀJ v, with J the Jacobian of the model by all factors."""
    arrays = data(order, size, rank, target=False, tangents=True)
    at, vectors = tuple(range(order)), tuple(range(order, 2 * order))

    def ours() -> Any:
        y = reconstruction(order)
        return ed.vjp(y, names(order), 2 * ed.jvp(y, names(order), names(order, "d")))

    return Problem(
        arrays,
        ours,
        partial(gauss_newton_by_hand, order),
        derivatives("gauss_newton", models(order)[0], at, vectors=vectors),
    )


def hessian_products(order: int, size: int, rank: int) -> Problem:
    """The whole Hessian times a vector."""
    arrays = data(order, size, rank, tangents=True)
    rivals = derivatives(
        "hvp", models(order)[1], tuple(range(order)), vectors=tuple(range(order + 1, 2 * order + 1))
    )
    return Problem(
        arrays,
        lambda: ed.hvp(loss(order), names(order), names(order, "d")),
        partial(hvp_by_hand, order),
        rivals,
    )


def diagonal_block(size: int, rank: int) -> Problem:
    """The block of the Hessian by A0 twice: 2 (A1ᵀA1 ∘ A2ᵀA2) for every row."""

    def hand(A1: Any, A2: Any) -> Any:
        out = np.zeros((size, rank, size, rank), A1.dtype)
        np.einsum("abac->abc", out)[...] = 2 * ((A1.T @ A1) * (A2.T @ A2))
        return out

    rivals, skipped = affordable(
        derivatives("hessian", models(3)[1], 0, engines=("jax", "torch")), size
    )
    return Problem(
        data(3, size, rank), lambda: ed.hessian(loss(3), "A0"), hand, rivals, skipped=skipped
    )


def affordable(rivals: dict[str, Way], size: int) -> tuple[dict[str, Way], dict[str, str]]:
    """The rivals that take part, and those that do not: for each unknown they hold a tangent as
    large as the tensor.
    """
    return (rivals, {}) if size <= 30 else ({}, dict.fromkeys(rivals, "2 GB of tangents"))


def mixed_block(size: int, rank: int) -> Problem:
    """The block by A0 and A1: an outer product, and on the diagonal of the rank the residual
    times A2.
    """

    def hand(A0: Any, A1: Any, A2: Any, T: Any) -> Any:
        gram = A2.T @ A2
        residual = ((A0[:, None, :] * A1).reshape(-1, rank) @ gram).reshape(
            size, size, rank
        ) - T @ A2
        out: Any = A0[:, None, None, :] * np.ascontiguousarray(
            (2 * A1[:, :, None] * gram).transpose(1, 0, 2)
        )
        np.einsum("irjr->ijr", out)[...] += 2 * residual
        return out

    rivals, skipped = affordable(derivatives("cross", models(3)[1], (0, 1)), size)
    return Problem(
        data(3, size, rank), lambda: ed.hessian(loss(3), "A0", "A1"), hand, rivals, skipped=skipped
    )


FAMILY = Family(
    "P5",
    "CP decomposition, order 3 to 5",
    (
        *(Case("P5", f"all gradients, order {d}", partial(gradients, d), SIZES[d]) for d in SIZES),
        *(
            Case("P5", f"Gauss-Newton product, order {d}", partial(gauss_newton, d), SIZES[d])
            for d in SIZES
        ),
        *(
            Case("P5", f"Hessian product, order {d}", partial(hessian_products, d), SIZES[d])
            for d in SIZES
        ),
        Case("P5", "Hessian block (0, 0)", diagonal_block, BLOCKS),
        Case("P5", "Hessian block (0, 1)", mixed_block, BLOCKS),
    ),
)
