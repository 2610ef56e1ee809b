"""Coefficients of relations: numbers, or sums of products of sizes.

>>> effort(3), effort(times("n", "m")), common_part([times(4, "n"), times(6, "n")]) == times(2, "n")
((0, 3), (2, 1), True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import gcd

from .labels import Composite, Label, Monomial, Polynomial, Size
from .size_algebra import exact_quotient, negated, plus, times

Domains = Mapping[Label, Size]
Level = tuple[Size, dict[Label, Size]]  # a radix, and the terms of a row with it or its negative


def added(a: Size, b: Size) -> Size:
    if isinstance(a, int):
        if isinstance(b, int):
            return a + b
        if a == 0:
            return b
    return plus(a, b)


def multiplied(a: Size, b: Size) -> Size:
    if isinstance(a, int):
        if isinstance(b, int):
            return a * b
        if a in (1, -1):
            return b if a == 1 else negated(b)
    elif isinstance(b, int) and b in (1, -1):
        return a if b == 1 else negated(a)
    return times(a, b)


def exact_part(size: Size, divisor: Size) -> Size:
    quotient = exact_quotient(size, divisor)
    assert quotient is not None, "what is common divides all"
    return quotient


def products_in(size: Size) -> tuple[tuple[Monomial, int], ...]:
    """The products that a size is the sum of; a number is () and its coefficient."""
    if isinstance(size, Polynomial):
        return size.terms
    if isinstance(size, int):
        return (((), size),) if size else ()
    return ((((size, 1),), 1),)


def numbers_in(size: Size) -> list[int]:
    return [number for _, number in products_in(size)]


def leading(size: Size) -> int:
    """The coefficient of the first product in a size."""
    return next(iter(numbers_in(size)), 0)


def is_pivot(k: Size) -> bool:
    """Is a coefficient sure to be no 0: a number, or a number times names and axes?"""
    terms = products_in(k)
    return len(terms) == 1 and not any([isinstance(atom, Composite) for atom, _ in terms[0][0]])


def effort(k: Size) -> tuple[int, int]:
    """Numbers before products, small ones before large ones; 1 before all."""
    ((monomial, number),) = products_in(k)
    return sum([exponent for _, exponent in monomial]), abs(number)


def common_part(sizes: Sequence[Size]) -> Size:
    """The number and the names that are in all terms of `sizes`, but for those that are 0."""
    if all([isinstance(size, int) for size in sizes]):
        return gcd(*sizes) or 1  # type: ignore[arg-type]
    terms = [term for size in sizes for term in products_in(size)]
    shared = dict(terms[0][0])
    for monomial, _ in terms[1:]:
        own = dict(monomial)
        shared = {atom: min(count, own[atom]) for atom, count in shared.items() if atom in own}
    common: Size = gcd(*[number for _, number in terms])
    for atom, count in shared.items():
        if not isinstance(atom, Composite):
            common = times(common, *[atom] * count)
    return common


def divided_nearest(size: Size, radix: Size) -> tuple[Size, Size]:
    """``size = radix · whole + rest``, with a rest as small as can be, of whatever sign."""
    if isinstance(size, int) and isinstance(radix, int):
        return _nearest(size, radix)
    whole: Size = 0
    rest: Size = 0
    for term in products_in(size):
        part = plus(Polynomial((term,)))
        if isinstance(part, int) and isinstance(radix, int):
            quotient, left = _nearest(part, radix)
            whole, rest = plus(whole, quotient), plus(rest, left)
            continue
        exact = exact_quotient(part, radix)
        if exact is None:
            rest = plus(rest, part)
        else:
            whole = plus(whole, exact)
    return whole, rest


def _nearest(number: int, radix: int) -> tuple[int, int]:
    """``number = radix · quotient + rest`` with ``|rest| ≤ radix / 2``; of two, the quotient that
    is nearer to 0.
    """
    rest = number % radix
    if 2 * rest > radix or (2 * rest == radix and number < 0):
        rest -= radix
    return (number - rest) // radix, rest


# ---- the digits of a number


def radices_of(terms: Mapping[Label, Size]) -> list[Size]:
    """The coefficients that may part a relation, without their signs: products of many sizes before
    those of few, large numbers before small ones.
    """
    if len(terms) < 2:
        return []
    found = {k if leading(k) > 0 else negated(k) for k in terms.values() if k not in (1, -1)}
    return sorted([k for k in found if is_pivot(k)], key=effort, reverse=True)


def levels_of(terms: Mapping[Label, Size]) -> list[Level] | None:
    """The terms of a row by their coefficients, where each of these divides the next: those of an
    axis that is merged from several.
    """
    found: dict[tuple[Monomial, int], Level] = {}
    for label, k in terms.items():
        if not is_pivot(k):
            return None
        ((monomial, number),) = products_in(k)
        radix = (monomial, abs(number))
        if radix in found:
            found[radix][1][label] = k
        else:
            found[radix] = (k if number > 0 else negated(k), {label: k})
    levels = sorted(found.values(), key=lambda level: effort(level[0]))
    for (low, _), (high, _) in pairwise(levels):
        if not _divides(low, high):
            return None
    return levels


def whole_levels(levels: Sequence[Level], domains: Domains) -> int:
    """The number of the lowest levels that are digits, of what is above them."""
    radix: Size = 1
    for k, (own, terms) in enumerate(levels):
        if own != radix and not _divides(radix, own):
            return k - 1
        if len(terms) > 1:
            return k
        (label,) = terms
        radix = multiplied(own, domains[label])
    return len(levels)


def _divides(part: Size, whole: Size) -> bool:
    """Is a product of numbers and names part of another?"""
    terms = products_in(part)
    if len(terms) != 1:
        return False
    (product, number), (of, of_number) = *terms, *products_in(whole)
    own = dict(of)
    names = all([own.get(atom, 0) >= exponent for atom, exponent in product])
    return names and of_number % number == 0
