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
    sizes: Shapes = dict.fromkeys(named("M", n), (16, 16))
    return lambda: ed.derive(e, f"M{n // 2}"), sizes


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
        derive: Curve = []
        plan: Curve = []
        for n in operands:
            rounds = [_once(*make(n)) for _ in range(ROUNDS)]
            derive.append((n, statistics.median(seconds for seconds, _ in rounds)))
            plan.append((n, statistics.median(seconds for _, seconds in rounds)))
        found[name] = {"derive": derive, "plan": plan}
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
    seconds = _by_operands(curve)
    first = min(n for n in seconds if n >= since)
    last = max(seconds)
    expected = (last * math.log(last)) / (first * math.log(first))
    return seconds[last] / seconds[first] / expected


def _by_operands(curve: Curve) -> dict[int, float]:
    """The seconds by the number of operands; read from JSON, a point is a list."""
    return {n: seconds for n, seconds in curve}


def rows(found: dict[str, dict[str, Curve]]) -> list[tuple[str, ...]]:
    """For the page: the curve, the times at the largest number, the growth."""
    lines = []
    for name, curves in found.items():
        for what, curve in curves.items():
            seconds = _by_operands(curve)
            times = [f"{1e3 * seconds[n]:.3g} ms" for n in _shown(curve)]
            lines.append((name, what, *times, f"{growth(curve):.2f}"))
    return lines


def head(found: dict[str, dict[str, Curve]]) -> tuple[str, ...]:
    """The first line of that table."""
    first_case = next(iter(found.values()))
    curve = next(iter(first_case.values()))
    return ("case", "", *(f"{n} operands" for n in _shown(curve)), "growth / (n log n)")


def _shown(curve: Curve) -> list[int]:
    last = curve[-1][0]
    return [n for n, _ in curve if n in (10, 20, 100, last)]


def draw(found: dict[str, dict[str, Curve]], folder: Path) -> str:
    """The picture, both axes logarithmic, with a line that grows like n log n through the last
    point of each curve.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shape = (3.4 * len(found), 3.2)
    figure, grid = plt.subplots(
        1, len(found), figsize=shape, layout="constrained", sharey=True, squeeze=False
    )
    for axes, (name, curves) in zip(grid.flat, found.items(), strict=True):
        for (what, curve), colour in zip(curves.items(), ("#0b6bcb", "#d9822b"), strict=True):
            operands = [n for n, _ in curve]
            times = [seconds for _, seconds in curve]
            axes.plot(operands, times, "o-", markersize=3, color=colour, label=what)
            last, longest = max(curve)
            line = [longest * n * math.log(n) / (last * math.log(last)) for n in operands]
            axes.plot(operands, line, ":", color=colour, label="n log n through the last")
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
