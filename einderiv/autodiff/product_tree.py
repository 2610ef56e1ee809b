"""A product of many factors as a tree of products of two, so that all its derivatives share their
work.

The derivative by one factor of n is the product of the other n - 1; all of them, written out, are
n² factors. Along a tree they are 3n products of two: first what stands below each fork, from the
leaves to the root, then what stands around it, from the root to the leaves. This is the two-pass
sum-product algorithm, as in Kschischang, Frey, Loeliger, "Factor graphs and the sum-product
algorithm", IEEE Trans. Inf. Theory 47 (2001).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Sequence

from ..expression import Einsum, Expr, Given, Label, Number, Slot, assemble

Fork = tuple[int, int, set[Label]]  # two parts by number, and the labels that their product keeps
NEAR = 8  # neighbours along one label that a part is tried with


def forks(terms: Sequence[Collection[Label]], kept: Collection[Label]) -> list[Fork]:
    """Which two parts to multiply next; their product gets the next free number. All sizes count as
    equal.

    >>> forks([(0, 1), (1, 2), (2, 3), (3, 4)], {0, 4})
    [(0, 1, {0, 2}), (2, 3, {2, 4}), (4, 5, {0, 4})]
    """
    search = _Pairing(terms, kept)
    while search.heap:
        *_, i, j = heapq.heappop(search.heap)
        if i in search.alive and j in search.alive:
            search.merge(i, j)
    rest = deque(sorted(search.alive))
    while len(rest) > 1:  # what shares no label: outer products, two by two
        search.merge(rest.popleft(), rest.popleft())
        rest.append(len(search.labels) - 1)
    return search.found


class _Pairing:
    """Greedy: the pair whose product has the fewest entries more than its parts; among equals the
    one with the fewest operations, so that a chain is swept from its ends; then the one written
    first.
    """

    def __init__(self, terms: Sequence[Collection[Label]], kept: Collection[Label]) -> None:
        self.labels = [set(term) for term in terms]
        # how many parts have a label; the output counts as one, for its labels are never summed
        self.uses = Counter(set(kept))
        for term in self.labels:
            self.uses.update(term)
        self.where: dict[Label, dict[int, None]] = defaultdict(dict)
        self.alive = set(range(len(terms)))
        self.found: list[Fork] = []
        self.heap: list[tuple[int, int, int, int]] = []
        for k, term in enumerate(self.labels):
            for x in sorted(term):
                self.where[x][k] = None
        for k in range(len(terms)):
            self.propose(k, later=True)

    def product(self, i: int, j: int) -> set[Label]:
        """The labels that the product of two parts keeps: those that something else has."""
        first = self.labels[i]
        second = self.labels[j]
        uses = self.uses
        shared = {x for x in first & second if uses[x] > 2}
        return shared | {x for x in first ^ second if uses[x] > 1}

    def propose(self, k: int, *, later: bool = False) -> None:
        """Put the pairs of part `k` with its neighbours on the heap."""
        neighbours: dict[int, None] = {}
        for x in sorted(self.labels[k]):
            neighbours |= dict.fromkeys(list(self.where[x])[:NEAR])
        mine = self.labels[k]
        for j in neighbours:
            if j == k or (later and j < k):
                continue
            other = self.labels[j]
            # With all sizes 2: entries more than before, and labels that the product loops over.
            growth = 2 ** len(self.product(k, j)) - 2 ** len(mine) - 2 ** len(other)
            heapq.heappush(self.heap, (growth, len(mine | other), min(j, k), max(j, k)))

    def merge(self, i: int, j: int) -> None:
        """Two parts become one."""
        new = self.product(i, j)
        k = len(self.labels)
        for part in (i, j):
            for x in self.labels[part]:
                self.uses[x] -= 1
                self.where[x].pop(part, None)
        for x in sorted(new):
            self.uses[x] += 1
            self.where[x][k] = None
        self.labels.append(new)
        self.alive -= {i, j}
        self.alive.add(k)
        self.found.append((i, j, new))
        self.propose(k)


def environments(node: Einsum, cotangent: Expr, wanted: Collection[int]) -> dict[int, Expr]:
    """For each wanted factor the product of all the others and of `cotangent`, which has the
    axes of `node`.
    """
    below = list(node.slots)  # the factors, and behind them the product of each fork
    first = len(below)
    tree = forks(node.inputs, node.output)
    asked = set(wanted)  # the wanted factors, and the forks above them
    # From the leaves to the root: what stands below each fork.
    for k, (i, j, kept) in enumerate(tree, first):
        if i in asked or j in asked:
            asked.add(k)
        below.append(_joined(node, [below[i], below[j]], kept))
    # From the root to the leaves: what stands around each branch.
    root = len(below) - 1
    around: dict[int, Slot] = {root: (cotangent, node.output)}
    for k in range(root, first - 1, -1):
        i, j, _ = tree[k - first]
        if i in asked:
            around[i] = _environment(node, [around[k], below[j]], below[i], is_root=k == root)
        if j in asked:
            around[j] = _environment(node, [around[k], below[i]], below[j], is_root=k == root)
    return {k: around[k][0] for k in wanted}


def _joined(node: Einsum, parts: list[Slot], kept: set[Label]) -> Slot:
    """The product of two parts, with those of their labels that something else needs."""
    letters = _letters(node, parts)
    labels = tuple([label for label in letters if label in kept])
    axes = tuple([letters[label] for label in labels])
    return assemble(1, parts, labels, axes=axes, letters=letters), labels


def _letters(node: Einsum, parts: list[Slot]) -> dict[Label, str | None]:
    """The letters of the labels that parts have, in written order."""
    letters: dict[Label, str | None] = {}
    for _, labels in parts:
        for label in labels:
            letters[label] = node.letters.get(label)
    return letters


def _environment(node: Einsum, parts: list[Slot], target: Slot, *, is_root: bool) -> Slot:
    """What stands around `target`: what stands around its fork, times the other branch.

    A label that only the target has broadcasts. The coefficient, and sizes that count as numbers,
    belong to the root, which is on the way to every factor once.
    """
    operand, labels = target
    coefficient: Number = 1
    given: Given = tuple(zip(labels, operand.axis_sizes, strict=True))
    if is_root:
        coefficient = node.coefficient
        given = (*node.given, *given)
    letters = _letters(node, [*parts, target])
    environment = assemble(
        coefficient, parts, labels, axes=operand.axes, given=given, letters=letters
    )
    return environment, labels
