"""Steps that NumPy writes into an array that is there: an operand that nobody reads any more, or
one of ``out=``.

A fresh array over 32 MB costs more than the arithmetic on it, for its pages are new each time. So
an elementwise step on a large array is written over one of its operands, what is not needed is
dropped before the next allocation, and results go into the arrays of the caller. Buffers kept from
call to call would add a tenth to that at most: below 32 MB the C library keeps them, above it a
chain has few left.

Both are one spelling with another target:

=========  ==========================  ==========================
kind       over the operand ``x``      into ``out``
=========  ==========================  ==========================
scale      ``x *= 2``                  ``np.multiply(x, 2, out)``
add        ``x += y``                  ``np.add(x, y, out)``
combine    ``x -= 2 * y``              ``np.subtract(x, 2 * y, out)``
contract2  ``x *= y[:, None]``         ``np.multiply(x, y[:, None], out)``, ``np.matmul(x, y, out)``
apply      ``np.exp(x, out=x)``        ``np.exp(x, out)``, and so helpers that take ``out``
write      terms beside one that fills  all terms in their places
assemble   parts beside one that fills  all parts in their places
=========  ==========================  ==========================

And a part of an array that is put together is made where it will lie: in ``y = empty; np.exp(x,
y[:5])`` for ``y[:5] = exp(x)``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ..planning import (
    OWN,
    Liveness,
    Loop,
    Numbered,
    Op,
    Ops,
    Program,
    Step,
    base,
    contraction,
    sums,
    tuning,
)
from .numpy import fills, numpy_step, place, placed, placed_in_turn
from .numpy_helpers import HELPERS
from .numpy_index_spelling import assembled_parts, assigned_text, cleared_lines, part_line
from .source_text import (
    Spell,
    aligned,
    combination,
    embedded_terms,
    literal,
    scale_factors,
    transposed,
)

UFUNC = re.compile(r"np\.[a-z0-9]+\(\{0\}\)")
HELPER = re.compile(r"([a-z0-9_]+)\(\{0\}\)")
UFUNCS = {"+": "add", "-": "subtract", "*": "multiply"}


class Buffers:
    """Which large values of a program may be written over, and which can be dropped."""

    def __init__(self, program: Program, steps: Numbered, loop: Loop | None = None) -> None:
        self.program = program
        if loop:
            before, inside, after = loop.ordered(steps)
            steps = [*before, *inside, *after]
        kept = list(program.outputs)
        self.views: dict[int, list[int]] = defaultdict(list)  # by the value that they show
        for k, step in steps:
            shown = base(program, k)
            if shown != k:
                self.views[shown].append(k)
            if step.of_user:
                # A function of the user may return its argument itself.
                kept += (k, *step.inputs)
        again = loop.blocks if loop else ()
        self.liveness = Liveness(steps, kept, inside=again, owned=partial(base, program))

    def free(self, value: int, k: int) -> bool:
        """Is step `k` the last that reads `value`, a large array, and no view, that nobody gave
        or gets?
        """
        is_own = self.program.steps[value].op.memory == OWN
        return (
            is_own
            and self.liveness.ends(value, k)
            and self.program.entries(value) >= tuning.reused_entries
        )

    def alone(self, value: int, step: Step) -> bool:
        """Is `value` one operand of `step`, and no other a view of it? A later line would read
        what the first wrote.
        """
        return [base(self.program, v) for v in step.inputs].count(value) == 1

    def target(self, k: int, step: Step) -> int | None:
        """The operand that step `k` may be written over: the first of its shape that is free."""
        for value in step.inputs:
            fits = self.program.steps[value].sizes == self.program.steps[k].sizes
            if fits and self.free(value, k) and self.alone(value, step):
                return value
        return None

    def dropped(self, k: int, step: Step) -> list[int]:
        """Values that step `k` is the last to read, with what shows their memory."""
        dropped = []
        for value in self.liveness.ended(k, step):
            if value != k and self.free(value, k):
                dropped += [value, *self.views[value]]
        return dropped


def in_place(
    buffers: Buffers, k: int, step: Step, names: Mapping[int, str], size: Spell
) -> tuple[int, list[str]] | None:
    """Step `k` written over one of its operands: that operand, and the lines; None where it
    cannot be.
    """
    target = buffers.target(k, step)
    if target is None:
        return None
    lines = _written(step, [names[value] for value in step.inputs], size, names[target])
    return None if lines is None else (target, lines)


def out_of(
    program: Program, steps: Numbered, loop: Loop | None, buffers: Buffers, outs: Sequence[str]
) -> dict[int, str]:
    """The values that are made in the arrays `outs`: the outputs, or what these are written over.

    In ``t0 = A * B; t0 += C`` the output is written over ``A * B``, so this is made in ``out``.
    """
    made_as = _made_as(steps, loop, buffers)
    arrays: dict[int, str] = {}
    for k, out in zip(program.outputs, outs, strict=True):
        first = made_as[k]
        if program.steps[first].op.memory == OWN:
            arrays.setdefault(first, out)
    return arrays


def _made_as(steps: Numbered, loop: Loop | None, buffers: Buffers) -> dict[int, int]:
    """The first value in the array that a value ends up in."""
    made_as: dict[int, int] = {}
    for k, step in steps:
        made_as[k] = k
        if loop is not None and loop.inside(k):
            continue
        any_names = {value: f"t{value}" for value in step.inputs}
        reused = in_place(buffers, k, step, any_names, str)
        if reused:
            made_as[k] = made_as[reused[0]]
    return made_as


def made_in_place(
    program: Program, steps: Numbered, loop: Loop | None, buffers: Buffers
) -> dict[int, tuple[int, int]]:
    """The values that are made where they will lie in an array that is put together: the step that
    does that, and which of its parts it is.
    """
    found: dict[int, tuple[int, int]] = {}
    if not any(step.op is Ops.ASSEMBLE for _, step in steps):
        return found
    made_as = _made_as(steps, loop, buffers)
    for k, step in steps:
        if step.op is not Ops.ASSEMBLE or (loop is not None and loop.inside(k)):
            continue
        adds = any(part.adds for part in step.spec[0])
        for number, (part, value) in enumerate(zip(step.spec[0], step.inputs, strict=True)):
            first = made_as[value]
            inside = loop is not None and loop.inside(first)
            in_order = all(span.axis == axis for axis, span in enumerate(part.spans))
            as_it_is = in_order and part.number == 1 and not part.adds and not part.fills
            # what is added would change what another part reads of it
            unread = buffers.alone(value, step) if adds else True
            if inside or not as_it_is or not unread or not buffers.free(value, k):
                continue
            if first not in found and _writes_anywhere(program.steps[first]):
                found[first] = k, number
    return found


def _writes_anywhere(step: Step) -> bool:
    """Is a step as fast where rows do not lie side by side? Products of matrices are not."""
    return step.op is Ops.ASSEMBLE or (step.op in WRITTEN and not sums(step))


def into(step: Step, inputs: Sequence[str], size: Spell, out: str, *, zeroed: bool) -> list[str]:
    """Lines that compute a step into the array `out`; `zeroed` is what is known of a sum of terms
    in their places.

    Where a step has no form that writes, its value is copied.
    """
    if step.op is Ops.WRITE:
        return _terms(step, inputs, out, zeroed=zeroed)
    if step.op is Ops.ASSEMBLE:
        made = [*cleared_in(step, size, zeroed=zeroed), *assembled_parts(inputs, step, size)]
        return [line.replace("{out}", out) for line in made]
    assigned = assigned_text(inputs, step, size) if step.op is Ops.PLACE else None
    if assigned is not None:
        cleared = [] if zeroed else [f"{out}[...] = 0"]
        return [*cleared, assigned.replace("{out}", out)]
    lines = _written(step, inputs, size, out)
    if lines is None:
        return [f"{out}[...] = {numpy_step(step, inputs, size)[-1]}"]
    return lines


def cleared_in(step: Step, size: Spell, *, zeroed: bool) -> list[str]:
    """Lines that clear what nothing is assigned to in the array ``{out}``; `zeroed` is what is
    known of entries that are always 0.
    """
    always_zero = not any(part.adds for part in step.spec[0])
    return [] if zeroed and always_zero else cleared_lines(step, size, whole=True)


def _written(step: Step, inputs: Sequence[str], size: Spell, target: str) -> list[str] | None:
    """Lines that write the value of a step into `target`, an operand or another array; None
    where there are none.
    """
    write = WRITTEN.get(step.op)
    return None if write is None else write(step, inputs, size, target)


def _updated(x: str, sign: str, y: str, target: str) -> str:
    """A line for ``target = x sign y``."""
    return f"{target} {sign}= {y}" if x == target else f"np.{UFUNCS[sign]}({x}, {y}, {target})"


def _first(inputs: Sequence[str], target: str) -> int:
    """The operand that a sum begins with: the one that is written over."""
    return inputs.index(target) if target in inputs else 0


def _scale(step: Step, inputs: Sequence[str], size: Spell, target: str) -> list[str]:
    return [_updated(inputs[0], "*", " * ".join(scale_factors(step, size)), target)]


def _add(_: Step, inputs: Sequence[str], __: Spell, target: str) -> list[str]:
    first = _first(inputs, target)
    total = inputs[first]
    lines = []
    for x in (*inputs[:first], *inputs[first + 1 :]):
        lines.append(_updated(total, "+", x, target))
        total = target
    return lines


def _combine(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    """``x - 2 y + 3``, which begins with a term without a number."""
    numbers, constant = step.spec
    first = _first(inputs, target)
    total = inputs[first]
    if numbers[first] != 1:
        return None
    if len(inputs) == 1 and total != target:
        # x + 3 has no second term to be written with x.
        return None
    lines = []
    for position, (number, x) in enumerate(zip(numbers, inputs, strict=True)):
        if position != first:
            sign = "-" if number < 0 else "+"
            lines.append(_updated(total, sign, combination([x], [abs(number)]), target))
            total = target
    if constant:
        lines.append(f"{target} += {literal(constant)}")
    return lines


def _contract2(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    """An elementwise product, or one of two matrices."""
    x, y = inputs
    x_labels, y_labels, out = step.spec
    if y == target:
        x, x_labels, y, y_labels = y, y_labels, x, x_labels
    if x == target:
        # ij,j->ij: x *= y
        if x_labels != out or not set(y_labels) <= set(out):
            return None
        return [_updated(x, "*", aligned(y, y_labels, out), target)]
    batch, summed, first, second = contraction(x_labels, y_labels, out)
    if not summed:
        # i,j->ij
        return [_updated(aligned(x, x_labels, out), "*", aligned(y, y_labels, out), target)]
    if batch or not len(summed) == len(first) == len(second) == 1:
        return None
    if out != first + second:
        # ik,kj->ji: y'x' for x y
        x, x_labels, y, y_labels = y, y_labels, x, x_labels
        first, second = second, first
    # ik,kj->ij
    rows = transposed(x, x_labels, first + summed)
    columns = transposed(y, y_labels, summed + second)
    return [f"np.matmul({rows}, {columns}, {target})"]


def _apply(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    """A ufunc of one argument, or a helper that writes as they do: ``np.exp(x, out)``."""
    row, core, _ = step.spec
    text: str = row.spell["numpy"]
    if core or len(inputs) != 1 or not (UFUNC.fullmatch(text) or _helper_writes(text)):
        return None
    keyword = "out=" if inputs[0] == target else ""
    return [text.format(f"{inputs[0]}, {keyword}{target}")]


def _helper_writes(text: str) -> bool:
    """Is it the call of a helper that takes the array to write into as its second argument?"""
    helper = HELPER.fullmatch(text)
    if helper is None:
        return False
    name = helper.group(1)
    return f"def {name}(x, out=None):" in HELPERS.texts.get(name, "")


def _beside(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    """The other terms added to the one that is the target, if it has an entry for each of the
    sum.
    """
    terms = embedded_terms(inputs, step)
    full = terms.pop(inputs.index(target))
    if full.labels != full.output or not fills(full):
        return None
    return [placed(term).replace("{out}", target) for term in terms]


def _parts_beside(step: Step, inputs: Sequence[str], size: Spell, target: str) -> list[str] | None:
    """The other parts added to the one that is the target, if it fills all."""
    filled = inputs.index(target)
    if not step.spec[0][filled].fills:
        return None
    lines = []
    for number, x in enumerate(inputs):
        if number != filled:
            lines.append(part_line(x, step, number, size).replace("{out}", target))
    return lines


def _terms(step: Step, inputs: Sequence[str], out: str, *, zeroed: bool) -> list[str]:
    """Every term added into its place, one that takes all of the array first; `zeroed` is what
    is known of the rest.
    """
    terms = embedded_terms(inputs, step)
    terms.sort(key=lambda term: place(term.output) != "{out}")
    places = [place(term.output) for term in terms]
    lines = []
    if not places or places[0] != "{out}":
        # The first term is put into its place, the others are added to what is in theirs.
        others = [x for x in places if x != places[0]]
        cleared = dict.fromkeys(others) if zeroed else ["{out}"]
        lines = [f"{x}[...] = 0" for x in cleared]
    lines += placed_in_turn(terms)
    return [line.replace("{out}", out) for line in lines]


#: how the value of each kind of step is written into an array
WRITTEN: dict[Op, Callable[[Step, Sequence[str], Spell, str], list[str] | None]] = {
    Ops.SCALE: _scale,
    Ops.ADD: _add,
    Ops.COMBINE: _combine,
    Ops.CONTRACT: _contract2,
    Ops.OUTER: _contract2,
    Ops.APPLY: _apply,
    Ops.WRITE: _beside,
    Ops.ASSEMBLE: _parts_beside,
}
