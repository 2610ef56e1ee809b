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
    coefficient,
    collected,
    is_zero,
    same,
    scaled,
    terms,
    with_slots,
)
from . import products
from .situation import Situation

MOST_TERMS = 64  # of a longer sum no factors are compared


def like_terms(e: Add, situation: Situation) -> Expr | None:
    """Terms that are equal where symmetric matrices are their own transposes, each once."""
    found = terms(e)
    if len(found) < 2:
        return added(found)
    live = collected(found, situation.is_symmetric)
    if len(live) == len(e.addends):
        return None
    return added([term for term in live if not is_zero(term)] or [found[0] * 0])


def number_of_sum(e: Einsum, _: Situation) -> Expr | None:
    """A product with a sum, all terms of which have one number up to its sign, with that number in
    front; the first term of the sum is positive then.
    """
    for k, (factor, labels) in enumerate(e.slots):
        if not isinstance(factor, Add):
            continue
        number = coefficient(factor.addends[0])
        numbers = [coefficient(term) for term in factor.addends]
        if number in (1, -1, 0) or any(one not in (number, -number) for one in numbers):
            continue
        units = [
            scaled(term, 1 if one == number else -1)
            for term, one in zip(factor.addends, numbers, strict=True)
        ]
        slots = [*e.slots]
        slots[k] = Add(tuple(units), axes=factor.axes, origins=factor.origins), labels
        return with_slots(e, slots, coefficient=e.coefficient * number)
    return None


def common_factors(e: Add, situation: Situation) -> Expr | None:
    """A function that all terms are multiplied with, in front of what is left of them."""
    found = [situation.flat(term) if isinstance(term, Einsum) else None for term in terms(e)]
    if len(found) > MOST_TERMS or any(term is None for term in found):
        return None
    whole = [term for term in found if term is not None]
    if any(len(set(term.output)) < term.ndim for term in whole):
        return None  # on a diagonal: other products than the entry by entry ones
    for factor, labels in whole[0].slots:
        if not isinstance(factor, Apply):
            continue
        axes = _axes(labels, whole[0])
        places = [_place(term, factor, axes) for term in whole]
        if axes is None or None in places:
            continue
        rest = []
        for term, place in zip(whole, places, strict=True):
            assert place is not None
            rest.append(products.without(term, [place]))
        output = tuple(range(e.ndim))
        slots = [(factor, tuple([output[p] for p in axes])), (added(rest), output)]
        return assemble(1, slots, output, axes=e.axes)
    return None


def _axes(labels: Labels, term: Einsum) -> tuple[int, ...] | None:
    """The axes of the result that a factor runs along; None where it is summed."""
    if not set(labels) <= set(term.output):
        return None
    return tuple([term.output.index(label) for label in labels])


def _place(term: Einsum, factor: Expr, axes: tuple[int, ...] | None) -> int | None:
    """Where a term has the factor, along these axes."""
    for k, (own, labels) in enumerate(term.slots):
        if own.weight == factor.weight and _axes(labels, term) == axes and same(own, factor):
            return k
    return None
