"""JAX's primitives that read and write at places: gathers, scatters and slices.

A place is known while the function is read, or an index array that is given at evaluation, or
computed (the place of a largest entry). Known places that run on evenly are an index expression; a
computed one is a mask over the axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import functions
from ..expression import (
    AffineIndex,
    ArrayTerm,
    Expr,
    Label,
    Size,
    Tensor,
    add,
    at,
    held,
    indexed,
    multiply,
    times,
)
from .jax_axes import numbers, read_at
from .jax_elementwise import is_index, view_of_input
from .jax_table import Shape, Step, Value, expression, is_known, operand, product, reads, uniform

#: entries of the mask that a computed place is
MOST = 10**7


def mode_of(step: Step) -> str:
    """What happens to places outside; slices are moved inside."""
    return str(getattr(step.params.get("mode"), "name", "CLIP"))


class _Access:
    """How the axes of an operand are read or written by the labels of the other side."""

    def __init__(self, step: Step, operand_shape: Shape, shape: Shape) -> None:
        self.step, self.sizes = step, operand_shape
        self.domains: dict[Label, Size] = dict(enumerate(shape))
        self.operands: list[tuple[Expr, list[AffineIndex]]] = []  # masks
        self.indices = [AffineIndex(0) for _ in operand_shape]

    def plain(self, axis: int, label: Label) -> None:
        """The axis is read at a label."""
        self.indices[axis] = at(label)

    def window(self, axis: int, label: Label) -> None:
        """At a label more than it is read so far."""
        constant, terms, arrays = self.indices[axis]
        self.indices[axis] = AffineIndex(constant, (*terms, (label, 1)), arrays)

    def start(self, axis: int, value: Value, labels: Sequence[Label], length: int) -> None:
        """The axis is read from places on, which have these labels; `length` entries of it."""
        size = self.sizes[axis]
        if is_known(value):
            self.indices[axis] = self._known(value, labels, size, length)
            return
        view = view_of_input(value)
        if view is not None and view[0].ndim and length == 1:
            tensor, places = view
            assert isinstance(tensor, Tensor)
            array = Tensor(tensor.name, tensor.declared, "index", False, tensor.place)
            own = tuple([labels[p] for p in places])
            self.indices[axis] = AffineIndex(0, (), (ArrayTerm(array, own, size),))
            return
        if length != 1:
            raise self.step.refused(
                "a slice starts where is not known: take entries one by one, or slice at a number"
            )
        self._computed(axis, value, labels, size)

    def _known(self, value: Value, labels: Sequence[Label], size: int, length: int) -> AffineIndex:
        """Places that are known: one number, an even run along one axis, or an array."""
        import numpy as np

        array = np.asarray(value).astype(np.int64)
        if self._clips():
            array = np.clip(array, 0, size - length)
        if not array.size:
            return AffineIndex(0)
        if array.min() < 0 or array.max() + length > size:
            worst = int(array.min()) if array.min() < 0 else int(array.max())
            raise self.step.refused(
                f"the place {worst} is outside an axis of size {size}: give places that are inside"
            )
        first = int(array[(0,) * array.ndim])
        if (array == first).all():
            return AffineIndex(first)
        varied = [
            p
            for p, n in enumerate(array.shape)
            if n > 1 and (array != array.take([0], axis=p)).any()
        ]
        core = array[tuple([slice(None) if p in varied else 0 for p in range(array.ndim)])]
        own = tuple([labels[p] for p in varied])
        if core.ndim == 1:
            stride = int(core[1] - core[0])
            if (np.diff(core) == stride).all():
                return AffineIndex(first, ((own[0], stride),))
        places = size if length == 1 else int(core.max()) + 1
        return AffineIndex(0, (), (ArrayTerm(held(core, "places"), own, places),))

    def _computed(self, axis: int, value: Expr, labels: Sequence[Label], size: int) -> None:
        """A place that is computed: a mask over the axis, 1 where it is."""
        import numpy as np

        e = expression(value)
        if not is_index(self.step, e):
            if not self._clips() and mode_of(self.step) != "PROMISE_IN_BOUNDS":
                raise self.step.refused(
                    "a place that is computed may be outside the axis: take with mode='clip'"
                )
            e = functions.minimum(functions.maximum(e, 0), size - 1)
        shape = (*e.axis_sizes, size)
        if math.prod(shape) > MOST:  # type: ignore[arg-type]
            raise self.step.refused(
                f"the mask of a computed place would have {shape} entries: give the places as an "
                "argument"
            )
        lead = range(e.ndim)
        line = product([(expression(np.arange(float(size))), (e.ndim,))], range(e.ndim + 1), shape)
        mask = functions.equal(product([(e, lead)], range(e.ndim + 1), shape), line)
        own = len(self.domains)
        self.domains[own] = size
        self.operands.append((mask, [*map(at, labels), at(own)]))
        self.indices[axis] = at(own)

    def _clips(self) -> bool:
        return mode_of(self.step) == "CLIP"


def _components(step: Step, value: Value, shape: Shape) -> list[Value]:
    """The index arrays that stand along the last axis of one."""
    count = shape[-1]
    if is_known(value):
        return [value[..., k] for k in range(count)]
    made = step.reading.made(value)
    if made is not None and made.name == "concatenate":
        parts = made.inputs
        if made.params["dimension"] == len(shape) - 1 and len(parts) == count:
            return [_last_dropped(step, part) for part in parts]
    if count == 1:
        return [_last_dropped(step, value)]
    columns: list[Value] = []
    for k in range(count):
        column = [*[at(p) for p in range(len(shape) - 1)], AffineIndex(k)]
        columns.append(read_at(value, column, shape[:-1]))
    return columns


def _last_dropped(step: Step, value: Value) -> Value:
    """An index array without its last axis, of size 1."""
    if is_known(value):
        return value[..., 0]
    made = step.reading.made(value)
    if made is not None and made.name in ("broadcast_in_dim", "reshape"):
        inner = made.inputs[0]
        if isinstance(inner, Expr) and inner.axis_sizes == value.axis_sizes[:-1]:
            return inner
    e: Expr = value
    return product([(e, range(e.ndim))], range(e.ndim - 1), e.axis_sizes[:-1])


# ---- gather and scatter
@reads("gather", "x[np.array([2, 0, 2])] * 2", says="places are known, an argument, or computed")
def _gathered(step: Step, x: Value, indices: Value) -> Expr:
    numbers_of = step.params["dimension_numbers"]
    offsets = numbers(numbers_of.offset_dims)
    batch = [p for p in range(len(step.shape)) if p not in offsets]
    tied = numbers(getattr(numbers_of, "operand_batching_dims", ()))
    tied_to = numbers(getattr(numbers_of, "start_indices_batching_dims", ()))
    gone = numbers(numbers_of.collapsed_slice_dims)
    access = _Access(step, step.shape_of(0), step.shape)
    sizes = numbers(step.params["slice_sizes"])
    starts = _components(step, indices, step.shape_of(1))
    for axis, start in zip(numbers(numbers_of.start_index_map), starts, strict=True):
        access.start(axis, start, batch, sizes[axis])
    for axis, place in zip(tied, tied_to, strict=True):
        access.plain(axis, batch[place])
    windows = [axis for axis in range(len(sizes)) if axis not in gone and axis not in tied]
    for axis, label in zip(windows, offsets, strict=True):
        if sizes[axis] != 1:
            access.window(axis, label)
    return _read(access, expression(x), step.shape)


def _read(access: _Access, e: Expr, shape: Shape) -> Expr:
    output = [at(p) for p in range(len(shape))]
    operands = [(e, access.indices), *access.operands]
    return indexed(operands, output, access.domains, shape, (None,) * len(shape))


def _without_dropped(
    step: Step, indices: Value, updates: Expr, batch: Sequence[int], room: Sequence[int]
) -> tuple[Value, Expr]:
    """Known places and their updates, without those that are outside and dropped. `room` is the
    last place of each axis.
    """
    import numpy as np

    is_inside = ((indices >= 0) & (indices <= np.asarray(room))).all(-1)
    if is_inside.all() or len(batch) != 1:
        return indices, updates
    kept = np.flatnonzero(is_inside)
    cut = [kept if axis == batch[0] else slice(None) for axis in range(len(step.shape_of(2)))]
    return indices[kept], functions.entries(updates, tuple(cut))


def _written(step: Step, indices: Value, updates: Value) -> Expr:
    """Updates at their places, added up where they meet; elsewhere is 0."""
    numbers_of = step.params["dimension_numbers"]
    shape, own = step.shape, step.shape_of(2)
    offsets = numbers(numbers_of.update_window_dims)
    batch = [p for p in range(len(own)) if p not in offsets]
    tied = numbers(getattr(numbers_of, "operand_batching_dims", ()))
    tied_to = numbers(getattr(numbers_of, "scatter_indices_batching_dims", ()))
    gone = numbers(numbers_of.inserted_window_dims)
    windows = [axis for axis in range(len(shape)) if axis not in gone and axis not in tied]
    lengths = dict(zip(windows, [own[p] for p in offsets], strict=True))
    axes = numbers(numbers_of.scatter_dims_to_operand_dims)
    written = expression(updates)
    if is_known(indices) and mode_of(step) == "FILL_OR_DROP":
        room = [shape[axis] - lengths.get(axis, 1) for axis in axes]
        indices, written = _without_dropped(step, indices, written, batch, room)
    own = tuple([n for n in written.axis_sizes if isinstance(n, int)])
    access = _Access(step, shape, own)
    starts = _components(step, indices, step.shape_of(1))
    for axis, start in zip(axes, starts, strict=True):
        access.start(axis, start, batch, lengths.get(axis, 1))
    for axis, place in zip(tied, tied_to, strict=True):
        access.plain(axis, batch[place])
    for axis, label in zip(windows, offsets, strict=True):
        if own[label] != 1:
            access.window(axis, label)
    plain = [at(p) for p in range(len(own))]
    operands = [(written, plain), *access.operands]
    return indexed(operands, access.indices, access.domains, shape, (None,) * len(shape))


@reads(
    "scatter-add",
    "x.at[np.array([0, 2, 0])].add(1 + x)",
    says="as for gather",
    also=("scatter_add",),
)
def _scattered(step: Step, x: Value, indices: Value, updates: Value) -> Expr:
    written = _written(step, indices, updates)
    return written if uniform(x) == 0 else add(expression(x), written)


@reads("scatter-sub", "x.at[np.array([0, 2, 0])].subtract(1 + x)", says="as for gather")
def _taken_away(step: Step, x: Value, indices: Value, updates: Value) -> Expr:
    return add(expression(x), times(_written(step, indices, updates), -1))


def _places_written(step: Step, indices: Value) -> Any:
    """A mask of the places that are written to, each of them once."""
    import jax
    import numpy as np

    if not is_known(indices):
        raise step.refused("it writes at places that are not known: add there, .at[i].add(…)")
    with jax.ensure_compile_time_eval():
        counts = jax.lax.scatter_add(
            np.zeros(step.shape),
            indices,
            np.ones(step.shape_of(2)),
            step.params["dimension_numbers"],
            mode=step.params["mode"],
        )
    if np.max(counts, initial=0) > 1:
        raise step.refused("it writes twice to one place: write to each place once")
    return np.asarray(counts) > 0


@reads("scatter", "x.at[np.array([0, 2])].set(2 * x[:2])", says="at known places, each once")
def _set(step: Step, x: Value, indices: Value, updates: Value) -> Expr:
    if step.params.get("update_jaxpr") is not None:  # what stands there is put into a function
        raise step.refused("it applies a function at places: write x.at[i].set(f(x[i]))")
    mask = _places_written(step, indices)
    written = _written(step, indices, updates)
    return written if uniform(x) == 0 else functions.where(expression(mask), written, operand(x))


@reads(
    "scatter-mul",
    "x.at[np.array([0, 2])].multiply(x[:2], unique_indices=True)",
    says="at known places, each once",
    also=("scatter_mul",),
)
def _scaled(step: Step, x: Value, indices: Value, updates: Value) -> Expr:
    mask = _places_written(step, indices)
    e = expression(x)
    product_there = multiply(e, _written(step, indices, updates))
    return functions.where(expression(mask), product_there, e)


# ---- slices whose starts are computed
@reads("dynamic_slice", "lax.dynamic_slice(x, (np.int32(1), np.int32(1)), (2, 3))")
def _slice(step: Step, x: Value, *starts: Value) -> Expr:
    access = _Access(step, step.shape_of(0), step.shape)
    for axis, (start, length) in enumerate(zip(starts, step.shape, strict=True)):
        if length == step.shape_of(0)[axis]:
            access.plain(axis, axis)
            continue
        access.start(axis, start, (), length)
        if length != 1:
            access.window(axis, axis)
    return _read(access, expression(x), step.shape)


@reads("dynamic_update_slice", "lax.dynamic_update_slice(x, 2 * x[:2, :2], (1, 1))")
def _slice_set(step: Step, x: Value, update: Value, *starts: Value) -> Expr:
    import numpy as np

    if not all([is_known(start) for start in starts]):
        raise step.refused("a slice starts where is not known: write at a known number")
    mask = np.zeros(step.shape, bool)
    writes: list[AffineIndex] = []
    cuts: list[slice] = []
    for axis, (start, size) in enumerate(zip(starts, step.shape, strict=True)):
        length = step.shape_of(1)[axis]
        first = min(max(int(start), 0), size - length)  # moved inside, as JAX does
        writes.append(at(axis, first))
        cuts.append(slice(first, first + length))
    mask[tuple(cuts)] = True
    own = dict(enumerate(step.shape_of(1)))
    plain = [at(p) for p in range(len(own))]
    e = expression(update)
    written = indexed([(e, plain)], writes, own, step.shape, (None,) * len(own))
    if uniform(x) == 0 or mask.all():
        return written
    return functions.where(expression(mask), written, operand(x))
