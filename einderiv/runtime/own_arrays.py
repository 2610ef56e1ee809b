"""Results in the kind of the arrays that were given: of the Array API standard, or of xarray.

Both are computed by NumPy's plan (of xarray's by that of the library inside), and the results are
put into what the caller computes with: the namespace and the device of the arrays; or a DataArray
with the names and the coordinates that the axes of the result come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import BackendError
from ..expression import (
    Along,
    Expr,
    Tensor,
    dims_of,
    followed,
    indexes_of,
    is_table,
    library,
    name_of,
    namespace_of,
    root_of,
)

#: what a dim is called that occurs again: ``d_wrt``, ``d_wrt2``, …
AGAIN = "_wrt"


class Standard(NamedTuple):
    """The library of arrays of the Array API standard, and their device."""

    namespace: Any
    device: Any

    def own(self, array: Any) -> Any:
        """An array of NumPy as one of the library."""
        try:
            return self.namespace.asarray(array, device=self.device)
        except Exception as e:  # whatever it does not take
            said = (str(e).splitlines() or [type(e).__name__])[0][:120]
            raise BackendError(
                f"the result has dtype {array.dtype} and shape {array.shape}, of which "
                f"{name_of(self.namespace)} makes no array on the device {self.device}: {said}"
            ) from None


def standard_of(arrays: Mapping[str, Any], backend: str | None) -> Standard | None:
    """The one library and device of arrays of the Array API standard; None without any.

    Raises BackendError for arrays of two libraries or devices.
    """
    found: tuple[str, Standard] | None = None
    other: tuple[str, str] | None = None
    for name, array in arrays.items():
        namespace = namespace_of(array)
        if namespace is None:
            if (kind := library(array)) is not None:
                other = other or (name, kind)
            continue
        this = Standard(namespace, getattr(array, "device", None))
        before, known = found = found or (name, this)
        if name_of(namespace) != name_of(known.namespace):
            raise _mixed(before, name_of(known.namespace), name, name_of(namespace))
        if this.device != known.device:
            raise BackendError(
                f"{before} is on the device {known.device} and {name} on {this.device}: move one "
                "of them first, with .to_device"
            )
    if found is None:
        return None
    name, standard = found
    if other is not None:
        raise _mixed(name, name_of(standard.namespace), *other)
    if backend not in (None, "numpy"):
        raise BackendError(
            f"{name} is an array of {name_of(standard.namespace)}, but the backend is {backend}: "
            "convert it first"
        )
    return standard


def _mixed(x: str, a: str, y: str, b: str) -> BackendError:
    return BackendError(f"{x} is an array of {a} and {y} one of {b}: convert one of them first")


class Labelled:
    """Arrays with names or labels along their axes: of xarray or pandas."""

    def __init__(self, arrays: Mapping[str, Any], tensors: Mapping[str, Expr]) -> None:
        """`tensors` are those of the expressions, by name."""
        self.tensors = tensors
        self.known: dict[tuple[str, int], Along] = {}
        self.arrays: list[Any] = []  # of xarray
        for name, array in arrays.items():
            if dims_of(array) is not None:
                self.arrays.append(array)
            if name in tensors:
                self._read(name, array, _names(tensors[name]))
        self._spread()

    def _spread(self) -> None:
        """Axes of other tensors that are declared under one name with those that are known."""
        by_name: dict[str, Along] = {}
        for (owner, p), along in self.known.items():
            name = _names(self.tensors[owner])[p]
            if name is not None and (name not in by_name or along.labels is not None):
                by_name[name] = along
        for owner, tensor in self.tensors.items():
            for p, name in enumerate(_names(tensor)):
                if name in by_name:
                    self.known.setdefault((owner, p), by_name[name])

    def _read(self, name: str, array: Any, names: Sequence[str | None]) -> None:
        dims = dims_of(array)
        if dims is None:
            for p, index in enumerate(indexes_of(array)):
                self.known[name, p] = Along(name, names[p], index)
            return
        index_of = dict(zip(dims, indexes_of(array), strict=True))
        original = dict(zip(dims, array.dims, strict=True))
        left = [dim for dim in dims if dim not in names]
        beside = frozenset() if any(names) else frozenset(dims)
        for p, axis in enumerate(names if any(names) else dims):
            dim = axis if axis in index_of else left.pop(0)
            coordinates = {}
            for key, coordinate in getattr(array, "coords", {}).items():
                if coordinate.dims == (original[dim],):
                    coordinates[key] = coordinate
            self.known[name, p] = Along(name, dim, index_of[dim], dim, beside, coordinates)

    def fitted(self, roots: Sequence[Expr]) -> tuple[tuple[Along, ...], ...]:
        """What stands along the axes of the results.

        Raises ShapeError where axes with other labels meet.
        """
        return followed(roots, self.known)

    def called(self, root: Expr, axes: Sequence[Along]) -> list[str]:
        """The dims of a result, each once."""
        names: list[str] = []
        for p, (along, size) in enumerate(zip(axes, root.axis_sizes, strict=True)):
            names.append(along.name or self._declared(size) or root.axes[p] or f"dim_{p}")
        dims: list[str] = []
        for name in names:
            dim, times = name, 1
            while dim in dims or (dim != name and dim in names):
                dim = f"{name}{AGAIN}{times if times > 1 else ''}"
                times += 1
            dims.append(dim)
        return dims

    def _declared(self, size: Any) -> str | None:
        """What an axis is called that the size comes from."""
        if isinstance(size, str):
            return size
        if not isinstance(size, tuple) or len(size) != 2 or size[1] < 0:
            return None
        along = self.known.get(size)
        if along is not None and along.name is not None:
            return along.name
        tensor = self.tensors.get(size[0])
        return _names(tensor)[size[1]] if isinstance(tensor, Tensor) else None

    def own(self, array: Any, root: Expr, axes: Sequence[Along]) -> Any:
        """The value of an expression as a DataArray."""
        import xarray

        dims = self.called(root, axes)
        coordinates = self._of_no_axis()
        for dim, along in zip(dims, axes, strict=True):
            if not along.moved and (along.coordinates or along.labels is not None):
                coordinates = coordinates.merge(_along(dim, along)).coords
        found = xarray.DataArray(array, dims=dims, coords=coordinates)
        return found.rename(None)  # blocks of Dask bring a name along

    def _of_no_axis(self) -> Any:
        """The coordinates without an axis, but for those that two arrays have with other values."""
        import xarray

        kept: dict[Any, list[Any]] = {}
        for array in self.arrays:
            for key, value in getattr(array, "coords", {}).items():
                if value.dims == ():
                    kept.setdefault(key, []).append(value.variable)
        alike = {}
        for key, values in kept.items():
            if all(value.identical(values[0]) for value in values):
                alike[key] = values[0]
        return xarray.Coordinates(alike, indexes={})


def _names(tensor: Expr) -> list[str | None]:
    """The names that the axes of a tensor were declared under."""
    declared = tensor.declared if isinstance(tensor, Tensor) else ()
    return [axis if isinstance(axis, str) else None for axis in declared]


def _along(dim: str, along: Along) -> Any:
    """The coordinates of an axis under the dim that it has in a result."""
    import xarray

    index = along.labels
    if getattr(index, "nlevels", 1) > 1:  # of several levels, each a coordinate
        again = "" if dim == along.name else dim.removeprefix(str(along.name))
        levels = [f"{level}{again}" for level in index.names]
        return xarray.Coordinates.from_pandas_multiindex(index.set_names(levels), dim)
    found: dict[str, Any] = {}
    if not along.coordinates:
        return xarray.Coordinates({dim: index})
    for key, coordinate in along.coordinates.items():
        name = dim if str(key) == along.name else f"{key}{dim.removeprefix(str(along.name))}"
        found[name] = (dim, coordinate.values, coordinate.attrs)
    return xarray.Coordinates(found)


def foreign(array: Any) -> bool:
    """Does an array say what results become?"""
    return namespace_of(array) is not None or is_table(array) or _is_named(array)


def labelled(arrays: Mapping[str, Any], tensors: Callable[[], Mapping[str, Expr]]) -> Any:
    """What is known of the axes of arrays of xarray and pandas; None without any."""
    own = {name: a for name, a in arrays.items() if is_table(a) or _is_named(a)}
    return Labelled(own, tensors()) if own else None


def _is_named(array: Any) -> bool:
    return root_of(type(array)) == "xarray" and dims_of(array) is not None
