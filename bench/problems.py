"""What is measured: a problem has arrays, an expression, the lines a specialist would write, and
the ways of rivals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

Arrays = dict[str, Any]
Call = Callable[[], Any]
#: a way to do it, from the arrays to a call without arguments; what it imports, it imports when it
#: is made
Way = Callable[[Arrays], Call]

TINY, SMALL, MEDIUM, LARGE = "tiny", "small", "medium", "large"
SIZES = (TINY, SMALL, MEDIUM, LARGE)


def same(result: Any) -> Any:
    """A result as it is."""
    return result


@dataclass(frozen=True)
class Problem:
    """One problem at one size.

    `ours` makes the expression, or a tree of them, from names alone; with `kind` "dense" it is
    compiled and called, with "structured" it is evaluated to cores, and with "call" it is itself
    what is timed. `hand` is a function whose parameters are names of arrays (``*arrays``: all of
    them). `answer` takes from our result what is compared with that of `hand`; `full` is the dense
    result written by hand, for results that are not dense.
    """

    arrays: Arrays
    ours: Callable[[], Any]
    hand: Callable[..., Any] | None
    rivals: Mapping[str, Way] = field(default_factory=dict)
    kind: Literal["dense", "structured", "call"] = "dense"
    answer: Callable[[Any], Any] = same
    full: Callable[..., Any] | None = None
    also: Mapping[str, Way] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    aim: float | None = None


@dataclass(frozen=True)
class Case:
    """A problem at several sizes: `make` takes the numbers of one of them."""

    family: str
    name: str
    make: Callable[..., Problem]
    sizes: Mapping[str, tuple[int, ...]]

    @property
    def label(self) -> str:
        """What the case is called in tables."""
        return f"{self.family} {self.name}"


@dataclass(frozen=True)
class Family:
    """A family of cases and what it is about; `needs` names a package without which it cannot
    run.
    """

    key: str
    title: str
    cases: tuple[Case, ...]
    needs: str = ""

    @property
    def possible(self) -> bool:
        """Is what it needs installed?"""
        return not self.needs or find_spec(self.needs) is not None


def sized(
    tiny: Any, small: Any, medium: Any = None, large: Any = None
) -> dict[str, tuple[int, ...]]:
    """Sizes by name; a number stands for a tuple of one, None for a size that is left out."""
    given = zip(SIZES, (tiny, small, medium, large), strict=True)
    return {name: n if isinstance(n, tuple) else (n,) for name, n in given if n is not None}


def normal(seed: int = 0, /, **shapes: tuple[int, ...]) -> Arrays:
    """Arrays of normally distributed numbers by names and shapes."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def cores(result: Any) -> Any:
    """The cores of a structured result: the one, or a list."""
    found = [core for core, _ in result.terms]
    return found[0] if len(found) == 1 else found
