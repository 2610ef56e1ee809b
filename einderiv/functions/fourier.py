"""Discrete Fourier transforms: products with matrices of roots of unity.

A transform is an einsum of its operand with the matrix ``exp(-2 pi i k j / N)``, written as
any other function of places is. So derivatives, conjugates and products of transforms are those of
einsums. What reads an expression knows the matrix by its form, :func:`fourier_of`, and a product
with it is computed by the fast transform of the library: the matrix is formed only where the matrix
itself is asked for.

Source: Van Loan, "Computational Frameworks for the Fast Fourier Transform" (1992); the names, the
arguments and the norms are NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import EinderivError, ShapeError, counted
from ..expression import (
    Apply,
    Einsum,
    Expr,
    Size,
    SymbolicSize,
    Tensor,
    add,
    as_expression,
    as_size,
    assemble,
    called,
    filled,
    floor_quotient,
    lengths_of,
    letters,
    minus,
    multiply,
    origins_of,
    plus,
    product_of_sizes,
    sized,
    times,
)
from . import arrays, table
from .arrays import expression_of
from .complex import real
from .compound import divided
from .elementwise import exp, reciprocal, sqrt
from .indexing import entries

NORMS = ("backward", "ortho", "forward")


class Fourier(NamedTuple):
    """The matrix ``exp(sign 2 pi i k j / period)``."""

    sign: int
    period: Size


def fourier_matrix(rows: Size, columns: Size, fourier: Fourier) -> Expr:
    """The first rows and columns of a matrix of roots of unity.

    >>> import einderiv as ed
    >>> ed.evaluate(fourier_matrix(2, 2, Fourier(-1, 2))).real.round().tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    sign, period = fourier
    angle = complex(0, sign * 2 * math.pi)
    # No arrays are held, for these would decide the dtype.
    product: list[tuple[Expr, tuple[int, ...]]] = [(_places(rows), (0,)), (_places(columns), (1,))]
    if not isinstance(period, int):
        product.insert(0, (reciprocal(_number_of(period)), ()))
    else:
        angle /= period
    return exp(assemble(angle, product, (0, 1), axes=(None, None)))


def _places(size: Size) -> Expr:
    """0, 1, 2, … along an axis: the running sum of ones, which are the values of a function."""
    return add(arrays.cumsum(table.apply("relu", filled(1, (size,), (None,))), 0), -1)


def _number_of(size: Size) -> Expr:
    """A size as a number."""
    return Einsum(1, (), (), (), ((0, size),), axes=())


def fourier_of(e: Expr) -> Fourier | None:
    """Which matrix of roots of unity `e` is; None for anything else."""
    if not isinstance(e, Apply) or e.function.name != "exp" or e.ndim != 2 or not e.complex:
        return None
    (inside,) = e.arguments
    if not isinstance(inside, Einsum) or not isinstance(inside.coefficient, complex):
        return None
    angle = inside.coefficient.imag
    if not angle or inside.coefficient.real:
        return None
    period = _period_in(inside)
    if period is None:
        period = round(2 * math.pi / abs(angle))
    found = Fourier(1 if angle > 0 else -1, period)
    rows, columns = e.axis_sizes
    return found if fourier_matrix(rows, columns, found) == e else None


def _period_in(inside: Einsum) -> Size | None:
    """The size by which an angle is divided."""
    for factor in inside.factors:
        if isinstance(factor, Apply) and factor.function.name == "reciprocal":
            (size,) = factor.arguments
            if isinstance(size, Einsum) and len(size.given) == 1 and not size.factors:
                return size.given[0][1]
    return None


# ---- transforms along one axis


def _transformed(e: Expr, axis: int, rows: Size, fourier: Fourier) -> Expr:
    """The product with a matrix of roots of unity along an axis."""
    columns = e.axis_sizes[axis]
    new = e.ndim
    labels = tuple(range(e.ndim))
    output = tuple([new if p == axis else p for p in labels])
    matrix = fourier_matrix(rows, columns, fourier)
    names = tuple([None if p == axis and rows != columns else e.axes[p] for p in labels])
    product = [(matrix, (new, axis)), (e, labels)]
    return assemble(1, product, output, axes=names, letters=letters(labels, e.axes))


