"""Tables and columns of pandas as arrays: by their values, which must be numbers of one kind.

Nothing is imported here: what a table offers is asked of the table. A missing value, a text or a
date is an error that names the column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import EinderivError
from .foreign import root_of

NUMBERS = "iufc"  # kinds of dtype; bools are another kind


def is_table(value: object) -> bool:
    """Is `value` a DataFrame, Series or Index of pandas?"""
    return root_of(type(value)) == "pandas" and hasattr(value, "to_numpy")


def table_values(table: Any, what: str) -> Any:
    """The values of a DataFrame, Series or Index as an array of NumPy.

    The columns are numbers of one kind, or all bools: a whole number beside floats must be one that
    the floats hold.

    Raises TypeError for a column of something else, EinderivError for a missing value or a whole
    number that would change. Both name the column.
    """
    import numpy as np

    columns = list(_columns(table))
    arrays = [_column(column, f"{what}{called}", np) for called, column in columns]
    if not hasattr(table, "columns"):
        return arrays[0]
    if not arrays:
        return np.zeros(table.shape)
    _check_alike(arrays, columns, what)
    dtype = np.result_type(*arrays)
    for array, (called, _) in zip(arrays, columns, strict=True):
        if array.dtype.kind not in "iu" or dtype.kind in "iu":
            continue
        with np.errstate(invalid="ignore"):  # 2**63 is no int64
            changed = array.astype(dtype).real.astype(array.dtype) != array
        if changed.any():
            number = array[changed][0]
            raise EinderivError(
                f"{what}{called} holds {number}, which {dtype}, the dtype of all columns together, "
                "does not hold: convert the columns to one dtype first, .astype"
            )
    return np.stack([array.astype(dtype) for array in arrays], axis=1)


def _columns(table: Any) -> Iterator[tuple[str, Any]]:
    """What a message calls each column, and the column."""
    if not hasattr(table, "columns"):
        name = getattr(table, "name", None)
        yield ("" if name is None else f" ({str(name)[:40]!r})"), table
        return
    for place, name in enumerate(table.columns):
        yield f", column {str(name)[:40]!r}", table.iloc[:, place]


def _column(column: Any, called: str, np: Any) -> Any:
    """One column as an array of numbers or bools."""
    dtype = column.dtype
    if root_of(type(dtype)) == "pandas" and hasattr(column, "sparse"):
        raise TypeError(
            f"{called} is sparse, dtype {dtype}: give it dense, with .sparse.to_dense()"
        )
    kind = getattr(dtype, "kind", "O")
    if kind not in NUMBERS + "b":
        raise TypeError(
            f"{called} has dtype {dtype}, which cannot be computed with: numbers are bool, int, "
            "float or complex. Select the columns of numbers, for instance with "
            ".select_dtypes('number'), or encode it first"
        )
    if isinstance(dtype, np.dtype):
        return np.asarray(column)
    # A dtype of pandas has its missing values beside the numbers.
    missing = np.asarray(column.isna())
    if missing.any():
        raise EinderivError(
            f"{called} has a missing value at row {int(missing.argmax())}, dtype {dtype}: fill or "
            "drop it first, .fillna or .dropna"
        )
    return column.to_numpy(dtype=getattr(dtype, "numpy_dtype", None) or kind)


def _check_alike(arrays: list[Any], columns: list[tuple[str, Any]], what: str) -> None:
    """Raise for bools beside numbers."""
    first = arrays[0].dtype
    for array, (called, _) in zip(arrays, columns, strict=True):
        if (array.dtype.kind == "b") != (first.kind == "b"):
            raise TypeError(
                f"{what}{called} has dtype {array.dtype}, but{columns[0][0].replace(',', '')} has "
                f"{first}: bools beside numbers are of two kinds, convert them first, "
                ".astype(float)"
            )
