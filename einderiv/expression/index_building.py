"""From index expressions, as they are written, to labels, relations and index arrays.

``einsum("i+k,k->i", x, w)`` has a label p for the first axis of x, and the relation p = i + k. The
size of i is what the string leaves open: the largest for which all reads are inside.

Source of the rule for open labels: Tullio.jl, whose ranges are those for which all reads are
inside.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, NoReturn

from ..errors import EinderivError, ParseError, ShapeError, near
from .index_grammar import Axis, AxisExpression, labels_of
from .labels import Given, Label, Labels, Relation, Relations, Size
from .nodes import Apply, Constant, Einsum, Expr, Slot, Tensor
from .relation_boxes import domain_of, extent
from .relation_rows import Linear, relation
from .size_algebra import exact_quotient, floor_quotient, plus, times
from .string_parts import ELLIPSIS
from .subscripts import Notation, Term, expand, read
from .unify import assemble, fresh_labels

_ONE_HOT: list[Any] = []  # the row of the functions table, which stands above this package


def install_one_hot(row: Any) -> None:
    """Take the row of the functions table that index arrays are."""
    _ONE_HOT[:] = [row]


def one_hot_of(array: Expr, size: Size) -> Apply:
    """An index array as a factor: 1 where its last axis is what stands at the others, else 0."""
    return Apply(_ONE_HOT[0], (array,), 0, (size,))


def has_expressions(notation: Notation) -> bool:
    """Is there an index expression in a string?"""
    terms = [*notation.inputs] if notation.output is None else [*notation.inputs, notation.output]
    return any(not isinstance(axis, str) for term in terms for axis in term.labels)


SPOKEN = 4  # labels that a message names
LONG = 40  # characters of an index expression in a message


class Composed(NamedTuple):
    """An einsum string with its operands: what a node is made of."""

    slots: tuple[Slot, ...]
    output: Labels
    given: Given
    relations: Relations
    numbers: dict[str, Label]  # of the labels that are written


def composed(
    notation: Notation,
    parts: Sequence[Expr | None],
    inputs: Sequence[tuple[Axis, ...]],
    output: tuple[Axis, ...],
    sizes: Mapping[str, Size],
    arrays: Mapping[str, Expr],
) -> Composed:
    """The labels, relations and index arrays of a string. A part that is None is a vector of ones,
    which is as long as its one axis has it.

    Raises ShapeError where the size of a label is left open, or follows in two ways that differ.
    """
    return _Composing(notation, sizes, arrays).of(parts, inputs, output)


def sizes_by_arrays(sides: Iterable[AxisExpression], arrays: Mapping[str, Expr]) -> dict[str, Size]:
    """The sizes of labels that stand alone on axes of index arrays."""
    found: dict[str, Size] = {}
    for name, places, _ in chain.from_iterable([side.arrays for side in sides]):
        for place, size in zip(map(_plain, places), arrays[name].axis_sizes, strict=True):
            if isinstance(place, str):
                found[place] = size
    return found


def needed_sizes(
    text: str,
    parts: Sequence[Expr | None],
    sizes: dict[str, Size],
    arrays: Mapping[str, Expr],
    known: Mapping[str, Container[Size]],
) -> dict[str, Size]:
    """Those of `sizes` that a string would not have by itself; the last go first. `known` are the
    sizes of labels that are equal in any case: where reads say another one, the size is needed.
    """
    notation = read(text)
    if not notation.inputs[0].labels and not parts:  # ->ii
        notation = notation._replace(inputs=())
    ranks = [1 if part is None else part.ndim for part in parts]
    inputs, output = expand(notation, ranks)
    wanted = _measures(notation, parts, inputs, output, sizes, arrays, known)
    needed = dict(sizes)
    for key in reversed(sizes):
        fewer = {other: size for other, size in needed.items() if other != key}
        try:
            found = _measures(notation, parts, inputs, output, fewer, arrays, known)
        except EinderivError:  # the string is open without it
            continue
        if found == wanted:
            needed = fewer
    return needed


class _Measures(NamedTuple):
    """The sizes of all labels of a string, of what it writes, and of the values of index arrays;
    and the labels that have another size too, which they are not known to have.
    """

    sizes: list[Size]
    unequal: set[tuple[str, Size]]


def _measures(
    notation: Notation,
    parts: Sequence[Expr | None],
    inputs: Sequence[tuple[Axis, ...]],
    output: tuple[Axis, ...],
    sizes: Mapping[str, Size],
    arrays: Mapping[str, Expr],
    known: Mapping[str, Container[Size]],
) -> _Measures:
    work = _Composing(notation, sizes, arrays)
    work.of(parts, inputs, output)
    words = {label: word for word, label in work.numbers.items()}
    unequal: set[tuple[str, Size]] = set()
    for label, size in work.given:
        word = words.get(label)
        if word is not None and size != work.domains[label] and size not in known.get(word, ()):
            unequal.add((word, size))
    found = [
        *[work.domains[label] for label in work.numbers.values()],
        *[work.domains[write.label] for write in work.writes if write not in work.ones],
        *[work.domains.get(one.label, 1) for one in work.ones],
        *[work.domains[value] for value in work.values.values()],
    ]
    return _Measures(found, unequal)


def equation_node(
    left: AxisExpression,
    right: AxisExpression,
    sizes: Mapping[str, Size],
    arrays: Mapping[str, Expr],
    text: str,
) -> Einsum:
    """What is 1 where an equation between labels holds, else 0: an axis for each of `sizes`."""
    labels = {word: k for k, word in enumerate(sizes)}
    domains = dict(enumerate(sizes.values()))
    relations: list[Relation] = []
    slots: list[Slot] = []
    terms: dict[Label, Size] = {}
    for side, sign in ((left, -1), (right, 1)):
        for word, number in side.terms:
            terms[labels[word]] = plus(terms.get(labels[word], 0), times(sign, number))
    constant = _whole(right.constant) - _whole(left.constant)
    values: dict[tuple[str, tuple[AxisExpression, ...]], int] = {}
    for side, sign in ((left, -1), (right, 1)):
        for name, axes, number in side.arrays:
            values[name, axes] = values.get((name, axes), 0) + sign * _whole(number)
    for (name, axes), number in values.items():
        array = arrays[name]
        places: list[Label] = []
        for axis, size in zip(axes, array.axis_sizes, strict=True):
            plain = _plain(axis)
            if isinstance(plain, str):
                places.append(labels[plain])
                continue
            (place,) = fresh_labels(1)
            inside: dict[Label, Size] = {labels[word]: times_ for word, times_ in axis.terms}
            relations.append(relation(axis.constant, {**inside, place: -1}))
            domains[place] = size
            places.append(place)
        others = [
            times(abs(_whole(k)), sizes[word]) for side in (left, right) for word, k in side.terms
        ]
        opposed = [k for k in values.values() if k * number < 0]
        if opposed:
            raise ShapeError(
                f"nothing says how many values {name} has in Delta({text!r}): write an index "
                "expression on an axis, or take the operands of an expression",
            )
        (value,) = fresh_labels(1)
        domains[value] = plus(abs(constant), 1, *others)
        terms[value] = number
        slots.append((one_hot_of(array, domains[value]), (*places, value)))
    relations.append(relation(constant, terms))
    given = tuple(domains.items())
    output = tuple(labels.values())
    return assemble(1, slots, output, axes=tuple(labels), given=given, relations=tuple(relations))


def _whole(number: Size) -> int:
    """A number of a string: there it is no size."""
    assert isinstance(number, int), "strings hold numbers alone"
    return number


class _Read(NamedTuple):
    """An axis that is an index expression: its label, its size where that is known, and where it
    stands in the string.
    """

    label: Label
    axis: AxisExpression
    size: Size | None
    position: int


class _Composing:
    def __init__(
        self, notation: Notation, sizes: Mapping[str, Size], arrays: Mapping[str, Expr]
    ) -> None:
        self.notation, self.arrays = notation, arrays
        words = _in_words(notation)
        self.keys = {key if key in arrays else _key(key, words=words): key for key in sizes}
        self.sizes = {form: sizes[key] for form, key in self.keys.items()}
        self.used: set[object] = set()  # sizes that something has asked for
        self.numbers: dict[str, Label] = {}
        self.domains: dict[Label, Size] = {}
        self.given: list[tuple[Label, Size]] = []
        self.relations: list[Relation] = []
        self.reads: list[_Read] = []  # axes of operands, and of index arrays
        self.writes: list[_Read] = []  # axes of the output
        self.ones: list[_Read] = []  # of vectors of ones
        self.values: dict[tuple[str, Labels], Label] = {}  # of index arrays at places

    def of(
        self,
        parts: Sequence[Expr | None],
        inputs: Sequence[tuple[Axis, ...]],
        output: tuple[Axis, ...],
    ) -> Composed:
        slots: list[Slot] = []
        for k, (part, axes) in enumerate(zip(parts, inputs, strict=True)):
            positions = self._positions(self.notation.inputs[k], axes)
            if part is None:
                self._ones(axes[0], positions[0])
                continue
            read = zip(axes, part.axis_sizes, positions, strict=True)
            slots.append((part, tuple([self._read(*axis) for axis in read])))
        assert self.notation.output is not None, "no implicit output where there are expressions"
        positions = self._positions(self.notation.output, output)
        written = [self._write(*axis) for axis in zip(output, positions, strict=True)]
        self._take_sizes()
        expressions = [self._linear(read) for read in (*self.reads, *self.writes)]
        reads = list(zip(self.reads, expressions, strict=False))
        writes = list(zip(self.writes, expressions[len(self.reads) :], strict=True))
        self._values_that_are_known(reads, writes)
        self._ranges(reads)
        self._check_values(reads, writes)
        for write, linear in writes:
            self._extent(write, linear)
        numbers = {one.label for one in self.ones if self.domains[one.label] == 1}
        for (label, *_), linear in (*reads, *writes):
            if linear is not None and label in numbers:  # it is read at 0, if at all
                self.relations.append(relation(linear.constant, dict(linear.terms)))
                del self.domains[label]
            elif linear is not None:
                terms = dict(linear.terms)
                terms[label] = plus(terms.get(label, 0), -1)
                self.relations.append(relation(linear.constant, terms))
        self._check_all_known(output, written)
        for (name, places), value in self.values.items():
            factor = one_hot_of(self.arrays[name], self.domains[value])
            slots.append((factor, (*places, value)))
        carried = {label for _, labels in slots for label in labels}
        own = [(x, size) for x, size in self.domains.items() if x not in carried]
        given = tuple(dict.fromkeys([*own, *self.given]))
        return Composed(tuple(slots), tuple(written), given, tuple(self.relations), self.numbers)

    def _positions(self, term: Term, axes: Sequence[Axis]) -> Sequence[int]:
        """Where axes stand in the string; with an ellipsis, where their term does."""
        if len(term.positions) == len(axes):
            return term.positions
        return (term.start,) * len(axes)

    def _word(self, word: str) -> Label:
        return self.numbers.setdefault(word, len(self.numbers))

    # ---- axes
    def _read(self, axis: Axis, size: Size, position: int) -> Label:
        """The label of an axis of an operand or of an index array."""
        if isinstance(axis, str):
            label = self._word(axis)
            self.domains.setdefault(label, size)
            return label
        (label,) = fresh_labels(1)
        self.domains[label] = size
        self.reads.append(_Read(label, axis, size, position))
        self._places(axis, position)
        return label

    def _write(self, axis: Axis, position: int) -> Label:
        """The label of an axis of the output."""
        if isinstance(axis, str):
            return self._word(axis)
        (label,) = fresh_labels(1)
        self.writes.append(_Read(label, axis, None, position))
        self._places(axis, position)
        return label

    def _ones(self, axis: Axis, position: int) -> None:
        """A vector of ones: as long as it is given, else as what stands there has it."""
        if isinstance(axis, str):
            self._word(axis)
            return
        size = self._asked(_own_key(axis))
        if size is None:
            label = self._write(axis, position)
        else:
            label = self._read(axis, size, position)
        self.ones += [one for one in (*self.reads, *self.writes) if one.label == label]

    def _places(self, axis: AxisExpression, position: int) -> None:
        """The labels of an index expression, and the values of its index arrays."""
        for word in (*axis.flattened, *[word for word, _ in axis.terms]):
            self._word(word)
        for name, places, _ in axis.arrays:
            if self._known_value(name, places) is not None:
                continue
            array = self.arrays[name]
            labels = []
            for place, size in zip(places, array.axis_sizes, strict=True):
                labels.append(self._read(_plain(place), size, position))
            (self.values[name, tuple(labels)],) = fresh_labels(1)

    def _linear(self, read: _Read) -> Linear | None:
        """An index expression between labels; None for a flattening, whose sizes may be open."""
        if read.axis.flattened:
            return None
        terms: dict[Label, Size] = {}
        for word, times_ in read.axis.terms:
            terms[self.numbers[word]] = plus(terms.get(self.numbers[word], 0), times_)
        for name, places, times_ in read.axis.arrays:
            value = self._value(name, places)
            terms[value] = plus(terms.get(value, 0), times_)
        one = relation(read.axis.constant, terms)
        return Linear(one.constant, one.terms)

    def _value(self, name: str, places: Sequence[AxisExpression]) -> Label:
        """The label of what an index array holds at places."""
        value = self._known_value(name, places)
        assert value is not None, "every index array has been met"
        return value

    def _known_value(self, name: str, places: Sequence[AxisExpression]) -> Label | None:
        for (other, labels), value in self.values.items():
            if other == name and self._same_places(labels, places):
                return value
        return None

    def _same_places(self, labels: Labels, places: Sequence[AxisExpression]) -> bool:
        composite = {read.label: read.axis for read in self.reads}
        for label, place in zip(labels, map(_plain, places), strict=True):
            if isinstance(place, str):
                if label != self.numbers.get(place):
                    return False
            elif composite.get(label) != place:
                return False
        return True

    # ---- sizes
    def _take_sizes(self) -> None:
        """The sizes that are given by labels."""
        for word, label in self.numbers.items():
            if word in self.arrays and label in self.domains:
                continue  # it is said of the index array
            if word in self.sizes:
                self.used.add(word)
                self.given.append((label, self.sizes[word]))
                self.domains.setdefault(label, self.sizes[word])

    def _ranges(self, reads: Sequence[tuple[_Read, Linear | None]]) -> None:
        """The sizes that follow from axes, one from the other: the parts of flattened ones, and
        the largest ranges in which sums stay inside.
        """
        flattened = [read for read in (*self.reads, *self.writes) if read.axis.flattened]
        waiting = [(read, linear) for read, linear in reads if linear is not None]
        written = {label for _, linear in waiting for label, _ in linear.terms}
        opened = {x for x in self.numbers.values() if x in written and x not in self.domains}
        count = -1
        while len(flattened) + len(waiting) != count:
            count = len(flattened) + len(waiting)
            flattened = [read for read in flattened if not self._flattening(read)]
            waiting = [one for one in waiting if not self._opening(*one, opened)]
        for whole in flattened:
            words = whole.axis.flattened
            unknown = [word for word in words if self.numbers[word] not in self.domains]
            names = ", ".join([f"{word!r}: …" for word in unknown[:SPOKEN]])
            self._refuse(
                f"({_short(whole.axis)}) parts an axis into {len(words)}: give sizes={{{names}}}",
                whole.position,
            )
        for word, label in self.numbers.items():
            if label in opened and label not in self.domains:
                position = next(r.position for r, f in reads if f and label in dict(f.terms))
                self._refuse(
                    f"the size of {word!r} is left open: give sizes={{{word!r}: …}}", position
                )

    def _flattening(self, read: _Read) -> bool:
        """``p = h · n_w + w``: the size of one label may follow from that of the axis. Could this
        be decided?
        """
        words = read.axis.flattened
        labels = [self.numbers[word] for word in words]
        unknown = [label for label in labels if label not in self.domains]
        whole = self._size_of(read)
        if len(unknown) > 1 or (unknown and whole is None):
            return False
        if unknown:
            known = [self.domains[x] for x in labels if x in self.domains]
            assert whole is not None
            self.domains[unknown[0]] = self._parted(whole, known, read)
        product = times(*[self.domains[label] for label in labels])
        self.domains.setdefault(read.label, product)
        self.given.append((read.label, product))
        terms: dict[Label, Size] = {read.label: -1}
        for k, label in enumerate(labels):
            step = times(*[self.domains[inner] for inner in labels[k + 1 :]])
            terms[label] = plus(terms.get(label, 0), step)
        self.relations.append(relation(0, terms))
        return True

    def _opening(self, read: _Read, linear: Linear, opened: set[Label]) -> bool:
        """The range of the one label of a read that is left open. Could this be decided?"""
        labels = [label for label, _ in linear.terms]
        own = [x for x in labels if x in opened]
        values = [label for label in labels if label in self.values.values()]
        if not own or any(value not in self.domains for value in values):
            return True
        unknown = [x for x in labels if x not in self.domains]
        if len(unknown) > 1:
            return False
        if unknown:
            self._open(read, linear, unknown[0])
        elif len(own) == 1:
            self._open(read, linear, own[0])
        return True

    def _parted(self, whole: Size, known: Sequence[Size], read: _Read) -> Size:
        """The size of the one label of a flattening that is not known."""
        product = times(*known)
        if product == 0:
            self._refuse(f"({_short(read.axis)}) parts an axis by 0: give all sizes", read.position)
        exact = exact_quotient(whole, product)
        if exact is not None:
            return exact
        if isinstance(whole, int) and isinstance(product, int):
            self._refuse(
                f"an axis of size {whole} cannot be split by {product}: there is a rest",
                read.position,
            )
        return floor_quotient(whole, product)

    def _size_of(self, read: _Read) -> Size | None:
        """The size of the axis itself: of its operand, or as it is given for the output."""
        if read.size is not None:
            return read.size
        return self._asked(read.axis)

    def _asked(self, axis: Axis) -> Size | None:
        """The size that is given for an axis, or for an index array by its name, if any."""
        # A coefficient that is a size cannot be written in a string: there the text is the key.
        for form in (_form(axis), str(axis)):
            if form in self.sizes:
                self.used.add(form)
                return self.sizes[form]
        return None

    def _open(self, read: _Read, linear: Linear, label: Label) -> None:
        """The range of one label, from one read."""
        assert read.size is not None
        found = domain_of(linear, label, read.size, self.domains)
        if found is None:
            word = next(word for word, own in self.numbers.items() if own == label)
            self._refuse(
                f"({_short(read.axis)}) leaves the size of {word!r} open, for there is no one "
                f"range in which it stays inside: give sizes={{{word!r}: …}}",
                read.position,
            )
        if isinstance(found, int) and found < 1:
            word = next(word for word, own in self.numbers.items() if own == label)
            others = [other for other, _ in linear.terms if other != label]
            beside = [f"{word_of} has size {self.domains[x]}" for x, word_of in self._words(others)]
            known = f" where {' and '.join(beside)}" if beside else ""
            self._refuse(
                f"the axis has {read.size} entries, and ({_short(read.axis)}) stays inside for no "
                f"{word!r}{known}: give sizes={{{word!r}: …}}",
                read.position,
            )
        if label in self.domains:
            self.given.append((label, found))
        else:
            self.domains[label] = found

    def _values_that_are_known(
        self,
        reads: Sequence[tuple[_Read, Linear | None]],
        writes: Sequence[tuple[_Read, Linear | None]],
    ) -> None:
        """How many values an index array has: as many places as its axis has, where it stands
        alone on one; in a sum 1 + the largest, where the array is held.
        """
        pointed: dict[str, Size] = {}  # what an index array points into, by its name
        for (name, _), value in sorted(self.values.items(), key=self._is_only_written):
            alone = [
                r
                for r, f in (*reads, *writes)
                if f == Linear(0, ((value, 1),)) and r.axis.array is not None
            ]
            sizes = [read.size for read in alone if read.size is not None]
            asked = self._asked(name)
            if asked is not None:
                sizes.append(asked)
            if not sizes and alone and name in pointed:
                sizes = [pointed[name]]
            if not sizes and not alone:
                sizes = [self._number_of_values(self.arrays[name])]
            if not sizes:
                continue
            self.domains[value] = sizes[0]
            self.given += [(value, size) for size in sizes[1:]]
            if alone:
                pointed.setdefault(name, sizes[0])
                self._check_places(name, sizes[0], alone[0])

    def _check_places(self, name: str, size: Size, read: _Read) -> None:
        """Raise where a held array points beyond an axis of a known size."""
        array = self.arrays[name]
        if not isinstance(array, Constant) or not isinstance(size, int) or not array.value.size:
            return
        largest = int(array.value.max())
        if largest >= size:
            place = int(array.value.argmax())
            at: list[int] = []
            for length in reversed(array.value.shape):
                place, entry = divmod(place, length)
                at.insert(0, entry)
            self._refuse(
                f"the index array {name} holds {largest} at {at}, but points into "
                f"{size} places: 0 to {size - 1}",
                read.position,
            )

    def _words(self, labels: Sequence[Label]) -> list[tuple[Label, str]]:
        """Labels with their words, those that have some."""
        words = {label: word for word, label in self.numbers.items()}
        return [(label, words[label]) for label in labels if label in words]

    def _number_of_values(self, array: Expr) -> Size:
        """1 + the largest value of an array, or 1: of one that is given later, a size with that
        name.
        """
        if isinstance(array, Constant):
            return 1 + int(array.value.max()) if array.value.size else 1
        assert isinstance(array, Tensor)
        return (array.name, -1)

    def _check_values(
        self,
        reads: Sequence[tuple[_Read, Linear | None]],
        writes: Sequence[tuple[_Read, Linear | None]],
    ) -> None:
        """Raise for an index array alone in the output, where nothing says what it points into."""
        for (name, _), value in self.values.items():
            if value not in self.domains:
                used = [r for r, f in (*reads, *writes) if f and value in dict(f.terms)]
                self._refuse(
                    f"nothing says how many places {name!r} points into: give "
                    f"sizes={{{name!r}: …}}",
                    used[0].position,
                )

    def _is_only_written(self, item: tuple[tuple[str, Labels], Label]) -> bool:
        """Does an index array stand in the output alone? Its values may be known elsewhere."""
        _, value = item
        expressions = [self._linear(read) for read in self.reads]
        return not any(f and value in dict(f.terms) for f in expressions)

    def _extent(self, write: _Read, linear: Linear | None) -> None:
        """The size of an axis of the output: one more than its largest index, or as it is given."""
        if linear is None:
            return
        asked = self._asked(write.axis)
        if asked is None:
            missing = [x for x, _ in linear.terms if x not in self.domains]
            if missing:
                words = [word for word, label in self.numbers.items() if label in missing]
                self._refuse(
                    f"the size of {words[0]!r} is in no operand: give sizes={{{words[0]!r}: …}}",
                    write.position,
                )
            unknown = [name for name, *_ in write.axis.arrays if not self._is_held(name)]
            if unknown and write.axis.array is None:
                key = write.axis.text
                self._refuse(
                    f"the largest index of ({key}) is not known: give sizes={{{key!r}: …}}",
                    write.position,
                )
            asked = extent(linear, self.domains)
        if asked is None:
            self._refuse(
                f"the largest index of ({_short(write.axis)}) is not known: give "
                f"sizes={{{write.axis.text!r}: …}}",
                write.position,
            )
        self.domains[write.label] = asked

    def _is_held(self, name: str) -> bool:
        return isinstance(self.arrays[name], Constant)

    def _check_all_known(self, output: Sequence[Axis], labels: Sequence[Label]) -> None:
        """Every label of the output has a size, and every size that is given a label."""
        positions = self._positions(self.notation.output or Term((), (), 0), output)
        for axis, label, position in zip(output, labels, positions, strict=True):
            if label not in self.domains and isinstance(axis, str):
                raise ParseError(
                    f"output label {axis!r} is in no operand; give its size to einsum, "
                    f"sizes={{{axis!r}: …}}, to broadcast",
                    self.notation.text,
                    position,
                )
        for word in self.numbers:
            if self.numbers[word] not in self.domains:
                raise ParseError(
                    f"the size of {word!r} is not known: give sizes={{{word!r}: …}}",
                    self.notation.text,
                    0,
                )
        for form, key in self.keys.items():
            if form not in self.used:
                known = [*self.numbers, *[write.axis.text for write in self.writes]]
                raise ParseError(
                    f"sizes names {key!r}, which is no label here; {near(key, known)}",
                    self.notation.text,
                    0,
                )

    def _refuse(self, message: str, position: int) -> NoReturn:
        raise ShapeError(message, self.notation.text, position)


def _in_words(notation: Notation) -> bool:
    """Are the labels of a string words?"""
    terms = [*notation.inputs] if notation.output is None else [*notation.inputs, notation.output]
    for axis in chain.from_iterable([term.labels for term in terms]):
        if axis != ELLIPSIS and any(len(label) > 1 for label in labels_of(axis)):
            return True
    return False


def _key(key: str, *, words: bool) -> object:
    """What keys of sizes have in common that say the same: ``1+i`` and ``(i + 1)``."""
    text = key.strip()
    if not text.startswith("("):
        text = f"({text})"
    beside = ", in words" if words else ""  # a second operand says how the first is read
    try:
        (axes, *_) = [term.labels for term in read(f"{text}{beside}->").inputs]
    except ParseError:
        return key
    return _form(axes[0]) if len(axes) == 1 else key


def _form(axis: Axis) -> object:
    """An axis whatever the order of its terms."""
    if isinstance(axis, str):
        return axis
    if axis.flattened:
        return axis.flattened
    arrays = [
        (name, tuple([_form(_plain(place)) for place in places]), times_)
        for name, places, times_ in axis.arrays
    ]
    return axis.constant, frozenset(axis.terms), frozenset(arrays), axis.plus_0


def _own_key(axis: AxisExpression) -> Axis:
    """What an axis is called in sizes: an index array alone by its name."""
    return axis if axis.array is None else axis.array


def _short(axis: AxisExpression) -> str:
    """An index expression in a message."""
    text = axis.text
    return text if len(text) <= LONG else text[:LONG] + "…"


def _plain(axis: AxisExpression) -> Axis:
    """``i`` for an expression that is one label."""
    one = len(axis.terms) == 1 and axis.terms[0][1] == 1
    if one and not axis.constant and not axis.arrays and not axis.flattened:
        return axis.terms[0][0]
    return axis
