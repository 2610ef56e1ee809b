"""The constants of the planner's estimate of time, measured on this machine: medians."""

from __future__ import annotations

import importlib.util
import statistics
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

from einderiv.planning.cost import Costs

ROUNDS = 9
MATRIX, STREAM, BLOCK, TINY = 700, 1 << 23, 1 << 13, 4  # sizes that show one cost alone
BLOCKS = [1 << k for k in range(17, 26)]  # bytes, 128 kB to 32 MB
TASKS = 500  # that do nothing
WORSE = 1.3  # times what the fastest block takes for a byte: it is out of the cache


def measured() -> dict[str, float]:
    """All constants; each from a call in which it outweighs the others."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, MATRIX, MATRIX))
    long = rng.normal(size=STREAM)
    block = rng.normal(size=BLOCK)
    tiny = rng.normal(size=(TINY, TINY))
    steps = (
        lambda: tiny.dot(tiny),
        lambda: tiny * tiny,
        lambda: tiny + tiny,
        lambda: tiny.sum(0),
        lambda: tiny.T.reshape(-1),
    )
    step = statistics.median(map(seconds, steps))
    function = beyond(seconds(lambda: np.tanh(block)), step)
    in_cache = beyond(seconds(lambda: np.multiply(block, 1.0, out=block)), step)
    return {
        "matrix": seconds(lambda: a.dot(b)) / (2 * MATRIX**3),
        "other": function / (10 * BLOCK),  # a function counts as ten operations
        "byte": seconds(lambda: long * long) / (16 * STREAM),  # read, and written to new memory
        "cached": in_cache / (16 * BLOCK),
        "step": step,
        "cache": float(largest(rng)),
        **cluster(),
    }


def cluster() -> dict[str, float]:
    """What tasks and bytes cost between two processes; nothing where `distributed` is not
    installed.
    """
    if importlib.util.find_spec("distributed") is None:
        return {}
    from distributed import Client, LocalCluster, wait

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        here, there = client.scheduler_info()["workers"]

        def tasks(n: int) -> float:
            start = time.perf_counter()
            wait(client.map(int, range(n), pure=False))
            return (time.perf_counter() - start) / n

        def sent(n: int) -> float:
            made = client.submit(np.ones, n, workers=[here], pure=False)
            wait(made)
            start = time.perf_counter()
            wait(client.submit(len, made, workers=[there], pure=False))
            return (time.perf_counter() - start) / (8 * n)

        tasks(TASKS)
        return {
            "task": statistics.median(tasks(TASKS) for _ in range(5)),
            "sent": statistics.median(sent(STREAM) for _ in range(5)),
        }


def beyond(time: float, step: float) -> float:
    """What a call takes beyond that of a step; where the clock says nothing, a tenth of the
    call.
    """
    return max(time - step, 0.1 * time)


def largest(rng: np.random.Generator) -> int:
    """The bytes of the largest block that is worked on as fast as a small one."""
    times = {}
    for size in BLOCKS:
        x = rng.random(size // 8)
        times[size] = seconds(lambda x=x: np.add(x, 1e-9, out=x)) / size  # type: ignore[misc]
    best = min(times.values())
    return max(size for size, time in times.items() if time <= WORSE * best)


def seconds(call: Callable[[], Any]) -> float:
    """The median time of a call."""
    timer = timeit.Timer(call)
    enough, _ = timer.autorange()  # calls that take 0.2 s
    repeats = max(1, enough // 20)
    return statistics.median(timer.repeat(repeat=ROUNDS, number=repeats)) / repeats


def table(found: dict[str, float]) -> list[tuple[str, str, str, str]]:
    """For each constant: what it was shipped as, what it is here, the ratio of the two."""
    return [
        (name, f"{shipped:.3g}", f"{found[name]:.3g}", f"{found[name] / shipped:.2f}")
        for name, shipped in Costs()
        if name in found
    ]
