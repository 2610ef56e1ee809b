"""Reads of functions of arrays as functions of reads: what is not selected is not computed.

``exp(y)[:3]`` is ``exp(y[:3])`` where nothing else reads ``exp(y)``. The gradient of ``Σ exp(y)``
by a part of what y is put together of is such a read.
"""

from __future__ import annotations

from collections import Counter

from ..planning import Index, Ops, Program, Step, sums
from .target import Target


def select_first(program: Program, _: Target) -> Program:
    """The program with reads inside of what is computed entry by entry."""
    moved = program.copy()
    uses = Counter(program.outputs)
    for k in program.live():
        uses.update(program.steps[k].inputs)
    waiting = program.live()  # from the end: a read goes as far inside as it can
    found = False
    while waiting:
        k = waiting.pop()
        step = moved.steps[k]
        if step.op is not Ops.READ or uses[step.inputs[0]] != 1 or not _is_box(moved, k):
            continue
        inner = moved.steps[step.inputs[0]]
        made = _inside(moved, step, inner)
        if made is None:
            continue
        found = True
        moved.steps[k] = made
        waiting += [value for value in made.inputs if moved.steps[value].op is Ops.READ]
    if not found:
        return program
    moved.sort()
    return moved


def _is_box(program: Program, k: int) -> bool:
    """Does a step read fewer entries than there are, each axis of the result along one of the
    value, and none beyond its ends?
    """
    step = program.steps[k]
    if program.copied(k) or not 0 < program.entries(k) < program.entries(step.inputs[0]):
        return False
    axes: list[int] = []
    for index in step.spec:
        if index.arrays or len(index.terms) > 1:
            return False
        axes += [axis for axis, _ in index.terms]
    return sorted(axes) == list(range(len(step.sizes)))


def _inside(program: Program, read: Step, inner: Step) -> Step | None:
    """A step on what is read of its operands, in the place of the step that is read."""
    if inner.op is Ops.CONTRACT and not sums(inner):
        return _of_product(program, read, inner)
    by_entry = inner.op is Ops.SCALE or (inner.op is Ops.APPLY and not inner.of_user)
    if not by_entry or not inner.elementwise:
        return None
    values: list[int] = []
    for value in inner.inputs:
        sizes = program.steps[value].sizes
        if sizes == inner.sizes:
            value = program.append(program.made(Ops.READ, (value,), read.spec, read.sizes))
        elif sizes:
            return None
        values.append(value)
    share = program.entries(values[0]) / max(program.entries(inner.inputs[0]), 1)
    return program.made(inner.op, tuple(values), inner.spec, read.sizes, inner.flops * share)


def _of_product(program: Program, read: Step, inner: Step) -> Step | None:
    """A product of what is read of both operands."""
    *operands, out = inner.spec
    by_label = dict(zip(out, read.spec, strict=True))
    label_of: dict[int, int] = {}  # of the axes of what is read
    for label, index in by_label.items():
        for axis, _ in index.terms:
            label_of[axis] = label
    values: list[int] = []
    labels: list[tuple[int, ...]] = []
    for value, own in zip(inner.inputs, operands, strict=True):
        indices: list[Index] = []
        kept: list[int] = []
        for label in own:
            index = by_label[label]
            terms = tuple([(len(kept), times) for _, times in index.terms])
            kept += [label] * len(terms)
            indices.append(Index(index.constant, terms))
        size_of = {label_of[axis]: size for axis, size in enumerate(read.sizes)}
        sizes = tuple([size_of[label] for label in kept])
        if indices:
            value = program.append(program.made(Ops.READ, (value,), tuple(indices), sizes))
        values.append(value)
        labels.append(tuple(kept))
    result = tuple([label_of[axis] for axis in range(len(read.sizes))])
    flops = 1.0
    for size in read.sizes:
        flops *= program.measure(size)
    spec = (*labels, result)
    return program.made(Ops.CONTRACT, tuple(values), spec, read.sizes, flops)
