"""JAX's primitives that move, repeat, join and sum entries along axes. Each is an einsum, most with
index expressions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import functions
from ..expression import AffineIndex, Expr, Size, add, at, indexed, multiply, times
from ..functions import over
from .jax_table import (
    Shape,
    Step,
    Value,
    expression,
    product,
    reads,
    spread,
    uniform,
)


def numbers(values: Any) -> tuple[int, ...]:
    """Axes and sizes of parameters, which may be NumPy's integers."""
    return tuple([int(n) for n in values])


def read_at(e: Expr, reads: Sequence[AffineIndex], shape: Shape) -> Expr:
    """An expression, read at index expressions of the labels of the output."""
    domains: dict[int, Size] = dict(enumerate(shape))
    output = [at(label) for label in range(len(shape))]
    return indexed([(e, list(reads))], output, domains, shape, (None,) * len(shape))


def written_at(e: Expr, writes: Sequence[AffineIndex], shape: Shape) -> Expr:
    """An expression, written at index expressions of its labels; elsewhere is 0."""
    domains: dict[int, Size] = dict(enumerate(e.axis_sizes))
    own = [at(label) for label in range(e.ndim)]
    return indexed([(e, own)], list(writes), domains, shape, (None,) * len(shape))


# ---- views
@reads("broadcast_in_dim", "jnp.broadcast_to(x[:, None], (3, 2, 4))")
def _broadcast(step: Step, x: Value) -> Expr:
    places = numbers(step.params["broadcast_dimensions"])
    before = step.shape_of(0)
    labels: list[int] = []
    for p, place in enumerate(places):
        is_repeated = before[p] == 1 and step.shape[place] != 1
        labels.append(len(step.shape) + p if is_repeated else place)
    return product([(expression(x), labels)], range(len(step.shape)), step.shape)


@reads("reshape", "x.reshape(2, 6)")
def _reshaped(step: Step, x: Value) -> Expr:
    e = expression(x)
    order = step.params.get("dimensions")
    if order is not None:
        e = functions.permuted(e, numbers(order))
    return functions.reshape(e, step.shape) if e.axis_sizes != step.shape else e


@reads("squeeze", "x.reshape(3, 1, 4).squeeze(1)")
def _squeezed(step: Step, x: Value) -> Expr:
    gone = numbers(step.params["dimensions"])
    e = expression(x)
    kept = [p for p in range(e.ndim) if p not in gone]
    return product([(e, range(e.ndim))], kept, step.shape)


@reads("transpose", "x.T @ x")
def _transposed(step: Step, x: Value) -> Expr:
    return functions.permuted(expression(x), numbers(step.params["permutation"]))


@reads("rev", "jnp.flip(x, 0)")
def _reversed(step: Step, x: Value) -> Expr:
    turned = numbers(step.params["dimensions"])
    reads_ = [at(p, n - 1, -1) if p in turned else at(p) for p, n in enumerate(step.shape)]
    return read_at(expression(x), reads_, step.shape)


@reads("slice", "x[1:, ::2]")
def _sliced(step: Step, x: Value) -> Expr:
    starts = numbers(step.params["start_indices"])
    steps = numbers(step.params["strides"] or (1,) * len(starts))
    reads_ = [at(p, start, own) for p, (start, own) in enumerate(zip(starts, steps, strict=True))]
    return read_at(expression(x), reads_, step.shape)


@reads("split", "jnp.split(x, 2, axis=1)[1]")
def _split(step: Step, x: Value) -> list[Expr]:
    e, axis = expression(x), int(step.params["axis"])
    parts: list[Expr] = []
    start = 0
    for size in numbers(step.params["sizes"]):
        shape = tuple([size if p == axis else n for p, n in enumerate(step.shape_of(0))])
        reads_ = [at(p, start) if p == axis else at(p) for p in range(e.ndim)]
        parts.append(read_at(e, reads_, shape))
        start += size
    return parts


@reads("concatenate", "jnp.concatenate([x, 2 * x], axis=1)")
def _concatenated(step: Step, *parts: Value) -> Expr:
    return functions.concatenate(
        [expression(part) for part in parts], int(step.params["dimension"])
    )


@reads("stack", "jnp.stack([x, 2 * x], axis=1)")
def _stacked(step: Step, *parts: Value) -> Expr:
    return functions.stack([expression(part) for part in parts], int(step.params["axis"]))


@reads("unstack", "jnp.unstack(x, axis=1)[2]")
def _unstacked(step: Step, x: Value) -> list[Expr]:
    e, axis = expression(x), int(step.params["axis"])
    parts: list[Expr] = []
    for k in range(len(step.outputs)):
        labels = iter(range(e.ndim))
        reads_ = [AffineIndex(k) if p == axis else at(next(labels)) for p in range(e.ndim)]
        parts.append(read_at(e, reads_, step.shape))
    return parts


