"""Operands that the terms of a sum have in common, taken out: ``L A N + L B N → L (A + B) N``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..expression import (
    FLAT,
    Add,
    Einsum,
    Expr,
    Label,
    Labels,
    Roots,
    Size,
    Sizes,
    Slot,
    Swaps,
    Tensor,
    added,
    assemble,
    bare,
    filled,
    flatten,
    fresh_labels,
    swapped,
    walk,
    wrapped,
)
from ..planning import tuning
from .cse import shared


class Product(NamedTuple):
    """A term with labels of its own for what it sums, and the labels of the sum for its axes.

    Of two labels that are `tied` one is an axis of the sum, and the other is that of an operand in
    common which is summed in other terms: ``K + K L = K (I + L)``.
    """

    slots: list[Slot]
    term: Einsum
    tied: tuple[tuple[Label, Label], ...] = ()


def common_factors(roots: Roots, _: Sizes) -> Iterator[Swaps]:
    """What the terms of a sum have in common, or some of them."""
    for node in walk(roots):
        if not isinstance(node, Add) or len(node.addends) > FLAT:
            continue
        of_all = factored(node)
        if of_all is not None:
            yield {id(node): of_all}
        # A number has no axes that say which operand is the one in common: any may be.
        if of_all is None or not node.ndim:
            for of_some in partly_factored(node):
                yield {id(node): of_some}


def factored(e: Add, *, identities: bool = False) -> Expr | None:
    """`e` with what all of its terms have in common taken out; None where they have nothing in
    common.

    With `identities` also what is in common but for the ends of products, ``K + K L = K (I + L)``.
    """
    products: list[Product] = []
    for k, term in enumerate(e.addends):
        product = _product(term, k)
        if product is None:
            return None
        products.append(product)
    common, rests = _common(products)
    if not common:
        return None
    if identities:
        _take_ends(common, rests)
    output = tuple(range(e.ndim))
    outside = set(output).union(*(labels for _, labels in common))
    inside: set[Label] = set()
    for rest in rests:
        inside.update(*(labels for _, labels in rest.slots), *rest.tied)
    sizes = _sizes([*products, *rests, Product(common, products[0].term)])
    shared = tuple(x for x in sizes if x in outside and x in inside)
    inner = added([_rest(rest, shared, sizes) for rest in rests])
    return assemble(1, [*common, (inner, shared)], output, axes=e.axes)


def nested(roots: Roots) -> Roots | None:
    """`roots` with what terms have in common taken out of them, and so on inside, as in Horner's
    scheme; None where no terms have anything in common.
    """
    form = roots
    plain: dict[int, Expr] = {}  # sums that have been looked at
    for _ in range(tuning.nested_rounds):
        swaps: dict[int, Expr] = {}
        for node in walk(form):
            if isinstance(node, Add) and len(node.addends) <= FLAT and id(node) not in plain:
                plain[id(node)] = node
                product = factored(node, identities=True)
                if product is None:
                    product = next(partly_factored(node, identities=True), None)
                if product is not None:
                    swaps[id(node)] = product
        if not swaps:
            break
        # What is left of terms is often the sum of other terms.
        form = shared(swapped(form, swaps))
    return None if form is roots else form


def partly_factored(e: Add, *, identities: bool = False) -> Iterator[Expr]:
    """`e` with what some of its terms have in common taken out of these; an operand of many
    terms first.
    """
    holders: dict[object, list[int]] = defaultdict(list)  # terms, by an operand and its places
    for k, term in enumerate(e.addends):
        if not isinstance(term, Einsum) or len(set(term.output)) < term.ndim:
            continue
        flat = _flat(term)
        places = {x: p for p, x in enumerate(flat.output)}
        keys: set[object] = set()
        for factor, labels in flat.slots:
            # An operand with none of the axes of the sum may stand anywhere in a term: it says too
            # little. A sum that is a number has none.
            if not places or not places.keys().isdisjoint(labels):
                keys.add((_key(factor), tuple(places.get(x, -1) for x in labels)))
        for key in keys:
            holders[key].append(k)
    groups = {tuple(terms) for terms in holders.values() if 1 < len(terms) < len(e.addends)}
    for group in sorted(groups, key=lambda terms: (-len(terms), terms))[: tuning.common_groups]:
        some = added([e.addends[k] for k in group])
        product = factored(some, identities=identities) if isinstance(some, Add) else None
        if product is not None:
            others = [term for k, term in enumerate(e.addends) if k not in group]
            yield added([product, *others])


def _product(term: Expr, k: int) -> Product | None:
    """A term over the labels of the sum; None unless it is a product with distinct axes."""
    if not isinstance(term, (Einsum, Tensor)):
        return None
    flat = _flat(wrapped(term))
    if flat.parts is not None or len(set(flat.output)) < flat.ndim:
        return None
    if bare(flat) or not flat.factors:
        return None
    inside: set[Label] = set().union(*flat.inputs)
    if not inside.issuperset(flat.output):
        return None
    names: dict[Label, Label] = {x: p for p, x in enumerate(flat.output)}
    # Labels that different terms sum must differ: those of term k begin at 1000 (k + 1).
    for x in sorted(inside - names.keys()):
        names[x] = flat.ndim + (k + 1) * 1000 + len(names)
    slots: list[Slot] = []
    for factor, labels in flat.slots:
        slots.append((factor, tuple(names[x] for x in labels)))
    return Product(slots, flat)


def _flat(product: Einsum) -> Einsum:
    """A product with those in it multiplied out, unless it is long."""
    return flatten(product) if product.count <= tuning.common_factors else product


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
            matches = [
                _match(slot, rest, names, known) for rest, names in zip(rests, same, strict=True)
            ]
            if None in matches:
                continue
            for match, rest, names in zip(matches, rests, same, strict=True):
                assert match is not None
                matched, called = match
                rest.remove(matched)
                names.update(called)
            left.remove(slot)
            common.append(slot)
            known.update(slot[1])
            moved = True
    lefts = [first._replace(slots=left)]
    for product, rest, names in zip(others, rests, same, strict=True):
        renamed: list[Slot] = []
        for factor, labels in rest:
            renamed.append((factor, tuple([names.get(x, x) for x in labels])))
        lefts.append(product._replace(slots=renamed))
    return common, lefts


def _take_ends(common: list[Slot], rests: list[Product]) -> None:
    """Move on to `common` what the terms have at labels in common, while its other labels are an
    axis of the sum in one term, and are summed in others.

    Such a label becomes a new one, which is tied to the axis where it was that axis.
    """
    outer = set(range(rests[0].term.ndim))
    moved = True
    while moved:
        moved = False
        known = {x for _, labels in common for x in labels}.union(outer)
        for slot in rests[0].slots:
            found = [_end(slot, rest, known) for rest in rests]
            ends = [place for place in found if place is not None]
            if len(ends) < len(rests):
                continue
            _move_end(slot, ends, common, rests)
            moved = True
            break


def _end(slot: Slot, rest: Product, known: set[Label]) -> tuple[Slot, int] | None:
    """The slot of `rest` with the operand of `slot` and all labels but one in common, and the place
    of that one; None if there is none, or if that label is fixed by other operands.
    """
    factor, labels = slot
    for other in rest.slots:
        if _key(other[0]) != _key(factor):
            continue
        inner = [p for p, x in enumerate(labels) if x in known and x >= rest.term.ndim]
        same = [p for p, (x, y) in enumerate(zip(labels, other[1], strict=True)) if x == y]
        if not inner or not set(inner) <= set(same):
            continue
        free = [p for p in range(len(labels)) if p not in inner]
        if len(free) != 1:
            continue
        (p,) = free
        end = other[1][p]
        if end < rest.term.ndim:
            # an axis that something else carries too is no end
            if any(
                end in theirs
                for operand in rest.slots
                if operand is not other
                for theirs in [operand[1]]
            ):
                continue
        elif end in known:
            continue
        return other, p
    return None


def _move_end(
    slot: Slot, ends: list[tuple[Slot, int]], common: list[Slot], rests: list[Product]
) -> None:
    """Make `slot` one in common; its one label that differs becomes a new one."""
    (new,) = fresh_labels(1)
    place = ends[0][1]
    labels = slot[1]
    for k, ((other, p), rest) in enumerate(zip(ends, list(rests), strict=True)):
        end = other[1][p]
        left = [s for s in rest.slots if s is not other]
        if end < rest.term.ndim:
            rests[k] = rest._replace(slots=left, tied=(*rest.tied, (new, end)))
        else:
            renamed = [(f, tuple([new if x == end else x for x in own])) for f, own in left]
            rests[k] = rest._replace(slots=renamed)
    common.append((slot[0], (*labels[:place], new, *labels[place + 1 :])))


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
    """The sizes of all labels, those of the first product first."""
    sizes: dict[Label, Size] = {}
    for product in products:
        for factor, labels in product.slots:
            for label, size in zip(labels, factor.axis_sizes, strict=True):
                sizes.setdefault(label, size)
    return sizes


def _rest(rest: Product, axes: Labels, sizes: dict[Label, Size]) -> Expr:
    """What is left of a term, over the axes that any of them has."""
    coefficient, names = rest.term.coefficient, (None,) * len(axes)
    if not rest.slots and not rest.tied:
        return filled(coefficient, tuple(sizes[x] for x in axes), names)
    ties = dict(rest.tied)
    output = tuple(ties.get(x, x) for x in axes)
    carried: set[Label] = set().union(*(labels for _, labels in rest.slots))
    given = tuple((x, sizes[x]) for x in dict.fromkeys(output) if x not in carried)
    return assemble(coefficient, rest.slots, output, axes=names, given=given)
