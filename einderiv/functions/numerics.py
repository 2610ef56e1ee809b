"""Polynomials, interpolation, cross products, weighted means and covariances, from NumPy's names.

Each is made of other functions. An interpolation reads at places that are computed: of the interval
that an entry lies in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ShapeError, counted
from ..expression import (
    Apply,
    Expr,
    Number,
    add,
    added,
    as_expression,
    assemble,
    axes_of,
    called,
    checked,
    dressed,
    equal_sizes,
    filled,
    lengths_of,
    multiply,
    number,
    one_hot_of,
    operand,
    sized,
    times,
    transposed,
    viewed,
)
from .arrays import diff, expression_of, reshape, stack
from .compound import divided, mean, subtracted, sum
from .elementwise import greater, less, raised, where
from .indexing import entries
from .table import Axis, Bounds, Function, Sides, apply, enter, no_slope, public


# ---- interpolation
def _of_second(arguments: tuple[Expr, ...], _: int, __: tuple[Any, ...]) -> tuple[Axis, ...]:
    second = arguments[1]
    return ((second.axis_sizes[-1], second.axes[-1]),)


def _interval_bound(_: Bounds, __: tuple[Number, ...], sides: Sides) -> int:
    return sides[0]


def _interval_plain(np: Any, knots: Any, x: Any) -> Any:
    below = (knots <= x[..., None]).sum(-1) - 1
    return below.clip(0, len(knots) - 2)


enter(
    [
        Function(
            "interval",
            law="the place of the last knot that is not above x, of those with a next",
            derivatives=(no_slope, no_slope),
            derived="0",
            source="definition, constant between its jumps",
            spell={
                "numpy": 'np.clip(np.searchsorted({0}, {1}, side="right") - 1, 0, len({0}) - 2)',
                "torch": "torch.clip("
                "torch.searchsorted({0}.contiguous(), {1}.contiguous(), right=True) - 1, "
                "0, len({0}) - 2)",
                "jax": 'jnp.clip(jnp.searchsorted({0}, {1}, side="right") - 1, 0, len({0}) - 2)',
            },
            latex=r"\operatorname{{interval}}\left({0}, {1}\right)",
            plain=_interval_plain,
            kink="its derivative is 0 at the knots too",
            core=1,
            shape=_of_second,
            integer=_interval_bound,
            analytic=False,
            places=True,
            apart=True,
        )
    ]
)


@public
def interp(x: object, xp: object, fp: object, left: object = None, right: object = None) -> Expr:
    """``interp(x, xp, fp)``: the values `fp` at ascending knots `xp`, linear between them; outside
    `left` and `right`, the first and the last value where none are given, as in NumPy.

    At a knot the slope is that to its right, as in JAX.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> y = ed.interp(x, [0.0, 1.0, 3.0], [0.0, 10.0, 20.0])
    >>> ed.evaluate(y, x=[0.5, 2.0, 9.0])
    array([ 5., 15., 20.])
    >>> ed.evaluate(ed.grad(ed.sum(y), x), x=[0.5, 2.0, 9.0])
    array([10.,  5.,  0.])

    Raises ShapeError unless `xp` and `fp` are vectors of one size, of two or more.
    """
    at = as_expression(x)
    knots, values = expression_of(xp), expression_of(fp)
    for name, given in (("xp", knots), ("fp", values)):
        if given.ndim != 1:
            raise ShapeError(f"{name} must be a vector, but {called(given)} has {given.ndim} axes")
    count = lengths_of(knots)[0]
    if isinstance(count, int) and count < 2:
        raise ShapeError(f"interp needs two knots or more, not {count}")
    row = at if at.ndim == 1 else reshape(at, (-1,))
    first, last = entries(knots, 0), entries(knots, sized(count, (knots,)) - 1)
    below, above = less(row, first), greater(row, last)
    within = where(below, first, where(above, last, row))
    found = _interpolated(within, knots, values)
    if left is not None:
        found = where(below, left, found)
    if right is not None:
        found = where(above, right, found)
    return found if at.ndim == 1 else reshape(found, sizes_of(at))


def _interpolated(x: Expr, knots: Expr, values: Expr) -> Expr:
    """``fp[k] + (x - xp[k]) slope[k]``, where k is the interval of each entry of a vector."""
    interval = apply("interval", (knots, x), 1)
    rise = subtracted(entries(values, slice(1, None)), entries(values, slice(None, -1)))
    run = subtracted(entries(knots, slice(1, None)), entries(knots, slice(None, -1)))
    slopes = _read_at(divided(rise, run), interval)
    beyond = subtracted(x, _read_at(knots, interval))
    return add(_read_at(values, interval), multiply(beyond, slopes))


def _read_at(e: Expr, places: Apply) -> Expr:
    factor = one_hot_of(places, e.axis_sizes[0])
    return assemble(1, [(factor, (0, 1)), (e, (1,))], (0,), axes=places.axes)


def sizes_of(e: Expr) -> list[object]:
    return [sized(size, (e,)) for size in lengths_of(e)]


# ---- polynomials
@public
def polyval(p: object, x: object) -> Expr:
    """``polyval(p, x)``: ``p[0] x**(n-1) + … + p[n-1]``, entry by entry of `x`, as in NumPy.

    >>> import einderiv as ed
    >>> x = ed.tensor("x")
    >>> print(ed.formula(ed.derive(ed.polyval([1, 0, -2], x), x)))
    ∂y/∂x = 2 x

    Raises ShapeError unless `p` is a vector whose number of entries is known.
    """
    at = as_expression(x)
    coefficients = _coefficients(p)
    degree = len(coefficients) - 1
    terms: list[Expr] = []
    for k, coefficient in enumerate(coefficients):
        power = raised(at, degree - k)
        if isinstance(coefficient, Expr):
            terms.append(multiply(coefficient, power))
        elif coefficient:
            terms.append(times(power, coefficient))
    if not terms:
        return dressed(filled(0, at.axis_sizes, at.axes), origins=(at,))
    return added(terms)


def _coefficients(p: object) -> Sequence[Expr | Number]:
    """The coefficients of a polynomial one by one, as numbers where they are."""
    if isinstance(p, (list, tuple)):
        found: list[Expr | Number] = []
        for one in p:
            value = number(one)
            found.append(as_expression(one) if value is None else value)
        return found
    e = as_expression(p)
    if e.ndim != 1:
        raise ShapeError(f"the coefficients are a vector, but {called(e)} has {e.ndim} axes")
    count = lengths_of(e)[0]
    if not isinstance(count, int):
        raise ShapeError(
            f"how many coefficients {called(e)} has is not known: declare the size of its axis"
        )
    value = getattr(e, "value", None)
    if value is not None and value.dtype.kind in "iufc":
        return [number(one) or 0 for one in value]
    return [entries(e, k) for k in range(count)]


@public
def vander(x: object, N: object = None, increasing: object = False) -> Expr:
    """``vander(x, N)``: the powers of the entries of a vector as columns, the highest first, or
    last with `increasing`, as in NumPy.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.vander(ed.tensor("x", "i"), 3), x=[1, 2])
    array([[1, 1, 1],
           [4, 2, 1]])

    Raises ShapeError unless `x` is a vector, and where `N` is not given and its size is not known.
    """
    e = as_expression(x)
    if e.ndim != 1:
        raise ShapeError(f"vander takes a vector, but {called(e)} has {counted(e.ndim, 'axis')}")
    count = lengths_of(e)[0] if N is None else number(N)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ShapeError(
            f"how many columns vander makes is not known: say it, vander(x, 3), not {count!r}"
        )
    if not count:
        return entries(stack([e], axis=-1), (slice(None), slice(0, 0)))
    powers = range(count) if increasing else range(count - 1, -1, -1)
    return stack([raised(e, k) for k in powers], axis=-1)


# ---- products of vectors in space
@public
def cross(a: object, b: object, axis: object = -1) -> Expr:
    """``cross(a, b)``: the cross product along an axis of three entries, ``a[j] b[k]`` minus
    ``a[k] b[j]``; other axes broadcast.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.cross(ed.tensor("a", "i"), ed.tensor("b", "i")), a=[1, 0, 0], b=[0, 1, 0])
    array([0, 0, 1])

    Raises ShapeError unless both have three entries there.
    """
    left, right = (_space_last(one, axis) for one in (as_expression(a), as_expression(b)))
    parts = []
    for j, k in ((1, 2), (2, 0), (0, 1)):
        straight = multiply(entries(left, (..., j)), entries(right, (..., k)))
        crossed = multiply(entries(left, (..., k)), entries(right, (..., j)))
        parts.append(subtracted(straight, crossed))
    found = stack(parts, axis=-1)
    (place,) = axes_of(found, axis)
    order = [p for p in range(found.ndim) if p != place]
    return checked(viewed(found, [*order, place], range(found.ndim)))


def _space_last(e: Expr, axis: object) -> Expr:
    chosen = axes_of(e, axis)
    if len(chosen) != 1:
        raise TypeError(f"an axis is an int or a name, not {axis!r}")
    (place,) = chosen
    size = lengths_of(e)[place]
    if isinstance(size, int) and size != 3:
        raise ShapeError(f"cross needs three entries along axis {axis}, but {called(e)} has {size}")
    order = [p for p in range(e.ndim) if p != place]
    moved = viewed(e, range(e.ndim), [*order, place])
    three = equal_sizes(e.axis_sizes[place], 3)
    return moved if three is None else dressed(moved, origins=(three,))


# ---- weighted means, covariances, integrals
@public
def average(
    a: object, axis: object = None, weights: object = None, *, keepdims: object = False
) -> Expr:
    """``average(a, axis, weights)``: ``sum(a * weights) / sum(weights)`` over `axis`; weights of a
    vector go along one axis.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.average(ed.tensor("x", "i"), weights=[3, 1]), x=[1.0, 5.0]))
    2.0

    Raises ShapeError for axes that do not fit.
    """
    e = as_expression(a)
    if weights is None:
        return mean(e, axis, keepdims=keepdims)
    share = as_expression(weights)
    if share.ndim != e.ndim:
        gone = axes_of(e, axis)
        if share.ndim != 1 or len(gone) != 1:
            raise ShapeError(
                f"the weights have {counted(share.ndim, 'axis')}: they have the axes of "
                f"{called(e)}, {e.ndim}, or are a vector along one axis"
            )
        labels = tuple(range(e.ndim))
        given = tuple([(p, e.axis_sizes[p]) for p in labels if p not in gone])
        share = checked(viewed(share, gone, labels, given=given, names=e.axes))
    total = sum(multiply(e, share), axis, keepdims=keepdims)
    return divided(total, sum(share, axis, keepdims=keepdims))


@public
def cov(m: object, *, rowvar: object = True, bias: object = False, ddof: object = None) -> Expr:
    """``cov(m)``: the covariances of the rows of a matrix, or of its columns where `rowvar` is
    false, over n - 1 observations; n with `bias`, ``n - ddof`` with that, as in NumPy.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.cov(ed.tensor("X", "vn")), X=[[1.0, 3.0], [2.0, 6.0]])
    array([[2., 4.],
           [4., 8.]])

    Raises ShapeError unless `m` is a vector or a matrix.
    """
    e = as_expression(m)
    if e.ndim not in (1, 2):
        raise ShapeError(f"cov takes a vector or a matrix, but {called(e)} has {e.ndim} axes")
    lost = number((0 if bias else 1) if ddof is None else ddof)
    if lost is None or isinstance(lost, complex):
        raise TypeError(f"ddof must be a number, not {ddof!r}")
    rows = e if rowvar or e.ndim == 1 else transposed(e)
    middle = mean(rows, -1, keepdims=True)
    centred = subtracted(rows, _along_last(middle, rows))
    labels = tuple(range(e.ndim))
    others = (*[label + e.ndim for label in labels[:-1]], labels[-1])
    output = (*labels[:-1], *others[:-1])
    axes = (*rows.axes[:-1], *[None for _ in others[:-1]])
    product = assemble(1, [(centred, labels), (centred, others)], output, axes=axes)
    count = sized(lengths_of(rows)[-1], (rows,)) - lost
    return divided(product, as_number(count))


def as_number(size: Any) -> Any:
    """A size as what arithmetic takes: a number, or a scalar expression."""
    return size if isinstance(size, (int, float, Expr)) else size.expression()


def _along_last(e: Expr, like: Expr) -> Expr:
    """An axis of size 1 repeated along the last axis of another."""
    *batch, last = range(like.ndim)
    taken = entries(e, (..., 0))
    given = ((last, like.axis_sizes[-1]),)
    return viewed(taken, batch, (*batch, last), given=given, names=like.axes)


@public
def corrcoef(m: object, *, rowvar: object = True) -> Expr:
    """``corrcoef(m)``: the correlations of the rows of a matrix, or of its columns where `rowvar`
    is false, as in NumPy.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.corrcoef(ed.tensor("X", "vn")), X=[[1.0, 3.0], [2.0, 6.0]])
    array([[1., 1.],
           [1., 1.]])

    Raises ShapeError unless `m` is a matrix.
    """
    e = as_expression(m)
    if e.ndim != 2:
        raise ShapeError(f"corrcoef takes a matrix, but {called(e)} has {counted(e.ndim, 'axis')}")
    found = cov(e, rowvar=rowvar)
    scale = raised(viewed(found, (0, 0), (0,)), -0.5)
    slots = [(found, (0, 1)), (scale, (0,)), (scale, (1,))]
    return assemble(1, slots, (0, 1), axes=found.axes)


@public
def trapezoid(y: object, x: object = None, dx: object = 1.0, axis: object = -1) -> Expr:
    """``trapezoid(y, x, dx, axis)``: the integral of what is linear between points, as in NumPy.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.trapezoid(ed.tensor("y", "i"), dx=2.0), y=[1.0, 2.0, 4.0]))
    9.0

    Raises ShapeError unless `x` is a vector of that size.
    """
    e = as_expression(y)
    chosen = axes_of(e, axis)
    if len(chosen) != 1:
        raise TypeError(f"an axis is an int or a name, not {axis!r}")
    (place,) = chosen
    # Σ (x[k+1] - x[k]) (y[k] + y[k+1]) / 2
    first = [slice(None)] * e.ndim
    second = list(first)
    first[place], second[place] = slice(1, None), slice(None, -1)
    sums = add(entries(e, tuple(first)), entries(e, tuple(second)))
    width: Any = operand(dx)
    if x is not None:
        points = as_expression(x)
        if points.ndim not in (1, e.ndim):
            raise ShapeError(
                f"x must be a vector, or have the axes of {called(e)}, but {called(points)} has "
                f"{counted(points.ndim, 'axis')}"
            )
        width = diff(points, 1, place if points.ndim > 1 else 0)
        if points.ndim == 1:
            width = entries(width, (slice(None), *[None] * (e.ndim - 1 - place)))
    return times(sum(multiply(sums, width), place), 0.5)
