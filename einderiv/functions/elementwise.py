"""Elementwise functions: for each its derivative, its row of the table and the call, one below the
other.

``exp = elementwise("exp", …)`` takes the columns of a row, enters it, and is the call that applies
it. Calls that take numbers besides their arguments are written out. The derivative of a function
stands above its row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import EinderivError
from ..expression import (
    Apply,
    Constant,
    Expr,
    Number,
    SymbolicSize,
    add,
    as_expression,
    assemble,
    checked,
    dressed,
    filled,
    letters,
    multiply,
    number,
    operand,
    smooth_square,
    times,
    truth,
)
from .logarithms import log1p_of, log_of, reciprocal_of, smooth_sum
from .table import (
    Bounds,
    Function,
    Sides,
    Terms,
    apply,
    argument,
    elementwise,
    elementwise_of_two,
    enter,
    largest,
    no_slope,
    of_one,
    of_two,
    one_name,
    public,
    together,
)

SPECIAL = "from scipy import special"


def squared(e: Expr) -> Expr:
    """``e * e``; of a length or an absolute value the smooth square that its row knows."""
    smooth = smooth_square(e)
    return _repeated(e, 2) if smooth is None else smooth


def raised(e: Expr, exponent: Number) -> Expr:
    """``e ** exponent``: a product for small whole exponents, else the row that fits."""
    if exponent == 0:
        return dressed(filled(1, e.axis_sizes, e.axes), origins=(e,))
    if exponent == 1 and isinstance(exponent, int):
        return e
    if exponent == 2 and isinstance(exponent, int):
        return squared(e)
    if exponent in (3, 4) and isinstance(exponent, int):
        return _repeated(e, exponent)
    if exponent == -1:
        return reciprocal(e)
    if exponent == 0.5:
        return apply("sqrt", e)
    return apply("power", e, 0, (exponent,))


def _repeated(e: Expr, count: int) -> Expr:
    """The product of an expression with itself, entry by entry."""
    output = tuple(range(e.ndim))
    slots = [(e, output)] * count
    return assemble(1, slots, output, axes=e.axes, letters=letters(output, e.axes))


# ---- bounds of whole numbers
def _one(_: Bounds, __: tuple[Number, ...], ___: Sides) -> int:
    """A function of whole numbers that is 0, 1 or -1."""
    return 1


# ---- exponentials, logarithms, roots, signs
def _exp(node: Apply) -> Terms:
    return (node,)


exp = elementwise(
    "exp",
    law="e^x",
    derivatives=(_exp,),
    derived="exp(x)",
    source="NIST DLMF, 4.7(ii)",
    spell=one_name("exp"),
    latex=r"\exp\left({0}\right)",
    positive=True,
    plain=lambda np, x: np.exp(x),
)


def _expm1(node: Apply) -> Terms:
    return (apply("exp", argument(node)),)


expm1 = elementwise(
    "expm1",
    law="e^x - 1, precise near 0",
    derivatives=(_expm1,),
    derived="exp(x)",
    source="NIST DLMF, 4.7(ii)",
    spell=one_name("expm1"),
    latex=r"\left(e^{{{0}}} - 1\right)",
    plain=lambda np, x: np.exp(x) - 1,
)


def _log(node: Apply) -> Terms:
    return (apply("reciprocal", argument(node)),)


log = elementwise(
    "log",
    law="the natural logarithm",
    derivatives=(_log,),
    derived="1/x",
    source="NIST DLMF, 4.7(i)",
    spell=one_name("log"),
    latex=r"\log\left({0}\right)",
    plain=lambda np, x: np.log(x),
    domain=(0.2, 3.0),
    reduced=log_of,
)


def _log1p(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, argument(node))),)


log1p = elementwise(
    "log1p",
    law="log(1 + x), precise near 0",
    derivatives=(_log1p,),
    derived="1/(1 + x)",
    source="NIST DLMF, 4.7(i)",
    spell=one_name("log1p"),
    latex=r"\log\left(1 + {0}\right)",
    plain=lambda np, x: np.log(1 + x),
    domain=(-0.5, 2.0),
    reduced=log1p_of,
)


def _log2(node: Apply) -> Terms:
    return (times(apply("reciprocal", argument(node)), 1 / math.log(2)),)


log2 = elementwise(
    "log2",
    law="the logarithm to base 2",
    derivatives=(_log2,),
    derived="1/(x log 2)",
    source="NIST DLMF, 4.7(i)",
    spell=one_name("log2"),
    latex=r"\log_2\left({0}\right)",
    plain=lambda np, x: np.log(x) / np.log(2),
    domain=(0.2, 3.0),
)


def _log10(node: Apply) -> Terms:
    return (times(apply("reciprocal", argument(node)), 1 / math.log(10)),)


log10 = elementwise(
    "log10",
    law="the logarithm to base 10",
    derivatives=(_log10,),
    derived="1/(x log 10)",
    source="NIST DLMF, 4.7(i)",
    spell=one_name("log10"),
    latex=r"\log_{{10}}\left({0}\right)",
    plain=lambda np, x: np.log(x) / np.log(10),
    domain=(0.2, 3.0),
)


def _sqrt(node: Apply) -> Terms:
    return (times(apply("reciprocal", node), 0.5),)


sqrt = elementwise(
    "sqrt",
    law="the square root",
    derivatives=(_sqrt,),
    derived="1/(2 sqrt(x))",
    source="NIST DLMF, 4.7(ii)",
    spell=one_name("sqrt"),
    latex=r"\sqrt{{{0}}}",
    plain=lambda np, x: np.sqrt(x),
    domain=(0.2, 3.0),
)


def _cbrt(node: Apply) -> Terms:
    return (times(apply("reciprocal", squared(node)), 1 / 3),)


cbrt = elementwise(
    "cbrt",
    law="the real cube root",
    derivatives=(_cbrt,),
    derived="1/(3 cbrt(x)^2)",
    source="NIST DLMF, 4.7(ii)",
    spell=one_name("cbrt", torch="cube_root({0})"),
    latex=r"\sqrt[3]{{{0}}}",
    plain=lambda np, x: np.cbrt(x),
    domain=(0.2, 3.0),
    analytic=False,
)


def _square(node: Apply) -> Terms:
    return (times(argument(node), 2),)


def _bound_square(bounds: Bounds, _: tuple[Number, ...], __: Sides) -> int:
    return bounds[0] ** 2


square = elementwise(
    "square",
    law="x^2",
    derivatives=(_square,),
    derived="2 x",
    source="NIST DLMF, 4.7(ii)",
    spell=one_name("square", julia="{0} .^ 2"),
    latex=r"\left({0}\right)^2",
    plain=lambda np, x: x * x,
    integer=_bound_square,
    degree=lambda _: 2,
    reduced=smooth_square,
)


def _reciprocal(node: Apply) -> Terms:
    return (times(squared(node), -1),)


reciprocal = elementwise(
    "reciprocal",
    law="1/x",
    derivatives=(_reciprocal,),
    derived="-1/x^2",
    source="NIST DLMF, 4.7(ii)",
    spell={
        "numpy": "(1 / {0})",
        "torch": "(1 / {0})",
        "jax": "(1 / {0})",
        "julia": "1 ./ {0}",
    },
    latex=r"\frac{{1}}{{{0}}}",
    inverts=True,
    pole=True,
    plain=lambda np, x: 1 / x,
    domain=(0.5, 3.0),
    reduced=reciprocal_of,
)


sign = elementwise(
    "sign",
    law="-1, 0 or 1 by the sign of x",
    derivatives=(no_slope,),
    derived="0",
    source="definition, constant between its jumps",
    spell=one_name("sign"),
    latex=r"\operatorname{{sign}}\left({0}\right)",
    plain=lambda np, x: np.where(x > 0, 1, np.where(x < 0, -1, 0)),
    kink="sign'(0) = 0",
    analytic=False,
    integer=_one,
)


heaviside = elementwise(
    "heaviside",
    law="1 where x > 0, else 0",
    derivatives=(no_slope,),
    derived="0",
    source="definition, constant between its jumps",
    spell={
        "numpy": "({0} > 0).astype({0}.dtype)",
        "torch": "({0} > 0).to({0}.dtype)",
        "jax": "({0} > 0).astype({0}.dtype)",
        "julia": "({0} .> 0)",
    },
    latex=r"\Theta\left({0}\right)",
    chooses=True,
    plain=lambda np, x: np.where(x > 0, 1, 0),
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
        law="|x|",
        derivatives=(_abs,),
        derived="sign(x)",
        source="definition, x or -x, by the sign of x",
        spell=one_name("abs"),
        latex=r"\left|{0}\right|",
        plain=lambda np, x: np.where(x < 0, -x, x),
        kink="abs'(0) = 0",
        analytic=False,
        integer=largest,
        squared=lambda node: squared(argument(node)),
    )
)


# ---- angles
def _sin(node: Apply) -> Terms:
    return (apply("cos", argument(node)),)


sin = elementwise(
    "sin",
    law="sin x, x in radians",
    derivatives=(_sin,),
    derived="cos(x)",
    source="NIST DLMF, 4.20",
    spell=one_name("sin"),
    latex=r"\sin\left({0}\right)",
    plain=lambda np, x: np.sin(x),
)


def _cos(node: Apply) -> Terms:
    return (times(apply("sin", argument(node)), -1),)


cos = elementwise(
    "cos",
    law="cos x, x in radians",
    derivatives=(_cos,),
    derived="-sin(x)",
    source="NIST DLMF, 4.20",
    spell=one_name("cos"),
    latex=r"\cos\left({0}\right)",
    plain=lambda np, x: np.cos(x),
)


def _tan(node: Apply) -> Terms:
    return (add(1, squared(node)),)


tan = elementwise(
    "tan",
    law="tan x, x in radians",
    derivatives=(_tan,),
    derived="1 + tan(x)^2",
    source="NIST DLMF, 4.20",
    spell=one_name("tan"),
    latex=r"\tan\left({0}\right)",
    plain=lambda np, x: np.tan(x),
    domain=(-1.0, 1.0),
)


def _arcsin(node: Apply) -> Terms:
    # cos² = 1 − sin²
    cosine_squared = add(1, times(squared(argument(node)), -1))
    return (apply("power", cosine_squared, 0, (-0.5,)),)


arcsin = elementwise(
    "arcsin",
    law="the inverse of sin, in radians",
    derivatives=(_arcsin,),
    derived="(1 - x^2)^(-1/2)",
    source="NIST DLMF, 4.24(ii)",
    spell=one_name("arcsin", julia="asin.({0})"),
    latex=r"\arcsin\left({0}\right)",
    plain=lambda np, x: np.arcsin(x),
    domain=(-0.8, 0.8),
)


def _arccos(node: Apply) -> Terms:
    return tuple(times(term, -1) for term in _arcsin(node))


arccos = elementwise(
    "arccos",
    law="the inverse of cos, in radians",
    derivatives=(_arccos,),
    derived="-(1 - x^2)^(-1/2)",
    source="NIST DLMF, 4.24(ii)",
    spell=one_name("arccos", julia="acos.({0})"),
    latex=r"\arccos\left({0}\right)",
    plain=lambda np, x: np.arccos(x),
    domain=(-0.8, 0.8),
)


def _lorentz(node: Apply) -> Terms:
    # -2x/(1 + x²)²
    return (times(multiply(node, apply("arctan_slope_times", argument(node))), -2),)


def _lorentz_times(node: Apply) -> Terms:
    # 1/(1 + x²) - 2x²/(1 + x²)²
    return apply("arctan_slope", argument(node)), times(squared(node), -2)


def _lorentz_shown(node: Apply) -> Expr:
    return apply("reciprocal", add(1, squared(argument(node))))


def _lorentz_root(node: Apply) -> Terms:
    # -x/(1 + x²) · (1 + x²)^(-1/2)
    return (times(multiply(node, apply("arctan_slope_times", argument(node))), -1),)


# In floats x/(1 + x²) overflows far out, and at infinity x · 1/(1 + x²) is nan.
enter(
    [
        Function(
            "arctan_slope",
            law="1/(1 + x^2)",
            derivatives=(_lorentz,),
            derived="-2x/(1 + x^2)^2",
            source="the quotient rule",
            spell={
                "numpy": "arctan_slope({0})",
                "torch": "(1 / (1 + {0} * {0}))",
                "jax": "(1 / (1 + {0} * {0}))",
            },
            latex=r"\frac{{1}}{{1 + \left({0}\right)^2}}",
            plain=lambda np, x: 1 / (1 + x * x),
            shown=_lorentz_shown,
        ),
        Function(
            "arctan_slope_times",
            law="x/(1 + x^2)",
            derivatives=(_lorentz_times,),
            derived="1/(1 + x^2) - 2x^2/(1 + x^2)^2",
            source="the quotient rule",
            spell={
                "numpy": "arctan_slope_times({0})",
                "torch": "arctan_slope_times({0})",
                "jax": "arctan_slope_times({0})",
            },
            latex=r"\frac{{{0}}}{{1 + \left({0}\right)^2}}",
            plain=lambda np, x: x / (1 + x * x),
            shown=lambda node: multiply(argument(node), _lorentz_shown(node)),
        ),
        Function(
            "arcsinh_slope",
            law="(1 + x^2)^(-1/2)",
            derivatives=(_lorentz_root,),
            derived="-x (1 + x^2)^(-3/2)",
            source="the chain rule with the power rule",
            spell={
                "numpy": "np.power(1 + {0} * {0}, -0.5)",
                "torch": "torch.pow(1 + {0} * {0}, -0.5)",
                "jax": "jnp.power(1 + {0} * {0}, -0.5)",
            },
            latex=r"\left(1 + \left({0}\right)^2\right)^{{-1/2}}",
            plain=lambda np, x: (1 + x * x) ** -0.5,
            shown=lambda node: apply("power", add(1, squared(argument(node))), 0, (-0.5,)),
        ),
    ]
)


def _arctan(node: Apply) -> Terms:
    return (apply("arctan_slope", argument(node)),)


arctan = elementwise(
    "arctan",
    law="the inverse of tan, in radians",
    derivatives=(_arctan,),
    derived="1/(1 + x^2)",
    source="NIST DLMF, 4.24(ii)",
    spell=one_name("arctan", julia="atan.({0})"),
    latex=r"\arctan\left({0}\right)",
    plain=lambda np, x: np.arctan(x),
)


def _direction_first(node: Apply) -> Terms:
    # ∂(x/r)/∂x = y²/r³: by the other direction, so that nothing is squared that is large
    x, y = node.arguments
    inverse = apply("pseudo_reciprocal", apply("hypot", (x, y)))
    return (multiply(inverse, squared(apply("hypot_slope", (y, x)))),)


def _direction_second(node: Apply) -> Terms:
    # ∂(x/r)/∂y = -x y/r³
    x, y = node.arguments
    inverse = apply("pseudo_reciprocal", apply("hypot", (x, y)))
    return (times(multiply(inverse, multiply(node, apply("hypot_slope", (y, x)))), -1),)


def _direction_shown(node: Apply) -> Expr:
    return multiply(node.arguments[0], apply("pseudo_reciprocal", apply("hypot", node.arguments)))


enter(
    [
        Function(
            "hypot_slope",
            law="x / sqrt(x^2 + y^2), 0 at (0, 0)",
            derivatives=(_direction_first, _direction_second),
            derived="y^2/hypot(x, y)^3, -x y/hypot(x, y)^3",
            source="the quotient rule",
            spell={
                "numpy": "hypot_slope({0}, {1})",
                "torch": "hypot_slope({0}, {1})",
                "jax": "hypot_slope({0}, {1})",
            },
            latex=r"\frac{{{0}}}{{\operatorname{{hypot}}\left({0}, {1}\right)}}",
            plain=lambda np, x, y: x / np.sqrt(x * x + y * y),
            domain=(0.2, 3.0),
            kink="0 at (0, 0), and its derivatives",
            analytic=False,
            shown=_direction_shown,
        )
    ]
)


def _turn_first(node: Apply) -> Terms:
    # with s = x/r², t = y/r²: ∂s/∂x = t² - s²
    x, y = node.arguments
    other = apply("arctan2_slope", (y, x))
    return squared(other), times(squared(node), -1)


def _turn_second(node: Apply) -> Terms:
    # ∂s/∂y = -2 s t
    x, y = node.arguments
    return (times(multiply(node, apply("arctan2_slope", (y, x))), -2),)


def _turn_shown(node: Apply) -> Expr:
    return multiply(
        _direction_shown(node), apply("pseudo_reciprocal", apply("hypot", node.arguments))
    )


enter(
    [
        Function(
            "arctan2_slope",
            law="x / (x^2 + y^2), 0 at (0, 0)",
            derivatives=(_turn_first, _turn_second),
            derived="(y^2 - x^2)/(x^2 + y^2)^2, -2 x y/(x^2 + y^2)^2",
            source="the quotient rule",
            spell={
                "numpy": "arctan2_slope({0}, {1})",
                "torch": "arctan2_slope({0}, {1})",
                "jax": "arctan2_slope({0}, {1})",
            },
            latex=r"\frac{{{0}}}{{\left({0}\right)^2 + \left({1}\right)^2}}",
            plain=lambda np, x, y: x / (x * x + y * y),
            domain=(0.2, 3.0),
            kink="0 at (0, 0), and its derivatives",
            analytic=False,
            shown=_turn_shown,
        )
    ]
)


def _arctan2_first(node: Apply) -> Terms:
    # x/r²
    y, x = node.arguments
    return (apply("arctan2_slope", (x, y)),)


def _arctan2_second(node: Apply) -> Terms:
    # -y/r²
    y, x = node.arguments
    return (times(apply("arctan2_slope", (y, x)), -1),)


arctan2 = elementwise_of_two(
    "arctan2",
    law="the angle of (y, x) for x, y in this order, in radians",
    derivatives=(_arctan2_first, _arctan2_second),
    derived="y/(x^2 + y^2), -x/(x^2 + y^2)",
    source="NIST DLMF, 4.24(ii), of arctan(y/x), and the chain rule",
    spell=one_name("arctan2", 2, julia="atan.({0}, {1})"),
    latex=r"\operatorname{{arctan2}}\left({0}, {1}\right)",
    plain=lambda np, y, x: np.arctan2(y, x),
    domain=(0.2, 3.0),
    kink="both derivatives are 0 at (0, 0)",
    analytic=False,
)


def _sinh(node: Apply) -> Terms:
    return (apply("cosh", argument(node)),)


sinh = elementwise(
    "sinh",
    law="the hyperbolic sine",
    derivatives=(_sinh,),
    derived="cosh(x)",
    source="NIST DLMF, 4.34",
    spell=one_name("sinh"),
    latex=r"\sinh\left({0}\right)",
    plain=lambda np, x: np.sinh(x),
)


def _cosh(node: Apply) -> Terms:
    return (apply("sinh", argument(node)),)


cosh = elementwise(
    "cosh",
    law="the hyperbolic cosine",
    derivatives=(_cosh,),
    derived="sinh(x)",
    source="NIST DLMF, 4.34",
    spell=one_name("cosh"),
    positive=True,
    latex=r"\cosh\left({0}\right)",
    plain=lambda np, x: np.cosh(x),
)


def _sech_squared(node: Apply) -> Terms:
    return (times(multiply(node, apply("tanh", argument(node))), -2),)


def _sech_squared_plain(np: Any, x: Any) -> Any:
    return 1 / np.cosh(x) ** 2


sech_squared = elementwise(
    "sech_squared",
    law="the square of the hyperbolic secant, 1/cosh(x)^2: the slope of tanh",
    derivatives=(_sech_squared,),
    derived="-2 sech_squared(x) tanh(x)",
    source="NIST DLMF, 4.34, of sech, and the chain rule",
    spell={
        "numpy": "sech_squared({0})",
        "torch": "4 * torch.sigmoid(2 * {0}) * torch.sigmoid(-2 * {0})",
        "jax": "4 * nn.sigmoid(2 * {0}) * nn.sigmoid(-2 * {0})",
        "julia": "sech.({0}) .^ 2",
    },
    latex=r"\operatorname{{sech}}^{{2}}\left({0}\right)",
    plain=_sech_squared_plain,
    positive=True,
    # as readers know the slope of tanh
    shown=lambda node: add(1, times(squared(apply("tanh", argument(node))), -1)),
)


def _tanh(node: Apply) -> Terms:
    # 1 − tanh² is the same, but cancels: at 19 it is 0.
    return (apply("sech_squared", argument(node)),)


tanh = elementwise(
    "tanh",
    law="the hyperbolic tangent",
    derivatives=(_tanh,),
    derived="sech_squared(x)",
    source="NIST DLMF, 4.34",
    spell=one_name("tanh"),
    latex=r"\tanh\left({0}\right)",
    plain=lambda np, x: np.tanh(x),
)


def _arcsinh(node: Apply) -> Terms:
    return (apply("arcsinh_slope", argument(node)),)


arcsinh = elementwise(
    "arcsinh",
    law="the inverse of sinh",
    derivatives=(_arcsinh,),
    derived="(1 + x^2)^(-1/2)",
    source="NIST DLMF, 4.38(ii)",
    spell=one_name("arcsinh", julia=None),
    latex=r"\operatorname{{arcsinh}}\left({0}\right)",
    plain=lambda np, x: np.arcsinh(x),
)


def _arccosh(node: Apply) -> Terms:
    # Not (x² - 1)^(-1/2): for complex x with a negative real part that is the other branch of the
    # root.
    x = argument(node)
    below = apply("power", add(x, -1), 0, (-0.5,))
    above = apply("power", add(x, 1), 0, (-0.5,))
    return (multiply(below, above),)


arccosh = elementwise(
    "arccosh",
    law="the inverse of cosh",
    derivatives=(_arccosh,),
    derived="((x - 1) (x + 1))^(-1/2)",
    source="NIST DLMF, 4.38(ii)",
    spell=one_name("arccosh", julia=None),
    latex=r"\operatorname{{arccosh}}\left({0}\right)",
    plain=lambda np, x: np.arccosh(x),
    domain=(1.3, 3.0),
)


def _arctanh(node: Apply) -> Terms:
    rest = add(1, times(squared(argument(node)), -1))
    return (apply("reciprocal", rest),)


arctanh = elementwise(
    "arctanh",
    law="the inverse of tanh",
    derivatives=(_arctanh,),
    derived="1/(1 - x^2)",
    source="NIST DLMF, 4.38(ii)",
    spell=one_name("arctanh", julia=None),
    latex=r"\operatorname{{arctanh}}\left({0}\right)",
    plain=lambda np, x: np.arctanh(x),
    domain=(-0.8, 0.8),
)


def _hypot_first(node: Apply) -> Terms:
    x, y = node.arguments
    return (apply("hypot_slope", (x, y)),)


def _hypot_second(node: Apply) -> Terms:
    x, y = node.arguments
    return (apply("hypot_slope", (y, x)),)


hypot = elementwise_of_two(
    "hypot",
    law="sqrt(x^2 + y^2)",
    derivatives=(_hypot_first, _hypot_second),
    derived="x/hypot(x, y), y/hypot(x, y)",
    source="the chain rule with the square root",
    spell=one_name("hypot", 2, numpy="hypotenuse({0}, {1})", cupy="cp.hypot({0}, {1})"),
    latex=r"\operatorname{{hypot}}\left({0}, {1}\right)",
    plain=lambda np, x, y: np.sqrt(x * x + y * y),
    domain=(0.2, 3.0),
    kink="both derivatives are 0 at (0, 0)",
    analytic=False,
    squared=lambda node: add(squared(node.arguments[0]), squared(node.arguments[1])),
)


# ---- steps and bends of networks, and what probability asks for
def _sigmoid(node: Apply) -> Terms:
    # σ(x)(1 − σ(x)) cancels for large x; σ(x)σ(−x) is the same and does not.
    return (multiply(node, apply("sigmoid", times(argument(node), -1))),)


def _decay(np: Any, x: Any) -> tuple[Any, Any]:
    """Where x >= 0, and ``e^-|x|``, which never overflows."""
    right = np.real(x) >= 0
    return right, np.exp(np.where(right, -x, x))


def _sigmoid_plain(np: Any, x: Any) -> Any:
    # 1 / (1 + e^-x) = e^x / (1 + e^x)
    right, decay = _decay(np, x)
    return np.where(right, 1, decay) / (1 + decay)


sigmoid = elementwise(
    "sigmoid",
    law="1/(1 + e^(-x))",
    derivatives=(_sigmoid,),
    derived="sigmoid(x) sigmoid(-x)",
    source="Bishop, Pattern Recognition and Machine Learning (2006), chapter 4",
    spell={
        "numpy": "sigmoid({0})",
        "torch": "torch.sigmoid({0})",
        "jax": "nn.sigmoid({0})",
        "julia": "1 ./ (1 .+ exp.(.-{0}))",
    },
    latex=r"\sigma\left({0}\right)",
    plain=_sigmoid_plain,
    positive=True,
)


def _log_sigmoid(node: Apply) -> Terms:
    return (apply("sigmoid", times(argument(node), -1)),)


log_sigmoid = elementwise(
    "log_sigmoid",
    law="log sigmoid(x)",
    derivatives=(_log_sigmoid,),
    derived="sigmoid(-x)",
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), chapter 3",
    spell={
        "numpy": "-softplus(-{0})",
        "torch": "-softplus(-{0})",
        "jax": "-nn.softplus(-{0})",
    },
    latex=r"\log\sigma\left({0}\right)",
    plain=lambda np, x: -_softplus_plain(np, -x),
)


def _softplus(node: Apply) -> Terms:
    return (apply("sigmoid", argument(node)),)


def _softplus_plain(np: Any, x: Any) -> Any:
    # log(1 + e^x) = x + log(1 + e^-x)
    right, decay = _decay(np, x)
    return np.where(right, x, 0) + np.log(1 + decay)


_softplus_of_one = of_one(
    Function(
        "softplus",
        law="log(1 + e^x)",
        derivatives=(_softplus,),
        derived="sigmoid(x)",
        source="Goodfellow, Bengio, Courville, Deep Learning (2016), chapter 3",
        spell={
            "numpy": "softplus({0})",
            "torch": "softplus({0})",
            "jax": "nn.softplus({0})",
            "julia": "log1p.(exp.(.-abs.({0}))) .+ max.({0}, 0)",
        },
        latex=r"\operatorname{{softplus}}\left({0}\right)",
        plain=_softplus_plain,
        positive=True,
        smooth_sum=smooth_sum,
    )
)


@public
def softplus(x: object, beta: object = 1, /) -> Expr:
    """``softplus(x, beta)``: ``log(1 + exp(beta x)) / beta``, elementwise.

    The derivative is ``sigmoid(beta x)``.

    >>> import einderiv as ed
    >>> str(ed.softplus(ed.tensor("x", "i")))
    'softplus(x)'
    >>> float(ed.evaluate(ed.softplus(ed.tensor("x"), 2), x=1000.0))
    1000.0

    Raises TypeError for what is no expression, number or array, and unless `beta` is a number.
    """
    steepness = number(beta)
    if steepness is None or isinstance(steepness, complex) or not steepness:
        raise TypeError(f"beta must be a number that is not 0, not {beta!r}")
    if steepness == 1:
        return _softplus_of_one(x)
    return times(_softplus_of_one(times(as_expression(x), steepness)), 1 / steepness)


def _logaddexp_first(node: Apply) -> Terms:
    # e^x / (e^x + e^y)
    first, second = node.arguments
    return (apply("sigmoid", add(first, times(second, -1))),)


def _logaddexp_second(node: Apply) -> Terms:
    first, second = node.arguments
    return (apply("sigmoid", add(second, times(first, -1))),)


def _logaddexp_plain(np: Any, x: Any, y: Any) -> Any:
    top = np.where(x > y, x, y)
    return top + np.log(np.exp(x - top) + np.exp(y - top))


# max(x, y) + softplus(-|x - y|) has the same values, but two kinks at x = y.
_logaddexp_of_two = of_two(
    Function(
        "logaddexp",
        law="log(e^x + e^y)",
        derivatives=(_logaddexp_first, _logaddexp_second),
        derived="sigmoid(x - y), sigmoid(y - x)",
        source="the chain rule with log and exp",
        spell=one_name("logaddexp", 2, julia="log1p.(exp.(.-abs.({0} .- {1}))) .+ max.({0}, {1})"),
        latex=r"\log\left(e^{{{0}}} + e^{{{1}}}\right)",
        plain=_logaddexp_plain,
        analytic=False,
    )
)


@public
def logaddexp(x: object, y: object, /, *more: object) -> Expr:
    """``logaddexp(x, y)``: ``log(e^x + e^y)``, elementwise, and so of more than two; numbers and
    scalars broadcast.

    The derivatives are ``sigmoid(x - y)``, ``sigmoid(y - x)``.

    >>> import einderiv as ed
    >>> str(ed.logaddexp(ed.tensor("x", "i"), ed.tensor("y", "i")))
    'logaddexp(x, y)'

    Raises ShapeError if the axes do not fit.
    """
    found = _logaddexp_of_two(x, y)
    for one in more:
        found = _logaddexp_of_two(found, one)
    return found


def _relu(node: Apply) -> Terms:
    return (apply("heaviside", argument(node)),)


relu = elementwise(
    "relu",
    law="max(x, 0)",
    derivatives=(_relu,),
    derived="heaviside(x)",
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), chapter 6",
    spell={
        "numpy": "np.maximum({0}, 0)",
        "torch": "torch.relu({0})",
        "jax": "nn.relu({0})",
        "julia": "max.({0}, 0)",
    },
    latex=r"\operatorname{{relu}}\left({0}\right)",
    plain=lambda np, x: np.where(x > 0, x, 0),
    kink="relu'(0) = 0",
    analytic=False,
    integer=largest,
)


def _leaky_relu(node: Apply) -> Terms:
    # a + (1 − a) Θ(x)
    (slope,) = node.parameters
    right = apply("heaviside", argument(node))
    return (add(slope, times(right, 1 - slope)),)


def _parameter(value: object, what: str) -> Number:
    """A number that is part of the function, not an argument."""
    p = number(value)
    # p != p is NaN
    if p is None or isinstance(p, complex) or p != p or abs(p) == math.inf:
        raise TypeError(f"{what} must be a finite real number, not {value!r}")
    return p


enter(
    [
        Function(
            "leaky_relu",
            law="x where x > 0, else a x for a number a",
            derivatives=(_leaky_relu,),
            derived="1 where x > 0, else a",
            source="Goodfellow, Bengio, Courville, Deep Learning (2016), chapter 6",
            spell={
                "numpy": "np.where({0} > 0, {0}, {1} * {0})",
                "torch": "torch.where({0} > 0, {0}, {1} * {0})",
                "jax": "jnp.where({0} > 0, {0}, {1} * {0})",
            },
            latex=r"\operatorname{{leaky\_relu}}_{{{1}}}\left({0}\right)",
            plain=lambda np, x, a: x * np.where(x > 0, 1, a),
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


def _near(node: Apply) -> Terms:
    x = argument(node)
    return (filled(1, x.axis_sizes, x.axes),)


enter(
    [
        Function(
            "kept_within",
            law="x, kept within -1000 and 1000",
            derivatives=(_near,),
            derived="1",
            source="definition, a guard against overflow, without effect on derivatives",
            spell={
                "numpy": "kept_within({0})",
                "torch": "kept_within({0})",
                "jax": "kept_within({0})",
            },
            latex=r"\operatorname{{kept\_within}}\left({0}\right)",
            plain=lambda np, x: x,
            shown=argument,
        )
    ]
)


def near(x: Expr) -> Expr:
    """`x` as a factor of what has decayed to 0 before 1000: at infinity their product is 0, not
    nan, and so are its derivatives.
    """
    kept = isinstance(x, Apply) and x.function.name == "kept_within"
    return x if kept else apply("kept_within", x)


def _exp_left(node: Apply) -> Terms:
    # At 0, where it jumps, its derivatives are 0, as PyTorch's are.
    x = argument(node)
    return (multiply(node, apply("less", (x, times(x, 0)))),)


def _elu(node: Apply) -> Terms:
    (alpha,) = node.parameters
    x = argument(node)
    return apply("heaviside", x), times(apply("elu_slope", x), alpha)


enter(
    [
        Function(
            "elu_slope",
            law="e^x where x <= 0, else 0",
            derivatives=(_exp_left,),
            derived="e^x where x < 0, else 0",
            source="definition, branch by branch",
            spell={
                "numpy": "elu_slope({0})",
                "torch": "torch.where({0} > 0, 0, torch.exp(torch.clamp({0}, max=0)))",
                "jax": "jnp.where({0} > 0, 0, jnp.exp(jnp.minimum({0}, 0)))",
            },
            latex=r"\operatorname{{exp\_left}}\left({0}\right)",
            plain=lambda np, x: np.where(x > 0, 0, np.exp(np.where(x > 0, 0, x))),
            kink="1 at 0, its derivative there 0",
            analytic=False,
        ),
        Function(
            "elu",
            law="x where x > 0, else a (e^x - 1) for a number a",
            derivatives=(_elu,),
            derived="1 where x > 0, else a e^x",
            source="Clevert, Unterthiner, Hochreiter, Fast and Accurate Deep Network Learning by "
            "Exponential Linear Units (ELUs) (2015), arXiv:1511.07289",
            spell={
                "numpy": "np.where({0} > 0, {0}, {1} * np.expm1(np.minimum({0}, 0)))",
                "torch": "torch.where({0} > 0, {0}, {1} * torch.expm1(torch.clamp({0}, max=0)))",
                "jax": "jnp.where({0} > 0, {0}, {1} * jnp.expm1(jnp.minimum({0}, 0)))",
            },
            latex=r"\operatorname{{elu}}_{{{1}}}\left({0}\right)",
            plain=lambda np, x, a: np.where(x > 0, x, a * (np.exp(np.where(x > 0, 0, x)) - 1)),
            kink="elu'(0) = a",
            analytic=False,
        ),
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
    inside = near(x)
    bell = apply("exp", times(squared(inside), -0.5))
    density = times(bell, 1 / math.sqrt(2 * math.pi))
    distribution = times(apply("erfc", times(x, -1 / math.sqrt(2))), 0.5)
    return distribution, multiply(inside, density)


def _scipy_special() -> Any:
    """What plain formulas take from SciPy."""
    try:
        from scipy import special
    except ImportError:
        raise ImportError("this function needs SciPy: pip install 'einderiv[scipy]'") from None
    return special


enter(
    [
        Function(
            "gelu",
            law="x times the normal distribution function of x",
            derivatives=(_gelu,),
            derived="Phi(x) + x phi(x)",
            source="Hendrycks and Gimpel, Gaussian Error Linear Units (GELUs) (2016), "
            "arXiv:1606.08415",
            spell={
                "numpy": "np.maximum({0}, -1000.0) * special.ndtr({0})",
                "torch": "torch.where({0} == -torch.inf, 0, {0}) * torch.special.ndtr({0})",
                "jax": "jnp.where({0} == -jnp.inf, 0, {0}) * special.ndtr({0})",
            },
            latex=r"\operatorname{{gelu}}\left({0}\right)",
            plain=lambda np, x: x * _scipy_special().ndtr(x),
            needs=SPECIAL,
            analytic=False,
        )
    ]
)


@public
def gelu(x: object, /, *, approximate: bool | str = False) -> Expr:
    """``gelu(x)``: `x` times the standard normal distribution function of `x`; needs SciPy to
    evaluate.

    With `approximate` it is ``x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))``, which needs no
    SciPy. PyTorch's words are understood: ``"none"`` is False, ``"tanh"`` True. Source: Hendrycks
    and Gimpel, arXiv 1606.08415.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.gelu(ed.tensor("x", "i")), x=[-1e4, 0.0, 3e4])
    array([   -0.,     0., 30000.])

    Raises TypeError for another `approximate`.
    """
    e = as_expression(x)
    if not _by_tanh(approximate):
        return apply("gelu", e)
    cube = multiply(e, squared(e))
    inner = times(add(e, times(cube, 0.044715)), math.sqrt(2 / math.pi))
    return multiply(times(e, 0.5), add(1, apply("tanh", inner)))


def _by_tanh(approximate: object) -> bool:
    """Is the form with tanh meant? PyTorch says it in words, JAX by True or False."""
    words = {"none": False, "tanh": True}
    if isinstance(approximate, str) and approximate in words:
        return words[approximate]
    return truth(approximate, "approximate, unless it is 'none' or 'tanh',")


def _silu(node: Apply) -> Terms:
    x = near(argument(node))
    right = apply("sigmoid", x)
    left = apply("sigmoid", times(x, -1))
    return right, multiply(apply("silu", x), left)


silu = elementwise(
    "silu",
    law="x sigmoid(x)",
    derivatives=(_silu,),
    derived="sigmoid(x) + silu(x) sigmoid(-x)",
    source="Elfwing, Uchibe, Doya, Sigmoid-Weighted Linear Units for Neural Network Function "
    "Approximation in Reinforcement Learning (2017), arXiv:1702.03118",
    spell={
        "numpy": "silu({0})",
        "torch": "torch.where({0} == -torch.inf, 0, {0}) * torch.sigmoid({0})",
        "jax": "jnp.where({0} == -jnp.inf, 0, {0}) * nn.sigmoid({0})",
    },
    latex=r"\operatorname{{silu}}\left({0}\right)",
    plain=lambda np, x: x * _sigmoid_plain(np, x),
)


def _erf(node: Apply) -> Terms:
    bell = apply("exp", times(squared(near(argument(node))), -1))
    return (times(bell, 2 / math.sqrt(math.pi)),)


erf = elementwise(
    "erf",
    law="2/sqrt(pi) times the integral of e^(-t^2) from 0 to x",
    derivatives=(_erf,),
    derived="2/sqrt(pi) exp(-x^2)",
    source="NIST DLMF, chapter 7",
    spell={
        "numpy": "special.erf({0})",
        "torch": "torch.erf({0})",
        "jax": "special.erf({0})",
    },
    latex=r"\operatorname{{erf}}\left({0}\right)",
    plain=lambda np, x: _scipy_special().erf(x),
    needs=SPECIAL,
    real_in=frozenset({"torch", "jax"}),
)


def _erfc(node: Apply) -> Terms:
    return tuple(times(term, -1) for term in _erf(node))


erfc = elementwise(
    "erfc",
    law="1 - erf(x), precise for large x",
    derivatives=(_erfc,),
    derived="-2/sqrt(pi) exp(-x^2)",
    source="NIST DLMF, chapter 7",
    spell={
        "numpy": "special.erfc({0})",
        "torch": "torch.erfc({0})",
        "jax": "special.erfc({0})",
    },
    latex=r"\operatorname{{erfc}}\left({0}\right)",
    plain=lambda np, x: _scipy_special().erfc(x),
    needs=SPECIAL,
    real_in=frozenset({"torch", "jax"}),
)


def _gammaln(node: Apply) -> Terms:
    return (apply("digamma", argument(node)),)


gammaln = elementwise(
    "gammaln",
    law="log |Gamma(x)|",
    derivatives=(_gammaln,),
    derived="digamma(x)",
    source="NIST DLMF, 5.2(i)",
    spell={
        "numpy": "special.gammaln({0})",
        "torch": "torch.special.gammaln({0})",
        "jax": "special.gammaln({0})",
    },
    latex=r"\log\left|\Gamma\left({0}\right)\right|",
    plain=lambda np, x: _scipy_special().gammaln(x),
    domain=(0.5, 4.0),
    needs=SPECIAL,
    analytic=False,
)


def _digamma(node: Apply) -> Terms:
    return (apply("polygamma", argument(node), 0, (1,)),)


digamma = elementwise(
    "digamma",
    law="the derivative of log Gamma(x)",
    derivatives=(_digamma,),
    derived="polygamma(1, x)",
    source="NIST DLMF, 5.15",
    spell={
        "numpy": "special.digamma({0})",
        "torch": "torch.digamma({0})",
        "jax": "special.digamma({0})",
    },
    latex=r"\psi\left({0}\right)",
    pole=True,
    plain=lambda np, x: _scipy_special().psi(x),
    domain=(0.5, 4.0),
    needs=SPECIAL,
    analytic=False,
)


def _polygamma(node: Apply) -> Terms:
    (order,) = node.parameters
    return (apply("polygamma", argument(node), 0, (order + 1,)),)


enter(
    [
        Function(
            "polygamma",
            law="the n-th derivative of digamma for a whole number n",
            derivatives=(_polygamma,),
            derived="polygamma(n + 1, x)",
            source="NIST DLMF, 5.15",
            spell={
                "numpy": "special.polygamma({1}, {0})",
                "torch": "torch.special.polygamma({1}, {0})",
                "jax": "special.polygamma({1}, {0})",
            },
            latex=r"\psi^{{({1})}}\left({0}\right)",
            pole=True,
            plain=lambda np, x, n: _scipy_special().polygamma(n, x),
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


def _weighted_value(node: Apply) -> Terms:
    return (node.arguments[1],)


def _weighted_weight(node: Apply) -> Terms:
    return (node.arguments[0],)


def _bound_weighted(bounds: Bounds, _: tuple[Number, ...], __: Sides) -> int:
    return bounds[0] * bounds[1]


# t log p has the limit 0 at t = p = 0; in floats 0 times -inf is nan
enter(
    [
        Function(
            "masked_product",
            law="x t for a weight t; 0 where t is 0, be x infinite",
            derivatives=(_weighted_value, _weighted_weight),
            derived="t, x",
            source="the product rule",
            spell={
                "numpy": "(np.where({1} == 0, 0, {0}) * {1})",
                "torch": "(torch.where({1} == 0, 0, {0}) * {1})",
                "jax": "(jnp.where({1} == 0, 0, {0}) * {1})",
            },
            latex=r"\operatorname{{weighted}}\left({0}, {1}\right)",
            plain=lambda np, x, t: np.where(t == 0, 0, t * x),
            integer=_bound_weighted,
            shown=lambda node: multiply(*node.arguments),
        )
    ]
)


# ---- powers, and what compares
def _power(node: Apply) -> Terms:
    (p,) = node.parameters
    return (times(raised(argument(node), p - 1), p),)


def _bound_power(bounds: Bounds, parameters: tuple[Number, ...], _: Sides) -> int | None:
    p = _whole_power(parameters)
    return None if p is None else int(bounds[0] ** p)


def _whole_power(parameters: tuple[Number, ...]) -> int | None:
    """The exponent, where the power is a polynomial."""
    (p,) = parameters
    return p if isinstance(p, int) and 0 <= p <= 1000 else None


enter(
    [
        Function(
            "power",
            law="x^p for a number p",
            derivatives=(_power,),
            derived="p x^(p-1)",
            source="NIST DLMF, 4.7(ii)",
            spell=one_name("power", 2, torch="torch.pow({0}, {1})", julia="{0} .^ {1}"),
            latex=r"\left({0}\right)^{{{1}}}",
            pole=True,
            plain=lambda np, x, p: x**p,
            domain=(0.3, 2.0),
            integer=_bound_power,
            degree=_whole_power,
        )
    ]
)


def _pow_first(node: Apply) -> Terms:
    return (apply("pow_slope", node.arguments, 0, (1, 0)),)


def _pow_second(node: Apply) -> Terms:
    return (apply("pow_slope", node.arguments, 0, (0, 1)),)


def _pow_slope_first(node: Apply) -> Terms:
    m, k = node.parameters
    return (apply("pow_slope", node.arguments, 0, (m + 1, k)),)


def _pow_slope_second(node: Apply) -> Terms:
    m, k = node.parameters
    return (apply("pow_slope", node.arguments, 0, (m, k + 1)),)


def falling(order: int) -> list[list[int]]:
    """The coefficients of ``y (y - 1) … (y - m + 1)`` and of its derivatives, the highest powers
    first.
    """
    polynomial = [1]
    for n in range(order):
        longer = [*polynomial, 0]
        polynomial = [a - n * b for a, b in zip(longer, [0, *polynomial], strict=True)]
    found = []
    while polynomial:
        found.append(polynomial)
        top = len(polynomial) - 1
        polynomial = [c * (top - p) for p, c in enumerate(polynomial[:-1])]
    return found


def _pow_slope_shown(node: Apply) -> Expr:
    # ∂^k/∂y^k of y (y - 1) … (y - m + 1) x^(y - m), by Leibniz' rule
    m, k = node.parameters
    x, y = node.arguments
    power = apply("pow", (x, add(y, -m)))
    terms: list[Expr] = []
    for j, polynomial in enumerate(falling(m)[: k + 1]):
        if not any(polynomial):
            continue
        value: Expr = filled(polynomial[0], y.axis_sizes, y.axes)
        for number_ in polynomial[1:]:
            value = add(multiply(value, y), number_)
        logs = raised(apply("log", x), k - j) if k > j else filled(1, x.axis_sizes, x.axes)
        terms.append(times(multiply(multiply(value, logs), power), math.comb(k, j)))
    total = terms[0]
    for term in terms[1:]:
        total = add(total, term)
    return total


def _pow_slope_plain(np: Any, x: Any, y: Any, m: int, k: int) -> Any:
    """By the definition of each derivative, one after the other, as sums of monomials: a power of x
    falls, a power of y or of log x leaves.
    """
    monomials = {(0, 0, 0): 1}  # c x^(y - a) y^b log(x)^d, by (a, b, d)
    for by_x in [True] * m + [False] * k:
        more: dict[tuple[int, int, int], int] = {}
        for (a, b, d), c in monomials.items():
            if by_x:
                found = [
                    ((a + 1, b + 1, d), c),
                    ((a + 1, b, d), -a * c),
                    ((a + 1, b, d - 1), d * c),
                ]
            else:
                found = [((a, b - 1, d), b * c), ((a, b, d + 1), c)]
            for key, value in found:
                if value:
                    more[key] = more.get(key, 0) + value
        monomials = more
    logarithm = np.log(np.where(x == 0, 1, x))
    total = 0 * x * y
    for (a, b, d), c in monomials.items():
        total = total + c * x ** (y - a) * y**b * logarithm**d
    return total


enter(
    [
        Function(
            "pow",
            law="x^y",
            derivatives=(_pow_first, _pow_second),
            derived="y x^(y-1), log(x) x^y",
            source="NIST DLMF, 4.7(ii)",
            spell={
                "numpy": "np.power({0}, {1} * 1.0)",
                "torch": "torch.pow({0}, {1} * 1.0)",
                "jax": "jnp.power({0}, {1} * 1.0)",
                "julia": "{0} .^ {1}",
            },
            latex=r"\left({0}\right)^{{{1}}}",
            plain=lambda np, x, y: x**y,
            kink="at x = 0 the derivative by y is 0, as in JAX, that by x is 0 where y is 0",
            domain=(0.3, 2.0),
            pole=True,
        ),
        Function(
            "pow_slope",
            law="the m-th derivative by x of the k-th derivative by y of x^y",
            derivatives=(_pow_slope_first, _pow_slope_second),
            derived="that of orders m + 1, k; of orders m, k + 1",
            source="NIST DLMF, 4.7(ii)",
            spell={
                "numpy": "pow_slope({0}, {1}, {2}, {3})",
                "torch": "pow_slope({0}, {1}, {2}, {3})",
                "jax": "pow_slope({0}, {1}, {2}, {3})",
            },
            latex=r"\partial_x^{{{2}}} \partial_y^{{{3}}} \left({0}\right)^{{{1}}}",
            plain=_pow_slope_plain,
            kink="log 0 counts as 0, and a coefficient that is 0 as 0",
            domain=(0.3, 2.0),
            pole=True,
            shown=_pow_slope_shown,
        ),
    ]
)


def powered(a: object, exponent: object) -> Expr:
    """``a ** exponent``, entry by entry, broadcasting as NumPy does."""
    if isinstance(a, bool):
        operand(a)  # which says that it is none
    base = operand(a) if isinstance(a, (Expr, SymbolicSize)) or number(a) is None else number(a)
    if isinstance(exponent, bool):
        raise TypeError(f"** takes a number, an array or an expression as exponent, not {exponent}")
    p = number(exponent)
    if p is None:
        power_ = operand(exponent, "the exponent")
        if isinstance(power_, Constant) and not power_.ndim:
            p = number(power_.value.item())
    if p is None:
        assert isinstance(power_, Expr)
        if not isinstance(base, Expr):
            return raised_by(base, power_)
        return checked(apply("pow", together(base, power_)))
    if p != p or p in (math.inf, -math.inf):
        raise EinderivError(f"** takes a finite exponent, not {p}")
    return raised(as_expression(a), p)


@public
def power(x: object, exponent: object, /) -> Expr:
    """``power(x, y)``: ``x ** y``, elementwise, broadcasting as NumPy does.

    A small whole number as exponent makes a product. The derivative by x is ``y x**(y - 1)``, by y
    ``log(x) x**y``. At x = 0 the derivative by y is 0, as in JAX, and that by x is 0 where y is 0,
    so that ``x[:, None] ** np.arange(4)`` has right derivatives of every order at 0. A number to
    the power of an expression must be positive.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.grad(ed.power(ed.tensor("x"), 3), "x"), x=2)
    array(12)
    >>> ed.power(2, ed.tensor("x")) == 2 ** ed.tensor("x")
    True
    >>> x, y = ed.tensor("x", "i"), ed.tensor("y", "i")
    >>> ed.evaluate(ed.grad(ed.sum(x**y), x), x=[0.0, 0.0, 3.0], y=[0, 1, 2])
    array([0., 1., 6.])

    Raises ShapeError if the axes do not fit, TypeError for what is no number, array or expression.
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


