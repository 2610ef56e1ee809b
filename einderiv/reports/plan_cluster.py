"""A plan for a cluster as a table: tasks, bytes sent, the peak of one worker, and whether one
machine is faster.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..backends import Load, best_cut
from ..errors import EinderivError, spoken_bytes
from ..expression import Expr
from ..planning import Ops, Program
from ..rewriting import peak
from .plan_table import Plan, aligned_columns, cut


class ClusterPlan(Plan):
    """A :class:`Plan`, cut into blocks for `workers` of `memory` bytes each; without `memory`
    blocks are 128 MiB.

    `tasks`, `sent` (bytes, at most, that workers send each other), `peak` (bytes of one worker at
    its fullest) and `duration` (seconds) are estimates; `alone` is the duration on one machine,
    `fits` says if it has the memory. Operands count as cut evenly. Tasks are those of the graph
    before Dask joins some.

    >>> import einderiv as ed
    >>> y = ed.einsum("ij,jk->ik", "A", "B")
    >>> shapes = {"A": (10**4, 10**4), "B": (10**4, 10**4)}
    >>> print(ed.plan(y, shapes, workers=4, memory="16GiB"))  # doctest: +NORMALIZE_WHITESPACE
        step      einsum     of    blocks  tasks    sent  time
    t1  contract  ij,jk->ik  A, B      32     56  3.6 GB  100%
    4 workers of 17.2 GB: 72 tasks, 16 of them read operands; at most 3.6 GB sent; peak 850 MB in a
    worker about 15.2 s there, 57.1 s on one machine: the cluster is faster
    """

    def __init__(
        self,
        program: Program,
        itemsize: int,
        roots: Sequence[Expr],
        workers: int,
        memory: int | None,
    ) -> None:
        super().__init__(program, itemsize, roots)
        known = program.live()
        steps = [(k, program.steps[k]) for k in known]
        self.workers, self.memory = workers, memory
        cut = best_cut(program, known, itemsize, workers, memory)
        self.block = cut.block
        self.loads: list[Load] = [cut.loads[k] for k, step in steps if not step.op.before]
        self.reading = sum(cut.loads[k].tasks for k, step in steps if step.op.before)
        self.tasks, self.sent, self.peak, self.duration = cut.tasks, cut.sent, cut.peak, cut.seconds
        self.alone = self.seconds
        operands = sum(program.entries(k) for k, step in steps if step.op is Ops.INPUT)
        self.needed = (peak(program, steps) + operands) * itemsize
        self.fits = memory is None or self.needed <= memory

    def lines(self) -> list[str]:
        """The table and its totals, line by line."""
        head = ("", "step", "einsum", "of", "blocks", "tasks", "sent", "time")
        total = sum(load.seconds for load in self.loads) or 1
        rows = []
        for number, (row, load) in enumerate(zip(self.steps, self.loads, strict=True), 1):
            share = f"{load.seconds / total:.0%}"
            counts = (str(load.blocks), str(load.tasks), spoken_bytes(load.sent), share)
            rows.append((f"t{number}", row.what, row.einsum, cut(row.operands), *counts))
        each = "" if self.memory is None else f" of {spoken_bytes(self.memory)}"
        lines = [
            *aligned_columns(head, rows, 4),
            f"{self.workers} workers{each}: {self.tasks} tasks, {self.reading} of them read "
            f"operands; at most {spoken_bytes(self.sent)} sent; "
            f"peak {spoken_bytes(self.peak)} in a worker",
            f"about {spoken_time(self.duration)} there, {self._alone()}",
        ]
        if self.memory is not None and self.peak > self.memory:
            lines.append(
                "a worker needs more than it has: take more workers, or dense=False and ed.stream"
            )
        return [*lines, *self.notes]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Raise: what a cluster would make of a plan is counted anew from it."""
        raise EinderivError(
            "a plan for a cluster is not saved: save ed.plan(e, sizes), without workers="
        )

    def _alone(self) -> str:
        """What one machine makes of it."""
        if not self.fits:
            return f"not on one machine: it would need {spoken_bytes(self.needed)}"
        verdict = (
            "one machine is faster" if self.alone <= self.duration else "the cluster is faster"
        )
        return f"{spoken_time(self.alone)} on one machine: {verdict}"


def spoken_time(seconds: float) -> str:
    """``3.2 ms`` for 0.0032."""
    units = (("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0))
    unit, scale = units[0]
    for larger_unit, larger_scale in units[1:]:
        if seconds >= larger_scale:
            unit, scale = larger_unit, larger_scale
    return f"{seconds / scale:.3g} {unit}"
