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
apply      ``np.exp(x, out=x)``        ``np.exp(x, out)``
write      terms beside one that fills  all terms in their places
=========  ==========================  ==========================
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ..planning import OWN, Liveness, Loop, Numbered, Op, Ops, Program, Step, base, contraction
from .numpy import fills, numpy_step, place, placed
from .source_text import Spell, aligned, combination, literal, product, transposed

LARGE = 1 << 12  # entries: below it an allocation costs less than the thought
UFUNC = re.compile(r"np\.[a-z0-9]+\(\{0\}\)")
UFUNCS = {"+": "add", "-": "subtract", "*": "multiply"}


class Buffers:
    """Which large values of a program may be written over, and which can be dropped."""

    def __init__(self, program: Program, steps: Numbered, loop: Loop | None = None) -> None:
        self.program = program
        order = [pair for part in loop.ordered(steps) for pair in part] if loop else steps
        kept = list(program.outputs)
        self.views: dict[int, list[int]] = defaultdict(list)
        for k, step in order:
            if (shown := base(program, k)) != k:
                self.views[shown].append(k)
            if step.of_user:
                # A user's function may answer its argument.
                kept += (k, *step.inputs)
        self.liveness = Liveness(
            order, kept, inside=loop.blocks if loop else (), owned=partial(base, program)
        )

    def free(self, value: int, k: int) -> bool:
        """Is step `k` the last that reads `value`, a large array, and no view, that nobody gave
        or gets?
        """
        own = self.program.steps[value].op.memory == OWN
        return own and self.liveness.ends(value, k) and self.program.entries(value) >= LARGE

    def alone(self, value: int, step: Step) -> bool:
        """Is `value` one operand of `step`, and no other a view of it? A later line would read
        what the first wrote.
        """
        return [base(self.program, v) for v in step.inputs].count(value) == 1

    def dropped(self, k: int, step: Step) -> list[int]:
        """Values that step `k` is the last to read, with what shows their memory."""
        read = [
            value for value in self.liveness.ended(k, step) if value != k and self.free(value, k)
        ]
        return [value for shown in read for value in (shown, *self.views[shown])]


def out_of(
    program: Program, steps: Numbered, loop: Loop | None, buffers: Buffers, outs: Sequence[str]
) -> dict[int, str]:
    """The values that are made in the arrays `outs`: the outputs, or what they are written over."""
    head: dict[int, int] = {}
    for k, step in steps:
        inside = loop is not None and loop.inside(k)
        reused = (
            None if inside else in_place(buffers, k, step, {v: f"t{v}" for v in step.inputs}, str)
        )
        head[k] = head[reused[0]] if reused else k
    found: dict[int, str] = {}
    for k, out in zip(program.outputs, outs, strict=True):
        if program.steps[head[k]].op.memory == OWN:
            found.setdefault(head[k], out)
    return found


def in_place(
    buffers: Buffers, k: int, step: Step, variables: Mapping[int, str], size: Spell
) -> tuple[int, list[str]] | None:
    """Step `k` written over one of its operands: that operand, and the lines; None where it
    cannot be.
    """
    sizes = buffers.program.steps[k].sizes
    for value in step.inputs:
        fits = buffers.program.steps[value].sizes == sizes
        if fits and buffers.free(value, k) and buffers.alone(value, step):
            lines = _written(step, [variables[v] for v in step.inputs], size, variables[value])
            return None if lines is None else (value, lines)
    return None


def into(step: Step, inputs: Sequence[str], size: Spell, out: str, *, zeroed: bool) -> list[str]:
    """Lines that compute a step into the array `out`; `zeroed` is what is known of a sum of terms
    in their places.

    Where a step has no form that writes, its value is copied.
    """
    if step.op is Ops.WRITE:
        return _terms(step, inputs, out, zeroed=zeroed)
    lines = _written(step, inputs, size, out)
    return [f"{out}[...] = {numpy_step(step, inputs, size)[-1]}"] if lines is None else lines


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
    number, sizes = step.spec
    front = [literal(number)] * (number != 1) + [product([size(s) for s in sizes])] * bool(sizes)
    return [_updated(inputs[0], "*", " * ".join(front), target)]


def _add(_: Step, inputs: Sequence[str], __: Spell, target: str) -> list[str]:
    first = _first(inputs, target)
    lines, total = list[str](), inputs[first]
    for x in (*inputs[:first], *inputs[first + 1 :]):
        lines.append(_updated(total, "+", x, target))
        total = target
    return lines


def _combine(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    """``x - 2 y + 3``, which begins with a term without a number."""
    numbers, constant = step.spec
    first = _first(inputs, target)
    lines, total = list[str](), inputs[first]
    if numbers[first] != 1 or (len(inputs) == 1 and total != target):
        return None
    for p, (number, x) in enumerate(zip(numbers, inputs, strict=True)):
        if p != first:
            lines.append(
                _updated(total, "-" if number < 0 else "+", combination([x], [abs(number)]), target)
            )
            total = target
    return [*lines, *[f"{target} += {literal(constant)}"] * bool(constant)]


def _contract2(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    """An elementwise product, or one of two matrices."""
    (la, lb, out), (x, y) = step.spec, inputs
    if y == target:
        (la, x), (lb, y) = (lb, y), (la, x)
    if x == target:
        return (
            [_updated(x, "*", aligned(y, lb, out), target)]
            if la == out and set(lb) <= set(out)
            else None
        )
    batch, summed, first, second = contraction(la, lb, out)
    if not summed:
        return [_updated(aligned(x, la, out), "*", aligned(y, lb, out), target)]
    if batch or len(summed) != 1 or len(first) != 1 or len(second) != 1:
        return None
    if out != first + second:
        (x, la, first), (y, lb, second) = (y, lb, second), (x, la, first)
    return [
        f"np.matmul({transposed(x, la, first + summed)}, {transposed(y, lb, summed + second)}, "
        f"{target})"
    ]


def _apply(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    row, core, _ = step.spec
    text: str = row.spell["numpy"]
    if core or len(inputs) != 1 or not UFUNC.fullmatch(text):
        return None
    return [text.format(f"{inputs[0]}, {'out=' * (inputs[0] == target)}{target}")]


def _beside(step: Step, inputs: Sequence[str], _: Spell, target: str) -> list[str] | None:
    """The other terms added to the one that is the target, if it has an entry for each of the
    sum.
    """
    full = inputs.index(target)
    labels, output = step.spec[full]
    if labels != output or not fills(labels, output):
        return None
    others = [term for p, term in enumerate(zip(inputs, step.spec, strict=True)) if p != full]
    return [placed(term).replace("{out}", target) for term in others]


def _terms(step: Step, inputs: Sequence[str], out: str, *, zeroed: bool) -> list[str]:
    """Every term added into its place, one that takes all of the array first; `zeroed` is what
    is known of the rest.
    """
    terms = sorted(
        zip(inputs, step.spec, strict=True), key=lambda term: place(term[1][1]) != "{out}"
    )
    places = [place(output) for _, (_, output) in terms]
    lines = []
    if not terms or places[0] != "{out}":
        cleared = dict.fromkeys(x for x in places if x != places[0]) if zeroed else ("{out}",)
        lines = [f"{x}[...] = 0" for x in cleared]
    lines += [placed(term, "+=" if k else "=") for k, term in enumerate(terms)]
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
}
