"""The places of the result that an embedding with relations shows, one by one.

``w[k] → i, a`` with ``a = i + k`` shows the places ``(i, i+k)`` and no others: the diagonals of a
band.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

from ..errors import EinderivError, LimitError
from ..expression import (
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Linear,
    Relation,
    Size,
    Sizes,
    is_hot,
    solvings,
    with_measures,
)

MOST_POINTS = 300_000  # that are looked at for one picture


def embedding_points(term: Einsum, known: Sizes) -> Iterator[tuple[int, ...]]:
    """The places of a flat product that need not be zero, some of them twice: the points of its
    relations. `known` measures all sizes.

    Raises LimitError for more than are looked at, EinderivError where they depend on an index array
    that is not held, ShapeError for a size that is not known.
    """
    parts = term.parts
    assert parts is not None, "only relations and index arrays have points"
    hots = [(factor, labels) for factor, labels in term.slots if is_hot(factor)]
    arrays = []
    for k, (factor, own) in enumerate(hots):
        array = factor.arguments[0]
        # what is summed inside may be anywhere
        if k in parts.outer_hots or isinstance(array, Constant):
            arrays.append((_held(array), own[:-1], own[-1]))
    sizes = _sizes(term, known)
    labels = set(term.output)
    relations: list[Relation] = []
    for constant, terms in term.relations:
        numbers = [(label, _number(k, known)) for label, k in terms]
        relations.append(Relation(_number(constant, known), tuple(numbers)))
        labels.update([label for label, _ in terms])
    for _, places, value in arrays:
        labels.update(places, (value,))
    solution = next(solvings(relations, sizes, (), 1), None)
    if solution is None:
        return
    values = {value for _, _, value in arrays}
    free = [label for label in sorted(labels) if label not in solution.by and label not in values]
    count = prod([sizes[label] for label in free])
    if count > MOST_POINTS:
        raise LimitError(
            f"{count} points of an index expression are more than the {MOST_POINTS} that a picture "
            "looks at: give smaller sizes"
        )
    rest = [Linear(*one) for one in solution.rest]
    for at in product(*[range(sizes[label]) for label in free]):
        point = dict(zip(free, at, strict=True))
        if _completed(point, solution.by, arrays, sizes) and not any(
            _value(linear, point) for linear in rest
        ):
            yield tuple([point[label] for label in term.output])


def _held(array: Expr) -> object:
    """The values of an index array."""
    if isinstance(array, Constant):
        return array.value
    raise EinderivError(
        f"where the index array {array} points is not known before it is given: hold it, "
        "einsum(…, r=array), to draw where the result is zero"
    )


def _sizes(term: Einsum, known: Sizes) -> dict[Label, int]:
    found: dict[Label, Size] = dict(reversed(term.given))
    for factor, labels in term.slots:
        found.update(zip(labels, factor.axis_sizes, strict=True))
    found.update(zip(term.output, term.axis_sizes, strict=True))
    return {label: known.measure(size) for label, size in found.items()}


def _number(size: Size, known: Sizes) -> int:
    """A coefficient, which may be negative."""
    return _whole(with_measures(size, known.measure))


def _completed(
    point: dict[Label, int],
    by: Mapping[Label, Linear],
    arrays: Sequence[tuple[object, Labels, Label]],
    sizes: Mapping[Label, int],
) -> bool:
    """Follow relations and arrays from what is known; is it a point?"""
    waiting = dict(by)
    pending = list(arrays)
    while waiting or pending:
        before = len(waiting) + len(pending)
        for label, linear in list(waiting.items()):
            if all(x in point for x, _ in linear.terms):
                value = _value(linear, point)
                if not 0 <= value < sizes[label] or point.setdefault(label, value) != value:
                    return False
                del waiting[label]
        for one in list(pending):
            array, places, label = one
            if all(x in point for x in places):
                value = int(array[tuple([point[x] for x in places])])  # type: ignore[index]
                if not 0 <= value < sizes[label] or point.setdefault(label, value) != value:
                    return False
                pending.remove(one)
        assert len(waiting) + len(pending) < before, "a label that follows from itself"
    return True


def _value(linear: Linear, point: Mapping[Label, int]) -> int:
    """An index expression whose sizes are measured, at a point."""
    value = _whole(linear.constant)
    for label, k in linear.terms:
        value += _whole(k) * point[label]
    return value


def _whole(size: Size) -> int:
    assert isinstance(size, int), "every size is measured"
    return size
