"""Operations of layers of torch: convolutions, pools, norms, embeddings, losses of class numbers.

A convolution is ``Σ x[n, c, s i + d k - p] w[o, c, k]``: what is read outside of x is 0, so padding
needs no step of its own. A pool is a function of windows.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from .. import functions
from ..expression import AffineIndex, Expr, Label, Size, Slot, assemble, at, indexed, times
from .torch_shapes import cut
from .torch_values import (
    Call,
    Operation,
    Shape,
    expression_of,
    hot,
    is_known,
    linear,
    placed,
    plus,
    product,
    shape_of,
    windows,
)


# ---- convolutions
def _convolution(
    call: Call,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Expr:
    image, filters = expression_of(x), expression_of(weight)
    rank = image.ndim - 2
    steps = [_long(given, rank) for given in (stride, dilation, padding)]
    # The channels in groups: an axis of its own, if there are several.
    if groups > 1:
        image = functions.reshape(image, _grouped(shape_of(image), 1, groups))
        filters = functions.reshape(filters, _grouped(shape_of(filters), 0, groups))
    form = _transposed_convolution if transposed else _correlation
    found = form(image, filters, call.shape, groups, *steps)
    found = functions.reshape(found, call.shape) if groups > 1 else found
    if bias is None:
        return found
    shifts = functions.reshape(expression_of(bias), (call.shape[1], *[1] * rank))
    return plus(found, shifts)


def _grouped(shape: Shape, axis: int, groups: int) -> Shape:
    return (*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def _long(given: Sequence[int], rank: int) -> list[int]:
    """One for each axis: torch repeats the one of a list of one."""
    return list(given) * (rank if len(given) == 1 else 1)


class _Labels:
    """Labels of a convolution: batch, group, both channels, places and taps."""

    def __init__(self, rank: int, groups: int) -> None:
        self.batch, self.group, self.inner, self.outer = 0, 1, 2, 3
        self.places = range(4, 4 + rank)
        self.taps = range(4 + rank, 4 + 2 * rank)
        self.groups = [at(self.group)] if groups > 1 else []


def _correlation(
    image: Expr,
    filters: Expr,
    out: Shape,
    groups: int,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
) -> Expr:
    """``y[n, o, i] = Σ x[n, c, s i + d k - p] w[o, c, k]``"""
    own = _Labels(len(stride), groups)
    kernel = shape_of(filters)[-len(stride) :]
    domains: dict[Label, Size] = {
        own.batch: out[0],
        own.inner: shape_of(image)[-len(stride) - 1],
        own.outer: out[1] // groups,
    }
    if groups > 1:
        domains[own.group] = groups
    domains |= dict(zip(own.places, out[2:], strict=True))
    domains |= dict(zip(own.taps, kernel, strict=True))
    reads = []
    for i, k, s, d, p in zip(own.places, own.taps, stride, dilation, padding, strict=True):
        reads.append(AffineIndex(-p, ((i, s), (k, d))))
    taps = [at(k) for k in own.taps]
    slots = [
        (image, [at(own.batch), *own.groups, at(own.inner), *reads]),
        (filters, [*own.groups, at(own.outer), at(own.inner), *taps]),
    ]
    output = [at(own.batch), *own.groups, at(own.outer), *[at(i) for i in own.places]]
    channels = (groups, out[1] // groups) if groups > 1 else (out[1],)
    sizes = (out[0], *channels, *out[2:])
    return indexed(slots, output, domains, sizes, [None] * len(sizes))


def _transposed_convolution(
    image: Expr,
    filters: Expr,
    out: Shape,
    groups: int,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
) -> Expr:
    """``y[n, o, s i + d k - p] += x[n, c, i] w[c, o, k]``"""
    rank = len(stride)
    own = _Labels(rank, groups)
    image_sizes, kernel = shape_of(image), shape_of(filters)[-rank:]
    domains: dict[Label, Size] = {
        own.batch: out[0],
        own.inner: image_sizes[-rank - 1],
        own.outer: out[1] // groups,
    }
    if groups > 1:
        domains[own.group] = groups
    domains |= dict(zip(own.places, image_sizes[-rank:], strict=True))
    domains |= dict(zip(own.taps, kernel, strict=True))
    writes = []
    for i, k, s, d, p in zip(own.places, own.taps, stride, dilation, padding, strict=True):
        writes.append(AffineIndex(-p, ((i, s), (k, d))))
    places = [at(i) for i in own.places]
    taps = [at(k) for k in own.taps]
    slots = [
        (image, [at(own.batch), *own.groups, at(own.inner), *places]),
        (filters, [*own.groups, at(own.inner), at(own.outer), *taps]),
    ]
    output = [at(own.batch), *own.groups, at(own.outer), *writes]
    channels = (groups, out[1] // groups) if groups > 1 else (out[1],)
    sizes = (out[0], *channels, *out[2:])
    return indexed(slots, output, domains, sizes, [None] * len(sizes))


def _convolution_backward(
    call: Call,
    gradient: Any,
    x: Any,
    weight: Any,
    bias_sizes: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    wanted: Sequence[bool],
) -> tuple[Any, ...]:
    """What a convolution gives back to its image, its filters and its bias."""
    if transposed or groups > 1:
        call.refuse("derive the expression of the function itself: ed.grad(ed.from_torch(f, …))")
    g, image, filters = map(expression_of, (gradient, x, weight))
    steps = [_long(given, image.ndim - 2) for given in (stride, dilation, padding)]
    # y[n, c, s i + d k - p] += g[n, o, i] w[o, c, k]
    to_image = _transposed_convolution(g, filters, shape_of(image), 1, *steps)
    to_filters = _filters_back(g, image, shape_of(filters), *steps) if wanted[1] else None
    to_bias = functions.sum(g, (0, *range(2, g.ndim))) if wanted[2] else None
    return to_image if wanted[0] else None, to_filters, to_bias


def _filters_back(
    g: Expr,
    image: Expr,
    out: Shape,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
) -> Expr:
    """``y[o, c, k] = Σ g[n, o, i] x[n, c, s i + d k - p]``"""
    own = _Labels(len(stride), 1)
    sizes = shape_of(g)
    domains: dict[Label, Size] = {own.batch: sizes[0], own.outer: out[0], own.inner: out[1]}
    domains |= dict(zip(own.places, sizes[2:], strict=True))
    domains |= dict(zip(own.taps, out[2:], strict=True))
    reads = []
    for i, k, s, d, p in zip(own.places, own.taps, stride, dilation, padding, strict=True):
        reads.append(AffineIndex(-p, ((i, s), (k, d))))
    slots = [
        (g, [at(own.batch), at(own.outer), *[at(i) for i in own.places]]),
        (image, [at(own.batch), at(own.inner), *reads]),
    ]
    output = [at(own.outer), at(own.inner), *[at(k) for k in own.taps]]
    return indexed(slots, output, domains, list(out), [None] * len(out))


# ---- pools
def _max_pool(
    call: Call,
    x: Expr,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> tuple[Any, ...]:
    meta = call.meta[0]
    shape = tuple(meta.shape)
    rank = _pooled_axes(call)
    sides = _long(kernel, rank)
    steps = _long(stride, rank) if stride else sides
    spaced = _long(dilation, rank)
    widths = _long(padding, rank)
    ringed = _ringed(x, shape, sides, steps, widths, spaced, meta.dtype)
    seen = windows(ringed, sides, steps, spaced, shape[-rank:])
    return functions.max(seen, tuple(range(x.ndim, x.ndim + rank))), None


def _pooled_axes(call: Call) -> int:
    """2 of ``max_pool2d``"""
    (digit,) = [int(c) for c in call.name if c in "123"]
    return digit


def _ringed(
    x: Expr,
    out: Shape,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    dtype: Any,
) -> Expr:
    """`x` with -∞ around it as far as windows reach."""
    import torch

    own = shape_of(x)
    rank = len(kernel)
    first = x.ndim - rank
    wanted = []
    for n, k, s, d in zip(out[first:], kernel, stride, dilation, strict=True):
        wanted.append((n - 1) * s + d * (k - 1) + 1)
    inner = tuple([n + p for n, p in zip(own[first:], padding, strict=True)])
    if not any(padding) and all([w <= n for w, n in zip(wanted, inner, strict=True)]):
        return x
    sizes = (*own[:first], *[max(w, n) for w, n in zip(wanted, inner, strict=True)])
    frame = torch.full(sizes[first:], -torch.inf, dtype=torch.float16)
    frame[tuple([slice(p, n) for p, n in zip(padding, inner, strict=True)])] = 0
    return plus(placed(x, [*[0] * first, *padding], sizes), frame)


def _avg_pool(
    call: Call,
    x: Expr,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Expr:
    rank = _pooled_axes(call)
    sides, widths = _long(kernel, rank), _long(padding, rank)
    steps = _long(stride, rank) if stride else sides
    out = call.shape
    first = x.ndim - rank
    # Σ_k x[s i + k - p]
    domains: dict[Label, Size] = dict(enumerate(out))
    reads = [at(label) for label in range(first)]
    for p in range(rank):
        tap = x.ndim + p
        domains[tap] = sides[p]
        reads.append(AffineIndex(-widths[p], ((first + p, steps[p]), (tap, 1))))
    output = [at(label) for label in range(x.ndim)]
    total = indexed([(x, reads)], output, domains, out, [None] * x.ndim)
    if divisor_override is not None:
        return times(total, 1 / divisor_override)
    counts = _counts(shape_of(x)[first:], out[first:], sides, steps, widths, count_include_pad)
    return product(total, counts) if is_known(counts) else times(total, counts)


def _counts(
    sizes: Shape,
    out: Shape,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    with_padding: bool,
) -> Any:
    """One over how many entries each window has: padding counts, or not."""
    import torch

    counts = torch.ones((), dtype=torch.float64)
    for n, m, k, s, p in zip(sizes, out, kernel, stride, padding, strict=True):
        row = []
        for i in range(m):
            start = i * s - p
            stop = min(start + k, n + p)
            row.append(stop - start if with_padding else min(stop, n) - max(start, 0))
        counts = counts[..., None] * torch.tensor(row, dtype=torch.float64)
    smallest, largest = float(counts.min()), float(counts.max())
    return 1 / smallest if smallest == largest else 1 / counts


def _adaptive_avg_pool(call: Call, x: Expr, size: Sequence[int]) -> Expr:
    found = x
    rank = len(size)
    for axis in range(x.ndim - rank, x.ndim):
        n, m = shape_of(x)[axis], call.shape[axis]
        if n % m == 0:
            found = times(_blocks_summed(found, axis, m), m / n)
        else:
            found = linear(found, axis, _shares(n, m, call.meta.dtype))
    return found


def _blocks_summed(x: Expr, axis: int, count: int) -> Expr:
    sizes = shape_of(x)
    parted = functions.reshape(x, _grouped(sizes, axis, count))
    return functions.sum(parted, axis + 1)


def _shares(n: int, m: int, dtype: Any) -> Any:
    """What each of n entries adds to each of m means."""
    import torch

    matrix = torch.zeros(m, n, dtype=dtype)
    for i, (start, stop) in enumerate(_bins(n, m)):
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def _bins(n: int, m: int) -> list[tuple[int, int]]:
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def _adaptive_max_pool(call: Call, x: Expr, size: Sequence[int]) -> tuple[Any, ...]:
    found = x
    for axis in range(x.ndim - len(size), x.ndim):
        n = shape_of(x)[axis]
        m = call.meta[0].shape[axis]
        parts = []
        for start, stop in _bins(n, m):
            parts.append(functions.max(cut(found, axis, start, stop), axis, keepdims=True))
        found = functions.concatenate(parts, axis) if len(parts) > 1 else parts[0]
    return found, None


def _resized(call: Call, x: Expr, *_: Any, **__: Any) -> Expr:
    """A linear map along each axis, which torch tells of the rows of an identity matrix."""
    found = x
    for axis in range(2, x.ndim):
        n, m = shape_of(x)[axis], call.shape[axis]
        if n != m:
            found = linear(found, axis, _resizing(call, axis, n, m, x.ndim))
    return found


def _resizing(call: Call, axis: int, n: int, m: int, rank: int) -> Any:
    """What each of n entries of an axis adds to each of m."""
    import torch

    options: dict[str, Any] = {"size": m}
    scale = _scale(call, axis - 2)
    if scale is not None:  # then m is rounded, and the scale counts
        options = {"scale_factor": scale}
    if "nearest" in call.name:
        options["mode"] = "nearest"
    else:
        options["mode"] = "bicubic" if "bicubic" in call.name else "linear"
        options["align_corners"] = bool(call.arguments[2])
    rows = torch.eye(n, dtype=call.meta.dtype)[None]
    if options["mode"] != "bicubic":
        return torch.nn.functional.interpolate(rows, **options)[0].mT
    # in two axes, of which the other has one place
    if scale is None:
        options["size"] = (m, 1)
    else:
        options["scale_factor"] = (scale, 1)
    return torch.nn.functional.interpolate(rows[..., None], **options)[0, ..., 0].mT


def _scale(call: Call, axis: int) -> float | None:
    """The scale of an axis, where one was given instead of a size."""
    scales: list[float] = []
    for argument in call.arguments[2:]:
        given = argument if isinstance(argument, (list, tuple)) else [argument]
        scales += [one for one in given if isinstance(one, float)]
    return scales[axis] if scales else None


# ---- norms
def _normalised(x: Expr, axes: tuple[int, ...], eps: float) -> tuple[Expr, Expr, Expr]:
    """``(x - mean) / sqrt(var + eps)``, the mean and the factor, with the axes kept."""
    middle = functions.mean(x, axes, keepdims=True)
    spread_out = functions.var(x, axes, keepdims=True)
    factor = functions.powered(plus(spread_out, eps), -0.5)
    return product(plus(x, times(middle, -1)), factor), middle, factor


def _affine(x: Expr, weight: Any, bias: Any, shape: Shape) -> Expr:
    """Times a weight plus a bias, each of this shape."""
    found = x
    if weight is not None:
        found = product(found, functions.reshape(expression_of(weight), shape))
    if bias is not None:
        found = plus(found, functions.reshape(expression_of(bias), shape))
    return found


def _layer_norm(
    _: Call, x: Any, normalized: Sequence[int], weight: Any, bias: Any, eps: float
) -> tuple[Any, ...]:
    e = expression_of(x)
    axes = tuple(range(e.ndim - len(normalized), e.ndim))
    found, middle, factor = _normalised(e, axes, eps)
    return _affine(found, weight, bias, tuple(normalized)), middle, factor


def _group_norm(
    call: Call,
    x: Any,
    weight: Any,
    bias: Any,
    batch: int,
    channels: int,
    places: int,
    groups: int,
    eps: float,
) -> tuple[Any, ...]:
    e = expression_of(x)
    parted = functions.reshape(e, (batch, groups, channels // groups, places))
    found, _, _ = _normalised(parted, (2, 3), eps)
    whole = functions.reshape(found, shape_of(e))
    return _affine(whole, weight, bias, (channels, *[1] * (e.ndim - 2))), None, None


def _batch_norm(
    _: Call, x: Any, weight: Any, bias: Any, mean: Any, var: Any, momentum: float, eps: float
) -> tuple[Any, ...]:
    """By the running statistics, as in evaluation mode."""
    e = expression_of(x)
    shape = (shape_of(e)[1], *[1] * (e.ndim - 2))
    factor = functions.powered(plus(expression_of(var), eps), -0.5)
    middle = functions.reshape(expression_of(mean), shape)
    found = product(plus(e, times(middle, -1)), functions.reshape(factor, shape))
    return _affine(found, weight, bias, shape), None, None


def _any_batch_norm(
    call: Call,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Any, ...]:
    if not training:
        return _batch_norm(call, x, weight, bias, mean, var, momentum, eps)
    if mean is not None:
        call.refuse("it writes its running statistics: take training=False, or give none")
    return _norm_of_batch(call, x, weight, bias, training, momentum, eps)


def _norm_of_batch(
    _: Call, x: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> tuple[Any, ...]:
    e = expression_of(x)
    axes = (0, *range(2, e.ndim))
    found, middle, factor = _normalised(e, axes, eps)
    shape = (shape_of(e)[1], *[1] * (e.ndim - 2))
    return _affine(found, weight, bias, shape), middle, factor


# ---- rows of a table
def _embedding(call: Call, weight: Any, index: Any, padding_idx: int = -1, *_: Any) -> Expr:
    """``y[…, k] = weight[index[…], k]``"""
    rows = expression_of(weight)
    rank = len(shape_of(index))
    if padding_idx >= 0:
        warnings.warn(
            f"the derivative by an embedding has its row {padding_idx} too, which torch leaves out "
            "for padding_idx",
            UserWarning,
            stacklevel=2,
        )
    labels = tuple(range(rank))
    value, column = rank, rank + 1
    slots: list[Slot] = [(hot(call, index, shape_of(rows)[0]), (*labels, value))]
    slots.append((rows, (value, column)))
    return assemble(1, slots, (*labels, column), axes=(None,) * (rank + 1))


def _embedding_bag(
    call: Call,
    weight: Any,
    index: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> tuple[Any, ...]:
    """Sums or means of rows, from each offset to the next."""
    import torch

    if mode == 2 or padding_idx >= 0:
        call.refuse("sums and means of rows are read: mode='sum' or 'mean', without padding_idx")
    if not is_known(offsets):
        call.refuse("its offsets are computed from an input: hold them, or give a matrix of places")
    rows = expression_of(weight)
    count = shape_of(index)[0]
    starts = offsets[:-1] if include_last_offset else offsets
    bag = torch.searchsorted(starts, torch.arange(count), right=True) - 1
    taken = hot(call, index, shape_of(rows)[0])
    slots: list[Slot] = [(taken, (0, 1)), (rows, (1, 2)), (hot(call, bag, len(starts)), (0, 3))]
    if per_sample_weights is not None:
        slots.append((expression_of(per_sample_weights), (0,)))
    found: Expr = assemble(1, slots, (3, 2), axes=(None, None))
    if mode == 1:
        lengths = torch.bincount(bag, minlength=len(starts)).clamp(min=1)
        found = product(found, 1 / lengths[:, None].to(torch.float64))
    return found, None, None, None


IMAGE = {"x": (2, 4, 7, 6), "w": (6, 2, 3, 2), "b": (6,)}
MAP = {"x": (2, 3, 7, 6)}
NORM = {"x": (2, 4, 3, 3), "w": (4,), "b": (4,)}
ROWS = (
    Operation(
        "convolution_backward",
        _convolution_backward,
        "torch.func.grad(lambda w: F.conv1d(x, w, stride=2, padding=1).square().sum())(w)",
        {"x": (2, 3, 7), "w": (2, 3, 3)},
        "without groups",
    ),
    Operation(
        "convolution",
        _convolution,
        "F.conv2d(x, w, b, stride=(2, 1), padding=1, dilation=(1, 2), groups=2)",
        IMAGE,
    ),
    Operation(
        "max_pool2d_with_indices", _max_pool, "F.max_pool2d(x, 3, 2, 1, ceil_mode=True)", MAP
    ),
    Operation("max_pool3d_with_indices", _max_pool, "F.max_pool3d(x, 2)", {"x": (2, 3, 4, 4)}),
    Operation(
        "avg_pool2d",
        _avg_pool,
        "F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)",
        MAP,
    ),
    Operation("avg_pool3d", _avg_pool, "F.avg_pool3d(x, 2)", {"x": (2, 3, 4, 4)}),
    Operation("_adaptive_avg_pool2d", _adaptive_avg_pool, "F.adaptive_avg_pool2d(x, (3, 3))", MAP),
    Operation(
        "_adaptive_avg_pool3d",
        _adaptive_avg_pool,
        "F.adaptive_avg_pool3d(x, 2)",
        {"x": (2, 3, 4, 5)},
    ),
    Operation("adaptive_max_pool2d", _adaptive_max_pool, "F.adaptive_max_pool2d(x, (3, 3))", MAP),
    Operation("upsample_nearest1d", _resized, "F.interpolate(x, scale_factor=2)", {"x": (2, 3, 4)}),
    Operation("upsample_nearest2d", _resized, "F.interpolate(x, size=(9, 3))", MAP),
    Operation(
        "upsample_linear1d", _resized, "F.interpolate(x, size=7, mode='linear')", {"x": (2, 3, 4)}
    ),
    Operation(
        "upsample_nearest3d", _resized, "F.interpolate(x, size=(3, 1, 4))", {"x": (1, 2, 2, 3, 2)}
    ),
    Operation(
        "upsample_trilinear3d",
        _resized,
        "F.interpolate(x, size=(3, 1, 4), mode='trilinear')",
        {"x": (1, 2, 2, 3, 2)},
    ),
    Operation("upsample_bicubic2d", _resized, "F.interpolate(x, size=(9, 4), mode='bicubic')", MAP),
    Operation(
        "upsample_bilinear2d",
        _resized,
        "F.interpolate(x, size=(9, 8), mode='bilinear', align_corners=True)",
        MAP,
    ),
    Operation(
        "native_layer_norm",
        _layer_norm,
        "F.layer_norm(x, (3, 3), w, b)",
        {"x": (2, 3, 3), "w": (3, 3), "b": (3, 3)},
    ),
    Operation("native_group_norm", _group_norm, "F.group_norm(x, 2, w, b)", NORM),
    Operation("native_batch_norm", _any_batch_norm, "F.instance_norm(x, weight=w, bias=b)", NORM),
    Operation(
        "_native_batch_norm_legit_no_training",
        _batch_norm,
        "aten._native_batch_norm_legit_no_training"
        "(x, w, b, x.new_zeros(4), x.new_ones(4), 0.1, 1e-5)[0]",
        NORM,
    ),
    Operation(
        "_native_batch_norm_legit",
        _norm_of_batch,
        "aten._native_batch_norm_legit.no_stats(x, w, b, True, 0.1, 1e-5)[0]",
        NORM,
    ),
    Operation(
        "embedding",
        _embedding,
        "F.embedding(torch.tensor([[2, 0], [1, 1]]), w)",
        {"w": (3, 2)},
        "the row of padding_idx has a derivative too",
    ),
    Operation(
        "_embedding_bag",
        _embedding_bag,
        "aten._embedding_bag(w, torch.tensor([2, 0, 1]), torch.tensor([0, 2]))[0]",
        {"w": (3, 2)},
    ),
    Operation(
        "_embedding_bag_forward_only",
        _embedding_bag,
        "F.embedding_bag(torch.tensor([[2, 0], [1, 1]]), w)",
        {"w": (3, 2)},
    ),
)
