"""JAX's primitives of windows: convolutions, sums and largest entries of windows.

A window of x is x read at ``stride · i + dilation · k − padding``: an index expression. Where x
itself is dilated, its label is tied to that by an equation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import functions
from ..autodiff import jvp, vjp
from ..expression import AffineIndex, Expr, Label, Size, Tensor, add, at, indexed, substitute
from ..functions import over
from .jax_axes import numbers, written_at
from .jax_table import Step, Value, expression, product, reads


class _Axis(NamedTuple):
    """How windows lie along an axis."""

    size: int  # of the axis
    windows: int  # how many there are
    window: int  # entries of one
    stride: int = 1
    low: int = 0  # entries that are padded before the first
    high: int = 0
    base_dilation: int = 1
    dilation: int = 1

    @property
    def is_plain(self) -> bool:
        """Is each entry its own window?"""
        return self == _Axis(self.size, self.size, 1)


class _Windows:
    """Labels of an einsum that reads an operand at windows."""

    def __init__(self) -> None:
        self.domains: dict[Label, Size] = {}
        self.conditions: list[tuple[AffineIndex, Size]] = []

    def label(self, size: Size) -> Label:
        new = len(self.domains)
        self.domains[new] = size
        return new

    def read(self, axis: _Axis, place: Label, entry: Label) -> AffineIndex:
        """The index expression of an entry of a window."""
        terms = ((place, axis.stride), (entry, axis.dilation))
        if axis.base_dilation == 1:
            return AffineIndex(-axis.low, terms)
        own = self.label(axis.size)
        there = AffineIndex(-axis.low, (*terms, (own, -axis.base_dilation)))
        self.conditions.append((there, 1))  # it is 0
        return at(own)


@reads(
    "conv_general_dilated",
    "lax.conv(x, x[:1, :, :2], (1,), 'SAME')",
    (2, 2, 5),
    says="strides, padding, dilations of both, groups",
)
def _convolved(step: Step, x: Value, kernel: Value) -> Expr:
    dims = step.params["dimension_numbers"]
    groups = int(step.params["feature_group_count"])
    batches = int(step.params["batch_group_count"])
    x_axes, w_axes, y_axes = (numbers(spec) for spec in dims)
    # batch, feature, places; out, in, places
    signal = functions.permuted(expression(x), x_axes)
    weight = functions.permuted(expression(kernel), w_axes)
    shape = [step.shape[p] for p in y_axes]
    parts = max(groups, batches)
    batch, features = shape[0], shape[1]
    inner = weight.axis_sizes[1]
    # The groups become an axis: of the features of x, or of its batch; and of what comes out.
    split = (1, 2) if groups > 1 else (0, 1)
    lead = (batch, parts, inner) if groups > 1 else (parts, batch, inner)
    signal = functions.reshape(signal, (*lead, *signal.axis_sizes[2:]))
    weight = functions.reshape(weight, (parts, features // parts, *weight.axis_sizes[1:]))
    work = _Windows()
    b, g, o, c = (work.label(n) for n in (batch, parts, features // parts, inner))
    first = [at(b), at(g), at(c)] if split == (1, 2) else [at(g), at(b), at(c)]
    weights = [at(g), at(o), at(c)]
    output = [at(b), at(g), at(o)]
    for k, axis in enumerate(_axes_of_convolution(step, signal, weight, shape)):
        place, entry = work.label(axis.windows), work.label(axis.window)
        first.append(work.read(axis, place, entry))
        weights.append(at(entry))
        output.append(at(place))
        assert k >= 0
    sizes = (batch, parts, features // parts, *shape[2:])
    y = indexed(
        [(signal, first), (weight, weights)],
        output,
        work.domains,
        sizes,
        (None,) * len(sizes),
        conditions=work.conditions,
    )
    merged = functions.reshape(y, tuple(shape))
    back = [y_axes.index(p) for p in range(len(shape))]
    return functions.permuted(merged, back)


def _axes_of_convolution(
    step: Step, signal: Expr, weight: Expr, shape: Sequence[int]
) -> list[_Axis]:
    axes: list[_Axis] = []
    config = zip(
        numbers(step.params["window_strides"]),
        step.params["padding"],
        numbers(step.params["lhs_dilation"]),
        numbers(step.params["rhs_dilation"]),
        strict=True,
    )
    for k, (stride, (low, high), base, dilation) in enumerate(config):
        size, window = signal.axis_sizes[3 + k], weight.axis_sizes[3 + k]
        assert isinstance(size, int)
        assert isinstance(window, int)
        axes.append(_Axis(size, shape[2 + k], window, stride, low, high, base, dilation))
    return axes


# ---- windows of one operand
def _axes_of_windows(step: Step, size_of: Sequence[int], counts: Sequence[int]) -> list[_Axis]:
    params: dict[str, Any] = step.params
    rank = len(size_of)
    ones = (1,) * rank
    base = numbers(params.get("base_dilation", ones))
    dilation = numbers(params.get("window_dilation", ones))
    windows, strides = numbers(params["window_dimensions"]), numbers(params["window_strides"])
    axes: list[_Axis] = []
    for p in range(rank):
        low, high = params["padding"][p]
        axes.append(
            _Axis(size_of[p], counts[p], windows[p], strides[p], low, high, base[p], dilation[p])
        )
    return axes


def _copies(e: Expr, axes: Sequence[_Axis]) -> tuple[Expr, tuple[int, ...]]:
    """The windows of an expression: their entries in new axes behind the others, and which these
    are. Outside is 0.
    """
    work = _Windows()
    places = [work.label(axis.windows) for axis in axes]
    inner: list[Label] = []
    reads_: list[AffineIndex] = []
    for axis, place in zip(axes, places, strict=True):
        if axis.is_plain:
            reads_.append(at(place))
            continue
        entry = work.label(axis.window)
        inner.append(entry)
        reads_.append(work.read(axis, place, entry))
    output = [*places, *inner]
    shape = [work.domains[label] for label in output]
    copies = indexed(
        [(e, reads_)],
        [at(label) for label in output],
        work.domains,
        shape,
        (None,) * len(output),
        conditions=work.conditions,
    )
    return copies, tuple(range(len(places), len(output)))


@reads("reduce_window_sum", "lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 2), 'SAME')")
def _sums(step: Step, x: Value) -> Expr:
    copies, inner = _copies(expression(x), _axes_of_windows(step, step.shape_of(0), step.shape))
    kept = [p for p in range(copies.ndim) if p not in inner]
    return product([(copies, range(copies.ndim))], kept, step.shape)


def _extremes(e: Expr, axes: Sequence[_Axis], name: str) -> Expr:
    """The largest or smallest entries of windows. What is padded is never one."""
    import numpy as np

    shape = [
        axis.low + axis.base_dilation * (axis.size - 1) + 1 + axis.high if axis.size else 0
        for axis in axes
    ]
    moved = [axis.low > 0 or axis.high > 0 or axis.base_dilation > 1 for axis in axes]
    if any(moved):
        writes = [at(p, axis.low, axis.base_dilation) for p, axis in enumerate(axes)]
        outside = np.full(shape, -math.inf if name == "max" else math.inf)
        cuts = [
            slice(axis.low, shape[p] - axis.high, axis.base_dilation) for p, axis in enumerate(axes)
        ]
        outside[tuple(cuts)] = 0
        e = add(written_at(e, writes, tuple(shape)), expression(outside))
        axes = [
            axis._replace(size=n, low=0, high=0, base_dilation=1)
            for axis, n in zip(axes, shape, strict=True)
        ]
    copies, inner = _copies(e, axes)
    return over(name, copies, inner) if inner else e


@reads(
    "reduce_window_max",
    "lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (1, 2), 'SAME')",
    says="ties share the slope; JAX gives it to the first",
)
def _largest(step: Step, x: Value) -> Expr:
    return _extremes(expression(x), _axes_of_windows(step, step.shape_of(0), step.shape), "max")


@reads(
    "reduce_window_min",
    "lax.reduce_window(x, jnp.inf, lax.min, (2, 2), (1, 1), 'VALID')",
    says="ties share the slope; JAX gives it to the first",
)
def _smallest(step: Step, x: Value) -> Expr:
    return _extremes(expression(x), _axes_of_windows(step, step.shape_of(0), step.shape), "min")


@reads(
    "select_and_scatter_add",
    "jax.grad(lambda y: jnp.sum(jnp.sin(lax.reduce_window("
    "y, -jnp.inf, lax.max, (2, 2), (1, 1), 'VALID'))))(x)",
    says="ties share the slope; JAX gives it to the first",
)
def _slope_of_extremes(step: Step, source: Value, x: Value) -> Expr:
    e, cotangent = expression(x), expression(source)
    axes = _axes_of_windows(step, step.shape_of(1), step.shape_of(0))
    variable, y = _of_variable(step, axes)
    return substitute(vjp(y, variable, cotangent), {variable.name: e})


@reads(
    "select_and_gather_add",
    "jax.jvp(lambda y: lax.reduce_window("
    "y, -jnp.inf, lax.max, (2, 2), (1, 1), 'VALID'), (x,), (x * x,))[1]",
    says="ties share the slope; JAX gives it to the first",
)
def _change_of_extremes(step: Step, tangent: Value, x: Value) -> Expr:
    e = expression(x)
    axes = _axes_of_windows(step, step.shape_of(1), step.shape)
    variable, y = _of_variable(step, axes)
    return substitute(jvp(y, variable, expression(tangent)), {variable.name: e})


def _of_variable(step: Step, axes: Sequence[_Axis]) -> tuple[Tensor, Expr]:
    """The largest entries of windows of a tensor, by which they are derived."""
    name = "max" if str(step.params["select_prim"]) == "ge" else "min"
    variable = Tensor("operand_of_windows", tuple([axis.size for axis in axes]))
    return variable, _extremes(variable, axes, name)
