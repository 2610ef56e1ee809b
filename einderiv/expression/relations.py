"""Systems of relations: linear equations between labels, of which each has a domain.

A relation says ``constant + Σ coefficient · label = 0``; a label is a whole number, 0 ≤ label < n.
What a system means is the set of its *points*: the values of all labels that satisfy all of it. All
here is exact: what is returned has the same points, and what is not proved is kept.

====================  ==============================================================================
`settled`             the rules that hold for every system: gcd, range, mixed radix, congruence
`determined`          do all labels follow from those of the output?
`solved`              labels as index expressions of others, for who prints or plans
`echelon`             the one form of all systems that say the same
====================  ==============================================================================

Two rows of a flattened matrix are the same entry where rows and columns are the same, whatever the
sizes measure:

>>> i, j, k, l = range(4)
>>> rows = (relation(0, {i: "n", j: 1, k: negated("n"), l: -1}),)
>>> settled(rows, {i: "m", j: "n", k: "m", l: "n"})
Settled(relations=(), same={2: 0, 3: 1})

Sizes and coefficients may be symbolic. What is proved holds where each domain has a value: a box
with a side of 0 has no points, so that nothing that is said of them is wrong. The names in
coefficients are taken for at least 1, for each comes from an axis that has been merged with others.
"""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Container,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import cached_property, lru_cache
from heapq import heappop, heappush
from itertools import chain, combinations, islice, pairwise
from math import gcd
from typing import NamedTuple

from ..errors import LimitError, ShapeError
from .groups import UnionFind, connected
from .labels import Floor, Label, Labels, Monomial, Polynomial, Relation, Size, Variable
from .size_algebra import (
    atoms,
    exact_quotient,
    floor_quotient,
    is_nonnegative,
    measured,
    minus,
    negated,
    plus,
    replaced,
    sign,
    times,
    variables,
)

Domains = Mapping[Label, Size]

#: what names are taken for in a sample, and how often they grow until each domain has a value
SMALL, ROUNDS = 3, 8
#: what a size counts as that cannot be measured
LARGE = 1 << 62
#: choices of labels that are tried for each solution that is asked for
TRIES = 16
#: domains that a proof may use
MOST_FACTS = 8
#: relations of a system in which a label may be in so many that they are solved in another order
MANY = 64
#: systems that are kept with what was found of them, and how long they may be
MOST_KEPT, MOST_KEPT_TERMS = 1024, 100


class Hot(NamedTuple):
    """An index array as a factor: 1 where its entry at `places` is `value`, else 0."""

    array: Hashable
    places: Labels
    value: Label


class Linear(NamedTuple):
    """An index expression, ``constant + Σ coefficient · label``."""

    constant: Size
    terms: tuple[tuple[Label, Size], ...]


class Settled(NamedTuple):
    """Relations in their normal form, and the labels that have become one with a smaller one."""

    relations: tuple[Relation, ...]
    same: dict[Label, Label]


class Solved(NamedTuple):
    """What the eliminated labels are in terms of those that stay free.

    The points are those of the free labels at which each relation in `rest` holds, each index
    expression in `guards` is at least 0 and less than its size, and each eliminated label that is
    read is in its domain.
    """

    by: dict[Label, Linear]
    rest: tuple[Relation, ...]
    guards: tuple[tuple[Linear, Size], ...]


Row = tuple[Size, dict[Label, Size]]  # a relation in the making, or an index expression
Range = tuple[Size, Size]  # the lowest and the highest value of a label
Near = tuple[int, int, bool]  # the values of a row in a sample, and are these all?
Level = tuple[Size, dict[Label, Size]]  # a radix, and the terms of a row with it or its negative
Form = tuple[Size, Size, tuple[tuple[Label, Size], ...]]  # divisor, constant, terms
Rank = tuple[int, ...]  # of a label: the least is eliminated first
Choice = tuple[tuple[int, int], tuple[int, ...], bool, int, int, Label]  # the least is the best


# ---- relations


def relation(constant: Size, terms: Mapping[Label, Size]) -> Relation:
    """The relation ``constant + Σ coefficient · label = 0``.

    >>> relation(-1, {4: 2, 3: 1, 5: 0})
    Relation(constant=-1, terms=((3, 1), (4, 2)))
    """
    return Relation(constant, _sorted(terms))


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
            _add(terms, name(label), k)
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


