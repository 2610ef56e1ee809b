"""The table of backends: an allow-list. One is looked up here, never imported by a name that a user
typed.

Which one computes a call is the one that was asked for, or the library of the arrays; never a
guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import BackendError, near
from ..expression import library
from .base import Backend
from .cupy import CUPY
from .dask import DASK
from .jax import JAX
from .numpy import NUMPY
from .torch import TORCH

BACKENDS: dict[str, Backend] = {row.name: row for row in (NUMPY, TORCH, JAX, CUPY, DASK)}


def check_backend(backend: Any, more: Iterable[str] = ()) -> None:
    """Raise unless `backend` is one that can run; `more` are names that would do too.

    Nothing is imported by a name that a user typed.
    """
    if backend is None or (isinstance(backend, str) and backend in BACKENDS):
        return
    if not isinstance(backend, str):
        raise TypeError(f"backend must be a name, not {type(backend).__name__}")
    raise BackendError(
        f"no backend is called {backend[:40]!r}; {near(backend, (*BACKENDS, *more))}"
    )


def check_dense(backend: str | None, dense: bool) -> None:
    """Raise for a structured result of a backend that has none."""
    if not dense and backend is not None and not BACKENDS[backend].library.structured:
        *names, last = [row.name for row in BACKENDS.values() if row.library.structured]
        raise BackendError(
            f"dense=False is for arrays of {', '.join(names)} and {last}, not of {backend}: "
            "convert the arrays with numpy.asarray, or ask for what is needed of the tensor: jvp, "
            "vjp, hvp"
        )


def chosen(arrays: Mapping[str, Any], backend: str | None) -> str:
    """The backend: the one that was asked for, which converts NumPy arrays, or else the one
    library of the arrays.
    """
    libraries: dict[str, str] = {}  # with the name of an array of each
    lazy = {row.name for row in BACKENDS.values() if row.library.lazy}
    is_lazy = any(library(array) in lazy for array in arrays.values())
    for name, array in arrays.items():
        kind = library(array)
        # an index array whose values a graph is made by
        points = is_lazy and kind == NUMPY.name and array.dtype.kind in "iu"
        if kind and not points:
            libraries[kind] = name
    if backend is not None:
        for kind, name in libraries.items():
            if kind not in (backend, "numpy"):
                raise BackendError(
                    f"{name} is an array of {kind}, but the backend is {backend}: convert it first"
                )
        return backend
    if len(libraries) > 1:
        (a, x), (b, y), *_ = libraries.items()
        raise BackendError(f"{x} is an array of {a} and {y} one of {b}: convert one of them first")
    return next(iter(libraries), "numpy")


def taken(
    arrays: Mapping[str, Any], backend: str | None, dense: bool
) -> tuple[str, Any, dict[str, Any]]:
    """The backend, the device, and the arrays as that backend has them."""
    name = chosen(arrays, backend)
    check_dense(name, dense)
    given, device = BACKENDS[name].library.given(arrays)
    return name, device, given


def looked_at(given: Mapping[str, Any], backend: str, names: Iterable[str]) -> dict[str, Any]:
    """The arrays of these names for NumPy, without those that are traced: they have no values."""
    wanted = [name for name in names if name in given]
    if not wanted:  # as in nearly every call
        return {}
    look = BACKENDS[backend].library.looked_at
    arrays = {name: look(given[name]) for name in wanted}
    return {name: array for name, array in arrays.items() if array is not None}
