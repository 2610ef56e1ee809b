"""Products of one large array with several small ones, as one product with these side by side: it
is read once.

==========  ====================  ====================  ============================================
kind        inputs                spec                  what it computes
==========  ====================  ====================  ============================================
stack       arrays of one size    labels of each,       the arrays along a new axis, which is where
                                                        the last
                                  and of the result     labels have a label that none of the others
                                                        has
take        one array             labels, a place,      the array at that place of the one label
                                                        that is not
                                  and of the result     among those of the result
==========  ====================  ====================  ============================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ..expression import Labels, Size
from ..planning import Program, Step, contraction

# the large array, which of its axes are summed, what is kept
Key = tuple[int, tuple[bool, ...], tuple[int, ...]]

LARGE = 1 << 17  # entries of an array that is worth reading once
SMALL = 8  # times fewer entries has what it is multiplied by


class Product(NamedTuple):
    """A product of a large array: the other operand, and the labels of all three."""

    step: int
    small: int
    of_large: Labels
    of_small: Labels
    out: Labels


def stacked(program: Program) -> None:
    """Put one product in the place of several, as long as there are such."""
    large = any(
        step.kind == "contract2" and max(map(program.entries, step.inputs)) >= LARGE
        for step in program.steps
    )
    while large and _once(program):
        pass


def _once(program: Program) -> bool:
    before = _before(program)
    needed = 0
    for k in program.outputs:
        needed |= before[k]
    groups: dict[Key, list[Product]] = defaultdict(list)
    for k in range(len(program.steps)):
        if needed >> k & 1 and (found := _product(program, k)) is not None:
            groups[found[0]].append(found[1])
    for (large, *_), group in groups.items():
        free = _independent(group, before)
        if len(free) > 1:
            _join(program, large, free)
            program.sort()
            return True
    return False


def _product(program: Program, k: int) -> tuple[Key, Product] | None:
    """Step `k` as a product of matrices, one of which is large; and what those have in common
    that can be joined.
    """
    step = program.steps[k]
    if step.kind != "contract2":
        return None
    la, lb, out = step.spec
    x, y = step.inputs
    batch, summed, first, second = contraction(la, lb, out)
    if batch or not summed or not first or not second:
        return None
    if program.entries(x) < program.entries(y):
        x, y, la, lb, second = y, x, lb, la, first
    if program.entries(x) < max(LARGE, SMALL * program.entries(y), SMALL * program.entries(k)):
        return None
    rest = tuple(n for label, n in zip(lb, program.shape(y), strict=True) if label in second)
    return (x, tuple(label in summed for label in la), rest), Product(k, y, la, lb, out)


def _before(program: Program) -> list[int]:
    """For each step the steps that it needs, as bits of a number."""
    found: list[int] = []
    for k, step in enumerate(program.steps):
        mask = 1 << k
        for v in step.inputs:
            mask |= found[v]
        found.append(mask)
    return found


def _independent(group: Sequence[Product], before: Sequence[int]) -> list[Product]:
    """Products none of which needs another."""
    found: list[Product] = []
    for p in group:
        if all(
            not before[p.step] >> q.step & 1 and not before[q.step] >> p.step & 1 for q in found
        ):
            found.append(p)
    return found


def _join(program: Program, large: int, group: Sequence[Product]) -> None:
    """One product in the place of a group, each of which takes its part of it."""
    first = group[0]
    new = max((*first.of_large, *first.of_small)) + 1
    far = tuple(x for x in first.of_large if x in first.of_small)
    rest = tuple(x for x in first.of_small if x not in far)
    side, made = (*far, new, *rest), (*(x for x in first.of_large if x not in far), new, *rest)
    known = zip(first.of_large + first.of_small, _sizes(program, large, first.small), strict=True)
    size: dict[int, Size] = {**dict(known), new: len(group)}
    labels = tuple(_renamed(p, first) for p in group)
    stack = _add(
        program,
        "stack",
        tuple(p.small for p in group),
        (*labels, side),
        tuple(size[x] for x in side),
    )
    whole = _add(
        program,
        "contract2",
        (large, stack),
        (first.of_large, side, made),
        tuple(size[x] for x in made),
        sum(program.steps[p.step].flops for p in group),
    )
    for place, (p, own) in enumerate(zip(group, labels, strict=True)):
        names = dict(zip(p.of_large + p.of_small, first.of_large + own, strict=True))
        spec = (made, place, tuple(names[x] for x in p.out))
        program.steps[p.step] = Step(
            "take", (whole,), spec, program.steps[p.step].sizes, 0, _sizes(program, whole)
        )


def _sizes(program: Program, *values: int) -> tuple[Size, ...]:
    return tuple(size for v in values for size in program.steps[v].sizes)


def _add(
    program: Program,
    kind: str,
    inputs: tuple[int, ...],
    spec: tuple[object, ...],
    sizes: tuple[Size, ...],
    flops: float = 0,
) -> int:
    program.steps.append(Step(kind, inputs, spec, sizes, flops, _sizes(program, *inputs)))
    return len(program.steps) - 1


def _renamed(p: Product, first: Product) -> Labels:
    """The labels of the small operand of `p`, named like those of `first`."""
    names = dict(zip(p.of_large, first.of_large, strict=True))
    rest = iter(x for x in first.of_small if x not in first.of_large)
    return tuple(names[x] if x in names else next(rest) for x in p.of_small)