def settled(
    relations: Sequence[Relation], domains: Domains, hots: Sequence[Hot] = ()
) -> Settled | None:
    """The same system after four rules, which are used until nothing changes. None: no point
    satisfies it, so that a sum over its points is zero; so it is where a label of a relation has
    the size 0.

    1. gcd: relations are divided by what divides all coefficients.
    2. range: the span of a relation over the box must hold 0.
    3. mixed radix: of a relation ``D·H + L = 0``, where ``mD`` is the only multiple of D in the
       span of L, are two: ``L = mD`` and ``H = -m``.
    4. congruence: labels of one size that must be equal are one label; so are the values of one
       index array at the same places. A relation that follows from the others goes.

    >>> settled([relation(0, {0: 1, 1: 2, 2: -2})], {0: 2, 1: 5, 2: 5})
    Settled(relations=(Relation(constant=0, terms=((0, 1),)),), same={2: 1})
    >>> settled([relation(-1, {0: 2, 1: -2})], {0: 5, 1: 5}) is None
    True
    """
    if not relations and len(hots) < 2:
        return Settled((), {})
    if _is_empty(relations, domains):
        return None
    facts = _facts(domains, relations)
    if hots:
        whole = _settled(relations, domains, hots, facts)
        return None if whole is None else Settled(whole.relations, whole.same)
    groups = connected([[label for label, _ in one.terms] for one in relations])
    parts: list[tuple[Sequence[int], _Part]] = []
    for group in groups:
        part = _settled_part([relations[k] for k in group], domains, facts)
        if part is None:
            return None
        parts.append((group, part))
    # of two parts only labels that are numbers can be equal
    fixed = [place for _, part in parts for place in part.fixed]
    if len(set(fixed)) < len(fixed):
        whole = _settled(relations, domains, hots, facts)
        return None if whole is None else Settled(whole.relations, whole.same)
    sources = [group[k] for group, part in parts for k in part.sources]
    rows = [row for _, part in parts for row in part.relations]
    order = sorted(range(len(rows)), key=sources.__getitem__)
    same = {x: y for _, part in parts for x, y in part.same.items()}
    return Settled(tuple([rows[k] for k in order]), same)


def determined(
    relations: Sequence[Relation],
    domains: Domains,
    hots: Sequence[Hot],
    output: Collection[Label],
    labels: Collection[Label],
) -> bool:
    """Does the value of each of `labels` follow from the values of those in `output`? A yes is
    proved; a no may be wrong.

    Two points with the same output differ by d, with ``Σ coefficient · d = 0`` and ``|d| < n`` for
    each label: the question is whether d = 0 follows.

    >>> determined([relation(0, {0: 5, 1: 1, 2: -1})], {0: 3, 1: 5, 2: 15}, (), {2}, {0, 1, 2})
    True
    >>> determined([relation(0, {0: 1, 1: 1, 2: -1})], {0: 3, 1: 5, 2: 7}, (), {2}, {0, 1, 2})
    False
    """
    related = {label for one in relations for label, _ in one.terms}
    related.update([hot.value for hot in hots])
    known = {label for label in related.union(labels) if domains[label] in (0, 1)}
    known.update(output)
    unknown = [label for label in labels if label not in known]
    if not unknown:
        return True
    if not related.issuperset(unknown):
        return False
    if _is_empty(relations, domains):
        return True
    facts = _facts(domains, relations)
    if hots:
        return _determined(relations, domains, hots, known, unknown, facts)
    names, system = _numbered(relations)
    sizes = tuple([domains[x] for x in names])
    numbers = {x: k for k, x in enumerate(names)}
    given = frozenset([numbers[x] for x in known.intersection(names)])
    asked = frozenset([numbers[x] for x in unknown])
    decide = _determined_alike if _is_short(relations) else _determined_alike.__wrapped__
    return decide(system, sizes, given, asked, facts)


def solved(
    relations: Sequence[Relation],
    domains: Domains,
    *,
    keep: Container[Label] = (),
    read: Container[Label] = (),
    first: Container[Label] = (),
    late: Mapping[Label, int] | None = None,
    never: Container[Label] = (),
) -> Solved | None:
    """As many labels as can be in terms of the others. None: no point satisfies the system.

    A label is eliminated by a relation in which its coefficient is 1 or -1: those in `first` before
    all others, those in `keep` only where no other can be, among them the later ones in `late`, and
    before others the one with the largest domain. Those in `never` stay. What is in `read` needs no
    guard, for nothing is read outside an axis.

    >>> window = [relation(0, {0: 1, 1: 1, 2: -1})]  # p = i + k
    >>> solved(window, {0: 5, 1: 3, 2: 7}).by
    {2: Linear(constant=0, terms=((0, 1), (1, 1)))}
    >>> solved(window, {0: 5, 1: 3, 2: 7}, keep={0, 2}).guards  # 0 ≤ p - i < 3
    ((Linear(constant=0, terms=((0, -1), (2, 1))), 3),)
    """
    if not relations:
        return Solved({}, (), ())
    if _is_empty(relations, domains):
        return None
    system = _system(relations, domains)

    def rank(label: Label) -> Rank | None:
        if label in never:
            return None
        asked = (label not in first, label in keep, -(late or {}).get(label, 0))
        return (*asked, -system.known.at(domains[label]), label in read)

    return _solved(system, rank, read)


def solvings(
    relations: Sequence[Relation],
    domains: Domains,
    read: Container[Label],
    most: int,
    *,
    keep: Container[Label] = (),
    first: Container[Label] = (),
) -> Iterator[Solved]:
    """Solutions of the system for different labels, that of `solved` first, then those which differ
    in few labels; at most `most`, and there may be more. None where no point satisfies it. Labels
    in `keep` stay free as long as others can go; in the first solution those in `first` go before
    all others.

    >>> window = [relation(0, {0: 1, 1: 1, 2: -1})]
    >>> [[*solution.by] for solution in solvings(window, {0: 5, 1: 3, 2: 7}, (), 5)]
    [[2], [0], [1]]
    """
    if most < 1:
        return
    if not relations:
        yield Solved({}, (), ())
        return
    if _is_empty(relations, domains):
        return
    system = _system(relations, domains)
    known = system.known

    def solve(chosen: Container[Label]) -> Solved | None:
        def rank(label: Label) -> Rank:
            asked = (label not in chosen, label in keep)
            return (*asked, -known.at(domains[label]), label in read)

        return _solved(system.copy(), rank, read)

    best = solve(first)
    if best is None:
        return
    yield best
    seen = {frozenset(best.by)}
    labels = list({label for one in relations for label, _ in one.terms})
    labels.sort(key=lambda x: (x in best.by, -known.at(domains[x]), x in read, x))
    counts = range(1, len(best.by) + 1)
    choices = chain.from_iterable([combinations(labels, count) for count in counts])
    for chosen in islice(choices, TRIES * most):
        if len(seen) >= most:
            return
        other = solve(chosen)
        if other is not None and frozenset(other.by) not in seen:
            seen.add(frozenset(other.by))
            yield other


