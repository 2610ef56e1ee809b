"""What stands along the axes of an expression, where its arrays have names and labels of axes.

:func:`followed` goes through an expression with what is known of the axes of tensors and held
arrays. Axes that meet, in a product or a sum, must have the same labels; an axis of the result has
those of the axes that it comes from.

>>> import einderiv as ed
>>> X, w = ed.tensor("X", "time feature"), ed.tensor("w", ("feature",))
>>> known = {("X", 0): Along("X", "time"), ("X", 1): Along("X", "feature")}
>>> J = ed.derive(ed.tanh(X @ w), w)
>>> [along.name for (axes,) in [followed([J], known)] for along in axes]
['time', 'feature']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ShapeError
from .dims import check_labels
from .embedding import labels_in
from .nodes import Add, Apply, Constant, Einsum, Expr, Tensor, is_hot
from .traverse import bottom_up


class Along(NamedTuple):
    """What is known along an axis: whose it is, what it is called, and its labels.

    `dim` is the name that xarray has for it: axes of other dims are not compared. `beside` are the
    dims of an array that was taken by position. `coordinates` are of the array with the labels. Of
    an axis that was `moved`, entries are no longer where they were.
    """

    owner: str = ""
    name: str | None = None
    labels: Any = None
    dim: str | None = None
    beside: frozenset[str] = frozenset()
    coordinates: Any = None
    moved: bool = False


UNKNOWN = Along()
Known = Mapping[tuple[str, int], Along]  # by tensors and axes


def followed(roots: Iterable[Expr], known: Known) -> tuple[tuple[Along, ...], ...]:
    """What stands along each axis of the roots, for what is known of tensors.

    Raises ShapeError where axes with other labels meet.
    """

    def of(node: Expr, parts: tuple[tuple[Along, ...], ...]) -> tuple[Along, ...]:
        match node:
            case Tensor():
                return tuple([known.get((node.name, p), UNKNOWN) for p in range(node.ndim)])
            case Constant():
                return _of_held(node)
            case Add():
                return tuple([_together(axes, f"along axis {p}") for p, axes in _columns(parts)])
            case Apply():
                return _of_function(node, parts)
        assert isinstance(node, Einsum)
        return _of_product(node, parts, known)

    return bottom_up(roots, of)


def _columns(parts: Sequence[tuple[Along, ...]]) -> Iterable[tuple[int, tuple[Along, ...]]]:
    return enumerate(zip(*parts, strict=False))


def _of_held(node: Constant) -> tuple[Along, ...]:
    labels = node.labels or (None,) * node.ndim
    owner = node.name or "an array of the expression"
    axes = []
    for name, index in zip(node.axes, labels, strict=True):
        axes.append(Along(owner, name, index, name))
    return tuple(axes)


def _of_function(node: Apply, parts: tuple[tuple[Along, ...], ...]) -> tuple[Along, ...]:
    """Batch axes stay where they are; what a function does along its own is not known, but for
    softmax.
    """
    batch = len(parts[0]) - node.core
    axes = [_together(column, f"along axis {p}") for p, column in _columns(parts) if p < batch]
    own = [Along(moved=True)] * (node.ndim - batch)
    if node.function.sums_to_one:
        own = list(parts[0][batch:])
    return (*axes, *own)


def _of_product(
    node: Einsum, parts: tuple[tuple[Along, ...], ...], known: Known
) -> tuple[Along, ...]:
    meeting: dict[int, list[Along]] = {}
    for factor, labels, axes in zip(node.factors, node.inputs, parts, strict=True):
        one_each: dict[int, Along] = {}
        for label, along in zip(labels, axes, strict=True):
            before = one_each.setdefault(label, along)
            if (before.name, before.dim) != (along.name, along.dim):
                one_each[label] = Along(moved=True)  # a diagonal between dims is along none of them
        if is_hot(factor):
            one_each.pop(labels[-1])  # the values of an index array, which are places
        for label, along in one_each.items():
            meeting.setdefault(label, []).append(along)
    read_by_place = {labels[-1] for f, labels in zip(node.factors, node.inputs) if is_hot(f)}
    moved = labels_in(node.relations) | read_by_place
    sizes = dict(node.given)
    found: dict[int, Along] = {}
    for label in {*meeting, *node.output}:
        met = meeting.get(label, [])
        if label in moved:
            found[label] = Along(name=next((a.name for a in met if a.name), None), moved=True)
            continue
        size = sizes.get(label)
        if not met and isinstance(size, tuple):
            met = [known.get(size, UNKNOWN)]  # δ of an axis, or a sum along it
        found[label] = _together(met, f"along {node.letters.get(label) or 'an axis'}")
    return tuple([found[label] for label in node.output])


def _together(axes: Sequence[Along], along: str) -> Along:
    """What is known of axes that meet; of two with labels these are the same."""
    found = UNKNOWN
    name = next((axis.name for axis in axes if axis.name), None)
    for axis in axes:
        if axis.dim and found.dim and axis.dim != found.dim:
            _check_places(axis, found, along)
            continue
        word = "coordinates" if axis.dim or found.dim else "labels"
        check_labels(axis.labels, found.labels, along, axis.owner, found.owner, word)
        has_more = axis.labels is not None or (axis.dim and not found.dim)
        if found.labels is None and has_more:
            found = axis
    if any(axis.moved for axis in axes):
        return Along(name=name, moved=True)
    return found._replace(name=name)


def _check_places(axis: Along, other: Along, along: str) -> None:
    """Raise where an array that was taken by position meets another dim than its own."""
    if axis.owner == other.owner:
        return
    if axis.dim in other.beside or other.dim in axis.beside:
        raise ShapeError(
            f"{along}, {other.dim} of {other.owner} meets {axis.dim} of {axis.owner}, for tensors "
            "whose axes have no names take arrays by position: name the axes, "
            'ed.tensor("X", "time feature"), transpose, or give the numbers alone, with .values'
        )