def _scaled(e: Expr, period: Size, norm: object, inverse: bool) -> Expr:
    """A transform in one of NumPy's three norms."""
    if norm is not None and norm not in NORMS:
        raise EinderivError(f"norm is {', '.join(map(repr, NORMS))} or None, not {norm!r}")
    divided = norm == "ortho" or (norm == "forward") != inverse
    if not divided:
        return e
    if isinstance(period, int):
        return times(e, 1 / math.sqrt(period) if norm == "ortho" else 1 / period)
    share = reciprocal(_number_of(period))
    return multiply(e, sqrt(share) if norm == "ortho" else share)


def _axis_of(e: Expr, axis: object, what: str) -> int:
    if not e.ndim:
        raise ShapeError(f"{what} needs an axis, but {called(e)} has none")
    if not isinstance(axis, int) or isinstance(axis, bool):
        raise TypeError(f"the axis of {what} is a whole number, not {axis!r}")
    if not -e.ndim <= axis < e.ndim:
        raise ShapeError(f"{called(e)} has {counted(e.ndim, 'axis')}, so {what} has no axis {axis}")
    return axis % e.ndim


def _length_of(n: object, known: Size, what: str) -> Size:
    """The number of points of a transform."""
    size = known if n is None else as_size(n)
    if size is None:
        raise TypeError(f"n of {what} is a whole number or a size, not {n!r}")
    if isinstance(size, int) and size < 1:
        raise ShapeError(f"{what} of {size} points: it needs 1 at least")
    return size


def _cut(e: Expr, axis: int, count: Size, n: object) -> Expr:
    """At most `count` entries along an axis: of fewer, zeros follow."""
    size = lengths_of(e)[axis]
    if size == count:
        return e
    if not isinstance(size, int) or not isinstance(count, int):
        raise ShapeError(
            f"axis {axis} of {called(e)} may be cut or filled up to n={n}: declare its size as a "
            "number"
        )
    return entries(e, (slice(None),) * axis + (slice(0, count),)) if size > count else e


def _one(e: object, n: object, axis: object, norm: object, what: str) -> Expr:
    """One of the four transforms along an axis."""
    found = expression_of(e)
    place = _axis_of(found, axis, what)
    known = lengths_of(found)[place]
    if what == "irfft":
        return _real_inverse(found, n, place, norm)
    period = _length_of(n, known, what)
    if what == "rfft" and isinstance(found, Tensor) and found.complex:
        raise EinderivError(
            f"rfft takes real numbers, but {called(found)} is declared complex: write fft"
        )
    cut = found if n is None else _cut(found, place, period, n)
    inverse = what == "ifft"
    rows = plus(floor_quotient(period, 2), 1) if what == "rfft" else period
    if n is None and what != "rfft":
        rows = found.axis_sizes[place]  # the axis keeps its name
    transform = _transformed(cut, place, rows, Fourier(1 if inverse else -1, period))
    return _scaled(transform, period, norm, inverse)


def _real_inverse(e: Expr, n: object, axis: int, norm: object) -> Expr:
    """``irfft``: what stands behind the half of a spectrum is the conjugate of it."""
    half = lengths_of(e)[axis]
    behind = minus(half, 1)
    period = _length_of(n, plus(behind, behind), "irfft")
    count = plus(floor_quotient(period, 2), 1)
    cut = e if n is None else _cut(e, axis, count, n)
    size = lengths_of(cut)[axis]
    # each of them twice, but the first, and the last of an even number of points
    has_last = n is None or (isinstance(period, int) and period % 2 == 0 and size == count)
    twice = times(_ones(minus(size, 2 if has_last else 1)), 2)
    ends = [_ones(1), twice, _ones(1)] if has_last else [_ones(1), twice]
    weights = arrays.concatenate(ends)
    labels = tuple(range(e.ndim))
    product = [(weights, (axis,)), (cut, labels)]
    weighted = assemble(1, product, labels, axes=cut.axes, letters=letters(labels, cut.axes))
    transform = _transformed(weighted, axis, period, Fourier(1, period))
    return _scaled(real(transform), period, norm, inverse=True)


