"""From expressions to a program that can be written down: planned, then rewritten pass by pass,
always in one order.

What a pass needs of a library is in its `Target`; no pass knows a library by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from ..errors import LimitError, counted, limits, spoken_bytes
from ..expression import Einsum, Expr, Size, Sizes, terms, walk
from ..planning import Numbered, Planner, Program, Step, Term, arranged, seconds
from .batching import stacked
from .peephole_device import FUSIONS
from .peephole_numpy import lowered
from .search import improved
from .sharding import sharded
from .tiling import Loop, blocked, peak, sliced

#: rewrites of steps, by the names by which a backend asks for them
REWRITES: dict[str, Callable[[Program], None]] = {"numpy peepholes": lowered, **FUSIONS}


def planned(
    roots: Sequence[Expr],
    sizes: Sizes,
    number: Callable[[Size], int],
    *,
    dense: bool,
    optimize: Any,
    without: Sequence[str] = (),
    worth: float | None = None,
) -> tuple[Program, list[list[Term[int]]]]:
    """One program for all roots: their dense values, or the factors of the cores of their terms."""
    counts = [1] * len(roots) if dense else [len(terms(root)) for root in roots]
    leaves = tuple(roots) if dense else tuple(t for root in roots for t in terms(root))

    def plan(leaves: tuple[Expr, ...]) -> tuple[float, tuple[Program, list[Term[int]]]]:
        planner = Planner(leaves, sizes, number, optimize)
        program = planner.program
        factored: list[Term[int]] = []
        if dense:
            program.outputs = [planner.lower(leaf) for leaf in leaves]
        else:
            factored = [_factored(planner, leaf) for leaf in leaves]
            program.outputs = [value for t in factored for value, _ in t.factors]
        known = arranged(program)
        return seconds(program, program.live(), known), (program, factored)

    try:
        (program, factored), notes = improved(
            leaves, sizes, plan, fixed=not dense, without=without, worth=worth
        )
    except OverflowError:  # an estimate is a float
        widest = max(node.ndim for node in walk(roots))
        raise LimitError(
            f"arrays of {counted(widest, 'axis')} and these sizes have more than 1e308 entries: "
            "nothing "
            "can be planned for them"
        ) from None
    program.notes += notes
    in_order = iter(factored)
    return program, [] if dense else [[next(in_order) for _ in range(n)] for n in counts]


def _factored(planner: Planner, term: Expr) -> Term[int]:
    if isinstance(term, Einsum):
        return planner.lower_core(term)
    labels = tuple(range(term.ndim))
    return Term(((planner.lower(term), labels),), labels)


@dataclass(frozen=True)
class Target:
    """What a program is made for, as far as the passes ask."""

    kind: str  # of the dtype that is computed in: f, c, i
    itemsize: int
    dense: bool  # are the results whole arrays, or cores?
    memory_limit: int | None  # in bytes, if the caller has set one
    # computes a program without tensors; None: none is folded
    constants: Callable[[Program], Sequence[Any]] | None
    rewrites: tuple[str, ...]  # what the backend wants rewritten
    tiled: bool  # may its sources go over blocks of an axis?
    lazy: bool  # are its arrays blocks that are never in memory together?
    devices: int | None  # among which values are divided

    @property
    def most_bytes(self) -> int:
        """The bytes that one array may take."""
        return limits.dense_bytes if self.memory_limit is None else self.memory_limit


def optimized(program: Program, target: Target) -> Loop | None:
    """Bring a program into the form in which it is written down; the loop that it runs in, if it
    runs in one.

    Raises LimitError for arrays over the limit that no loop makes smaller.
    """
    inexact = target.kind in ("f", "c")
    real = target.kind == "f"  # the rewrites of steps know the rules of real floats
    limited = target.memory_limit is not None
    slices = target.tiled and limited  # only what can be cut can be brought below a limit

    if inexact and target.constants is not None:
        fold(program, target.constants)
    if real:
        for name in target.rewrites:
            REWRITES[name](program)
    steps = [(k, program.steps[k]) for k in program.live()]
    loop = None
    if real and target.tiled:
        loop = blocked(program, steps)
    if real and target.tiled and loop is None and not limited:
        stacked(program)
    if slices:
        loop = _within(program, steps, loop, target)
    elif not target.lazy:
        check_memory(program, target)
    if target.devices is not None:
        sharded(program, target.devices)
    return loop


def fold(program: Program, run: Callable[[Program], Sequence[Any]]) -> None:
    """Put held arrays in the place of all that held arrays and numbers decide; `run` computes the
    values.

    What depends on held arrays alone is done once, and the rest of the program holds what came out.
    """
    steps = program.live()
    decided = _decided(program, steps)
    outside = {v for k in steps if k not in decided for v in program.steps[k].inputs} | set(
        program.outputs
    )
    made = [
        k
        for k in sorted(decided & outside)
        if program.steps[k].kind not in ("input", "number", "ones")
    ]
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
        held = step.kind in ("number", "ones") or (
            step.kind == "input" and step.spec[0].startswith("#")
        )
        if held or (step.inputs and found.issuperset(step.inputs)):
            found.add(k)
    return found


def _within(program: Program, steps: Numbered, loop: Loop | None, target: Target) -> Loop | None:
    """The loop that keeps all arrays together below the limit of the caller."""
    most = target.most_bytes / target.itemsize
    if peak(program, steps, loop) <= most:
        return loop
    found = sliced(program, steps, most)
    if found is None:
        check_memory(program, target)
        needs = spoken_bytes(peak(program, steps) * target.itemsize)
        raise LimitError(
            f"all arrays together take {needs} at their peak, over the memory_limit of "
            f"{spoken_bytes(target.most_bytes)}, and no axis can be cut to make it less"
        )
    return found


def check_memory(program: Program, target: Target) -> None:
    """Refuse any array over the limit before it is allocated."""
    for k in program.live():
        shape = program.shape(k)
        if len(shape) > limits.axes:
            limits.check("axes", len(shape))
        size = prod(shape) * target.itemsize
        if size > target.most_bytes and program.steps[k].kind not in ("input", "ones"):
            result = k in program.outputs
            what = "the dense result" if result else "an intermediate array"
            hint = "dense=False keeps its structure, or " if target.dense and result else ""
            raise LimitError(
                f"{what} of shape {shape} takes {spoken_bytes(size)}, over the limit of "
                f"{spoken_bytes(target.most_bytes)}: {hint}raise memory_limit or "
                "ed.limits.dense_bytes"
            )
