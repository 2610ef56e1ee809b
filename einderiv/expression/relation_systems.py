"""A system of relations while its rules are used: parted by gcd, range and mixed radix, and solved
one relation after the other.

>>> from einderiv.expression.relation_boxes import facts_about
>>> domains = {0: 5, 1: 3, 2: 7}
>>> system = System(KnownBox(domains, facts_about(domains, ())))
>>> system.add([Relation(0, ((0, 1), (1, 1), (2, -1)))])
>>> system.eliminate(lambda label: (-label,))
>>> system.forms()
{2: (1, 0, ((0, 1), (1, 1)))}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import chain

from .labels import Label, Relation, Size
from .relation_boxes import KnownBox, Near, Range
from .relation_coefficients import (
    Level,
    added,
    effort,
    exact_part,
    is_pivot,
    leading,
    levels_of,
    multiplied,
    radices_of,
    whole_levels,
)
from .relation_rows import (
    Form,
    Row,
    cleared,
    form_of,
    parted_row,
    reduced_row,
    row_times,
    signed_relation,
)
from .size_algebra import minus, negated, plus, times

Rank = tuple[int, ...]  # of a label: the least is eliminated first
Choice = tuple[tuple[int, int], tuple[int, ...], bool, int, int, Label]  # the least is the best


class System:
    """Relations that are parted by the rules and solved one after the other.

    Each row knows the relation that it comes from, so that relations which follow from the others
    are found.
    """

    def __init__(self, known: KnownBox) -> None:
        self.known = known
        self.possible = True  # is there no proof that no point satisfies it?
        self.rows: dict[int, Row] = {}
        self.sources: dict[int, int] = {}
        self.holders: dict[Label, set[int]] = {}  # the rows that a label is in
        self.pivots: list[tuple[Label, int, Row]] = []  # what is solved, in order: label, number

    def add(self, relations: Iterable[Relation]) -> None:
        """Take relations up, with a number each."""
        for number, one in enumerate(relations):
            self._add((one.constant, dict(one.terms)), number)

    def copy(self) -> System:
        """The same system, which may be solved for other labels."""
        other = System(self.known)
        other.possible = self.possible
        other.rows = dict(self.rows)
        other.sources = dict(self.sources)
        other.holders = {label: set(numbers) for label, numbers in self.holders.items()}
        other.pivots = list(self.pivots)
        return other

    def needed(self) -> set[int]:
        """The sources of what is left: the others follow from these."""
        pivots = [self.sources[number] for _, number, _ in self.pivots]
        return {*pivots, *[self.sources[number] for number in self.rows]}

    def relations(self) -> tuple[Relation, ...]:
        """What is not solved."""
        return tuple([signed_relation(row) for row in self.rows.values()])

    def eliminate(self, rank: Callable[[Label], Rank | None], units: bool = False) -> None:
        """Solve each relation for a label, those of the least rank first, and put it into the
        others.

        With `units` only for labels whose coefficients are 1 or -1.
        """
        ranks: dict[Label, Rank | None] = {}
        choices: list[Choice] = []  # a heap, also of rows that are gone
        ranked = 0
        while self.possible:
            fresh = [number for number in range(ranked, len(self.sources)) if number in self.rows]
            ranked = len(self.sources)
            for number in fresh:
                choice = _best(number, self.rows[number], rank, ranks, units)
                if choice is not None:
                    heappush(choices, choice)
            while choices and choices[0][-2] not in self.rows:
                heappop(choices)
            if not choices:
                return
            *_, number, label = heappop(choices)
            pivot = self._taken(number)
            self.pivots.append((label, number, pivot))
            for other in sorted(self.holders.get(label, ())):
                row = self._taken(other)
                self._add(cleared(row, label, pivot), self.sources[other])

    def forms(self) -> dict[Label, Form]:
        """What the solved labels are in terms of the free ones, in lowest terms."""
        found: dict[Label, Form] = {}
        for label, _, (constant, terms) in reversed(self.pivots):
            divisor = terms[label]
            left = {x: k for x, k in terms.items() if x != label}
            turned = -1 if leading(divisor) > 0 else 1
            row = row_times((constant, left), turned)
            found[label] = form_of(multiplied(divisor, -turned), row, found)
        return found

    def _add(self, row: Row, source: int) -> None:
        """Take up a row, in as many parts as the rules find. It may be that there are none."""
        pending = [row]
        while pending and self.possible:
            reduced = reduced_row(pending.pop())
            if reduced is None or self._is_out(reduced):
                self.possible = False
                return
            constant, terms = reduced
            if not terms and constant == 0:
                continue
            parts = self._parts(reduced)
            if parts or not self.possible:
                pending += parts
                continue
            number = len(self.sources)
            self.sources[number] = source
            self.rows[number] = reduced
            for label in terms:
                self.holders.setdefault(label, set()).add(number)

    def _taken(self, number: int) -> Row:
        row = self.rows.pop(number)
        for label in row[1]:
            self.holders[label].discard(number)
        return row

    def _is_out(self, row: Row) -> bool:
        """Is the row 0 nowhere in the box?"""
        return self.known.place(row, 1) == "outside"

    def _parts(self, row: Row) -> list[Row]:
        """The relations that a row falls into, if it does: the last is the lowest."""
        constant, terms = row
        if len(terms) < 2:
            return []
        levels = levels_of(terms) if isinstance(constant, int) else None
        if levels is not None and levels[0][0] == 1:
            return self._digits(constant, levels)
        for radix in radices_of(terms):
            high, low = parted_row(row, radix)
            if not high[1] or (not low[1] and low[0] == 0):
                continue
            below = _Below(low[0], [(1, low[1])], self.known)
            multiple = self._only_multiple(radix, below, 1)
            if not self.possible:
                return []
            if multiple is not None:
                whole = added(high[0], multiple)
                part = added(low[0], multiplied(-multiple, radix))
                return [(whole, high[1]), (part, low[1])]
        return []

    def _digits(self, constant: Size, levels: Sequence[Level]) -> list[Row]:
        """The relations that ``constant + Σ radix · digit`` falls into, where each radix divides
        the next: as if it was parted by the largest radix that parts it, and what is below again;
        but what is below each radix is measured once for all.
        """
        below = _Below(constant, levels, self.known)
        whole = whole_levels(levels, self.known.domains) if constant == 0 else 0
        parts: list[Row] = []
        top = len(levels)
        for k in range(len(levels) - 1, 0, -1):
            radix = levels[k][0]
            multiple = 0 if k <= whole else self._only_multiple(radix, below, k)
            if not self.possible:
                return []
            if multiple is None:
                continue
            digits = [digit for _, terms in levels[k:top] for digit in terms.items()]
            parts.append((multiple, {label: exact_part(x, radix) for label, x in digits}))
            top = k
            if multiple != 0:  # the constant of what is below is another
                constant = added(constant, multiplied(-multiple, radix))
                break
        if not parts:
            return []
        return [*parts, (constant, dict(chain.from_iterable([t.items() for _, t in levels[:top]])))]

    def _only_multiple(self, radix: Size, below: _Below, k: int) -> int | None:
        """The one m for which ``m · radix`` is in the span of what is below level `k`, if there is
        just one. Where there is none, nothing is possible.
        """
        if leading(radix) < 0:
            radix = negated(radix)
        step = self.known.at(radix)
        if step < 1:
            return None
        lowest, highest, is_exact = below.near(k, self.known)
        multiple = -(-lowest // step)
        is_exact = is_exact and isinstance(radix, int)
        if is_exact and multiple > highest // step:
            self.possible = False
        if multiple != highest // step:
            return None
        if is_exact:
            return multiple
        # what does not hold in other samples needs no proof
        for known in self.known.others:
            lowest, highest, _ = below.near(k, known)
            step = known.at(radix)
            within = (multiple - 1) * step < lowest and highest < (multiple + 1) * step
            if known.is_sample and not within:
                return None
        whole = below.span(k)
        if whole is None:
            return None
        labels = below.labels(k)
        under = minus(whole[0], plus(times(multiple - 1, radix), 1))
        over = minus(times(multiple + 1, radix), plus(whole[1], 1))
        proved = self.known.is_nonnegative(under, labels)
        return multiple if proved and self.known.is_nonnegative(over, labels) else None


class _Below:
    """What is below each level of a row: its first so many levels, and the constant."""

    def __init__(self, constant: Size, levels: Sequence[Level], known: KnownBox) -> None:
        self.constant = constant
        self.levels = levels
        self.known = known
        self.spans: list[Range | None] = [(constant, constant)]
        self.order = [label for _, terms in levels for label in terms]
        self.samples: dict[KnownBox, list[Near]] = {}

    def near(self, k: int, known: KnownBox) -> Near:
        """The lowest and the highest value in a sample of what is below level `k`, and whether all
        is numbers.
        """
        if known not in self.samples:
            self.samples[known] = [known.near((self.constant, {}))]
            for _, terms in self.levels:
                low, high, is_exact = self.samples[known][-1]
                own_low, own_high, own_is_exact = known.near((0, terms))
                joined = (low + own_low, high + own_high, is_exact and own_is_exact)
                self.samples[known].append(joined)
        return self.samples[known][k]

    def labels(self, k: int) -> list[Label]:
        """The labels below level `k`."""
        return self.order[: sum([len(terms) for _, terms in self.levels[:k]])]

    def span(self, k: int) -> Range | None:
        """The lowest and the highest value of what is below level `k`; None where the sign of a
        coefficient is not known.
        """
        while len(self.spans) <= k:
            before = self.spans[-1]
            own = self.known.span((0, self.levels[len(self.spans) - 1][1]))
            if before is None or own is None:
                self.spans.append(None)
            else:
                self.spans.append((plus(before[0], own[0]), plus(before[1], own[1])))
        return self.spans[k]


def _best(
    number: int,
    row: Row,
    rank: Callable[[Label], Rank | None],
    ranks: dict[Label, Rank | None],
    units: bool,
) -> Choice | None:
    """The label that a row is best solved for."""
    _, terms = row
    above = [x for x, k in terms.items() if leading(k) > 0]
    choices: list[Choice] = []
    for label, k in terms.items():
        if k not in (1, -1) and (units or not is_pivot(k)):
            continue
        if label not in ranks:
            ranks[label] = rank(label)
        own = ranks[label]
        if own is None:
            continue
        # in p = i + k the one for the others
        alone = len(above) if label in above else len(terms) - len(above)
        choices.append((effort(k), own, alone > 1, len(terms), number, label))
    return min(choices, default=None)
