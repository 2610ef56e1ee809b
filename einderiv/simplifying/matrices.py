"""Inverses and adjugates."""

from __future__ import annotations

from collections.abc import Sequence

from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Label,
    Slot,
    added,
    collected,
    is_zero,
    same,
    with_slots,
)
from ..functions import apply
from . import products
from .situation import Situation

Slots = Sequence[Slot]


def _is(e: Expr, name: str) -> bool:
    return isinstance(e, Apply) and e.function.name == name


def inverse_of_inverse(e: Apply, _: Situation) -> Expr | None:
    """X, for the inverse of its inverse."""
    if not _is(e, "inv") or not _is(e.arguments[0], "inv"):
        return None
    inner = e.arguments[0]
    assert isinstance(inner, Apply)
    return inner.arguments[0]


def inverse_of_adjugate(e: Einsum, situation: Situation) -> Expr | None:
    """A product with adj(X) and 1/det(X), with X⁻¹ in the place of both."""
    whole = situation.flat(e)
    if whole is None:
        return None
    for k, (adjugate, labels) in enumerate(whole.slots):
        if not isinstance(adjugate, Apply) or not _is(adjugate, "adj"):
            continue
        for j, (quotient, batch) in enumerate(whole.slots):
            if batch != labels[:-2] or not isinstance(quotient, Apply):
                continue
            below = quotient.arguments[0]
            if not quotient.function.inverts or not _is(below, "det"):
                continue
            assert isinstance(below, Apply)
            if same(
                below.arguments[0],
                adjugate.arguments[0],
                is_symmetric=situation.is_symmetric,
            ):
                slots = list(whole.slots)
                slots[k] = apply("inv", adjugate.arguments[0], 2), labels
                del slots[j]
                return with_slots(whole, slots, origins=(adjugate, quotient))
    return None


def inverses_cancelled(e: Einsum, situation: Situation) -> Expr | None:
    """A product where X⁻¹ meets X, with a delta for both; where adj(X) does, det(X) is left."""
    whole = situation.flat(e)
    if whole is None:
        return None
    counts = products.uses(whole)
    for k, (inverse, labels) in enumerate(whole.slots):
        if not isinstance(inverse, Apply) or inverse.ndim != 2:
            continue
        if not _is(inverse, "inv") and not _is(inverse, "adj"):
            continue
        (matrix,) = inverse.arguments
        for j, (factor, own) in enumerate(whole.slots):
            if len(own) != 2 or not situation.same(factor, matrix):
                continue
            ends = _ends(labels, own, counts, is_symmetric=situation.is_symmetric(matrix))
            if ends is not None:
                left: Slots = () if _is(inverse, "inv") else [(apply("det", matrix, 2), ())]
                return _joined(whole, (k, j), ends, left)
    return None


def matrix_powers(e: Einsum, situation: Situation) -> Expr | None:
    """A product where powers of one matrix meet, with the power of all of them."""
    whole = situation.flat(e)
    if whole is None:
        return None
    counts = products.uses(whole)
    for k, (power, labels) in enumerate(whole.slots):
        if not _is(power, "matrix_power") or power.ndim != 2:
            continue
        assert isinstance(power, Apply)
        (matrix,) = power.arguments
        for j, (factor, own) in enumerate(whole.slots):
            exponent = exponent_of(factor, matrix, situation) if j != k and len(own) == 2 else 0
            if not exponent:
                continue
            ends = _ends(labels, own, counts, is_symmetric=situation.is_symmetric(matrix))
            if ends is None:
                continue
            total = power.parameters[0] + exponent
            behind = ends[0] == labels[0]  # Xⁿ X, else X Xⁿ
            joined = apply("matrix_power", matrix, 2, (total,))
            kept = ends if behind else ends[::-1]
            middle = tuple([label for label in labels if label not in ends])
            return products.without(whole, [k, j], middle, [(joined, kept)])
    return None


def powers_in_sums(e: Add, situation: Situation) -> Expr | None:
    """A sum with Xⁿ in a term, where X X in others is X²: what this makes alike is collected."""
    found = situation.terms(e)
    matrices = []
    for node in found:
        for factor in node.factors if isinstance(node, Einsum) else (node,):
            if isinstance(factor, Apply) and _is(factor, "matrix_power"):
                matrices.append(factor.arguments[0])
    if not matrices:
        return None
    squared = [_with_squares(term, matrices, situation) for term in found]
    live = collected(squared, situation.is_symmetric)
    if len(live) == len(found):
        return None
    return added([term for term in live if not is_zero(term)] or [found[0] * 0])


def _with_squares(term: Expr, matrices: Sequence[Expr], situation: Situation) -> Expr:
    """A product with X² for X X, for the matrices X."""
    whole = situation.flat(term) if isinstance(term, Einsum) else None
    if whole is None:
        return term
    counts = products.uses(whole)
    for k, (factor, labels) in enumerate(whole.slots):
        if len(labels) != 2 or not any(situation.same(factor, matrix) for matrix in matrices):
            continue
        for j in range(k + 1, len(whole.slots)):
            other, own = whole.slots[j]
            if len(own) != 2 or not situation.same(other, factor):
                continue
            ends = _ends(labels, own, counts, is_symmetric=situation.is_symmetric(factor))
            if ends is not None:
                kept = ends if ends[0] == labels[0] else ends[::-1]
                middle = tuple([label for label in labels if label not in ends])
                square = apply("matrix_power", factor, 2, (2,))
                joined = products.without(whole, [k, j], middle, [(square, kept)])
                return _with_squares(joined, matrices, situation)
    return whole


def exponent_of(e: Expr, matrix: Expr, situation: Situation) -> int:
    """The n that `e` is the n-th power of a matrix for; 0 where it is none."""
    if situation.same(e, matrix):
        return 1
    if not isinstance(e, Apply) or not _is(e, "matrix_power"):
        return 0
    exponent: int = e.parameters[0] if situation.same(e.arguments[0], matrix) else 0
    return exponent


def _ends(
    inverse: tuple[Label, ...],
    matrix: tuple[Label, ...],
    counts: dict[Label, int],
    *,
    is_symmetric: bool,
) -> tuple[Label, Label] | None:
    """The labels that become one where two matrices are multiplied along a label of their own."""
    for p in (0, 1):
        for q in (0, 1):
            middle = inverse[p]
            in_order = p != q or is_symmetric
            if in_order and middle == matrix[q] and counts[middle] == 2:
                return inverse[1 - p], matrix[1 - q]
    return None


def _joined(
    whole: Einsum, places: tuple[int, int], ends: tuple[Label, Label], more: Slots = ()
) -> Expr:
    """Without the factors at `places`, with `more`, and with one label in the place of two."""
    kept, gone = ends
    (factor, labels) = whole.slots[places[0]]
    size = factor.axis_sizes[labels.index(kept)]

    def renamed(labels: tuple[Label, ...]) -> tuple[Label, ...]:
        return tuple([kept if label == gone else label for label in labels])

    slots = [(f, renamed(own)) for k, (f, own) in enumerate(whole.slots) if k not in places]
    slots += more
    lost = tuple([whole.slots[k][0] for k in places])
    middle = {label for k in places for label in whole.inputs[k]}.difference(ends)
    given = {label: size for label, size in whole.given if label not in middle and label != gone}
    given[kept] = size
    output = renamed(whole.output)
    return with_slots(whole, slots, output, given=tuple(given.items()), origins=lost)