def without_proved(
    relations: Sequence[Relation], domains: Domains, read: Container[Label]
) -> tuple[tuple[Relation, ...], set[Label]]:
    """The system without the labels that nothing reads and that are sure to be in their domain,
    and these labels: each has just one value, which follows from the others.

    >>> without_proved([relation(0, {0: 1, 1: 1, 2: -1})], {0: 5, 1: 3, 2: 7}, {0, 1})
    ((), {2})
    >>> without_proved([relation(0, {0: 1, 1: 1, 2: -1})], {0: 5, 1: 3, 2: 6}, {0, 1})[1]
    set()
    """
    gone: set[Label] = set()
    left = dict(enumerate(relations))
    holders: dict[Label, set[int]] = {}
    for number, one in left.items():
        for label, _ in one.terms:
            holders.setdefault(label, set()).add(number)
    refuted: dict[int, set[Label]] = {number: set() for number in left}  # of each relation
    pending = [label for one in relations for label, _ in one.terms if label not in read]
    while pending:
        label = pending.pop()
        if label in gone:
            continue
        for number in sorted(holders[label]):
            one = left[number]
            k = dict(one.terms)[label]
            if k not in (1, -1) or label in refuted[number]:
                continue
            terms = {x: c for x, c in one.terms if x != label}
            row = _times((one.constant, terms), -k)  # type: ignore[operator]
            # not by its own domain: when it goes, nothing says any more that this has a value
            if not _is_inside(row, domains, domains[label]):
                refuted[number].add(label)
                continue
            gone.add(label)
            del left[number]
            for x, _ in one.terms:
                holders[x].discard(number)
            # what held the label may be proved inside now
            for other in sorted(holders[label]):
                before = left[other]
                pending += [x for x, _ in before.terms if x not in read]
                after = left[other] = _with(before, label, row)
                refuted[other] = set()
                for x, _ in before.terms:
                    holders[x].discard(other)
                for x, _ in after.terms:
                    holders.setdefault(x, set()).add(other)
            break
    return renamed(left.values(), lambda x: x), gone


def echelon(relations: Sequence[Relation], order: Sequence[Label]) -> tuple[Relation, ...] | None:
    """The one form of all systems with the same rational row space: reduced row echelon form, with
    primitive rows and positive pivots. None: a relation says that 0 is another number.

    The labels of the rows are positions in `order`; the first are eliminated first.

    >>> system = [relation(0, {5: 1, 6: 1, 7: -1}), relation(-1, {6: 2, 7: -2})]
    >>> echelon(system, (5, 6, 7)) == echelon([system[0], relation(1, {5: 2})], (5, 6, 7))
    True
    >>> echelon([relation(0, {5: 1}), relation(1, {5: 1})], (5,)) is None
    True

    Where coefficients are symbolic, only numbers and products of sizes are pivots; a system with a
    column of others is returned as it is written. So equal forms say the same, but what says the
    same may have two forms.
    """
    columns = {label: column for column, label in enumerate(order)}
    written = renamed(relations, columns.__getitem__)
    rows: list[Row] = [(one.constant, dict(one.terms)) for one in written]
    done: list[tuple[int, Row]] = []
    for column in range(len(order)):
        holding = [row for row in rows if column in row[1]]
        pivots = [row for row in holding if _is_pivot(row[1][column])]
        if not holding:
            continue
        if not pivots:
            rows = [_shortened((one.constant, dict(one.terms))) for one in written]
            return tuple(sorted({_signed(row) for row in rows}, key=_order))
        pivot = min(pivots, key=lambda row: (_effort(row[1][column]), len(row[1])))
        rows = [row for row in rows if row is not pivot]
        rows = [_cleared(row, column, pivot) for row in rows]
        done = [(own, _cleared(row, column, pivot)) for own, row in done]
        done.append((column, pivot))
    left = [constant for constant, _ in rows if constant != 0]
    if any([isinstance(constant, int) for constant in left]):
        return None
    undecided = [_signed((constant, {})) for constant in left]
    solved_rows = [_signed(_shortened(row)) for _, row in done]
    return (*solved_rows, *sorted(undecided, key=_order))


def _system(relations: Sequence[Relation], domains: Domains) -> _System:
    system = _System(_Known(domains, _facts(domains, relations)))
    system.add(relations)
    return system


