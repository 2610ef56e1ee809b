"""Running a program on arrays of torch and JAX: where they are, in their dtype, under their transformations.

The libraries are imported when an array of them is met, or when a backend is asked for by name. What they decide is
theirs: how dtypes promote, the default float of whole numbers under a smooth function, what a singular matrix gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, reduce
from importlib import import_module
from math import prod
from typing import Any, NamedTuple

import numpy as np

from . import jax_backend, torch_backend
from .arrays import library, usable
from .backends import BACKENDS
from .errors import BackendError, EinderivError
from .execution import Execution, SingularMatrixError, check_holomorphic, check_no_bool, met
from .expression import Expr
from .sizes import Sizes
from .steps import Program


class Kind(NamedTuple):
    """A dtype of any library as far as planning asks: ``float32``, ``f``, 4."""

    name: str
    kind: str
    itemsize: int


class Host(Execution):
    """An execution for arrays of a library; what differs between them is below."""

    library = ""
    real: frozenset[str] = frozenset()  # rows that it computes of real numbers only

    def __init__(self, roots: Sequence[Expr], sizes: Sizes, dtypes: Mapping[str, Any], *, device: Any = None,
                 **options: Any) -> None:  # fmt: skip
        self.place, self.device = device, None if device is None else str(device)
        self.xp = self.imported()
        super().__init__(roots, sizes, dtypes, **options)
        if self.compute.kind == "c":
            self._check_complex()

    @classmethod
    def imported(cls) -> Any:
        """The library, or an error that says how to get it."""
        return imported(cls.library, "torch" if cls.library == "torch" else "jax.numpy")

    @classmethod
    def given(cls, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays of the library, on one device, and that device; NumPy arrays and lists are converted."""
        raise NotImplementedError

    @classmethod
    def looked_at(cls, array: Any) -> Any:
        """The array for NumPy, or None while it is traced and has no values."""
        raise NotImplementedError

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """The dtype of arrays together, lifted by Python numbers."""
        raise NotImplementedError

    def kind(self, dtype: Any) -> Kind:
        """A dtype of the library."""
        raise NotImplementedError

    def decided(self, dtypes: Mapping[str, Any]) -> tuple[Any, Any]:
        """The dtype of the results, and the one that is computed in, as the library has it."""
        held, weak, real = met(self.roots)
        found = [*dtypes.values(), *map(self.held_dtype, held)]
        dtype = self.promoted(found, [*weak, *[1.0] * real])
        result = self.kind(dtype)
        check_no_bool(result.kind)
        if result.kind == "c":
            check_holomorphic(self.roots, {name: self.kind(d) for name, d in dtypes.items()})
        compute = self.promoted([], []) if result.kind in "iu" else dtype
        self.dtypes = dtype, compute
        self.bits = 8 * self.kind(compute).itemsize - 1
        return result, self.kind(compute)

    @property
    def plain(self) -> bool:
        """An array that needs no cast goes into the source as it is."""
        return True

    def held_dtype(self, array: Any) -> Any:
        """The dtype that a held array, of NumPy or of the library, gets."""
        raise NotImplementedError

    @classmethod
    def conjugated(cls, array: Any) -> Any:
        """The complex conjugate of an array."""
        raise NotImplementedError

    def _check_complex(self) -> None:
        steps = [self.program.steps[k] for k in self.program.live()]
        names = [step.spec[0].name for step in steps if step.kind == "apply"]
        for name in names:
            if name in self.real:
                raise BackendError(f"{self.library} computes {name} of real numbers only; NumPy takes complex ones")

    def run(self, arrays: Mapping[str, Any]) -> list[Any]:
        """The values of the outputs, in order."""
        given = [arrays[name] for name in self.inputs]
        if self.compute.kind == "i":
            if any(self.looked_at(array) is None for array in (*given, *self.held)):
                raise BackendError("whole numbers are exact or refused, which cannot be decided while they are traced: "
                                   "convert the arrays to floats first, or call raw, which does not look")  # fmt: skip
            self._check_exact(given)
        try:
            results = self.function(*map(self.fit, given), *self.held)
        except RuntimeError as e:  # of torch: JAX says nothing, and gives what division by zero gives
            if "linalg." in str(e):
                raise SingularMatrixError(f"a matrix cannot be inverted or factored: {str(e).split('. ')[0]}") from None
            if "without overflow" in str(e):
                raise EinderivError(f"a number in the expression is too large for {self.compute.name}") from None
            raise
        except (ValueError, IndexError) as e:
            if "zero-size" not in str(e) and "non-zero size" not in str(e):
                raise
            raise EinderivError("the largest or smallest entry was asked of an axis that has none") from None
        except OverflowError:  # of a coefficient, which is a Python number
            raise EinderivError(f"a number in the expression is too large for {self.compute.name}") from None
        results = (results,) if len(self.program.outputs) == 1 else results
        finished = [self._narrowed(result) for result in results]
        return [finished[place] for place in self.places]

    def _narrowed(self, result: Any) -> Any:
        """A whole result in its own dtype, which must hold it."""
        if self.dtype == self.compute:
            return result
        if prod(result.shape):
            low, high = int(result.min()), int(result.max())
            bits, signed = 8 * self.dtype.itemsize, self.dtype.kind == "i"
            if low < -(2 ** (bits - 1)) * signed or high >= 2 ** (bits - signed):
                raise EinderivError(f"the result runs from {low} to {high}, which {self.dtype.name} does not hold: "
                                    "convert the arrays to a wider dtype first")  # fmt: skip
        return self.converted(result, self.dtypes[0])

    def fit(self, array: Any) -> Any:
        """An array in the dtype that is computed in."""
        return self.converted(array, self.dtypes[1])

    @cached_property
    def held(self) -> list[Any]:
        """The arrays of the expression as they were when this was planned, where they are computed with."""
        return list(map(self.moved, self.program.held))

    def moved(self, array: Any) -> Any:
        """A held array as one of the library, in the dtype that is computed in."""
        raise NotImplementedError

    def converted(self, array: Any, dtype: Any) -> Any:
        """An array in a dtype."""
        raise NotImplementedError


