"""The elementwise rows of the table: their derivatives, spellings, domains and kinks."""

from __future__ import annotations

import math

from ..expression import Apply, Expr, Number, add, multiply, powers, times
from .table import Bounds, Function, Terms, apply, argument, constant, enter, numpy


def _exp(node: Apply) -> Terms:
    return (node,)


def _log(node: Apply) -> Terms:
    return (apply("reciprocal", argument(node)),)


def _sin(node: Apply) -> Terms:
    return (apply("cos", argument(node)),)


def _cos(node: Apply) -> Terms:
    return (times(apply("sin", argument(node)), -1),)


def _tanh(node: Apply) -> Terms:
    return (add(1, times(squared(node), -1)),)


def _sqrt(node: Apply) -> Terms:
    return (times(apply("reciprocal", node), 0.5),)


def _square(node: Apply) -> Terms:
    return (times(argument(node), 2),)


def _reciprocal(node: Apply) -> Terms:
    return (times(squared(node), -1),)


def _sigmoid(node: Apply) -> Terms:
    # σ(x)(1 − σ(x)) cancels for large x; σ(x)σ(−x) is the same and does not.
    return (multiply(node, apply("sigmoid", times(argument(node), -1))),)


def _relu(node: Apply) -> Terms:
    return (apply("heaviside", argument(node)),)


def _abs(node: Apply) -> Terms:
    return (apply("sign", argument(node)),)


def _expm1(node: Apply) -> Terms:
    return (apply("exp", argument(node)),)


def _log1p(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, argument(node))),)


def _log2(node: Apply) -> Terms:
    return (times(apply("reciprocal", argument(node)), 1 / math.log(2)),)


def _log10(node: Apply) -> Terms:
    return (times(apply("reciprocal", argument(node)), 1 / math.log(10)),)


def _cbrt(node: Apply) -> Terms:
    return (times(apply("reciprocal", squared(node)), 1 / 3),)


def _tan(node: Apply) -> Terms:
    return (add(1, squared(node)),)


def _arcsin(node: Apply) -> Terms:
    return (apply("power", add(1, times(squared(argument(node)), -1)), 0, (-0.5,)),)


def _arccos(node: Apply) -> Terms:
    return tuple(times(term, -1) for term in _arcsin(node))


def _arctan(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, squared(argument(node)))),)


def _sinh(node: Apply) -> Terms:
    return (apply("cosh", argument(node)),)


def _cosh(node: Apply) -> Terms:
    return (apply("sinh", argument(node)),)


def _arcsinh(node: Apply) -> Terms:
    return (apply("power", add(1, squared(argument(node))), 0, (-0.5,)),)


def _arccosh(node: Apply) -> Terms:
    # Not (x² - 1)^(-1/2): for complex x with a negative real part that is the other branch of the root.
    x = argument(node)
    return (multiply(apply("power", add(x, -1), 0, (-0.5,)), apply("power", add(x, 1), 0, (-0.5,))),)


def _arctanh(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, times(squared(argument(node)), -1))),)


def _softplus(node: Apply) -> Terms:
    return (apply("sigmoid", argument(node)),)


def _log_sigmoid(node: Apply) -> Terms:
    return (apply("sigmoid", times(argument(node), -1)),)


def _above(node: Apply) -> Terms:
    # 1 where the first is the larger, 1/2 at a tie.
    first, second = node.arguments
    return (times(add(1, apply("sign", add(first, times(second, -1)))), 0.5),)


def _below(node: Apply) -> Terms:
    first, second = node.arguments
    return (times(add(1, apply("sign", add(second, times(first, -1)))), 0.5),)


def _hypot_first(node: Apply) -> Terms:
    return (multiply(node.arguments[0], apply("reciprocal", node)),)


def _hypot_second(node: Apply) -> Terms:
    return (multiply(node.arguments[1], apply("reciprocal", node)),)


def _arctan2_first(node: Apply) -> Terms:
    y, x = node.arguments
    return (multiply(x, apply("reciprocal", add(squared(x), squared(y)))),)


def _arctan2_second(node: Apply) -> Terms:
    y, x = node.arguments
    return (times(multiply(y, apply("reciprocal", add(squared(x), squared(y)))), -1),)


def raised(e: Expr, exponent: Number) -> Expr:
    """``e ** exponent``: a product for small whole exponents, else the row that fits."""
    product = powers(e, exponent)
    if product is not None:
        return product
    named = "reciprocal" if exponent == -1 else "sqrt" if exponent == 0.5 else None
    return apply(named, e) if named else apply("power", e, 0, (exponent,))


