"""Which products are not formed, because index arrays read or write fewer places than they have.

Of ``Σ_e (U Vᵀ)[r[e], c[e]]²`` there is one number for each e, though U Vᵀ stands twice in it and is
a product of its own: it is multiplied out, so that rows of U and V are read. And the gradient of
this is ``G V`` with ``G[r[e], c[e]] += …``, a sparse matrix: it is multiplied out too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from ..expression import Einsum, Expr, Label, is_hot
from .tuning_constants import tuning

Place = Label | tuple[int, Label]  # the label of a place, or that inside of a factor
Shape = Callable[[Expr], tuple[int, ...]]
Hots = dict[Label, dict[Place, int]]  # by the label of a value the places, with their lengths


def read_apart(e: Einsum, shape: Shape) -> list[Expr]:
    """The factors of a product that it is multiplied out with, where shapes are known."""
    found: list[Expr] = []
    read = _hots(e, shape)
    for factor, labels in e.slots:
        if not isinstance(factor, Einsum) or not factor.factors:
            continue
        inside = _lengths(factor, shape)
        grid = prod(inside[label] for label in factor.output)
        written = _hots(factor, shape)
        if written and _points(factor.output, inside, written) < grid:
            found.append(factor)
            continue
        if read.keys().isdisjoint(labels):
            continue
        outside = dict(zip(labels, shape(factor), strict=True))
        points = _points(labels, outside, read)
        summed = set(inside).difference(factor.output)
        work = points * prod(inside[label] for label in summed)
        if points < grid and work < tuning.gathered_times * grid:
            found.append(factor)
    return found


def _hots(e: Einsum, shape: Shape) -> Hots:
    """The labels that values of index arrays are, and the places where the arrays are read; also
    those of a factor that is nothing but index arrays.
    """
    found: Hots = {}
    lengths = _lengths(e, shape)
    for factor, labels in e.slots:
        if is_hot(factor):
            places = found.setdefault(labels[-1], {})
            for label in labels[:-1]:
                places[label] = lengths[label]
        elif isinstance(factor, Einsum) and factor.factors and all(map(is_hot, factor.factors)):
            outside = dict(zip(factor.output, labels, strict=True))
            for value, inner in _hots(factor, shape).items():
                places = found.setdefault(outside.get(value, value), {})
                for place, length in inner.items():
                    places[_seen(place, outside, factor)] = length
    return found


def _seen(place: Place, outside: Mapping[Label, Label], factor: Expr) -> Place:
    """A place inside of a factor, by the label that it has outside if it is an axis."""
    if isinstance(place, tuple):
        return place
    return outside.get(place, (id(factor), place))


def _lengths(e: Einsum, shape: Shape) -> dict[Label, int]:
    """The sizes of the labels of a product."""
    lengths = dict(zip(e.output, shape(e), strict=True))
    for factor, labels in e.slots:
        lengths.update(zip(labels, shape(factor), strict=True))
    return lengths


def _points(labels: Sequence[Label], lengths: Mapping[Label, int], hots: Hots) -> int:
    """How many places there are along some labels, where index arrays say some of these."""
    free: dict[Place, int] = {}
    for label in labels:
        if label in hots:
            free.update(hots[label])
        else:
            free[label] = lengths[label]
    return prod(free.values())
