"""What a backend is: a row with all that sources for one library need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .functions import Function
from .source_text import Spell
from .steps import Step


@dataclass(frozen=True)
class Helpers:
    """The helpers of a backend: their texts, and what they import."""

    texts: Mapping[str, str]
    imports: Mapping[str, str]

    def used(self, lines: Iterable[str]) -> list[str]:
        """The helpers that the lines of a source call, those first that others call."""
        found: set[str] = set()
        new = self._called("\n".join(lines))
        while new:
            found |= new
            new = {inner for name in new for inner in self._called(self.texts[name])} - found
        return [name for name in self.texts if name in found]

    def _called(self, text: str) -> set[str]:
        return set(self.texts) & set(re.findall(r"\b(\w+)\(", text))


@dataclass(frozen=True)
class Backend:
    """A row: its name, what a source imports, and how it spells a step as an expression on named values."""

    name: str
    header: str
    spell: Callable[[Step, Sequence[str], Spell], list[str]]
    row: Callable[[Function], str]  # the spelling of a row of the functions table
    needs: Callable[[Function], str]  # what a source imports for it
    helpers: Helpers
    setup: Callable[[Sequence[str], str | None, str | None], dict[str, str]]  # lines that bind words, by the word
    fresh: str = "{0}.copy()"  # a value that shares memory with nothing
    rewrites: tuple[str, ...] = ()  # of steps, by their names in `pipeline`
    tiled: bool = False  # may a source go over blocks of an axis?
