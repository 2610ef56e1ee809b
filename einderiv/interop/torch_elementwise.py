"""Operations of torch that work entry by entry, on arguments that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import functions
from ..expression import Expr, number, times
from .torch_values import (
    Call,
    Operation,
    expression_of,
    is_expression,
    is_known,
    plus,
    product,
    shape_of,
    spread,
    together,
)

Read = Callable[..., Any]
X = {"x": (2, 3)}
XY = {"x": (2, 3), "y": (3,)}


# ---- arithmetic
def _scaled(value: Any, alpha: Any) -> Expr:
    return expression_of(value) if alpha == 1 else product(value, alpha)


def _add(_: Call, x: Any, y: Any, *, alpha: Any = 1) -> Expr:
    return plus(x, _scaled(y, alpha))


def _sub(_: Call, x: Any, y: Any, alpha: Any = 1) -> Expr:
    return plus(x, product(y, -alpha))


def _rsub(_: Call, x: Any, y: Any, alpha: Any = 1) -> Expr:
    return plus(y, product(x, -alpha))


def _mul(_: Call, x: Any, y: Any) -> Expr:
    return product(x, y)


def _div(call: Call, x: Any, y: Any, *, rounding_mode: Any = None) -> Expr:
    if rounding_mode is not None:
        call.refuse("it jumps: divide without rounding_mode, or round outside of the function")
    if not is_expression(y) and not is_known(y):
        return functions.divided(expression_of(x), y)
    return functions.divided(*together(x, y))


def _pow(call: Call, x: Any, y: Any) -> Expr:
    if isinstance(y, (int, float)):
        return functions.powered(expression_of(x), y)
    exponent = number(y.item()) if is_known(y) and not y.dim() else None
    if exponent is not None:
        return functions.powered(expression_of(x), exponent)
    if isinstance(x, (int, float)) and x > 0:
        return functions.raised_by(x, y)
    return call.refuse("of a positive base write torch.exp(y * torch.log(x))")


def _neg(_: Call, x: Any) -> Expr:
    return times(expression_of(x), -1)


def _rsqrt(_: Call, x: Any) -> Expr:
    return functions.powered(expression_of(x), -0.5)


def _addcmul(_: Call, x: Any, a: Any, b: Any, *, value: Any = 1) -> Expr:
    return plus(x, _scaled(product(a, b), value))


def _addcdiv(_: Call, x: Any, a: Any, b: Any, *, value: Any = 1) -> Expr:
    return plus(x, _scaled(functions.divided(*together(a, b)), value))


def _lerp(_: Call, x: Any, y: Any, weight: Any) -> Expr:
    return plus(x, product(weight, plus(y, product(x, -1))))


# ---- functions of one argument
def _one(function: Callable[[Any], Expr]) -> Read:
    def read(_: Call, x: Any) -> Expr:
        return function(expression_of(x))

    return read


def _abs(_: Call, x: Any) -> Expr:
    return functions.abs_(expression_of(x))


def _gelu(_: Call, x: Any, *, approximate: str = "none") -> Expr:
    return functions.gelu(x, approximate="tanh" if approximate == "tanh" else False)


def _softplus(_: Call, x: Any, beta: Any = 1, threshold: Any = 20) -> Expr:
    # Above the threshold torch is linear, by less than e^-20 apart.
    return _scaled(functions.softplus(_scaled(x, beta)), 1 / beta)


def _elu(_: Call, x: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Expr:
    return _scaled(functions.elu(_scaled(x, input_scale), alpha), scale)


def _leaky_relu(_: Call, x: Any, negative_slope: Any = 0.01) -> Expr:
    return functions.leaky_relu(x, negative_slope)


def _rrelu(
    call: Call, x: Any, _: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False
) -> tuple[Any, ...]:
    if training:
        call.refuse("it is random: take training=False")
    return functions.leaky_relu(x, (lower + upper) / 2), None


def _mish(_: Call, x: Any) -> Expr:
    return product(x, functions.tanh(functions.softplus(x)))


def _log_sigmoid(_: Call, x: Any) -> tuple[Any, ...]:
    return functions.log_sigmoid(x), None


def _clamp(_: Call, x: Any, low: Any = None, high: Any = None) -> Expr:
    found = expression_of(x)
    if low is not None:
        found = functions.maximum(*together(found, low))
    if high is not None:
        found = functions.minimum(*together(found, high))
    return found


def _hardtanh(call: Call, x: Any, min_val: Any = -1, max_val: Any = 1) -> Expr:
    return _clamp(call, x, min_val, max_val)


def _logit(call: Call, x: Any, eps: Any = None) -> Expr:
    inside = x if eps is None else _clamp(call, x, eps, 1 - eps)
    rest = plus(1, product(inside, -1))
    return plus(functions.log(inside), product(functions.log(rest), -1))


def _xlogy(_: Call, x: Any, y: Any) -> Expr:
    # 0 log 0 is 0
    left, right = together(x, y)
    is_zero = functions.equal(*together(left, 0))
    safe = functions.selected(is_zero, spread(expression_of(1), shape_of(right)), right)
    return product(left, functions.log(safe))


# ---- of two arguments
def _two(function: Callable[[Any, Any], Expr]) -> Read:
    def read(_: Call, x: Any, y: Any) -> Expr:
        return function(*together(x, y))

    return read


# ---- conditions, which are 1 or 0
def _where(_: Call, condition: Any, x: Any, y: Any) -> Expr:
    return functions.selected(*together(condition, x, y))


def _masked_fill(call: Call, x: Any, mask: Any, value: Any) -> Expr:
    return _where(call, mask, value, x)


def _compared(function: Callable[[Any, Any], Expr]) -> Read:
    """1 or 0, as numbers of the dtype of the whole: of whole numbers a comparison gives whole ones,
    and torch divides by those in single precision.
    """

    def read(call: Call, x: Any, y: Any) -> Expr:
        truth = function(*together(x, y))
        if call.source is None or call.source.is_floating_point:
            return truth
        return functions.selected(*together(truth, 1, 0))

    return read


def _not(_: Call, x: Any) -> Expr:
    return functions.equal(*together(x, 0))


def _and(_: Call, x: Any, y: Any) -> Expr:
    return product(_truth(x), _truth(y))


def _or(_: Call, x: Any, y: Any) -> Expr:
    return functions.maximum(*together(_truth(x), _truth(y)))


def _xor(_: Call, x: Any, y: Any) -> Expr:
    return functions.not_equal(*together(_truth(x), _truth(y)))


def _truth(x: Any) -> Expr:
    return functions.not_equal(*together(x, 0))


def _bits(read: Read) -> Read:
    """Of truth values alone: the bits of numbers have no form."""

    def bits(call: Call, *values: Any) -> Any:
        if not str(call.meta.dtype).endswith("bool"):
            call.refuse("the bits of whole numbers are no formula")
        return read(call, *values)

    return bits


def _isnan(_: Call, x: Any) -> Expr:
    found = expression_of(x)
    return functions.not_equal(found, found)


def _tanh_backward(_: Call, gradient: Any, y: Any) -> Expr:
    return product(gradient, plus(1, product(-1, product(y, y))))


def _sigmoid_backward(_: Call, gradient: Any, y: Any) -> Expr:
    return product(gradient, product(y, plus(1, product(-1, y))))


def _threshold_backward(_: Call, gradient: Any, x: Any, threshold: Any) -> Expr:
    above = functions.greater(*together(x, threshold))
    return functions.selected(*together(above, gradient, 0))


ROWS = (
    Operation("add", _add, "torch.add(x, y, alpha=2)", XY),
    Operation("sub", _sub, "torch.sub(x, y, alpha=2)", XY),
    Operation("rsub", _rsub, "torch.rsub(x, y)", XY),
    Operation("mul", _mul, "x * y", XY),
    Operation("div", _div, "x / (y * y + 1)", XY),
    Operation("pow", _pow, "x**3 + (x * x + 1) ** 0.3 + 2**x", X),
    Operation("neg", _neg, "-x", X),
    Operation("reciprocal", _one(functions.reciprocal), "torch.reciprocal(x * x + 1)", X),
    Operation("sqrt", _one(functions.sqrt), "torch.sqrt(x * x + 1)", X),
    Operation("rsqrt", _rsqrt, "torch.rsqrt(x * x + 1)", X),
    Operation("addcmul", _addcmul, "torch.addcmul(x, y, y, value=3)", XY),
    Operation("addcdiv", _addcdiv, "torch.addcdiv(x, y, y * y + 1, value=3)", XY),
    Operation("lerp", _lerp, "torch.lerp(x, y, 0.3)", XY),
    Operation("abs", _abs, "x.abs()", X),
    Operation("sign", _one(functions.sign), "x.sign() * x", X),
    Operation("sgn", _one(functions.sign), "x.sgn() * x", X),
    Operation("exp", _one(functions.exp), "x.exp()", X),
    Operation("exp2", lambda _, x: functions.raised_by(2, x), "x.exp2()", X),
    Operation("expm1", _one(functions.expm1), "x.expm1()", X),
    Operation("log", _one(functions.log), "(x * x + 1).log()", X),
    Operation("log1p", _one(functions.log1p), "(x * x).log1p()", X),
    Operation("log2", _one(functions.log2), "(x * x + 1).log2()", X),
    Operation("log10", _one(functions.log10), "(x * x + 1).log10()", X),
    Operation("sin", _one(functions.sin), "x.sin()", X),
    Operation("cos", _one(functions.cos), "x.cos()", X),
    Operation("tan", _one(functions.tan), "x.tan()", X),
    Operation("asin", _one(functions.arcsin), "(x / (x * x + 2)).asin()", X),
    Operation("acos", _one(functions.arccos), "(x / (x * x + 2)).acos()", X),
    Operation("atan", _one(functions.arctan), "x.atan()", X),
    Operation("sinh", _one(functions.sinh), "x.sinh()", X),
    Operation("cosh", _one(functions.cosh), "x.cosh()", X),
    Operation("tanh", _one(functions.tanh), "x.tanh()", X),
    Operation("asinh", _one(functions.arcsinh), "x.asinh()", X),
    Operation("acosh", _one(functions.arccosh), "(x * x + 2).acosh()", X),
    Operation("atanh", _one(functions.arctanh), "(x / (x * x + 2)).atanh()", X),
    Operation("erf", _one(functions.erf), "x.erf()", X),
    Operation("erfc", _one(functions.erfc), "x.erfc()", X),
    Operation("lgamma", _one(functions.gammaln), "(x * x + 1).lgamma()", X),
    Operation("digamma", _one(functions.digamma), "(x * x + 1).digamma()", X),
    Operation(
        "polygamma", lambda _, n, x: functions.polygamma(n, x), "(x * x + 1).polygamma(1)", X
    ),
    Operation("sigmoid", _one(functions.sigmoid), "x.sigmoid()", X),
    Operation("relu", _one(functions.relu), "x.relu()", X),
    Operation("leaky_relu", _leaky_relu, "F.leaky_relu(x, 0.1)", X),
    Operation(
        "rrelu_with_noise_functional",
        _rrelu,
        "aten.rrelu_with_noise_functional(x, x)[0]",
        X,
        "without training",
    ),
    Operation("elu", _elu, "F.elu(x, 0.7) + F.selu(x)", X),
    Operation("gelu", _gelu, "F.gelu(x) + F.gelu(x, approximate='tanh')", X),
    Operation("silu", _one(functions.silu), "F.silu(x)", X),
    Operation("mish", _mish, "F.mish(x)", X),
    Operation("softplus", _softplus, "F.softplus(x, beta=2)", X, "smooth above its threshold too"),
    Operation("log_sigmoid_forward", _log_sigmoid, "F.logsigmoid(x)", X),
    Operation("hardtanh", _hardtanh, "F.hardtanh(x, -0.5, 0.5)", X),
    Operation("clamp", _clamp, "x.clamp(-0.5, 0.7)", X, "at a bound the derivative is 1/2"),
    Operation("clamp_min", _clamp, "x.clamp_min(0.1)", X),
    Operation(
        "clamp_max", lambda call, x, high: _clamp(call, x, None, high), "x.clamp_max(0.1)", X
    ),
    Operation("logit", _logit, "(0.1 + 0.8 * x.sigmoid()).logit()", X),
    Operation("maximum", _two(functions.maximum), "torch.maximum(x, y)", XY),
    Operation("minimum", _two(functions.minimum), "torch.minimum(x, y)", XY),
    Operation("atan2", _two(functions.arctan2), "torch.atan2(x, y)", XY),
    Operation("hypot", _two(functions.hypot), "torch.hypot(x, y)", XY),
    Operation("logaddexp", _two(functions.logaddexp), "torch.logaddexp(x, y)", XY),
    Operation("xlogy", _xlogy, "torch.xlogy(x, y * y + 1)", XY),
    Operation("where", _where, "torch.where(x > y, x * y, y)", XY),
    Operation("masked_fill", _masked_fill, "x.masked_fill(y > 0, 2.0)", XY),
    Operation("gt", _compared(functions.greater), "(x > y) * x", XY),
    Operation("ge", _compared(functions.greater_equal), "(x >= y) * x", XY),
    Operation("lt", _compared(functions.less), "(x < y) * x", XY),
    Operation("le", _compared(functions.less_equal), "(x <= y) * x", XY),
    Operation("eq", _compared(functions.equal), "(x == y) * x + x", XY),
    Operation("ne", _compared(functions.not_equal), "(x != y) * x", XY),
    Operation("isnan", _isnan, "torch.where(x.isnan(), 0.0, x)", X),
    Operation("logical_not", _not, "(x > 0).logical_not() * x", X),
    Operation("logical_and", _and, "((x > 0).logical_and(y > 0)) * x", XY),
    Operation("logical_or", _or, "((x > 0).logical_or(y > 0)) * x", XY),
    Operation("logical_xor", _xor, "((x > 0).logical_xor(y > 0)) * x", XY),
    Operation("bitwise_not", _bits(_not), "~(x > 0) * x", X, "of truth values"),
    Operation("bitwise_and", _bits(_and), "((x > 0) & (y > 0)) * x", XY, "of truth values"),
    Operation("bitwise_or", _bits(_or), "((x > 0) | (y > 0)) * x", XY, "of truth values"),
    Operation("bitwise_xor", _bits(_xor), "((x > 0) ^ (y > 0)) * x", XY, "of truth values"),
    Operation("tanh_backward", _tanh_backward, "aten.tanh_backward(x, y)", XY),
    Operation("sigmoid_backward", _sigmoid_backward, "aten.sigmoid_backward(x, y)", XY),
    Operation(
        "threshold_backward",
        _threshold_backward,
        "aten.threshold_backward(x, x * x, 0.5)",
        X,
    ),
)
