"""Losses of torch: of class numbers, of differences, of probabilities."""

from __future__ import annotations

import math
from typing import Any

from .. import functions
from ..expression import Expr, Slot, assemble, times
from .torch_values import Call, Operation, expression_of, hot, is_known, plus, product, shape_of


def _nll(
    call: Call, x: Any, target: Any, weight: Any, reduction: int, ignore_index: int
) -> tuple[Any, ...]:
    """``-Σ weight[t[n]] x[n, t[n]]``, divided by the sum of the weights for a mean."""
    scores = expression_of(x)
    if scores.ndim == 1:
        call.refuse("give a batch, of one row")
    sizes = shape_of(scores)
    kept = target
    if is_known(target) and bool((target == ignore_index).any()):
        call.refuse(f"leave out the rows that ignore_index={ignore_index} leaves out")
    rank = scores.ndim
    labels = tuple(range(rank))
    batch = (0, *labels[2:])
    slots: list[Slot] = [(scores, labels), (hot(call, kept, sizes[1]), (*batch, 1))]
    if weight is not None:
        slots.append((expression_of(weight), (1,)))
    output = batch if reduction == 0 else ()
    axes = (None,) * len(output)
    found: Expr = assemble(-1, slots, output, axes=axes)
    if reduction != 1:
        return found, None
    if weight is None:
        return times(found, 1 / math.prod([sizes[p] for p in batch])), None
    total: Expr = assemble(1, slots[1:], (), axes=())
    return functions.divided(found, total), None


def _differences(x: Any, y: Any) -> Expr:
    return plus(x, times(expression_of(y), -1))


def _averaged(values: Expr, reduction: int) -> Expr:
    """0 all values, 1 their mean, 2 their sum."""
    if reduction == 0:
        return values
    return functions.mean(values) if reduction == 1 else functions.sum(values)


def _mse(_: Call, x: Any, y: Any, reduction: int = 1) -> Expr:
    return _averaged(functions.square(_differences(x, y)), reduction)


def _smooth_l1(_: Call, x: Any, y: Any, reduction: int = 1, beta: float = 1.0) -> Expr:
    if beta == 0:
        return _averaged(functions.abs_(_differences(x, y)), reduction)
    return times_number(_huberised(_differences(x, y), beta), 1 / beta, reduction)


def _huber(_: Call, x: Any, y: Any, reduction: int = 1, delta: float = 1.0) -> Expr:
    return times_number(_huberised(_differences(x, y), delta), 1, reduction)


def times_number(values: Expr, factor: float, reduction: int) -> Expr:
    return _averaged(times(values, factor) if factor != 1 else values, reduction)


def _huberised(r: Expr, delta: float) -> Expr:
    """``r² / 2`` up to delta, then the line ``delta (|r| - delta / 2)``."""
    length = functions.abs_(r)
    inside = functions.less(length, _number(delta, r))
    line = plus(times(length, delta), -delta * delta / 2)
    return functions.selected(inside, times(functions.square(r), 0.5), line)


def _number(value: float, like: Expr) -> Expr:
    return plus(times(like, 0), value)


def _bce(call: Call, p: Any, t: Any, weight: Any = None, reduction: int = 1) -> Expr:
    """``-(t log p + (1 - t) log(1 - p))``; torch's logarithms end at -100."""
    target = expression_of(t)
    first = functions.maximum(functions.log(expression_of(p)), -100)
    rest = plus(1, times(expression_of(p), -1))
    second = functions.maximum(functions.log(rest), -100)
    both = plus(product(target, first), product(plus(1, times(target, -1)), second))
    values = times(both, -1)
    return _averaged(values if weight is None else product(values, weight), reduction)


ROWS = (
    Operation("nll_loss_forward", _nll, "F.cross_entropy(x, torch.tensor([2, 0]))", {"x": (2, 3)}),
    Operation(
        "nll_loss2d_forward",
        _nll,
        "F.nll_loss(x, torch.tensor([[[2, 0]], [[1, 1]]]))",
        {"x": (2, 3, 1, 2)},
    ),
    Operation("mse_loss", _mse, "F.mse_loss(x, y)", {"x": (2, 3), "y": (2, 3)}),
    Operation(
        "smooth_l1_loss", _smooth_l1, "F.smooth_l1_loss(x, y, beta=0.5)", {"x": (2, 3), "y": (2, 3)}
    ),
    Operation("huber_loss", _huber, "F.huber_loss(x, y, delta=0.5)", {"x": (2, 3), "y": (2, 3)}),
    Operation(
        "binary_cross_entropy",
        _bce,
        "F.binary_cross_entropy(x.sigmoid(), y.sigmoid())",
        {"x": (2, 3), "y": (2, 3)},
    ),
)
