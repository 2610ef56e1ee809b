"""Factors as they stand in a formula: equal ones as a power, what is divided by below the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .matrix_forms import exponent_text

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
    """The factors in the order in which they are met, each once.

    >>> parts = [PoweredFactor("x", 1), PoweredFactor("y", -1), PoweredFactor("x", 2)]
    >>> quotient(parts, lambda base, exponent: f"{base}^{exponent:g}")
    Quotient(above=['x^3'], below=['y'])
    """
    # Above and below apart: x/x stays what it is, for x may be 0.
    above: dict[str, float] = {}
    below: dict[str, float] = {}
    for base, exponent in factors:
        side = above if exponent > 0 else below
        side[base] = side.get(base, 0) + abs(exponent)
    return Quotient(_texts(above, shown), _texts(below, shown))


def _texts(powers: dict[str, float], shown: Shown) -> list[str]:
    return [base if p == 1 else shown(base, p) for base, p in powers.items()]


def exponent_shown(exponent: float) -> str:
    """An exponent in one line: in brackets where it is a fraction."""
    text = exponent_text(exponent)
    return f"({text})" if "/" in text else text
