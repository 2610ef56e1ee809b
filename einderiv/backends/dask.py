"""Dask: its arrays, and how it says every kind of step: lazily, block by block.

Nothing is computed, a graph of blocks is made. A function is NumPy's, called on blocks. A dense
result is as large as it likes: only its blocks are ever in memory.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import BackendError, limits
from ..expression import Labels, library, usable
from ..planning import Ops, Program, Step, tuning
from .base import Backend
from .dask_helpers import DASK_HELPERS
from .dask_load import best_cut
from .functional import Functional
from .functional_index_spelling import called, masked_text, place_text
from .numpy import NumpyDtypes
from .numpy_index_spelling import triangle_text
from .source_text import Spell, call_text, core_axes, embedded_terms, numpy_parameters, shape


class DaskLibrary(NumpyDtypes):
    """Arrays that are not there yet, so no call looks at them, and none is quick."""

    name, module = "dask", "dask.array"
    lazy = True

    def given(self, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays as they are, everything else as an array of one block or several."""
        da = self.xp
        given = {}
        for name, a in arrays.items():
            if library(a) != "dask":
                a = usable(a, name)
                # whole numbers may be an index array, whose values a graph is made by
                a = a if a.dtype.kind in "iu" else da.from_array(a)
            given[name] = a
        for name, a in given.items():
            if any(math.isnan(n) for n in a.shape):  # Dask does not know it
                raise BackendError(
                    f"{name} has an axis of unknown size: call its compute_chunk_sizes() first"
                )
            if a.dtype.kind not in "biufc":
                raise TypeError(
                    f"{name} has dtype {a.dtype}, which cannot be computed with: "
                    "numbers are bool, int, float or complex"
                )
        return given, None

    def looked_at(self, array: Any) -> Any:
        """None: an array that is not computed yet has no values. One of NumPy has."""
        return None if library(array) == "dask" else array

    def as_array(self, value: Any) -> Any:
        """A result is one, also of no axes."""
        return value

    def converted(self, array: Any, dtype: Any) -> Any:
        """An array in a dtype."""
        return (array if library(array) == "dask" else self.xp.from_array(array)).astype(dtype)

    def pointing(self, array: Any, name: str, device: Any) -> Any:
        """An index array of NumPy: the blocks that it points into are chosen by its values."""
        if array.dtype.kind not in "iu":
            raise TypeError(
                f"the index array {name} has dtype {array.dtype}: places are whole numbers"
            )
        if library(array) == "dask":
            raise BackendError(
                f"the index array {name} is not computed yet, but its values decide which blocks "
                f"are read: give {name}.compute(), an array of NumPy"
            )
        return array

    def moved(self, array: Any, dtype: Any, device: Any) -> Any:
        """A held array, as one of Dask."""
        import numpy as np

        if library(array) != "dask":
            array = self.xp.from_array(np.asarray(array))
        return array.astype(dtype)

    def conjugated(self, array: Any) -> Any:
        """The complex conjugate."""
        return array.conj()

    def array_type(self) -> Any:
        """``dask.array.Array``."""
        return self.xp.Array


