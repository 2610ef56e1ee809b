"""Systems of relations against all points of their boxes, one by one."""

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from lengths import length

from einderiv.expression.relation_boxes import domain_of, extent, is_inside, span
from einderiv.expression.relation_rows import Hot, Linear, relation, renamed
from einderiv.expression.relations import (
    Relation,
    Settled,
    determined,
    echelon,
    settled,
    solved,
    solvings,
    without_proved,
)
from einderiv.expression.size_algebra import (
    floor_quotient,
    measured,
    minus,
    negated,
    plus,
    times,
)

#: blocks of random systems
BLOCKS = range(length(3, 40))

I, J, K, L, M, N, O, P = range(8)  # noqa: E741


# ---- what a system means


def box(sizes):
    """All points of a box, one a row."""
    count = math.prod(sizes)
    return np.indices(sizes).reshape(len(sizes), count).T


def points(relations, domains, hots=(), arrays=None):
    """All points that satisfy the system: an array with a column for each label in order."""
    order = sorted(domains)
    places = box([domains[x] for x in order])
    column = {x: places[:, k] for k, x in enumerate(order)}
    kept = np.ones(len(places), bool)
    for constant, terms in relations:
        kept &= constant + sum([k * column[x] for x, k in terms]) == 0
    for hot in hots:
        entries = arrays[hot.array]
        at = tuple([column[x] for x in hot.places])
        kept &= entries[at] == column[hot.value]
    return places[kept]


def rows_of(places):
    return set(map(tuple, places.tolist()))


def value(linear, column, count):
    total = np.full(count, linear.constant)
    for x, k in linear.terms:
        total = total + k * column[x]
    return total


def put_together(found, domains, read=None):
    """All points that a solution describes, with a column for each label in order."""
    order = sorted(domains)
    free = [x for x in order if x not in found.by]
    places = box([domains[x] for x in free])
    column = {x: places[:, k] for k, x in enumerate(free)}
    kept = np.ones(len(places), bool)
    for rest in found.rest:
        kept &= value(rest, column, len(places)) == 0
    for linear, n in found.guards:
        at = value(linear, column, len(places))
        kept &= (at >= 0) & (at < n)
    for x, linear in found.by.items():
        column[x] = value(linear, column, len(places))
    for x in read or ():
        kept &= (column[x] >= 0) & (column[x] < domains[x])
    return rows_of(np.stack([column[x] for x in order], axis=1)[kept])


# ---- random systems


def plain(r, domains):
    """Any relation between some labels."""
    some = r.sample(sorted(domains), r.randint(1, min(4, len(domains))))
    return relation(r.randint(-4, 4), {x: r.randint(-3, 5) for x in some})


def window(r, domains):
    """p = s i + d k - c"""
    i, k, p = r.choices(sorted(domains), k=3)
    terms = {}
    for x, c in ((i, r.choice((1, 1, 2, -1))), (k, r.choice((1, 1, 3, -1))), (p, -1)):
        terms[x] = terms.get(x, 0) + c
    return relation(r.choice((0, 0, 0, 1, -1, 2)), terms)


def flattened(r, domains):
    """n i + j = n k + l, with rows and digits left out, of three digits, with an offset."""
    labels = sorted(domains)
    digits = r.randint(2, 3)
    terms = {}
    for side in (1, -1):
        radix = 1
        base = r.choice((0, 0, 1))
        for _ in range(digits):
            x = r.choice(labels)
            if r.random() < 0.85:
                terms[x] = terms.get(x, 0) + side * radix
            radix *= domains[x] + base
    return relation(r.choice((0, 0, 0, radix, -1, 2)), terms)


def equal(r, domains):
    i, j = r.choices(sorted(domains), k=2)
    return relation(0, {i: 1, j: -1} if i != j else {})


def system(r, largest=5):
    """Domains and some relations, at most 2,000 points."""
    count = r.randint(1, 6)
    while True:
        domains = {x: r.choice((1, 2, 2, 3, 3, 4, largest)) for x in range(count)}
        if r.random() < 0.02:
            domains[0] = 0
        for x in range(1, count):
            if r.random() < 0.3:
                domains[x] = domains[x - 1]
        if math.prod(domains.values()) <= 2000:
            break
    kinds = r.choices((plain, window, flattened, equal), k=r.randint(0, 3))
    return [kind(r, domains) for kind in kinds], domains


def hots_of(r, domains):
    """Index arrays at some labels, and what is in them."""
    arrays, hots = {}, []
    for _ in range(r.choice((0, 1, 2, 2))):
        places = tuple(r.choices(sorted(domains), k=r.choice((1, 1, 2))))
        shape = tuple([domains[x] for x in places])
        name = f"r{shape}"
        if name not in arrays:
            entries = [r.randint(0, 5) for _ in range(math.prod(shape))]
            arrays[name] = np.array(entries, int).reshape(shape)
        hots.append(Hot(name, places, r.choice(sorted(domains))))
    return hots, arrays