class Torch(Host):
    """Tensors keep their device; promotion is ``torch.promote_types``."""

    library, backend, real = "torch", BACKENDS["torch"], torch_backend.REAL

    test = "isinstance({0}, _array) and {0}.device == _device"

    @property
    def words(self) -> dict[str, Any]:
        """What a quick call compares with; a scalar is a tensor already."""
        return {"_array": self.xp.Tensor, "_wrap": _same, "_dtype": self.dtypes[1], "_device": self.place}

    @classmethod
    def given(cls, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Tensors as they are, everything else as a tensor on their device."""
        torch = cls.imported()
        tensors = {name: a for name, a in arrays.items() if library(a) == "torch"}
        for name, a in tensors.items():
            if a.layout != torch.strided:
                raise TypeError(f"{name} is a sparse tensor: make it dense with .to_dense()")
        devices = {a.device: name for name, a in tensors.items()}
        if len(devices) > 1:
            (a, x), (b, y), *_ = devices.items()
            raise BackendError(f"{x} is on {a} and {y} on {b}: move one of them first")
        device = next(iter(devices), torch.get_default_device())
        return {name: a if name in tensors else cls.tensor(usable(a, name), device)
                for name, a in arrays.items()}, device  # fmt: skip

    @classmethod
    def tensor(cls, array: Any, device: Any, dtype: Any = None) -> Any:
        """A tensor with the values of a NumPy array."""
        return cls.imported().tensor(np.ascontiguousarray(array).reshape(array.shape), device=device, dtype=dtype)

    @classmethod
    def looked_at(cls, array: Any) -> Any:
        """The array for NumPy, or None inside of ``torch.func`` and ``torch.compile``."""
        try:
            return array.detach().cpu().resolve_conj().numpy()
        except RuntimeError:  # of a tensor that stands for others
            return None

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """``torch.promote_types``, and what a Python number does to a tensor."""
        found = reduce(self.xp.promote_types, dtypes) if dtypes else self.xp.int64
        for number in numbers:
            found = self.xp.result_type(self.xp.empty((), dtype=found, device="cpu"), number)
        return found

    def kind(self, dtype: Any) -> Kind:
        """A dtype of torch."""
        kind = "c" if dtype.is_complex else "f" if dtype.is_floating_point else "b" if dtype == self.xp.bool else "i"
        return Kind(str(dtype).removeprefix("torch."), "u" if kind == "i" and not dtype.is_signed else kind,
                    dtype.itemsize)  # fmt: skip

    def held_dtype(self, array: Any) -> Any:
        """That of ``torch.from_numpy``."""
        if library(array) == "torch":
            return array.dtype
        return self.xp.from_numpy(np.empty(0, np.asarray(array).dtype)).dtype

    @classmethod
    def conjugated(cls, array: Any) -> Any:
        """The complex conjugate, not marked as one."""
        return cls.imported().conj_physical(array)

    def converted(self, array: Any, dtype: Any) -> Any:
        """A tensor in a dtype."""
        return array.to(dtype)

    def moved(self, array: Any) -> Any:
        """A held array on the device."""
        if library(array) == "torch":
            return array.to(self.place, self.dtypes[1])
        if isinstance(array, list):  # the factors of a matrix, made once
            return array
        return self.tensor(np.asarray(array), self.place, self.dtypes[1])


class Cupy(Execution):
    """CuPy's arrays: NumPy's rules on one device."""

    backend = BACKENDS["cupy"]
    test = "isinstance({0}, _array)"

    def __init__(self, roots: Sequence[Expr], sizes: Sizes, dtypes: Mapping[str, Any], *, device: Any = None,
                 **options: Any) -> None:  # fmt: skip
        self.xp = imported("cupy", "cupy")
        super().__init__(roots, sizes, dtypes, **options)

    @property
    def words(self) -> dict[str, Any]:
        """What a quick call compares with."""
        return {"_array": self.xp.ndarray, "_wrap": self.xp.asarray, "_dtype": self.compute}

    @property
    def plain(self) -> bool:
        """Held arrays are moved when a call is made, so none is quick with them."""
        return not self.program.held

    @classmethod
    def given(cls, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays as they are, everything else as an array of CuPy."""
        cupy = imported("cupy", "cupy")
        return {n: a if library(a) == "cupy" else cupy.asarray(usable(a, n)) for n, a in arrays.items()}, None

    @classmethod
    def looked_at(cls, array: Any) -> Any:
        """The array for NumPy."""
        return array.get()

    def as_array(self, value: Any) -> Any:
        """An array of CuPy."""
        return self.xp.asarray(value)


class Jax(Host):
    """Arrays and tracers alike; promotion is ``jax.numpy.result_type``."""

    library, backend, real = "jax", BACKENDS["jax"], jax_backend.REAL

    def __init__(self, roots: Sequence[Expr], sizes: Sizes, dtypes: Mapping[str, Any], *, mesh: Any = None,
                 **options: Any) -> None:  # fmt: skip
        self.mesh = mesh
        if mesh is not None:
            # One axis for all devices; constraints are for a mesh whose axes JAX may divide by itself.
            flat = import_module("jax.sharding").Mesh(mesh.devices.ravel(), ("devices",))
            self.devices = mesh.size
            self.backend, self.bindings = jax_backend.with_devices(mesh.size), {"mesh": flat}
        super().__init__(roots, sizes, dtypes, **options)

    @property
    def words(self) -> dict[str, Any]:
        """What a quick call compares with: tracers, which are of another type, go the long way."""
        with import_module("jax").ensure_compile_time_eval():
            return {"_array": type(self.xp.zeros(())), "_wrap": _same, "_dtype": self.dtypes[1]}

    @classmethod
    def given(cls, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays and tracers as they are, everything else as an array."""
        jnp = cls.imported()
        found = {n: a if library(a) == "jax" else jnp.asarray(usable(a, n)) for n, a in arrays.items()}
        for name, a in found.items():
            if not (jnp.issubdtype(a.dtype, jnp.number) or a.dtype == bool):
                raise TypeError(f"{name} has dtype {a.dtype}, which cannot be computed with: "
                                "numbers are bool, int, float or complex")  # fmt: skip
        return found, None

    @classmethod
    def looked_at(cls, array: Any) -> Any:
        """The array for NumPy, or None for a tracer."""
        return None if isinstance(array, import_module("jax").core.Tracer) else np.asarray(array)

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """``jax.numpy.result_type``; whole numbers are of the default integer."""
        canonical = import_module("jax").dtypes.canonicalize_dtype  # 64 bits only where they are enabled
        return np.dtype(canonical(self.xp.result_type(*map(canonical, dtypes or [np.int64]), *numbers)))

    def kind(self, dtype: Any) -> Kind:
        """A dtype of JAX; bfloat16 and its like are floats too."""
        dtype = np.dtype(dtype)
        return Kind(dtype.name, "f" if self.xp.issubdtype(dtype, self.xp.floating) else dtype.kind, dtype.itemsize)

    def held_dtype(self, array: Any) -> Any:
        """That of ``jax.numpy.asarray``."""
        return array.dtype if library(array) == "jax" else np.asarray(array).dtype

    @classmethod
    def conjugated(cls, array: Any) -> Any:
        """The complex conjugate."""
        return cls.imported().conj(array)

    def converted(self, array: Any, dtype: Any) -> Any:
        """An array in a dtype."""
        return array.astype(dtype)

    def moved(self, array: Any) -> Any:
        """A held array, as one of JAX."""
        if library(array) == "jax":
            return array.astype(self.dtypes[1])
        if isinstance(array, list):  # the factors of a matrix, made once
            return array
        with import_module("jax").ensure_compile_time_eval():  # an array, also while a caller is traced
            return self.xp.asarray(np.asarray(array), self.dtypes[1])

    def _values(self, program: Program) -> list[Any]:
        """What constants come to, also while a caller is traced. A trace may not keep factors: they are made here."""
        with import_module("jax").ensure_compile_time_eval():
            found = super()._values(program)
            for matrix in found:
                if isinstance(matrix, list):
                    matrix.extend(import_module("jax.scipy.linalg").lu_factor(matrix[0]))
        return found


def _same(array: Any) -> Any:
    return array


def imported(backend: str, module: str) -> Any:
    """A library, or an error that says how to get it."""
    try:
        return import_module(module)
    except ImportError:
        raise BackendError(f"backend {backend!r} needs {backend}: pip install 'einderiv[{backend}]'") from None
