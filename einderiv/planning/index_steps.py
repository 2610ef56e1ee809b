"""An einsum with relations as steps: reads of its operands, a product, and writes into the result.

``x[p] w[k] → i`` with ``p = i + k`` is a window of x, ``x[i+k]``, times w. Its gradient by w reads
the same window; that by x, ``u[i] w[k] → p``, is a window of u, ``u[p-k] w[k]``, or the product
``u[i] w[k]`` written to p. So each relation is solved for one of its labels, and which one is the
choice of the planner: of all ways that are tried the one that takes least time is lowered.

What a relation selects is selected: an operand is sliced, read with zeros around it, or masked, and
never multiplied with a mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import prod
from typing import NamedTuple, Protocol

from ..expression import (
    Einsum,
    Hot,
    Label,
    Labels,
    Linear,
    Number,
    Relation,
    Size,
    Solved,
    bare,
    connected,
    determined,
    fresh_labels,
    in_numbers,
    is_hot,
    labels_in,
    numbers_of,
    parted,
    product_of_sizes,
    relation,
    settled,
    solvings,
)
from .cost import costs
from .ops import Index, Ops
from .paths import order_seconds, search
from .program import Program
from .tuning_constants import tuning

Pair = tuple[int, Labels]  # a value and its labels


class Lowering(Protocol):
    """What makes steps of products, of which those with relations are some."""

    program: Program
    values: dict[int, int]

    def represented(self, sizes: Iterable[Size]) -> tuple[Size, ...]:
        """Sizes by the one that stands for all that are equal to it."""
        ...

    def product(self, parts: list[Pair], output: Labels) -> int:
        """The value of a product of values at these labels."""
        ...

    def view(self, value: int, labels: Labels, out: Labels) -> int:
        """A value with its axes in another order."""
        ...

    def scaled(self, value: int, number: Number, sizes: tuple[Size, ...]) -> int:
        """A value times a number and sizes."""
        ...

    def is_far_larger(self, entries: int, parts: Sequence[Pair]) -> bool:
        """Does a number in front of a product belong to its smallest operand?"""
        ...

    def with_number(self, parts: Sequence[Pair], number: Number) -> list[Pair]:
        """Operands of which the smallest is multiplied with a number."""
        ...


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
        return found.union(labels_in(self.relations), *(_labels_of(hot) for hot in self.hots))

    def part(self, numbers: Sequence[int]) -> System:
        """Some of its tensors, relations and index arrays, numbered in this order."""
        first, second = len(self.tensors), len(self.tensors) + len(self.relations)
        tensors = [self.tensors[k] for k in numbers if k < first]
        relations = tuple([self.relations[k - first] for k in numbers if first <= k < second])
        hots = [self.hots[k - second] for k in numbers if k >= second]
        part = System(tensors, hots, relations, ())
        inside = part.inside
        return part._replace(output=tuple([label for label in self.output if label in inside]))


class Embedded(NamedTuple):
    """A core as its factors, and where it sits: what a `Term` is made of."""

    factors: tuple[Pair, ...]
    output: Labels
    relations: tuple[Relation, ...]
    hots: tuple[Pair, ...]
    given: tuple[tuple[Label, int], ...]


class Related:
    """The steps of one einsum with relations or index arrays."""

    def __init__(self, planner: Lowering, flat: Einsum) -> None:
        self.planner, self.program, self.flat = planner, planner.program, flat
        given = dict(flat.given)
        self.counted = planner.represented([given[label] for label in bare(flat)])
        self.size_of: dict[Label, Size] = {}
        for factor, labels in flat.slots:
            self.size_of.update(zip(labels, planner.represented(factor.axis_sizes), strict=True))
        for label, size in flat.given:
            self.size_of.setdefault(label, *planner.represented([size]))
        measure = self.program.measure
        self.lengths = {label: measure(size) for label, size in self.size_of.items()}
        # labels that relations were between, and that nothing has any more: they are counted
        self.gone: set[Label] = set()

    def term(self) -> tuple[Pair, Labels] | None:
        """The value of the einsum at the distinct labels of its output that an operand or a
        relation has, and its output by these; None where no point satisfies the relations.
        """
        found = self._numbered()
        if found is None:
            return None
        inside = found.inside
        kept = tuple([label for label in dict.fromkeys(found.output) if label in inside])
        value = self._value(found, kept, first=True)
        return None if value is None else ((value, kept), found.output)

    def apart(self) -> Embedded | None:
        """The core of the einsum as its factors, the smallest with the coefficient, and where it
        sits; None where no point satisfies the relations.
        """
        found = self._numbered()
        if found is None:
            return None
        components, embedding = self._held(found)
        least = min(range(len(components)), key=lambda k: self._entries(components[k].output))
        factors: list[Pair] = []
        for k, component in enumerate(components):
            value = self._value(component, component.output, first=k == least)
            if value is None:
                return None
            factors.append((value, component.output))
        hots: list[Pair] = []
        for hot in embedding.hots:
            hots.append((hot.array, (*hot.places, hot.value)))  # type: ignore[arg-type]
        on_axes = set(found.output).union(*(labels for _, labels in factors))
        between = sorted(embedding.inside - on_axes)
        given = tuple([(label, self.lengths[label]) for label in between])
        return Embedded(tuple(factors), found.output, embedding.relations, tuple(hots), given)

    def _held(self, found: System) -> tuple[list[System], System]:
        """The parts of the core that are held, and the embedding.

        A core that has more entries than there are points to add up is not formed: of ``w[k] w[l] →
        a, b`` with ``a = i + k``, ``b = i + l``, a band, the factors are held.
        """
        core, embedding = self._parted(found, overlapping=False)
        components = self._components(core)
        if not core.relations and not core.hots:
            return components, embedding
        held = sum(self._entries(component.output) for component in components)
        wider, more = self._parted(found, overlapping=True)
        if len(more.relations) + len(more.hots) == len(embedding.relations) + len(embedding.hots):
            return components, embedding
        if self._points(wider, more) < held:
            return self._components(wider), more
        return components, embedding

    def _parted(self, found: System, *, overlapping: bool) -> tuple[System, System]:
        """The core and its embedding, a system without tensors."""
        tensors, hots, relations, output = found
        inputs = [labels for _, labels in tensors]
        parts = parted(inputs, hots, relations, output, self.lengths, overlapping=overlapping)
        outer = [hots[k] for k in parts.outer_hots]
        inner = [hot for hot in hots if hot not in outer]
        core = System(tensors, inner, parts.inner, parts.core)
        return core, System([], outer, parts.outer, output)

    def _points(self, core: System, embedding: System) -> int:
        """About how many points of the embedding there are: what is enumerated at best."""
        everything = embedding.inside.union(core.output, embedding.output)
        values = {hot.value for hot in embedding.hots}
        boxes: list[int] = []
        most = tuning.index_solvings
        for way in solvings(embedding.relations, self.lengths, (), most, keep=values):
            boxes.append(self._entries(everything - set(way.by) - values))
        return min(boxes, default=0)

    def _components(self, core: System) -> list[System]:
        """The parts of a core that share no label, where these hold less than their product.

        Numbers go to the part that holds least.
        """
        labels = [labels for _, labels in core.tensors]
        labels += [tuple(labels_in([one])) for one in core.relations]
        labels += [tuple(_labels_of(hot)) for hot in core.hots]
        kept = core.output
        groups: list[list[int]] = []
        numbers: list[int] = []
        for group in connected(labels):
            own = set(chain.from_iterable(labels[k] for k in group))
            if own.isdisjoint(kept):
                numbers += group
            else:
                groups.append(group)
        held = [self._entries(_shared(kept, labels, g)) for g in groups]
        if len(groups) < 2 or sum(held) > prod(held):
            return [core]
        groups[held.index(min(held))] += numbers
        return [core.part(sorted(group)) for group in groups]

    def _entries(self, labels: Iterable[Label]) -> int:
        return prod([self.lengths[label] for label in labels])

    def _numbered(self) -> System | None:
        """The einsum with numbers for all sizes; None where no point satisfies the relations."""
        tensors: list[Pair] = []
        hots: list[Hot] = []
        for factor, labels in self.flat.slots:
            value = self.planner.values[id(factor)]
            if is_hot(factor):
                hots.append(Hot(value, labels[:-1], labels[-1]))
            else:
                tensors.append((value, labels))
        relations = in_numbers(self.flat.relations, self.program.measure)
        found = settled(relations, self.lengths, hots)
        if found is None:
            return None
        same = found.same
        tensors = [(value, _named(labels, same)) for value, labels in tensors]
        hots = [Hot(h.array, _named(h.places, same), same.get(h.value, h.value)) for h in hots]
        hots = list(dict.fromkeys(hots))
        output = _named(self.flat.output, same)
        named = {same.get(label, label) for label in labels_in(self.flat.relations)}
        system = System(tensors, hots, found.relations, output)
        self.gone = named.difference(system.inside, output)
        return self._with_merged_axes(system)

    def _with_merged_axes(self, system: System) -> System:
        """Operands whose axes are the digits of a place that a relation is about are reshaped, so
        that the place is an axis of theirs. In ``6 a + b = 8 c + d``, a reshape between two shapes
        of which neither has the axes of the other, it is a view of the flat array.
        """
        for one in system.relations:
            for k in range(len(system.tensors)):
                merged = self._merged_in(system, one, k)
                if merged is not None:
                    return self._with_merged_axes(merged)
        return system

    def _merged_in(self, system: System, one: Relation, k: int) -> System | None:
        """The system where the axes of an operand that a relation has are one; None unless they
        are all digits of a place, and nowhere else.
        """
        value, labels = system.tensors[k]
        others = tuple([other for other in system.relations if other is not one])
        tensors = [pair for j, pair in enumerate(system.tensors) if j != k]
        rest = System(tensors, system.hots, others, ())
        elsewhere = rest.inside.union(system.output)
        constant, terms = numbers_of(one)
        own = {x: number for x, number in terms if x in labels and x not in elsewhere}
        if len(own) < 2 or len(own) == len(terms):
            return None
        factor = min(own.values(), key=abs)
        position = Position(0, tuple([(x, number * factor) for x, number in own.items()]))
        length = prod([self.lengths[x] for x in own])
        digits = self._digits(position, length)
        if abs(factor) != 1 or digits is None:
            return None
        if any([labels.count(x) > 1 for x in digits]):
            return None
        start = min([labels.index(x) for x in digits])
        beside = [x for x in labels if x not in digits]
        turned = (*labels[:start], *digits, *beside[start:])
        if turned != labels:
            value = self.planner.view(value, labels, turned)
        left = {x: number * -factor for x, number in terms if x not in own}
        (whole,) = left if len(left) == 1 else fresh_labels(1)
        is_axis = len(left) == 1 and not constant and left.get(whole) == 1
        if not is_axis or self.lengths[whole] != length:
            # a label of its own for the place
            (whole,) = fresh_labels(1)
            self.size_of[whole] = product_of_sizes(*self._sizes(digits))
            self.lengths[whole] = length
            others += (relation(constant * -factor, {**left, whole: -1}),)
        merged = (*labels[:start], whole, *beside[start:])
        reshaped = self.program.add(Ops.RESHAPE, (value,), (), self._sizes(merged))
        tensors.insert(k, (reshaped, merged))
        return system._replace(tensors=tensors, relations=others)

    def _value(self, system: System, kept: Labels, *, first: bool) -> int | None:
        """What a product comes to at the labels `kept`; the `first` takes the coefficient. None
        where no point satisfies the relations.
        """
        related = labels_in(system.relations)
        if first:
            related |= self.gone
        ways = list(self._ways(system, kept, related))
        if not ways:
            return None
        way = min(ways, key=lambda way: self._seconds(way, kept))
        return self._lowered(way, kept, first=first)

    # ---- ways to enumerate the points
    def _ways(self, system: System, kept: Labels, related: set[Label]) -> Iterable[Way]:
        """The ways that the relations can be solved in, a bounded number of them."""
        tensors, hots, relations, _ = system
        read = set(kept).union(*(labels for _, labels in tensors))
        values = {hot.value for hot in hots}
        for found in solvings(relations, self.lengths, read, tuning.index_solvings, keep=values):
            yield self._way(system, kept, related, found)

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
            everything |= _labels_of(hot)
        free = tuple(sorted(everything - set(by) - set(places.arrays)))
        return self._trimmed(Way(tuple(parts), output, tuple(beside), free))

    def _trimmed(self, way: Way) -> Way:
        """Labels that are summed run no further than the axes that they alone read: so these are
        sliced, and no zeros around them are multiplied with what another factor has there.
        """
        fixed = set(_labels(way.output)).union(*(g.position.labels for g in way.guards))
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
            for axis, length in zip(axes, self.program.shape(value), strict=True):
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
    def _seconds(self, way: Way, kept: Labels) -> float:
        """The estimated time: of what is read by arrays, the product, and what is written."""
        taken = 0.0
        terms: list[Labels] = []
        for value, axes in way.parts:
            labels = _labels(axes)
            running = self._running(way, value, axes)
            if running is not None:
                labels = tuple([x for x in labels if x != running[1]])
                taken += self._moved(labels, 2)
            elif any(axis.arrays for axis in axes):
                taken += self._moved(labels, 3)
            terms.append(labels)
            taken += self._window_seconds(value, axes, labels)
        terms = [term for term in terms if term]
        for guard in way.guards:
            selecting = guard.position.labels
            able = [term for term in terms if set(selecting) <= set(term)]
            if able:
                taken += min([self._moved(term, 3) for term in able])
            else:
                terms.append(selecting)
                taken += self._moved(selecting, 2)
        taken += self._product_seconds(terms, _labels(way.output))
        merged, _ = self._merged(way.output, kept)
        if not all(axis.bare for axis in merged):
            labels = _labels(way.output)
            # Sums at places read what is there and write it again.
            taken += self._moved(labels, 2 if self._meet_never(way.output, labels) else 4)
            taken += self._moved(kept, 1) + costs.step
        return taken

    def _window_seconds(self, value: int, axes: tuple[Position, ...], labels: Labels) -> float:
        """The estimated time of a view that a product copies, and of zeros around it, which may
        also meet what the sum as it is written does not multiply.
        """
        taken = 0.0
        pairs = zip(axes, self.program.shape(value), strict=True)
        if any(len(axis.terms) > 1 and not self._digits(axis, n) for axis, n in pairs):
            # block by block, in the cache
            taken += self._moved(labels, 2) * costs.cached / costs.byte
        padded = self._padded(value, axes)
        if padded:
            taken += 8.0 * costs.byte * 2 * self.program.entries(value)
            taken += tuning.padded_steps * costs.step * padded
        return taken

    def _padded(self, value: int, axes: tuple[Position, ...]) -> int:
        """How many axes are read beyond their ends."""
        count = 0
        for axis, length in zip(axes, self.program.shape(value), strict=True):
            low, high = self._span(axis)
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

    # ---- steps
    def _lowered(self, way: Way, kept: Labels, *, first: bool) -> int:
        """The value of a product at the labels `kept`; the `first` takes the coefficient."""
        parts = [self._read(way, value, axes) for value, axes in way.parts]
        guards = []
        for guard in way.guards:
            masked = self._masked(parts, guard)
            if masked is None:
                guards.append(guard)
            else:
                parts = masked
        wanted = _labels(way.output)
        number, sizes = (self.flat.coefficient, self.counted) if first else (1, ())
        if parts:
            carried = set(chain.from_iterable(own for _, own in parts))
            entries = prod([self.lengths[x] for x in wanted if x in carried])
            if self.planner.is_far_larger(entries, parts):
                parts, number = self.planner.with_number(parts, number), 1
        value, own = self._product(parts, guards, wanted)
        read = set(chain.from_iterable(_labels(axes) for _, axes in way.parts))
        read.update(chain.from_iterable(guard.position.labels for guard in guards))
        counted = [x for x in way.free if x not in read and x not in wanted]
        value = self.planner.scaled(value, number, (*sizes, *self._sizes(counted)))
        return self._placed(way, value, own, kept)

    def _read(self, way: Way, value: int, axes: tuple[Position, ...]) -> Pair:
        """An operand at the labels of its axes."""
        own = self._bare(axes, self.program.shape(value))
        if own is not None:
            return value, own
        value, axes = self._split(value, axes)
        own = self._bare(axes, self.program.shape(value))
        if own is not None:
            return value, own
        running = self._running(way, value, axes)
        if running is not None:
            p, gone = running
            backwards = dict(axes[p].terms)[gone] > 0
            value = self._running_sum(value, p, backwards=backwards)
            axes = tuple([_without(axis, gone) for axis in axes])
        own = self._bare(axes, self.program.shape(value))
        if own is not None:
            return value, own
        labels = _labels(axes)
        arrays, spec = _indices(axes, labels)
        return self.program.add(Ops.READ, (value, *arrays), spec, self._sizes(labels)), labels

    def _split(self, value: int, axes: tuple[Position, ...]) -> tuple[int, tuple[Position, ...]]:
        """An operand whose axes are split where they are read at whole digits: a view of it."""
        sizes = self.program.steps[value].sizes
        made: list[Position] = []
        shape: list[Size] = []
        for axis, size, length in zip(axes, sizes, self.program.shape(value), strict=True):
            digits = self._digits(axis, length)
            if digits is None:
                made.append(axis)
                shape.append(size)
            else:
                made += [Position(0, ((label, 1),)) for label in digits]
                shape += self._sizes(digits)
        if len(made) == len(axes):
            return value, axes
        return self.program.add(Ops.RESHAPE, (value,), (), tuple(shape)), tuple(made)

    def _digits(self, axis: Position, length: int) -> Labels | None:
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

    def _running(
        self, way: Way, value: int, axes: tuple[Position, ...]
    ) -> tuple[int, Label] | None:
        """The axis and the label of a sum that runs from one end of the axis: of ``Σ_q x[i - q]``
        over all q below the size of x.
        """
        for p, axis in enumerate(axes):
            if axis.arrays or len(axis.terms) < 2:
                continue
            length = self.program.shape(value)[p]
            for label, times in axis.terms:
                if abs(times) != 1 or not self._only_here(way, axes, p, label):
                    continue
                low, high = self._span(_without(axis, label))
                reach = self.lengths[label] - 1
                # x[f - q] for q = 0 … reach: all of x up to f, and no f beyond the end
                upwards = times < 0 and high < length and high <= reach
                # x[f + q]: all of x from f on, and no f before the start
                downwards = times > 0 and low >= 0 and low + reach >= length - 1
                if upwards or downwards:
                    return p, label
        return None

    def _bare(self, axes: Sequence[Position], lengths: Sequence[int]) -> Labels | None:
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
        return all(label not in _labels(own) for own in others)

    def _span(self, position: Position) -> tuple[int, int]:
        """The lowest and the highest place."""
        low = high = position.constant
        for label, times in position.terms:
            reach = times * (self.lengths[label] - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
        return low, high

    def _running_sum(self, value: int, axis: int, *, backwards: bool) -> int:
        entries = float(self.program.entries(value))
        sizes = self.program.steps[value].sizes
        return self.program.add(Ops.RUNNING_SUM, (value,), (axis, backwards), sizes, entries)

    def _masked(self, parts: list[Pair], guard: Guard) -> list[Pair] | None:
        """`parts` with the smallest masked that has all labels of a guard; None if none has."""
        wanted = set(guard.position.labels)
        able = [k for k, (_, labels) in enumerate(parts) if wanted <= set(labels)]
        if not able:
            return None
        k = min(able, key=lambda k: self.program.entries(parts[k][0]))
        value, labels = parts[k]
        distinct = tuple(dict.fromkeys(labels))
        if distinct != labels:
            value = self.planner.product([parts[k]], distinct)
        masked = self._mask(value, distinct, [guard])
        return [*parts[:k], (masked, distinct), *parts[k + 1 :]]

    def _product(self, parts: list[Pair], guards: Sequence[Guard], wanted: Labels) -> Pair:
        """The product of `parts` where the guards hold, at those of its labels that are wanted.

        No operand has all labels of one of these guards. A guard stands in the order of products
        like an operand, and what meets it is repeated along the labels that it lacks, and masked.
        """
        if not parts:
            parts = [(self.program.add(Ops.NUMBER, (), (1,), ()), ())]
        if not guards:
            carried = set(chain.from_iterable(own for _, own in parts))
            own = tuple([label for label in wanted if label in carried])
            return self.planner.product(parts, own), own
        terms = [own for _, own in parts]
        selecting = [guard.position.labels for guard in guards]
        inside = set(chain.from_iterable([*terms, *selecting]))
        out = tuple([label for label in wanted if label in inside])
        left: list[tuple[Pair | None, tuple[Guard, ...]]] = [(part, ()) for part in parts]
        left += [(None, (guard,)) for guard in guards]
        for i, j in search([*terms, *selecting], out, self.lengths):
            b, a = left.pop(max(i, j)), left.pop(min(i, j))
            needed = set(out)
            for part, waiting in left:
                needed.update(part[1] if part else ())
                needed.update(*(guard.position.labels for guard in waiting))
            left.append(self._met(a, b, needed))
        ((found, _),) = left
        assert found is not None, "there is an operand"
        value, own = found
        return (value if own == out else self.planner.product([found], out)), out

    def _met(
        self,
        a: tuple[Pair | None, tuple[Guard, ...]],
        b: tuple[Pair | None, tuple[Guard, ...]],
        needed: set[Label],
    ) -> tuple[Pair | None, tuple[Guard, ...]]:
        """The product of two, where the guards among them hold, at the labels that are needed."""
        parts = [part for part, _ in (a, b) if part is not None]
        guards = (*a[1], *b[1])
        if not parts:
            return None, guards
        selecting = tuple(dict.fromkeys(chain(*[guard.position.labels for guard in guards])))
        carried = tuple(dict.fromkeys(chain(*[own for _, own in parts])))
        kept = tuple([x for x in carried if x in needed or x in selecting])
        value = self.planner.product(parts, kept)
        if not guards:
            return (value, kept), ()
        labels = (*kept, *[x for x in selecting if x not in kept])
        if labels != kept:
            value = self._broadcast(value, kept, labels)
        value = self._mask(value, labels, guards)
        own = tuple([x for x in labels if x in needed])
        if own != labels:
            value = self._summed(value, labels, own)
        return (value, own), ()

    def _mask(self, value: int, labels: Labels, guards: Sequence[Guard]) -> int:
        """A value where the guards hold, else 0."""
        arrays: list[int] = []
        conditions: list[tuple[Index, Size]] = []
        for guard in guards:
            conditions.append((_index(guard.position, labels, arrays), guard.size))
        entries = float(self.program.entries(value))
        sizes = self.program.steps[value].sizes
        return self.program.add(Ops.MASK, (value, *arrays), tuple(conditions), sizes, entries)

    def _summed(self, value: int, labels: Labels, kept: Labels) -> int:
        entries = float(self.program.entries(value))
        return self.program.add(Ops.SUM, (value,), (labels, kept), self._sizes(kept), entries)

    def _broadcast(self, value: int, labels: Labels, wanted: Labels) -> int:
        """A value repeated along the labels that it has not."""
        sizes = self._sizes(wanted)
        entries = float(prod([self.lengths[label] for label in wanted]))
        return self.program.add(Ops.WRITE, (value,), ((labels, wanted),), sizes, entries)

    def _placed(self, way: Way, value: int, labels: Labels, kept: Labels) -> int:
        """A value with these labels at the places of the output, repeated along what it lacks."""
        output, inner = self._merged(way.output, kept)
        if len(output) > len(kept):
            # first where the digits are, and then as one axis: a view of it
            value = self._placed(way._replace(output=output), value, labels, inner)
            return self.program.add(Ops.RESHAPE, (value,), (), self._sizes(kept))
        own = self._bare(output, [self.lengths[label] for label in kept])
        if own is not None and len(set(own)) < len(own):  # on a diagonal
            entries = float(self.program.entries(value))
            place = ((labels, own),)
            return self.program.add(Ops.WRITE, (value,), place, self._sizes(kept), entries)
        wanted = _labels(output)
        if labels != wanted:
            value = self._broadcast(value, labels, wanted)
        if own is not None:
            return value if own == wanted else self.planner.view(value, wanted, own)
        arrays, spec = _indices(output, wanted)
        once = self._meet_never(output, wanted)
        entries = 0.0 if once else float(self.program.entries(value))
        inputs = (value, *arrays)
        return self.program.add(Ops.PLACE, inputs, (spec, once), self._sizes(kept), entries)

    def _merged(
        self, output: tuple[Position, ...], kept: Labels
    ) -> tuple[tuple[Position, ...], Labels]:
        """Places in a result whose merged axes are parted, and the labels of its axes."""
        made: list[Position] = []
        inner: list[Label] = []
        for axis, label in zip(output, kept, strict=True):
            digits = self._digits(axis, self.lengths[label])
            if digits is None:
                made.append(axis)
                inner.append(label)
            else:
                made += [Position(0, ((own, 1),)) for own in digits]
                inner += digits
        return tuple(made), tuple(inner)

    def _meet_never(self, output: Sequence[Position], labels: Labels) -> bool:
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
            low, high = self._span(axis)
            lengths[place] = max(high - min(low, 0), 0) + 1
            if axis.arrays:
                lengths[place] = 2 * MANY
            relations.append(relation(-axis.constant, {place: 1, **terms}))
        return determined(tuple(relations), lengths, (), set(places), set(labels))

    def _sizes(self, labels: Iterable[Label]) -> tuple[Size, ...]:
        return tuple([self.size_of[label] for label in labels])


class _Places:
    """What labels are in one way: index expressions of the labels that are enumerated."""

    def __init__(self, related: Related, by: Mapping[Label, Linear]) -> None:
        self.related, self.by = related, by
        self.arrays: dict[Label, Array] = {}  # labels of values, and where they are read
        self.beside: list[tuple[Label, Array]] = []  # other labels that are what an array holds
        self.fixed: set[Label] = set()  # places of arrays, which stand for themselves from now on

    def add(self, hot: Hot) -> list[Guard]:
        """Take the value of an index array to be what is read; what must hold for that."""
        program = self.related.program
        array: int = hot.array  # type: ignore[assignment]
        axes = tuple([self.of_label(label) for label in hot.places])
        guards: list[Guard] = []
        lengths = program.shape(array)
        own = self.related._bare(axes, lengths)
        if own is not None and len(set(own)) == len(own):
            labels = own
        else:
            labels = _labels(axes)
            for axis, length in zip(axes, lengths, strict=True):
                if not axis.bare and not axis.alone:
                    guards.append(Guard(axis, length))
            arrays, spec = _indices(axes, labels)
            sizes = self.related._sizes(labels)
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


def _labels(axes: Iterable[Position]) -> Labels:
    return tuple(dict.fromkeys(chain.from_iterable(axis.labels for axis in axes)))


def _shared(kept: Labels, labels: Sequence[Labels], group: Sequence[int]) -> set[Label]:
    """The labels of `kept` that a group has."""
    return set(kept).intersection(chain.from_iterable(labels[k] for k in group))


def _labels_of(hot: Hot) -> set[Label]:
    return {*hot.places, hot.value}


def _named(labels: Labels, same: Mapping[Label, Label]) -> Labels:
    return tuple([same.get(label, label) for label in labels])


def _without(axis: Position, label: Label) -> Position:
    return axis._replace(terms=tuple([term for term in axis.terms if term[0] != label]))


def _moved_on(axis: Position, label: Label, new: Label, start: int) -> Position:
    """An axis with ``start + new`` in the place of a label."""
    times = dict(axis.terms).get(label)
    if times is None:
        return axis
    terms = tuple([(new if x == label else x, k) for x, k in axis.terms])
    return axis._replace(constant=axis.constant + times * start, terms=terms)


def _indices(axes: Sequence[Position], labels: Labels) -> tuple[list[int], tuple[Index, ...]]:
    """The index arrays of axes, and the axes by numbers of labels and of these arrays."""
    arrays: list[int] = []
    spec = tuple([_index(axis, labels, arrays) for axis in axes])
    return arrays, spec


def _index(axis: Position, labels: Labels, arrays: list[int]) -> Index:
    """An axis by the numbers of its labels; its index arrays are put behind the others."""
    terms = tuple([(labels.index(label), times) for label, times in axis.terms])
    reads: list[tuple[int, tuple[int, ...], Size]] = []
    for array in axis.arrays:
        if array.value not in arrays:
            arrays.append(array.value)
        places = tuple(map(labels.index, array.places))
        reads.append((arrays.index(array.value) + 1, places, array.times))
    return Index(axis.constant, terms, tuple(reads))
