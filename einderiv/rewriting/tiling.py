"""One loop over blocks of an axis, for two reasons: what steps pass on stays in the cache, or all
within a limit.

An elementwise step on an array beyond the cache waits for memory, twice. Cut along an axis that the
steps share, a block of it is made, changed and contracted before the next one is begun. The axis
may belong to the results, which are then filled block by block; where it is summed, the results of
the blocks are added up. :func:`tile_for_cache` finds the loop that is fastest,
:func:`tile_for_limit` one that holds no more at its peak than a limit. Which axes run together is
said by the rows of the ops.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod

from ..errors import LimitError, spoken_bytes
from ..planning import (
    Liveness,
    Loop,
    Numbered,
    Ops,
    Program,
    Step,
    arithmetic,
    axes_in_operands,
    costs,
    orders,
    owner,
    run_together,
    seconds,
    step_seconds,
    tuning,
)
from .memory_check import check_memory
from .target import Target

Places = dict[int, int]  # axes by operand, or by value


def tile_for_cache(program: Program, _: Target) -> Program:
    """The program in the loop that saves most time, if one saves enough to be worth it."""
    steps = program.live_steps()
    there = given(program, steps)
    wide = [k for k, step in steps if program.entries(k) >= tuning.wide_entries]
    if not set(wide) - set(there):
        return program
    there.sort(key=lambda k: (program.entries(k), k), reverse=True)
    seeds = [
        (k, axis)
        for k in there
        for axis, count in enumerate(program.shape(k))
        if count > 4 * tuning.thin_rows
    ]
    best: Loop | None = None
    least = tuning.tiling_gain * seconds(program, [k for k, _ in steps])
    for seed in seeds[: tuning.tiling_seeds]:
        loop = along(program, steps, seed)
        if loop is None:
            continue
        row = working(program, steps, loop)
        loop.rows = min(int(costs.cache / (8 * row)), loop.count // 2)
        thin = loop.rows < tuning.thin_rows and row < tuning.thick_entries
        if not loop.rows or thin:
            continue
        time = looped_seconds(program, steps, loop)
        if time < least:
            best, least = loop, time
    return program if best is None else replace(program, loop=best)


def tile_for_limit(program: Program, target: Target) -> Program:
    """The program in a loop that keeps all arrays together below the limit of the caller.

    Raises LimitError where no loop does.
    """
    steps = program.live_steps()
    most = target.most_bytes / target.itemsize
    if peak(program, steps, program.loop) <= most:
        return program
    loop = smaller(program, steps, most)
    if loop is not None:
        return replace(program, loop=loop)
    check_memory(program, target)
    needs = spoken_bytes(peak(program, steps) * target.itemsize)
    raise LimitError(
        f"all arrays together take {needs} at their peak, over the memory_limit of "
        f"{spoken_bytes(target.most_bytes)}, and no axis can be cut to make it less"
    )


def smaller(program: Program, steps: Numbered, most: float) -> Loop | None:
    """The fastest loop that holds at most so many entries; one that adds nothing up, if there is
    one.
    """
    best: Loop | None = None
    least: tuple[bool, float] = (True, float("inf"))
    for value in given(program, steps):
        for axis, count in enumerate(program.shape(value)):
            loop = along(program, steps, (value, axis)) if count > 1 else None
            if loop is None or not fits(program, steps, loop, most):
                continue
            loop.reports = True
            rank = bool(loop.partial), looped_seconds(program, steps, loop)
            if best is None or rank < least:
                best, least = loop, rank
    return best


def given(program: Program, steps: Numbered) -> list[int]:
    """The values that need not be made: inputs, and views such as ``x[1:]``, along whose axes a
    loop may run though it runs along none of x.
    """
    found: list[int] = []
    for k, step in steps:
        is_view = step.op is Ops.READ and not program.copied(k)
        if step.op is Ops.INPUT or is_view:
            found.append(k)
    return found


def fits(program: Program, steps: Numbered, loop: Loop, most: float) -> bool:
    """Choose the largest blocks with which a loop holds at most so many entries; False if it
    never does.
    """
    low, high = 0, loop.count - 1
    while low < high:
        loop.rows = (low + high + 1) // 2
        if peak(program, steps, loop) <= most:
            low = loop.rows
        else:
            high = loop.rows - 1
    loop.rows = low
    return low > 0


# ---- what a loop holds, and how long it takes
def working(program: Program, steps: Numbered, loop: Loop) -> float:
    """The entries for one row of all values that live at a time inside the loop."""
    inside = [(k, step) for k, step in steps if loop.inside(k)]
    liveness = Liveness(inside)  # a view counts as if it were copied
    alive, most = 0.0, 1.0
    for k, step in inside:
        ended = [v for v in liveness.ended(k, step) if v in loop.axis]
        # written over an operand that nothing else needs
        operands = [v for v in ended if v != k and program.steps[v].op is not Ops.INPUT]
        over = step.op.elementwise and bool(operands)
        if k in loop.axis and not over:
            alive += program.entries(k)
        most = max(most, alive)
        alive -= sum(map(program.entries, ended))
        if over:
            alive += program.entries(k)
    return max(most / loop.count, 1.0)


def peak(program: Program, steps: Numbered, loop: Loop | None = None) -> float:
    """The most entries that a program holds at a time: results and values on the way, not its
    inputs.
    """
    order, inside, together = steps, set[int](), set[int]()
    if loop is not None:
        before, within, after = loop.ordered(steps)
        order, inside = before + within + after, loop.blocks
        together = loop.whole | loop.partial  # made before the loop, filled by it
    liveness = Liveness(order, program.outputs, inside=inside, owned=partial(owner, program))
    held, most = float(sum(map(program.entries, together))), 0.0
    for k, step in order:
        if step.op.memory.takes:
            held += _made(program, k, loop)
        most = max(most, held)
        for v in liveness.ended(k, step):
            if program.steps[v].op.memory.takes:
                held -= _made(program, v, loop)
    copied = 0
    for v in program.outputs:
        own = program.copied(v) if owner(program, v) == v else 0
        copied += program.entries(v) - own
    return max(most, held + copied)


def _made(program: Program, k: int, loop: Loop | None) -> float:
    """The entries of a value, or of a block of it."""
    share = loop.rows / loop.count if loop is not None and k in loop.axis else 1.0
    return program.copied(k) * share


def looped_seconds(program: Program, steps: Numbered, loop: Loop) -> float:
    """The estimated time with a loop: what is passed on inside it stays in the cache."""
    blocks = -(-loop.count // loop.rows)
    total, known = 0.0, orders(program)
    for k, step in steps:
        if not loop.inside(k):
            total += step_seconds(program, k, known)
            continue
        from_memory = 0.0
        for p, axis in loop.cuts[k].items():
            from_memory += _fetched(program, step.inputs[p], axis, loop.rows)
        if k in loop.whole:
            from_memory += _fetched(program, k, loop.axis[k], loop.rows)
        in_cache = sum(program.entries(v) for v in (k, *step.inputs) if v in loop.axis)
        if k in loop.partial:  # read and written for each block
            in_cache += 2 * blocks * program.entries(k)
        moved = 8 * (from_memory * costs.byte + in_cache * costs.cached)
        total += max(arithmetic(step), moved) + blocks * costs.step
    return total


def _fetched(program: Program, value: int, axis: int, rows: int) -> float:
    """The entries of an array that is read in blocks from memory, and more where they lie in
    short pieces.
    """
    entries = program.entries(value)
    if entries < tuning.wide_entries:
        return 0
    piece = rows * prod(program.shape(value)[axis + 1 :])
    return entries * (1 + tuning.piece_entries / max(piece, 1))


# ---- where an axis runs
def along(program: Program, steps: Numbered, seed: tuple[int, int]) -> Loop | None:
    """The loop along axis ``seed[1]`` of the input ``seed[0]``; None where it changes nothing."""
    wanted: Places = {}
    for _ in range(tuning.tiling_rounds):
        search = _Search(program, seed, wanted)
        for k, step in steps:
            search.place(k, step)
        if search.wanted == wanted:
            loop = search.loop
            loop.whole.update(v for v in program.outputs if v in loop.axis)
            return loop if loop.blocks else None
        wanted = search.wanted
    return None


class _Search:
    """Goes through the steps in order, and says of each where it stands.

    `wanted` are large values that a step inside wants in blocks, though the seed is no part of
    them, and along which axis: they are known from the round before.
    """

    def __init__(self, program: Program, seed: tuple[int, int], wanted: Places) -> None:
        self.program, self.seed, self.known, self.wanted = program, seed, wanted, dict(wanted)
        value, axis = seed
        self.loop = Loop(program.shape(value)[axis])

    def place(self, k: int, step: Step) -> None:
        """Before, inside or after."""
        loop = self.loop
        in_blocks = {p: loop.axis[v] for p, v in enumerate(step.inputs) if v in loop.axis}
        if any(v in loop.partial or v in loop.after for v in step.inputs):
            return self._put_after(k, step)
        if k in self.known:
            needed = sources(step, self.known[k])
            if not in_blocks or needed == in_blocks:
                return self._cut(k, needed or {}, self.known[k], in_blocks)
        value, axis = self.seed
        given = {p: axis for p, v in enumerate(step.inputs) if v == value}
        if not in_blocks and not given:
            return None
        through = _through(step, in_blocks or given)
        if through is None:
            return self._put_after(k, step) if in_blocks else None
        places, place = through
        elsewhere = {p: axis for p, axis in places.items() if in_blocks.get(p, axis) != axis}
        if elsewhere or any(p not in places for p in in_blocks):
            for p, axis in elsewhere.items():
                # It is cut elsewhere, as the seed happens to be a part of it.
                self._seek(step.inputs[p], axis)
            return self._put_after(k, step) if in_blocks else None
        if place is None and not in_blocks:
            return None  # a sum over what is given in one piece
        return self._cut(k, places, place, in_blocks)

    def _cut(self, k: int, places: Places, place: int | None, in_blocks: Places) -> None:
        """Inside, with operands cut at `places`; the result has the axis at `place`, or is a part
        of a sum.
        """
        if place is None:
            self.loop.partial.add(k)
        else:
            self.loop.axis[k] = place
        step = self.program.steps[k]
        cuts: Places = {}
        for p, axis in places.items():
            if p not in in_blocks and step.operand_sizes[p]:  # numbers have no axes
                cuts[p] = axis
        self.loop.cuts[k] = cuts
        for p, axis in cuts.items():
            self._seek(step.inputs[p], axis)

    def _put_after(self, k: int, step: Step) -> None:
        self.loop.after.add(k)
        self.loop.whole.update(v for v in step.inputs if v in self.loop.axis)

    def _seek(self, value: int, axis: int) -> None:
        """A large value from outside is wanted in blocks: it is made so, if what it is made of
        can be cut.
        """
        step = self.program.steps[value]
        large = self.program.entries(value) >= tuning.wide_entries
        if step.op is not Ops.INPUT and large and sources(step, axis):
            self.wanted.setdefault(value, axis)


def _through(step: Step, places: Places) -> tuple[Places, int | None] | None:
    """Where all operands of `step` have the axis that some have at `places`, and where the result
    has it: None for a sum over the axis. None where the step needs the axis in one piece.
    """
    if step.of_user:  # it may look at more than a block
        return None
    operand, axis = next(iter(places.items()))
    return run_together(step, operand, axis)


def sources(step: Step, axis: int) -> Places | None:
    """Where the operands of `step` have the axis that the result has at `axis`; None where one of
    them needs it in one piece.
    """
    operands, results = step.indexing
    if step.of_user:
        return None
    for operand, result in zip(operands, results, strict=True):
        label = result[axis]
        if label is None or operand.count(label) > 1 or result.count(label) > 1:
            return None
    axes = axes_in_operands(step, axis)
    return {p: place for p, place in enumerate(axes) if place is not None}
