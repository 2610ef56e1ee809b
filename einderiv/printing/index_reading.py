"""Products with relations as people read them: every axis of the result is one label, and what
stands in a bracket follows from these labels.

The product x[p] w[k] → i with p = i + k is read as ``Σ_k x[i+k] w[k]``, and its derivative
w[k] → i, a with a = i + k as ``w[a−i]``: nothing is read outside an axis, so that nothing else has
to be said. What is neither an axis nor read has its range beside it, ``Σ_{k: 0 ≤ a−k < n}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Lettering,
    Linear,
    Relation,
    Size,
    Sizes,
    Solved,
    Tensor,
    Variable,
    bare,
    flatten,
    is_hot,
    is_nonnegative,
    minus,
    product_of_sizes,
    size_text,
    solvings,
    span,
    sum_of_sizes,
    with_measures,
)
from ..functions import same_axes
from .strings import LabelNames

#: nodes that are looked at to find what a formula tells of the ranges of its labels
MOST_SHOWN = 2000


class Entry(NamedTuple):
    """What an index array holds, ``r[e]``."""

    array: Expr
    places: tuple[Place, ...]


class Place(NamedTuple):
    """An index expression, ``constant + Σ coefficient · label``, and of entries of index arrays."""

    constant: Size
    terms: tuple[tuple[Label | Entry, Size], ...]
    plus_0: bool = False  # r[e]+0 or i+0, which may be outside of the axis

    @property
    def is_entry(self) -> bool:
        """Is it an entry of an index array, and nothing else? Then it is a place of the axis."""
        one = self.constant == 0 and len(self.terms) == 1 and self.terms[0][1] == 1
        return one and isinstance(self.terms[0][0], Entry) and not self.plus_0

    def as_sum(self) -> Place:
        """An entry of an index array as a sum, of which nothing is known."""
        return self._replace(plus_0=True) if self.is_entry else self

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
    letters: Lettering,
    *,
    guarded: bool = False,
    is_alone: bool = False,
) -> NamedReading | None:
    """As :func:`reading`, under `letters` that are not `taken`, which grows by them. The axes of
    the result are called `indices`.
    """
    found = reading(flat, known, guarded=guarded, is_alone=is_alone)
    if found is None:
        return None
    names: dict[Label, str] = {}
    ties: list[tuple[str, str]] = []
    for label, index in zip(flat.output, indices, strict=True):
        first = names.setdefault(label, index)
        if first != index:
            ties.append((first, index))
    names |= letters.inner(flat, found.summed, taken)
    return NamedReading(names, tuple(ties), *found)


def reading(
    flat: Einsum, known: Sizes, *, guarded: bool = False, is_alone: bool = False
) -> Reading | None:
    """How a flat product is read; None where no point satisfies its relations.

    `known` says what sizes measure. With `guarded` what is read is in the ranges too, for a
    language in which nothing may be read outside. A product `is_alone` if nothing else is shown
    that tells the ranges of its labels.
    """
    return _Reading(flat, known, guarded, is_alone).found()


class _Reading:
    def __init__(self, flat: Einsum, known: Sizes, guarded: bool, is_alone: bool) -> None:
        self.flat, self.known, self.guarded, self.is_alone = flat, known, guarded, is_alone
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
        # labels that are entries of index arrays beside what stands for them
        self.tied: list[tuple[Label, Expr, Labels]] = []
        self.kept = set(flat.output)

    def size(self, size: Size) -> Size:
        """A size with the numbers that are known."""
        return with_measures(size, self.known.known_measure)

    def solved(self) -> Solved | None:
        """The relations solved for the labels that are not seen, which :meth:`place` asks."""
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
        for factor, labels in self.hots:
            places, value = labels[:-1], labels[-1]
            is_free = value not in self.kept and value not in self.by
            if is_free and value not in self.entries and not self._reaches(places, value):
                self.entries[value] = (factor.arguments[0], places)
            else:
                self.tied.append((value, factor.arguments[0], places))
        return solution

    def found(self) -> Reading | None:
        solution = self.solved()
        if solution is None:
            return None
        deltas: list[tuple[Place, Place]] = []
        for label in self.by:
            if label in self.kept:
                first, second = self._tie(self._relation(label))
                deltas.append((first.as_sum(), second.as_sum()))
        for value, array, places in self.tied:
            entry = Entry(array, tuple(map(self.place, places)))
            own = self.place(value)
            first, second = self._tie(Place(own.constant, (*own.terms, (entry, -1))))
            if value in self.by and value not in self.kept:
                first, second = first.as_sum(), second.as_sum()
            deltas.append((first, second))

        equations = [self._place_of(Linear(*one)) for one in solution.rest]
        at = {label: self.place(label) for label in self.domains}
        if not self.guarded:
            self._tell_apart(at)
        ranges: list[Range] = []
        for linear, size in solution.guards:
            if size == 1:  # 0 ≤ 2j − 3i < 1
                equations.append(self._place_of(linear))
            else:
                ranges += self._range(self._place_of(linear), size, deltas)
        shown = [at[x] for f, own in self.flat.slots if not is_hot(f) for x in own]
        shown += [place for pair in deltas for place in pair]
        shown += [*equations, *[one.place for one in ranges]]
        entries = _entries(shown)
        ranges += self._ranges_of_unread({entry.array for entry in entries})
        clear = self._clear(at, entries)
        summed = self._summed()
        told = [label for label in summed if label not in clear]
        # One place is 0, and no sum.
        gone = {label for label in told if self.domains[label] == 1 and not self.guarded}
        ranges += [
            Range(Place(0, ((label, 1),)), self.domains[label], below=False) for label in told
        ]
        return Reading(
            tuple([label for label in summed if label not in gone]),
            {label: _without(place, gone) for label, place in at.items()},
            tuple([(_without(a, gone), _without(b, gone)) for a, b in deltas]),
            tuple([_without(place, gone) for place in equations]),
            tuple(
                [
                    one._replace(place=_without(one.place, gone))
                    for one in ranges
                    if one.place not in [Place(0, ((label, 1),)) for label in gone]
                ]
            ),
        )

    def _tell_apart(self, at: dict[Label, Place]) -> None:
        """A label alone on axes of two sizes is a sum where it has not the size of the axis:
        ``y[i,i+0]``, for in ``y[i,i]`` both sizes would be one. So is one of another size than its
        axis, if nothing else says its range: ``x[i+0]`` of the first entries of x, but ``x[i+1]
        x[i]``. In a sum other terms say it, and it stays.
        """
        shown = [x for factor, own in self.flat.slots if not is_hot(factor) for x in own]
        places = [x for factor, own in self.flat.slots if is_hot(factor) for x in own[:-1]]
        alone: dict[Label, list[Label]] = {}  # for each label the axes that show it alone
        for axis in dict.fromkeys([*shown, *places]):
            for atom, _ in at[axis].terms[:1]:
                if not isinstance(atom, Entry) and at[axis] == Place(0, ((atom, 1),)):
                    alone.setdefault(atom, []).append(axis)
        in_sums: set[Label | Entry] = set()
        for axis in shown:
            if axis not in chain.from_iterable(alone.values()):
                in_sums.update([atom for atom, _ in at[axis].terms])
        for label, axes in alone.items():
            is_told = label not in self.kept or not self.is_alone or label in in_sums
            if is_told and len({self.domains[axis] for axis in axes}) == 1:
                continue
            for axis in axes:
                if axis in shown and self.domains[axis] != self.domains[label]:
                    at[axis] = at[axis]._replace(plus_0=True)

    def _clear(self, at: Mapping[Label, Place], entries: Sequence[Entry]) -> set[Label]:
        """The labels whose ranges a reader knows without being told."""
        arrays = {entry.array for entry in entries}
        reads: list[Seen] = []
        for factor, labels in self.flat.slots:
            if is_hot(factor) and factor.arguments[0] in arrays:
                reads += [Seen(at[label], self.domains[label]) for label in labels[:-1]]
            elif not is_hot(factor):
                for axis, label in enumerate(labels):
                    reads.append(Seen(at[label], self.domains[label], factor, axis))
        told = Told(self.domains, self.known)
        told.product(reads, self.domains, {label: label for label in self.domains})
        return told.clear()

    def _ranges_of_unread(self, seen: set[Expr]) -> list[Range]:
        """Ranges of the places of index arrays that stand nowhere: outside is no point."""
        found: list[Range] = []
        for array, places in self.entries.values():
            if array not in seen:
                for label in places:
                    place = self.place(label)
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
    def place(self, label: Label) -> Place:
        """What stands for a label: an axis of the result for itself."""
        if label in self.kept:
            return Place(0, ((label, 1),))
        if label in self.by:
            return self._place_of(self.by[label]).as_sum()
        if label in self.entries:
            array, places = self.entries[label]
            return Place(0, ((Entry(array, tuple(map(self.place, places))), 1),))
        return Place(0, ((label, 1),))

    def _place_of(self, linear: Linear) -> Place:
        constant = linear.constant
        terms: dict[Label | Entry, Size] = {}
        for label, k in linear.terms:
            inner = self.place(label)
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
            inner = self.place(other)
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
    def _range(
        self, place: Place, size: Size, deltas: Sequence[tuple[Place, Place]] = ()
    ) -> list[Range]:
        """The part of a range that is not sure where the deltas are 1: beside δ[b,a+1] is b at
        least 1.
        """
        below = above = True
        ways = [place]
        if not self.guarded:
            ways += [_exchanged(place, *tie) for pair in deltas for tie in (pair, pair[::-1])]
        facts = [minus(n, 1) for n in self.domains.values()]
        for way in ways:
            if way.has_entries:
                continue
            found = span(Linear(way.constant, way.terms), self.domains)  # type: ignore[arg-type]
            if found is not None:
                most = minus(minus(size, 1), found[1])
                below = below and not is_nonnegative(found[0], facts)
                above = above and not is_nonnegative(most, facts)
        return [Range(place, size, below, above)] if below or above else []


def _without(place: Place, gone: set[Label]) -> Place:
    """A place with 0 for labels."""
    if not gone:
        return place
    terms: list[tuple[Label | Entry, Size]] = []
    for atom, k in place.terms:
        if isinstance(atom, Entry):
            inner = tuple([_without(inner, gone) for inner in atom.places])
            terms.append((Entry(atom.array, inner), k))
        elif atom not in gone:
            terms.append((atom, k))
    left = Place(place.constant, tuple(terms))
    return left if place.is_entry else left.as_sum()


def _exchanged(place: Place, one: Place, other: Place) -> Place:
    """A place in which something equal stands for a label: other − rest for the label of `one`,
    which is ``label + rest`` or ``rest − label``.
    """
    if len(one.terms) != 1 or one.terms[0][1] not in (1, -1):
        return place
    ((label, sign),) = one.terms
    own = dict(place.terms).get(label)
    if own is None:
        return place
    factor = product_of_sizes(own, sign)
    terms: dict[Label | Entry, Size] = {x: k for x, k in place.terms if x != label}
    for x, k in other.terms:
        terms[x] = sum_of_sizes(terms.get(x, 0), product_of_sizes(factor, k))
    rest = product_of_sizes(factor, minus(other.constant, one.constant))
    left = tuple([(x, k) for x, k in terms.items() if k != 0])
    return Place(sum_of_sizes(place.constant, rest), left)


class Seen(NamedTuple):
    """A place that is read on an axis of a size: of an array, or of a factor whose formula shows
    what it reads.
    """

    place: Place
    size: Size
    factor: Expr | None = None
    axis: int = 0

    @property
    def is_array(self) -> bool:
        """Is it an axis of an array?"""
        return self.factor is None or isinstance(self.factor, (Tensor, Constant))


class Told:
    """What reads tell of the ranges of labels. A reader takes the largest range in which all reads
    of a label alone are inside their axes, and for one that never stands alone what the ranges of
    the others leave.
    """

    def __init__(self, domains: Mapping[Label, Size], known: Sizes) -> None:
        self.domains, self.known = domains, known
        self.left = MOST_SHOWN  # nodes that may still be looked at
        self.alone: set[Label] = set()  # alone in the product itself
        self.shown: set[Label] = set()  # alone on an axis that is no longer than their range
        self.unsure: set[Label] = set()  # read where that may be outside

    def clear(self) -> set[Label]:
        """The labels whose ranges follow."""
        return self.shown - self.unsure

    def product(
        self, reads: Sequence[Seen], domains: Mapping[Label, Size], outer: Mapping[Label, Label]
    ) -> None:
        """What the reads of a product tell; `outer` are the labels that are asked for."""
        alone: set[Label | Entry] = set()
        for one in reads:
            if one.is_array and len(one.place.terms) == 1:
                ((atom, step),) = one.place.terms
                # x[i−1] is outside at the place 0, where every range begins
                if is_nonnegative(one.place.constant) and not _is_negative(step):
                    alone.add(atom)
        if not self.alone:
            self.alone = {label for label in outer if label in alone}
        for one in reads:
            if one.place.has_entries:
                continue
            for atom, step in one.place.terms:
                if isinstance(atom, Entry) or atom not in outer:
                    continue
                label = outer[atom]
                if one.place == Place(0, ((atom, 1),)):
                    self._bare(one, label)
                elif len(one.place.terms) == 1 or not (atom in alone or label in self.alone):
                    self._inside_or_not(one, step, domains, label)

    def _bare(self, one: Seen, label: Label) -> None:
        if one.factor is None:
            self._on(label, one.size)
        else:
            self.inside(one.factor, one.axis, label, one.size)

    def _inside_or_not(
        self, one: Seen, step: Size, domains: Mapping[Label, Size], label: Label
    ) -> None:
        """Is a place inside of its axis for certain? One that falls with a label tells nothing."""
        if _is_negative(step):
            return
        constant, terms, _ = one.place
        facts = [minus(n, 1) for n in domains.values()]
        found = span(Linear(constant, terms), domains)  # type: ignore[arg-type]
        if found is None or not is_nonnegative(minus(minus(one.size, 1), found[1]), facts):
            self.unsure.add(label)

    def _on(self, label: Label, size: Size) -> None:
        """A label alone on an axis of an array."""
        own = self.domains[label]
        if own == size:
            self.shown.add(label)
            return
        if is_nonnegative(minus(own, size)):
            self.shown.add(label)
        if not is_nonnegative(minus(size, own)):
            self.unsure.add(label)

    def inside(self, e: Expr, axis: int, label: Label, size: Size) -> None:
        """What the formula of `e` tells of a label on one of its axes, which has a size."""
        self.left -= 1
        if self.left < 0:
            self.unsure.add(label)
            return
        match e:
            case Tensor() | Constant():
                self._on(label, size)
            case Add():
                for addend in e.addends:
                    self.inside(addend, axis, label, size)
            case Apply() if is_hot(e):
                return
            case Apply() if _is_own_axis(e, axis):  # inv(A)[i,j]
                self._on(label, size)
            case Apply():
                for argument in e.arguments:
                    if argument.ndim > axis:
                        self.inside(argument, axis, label, size)
            case Einsum():
                self._in_product(flatten(e), axis, label, size)

    def _in_product(self, e: Einsum, axis: int, label: Label, size: Size) -> None:
        own = e.output[axis]
        if e.parts is None:
            for factor, labels in e.slots:
                for k, inner in enumerate(labels):
                    if inner == own:
                        self.inside(factor, k, label, size)
            return
        product = _Reading(e, self.known, guarded=False, is_alone=False)
        if product.solved() is None:  # 0
            return
        reads: list[Seen] = []
        for factor, labels in e.slots:
            for k, inner in enumerate(labels[:-1] if is_hot(factor) else labels):
                # one label has one size, whatever that is called in the product
                here = size if inner == own else product.domains[inner]
                reads.append(
                    Seen(product.place(inner), here, None if is_hot(factor) else factor, k)
                )
        self.product(reads, product.domains, {own: label})


def _is_own_axis(e: Apply, axis: int) -> bool:
    """Is an axis of a function written behind it, as in ``inv(A)[i,j]``?"""
    keeps = e.core == 1 and e.function.shape is same_axes
    return axis >= e.arguments[0].ndim - e.core and not keeps


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
                if place == Place(0, ((atom, 1),)):
                    return name
            if isinstance(name, IndexText):
                constant = sum_of_sizes(constant, product_of_sizes(k, name.constant))
                for inner_name, inner in name.terms.items():
                    terms[inner_name] = sum_of_sizes(
                        terms.get(inner_name, 0), product_of_sizes(k, inner)
                    )
            else:
                shown = name if isinstance(atom, Entry) else self.label(name)
                terms[shown] = sum_of_sizes(terms.get(shown, 0), k)
        written = self.written(constant, terms)
        if not place.plus_0:
            return written
        shown = IndexText(f"{written}{self.plus}0")
        shown.constant, shown.terms = written.constant, written.terms
        return shown

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
    """A size that is an axis of a tensor, ``x.shape[0]``, or a declared name; how many values an
    index array may have is one more than its largest.
    """
    if isinstance(variable, str):
        return variable
    name, axis = variable
    return f"(max({name})+1)" if axis == -1 else f"{name}.shape[{axis}]"


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
