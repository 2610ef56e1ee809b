"""Sums of terms that lie apart: one array, into which each is written.

A concatenation is a sum of two arrays with zeros around each. It is made as one array, and each
term is assigned to where it lies, straight from what it is read from:

=========================  ======================================================================
``concatenate([A, B])``    ``y = empty; y[:m] = A; y[m:] = B``
``roll(x, 7)``             ``y = empty; y[:7] = x[n-7:]; y[7:] = x[:n-7]``
``pad(A, 2)``              ``y = empty; y[2:-2, 2:-2] = A``, and 0 around it
``u[i-1] - u[i]``          ``y = empty; y[1:] = u; y[:1] = 0; y[:-1] -= u``
=========================  ======================================================================

Terms that meet are added in place. What is selected is selected: zeros around a term are multiplied
with nothing, and where no other term is added a sign of zero and the bits of a NaN stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

from ..expression import Number, Size
from ..planning import (
    Box,
    Index,
    Op,
    Ops,
    Part,
    Program,
    Span,
    Step,
    apart,
    entries_of,
    joined_axis,
    sums,
    tuning,
    uncovered,
)
from .target import Target

ADDENDS = 2  # so deep the terms of a sum are taken apart, and no sum that stands in them


def assemble_sums(program: Program, _: Target) -> Program:
    """The program with sums of terms that lie apart put together in one array each."""
    return _Sums(program, joined=False).replaced()


def join_sums(program: Program, _: Target) -> Program:
    """The program with sums of terms that lie one behind the other joined, for a library that does
    not write into arrays.
    """
    return _Sums(program, joined=True).replaced()


def _index_arrays(program: Program) -> set[int]:
    """The values that are index arrays, and those that they are made of."""
    found: set[int] = set()
    for k, step in reversed([*program.live_steps()]):
        if k in found:
            found.update(step.inputs)
        elif step.op in (Ops.READ, Ops.PLACE, Ops.MASK):
            found.update(step.inputs[1:])
        elif step.op is Ops.WEIGHTED_ROWS:
            found.update(step.inputs[2:])
    return found


class _Along(NamedTuple):
    """Along an axis of the whole: entry `first` + i of an axis of the value at `start` + `step` i,
    for `extent` places.
    """

    axis: int | None  # None: the value is repeated
    first: int
    start: int
    step: int
    extent: int

    def within(self, first: int, stop: int) -> _Along | None:
        """What of it is at `first` or behind, and before `stop`; None where nothing is."""
        low, high = _range(self.start - first, self.step, stop - first)
        low, high = max(low, 0), min(high, self.extent)
        if low >= high:
            return None
        start, count = self.start + self.step * low, high - low
        return _Along(self.axis, self.first + low, start, self.step if count > 1 else 1, count)

    def span(self, length: int) -> Span:
        """Where it lies in the whole."""
        if (self.start, self.step, self.extent) == (0, 1, length):
            return Span(self.axis)
        return Span(self.axis, self.start, self.step, self.extent)


class _Move(NamedTuple):
    """An index: `start`, and `times` what an axis says, if there is one."""

    start: int
    times: int
    axis: int | None


class _Piece(NamedTuple):
    """A value times a number, by the axes of the whole; every axis of the value is one of them."""

    value: int
    along: tuple[_Along, ...]
    number: Number = 1

    def covers(self, shape: Sequence[int]) -> bool:
        """Has it an entry for each of the whole, from end to end?"""
        return all(span.extent is None for span in self.spans(shape))

    def spans(self, shape: Sequence[int]) -> tuple[Span, ...]:
        """Where it lies in the whole."""
        return tuple([a.span(length) for a, length in zip(self.along, shape, strict=True)])


class _Sums:
    """Goes through a program from its end: a sum takes what only it reads apart."""

    def __init__(self, program: Program, *, joined: bool) -> None:
        """With `joined` only what lies one behind the other, along one axis, is put together."""
        self.joined = joined
        self.original = program
        self.program = program.copy()
        self.measure = program.measure
        self.first_new = len(program.steps)
        self.live = set(program.outputs)
        self.uses = Counter(program.outputs)
        for _, step in program.live_steps():
            self.uses.update(step.inputs)
        self.found = False
        self.whole = _index_arrays(program)
        self.deepest = tuning.assembled_depth

    def replaced(self) -> Program:
        """The program with other steps, if there are any."""
        for k in reversed(self.program.live()):
            self.replace(k)
        if not self.found:
            return self.original
        self.program.sort()
        return self.program

    def replace(self, k: int) -> None:
        """Step `k` put together, if it is a sum of parts and nothing before has taken it apart."""
        if k not in self.live:
            return
        # What index arrays are made of stays whole numbers, whatever the result is.
        step = None if k in self.whole else self._put_together(k)
        if step is not None:
            self.program.steps[k] = step
            self.found = True
        self._read(self.program.steps[k])

    def _put_together(self, k: int) -> Step | None:
        if not self.joined:
            return self._assembled(k)
        # Rows of a block are joined, then columns; all parts of one array may lie both ways.
        for depth in (tuning.assembled_depth, ADDENDS):
            self.deepest = depth
            step = self._assembled(k)
            if step is not None and step.op is Ops.ASSEMBLE and joined_axis(*step.spec) is not None:
                return step
        return None

    def _read(self, step: Step) -> None:
        """What a step reads must be there; of new steps also what these read."""
        for value in step.inputs:
            if value not in self.live:
                self.live.add(value)
                if value >= self.first_new:
                    self._read(self.program.steps[value])

    # ---- one sum
    def _assembled(self, k: int) -> Step | None:
        """Step `k` as parts that are put together; None where all terms are as large as it is."""
        step, shape = self.program.steps[k], self.program.shape(k)
        if 0 in shape or step.op is Ops.VIEW or 0 < self.program.copied(k) < prod(shape):
            return None
        pieces = self._taken_apart(step, 0)
        if pieces is None:
            return None
        pieces = [piece for piece in pieces if not self._is_zero(piece)]
        if pieces and all(piece.covers(shape) for piece in pieces):
            return self._shown(pieces, step)
        whole = [piece for piece in pieces if piece.covers(shape)]
        others = [piece for piece in pieces if not piece.covers(shape)]
        if len(pieces) > tuning.assembled_parts:
            return None
        if len(whole) > 1:
            whole = [self._total(whole, step)]
        others = self._summed_once(others)
        others.sort(key=lambda piece: -_entries(piece))
        assigned: list[_Piece] = []
        added: list[_Piece] = []
        taken: list[tuple[Span, ...]] = []
        for piece in (*whole, *others):
            spans = piece.spans(shape)
            if any(not apart(spans, other, shape) for other in taken):
                added.append(piece)
            else:
                assigned.append(piece)
                taken.append(spans)
        pieces = self._scaled_once([*assigned, *added], added)
        values = tuple([self._cut(piece) for piece in pieces])
        parts: list[Part] = []
        for number, piece in enumerate(pieces):
            parts.append(Part(piece.spans(shape), piece.number, number >= len(assigned)))
        spec = (tuple(parts), self._cleared(taken, shape))
        flops = float(sum(map(_entries, added)))
        return self.program.made(Ops.ASSEMBLE, values, spec, step.sizes, flops)

    def _shown(self, pieces: Sequence[_Piece], step: Step) -> Step | None:
        """What is read of one part alone, as a view of that."""
        if step.op is not Ops.READ or len(pieces) > 1 or pieces[0].number != 1:
            return None
        ((value, along, _),) = pieces
        indices = {a.axis: Index(a.first, ((axis, 1),)) for axis, a in enumerate(along)}
        if None in indices:
            return None
        spec = tuple([indices[axis] for axis in range(len(indices))])
        return self.program.made(Ops.READ, (value,), spec, step.sizes)

    def _summed_once(self, pieces: Sequence[_Piece]) -> list[_Piece]:
        """``u - v`` at one place and ``v - u`` at another as ``w`` and ``-w`` with ``w = u - v``:
        less is added, and less is held at a time.
        """
        by_place: dict[tuple[object, ...], list[_Piece]] = defaultdict(list)
        for piece in pieces:
            by_place[piece.along, self.program.steps[piece.value].sizes].append(piece)
        alike: dict[tuple[object, ...], list[list[_Piece]]] = defaultdict(list)
        for here in by_place.values():
            here.sort(key=lambda piece: piece.value)
            alike[_shares(here)].append(here)
        found: list[_Piece] = []
        for places in alike.values():
            terms = places[0]
            entries = self.program.entries(terms[0].value)
            added = len(terms) * sum(_entries(here[0]) for here in places)
            made = (len(terms) - 1) * entries + added // len(terms)
            if made >= added:
                found += chain.from_iterable(places)
                continue
            if not _is_divisible(terms):  # the numbers of all places are the same
                value = self._weighted(terms, 1)
                found += [_Piece(value, here[0].along, 1) for here in places]
                continue
            value = self._weighted(terms, terms[0].number)
            found += [_Piece(value, here[0].along, here[0].number) for here in places]
        return found

    def _weighted(self, terms: Sequence[_Piece], by: Number) -> int:
        """The sum of values of one shape times their numbers, divided by a number."""
        values: list[int] = []
        for value, _, number in terms:
            times = _divided(number, by)
            values.append(value if times == 1 else self._times(value, times))
        sizes, entries = self.program.steps[values[0]].sizes, self.program.entries(values[0])
        flops = float((len(values) - 1) * entries)
        return self.program.append(self.program.made(Ops.ADD, tuple(values), (), sizes, flops))

    def _scaled_once(self, pieces: Sequence[_Piece], added: Sequence[_Piece]) -> list[_Piece]:
        """``2 v + 2 v - 8 v``, at different places, as ``w + w - 4 w`` with ``w = 2 v``: what is
        added with a number makes an array each time.
        """
        numbers: dict[int, list[Number]] = defaultdict(list)
        entries: dict[int, int] = defaultdict(int)
        for piece in pieces:
            numbers[piece.value].append(piece.number)
            entries[piece.value] += _entries(piece)
        scaled: dict[int, tuple[int, Number]] = {}
        for value in {piece.value for piece in added if piece.number not in (0, 1, -1)}:
            own = numbers[value]
            ((common, count),) = Counter(map(abs, own)).most_common(1)
            is_exact = all(_divides(common, number) for number in own)
            shared = count > 1 and common not in (0, 1)
            if shared and is_exact and entries[value] > self.program.entries(value):
                scaled[value] = self._times(value, common), common
        found: list[_Piece] = []
        for piece in pieces:
            if piece.value in scaled:
                value, by = scaled[piece.value]
                piece = _Piece(value, piece.along, _divided(piece.number, by))
            found.append(piece)
        return found

    def _times(self, value: int, number: Number) -> int:
        """A value times a number."""
        sizes, entries = self.program.steps[value].sizes, float(self.program.entries(value))
        scaled = self.program.made(Ops.SCALE, (value,), (number, ()), sizes, entries)
        return self.program.append(scaled)

    def _is_zero(self, piece: _Piece) -> bool:
        """Is it the number 0, of a term without points?"""
        step = self.program.steps[piece.value]
        return step.op is Ops.NUMBER and bool(step.spec[0] == 0)

    def _cleared(self, assigned: Sequence[Sequence[Span]], shape: Sequence[int]) -> tuple[Box, ...]:
        """What nothing is assigned to, so that it is 0 unless something is added there: boxes, or
        all of the array where that is faster.
        """
        covered = sum(entries_of(spans, shape) for spans in assigned)
        total = entries_of([Span(None)] * len(shape), shape)
        if covered == total:
            return ()
        boxes = uncovered(assigned, shape)
        few = len(boxes) <= tuning.cleared_boxes and total >= tuning.cleared_entries
        return tuple(boxes) if few and 2 * covered >= total else ((None,) * len(shape),)

    def _total(self, pieces: Sequence[_Piece], step: Step) -> _Piece:
        """The sum of pieces that each cover all."""
        values: list[int] = []
        terms: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        axes = tuple(range(len(step.sizes)))
        for piece in pieces:
            value, along, number = piece
            value = self._cut(piece)
            own = self.program.steps[value].sizes
            if number != 1:
                value = self._times(value, number)
            by_axis = {a.axis: label for label, a in enumerate(along) if a.axis is not None}
            values.append(value)
            terms.append((tuple([by_axis[axis] for axis in range(len(own))]), axes))
        flops = float((len(pieces) - 1) * _entries(pieces[0]))
        plain = all(labels == axes for labels, _ in terms)
        op, spec = (Ops.ADD, ()) if plain else (Ops.WRITE, tuple(terms))
        total = self.program.made(op, tuple(values), spec, step.sizes, flops)
        return self._whole(self.program.append(total))

    def _cut(self, piece: _Piece) -> int:
        """The value of a piece: what it takes of each axis."""
        value, along, _ = piece
        sizes, shape = self.program.steps[value].sizes, self.program.shape(value)
        indices: list[Index] = [Index(0, ((axis, 1),)) for axis in range(len(sizes))]
        made = list(sizes)
        for a in along:
            if a.axis is not None and (a.first, a.extent) != (0, shape[a.axis]):
                indices[a.axis] = Index(a.first, ((a.axis, 1),))
                made[a.axis] = a.extent
        if tuple(made) == sizes:
            return value
        return self._seen(value, tuple(indices), tuple(made))

    def _seen(self, value: int, indices: tuple[Index, ...], sizes: tuple[Size, ...]) -> int:
        """A value read inside its ends, which is a view."""
        return self.program.append(self.program.made(Ops.READ, (value,), indices, sizes))

    # ---- what terms are made of
    def _pieces(self, value: int, depth: int) -> list[_Piece]:
        """The pieces of a value: those that it is put together of, where nothing else reads it."""
        step = self.program.steps[value]
        alone = self.uses[value] == 1 and depth < self.deepest
        pieces = self._taken_apart(step, depth) if alone else None
        return [self._whole(value)] if pieces is None else pieces

    def _whole(self, value: int) -> _Piece:
        shape = self.program.shape(value)
        return _Piece(value, tuple([_Along(axis, 0, 0, 1, n) for axis, n in enumerate(shape)]))

    def _taken_apart(self, step: Step, depth: int) -> list[_Piece] | None:
        """The pieces that a step puts together; None where it does something else."""
        take = TAKEN_APART.get(step.op)
        return None if take is None else take(self, step, depth + 1)

    def _read_beyond(self, step: Step, depth: int) -> list[_Piece] | None:
        """``x[i - 2]`` is x at 2, with zeros around it."""
        shape = tuple(map(self.measure, step.sizes))
        moves = self._moves(step.spec)
        if moves is None:
            return None
        read = [
            _range(move.start, move.times, length)
            for move, length in zip(moves, self.program.shape(step.inputs[0]), strict=True)
        ]
        ends = [0 if move.axis is None else shape[move.axis] - 1 for move in moves]
        if all(low <= 0 and end < high for (low, high), end in zip(read, ends, strict=True)):
            return self._view_of_parts(step, moves, depth)
        if all(abs(move.times) == 1 for move in moves):
            return self._moved_back(self._pieces(step.inputs[0], depth), moves, shape)
        return self._read_inside(step, moves, read)

    def _view_of_parts(self, step: Step, moves: Sequence[_Move], depth: int) -> list[_Piece] | None:
        """What is read of a sum that nothing else reads: only its parts there. Of other values it
        is a view.
        """
        (value,) = step.inputs
        axes = {move.axis for move in moves if abs(move.times) == 1}
        if len(axes) < len(moves) or len(axes) < len(step.sizes):
            return None
        inner = self.program.shape(value)
        pieces = self._pieces(value, depth)
        if all(piece.covers(inner) for piece in pieces):
            return None
        return self._moved_back(pieces, moves, tuple(map(self.measure, step.sizes)))

    def _moved_back(
        self, pieces: Sequence[_Piece], moves: Sequence[_Move], shape: Sequence[int]
    ) -> list[_Piece]:
        """``x[c ± i]`` has what x has at p at ``i = ±(p - c)``."""
        found: list[_Piece] = []
        for value, along, number in pieces:
            moved: list[_Along | None] = [_Along(None, 0, 0, 1, n) for n in shape]
            for (start, times, axis), own in zip(moves, along, strict=True):
                assert axis is not None, "it moves"
                own = own._replace(start=times * (own.start - start), step=times * own.step)
                moved[axis] = own.within(0, shape[axis])
            inside = tuple([own for own in moved if own is not None])
            if len(inside) == len(moved):
                found.append(_Piece(value, inside, number))
        return found

    def _read_inside(
        self, step: Step, moves: Sequence[_Move], read: Sequence[tuple[int, int]]
    ) -> list[_Piece]:
        """``x[2 i - 1]`` is what a view of x has, with zeros around it."""
        shape = tuple(map(self.measure, step.sizes))
        along = [_Along(None, 0, 0, 1, n) for n in shape]
        indices: list[Index] = []
        sizes: list[Size] = []
        for (start, times, axis), (low, high) in zip(moves, read, strict=True):
            if axis is not None:
                low, high = max(low, 0), min(high, shape[axis])
            if low >= high:
                return []
            if axis is None:
                indices.append(Index(start, ()))
                continue
            along[axis] = _Along(len(sizes), 0, low, 1, high - low)
            indices.append(Index(start + times * low, ((len(sizes), times),)))
            sizes.append(step.sizes[axis] if high - low == shape[axis] else high - low)
        value = self._seen(step.inputs[0], tuple(indices), tuple(sizes))
        return [_Piece(value, tuple(along))]

    def _placed(self, step: Step, depth: int) -> list[_Piece] | None:
        """``y[i + 2] = v[i]`` is each piece of v two further on."""
        indices, once = step.spec
        count = len(step.operand_sizes[0])
        moves = self._moves(indices) if once else None
        if moves is None or len([None for move in moves if move.axis is not None]) < count:
            return None
        shape = tuple(map(self.measure, step.sizes))
        found: list[_Piece] = []
        for value, along, number in self._pieces(step.inputs[0], depth):
            moved: list[_Along | None] = []
            for (start, times, axis), length in zip(moves, shape, strict=True):
                if axis is None:
                    own = _Along(None, 0, start, 1, 1)
                else:
                    own = along[axis]
                    own = own._replace(start=start + times * own.start, step=times * own.step)
                moved.append(own.within(0, length))
            inside = tuple([own for own in moved if own is not None])
            if len(inside) == len(moved):
                found.append(_Piece(value, inside, number))
        return found

    def _moves(self, indices: Sequence[Index]) -> list[_Move] | None:
        """Indices that each move along an axis of its own, or not at all; None for others."""
        moves: list[_Move] = []
        for index in indices:
            if index.arrays or len(index.terms) > 1:
                return None
            axis, times = index.terms[0] if index.terms else (None, 0)
            moves.append(_Move(self.measure(index.constant), self.measure(times), axis))
            if bool(moves[-1].times) != bool(index.terms):
                return None
        axes = [move.axis for move in moves if move.axis is not None]
        return moves if len(set(axes)) == len(axes) else None

    def _masked(self, step: Step, depth: int) -> list[_Piece] | None:
        """What is inside of a box, where conditions on single axes say one."""
        ends = [(0, n) for n in map(self.measure, step.sizes)]
        for index, size in step.spec:
            moves = self._moves([index])
            if moves is None:
                return None
            ((start, times, axis),) = moves
            low, high = _range(start, times, self.measure(size))
            if axis is not None:
                ends[axis] = max(low, ends[axis][0]), min(high, ends[axis][1])
            elif low >= high:
                return []
        found: list[_Piece] = []
        for value, along, number in self._pieces(step.inputs[0], depth):
            cut = [own.within(*box) for own, box in zip(along, ends, strict=True)]
            inside = tuple([own for own in cut if own is not None])
            if len(inside) == len(cut):
                found.append(_Piece(value, inside, number))
        return found

    def _turned(self, step: Step, depth: int) -> list[_Piece] | None:
        """Pieces with their axes in another order."""
        labels, out = step.spec
        shape = self.program.shape(step.inputs[0])
        if set(labels) != set(out) or len(set(labels)) < len(labels):
            return None
        pieces = self._pieces(step.inputs[0], depth)
        if all(piece.covers(shape) for piece in pieces):
            return None
        order = [labels.index(label) for label in out]
        turned: list[_Piece] = []
        for value, along, number in pieces:
            turned.append(_Piece(value, tuple([along[axis] for axis in order]), number))
        return turned

    def _scaled(self, step: Step, depth: int) -> list[_Piece] | None:
        """A number goes to the pieces."""
        number, sizes = step.spec
        pieces = self._pieces(step.inputs[0], depth)
        if sizes or any(piece.number != 1 for piece in pieces):
            return None
        return [piece._replace(number=number) for piece in pieces]

    def _added(self, step: Step, depth: int) -> list[_Piece] | None:
        """All pieces of all terms."""
        found: list[_Piece] = []
        for value in step.inputs:
            found += self._pieces(value, depth)
        return found

    def _written(self, step: Step, depth: int) -> list[_Piece] | None:
        """All pieces of all terms, by the axes of the whole, and repeated along others."""
        shape = tuple(map(self.measure, step.sizes))
        if any(len(set(output)) < len(output) for _, output in step.spec):
            return None  # a diagonal
        found: list[_Piece] = []
        for value, (labels, output) in zip(step.inputs, step.spec, strict=True):
            for own, along, number in self._pieces(value, depth):
                by_label = dict(zip(labels, along, strict=True))
                whole = [_Along(None, 0, 0, 1, n) for n in shape]
                for axis, label in enumerate(output):
                    whole[axis] = by_label.get(label, whole[axis])
                found.append(_Piece(own, tuple(whole), number))
        return found

    def _multiplied(self, step: Step, depth: int) -> list[_Piece] | None:
        """A product with a value that has zeros around it: what is beside these is multiplied."""
        if sums(step):
            return None
        for position, value in enumerate(step.inputs):
            shape = self.program.shape(value)
            pieces = self._pieces(value, depth)
            if len(pieces) == 1 and not pieces[0].covers(shape):
                return [self._product(step, position, pieces[0])]
        return None

    def _product(self, step: Step, position: int, piece: _Piece) -> _Piece:
        """An operand that is a piece times what the other operand has there."""
        *operands, out = step.spec
        own_labels, other_labels = operands[position], operands[1 - position]
        other = step.inputs[1 - position]
        by_label = dict(zip(own_labels, piece.along, strict=True))
        indices: list[Index] = []
        sizes = list(self.program.steps[other].sizes)
        for axis, label in enumerate(other_labels):
            along = by_label.get(label)
            if along is None:
                indices.append(Index(0, ((axis, 1),)))
                continue
            indices.append(Index(along.start, ((axis, along.step),)))
            if along.extent != self.program.shape(other)[axis]:
                sizes[axis] = along.extent
        if tuple(sizes) != self.program.steps[other].sizes:
            other = self._seen(other, tuple(indices), tuple(sizes))
        value = self._cut(piece)
        labels: dict[int, int] = {}  # of the axes of the piece
        for label, along in by_label.items():
            if along.axis is not None:
                labels[along.axis] = label
        names = tuple([labels[axis] for axis in range(len(labels))])
        kept = tuple([x for x in out if x in names or x in other_labels])
        size_of = dict(zip(names, self.program.steps[value].sizes, strict=True))
        size_of.update(zip(other_labels, self.program.steps[other].sizes, strict=True))
        made = tuple([size_of[x] for x in kept])
        flops = 1.0
        for size in made:
            flops *= self.measure(size)
        values, spec = (value, other), (names, other_labels, kept)
        product = self.program.append(self.program.made(Ops.CONTRACT, values, spec, made, flops))
        whole: list[_Along] = []
        for axis, label in enumerate(out):
            own = by_label.get(label, _Along(None, 0, 0, 1, self.measure(step.sizes[axis])))
            place = kept.index(label) if label in kept else None
            whole.append(own._replace(axis=place, first=0))
        return _Piece(product, tuple(whole), piece.number)


def _shares(terms: Sequence[_Piece]) -> tuple[object, ...]:
    """The values, with their numbers by that of the first: ``-u + 2 v`` is -1 times ``u - 2 v``."""
    first = terms[0].number
    if not _is_divisible(terms):
        return tuple(terms)
    return tuple([(own.value, _divided(own.number, first)) for own in terms])


def _is_divisible(terms: Sequence[_Piece]) -> bool:
    """Is each number a multiple of the first, or may it be a fraction of it?"""
    return all([_divides(terms[0].number, own.number) for own in terms])


def _divides(by: Number, number: Number) -> bool:
    """Is a quotient exact, and whole if both numbers are?

    >>> _divides(2, -8), _divides(2, 3), _divides(0.5, 0.25), _divides(0, 0)
    (True, False, True, False)
    """
    if by == 0:
        return False
    if isinstance(number, int) and isinstance(by, int):
        return number % by == 0
    return number / by * by == number


def _divided(number: Number, by: Number) -> Number:
    """A quotient, which stays a whole number if it is one.

    >>> _divided(-8, 2), _divided(3, 2), _divided(0.5, 0.25)
    (-4, 1.5, 2.0)
    """
    if isinstance(number, int) and isinstance(by, int) and number % by == 0:
        return number // by
    return number / by


def _entries(piece: _Piece) -> int:
    total = 1
    for along in piece.along:
        total *= along.extent
    return total


def _range(start: int, step: int, length: int) -> tuple[int, int]:
    """The first i with ``0 ≤ start + step i < length``, and the one behind the last; without a
    step all or none.

    >>> _range(-3, 2, 5), _range(4, -1, 5), _range(5, 0, 5)
    ((2, 4), (0, 5), (0, 0))
    """
    if not step:
        return (0, 1) if 0 <= start < length else (0, 0)
    ends = (-start, length - 1 - start) if step > 0 else (start - length + 1, start)
    return -(-ends[0] // abs(step)), ends[1] // abs(step) + 1


TakeApart = Callable[[_Sums, Step, int], list[_Piece] | None]

#: what is taken apart, and how
TAKEN_APART: dict[Op, TakeApart] = {
    Ops.READ: _Sums._read_beyond,
    Ops.PLACE: _Sums._placed,
    Ops.MASK: _Sums._masked,
    Ops.VIEW: _Sums._turned,
    Ops.SCALE: _Sums._scaled,
    Ops.ADD: _Sums._added,
    Ops.WRITE: _Sums._written,
    Ops.CONTRACT: _Sums._multiplied,
}
