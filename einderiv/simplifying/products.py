"""Products as identities take them apart: one list of factors at their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..expression import (
    Einsum,
    Expr,
    Label,
    Labels,
    Size,
    Slot,
    children,
    flatten,
    walk,
    with_slots,
)

MOST_FACTORS = 32  # larger products are looked at as they are nested


def flat(e: Einsum) -> Einsum | None:
    """`e` as one product; None for one with relations, or with too many factors."""
    if e.parts is not None or e.coefficient == 0:
        return None
    if e.count > MOST_FACTORS:
        return e
    if not any(isinstance(factor, Einsum) for factor in e.factors):
        return e
    # Before anything is multiplied out: relations are all solved together.
    if any(isinstance(node, Einsum) and node.parts is not None for node in walk([e], _nested)):
        return None
    return flatten(e)


def _nested(e: Expr) -> tuple[Expr, ...]:
    """The products among the factors of a product."""
    return tuple([factor for factor in children(e) if isinstance(factor, Einsum)])


def uses(e: Einsum) -> Counter[Label]:
    """How often each label occurs, in factors and in the output."""
    counts = Counter(e.output)
    for labels in e.inputs:
        counts.update(labels)
    return counts


def without(
    e: Einsum, places: Sequence[int], gone: Labels = (), more: Sequence[Slot] = ()
) -> Einsum:
    """`e` without some of its factors, and with `more`. What is summed over labels that are `gone`
    was 1; other labels that no factor has any more keep their sizes.
    """
    slots = [slot for k, slot in enumerate(e.slots) if k not in places]
    sizes: dict[Label, Size] = dict(e.given)
    for k in places:
        factor, labels = e.slots[k]
        for label, size in zip(labels, factor.axis_sizes, strict=True):
            sizes.setdefault(label, size)
    for label in gone:
        sizes.pop(label, None)
    dropped = tuple([e.slots[k][0] for k in places])
    return with_slots(e, [*slots, *more], given=tuple(sizes.items()), origins=dropped)