def _solved(
    system: _System, rank: Callable[[Label], Rank | None], read: Container[Label]
) -> Solved | None:
    """What `solved` finds of a system, of which nothing is eliminated yet."""
    known = system.known
    domains = known.domains
    related = list(system.holders)
    system.eliminate(rank, units=True)
    if not system.possible:
        return None
    by: dict[Label, Linear] = {}
    guards: list[tuple[Linear, Size]] = []
    forms = sorted(system.forms().items())
    # what needs no guard must follow from domains that are enforced
    enforced = {x: n for x, n in domains.items() if x in read}
    eliminated = dict(forms)
    enforced.update({x: domains[x] for x in related if x not in eliminated})
    if not known.is_exact:
        known = _Known(enforced, _facts(enforced, ()))
    for label, (_, constant, terms) in forms:
        linear = by[label] = Linear(constant, terms)
        place = known.place((constant, dict(terms)), domains[label])
        if place == "outside":
            return None
        if place != "inside" and label not in read:
            guards.append((linear, domains[label]))
    return Solved(by, system.relations(), tuple(guards))


# ---- index expressions


def span(linear: Linear | Relation, domains: Domains) -> Range | None:
    """The lowest and the highest value over the box; None where the sign of a coefficient is not
    known.

    >>> span(Linear(1, ((0, 2), (1, -1))), {0: "n", 1: 3}) == (-1, minus(times(2, "n"), 1))
    True
    """
    terms = dict(linear.terms)
    return _Known(domains, _facts(domains, ())).span((linear.constant, terms))


def is_inside(linear: Linear, domains: Domains, n: Size) -> bool:
    """Is ``0 ≤ linear < n`` at each point of the box of its own labels? A yes is proved.

    >>> windows = {0: plus("n", negated("w"), 1), 1: "w"}  # n - w + 1, and w
    >>> is_inside(Linear(0, ((0, 1), (1, 1))), windows, "n")
    True
    """
    return _is_inside((linear.constant, dict(linear.terms)), domains, n)


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
    known = _Known(own, _facts(own, ()))
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


# ---- systems that are alike
#
# What is made of one text has few systems that differ in more than the numbers of their labels: a
# product of many factors has the same relations along each axis, and each of its terms is flattened
# again and again. So what is found of a system is kept, with its labels numbered in order. Only
# the order of labels counts: of labels that are equal the first stays.


class _Facts(NamedTuple):
    """What is known of the sizes in a system; of a part of it as of all."""

    sizes: tuple[Size, ...]  # all domains that differ: each has a value
    positive: frozenset[Variable]  # names that are at least 1
    is_exact: bool  # are all sizes numbers?


class _Part(NamedTuple):
    """What `settled` finds of some relations."""

    relations: tuple[Relation, ...]
    sources: tuple[int, ...]  # the relation that each of them comes from
    same: dict[Label, Label]
    fixed: tuple[tuple[Form, Size], ...]  # labels that are numbers: which, and of which domains


def _facts(domains: Domains, relations: Iterable[Relation]) -> _Facts:
    """Names in coefficients are at least 1, and those of a domain that is a product."""
    sizes = tuple(dict.fromkeys(domains.values()))
    coefficients = dict.fromkeys([k for one in relations for _, k in one.terms])
    return _facts_of(sizes, tuple(coefficients))


@lru_cache(maxsize=MOST_KEPT)
def _facts_of(sizes: tuple[Size, ...], coefficients: tuple[Size, ...]) -> _Facts:
    positive: set[Variable] = set()
    is_exact = True
    for size in (*sizes, *coefficients):
        if not isinstance(size, int):
            is_exact = False
            if len(_monomials(size)) == 1:
                positive.update([x for x in atoms(size) if not isinstance(x, Floor)])
    return _Facts(sizes, frozenset(positive), is_exact)


def _is_short(relations: Sequence[Relation]) -> bool:
    """Is a system short enough to be kept?"""
    return sum([len(one.terms) for one in relations]) <= MOST_KEPT_TERMS


def _numbered(relations: Sequence[Relation]) -> tuple[list[Label], tuple[Relation, ...]]:
    """The labels of a system in order, and the system between their places."""
    names = sorted({label for one in relations for label, _ in one.terms})
    numbers = {x: k for k, x in enumerate(names)}
    return names, tuple([_relabelled(one, numbers) for one in relations])


def _relabelled(one: Relation, names: Mapping[Label, Label] | Sequence[Label]) -> Relation:
    """A relation between other labels, in the same order."""
    return Relation(one.constant, tuple([(names[x], k) for x, k in one.terms]))


def _settled_part(relations: Sequence[Relation], domains: Domains, facts: _Facts) -> _Part | None:
    """What `settled` finds of relations that hang together; None where no point satisfies them."""
    names, system = _numbered(relations)
    sizes = tuple([domains[x] for x in names])
    settle = _settled_alike if _is_short(relations) else _settled_alike.__wrapped__
    found = settle(system, sizes, facts)
    if found is None:
        return None
    rows = tuple([_relabelled(one, names) for one in found.relations])
    same = {names[x]: names[y] for x, y in found.same.items()}
    return _Part(rows, found.sources, same, found.fixed)


@lru_cache(maxsize=MOST_KEPT)
def _settled_alike(
    relations: tuple[Relation, ...], sizes: tuple[Size, ...], facts: _Facts
) -> _Part | None:
    return _settled(relations, dict(enumerate(sizes)), (), facts)


