"""NumPy code on expressions: ``np.exp(X)``, ``np.einsum("ij,jk->ik", X, Y)``, ``np.linalg.inv(X)``,
``array + X``.

NumPy asks an operand what to do by ``__array_ufunc__`` and ``__array_function__``. The functions
here have NumPy's names and arguments and give what NumPy gives; what they cannot do is a TypeError,
never an array of objects. NumPy itself is not imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from .. import expression
from ..errors import ShapeError
from ..expression import (
    Expr,
    Tensor,
    as_expression,
    axes_of,
    called,
    dressed,
    einsum,
    filled,
    number,
    numbered,
    operand,
    tensor,
    zero,
)
from . import (
    arrays,
    complex,
    compound,
    elementwise,
    linalg,
    numerics,
    reductions,
    sorting,
    special,
    spectral,
)
from .registry import VOCABULARY, is_elementwise

Named = Callable[..., Any]


def _over_axis(f: Named) -> Named:
    """A reduction with NumPy's names of the arguments."""

    def reduction(a: object, axis: object = None, *, keepdims: object = False) -> Expr:
        found: Expr = f(a, axis, keepdims=keepdims)
        return found

    return reduction


def _spread(f: Named) -> Named:
    def spread(
        a: object, axis: object = None, *, ddof: object = 0, keepdims: object = False
    ) -> Expr:
        found: Expr = f(a, axis, ddof=ddof, keepdims=keepdims)
        return found

    return spread


def _of_value(f: Named) -> Named:
    def part(val: object) -> Expr:
        found: Expr = f(val)
        return found

    return part


def _einsum(subscripts: object, /, *operands: object, optimize: object = None) -> Expr:
    # the order of contraction is chosen when the expression is evaluated
    return einsum(subscripts, *operands)


def _power(x1: object, x2: object, /) -> Expr:
    return elementwise.powered(x1, x2)


def _heaviside(x1: object, x2: object, /) -> Expr:
    if number(x2) != 0:
        raise TypeError(
            "np.heaviside of an expression has the value 0 at 0: write np.heaviside(x, 0)"
        )
    return elementwise.heaviside(x1)


def _positive(x: object, /) -> Expr:
    return as_expression(x)


def _negative(x: object, /) -> Expr:
    return compound.negated(as_expression(x))


def _clip(
    a: object, a_min: object = None, a_max: object = None, *, min: object = None, max: object = None
) -> Expr:
    low = a_min if min is None else min
    high = a_max if max is None else max
    return elementwise.clip(a, low, high)


def _transpose(a: object, axes: object = None) -> Expr:
    e = as_expression(a)
    if axes is None:
        return expression.transposed(e)
    return arrays.permuted(e, axes_of(e, axes))


def _matrix_transpose(x: object, /) -> Expr:
    return arrays.swapaxes(x, -1, -2)


def _last_trace(x: object, /, *, offset: int = 0) -> Expr:
    return arrays.trace_at(x, offset, -2, -1)


def _last_diagonal(x: object, /, *, offset: int = 0) -> Expr:
    return arrays.diagonal(x, offset, -2, -1)


def _outer(a: object, b: object) -> Expr:
    x, y = as_expression(a), as_expression(b)
    if x.ndim > 1 or y.ndim > 1:
        raise ShapeError(
            "np.outer flattens what is no vector: write ed.outer, or the einsum that you mean"
        )
    return compound.outer(x, y)


def _inner(a: object, b: object) -> Expr:
    x, y = as_expression(a), as_expression(b)
    if not (x.ndim and y.ndim):
        return expression.multiply(x, y)
    return _tensordot(x, y, ((-1,), (-1,)))


def _tensordot(a: object, b: object, axes: object = 2) -> Expr:
    x, y = as_expression(a), as_expression(b)
    first, second = _contracted(x, y, axes)
    if len(first) != len(second):
        raise ShapeError(
            f"tensordot takes as many axes of both, not {len(first)} and {len(second)}"
        )
    left = list(range(x.ndim))
    right = [x.ndim + q for q in range(y.ndim)]
    kept_left = [label for p, label in enumerate(left) if p not in first]
    kept_right = [label for q, label in enumerate(right) if q not in second]
    for p, q in zip(first, second, strict=True):
        right[q] = left[p]
    return einsum(x, left, y, right, [*kept_left, *kept_right])


