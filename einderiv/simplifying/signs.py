"""Signs that are known."""

from __future__ import annotations

from ..expression import Apply, Einsum, Expr, is_positive, same
from . import products
from .situation import Situation


def sign_of_squares(e: Einsum, situation: Situation) -> Expr | None:
    """A product of sign(xᵀ x) and x, without the sign: it is 1, and 0 only where x is 0."""
    whole = situation.flat(e)
    if whole is None:
        return None
    for k, (factor, _) in enumerate(whole.slots):
        if not isinstance(factor, Apply) or factor.function.name != "sign" or factor.ndim:
            continue
        (inside,) = factor.arguments
        if is_positive(inside):
            return products.without(whole, [k])
        squared = _squared(inside)
        if squared is None:
            continue
        if any(same(other, squared) for other, _ in whole.slots):
            return products.without(whole, [k])
    return None


def _squared(e: Expr) -> Expr | None:
    """The x that `e` is xᵀ x of, or a positive number of times; of real numbers."""
    if not isinstance(e, Einsum) or e.complex or e.parts is not None or len(e.factors) != 2:
        return None
    if isinstance(e.coefficient, complex) or e.coefficient <= 0:
        return None
    first, second = e.factors
    return first if e.inputs[0] == e.inputs[1] and same(first, second) else None
