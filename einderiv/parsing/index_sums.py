"""Index expressions of formulas: sums of labels and of index arrays, with sizes as coefficients.

>>> print(sum_of(as_sum("i"), scaled_axis(as_sum("k"), 2)))
i+2k
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..expression import (
    Axis,
    AxisExpression,
    Expr,
    Size,
    is_nonnegative,
    labels_of,
    minus,
    plus,
    product_of_sizes,
)


def as_sum(axis: Axis) -> AxisExpression:
    return AxisExpression(0, ((axis, 1),)) if isinstance(axis, str) else axis


def simple(axis: AxisExpression) -> Axis:
    """A label alone as its name."""
    one = len(axis.terms) == 1 and axis.terms[0][1] == 1
    return axis.terms[0][0] if one and axis.constant == 0 and not axis.arrays else axis


def sum_of(a: AxisExpression, b: AxisExpression) -> AxisExpression:
    terms: dict[str, Any] = dict(a.terms)
    for label, k in b.terms:
        terms[label] = plus(terms.get(label, 0), k)
    arrays: dict[tuple[str, tuple[AxisExpression, ...]], Any] = {}
    for name, places, k in (*a.arrays, *b.arrays):
        arrays[name, places] = plus(arrays.get((name, places), 0), k)
    return AxisExpression(
        plus(a.constant, b.constant),
        tuple([(label, k) for label, k in terms.items() if k != 0]),
        tuple([(name, places, k) for (name, places), k in arrays.items() if k != 0]),
    )


def difference(a: AxisExpression, b: AxisExpression) -> AxisExpression:
    negative = AxisExpression(
        minus(0, b.constant),
        tuple([(label, minus(0, k)) for label, k in b.terms]),
        tuple([(name, places, minus(0, k)) for name, places, k in b.arrays]),
    )
    return sum_of(a, negative)


def upper_bound(above: AxisExpression) -> tuple[str, Size] | None:
    """A label and its size, of ``size − 1 − label ≥ 0``."""
    if above.arrays or len(above.terms) != 1 or above.terms[0][1] != -1:
        return None
    return above.terms[0][0], plus(above.constant, 1)


def smallest_of(sizes: Sequence[Size]) -> Size | None:
    """The size that is sure to be the smallest."""
    for size in sizes:
        if all(is_nonnegative(minus(other, size)) for other in sizes):
            return size
    return None


def differ(a: Size, b: Size) -> bool:
    """Are two sizes different for certain?"""
    return is_nonnegative(minus(minus(a, b), 1)) or is_nonnegative(minus(minus(b, a), 1))


def end_of(label: str, same: Mapping[str, str]) -> str:
    while label in same:
        label = same[label]
    return label


def renamed_axis(axis: Axis, names: Mapping[str, str]) -> Axis:
    if isinstance(axis, str):
        return names.get(axis, axis)
    terms: dict[str, Any] = {}
    for label, k in axis.terms:
        own = names.get(label, label)
        terms[own] = plus(terms.get(own, 0), k)
    arrays = []
    for name, places, k in axis.arrays:
        arrays.append((name, tuple([as_sum(renamed_axis(p, names)) for p in places]), k))
    left = tuple([(label, k) for label, k in terms.items() if k != 0])
    return AxisExpression(axis.constant, left, tuple(arrays), plus_0=axis.plus_0)


def put_in(axis: Axis, instead: Mapping[str, AxisExpression]) -> Axis:
    """An index expression in which others stand for labels."""
    if isinstance(axis, str):
        return instead.get(axis, axis)
    if not any(label in instead for label in labels_of(axis)):
        return axis
    total = AxisExpression(axis.constant)
    for label, k in axis.terms:
        total = sum_of(total, scaled_axis(as_sum(instead.get(label, label)), k))
    for name, places, k in axis.arrays:
        inner = tuple([as_sum(put_in(place, instead)) for place in places])
        total = sum_of(total, AxisExpression(0, (), ((name, inner, k),)))
    return total._replace(plus_0=axis.array is None and total.array is not None)


def scaled_axis(axis: AxisExpression, k: Size) -> AxisExpression:
    terms = tuple([(label, product_of_sizes(n, k)) for label, n in axis.terms])
    arrays = tuple([(name, places, product_of_sizes(n, k)) for name, places, n in axis.arrays])
    return AxisExpression(product_of_sizes(axis.constant, k), terms, arrays)


def key_of(axis: AxisExpression) -> str:
    """The name of the size of an axis of the result."""
    return str(axis) if axis.array is None else axis.array


def apart(axis: Axis, arrays: Mapping[str, Expr], domains: dict[str, Size]) -> Axis:
    """A label in an index array that is longer or shorter than its other axes is no label of it."""
    if isinstance(axis, str) or not axis.arrays:
        return axis
    found = []
    for name, places, k in axis.arrays:
        inner = []
        for place, size in zip(places, arrays[name].axis_sizes, strict=True):
            place = as_sum(apart(place, arrays, domains))
            alone = len(place.terms) == 1 and place.terms[0][1] == 1
            if alone and not place.constant and not place.arrays:
                label = place.terms[0][0]
                if differ(domains.setdefault(label, size), size):
                    place = AxisExpression(0, ((label, 1), (label, 0)))
            inner.append(place)
        found.append((name, tuple(inner), k))
    return axis._replace(arrays=tuple(found))


def arrays_of(reads: Sequence[tuple[Axis, ...]]) -> dict[str, int]:
    """The index arrays in index expressions, with their numbers of axes."""
    found: dict[str, int] = {}
    stack: list[Axis] = [axis for read in reads for axis in read]
    while stack:
        axis = stack.pop()
        if isinstance(axis, str):
            continue
        for name, places, _ in axis.arrays:
            found[name] = len(places)
            stack += places
    return found
