"""Trees of lists, tuples and dicts: a function on every leaf, and the leaves in order.

What users give in one structure they get back in the same:

>>> mapped(abs, {"a": -1, "b": [2, -3]})
{'a': 1, 'b': [2, 3]}
>>> leaves({"a": -1, "b": [2, -3]})
[-1, 2, -3]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import limits


def mapped(f: Callable[[Any], Any], tree: Any, depth: int = 0) -> Any:
    """`f` on every leaf of lists, tuples and dicts; the answer has the same structure."""
    limits.check("depth", depth, "a flat list will do")
    if isinstance(tree, dict):
        return {key: mapped(f, value, depth + 1) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        made = getattr(tree, "_make", type(tree))  # a named tuple takes its values one by one
        return made(mapped(f, value, depth + 1) for value in tree)
    return f(tree)


def leaves(tree: Any) -> list[Any]:
    """The leaves of lists, tuples and dicts in order."""
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def same_tree(a: Any, b: Any) -> bool:
    """Are two trees of one structure, with the very same leaves?

    >>> x, y = object(), object()
    >>> same_tree([x, (y,)], [x, (y,)]), same_tree([x, y], (x, y))
    (True, False)
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same_tree(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_tree, a, b))
    return a is b
