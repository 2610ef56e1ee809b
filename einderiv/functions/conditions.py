"""Conditions put together: ``(x > 0) & (x < 1)``, ``~(x > 0)``, and NumPy's logical functions.

A condition is 1 or 0 at each entry, so *and* is a product, and *not* compares with 0.

>>> import einderiv as ed
>>> x = ed.tensor("x", "i")
>>> ed.evaluate(ed.where((x > 0) & (x < 2), x, -1), x=[-3, 1, 2]).tolist()
[-1, 1, -1]
"""

from __future__ import annotations

from ..expression import Apply, Constant, Einsum, Expr, add, as_expression, multiply
from .elementwise import equal, greater, not_equal

_CONDITIONS = frozenset(("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"))


def _is_condition(e: Expr) -> bool:
    """Is each entry 0 or 1: a comparison, a boolean array, or a product of such?"""
    if isinstance(e, Constant):
        return getattr(getattr(e.value, "dtype", None), "kind", "") == "b"
    if isinstance(e, Einsum):
        kept = all([set(labels) <= set(e.output) for labels in e.inputs])
        return kept and e.coefficient == 1 and all([_is_condition(f) for f in e.factors])
    return isinstance(e, Apply) and e.function.name in _CONDITIONS


def _conditions(sign: str, *values: object) -> list[Expr]:
    found = [as_expression(value) for value in values]
    for e in found:
        if not _is_condition(e):
            raise TypeError(
                f"{sign} is for conditions, such as (x > 0) {sign} (x < 1), not for numbers"
            )
    return found


def both(a: object, b: object, /) -> Expr:
    """``a & b`` of conditions: 1 where both are."""
    first, second = _conditions("&", a, b)
    return multiply(first, second)


def either(a: object, b: object, /) -> Expr:
    """``a | b`` of conditions: 1 where one of them is, or both."""
    first, second = _conditions("|", a, b)
    return greater(add(first, second), 0)


def one_of(a: object, b: object, /) -> Expr:
    """``a ^ b`` of conditions: 1 where one of them is and the other is not."""
    first, second = _conditions("^", a, b)
    return not_equal(first, second)


def opposite(a: object, /) -> Expr:
    """``~a`` of a condition: 1 where it is not."""
    (condition,) = _conditions("~", a)
    return equal(condition, 0)


def _true(value: object) -> Expr:
    e = as_expression(value)
    return e if _is_condition(e) else not_equal(e, 0)


def logical_and(a: object, b: object, /) -> Expr:
    """``np.logical_and(a, b)``: 1 where both are not 0."""
    return both(_true(a), _true(b))


def logical_or(a: object, b: object, /) -> Expr:
    """``np.logical_or(a, b)``: 1 where one of them is not 0."""
    return either(_true(a), _true(b))


def logical_xor(a: object, b: object, /) -> Expr:
    """``np.logical_xor(a, b)``: 1 where one of them is not 0 and the other is."""
    return one_of(_true(a), _true(b))


def logical_not(a: object, /) -> Expr:
    """``np.logical_not(a)``: 1 where it is 0."""
    return opposite(_true(a))
