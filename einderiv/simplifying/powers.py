"""Powers of one thing in a product."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from ..expression import Apply, Einsum, Expr, Labels, Slot, is_positive, with_slots
from ..functions import apply
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


class Power(NamedTuple):
    """A factor of a product as a power, and the place of the factor that it is, or is a part of."""

    place: int
    base: Expr
    exponent: float
    labels: Labels


def powers_of(
    place: int, factor: Expr, labels: Labels, times: float = 1.0, *, whole_too: bool = False
) -> list[Power]:
    """A factor, to a power, as powers: 1/(x y) is 1/x and 1/y, and x y is x and y where products
    are taken apart too that are `whole_too`, and below no line.
    """
    base, own = as_power(factor)
    exponent = own * times
    is_whole = exponent == int(exponent)
    is_whole = is_whole and (exponent != 1 or whole_too)
    if not is_whole or not isinstance(base, Einsum) or not _is_entrywise(base):
        return [Power(place, base, exponent, labels)]
    named = dict(zip(base.output, labels, strict=True))
    found: list[Power] = []
    for part, inner in base.slots:
        at = tuple([named[label] for label in inner])
        found += powers_of(place, part, at, exponent, whole_too=True)
    return found


def _is_entrywise(e: Einsum) -> bool:
    """Is `e` a product entry by entry, without a number in front or a sum over an axis?"""
    inside = {label for labels in e.inputs for label in labels}
    is_plain = e.parts is None and e.coefficient == 1 and len(e.factors) > 1
    return is_plain and inside == set(e.output) and len(inside) == e.ndim and not e.given


def collected_powers(e: Einsum, situation: Situation) -> Expr | None:
    """A product where one thing occurs in several powers, with one in their place: of what may be
    0 or negative where no power of it is lost, and where the roots in it say that it is neither.
    """
    whole = situation.flat(e)
    if whole is None:
        return None
    powers: list[Power] = []
    for k, (factor, labels) in enumerate(whole.slots):
        powers += powers_of(k, factor, labels)
    groups: dict[tuple[int, Labels], list[int]] = defaultdict(list)
    for n, power in enumerate(powers):
        groups[(power.base.weight, power.labels)].append(n)
    for members in groups.values():
        first, *others = members
        base = powers[first].base
        alike = [first, *[n for n in others if situation.same(powers[n].base, base)]]
        exponents = [powers[n].exponent for n in alike]
        if len(set(exponents)) == 1 or not _may_join(base, exponents):
            continue
        return with_one_power(whole, powers, alike)
    return None


def with_one_power(whole: Einsum, powers: list[Power], alike: list[int]) -> Expr:
    """The product with some of its powers, all of one base, as one."""
    first = powers[alike[0]]
    total = sum([powers[n].exponent for n in alike])
    touched = {powers[n].place for n in alike}
    slots: list[Slot] = []
    sizes = dict(whole.given)
    for k, slot in enumerate(whole.slots):
        if k not in touched:
            slots.append(slot)
            continue
        for label, size in zip(slot[1], slot[0].axis_sizes, strict=True):
            sizes.setdefault(label, size)
        if k == first.place and total:
            slots.append((_power(first.base, total), first.labels))
        for n, one in enumerate(powers):  # what is left of a power of several
            if one.place == k and n not in alike:
                slots.append((_power(one.base, one.exponent), one.labels))
    return with_slots(whole, slots, given=tuple(sizes.items()), origins=whole.factors)


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
    # Of x² / x³ there is a pole at 0, before and after; with a root in it, the product is a number
    # for base ≥ 0 alone, and so is what comes of it.
    return total < 0
