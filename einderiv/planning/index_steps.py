"""An einsum with relations as steps: reads of its operands, a product, and writes into the result.

A product is made in one or in several stages, see :mod:`.index_stages`. In each of them every
relation is solved for one of its labels: of all ways in :mod:`.index_ways` that are tried, the one
that takes least time is lowered.

What a relation selects is selected: an operand is sliced, read with zeros around it, or masked, and
never multiplied with a mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import prod
from typing import NamedTuple, Protocol

from ..expression import (
    Einsum,
    Hot,
    Label,
    Labels,
    Number,
    Relation,
    Size,
    bare,
    connected,
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
from .index_stages import in_stages
from .index_ways import (
    Guard,
    Pair,
    Position,
    System,
    Way,
    Ways,
    index_of,
    indices_of,
    labels_of,
    labels_on,
    without,
)
from .ops import Index, Ops
from .paths import search
from .program import Program
from .tuning_constants import tuning


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
        self.ways = Ways(self.program, self.size_of, self.lengths)
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
        moved = len(more.relations) + len(more.hots)
        is_wider = moved > len(embedding.relations) + len(embedding.hots)
        if is_wider and self._points(wider, more) < held:
            return self._components(wider), more
        bare, whole = self._unread(found)
        if self._points(bare, whole) < held:
            return self._components(bare), whole
        return components, embedding

    def _unread(self, found: System) -> tuple[System, System]:
        """The tensors as they stand, and an embedding that also says where they are read: of
        ``U[r[e], k] V[c[e], l] → r[e], l, c[e], k`` the factors are U and V, and what is summed has
        a point for each e, k and l.
        """
        whole = System([], found.hots, found.relations, found.output)
        ends = whole.inside.union(found.output)
        labels = dict.fromkeys(chain.from_iterable(own for _, own in found.tensors))
        core = System(found.tensors, [], (), tuple([label for label in labels if label in ends]))
        return core, whole

    def _parted(self, found: System, *, overlapping: bool) -> tuple[System, System]:
        """The core and its embedding, a system without tensors."""
        tensors, hots, relations, output = found
        inputs = [labels for _, labels in tensors]
        parts = parted(inputs, hots, relations, output, self.lengths, overlapping=overlapping)
        outer = [hots[k] for k in parts.outer_hots]
        inner = [hot for hot in hots if hot not in outer]
        embedding = System([], outer, parts.outer, output)
        # A label of one value may be left over from a relation that its value has dissolved.
        ends = embedding.inside.union(output)
        kept = tuple([label for label in parts.core if label in ends])
        return System(tensors, inner, parts.inner, kept), embedding

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
        labels += [tuple(labels_of(hot)) for hot in core.hots]
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
        return self._with_merged_axes(self._without_answered(system))

    def _without_answered(self, system: System) -> System:
        """A relation that says the digits of a place, which are summed and nowhere else, has one
        answer for each place: Σ over c and d of ``18 c + d = 6 a + b`` is 1. It is left out.
        """
        for one in system.relations:
            left = tuple([other for other in system.relations if other is not one])
            others = system._replace(relations=left)
            elsewhere = others.inside.union(system.output)
            constant, terms = numbers_of(one)
            own = [(label, times) for label, times in terms if label not in elsewhere]
            length = self._entries([label for label, _ in own])
            for sign in (1, -1):
                # own = place, or -own = place
                place = [(x, -sign * times) for x, times in terms if x in elsewhere]
                low, high = self.ways.span(Position(-sign * constant, tuple(place)))
                digits = Position(0, tuple([(x, sign * times) for x, times in own]))
                is_inside = low >= 0 and high < length
                if is_inside and self.ways.digits(digits, length) is not None:
                    return self._without_answered(others)
        return system

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
        digits = self.ways.digits(position, length)
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
            self.size_of[whole] = product_of_sizes(*self.ways.sizes(digits))
            self.lengths[whole] = length
            others += (relation(constant * -factor, {**left, whole: -1}),)
        merged = (*labels[:start], whole, *beside[start:])
        reshaped = self.program.add(Ops.RESHAPE, (value,), (), self.ways.sizes(merged))
        tensors.insert(k, (reshaped, merged))
        return system._replace(tensors=tensors, relations=others)

    def _value(self, system: System, kept: Labels, *, first: bool) -> int | None:
        """What a product comes to at the labels `kept`; the `first` takes the coefficient. None
        where no point satisfies the relations.
        """
        stages = in_stages(self.ways, system, kept, self.gone if first else set())
        if stages is None:
            return None
        made: dict[int, int] = {}
        for way, own, number in stages:
            parts = tuple([(made.get(value, value), axes) for value, axes in way.parts])
            is_last = number == stages[-1].number
            whole = way._replace(parts=parts)
            made[number] = self._lowered(whole, own, first=first and is_last)
        return made[stages[-1].number]

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
        wanted = labels_on(way.output)
        number, sizes = (self.flat.coefficient, self.counted) if first else (1, ())
        if parts:
            carried = set(chain.from_iterable(own for _, own in parts))
            entries = prod([self.lengths[x] for x in wanted if x in carried])
            if self.planner.is_far_larger(entries, parts):
                parts, number = self.planner.with_number(parts, number), 1
        value, own = self._product(parts, guards, wanted)
        read = set(chain.from_iterable(labels_on(axes) for _, axes in way.parts))
        read.update(chain.from_iterable(guard.position.labels for guard in guards))
        counted = [x for x in way.free if x not in read and x not in wanted]
        factors = (*sizes, *self.ways.sizes(counted))
        if prod([self.lengths[x] for x in kept]) < self.program.entries(value):
            return self.planner.scaled(self._placed(way, value, own, kept), number, factors)
        return self._placed(way, self.planner.scaled(value, number, factors), own, kept)

    def _read(self, way: Way, value: int, axes: tuple[Position, ...]) -> Pair:
        """An operand at the labels of its axes."""
        own = self.ways.bare(axes, self.program.shape(value))
        if own is not None:
            return value, own
        value, axes = self._split(value, axes)
        own = self.ways.bare(axes, self.program.shape(value))
        if own is not None:
            return value, own
        running = self.ways.running(way, value, axes)
        if running is not None:
            p, gone = running
            backwards = dict(axes[p].terms)[gone] > 0
            value = self._running_sum(value, p, backwards=backwards)
            axes = tuple([without(axis, gone) for axis in axes])
        own = self.ways.bare(axes, self.program.shape(value))
        if own is not None:
            return value, own
        labels = labels_on(axes)
        arrays, spec = indices_of(axes, labels)
        return self.program.add(Ops.READ, (value, *arrays), spec, self.ways.sizes(labels)), labels

    def _split(self, value: int, axes: tuple[Position, ...]) -> tuple[int, tuple[Position, ...]]:
        """An operand whose axes are split where they are read at whole digits: a view of it."""
        sizes = self.program.steps[value].sizes
        made: list[Position] = []
        shape: list[Size] = []
        for axis, size, length in zip(axes, sizes, self.program.shape(value), strict=True):
            digits = self.ways.digits(axis, length)
            if digits is None:
                made.append(axis)
                shape.append(size)
            else:
                made += [Position(0, ((label, 1),)) for label in digits]
                shape += self.ways.sizes(digits)
        if len(made) == len(axes):
            return value, axes
        return self.program.add(Ops.RESHAPE, (value,), (), tuple(shape)), tuple(made)

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
            conditions.append((index_of(guard.position, labels, arrays), guard.size))
        entries = float(self.program.entries(value))
        sizes = self.program.steps[value].sizes
        return self.program.add(Ops.MASK, (value, *arrays), tuple(conditions), sizes, entries)

    def _summed(self, value: int, labels: Labels, kept: Labels) -> int:
        entries = float(self.program.entries(value))
        return self.program.add(Ops.SUM, (value,), (labels, kept), self.ways.sizes(kept), entries)

    def _broadcast(self, value: int, labels: Labels, wanted: Labels) -> int:
        """A value repeated along the labels that it has not."""
        sizes = self.ways.sizes(wanted)
        entries = float(prod([self.lengths[label] for label in wanted]))
        return self.program.add(Ops.WRITE, (value,), ((labels, wanted),), sizes, entries)

    def _placed(self, way: Way, value: int, labels: Labels, kept: Labels) -> int:
        """A value with these labels at the places of the output, repeated along what it lacks."""
        output, inner = self.ways.merged(way.output, kept)
        if len(output) > len(kept):
            # first where the digits are, and then as one axis: a view of it
            value = self._placed(way._replace(output=output), value, labels, inner)
            return self.program.add(Ops.RESHAPE, (value,), (), self.ways.sizes(kept))
        own = self.ways.bare(output, [self.lengths[label] for label in kept])
        if own is not None and len(set(own)) < len(own):  # on a diagonal
            entries = float(self.program.entries(value))
            place = ((labels, own),)
            return self.program.add(Ops.WRITE, (value,), place, self.ways.sizes(kept), entries)
        wanted = labels_on(output)
        if labels != wanted:
            value = self._broadcast(value, labels, wanted)
        if own is not None:
            return value if own == wanted else self.planner.view(value, wanted, own)
        arrays, spec = indices_of(output, wanted)
        once = self.ways.meet_never(output, wanted)
        entries = 0.0 if once else float(self.program.entries(value))
        inputs = (value, *arrays)
        return self.program.add(Ops.PLACE, inputs, (spec, once), self.ways.sizes(kept), entries)


def _shared(kept: Labels, labels: Sequence[Labels], group: Sequence[int]) -> set[Label]:
    """The labels of `kept` that a group has."""
    return set(kept).intersection(chain.from_iterable(labels[k] for k in group))


def _named(labels: Labels, same: Mapping[Label, Label]) -> Labels:
    return tuple([same.get(label, label) for label in labels])
