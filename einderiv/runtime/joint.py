"""The Hessian of several tensors, by blocks, as one sparse matrix."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import LimitError
from .entries import entries, most_entries
from .iterative import has_scipy, scipy_part
from .kinds import SPARSE
from .solving import Square
from .sparse import chosen, flattened
from .structured import Structured


def joined(blocks: Sequence[Sequence[Structured]]) -> Square | None:
    """The Hessian of several tensors, by blocks, as one matrix of the vector that has the entries
    of all; None where it is not sparse, or its factors would be too large.
    """
    # ∂²f / ∂xᵢ ∂xᵢ has the axes of xᵢ twice
    shapes = [row[k].shape[: row[k].ndim // 2] for k, row in enumerate(blocks)]
    n = sum(map(prod, shapes))
    count = 0
    for row in blocks:
        for block in row:
            count += sum(most_entries(term, block.shape) for term in block._terms)
    if count > SPARSE * n**2 or not has_scipy():
        return None
    dtype = np.result_type(np.float64, *[block.dtype for row in blocks for block in row])
    try:
        matrices: list[list[Any]] = []
        for rows, row in zip(shapes, blocks, strict=True):
            matrices.append([])
            for columns, block in zip(shapes, row, strict=True):
                matrices[-1].append(flattened(block._terms, rows, columns, dtype))
    except LimitError:
        return None
    whole = scipy_part("sparse").block_array(matrices, format="csc")
    form = chosen(whole, n)
    return None if form is None else Square.of_form(form)


def pattern(S: Structured) -> Any:
    """Ones where a structured tensor may be other than zero, whatever its cores hold: a sparse
    array of SciPy.
    """
    sparse = scipy_part("sparse")
    places = [entries(term, S.shape, S.dtype)[1] for term in S._terms]
    flat = [np.ravel_multi_index(tuple(indices), S.shape) for indices in places]
    count = prod(S.shape)
    kept = np.unique(np.concatenate(flat)) if flat and count else np.zeros(0, int)
    at = np.unravel_index(kept, S.shape)
    return sparse.coo_array((np.ones(len(kept)), at), S.shape)
