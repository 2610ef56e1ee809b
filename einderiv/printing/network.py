"""A product as a network: operands and copy tensors are nodes, labels are edges, axes of the result
are legs.

======================================  =================================================
a label that two operands share         an edge
one operand and one axis of the result  an edge that ends in a leg
two axes of the result, no operand      a bare wire: a delta
one axis of the result alone            a leg that ends in a node of ones
summed over nothing                     a loop: the trace of an identity
all others                              a copy tensor: a dot where all of them meet
======================================  =================================================
"""

from __future__ import annotations

from typing import NamedTuple

from ..expression import (
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Number,
    Tensor,
    axis_names,
    bare,
    coefficient,
    connected,
    flatten,
    fresh_names,
    naming,
)
from ..functions import same_axes
from .strings import LabelNames


class NetworkNode(NamedTuple):
    """A point: an operand with the names of its axes; or ``dot``, ``ones``, ``loop``, ``leg``."""

    kind: str
    expr: Expr | None = None
    axes: LabelNames = ()
    place: int = 0  # of a leg: which axis of the result


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
    names = label_names(flat, indices, used)
    nodes = [NetworkNode("operand", f, tuple(names[x] for x in ls)) for f, ls in flat.slots]
    ends: dict[Label, list[int]] = {label: [] for label in names}
    legs: dict[Label, list[int]] = {label: [] for label in names}
    for k, labels in enumerate(flat.inputs):
        for label in labels:
            ends[label].append(k)
    for p, label in enumerate(flat.output):
        legs[label].append(len(nodes))
        nodes.append(NetworkNode("leg", axes=(indices[p],), place=p))
    edges: list[NetworkEdge] = []
    for label, name in names.items():
        inner, outer = ends[label], legs[label]
        if len(inner) + len(outer) == 2 and (len(set(inner)) == 2 or len(inner) < 2):
            a, b = (*inner, *outer)
            edges.append(NetworkEdge(a, b, name))
            continue
        kind = (
            "loop"
            if not inner and not outer
            else "ones"
            if not inner and len(outer) == 1
            else "dot"
        )
        nodes.append(NetworkNode(kind, axes=(name,)))
        edges += [NetworkEdge(k, len(nodes) - 1, name) for k in (*inner, *outer)]
    return TensorNetwork(coefficient(flat), nodes, edges)


def label_names(flat: Einsum, indices: LabelNames, used: frozenset[str]) -> dict[Label, str]:
    """An output label is called as its first axis, a summed one as its author called it if that
    is free.
    """
    names: dict[Label, str] = {}
    for label, index in zip(flat.output, indices, strict=True):
        names.setdefault(label, index)
    wanted, taken = naming(flat).labels, {*used, *indices}
    for label in (*(x for ls in flat.inputs for x in ls), *bare(flat)):
        if label not in names:
            want = wanted[label]
            names[label] = (
                want if want not in taken else fresh_names(1, taken | set(wanted.values()))[0]
            )
            taken.add(names[label])
    return names


def argument_axes(e: Apply, axes: LabelNames) -> tuple[LabelNames, LabelNames]:
    """The names of the axes of a function's arguments, and among them those of its core."""
    first = e.arguments[0]
    batch = first.ndim - e.core
    if e.function.shape is same_axes:
        return axes, axes[batch:]
    known = axis_names(first)[batch:]
    taken = set(axes)
    core = [name if name not in taken else fresh_names(1, taken | set(known))[0] for name in known]
    return (*axes[:batch], *core), tuple(core)


def operand_name(e: Expr) -> str:
    """What an operand is called."""
    match e:
        case Tensor():
            return e.name
        case Constant():
            return f"array {'×'.join(map(str, e.sizes))}" if e.sizes else repr(e.value)
        case _:
            return ""
