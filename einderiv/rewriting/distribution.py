"""A product with a sum as the sum of the products: ``(U Vᵀ − T) V → U (Vᵀ V) − T V``, where U Vᵀ
is then never formed; and ``tr(A B + C D) → tr(A B) + tr(C D)``, where none of the four is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import starmap
from typing import NamedTuple, TypeGuard

from ..expression import (
    Add,
    Einsum,
    Expr,
    Labels,
    Roots,
    Sizes,
    Slot,
    Swaps,
    added,
    assemble,
    children,
    swapped,
    walk,
    with_slots,
)
from ..planning import costs, tuning
from .extent import entries, grown, product_seconds
from .factor import nested


def restricted(roots: Roots) -> Roots:
    """The entries of sums that are read on diagonals, from the terms: ``diag(A B + C)`` as
    ``diag(A B) + diag(C)``, and traces the same.

    The same entries are added, so no digits are lost, and it is never more work than the sum where
    nothing else needs that. A trace of each term may be less still.
    """
    products = [node for node in walk(roots) if isinstance(node, Einsum)]
    reading = [node for node in products if any(starmap(_on_diagonal, node.slots))]
    if not reading:
        return roots
    uses = Counter(id(part) for node in walk(roots) for part in children(node))
    uses.update(map(id, roots))
    swaps: dict[int, Expr] = {}
    for node in reading:
        read = [uses[id(f)] == 1 and _on_diagonal(f, labels) for f, labels in node.slots]
        if any(read):
            pairs = zip(node.slots, read, strict=True)
            slots = [_diagonal(*slot) if here else slot for slot, here in pairs]
            swaps[id(node)] = with_slots(node, slots, origins=node.origins)
    return swapped(roots, swaps) if swaps else roots


def _on_diagonal(e: Expr, labels: Labels) -> bool:
    return isinstance(e, Add) and len(set(labels)) < len(labels)


def _diagonal(total: Expr, labels: Labels) -> Slot:
    """A sum whose diagonal is read as the sum of the diagonals."""
    assert isinstance(total, Add)
    distinct = tuple(dict.fromkeys(labels))
    names = (None,) * len(distinct)
    diagonals = [assemble(1, [(term, labels)], distinct, axes=names) for term in total.addends]
    return added(diagonals), distinct


class Way(NamedTuple):
    """An expression, and the estimated time that it takes once its parts are there."""

    seconds: float
    e: Expr


class Forming(NamedTuple):
    """The estimated time of a sum: with all steps, and only what its products take beyond the
    overhead of their steps, which is 0 where none of them takes more than its entries.
    """

    seconds: float
    work: float


def apart(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """Sums are transparent: all products with sums that take less time as the sums of the products
    of the terms, at once; as they are written, and with common factors taken out first.

    Products in products are multiplied out first: in ``(A (B C + D)) v`` the sum meets the vector.
    What nested sums save is seen only where the outer ones are gone, so a product is looked at
    again as it becomes one of the terms. The estimate is that of the product alone; the search
    judges the program.
    """
    if not _Distribution(roots, sizes).any_sums():
        return
    for form in (roots, nested(roots)):
        if form is None:
            continue
        distribution = _Distribution(form, sizes)
        swaps = distribution.swaps()
        if form is roots and swaps:
            yield swaps
        elif form is not roots:
            yield dict(zip(map(id, roots), swapped(form, swaps), strict=True))


class _Distribution:
    """Products of one program with sums, and what they take in either form."""

    def __init__(self, roots: Roots, sizes: Sizes) -> None:
        self.roots, self.sizes = roots, sizes
        self.uses = Counter(id(part) for node in walk(roots) for part in children(node))
        self.uses.update(map(id, roots))
        #: what something needs as it is, whatever becomes of the products with it
        self.formed = {id(root) for root in roots}
        for node in walk(roots):
            if not isinstance(node, Einsum):
                self.formed.update(map(id, children(node)))
        self.products = 0  # that were looked at
        self._formings: dict[int, Forming] = {}
        self._shares: dict[int, float] = {}  # of products that are used more than once

    def any_sums(self) -> bool:
        """Is there a product with a sum that it might be distributed over?"""
        return any(isinstance(n, Einsum) and self.holds_sums(n) for n in walk(self.roots))

    def swaps(self) -> Swaps:
        """The products that take less time as sums; the outer ones first, for what is inside of
        these goes with them.
        """
        products = [n for n in walk(self.roots) if isinstance(n, Einsum) and self.holds_sums(n)]
        swaps: dict[int, Expr] = {}
        gone: set[int] = set()
        for node in reversed(products):
            if id(node) in gone:
                continue
            flat = self._flat(node)
            way = self.best(flat)
            if way.e is not flat:
                swaps[id(node)] = way.e
                gone.update(map(id, self._own(node)))
        return swaps

    def holds_sums(self, node: Einsum) -> bool:
        """Is one of the factors a sum with a term that takes more than to be read, or a product
        with such a sum?
        """
        return any(
            self._dear(factor) if isinstance(factor, Add) else self._opens(factor, node)
            for factor in self._flat(node).factors
        )

    def _flat(self, node: Einsum) -> Einsum:
        """`node` with the products that only it uses multiplied out, as a plan does."""
        own = self._own(node)
        return with_slots(node, node.slots, inline=own) if own else node

    def _own(self, node: Einsum) -> tuple[Einsum, ...]:
        """The products in a product that only it uses, at every depth."""
        if node.count > tuning.inlined_factors:
            return ()
        own: list[Einsum] = []
        inside = [node]
        while inside:
            for factor in inside.pop().factors:
                if isinstance(factor, Einsum) and self.uses[id(factor)] == 1:
                    own.append(factor)
                    inside.append(factor)
        return tuple(own)

    def _opens(self, factor: Expr, node: Einsum) -> TypeGuard[Einsum]:
        """Is a factor a product that others use too, with a sum, and larger than `node`?"""
        if not isinstance(factor, Einsum) or id(factor) in self.formed:
            return False
        if node.count > tuning.inlined_factors:
            return False
        larger = entries(factor, self.sizes) > entries(node, self.sizes)
        return larger and self.holds_sums(factor)

    def _dear(self, total: Add) -> bool:
        if id(total) in self.formed:
            return False
        return self._forming(total).work > tuning.distributed_work * costs.step

    def best(self, node: Einsum) -> Way:
        """`node` as it is, or as a sum of products, whichever takes less."""
        self.products += 1
        way = Way(self._written(node), node)
        for factor in node.factors:
            if self._opens(factor, node):
                found = self.best(self._flat(with_slots(node, node.slots, inline=(factor,))))
                if found.seconds < tuning.rewrite_gain * way.seconds:
                    way = found
        for k, factor in enumerate(node.factors):
            if not isinstance(factor, Add) or not self._dear(factor) or self._masked(node, k):
                continue
            distributed = self._distributed(node, k, factor, way.seconds)
            if distributed and distributed.seconds < tuning.rewrite_gain * way.seconds:
                way = distributed
        return way

    def _masked(self, node: Einsum, k: int) -> bool:
        """Is the k-th factor multiplied with an array that has all of its axes? Then each of its
        terms is as much work as its entries, which are there at once in the sum.
        """
        axes = set(node.inputs[k])
        return any(
            axes.issubset(labels) and not isinstance(other, Add) and not grown(other, self.sizes)
            for p, (other, labels) in enumerate(node.slots)
            if p != k
        )

    def _written(self, node: Einsum) -> float:
        """What a product takes as it is, with its share of what it is made of."""
        seconds = product_seconds(node, self.sizes, nested=False)
        for factor in set(node.factors):
            if isinstance(factor, Add | Einsum):
                seconds += self._share(factor)
        return seconds

    def _distributed(self, node: Einsum, k: int, total: Add, least: float) -> Way | None:
        """``a (b + c) d`` as ``a b d + a c d``; None where that takes longer than `least`."""
        seconds = self._adding(node, len(total.addends))
        products: list[Expr] = []
        for term in total.addends:
            if seconds > least or self.products > tuning.distributed_products:
                return None
            way = self.best(self._flat(_with_term(node, k, term)))
            seconds += way.seconds
            products.append(way.e)
        return Way(seconds, added(products))

    def _share(self, part: Add | Einsum) -> float:
        """What forming a sum, or a product, costs each of its uses."""
        if id(part) in self.formed:
            return 0.0
        if isinstance(part, Add):
            return self._forming(part).seconds / self._times_used(part)
        for product in walk([part], self._products_to_form):
            if id(product) not in self._shares and isinstance(product, Einsum):
                seconds = self._written(self._flat(product))
                self._shares[id(product)] = seconds / self._times_used(product)
        return self._shares[id(part)]

    def _products_to_form(self, product: Expr) -> tuple[Expr, ...]:
        """The products in one whose shares are not known: they are looked at first, for a chain of
        them may be long.
        """
        if not isinstance(product, Einsum) or id(product) in self._shares:
            return ()
        inside = [f for f in self._flat(product).factors if isinstance(f, Einsum)]
        return tuple([f for f in inside if id(f) not in self.formed])

    def _forming(self, total: Add) -> Forming:
        """What the products among the terms take, and adding them."""
        if id(total) not in self._formings:
            seconds, work = self._adding(total, len(total.addends)), 0.0
            for term in total.addends:
                if not self._forms(term):
                    continue
                taken = self._written(self._flat(term))
                overhead = costs.step * (term.count - 1)
                seconds += taken / self._times_used(term)
                work += max(taken - overhead, 0.0) / self._times_used(term)
            self._formings[id(total)] = Forming(seconds, work)
        return self._formings[id(total)]

    def _adding(self, e: Expr, terms: int) -> float:
        """The time of adding terms of the shape of `e`."""
        return 8 * costs.byte * (terms + 1) * entries(e, self.sizes) + costs.step

    def _times_used(self, e: Expr) -> int:
        return max(self.uses[id(e)], 1)

    def _forms(self, term: Expr) -> TypeGuard[Einsum]:
        """Is a term a product that is larger than its operands, or that sums over some axis?"""
        if not isinstance(term, Einsum) or term.count < 2:
            return False
        inside = {x for labels in term.inputs for x in labels}
        sums = not inside.issubset(term.output)
        return sums or grown(term, self.sizes)


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


def spread(e: Expr) -> Expr:
    """A product as the sum of the products of the terms of its sums; anything else itself."""
    while isinstance(e, Einsum):
        sums = [(k, factor) for k, factor in enumerate(e.factors) if isinstance(factor, Add)]
        if len(sums) != 1:
            return e
        k, total = sums[0]
        if len(total.addends) > tuning.terms_apart:
            return e
        e = _in_place(e, k, total)
    return e


def _in_place(node: Einsum, k: int, total: Add) -> Expr:
    """``a (b + c) d`` as ``a b d + a c d``: factor `k` is the sum."""
    return added([_with_term(node, k, term) for term in total.addends])


def _with_term(node: Einsum, k: int, term: Expr) -> Einsum:
    """`node` with a term of a sum in the place of that sum, its factor `k`."""
    slots = node.slots
    before, labels, behind = slots[:k], slots[k][1], slots[k + 1 :]
    return with_slots(node, [*before, (term, labels), *behind], inline=(term,))
