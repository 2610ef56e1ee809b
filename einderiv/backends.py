"""The table of backends: an allow-list. A backend is looked up here, never imported by a name that a user typed."""

from __future__ import annotations

from .cupy_spelling import CUPY
from .dask_spelling import DASK
from .jax_spelling import JAX
from .spelling import NUMPY_BACKEND, Backend
from .torch_spelling import TORCH

BACKENDS: dict[str, Backend] = {row.name: row for row in (NUMPY_BACKEND, TORCH, JAX, CUPY, DASK)}
KNOWN = ("numpy", "torch", "jax", "cupy", "dask")
