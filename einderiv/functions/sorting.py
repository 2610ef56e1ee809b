"""Sorting, and what is made of sorted entries.

``sort(x)`` is ``x[argsort(x)[i]]``: the order is an index array that is computed when arrays are
there. Its places are whole numbers without a slope, and the derivative by x reads and writes at
them like that of any ``x[r[i]]``. At ties the earlier entry comes first, as in JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..errors import EinderivError, ShapeError, counted
from ..expression import (
    Apply,
    Expr,
    Number,
    add,
    as_expression,
    assemble,
    axes_of,
    called,
    checked,
    is_array,
    lengths_of,
    multiply,
    number,
    one_hot_of,
    sized,
    times,
    viewed,
)
from .arrays import ravel, stack
from .compound import subtracted
from .index_views import merged
from .indexing import as_places, entries, held_index_array
from .reductions import kept, max, min
from .table import Bounds, Function, Sides, apply, enter, no_axes, no_slope, public


def _place_bound(_: Bounds, __: tuple[Number, ...], sides: Sides) -> int:
    """A place of an axis is less than its size."""
    return math.prod(sides)


def _order_plain(np: Any, x: Any) -> Any:
    order = np.argsort(x, axis=-1, kind="stable")
    has_none = np.isnan(x).any(-1, keepdims=True)
    return np.where(has_none, np.isnan(x).argmax(-1)[..., None], order)


def _place(name: str, law: str, plain: Callable[..., Any]) -> Function:
    """The row of a place among the entries of an axis."""
    return Function(
        name,
        law=law,
        derivatives=(no_slope,),
        derived="0",
        source="definition, constant between its jumps",
        spell={
            "numpy": f"np.{name}({{0}}, axis=-1)",
            "torch": f"torch.{name}({{0}}, dim=-1)",
            "jax": f"jnp.{name}({{0}}, axis=-1)",
        },
        latex=rf"\operatorname{{{{{name}}}}}\left({{0}}\right)",
        plain=plain,
        kink="the first of equal entries; its derivative is 0",
        core=1,
        shape=no_axes,
        integer=_place_bound,
        analytic=False,
        places=True,
    )


_ROWS = (
    Function(
        "argsort",
        law="the places of the entries in ascending order",
        derivatives=(no_slope,),
        derived="0",
        source="definition, constant between its jumps",
        spell={
            "numpy": 'np.argsort({0}, axis=-1, kind="stable")',
            "torch": "torch.argsort({0}, dim=-1, stable=True)",
            "jax": "jnp.argsort({0}, axis=-1, stable=True)",
        },
        latex=r"\operatorname{{argsort}}\left({0}\right)",
        plain=lambda np, x: np.argsort(x, axis=-1, kind="stable"),
        kink="the earlier of equal entries comes first; its derivative is 0",
        core=1,
        integer=_place_bound,
        analytic=False,
        places=True,
    ),
    Function(
        "order",
        law="argsort, and the place of a nan everywhere if there is one",
        derivatives=(no_slope,),
        derived="0",
        source="definition, constant between its jumps",
        spell={
            "numpy": "order({0})",
            "torch": "order({0})",
            "jax": "order({0})",
        },
        latex=r"\operatorname{{order}}\left({0}\right)",
        plain=_order_plain,
        kink="the earlier of equal entries comes first; its derivative is 0",
        core=1,
        integer=_place_bound,
        analytic=False,
        places=True,
    ),
    _place("argmax", "the place of the largest entry", lambda np, x: np.argmax(x, axis=-1)),
    _place("argmin", "the place of the smallest entry", lambda np, x: np.argmin(x, axis=-1)),
)

enter(_ROWS)


def _last(e: Expr, axis: object) -> Expr:
    """One axis as the last; of all entries in row-major order where there is none."""
    if axis is None:
        return ravel(e)
    chosen = axes_of(e, axis)
    if len(chosen) != 1:
        raise TypeError(f"an axis is an int or a name, not {axis!r}")
    (place,) = chosen
    order = [p for p in range(e.ndim) if p != place]
    return viewed(e, range(e.ndim), [*order, place])


def _back(e: Expr, like: Expr, axis: object) -> Expr:
    """The last axis where it was."""
    if axis is None:
        return e
    (place,) = axes_of(like, axis)
    order = [p for p in range(like.ndim) if p != place]
    return viewed(e, [*order, place], range(like.ndim), names=like.axes)


def _at_places(e: Expr, places: Apply) -> Expr:
    """``e[b, places[b, i]]``: along the last axis, row by row."""
    factor = one_hot_of(places, e.axis_sizes[-1])
    batch = tuple(range(e.ndim - 1))
    read, value = e.ndim - 1, e.ndim
    if places.ndim < e.ndim:
        slots = [(factor, (*batch, value)), (e, (*batch, value))]
        return assemble(1, slots, batch, axes=e.axes[:-1])
    slots = [(factor, (*batch, read, value)), (e, (*batch, value))]
    return assemble(1, slots, (*batch, read), axes=e.axes)


@public
def argsort(e: object, axis: object = -1) -> Expr:
    """``argsort(e, axis)``: the places of the entries in ascending order, as in NumPy with
    ``stable=True``; of all entries where `axis` is None.

    They are whole numbers without a slope, and may index an axis of that size.

    >>> import einderiv as ed
    >>> x, y = ed.tensor("x", "i"), ed.tensor("y", "i")
    >>> ed.evaluate(y[ed.argsort(x)], x=[3.0, 1.0, 2.0], y=[30, 10, 20])
    array([10., 20., 30.])

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    rows = _last(found, axis)
    return _back(apply("argsort", rows, 1), found, axis)


