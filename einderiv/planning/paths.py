"""The order of multiplication: the best of all orders for a few operands, by the estimate of time;
for more the best of opt_einsum's and, where they take long, of those of :mod:`.order_search`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import lru_cache, reduce
from inspect import signature
from math import inf, isqrt, prod
from numbers import Real
from operator import or_
from time import perf_counter
from typing import Any

from ..autodiff import forks
from ..errors import EinderivError, limits, near
from ..expression import Label, Labels
from .cost import Entries, costs, pair_copies, pair_seconds
from .order_search import positions, searched, searched_for
from .tuning_constants import tuning

HQ = 20  # operands from which on opt_einsum's auto-hq is greedy; below it is dynamic programming
LEAST_WORK = 0.06  # part of the work of a search that is worth beginning
PRODUCTS = 4  # in one plan, whose order is searched with all the work that is set for one
SHARE = 0.8  # of the seconds left to a plan that the search for one product takes
LEAST_SECONDS = 0.01  # for which a search by time is no more than the plain one
TREES = 100  # a product of odd numbers up to here is over any limit
#: the names of opt_einsum, and what each is another name of
OPTIMIZERS = {
    "auto": "auto",
    "auto-hq": "auto-hq",
    "greedy": "greedy",
    "eager": "greedy",
    "opportunistic": "greedy",
    "random-greedy": "random-greedy",
    "random-greedy-128": "random-greedy-128",
    "optimal": "optimal",
    "dp": "dp",
    "dynamic-programming": "dp",
    "branch-all": "branch-all",
    "branch-2": "branch-2",
    "branch-1": "branch-1",
}
#: classes of opt_einsum and cotengra whose searches remember the best of all that they were asked
REMEMBERING = {"BranchBound", "HyperOptimizer", "RandomGreedyOptimizer", "RandomOptimizer"}
#: where symbols of labels begin: single characters, which is what cotengra's compiled searches take
SYMBOLS = 0x4E00

Split = tuple[int, int]
PairTuple = tuple[tuple[int, int], ...]
Path = Callable[..., Any]


def check_optimizer(optimize: Any) -> None:
    """Raise unless `optimize` is a known path search, a number of seconds, or a callable like
    opt_einsum's PathOptimizer.
    """
    if isinstance(optimize, str):
        if optimize not in OPTIMIZERS:
            raise EinderivError(
                f"no path search is called {optimize[:40]!r}; {near(optimize, OPTIMIZERS)}"
            )
    elif _is_time(optimize):
        if not 0 < optimize < inf:
            raise EinderivError(
                "optimize as a number is the seconds that the path search may take: positive and "
                f"finite, not {str(optimize)[:40]}"
            )
    elif not callable(optimize):
        raise TypeError(
            "optimize must be the name of a path search, a number of seconds or a PathOptimizer, "
            f"not {type(optimize).__name__}"
        )


def _is_time(optimize: Any) -> bool:
    return isinstance(optimize, Real) and not isinstance(optimize, bool)


class _Asked:
    """The path search of a plan, the work and the seconds that are left to it, and what it has
    found.
    """

    def __init__(self, optimize: Any) -> None:
        self.optimize = optimize
        self.work = PRODUCTS * tuning.path_work
        self.seconds = float(optimize) if _is_time(optimize) else 0.0
        self.found: dict[object, PairTuple] = {}
        self.used = False

    def said(self) -> list[str]:
        """Whose orders a plan has, where they are not the default ones."""
        optimize = self.optimize
        if not self.used or optimize == "auto":
            return []
        if isinstance(optimize, str):
            return [f"order: {OPTIMIZERS[optimize]}, of opt_einsum"]
        if _is_time(optimize):
            return [f"order: searched for up to {float(optimize):g} s"]
        named = optimize if hasattr(optimize, "__qualname__") else type(optimize)
        module = str(getattr(named, "__module__", "")).partition(".")[0]
        return [f"order: {named.__qualname__}" + (f", of {module}" if module else "")]


_asked: ContextVar[_Asked | None] = ContextVar("asked", default=None)


@contextmanager
def asked(optimize: Any) -> Iterator[_Asked]:
    """The path search for everything that is planned inside a ``with`` block, unless it names
    another; seconds are for all of it together.
    """
    plan = _Asked(optimize)
    before = _asked.set(plan)
    try:
        yield plan
    finally:
        _asked.reset(before)


def search(
    terms: Sequence[Labels], output: Labels, sizes: Mapping[Label, int], optimize: Any = None
) -> list[tuple[int, int]]:
    """The pairs to contract `terms` in, by positions; the result of a pair goes to the end. By
    default the search is what the plan that is made :func:`asked` for.
    """
    if len(terms) <= 2:
        return [(0, 1)] * (len(terms) - 1)
    plan = _asked.get()
    if optimize is None:
        optimize = "auto" if plan is None else plan.optimize
    # Labels by first appearance, so that products of one form have one path.
    names: dict[Label, int] = {}
    inputs: list[Labels] = []
    for labels in terms:
        inputs.append(tuple([names.setdefault(x, len(names)) for x in labels]))
    kept = tuple([names[x] for x in output])
    shape = tuple([max(sizes[x], 1) for x in names])  # a size of 0 would be free of cost
    key = tuple(inputs), kept, shape
    if plan is None or plan.optimize is not optimize:
        plan = _Asked(optimize)
    plan.used = True
    if key not in plan.found:
        if optimize == "auto":
            plan.found[key] = _counted(*key, plan)
        elif isinstance(optimize, str):
            plan.found[key] = _named(*key, OPTIMIZERS[optimize])
        elif _is_time(optimize):
            plan.found[key] = _timed(*key, plan)
        else:
            plan.found[key] = _callers(*key, optimize)
    return list(plan.found[key])


def _counted(
    inputs: tuple[Labels, ...], output: Labels, shape: tuple[int, ...], plan: _Asked
) -> PairTuple:
    """The path that is found with a share of the work that is left."""
    work = min(tuning.path_work, plan.work / 2)
    pairs, done = _path(inputs, output, shape, work, tuple(costs))
    plan.work -= done
    return pairs


def _timed(
    inputs: tuple[Labels, ...], output: Labels, shape: tuple[int, ...], plan: _Asked
) -> PairTuple:
    """The path that is found in most of the seconds that are left; the plain one where that is
    better, or cannot be.
    """
    plain, _ = _path(inputs, output, shape, tuning.path_work, tuple(costs))
    seconds = _path_seconds(plain, inputs, output, shape)
    spare = _spare_seconds(seconds, inputs, output, shape)
    if len(inputs) <= tuning.exact_operands or not spare > 0 or plan.seconds < LEAST_SECONDS:
        return plain
    start = perf_counter()
    pairs, found = searched_for(inputs, output, shape, SHARE * plan.seconds)
    plan.seconds -= perf_counter() - start
    return tuple(pairs) if found < seconds else plain


def _callers(
    inputs: tuple[Labels, ...], output: Labels, shape: tuple[int, ...], find: Path
) -> PairTuple:
    """The path of a callable like opt_einsum's PathOptimizer."""
    names = _symbols(len(shape))
    sets = [frozenset(map(names.__getitem__, labels)) for labels in inputs]
    kept = frozenset(map(names.__getitem__, output))
    lengths = dict(zip(names, shape, strict=True))
    path = _unused(find)(sets, kept, lengths, *([None] if _takes_four(find) else []))
    return tuple(_pairs(path, len(inputs)))