@pytest.mark.parametrize("block", BLOCKS)
def test_settled_keeps_all_points(block):
    for seed in range(block * 500, block * 500 + 500):
        r = random.Random(seed)
        relations, domains = system(r)
        hots, arrays = hots_of(r, domains)
        before = rows_of(points(relations, domains, hots, arrays))
        found = settled(relations, domains, hots)
        if found is None:
            assert not before, seed
            continue
        assert all(x > y and domains[x] == domains[y] for x, y in found.same.items()), seed
        assert not set(found.same) & set(found.same.values()), seed
        name = [found.same.get(x, x) for x in sorted(domains)]
        new = [relation(0, {x: 1, y: -1}) for x, y in found.same.items()]
        left = [Hot(a, tuple([name[x] for x in p]), name[v]) for a, p, v in hots]
        after = rows_of(points([*found.relations, *new], domains, left, arrays))
        assert after == before, seed
        assert settled(found.relations, domains, left) == Settled(found.relations, {}), seed


@pytest.mark.parametrize("block", BLOCKS)
def test_determined_is_never_wrong(block):
    yes = missed = 0
    for seed in range(block * 500, block * 500 + 500):
        r = random.Random(seed)
        relations, domains = system(r)
        hots, arrays = hots_of(r, domains)
        output = [x for x in domains if r.random() < 0.5]
        # as written, and without index arrays in normal form, as nodes are
        places = points(relations, domains, hots, arrays)
        some = [x for x in domains if r.random() < 0.4]
        for labels in (list(domains), some):
            if determined(relations, domains, hots, output, labels):
                both = rows_of(places[:, sorted({*output, *labels})])
                assert len(rows_of(places[:, output])) == len(both), seed
        found = settled(relations, domains)
        if found is None or not found.relations:
            continue
        domains = {x: n for x, n in domains.items() if x not in found.same}
        output = {found.same.get(x, x) for x in output}
        places = points(found.relations, domains)
        seen = places[:, [k for k, x in enumerate(sorted(domains)) if x in output]]
        got = determined(found.relations, domains, (), output, list(domains))
        truth = len(rows_of(seen)) == len(places)
        assert truth or not got, seed
        yes += truth
        missed += truth and not got
    assert yes > 50 and missed < yes / 10, (yes, missed)


@pytest.mark.parametrize("block", BLOCKS)
def test_solved_has_the_same_points(block):
    for seed in range(block * 500, block * 500 + 500):
        r = random.Random(seed)
        relations, domains = system(r)
        keep, read, first = [{x for x in domains if r.random() < 0.4} for _ in range(3)]
        before = rows_of(points(relations, domains))
        found = solved(relations, domains, keep=keep, read=read, first=first)
        if found is None:
            assert not before, seed
            continue
        assert put_together(found, domains, read) == before, seed
        for other in solvings(relations, domains, read, 4):
            assert put_together(other, domains, read) == before, seed


@pytest.mark.parametrize("block", BLOCKS)
def test_without_proved_has_the_same_values(block):
    for seed in range(block * 500, block * 500 + 500):
        r = random.Random(seed)
        relations, domains = system(r)
        read = {x for x in domains if r.random() < 0.6}
        left, gone = without_proved(relations, domains, read)
        assert not gone & read, seed
        assert not gone & {x for one in left for x, _ in one.terms}, seed
        before = points(relations, domains)
        kept = [k for k, x in enumerate(sorted(domains)) if x not in gone]
        shown = list(map(tuple, before[:, kept].tolist()))
        after = points(left, {x: n for x, n in domains.items() if x not in gone})
        assert sorted(shown) == sorted(map(tuple, after.tolist())), seed


# ---- symbolic sizes, put to numbers afterwards

NAMES = ("a", "b", "c")


def symbolic(r):
    """Domains and relations in the sizes a, b, c, of which each is the domain of a label."""
    domains = dict(enumerate(r.sample(NAMES, r.randint(1, 3))))
    used = list(domains.values())
    for x in range(len(domains), r.randint(len(domains), 5)):
        n, m = r.choice(used), r.choice(used)
        kinds = (n, n, times(n, m), plus(n, m, -1), plus(n, negated(m), 1), r.choice((2, 3)))
        domains[x] = r.choice(kinds)
    relations = []
    for _ in range(r.randint(1, 3)):
        terms = {}
        for side in (1, -1):
            radix = 1
            for _ in range(r.randint(1, 3)):
                x = r.choice(sorted(domains))
                terms[x] = plus(terms.get(x, 0), times(side, radix))
                radix = r.choice((radix, times(radix, domains[x]), times(radix, r.choice(used))))
        constants = (0, 0, 0, radix, negated(radix), 1, -2, minus(r.choice(used), 1))
        relations.append(relation(r.choice(constants), terms))
    return relations, domains


def put_in(numbers, *what):
    """Relations, solutions and domains with numbers in the place of names."""

    def number(size):
        return measured(size, numbers.get)

    found = []
    for thing in what:
        if isinstance(thing, dict):
            found.append({x: max(0, number(n)) for x, n in thing.items()})
        else:
            named = [type(one)(number(one.constant), number_terms(one, number)) for one in thing]
            found.append(named)
    return found


def number_terms(one, number):
    terms = [(x, number(k)) for x, k in one.terms]
    return tuple([(x, k) for x, k in terms if k])


def assignments():
    for a in range(4):
        for b in range(4):
            for c in range(4):
                yield {"a": a, "b": b, "c": c}


def small_boxes(domains):
    """Numbers for the names that make boxes that are not too large."""
    for numbers in assignments():
        (sizes,) = put_in(numbers, domains)
        if math.prod(sizes.values()) <= 700:
            yield numbers, sizes


