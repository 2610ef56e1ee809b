"""A product as a network: operands and copy tensors are nodes, labels are edges, axes of the result
are legs.

======================================  =================================================
a label that two operands share         an edge
one operand and one axis of the result  an edge that ends in a leg
two axes of the result, no operand      a bare wire: a delta
one axis of the result alone            a leg that ends in a node of ones
summed over nothing                     a loop: the trace of an identity
a relation, or an index array           a node with its text, ``a = i+k``
all others                              a copy tensor: a dot where all of them meet
======================================  =================================================
"""

from __future__ import annotations

from enum import Enum
from itertools import chain
from typing import NamedTuple

from ..expression import (
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Lettering,
    Number,
    Tensor,
    bare,
    coefficient,
    connected,
    flatten,
    is_hot,
)
from ..functions import same_axes
from .index_reading import SPELLING, Place, solved_for_one
from .shown_together import shown_letters, shown_names
from .strings import LabelNames


class NodeKind(Enum):
    """What a node of a network stands for."""

    OPERAND = "a factor of the product"
    LEG = "an axis of the result"
    DOT = "a copy tensor: a label where more than two meet"
    ONES = "an axis along which the result is the same"
    LOOP = "a label that is summed and that nothing has: a number, its size"
    INDEX = "a relation between labels, or an index array"


class NetworkNode(NamedTuple):
    """A point with the names of its axes; one name where it stands for a label."""

    kind: NodeKind
    expr: Expr | None = None
    axes: LabelNames = ()
    place: int = 0  # of a leg: which axis of the result
    text: str = ""  # of a relation


class NetworkEdge(NamedTuple):
    """A line between two nodes, for a label."""

    a: int
    b: int
    label: str


class TensorNetwork(NamedTuple):
    """The nodes, the edges, and the number in front."""

    number: Number
    nodes: list[NetworkNode]
    edges: list[NetworkEdge]

    def components(self) -> list[list[int]]:
        """The nodes that hang together, each group in order."""
        lines: list[list[int]] = [[] for _ in self.nodes]
        for n, edge in enumerate(self.edges):
            lines[edge.a].append(n)
            lines[edge.b].append(n)
        return connected(lines)


def tensor_network(
    e: Einsum, indices: LabelNames, used: frozenset[str] = frozenset()
) -> TensorNetwork:
    """The network of a product whose axes are called `indices`; labels inside keep clear of
    `used`.
    """
    flat = flatten(e)
    names = label_names(flat, indices, used, shown_letters(e))
    nodes: list[NetworkNode] = []
    ends: dict[Label, list[int]] = {label: [] for label in names}  # operands that have it
    for factor, labels in flat.slots:
        for label in labels:
            ends[label].append(len(nodes))
        axes = tuple(names[label] for label in labels)
        if is_hot(factor):
            array = operand_name(factor.arguments[0])
            text = f"{axes[-1]} = {array}[{','.join(axes[:-1])}]"
            nodes.append(NetworkNode(NodeKind.INDEX, factor, axes, text=text))
        else:
            nodes.append(NetworkNode(NodeKind.OPERAND, factor, axes))
    for constant, terms in flat.relations:
        for label, _ in terms:
            ends[label].append(len(nodes))
        axes = tuple(names[label] for label, _ in terms)
        text = SPELLING.equation(solved_for_one(Place(constant, terms), flat), names)
        nodes.append(NetworkNode(NodeKind.INDEX, axes=axes, text=text))
    legs: dict[Label, list[int]] = {label: [] for label in names}
    for axis, label in enumerate(flat.output):
        legs[label].append(len(nodes))
        nodes.append(NetworkNode(NodeKind.LEG, axes=(indices[axis],), place=axis))

    edges: list[NetworkEdge] = []
    for label, name in names.items():
        met = [*ends[label], *legs[label]]
        kind = _kind_of_meeting(ends[label], legs[label])
        if kind is None:
            edges.append(NetworkEdge(met[0], met[1], name))
        else:
            edges += [NetworkEdge(node, len(nodes), name) for node in met]
            nodes.append(NetworkNode(kind, axes=(name,)))
    return TensorNetwork(coefficient(flat), nodes, edges)


def _kind_of_meeting(ends: list[int], legs: list[int]) -> NodeKind | None:
    """The kind of the node that a label has; None for an edge between the two that it meets."""
    twice_at_one_operand = len(ends) == 2 and ends[0] == ends[1]
    if len(ends) + len(legs) == 2 and not twice_at_one_operand:
        return None
    if ends or len(legs) > 1:
        return NodeKind.DOT
    return NodeKind.ONES if legs else NodeKind.LOOP


def label_names(
    flat: Einsum, indices: LabelNames, used: frozenset[str], letters: Lettering
) -> dict[Label, str]:
    """An output label is called as its first axis, a summed one as its author called it if that
    is free.
    """
    names: dict[Label, str] = {}
    for label, index in zip(flat.output, indices, strict=True):
        names.setdefault(label, index)
    related = [label for _, terms in flat.relations for label, _ in terms]
    inside = dict.fromkeys((*chain.from_iterable(flat.inputs), *bare(flat), *related))
    others = [label for label in inside if label not in names]
    return {**names, **letters.inner(flat, others, {*used, *indices})}


def argument_axes(e: Apply, axes: LabelNames) -> tuple[LabelNames, LabelNames]:
    """The names of the axes of a function's arguments, and among them those of its core."""
    first = e.arguments[0]
    batch = first.ndim - e.core
    if e.function.shape is same_axes:
        return axes, axes[batch:]
    core = shown_letters(e).core_of(first, e.core, set(axes))
    return (*axes[:batch], *core), core


def operand_name(e: Expr) -> str:
    """What an operand is called."""
    match e:
        case Tensor():
            return e.name
        case Constant():
            return shown_names(e).arrays.of(e.value) or repr(e.value)
        case _:
            return ""
