"""Composite axes as index expressions: ``w[k] -> i, a`` with ``a = i + k`` is
``k->i(i+k)``.

The relations of a product are solved for the labels that have no letter; where all have letters,
for the last. What is left over stands on no axis: a relation is then a vector of ones that is read
there, ``(i-j)``, and where nothing can be solved one number 1, ``(2j-3i)`` for ``2j = 3i``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, cast

from ..errors import NoFormError
from .embedding import labels_in
from .labels import Label, Labels, Relation, Size, Variable
from .names import Naming
from .nodes import Apply, Einsum, Expr, Slot, hot_of, is_hot
from .relation_rows import Hot, Linear, relation
from .relations import solved
from .size_algebra import SHORT_SIZES, negated, spelled_size, times
from .sizes import Sizes
from .unify import assemble, bare, fresh_labels

MOST_ROUNDS = 50  # in which labels are found that cannot be eliminated


class AxisIndex(NamedTuple):
    """What stands on an axis: a sum of labels and of index arrays by their numbers, or a
    flattening.
    """

    constant: Size = 0
    terms: tuple[tuple[Label, Size], ...] = ()
    arrays: tuple[tuple[int, Size], ...] = ()
    flattened: Labels = ()
    points: bool = False  # one index array that points into the axis, and is no sum

    @property
    def label(self) -> Label | None:
        """The label, where there is nothing but one."""
        is_label = len(self.terms) == 1 and self.terms[0][1] == 1
        return self.terms[0][0] if is_label and not self.arrays and self.constant == 0 else None

    @property
    def array(self) -> int | None:
        """The index array, where there is nothing but one."""
        is_array = len(self.arrays) == 1 and self.arrays[0][1] == 1
        return self.arrays[0][0] if is_array and not self.terms and self.constant == 0 else None

    def negated(self) -> AxisIndex:
        """The sum with the other sign."""
        terms = tuple([(x, negated(k)) for x, k in self.terms])
        arrays = tuple([(x, negated(k)) for x, k in self.arrays])
        return AxisIndex(negated(self.constant), terms, arrays)


class Unread(NamedTuple):
    """A vector of ones, or a number 1, that is read at an index because nothing else is there."""

    at: AxisIndex
    size: Size
    label: Label | None  # of which it is the place; None for one number


class IndexedAxes:
    """The axes of a flat product. Labels that are not in `by` stay labels.

    `factors` and `inputs` are those that are no index arrays.
    """

    def __init__(self, flat: Einsum, naming: Naming) -> None:
        self.flat, self.names = flat, naming.labels
        self.order = {label: k for k, label in enumerate(naming.labels)}
        slots = [slot for slot in flat.slots if not is_hot(slot[0])]
        self.factors: tuple[Expr, ...] = tuple([factor for factor, _ in slots])
        self.inputs = [labels for _, labels in slots]
        hot_slots = [slot for slot in flat.slots if is_hot(slot[0])]
        # 1 or 0, so that a second time says nothing more
        self.hot_slots: list[Slot] = list(dict.fromkeys(hot_slots))
        self.hots: list[Hot] = [hot_of(factor, labels) for factor, labels in self.hot_slots]
        self.domains: dict[Label, Size] = dict(reversed(flat.given))
        self.known: dict[Label, set[Size]] = {}
        for label, size in flat.given:
            self.known.setdefault(label, set()).add(size)
        for factor, labels in flat.slots:
            for label, size in zip(labels, factor.axis_sizes, strict=True):
                self.domains[label] = size
                self.known.setdefault(label, set()).add(size)
        self.on_inputs: dict[Label, set[Size]] = {}  # the sizes of axes of operands
        places = [(array, hot.places) for array, hot in zip(self._arrays(), self.hots, strict=True)]
        for factor, labels in (*slots, *places):
            for label, size in zip(labels, factor.axis_sizes, strict=True):
                self.on_inputs.setdefault(label, set()).add(size)
        self.on_axes: set[Label] = set(flat.output).union(*self.inputs)
        self.equations: Sizes | None = None  # between sizes, once they are asked for
        self.places: set[Label] = set(chain.from_iterable([hot.places for hot in self.hots]))
        self.by: dict[Label, Linear] = {}
        self.inline: dict[Label, int] = {}  # index arrays that stand for their values
        self.unread: list[Unread] = []
        kept: set[Label] = set()
        for _ in range(MOST_ROUNDS):
            clash = self._attempt(kept)
            if clash is None:
                return
            kept.add(clash)
        raise NoFormError("the relations of this product have no form that is written")

    def _arrays(self) -> list[Expr]:
        """The index arrays."""
        return [cast(Apply, factor).arguments[0] for factor, _ in self.hot_slots]

    # ---- what is solved
    def _attempt(self, kept: set[Label]) -> Label | None:
        """Solve, but for the labels `kept`; one more that must be kept, if there is one."""
        rest, guards = self._solve(kept)
        label = self._that_must_stay(kept)
        if label is None:
            label = self._stand_in(kept)
        if label is not None:
            return label
        for guarded, linear, size in guards:
            self.unread.append(Unread(self.index(linear, guarded), size, guarded))
        for one in rest:
            self._equate(AxisIndex(one.constant, one.terms))
        for number, hot in enumerate(self.hots):
            if self.inline.get(hot.value) != number:
                value = self._minus(hot.value)
                self._equate(value._replace(arrays=(*value.arrays, (number, 1))))
        self.unread += self._lone_values()
        return self._clash()

    def _solve(
        self, kept: set[Label]
    ) -> tuple[tuple[Relation, ...], list[tuple[Label, Linear, Size]]]:
        """What is left of the relations, and the labels that nothing reads: each with what it is,
        and its size.
        """
        self.by, self.unread, self.inline = {}, [], {}
        if not self.flat.relations:
            return (), []
        values = {hot.value for hot in self.hots}
        lettered = {x for x in self.order if self.flat.letters.get(x) is not None}
        in_order = [x for x in self.order if x not in self.flat.output]  # as written: outputs last
        in_order += dict.fromkeys(self.flat.output)
        late = {x: k + 1 for k, x in enumerate(in_order) if x in lettered}
        read = self.on_axes.union(values, self.places)
        found = solved(
            self.flat.relations,
            self.domains,
            keep=lettered,
            read=read,
            late=late,
            never=values | kept,
        )
        if found is None:  # it is zero, which the relations say as they are
            return self.flat.relations, []
        self.by = found.by
        guarded = {linear: label for label, linear in self.by.items() if label not in read}
        return found.rest, [(guarded[linear], linear, size) for linear, size in found.guards]

    def _that_must_stay(self, kept: set[Label]) -> Label | None:
        """A label that has been eliminated, but only as itself is read again as it is."""
        for label, sizes in self.on_inputs.items():
            if len(sizes) > 1 and label in self.by:  # that these are one says the label alone
                return label
        for label in dict.fromkeys([*self.flat.output, *chain(*self.inputs)]):
            part = self._part_of_a_flattening(label, kept)
            if part is not None:
                return part
        # r[i] is read at a label of its own size: i+0 is not told from i there.
        for label in self.places:
            if label in self.by and self.index(self.by[label]).label is not None:
                return label
        return None

    def _stand_in(self, kept: set[Label]) -> Label | None:
        """Let index arrays stand for their values; a value that is a place of an index array."""
        inside: set[Label] = set()
        for label in self.places:
            linear = self.by.get(label, Linear(0, ((label, 1),)))
            inside.update([x for x, _ in linear.terms])
        for number, hot in enumerate(self.hots):
            if hot.value in kept or hot.value in self.inline:
                continue
            if hot.value in inside:
                return hot.value
            self.inline[hot.value] = number
        return None

    def _minus(self, label: Label) -> AxisIndex:
        """An index array, or the label itself, taken away."""
        return self.place(label).negated()

    def _equate(self, index: AxisIndex) -> None:
        """One number 1 is read at an index, which is so 0."""
        own = index.arrays
        index = self.index(Linear(index.constant, index.terms))
        index = index._replace(arrays=(*index.arrays, *own))
        signs = [k for _, k in (*index.terms, *index.arrays)]
        # r[e] alone would be an axis that r points into: r[e] = 0 is -r[e] = 0.
        if index.array is not None or (signs and all(isinstance(k, int) and k < 0 for k in signs)):
            index = index.negated()
        self.unread.append(Unread(index, 1, None))

    def _lone_values(self) -> list[Unread]:
        """Index arrays that no axis shows: they say that their places are places of something."""
        shown: set[int] = set()
        for label in self.on_axes:
            shown.update([number for number, _ in self.place(label).arrays])
        for one in self.unread:
            shown.update([number for number, _ in one.at.arrays])
        lone = []
        for value, number in self.inline.items():
            if number not in shown:
                index = AxisIndex(0, (), ((number, 1),), points=True)
                lone.append(Unread(index, self.domains[value], value))
        return lone

    def index(self, linear: Linear, label: Label | None = None) -> AxisIndex:
        """An index expression, with index arrays for their values; a flattening where it is one of
        the axis `label`.
        """
        # A label of one value is 0, whatever size it is multiplied by.
        gone = [x for x, k in linear.terms if not isinstance(k, int) and self.domains[x] == 1]
        terms = [(x, k) for x, k in linear.terms if x not in self.inline and x not in gone]
        reads = [(self.inline[x], k) for x, k in linear.terms if x in self.inline]
        index = AxisIndex(linear.constant, tuple(terms), tuple(reads))
        if label is None or index.constant != 0 or index.arrays or len(terms) < 2:
            return index
        flattened = self._flattened(dict(terms), label)
        return index if flattened is None else AxisIndex(flattened=flattened)

    def _flattened(self, terms: dict[Label, Size], label: Label) -> Labels | None:
        """``(h w)``, where the coefficients are the products of sizes that they are there."""
        if all(k == 1 for k in terms.values()):
            return None
        found: list[Label] = []
        width: Size = 1
        while terms:
            fitting = [x for x, k in terms.items() if self._is_one_size(k, width)]
            if not fitting:
                return None
            found.append(fitting[-1])
            width = times(width, self.domains[fitting[-1]])
            del terms[fitting[-1]]
        own = self.known.get(label, ())
        whole = any(self._is_one_size(size, width) for size in own)
        return tuple(reversed(found)) if whole else None

    def _part_of_a_flattening(self, label: Label, kept: set[Label]) -> Label | None:
        """A label that has been eliminated, though a size is its coefficient on an axis: kept, the
        axis may be a flattening.
        """
        linear = self.by.get(label)
        if linear is None or all(isinstance(k, int) for _, k in linear.terms):
            return None
        if self.place(label).flattened:
            return None
        for one in self.flat.relations:
            terms = dict(one.terms)
            if label in terms and any(not isinstance(k, int) for k in terms.values()):
                for other in terms:
                    if other != label and other in self.by and other not in kept:
                        return other
        return None

    def _is_one_size(self, a: Size, b: Size) -> bool:
        """Are two sizes one, by the equations of the product?"""
        if a == b or (isinstance(a, int) and isinstance(b, int)):
            return a == b
        if self.equations is None:
            self.equations = Sizes().read([self.flat])
        return self.equations.find(a) == self.equations.find(b)

    def place(self, label: Label) -> AxisIndex:
        """What stands on an axis that has a label."""
        if label in self.inline:
            return AxisIndex(0, (), ((self.inline[label], 1),), points=True)
        if label in self.by:
            return self.index(self.by[label], label)
        return AxisIndex(0, ((label, 1),))

    def inside(self, label: Label) -> AxisIndex:
        """What stands in the brackets of an index array: a sum, and no flattening."""
        return self.index(self.by[label]) if label in self.by else self.place(label)

    def is_plain(self, label: Label) -> bool:
        """Does an axis show the label itself?"""
        return label not in self.by and label not in self.inline

    def written_labels(self) -> list[Label]:
        """The labels that are written, each once."""
        return [*self._shown_labels(), *self.counted()]

    def counted(self) -> Labels:
        """Labels that are summed and stand nowhere else: each counts as a factor of its size. One
        in a relation is so, where all that it is equal to follows from it: ``i = 3 - j`` for each
        j < 4.
        """
        shown = self._shown_labels()
        related = [label for _, terms in self.flat.relations for label, _ in terms]
        unshown = [
            label
            for label in dict.fromkeys(related)
            if label not in shown and self.is_plain(label) and self.domains[label] != 1
        ]
        return (*bare(self.flat), *unshown)

    def _shown_labels(self) -> dict[Label, None]:
        """The labels that index expressions show."""
        found: dict[Label, None] = {}
        indices = [self.place(label) for label in self.flat.output]
        indices += [self.place(label) for labels in self.inputs for label in labels]
        indices += [one.at for one in self.unread]
        for index in indices:
            found |= dict.fromkeys([x for x, _ in index.terms])
            found |= dict.fromkeys(index.flattened)
            for number, _ in index.arrays:
                for place in self.hots[number].places:
                    found |= dict.fromkeys([x for x, _ in self.inside(place).terms])
        return found

    def _clash(self) -> Label | None:
        """A label whose axis needs a key of its own, but shares it with another."""
        seen: dict[object, Size] = {}
        composite = [x for x in dict.fromkeys(self.flat.output) if not self.is_plain(x)]
        pairs = [(self.place(x), self.domains[x], x) for x in composite]
        pairs += [(one.at, one.size, one.label) for one in self.unread if one.label is not None]
        for index, size, label in pairs:
            key = self._key(index)
            if seen.setdefault(key, size) != size:
                return label
        owners = {self._key(index): label for index, _, label in reversed(pairs)}
        for k, one in enumerate(self.unread):
            if one.label is not None:
                continue
            # One number 1 is read where an index is 0, and so is what is taken away instead.
            ways = [one.at, one.at.negated()]
            fitting = [way for way in ways if seen.get(self._key(way), 1) == 1]
            if not fitting:
                return owners[self._key(one.at)]
            self.unread[k] = one._replace(at=fitting[0])
        return None

    def _key(self, index: AxisIndex) -> object:
        """What index expressions have in common that the mapping of sizes does not tell apart."""
        if index.array is not None and index.points:
            return self.hots[index.array].array
        arrays = [(self.hots[k].array, self.hots[k].places, c) for k, c in index.arrays]
        return index.constant, frozenset(index.terms), frozenset(arrays), index.flattened


class Spelling:
    """AxisIndex expressions as text."""

    def __init__(
        self,
        axes: IndexedAxes,
        name: Callable[[Expr], str],
        spell: Callable[[Variable], str] | None = None,
        labels: Mapping[Label, str] | None = None,
    ) -> None:
        """`name` gives the names of index arrays; `spell` those of the parts of a size: without it
        a size in an index expression has no form.
        """
        self.axes, self.name, self.spell = axes, name, spell
        self.labels = axes.names if labels is None else labels

    def sum(self, index: AxisIndex) -> str:
        """A sum as it is written in brackets: what is added, then what is taken away."""
        parts: list[tuple[Size, str]] = []
        for label, k in index.terms:
            parts.append((k, self.labels[label]))
        for number, k in index.arrays:
            parts.append((k, self.array(number)))
        signed = [self._times(k, what) for k, what in parts]
        signed.sort(key=lambda text: text.startswith("-"))
        if index.constant != 0 or not signed:
            constant = self._number(index.constant)
            signed.append(constant if constant.startswith("-") else f"+{constant}")
        return "".join(signed).removeprefix("+")

    def text(self, index: AxisIndex) -> str:
        """What stands in the brackets of an axis, which is also its key in sizes."""
        if index.flattened:
            return " ".join([self.labels[x] for x in index.flattened])
        text = self.sum(index)
        is_one = index.label is not None or (index.array is not None and not index.points)
        return f"{text}+0" if is_one else text

    def key(self, index: AxisIndex) -> str:
        """What an axis is called in the mapping of sizes."""
        if index.array is not None and index.points:
            return self.array_name(index.array)
        return self.text(index)

    def axis(self, label: Label) -> str:
        """What an axis that has a label shows: the label itself, or an expression in brackets."""
        if self.axes.is_plain(label):
            return self.labels[label]
        return f"({self.text(self.axes.place(label))})"

    def array(self, number: int) -> str:
        """``r[e+1]``."""
        places = [self.sum(self.axes.inside(x)) for x in self.axes.hots[number].places]
        return f"{self.array_name(number)}[{','.join(places)}]"

    def array_name(self, number: int) -> str:
        factor, _ = self.axes.hot_slots[number]
        return self.name(cast(Apply, factor).arguments[0])

    def _times(self, k: Size, what: str) -> str:
        number = self._number(k)
        if number in ("1", "-1"):
            return f"{number.removesuffix('1') or '+'}{what}"
        star = "" if isinstance(k, int) else "*"
        return f"{'' if number.startswith('-') else '+'}{number}{star}{what}"

    def _number(self, size: Size) -> str:
        if isinstance(size, int):
            return str(size)
        if self.spell is None:
            shown = Spelling(self.axes, self.name, size_name)
            raise NoFormError(
                f"an index of this product holds the size {shown._number(size)}, which no string "
                "can; .subscripts and .operands say it, and einsum reads them again"
            )
        text = spelled_size(size, self.spell, SHORT_SIZES)
        return f"({text})" if any(sign in text for sign in ("+", "-", "//")) else text


def size_name(axis: Variable) -> str:
    """How the names and axes in a size are written: ``n``, ``X.shape[0]``."""
    return axis if isinstance(axis, str) else f"{axis[0]}.shape[{axis[1]}]"


def equation_text(spelling: Spelling, left: Label | None, index: AxisIndex) -> str:
    """``a=i+k``; without a label on the left what is added stands there, and is equal to what is
    taken away.
    """
    if left is not None:
        return f"{spelling.labels[left]}={spelling.sum(index)}"
    sides: list[AxisIndex] = []
    for sign in (1, -1):
        terms = tuple([(x, times(sign, k)) for x, k in index.terms if _has_sign(k, sign)])
        arrays = tuple([(x, times(sign, k)) for x, k in index.arrays if _has_sign(k, sign)])
        held = _has_sign(index.constant, sign)
        constant = times(sign, index.constant) if held else 0
        sides.append(AxisIndex(constant, terms, arrays))
    return "=".join(map(spelling.sum, sides))


def _has_sign(size: Size, sign: int) -> bool:
    """Is a size added (1) or taken away (-1)? One that is not known is added."""
    if isinstance(size, int):
        return size * sign > 0
    return sign == 1


def equation_of(axes: IndexedAxes, left: Label | None, index: AxisIndex) -> tuple[Einsum, Labels]:
    """What is 1 where ``left = index`` holds, or ``index = 0``, else 0, and the labels of its axes:
    in the order in which they are written, those of index arrays last.
    """
    relations: list[Relation] = []
    slots: list[Slot] = []
    domains = dict(axes.domains)
    if index.flattened:
        index = AxisIndex(0, axes.by[left].terms) if left in axes.by else index
    terms: dict[Label, Size] = dict(index.terms)
    visible: dict[Label, None] = {} if left is None else {left: None}
    in_text = [x for sign in (1, -1) for x, k in index.terms if _has_sign(k, sign)]
    visible |= dict.fromkeys(in_text)
    for number, k in index.arrays:
        factor, _ = axes.hot_slots[number]
        hot = axes.hots[number]
        places: list[Label] = []
        for place in hot.places:
            inner = axes.inside(place)
            visible |= dict.fromkeys([x for x, _ in inner.terms])
            if inner.label is not None and axes.is_plain(place):
                places.append(place)
                continue
            (own,) = fresh_labels(1)
            domains[own] = axes.domains[place]
            relations.append(relation(inner.constant, {**dict(inner.terms), own: -1}))
            places.append(own)
        if left == hot.value and index.array is not None:  # b = r[e]
            slots.append((factor, (*places, left)))
            return _node(axes, slots, visible, relations, domains)
        (value,) = fresh_labels(1)
        domains[value] = axes.domains[hot.value]
        terms[value] = k
        slots.append((factor, (*places, value)))
    if left is not None:
        terms[left] = -1
    relations.append(relation(index.constant, terms))
    return _node(axes, slots, visible, relations, domains)


def _node(
    axes: IndexedAxes,
    slots: Sequence[Slot],
    visible: Iterable[Label],
    relations: Sequence[Relation],
    domains: Mapping[Label, Size],
) -> tuple[Einsum, Labels]:
    labels = tuple(visible)
    used = {*labels, *labels_in(relations)}.union(*[own for _, own in slots])
    given = tuple([(x, domains[x]) for x in used])
    names = tuple([axes.names[x] for x in labels])
    node = assemble(1, slots, labels, axes=names, given=given, relations=tuple(relations))
    return node, labels


def names_of_arrays(axes: IndexedAxes, spelling: Spelling) -> set[str]:
    """The names of the index arrays, where a label without an axis of its own has one of them: in
    sizes that name is the array's.
    """
    arrays = {spelling.array_name(number) for number in range(len(axes.hots))}
    labels = [spelling.labels[label] for label in _without_axes(axes)]
    return set() if arrays.isdisjoint(labels) else arrays


def _without_axes(axes: IndexedAxes) -> list[Label]:
    """The labels that are written, but stand alone on no axis of an operand."""
    plain = {x for labels in axes.inputs for x in labels if axes.is_plain(x)}
    return [label for label in axes.written_labels() if label not in plain]


def sizes_of_axes(axes: IndexedAxes, spelling: Spelling) -> dict[str, Size]:
    """All sizes that the string could leave open, by their keys."""
    found: dict[str, Size] = {}
    for label in _without_axes(axes):
        found[spelling.labels[label]] = axes.domains[label]
    indices = [axes.place(label) for label in axes.flat.output]
    indices += [axes.place(label) for labels in axes.inputs for label in labels]
    indices += [one.at for one in axes.unread]
    for index in indices:
        for number, _ in index.arrays:
            found[spelling.array_name(number)] = axes.domains[axes.hots[number].value]
    for label in axes.flat.output:
        if not axes.is_plain(label):
            found[spelling.key(axes.place(label))] = axes.domains[label]
    for one in axes.unread:
        found[spelling.key(one.at)] = one.size
    return found
