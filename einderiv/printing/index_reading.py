"""Products with relations as people read them: every axis of the result is one label, and what
stands in a bracket follows from these labels.

The product x[p] w[k] → i with p = i + k is read as ``Σ_k x[i+k] w[k]``, and its derivative
w[k] → i, a with a = i + k as ``w[a−i]``: nothing is read outside an axis, so that nothing else has
to be said. What is neither an axis nor read has its range beside it, ``Σ_{k: 0 ≤ a−k < n}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Linear,
    Relation,
    Size,
    Sizes,
    Tensor,
    Variable,
    bare,
    fresh_names,
    is_hot,
    is_nonnegative,
    minus,
    naming,
    product_of_sizes,
    size_text,
    solvings,
    span,
    sum_of_sizes,
    unused_names,
    with_measures,
)
from .strings import LabelNames

#: nodes that are looked at to find whether a formula shows an axis
MOST_SHOWN = 200


class Entry(NamedTuple):
    """What an index array holds, ``r[e]``."""

    array: Expr
    places: tuple[Place, ...]


class Place(NamedTuple):
    """An index expression, ``constant + Σ coefficient · label``, and of entries of index arrays."""

    constant: Size
    terms: tuple[tuple[Label | Entry, Size], ...]

    @property
    def is_entry(self) -> bool:
        """Is it an entry of an index array, and nothing else?"""
        one = self.constant == 0 and len(self.terms) == 1 and self.terms[0][1] == 1
        return one and isinstance(self.terms[0][0], Entry)

    @property
    def has_entries(self) -> bool:
        """Is an index array in it?"""
        return any(isinstance(atom, Entry) for atom, _ in self.terms)


class Range(NamedTuple):
    """``0 ≤ place < size``, where `above` only the second part has to be said, where `below` only
    the first.
    """

    place: Place
    size: Size
    below: bool = True
    above: bool = True


class Reading(NamedTuple):
    """How a product is read."""

    summed: Labels
    at: dict[Label, Place]  # what stands in the brackets for each label
    deltas: tuple[tuple[Place, Place], ...]  # places that are equal: δ[a, i+1]
    equations: tuple[Place, ...]  # what is 0: [2j = 3i]
    ranges: tuple[Range, ...]


class NamedReading(NamedTuple):
    """A reading with names for its labels; `ties` are axes of the result that are one label."""

    names: dict[Label, str]
    ties: tuple[tuple[str, str], ...]
    summed: Labels
    at: dict[Label, Place]
    deltas: tuple[tuple[Place, Place], ...]
    equations: tuple[Place, ...]
    ranges: tuple[Range, ...]

    def labels_of(self, place: Place) -> set[Label]:
        """The labels that a place depends on."""
        inner = [place, *[p for entry in _entries([place]) for p in entry.places]]
        atoms = [atom for one in inner for atom, _ in one.terms]
        return {atom for atom in atoms if not isinstance(atom, Entry)}

    def is_summed(self, place: Place) -> bool:
        """Depends a place on a label that is summed?"""
        return not self.labels_of(place).isdisjoint(self.summed)


def named_reading(
    flat: Einsum,
    indices: LabelNames,
    known: Sizes,
    taken: set[str],
    *,
    guarded: bool = False,
) -> NamedReading | None:
    """As :func:`reading`, under names that are not `taken`, which grows by them. The axes of the
    result are called `indices`.
    """
    found = reading(flat, known, guarded=guarded)
    if found is None:
        return None
    names: dict[Label, str] = {}
    ties: list[tuple[str, str]] = []
    for label, index in zip(flat.output, indices, strict=True):
        first = names.setdefault(label, index)
        if first != index:
            ties.append((first, index))
    wanted = wanted_names(flat, found.summed)
    names |= free_names(found.summed, wanted, taken)
    return NamedReading(names, tuple(ties), *found)


def free_names(
    labels: Iterable[Label], wanted: Mapping[Label, str], taken: set[str]
) -> dict[Label, str]:
    """For each label the name that is wanted if it is free, or else a fresh one that no other
    wants. `taken` grows by them.
    """
    names: dict[Label, str] = {}
    unused = unused_names({*taken, *wanted.values()})
    for label in labels:
        name = wanted[label]
        names[label] = name if name not in taken else next(unused)
        taken.add(names[label])
    return names


def wanted_names(flat: Einsum, labels: Sequence[Label]) -> dict[Label, str]:
    """What labels are called best: as their author called them, else as they are printed."""
    wanted = {label: letter for label, letter in flat.letters.items() if letter}
    for label, name in naming(flat).labels.items():
        wanted.setdefault(label, name)
    letterless = [label for label in labels if label not in wanted]
    for label, name in zip(letterless, fresh_names(len(letterless), wanted.values()), strict=True):
        wanted[label] = name
    return wanted


def reading(flat: Einsum, known: Sizes, *, guarded: bool = False) -> Reading | None:
    """How a flat product is read; None where no point satisfies its relations.

    `known` says what sizes measure. With `guarded` what is read is in the ranges too, for a
    language in which nothing may be read outside.
    """
    return _Reading(flat, known, guarded).found()


class _Reading:
    def __init__(self, flat: Einsum, known: Sizes, guarded: bool) -> None:
        self.flat, self.known, self.guarded = flat, known, guarded
        self.domains: dict[Label, Size] = {x: self.size(n) for x, n in flat.given}
        for label, size in zip(flat.output, flat.axis_sizes, strict=True):
            self.domains[label] = self.size(size)
        for factor, labels in flat.slots:
            for label, size in zip(labels, factor.axis_sizes, strict=True):
                self.domains[label] = self.size(size)
        self.relations: list[Relation] = []
        for constant, terms in flat.relations:
            numbers = [(label, self.size(k)) for label, k in terms]
            left = tuple([(label, k) for label, k in numbers if k != 0])
            self.relations.append(Relation(self.size(constant), left))
        self.hots = [(factor, labels) for factor, labels in flat.slots if is_hot(factor)]
        self.by: Mapping[Label, Linear] = {}
        # the index arrays that values stand for, with the labels of their places
        self.entries: dict[Label, tuple[Expr, Labels]] = {}
        self.kept = set(flat.output)

    def size(self, size: Size) -> Size:
        """A size with the numbers that are known."""
        return with_measures(size, self.known.known_measure)

    def found(self) -> Reading | None:
        values = {labels[-1] for _, labels in self.hots}
        letterless = [x for x in self.domains if self.flat.letters.get(x) is None]
        solutions = solvings(
            self.relations,
            self.domains,
            self._read() | values,
            1,
            keep=self.kept | values,
            first=set(letterless) - self.kept - values,
        )
        solution = next(solutions, None)
        if solution is None:
            return None
        self.by = solution.by
        # The first index array that says what a label is stands for it; others are tied to it.
        tied: list[tuple[Label, Expr, Labels]] = []
        for factor, labels in self.hots:
            places, value = labels[:-1], labels[-1]
            is_free = value not in self.kept and value not in self.by
            if is_free and value not in self.entries and not self._reaches(places, value):
                self.entries[value] = (factor.arguments[0], places)
            else:
                tied.append((value, factor.arguments[0], places))
        deltas = [self._tie(self._relation(x)) for x in self.by if x in self.kept]
        for value, array, places in tied:
            entry = Entry(array, tuple(map(self._place, places)))
            constant, terms = self._place(value)
            deltas.append(self._tie(Place(constant, (*terms, (entry, -1)))))

        equations = [self._place_of(Linear(*one)) for one in solution.rest]
        at = {label: self._place(label) for label in self.domains}
        summed = self._summed()
        ranges: list[Range] = []
        for linear, size in solution.guards:
            if size == 1:  # 0 ≤ 2j − 3i < 1
                equations.append(self._place_of(linear))
            else:
                ranges += self._range(self._place_of(linear), size)
        shown = [at[x] for f, own in self.flat.slots if not is_hot(f) for x in own]
        shown += [place for pair in deltas for place in pair]
        shown += [*equations, *[one.place for one in ranges]]
        entries = _entries(shown)
        ranges += self._ranges_of_unread({entry.array for entry in entries})
        axes = self._axes_shown(at, entries)
        for label in summed:
            if label not in axes:
                ranges.append(Range(Place(0, ((label, 1),)), self.domains[label], below=False))
        return Reading(summed, at, tuple(deltas), tuple(equations), tuple(ranges))

    def _axes_shown(self, at: Mapping[Label, Place], entries: Sequence[Entry]) -> set[Label]:
        """The labels that stand alone on an axis, which is no longer than their range."""
        found: set[Label] = set()
        read: list[tuple[Place, Size]] = []
        for factor, labels in self.flat.slots:
            if not is_hot(factor):
                for axis, label in enumerate(labels):
                    if _shows(factor, axis, [MOST_SHOWN]):
                        read.append((at[label], self.domains[label]))
        for entry in entries:
            read += [
                (place, self.size(n)) for place, n in zip(entry.places, entry.array.axis_sizes)
            ]
        for place, size in read:
            if len(place.terms) == 1 and place.constant == 0 and place.terms[0][1] == 1:
                atom = place.terms[0][0]
                if isinstance(atom, int) and is_nonnegative(minus(self.domains[atom], size)):
                    found.add(atom)
        return found

    def _ranges_of_unread(self, seen: set[Expr]) -> list[Range]:
        """Ranges of the places of index arrays that stand nowhere: outside is no point."""
        found: list[Range] = []
        for array, places in self.entries.values():
            if array not in seen:
                for label in places:
                    place = self._place(label)
                    if place != Place(0, ((label, 1),)):
                        found += self._range(place, self.domains[label])
        return found

    def _read(self) -> set[Label]:
        """Labels that need no range. What is no array by itself is evaluated only inside."""
        if self.guarded:
            return set()
        found = set(self.kept)
        for factor, labels in self.flat.slots:
            if isinstance(factor, (Tensor, Constant)) or is_hot(factor):
                found.update(labels)
        return found

    def _summed(self) -> Labels:
        """The labels that are summed, in written order."""
        inside = dict.fromkeys([x for labels in self.flat.inputs for x in labels])
        inside |= dict.fromkeys([x for _, terms in self.relations for x, _ in terms])
        inside |= dict.fromkeys(bare(self.flat))
        gone = self.kept.union(self.by, self.entries)
        return tuple([label for label in inside if label not in gone])

    # ---- places
    def _place(self, label: Label) -> Place:
        """What stands for a label: an axis of the result for itself."""
        if label in self.kept:
            return Place(0, ((label, 1),))
        if label in self.by:
            return self._place_of(self.by[label])
        if label in self.entries:
            array, places = self.entries[label]
            return Place(0, ((Entry(array, tuple(map(self._place, places))), 1),))
        return Place(0, ((label, 1),))

    def _place_of(self, linear: Linear) -> Place:
        constant = linear.constant
        terms: dict[Label | Entry, Size] = {}
        for label, k in linear.terms:
            inner = self._place(label)
            constant = sum_of_sizes(constant, product_of_sizes(k, inner.constant))
            for atom, own in inner.terms:
                terms[atom] = sum_of_sizes(terms.get(atom, 0), product_of_sizes(k, own))
        left = tuple([(atom, k) for atom, k in terms.items() if k != 0])
        return Place(constant, left)

    def _relation(self, label: Label) -> Place:
        """What is 0 where a label is what it was solved for."""
        constant, terms = self.by[label]
        found: dict[Label | Entry, Size] = {label: -1}
        for other, k in terms:
            inner = self._place(other)
            constant = sum_of_sizes(constant, product_of_sizes(k, inner.constant))
            for atom, own in inner.terms:
                found[atom] = sum_of_sizes(found.get(atom, 0), product_of_sizes(k, own))
        return Place(constant, tuple([(atom, k) for atom, k in found.items() if k != 0]))

    def _tie(self, zero: Place) -> tuple[Place, Place]:
        """``δ[a, i+1]``, where what is 0 has an axis of the result; two axes that are equal stand
        in their order, ``δ[i,a]``.
        """
        order = self.flat.output
        ways: list[tuple[int, int, Label | Entry, Place]] = []
        for pivot, k in zero.terms:
            if k not in (1, -1):
                continue
            rank = order.index(pivot) if pivot in order else -1
            others = [(x, n if k == -1 else minus(0, n)) for x, n in zero.terms if x != pivot]
            constant = zero.constant if k == -1 else minus(0, zero.constant)
            taken = [n for n in (constant, *[n for _, n in others]) if _is_negative(n)]
            unfit = len(taken) if rank >= 0 else 2 * len(zero.terms) + 2
            ways.append((unfit, -rank, pivot, Place(constant, tuple(others))))
        # the one in which least is taken away, of equal ones the last axis
        _, _, pivot, place = min(ways, key=lambda way: way[:2])
        own = Place(0, ((pivot, 1),))
        if place.constant == 0 and len(place.terms) == 1 and place.terms[0][1] == 1:
            other = place.terms[0][0]
            if other in order and not isinstance(other, Entry):
                return place, own
        return own, place

    def _reaches(self, labels: Labels, goal: Label) -> bool:
        """Does what stands for `labels` depend on a label? An entry would then be of itself."""
        stack = list(labels)
        seen: set[Label] = set()
        while stack:
            label = stack.pop()
            if label == goal:
                return True
            if label in seen:
                continue
            seen.add(label)
            if label in self.by:
                stack += [inner for inner, _ in self.by[label].terms]
            if label in self.entries:
                stack += self.entries[label][1]
        return False

    # ---- ranges
    def _range(self, place: Place, size: Size) -> list[Range]:
        """The part of a range that is not sure."""
        below = above = True
        if not place.has_entries:
            linear = Linear(place.constant, place.terms)  # type: ignore[arg-type]
            found = span(linear, self.domains)
            facts = [minus(n, 1) for n in self.domains.values()]
            if found is not None:
                most = minus(minus(size, 1), found[1])
                below = not is_nonnegative(found[0], facts)
                above = not is_nonnegative(most, facts)
        return [Range(place, size, below, above)] if below or above else []


def _shows(e: Expr, axis: int, left: list[int]) -> bool:
    """Does the formula of `e` show what stands at an axis alone on the axis of an array? A no may
    be wrong.
    """
    left[0] -= 1
    if left[0] < 0:
        return False
    match e:
        case Tensor() | Constant():
            return True
        case Add():
            return any(_shows(addend, axis, left) for addend in e.addends)
        case Apply():
            if axis >= e.arguments[0].ndim - e.core:
                return False
            return any(_shows(inner, axis, left) for inner in e.arguments if inner.ndim > axis)
        case Einsum():
            for factor, labels in e.slots:
                for k, label in enumerate(labels):
                    if label == e.output[axis] and (is_hot(factor) or _shows(factor, k, left)):
                        return True
    return False


def _entries(places: Sequence[Place]) -> list[Entry]:
    """The index arrays in places."""
    found: list[Entry] = []
    stack = list(places)
    while stack:
        for atom, _ in stack.pop().terms:
            if isinstance(atom, Entry):
                found.append(atom)
                stack += atom.places
    return found


# ---- as text


class IndexText(str):
    """An index expression as text, with what it is made of, so that it can be put into another."""

    __slots__ = ("constant", "terms")

    constant: Size
    terms: dict[str, Size]


class IndexSpelling(NamedTuple):
    """How index expressions are spelt in a language."""

    minus: str
    label: Callable[[str], str]
    entry: Callable[[Expr, Sequence[str]], str]  # of an index array
    size: Callable[[Size], str]
    times: str  # between a size and a label
    number_times: str = ""  # between a number and a label
    plus: str = "+"

    def place(self, place: Place, names: Mapping[Label, str]) -> str:
        """A place as text; a label alone as it is called."""
        constant = place.constant
        terms: dict[str, Size] = {}
        for atom, k in place.terms:
            if isinstance(atom, Entry):
                inside = [self.place(inner, names) for inner in atom.places]
                name = self.entry(atom.array, inside)
            else:
                name = names[atom]
            if isinstance(name, IndexText):
                constant = sum_of_sizes(constant, product_of_sizes(k, name.constant))
                for inner_name, inner in name.terms.items():
                    terms[inner_name] = sum_of_sizes(
                        terms.get(inner_name, 0), product_of_sizes(k, inner)
                    )
            else:
                shown = name if isinstance(atom, Entry) else self.label(name)
                if place == Place(0, ((atom, 1),)) and not isinstance(atom, Entry):
                    return name
                terms[shown] = sum_of_sizes(terms.get(shown, 0), k)
        return self.written(constant, terms)

    def written(self, constant: Size, terms: Mapping[str, Size]) -> IndexText:
        """``a−i+1``: what is added first, a constant last unless nothing else is added."""
        added = [(k, name) for name, k in terms.items() if k != 0 and not _is_negative(k)]
        taken = [(minus(0, k), name) for name, k in terms.items() if k != 0 and _is_negative(k)]
        parts = [(self.plus, self._scaled(k, name)) for k, name in added]
        after = [(self.minus, self._scaled(k, name)) for k, name in taken]
        own: list[tuple[str, str]] = []
        if constant != 0 and _is_negative(constant):
            own.append((self.minus, self._bracketed(self.size(minus(0, constant)))))
        elif constant != 0 or not (parts or after):
            own.append((self.plus, self.size(constant)))
        parts = [*parts, *after, *own] if parts else [*own, *after]
        if parts[0][0] == self.minus and own and own[0][0] == self.minus:
            parts = [*after, *own]
        text = "".join([before + word for before, word in parts]).removeprefix(self.plus)
        if text.startswith(self.minus):
            text = self.minus.strip() + text.removeprefix(self.minus)
        found = IndexText(text)
        found.constant, found.terms = constant, dict(terms)
        return found

    def _scaled(self, k: Size, name: str) -> str:
        if k == 1:
            return name
        if isinstance(k, int):
            return f"{k}{self.number_times}{name}"
        return f"{self._bracketed(self.size(k))}{self.times}{name}"

    def _bracketed(self, text: str) -> str:
        """A sum or a quotient of sizes as a part of something else."""
        plain = not any(c in text for c in "+-−/ ")
        return text if plain else f"({text})"

    def equation(self, place: Place, names: Mapping[Label, str], equals: str = "=") -> str:
        """``2j = 3i`` for ``2j − 3i`` being 0."""
        above, below = _parted(place)
        return f"{self.place(above, names)} {equals} {self.place(below, names)}"

    def range(
        self, range_: Range, names: Mapping[Label, str], at_most: str = "≤", less: str = "<"
    ) -> str:
        """``0 ≤ i−j < n``, ``j ≤ i`` where only that is not sure, ``k < n``."""
        shown = self.place(range_.place, names)
        if range_.below and range_.above:
            return f"0 {at_most} {shown} {less} {self.size(range_.size)}"
        if range_.above:
            return f"{shown} {less} {self.size(range_.size)}"
        above, below = _parted(range_.place)
        return f"{self.place(below, names)} {at_most} {self.place(above, names)}"


def _is_negative(k: Size) -> bool:
    if isinstance(k, int):
        return k < 0
    return is_nonnegative(minus(-1, k))


def _parted(place: Place) -> tuple[Place, Place]:
    """A place as a difference of two, in which nothing is negative."""
    above = tuple([(atom, k) for atom, k in place.terms if not _is_negative(k)])
    below = tuple([(atom, minus(0, k)) for atom, k in place.terms if _is_negative(k)])
    if _is_negative(place.constant):
        return Place(0, above), Place(minus(0, place.constant), below)
    return Place(place.constant, above), Place(0, below)


def called_axis(variable: Variable) -> str:
    """A size that is an axis of a tensor, ``x.shape[0]``, or a declared name."""
    return variable if isinstance(variable, str) else f"{variable[0]}.shape[{variable[1]}]"


def solved_for_one(zero: Place, flat: Einsum) -> Place:
    """What is 0 with few terms above 0, the last axis of the result or a label without a letter if
    it may be: ``a = i + k``, not ``i + k = a``.
    """
    turned = Place(minus(0, zero.constant), tuple([(x, minus(0, k)) for x, k in zero.terms]))
    order = list(flat.output)

    def rank(place: Place) -> tuple[int, int]:
        above = [x for x, k in place.terms if not _is_negative(k)]
        last = max([order.index(x) for x in above if x in order], default=-1)
        return len(above), -last

    return min(zero, turned, key=rank)


#: how index expressions are spelt in pictures
SPELLING = IndexSpelling(
    "−", str, lambda array, places: "", lambda size: size_text(size, called_axis, minus="−"), "·"
)
