"""A program: straight-line steps on values. Data only: `lowering` makes it, passes rewrite
it, a backend writes it down.

==========  ====================================  ==================================================
kind        inputs                                spec
==========  ====================================  ==================================================
input       none                                  the name of a tensor, or the index of a held array
number      none                                  a number
ones        none                                  nothing: an array of ones, made when a source is
                                                  loaded
view        one value                             its labels, and those of the result: diagonal,
                                                  transpose
sum         one value                             its labels, and those of the result: the others
                                                  are summed
contract2   two values                            labels of both and of the result
scale       one value                             a number, and sizes to multiply by
add         values of one shape                   nothing
apply       values                                a row of the functions table, core axes,
                                                  parameters
factor      one value                             nothing: a matrix with its LU factors
solve       factors, one value                    labels of both and of the result; is the matrix
                                                  transposed?
reshape     one value                             nothing: axes merged or split
write       values                                for each its labels and where it sits in the zeros
                                                  around it
shard       one value                             the axis that is divided among devices, or None
==========  ====================================  ==================================================

Values are numbered; two steps that say the same are one step, so common work is found for free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

from ..expression import Label, Labels, Size

Numbered = list[tuple[int, "Step"]]  # steps with the numbers of their values
LABELLED = ("view", "sum", "contract2", "solve", "write")  # the kinds whose spec is labels


class Memory(NamedTuple):
    """Where the value of a step lies: does it take memory of its own, does it show that of its
    input, or may it?
    """

    takes: bool
    shows: bool


OWN, GIVEN, VIEW = (
    Memory(takes=True, shows=False),
    Memory(takes=False, shows=False),
    Memory(takes=False, shows=True),
)
#: the kinds whose value is no array of its own
MEMORY = {
    "input": GIVEN,
    "number": GIVEN,
    "ones": GIVEN,  # made when a source is loaded
    "view": VIEW,
    "reshape": VIEW,
    "take": VIEW,
    # The matrix itself, where a library factors it in each call.
    "factor": Memory(takes=True, shows=True),
}


def memory(kind: str) -> Memory:
    """Where values of steps of this kind lie."""
    return MEMORY.get(kind, OWN)


class Step(NamedTuple):
    """One step; `sizes` are those of its result."""

    kind: str
    inputs: tuple[int, ...]
    spec: tuple[Any, ...]
    sizes: tuple[Size, ...]
    flops: float  # multiplications and additions, by the sizes the plan was made for
    operand_sizes: tuple[Size, ...] = ()  # of all axes of all inputs, one after the other


@dataclass
class Program:
    """Steps in order, the values they make, and which of these are the outputs."""

    number: Callable[[Size], int]  # what a size measures
    steps: list[Step] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)  # arrays of the expression, by index
    notes: list[str] = field(default_factory=list)
    seen: dict[tuple[object, ...], int] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        inputs: tuple[int, ...],
        spec: tuple[Any, ...],
        sizes: tuple[Size, ...],
        flops: float = 0,
    ) -> int:
        """The value of a step, which is made unless it is there already."""
        # 1 == 1.0 == True, but they decide the dtype.
        key = (
            kind,
            inputs,
            _canonical(spec) if kind in LABELLED else spec,
            tuple(map(type, spec)),
            sizes,
        )
        if key not in self.seen:
            self.seen[key] = len(self.steps)
            before = tuple(s for value in inputs for s in self.steps[value].sizes)
            self.steps.append(Step(kind, inputs, spec, sizes, flops, before))
        return self.seen[key]

    def live(self) -> list[int]:
        """The values that the outputs need, in order."""
        needed = set(self.outputs)
        for k in reversed(range(len(self.steps))):
            if k in needed:
                needed.update(self.steps[k].inputs)
        return sorted(needed)

    def sort(self) -> None:
        """Every step behind those that it needs, else as they were: what rewrites steps adds
        some at the end.
        """
        order: dict[int, int] = {}
        for root in range(len(self.steps)):
            waiting = [root]
            while waiting:
                k = waiting[-1]
                missing = (
                    [v for v in self.steps[k].inputs if v not in order] if k not in order else []
                )
                if missing:
                    waiting += missing
                else:
                    order.setdefault(waiting.pop(), len(order))
        self.steps[:] = [
            self.steps[k]._replace(inputs=tuple(order[v] for v in self.steps[k].inputs))
            for k in order
        ]
        self.outputs[:] = [order[k] for k in self.outputs]
        self.seen.clear()

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value."""
        return tuple(map(self.number, self.steps[value].sizes))

    def entries(self, value: int) -> int:
        """How many numbers a value holds."""
        return prod(self.shape(value))


def _canonical(spec: tuple[Any, ...]) -> tuple[Any, ...]:
    """Labels by first appearance, so that two steps that differ in labels only are one."""
    names: dict[Label, int] = {}

    def walk(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(
                names.setdefault(x, len(names)) if type(x) is int else walk(x) for x in part
            )
        return part

    return tuple(walk(part) for part in spec)


def contraction(a: Labels, b: Labels, out: Labels) -> tuple[Labels, Labels, Labels, Labels]:
    """The labels of a step on two values by role: batch (in both, kept), summed, only in the first,
    only in the second.

    >>> contraction((0, 1, 2), (0, 2, 3), (0, 1, 3))
    ((0,), (2,), (1,), (3,))
    """
    kept = set(out)
    batch = tuple(x for x in a if x in b and x in kept)
    summed = tuple(x for x in a if x in b and x not in kept)
    return batch, summed, tuple(x for x in a if x not in b), tuple(x for x in b if x not in a)


def turned(batch: Labels, first: Labels, second: Labels, out: Labels) -> bool:
    """Is it the transposed product of two matrices that has its axes in the order that is
    wanted?
    """
    return not batch and bool(first and second) and out[: len(second)] == second


def middle(la: Labels, lb: Labels) -> tuple[Labels, Labels, Labels] | None:
    """The axes of the first operand before, among and behind those that are summed, if these are in
    its middle.

    >>> middle((0, 1, 2), (1, 3))
    ((0,), (1,), (2,))
    """
    summed = tuple(x for x in la if x in lb)
    start = la.index(summed[0])
    before, behind = la[:start], la[start + len(summed) :]
    return (
        (before, summed, behind) if la == before + summed + behind and before and behind else None
    )
