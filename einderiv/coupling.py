"""Which axes of an expression are tied: off their diagonal it is zero, whatever the values.

A derivative whose output axis and input axis are tied has one block for each index of them: sample n of a batch depends
on sample n alone. Deltas tie, and ties pass through products; a sum ties what all its terms tie.
"""

from __future__ import annotations

from collections.abc import Iterable

from .expression import Add, Apply, Einsum, Expr, Label, is_zero, walk

Classes = tuple[int, ...]  # for each axis the class of axes that it is tied to

#: functions that are zero where one of their arguments is, from the numbered one on, along the batch axes
VANISHING = {"vec": 0, "unvec": 0, "tril": 0, "triu": 0, "expm": 1}


def ties(e: Expr) -> Classes:
    """A number for each axis of `e`: the same for axes that are tied.

    >>> from einderiv import derive
    >>> ties(derive("nd,de->ne", 0)), ties(derive("nd,me->nm", 0))
    ((0, 1, 0, 2), (0, 1, 0, 2))
    """
    found: dict[int, Classes] = {}
    for node in walk([e]):
        found[id(node)] = _tied(node, found)
    return found[id(e)]


def _tied(node: Expr, found: dict[int, Classes]) -> Classes:
    if is_zero(node):
        return (0,) * node.ndim
    match node:
        case Einsum():
            slots = [(found[id(f)], labels) for f, labels in zip(node.factors, node.inputs, strict=True)]
            return _joined(slots, node.output)
        case Add():
            return numbered(zip(*(found[id(a)] for a in node.addends), strict=True))
        case Apply() if node.function.name in VANISHING:
            first = VANISHING[node.function.name]
            batch = node.arguments[0].ndim - node.core
            slots = [(found[id(a)][:batch], tuple(range(batch))) for a in node.arguments[first:]]
            return _joined(slots, tuple(range(node.ndim)))
    return tuple(range(node.ndim))


def _joined(slots: list[tuple[Classes, tuple[Label, ...]]], output: tuple[Label, ...]) -> Classes:
    """A product is zero where a factor is: labels that a factor ties become one."""
    parent: dict[Label, Label] = {}

    def find(label: Label) -> Label:
        while (up := parent.get(label, label)) != label:
            label = up
        return label

    for classes, labels in slots:
        first: dict[int, Label] = {}
        for k, label in zip(classes, labels, strict=True):
            a, b = find(first.setdefault(k, label)), find(label)
            if a != b:
                parent[b] = a
    return numbered(map(find, output))


def numbered(classes: Iterable[object]) -> Classes:
    """Classes by the order in which they appear."""
    known: dict[object, int] = {}
    return tuple(known.setdefault(c, len(known)) for c in classes)
