"""The best order of a few operands, against all orders there are."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import pytest

import einderiv as ed
from einderiv.errors import limits
from einderiv.planning import costs, search, tuning
from einderiv.planning.paths import _connected, exact

Labels = tuple[int, ...]
Term = Labels | frozenset[int]  # an operand, or what a step has made, whose order is free


def cost(
    terms: Sequence[Term], output: Labels, numbers: dict[int, int], i: int, j: int
) -> tuple[float, Term]:
    """The estimate for one pair, from its definition; and the labels that are left."""
    others = {x for k, term in enumerate(terms) if k not in (i, j) for x in term}.union(output)
    union = set(terms[i]) | set(terms[j])
    out = union & others

    def entries(labels: set[int]) -> float:
        found = 1.0
        for x in labels:
            found *= numbers[x]
        return found

    flops = entries(union) * (1 if union == out else 2)
    rate = costs.matrix if (set(terms[i]) & set(terms[j])) - out else costs.other
    moved = 8 * costs.byte * (entries(set(terms[i])) + entries(set(terms[j])) + entries(out))
    summed = (set(terms[i]) & set(terms[j])) - out
    # an operand of the caller's, in its order, whose summed axes are neither its first nor its last ones
    given = [t for t in (terms[i], terms[j]) if isinstance(t, tuple)]
    copied = sum(
        8 * costs.byte * entries(set(t))
        for t in given
        if summed not in [set(part) for k in range(len(t) + 1) for part in (t[:k], t[k:])]
    )
    return max(flops * rate, moved) + copied + costs.step, frozenset(out)


def best(terms: Sequence[Term], output: Labels, numbers: dict[int, int]) -> float:
    """The least estimate over all orders, tried one after the other."""
    if len(terms) == 1:
        return 0.0
    found = []
    for i, j in combinations(range(len(terms)), 2):
        seconds, new = cost(terms, output, numbers, i, j)
        rest = [term for k, term in enumerate(terms) if k not in (i, j)]
        found.append(seconds + best([*rest, new], output, numbers))
    return min(found)


def along(
    path: list[tuple[int, int]], terms: Sequence[Term], output: Labels, numbers: dict[int, int]
) -> float:
    """The estimate of a path."""
    total, left = 0.0, list(terms)
    for i, j in path:
        seconds, new = cost(left, output, numbers, i, j)
        total += seconds
        left = [term for k, term in enumerate(left) if k not in (i, j)] + [new]
    assert len(left) == 1
    return total


@pytest.mark.parametrize("seed", range(60))
def test_best_of_all_orders(seed: int) -> None:
    r = random.Random(seed)
    count = r.randint(3, tuning.exact_operands if seed % 3 else 4)
    labels = range(r.randint(1, 6))
    terms = [tuple(r.sample(labels, r.randint(0, min(3, len(labels))))) for _ in range(count)]
    used = sorted({x for term in terms for x in term})
    output = tuple(x for x in used if r.random() < 0.4)
    counts = Counter([*output, *(x for term in terms for x in term)])
    # labels of one operand are summed before
    terms = [tuple(x for x in term if counts[x] > 1) for term in terms]
    numbers = {x: r.choice((1, 2, 30, 1000)) for x in used}
    path = exact(terms, output, numbers)
    assert along(path, terms, output, numbers) == pytest.approx(best(terms, output, numbers))


@pytest.mark.parametrize(
    ("terms", "output", "path"),
    [
        # two weights first, then one product with the matrix
        ([(0,), (0,), (0, 1)], (1,), [(0, 1), (0, 1)]),
        ([(0,), (0, 1), (0,)], (1,), [(0, 2), (0, 1)]),
        ([(0, 1), (1, 2), (2,)], (0,), [(1, 2), (0, 1)]),  # from the vector on
        ([(0,), (0, 1), (1, 2)], (2,), [(0, 1), (0, 1)]),
        ([(), (0, 1), (1,)], (0,), [(0, 2), (0, 1)]),  # the number with the vector
        # the last axis first: it needs no copy
        ([(0, 1, 2), (1, 3), (2, 3)], (0, 3), [(0, 2), (0, 1)]),
        ([(0, 2, 1), (1, 3), (2, 3)], (0, 3), [(0, 1), (0, 1)]),
    ],
)
def test_as_an_expert_would(
    terms: list[Labels], output: Labels, path: list[tuple[int, int]]
) -> None:
    numbers = dict.fromkeys(sorted({x for term in terms for x in term}), 500)
    assert exact(terms, output, numbers) == search(terms, output, numbers, "auto") == path


def test_an_empty_axis_is_not_free() -> None:
    """Where the sizes are 0 the order is that of sizes 1."""
    terms: list[Labels] = [(0, 1), (1, 2), (2,)]
    assert exact(terms, (0,), {0: 0, 1: 5, 2: 5}) == exact(terms, (0,), {0: 1, 1: 5, 2: 5})


def clique(n: int) -> list[Labels]:
    """`n` operands, each two of which share a label."""
    edges = list(combinations(range(n), 2))
    return [tuple(k for k, edge in enumerate(edges) if v in edge) for v in range(n)]


def chain(n: int) -> list[Labels]:
    return [(k, k + 1) for k in range(n)]


@pytest.mark.parametrize(
    ("terms", "count"),
    [
        (clique(5), 2**5 - 1),
        (chain(7), 7 * 8 // 2),
        ([(0,), (0,), (0,), (1,)], 7 + 1),  # a label may hang several operands together, or none
        ([(0, 1), (), (1, 2, 2)], 3 + 1),
    ],
)
def test_connected_sets_are_counted_once(terms, count):
    assert _connected(terms, 1000) == count
    assert _connected(terms, 3) == 3


@pytest.mark.parametrize(
    ("terms", "optimize", "ends"),
    [
        (clique(7), "optimal", True),
        (clique(9), "optimal", False),
        (clique(9), "branch-all", False),
        (chain(1000), "optimal", False),
        (clique(9), "dp", True),
        (clique(12), "dp", False),
        (clique(12), "auto-hq", False),
        (clique(12), "branch-2", True),
        (clique(12), "auto", True),
        (chain(50), "dp", True),
        (chain(120), "dp", False),
    ],
)
def test_searches_that_would_not_end_are_refused(terms, optimize, ends):
    numbers = dict.fromkeys({x for term in terms for x in term}, 2)
    if ends:
        assert len(search(terms, (), numbers, optimize)) == len(terms) - 1
        return
    with pytest.raises(
        ed.LimitError, match=rf"ed\.limits\.orders\); the path search '{optimize}' .* {len(terms)} "
    ):
        search(terms, (), numbers, optimize)


def test_the_limit_on_searches_can_be_raised():
    terms, numbers = chain(63), dict.fromkeys(range(64), 2)
    with pytest.raises(ed.LimitError, match="orders"):
        search(terms, (), numbers, "dp")
    with limits.override(orders=2 * 10**6):
        assert len(search(terms, (), numbers, "dp")) == 62


def test_dynamic_programming_goes_by_both_names():
    terms, numbers = chain(9), dict.fromkeys(range(10), 3)
    assert search(terms, (), numbers, "dynamic-programming") == search(terms, (), numbers, "dp")
