"""A loop over blocks of an axis, as a part of a program: which steps run in it, and where the axis
is.

========  ===========================================================================
before    steps that the axis does not concern
inside    steps on blocks: each value has the axis at one place, or is a part of a sum
after     steps on what the loop has put together
========  ===========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..expression import Size
from .ops import Numbered, Step

BLOCK: Size = ("#block", 0)  # the size of an axis that is cut


@dataclass
class Loop:
    """Where an axis of `count` entries runs through a program, `rows` of them at a time."""

    count: int
    rows: int = 0
    # the place of the axis in values that are made in blocks
    axis: dict[int, int] = field(default_factory=dict)
    partial: set[int] = field(default_factory=set)  # values that are added up
    after: set[int] = field(default_factory=set)
    # of operands from outside: step, position, axis
    cuts: dict[int, dict[int, int]] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)  # values made in blocks, and needed in one piece
    reports: bool = False  # shows a progress bar

    def inside(self, k: int) -> bool:
        """Does step `k` run on blocks?"""
        return k in self.axis or k in self.partial

    @property
    def blocks(self) -> set[int]:
        """The steps that run on blocks."""
        return self.axis.keys() | self.partial

    def ordered(self, steps: Numbered) -> tuple[Numbered, Numbered, Numbered]:
        """The steps before, inside and after the loop."""
        before: Numbered = []
        inside: Numbered = []
        after: Numbered = []
        for k, step in steps:
            if self.inside(k):
                inside.append((k, step))
            elif k in self.after:
                after.append((k, step))
            else:
                before.append((k, step))
        return before, inside, after

    def cut(self, k: int, step: Step) -> Step:
        """Step `k` with the size of a block in the place of the axis."""
        places = {p: self.axis[v] for p, v in enumerate(step.inputs) if v in self.axis}
        places.update(self.cuts.get(k, {}))
        operand_sizes = list(step.operand_sizes)
        for p, axis in places.items():
            operand_sizes[p] = _with_block(operand_sizes[p], axis)
        sizes = _with_block(step.sizes, self.axis[k]) if k in self.axis else step.sizes
        return step._replace(sizes=sizes, operand_sizes=tuple(operand_sizes))


def _with_block(sizes: tuple[Size, ...], axis: int) -> tuple[Size, ...]:
    return (*sizes[:axis], BLOCK, *sizes[axis + 1 :])
