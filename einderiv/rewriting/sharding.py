"""Programs for several devices: which axis of every value is divided among them.

An axis of the result is kept by every step that has it, so nothing is added across devices along
it. For each result the axis is taken that divides the most work and memory, and followed back to
the inputs. A value that steps want divided along different axes, or one of them whole, is on every
device: once the inputs are in place no device sends another anything. Facts: GSPMD, arXiv
2105.04663, section 3.
"""

from __future__ import annotations

from ..errors import EinderivError, counted
from ..planning import Program, Step, orders, step_seconds

# kinds whose values follow those that they are made of
FREE = ("view", "scale", "number", "ones", "factor")
# of a value the axis that is divided; None: every device has all of it
Axes = dict[int, int | None]


def sharded(program: Program, devices: int) -> None:
    """Say in a program, after each step that works, how its value is divided among `devices`.

    Raises EinderivError where no axis of a result can be: its size is no multiple of `devices`.
    """
    axes = divided(program, devices)
    new: dict[int, int] = {}
    for k, axis in sorted(axes.items()):
        step = program.steps[k]
        if step.sizes and (step.kind not in FREE or k in program.outputs):
            new[k] = program.add("shard", (k,), (axis,), step.sizes)
    for k, step in enumerate(program.steps):
        if step.kind != "shard":
            program.steps[k] = step._replace(inputs=tuple(new.get(v, v) for v in step.inputs))
    program.outputs[:] = [new.get(k, k) for k in program.outputs]
    program.sort()


def divided(program: Program, devices: int) -> Axes:
    """The axis of every value that the outputs need."""
    known = orders(program)
    steps = program.live()
    cost = {k: step_seconds(program, k, known) for k in steps}
    work, room = sum(cost.values()) or 1, sum(map(program.entries, steps)) or 1

    def gain(axes: Axes) -> float:
        """The shares of the work and of the memory that are divided."""
        return sum(
            cost[k] / work + program.entries(k) / room
            for k, axis in axes.items()
            if axis is not None
        )

    chosen: Axes = dict.fromkeys(program.outputs)
    for root in chosen:
        shape = program.shape(root)
        places = [p for p, n in enumerate(shape) if n and n % devices == 0]
        if shape and not places:
            raise EinderivError(
                f"no axis of a result of shape {shape} divides among {devices} devices: "
                f"one of its sizes must be a multiple of {devices}"
            )
        if places:
            chosen[root] = max(
                places, key=lambda p: gain(_assigned(program, {**chosen, root: p}, devices))
            )
    return _assigned(program, chosen, devices)


def _assigned(program: Program, chosen: Axes, devices: int) -> Axes:
    """The axes that results have, followed back to the inputs."""
    wishes: dict[int, set[int | None]] = {k: {axis} for k, axis in chosen.items()}
    axes: Axes = {}
    for k in reversed(program.live()):
        found = next(iter(wishes[k])) if len(wishes[k]) == 1 else None
        axis = axes[k] = None if found is None or program.shape(k)[found] % devices else found
        step = program.steps[k]
        before = [None] * len(step.inputs) if axis is None else _before(program, step, axis)
        for v, p in zip(step.inputs, before, strict=True):
            wishes.setdefault(v, set()).add(p)
    return axes


def _before(program: Program, step: Step, axis: int) -> list[int | None]:
    """Which axis of each input the axis of a result is."""
    match step.kind:
        case "view" | "sum":
            labels, out = step.spec
            return [_only(labels, out[axis])]
        case "contract2":
            *operands, out = step.spec
            return [_only(labels, out[axis]) for labels in operands]
        case "write":
            return [_only(labels, output[axis]) for labels, output in step.spec]
        case "scale" | "add" | "combine":
            return [axis] * len(step.inputs)
        case "apply" if step.spec[0].kind != "factored":
            batch = len(program.shape(step.inputs[0])) - step.spec[1]
            return [
                axis if axis < batch and len(program.shape(v)) > axis else None for v in step.inputs
            ]
    return [None] * len(step.inputs)  # systems too: XLA does not divide the calls of LAPACK


def _only(labels: tuple[int, ...], label: int) -> int | None:
    """Where a label is, if it is there once: a diagonal is read on one device."""
    return labels.index(label) if labels.count(label) == 1 else None


def check_mesh(mesh: object, backend: str | None) -> None:
    """Raise unless `mesh` is one of JAX, and JAX computes."""
    if backend != "jax":
        raise EinderivError("a mesh divides arrays of JAX: say backend='jax' too")
    if not (type(mesh).__module__.startswith("jax.") and type(mesh).__name__ == "Mesh"):
        raise TypeError(
            f"mesh is a jax.sharding.Mesh, not {type(mesh).__name__}: "
            "jax.make_mesh((8,), ('devices',)) makes one"
        )
    size: int = mesh.size  # type: ignore[attr-defined]
    if size < 1:
        raise EinderivError(f"the mesh has {counted(size, 'device')}")
