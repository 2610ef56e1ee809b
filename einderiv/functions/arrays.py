"""NumPy's functions that move entries: reshapes, joins, padding, shifts, repeats, differences,
running sums, windows.

Each is an einsum with relations between its labels, or a sum of a few: ``roll`` reads two slices
and writes them at two places, ``reshape`` is one equation between the digits of a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from .. import expression
from ..errors import EinderivError, ShapeError, counted
from ..expression import (
    AffineIndex,
    ArrayTerm,
    Constant,
    Expr,
    Number,
    Size,
    SymbolicSize,
    added,
    as_expression,
    as_size,
    at,
    at_least_0,
    axes_of,
    called,
    check_name,
    checked,
    dressed,
    equal_sizes,
    exact_quotient,
    filled,
    floor_quotient,
    held,
    indexed,
    is_array,
    least_size,
    lengths_of,
    multiply,
    number,
    origins_of,
    times,
    viewed,
    zero,
)
from ..expression import Tensor as _Tensor
from ..expression import difference_of_sizes as minus
from ..expression import product_of_sizes as product
from ..expression import sum_of_sizes as plus
from . import table
from .complex import conj
from .compound import divided, subtracted, summed
from .indexing import Cut, entries, held_index_array

Met = list[Expr | None]


# ---- arguments


def expression_of(value: object) -> Expr:
    """An expression, an array, a number, or nested lists of them, which are stacked."""
    if isinstance(value, (list, tuple)) and holds_expressions(value):
        return stack(value)
    return as_expression(value)


def holds_expressions(value: Sequence[Any]) -> bool:
    """Are there expressions or symbolic sizes in nested lists?"""
    waiting = list(value)
    while waiting:
        part = waiting.pop()
        if isinstance(part, (Expr, SymbolicSize)):
            return True
        if isinstance(part, (list, tuple)):
            waiting += part
    return False


def sequence_of(value: object, what: str) -> list[Expr]:
    """The expressions of a list, or of the first axis of an array in its place."""
    if isinstance(value, Expr):
        return _along_first(value, what)
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{what} takes a list of expressions, not {type(value).__name__}")
    if not value:
        raise ShapeError(f"{what} needs at least one array")
    return [expression_of(part) for part in value]


def _along_first(e: Expr, what: str) -> list[Expr]:
    """An array stands for the list of its parts along the first axis."""
    length = lengths_of(e)[0] if e.ndim else 0
    if not isinstance(length, int) or not length:
        raise TypeError(
            f"{what} takes a list of expressions, and {called(e)} stands for one only where the "
            "size of its first axis is known and not 0"
        )
    return [entries(e, (k,)) for k in range(length)]


def _is_list(value: Any) -> bool:
    """A list, a tuple or a vector?"""
    return isinstance(value, (list, tuple)) or (is_array(value) and value.ndim == 1)


def _whole(value: object, what: str) -> int:
    found = as_size(value)
    if not isinstance(found, int):
        raise TypeError(f"{what} must be a whole number, not {value!r}")
    return found


def _one_axis(e: Expr, axis: object) -> int:
    chosen = axes_of(e, axis)
    if axis is None or len(chosen) != 1:
        raise TypeError(f"axis is one axis here, not {axis!r}")
    return chosen[0]


def _shape(shape: object, *, rest: bool = False) -> tuple[list[Size], list[str | None]]:
    """Sizes and names of axes, from numbers, symbolic sizes and names; with `rest` also -1."""
    words: list[Any] = [shape]
    if isinstance(shape, str):
        words = shape.split() if " " in shape else list(shape)
    elif _is_list(shape):
        words = list(cast(Sequence[Any], shape))
    sizes: list[Size] = []
    names: list[str | None] = []
    for word in words:
        size: Size | None
        if isinstance(word, str):
            check_name(word, "an axis")
            size, name = word, word
        else:
            size, name = as_size(word), None
        if size is None:
            raise TypeError(
                f"a shape is made of whole numbers, sizes and names of axes, not {word!r}"
            )
        if isinstance(size, int) and size < 0 and not (rest and size == -1):
            raise ShapeError(f"negative dimensions are not allowed: {size}")
        sizes.append(size)
        names.append(name)
    return sizes, names


def _sizes_met(shape: object) -> tuple[Expr, ...]:
    return origins_of(*shape) if isinstance(shape, (list, tuple)) else origins_of(shape)


def _met(*checks: Expr | None) -> tuple[Expr, ...]:
    return tuple([check for check in checks if check is not None])


def _with_met(e: Expr, *checks: Expr | None) -> Expr:
    met = _met(*checks)
    return checked(dressed(e, origins=met)) if met else e


def _plain(e: Expr) -> list[AffineIndex]:
    return [at(label) for label in range(e.ndim)]


# ---- reshapes


def reshape(e: object, /, shape: object, order: str = "C") -> Expr:
    """``reshape(e, shape)``: the same entries in row-major order, as in NumPy; one size may be -1.

    With ``order="F"`` the first axis runs fastest.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.reshape(ed.tensor("x", "i"), (2, -1)), x=[1, 2, 3, 4, 5, 6]).tolist()
    [[1, 2, 3], [4, 5, 6]]

    Raises ShapeError for sizes that cannot fit, TypeError for what is no shape.
    """
    found = expression_of(e)
    if order not in ("C", "F"):
        raise EinderivError(f"order must be 'C', row-major, or 'F', column-major, not {order!r}")
    sizes, names = _shape(shape, rest=True)
    met = _sizes_met(shape)
    if order == "F":
        turned = _reshaped(expression.transposed(found), sizes[::-1], names[::-1], met)
        return expression.transposed(turned)
    return _reshaped(found, sizes, names, met)


def _reshaped(
    e: Expr, sizes: list[Size], names: list[str | None], met: tuple[Expr, ...] = ()
) -> Expr:
    """`e` in other axes: runs of axes with the same number of entries are each one equation."""
    lengths = lengths_of(e)
    whole = product(*lengths)
    sizes = _without_rest(e, whole, sizes)
    entries_wanted = product(*sizes)
    numbers = isinstance(whole, int) and isinstance(entries_wanted, int)
    if numbers and whole != entries_wanted:
        raise ShapeError(
            f"cannot reshape {called(e)} of size {whole} into shape {tuple(sizes)}, which has "
            f"{entries_wanted} entries"
        )
    met += _met(equal_sizes(whole, entries_wanted))
    if whole == 0:
        return zero(tuple(sizes), tuple(names), (e, *met))
    before = range(e.ndim)
    after = range(e.ndim, e.ndim + len(sizes))
    domains: dict[int, Size] = dict(zip(before, e.axis_sizes, strict=True))
    domains |= dict(zip(after, sizes, strict=True))
    reads = list(before)
    conditions: list[tuple[AffineIndex, Size]] = []
    places: list[int] = []  # of runs of axes
    for first, second in _runs(list(lengths), sizes):
        old = [before[p] for p in first]
        new = [after[p] for p in second]
        if len(old) == len(new) == 1:
            reads[old[0]] = new[0]  # the axis stays
            names[second[0]] = names[second[0]] or e.axes[first[0]]
            domains[new[0]] = domains.pop(old[0])
            sizes[second[0]] = domains[new[0]]
            continue
        # What both sides of the run are the digits of: an axis of its own, so that neither side is
        # sought for each place of the other.
        place = after.stop + len(places)
        places.append(place)
        domains[place] = product(*[sizes[p] for p in second])
        conditions.append((_digits(place, old, [lengths[p] for p in first]), 1))
        conditions.append((_digits(place, new, [sizes[p] for p in second]), 1))
    return indexed(
        [(e, [at(label) for label in reads])],
        [at(label) for label in after],
        domains,
        sizes,
        names,
        conditions=conditions,
        origins=met,
    )


def _digits(place: int, labels: Sequence[int], sizes: Sequence[Size]) -> AffineIndex:
    """What is 0 where labels are the digits of a place: the last runs fastest."""
    terms: list[tuple[int, Size]] = [(place, -1)]
    stride: Size = 1
    for label, size in zip(reversed(labels), reversed(sizes), strict=True):
        terms.append((label, stride))
        stride = product(stride, size)
    return AffineIndex(0, tuple(terms))


def _without_rest(e: Expr, whole: Size, sizes: list[Size]) -> list[Size]:
    """Sizes with a number for -1."""
    open_ = [p for p, size in enumerate(sizes) if size == -1]
    if not open_:
        return list(sizes)
    if len(open_) > 1:
        raise ShapeError("can only specify one unknown dimension, -1")
    others = product(*[size for size in sizes if size != -1])
    rest = None if others == 0 else exact_quotient(whole, others)
    if rest is None:
        if isinstance(whole, int) and isinstance(others, int):
            shape = tuple(sizes)
            raise ShapeError(f"cannot reshape {called(e)} of size {whole} into shape {shape}")
        if others == 0:
            raise ShapeError("an axis of a shape with a 0 in it cannot be -1")
        rest = floor_quotient(whole, others)
    return [rest if size == -1 else size for size in sizes]


def _runs(before: list[Size], after: list[Size]) -> list[tuple[list[int], list[int]]]:
    """The axes of both shapes in runs, as short as can be, with the same number of entries."""
    ends: dict[Size, list[int]] = {}
    total: Size = 1
    for q, size in enumerate(after):
        total = product(total, size)
        ends.setdefault(total, []).append(q + 1)
    runs: list[tuple[list[int], list[int]]] = []
    total = 1
    p_start = q_start = 0
    for p, size in enumerate(before):
        total = product(total, size)
        reached = [q for q in ends.get(total, ()) if q > q_start]
        if reached:
            runs.append((list(range(p_start, p + 1)), list(range(q_start, reached[0]))))
            p_start, q_start = p + 1, reached[0]
    rest = list(range(p_start, len(before))), list(range(q_start, len(after)))
    if rest[0] or rest[1]:
        runs.append(rest)
    return runs


@table.public
def ravel(e: object, /, order: str = "C") -> Expr:
    """``ravel(e)``: all entries in one axis, in row-major order; in column-major with ``"F"``.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.ravel(ed.tensor("X", "ij")), X=[[1, 2], [3, 4]]).tolist()
    [1, 2, 3, 4]

    Raises EinderivError for another order.
    """
    return reshape(e, -1, "C" if order in ("K", "A") else order)


@table.public
def squeeze(e: object, /, axis: object = None) -> Expr:
    """``squeeze(e, axis)``: without the axes that are known to have size 1, or those that are
    named.

    Which axes are there does not depend on arrays: an axis of a size that is not known stays, and
    leaves if it is named, which is checked when its size is known.

    >>> import einderiv as ed
    >>> ed.squeeze(ed.tensor("X", (1, "i", 1))).axes
    ('i',)

    Raises ShapeError for an axis of another size.
    """
    found = expression_of(e)
    lengths = lengths_of(found)
    if axis is None:
        gone = tuple([p for p, size in enumerate(lengths) if size == 1])
    else:
        gone = axes_of(found, axis)
    wrong = [p for p in gone if isinstance(lengths[p], int) and lengths[p] != 1]
    if wrong:
        raise ShapeError(
            "cannot select an axis to squeeze out which has size not equal to one: axis "
            f"{wrong[0]} of {called(found)} has size {lengths[wrong[0]]}"
        )
    kept = [p for p in range(found.ndim) if p not in gone]
    if len(kept) == found.ndim:
        return found
    met = [equal_sizes(lengths[p], 1) for p in gone]
    reads = [at(p) if p in kept else AffineIndex(0) for p in range(found.ndim)]
    return indexed(
        [(found, reads)],
        [at(p) for p in kept],
        {p: found.axis_sizes[p] for p in kept},
        [found.axis_sizes[p] for p in kept],
        [found.axes[p] for p in kept],
        origins=_met(*met),
    )


@table.public
def expand_dims(e: object, /, axis: object) -> Expr:
    """``expand_dims(e, axis)``: new axes of size 1, at places in the result.

    >>> import einderiv as ed
    >>> ed.expand_dims(ed.tensor("X", "ij"), 1).shape
    (X.shape[0], 1, X.shape[1])

    Raises ShapeError for places that are not there.
    """
    found = expression_of(e)
    places = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = found.ndim + len(places)
    chosen = {_position(place, rank) for place in places}
    if len(chosen) < len(places):
        raise ShapeError(f"axis {axis!r} names one axis twice")
    key = tuple([None if p in chosen else slice(None) for p in range(rank)])
    return entries(found, key)


def _position(place: object, rank: int) -> int:
    position = _whole(place, "an axis")
    if not -rank <= position < rank:
        raise ShapeError(f"axis {position} is out of bounds for an array of dimension {rank}")
    return position % rank


def permuted(e: Expr, order: Sequence[int]) -> Expr:
    """The axes in another order."""
    if len(order) != e.ndim:
        raise ShapeError(f"{counted(len(order), 'axis')} named, but {called(e)} has {e.ndim}")
    return viewed(e, range(e.ndim), order)


@table.public
def swapaxes(e: object, /, axis1: object, axis2: object) -> Expr:
    """``swapaxes(e, axis1, axis2)``: two axes, each at the place of the other.

    >>> import einderiv as ed
    >>> ed.swapaxes(ed.tensor("X", "ijk"), 0, 2).axes
    ('k', 'j', 'i')

    Raises ShapeError for axes that are not there.
    """
    found = expression_of(e)
    p, q = _one_axis(found, axis1), _one_axis(found, axis2)
    order = list(range(found.ndim))
    order[p], order[q] = q, p
    return permuted(found, order)


@table.public
def moveaxis(e: object, /, source: object, destination: object) -> Expr:
    """``moveaxis(e, source, destination)``: axes at other places, the rest in order.

    >>> import einderiv as ed
    >>> ed.moveaxis(ed.tensor("X", "ijk"), 0, -1).axes
    ('j', 'k', 'i')

    Raises ShapeError for axes that are not there.
    """
    found = expression_of(e)
    moved, places = axes_of(found, source), axes_of(found, destination)
    if len(moved) != len(places):
        raise ShapeError(
            f"moveaxis takes as many axes as places, not {len(moved)} and {len(places)}"
        )
    order = [p for p in range(found.ndim) if p not in moved]
    for place, p in sorted(zip(places, moved, strict=True)):
        order.insert(place, p)
    return permuted(found, order)


def broadcast_to(e: object, /, shape: object) -> Expr:
    """``broadcast_to(e, shape)``: repeated along new leading axes and along axes of size 1.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.broadcast_to(ed.tensor("x", "i"), (2, 3)), x=[1, 2, 3]).tolist()
    [[1, 2, 3], [1, 2, 3]]

    Raises ShapeError for sizes that do not fit.
    """
    found = expression_of(e)
    sizes, names = _shape(shape)
    lengths = lengths_of(found)
    new = len(sizes) - found.ndim
    if new < 0:
        raise ShapeError("input operand has more dimensions than allowed by the axis remapping")
    domains: dict[int, Size] = dict(enumerate(sizes))
    reads: list[AffineIndex] = []
    met: Met = [*_sizes_met(shape)]
    for p, own in enumerate(lengths):
        wanted = sizes[new + p]
        if own == 1 and wanted != 1:
            reads.append(AffineIndex(0))
            continue
        if isinstance(own, int) and isinstance(wanted, int) and own != wanted:
            raise ShapeError(
                f"{called(found)} could not be broadcast to {tuple(sizes)}: its axis {p} has size "
                f"{own}"
            )
        met.append(equal_sizes(own, wanted))
        domains[new + p] = sizes[new + p] = found.axis_sizes[p]
        names[new + p] = names[new + p] or found.axes[p]
        reads.append(at(new + p))
    output = [at(label) for label in range(len(sizes))]
    return indexed([(found, reads)], output, domains, sizes, names, origins=_met(*met))


# ---- joins


def _placed(e: Expr, axis: int, start: Size, total: Size) -> Expr:
    """`e` from a place of a longer axis on, with zeros around it."""
    sizes = list(e.axis_sizes)
    output = _plain(e)
    domains: dict[int, Size] = dict(enumerate(sizes))
    output[axis] = at(axis, start)
    sizes[axis] = total
    return indexed([(e, _plain(e))], output, domains, sizes, e.axes)


def _joined(parts: Sequence[Expr], axis: int, met: Sequence[Expr | None] = ()) -> Expr:
    """Expressions one behind the other along an axis."""
    lengths = [lengths_of(part)[axis] for part in parts]
    total = plus(*lengths)
    places: list[Size] = []
    start: Size = 0
    for length in lengths:
        places.append(start)
        start = plus(start, length)
    kept = [k for k, length in enumerate(lengths) if length != 0]
    if not kept:
        sizes = list(parts[0].axis_sizes)
        sizes[axis] = 0
        return zero(tuple(sizes), parts[0].axes, (*parts, *_met(*met)))
    if len(kept) == 1:
        return _with_met(parts[kept[0]], *[p for p in parts if p is not parts[kept[0]]], *met)
    placed = [_placed(parts[k], axis, places[k], total) for k in kept]
    lost = [part for k, part in enumerate(parts) if k not in kept]
    return _with_met(checked(added(placed)), *lost, *met)


def concatenate(arrays: object, /, axis: object = 0) -> Expr:
    """``concatenate([x, y, …], axis)``: one behind the other along `axis`; with None all entries in
    one axis.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.concatenate([x, x * 2, [0]]), x=[1, 2]).tolist()
    [1, 2, 2, 4, 0]

    Raises ShapeError for other axes that do not agree.
    """
    parts = sequence_of(arrays, "concatenate")
    if axis is None:
        parts = [ravel(part) for part in parts]
        axis = 0
    ranks = {part.ndim for part in parts}
    if len(ranks) > 1:
        raise ShapeError(
            "all the input arrays must have same number of dimensions, not "
            f"{', '.join([str(part.ndim) for part in parts])}"
        )
    if 0 in ranks:
        raise ShapeError("zero-dimensional arrays cannot be concatenated: ed.stack joins them")
    place = _one_axis(parts[0], axis)
    _check_fit(parts, place)
    return _joined(parts, place)


def _check_fit(parts: Sequence[Expr], axis: int | None) -> None:
    first = lengths_of(parts[0])
    for k, part in enumerate(parts):
        for p, (a, b) in enumerate(zip(first, lengths_of(part), strict=True)):
            if p != axis and isinstance(a, int) and isinstance(b, int) and a != b:
                raise ShapeError(
                    f"the arrays must match along axis {p}, but it has size {a} in array 0 and "
                    f"{b} in array {k}"
                )


def stack(arrays: object, /, axis: object = 0) -> Expr:
    """``stack([x, y, …], axis)``: expressions of one shape along a new axis. Nested lists are
    stacked from the inside.

    >>> import einderiv as ed
    >>> t = ed.tensor("t")
    >>> R = ed.stack([[ed.cos(t), -ed.sin(t)], [ed.sin(t), ed.cos(t)]])
    >>> ed.evaluate(R, t=0.0).tolist() == [[1, 0], [0, 1]]
    True

    Raises ShapeError for shapes that do not agree.
    """
    parts = sequence_of(arrays, "stack")
    ranks = {part.ndim for part in parts}
    if len(ranks) > 1:
        raise ShapeError(
            "all input arrays must have the same shape, but they have "
            f"{', '.join([str(part.ndim) for part in parts])} axes"
        )
    rank = ranks.pop() + 1
    place = _position(axis, rank)
    _check_fit(parts, None)
    placed: list[Expr] = []
    for k, part in enumerate(parts):
        domains: dict[int, Size] = dict(enumerate(part.axis_sizes))
        output = _plain(part)
        output.insert(place, AffineIndex(k))
        sizes = [*part.axis_sizes[:place], len(parts), *part.axis_sizes[place:]]
        names = [*part.axes[:place], None, *part.axes[place:]]
        placed.append(indexed([(part, _plain(part))], output, domains, sizes, names))
    return checked(added(placed))


def _at_least(e: Expr, rank: int) -> Expr:
    """With leading axes of size 1, up to `rank` axes."""
    return entries(e, (None,) * (rank - e.ndim) + (...,)) if e.ndim < rank else e


def hstack(arrays: object, /) -> Expr:
    """``hstack([x, y, …])``: along the second axis, vectors along their only one.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.hstack([x, x]), x=[1, 2]).tolist()
    [1, 2, 1, 2]

    Raises ShapeError for other axes that do not agree.
    """
    parts = [_at_least(part, 1) for part in sequence_of(arrays, "hstack")]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(arrays: object, /) -> Expr:
    """``vstack([x, y, …])``: along the first axis, vectors as rows.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.vstack([x, x]), x=[1, 2]).tolist()
    [[1, 2], [1, 2]]

    Raises ShapeError for other axes that do not agree.
    """
    return concatenate([_at_least(part, 2) for part in sequence_of(arrays, "vstack")], 0)


def block(arrays: object, /) -> Expr:
    """``block([[A, B], [C, D]])``: a matrix of blocks; the innermost lists go along the last axis.

    >>> import einderiv as ed
    >>> A = ed.tensor("A", (1, 1))
    >>> ed.evaluate(ed.block([[A, 0], [1, A]]), A=[[5]]).tolist()
    [[5, 0], [1, 5]]

    Raises ShapeError for blocks that do not fit, or lists of different depths.
    """
    depth, rank = _depth(arrays)
    return _block(arrays, depth, max(depth, rank))


def _depth(arrays: object) -> tuple[int, int]:
    """How deep lists are nested, and the most axes of what they hold."""
    if not isinstance(arrays, list):
        return 0, as_expression(arrays).ndim
    if not arrays:
        raise ShapeError("block needs at least one array in each list")
    found = [_depth(part) for part in arrays]
    depths = {depth for depth, _ in found}
    if len(depths) > 1:
        raise ShapeError("list depths are mismatched: each list of block holds lists as deep")
    return depths.pop() + 1, max([rank for _, rank in found])


def _block(arrays: Any, depth: int, rank: int) -> Expr:
    if not isinstance(arrays, list):
        return _at_least(as_expression(arrays), rank)
    parts = [_block(part, depth - 1, rank) for part in arrays]
    return concatenate(parts, rank - depth)


def split(e: object, /, sections: object, axis: object = 0) -> list[Expr]:
    """``split(e, sections, axis)``: as many equal parts of an axis, or those that end at places.

    >>> import einderiv as ed
    >>> first, second = ed.split(ed.tensor("x", "i"), [1])
    >>> ed.evaluate(second, x=[1, 2, 3]).tolist()
    [2, 3]

    Raises ShapeError for an axis that is not divided exactly.
    """
    found = expression_of(e)
    place = _one_axis(found, axis)
    length = lengths_of(found)[place]
    met: Met = []
    bounds: list[Any] = [None]
    if _is_list(sections):
        bounds += [*cast(Sequence[Any], sections), None]
    else:
        count = _whole(sections, "the number of sections")
        if count < 1:
            raise ShapeError("number sections must be larger than 0")
        part = exact_quotient(length, count)
        if part is None and isinstance(length, int):
            raise ShapeError(
                f"array split does not result in an equal division: axis {place} has size {length}"
                f", for {count} parts"
            )
        if part is None:
            part = floor_quotient(length, count)
            met.append(equal_sizes(product(part, count), length))
        sized = expression.sized(part, (found,))
        bounds = [sized * k for k in range(count)] + [sized * count]
    parts: list[Expr] = []
    for start, stop in pairwise(bounds):
        parts.append(
            _with_met(entries(found, (slice(None),) * place + (slice(start, stop),)), *met)
        )
    return parts


# ---- pieces of one axis


def _cut(e: Expr, axis: int, cut: Cut) -> Expr:
    """The places ``start + step · j`` of an axis; a step of 0 repeats one of them."""
    sizes = list(e.axis_sizes)
    sizes[axis] = cut.length
    reads = _plain(e)
    reads[axis] = at(axis, cut.start, cut.step)
    domains: dict[int, Size] = dict(enumerate(sizes))
    return indexed([(e, reads)], _plain(e), domains, sizes, e.axes)


def _rearranged(e: Expr, axis: int, cuts: Sequence[Cut], met: Sequence[Expr | None] = ()) -> Expr:
    """Pieces of an axis, one behind the other."""
    pieces = [_cut(e, axis, cut) for cut in cuts if cut.length != 0]
    if pieces:
        return _joined(pieces, axis, met)
    sizes = list(e.axis_sizes)
    sizes[axis] = 0
    return zero(tuple(sizes), e.axes, (e, *_met(*met)))


def _cuts_of(places: Sequence[int]) -> list[Cut]:
    """Places of an axis as few pieces: runs of one step."""
    cuts: list[Cut] = []
    k = 0
    while k < len(places):
        end = k + 1
        step = places[end] - places[k] if end < len(places) else 1
        if step not in (-1, 0, 1):
            step = 1
        while end < len(places) and places[end] - places[end - 1] == step:
            end += 1
        cuts.append(Cut(places[k], step, end - k))
        k = end
    return cuts


@table.public
def flip(e: object, /, axis: object = None) -> Expr:
    """``flip(e, axis)``: the entries in reverse order along `axis`, by default along all.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.flip(ed.tensor("x", "i")), x=[1, 2, 3]).tolist()
    [3, 2, 1]

    Raises ShapeError for an axis that is not there.
    """
    found = expression_of(e)
    gone = axes_of(found, axis)
    step = {p: slice(None, None, -1) for p in gone}
    return entries(found, tuple([step.get(p, slice(None)) for p in range(found.ndim)]))


@table.public
def roll(e: object, /, shift: object, axis: object = None) -> Expr:
    """``roll(e, shift, axis)``: entry i is that at ``i - shift``, around the ends; without an axis
    the entries of all, in row-major order.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.roll(ed.tensor("x", "i"), 1), x=[1, 2, 3]).tolist()
    [3, 1, 2]

    Where the size is not known, the shift must not be larger, which is checked when arrays are
    given. Raises ShapeError for an axis that is not there.
    """
    found = expression_of(e)
    if axis is None:
        flat = roll(ravel(found), _total(shift), 0) if found.ndim != 1 else None
        if flat is not None:
            return _reshaped(flat, list(found.axis_sizes), list(found.axes))
        axis, shift = 0, _total(shift)
    places = [
        _one_axis(found, one) for one in (axis if isinstance(axis, (tuple, list)) else [axis])
    ]
    shifts = list(shift) if isinstance(shift, (tuple, list)) else [shift]
    if len(shifts) == 1:
        shifts *= len(places)
    if len(places) == 1:
        places *= len(shifts)
    if len(shifts) != len(places):
        raise ShapeError("roll takes a shift for each axis")
    for place, own in zip(places, shifts, strict=True):
        found = _rolled(found, place, _whole(own, "a shift"))
    return found


def _total(shift: object) -> int:
    shifts = shift if isinstance(shift, (tuple, list)) else [shift]
    return sum([_whole(one, "a shift") for one in shifts])


def _rolled(e: Expr, axis: int, shift: int) -> Expr:
    size = lengths_of(e)[axis]
    if isinstance(size, int):
        shift = shift % size if size else 0
    if shift == 0:
        return e
    # What is read first: the last `shift` entries, or those behind the first `-shift`.
    start: Size = minus(size, shift) if shift > 0 else -shift
    cuts = [Cut(start, 1, minus(size, start)), Cut(0, 1, start)]
    return _rearranged(e, axis, cuts, [at_least_0(minus(size, abs(shift)))])


@table.public
def pad(
    e: object, /, pad_width: object, mode: str = "constant", *, constant_values: object = 0
) -> Expr:
    """``pad(e, pad_width, mode)``: entries before and behind each axis, as in NumPy: constants,
    the ``"edge"``, around the ends (``"wrap"``), mirrored with (``"symmetric"``) or without
    (``"reflect"``) the edge.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.pad(x, 1), x=[1, 2, 3]).tolist()
    [0, 1, 2, 3, 0]
    >>> ed.evaluate(ed.pad(x, (2, 1), "reflect"), x=[1, 2, 3]).tolist()
    [3, 2, 1, 2, 3, 2]

    Raises ShapeError for widths that do not fit the axes, EinderivError for another mode.
    """
    found = expression_of(e)
    if mode not in ("constant", "edge", "wrap", "reflect", "symmetric"):
        raise EinderivError(
            "pad knows the modes constant, edge, wrap, reflect and symmetric, not "
            f"{str(mode)[:40]!r}"
        )
    widths = _pairs(found, pad_width, "pad_width")
    for _, *both in widths:
        if min([_whole(width, "a width") for width in both]) < 0:
            raise ShapeError("index can't contain negative values: a width of pad is below 0")
    if mode != "constant":
        for p, before, behind in widths:
            found = _padded(found, p, int(before), int(behind), mode)
        return found
    values = _pairs(found, constant_values, "constant_values")
    for (p, before, behind), (_, low, high) in zip(widths, values, strict=True):
        parts = [_constants(found, p, before, low), found, _constants(found, p, behind, high)]
        found = _joined(parts, p) if before or behind else found
    return found


def _constants(e: Expr, axis: int, width: int, value: Any) -> Expr:
    """A number at each entry of a piece of an axis."""
    sizes = list(e.axis_sizes)
    sizes[axis] = width
    found = number(value)
    if found is None:
        raise TypeError(f"constant_values are numbers, not {value!r}")
    if found == 0:
        return zero(tuple(sizes), e.axes)
    return filled(found, tuple(sizes), e.axes)


def _pairs(e: Expr, given: object, what: str) -> list[tuple[int, Any, Any]]:
    """Two values for each axis: of one, of a pair, or of a pair for each."""
    if isinstance(given, dict):
        found: list[tuple[int, Any, Any]] = []
        for p in range(e.ndim):
            row: Any = given.get(p, given.get(p - e.ndim, 0))
            before, behind = row if isinstance(row, (tuple, list)) else (row, row)
            found.append((p, before, behind))
        return found
    import numpy as np

    try:
        whole = np.broadcast_to(np.asarray(given), (e.ndim, 2))
    except ValueError:
        raise ShapeError(
            f"{what} is a number, a pair, or a pair for each of {counted(e.ndim, 'axis')}, not "
            f"{given!r}"
        ) from None
    return [(p, *row) for p, row in enumerate(whole.tolist())]


def _padded(e: Expr, axis: int, before: int, behind: int, mode: str) -> Expr:
    size = lengths_of(e)[axis]
    if not before and not behind:
        return e
    if isinstance(size, int):
        import numpy as np

        if size == 0:
            raise ShapeError(
                f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'"
            )
        places = np.pad(np.arange(size), (before, behind), mode)  # type: ignore[call-overload]
        return _rearranged(e, axis, _cuts_of(places.tolist()))
    last = minus(size, 1)
    whole = Cut(0, 1, size)
    wide = max(before, behind)
    if mode == "edge":
        cuts = [Cut(0, 0, before), whole, Cut(last, 0, behind)]
        wide = 1
    elif mode == "wrap":
        cuts = [Cut(minus(size, before), 1, before), whole, Cut(0, 1, behind)]
    elif mode == "symmetric":
        cuts = [Cut(before - 1, -1, before), whole, Cut(last, -1, behind)]
    else:
        cuts = [Cut(before, -1, before), whole, Cut(minus(last, 1), -1, behind)]
        wide += 1
    return _rearranged(e, axis, cuts, [at_least_0(minus(size, wide))])


# ---- repeats


@table.public
def repeat(e: object, /, repeats: object, axis: object = None) -> Expr:
    """``repeat(e, repeats, axis)``: each entry so many times, one number for all or one for each;
    without an axis the entries of all, in row-major order.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.repeat(ed.tensor("x", "i"), 2), x=[1, 2]).tolist()
    [1, 1, 2, 2]

    Raises ShapeError for an axis that is not there, or another number of repeats.
    """
    found = expression_of(e)
    if axis is None:
        found, axis = ravel(found), 0
    place = _one_axis(found, axis)
    many = isinstance(repeats, (list, tuple)) or is_array(repeats)
    if many:
        import numpy as np

        counts = np.asarray(repeats)
        if counts.dtype.kind not in "iu" or counts.ndim > 1:
            raise TypeError("repeats is a whole number, or one for each entry of the axis")
        if counts.size and counts.min() < 0:
            raise ShapeError("repeats may not contain negative values")
        if counts.size != 1:
            return _repeated_by(found, place, counts)
        repeats = int(counts.reshape(()))
    times_ = as_size(repeats)
    if times_ is None:
        raise TypeError(f"repeats is a whole number, not {repeats!r}")
    if isinstance(times_, int) and times_ < 0:
        raise ShapeError("repeats may not contain negative values")
    # y[r i + t] = x[i]
    return _merged_with_new(found, place, times_, 1, origins_of(repeats))


def _repeated_by(e: Expr, axis: int, counts: Any) -> Expr:
    import numpy as np

    size = lengths_of(e)[axis]
    if isinstance(size, int) and size != counts.size:
        raise ShapeError(
            f"repeats has {counts.size} entries, but axis {axis} of {called(e)} has {size}"
        )
    places = np.repeat(np.arange(counts.size), counts)
    taken = entries(e, (slice(None),) * axis + (places,))
    return _with_met(taken, equal_sizes(size, counts.size))


def _merged_with_new(
    e: Expr, axis: int, count: Size, step: Size | None, met: tuple[Expr, ...] = ()
) -> Expr:
    """An axis merged with a new one that broadcasts, of `count` places: with the step 1 the new one
    runs fastest, else the old one.
    """
    size = lengths_of(e)[axis]
    new = e.ndim
    domains: dict[int, Size] = {**dict(enumerate(e.axis_sizes)), new: count}
    output = _plain(e)
    if step == 1:
        output[axis] = AffineIndex(0, ((axis, count), (new, 1)))
    else:
        output[axis] = AffineIndex(0, ((axis, 1), (new, size)))
    sizes = list(e.axis_sizes)
    sizes[axis] = product(size, count)
    if sizes[axis] == 0:
        return zero(tuple(sizes), e.axes, (e, *met))
    return indexed([(e, _plain(e))], output, domains, sizes, e.axes, origins=met)


@table.public
def tile(e: object, /, reps: object) -> Expr:
    """``tile(e, reps)``: the whole so many times along each axis, the last ones first.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.tile(ed.tensor("x", "i"), (2, 2)), x=[1, 2]).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]

    Raises TypeError unless `reps` are whole numbers.
    """
    found = expression_of(e)
    counts, _ = _shape(reps)
    found = _at_least(found, len(counts))
    counts = [1] * (found.ndim - len(counts)) + counts
    for p, count in enumerate(counts):
        if count != 1:
            found = _merged_with_new(found, p, count, None, _sizes_met(reps))
    return found


# ---- differences and sums


@table.public
def diff(
    e: object, /, n: object = 1, axis: object = -1, prepend: object = None, append: object = None
) -> Expr:
    """``diff(e, n, axis)``: ``e[i + 1] - e[i]``, n times; of `e` between `prepend` and `append`, if
    given.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.diff(ed.tensor("x", "i")), x=[1, 4, 9]).tolist()
    [3, 5]

    Raises ShapeError for a scalar, or an n below 0.
    """
    found = expression_of(e)
    order = _whole(n, "the order of diff")
    if order < 0:
        raise ShapeError(f"order must be non-negative but got {order}")
    if not found.ndim:
        raise ShapeError("diff requires input that is at least one dimensional")
    place = _one_axis(found, axis)
    if order == 0:
        return found
    ends = [_end(found, place, end) for end in (prepend, append)]
    found = concatenate([e for e in (ends[0], found, ends[1]) if e is not None], place)
    before = (slice(None),) * place
    for _ in range(order):
        later, earlier = (*before, slice(1, None)), (*before, slice(None, -1))
        found = subtracted(entries(found, later), entries(found, earlier))
    return found


def _end(e: Expr, axis: int, end: object) -> Expr | None:
    """What is joined to an axis: a scalar stands for one entry of each of the others."""
    if end is None:
        return None
    found = expression_of(end)
    if found.ndim:
        return found
    return broadcast_to(found, [1 if p == axis else n for p, n in enumerate(_sizes_of(e))])


def _sizes_of(e: Expr) -> list[object]:
    return list(expression.shape_of(e))


def gradient(f: object, *varargs: object, axis: object = None, edge_order: object = 1) -> Any:
    """``np.gradient(f, *steps)``: central differences inside, one-sided ones at the edges, along
    each axis.

    Not to be confused with `grad`, the derivative by a tensor. `varargs` are steps, or the places
    of the entries, as arrays or expressions. One expression for one axis, else a list.

    >>> import numpy as np
    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(np.gradient(x, 2.0), x=[1.0, 2.0, 7.0]).tolist()
    [0.5, 1.5, 2.5]

    Raises ShapeError for axes that are too short, or another number of steps than axes.
    """
    found = expression_of(f)
    places = axes_of(found, axis)
    order = _whole(edge_order, "edge_order")
    if order not in (1, 2):
        raise EinderivError("'edge_order' greater than 2 not supported")
    if len(varargs) not in (0, 1, len(places)):
        raise TypeError("invalid number of arguments: one step, or one for each axis")
    steps: Sequence[object] = varargs or (1,)
    if len(steps) == 1:
        if len(places) > 1 and as_expression(steps[0]).ndim:
            raise ShapeError("when 1d, distances must match the length of the corresponding axis")
        steps = [steps[0]] * len(places)
    results = [_slope(found, p, h, order) for p, h in zip(places, steps, strict=True)]
    return results[0] if len(results) == 1 else results


def _slope(e: Expr, axis: int, step: object, order: int) -> Expr:
    size = lengths_of(e)[axis]
    met: Met = []
    if isinstance(size, int) and size < order + 1:
        raise ShapeError(
            "shape of array too small to calculate a numerical gradient, at least "
            f"{order + 1} elements are required"
        )
    met.append(at_least_0(minus(size, order + 1)))
    before = (slice(None),) * axis

    def part(start: int | None, stop: int | None) -> Expr:
        return entries(e, (*before, slice(start, stop)))

    distance = as_expression(step)
    if not distance.ndim:
        # A number is a fraction: slopes of whole numbers are none.
        known = number(step)
        by: Expr | Number = distance if known is None or known == 0 else known + 0.0
        twice = times(by, 2) if isinstance(by, Expr) else 2 * by
        inner = divided(subtracted(part(2, None), part(None, -2)), twice)
        left = divided(subtracted(part(1, 2), part(0, 1)), by)
        right = divided(subtracted(part(-1, None), part(-2, -1)), by)
        if order == 2:
            left = _combined([(-1.5, part(0, 1)), (2, part(1, 2)), (-0.5, part(2, 3))], by)
            last = [(0.5, part(-3, -2)), (-2, part(-2, -1)), (1.5, part(-1, None))]
            right = _combined(last, by)
        return _joined([left, inner, right], axis, met)
    if distance.ndim != 1:
        raise ShapeError("distances must be either scalars or 1d")
    d = diff(distance)
    met.append(equal_sizes(lengths_of(distance)[0], size))

    def spread(vector: Expr, like: Expr) -> Expr:
        # ->  the vector along one axis of `like`
        labels = range(like.ndim)
        domains: dict[int, Size] = dict(enumerate(like.axis_sizes))
        return indexed(
            [(vector, [at(axis)])], [at(p) for p in labels], domains, like.axis_sizes, like.axes
        )

    def weighed(terms: Sequence[tuple[Expr, Expr]]) -> Expr:
        products = [multiply(spread(weight, values), values) for weight, values in terms]
        return checked(added(products))

    d1, d2 = entries(d, slice(None, -1)), entries(d, slice(1, None))
    both = expression.add(d1, d2)
    a = times(divided(d2, multiply(d1, both)), -1)
    b = divided(subtracted(d2, d1), multiply(d1, d2))
    c = divided(d1, multiply(d2, both))
    inner = weighed([(a, part(None, -2)), (b, part(1, -1)), (c, part(2, None))])
    if order == 1:
        first, last_ = entries(d, slice(0, 1)), entries(d, slice(-1, None))
        left = weighed([(divided(1, first), subtracted(part(1, 2), part(0, 1)))])
        right = weighed([(divided(1, last_), subtracted(part(-1, None), part(-2, -1)))])
        return _joined([left, inner, right], axis, met)
    d1, d2 = entries(d, slice(0, 1)), entries(d, slice(1, 2))
    both = expression.add(d1, d2)
    a = times(divided(expression.add(times(d1, 2), d2), multiply(d1, both)), -1)
    b = divided(both, multiply(d1, d2))
    c = times(divided(d1, multiply(d2, both)), -1)
    left = weighed([(a, part(0, 1)), (b, part(1, 2)), (c, part(2, 3))])
    d1, d2 = entries(d, slice(-2, -1)), entries(d, slice(-1, None))
    both = expression.add(d1, d2)
    a = divided(d2, multiply(d1, both))
    b = times(divided(both, multiply(d1, d2)), -1)
    c = divided(expression.add(times(d2, 2), d1), multiply(d2, both))
    right = weighed([(a, part(-3, -2)), (b, part(-2, -1)), (c, part(-1, None))])
    return _joined([left, inner, right], axis, met)


def _combined(terms: Sequence[tuple[float, Expr]], distance: Expr | Number) -> Expr:
    total = added([times(values, weight) for weight, values in terms])
    return divided(total, distance)


@table.public
def cumsum(e: object, /, axis: object = None) -> Expr:
    """``cumsum(e, axis)``: the sum of the entries up to each; without an axis over all entries in
    row-major order.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.cumsum(ed.tensor("x", "i")), x=[1, 2, 3]).tolist()
    [1, 3, 6]

    Raises ShapeError for an axis that is not there.
    """
    found = expression_of(e)
    if axis is None:
        found, axis = ravel(found), 0
    place = _one_axis(found, axis)
    size = found.axis_sizes[place]
    new = found.ndim  # the label of the sum, while that of the entry is summed
    domains: dict[int, Size] = {**dict(enumerate(found.axis_sizes)), new: size}
    output = _plain(found)
    output[place] = at(new)
    behind = AffineIndex(0, ((new, 1), (place, -1)))
    return indexed(
        [(found, _plain(found))],
        output,
        domains,
        found.axis_sizes,
        found.axes,
        conditions=[(behind, size)],
    )


# ---- windows


@table.public
def convolve(a: object, v: object, /, mode: str = "full") -> Expr:
    """``convolve(a, v, mode)``: entry n is ``Σ a[m] v[n - m]``, of two vectors, as in NumPy; the
    mode is ``"full"``, ``"same"`` or ``"valid"``.

    >>> import einderiv as ed
    >>> x, w = ed.tensor("x", "i"), ed.tensor("w", "k")
    >>> ed.evaluate(ed.convolve(x, w), x=[1, 2, 3], w=[0, 1]).tolist()
    [0, 1, 2, 3]

    Where sizes are not known, `v` must not be the longer one for ``"same"`` and ``"valid"``, which
    is checked when arrays are given. Raises ShapeError for what is no vector, EinderivError for
    another mode.
    """
    x, w = _vectors(a, v, mode, "convolve")
    n, k = lengths_of(x)[0], lengths_of(w)[0]
    if isinstance(n, int) and isinstance(k, int) and k > n:
        x, w, n, k = w, x, k, n
    start, size, met = _window(n, k, mode)
    # y[j] of x[p] w[q] where p + q = j + start
    read = AffineIndex(start, ((0, 1), (1, -1)))
    return _windowed(x, read, w, size, met)


@table.public
def correlate(a: object, v: object, /, mode: str = "valid") -> Expr:
    """``correlate(a, v, mode)``: entry n is ``Σ a[n + m] conj(v[m])``, of two vectors, as in NumPy;
    the mode is ``"valid"``, ``"same"`` or ``"full"``.

    >>> import einderiv as ed
    >>> x, w = ed.tensor("x", "i"), ed.tensor("w", "k")
    >>> y = ed.correlate(x, w)
    >>> ed.evaluate(y, x=[1, 2, 3], w=[0, 1]).tolist()
    [2, 3]
    >>> print(ed.formula(y))
    y[i] = Σ_k x[i+k] w[k]

    Where sizes are not known, `v` must not be the longer one for ``"same"`` and ``"valid"``, which
    is checked when arrays are given. Raises ShapeError for what is no vector, EinderivError for
    another mode.
    """
    x, w = _vectors(a, v, mode, "correlate")
    n, k = lengths_of(x)[0], lengths_of(w)[0]
    if isinstance(n, int) and isinstance(k, int) and k > n:
        return flip(_correlated(_conjugate(w), x, mode))
    return _correlated(x, _conjugate(w), mode)


def _conjugate(w: Expr) -> Expr:
    if w.complex:
        return conj(w)
    # Of a tensor that is not declared complex, complex arrays are refused: they have met this.
    return dressed(w, origins=(table.apply("conj", w),)) if not isinstance(w, Constant) else w


def _correlated(x: Expr, w: Expr, mode: str) -> Expr:
    n, k = lengths_of(x)[0], lengths_of(w)[0]
    start, size, met = _window(n, k, mode)
    # y[j] = Σ x[j + start - (k - 1) + q] w[q]
    read = AffineIndex(minus(plus(start, 1), k), ((0, 1), (1, 1)))
    return _windowed(x, read, w, size, met)


def _vectors(a: object, v: object, mode: str, what: str) -> tuple[Expr, Expr]:
    x, w = expression_of(a), expression_of(v)
    if mode not in ("full", "same", "valid"):
        raise EinderivError(f"{what} knows the modes full, same and valid, not {mode!r}")
    for vector in (x, w):
        if vector.ndim > 1:
            raise ShapeError(
                f"{what} takes two vectors, but {called(vector)} has {vector.ndim} axes"
            )
        if lengths_of(vector) == (0,):
            raise ShapeError(f"{what} needs two vectors that are not empty")
    return _at_least(x, 1), _at_least(w, 1)


def _window(n: Size, k: Size, mode: str) -> tuple[Size, Size, Met]:
    """Where a part of the full convolution of n and k entries starts, its size, and checks."""
    if mode == "full":
        ends: Met = [at_least_0(minus(n, 1)), at_least_0(minus(k, 1))]
        return 0, minus(plus(n, k), 1), ends
    met: Met = [at_least_0(minus(n, k)), at_least_0(minus(k, 1))]
    if mode == "valid":
        return minus(k, 1), plus(minus(n, k), 1), met
    return floor_quotient(minus(k, 1), 2), n, met


def _windowed(x: Expr, read: AffineIndex, w: Expr, size: Size, met: Sequence[Expr | None]) -> Expr:
    """``y[j] = Σ x[read] w[q]``, with the labels 0 for j and 1 for q."""
    domains: dict[int, Size] = {0: size, 1: w.axis_sizes[0]}
    return indexed(
        [(x, [read]), (w, [at(1)])], [at(0)], domains, [size], x.axes, origins=_met(*met)
    )


# ---- index arrays


def take(e: object, /, indices: object, axis: object = None) -> Expr:
    """``take(e, indices, axis)``: the entries at whole numbers along `axis`; without one, of all
    entries in row-major order. The derivative adds where an entry is taken twice.

    `indices` is an array, or the name of a vector of whole numbers that is given later.

    >>> import einderiv as ed
    >>> E = ed.tensor("E", "vd")
    >>> ed.evaluate(ed.take(E, [2, 0], 0), E=[[1, 2], [3, 4], [5, 6]]).tolist()
    [[5, 6], [1, 2]]

    Raises ShapeError for places that are not there, TypeError for what is no index.
    """
    found = expression_of(e)
    if axis is None:
        found, axis = ravel(found), 0
    place = _one_axis(found, axis)
    if isinstance(indices, str):
        return _taken_later(found, indices, place)
    if isinstance(indices, (bool, slice)) or indices is None:
        raise TypeError(f"take takes whole numbers, not {indices!r}")
    return entries(found, (slice(None),) * place + (indices,))


def _taken_later(e: Expr, name: str, axis: int) -> Expr:
    check_name(name, "an index array")
    array = _Tensor(name, (None,), "index")
    domains: dict[int, Size] = dict(enumerate(e.axis_sizes))
    domains[axis] = array.axis_sizes[0]
    reads = _plain(e)
    reads[axis] = AffineIndex(0, (), (ArrayTerm(array, (axis,), e.axis_sizes[axis]),))
    sizes = [domains[p] for p in range(e.ndim)]
    names = [None if p == axis else name for p, name in enumerate(e.axes)]
    return indexed([(e, reads)], _plain(e), domains, sizes, names)


def segment_sum(v: object, ids: object, size: object, /) -> Expr:
    """``segment_sum(v, ids, n)``: entry s of n is the sum of ``v[e]`` over the e with ``ids[e] =
    s``; axes of `v` behind those of `ids` stay.

    `ids` is an array of whole numbers, or the name of a vector of them that is given later.

    >>> import einderiv as ed
    >>> v = ed.tensor("v", "e")
    >>> ed.evaluate(ed.segment_sum(v, [0, 2, 0], 3), v=[1, 2, 3]).tolist()
    [4, 0, 2]

    Raises ShapeError for ids that are negative or not below `size`, TypeError for what is no whole
    number.
    """
    found = expression_of(v)
    if isinstance(ids, str):
        check_name(ids, "an index array")
        array: Expr = _Tensor(ids, (None,), "index")
    else:
        array = held_index_array(ids)
    if array.ndim > found.ndim:
        raise ShapeError(
            f"ids has {counted(array.ndim, 'axis')}, but {called(found)} has {found.ndim}"
        )
    (whole,), (name,) = _shape([size])
    labels = tuple(range(array.ndim))
    met: Met = [*origins_of(size)]
    for own, wanted, p in zip(lengths_of(array), lengths_of(found), labels, strict=False):
        if isinstance(own, int) and isinstance(wanted, int) and own != wanted:
            raise ShapeError(
                f"axis {p} of {called(found)} has size {wanted}, but that of ids {own}"
            )
    if isinstance(array, Constant) and array.value.size and isinstance(whole, int):
        highest = int(array.value.max())
        if highest >= whole:
            raise ShapeError(f"ids holds {highest}, but there are {whole} segments")
    rest = range(array.ndim, found.ndim)
    output = [AffineIndex(0, (), (ArrayTerm(array, labels, whole),)), *[at(p) for p in rest]]
    return indexed(
        [(found, _plain(found))],
        output,
        dict(enumerate(found.axis_sizes)),
        [whole, *[found.axis_sizes[p] for p in rest]],
        [name, *[found.axes[p] for p in rest]],
        origins=_met(*met),
    )


# ---- made of nothing


def eye(n: object, m: object = None, /, k: object = 0) -> Expr:
    """``eye(n, m, k)``: 1 on the k-th diagonal, else 0. Sizes are numbers, sizes, or names of axes.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.eye(2, 3, 1)).tolist()
    [[0, 1, 0], [0, 0, 1]]

    Raises ShapeError for negative sizes, TypeError for what is no size.
    """
    (rows, columns), names = _shape([n, n if m is None else m])
    offset = as_size(k)
    if offset is None:
        raise TypeError(f"the diagonal must be a whole number, not {k!r}")
    met = origins_of(n, m, k)
    if 0 in (rows, columns):
        return zero((rows, columns), tuple(names), met)
    if m is None:
        names[1] = None
    return indexed([], [at(0), at(0, offset)], {0: rows}, [rows, columns], names, origins=met)


def zeros(shape: object) -> Expr:
    """``zeros(shape)``: 0 at each entry. A shape is made of numbers, sizes and names of axes.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.zeros((2, "n")), sizes={"n": 3}).tolist()
    [[0, 0, 0], [0, 0, 0]]

    Raises ShapeError for negative sizes, TypeError for what is no shape.
    """
    sizes, names = _shape(shape)
    return zero(tuple(sizes), tuple(names), _sizes_met(shape))


def ones(shape: object) -> Expr:
    """``ones(shape)``: 1 at each entry. A shape is made of numbers, sizes and names of axes.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.ones(x.shape), x=[5, 7]).tolist()
    [1, 1]

    Raises ShapeError for negative sizes, TypeError for what is no shape.
    """
    sizes, names = _shape(shape)
    return dressed(filled(1, tuple(sizes), tuple(names)), origins=_sizes_met(shape))


def arange(start: object, stop: object = None, step: object = 1, /) -> Expr:
    """``arange(start, stop, step)``: the numbers from `start` on in steps, below `stop`.

    Sizes that are not known may stand for `start` and `stop`.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(x * ed.arange(x.shape[0]), x=[5, 5, 5]).tolist()
    [0, 5, 10]

    Raises TypeError for what is neither a number nor a size, ShapeError for a step of 0.
    """
    if stop is None:
        start, stop = 0, start
    name = stop if isinstance(stop, str) else None
    if name is not None:
        check_name(name, "an axis")
    low, high, by = as_size(start), name or as_size(stop), as_size(step)
    if number(step) == 0:
        raise ShapeError("the step of arange cannot be zero")
    known = [number(one) for one in (start, stop, step)]
    if None not in known:
        import numpy as np

        numbers: Any = known
        return held(np.arange(*numbers), "the numbers of arange")
    if low is None or high is None or not isinstance(by, int):
        raise TypeError("arange takes whole numbers, sizes, or the name of an axis")
    length = minus(high, low) if by > 0 else minus(low, high)
    size = floor_quotient(plus(length, abs(by) - 1), abs(by))
    size = max(0, size) if isinstance(size, int) else size
    met = origins_of(start, stop)
    # 1, 2, 3, … is the running sum of ones. They are the value of a function, for that is one
    # operand: ones alone are none, and the points j <= i would be counted, all of them.
    ones_ = dressed(filled(1, (size,), (name,)), origins=met)
    counts = cumsum(table.apply("relu", ones_), 0)
    places = times(expression.add(counts, -1), by)
    if low == 0:
        return places
    first = low if isinstance(low, int) else SymbolicSize(low, met).expression()
    return expression.add(places, first)


# ---- diagonals


@table.public
def diagonal(e: object, offset: object = 0, axis1: object = 0, axis2: object = 1) -> Expr:
    """``diagonal(A, offset)``: entry i is ``A[i, i + offset]``, as the last axis.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.diagonal(ed.tensor("A", "ij"), 1), A=[[1, 2], [3, 4]]).tolist()
    [2]

    With offset 0, and sizes that are not known, both are one, ``ii->i``. Raises ShapeError for axes
    that are not there, and for a diagonal outside of a matrix whose sizes were not known before.
    """
    found = expression_of(e)
    k = _whole(offset, "the offset")
    p, q = _one_axis(found, axis1), _one_axis(found, axis2)
    if p == q:
        raise ShapeError(f"axis1 and axis2 are both axis {p}")
    lengths = lengths_of(found)
    n, m = lengths[p], lengths[q]
    labels = list(range(found.ndim))
    others = [label for label in labels if label not in (p, q)]
    both_known = isinstance(n, int) and isinstance(m, int)
    if k == 0 and (n == m or not both_known):  # ...i...i...->......i
        labels[q] = p
        return viewed(found, labels, [*others, p])
    # As many rows as are left below, or columns behind: n - |k| of a square matrix.
    size = least_size(plus(n, min(k, 0)), minus(m, max(k, 0)))
    size = max(0, size) if isinstance(size, int) else size
    met: Met = [at_least_0(size)]
    reads = _plain(found)
    reads[p] = at(p, max(-k, 0))
    reads[q] = at(p, max(k, 0))
    domains: dict[int, Size] = {x: found.axis_sizes[x] for x in others}
    domains[p] = size
    return indexed(
        [(found, reads)],
        [at(x) for x in (*others, p)],
        domains,
        [*[found.axis_sizes[x] for x in others], size],
        [*[found.axes[x] for x in others], found.axes[p]],
        origins=_met(*met),
    )


def diag_at(v: object, k: object = 0) -> Expr:
    """``np.diag``: a vector on the k-th diagonal of a matrix, or the k-th diagonal of a matrix."""
    found = expression_of(v)
    offset = _whole(k, "the diagonal")
    if found.ndim == 2:
        return diagonal(found, offset)
    if found.ndim != 1:
        raise ShapeError(f"diag needs 1 or 2 axes, but {called(found)} has {found.ndim}")
    (size,) = lengths_of(found)
    whole = plus(size, abs(offset))
    output = [at(0, max(-offset, 0)), at(0, max(offset, 0))]
    if offset == 0:
        whole = found.axis_sizes[0]
    return indexed(
        [(found, [at(0)])], output, {0: found.axis_sizes[0]}, [whole] * 2, [found.axes[0], None]
    )


def trace_at(e: object, offset: object = 0, axis1: object = 0, axis2: object = 1) -> Expr:
    """``np.trace``: the sum of a diagonal, of a matrix with any numbers of rows and columns."""
    found = expression_of(e)
    k = _whole(offset, "the offset")
    p, q = _one_axis(found, axis1), _one_axis(found, axis2)
    if p == q or k == 0:
        return summed(diagonal(found, k, p, q), -1)
    # Σ_i A[i, i + k]: what is read outside is 0, so that no size of a diagonal is asked for.
    alone, ahead = (p, q) if k > 0 else (q, p)
    reads = _plain(found)
    reads[ahead] = at(alone, abs(k))
    others = [x for x in range(found.ndim) if x not in (p, q)]
    return indexed(
        [(found, reads)],
        [at(x) for x in others],
        {x: found.axis_sizes[x] for x in (*others, alone)},
        [found.axis_sizes[x] for x in others],
        [found.axes[x] for x in others],
    )
