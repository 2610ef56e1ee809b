"""Arithmetic on expressions: what the operators do, and the linear functions.

Everything is elementwise as in NumPy, and broadcasts as NumPy does: axes align from the last, axes
that are missing before them and axes *known* to have size 1 are repeated. A broadcast is a label of
the output that an operand lacks: no node stands for it. Numbers fold, equal terms merge (``A + A →
2 A``), zeros vanish and keep their shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, NamedTuple, TypeVar

from ..errors import EinderivError, ShapeError, counted
from .arguments import Operand, check_name, operand
from .broadcasting import (
    Axes,
    common_axes,
    has_dims,
    letters,
    named_like,
    repeated,
    stretched,
    viewed,
)
from .canonical import coefficient, collected, scaled
from .known_signs import alike, inverts, is_positive
from .nodes import (
    Add,
    Apply,
    Einsum,
    Expr,
    Number,
    Slot,
    Tensor,
    Written,
    dressed,
    filled,
    is_zero,
    zero,
)
from .sizes import called, checked
from .unify import assemble, written_slots

T = TypeVar("T")
#: terms: of a longer sum no term is looked for that makes a smooth sum with one more
SHORT = 8
#: terms: a sum of more keeps its sums nested, so that adding to a long sum does not copy it
FLAT = 256
#: factors: products of more are not joined to others for the powers in them to meet
POWERS = 64
#: terms, and their different factors: larger sums are not multiplied out
MONOMIALS = 64
ATOMS = 6


def added(terms: Sequence[Expr], *, flat: bool = True) -> Expr:
    """The sum of `terms`: zeros dropped, equal terms merged; with `flat`, short sums among them
    opened.
    """
    parts: list[Expr] = []
    for term in terms:
        if flat and isinstance(term, Add) and _is_short(term, len(terms)):
            parts.extend(term.addends)
        else:
            parts.append(term)
    live = [part for part in parts if not is_zero(part)]
    merged = [term for term in collected(live) if not is_zero(term)]
    # What has vanished is remembered: its tensors, sizes and dtypes are still part of the
    # expression.
    lost = tuple([part for part in parts if is_zero(part)])
    first = parts[0]
    if not merged:
        return zero(first.axis_sizes, first.axes, tuple(parts))
    if len(merged) > 1:
        return Add(tuple(merged), axes=first.axes, origins=lost)
    if lost:
        return dressed(merged[0], axes=first.axes, origins=lost)
    return merged[0]


def _is_short(part: Add, beside: int) -> bool:
    """May a sum be opened in one of so many terms? Not if it remembers what it was made from."""
    return not part.origins and len(part.addends) + beside <= FLAT


def add(a: Operand, b: Operand) -> Expr:
    """``a + b``."""
    left, right = stretched(a, b)
    smooth = _smooth_sum(left, right)
    if smooth is None:
        smooth = _smooth_sum(right, left)
    return checked(added((left, right)) if smooth is None else smooth)


def _smooth_sum(a: Expr, b: Expr) -> Expr | None:
    """``a + b`` where it is smooth though both have a kink, as the row of `b` knows, or that of a
    term of `a`.
    """
    if not isinstance(b, Apply) or b.function.smooth_sum is None:
        return None
    addends = a.addends if isinstance(a, Add) and len(a.addends) <= SHORT else (a,)
    for k, addend in enumerate(addends):
        joined: Expr | None = b.function.smooth_sum(b, addend)
        if joined is not None:
            others = [other for place, other in enumerate(addends) if place != k]
            return added([*others, joined]) if others else joined
    return None


def times(a: Expr, factor: Number) -> Expr:
    """``factor · a`` for a number."""
    if isinstance(a, Add) and len(a.addends) <= FLAT and factor != 0:
        terms = tuple([times(term, factor) for term in a.addends])
        return Add(terms, axes=a.axes, origins=a.origins)
    try:
        value = coefficient(a) * factor
    except OverflowError:
        raise EinderivError("the numbers in front multiply to more than floats hold") from None
    # What the author wrote is scaled too; in a zero nothing else remembers the operands.
    written = a.written if isinstance(a, Einsum) else None
    if isinstance(a, Einsum) and value == 0 and not written:
        slots = written_slots(a)
        written = Written(a.coefficient, slots, a.output, a.given, a.letters, a.relations)
    if written:
        written = replace(written, coefficient=written.coefficient * factor)
    if value == 0:
        return zero(a.axis_sizes, a.axes, (a,), written)
    product = scaled(a, value)
    return dressed(product, written=written) if written else product


def multiply(a: Operand, b: Operand) -> Expr:
    """``a * b``, elementwise."""
    if not isinstance(a, Expr):
        a, b = b, a
    assert isinstance(a, Expr)
    if not isinstance(b, Expr):
        return times(a, b)
    if has_dims(a) or has_dims(b):
        a, b = named_like(a, b), named_like(b, a)
    if a is b and (square := smooth_square(a)) is not None:
        return square
    common = common_axes((a, b))
    rank = len(common.sizes)
    names = common.names
    # ij,ij->ij  or, with fewer axes,  ij,j->ij
    output = tuple(range(rank))
    slots: list[Slot] = []
    for factor in (a, b):
        if 1 in factor.axis_sizes:
            factor = repeated(factor, common.last(factor.ndim))
        slots.append((factor, output[rank - factor.ndim :]))
    inline = (*_may_cancel(a, b), *_may_cancel(b, a))
    product = assemble(1, slots, output, axes=names, letters=letters(output, names), inline=inline)
    return checked(product)


def _may_cancel(e: Expr, other: Expr) -> tuple[Expr, ...]:
    """A product that sums nothing, if one of its factors is what `other` divides by, or divides by
    `other`.
    """
    if not isinstance(e, Einsum):
        return ()
    if inverts(other):
        below = other.arguments[0]
        found = is_positive(below) and any(alike(factor, below) for factor in e.factors)
    else:
        quotients = [factor for factor in e.factors if inverts(factor)]
        found = any(alike(q.arguments[0], other) for q in quotients) and is_positive(other)
    if not found:
        return ()
    sums = any(label not in e.output for labels in e.inputs for label in labels)
    return () if sums or e.parts is not None else (e,)


def smooth_square(e: Expr) -> Expr | None:
    """``e * e`` of a function with a kink whose square has none, as its row says: |x|² is x²."""
    if isinstance(e, Apply) and e.function.squared is not None:
        square: Expr = e.function.squared(e)
        # It was met: complex arrays that are not declared stay refused.
        return dressed(square, origins=(e,))
    return None


def powers(slots: Sequence[Slot]) -> tuple[Expr, ...]:
    """The products among `slots` that have a factor in common with the others, a function of
    entries: in one product its powers meet, so that equal terms are seen as equal.

    Only products are meant that sum nothing: with p = σ(x), q = σ(−x), ``p (p q)`` becomes ``p p
    q``.
    """
    # What is only structure dissolves anyway.
    products = [e for e, _ in slots if isinstance(e, Einsum) and not e.structure]
    found: list[Expr] = []
    for product in products:
        own = _entrywise(product)
        if not own.functions:
            continue
        for other, _ in slots:
            if other is not product and not own.functions.isdisjoint(_entrywise(other).functions):
                found += own.products
                break
    return tuple(found)


def polynomial(e: Expr, beside: Sequence[Expr] | None = None) -> tuple[Expr, ...]:
    """The terms of a polynomial in a few functions of entries, of which one must occur in a term
    of `beside`, if that is given; of anything else, itself.

    It is multiplied out, term by term, where nothing is summed: then what comes of it is a
    polynomial again, whose like terms merge, and not a sum within a product. A sum without a
    product in it, as ``p - 1``, stays as it was written; so does one with a term of tensors alone,
    as ``p - y``, whose digits a product with each would lose.
    """
    if not isinstance(e, Add) or e.origins or len(e.addends) > MONOMIALS:
        return (e,)
    atoms: set[int] = set()
    has_product = False
    for term in e.addends:
        own = _entrywise(term)
        is_number = isinstance(term, Einsum) and not term.factors
        if not own.functions and not is_number:
            return (e,)
        has_product = has_product or len(own.factors) > 1
        atoms.update(own.factors)
        if len(atoms) > ATOMS:
            return (e,)
    if not has_product:
        return (e,)
    if beside is None:
        return e.addends
    meets = any([not atoms.isdisjoint(_entrywise(other).functions) for other in beside])
    return e.addends if meets else (e,)


class _Entrywise(NamedTuple):
    """A product that sums nothing, as one of all that is nested in it; empty for anything else."""

    factors: Sequence[int]  # by their weights
    functions: set[int]  # those that are functions of entries
    products: Sequence[Expr]  # it, and those nested in it


_SUMS = _Entrywise((), set(), ())


def _entrywise(e: Expr) -> _Entrywise:
    if isinstance(e, Apply):
        return _SUMS if e.core else _Entrywise((e.weight,), {e.weight}, ())
    if not isinstance(e, Einsum) or e.count > POWERS:
        return _SUMS
    factors: list[int] = []
    functions: set[int] = set()
    products: list[Expr] = []
    stack: list[Expr] = [e]
    while stack:
        part = stack.pop()
        if isinstance(part, Einsum):
            if part.parts is not None or not all(map(set(part.output).issuperset, part.inputs)):
                return _SUMS
            products.append(part)
            stack.extend(part.factors)
            continue
        factors.append(part.weight)
        if isinstance(part, Apply) and not part.core:
            functions.add(part.weight)
    return _Entrywise(factors, functions, products)


def matmul(a: Operand, b: Operand) -> Expr:
    """``a @ b``: the last axis of `a` with the second but last of `b`; leading axes are batch, and
    broadcast.
    """
    if not isinstance(a, Expr) or not isinstance(b, Expr) or not (a.ndim and b.ndim):
        raise ShapeError("@ needs two operands with axes; multiply by a scalar with *")
    if has_dims(a) or has_dims(b):
        _check_summed(a, b)
    # bij,bjk->bik; a vector has the axis j alone, and no batch
    matrices = [e for e in (a, b) if e.ndim > 2]
    common = common_axes(matrices, 2) if matrices else Axes((), ())
    batch = tuple(range(len(common.sizes)))
    a, b = _batched(a, common), _batched(b, common)
    i, j, k = range(len(batch), len(batch) + 3)
    row = (i,) if a.ndim > 1 else ()
    column = (k,) if b.ndim > 1 else ()
    first = (*batch[len(batch) - max(a.ndim - 2, 0) :], *row, j)
    second = (*batch[len(batch) - max(b.ndim - 2, 0) :], j, *column)
    output = (*batch, *row, *column)
    # An axis that both have goes by its name in `a`, if that has one.
    names = dict.fromkeys((*first, *second))
    names |= letters(second, b.axes)
    names |= {label: name for label, name in letters(first, a.axes).items() if name}
    axes = tuple([names[label] for label in output])
    return checked(assemble(1, [(a, first), (b, second)], output, axes=axes, letters=names))


def _batched(e: Expr, common: Axes) -> Expr:
    """A matrix whose batch axes of size 1 are as long as those of another."""
    own = e.ndim - 2
    if own <= 0 or 1 not in e.axis_sizes[:own]:
        return e
    batch = common.last(own)
    both = Axes((*batch.sizes, *e.axis_sizes[own:]), (*batch.names, *e.axes[own:]))
    return repeated(e, both)


def _check_summed(a: Expr, b: Expr) -> None:
    """Raise where ``a @ b`` sums over two axes of different names, of which the other side has
    one.
    """
    last, first = a.axes[-1], b.axes[max(b.ndim - 2, 0)]
    if last != first and (first in a.axes or last in b.axes) and None not in (last, first):
        raise ShapeError(
            f"@ would sum over {last} of {called(a)} and {first} of {called(b)}: turn the array "
            "with named axes, or give its numbers alone, with .values"
        )


def transposed(e: Expr) -> Expr:
    """``e.T``: the axes in reverse order, as in NumPy."""
    if e.ndim < 2:
        return e
    labels = range(e.ndim)
    return viewed(e, labels, labels[::-1])


def axes_of(e: Expr, axis: object) -> tuple[int, ...]:
    """`axis` as positions: None for all, an int, the name of an axis, or a tuple of those."""
    if axis is None:
        return tuple(range(e.ndim))
    named = axis if isinstance(axis, (tuple, list)) else (axis,)
    chosen = tuple([_position(e, one) for one in named])
    if len(set(chosen)) != len(chosen):
        raise ShapeError(f"axis {axis!r} names one axis twice")
    return chosen


def _position(e: Expr, axis: object) -> int:
    """One axis by its name, or counted from either end."""
    if isinstance(axis, str):
        count = e.axes.count(axis)
        if count != 1:
            several = f"{count} axes are" if count else "no axis is"
            names = ", ".join([name or "?" for name in e.axes])
            raise ShapeError(f"{several} called {axis!r}; the axes are {names}")
        return e.axes.index(axis)
    if isinstance(axis, bool) or not isinstance(axis, Integral):
        raise TypeError(f"an axis is an int or a name, not {type(axis).__name__}")
    position = int(axis)
    if not -e.ndim <= position < e.ndim:
        raise ShapeError(f"axis {position} is out of range for {counted(e.ndim, 'axis')}")
    return position % e.ndim


def as_operand(value: Any, like: Expr, what: str) -> Expr:
    """An expression, name, array or number as an expression; a name is a tensor with as many axes
    as `like`.
    """
    if isinstance(value, str):
        check_name(value, what)
        return Tensor(value, (None,) * like.ndim)
    found = named_like(operand(value, what), like)
    return found if isinstance(found, Expr) else filled(found, (), ())


def aligned(value: Any, like: Expr, what: str) -> Expr:
    """An expression, name or array as an expression with the axes, and the sizes, of `like`."""
    value = as_operand(value, like, what)
    if value.ndim != like.ndim:
        raise ShapeError(f"{what} has {counted(value.ndim, 'axis')}, but needs {like.ndim}")
    labels = tuple(range(like.ndim))
    given = tuple(zip(labels, like.axis_sizes, strict=True))
    names = dict(zip(labels, like.axes, strict=True))
    slots = [(value, labels)]
    return checked(assemble(1, slots, labels, axes=like.axes, given=given, letters=names))
