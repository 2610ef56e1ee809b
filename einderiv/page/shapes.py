"""A derivative in three layouts: as a tensor, and flattened as the books do, numerator or
denominator first.

Numerator layout has a row for each entry of what is derived and a column for each entry of what it
is derived by; denominator layout is its transpose (the words of Magnus and Neudecker's readers, and
of matrixcalculus.org).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ..expression import Expr, axis_names, solved


def layouts(
    J: Expr, labels: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> list[dict[str, Any]]:
    """The three layouts of a derivative: its axes, their sizes where those are known, and what it
    is called.

    >>> import einderiv as ed
    >>> for row in layouts(ed.derive("ij,j->i", 1), {"i": 2, "j": 3}):
    ...     print(row["name"], row["shape"], row["numbers"])
    tensor [['i'], ['a']] [2, 3]
    numerator layout [['i'], ['a']] [2, 3]
    denominator layout [['a'], ['i']] [3, 2]

    Raises EinderivError for sizes of no label.
    """
    assert J.record is not None
    names = axis_names(J)
    numbers = axis_sizes(J, labels, shapes)
    count = J.ndim - J.record.count  # of the axes of y
    above, below = list(names[:count]), list(names[count:])
    rows, columns = _product(numbers[:count]), _product(numbers[count:])
    wrt = J.record.wrt
    return [
        {
            "name": "tensor",
            "shape": [above, below],
            "numbers": numbers,
            "flat": False,
            "note": f"the axes of y, then those of {wrt}",
        },
        {
            "name": "numerator layout",
            "shape": [above, below],
            "numbers": [rows, columns],
            "flat": True,
            "note": f"a row for each entry of y, a column for each of {wrt}",
        },
        {
            "name": "denominator layout",
            "shape": [below, above],
            "numbers": [columns, rows],
            "flat": True,
            "note": "its transpose: a column for each entry of y",
        },
    ]


def axis_sizes(
    e: Expr, labels: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> list[int | None]:
    """The size of each axis, where one is given for a label or axis, by the shape of a tensor,
    or by a declaration.
    """
    sizes = solved([e], shapes or {}, labels)
    return [sizes.known_measure(size) for size in e.axis_sizes]


def _product(numbers: list[int | None]) -> int | None:
    """The size of merged axes; None where one of them is not known."""
    known = [number for number in numbers if number is not None]
    return prod(known) if len(known) == len(numbers) else None
