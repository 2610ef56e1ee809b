"""The order of multiplication of many operands: random greedy orders, the best of them annealed,
then improved part by part.

A greedy order multiplies, again and again, the pair whose product is small against its operands. On
networks with many loops one greedy order may take a hundred times longer than the best one; the
best of several with some noise does not. It is changed at random, ``(ab)c`` to ``(ac)b``, ever less
to its disadvantage. Then each part of the tree with few branches is replaced by the best tree of
the same branches, which dynamic programming finds, as long as that helps.

Work is counted, and no clock is read unless a caller gives a time, so that plans are reproducible.
Sources: Gray, Kourtis, "Hyper-optimized tensor network contraction", Quantum 5, 410 (2021), of the
first and the last; Kalachev, Panteleev, Yung, "Multi-tensor contraction for XEB verification of
quantum circuits", arXiv 2108.05665 (2021), of annealing.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import cycle
from random import Random

from ..expression import Labels
from .cost import Entries, costs, pair_seconds

WEIGHTS, TEMPERATURES = (0.3, 3.0), (0.01, 1.0)  # of greedy orders, on a logarithmic scale
SMALL, LARGE = 6, 8  # branches of the parts that are replaced: 3ⁿ / 2 splits of n
HOT, COLD = 2.0, 10.0  # powers of a ratio of times that are its chance, first and last
GREEDY, ANNEALED = 0.2, 0.85  # of the work of a round: until then greedy trees, then annealing
SECONDS = 0.7  # of a round, where a caller gives a time
ROUNDS = 0.9  # part of the time for rounds
UNCOUNTED = 0.99  # part of the overhead of a step, which all trees have, that annealing leaves out
Pairs = list[tuple[int, int]]
NOISES = 4096  # numbers that are drawn once, and walked through
NEAR = 8  # holders of one label that are neighbours of each other; of more, each of the next
# Units of work: a pair that is weighed or made, a split that is looked at, a change that is tried.
CANDIDATE, SPLIT, CHANGE = 10, 1, 20


class Network:
    """Operands as sets of labels, the bits of whole numbers, and who shares a label with whom."""

    def __init__(self, inputs: Sequence[Labels], output: Labels, shape: Sequence[int]) -> None:
        self.entries = Entries(shape)
        self.operands = [sum({1 << x for x in labels}) for labels in inputs]
        self.output = sum({1 << x for x in output})
        holders: dict[int, list[int]] = {}
        for k, labels in enumerate(inputs):
            for x in set(labels):
                holders.setdefault(x, []).append(k)
        self.uses: dict[int, int] = {}  # of labels that more than two operands have
        self.single = self.double = 0  # labels that one operand has, and no output; or two
        self.neighbours: list[set[int]] = [set() for _ in inputs]
        for x, having in holders.items():
            bit = 1 << x
            if not self.output & bit:
                self.single |= bit if len(having) == 1 else 0
                self.double |= bit if len(having) == 2 else 0
                if len(having) > 2:
                    self.uses[bit] = len(having)
            reach = NEAR if len(having) <= NEAR else 1
            for p, k in enumerate(having):
                for other in having[p + 1 : p + 1 + reach]:
                    self.neighbours[k].add(other)
                    self.neighbours[other].add(k)


class Tree:
    """Branches by number: the operands, then a fork for each product of two."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.count = len(network.operands)
        self.labels = list(network.operands)
        self.parts: dict[int, tuple[int, int]] = {}
        self.seconds: dict[int, float] = {}  # of each fork

    def fork(self, i: int, j: int, labels: int) -> int:
        """The product of two branches; its number."""
        k = len(self.labels)
        self.labels.append(labels)
        self.parts[k] = i, j
        self.seconds[k] = pair_seconds(self.labels[i], self.labels[j], labels, self.network.entries)
        return k

    @property
    def root(self) -> int:
        return len(self.labels) - 1

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    def copy(self) -> Tree:
        """The same tree, to be changed."""
        other = Tree(self.network)
        other.labels = list(self.labels)
        other.parts, other.seconds = dict(self.parts), dict(self.seconds)
        return other

    def order(self) -> list[int]:
        """The forks, what is below each before it."""
        forks: list[int] = []
        waiting = [self.root]
        while waiting:
            k = waiting.pop()
            if k >= self.count:
                forks.append(k)
                waiting += self.parts[k]
        return forks[::-1]

    def pairs(self) -> Pairs:
        """The forks as positions among what is left; the product of a pair goes to the end."""
        numbers = {k: k for k in range(self.count)}
        forks: list[tuple[int, int]] = []
        for k in self.order():
            i, j = self.parts[k]
            forks.append((numbers[i], numbers[j]))
            numbers[k] = len(numbers)
        return positions(self.count, forks)


