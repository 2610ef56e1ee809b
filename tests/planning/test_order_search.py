"""Orders of many operands: what the search finds, counted and never timed."""

from __future__ import annotations

import random
from math import prod

import numpy as np
import pytest
from boxes import box

import einderiv as ed
from einderiv.planning import asked, order_search, order_seconds, search, size_free, tuning
from einderiv.planning.order_search import Allowance, Network, anneal, positions, searched
from einderiv.planning.paths import _path

Labels = tuple[int, ...]


def grid(*dims: int, size: int) -> tuple[list[Labels], dict[int, int]]:
    """Each tensor shares a label with its neighbours in a box."""
    terms = box(*dims)
    return terms, {label: size for labels in terms for label in labels}


def regular(count: int) -> tuple[list[Labels], dict[int, int]]:
    """A ring and random pairs; labels of size 2 and 3."""
    r = random.Random(count)
    order = r.sample(range(count), count)
    edges = [(k, (k + 1) % count) for k in range(count)]
    edges += list(zip(order[::2], order[1::2], strict=True))
    terms = [tuple(k for k, edge in enumerate(edges) if v in edge) for v in range(count)]
    return terms, {k: r.choice((2, 3)) for k in range(len(edges))}


def train(count: int) -> tuple[list[Labels], dict[int, int]]:
    """Two tensor trains on the same legs."""
    terms = []
    for bonds in (0, count):
        for k in range(count):
            left = [bonds + k - 1] if k else []
            right = [bonds + k] if k < count - 1 else []
            terms.append((*left, 2 * count + k, *right))
    return terms, {k: 8 if k < 2 * count else 3 for k in range(3 * count)}


