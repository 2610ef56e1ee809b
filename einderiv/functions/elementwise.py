"""Elementwise functions: the public calls that apply the rows of the table."""

from __future__ import annotations

import math

from ..errors import EinderivError
from ..expression import Expr, Number, add, as_expression, checked, multiply, number, times
from .elementwise_rules import raised, squared
from .table import apply, elementwise, elementwise_of_two, together


def powered(a: object, exponent: object) -> Expr:
    """``a ** exponent`` by a number."""
    p = number(exponent)
    if p is None or isinstance(exponent, bool):
        raise TypeError(f"** takes a number as exponent, not {type(exponent).__name__}: "
                        "write ed.exp(p * ed.log(x)) for a variable one")  # fmt: skip
    if p != p or p in (float("inf"), float("-inf")):
        raise EinderivError(f"** takes a finite exponent, not {p}")
    return raised(as_expression(a), p)


def power(x: object, exponent: object, /) -> Expr:
    """``power(x, p)``: ``x ** p`` for a number p, elementwise.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.grad(ed.power(ed.tensor("x"), 3), "x"), x=2)
    array(12)

    Raises TypeError unless `exponent` is a number.
    """
    return powered(x, exponent)


def raised_by(base: object, x: object) -> Expr:
    """``base ** x`` for a positive number, as ``exp(x log(base))``."""
    b = number(base)
    if b is None or isinstance(b, complex) or not 0 < b < math.inf:
        raise TypeError(f"{base!r} ** x needs a positive number to the left: write ed.exp(x * ed.log(b))")
    return apply("exp", times(as_expression(x), math.log(b)))


def _parameter(value: object, what: str) -> Number:
    """A number that is part of the function, not an argument."""
    p = number(value)
    if p is None or isinstance(p, complex) or p != p or abs(p) == math.inf:
        raise TypeError(f"{what} must be a finite real number, not {value!r}")
    return p


def where(condition: object, x: object, y: object, /) -> Expr:
    """``where(c, x, y)``: `x` where `c` is not 0, else `y`; numbers and scalars broadcast.

    The derivative by `x` is the mask of the condition, by `y` the opposite mask, by `c` zero.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.where(ed.greater(x, 1), x, -x), x=[0.5, 2.0])
    array([-0.5,  2. ])

    Raises ShapeError if the axes do not fit.
    """
    return checked(apply("where", together(condition, x, y)))


def clip(x: object, low: object = None, high: object = None, /) -> Expr:
    """``clip(x, low, high)``: ``minimum(maximum(x, low), high)``; a bound of None is no bound.

    At a bound the tie is shared equally, so the derivative is 1/2 there, as in JAX.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.clip(ed.tensor("x", "i"), 0, 1), x=[-2.0, 0.5, 7.0])
    array([0. , 0.5, 1. ])

    Raises ShapeError if the axes do not fit.
    """
    found = as_expression(x)
    found = found if low is None else maximum(found, low)
    return found if high is None else minimum(found, high)


def leaky_relu(x: object, slope: object = 0.01, /) -> Expr:
    """``leaky_relu(x, slope)``: `x` where it is positive, else ``slope * x``; at 0 the derivative is `slope`.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.leaky_relu(ed.tensor("x", "i"), 0.5), x=[-2.0, 3.0])
    array([-1.,  3.])

    Raises TypeError unless `slope` is a finite number.
    """
    return apply("leaky_relu", as_expression(x), 0, (_parameter(slope, "the slope"),))


def elu(x: object, alpha: object = 1.0, /) -> Expr:
    """``elu(x, alpha)``: `x` where it is positive, else ``alpha (e^x - 1)``; at 0 the derivative is `alpha`.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.elu(ed.tensor("x", "i")), x=[-1e4, 3.0])
    array([-1.,  3.])

    Raises TypeError unless `alpha` is a finite number.
    """
    return apply("elu", as_expression(x), 0, (_parameter(alpha, "alpha"),))


def gelu(x: object, /, *, approximate: bool = False) -> Expr:
    """``gelu(x)``: `x` times the standard normal distribution function of `x`; needs SciPy to evaluate.

    With `approximate` it is ``x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))``, which needs no SciPy. Source:
    Hendrycks and Gimpel, arXiv 1606.08415.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.gelu(ed.tensor("x", "i")), x=[-1e4, 0.0, 3e4])
    array([   -0.,     0., 30000.])
    """
    e = as_expression(x)
    if not approximate:
        return apply("gelu", e)
    inner = times(add(e, times(multiply(e, squared(e)), 0.044715)), math.sqrt(2 / math.pi))
    return multiply(times(e, 0.5), add(1, apply("tanh", inner)))


def polygamma(n: object, x: object, /) -> Expr:
    """``polygamma(n, x)``: the n-th derivative of digamma, for a whole number n from 1; needs SciPy to evaluate.

    >>> import einderiv as ed
    >>> print(ed.polygamma(1, ed.tensor("x", "i")))
    polygamma(x, 1)

    Raises TypeError unless `n` is a whole number from 1.
    """
    order = number(n)
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 1000:
        raise TypeError(f"the order of polygamma must be a whole number from 1 to 1000, not {n!r}")
    return apply("polygamma", as_expression(x), 0, (order,))


maximum, minimum, hypot, arctan2 = map(elementwise_of_two, ("maximum", "minimum", "hypot", "arctan2"))
greater, greater_equal, less = map(elementwise_of_two, ("greater", "greater_equal", "less"))
less_equal, equal, not_equal = map(elementwise_of_two, ("less_equal", "equal", "not_equal"))
exp, log, sin, cos = map(elementwise, ("exp", "log", "sin", "cos"))
tanh, sqrt, square, reciprocal = map(elementwise, ("tanh", "sqrt", "square", "reciprocal"))
expm1, log1p, log2, log10, cbrt, tan = map(elementwise, ("expm1", "log1p", "log2", "log10", "cbrt", "tan"))
arcsin, arccos, arctan = map(elementwise, ("arcsin", "arccos", "arctan"))
sinh, cosh, arcsinh, arccosh, arctanh = map(elementwise, ("sinh", "cosh", "arcsinh", "arccosh", "arctanh"))
softplus, log_sigmoid, silu = map(elementwise, ("softplus", "log_sigmoid", "silu"))
sigmoid, relu, abs_, sign, heaviside = map(elementwise, ("sigmoid", "relu", "abs", "sign", "heaviside"))
erf, erfc, gammaln, digamma = map(elementwise, ("erf", "erfc", "gammaln", "digamma"))
