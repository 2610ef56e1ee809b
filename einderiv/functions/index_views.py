"""Triangles and axes merged or split, as einsums with relations between their labels.

==================  =============================================================
``tril(A, k)``      ``A[i, j]`` where ``i - j + k`` is some q with ``q >= 0``
``vec(A)``          ``A[i, j] -> p`` with ``p = n i + j``, for n columns
``unvec(v, ...)``   ``v[p] -> i, j`` with the same equation
``kron(A, B)``      ``A[i, j] B[k, l] -> p, q`` with ``p = m i + k`` and ``q = n j + l``
==================  =============================================================

The digits of a place that is `whole` are ordered: the last runs fastest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import ShapeError
from ..expression import (
    MOST,
    Einsum,
    Expr,
    Label,
    Labels,
    Relation,
    Size,
    assemble,
    called,
    letters,
    plus,
    product_of_sizes,
    relation,
    too_large,
    viewed,
)


def triangle(e: Expr, k: int, *, lower: bool) -> Einsum:
    """The entries of `e` on one side of the k-th diagonal of its last two axes, zero elsewhere."""
    labels = tuple(range(e.ndim))
    i, j, q = e.ndim - 2, e.ndim - 1, e.ndim
    rows, columns = e.axis_sizes[-2:]
    # lower: q = i - j + k, which is less than rows + k; upper: q = j - i - k
    side = 1 if lower else -1
    beside = {q: 1, i: -side, j: side}
    largest = plus(rows, max(k, 0)) if lower else plus(columns, max(-k, 0))
    return assemble(
        1,
        [(e, labels)],
        labels,
        axes=e.axes,
        given=((q, largest),),
        letters=dict(zip(labels, e.axes, strict=True)),
        relations=(relation(-side * k, beside),),
    )


def merged(e: Expr, axes: Labels, *, place: int) -> Expr:
    """`axes` as one, of which the last runs fastest; it stands at `place` among the others."""
    labels = tuple(range(e.ndim))
    if len(axes) == 1:
        return viewed(e, labels, _inserted(labels, axes, place, axes))
    whole = e.ndim
    size_of = dict(zip(labels, e.axis_sizes, strict=True))
    size = merged_size([size_of[axis] for axis in axes])
    names: dict[Label, str | None] = dict(zip(labels, e.axes, strict=True))
    output = _inserted(labels, axes, place, (whole,))
    return assemble(
        1,
        [(e, labels)],
        output,
        axes=tuple([names.get(label) for label in output]),
        given=((whole, size),),
        letters=names,
        relations=(digits(whole, axes, size_of),),
    )


def parted(e: Expr, axis: int, parts: Sequence[tuple[Size, str | None]], order: Labels) -> Einsum:
    """One axis as several, of these sizes and names: the last in `order` runs fastest."""
    labels = tuple(range(e.ndim))
    new = tuple(range(e.ndim, e.ndim + len(parts)))
    sizes = [size for size, _ in parts]
    size = merged_size(sizes)
    before = e.axis_sizes[axis]
    if isinstance(size, int) and isinstance(before, int) and size != before:
        raise ShapeError(
            f"an axis of size {before}, of {called(e)}, cannot be split into axes of sizes "
            f"{', '.join(map(str, sizes))}"
        )
    size_of = dict(zip(new, sizes, strict=True))
    output = (*labels[:axis], *new, *labels[axis + 1 :])
    names: dict[Label, str | None] = dict(zip(labels, e.axes, strict=True))
    names.update(zip(new, [name for _, name in parts], strict=True))
    return assemble(
        1,
        [(e, labels)],
        output,
        axes=tuple([names[label] for label in output]),
        given=((axis, size), *size_of.items()),
        letters=names,
        relations=(digits(axis, tuple([new[k] for k in order]), size_of),),
    )


def kronecker(x: Expr, y: Expr) -> Einsum:
    """The product of two expressions with as many axes, and each two of these as one."""
    n = x.ndim
    first, second, output = range(n), range(n, 2 * n), range(2 * n, 3 * n)
    size_of: dict[Label, Size] = dict(enumerate((*x.axis_sizes, *y.axis_sizes)))
    relations: list[Relation] = []
    given: list[tuple[Label, Size]] = []
    for whole, i, k in zip(output, first, second, strict=True):
        relations.append(digits(whole, (i, k), size_of))
        given.append((whole, merged_size([size_of[i], size_of[k]])))
    return assemble(
        1,
        [(x, tuple(first)), (y, tuple(second))],
        tuple(output),
        axes=(None,) * n,
        given=tuple(given),
        letters=letters((*first, *second), (*x.axes, *y.axes)),
        relations=tuple(relations),
    )


def merged_size(sizes: Sequence[Size]) -> Size:
    """How many entries axes of these sizes have together. Raises LimitError beyond 2**63."""
    size = product_of_sizes(*sizes)
    if isinstance(size, int) and size >= MOST:
        raise too_large(size.bit_length() - 1)
    return size


def _inserted(labels: Labels, gone: Labels, place: int, new: Labels) -> Labels:
    rest = [label for label in labels if label not in gone]
    return (*rest[:place], *new, *rest[place:])


def digits(whole: Label, parts: Labels, size_of: Mapping[Label, Size]) -> Relation:
    """``whole = Σ part · (product of the sizes behind it)``."""
    terms: dict[Label, Size] = {whole: -1}
    weight: Size = 1
    for part in reversed(parts):
        terms[part] = weight
        weight = product_of_sizes(weight, size_of[part])
    return relation(0, terms)
