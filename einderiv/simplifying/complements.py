"""Shares and what is left of them: sigmoid(−u) is 1 − sigmoid(u)."""

from __future__ import annotations

from itertools import permutations

from ..expression import Add, Apply, Einsum, Expr, Slot, added, assemble, same, with_slots
from .situation import Situation

MOST_TERMS = 6  # of the sum, and of a sum that is a factor in it


def shares_and_complements(e: Add, situation: Situation) -> Expr | None:
    """A sum with sigmoid(u) in one term and sigmoid(−u) in another, with 1 − sigmoid(u) for the
    second, multiplied out: ``(1 − y) sigmoid(u) − y sigmoid(−u)`` is ``sigmoid(u) − y``.
    """
    if len(e.addends) > MOST_TERMS:
        return None
    found = situation.terms(e)
    products = [_as_product(term, situation) for term in found]
    shares = []
    for k, product in enumerate(products):
        for factor, _ in product.slots if product is not None else ():
            if isinstance(factor, Apply) and factor.function.name == "sigmoid":
                shares.append((k, factor))
    for (k, share), (j, other) in permutations(shares, 2):
        inside, mirrored = share.arguments[0], other.arguments[0]
        is_pair = k != j and inside.weight == mirrored.weight and same(inside, mirrored * -1)
        if is_pair and _begins_with_minus(mirrored):
            parts: list[Expr] = []
            for term, product in zip(found, products, strict=True):
                if product is None:
                    parts.append(term)
                else:
                    parts += _multiplied_out(product, share, other)
            return added(parts)
    return None


def _as_product(term: Expr, situation: Situation) -> Einsum | None:
    if isinstance(term, Einsum):
        return situation.flat(term)
    if isinstance(term, Apply):
        labels = tuple(range(term.ndim))
        return assemble(1, [(term, labels)], labels, axes=term.axes)
    return None


def _begins_with_minus(e: Expr) -> bool:
    first = e.addends[0] if isinstance(e, Add) else e
    number = first.coefficient if isinstance(first, Einsum) else 1
    return not isinstance(number, complex) and number < 0


def _multiplied_out(product: Einsum, share: Apply, other: Apply) -> list[Expr]:
    """A term without the `other` share, and with the sums beside either multiplied out."""
    for k, (factor, labels) in enumerate(product.slots):
        if isinstance(factor, Apply) and same(factor, other):
            is_one = (*product.slots[:k], *product.slots[k + 1 :])
            given = dict(product.given)
            given.update(zip(labels, factor.axis_sizes, strict=True))
            whole = with_slots(product, is_one, given=tuple(given.items()), origins=(factor,))
            slots: list[Slot] = [*product.slots]
            slots[k] = share, labels
            part = with_slots(product, slots, coefficient=product.coefficient * -1)
            return [*_distributed(whole), *_distributed(part)]
    if any(same(factor, share) for factor, _ in product.slots):
        return _distributed(product)
    return [product]


def _distributed(product: Einsum) -> list[Expr]:
    """The terms of a product with its sums multiplied out."""
    for k, (factor, labels) in enumerate(product.slots):
        if isinstance(factor, Add) and len(factor.addends) <= MOST_TERMS:
            parts: list[Expr] = []
            for addend in factor.addends:
                slots = [*product.slots]
                slots[k] = addend, labels
                parts += _distributed(with_slots(product, slots))
            return parts
    return [product]
