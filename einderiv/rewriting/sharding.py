"""Programs for several devices: which axis of every value is divided among them.

An axis of the result is kept by every step that has it, so nothing is added across devices along
it. For each result the axis is taken that divides the most work and memory, and followed back to
the inputs. A value that steps want divided along different axes, or one of them whole, is on every
device: once the inputs are in place no device sends another anything. Facts: GSPMD, arXiv
2105.04663, section 3.
"""

from __future__ import annotations

from ..errors import EinderivError
from ..planning import Ops, Program, axes_in_operands, orders, step_seconds
from .target import Target

# of a value the axis that is divided; None: every device has all of it
Axes = dict[int, int | None]


def shard(program: Program, target: Target) -> Program:
    """The program that says, after each step that works, how its value is divided among devices.

    Raises EinderivError where no axis of a result can be: its size is no multiple of their number.
    """
    assert target.devices is not None, "a target without devices divides nothing"
    axes = divided(program, target.devices)
    sharded = program.copy()
    shards: dict[int, int] = {}
    for k, axis in sorted(axes.items()):
        step = program.steps[k]
        if step.sizes and (not step.op.follows or k in program.outputs):
            shards[k] = sharded.add(Ops.SHARD, (k,), (axis,), step.sizes)
    for k, step in enumerate(program.steps):
        sharded.steps[k] = step._replace(inputs=tuple(shards.get(v, v) for v in step.inputs))
    sharded.outputs = [shards.get(k, k) for k in program.outputs]
    sharded.sort()
    return sharded


def divided(program: Program, devices: int) -> Axes:
    """The axis of every value that the outputs need."""
    known = orders(program)
    values = program.live()
    cost = {k: step_seconds(program, k, known) for k in values}
    work = sum(cost.values()) or 1
    room = sum(map(program.entries, values)) or 1

    def gain(axes: Axes) -> float:
        """The shares of the work and of the memory that are divided."""
        shares = 0.0
        for k, axis in axes.items():
            if axis is not None:
                shares += cost[k] / work + program.entries(k) / room
        return shares

    chosen: Axes = dict.fromkeys(program.outputs)
    for root in chosen:
        shape = program.shape(root)
        places = [p for p, n in enumerate(shape) if n and n % devices == 0]
        if shape and not places:
            raise EinderivError(
                f"no axis of a result of shape {shape} divides among {devices} devices: "
                f"one of its sizes must be a multiple of {devices}"
            )
        gains = {p: gain(_assigned(program, {**chosen, root: p}, devices)) for p in places}
        if gains:
            chosen[root] = max(gains, key=gains.__getitem__)
    return _assigned(program, chosen, devices)


def _assigned(program: Program, chosen: Axes, devices: int) -> Axes:
    """The axes that results have, followed back to the inputs."""
    wishes: dict[int, set[int | None]] = {k: {axis} for k, axis in chosen.items()}
    axes: Axes = {}
    for k in reversed(program.live()):
        step = program.steps[k]
        wish = next(iter(wishes[k])) if len(wishes[k]) == 1 else None
        if wish is not None and program.shape(k)[wish] % devices:
            wish = None
        axes[k] = wish
        if wish is None:
            of_operands: list[int | None] = [None] * len(step.inputs)
        else:
            of_operands = axes_in_operands(step, wish)
        for v, axis in zip(step.inputs, of_operands, strict=True):
            wishes.setdefault(v, set()).add(axis)
    return axes
