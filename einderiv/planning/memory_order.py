"""In which order the axes of a value lie in memory; what a product of matrices copies; orders that
save copies.

A product of matrices takes groups of axes as one axis: those that are summed, and those that are
kept. A group is one axis without a copy if its axes lie in memory side by side, in order. Matrices
themselves may be transposed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..expression import Labels
from .ops import Layout, Ops, contraction, middle, sums, turned
from .program import Program
from .tuning_constants import tuning

Order = tuple[int, ...]  # axes of a value from the slowest to the fastest


def orders(program: Program) -> list[Order]:
    """The order in memory of every value, as NumPy lays it out."""
    found: list[Order] = []
    for k in range(len(program.steps)):
        found.append(_order(program, k, found))
    return found


def _order(program: Program, k: int, known: Sequence[Order]) -> Order:
    step = program.steps[k]
    axes = tuple(range(len(step.sizes)))
    of_operands = [known[v] for v in step.inputs]
    match step.op.layout:
        case Layout.LABELS:
            labels, result = step.spec
            return _places([labels[a] for a in of_operands[0]], result)
        case Layout.PRODUCT if len(axes) > 2:  # a product of matrices takes a matrix as it is
            la, lb, result = step.spec
            if not sums(step):
                of_operands = [
                    _copied_order(program, k, p) or order for p, order in enumerate(of_operands)
                ]
            return _places(_made(la, lb, result, of_operands), result)
        case Layout.OPERAND:
            for order in of_operands:
                if len(order) == len(axes):
                    return order
            return axes
        case Layout.PRODUCT | Layout.ROWS:
            return axes


def rearranged(own: int, result: int) -> bool:
    """Is an operand read so often that it is copied in the order of the result first?"""
    return result >= max(tuning.copied_reads * own, tuning.copied_entries)


def _copied_order(program: Program, k: int, p: int) -> Order | None:
    """The order of operand `p` of an outer or elementwise product, if it is copied for that."""
    step = program.steps[k]
    labels, out = step.spec[p], step.spec[2]
    order = tuple(x for x in out if x in labels)
    if order == labels or not rearranged(program.entries(step.inputs[p]), program.entries(k)):
        return None
    return tuple(labels.index(x) for x in order)


def _places(labels: Sequence[int], out: Labels) -> Order:
    return tuple(out.index(x) for x in dict.fromkeys(labels) if x in out)


def _made(la: Labels, lb: Labels, out: Labels, before: Sequence[Order]) -> Sequence[int]:
    """The labels of a product in the order that they lie in."""
    batch, summed, first, second = contraction(la, lb, out)
    if not summed:
        first_order, second_order = before
        return _broadcast([[la[a] for a in first_order], [lb[a] for a in second_order]], out)
    if batch:
        return batch + first + second if first and second else out
    for mine, theirs in ((la, lb), (lb, la)):
        if (parts := middle(mine, theirs)) is not None:
            return parts[0] + tuple(x for x in theirs if x not in parts[1]) + parts[2]
    return second + first if turned(batch, first, second, out) else first + second


def _broadcast(operands: Sequence[Sequence[int]], out: Labels) -> list[int]:
    """Axes in the order of the operands' strides; where these say nothing, in the order of the
    result.
    """
    ordered: list[int] = []
    for x in out:
        place = len(ordered)
        for p in range(len(ordered) - 1, -1, -1):
            both = [labels for labels in operands if ordered[p] in labels and x in labels]
            if both and all(labels.index(ordered[p]) > labels.index(x) for labels in both):
                place = p
            elif both:
                break
        ordered.insert(place, x)
    return ordered


def copied(program: Program, k: int, known: Sequence[Order]) -> int:
    """The entries that step `k` copies before it multiplies matrices."""
    step = program.steps[k]
    if step.op is not Ops.CONTRACT:
        return 0
    la, lb, result = step.spec
    if len(la) < 3 and len(lb) < 3:
        return 0  # matrices and vectors are taken as they are
    batch, summed, first, second = contraction(la, lb, result)
    if not summed:
        return 0
    if not batch and (middle(la, lb) or middle(lb, la)):
        return 0  # a stack of products takes the array as it is
    entries = 0
    for v, labels, groups in zip(
        step.inputs, (la, lb), ((first, summed), (summed, second)), strict=True
    ):
        in_memory = [labels[a] for a in known[v]]
        if not all(_adjacent(in_memory, group) for group in groups):
            entries += program.entries(v)
    return entries


def _adjacent(labels: Sequence[int], group: Labels) -> bool:
    start = labels.index(group[0]) if group else 0
    return tuple(labels[start : start + len(group)]) == group


def arranged(program: Program) -> list[Order]:
    """Turn products of matrices around where the products that read them copy less then; all
    orders in memory.
    """
    readers: dict[int, list[int]] = defaultdict(list)
    for k, step in enumerate(program.steps):
        for v in set(step.inputs):
            readers[v].append(k)
    known, outputs = orders(program), set(program.outputs)

    def copies(k: int) -> int:
        return sum(copied(program, reader, known) for reader in readers[k])

    for k in range(len(program.steps)):
        copied_now = copies(k)
        if k in outputs or not copied_now:
            continue
        turned_labels = _turned_around(program, k)
        if turned_labels is None or not all(sums(program.steps[r]) for r in readers[k]):
            continue
        steps_before = {r: program.steps[r] for r in (k, *readers[k])}
        order_before = known[k]
        _permute(program, k, turned_labels, readers[k])
        known[k] = _order(program, k, known)
        if copies(k) >= copied_now:
            known[k] = order_before
            for r, step in steps_before.items():
                program.steps[r] = step
    return known


def _turned_around(program: Program, k: int) -> Labels | None:
    """The labels of step `k` if its operands change places; None where it is no plain product of
    matrices, whose order in memory is its own, whatever that of its operands.
    """
    step = program.steps[k]
    if not sums(step):
        return None
    la, lb, result = step.spec
    batch, _, first, second = contraction(la, lb, result)
    if batch or not first or not second or middle(la, lb) or middle(lb, la):
        return None
    return first + second if turned(batch, first, second, result) else second + first


def _permute(program: Program, k: int, result: Labels, readers: Sequence[int]) -> None:
    """The axes of the result of step `k` in the order `result`, for products that read it."""
    step = program.steps[k]
    la, lb, before = step.spec
    axes = [before.index(x) for x in result]
    sizes = tuple(step.sizes[a] for a in axes)
    program.steps[k] = step._replace(spec=(la, lb, result), sizes=sizes)
    for reader in readers:
        step = program.steps[reader]
        *operands, kept = step.spec
        for p, v in enumerate(step.inputs):
            if v == k:
                operands[p] = tuple(operands[p][a] for a in axes)
        spec = (*operands, kept)
        program.steps[reader] = program.made(step.op, step.inputs, spec, step.sizes, step.flops)
