"""Calls that give sparse arrays of SciPy: planned for the entries that are stored.

A tensor that is given sparse is put in as an einsum over its entries; what has the pattern of a
sparse array stays sparse, a function of it with f(0) = 0 too. What would need the dense array is
refused. Zeros that are not stored are selected, never multiplied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..errors import EinderivError, LimitError
from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Label,
    Tensor,
    added,
    aligned,
    assemble,
    children,
    dressed,
    flatten,
    is_hot,
    named_entries,
    rebuilt,
    replaced,
    stored,
    walk,
)
from .iterative import scipy_part

DENSE = "give {names} dense, with .toarray(), if the memory is there"


class Pattern(NamedTuple):
    """An einsum whose every axis holds the places of one set of entries."""

    entry: Label
    places: tuple[str, ...]  # for each axis the index array that says where it is


class Held(NamedTuple):
    """One term of a sparse result: its values are a result of the plan."""

    places: tuple[str, ...]


class SparseCall:
    """Expressions planned for tensors of which some are given sparse, with their shapes.

    `planned` makes a compiled expression of a list of expressions.
    """

    def __init__(
        self,
        roots: Sequence[Expr],
        shapes: Mapping[str, tuple[int, ...]],
        known: Mapping[str, Expr],
        planned: Callable[[list[Expr]], Any],
        *,
        dense: bool,
    ) -> None:
        self.names = _fresh_names(shapes, known)
        self.of = ", ".join(shapes)
        values: dict[str, Expr] = {}
        for name, shape in shapes.items():
            tensor = known[name]
            _check(name, tensor, shape)
            assert isinstance(tensor, Tensor)
            entries = named_entries(tensor, self.names[name], shape)
            values[name] = aligned(entries, tensor, f"the sparse array {name}")
        origins = tuple(values.values())  # their sizes, also where a tensor has vanished
        self.rows: list[list[Held] | None] = []  # None: a dense result
        self.parts: list[Expr] = []
        self.shapes = shapes
        for root in roots:
            e = self._settled(replaced(root, values))
            found = self._held(e) if dense else None
            self.rows.append(None if found is None else [held for held, _ in found])
            if found is None:
                whole = dressed(e, axes=root.axes, origins=origins, record=root.record)
                self.parts.append(whole)
            else:
                self.parts.extend([dressed(core, origins=origins) for _, core in found])
        self._check_dense(dense)
        self.inner = planned(self.parts)

    def __call__(self, given: Mapping[str, Any], options: Mapping[str, Any]) -> list[Any]:
        """The results, in order."""
        if options.get("out") is not None:
            raise EinderivError(
                f"out is for dense results of dense arrays: leave it out, or "
                f"{DENSE.format(names=self.of)}"
            )
        arrays = dict(given)
        for name, shape in self.shapes.items():
            values, places, _ = stored(arrays.pop(name))
            arrays.update(zip(self.names[name], (values, *places), strict=True))
            assert len(places) == len(shape)
        results = iter(self.inner(arrays, sizes=options.get("sizes")))
        found: list[Any] = []
        for row, size in zip(self.rows, self._result_shapes(), strict=True):
            if row is None:
                found.append(next(results))
                continue
            whole = None
            for held in row:
                coords = tuple([arrays[place] for place in held.places])
                values = next(results)
                # a result shares no memory with what is given
                term = scipy_part("sparse").coo_array((values, coords), shape=size, copy=True)
                if len(size) == 2:
                    term = term.tocsr()
                whole = term if whole is None else whole + term
            found.append(whole)
        return found

    def _result_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of sparse results; of dense ones nothing is asked."""
        size_of: dict[str, int] = {}
        for name, shape in self.shapes.items():
            size_of.update(zip(self.names[name][1:], shape, strict=True))
        shapes: list[tuple[int, ...]] = []
        for row in self.rows:
            first = row[0].places if row else ()
            shapes.append(tuple([size_of[place] for place in first]))
        return shapes

    def _settled(self, e: Expr) -> Expr:
        """`e` with its sparse parts where products can take them: ``f(A)`` with f(0) = 0 has the
        values f(v) in the places of A, and a product with a sparse factor is one product.
        """
        own = {place for names in self.names.values() for place in names[1:]}
        done: dict[int, Expr] = {}
        for node in walk([e]):
            parts = tuple([done[id(part)] for part in children(node)])
            new = rebuilt(node, parts)
            if isinstance(new, Apply) and not is_hot(new) and len(new.arguments) == 1:
                new = self._mapped(new, own)
            if isinstance(new, Einsum):
                new = self._multiplied(new, own)
            done[id(node)] = new
        return done[id(e)]

    def _multiplied(self, e: Einsum, own: set[str]) -> Expr:
        """A product with its sparse factors in it; ``(A + B) x`` is ``A x + B x``."""
        for k, (factor, labels) in enumerate(e.slots):
            addends = _addends(factor)
            if len(addends) < 2 or not any(_pattern(addend, own) for addend in addends):
                continue
            products: list[Expr] = []
            for addend in addends:
                slots = (*e.slots[:k], (addend, labels), *e.slots[k + 1 :])
                products.append(self._multiplied(_product(e, slots), own))
            return added(products)
        sparse = [factor for factor, _ in e.slots if _pattern(factor, own)]
        whole = _product(e, e.slots, sparse) if sparse else e
        return _merged(whole, own)

    def _mapped(self, e: Apply, own: set[str]) -> Expr:
        """A function of entries, of a sparse argument: of its values alone where f(0) = 0."""
        inside = e.arguments[0]
        pattern = _pattern(inside, own) if isinstance(inside, Einsum) else None
        if pattern is None or e.function.core or e.function.plain is None:
            return e
        with np.errstate(all="ignore"):
            at_zero = e.function.plain(np, np.zeros(()), *e.parameters)
        if at_zero != 0:
            return e
        assert isinstance(inside, Einsum)
        values = rebuilt(e, (_core(inside, pattern),))
        # the places of the argument, with f of its values
        (slots, labels) = _embedding(inside, pattern)
        return assemble(
            1, [(values, (pattern.entry,)), *slots], labels, axes=e.axes, given=inside.given
        )

    def _held(self, e: Expr) -> list[tuple[Held, Expr]] | None:
        """The terms of a sparse result, and what computes their values; None for a dense one."""
        own = {place for names in self.names.values() for place in names[1:]}
        found: list[tuple[Held, Expr]] = []
        for term in _addends(e):
            pattern = _pattern(term, own) if isinstance(term, Einsum) else None
            if pattern is None:
                return None
            assert isinstance(term, Einsum)
            found.append((Held(pattern.places), _core(term, pattern)))
        return found

    def _check_dense(self, dense: bool) -> None:
        """Raise where a sparse array would be formed on the way, in a function or a sum, and where
        a result is a product of sparse arrays.
        """
        own = {place for names in self.names.values() for place in names[1:]}
        parts = [term for part in self.parts for term in _addends(part)]
        tops = set(map(id, (*self.parts, *parts)))
        for node in walk(self.parts):
            if isinstance(node, Einsum) and id(node) not in tops and _axes(node, own) > 1:
                raise EinderivError(
                    f"a function or a sum of a sparse array would be formed dense, of {self.of}: "
                    f"functions keep zeros only where f(0) = 0; {DENSE.format(names=self.of)}"
                )
        if not dense:
            return
        for part in self.parts:
            addends = _addends(part)
            rest = [term for term in addends if _pattern(term, own) is None]
            is_mixed = 0 < len(rest) < len(addends)
            if is_mixed and not any(isinstance(node, Tensor) for node in walk(rest)):
                raise EinderivError(
                    f"a number added to all entries of a sparse array ({self.of}) makes it dense: "
                    f"{DENSE.format(names=self.of)}"
                )
        for term in parts:
            # a sparse term of a sum that is dense
            is_written = _pattern(term, own) is not None
            if isinstance(term, Einsum) and _axes(term, own) > 1 and not is_written:
                raise EinderivError(
                    f"a result with several axes of sparse arrays ({self.of}) has the pattern "
                    "of none: multiply and slice sparse arrays with SciPy first, A @ B, A[1:]; "
                    f"or {DENSE.format(names=self.of)}"
                )


