"""The order of multiplication for a few operands: the best of all orders, by the estimate of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .expression import Label

FEW = 5  # operands: all 3ⁿ splits are looked at

#: seconds for a multiplication and addition of a matrix product, for one elsewhere, for a number moved, for a step
MATRIX, OTHER, MOVED, STEP = 1 / 35e9, 1 / 1e9, 1e-9, 1e-6

Split = tuple[int, int]


def exact(terms: Sequence[Sequence[Label]], output: Sequence[Label], numbers: Mapping[Label, int]
          ) -> list[tuple[int, int]]:  # fmt: skip
    """The pairs to contract `terms` in, by positions; the result of a pair goes to the end.

    Sets of operands, and of labels, are the bits of whole numbers. The best order of a set is the best way to split it
    into two, each contracted in its best order.

    >>> exact([(0, 1), (1, 2), (2,)], (0,), {0: 50, 1: 60, 2: 70})
    [(1, 2), (0, 1)]
    """
    bits = {x: 1 << k for k, x in enumerate(numbers)}
    own = [sum({bits[x] for x in term}) for term in terms]
    kept, sizes = _kept(own, sum({bits[x] for x in output})), _Sizes(numbers)
    ends = {1 << k: _ends([bits[x] for x in term]) for k, term in enumerate(terms)}
    best: dict[int, tuple[float, Split]] = {1 << k: (0.0, (0, 0)) for k in range(len(terms))}
    for group in range(1, 1 << len(terms)):
        if group not in best:
            best[group] = min((best[a][0] + best[group ^ a][0] + _seconds(kept[a], kept[group ^ a], kept[group], sizes)
                               + _copied(a, group ^ a, kept, ends, sizes), (a, group ^ a))
                              for a in _parts(group))  # fmt: skip
    return _positions((1 << len(terms)) - 1, best)


def _kept(own: Sequence[int], output: int) -> list[int]:
    """For each set of operands the labels of its product: those that something else has, or the output."""
    inside = [0] * (1 << len(own))
    for group in range(1, len(inside)):
        lowest = group & -group
        inside[group] = inside[group ^ lowest] | own[lowest.bit_length() - 1]
    return [labels & (inside[~group] | output) for group, labels in enumerate(inside)]


def _parts(group: int) -> list[int]:
    """The subsets of a set that hold its highest element, but not all: one of the two halves of each split."""
    high = 1 << (group.bit_length() - 1)
    rest = group ^ high
    found, part = list[int](), rest
    while part:
        part = (part - 1) & rest
        found.append(part | high)
    return found


class _Sizes(dict[int, float]):
    """The number of entries of a tensor with a set of labels."""

    def __init__(self, numbers: Mapping[Label, int]) -> None:
        super().__init__({0: 1.0})
        self.numbers = [max(n, 1) for n in numbers.values()]  # 0 would make everything free

    def __missing__(self, labels: int) -> float:
        lowest = labels & -labels
        self[labels] = found = self[labels ^ lowest] * self.numbers[lowest.bit_length() - 1]
        return found


def _seconds(a: int, b: int, out: int, sizes: _Sizes) -> float:
    """The estimated time of one pair: arithmetic or memory, whichever takes longer."""
    flops = sizes[a | b] * (1 if a | b == out else 2)
    return max(flops * (MATRIX if a & b & ~out else OTHER), MOVED * (sizes[a] + sizes[b] + sizes[out])) + STEP


def _ends(labels: Sequence[int]) -> set[int]:
    """The sets of labels in which a tensor begins or ends."""
    return {sum(set(part)) for k in range(len(labels) + 1) for part in (labels[:k], labels[k:])}


def _copied(a: int, b: int, kept: Sequence[int], ends: Mapping[int, set[int]], sizes: _Sizes) -> float:
    """The estimated time to copy operands in another order: those with a summed axis that is neither first nor last."""
    summed = kept[a] & kept[b] & ~kept[a | b]
    return sum(MOVED * sizes[kept[x]] for x in (a, b) if x in ends and summed not in ends[x])


def _positions(group: int, best: Mapping[int, tuple[float, Split]]) -> list[tuple[int, int]]:
    order: list[int] = []

    def walk(part: int) -> None:
        if part & (part - 1):
            for half in sorted(best[part][1]):
                walk(half)
            order.append(part)

    walk(group)
    left = [1 << k for k in range(group.bit_length())]
    found: list[tuple[int, int]] = []
    for part in order:
        i, j = sorted(left.index(half) for half in best[part][1])
        found.append((i, j))
        del left[j], left[i]
        left.append(part)
    return found
