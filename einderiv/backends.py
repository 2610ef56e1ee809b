"""The table of backends: an allow-list. A backend is looked up here, never imported by a name that a user typed."""

from __future__ import annotations

from .base import Backend
from .cupy_backend import CUPY
from .dask_backend import DASK
from .jax_backend import JAX
from .numpy_backend import NUMPY_BACKEND
from .torch_backend import TORCH

BACKENDS: dict[str, Backend] = {row.name: row for row in (NUMPY_BACKEND, TORCH, JAX, CUPY, DASK)}
KNOWN = ("numpy", "torch", "jax", "cupy", "dask")
