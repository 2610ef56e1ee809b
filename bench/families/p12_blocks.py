"""P12: arrays of Dask, computed in this thread: our plan against ``da.einsum`` and opt_einsum on
the same arrays.

By hand are the same blocks in a loop of NumPy, so what is over 1 is Dask's: its tasks, and joining
the blocks. At the large size a block has 104 to 111 MB.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Call, Case, Family, Problem, normal, sized

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


def way(
    run: Callable[..., Any], einsum: Callable[..., Any], chunk: int
) -> Callable[[Arrays], Call]:
    """A rival's, by its einsum."""

    def prepare(arrays: Arrays) -> Call:
        given = lazy(arrays, chunk)
        return lambda: computed(run(einsum, **given))

    return prepare


def three(einsum: Callable[..., Any], A: Any, B: Any, C: Any) -> Any:
    """A product of three."""
    return einsum(THREE, A, B, C)


def three_by_hand(chunk: int, A: Any, B: Any, C: Any) -> Any:
    """Block by block."""
    found = np.empty((A.shape[0], C.shape[1]))
    cuts = [slice(k, k + chunk) for k in range(0, A.shape[0], chunk)]
    inner = [slice(k, k + chunk) for k in range(0, B.shape[1], chunk)]
    for i in cuts:
        rows = [sum(A[i, j] @ B[j, k] for j in cuts) for k in inner]
        for x in cuts:
            found[i, x] = sum(t @ C[k, x] for t, k in zip(rows, inner, strict=True))
    return found


def cp(einsum: Callable[..., Any], T: Any, A: Any, B: Any, C: Any) -> Any:
    """The gradient as one writes it."""
    return 2 * einsum("ijk,jr,kr->ir", einsum("ir,jr,kr->ijk", A, B, C) - T, B, C)


def cp_by_hand(chunk: int, T: Any, A: Any, B: Any, C: Any) -> Any:
    """Block by block, the products of the factors in small."""
    found = A @ ((B.T @ B) * (C.T @ C))
    cuts = [slice(k, k + chunk) for k in range(0, T.shape[0], chunk)]
    for i in cuts:
        for j in cuts:
            for k in cuts:
                found[i] -= np.einsum("ijr,jr->ir", T[i, j, k] @ C[k], B[j])
    return 2 * found


def make_three(n: int, rank: int, chunk: int) -> Problem:
    """The seed's product, n by n with a middle of `rank`."""
    arrays = normal(A=(n, n), B=(n, rank), C=(rank, n))
    return Problem(
        arrays,
        ours(ed.einsum(THREE), arrays, chunk),
        partial(three_by_hand, chunk),
        kind="call",
        rivals={
            "dask.einsum": way(three, by_dask, chunk),
            "opt_einsum.dask": way(three, by_opt_einsum, chunk),
        },
    )


def make_cp(n: int, rank: int, chunk: int) -> Problem:
    """CP of a cube by its first factor."""
    arrays = normal(T=(n, n, n), A=(n, rank), B=(n, rank), C=(n, rank))
    rivals = {
        "dask.einsum": way(cp, by_dask, chunk),
        "opt_einsum.dask": way(cp, by_opt_einsum, chunk),
    }
    many = n > 200  # their graphs have 50 000 tasks and more there: 10 and 29 seconds
    return Problem(
        arrays,
        ours(ed.grad(ed.parse(LOSS), "A"), arrays, chunk),
        partial(cp_by_hand, chunk),
        kind="call",
        rivals={} if many else rivals,
        skipped=dict.fromkeys(
            rivals, "left out: a graph of 50 000 tasks or more, ten seconds and more"
        )
        if many
        else {},
    )


CASES = (
    Case(
        "P12",
        "three matrices",
        make_three,
        sized((12, 9, 4), (240, 240, 80), (1200, 1200, 400), (7200, 64, 3600)),
    ),
    Case(
        "P12", "CP gradient", make_cp, sized((8, 2, 4), (48, 8, 16), (120, 16, 40), (480, 16, 240))
    ),
)
FAMILY = Family("P12", "Arrays of Dask", CASES, needs="dask")