@pytest.mark.parametrize("block", BLOCKS)
def test_symbolic_systems_keep_all_points(block):
    parted = proved = 0
    for seed in range(block * 60, block * 60 + 60):
        r = random.Random(seed)
        relations, domains = symbolic(r)
        read = {x for x in domains if r.random() < 0.4}
        output = [x for x in domains if r.random() < 0.5]
        found = settled(relations, domains)
        solution = solved(relations, domains, read=read, keep=set(output))
        follows = determined(relations, domains, (), output, list(domains))
        left, gone = without_proved(relations, domains, read)
        parted += found is None or found.relations != tuple(relations)
        proved += follows
        for numbers, sizes in small_boxes(domains):
            at = (seed, numbers)
            (system,) = put_in(numbers, relations)
            places = points(system, sizes)
            before = rows_of(places)
            if found is None:
                assert not before, at
            else:
                same = [relation(0, {x: 1, y: -1}) for x, y in found.same.items()]
                (system,) = put_in(numbers, found.relations)
                assert rows_of(points([*system, *same], sizes)) == before, at
            if solution is None:
                assert not before, at
            else:
                assert put_together(numbered(solution, numbers), sizes, read) == before, at
            assert not follows or len(rows_of(places[:, output])) == len(places), at
            kept = [x for x in sorted(domains) if x not in gone]
            (system,) = put_in(numbers, left)
            after = points(system, {x: sizes[x] for x in kept}).tolist()
            assert sorted(places[:, kept].tolist()) == sorted(after), at
    assert parted > 5 and proved > 5


def numbered(solution, numbers):
    (rest,) = put_in(numbers, solution.rest)
    by = dict(zip(solution.by, put_in(numbers, solution.by.values())[0], strict=True))
    (guards,) = put_in(numbers, [linear for linear, _ in solution.guards])
    sizes = [measured(n, numbers.get) for _, n in solution.guards]
    return solution._replace(by=by, rest=rest, guards=tuple(zip(guards, sizes, strict=True)))


# ---- systems that differ in their labels, and systems of several parts


@pytest.mark.parametrize("block", BLOCKS)
def test_only_the_order_of_labels_counts(block):
    shortened = 0
    for seed in range(block * 60, block * 60 + 60):
        r = random.Random(seed)
        relations, domains = symbolic(r)
        output = [x for x in domains if r.random() < 0.5]
        others = dict(
            zip(sorted(domains), sorted(r.sample(range(1000), len(domains))), strict=True)
        )
        other_domains = {others[x]: n for x, n in domains.items()}
        other_relations = renamed(relations, others.get)
        found, other = settled(relations, domains), settled(other_relations, other_domains)
        if found is None:
            assert other is None, seed
            continue
        shortened += found.relations != tuple(relations)
        same = {others[x]: others[y] for x, y in found.same.items()}
        assert other == Settled(renamed(found.relations, others.get), same), seed
        follows = determined(relations, domains, (), output, list(domains))
        by_others = [others[x] for x in output]
        assert follows == determined(
            other_relations, other_domains, (), by_others, list(other_domains)
        )
    assert shortened > 5


@pytest.mark.parametrize("block", BLOCKS)
def test_parts_without_a_label_in_common_have_their_points(block):
    united = 0
    for seed in range(block * 60, block * 60 + 60):
        r = random.Random(seed)
        first = {x: r.randint(3, 4) for x in range(r.randint(1, 3))}
        second = {x + 10: r.randint(3, 4) for x in range(r.randint(1, 3))}
        relations = []
        for one in (first, second):
            if r.random() < 0.5:
                relations.append(plain(r, one))
            if r.random() < 0.8:  # a label that is a number
                relations.append(relation(-r.randint(0, 1), {r.choice(list(one)): 1}))
        domains = first | second
        found = settled(relations, domains)
        before = rows_of(points(relations, domains))
        if found is None:
            assert not before, seed
            continue
        same = [relation(0, {x: 1, y: -1}) for x, y in found.same.items()]
        assert rows_of(points([*found.relations, *same], domains)) == before, seed
        united += any((x < 10) != (y < 10) for x, y in found.same.items())
    assert united, "no labels of two parts are the same number"


NUMBERS = [
    # relations                                  domains               known  follows
    ([{P: -1, I: 6, J: 2, K: 1}],                {P: 18, I: 3, J: 3, K: 2}, {P}, True),
    ([{P: -1, I: 7, J: 2, K: 1}],                {P: 21, I: 3, J: 3, K: 2}, {P}, True),  # a gap
    ([{P: -1, I: 5, J: 2, K: 1}],                {P: 18, I: 3, J: 3, K: 2}, {P}, False),
    ([{P: -1, I: "n", J: 1}],                    {P: times("n", "m"), I: "m", J: "n"}, {P}, True),
    ([{P: -1, I: times("n", "m"), J: 1}],        {P: 99, I: 3, J: "n"}, {P}, True),  # a gap
    ([{P: -1, I: "n", J: 1}],                    {P: 99, I: "m", J: "m"}, {P}, False),
    ([{P: -1, I: times("n", "n"), J: "n", K: 1}], {P: 99, I: "n", J: "n", K: "n"}, {P, K}, True),
    ([{P: -1, I: "n", J: 1}, {J: 1, K: 2, L: 1}], {P: 99, I: 9, J: "n", K: 5, L: 2}, {P}, True),
]  # fmt: skip


