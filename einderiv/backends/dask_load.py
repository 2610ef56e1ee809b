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

from ..planning import Liveness, Program, Step, costs, orders, step_seconds
from .dask_helpers import TEXTS

# entries of a block, 128 MiB of float64, as Dask cuts arrays itself: where no limit says otherwise
BLOCK = 1 << 24
# entries that a block has at least, so that its arithmetic takes longer than its task costs
LEAST = 1 << 18
SHARE = 8  # blocks that a worker has in memory at once: operands, a result, and those that wait
BRANCHES = 8  # pieces that one task adds

Chunks = tuple[tuple[int, ...], ...]


def block_entries(itemsize: int, memory: int | None) -> int:
    """The most entries of a block, within the memory of a worker.

    >>> block_entries(8, None), block_entries(8, 2**24)
    (16777216, 262144)
    """
    return BLOCK if memory is None else max(1, min(BLOCK, memory // (SHARE * itemsize)))


class Load(NamedTuple):
    """What a step asks of a cluster: blocks that are made, tasks, bytes sent, bytes of one task,
    seconds of work.
    """

    blocks: int
    tasks: int
    sent: float
    task_bytes: int
    seconds: float


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
        self.held: dict[
            int, int
        ] = {}  # bytes that a value takes on all workers: zero blocks take none
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
        work = sum(
            load.seconds + load.sent * costs.sent / min(self.workers, load.blocks)
            for load in self.loads.values()
        )
        return max(self.tasks * costs.task, work)

    def _load(self, k: int, step: Step, seconds: float) -> Load:
        made, tasks, sent, task_bytes, blocks = self._cut(k, step)
        self.chunks[k] = made
        self.held.setdefault(k, self.itemsize * _entries(made))
        # the last ones may leave workers idle
        rounds = ceil(blocks / self.workers) / max(1, blocks)
        return Load(blocks, tasks, sent, task_bytes, seconds * rounds)

    def _cut(self, k: int, step: Step) -> tuple[Chunks, int, float, int, int]:
        """Chunks of the result, tasks, bytes sent, bytes of one task, and blocks that are
        computed.
        """
        given = [self.chunks[v] for v in step.inputs]
        match step.kind:
            case "contract2":
                return self._contracted(step, given)
            case "write":
                return self._written(k, step, given)
            case "sum" | "view":
                return self._reduced(step, given[0])
            case "solve":
                return self._solved(step, given)
            case "reshape":
                made = self._even(self.program.shape(k))
                return self._moved(given[0], made, _count(made))
            case "apply" | "add" | "scale" | "factor":
                return self._each(k, step, given)
        made = self._even(self.program.shape(k))
        return made, _count(made), 0.0, self._bytes(made), _count(made)

    def _contracted(self, step: Step, given: list[Chunks]) -> tuple[Chunks, int, float, int, int]:
        la, lb, out = step.spec
        chunks, split = _rules()["chosen"](given[0], la, given[1], lb, out, self.block)
        operands = [tuple(chunks[x] for x in labels) for labels in (la, lb)]
        joins, sent = self._rechunked(given, operands)
        made = tuple(chunks[x] for x in out)
        blocks, pieces = _count(made), prod(len(chunks[x]) for x in split)
        count = blocks * pieces
        # Tasks run where blocks of one operand are; those of the other go to every worker that
        # reads them.
        copies = [
            self.itemsize * _entries(c) * min(count // max(_count(c), 1), self.workers)
            for c in operands
        ]
        sent += min(copies) * self._away
        if pieces > 1:  # partial results, and a tree that adds them
            sent += self.itemsize * _entries(made) * (pieces - 1) * self._away
        added = blocks * _tree([pieces]) if pieces > 1 else 0
        task = self._bytes(made) + sum(map(self._bytes, operands))
        return made, joins + count + added, sent, task, count

    def _written(
        self, k: int, step: Step, given: list[Chunks]
    ) -> tuple[Chunks, int, float, int, int]:
        cores = [
            (chunks, labels, output)
            for chunks, (labels, output) in zip(given, step.spec, strict=True)
        ]
        tied, chunks = _rules()["spread"](self.program.shape(k), cores, self.block)
        wanted = [
            tuple(chunks[tied[output.index(x)]] for x in labels) for _, labels, output in cores
        ]
        joins, sent = self._rechunked(given, wanted)
        made = tuple(chunks[t] for t in tied)
        on = min(
            _count(made),
            sum(
                prod(len(chunks[tied[output.index(x)]]) for x in set(output))
                for _, _, output in cores
            ),
        )
        self.held[k] = min(self.itemsize * _entries(made), on * self._bytes(made))
        read = sum(
            self.itemsize * _entries(c) * min(max(1, on // max(_count(c), 1)), self.workers)
            for c in wanted
        )
        return made, joins + _count(made), sent + read * self._away, self._bytes(made), max(1, on)

    def _reduced(self, step: Step, given: Chunks) -> tuple[Chunks, int, float, int, int]:
        """A diagonal, a transpose, a sum of one."""
        labels, out = step.spec
        chunks = {
            x: _rules()["common"](*(c for y, c in zip(labels, given, strict=True) if y == x))
            for x in labels
        }
        wanted = tuple(chunks[x] for x in labels)
        joins, sent = self._rechunked([given], [wanted])
        made = tuple(chunks[x] for x in out)
        blocks, gone = _count(made), [len(chunks[x]) for x in dict.fromkeys(labels) if x not in out]
        tasks = blocks * (prod(gone) + _tree(gone)) if gone else blocks * (labels != out)
        sent += self.itemsize * _entries(made) * (prod(gone) - 1) * self._away
        return (
            made,
            joins + tasks,
            sent,
            self._bytes(wanted) + self._bytes(made),
            blocks * prod(gone),
        )

    def _solved(self, step: Step, given: list[Chunks]) -> tuple[Chunks, int, float, int, int]:
        la, lb, out, flipped = step.spec
        gone = la[-2] if flipped else la[-1]
        whole = (*given[0][:-2], *((sum(c),) for c in given[0][-2:]))
        right = tuple((sum(c),) if x == gone else c for x, c in zip(lb, given[1], strict=True))
        joins, sent = self._rechunked(given, [whole, right])
        known = {**dict(zip(lb, right, strict=True)), **dict(zip(la, whole, strict=True))}
        made = tuple(known[x] for x in out)
        sent += self.itemsize * _entries(whole) * min(_count(made), self.workers) * self._away
        return (
            made,
            joins + _count(made),
            sent,
            self._bytes(whole) + 2 * self._bytes(made),
            _count(made),
        )

    def _each(self, k: int, step: Step, given: list[Chunks]) -> tuple[Chunks, int, float, int, int]:
        """A function of every block; axes that it needs whole are joined."""
        core = step.spec[1] if step.kind == "apply" else 0
        shape = self.program.shape(k)
        if not given or not all(len(c) - core == len(given[0]) - core for c in given):
            made = self._even(shape)
            return made, _count(made), 0.0, self._bytes(made), _count(made)
        batch = len(given[0]) - core
        cut = [
            _rules()["common"](*(c[axis] for c in given if len(c) > axis)) for axis in range(batch)
        ]
        wanted = [(*cut[: len(c)], *((sum(n),) for n in c[batch:])) for c in given]
        joins, sent = self._rechunked(given, wanted)
        made = (*cut, *((n,) for n in shape[batch:]))
        return (
            made,
            joins + _count(made),
            sent,
            sum(map(self._bytes, wanted)) + self._bytes(made),
            _count(made),
        )

    def _moved(self, old: Chunks, made: Chunks, tasks: int) -> tuple[Chunks, int, float, int, int]:
        return (
            made,
            tasks,
            self.itemsize * _entries(old) * self._away,
            2 * self._bytes(made),
            _count(made),
        )

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
        for a, b in zip(old, new, strict=True):
            if a != b:
                tasks += _regrouped(a, b)
                sent += self.itemsize * _entries(b) * self._away
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
            parts = [
                self.held[v] / max(1, min(self.workers, _count(self.chunks[v]))) for v in alive
            ]
            peak = max(peak, sum(parts) + self.loads[k].task_bytes)
            alive.difference_update(liveness.ended(k, self.program.steps[k]))
        return peak


def best_cut(
    program: Program, live: Sequence[int], itemsize: int, workers: int, memory: int | None
) -> Cut:
    """The blocks that take the least time: large ones leave workers idle, small ones make more
    tasks.
    """
    most = block_entries(itemsize, memory)
    found = Cut(program, live, itemsize, workers, most)
    while workers > 1 and most // 2 >= LEAST:
        most //= 2
        smaller = Cut(program, live, itemsize, workers, most)
        if smaller.tasks * costs.task > found.seconds:  # and more so for smaller ones
            break
        found = min(found, smaller, key=lambda cut: cut.seconds)
    return found


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
    pieces, whole, single = 1, 1, 1
    for a, b in zip(old, new, strict=True):
        ends, fresh = _ends(a), _ends(b)
        both = sorted({*ends, *fresh})
        spans = list(pairwise(both))
        pieces *= len(spans)
        before = set(pairwise(ends))
        whole *= sum(span in before for span in spans)
        after = set(pairwise(fresh))
        single *= sum(span in after for span in spans)
    return pieces - whole + _count(new) - single


def _ends(chunks: tuple[int, ...]) -> list[int]:
    return [sum(chunks[:k]) for k in range(len(chunks) + 1)]