def _contracted(x: Expr, y: Expr, axes: object) -> tuple[Sequence[int], Sequence[int]]:
    """The axes of `x` and of `y` that `np.tensordot` sums over."""
    if isinstance(axes, int):
        if not 0 <= axes <= min(x.ndim, y.ndim):
            raise ShapeError(
                f"tensordot over {axes} axes of {called(x)}, which has {x.ndim}, and {called(y)}, "
                f"{y.ndim}"
            )
        return range(x.ndim - axes, x.ndim), range(axes)
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        raise TypeError(
            "tensordot takes a number of axes, or a pair: the axes of the first and those of the "
            "second"
        )
    return axes_of(x, axes[0]), axes_of(y, axes[1])


def _multi_dot(arrays: Sequence[object]) -> object:
    return reduce(compound.dot, arrays)


def _norm(x: object, ord: object = None, axis: object = None, keepdims: object = False) -> Expr:
    return compound.norm(x, ord, axis, keepdims=keepdims)


def _full_like(a: object, fill_value: object) -> Expr:
    e, value = as_expression(a), number(fill_value)
    if value is None:
        raise TypeError(
            f"np.full_like of an expression takes a number, not {type(fill_value).__name__}"
        )
    if not value:
        return zero(e.axis_sizes, e.axes, (e,))
    return dressed(filled(value, e.axis_sizes, e.axes), origins=(e,))


def _zeros_like(a: object) -> Expr:
    return _full_like(a, 0)


def _ones_like(a: object) -> Expr:
    return _full_like(a, 1)


def _round(a: object, decimals: object = 0) -> Expr:
    return special.round_(a, decimals)


def _sort(a: object, axis: object = -1, *, kind: object = None, stable: object = None) -> Expr:
    return sorting.sort(a, axis)


def _argsort(a: object, axis: object = -1, *, kind: object = None, stable: object = None) -> Expr:
    return sorting.argsort(a, axis)


def _lstsq(a: object, b: object, rcond: object = None) -> tuple[Expr, Expr]:
    """The solution and the sum of the squared residuals; NumPy gives two more."""
    x = spectral.lstsq(a, b)
    residual = compound.subtracted(expression.matmul(as_expression(a), x), as_expression(b))
    return x, compound.sum(expression.multiply(residual, residual), 0)


def _ndim(a: object) -> int:
    return as_expression(a).ndim


def _shape(a: object) -> tuple[object, ...]:
    return expression.shape_of(as_expression(a))


def _size(a: object, axis: object = None) -> object:
    e = as_expression(a)
    total: Any = 1
    for p in axes_of(e, axis):
        total = total * expression.shape_of(e)[p]
    return total


def _binary(f: Callable[[Any, Any], Expr]) -> Named:
    """An operator as a function of two operands, arrays among them."""

    def ufunc(x1: object, x2: object, /) -> Expr:
        return f(operand(x1), operand(x2))

    return ufunc