def mera(sites: int, size: int) -> tuple[list[Labels], dict[int, int]]:
    """The energy of two sites in a state that layers of pairs make, none of which cancels."""
    terms: list[list[str]] = []

    def state(legs: list[str], side: str) -> None:
        while len(legs) > 2:
            new = [f"{side}{len(terms)}.{k}" for k in range(len(legs))]
            for k in range(0, len(legs), 2):
                terms.append([*legs[k : k + 2], *new[k : k + 2]])
            new = [*new[1:], new[0]]  # the pairs of the next layer are between those of this one
            legs = [f"{side}{len(terms)}.{k}" for k in range(len(new) // 2)]
            for k, leg in enumerate(legs):
                terms.append([*new[2 * k : 2 * k + 2], leg])
        terms.append(legs)

    sides = [f"s{k}" for k in range(sites)]
    state(sides, "a")
    state([sides[0], "x", "y", *sides[3:]], "b")
    terms.append([*sides[1:3], "x", "y"])
    names: dict[str, int] = {}
    numbered = [tuple([names.setdefault(x, len(names)) for x in term]) for term in terms]
    return numbered, dict.fromkeys(range(len(names)), size)


def flops(pairs, terms, numbers) -> float:
    total, left = 0.0, [set(term) for term in terms]
    for i, j in pairs:
        b, a = left.pop(j), left.pop(i)
        total += 2.0 * prod(numbers[x] for x in a | b)
        left.append(a ^ b)  # a label is on two tensors
    return total


NETWORKS = {
    "grid 3x4x4 of 2": lambda: grid(3, 4, 4, size=2),
    "grid 3x4x4 of 3": lambda: grid(3, 4, 4, size=3),
    "grid 4x4x4 of 2": lambda: grid(4, 4, 4, size=2),
    "regular 60": lambda: regular(60),
    "regular 80": lambda: regular(80),
    "regular 100": lambda: regular(100),
    "train": lambda: train(30),
    "MERA 16": lambda: mera(16, size=4),
    "MERA 32": lambda: mera(32, size=3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_orders_are_near_the_best_of_many_random_ones(name):
    import opt_einsum

    terms, numbers = NETWORKS[name]()
    find = opt_einsum.RandomGreedy(max_repeats=64)
    path = find([frozenset(map(str, t)) for t in terms], frozenset(), {str(k): n for k, n in numbers.items()})  # fmt: skip
    theirs = flops([tuple(sorted(pair)) for pair in path], terms, numbers)
    assert flops(search(terms, (), numbers), terms, numbers) <= 2 * theirs


@pytest.mark.parametrize("name", ["grid 3x4x4 of 3", "regular 100", "MERA 16"])
def test_annealing_is_what_finds_them(name):
    """From one greedy tree on: many times better, and the labels of every product are right."""
    terms, numbers = NETWORKS[name]()
    network = Network(terms, (), list(numbers.values()))
    tree, _ = order_search.greedy(network, 1.0, 0.0, lambda: 0.0)
    before = tree.total
    anneal(tree, random.Random(0), Allowance(400_000))
    assert tree.total < before / 2
    assert order_seconds(terms, (), numbers, tree.pairs()) == pytest.approx(tree.total)


def test_annealing_leaves_the_best_tree_that_was_met():
    terms, numbers = grid(3, 3, 3, size=2)
    network = Network(terms, (), list(numbers.values()))
    for seed in range(20):
        tree, _ = order_search.greedy(network, 1.0, 0.0, lambda: 0.0)
        before = tree.total
        anneal(tree, random.Random(seed), Allowance(2_000))
        assert tree.total <= before * (1 + 1e-9)


def test_the_same_order_every_time():
    terms, numbers = grid(3, 4, 4, size=2)
    first = search(terms, (), numbers)
    _path.cache_clear()
    assert search(terms, (), numbers) == first


@pytest.mark.parametrize("seed", range(40))
def test_any_network_has_an_order(seed):
    """Labels of one, two and many operands, of the output, of none; sizes 1 and others."""
    r = random.Random(seed)
    labels = range(r.randint(1, 14))
    terms = [tuple(r.sample(labels, r.randint(0, min(5, len(labels))))) for _ in range(12)]
    output = tuple(x for x in labels if r.random() < 0.2)
    sizes = [r.choice((1, 2, 3, 7)) for _ in labels]
    numbers = dict(enumerate(sizes))
    pairs, seconds = searched(terms, output, sizes, 20_000)
    assert len(pairs) == len(terms) - 1
    used = tuple(x for x in output if any(x in term for term in terms))
    assert order_seconds(terms, used, numbers, pairs) == pytest.approx(seconds)
    assert seconds <= 1.0001 * order_seconds(terms, used, numbers, size_free(terms, used))


def test_work_is_bounded(monkeypatch):
    """A second hard product of a plan gets half of what is left."""
    from einderiv.planning import paths

    given = []

    def counted(inputs, output, shape, work):
        given.append(work)
        return searched(inputs, output, shape, 1000)

    monkeypatch.setattr(paths, "searched", counted)
    _path.cache_clear()
    with asked("auto"):
        for k in range(3, 9):
            terms, numbers = grid(3, 4, 4, size=k)
            search(terms, (), numbers)
    _path.cache_clear()
    assert given[0] == tuning.path_work
    assert given == sorted(given, reverse=True)
    assert sum(given) <= 4 * tuning.path_work


def test_positions():
    assert positions(4, [(3, 0), (1, 4), (2, 5)]) == [(0, 3), (0, 2), (0, 1)]


@pytest.mark.parametrize(
    "optimize",
    [
        "auto", "auto-hq", "greedy", "eager", "opportunistic", "random-greedy", "random-greedy-128",
        "optimal", "dp", "dynamic-programming", "branch-all", "branch-2", "branch-1", 1, 0.05,
        lambda inputs, output, sizes, memory_limit=None: [(0, 1)] * (len(inputs) - 1),
    ],
)  # fmt: skip
def test_every_search_gives_the_value(optimize):
    shapes = {"A": (2, 3), "B": (3, 4), "C": (4, 5)}
    arrays = {name: np.arange(prod(shape)).reshape(shape) for name, shape in shapes.items()}
    f = ed.compile(ed.einsum("ij,jk,kl->il", "A", "B", "C"), optimize=optimize)
    assert (f(arrays) == arrays["A"] @ arrays["B"] @ arrays["C"]).all()


def test_every_name_of_opt_einsum_is_known():
    from opt_einsum.paths import _PATH_OPTIONS

    from einderiv.planning.paths import OPTIMIZERS

    assert set(_PATH_OPTIONS) <= set(OPTIMIZERS)


@pytest.mark.parametrize(
    ("optimize", "error", "match"),
    [
        (0, ed.EinderivError, "seconds that the path search may take: positive and finite, not 0"),
        (-1.5, ed.EinderivError, "not -1.5"),
        (float("nan"), ed.EinderivError, "not nan"),
        (float("inf"), ed.EinderivError, "not inf"),
        (True, TypeError, "a number of seconds or a PathOptimizer, not bool"),
        (None, TypeError, "not NoneType"),
        ("dynamic", ed.EinderivError, "no path search is called 'dynamic'"),
    ],
)
def test_other_searches_are_refused(optimize, error, match):
    with pytest.raises(error, match=match):
        ed.compile(ed.einsum("ij,jk,kl->il"), optimize=optimize)


def test_a_search_by_time_is_no_worse():
    terms, numbers = grid(3, 3, 3, size=3)
    plain, longer = search(terms, (), numbers), search(terms, (), numbers, 0.3)
    assert order_seconds(terms, (), numbers, longer) <= order_seconds(terms, (), numbers, plain)


def test_a_callers_search_is_asked_once_for_each_product():
    """As the optimizers of cotengra, it gets sets of labels, and sizes."""
    asked_for = []

    def find(inputs, output, sizes, memory_limit=None):
        asked_for.append((tuple(inputs), output, tuple(sizes.values())))
        return [(0, 1)] * (len(inputs) - 1)

    terms, numbers = regular(30)
    names = [f"A{k}" for k in range(30)]
    y = ed.einsum(*[x for name, t in zip(names, terms, strict=True) for x in (name, list(t))], [])
    shapes = {n: tuple(numbers[x] for x in t) for n, t in zip(names, terms, strict=True)}
    ed.compile((y, *ed.grad(y, names)), optimize=find).plan(**shapes)
    assert len(asked_for) == len(set(asked_for)) > 0


LETTERS = tuple(range(20))
SPREAD = [(k,) for k in LETTERS]  # no pair shares a label


@pytest.mark.parametrize(
    ("terms", "output", "sizes"),
    [
        (SPREAD, LETTERS, [2] * 20),
        (SPREAD, (), [2] * 20),
        (SPREAD, LETTERS, [1] * 20),
        (SPREAD, LETTERS, [0] * 20),
        (SPREAD, LETTERS, [2**62] * 20),
        ([()] * 20, (), []),
        ([(0,)] * 20, (0,), [5]),
        ([(k, k) for k in LETTERS], LETTERS, [3] * 20),
        ([(2 * k, 2 * k + 1) for k in range(10)] * 2, tuple(range(20)), [3] * 20),
        (train(30)[0], (), [2**62] * 90),
        (grid(3, 4, 4, size=2)[0], (), [2**62] * 104),
        ([LETTERS] * 20, LETTERS, [2**62] * 20),
    ],
)
@pytest.mark.parametrize("work", [0, 1, 5000])
def test_work_is_bounded_for_whatever_is_multiplied(terms, output, sizes, work, monkeypatch):
    """Outer products too, parts that share nothing, and sizes beyond any estimate."""
    made = []
    greedy = order_search.greedy

    def counted(*given):
        tree, spent = greedy(*given)
        made.append(spent)
        return tree, spent

    monkeypatch.setattr(order_search, "greedy", counted)
    pairs, _ = searched(terms, output, sizes, work)
    assert len(pairs) == len(terms) - 1
    assert min(made) >= len(terms) - 1
    assert sum(made) <= work + max(made)
    numbers = dict(enumerate(sizes))
    assert (
        len(search(terms, output, numbers))
        == len(search(terms, output, numbers, 0.02))
        == len(terms) - 1
    )


def product_of(terms: list[Labels], numbers: dict[int, int], prefix: str):
    """One einsum of tensors called by a prefix and a number, and their shapes."""
    names = [f"{prefix}{k}" for k in range(len(terms))]
    pairs = [x for name, term in zip(names, terms, strict=True) for x in (name, list(term))]
    shapes = {n: tuple(numbers[x] for x in t) for n, t in zip(names, terms, strict=True)}
    return ed.einsum(*pairs, []), shapes


SMALL = regular(20), regular(24)


def judged(optimize):
    """Two products in one plan: no worse than by default, right, and as often as one likes."""
    (first, shapes), (second, more) = product_of(*SMALL[0], "A"), product_of(*SMALL[1], "B")
    shapes |= more
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(-1, 2, shape) for name, shape in shapes.items()}
    expected = ed.evaluate((first, second), arrays)
    plain = ed.compile((first, second)).plan(**shapes)
    for _ in range(2):
        f = ed.compile((first, second), optimize=optimize)
        assert f(arrays) == expected
        plan = f.plan(**shapes)
        assert plan.flops < 2 * plain.flops
    return plan.notes


COTENGRA = [
    ("HyperOptimizer", {"max_repeats": 16, "parallel": False}),
    ("ReusableHyperOptimizer", {"max_repeats": 16, "parallel": False}),
    ("RandomGreedyOptimizer", {"max_repeats": 16, "parallel": False}),
    ("ReusableRandomGreedyOptimizer", {"max_repeats": 16, "parallel": False}),
    ("AutoOptimizer", {"parallel": False}),
    ("GreedyOptimizer", {}),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of cotengra, about what else is not installed
@pytest.mark.parametrize(("name", "options"), COTENGRA, ids=[name for name, _ in COTENGRA])
def test_optimizers_of_cotengra(name, options):
    """They remember what they were asked before, or take no limit of memory."""
    cotengra = pytest.importorskip("cotengra")
    assert f"order: {name}, of cotengra" in judged(getattr(cotengra, name)(**options))


@pytest.mark.parametrize(
    ("name", "options"), [("RandomGreedy", {"max_repeats": 16}), ("BranchBound", {"nbranch": 1})]
)
def test_optimizers_of_opt_einsum(name, options):
    """A random one refuses a second product, so that each gets one of its own."""
    import opt_einsum

    made = getattr(opt_einsum, name)(**options)
    assert f"order: {name}, of opt_einsum" in judged(made)


class Recorded:
    """A search of a user, with a state of its own; three arguments are enough."""

    def __init__(self):
        self.asked_for = []

    def __call__(self, inputs, output, sizes):
        self.asked_for.append(len(inputs))
        return [(0, 1)] * (len(inputs) - 1)


def test_a_search_of_a_user_keeps_its_state():
    find = Recorded()
    e = ed.einsum("ij,jk,kl->il") + ed.einsum("ij,jk,kl,lm->im", "D", "E", "F", "G")
    plan = ed.plan(e, optimize=find)
    assert sorted(find.asked_for) == [3, 4]
    assert f"order: Recorded, of {__name__.partition('.')[0]}" in plan.notes


@pytest.mark.parametrize(
    ("optimize", "said"),
    [
        ("auto", []),
        ("dynamic-programming", ["order: dp, of opt_einsum"]),
        (0.05, ["order: searched for up to 0.05 s"]),
        (2, ["order: searched for up to 2 s"]),
    ],
)
def test_a_plan_says_whose_its_order_is(optimize, said):
    assert (
        ed.plan(
            ed.einsum("ij,jk,kl->il"), {"i": 2, "j": 3, "k": 4, "l": 5}, optimize=optimize
        ).notes
        == said
    )
    # A product of two has one order.
    assert ed.plan(ed.einsum("ij,jk->ik"), {"i": 2, "j": 3, "k": 4}, optimize=optimize).notes == []


def test_symbols_are_characters_of_a_text():
    from einderiv.planning.paths import _symbols

    symbols = _symbols(40_000)
    assert len(set(symbols)) == 40_000
    assert "".join(symbols).encode("utf-8").decode("utf-8") == "".join(symbols)
