"""A part of an expression's value, as an expression of parts of its arrays.

A cut goes down from the axes of the result to the axes of the tensors that it is made of: through an einsum by its
labels, through sums and elementwise functions as it is, through others along batch axes. What needs an axis in one
piece is computed whole and is cut then. All sizes are numbers here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import prod
from typing import NamedTuple

from ..expression import Add, Apply, Constant, Einsum, Expr, Label, Sizes, Tensor
from ..functions import ADDED

Cuts = tuple[tuple[int, Label], ...]  # axes, and the label of the result whose range each is cut to
Request = tuple[Expr, Cuts]


class Leaf(NamedTuple):
    """What a tensor of the cut expression is: an array, or the value of an expression, and where it is cut."""

    source: Expr
    cuts: Cuts


class Cutter:
    """Cuts an expression for parts of one shape: `lengths` says how long the range of each label is."""

    def __init__(self, sizes: Sizes, lengths: Mapping[Label, int], room: float) -> None:
        """Values of functions that no cut reaches are leaves if they have at most `room` entries: they serve again."""
        self.sizes, self.lengths, self.room = sizes, lengths, room
        self.leaves: dict[str, Leaf] = {}
        self._names: dict[Hashable, str] = {}
        self._made: dict[tuple[int, Cuts], Expr] = {}

    def cut(self, root: Expr, cuts: Cuts) -> Expr:
        """The part of `root` that the ranges leave; without recursion, whatever the depth."""
        stack: list[Request] = [(root, cuts)]
        while stack:
            node, own = stack[-1]
            needed = self._needed(node, own, top=node is root)
            left = [] if needed is None else [r for r in needed if (id(r[0]), r[1]) not in self._made]
            if left:
                stack += left
                continue
            stack.pop()
            parts = () if needed is None else tuple(self._made[id(child), inner] for child, inner in needed)
            self._made[id(node), own] = self._leaf(node, own) if needed is None else self._built(node, own, parts)
        return self._made[id(root), cuts]

    def number(self, size: object) -> int:
        """What a size measures: all of them are known before anything is cut."""
        found = self.sizes.number(size)  # type: ignore[arg-type]
        assert found is not None, f"the size {size} is not known"
        return found

    def _needed(self, node: Expr, cuts: Cuts, *, top: bool) -> list[Request] | None:
        """The parts that a part of `node` is made of; None for a leaf, which the top is not of itself."""
        match node:
            case Einsum():
                ranges = [dict(cuts).get(p) for p in range(node.ndim)]
                known = dict(zip(node.output, ranges, strict=True))
                if any(known[label] != key for label, key in zip(node.output, ranges, strict=True)):
                    return None  # a part beside a diagonal
                return [(factor, tuple((p, key) for p, x in enumerate(labels) if (key := known.get(x)) is not None))
                        for factor, labels in node.slots]  # fmt: skip
            case Add():
                return [(addend, cuts) for addend in node.addends]
            case Apply():
                small = not top and prod(map(self.number, node.sizes)) <= self.room
                if (not cuts and small) or not all(_passes(node, axis) for axis, _ in cuts):
                    return None
                return [(a, cuts if a.ndim else ()) for a in node.arguments]
        return [] if not node.ndim and isinstance(node, Constant) else None

    def _built(self, node: Expr, cuts: Cuts, parts: tuple[Expr, ...]) -> Expr:
        match node:
            case Einsum():
                keys = {node.output[axis]: key for axis, key in cuts}
                given = tuple((x, self.lengths[keys[x]] if x in keys else self.number(size)) for x, size in node.given)
                return Einsum(node.coefficient, parts, node.inputs, node.output, given, axes=(None,) * node.ndim)
            case Add():
                return Add(parts)
            case Apply():
                rows = tuple((self.number(size), name) for size, name in node.parameters) if reshapes(node) else None
                return Apply(node.function, parts, node.core, node.parameters if rows is None else rows)
        return node  # a number

    def _leaf(self, node: Expr, cuts: Cuts) -> Tensor:
        key = (node.name if isinstance(node, Tensor) else id(node), cuts)
        name = self._names.setdefault(key, f"part{len(self._names)}")
        self.leaves[name] = Leaf(node, cuts)
        known = dict(cuts)
        shape = tuple(self.lengths[known[p]] if p in known else self.number(size) for p, size in enumerate(node.sizes))
        return Tensor(name, shape, imaginary=node.complex)


def reshapes(node: Apply) -> bool:
    """Are the parameters sizes, each with a name?"""
    return bool(node.function.kind == "reshape")


def _passes(node: Apply, axis: int) -> bool:
    """Is a part of the function along `axis` the function of parts?"""
    first = node.arguments[0]
    same = all(a.ndim in (0, node.ndim) for a in node.arguments) if not node.core else len(node.arguments) == 1
    return node.function.kind == "apply" and node.function.name not in ADDED and same and axis < first.ndim - node.core