@lru_cache(maxsize=MOST_KEPT)
def _determined_alike(
    relations: tuple[Relation, ...],
    sizes: tuple[Size, ...],
    known: frozenset[Label],
    unknown: frozenset[Label],
    facts: _Facts,
) -> bool:
    return _determined(relations, dict(enumerate(sizes)), (), set(known), unknown, facts)


def _by_domain(known: _Known, relations: Sequence[Relation]) -> Callable[[Label], Rank]:
    """Labels with large domains are eliminated first. Of those with one domain the first; but the
    last where there are many relations: the first labels are in more of them than the last.
    """
    sign = 1 if len(relations) <= MANY else -1
    return lambda label: (-known.at(known.domains[label]), sign * label)


def _settled(
    relations: Sequence[Relation], domains: Domains, hots: Sequence[Hot], facts: _Facts
) -> _Part | None:
    """What `settled` finds of relations that are all solved together."""
    known = _Known(domains, facts)
    same: dict[Label, Label] = {}
    sources = list(range(len(relations)))
    while True:
        system = _System(known)
        system.add(relations)
        kept = dict(system.rows)
        of = [sources[system.sources[number]] for number in kept]
        system.sources = {number: number for number in kept}
        labels = sorted(system.holders)
        system.eliminate(_by_domain(known, relations))
        if not system.possible:
            return None
        needed = system.needed()
        sources = [source for number, source in zip(kept, of, strict=True) if number in needed]
        relations = [_signed(row) for number, row in kept.items() if number in needed]
        forms = system.forms()
        found = _congruent(labels, forms, domains, hots)
        if not found:
            fixed = [(form, domains[x]) for x, form in forms.items() if not form[2]]
            return _Part(tuple(relations), tuple(sources), same, tuple(fixed))
        for x, y in same.items():
            same[x] = found.get(y, y)
        same.update(found)
        left = [renamed([one], lambda label: found.get(label, label)) for one in relations]  # noqa: B023
        sources = [source for source, rows in zip(sources, left, strict=True) if rows]
        relations = list(chain.from_iterable(left))
        hots = _renamed_hots(hots, found)


def _determined(
    relations: Sequence[Relation],
    domains: Domains,
    hots: Sequence[Hot],
    known: set[Label],
    unknown: Iterable[Label],
    facts: _Facts,
) -> bool:
    """Does each label that is `unknown` follow from those that are `known`?"""
    sizes = _Known(domains, facts, differences=True)
    while True:
        _follow(relations, hots, known)
        if known.issuperset(unknown):
            return True
        differences = [_but(one, known) for one in relations]
        digits = [x for one in differences if _are_digits(one, domains) for x, _ in one.terms]
        if digits:  # of a number that is 0
            known.update(digits)
            continue
        system = _System(sizes)
        system.add(differences)
        system.eliminate(_by_domain(sizes, relations))
        found = [label for label, form in system.forms().items() if form == (1, 0, ())]
        if not found:
            return False
        known.update(found)


# ---- a system, while its rules are used


class _System:
    """Relations that are parted by the rules and solved one after the other.

    Each row knows the relation that it comes from, so that relations which follow from the others
    are found.
    """

    def __init__(self, known: _Known) -> None:
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

    def copy(self) -> _System:
        """The same system, which may be solved for other labels."""
        other = _System(self.known)
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
        return tuple([_signed(row) for row in self.rows.values()])

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
                self._add(_cleared(row, label, pivot), self.sources[other])

    def forms(self) -> dict[Label, Form]:
        """What the solved labels are in terms of the free ones, in lowest terms."""
        found: dict[Label, Form] = {}
        for label, _, (constant, terms) in reversed(self.pivots):
            divisor = terms[label]
            left = {x: k for x, k in terms.items() if x != label}
            turned = -1 if _leads(divisor) > 0 else 1
            row = _times((constant, left), turned)
            found[label] = _form(_product(divisor, -turned), row, found)
        return found

    def _add(self, row: Row, source: int) -> None:
        """Take up a row, in as many parts as the rules find. It may be that there are none."""
        pending = [row]
        while pending and self.possible:
            reduced = _reduced(pending.pop())
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
        levels = _levels(terms) if isinstance(constant, int) else None
        if levels is not None and levels[0][0] == 1:
            return self._digits(constant, levels)
        for radix in _radices(terms):
            high, low = _parted(row, radix)
            if not high[1] or (not low[1] and low[0] == 0):
                continue
            below = _Below(low[0], [(1, low[1])], self.known)
            multiple = self._only_multiple(radix, below, 1)
            if not self.possible:
                return []
            if multiple is not None:
                whole = _sum(high[0], multiple)
                part = _sum(low[0], _product(-multiple, radix))
                return [(whole, high[1]), (part, low[1])]
        return []

    def _digits(self, constant: Size, levels: Sequence[Level]) -> list[Row]:
        """The relations that ``constant + Σ radix · digit`` falls into, where each radix divides
        the next: as if it was parted by the largest radix that parts it, and what is below again;
        but what is below each radix is measured once for all.
        """
        below = _Below(constant, levels, self.known)
        whole = _whole(levels, self.known.domains) if constant == 0 else 0
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
            parts.append((multiple, {label: _exact(x, radix) for label, x in digits}))
            top = k
            if multiple != 0:  # the constant of what is below is another
                constant = _sum(constant, _product(-multiple, radix))
                break
        if not parts:
            return []
        return [*parts, (constant, dict(chain.from_iterable([t.items() for _, t in levels[:top]])))]

    def _only_multiple(self, radix: Size, below: _Below, k: int) -> int | None:
        """The one m for which ``m · radix`` is in the span of what is below level `k`, if there is
        just one. Where there is none, nothing is possible.
        """
        if _leads(radix) < 0:
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

    def __init__(self, constant: Size, levels: Sequence[Level], known: _Known) -> None:
        self.constant = constant
        self.levels = levels
        self.known = known
        self.spans: list[Range | None] = [(constant, constant)]
        self.order = [label for _, terms in levels for label in terms]
        self.samples: dict[_Known, list[Near]] = {}

    def near(self, k: int, known: _Known) -> Near:
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


