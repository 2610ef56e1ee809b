"""Triangles and axes merged or split, as einsums with relations between their labels.

==================  =============================================================
``tril(A, k)``      ``A[i, j]`` where ``i - j + k`` is some q with ``q >= 0``
``vec(A)``          ``A[i, j] -> p`` with ``p = n i + j``, for n columns
``unvec(v, ...)``   ``v[p] -> i, j`` with the same equation
``kron(A, B)``      ``A[i, j] B[k, l] -> p, q`` with ``p = m i + k`` and ``q = n j + l``
==================  =============================================================

The digits of a place that is `whole` are ordered: the last runs fastest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..expression import (
    Einsum,
    Expr,
    Label,
    Labels,
    Relation,
    Size,
    assemble,
    negated,
    plus,
    product_of_sizes,
    relation,
)


def triangle(e: Expr, k: int, *, lower: bool) -> Einsum:
    """The entries of `e` on one side of the k-th diagonal of its last two axes, zero elsewhere."""
    labels = tuple(range(e.ndim))
    i, j, q = e.ndim - 2, e.ndim - 1, e.ndim
    rows, columns = e.axis_sizes[-2:]
    # lower: q = i - j + k, which is less than rows + k; upper: q = j - i - k
    side = 1 if lower else -1
    beside = {q: 1, i: -side, j: side}
    largest = plus(rows, max(k, 0)) if lower else plus(columns, max(-k, 0))
    return assemble(
        1,
        [(e, labels)],
        labels,
        axes=e.axes,
        given=((q, largest),),
        letters=dict(zip(labels, e.axes, strict=True)),
        relations=(relation(-side * k, beside),),
    )


def digits(whole: Label, parts: Labels, size_of: Mapping[Label, Size]) -> Relation:
    """``whole = Σ part · (product of the sizes behind it)``."""
    terms: dict[Label, Size] = {whole: -1}
    weight: Size = 1
    for part in reversed(parts):
        terms[part] = weight
        weight = product_of_sizes(weight, size_of[part])
    return relation(0, terms)
