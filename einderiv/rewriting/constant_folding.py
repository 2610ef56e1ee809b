"""What depends on held arrays and numbers alone is computed once, when a program is made.

``A⁻¹ x`` with A held: the factors of A are held from then on, and a call only solves.
"""

from __future__ import annotations

from dataclasses import replace

from ..planning import Ops, Program
from .target import Target


def fold_constants(program: Program, target: Target) -> Program:
    """Put held arrays in the place of all that held arrays and numbers decide."""
    assert target.constants is not None, "a target without constants folds none"
    decided = _decided(program)
    read = set(program.outputs)
    for k, step in program.live_steps():
        if k not in decided:
            read.update(step.inputs)
    # what has operands, for an argument or a number is nothing to compute
    worth = [k for k in sorted(decided & read) if program.steps[k].inputs]
    if not worth:
        return program
    values = target.constants(replace(program.copy(), outputs=worth))
    folded = program.copy()
    for k, value in zip(worth, values, strict=True):
        name = f"#{len(folded.held)}"
        folded.steps[k] = folded.made(Ops.INPUT, (), (name,), folded.steps[k].sizes)
        folded.held.append(value)
    return folded


def _decided(program: Program) -> set[int]:
    """The steps that no tensor has a part in."""
    decided: set[int] = set()
    for k, step in program.live_steps():
        if step.op is Ops.INPUT:
            held = step.spec[0].startswith("#")
        else:
            held = decided.issuperset(step.inputs)  # numbers and ones have no operands
        if held:
            decided.add(k)
    return decided