def positions(count: int, forks: Iterable[tuple[int, int]]) -> Pairs:
    """Pairs of things by number as pairs by position among what is left; what a pair becomes has
    the next number, and goes to the end.

    >>> positions(4, [(2, 3), (0, 1), (4, 5)])
    [(2, 3), (0, 1), (0, 1)]
    """
    left = list(range(count))  # in order, for numbers only grow
    pairs: Pairs = []
    for k, (i, j) in enumerate(forks, count):
        first, second = min(i, j), max(i, j)
        a, b = bisect_left(left, first), bisect_left(left, second)
        pairs.append((a, b))
        del left[b], left[a]
        left.append(k)
    return pairs


class Allowance:
    """How much a search may do: units of work, or for some seconds."""

    def __init__(self, work: float = math.inf, seconds: float = math.inf) -> None:
        self.work = work
        self.seconds = seconds
        self.spent = 0.0
        self.start = time.perf_counter() if seconds < math.inf else 0.0

    def spend(self, work: float) -> None:
        self.spent += work

    @property
    def part(self) -> float:
        """The part of it that is spent."""
        part = self.spent / self.work if self.work else 1.0
        if self.seconds < math.inf:
            part = max(part, (time.perf_counter() - self.start) / self.seconds)
        return part

    @property
    def left(self) -> bool:
        return self.part < 1


def searched(
    inputs: Sequence[Labels], output: Labels, shape: Sequence[int], work: float
) -> tuple[Pairs, float]:
    """The best order that so many units of work find, and its estimated time."""
    tree = _round(Network(inputs, output, shape), Random(0), Allowance(work))
    return tree.pairs(), tree.total


def searched_for(
    inputs: Sequence[Labels], output: Labels, shape: Sequence[int], seconds: float
) -> tuple[Pairs, float]:
    """The best order that is found in so many seconds, and its estimated time."""
    network = Network(inputs, output, shape)
    everything = Allowance(seconds=seconds)
    random = Random(0)
    rounds = max(1, round(seconds * ROUNDS / SECONDS))
    best = _round(network, random, Allowance(seconds=seconds * ROUNDS / rounds))
    for _ in range(rounds - 1):
        tree = _round(network, random, Allowance(seconds=seconds * ROUNDS / rounds))
        if tree.total < best.total:
            best = tree
    for leaves in (LARGE, LARGE + 1, LARGE + 2):
        improve(best, leaves, everything)
    return best.pairs(), best.total


def _round(network: Network, random: Random, allowance: Allowance) -> Tree:
    """Greedy trees, the best of them annealed, and improved with what is left of the allowance."""
    noises = [-math.log(-math.log(random.random() or 0.5)) for _ in range(NOISES)]  # Gumbel's
    noise = cycle(noises).__next__
    weight, temperature = 1.0, 0.0  # the first one is plain
    best: Tree | None = None
    while best is None or allowance.part < GREEDY:
        tree, work = greedy(network, weight, temperature, noise)
        allowance.spend(work)
        if best is None or tree.total < best.total:
            best = tree
        weight, temperature = _between(random, WEIGHTS), _between(random, TEMPERATURES)
    anneal(best, random, allowance)
    improve(best, SMALL, allowance)
    return best


def _between(random: Random, ends: tuple[float, float]) -> float:
    """A number between two, evenly on a logarithmic scale."""
    low, high = ends
    return math.exp(random.uniform(math.log(low), math.log(high)))


