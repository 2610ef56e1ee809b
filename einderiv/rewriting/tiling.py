"""One loop over blocks of an axis, for two reasons: what steps pass on stays in the cache, or all
within a limit.

An elementwise step on an array beyond the cache waits for memory, twice. Cut along an axis that the
steps share, a block of it is made, changed and contracted before the next one is begun. The axis
may belong to the results, which are then filled block by block; where it is summed, the results of
the blocks are added up. :func:`blocked` finds the loop that is fastest, :func:`sliced` one that
holds no more at its peak than a limit.

========  ===========================================================================
before    steps that the axis does not concern
inside    steps on blocks: each value has the axis at one place, or is a part of a sum
after     steps on what the loop has put together
========  ===========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import prod

from ..expression import Size
from ..functions import ADDED
from ..planning import (
    Liveness,
    Numbered,
    Program,
    Step,
    arithmetic,
    costs,
    memory,
    orders,
    owner,
    seconds,
    step_seconds,
)

Places = dict[int, int]  # axes by operand, or by value
BLOCK: Size = ("#block", 0)  # the size of an axis that is cut
WIDE = 1 << 17  # entries of a value that is worth cutting
# rows, or entries of one row: thinner blocks are slower than what they save
FEW, THICK = 8, 1 << 14
TRIED = 8  # axes, the longest arrays first
PAYS = 0.8  # of the time without a loop: less of a gain is an accident of the estimate
PIECE = 256  # entries in a row that cost as much to find as to read
ROUNDS = 6  # in which inputs are found that must be cut too


@dataclass
class Loop:
    """Where an axis of `count` entries runs through a program, `rows` of them at a time."""

    count: int
    rows: int = 0
    # the place of the axis in values that are made in blocks
    axis: dict[int, int] = field(default_factory=dict)
    partial: set[int] = field(default_factory=set)  # values that are added up
    after: set[int] = field(default_factory=set)
    # of operands from outside: step, position, axis
    cuts: dict[int, dict[int, int]] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)  # values made in blocks, and needed in one piece
    ndims: dict[int, int] = field(default_factory=dict)  # of all values
    reports: bool = False  # shows a progress bar

    def inside(self, k: int) -> bool:
        """Does step `k` run on blocks?"""
        return k in self.axis or k in self.partial

    @property
    def blocks(self) -> set[int]:
        """The steps that run on blocks."""
        return self.axis.keys() | self.partial

    def ordered(self, steps: Numbered) -> tuple[Numbered, Numbered, Numbered]:
        """The steps before, inside and after the loop."""
        parts: tuple[Numbered, Numbered, Numbered] = ([], [], [])
        for k, step in steps:
            parts[1 if self.inside(k) else 2 if k in self.after else 0].append((k, step))
        return parts

    def cut(self, k: int, step: Step) -> Step:
        """Step `k` with the size of a block in the place of the axis."""
        places = {
            p: self.axis[v] for p, v in enumerate(step.inputs) if v in self.axis
        } | self.cuts.get(k, {})
        before, start = list(step.operand_sizes), 0
        for p, ndim in enumerate(self.ndims[v] for v in step.inputs):
            if p in places:
                before[start + places[p]] = BLOCK
            start += ndim
        sizes = list(step.sizes)
        if k in self.axis:
            sizes[self.axis[k]] = BLOCK
        return step._replace(sizes=tuple(sizes), operand_sizes=tuple(before))


def blocked(program: Program, steps: Numbered) -> Loop | None:
    """The loop that saves most time, if one saves enough to be worth it."""
    if not any(program.entries(k) >= WIDE for k, step in steps if step.kind != "input"):
        return None
    inputs = sorted(
        ((program.entries(k), k) for k, step in steps if step.kind == "input"), reverse=True
    )
    seeds = [
        (k, axis) for _, k in inputs for axis, n in enumerate(program.shape(k)) if n > 4 * FEW
    ][:TRIED]
    best, least = None, PAYS * seconds(program, [k for k, _ in steps])
    for seed in seeds:
        loop = along(program, steps, seed)
        if loop is None:
            continue
        row = working(program, steps, loop)
        loop.rows = min(int(costs.cache / (8 * row)), loop.count // 2)
        if not loop.rows or (loop.rows < FEW and row < THICK):
            continue
        time = looped_seconds(program, steps, loop)
        if time < least:
            best, least = loop, time
    return best


def sliced(program: Program, steps: Numbered, most: float) -> Loop | None:
    """The fastest loop that holds at most so many entries; one that adds nothing up, if there is
    one.
    """
    found: list[tuple[bool, float, Loop]] = []
    for value, step in steps:
        if step.kind != "input":
            continue
        for axis, n in enumerate(program.shape(value)):
            loop = along(program, steps, (value, axis)) if n > 1 else None
            if loop and fits(program, steps, loop, most):
                loop.reports = True
                found.append((bool(loop.partial), looped_seconds(program, steps, loop), loop))
    return min(found, key=lambda row: row[:2])[2] if found else None


def fits(program: Program, steps: Numbered, loop: Loop, most: float) -> bool:
    """Choose the largest blocks with which a loop holds at most so many entries; False if it
    never does.
    """
    low, high = 0, loop.count - 1
    while low < high:
        loop.rows = (low + high + 1) // 2
        low, high = (
            (loop.rows, high) if peak(program, steps, loop) <= most else (low, loop.rows - 1)
        )
    loop.rows = low
    return low > 0


def working(program: Program, steps: Numbered, loop: Loop) -> float:
    """The entries for one row of all values that live at a time inside the loop."""
    inside = [(k, step) for k, step in steps if loop.inside(k)]
    liveness = Liveness(inside)  # a view counts as if it were copied
    alive, most = 0.0, 1.0
    for k, step in inside:
        cut_away = [v for v in liveness.ended(k, step) if v in loop.axis]
        over = step.kind in (
            "add",
            "combine",
            "scale",
        ) and any(  # written over an operand that nothing else needs
            v != k and program.steps[v].kind != "input" for v in cut_away
        )
        alive += program.entries(k) if k in loop.axis and not over else 0
        most = max(most, alive)
        alive -= sum(map(program.entries, cut_away))
        alive += program.entries(k) if over else 0
    return max(most / loop.count, 1.0)


def peak(program: Program, steps: Numbered, loop: Loop | None = None) -> float:
    """The most entries that a program holds at a time: results and values on the way, not its
    inputs.
    """
    order = [pair for part in loop.ordered(steps) for pair in part] if loop else steps
    inside = loop.blocks if loop else set()
    liveness = Liveness(order, program.outputs, inside=inside, owned=partial(owner, program))
    together = loop.whole | loop.partial if loop else set()  # made before the loop, filled by it
    held, most = float(sum(map(program.entries, together))), 0.0
    for k, step in order:
        if memory(step.kind).takes:
            held += _made(program, k, loop)
        most = max(most, held)
        ended = [v for v in liveness.ended(k, step) if memory(program.steps[v].kind).takes]
        held -= sum(_made(program, v, loop) for v in ended)
    copied = sum(program.entries(v) for v in program.outputs if owner(program, v) != v)
    return max(most, held + copied)


def _made(program: Program, k: int, loop: Loop | None) -> float:
    """The entries of a value, or of a block of it."""
    return program.entries(k) * (loop.rows / loop.count if loop and k in loop.axis else 1.0)


def looped_seconds(program: Program, steps: Numbered, loop: Loop) -> float:
    """The estimated time with a loop: what is passed on inside it stays in the cache."""
    blocks = -(-loop.count // loop.rows)
    total, known = 0.0, orders(program)
    for k, step in steps:
        if not loop.inside(k):
            total += step_seconds(program, k, known)
            continue
        far = sum(
            _fetched(program, step.inputs[p], axis, loop.rows) for p, axis in loop.cuts[k].items()
        )
        far += _fetched(program, k, loop.axis[k], loop.rows) if k in loop.whole else 0
        near = sum(program.entries(v) for v in (k, *step.inputs) if v in loop.axis)
        near += 2 * blocks * program.entries(k) if k in loop.partial else 0
        moved = 8 * (far * costs.byte + near * costs.cached)
        total += max(arithmetic(step), moved) + blocks * costs.step
    return total


def _fetched(program: Program, value: int, axis: int, rows: int) -> float:
    """The entries of an array that is read in blocks from memory, and more where they lie in
    short pieces.
    """
    entries, piece = program.entries(value), rows * prod(program.shape(value)[axis + 1 :])
    return entries * (1 + PIECE / max(piece, 1)) if entries >= WIDE else 0


def along(program: Program, steps: Numbered, seed: tuple[int, int]) -> Loop | None:
    """The loop along axis ``seed[1]`` of the input ``seed[0]``; None where it changes nothing."""
    wanted: Places = {}
    for _ in range(ROUNDS):
        search = _Search(program, seed, wanted)
        for k, step in steps:
            search.place(k, step)
        if search.wanted == wanted:
            return (
                search.finished(steps) if search.found.axis.keys() | search.found.partial else None
            )
        wanted = search.wanted
    return None


class _Search:
    """Goes through the steps in order, and says of each where it stands.

    `wanted` are large values that a step inside wants in blocks, though the seed is no part of
    them, and along which axis: they are known from the round before.
    """

    def __init__(self, program: Program, seed: tuple[int, int], wanted: Places) -> None:
        self.program, self.seed, self.known, self.wanted = program, seed, wanted, dict(wanted)
        self.found = Loop(program.shape(seed[0])[seed[1]])

    def place(self, k: int, step: Step) -> None:
        """Before, inside or after."""
        loop = self.found
        made = {p: loop.axis[v] for p, v in enumerate(step.inputs) if v in loop.axis}
        if any(v in loop.partial or v in loop.after for v in step.inputs):
            return self._put_after(k, step)
        if k in self.known and (not made or sources(step, self.known[k]) == made):
            return self._cut(k, sources(step, self.known[k]) or {}, self.known[k], made)
        given = {p: self.seed[1] for p, v in enumerate(step.inputs) if v == self.seed[0]}
        if not made and not given:
            return None
        through = passes(self.program, step, made or given)
        if through is None or any(through[0].get(p) != axis for p, axis in made.items()):
            for p, axis in (through[0] if through else {}).items():
                if made.get(p, axis) != axis:
                    # It is cut elsewhere, as the seed happens to be a part of it.
                    self._seek(step.inputs[p], axis)
            return self._put_after(k, step) if made else None
        places, out = through
        if out is None and not made:
            return None  # a sum over what is given in one piece
        return self._cut(k, places, out, made)

    def _cut(self, k: int, places: Places, out: int | None, made: Places) -> None:
        """Inside, with operands cut at `places`; the result has the axis at `out`, or is a part
        of a sum.
        """
        if out is None:
            self.found.partial.add(k)
        else:
            self.found.axis[k] = out
        # numbers have no axes
        whole = [not self.program.steps[v].sizes for v in self.program.steps[k].inputs]
        self.found.cuts[k] = {
            p: axis for p, axis in places.items() if p not in made and not whole[p]
        }
        for p, axis in self.found.cuts[k].items():
            self._seek(self.program.steps[k].inputs[p], axis)

    def _put_after(self, k: int, step: Step) -> None:
        self.found.after.add(k)
        self.found.whole.update(v for v in step.inputs if v in self.found.axis)

    def _seek(self, value: int, axis: int) -> None:
        """A large value from outside is wanted in blocks: it is made so, if what it is made of
        can be cut.
        """
        step = self.program.steps[value]
        if step.kind != "input" and self.program.entries(value) >= WIDE and sources(step, axis):
            self.wanted.setdefault(value, axis)

    def finished(self, steps: Numbered) -> Loop:
        loop = self.found
        loop.whole.update(v for v in self.program.outputs if v in loop.axis)
        for k, step in steps:
            loop.ndims[k] = len(step.sizes)
        return loop


def passes(program: Program, step: Step, places: Places) -> tuple[Places, int | None] | None:
    """Where all operands of `step` have the axis that some have at `places`, and where the result
    has it.

    The place in the result is None for a sum over the axis. None where the step needs the axis in
    one piece.
    """
    p, axis = next(iter(places.items()))
    match step.kind:
        case "contract2" | "outer" | "sum" | "view":
            *operands, out = step.spec
            label = operands[p][axis]
            if any(ls.count(label) > 1 for ls in (*operands, out)):
                return None
            found = {q: ls.index(label) for q, ls in enumerate(operands) if label in ls}
            return found, out.index(label) if label in out else None
        case "scale":
            return {0: axis}, axis
        case "add" | "combine":
            return dict.fromkeys(range(len(step.inputs)), axis), axis
        case "apply":
            row, core, _ = step.spec
            ndims = [len(program.steps[v].sizes) for v in step.inputs]
            same = all(n in (0, len(step.sizes)) for n in ndims) if core == 0 else len(ndims) == 1
            if (
                row.kind != "apply"
                or row.name in ADDED
                or not same
                or axis >= ndims[p] - max(core, 0)
            ):
                return None
            return {q: axis for q, n in enumerate(ndims) if n}, axis
        case "write":
            return _written(step, p, axis)
    return None


def _written(step: Step, p: int, axis: int) -> tuple[Places, int | None] | None:
    """A sum of terms in their places: cut along an axis that no term repeats."""
    labels, output = step.spec[p]
    place = output.index(labels[axis]) if labels[axis] in output else -1
    found: Places = {}
    for q, (ls, out) in enumerate(step.spec):
        if place < 0 or out.count(out[place]) > 1:
            return None
        if out[place] in ls:
            found[q] = ls.index(out[place])
    return found, place


def sources(step: Step, axis: int) -> Places | None:
    """Where the operands of `step` have the axis that the result has at `axis`."""
    match step.kind:
        case "contract2" | "outer" | "sum" | "view":
            *operands, out = step.spec
            if any(ls.count(out[axis]) > 1 for ls in operands):
                return None
            return {q: ls.index(out[axis]) for q, ls in enumerate(operands) if out[axis] in ls}
        case "scale":
            return {0: axis}
        case "add" | "combine":
            return dict.fromkeys(range(len(step.inputs)), axis)
        case "apply" if step.spec[1] == 0:
            return dict.fromkeys(range(len(step.inputs)), axis)
    return None
