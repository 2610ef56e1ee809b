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

from ..expression import Einsum, Expr, Label, Slot, assemble

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
        self.uses = Counter(x for term in self.labels for x in term)
        self.uses.update(set(kept))  # a label of the output is never summed
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
        """The labels that the product of two parts keeps."""
        a, b = self.labels[i], self.labels[j]
        return {x for x in a | b if self.uses[x] > (x in a) + (x in b)}

    def propose(self, k: int, *, later: bool = False) -> None:
        """Put the pairs of part `k` with its neighbours on the heap."""
        near = dict.fromkeys(j for x in sorted(self.labels[k]) for j in list(self.where[x])[:NEAR])
        for j in near:
            if j != k and not (later and j < k):
                a, b = self.labels[k], self.labels[j]
                growth = 2 ** len(self.product(k, j)) - 2 ** len(a) - 2 ** len(b)
                heapq.heappush(self.heap, (growth, len(a | b), min(j, k), max(j, k)))

    def merge(self, i: int, j: int) -> None:
        """Two parts become one."""
        new, k = self.product(i, j), len(self.labels)
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
    below = list(node.slots)
    first, tree = len(below), forks(node.inputs, node.output)
    asked = set(wanted)
    for k, (i, j, kept) in enumerate(tree, first):
        if asked & {i, j}:
            asked.add(k)
        below.append(_joined(node, [below[i], below[j]], kept))
    root = len(below) - 1
    around: dict[int, Slot] = {root: (cotangent, node.output)}
    for k in range(root, first - 1, -1):
        i, j, _ = tree[k - first]
        for mine, other in ((i, j), (j, i)):
            if k in asked and mine in asked:
                around[mine] = _environment(
                    node, [around[k], below[other]], below[mine], whole=k == root
                )
    return {k: around[k][0] for k in wanted}


def _joined(node: Einsum, parts: list[Slot], kept: set[Label]) -> Slot:
    """The product of two parts, with those of their labels that something else needs."""
    labels = tuple(x for x in dict.fromkeys(x for _, ls in parts for x in ls) if x in kept)
    letters = {x: node.letters.get(x) for _, ls in parts for x in ls}
    axes = tuple(letters[x] for x in labels)
    return assemble(1, parts, labels, axes=axes, letters=letters), labels


def _environment(node: Einsum, parts: list[Slot], target: Slot, *, whole: bool) -> Slot:
    """What stands around `target`: what stands around its fork, times the other branch.

    A label that only the target has broadcasts. The coefficient, and sizes that count as numbers,
    belong to the root, which is on the way to every factor once.
    """
    operand, labels = target
    letters = {x: node.letters.get(x) for _, ls in (*parts, target) for x in ls}
    given = (*(node.given if whole else ()), *zip(labels, operand.sizes, strict=True))
    found = assemble(
        node.coefficient if whole else 1,
        parts,
        labels,
        axes=operand.axes,
        given=given,
        letters=letters,
    )
    return found, labels
