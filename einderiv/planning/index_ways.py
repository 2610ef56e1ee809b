"""The ways to enumerate the points of a system of relations, and what each of them takes.

``x[p] w[k] → i`` with ``p = i + k`` is a window of x, ``x[i+k]``, times w. Its gradient by w reads
the same window; that by x, ``u[i] w[k] → p``, is a window of u, ``u[p-k] w[k]``, or the product
``u[i] w[k]`` written to p. So each relation is solved for one of its labels, and which one is the
choice of the planner.

====================  ==============================================================================
`Position`            an index expression: where an axis is read or written
`Guard`               what must hold of a point beside
`Way`                 positions for all axes of a system, by the labels that are enumerated
`Ways`                all ways of a system that are tried, and their estimated time
====================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

from ..expression import (
    Hot,
    Label,
    Labels,
    Linear,
    Relation,
    Size,
    Solved,
    determined,
    fresh_labels,
    labels_in,
    relation,
    solvings,
)
from .cost import costs
from .ops import Index, Ops
from .paths import order_seconds, search
from .program import Program
from .tuning_constants import tuning

Pair = tuple[int, Labels]  # a value and its labels
MANY = 2**40  # values of an index array, whatever it holds


class Array(NamedTuple):
    """An index array that is read: its value, the labels of its places, and a coefficient."""

    value: int
    places: Labels
    times: int


class Position(NamedTuple):
    """Where an axis is read: ``constant + Σ coefficient · label + Σ times · array[places]``."""

    constant: int
    terms: tuple[tuple[Label, int], ...]
    arrays: tuple[Array, ...] = ()

    @property
    def labels(self) -> Labels:
        """All labels that decide it, each once."""
        found = dict.fromkeys([label for label, _ in self.terms])
        for array in self.arrays:
            found |= dict.fromkeys(array.places)
        return tuple(found)

    @property
    def bare(self) -> bool:
        """Is it one label?"""
        return not self.constant and not self.arrays and _ones(self.terms)

    @property
    def alone(self) -> bool:
        """Is it an index array, and nothing else? Then it must be a place of the axis."""
        plain = not self.constant and not self.terms and len(self.arrays) == 1
        return plain and self.arrays[0].times == 1


def _ones(terms: tuple[tuple[Label, int], ...]) -> bool:
    return len(terms) == 1 and terms[0][1] == 1


class Guard(NamedTuple):
    """``0 ≤ position < size`` must hold."""

    position: Position
    size: Size


class Way(NamedTuple):
    """One way to enumerate the points: where each axis is, and what must hold beside."""

    parts: tuple[tuple[int, tuple[Position, ...]], ...]  # of each operand its value, and its axes
    output: tuple[Position, ...]
    guards: tuple[Guard, ...]
    free: Labels  # the labels whose points are enumerated


class System(NamedTuple):
    """An einsum whose sizes are numbers: its tensors, its index arrays and its relations."""

    tensors: list[Pair]
    hots: list[Hot]
    relations: tuple[Relation, ...]
    output: Labels

    @property
    def inside(self) -> set[Label]:
        """The labels that a tensor, an index array or a relation has."""
        found = set(chain.from_iterable(labels for _, labels in self.tensors))
        return found.union(labels_in(self.relations), *(labels_of(hot) for hot in self.hots))

    def part(self, numbers: Sequence[int]) -> System:
        """Some of its tensors, relations and index arrays, numbered in this order."""
        first, second = len(self.tensors), len(self.tensors) + len(self.relations)
        tensors = [self.tensors[k] for k in numbers if k < first]
        relations = tuple([self.relations[k - first] for k in numbers if first <= k < second])
        hots = [self.hots[k - second] for k in numbers if k >= second]
        part = System(tensors, hots, relations, ())
        inside = part.inside
        return part._replace(output=tuple([label for label in self.output if label in inside]))


class Ways:
    """The ways to enumerate the points of systems between the same labels."""

    def __init__(
        self, program: Program, size_of: dict[Label, Size], lengths: dict[Label, int]
    ) -> None:
        self.program, self.size_of, self.lengths = program, size_of, lengths
        self._planned: dict[int, tuple[int, ...]] = {}  # shapes of values that are made later

    def best(
        self, system: System, kept: Labels, gone: Iterable[Label] = ()
    ) -> tuple[Way, float] | None:
        """The way that takes least time to find a product at the labels `kept`, and that time; also
        summed over labels that are `gone` from all relations. None where no point satisfies these.
        """
        tensors, hots, relations, _ = system
        related = labels_in(relations).union(gone)
        read = set(kept).union(*(labels for _, labels in tensors))
        values = {hot.value for hot in hots}
        is_long = len(tensors) > tuning.exact_operands
        most = tuning.few_solvings if is_long else tuning.index_solvings
        best: tuple[Way, float] | None = None
        for found in solvings(relations, self.lengths, read, most, keep=values):
            way = self._way(system, kept, related, found)
            seconds = self.seconds(way, kept)
            if best is None or seconds < best[1]:
                best = way, seconds
        return best

    def planned(self, labels: Labels) -> int:
        """The number of a value with these labels that is made later: below 0."""
        number = -1 - len(self._planned)
        self._planned[number] = tuple([self.lengths[label] for label in labels])
        return number

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value, or of one that is made later."""
        return self._planned[value] if value < 0 else self.program.shape(value)

    def _way(self, system: System, kept: Labels, related: set[Label], found: Solved) -> Way:
        tensors, hots, *_ = system
        by, rest, guards = found
        places = _Places(self, by)
        beside: list[Guard] = []
        for hot in _inner_first(hots, by):
            beside += places.add(hot)
        beside += places.equations()
        parts = []
        for value, labels in tensors:
            parts.append((value, tuple([places.of_label(label) for label in labels])))
        output = tuple([places.of_label(label) for label in kept])
        domains = {(by[label], self.lengths[label]): self.size_of[label] for label in by}
        for linear, length in guards:
            # as the domain that is asked for, so that a source holds for all sizes
            size = domains.get((linear, self.program.measure(length)), length)
            beside.append(Guard(places.of(linear), size))
        for one in rest:
            beside.append(Guard(places.of(Linear(one.constant, one.terms)), 1))
        everything = related.union(kept, by, *(own for _, own in tensors))
        for linear in by.values():
            everything.update(label for label, _ in linear.terms)
        for hot in hots:
            everything |= labels_of(hot)
        free = tuple(sorted(everything - set(by) - set(places.arrays)))
        return self._trimmed(Way(tuple(parts), output, tuple(beside), free))

    def _trimmed(self, way: Way) -> Way:
        """Labels that are summed run no further than the axes that they alone read: so these are
        sliced, and no zeros around them are multiplied with what another factor has there.
        """
        fixed = set(labels_on(way.output)).union(*(g.position.labels for g in way.guards))
        for _, axes in way.parts:
            for axis in axes:
                fixed.update(chain.from_iterable(array.places for array in axis.arrays))
        for label in way.free:
            if label in fixed:
                continue
            start, stop = self._inside(way, label)
            if (start, stop) != (0, self.lengths[label]):
                way = self._shortened(way, label, start, stop)
        return way

    def _inside(self, way: Way, label: Label) -> tuple[int, int]:
        """The range of a label in which the axes are read that it alone decides."""
        start, stop = 0, self.lengths[label]
        for value, axes in way.parts:
            for axis, length in zip(axes, self.shape(value), strict=True):
                if axis.arrays or [x for x, _ in axis.terms] != [label]:
                    continue
                ((_, times),) = axis.terms
                # 0 ≤ c + t x < n
                ends = (-axis.constant, length - 1 - axis.constant)
                low, high = ends if times > 0 else ends[::-1]
                start = max(start, -(-low // times))
                stop = min(stop, high // times + 1)
        return start, max(stop, start)

    def _shortened(self, way: Way, label: Label, start: int, stop: int) -> Way:
        """The same sum, with ``start + y`` for a label, 0 ≤ y < stop - start."""
        (new,) = fresh_labels(1)
        self.size_of[new] = self.lengths[new] = stop - start
        parts = []
        for value, axes in way.parts:
            parts.append((value, tuple([_moved_on(axis, label, new, start) for axis in axes])))
        free = tuple([new if x == label else x for x in way.free])
        return way._replace(parts=tuple(parts), free=free)

    # ---- what a way takes
    def seconds(self, way: Way, kept: Labels) -> float:
        """The estimated time: of what is read by arrays, the product, and what is written."""
        taken = 0.0
        terms: list[Labels] = []
        for value, axes in way.parts:
            labels = labels_on(axes)
            running = self.running(way, value, axes)
            if running is not None:
                labels = tuple([x for x in labels if x != running[1]])
                taken += self._moved(labels, 2)
            elif any(axis.arrays for axis in axes):
                taken += self._moved(labels, 3)
            terms.append(labels)
            taken += self._window_seconds(value, axes, labels)
        terms = [term for term in terms if term]
        alone: list[Labels] = []  # of guards that no operand has
        for guard in way.guards:
            selecting = guard.position.labels
            able = [term for term in terms if set(selecting) <= set(term)]
            if able:
                taken += min([self._moved(term, 3) for term in able])
            else:
                terms.append(selecting)
                alone.append(selecting)
        for selecting in alone:
            # what meets it is repeated along the labels that it lacks, and masked
            near = [term for term in terms if not set(selecting).isdisjoint(term)]
            met = [tuple({*selecting, *term}) for term in near if term is not selecting]
            taken += min([self._moved(box, 5) for box in met], default=self._moved(selecting, 2))
        taken += self._product_seconds(terms, labels_on(way.output))
        merged, _ = self.merged(way.output, kept)
        if not all(axis.bare for axis in merged):
            labels = labels_on(way.output)
            # Sums at places read what is there and write it again.
            taken += self._moved(labels, 2 if self.meet_never(way.output, labels) else 4)
            taken += self._moved(kept, 1) + costs.step
        return taken

    def _window_seconds(self, value: int, axes: tuple[Position, ...], labels: Labels) -> float:
        """The estimated time of a view that a product copies, and of zeros around it, which may
        also meet what the sum as it is written does not multiply.
        """
        taken = 0.0
        pairs = zip(axes, self.shape(value), strict=True)
        windows = [axis for axis, n in pairs if len(axis.terms) > 1 and not self.digits(axis, n)]
        if windows:
            # block by block, in the cache; one of several axes is not copied
            shortest = min([min([self.lengths[x] for x, _ in axis.terms]) for axis in windows])
            share = max(shortest, 1) if len(windows) > 1 else 1
            taken += self._moved(labels, 2) * costs.cached / costs.byte / share
        padded = self._padded(value, axes)
        if padded:
            taken += 8.0 * costs.byte * 2 * prod(self.shape(value))
            taken += tuning.padded_steps * costs.step * padded
        return taken

    def _padded(self, value: int, axes: tuple[Position, ...]) -> int:
        """How many axes are read beyond their ends."""
        count = 0
        for axis, length in zip(axes, self.shape(value), strict=True):
            low, high = self.span(axis)
            count += not axis.arrays and (low < 0 or high >= length)
        return count

    def _moved(self, labels: Labels, times: int) -> float:
        return 8.0 * costs.byte * times * prod([float(self.lengths[x]) for x in labels])

    def _product_seconds(self, terms: Sequence[Labels], output: Labels) -> float:
        """The estimated time of a product of operands with these labels."""
        lengths = {x: self.lengths[x] for term in terms for x in term}
        own = tuple([x for x in output if x in lengths])
        if len(terms) == 1 and set(terms[0]) != set(own):
            return self._moved(terms[0], 1)
        pairs = search(terms, own, lengths) if len(terms) > 1 else []
        return order_seconds(terms, own, lengths, pairs)

    # ---- what positions are
    def digits(self, axis: Position, length: int) -> Labels | None:
        """The labels that an axis has as its digits, the last of which runs fastest; None where
        they do not go through all of it once.
        """
        if axis.constant or axis.arrays or len(axis.terms) < 2:
            return None
        # a label with one value may stand anywhere
        terms = sorted(axis.terms, key=lambda term: (term[1], self.lengths[term[0]]))
        weight = 1
        for label, times in terms:
            if times != weight and self.lengths[label] != 1:
                return None
            weight *= self.lengths[label]
        return tuple([label for label, _ in reversed(terms)]) if weight == length else None

    def running(self, way: Way, value: int, axes: tuple[Position, ...]) -> tuple[int, Label] | None:
        """The axis and the label of a sum that runs from one end of the axis: of ``Σ_q x[i - q]``
        over all q below the size of x.
        """
        for p, axis in enumerate(axes):
            if axis.arrays or len(axis.terms) < 2:
                continue
            length = self.shape(value)[p]
            for label, times in axis.terms:
                if abs(times) != 1 or not self._only_here(way, axes, p, label):
                    continue
                low, high = self.span(without(axis, label))
                reach = self.lengths[label] - 1
                # x[f - q] for q = 0 … reach: all of x up to f, and no f beyond the end
                upwards = times < 0 and high < length and high <= reach
                # x[f + q]: all of x from f on, and no f before the start
                downwards = times > 0 and low >= 0 and low + reach >= length - 1
                if upwards or downwards:
                    return p, label
        return None

    def bare(self, axes: Sequence[Position], lengths: Sequence[int]) -> Labels | None:
        """The labels of axes that are read as they are, from end to end; None for others."""
        labels: list[Label] = []
        for axis, length in zip(axes, lengths, strict=True):
            if not axis.bare or self.lengths[axis.terms[0][0]] != length:
                return None
            labels.append(axis.terms[0][0])
        return tuple(labels)

    def _only_here(self, way: Way, axes: tuple[Position, ...], p: int, label: Label) -> bool:
        """Is a label summed, and on axis `p` of these alone?"""
        others = [own for _, own in way.parts if own is not axes]
        others += [axes[:p] + axes[p + 1 :], way.output]
        others.append(tuple([guard.position for guard in way.guards]))
        return all(label not in labels_on(own) for own in others)

    def span(self, position: Position) -> tuple[int, int]:
        """The lowest and the highest place."""
        low = high = position.constant
        for label, times in position.terms:
            reach = times * (self.lengths[label] - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
        return low, high

    def merged(
        self, output: tuple[Position, ...], kept: Labels
    ) -> tuple[tuple[Position, ...], Labels]:
        """Places in a result whose merged axes are parted, and the labels of its axes."""
        made: list[Position] = []
        inner: list[Label] = []
        for axis, label in zip(output, kept, strict=True):
            digits = self.digits(axis, self.lengths[label])
            if digits is None:
                made.append(axis)
                inner.append(label)
            else:
                made += [Position(0, ((own, 1),)) for own in digits]
                inner += digits
        return tuple(made), tuple(inner)

    def meet_never(self, output: Sequence[Position], labels: Labels) -> bool:
        """Does each point have a place of its own?"""
        places = fresh_labels(len(output))
        lengths = {label: self.lengths[label] for label in labels}
        relations: list[Relation] = []
        for place, axis in zip(places, output, strict=True):
            terms = {label: -times for label, times in axis.terms}
            for array in axis.arrays:
                # what the array holds may be anything
                (unknown,) = fresh_labels(1)
                terms[unknown] = -array.times
                lengths[unknown] = MANY
            low, high = self.span(axis)
            lengths[place] = max(high - min(low, 0), 0) + 1
            if axis.arrays:
                lengths[place] = 2 * MANY
            relations.append(relation(-axis.constant, {place: 1, **terms}))
        return determined(tuple(relations), lengths, (), set(places), set(labels))

    def sizes(self, labels: Iterable[Label]) -> tuple[Size, ...]:
        return tuple([self.size_of[label] for label in labels])


class _Places:
    """What labels are in one way: index expressions of the labels that are enumerated."""

    def __init__(self, ways: Ways, by: Mapping[Label, Linear]) -> None:
        self.ways, self.by = ways, by
        self.arrays: dict[Label, Array] = {}  # labels of values, and where they are read
        self.beside: list[tuple[Label, Array]] = []  # other labels that are what an array holds
        self.fixed: set[Label] = set()  # places of arrays, which stand for themselves from now on

    def add(self, hot: Hot) -> list[Guard]:
        """Take the value of an index array to be what is read; what must hold for that."""
        program = self.ways.program
        array: int = hot.array  # type: ignore[assignment]
        axes = tuple([self.of_label(label) for label in hot.places])
        guards: list[Guard] = []
        lengths = program.shape(array)
        own = self.ways.bare(axes, lengths)
        if own is not None and len(set(own)) == len(own):
            labels = own
        else:
            labels = labels_on(axes)
            for axis, length in zip(axes, lengths, strict=True):
                if not axis.bare and not axis.alone:
                    guards.append(Guard(axis, length))
            arrays, spec = indices_of(axes, labels)
            sizes = self.ways.sizes(labels)
            array = program.add(Ops.READ, (array, *arrays), spec, sizes)
        read = Array(array, labels, 1)
        self.fixed.update(labels)
        free = hot.value not in self.by and hot.value not in self.arrays
        if free and hot.value not in self.fixed:
            self.arrays[hot.value] = read
            return guards
        self.beside.append((hot.value, read))
        return guards

    def equations(self) -> Iterator[Guard]:
        """``r[e] = v``, where v is known otherwise: 0 ≤ r[e] - v < 1. Once all arrays are known,
        for v may be what another one holds.
        """
        for value, read in self.beside:
            other = self.of_label(value)
            terms = tuple([(label, -times) for label, times in other.terms])
            more = tuple([a._replace(times=-a.times) for a in other.arrays])
            yield Guard(Position(-other.constant, terms, (read, *more)), 1)

    def of_label(self, label: Label) -> Position:
        """Where an axis with a label is read."""
        return self.of(self.by.get(label, Linear(0, ((label, 1),))))

    def of(self, linear: Linear) -> Position:
        """An index expression with the values of index arrays in the place of their labels."""
        terms: dict[Label, int] = {}
        arrays: dict[Array, int] = {}
        for label, times in linear.terms:
            assert isinstance(times, int)
            read = self.arrays.get(label)
            if read is None:
                terms[label] = times
            else:
                arrays[read] = arrays.get(read, 0) + times
        assert isinstance(linear.constant, int)
        own = tuple([array._replace(times=times) for array, times in arrays.items() if times])
        return Position(linear.constant, tuple(terms.items()), own)


def labels_on(axes: Iterable[Position]) -> Labels:
    return tuple(dict.fromkeys(chain.from_iterable(axis.labels for axis in axes)))


def labels_of(hot: Hot) -> set[Label]:
    return {*hot.places, hot.value}


def without(axis: Position, label: Label) -> Position:
    return axis._replace(terms=tuple([term for term in axis.terms if term[0] != label]))


def _moved_on(axis: Position, label: Label, new: Label, start: int) -> Position:
    """An axis with ``start + new`` in the place of a label."""
    times = dict(axis.terms).get(label)
    if times is None:
        return axis
    terms = tuple([(new if x == label else x, k) for x, k in axis.terms])
    return axis._replace(constant=axis.constant + times * start, terms=terms)


def indices_of(axes: Sequence[Position], labels: Labels) -> tuple[list[int], tuple[Index, ...]]:
    """The index arrays of axes, and the axes by numbers of labels and of these arrays."""
    arrays: list[int] = []
    spec = tuple([index_of(axis, labels, arrays) for axis in axes])
    return arrays, spec


def index_of(axis: Position, labels: Labels, arrays: list[int]) -> Index:
    """An axis by the numbers of its labels; its index arrays are put behind the others."""
    terms = tuple([(labels.index(label), times) for label, times in axis.terms])
    reads: list[tuple[int, tuple[int, ...], Size]] = []
    for array in axis.arrays:
        if array.value not in arrays:
            arrays.append(array.value)
        places = tuple(map(labels.index, array.places))
        reads.append((arrays.index(array.value) + 1, places, array.times))
    return Index(axis.constant, terms, tuple(reads))


def _inner_first(hots: Sequence[Hot], by: Mapping[Label, Linear]) -> list[Hot]:
    """Index arrays whose values are places of others come before these, as far as that can be."""
    left = list(hots)
    ordered: list[Hot] = []
    while left:
        values = {hot.value for hot in left}
        ready = [hot for hot in left if values.isdisjoint(_places_of(hot, by) - {hot.value})]
        ordered.append((ready or left)[0])
        left.remove(ordered[-1])
    return ordered


def _places_of(hot: Hot, by: Mapping[Label, Linear]) -> set[Label]:
    """The labels that decide where an index array is read."""
    labels: set[Label] = set()
    for place in hot.places:
        linear = by.get(place)
        labels.update([place] if linear is None else [label for label, _ in linear.terms])
    return labels