enter(
    [
        Function(
            "maximum_slope",
            law="1 where x > y, 1/2 where they are equal, else 0",
            derivatives=(no_slope, no_slope),
            derived="0",
            source="definition, constant between its jumps",
            spell={
                "numpy": "(0.5 * (({0} > {1}).astype({0}.dtype) + ({0} >= {1})))",
                "torch": "(0.5 * (({0} > {1}).to({0}.dtype) + ({0} >= {1})))",
                "jax": "(0.5 * (({0} > {1}).astype({0}.dtype) + ({0} >= {1})))",
            },
            latex=r"\operatorname{{above}}\left({0}, {1}\right)",
            plain=lambda np, x, y: np.where(x > y, 1, np.where(x == y, 0.5, 0)),
            kink="its derivative is 0 at the jumps too",
            analytic=False,
            chooses=True,
        )
    ]
)


def _above(node: Apply) -> Terms:
    # 1 where the first is the larger, 1/2 at a tie
    first, second = node.arguments
    return (apply("maximum_slope", (first, second)),)


def _below(node: Apply) -> Terms:
    first, second = node.arguments
    return (apply("maximum_slope", (second, first)),)


maximum = elementwise_of_two(
    "maximum",
    law="the larger of x and y",
    derivatives=(_above, _below),
    derived="1 where larger",
    source="definition, branch by branch",
    spell=one_name("maximum", 2, julia="max.({0}, {1})"),
    latex=r"\max\left({0}, {1}\right)",
    plain=lambda np, x, y: np.where(x > y, x, y),
    kink="a tie is shared equally",
    analytic=False,
    integer=largest,
)


