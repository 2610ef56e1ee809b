"""A program: straight-line steps on values. Data only: `lowering` makes it, passes rewrite it, a
backend writes it down. What the steps are is said by the rows of :class:`~.ops.Ops`.

Values are numbered; two steps that say the same are one step, so common work is found for free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from ..expression import Label, Size
from .loop import Loop
from .ops import Numbered, Op, Ops, Step


@dataclass
class Program:
    """Steps in order, the values they make, and which of these are the outputs."""

    measure: Callable[[Size], int]  # what a size measures
    steps: list[Step] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)  # arrays of the expression, by index
    notes: list[str] = field(default_factory=list)
    passes: list[str] = field(default_factory=list)  # that did something
    #: the inputs that are index arrays: these stay whole numbers
    index_arrays: set[str] = field(default_factory=set)
    loop: Loop | None = None  # that some of the steps run in
    seen: dict[tuple[object, ...], int] = field(default_factory=dict)

    def copy(self) -> Program:
        """A program that a pass may change, while this one stays what it is."""
        return replace(
            self,
            steps=list(self.steps),
            outputs=list(self.outputs),
            held=list(self.held),
            notes=list(self.notes),
            passes=list(self.passes),
            seen={},
        )

    def made(
        self,
        op: Op,
        inputs: tuple[int, ...],
        spec: tuple[Any, ...],
        sizes: tuple[Size, ...],
        flops: float = 0,
    ) -> Step:
        """A step on values of this program, which is not yet a part of it."""
        operand_sizes = tuple([self.steps[value].sizes for value in inputs])
        return Step(op, inputs, spec, sizes, flops, operand_sizes)

    def add(
        self,
        op: Op,
        inputs: tuple[int, ...],
        spec: tuple[Any, ...],
        sizes: tuple[Size, ...],
        flops: float = 0,
    ) -> int:
        """The value of a step, which is made unless it is there already."""
        # 1 == 1.0 == True, but they decide the dtype.
        types = tuple(map(type, spec))
        key = (op, inputs, _canonical(spec) if op.labelled else spec, types, sizes)
        if key not in self.seen:
            self.seen[key] = self.append(self.made(op, inputs, spec, sizes, flops))
        return self.seen[key]

    def append(self, step: Step) -> int:
        """The value of a step that is made whether it is there or not."""
        self.steps.append(step)
        return len(self.steps) - 1

    def live(self) -> list[int]:
        """The values that the outputs need, in order."""
        return self.needed(self.outputs)

    def needed(self, values: Iterable[int]) -> list[int]:
        """Some values and those that they are made of, in order."""
        needed = set(values)
        for k in reversed(range(len(self.steps))):
            if k in needed:
                needed.update(self.steps[k].inputs)
        return sorted(needed)

    def live_steps(self) -> Numbered:
        """The steps that make these values, with their numbers."""
        return [(k, self.steps[k]) for k in self.live()]

    def sort(self) -> None:
        """Every step behind those that it needs, else as they were: what rewrites steps adds
        some at the end.
        """
        order: dict[int, int] = {}
        for root in range(len(self.steps)):
            waiting = [root]
            while waiting:
                k = waiting[-1]
                missing: list[int] = []
                if k not in order:
                    missing = [v for v in self.steps[k].inputs if v not in order]
                if missing:
                    waiting += missing
                else:
                    order.setdefault(waiting.pop(), len(order))
        ordered: list[Step] = []
        for k in order:
            step = self.steps[k]
            ordered.append(step._replace(inputs=tuple(order[v] for v in step.inputs)))
        self.steps[:] = ordered
        self.outputs[:] = [order[k] for k in self.outputs]
        self.seen.clear()

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value."""
        return tuple(map(self.measure, self.steps[value].sizes))

    def entries(self, value: int) -> int:
        """How many numbers a value holds."""
        return prod(self.shape(value))

    def copied(self, value: int) -> int:
        """How many numbers a step writes into memory: a read is a view of what it reads where
        nothing is outside, else a view of that with zeros around it, or all entries.
        """
        step, shape = self.steps[value], self.shape(value)
        entries = prod(shape)
        if step.op is not Ops.READ or any(index.arrays for index in step.spec) or not entries:
            return entries
        reaches: list[tuple[int, int]] = [index.reach(shape, self.measure) for index in step.spec]
        lengths = self.shape(step.inputs[0])
        if all(low >= 0 and high < n for (low, high), n in zip(reaches, lengths, strict=True)):
            return 0
        return min(entries, prod(high - low + 1 for low, high in reaches))

    def is_window(self, value: int) -> bool:
        """Is it a view that shows entries of an array more than once, or of a copy with zeros
        around it? No product of matrices takes such a view as it is.
        """
        step = self.steps[value]
        while step.op is Ops.VIEW:
            value = step.inputs[0]
            step = self.steps[value]
        if step.op is not Ops.READ or any(index.arrays for index in step.spec):
            return False
        return self.entries(value) > self.entries(step.inputs[0])


def _canonical(spec: tuple[Any, ...]) -> tuple[Any, ...]:
    """Labels by first appearance, so that two steps that differ in labels only are one."""
    names: dict[Label, int] = {}

    def renamed(part: Any) -> Any:
        if type(part) is int:
            return names.setdefault(part, len(names))
        return tuple(map(renamed, part)) if isinstance(part, tuple) else part

    return tuple(map(renamed, spec))
