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

from .blocking import Loop, Numbered
from .functions import ADDED
from .numpy_backend import fills, placed
from .source_text import Spell, aligned, combination, literal, product
from .steps import Program, Step

LARGE = 1 << 12  # entries: below it an allocation costs less than the thought
NEVER = -1
GIVEN = ("input", "number", "ones", "factor")  # the kinds whose result is no array of the source's own
VIEWS = ("view", "reshape", "take", "factor")  # the kinds whose result may share the memory of their input


class Lives:
    """When the values of a program are read for the last time."""

    def __init__(self, program: Program, steps: Numbered, loop: Loop | None = None) -> None:
        self.program = program
        if loop:
            before, inside, after = loop.ordered(steps)
            steps = [*before, *inside, *after]
        self.kept = {self._base(k) for k in program.outputs}
        self.last: dict[int, int] = {}
        self.views: dict[int, list[int]] = defaultdict(list)
        for k, step in steps:
            if (base := self._base(k)) != k:
                self.views[base].append(k)
            for value in step.inputs:
                again = loop is not None and loop.inside(k) and not loop.inside(value)  # the next block reads it too
                self.last[self._base(value)] = NEVER if again else k
            if step.kind == "apply" and step.spec[0].name in ADDED:  # a user's function may answer its argument
                self.kept.update(self._base(value) for value in (k, *step.inputs))

    def _base(self, value: int) -> int:
        """The value whose memory `value` may be."""
        while self.program.steps[value].kind in VIEWS:
            value = self.program.steps[value].inputs[0]
        return value

    def free(self, value: int, k: int) -> bool:
        """Is step `k` the last that reads `value`, a large array, and no view, that nobody gave or gets?"""
        kind = self.program.steps[value].kind
        alone = self._base(value) == value and kind not in GIVEN and value not in self.kept
        return alone and self.last.get(value) == k and self.program.entries(value) >= LARGE

    def alone(self, value: int, step: Step) -> bool:
        """Is `value` one operand of `step`, and no other a view of it? A later line would read what the first wrote."""
        return [self._base(v) for v in step.inputs].count(value) == 1

    def dropped(self, k: int, step: Step) -> list[int]:
        """Values that step `k` is the last to read, with what shows their memory."""
        bases = [base for base in dict.fromkeys(map(self._base, step.inputs)) if self.free(base, k)]
        return [value for base in bases for value in (base, *self.views[base])]


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
