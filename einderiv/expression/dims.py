"""Arrays with named axes, those of xarray: they go by their names where the other side has names.

>>> from types import SimpleNamespace
>>> by_feature_first = SimpleNamespace(dims=("feature", "time"), shape=(2, 3))
>>> turned(dims_of(by_feature_first), ("time", "feature"), "the array", "the tensor")
[1, 0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ShapeError

Names = Sequence[str | int | None]  # of axes; an int or None is no name


def dims_of(array: Any) -> tuple[str, ...] | None:
    """The names of the axes of an array that has some, as those of xarray."""
    dims = getattr(array, "dims", None)
    shape = getattr(array, "shape", None)
    if not isinstance(dims, tuple) or shape is None or len(dims) != len(shape):
        return None
    return tuple(map(str, dims))


def turned(dims: Sequence[str], wanted: Names, array: str, other: str) -> list[int]:
    """For each axis that is `wanted` that of an array with the names `dims`.

    Raises ShapeError where the names are others; `array` and `other` say what has them.
    """
    if tuple(dims) == tuple(wanted):
        return list(range(len(dims)))
    names = [axis for axis in wanted if isinstance(axis, str)]
    others = [p for p, dim in enumerate(dims) if dim not in names]
    repeated = len(set(names)) < len(names) or len(set(dims)) < len(dims)
    if repeated or len(dims) != len(wanted) or not set(names) <= set(dims):
        raise _refused(dims, wanted, array, other)
    # Axes without a name take what is left, in order.
    rest = iter(others)
    return [dims.index(axis) if isinstance(axis, str) else next(rest) for axis in wanted]


def turned_if_same(
    dims: Sequence[str | None], labels: Names, array: str, other: str
) -> list[int] | None:
    """The same beside names that may be letters for one product only: None where the names are
    others, so that places count.

    Raises ShapeError where one name stands at two places, and the names are not the same.
    """
    if tuple(dims) == tuple(labels) or len(dims) != len(labels):
        return None
    if None not in dims and set(dims) == set(labels) and len(set(dims)) == len(dims):
        return [dims.index(str(label)) for label in labels]
    for place, dim in enumerate(dims):
        if dim is not None and dim in labels and labels[place] != dim:
            raise _refused(dims, labels, array, other)
    return None


def _refused(dims: Sequence[str | None], wanted: Names, array: str, other: str) -> ShapeError:
    has = ", ".join("any" if dim is None else dim for dim in dims)
    spelt = ", ".join("any" if axis is None else str(axis) for axis in wanted)
    return ShapeError(
        f"{array} has the dims ({has}), but {other} has the axes ({spelt}): rename or select "
        "dims, or give its numbers alone, with .values"
    )