minimum = elementwise_of_two(
    "minimum",
    law="the smaller of x and y",
    derivatives=(_below, _above),
    derived="1 where smaller",
    source="definition, branch by branch",
    spell=one_name("minimum", 2, julia="min.({0}, {1})"),
    latex=r"\min\left({0}, {1}\right)",
    plain=lambda np, x, y: np.where(x < y, x, y),
    kink="a tie is shared equally",
    analytic=False,
    integer=largest,
)


def _where_true(node: Apply) -> Terms:
    condition = node.arguments[0]
    return (apply("not_equal", (condition, times(condition, 0))),)


def _where_false(node: Apply) -> Terms:
    condition = node.arguments[0]
    return (apply("equal", (condition, times(condition, 0))),)


enter(
    [
        Function(
            "where",
            law="x where c is not 0, else y, for c, x, y in this order",
            derivatives=(no_slope, _where_true, _where_false),
            derived="0, 1 where c is not 0, 1 where c is 0",
            source="definition, branch by branch",
            spell={
                "numpy": "np.where({0} != 0, {1}, {2})",
                "torch": "torch.where({0} != 0, {1}, {2})",
                "jax": "jnp.where({0} != 0, {1}, {2})",
                "julia": "ifelse.({0} .!= 0, {1}, {2})",
            },
            latex=r"\operatorname{{where}}\left({0}, {1}, {2}\right)",
            plain=lambda np, c, x, y: np.where(c != 0, x, y),
            kink="the derivative by c is 0",
            integer=largest,
            masks=True,
        )
    ]
)


