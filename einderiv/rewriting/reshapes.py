"""Reshapes moved to the operands of products, where they cost nothing, and Kronecker products never
formed.

``unvec`` of a product splits a label: the operands that have it are split, and the product stays a
product. A ``vec`` inside a product that sums its axis needs no merging: the other operands with
that label are split instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..expression import (
    Apply,
    Einsum,
    Expr,
    Given,
    Label,
    Roots,
    Sizes,
    Slot,
    Swaps,
    bottom_up,
    fresh_labels,
    rebuilt,
    viewed,
    walk,
    with_slots,
)
from ..functions import apply, same_axes


def reshapes_at_operands(roots: Roots, _: Sizes) -> Iterator[Swaps]:
    """All reshapes moved to operands at once: one alone may gain nothing."""
    if any(
        isinstance(node, Apply) and node.function.name in ("vec", "unvec") for node in walk(roots)
    ):
        yield {id(a): b for a, b in zip(roots, unmerged(roots), strict=True) if a is not b}


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
    nested = tuple(f for f in inner.factors if isinstance(f, Einsum))
    if nested:
        inner = with_slots(inner, inner.slots, inline=nested)
    if len(inner.factors) < 2:
        # A view of one operand: splitting that would be a view of it again, without end.
        return node
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
        if not isinstance(factor, Apply) or factor.function.name != "vec":
            continue
        merged = labels[-1]
        if merged in e.output or labels.count(merged) > 1:
            continue
        # vec(X)[ij] y[ij] = X[i,j] unvec(y)[i,j]
        (inner,) = factor.arguments
        new = fresh_labels(factor.core)
        others = e.slots[:k] + e.slots[k + 1 :]
        rest = _replaced(others, merged, new, same_axes((inner,), factor.core, ()))
        if rest is not None:
            slots = [*rest[:k], (inner, labels[:-1] + new), *rest[k:]]
            given = _other(e, merged)
            return _without_vec(with_slots(e, slots, given=given, inline=(inner,)))
    return e


def _replaced(
    slots: Sequence[Slot], label: Label, new: tuple[Label, ...], parts: tuple[object, ...]
) -> list[Slot] | None:
    """The slots with `label` split into `new`; None where an operand has it twice, or none has
    it.
    """
    if not any(label in labels for _, labels in slots):
        return None
    replaced: list[Slot] = []
    for factor, labels in slots:
        if labels.count(label) > 1:
            return None
        if label not in labels:
            replaced.append((factor, labels))
            continue
        kept = [p for p, x in enumerate(labels) if x != label]
        last = [*kept, labels.index(label)]  # the axis that is split becomes the last
        in_order = last == list(range(factor.ndim))
        moved = factor if in_order else viewed(factor, range(factor.ndim), last)
        split = _split(apply("unvec", moved, 1, parts))
        replaced.append((split, tuple(labels[p] for p in kept) + new))
    return replaced