def _addends(e: Expr) -> list[Expr]:
    """The terms of a sum as they are nested; of anything else, itself."""
    if not isinstance(e, Add):
        return [e]
    found: list[Expr] = []
    for addend in e.addends:
        found.extend(_addends(addend))
    return found


def _product(e: Einsum, slots: Sequence[Any], inline: Sequence[Expr] = ()) -> Einsum:
    """`e` with other factors."""
    return assemble(
        e.coefficient,
        slots,
        e.output,
        axes=e.axes,
        given=e.given,
        letters=e.letters,
        relations=e.relations,
        inline=tuple(inline),
    )


def _merged(e: Einsum, own: set[str]) -> Einsum:
    """`e` where a sparse array that is met twice at the same axes has its entries once: each place
    is stored once, so ``A[i,j] A[i,j]`` is ``Σ_e v[e]² [i = r[e]] [j = c[e]]``.
    """
    axes: dict[Label, dict[str, Label]] = {}  # by entry: the axes, by the names of index arrays
    for operand, labels in e.slots:
        if is_hot(operand) and isinstance(operand.arguments[0], Tensor):
            name = operand.arguments[0].name
            if name in own:
                axes.setdefault(labels[0], {})[name] = labels[-1]
    first: dict[Any, Label] = {}
    same: dict[Label, Label] = {}
    for entry, places in axes.items():
        stems = {name.rpartition("_")[0] for name in places}
        whole = {name for name in own if name.rpartition("_")[0] in stems}
        if len(stems) != 1 or set(places) != whole:
            continue
        kept = first.setdefault(tuple(sorted(places.items())), entry)
        if kept != entry:
            same[entry] = kept
    if not same:
        return e
    slots: list[Any] = []
    for operand, labels in e.slots:
        if is_hot(operand) and labels[0] in same:
            continue  # it says what that of the first entry says
        slots.append((operand, tuple([same.get(label, label) for label in labels])))
    given = tuple([(same.get(label, label), size) for label, size in e.given])
    output = tuple([same.get(label, label) for label in e.output])
    return assemble(e.coefficient, slots, output, axes=e.axes, given=given, letters=e.letters)


