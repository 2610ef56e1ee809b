"""Relations, index expressions and index arrays, and rows: relations while they are reckoned with.

>>> row_plus((1, {0: 1}), 2, (0, {0: -1, 1: 3}))
(1, {0: -1, 1: 6})
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import chain
from math import gcd
from typing import NamedTuple

from .labels import Label, Labels, Relation, Size, Variable
from .relation_coefficients import (
    added,
    common_part,
    divided_nearest,
    exact_part,
    leading,
    multiplied,
    numbers_in,
    products_in,
)
from .size_algebra import exact_quotient, measured, negated

Row = tuple[Size, dict[Label, Size]]  # a relation in the making, or an index expression
Form = tuple[Size, Size, tuple[tuple[Label, Size], ...]]  # divisor, constant, terms


class Hot(NamedTuple):
    """An index array as a factor: 1 where its entry at `places` is `value`, else 0."""

    array: Hashable
    places: Labels
    value: Label


class Linear(NamedTuple):
    """An index expression, ``constant + Σ coefficient · label``."""

    constant: Size
    terms: tuple[tuple[Label, Size], ...]


def relation(constant: Size, terms: Mapping[Label, Size]) -> Relation:
    """The relation ``constant + Σ coefficient · label = 0``.

    >>> relation(-1, {4: 2, 3: 1, 5: 0})
    Relation(constant=-1, terms=((3, 1), (4, 2)))
    """
    return Relation(constant, sorted_terms(terms))


def renamed(relations: Iterable[Relation], name: Callable[[Label], Label]) -> tuple[Relation, ...]:
    """Relations between the labels that `name` says.

    The coefficients of labels that become one are added, and ``0 = 0`` goes.

    >>> renamed([relation(0, {1: 1, 2: -1}), relation(0, {1: 1, 3: 1})], {1: 7, 2: 7, 3: 8}.get)
    (Relation(constant=0, terms=((7, 1), (8, 1))),)
    """
    found: list[Relation] = []
    for one in relations:
        terms: dict[Label, Size] = {}
        for label, k in one.terms:
            add_term(terms, name(label), k)
        if terms or one.constant != 0:
            found.append(relation(one.constant, terms))
    return tuple(found)


def in_numbers(
    relations: Iterable[Relation], measure: Callable[[Variable], int | None]
) -> tuple[Relation, ...]:
    """Relations with numbers for all sizes, which `measure` knows.

    >>> in_numbers([relation("n", {1: 1, 2: negated("n")})], {"n": 3}.get)
    (Relation(constant=3, terms=((1, 1), (2, -3))),)
    """

    def number(size: Size) -> int:
        found = measured(size, measure)
        assert found is not None, "a size that is not known has said so"
        return found

    found: list[Relation] = []
    for one in relations:
        found.append(relation(number(one.constant), {x: number(k) for x, k in one.terms}))
    return tuple(found)


def numbers_of(one: Relation | Linear) -> tuple[int, list[tuple[Label, int]]]:
    """The constant and the terms of a relation, or an index expression, in numbers."""
    terms: list[tuple[Label, int]] = []
    for label, number in one.terms:
        assert isinstance(number, int)
        terms.append((label, number))
    assert isinstance(one.constant, int)
    return one.constant, terms


# ---- rows


def signed_relation(row: Row) -> Relation:
    """A row as a relation whose first coefficient is above 0."""
    constant, terms = row
    first = terms[min(terms)] if terms else constant
    return relation(*(row if leading(first) >= 0 else row_times(row, -1)))


def sorted_terms(terms: Mapping[Label, Size]) -> tuple[tuple[Label, Size], ...]:
    return tuple(sorted([(label, k) for label, k in terms.items() if k != 0], key=_label))


def _label(term: tuple[Label, Size]) -> Label:
    return term[0]


def add_term(terms: dict[Label, Size], label: Label, k: Size) -> None:
    total = added(terms.get(label, 0), k)
    if total == 0:
        terms.pop(label, None)
    else:
        terms[label] = total


def row_times(row: Row, factor: Size) -> Row:
    constant, terms = row
    if factor == 1:
        return constant, dict(terms)
    return multiplied(constant, factor), {x: multiplied(k, factor) for x, k in terms.items()}


def row_plus(row: Row, factor: Size, other: Row) -> Row:
    """``row + factor · other``."""
    terms = dict(row[1])
    for label, k in other[1].items():
        add_term(terms, label, multiplied(k, factor))
    return added(row[0], multiplied(other[0], factor)), terms


def cleared(row: Row, label: Label, pivot: Row) -> Row:
    """A row without `label`, by a row that has it: both say the same together as before."""
    own = row[1].get(label, 0)
    if own == 0:
        return row
    by = pivot[1][label]
    quotient = exact_quotient(own, by)
    if quotient is not None:
        return row_plus(row, negated(quotient), pivot)
    common = common_part([own, by])
    scaled = row_times(row, exact_part(by, common))
    return shortened(row_plus(scaled, negated(exact_part(own, common)), pivot))


def form_of(divisor: Size, row: Row, found: Mapping[Label, Form]) -> Form:
    """``row / divisor`` with what was found put in, in lowest terms."""
    constant, terms = row
    known = [found[label] for label in terms if label in found]
    scale: Size = 1
    for other, _, _ in known:
        if exact_quotient(scale, other) is None:
            scale = multiplied(scale, other)
    total: Row = (multiplied(constant, scale), {})
    for label, k in terms.items():
        if label not in found:
            add_term(total[1], label, multiplied(k, scale))
            continue
        other, inner, inner_terms = found[label]
        share = exact_quotient(scale, other)
        assert share is not None, "the scale is a multiple of each divisor"
        total = row_plus(total, multiplied(k, share), (inner, dict(inner_terms)))
    divisor = multiplied(divisor, scale)
    if divisor != 1:
        common = common_part([divisor, total[0], *total[1].values()])
        total = row_quotient(total, common)
        divisor = exact_part(divisor, common)
    return divisor, total[0], sorted_terms(total[1])


def row_quotient(row: Row, divisor: Size) -> Row:
    if divisor == 1:
        return row
    constant, terms = row
    return exact_part(constant, divisor), {x: exact_part(k, divisor) for x, k in terms.items()}


def shortened(row: Row) -> Row:
    """A row without what all of it has in common."""
    constant, terms = row
    return row_quotient(row, common_part([*terms.values(), constant]))


def reduced_row(row: Row) -> Row | None:
    """The rule of the gcd: None where what divides the terms cannot divide the constant."""
    constant, terms = row
    if not terms or 1 in terms.values() or -1 in terms.values():
        return row
    constant, terms = row = shortened(row)
    common = gcd(*chain.from_iterable([numbers_in(k) for k in terms.values()]))
    if common > 1 and all([c % common == 0 for m, c in products_in(constant) if m]):
        return None
    return row


def parted_row(row: Row, radix: Size) -> tuple[Row, Row]:
    """``row = radix · H + L``, with the constant in L as far as it is a number."""
    constant, terms = row
    high: dict[Label, Size] = {}
    low: dict[Label, Size] = {}
    for label, k in terms.items():
        whole, rest = divided_nearest(k, radix)
        add_term(high, label, whole)
        add_term(low, label, rest)
    if isinstance(constant, int):
        return (0, high), (constant, low)
    whole, rest = divided_nearest(constant, radix)
    return (whole, high), (rest, low)
