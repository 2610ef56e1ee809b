"""A product that is used more than once, multiplied out into its consumers: ``Σ_ab G_ab²`` with
``G = x yᵀ`` is ``Σ_a x_a² Σ_b y_b²``, without G.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..expression import Einsum, Roots, Sizes, Swaps, walk, with_slots
from .extent import entries


def inlined(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """A product that is used more than once, where it is larger than what it is made of; or no
    smaller, and squared.
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
        largest = max(entries(factor, sizes) for factor in product.factors)
        least = largest if squared else largest + 1
        if len(nodes) > 1 and entries(product, sizes) >= least:
            yield {
                place: with_slots(node, node.slots, inline=(product,))
                for place, node in distinct.items()
            }
