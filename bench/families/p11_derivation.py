"""P11: how long deriving and planning take. No array is touched; the aims are absolute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, sized
from .p6_trains import contracted_train, named
from .p9_contractions import chain as chain_text

OPERANDS = sized(10, 10, 100, 1000)


def timed(
    run: Callable[[], Any], seen: Callable[[Any], Any], expected: Any, aim: float | None = None
) -> Problem:
    """A call of ours. What is `seen` of its result must be what is expected; `aim` is in
    seconds.
    """
    found = seen(run())
    if found != expected:
        raise AssertionError(f"derived {found!r} instead of {expected!r}")
    return Problem(arrays={}, ours=run, hand=None, kind="call", aim=aim)


def matrices(n: int) -> ed.Expr:
    """A product of n matrices."""
    arguments: list[object] = []
    for k in range(n):
        arguments += [ed.tensor(f"M{k}", (None, None)), [k, k + 1]]
    return ed.einsum(*arguments, [0, n])


def letters(n: int) -> Problem:
    """A string of n matrices by the one in the middle: the identities go into the labels, so n − 1
    operands are left.
    """
    text = chain_text(n)
    return timed(
        run=lambda: ed.derive(text, n // 2).subscripts,
        seen=lambda subscripts: subscripts.count(","),
        expected=n - 2,
        aim=3e-3,
    )


def chain(n: int) -> Problem:
    """The same without letters: interleaved are n − 1 operands, their labels, and the output."""
    e = matrices(n)
    return timed(
        run=lambda: ed.derive(e, f"M{n // 2}").interleaved,
        seen=len,
        expected=2 * (n - 1) + 1,
    )


def train(n: int) -> Problem:
    """All gradients of a tensor train of n operands: n / 2 cores, each with a vector."""
    e = contracted_train(n // 2)
    cores = named("G", n // 2)
    return timed(
        run=lambda: [gradient.interleaved for gradient in ed.grad(e, cores)],
        seen=len,
        expected=n // 2,
        aim=50e-3 if n <= 120 else None,
    )


def residual(layers: int) -> Problem:
    """The gradient of a residual net: h + W tanh(h), again and again."""
    h: ed.Expr = ed.tensor("h", "i")
    for k in range(layers):
        h = h + ed.tensor(f"W{k}", "ij") @ ed.tanh(h)
    y = ed.sum(h)
    return timed(
        run=lambda: ed.grad(y, "h"),
        seen=lambda gradient: gradient.ndim,
        expected=1,
        aim=0.5 * layers / 160,
    )


def relu_hessian(layers: int) -> Problem:
    """The Hessian of a network by its first layer, derived and read."""
    h: ed.Expr = ed.einsum("bi,oi->bo", "x", "W0")
    for k in range(1, layers):
        h = ed.einsum("bi,oi->bo", ed.relu(h), f"W{k}")
    y = ed.sum(ed.logsumexp(h, 1)) - ed.einsum("bo,bo->", "labels", h)
    return timed(
        run=lambda: [term.compact for term in ed.hessian(y, "W0").terms],
        seen=len,
        expected=2,
    )


def planning(n: int) -> Problem:
    """The plan of a product of n matrices, and opt_einsum's path for it beside it."""
    e = matrices(n)
    shapes = {f"M{k}": (8 + k % 5, 8 + (k + 1) % 5) for k in range(n)}

    def path(_: Arrays) -> Call:
        import opt_einsum

        symbols = [opt_einsum.get_symbol(k) for k in range(n + 1)]
        operands = ",".join(symbols[k] + symbols[k + 1] for k in range(n))
        text = f"{operands}->{symbols[0]}{symbols[n]}"
        return lambda: opt_einsum.contract_path(text, *shapes.values(), shapes=True)

    problem = timed(
        run=lambda: ed.compile(e).plan(shapes),
        seen=lambda plan: "contract" in str(plan),
        expected=True,
    )
    return replace(problem, also={"opt_einsum": path})


def fresh(make: Callable[[int], ed.Expr], arrays: list[Any], rank: int) -> Problem:
    """An expression that nobody has seen, for its labels are new in each call: written, derived,
    planned, emitted and run on x0, x1, … . The value has `rank` axes.
    """
    numbers = count()
    operands = {f"x{k}": array for k, array in enumerate(arrays)}

    def run() -> Any:
        return ed.evaluate(make(next(numbers)), operands)

    return timed(run, seen=lambda value: value.ndim, expected=rank, aim=1e-3)


def seed_by_first(number: int) -> Any:
    """The derivative of three matrices by the first."""
    i, s, j = (f"{word}{number}" for word in ("row", "middle", "column"))
    y = ed.einsum(f"{i} {s}, {s} t, t {j} -> {i} {j}", "x0", "x1", "x2")
    return ed.derive(y, 0)


def quadratic_form(number: int) -> ed.Expr:
    """xᵀAx, whose gradient and Hessian are asked for: x is x1, A is x0."""
    i, j = f"row{number}", f"middle{number}"
    return ed.einsum(f"{i}, {i} {j}, {j} ->", "x1", "x0", "x1")


DERIVATIVES: dict[int, Any] = {1: ed.grad, 2: ed.hessian}
MATRIX, VECTOR = np.ones((3, 3)), np.ones(3)
FAMILY = family(
    "P11",
    "derivation and planning, 10 to 1000 operands",
    # Parsed, derived, printed.
    Case(
        "three matrices by the first",
        sized(3, 3),
        lambda _: timed(
            run=lambda: ed.derive("is,st,tj->ij", 0).subscripts,
            seen=str,
            expected="ia,bt,tj->ijab",
            aim=300e-6,
        ),
    ),
    Case("a string of 40 matrices by one", sized(10, 40), letters),
    Case(
        "first value of a derivative of three",
        sized(3, 3),
        lambda _: fresh(seed_by_first, [MATRIX, MATRIX, MATRIX], rank=4),
    ),
    # Of order 1 it is the gradient, of order 2 the Hessian.
    Case(
        "first value of a gradient, of a Hessian",
        sized(1, 1, 2),
        lambda order: fresh(
            lambda number: DERIVATIVES[order](quadratic_form(number), "x1"),
            [MATRIX, VECTOR],
            rank=order,
        ),
    ),
    Case("chain by one", OPERANDS, chain),
    Case("train, all cores", sized(10, 10, 120, 1000), train),
    Case("residual net", sized(3, 10, 40, 160), residual),
    Case("Hessian of a ReLU network", sized(2, 2, 10, 20), relu_hessian),
    Case("plan of a chain", OPERANDS, planning),
)
