"""A plan as a table: one row for each step, with what it costs."""

from __future__ import annotations

from math import prod

from ..emission import live
from ..notation import fresh_names
from ..steps import Labels, Program


class Plan:
    """The chosen order of a program and its costs; ``print`` shows a table.

    `flops` counts multiplications and additions, `steps` are rows of (what, einsum, flops, entries).
    """

    def __init__(self, program: Program, itemsize: int) -> None:
        self.itemsize = itemsize
        self.steps = _rows(program)
        self.flops = sum(row[2] for row in self.steps)
        self.largest = max((row[3] for row in self.steps), default=0)
        self.outputs = [program.shape(k) for k in program.outputs]

    @property
    def bytes(self) -> int:
        """The bytes of all results."""
        return sum(prod(shape) for shape in self.outputs) * self.itemsize

    def __str__(self) -> str:
        head = ("step", "einsum", "flops", "bytes")
        rows = [(what, text, f"{flops:.3g}", f"{entries * self.itemsize:.3g}")
                for what, text, flops, entries in self.steps]  # fmt: skip
        widths = [max(len(row[c]) for row in (head, *rows)) for c in range(4)]
        lines = ["  ".join(cell.ljust(w) if c < 2 else cell.rjust(w) for c, (cell, w) in
                           enumerate(zip(row, widths, strict=True))).rstrip() for row in (head, *rows)]  # fmt: skip
        lines.append(f"total {self.flops:.3g} flops; largest array {self.largest * self.itemsize:.3g} bytes; "
                     f"results {self.bytes:.3g} bytes")  # fmt: skip
        return "\n".join(lines)

    __repr__ = __str__


def _rows(program: Program) -> list[tuple[str, str, float, int]]:
    names = {"contract2": "contract", "apply": "apply"}
    rows = []
    for k in live(program):
        step = program.steps[k]
        if step.kind == "input":
            continue
        what = names.get(step.kind, step.kind)
        text = ""
        match step.kind:
            case "contract2":
                text = _einsum(step.spec[:2], step.spec[2])
            case "view" | "sum":
                text = _einsum(step.spec[:1], step.spec[1])
            case "write":
                text = " + ".join(_einsum((labels,), output) for labels, output in step.spec) or "zeros"
            case "apply":
                what, text = step.spec[0].name, ""
            case "scale" | "number":
                text = f"{step.spec[0]}"
        rows.append((what, text, step.flops, program.entries(k)))
    return rows


def _einsum(inputs: tuple[Labels, ...], output: Labels) -> str:
    order = list(dict.fromkeys(x for labels in (*inputs, output) for x in labels))
    names = dict(zip(order, fresh_names(len(order), set()), strict=True))
    gap = " " if len(order) > 52 else ""
    return ",".join(gap.join(names[x] for x in ls) for ls in inputs) + "->" + gap.join(names[x] for x in output)
