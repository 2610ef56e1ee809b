"""P14: networks, most of them with many loops: the value, and all gradients. What counts is the
order of multiplication; gradients are its path swept backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod
from string import ascii_letters
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Way, derivatives
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, sized

Edge = tuple[int, int, int]  # two tensors, and the size of the axis that they share
Network = tuple[tuple[int, ...], ...]  # the labels of each tensor


def grid(*dims: int, size: int) -> list[Edge]:
    """Each tensor has an axis in common with its neighbours in a box."""
    number = {place: k for k, place in enumerate(np.ndindex(*dims))}
    edges: list[Edge] = []
    for place, k in number.items():
        for d in range(len(dims)):
            beside = (*place[:d], place[d] + 1, *place[d + 1 :])
            if beside in number:
                edges.append((k, number[beside], size))
    return edges


def regular(count: int) -> list[Edge]:
    """Three axes at each tensor, of sizes 2 and 3: a ring, and pairs drawn at random."""
    rng = np.random.default_rng(count)
    order = rng.permutation(count)
    pairs = [(k, (k + 1) % count) for k in range(count)]
    pairs += [(int(a), int(b)) for a, b in zip(order[::2], order[1::2], strict=True)]
    return [(a, b, int(rng.integers(2, 4))) for a, b in pairs]


def trains(count: int) -> list[Edge]:
    """Two tensor trains of so many cores each, on the same legs: bonds of 8, legs of 3."""
    edges = [(k, count + k, 3) for k in range(count)]
    for first in (0, count):
        edges += [(first + k, first + k + 1, 8) for k in range(count - 1)]
    return edges


def mera(sites: int, size: int) -> list[Edge]:
    """The energy of two sites in a state of layers, which mix neighbours and then join each two
    in one: the state twice, nothing cancelled.
    """
    edges: list[Edge] = []
    count = 1  # the energy is number 0
    bottoms: list[list[int]] = []  # of each state, who has which site
    for _ in range(2):
        legs: list[int] = []  # who has the upper ends
        for n in _halved(sites):
            mixers = range(count, count + n // 2)
            joints = range(mixers.stop, mixers.stop + n // 2)
            count = joints.stop
            below = [mixers[k // 2] for k in range(n)]
            if legs:
                edges += [(a, b, size) for a, b in zip(legs, below, strict=True)]
            else:
                bottoms.append(below)
            # Joints are between the mixers.
            edges += [(mixers[((k + 1) % n) // 2], joints[k // 2], size) for k in range(n)]
            legs = list(joints)
        edges += [(leg, count, size) for leg in legs]
        count += 1
    for site, (a, b) in enumerate(zip(*bottoms, strict=True)):
        edges += [(a, 0, size), (0, b, size)] if site in (1, 2) else [(a, b, size)]
    return edges


def _halved(sites: int) -> list[int]:
    """The widths of the layers of a state, to two."""
    return [sites >> k for k in range(sites.bit_length() - 2)]


def labelled(edges: Sequence[Edge]) -> tuple[Network, tuple[int, ...]]:
    """The labels of each tensor, and the size of each label."""
    count = 1 + max(max(a, b) for a, b, _ in edges)
    labels: list[list[int]] = [[] for _ in range(count)]
    for k, (a, b, _) in enumerate(edges):
        labels[a].append(k)
        labels[b].append(k)
    return tuple(map(tuple, labels)), tuple(size for *_, size in edges)


@lru_cache
def order(network: Network, sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The best of 32 random orders of opt_einsum's."""
    import opt_einsum

    search = opt_einsum.RandomGreedy(max_repeats=32)
    terms = [frozenset(map(str, labels)) for labels in network]
    numbers = {str(k): size for k, size in enumerate(sizes)}
    return [tuple(sorted(pair)) for pair in search(terms, frozenset(), numbers)]


def forks(network: Network, sizes: tuple[int, ...]) -> list[tuple[int, int, tuple[int, ...]]]:
    """The pairs by number, a product having the next one, and the labels that it keeps."""
    labels = list(network)
    left = list(range(len(network)))
    found = []
    for i, j in order(network, sizes):
        b, a = left.pop(j), left.pop(i)
        kept = tuple(sorted(set(labels[a]) ^ set(labels[b])))  # a label is on two tensors
        found.append((a, b, kept))
        left.append(len(labels))
        labels.append(kept)
    return found


def text(*terms: Sequence[int]) -> str:
    """Labels as an einsum string; the last term is the output."""
    names: dict[int, str] = {}
    words = []
    for term in terms:
        words.append("".join([names.setdefault(x, ascii_letters[len(names)]) for x in term]))
    return f"{','.join(words[:-1])}->{words[-1]}"


def model(network: Network, sizes: tuple[int, ...], xp: Any, *arrays: Any) -> Any:
    """The value, pair by pair."""
    values, labels = list(arrays), list(network)
    for a, b, kept in forks(network, sizes):
        values.append(xp.einsum(text(labels[a], labels[b], kept), values[a], values[b]))
        labels.append(kept)
    return values[-1]


