"""Plugging einsums into einsums. Deltas are eliminated here, and nowhere else.

Plugging an einsum into a slot of another unifies labels position by position: the outer label at
axis p with the inner output label at axis p. If the inner output repeats a label, two outer labels
become one, and that *is* a delta being eliminated:

- one of the two labels summed, or both: the delta has disappeared;
- both in the outer output: the output now repeats a label, so the delta survives exactly where it
  must;
- a class of labels that is summed and touches no factor contributes its size as a number.

Structure (views, embeddings, broadcasts, numbers) always moves into its consumer; what contracts
stays where it was written, and :func:`flatten` is there for those who want one product.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeGuard

from ..errors import LimitError, limits
from .embedding import Parts, labels_in
from .groups import UnionFind
from .known_signs import alike, inverts, is_positive
from .labels import Given, Label, Labels, Relation, Relations, Size
from .nodes import (
    NO_LETTERS,
    Apply,
    Constant,
    Einsum,
    Expr,
    Letters,
    Number,
    Slot,
    Written,
    hot_of,
    is_hot,
    put,
    walk,
    zero,
)
from .relation_rows import Hot, renamed
from .relations import settled, without_proved

RELATED = 128  # operands of a product with relations that are multiplied out for a reader
# Labels of a plugged einsum are numbered afresh; those that an author wrote are small, and stay.
_fresh = itertools.count(1 << 20)
MANY_DIGITS = 12  # axes of a core that is embedded by relations, beyond which it is not taken apart


def assemble(
    coefficient: Number,
    slots: Sequence[Slot],
    output: tuple[Label, ...],
    *,
    axes: tuple[str | None, ...],
    given: Given = (),
    letters: Letters = NO_LETTERS,
    origins: tuple[Expr, ...] = (),
    deep: bool = False,
    inline: tuple[Expr, ...] = (),
    written: bool = False,
    relations: Relations = (),
) -> Einsum:
    """One einsum of `slots`: structure among the operands dissolves into labels, numbers into the
    coefficient.

    `inline` are operands that are plugged in even if they contract; `deep` plugs in all einsums, at
    every depth. With `written` the node remembers the slots as they are given here.
    """
    work = _Assembly(coefficient, given, letters, origins, relations)
    stack = list(reversed(slots))
    plugged = {id(other) for other in inline}
    while stack:
        operand, labels = stack.pop()
        if isinstance(operand, Einsum):
            contraction_too = deep or id(operand) in plugged
            is_stage = operand.parts is not None and _is_stage(operand, operand.parts)
            if contraction_too or not (operand.plain or is_stage):
                stack.extend(reversed(work.plug(operand, labels, contraction_too=contraction_too)))
                continue
        if isinstance(operand, Constant) and isinstance(operand.value, (int, float, complex)):
            work.coefficient *= operand.value
        else:
            work.factors.append(operand)
            work.inputs.append(labels)
    author = None
    if written:
        author = Written(coefficient, tuple(slots), output, given, letters, relations)
    return work.einsum(output, axes, slots, author)


def with_slots(
    e: Einsum,
    slots: Sequence[Slot],
    output: tuple[Label, ...] | None = None,
    *,
    coefficient: Number | None = None,
    axes: tuple[str | None, ...] | None = None,
    given: Given | None = None,
    letters: Letters | None = None,
    origins: tuple[Expr, ...] = (),
    deep: bool = False,
    inline: tuple[Expr, ...] = (),
) -> Einsum:
    """`e` of other `slots`, by :func:`assemble`: what is not given is that of `e`, but for its
    origins.
    """
    return assemble(
        e.coefficient if coefficient is None else coefficient,
        slots,
        e.output if output is None else output,
        axes=e.axes if axes is None else axes,
        given=e.given if given is None else given,
        letters=e.letters if letters is None else letters,
        origins=origins,
        deep=deep,
        inline=inline,
        relations=e.relations,
    )


def _is_stage(e: Einsum, parts: Parts) -> bool:
    """Is it a product whose axes are merged from so many that it stays a value of its own?

    ``kron(K, K)`` has twice as many digits as K: sixty such products in one another would have
    2**60 labels.
    """
    return bool(parts.outer) and not e.structure and len(parts.core) > MANY_DIGITS


class _Assembly:
    """The parts of an einsum in the making, and which of its labels have become one."""

    def __init__(
        self,
        coefficient: Number,
        given: Given,
        letters: Letters,
        origins: tuple[Expr, ...],
        relations: Relations,
    ) -> None:
        self.coefficient = coefficient
        self.factors: list[Expr] = []
        self.inputs: list[tuple[Label, ...]] = []
        self.given = list(given)
        self.letters = letters
        self.owned: dict[Label, str | None] | None = None  # the letters, once they are a copy
        self.origins = list(origins)
        self.relations = relations
        self.tied: UnionFind[Label] | None = None  # made for the first two labels that become one

    def own_letters(self) -> dict[Label, str | None]:
        """The letters, copied before the first of them is written: others may share them."""
        if self.owned is None:
            self.letters = self.owned = dict(self.letters)
        return self.owned

    def unite(self, a: Label, b: Label) -> None:
        """Two labels become one; the class goes by the label that was written first, the smaller
        number.
        """
        if self.tied is None:
            self.tied = UnionFind()
        first, second = sorted((self.tied.find(a), self.tied.find(b)))
        self.tied.unite(first, second)

    def plug(
        self, inner: Einsum, labels: tuple[Label, ...], *, contraction_too: bool
    ) -> list[Slot]:
        """Unify `labels` with the output of `inner`; the slots that take its place."""
        keeps_core = not contraction_too and not inner.structure
        relations = inner.relations
        slots = inner.slots
        if keeps_core:
            slots = (core(inner), *outer_hots(inner))
            relations = inner.parts.outer if inner.parts else ()
        names: dict[Label, Label] = {}  # labels of this einsum for those of the inner one
        for outer, label in zip(labels, inner.output, strict=True):
            if label in names:
                self.unite(names[label], outer)  # a delta: i->ii unites two labels outside
            else:
                names[label] = outer
        used: list[Label] = []
        for _, inside in slots:
            used += inside
        if relations:
            used += labels_in(relations)
        given: Sequence[tuple[Label, Size]] = inner.given
        if given:
            # What is known of labels that stay inside the core is known there already.
            lost = inside_labels(inner).difference(used)
            given = [(label, size) for label, size in given if label not in lost]
            used += [label for label, _ in given]
        for label in used:
            if label not in names:
                names[label] = new = next(_fresh)
                self.own_letters()[new] = inner.letters.get(label)
        self.coefficient *= inner.coefficient
        if given:
            self.given += [(names[label], size) for label, size in given]
        if relations:
            self.relations += renamed(relations, names.__getitem__)
        self.origins += inner.origins
        return [(factor, _renamed(inside, names)) for factor, inside in slots]

    def _places(self) -> list[tuple[Label, ...]]:
        """The labels of the factors, each class by one name."""
        if self.tied is None:
            return list(self.inputs)
        return [tuple(map(self.tied.find, labels)) for labels in self.inputs]

    def _square(self) -> None:
        """``|x| · |x|`` is ``x · x``: twice a function whose square is smooth, as its row says."""
        places = self._places()
        first: dict[tuple[str, tuple[Label, ...]], int] = {}
        gone: list[int] = []
        squares: list[Slot] = []
        for k, factor in enumerate(self.factors):
            if not _has_smooth_square(factor):
                continue
            place = (factor.function.name, places[k])
            twin = first.pop(place, None)
            if twin is None:
                first[place] = k
            elif alike(factor, self.factors[twin]):
                gone += [twin, k]
                squares.append((factor.function.squared(factor), self.inputs[k]))
                self.origins.append(factor)
        self.factors = [f for k, f in enumerate(self.factors) if k not in gone]
        self.inputs = [labels for k, labels in enumerate(self.inputs) if k not in gone]
        whole = {id(square) for square, _ in squares}
        while squares:
            square, labels = squares.pop()
            if isinstance(square, Einsum) and (id(square) in whole or not square.plain):
                squares += self.plug(square, labels, contraction_too=id(square) in whole)
            else:
                self.factors.append(square)
                self.inputs.append(labels)

    def _cancel(self) -> None:
        """``f · (1/f)`` is 1 where f is known to be positive; its axes broadcast, if nothing else
        has them.
        """
        places = self._places()
        gone: set[int] = set()
        for k, quotient in enumerate(self.factors):
            if not inverts(quotient) or not is_positive(quotient.arguments[0]):
                continue
            below = quotient.arguments[0]
            for j, factor in enumerate(self.factors):
                if j not in gone and places[j] == places[k] and alike(factor, below):
                    gone |= {j, k}
                    self.given += zip(self.inputs[j], factor.axis_sizes, strict=True)
                    self.origins.append(factor)
                    break
        self.factors = [f for k, f in enumerate(self.factors) if k not in gone]
        self.inputs = [labels for k, labels in enumerate(self.inputs) if k not in gone]

    def einsum(
        self,
        output: tuple[Label, ...],
        axes: tuple[str | None, ...],
        slots: Sequence[Slot],
        written: Written | None,
    ) -> Einsum:
        """The finished node."""
        if len(self.factors) > 1:
            if any(map(inverts, self.factors)):
                self._cancel()
            if sum(map(_has_smooth_square, self.factors)) > 1:
                self._square()
        inputs = tuple(self.inputs)
        given = tuple(dict.fromkeys(self.given))
        if self.tied is not None:
            find = self.tied.find
            inputs = tuple([tuple(map(find, labels)) for labels in inputs])
            output = tuple(map(find, output))
            given = tuple(dict.fromkeys([(find(label), size) for label, size in given]))
        relations = self.relations
        if relations and self.tied is not None:
            relations = renamed(relations, self.tied.find)
        hot = False
        for factor in self.factors:
            if factor.hot:
                hot = True
        if relations or hot:
            settled = self._settled(relations, inputs, output, given)
            if settled is None:
                return self._nothing(output, axes, slots, written, inputs, given)
            relations, inputs, output, given = settled
        origins = tuple({id(origin): origin for origin in self.origins}.values())
        if _are_factors(slots, self.factors):
            written = None  # nothing has dissolved: the node is as it was written
        node = Einsum(
            self.coefficient,
            tuple(self.factors),
            inputs,
            output,
            given,
            axes=axes,
            letters=self.letters,
            origins=origins,
            written=written,
            relations=relations,
        )
        if self.coefficient == 0:
            operands = [operand for operand, _ in slots]
            return zero(node.axis_sizes, axes, (*origins, *operands), written)
        return node

    def _settled(
        self,
        relations: Relations,
        inputs: tuple[Labels, ...],
        output: Labels,
        given: Given,
    ) -> tuple[Relations, tuple[Labels, ...], Labels, Given] | None:
        """Relations in their normal form, and labels by what has become of them; None where no
        point satisfies the relations.
        """
        domains = dict(given)
        for factor, labels in zip(self.factors, inputs, strict=True):
            domains.update(zip(labels, factor.axis_sizes, strict=True))
        hots = [hot_of(f, own) for f, own in zip(self.factors, inputs, strict=True) if is_hot(f)]
        values = {hot.value for hot in hots}  # what an array holds may be more than its domain
        relations, given = _without_single_places(
            relations, domains, given, values.union(output, *inputs), values
        )
        found = settled(relations, domains, hots)
        if found is None:
            return None
        relations, same = found
        if same:
            inputs = tuple([tuple([same.get(x, x) for x in labels]) for labels in inputs])
            output = tuple([same.get(x, x) for x in output])
            given = tuple(dict.fromkeys([(same.get(x, x), size) for x, size in given]))
            inputs = self._without_copies(inputs)
        seen = set(output).union(*inputs)
        relations, gone = without_proved(relations, domains, seen)
        if gone:
            self._keep_equations(given, gone)
            given = tuple([(label, size) for label, size in given if label not in gone])
        return relations, inputs, output, given

    def _keep_equations(self, given: Given, gone: set[Label]) -> None:
        """What is said of the sizes of labels that go is said by what the einsum was made from."""
        for label in gone:
            sizes = dict.fromkeys([size for own, size in given if own == label])
            if len(sizes) > 1:
                equal = tuple([(label, size) for size in sizes])
                self.origins.append(Einsum(0, (), (), (label,), equal, axes=(None,)))

    def _without_copies(self, inputs: tuple[Labels, ...]) -> tuple[Labels, ...]:
        """Two index arrays of the same at the same places are one factor, which is 0 or 1."""
        seen: set[Hot] = set()
        kept: list[int] = []
        for k, (factor, labels) in enumerate(zip(self.factors, inputs, strict=True)):
            if is_hot(factor):
                hot = hot_of(factor, labels)
                if hot in seen:
                    continue
                seen.add(hot)
            kept.append(k)
        self.factors = [self.factors[k] for k in kept]
        return tuple([inputs[k] for k in kept])

    def _nothing(
        self,
        output: Labels,
        axes: tuple[str | None, ...],
        slots: Sequence[Slot],
        written: Written | None,
        inputs: tuple[Labels, ...],
        given: Given,
    ) -> Einsum:
        """The zero of an einsum whose relations no point satisfies."""
        sizes: dict[Label, Size] = dict(reversed(given))
        for factor, labels in zip(self.factors, inputs, strict=True):
            sizes.update(zip(labels, factor.axis_sizes, strict=True))
        operands = [operand for operand, _ in slots]
        shape = tuple([sizes[label] for label in output])
        return zero(shape, axes, (*self.origins, *operands), written)


def _without_single_places(
    relations: Relations,
    domains: dict[Label, Size],
    given: Given,
    seen: set[Label],
    values: set[Label],
) -> tuple[Relations, Given]:
    """Relations without the labels that are always 0, for their axis has one place."""
    single = {x for one in relations for x, _ in one.terms if domains[x] == 1} - values
    if not single:
        return relations, given
    left: list[Relation] = []
    for constant, terms in relations:
        rest = tuple([(label, k) for label, k in terms if label not in single])
        if rest or constant != 0:
            left.append(Relation(constant, rest))
    unread = single - seen
    return tuple(left), tuple([(label, size) for label, size in given if label not in unread])


def _has_smooth_square(e: Expr) -> TypeGuard[Apply]:
    return type(e) is Apply and e.function.squared is not None


def _renamed(labels: tuple[Label, ...], names: dict[Label, Label]) -> tuple[Label, ...]:
    return tuple([names[label] for label in labels])


def _are_factors(slots: Sequence[Slot], factors: Sequence[Expr]) -> bool:
    if len(slots) != len(factors):
        return False
    return all(operand is factor for (operand, _), factor in zip(slots, factors, strict=True))


def core(e: Einsum) -> tuple[Einsum, tuple[Label, ...]]:
    """The delta-free contraction inside `e`, without its coefficient, and its labels in the scope
    of `e`.

    The core of ``bt,tj->ijib`` is ``bt,tj->bj``; where it sits in the full tensor is the embedding
    ``bj->ijib``.
    """
    if e.split is None:
        labels = core_labels(e)
        inside = carried(e)
        slots: Sequence[Slot] = e.slots
        relations: Relations = ()
        if e.parts is not None:
            relations = e.parts.inner
            outer = [own for _, own in outer_hots(e)]
            slots = [slot for slot in slots if not (is_hot(slot[0]) and slot[1] in outer)]
            inside = labels_in(relations).union(*[own for _, own in slots])
        sizes = dict(reversed(e.given))
        for factor, own in outer_hots(e):
            sizes.update(zip(own, factor.axis_sizes, strict=True))
        # A repeated label goes by the name of the first axis that it is.
        name_of = dict(zip(reversed(e.output), reversed(e.axes), strict=True))
        node = Einsum(
            1,
            tuple([factor for factor, _ in slots]),
            tuple([own for _, own in slots]),
            labels,
            tuple([(label, size) for label, size in sizes.items() if label in inside]),
            axes=tuple([name_of.get(label) for label in labels]),
            letters=e.letters,
            relations=relations,
        )
        put(e, "split", (node, labels))
    assert e.split is not None
    return e.split


def outer_hots(e: Einsum) -> tuple[Slot, ...]:
    """The index arrays that say where the core of `e` sits."""
    if e.parts is None:
        return ()
    hots = [slot for slot in e.slots if is_hot(slot[0])]
    return tuple([hots[k] for k in e.parts.outer_hots])


def core_labels(e: Einsum) -> tuple[Label, ...]:
    """The axes of the core: the output as it is where nothing is embedded, else in the order of
    the factors.
    """
    if e.parts is not None:
        return e.parts.core
    kept = set(e.output)
    distinct = len(kept) == len(e.output)
    if distinct and kept <= carried(e):
        return e.output
    in_order = dict.fromkeys(itertools.chain(*e.inputs))
    return tuple([label for label in in_order if label in kept])


def flatten(e: Einsum, most: int | None = None) -> Einsum:
    """One product with no einsum among its factors. Raises `LimitError` beyond
    ``limits.operands``.
    """
    if most is None:
        limits.check("operands", e.count, "flattening multiplies nested products out")
        if e.count > RELATED and any(
            isinstance(node, Einsum) and node.relations for node in walk([e])
        ):
            raise LimitError(
                f"multiplying out {e.count} operands with relations between their labels, which "
                f"are all solved together, is more than the {RELATED} that are: read its parts"
            )
    if not any(isinstance(f, Einsum) for f in e.factors):
        return e
    flat = with_slots(e, e.slots, origins=e.origins, deep=True)
    if e.record is None:
        return flat
    return flat.with_data(origins=flat.origins, record=e.record)


def carried(e: Einsum) -> set[Label]:
    """The labels that a factor has."""
    return set().union(*e.inputs)


def inside_labels(e: Einsum) -> set[Label]:
    """The labels that a factor or a relation has."""
    return carried(e).union(labels_in(e.relations)) if e.relations else carried(e)


def bare(e: Einsum) -> tuple[Label, ...]:
    """Labels in neither a factor nor a relation nor the output: each counts as a factor of its
    size.
    """
    if not e.given:
        return ()
    known = inside_labels(e).union(e.output)
    return tuple(dict.fromkeys([label for label, _ in e.given if label not in known]))


def fresh_labels(count: int) -> tuple[Label, ...]:
    """Labels that no einsum has yet."""
    return tuple(itertools.islice(_fresh, count))


def written_slots(e: Einsum) -> tuple[Slot, ...]:
    """The operands of `e` as they were written, with their labels."""
    return e.written.slots if e.written else e.slots
