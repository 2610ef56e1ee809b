"""P11: how long deriving and planning take. No array is touched; the aims are absolute."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Call, Case, Family, Problem, sized
from .p6_trains import contracted_train
from .p9_contractions import chain as chain_text

OPERANDS = sized(10, 10, 100, 1000)


def timed(
    run: Callable[[], Any], expected: Any, seen: Callable[[Any], Any], aim: float | None = None
) -> Problem:
    """A call of ours, of which `seen` must be what is expected."""
    found = seen(run())
    if found != expected:
        raise AssertionError(f"derived {found!r} instead of {expected!r}")
    return Problem({}, run, None, kind="call", aim=aim)


def seed(_: int) -> Problem:
    """Three matrices by the first: parsed, derived, printed."""
    return timed(lambda: ed.derive("is,st,tj->ij", 0).subscripts, "ia,bt,tj->ijab", str, 300e-6)


def letters(n: int) -> Problem:
    """A product of n matrices, as a string, by the one in the middle."""
    text = chain_text(n)
    return timed(lambda: ed.derive(text, n // 2).subscripts, n - 2, lambda s: s.count(","), 3e-3)


def matrices(n: int) -> ed.Expr:
    """A product of n matrices."""
    arguments = [x for k in range(n) for x in (ed.tensor(f"M{k}", (None, None)), [k, k + 1])]
    return ed.einsum(*arguments, [0, n])


def chain(n: int) -> Problem:
    """The same without letters: an identity is tied to neither end, so n − 1 operands are left."""
    e = matrices(n)
    return timed(lambda: ed.derive(e, f"M{n // 2}").interleaved, 2 * (n - 1) + 1, len)


def train(n: int) -> Problem:
    """All gradients of a tensor train of n operands: n / 2 cores, each with a vector."""
    e, cores = contracted_train(n // 2), [f"G{k}" for k in range(n // 2)]
    return timed(
        lambda: [g.interleaved for g in ed.grad(e, cores)], n // 2, len, 50e-3 if n <= 120 else None
    )


def residual(layers: int) -> Problem:
    """The gradient of a residual net."""
    h: ed.Expr = ed.tensor("h", "i")
    for k in range(layers):
        h = h + ed.tensor(f"W{k}", "ij") @ ed.tanh(h)
    y = ed.sum(h)
    return timed(lambda: ed.grad(y, "h"), 1, lambda g: g.ndim, 0.5 * layers / 160)


def relu_hessian(layers: int) -> Problem:
    """The Hessian of a network by its first layer, derived and read."""
    h: ed.Expr = ed.einsum("bi,oi->bo", "x", "W0")
    for k in range(1, layers):
        h = ed.einsum("bi,oi->bo", ed.relu(h), f"W{k}")
    y = ed.sum(ed.logsumexp(h, 1)) - ed.einsum("bo,bo->", "labels", h)
    return timed(lambda: [t.compact for t in ed.hessian(y, "W0").terms], 2, len)


def planning(n: int) -> Problem:
    """The plan of a product of n matrices, and opt_einsum's path for it beside it."""
    e, shapes = matrices(n), {f"M{k}": (8 + k % 5, 8 + (k + 1) % 5) for k in range(n)}

    def path(_: Arrays) -> Call:
        import opt_einsum

        text = ",".join(opt_einsum.get_symbol(k) + opt_einsum.get_symbol(k + 1) for k in range(n))
        text += f"->{opt_einsum.get_symbol(0)}{opt_einsum.get_symbol(n)}"
        return lambda: opt_einsum.contract_path(text, *shapes.values(), shapes=True)

    problem = timed(
        lambda: ed.compile(e).plan(shapes), True, lambda plan: str(plan).count("contract") >= 1
    )
    return Problem({}, problem.ours, None, kind="call", also={"opt_einsum": path})


def fresh(e: Callable[[str, str, str], tuple[ed.Expr, tuple[str, ...]]], rank: int) -> Problem:
    """An expression that nobody has seen: written, derived, planned, emitted and run. `rank`
    axes have the value.
    """
    names, n = count(), 3
    arrays = {"matrix": np.ones((n, n)), "vector": np.ones(n)}

    def run() -> Any:
        k = next(names)
        found, kinds = e(*(f"{word}{k}" for word in ("row", "middle", "column")))
        return ed.evaluate(found, {f"x{k}": arrays[kind] for k, kind in enumerate(kinds)})

    return timed(run, rank, lambda value: value.ndim, 1e-3)


def fresh_seed(n: int) -> Problem:
    """The derivative of three matrices by the first, and its value."""

    def e(i: str, s: str, j: str) -> tuple[ed.Expr, tuple[str, ...]]:
        y = ed.einsum(f"{i} {s}, {s} t, t {j} -> {i} {j}", "x0", "x1", "x2")
        return ed.derive(y, 0), ("matrix",) * 3

    return fresh(e, 4)


def fresh_quadratic(order: int) -> Problem:
    """The gradient of a quadratic form, or its Hessian, and the value."""

    def e(i: str, j: str, _: str) -> tuple[ed.Expr, tuple[str, ...]]:
        y = ed.einsum(f"{i}, {i} {j}, {j} ->", "x1", "x0", "x1")
        return (ed.grad if order == 1 else ed.hessian)(y, "x1"), ("matrix", "vector")

    return fresh(e, order)


FAMILY = Family("P11", "derivation and planning, 10 to 1000 operands", (
    Case("P11", "three matrices by the first", seed, sized(3, 3)),
    Case("P11", "a string of 40 matrices by one", letters, sized(10, 40)),
    Case("P11", "first value of a derivative of three", fresh_seed, sized(3, 3)),
    Case("P11", "first value of a gradient, of a Hessian", fresh_quadratic, sized(1, 1, 2)),
    Case("P11", "chain by one", chain, OPERANDS),
    Case("P11", "train, all cores", train, sized(10, 10, 120, 1000)),
    Case("P11", "residual net", residual, sized(3, 10, 40, 160)),
    Case("P11", "Hessian of a ReLU network", relu_hessian, sized(2, 2, 10, 20)),
    Case("P11", "plan of a chain", planning, OPERANDS),
))  # fmt: skip