@public
def sort(e: object, axis: object = -1) -> Expr:
    """``sort(e, axis)``: the entries in ascending order along `axis`, the last by default; of all
    entries where it is None.

    The slope of a sorted entry goes to the entry that stands there; of equal entries the earlier
    comes first, as in JAX.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.sort(x), x=[3, 1, 2])
    array([1, 2, 3])
    >>> print(ed.formula(ed.sort(x)))
    y[i] = x[argsort(x)[i]]

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    rows = _last(found, axis)
    return _back(_at_places(rows, apply("argsort", rows, 1)), found, axis)


def _place_of(name: str, e: object, axis: object, keepdims: object) -> Expr:
    found = as_expression(e)
    rows = _last(found, axis)
    return kept(apply(name, rows, 1), found, axis, keepdims)


@public
def argmax(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``argmax(e, axis)``: the place of the first largest entry along `axis`; among all entries in
    row-major order where it is None. It has no slope.

    >>> import einderiv as ed
    >>> int(ed.evaluate(ed.argmax(ed.tensor("x", "i")), x=[1, 3, 2]))
    1

    Raises ShapeError for an axis that is not there.
    """
    return _place_of("argmax", e, axis, keepdims)


@public
def argmin(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``argmin(e, axis)``: the place of the first smallest entry along `axis`; among all entries in
    row-major order where it is None. It has no slope.

    >>> import einderiv as ed
    >>> int(ed.evaluate(ed.argmin(ed.tensor("x", "i")), x=[3, 1, 2]))
    1

    Raises ShapeError for an axis that is not there.
    """
    return _place_of("argmin", e, axis, keepdims)


@public
def take_along_axis(e: object, indices: object, axis: object = -1) -> Expr:
    """``take_along_axis(e, indices, axis)``: the entries at `indices` along one axis, row by row;
    they are what `argsort` gave, or an array of whole numbers with as many axes as `e`.

    >>> import einderiv as ed
    >>> X = ed.tensor("X", "ij")
    >>> ed.evaluate(ed.take_along_axis(X, ed.argsort(X, 1), 1), X=[[2, 1], [3, 4]])
    array([[1, 2],
           [3, 4]])

    Raises ShapeError for another number of axes, TypeError for what is no array of whole numbers.
    """
    found = as_expression(e)
    computed = as_places(indices) if isinstance(indices, Expr) else None
    if computed is None:
        array = held_index_array(indices)
        order = tuple(range(array.ndim))
    else:
        array, order = computed
    if axis is None:
        raise TypeError("take_along_axis needs an axis: ravel the expression first")
    if array.ndim != found.ndim:
        raise ShapeError(
            f"take_along_axis needs indices with {counted(found.ndim, 'axis')}, like "
            f"{called(found)}, not {array.ndim}"
        )
    (place,) = axes_of(found, axis)
    value = found.ndim
    labels = tuple(range(found.ndim))
    read = tuple([value if p == place else p for p in labels])
    factor = one_hot_of(array, found.axis_sizes[place])
    slots = [(factor, (*order, value)), (found, read)]
    return checked(assemble(1, slots, labels, axes=found.axes))


@public
def ptp(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``ptp(e, axis)``: the largest entry minus the smallest, "peak to peak".

    >>> import einderiv as ed
    >>> int(ed.evaluate(ed.ptp(ed.tensor("x", "i")), x=[3, 1, 7]))
    6

    Raises ShapeError for an axis that is not there.
    """
    high, low = max(e, axis, keepdims=keepdims), min(e, axis, keepdims=keepdims)
    return subtracted(high, low)


def _sorted_rows(e: Expr, axis: object) -> tuple[Expr, tuple[int, ...]]:
    """The entries of all chosen axes in one last axis, in ascending order, and these axes; where
    one is nan all are.
    """
    gone = axes_of(e, axis)
    left = [p for p in range(e.ndim) if p not in gone]
    moved = viewed(e, range(e.ndim), [*left, *gone]) if e.ndim else e
    flat = merged(moved, tuple(range(len(left), e.ndim)), place=len(left))
    return _at_places(flat, apply("order", flat, 1)), gone


@public
def median(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``median(e, axis)``: the middle entry, or the mean of the two in the middle.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.grad(ed.median(x), x), x=[4.0, 1.0, 3.0, 9.0])
    array([0.5, 0. , 0.5, 0. ])

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    gone = axes_of(found, axis)
    if not gone:
        return found
    rows, gone = _sorted_rows(found, axis)
    size = sized(rows.axis_sizes[-1], (rows,))
    low, high = entries(rows, (..., (size - 1) // 2)), entries(rows, (..., size // 2))
    return kept(times(add(low, high), 0.5), found, gone, keepdims)


@public
def quantile(e: object, q: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``quantile(e, q, axis)``: what a share `q` of the entries lies below, linear between two of
    them, as in NumPy. Several `q` give a leading axis.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.quantile(ed.tensor("x", "i"), 0.25), x=[4.0, 1.0, 3.0]))
    2.0

    Source: Hyndman and Fan, The American Statistician 50 (1996), definition 7.

    Raises EinderivError unless `q` is between 0 and 1, ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    several: Any = q
    if is_array(q):
        several = several.tolist()
    if isinstance(several, (list, tuple)):
        return stack([quantile(found, one, axis, keepdims=keepdims) for one in several])
    share = number(several)
    if share is None or isinstance(share, complex):
        raise TypeError(f"q must be a number or an array of numbers, not {type(q).__name__}")
    if not 0 <= share <= 1:
        raise EinderivError(f"quantiles must be between 0 and 1, not {share}")
    if not axes_of(found, axis):
        return found
    rows, gone = _sorted_rows(found, axis)
    return kept(_between(rows, share), found, gone, keepdims)


def _between(rows: Expr, share: float) -> Expr:
    """The entry at the place ``share (n - 1)`` of n sorted ones, linear between two."""
    size = lengths_of(rows)[-1]
    if isinstance(size, int):
        place = share * (size - 1)
        low, part = math.floor(place), place - math.floor(place)
        below = entries(rows, (..., low))
        if part == 0:
            return below
        above = entries(rows, (..., low + 1))
        return add(times(below, 1 - part), times(above, part))
    ratio = Fraction(share).limit_denominator(10_000)
    if float(ratio) != share:
        raise ShapeError(
            f"the place of the quantile {share} among entries whose number is not known: declare "
            "the size of the axis, or give a fraction of small numbers"
        )
    last = ratio.numerator * (sized(size, (rows,)) - 1)
    low, high = last // ratio.denominator, (last + ratio.denominator - 1) // ratio.denominator
    part = (last - ratio.denominator * low) / ratio.denominator
    below, above = entries(rows, (..., low)), entries(rows, (..., high))
    return add(below, multiply(part, subtracted(above, below)))


@public
def percentile(e: object, q: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``percentile(e, q, axis)``: ``quantile(e, q / 100, axis)``.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.percentile(ed.tensor("x", "i"), 50), x=[4.0, 1.0, 3.0]))
    3.0

    Raises EinderivError unless `q` is between 0 and 100, ShapeError for an axis that is not there.
    """
    several: Any = q
    if is_array(q):
        several = several.tolist()
    if isinstance(several, (list, tuple)):
        return quantile(e, [_hundredth(one) for one in several], axis, keepdims=keepdims)
    return quantile(e, _hundredth(several), axis, keepdims=keepdims)


def _hundredth(percent: object) -> float:
    found = number(percent)
    if found is None or isinstance(found, complex):
        raise TypeError(f"a percentage is a number, not {type(percent).__name__}")
    if not 0 <= found <= 100:
        raise EinderivError(f"percentiles must be between 0 and 100, not {found}")
    return found / 100