@pytest.mark.parametrize(("terms", "domains", "known", "follows"), NUMBERS)
def test_digits_follow_from_their_number(terms, domains, known, follows):
    relations = [relation(0, one) for one in terms]
    assert determined(relations, domains, (), known, list(domains)) == follows


def test_many_reads_of_one_place_are_one():
    count = 100  # more than are solved in the order of their labels
    window = [relation(0, {I: 1, J: 1, 10 + k: -1}) for k in range(count)]
    domains = {I: 5, J: 3, **{10 + k: 7 for k in range(count)}}
    found = settled(window, domains)
    assert found.same == {10 + k: 10 for k in range(1, count)}
    assert found.relations == (window[0],)
    left, gone = without_proved(window, domains, {I, J})
    assert not left and gone == set(domains) - {I, J}


# ---- canonical form


def rank(rows):
    """The rank of a matrix of whole numbers, exactly."""
    rows = [[Fraction(x) for x in row] for row in rows]
    count = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        count += 1
        for row in rows:
            factor = row[column] / pivot[column]
            row[:] = [a - factor * b for a, b in zip(row, pivot, strict=True)]
    return count


def matrix(relations, labels, constants=True):
    rows = []
    for constant, terms in relations:
        k = dict(terms)
        rows.append([k.get(x, 0) for x in labels] + ([constant] if constants else []))
    return rows


def mixed(r, relations, labels, times_by=(1, -1, 2, -3)):
    """Other relations, mostly with the same row space."""
    rows = matrix(relations, labels)
    for _ in range(r.randint(1, 4)):
        i, j = r.randrange(len(rows)), r.randrange(len(rows))
        factor = r.choice(times_by)
        if i != j:
            rows[i] = [a + factor * b for a, b in zip(rows[i], rows[j], strict=True)]
        else:
            rows[i] = [factor * a for a in rows[i]]
    if r.random() < 0.3:
        rows.append(r.choice(rows))
    if r.random() < 0.4:
        row = r.choice(rows)
        row[r.randrange(len(row))] += r.choice((1, -1))
    r.shuffle(rows)
    return [relation(row[-1], dict(zip(labels, row, strict=False))) for row in rows]


def test_echelon_forms_are_equal_where_the_row_spaces_are():
    equal_forms = other_forms = contradictions = 0
    for seed in range(1500):
        r = random.Random(seed)
        labels = list(range(r.randint(1, 5)))
        domains = dict.fromkeys(labels, 3)
        relations = [plain(r, domains) for _ in range(r.randint(1, 4))]
        others = mixed(r, relations, labels)
        order = r.sample(labels, len(labels))
        first, second = echelon(relations, order), echelon(others, order)
        for form, system in ((first, relations), (second, others)):
            contradicts = rank(matrix(system, labels, False)) < rank(matrix(system, labels))
            assert (form is None) == contradicts, seed
            contradictions += contradicts
        if first is None or second is None:
            continue
        ranks = {rank(matrix(s, labels)) for s in (relations, others, [*relations, *others])}
        assert (first == second) == (len(ranks) == 1), seed
        equal_forms += first == second
        other_forms += first != second
    assert min(equal_forms, other_forms, contradictions) > 200


def test_echelon_with_sizes_as_coefficients():
    n = "n"
    flat = [relation(0, {I: n, J: 1, P: -1}), relation(0, {I: n, K: negated(n)})]
    other = [relation(0, {K: n, J: 1, P: -1}), relation(0, {I: 1, K: -1})]
    for order in ((P, I, J, K), (I, K, P, J), (J, I, P, K)):
        assert echelon(flat, order) == echelon(other, order)
        assert echelon(flat, order) != echelon(other[:1], order)
    # n - 1 is no pivot, for it may be 0: what is written counts
    unsure = [relation(0, {I: minus(n, 1), J: 1})]
    assert echelon(unsure, (I, J)) == echelon([relation(0, {I: minus(1, n), J: -1})], (I, J))
    assert echelon(unsure, (I, J)) != echelon([relation(0, {I: minus(n, 1), J: 2})], (I, J))
    assert echelon(unsure, (J, I)) == (Relation(0, ((0, 1), (1, minus(n, 1)))),)
    # n - 5 = 0 is not known to be wrong
    assert echelon([relation(minus(n, 5), {})], ()) == (Relation(minus(n, 5), ()),)


# ---- the examples that the rules were made for

A, B, C = "a", "b", "c"
FLAT = {I: A, J: B, K: A, L: B}
DIGITS = {I: times(B, C), J: C, K: 1}

