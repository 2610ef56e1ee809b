"""Which axes of an expression are tied: off their diagonal it is zero, whatever the values.

A derivative whose output axis and input axis are tied has one block for each index of them: sample
n of a batch depends on sample n alone. Deltas tie, and ties pass through products; a sum ties what
all its terms tie.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..expression import Add, Apply, Einsum, Expr, Label, UnionFind, bottom_up, is_zero

Classes = tuple[int, ...]  # for each axis the class of axes that it is tied to


def ties(e: Expr) -> Classes:
    """A number for each axis of `e`: the same for axes that are tied.

    >>> from einderiv import derive
    >>> ties(derive("nd,de->ne", 0)), ties(derive("nd,me->nm", 0))
    ((0, 1, 0, 2), (0, 1, 0, 2))
    """
    return bottom_up([e], _tied)[0]


def _tied(node: Expr, parts: tuple[Classes, ...]) -> Classes:
    if is_zero(node):
        return (0,) * node.ndim
    match node:
        case Einsum():
            return _joined(list(zip(parts, node.inputs, strict=True)), node.output)
        case Add():
            return numbered(zip(*parts, strict=True))
        case Apply() if node.function.vanishes is not None:
            batch = node.arguments[0].ndim - node.core
            slots = [
                (classes[:batch], tuple(range(batch)))
                for classes in parts[node.function.vanishes :]
            ]
            return _joined(slots, tuple(range(node.ndim)))
    return tuple(range(node.ndim))


def _joined(slots: list[tuple[Classes, tuple[Label, ...]]], output: tuple[Label, ...]) -> Classes:
    """A product is zero where a factor is: labels that a factor ties become one."""
    tied = UnionFind[Label]()
    for classes, labels in slots:
        first: dict[int, Label] = {}
        for k, label in zip(classes, labels, strict=True):
            tied.unite(first.setdefault(k, label), label)
    return numbered(map(tied.find, output))


def numbered(classes: Iterable[object]) -> Classes:
    """Classes by the order in which they appear."""
    known: dict[object, int] = {}
    return tuple(known.setdefault(c, len(known)) for c in classes)
