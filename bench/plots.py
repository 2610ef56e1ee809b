"""The pictures: ratios of every case as bars, family by family, and times against sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .engine import HAND, OURS
from .report import Record, best_rival, by_family, median, shown, to_hand

COLOURS = {
    HAND: "#444444",
    OURS: "#0b6bcb",
    "jax": "#d9822b",
    "torch": "#c23030",
    "opt_einsum": "#2b9e5b",
    "cotengra": "#3fb8af",
    "numpy": "#8a6fc9",
    "autograd": "#b8a000",
}


def draw(records: Sequence[Record], folder: Path) -> list[str]:
    """All pictures, as PNG; the names of the files."""
    import matplotlib

    matplotlib.use("Agg")
    names = []
    for key, members in by_family(records).items():
        names += [_ratios(key, members, folder), _scaling(key, members, folder)]
    return [name for name in names if name]


def colour(name: str) -> str:
    """One colour for each engine."""
    return COLOURS.get(name) or COLOURS.get(_engine(name), "#999999")


def _ratios(family: str, records: Sequence[Record], folder: Path) -> str | None:
    """Times over the hand-written form on a logarithmic axis: ours, and the best rival."""
    import matplotlib.pyplot as plt

    rows = [record for record in records if to_hand(record) is not None]
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(8, 1.0 + 0.26 * len(rows)), layout="constrained")
    names = []
    for y, record in enumerate(reversed(rows)):
        single = ", float32" if record["dtype"] == "float32" else ""
        names.append(f"{record['case']}, {record['size']}{single}")
        own = to_hand(record) or 1.0
        axes.barh(y, own - 1, left=1, height=0.55, color=COLOURS[OURS])
        best = best_rival(record)
        ratio = record["contestants"][best]["ratio"] if best else None
        if best and ratio:
            axes.plot(ratio, y, "D", color=colour(best), markersize=5)
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1, color=COLOURS[HAND], linewidth=1)
    axes.grid(axis="x", alpha=0.3, which="both")
    base = "aim" if family == "P11" else "hand-written NumPy"
    axes.set_xlabel(f"time / {base} (left is faster)")
    title = f"{family}: bars einderiv, diamonds the best rival where there is one"
    axes.set_title(title, fontsize=9)
    _legend(axes, rows)
    axes.margins(y=0.02)
    _plain(axes.xaxis, "{:g}".format)
    return _saved(figure, folder, f"ratios_{family}.png")


def _legend(axes: Any, rows: Sequence[Record]) -> None:
    """A colour for each engine that is the best somewhere."""
    from matplotlib.lines import Line2D

    engines = {_engine(name) for name in map(best_rival, rows) if name}
    handles = [
        Line2D([], [], marker="D", linestyle="", color=colour(engine), label=engine, markersize=5)
        for engine in sorted(engines)
    ]
    if handles:
        axes.legend(handles=handles, fontsize=7, loc="best", framealpha=0.8)


def _scaling(family: str, records: Sequence[Record], folder: Path) -> str | None:
    """Times against sizes, both logarithmic: the cases that have rivals and were measured at
    three sizes or more.
    """
    import matplotlib.pyplot as plt

    cases: dict[str, list[Record]] = {}
    for record in records:
        compared = best_rival(record) or record["aim"]
        if compared and record["dtype"] == records[0]["dtype"]:
            cases.setdefault(record["case"], []).append(record)
    chosen = {name: rows for name, rows in cases.items() if len(rows) >= 3 and _grows(rows)}
    if not chosen:
        return None
    columns = min(4, len(chosen))
    lines = math.ceil(len(chosen) / columns)
    shape = (3 * columns, 0.5 + 2.3 * lines)
    figure, grid = plt.subplots(lines, columns, figsize=shape, layout="constrained", squeeze=False)
    for axes, (name, rows) in zip(grid.flat, chosen.items(), strict=False):
        _curves(axes, name, rows)
    for axes in list(grid.flat)[len(chosen) :]:
        axes.axis("off")
    handles: dict[str, Any] = {}
    for axes in grid.flat:
        handles |= {line.get_label(): line for line in axes.get_lines()}
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper center",
        ncols=min(7, 2 * columns),
        fontsize=7,
    )
    return _saved(figure, folder, f"scaling_{family}.png")


def _grows(rows: Sequence[Record]) -> bool:
    """Is each size larger than the one before?"""
    sizes = [max(record["numbers"]) for record in rows]
    return sizes == sorted(set(sizes))


def _curves(axes: Any, name: str, rows: Sequence[Record]) -> None:
    """One panel: hand, ours, and the best form of each other engine."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for record in rows:
        for engine in dict.fromkeys(map(_engine, record["contestants"])):
            points = curves.setdefault(engine, [])
            times = _times(record, engine)
            if times:
                points.append((max(record["numbers"]), min(times)))
    style = {"markersize": 3, "linewidth": 1.2}
    for engine, points in curves.items():
        if points:
            x, y = zip(*points, strict=True)
            axes.plot(x, y, "o-", color=colour(engine), label=engine, **style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = [max(record["numbers"]) for record in rows]
    axes.set_xticks(sizes, [str(n) for n in sizes])
    axes.set_xticks([], minor=True)
    _plain(axes.yaxis, shown)
    axes.set_title(name, fontsize=8)
    axes.tick_params(labelsize=6)
    axes.grid(alpha=0.3)


def _engine(name: str) -> str:
    """What stands before the form: ``jax`` of ``jax.grad``."""
    return name.partition(".")[0]


def _times(record: Record, engine: str) -> list[float]:
    """The times of an engine's forms; ours is the checked call alone."""
    names = [OURS]
    if engine != OURS:
        names = [name for name in record["contestants"] if _engine(name) == engine]
    times = [median(record, name) for name in names if name not in record["shown_only"]]
    return [time for time in times if time is not None]


def _plain(axis: Any, text: Callable[[float], str]) -> None:
    """Labels on a logarithmic axis as they are read; at 2 and 5 too where less than two decades
    are shown.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    near = high < 100 * low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if near else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axis.set_minor_formatter(NullFormatter())


def _saved(figure: Any, folder: Path, name: str) -> str:
    """The same bytes for the same figures: no date, no version in the file."""
    import matplotlib.pyplot as plt

    figure.savefig(folder / name, dpi=75, metadata={"Software": None})
    plt.close(figure)
    return name
