"""Powers of one thing in a product."""

from __future__ import annotations

from collections import defaultdict

from ..expression import Apply, Einsum, Expr, Labels, is_positive, same, with_slots
from ..functions import apply
from . import products
from .situation import Situation

#: functions that are powers of their argument
EXPONENTS = {"sqrt": 0.5, "reciprocal": -1.0}


def as_power(e: Expr) -> tuple[Expr, float]:
    """What `e` is a power of, and which. ``√(x²)`` is a root of x² and no power of x, which may be
    negative.
    """
    if isinstance(e, Apply):
        name = e.function.name
        if name in EXPONENTS:
            (inner,) = e.arguments
            base, exponent = as_power(inner)
            forgets_a_sign = name == "sqrt" and exponent % 2 == 0 and not is_positive(base)
            if forgets_a_sign:
                base, exponent = inner, 1.0
            return base, exponent * EXPONENTS[name]
        if name == "power" and isinstance(e.parameters[0], (int, float)):
            return e.arguments[0], float(e.parameters[0])
    return e, 1.0


def _power(base: Expr, exponent: float) -> Expr:
    if exponent == 1:
        return base
    for name, known in EXPONENTS.items():
        if exponent == known:
            return apply(name, base)
    whole = int(exponent) if exponent == int(exponent) else exponent
    return apply("power", base, 0, (whole,))


def first_power(e: Apply, _: Situation) -> Expr | None:
    """x¹ is x."""
    if e.function.name != "power" or e.parameters[0] != 1:
        return None
    return e.arguments[0]


def collected_powers(e: Einsum, situation: Situation) -> Expr | None:
    """A product where one thing occurs in several powers, with one in their place: of what may be
    0 or negative where no power of it is lost, and where the roots in it say that it is neither.
    """
    whole = situation.flat(e)
    if whole is None:
        return None
    groups: dict[tuple[int, Labels], list[tuple[int, Expr, float]]] = defaultdict(list)
    for k, (factor, labels) in enumerate(whole.slots):
        base, exponent = as_power(factor)
        groups[(base.weight, labels)].append((k, base, exponent))
    for (_weight, labels), members in groups.items():
        (first, base, exponent), *others = members
        alike = [(k, own) for k, other, own in others if same(other, base)]
        exponents = [exponent, *[own for _, own in alike]]
        if len(set(exponents)) == 1 or not _may_join(base, exponents):
            continue
        slots = list(whole.slots)
        total = sum(exponents)
        lost = [k for k, _ in alike]
        if total:
            slots[first] = _power(base, total), labels
        else:
            lost.append(first)
        return products.without(with_slots(whole, slots), lost)
    return None


def _may_join(base: Expr, exponents: list[float]) -> bool:
    """Is the product of the powers the power of the sum, and a number where the product is one?"""
    if is_positive(base):
        return True
    total = sum(exponents)
    has_a_root = any(exponent != int(exponent) for exponent in exponents)
    if has_a_root and total == int(total):
        return False  # √x x^(3/2) is no number for x < 0, and x² is
    if min(exponents) > 0 or max(exponents) < 0:
        return True
    # A root of it is a number for base ≥ 0 alone, and so is what comes of it; at 0 there is a pole
    # before and after.
    return total < 0 and has_a_root