def _power(node: Apply) -> Terms:
    (p,) = node.parameters
    return (times(raised(argument(node), p - 1), p),)


def squared(e: Expr) -> Expr:
    """``e * e``."""
    found = powers(e, 2)
    assert found is not None
    return found


def _where_true(node: Apply) -> Terms:
    return (apply("not_equal", (node.arguments[0], times(node.arguments[0], 0))),)


def _where_false(node: Apply) -> Terms:
    return (apply("equal", (node.arguments[0], times(node.arguments[0], 0))),)


def _leaky_relu(node: Apply) -> Terms:
    (slope,) = node.parameters
    return (add(slope, times(apply("heaviside", argument(node)), 1 - slope)),)


def _elu(node: Apply) -> Terms:
    # α e^min(x, 0) is bounded, so a 0 of the mask meets no infinity. At 0 every derivative is that from the left.
    (alpha,) = node.parameters
    right = apply("heaviside", argument(node))
    left = add(1, times(right, -1))
    return right, multiply(left, times(apply("exp", multiply(argument(node), left)), alpha))


def _silu(node: Apply) -> Terms:
    right = apply("sigmoid", argument(node))
    return right, multiply(node, apply("sigmoid", times(argument(node), -1)))


def _gelu(node: Apply) -> Terms:
    # (x Φ)' = Φ + x φ; Φ by erfc keeps its precision for large negative x.
    x = argument(node)
    density = times(apply("exp", times(squared(x), -0.5)), 1 / math.sqrt(2 * math.pi))
    return times(apply("erfc", times(x, -1 / math.sqrt(2))), 0.5), multiply(x, density)


def _erf(node: Apply) -> Terms:
    return (times(apply("exp", times(squared(argument(node)), -1)), 2 / math.sqrt(math.pi)),)


def _erfc(node: Apply) -> Terms:
    return tuple(times(term, -1) for term in _erf(node))


def _gammaln(node: Apply) -> Terms:
    return (apply("digamma", argument(node)),)


def _digamma(node: Apply) -> Terms:
    return (apply("polygamma", argument(node), 0, (1,)),)


def _polygamma(node: Apply) -> Terms:
    return (apply("polygamma", argument(node), 0, (node.parameters[0] + 1,)),)


def _largest(bounds: Bounds, _: tuple[Number, ...]) -> int:
    return max(bounds)


def _one(_: Bounds, __: tuple[Number, ...]) -> int:
    return 1


def _bound_square(bounds: Bounds, _: tuple[Number, ...]) -> int:
    return bounds[0] ** 2


def _bound_power(bounds: Bounds, parameters: tuple[Number, ...]) -> int | None:
    (p,) = parameters
    return bounds[0] ** p if isinstance(p, int) and 0 <= p <= 1000 else None


def _mask(name: str, law: str, sign: str, latex: str) -> Function:
    """A row for a comparison."""
    return Function(name, f"1 where x {law} y, else 0", (constant, constant), "0",
                    numpy(f"({{0}} {sign} {{1}}).astype({{0}}.dtype)"), rf"\left[{{0}} {latex} {{1}}\right]",
                    kink="its derivative is 0 at the jump too", analytic=False, integer=_one)  # fmt: skip


SPECIAL = "from scipy import special"

