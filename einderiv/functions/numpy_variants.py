"""Names of NumPy for what other functions do with another argument, or in another order."""

from __future__ import annotations

import math
from typing import Any

from ..errors import EinderivError, ShapeError
from ..expression import Expr, add, as_expression, called, lengths_of, multiply, operand, times
from . import arrays, complex, compound, elementwise, numerics, special, spectral


def floor_divided(x1: object, x2: object, /) -> Expr:
    """``x // y``. Rounded, for the quotient of what `remainder` leaves is whole up to rounding."""
    x, y = operand(x1), operand(x2)
    whole = compound.subtracted(as_expression(x), special.remainder(x, y))
    return special.round_(compound.divided(whole, y))


def fmod(x1: object, x2: object, /) -> Expr:
    """The remainder with the sign of the first."""
    x, y = as_expression(operand(x1)), as_expression(operand(x2))
    size = complex.abs_(y)
    left = special.remainder(times(x, -1), size)
    return elementwise.where(elementwise.less(x, 0), times(left, -1), special.remainder(x, size))


def angle(z: object, deg: object = False) -> Expr:
    """Of real numbers, which is 0 or pi."""
    e = as_expression(z)
    if e.complex:
        raise EinderivError(
            "the angle of complex numbers is not holomorphic, so it has no derivative here: write "
            "np.arctan2(y, x) of two real tensors"
        )
    return elementwise.where(elementwise.less(e, 0), 180 if deg else math.pi, 0)


def rollaxis(a: object, axis: int, start: int = 0) -> Expr:
    """As NumPy counts: before the axis that is at `start` now."""
    e = as_expression(a)
    place, before = axis % e.ndim, start + e.ndim if start < 0 else start
    return arrays.moveaxis(e, place, before - 1 if place < before else before)


def array_split(ary: object, indices_or_sections: Any, axis: int = 0) -> list[Expr]:
    """Parts that need not be equal: the first are one longer."""
    e = as_expression(ary)
    length = lengths_of(e)[axis]
    if not isinstance(indices_or_sections, int):
        return arrays.split(e, indices_or_sections, axis)
    if indices_or_sections < 1:
        raise ShapeError("number sections must be larger than 0")
    if not isinstance(length, int):
        raise ShapeError(
            f"np.array_split of axis {axis} of {called(e)} needs a known size: declare it, as in "
            "ed.tensor('x', (5,))"
        )
    size, longer = divmod(length, indices_or_sections)
    ends = [size * k + min(k, longer) for k in range(1, indices_or_sections)]
    return arrays.split(e, ends, axis)


def cross(
    a: object, b: object, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Expr:
    """With axes of their own for both and for the result."""
    if axis is not None:
        return numerics.cross(a, b, axis)
    if (axisa, axisb, axisc) == (-1, -1, -1):
        return numerics.cross(a, b)
    last = numerics.cross(arrays.moveaxis(a, axisa, -1), arrays.moveaxis(b, axisb, -1))
    return arrays.moveaxis(last, -1, axisc)


def eigh(a: object, UPLO: str = "L") -> Any:
    """Of the symmetric part, so both triangles say the same."""
    if UPLO not in ("L", "U"):
        raise ShapeError(f"UPLO is 'L' or 'U', not {UPLO!r}")
    return spectral.eigh(a)


def eigvalsh(a: object, UPLO: str = "L") -> Expr:
    """Of the symmetric part."""
    values: Expr = eigh(a, UPLO)[0]
    return values


def beta(a: object, b: object, /) -> Expr:
    """``exp(betaln(a, b))``, with the sign that Gamma has between its poles."""
    x, y = as_expression(operand(a)), as_expression(operand(b))
    signs = multiply(multiply(gamma_sign(x), gamma_sign(y)), gamma_sign(add(x, y)))
    return multiply(signs, elementwise.exp(betaln(x, y)))


def betaln(a: object, b: object, /) -> Expr:
    """The logarithm of the absolute value of the beta function."""
    x, y = as_expression(operand(a)), as_expression(operand(b))
    both = add(elementwise.gammaln(x), elementwise.gammaln(y))
    return compound.subtracted(both, elementwise.gammaln(add(x, y)))


def gamma_sign(x: object, /) -> Expr:
    """The sign of Gamma."""
    return elementwise.sign(special.gamma(x))


def reciprocal_gamma(x: object, /) -> Expr:
    """``1 / Gamma(x)``."""
    return compound.divided(1, special.gamma(x))


def kl_divergence(x: object, y: object, /) -> Expr:
    """``x log(x / y) - x + y``."""
    e, other = as_expression(operand(x)), as_expression(operand(y))
    return add(compound.subtracted(special.rel_entr(e, other), e), other)
