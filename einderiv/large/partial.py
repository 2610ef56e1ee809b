"""Cores that are larger than a limit: computed part by part, each part where a block asks for it.

A part of an expression's value is an expression of parts of its arrays. A cut goes down from the
axes of the result to the axes of the tensors that it is made of: through an einsum by its labels,
through sums and elementwise functions as it is, through others along batch axes. What needs an axis
in one piece is computed whole and is cut then. All sizes are numbers here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..backends import NUMPY, Array, decided, finished
from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Sizes,
    Tensor,
    bare,
    children,
    connected,
    core_labels,
    flatten,
    is_zero,
    solved,
    terms,
    walk,
)
from ..planning import Term
from ..runtime import Compiled, Structured, builder
from .blocks import Ranges
from .cluster import hashed

KEPT = 4  # of the limit, the share of factors that are small: they are computed once
SERVING = 8  # the share of values on the way that serve for all parts
SHAPES = 64  # of parts, whose programs are remembered

Box = tuple[int, ...]  # how long a part is on every axis
Component = tuple[Einsum, Labels]  # what a factor is the value of, and its labels
Cuts = tuple[tuple[int, Label], ...]  # axes, and the label of the result whose range each is cut to
Request = tuple[Expr, Cuts]


def portioned(
    e: Expr, arrays: Mapping[str, Any], memory_limit: int, sizes: Mapping[str, int] | None = None
) -> Structured:
    """``evaluate(e, arrays, dense=False)`` for cores that need not fit.

    Then ``.factors`` holds `Portion` where it would hold arrays.
    """
    compiled = Compiled(e, dense=False, memory_limit=memory_limit)
    call = compiled.checked(arrays, {"sizes": sizes}, {})
    if call.backend == "numpy":
        found = Portions(e, solved([e], call.shapes, dict(call.sizes)), call.dtypes, memory_limit)
        if found.total > memory_limit // 2:
            in_parts: Structured = builder([e], found)(found.run(call.arrays))[0]
            return in_parts
    whole: Structured = compiled(arrays, sizes=sizes)
    return whole


class Portions:
    """What stands in for an execution: its results are small factors, and portions of the large
    ones.
    """

    def __init__(self, root: Expr, sizes: Sizes, dtypes: Mapping[str, Any], limit: int) -> None:
        self.root, self.sizes, self.limit = root, sizes, limit
        self.backend, self.library, self.device = NUMPY, NUMPY.library, None
        self.dtypes = decided(self.library, [root], dtypes)
        self.dtype, self.compute = self.dtypes
        self.shapes = [tuple(map(self.number, root.sizes))]
        self.split = [components(term, self.number) for term in terms(root) if not is_zero(term)]
        self.terms = [
            [
                Term(tuple((k, labels) for k, (_, labels) in enumerate(own)), output)
                for own, output in self.split
            ]
        ]
        item = np.dtype(self.compute).itemsize
        self.entries = [prod(map(self.number, e.sizes)) for own, _ in self.split for e, _ in own]
        self.total = item * sum(self.entries)
        functions = sum(isinstance(node, Apply) for node in walk([root]))
        self.room = limit / (SERVING * item * max(functions, 1))
        self._compiled: dict[tuple[int, Box], tuple[Compiled, dict[str, Leaf]]] = {}

    def number(self, size: Any) -> int:
        """What `size` measures, or an error that says how to give it."""
        return self.sizes.measure(size)

    def compiled(self, e: Expr, box: Box) -> tuple[Compiled, dict[str, Leaf]]:
        """What computes parts of `e` of one shape, and what its arrays are."""
        key = (id(e), box)
        if key not in self._compiled:
            whole = tuple(map(self.number, e.sizes))
            cuts = tuple(
                (p, p) for p, (n, most) in enumerate(zip(box, whole, strict=True)) if n < most
            )
            cutter = Cutter(self.sizes, dict(enumerate(box)), self.room)
            f = Compiled(cutter.cut(e, cuts), memory_limit=self.limit // 2)
            self._compiled[key] = f, cutter.leaves
            for old in list(self._compiled)[:-SHAPES]:
                del self._compiled[old]
        return self._compiled[key]

    def run(self, given: Mapping[str, Any]) -> list[Any]:
        """The factors of all terms, in order."""
        for node in walk([self.root]):  # a cut needs all sizes
            for _, size in node.given if isinstance(node, Einsum) else ():
                self.number(size)
        data = Data(self, given)
        parts = [Portion(data, e) for own, _ in self.split for e, _ in own]
        left = self.limit // KEPT
        found: list[Any] = list(parts)
        for k in sorted(range(len(parts)), key=self.entries.__getitem__):
            left -= parts[k].size * np.dtype(self.compute).itemsize
            if left < 0:
                break
            found[k] = parts[k][(slice(None),) * len(parts[k].shape)]
        return found


class Data:
    """The arrays of one call, and what is computed of them once for all parts."""

    def __init__(self, problem: Portions, given: Mapping[str, Any]) -> None:
        self.problem, self.given = problem, given
        self.whole: dict[int, Array] = {}  # by node
        self._digests: dict[str, str] = {}

    def digest(self, name: str) -> str:
        """The digest of one array."""
        if name not in self._digests:
            self._digests[name] = hashed(np.asarray(self.given[name]))
        return self._digests[name]

    def leaf(self, leaf: Leaf, ranges: Ranges) -> Array:
        """A part of an array, or of the value of a node, as it is computed with."""
        source, cuts = leaf
        if isinstance(source, Tensor):
            array = np.asarray(self.given[source.name])
        elif isinstance(source, Constant):
            array = np.asarray(source.value)
        else:
            if id(source) not in self.whole:
                self.whole[id(source)] = self.part(
                    source, tuple((0, self.problem.number(n)) for n in source.sizes)
                )
            array = self.whole[id(source)]
        known = dict(cuts)
        part = array[
            tuple(
                slice(*ranges[known[p]]) if p in known else slice(None) for p in range(array.ndim)
            )
        ]
        return part.astype(self.problem.compute, copy=False)

    def part(self, e: Expr, ranges: Ranges) -> Array:
        """The value of `e` within `ranges`, in the dtype that is computed in."""
        f, leaves = self.problem.compiled(e, tuple(b - a for a, b in ranges))
        found: Array = f({name: self.leaf(leaf, ranges) for name, leaf in leaves.items()})
        return found


class Portion:
    """A factor that is computed where a part of it is asked for: ``factor[2:5, :]``. It holds the
    last part.

    It stands where an array would stand in a term: it has a shape and a dtype, and takes one slice
    for each axis.
    """

    nbytes = 0

    def __init__(self, data: Data, e: Einsum) -> None:
        self.data, self.e, self.dtype = data, e, data.problem.dtype
        self.shape = tuple(map(data.problem.number, e.sizes))
        self.size = prod(self.shape)
        self._last: tuple[Ranges, Array] | None = None

    def __getitem__(self, slices: tuple[slice, ...]) -> Array:
        ranges = tuple(s.indices(n)[:2] for s, n in zip(slices, self.shape, strict=True))
        if self._last is None or self._last[0] != ranges:
            self._last = None  # two parts at a time would be more than a block
            self._last = (
                ranges,
                finished(self.data.problem.library, self.data.part(self.e, ranges), self.dtype),
            )
        return self._last[1]

    def digest(self) -> str:
        """All that decides its entries."""
        pieces = {
            node.name: self.data.digest(node.name)
            for node in walk([self.e])
            if isinstance(node, Tensor)
        }
        text = repr((described(self.e, self.data.problem.number), sorted(pieces.items())))
        return hashlib.sha256(text.encode()).hexdigest()


class Leaf(NamedTuple):
    """What a tensor of the cut expression is: an array, or the value of an expression, and where
    it is cut.
    """

    source: Expr
    cuts: Cuts


class Cutter:
    """Cuts an expression for parts of one shape: `lengths` says how long the range of each label
    is.
    """

    def __init__(self, sizes: Sizes, lengths: Mapping[Label, int], room: float) -> None:
        """Values of functions that no cut reaches are leaves if they have at most `room`
        entries: they serve again.
        """
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
            left = (
                [] if needed is None else [r for r in needed if (id(r[0]), r[1]) not in self._made]
            )
            if left:
                stack += left
                continue
            stack.pop()
            parts = (
                ()
                if needed is None
                else tuple(self._made[id(child), inner] for child, inner in needed)
            )
            self._made[id(node), own] = (
                self._leaf(node, own) if needed is None else self._built(node, own, parts)
            )
        return self._made[id(root), cuts]

    def number(self, size: object) -> int:
        """What a size measures: all of them are known before anything is cut."""
        found = self.sizes.number(size)  # type: ignore[arg-type]
        assert found is not None, f"the size {size} is not known"
        return found

    def _needed(self, node: Expr, cuts: Cuts, *, top: bool) -> list[Request] | None:
        """The parts that a part of `node` is made of; None for a leaf, which the top is not of
        itself.
        """
        match node:
            case Einsum():
                ranges = [dict(cuts).get(p) for p in range(node.ndim)]
                known = dict(zip(node.output, ranges, strict=True))
                if any(known[label] != key for label, key in zip(node.output, ranges, strict=True)):
                    return None  # a part beside a diagonal
                return [
                    (
                        factor,
                        tuple(
                            (p, key)
                            for p, x in enumerate(labels)
                            if (key := known.get(x)) is not None
                        ),
                    )
                    for factor, labels in node.slots
                ]
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
                given = tuple(
                    (x, self.lengths[keys[x]] if x in keys else self.number(size))
                    for x, size in node.given
                )
                return Einsum(
                    node.coefficient,
                    parts,
                    node.inputs,
                    node.output,
                    given,
                    axes=(None,) * node.ndim,
                )
            case Add():
                return Add(parts)
            case Apply():
                rows = (
                    tuple((self.number(size), name) for size, name in node.parameters)
                    if reshapes(node)
                    else None
                )
                return Apply(
                    node.function, parts, node.core, node.parameters if rows is None else rows
                )
        return node  # a number

    def _leaf(self, node: Expr, cuts: Cuts) -> Tensor:
        key = (node.name if isinstance(node, Tensor) else id(node), cuts)
        name = self._names.setdefault(key, f"part{len(self._names)}")
        self.leaves[name] = Leaf(node, cuts)
        known = dict(cuts)
        shape = tuple(
            self.lengths[known[p]] if p in known else self.number(size)
            for p, size in enumerate(node.sizes)
        )
        return Tensor(name, shape, imaginary=node.complex)


def reshapes(node: Apply) -> bool:
    """Are the parameters sizes, each with a name?"""
    return bool(node.function.kind == "reshape")


def _passes(node: Apply, axis: int) -> bool:
    """Is a part of the function along `axis` the function of parts?"""
    first = node.arguments[0]
    same = (
        all(a.ndim in (0, node.ndim) for a in node.arguments)
        if not node.core
        else len(node.arguments) == 1
    )
    return (
        node.function.kind == "apply"
        and not node.function.added
        and same
        and axis < first.ndim - node.core
    )


def described(e: Expr, number: Callable[[Any], int]) -> list[Any]:
    """An expression as data that are the same in every process: its nodes, each by the numbers
    of its parts.
    """
    places: dict[int, int] = {}
    rows: list[Any] = []
    for node in walk([e]):
        below = [places[id(child)] for child in children(node)]
        match node:
            case Tensor():
                row: Any = node.name
            case Constant():
                row = hashed(np.asarray(node.value))
            case Einsum():
                names: dict[Any, int] = {}
                labels = [
                    [names.setdefault(x, len(names)) for x in ls]
                    for ls in (*node.inputs, node.output)
                ]
                given = [(names.setdefault(x, len(names)), number(size)) for x, size in node.given]
                row = (node.coefficient, labels, given)
            case Apply():
                numbers = list(map(number, node.sizes)) if reshapes(node) else node.parameters
                row = (node.function.name, node.core, numbers)
            case _:
                row = ()
        places[id(node)] = len(rows)
        rows.append((type(node).__name__, row, below))
    return rows


def components(term: Expr, number: Callable[[Any], int]) -> tuple[list[Component], Labels]:
    """The core of a term as factors that share no label, and the labels of all axes."""
    if not isinstance(term, Einsum):
        labels = tuple(range(term.ndim))
        return [(Einsum(1, (term,), (labels,), labels, axes=(None,) * term.ndim), labels)], labels
    flat = flatten(term)
    kept, sizes = core_labels(flat), dict(flat.given)
    groups = connected(flat.inputs)
    proper = [group for group in groups if any(x in kept for k in group for x in flat.inputs[k])]
    # they go with the first factor
    numbers = [k for group in groups if group not in proper for k in group]
    found: list[Component] = []
    for position, group in enumerate(
        [sorted(numbers + (proper[0] if proper else [])), *proper[1:]]
    ):
        inputs = tuple(flat.inputs[k] for k in group)
        inside = {x for labels in inputs for x in labels}
        own = tuple(x for x in kept if x in inside)
        given = [(x, size) for x, size in flat.given if x in inside]
        given += [(x, number(sizes[x])) for x in bare(flat) if not position]
        e = Einsum(
            1 if position else flat.coefficient,
            tuple(flat.factors[k] for k in group),
            inputs,
            own,
            tuple(given),
            axes=(None,) * len(own),
        )
        found.append((e, own))
    return found, flat.output