class _Known:
    """What is known of the sizes in a system: that each domain has a value. So each name is at
    least 1 in a domain that is a product; any other may be 0.

    A *sample* is a number for each name, so that this is so. What does not hold in the sample needs
    no proof; where all sizes are numbers, it is all there is to know.
    """

    is_sample: bool  # is it one? Else nothing is said by it

    def __init__(
        self,
        domains: Domains,
        facts: _Facts,
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
    def others(self) -> tuple[_Known, ...]:
        """The same with samples in which names differ that have one number in the first."""
        names = dict.fromkeys([name for n in self.sizes for name in variables(n)])
        if len(names) < 2:
            return ()
        numbers = range(SMALL, SMALL + len(names))
        ways = [dict(zip(names, order, strict=True)) for order in (numbers, numbers[::-1])]
        return tuple([_Known(self.domains, self.facts, self.differences, way) for way in ways])

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
        polynomials = [n for n in domains if isinstance(n, Polynomial) and len(n.terms) > 1]
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
            lowest.append(_product(k, low))
            highest.append(_product(k, high))
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


def _growing(size: Polynomial) -> list[Variable]:
    """The names in the products that are added, also inside of floors."""
    return [
        name
        for monomial, number in size.terms
        if number > 0
        for name in variables(plus(Polynomial(((monomial, number),))))
    ]


def _best(
    number: int,
    row: Row,
    rank: Callable[[Label], Rank | None],
    ranks: dict[Label, Rank | None],
    units: bool,
) -> Choice | None:
    """The label that a row is best solved for."""
    _, terms = row
    above = [x for x, k in terms.items() if _leads(k) > 0]
    choices: list[Choice] = []
    for label, k in terms.items():
        if k not in (1, -1) and (units or not _is_pivot(k)):
            continue
        if label not in ranks:
            ranks[label] = rank(label)
        own = ranks[label]
        if own is None:
            continue
        # in p = i + k the one for the others
        alone = len(above) if label in above else len(terms) - len(above)
        choices.append((_effort(k), own, alone > 1, len(terms), number, label))
    return min(choices, default=None)


def _congruent(
    labels: Sequence[Label],
    forms: Mapping[Label, Form],
    domains: Domains,
    hots: Sequence[Hot],
) -> dict[Label, Label]:
    """Labels that must be equal, each by the smallest of them."""
    equal: UnionFind[Label] = UnionFind()

    def unite(x: Label, y: Label) -> None:
        x, y = equal.find(x), equal.find(y)
        if x != y:
            equal.parent[max(x, y)] = min(x, y)

    first: dict[Hashable, Label] = {}
    for label in labels:
        form = forms.get(label, (1, 0, ((label, 1),)))
        unite(first.setdefault((form, domains[label]), label), label)
    for hot in hots:
        places = tuple([equal.find(x) for x in hot.places])
        value = first.setdefault((hot.array, places, domains[hot.value]), hot.value)
        unite(value, hot.value)
    return {x: equal.find(x) for x in equal.parent}


def _follow(relations: Sequence[Relation], hots: Sequence[Hot], known: set[Label]) -> None:
    """Add to `known` what follows from it by one relation, or by one index array."""
    left: list[tuple[dict[Label, Size], Labels]]  # what is found, and what has to be known for it
    left = [(dict(one.terms), ()) for one in relations]
    left += [({hot.value: 1}, hot.places) for hot in hots]
    before = -1
    while before != len(known):
        before = len(known)
        waiting = []
        for terms, needed in left:
            unknown = [label for label in terms if label not in known]
            if len(unknown) == 1 and known.issuperset(needed):
                if sign(terms[unknown[0]]) in (1, -1):
                    known.add(unknown[0])
            elif unknown:
                waiting.append((terms, needed))
        left = waiting


# ---- rows


def _sorted(terms: Mapping[Label, Size]) -> tuple[tuple[Label, Size], ...]:
    return tuple(sorted([(label, k) for label, k in terms.items() if k != 0], key=_label))


def _label(term: tuple[Label, Size]) -> Label:
    return term[0]


def _sum(a: Size, b: Size) -> Size:
    if isinstance(a, int):
        if isinstance(b, int):
            return a + b
        if a == 0:
            return b
    return plus(a, b)


def _product(a: Size, b: Size) -> Size:
    if isinstance(a, int):
        if isinstance(b, int):
            return a * b
        if a in (1, -1):
            return b if a == 1 else negated(b)
    elif isinstance(b, int) and b in (1, -1):
        return a if b == 1 else negated(a)
    return times(a, b)


def _add(terms: dict[Label, Size], label: Label, k: Size) -> None:
    total = _sum(terms.get(label, 0), k)
    if total == 0:
        terms.pop(label, None)
    else:
        terms[label] = total


def _times(row: Row, factor: Size) -> Row:
    constant, terms = row
    if factor == 1:
        return constant, dict(terms)
    return _product(constant, factor), {x: _product(k, factor) for x, k in terms.items()}


def _plus(row: Row, factor: Size, other: Row) -> Row:
    """``row + factor · other``."""
    terms = dict(row[1])
    for label, k in other[1].items():
        _add(terms, label, _product(k, factor))
    return _sum(row[0], _product(other[0], factor)), terms


def _cleared(row: Row, label: Label, pivot: Row) -> Row:
    """A row without `label`, by a row that has it: both say the same together as before."""
    own = row[1].get(label, 0)
    if own == 0:
        return row
    by = pivot[1][label]
    quotient = exact_quotient(own, by)
    if quotient is not None:
        return _plus(row, negated(quotient), pivot)
    common = _common([own, by])
    scaled = _times(row, _exact(by, common))
    return _shortened(_plus(scaled, negated(_exact(own, common)), pivot))


def _form(divisor: Size, row: Row, found: Mapping[Label, Form]) -> Form:
    """``row / divisor`` with what was found put in, in lowest terms."""
    constant, terms = row
    known = [found[label] for label in terms if label in found]
    scale: Size = 1
    for other, _, _ in known:
        if exact_quotient(scale, other) is None:
            scale = _product(scale, other)
    total: Row = (_product(constant, scale), {})
    for label, k in terms.items():
        if label not in found:
            _add(total[1], label, _product(k, scale))
            continue
        other, inner, inner_terms = found[label]
        share = exact_quotient(scale, other)
        assert share is not None, "the scale is a multiple of each divisor"
        total = _plus(total, _product(k, share), (inner, dict(inner_terms)))
    divisor = _product(divisor, scale)
    if divisor != 1:
        common = _common([divisor, total[0], *total[1].values()])
        total = _quotient(total, common)
        divisor = _exact(divisor, common)
    return divisor, total[0], _sorted(total[1])


def _exact(size: Size, divisor: Size) -> Size:
    quotient = exact_quotient(size, divisor)
    assert quotient is not None, "what is common divides all"
    return quotient


def _quotient(row: Row, divisor: Size) -> Row:
    if divisor == 1:
        return row
    constant, terms = row
    return _exact(constant, divisor), {x: _exact(k, divisor) for x, k in terms.items()}


def _shortened(row: Row) -> Row:
    """A row without what all of it has in common."""
    constant, terms = row
    return _quotient(row, _common([*terms.values(), constant]))


def _reduced(row: Row) -> Row | None:
    """The rule of the gcd: None where what divides the terms cannot divide the constant."""
    constant, terms = row
    if not terms or 1 in terms.values() or -1 in terms.values():
        return row
    constant, terms = row = _shortened(row)
    common = gcd(*chain.from_iterable([_numbers(k) for k in terms.values()]))
    if common > 1 and all([c % common == 0 for m, c in _monomials(constant) if m]):
        return None
    return row


def _is_inside(row: Row, domains: Domains, n: Size) -> bool:
    """Is ``0 ≤ row < n`` sure where the domains of its own labels have values?"""
    if _is_number(row, domains, n):
        return True
    own = {label: domains[label] for label in row[1]}
    known = _Known(own, _facts(own, ()))
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
    levels = _levels(row[1]) if row[0] == 0 else None
    if levels is None:
        return False
    radix: Size = 1
    for own, terms in levels:
        if own != radix or [*terms.values()] != [own]:
            return False
        (label,) = terms
        radix = _product(radix, domains[label])
    return radix == n


def _are_digits(difference: Relation, domains: Domains) -> bool:
    """Is a difference of two points one of numbers, so that their digits are alike if it is 0?"""
    levels = _levels(dict(difference.terms))
    return levels is not None and _whole(levels, domains) == len(levels)


def _is_empty(relations: Iterable[Relation], domains: Domains) -> bool:
    return any([domains[label] == 0 for one in relations for label, _ in one.terms])


def _but(one: Relation, known: Container[Label]) -> Relation:
    """The difference of a relation at two points that agree in what is known."""
    return Relation(0, tuple([(label, k) for label, k in one.terms if label not in known]))


def _with(one: Relation, label: Label, row: Row) -> Relation:
    """A relation with an index expression in the place of a label."""
    terms = dict(one.terms)
    k = terms.pop(label)
    return relation(*_plus((one.constant, terms), k, row))


def _renamed_hots(hots: Iterable[Hot], found: Mapping[Label, Label]) -> list[Hot]:
    renamed_hots = []
    for array, places, value in hots:
        names = tuple([found.get(x, x) for x in places])
        renamed_hots.append(Hot(array, names, found.get(value, value)))
    return renamed_hots


def _signed(row: Row) -> Relation:
    """A row as a relation whose first coefficient is above 0."""
    constant, terms = row
    first = terms[min(terms)] if terms else constant
    return relation(*(row if _leads(first) >= 0 else _times(row, -1)))


def _order(one: Relation) -> tuple[Labels, list[str]]:
    """An order of relations, whatever their coefficients are."""
    numbers = [repr(_monomials(k)) for k in (one.constant, *[k for _, k in one.terms])]
    return tuple([label for label, _ in one.terms]), numbers


# ---- sizes as coefficients


def _monomials(size: Size) -> tuple[tuple[Monomial, int], ...]:
    """The products that a size is the sum of; a number is () and its coefficient."""
    if isinstance(size, Polynomial):
        return size.terms
    if isinstance(size, int):
        return (((), size),) if size else ()
    return ((((size, 1),), 1),)


def _numbers(size: Size) -> list[int]:
    return [number for _, number in _monomials(size)]


def _leads(size: Size) -> int:
    """The coefficient of the first product in a size."""
    return next(iter(_numbers(size)), 0)


def _is_pivot(k: Size) -> bool:
    """Is a coefficient sure to be no 0: a number, or a number times names and axes?"""
    terms = _monomials(k)
    return len(terms) == 1 and not any([isinstance(atom, Floor) for atom, _ in terms[0][0]])


def _effort(k: Size) -> tuple[int, int]:
    """Numbers before products, small ones before large ones; 1 before all."""
    ((monomial, number),) = _monomials(k)
    return sum([exponent for _, exponent in monomial]), abs(number)


def _common(sizes: Sequence[Size]) -> Size:
    """The number and the names that are in all terms of `sizes`, but for those that are 0."""
    if all([isinstance(size, int) for size in sizes]):
        return gcd(*sizes) or 1  # type: ignore[arg-type]
    terms = [term for size in sizes for term in _monomials(size)]
    shared = dict(terms[0][0])
    for monomial, _ in terms[1:]:
        own = dict(monomial)
        shared = {atom: min(count, own[atom]) for atom, count in shared.items() if atom in own}
    common: Size = gcd(*[number for _, number in terms])
    for atom, count in shared.items():
        if not isinstance(atom, Floor):
            common = times(common, *[atom] * count)
    return common


def _radices(terms: Mapping[Label, Size]) -> list[Size]:
    """The coefficients that may part a relation, without their signs: products of many sizes before
    those of few, large numbers before small ones.
    """
    if len(terms) < 2:
        return []
    found = {k if _leads(k) > 0 else negated(k) for k in terms.values() if k not in (1, -1)}
    return sorted([k for k in found if _is_pivot(k)], key=_effort, reverse=True)


def _levels(terms: Mapping[Label, Size]) -> list[Level] | None:
    """The terms of a row by their coefficients, where each of these divides the next: those of an
    axis that is merged from several.
    """
    found: dict[tuple[Monomial, int], Level] = {}
    for label, k in terms.items():
        if not _is_pivot(k):
            return None
        ((monomial, number),) = _monomials(k)
        radix = (monomial, abs(number))
        if radix in found:
            found[radix][1][label] = k
        else:
            found[radix] = (k if number > 0 else negated(k), {label: k})
    levels = sorted(found.values(), key=lambda level: _effort(level[0]))
    for (low, _), (high, _) in pairwise(levels):
        if not _divides(low, high):
            return None
    return levels


def _whole(levels: Sequence[Level], domains: Domains) -> int:
    """The number of the lowest levels that are digits, of what is above them."""
    radix: Size = 1
    for k, (own, terms) in enumerate(levels):
        if own != radix and not _divides(radix, own):
            return k - 1
        if len(terms) > 1:
            return k
        (label,) = terms
        radix = _product(own, domains[label])
    return len(levels)


def _divides(part: Size, whole: Size) -> bool:
    """Is a product of numbers and names part of another?"""
    terms = _monomials(part)
    if len(terms) != 1:
        return False
    (product, number), (of, of_number) = *terms, *_monomials(whole)
    own = dict(of)
    names = all([own.get(atom, 0) >= exponent for atom, exponent in product])
    return names and of_number % number == 0


def _parted(row: Row, radix: Size) -> tuple[Row, Row]:
    """``row = radix · H + L``, with the constant in L as far as it is a number."""
    constant, terms = row
    high: dict[Label, Size] = {}
    low: dict[Label, Size] = {}
    for label, k in terms.items():
        whole, rest = _divided(k, radix)
        _add(high, label, whole)
        _add(low, label, rest)
    if isinstance(constant, int):
        return (0, high), (constant, low)
    whole, rest = _divided(constant, radix)
    return (whole, high), (rest, low)


def _divided(size: Size, radix: Size) -> tuple[Size, Size]:
    """``size = radix · whole + rest``, with a rest as small as can be, of whatever sign."""
    if isinstance(size, int) and isinstance(radix, int):
        return _nearest(size, radix)
    whole: Size = 0
    rest: Size = 0
    for term in _monomials(size):
        part = plus(Polynomial((term,)))
        if isinstance(part, int) and isinstance(radix, int):
            quotient, left = _nearest(part, radix)
            whole, rest = plus(whole, quotient), plus(rest, left)
            continue
        exact = exact_quotient(part, radix)
        if exact is None:
            rest = plus(rest, part)
        else:
            whole = plus(whole, exact)
    return whole, rest


def _nearest(number: int, radix: int) -> tuple[int, int]:
    """``number = radix · quotient + rest`` with ``|rest| ≤ radix / 2``; of two, the quotient that
    is nearer to 0.
    """
    rest = number % radix
    if 2 * rest > radix or (2 * rest == radix and number < 0):
        rest -= radix
    return (number - rest) // radix, rest
