"""P6: matrix product states and tensor trains: all gradients at once, which are the environments
of the cores.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Way, derivatives
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, sized


def shapes(cores: int, bond: int, physical: int) -> list[tuple[int, ...]]:
    """The first core has no left bond, the last no right one."""
    middle = (bond, physical, bond)
    return [(physical, bond), *[middle] * (cores - 2), (bond, physical)]


def states(cores: int, bond: int, physical: int) -> Arrays:
    """The cores of two states, scaled so that the overlap of 60 stays near one."""
    rng = np.random.default_rng(0)
    scale = (bond * np.sqrt(physical)) ** -0.5
    arrays = {}
    for name in "AB":
        for k, shape in enumerate(shapes(cores, bond, physical)):
            arrays[f"{name}{k}"] = scale * rng.normal(size=shape)
    return arrays


def train(cores: int, bond: int, physical: int) -> Arrays:
    """A tensor train, and a vector for each of its legs."""
    rng = np.random.default_rng(0)
    scale = (bond * physical) ** -0.5
    arrays = {}
    for k, shape in enumerate(shapes(cores, bond, physical)):
        arrays[f"G{k}"] = scale * rng.normal(size=shape)
    for k in range(cores):
        arrays[f"v{k}"] = rng.normal(size=(physical,))
    return arrays


def named(name: str, cores: int) -> list[str]:
    """The names of all cores."""
    return [f"{name}{k}" for k in range(cores)]


def core_labels(k: int, cores: int, leg: int, bonds: int = 0) -> list[int]:
    """The labels of core k: its bond to the left, its leg, its bond to the right; `bonds` is the
    number of the first bond.
    """
    left = [bonds + k] if k > 0 else []
    right = [bonds + k + 1] if k < cores - 1 else []
    return [*left, leg, *right]


def chained(operands: list[tuple[str, list[int]]]) -> ed.Expr:
    """One einsum of named tensors, each with its labels, summed to a number."""
    arguments: list[object] = []
    for name, labels in operands:
        arguments += [ed.tensor(name, (None,) * len(labels)), labels]
    return ed.einsum(*arguments, [])


def overlap(cores: int) -> ed.Expr:
    """⟨A|B⟩: bonds of A are 0 …, of B from `cores`, legs from 2 · `cores`."""
    operands = []
    for k in range(cores):
        leg = 2 * cores + k
        operands.append((f"A{k}", core_labels(k, cores, leg)))
        operands.append((f"B{k}", core_labels(k, cores, leg, bonds=cores)))
    return chained(operands)


def contracted_train(cores: int) -> ed.Expr:
    """The train with a vector on each leg: bonds are 0 …, legs from `cores`."""
    operands = []
    for k in range(cores):
        leg = cores + k
        operands.append((f"G{k}", core_labels(k, cores, leg)))
        operands.append((f"v{k}", [leg]))
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
    lefts: list[Any] = [None, A[0].T @ B[0]]  # all that stands to the left of core k
    for a, b in zip(A[1:-1], B[1:-1], strict=True):
        t = (lefts[-1].T @ a.reshape(len(a), -1)).reshape(-1, a.shape[2])
        lefts.append(t.T @ b.reshape(-1, b.shape[2]))
    gradients = [lefts[-1] @ B[-1]]
    right = A[-1] @ B[-1].T
    for k in range(cores - 2, 0, -1):
        a, b = A[k], B[k]
        t = (b.reshape(-1, b.shape[2]) @ right.T).reshape(len(b), -1)
        gradients.append((lefts[k] @ t).reshape(a.shape))
        right = a.reshape(len(a), -1) @ t.T
    gradients.append(B[0] @ right.T)
    return gradients[::-1]


def train_by_hand(cores: int, *arrays: Any) -> list[Any]:
    """Vectors absorbed, one sweep each way, an outer product at each core."""
    G, v = arrays[:cores], arrays[cores:]
    matrices = [np.tensordot(x, g, (0, 1)) for g, x in zip(G[1:-1], v[1:-1], strict=True)]
    rows = [v[0] @ G[0]]
    for matrix in matrices:
        rows.append(rows[-1] @ matrix)
    column = G[-1] @ v[-1]
    gradients = [np.multiply.outer(rows[-1], v[-1])]
    for k in range(cores - 2, 0, -1):
        left = np.multiply.outer(rows[k - 1], v[k])
        gradients.append(np.multiply.outer(left, column))
        column = matrices[k - 1] @ column
    gradients.append(np.multiply.outer(v[0], column))
    return gradients[::-1]


def value(make: Callable[[], ed.Expr]) -> Way:
    """The value alone, compiled: what all gradients are measured by."""

    def prepare(arrays: Arrays) -> Call:
        f = ed.compile(make())
        f(**arrays)
        return partial(f, **arrays)

    return prepare


def into(e: ed.Expr, wrt: list[str]) -> Way:
    """All gradients, into arrays that are there already: fresh memory costs more than what is
    written into it.
    """

    def prepare(arrays: Arrays) -> Call:
        f = ed.compile(ed.grad(e, wrt))
        out = [np.empty_like(arrays[name]) for name in wrt]
        f(arrays, out=out)
        return partial(f, arrays, out=out)

    return prepare


def one_by_one(cores: int) -> Way:
    """A contraction of opt_einsum for each core: the train without it, on a path that is found
    beforehand.
    """

    def prepare(arrays: Arrays) -> Call:
        calls = [without(k, arrays) for k in range(cores)]
        return lambda: [call() for call in calls]

    def without(left_out: int, arrays: Arrays) -> Call:
        import opt_einsum

        operands, texts = [], []
        for k in range(cores):
            if k != left_out:
                operands.append(arrays[f"G{k}"])
                texts.append(symbols(core_labels(k, cores, cores + k)))
            operands.append(arrays[f"v{k}"])
            texts.append(symbols([cores + k]))
        output = symbols(core_labels(left_out, cores, cores + left_out))
        text = f"{','.join(texts)}->{output}"
        run = opt_einsum.contract_expression(text, *(a.shape for a in operands))
        return partial(run, *operands)

    return prepare


def symbols(labels: list[int]) -> str:
    """Labels as opt_einsum's letters."""
    import opt_einsum

    return "".join(map(opt_einsum.get_symbol, labels))


