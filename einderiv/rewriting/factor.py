"""Operands that the terms of a sum have in common, taken out: ``L A N + L B N → L (A + B) N``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..expression import (
    Add,
    Einsum,
    Expr,
    Label,
    Labels,
    Size,
    Slot,
    Tensor,
    added,
    assemble,
    bare,
    filled,
    flatten,
    wrapped,
)

LONG = 24  # factors of a product that is looked through
TRIED = 4  # groups of terms that have something in common


class Product(NamedTuple):
    """A term with labels of its own for what it sums, and the labels of the sum for its axes."""

    slots: list[Slot]
    term: Einsum


def factored(e: Add) -> Expr | None:
    """`e` with what all of its terms have in common taken out; None where they have nothing in
    common.
    """
    products = [p for k, term in enumerate(e.addends) if (p := _product(term, k)) is not None]
    if len(products) < len(e.addends):
        return None
    common, rests = _common(products)
    if not common:
        return None
    output = tuple(range(e.ndim))
    outside = {x for _, labels in common for x in labels} | set(output)
    sizes = _sizes(products)
    shown = [
        x for x in sizes if x in outside and any(x in ls for rest in rests for _, ls in rest.slots)
    ]
    inner = added([_rest(rest, tuple(shown), sizes) for rest in rests])
    return assemble(1, [*common, (inner, tuple(shown))], output, axes=e.axes)


def partly_factored(e: Add) -> Iterator[Expr]:
    """`e` with what some of its terms have in common taken out of these; an operand of many
    terms first.
    """
    groups: dict[object, list[int]] = defaultdict(list)
    for k, term in enumerate(e.addends):
        if isinstance(term, Einsum) and len(set(term.output)) == term.ndim:
            places = {x: p for p, x in enumerate(term.output)}
            slots = term.slots
            # An operand with none of the axes of the sum may stand anywhere in a term: it says too
            # little.
            keys = {
                (_key(f), tuple(places.get(x, -1) for x in ls))
                for f, ls in slots
                if places.keys() & set(ls)
            }
            for key in keys:
                groups[key].append(k)
    chosen = {tuple(ks): None for ks in groups.values() if 1 < len(ks) < len(e.addends)}
    for ks in sorted(chosen, key=lambda ks: (-len(ks), ks))[:TRIED]:
        some = added([e.addends[k] for k in ks])
        found = factored(some) if isinstance(some, Add) else None
        if found is not None:
            yield added([found, *(term for k, term in enumerate(e.addends) if k not in ks)])


def _product(term: Expr, k: int) -> Product | None:
    """A term over the labels of the sum; None unless it is a product with distinct axes."""
    if not isinstance(term, (Einsum, Tensor)):
        return None
    whole = wrapped(term)
    flat = flatten(whole) if whole.count <= LONG else whole
    if len(set(flat.output)) < flat.ndim or bare(flat) or not flat.factors:
        return None
    inside = {x for labels in flat.inputs for x in labels}
    if not inside.issuperset(flat.output):
        return None
    names: dict[Label, Label] = {x: p for p, x in enumerate(flat.output)}
    for x in sorted(inside - names.keys()):
        names[x] = flat.ndim + (k + 1) * 1000 + len(names)
    slots = [(f, tuple(names[x] for x in ls)) for f, ls in flat.slots]
    return Product(slots, flat)


def _key(e: Expr) -> object:
    return e.name if isinstance(e, Tensor) else id(e)


def _common(products: Sequence[Product]) -> tuple[list[Slot], list[Product]]:
    """The operands that are in all products with the same labels, and what is left of each.

    A label that is summed is the same in two terms if an operand that they have in common says so;
    operands with the labels of the sum are matched first, so that they say it for others.
    """
    first, *others = products
    common: list[Slot] = []
    rests = [list(p.slots) for p in others]
    same: list[dict[Label, Label]] = [{} for _ in others]
    known = set(range(first.term.ndim))
    left = list(first.slots)
    moved = True
    while moved:
        moved = False
        for slot in list(left):
            if not slot[1] or (known and known.isdisjoint(slot[1])):
                continue
            found = [
                _match(slot, rest, names, known) for rest, names in zip(rests, same, strict=True)
            ]
            if all(found):
                for pair, rest, names in zip(found, rests, same, strict=True):
                    assert pair is not None
                    rest.remove(pair[0])
                    names.update(pair[1])
                left.remove(slot)
                common.append(slot)
                known.update(slot[1])
                moved = True
    renamed = [
        [(f, tuple(names.get(x, x) for x in ls)) for f, ls in rest]
        for rest, names in zip(rests, same, strict=True)
    ]
    return common, [
        first._replace(slots=left),
        *(p._replace(slots=r) for p, r in zip(others, renamed, strict=True)),
    ]


def _match(
    slot: Slot, rest: list[Slot], names: dict[Label, Label], known: set[Label]
) -> tuple[Slot, dict[Label, Label]] | None:
    """The slot of `rest` that is `slot`, and what its labels are called there; None if there is
    none.
    """
    for other in rest:
        if _key(other[0]) != _key(slot[0]):
            continue
        new: dict[Label, Label] = {}
        for mine, theirs in zip(slot[1], other[1], strict=True):
            called = names.get(theirs, new.get(theirs, theirs))
            if called != mine:
                taken = called in known or mine in known or theirs in names or theirs in new
                if taken or mine in new.values():
                    break
                new[theirs] = mine
        else:
            return other, new
    return None


def _sizes(products: Sequence[Product]) -> dict[Label, Size]:
    found: dict[Label, Size] = {}
    for p in products:
        for factor, labels in p.slots:
            for label, size in zip(labels, factor.sizes, strict=True):
                found.setdefault(label, size)
    return found


def _rest(rest: Product, shown: Labels, sizes: dict[Label, Size]) -> Expr:
    """What is left of a term, over the axes that any of them has."""
    carried = {x for _, ls in rest.slots for x in ls}
    given = tuple((x, sizes[x]) for x in shown if x not in carried)
    coefficient = rest.term.coefficient
    if not rest.slots:
        return filled(coefficient, tuple(sizes[x] for x in shown), (None,) * len(shown))
    return assemble(coefficient, rest.slots, shown, axes=(None,) * len(shown), given=given)
