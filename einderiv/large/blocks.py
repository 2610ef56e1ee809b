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
    counts = [ceil(n / chunk) for n, chunk in zip(shape, chunks, strict=True)]
    return product(*map(range, counts))


def ranges_of(place: Place, shape: Sequence[int], chunks: Sequence[int]) -> Ranges:
    """Where a block begins and ends on every axis.

    >>> ranges_of((1, 0), (5, 3), (4, 3))
    ((4, 5), (0, 3))
    """
    ranges = []
    for k, chunk, n in zip(place, chunks, shape, strict=True):
        start = k * chunk
        ranges.append((start, min(start + chunk, n)))
    return tuple(ranges)


def slices(ranges: Ranges) -> tuple[slice, ...]:
    """The index of a block."""
    return tuple([slice(start, stop) for start, stop in ranges])


def inside(output: Labels, ranges: Ranges) -> Inside | None:
    """The part of every label that a block has; None where the block is off the diagonal.

    >>> inside((0, 1, 0), ((0, 4), (2, 3), (2, 6))), inside((0, 0), ((0, 2), (2, 4)))
    ({0: (2, 4), 1: (2, 3)}, None)
    """
    parts: Inside = {}
    for label, (start, stop) in zip(output, ranges, strict=True):
        low, high = parts.get(label, (start, stop))
        parts[label] = max(low, start), min(high, stop)
    crossed = all(low < high for low, high in parts.values())
    return parts if crossed else None


def block(terms: Sequence[Term[Array]], dtype: Any, ranges: Ranges) -> Array | None:
    """The part of a tensor within `ranges`, one for each axis; None where all of it is zero for
    sure.
    """
    entries = None
    for term in terms:
        parts = inside(term.output, ranges)
        if parts is None:
            continue
        if entries is None:
            entries = np.zeros([stop - start for start, stop in ranges], dtype)
        cuts = []
        for array, labels in term.factors:
            index = slices(tuple([parts[label] for label in labels]))
            cuts.append((array[index], labels))
        add(entries, term.output, ranges, parts, cuts)
    return entries


def add(
    entries: Array,
    output: Labels,
    ranges: Ranges,
    parts: Mapping[Label, Range],
    cuts: Sequence[tuple[Array, Labels]],
) -> None:
    """Add a term into the entries of a block, on the part of its diagonals that crosses it; `cuts`
    are its factors there.
    """
    index = []
    for label, (start, _) in zip(output, ranges, strict=True):
        low, high = parts[label]
        index.append(slice(low - start, high - start))
    distinct = list(dict.fromkeys(output))
    diagonal = entries
    if distinct:
        # ``aba->ab`` of np.einsum is a view, which is written into.
        place = {label: k for k, label in enumerate(distinct)}
        crossed = entries[tuple(index)]
        diagonal = np.einsum(crossed, [place[label] for label in output], [*place.values()])
    value: Any = 1
    for cut, labels in cuts:
        order = [labels.index(label) for label in distinct if label in labels]
        new_axes = tuple([slice(None) if label in labels else None for label in distinct])
        value = value * cut.transpose(order)[new_axes]
    diagonal += value


def arrays_of(terms: Sequence[Term[Array]]) -> dict[int, Any]:
    """The factors of some terms, each once, by their identities."""
    arrays: dict[int, Any] = {}
    for term in terms:
        arrays.update((id(array), array) for array, _ in term.factors)
    return arrays


def with_arrays(terms: Sequence[Term[Array]], arrays: Mapping[int, Any]) -> list[Term[Array]]:
    """The terms with other arrays, given by the identities of those that they have."""
    changed = []
    for term in terms:
        factors = [(arrays[id(array)], labels) for array, labels in term.factors]
        changed.append(Term(tuple(factors), term.output))
    return changed