@reads("tile", "jnp.tile(x, (2, 3))")
def _tiled(step: Step, x: Value) -> Expr:
    return functions.tile(expression(x), numbers(step.params["reps"]))


@reads("pad", "lax.pad(x, 2.0, [(1, -1, 0), (0, 2, 1)])")
def _padded(step: Step, x: Value, filling: Value) -> Expr:
    import numpy as np

    config = [numbers(one) for one in step.params["padding_config"]]
    writes = [at(p, low, inner + 1) for p, (low, _, inner) in enumerate(config)]
    inside = written_at(expression(x), writes, step.shape)
    number = uniform(filling)
    if number == 0:
        return inside
    outside = np.ones(step.shape, bool)
    places = []
    for (low, _, inner), before, after in zip(config, step.shape_of(0), step.shape, strict=True):
        written = low + (inner + 1) * np.arange(before)
        places.append(written[(written >= 0) & (written < after)])
    outside[np.ix_(*places)] = False
    if number is None:  # of an expression, held at the places around
        return add(
            inside, multiply(expression(outside), spread(expression(filling), (), step.shape))
        )
    return add(inside, expression(np.where(outside, number, 0)))


# ---- sums and other reductions
def _axes(step: Step) -> tuple[int, ...]:
    return numbers(step.params["axes"])


@reads("reduce_sum", "x.sum(0)")
def _sum(step: Step, x: Value) -> Expr:
    gone, e = _axes(step), expression(x)
    kept = [p for p in range(e.ndim) if p not in gone]
    return product([(e, range(e.ndim))], kept, step.shape)


def _over(name: str, step: Step, x: Value) -> Expr:
    axes, e = _axes(step), expression(x)
    return over(name, e, axes) if axes else e


@reads("reduce_max", "x.max(1)", says="ties share the slope, as JAX has it")
def _max(step: Step, x: Value) -> Expr:
    return _over("max", step, x)


@reads("reduce_min", "x.min()", says="ties share the slope, as JAX has it")
def _min(step: Step, x: Value) -> Expr:
    return _over("min", step, x)


@reads("reduce_prod", "x.prod(1)")
def _prod(step: Step, x: Value) -> Expr:
    axes = _axes(step)
    return functions.prod(expression(x), axes) if axes else expression(x)


@reads("reduce_and", "x * jnp.all(x > 0.5, axis=1, keepdims=True)", says="of masks")
def _all(step: Step, x: Value) -> Expr:
    return _over("min", step, x)


@reads("reduce_or", "x * jnp.any(x > 0.5, axis=1, keepdims=True)", says="of masks")
def _any(step: Step, x: Value) -> Expr:
    return _over("max", step, x)


def _first_extreme(step: Step, x: Value, name: str) -> Expr:
    """The place of the first largest entry along an axis, as Σ place · [it is the first]."""
    import numpy as np

    (axis,) = _axes(step)
    e = functions.moveaxis(expression(x), axis, -1)
    lead = range(e.ndim - 1)
    shape = e.axis_sizes
    top = product([(over(name, e, -1), lead)], range(e.ndim), shape)
    is_top = functions.equal(e, top)
    before = functions.cumsum(is_top, -1)  # 1 at the first, and up to the second
    first = multiply(is_top, functions.equal(before, 1))
    places = expression(np.arange(float(step.shape_of(0)[axis])))
    return product([(first, range(e.ndim)), (places, (e.ndim - 1,))], lead, step.shape)


@reads("argmax", "jnp.take(x.ravel(), jnp.argmax(x[0]))", says="the first; it has no slope")
def _argmax(step: Step, x: Value) -> Expr:
    return _first_extreme(step, x, "max")


@reads("argmin", "jnp.take(x.ravel(), jnp.argmin(x[0]))", says="the first; it has no slope")
def _argmin(step: Step, x: Value) -> Expr:
    return _first_extreme(step, x, "min")


# ---- running sums and their kin
@reads("cumsum", "jnp.cumsum(x, 1)")
def _cumsum(step: Step, x: Value) -> Expr:
    axis, e = int(step.params["axis"]), expression(x)
    new = e.ndim
    sign = -1 if step.params["reverse"] else 1
    size = step.shape[axis]
    domains: dict[int, Size] = {**dict(enumerate(step.shape)), new: size}
    output = [at(new) if p == axis else at(p) for p in range(e.ndim)]
    own = [at(p) for p in range(e.ndim)]
    # Σ_j x[j] where 0 <= i - j, or 0 <= j - i from behind
    behind = AffineIndex(0, ((new, sign), (axis, -sign)))
    names = (None,) * e.ndim
    return indexed([(e, own)], output, domains, step.shape, names, conditions=[(behind, size)])


