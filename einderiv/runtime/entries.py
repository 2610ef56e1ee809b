"""The entries of terms one by one: values, and for each axis the indices where they are.

Terms overlap, and several points of one term may have one place: then their values are to be added.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from ..backends import Array
from ..errors import LimitError, limits, spoken_bytes
from ..expression import solvings
from ..planning import Term
from .execution import check_bound, largest
from .points import Points
from .terms import core, core_labels, is_related, lengths, value


def entries(term: Term[Array], shape: Sequence[int], dtype: Any) -> tuple[Array, list[Array]]:
    """The values of a term on its diagonals, and for each axis the indices where they are.

    Raises LimitError where they are too many.
    """
    if is_related(term):
        return _at_points(term, shape, dtype)
    labels = core_labels(term)
    distinct = list(dict.fromkeys(term.output))
    size_of = dict(zip(term.output, shape, strict=True))
    sizes = [size_of[label] for label in distinct]
    count = prod(sizes)
    size = count * (np.dtype(dtype).itemsize + 8 * len(shape))
    if size > limits.dense_bytes:
        raise LimitError(
            f"the sparse form has {count} entries and takes {spoken_bytes(size)}, over the "
            f"limit of {spoken_bytes(limits.dense_bytes)} (ed.limits.dense_bytes)"
        )
    index_of = dict(zip(distinct, np.indices(sizes), strict=True))
    order = [labels.index(label) for label in distinct if label in labels]
    transposed = core(term, lambda e: value(e, dtype)).transpose(order)
    # Constant along the axes that the core lacks.
    shaped = transposed.reshape([size_of[x] if x in labels else 1 for x in distinct])
    values = np.broadcast_to(shaped, sizes)
    return values.ravel(), [index_of[label].ravel() for label in term.output]


def _at_points(term: Term[Array], shape: Sequence[int], dtype: Any) -> tuple[Array, list[Array]]:
    """The values of a term with relations at the points that satisfy them, and the indices of
    these; several points may have one place.
    """
    points = Points(term.relations, term.hots, lengths(term, shape))
    labels_of_factors = [labels for _, labels in term.factors]
    points.enumerate(chain(term.output, *labels_of_factors))
    at = points.values
    values = np.ones(points.count, dtype)
    for array, labels in term.factors:
        values *= array[tuple([at[label] for label in labels])]
    if values.dtype.kind in "iu":
        bounds = [largest(array) for array, _ in term.factors]
        check_bound(points.count * prod(bounds), values.dtype.itemsize)
    return values, [at[label] for label in term.output]


def most_entries(term: Term[Array], shape: Sequence[int]) -> int:
    """A bound on how many entries a term has: the points of the box of its free labels."""
    sizes = lengths(term, shape)
    read = set(chain(term.output, *[labels for _, labels in term.factors]))
    values = {labels[-1] for _, labels in term.hots}
    places = set(chain.from_iterable([labels[:-1] for _, labels in term.hots]))
    found = next(iter(solvings(term.relations, sizes, read, 1, keep=values)), None)
    if found is None:
        return 0
    labels = read.union(places, *[dict(one.terms) for one in term.relations])
    return prod([sizes[label] for label in labels - values - set(found.by)])