# fmt: off
PARTED = [
    # what                            constant           terms                                              domains                              labels that are one
    ("n i + j = n k + l",             0,                 {I: B, J: 1, K: negated(B), L: -1},                FLAT,                                {K: I, L: J}),
    ("5 i + j = 5 k + l",             0,                 {I: 5, J: 1, K: -5, L: -1},                        {I: 3, J: 5, K: 3, L: 5},            {K: I, L: J}),
    ("three digits",                  0,                 {I: 12, J: 4, K: 1, L: -12, M: -4, N: -1},         {I: 2, J: 3, K: 4, L: 2, M: 3, N: 4}, {L: I, M: J, N: K}),
    ("three digits of sizes",         0,                 {**DIGITS, L: negated(times(B, C)), M: negated(C), N: -1},
                                                                                                            {I: A, J: B, K: C, L: A, M: B, N: C}, {L: I, M: J, N: K}),
    ("(h w c) = (h (w c))",           0,                 {**DIGITS, L: negated(times(B, C)), M: -1},        {I: A, J: B, K: C, L: A, M: times(B, C)}, {L: I}),
    ("(h w c) = ((h w) c)",           0,                 {**DIGITS, M: negated(C), N: -1},                  {I: A, J: B, K: C, M: times(A, B), N: C}, {N: K}),
    ("a diagonal: 6 i = 5 k + l",     0,                 {I: 6, K: -5, L: -1},                              {I: 5, K: 5, L: 5},                  {K: I, L: I}),
    ("a diagonal: (n+1) i = n k + l", 0,                 {I: plus(B, 1), K: negated(B), L: -1},             {I: B, K: B, L: B},                  {K: I, L: I}),
    ("not the same digits",           0,                 {I: B, J: 1, K: negated(A), L: -1},                {I: A, J: B, K: B, L: A},            {}),
    ("digits that overlap",           0,                 {I: 4, J: 1, K: -4, L: -1},                        {I: 3, J: 5, K: 3, L: 5},            {}),
    ("i = k of other sizes",          0,                 {I: 1, K: -1},                                     {I: 3, K: 4},                        {}),
]
# fmt: on


@pytest.mark.parametrize(("what", "constant", "terms", "domains", "same"), PARTED)
def test_relations_fall_apart(what, constant, terms, domains, same):
    found = settled([relation(constant, terms)], domains)
    assert found.same == same
    if len(same) * 2 == len(terms):
        assert found.relations == ()
    if not same:
        assert len(found.relations) == 1


def test_an_offset_of_whole_rows_goes_to_the_rows():
    rows = relation(negated(B), {I: B, J: 1, K: negated(B), L: -1})
    assert settled([rows], FLAT) == Settled((relation(-1, {I: 1, K: -1}),), {L: J})
    rows = relation(-10, {I: 5, J: 1, K: -5, L: -1})
    found = settled([rows], {I: 4, J: 5, K: 4, L: 5})
    assert found == Settled((relation(-2, {I: 1, K: -1}),), {L: J})
    # the flattened axis from behind: n m - 1 - (n i + j) = n k + l
    last = minus(times(A, B), 1)
    back = relation(last, {I: negated(B), J: -1, K: negated(B), L: -1})
    both = (relation(minus(1, B), {J: 1, L: 1}), relation(minus(1, A), {I: 1, K: 1}))
    assert set(settled([back], FLAT).relations) == set(both)


def test_two_reads_of_one_flattened_axis_are_one():
    reads = [relation(0, {I: B, J: 1, P: -1}), relation(0, {K: B, L: 1, P: -1})]
    found = settled(reads, {**FLAT, P: times(A, B)})
    assert found == Settled((relation(0, {I: B, J: 1, P: -1}),), {K: I, L: J})


def test_sizes_beyond_any_number():
    """An axis that has been merged with itself forty times."""
    whole = "n"
    for _ in range(40):
        whole = times(whole, whole)
    domains = {I: "m", J: whole, K: "m", L: whole, P: times("m", whole)}
    rows = [relation(0, {I: whole, J: 1, K: negated(whole), L: -1})]
    assert settled(rows, domains) == Settled((), {K: I, L: J})
    flat = [relation(0, {I: whole, J: 1, P: -1})]
    assert solved(flat, domains).by == {P: Linear(0, ((I, whole), (J, 1)))}
    assert determined(flat, domains, (), {P}, {I, J, P})
    assert without_proved(flat, domains, {I, J}) == ((), {P})
    # the power may be 0 here, and is not known to be more than k
    assert not is_inside(Linear(0, ((K, 1),)), domains, whole)
    assert not is_inside(Linear(0, ((K, 1),)), {K: 1}, whole)


def test_divisors_that_few_numbers_suit():
    domains = {I: floor_quotient("n", minus("m", 9)), J: "m", K: "n"}
    rows = [relation(0, {I: 1, J: 1, K: -1})]
    assert settled(rows, domains) == Settled((relation(0, {I: 1, J: 1, K: -1}),), {})
    assert len(solved(rows, domains).by) == 1


def test_nothing_satisfies_it():
    n = "n"
    for constant, terms, domains in (
        (1, {I: 2, J: -4}, {I: 9, J: 9}),  # even and odd
        (plus(times(2, n), 1), {I: 2, J: -4}, {I: n, J: n}),
        (5, {I: 1, J: 1}, {I: n, J: n}),  # a sum of 5 and more
        (n, {I: -1}, {I: n}),  # the first place behind the axis
        (0, {I: 1, J: -1}, {I: 0, J: 3}),  # a label without a value
        (3, {I: 5, J: 1, K: -5, L: -1}, {I: 9, J: 2, K: 9, L: 1}),  # no digit is that large
        (2, {}, {}),
    ):
        assert settled([relation(constant, terms)], domains) is None
        assert solved([relation(constant, terms)], domains) is None
    # i = k and i = k + 1
    rows = [relation(0, {I: 1, K: -1}), relation(-1, {I: 1, K: -1})]
    assert settled(rows, {I: n, K: n}) is None
    # n - 5 may be 0, and n may be 2
    assert settled([relation(minus(n, 5), {})], {}) is not None
    assert settled([relation(-2, {I: n, J: negated(n)})], {I: n, J: n}) is not None