def _symbols(count: int) -> list[str]:
    """Different characters: they are looked up, never printed."""
    beyond = 0xD800 - SYMBOLS  # the surrogates, of which no text may be
    return [chr(SYMBOLS + k + (0x800 if k >= beyond else 0)) for k in range(count)]


def _takes_four(find: Path) -> bool:
    """Does a search take a limit of memory by position, as those of opt_einsum do?"""
    try:
        signature(find).bind(None, None, None, None)
    except TypeError:
        return False
    except ValueError:  # a built-in function says nothing of its arguments
        return True
    return True


def _unused(find: Path) -> Path:
    """A search as it was given, for one more product: a copy, where it would remember this one."""
    classes = {f"{c.__module__.partition('.')[0]}.{c.__name__}" for c in type(find).__mro__}
    known = {f"{library}.{c}" for library in ("opt_einsum", "cotengra") for c in REMEMBERING}
    if not classes & known:
        return find
    fresh = copy(find)
    for name, value in vars(find).items():
        if isinstance(value, (dict, list, set)):
            setattr(fresh, name, copy(value))
    return fresh


@lru_cache(maxsize=1024)
def _named(
    inputs: tuple[Labels, ...], output: Labels, shape: tuple[int, ...], optimize: str
) -> PairTuple:
    """The path of a search of opt_einsum's."""
    check_orders(inputs, optimize)
    import opt_einsum as oe

    return _callers(inputs, output, shape, oe.paths.get_path_fn(optimize))


