"""The order of multiplication: the best of all orders for a few operands, by the estimate of
time; else opt_einsum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from math import isqrt, prod
from operator import or_
from typing import Any

from ..autodiff import forks
from ..errors import EinderivError, limits, near
from ..expression import Label, Labels
from .cost import Entries, costs, pair_copies, pair_seconds
from .tuning_constants import tuning

HQ = 20  # operands from which on opt_einsum's auto-hq is greedy; below it is dynamic programming
TREES = 100  # a product of odd numbers up to here is over any limit
OPTIMIZERS = (
    "auto",
    "auto-hq",
    "greedy",
    "random-greedy",
    "optimal",
    "dp",
    "dynamic-programming",
    "branch-all",
    "branch-2",
    "branch-1",
)

Split = tuple[int, int]
Path = Callable[..., Any]


def check_optimizer(optimize: Any) -> None:
    """Raise unless `optimize` is a known path search or a callable like opt_einsum's
    PathOptimizer.
    """
    if isinstance(optimize, str):
        if optimize not in OPTIMIZERS:
            raise EinderivError(
                f"no path search is called {optimize[:40]!r}; {near(optimize, OPTIMIZERS)}"
            )
    elif not callable(optimize):
        raise TypeError(
            "optimize must be the name of a path search or a PathOptimizer, not "
            f"{type(optimize).__name__}"
        )


def search(
    terms: Sequence[Labels], output: Labels, sizes: Mapping[Label, int], optimize: Any
) -> list[tuple[int, int]]:
    """The pairs to contract `terms` in, by positions; the result of a pair goes to the end."""
    if optimize == "dynamic-programming":  # the other name that opt_einsum has for it
        optimize = "dp"
    if len(terms) <= 2:
        return [(0, 1)] * (len(terms) - 1)
    # Labels by first appearance, so that products of one form have one path.
    names: dict[Label, int] = {}
    inputs: list[Labels] = []
    for labels in terms:
        inputs.append(tuple([names.setdefault(x, len(names)) for x in labels]))
    kept = tuple([names[x] for x in output])
    shape = tuple([max(sizes[x], 1) for x in names])  # a size of 0 would be free of cost
    # a caller's own search may vary
    find = _path if isinstance(optimize, str) else _path.__wrapped__
    return list(find(tuple(inputs), kept, shape, optimize, tuple(costs)))


@lru_cache(maxsize=1024)
def _path(
    inputs: tuple[Labels, ...], output: Labels, shape: tuple[int, ...], optimize: Any, _: object
) -> tuple[tuple[int, int], ...]:
    """A path for operands whose labels are the positions in `shape`; terms and trials repeat the
    same few.
    """
    if optimize == "auto" and len(inputs) <= tuning.exact_operands:
        return tuple(exact(inputs, output, dict(enumerate(shape))))
    if isinstance(optimize, str):
        check_orders(inputs, optimize)
    import opt_einsum as oe

    find: Path = oe.paths.get_path_fn(optimize) if isinstance(optimize, str) else optimize
    # These names are of a private range: they are looked up, never printed.
    names = [chr(0x4E00 + k) for k in range(len(shape))]
    sets = [frozenset(map(names.__getitem__, labels)) for labels in inputs]
    kept = frozenset(map(names.__getitem__, output))
    path = find(sets, kept, dict(zip(names, shape, strict=True)), None)
    pairs = _pairs(path, len(inputs))
    if optimize != "auto":
        return tuple(pairs)
    swept = _swept(inputs, output)
    time, swept_time = (_path_seconds(way, inputs, output, shape) for way in (pairs, swept))
    return tuple(pairs if time <= swept_time else swept)


def check_orders(inputs: Sequence[Labels], optimize: str) -> None:
    """Raise a LimitError for a search that would not end: no search of opt_einsum can be stopped.

    All orders of n operands are (2n - 3)!! binary trees; dynamic programming pairs the c connected
    sets of operands, about c² / 4 pairs of which are small enough.
    """
    n = len(inputs)
    orders = 0
    if optimize in ("optimal", "branch-all"):
        orders = prod(range(1, min(2 * n - 2, TREES), 2))
    elif optimize == "dp" or (optimize == "auto-hq" and n < HQ):
        orders = _connected(inputs, isqrt(4 * limits.orders) + 2) ** 2 // 4
    limits.check(
        "orders",
        orders,
        f"the path search {optimize!r} is for fewer than these {n} operands: "
        "optimize='auto' is for any number",
    )


def _connected(inputs: Sequence[Labels], most: int) -> int:
    """How many sets of operands hang together by their labels; counted up to `most`."""
    holders: dict[Label, int] = {}  # operands, as the bits of a number
    for k, labels in enumerate(inputs):
        for x in labels:
            holders[x] = holders.get(x, 0) | 1 << k
    neighbours = [reduce(or_, map(holders.__getitem__, labels), 0) for labels in inputs]
    # Sets grow from their lowest operand by sets of neighbours that were not met before: each is
    # found once.
    sets = [(neighbours[k], (2 << k) - 1) for k in range(len(inputs))]
    for around, met in sets:
        fresh = around & ~met
        added = fresh
        while added:  # all subsets of the fresh neighbours
            if len(sets) >= most:
                return most
            grown = around
            for k in range(added.bit_length()):
                if added >> k & 1:
                    grown |= neighbours[k]
            sets.append((grown, met | fresh))
            added = (added - 1) & fresh
    return len(sets)


def _swept(inputs: Sequence[Labels], output: Labels) -> list[tuple[int, int]]:
    """Greedy without sizes, which sweeps chains from their ends: what a greedy search with sizes
    can miss.
    """
    left = list(range(len(inputs)))
    pairs: list[tuple[int, int]] = []
    for k, (i, j, _) in enumerate(forks(inputs, output), len(inputs)):
        a, b = sorted((left.index(i), left.index(j)))
        pairs.append((a, b))
        del left[b], left[a]
        left.append(k)
    return pairs


def _path_seconds(
    pairs: Sequence[tuple[int, int]], inputs: Sequence[Labels], output: Labels, shape: Sequence[int]
) -> float:
    """The estimated time of a path."""
    entries, total = Entries(dict(enumerate(shape))), 0.0
    left: list[int] = []  # sets of labels, as the bits of a number
    uses = Counter(output)
    for labels in inputs:
        left.append(sum(1 << x for x in set(labels)))
        uses.update(set(labels))
    for i, j in pairs:
        b, a = left.pop(j), left.pop(i)
        kept = 0
        for x in range(len(shape)):
            used_here = (a >> x & 1) + (b >> x & 1)
            if not used_here:
                continue
            uses[x] -= used_here
            if uses[x] > 0:  # something else has it, or the output
                uses[x] += 1
                kept |= 1 << x
        left.append(kept)
        total += pair_seconds(a, b, kept, entries)
    return total


def _pairs(path: Iterable[Sequence[int]], count: int) -> list[tuple[int, int]]:
    """A path as pairs; a step on more operands is taken pair by pair. Checks a path that a
    caller's search made.
    """
    pairs: list[tuple[int, int]] = []
    for step in path:
        group = sorted({int(k) for k in step})
        if not group or group[0] < 0 or group[-1] >= count or len(group) != len(step):
            raise EinderivError(
                f"the path search gave the step {tuple(step)} for {count} operands left"
            )
        while len(group) > 1:
            i, j, *others = group
            pairs.append((i, j))
            count -= 1
            # The result goes to the end; the positions behind the two move up.
            moved = [k - (k > i) - (k > j) for k in others]
            group = sorted([*moved, count - 1])
    while count > 1:
        pairs.append((0, 1))
        count -= 1
    return pairs


def exact(
    terms: Sequence[Sequence[Label]], output: Sequence[Label], sizes: Mapping[Label, int]
) -> list[tuple[int, int]]:
    """The pairs to contract `terms` in, by positions; the result of a pair goes to the end.

    Sets of operands, and of labels, are the bits of whole numbers. The best order of a set is the
    best way to split it into two, each contracted in its best order.

    >>> exact([(0, 1), (1, 2), (2,)], (0,), {0: 50, 1: 60, 2: 70})
    [(1, 2), (0, 1)]
    """
    bits = {x: 1 << k for k, x in enumerate(sizes)}
    entries = Entries(sizes)
    own: list[int] = []  # the labels of each operand
    ends: dict[int, set[int]] = {}
    best: dict[int, tuple[float, Split]] = {}  # by sets of operands: time, and where to split
    for k, term in enumerate(terms):
        labels = [bits[x] for x in term]
        own.append(sum(set(labels)))
        ends[1 << k] = _ends(labels)
        best[1 << k] = 0.0, (0, 0)
    kept = _kept(own, sum({bits[x] for x in output}))
    for group in range(1, 1 << len(terms)):
        if group in best:
            continue
        ways: list[tuple[float, Split]] = []
        for a in _parts(group):
            b = group ^ a
            time = best[a][0] + best[b][0] + pair_seconds(kept[a], kept[b], kept[group], entries)
            ways.append((time + pair_copies(a, b, kept, ends, entries), (a, b)))
        best[group] = min(ways)
    return _positions((1 << len(terms)) - 1, best)


def _kept(own: Sequence[int], output: int) -> list[int]:
    """For each set of operands the labels of its product: those that something else has, or the
    output.
    """
    inside = [0] * (1 << len(own))
    for group in range(1, len(inside)):
        lowest = group & -group
        inside[group] = inside[group ^ lowest] | own[lowest.bit_length() - 1]
    return [labels & (inside[~group] | output) for group, labels in enumerate(inside)]


def _parts(group: int) -> list[int]:
    """The subsets of a set that hold its highest element, but not all: one of the two halves of
    each split.
    """
    high = 1 << (group.bit_length() - 1)
    rest = group ^ high
    halves: list[int] = []
    part = rest
    # (part - 1) & rest is the next smaller subset of `rest`; the last one is empty.
    while part:
        part = (part - 1) & rest
        halves.append(part | high)
    return halves


def _ends(labels: Sequence[int]) -> set[int]:
    """The sets of labels in which a tensor begins or ends."""
    ends: set[int] = set()
    for k in range(len(labels) + 1):
        ends.add(sum(set(labels[:k])))
        ends.add(sum(set(labels[k:])))
    return ends


def _positions(group: int, best: Mapping[int, tuple[float, Split]]) -> list[tuple[int, int]]:
    """The pairs of a tree of splits, innermost first, by positions among what is left."""
    order: list[int] = []

    def walk(part: int) -> None:
        if part & (part - 1):
            for half in sorted(best[part][1]):
                walk(half)
            order.append(part)

    walk(group)
    left = [1 << k for k in range(group.bit_length())]
    pairs: list[tuple[int, int]] = []
    for part in order:
        i, j = sorted(left.index(half) for half in best[part][1])
        pairs.append((i, j))
        del left[j], left[i]
        left.append(part)
    return pairs