def test_values_of_one_index_array_at_the_same_places_are_one_label():
    hots = [Hot("r", (I,), J), Hot("r", (K,), L), Hot("c", (I,), M), Hot("r", (I,), N)]
    same = [relation(0, {I: 1, K: -1})]
    domains = {I: "e", K: "e", J: "n", L: "n", M: "n", N: 7}
    assert settled(same, domains, hots) == Settled((), {K: I, L: J})
    # an index array read at the values of another
    hots = [Hot("r", (I,), J), Hot("r", (K,), L), Hot("q", (J,), M), Hot("q", (L,), N)]
    domains = {I: "e", K: "e", J: "n", L: "n", M: "m", N: "m"}
    assert settled(same, domains, hots).same == {K: I, L: J, N: M}
    assert settled((), domains, hots).same == {}


def test_fractions_of_labels_are_equal_where_they_are():
    # i = j + k with 5 j = 101 l and 3 k = 100 l: i is 803/15 of l
    rows = [
        relation(0, {I: 1, J: -1, K: -1}),
        relation(0, {J: 5, L: -101}),
        relation(0, {K: 3, L: -100}),
    ]
    domains = {I: 999, J: 900, K: 900, L: 50, M: 999}
    for of_m, of_l, same in ((15, 803, {M: I}), (5, 67, {}), (15, 802, {})):
        found = settled([*rows, relation(0, {M: of_m, L: -of_l})], domains)
        assert found.same == same
    # 803 of m are 15 of l only where all of them are 0
    found = settled([*rows, relation(0, {M: 803, L: -15})], domains)
    assert found.same == {K: J, M: I}


def test_relations_that_follow_from_others_go():
    rows = [
        relation(0, {I: 1, J: 1, P: -1}),
        relation(0, {K: 1, L: 1, P: -1}),
        relation(0, {I: 2, J: 2, K: -2, L: -2}),
    ]
    found = settled(rows, dict.fromkeys((I, J, K, L, P), 9))
    assert found.same == {}
    assert len(found.relations) == 2


# fmt: off
FOLLOWS = [
    # the output and what it says
    ("a window",            [relation(0, {I: 1, K: 1, P: -1})],                   {I: 5, K: 3, P: 7}, (),                    {I, K},    True),
    ("a convolution",       [relation(0, {I: 1, K: 1, P: -1})],                   {I: 5, K: 3, P: 7}, (),                    {I},       False),
    ("overlapping writes",  [relation(0, {I: 1, K: 1, P: -1})],                   {I: 5, K: 3, P: 7}, (),                    {P},       False),
    ("tiles",               [relation(0, {I: 3, K: 1, P: -1})],                   {I: 5, K: 3, P: 15}, (),                   {P},       True),
    ("tiles of a size",     [relation(0, {I: "n", K: 1, P: -1})],                 {I: "m", K: "n", P: times("n", "m")}, (),  {P},       True),
    ("tiles with a gap",    [relation(-2, {I: 4, K: 1, P: -1})],                  {I: 5, K: 3, P: 25}, (),                   {P},       True),
    ("no common divisor",   [relation(0, {I: 7, J: 3, K: 1, P: -1})],             {I: 5, J: 2, K: 3, P: 40}, (),             {P},       True),
    ("two equations",       [relation(0, {I: 1, K: 1, P: -1}), relation(0, {I: 1, K: -1, M: -1})], {I: 5, K: 5, P: 9, M: 5}, (), {P, M}, True),
    ("a gather",            [],                                                   {I: "e", J: "n"},   (Hot("r", (I,), J),),  {I},       True),
    ("a segment sum",       [],                                                   {I: "e", J: "n"},   (Hot("r", (I,), J),),  {J},       False),
    ("a window of a gather", [relation(0, {K: 1, L: 1, I: -1})],                  {I: 9, J: 4, K: 3, L: 7}, (Hot("r", (I,), J),), {K, L}, True),
    ("one place",           [],                                                   {I: 1},             (),                    set(),     True),
    ("any place",           [],                                                   {I: 2},             (),                    set(),     False),
]
# fmt: on


@pytest.mark.parametrize(("what", "relations", "domains", "hots", "output", "follows"), FOLLOWS)
def test_what_follows_from_the_output(what, relations, domains, hots, output, follows):
    assert determined(relations, domains, hots, output, list(domains)) is follows


def test_one_label_may_follow_alone():
    # p = 3 i + j - k: 2 is (0, 2, 0) and (1, 0, 1)
    signs = [relation(0, {I: 3, J: 1, K: -1, P: -1})]
    domains = {I: 3, J: 3, K: 3, P: 9}
    assert not determined(signs, domains, (), {P}, [I])
    # with digits that are half as long, i is p // 3, and j - k the rest
    domains = {I: 3, J: 2, K: 2, P: 9}
    assert determined(signs, domains, (), {P}, [I])
    assert not determined(signs, domains, (), {P}, [J])


# ---- solving

WINDOW = [relation(0, {I: 1, K: 1, P: -1})]
VALID = {I: plus("n", negated("w"), 1), K: "w", P: "n"}
SAME = {I: "n", K: "w", P: "n"}
FULL = {I: "n", K: "w", P: plus("n", "w", -1)}


