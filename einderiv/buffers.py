"""Which large values may be overwritten by the next step, and which can be dropped.

A fresh array over 32 MB costs more than the arithmetic on it: its pages are new each time. So an elementwise step
writes into an operand that nobody reads any more, and what is not needed is dropped before the next allocation.
Buffers kept from call to call would add a tenth to that at most: below 32 MB the C library keeps them, above it a chain
has few left. What costs is the memory of results, and for that there is ``out=``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from .blocking import Loop
from .functions import ADDED
from .liveness import Liveness, base
from .spelling import Spell, aligned, combination, fills, literal, placed, product
from .steps import OWN, Numbered, Program, Step, memory

LARGE = 1 << 12  # entries: below it an allocation costs less than the thought


class Lives:
    """When the values of a program are read for the last time."""

    def __init__(self, program: Program, steps: Numbered, loop: Loop | None = None) -> None:
        self.program = program
        order = [pair for part in loop.ordered(steps) for pair in part] if loop else steps
        kept = list(program.outputs)
        self.views: dict[int, list[int]] = defaultdict(list)
        for k, step in order:
            if (shown := base(program, k)) != k:
                self.views[shown].append(k)
            if step.kind == "apply" and step.spec[0].name in ADDED:  # a user's function may answer its argument
                kept += (k, *step.inputs)
        self.liveness = Liveness(order, kept, inside=loop.blocks if loop else (), owned=partial(base, program))

    def free(self, value: int, k: int) -> bool:
        """Is step `k` the last that reads `value`, a large array, and no view, that nobody gave or gets?"""
        own = memory(self.program.steps[value].kind) == OWN
        return own and self.liveness.ends(value, k) and self.program.entries(value) >= LARGE

    def alone(self, value: int, step: Step) -> bool:
        """Is `value` one operand of `step`, and no other a view of it? A later line would read what the first wrote."""
        return [base(self.program, v) for v in step.inputs].count(value) == 1

    def dropped(self, k: int, step: Step) -> list[int]:
        """Values that step `k` is the last to read, with what shows their memory."""
        read = [value for value in self.liveness.ended(k, step) if value != k and self.free(value, k)]
        return [value for shown in read for value in (shown, *self.views[shown])]


def in_place(
    lives: Lives, k: int, step: Step, variables: Mapping[int, str], size: Spell
) -> tuple[int, list[str]] | None:
    """Step `k` written into one of its operands: that operand, and the lines; None where it cannot be."""
    same = [value for value in step.inputs if lives.free(value, k) and lives.alone(value, step)
            and lives.program.steps[value].sizes == lives.program.steps[k].sizes]  # fmt: skip
    if not same:
        return None
    target, name = same[0], variables[same[0]]
    names = [variables[value] for value in step.inputs]
    others = [variables[value] for value in step.inputs if value != target]
    match step.kind:
        case "scale":
            number, sizes = step.spec
            front = [literal(number)] * (number != 1) + [product([size(s) for s in sizes])] * bool(sizes)
            return target, [f"{name} *= {' * '.join(front)}"]
        case "add":
            return target, [f"{name} += {other}" for other in others]
        case "combine":
            numbers, constant = step.spec
            if numbers[step.inputs.index(target)] == 1:
                rest = [(c, x) for v, c, x in zip(step.inputs, numbers, names, strict=True) if v != target]
                lines = [f"{name} {'-' if c < 0 else '+'}= {combination([x], [abs(c)])}" for c, x in rest]
                return target, [*lines, *[f"{name} += {literal(constant)}"] * bool(constant)]
        case "contract2":
            la, lb, out = step.spec
            mine, other = (la, lb) if step.inputs[0] == target else (lb, la)
            if mine == out and set(other) <= set(out):
                return target, [f"{name} *= {aligned(others[0], other, out)}"]
        case "write":
            terms = list(zip(names, step.spec, strict=True))
            full = next((term for term in terms if term[0] == name and term[1][0] == term[1][1]), None)
            if full and fills(*full[1]):
                return target, [placed(term).replace("{out}", name) for term in terms if term is not full]
        case "apply":
            row, core, _ = step.spec
            if not core and not others and re.fullmatch(r"np\.[a-z0-9]+\(\{0\}\)", row.spell["numpy"]):
                return target, [row.spell["numpy"].format(f"{name}, out={name}")]
    return None
