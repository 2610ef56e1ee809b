"""What is measured: a case is a name, its sizes, and a function that makes the problem of a size.

The record of a case reads from top to bottom: what is measured and how large, the arrays, our
expression, the NumPy that a specialist writes, and the rivals::

    # ∂ tr(AXB)/∂X = (BA)ᵀ
    Case(
        "tr(AXB), gradient",
        sized(3, 8, 100, 400),
        lambda n: Problem(
            arrays=normal(X=(n, n), A=(n, n), B=(n, n)),
            ours=lambda: ed.grad(ed.trace(A @ X @ B), X),
            hand=lambda A, B: (B @ A).T,
            rivals=derivatives("grad", lambda xp, X, A, B: xp.trace(A @ X @ B)),
        ),
    )

A hand-written form of several lines is a function above the table of its family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from einderiv.checking.rivals import Arrays, Way

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
    result written by hand, for results that are not dense. `also` are ways that are timed and
    shown, but are no rivals; `skipped` says which of the rivals take no part, and why.
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

    def __post_init__(self) -> None:
        unknown = sorted(set(self.skipped) - set(self.rivals))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} cannot be skipped: there is no such rival")

    @property
    def taking_part(self) -> dict[str, Way]:
        """The rivals that are not skipped."""
        return {name: way for name, way in self.rivals.items() if name not in self.skipped}


@dataclass(frozen=True)
class Case:
    """A problem at several sizes: `make` takes the numbers of one of them. The family puts its key
    into the cases that it is given.
    """

    name: str
    sizes: Mapping[str, tuple[int, ...]]
    make: Callable[..., Problem]
    family: str = ""

    @property
    def label(self) -> str:
        """What the case is called in tables."""
        return f"{self.family} {self.name}"

    def at(self, size: str) -> Problem:
        """The problem at a size."""
        return self.make(*self.sizes[size])


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


def family(key: str, title: str, *cases: Case, needs: str = "") -> Family:
    """A family of these cases."""
    return Family(key, title, tuple(replace(case, family=key) for case in cases), needs)


def sized(
    tiny: Any, small: Any, medium: Any = None, large: Any = None
) -> dict[str, tuple[int, ...]]:
    """Sizes by name; a number stands for a tuple of one, None for a size that is left out."""
    sizes = {}
    for name, given in zip(SIZES, (tiny, small, medium, large), strict=True):
        if given is not None:
            sizes[name] = given if isinstance(given, tuple) else (given,)
    return sizes


def normal(seed: int = 0, /, **shapes: tuple[int, ...]) -> Arrays:
    """Arrays of normally distributed numbers by names and shapes."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def cores(result: Any) -> Any:
    """The cores of a structured result: the one, or a list."""
    arrays = [core for core, _ in result.terms]
    return arrays[0] if len(arrays) == 1 else arrays
