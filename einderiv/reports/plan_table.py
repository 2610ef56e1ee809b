"""A plan as a table: one row for each step, with what it costs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from math import prod
from pathlib import Path
from typing import NamedTuple

from ..backends import kernel_of
from ..errors import LimitError
from ..expression import Einsum, Expr, Size, bare, fresh_names, naming, terms
from ..planning import (
    Index,
    Ops,
    Program,
    Shown,
    Step,
    asked,
    contraction,
    orders,
    search,
    step_seconds,
    tuning,
)
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
from .plan_letters import StepLetters
from .plan_picture import drawn_plan

PLAN_SCHEMA = 2  # of the files that plans are written to
COMPARED_OPERANDS = 64  # operands and deltas: longer products are not compared with the dense way
WIDEST_OPERANDS = 24  # characters of the operands of a step in a table
WINDOW_BLOCK = 1 << 18  # entries of a window that a product copies at a time
ITEM = 16  # bytes of an entry, at most


class PlanRow(NamedTuple):
    """A step: what it does, its einsum, what it costs, and what it writes into memory."""

    what: str
    einsum: str
    flops: float
    entries: int  # that are written into memory: none by a view
    kernel: str
    seconds: float  # as the planner estimates them
    operands: str  # what it takes, by name; t1 is what the first step makes


class Plan:
    """The chosen order of a program and its costs; ``print`` shows a table.

    `flops` counts multiplications and additions, `steps` are rows of (what, einsum, flops, entries,
    kernel, seconds, operands). `dense_flops` and `dense_largest` are those of the same products
    with identity matrices for their deltas, or 0.
    """

    def __init__(
        self,
        program: Program,
        itemsize: int,
        roots: Sequence[Expr] = (),
        following: Sequence[str] = (),
    ) -> None:
        """The plan of a program for `roots`; `following` are passes that it has not been through
        yet.
        """
        self.itemsize = itemsize
        letters = StepLetters(program, roots)
        self.steps = _rows(program, letters)
        self._tree = _tree(program)
        self.flops = sum(row.flops for row in self.steps)
        self.seconds = sum(row.seconds for row in self.steps)
        self.largest = max((row.entries for row in self.steps), default=0)
        self.outputs = [program.shape(k) for k in program.outputs]
        self.notes = list(program.notes)
        if program.passes:
            self.notes.append(f"passes: {', '.join(program.passes)}")
        if following:
            self.notes.append(f"then for NumPy: {', '.join(following)}")
        for k, entries in _window_copies(program).items():
            what = _what_is_done(k, program, letters)
            self.notes.append(
                f"a window is copied for {what}: {entries * itemsize:.3g} bytes at once"
            )
        self.dense_flops, self.dense_largest = dense_way(roots, program.measure)

    @property
    def bytes(self) -> int:
        """The bytes of all results."""
        return sum(prod(shape) for shape in self.outputs) * self.itemsize

    def lines(self) -> list[str]:
        """The table, its totals and notes, line by line."""
        head = ("", "step", "einsum", "of", "kernel", "flops", "bytes", "time")
        rows = []
        for number, row in enumerate(self.steps, 1):
            size = row.entries * self.itemsize
            share = row.seconds / (self.seconds or 1)
            words = (f"t{number}", row.what, row.einsum, cut(row.operands), row.kernel)
            rows.append((*words, f"{row.flops:.3g}", f"{size:.3g}", f"{share:.0%}"))
        lines = aligned_columns(head, rows, 5)
        lines.append(
            f"total {self.flops:.3g} flops; "
            f"largest array {self.largest * self.itemsize:.3g} bytes; "
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
            picture = collapsible("picture", self.picture().svg(style=False))
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
        rows = []
        for (value, needs), row in zip(steps, self.steps, strict=True):
            share = row.seconds / (self.seconds or 1)
            rows.append((value, needs, row.einsum or row.what, row.kernel, share))
        return drawn_plan(names, rows, outputs)


def aligned_columns(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """A table; the first `left` columns are words."""
    table = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            cells.append(cell.ljust(width) if place < left else cell.rjust(width))
        lines.append("  ".join(cells).rstrip())
    return lines


def _tree(program: Program) -> tuple[dict[int, str], list[tuple[int, tuple[int, ...]]], list[int]]:
    """The inputs by their names, each step with what it needs, and which values are results."""
    names: dict[int, str] = {}
    steps = []
    for k, step in program.live_steps():
        if step.op.before:
            names[k] = str(step.spec[0]) if step.op is Ops.INPUT else "1"
        else:
            steps.append((k, step.inputs))
    return names, steps, list(program.outputs)


def cut(words: str) -> str:
    return words if len(words) <= WIDEST_OPERANDS else words[: WIDEST_OPERANDS - 1] + "…"


def _rows(program: Program, letters: StepLetters) -> list[PlanRow]:
    rows = []
    known = orders(program)
    for k, step in program.live_steps():
        if step.op.before:
            continue
        row = PlanRow(
            what=step.spec[0].name if step.op is Ops.APPLY else step.op.name,
            einsum=_what_is_done(k, program, letters),
            flops=step.flops,
            entries=0 if step.memory.shows and not step.memory.takes else program.copied(k),
            kernel=kernel_name(program, k),
            seconds=step_seconds(program, k, known),
            operands=", ".join([letters.called[value] for value in step.inputs]),
        )
        rows.append(row)
    return rows


def _what_is_done(value: int, program: Program, letters: StepLetters) -> str:
    """The einsum of a step, or the number that it takes; empty where its name says all."""
    step, measure = program.steps[value], program.measure
    match step.op.shown:
        case Shown.EINSUM:
            *operands, out = step.spec
            return letters.einsum(step, operands, out)
        case Shown.TERMS:
            parts = [
                letters.written(value, step, labels, output, place)
                for place, (labels, output) in enumerate(step.spec)
            ]
            return " + ".join(parts) or "zeros"
        case Shown.NUMBER:
            return f"{step.spec[0]}"
        case Shown.INDICES:
            return _indices(step, measure)
        case Shown.PARTS:
            return _parts(step, measure)
        case Shown.NOTHING:
            return ""


def _indices(step: Step, measure: Callable[[Size], int]) -> str:
    """``(a+b)c->abc`` for what is read, ``abc->(a+b)c`` for what is written, and for a mask
    ``ab where 0<=a-b<9``; index arrays are r1, r2, ….
    """

    def axes(count: int) -> str:
        return "".join(fresh_names(count, set()))

    def text(index: Index) -> str:
        return _sum_of(index, measure)

    match step.op:
        case Ops.READ:
            return f"{''.join(map(text, step.spec))}->{axes(len(step.sizes))}"
        case Ops.PLACE:
            return f"{axes(len(step.operand_sizes[0]))}->{''.join(map(text, step.spec[0]))}"
        case _:
            kept = [f"0<={text(index).strip('()')}<{measure(n)}" for index, n in step.spec]
            return f"{axes(len(step.sizes))} where {', '.join(kept) or 'always'}"


def _parts(step: Step, measure: Callable[[Size], int]) -> str:
    """``ab->(a+2)b``, as what is written, for each part, times its number."""
    texts: list[str] = []
    for part in step.spec[0]:
        own = fresh_names(len(part.spans), set())
        places: list[str] = []
        for axis, span in enumerate(part.spans):
            index = Index(span.start, ((axis, span.step),))
            places.append(_sum_of(index, measure))
        by_axis = {span.axis: own[axis] for axis, span in enumerate(part.spans)}
        labels = [by_axis[axis] for axis in sorted(a for a in by_axis if a is not None)]
        number = "" if part.number == 1 else f"{part.number} "
        texts.append(f"{number}{''.join(labels)}->{''.join(places)}")
    return " + ".join(texts) or "zeros"


def _sum_of(index: Index, measure: Callable[[Size], int]) -> str:
    """An index as an einsum has it: one label, or a sum in brackets.

    >>> _sum_of(Index(-1, ((0, 2), (1, -1)), ((1, (2,), 1),)), int)
    '(2a-b+r1[c]-1)'
    >>> _sum_of(Index(0, ((1, 1),)), int)
    'b'
    """
    if index.bare is not None:
        return fresh_names(index.bare + 1, set())[-1]
    parts: list[tuple[int, str]] = []
    for axis, coefficient in index.terms:
        parts.append((measure(coefficient), fresh_names(axis + 1, set())[-1]))
    for number, axes, coefficient in index.arrays:
        names = fresh_names(max(axes, default=-1) + 1, set())
        parts.append((measure(coefficient), f"r{number}[{''.join(names[axis] for axis in axes)}]"))
    text = ""
    for coefficient, name in parts:
        factor = "" if abs(coefficient) == 1 else f"{abs(coefficient)}"
        text += f"{'-' if coefficient < 0 else '+'}{factor}{name}"
    constant = measure(index.constant)
    if constant or not text:
        text += f"{constant:+}"
    return f"({text.removeprefix('+')})"


def kernel_name(program: Program, k: int) -> str:
    """What NumPy makes of a step: a call of BLAS or LAPACK, or one pass over the memory.

    The form of a product of two arrays depends on its sizes; what is read is a view where nothing
    is outside, else of a copy with zeros around it.
    """
    step = program.steps[k]
    if step.op is not Ops.READ:
        return step.op.kernel or kernel_of(step, program.measure)
    if any(index.arrays for index in step.spec):
        return "take"
    written = program.copied(k)
    if written:
        return "padded view" if written < program.entries(k) else "read"
    return "view"


def _window_copies(program: Program) -> dict[int, int]:
    """The entries of windows that products of matrices copy, by the numbers of these: BLAS takes no
    array that shows entries more than once. Large ones are copied block by block.
    """
    found: dict[int, int] = {}
    for k, step in program.live_steps():
        windows = [v for v in step.inputs if program.is_window(v)]
        if not windows or step.op not in (Ops.CONTRACT, Ops.WINDOWED):
            continue
        *operands, out = step.spec
        copied = max(map(program.entries, windows))
        batch, _, first, second = contraction(operands[0], operands[1], out)
        is_cut = copied >= tuning.copied_window and not (batch and first and second)
        if is_cut and first and second:
            found[k] = min(copied, WINDOW_BLOCK)
        elif not is_cut and kernel_name(program, k).split()[-1] in ("gemm", "gemv"):
            found[k] = copied
    return found


def dense_way(roots: Sequence[Expr], measure: Callable[[Size], int]) -> tuple[float, int]:
    """The flops, and the entries of the largest array, of the products with a matrix for every
    delta; 0 without any, or where they are more than a float holds.
    """
    products: list[Einsum] = []
    for term in chain.from_iterable(map(terms, roots)):
        if isinstance(term, Einsum) and term.count <= COMPARED_OPERANDS:
            products.append(term)
    if not any(map(_has_matrix, products)):
        return 0.0, 0
    flops = largest = 0
    with asked("auto"):
        for product in products:
            cost = _with_deltas(product, measure)
            flops += cost.flops
            largest = max(largest, cost.largest)
    try:
        float(largest * ITEM)  # as it is shown
        return float(flops), largest
    except OverflowError:
        return 0.0, 0


def _has_matrix(product: Einsum) -> bool:
    """Is there a matrix in the place of a delta?"""
    return any(len(names) == 2 for names in printed(product, short=False).deltas)


class _DenseCost(NamedTuple):
    flops: int
    largest: int  # entries of an array


def _with_deltas(product: Einsum, measure: Callable[[Size], int]) -> _DenseCost:
    """What a product costs pair by pair, its deltas as matrices."""
    shown = printed(product, short=False)
    sizes = _sizes_by_name(product, measure)
    numbers = {name: k for k, name in enumerate(sizes)}  # a path is searched for labels
    tables = [delta.names for delta in shown.relations]
    parts = [set(names) for names in (*shown.deltas, *tables, *shown.inputs)]

    def numbered(names: Iterable[str]) -> tuple[int, ...]:
        return tuple(numbers[name] for name in names)

    shape = {numbers[name]: size for name, size in sizes.items()}
    path = search(list(map(numbered, parts)), numbered(shown.output), shape)

    def entries(names: Iterable[str]) -> int:
        return prod(sizes[name] for name in names)

    flops, largest = 0, entries(shown.output)
    for i, j in path:
        second = parts.pop(max(i, j))
        first = parts.pop(min(i, j))
        together = first | second
        kept = together & set(shown.output).union(*parts)
        operations = 1 if kept == together else 2  # a sum adds what is multiplied
        flops += operations * entries(together)
        largest = max(largest, entries(kept))
        parts.append(kept)
    return _DenseCost(flops, largest)


def _sizes_by_name(product: Einsum, measure: Callable[[Size], int]) -> dict[str, int]:
    """The size of each name that the product is printed with."""
    shown, flat = printed(product, short=False), single_product(product)
    sizes: dict[str, int] = {}
    for name, size in zip(shown.output, flat.axis_sizes, strict=True):
        sizes[name] = measure(size)
    for names, factor in zip(shown.inputs, shown.factors, strict=True):
        sizes.update(zip(names, map(measure, factor.axis_sizes), strict=True))
    for delta in shown.relations:
        sizes.update(zip(delta.names, map(measure, delta.sizes or ()), strict=True))
    labels, given = naming(flat).labels, dict(flat.given)
    for label in bare(flat):
        sizes[labels[label]] = measure(given[label])
    return sizes
