"""How the time to derive and to plan grows with the number of operands: 10 to 1000, against n
log n.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import einderiv as ed

from .families.p6_trains import contracted_train, named, overlap, shapes
from .families.p11_derivation import matrices

OPERANDS = (10, 20, 50, 100, 200, 500, 1000)
ROUNDS = 3
Shapes = dict[str, tuple[int, ...]]
Curve = list[tuple[int, float]]  # operands, seconds


def chain(n: int) -> tuple[Callable[[], Any], Shapes]:
    """The derivative of a product of n matrices by the one in the middle."""
    e = matrices(n)
    return lambda: ed.derive(e, f"M{n // 2}"), {f"M{k}": (16, 16) for k in range(n)}


def train(n: int) -> tuple[Callable[[], Any], Shapes]:
    """All gradients by the cores of a tensor train of n operands: half of them are vectors."""
    e = contracted_train(n // 2)
    cores = named("G", n // 2)
    sizes: Shapes = dict(zip(cores, shapes(n // 2, 16, 2), strict=True))
    sizes |= dict.fromkeys(named("v", n // 2), (2,))
    return lambda: ed.grad(e, cores), sizes


def states(n: int) -> tuple[Callable[[], Any], Shapes]:
    """All gradients of an overlap of two matrix product states of n / 2 cores."""
    e = overlap(n // 2)
    sizes: Shapes = {}
    for name in "AB":
        sizes |= zip(named(name, n // 2), shapes(n // 2, 16, 2), strict=True)
    return lambda: ed.grad(e, list(sizes)), sizes


CURVES = {
    "one derivative of a chain": chain,
    "all gradients of a train": train,
    "all gradients of an overlap": states,
}


def measured(operands: Sequence[int] = OPERANDS) -> dict[str, dict[str, Curve]]:
    """For each curve the seconds to derive, and to plan what was derived, for each number of
    operands.
    """
    found: dict[str, dict[str, Curve]] = {}
    for name, make in CURVES.items():
        curves: dict[str, Curve] = {"derive": [], "plan": []}
        for n in operands:
            rounds = [_once(*make(n)) for _ in range(ROUNDS)]
            for what, seconds in zip(curves, zip(*rounds, strict=True), strict=True):
                curves[what].append((n, statistics.median(seconds)))
        found[name] = curves
    return found


def _once(derive: Callable[[], Any], sizes: Shapes) -> tuple[float, float]:
    start = time.perf_counter()
    e = derive()
    middle = time.perf_counter()
    f = ed.compile(e)
    f.plan({name: sizes[name] for name in f.inputs})
    return middle - start, time.perf_counter() - middle


def growth(curve: Curve, since: int = 100) -> float:
    """By what factor the time from `since` operands on grows more than n log n does; 1 is just
    as much.
    """
    known = dict(map(tuple, curve))
    first, last = min(n for n in known if n >= since), max(known)
    return known[last] / known[first] / (last * math.log(last) / (first * math.log(first)))


def rows(found: dict[str, dict[str, Curve]]) -> list[tuple[str, ...]]:
    """For the page: the curve, the times at the largest number, the growth."""
    return [
        (
            name,
            what,
            *(f"{1e3 * dict(map(tuple, curve))[n]:.3g} ms" for n in _shown(curve)),
            f"{growth(curve):.2f}",
        )
        for name, curves in found.items()
        for what, curve in curves.items()
    ]


def head(found: dict[str, dict[str, Curve]]) -> tuple[str, ...]:
    """The first line of that table."""
    curve = next(iter(next(iter(found.values())).values()))
    return ("case", "", *(f"{n} operands" for n in _shown(curve)), "growth / (n log n)")


def _shown(curve: Curve) -> list[int]:
    numbers = [n for n, _ in curve]
    return list(dict.fromkeys([n for n in numbers if n in (10, 20, 100)] + numbers[-1:]))


def draw(found: dict[str, dict[str, Curve]], folder: Path) -> str:
    """The picture, both axes logarithmic, with a line that grows like n log n through each first
    point of 100.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(
        1, len(found), figsize=(3.4 * len(found), 3.2), layout="constrained", sharey=True
    )
    for axes, (name, curves) in zip(
        grid.flat if len(found) > 1 else [grid], found.items(), strict=True
    ):
        for (what, curve), colour in zip(curves.items(), ("#0b6bcb", "#d9822b"), strict=True):
            numbers = [n for n, _ in curve]
            axes.plot(numbers, [t for _, t in curve], "o-", markersize=3, color=colour, label=what)
            at, base = max(curve, key=lambda point: point[0])
            line = [base * n * math.log(n) / (at * math.log(at)) for n in numbers]
            axes.plot(numbers, line, ":", color=colour, label="n log n through the last")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("operands")
        axes.grid(alpha=0.3, which="both")
    first = figure.axes[0]
    first.set_ylabel("seconds")
    first.legend(fontsize=7)
    figure.savefig(folder / "growth.png", dpi=75, metadata={"Software": None})
    plt.close(figure)
    return "growth.png"
