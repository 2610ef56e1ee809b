"""Steps that depend on held arrays only, done once: the rest of the program holds what they gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from .steps import Program, Step


def fold(program: Program, run: Callable[[Program], Sequence[Any]]) -> None:
    """Put held arrays in the place of all that held arrays and numbers decide; `run` computes the values."""
    steps = program.live()
    decided = _decided(program, steps)
    outside = {v for k in steps if k not in decided for v in program.steps[k].inputs} | set(program.outputs)
    made = [k for k in sorted(decided & outside) if program.steps[k].kind not in ("input", "number", "ones")]
    if not made:
        return
    values = run(replace(program, outputs=made, steps=list(program.steps), held=list(program.held)))
    for k, value in zip(made, values, strict=True):
        sizes = program.steps[k].sizes
        program.steps[k] = Step("input", (), (f"#{len(program.held)}",), sizes, 0)
        program.held.append(value)


def _decided(program: Program, steps: Sequence[int]) -> set[int]:
    """The steps that no tensor has a part in."""
    found: set[int] = set()
    for k in steps:
        step = program.steps[k]
        held = step.kind in ("number", "ones") or (step.kind == "input" and step.spec[0].startswith("#"))
        if held or (step.inputs and found.issuperset(step.inputs)):
            found.add(k)
    return found
