"""Interleaved timing: every contender runs in every round, in one process, and the medians are compared."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

Contenders = Mapping[str, Callable[[], Any]]


def medians(contenders: Contenders, rounds: int = 25, least: float = 2e-3) -> dict[str, float]:
    """Median seconds of one call each. A round repeats each contender until it has run for `least` seconds."""
    repeats = {}
    for name, call in contenders.items():
        call()  # warm: caches filled, code compiled
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(least / max(time.perf_counter() - start, 1e-7)))
    found: dict[str, list[float]] = {name: [] for name in contenders}
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in contenders.items():
                start = time.perf_counter()
                for _ in range(repeats[name]):
                    call()
                found[name].append((time.perf_counter() - start) / repeats[name])
    finally:
        gc.enable()
    return {name: statistics.median(times) for name, times in found.items()}


def shown(seconds: float) -> str:
    """A time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