def _windows_up_to(step: Step, x: Value, neutral: float) -> Expr:
    """For each entry, in a new last axis, those up to it, and a neutral number for the others."""
    import numpy as np

    axis, e = int(step.params["axis"]), expression(x)
    rank, size = e.ndim, step.shape[axis]
    shape = (*step.shape, size)
    labels = [rank if p == axis else p for p in range(rank)]
    copies = product([(e, labels)], range(rank + 1), shape)
    is_inside = np.tri(size, dtype=bool)
    mask = product(
        [(expression(is_inside.T if step.params["reverse"] else is_inside), (axis, rank))],
        range(rank + 1),
        shape,
    )
    return functions.where(mask, copies, neutral)


@reads("cummax", "lax.cummax(x, 1)", says="n² numbers for n entries")
def _cummax(step: Step, x: Value) -> Expr:
    return over("max", _windows_up_to(step, x, -math.inf), -1)


@reads("cummin", "lax.cummin(x, 0, reverse=True)", says="n² numbers for n entries")
def _cummin(step: Step, x: Value) -> Expr:
    return over("min", _windows_up_to(step, x, math.inf), -1)


@reads("cumprod", "jnp.cumprod(x, 1)")
def _cumprod(step: Step, x: Value) -> Expr:
    axis = int(step.params["axis"])
    if not step.params["reverse"]:
        return functions.cumprod(expression(x), axis)
    turned = functions.cumprod(functions.flip(expression(x), axis), axis)
    return functions.flip(turned, axis)


@reads("cumlogsumexp", "lax.cumlogsumexp(x, 1)", says="n² numbers for n entries")
def _cumlogsumexp(step: Step, x: Value) -> Expr:
    return functions.logsumexp(_windows_up_to(step, x, -math.inf), -1)


# ---- order
def ranked(key: Expr) -> Expr:
    """A mask: 1 where the entry of the last axis comes at the place of the last axis but one, once
    the entries are in order; equal entries stay in theirs.
    """
    import numpy as np

    rank, shape = key.ndim, key.axis_sizes
    size = shape[-1]
    lead = tuple(range(rank - 1))
    own, other, place = rank - 1, rank, rank + 1
    pairs = (*shape, size)
    mine = product([(key, (*lead, own))], (*lead, own, other), pairs)
    theirs = product([(key, (*lead, other))], (*lead, own, other), pairs)
    assert isinstance(size, int)
    earlier = expression(np.tri(size, k=-1))  # [own, other]: 1 where the other stands before
    tied = product(
        [(functions.equal(theirs, mine), (*lead, own, other)), (earlier, (own, other))],
        (*lead, own, other),
        pairs,
    )
    smaller = add(functions.less(theirs, mine), tied)
    position = product([(smaller, (*lead, own, other))], (*lead, own), shape)
    places = expression(np.arange(float(size)))
    wanted = product([(places, (place,))], (*lead, place, own), (*shape[:-1], size, size))
    repeated = product([(position, (*lead, own))], (*lead, place, own), (*shape[:-1], size, size))
    return functions.equal(repeated, wanted)


@reads("sort", "jnp.sort(x, axis=1)", says="by one key")
def _sorted(step: Step, *values: Value) -> list[Expr]:
    if step.params["num_keys"] != 1:
        raise step.refused("it sorts by several keys: sort by one")
    axis = int(step.params["dimension"])
    moved = [functions.moveaxis(expression(value), axis, -1) for value in values]
    order = functions.argsort(moved[0])
    results: list[Expr] = []
    for e in moved:
        taken = functions.take_along_axis(e, order, -1)
        results.append(functions.moveaxis(taken, -1, axis))
    return results


def _taken_by(mask: Expr, e: Expr) -> Expr:
    """Along the last axis the entries that the rows of a mask pick."""
    lead = tuple(range(e.ndim - 1))
    own, place = e.ndim - 1, e.ndim
    copies = product([(e, (*lead, own))], (*lead, place, own), mask.axis_sizes)
    # What is not picked is not multiplied by 0: it may be infinite.
    picked = functions.where(mask, copies, 0)
    return product([(picked, (*lead, place, own))], (*lead, place), e.axis_sizes)


@reads("top_k", "lax.top_k(x, 2)[0]", says="n² numbers for n entries")
def _top(step: Step, x: Value) -> list[Expr]:
    import numpy as np

    e = expression(x)
    lead = [at(p) for p in range(e.ndim)]
    mask = ranked(times(e, -1))  # in falling order, equal ones in theirs
    values = read_at(_taken_by(mask, e), lead, step.shape)
    size = step.shape_of(0)[-1]
    places = spread(expression(np.arange(float(size))), (e.ndim - 1,), step.shape_of(0))
    return [values, read_at(_taken_by(mask, places), lead, step.shape)]
