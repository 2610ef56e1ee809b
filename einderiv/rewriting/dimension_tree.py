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

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..expression import Add, Einsum, Expr, Label, Labels, Slot, assemble, bare, carried, walk

# first labels of the axes of the operand that are summed, and of what else is summed
AXIS, INNER = 1000, 2000


class Halved(NamedTuple):
    """A term as ``T · far · near``; its labels: those of the output, of the axes of T, of what
    else is summed.
    """

    whole: Labels  # of T
    far: list[Slot]
    near: list[Slot]
    coefficient: int | float | complex


Group = list[Halved]  # terms that differ in what is far alone


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
    groups = [group for found, _ in parts for group in found]
    products = {
        frozenset((_far(h), h.coefficient / group[0].coefficient) for h in group)
        for group in groups
    }
    if len(products) == sum(map(len, groups)):
        return None
    return [
        _sum([*(_joined(group, operand, e) for group in found), *rest], e.axes) if found else e
        for e, (found, rest) in zip(sums, parts, strict=True)
    ]


def _grouped(
    e: Expr, operand: Expr, cut: int, place: Mapping[int, int]
) -> tuple[list[Group], list[Expr]]:
    """The terms of `e` that are contracted so, and the others."""
    groups: dict[object, Group] = {}
    rest: list[Expr] = []
    for term in e.addends if isinstance(e, Add) else (e,):
        h = _ends(term, operand, cut, place) if isinstance(term, Einsum) else None
        if h is None:
            rest.append(term)
        else:
            key = (h.whole, tuple((id(f), ls) for f, ls in h.near), _links(h, e.ndim))
            groups.setdefault(key, []).append(h)
    return list(groups.values()), rest


def _far(h: Halved) -> object:
    """What the far products of two terms have in common only if they are equal."""
    names: dict[Label, int] = {}
    slots = sorted(((id(f), ls) for f, ls in h.far), key=lambda slot: slot[0])
    return tuple(
        (key, tuple(x if x in h.whole else names.setdefault(x, -1 - len(names)) for x in ls))
        for key, ls in slots
    )


def _ends(term: Einsum, operand: Expr, cut: int, place: Mapping[int, int]) -> Halved | None:
    """A term by its ends; None where a factor or the output touches both."""
    slots = term.slots
    own = [labels for f, labels in slots if f is operand]
    if (
        len(own) != 1
        or len(set(own[0])) < operand.ndim
        or len(set(term.output)) < term.ndim
        or bare(term)
    ):
        return None
    if not carried(term).issuperset(term.output):
        return None
    (labels,) = own
    others = [slot for slot in slots if slot[0] is not operand]
    uses = Counter(x for _, ls in others for x in set(ls))
    uses.update(term.output)
    ends = [{x for x in part if uses[x] < 2} for part in (labels[:cut], labels[cut:])]
    for far, near in (ends[::-1], ends):
        mine = [slot for slot in others if far.intersection(slot[1])]
        if (
            mine
            and far.isdisjoint(term.output)
            and not any(near.intersection(ls) for _, ls in mine)
        ):
            rest = [slot for slot in others if slot not in mine]
            rest.sort(key=lambda slot: place[id(slot[0])])
            return _named(term, labels, mine, rest)
    return None


def _named(term: Einsum, labels: Labels, far: list[Slot], near: list[Slot]) -> Halved:
    names = {x: p for p, x in enumerate(term.output)}
    for p, x in enumerate(labels):
        names.setdefault(x, AXIS + p)
    for _, ls in (*near, *far):
        for x in ls:
            names.setdefault(x, INNER + len(names))

    def named(ls: Labels) -> Labels:
        return tuple(names[x] for x in ls)

    return Halved(
        named(labels),
        [(f, named(ls)) for f, ls in far],
        [(f, named(ls)) for f, ls in near],
        term.coefficient,
    )


def _links(h: Halved, ndim: int) -> Labels:
    """The labels of the far product: those of T, then those that the near end or the output has."""
    inside = {x for _, ls in h.far for x in ls}
    outside = {x for _, ls in h.near for x in ls}.union(range(ndim))
    return (
        *(x for x in h.whole if x in inside),
        *sorted(x for x in inside & outside if x not in h.whole),
    )


def _sum(parts: Sequence[Expr], axes: tuple[str | None, ...]) -> Expr:
    """A sum whose terms are known to differ."""
    return Add(tuple(parts), axes=axes) if len(parts) > 1 else parts[0]


def _joined(group: Sequence[Halved], operand: Expr, e: Expr) -> Expr:
    """One product for terms that differ in what is far alone."""
    first = group[0]
    links, output = _links(first, e.ndim), tuple(range(e.ndim))
    common = len({h.coefficient for h in group}) == 1
    parts = [
        assemble(1 if common else h.coefficient, h.far, links, axes=(None,) * len(links))
        for h in group
    ]
    far = _sum(parts, (None,) * len(links))
    needed = {x for _, ls in first.near for x in ls}.union(output)
    labels = tuple(x for x in dict.fromkeys(first.whole + links) if x in needed)
    product = assemble(
        1, [(operand, first.whole), (far, links)], labels, axes=(None,) * len(labels)
    )
    return assemble(
        first.coefficient if common else 1, [(product, labels), *first.near], output, axes=e.axes
    )