#: ufuncs that are no row of the table of functions
_UFUNCS: dict[str, Named] = {
    "add": _binary(expression.add),
    "subtract": _binary(compound.subtracted),
    "multiply": _binary(expression.multiply),
    "divide": _binary(compound.divided),
    "true_divide": _binary(compound.divided),
    "matmul": _binary(expression.matmul),
    "power": _power,
    "float_power": _power,
    "negative": _negative,
    "positive": _positive,
    "absolute": complex.abs_,
    "fabs": complex.abs_,
    "heaviside": _heaviside,
    "logaddexp": elementwise.logaddexp,
    "logaddexp2": special.logaddexp2,
}
#: functions by the name behind ``numpy.``
_FUNCTIONS: dict[str, Named] = {
    "einsum": _einsum,
    "where": elementwise.where,
    "clip": _clip,
    "dot": compound.dot,
    "inner": _inner,
    "outer": _outer,
    "tensordot": _tensordot,
    "kron": linalg.kron,
    "trace": arrays.trace_at,
    "diag": arrays.diag_at,
    "diagonal": arrays.diagonal,
    "transpose": _transpose,
    "permute_dims": _transpose,
    "matrix_transpose": _matrix_transpose,
    "tril": linalg.tril,
    "triu": linalg.triu,
    "reshape": arrays.reshape,
    "ravel": arrays.ravel,
    "squeeze": arrays.squeeze,
    "expand_dims": arrays.expand_dims,
    "swapaxes": arrays.swapaxes,
    "moveaxis": arrays.moveaxis,
    "broadcast_to": arrays.broadcast_to,
    "concatenate": arrays.concatenate,
    "stack": arrays.stack,
    "hstack": arrays.hstack,
    "vstack": arrays.vstack,
    "block": arrays.block,
    "split": arrays.split,
    "pad": arrays.pad,
    "roll": arrays.roll,
    "flip": arrays.flip,
    "repeat": arrays.repeat,
    "tile": arrays.tile,
    "diff": arrays.diff,
    "gradient": arrays.gradient,
    "take": arrays.take,
    "cumsum": arrays.cumsum,
    "convolve": arrays.convolve,
    "correlate": arrays.correlate,
    "shape": _shape,
    "size": _size,
    "full_like": _full_like,
    "zeros_like": _zeros_like,
    "ones_like": _ones_like,
    "ndim": _ndim,
    "copy": _positive,
    "real": _of_value(complex.real),
    "imag": _of_value(complex.imag),
    "sum": _over_axis(compound.sum),
    "mean": _over_axis(compound.mean),
    "prod": _over_axis(reductions.prod),
    "max": _over_axis(reductions.max),
    "amax": _over_axis(reductions.max),
    "min": _over_axis(reductions.min),
    "amin": _over_axis(reductions.min),
    "var": _spread(compound.var),
    "std": _spread(compound.std),
    "round": _round,
    "around": _round,
    "fix": special.trunc,
    "sort": _sort,
    "argsort": _argsort,
    "argmax": sorting.argmax,
    "argmin": sorting.argmin,
    "take_along_axis": sorting.take_along_axis,
    "ptp": sorting.ptp,
    "median": sorting.median,
    "quantile": sorting.quantile,
    "percentile": sorting.percentile,
    "cumprod": reductions.cumprod,
    "average": numerics.average,
    "cov": numerics.cov,
    "corrcoef": numerics.corrcoef,
    "interp": numerics.interp,
    "polyval": numerics.polyval,
    "vander": numerics.vander,
    "cross": numerics.cross,
    "trapezoid": numerics.trapezoid,
    "trapz": numerics.trapezoid,
    "linalg.eigvalsh": spectral.eigvalsh,
    "linalg.eigh": spectral.eigh,
    "linalg.svd": spectral.svd,
    "linalg.svdvals": spectral.svdvals,
    "linalg.qr": spectral.qr,
    "linalg.lstsq": _lstsq,
    "linalg.cross": numerics.cross,
    "linalg.norm": _norm,
    "linalg.inv": linalg.inv,
    "linalg.det": linalg.det,
    "linalg.solve": linalg.solve,
    "linalg.slogdet": linalg.slogdet,
    "linalg.pinv": linalg.pinv,
    "linalg.cholesky": linalg.cholesky,
    "linalg.matrix_power": linalg.matrix_power,
    "linalg.multi_dot": _multi_dot,
    "linalg.trace": _last_trace,
    "linalg.diagonal": _last_diagonal,
    "linalg.outer": _outer,
    "linalg.tensordot": _tensordot,
    "linalg.matmul": _UFUNCS["matmul"],
    "linalg.matrix_transpose": _matrix_transpose,
}
#: ``np.add.reduce`` and its like
_REDUCED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
#: arguments that change nothing when they have this value
_NEUTRAL = {
    "out": None,
    "dtype": None,
    "keepdims": False,
    "where": True,
    "order": "K",
    "casting": "same_kind",
}


def numpy_function(name: str) -> Named | None:
    """What ``np.name`` does on expressions; `name` may be dotted, as in ``linalg.inv``. None
    where it does nothing.
    """
    if name in _UFUNCS:
        return _UFUNCS[name]
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    if is_elementwise(name) and name not in ("equal", "not_equal"):
        return VOCABULARY[name]
    return None


def numpy_names() -> list[str]:
    """The names that :func:`numpy_function` knows."""
    return [*_UFUNCS, *_FUNCTIONS, *(name for name in VOCABULARY if numpy_function(name))]


