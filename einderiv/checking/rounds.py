"""How calls are timed: all of them in every round, in a new order each time.

A drift of the machine then meets all of them alike.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Call = Callable[[], Any]
#: what a relative error may be
TOLERANCE = {"float64": 1e-8, "float32": 2e-3}


class WrongAnswer(AssertionError):
    """Two that compute the same thing disagree."""


@dataclass(frozen=True)
class Rounds:
    """How long is measured: `rounds` of at least `least` seconds for each call.

    A call of more than `slow` seconds is made in the first `few` rounds only; `seed` is of the
    order within a round.
    """

    rounds: int = 15
    least: float = 1e-2
    slow: float = 0.5
    few: int = 3
    seed: int = 0


def interleaved(calls: Mapping[str, Call], rounds: Rounds) -> dict[str, list[float]]:
    """Seconds of one call, round by round; in each round all run, in a new order."""
    repeats: dict[str, int] = {}
    slow: set[str] = set()
    for name, call in calls.items():
        once = seconds(call, 1)
        if once < rounds.slow:  # the first may have found its memory given back to the system
            once = min(once, seconds(call, 1))
        repeats[name] = max(1, int(rounds.least / max(once, 1e-7)))
        if once > rounds.slow:
            slow.add(name)
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    shuffle = random.Random(rounds.seed).shuffle
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds.rounds):
            shuffle(order)
            for name in order:
                if name not in slow or number < rounds.few:
                    times[name].append(seconds(calls[name], repeats[name]))
    finally:
        gc.enable()
    return times


def seconds(call: Call, repeats: int) -> float:
    """Seconds of one of `repeats` calls."""
    todo = range(repeats)
    start = time.perf_counter()
    for _ in todo:
        call()
    return (time.perf_counter() - start) / repeats


def summary(times: list[float], base: list[float] | None) -> dict[str, Any]:
    """Median, extremes, and the median of the round-wise ratios to `base`: drift of the machine
    cancels in them.
    """
    ratio = None
    if base is not None:  # one that is slow has fewer rounds
        ratio = statistics.median(time / other for time, other in zip(times, base, strict=False))
    return {
        "median": statistics.median(times),
        "low": min(times),
        "high": max(times),
        "rounds": len(times),
        "ratio": ratio,
    }


def relative_error(answer: Any, reference: Any) -> float:
    """The largest difference of two trees of arrays, relative to the largest entry of each array
    of the second.
    """
    if isinstance(reference, (list, tuple)):
        if not isinstance(answer, (list, tuple)) or len(answer) != len(reference):
            raise WrongAnswer(f"{len(reference)} arrays were expected")
        errors = list(map(relative_error, answer, reference))
        return float(np.max(errors, initial=0.0))  # NaN, if one is NaN; Python's max may lose it
    if isinstance(reference, str):
        return 0.0 if answer == reference else float("inf")
    found, expected = np.asarray(answer), np.asarray(reference)
    if found.shape != expected.shape:
        raise WrongAnswer(f"shape {found.shape} instead of {expected.shape}")
    scale = float(np.abs(expected).max(initial=0)) or 1.0
    return float(np.abs(found - expected).max(initial=0)) / scale
