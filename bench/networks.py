"""Plans of hard networks before and after a change: the arithmetic of the value and of all
gradients, the largest array, and how long planning takes. Nothing is computed, for some of these
plans would take hours.

::

    python -m bench.networks before docs/benchmarks/results.json ../before  # another checkout
    python -m bench.networks after docs/benchmarks/results.json
    python -m bench.networks longer docs/benchmarks/results.json
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import einderiv as ed

from .families.p14_networks import Edge, expression, grid, labelled, mera, regular, trains
from .versions import Version

NETWORKS: dict[str, Callable[[], list[Edge]]] = {
    "grid 3x4x4, size 2": partial(grid, 3, 4, 4, size=2),
    "grid 4x4x4, size 2": partial(grid, 4, 4, 4, size=2),
    "3-regular, 60 tensors": partial(regular, 60),
    "3-regular, 80 tensors": partial(regular, 80),
    "3-regular, 100 tensors": partial(regular, 100),
    "two trains of 30": partial(trains, 30),
    "MERA of 16 sites, size 4": partial(mera, 16, 4),
    "MERA of 32 sites, size 2": partial(mera, 32, 2),
}
SECONDS = 4.0  # of the longer searches
Plan = dict[str, float]  # flops, largest array in bytes, seconds of planning
Found = dict[str, dict[str, Plan]]  # by network, and by what is planned


def measured() -> Found:
    """The plans of all networks, by the package that is imported."""
    found: Found = {}
    for name, make in NETWORKS.items():
        network, sizes = labelled(make())
        names = [f"T{k}" for k in range(len(network))]
        shapes = {t: tuple(sizes[x] for x in term) for t, term in zip(names, network, strict=True)}
        y = expression(network)
        all_of_it = (y, *ed.grad(y, names))
        found[name] = {"value": planned(y, shapes), "gradients": planned(all_of_it, shapes)}
    return found


def planned(e: Any, shapes: dict[str, tuple[int, ...]], optimize: Any = "auto") -> Plan:
    """What a plan says, and how long it takes to make."""
    start = time.perf_counter()
    plan = ed.compile(e, optimize=optimize).plan(shapes)
    seconds = time.perf_counter() - start
    return {"flops": plan.flops, "largest": 8.0 * plan.largest, "seconds": seconds}


def longer() -> dict[str, dict[str, float]]:
    """The flops that searches of a second and of four find: opt_einsum's, ours, cotengra's."""
    import opt_einsum

    found: dict[str, dict[str, float]] = {}
    for name, make in NETWORKS.items():
        network, sizes = labelled(make())
        shapes = {f"T{k}": tuple(sizes[x] for x in term) for k, term in enumerate(network)}
        searches = {
            "opt_einsum": opt_einsum.RandomGreedy(max_time=SECONDS / 4, max_repeats=10**6),
            "ours": SECONDS,
        }
        try:
            import cotengra

            options = {"max_time": SECONDS, "max_repeats": 10**6, "parallel": False}
            searches["cotengra"] = cotengra.HyperOptimizer(**options)
        except ImportError:
            pass
        y = expression(network)
        found[name] = {key: planned(y, shapes, find)["flops"] for key, find in searches.items()}
    return found


def head() -> tuple[str, ...]:
    """The columns of the page."""
    return (
        "network", "value", "before", "RandomGreedy, 1 s", "ours, 4 s", "cotengra, 4 s",
        "with all gradients / value", "before", "largest array", "before", "planned in", "before",
    )  # fmt: skip


def rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """For the page: a line for each network."""
    lines = []
    for name, after in found["after"].items():
        before, others = found["before"][name], found["longer"].get(name, {})
        lines.append(
            (
                name,
                *(f"{plans['value']['flops']:.2g}" for plans in (after, before)),
                *(_shown(others.get(key)) for key in ("opt_einsum", "ours", "cotengra")),
                *(f"{_ratio(plans):.1f}" for plans in (after, before)),
                *(f"{plans['gradients']['largest'] / 2**20:.2g} MiB" for plans in (after, before)),
                *(f"{plans['gradients']['seconds']:.2g} s" for plans in (after, before)),
            )
        )
    return lines


def _ratio(plans: dict[str, Plan]) -> float:
    return plans["gradients"]["flops"] / plans["value"]["flops"]


def _shown(flops: float | None) -> str:
    return "" if flops is None else f"{flops:.2g}"


def main(words: Sequence[str]) -> int:
    """Measure one part, and write it into the file of results."""
    what, file, *other = words
    path = Path(file)
    data = json.loads(path.read_text(encoding="utf-8"))
    if what == "before":
        with tempfile.TemporaryDirectory() as folder:
            sys.path.insert(0, folder)
            Version("before", Path(other[0]), Path(folder))
            part = importlib.import_module("bench_before.networks").measured()
    else:
        part = longer() if what == "longer" else measured()
    data.setdefault("networks", {})[what] = part
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
