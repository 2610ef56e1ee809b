"""softmax, log softmax and logsumexp, which JAX spells out with a largest entry that it holds fast.

The derivative of ``exp(x − c) / Σ exp(x − c)`` does not depend on whether c, the same along the
axes of the sum, is held fast: it is softmax(x), of every order. So the pattern is read as that.
"""

from __future__ import annotations

from typing import NamedTuple

from ..expression import Expr
from ..functions import log_softmax, logsumexp, softmax
from .jax_table import Missing, Shape, Step, Value, expression, spread

#: primitives that only move and repeat entries
VIEWS = ("broadcast_in_dim", "reshape", "transpose", "squeeze")


class _View(NamedTuple):
    """A value behind views of it: for each axis of the view, the axis of that value that it is."""

    value: Value
    axes: list[int | None]
    shape: Shape


def _behind(step: Step, value: Value) -> _View | None:
    """What a value is a view of; None where a reshape is more than axes of size 1."""
    chain = []
    made = step.reading.made(value)
    shape = () if made is None else made.shape
    while made is not None and made.name in VIEWS:
        chain.append(made)
        value = made.inputs[0]
        made = step.reading.made(value)
    if not chain:
        return _View(value, list(range(len(shape))), shape)
    axes: list[int | None] = list(range(len(chain[-1].shape_before)))
    for made in reversed(chain):
        if made.name == "transpose":
            axes = [axes[p] for p in made.params["permutation"]]
            continue
        if made.name == "broadcast_in_dim":
            places = [int(p) for p in made.params["broadcast_dimensions"]]
        else:  # the axes that are longer than 1 stay in order
            long = [p for p, n in enumerate(made.shape) if n != 1]
            before = [p for p, n in enumerate(made.shape_before) if n != 1]
            if [made.shape[p] for p in long] != [made.shape_before[p] for p in before]:
                return None
            axes = [axes[p] for p in before]
            places = long
        spread_axes: list[int | None] = [None] * len(made.shape)
        for axis, place in zip(axes, places, strict=True):
            spread_axes[place] = axis
        axes = spread_axes
    return _View(value, axes, shape)


class _Total(NamedTuple):
    """``Σ exp(x − c)`` over `summed` axes of x."""

    power: Value  # the exponential
    shifted: Value  # x − c
    x: Expr
    held: Value  # what c is a view of
    places: list[int | None]  # for each axis of x, that of `held`
    summed: tuple[int, ...]
    kept: list[int]  # the other axes of x


def _shift(step: Step, shifted: Value) -> tuple[Value, _View] | None:
    """The x and the c of ``x − c``, if c is held fast."""
    made = step.reading.made(shifted)
    if made is None or made.name != "sub" or isinstance(made.inputs[0], Missing):
        return None
    held = _behind(step, made.inputs[1])
    source = None if held is None else step.reading.made(held.value)
    if held is None or source is None or source.name != "stop_gradient":
        return None
    return made.inputs[0], held


def _total(step: Step, value: Value) -> _Total | None:
    """What a sum of exponentials is made of, if c is the same along the axes of the sum."""
    total = step.reading.made(value)
    if total is None or total.name != "reduce_sum":
        return None
    power = step.reading.made(total.inputs[0])
    if power is None or power.name != "exp":
        return None
    found = _shift(step, power.inputs[0])
    if found is None:
        return None
    x, held = found
    summed = tuple([int(p) for p in total.params["axes"]])
    if any([held.axes[p] is not None and held.shape[p] != 1 for p in summed]):
        return None
    rank = len(total.shape_before)
    kept = [p for p in range(rank) if p not in summed]
    source = total.inputs[0]
    return _Total(source, power.inputs[0], expression(x), held.value, held.axes, summed, kept)


def _stands_beside(view: _View, total: _Total) -> bool:
    """Are the axes of a total, in a view of it, at their places beside x?"""
    if len(view.axes) != len(total.places):
        return False
    for place, axis in enumerate(view.axes):
        if view.shape[place] == 1:
            continue
        if place in total.summed:
            if axis is not None:
                return False
        elif axis is None or total.kept[axis] != place:
            return False
    return True


def softmax_of(step: Step, top: Value, below: Value) -> Expr | None:
    """``exp(x − c) / Σ exp(x − c)``."""
    view = _behind(step, below)
    total = None if view is None else _total(step, view.value)
    if view is None or total is None or total.power is not top:
        return None
    return softmax(total.x, total.summed) if _stands_beside(view, total) else None


def log_softmax_of(step: Step, shifted: Value, logarithm: Value) -> Expr | None:
    """``(x − c) − log Σ exp(x − c)``."""
    outer = _behind(step, logarithm)
    log = None if outer is None else step.reading.made(outer.value)
    if outer is None or log is None or log.name != "log":
        return None
    inner = _behind(step, log.inputs[0])
    total = None if inner is None else _total(step, inner.value)
    if inner is None or total is None or total.shifted is not shifted:
        return None
    axes = [None if axis is None else inner.axes[axis] for axis in outer.axes]
    view = _View(inner.value, axes, outer.shape)
    return log_softmax(total.x, total.summed) if _stands_beside(view, total) else None


def logsumexp_of(step: Step, logarithm: Value, shift: Value) -> Expr | None:
    """``log Σ exp(x − c) + c``."""
    outer = _behind(step, logarithm)
    log = None if outer is None else step.reading.made(outer.value)
    if outer is None or log is None or log.name != "log":
        return None
    inside = log.inputs[0]
    positive = step.reading.made(inside)
    if positive is not None and positive.name == "abs":  # of a positive sum
        inside = positive.inputs[0]
    inner = _behind(step, inside)
    total = None if inner is None else _total(step, inner.value)
    held = _behind(step, shift)
    if inner is None or total is None or held is None or held.value is not total.held:
        return None
    kept_axes: list[int] = []  # of x, one for each axis of the sum
    for place, axis in enumerate(outer.axes):
        if outer.shape[place] == 1:
            continue
        own = None if axis is None else inner.axes[axis]
        if own is None or total.places[total.kept[own]] != held.axes[place]:
            return None
        kept_axes.append(total.kept[own])
    long = [p for p in total.kept if total.x.axis_sizes[p] != 1]
    if kept_axes != long or len(step.shape) not in (len(total.kept), len(total.places)):
        return None
    e = logsumexp(total.x, total.summed)
    if len(step.shape) == e.ndim:
        return e
    return spread(e, total.kept, step.shape)  # the axes stay, with size 1
