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

>>> from einderiv.expression.size_algebra import negated
>>> i, j, k, l = range(4)
>>> rows = (relation(0, {i: "n", j: 1, k: negated("n"), l: -1}),)
>>> settled(rows, {i: "m", j: "n", k: "m", l: "n"})
Settled(relations=(), same={2: 0, 3: 1})

Sizes and coefficients may be symbolic. What is proved holds where each domain has a value: a box
with a side of 0 has no points, so that nothing that is said of them is wrong. The names in
coefficients are taken for at least 1, for each comes from an axis that has been merged with others.

What is below: `relation_coefficients`, sums of products of sizes; `relation_rows`, relations while
they are reckoned with; `relation_boxes`, what is sure in the box of the labels; and
`relation_systems`, which the rules part and solve.
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
from functools import lru_cache
from itertools import chain, combinations, islice
from typing import NamedTuple

from .groups import UnionFind, connected
from .labels import Label, Labels, Relation, Size
from .relation_boxes import Facts, KnownBox, are_digits, facts_about, is_empty, is_row_inside
from .relation_coefficients import Domains, effort, is_pivot, products_in
from .relation_rows import (
    Form,
    Hot,
    Linear,
    Row,
    cleared,
    relation,
    renamed,
    row_plus,
    row_times,
    shortened,
    signed_relation,
)
from .relation_systems import Rank, System
from .size_algebra import sign

#: choices of labels that are tried for each solution that is asked for
TRIES = 16
#: relations of a system in which a label may be in so many that they are solved in another order
MANY = 64
#: systems that are kept with what was found of them, and how long they may be
MOST_KEPT, MOST_KEPT_TERMS = 1024, 100


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
    if is_empty(relations, domains):
        return None
    facts = facts_about(domains, relations)
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
    if is_empty(relations, domains):
        return True
    facts = facts_about(domains, relations)
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
    if is_empty(relations, domains):
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
    if is_empty(relations, domains):
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
            row = row_times((one.constant, terms), -k)  # type: ignore[operator]
            # not by its own domain: when it goes, nothing says any more that this has a value
            if not is_row_inside(row, domains, domains[label]):
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
        pivots = [row for row in holding if is_pivot(row[1][column])]
        if not holding:
            continue
        if not pivots:
            rows = [shortened((one.constant, dict(one.terms))) for one in written]
            return tuple(sorted({signed_relation(row) for row in rows}, key=_order))
        pivot = min(pivots, key=lambda row: (effort(row[1][column]), len(row[1])))
        rows = [row for row in rows if row is not pivot]
        rows = [cleared(row, column, pivot) for row in rows]
        done = [(own, cleared(row, column, pivot)) for own, row in done]
        done.append((column, pivot))
    left = [constant for constant, _ in rows if constant != 0]
    if any([isinstance(constant, int) for constant in left]):
        return None
    undecided = [signed_relation((constant, {})) for constant in left]
    solved_rows = [signed_relation(shortened(row)) for _, row in done]
    return (*solved_rows, *sorted(undecided, key=_order))


def _order(one: Relation) -> tuple[Labels, list[str]]:
    """An order of relations, whatever their coefficients are."""
    numbers = [repr(products_in(k)) for k in (one.constant, *[k for _, k in one.terms])]
    return tuple([label for label, _ in one.terms]), numbers


def _system(relations: Sequence[Relation], domains: Domains) -> System:
    system = System(KnownBox(domains, facts_about(domains, relations)))
    system.add(relations)
    return system


def _solved(
    system: System, rank: Callable[[Label], Rank | None], read: Container[Label]
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
        known = KnownBox(enforced, facts_about(enforced, ()))
    for label, (_, constant, terms) in forms:
        linear = by[label] = Linear(constant, terms)
        place = known.place((constant, dict(terms)), domains[label])
        if place == "outside":
            return None
        if place != "inside" and label not in read:
            guards.append((linear, domains[label]))
    return Solved(by, system.relations(), tuple(guards))


# ---- systems that are alike
#
# What is made of one text has few systems that differ in more than the numbers of their labels: a
# product of many factors has the same relations along each axis, and each of its terms is flattened
# again and again. So what is found of a system is kept, with its labels numbered in order. Only
# the order of labels counts: of labels that are equal the first stays.


class _Part(NamedTuple):
    """What `settled` finds of some relations."""

    relations: tuple[Relation, ...]
    sources: tuple[int, ...]  # the relation that each of them comes from
    same: dict[Label, Label]
    fixed: tuple[tuple[Form, Size], ...]  # labels that are numbers: which, and of which domains


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


def _settled_part(relations: Sequence[Relation], domains: Domains, facts: Facts) -> _Part | None:
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
    relations: tuple[Relation, ...], sizes: tuple[Size, ...], facts: Facts
) -> _Part | None:
    return _settled(relations, dict(enumerate(sizes)), (), facts)


@lru_cache(maxsize=MOST_KEPT)
def _determined_alike(
    relations: tuple[Relation, ...],
    sizes: tuple[Size, ...],
    known: frozenset[Label],
    unknown: frozenset[Label],
    facts: Facts,
) -> bool:
    return _determined(relations, dict(enumerate(sizes)), (), set(known), unknown, facts)


def _by_domain(known: KnownBox, relations: Sequence[Relation]) -> Callable[[Label], Rank]:
    """Labels with large domains are eliminated first. Of those with one domain the first; but the
    last where there are many relations: the first labels are in more of them than the last.
    """
    sign = 1 if len(relations) <= MANY else -1
    return lambda label: (-known.at(known.domains[label]), sign * label)


def _settled(
    relations: Sequence[Relation], domains: Domains, hots: Sequence[Hot], facts: Facts
) -> _Part | None:
    """What `settled` finds of relations that are all solved together."""
    known = KnownBox(domains, facts)
    same: dict[Label, Label] = {}
    sources = list(range(len(relations)))
    while True:
        system = System(known)
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
        relations = [signed_relation(row) for number, row in kept.items() if number in needed]
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
    facts: Facts,
) -> bool:
    """Does each label that is `unknown` follow from those that are `known`?"""
    sizes = KnownBox(domains, facts, differences=True)
    while True:
        _follow(relations, hots, known)
        if known.issuperset(unknown):
            return True
        differences = [_but(one, known) for one in relations]
        digits = [x for one in differences if are_digits(one, domains) for x, _ in one.terms]
        if digits:  # of a number that is 0
            known.update(digits)
            continue
        system = System(sizes)
        system.add(differences)
        system.eliminate(_by_domain(sizes, relations))
        found = [label for label, form in system.forms().items() if form == (1, 0, ())]
        if not found:
            return False
        known.update(found)


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


def _but(one: Relation, known: Container[Label]) -> Relation:
    """The difference of a relation at two points that agree in what is known."""
    return Relation(0, tuple([(label, k) for label, k in one.terms if label not in known]))


def _with(one: Relation, label: Label, row: Row) -> Relation:
    """A relation with an index expression in the place of a label."""
    terms = dict(one.terms)
    k = terms.pop(label)
    return relation(*row_plus((one.constant, terms), k, row))


def _renamed_hots(hots: Iterable[Hot], found: Mapping[Label, Label]) -> list[Hot]:
    renamed_hots = []
    for array, places, value in hots:
        names = tuple([found.get(x, x) for x in places])
        renamed_hots.append(Hot(array, names, found.get(value, value)))
    return renamed_hots
