"""A product that is used more than once, multiplied out into its consumers: ``Σ_ab G_ab²`` with
``G = x yᵀ`` is ``Σ_a x_a² Σ_b y_b²``, without G. So is one with relations that is used once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from ..expression import (
    Einsum,
    Expr,
    Label,
    Roots,
    Sizes,
    Swaps,
    bottom_up,
    rebuilt,
    walk,
    with_slots,
)
from .extent import entries, product_seconds


def inlined(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """A product that is used more than once, where it is larger than what it is made of; or no
    smaller, and squared; or where it takes longer to form than to apply its factors in each place.
    Or one with relations, that is far larger.
    """
    consumers: dict[int, list[Einsum]] = defaultdict(list)
    products: dict[int, Einsum] = {}
    kept = {id(root) for root in roots}
    for node in walk(roots):
        if not isinstance(node, Einsum):
            continue
        for factor in node.factors:
            if isinstance(factor, Einsum) and id(factor) not in kept:
                consumers[id(factor)].append(node)
                products[id(factor)] = factor
    for key, nodes in consumers.items():
        product = products[key]
        distinct = {id(node): node for node in nodes}
        squared = len(distinct) == 1  # both uses are in one product
        pays = _is_far_larger(product, sizes)
        if len(nodes) > 1 and not pays:
            pays = _grows(product, sizes, squared=squared)
            pays = pays or _is_slower(product, distinct.values(), sizes)
        if pays:
            forms = _multiplied_out(roots, product, distinct.keys())
            yield dict(zip(map(id, roots), forms, strict=True))


def _multiplied_out(roots: Roots, product: Einsum, places: Collection[int]) -> Roots:
    """`roots` with `product` multiplied out in its consumers, one of which may hold another."""

    def new(node: Expr, parts: tuple[Expr, ...]) -> Expr:
        again = rebuilt(node, parts)
        if id(node) in places and isinstance(again, Einsum):
            return with_slots(again, again.slots, inline=(product,))
        return again

    return bottom_up(roots, new)


def _is_far_larger(product: Einsum, sizes: Sizes) -> bool:
    """Is it one with relations, and far larger than what it is made of? Without relations, what is
    used once has been multiplied out.
    """
    return product.parts is not None and entries(product, sizes) > 2 * _largest(product, sizes)


def _largest(product: Einsum, sizes: Sizes) -> int:
    """The entries of its largest factor; a place in zeros is made of nothing."""
    return max([entries(factor, sizes) for factor in product.factors], default=1)


def _grows(product: Einsum, sizes: Sizes, *, squared: bool) -> bool:
    """Is a product larger than what it is made of; or no smaller, where it is squared?"""
    largest = _largest(product, sizes)
    least = largest if squared else largest + 1
    return entries(product, sizes) >= least


def _is_slower(product: Einsum, nodes: Collection[Einsum], sizes: Sizes) -> bool:
    """Does it take longer to form a product than to apply its factors in each place?"""
    if product.parts is not None:
        return False  # what windows take is not known here
    if not all(_is_applied(product, node, sizes) for node in nodes):
        return False
    formed = product_seconds(product, sizes, nested=False)
    applied = 0.0
    for node in nodes:
        apart = with_slots(node, node.slots, inline=(product,))
        formed += product_seconds(node, sizes, nested=False)
        applied += product_seconds(apart, sizes, nested=False)
    return applied < formed


def _is_applied(product: Einsum, node: Einsum, sizes: Sizes) -> bool:
    """Is `product` summed with something smaller in `node`, as a matrix is with a vector? Only then
    can its factors be applied one after the other, so that it is never formed.
    """
    most = entries(product, sizes)
    summed: set[Label] = set()
    for factor, labels in node.slots:
        if factor is product:
            summed.update(labels)
    summed.difference_update(node.output)
    for factor, labels in node.slots:
        if factor is not product and entries(factor, sizes) < most and summed & set(labels):
            return True
    return False
