"""A plan as a table: one row for each step, with what it costs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

from ..backends import kernel_of
from ..errors import LimitError
from ..expression import Einsum, Expr, Labels, Size, bare, fresh_names, naming, terms
from ..planning import Ops, Program, Step, orders, search, step_seconds
from ..printing import (
    MimeBundle,
    Picture,
    collapsible,
    mime_bundle,
    preformatted,
    printed,
    single_product,
    write_in_one_step,
)
from .plan_picture import drawn_plan

PLAN_SCHEMA = 1  # of the files that plans are written to
# of ops that are neither elementwise nor a product of two arrays
KERNELS = {
    Ops.FACTOR: "lu",
    Ops.SOLVE: "lu solve",
    Ops.VIEW: "view",
    Ops.RESHAPE: "view",
    Ops.TAKE: "view",
    Ops.OUTER: "outer",
    Ops.GRAM: "gemm",
    Ops.GRAMS: "gemm",
}
COMPARED_OPERANDS = 64  # operands and deltas: longer products are not compared with the dense way


class PlanRow(NamedTuple):
    """A step: what it does, its einsum, what it costs, what it becomes."""

    what: str
    einsum: str
    flops: float
    entries: int
    kernel: str
    seconds: float  # as the planner estimates them


class Plan:
    """The chosen order of a program and its costs; ``print`` shows a table.

    `flops` counts multiplications and additions, `steps` are rows of (what, einsum, flops, entries,
    kernel, seconds). `dense_flops` and `dense_largest` are those of the same products with identity
    matrices for their deltas, or 0.
    """

    def __init__(self, program: Program, itemsize: int, roots: Sequence[Expr] = ()) -> None:
        self.itemsize = itemsize
        self.steps = _rows(program)
        self._tree = _tree(program)
        self.flops = sum(row.flops for row in self.steps)
        self.seconds = sum(row.seconds for row in self.steps)
        self.largest = max((row.entries for row in self.steps), default=0)
        self.outputs = [program.shape(k) for k in program.outputs]
        self.notes = list(program.notes)
        if program.passes:
            self.notes.append(f"passes: {', '.join(program.passes)}")
        self.dense_flops, self.dense_largest = dense_way(roots, program.measure)

    @property
    def bytes(self) -> int:
        """The bytes of all results."""
        return sum(prod(shape) for shape in self.outputs) * self.itemsize

    def lines(self) -> list[str]:
        """The table, its totals and notes, line by line."""
        head = ("step", "einsum", "kernel", "flops", "bytes", "time")
        rows = [
            (
                row.what,
                row.einsum,
                row.kernel,
                f"{row.flops:.3g}",
                f"{row.entries * self.itemsize:.3g}",
                f"{row.seconds / (self.seconds or 1):.0%}",
            )
            for row in self.steps
        ]
        lines = aligned_columns(head, rows, 3)
        lines.append(
            f"total {self.flops:.3g} flops; largest array {self.largest * self.itemsize:.3g} "
            "bytes; "
            f"results {self.bytes:.3g} bytes"
        )
        if self.dense_flops:
            lines.append(
                f"with identity matrices for the deltas: {self.dense_flops:.3g} flops; "
                f"largest array {self.dense_largest * self.itemsize:.3g} bytes"
            )
        return [*lines, *self.notes]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        try:
            picture = collapsible("picture", self.picture().svg())
        except LimitError as error:
            picture = collapsible("picture", preformatted([str(error)]))
        return mime_bundle(str(self), preformatted(self.lines()) + picture)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, all of it or nothing; ``ed.load_plan`` shows it again."""
        names, steps, outputs = self._tree
        data = {
            "einderiv_plan": PLAN_SCHEMA,
            "itemsize": self.itemsize,
            "rows": [list(row) for row in self.steps],
            "names": sorted(names.items()),
            "tree": [[k, list(needs)] for k, needs in steps],
            "results": outputs,
            "shapes": [list(shape) for shape in self.outputs],
            "notes": self.notes,
            "dense": [self.dense_flops, self.dense_largest],
        }
        write_in_one_step(Path(path), json.dumps(data, ensure_ascii=False, indent=1) + "\n")

    def picture(self) -> Picture:
        """The steps as a tree: inputs above, results below, darker where the time goes.

        >>> import einderiv as ed
        >>> ed.plan(ed.einsum("ij,jk,kl->il"), {"A": (2, 3), "B": (3, 4), "C": (4, 5)}).picture()
        Picture('a plan of 2 steps')

        Raises LimitError for more than 120 steps.
        """
        names, steps, outputs = self._tree
        rows = [
            (value, needs, row.einsum or row.what, row.kernel, row.seconds / (self.seconds or 1))
            for (value, needs), row in zip(steps, self.steps, strict=True)
        ]
        return drawn_plan(names, rows, outputs)