@pytest.mark.parametrize(
    ("domains", "asked", "label", "guarded"),
    [
        (VALID, {}, P, False),
        (FULL, {}, P, False),
        (SAME, {}, P, True),
        (SAME, {"read": {P, I, K}}, P, False),
        (SAME, {"read": {P}}, I, True),  # of one size: what nothing reads
        (VALID, {"keep": {P, K}}, I, True),
        (VALID, {"keep": {P, I}}, K, True),
        (VALID, {"keep": {P, I}, "read": {K}}, K, False),
        (VALID, {"first": {I}}, I, True),
        (VALID, {"first": {I}, "keep": {I}}, I, True),
        ({I: 5, K: 3, P: 7}, {}, P, False),
        ({I: 5, K: 3, P: 6}, {}, P, True),
        ({I: 9, K: 3, P: 7}, {}, I, True),
    ],
)
def test_which_label_is_eliminated(domains, asked, label, guarded):
    found = solved(WINDOW, domains, **asked)
    assert list(found.by) == [label]
    assert found.rest == ()
    assert bool(found.guards) == guarded


def test_relations_without_a_unit_are_left():
    found = solved([relation(0, {I: 3, J: -2})], {I: 9, J: 9})
    assert found == ({}, (relation(0, {I: 3, J: -2}),), ())
    # i is 2 k, so that 2 j = 3 i is j = 3 k
    rows = [relation(0, {I: 3, J: -2}), relation(0, {I: 1, K: -2})]
    found = solved(rows, {I: 9, J: 9, K: 5})
    assert found.rest == ()
    assert found.by == {I: Linear(0, ((K, 2),)), J: Linear(0, ((K, 3),))}
    assert found.guards == ((Linear(0, ((K, 3),)), 9),)


def test_solvings_are_different_and_the_best_is_first():
    rows = [*WINDOW, relation(0, {P: 1, L: 1, M: -1})]
    domains = {I: 5, K: 3, P: 7, L: 3, M: 9}
    found = list(solvings(rows, domains, (), 100))
    assert found[0] == solved(rows, domains)
    eliminated = [frozenset(one.by) for one in found]
    assert len(set(eliminated)) == len(found) == 8  # of 10 pairs without {i, k} and {l, m}
    assert list(solvings(rows, domains, (), 3)) == found[:3]
    assert list(solvings([relation(1, {I: 1})], {I: 5}, (), 3)) == []


def test_a_long_chain_of_windows():
    """y[i] = Σ_k w[k] y[i + k], eighty times."""
    depth, domains, rows = 80, {0: "n"}, []
    for q in range(depth):
        before = 2 * q - 1 if q else 0
        i, k = 2 * q + 1, 2 * q + 2
        domains[i] = plus(domains[before], negated("w"), 1)
        domains[k] = "w"
        rows.append(relation(0, {i: 1, k: 1, before: -1}))
    found = settled(rows, domains)
    assert found.same == {} and len(found.relations) == depth
    solution = solved(rows, domains)
    places = [2 * depth - 1, *range(2, 2 * depth + 1, 2)]
    assert solution.by[0] == Linear(0, tuple([(x, 1) for x in sorted(places)]))
    assert solution.guards == ()
    left, gone = without_proved(rows, domains, {0, *places})
    assert len(left) == 1 and len(gone) == depth - 1
    assert determined(rows, domains, (), places, list(domains))
    assert not determined(rows, domains, (), {0, *places[:-2]}, list(domains))


# ---- index expressions

N_, W_ = "n", "w"
HALF = plus(floor_quotient(minus(N_, W_), 2), 1)


# fmt: off
INSIDE = [
    # what                    expression                        domains                            axis            always inside?
    ("valid x[i+k]",          Linear(0, ((I, 1), (K, 1))),      {I: plus(N_, negated(W_), 1), K: W_}, N_,          True),
    ("strided x[2i+k]",       Linear(0, ((I, 2), (K, 1))),      {I: HALF, K: W_},                  N_,             True),
    ("x[1:]",                 Linear(1, ((I, 1),)),             {I: minus(N_, 1)},                 N_,             True),
    ("x[2:-1]",               Linear(2, ((I, 1),)),             {I: minus(N_, 3)},                 N_,             True),
    ("x[::-1]",               Linear(minus(N_, 1), ((I, -1),)), {I: N_},                           N_,             True),
    ("same x[i+k-1]",         Linear(-1, ((I, 1), (K, 1))),     {I: N_, K: W_},                    N_,             False),
    ("concatenated",          Linear(A, ((I, 1),)),             {I: B},                            plus(A, B),     True),
    ("full i+k",              Linear(0, ((I, 1), (K, 1))),      {I: N_, K: W_},                    plus(N_, W_, -1), True),
    ("flattened",             Linear(0, ((I, B), (J, 1))),      {I: A, J: B},                      times(A, B),    True),
    ("another axis",          Linear(0, ((I, 1),)),             {I: N_},                           W_,             False),
    ("numbers",               Linear(0, ((I, 1), (K, 1))),      {I: 5, K: 3},                      7,              True),
    ("numbers outside",       Linear(0, ((I, 1), (K, 1))),      {I: 5, K: 3},                      6,              False),
    ("numbers below",         Linear(-1, ((I, 1),)),            {I: 5},                            6,              False),
    ("the first of an axis that may be empty", Linear(0, ()),   {P: N_},                           N_,             False),
    ("a number on an axis of a size",  Linear(0, ((I, 1),)),    {I: 3},                            N_,             False),
    ("a coefficient of no known sign", Linear(0, ((I, minus(A, B)),)), {I: 3},                     N_,             False),
]
# fmt: on


