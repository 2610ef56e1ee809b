"""Running a program on arrays: sizes solved, dtypes decided, integers kept exact, memory refused before it is taken.

The dtype of a result is NumPy's ``result_type`` of all arrays that the expression has met; its numbers count as Python
scalars. Integers are computed in int64. Wrapping around is a ring homomorphism, so only what leaves the ring needs a
bound: an output, and the argument of a function. There ``Σ |c| · Π max |x| · Π sizes < 2**63`` must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from .backends import BACKENDS
from .base import Backend
from .emission import Emitted, emit
from .errors import EinderivError, ShapeError, our_bug
from .expression import Apply, Constant, Einsum, Expr, Size, Tensor, children, everything, walk
from .functions import stays_integer
from .pipeline import Target, optimized, planned
from .receiving import apart
from .sizes import Sizes, called, is_product, spoken
from .steps import Program

Array = np.ndarray[Any, np.dtype[Any]]


class SingularMatrixError(EinderivError, np.linalg.LinAlgError):
    """A matrix that has no inverse, or no Cholesky factor."""


def needed(roots: Sequence[Expr]) -> tuple[str, ...]:
    """The names of the tensors that must be given, in order of appearance."""
    return tuple(dict.fromkeys(node.name for node in walk(roots) if isinstance(node, Tensor)))


class Execution:
    """`roots` planned for the shapes and dtypes of one call; :meth:`run` takes arrays of just those."""

    backend = BACKENDS["numpy"]
    device: str | None = None  # as text, for a backend that has several
    devices: int | None = None  # among which values are divided
    lazy = False  # are arrays blocks that are never in memory together?
    bits = 63  # of the whole numbers that are computed in
    bindings: Mapping[str, Any] = MappingProxyType({})  # what stands for names that the source binds

    def __init__(self, roots: Sequence[Expr], sizes: Sizes, dtypes: Mapping[str, Any], *, dense: bool = True,
                 optimize: Any = "auto", memory_limit: int | None = None, distribute: bool = True,
                 folded: bool = False, worth: float | None = None) -> None:  # fmt: skip
        self.roots, self.sizes = tuple(roots), sizes
        self.inputs = needed(roots)
        self.dtype, self.compute = self.decided(dtypes)
        self.program, self.terms = planned(self.roots, sizes, self.number, dense=dense, optimize=optimize,
                                           without=() if distribute else ("distribute",), worth=worth)  # fmt: skip
        self.places = list(range(len(self.program.outputs)))
        if not dense:  # a core that serves several terms is computed, and held, once
            outputs = list(dict.fromkeys(self.program.outputs))
            self.places = [outputs.index(k) for k in self.program.outputs]
            self.program.outputs = outputs
        target = Target(kind=self.compute.kind, itemsize=self.compute.itemsize, dense=dense, memory_limit=memory_limit,
                        constants=self._values if folded else None, rewrites=self.backend.rewrites,
                        tiled=self.backend.tiled, lazy=self.lazy, devices=self.devices)  # fmt: skip
        self.loop = optimized(self.program, target)
        self.backend = self._fitted(memory_limit)
        self.emitted = self._emitted(None)
        self.function: Callable[..., Any] = self.emitted.function(self.backend, self.bindings)
        self._into: dict[bool, Callable[..., Any]] = {}
        self.shapes = [tuple(map(self.number, root.sizes)) for root in self.roots]
        for size in self.emitted.free:  # says how to give it
            self.number(size)

    def _emitted(self, zeroed: bool | None) -> Emitted:
        return emit(self.program, self.roots, self.sizes, self.backend, order=self.inputs, device=self.device,
                    dtype=self.compute.name, many=len(self.program.outputs) != 1, loop=self.loop,
                    zeroed=zeroed)  # fmt: skip

    def _fitted(self, memory_limit: int | None) -> Backend:
        """The row of the backend with what the program decides."""
        return self.backend

    def _values(self, program: Program) -> list[Any]:
        """What a program without tensors comes to; the factors of a matrix are no array."""
        emitted = emit(program, self.roots, self.sizes, self.backend, order=(), device=self.device,
                       dtype=self.compute.name, many=True)  # fmt: skip
        return list(emitted.function(self.backend)(*map(self.moved, self.program.held)))

    def decided(self, dtypes: Mapping[str, Any]) -> tuple[Any, Any]:
        """The dtype of the results, and the one that is computed in."""
        return decided(self.roots, dtypes)

    #: that an array is one of the library, where it was, as a test in a quick call
    test = "type({0}) is _array"

    @property
    def words(self) -> dict[str, Any]:
        """What a quick call knows of the library: its arrays, the dtype, how a scalar becomes an array again."""
        return {"_array": np.ndarray, "_wrap": np.asarray, "_dtype": self.compute}

    @property
    def plain(self) -> bool:
        """Are arrays of the dtype that is computed in used as they are?"""
        held = all(isinstance(a, tuple) or (isinstance(a, np.ndarray) and a.dtype == self.compute)
                   for a in self.program.held)  # fmt: skip
        return held and np.dtype(self.compute.name) is self.compute

    @property
    def held(self) -> list[Any]:
        """The arrays of the expression as they are now: they are held, not copied."""
        return list(map(self.moved, self.program.held))

    def moved(self, array: Any) -> Any:
        """A held array as it is computed with; the factors of a matrix are none."""
        return array if isinstance(array, tuple) else self._cast(array)

    def number(self, size: Size) -> int:
        """What `size` measures, or an error that says how to give it."""
        return number(self.sizes, size)

    def fit(self, array: Any) -> Any:
        """An array of `raw` as it is computed with."""
        return array

    def as_array(self, value: Any) -> Any:
        """An array of the library."""
        return np.asarray(value)

    def _cast(self, array: Any) -> Any:
        found = self.as_array(array)
        return found.astype(self.compute) if found.dtype != self.compute else found

    def run(self, arrays: Mapping[str, Any]) -> list[Array]:
        """The values of the outputs, in order."""
        results = self._called(self.function, arrays)
        results = (results,) if len(self.program.outputs) == 1 else results
        finished = [self._finished(self.as_array(result)) for result in results]
        return [finished[place] for place in self.places]

    def run_into(self, arrays: Mapping[str, Any], outs: Sequence[Array | None], *, zeroed: bool) -> list[Array]:
        """The values of the outputs in the arrays `outs`, and in fresh ones for None.

        An array that may share memory with an input, or of another dtype than the one computed in, gets a copy.
        """
        free = apart(outs, [*arrays.values(), *self.held])
        places = [out if out is not None and out.dtype == self.compute and alone else np.zeros(shape, self.compute)
                  for out, alone, shape in zip(outs, free, self.shapes, strict=True)]  # fmt: skip
        if zeroed not in self._into:
            self._into[zeroed] = self._emitted(zeroed).function(self.backend)
        self._called(self._into[zeroed], arrays, [np.asarray(place) for place in places])
        results = [place if place is out else self._finished(place) for place, out in zip(places, outs, strict=True)]
        for out, result in zip(outs, results, strict=True):
            if out is not None and out is not result:
                out[...] = result
        return [result if out is None else out for out, result in zip(outs, results, strict=True)]

    def _called(self, function: Callable[..., Any], arrays: Mapping[str, Any], outs: Sequence[Array] = ()) -> Any:
        """What a source answers for arrays; its errors in our words."""
        given = [arrays[name] for name in self.inputs]
        if self.compute.kind == "i":
            self._check_exact(given)
        try:
            # Whole numbers on the way may leave int64: the sums that fit at the end are right, modulo 2**64.
            with np.errstate(over="ignore") if self.compute.kind == "i" else nullcontext():
                return function(*map(self._cast, given), *self.held, *outs)
        except np.linalg.LinAlgError as e:
            raise SingularMatrixError(f"a matrix cannot be inverted or factored: {e}") from None
        except ValueError as e:
            if "zero-size" not in str(e):
                raise
            raise EinderivError("the largest or smallest entry was asked of an axis that has none") from None
        except OverflowError:  # of a coefficient, which is a Python number
            raise EinderivError(f"a number in the expression is too large for {self.compute}") from None

    def _finished(self, result: Array) -> Array:
        return finished(result, self.dtype)

    def _check_exact(self, given: Sequence[Array]) -> None:
        """Refuse integers whose result might not fit, by a bound on every value that leaves the ring."""
        bounds = dict(zip(self.emitted.inputs, map(_largest, (*given, *self.program.held)), strict=True))
        found: dict[int, int] = {}
        for k in self.program.live():
            step = self.program.steps[k]
            if step.kind == "apply":
                for k_in in step.inputs:
                    self._check_bound(found[k_in])
            found[k] = _bound(self.program, k, found, bounds)
        for k in self.program.outputs:
            self._check_bound(found[k])

    def _check_bound(self, bound: int) -> None:
        if bound >= 2**self.bits:
            raise EinderivError(f"integers may reach 2**{bound.bit_length()} here, beyond int{self.bits + 1} "
                                f"(2**{self.bits} - 1): convert the arrays to float64 first")  # fmt: skip


def finished(result: Array, dtype: Any) -> Array:
    """A result as an array of `dtype`. Raises EinderivError for whole numbers that it does not hold."""
    if result.dtype == dtype:
        return result
    if dtype.kind in "iu" and result.size:
        low, high, info = int(result.min()), int(result.max()), np.iinfo(dtype)
        if low < info.min or high > info.max:
            raise EinderivError(f"the result runs from {low} to {high}, which {dtype} does not hold: "
                                "convert the arrays to int64 first")  # fmt: skip
    return result.astype(dtype, copy=False)


def _largest(array: Any) -> int:
    return max(abs(int(array.max())), abs(int(array.min()))) if prod(array.shape) else 0


def _bound(program: Program, k: int, found: Mapping[int, int], inputs: Mapping[str, int]) -> int:
    """A bound on the absolute values of one step's result: coefficients are whole numbers here."""
    step = program.steps[k]
    parts = [found[i] for i in step.inputs]
    match step.kind:
        case "input":
            return inputs[step.spec[0]]
        case "number":
            return abs(int(step.spec[0]))
        case "view":
            return parts[0]
        case "sum":
            return parts[0] * (program.entries(step.inputs[0]) // max(program.entries(k), 1))
        case "contract2":
            la, lb, out = step.spec
            sizes = dict(zip(la + lb, map(program.number, step.operand_sizes), strict=True))
            return parts[0] * parts[1] * int(prod(n for label, n in sizes.items() if label not in out))
        case "scale":
            number, sizes_ = step.spec
            return parts[0] * abs(int(number)) * prod(map(program.number, sizes_))
        case "apply":
            row, _, parameters = step.spec
            return int(row.integer(tuple(parts), parameters))
        case "add" | "write" | "reshape":
            return sum(parts)
    return our_bug(f"no bound for {step.kind}")


def number(sizes: Sizes, size: Size) -> int:
    """What `size` measures. Raises ShapeError where it is not known."""
    found = sizes.number(size)
    if found is None:
        raise ShapeError(f"the size of {spoken(size)} is not known: {how_to_give(size)}")
    return found


def how_to_give(size: Size) -> str:
    """What to do about a size that is not known."""
    if is_product(size):
        return " and ".join(map(how_to_give, size[1:]))
    if isinstance(size, tuple):
        return f"give {size[0]}, or sizes={{label: number}}"
    return f"give sizes={{{size!r}: …}}"


def met(roots: Sequence[Expr]) -> tuple[list[Any], list[float | complex], bool]:
    """What decides a dtype besides tensors: held arrays, numbers that lift it; does a function leave the integers?"""
    held = [node.value for node in walk(roots, everything)
            if isinstance(node, Constant) and hasattr(node.value, "dtype")]  # fmt: skip
    nodes = list(walk(roots))
    scalars = {type(node.coefficient) for node in nodes if isinstance(node, Einsum)}
    scalars |= {type(p) for node in nodes if isinstance(node, Apply) for p in node.parameters}
    real = any(isinstance(node, Apply) and not stays_integer(node) for node in nodes)
    return held, [kind(1) for kind in (float, complex) if kind in scalars], real


def decided(roots: Sequence[Expr], dtypes: Mapping[str, Any]) -> tuple[Any, Any]:
    """The dtype of the results, and the one that is computed in."""
    held, weak, real = met(roots)
    arrays = [*dtypes.values(), *(array.dtype for array in held)] or [np.int64]  # numbers alone: whole ones stay whole
    dtype = np.result_type(*arrays, *weak)
    if dtype.kind == "c":
        check_holomorphic(roots, dtypes)
    if dtype.kind in "iub" and real:
        dtype = np.dtype(np.float64)
    check_no_bool(dtype.kind)
    compute = {"i": np.dtype(np.int64), "u": np.dtype(np.int64)}.get(dtype.kind, dtype)
    return dtype, np.dtype(np.float32) if compute == np.float16 else compute


def check_no_bool(kind: str) -> None:
    """Refuse what would be computed in the algebra of truth values."""
    if kind == "b":
        raise TypeError("all arrays are bool, for which + and * mean or and and: convert them to int64 or float64")


def check_holomorphic(roots: Sequence[Expr], dtypes: Mapping[str, Any]) -> None:
    """Nothing that was met on the way may lack a complex derivative: it would be given out as the real one."""
    inside: set[int] = set()  # nodes that may be complex
    for node in walk(roots, everything):
        given = isinstance(node, Tensor) and node.name in dtypes and dtypes[node.name].kind == "c"
        if given or node.complex or any(id(c) in inside for c in children(node)):
            inside.add(id(node))
        if not isinstance(node, Apply) or not any(id(a) in inside for a in node.arguments):
            continue
        if node.function.name == "conj" and not node.complex:
            name = called(node.arguments[0])
            raise EinderivError(f"{name} is conjugated and given as a complex array, but not declared so: "
                                f"ed.tensor({name!r}, …, complex=True)")  # fmt: skip
        if not node.function.analytic:
            raise EinderivError(
                f"{node.function.name} of complex numbers is not holomorphic, so it has no derivative "
                "here; write it with real and imaginary parts, of tensors declared complex=True"
            )


def solved(roots: Sequence[Expr], shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
    """The sizes of the expressions, with the shapes that are given."""
    return Sizes(shapes).read(roots)


def computed(e: Expr, arrays: Mapping[str, Any], memory_limit: int | None = None) -> Array:
    """The dense value of one expression, planned for this once."""
    sizes = solved([e], {name: a.shape for name, a in arrays.items()})
    execution = Execution([e], sizes, {name: a.dtype for name, a in arrays.items()}, memory_limit=memory_limit)
    return execution.run(arrays)[0]
