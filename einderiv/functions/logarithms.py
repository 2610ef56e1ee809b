"""Logarithms and quotients of what is made by exponentials: stable forms, whoever writes them.

=======================  ================================
``log(exp(x))``          ``x``
``log(1 + exp(x))``      ``softplus(x)``
``log(a + b)``           ``logaddexp(log(a), log(b))``
``log(sigmoid(x))``      ``log_sigmoid(x)``
``log(1 - sigmoid(x))``  ``log_sigmoid(-x)``
``log(softmax(x))``      ``log_softmax(x)``
``log(cosh(x))``         ``logaddexp(x, -x) - log(2)``
``log(sum(exp(x)))``     ``logsumexp(x)``
``log(a * b)``           ``log(a) + log(b)``
``log(1 / a)``           ``-log(a)``
``log(a ** p)``          ``p * log(a)``
``1 / (1 + exp(x))``     ``sigmoid(-x)``
``exp(x)/(1 + exp(x))``  ``sigmoid(x)``
=======================  ================================

for a and b that are positive numbers or of these forms themselves. A factor that is none stays in a
logarithm of its own: where it is negative, both are nan. Of what is declared complex nothing is
rewritten: there a logarithm has branches.

The slope of ``1 / (1 + exp(x))`` as it is written is infinity over infinity for large x.
"""

from __future__ import annotations

import math

from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Label,
    Labels,
    Number,
    Slot,
    add,
    assemble,
    dressed,
    filled,
    is_zero,
    same,
    times,
    viewed,
    zero,
)
from .table import apply, argument

#: addends: of a longer sum nothing is known
ADDENDS = 8


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
            return _of_product(e)
    return None


def log1p_of(e: Expr) -> Expr | None:
    """``log(1 + e)`` of an exponential, and of a sigmoid with a minus."""
    inside = _exponent(e)
    if inside is not None:
        return apply("softplus", inside)
    whole = add(1, e)
    return None if e.complex or not isinstance(whole, Add) else _of_sum(whole)


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


def smooth_sum(node: Apply, other: Expr) -> Expr | None:
    """``max(x, y) + softplus(-|x - y|)`` as ``logaddexp(x, y)``, which has no kink at x = y.

    None for all others.
    """
    difference = _below_modulus(argument(node))
    if difference is None or not isinstance(other, Apply):
        return None
    x: Expr
    y: Expr
    if other.function.name == "relu":
        x, y = argument(other), zero(other.axis_sizes, other.axes)
    elif other.function.name == "maximum":
        x, y = other.arguments
    else:
        return None
    for sign in (1, -1):
        if same(difference, times(add(x, times(y, -1)), sign)):
            return apply("softplus", x) if is_zero(y) else apply("logaddexp", (x, y))
    return None


def _below_modulus(e: Expr) -> Expr | None:
    """x where `e` is −|x|."""
    if not isinstance(e, Einsum) or len(e.factors) != 1 or e.coefficient != -1:
        return None
    (factor,), (labels,) = e.factors, e.inputs
    is_modulus = isinstance(factor, Apply) and factor.function.name == "abs"
    if not is_modulus or labels != e.output or not isinstance(factor, Apply):
        return None
    return argument(factor)


def _beside_one(e: Expr) -> Expr | None:
    """x where `e` is 1 + exp(x)."""
    if not isinstance(e, Add) or len(e.addends) != 2:
        return None
    for exponential, other in (e.addends, e.addends[::-1]):
        inside = _exponent(exponential)
        if inside is not None and same(other, filled(1, e.axis_sizes, e.axes)):
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
    if e.function.name == "cosh":
        return add(apply("logaddexp", (inside, times(inside, -1))), -math.log(2))
    power = _powers(e)
    found = None if power is None else log_of(inside)
    return None if found is None or power is None else times(found, power)