def selected(condition: Expr, x: Expr, y: Expr) -> Expr:
    """``where(c, x, y)`` of expressions with the same axes."""
    return apply("where", (condition, x, y))


@public
def where(condition: object, x: object, y: object, /) -> Expr:
    """``where(c, x, y)``: `x` where `c` is not 0, else `y`; numbers and scalars broadcast.

    The derivative by `x` is the mask of the condition, by `y` the opposite mask, by `c` zero. What
    is not chosen contributes nothing to a derivative, be it nan or infinite:

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> safe = ed.where(ed.greater(x, 0), ed.log(x), 0)
    >>> print(ed.grad(ed.sum(safe), x))
    where(greater(x, zeros[i]), reciprocal(x), zeros[i])

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
    clipped = as_expression(x)
    if low is not None:
        clipped = maximum(clipped, low)
    if high is not None:
        clipped = minimum(clipped, high)
    return clipped


def _comparison(
    name: str, law: str, sign: str, latex: str, plain: Callable[..., Any], masks: bool = False
) -> Callable[[object, object], Expr]:
    """``x law y``, as 1 or 0."""
    return elementwise_of_two(
        name,
        law=f"1 where x {law} y, else 0",
        derivatives=(no_slope, no_slope),
        derived="0",
        source="definition, constant between its jumps",
        spell={
            "numpy": f"({{0}} {sign} {{1}}).astype({{0}}.dtype)",
            "torch": f"({{0}} {sign} {{1}}).to({{0}}.dtype)",
            "jax": f"({{0}} {sign} {{1}}).astype({{0}}.dtype)",
        },
        latex=rf"\left[{{0}} {latex} {{1}}\right]",
        plain=plain,
        kink="its derivative is 0 at the jump too",
        analytic=False,
        integer=_one,
        masks=masks,
    )


greater = _comparison("greater", ">", ">", ">", lambda np, x, y: 1 * (x > y))
greater_equal = _comparison("greater_equal", ">=", ">=", r"\ge", lambda np, x, y: 1 * (x >= y))
less = _comparison("less", "<", "<", "<", lambda np, x, y: 1 * (x < y))
less_equal = _comparison("less_equal", "<=", "<=", r"\le", lambda np, x, y: 1 * (x <= y))
equal = _comparison("equal", "=", "==", "=", lambda np, x, y: 1 * (x == y), True)
not_equal = _comparison(
    "not_equal", "differs from", "!=", r"\ne", lambda np, x, y: 1 * (x != y), True
)
