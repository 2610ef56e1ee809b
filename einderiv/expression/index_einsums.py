"""Einsums by index expressions: operands read at some, and written at others.

Slices, reshapes, shifts, joins, windows and gathers are all one call of :func:`indexed`: which
labels there are, at which index expression of them each axis of an operand is read, and at which
the product is written.

>>> from .construct import tensor
>>> x = tensor("x", "i")
>>> print(indexed([(x, [AffineIndex(1, ((0, 2),))])], [at(0)], {0: 3}, [3], [None]))  # x[2 i + 1]
einsum("(2a+1)->a", x)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .index_building import one_hot_of
from .labels import Label, Labels, Relation, Size
from .nodes import Einsum, Expr, Slot, zero
from .relation_rows import relation
from .size_algebra import plus
from .sizes import checked
from .unify import assemble, fresh_labels


class ArrayTerm(NamedTuple):
    """An index array, read at labels: `coefficient` times what it holds there, which is less than
    `values`.
    """

    array: Expr
    places: Labels
    values: Size
    coefficient: Size = 1


class AffineIndex(NamedTuple):
    """An index expression: ``constant + Σ coefficient · label + Σ coefficient · array[labels]``."""

    constant: Size
    terms: tuple[tuple[Label, Size], ...] = ()
    arrays: tuple[ArrayTerm, ...] = ()


def at(label: Label, constant: Size = 0, coefficient: Size = 1) -> AffineIndex:
    """``constant + coefficient · label``."""
    return AffineIndex(constant, ((label, coefficient),))


def indexed(
    operands: Sequence[tuple[Expr, Sequence[AffineIndex]]],
    output: Sequence[AffineIndex],
    domains: Mapping[Label, Size],
    sizes: Sequence[Size],
    names: Sequence[str | None],
    *,
    conditions: Sequence[tuple[AffineIndex, Size]] = (),
    origins: tuple[Expr, ...] = (),
) -> Einsum:
    """``y[output] += Π operand[index]`` over all labels of `domains`.

    What is read outside an axis is 0, what is written outside is dropped. `sizes` and `names` are
    those of the axes of the result. Of the points only those count at which each index expression
    of `conditions` is at least 0 and less than its size.
    """
    work = _Work(domains)
    slots: list[Slot] = []
    for operand, indices in operands:
        own = zip(indices, operand.axis_sizes, strict=True)
        slots.append((operand, tuple([work.label(index, size) for index, size in own])))
    written = [work.label(index, size) for index, size in zip(output, sizes, strict=True)]
    for condition, size in conditions:
        work.label(condition, size)
    letters: dict[Label, str | None] = {}
    for label, name in zip(written, names, strict=True):
        letters.setdefault(label, name)
    for (operand, _), (_, labels) in zip(operands, slots, strict=True):
        for label, name in zip(labels, operand.axes, strict=True):
            if label in domains and name not in letters.values():
                letters.setdefault(label, name)
    return checked(
        assemble(
            1,
            [*slots, *work.hots],
            tuple(written),
            axes=tuple(names),
            given=tuple(work.domains.items()),
            letters=letters,
            origins=origins,
            relations=tuple(work.relations),
        )
    )


class _Work:
    """Labels, relations and index arrays of one einsum in the making."""

    def __init__(self, domains: Mapping[Label, Size]) -> None:
        self.domains = dict(domains)
        self.relations: list[Relation] = []
        self.hots: list[Slot] = []

    def label(self, index: AffineIndex, size: Size) -> Label:
        """The label of an axis that is read or written at `index`."""
        is_plain = not index.arrays and index.constant == 0 and len(index.terms) == 1
        if is_plain and index.terms[0][1] == 1 and self.domains[index.terms[0][0]] == size:
            return index.terms[0][0]
        (own,) = fresh_labels(1)
        self.domains[own] = size
        if index.constant == 0 and not index.terms and len(index.arrays) == 1:
            (lone,) = index.arrays
            if lone.coefficient == 1:  # it points into the axis itself
                self.hots.append((one_hot_of(lone.array, size), (*lone.places, own)))
                return own
        terms: dict[Label, Size] = {own: -1}
        for label, coefficient in index.terms:
            terms[label] = plus(terms.get(label, 0), coefficient)
        for array, places, values, coefficient in index.arrays:
            (value,) = fresh_labels(1)
            self.domains[value] = values
            self.hots.append((one_hot_of(array, values), (*places, value)))
            terms[value] = coefficient
        self.relations.append(relation(index.constant, terms))
        return own


def at_least_0(size: Size) -> Einsum | None:
    """What an expression has met for `size` to be at least 0: that is checked when sizes are known.
    None where it is known.

    Raises ShapeError for a number below 0.
    """
    if isinstance(size, int):
        assert size >= 0, "who knows the sizes has said what is wrong"
        return None
    return zero((size,), (None,))


def equal_sizes(a: Size, b: Size) -> Einsum | None:
    """What an expression has met for two sizes to be one; None where they are."""
    if a == b:
        return None
    return Einsum(0, (), (), (0,), ((0, a), (0, b)), axes=(None,))
