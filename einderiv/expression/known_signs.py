"""What is known to be positive, because rows of the table and squares say so.

>>> import einderiv as ed
>>> x = ed.tensor("x", "i")
>>> is_positive(ed.exp(x)), is_positive(1 + ed.sum(x * x)), is_positive(x)
(True, True, False)
"""

from __future__ import annotations

from typing import TypeGuard

from .labels import Label
from .nodes import Add, Apply, Constant, Einsum, Expr, Tensor, put
from .relation_rows import renamed

#: levels: what is written alike is compared no deeper
DEEP = 8

# What is known of a sign. Nodes remember it, so that all questions together are one walk.
UNKNOWN, NOT_NEGATIVE, POSITIVE = range(3)


def inverts(e: Expr) -> TypeGuard[Apply]:
    """Is `e` one divided by something?"""
    return type(e) is Apply and e.function.inverts


def is_positive(e: Expr) -> bool:
    """Is `e` greater than 0 wherever it is evaluated, in exact arithmetic?"""
    pending = [] if e.sign is not None else [e]
    while pending:
        node = pending[-1]
        below = [part for part in _decisive(node) if part.sign is None]
        if below:
            pending += below
            continue
        put(node, "sign", _sign(node))
        pending.pop()
    return e.sign == POSITIVE


def _decisive(e: Expr) -> tuple[Expr, ...]:
    """The parts whose signs decide that of `e`."""
    if e.complex:
        return ()
    match e:
        case Apply():
            return e.arguments if e.function.inverts else ()
        case Einsum():
            return e.factors if _above_zero(e.coefficient) else ()
        case Add():
            return e.addends
    return ()


def _sign(e: Expr) -> int:
    """What is known of the sign of `e`, whose parts know theirs."""
    if e.complex:
        return UNKNOWN
    match e:
        case Constant():
            positive = isinstance(e.value, (int, float)) and e.value > 0
        case Apply():
            positive = bool(e.function.positive)
            if e.function.inverts:
                positive = e.arguments[0].sign == POSITIVE
        # a product of positive numbers, and a sum of such products over its axes
        case Einsum():
            if not _above_zero(e.coefficient):
                return UNKNOWN
            positive = all([factor.sign == POSITIVE for factor in e.factors])
            if positive and e.parts is not None:
                return NOT_NEGATIVE  # there may be no point in a sum
            if not positive and _are_squares(e):
                return NOT_NEGATIVE
        # none is negative, and one is positive
        case Add():
            signs = [term.sign for term in e.addends]
            positive = POSITIVE in signs and UNKNOWN not in signs
        case _:
            return UNKNOWN
    return POSITIVE if positive else UNKNOWN


def _above_zero(number: complex) -> bool:
    return not isinstance(number, complex) and number > 0


def _are_squares(e: Einsum) -> bool:
    """Are the factors that may be negative squares: each there twice, at the same labels?"""
    open_places: dict[tuple[int, tuple[Label, ...]], list[Expr]] = {}
    for factor, labels in e.slots:
        if factor.sign != UNKNOWN:
            continue
        waiting = open_places.setdefault((factor.weight, labels), [])
        twins = [k for k, other in enumerate(waiting) if alike(factor, other)]
        if twins:
            del waiting[twins[0]]
        else:
            waiting.append(factor)
    return not any(open_places.values())


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
    relations = frozenset(renamed(e.relations, names.__getitem__))
    return tuple(numbered), frozenset(given), relations
