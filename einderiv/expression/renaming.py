"""Expressions under other names of tensors and declared axes: what reads the same, and is apart.

>>> import einderiv as ed
>>> Renaming({"x": "y"}, {"i": "k"}).of(ed.tensor("x", "i")).axis_sizes
(('y', 0),)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .labels import Given, Polynomial, Relations
from .nodes import Add, Apply, Einsum, Expr, Record, Tensor, Written, known_to, put, walk
from .relation_rows import relation
from .size_algebra import replaced


class Renaming:
    """Other names for some tensors and some declared axes. Letters for printing stay."""

    def __init__(self, tensors: Mapping[str, str], axes: Mapping[str, str]) -> None:
        self.tensors, self.axes = tensors, axes
        self.made: dict[int, Expr] = {}

    def of(self, e: Expr) -> Expr:
        """`e`, and all that it was made from, under the other names."""
        for node in walk([e], known_to):
            self.made[id(node)] = self._again(node)
        return self.made[id(e)]

    def _again(self, node: Expr) -> Expr:
        match node:
            case Tensor():
                return self._tensor(node)
            case Einsum():
                return self._einsum(node)
            case Add():
                return Add(
                    self._all(node.addends),
                    axes=node.axes,
                    origins=self._all(node.origins),
                    record=self._record(node.record),
                )
            case Apply():
                parameters = tuple([self._size(one) for one in node.parameters])
                return Apply(node.function, self._all(node.arguments), node.core, parameters)
        return node

    def _tensor(self, node: Tensor) -> Tensor:
        declared = tuple([self._size(one) for one in node.declared])
        name = self.tensors.get(node.name, node.name)
        tensor = Tensor(name, declared, node.structure, node.complex, node.place)
        put(tensor, "axes", node.axes)
        return tensor

    def _einsum(self, node: Einsum) -> Einsum:
        return Einsum(
            node.coefficient,
            self._all(node.factors),
            node.inputs,
            node.output,
            self._given(node.given),
            axes=node.axes,
            letters=node.letters,
            origins=self._all(node.origins),
            record=self._record(node.record),
            written=self._written(node.written),
            relations=self._relations(node.relations),
        )

    def _written(self, written: Written | None) -> Written | None:
        if written is None:
            return None
        slots = tuple([(self.made[id(part)], labels) for part, labels in written.slots])
        relations = self._relations(written.relations)
        return replace(written, slots=slots, given=self._given(written.given), relations=relations)

    def _relations(self, relations: Relations) -> Relations:
        again = []
        for constant, terms in relations:
            swapped = {label: self._size(size) for label, size in terms}
            again.append(relation(self._size(constant), swapped))
        return tuple(again)

    def _record(self, record: Record | None) -> Record | None:
        return None if record is None else replace(record, of=self.made[id(record.of)])

    def _all(self, nodes: Iterable[Expr]) -> tuple[Expr, ...]:
        return tuple([self.made[id(node)] for node in nodes])

    def _given(self, given: Given) -> Given:
        return tuple([(label, self._size(size)) for label, size in given])

    def _size(self, size: Any) -> Any:
        """A size, or what else is declared or a parameter."""
        if isinstance(size, str):
            return self.axes.get(size, size)
        if isinstance(size, Polynomial):
            return replaced(size, self._size)
        if isinstance(size, tuple) and isinstance(size[1], int):  # ("X", 0)
            name, axis = size
            return self.tensors.get(name, name), axis
        if isinstance(size, tuple):  # with the name of its axis
            inner, name = size
            return self._size(inner), name
        return size
