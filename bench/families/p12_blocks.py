"""P12: arrays of Dask, computed in this thread: our plan against ``da.einsum`` and opt_einsum on
the same arrays.

By hand are the same blocks in a loop of NumPy, so what is over 1 is Dask's: its tasks, and joining
the blocks. At the large size a block has 104 to 111 MB.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Way
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, normal, sized

THREE = "ij,jk,kl->il"
LOSS = "T: ijk\nA: ir\nB: jr\nC: kr\nsum((T - einsum('ir,jr,kr->ijk', A, B, C))**2)"


def lazy(arrays: Arrays, chunk: int) -> Arrays:
    """The same as arrays of Dask."""
    import dask.array as da

    return {name: da.from_array(a, chunks=chunk) for name, a in arrays.items()}


def computed(result: Any) -> Any:
    """A result, in this thread."""
    return result.compute(scheduler="synchronous")


def ours(e: ed.Expr, arrays: Arrays, chunk: int) -> Call:
    """The graph is made anew in every call, as theirs is."""
    f, given = ed.compile(e, backend="dask"), lazy(arrays, chunk)
    return lambda: computed(f(given))


def by_dask(*operands: Any) -> Any:
    """Dask's einsum, each block by NumPy's path."""
    import dask.array as da

    with warnings.catch_warnings():  # of its own chunks, in every call
        warnings.simplefilter("ignore")
        return da.einsum(*operands, optimize=True)


def by_opt_einsum(*operands: Any) -> Any:
    """Pair by pair."""
    import opt_einsum

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return opt_einsum.contract(*operands)


def rivals(run: Callable[..., Any], chunk: int) -> dict[str, Way]:
    """Both, each with its own einsum."""

    def way(einsum: Callable[..., Any]) -> Way:
        def prepare(arrays: Arrays) -> Call:
            given = lazy(arrays, chunk)
            return lambda: computed(run(einsum, **given))

        return prepare

    return {"dask.einsum": way(by_dask), "opt_einsum.dask": way(by_opt_einsum)}


def cuts(length: int, chunk: int) -> list[slice]:
    """An axis in blocks."""
    return [slice(start, start + chunk) for start in range(0, length, chunk)]


def three(einsum: Callable[..., Any], A: Any, B: Any, C: Any) -> Any:
    """A product of three."""
    return einsum(THREE, A, B, C)


def three_by_hand(chunk: int, A: Any, B: Any, C: Any) -> Any:
    """Block by block."""
    result = np.empty((A.shape[0], C.shape[1]))
    outer, inner = cuts(A.shape[0], chunk), cuts(B.shape[1], chunk)
    for i in outer:
        rows = []
        for k in inner:
            rows.append(sum(A[i, j] @ B[j, k] for j in outer))
        for j in outer:
            result[i, j] = sum(row @ C[k, j] for row, k in zip(rows, inner, strict=True))
    return result


def cp(einsum: Callable[..., Any], T: Any, A: Any, B: Any, C: Any) -> Any:
    """The gradient as one writes it."""
    return 2 * einsum("ijk,jr,kr->ir", einsum("ir,jr,kr->ijk", A, B, C) - T, B, C)


def cp_by_hand(chunk: int, T: Any, A: Any, B: Any, C: Any) -> Any:
    """Block by block, the products of the factors in small."""
    half = A @ ((B.T @ B) * (C.T @ C))
    blocks = cuts(T.shape[0], chunk)
    for i, j, k in product(blocks, repeat=3):
        half[i] -= np.einsum("ijr,jr->ir", T[i, j, k] @ C[k], B[j])
    return 2 * half


def three_matrices(n: int, rank: int, chunk: int) -> Problem:
    """The seed's product, n by n with a middle of `rank`."""
    arrays = normal(A=(n, n), B=(n, rank), C=(rank, n))
    return Problem(
        arrays=arrays,
        ours=ours(ed.einsum(THREE), arrays, chunk),
        hand=partial(three_by_hand, chunk),
        rivals=rivals(three, chunk),
        kind="call",
    )


def cp_gradient(n: int, rank: int, chunk: int) -> Problem:
    """CP of a cube by its first factor."""
    arrays = normal(T=(n, n, n), A=(n, rank), B=(n, rank), C=(n, rank))
    theirs = rivals(cp, chunk)
    too_long = "left out: a graph of 50 000 tasks or more, ten seconds and more"
    return Problem(
        arrays=arrays,
        ours=ours(ed.grad(ed.parse(LOSS), "A"), arrays, chunk),
        hand=partial(cp_by_hand, chunk),
        rivals=theirs,
        kind="call",
        skipped=dict.fromkeys(theirs, too_long) if n > 200 else {},
    )


FAMILY = family(
    "P12",
    "Arrays of Dask",
    Case(
        "three matrices",
        sized((12, 9, 4), (240, 240, 80), (1200, 1200, 400), (7200, 64, 3600)),
        three_matrices,
    ),
    Case(
        "CP gradient",
        sized((8, 2, 4), (48, 8, 16), (120, 16, 40), (480, 16, 240)),
        cp_gradient,
    ),
    needs="dask",
)
