"""Square matrices by their diagonals: which of them the terms of a tensor fill, and with what.

The rows of a square tensor are numbered in C order, and its columns. A term whose labels are
related by whole numbers fills diagonals: of ``w[k] w[l]`` at ``i + k, i + l`` each pair k, l has
one, ``l - k`` right of the main one, along which i moves. Labels that the distance from the main
diagonal has are looped over; all others are strides, in the matrix and in the arrays of the term.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..backends import Array
from ..expression import Label, Labels, Relation, numbers_of, solvings
from ..planning import Term
from .terms import lengths

MOST = 2000  # diagonals of one term

Form = tuple[int, dict[Label, int]]  # an index expression: its constant, and its coefficients


# a number, or start, stop and step of a slice
Place = int | tuple[int, int | None, int]


class Read(NamedTuple):
    """What of an array is read, and which of the labels that move its axes are."""

    places: tuple[Place, ...]  # one for each axis
    axes: tuple[int, ...]

    def of(self, array: Array) -> Array:
        """What is read."""
        index = [place if isinstance(place, int) else slice(*place) for place in self.places]
        return np.asarray(array[tuple(index)])


class Step(NamedTuple):
    """A part of one diagonal: its entries lie at strides from `start`, one axis for each label
    that moves.
    """

    offset: int  # column - row
    start: int  # the row of the first entry
    strides: tuple[int, ...]
    counts: tuple[int, ...]
    reads: tuple[Read, ...]  # one for each factor


def steps_of(term: Term[Array], shape: Sequence[int]) -> tuple[Step, ...] | None:
    """The diagonals of a term of a square tensor with rows of `shape`; None where it has none, or
    too many.
    """
    if term.hots:
        return None
    labels = tuple([labels for _, labels in term.factors])
    sizes = tuple(lengths(term, (*shape, *shape)).items())
    return _steps(labels, term.output, term.relations, sizes, tuple(shape))


@lru_cache(maxsize=256)
def _steps(
    inputs: tuple[Labels, ...],
    output: Labels,
    relations: tuple[Relation, ...],
    sizes: tuple[tuple[Label, int], ...],
    shape: tuple[int, ...],
) -> tuple[Step, ...] | None:
    return _Solved(inputs, output, relations, dict(sizes), shape).steps()


class _Solved:
    """The labels of one term in terms of those that are free."""

    def __init__(
        self,
        inputs: Sequence[Labels],
        output: Labels,
        relations: Sequence[Relation],
        sizes: Mapping[Label, int],
        shape: Sequence[int],
    ) -> None:
        self.inputs = inputs
        self.sizes = sizes
        in_factors = set(chain.from_iterable(inputs))
        read = in_factors.union(output)
        self.found = next(iter(solvings(relations, sizes, read, 1, keep=in_factors)), None)
        if self.found is None:
            return
        self.by = {label: _form(*numbers_of(one)) for label, one in self.found.by.items()}
        k = len(shape)
        strides = [prod(shape[p + 1 :]) for p in range(k)]
        rows = [self._at(label) for label in output[:k]]
        columns = [self._at(label) for label in output[k:]]
        self.row = _weighted(rows, strides)
        self.offset = _weighted([*columns, self.row], [*strides, -1])
        # these are at least 0, and less than the size
        self.bounded = [(_form(*numbers_of(one)), int(n)) for one, n in self.found.guards]  # type: ignore[arg-type]
        self.bounded += [(self.by[label], sizes[label]) for label in self.by if label in read]
        labels = read.union(*[dict(one.terms) for one in relations])
        free = sorted(labels - set(self.by))
        self.looped = [label for label in free if self.offset[1].get(label)]
        self.moving = [label for label in free if not self.offset[1].get(label)]

    def _at(self, label: Label) -> Form:
        return self.by.get(label, (0, {label: 1}))

    def steps(self) -> tuple[Step, ...] | None:
        if self.found is None:
            return ()
        ranges = [range(self.sizes[label]) for label in self.looped]
        if self.found.rest or prod(map(len, ranges)) > MOST or not self._is_apart():
            return None
        steps: list[Step] = []
        for values in product(*ranges):
            at = dict(zip(self.looped, values, strict=True))
            box = self._box(at)
            if box is None:
                return None
            if all(count > 0 for _, count in box.values()):
                step = self._step(at, box)
                if step is None:
                    return None
                steps.append(step)
        return tuple(steps)

    def _is_apart(self) -> bool:
        """Have two points of one diagonal two places? A label without a stride is summed over."""
        strides = [(abs(self.row[1].get(x, 0)), self.sizes[x]) for x in self.moving]
        reach = 0
        for stride, size in sorted(strides):
            if stride <= reach and size > 1:
                return False
            reach += stride * (size - 1)
        return True

    def _box(self, at: Mapping[Label, int]) -> dict[Label, tuple[int, int]] | None:
        """For each label that moves where it starts and how many values it has; None where they
        depend on each other.
        """
        low = dict.fromkeys(self.moving, 0)
        high = {label: self.sizes[label] - 1 for label in self.moving}
        several: list[tuple[Form, int]] = []
        for form, size in self.bounded:
            constant, terms = _put(form, at)
            if len(terms) > 1:
                several.append(((constant, terms), size))
            elif not terms and not 0 <= constant < size:
                return dict.fromkeys(self.moving or [-1], (0, 0))
            for label, k in terms.items():
                if len(terms) == 1:
                    # 0 <= constant + k · label < size
                    ends = sorted([-constant * k, (size - 1 - constant) * k])
                    low[label] = max(low[label], -(-ends[0] // (k * k)))
                    high[label] = min(high[label], ends[1] // (k * k))
        for (constant, terms), size in several:
            least = most = constant
            for label, k in terms.items():
                reached = sorted([k * low[label], k * high[label]])
                least, most = least + reached[0], most + reached[1]
            if least < 0 or most >= size:
                return None
        return {label: (low[label], high[label] - low[label] + 1) for label in self.moving}

    def _step(self, at: Mapping[Label, int], box: Mapping[Label, tuple[int, int]]) -> Step | None:
        constant, terms = _put(self.row, at)
        start = constant + sum(terms.get(x, 0) * low for x, (low, _) in box.items())
        offset, _ = _put(self.offset, at)
        reads: list[Read] = []
        for labels in self.inputs:
            read = self._read(labels, at, box)
            if read is None:
                return None
            reads.append(read)
        strides = tuple([terms.get(label, 0) for label in self.moving])
        counts = tuple([box[label][1] for label in self.moving])
        return Step(offset, start, strides, counts, tuple(reads))

    def _read(
        self, labels: Labels, at: Mapping[Label, int], box: Mapping[Label, tuple[int, int]]
    ) -> Read | None:
        """How an array is read; None where no slices do."""
        places: list[Place] = []
        axes: list[int] = []
        for label in labels:
            constant, terms = _put(self._at(label), at)
            if not terms:
                places.append(constant)
                continue
            ((moving, k), *more) = terms.items()
            axis = self.moving.index(moving)
            if more or axis in axes:
                return None
            low, count = box[moving]
            first = constant + k * low
            stop = first + k * count
            places.append((first, stop if stop >= 0 else None, k))
            axes.append(axis)
        return Read(tuple(places), tuple(axes))


def _form(constant: int, terms: Sequence[tuple[Label, int]]) -> Form:
    return constant, dict(terms)


def _weighted(forms: Sequence[Form], weights: Sequence[int]) -> Form:
    """``Σ weight · form``."""
    constant = 0
    terms: dict[Label, int] = {}
    for (own, own_terms), weight in zip(forms, weights, strict=True):
        constant += weight * own
        for label, k in own_terms.items():
            terms[label] = terms.get(label, 0) + weight * k
    return constant, {label: k for label, k in terms.items() if k}


def _put(form: Form, at: Mapping[Label, int]) -> Form:
    """An index expression with some labels known."""
    constant, terms = form
    constant += sum(k * at[label] for label, k in terms.items() if label in at)
    return constant, {label: k for label, k in terms.items() if label not in at}


# ---- what is done with them
Steps = Sequence[tuple[Term[Array], tuple[Step, ...]]]  # terms with their diagonals


def width(steps: Steps) -> tuple[int, int]:
    """How many diagonals below and above the main one there are."""
    offsets = [0, *[step.offset for _, own in steps for step in own]]
    return -min(offsets), max(offsets)


def filled(steps: Steps) -> int:
    """How many entries the diagonals have."""
    return sum(prod(step.counts) for _, own in steps for step in own)


def mirrored(steps: Steps) -> bool:
    """Is each part of a diagonal also held mirrored at the main one, with the same arrays? Then the
    matrix is symmetric.
    """
    there: Counter[tuple[Any, ...]] = Counter()
    mirror: Counter[tuple[Any, ...]] = Counter()
    for term, own in steps:
        arrays = tuple([id(array) for array, _ in term.factors])
        for step in own:
            there[arrays, step] += 1
            mirror[arrays, step._replace(offset=-step.offset, start=step.start + step.offset)] += 1
    return there == mirror


def bands(steps: Steps, n: int, dtype: Any, *, half: bool = False) -> Array:
    """The diagonals of an n by n matrix A as LAPACK has them: ``bands[u + i - j, j] = A[i, j]``
    with u diagonals above the main one; only those from the main one down, if only `half` is asked
    for.
    """
    lower, upper = width(steps)
    main = 0 if half else upper
    result = np.zeros((lower + main + 1, n), dtype)
    for term, own in steps:
        for step in own:
            if step.offset > main:
                continue
            line = result[main - step.offset, step.start + step.offset :]
            jumps = [stride * result.itemsize for stride in step.strides]
            place = as_strided(line, step.counts, jumps)
            values = _values(term, step, dtype)
            np.add(place, values, out=place)
    return result


# ---- rings
def _around(offset: int, order: int) -> int:
    """An offset from the main diagonal on the shorter way around a ring.

    >>> [_around(offset, 10) for offset in (1, 9, -9, -4)]
    [1, -1, 1, -4]
    """
    return (offset + order // 2) % order - order // 2


def reach(steps: Steps, order: int) -> int:
    """How far the unknowns of blocks that are rings are from those that they meet."""
    return max([0, *[abs(_around(step.offset, order)) for _, own in steps for step in own]])


def folded(steps: Steps, n: int, order: int, dtype: Any) -> tuple[Array, Array]:
    """The bands of a matrix of blocks that are rings, and the order of the unknowns in which these
    are bands: 0, m - 1, 1, m - 2, …, so that what is k apart in a ring is at most 2 k apart.
    """
    most = reach(steps, order)
    lines = np.zeros((2 * most + 1, n), dtype)  # A[i, i + offset], around the ring
    for term, own in steps:
        for step in own:
            line = lines[most + _around(step.offset, order), step.start :]
            place = as_strided(
                line, step.counts, [stride * line.itemsize for stride in step.strides]
            )
            np.add(place, _values(term, step, dtype), out=place)
    ring = np.empty(order, np.intp)
    ring[::2] = np.arange((order + 1) // 2)
    ring[1::2] = order - 1 - np.arange(order // 2)
    blocks = np.arange(0, n, order)[:, None]
    unknowns = (blocks + ring).ravel()
    places = np.argsort(ring)
    result = np.zeros((4 * most + 1, n), dtype)
    for offset in range(-most, most + 1):
        columns = np.roll(places, -offset)
        rows = 2 * most + places - columns
        result[rows, blocks + columns] = lines[most + offset].reshape(-1, order)
    return result, unknowns


def _values(term: Term[Array], step: Step, dtype: Any) -> Array:
    """The product of the factors along a part of a diagonal."""
    parts = list(_factors(term, step))
    if len(parts) == 1:
        return parts[0]
    result = np.ones((), dtype)
    for part in parts:
        result = np.asarray(result * part.astype(dtype, copy=False))
    return result


def _factors(term: Term[Array], step: Step) -> Iterator[Array]:
    for (array, _), read in zip(term.factors, step.reads, strict=True):
        part = read.of(array)
        if len(step.counts) > 1:
            part = part.transpose(np.argsort(read.axes))
            missing = [axis for axis in range(len(step.counts)) if axis not in read.axes]
            part = np.expand_dims(part, missing)
        yield part
