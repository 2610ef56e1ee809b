"""Logarithms and quotients of what is made by exponentials: stable forms, whoever writes them.

=====================  ========================
``log(exp(x))``        ``x``
``log(1 + exp(x))``    ``softplus(x)``
``log(sigmoid(x))``    ``log_sigmoid(x)``
``log(softmax(x))``    ``log_softmax(x)``
``log(sum(exp(x)))``   ``logsumexp(x)``
``log(1 / f)``         ``-log(f)`` of these
``1 / (1 + exp(x))``   ``sigmoid(-x)``
``exp(x)/(1+exp(x))``  ``sigmoid(x)``
=====================  ========================

Of what is declared complex nothing is rewritten: there a logarithm has branches.

The slope of ``1 / (1 + exp(x))`` as it is written is infinity over infinity for large x.
"""

from __future__ import annotations

import math

from ..expression import Add, Apply, Einsum, Expr, add, dressed, filled, same, times, viewed
from .table import apply, argument


def log_of(e: Expr) -> Expr | None:
    """``log(e)`` without a logarithm of an exponential, or None where `e` is none of the above."""
    if e.complex:
        return None
    match e:
        case Apply():
            return _of_function(e)
        case Add():
            return _of_sum(e)
        case Einsum():
            return _of_einsum(e)
    return None


def log1p_of(e: Expr) -> Expr | None:
    """``log(1 + e)`` of an exponential."""
    inside = _exponent(e)
    return None if inside is None else apply("softplus", inside)


def reciprocal_of(e: Expr) -> Expr | None:
    """``1 / (1 + exp(x))`` without an exponential that overflows, or None where `e` is not that."""
    inside = None if e.complex else _beside_one(e)
    return None if inside is None else apply("sigmoid", times(inside, -1))


def quotient_of(a: Expr, b: Expr) -> Expr | None:
    """``exp(x) / (1 + exp(x))`` without an infinity over another, or None where it is not that."""
    inside = None if b.complex else _beside_one(b)
    above = _exponent(a)
    if inside is None or above is None or not same(inside, above):
        return None
    return apply("sigmoid", inside)


def _beside_one(e: Expr) -> Expr | None:
    """x where `e` is 1 + exp(x)."""
    if not isinstance(e, Add) or len(e.addends) != 2:
        return None
    for exponential, other in (e.addends, e.addends[::-1]):
        inside = _exponent(exponential)
        if inside is not None and same(other, filled(1, e.sizes, e.axes)):
            return inside
    return None


def _exponent(e: Expr) -> Expr | None:
    is_exponential = isinstance(e, Apply) and e.function.name == "exp" and not e.complex
    return argument(e) if is_exponential and isinstance(e, Apply) else None


def _of_function(e: Apply) -> Expr | None:
    inside = argument(e)
    if e.function.name == "exp":
        # Of complex numbers only up to 2πi: their arrays are refused, as wherever x is taken for x̄.
        return dressed(inside, origins=(apply("conj", inside),))
    if e.function.name == "sigmoid":
        return apply("log_sigmoid", inside)
    if e.function.name == "softmax":
        return apply("log_softmax", inside, e.core)
    if e.function.name == "reciprocal":
        found = log_of(inside)
        return None if found is None else times(found, -1)
    return None


def _of_sum(e: Add) -> Expr | None:
    # 1 + e^x, e^x + e^y
    if len(e.addends) != 2:
        return None
    first, second = e.addends
    x, y = _exponent(first), _exponent(second)
    if x is not None and y is not None:
        return apply("logaddexp", (x, y))
    inside = _beside_one(e)
    return None if inside is None else apply("softplus", inside)


def _of_einsum(e: Einsum) -> Expr | None:
    # the sum of exponentials over some axes; a view of what has a stable logarithm
    if len(e.factors) != 1 or e.given or not _positive(e.coefficient):
        return None
    (factor,), (labels,) = e.factors, e.inputs
    if len(set(labels)) < len(labels) or len(set(e.output)) < len(e.output):
        return None
    gone = [label for label in labels if label not in e.output]
    if gone:
        inside = _exponent(factor)
        if inside is None:
            return None
        order = (*(label for label in e.output), *gone)
        moved = viewed(inside, labels, order) if order != labels else inside
        found: Expr | None = apply("logsumexp", moved, len(gone))
    else:
        found = log_of(factor)
        if found is not None and e.output != labels:
            found = viewed(found, labels, e.output)
    if found is None or e.coefficient == 1:
        return found
    return add(found, math.log(float(e.coefficient.real)))


def _positive(number: complex) -> bool:
    return not isinstance(number, complex) and number > 0
