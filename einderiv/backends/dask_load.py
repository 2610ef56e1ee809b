"""How many tasks and bytes a program takes on a cluster, counted without a cluster and without
Dask.

Every step is cut by the very functions that a source for Dask brings along; what Dask itself adds
(joining and cutting blocks, adding pieces as a tree) is counted as it makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from math import ceil, prod
from typing import Any, NamedTuple

from ..planning import Liveness, Ops, Program, Step, costs, orders, step_seconds, tuning
from .dask_helpers import TEXTS

BRANCHES = 8  # pieces that one task adds

Chunks = tuple[tuple[int, ...], ...]


def block_entries(itemsize: int, memory: int | None) -> int:
    """The most entries of a block, within the memory of a worker.

    >>> block_entries(8, None), block_entries(8, 2**24)
    (16777216, 262144)
    """
    return (
        tuning.block_entries
        if memory is None
        else max(1, min(tuning.block_entries, memory // (tuning.blocks_at_once * itemsize)))
    )


class Load(NamedTuple):
    """What a step asks of a cluster: blocks that are made, tasks, bytes sent, bytes of one task,
    seconds of work.
    """

    blocks: int
    tasks: int
    sent: float
    task_bytes: int
    seconds: float


class Made(NamedTuple):
    """How a step is cut: the chunks of its value, tasks, bytes sent, the bytes of one task, and the
    blocks that are computed.
    """

    chunks: Chunks
    tasks: int
    sent: float
    task_bytes: int
    blocks: int


@cache
def _rules() -> dict[str, Callable[..., Any]]:
    """The functions by which sources for Dask cut arrays."""
    rules: dict[str, Any] = {"prod": prod}
    for name in ("cuts", "common", "chosen", "spread"):
        exec(TEXTS[name], rules)
    return rules


class Cut:
    """A program cut into blocks of at most `block` entries for `workers`; the load of each step,
    and the peak.
    """

    def __init__(
        self, program: Program, live: Sequence[int], itemsize: int, workers: int, block: int
    ) -> None:
        self.program, self.itemsize, self.workers, self.block = program, itemsize, workers, block
        self.chunks: dict[int, Chunks] = {}
        # bytes that a value takes on all workers: blocks of zeros take none
        self.held: dict[int, int] = {}
        self.loads: dict[int, Load] = {}
        known = orders(program)
        for k in live:
            self.loads[k] = self._load(k, program.steps[k], step_seconds(program, k, known))
        self.peak = self._peak(live)

    @property
    def tasks(self) -> int:
        """All tasks."""
        return sum(load.tasks for load in self.loads.values())

    @property
    def sent(self) -> float:
        """The bytes that one worker sends another."""
        return sum(load.sent for load in self.loads.values())

    @property
    def seconds(self) -> float:
        """The time that the cluster takes: the scheduler hands out tasks while workers compute
        and send.
        """
        work = 0.0
        for load in self.loads.values():
            senders = min(self.workers, load.blocks)
            work += load.seconds + load.sent * costs.sent / senders
        return max(self.tasks * costs.task, work)

    def _load(self, k: int, step: Step, seconds: float) -> Load:
        made = self._cut(k, step)
        self.chunks[k] = made.chunks
        self.held.setdefault(k, self.itemsize * _entries(made.chunks))
        # the last ones may leave workers idle
        rounds = ceil(made.blocks / self.workers) / max(1, made.blocks)
        return Load(made.blocks, made.tasks, made.sent, made.task_bytes, seconds * rounds)

    def _cut(self, k: int, step: Step) -> Made:
        """How step `k` is cut, by how its operands are."""
        given = [self.chunks[v] for v in step.inputs]
        match step.op:
            case Ops.CONTRACT:
                return self._contracted(step, given)
            case Ops.WRITE:
                return self._written(k, step, given)
            case Ops.SUM | Ops.VIEW:
                return self._reduced(step, given[0])
            case Ops.SOLVE:
                return self._solved(step, given)
            case Ops.RESHAPE | Ops.READ | Ops.PLACE:
                return self._reshaped(k, given[0])
            case Ops.INPUT | Ops.NUMBER | Ops.ONES:
                return self._fresh(k)
            case _:
                return self._each(k, step, given)

    def _fresh(self, k: int) -> Made:
        """A value that is made of nothing, block by block."""
        chunks = self._even(self.program.shape(k))
        count = _count(chunks)
        return Made(chunks, count, 0.0, self._bytes(chunks), count)

    def _contracted(self, step: Step, given: list[Chunks]) -> Made:
        """``ij,jk->ik``: a task for each block of the result and each piece of the sum."""
        la, lb, out = step.spec
        chunks, split = _rules()["chosen"](given[0], la, given[1], lb, out, self.block)
        operands = [tuple(map(chunks.__getitem__, labels)) for labels in (la, lb)]
        joins, sent = self._rechunked(given, operands)
        made = tuple(chunks[x] for x in out)
        blocks, pieces = _count(made), prod(len(chunks[x]) for x in split)
        products = blocks * pieces
        # Tasks run where blocks of one operand are; those of the other go to every worker that
        # reads them.
        copies: list[int] = []
        for operand in operands:
            readers = min(products // max(_count(operand), 1), self.workers)
            copies.append(self.itemsize * _entries(operand) * readers)
        sent += min(copies) * self._away
        added = 0
        if pieces > 1:  # partial results, and a tree that adds them
            sent += self.itemsize * _entries(made) * (pieces - 1) * self._away
            added = blocks * _tree([pieces])
        task_bytes = self._bytes(made) + sum(map(self._bytes, operands))
        return Made(made, joins + products + added, sent, task_bytes, products)

    def _written(self, k: int, step: Step, given: list[Chunks]) -> Made:
        """Terms in their places: a block off all of them is zeros, and takes no memory."""
        spec = list(zip(given, step.spec, strict=True))
        cores = [(chunks, labels, output) for chunks, (labels, output) in spec]
        tied, chunks = _rules()["spread"](self.program.shape(k), cores, self.block)
        wanted: list[Chunks] = []
        filled = 0
        for _, labels, output in cores:
            wanted.append(tuple(chunks[tied[output.index(x)]] for x in labels))
            filled += prod(len(chunks[tied[output.index(x)]]) for x in set(output))
        joins, sent = self._rechunked(given, wanted)
        made = tuple(chunks[t] for t in tied)
        count = _count(made)
        filled = min(count, filled)
        self.held[k] = min(self.itemsize * _entries(made), filled * self._bytes(made))
        read = 0
        for core in wanted:
            readers = min(max(1, filled // max(_count(core), 1)), self.workers)
            read += self.itemsize * _entries(core) * readers
        sent += read * self._away
        return Made(made, joins + count, sent, self._bytes(made), max(1, filled))

    def _reduced(self, step: Step, given: Chunks) -> Made:
        """A diagonal, a transpose, a sum of one."""
        (labels,), (result,) = step.indexing
        chunks = {}
        for x in labels:
            same = [c for y, c in zip(labels, given, strict=True) if y == x]
            chunks[x] = _rules()["common"](*same)
        wanted = tuple(chunks[x] for x in labels)
        joins, sent = self._rechunked([given], [wanted])
        made = tuple(chunks[x] for x in result)
        blocks = _count(made)
        pieces = [len(chunks[x]) for x in dict.fromkeys(labels) if x not in result]
        if pieces:
            tasks = blocks * (prod(pieces) + _tree(pieces))
        else:
            tasks = blocks if labels != result else 0
        sent += self.itemsize * _entries(made) * (prod(pieces) - 1) * self._away
        task_bytes = self._bytes(wanted) + self._bytes(made)
        return Made(made, joins + tasks, sent, task_bytes, blocks * prod(pieces))

    def _solved(self, step: Step, given: list[Chunks]) -> Made:
        """A system for each block of right-hand sides: the matrix is in one piece."""
        la, lb, out, flipped = step.spec
        matrix, right = given
        summed = la[-2] if flipped else la[-1]
        rows_and_columns = tuple((sum(c),) for c in matrix[-2:])
        matrix = (*matrix[:-2], *rows_and_columns)
        right = tuple((sum(c),) if x == summed else c for x, c in zip(lb, right, strict=True))
        joins, sent = self._rechunked(given, [matrix, right])
        chunks = dict(zip(lb, right, strict=True))
        chunks.update(zip(la, matrix, strict=True))
        made = tuple(chunks[x] for x in out)
        count = _count(made)
        sent += self.itemsize * _entries(matrix) * min(count, self.workers) * self._away
        task_bytes = self._bytes(matrix) + 2 * self._bytes(made)
        return Made(made, joins + count, sent, task_bytes, count)

    def _reshaped(self, k: int, given: Chunks) -> Made:
        """Nearly all of it goes elsewhere."""
        chunks = self._even(self.program.shape(k))
        count = _count(chunks)
        sent = self.itemsize * _entries(given) * self._away
        return Made(chunks, count, sent, 2 * self._bytes(chunks), count)

    def _each(self, k: int, step: Step, given: list[Chunks]) -> Made:
        """A function of every block; axes that it needs whole are joined."""
        if len({len(chunks) for chunks in given}) != 1:  # a number beside an array
            return self._fresh(k)
        core = step.spec[1] if step.op is Ops.APPLY else 0
        batch = len(given[0]) - core
        shape = self.program.shape(k)
        cut: list[tuple[int, ...]] = []
        for axis in range(batch):
            of_operands = [chunks[axis] for chunks in given]
            cut.append(_rules()["common"](*of_operands))
        wanted: list[Chunks] = []
        for chunks in given:
            core_axes = [(sum(lengths),) for lengths in chunks[batch:]]
            wanted.append((*cut, *core_axes))
        joins, sent = self._rechunked(given, wanted)
        made = (*cut, *[(length,) for length in shape[batch:]])
        task_bytes = sum(map(self._bytes, wanted)) + self._bytes(made)
        return Made(made, joins + _count(made), sent, task_bytes, _count(made))

    def _even(self, shape: tuple[int, ...]) -> Chunks:
        """The longest axes cut in two until a block is small enough."""
        longest = list(shape)
        while prod(longest) > self.block:
            k = longest.index(max(longest))
            longest[k] = -(-longest[k] // 2)
        return tuple(_rules()["cuts"]((n,), most) for n, most in zip(shape, longest, strict=True))

    def _rechunked(self, old: Sequence[Chunks], new: Sequence[Chunks]) -> tuple[int, float]:
        """The tasks and bytes of cutting and joining blocks."""
        tasks, sent = 0, 0.0
        for before, after in zip(old, new, strict=True):
            if before != after:
                tasks += _regrouped(before, after)
                sent += self.itemsize * _entries(after) * self._away
        return tasks, sent

    @property
    def _away(self) -> float:
        """The share of blocks that are not where they are needed."""
        return 1 - 1 / self.workers

    def _bytes(self, chunks: Chunks) -> int:
        """Those of the largest block."""
        return self.itemsize * prod(max(c, default=0) for c in chunks)

    def _peak(self, live: Sequence[int]) -> float:
        """The bytes of one worker at the fullest moment: its part of what still is needed, and a
        task.
        """
        liveness = Liveness([(k, self.program.steps[k]) for k in live], self.program.outputs)
        peak, alive = 0.0, set[int]()
        for k in live:
            alive.add(k)
            held = 0.0
            for v in alive:
                holders = min(self.workers, _count(self.chunks[v]))
                held += self.held[v] / max(1, holders)
            peak = max(peak, held + self.loads[k].task_bytes)
            alive.difference_update(liveness.ended(k, self.program.steps[k]))
        return peak


def best_cut(
    program: Program, live: Sequence[int], itemsize: int, workers: int, memory: int | None
) -> Cut:
    """The blocks that take the least time: large ones leave workers idle, small ones make more
    tasks.
    """
    most = block_entries(itemsize, memory)
    best = Cut(program, live, itemsize, workers, most)
    while workers > 1 and most // 2 >= tuning.least_block:
        most //= 2
        smaller = Cut(program, live, itemsize, workers, most)
        if smaller.tasks * costs.task > best.seconds:  # and more so for smaller ones
            break
        best = min(best, smaller, key=lambda cut: cut.seconds)
    return best


def _count(chunks: Chunks) -> int:
    return prod(len(c) for c in chunks)


def _entries(chunks: Chunks) -> int:
    return prod(sum(c) for c in chunks)


def _tree(pieces: Sequence[int]) -> int:
    """The tasks that add pieces of some axes, a few at a time: as many along each axis as make
    BRANCHES together.
    """
    if not pieces:
        return 0
    few = max(2, int(BRANCHES ** (1 / len(pieces)) + 1e-9))
    tasks, left = 0, list(pieces)
    while True:
        left = [ceil(n / few) for n in left]
        tasks += prod(left)
        if max(left) <= 1:
            return tasks


def _regrouped(old: Chunks, new: Chunks) -> int:
    """The tasks that cut blocks where other ones begin, and join what became of several."""
    pieces, uncut, single = 1, 1, 1
    for old_lengths, new_lengths in zip(old, new, strict=True):
        old_ends, new_ends = _ends(old_lengths), _ends(new_lengths)
        spans = list(pairwise(sorted({*old_ends, *new_ends})))
        old_spans, new_spans = set(pairwise(old_ends)), set(pairwise(new_ends))
        pieces *= len(spans)
        uncut *= sum(span in old_spans for span in spans)
        single *= sum(span in new_spans for span in spans)
    return (pieces - uncut) + (_count(new) - single)


def _ends(chunks: tuple[int, ...]) -> list[int]:
    return [sum(chunks[:k]) for k in range(len(chunks) + 1)]
