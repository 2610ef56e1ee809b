"""Running a program on Dask's arrays: nothing is computed, a graph of blocks is made. NumPy's rules for dtypes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .arrays import library, usable
from .backends import BACKENDS
from .base import Backend
from .chunking import best_cut
from .dask_backend import with_blocks
from .errors import BackendError, limits
from .expression import Expr
from .hosts import Cupy, Host, Jax, Kind, Torch, imported
from .sizes import Sizes


class Dask(Host):
    """Arrays that are not there yet. A dense result is as large as it likes: only its blocks are ever in memory."""

    library, backend = "dask", BACKENDS["dask"]
    lazy = True

    def __init__(self, roots: Sequence[Expr], sizes: Sizes, dtypes: Mapping[str, Any], *, device: Any = None,
                 memory_limit: int | None = None, **options: Any) -> None:  # fmt: skip
        super().__init__(roots, sizes, dtypes, memory_limit=memory_limit, **options)
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

    def _fitted(self, memory_limit: int | None) -> Backend:
        """Blocks as large as the memory and the workers ask for."""
        threads, memory = resources(connected())
        least = min((m for m in (memory_limit, memory) if m is not None), default=None)
        cut = best_cut(self.program, self.program.live(), max(8, self.compute.itemsize), threads, least)
        limits.check("tasks", cut.tasks, "the graph alone would fill the memory: dense=False has cores only, ed.stream "
                     "writes their blocks")  # fmt: skip
        return with_blocks(cut.block)

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


def connected() -> Any:
    """The client of the cluster that Dask computes on, or None."""
    if "distributed" not in sys.modules:  # nobody has started one
        return None
    try:
        return sys.modules["distributed"].default_client()
    except ValueError:  # none is connected
        return None


def resources(client: Any) -> tuple[int, int | None]:
    """The threads of all workers, and the bytes that each has in the smallest of them; 1 and None without a cluster."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values() if client is not None else ()
    shares = [w["memory_limit"] // w["nthreads"] for w in workers if w["memory_limit"]]
    return max(1, sum(w["nthreads"] for w in workers)), min(shares, default=None)


HOSTS: dict[str, type[Any]] = {"torch": Torch, "jax": Jax, "cupy": Cupy, "dask": Dask}
