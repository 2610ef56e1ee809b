"""Operations of torch that move entries: views, joins, pieces, and index arrays.

Each is an einsum with relations between its labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import functions
from ..expression import AffineIndex, Expr, Slot, as_expression, assemble, at, viewed
from .torch_values import (
    Call,
    Operation,
    Shape,
    broadcast,
    expression_of,
    hot,
    is_expression,
    is_known,
    placed,
    plus,
    product,
    read_at,
    shape_of,
    spread,
    together,
    whole_number_index,
    without_single_places,
    written_at,
)

X = {"x": (2, 3)}
XYZ = {"x": (2, 3, 4)}


def _same(_: Call, x: Any, *__: Any, **___: Any) -> Any:
    return x


def _converted(call: Call, x: Any, **_: Any) -> Any:
    """Another dtype: that of the result is decided by the arrays that are given later."""
    dtype = call.meta.dtype
    if dtype.is_complex:
        call.refuse("complex numbers are not read: give the real and the imaginary part")
    if str(dtype) == "torch.bool":
        return functions.not_equal(*together(x, 0))
    if call.source.is_floating_point and not dtype.is_floating_point:
        call.refuse("rounding to whole numbers jumps: do it outside of the function")
    return x


def _filled_with(value: float) -> Callable[..., Any]:
    """A tensor of one number, of the shape of the result."""

    def read(call: Call, _: Any, *__: Any, **___: Any) -> Any:
        import torch

        return torch.full(call.shape, value, dtype=call.meta.dtype)

    return read


def _full(call: Call, _: Any, *values: Any, **__: Any) -> Any:
    import torch

    if is_expression(values[-1]):
        return spread(values[-1], call.shape)
    return torch.full(call.shape, values[-1], dtype=call.meta.dtype)


# ---- views
def _view(call: Call, x: Any, *_: Any) -> Expr:
    return functions.reshape(x, call.shape) if shape_of(x) != call.shape else x


def _expand(call: Call, x: Any, *_: Any, **__: Any) -> Expr:
    return spread(x, call.shape)


def _permute(_: Call, x: Expr, order: Sequence[int]) -> Expr:
    return functions.permuted(x, [p % x.ndim for p in order])


def _transpose(_: Call, x: Expr, first: int, second: int) -> Expr:
    return functions.swapaxes(x, first, second)


def _t(_: Call, x: Expr) -> Expr:
    return functions.permuted(x, range(x.ndim)[::-1])


def _squeeze(call: Call, x: Expr, dims: Any = None) -> Expr:
    """Without axes of size 1, those that are named or all."""
    sizes = shape_of(x)
    chosen = range(x.ndim) if dims is None else _places(dims, x.ndim)
    gone = [p for p in chosen if sizes[p] == 1]
    kept = [p for p in range(x.ndim) if p not in gone]
    return without_single_places(viewed(x, range(x.ndim), kept)) if gone else x


def _places(dims: Any, rank: int) -> list[int]:
    given = dims if isinstance(dims, (list, tuple)) else [dims]
    return [p % rank for p in given] if rank else []


def _unsqueeze(call: Call, x: Expr, dim: int) -> Expr:
    place = dim % (x.ndim + 1)
    labels = [p for p in range(x.ndim + 1) if p != place]
    return viewed(x, labels, range(x.ndim + 1), ((place, 1),))


def _diagonal(_: Call, x: Expr, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Expr:
    return functions.diagonal(x, offset, dim1, dim2)


# ---- pieces
def _select(_: Call, x: Expr, dim: int, index: int) -> Expr:
    sizes = shape_of(x)
    dim %= x.ndim
    reads = [at(p if p < dim else p - 1) for p in range(x.ndim)]
    reads[dim] = AffineIndex(index % sizes[dim])
    return read_at(x, reads, [size for p, size in enumerate(sizes) if p != dim])


def _slice(
    _: Call, x: Expr, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Expr:
    return cut(x, dim % x.ndim, start, end, step)


def cut(x: Expr, dim: int, start: Any, end: Any, step: int = 1) -> Expr:
    """``x[start:end:step]`` of one axis."""
    sizes = list(shape_of(x))
    places = range(sizes[dim])[slice(start, end, step)]
    if len(places) == sizes[dim]:
        return x
    sizes[dim] = len(places)
    reads = [at(p) for p in range(x.ndim)]
    reads[dim] = at(dim, places.start, step)
    return read_at(x, reads, sizes)


def _split_with_sizes(call: Call, x: Expr, sizes: Sequence[int], dim: int = 0) -> tuple[Expr, ...]:
    parts = []
    start = 0
    for size in sizes:
        parts.append(cut(x, dim % x.ndim, start, start + size))
        start += size
    return tuple(parts)


def _split(call: Call, x: Expr, size: int, dim: int = 0) -> tuple[Expr, ...]:
    whole = shape_of(x)[dim]
    starts = range(0, whole, size) if whole else [0]
    return tuple([cut(x, dim % x.ndim, start, start + size) for start in starts])


def _unbind(call: Call, x: Expr, dim: int = 0) -> tuple[Expr, ...]:
    return tuple([_select(call, x, dim, k) for k in range(shape_of(x)[dim])])


def _unfold(call: Call, x: Expr, dim: int, size: int, step: int) -> Expr:
    reads = [at(p) for p in range(x.ndim)]
    dim %= x.ndim
    reads[dim] = AffineIndex(0, ((dim, step), (x.ndim, 1)))
    return read_at(x, reads, call.shape)


def _flip(_: Call, x: Expr, dims: Sequence[int]) -> Expr:
    return functions.flip(x, tuple(dims)) if dims else x


def _roll(_: Call, x: Expr, shifts: Sequence[int], dims: Sequence[int] = ()) -> Expr:
    return functions.roll(x, tuple(shifts), tuple(dims) if dims else None)


def _tril(_: Call, x: Expr, diagonal: int = 0) -> Expr:
    return functions.tril(x, diagonal)


def _triu(_: Call, x: Expr, diagonal: int = 0) -> Expr:
    return functions.triu(x, diagonal)


# ---- joins
def _cat(call: Call, tensors: Sequence[Any], dim: int = 0) -> Expr:
    # an empty vector joins anything, as it does in torch
    parts = [expression_of(part) for part in tensors if shape_of(part) != (0,)]
    return functions.concatenate(parts, dim) if len(parts) > 1 else parts[0]


def _stack(_: Call, tensors: Sequence[Any], dim: int = 0) -> Expr:
    return functions.stack([expression_of(part) for part in tensors], dim)


def _repeat(call: Call, x: Expr, repeats: Sequence[int]) -> Expr:
    """Each axis so many times: the new label runs slower than the old one."""
    whole = call.shape
    new = len(whole) - x.ndim
    sizes = (1,) * new + shape_of(x)
    long = []
    for count, size in zip(repeats, sizes, strict=True):
        long += [count, size]
    lifted = functions.reshape(x, [n for size in sizes for n in (1, size)])
    return functions.reshape(spread(lifted, tuple(long)), whole)


def _pad(call: Call, x: Expr, pad: Sequence[int], value: Any = 0.0) -> Expr:
    """Constants around the last axes, of which the last comes first; negative widths cut off."""
    before = [0] * x.ndim
    for k in range(len(pad) // 2):
        before[x.ndim - 1 - k] = pad[2 * k]
    whole = placed(x, before, call.shape)
    return plus(whole, _border(x, before, call, value)) if value else whole


def _border(x: Expr, before: Sequence[int], call: Call, value: Any) -> Any:
    """`value` around what is placed, 0 there."""
    import torch

    frame = torch.full(call.shape, value, dtype=call.meta.dtype)
    inside = []
    for start, size, whole in zip(before, shape_of(x), call.shape, strict=True):
        inside.append(slice(max(start, 0), max(min(start + size, whole), 0)))
    frame[tuple(inside)] = 0
    return frame


def _slice_scatter(
    call: Call, x: Any, source: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Expr:
    """`x` with another slice: written between what stands before and behind it."""
    whole = expression_of(x)
    dim %= whole.ndim
    sizes = shape_of(whole)
    places = range(sizes[dim])[slice(start, end, step)]
    if not places:
        return whole
    part = spread(expression_of(source), (*sizes[:dim], len(places), *sizes[dim + 1 :]))
    if step == 1:
        pieces = [cut(whole, dim, 0, places.start), part, cut(whole, dim, places.stop, None)]
        kept = [piece for piece in pieces if shape_of(piece)[dim]]
        return functions.concatenate(kept, dim) if len(kept) > 1 else kept[0]
    writes = [at(p) for p in range(whole.ndim)]
    writes[dim] = at(dim, places.start, step)
    return _replaced(whole, written_at(part, writes, sizes), dim, list(places))


def _replaced(x: Expr, new: Expr, dim: int, places: Sequence[int]) -> Expr:
    """`new` at places of an axis, else `x`."""
    import torch

    mask = torch.zeros(shape_of(x)[dim], dtype=torch.bool)
    mask[list(places)] = True
    shaped = mask.reshape([-1 if p == dim else 1 for p in range(x.ndim)])
    return _written_over(x, shaped, new)


def _written_over(x: Expr, there: Any, new: Expr) -> Expr:
    """`new`, which is 0 elsewhere, in the place of what `x` has `there`."""
    return plus(functions.selected(*together(there, 0, x)), new)


def _select_scatter(call: Call, x: Any, source: Any, dim: int, index: int) -> Expr:
    whole = expression_of(x)
    dim %= whole.ndim
    index %= shape_of(whole)[dim]
    lifted = _unsqueeze(call, expression_of(source), dim)
    return _slice_scatter(call, whole, lifted, dim, index, index + 1)


def _copy(call: Call, x: Any, source: Any, *_: Any) -> Expr:
    return spread(expression_of(source), call.shape)


def _diag_embed(call: Call, x: Expr, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Expr:
    return _on_diagonal(x, call.shape, offset, dim1, dim2)


def _on_diagonal(x: Expr, sizes: Shape, offset: int, dim1: int, dim2: int) -> Expr:
    """The last axis of `x` along a diagonal of two axes."""
    rank = len(sizes)
    row, column = dim1 % rank, dim2 % rank
    rest = [p for p in range(rank) if p not in (row, column)]
    labels = dict(zip(rest, range(x.ndim - 1), strict=True))
    writes = [at(labels.get(p, x.ndim - 1)) for p in range(rank)]
    writes[row] = at(x.ndim - 1, max(-offset, 0))
    writes[column] = at(x.ndim - 1, max(offset, 0))
    return written_at(x, writes, sizes)


def _diagonal_scatter(
    call: Call, x: Any, source: Any, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Expr:
    import torch

    whole = expression_of(x)
    new = _on_diagonal(expression_of(source), shape_of(whole), offset, dim1, dim2)
    there = torch.zeros(shape_of(whole), dtype=torch.bool)
    there.diagonal(offset, dim1, dim2).fill_(True)
    return _written_over(whole, there, new)


# ---- index arrays
def _index(call: Call, x: Any, indices: Sequence[Any]) -> Expr:
    """``x[i, j]`` of index arrays that broadcast: they stand where they were if side by side."""
    given = [_as_places(index) for index in indices]
    return _read_by(call, expression_of(x), _aligned(given, shape_of(x)))


def _as_places(index: Any) -> list[Any]:
    """An index; a mask is those of its places."""
    if index is None or is_expression(index):
        return [index]
    if whole_number_index(index):
        return [index]
    return list(index.nonzero().unbind(1))


def _aligned(given: Sequence[list[Any]], sizes: Shape) -> list[Any]:
    flat = [index for group in given for index in group]
    return flat + [None] * (len(sizes) - len(flat))


class _Indexed:
    """Labels of an array that is read or written at index arrays."""

    def __init__(self, call: Call, sizes: Shape, indices: Sequence[Any]) -> None:
        chosen = [p for p, index in enumerate(indices) if index is not None]
        shape = broadcast(*[shape_of(indices[p]) for p in chosen])
        rank = len(sizes)
        self.own = list(range(rank))
        shared = list(range(rank, rank + len(shape)))
        self.hots: list[Slot] = []
        for p in chosen:
            index = indices[p]
            labels = []
            first = len(shape) - len(shape_of(index))
            for k, size in enumerate(shape_of(index)):
                # an axis of size 1 repeats: a label of its own
                repeats = size == 1 and shape[first + k] != 1
                labels.append(
                    rank + len(shape) + len(shape) * p + k if repeats else shared[first + k]
                )
            self.hots.append((hot(call, index, sizes[p]), (*labels, p)))
        rest = [p for p in range(rank) if p not in chosen]
        together_at = chosen == list(range(chosen[0], chosen[-1] + 1))
        place = len([p for p in rest if p < chosen[0]]) if together_at else 0
        self.output = (*rest[:place], *shared, *rest[place:])
        #: of labels that no factor may have: of what repeats
        self.given = tuple(zip(shared, shape, strict=True))


def _read_by(call: Call, x: Expr, indices: Sequence[Any]) -> Expr:
    work = _Indexed(call, shape_of(x), indices)
    slots = [(x, tuple(work.own)), *work.hots]
    axes = (None,) * len(work.output)
    return assemble(1, slots, work.output, axes=axes, given=work.given)


def _index_put(
    call: Call, x: Any, indices: Sequence[Any], values: Any, accumulate: bool = False
) -> Expr:
    whole = expression_of(x)
    sizes = shape_of(whole)
    places = _aligned([_as_places(index) for index in indices], sizes)
    work = _Indexed(call, sizes, places)
    shape = []
    for label in work.output:
        shape.append(dict(work.given).get(label, sizes[label] if label < len(sizes) else 1))
    part = spread(expression_of(values), tuple(shape))
    slots = [(part, work.output), *work.hots]
    given = tuple(enumerate(sizes))
    added = assemble(1, slots, tuple(work.own), axes=(None,) * len(sizes), given=given)
    if accumulate:
        return plus(whole, added)
    if not all([index is None or is_known(index) for index in places]):
        call.refuse("which places are written depends on an input; add with accumulate=True")
    import torch

    count = torch.zeros(sizes)
    keys = tuple([slice(None) if index is None else index for index in places])
    count.index_put_(_plain(keys, sizes), torch.ones(()), accumulate=True)
    if count.numel() and float(count.max()) > 1:
        call.refuse("a place is written twice; add with accumulate=True")
    return _written_over(whole, count > 0, added)


def _plain(keys: Sequence[Any], sizes: Shape) -> tuple[Any, ...]:
    """Keys as index arrays alone, which torch's ``index_put_`` takes."""
    import torch

    chosen = [k for k in keys if not isinstance(k, slice)]
    shape = broadcast(*[shape_of(k) for k in chosen])
    free = [p for p, k in enumerate(keys) if isinstance(k, slice)]
    found = []
    for p, key in enumerate(keys):
        if isinstance(key, slice):
            view = [1] * (len(shape) + len(free))
            view[len(shape) + free.index(p)] = sizes[p]
            found.append(torch.arange(sizes[p]).reshape(view))
        else:
            found.append(key.expand(shape).reshape(*shape, *[1] * len(free)))
    return tuple(found)


