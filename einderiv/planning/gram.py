"""Gram matrices: products of a matrix with itself, which are symmetric, and half the work for
BLAS.
"""

from __future__ import annotations

from .program import Program, Step

SYMMETRIC = 64  # rows of a Gram matrix that is worth a test of its weights
# Gram matrices, rows of each, terms of their sums: for fewer half of them is no gain
MANY, SIDE, SUMMED = 256, 4, 64


def is_gram(program: Program, k: int) -> bool:
    """Is step `k` ``AᵀA`` or ``Aᵀ diag(w) A``, of which half is computed?"""
    step = program.steps[k]
    if step.kind != "contract2" or len(step.sizes) != 2:
        return many_grams(program, k) is not None
    la, lb, _ = step.spec
    if step.inputs[0] == step.inputs[1] and len(la) == 2 and len(set(la) & set(lb)) == 1:
        (x,) = set(la) & set(lb)
        return bool(la.index(x) == lb.index(x))
    return weighted_gram(program, k) is not None


def weighted_gram(program: Program, k: int) -> Step | None:
    """``Xᵀ (w ∘ X)`` is symmetric. Where w has no negative entry it is AᵀA of A = √w ∘ X: half
    the work for BLAS.
    """
    step = program.steps[k]
    if step.kind != "contract2" or len(step.sizes) != 2 or min(program.shape(k)) < SYMMETRIC:
        return None
    la, lb, out = step.spec
    if len(la) != 2 or len(lb) != 2 or len(set(la) & set(lb)) != 1 or set(out) != set(la) ^ set(lb):
        return None
    a, b = step.inputs
    for x, labels, other, others in ((a, la, b, lb), (b, lb, a, la)):
        axis = next(p for p, label in enumerate(labels) if label in others)
        weights = _weighted(program.steps[other], x, axis, others.index(labels[axis]))
        if weights is not None:
            before = program.steps[x].sizes + program.steps[weights].sizes
            return Step("gram", (x, weights), (axis,), step.sizes, step.flops / 2, before)
    return None


def _weighted(step: Step, x: int, axis: int, summed: int) -> int | None:
    """The vector, if `step` is the matrix `x` times a vector along `axis`, which is axis
    `summed` of the result.
    """
    if step.kind != "contract2" or x not in step.inputs:
        return None
    own = step.inputs.index(x)
    (mine, theirs), out = (step.spec[own], step.spec[1 - own]), step.spec[2]
    if (
        len(out) == 2
        and set(mine) == set(out)
        and theirs == (mine[axis],)
        and out[summed] == mine[axis]
    ):
        return step.inputs[1 - own]
    return None


def many_grams(program: Program, k: int) -> Step | None:
    """``Σ_r M[n,r] X[r,b] X[r,d]``, a Gram matrix for each n, as the product of M and what is on
    one side of x xᵀ.
    """
    step = program.steps[k]
    if step.kind != "contract2" or len(step.sizes) != 3:
        return None
    for own in (0, 1):
        weights, rows, labels, out = (
            step.inputs[own],
            step.spec[own],
            step.spec[1 - own],
            step.spec[2],
        )
        x = _squared(program, step.inputs[1 - own])
        if (
            x is None
            or len(rows) != 2
            or len(labels) != 3
            or out[0] not in rows
            or {*out[1:]} != {*labels[1:]}
        ):
            continue
        summed, side = program.shape(step.inputs[1 - own])[:2]
        large = program.number(step.sizes[0]) >= MANY and side >= SIDE and summed >= SUMMED
        if large and labels[0] in rows and out[0] not in labels:
            matrix, turned = x
            before = program.steps[weights].sizes + program.steps[matrix].sizes
            spec = (rows.index(labels[0]) == 0, turned)
            return Step("grams", (weights, matrix), spec, step.sizes, step.flops / 2, before)
    return None


def _squared(program: Program, k: int) -> tuple[int, bool] | None:
    """The matrix x, and whether it is transposed, if step `k` is ``x[r,b] x[r,d]`` with the axes
    r, b and d.
    """
    step = program.steps[k]
    if step.kind != "contract2" or step.inputs[0] != step.inputs[1] or len(step.sizes) != 3:
        return None
    la, lb, (r, *_) = step.spec
    if len(la) != 2 or len(lb) != 2 or r not in la or r not in lb or la.index(r) != lb.index(r):
        return None
    return step.inputs[0], la.index(r) == 1
