"""The pictures: ratios of every case as bars, family by family, and times against sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .engine import HAND, OURS
from .report import Record, best_rival, median, shown, to_hand

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
    families: dict[str, list[Record]] = {}
    for r in records:
        families.setdefault(r["family"], []).append(r)
    names = [
        picture(key, rows, folder)
        for key, rows in families.items()
        for picture in (_ratios, _scaling)
    ]
    return [name for name in names if name]


def colour(name: str) -> str:
    """One colour for each engine."""
    return COLOURS.get(name) or COLOURS.get(name.partition(".")[0], "#999999")


def _ratios(family: str, records: Sequence[Record], folder: Path) -> str | None:
    """Times over the hand-written form on a logarithmic axis: ours, and the best rival."""
    import matplotlib.pyplot as plt

    rows = [r for r in records if to_hand(r) is not None]
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(8, 1.0 + 0.26 * len(rows)), layout="constrained")
    for y, r in enumerate(reversed(rows)):
        own, best = to_hand(r) or 1.0, best_rival(r)
        axes.barh(y, own - 1, left=1, height=0.55, color=COLOURS[OURS])
        if best is not None and r["contestants"][best]["ratio"]:
            axes.plot(r["contestants"][best]["ratio"], y, "D", color=colour(best), markersize=5)
    names = [
        f"{r['case']}, {r['size']}" + ", float32" * (r["dtype"] == "float32")
        for r in reversed(rows)
    ]
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1, color=COLOURS[HAND], linewidth=1)
    axes.grid(axis="x", alpha=0.3, which="both")
    axes.set_xlabel(
        "time / hand-written NumPy (left is faster)"
        if family != "P11"
        else "time / aim (left is faster)"
    )
    axes.set_title(
        f"{family}: bars einderiv, diamonds the best rival where there is one", fontsize=9
    )
    _legend(axes, rows)
    axes.margins(y=0.02)
    _plain(axes.xaxis, "{:g}".format)
    return _saved(figure, folder, f"ratios_{family}.png")


def _legend(axes: Any, rows: Sequence[Record]) -> None:
    """A colour for each engine that is the best somewhere."""
    from matplotlib.lines import Line2D

    engines = {name.partition(".")[0] for r in rows if (name := best_rival(r))}
    handles = [
        Line2D([], [], marker="D", linestyle="", color=colour(e), label=e, markersize=5)
        for e in sorted(engines)
    ]
    if handles:
        axes.legend(handles=handles, fontsize=7, loc="best", framealpha=0.8)


def _scaling(family: str, records: Sequence[Record], folder: Path) -> str | None:
    """Times against sizes, both logarithmic: the cases that have rivals and were measured at
    three sizes or more.
    """
    import matplotlib.pyplot as plt

    groups: dict[str, list[Record]] = {}
    for r in records:
        if r["dtype"] == records[0]["dtype"] and (best_rival(r) or r["aim"]):
            groups.setdefault(r["case"], []).append(r)
    chosen = {name: rows for name, rows in groups.items() if len(rows) >= 3 and _grows(rows)}
    if not chosen:
        return None
    columns = min(4, len(chosen))
    lines = -(-len(chosen) // columns)
    shape = (3 * columns, 0.5 + 2.3 * lines)
    figure, grid = plt.subplots(lines, columns, figsize=shape, layout="constrained", squeeze=False)
    for axes, (name, rows) in zip(grid.flat, chosen.items(), strict=False):
        _curves(axes, name, rows)
    for axes in list(grid.flat)[len(chosen) :]:
        axes.axis("off")
    handles = {h.get_label(): h for axes in grid.flat for h in axes.get_lines()}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper center",
        ncols=min(7, 2 * columns),
        fontsize=7,
    )
    return _saved(figure, folder, f"scaling_{family}.png")


def _grows(rows: Sequence[Record]) -> bool:
    sizes = [max(r["numbers"]) for r in rows]
    return sizes == sorted(set(sizes))


def _curves(axes: Any, name: str, rows: Sequence[Record]) -> None:
    """One panel: hand, ours, and the best form of each other engine."""
    for engine in dict.fromkeys(n.partition(".")[0] for r in rows for n in r["contestants"]):
        points = [(max(r["numbers"]), min(times)) for r in rows if (times := _times(r, engine))]
        if points:
            axes.plot(
                *zip(*points, strict=True),
                "o-",
                markersize=3,
                linewidth=1.2,
                color=colour(engine),
                label=engine,
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = [max(r["numbers"]) for r in rows]
    axes.set_xticks(sizes, [str(n) for n in sizes])
    axes.set_xticks([], minor=True)
    _plain(axes.yaxis, shown)
    axes.set_title(name, fontsize=8)
    axes.tick_params(labelsize=6)
    axes.grid(alpha=0.3)


def _times(record: Record, engine: str) -> list[float]:
    """The times of an engine's forms; ours is the checked call alone."""
    names = (
        [OURS]
        if engine == OURS
        else [n for n in record["contestants"] if n.partition(".")[0] == engine]
    )
    times = [median(record, n) for n in names if n not in record["shown_only"]]
    return [t for t in times if t is not None]


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
