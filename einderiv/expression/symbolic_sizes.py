"""Sizes that are not known yet, as ``X.shape[0]``: numbers in arithmetic, sizes where sizes are
taken.

A symbolic size knows the expressions that it comes from, so that an array of theirs says what it
measures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from numbers import Integral
from typing import Any, NoReturn, Self

from ..errors import NoFormError
from .labels import Size
from .nodes import Add, Einsum, Expr, dressed
from .size_algebra import (
    floor_quotient,
    minus,
    plus,
    power,
    products,
    times,
    written,
)
from .sizes import Sizes

Operation = Callable[[Size, Size], Size]


class SymbolicSize:
    """A size of an axis that is not known yet, or what is computed from such.

    ``+ - * // %`` and whole powers give sizes; with anything else it is a number, a scalar
    expression.
    """

    __slots__ = ("origins", "size")

    size: Size
    origins: tuple[Expr, ...]

    def __init__(self, size: Size, origins: tuple[Expr, ...]) -> None:
        self.size = size
        self.origins = origins

    def expression(self) -> Expr:
        """The size as a scalar expression: a product of sizes is an einsum of summed labels that
        no factor has.
        """
        terms: list[Expr] = []
        for number, sizes in products(self.size):
            terms.append(Einsum(number, (), (), (), tuple(enumerate(sizes)), axes=()))
        total = Add(tuple(terms)) if len(terms) > 1 else terms[0]
        return dressed(total, origins=self.origins)

    def _with(self, other: object, f: Operation, *, swapped: bool = False) -> Any:
        """A size computed from two; None where the other is none."""
        size = as_size(other)
        if size is None:
            return None
        origins = self.origins + origins_of(other)
        return sized(f(size, self.size) if swapped else f(self.size, size), origins)

    def __add__(self, other: object) -> Any:
        found = self._with(other, plus)
        return self._as_number(other, "__add__") if found is None else found

    def __radd__(self, other: object) -> Any:
        found = self._with(other, plus)
        return self._as_number(other, "__radd__") if found is None else found

    def __sub__(self, other: object) -> Any:
        found = self._with(other, minus)
        return self._as_number(other, "__sub__") if found is None else found

    def __rsub__(self, other: object) -> Any:
        found = self._with(other, minus, swapped=True)
        return self._as_number(other, "__rsub__") if found is None else found

    def __mul__(self, other: object) -> Any:
        found = self._with(other, times)
        return self._as_number(other, "__mul__") if found is None else found

    def __rmul__(self, other: object) -> Any:
        found = self._with(other, times)
        return self._as_number(other, "__rmul__") if found is None else found

    def __floordiv__(self, other: object) -> Any:
        found = self._with(other, floor_quotient)
        return NotImplemented if found is None else found

    def __rfloordiv__(self, other: object) -> Any:
        found = self._with(other, floor_quotient, swapped=True)
        return NotImplemented if found is None else found

    def __mod__(self, other: object) -> Any:
        found = self._with(other, _rest)
        return NotImplemented if found is None else found

    def __rmod__(self, other: object) -> Any:
        found = self._with(other, _rest, swapped=True)
        return NotImplemented if found is None else found

    def __pow__(self, exponent: object) -> Any:
        if isinstance(exponent, int) and not isinstance(exponent, bool) and exponent >= 0:
            return sized(power(self.size, exponent), self.origins)
        return self._as_number(exponent, "__pow__")

    def __rpow__(self, base: object) -> Any:
        return self._as_number(base, "__rpow__")

    def __truediv__(self, other: object) -> Any:
        return self._as_number(other, "__truediv__")

    def __rtruediv__(self, other: object) -> Any:
        return self._as_number(other, "__rtruediv__")

    def __neg__(self) -> Any:
        return sized(times(-1, self.size), self.origins)

    def __pos__(self) -> Self:
        return self

    def _as_number(self, other: object, method: str) -> Any:
        """What an operator gives of the size as a scalar expression."""
        if isinstance(other, Expr):
            return NotImplemented  # it asks its own operator, which knows sizes
        right = other.expression() if isinstance(other, SymbolicSize) else other
        return getattr(self.expression(), method)(right)

    def __eq__(self, other: object) -> bool:
        size = as_size(other)
        if size is None or size == self.size:
            return size is not None
        # two axes that are declared under one name
        known = Sizes().read([*self.origins, *origins_of(other)])
        return known.find(size) == known.find(self.size)

    def __lt__(self, other: object) -> bool:
        return self._compared(other, "<") < 0

    def __le__(self, other: object) -> bool:
        return self._compared(other, "<=") <= 0

    def __gt__(self, other: object) -> bool:
        return self._compared(other, ">") > 0

    def __ge__(self, other: object) -> bool:
        return self._compared(other, ">=") >= 0

    def _compared(self, other: object, operator: str) -> int:
        """The sign of the difference, where it is known."""
        size = as_size(other)
        difference = None if size is None else minus(self.size, size)
        if isinstance(difference, int):
            return difference
        raise TypeError(
            f"{self} {operator} {other} is not known until arrays are given: declare sizes as "
            "numbers, or read the function with sizes, trace_function(f, (5, 3))"
        )

    def __hash__(self) -> int:
        return hash(SymbolicSize)  # sizes of one name are equal, whatever they are written as

    def __index__(self) -> NoReturn:
        raise TypeError(
            f"the size {self} is not known until arrays are given: declare it, as in "
            'ed.tensor("X", (3, "j")) or trace_function(f, (3, 4)), or compute with it as it is; '
            "ed.zeros, ed.ones, ed.eye and ed.arange take it"
        )

    __int__ = __float__ = __complex__ = __bool__ = __index__

    def __str__(self) -> str:
        return written(self.size, _spelled)

    __repr__ = __str__


def _rest(dividend: Size, divisor: Size) -> Size:
    return minus(dividend, times(divisor, floor_quotient(dividend, divisor)))


def _spelled(size: Any) -> str:
    if isinstance(size, str):
        return size
    name, axis = size
    return f"{name}.shape[{axis}]"


def as_size(value: object) -> Size | None:
    """A whole number or a symbolic size as a size, of any sign; None for anything else."""
    if isinstance(value, SymbolicSize):
        return value.size
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    return None


def origins_of(*values: object) -> tuple[Expr, ...]:
    """The expressions that symbolic sizes among `values` come from."""
    found: list[Expr] = []
    for value in values:
        if isinstance(value, SymbolicSize):
            found += value.origins
    return tuple({id(one): one for one in found}.values())


def sized(size: Size, origins: tuple[Expr, ...]) -> int | SymbolicSize:
    """A size as users have it: a number where it is known."""
    if isinstance(size, int):
        return size
    return SymbolicSize(size, tuple({id(one): one for one in origins}.values()))


def lengths_of(e: Expr) -> tuple[Size, ...]:
    """The sizes of the axes, as numbers where they follow from all that `e` was made from."""
    if all([isinstance(size, int) for size in e.axis_sizes]):
        return e.axis_sizes
    sizes = Sizes().read([e])
    found: list[Size] = []
    for size in e.axis_sizes:
        measure = sizes.known_measure(size)
        found.append(size if measure is None else measure)
    return tuple(found)


def shape_of(e: Expr) -> tuple[int | SymbolicSize, ...]:
    """``e.shape``: numbers where sizes are known, else symbolic sizes.

    xarray asks its operands for a shape, and would put what comes of them under its own dims.
    """
    above = sys._getframe(1).f_back  # a script that asks has nobody above it
    caller = "" if above is None else str(above.f_globals.get("__name__", ""))
    if caller.partition(".")[0] == "xarray":
        raise NoFormError("xarray takes the operator for itself: write e + array, not array + e")
    return tuple([sized(size, (e,)) for size in lengths_of(e)])
