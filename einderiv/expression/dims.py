"""Arrays with named axes, those of xarray: they go by their names where the other side has names.

>>> from types import SimpleNamespace
>>> by_feature_first = SimpleNamespace(dims=("feature", "time"), shape=(2, 3))
>>> turned(dims_of(by_feature_first), ("time", "feature"), "the array", "the tensor")
[1, 0]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ShapeError
from .frames import is_table

Names = Sequence[str | int | None]  # of axes; an int or None is no name


def dims_of(array: Any) -> tuple[str, ...] | None:
    """The names of the axes of an array that has some, as those of xarray."""
    dims = getattr(array, "dims", None)
    shape = getattr(array, "shape", None)
    if not isinstance(dims, tuple) or shape is None or len(dims) != len(shape):
        return None
    return tuple(map(str, dims))


def indexes_of(array: Any) -> tuple[Any, ...]:
    """What stands along each axis of an array of xarray or pandas, an index of pandas or None; of
    others nothing.
    """
    dims = dims_of(array)
    if dims is not None:
        indexes = getattr(array, "indexes", None)
        if not isinstance(indexes, Mapping):
            return (None,) * len(dims)
        return tuple([indexes.get(dim) for dim in array.dims])
    if is_table(array):
        axes = getattr(array, "axes", None)  # an Index has none: it labels others
        return tuple(axes) if isinstance(axes, list) else ()
    return ()


def check_labels(
    index: Any, before: Any, along: str, name: str, other: str, word: str = "coordinates"
) -> None:
    """Raise where what stands along an axis of two arrays is not the same, with the first place
    that differs.

    Rows that were only counted, 0, 1, 2, …, go with any labels that are not whole numbers.
    """
    if index is None or before is None or index is before or index.equals(before):
        return
    if any(_only_counted(a) and not _whole(b) for a, b in ((index, before), (before, index))):
        return
    raise ShapeError(
        f"{along}, {other} has the {word} {_in_short(before)} and {name} has {_in_short(index)}"
        f"{_first_difference(before, index)}: they are compared and never aligned; align "
        "the arrays first (xarray.align, or .reindex of pandas), or give the numbers alone, with "
        ".values"
    )


def _only_counted(index: Any) -> bool:
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1


def _whole(index: Any) -> bool:
    return getattr(index.dtype, "kind", "O") in "iu"


def _in_short(index: Any) -> str:
    first = [str(one)[:20] for one in index[:4]]
    return f"[{', '.join(first)}{', …' if len(index) > 4 else ''}]"


def _first_difference(before: Any, index: Any) -> str:
    """Where they differ, if that is not seen in the first labels."""
    for place, (a, b) in enumerate(zip(before, index)):
        if a != b:
            return f" (at {place}: {str(a)[:20]} and {str(b)[:20]})" if place > 3 else ""
    return f" ({len(before)} and {len(index)} of them)"


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