def _powers(e: Apply) -> Number | None:
    """p where `e` is a power p of its argument."""
    match e.function.name:
        case "reciprocal":
            return -1
        case "sqrt":
            return 0.5
        case "power":
            (exponent,) = e.parameters
            known: Number = exponent
            return known
    return None


def _of_sum(e: Add) -> Expr | None:
    # 1 + e^x, 1 − σ(x), e^x + e^y
    if len(e.addends) > ADDENDS:
        return None
    inside = _beside_one(e)
    if inside is not None:
        return apply("softplus", inside)
    inside = _complement(e)
    if inside is not None:
        return apply("log_sigmoid", times(inside, -1))
    logarithms: list[Expr] = []
    for addend in e.addends:
        number = _number(addend)
        found = log_of(addend) if number is None else _filled_log(number, addend)
        if found is None:
            return None
        logarithms.append(found)
    if all(_number(addend) is not None for addend in e.addends):
        return None
    total, *others = logarithms
    for other in others:
        total = apply("logaddexp", (total, other))
    return total


def _complement(e: Add) -> Expr | None:
    """x where `e` is 1 − sigmoid(x)."""
    if len(e.addends) != 2:
        return None
    for one, other in (e.addends, e.addends[::-1]):
        if _number(one) != 1 or not isinstance(other, Einsum) or len(other.factors) != 1:
            continue
        (factor,), (labels,) = other.factors, other.inputs
        is_sigmoid = isinstance(factor, Apply) and factor.function.name == "sigmoid"
        if is_sigmoid and other.coefficient == -1 and labels == other.output:
            assert isinstance(factor, Apply)
            return argument(factor)
    return None


def _number(e: Expr) -> float | None:
    """The positive number that all entries of `e` are."""
    if not isinstance(e, Einsum) or e.factors or not _positive(e.coefficient):
        return None
    return float(e.coefficient.real)


def _filled_log(number: float, like: Expr) -> Expr:
    return filled(math.log(number), like.axis_sizes, like.axes)


def _of_product(e: Einsum) -> Expr | None:
    # log(c Π_k f_k Σ exp(x)) = log c + Σ_k log f_k + logsumexp(x)
    if e.given or not _positive(e.coefficient) or _has_repeated_labels(e):
        return None
    terms: list[Slot] = []
    rest: list[Slot] = []
    for factor, labels in e.slots:
        gone = [label for label in labels if label not in e.output]
        found = _of_summed(e, factor, labels, gone) if gone else log_of(factor)
        if found is not None:
            terms.append((found, tuple([label for label in labels if label not in gone])))
        elif gone:
            return None
        else:
            rest.append((factor, labels))
    if not terms:
        return None
    if rest:
        used = {label for _, labels in rest for label in labels}
        left = tuple([label for label in e.output if label in used])
        product = assemble(1, rest, left, axes=(None,) * len(left))
        terms.append((apply("log", product), left))
    given = tuple(zip(e.output, e.axis_sizes, strict=True))
    spread = [assemble(1, [term], e.output, axes=e.axes, given=given) for term in terms]
    total: Expr = spread[0]
    for term in spread[1:]:
        total = add(total, term)
    return total if e.coefficient == 1 else add(total, math.log(float(e.coefficient.real)))


def _has_repeated_labels(e: Einsum) -> bool:
    return any(len(set(labels)) < len(labels) for labels in (*e.inputs, e.output))


def _of_summed(e: Einsum, factor: Expr, labels: Labels, gone: list[Label]) -> Expr | None:
    """The logarithm of a sum of exponentials over labels that nothing else has."""
    inside = _exponent(factor)
    elsewhere = [label for other, own in e.slots if other is not factor for label in own]
    if inside is None or any(label in elsewhere for label in gone):
        return None
    kept = [label for label in labels if label not in gone]
    order = (*kept, *gone)
    moved = viewed(inside, labels, order) if order != labels else inside
    return apply("logsumexp", moved, len(gone))


def _positive(number: complex) -> bool:
    return not isinstance(number, complex) and number > 0
