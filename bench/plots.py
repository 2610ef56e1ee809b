"""The pictures: ratios of every case as bars, family by family, and times against sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .engine import HAND, OURS
from .report import Record, best_rival, label, median, to_hand

COLOURS = {HAND: "#444444", OURS: "#0b6bcb", "jax": "#d9822b", "torch": "#c23030", "opt_einsum": "#2b9e5b",
           "numpy": "#8a6fc9", "autograd": "#b8a000"}  # fmt: skip


def draw(records: Sequence[Record], folder: Path) -> list[str]:
    """All pictures, as PNG; the names of the files."""
    import matplotlib

    matplotlib.use("Agg")
    names = [_ratios(family, [r for r in records if r["family"] == family], folder)
             for family in dict.fromkeys(r["family"] for r in records)]  # fmt: skip
    return [name for name in [*names, _scaling(records, folder)] if name]


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
    axes.set_yticks(range(len(rows)), [f"{r['case']}, {r['size']}" for r in reversed(rows)], fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1, color=COLOURS[HAND], linewidth=1)
    axes.grid(axis="x", alpha=0.3, which="both")
    axes.set_xlabel("time / hand-written NumPy (left is faster)" if family != "P11" else "time / aim (left is faster)")
    axes.set_title(f"{family}: bars einderiv, diamonds the best rival", fontsize=9)
    _legend(axes, rows)
    axes.margins(y=0.02)
    return _saved(figure, folder, f"ratios_{family}.png")


def _legend(axes: Any, rows: Sequence[Record]) -> None:
    """A colour for each engine that is the best somewhere."""
    from matplotlib.lines import Line2D

    engines = {name.partition(".")[0] for r in rows if (name := best_rival(r))}
    handles = [Line2D([], [], marker="D", linestyle="", color=colour(e), label=e, markersize=5) for e in sorted(engines)]
    if handles:
        axes.legend(handles=handles, fontsize=7, loc="best", framealpha=0.8)


def _scaling(records: Sequence[Record], folder: Path) -> str | None:
    """Times against sizes, both logarithmic: the cases that were measured at three sizes or more and have rivals."""
    import matplotlib.pyplot as plt

    groups: dict[str, list[Record]] = {}
    for r in records:
        if r["dtype"] == "float64" and r["family"] != "P9":
            groups.setdefault(label(r), []).append(r)
    chosen = {name: rows for name, rows in groups.items() if len(rows) >= 3 and _grows(rows)}
    if not chosen:
        return None
    columns = 4
    lines = -(-len(chosen) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(12, 2.4 * lines), layout="constrained", squeeze=False)
    for axes, (name, rows) in zip(grid.flat, chosen.items(), strict=False):
        _curves(axes, name, rows)
    for axes in list(grid.flat)[len(chosen) :]:
        axes.axis("off")
    handles = {h.get_label(): h for axes in grid.flat for h in axes.get_lines()}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=7, fontsize=8)
    return _saved(figure, folder, "scaling.png")


def _grows(rows: Sequence[Record]) -> bool:
    sizes = [max(r["numbers"]) for r in rows]
    return sizes == sorted(set(sizes))


def _curves(axes: Any, name: str, rows: Sequence[Record]) -> None:
    """One panel: hand, ours, and the best of each other engine."""
    engines = dict.fromkeys(n.partition(".")[0] for r in rows for n in r["contestants"])
    for engine in engines:
        points = []
        for r in rows:
            found = [median(r, n) for n in r["contestants"] if n.partition(".")[0] == engine and n not in r["shown_only"]]
            times = [t for t in found if t is not None]
            if times:
                points.append((max(r["numbers"]), min(times)))
        if points:
            axes.plot(*zip(*points, strict=True), "o-", markersize=3, linewidth=1.2, color=colour(engine), label=engine)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(name, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)


def _saved(figure: Any, folder: Path, name: str) -> str:
    """The same bytes for the same figures: no date, no version in the file."""
    import matplotlib.pyplot as plt

    figure.savefig(folder / name, dpi=80, metadata={"Software": None})
    plt.close(figure)
    return name
