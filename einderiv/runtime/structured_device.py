"""Structured tensors of torch and JAX: their cores stay where they are, and what products can do is
done there.

What factors matrices is NumPy's: it looks at the numbers, which traced ones do not have.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Never

from ..backends import Array
from ..errors import BackendError
from ..expression import Expr, solved
from ..planning import Term
from .execution import Execution
from .structured import Structured
from .terms import core, product, total


class Hosted(Structured):
    """A tensor as a sum of embedded cores, which are arrays of torch or JAX."""

    def __init__(
        self,
        terms: list[Term[Array]],
        shape: tuple[int, ...],
        made_by: Execution,
        root: Expr,
        split: int | None,
    ) -> None:
        """`made_by` is the execution that made the terms: it knows the library, the dtype and
        the device.
        """
        super().__init__(terms, shape, made_by.dtypes[0], root, split)
        self._backend, self._library, self._device = (
            made_by.backend,
            made_by.library,
            made_by.device,
        )

    @property
    def nbytes(self) -> int:
        """The bytes of the factors that are held; an array that serves several times counts
        once.
        """
        arrays = {id(array): array for term in self._terms for array, _ in term.factors}
        return sum(prod(a.shape) * self._library.kind(a.dtype).itemsize for a in arrays.values())

    def dense(self, memory_limit: int | None = None) -> Any:
        """The tensor itself. Raises LimitError beyond `memory_limit` bytes (default
        ``limits.dense_bytes``).
        """
        return self._run(
            total([product(term, self.shape) for term in self._terms], self.shape), memory_limit
        )

    def _core(self, term: Term[Array]) -> Any:
        return core(term, self.shape, self._run)

    def _value(self, e: Expr) -> Any:
        return self._run(e)

    def _run(self, e: Expr, memory_limit: int | None = None, **arrays: Any) -> Any:
        """What an expression of the factors comes to, in the dtype of all."""
        found = self._planned_for(e, arrays, memory_limit).run(arrays)[0]
        return found if arrays else self._library.converted(found, self.dtype)

    def _planned_for(
        self, e: Expr, arrays: dict[str, Any], memory_limit: int | None = None
    ) -> Execution:
        shapes = {name: tuple(a.shape) for name, a in arrays.items()}
        dtypes = {name: a.dtype for name, a in arrays.items()}
        return Execution(
            [e],
            solved([e], shapes),
            dtypes,
            backend=self._backend,
            device=self._device,
            memory_limit=memory_limit,
        )

    def _array(self, value: Any) -> Any:
        return self._library.given({"v": value})[0]["v"]

    def _conjugate(self, array: Any) -> Any:
        return self._library.conjugated(array)

    def _product(self, make: Callable[[], Expr], v: Any, key: Any) -> Any:
        if key not in self._planned:
            self._planned[key] = self._planned_for(make(), {"v": v})
        found = self._planned[key].run({"v": v})[0]
        return self._library.converted(found, self._library.promoted([self.dtype, v.dtype], []))

    def _zeros(self, shape: tuple[int, ...]) -> Any:
        return self._run(total([], shape))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        found = self._library.looked_at(self.dense())
        if found is None:
            raise BackendError(f"a traced tensor of {self._library.name} is no NumPy array")
        return found if dtype is None else found.astype(dtype)

    def _refused(self, what: str) -> Never:
        raise BackendError(
            f"{what} is for NumPy arrays, not those of {self._library.name}: give arrays that went "
            "through numpy.asarray, or compute with .terms"
        )

    def to_sparse(self) -> Never:
        """Raises BackendError: SciPy's arrays are NumPy's."""
        self._refused("to_sparse")

    def as_linear_operator(self) -> Never:
        """Raises BackendError: SciPy's operators are NumPy's."""
        self._refused("as_linear_operator")

    @property
    def _square(self) -> Never:
        self._refused("what factors matrices, as solve, logdet and eigvalsh,")