def _ones(size: Size) -> Expr:
    return filled(1, (size,), (None,))


#: the transforms of 3 and 1
_TWO_POINTS = {"fft": [4.0, 2.0], "ifft": [2.0, 1.0], "rfft": [4.0, 2.0], "irfft": [2.0, 1.0]}


def _along_one(name: str, law: str) -> Callable[..., Expr]:
    def transform(e: object, /, n: object = None, axis: object = -1, norm: object = None) -> Expr:
        return _one(e, n, axis, norm, name)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"""``{name}(e, n, axis, norm)``: {law}, with NumPy's arguments.

    It is linear: an einsum with a matrix of roots of unity, computed by the fast transform of the
    library. Of fewer than `n` entries zeros follow.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.{name}(ed.tensor("x", "i")), x=[3.0, 1.0]).real.tolist()
    {_TWO_POINTS[name]}

    Raises ShapeError for an axis that is not there, and where it is not known whether an axis has
    more than `n` entries; EinderivError for another norm.
    """
    return table.public(transform)


fft = _along_one("fft", "entry k is the sum of ``e[j] exp(-2 pi i k j / n)``")
ifft = _along_one("ifft", "the inverse of ``fft``")
rfft = _along_one("rfft", "the first ``n // 2 + 1`` entries of ``fft`` of real numbers")
irfft = _along_one("irfft", "the inverse of ``rfft``; without `n` of an even number of points")


# ---- along several axes


def _several(
    e: object, s: object, axes: object, norm: object, names: Sequence[str], what: str
) -> Expr:
    """A transform along each of some axes: the first of `names` along all but the last."""
    found = expression_of(e)
    lengths = None if s is None else list(s)  # type: ignore[call-overload]
    if axes is None:
        count = found.ndim if lengths is None else len(lengths)
        places = list(range(found.ndim - count, found.ndim))
    else:
        places = [_axis_of(found, axis, what) for axis in axes]  # type: ignore[attr-defined]
    if lengths is None:
        lengths = [None] * len(places)
    if len(lengths) != len(places) or not places:
        raise ShapeError(f"{what} takes a length for each axis, and one axis at least")
    steps = [(place, n, names[0]) for place, n in zip(places[:-1], lengths[:-1], strict=True)]
    last = (places[-1], lengths[-1], names[-1])
    # of real numbers the last axis first, and to real numbers last
    order = [last, *steps] if what.startswith("rfft") else [*steps, last]
    for place, n, name in order:
        found = _one(found, n, place, norm, name)
    return found


_SEVERAL = {
    "fftn": (("fft", "fft"), "``fft`` along each of `axes`, all by default"),
    "ifftn": (("ifft", "ifft"), "``ifft`` along each of `axes`, all by default"),
    "rfftn": (("fft", "rfft"), "``rfft`` along the last of `axes`, ``fft`` along the others"),
    "irfftn": (("ifft", "irfft"), "``ifft`` along all of `axes` but the last, there ``irfft``"),
}


def _along_several(name: str, default: tuple[int, int] | None) -> Callable[..., Expr]:
    names, law = _SEVERAL[name.replace("2", "n")]

    def transform(
        e: object, /, s: object = None, axes: object = default, norm: object = None
    ) -> Expr:
        return _several(e, s, axes, norm, names, name)

    transform.__name__ = transform.__qualname__ = name
    two = law.replace("all by default", "the last two by default")
    transform.__doc__ = f"""``{name}(e, s, axes, norm)``: {two if default else law}.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.{name}(ed.tensor("X", "ij")), X=[[1.0, 0.0], [0.0, 1.0]]).shape
    (2, 2)

    Raises what ``fft`` raises, and ShapeError unless `s` has a length for each axis.
    """
    return table.public(transform)


