"""Adjugates of products, where the product goes on with their factors, as ``adj(A B) A`` does.

As adj(A B) is adj(B) adj(A), and adj(A) A is det(A) I. It holds for singular matrices too.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..expression import (
    Apply,
    Einsum,
    Expr,
    Labels,
    Slot,
    same,
    viewed,
    with_slots,
)
from ..functions import apply
from . import products
from .matrices import exponent_of
from .situation import Situation


class End(NamedTuple):
    """The first or the last factor of a product of matrices, and what is left of the product."""

    factor: Expr
    is_turned: bool  # it stands there as its transpose
    rest: Expr


def adjugate_of_product(e: Einsum, situation: Situation) -> Expr | None:
    """A product with adj(A … B) and A behind it, or B before it, without these."""
    whole = situation.flat(e)
    if whole is None:
        return None
    for k, (adjugate, labels) in enumerate(whole.slots):
        if not isinstance(adjugate, Apply) or adjugate.function.name != "adj" or adjugate.ndim != 2:
            continue
        cut = _Cut(whole, k, situation)
        while cut.once():
            pass
        if cut.gone:
            return cut.made(labels)
    return None


class _Cut:
    """A product from which factors are taken that its adjugate, the factor at `k`, has too."""

    def __init__(self, whole: Einsum, k: int, situation: Situation) -> None:
        adjugate, self.labels = whole.slots[k]
        assert isinstance(adjugate, Apply)
        self.whole, self.k, self.situation = whole, k, situation
        self.of = adjugate.arguments[0]
        self.slots: list[Slot | None] = list(whole.slots)
        self.gone: list[Expr] = []

    def once(self) -> bool:
        """One factor less; was there one?"""
        rows, columns = self.labels
        for at_front in (True, False):
            end = _end(self.of, self.situation, at_front=at_front)
            # adj(F P) F goes on at the columns of the adjugate, F adj(P F) before its rows
            middle = columns if at_front else rows
            if end is None or self._uses(middle) != 2:
                continue
            for j, slot in enumerate(self.slots):
                if slot is None or j == self.k or middle not in slot[1] or len(slot[1]) != 2:
                    continue
                factor, labels = slot
                meets_rows = labels[0] == middle
                is_in_order = meets_rows == (at_front != end.is_turned)
                exponent = exponent_of(factor, end.factor, self.situation)
                if exponent < 1 or labels[0] == labels[1]:
                    continue
                if not is_in_order and not self.situation.is_symmetric(end.factor):
                    continue
                self._take(j, end, exponent, at_front=at_front)
                return True
        return False

    def _take(self, j: int, end: End, exponent: int, *, at_front: bool) -> None:
        slot = self.slots[j]
        assert slot is not None
        rows, columns = self.labels
        middle = columns if at_front else rows
        (far,) = [label for label in slot[1] if label != middle]
        self.of = end.rest
        self.gone.append(end.factor)
        if exponent > 1:  # Xⁿ⁻¹ is left in its place
            self.slots[j] = _power(end.factor, exponent - 1), slot[1]
            return
        self.slots[j] = None
        self.labels = (rows, far) if at_front else (far, columns)

    def _uses(self, label: int) -> int:
        count = Counter(self.whole.output)[label] + self.labels.count(label)
        for j, slot in enumerate(self.slots):
            if slot is not None and j != self.k:
                count += slot[1].count(label)
        return count

    def made(self, before: Labels) -> Expr:
        """The product with what is left of the adjugate, and with the determinants."""
        slots: list[Slot] = []
        for j, slot in enumerate(self.slots):
            if j == self.k:
                slots.append(_adjugate(self.of, self.labels))
            elif slot is not None:
                slots.append(slot)
        determinants = self._determinants()
        dropped = set(before).difference(self.labels)
        given = tuple([one for one in self.whole.given if one[0] not in dropped])
        adjugate = self.whole.slots[self.k][0]
        return with_slots(
            self.whole,
            [*determinants, *slots],
            given=given,
            origins=(adjugate, *self.gone),
        )

    def _determinants(self) -> list[Slot]:
        """The determinants of the factors that have gone, each once, as a power."""
        groups: list[list[Expr]] = []
        for factor in self.gone:
            alike = next((group for group in groups if same(group[0], factor)), None)
            if alike is None:
                groups.append([factor])
            else:
                alike.append(factor)
        found: list[Slot] = []
        for group in groups:
            determinant = apply("det", group[0], 2)
            if len(group) > 1:
                determinant = apply("power", determinant, 0, (len(group),))
            found.append((determinant, ()))
        return found


def _adjugate(e: Expr, labels: Labels) -> Slot:
    """adj(X), as a transpose where `e` is one."""
    if isinstance(e, Einsum) and len(e.factors) == 1 and e.coefficient == 1:
        (own,) = e.inputs
        if len(set(own)) == 2 and own == e.output[::-1]:
            return apply("adj", e.factors[0], 2), labels[::-1]
    return apply("adj", e, 2), labels


def _end(e: Expr, situation: Situation, *, at_front: bool) -> End | None:
    """The first or last factor of a product of square matrices; None for anything else."""
    if isinstance(e, Apply) and e.function.name == "matrix_power" and e.parameters[0] > 1:
        (matrix,) = e.arguments
        return End(matrix, False, _power(matrix, e.parameters[0] - 1))
    if not isinstance(e, Einsum) or e.coefficient != 1 or len(set(e.output)) != 2:
        return None
    flat = situation.flat(e)
    if flat is None or len(flat.slots) < 2:
        return None
    counts = products.uses(flat)
    rows, columns = flat.output
    edge = rows if at_front else columns
    holding = [k for k, (_, labels) in enumerate(flat.slots) if edge in labels]
    if len(holding) != 1 or counts[edge] != 2:
        return None
    factor, labels = flat.slots[holding[0]]
    if len(set(labels)) != 2 or not situation.are_equal(*factor.axis_sizes):
        return None
    (inner,) = [label for label in labels if label != edge]
    if counts[inner] != 2 or inner in flat.output:
        return None
    others = [slot for slot in flat.slots if slot[0] is not factor or slot[1] != labels]
    output = (inner, columns) if at_front else (rows, inner)
    if len(others) == 1 and len(others[0][1]) == 2:
        last, own = others[0]
        rest: Expr = last if own == output else viewed(last, (0, 1), (1, 0))
    else:
        rest = with_slots(flat, others, output, axes=(None, None))
    return End(factor, labels[0] != (edge if at_front else inner), rest)


def _power(matrix: Expr, exponent: int) -> Expr:
    return matrix if exponent == 1 else apply("matrix_power", matrix, 2, (exponent,))
