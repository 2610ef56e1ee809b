"""Cores that are larger than a limit: computed part by part, each part where a block asks for it.

A part of an expression's value is an expression of parts of its arrays. A cut goes down from the
axes of the result to the axes of the tensors that it is made of: through an einsum by its labels,
through sums and elementwise functions as it is, through others along batch axes. What needs an axis
in one piece is computed whole and is cut then. All sizes are numbers here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..backends import BACKENDS, NUMPY, Array, decided, finished
from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Parts,
    Size,
    Sizes,
    Slot,
    Tensor,
    bare,
    children,
    connected,
    core_labels,
    flatten,
    hot_of,
    in_numbers,
    is_hot,
    is_zero,
    labels_in,
    parted,
    solved,
    terms,
    walk,
)
from ..functions import batch_axes
from ..planning import Term
from ..runtime import Compiled, Structured, builder
from .blocks import Ranges
from .cluster import hashed

KEPT = 4  # of the limit, the share of factors that are small: they are computed once
SERVING = 8  # the share of values on the way that serve for all parts
SHAPES = 64  # of parts, whose programs are remembered

Box = tuple[int, ...]  # how long a part is on every axis
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
    if BACKENDS[call.backend] is NUMPY:
        known = solved([e], call.shapes, dict(call.sizes))
        portions = Portions(e, known, call.dtypes, memory_limit)
        if portions.total > memory_limit // 2:
            build = builder([e], portions)
            in_parts: Structured = build(portions.run(call.arrays))[0]
            return in_parts
    whole: Structured = compiled(arrays, sizes=sizes)
    return whole


class Portions:
    """What stands in for an execution: its results are small factors, and portions of the large
    ones.
    """

    def __init__(self, root: Expr, sizes: Sizes, dtypes: Mapping[str, Any], limit: int) -> None:
        self.root = root
        self.sizes = sizes
        self.limit = limit
        self.backend, self.library, self.device = NUMPY, NUMPY.library, None
        self.dtypes = decided(self.library, [root], dtypes)
        self.dtype, self.compute = self.dtypes
        self.shapes = [tuple(map(self.measure, root.axis_sizes))]
        #: the terms, whose factors are expressions here
        self.cores = [components(term, self.measure) for term in terms(root) if not is_zero(term)]
        self.factors: list[Einsum] = []
        for term in self.cores:
            self.factors += [factor for factor, _ in term.factors]
        self.terms = [self.cores]  # of one expression
        item = np.dtype(self.compute).itemsize
        self.entries = [prod(map(self.measure, factor.axis_sizes)) for factor in self.factors]
        self.total = item * sum(self.entries)
        functions = [node for node in walk([root]) if isinstance(node, Apply)]
        self.room = limit / (SERVING * item * max(len(functions), 1))
        self._compiled: dict[tuple[int, Box], tuple[Compiled, dict[str, Leaf]]] = {}

    def measure(self, size: Any) -> int:
        """What `size` measures, or an error that says how to give it."""
        return self.sizes.measure(size)

    def compiled(self, e: Expr, box: Box) -> tuple[Compiled, dict[str, Leaf]]:
        """What computes parts of `e` of one shape, and what its arrays are."""
        key = (id(e), box)
        if key not in self._compiled:
            # An axis is cut where the part is shorter; its range is known by the axis itself.
            cuts = []
            for p, size in enumerate(e.axis_sizes):
                if box[p] < self.measure(size):
                    cuts.append((p, p))
            cutter = Cutter(self.sizes, dict(enumerate(box)), self.room)
            part = cutter.cut(e, tuple(cuts))
            f = Compiled(part, memory_limit=self.limit // 2)
            self._compiled[key] = f, cutter.leaves
            for old in list(self._compiled)[:-SHAPES]:
                del self._compiled[old]
        return self._compiled[key]

    def run(self, given: Mapping[str, Any]) -> list[Any]:
        """The factors of all terms, in order."""
        for node in walk([self.root]):  # a cut needs all sizes
            if isinstance(node, Einsum):
                for _, size in node.given:
                    self.measure(size)
        data = Data(self, given)
        parts = [Portion(data, factor) for factor in self.factors]
        # The smallest are computed now, as far as their share of the limit goes.
        left = self.limit // KEPT
        factors: list[Any] = list(parts)
        smallest_first = sorted(range(len(parts)), key=self.entries.__getitem__)
        for k in smallest_first:
            part = parts[k]
            left -= part.size * np.dtype(self.compute).itemsize
            if left < 0:
                break
            factors[k] = part[(slice(None),) * len(part.shape)]
        in_order = iter(factors)
        values: list[Any] = []  # as an execution has them: of each term its factors, then arrays
        for term in self.cores:
            values += [next(in_order) for _ in term.factors]
            values += [data.array(array) for array, _ in term.hots]
        return values


class Data:
    """The arrays of one call, and what is computed of them once for all parts."""

    def __init__(self, problem: Portions, given: Mapping[str, Any]) -> None:
        self.problem = problem
        self.given = given
        self.whole: dict[int, Array] = {}  # by node
        self._digests: dict[str, str] = {}

    def digest(self, name: str) -> str:
        """The digest of one array."""
        if name not in self._digests:
            self._digests[name] = hashed(np.asarray(self.given[name]))
        return self._digests[name]

    def array(self, source: Tensor | Constant) -> Array:
        """An array that is given, or that the expression holds."""
        if isinstance(source, Tensor):
            return np.asarray(self.given[source.name])
        return np.asarray(source.value)

    def leaf(self, leaf: Leaf, ranges: Ranges) -> Array:
        """A part of an array, or of the value of a node, as it is computed with: index arrays stay
        whole numbers.
        """
        source, cuts = leaf
        if isinstance(source, (Tensor, Constant)):
            array = self.array(source)
        else:
            if id(source) not in self.whole:
                everything = [(0, self.problem.measure(size)) for size in source.axis_sizes]
                self.whole[id(source)] = self.part(source, tuple(everything))
            array = self.whole[id(source)]
        index = [slice(None)] * array.ndim
        for axis, key in cuts:
            index[axis] = slice(*ranges[key])
        part = array[tuple(index)]
        if isinstance(source, Tensor) and source.structure == "index":
            return part
        return part.astype(self.problem.compute, copy=False)

    def part(self, e: Expr, ranges: Ranges) -> Array:
        """The value of `e` within `ranges`, in the dtype that is computed in."""
        box = tuple([stop - start for start, stop in ranges])
        f, leaves = self.problem.compiled(e, box)
        value: Array = f({name: self.leaf(leaf, ranges) for name, leaf in leaves.items()})
        return value


class Portion:
    """A factor that is computed where a part of it is asked for: ``factor[2:5, :]``. It holds the
    last part.

    It stands where an array would stand in a term: it has a shape and a dtype, and takes one slice
    for each axis.
    """

    nbytes = 0

    def __init__(self, data: Data, e: Einsum) -> None:
        self.data = data
        self.e = e
        self.dtype = data.problem.dtype
        self.shape = tuple(map(data.problem.measure, e.axis_sizes))
        self.size = prod(self.shape)
        self._last: tuple[Ranges, Array] | None = None

    def __getitem__(self, slices: tuple[slice, ...]) -> Array:
        ranges = tuple([cut.indices(n)[:2] for cut, n in zip(slices, self.shape, strict=True)])
        if self._last is None or self._last[0] != ranges:
            self._last = None  # two parts at a time would be more than a block
            value = self.data.part(self.e, ranges)
            self._last = ranges, finished(self.data.problem.library, value, self.dtype)
        return self._last[1]

    def digest(self) -> str:
        """All that decides its entries."""
        names = {node.name for node in walk([self.e]) if isinstance(node, Tensor)}
        digests = [(name, self.data.digest(name)) for name in sorted(names)]
        text = repr((described(self.e, self.data.problem.measure), digests))
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
        self.sizes = sizes
        self.lengths = lengths
        self.room = room
        self.leaves: dict[str, Leaf] = {}
        self._names: dict[Hashable, str] = {}
        self._made: dict[tuple[int, Cuts], Expr] = {}

    def cut(self, root: Expr, cuts: Cuts) -> Expr:
        """The part of `root` that the ranges leave; without recursion, whatever the depth."""
        stack: list[Request] = [(root, cuts)]
        while stack:
            node, own = stack[-1]
            requests = self._needed(node, own, top=node is root)
            if requests is None:
                stack.pop()
                self._made[id(node), own] = self._leaf(node, own)
                continue
            left = [(child, cut) for child, cut in requests if (id(child), cut) not in self._made]
            if left:
                stack += left
                continue
            stack.pop()
            parts = tuple([self._made[id(child), cut] for child, cut in requests])
            self._made[id(node), own] = self._built(node, own, parts)
        return self._made[id(root), cuts]

    def measure(self, size: Size) -> int:
        """What a size measures: all of them are known before anything is cut."""
        measure = self.sizes.known_measure(size)
        assert measure is not None, f"the size {size} is not known"
        return measure

    def _needed(self, node: Expr, cuts: Cuts, *, top: bool) -> list[Request] | None:
        """The parts that a part of `node` is made of; None for a leaf, which the top is not of
        itself.
        """
        match node:
            case Einsum() if node.parts is not None:
                # Where a part of it reads is no part of its factors: it is computed whole.
                return None if cuts else [(factor, ()) for factor in node.factors]
            case Einsum():
                return self._needed_slots(node, cuts)
            case Add():
                # (A + B)[i0:i1] = A[i0:i1] + B[i0:i1]
                return [(addend, cuts) for addend in node.addends]
            case Apply() if node.function.selects:
                # an index array: one that the expression holds stays where it is
                return [(a, ()) for a in node.arguments if isinstance(a, Tensor)]
            case Apply():
                small = not top and prod(map(self.measure, node.axis_sizes)) <= self.room
                if small and not cuts:
                    return None
                if not all(_passes(node, axis) for axis, _ in cuts):
                    return None
                # f(A, b)[i0:i1] = f(A[i0:i1], b) with a number b
                return [(argument, cuts if argument.ndim else ()) for argument in node.arguments]
            case Constant() if not node.ndim:
                return []  # a number
        return None

    def _needed_slots(self, node: Einsum, cuts: Cuts) -> list[Request] | None:
        """Of ``ij,jk->ik`` cut along i and k: the first factor along i, the second along k."""
        key_of_axis = dict(cuts)
        keys: dict[Label, Label | None] = {}  # whose range a label has; None for all of it
        for axis, label in enumerate(node.output):
            key = key_of_axis.get(axis)
            if keys.setdefault(label, key) != key:
                return None  # a part beside a diagonal
        requests: list[Request] = []
        for factor, labels in node.slots:
            cut = []
            for axis, label in enumerate(labels):
                key = keys.get(label)
                if key is not None:
                    cut.append((axis, key))
            requests.append((factor, tuple(cut)))
        return requests

    def _built(self, node: Expr, cuts: Cuts, parts: tuple[Expr, ...]) -> Expr:
        """`node` with other parts; all sizes as numbers, those that are cut as they are then."""
        match node:
            case Einsum():
                keys = {node.output[axis]: key for axis, key in cuts}
                given = []
                for label, size in node.given:
                    length = self.lengths[keys[label]] if label in keys else self.measure(size)
                    given.append((label, length))
                axes = (None,) * node.ndim
                return Einsum(
                    node.coefficient,
                    parts,
                    node.inputs,
                    node.output,
                    tuple(given),
                    axes=axes,
                    relations=in_numbers(node.relations, self.measure),
                )
            case Add():
                return Add(parts)
            case Apply():
                parameters = node.parameters
                if node.function.selects:
                    parameters = tuple(map(self.measure, parameters))
                return Apply(node.function, parts or node.arguments, node.core, parameters)
        return node  # a number

    def _leaf(self, node: Expr, cuts: Cuts) -> Tensor:
        key = (node.name if isinstance(node, Tensor) else id(node), cuts)
        name = self._names.setdefault(key, f"part{len(self._names)}")
        self.leaves[name] = Leaf(node, cuts)
        key_of_axis = dict(cuts)
        shape = []
        for axis, size in enumerate(node.axis_sizes):
            uncut = axis not in key_of_axis
            shape.append(self.measure(size) if uncut else self.lengths[key_of_axis[axis]])
        is_index = isinstance(node, Tensor) and node.structure == "index"
        structure = "index" if is_index else None
        return Tensor(name, tuple(shape), structure, imaginary=node.complex)


def _passes(node: Apply, axis: int) -> bool:
    """Is a part of the function along `axis` the function of parts?"""
    if node.function.added:  # it may look at more than a part
        return False
    ranks = [argument.ndim for argument in node.arguments]
    batch, batches = batch_axes(node.function, node.core, ranks, node.ndim)
    alike = all(own == batch or not rank for own, rank in zip(batches, ranks, strict=True))
    return alike and axis < batch


def described(e: Expr, measure: Callable[[Any], int]) -> list[Any]:
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
                numbers: dict[Label, int] = {}  # of labels, in the order in which they occur
                labels = []
                for own in (*node.inputs, node.output):
                    labels.append([numbers.setdefault(label, len(numbers)) for label in own])
                given = []
                for label, size in node.given:
                    given.append((numbers.setdefault(label, len(numbers)), measure(size)))
                between = []
                for one in in_numbers(node.relations, measure):
                    terms_of = sorted([(numbers[label], times) for label, times in one.terms])
                    between.append((one.constant, terms_of))
                row = (node.coefficient, labels, given, sorted(between))
            case Apply():
                parameters: Any = node.parameters
                if node.function.selects:
                    parameters = list(map(measure, node.axis_sizes))
                row = (node.function.name, node.core, parameters)
            case _:
                row = ()
        places[id(node)] = len(rows)
        rows.append((type(node).__name__, row, below))
    return rows


def components(term: Expr, measure: Callable[[Any], int]) -> Term[Any]:
    """The core of a term as factors that share no label: expressions; its index arrays are
    tensors or constants.
    """
    if not isinstance(term, Einsum):
        labels = tuple(range(term.ndim))
        alone = Einsum(1, (term,), (labels,), labels, axes=(None,) * term.ndim)
        return Term(((alone, labels),), labels)
    flat = flatten(term)
    if flat.parts is not None:
        return _related(flat, measure)
    kept = core_labels(flat)
    sizes = dict(flat.given)
    proper: list[list[int]] = []  # groups of operands that share labels, with axes of the core
    scalars: list[int] = []  # operands of those without
    for group in connected(flat.inputs):
        labels_of_group = set[Label]().union(*[flat.inputs[k] for k in group])
        if labels_of_group.isdisjoint(kept):
            scalars += group
        else:
            proper.append(group)
    # Scalars, the coefficient and sums over nothing go with the first factor.
    first = sorted(scalars + proper[0]) if proper else sorted(scalars)
    factors = []
    for position, group in enumerate([first, *proper[1:]]):
        is_first = position == 0
        inputs = tuple([flat.inputs[k] for k in group])
        inside = set[Label]().union(*inputs)
        own = tuple([label for label in kept if label in inside])
        given = [(label, size) for label, size in flat.given if label in inside]
        if is_first:
            given += [(label, measure(sizes[label])) for label in bare(flat)]
        factor = Einsum(
            flat.coefficient if is_first else 1,
            tuple([flat.factors[k] for k in group]),
            inputs,
            own,
            tuple(given),
            axes=(None,) * len(own),
        )
        factors.append((factor, own))
    return Term(tuple(factors), flat.output)


def _related(flat: Einsum, measure: Callable[[Any], int]) -> Term[Any]:
    """The core of a product with relations as one factor, and where it sits: of a band the factors
    of its entries, where these are less.
    """
    sizes = dict(flat.given)
    for factor, own in flat.slots:
        sizes.update(zip(own, factor.axis_sizes, strict=True))
    lengths = {label: measure(size) for label, size in sizes.items()}
    relations = in_numbers(flat.relations, measure)
    hots = [slot for slot in flat.slots if is_hot(slot[0])]
    inputs = [own for factor, own in flat.slots if not is_hot(factor)]
    keys = [hot_of(factor, own) for factor, own in hots]
    found = []
    for overlapping in (False, True):
        parts = parted(inputs, keys, relations, flat.output, lengths, overlapping=overlapping)
        found.append(parts)
    parts = min(found, key=lambda parts: prod([lengths[label] for label in parts.core]))
    outer = [hots[k] for k in parts.outer_hots]
    places = tuple([(hot.arguments[0], own) for hot, own in outer])  # type: ignore[attr-defined]
    between = labels_in(parts.outer).union(*[own for _, own in outer])
    missing = sorted(between.difference(parts.core, flat.output))
    given = tuple([(label, lengths[label]) for label in missing])
    value = _core(flat, parts, outer, lengths)
    return Term(((value, parts.core),), flat.output, parts.outer, places, given)


def _core(
    flat: Einsum, parts: Parts, outer: Sequence[Slot], lengths: Mapping[Label, int]
) -> Einsum:
    """The core of a product with relations, with its coefficient and what is counted."""
    places = [own for _, own in outer]
    slots = [slot for slot in flat.slots if not (is_hot(slot[0]) and slot[1] in places)]
    inside = labels_in(parts.inner).union(*[own for _, own in slots])
    counted = bare(flat)
    given = [(x, n) for x, n in lengths.items() if x in inside or x in counted]
    return Einsum(
        flat.coefficient,
        tuple([factor for factor, _ in slots]),
        tuple([own for _, own in slots]),
        parts.core,
        tuple(given),
        axes=(None,) * len(parts.core),
        relations=parts.inner,
    )
