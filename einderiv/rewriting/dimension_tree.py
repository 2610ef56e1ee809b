"""Terms that share one large operand, contracted with it from one end: ``T (a c) d + T (a e) d → T
(a (c + e)) d``.

A product with T is linear in what stands at the last axes of T, and in what stands at the first. So
all terms that agree on one end are one product with T of the sum of what they have at the other,
and all outputs share these products. For the derivatives of ``Σ T ∘ (a ∘ b ∘ c ∘ d)``, of any
order, T is then read a few times instead of once for each term. These are the dimension trees of
Phan, Tichavský, Cichocki, "Fast alternating LS algorithms for high order CANDECOMP/PARAFAC tensor
factorizations", IEEE Trans. Signal Process. 61 (2013), of which one fork is made at a time. The
axes of an end are adjacent, so a product of matrices takes T as it lies in memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

from ..expression import (
    Add,
    Einsum,
    Expr,
    Label,
    Labels,
    Roots,
    Sizes,
    Slot,
    Swaps,
    assemble,
    bare,
    carried,
    walk,
)
from ..planning import tuning
from .cse import shared
from .extent import entries

# first labels of the axes of the operand that are summed, and of what else is summed
AXIS, INNER = 1000, 2000


class Halved(NamedTuple):
    """A term as ``T · far · near``; its labels: those of the output, of the axes of T, of what
    else is summed.
    """

    of_operand: Labels
    far: list[Slot]
    near: list[Slot]
    coefficient: int | float | complex


Group = list[Halved]  # terms that differ in what is far alone


def from_the_ends(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """A large operand of several terms, contracted from its ends; the cut in the middle first."""
    uses: dict[int, list[Expr]] = defaultdict(list)
    operands: dict[int, Expr] = {}
    nodes = list(walk(roots))
    inside: set[int] = set()
    for node in nodes:
        if isinstance(node, Add):
            inside.update(map(id, node.addends))
    for node in nodes:
        terms: tuple[Expr, ...] = ()
        if isinstance(node, Add):
            terms = node.addends
        elif id(node) not in inside:  # a term of a sum is looked at with its sum
            terms = (node,)
        large: dict[int, Expr] = {}
        for term in terms:
            if isinstance(term, Einsum):
                large.update((id(factor), factor) for factor in term.factors if factor.ndim > 2)
        for key, operand in large.items():
            uses[key].append(node)
            operands[key] = operand
    largest_first = sorted(uses, key=lambda key: -entries(operands[key], sizes))
    for key in largest_first[: tuning.halved_operands]:
        for cut in _cuts(operands[key], sizes):
            halves = halved(uses[key], operands[key], cut)
            if halves is not None:
                yield dict(zip(map(id, uses[key]), shared(halves), strict=True))


def _cuts(e: Expr, sizes: Sizes) -> list[int]:
    """Places to cut the axes of `e` in two, the most even first."""
    shape = [sizes.known_measure(size) or 1 for size in e.axis_sizes]
    return sorted(range(1, e.ndim), key=lambda p: prod(shape[:p]) + prod(shape[p:]))


def halved(sums: Sequence[Expr], operand: Expr, cut: int) -> list[Expr] | None:
    """`sums` with `operand` contracted, in their terms, from the end that the output lacks; None
    where that is no use.

    The ends are the axes before and from `cut`. It is of use where there are fewer products with
    `operand` than terms.
    """
    # Factors in the order they are met in, which is the same in every process, as addresses are
    # not.
    place = {id(node): k for k, node in enumerate(walk(sums))}
    parts = [_grouped(e, operand, cut, place) for e in sums]
    products: set[object] = set()
    count = 0
    for groups, _ in parts:
        for group in groups:
            first = group[0].coefficient
            products.add(frozenset((_far(half), half.coefficient / first) for half in group))
            count += len(group)
    if len(products) == count:
        return None
    results: list[Expr] = []
    for e, (groups, rest) in zip(sums, parts, strict=True):
        joined = [_joined(group, operand, e) for group in groups]
        results.append(_sum([*joined, *rest], e.axes) if joined else e)
    return results


def _grouped(
    e: Expr, operand: Expr, cut: int, place: Mapping[int, int]
) -> tuple[list[Group], list[Expr]]:
    """The terms of `e` that are contracted so, and the others."""
    groups: dict[object, Group] = {}
    rest: list[Expr] = []
    for term in e.addends if isinstance(e, Add) else (e,):
        half = _ends(term, operand, cut, place) if isinstance(term, Einsum) else None
        if half is None:
            rest.append(term)
            continue
        near = tuple((id(factor), labels) for factor, labels in half.near)
        key = (half.of_operand, near, _links(half, e.ndim))
        groups.setdefault(key, []).append(half)
    return list(groups.values()), rest


def _far(half: Halved) -> object:
    """What the far products of two terms have in common only if they are equal."""
    names: dict[Label, Label] = {x: x for x in half.of_operand}
    named: list[tuple[int, Labels]] = []
    slots = [(id(factor), labels) for factor, labels in half.far]
    slots.sort(key=lambda slot: slot[0])
    for key, labels in slots:
        for x in labels:
            names.setdefault(x, -1 - len(names))
        named.append((key, tuple(names[x] for x in labels)))
    return tuple(named)


def _ends(term: Einsum, operand: Expr, cut: int, place: Mapping[int, int]) -> Halved | None:
    """A term by its ends; None where a factor or the output touches both."""
    slots = term.slots
    own = [labels for factor, labels in slots if factor is operand]
    if len(own) != 1 or bare(term) or term.parts is not None:
        return None
    (labels,) = own
    if len(set(labels)) < operand.ndim or len(set(term.output)) < term.ndim:
        return None  # a diagonal
    if not carried(term).issuperset(term.output):
        return None
    others = [slot for slot in slots if slot[0] is not operand]
    uses = Counter(term.output)
    for _, theirs in others:
        uses.update(set(theirs))
    front = {x for x in labels[:cut] if uses[x] < 2}
    back = {x for x in labels[cut:] if uses[x] < 2}
    for far, near in ((back, front), (front, back)):
        far_slots = [slot for slot in others if not far.isdisjoint(slot[1])]
        touches_near = any(not near.isdisjoint(theirs) for _, theirs in far_slots)
        if far_slots and not touches_near and far.isdisjoint(term.output):
            near_slots = [slot for slot in others if slot not in far_slots]
            near_slots.sort(key=lambda slot: place[id(slot[0])])
            return _named(term, labels, far_slots, near_slots)
    return None


def _named(term: Einsum, labels: Labels, far: list[Slot], near: list[Slot]) -> Halved:
    """A term by its ends, with labels that say where they are from."""
    names = {x: p for p, x in enumerate(term.output)}
    for p, x in enumerate(labels):
        names.setdefault(x, AXIS + p)
    for _, theirs in (*near, *far):
        for x in theirs:
            names.setdefault(x, INNER + len(names))

    def named(before: Labels) -> Labels:
        return tuple(names[x] for x in before)

    far = [(factor, named(theirs)) for factor, theirs in far]
    near = [(factor, named(theirs)) for factor, theirs in near]
    return Halved(named(labels), far, near, term.coefficient)


def _links(half: Halved, ndim: int) -> Labels:
    """The labels of the far product: those of T, then those that the near end or the output has."""
    inside: set[Label] = set().union(*(labels for _, labels in half.far))
    outside: set[Label] = set(range(ndim)).union(*(labels for _, labels in half.near))
    of_operand = [x for x in half.of_operand if x in inside]
    others = sorted(x for x in inside & outside if x not in half.of_operand)
    return (*of_operand, *others)


def _sum(parts: Sequence[Expr], axes: tuple[str | None, ...]) -> Expr:
    """A sum whose terms are known to differ."""
    return Add(tuple(parts), axes=axes) if len(parts) > 1 else parts[0]


def _joined(group: Group, operand: Expr, e: Expr) -> Expr:
    """One product for terms that differ in what is far alone."""
    first = group[0]
    links, output = _links(first, e.ndim), tuple(range(e.ndim))
    common = len({half.coefficient for half in group}) == 1  # then it stands in front of all
    names = (None,) * len(links)
    parts: list[Expr] = []
    for half in group:
        number = 1 if common else half.coefficient
        parts.append(assemble(number, half.far, links, axes=names))
    far = _sum(parts, names)
    needed: set[Label] = set(output).union(*(labels for _, labels in first.near))
    kept = tuple(x for x in dict.fromkeys(first.of_operand + links) if x in needed)
    slots: list[Slot] = [(operand, first.of_operand), (far, links)]
    product = assemble(1, slots, kept, axes=(None,) * len(kept))
    number = first.coefficient if common else 1
    return assemble(number, [(product, kept), *first.near], output, axes=e.axes)
