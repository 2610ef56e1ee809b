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
from .program import Program, contraction, middle, turned

# times; entries: of a result for which an operand that is read so often is copied in its order
READ, LEAST = 4, 256
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
    before = [known[v] for v in step.inputs]
    match step.kind:
        case "view" | "sum":
            labels, out = step.spec
            return _places([labels[a] for a in before[0]], out)
        case "contract2" if len(axes) > 2:  # a product of matrices takes a matrix as it is
            la, lb, out = step.spec
            if not contraction(la, lb, out)[1]:
                before = [_copied_order(program, k, p) or order for p, order in enumerate(before)]
            return _places(_made(la, lb, out, before), out)
        case "scale" | "add" | "combine" | "apply":
            return next((order for order in before if len(order) == len(axes)), axes)
    return axes


def rearranged(own: int, result: int) -> bool:
    """Is an operand read so often that it is copied in the order of the result first?"""
    return result >= max(READ * own, LEAST)


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
        return _broadcast(
            [[ls[a] for a in order] for ls, order in zip((la, lb), before, strict=True)], out
        )
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
    found: list[int] = []
    for x in out:
        place = len(found)
        for p in range(len(found) - 1, -1, -1):
            known = [
                (ls.index(found[p]), ls.index(x)) for ls in operands if found[p] in ls and x in ls
            ]
            if known and all(other > mine for other, mine in known):
                place = p
            elif known:
                break
        found.insert(place, x)
    return found


def copied(program: Program, k: int, known: Sequence[Order]) -> int:
    """The entries that step `k` copies before it multiplies matrices."""
    step = program.steps[k]
    if step.kind != "contract2" or len(step.operand_sizes) < 4:
        return 0
    la, lb, out = step.spec
    if len(la) < 3 and len(lb) < 3:
        return 0  # matrices and vectors are taken as they are
    batch, summed, first, second = contraction(la, lb, out)
    if not summed or (not batch and (middle(la, lb) or middle(lb, la))):
        return 0
    pairs = zip(step.inputs, ((la, (first, summed)), (lb, (summed, second))), strict=True)
    return sum(
        program.entries(v)
        for v, (labels, groups) in pairs
        if not all(_adjacent([labels[a] for a in known[v]], group) for group in groups)
    )


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
    known, kept = orders(program), set(program.outputs)
    for k in range(len(program.steps)):
        now = sum(copied(program, r, known) for r in readers[k])
        if (
            k in kept
            or not now
            or (out := _other(program, k)) is None
            or not all(_sums(program, r) for r in readers[k])
        ):
            continue
        before = {r: program.steps[r] for r in (k, *readers[k])}, known[k]
        _permute(program, k, out, readers[k])
        known[k] = _order(program, k, known)
        if sum(copied(program, r, known) for r in readers[k]) >= now:
            known[k] = before[1]
            for r, step in before[0].items():
                program.steps[r] = step
    return known


def _sums(program: Program, k: int) -> bool:
    """Is the order of step `k` in memory its own, whatever that of its operands?"""
    step = program.steps[k]
    return step.kind == "contract2" and bool(contraction(*step.spec)[1])


def _other(program: Program, k: int) -> Labels | None:
    """The labels of step `k` if its operands change places; None where it is no plain product of
    matrices.
    """
    if not _sums(program, k):
        return None
    la, lb, out = program.steps[k].spec
    batch, _, first, second = contraction(la, lb, out)
    if batch or not first or not second or middle(la, lb) or middle(lb, la):
        return None
    return first + second if turned(batch, first, second, out) else second + first


def _permute(program: Program, k: int, out: Labels, readers: Sequence[int]) -> None:
    """The axes of the result of step `k` in the order `out`, for products that read it."""
    step = program.steps[k]
    axes = [step.spec[2].index(x) for x in out]
    sizes = tuple(step.sizes[a] for a in axes)
    program.steps[k] = step._replace(spec=(*step.spec[:2], out), sizes=sizes)
    for r in readers:
        step = program.steps[r]
        spec = (
            tuple(step.spec[p][a] for a in axes) if v == k else step.spec[p]
            for p, v in enumerate(step.inputs)
        )
        before = tuple(s for v in step.inputs for s in program.steps[v].sizes)
        program.steps[r] = step._replace(spec=(*spec, step.spec[2]), operand_sizes=before)
