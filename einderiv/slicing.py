"""A limit on memory: what a program holds at its peak, and the loop that keeps it below."""

from __future__ import annotations

from functools import partial

from .blocking import Loop, along, seconds
from .liveness import Liveness, owner
from .steps import Numbered, Program, memory


def peak(program: Program, steps: Numbered, loop: Loop | None = None) -> float:
    """The most entries that a program holds at a time: results and values on the way, not its inputs."""
    order = [pair for part in loop.ordered(steps) for pair in part] if loop else steps
    inside = loop.blocks if loop else set()
    liveness = Liveness(order, program.outputs, inside=inside, owned=partial(owner, program))
    together = loop.whole | loop.partial if loop else set()  # made before the loop, filled by it
    held, most = float(sum(map(program.entries, together))), 0.0
    for k, step in order:
        if memory(step.kind).takes:
            held += _made(program, k, loop)
        most = max(most, held)
        ended = [v for v in liveness.ended(k, step) if memory(program.steps[v].kind).takes]
        held -= sum(_made(program, v, loop) for v in ended)
    copied = sum(program.entries(v) for v in program.outputs if owner(program, v) != v)
    return max(most, held + copied)


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
