"""Arithmetic on expressions: what the operators do, and the linear functions.

Everything is elementwise as in NumPy. Scalars and numbers broadcast; nothing else does, an einsum
says it instead. Numbers fold, equal terms merge (``A + A → 2 A``), zeros vanish and keep their
shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

from ..errors import EinderivError, ShapeError, counted
from .arguments import Operand, check_name, operand
from .canonical import coefficient, collected, scaled
from .nodes import (
    Add,
    Einsum,
    Expr,
    Label,
    Letters,
    Number,
    Size,
    Tensor,
    Written,
    dressed,
    filled,
    is_zero,
    zero,
)
from .sizes import called, checked
from .unify import assemble, written_slots

#: terms: a sum of more keeps its sums nested, so that adding to a long sum does not copy it
FLAT = 256


def letters(labels: Sequence[Label], names: Sequence[str | None]) -> Letters:
    """A name for each label: the first, where a label occurs again."""
    return dict(zip(reversed(labels), reversed(names), strict=True))


def added(terms: Sequence[Expr], *, flat: bool = True) -> Expr:
    """The sum of `terms`: zeros dropped, equal terms merged; with `flat`, short sums among them
    opened.
    """
    parts: list[Expr] = []
    for term in terms:
        opened = (
            flat
            and isinstance(term, Add)
            and not term.origins
            and len(term.addends) + len(terms) <= FLAT
        )
        parts.extend(term.addends if opened and isinstance(term, Add) else [term])
    live = [p for p in parts if not is_zero(p)]
    merged = [t for t in collected(live) if not is_zero(t)]
    # What has vanished is remembered: its tensors, sizes and dtypes are still part of the
    # expression.
    lost = tuple(p for p in parts if is_zero(p))
    first = parts[0]
    if not merged:
        return zero(first.sizes, first.axes, tuple(parts))
    if len(merged) == 1:
        return dressed(merged[0], axes=first.axes, origins=lost) if lost else merged[0]
    return Add(tuple(merged), axes=first.axes, origins=lost)


def add(a: Operand, b: Operand) -> Expr:
    """``a + b``."""
    return checked(added(stretched(a, b)))


def stretched(a: Operand, b: Operand) -> tuple[Expr, Expr]:
    """Both under the axes of the one that has axes."""
    big = b if isinstance(b, Expr) and (not isinstance(a, Expr) or a.ndim == 0) else a
    assert isinstance(big, Expr)
    return _stretched(a, big), _stretched(b, big)


def _stretched(x: Operand, like: Expr) -> Expr:
    """A number or scalar at every entry of the shape of `like`; anything else must have that
    shape.
    """
    if not isinstance(x, Expr):
        return filled(x, like.sizes, like.axes)
    if x.ndim == like.ndim:
        return x
    if x.ndim:
        raise ShapeError(
            f"cannot combine {called(x)}, {counted(x.ndim, 'axis')}, with {called(like)}, "
            f"{counted(like.ndim, 'axis')}: only scalars broadcast; write the einsum"
        )
    output = tuple(range(like.ndim))
    return assemble(
        1, [(x, ())], output, axes=like.axes, given=tuple(zip(output, like.sizes, strict=True))
    )


def times(a: Expr, factor: Number) -> Expr:
    """``factor · a`` for a number."""
    if isinstance(a, Add) and len(a.addends) <= FLAT and factor != 0:
        return Add(tuple(times(t, factor) for t in a.addends), axes=a.axes, origins=a.origins)
    try:
        value = coefficient(a) * factor
    except OverflowError:
        raise EinderivError("the numbers in front multiply to more than floats hold") from None
    written = a.written if isinstance(a, Einsum) else None
    if isinstance(a, Einsum) and value == 0 and not written:
        written = Written(a.coefficient, written_slots(a), a.output, a.given, a.letters)
    if written:
        written = replace(written, coefficient=written.coefficient * factor)
    if value == 0:
        return zero(a.sizes, a.axes, (a,), written)
    unit = scaled(a, value)
    return dressed(unit, written=written) if written else unit


def multiply(a: Operand, b: Operand) -> Expr:
    """``a * b``, elementwise."""
    if not isinstance(a, Expr):
        a, b = b, a
    assert isinstance(a, Expr)
    if not isinstance(b, Expr):
        return times(a, b)
    big = a if a.ndim else b
    if a.ndim and b.ndim:
        _stretched(a, b)  # says so if they do not fit
    output = tuple(range(big.ndim))
    names = (
        tuple(n or m for n, m in zip(a.axes, b.axes, strict=True)) if a.ndim == b.ndim else big.axes
    )
    slots = [(x, output if x.ndim else ()) for x in (a, b)]
    return checked(assemble(1, slots, output, axes=names, letters=letters(output, names)))


def matmul(a: Operand, b: Operand) -> Expr:
    """``a @ b``: the last axis of `a` with the second but last of `b`; leading axes are batch,
    the same on both.
    """
    if not isinstance(a, Expr) or not isinstance(b, Expr) or not (a.ndim and b.ndim):
        raise ShapeError("@ needs two operands with axes; multiply by a scalar with *")
    left, right = max(a.ndim - 2, 0), max(b.ndim - 2, 0)
    if left != right and min(a.ndim, b.ndim) > 1:
        raise ShapeError(
            f"@ of {counted(a.ndim, 'axis')} with {counted(b.ndim, 'axis')}: leading axes do not "
            "broadcast here; write the einsum, for instance 'bij,jk->bik'"
        )
    batch = tuple(range(max(left, right)))
    n = len(batch)
    row, mid, col = ((n,), n + 1, (n + 2,))
    first = (*batch[:left], *row, mid) if a.ndim > 1 else (mid,)
    second = (*batch[:right], mid, *col) if b.ndim > 1 else (mid,)
    output = batch + (row if a.ndim > 1 else ()) + (col if b.ndim > 1 else ())
    names = {**letters(second, b.axes), **{k: n for k, n in letters(first, a.axes).items() if n}}
    names = {label: names.get(label) for label in (*first, *second)}
    return checked(
        assemble(
            1,
            [(a, first), (b, second)],
            output,
            axes=tuple(names[x] for x in output),
            letters=names,
        )
    )


def viewed(
    e: Expr,
    labels: Sequence[Label],
    output: Sequence[Label],
    given: tuple[tuple[Label, Size], ...] = (),
    names: Sequence[str | None] | None = None,
) -> Expr:
    """An einsum of one operand, by labels."""
    known = letters(labels, e.axes)
    axes = tuple(known.get(label) for label in output) if names is None else tuple(names)
    return checked(
        assemble(1, [(e, tuple(labels))], tuple(output), axes=axes, given=given, letters=known)
    )


def transposed(e: Expr) -> Expr:
    """``e.T``: the axes in reverse order, as in NumPy."""
    labels = range(e.ndim)
    return viewed(e, labels, labels[::-1]) if e.ndim > 1 else e


def axes_of(e: Expr, axis: object) -> tuple[int, ...]:
    """`axis` as positions: None for all, an int, the name of an axis, or a tuple of those."""
    if axis is None:
        return tuple(range(e.ndim))
    chosen = tuple(_position(e, a) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(set(chosen)) != len(chosen):
        raise ShapeError(f"axis {axis!r} names one axis twice")
    return chosen


def _position(e: Expr, axis: object) -> int:
    if isinstance(axis, str):
        if e.axes.count(axis) != 1:
            several = f"{e.axes.count(axis)} axes are" if axis in e.axes else "no axis is"
            raise ShapeError(
                f"{several} called {axis!r}; the axes are {', '.join(a or '?' for a in e.axes)}"
            )
        return e.axes.index(axis)
    if isinstance(axis, bool) or not isinstance(axis, Integral):
        raise TypeError(f"an axis is an int or a name, not {type(axis).__name__}")
    position = int(axis)
    if not -e.ndim <= position < e.ndim:
        raise ShapeError(f"axis {position} is out of range for {counted(e.ndim, 'axis')}")
    return position % e.ndim


def aligned(value: Any, like: Expr, what: str) -> Expr:
    """An expression, name or array as an expression with the axes, and the sizes, of `like`."""
    if isinstance(value, str):
        check_name(value, what)
        value = Tensor(value, (None,) * like.ndim)
    value = operand(value, what)
    if not isinstance(value, Expr):
        value = filled(value, (), ())
    if value.ndim != like.ndim:
        raise ShapeError(f"{what} has {counted(value.ndim, 'axis')}, but needs {like.ndim}")
    labels = tuple(range(like.ndim))
    given = tuple(zip(labels, like.sizes, strict=True))
    names = dict(zip(labels, like.axes, strict=True))
    return checked(
        assemble(1, [(value, labels)], labels, axes=like.axes, given=given, letters=names)
    )