def aligned_columns(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """A table; the first `left` columns are words."""
    widths = [max(len(row[c]) for row in (head, *rows)) for c in range(len(head))]
    return [
        "  ".join(
            cell.ljust(w) if c < left else cell.rjust(w)
            for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def _tree(program: Program) -> tuple[dict[int, str], list[tuple[int, tuple[int, ...]]], list[int]]:
    """The inputs by their names, each step with what it needs, and which values are results."""
    known = [(k, program.steps[k]) for k in program.live()]
    names = {
        k: str(step.spec[0]) if step.op is Ops.INPUT else "1" for k, step in known if step.op.before
    }
    steps = [(k, step.inputs) for k, step in known if k not in names]
    return names, steps, list(program.outputs)


def _rows(program: Program) -> list[PlanRow]:
    rows, known = [], orders(program)
    for k in program.live():
        step = program.steps[k]
        if step.op.before:
            continue
        what, text = step.op.name, ""
        match step.op:
            case Ops.CONTRACT | Ops.OUTER:
                text = _einsum(step.spec[:2], step.spec[2])
            case Ops.VIEW | Ops.SUM:
                text = _einsum(step.spec[:1], step.spec[1])
            case Ops.WRITE:
                addends = [_einsum((labels,), output) for labels, output in step.spec]
                text = " + ".join(addends) or "zeros"
            case Ops.APPLY:
                what = step.spec[0].name
            case Ops.SCALE | Ops.NUMBER:
                text = f"{step.spec[0]}"
        rows.append(
            PlanRow(
                what,
                text,
                step.flops,
                program.entries(k),
                kernel_name(step, program.measure),
                step_seconds(program, k, known),
            )
        )
    return rows


def kernel_name(step: Step, number: Callable[[Size], int]) -> str:
    """What NumPy makes of a step: a call of BLAS or LAPACK, or one pass over the memory.

    `number` measures sizes: the form of a product depends on them.
    """
    if step.op is Ops.CONTRACT:
        return kernel_of(step, number)
    return KERNELS.get(step.op, "elementwise")


def _einsum(inputs: tuple[Labels, ...], output: Labels) -> str:
    order = list(dict.fromkeys(x for labels in (*inputs, output) for x in labels))
    names = dict(zip(order, fresh_names(len(order), set()), strict=True))
    gap = " " if len(order) > 52 else ""
    return (
        ",".join(gap.join(names[x] for x in ls) for ls in inputs)
        + "->"
        + gap.join(names[x] for x in output)
    )


def dense_way(roots: Sequence[Expr], number: Callable[[Size], int]) -> tuple[float, int]:
    """The flops, and the entries of the largest array, of the products with a matrix for every
    delta; 0 without any.
    """
    flops, largest, deltas = 0.0, 0, False
    for root in roots:
        for term in terms(root):
            if not isinstance(term, Einsum) or term.count > COMPARED_OPERANDS:
                continue
            found = _with_deltas(term, number)
            flops, largest, deltas = flops + found[0], max(largest, found[1]), deltas or found[2]
    return (flops, largest) if deltas else (0.0, 0)


def _with_deltas(term: Einsum, number: Callable[[Size], int]) -> tuple[float, int, bool]:
    shown, flat = printed(term, short=False), single_product(term)
    sizes = {name: number(size) for name, size in zip(shown.output, flat.sizes, strict=True)}
    for words, factor in zip(shown.inputs, shown.factors, strict=True):
        sizes.update(zip(words, map(number, factor.sizes), strict=True))
    names, given = naming(flat).labels, dict(flat.given)
    sizes.update((names[label], number(given[label])) for label in bare(flat))
    parts = [set(words) for words in (*shown.deltas, *shown.inputs)]
    order = {name: k for k, name in enumerate(sizes)}
    path = search(
        [tuple(order[x] for x in part) for part in parts],
        tuple(order[x] for x in shown.output),
        {order[x]: n for x, n in sizes.items()},
        "auto",
    )
    flops, largest = 0.0, prod(sizes[x] for x in shown.output)
    for i, j in path:
        b, a = parts.pop(max(i, j)), parts.pop(min(i, j))
        kept = (a | b) & set(shown.output).union(*parts)
        flops += prod(sizes[x] for x in a | b) * (2.0 if kept != a | b else 1.0)
        largest = max(largest, prod(sizes[x] for x in kept))
        parts.append(kept)
    return flops, largest, any(len(delta) == 2 for delta in shown.deltas)