fftn, ifftn = _along_several("fftn", None), _along_several("ifftn", None)
rfftn, irfftn = _along_several("rfftn", None), _along_several("irfftn", None)
fft2, ifft2 = _along_several("fft2", (-2, -1)), _along_several("ifft2", (-2, -1))
rfft2, irfft2 = _along_several("rfft2", (-2, -1)), _along_several("irfft2", (-2, -1))


# ---- places


def _shifted(e: object, axes: object, what: str, backwards: bool) -> Expr:
    found = expression_of(e)
    chosen = range(found.ndim) if axes is None else axes
    places = list(chosen) if isinstance(chosen, (range, tuple, list)) else [chosen]
    for axis in places:
        place = _axis_of(found, axis, what)
        size = lengths_of(found)[place]
        half = floor_quotient(size, 2)
        # what stands first: the second half, of which a middle entry is the first or the last
        start = half if backwards else minus(size, half)
        before = (slice(None),) * place
        bound: object = start if isinstance(start, int) else SymbolicSize(start, (found,))
        parts = [entries(found, (*before, slice(bound, None)))]
        parts.append(entries(found, (*before, slice(None, bound))))
        found = arrays.concatenate(parts, place)
    return found


@table.public
def fftshift(e: object, /, axes: object = None) -> Expr:
    """``fftshift(e, axes)``: the zero frequency goes to the middle of each axis.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.fftshift(ed.tensor("x", "i")), x=[0, 1, 2, -2, -1]).tolist()
    [-2, -1, 0, 1, 2]

    Raises ShapeError for an axis that is not there.
    """
    return _shifted(e, axes, "fftshift", backwards=False)


@table.public
def ifftshift(e: object, /, axes: object = None) -> Expr:
    """``ifftshift(e, axes)``: the inverse of ``fftshift``.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.ifftshift(ed.tensor("x", "i")), x=[-2, -1, 0, 1, 2]).tolist()
    [0, 1, 2, -2, -1]

    Raises ShapeError for an axis that is not there.
    """
    return _shifted(e, axes, "ifftshift", backwards=True)


def _frequencies(n: object, d: object, what: str, real_only: bool) -> Expr:
    size = as_size(n)
    if size is None:
        raise TypeError(f"n of {what} is a whole number or a size, not {n!r}")
    if isinstance(size, int) and size < 1:
        raise ShapeError(f"{what} of {size} points: it needs 1 at least")
    half = floor_quotient(size, 2)
    origins = origins_of(n)
    if real_only:
        places = arrays.arange(sized(plus(half, 1), origins))
    else:
        first = arrays.arange(sized(minus(size, half), origins))
        behind = arrays.arange(sized(product_of_sizes(-1, half), origins), 0)
        places = arrays.concatenate([first, behind])
    whole = size if isinstance(size, int) else SymbolicSize(size, origins).expression()
    return divided(places, multiply(as_expression(whole), as_expression(d)))


@table.public
def fftfreq(n: object, /, d: object = 1.0) -> Expr:
    """``fftfreq(n, d)``: the frequencies of ``fft`` of `n` points at distances `d`; `n` may be a
    size that is not known yet.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.fftfreq(4)).tolist()
    [0.0, 0.25, -0.5, -0.25]

    Raises ShapeError for less than one point.
    """
    return _frequencies(n, d, "fftfreq", real_only=False)


@table.public
def rfftfreq(n: object, /, d: object = 1.0) -> Expr:
    """``rfftfreq(n, d)``: the frequencies of ``rfft`` of `n` points at distances `d`.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.rfftfreq(4)).tolist()
    [0.0, 0.25, 0.5]

    Raises ShapeError for less than one point.
    """
    return _frequencies(n, d, "rfftfreq", real_only=True)
