"""The table of functions: one row each, with its derivative built from nodes.

A row has one derivative for each argument. It takes the applied node and answers a tuple of terms, each over the batch
axes, the core axes of the result and the core axes of the argument. The derivative of ``f(u)`` is the sum over those
terms of the einsum of the term with the derivative of ``u``; keeping terms apart keeps structure: ``softmax`` is a
diagonal minus an outer product, and the diagonal is never formed.

At kinks the convention of JAX and PyTorch holds, and the row says so. A function that is constant between its jumps has
no terms; nothing else answers zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .algebra import add, expression, multiply, number, operand, power, stretched, times
from .errors import EinderivError
from .expression import Apply, Expr, Number
from .sizes import checked
from .unification import assemble

Terms = tuple[Expr, ...]
Bounds = tuple[int, ...]  # of the absolute values of the arguments


def _leaves_integers(_: Bounds, __: tuple[Number, ...]) -> None:
    """A function of integers that are none any more."""
    return


@dataclass(frozen=True, eq=False)
class Function:
    """One row. `spell` says it in each backend, with ``{0}`` for the argument and ``{1}`` … for the parameters."""

    name: str
    law: str  # f(x) in plain text
    derivatives: tuple[Callable[[Apply], Terms], ...]  # by each argument
    derived: str  # f'(x) in plain text
    spell: dict[str, str]
    latex: str  # with {0} for the argument
    domain: tuple[float, float] = (-2.0, 2.0)  # where tests draw their arguments
    kink: str = ""  # the convention where the derivative does not exist
    core: bool = False  # has core axes
    reduces: bool = False  # ... and drops them
    analytic: bool = True  # has a complex extension with the same derivative
    integer: Callable[[Bounds, tuple[Number, ...]], int | None] = _leaves_integers  # a bound of |f| by |x|, or None


def apply(name: str, e: Expr, core: int = 0, parameters: tuple[Number, ...] = ()) -> Apply:
    """``f(e)`` with the last `core` axes as core axes."""
    row = FUNCTIONS[name]
    return Apply(row, (e,), core, 0 if row.reduces else core, parameters)


def stays_integer(node: Apply) -> bool:
    """Is the function of integers an integer again?"""
    row: Function = node.function
    return row.integer((1,) * len(node.arguments), node.parameters) is not None


def argument(node: Apply) -> Expr:
    """The one argument."""
    return node.arguments[0]


def _exp(node: Apply) -> Terms:
    return (node,)


def _log(node: Apply) -> Terms:
    return (apply("reciprocal", argument(node)),)


def _sin(node: Apply) -> Terms:
    return (apply("cos", argument(node)),)


def _cos(node: Apply) -> Terms:
    return (times(apply("sin", argument(node)), -1),)


def _tanh(node: Apply) -> Terms:
    return (add(1, times(_squared(node), -1)),)


def _sqrt(node: Apply) -> Terms:
    return (times(apply("reciprocal", node), 0.5),)


def _square(node: Apply) -> Terms:
    return (times(argument(node), 2),)


def _reciprocal(node: Apply) -> Terms:
    return (times(_squared(node), -1),)


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
    return (times(apply("reciprocal", _squared(node)), 1 / 3),)


def _tan(node: Apply) -> Terms:
    return (add(1, _squared(node)),)


def _arcsin(node: Apply) -> Terms:
    return (apply("power", add(1, times(_squared(argument(node)), -1)), 0, (-0.5,)),)


def _arccos(node: Apply) -> Terms:
    return tuple(times(term, -1) for term in _arcsin(node))


def _arctan(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, _squared(argument(node)))),)


def _sinh(node: Apply) -> Terms:
    return (apply("cosh", argument(node)),)


def _cosh(node: Apply) -> Terms:
    return (apply("sinh", argument(node)),)


def _arcsinh(node: Apply) -> Terms:
    return (apply("power", add(1, _squared(argument(node))), 0, (-0.5,)),)


def _arccosh(node: Apply) -> Terms:
    return (apply("power", add(-1, _squared(argument(node))), 0, (-0.5,)),)


def _arctanh(node: Apply) -> Terms:
    return (apply("reciprocal", add(1, times(_squared(argument(node)), -1))),)


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
    return (multiply(x, apply("reciprocal", add(_squared(x), _squared(y)))),)


def _arctan2_second(node: Apply) -> Terms:
    y, x = node.arguments
    return (times(multiply(y, apply("reciprocal", add(_squared(x), _squared(y)))), -1),)


def _constant(_: Apply) -> Terms:
    return ()


def _power(node: Apply) -> Terms:
    (p,) = node.parameters
    return (times(raised(argument(node), p - 1), p),)


def _softmax(node: Apply) -> Terms:
    # ∂p_i/∂u_j = p_i δ_ij − p_i p_j
    batch, rows, columns = _core_labels(node)
    diagonal = assemble(1, [(node, batch + rows)], batch + rows + rows, axes=node.axes + node.axes[len(batch) :])
    outer = [(node, batch + rows), (node, batch + columns)]
    return diagonal, assemble(-1, outer, batch + rows + columns, axes=diagonal.axes)


def _logsumexp(node: Apply) -> Terms:
    return (apply("softmax", argument(node), node.core),)


def _core_labels(node: Apply) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    n, k = argument(node).ndim, node.core
    return tuple(range(n - k)), tuple(range(n - k, n)), tuple(range(n, n + k))


def _squared(e: Expr) -> Expr:
    found = power(e, 2)
    assert found is not None
    return found


def _largest(bounds: Bounds, _: tuple[Number, ...]) -> int:
    return max(bounds)


def _one(_: Bounds, __: tuple[Number, ...]) -> int:
    return 1


def _bound_square(bounds: Bounds, _: tuple[Number, ...]) -> int:
    return bounds[0] ** 2


def _bound_power(bounds: Bounds, parameters: tuple[Number, ...]) -> int | None:
    (p,) = parameters
    return bounds[0] ** p if isinstance(p, int) and 0 <= p <= 1000 else None


def _np(text: str, **others: str) -> dict[str, str]:
    return {"numpy": text, **others}


_ROWS = (
    Function("exp", "e^x", (_exp,), "exp(x)", _np("np.exp({0})"), r"\exp\left({0}\right)"),
    Function("log", "the natural logarithm", (_log,), "1/x", _np("np.log({0})"), r"\log\left({0}\right)", (0.2, 3.0)),
    Function("sin", "sin x, x in radians", (_sin,), "cos(x)", _np("np.sin({0})"), r"\sin\left({0}\right)"),
    Function("cos", "cos x, x in radians", (_cos,), "-sin(x)", _np("np.cos({0})"), r"\cos\left({0}\right)"),
    Function("tanh", "the hyperbolic tangent", (_tanh,), "1 - tanh(x)^2", _np("np.tanh({0})"),
             r"\tanh\left({0}\right)"),
    Function("sqrt", "the square root", (_sqrt,), "1/(2 sqrt(x))", _np("np.sqrt({0})"), r"\sqrt{{{0}}}", (0.2, 3.0)),
    Function("square", "x^2", (_square,), "2 x", _np("np.square({0})"), r"\left({0}\right)^2", integer=_bound_square),
    Function("reciprocal", "1/x", (_reciprocal,), "-1/x^2", _np("(1 / {0})"), r"\frac{{1}}{{{0}}}", (0.5, 3.0)),
    Function("sigmoid", "1/(1 + e^(-x))", (_sigmoid,), "sigmoid(x) sigmoid(-x)", _np("sigmoid({0})"),
             r"\sigma\left({0}\right)"),
    Function("relu", "max(x, 0)", (_relu,), "heaviside(x)", _np("np.maximum({0}, 0)"),
             r"\operatorname{{relu}}\left({0}\right)", kink="relu'(0) = 0", analytic=False, integer=_largest),
    Function("abs", "|x|", (_abs,), "sign(x)", _np("np.abs({0})"), r"\left|{0}\right|", kink="abs'(0) = 0",
             analytic=False, integer=_largest),
    Function("sign", "-1, 0 or 1 by the sign of x", (_constant,), "0", _np("np.sign({0})"),
             r"\operatorname{{sign}}\left({0}\right)", kink="sign'(0) = 0", analytic=False, integer=_one),
    Function("heaviside", "1 where x > 0, else 0", (_constant,), "0", _np("({0} > 0).astype({0}.dtype)"),
             r"\Theta\left({0}\right)", kink="heaviside(0) = 0, its derivative there 0", analytic=False, integer=_one),
    Function("power", "x^p for a number p", (_power,), "p x^(p-1)", _np("np.power({0}, {1})"),
             r"\left({0}\right)^{{{1}}}", (0.3, 2.0), integer=_bound_power),
    Function("expm1", "e^x - 1, precise near 0", (_expm1,), "exp(x)", _np("np.expm1({0})"),
             r"\left(e^{{{0}}} - 1\right)"),
    Function("log1p", "log(1 + x), precise near 0", (_log1p,), "1/(1 + x)", _np("np.log1p({0})"),
             r"\log\left(1 + {0}\right)", (-0.5, 2.0)),
    Function("log2", "the logarithm to base 2", (_log2,), "1/(x log 2)", _np("np.log2({0})"), r"\log_2\left({0}\right)",
             (0.2, 3.0)),
    Function("log10", "the logarithm to base 10", (_log10,), "1/(x log 10)", _np("np.log10({0})"),
             r"\log_{{10}}\left({0}\right)", (0.2, 3.0)),
    Function("cbrt", "the real cube root", (_cbrt,), "1/(3 cbrt(x)^2)", _np("np.cbrt({0})"),
             r"\sqrt[3]{{{0}}}", (0.2, 3.0), analytic=False),
    Function("tan", "tan x, x in radians", (_tan,), "1 + tan(x)^2", _np("np.tan({0})"),
             r"\tan\left({0}\right)", (-1.0, 1.0)),
    Function("arcsin", "the inverse of sin, in radians", (_arcsin,), "(1 - x^2)^(-1/2)", _np("np.arcsin({0})"),
             r"\arcsin\left({0}\right)", (-0.8, 0.8)),
    Function("arccos", "the inverse of cos, in radians", (_arccos,), "-(1 - x^2)^(-1/2)", _np("np.arccos({0})"),
             r"\arccos\left({0}\right)", (-0.8, 0.8)),
    Function("arctan", "the inverse of tan, in radians", (_arctan,), "1/(1 + x^2)", _np("np.arctan({0})"),
             r"\arctan\left({0}\right)"),
    Function("sinh", "the hyperbolic sine", (_sinh,), "cosh(x)", _np("np.sinh({0})"), r"\sinh\left({0}\right)"),
    Function("cosh", "the hyperbolic cosine", (_cosh,), "sinh(x)", _np("np.cosh({0})"), r"\cosh\left({0}\right)"),
    Function("arcsinh", "the inverse of sinh", (_arcsinh,), "(1 + x^2)^(-1/2)", _np("np.arcsinh({0})"),
             r"\operatorname{{arcsinh}}\left({0}\right)"),
    Function("arccosh", "the inverse of cosh", (_arccosh,), "(x^2 - 1)^(-1/2)", _np("np.arccosh({0})"),
             r"\operatorname{{arccosh}}\left({0}\right)", (1.3, 3.0)),
    Function("arctanh", "the inverse of tanh", (_arctanh,), "1/(1 - x^2)", _np("np.arctanh({0})"),
             r"\operatorname{{arctanh}}\left({0}\right)", (-0.8, 0.8)),
    Function("softplus", "log(1 + e^x)", (_softplus,), "sigmoid(x)", _np("softplus({0})"),
             r"\operatorname{{softplus}}\left({0}\right)"),
    Function("log_sigmoid", "log sigmoid(x)", (_log_sigmoid,), "sigmoid(-x)", _np("-softplus(-{0})"),
             r"\log\sigma\left({0}\right)"),
    Function("maximum", "the larger of x and y", (_above, _below), "1 where larger", _np("np.maximum({0}, {1})"),
             r"\max\left({0}, {1}\right)", kink="a tie is shared equally", analytic=False, integer=_largest),
    Function("minimum", "the smaller of x and y", (_below, _above), "1 where smaller", _np("np.minimum({0}, {1})"),
             r"\min\left({0}, {1}\right)", kink="a tie is shared equally", analytic=False, integer=_largest),
    Function("hypot", "sqrt(x^2 + y^2)", (_hypot_first, _hypot_second), "x/hypot(x, y), y/hypot(x, y)",
             _np("np.hypot({0}, {1})"), r"\operatorname{{hypot}}\left({0}, {1}\right)", (0.2, 3.0), analytic=False),
    Function("arctan2", "the angle of (y, x) for x, y in this order, in radians", (_arctan2_first, _arctan2_second),
             "y/(x^2 + y^2), -x/(x^2 + y^2)", _np("np.arctan2({0}, {1})"),
             r"\operatorname{{arctan2}}\left({0}, {1}\right)", (0.2, 3.0), analytic=False),
    Function("softmax", "e^x / sum e^x over the core axes", (_softmax,), "diag(p) - p p^T", _np("softmax({0}, {core})"),
             r"\operatorname{{softmax}}\left({0}\right)", core=True),
    Function("logsumexp", "log sum e^x over the core axes", (_logsumexp,), "softmax(x)", _np("logsumexp({0}, {core})"),
             r"\operatorname{{logsumexp}}\left({0}\right)", core=True, reduces=True),
)  # fmt: skip

FUNCTIONS: dict[str, Function] = {row.name: row for row in _ROWS}


def raised(e: Expr, exponent: Number) -> Expr:
    """``e ** exponent``: a product for small whole exponents, else the row that fits."""
    product = power(e, exponent)
    if product is not None:
        return product
    named = "reciprocal" if exponent == -1 else "sqrt" if exponent == 0.5 else None
    return apply(named, e) if named else apply("power", e, 0, (exponent,))


def powered(a: object, exponent: object) -> Expr:
    """``a ** exponent`` by a number."""
    p = number(exponent)
    if p is None:
        raise TypeError(f"** takes a number as exponent, not {type(exponent).__name__}: "
                        "write ed.exp(p * ed.log(x)) for a variable one")  # fmt: skip
    if p != p or p in (float("inf"), float("-inf")):
        raise EinderivError(f"** takes a finite exponent, not {p}")
    return raised(expression(a), p)


def _elementwise(name: str) -> Callable[[object], Expr]:
    row = FUNCTIONS[name]

    def function(e: object, /) -> Expr:
        return apply(name, expression(e))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""``{name}(x)``: {row.law}, elementwise; the result has the axes of the argument.

    The derivative is ``{row.derived}``.{" At the kink: " + row.kink + "." if row.kink else ""}

    >>> import einderiv as ed
    >>> str(ed.{name}(ed.tensor("x", "i")))
    '{name}(x)'

    Raises TypeError for what is no expression, number or array.
    """
    return function


