"""NumPy: its arrays, and how each kind of step is spelt, one function for each kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, wraps
from math import prod
from types import MappingProxyType
from typing import Any

from ..expression import Labels, usable
from ..planning import Op, Ops, Step, tuning
from .base import BASE_PASSES, Backend, Library
from .convolution_spelling import convolve_text
from .numpy_contraction import Contraction, form_of
from .numpy_helpers import HELPERS
from .numpy_index_spelling import (
    assembled_in,
    assembled_parts,
    cleared_lines,
    mask_text,
    place_lines,
    read_text,
    running_sum_text,
    transform_text,
    weighted_rows_text,
    windowed_text,
)
from .source_text import (
    ALIKE,
    Embedded,
    Spell,
    Spelling,
    aligned,
    call_text,
    core_axes,
    einsum_text,
    embedded_terms,
    literal,
    numpy_parameters,
    scale_factors,
    shape,
    solve_text,
    spelling_of,
    transposed,
)

#: lines: in a longer source a warning costs more than all else that a line does. At 2100 lines,
#: each with a warning, it was 150 ms of 200
LONG_SOURCE = 200


def numpy_step(step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
    """Lines for one step; the last is the expression of its value, and ``{out}`` stands for its
    name.
    """
    if step.op is Ops.WRITE:
        return _write(step, inputs, size)
    if step.op is Ops.PLACE:
        return place_lines(inputs, step, size)
    if step.op is Ops.ASSEMBLE:
        made = [assembled_in(step, size), *cleared_lines(step, size, whole=False)]
        return [*made, *assembled_parts(inputs, step, size), ""]
    return [spelling_of(step.op, SPELT)(inputs, step, size)]


def _number(_: Sequence[str], step: Step, __: Spell) -> str:
    return f"dtype.type({literal(step.spec[0])})"


def _outer(inputs: Sequence[str], step: Step, _: Spell) -> str:
    (x_labels, _y_labels, out), (x, y) = step.spec, inputs
    if x_labels[0] != out[0]:
        # j,i->ij
        x, y = y, x
    return f"{x}[:, None].dot({y}[None])"


def _scale(inputs: Sequence[str], step: Step, size: Spell) -> str:
    return " * ".join([*scale_factors(step, size), inputs[0]])


def _apply(inputs: Sequence[str], step: Step, _: Spell) -> str:
    row, core, parameters = step.spec
    shown = numpy_parameters(parameters)
    text: str = call_text(row.spell["numpy"], inputs, shown, core_axes(core), core)
    return text


def _gram(inputs: Sequence[str], step: Step, _: Spell) -> str:
    return f"gram({inputs[0]}{'.T' * step.spec[0]}, {inputs[1]})"


def _grams(inputs: Sequence[str], step: Step, _: Spell) -> str:
    first, second = (name + ".T" * turned for name, turned in zip(inputs, step.spec, strict=True))
    return f"grams({first}, {second})"


def _stack(inputs: Sequence[str], step: Step, _: Spell) -> str:
    # jk,jk->jik with a new axis i
    *operands, out = step.spec
    new = next(label for label in out if label not in operands[0])
    order = tuple(label for label in out if label != new)
    parts = [transposed(x, labels, order) for x, labels in zip(inputs, operands, strict=True)]
    return f"np.stack(({', '.join(parts)}), axis={out.index(new)})"


def _take(inputs: Sequence[str], step: Step, _: Spell) -> str:
    # jik->jk at one place of i
    labels, place, out = step.spec
    axis = next(axis for axis, label in enumerate(labels) if label not in out)
    rest = labels[:axis] + labels[axis + 1 :]
    return transposed(f"{inputs[0]}[{':, ' * axis}{place}]", rest, out)


def _sum(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """A sum over axes. Along short rows of a large array `einsum` is faster by half; pairwise
    summation, which `sum` has and `einsum` has not, gains nothing there.
    """
    (x,), (labels, out) = inputs, step.spec
    sizes = [size(s) for s in step.operand_sizes[0]]
    sums_rows = labels[: len(out)] == out  # ijk->i
    if sums_rows and all(n.isdigit() for n in sizes):
        entries = prod(map(int, sizes))
        row = prod(map(int, sizes[len(out) :]))
        if entries >= tuning.einsum_entries and row <= tuning.short_sum:
            return f'np.einsum("{einsum_text([labels], out)}", {x})'
    summed = [str(axis) for axis, label in enumerate(labels) if label not in out]
    return f"{x}.sum(axis={shape(summed) if len(summed) > 1 else summed[0]})"


def _view(inputs: Sequence[str], step: Step, _: Spell) -> str:
    (x,), (labels, out) = inputs, step.spec
    if len(set(labels)) == len(labels):
        # ij->ji
        return transposed(x, labels, out)
    if len(labels) == 2 and len(out) == 1:
        # ii->i
        return f"{x}.diagonal()"
    # iji->ji
    return f'np.einsum("{einsum_text([labels], out)}", {x})'


def _write(step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
    """Every term added into the strided view of its diagonal; a term that fills its place takes
    that of the zeros.
    """
    terms = embedded_terms(inputs, step)
    full = next((term for term in terms if fills(term)), None)
    if full is None:
        repeated = _repeated(terms, step, size)
        if repeated is not None:
            return [repeated]
        # one that broadcasts is put everywhere, and what is there before does not matter
        terms.sort(key=lambda term: place(term.output) != "{out}")
        kind = "empty" if terms and place(terms[0].output) == "{out}" else "zeros"
        made = f"np.{kind}({shape([size(s) for s in step.sizes])}, dtype)"
        return [f"{{out}} = {made}", *placed_in_turn(terms), ""]
    if all(len(set(term.output)) == len(term.output) for term in terms):
        # There is no diagonal: the other terms broadcast.
        return [" + ".join(aligned(*term) for term in terms)]
    others = [placed(term) for term in terms if term is not full]
    return [f"{{out}} = np.array({aligned(*full)}, dtype)", *others, ""]


def _repeated(terms: Sequence[Embedded], step: Step, size: Spell) -> str | None:
    """One term that is repeated along an axis behind others: ``repeat`` writes short rows faster
    than an assignment.
    """
    if len(terms) != 1 or len(set(terms[0].output)) < len(terms[0].output):
        return None
    ((x, labels, output),) = terms
    new = [axis for axis, label in enumerate(output) if label not in labels]
    kept = tuple([label for label in output if label in labels])
    if len(new) != 1 or new[0] == 0:
        return None
    (axis,) = new
    made = shape([size(s) for s in step.sizes])
    x = transposed(x, labels, kept)
    return f"{x}.repeat({size(step.sizes[axis])}, {axis - 1}).reshape({made})"


def fills(term: Embedded) -> bool:
    """Has a term an entry of its own for each of the tensor that it is written to?"""
    return len(term.labels) == len(term.output) == len(set(term.output))


def placed(term: Embedded, sign: str = "+=") -> str:
    """A line that adds a term to where it sits in ``{out}``, or puts it there."""
    x, labels, output = term
    distinct = tuple(dict.fromkeys(output))
    return f"{place(output)}[...] {sign} {aligned(x, labels, distinct)}"


def placed_in_turn(terms: Sequence[Embedded]) -> list[str]:
    """Lines that put the first term where it sits in ``{out}``, and add the others."""
    return [placed(term, "+=" if k else "=") for k, term in enumerate(terms)]


def place(output: Labels) -> str:
    """The strided view of ``{out}`` that is its diagonal by repeated labels."""
    distinct = tuple(dict.fromkeys(output))
    if distinct == output:
        return "{out}"
    return f'np.einsum("{einsum_text([output], distinct)}", {{out}})'


def _contract2(inputs: Sequence[str], step: Step, size: Spell) -> str:
    contraction = Contraction.of(step, inputs, size)
    return form_of(contraction).spell(contraction)


#: how NumPy spells each kind of step as an expression
SPELT: dict[Op, Spelling] = {
    **ALIKE,
    Ops.NUMBER: _number,
    Ops.VIEW: _view,
    Ops.SUM: _sum,
    Ops.CONTRACT: _contract2,
    Ops.SCALE: _scale,
    Ops.APPLY: _apply,
    Ops.GRAM: _gram,
    Ops.GRAMS: _grams,
    Ops.SOLVE: solve_text,
    Ops.OUTER: _outer,
    Ops.STACK: _stack,
    Ops.TAKE: _take,
    Ops.READ: read_text,
    Ops.MASK: mask_text,
    Ops.RUNNING_SUM: running_sum_text,
    Ops.TRANSFORM: transform_text,
    Ops.WEIGHTED_ROWS: weighted_rows_text,
    Ops.WINDOWED: windowed_text,
    Ops.CONVOLVE: convolve_text,
}


class NumpyDtypes(Library):
    """A library whose dtypes are NumPy's, and promote as NumPy's do."""

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """``numpy.result_type``."""
        import numpy as np

        return np.result_type(*(dtypes or [np.int64]), *numbers)

    def kind(self, dtype: Any) -> Any:
        """A dtype of NumPy has all that is asked for."""
        import numpy as np

        return np.dtype(dtype)

    def held_dtype(self, array: Any) -> Any:
        """Its own."""
        return array.dtype


class NumpyArrays(NumpyDtypes):
    """Arrays that are used where they are, and may change in place. Halves are computed in
    float32.
    """

    widened = MappingProxyType({"float16": "float32"})
    wider = "int64"
    as_they_are = True

    def as_array(self, value: Any) -> Any:
        """An array, also of a scalar."""
        return self.xp.asarray(value)

    def converted(self, array: Any, dtype: Any) -> Any:
        """An array in a dtype, copied only where it has another."""
        given = self.xp.asarray(array)
        return given if given.dtype == dtype else given.astype(dtype)

    def moved(self, array: Any, dtype: Any, device: Any) -> Any:
        """A held array in a dtype."""
        return self.converted(array, dtype)

    def conjugated(self, array: Any) -> Any:
        """The complex conjugate."""
        return self.xp.conj(array)

    def array_type(self) -> Any:
        """``ndarray``."""
        return self.xp.ndarray


class NumpyLibrary(NumpyArrays):
    """NumPy itself."""

    name = module = "numpy"
    test = "type({0}) is _array"

    @cached_property
    def xp(self) -> Any:
        """NumPy, looked up once: calls are short."""
        return self.imported()

    def given(self, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays as they are, lists converted."""
        return {name: usable(array, name) for name, array in arrays.items()}, None

    def looked_at(self, array: Any) -> Any:
        """The array."""
        return array

    def words(self, dtype: Any, device: Any) -> dict[str, Any]:
        """Scalars become arrays again by NumPy's own function, with nothing between."""
        return {**super().words(dtype, device), "_wrap": self.xp.asarray}


