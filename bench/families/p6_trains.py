"""P6: matrix product states and tensor trains: all gradients at once, which are the environments
of the cores.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Call, Case, Family, Problem, sized
from ..rivals import derivatives


def shapes(cores: int, bond: int, physical: int) -> list[tuple[int, ...]]:
    """The first core has no left bond, the last no right one."""
    middle = (bond, physical, bond)
    return [(physical, bond), *[middle] * (cores - 2), (bond, physical)]


def states(cores: int, bond: int, physical: int) -> Arrays:
    """The cores of two states, scaled so that the overlap of 60 stays near one."""
    rng, scale = np.random.default_rng(0), (bond * np.sqrt(physical)) ** -0.5
    return {
        f"{name}{k}": scale * rng.normal(size=shape)
        for name in "AB"
        for k, shape in enumerate(shapes(cores, bond, physical))
    }


def train(cores: int, bond: int, physical: int) -> Arrays:
    """A tensor train, and a vector for each of its legs."""
    rng, scale = np.random.default_rng(0), (bond * physical) ** -0.5
    arrays = {
        f"G{k}": scale * rng.normal(size=shape)
        for k, shape in enumerate(shapes(cores, bond, physical))
    }
    return {**arrays, **{f"v{k}": rng.normal(size=(physical,)) for k in range(cores)}}


def chained(operands: list[tuple[str, int, list[int]]]) -> ed.Expr:
    """One einsum of named tensors, each with the numbers of its labels, summed to a number."""
    arguments: list[object] = []
    for name, ndim, labels in operands:
        arguments += [ed.tensor(name, (None,) * ndim), labels]
    return ed.einsum(*arguments, [])


def overlap(cores: int) -> ed.Expr:
    """⟨A|B⟩: bonds of A are 0 …, of B from `cores`, legs from 2 · `cores`."""
    operands = []
    for k in range(cores):
        for start, name in ((0, "A"), (cores, "B")):
            left, right = [start + k] * (k > 0), [start + k + 1] * (k < cores - 1)
            operands.append(
                (f"{name}{k}", 1 + len(left) + len(right), [*left, 2 * cores + k, *right])
            )
    return chained(operands)


def contracted_train(cores: int) -> ed.Expr:
    """The train with a vector on each leg."""
    operands = []
    for k in range(cores):
        left, right = [k] * (k > 0), [k + 1] * (k < cores - 1)
        operands.append((f"G{k}", 1 + len(left) + len(right), [*left, cores + k, *right]))
        operands.append((f"v{k}", 1, [cores + k]))
    return chained(operands)


def model(cores: int, xp: Any, *arrays: Any) -> Any:
    """⟨A|B⟩ from left to right, products of matrices only."""
    A, B = arrays[:cores], arrays[cores:]
    E = A[0].T @ B[0]
    for a, b in zip(A[1:-1], B[1:-1], strict=True):
        left, p, right = a.shape
        t = (E.T @ a.reshape(left, p * right)).reshape(-1, right)
        E = t.T @ b.reshape(-1, b.shape[2])
    return xp.sum((E.T @ A[-1]) * B[-1])


def train_model(cores: int, xp: Any, *arrays: Any) -> Any:
    """The train from left to right; the vectors are absorbed first."""
    G, v = arrays[:cores], arrays[cores:]
    row = v[0] @ G[0]
    for g, x in zip(G[1:-1], v[1:-1], strict=True):
        row = row @ xp.einsum("apb,p->ab", g, x)
    return xp.sum(row * (G[-1] @ v[-1]))


def environments_by_hand(cores: int, *arrays: Any) -> list[Any]:
    """One sweep to the right that keeps what it passes, one back to the left."""
    A, B = arrays[:cores], arrays[cores:]
    lefts: list[Any] = [None, A[0].T @ B[0]]
    for a, b in zip(A[1:-1], B[1:-1], strict=True):
        t = (lefts[-1].T @ a.reshape(len(a), -1)).reshape(-1, a.shape[2])
        lefts.append(t.T @ b.reshape(-1, b.shape[2]))
    found = [lefts[-1] @ B[-1]]
    right = A[-1] @ B[-1].T
    for k in range(cores - 2, 0, -1):
        a, b = A[k], B[k]
        t = (b.reshape(-1, b.shape[2]) @ right.T).reshape(len(b), -1)
        found.append((lefts[k] @ t).reshape(a.shape))
        right = a.reshape(len(a), -1) @ t.T
    found.append(B[0] @ right.T)
    return found[::-1]


def train_by_hand(cores: int, *arrays: Any) -> list[Any]:
    """Vectors absorbed, one sweep each way, an outer product at each core."""
    G, v = arrays[:cores], arrays[cores:]
    matrices = [np.tensordot(x, g, (0, 1)) for g, x in zip(G[1:-1], v[1:-1], strict=True)]
    rows = [v[0] @ G[0]]
    for m in matrices:
        rows.append(rows[-1] @ m)
    column = G[-1] @ v[-1]
    found = [np.multiply.outer(rows[-1], v[-1])]
    for k in range(cores - 2, 0, -1):
        found.append(np.multiply.outer(np.multiply.outer(rows[k - 1], v[k]), column))
        column = matrices[k - 1] @ column
    found.append(np.multiply.outer(v[0], column))
    return found[::-1]


def value(make: Any, cores: int) -> Any:
    """The value alone, compiled: what all gradients are measured by."""

    def prepare(arrays: Arrays) -> Call:
        f = ed.compile(make(cores))
        f(**arrays)
        return partial(f, **arrays)

    return prepare


def into(make: Any, wrt: list[str]) -> Any:
    """All gradients, into arrays that are there already: fresh memory costs more than what is
    written into it.
    """

    def prepare(arrays: Arrays) -> Call:
        f = ed.compile(ed.grad(make, wrt))
        out = [np.empty_like(arrays[name]) for name in wrt]
        f(arrays, out=out)
        return partial(f, arrays, out=out)

    return prepare


def one_by_one(cores: int) -> Any:
    """A contraction of opt_einsum for each core: the train without it, on a path that is found
    beforehand.
    """

    def prepare(arrays: Arrays) -> Call:
        import opt_einsum as oe

        calls = []
        for k in range(cores):
            names, arguments = [], []
            for j in range(cores):
                bonds = [j] * (j > 0), [j + 1] * (j < cores - 1)
                if j != k:
                    names.append(f"G{j}")
                    arguments.append(tuple(map(oe.get_symbol, (*bonds[0], cores + j, *bonds[1]))))
                names.append(f"v{j}")
                arguments.append((oe.get_symbol(cores + j),))
            out = map(oe.get_symbol, [*[k] * (k > 0), cores + k, *[k + 1] * (k < cores - 1)])
            text = f"{','.join(map(''.join, arguments))}->{''.join(out)}"
            calls.append(
                (
                    oe.contract_expression(text, *(arrays[n].shape for n in names)),
                    [arrays[n] for n in names],
                )
            )
        return lambda: [f(*given) for f, given in calls]

    return prepare


def overlap_gradients(cores: int, bond: int, physical: int) -> Problem:
    """By all cores of A."""
    wrt = [f"A{k}" for k in range(cores)]
    return Problem(
        states(cores, bond, physical),
        lambda: ed.grad(overlap(cores), wrt),
        partial(environments_by_hand, cores),
        derivatives("grad", partial(model, cores), tuple(range(cores))),
        also={"einderiv.forward": value(overlap, cores), "einderiv.out": into(overlap(cores), wrt)},
    )


def train_gradients(cores: int, bond: int, physical: int) -> Problem:
    """By all cores of the train."""
    wrt = [f"G{k}" for k in range(cores)]
    return Problem(
        train(cores, bond, physical),
        lambda: ed.grad(contracted_train(cores), wrt),
        partial(train_by_hand, cores),
        derivatives("grad", partial(train_model, cores), tuple(range(cores))),
        also={
            "einderiv.forward": value(contracted_train, cores),
            "einderiv.out": into(contracted_train(cores), wrt),
            "opt_einsum.each": one_by_one(cores),
        },
    )


FAMILY = Family(
    "P6",
    "matrix product states and tensor trains, 20 to 60 cores",
    (
        Case(
            "P6",
            "all gradients of an overlap",
            overlap_gradients,
            sized((4, 3, 2), (20, 4, 2), (60, 16, 2), (60, 64, 4)),
        ),
        Case(
            "P6",
            "all gradients of a train",
            train_gradients,
            sized((4, 3, 2), (20, 4, 2), (60, 16, 4), (60, 64, 8)),
        ),
    ),
)