@pytest.mark.parametrize(("what", "linear", "domains", "axis", "inside"), INSIDE)
def test_what_is_proved_inside(what, linear, domains, axis, inside):
    assert is_inside(linear, domains, axis) is inside


# fmt: off
OPEN = [
    # what                 expression                               axis   other domains   size of i, None if there is no one
    ("x[i+k]",             Linear(0, ((I, 1), (K, 1))),             N_,    {K: W_},        plus(N_, negated(W_), 1)),
    ("x[2i+k]",            Linear(0, ((I, 2), (K, 1))),             N_,    {K: W_},        HALF),
    ("x[2i+3k-1]",         Linear(-1, ((I, 2), (K, 3))),            9,     {K: 3},         None),
    ("x[2i+3k+1]",         Linear(1, ((I, 2), (K, 3))),             9,     {K: 3},         1),
    ("x[2i]",              Linear(0, ((I, 2),)),                    9,     {},             5),
    ("x[i+1]",             Linear(1, ((I, 1),)),                    N_,    {},             minus(N_, 1)),
    ("x[i-k+2]",           Linear(2, ((I, 1), (K, -1))),            9,     {K: 3},         7),
    ("x[i-k]",             Linear(0, ((I, 1), (K, -1))),            9,     {K: 3},         None),
    ("x[-i]",              Linear(8, ((I, -1),)),                   9,     {},             None),
    ("x[k]",               Linear(0, ((K, 1),)),                    9,     {K: 3},         None),
    ("x[i+k], two open",   Linear(0, ((I, 1), (K, 1))),             9,     {},             None),
    ("x[(n-m)i]",          Linear(0, ((I, minus(A, B)),)),          9,     {},             None),
    ("x[i+(n-m)k]",        Linear(0, ((I, 1), (K, minus(A, B)))),   9,     {K: 3},         None),
    ("x[i+k], too short",  Linear(0, ((I, 1), (K, 1))),             2,     {K: 5},         -2),
]
# fmt: on


@pytest.mark.parametrize(("what", "linear", "axis", "domains", "size"), OPEN)
def test_open_domains(what, linear, axis, domains, size):
    assert domain_of(linear, I, axis, domains) == size


def test_open_domains_are_the_largest():
    """Every read is inside, and with one value more it is not."""
    for seed in range(300):
        r = random.Random(seed)
        domains = {x: r.randint(1, 4) for x in range(1, r.randint(1, 3) + 1)}
        terms = {0: r.randint(1, 3), **{x: r.randint(-2, 3) for x in domains}}
        linear = Linear(*relation(r.randint(-1, 4), terms))
        axis = r.randint(1, 12)
        size = domain_of(linear, 0, axis, domains)
        lowest, _ = span(Linear(linear.constant, linear.terms[1:]), domains)
        assert (size is None) == (lowest < 0)
        if size is not None:
            assert size < 1 or is_inside(linear, {**domains, 0: size}, axis)
            assert size < 0 or not is_inside(linear, {**domains, 0: size + 1}, axis)


def test_spans_and_extents():
    linear = Linear(1, ((I, 2), (K, -1)))
    assert span(linear, {I: 5, K: 3}) == (-1, 9)
    assert span(linear, {I: N_, K: W_}) == (minus(2, W_), minus(times(2, N_), 1))
    assert span(Linear(0, ((I, minus(A, B)),)), {I: N_}) is None
    assert extent(linear, {I: 5, K: 3}) == 10
    assert extent(Linear(-9, ((I, 1),)), {I: 5}) == 0
    assert extent(Linear(0, ((I, 1), (K, 1))), FULL) == FULL[P]
    assert extent(Linear(0, ((I, 1), (K, 1))), {I: 0, K: 3}) == 2  # n + w - 1
    assert extent(Linear(0, ((I, B), (J, 1))), FLAT) == times(A, B)
    assert extent(Linear(0, ((I, minus(A, B)),)), {I: N_}) is None


# ---- relations


def test_relations_are_sorted_and_have_no_zeros():
    assert relation(1, {J: 2, I: -1, K: 0}) == Relation(1, ((I, -1), (J, 2)))
    assert relation(0, {I: minus(A, A)}) == Relation(0, ())


def test_renamed_labels_add_their_coefficients():
    rows = [relation(0, {I: 1, J: -1}), relation(3, {I: 1, J: 1}), relation(2, {I: A, J: -1})]
    to_i = renamed(rows, {I: I, J: I}.get)
    assert to_i == (relation(3, {I: 2}), relation(2, {I: minus(A, 1)}))
    assert renamed([relation(3, {I: 1, J: -1})], {I: I, J: I}.get) == (relation(3, {}),)
    assert renamed(rows, {I: L, J: K}.get) == renamed(rows[::1], {I: L, J: K}.__getitem__)


def test_a_system_without_relations():
    assert settled((), {I: 0}) == Settled((), {})
    assert solved((), {I: 0}) == ({}, (), ())
    assert without_proved((), {I: 3}, ()) == ((), set())
    assert echelon((), (I, J)) == ()
