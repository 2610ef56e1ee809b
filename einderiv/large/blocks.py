"""Blocks of a structured tensor: which of them a term crosses, and what it adds there.

A term has a core on a diagonal of the tensor. Within a block that is a part of the core on a part
of the diagonal, or nothing; a block that no term crosses is zero, and nobody has to make it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import ceil
from typing import Any

import numpy as np

from ..backends import Array
from ..expression import Label, Labels
from ..planning import Term

Range = tuple[int, int]
Place = tuple[int, ...]
Ranges = tuple[Range, ...]
Inside = dict[Label, Range]


def places(shape: Sequence[int], chunks: Sequence[int]) -> Iterator[Place]:
    """The blocks by their numbers, in order."""
    return product(*(range(ceil(n / c)) for n, c in zip(shape, chunks, strict=True)))


def ranges_of(place: Place, shape: Sequence[int], chunks: Sequence[int]) -> Ranges:
    """Where a block begins and ends on every axis.

    >>> ranges_of((1, 0), (5, 3), (4, 3))
    ((4, 5), (0, 3))
    """
    return tuple((k * c, min((k + 1) * c, n)) for k, c, n in zip(place, chunks, shape, strict=True))


def inside(output: Labels, ranges: Ranges) -> Inside | None:
    """The part of every label that a block has; None where the block is off the diagonal.

    >>> inside((0, 1, 0), ((0, 4), (2, 3), (2, 6))), inside((0, 0), ((0, 2), (2, 4)))
    ({0: (2, 4), 1: (2, 3)}, None)
    """
    found: Inside = {}
    for label, (start, stop) in zip(output, ranges, strict=True):
        low, high = found.get(label, (start, stop))
        found[label] = max(low, start), min(high, stop)
    return found if all(low < high for low, high in found.values()) else None


def block(terms: Sequence[Term[Array]], dtype: Any, ranges: Ranges) -> Array | None:
    """The part of a tensor within `ranges`, one for each axis; None where all of it is zero for
    sure.
    """
    found = None
    for term in terms:
        known = inside(term.output, ranges)
        if known is not None:
            found = np.zeros([b - a for a, b in ranges], dtype) if found is None else found
            cuts = [
                (array[tuple(slice(*known[x]) for x in labels)], labels)
                for array, labels in term.factors
            ]
            add(found, term.output, ranges, known, cuts)
    return found


def add(
    found: Array,
    output: Labels,
    ranges: Ranges,
    known: Mapping[Label, Range],
    cuts: Sequence[tuple[Array, Labels]],
) -> None:
    """Add a term into a block, on the part of its diagonals that crosses it; `cuts` are its
    factors there.
    """
    part = found[
        tuple(
            slice(known[x][0] - start, known[x][1] - start)
            for x, (start, _) in zip(output, ranges, strict=True)
        )
    ]
    distinct = list(dict.fromkeys(output))
    names = {x: k for k, x in enumerate(distinct)}
    place = (
        np.einsum(part, [names[x] for x in output], list(range(len(distinct))))
        if distinct
        else found
    )
    value: Any = 1
    for cut, labels in cuts:
        order = [x for x in distinct if x in labels]
        turned = cut.transpose([labels.index(x) for x in order])
        value = value * turned[tuple(slice(None) if x in labels else None for x in distinct)]
    place += value
