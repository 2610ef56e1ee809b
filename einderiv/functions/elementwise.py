"""Elementwise functions: for each its derivative, its row of the table and the call, one below the
other.

``exp = elementwise("exp", …)`` takes the columns of a row, enters it, and is the call that applies
it. Calls that take numbers besides their arguments are written out.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import EinderivError
from ..expression import (
    Apply,
    Expr,
    Number,
    add,
    as_expression,
    checked,
    multiply,
    number,
    powers,
    times,
)
from .table import (
    Bounds,
    Function,
    Terms,
    apply,
    argument,
    constant,
    elementwise,
    elementwise_of_two,
    enter,
    largest,
    numpy,
    of_one,
    public,
    together,
)

SPECIAL = "from scipy import special"


def squared(e: Expr) -> Expr:
    """``e * e``."""
    found = powers(e, 2)
    assert found is not None
    return found


def raised(e: Expr, exponent: Number) -> Expr:
    """``e ** exponent``: a product for small whole exponents, else the row that fits."""
    product = powers(e, exponent)
    if product is not None:
        return product
    named = "reciprocal" if exponent == -1 else "sqrt" if exponent == 0.5 else None
    return apply(named, e) if named else apply("power", e, 0, (exponent,))


# ---- bounds of whole numbers
def _one(_: Bounds, __: tuple[Number, ...]) -> int:
    return 1


# ---- exponentials, logarithms, roots, signs
def _exp(node: Apply) -> Terms:
    return (node,)


exp = elementwise("exp", "e^x", (_exp,), "exp(x)", numpy("np.exp({0})"), r"\exp\left({0}\right)")


def _expm1(node: Apply) -> Terms:
    return (apply("exp", argument(node)),)


expm1 = elementwise(
    "expm1",
    "e^x - 1, precise near 0",
    (_expm1,),
    "exp(x)",
    numpy("np.expm1({0})"),
    r"\left(e^{{{0}}} - 1\right)",
)


def _log(node: Apply) -> Terms:
    return (apply("reciprocal", argument(node)),)


log = elementwise(
    "log",
    "the natural logarithm",
    (_log,),
    "1/x",
    numpy("np.log({0})"),
    r"\log\left({0}\right)",
    domain=(0.2, 3.0),
)


def _log1p(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, argument(node))),)


log1p = elementwise(
    "log1p",
    "log(1 + x), precise near 0",
    (_log1p,),
    "1/(1 + x)",
    numpy("np.log1p({0})"),
    r"\log\left(1 + {0}\right)",
    domain=(-0.5, 2.0),
)


def _log2(node: Apply) -> Terms:
    return (times(apply("reciprocal", argument(node)), 1 / math.log(2)),)


log2 = elementwise(
    "log2",
    "the logarithm to base 2",
    (_log2,),
    "1/(x log 2)",
    numpy("np.log2({0})"),
    r"\log_2\left({0}\right)",
    domain=(0.2, 3.0),
)


def _log10(node: Apply) -> Terms:
    return (times(apply("reciprocal", argument(node)), 1 / math.log(10)),)


log10 = elementwise(
    "log10",
    "the logarithm to base 10",
    (_log10,),
    "1/(x log 10)",
    numpy("np.log10({0})"),
    r"\log_{{10}}\left({0}\right)",
    domain=(0.2, 3.0),
)


def _sqrt(node: Apply) -> Terms:
    return (times(apply("reciprocal", node), 0.5),)


sqrt = elementwise(
    "sqrt",
    "the square root",
    (_sqrt,),
    "1/(2 sqrt(x))",
    numpy("np.sqrt({0})"),
    r"\sqrt{{{0}}}",
    domain=(0.2, 3.0),
)


def _cbrt(node: Apply) -> Terms:
    return (times(apply("reciprocal", squared(node)), 1 / 3),)


cbrt = elementwise(
    "cbrt",
    "the real cube root",
    (_cbrt,),
    "1/(3 cbrt(x)^2)",
    numpy("np.cbrt({0})"),
    r"\sqrt[3]{{{0}}}",
    domain=(0.2, 3.0),
    analytic=False,
)


def _square(node: Apply) -> Terms:
    return (times(argument(node), 2),)


def _bound_square(bounds: Bounds, _: tuple[Number, ...]) -> int:
    return bounds[0] ** 2


square = elementwise(
    "square",
    "x^2",
    (_square,),
    "2 x",
    numpy("np.square({0})"),
    r"\left({0}\right)^2",
    integer=_bound_square,
)


def _reciprocal(node: Apply) -> Terms:
    return (times(squared(node), -1),)


reciprocal = elementwise(
    "reciprocal",
    "1/x",
    (_reciprocal,),
    "-1/x^2",
    numpy("(1 / {0})"),
    r"\frac{{1}}{{{0}}}",
    domain=(0.5, 3.0),
)


sign = elementwise(
    "sign",
    "-1, 0 or 1 by the sign of x",
    (constant,),
    "0",
    numpy("np.sign({0})"),
    r"\operatorname{{sign}}\left({0}\right)",
    kink="sign'(0) = 0",
    analytic=False,
    integer=_one,
)


heaviside = elementwise(
    "heaviside",
    "1 where x > 0, else 0",
    (constant,),
    "0",
    numpy("({0} > 0).astype({0}.dtype)"),
    r"\Theta\left({0}\right)",
    kink="heaviside(0) = 0, its derivative there 0",
    analytic=False,
    integer=_one,
)


def _abs(node: Apply) -> Terms:
    return (apply("sign", argument(node)),)


# Of complex numbers it is another function: `complex.abs_` has the name.
abs_ = of_one(
    Function(
        "abs",
        "|x|",
        (_abs,),
        "sign(x)",
        numpy("np.abs({0})"),
        r"\left|{0}\right|",
        kink="abs'(0) = 0",
        analytic=False,
        integer=largest,
    )
)


# ---- angles
def _sin(node: Apply) -> Terms:
    return (apply("cos", argument(node)),)


sin = elementwise(
    "sin", "sin x, x in radians", (_sin,), "cos(x)", numpy("np.sin({0})"), r"\sin\left({0}\right)"
)


def _cos(node: Apply) -> Terms:
    return (times(apply("sin", argument(node)), -1),)


cos = elementwise(
    "cos", "cos x, x in radians", (_cos,), "-sin(x)", numpy("np.cos({0})"), r"\cos\left({0}\right)"
)


def _tan(node: Apply) -> Terms:
    return (add(1, squared(node)),)


tan = elementwise(
    "tan",
    "tan x, x in radians",
    (_tan,),
    "1 + tan(x)^2",
    numpy("np.tan({0})"),
    r"\tan\left({0}\right)",
    domain=(-1.0, 1.0),
)


def _arcsin(node: Apply) -> Terms:
    return (apply("power", add(1, times(squared(argument(node)), -1)), 0, (-0.5,)),)


arcsin = elementwise(
    "arcsin",
    "the inverse of sin, in radians",
    (_arcsin,),
    "(1 - x^2)^(-1/2)",
    numpy("np.arcsin({0})"),
    r"\arcsin\left({0}\right)",
    domain=(-0.8, 0.8),
)


def _arccos(node: Apply) -> Terms:
    return tuple(times(term, -1) for term in _arcsin(node))


arccos = elementwise(
    "arccos",
    "the inverse of cos, in radians",
    (_arccos,),
    "-(1 - x^2)^(-1/2)",
    numpy("np.arccos({0})"),
    r"\arccos\left({0}\right)",
    domain=(-0.8, 0.8),
)


def _arctan(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, squared(argument(node)))),)


arctan = elementwise(
    "arctan",
    "the inverse of tan, in radians",
    (_arctan,),
    "1/(1 + x^2)",
    numpy("np.arctan({0})"),
    r"\arctan\left({0}\right)",
)


def _arctan2_first(node: Apply) -> Terms:
    y, x = node.arguments
    return (multiply(x, apply("reciprocal", add(squared(x), squared(y)))),)


def _arctan2_second(node: Apply) -> Terms:
    y, x = node.arguments
    return (times(multiply(y, apply("reciprocal", add(squared(x), squared(y)))), -1),)


arctan2 = elementwise_of_two(
    "arctan2",
    "the angle of (y, x) for x, y in this order, in radians",
    (_arctan2_first, _arctan2_second),
    "y/(x^2 + y^2), -x/(x^2 + y^2)",
    numpy("np.arctan2({0}, {1})"),
    r"\operatorname{{arctan2}}\left({0}, {1}\right)",
    domain=(0.2, 3.0),
    analytic=False,
)


def _sinh(node: Apply) -> Terms:
    return (apply("cosh", argument(node)),)


sinh = elementwise(
    "sinh",
    "the hyperbolic sine",
    (_sinh,),
    "cosh(x)",
    numpy("np.sinh({0})"),
    r"\sinh\left({0}\right)",
)


def _cosh(node: Apply) -> Terms:
    return (apply("sinh", argument(node)),)


cosh = elementwise(
    "cosh",
    "the hyperbolic cosine",
    (_cosh,),
    "sinh(x)",
    numpy("np.cosh({0})"),
    r"\cosh\left({0}\right)",
)


def _tanh(node: Apply) -> Terms:
    return (add(1, times(squared(node), -1)),)


tanh = elementwise(
    "tanh",
    "the hyperbolic tangent",
    (_tanh,),
    "1 - tanh(x)^2",
    numpy("np.tanh({0})"),
    r"\tanh\left({0}\right)",
)


def _arcsinh(node: Apply) -> Terms:
    return (apply("power", add(1, squared(argument(node))), 0, (-0.5,)),)


arcsinh = elementwise(
    "arcsinh",
    "the inverse of sinh",
    (_arcsinh,),
    "(1 + x^2)^(-1/2)",
    numpy("np.arcsinh({0})"),
    r"\operatorname{{arcsinh}}\left({0}\right)",
)


def _arccosh(node: Apply) -> Terms:
    # Not (x² - 1)^(-1/2): for complex x with a negative real part that is the other branch of the
    # root.
    x = argument(node)
    return (
        multiply(apply("power", add(x, -1), 0, (-0.5,)), apply("power", add(x, 1), 0, (-0.5,))),
    )


arccosh = elementwise(
    "arccosh",
    "the inverse of cosh",
    (_arccosh,),
    "((x - 1) (x + 1))^(-1/2)",
    numpy("np.arccosh({0})"),
    r"\operatorname{{arccosh}}\left({0}\right)",
    domain=(1.3, 3.0),
)


def _arctanh(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, times(squared(argument(node)), -1))),)


arctanh = elementwise(
    "arctanh",
    "the inverse of tanh",
    (_arctanh,),
    "1/(1 - x^2)",
    numpy("np.arctanh({0})"),
    r"\operatorname{{arctanh}}\left({0}\right)",
    domain=(-0.8, 0.8),
)


def _hypot_first(node: Apply) -> Terms:
    return (multiply(node.arguments[0], apply("reciprocal", node)),)


def _hypot_second(node: Apply) -> Terms:
    return (multiply(node.arguments[1], apply("reciprocal", node)),)


hypot = elementwise_of_two(
    "hypot",
    "sqrt(x^2 + y^2)",
    (_hypot_first, _hypot_second),
    "x/hypot(x, y), y/hypot(x, y)",
    numpy("np.hypot({0}, {1})"),
    r"\operatorname{{hypot}}\left({0}, {1}\right)",
    domain=(0.2, 3.0),
    analytic=False,
)


# ---- steps and bends of networks, and what probability asks for
def _sigmoid(node: Apply) -> Terms:
    # σ(x)(1 − σ(x)) cancels for large x; σ(x)σ(−x) is the same and does not.
    return (multiply(node, apply("sigmoid", times(argument(node), -1))),)


sigmoid = elementwise(
    "sigmoid",
    "1/(1 + e^(-x))",
    (_sigmoid,),
    "sigmoid(x) sigmoid(-x)",
    numpy("sigmoid({0})"),
    r"\sigma\left({0}\right)",
)


def _log_sigmoid(node: Apply) -> Terms:
    return (apply("sigmoid", times(argument(node), -1)),)


log_sigmoid = elementwise(
    "log_sigmoid",
    "log sigmoid(x)",
    (_log_sigmoid,),
    "sigmoid(-x)",
    numpy("-softplus(-{0})"),
    r"\log\sigma\left({0}\right)",
)


def _softplus(node: Apply) -> Terms:
    return (apply("sigmoid", argument(node)),)


softplus = elementwise(
    "softplus",
    "log(1 + e^x)",
    (_softplus,),
    "sigmoid(x)",
    numpy("softplus({0})"),
    r"\operatorname{{softplus}}\left({0}\right)",
)


def _relu(node: Apply) -> Terms:
    return (apply("heaviside", argument(node)),)


relu = elementwise(
    "relu",
    "max(x, 0)",
    (_relu,),
    "heaviside(x)",
    numpy("np.maximum({0}, 0)"),
    r"\operatorname{{relu}}\left({0}\right)",
    kink="relu'(0) = 0",
    analytic=False,
    integer=largest,
)


def _leaky_relu(node: Apply) -> Terms:
    (slope,) = node.parameters
    return (add(slope, times(apply("heaviside", argument(node)), 1 - slope)),)


def _parameter(value: object, what: str) -> Number:
    """A number that is part of the function, not an argument."""
    p = number(value)
    if p is None or isinstance(p, complex) or p != p or abs(p) == math.inf:
        raise TypeError(f"{what} must be a finite real number, not {value!r}")
    return p


enter(
    [
        Function(
            "leaky_relu",
            "x where x > 0, else a x for a number a",
            (_leaky_relu,),
            "1 where x > 0, else a",
            numpy("np.where({0} > 0, {0}, {1} * {0})"),
            r"\operatorname{{leaky\_relu}}_{{{1}}}\left({0}\right)",
            kink="leaky_relu'(0) = a",
            analytic=False,
        )
    ]
)


@public
def leaky_relu(x: object, slope: object = 0.01, /) -> Expr:
    """``leaky_relu(x, slope)``: `x` where it is positive, else ``slope * x``; at 0 the derivative
    is `slope`.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.leaky_relu(ed.tensor("x", "i"), 0.5), x=[-2.0, 3.0])
    array([-1.,  3.])

    Raises TypeError unless `slope` is a finite number.
    """
    return apply("leaky_relu", as_expression(x), 0, (_parameter(slope, "the slope"),))


def _elu(node: Apply) -> Terms:
    # α e^min(x, 0) is bounded, so a 0 of the mask meets no infinity. At 0 every derivative is that
    # from the left.
    (alpha,) = node.parameters
    right = apply("heaviside", argument(node))
    left = add(1, times(right, -1))
    return right, multiply(left, times(apply("exp", multiply(argument(node), left)), alpha))


enter(
    [
        Function(
            "elu",
            "x where x > 0, else a (e^x - 1) for a number a",
            (_elu,),
            "1 where x > 0, else a e^x",
            numpy("np.where({0} > 0, {0}, {1} * np.expm1(np.minimum({0}, 0)))"),
            r"\operatorname{{elu}}_{{{1}}}\left({0}\right)",
            kink="elu'(0) = a",
            analytic=False,
        )
    ]
)


@public
def elu(x: object, alpha: object = 1.0, /) -> Expr:
    """``elu(x, alpha)``: `x` where it is positive, else ``alpha (e^x - 1)``; at 0 the derivative is
    `alpha`.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.elu(ed.tensor("x", "i")), x=[-1e4, 3.0])
    array([-1.,  3.])

    Raises TypeError unless `alpha` is a finite number.
    """
    return apply("elu", as_expression(x), 0, (_parameter(alpha, "alpha"),))


def _gelu(node: Apply) -> Terms:
    # (x Φ)' = Φ + x φ; Φ by erfc keeps its precision for large negative x.
    x = argument(node)
    density = times(apply("exp", times(squared(x), -0.5)), 1 / math.sqrt(2 * math.pi))
    return times(apply("erfc", times(x, -1 / math.sqrt(2))), 0.5), multiply(x, density)


enter(
    [
        Function(
            "gelu",
            "x times the normal distribution function of x",
            (_gelu,),
            "Phi(x) + x phi(x)",
            numpy("{0} * special.ndtr({0})"),
            r"\operatorname{{gelu}}\left({0}\right)",
            needs=SPECIAL,
            analytic=False,
        )
    ]
)


@public
def gelu(x: object, /, *, approximate: bool = False) -> Expr:
    """``gelu(x)``: `x` times the standard normal distribution function of `x`; needs SciPy to
    evaluate.

    With `approximate` it is ``x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))``, which needs no
    SciPy. Source: Hendrycks and Gimpel, arXiv 1606.08415.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.gelu(ed.tensor("x", "i")), x=[-1e4, 0.0, 3e4])
    array([   -0.,     0., 30000.])
    """
    e = as_expression(x)
    if not approximate:
        return apply("gelu", e)
    inner = times(add(e, times(multiply(e, squared(e)), 0.044715)), math.sqrt(2 / math.pi))
    return multiply(times(e, 0.5), add(1, apply("tanh", inner)))


def _silu(node: Apply) -> Terms:
    right = apply("sigmoid", argument(node))
    return right, multiply(node, apply("sigmoid", times(argument(node), -1)))


silu = elementwise(
    "silu",
    "x sigmoid(x)",
    (_silu,),
    "sigmoid(x) + silu(x) sigmoid(-x)",
    numpy("{0} * sigmoid({0})"),
    r"\operatorname{{silu}}\left({0}\right)",
)


def _erf(node: Apply) -> Terms:
    return (times(apply("exp", times(squared(argument(node)), -1)), 2 / math.sqrt(math.pi)),)


erf = elementwise(
    "erf",
    "2/sqrt(pi) times the integral of e^(-t^2) from 0 to x",
    (_erf,),
    "2/sqrt(pi) exp(-x^2)",
    numpy("special.erf({0})"),
    r"\operatorname{{erf}}\left({0}\right)",
    needs=SPECIAL,
)


def _erfc(node: Apply) -> Terms:
    return tuple(times(term, -1) for term in _erf(node))


erfc = elementwise(
    "erfc",
    "1 - erf(x), precise for large x",
    (_erfc,),
    "-2/sqrt(pi) exp(-x^2)",
    numpy("special.erfc({0})"),
    r"\operatorname{{erfc}}\left({0}\right)",
    needs=SPECIAL,
)


def _gammaln(node: Apply) -> Terms:
    return (apply("digamma", argument(node)),)


gammaln = elementwise(
    "gammaln",
    "log |Gamma(x)|",
    (_gammaln,),
    "digamma(x)",
    numpy("special.gammaln({0})"),
    r"\log\left|\Gamma\left({0}\right)\right|",
    domain=(0.5, 4.0),
    needs=SPECIAL,
    analytic=False,
)


def _digamma(node: Apply) -> Terms:
    return (apply("polygamma", argument(node), 0, (1,)),)


digamma = elementwise(
    "digamma",
    "the derivative of log Gamma(x)",
    (_digamma,),
    "polygamma(1, x)",
    numpy("special.digamma({0})"),
    r"\psi\left({0}\right)",
    domain=(0.5, 4.0),
    needs=SPECIAL,
    analytic=False,
)


def _polygamma(node: Apply) -> Terms:
    return (apply("polygamma", argument(node), 0, (node.parameters[0] + 1,)),)


enter(
    [
        Function(
            "polygamma",
            "the n-th derivative of digamma for a whole number n",
            (_polygamma,),
            "polygamma(n + 1, x)",
            numpy("special.polygamma({1}, {0})"),
            r"\psi^{{({1})}}\left({0}\right)",
            domain=(0.5, 4.0),
            needs=SPECIAL,
            analytic=False,
        )
    ]
)


@public
def polygamma(n: object, x: object, /) -> Expr:
    """``polygamma(n, x)``: the n-th derivative of digamma, for a whole number n from 1; needs SciPy
    to evaluate.

    >>> import einderiv as ed
    >>> print(ed.polygamma(1, ed.tensor("x", "i")))
    polygamma(x, 1)

    Raises TypeError unless `n` is a whole number from 1.
    """
    order = number(n)
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 1000:
        raise TypeError(f"the order of polygamma must be a whole number from 1 to 1000, not {n!r}")
    return apply("polygamma", as_expression(x), 0, (order,))


# ---- powers, and what compares
def _power(node: Apply) -> Terms:
    (p,) = node.parameters
    return (times(raised(argument(node), p - 1), p),)


def _bound_power(bounds: Bounds, parameters: tuple[Number, ...]) -> int | None:
    (p,) = parameters
    return bounds[0] ** p if isinstance(p, int) and 0 <= p <= 1000 else None


enter(
    [
        Function(
            "power",
            "x^p for a number p",
            (_power,),
            "p x^(p-1)",
            numpy("np.power({0}, {1})"),
            r"\left({0}\right)^{{{1}}}",
            domain=(0.3, 2.0),
            integer=_bound_power,
        )
    ]
)


def powered(a: object, exponent: object) -> Expr:
    """``a ** exponent`` by a number."""
    p = number(exponent)
    if p is None or isinstance(exponent, bool):
        raise TypeError(
            f"** takes a number as exponent, not {type(exponent).__name__}: "
            "write ed.exp(p * ed.log(x)) for a variable one"
        )
    if p != p or p in (float("inf"), float("-inf")):
        raise EinderivError(f"** takes a finite exponent, not {p}")
    return raised(as_expression(a), p)


@public
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
        raise TypeError(
            f"{base!r} ** x needs a positive number to the left: write ed.exp(x * ed.log(b))"
        )
    return apply("exp", times(as_expression(x), math.log(b)))


def _above(node: Apply) -> Terms:
    # 1 where the first is the larger, 1/2 at a tie.
    first, second = node.arguments
    return (times(add(1, apply("sign", add(first, times(second, -1)))), 0.5),)


def _below(node: Apply) -> Terms:
    first, second = node.arguments
    return (times(add(1, apply("sign", add(second, times(first, -1)))), 0.5),)


maximum = elementwise_of_two(
    "maximum",
    "the larger of x and y",
    (_above, _below),
    "1 where larger",
    numpy("np.maximum({0}, {1})"),
    r"\max\left({0}, {1}\right)",
    kink="a tie is shared equally",
    analytic=False,
    integer=largest,
)


minimum = elementwise_of_two(
    "minimum",
    "the smaller of x and y",
    (_below, _above),
    "1 where smaller",
    numpy("np.minimum({0}, {1})"),
    r"\min\left({0}, {1}\right)",
    kink="a tie is shared equally",
    analytic=False,
    integer=largest,
)


def _where_true(node: Apply) -> Terms:
    return (apply("not_equal", (node.arguments[0], times(node.arguments[0], 0))),)


def _where_false(node: Apply) -> Terms:
    return (apply("equal", (node.arguments[0], times(node.arguments[0], 0))),)


enter(
    [
        Function(
            "where",
            "x where c is not 0, else y, for c, x, y in this order",
            (constant, _where_true, _where_false),
            "0, 1 where c is not 0, 1 where c is 0",
            numpy("np.where({0} != 0, {1}, {2})"),
            r"\operatorname{{where}}\left({0}, {1}, {2}\right)",
            kink="the derivative by c is 0",
            integer=largest,
        )
    ]
)


@public
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


@public
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


def _comparison(name: str, law: str, sign: str, latex: str) -> Callable[[object, object], Expr]:
    """``x law y``, as 1 or 0."""
    return elementwise_of_two(
        name,
        f"1 where x {law} y, else 0",
        (constant, constant),
        "0",
        numpy(f"({{0}} {sign} {{1}}).astype({{0}}.dtype)"),
        rf"\left[{{0}} {latex} {{1}}\right]",
        kink="its derivative is 0 at the jump too",
        analytic=False,
        integer=_one,
    )


greater = _comparison("greater", ">", ">", ">")
greater_equal = _comparison("greater_equal", ">=", ">=", r"\ge")
less = _comparison("less", "<", "<", "<")
less_equal = _comparison("less_equal", "<=", "<=", r"\le")
equal = _comparison("equal", "=", "==", "=")
not_equal = _comparison("not_equal", "differs from", "!=", r"\ne")