def _of_two(name: str) -> Callable[[object, object], Expr]:
    row = FUNCTIONS[name]

    def function(a: object, b: object, /) -> Expr:
        first, second = operand(a), operand(b)
        if not isinstance(first, Expr) and not isinstance(second, Expr):
            first = expression(first)
        return checked(Apply(row, stretched(first, second), 0, 0))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""``{name}(x, y)``: {row.law}, elementwise; numbers and scalars broadcast.

    The derivatives are ``{row.derived}``.{" At the kink: " + row.kink + "." if row.kink else ""}

    >>> import einderiv as ed
    >>> str(ed.{name}(ed.tensor("x", "i"), ed.tensor("y", "i")))
    '{name}(x, y)'

    Raises ShapeError if the axes do not fit.
    """
    return function


maximum, minimum, hypot, arctan2 = map(_of_two, ("maximum", "minimum", "hypot", "arctan2"))
exp, log, sin, cos = map(_elementwise, ("exp", "log", "sin", "cos"))
tanh, sqrt, square, reciprocal = map(_elementwise, ("tanh", "sqrt", "square", "reciprocal"))
expm1, log1p, log2, log10, cbrt, tan = map(_elementwise, ("expm1", "log1p", "log2", "log10", "cbrt", "tan"))
arcsin, arccos, arctan = map(_elementwise, ("arcsin", "arccos", "arctan"))
sinh, cosh, arcsinh, arccosh, arctanh = map(_elementwise, ("sinh", "cosh", "arcsinh", "arccosh", "arctanh"))
softplus, log_sigmoid = map(_elementwise, ("softplus", "log_sigmoid"))
sigmoid, relu, abs_, sign, heaviside = map(_elementwise, ("sigmoid", "relu", "abs", "sign", "heaviside"))