def multiplied(network: Network, sizes: tuple[int, ...], *arrays: Any) -> list[Any]:
    """The operands, and the product of each pair, by NumPy."""
    values, labels = list(arrays), list(network)
    for a, b, kept in forks(network, sizes):
        spec = text(labels[a], labels[b], kept)
        values.append(np.einsum(spec, values[a], values[b], optimize=True))
        labels.append(kept)
    return values


def last(network: Network, sizes: tuple[int, ...], *arrays: Any) -> Any:
    """The value."""
    return multiplied(network, sizes, *arrays)[-1]


def swept(network: Network, sizes: tuple[int, ...], *arrays: Any) -> list[Any]:
    """All gradients along the pairs of the value, from the last one to the first."""
    pairs = forks(network, sizes)
    values = multiplied(network, sizes, *arrays)
    labels = [*network, *(kept for *_, kept in pairs)]
    around: dict[int, Any] = {len(values) - 1: np.array(1.0)}
    for k in range(len(values) - 1, len(network) - 1, -1):
        a, b, kept = pairs[k - len(network)]
        for part, other in ((a, b), (b, a)):
            spec = text(kept, labels[other], labels[part])
            around[part] = np.einsum(spec, around[k], values[other], optimize=True)
    return [around[k] for k in range(len(network))]


def expression(network: Network) -> ed.Expr:
    """One einsum of all tensors."""
    arguments: list[object] = []
    for k, labels in enumerate(network):
        arguments += [ed.tensor(f"T{k}", (None,) * len(labels)), labels]
    return ed.einsum(*arguments, [])


def arrays_of(network: Network, sizes: tuple[int, ...]) -> Arrays:
    """Scaled so that the value stays near one."""
    rng = np.random.default_rng(0)
    arrays = {}
    for k, labels in enumerate(network):
        shape = tuple(sizes[x] for x in labels)
        arrays[f"T{k}"] = prod(shape) ** -0.25 * rng.normal(size=shape)
    return arrays


def by_opt_einsum(network: Network, sizes: tuple[int, ...]) -> Way:
    """A contraction of opt_einsum, planned before."""

    def prepare(arrays: Arrays) -> Call:
        import opt_einsum

        symbols = ["".join(map(opt_einsum.get_symbol, labels)) for labels in network]
        operands = [arrays[f"T{k}"] for k in range(len(network))]
        shapes = [a.shape for a in operands]
        path = order(network, sizes)
        run = opt_einsum.contract_expression(f"{','.join(symbols)}->", *shapes, optimize=path)
        return partial(run, *operands)

    return prepare


def forward(network: Network) -> Way:
    """The value alone, compiled."""

    def prepare(arrays: Arrays) -> Call:
        f = ed.compile(expression(network))
        f(arrays)
        return partial(f, arrays)

    return prepare


def value(edges: Sequence[Edge]) -> Problem:
    """The number that the network is."""
    network, sizes = labelled(edges)
    return Problem(
        arrays=arrays_of(network, sizes),
        ours=lambda: expression(network),
        hand=partial(last, network, sizes),
        rivals={"opt_einsum": by_opt_einsum(network, sizes)},
    )


def gradients(edges: Sequence[Edge]) -> Problem:
    """The gradients by all tensors; and the value alone, which they are measured by."""
    network, sizes = labelled(edges)
    names = [f"T{k}" for k in range(len(network))]
    return Problem(
        arrays=arrays_of(network, sizes),
        ours=lambda: ed.grad(expression(network), names),
        hand=partial(swept, network, sizes),
        rivals=derivatives("grad", partial(model, network, sizes), tuple(range(len(names)))),
        also={"einderiv.forward": forward(network)},
    )


GRIDS = sized((2, 2, 2, 2), (2, 3, 3, 2), (3, 4, 4, 2), (4, 4, 4, 2))
REGULAR = sized(8, 20, 60, 100)
TRAINS = sized(3, 10, 30, 60)
MERA = sized((4, 2), (8, 2), (16, 3), (32, 2))

FAMILY = family(
    "P14",
    "networks with loops, trains, MERA, 6 to 125 tensors",
    Case("grid, value", GRIDS, lambda a, b, c, size: value(grid(a, b, c, size=size))),
    Case("grid, all gradients", GRIDS, lambda a, b, c, size: gradients(grid(a, b, c, size=size))),
    Case("3-regular, value", REGULAR, lambda count: value(regular(count))),
    Case("3-regular, all gradients", REGULAR, lambda count: gradients(regular(count))),
    Case("two trains, value", TRAINS, lambda count: value(trains(count))),
    Case("two trains, all gradients", TRAINS, lambda count: gradients(trains(count))),
    Case("MERA, value", MERA, lambda sites, size: value(mera(sites, size))),
    Case("MERA, all gradients", MERA, lambda sites, size: gradients(mera(sites, size))),
)