class Dask(Functional):
    """What differs from arrays in one piece: products, diagonals, embeddings, functions with
    core axes, systems.
    """

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        """The expression of one step, as the last of one line."""
        match step.op:
            case Ops.APPLY:
                return [self.apply(step, inputs, size)]
            case Ops.FACTOR:
                return [inputs[0]]
            case Ops.SOLVE:
                *labels, flipped = step.spec
                la, lb, out = _short(*labels)
                return [f"solve({inputs[0]}, {la}, {inputs[1]}, {lb}, {out}, {flipped})"]
        return super().spell(step, inputs, size)

    def indexed(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        """A step of an index expression, block by block."""
        match step.op:
            case Ops.READ:
                return called("read_blocks", inputs, step.spec, step.sizes, size)
            case Ops.PLACE:
                return place_text(inputs, step, size, "place_blocks", "place_blocks")
            case Ops.MASK:
                triangle = triangle_text(inputs, step, size, self.module)
                return triangle or masked_text(inputs, step, size, "mask_blocks")
        return super().indexed(step, inputs, size)

    def apply(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        """A row of the functions table, on every block."""
        row, core, parameters = step.spec
        names = [f"p{k}" for k in range(len(inputs))]
        values = [f"factored({name})" for name in names] if row.factored else names
        shown = numpy_parameters(parameters)
        text = call_text(self.row(row), values, shown, core_axes(core), core)
        most_axes = max(map(len, step.operand_sizes), default=0)  # numbers have none
        batch = max(most_axes - core, 0)
        made = shape([size(s) for s in step.sizes[batch:]])
        return (
            f"each(lambda {', '.join(names)}: {text}, {core}, {made}, dtype, {', '.join(inputs)})"
        )

    def contract2(self, inputs: Sequence[str], step: Step) -> str:
        la, lb, out = _short(*step.spec)
        return f"contract({inputs[0]}, {la}, {inputs[1]}, {lb}, {out})"

    def view(self, x: str, labels: Labels, out: Labels) -> str:
        if len(set(labels)) < len(labels):
            # iji->ji
            labels, out = _short(labels, out)
            return f"diagonal({x}, {labels}, {out})"
        if labels == out:
            return x
        # ij->ji
        axes = [str(labels.index(label)) for label in out]
        return f"{x}.transpose({', '.join(axes)})"

    def transform(self, x: str, step: Step, size: Spell) -> str:
        """A transform wants its axis in one chunk."""
        return super().transform(f"{x}.rechunk({{{step.spec[0]}: -1}})", step, size)

    def write(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        parts = [shape([size(s) for s in step.sizes]), "dtype"]
        for x, labels, output in embedded_terms(inputs, step):
            output, labels = _short(output, labels)
            parts.append(f"({x}, {labels}, {output})")
        return f"embed({', '.join(parts)})"

    def fitted(
        self, program: Program, itemsize: int, memory_limit: int | None, mesh: Any
    ) -> Backend:
        """The backend with blocks as large as the memory and the workers ask for."""
        threads, memory = resources(client_of_cluster())
        limits_in_bytes = [n for n in (memory_limit, memory) if n is not None]
        least = min(limits_in_bytes, default=None)
        cut = best_cut(program, program.live(), max(8, itemsize), threads, least)
        limits.check(
            "tasks",
            cut.tasks,
            "the graph alone would fill the memory: dense=False has cores only, ed.stream "
            "writes their blocks",
        )
        return replace(
            self,
            header=self.header.replace(f"block = {tuning.block_entries}", f"block = {cut.block}"),
        )


def _short(*groups: Labels) -> tuple[Labels, ...]:
    """Labels by first appearance: NumPy takes no more than 52."""
    numbers: dict[int, int] = {}
    short = []
    for labels in groups:
        short.append(tuple(numbers.setdefault(label, len(numbers)) for label in labels))
    return tuple(short)


DASK = Dask(
    name="dask",
    title="Dask",
    library=DaskLibrary(),
    helpers=DASK_HELPERS,
    header=f"import dask.array as da\nimport numpy as np\n\nblock = {tuning.block_entries}",
    module="da",
    dtypes="np",
    no_dtype='np.dtype("float64")',
    fresh="{0}",
    takes="numpy",
    passes=("constant folding",),  # its arrays are never in memory together
    like="dtype=dtype",
    mask="da.eye({0}, dtype=bool)",
    places="da.arange({0})",
    spread="da.broadcast_to({0}, {1})",
)


def client_of_cluster() -> Any:
    """The client of the cluster that Dask computes on, or None."""
    if "distributed" not in sys.modules:  # nobody has started one
        return None
    try:
        return sys.modules["distributed"].default_client()
    except ValueError:  # none is connected
        return None


def resources(client: Any) -> tuple[int, int | None]:
    """The threads of all workers, and the bytes that each has in the smallest of them; 1 and
    None without a cluster.
    """
    if client is None:
        return 1, None
    threads = 0
    shares = []
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        threads += worker["nthreads"]
        if worker["memory_limit"]:
            shares.append(worker["memory_limit"] // worker["nthreads"])
    return max(1, threads), min(shares, default=None)
