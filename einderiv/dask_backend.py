"""How Dask says every kind of step: lazily, block by block. A function is NumPy's, called on blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .base import Backend
from .dask_helpers import DASK_HELPERS
from .functional import Dialect
from .functions import Function
from .source_text import Spell, core_axes, literal, shape
from .steps import Labels, Step

BLOCK = 1 << 24  # entries of a block, 128 MiB of float64, as Dask cuts arrays itself: where no limit says otherwise


class _Column(Dialect):
    """What differs from arrays in one piece: products, diagonals, embeddings, functions with core axes, systems."""

    def step(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        match step.kind:
            case "apply":
                return [self.apply(step, inputs, size)]
            case "factor":
                return [inputs[0]]
            case "solve":
                *labels, flipped = step.spec
                la, lb, out = _short(*labels)
                return [f"solve({inputs[0]}, {la}, {inputs[1]}, {lb}, {out}, {flipped})"]
        return super().step(step, inputs, size)

    def row(self, row: Function) -> str:
        return row.spell["numpy"]

    def apply(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        """A row of the functions table, on every block."""
        row, core, parameters = step.spec
        names = [f"p{k}" for k in range(len(inputs))]
        values = [f"factored({x})" for x in names] if row.kind == "factored" else names
        shown = [literal(float(p) if isinstance(p, int) and p < 0 else p) for p in parameters]
        text = self.row(row).format(*values, *shown, core=core_axes(core), depth=core, all=", ".join(values))
        batch = max((len(labels) for labels in self._axes(step, inputs)), default=0) - core
        made = shape([size(s) for s in step.sizes[max(batch, 0) :]])
        return f"each(lambda {', '.join(names)}: {text}, {core}, {made}, dtype, {', '.join(inputs)})"

    def _axes(self, step: Step, inputs: Sequence[str]) -> list[tuple[object, ...]]:
        count = len(step.operand_sizes) // max(len(inputs), 1)
        return [step.operand_sizes[:count]]

    def contract2(self, inputs: Sequence[str], step: Step) -> str:
        la, lb, out = _short(*step.spec)
        return f"contract({inputs[0]}, {la}, {inputs[1]}, {lb}, {out})"

    def view(self, x: str, labels: Labels, out: Labels) -> str:
        if len(set(labels)) == len(labels):
            return f"{x}.transpose({', '.join(str(labels.index(label)) for label in out)})" if labels != out else x
        labels, out = _short(labels, out)
        return f"diagonal({x}, {labels}, {out})"

    def write(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        sizes = shape([size(s) for s in step.sizes])
        pairs = [(x, *_short(output, labels)) for x, (labels, output) in zip(inputs, step.spec, strict=True)]
        return f"embed({', '.join([sizes, 'dtype', *(f'({x}, {labels}, {output})' for x, output, labels in pairs)])})"


def _short(*labels: Labels) -> tuple[Labels, ...]:
    """Labels by first appearance: NumPy takes no more than 52."""
    names = {x: k for k, x in enumerate(dict.fromkeys(x for ls in labels for x in ls))}
    return tuple(tuple(names[x] for x in ls) for ls in labels)


DIALECT = _Column("dask", "da", "transpose", "axis", "dtype=dtype", "da.eye({0}, dtype=bool)",
                  "da.broadcast_to({0}, {1})", "{0}", {})  # fmt: skip


def _needs(row: Function) -> str:
    return row.needs


def _setup(arguments: Sequence[str], dtype: str | None, _: str | None) -> dict[str, str]:
    found = f'np.dtype("{dtype}")' if dtype else f"np.result_type({', '.join(arguments)})" if arguments else (
        'np.dtype("float64")')  # fmt: skip
    return {"dtype": f"dtype = {found}"}


DASK = Backend("dask", f"import dask.array as da\nimport numpy as np\n\nblock = {BLOCK}", DIALECT.step, DIALECT.row,
               _needs, DASK_HELPERS, _setup, "{0}")  # fmt: skip


def with_blocks(entries: int) -> Backend:
    """The row with another bound on the entries of a block."""
    return replace(DASK, header=DASK.header.replace(f"block = {BLOCK}", f"block = {entries}"))
