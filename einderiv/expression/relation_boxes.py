"""What is sure of an index expression, or of a relation, in the box of its labels.

Sizes may be symbolic. What is proved holds where each domain has a value: a box with a side of 0
has no points, so that nothing that is said of them is wrong. The names in coefficients are taken
for at least 1, for each comes from an axis that has been merged with others.

>>> is_inside(Linear(0, ((0, 1), (1, 1))), {0: plus("n", -2), 1: 3}, "n")
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

from ..errors import LimitError, ShapeError
from .labels import Composite, Label, Polynomial, Relation, Size, Variable
from .relation_coefficients import (
    Domains,
    levels_of,
    multiplied,
    products_in,
    whole_levels,
)
from .relation_rows import Linear, Row
from .size_algebra import (
    atoms,
    floor_quotient,
    is_nonnegative,
    measured,
    minus,
    negated,
    plus,
    replaced,
    sign,
    variables,
)

#: what names are taken for in a sample, and how often they grow until each domain has a value
SMALL, ROUNDS = 3, 8
#: what a size counts as that cannot be measured
LARGE = 1 << 62
#: domains that a proof may use
MOST_FACTS = 8
#: lists of sizes that are kept with what was found of them
MOST_KEPT = 1024

Range = tuple[Size, Size]  # the lowest and the highest value of a label
Near = tuple[int, int, bool]  # the values of a row in a sample, and are these all?


def span(linear: Linear | Relation, domains: Domains) -> Range | None:
    """The lowest and the highest value over the box; None where the sign of a coefficient is not
    known.

    >>> span(Linear(1, ((0, 2), (1, -1))), {0: "n", 1: 3}) == (-1, minus(plus("n", "n"), 1))
    True
    """
    terms = dict(linear.terms)
    return KnownBox(domains, facts_about(domains, ())).span((linear.constant, terms))


def is_inside(linear: Linear, domains: Domains, n: Size) -> bool:
    """Is ``0 ≤ linear < n`` at each point of the box of its own labels? A yes is proved.

    >>> windows = {0: plus("n", negated("w"), 1), 1: "w"}  # n - w + 1, and w
    >>> is_inside(Linear(0, ((0, 1), (1, 1))), windows, "n")
    True
    """
    return is_row_inside((linear.constant, dict(linear.terms)), domains, n)


def domain_of(read: Linear, label: Label, axis: Size, domains: Domains) -> Size | None:
    """The largest domain of `label` in which `read` never leaves an axis of the size `axis`.

    ``(axis - 1 - largest value of the others) // s + 1``, where s is the coefficient of the label;
    0 or less: even the place of 0 is outside. None where there is no one such domain: if s is not
    above 0, another label has no domain either, or the place of 0 is not sure to be at least 0.

    >>> domain_of(Linear(0, ((0, 2), (1, 1))), 0, 9, {1: 3})  # x[2i + k]
    4
    >>> domain_of(Linear(0, ((0, 1), (1, -1))), 0, 9, {1: 3}) is None  # x[i - k]
    True
    """
    terms = dict(read.terms)
    step = terms.pop(label, 0)
    if sign(step) != 1 or not domains.keys() >= terms.keys():
        return None
    own = {x: domains[x] for x in terms}
    known = KnownBox(own, facts_about(own, ()))
    others = known.span((read.constant, terms))
    if others is None or not known.is_nonnegative(others[0], terms):
        return None
    return plus(floor_quotient(plus(axis, -1, negated(others[1])), step), 1)


def extent(linear: Linear, domains: Domains) -> Size | None:
    """The size of an axis whose places are `linear`: 1 + the largest value, at least 0. None where
    the sign of a coefficient is not known.

    >>> extent(Linear(0, ((0, 1), (1, 1))), {0: 5, 1: 3}), extent(Linear(-9, ((0, 1),)), {0: 5})
    (7, 0)

    A size with names in it may still measure less than 0. Where a domain is 0, the size is what the
    same expression of names comes to.
    """
    known = span(linear, domains)
    if known is None:
        return None
    size = plus(known[1], 1)
    return max(0, size) if isinstance(size, int) else size


def is_row_inside(row: Row, domains: Domains, n: Size) -> bool:
    """Is ``0 ≤ row < n`` sure where the domains of its own labels have values?"""
    if _is_number(row, domains, n):
        return True
    own = {label: domains[label] for label in row[1]}
    known = KnownBox(own, facts_about(own, ()))
    for sample in (known, *known.others):
        lowest, highest, _ = sample.near(row)
        within = lowest >= 0 and highest < sample.at(n)
        if sample.is_sample and not within:
            return False
    whole = known.span(row)
    if whole is None or not known.is_nonnegative(whole[0], own):
        return False
    return known.is_nonnegative(minus(n, plus(whole[1], 1)), own)


def _is_number(row: Row, domains: Domains, n: Size) -> bool:
    """Is a row all the digits of a number below `n`?"""
    levels = levels_of(row[1]) if row[0] == 0 else None
    if levels is None:
        return False
    radix: Size = 1
    for own, terms in levels:
        if own != radix or [*terms.values()] != [own]:
            return False
        (label,) = terms
        radix = multiplied(radix, domains[label])
    return radix == n


def are_digits(difference: Relation, domains: Domains) -> bool:
    """Is a difference of two points one of numbers, so that their digits are alike if it is 0?"""
    levels = levels_of(dict(difference.terms))
    return levels is not None and whole_levels(levels, domains) == len(levels)


def is_empty(relations: Iterable[Relation], domains: Domains) -> bool:
    return any([domains[label] == 0 for one in relations for label, _ in one.terms])


# ---- what is known of sizes


class Facts(NamedTuple):
    """What is known of the sizes in a system; of a part of it as of all."""

    sizes: tuple[Size, ...]  # all domains that differ: each has a value
    positive: frozenset[Variable]  # names that are at least 1
    is_exact: bool  # are all sizes numbers?


def facts_about(domains: Domains, relations: Iterable[Relation]) -> Facts:
    """Names in coefficients are at least 1, and those of a domain that is a product."""
    sizes = tuple(dict.fromkeys(domains.values()))
    coefficients = dict.fromkeys([k for one in relations for _, k in one.terms])
    return _facts_of(sizes, tuple(coefficients))


@lru_cache(maxsize=MOST_KEPT)
def _facts_of(sizes: tuple[Size, ...], coefficients: tuple[Size, ...]) -> Facts:
    positive: set[Variable] = set()
    is_exact = True
    for size in (*sizes, *coefficients):
        if not isinstance(size, int):
            is_exact = False
            if len(products_in(size)) == 1:
                positive.update([x for x in atoms(size) if not isinstance(x, Composite)])
    return Facts(sizes, frozenset(positive), is_exact)


class KnownBox:
    """What is known of the sizes in a system: that each domain has a value. So each name is at
    least 1 in a domain that is a product; any other may be 0.

    A *sample* is a number for each name, so that this is so. What does not hold in the sample needs
    no proof; where all sizes are numbers, it is all there is to know.
    """

    is_sample: bool  # is it one? Else nothing is said by it

    def __init__(
        self,
        domains: Domains,
        facts: Facts,
        differences: bool = False,
        first: Mapping[Variable, int] | None = None,
    ) -> None:
        """With `differences` labels are those of two points: ``|label| < n``. The sample begins
        with `first`.
        """
        self.facts = facts
        self.first = first or {}
        self.domains = domains
        self.sizes = facts.sizes
        self.positive = facts.positive
        self.is_exact = facts.is_exact
        self.differences = differences
        self.measures: dict[Size, int] = {}  # of sizes, in the sample
        self.largest: dict[Label, int] = {}  # value of a label, in the sample
        self.is_sample = True

    @cached_property
    def numbers(self) -> Mapping[Variable, int]:
        """The sample. Names grow that make a domain larger, until each domain has a value or it
        seems that it never will.
        """
        polynomials = [n for n in self.sizes if isinstance(n, Polynomial)]
        # n to the power of a million is measured where n is 1
        huge = [n for n in polynomials if _measure(n, {}) is None]
        numbers = {**self.first, **{name: 1 for n in huge for name in variables(n)}}
        for _ in range(ROUNDS):
            empty = [n for n in polynomials if (_measure(n, numbers) or 0) < 1]
            for name in {name for n in empty for name in _growing(n)}:
                numbers[name] = 8 * numbers.get(name, SMALL)
            if not empty:
                return numbers
        self.is_sample = False
        return numbers

    @cached_property
    def others(self) -> tuple[KnownBox, ...]:
        """The same with samples in which names differ that have one number in the first."""
        names = dict.fromkeys([name for n in self.sizes for name in variables(n)])
        if len(names) < 2:
            return ()
        numbers = range(SMALL, SMALL + len(names))
        ways = [dict(zip(names, order, strict=True)) for order in (numbers, numbers[::-1])]
        return tuple([KnownBox(self.domains, self.facts, self.differences, way) for way in ways])

    def at(self, size: Size) -> int:
        """What a size measures in the sample; where that is not known, there is no sample."""
        if isinstance(size, int):
            return size
        known = self.measures.get(size)
        if known is None:
            measure = _measure(size, self.numbers)
            if measure is None:
                self.is_sample = False
            known = self.measures[size] = LARGE if measure is None else measure
        return known

    def near(self, row: Row) -> Near:
        """The lowest and the highest value of a row in the sample, and whether all is numbers, so
        that these are its values.
        """
        is_exact = self.is_exact and isinstance(row[0], int)
        lowest = highest = self.at(row[0])
        for label, k in row[1].items():
            if not isinstance(k, int):
                is_exact = False
                k = self.at(k)
            most = self.largest.get(label)
            if most is None:
                most = self.largest[label] = self.at(self.domains[label]) - 1
            least = -most if self.differences else 0
            lowest += k * (least if k > 0 else most)
            highest += k * (most if k > 0 else least)
        return lowest, highest, is_exact

    def place(self, row: Row, n: Size) -> str:
        """Are all values of a row "inside" ``0 ≤ value < n``, or "outside"? Else "unknown"."""
        lowest, highest, is_exact = self.near(row)
        size = self.at(n)
        inside = lowest >= 0 and highest < size
        outside = highest < 0 or size <= lowest
        if self.is_sample and not inside and not outside:
            return "unknown"
        if is_exact and isinstance(n, int):
            return "inside" if inside else "outside"
        whole = self.span(row)
        if whole is None:
            return "unknown"
        low, high = whole
        above = minus(n, plus(high, 1))
        if self.is_nonnegative(low, row[1]) and self.is_nonnegative(above, row[1]):
            return "inside"
        if self.is_nonnegative(minus(low, n), row[1]):
            return "outside"
        return "outside" if self.is_nonnegative(minus(-1, high), row[1]) else "unknown"

    def is_nonnegative(self, size: Size, labels: Iterable[Label]) -> bool:
        """Is ``size ≥ 0`` for certain? The domains of `labels` are used for it before others."""
        if isinstance(size, int):
            return size >= 0
        measure = self.at(size)
        if self.is_sample and measure < 0:
            return False
        above = self._above_zero(size)
        if above is None:
            return False
        if is_nonnegative(above):
            return True
        near = [self.domains[x] for x in labels if x in self.domains]
        domains = dict.fromkeys([*near, *self.sizes])
        polynomials = [n for n in domains if isinstance(n, Polynomial) and _says_more(n)]
        facts = [self._above_zero(minus(n, 1)) for n in polynomials[:MOST_FACTS]]
        known = [fact for fact in facts if fact is not None]
        return bool(known) and is_nonnegative(above, known)

    def span(self, row: Row) -> Range | None:
        """The lowest and the highest value of a row; None where the sign of a coefficient is not
        known.
        """
        constant, terms = row
        lowest, highest = [constant], [constant]
        for label, k in terms.items():
            high = minus(self.domains[label], 1)
            low = negated(high) if self.differences else 0
            if not self.is_nonnegative(k, ()):
                if not self.is_nonnegative(negated(k), ()):
                    return None
                low, high = high, low
            lowest.append(multiplied(k, low))
            highest.append(multiplied(k, high))
        return plus(*lowest), plus(*highest)

    def _above_zero(self, size: Size) -> Size | None:
        """A size with ``n - 1`` for each name n that may be 0, so that what stands in it is at
        least 1. None where that is too long.
        """
        if self.positive.issuperset(variables(size)):
            return size
        try:
            return replaced(size, lambda name: name if name in self.positive else minus(name, 1))
        except LimitError:
            return None


def _measure(size: Size, numbers: Mapping[Variable, int]) -> int | None:
    """What a size measures, where names that have no number measure a few; None for n to the power
    of a million, and for what is divided by 0 then.
    """
    try:
        return measured(size, lambda name: numbers.get(name, SMALL))
    except (LimitError, ShapeError):
        return None


def _says_more(size: Polynomial) -> bool:
    """Is more known, where it has a value, than that its names have?"""
    return len(size.terms) > 1 or any([isinstance(atom, Composite) for atom in atoms(size)])


def _growing(size: Polynomial) -> list[Variable]:
    """The names in the products that are added, also inside of floors."""
    return [
        name
        for monomial, number in size.terms
        if number > 0
        for name in variables(plus(Polynomial(((monomial, number),))))
    ]
