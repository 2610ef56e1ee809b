"""A limit on memory: what a program holds at its peak, and the loop that keeps it below."""

from __future__ import annotations

from .blocking import Loop, Numbered, along, seconds
from .steps import Program, Step

SHARED = ("view", "reshape", "take")  # the kinds of steps whose result is memory of their input
NOTHING = ("input", "number", "ones", *SHARED)  # the kinds of steps that take no memory of their own


def peak(program: Program, steps: Numbered, loop: Loop | None = None) -> float:
    """The most entries that a program holds at a time: results and values on the way, not its inputs."""
    parts = loop.ordered(steps) if loop else (steps, [], [])
    order = [pair for part in parts for pair in part]
    owner: dict[int, int] = {}  # whose memory a value is
    for k, step in order:
        owner[k] = owner.get(step.inputs[0], step.inputs[0]) if step.kind in SHARED else k
    last = {owner.get(v, v): k for k, step in order for v in (k, *step.inputs)}
    kept = {owner.get(v, v) for v in program.outputs}
    alive = dict.fromkeys(loop.whole | loop.partial, 1.0) if loop else {}
    held, most = float(sum(map(program.entries, alive))), 0.0
    for k, step in order:
        inside = loop is not None and loop.inside(k)
        if _owns(step):
            held += _made(program, k, loop)
        most = max(most, held)
        for v in {owner.get(v, v) for v in (k, *step.inputs)}:
            again = inside and loop is not None and not loop.inside(v)  # the next block needs it too
            if last[v] == k and v not in kept and not again and _owns(program.steps[v]):
                held -= _made(program, v, loop)
    copied = sum(program.entries(v) for v in program.outputs if program.steps[v].kind in SHARED)
    return max(most, held + copied)


def _owns(step: Step) -> bool:
    return step.kind not in NOTHING


def _made(program: Program, k: int, loop: Loop | None) -> float:
    """The entries of a value, or of a block of it."""
    return program.entries(k) * (loop.rows / loop.count if loop and k in loop.axis else 1.0)


def sliced(program: Program, steps: Numbered, most: float) -> Loop | None:
    """The fastest loop that holds at most so many entries; one that adds nothing up, if there is one."""
    found: list[tuple[bool, float, Loop]] = []
    for value, step in steps:
        if step.kind != "input":
            continue
        for axis, n in enumerate(program.shape(value)):
            loop = along(program, steps, (value, axis)) if n > 1 else None
            if loop and fits(program, steps, loop, most):
                loop.reports = True
                found.append((bool(loop.partial), seconds(program, steps, loop), loop))
    return min(found, key=lambda row: row[:2])[2] if found else None


def fits(program: Program, steps: Numbered, loop: Loop, most: float) -> bool:
    """Choose the largest blocks with which a loop holds at most so many entries; False if it never does."""
    low, high = 0, loop.count - 1
    while low < high:
        loop.rows = (low + high + 1) // 2
        low, high = (loop.rows, high) if peak(program, steps, loop) <= most else (low, loop.rows - 1)
    loop.rows = low
    return low > 0
