"""Cores that are larger than a limit: computed part by part, each part where a block asks for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from ..backends import NUMPY, Array, decided, finished
from ..expression import (
    Apply,
    Constant,
    Einsum,
    Expr,
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
from ..planning import Factored, Labels
from ..runtime import Compiled
from .blocks import Ranges
from .cluster import hashed
from .cutting import Cutter, Leaf, reshapes

KEPT = 4  # of the limit, the share of factors that are small: they are computed once
SERVING = 8  # the share of values on the way that serve for all parts
SHAPES = 64  # of parts, whose programs are remembered

Box = tuple[int, ...]  # how long a part is on every axis
Component = tuple[Einsum, Labels]  # what a factor is the value of, and its labels


class Portioned(Compiled):
    """Compiled for cores that need not fit: then ``f(x).factors`` holds `Portion` where it would hold arrays."""

    def _planned(self, shapes: Mapping[str, tuple[int, ...]], fixed: Mapping[str, int], dtypes: Mapping[str, Any],
                 backend: str = "numpy", device: Any = None) -> Any:  # fmt: skip
        if backend == "numpy" and self.memory_limit is not None:
            sizes = solved(self.roots, shapes, fixed)
            found = Portions(self.roots[0], sizes, dtypes, self.memory_limit)
            if found.total > self.memory_limit // 2:
                return found
        return super()._planned(shapes, fixed, dtypes, backend, device)

    def _remember(self, execution: Any, backend: str) -> None:
        """Every call goes the long way: there is one."""


class Portions:
    """What stands in for an execution: its results are small factors, and portions of the large ones."""

    def __init__(self, root: Expr, sizes: Sizes, dtypes: Mapping[str, Any], limit: int) -> None:
        self.root, self.sizes, self.limit = root, sizes, limit
        self.library = NUMPY.library
        self.dtype, self.compute = decided(self.library, [root], dtypes)
        self.shapes = [tuple(map(self.number, root.sizes))]
        self.split = [components(term, self.number) for term in terms(root) if not is_zero(term)]
        self.terms = [[Factored(tuple((k, labels) for k, (_, labels) in enumerate(own)), output)
                       for own, output in self.split]]  # fmt: skip
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
            cuts = tuple((p, p) for p, (n, most) in enumerate(zip(box, whole, strict=True)) if n < most)
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
                self.whole[id(source)] = self.part(source, tuple((0, self.problem.number(n)) for n in source.sizes))
            array = self.whole[id(source)]
        known = dict(cuts)
        part = array[tuple(slice(*ranges[known[p]]) if p in known else slice(None) for p in range(array.ndim))]
        return part.astype(self.problem.compute, copy=False)

    def part(self, e: Expr, ranges: Ranges) -> Array:
        """The value of `e` within `ranges`, in the dtype that is computed in."""
        f, leaves = self.problem.compiled(e, tuple(b - a for a, b in ranges))
        found: Array = f({name: self.leaf(leaf, ranges) for name, leaf in leaves.items()})
        return found


class Portion:
    """A factor that is computed where a part of it is asked for: ``factor[2:5, :]``. It holds the last part.

    It stands where an array would stand in a term: it has a shape and a dtype, and takes one slice for each axis.
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
            self._last = ranges, finished(self.data.problem.library, self.data.part(self.e, ranges), self.dtype)
        return self._last[1]

    def digest(self) -> str:
        """All that decides its entries."""
        pieces = {node.name: self.data.digest(node.name) for node in walk([self.e]) if isinstance(node, Tensor)}
        text = repr((described(self.e, self.data.problem.number), sorted(pieces.items())))
        return hashlib.sha256(text.encode()).hexdigest()


def described(e: Expr, number: Callable[[Any], int]) -> list[Any]:
    """An expression as data that are the same in every process: its nodes, each by the numbers of its parts."""
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
                labels = [[names.setdefault(x, len(names)) for x in ls] for ls in (*node.inputs, node.output)]
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
    numbers = [k for group in groups if group not in proper for k in group]  # they go with the first factor
    found: list[Component] = []
    for position, group in enumerate([sorted(numbers + (proper[0] if proper else [])), *proper[1:]]):
        inputs = tuple(flat.inputs[k] for k in group)
        inside = {x for labels in inputs for x in labels}
        own = tuple(x for x in kept if x in inside)
        given = [(x, size) for x, size in flat.given if x in inside]
        given += [(x, number(sizes[x])) for x in bare(flat) if not position]
        e = Einsum(1 if position else flat.coefficient, tuple(flat.factors[k] for k in group), inputs, own,
                   tuple(given), axes=(None,) * len(own))  # fmt: skip
        found.append((e, own))
    return found, flat.output
