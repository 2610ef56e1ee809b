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
    """The ties of a node, from those of its parts."""
    if is_zero(node):
        return (0,) * node.ndim
    match node:
        # a product is zero where one factor is
        case Einsum():
            return _of_product(list(zip(parts, node.inputs, strict=True)), node.output)
        # a sum is zero where all its terms are: axes are tied that are tied in each
        case Add():
            return numbered(zip(*parts, strict=True))
        # f(0) = 0, entry by entry or block by block: ties of the batch axes of its arguments stay
        case Apply() if node.function.vanishes is not None:
            batch = node.arguments[0].ndim - node.core
            labels = tuple(range(batch))
            slots = [(classes[:batch], labels) for classes in parts[node.function.vanishes :]]
            return _of_product(slots, tuple(range(node.ndim)))
    # no two axes are tied
    return tuple(range(node.ndim))


def _of_product(
    slots: list[tuple[Classes, tuple[Label, ...]]], output: tuple[Label, ...]
) -> Classes:
    """A product is zero where a factor is: labels that a factor ties become one."""
    tied = UnionFind[Label]()
    for classes, labels in slots:
        first: dict[int, Label] = {}
        for class_, label in zip(classes, labels, strict=True):
            tied.unite(first.setdefault(class_, label), label)
    return numbered(map(tied.find, output))


def numbered(classes: Iterable[object]) -> Classes:
    """Classes by the order in which they appear."""
    known: dict[object, int] = {}
    return tuple([known.setdefault(class_, len(known)) for class_ in classes])
