"""A step that writes into an array which is there already: what ``out=`` becomes.

A fresh array of a gigabyte costs more than what is written into it, for its pages are new. Where a step has no form
that writes, its value is copied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .blocking import Loop, Numbered
from .buffers import GIVEN, VIEWS, Lives, in_place
from .numpy_backend import numpy_step, place, placed
from .source_text import Spell, aligned, combination, literal, product, transposed
from .steps import Program, Step, contraction

UFUNC = re.compile(r"np\.[a-z0-9]+\(\{0\}\)")


def homes(program: Program, steps: Numbered, loop: Loop | None, lives: Lives, outs: Sequence[str]) -> dict[int, str]:
    """The values that are made in the arrays `outs`: the outputs, or what they are written over."""
    head: dict[int, int] = {}
    for k, step in steps:
        inside = loop is not None and loop.inside(k)
        reused = None if inside else in_place(lives, k, step, {v: f"t{v}" for v in step.inputs}, str)
        head[k] = head[reused[0]] if reused else k
    found: dict[int, str] = {}
    for k, out in zip(program.outputs, outs, strict=True):
        if program.steps[head[k]].kind not in (*GIVEN, *VIEWS):
            found.setdefault(head[k], out)
    return found


def into(step: Step, inputs: Sequence[str], size: Spell, out: str, *, zeroed: bool) -> list[str]:
    """Lines that compute a step into the array `out`; `zeroed` is what is known of a sum of terms in their places."""
    match step.kind:
        case "write":
            return [line.replace("{out}", out) for line in _terms(step, inputs, zeroed=zeroed)]
        case "contract2" | "outer" if operands := _operands(step, inputs):
            return [f"np.{operands[0]}({operands[1]}, {operands[2]}, {out})"]
        case "scale":
            number, sizes = step.spec
            front = [literal(number)] * (number != 1) + [product([size(s) for s in sizes])] * bool(sizes)
            return [f"np.multiply({inputs[0]}, {' * '.join(front)}, {out})"]
        case "add":
            return [f"np.add({inputs[0]}, {inputs[1]}, {out})", *(f"{out} += {x}" for x in inputs[2:])]
        case "combine" if step.spec[0][0] == 1 and len(inputs) > 1:
            numbers, constant = step.spec
            (c, x), *others = zip(numbers[1:], inputs[1:], strict=True)
            first = f"np.{'subtract' if c < 0 else 'add'}({inputs[0]}, {combination([x], [abs(c)])}, {out})"
            rest = [f"{out} {'-' if c < 0 else '+'}= {combination([x], [abs(c)])}" for c, x in others]
            return [first, *rest, *[f"{out} += {literal(constant)}"] * bool(constant)]
        case "apply" if step.spec[1] == 0 and len(inputs) == 1 and UFUNC.fullmatch(step.spec[0].spell["numpy"]):
            return [step.spec[0].spell["numpy"].format(f"{inputs[0]}, {out}")]
    return [f"{out}[...] = {numpy_step(step, inputs, size)[-1]}"]


def _terms(step: Step, inputs: Sequence[str], *, zeroed: bool) -> list[str]:
    """Every term added into its place, one that takes all of the array first; `zeroed` is what is known of the rest."""
    terms = sorted(zip(inputs, step.spec, strict=True), key=lambda term: place(term[1][1]) != "{out}")
    places = [place(output) for _, (_, output) in terms]
    lines = []
    if not terms or places[0] != "{out}":
        cleared = dict.fromkeys(x for x in places if x != places[0]) if zeroed else ("{out}",)
        lines = [f"{x}[...] = 0" for x in cleared]
    return [*lines, *(placed(term, "+=" if k else "=") for k, term in enumerate(terms))]


def _operands(step: Step, inputs: Sequence[str]) -> tuple[str, str, str] | None:
    """The function and the operands of an elementwise product, or of one of matrices; None for any other."""
    (la, lb, out), (x, y) = step.spec, inputs
    batch, summed, first, second = contraction(la, lb, out)
    if not summed:
        return "multiply", aligned(x, la, out), aligned(y, lb, out)
    if batch or len(summed) != 1 or len(first) != 1 or len(second) != 1:
        return None
    if out != first + second:
        (x, la, first), (y, lb, second) = (y, lb, second), (x, la, first)
    return "matmul", transposed(x, la, first + summed), transposed(y, lb, summed + second)
