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
from ..expression import Label, Labels, Relation, numbers_of, relation
from ..planning import Term
from ..runtime import is_related, value
from ..runtime import product as product_of

ROUNDS = 8  # in which relations narrow the ranges of labels

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
        if is_related(term):
            cut = narrowed(term, parts)
            if cut is None:
                continue
            if entries is None:
                entries = np.zeros([stop - start for start, stop in ranges], dtype)
            add_related(entries, cut[0], ranges, cut[1])
            continue
        if entries is None:
            entries = np.zeros([stop - start for start, stop in ranges], dtype)
        cuts = []
        for array, labels in term.factors:
            wanted = wanted_of(array, labels, parts)
            cuts.append((array[slices(wanted)], labels))
        add(entries, term.output, ranges, parts, cuts)
    return entries


def wanted_of(array: Array, labels: Labels, parts: Mapping[Label, Range]) -> tuple[Range, ...]:
    """What a block needs of a factor: all of a label that is on no axis, and summed."""
    pairs = zip(labels, array.shape, strict=True)
    return tuple([parts.get(label, (0, length)) for label, length in pairs])


def add_related(
    entries: Array, part: Term[Array], ranges: Ranges, parts: Mapping[Label, Range]
) -> None:
    """Add a term with relations or with labels that are summed, narrowed to a block, into the
    entries of that.
    """
    shape = [parts[label][1] - parts[label][0] for label in part.output]
    whole = crossing(part.output, ranges, parts)
    entries[whole] += value(product_of(part, shape), entries.dtype)


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
    if any(label not in parts for _, labels in cuts for label in labels):
        add_related(entries, Term(tuple(cuts), output), ranges, parts)
        return
    distinct = list(dict.fromkeys(output))
    diagonal = entries
    if distinct:
        # ``aba->ab`` of np.einsum is a view, which is written into.
        place = {label: k for k, label in enumerate(distinct)}
        crossed = entries[crossing(output, ranges, parts)]
        diagonal = np.einsum(crossed, [place[label] for label in output], [*place.values()])
    value: Any = 1
    for cut, labels in cuts:
        order = [labels.index(label) for label in distinct if label in labels]
        new_axes = tuple([slice(None) if label in labels else None for label in distinct])
        value = value * cut.transpose(order)[new_axes]
    diagonal += value


def crossing(output: Labels, ranges: Ranges, parts: Mapping[Label, Range]) -> tuple[slice, ...]:
    """The index, within a block, of the part that a term crosses."""
    index = []
    for label, (start, _) in zip(output, ranges, strict=True):
        low, high = parts[label]
        index.append(slice(low - start, high - start))
    return tuple(index)


def narrowed(term: Term[Array], parts: Mapping[Label, Range]) -> tuple[Term[Array], Inside] | None:
    """A term with relations on the ranges `parts` of the axes of the tensor, or on less, and the
    ranges that it has; its labels are counted from where these begin. None where it is zero for
    sure.

    The relations narrow the other labels: of ``w[k]`` with ``a = i + k`` the rows 5 and 6 and the
    columns below 7 need w up to k = 1.
    """
    box: dict[Label, Range] = {label: (0, size) for label, size in term.given}
    for array, labels in term.factors:
        box.update({label: (0, n) for label, n in zip(labels, array.shape, strict=True)})
    box.update(parts)
    lengths = {label: stop for label, (_, stop) in box.items()}
    if not _narrow(term, box):
        return None
    factors = []
    for array, labels in term.factors:
        factors.append((array[slices(tuple([box[label] for label in labels]))], labels))
    relations = [_from_starts(one, box) for one in term.relations]
    hots = []
    given = {label: stop - start for label, (start, stop) in box.items()}
    fresh = max(box, default=0)
    for array, labels in term.hots:
        *places, found = labels
        array = array[slices(tuple([box[label] for label in places]))]
        start, stop = box[found]
        if (start, stop) != (0, lengths[found]) or array.max() >= stop:  # r[e] = start + y
            fresh += 1
            given[fresh] = 1 + int(array.max())
            relations.append(relation(-start, {fresh: 1, found: -1}))
            found = fresh
        hots.append((array, (*places, found)))
    on_axes = set(term.output).union(*(labels for _, labels in term.factors))
    rest = tuple([(label, size) for label, size in given.items() if label not in on_axes])
    return Term(tuple(factors), term.output, tuple(relations), tuple(hots), rest), box


def _narrow(term: Term[Array], box: dict[Label, Range]) -> bool:
    """Narrow ranges by what must hold; False where no point is left."""
    for array, (*places, found) in term.hots:
        read = array[slices(tuple([box[label] for label in places]))]
        if not read.size:
            return False
        _shorten(box, found, int(read.min()), int(read.max()))
    for _ in range(ROUNDS):
        before = dict(box)
        for one in term.relations:
            _, terms = numbers_of(one)
            for label, times in terms:
                low, high = _sum_of_others(one, label, box)
                # times · label lies between -high and -low
                ends = (-high, -low) if times > 0 else (low, high)
                _shorten(box, label, -(-ends[0] // abs(times)), ends[1] // abs(times))
                if box[label][0] >= box[label][1]:
                    return False
        if box == before:
            break
    return all(start < stop for start, stop in box.values())


def _shorten(box: dict[Label, Range], label: Label, low: int, high: int) -> None:
    """A label lies between `low` and `high`, both included."""
    start, stop = box[label]
    box[label] = max(start, low), min(stop, high + 1)


def _sum_of_others(one: Relation, label: Label, box: Mapping[Label, Range]) -> Range:
    """The least and the largest value of a relation without one of its labels."""
    constant, terms = numbers_of(one)
    low = high = constant
    for other, times in terms:
        if other != label:
            start, stop = box[other]
            ends = sorted((times * start, times * (stop - 1)))
            low, high = low + ends[0], high + ends[1]
    return low, high


def _from_starts(one: Relation, box: Mapping[Label, Range]) -> Relation:
    """A relation between labels that are counted from where their ranges begin."""
    constant, terms = numbers_of(one)
    starts = [times * box[label][0] for label, times in terms]
    return one._replace(constant=constant + sum(starts))


def arrays_of(terms: Sequence[Term[Array]]) -> dict[int, Any]:
    """The factors and index arrays of some terms, each once, by their identities."""
    arrays: dict[int, Any] = {}
    for term in terms:
        arrays.update((id(array), array) for array, _ in (*term.factors, *term.hots))
    return arrays


def with_arrays(terms: Sequence[Term[Array]], arrays: Mapping[int, Any]) -> list[Term[Array]]:
    """The terms with other arrays, given by the identities of those that they have."""
    changed = []
    for term in terms:
        factors = tuple([(arrays[id(array)], labels) for array, labels in term.factors])
        hots = tuple([(arrays[id(array)], labels) for array, labels in term.hots])
        changed.append(term._replace(factors=factors, hots=hots))
    return changed
