"""P5: the CP decomposition of orders 3 to 5: all gradients, curvature times vectors, blocks of
the Hessian.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Model, derivatives, einsum_model

from ..problems import Case, Problem, family, normal, sized

SIZES = {
    3: sized((3, 2), (6, 3), (60, 20), (160, 20)),
    4: sized((3, 2), (5, 3), (20, 20), (34, 20)),
    5: sized((2, 2), (4, 3), (11, 20), (16, 20)),
}
BLOCKS = sized((3, 2), (5, 3), (30, 10), (60, 20))
HALF = 2  # by hand the axes are split in two halves: these, and those that follow


def names(order: int, prefix: str = "A") -> list[str]:
    """Names of the factors, or of their tangents."""
    return [f"{prefix}{k}" for k in range(order)]


def subscripts(order: int) -> str:
    """The model: ``iz,jz,kz->ijk`` and so on."""
    letters = "ijklm"[:order]
    operands = ",".join(f"{letter}z" for letter in letters)
    return f"{operands}->{letters}"


def factors(order: int) -> list[ed.Expr]:
    """The factors as tensors."""
    letters = "ijklm"[:order]
    return [
        ed.tensor(name, f"{letter}z") for name, letter in zip(names(order), letters, strict=True)
    ]


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
    arrays = normal(**dict.fromkeys(names(order), (size, rank)))
    if target:
        arrays |= normal(1, T=(size,) * order)
    if tangents:
        arrays |= normal(2, **dict.fromkeys(names(order, "d"), (size, rank)))
    return arrays


def khatri_rao(matrices: list[Any]) -> Any:
    """The columnwise Kronecker product, rows in the order of the first matrix first."""
    product = matrices[0]
    for matrix in matrices[1:]:
        product = (product[:, None, :] * matrix).reshape(-1, matrix.shape[1])
    return product


def mttkrps(T: Any, A: list[Any]) -> list[Any]:
    """T times all factors but one, for every one: two large products of matrices, the rest is
    small.

    T times the Khatri-Rao product of one half of the factors serves all factors of the other.
    """
    rank = A[0].shape[1]
    first, second = A[:HALF], A[HALF:]
    flat = T.reshape(prod(T.shape[:HALF]), -1)
    left = (flat @ khatri_rao(second)).reshape(*T.shape[:HALF], rank)
    right = (flat.T @ khatri_rao(first)).reshape(*T.shape[HALF:], rank)
    return [*rest(left, first), *rest(right, second)]


def rest(T: Any, A: list[Any]) -> list[Any]:
    """The same for a tensor that has the rank as its last axis: at most three factors."""
    if len(A) == 1:
        return [T]
    if len(A) == 2:
        return [np.einsum("ijr,jr->ir", T, A[1]), np.einsum("ijr,ir->jr", T, A[0])]
    without_last = np.einsum("ijkr,kr->ijr", T, A[2])
    last = np.einsum("pkr,pr->kr", T.reshape(-1, *T.shape[-2:]), khatri_rao(A[:2]))
    return [*rest(without_last, A[:2]), last]


def others(grams: list[Any], *left_out: int) -> Any:
    """The elementwise product of all Gram matrices but some."""
    kept = [gram for k, gram in enumerate(grams) if k not in left_out]
    if not kept:
        return np.ones_like(grams[0])
    product = kept[0].copy()
    for gram in kept[1:]:
        product *= gram
    return product


def gradients_by_hand(order: int, *arrays: Any) -> list[Any]:
    """2 (A_k Γ_k − MTTKRP_k): the residual is never formed."""
    A = list(arrays[:order])
    grams = [a.T @ a for a in A]
    products = mttkrps(arrays[order], A)
    return [2 * (A[k] @ others(grams, k) - products[k]) for k in range(order)]


def gauss_newton_by_hand(order: int, *arrays: Any) -> list[Any]:
    """2 JᵀJ v by Gram matrices alone: nothing has the size of the tensor."""
    A, V = arrays[:order], arrays[order:]
    grams = [a.T @ a for a in A]
    mixed = [v.T @ a for a, v in zip(A, V, strict=True)]
    out = []
    for k in range(order):
        pull = sum(mixed[j] * others(grams, j, k) for j in range(order) if j != k)
        out.append(2 * (V[k] @ others(grams, k) + A[k] @ pull))
    return out


def along(T: Any, A: list[Any], V: list[Any]) -> list[Any]:
    """The derivative of all MTTKRPs along V, with the two large products made once for value and
    tangent.
    """
    first, second = slice(0, HALF), slice(HALF, None)
    flat = T.reshape(prod(T.shape[:HALF]), -1)
    return [
        *half_along(flat, T.shape[first], (A[first], V[first]), (A[second], V[second])),
        *half_along(flat.T, T.shape[second], (A[second], V[second]), (A[first], V[first])),
    ]


def half_along(
    flat: Any,
    sizes: tuple[int, ...],
    here: tuple[list[Any], list[Any]],
    there: tuple[list[Any], list[Any]],
) -> list[Any]:
    """Those by the factors here: one product with the factors there and their tangent."""
    both = flat @ np.hstack([khatri_rao(there[0]), tangent(*there)])
    rank = both.shape[1] // 2
    value = np.ascontiguousarray(both[:, :rank]).reshape(*sizes, rank)
    change = np.ascontiguousarray(both[:, rank:]).reshape(*sizes, rank)
    return varied(value, change, *here)


def tangent(A: list[Any], V: list[Any]) -> Any:
    """The derivative of the Khatri-Rao product along V."""
    # the product rule: each factor in turn gives way to its tangent
    return sum(khatri_rao([*A[:k], V[k], *A[k + 1 :]]) for k in range(len(A)))


def varied(value: Any, change: Any, A: list[Any], V: list[Any]) -> list[Any]:
    """The derivative of `rest` along V and along the change of its tensor."""
    out = rest(change, A)
    for j in range(len(A)):
        moved = rest(value, [*A[:j], V[j], *A[j + 1 :]])
        for k in range(len(A)):
            if k != j:
                out[k] = out[k] + moved[k]
    return out


def hvp_by_hand(order: int, *arrays: Any) -> list[Any]:
    """The Hessian times a vector: Gram matrices, and two large products of T with matrices of 2R
    columns.
    """
    A, T, V = list(arrays[:order]), arrays[order], list(arrays[order + 1 :])
    moved = along(T, A, V)
    grams = [a.T @ a for a in A]
    mixed = [v.T @ a for a, v in zip(A, V, strict=True)]
    out = []
    for k in range(order):
        pull = sum((mixed[j] + mixed[j].T) * others(grams, j, k) for j in range(order) if j != k)
        out.append(2 * (V[k] @ others(grams, k) + A[k] @ pull - moved[k]))
    return out


def loss_model(order: int) -> Model:
    """The loss for rivals."""
    text = subscripts(order)

    def squared(xp: Any, *arrays: Any) -> Any:
        return xp.sum((arrays[order] - xp.einsum(text, *arrays[:order])) ** 2)

    return squared


def gradients(order: int) -> Case:
    """All gradients at once."""
    every = tuple(range(order))
    slow = {"autograd.grad": "its einsum is not optimised"}
    return Case(
        f"all gradients, order {order}",
        SIZES[order],
        lambda size, rank: Problem(
            arrays=data(order, size, rank),
            ours=lambda: ed.grad(loss(order), names(order)),
            hand=partial(gradients_by_hand, order),
            rivals=derivatives("grad", loss_model(order), every),
            skipped=slow if size**order > 5e4 else {},
        ),
    )


def gauss_newton(order: int) -> Case:
    """2 JᵀJ v, with J the Jacobian of the model by all factors."""
    model = einsum_model(subscripts(order))
    factors_at = tuple(range(order))
    tangents_at = tuple(range(order, 2 * order))

    def ours() -> Any:
        y = reconstruction(order)
        tangent = ed.jvp(y, names(order), names(order, "d"))
        return ed.vjp(y, names(order), 2 * tangent)

    return Case(
        f"Gauss-Newton product, order {order}",
        SIZES[order],
        lambda size, rank: Problem(
            arrays=data(order, size, rank, target=False, tangents=True),
            ours=ours,
            hand=partial(gauss_newton_by_hand, order),
            rivals=derivatives("gauss_newton", model, factors_at, vectors=tangents_at),
        ),
    )


def hessian_product(order: int) -> Case:
    """The whole Hessian times a vector."""
    factors_at = tuple(range(order))
    tangents_at = tuple(range(order + 1, 2 * order + 1))
    return Case(
        f"Hessian product, order {order}",
        SIZES[order],
        lambda size, rank: Problem(
            arrays=data(order, size, rank, tangents=True),
            ours=lambda: ed.hvp(loss(order), names(order), names(order, "d")),
            hand=partial(hvp_by_hand, order),
            rivals=derivatives("hvp", loss_model(order), factors_at, vectors=tangents_at),
        ),
    )


def diagonal_block(A1: Any, A2: Any) -> Any:
    """δ[a,c] 2 (A1ᵀA1 ∘ A2ᵀA2)[b,d] on the axes [a, b, c, d]: the same for every row of A0."""
    size, rank = A1.shape
    block = np.zeros((size, rank, size, rank), A1.dtype)
    np.einsum("abac->abc", block)[...] = 2 * ((A1.T @ A1) * (A2.T @ A2))
    return block


def mixed_block(A0: Any, A1: Any, A2: Any, T: Any) -> Any:
    """An outer product, and on the diagonal of the rank the residual times A2."""
    size, rank = A0.shape
    gram = A2.T @ A2
    modelled = ((A0[:, None, :] * A1).reshape(-1, rank) @ gram).reshape(size, size, rank)
    residual = modelled - T @ A2
    scaled = (2 * A1[:, :, None] * gram).transpose(1, 0, 2)
    block = A0[:, None, None, :] * np.ascontiguousarray(scaled)
    np.einsum("irjr->ijr", block)[...] += 2 * residual
    return block


DIAGONAL = derivatives("hessian", loss_model(3), 0, engines=("jax", "torch"))
MIXED = derivatives("cross", loss_model(3), (0, 1))
TANGENTS = "2 GB of tangents"  # for each unknown one as large as the tensor
FAMILY = family(
    "P5",
    "CP decomposition, order 3 to 5",
    *map(gradients, SIZES),
    *map(gauss_newton, SIZES),
    *map(hessian_product, SIZES),
    Case(
        "Hessian block (0, 0)",
        BLOCKS,
        lambda size, rank: Problem(
            arrays=data(3, size, rank),
            ours=lambda: ed.hessian(loss(3), "A0"),
            hand=diagonal_block,
            rivals=DIAGONAL,
            skipped=dict.fromkeys(DIAGONAL, TANGENTS) if size > 30 else {},
        ),
    ),
    Case(
        "Hessian block (0, 1)",
        BLOCKS,
        lambda size, rank: Problem(
            arrays=data(3, size, rank),
            ours=lambda: ed.hessian(loss(3), "A0", "A1"),
            hand=mixed_block,
            rivals=MIXED,
            skipped=dict.fromkeys(MIXED, TANGENTS) if size > 30 else {},
        ),
    ),
)