def _hots(e: Einsum, own: set[str]) -> dict[Label, tuple[Label, str, Expr, int]]:
    """By the label of an axis: the entry, the name of the index array, and the factor."""
    found: dict[Label, tuple[Label, str, Expr, int]] = {}
    for k, (operand, labels) in enumerate(e.slots):
        if not is_hot(operand):
            continue
        array = operand.arguments[0]
        if isinstance(array, Tensor) and array.name in own:
            found.setdefault(labels[-1], (labels[0], array.name, operand, k))
    return found


def _axes(e: Einsum, own: set[str]) -> int:
    """How many axes of a result are places of sparse arrays, or are tied to some, as in a slice."""
    tied = set(_hots(e, own))
    for one in e.relations:
        labels = {label for label, _ in one.terms}
        if labels & tied:
            tied |= labels
    return len(tied.intersection(e.output))


def _pattern(e: Expr, own: set[str]) -> Pattern | None:
    """The one set of entries that all axes of `e` are places of, if there is one."""
    if not isinstance(e, Einsum) or not e.output or e.relations:
        return None
    hots = _hots(e, own)
    if not all(label in hots for label in e.output):
        return None
    entries = {hots[label][0] for label in e.output}
    names = tuple([hots[label][1] for label in e.output])
    tensors = {name.rpartition("_")[0] for name in names}
    every_axis = {name for name in own if name.rpartition("_")[0] in tensors}
    # all axes of the sparse array: entries with one place less are summed
    if len(entries) != 1 or set(names) != every_axis:
        return None
    return Pattern(entries.pop(), names)


def _core(e: Einsum, pattern: Pattern) -> Expr:
    """The values of what has a pattern, one for each entry."""
    core = assemble(
        e.coefficient, e.slots, (pattern.entry,), axes=(None,), given=e.given, letters=e.letters
    )
    return flatten(core)


def _embedding(e: Einsum, pattern: Pattern) -> tuple[list[Any], tuple[Label, ...]]:
    own = set(pattern.places)
    hots = _hots(e, own)
    factors = {hots[label][3] for label in e.output}
    return [e.slots[k] for k in sorted(factors)], e.output


def _fresh_names(
    shapes: Mapping[str, tuple[int, ...]], known: Mapping[str, Expr]
) -> dict[str, tuple[str, ...]]:
    """Names for the values and the places of each array, which no tensor here has."""
    found: dict[str, tuple[str, ...]] = {}
    for name, shape in shapes.items():
        stem = f"{name}_entries"
        while any(other.startswith(stem) for other in known):
            stem += "_"
        places = [f"{stem}_{axis}" for axis in range(len(shape))]
        found[name] = (stem, *places)
    return found


def _check(name: str, tensor: Expr, shape: Sequence[int]) -> None:
    structure = getattr(tensor, "structure", None)
    if structure is not None:
        raise EinderivError(
            f"{name} is declared {structure}, which is not looked for in a sparse array: declare "
            f"it without, or {DENSE.format(names=name)}"
        )


def check_program(
    execution: Any,
    given: Mapping[str, tuple[int, ...]],
    sparse: Mapping[str, tuple[int, ...]],
    *,
    dense: bool,
) -> None:
    """Raise LimitError where a plan would form something as large as a sparse array is dense, and
    nothing that is `given`, or a dense result, is as large.
    """
    results = execution.shapes if dense else ()
    most = max(map(prod, (*given.values(), *results)), default=0)
    program = execution.program
    largest = max([prod(program.shape(k)) for k in program.live()], default=0)
    for name, shape in sparse.items():
        whole = prod(shape)
        if whole > most and largest >= whole:
            raise LimitError(
                f"the plan would form {largest} entries on the way, and {name} has {whole} dense: "
                "split the product in steps, multiply sparse arrays of different patterns with "
                f"SciPy first, or {DENSE.format(names=name)}"
            )
