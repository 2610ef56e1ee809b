"""Systems of relations against all points of their boxes, one by one."""

import math
import random

import numpy as np
import pytest

from einderiv.expression.relations import (
    Hot,
    Settled,
    determined,
    relation,
    settled,
    solved,
    solvings,
    without_proved,
)

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


SEEDS = range(2000)
found_nothing = []


@pytest.mark.parametrize("block", range(8))
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


@pytest.mark.parametrize("block", range(8))
def test_determined_is_never_wrong(block):
    yes = missed = 0
    for seed in range(block * 500, block * 500 + 500):
        r = random.Random(seed)
        relations, domains = system(r)
        hots, arrays = hots_of(r, domains)
        output = [x for x in domains if r.random() < 0.5]
        # as written, and without index arrays in normal form, as nodes are
        places = points(relations, domains, hots, arrays)
        got = determined(relations, domains, hots, output, list(domains))
        assert not got or len(rows_of(places[:, output])) == len(places), seed
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


@pytest.mark.parametrize("block", range(8))
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


@pytest.mark.parametrize("block", range(4))
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
