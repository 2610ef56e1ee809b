"""Products of one large array with several small ones, as one product with these side by side: it
is read once.

``A x`` and ``A y`` become the parts of ``A [x y]``: a `stack`, one `contract`, and a `take` for
each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ..expression import Labels, Size
from ..planning import Ops, Program, contraction, sums, tuning
from .target import Target

# the large array, which of its axes are summed, the sizes that are kept of the small one
Key = tuple[int, tuple[bool, ...], tuple[int, ...]]


class Product(NamedTuple):
    """A product of a large array: the other operand, and the labels of all three."""

    step: int
    small: int
    of_large: Labels
    of_small: Labels
    result: Labels


def batch_products(program: Program, _: Target) -> Program:
    """The program with one product in the place of several, as long as there are such."""
    if program.loop is not None:  # blocks of the large array are in the cache
        return program
    large = any(
        step.op is Ops.CONTRACT and max(map(program.entries, step.inputs)) >= tuning.read_once
        for step in program.steps
    )
    while large:
        batched = _one_group(program)
        if batched is None:
            break
        program = batched
    return program


def _one_group(program: Program) -> Program | None:
    """The program with the first group of products joined; None where there is no group."""
    needs = _needs(program)
    groups: dict[Key, list[Product]] = defaultdict(list)
    for k in program.live():
        candidate = _product(program, k)
        if candidate is not None:
            key, product = candidate
            groups[key].append(product)
    for (large, *_), group in groups.items():
        free = _independent(group, needs)
        if len(free) > 1:
            batched = program.copy()
            _join(batched, large, free)
            batched.sort()
            return batched
    return None


def _product(program: Program, k: int) -> tuple[Key, Product] | None:
    """Step `k` as a product of matrices, one of which is large; and what those have in common
    that can be joined.
    """
    step = program.steps[k]
    if not sums(step):
        return None
    la, lb, result = step.spec
    x, y = step.inputs
    batch, summed, first, second = contraction(la, lb, result)
    if batch or not first or not second:
        return None
    if program.entries(x) < program.entries(y):
        x, y, la, lb, second = y, x, lb, la, first
    small = max(program.entries(y), program.entries(k))
    if program.entries(x) < max(tuning.read_once, tuning.small_times * small):
        return None
    kept = tuple(n for label, n in zip(lb, program.shape(y), strict=True) if label in second)
    summed_axes = tuple(label in summed for label in la)
    return (x, summed_axes, kept), Product(k, y, la, lb, result)


def _needs(program: Program) -> list[int]:
    """For each step the steps that it needs, as bits of a number."""
    masks: list[int] = []
    for k, step in enumerate(program.steps):
        mask = 1 << k
        for v in step.inputs:
            mask |= masks[v]
        masks.append(mask)
    return masks


def _independent(group: Sequence[Product], needs: Sequence[int]) -> list[Product]:
    """Products none of which needs another."""

    def apart(one: Product, other: Product) -> bool:
        forth = needs[one.step] >> other.step & 1
        back = needs[other.step] >> one.step & 1
        return not forth and not back

    free: list[Product] = []
    for product in group:
        if all(apart(product, other) for other in free):
            free.append(product)
    return free


def _join(program: Program, large: int, group: Sequence[Product]) -> None:
    """One product in the place of a group, each of which takes its part of it."""
    first = group[0]
    beside = max((*first.of_large, *first.of_small)) + 1  # the label of the new axis
    summed = tuple(x for x in first.of_large if x in first.of_small)
    rows = tuple(x for x in first.of_large if x not in summed)
    columns = tuple(x for x in first.of_small if x not in summed)
    stacked, joined = (*summed, beside, *columns), (*rows, beside, *columns)

    size: dict[int, Size] = {beside: len(group)}
    size.update(zip(first.of_large, program.steps[large].sizes, strict=True))
    size.update(zip(first.of_small, program.steps[first.small].sizes, strict=True))
    of_small = [_renamed(product, first) for product in group]

    stack = program.append(
        program.made(
            Ops.STACK,
            tuple(product.small for product in group),
            (*of_small, stacked),
            tuple(size[x] for x in stacked),
        )
    )
    together = program.append(
        program.made(
            Ops.CONTRACT,
            (large, stack),
            (first.of_large, stacked, joined),
            tuple(size[x] for x in joined),
            sum(program.steps[product.step].flops for product in group),
        )
    )
    for place, (product, own) in enumerate(zip(group, of_small, strict=True)):
        names = dict(zip(product.of_large, first.of_large, strict=True))
        names.update(zip(product.of_small, own, strict=True))
        result = tuple(names[x] for x in product.result)
        sizes = program.steps[product.step].sizes
        part = program.made(Ops.TAKE, (together,), (joined, place, result), sizes)
        program.steps[product.step] = part


def _renamed(product: Product, first: Product) -> Labels:
    """The labels of the small operand of a product, named like those of `first`."""
    names = dict(zip(product.of_large, first.of_large, strict=True))
    columns = iter(x for x in first.of_small if x not in first.of_large)
    return tuple(names[x] if x in names else next(columns) for x in product.of_small)
