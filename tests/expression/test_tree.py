"""Trees of lists, tuples and dicts: what goes in comes out in the same structure."""

import pytest

import einderiv as ed
from einderiv.expression import leaves, mapped


@pytest.mark.parametrize(
    ("tree", "want"),
    [
        (3, [3]),
        ([], []),
        ([1, (2, 3)], [1, 2, 3]),
        ({"b": 1, "a": [2, {}]}, [1, 2]),
    ],
)
def test_trees(tree, want):
    assert leaves(tree) == want
    assert leaves(mapped(lambda n: n + 1, tree)) == [n + 1 for n in want]
    assert type(mapped(str, tree)) is (str if isinstance(tree, int) else type(tree))


def test_a_tree_too_deep():
    tree = 1
    for _ in range(200):
        tree = [tree]
    with pytest.raises(ed.LimitError, match="depth"):
        mapped(str, tree)
