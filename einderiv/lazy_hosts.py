"""Running a program on Dask's arrays: nothing is computed, a graph of blocks is made. NumPy's rules for dtypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .arrays import library, usable
from .backends import BACKENDS
from .dask_spelling import BLOCK, with_blocks
from .errors import BackendError
from .expression import Expr
from .hosts import Cupy, Host, Jax, Kind, Torch, imported
from .sizes import Sizes

SHARE = 8  # blocks that a thread has in memory at once: operands, a result, and those that wait


class Dask(Host):
    """Arrays that are not there yet. A dense result is as large as it likes: only its blocks are ever in memory."""

    library, backend = "dask", BACKENDS["dask"]

    def __init__(self, roots: Sequence[Expr], sizes: Sizes, dtypes: Mapping[str, Any], *, device: Any = None,
                 memory_limit: int | None = None, **options: Any) -> None:  # fmt: skip
        if memory_limit is not None:
            widest = max([8, *(np.dtype(d).itemsize for d in dtypes.values())])
            self.backend = with_blocks(max(1, min(BLOCK, memory_limit // (SHARE * widest))))
        super().__init__(roots, sizes, dtypes, **options)
        if self.compute.kind in "iub":
            raise BackendError("whole numbers are exact or refused, which cannot be decided of arrays that are not "
                               "computed yet: convert them to floats first")  # fmt: skip

    @classmethod
    def imported(cls) -> Any:
        """The library, or an error that says how to get it."""
        return imported("dask", "dask.array")

    @classmethod
    def given(cls, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays as they are, everything else as an array of one block or several."""
        da = cls.imported()
        found = {n: a if library(a) == "dask" else da.from_array(usable(a, n)) for n, a in arrays.items()}
        for name, a in found.items():
            if any(np.isnan(n) for n in a.shape):
                raise BackendError(f"{name} has an axis of unknown size: call its compute_chunk_sizes() first")
            if a.dtype.kind not in "biufc":
                raise TypeError(f"{name} has dtype {a.dtype}, which cannot be computed with: "
                                "numbers are bool, int, float or complex")  # fmt: skip
        return found, None

    @classmethod
    def looked_at(cls, array: Any) -> None:
        """None: an array that is not computed yet has no values."""
        return

    def _loop(self, memory_limit: int | None, dense: bool) -> None:
        """None: Dask goes over the blocks."""
        return

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """``numpy.result_type``."""
        return np.result_type(*(dtypes or [np.int64]), *numbers)

    def kind(self, dtype: Any) -> Kind:
        """A dtype of NumPy."""
        dtype = np.dtype(dtype)
        return Kind(dtype.name, dtype.kind, dtype.itemsize)

    def held_dtype(self, array: Any) -> Any:
        """That of the array."""
        return array.dtype if library(array) == "dask" else np.asarray(array).dtype

    @classmethod
    def conjugated(cls, array: Any) -> Any:
        """The complex conjugate."""
        return array.conj()

    def converted(self, array: Any, dtype: Any) -> Any:
        """An array in a dtype."""
        return array.astype(dtype)

    def moved(self, array: Any) -> Any:
        """A held array, as one of Dask."""
        if library(array) == "dask":
            return array.astype(self.dtypes[1])
        return self.xp.from_array(np.asarray(array)).astype(self.dtypes[1])


HOSTS: dict[str, type[Any]] = {"torch": Torch, "jax": Jax, "cupy": Cupy, "dask": Dask}
