"""Sizes as numbers: what a mean divides by."""

from __future__ import annotations

from ..expression import Apply, Einsum, Expr, Size, bare, filled, with_slots
from . import products
from .situation import Situation


def divided_size(e: Expr) -> Size | None:
    """The size n that `e` is 1/n of."""
    if not isinstance(e, Apply) or not e.function.inverts or e.ndim:
        return None
    (below,) = e.arguments
    return counted_size(below)


def counted_size(e: Expr) -> Size | None:
    """The size that `e` is, a sum of ones."""
    if not isinstance(e, Einsum) or e.ndim or e.factors or e.relations or e.coefficient != 1:
        return None
    labels = bare(e)
    return dict(e.given)[labels[0]] if len(labels) == 1 else None


def reciprocal_of_number(e: Apply, situation: Situation) -> Expr | None:
    """1/n of a size that is a number, or of sizes all of which are."""
    if not e.function.inverts or e.ndim:
        return None
    (below,) = e.arguments
    if not isinstance(below, Einsum) or below.factors or below.relations or below.ndim:
        return None
    whole = below.coefficient
    given = dict(below.given)
    for label in bare(below):
        size = situation.number(given[label])
        if size is None:
            return None
        whole *= size
    return None if whole == 0 else filled(1 / whole, (), ())


def size_as_number(e: Einsum, situation: Situation) -> Expr | None:
    """A product that is summed over an axis that no factor has, with the size of that axis in its
    number, where it is known.
    """
    for label in bare(e):
        size = situation.number(dict(e.given)[label])
        if size is not None:
            given = tuple([one for one in e.given if one[0] != label])
            return with_slots(e, e.slots, coefficient=e.coefficient * size, given=given)
    return None


def cancelled(e: Einsum, situation: Situation) -> Expr | None:
    """A product that has a size, and 1 by that size, without both."""
    whole = situation.flat(e)
    if whole is None:
        return None
    given = dict(whole.given)
    for label in bare(whole):
        for k, (factor, _) in enumerate(whole.slots):
            size = divided_size(factor)
            if size is not None and situation.are_equal(size, given[label]):
                return products.without(whole, [k], (label,))
    return None