_ROWS = (
    Function("exp", "e^x", (_exp,), "exp(x)", numpy("np.exp({0})"), r"\exp\left({0}\right)"),
    Function("log", "the natural logarithm", (_log,), "1/x", numpy("np.log({0})"), r"\log\left({0}\right)", (0.2, 3.0)),
    Function("sin", "sin x, x in radians", (_sin,), "cos(x)", numpy("np.sin({0})"), r"\sin\left({0}\right)"),
    Function("cos", "cos x, x in radians", (_cos,), "-sin(x)", numpy("np.cos({0})"), r"\cos\left({0}\right)"),
    Function("tanh", "the hyperbolic tangent", (_tanh,), "1 - tanh(x)^2", numpy("np.tanh({0})"),
             r"\tanh\left({0}\right)"),
    Function("sqrt", "the square root", (_sqrt,), "1/(2 sqrt(x))", numpy("np.sqrt({0})"), r"\sqrt{{{0}}}", (0.2, 3.0)),
    Function("square", "x^2", (_square,), "2 x", numpy("np.square({0})"), r"\left({0}\right)^2", integer=_bound_square),
    Function("reciprocal", "1/x", (_reciprocal,), "-1/x^2", numpy("(1 / {0})"), r"\frac{{1}}{{{0}}}", (0.5, 3.0)),
    Function("sigmoid", "1/(1 + e^(-x))", (_sigmoid,), "sigmoid(x) sigmoid(-x)", numpy("sigmoid({0})"),
             r"\sigma\left({0}\right)"),
    Function("relu", "max(x, 0)", (_relu,), "heaviside(x)", numpy("np.maximum({0}, 0)"),
             r"\operatorname{{relu}}\left({0}\right)", kink="relu'(0) = 0", analytic=False, integer=_largest),
    Function("abs", "|x|", (_abs,), "sign(x)", numpy("np.abs({0})"), r"\left|{0}\right|", kink="abs'(0) = 0",
             analytic=False, integer=_largest),
    Function("sign", "-1, 0 or 1 by the sign of x", (constant,), "0", numpy("np.sign({0})"),
             r"\operatorname{{sign}}\left({0}\right)", kink="sign'(0) = 0", analytic=False, integer=_one),
    Function("heaviside", "1 where x > 0, else 0", (constant,), "0", numpy("({0} > 0).astype({0}.dtype)"),
             r"\Theta\left({0}\right)", kink="heaviside(0) = 0, its derivative there 0", analytic=False, integer=_one),
    Function("power", "x^p for a number p", (_power,), "p x^(p-1)", numpy("np.power({0}, {1})"),
             r"\left({0}\right)^{{{1}}}", (0.3, 2.0), integer=_bound_power),
    Function("expm1", "e^x - 1, precise near 0", (_expm1,), "exp(x)", numpy("np.expm1({0})"),
             r"\left(e^{{{0}}} - 1\right)"),
    Function("log1p", "log(1 + x), precise near 0", (_log1p,), "1/(1 + x)", numpy("np.log1p({0})"),
             r"\log\left(1 + {0}\right)", (-0.5, 2.0)),
    Function("log2", "the logarithm to base 2", (_log2,), "1/(x log 2)", numpy("np.log2({0})"),
             r"\log_2\left({0}\right)",
             (0.2, 3.0)),
    Function("log10", "the logarithm to base 10", (_log10,), "1/(x log 10)", numpy("np.log10({0})"),
             r"\log_{{10}}\left({0}\right)", (0.2, 3.0)),
    Function("cbrt", "the real cube root", (_cbrt,), "1/(3 cbrt(x)^2)", numpy("np.cbrt({0})"),
             r"\sqrt[3]{{{0}}}", (0.2, 3.0), analytic=False),
    Function("tan", "tan x, x in radians", (_tan,), "1 + tan(x)^2", numpy("np.tan({0})"),
             r"\tan\left({0}\right)", (-1.0, 1.0)),
    Function("arcsin", "the inverse of sin, in radians", (_arcsin,), "(1 - x^2)^(-1/2)", numpy("np.arcsin({0})"),
             r"\arcsin\left({0}\right)", (-0.8, 0.8)),
    Function("arccos", "the inverse of cos, in radians", (_arccos,), "-(1 - x^2)^(-1/2)", numpy("np.arccos({0})"),
             r"\arccos\left({0}\right)", (-0.8, 0.8)),
    Function("arctan", "the inverse of tan, in radians", (_arctan,), "1/(1 + x^2)", numpy("np.arctan({0})"),
             r"\arctan\left({0}\right)"),
    Function("sinh", "the hyperbolic sine", (_sinh,), "cosh(x)", numpy("np.sinh({0})"), r"\sinh\left({0}\right)"),
    Function("cosh", "the hyperbolic cosine", (_cosh,), "sinh(x)", numpy("np.cosh({0})"), r"\cosh\left({0}\right)"),
    Function("arcsinh", "the inverse of sinh", (_arcsinh,), "(1 + x^2)^(-1/2)", numpy("np.arcsinh({0})"),
             r"\operatorname{{arcsinh}}\left({0}\right)"),
    Function("arccosh", "the inverse of cosh", (_arccosh,), "((x - 1) (x + 1))^(-1/2)", numpy("np.arccosh({0})"),
             r"\operatorname{{arccosh}}\left({0}\right)", (1.3, 3.0)),
    Function("arctanh", "the inverse of tanh", (_arctanh,), "1/(1 - x^2)", numpy("np.arctanh({0})"),
             r"\operatorname{{arctanh}}\left({0}\right)", (-0.8, 0.8)),
    Function("softplus", "log(1 + e^x)", (_softplus,), "sigmoid(x)", numpy("softplus({0})"),
             r"\operatorname{{softplus}}\left({0}\right)"),
    Function("log_sigmoid", "log sigmoid(x)", (_log_sigmoid,), "sigmoid(-x)", numpy("-softplus(-{0})"),
             r"\log\sigma\left({0}\right)"),
    Function("maximum", "the larger of x and y", (_above, _below), "1 where larger", numpy("np.maximum({0}, {1})"),
             r"\max\left({0}, {1}\right)", kink="a tie is shared equally", analytic=False, integer=_largest),
    Function("minimum", "the smaller of x and y", (_below, _above), "1 where smaller", numpy("np.minimum({0}, {1})"),
             r"\min\left({0}, {1}\right)", kink="a tie is shared equally", analytic=False, integer=_largest),
    Function("hypot", "sqrt(x^2 + y^2)", (_hypot_first, _hypot_second), "x/hypot(x, y), y/hypot(x, y)",
             numpy("np.hypot({0}, {1})"), r"\operatorname{{hypot}}\left({0}, {1}\right)", (0.2, 3.0), analytic=False),
    Function("arctan2", "the angle of (y, x) for x, y in this order, in radians", (_arctan2_first, _arctan2_second),
             "y/(x^2 + y^2), -x/(x^2 + y^2)", numpy("np.arctan2({0}, {1})"),
             r"\operatorname{{arctan2}}\left({0}, {1}\right)", (0.2, 3.0), analytic=False),
    Function("where", "x where c is not 0, else y, for c, x, y in this order", (constant, _where_true, _where_false),
             "0, 1 where c is not 0, 1 where c is 0", numpy("np.where({0} != 0, {1}, {2})"),
             r"\operatorname{{where}}\left({0}, {1}, {2}\right)", kink="the derivative by c is 0", integer=_largest),
    _mask("greater", ">", ">", ">"), _mask("greater_equal", ">=", ">=", r"\ge"), _mask("less", "<", "<", "<"),
    _mask("less_equal", "<=", "<=", r"\le"), _mask("equal", "=", "==", "="),
    _mask("not_equal", "differs from", "!=", r"\ne"),
    Function("leaky_relu", "x where x > 0, else a x for a number a", (_leaky_relu,), "1 where x > 0, else a",
             numpy("np.where({0} > 0, {0}, {1} * {0})"), r"\operatorname{{leaky\_relu}}_{{{1}}}\left({0}\right)",
             kink="leaky_relu'(0) = a", analytic=False),
    Function("elu", "x where x > 0, else a (e^x - 1) for a number a", (_elu,), "1 where x > 0, else a e^x",
             numpy("np.where({0} > 0, {0}, {1} * np.expm1(np.minimum({0}, 0)))"),
             r"\operatorname{{elu}}_{{{1}}}\left({0}\right)", kink="elu'(0) = a", analytic=False),
    Function("silu", "x sigmoid(x)", (_silu,), "sigmoid(x) + silu(x) sigmoid(-x)", numpy("{0} * sigmoid({0})"),
             r"\operatorname{{silu}}\left({0}\right)"),
    Function("gelu", "x times the normal distribution function of x", (_gelu,), "Phi(x) + x phi(x)",
             numpy("{0} * special.ndtr({0})"), r"\operatorname{{gelu}}\left({0}\right)", needs=SPECIAL,
             analytic=False),
    Function("erf", "2/sqrt(pi) times the integral of e^(-t^2) from 0 to x", (_erf,), "2/sqrt(pi) exp(-x^2)",
             numpy("special.erf({0})"), r"\operatorname{{erf}}\left({0}\right)", needs=SPECIAL),
    Function("erfc", "1 - erf(x), precise for large x", (_erfc,), "-2/sqrt(pi) exp(-x^2)",
             numpy("special.erfc({0})"), r"\operatorname{{erfc}}\left({0}\right)", needs=SPECIAL),
    Function("gammaln", "log |Gamma(x)|", (_gammaln,), "digamma(x)", numpy("special.gammaln({0})"),
             r"\log\left|\Gamma\left({0}\right)\right|", (0.5, 4.0), needs=SPECIAL, analytic=False),
    Function("digamma", "the derivative of log Gamma(x)", (_digamma,), "polygamma(1, x)", numpy("special.digamma({0})"),
             r"\psi\left({0}\right)", (0.5, 4.0), needs=SPECIAL, analytic=False),
    Function("polygamma", "the n-th derivative of digamma for a whole number n", (_polygamma,), "polygamma(n + 1, x)",
             numpy("special.polygamma({1}, {0})"), r"\psi^{{({1})}}\left({0}\right)", (0.5, 4.0), needs=SPECIAL,
             analytic=False),
)  # fmt: skip

enter(_ROWS)
