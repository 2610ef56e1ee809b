"""What is known to be positive, because rows of the table and squares say so.

>>> import einderiv as ed
>>> x = ed.tensor("x", "i")
>>> is_positive(ed.exp(x)), is_positive(1 + ed.sum(x * x)), is_positive(x)
(True, True, False)
"""

from __future__ import annotations

from typing import TypeGuard

from .nodes import Add, Apply, Constant, Einsum, Expr, Tensor

#: levels: of deeper expressions nothing is known
DEEP = 8


def inverts(e: Expr) -> TypeGuard[Apply]:
    """Is `e` one divided by something?"""
    return type(e) is Apply and e.function.inverts


def is_positive(e: Expr, depth: int = DEEP) -> bool:
    """Is `e` greater than 0 wherever it is evaluated, in exact arithmetic?"""
    if e.complex or not depth:
        return False
    match e:
        case Constant():
            return isinstance(e.value, (int, float)) and e.value > 0
        case Apply():
            if e.function.inverts:
                return is_positive(e.arguments[0], depth - 1)
            return bool(e.function.positive)
        # a product of positive numbers, and a sum of such products over its axes
        case Einsum():
            positive = all(is_positive(factor, depth - 1) for factor in e.factors)
            return _above_zero(e.coefficient) and positive
        # none is negative, and one is positive
        case Add():
            some = any(is_positive(term, depth - 1) for term in e.addends)
            return some and all(_is_not_negative(term, depth - 1) for term in e.addends)
    return False


def _above_zero(number: complex) -> bool:
    return not isinstance(number, complex) and number > 0


def _is_not_negative(e: Expr, depth: int) -> bool:
    """Is `e` positive, or a sum of products of squares and positive factors?"""
    if is_positive(e, depth):
        return True
    if not depth:
        return False
    if not isinstance(e, Einsum) or e.complex or not _above_zero(e.coefficient):
        return False
    rest = [slot for slot in e.slots if not _is_not_negative(slot[0], depth - 1)]
    while rest:
        factor, labels = rest.pop()
        twins = [k for k, (other, own) in enumerate(rest) if own == labels and alike(factor, other)]
        if not twins:
            return False
        del rest[twins[0]]
    return True


def alike(a: Expr, b: Expr, depth: int = DEEP) -> bool:
    """Are two expressions written alike? It may miss that they are equal, it never lies."""
    if a is b:
        return True
    if not depth or a.weight != b.weight or a.ndim != b.ndim:
        return False
    match a, b:
        case Tensor(), Tensor():
            return a.name == b.name and a.structure == b.structure
        case Constant(), Constant():
            return a.value is b.value
        case Apply(), Apply():
            rows = a.function is b.function and a.core == b.core and a.parameters == b.parameters
            return rows and _all_alike(a.arguments, b.arguments, depth)
        case Add(), Add():
            return _all_alike(a.addends, b.addends, depth)
        case Einsum(), Einsum():
            same_number = a.coefficient == b.coefficient
            return (
                same_number and _places(a) == _places(b) and _all_alike(a.factors, b.factors, depth)
            )
    return False


def _all_alike(a: tuple[Expr, ...], b: tuple[Expr, ...], depth: int) -> bool:
    if len(a) != len(b):
        return False
    return all(alike(x, y, depth - 1) for x, y in zip(a, b, strict=True))


def _places(e: Einsum) -> object:
    """The labels of an einsum, numbered by their first appearance, and the sizes that it gives."""
    names: dict[int, int] = {}
    numbered = []
    for labels in (*e.inputs, e.output):
        numbered.append(tuple([names.setdefault(label, len(names)) for label in labels]))
    given = {(names.setdefault(label, len(names)), size) for label, size in e.given}
    return tuple(numbered), frozenset(given)
