"""What a condition does not choose contributes nothing: ``where(c, f, g)`` has the derivative
``where(c, f', g')``.

The rules multiply, and so the row of `where` answers a mask of ones and zeros. A zero times nan, or
times a slope that is infinite, is nan. Here the other factors at the entries of a mask move under
its condition, ``mask · 1/x`` becomes ``where(c, 1/x, 0)``; and again in every later product.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Given,
    Size,
    Slot,
    assemble,
    inverts,
    is_positive,
    is_zero,
    same,
    with_slots,
    zero,
)
from ..functions import selected, stays_integer

#: terms: a sum of at most this many with masks among them is multiplied out, so that each term
#: stays under its own condition
TERMS = 16


class Mask(NamedTuple):
    """A factor that is zero where a condition does not choose."""

    condition: Expr
    chosen: bool  # where the condition holds, or where it does not
    inside: Expr | None  # what is chosen; None for ones


def masked(e: Expr) -> Mask | None:
    """`e` as a mask, if it is one."""
    if not isinstance(e, Apply) or not e.function.masks:
        return None
    condition, first, *second = e.arguments
    if not second:  # c ≠ 0 and c = 0
        return Mask(condition, e.function.name == "not_equal", None) if is_zero(first) else None
    if is_zero(second[0]):
        return Mask(condition, True, first)
    return Mask(condition, False, second[0]) if is_zero(first) else None


def _choice(e: Expr) -> Mask | None:
    """`e` as the slope of a kink, if it is one: 1 or a share where its argument has won, else 0."""
    if not isinstance(e, Apply) or not e.function.chooses:
        return None
    return Mask(e, True, None if stays_integer(e) else e)


def _has_pole(e: Expr) -> bool:
    """May `e`, or what it chooses, be infinite, though its arguments are not?"""
    mask = masked(e)
    if mask is not None and mask.inside is not None:
        inside = mask.inside
        return any(map(_has_pole, inside.factors if isinstance(inside, Einsum) else (inside,)))
    return isinstance(e, Apply) and e.function.pole and not is_positive(e.arguments[0])


def separate(cotangent: Expr) -> tuple[Expr, ...]:
    """The terms of a cotangent that are multiplied one by one: those of a short sum with masks."""
    if not isinstance(cotangent, Add) or len(cotangent.addends) > TERMS:
        return (cotangent,)
    return cotangent.addends if any(map(_has_mask, cotangent.addends)) else (cotangent,)


def opened(cotangent: Expr, beside: Iterable[Expr] = ()) -> tuple[Expr, ...]:
    """What is plugged into its consumer for the sake of its masks, and of divisors that may cancel:
    a product that sums nothing. A choice is a mask `beside` a pole.
    """
    if not isinstance(cotangent, Einsum) or _summed(cotangent):
        return ()
    divided = any(inverts(f) or _has_pole(f) for f in cotangent.factors)
    if divided or _has_mask(cotangent):
        return (cotangent,)
    chosen = any(_choice(f) is not None for f in cotangent.factors)
    return (cotangent,) if chosen and any(map(_has_pole, beside)) else ()


def _has_mask(e: Expr) -> bool:
    factors = e.factors if isinstance(e, Einsum) else (e,)
    return any(masked(f) is not None for f in factors)


def _summed(e: Einsum) -> bool:
    if e.parts is not None:
        return True
    kept = set(e.output)
    return any(label not in kept for labels in e.inputs for label in labels)


def under_conditions(e: Einsum) -> Einsum:
    """`e` with the factors at the entries of its masks moved under their conditions, be the
    entries summed or not: a row of a matrix that is not chosen may be nan.
    """
    if len(e.factors) < 2:
        return e
    masks, others = _split(e)
    if not masks:
        return e
    labels = _widest(masks)
    axes = set(labels)
    inner = [(mask, slot) for mask, slot in masks if set(slot[1]) <= axes]
    outer = [slot for _, slot in masks if not set(slot[1]) <= axes]
    here = [slot for slot in others if set(slot[1]) <= axes]
    wider = [slot for slot in others if not set(slot[1]) <= axes]
    guards = [*masks, *_nested(masks)]
    guarded = [_guarded(slot, guards) for slot in wider]
    changed = [new for new, old in zip(guarded, wider, strict=True) if new is not old]
    bare = all(mask.inside is None for mask, _ in inner)
    if not here and not changed and (bare or len(inner) == 1):
        return e
    slots = [*guarded, *outer]
    # A mask of ones is not needed beside a factor that has it.
    is_repeated = any(axes <= set(own) for _, own in changed)
    if here or not bare or not is_repeated:
        slots.insert(0, (_chosen(inner, here, labels), labels))
    return with_slots(e, slots, given=_sizes(e), origins=e.origins)


def _split(e: Einsum) -> tuple[list[tuple[Mask, Slot]], list[Slot]]:
    """The masks of a product, and its other factors."""
    # Beside a pole the slopes of kinks are masks too: sqrt(relu(x)) has the slope 0 below 0.
    has_pole = any(map(_has_pole, e.factors))
    masks: list[tuple[Mask, Slot]] = []
    others: list[Slot] = []
    for slot in e.slots:
        mask = masked(slot[0]) or (_choice(slot[0]) if has_pole else None)
        if mask is None:
            others.append(slot)
        else:
            masks.append((mask, slot))
    return masks, others


def _nested(masks: list[tuple[Mask, Slot]]) -> list[tuple[Mask, Slot]]:
    """The masks within what masks choose: ``where(c, where(m, f, 0), 0)`` chooses nothing where m
    does not.
    """
    found: list[tuple[Mask, Slot]] = []
    for mask, (_, own) in masks:
        inside = mask.inside
        if inside is None:
            continue
        slots = inside.slots if isinstance(inside, Einsum) else [(inside, tuple(range(len(own))))]
        output = inside.output if isinstance(inside, Einsum) else tuple(range(len(own)))
        names = dict(zip(output, own, strict=True))
        for factor, labels in slots:
            inner = masked(factor)
            if inner is not None and set(labels) <= set(names):
                found.append((inner, (factor, tuple([names[label] for label in labels]))))
    return [*found, *_nested(found)] if found else []


def _widest(masks: list[tuple[Mask, Slot]]) -> tuple[int, ...]:
    """The labels of the mask that has most."""
    _, (_, labels) = max(masks, key=lambda mask: len(set(mask[1][1])))
    return tuple(dict.fromkeys(labels))


def _sizes(e: Einsum) -> Given:
    """The sizes of all labels of `e`."""
    found = [*e.given]
    for factor, labels in e.slots:
        found += zip(labels, factor.axis_sizes, strict=True)
    return tuple(found)


def _chosen(masks: list[tuple[Mask, Slot]], slots: list[Slot], labels: tuple[int, ...]) -> Expr:
    """The product of `slots` and of what the masks hold, under all their conditions."""
    inside = list(slots)
    sizes: dict[int, Size] = {}
    for mask, (factor, own) in masks:
        sizes.update(zip(own, factor.axis_sizes, strict=True))
        if mask.inside is not None:
            inside.append((mask.inside, own))
    given = tuple((label, sizes[label]) for label in labels)
    names = (None,) * len(labels)
    if not inside:  # a product of masks alone
        (_, (factor, own)), *masks = masks
        inside = [(factor, own)]
    product: Expr = assemble(1, inside, labels, axes=names, given=given)
    if isinstance(product, Einsum) and _nested(masks):
        product = under_conditions(product)
    for mask, (_, own) in masks:
        product = _where(mask, own, product, labels)
    return product


def _where(mask: Mask, own: tuple[int, ...], e: Expr, labels: tuple[int, ...]) -> Expr:
    """`e`, with these labels, where the condition of the mask chooses it, else 0."""
    given = tuple(zip(labels, e.axis_sizes, strict=True))
    condition = assemble(1, [(mask.condition, own)], labels, axes=e.axes, given=given)
    nothing = zero(e.axis_sizes, e.axes)
    known = masked(e)
    if known is not None and known.chosen == mask.chosen and same(known.condition, condition):
        return e
    return selected(condition, e, nothing) if mask.chosen else selected(condition, nothing, e)


def _guarded(slot: Slot, masks: list[tuple[Mask, Slot]]) -> Slot:
    """A factor with more axes than a condition, chosen entry by entry."""
    factor, labels = slot
    if len(set(labels)) < len(labels):
        return slot
    for mask, (_, own) in masks:
        narrow, fewer = _narrowed(mask, own)
        if set(fewer) <= set(labels):
            factor = _where(narrow, fewer, factor, labels)
    return (factor, labels) if factor is not slot[0] else slot


def _narrowed(mask: Mask, own: tuple[int, ...]) -> tuple[Mask, tuple[int, ...]]:
    """A mask without the axes along which its condition is only repeated."""
    condition = mask.condition
    if not isinstance(condition, Einsum) or len(condition.factors) != 1 or not condition.structure:
        return mask, own
    (factor,), (labels,) = condition.factors, condition.inputs
    names = dict(zip(condition.output, own, strict=True))
    if len(names) < len(own) or not set(labels) <= set(names):
        return mask, own
    return mask._replace(condition=factor), tuple([names[label] for label in labels])