def greedy(
    network: Network, weight: float, temperature: float, noise: Callable[[], float]
) -> tuple[Tree, int]:
    """A tree made from its leaves on, and the work that it took.

    The pair is next whose product has the fewest entries, over `weight`, more than its operands
    have, times `weight`; on a logarithmic scale, with noise times the `temperature`.
    """
    tree = Tree(network)
    labels, entries = tree.labels, network.entries
    near = [set(others) for others in network.neighbours]
    uses = dict(network.uses)
    single, double = network.single, network.double
    candidates = 0

    def badness(i: int, j: int) -> float:
        a, b = labels[i], labels[j]
        gone = a & b & double | single
        growth = entries[(a | b) & ~gone] / weight - (entries[a] + entries[b]) * weight
        if growth != growth:
            return math.inf  # infinitely many in both: nothing is gained
        size = abs(growth)
        scale = math.copysign(math.log(size), growth) if size > 1 else growth
        return scale - temperature * noise()

    heap: list[tuple[float, int, int]] = []
    for i, others in enumerate(near):
        for j in others:
            if i < j:
                heap.append((badness(i, j), i, j))
    heapify(heap)
    candidates += len(heap)
    alive = set(range(tree.count))
    while heap:
        _, i, j = heappop(heap)
        if i not in alive or j not in alive:
            continue
        a, b = labels[i], labels[j]
        shared = a & b
        k = tree.fork(i, j, (a | b) & ~(shared & double | single))
        if uses and shared:
            single, double = _counted(uses, shared, single, double)
        around = near[i] | near[j]
        around -= {i, j}
        near.append(around)
        alive -= {i, j}
        alive.add(k)
        for other in around:
            others = near[other]
            others.discard(i)
            others.discard(j)
            others.add(k)
            heappush(heap, (badness(other, k), other, k))
        candidates += len(around)
    # What shares no label: outer products, the smallest first.
    rest = [(entries[labels[k]], k) for k in alive]
    heapify(rest)
    while len(rest) > 1:
        i, j = heappop(rest)[1], heappop(rest)[1]
        k = tree.fork(i, j, (labels[i] | labels[j]) & ~single)
        heappush(rest, (entries[labels[k]], k))
    return tree, (candidates + len(tree.parts)) * CANDIDATE


def _counted(uses: dict[int, int], shared: int, single: int, double: int) -> tuple[int, int]:
    """The labels that one or two branches have, after two branches with `shared` ones became
    one.
    """
    for bit in [bit for bit in uses if bit & shared]:
        uses[bit] -= 1
        if uses[bit] == 2:
            del uses[bit]
            double |= bit
    return single, double


def anneal(tree: Tree, random: Random, allowance: Allowance) -> None:
    """Change a tree at random, as ``(ab)c`` to ``(ac)b``: always where that takes less time, and
    ever more rarely where it takes more. The best tree that was met is left.
    """
    chance = random.random
    entries, labels, parts, count = tree.network.entries, tree.labels, tree.parts, tree.count
    uncounted = UNCOUNTED * costs.step
    seconds = {k: time - uncounted for k, time in tree.seconds.items()}
    best = sum(seconds.values())
    kept = labels[:], parts.copy(), seconds.copy()
    begin = allowance.part
    while (part := allowance.part) < ANNEALED:
        power = HOT * (COLD / HOT) ** ((part - begin) / (ANNEALED - begin))
        for k, (first, second) in parts.items():
            if first >= count and (second < count or chance() < 0.5):
                pair, c = first, second
            elif second >= count:
                pair, c = second, first
            else:
                continue
            a, b = parts[pair] if chance() < 0.5 else parts[pair][::-1]
            # What b has, or something outside, is kept in the product of a and c.
            fresh = (labels[a] | labels[c]) & (labels[b] | labels[k])
            before = seconds[pair] + seconds[k]
            inner = pair_seconds(labels[a], labels[c], fresh, entries) - uncounted
            outer = pair_seconds(fresh, labels[b], labels[k], entries) - uncounted
            after = inner + outer
            if after <= before or chance() < (before / after) ** power:
                parts[pair], parts[k] = (a, c), (pair, b)
                seconds[pair], seconds[k] = inner, outer
                labels[pair] = fresh
        allowance.spend(CHANGE * len(parts))
        total = sum(seconds.values())
        if total < best:
            best = total
            kept = labels[:], parts.copy(), seconds.copy()
    tree.labels, tree.parts, seconds = kept
    tree.seconds = {k: time + uncounted for k, time in seconds.items()}


def improve(tree: Tree, leaves: int, allowance: Allowance) -> None:
    """Replace each part of a tree of at most so many branches by the best tree of them, until
    nothing changes or no more is allowed.
    """
    changed = True
    while changed and allowance.left:
        changed = False
        # the most expensive places first: what surrounds them decides
        for root in sorted(tree.order(), key=tree.seconds.__getitem__, reverse=True):
            if not allowance.left:
                break
            branches, forks = _part(tree, root, leaves)
            if len(branches) < 3:
                continue
            before = sum([tree.seconds[k] for k in forks])
            found, looked = _best(tree, branches, tree.labels[root], before * (1 - 1e-9))
            allowance.spend(looked)
            if found:
                _replace(tree, branches, forks, found)
                changed = True