class Numpy(Backend):
    """Sources of NumPy: they write into arrays, and go over blocks of them."""

    @property
    def ops(self) -> Collection[Op]:
        """Those of the table, and what is put in its place."""
        return {*SPELT, Ops.WRITE, Ops.PLACE, Ops.ASSEMBLE}

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        """Lines for one step; the last is the expression of its value, and ``{out}`` stands for
        its name.
        """
        return numpy_step(step, inputs, size)

    def called(self, function: Callable[..., Any], lines: int) -> Callable[..., Any]:
        """The function; of a long source with its floating-point warnings gathered."""
        return _gathered(function) if lines > LONG_SOURCE else function


def _gathered(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with one warning a call for each kind of floating-point error.

    For every warning Python counts the lines of the code from its start, which for a warning on
    each of n lines takes n² steps. What NumPy is told to ignore, raise or call stays as it is.
    """
    import numpy as np

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        modes = np.geterr()
        if "call" in modes.values() or "log" in modes.values():
            return function(*arguments, **named)  # there is one place for what is called
        warned: dict[str, Any] = {}
        for kind, mode in modes.items():
            if mode == "warn":
                warned[kind] = "call"
        met: dict[str, None] = {}
        with np.errstate(call=lambda kind, _: met.setdefault(kind), **warned):
            result = function(*arguments, **named)
        for kind in met:
            warnings.warn(f"{kind} encountered", RuntimeWarning, stacklevel=2)
        return result

    return called


NUMPY = Numpy(
    name="numpy",
    title="NumPy",
    library=NumpyLibrary(),
    helpers=HELPERS,
    header="import numpy as np",
    module="np",
    dtypes="np",
    no_dtype='np.dtype("float64")',
    owned="np.require({0}, None, 'OW')",
    takes="numpy",
    writes=True,
    passes=(
        *BASE_PASSES,
        "reads first",
        "sums of parts",
        "convolutions of vectors",
        "numpy peepholes",
        "tiling for the cache",
        "batching of products",
        "tiling for the memory limit",
    ),
)
