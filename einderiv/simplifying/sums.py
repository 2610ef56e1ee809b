"""Terms of sums: equal ones collected, factors that all of them have taken out."""

from __future__ import annotations

from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Labels,
    added,
    assemble,
    collected,
    is_zero,
    with_slots,
)
from . import products
from .situation import Situation

MOST_TERMS = 64  # of a longer sum no factors are compared


def like_terms(e: Add, situation: Situation) -> Expr | None:
    """Terms that are equal where symmetric matrices are their own transposes, each once."""
    found = situation.terms(e)
    if len(found) < 2:
        return added(found)
    live = collected(found, situation.is_symmetric)
    if len(live) == len(e.addends):
        return None
    return added([term for term in live if not is_zero(term)] or [found[0] * 0])


def number_of_sum(e: Einsum, situation: Situation) -> Expr | None:
    """A product with a sum, all terms of which have one number up to its sign, with that number in
    front; the first term of the sum is positive then.
    """
    for k, (factor, labels) in enumerate(e.slots):
        if not isinstance(factor, Add):
            continue
        found = situation.unit_of_sum(factor)
        if found is None:
            continue
        number, unit = found
        slots = [*e.slots]
        slots[k] = unit, labels
        return with_slots(e, slots, coefficient=e.coefficient * number)
    return None


def common_factors(e: Add, situation: Situation) -> Expr | None:
    """A function that all terms are multiplied with, in front of what is left of them."""
    addends = situation.terms(e)
    if len(addends) > MOST_TERMS:
        return None
    found = [situation.flat(term) if isinstance(term, Einsum) else None for term in addends]
    if any(term is None for term in found):
        return None
    whole = [term for term in found if term is not None]
    if any(len(set(term.output)) < term.ndim for term in whole):
        return None  # on a diagonal: other products than the entry by entry ones
    for factor, labels in whole[0].slots:
        if not isinstance(factor, Apply):
            continue
        axes = _axes(labels, whole[0])
        if axes is None:
            continue
        rest = []
        for term in whole:
            place = _place(term, factor, axes, situation)
            if place is None:
                break
            rest.append(products.without(term, [place]))
        if len(rest) < len(whole):
            continue
        output = tuple(range(e.ndim))
        slots = [(factor, tuple([output[p] for p in axes])), (added(rest), output)]
        return assemble(1, slots, output, axes=e.axes)
    return None


def _axes(labels: Labels, term: Einsum) -> tuple[int, ...] | None:
    """The axes of the result that a factor runs along; None where it is summed."""
    if not set(labels) <= set(term.output):
        return None
    return tuple([term.output.index(label) for label in labels])


def _place(term: Einsum, factor: Expr, axes: tuple[int, ...], situation: Situation) -> int | None:
    """Where a term has the factor, along these axes."""
    for k, (own, labels) in enumerate(term.slots):
        if _axes(labels, term) == axes and situation.same(own, factor):
            return k
    return None