def _part(tree: Tree, root: int, leaves: int) -> tuple[list[int], list[int]]:
    """The branches of a part of the tree below `root`, and its forks: the largest is opened
    first.
    """
    entries, labels, parts = tree.network.entries, tree.labels, tree.parts
    forks = [root]
    closed: list[int] = []
    openable: list[tuple[float, int]] = []
    for k in parts[root]:
        _put(k, tree, openable, closed)
    while openable and len(openable) + len(closed) < leaves:
        _, k = heappop(openable)
        forks.append(k)
        for part in parts[k]:
            if part < tree.count:
                closed.append(part)
            else:
                heappush(openable, (-entries[labels[part]], part))
    return closed + [k for _, k in openable], forks


def _put(k: int, tree: Tree, openable: list[tuple[float, int]], closed: list[int]) -> None:
    if k < tree.count:
        closed.append(k)
    else:
        heappush(openable, (-tree.network.entries[tree.labels[k]], k))


@lru_cache(maxsize=16)
def _splits(count: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """All sets of at least two of so many things, as bits, smaller ones first; each with the ways
    to split it in two.
    """
    found: list[tuple[int, list[tuple[int, int]]]] = []
    for group in range(1, 1 << count):
        lowest = group & -group
        rest = group ^ lowest
        part = rest
        ways: list[tuple[int, int]] = []
        while part:
            ways.append((part, group ^ part))
            part = (part - 1) & rest
        if ways:
            found.append((group, ways))
    return found


def _best(
    tree: Tree, branches: Sequence[int], output: int, bound: float
) -> tuple[dict[int, tuple[int, int, int, float]], float]:
    """The best tree of some branches, if it takes less than `bound`: how each set of them, as bits,
    is split, its labels and its time; and how much was looked at.
    """
    entries = tree.network.entries
    kept = _kept([tree.labels[branch] for branch in branches], output)
    full = len(kept) - 1
    cost = [math.inf] * (full + 1)
    for k in range(len(branches)):
        cost[1 << k] = 0.0
    where: dict[int, tuple[int, int]] = {}
    looked = 0.0
    for group, ways in _splits(len(branches)):
        out = kept[group]
        looked += SPLIT * len(ways)
        least = bound
        for a, b in ways:
            total = cost[a] + cost[b]
            if total < least:
                looked += CANDIDATE
                total += pair_seconds(kept[a], kept[b], out, entries)
                if total < least:
                    least = total
                    where[group] = a, b
        if group in where:
            cost[group] = least
    if full not in where:
        return {}, looked
    found: dict[int, tuple[int, int, int, float]] = {}
    waiting = [full]
    while waiting:
        group = waiting.pop()
        if group & (group - 1):
            a, b = where[group]
            found[group] = a, b, kept[group], cost[group] - cost[a] - cost[b]
            waiting += [a, b]
    return found, looked


def _kept(branches: Sequence[int], output: int) -> list[int]:
    """The labels of the product of each set of branches: those that another one has, or the
    output.
    """
    full = (1 << len(branches)) - 1
    inside = [0] * (full + 1)
    for k, labels in enumerate(branches):
        for group in range(1 << k):
            inside[1 << k | group] = inside[group] | labels
    kept = [inside[group] & (inside[full ^ group] | output) for group in range(full + 1)]
    for k, labels in enumerate(branches):
        kept[1 << k] = labels  # what only one has is summed when it is multiplied
    kept[full] = output
    return kept


def _replace(
    tree: Tree,
    branches: Sequence[int],
    forks: Sequence[int],
    found: dict[int, tuple[int, int, int, float]],
) -> None:
    """The new forks under the numbers of the old ones, the root keeps its number."""
    numbers = dict(zip(found, forks, strict=True))  # the full set comes first, and so does the root
    numbers.update({1 << k: branch for k, branch in enumerate(branches)})
    for group, (a, b, labels, seconds) in found.items():
        k = numbers[group]
        tree.parts[k] = numbers[a], numbers[b]
        tree.labels[k] = labels
        tree.seconds[k] = seconds