FAMILY = family(
    "P6",
    "matrix product states and tensor trains, 20 to 60 cores",
    # By all cores of A.
    Case(
        "all gradients of an overlap",
        sized((4, 3, 2), (20, 4, 2), (60, 16, 2), (60, 64, 4)),
        lambda cores, bond, physical: Problem(
            arrays=states(cores, bond, physical),
            ours=lambda: ed.grad(overlap(cores), named("A", cores)),
            hand=partial(environments_by_hand, cores),
            rivals=derivatives("grad", partial(model, cores), tuple(range(cores))),
            also={
                "einderiv.forward": value(lambda: overlap(cores)),
                "einderiv.out": into(overlap(cores), named("A", cores)),
            },
        ),
    ),
    # By all cores of the train.
    Case(
        "all gradients of a train",
        sized((4, 3, 2), (20, 4, 2), (60, 16, 4), (60, 64, 8)),
        lambda cores, bond, physical: Problem(
            arrays=train(cores, bond, physical),
            ours=lambda: ed.grad(contracted_train(cores), named("G", cores)),
            hand=partial(train_by_hand, cores),
            rivals=derivatives("grad", partial(train_model, cores), tuple(range(cores))),
            also={
                "einderiv.forward": value(lambda: contracted_train(cores)),
                "einderiv.out": into(contracted_train(cores), named("G", cores)),
                "opt_einsum.each": one_by_one(cores),
            },
        ),
    ),
)
