"""Which library an array belongs to, and whether it can be used. Imports no array library."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..errors import BackendError, EinderivError
from .foreign import as_numpy, root_of
from .frames import is_table, table_values

#: the libraries whose arrays are told apart; an allow-list, never a name that a user typed
LIBRARIES = {
    "numpy": "numpy",
    "torch": "torch",
    "jax": "jax",
    "jaxlib": "jax",
    "cupy": "cupy",
    "dask": "dask",
}
USABLE = "biufc"  # kinds of dtype: bool, int, unsigned, float, complex


def is_array(value: object) -> bool:
    """Does `value` have a shape and a dtype?"""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def library(value: object) -> str | None:
    """The library of an array, or None for what is not an array of a known one."""
    if not is_array(value):
        return None
    kind: Any = type(value)  # hashable, whatever mypy knows of it
    return _library_of(kind)


@lru_cache(256)
def _library_of(kind: type) -> str | None:
    for base in kind.__mro__:
        root = base.__module__.partition(".")[0]
        if root in LIBRARIES:
            return LIBRARIES[root]
    return None


def namespace_of(array: Any) -> Any:
    """The namespace of an array of the Array API standard that no backend knows, or None."""
    kind: Any = type(array)
    return array.__array_namespace__() if _is_standard(kind) else None


@lru_cache(256)
def _is_standard(kind: type) -> bool:
    return hasattr(kind, "__array_namespace__") and _library_of(kind) is None


def usable(value: Any, what: str) -> Any:
    """`value` as an array that can be used, or a clear error that names it as `what`.

    NumPy arrays stay as they are; nested lists, tables of pandas, arrays of the Array API standard
    and whatever offers ``__array__`` become NumPy arrays.
    """
    kind = library(value)
    if kind not in (None, "numpy"):
        raise BackendError(
            f"{what} is an array of {kind}; here NumPy arrays are taken: "
            "convert it with numpy.asarray"
        )
    import numpy as np

    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{what} is a masked array, and its mask would be lost: fill it first, "
            "for instance with .filled(0)"
        )
    if kind is None and is_table(value):
        return table_values(value, what)
    if root_of(type(value)) == "xarray" and hasattr(value, "data_vars"):
        raise TypeError(
            f"{what} is a {type(value).__name__} of xarray, which is several arrays: take one, "
            "dataset['name'], or give the dataset as the mapping of all arrays, "
            "ed.evaluate(e, dataset)"
        )
    is_standard = namespace_of(value) is not None
    is_number_or_list = isinstance(value, (list, tuple, int, float, complex))
    offers = is_standard or hasattr(value, "__array__")
    if kind is None and not is_number_or_list and not offers:
        dense = ": give it dense, with .toarray()" if hasattr(value, "toarray") else ""
        raise TypeError(
            f"{what} must be an array, a number or nested lists, not {type(value).__name__}{dense}"
        )
    try:
        array = as_numpy(value, what) if is_standard else np.asarray(value)
    except (MemoryError, BackendError):
        raise
    except Exception as e:  # the `__array__` of another library may raise anything
        said = (str(e).splitlines() or [type(e).__name__])[0][:120]
        if isinstance(e, ValueError):
            raise EinderivError(f"{what} is no array: {said}") from None
        raise TypeError(
            f"{what} is of type {type(value).__name__}, which NumPy makes no array of: {said}"
        ) from None
    if array.dtype.kind not in USABLE:
        raise TypeError(
            f"{what} has dtype {array.dtype}, which cannot be computed with: "
            "numbers are bool, int, float or complex"
        )
    return array