@lru_cache(maxsize=1024)
def _path(
    inputs: tuple[Labels, ...], output: Labels, shape: tuple[int, ...], work: float, _: object
) -> tuple[PairTuple, float]:
    """A path for operands whose labels are the positions in `shape`, and the work that it took;
    terms and trials repeat the same few.
    """
    if len(inputs) <= tuning.exact_operands:
        return tuple(exact(inputs, output, dict(enumerate(shape)))), 0.0
    pairs = _named(inputs, output, shape, "auto")
    time = _path_seconds(pairs, inputs, output, shape)
    swept = tuple(size_free(inputs, output))
    swept_time = _path_seconds(swept, inputs, output, shape)
    if swept_time < time:
        pairs, time = swept, swept_time
    # A search costs time too: as much as there may be to gain, and no more than is set.
    spare = _spare_seconds(time, inputs, output, shape)
    if len(inputs) < tuning.searched_operands or not spare > tuning.often_seconds:
        return pairs, 0.0
    work = min(work, tuning.path_work * max(spare / tuning.path_seconds, LEAST_WORK))
    found, found_time = searched(inputs, output, shape, work)
    if time - found_time > (1 - tuning.path_gain) * spare:
        pairs = tuple(found)
    return pairs, work


def _spare_seconds(
    seconds: float, inputs: Sequence[Labels], output: Labels, shape: Sequence[int]
) -> float:
    """What a path takes beyond what each does: its steps, reading the operands, and writing the
    result. No number where both are infinite.
    """
    entries = Entries(shape)
    moved = 0.0
    for labels in (*inputs, output):
        moved += entries[sum(1 << x for x in set(labels))]
    return seconds - (len(inputs) - 1) * costs.step - 8 * costs.byte * moved


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


def size_free(inputs: Sequence[Labels], output: Labels) -> list[tuple[int, int]]:
    """Greedy without sizes, which sweeps chains from their ends: what a greedy search with sizes
    can miss.
    """
    return positions(len(inputs), [(i, j) for i, j, _ in forks(inputs, output)])


def order_seconds(
    terms: Sequence[Labels],
    output: Labels,
    sizes: Mapping[Label, int],
    pairs: Sequence[tuple[int, int]],
) -> float:
    """The estimated time of `terms` multiplied in the order `pairs`."""
    names = {x: k for k, x in enumerate(dict.fromkeys(x for labels in terms for x in labels))}
    inputs = [tuple([names[x] for x in labels]) for labels in terms]
    shape = [max(sizes[x], 1) for x in names]
    return _path_seconds(pairs, inputs, [names[x] for x in output if x in names], shape)


def _path_seconds(
    pairs: Sequence[tuple[int, int]],
    inputs: Sequence[Labels],
    output: Sequence[Label],
    shape: Sequence[int],
) -> float:
    """The estimated time of a path."""
    entries, total = Entries(shape), 0.0
    left: list[int] = []  # sets of labels, as the bits of a number
    uses = Counter(output)
    for labels in inputs:
        left.append(sum(1 << x for x in set(labels)))
        uses.update(set(labels))
    for i, j in pairs:
        b, a = left.pop(j), left.pop(i)
        kept = 0
        both = a & b
        rest = a | b
        while rest:
            bit = rest & -rest
            rest ^= bit
            x = bit.bit_length() - 1
            uses[x] -= 2 if both & bit else 1
            if uses[x] > 0:  # something else has it, or the output
                uses[x] += 1
                kept |= bit
        left.append(kept)
        total += pair_seconds(a, b, kept, entries)
    return total


def _pairs(path: Iterable[Sequence[int]], count: int) -> list[tuple[int, int]]:
    """A path as pairs; a step on more operands is taken pair by pair, one on a single operand moves
    it to the end, and what a path leaves is multiplied from the first on. Checks a path that a
    caller's search made.
    """
    left = list(range(count))  # by number: a product has the next one, and goes to the end
    forks: list[tuple[int, int]] = []
    for step in path:
        group = sorted({int(k) for k in step})
        if not group or group[0] < 0 or group[-1] >= len(left) or len(group) != len(step):
            raise EinderivError(
                f"the path search gave the step {tuple(step)} for {len(left)} operands left"
            )
        product, *others = [left[k] for k in group]
        left = [number for k, number in enumerate(left) if k not in group]
        for other in others:
            forks.append((product, other))
            product = count + len(forks) - 1
        left.append(product)
    while len(left) > 1:
        forks.append((left[0], left[1]))
        left = [*left[2:], count + len(forks) - 1]
    return positions(count, forks)


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
    entries = Entries(list(sizes.values()))
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
