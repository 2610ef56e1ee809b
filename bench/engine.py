"""The measuring: correctness first, then every contestant in every round, compile time and
memory apart.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import inspect
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Way, hosted
from einderiv.checking.rounds import (
    TOLERANCE,
    Call,
    Rounds,
    WrongAnswer,
    interleaved,
    relative_error,
    summary,
)

from .problems import Case, Problem

ENGINES = ("jax", "torch", "autograd", "opt_einsum", "cotengra", "dask", "numpy")
OURS, RAW, HAND = "einderiv", "einderiv.raw", "hand"
#: our sources for other libraries, which take part where the library itself does
HOSTED = {"einderiv.jax": "jax", "einderiv.torch": "torch"}
FULL_BYTES = 64e6  # a structured result is compared as a dense one up to this size


@dataclass(frozen=True)
class Settings(Rounds):
    """How long is measured, and what.

    `against` names the engines that take part; with `first_forms` each of them does so in one form.
    `memory` is whose peak is measured.
    """

    against: tuple[str, ...] = ()
    dtype: str = "float64"
    first_forms: bool = False
    memory: Literal["all", "own", "none"] = "all"


@dataclass
class Contestant:
    """A call that is timed, and what it took to get there."""

    call: Call
    derive: float | None = None
    compile: float | None = None
    found: dict[str, Any] = field(default_factory=dict)


def settle(against: Sequence[str]) -> None:
    """Import the engines, so that no case pays for it, and keep what they hold out of every
    later collection.
    """
    for name in ENGINES:
        if (not against or name in against) and importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


@dataclass
class Checked:
    """A problem whose answers agree: who takes part, how far each is off, and why the others do
    not.
    """

    problem: Problem
    contestants: dict[str, Contestant]
    errors: dict[str, float | None]
    skipped: dict[str, str]


def checked(case: Case, size: str, settings: Settings) -> Checked:
    """One case at one size, before anything is measured. Raises WrongAnswer."""
    problem = case.at(size)
    arrays = cast(problem.arrays, settings.dtype)
    contestants, skipped = prepared(problem, arrays, settings)
    errors = check(case, size, problem, arrays, contestants, settings.dtype)
    return Checked(problem, contestants, errors, {**problem.skipped, **skipped})


def run(case: Case, size: str, settings: Settings) -> dict[str, Any]:
    """One case at one size: checked, timed, weighed. The record is data for JSON."""
    right = checked(case, size, settings)
    calls = {name: contestant.call for name, contestant in right.contestants.items()}
    times = interleaved(calls, settings)
    weighed = {"all": set(calls), "own": {OURS, HAND}, "none": set()}[settings.memory]
    found = {}
    for name, contestant in right.contestants.items():
        light = name in weighed and min(times[name]) < 2
        found[name] = {
            **summary(times[name], times.get(HAND)),
            "derive": contestant.derive,
            "compile": contestant.compile,
            "error": right.errors[name],
            "peak": peak(name, contestant.call) if light else None,
        }
    return {
        "family": case.family,
        "case": case.name,
        "size": size,
        "numbers": list(case.sizes[size]),
        "dtype": settings.dtype,
        "kind": right.problem.kind,
        "aim": right.problem.aim,
        "contestants": found,
        "shown_only": sorted(right.problem.also),
        "skipped": right.skipped,
    }


def cast(arrays: Arrays, dtype: str) -> Arrays:
    """The arrays in a dtype; index arrays stay whole numbers."""
    found: Arrays = {}
    for name, array in arrays.items():
        is_index = np.asarray(array).dtype.kind in "iu"
        found[name] = np.ascontiguousarray(array, None if is_index else dtype)
    return found


def prepared(
    problem: Problem, arrays: Arrays, settings: Settings
) -> tuple[dict[str, Contestant], dict[str, str]]:
    """Everyone who takes part, warm; and who does not, with the reason."""
    contestants = ours(problem, arrays)
    if problem.hand is not None:
        contestants[HAND] = _warm(bound(problem.hand, arrays))
    skipped: dict[str, str] = {}
    seen: set[str] = set()  # what stands before the form in the names so far
    for name, way in {**problem.taking_part, **problem.also, **_ours_elsewhere(problem)}.items():
        engine = library(name)
        family = name.partition(".")[0]
        if settings.against and engine not in settings.against:
            continue
        if settings.first_forms and family in seen and name not in HOSTED:
            continue
        if engine != OURS and importlib.util.find_spec(engine) is None:
            continue
        seen.add(family)
        try:
            contestants[name] = _made(way, arrays)
        except ed.BackendError as e:  # what a library has no form for yet
            skipped[name] = f"refused: {e}"[:160]
        except Exception as e:  # a rival that cannot do it is a result, and is shown as one
            if name in HOSTED:
                raise
            first_line = str(e).partition("\n")[0]
            skipped[name] = f"failed: {type(e).__name__}: {first_line[:120]}"
    return contestants, skipped


def library(name: str) -> str:
    """What a contestant is computed by."""
    return HOSTED.get(name) or name.partition(".")[0]


def _ours_elsewhere(problem: Problem) -> dict[str, Way]:
    """Our expression by the libraries that are among the rivals."""
    if problem.kind != "dense":
        return {}
    theirs = {library(name) for name in problem.taking_part}
    return {
        name: hosted(engine, problem.ours) for name, engine in HOSTED.items() if engine in theirs
    }


def ours(problem: Problem, arrays: Arrays) -> dict[str, Contestant]:
    """Our ways: ``f(**arrays)``, and ``f.raw`` where there is one result of plain arrays."""
    if problem.kind == "call":
        return {OURS: _warm(problem.ours)}
    start = time.perf_counter()
    expression = problem.ours()
    derived = time.perf_counter()
    f = ed.compile(expression, dense=problem.kind == "dense")
    f(**arrays)
    compiled = time.perf_counter()
    for _ in range(3):
        f(**arrays)
    found = {OURS: Contestant(partial(f, **arrays), derived - start, compiled - derived)}
    if problem.kind == "dense":
        found[RAW] = Contestant(partial(f.raw, *(arrays[name] for name in f.inputs)))
    return found


def bound(hand: Callable[..., Any], arrays: Arrays) -> Call:
    """The hand-written function with the arrays that its parameters name."""
    parameters = inspect.signature(hand).parameters
    takes_all = any(one.kind is one.VAR_POSITIONAL for one in parameters.values())
    operands = arrays.values() if takes_all else [arrays[name] for name in parameters]
    return partial(hand, *operands)


def _warm(call: Call) -> Contestant:
    call()
    return Contestant(call)


def _made(way: Way, arrays: Arrays) -> Contestant:
    start = time.perf_counter()
    call = way(arrays)
    call()
    made = time.perf_counter()
    if made - start < 0.1:
        call()
    return Contestant(call, compile=made - start)


def check(
    case: Case,
    size: str,
    problem: Problem,
    arrays: Arrays,
    contestants: Mapping[str, Contestant],
    dtype: str,
) -> dict[str, float | None]:
    """The relative error of every contestant; raises WrongAnswer where one is not right."""
    if problem.kind == "call" and problem.hand is None:  # seen when the problem was made
        return dict.fromkeys(contestants)
    where = f"{case.label} {size}"
    result = contestants[OURS].call()
    if problem.full is not None and result.dense().nbytes <= FULL_BYTES:
        full = bound(problem.full, arrays)()
        _same(f"{where} {OURS}, dense", result.dense(), full, dtype)
    reference = contestants[HAND].call() if HAND in contestants else problem.answer(result)
    errors: dict[str, float | None] = {}
    for name, contestant in contestants.items():
        if name in problem.also:
            errors[name] = None
            continue
        answer = contestant.call()
        if name in (OURS, RAW, *HOSTED):
            answer = problem.answer(answer)
        errors[name] = _same(f"{where} {name}", answer, reference, dtype)
    return errors


def _same(what: str, answer: Any, reference: Any, dtype: str) -> float:
    found = relative_error(answer, reference)
    if not found <= TOLERANCE[dtype]:  # NaN is wrong, too
        raise WrongAnswer(f"{what}: relative error {found:.1e} is above {TOLERANCE[dtype]:.0e}")
    return found


STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(name: str, call: Call) -> int | None:
    """Bytes that one call needs at its peak, the result included: NumPy's by tracemalloc,
    others' by the system.
    """
    if library(name) in ("jax", "torch"):
        if not CLEAR.exists():
            return None
        before = _status("VmRSS:")
        CLEAR.write_text("5")
        kept = call()
        after = _status("VmHWM:")
        del kept
        return max(0, after - before)
    tracemalloc.start()
    try:
        kept = call()
        found = tracemalloc.get_traced_memory()[1]
        del kept
        return found
    finally:
        tracemalloc.stop()


def _status(key: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return 1024 * int(line.split()[1])
