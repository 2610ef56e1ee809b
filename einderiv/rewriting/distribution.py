"""A product with a sum as the sum of the products: ``(U Vᵀ − T) V → U (Vᵀ V) − T V``, where U Vᵀ
is then never formed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..expression import Add, Einsum, Expr, Roots, Sizes, Swaps, added, walk, with_slots
from ..planning import tuning
from .extent import grown


def distributed(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """A sum in all the products that it is a factor of, for then it need not be formed; and in one
    of them.

    Where the terms cancel, rounding errors are relative to the terms and no more to their sum. So
    this is done only where it saves forming a product.
    """
    places: dict[int, list[tuple[Einsum, int, Add]]] = defaultdict(list)
    for node in walk(roots):
        if not isinstance(node, Einsum) or len(node.factors) < 2:
            continue
        for k, factor in enumerate(node.factors):
            if isinstance(factor, Add) and _saves(factor, sizes):
                places[id(factor)].append((node, k, factor))
    for uses in places.values():
        distinct = {id(node): (node, k, factor) for node, k, factor in uses}
        if len(distinct) > 1:
            yield {key: _in_place(*place) for key, place in distinct.items()}
        for node, k, factor in uses:
            yield {id(node): _in_place(node, k, factor)}


def _saves(total: Add, sizes: Sizes) -> bool:
    """Is it a short sum with a term that is larger than what it is made of?"""
    if len(total.addends) > tuning.distributed_terms:
        return False
    return any(grown(addend, sizes) for addend in total.addends)


def _in_place(node: Einsum, k: int, total: Add) -> Expr:
    """``a (b + c) d`` as ``a b d + a c d``: factor `k` is the sum."""
    slots = node.slots
    before, labels, behind = slots[:k], slots[k][1], slots[k + 1 :]
    products: list[Expr] = []
    for term in total.addends:
        products.append(with_slots(node, [*before, (term, labels), *behind], inline=(term,)))
    return added(products)
