"""Running a program on arrays: sizes solved, dtypes decided, integers kept exact, memory refused
before it is taken.

The dtype of a result is NumPy's ``result_type`` of all arrays that the expression has met; its
numbers count as Python scalars. Integers are computed in int64. Wrapping around is a ring
homomorphism, so only what leaves the ring needs a bound: an output, and the argument of a function.
There ``Σ |c| · Π max |x| · Π sizes < 2**63`` must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from math import prod
from typing import Any

import numpy as np

from ..backends import NUMPY, Array, Backend, Emitted, decided, emit, emit_into, explained, finished
from ..errors import BackendError, EinderivError, ShapeError, our_bug
from ..expression import (
    Expr,
    Size,
    Sizes,
    Tensor,
    is_hot,
    library,
    needed,
    solved,
    spoken,
    walk,
)
from ..planning import Ops, Program
from ..rewriting import DISTRIBUTING, Target, optimized, planned
from .out import apart


class Execution:
    """`roots` planned for the shapes and dtypes of one call; :meth:`run` takes arrays of just
    those.

    What differs between libraries is in `library`, a part of the `backend`.
    """

    def __init__(
        self,
        roots: Sequence[Expr],
        sizes: Sizes,
        dtypes: Mapping[str, Any],
        *,
        backend: Backend = NUMPY,
        device: Any = None,
        mesh: Any = None,
        dense: bool = True,
        optimize: Any = "auto",
        memory_limit: int | None = None,
        distribute: bool | None = None,
        folded: bool = False,
        worth: float | None = None,
    ) -> None:
        self.backend = backend
        self.library = backend.library
        self.device = device
        self.roots = tuple(roots)
        self.sizes = sizes
        self.inputs = needed(roots)
        # Of the results, and computed in: as the library has them, and as planning sees them.
        self.dtypes = decided(self.library, self.roots, dtypes)
        self.dtype, self.compute = map(self.library.kind, self.dtypes)
        if distribute is None:
            distribute = _has_digits_to_spare(self.compute)
        self.program, self.terms = planned(
            self.roots,
            sizes,
            self.measure,
            dense=dense,
            optimize=optimize,
            without=() if distribute else DISTRIBUTING,
            worth=worth,
        )
        self.places = list(range(len(self.program.outputs)))
        if not dense:  # a core that serves several terms is computed, and held, once
            outputs = list(dict.fromkeys(self.program.outputs))
            self.places = [outputs.index(k) for k in self.program.outputs]
            self.program.outputs = outputs
        self._held: list[Any] | None = None
        self.writer = backend  # and with what the program decides, once that is known
        target = Target(
            passes=backend.passes,
            kind=self.compute.kind,
            itemsize=self.compute.itemsize,
            dense=dense,
            memory_limit=memory_limit,
            constants=self._values if folded else None,
            devices=None if mesh is None else mesh.size,
        )
        self.program = optimized(self.program, target)
        self.writer = backend.fitted(self.program, self.compute.itemsize, memory_limit, mesh)
        self.emitted = self._emitted(None)
        self.function: Callable[..., Any] = self.emitted.function(self.writer, self.writer.bindings)
        self._into: dict[bool, Callable[..., Any]] = {}
        self.shapes = [tuple(map(self.measure, root.axis_sizes)) for root in self.roots]
        #: index arrays, and the sizes of what they point into
        self.pointers = [
            (node.arguments[0], node.parameters[0]) for node in walk(self.roots) if is_hot(node)
        ]
        for size in self.emitted.free:  # says how to give it
            self.measure(size)
        self._check_library()

    def _emitted(self, zeroed: bool | None) -> Emitted:
        """The source that returns the results, or with `zeroed` the one that writes them into
        arrays.
        """
        if zeroed is None:
            many = len(self.program.outputs) != 1
            return self._returning(self.program, self.inputs, many=many)
        return emit_into(
            self.program,
            self.roots,
            self.sizes,
            self.writer,
            order=self.inputs,
            dtype=self.compute.name,
            zeroed=zeroed,
        )

    def _returning(self, program: Program, order: tuple[str, ...], *, many: bool) -> Emitted:
        return emit(
            program,
            self.roots,
            self.sizes,
            self.writer,
            order=order,
            dtype=self.compute.name,
            device=None if self.device is None else str(self.device),
            many=many,
        )

    def _values(self, program: Program) -> list[Any]:
        """What a program without tensors comes to."""
        function = self._returning(program, (), many=True).function(self.writer)

        def run() -> list[Any]:
            return list(function(*self._moved(self.program)))

        return self.library.constants(run)

    def _check_library(self) -> None:
        """Raise for what the library does not compute, or cannot vouch for."""
        if self.compute.kind == "c":
            for k in self.program.live():
                step = self.program.steps[k]
                if step.op is Ops.APPLY and self.library.name in step.spec[0].real_in:
                    raise BackendError(
                        f"{self.library.name} computes {step.spec[0].name} of real numbers only; "
                        "NumPy takes complex ones"
                    )
        if self.compute.kind in "iu":
            for k in self.program.live():
                step = self.program.steps[k]
                if step.op is Ops.APPLY and self.library.name in step.spec[0].floats_in:
                    raise BackendError(
                        f"whole numbers are exact or refused, and {self.library.name} computes "
                        f"{step.spec[0].name} of floats: convert the arrays to float64 first; "
                        "NumPy takes whole numbers"
                    )
        if self.library.lazy and self.compute.kind in "iub":
            raise BackendError(
                "whole numbers are exact or refused, which cannot be decided of arrays that are "
                "not computed yet: convert them to floats first"
            )

        if self.library.lazy:
            self._check_computed_places()

    def _check_computed_places(self) -> None:
        """Raise for places that are computed, where blocks are chosen before anything is."""
        steps = self.program.steps
        for _, step in self.program.live_steps():
            if step.op not in (Ops.READ, Ops.PLACE, Ops.MASK):
                continue
            made = [steps[k] for k in self.program.needed(step.inputs[1:])]
            functions = [one.spec[0].name for one in made if one.op is Ops.APPLY]
            if functions:
                names = [one.spec[0] for one in made if one.op is Ops.INPUT]
                raise BackendError(
                    f"{self.library.name} chooses blocks before anything is computed, and here "
                    f"places are computed first: by {functions[-1]} of {', '.join(names)}. Give "
                    "arrays of NumPy, or compute the places and read at them as an index array: "
                    "x[r] with r = np.argsort(…)"
                )

    @property
    def words(self) -> dict[str, Any]:
        """What a quick call knows of the library: its arrays, the dtype, how a scalar becomes an
        array again.
        """
        return self.library.words(self.dtypes[1], self.device)

    @property
    def plain(self) -> bool:
        """Do held arrays go into the source as they are?"""
        if not self.library.as_they_are:
            return True
        return all(a is b for a, b in zip(self.program.held, self.held, strict=True))

    @property
    def held(self) -> list[Any]:
        """The held arrays as the library has them.

        Where arrays are used as they are these are those of now, else those of the first call.
        """
        if self.library.as_they_are:
            return self._moved(self.program)
        if self._held is None:
            self._held = self._moved(self.program)
        return self._held

    def _moved(self, program: Program) -> list[Any]:
        """The held arrays as they are computed with; index arrays stay whole numbers."""
        held: list[Any] = []
        for k, array in enumerate(program.held):
            if f"#{k}" in program.index_arrays:
                held.append(self.library.pointing(array, "of an expression", self.device))
            else:
                held.append(self.moved(array))
        return held

    def moved(self, array: Any) -> Any:
        """A held array as it is computed with; the factors of a matrix are none."""
        if isinstance(array, (tuple, list)):
            return array
        return self.library.moved(array, self.dtypes[1], self.device)

    def measure(self, size: Size) -> int:
        """What `size` measures, or an error that says how to give it."""
        return self.sizes.measure(size)

    def fit(self, name: str, array: Any) -> Any:
        """An array of `raw` as it is computed with."""
        return array if self.library.as_they_are else self._as_computed(name, array)

    def run(self, arrays: Mapping[str, Any]) -> list[Any]:
        """The values of the outputs, in order."""
        results = self._called(self.function, arrays)
        if len(self.program.outputs) == 1:
            results = (results,)
        library, dtype = self.library, self.dtypes[0]
        values: list[Any] = []
        for k, result in zip(self.program.outputs, results, strict=True):
            array = library.as_array(result)
            values.append(array if self._is_index_array(k) else finished(library, array, dtype))
        return [values[place] for place in self.places]

    def _is_index_array(self, k: int) -> bool:
        """Is a value one that says where the core of a term sits? It stays whole numbers."""
        step = self.program.steps[k]
        while step.op is Ops.VIEW:
            step = self.program.steps[step.inputs[0]]
        if step.op is Ops.APPLY:
            return bool(step.spec[0].places)
        return step.op is Ops.INPUT and step.spec[0] in self.program.index_arrays

    def run_into(
        self, arrays: Mapping[str, Any], outs: Sequence[Array | None], *, zeroed: bool
    ) -> list[Array]:
        """The values of the outputs in the arrays `outs` of NumPy, and in fresh ones for None.

        An array that may share memory with an input, or of another dtype than the one computed in,
        gets a copy.
        """
        free = apart(outs, [*arrays.values(), *self.held])
        places: list[Array] = []  # what the source writes into
        for out, alone, shape in zip(outs, free, self.shapes, strict=True):
            if out is not None and out.dtype == self.compute and alone:
                places.append(out)
            else:
                places.append(np.zeros(shape, self.compute))
        if zeroed not in self._into:
            self._into[zeroed] = self._emitted(zeroed).function(self.writer)
        self._called(self._into[zeroed], arrays, [np.asarray(place) for place in places])
        results: list[Array] = []
        for place, out in zip(places, outs, strict=True):
            results.append(place if place is out else finished(self.library, place, self.dtype))
        # All of them are known to fit before the first is copied.
        for k, out in enumerate(outs):
            if out is None or out is results[k]:
                continue
            out[...] = results[k]
            results[k] = out
        return results

    def _called(
        self, function: Callable[..., Any], arrays: Mapping[str, Any], outs: Sequence[Array] = ()
    ) -> Any:
        """What a source answers for arrays; its errors in our words."""
        given = [arrays[name] for name in self.inputs]
        if self.pointers:
            self._check_places(arrays)
        whole_numbers = self.compute.kind == "i"
        if whole_numbers:
            self._check_exact(given)
        try:
            # Whole numbers on the way may leave int64: the sums that fit at the end are right,
            # modulo 2**64.
            with np.errstate(over="ignore") if whole_numbers else nullcontext():
                return function(*map(self._as_computed, self.inputs, given), *self.held, *outs)
        except Exception as error:
            ours = explained(self.library, error, self.compute.name)
            if ours is None:
                raise
            raise ours from None

    def _check_places(self, arrays: Mapping[str, Any]) -> None:
        """Raise for an index array that points beyond what it points into."""
        for array, size in self.pointers:
            name = getattr(array, "name", None) or "of an expression"
            places = (
                arrays.get(name) if isinstance(array, Tensor) else getattr(array, "value", None)
            )
            if library(places) == self.library.name:  # else it is one of NumPy
                places = self.library.looked_at(places)
            count = self.measure(size)
            if places is None or not places.size:
                continue
            if not self.library.sources_look and int(places.min()) < 0:
                at = ", ".join(map(str, np.argwhere(places < 0)[0]))
                raise ValueError(f"{name}[{at}] is {places.min()}: places are counted from 0")
            if int(places.max()) < count:
                continue
            first = tuple(map(int, np.argwhere(places >= count)[0]))
            raise ShapeError(
                f"the index array {name} holds {places[first]} at {list(first)}, but points into "
                f"{spoken(size)} of size {count}: places are 0 to {count - 1}"
            )

    def _as_computed(self, name: str, array: Any) -> Any:
        """An input as it is computed with: an index array stays whole numbers."""
        if name in self.program.index_arrays:
            return self.library.pointing(array, name, self.device)
        return self.library.converted(array, self.dtypes[1])

    def _check_exact(self, given: Sequence[Array]) -> None:
        """Refuse integers whose result might not fit, by a bound on every value that leaves the
        ring.
        """
        if not self.library.as_they_are:
            looked_at = map(self.library.looked_at, (*given, *self.held))
            if any(array is None for array in looked_at):
                raise BackendError(
                    "whole numbers are exact or refused, which cannot be decided while they are "
                    "traced: convert the arrays to floats first, or call raw, which does not look"
                )
        magnitudes = map(largest, (*given, *self.program.held))
        of_inputs = dict(zip(self.emitted.inputs, magnitudes, strict=True))
        bounds: dict[int, int] = {}  # by steps
        for k in self.program.live():
            step = self.program.steps[k]
            if step.op is Ops.APPLY:  # functions leave the ring, so their arguments must be right
                for argument in step.inputs:
                    self._check_bound(bounds[argument])
            bounds[k] = _bound(self.program, k, bounds, of_inputs)
        for k in self.program.outputs:
            self._check_bound(bounds[k])

    def _check_bound(self, bound: int) -> None:
        check_bound(bound, self.compute.itemsize)


def check_bound(bound: int, itemsize: int) -> None:
    """Raise for whole numbers that may be beyond integers of `itemsize` bytes."""
    bits = 8 * itemsize - 1
    if bound >= 2**bits:
        raise EinderivError(
            f"integers may reach 2**{bound.bit_length()} here, beyond int{bits + 1} "
            f"(2**{bits} - 1): convert the arrays to float64 first"
        )


def computed(e: Expr, arrays: Mapping[str, Any], memory_limit: int | None = None) -> Array:
    """The dense value of one expression, planned for this once."""
    sizes = solved([e], {name: array.shape for name, array in arrays.items()})
    dtypes = {name: array.dtype for name, array in arrays.items()}
    execution = Execution([e], sizes, dtypes, memory_limit=memory_limit)
    result: Array = execution.run(arrays)[0]
    return result


def _has_digits_to_spare(dtype: Any) -> bool:
    """May rounding errors become relative to the terms of a sum? From double precision on; whole
    numbers are exact.
    """
    itemsize: int = dtype.itemsize
    return dtype.kind in "iub" or itemsize >= (16 if dtype.kind == "c" else 8)


def largest(array: Any) -> int:
    """The largest absolute value of an array, as a Python integer: that of -2**63 does not fit into
    int64.
    """
    if not prod(array.shape):
        return 0
    return max(abs(int(array.max())), abs(int(array.min())))


def _bound(
    program: Program, k: int, bounds: Mapping[int, int], of_inputs: Mapping[str, int]
) -> int:
    """A bound on the absolute values of one step's result: coefficients are whole numbers here."""
    step = program.steps[k]
    if step.op is Ops.INPUT:
        return of_inputs[step.spec[0]]
    if step.op.bound is None:
        return our_bug(f"no bound for {step.op.name}")
    return step.op.bound(step, [bounds[v] for v in step.inputs], program.measure)
