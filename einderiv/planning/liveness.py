"""When a value is needed for the last time: what may be dropped, or written over, and what is held
at a time.

What counts is memory. A view is memory of the value that it shows, so this lives as long as the
view does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from .ops import SHARED, Numbered, Step
from .program import Program

NEVER = -1


def owner(program: Program, value: int) -> int:
    """The value whose memory `value` is.

    The factors of a matrix are their own, though they may lie in its memory: see :func:`base`.
    """
    step = program.steps[value]
    while step.memory == SHARED:
        value = step.inputs[0]
        step = program.steps[value]
    return value


def base(program: Program, value: int) -> int:
    """The value whose memory `value` may be."""
    while program.steps[value].memory.shows:
        value = program.steps[value].inputs[0]
    return value


class Liveness:
    """Which memory each of some steps is the last to need; they are given in the order that they
    run in.
    """

    def __init__(
        self,
        steps: Numbered,
        kept: Iterable[int] = (),
        *,
        inside: Collection[int] = (),
        owned: Callable[[int], int] = int,
    ) -> None:
        """Values that are `kept` are needed to the end. The steps `inside` run again for each block
        of an axis.

        `owned` says whose memory a value is; without it each value has its own.
        """
        self.owned = owned
        self.kept = set(map(owned, kept))
        self.last: dict[int, int] = {}
        for k, step in steps:
            for value in (k, *step.inputs):
                place = owned(value)
                # What a loop reads and does not make is read again by the next block.
                again = k in inside and place not in inside
                self.last[place] = NEVER if again else k

    def ends(self, place: int, k: int) -> bool:
        """Is step `k` the last that needs the memory of the value `place`?"""
        return self.last.get(place) == k and place not in self.kept

    def ended(self, k: int, step: Step) -> list[int]:
        """The values whose memory nothing needs after step `k`."""
        places = dict.fromkeys(map(self.owned, (*step.inputs, k)))
        return [place for place in places if self.ends(place, k)]
