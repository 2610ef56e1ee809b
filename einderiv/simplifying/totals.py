"""Sums that are known: of shares, and of deviations from a mean."""

from __future__ import annotations

from ..expression import Add, Apply, Einsum, Expr, Label, added, assemble, is_zero
from . import products, sizes
from .situation import Situation


def _summed_alone(whole: Einsum, k: int) -> tuple[Label, ...]:
    """The labels of a factor that are summed, and that nothing else has."""
    counts = products.uses(whole)
    return tuple([label for label in whole.inputs[k] if counts[label] == 1])


def of_shares(e: Einsum, situation: Situation) -> Expr | None:
    """A product without a factor whose entries are summed to 1. Of an axis that is known to have
    no entries the sum is 0; one of unknown size is taken to have some.
    """
    whole = situation.flat(e)
    if whole is None:
        return None
    for k, (factor, labels) in enumerate(whole.slots):
        if not isinstance(factor, Apply) or not factor.function.sums_to_one:
            continue
        core = labels[len(labels) - factor.core :]
        sizes = factor.axis_sizes[len(labels) - factor.core :]
        is_empty = any(situation.number(size) == 0 for size in sizes)
        if not is_empty and set(core) <= set(_summed_alone(whole, k)):
            return products.without(whole, [k], core)
    return None


def of_deviations(e: Einsum, situation: Situation) -> Expr | None:
    """0, where a factor is a sum whose total over an axis is 0."""
    whole = situation.flat(e)
    if whole is None:
        return None
    for k, (factor, labels) in enumerate(whole.slots):
        if not isinstance(factor, Add):
            continue
        alone = _summed_alone(whole, k)
        summed = tuple([axis for axis, label in enumerate(labels) if label in alone])
        if summed and _adds_to_nothing(factor, summed, situation):
            zeros = products.without(whole, [])
            return zeros * 0
    return None


def _adds_to_nothing(e: Add, summed: tuple[int, ...], situation: Situation) -> bool:
    """Is the sum of `e` over some of its axes 0? Products that share it ask for it once."""
    key = id(e), summed
    if key not in situation.vanishing:
        situation.vanishing[key] = e, _vanishes(e, summed, situation)
    return situation.vanishing[key][1]


def _vanishes(e: Add, summed: tuple[int, ...], situation: Situation) -> bool:
    """Is the sum of `e` over some of its axes 0, term by term?"""
    labels = tuple(range(e.ndim))
    output = tuple([label for label in labels if label not in summed])
    axes = (None,) * len(output)
    terms: list[Expr] = []
    for addend in e.addends:
        total: Expr = assemble(1, [(addend, labels)], output, axes=axes, inline=(addend,))
        shorter: Expr | None = total
        while isinstance(shorter, Einsum):
            total = shorter
            shorter = sizes.cancelled(total, situation)
        terms.append(total)
    return is_zero(added(terms))
