"""Gram matrices: products of a matrix with itself, which are symmetric, and half the work for
BLAS.
"""

from __future__ import annotations

from .ops import Ops, Step
from .program import Program
from .tuning_constants import tuning


def is_gram(program: Program, k: int) -> bool:
    """Is step `k` ``AᵀA`` or ``Aᵀ diag(w) A``, of which half is computed?"""
    step = program.steps[k]
    if step.op is not Ops.CONTRACT or len(step.sizes) != 2:
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
    if (
        step.op is not Ops.CONTRACT
        or len(step.sizes) != 2
        or min(program.shape(k)) < tuning.gram_rows
    ):
        return None
    la, lb, result = step.spec
    summed, kept = set(la) & set(lb), set(la) ^ set(lb)
    if len(la) != 2 or len(lb) != 2 or len(summed) != 1 or set(result) != kept:
        return None
    (label,) = summed
    a, b = step.inputs
    for x, labels, other, others in ((a, la, b, lb), (b, lb, a, la)):
        axis = labels.index(label)
        weights = _weights(program.steps[other], x, axis, others.index(label))
        if weights is not None:
            return program.made(Ops.GRAM, (x, weights), (axis,), step.sizes, step.flops / 2)
    return None


def _weights(step: Step, x: int, axis: int, summed: int) -> int | None:
    """The vector, if `step` is the matrix `x` times a vector along `axis`, which is axis
    `summed` of the result: ``X[n,b] w[n]``.
    """
    if step.op is not Ops.CONTRACT or x not in step.inputs:
        return None
    own = step.inputs.index(x)
    of_matrix, of_vector, result = step.spec[own], step.spec[1 - own], step.spec[2]
    elementwise = len(result) == 2 and set(of_matrix) == set(result)
    if not elementwise or of_vector != (of_matrix[axis],) or result[summed] != of_matrix[axis]:
        return None
    return step.inputs[1 - own]


def many_grams(program: Program, k: int) -> Step | None:
    """``Σ_r M[n,r] X[r,b] X[r,d]``, a Gram matrix for each n, as the product of M and what is on
    one side of x xᵀ.
    """
    step = program.steps[k]
    if step.op is not Ops.CONTRACT or len(step.sizes) != 3:
        return None
    for own in (0, 1):
        weights, square = step.inputs[own], step.inputs[1 - own]
        # M[n,r] and (x xᵀ)[r,b,d] -> [n,b,d], or [n,d,b]
        of_weights, of_square, result = step.spec[own], step.spec[1 - own], step.spec[2]
        x = _squared(program, square)
        if x is None or len(of_weights) != 2 or len(of_square) != 3:
            continue
        n, r = result[0], of_square[0]
        if set(of_weights) != {n, r} or n in of_square or {*result[1:]} != {*of_square[1:]}:
            continue
        terms, side, _ = program.shape(square)
        if side < tuning.grams_rows or terms < tuning.grams_terms:
            continue
        if program.measure(step.sizes[0]) < tuning.grams:
            continue
        matrix, matrix_turned = x
        spec = (of_weights.index(r) == 0, matrix_turned)
        return program.made(Ops.GRAMS, (weights, matrix), spec, step.sizes, step.flops / 2)
    return None


def _squared(program: Program, k: int) -> tuple[int, bool] | None:
    """The matrix x, and whether it is transposed, if step `k` is ``x[r,b] x[r,d]`` with the axes
    r, b and d.
    """
    step = program.steps[k]
    if step.op is not Ops.CONTRACT or step.inputs[0] != step.inputs[1] or len(step.sizes) != 3:
        return None
    la, lb, (r, *_) = step.spec
    if len(la) != 2 or len(lb) != 2 or r not in la or r not in lb:
        return None
    axis = la.index(r)
    return (step.inputs[0], axis == 1) if lb.index(r) == axis else None
