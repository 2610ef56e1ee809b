"""Reshapes moved to the operands of products, where they cost nothing, and Kronecker products never
formed.

``unvec`` of a product splits a label: the operands that have it are split, and the product stays a
product. A ``vec`` inside a product that sums its axis needs no merging: the other operands with
that label are split instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expression import (
    Apply,
    Einsum,
    Expr,
    Given,
    Label,
    Slot,
    bottom_up,
    fresh_labels,
    rebuilt,
    viewed,
    with_slots,
)
from ..functions import apply, same_axes


def unmerged(roots: Sequence[Expr]) -> tuple[Expr, ...]:
    """`roots` with reshapes moved to operands wherever they can be."""
    return bottom_up(roots, _unmerged)


def _unmerged(node: Expr, parts: tuple[Expr, ...]) -> Expr:
    here = rebuilt(node, parts)
    if isinstance(here, Apply) and here.function.name == "unvec":
        here = _split(here)
    return _without_vec(here) if isinstance(here, Einsum) else here


def _split(node: Apply) -> Expr:
    """``unvec`` of a product as the product of what is split."""
    (inner,) = node.arguments
    if not isinstance(inner, Einsum) or inner.output.count(inner.output[-1]) > 1:
        return node
    if nested := tuple(f for f in inner.factors if isinstance(f, Einsum)):
        inner = with_slots(inner, inner.slots, inline=nested)
    if len(inner.factors) < 2:
        return (
            node  # a view of one operand: splitting that would be a view of it again, without end
        )
    label, new = inner.output[-1], fresh_labels(len(node.parameters))
    slots = _replaced(inner.slots, label, new, node.parameters)
    if slots is None:
        return node
    output = inner.output[:-1] + new
    return with_slots(inner, slots, output, axes=node.axes, given=_other(inner, label))


def _other(e: Einsum, gone: Label) -> Given:
    """The sizes of all labels but one: a label that nothing has would count as a number."""
    return tuple((label, size) for label, size in e.given if label != gone)


def _without_vec(e: Einsum) -> Einsum:
    """A product whose summed labels are merged in no operand."""
    for k, (factor, labels) in enumerate(e.slots):
        if (
            isinstance(factor, Apply)
            and factor.function.name == "vec"
            and labels[-1] not in e.output
        ):
            (inner,) = factor.arguments
            new = fresh_labels(factor.core)
            others = e.slots[:k] + e.slots[k + 1 :]
            rest = _replaced(others, labels[-1], new, same_axes((inner,), factor.core, ()))
            if rest is not None and labels.count(labels[-1]) == 1:
                slots = [*rest[:k], (inner, labels[:-1] + new), *rest[k:]]
                given = _other(e, labels[-1])
                return _without_vec(with_slots(e, slots, given=given, inline=(inner,)))
    return e


def _replaced(
    slots: Sequence[Slot], label: Label, new: tuple[Label, ...], parts: tuple[object, ...]
) -> list[Slot] | None:
    """The slots with `label` split into `new`; None where an operand has it twice, or none has
    it.
    """
    found: list[Slot] = []
    for factor, labels in slots:
        if labels.count(label) > 1:
            return None
        if label in labels:
            order = [p for p, x in enumerate(labels) if x != label] + [labels.index(label)]
            moved = (
                viewed(factor, range(factor.ndim), order)
                if order != list(range(factor.ndim))
                else factor
            )
            split = apply("unvec", moved, 1, parts)
            inner = _split(split) if isinstance(split, Apply) else split
            found.append((inner, tuple(labels[p] for p in order[:-1]) + new))
        else:
            found.append((factor, labels))
    return found if any(label in labels for _, labels in slots) else None
