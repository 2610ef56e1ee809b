"""JAX's primitives that work entry by entry: arithmetic, functions, comparisons, choices.

Both operands of a primitive have one shape, or one of them has no axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import functions
from ..expression import Einsum, Expr, Tensor, add, filled, multiply, times
from .jax_softmax import VIEWS, log_softmax_of, logsumexp_of, softmax_of
from .jax_table import (
    Step,
    Value,
    expression,
    is_known,
    kind_of,
    operand,
    product,
    reads,
    spread,
    uniform,
    whole,
)

#: exponents of an array of them that are each a power of their own
FEW = 16


def _same(_: Step, x: Value) -> Value:
    """The value itself."""
    return x


reads(
    "copy",
    "jnp.copy(x)",
    also=("copy_p", "device_put", "sharding_constraint", "layout_constraint", "reshard", "name"),
)(_same)


@reads("reduce_precision", "lax.reduce_precision(x, 11, 52)", says="no digits are dropped")
def _in_fewer_digits(step: Step, x: Value) -> Value:
    if step.params["mantissa_bits"] < 52:
        raise step.refused("it drops digits, by steps that have no slope: leave it out")
    return x


@reads("optimization_barrier", "lax.optimization_barrier(x)")
def _same_each(_: Step, *values: Value) -> list[Value]:
    return list(values)


# ---- arithmetic
def _full(e: Any, step: Step) -> Expr:
    """An expression or a number under the axes of the output."""
    shape = step.shape
    if not isinstance(e, Expr):
        return filled(e, shape, (None,) * len(shape))
    if e.axis_sizes == shape:
        return e
    if not e.ndim:
        return spread(e, (), shape)
    # Axes of size 1 are repeated, as in NumPy: j,i -> ki  for j of one place.
    places = [p if own == n else p + e.ndim for p, (own, n) in enumerate(zip(e.axis_sizes, shape))]
    return product([(e, places)], range(e.ndim), shape)


def _both(step: Step, x: Value, y: Value) -> tuple[Any, Any]:
    """Two operands: numbers, scalars, or expressions of the shape of the output."""
    a, b = operand(x), operand(y)
    if isinstance(a, Expr) and a.ndim:
        a = _full(a, step)
    if isinstance(b, Expr) and b.ndim:
        b = _full(b, step)
    return a, b


def _sum(step: Step, x: Value, y: Value) -> Expr:
    for logarithm, shift in ((x, y), (y, x)):
        found = logsumexp_of(step, logarithm, shift)
        if found is not None:
            return found
    a, b = _both(step, x, y)
    if not isinstance(a, Expr):
        a, b = b, a
    return _full(a if _is_number(b, 0) else add(a, b), step)


reads("add", "x + 2 * x", also=("add_any",))(_sum)


@reads("sub", "1 - x")
def _difference(step: Step, x: Value, y: Value) -> Expr:
    found = log_softmax_of(step, x, y)
    if found is not None:
        return found
    a, b = _both(step, x, y)
    if isinstance(b, Expr):
        negative = times(b, -1)
        return _full(negative if _is_number(a, 0) else add(negative, a), step)
    return _full(add(a, -b), step)


@reads("mul", "3 * x * x")
def _product(step: Step, x: Value, y: Value) -> Expr:
    a, b = _both(step, x, y)
    if not isinstance(a, Expr):
        a, b = b, a
    return _full(multiply(a, b), step)


@reads("div", "x / (1 + x)")
def _quotient(step: Step, x: Value, y: Value) -> Expr:
    found = softmax_of(step, x, y)
    if found is not None:
        return found
    a, b = _both(step, x, y)
    if not isinstance(b, Expr) and b == 0:
        raise step.refused("it divides by the number 0")
    ratio = _full(functions.divided(a, b), step)
    return _trunc(ratio) if step.kind in "iu" else ratio


@reads("neg", "-x")
def _negative(_: Step, x: Value) -> Expr:
    return times(expression(x), -1)


def _is_number(value: Any, number: int) -> bool:
    return not isinstance(value, Expr) and bool(value == number)


@reads("integer_pow", "x ** 3", says="any whole power")
def _whole_power(step: Step, x: Value) -> Expr:
    e: Expr = expression(x) ** int(step.params["y"])
    return e


@reads("pow", "x ** 2.5", says="the exponent may be an expression where the base is positive")
def _power(step: Step, x: Value, y: Value) -> Expr:
    base, exponent = _both(step, x, y)
    if not isinstance(exponent, Expr):
        e: Expr = base**exponent
        return _full(e, step)
    steps = _of_known_powers(step, base, y)
    if steps is not None:
        return steps
    if isinstance(base, Expr):  # x^y = exp(y log x)
        return _full(functions.exp(multiply(exponent, functions.log(base))), step)
    return _full(functions.raised_by(base, exponent), step)


def _of_known_powers(step: Step, base: Any, y: Value) -> Expr | None:
    """``x ** y`` for an array of a few known exponents: each where it is one, so that x may be
    negative where they are whole.
    """
    import numpy as np

    if not is_known(y) or not isinstance(base, Expr):
        return None
    powers = np.broadcast_to(np.asarray(y), step.shape)
    distinct = np.unique(powers)
    if len(distinct) > FEW:
        return None
    e = _full(base, step)
    chosen: Expr | None = None
    for number in distinct:
        exponent = int(number) if number == int(number) else float(number)
        raised = e**exponent
        if chosen is not None:
            raised = functions.where(expression(powers == number), raised, chosen)
        chosen = raised
    return chosen


@reads("square", "jnp.square(x)")
def _square(_: Step, x: Value) -> Expr:
    e = expression(x)
    return multiply(e, e)


@reads("rsqrt", "lax.rsqrt(x)")
def _inverse_root(_: Step, x: Value) -> Expr:
    return functions.reciprocal(functions.sqrt(expression(x)))


@reads("exp2", "jnp.exp2(x)")
def _power_of_two(_: Step, x: Value) -> Expr:
    return functions.raised_by(2, expression(x))


# ---- functions by their names
def _named(call: Callable[..., Expr]) -> Callable[..., Expr]:
    def read(step: Step, *values: Value) -> Expr:
        if len(values) == 2:
            return _full(call(*_both(step, *values)), step)
        return _full(call(*[operand(value) for value in values]), step)

    return read


for _name, _call, _example in (
    ("exp", functions.exp, "jnp.exp(x)"),
    ("log", functions.log, "jnp.log(x)"),
    ("expm1", functions.expm1, "jnp.expm1(x)"),
    ("log1p", functions.log1p, "jnp.log1p(x)"),
    ("sqrt", functions.sqrt, "jnp.sqrt(x)"),
    ("cbrt", functions.cbrt, "jnp.cbrt(x)"),
    ("sin", functions.sin, "jnp.sin(x)"),
    ("cos", functions.cos, "jnp.cos(x)"),
    ("tan", functions.tan, "jnp.tan(x)"),
    ("asin", functions.arcsin, "jnp.arcsin(x)"),
    ("acos", functions.arccos, "jnp.arccos(x)"),
    ("atan", functions.arctan, "jnp.arctan(x)"),
    ("atan2", functions.arctan2, "jnp.arctan2(x, 1 + x)"),
    ("sinh", functions.sinh, "jnp.sinh(x)"),
    ("cosh", functions.cosh, "jnp.cosh(x)"),
    ("tanh", functions.tanh, "jnp.tanh(x)"),
    ("asinh", functions.arcsinh, "jnp.arcsinh(x)"),
    ("acosh", functions.arccosh, "jnp.arccosh(1 + x)"),
    ("atanh", functions.arctanh, "jnp.arctanh(x)"),
    ("logistic", functions.sigmoid, "jax.nn.sigmoid(x)"),
    ("erf", functions.erf, "lax.erf(x)"),
    ("erfc", functions.erfc, "lax.erfc(x)"),
    ("lgamma", functions.gammaln, "lax.lgamma(x)"),
    ("digamma", functions.digamma, "lax.digamma(x)"),
    ("sign", functions.sign, "jnp.sign(x - 0.5)"),
    ("conj", functions.conj, "jnp.conj(x + 1j).real"),
    ("real", functions.real, "(x * (1 + 1j)).real"),
    ("imag", functions.imag, "(x * (1 + 1j)).imag"),
    ("abs", functions.abs_, "jnp.abs(x - 0.5)"),
):
    reads(_name, _example)(_named(_call))


@reads("max", "jnp.maximum(x, 0.5)", says="a tie is shared equally, as JAX has it")
def _maximum(step: Step, x: Value, y: Value) -> Expr:
    a, b = _both(step, x, y)
    if not isinstance(a, Expr):
        a, b = b, a
    if not isinstance(b, Expr) and b == -math.inf:
        return _full(a, step)
    return _full(functions.maximum(a, b), step)


@reads("min", "jnp.minimum(x, 1 - x)", says="a tie is shared equally, as JAX has it")
def _minimum(step: Step, x: Value, y: Value) -> Expr:
    a, b = _both(step, x, y)
    if not isinstance(a, Expr):
        a, b = b, a
    if not isinstance(b, Expr) and b == math.inf:
        return _full(a, step)
    return _full(functions.minimum(a, b), step)


@reads("polygamma", "jax.scipy.special.polygamma(1, x)", says="of a known order")
def _polygamma(step: Step, order: Value, x: Value) -> Expr:
    n = uniform(order)
    if n is None or isinstance(n, complex) or n != int(n):
        raise step.refused("its order must be a known whole number")
    return functions.polygamma(int(n), expression(x))


@reads("complex", "(lax.complex(x, 2 * x) ** 2).real")
def _complex(_: Step, x: Value, y: Value) -> Expr:
    return add(expression(x), times(expression(y), 1j))


@reads("clamp", "lax.clamp(0.3, x, 0.6)", says="at a bound the slope is shared, as JAX has it")
def _clamp(step: Step, low: Value, x: Value, high: Value) -> Expr:
    raised = functions.maximum(operand(x), operand(low))
    return _full(functions.minimum(raised, operand(high)), step)


# ---- comparisons: masks of 0 and 1
for _name, _call, _example, _also in (
    ("eq", functions.equal, "x * (x == 0.5)", ("eq_to",)),
    ("ne", functions.not_equal, "x * (x != 0.5)", ()),
    ("lt", functions.less, "x * (x < 0.5)", ("lt_to",)),
    ("le", functions.less_equal, "x * (x <= 0.5)", ("le_to",)),
    ("gt", functions.greater, "x * (x > 0.5)", ()),
    ("ge", functions.greater_equal, "x * (x >= 0.5)", ()),
):
    reads(_name, _example, says="a mask of 0 and 1", also=_also)(_named(_call))


@reads("is_finite", "x * jnp.isfinite(x)")
def _is_finite(_: Step, x: Value) -> Expr:
    e = expression(x)
    return functions.less(functions.abs_(e), float("inf"))  # nan is less than nothing


def _check_masks(step: Step) -> None:
    if step.kind != "b":
        raise step.refused("whole numbers that are not known are taken apart into bits")


@reads("not", "x * ~(x > 0.5)", says="of masks")
def _not(step: Step, x: Value) -> Expr:
    _check_masks(step)
    return add(times(expression(x), -1), 1)


@reads("and", "x * ((x > 0.3) & (x < 0.6))", says="of masks")
def _and(step: Step, x: Value, y: Value) -> Expr:
    _check_masks(step)
    return _full(functions.minimum(*_both(step, x, y)), step)


@reads("or", "x * ((x < 0.3) | (x > 0.6))", says="of masks")
def _or(step: Step, x: Value, y: Value) -> Expr:
    _check_masks(step)
    return _full(functions.maximum(*_both(step, x, y)), step)


@reads("xor", "x * ((x < 0.5) ^ (x > 0.3))", says="of masks")
def _xor(step: Step, x: Value, y: Value) -> Expr:
    _check_masks(step)
    return _full(functions.not_equal(*_both(step, x, y)), step)


@reads("select_n", "jnp.where(x > 0.5, x, x * x)", says="what is not chosen has no slope")
def _select(step: Step, which: Value, *cases: Value) -> Value:
    if is_known(which):
        number = whole(which)
        if number is not None:
            case = cases[number]
            return case if is_known(case) else _full(expression(case), step)
        band = _band(step, which, *cases)
        if band is not None:
            return band
    unwrapped = _unwrapped(step, which, *cases)
    if unwrapped is not None:
        return unwrapped
    chosen: Any = operand(cases[0])
    condition = expression(which)
    for k, case in enumerate(cases[1:], 1):
        mask = condition if len(cases) == 2 else functions.equal(condition, k)
        mask = _full(mask, step)
        chosen = functions.where(mask, _full(operand(case), step), _full(chosen, step))
    return _full(chosen, step)


def _band(step: Step, which: Value, *cases: Value) -> Expr | None:
    """A matrix with zeros above or below a diagonal: the einsum that has them so."""
    import numpy as np

    if len(cases) != 2 or len(step.shape) < 2:
        return None
    mask = np.asarray(which)
    plane = mask[(0,) * (mask.ndim - 2)]
    if not (mask == plane).all():
        return None
    for inside, outside, kept in ((cases[1], cases[0], plane), (cases[0], cases[1], ~plane)):
        if uniform(outside) != 0 or not isinstance(inside, Expr) or not inside.ndim:
            continue
        for part, cut in ((functions.tril, np.tri), (functions.triu, None)):
            k = _diagonal(kept, lower=cut is not None)
            if k is not None:
                return part(inside, k)
    return None


def _diagonal(mask: Any, *, lower: bool) -> int | None:
    """The k for which a mask is that of ``tril(k)``, or of ``triu(k)``."""
    import numpy as np

    rows, columns = mask.shape
    count = int(mask[0].sum())
    k = count - 1 if lower else columns - count
    if count == 0 or (lower and count == columns):
        return None
    band = (
        np.tri(rows, columns, k, dtype=bool) if lower else ~np.tri(rows, columns, k - 1, dtype=bool)
    )
    return k if np.array_equal(mask, band) else None


def _unwrapped(step: Step, which: Value, *cases: Value) -> Value | None:
    """``where(r < 0, r + n, r)`` of an index array r: it is r, for its places are not negative,
    which is checked where it is given.
    """
    made = step.reading.made(which)
    if step.kind != "i" or made is None or made.name != "lt" or len(cases) != 2:
        return None
    r = cases[0]
    shifted = step.reading.made(cases[1])
    if not (made.inputs[0] is r and uniform(made.inputs[1]) == 0):
        return None
    if shifted is None or shifted.name != "add" or shifted.inputs[0] is not r:
        return None
    return r if is_index(step, r) else None


def is_index(step: Step, e: Value) -> bool:
    """An index array, repeated or turned at most, or a place of a largest entry?"""
    made = step.reading.made(e)
    while made is not None and made.name in VIEWS:
        made = step.reading.made(made.inputs[0])
    if made is not None and made.name in ("argmax", "argmin", "sort"):
        return True
    return view_of_input(e) is not None


def view_of_input(e: Value) -> tuple[Expr, tuple[int, ...]] | None:
    """The tensor that an expression is, axes turned and repeated along others, and for each of its
    axes the place where it stands.
    """
    if isinstance(e, Tensor):
        return e, tuple(range(e.ndim))
    if not isinstance(e, Einsum) or e.relations or len(e.factors) != 1 or e.coefficient != 1:
        return None
    (factor,), (labels,) = e.factors, e.inputs
    distinct = len(set(labels)) == len(labels) and len(set(e.output)) == len(e.output)
    if not isinstance(factor, Tensor) or not distinct or not set(labels) <= set(e.output):
        return None
    return factor, tuple([e.output.index(label) for label in labels])


@reads(
    "convert_element_type",
    "x.astype(complex).real * (9 * x).astype(int)",
    says="of floats nothing changes; to whole numbers it is a step",
)
def _converted(step: Step, x: Value) -> Expr:
    e = expression(x)
    before, after = kind_of(step.inputs[0].dtype), step.kind
    if after == "b" and before != "b":
        return functions.not_equal(e, 0)
    if before == "f" and after in "iu":
        return _trunc(e)
    if before == "c" and after == "f":
        return functions.real(e)
    return e


@reads("stop_gradient", "x * lax.stop_gradient(x)")
def _stopped(_: Step, x: Value) -> Expr:
    return functions.stop_gradient(expression(x))


@reads("floor", "x * jnp.floor(3 * x)", says="the slope is 0")
def _floor(_: Step, x: Value) -> Expr:
    return functions.floor(expression(x))


@reads("ceil", "x * jnp.ceil(3 * x)", says="the slope is 0")
def _ceil(_: Step, x: Value) -> Expr:
    return functions.ceil(expression(x))


def _trunc(x: Expr) -> Expr:
    return functions.trunc(x)


@reads("round", "x * jnp.round(3 * x)", says="the slope is 0")
def _round(step: Step, x: Value) -> Expr:
    e = expression(x)
    if str(step.params["rounding_method"]).endswith(("EVEN", "1")):
        return functions.rint(e)
    return _trunc(add(e, times(functions.sign(e), 0.5)))  # halves go away from 0


@reads("rem", "x * jnp.mod(5 * x, 2)", says="the whole quotient has the slope 0")
def _rest(step: Step, x: Value, y: Value) -> Expr:
    a, b = (_full(each, step) for each in _both(step, x, y))
    whole_quotient = _trunc(functions.divided(a, b))
    return add(a, times(multiply(b, whole_quotient), -1))


@reads("erf_inv", "lax.erf_inv(x)")
def _inverse_erf(_: Step, x: Value) -> Expr:
    return functions.erfinv(expression(x))
