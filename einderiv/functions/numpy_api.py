"""NumPy code on expressions: ``np.exp(X)``, ``np.einsum("ij,jk->ik", X, Y)``, ``np.linalg.inv(X)``,
``array + X``.

NumPy asks an operand what to do by ``__array_ufunc__`` and ``__array_function__``. The functions
here have NumPy's names and arguments and give what NumPy gives; what they cannot do is a TypeError,
never an array of objects. NumPy itself is not imported.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from .. import expression
from ..errors import ShapeError
from ..expression import (
    Expr,
    as_expression,
    axes_of,
    called,
    dressed,
    einsum,
    filled,
    is_array,
    number,
    operand,
    zero,
)
from . import (
    arrays,
    complex,
    compound,
    conditions,
    elementwise,
    fourier,
    linalg,
    numerics,
    numpy_variants,
    reductions,
    sorting,
    special,
    spectral,
)
from .indexing import entries
from .registry import VOCABULARY, is_elementwise

Named = Callable[..., Any]


_NOTHING: Any = object()


def _over_axis(f: Named, without: object = None, join: Named | None = None) -> Named:
    """A reduction with NumPy's names of the arguments. `without` is what changes nothing, and
    stands for what `where` leaves out; `join` takes `initial` in.
    """

    def reduction(
        a: object,
        axis: object = None,
        *,
        keepdims: object = False,
        initial: object = _NOTHING,
        where: object = True,
    ) -> Expr:
        e = arrays.expression_of(a)
        if where is not True:
            instead = initial if without is None else without
            if instead is _NOTHING:
                raise TypeError("where= of a largest or smallest entry needs initial= beside it")
            e = elementwise.where(where, e, instead)
        found: Expr = f(e, axis, keepdims=keepdims)
        if initial is _NOTHING:
            return found
        assert join is not None
        return join(found, operand(initial))  # type: ignore[no-any-return]

    return reduction


def _mean(
    a: object, axis: object = None, *, keepdims: object = False, where: object = True
) -> Expr:
    e = arrays.expression_of(a)
    if where is True:
        return compound.mean(e, axis, keepdims=keepdims)
    chosen, mask = elementwise.where(where, e, 0), elementwise.where(where, 1, e * 0)
    total = compound.sum(chosen, axis, keepdims=keepdims)
    return compound.divided(total, compound.sum(mask, axis, keepdims=keepdims))


def _spread(f: Named) -> Named:
    def spread(
        a: object,
        axis: object = None,
        *,
        ddof: object = 0,
        correction: object = None,
        keepdims: object = False,
    ) -> Expr:
        lost = ddof if correction is None else correction
        found: Expr = f(arrays.expression_of(a), axis, ddof=lost, keepdims=keepdims)
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
    return compound.outer(_flat(a), _flat(b))


def _flat(a: object) -> Expr:
    e = as_expression(a)
    return e if e.ndim == 1 else arrays.ravel(e)


def _vdot(a: object, b: object) -> Expr:
    return compound.dot(complex.conj(_flat(a)), _flat(b))


def _vecdot(x1: object, x2: object, /, *, axis: int = -1) -> Expr:
    return compound.sum(expression.multiply(complex.conj(as_expression(x1)), operand(x2)), axis)


def _matvec(x1: object, x2: object, /) -> Expr:
    column = arrays.expand_dims(x2, -1)
    return arrays.squeeze(expression.matmul(as_expression(x1), column), -1)


def _vecmat(x1: object, x2: object, /) -> Expr:
    row = arrays.expand_dims(complex.conj(as_expression(x1)), -2)
    return arrays.squeeze(expression.matmul(row, as_expression(x2)), -2)


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
    e = as_expression(a)
    if isinstance(fill_value, (Expr, list)) or is_array(fill_value):
        return arrays.broadcast_to(fill_value, expression.shape_of(e))
    value = number(fill_value)
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


def _at_least(rank: int) -> Named:
    def at_least(*arys: object) -> object:
        found = [_with_axes(as_expression(one), rank) for one in arys]
        return found[0] if len(found) == 1 else tuple(found)

    return at_least


def _with_axes(e: Expr, rank: int) -> Expr:
    """With new axes of size 1, where NumPy puts them."""
    if e.ndim >= rank:
        return e
    if rank == 3 and e.ndim:  # i -> 1 i 1, ij -> i j 1
        return entries(e, (None, slice(None), None) if e.ndim == 1 else (..., None))
    return entries(e, (None,) * (rank - e.ndim) + (...,))


def _column_stack(tup: Sequence[object]) -> Expr:
    columns: list[Expr] = []
    for e in arrays.sequence_of(tup, "column_stack"):
        columns.append(e if e.ndim > 1 else entries(_with_axes(e, 1), (slice(None), None)))
    return arrays.concatenate(columns, 1)


def _dstack(tup: Sequence[object]) -> Expr:
    return arrays.concatenate([_with_axes(e, 3) for e in arrays.sequence_of(tup, "dstack")], 2)


def _append(arr: object, values: object, axis: object = None) -> Expr:
    parts = [arrays.expression_of(arr), arrays.expression_of(values)]
    if axis is None:
        return arrays.concatenate([_flat(part) for part in parts])
    return arrays.concatenate(parts, axis)


def _flip_at(axis: int) -> Named:
    def flipped(m: object) -> Expr:
        return arrays.flip(m, axis)

    return flipped


def _rot90(m: object, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Expr:
    e = as_expression(m)
    for _ in range(k % 4):
        e = arrays.swapaxes(arrays.flip(e, axes[1]), *axes)
    return e


def _split_at(axis: int) -> Named:
    def split(ary: object, indices_or_sections: object) -> list[Expr]:
        return arrays.split(ary, indices_or_sections, axis)

    return split


def _meshgrid(*xi: object, indexing: str = "xy") -> tuple[Expr, ...]:
    vectors = [_flat(one) for one in xi]
    if indexing not in ("xy", "ij"):
        raise ShapeError(f"indexing of np.meshgrid is 'xy' or 'ij', not {indexing!r}")
    places = list(range(len(vectors)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    shaped: list[Expr] = []
    for vector, place in zip(vectors, places, strict=True):
        key: list[Any] = [None] * len(vectors)
        key[place] = slice(None)
        shaped.append(entries(vector, tuple(key)))
    return _broadcast_arrays(*shaped)


def _broadcast_arrays(*args: object) -> tuple[Expr, ...]:
    found = [as_expression(one) for one in args]
    # Each has sizes of others, which must be given with it.
    return tuple([dressed(e, origins=tuple(found)) for e in expression.stretched(*found)])


def _linspace(start: object, stop: object, num: Any = 50, *, endpoint: bool = True) -> Expr:
    low, high = operand(start), operand(stop)
    places = arrays.arange(num)
    steps = num - 1 if endpoint else num
    share = compound.divided(places, operand(steps)) if steps != 0 else places
    step = compound.subtracted(as_expression(high), as_expression(low))
    rank = step.ndim
    column = entries(share, (slice(None), *[None] * rank))
    return expression.add(as_expression(low), expression.multiply(column, step))


def _ediff1d(ary: object) -> Expr:
    return arrays.diff(_flat(ary))


def _diagflat(v: object, k: object = 0) -> Expr:
    return arrays.diag_at(_flat(v), k)


def _select(condlist: Sequence[object], choicelist: Sequence[object], default: object = 0) -> Expr:
    if len(condlist) != len(choicelist):
        raise ShapeError(
            f"np.select takes a choice for each condition, not {len(choicelist)} for "
            f"{len(condlist)}"
        )
    found = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = elementwise.where(condition, choice, found)
    return as_expression(found)


def _angle(factor: float) -> Named:
    def turned(x: object, /) -> Expr:
        return expression.times(as_expression(x), factor)

    return turned


def _vector_norm(
    x: object, /, *, axis: object = None, keepdims: object = False, ord: object = 2
) -> Expr:
    e = as_expression(x)
    if axis is None and e.ndim != 1:
        flat = compound.norm(_flat(e), ord)
        return entries(flat, (None,) * e.ndim) if keepdims else flat
    return compound.norm(e, ord, axis, keepdims=keepdims)


def _matrix_norm(x: object, /, *, keepdims: object = False, ord: object = "fro") -> Expr:
    return compound.norm(x, ord, (-2, -1), keepdims=keepdims)


def _is_complex(x: object) -> bool:
    return as_expression(x).complex


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
    "bitwise_and": conditions.both,
    "bitwise_or": conditions.either,
    "bitwise_xor": conditions.one_of,
    "invert": conditions.opposite,
    "logical_and": conditions.logical_and,
    "logical_or": conditions.logical_or,
    "logical_xor": conditions.logical_xor,
    "logical_not": conditions.logical_not,
    "degrees": _angle(180 / math.pi),
    "rad2deg": _angle(180 / math.pi),
    "radians": _angle(math.pi / 180),
    "deg2rad": _angle(math.pi / 180),
    "remainder": special.remainder,
    "mod": special.remainder,
    "floor_divide": numpy_variants.floor_divided,
    "fmod": numpy_variants.fmod,
    "logit": special.logit,
    "ndtr": special.ndtr,
    "beta": numpy_variants.beta,
    "betaln": numpy_variants.betaln,
    "gammasgn": numpy_variants.gamma_sign,
    "rgamma": numpy_variants.reciprocal_gamma,
    "kl_div": numpy_variants.kl_divergence,
    "rel_entr": special.rel_entr,
    "vecdot": _vecdot,
    "matvec": _matvec,
    "vecmat": _vecmat,
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
    "vdot": _vdot,
    "atleast_1d": _at_least(1),
    "atleast_2d": _at_least(2),
    "atleast_3d": _at_least(3),
    "column_stack": _column_stack,
    "dstack": _dstack,
    "append": _append,
    "fliplr": _flip_at(1),
    "flipud": _flip_at(0),
    "rot90": _rot90,
    "rollaxis": numpy_variants.rollaxis,
    "array_split": numpy_variants.array_split,
    "angle": numpy_variants.angle,
    "vsplit": _split_at(0),
    "dsplit": _split_at(2),
    "hsplit": _split_at(1),
    "meshgrid": _meshgrid,
    "broadcast_arrays": _broadcast_arrays,
    "linspace": _linspace,
    "ediff1d": _ediff1d,
    "diagflat": _diagflat,
    "select": _select,
    "iscomplexobj": _is_complex,
    "empty_like": _zeros_like,
    "shape": _shape,
    "size": _size,
    "full_like": _full_like,
    "zeros_like": _zeros_like,
    "ones_like": _ones_like,
    "ndim": _ndim,
    "copy": _positive,
    "real": _of_value(complex.real),
    "imag": _of_value(complex.imag),
    "sum": _over_axis(compound.sum, 0, expression.add),
    "mean": _mean,
    "prod": _over_axis(reductions.prod, 1, expression.multiply),
    "max": _over_axis(reductions.max, join=elementwise.maximum),
    "amax": _over_axis(reductions.max, join=elementwise.maximum),
    "min": _over_axis(reductions.min, join=elementwise.minimum),
    "amin": _over_axis(reductions.min, join=elementwise.minimum),
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
    "cross": numpy_variants.cross,
    "trapezoid": numerics.trapezoid,
    "trapz": numerics.trapezoid,
    "fft.fft": fourier.fft,
    "fft.fft2": fourier.fft2,
    "fft.fftn": fourier.fftn,
    "fft.fftshift": fourier.fftshift,
    "fft.ifft": fourier.ifft,
    "fft.ifft2": fourier.ifft2,
    "fft.ifftn": fourier.ifftn,
    "fft.ifftshift": fourier.ifftshift,
    "fft.irfft": fourier.irfft,
    "fft.irfft2": fourier.irfft2,
    "fft.irfftn": fourier.irfftn,
    "fft.rfft": fourier.rfft,
    "fft.rfft2": fourier.rfft2,
    "fft.rfftn": fourier.rfftn,
    "linalg.eigvalsh": numpy_variants.eigvalsh,
    "linalg.eigh": numpy_variants.eigh,
    "linalg.svd": spectral.svd,
    "linalg.svdvals": spectral.svdvals,
    "linalg.qr": spectral.qr,
    "linalg.lstsq": _lstsq,
    "linalg.cross": numerics.cross,
    "linalg.norm": _norm,
    "linalg.vector_norm": _vector_norm,
    "linalg.matrix_norm": _matrix_norm,
    "linalg.vecdot": _vecdot,
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
#: what NumPy calls the arguments behind the axis, where they are given by their places
_PLACES = {
    **dict.fromkeys(("sum", "prod"), ("dtype", "out", "keepdims", "initial", "where")),
    **dict.fromkeys(("max", "min", "amax", "amin"), ("out", "keepdims", "initial", "where")),
    **dict.fromkeys(("var", "std"), ("dtype", "out", "ddof", "keepdims", "where")),
    "mean": ("dtype", "out", "keepdims", "where"),
}
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
        return numpy_call(_REDUCED[name], inputs, {"axis": 0, **options}, f"np.{name}.reduce")
    if method == "outer" and len(inputs) == 2:
        x, y = arrays.expression_of(inputs[0]), arrays.expression_of(inputs[1])
        return numpy_call(
            name, (entries(x, (..., *[None] * y.ndim)), y), options, f"np.{name}.outer"
        )
    if method == "accumulate" and name == "add":
        return numpy_call("cumsum", inputs, {"axis": 0, **options}, "np.add.accumulate")
    if options.get("out") is not None:
        raise TypeError(
            f"np.{name} cannot write an expression into an array: write a = a + e, not a += e, and "
            "no out="
        )
    if method != "__call__":
        raise TypeError(
            f"np.{name}.{method} does not work on expressions; np.{name}(…) may, and an einsum"
        )
    if name in ("equal", "not_equal"):
        raise TypeError(
            f"== between an array and an expression has no one meaning: ed.{name}(x, y) compares "
            "entries"
        )
    return numpy_call(name, inputs, options, f"np.{name}")


def array_function(
    self: Expr, f: Any, types: object, args: Sequence[object], options: dict[str, object]
) -> Any:
    """What NumPy asks when an argument of one of its functions is an expression."""
    dotted = f"{f.__module__}.{f.__name__}".removeprefix("numpy.")
    return numpy_call(dotted, args, options, f"np.{dotted}")


def numpy_call(name: str, args: Sequence[object], options: dict[str, object], shown: str) -> Any:
    """What ``np.name(…)`` gives of expressions; `shown` is what errors call it."""
    f = numpy_function(name)
    if f is None:
        raise TypeError(
            f"{shown} does not work on expressions. What does: arithmetic, functions of entries, "
            "einsum, sum, mean, max, where, dot, transpose, linalg.inv and their like; or write an "
            "einsum"
        )
    if name in _PLACES and len(args) > 2:
        options = {**dict(zip(_PLACES[name], args[2:], strict=False)), **options}
        args = args[:2]
    told = {}
    for option, value in options.items():
        changes_nothing = option in _NEUTRAL and value is _NEUTRAL[option]
        changes_nothing |= option == "dtype" and _is_float(value)
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


def method_of(name: str) -> Callable[..., Any]:
    """``e.name(…)`` of an expression: ``np.name(e, …)``, with NumPy's arguments."""

    def method(self: Expr, *args: object, **options: object) -> Any:
        return numpy_call(name, (self, *args), options, f"the method {name}")

    method.__name__ = name
    return method


def astype(self: Expr, dtype: object, **options: object) -> Expr:
    """``e.astype(float)``: the expression itself, for the arrays that are given decide the dtype.

    Raises TypeError for a dtype that would change numbers.
    """
    if _is_float(dtype):
        return self
    word = _dtype_word(dtype)
    raise TypeError(
        f"an expression has no astype({word}), for its dtype is that of the arrays it is given: "
        "only astype(float) is read, and changes nothing"
    )


def _dtype_word(dtype: object) -> str:
    word = getattr(dtype, "__name__", None) or getattr(dtype, "name", None)
    return str(word or dtype)


def _is_float(dtype: object) -> bool:
    """Is it the dtype of a float of Python?"""
    return _dtype_word(dtype) in ("float", "float64", "double", "d", "f8", "<f8")
