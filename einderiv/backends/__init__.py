"""How a library's source is written and how its arrays behave: one file for each library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import Backend
from .dask import client_of_cluster
from .dask_load import Load, best_cut
from .emission import Emitted, emit, emit_into, emit_readable
from .jax import JAX, check_mesh
from .listings import LISTINGS, listing
from .numpy import NUMPY
from .numpy_contraction import kernel_of
from .table import BACKENDS, check_backend, check_dense, chosen, looked_at, taken
from .torch import TORCH

if TYPE_CHECKING:
    from .dtypes import Array, SingularMatrixError, decided, explained, finished

__all__ = [
    "Array",
    "BACKENDS",
    "Backend",
    "Emitted",
    "JAX",
    "LISTINGS",
    "Load",
    "NUMPY",
    "SingularMatrixError",
    "TORCH",
    "best_cut",
    "check_backend",
    "check_dense",
    "check_mesh",
    "chosen",
    "client_of_cluster",
    "decided",
    "emit",
    "emit_into",
    "emit_readable",
    "explained",
    "finished",
    "kernel_of",
    "listing",
    "looked_at",
    "taken",
]

#: names whose modules need NumPy when they are loaded
_LATER = {
    "Array": "dtypes",
    "SingularMatrixError": "dtypes",
    "decided": "dtypes",
    "explained": "dtypes",
    "finished": "dtypes",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)