def _index_select(call: Call, x: Any, dim: int, index: Any) -> Expr:
    whole = expression_of(x)
    dim %= whole.ndim
    indices = [index if p == dim else None for p in range(whole.ndim)]
    return _read_by(call, whole, indices)


def _index_add(call: Call, x: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Expr:
    whole = expression_of(x)
    indices = [index if p == dim % whole.ndim else None for p in range(whole.ndim)]
    part = expression_of(source)
    return _index_put(call, x, indices, part if alpha == 1 else product(part, alpha), True)


def _gather(call: Call, x: Any, dim: int, index: Any, **_: Any) -> Expr:
    """``y[i, j] = x[index[i, j], j]``"""
    found = expression_of(x)
    dim %= found.ndim
    for p, size in enumerate(call.shape):
        if p != dim:
            found = cut(found, p, 0, size)
    labels = tuple(range(found.ndim))
    value = found.ndim
    slots: list[Slot] = [(found, (*labels[:dim], value, *labels[dim + 1 :]))]
    slots.append((hot(call, index, shape_of(found)[dim]), (*labels, value)))
    return assemble(1, slots, labels, axes=(None,) * found.ndim)


def _scattered(call: Call, sizes: Shape, dim: int, index: Any, source: Any) -> Expr:
    """``y[index[i, j], j] += source[i, j]``, of zeros."""
    part = spread(expression_of(source), shape_of(index)) if not shape_of(source) else source
    part = expression_of(part)
    own = shape_of(index)
    for p, size in enumerate(own):
        part = cut(part, p, 0, size)
    labels = tuple(range(len(sizes)))
    value = len(sizes)
    slots = [(part, labels), (hot(call, index, sizes[dim]), (*labels, value))]
    output = (*labels[:dim], value, *labels[dim + 1 :])
    found = assemble(1, slots, output, axes=(None,) * len(sizes))
    return placed(found, [0] * len(sizes), sizes) if shape_of(found) != sizes else found


def _scatter_add(call: Call, x: Any, dim: int, index: Any, source: Any) -> Expr:
    whole = expression_of(x)
    sizes = shape_of(whole)
    return plus(whole, _scattered(call, sizes, dim % whole.ndim, index, source))


def _scatter(call: Call, x: Any, dim: int, index: Any, source: Any) -> Expr:
    whole = expression_of(x)
    sizes = shape_of(whole)
    dim %= whole.ndim
    if shape_of(index)[dim] != 1:
        call.refuse("places may be written twice: add with scatter_add")
    new = _scattered(call, sizes, dim, index, source)
    there = _scattered(call, sizes, dim, index, as_expression(1))
    return _written_over(whole, there, new)


ROWS = (
    Operation("zeros_like", _filled_with(0), "torch.zeros_like(x) + x", X),
    Operation("ones_like", _filled_with(1), "torch.ones_like(x) * x", X),
    Operation("full_like", _full, "torch.full_like(x, 2.5) * x", X),
    Operation("empty_like", _filled_with(0), "torch.empty_like(x).copy_(x)", X),
    Operation("new_zeros", _filled_with(0), "x.new_zeros(3) + x", X),
    Operation("new_ones", _filled_with(1), "x.new_ones(3) * x", X),
    Operation("new_full", _full, "x.new_full((3,), 2.5) * x", X),
    Operation("new_empty", _filled_with(0), "x.new_empty(2, 3).copy_(x)", X),
    Operation("view", _view, "x.view(3, 2)", X),
    Operation("_unsafe_view", _view, "x @ x[0].T", XYZ),
    Operation("expand", _expand, "x[:, None].expand(2, 4, 3) * x[0]", X),
    Operation("permute", _permute, "x.permute(2, 0, 1)", XYZ),
    Operation("transpose", _transpose, "x.transpose(0, -1)", XYZ),
    Operation("t", _t, "x.t()", X),
    Operation("squeeze", _squeeze, "x[:, :1].squeeze(1)", X),
    Operation("unsqueeze", _unsqueeze, "x.unsqueeze(-1)", X),
    Operation("diagonal", _diagonal, "x.diagonal(1, 0, 2)", XYZ),
    Operation(
        "diagonal_scatter",
        _diagonal_scatter,
        "torch.diagonal_scatter(x, y, 1)",
        {"x": (2, 3), "y": (2,)},
    ),
    Operation("diag_embed", _diag_embed, "torch.diag_embed(x, 1)", X),
    Operation("alias", _same, "aten.alias(x) * x", X),
    Operation("clone", _same, "x.clone() * x", X),
    Operation("_to_copy", _converted, "(x > 0).to(x.dtype) * x", X),
    Operation("select", _select, "x[:, -1]", X),
    Operation("slice", _slice, "x[:, 1::2]", XYZ),
    Operation("split", _split, "x.split(2, dim=-1)[1]", X),
    Operation("split_with_sizes", _split_with_sizes, "x.split([1, 2], dim=1)[1]", X),
    Operation("unbind", _unbind, "x.unbind(1)[2]", X),
    Operation("unfold", _unfold, "x.unfold(2, 2, 1)", XYZ),
    Operation("flip", _flip, "x.flip(0, -1)", X),
    Operation("roll", _roll, "x.roll(1, 1) + x.roll(2)", X),
    Operation("tril", _tril, "x.tril(1)", X),
    Operation("triu", _triu, "x.triu(1)", X),
    Operation("cat", _cat, "torch.cat([x, y], 1)", {"x": (2, 3), "y": (2, 2)}),
    Operation("stack", _stack, "torch.stack([x, x * x], 1)", X),
    Operation("repeat", _repeat, "x.repeat(2, 1, 3)", X),
    Operation("constant_pad_nd", _pad, "F.pad(x, (1, 2, -1, 1), value=3.0)", X),
    Operation(
        "slice_scatter",
        _slice_scatter,
        "torch.slice_scatter(x, y, 1, 0, 4, 2)",
        {"x": (2, 4), "y": (2, 2)},
    ),
    Operation(
        "select_scatter",
        _select_scatter,
        "torch.select_scatter(x, y, 1, 2)",
        {"x": (2, 4), "y": (2,)},
    ),
    Operation("copy", _copy, "torch.empty_like(x).copy_(y) * x", {"x": (2, 3), "y": (3,)}),
    Operation("index", _index, "x[:, torch.tensor([2, 0, 2])]", X),
    Operation(
        "index_put",
        _index_put,
        "x.index_put((torch.tensor([1, 0, 1]),), y, accumulate=True)",
        {"x": (2, 3), "y": (3,)},
    ),
    Operation("index_select", _index_select, "x.index_select(1, torch.tensor([2, 0, 2]))", X),
    Operation(
        "index_add",
        _index_add,
        "x.index_add(1, torch.tensor([2, 2]), y)",
        {"x": (2, 3), "y": (2, 2)},
    ),
    Operation("gather", _gather, "x.gather(1, torch.tensor([[2, 0], [1, 1]]))", X),
    Operation(
        "scatter_add",
        _scatter_add,
        "x.scatter_add(1, torch.tensor([[2, 0], [1, 1]]), y)",
        {"x": (2, 3), "y": (2, 2)},
    ),
    Operation(
        "scatter", _scatter, "x.scatter(1, torch.tensor([[2], [0]]), y)", {"x": (2, 3), "y": (2, 1)}
    ),
)
