"""What hangs together, and what has become one."""

import random
from itertools import combinations

import pytest

from einderiv.expression import UnionFind, connected


@pytest.mark.parametrize(
    ("parts", "apart", "want"),
    [
        ([], (), []),
        ([()], (), [[0]]),
        ([(), ()], (), [[0], [1]]),
        ([(0, 1), (2,), (1, 3), ()], (), [[0, 2], [1], [3]]),
        ([(0,), (1,), (1,), (0,), (0, 1)], (), [[0, 1, 2, 3, 4]]),
        ([(0,), (1,), (0,), (1,)], (), [[0, 2], [1, 3]]),
        ([(0,), (1,), (1, 0)], (), [[0, 1, 2]]),
        ([(0, 0), (0,)], (), [[0, 1]]),
        ([(0,), (0,)], {0}, [[0], [1]]),
        ([(0, 1), (0, 2), (1,)], {0}, [[0, 2], [1]]),
        ([("a", 0), (0,), ("a",)], (), [[0, 1, 2]]),
    ],
)
def test_connected(parts, apart, want):
    assert connected(parts, apart) == want


def test_connected_is_what_steps_from_part_to_part_reach():
    rng = random.Random(3)
    for _ in range(200):
        parts = [tuple(rng.sample(range(12), rng.randint(0, 3))) for _ in range(rng.randint(1, 10))]
        apart = set(rng.sample(range(12), 3))
        classes = UnionFind()
        for a, b in combinations(range(len(parts)), 2):
            if set(parts[a]) & set(parts[b]) - apart:
                classes.unite(a, b)
        want = {}
        for k in range(len(parts)):
            want.setdefault(classes.find(k), []).append(k)
        assert connected(parts, apart) == list(want.values())


def test_a_long_chain():
    assert connected([(k, k + 1) for k in range(5000)]) == [list(range(5000))]


def test_classes_go_by_the_first():
    classes = UnionFind()
    assert classes.find("x") == "x"
    classes.unite("a", "b")
    classes.unite("c", "d")
    assert [classes.find(x) for x in "abcd"] == ["a", "a", "c", "c"]
    classes.unite("d", "b")
    classes.unite("a", "c")
    assert {classes.find(x) for x in "abcd"} == {"c"}
