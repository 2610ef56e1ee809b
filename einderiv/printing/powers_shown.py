"""Factors as they stand in a formula: equal ones as a power, what is divided by below the line."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, TypeVar

from .matrix_forms import exponent_text

Base = TypeVar("Base", bound=Hashable)
Shown = Callable[[str, float], str]  # a base to a positive power other than 1


class Quotient(NamedTuple):
    """What stands above the line, and below it."""

    above: list[str]
    below: list[str]


class PoweredFactor(NamedTuple):
    """A factor: the text of its base, and the exponent."""

    base: str
    exponent: float


def quotient(factors: list[PoweredFactor], shown: Shown) -> Quotient:
    """The factors in the order in which they are met, each once; but roots are not joined, for two
    of them are no number where their base is negative.

    >>> parts = [PoweredFactor("x", 1), PoweredFactor("y", -1), PoweredFactor("x", 2)]
    >>> quotient(parts, lambda base, exponent: f"{base}^{exponent:g}")
    Quotient(above=['x^3'], below=['y'])
    """
    # Above and below apart: x/x stays what it is, for x may be 0.
    above = [one for one in factors if one.exponent > 0]
    below = [PoweredFactor(base, -exponent) for base, exponent in factors if exponent < 0]
    return Quotient(_texts(above, shown), _texts(below, shown))


def _texts(factors: list[PoweredFactor], shown: Shown) -> list[str]:
    joined = joined_powers(factors)
    return [base if p == 1 else shown(base, p) for base, p in joined]


def joined_powers(factors: Iterable[tuple[Base, float]]) -> list[tuple[Base, float]]:
    """Positive powers, the whole ones of each base as one."""
    whole: dict[Base, float] = {}
    in_order: list[tuple[Base, float | None]] = []
    for base, exponent in factors:
        if exponent != int(exponent):
            in_order.append((base, exponent))
            continue
        if base not in whole:
            in_order.append((base, None))
        whole[base] = whole.get(base, 0) + exponent
    return [(base, whole[base] if p is None else p) for base, p in in_order]


def exponent_shown(exponent: float) -> str:
    """An exponent in one line: in brackets where it is a fraction."""
    text = exponent_text(exponent)
    return f"({text})" if "/" in text else text
