"""P14: networks with many loops: the value, and all gradients. What counts is the order of
multiplication; gradients are its path swept backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Call, Case, Problem, Way, family, sized
from ..rivals import derivatives

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
        words.append("".join([names.setdefault(x, chr(ord("a") + len(names))) for x in term]))
    return f"{','.join(words[:-1])}->{words[-1]}"


def model(network: Network, sizes: tuple[int, ...], xp: Any, *arrays: Any) -> Any:
    """The value, pair by pair."""
    values, labels = list(arrays), list(network)
    for a, b, kept in forks(network, sizes):
        values.append(xp.einsum(text(labels[a], labels[b], kept), values[a], values[b]))
        labels.append(kept)
    return values[-1]


def swept(network: Network, sizes: tuple[int, ...], *arrays: Any) -> list[Any]:
    """All gradients along the pairs of the value, from the last one to the first."""
    values, labels = list(arrays), list(network)
    pairs = forks(network, sizes)
    for a, b, kept in pairs:
        spec = text(labels[a], labels[b], kept)
        values.append(np.einsum(spec, values[a], values[b], optimize=True))
        labels.append(kept)
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
        hand=partial(model, network, sizes, np),
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

FAMILY = family(
    "P14",
    "networks with loops, 8 to 100 tensors",
    Case("grid, value", GRIDS, lambda a, b, c, size: value(grid(a, b, c, size=size))),
    Case("grid, all gradients", GRIDS, lambda a, b, c, size: gradients(grid(a, b, c, size=size))),
    Case("3-regular, value", REGULAR, lambda count: value(regular(count))),
    Case("3-regular, all gradients", REGULAR, lambda count: gradients(regular(count))),
)