def array_ufunc(self: Expr, ufunc: Any, method: str, *inputs: object, **options: object) -> Any:
    """What NumPy asks when an operand of a ufunc is an expression."""
    name = ufunc.__name__
    if method == "reduce" and name in _REDUCED:
        return _called(_REDUCED[name], inputs, {"axis": 0, **options}, f"np.{name}.reduce")
    if method != "__call__":
        raise TypeError(
            f"np.{name}.{method} does not work on expressions; np.{name}(…) may, and an einsum"
        )
    if name in ("equal", "not_equal"):
        raise TypeError(
            f"== between an array and an expression has no one meaning: ed.{name}(x, y) compares "
            "entries"
        )
    return _called(name, inputs, options, f"np.{name}")


def array_function(
    self: Expr, f: Any, types: object, args: Sequence[object], options: dict[str, object]
) -> Any:
    """What NumPy asks when an argument of one of its functions is an expression."""
    dotted = f"{f.__module__}.{f.__name__}".removeprefix("numpy.")
    return _called(dotted, args, options, f"np.{dotted}")


def _called(name: str, args: Sequence[object], options: dict[str, object], shown: str) -> Any:
    f = numpy_function(name)
    if f is None:
        raise TypeError(
            f"{shown} does not work on expressions. What does: arithmetic, functions of entries, "
            "einsum, sum, mean, max, where, dot, transpose, linalg.inv and their like; or write an "
            "einsum"
        )
    told = {}
    for option, value in options.items():
        changes_nothing = option in _NEUTRAL and value is _NEUTRAL[option]
        if not changes_nothing:
            told[option] = value
    check_arguments(f, shown, args, told)
    return f(*args, **told)


def check_arguments(
    f: Named, shown: str, args: Sequence[object], options: dict[str, Any]
) -> inspect.BoundArguments:
    """The arguments by the names of the parameters of `f`, or a TypeError that names those it
    takes.
    """
    signature = inspect.signature(f)
    try:
        return signature.bind(*args, **options)
    except TypeError as error:
        names = ", ".join(signature.parameters)
        raise TypeError(f"{shown} of expressions takes {names}: {error}") from None


def trace_function(f: Callable[..., Any], /, *tensors: object, **named: object) -> Any:
    """``trace_function(f, X="is")``: the expression that `f`, written for NumPy arrays, computes.

    `f` is called once, with expressions: those given, and for a string or tuple of axes the tensor
    of the parameter's name. Numbers and arrays are handed on. Lists, tuples and dicts of
    expressions come back as they are. What depends on numbers in `f` (``if``, indexing, loops over
    entries) is a TypeError that says what to do.

    >>> import einderiv as ed
    >>> import numpy as np
    >>> def loss(X, w, y):
    ...     return np.sum((X @ w - y) ** 2)
    >>> written = ed.parse("X: nd\\nsum((X @ w - y)**2)", tensors={"w": "d", "y": "n"})
    >>> ed.trace_function(loss, "nd", "d", "n") == written
    True

    Raises TypeError if `f` gives something else than expressions.
    """
    if not callable(f):
        raise TypeError(f"trace_function takes a function, not {type(f).__name__}")
    names = _parameters(f, tensors)
    args = [_traced(value, name) for name, value in zip(names, tensors, strict=True)]
    keywords = {name: _traced(value, name) for name, value in named.items()}
    result = f(*args, **keywords)
    _check_expressions(result, getattr(f, "__name__", "the function"))
    return result


def _parameters(f: Callable[..., Any], tensors: Sequence[object]) -> list[str]:
    """The names of the parameters that take the positional arguments."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except ValueError:  # a function written in C may have none to show
        parameters = []
    names = []
    rest = "x"
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            rest = parameter.name
    # ``*xs`` takes what is left over: xs0, xs1, …
    names += [f"{rest}{k}" for k in range(len(tensors) - len(names))]
    return names[: len(tensors)]


def _traced(value: Any, name: str) -> object:
    """The tensor of a parameter, for axes; anything else as it is, a tensor with its place."""
    if isinstance(value, (str, tuple)):
        value = tensor(name, value)
    return numbered(value) if isinstance(value, Tensor) else value


def _check_expressions(result: object, name: str) -> None:
    stack = [result]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, (list, tuple)):
            stack.extend(part)
        elif not isinstance(part, Expr):
            raise TypeError(
                f"{name} gave {type(part).__name__}, but must give an expression, or a list, tuple "
                "or dict of them"
            )
