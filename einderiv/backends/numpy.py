"""NumPy: its arrays, and how each kind of step is spelt, one function for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import Any

from ..expression import LETTERS, Labels, usable
from ..planning import Op, Ops, Step, contraction, middle, rearranged, tuning, turned
from .base import BASE_PASSES, Backend, Library
from .numpy_helpers import HELPERS
from .source_text import (
    Spell,
    Spelling,
    aligned,
    by_label,
    combine_text,
    core_axes,
    literal,
    product,
    shape,
    solve_text,
    spelling_of,
    transposed,
)

# entries: of an array that is worth a thought; of a result that is made one by one
MANY, FEW = 1 << 14, 32


def numpy_step(step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
    """Lines for one step; the last is the expression of its value, and ``{out}`` stands for its
    name.
    """
    if step.op is Ops.WRITE:
        return _write(step, inputs, size)
    return [spelling_of(step.op, SPELT)(inputs, step, size)]


def _number(_: Sequence[str], step: Step, __: Spell) -> str:
    return f"dtype.type({literal(step.spec[0])})"


def _outer(inputs: Sequence[str], step: Step, _: Spell) -> str:
    (la, _lb, out), (x, y) = step.spec, inputs
    x, y = (x, y) if la[0] == out[0] else (y, x)
    return f"{x}[:, None].dot({y}[None])"


def _scale(inputs: Sequence[str], step: Step, size: Spell) -> str:
    number, sizes = step.spec
    front = [literal(number)] * (number != 1) + [product([size(s) for s in sizes])] * bool(sizes)
    return " * ".join([*front, inputs[0]])


def _add(inputs: Sequence[str], _: Step, __: Spell) -> str:
    return " + ".join(inputs)


def _apply(inputs: Sequence[str], step: Step, _: Spell) -> str:
    row, core, parameters = step.spec
    # NumPy refuses negative whole powers of integers.
    shown = [literal(float(p) if isinstance(p, int) and p < 0 else p) for p in parameters]
    text: str = row.spell["numpy"].format(
        *inputs, *shown, core=core_axes(core), depth=core, all=", ".join(inputs)
    )
    return text


def _gram(inputs: Sequence[str], step: Step, _: Spell) -> str:
    return f"gram({inputs[0]}{'.T' * step.spec[0]}, {inputs[1]})"


def _grams(inputs: Sequence[str], step: Step, _: Spell) -> str:
    first, second = (name + ".T" * turned for name, turned in zip(inputs, step.spec, strict=True))
    return f"grams({first}, {second})"


def _factor(inputs: Sequence[str], _: Step, __: Spell) -> str:
    return f"factored({inputs[0]})"


def _reshape(inputs: Sequence[str], step: Step, size: Spell) -> str:
    return f"{inputs[0]}.reshape({shape([size(s) for s in step.sizes])})"


def _stack(inputs: Sequence[str], step: Step, _: Spell) -> str:
    *operands, out = step.spec
    new = next(x for x in out if x not in operands[0])
    order = tuple(x for x in out if x != new)
    parts = (transposed(x, labels, order) for x, labels in zip(inputs, operands, strict=True))
    return f"np.stack(({', '.join(parts)}), axis={out.index(new)})"


def _take(inputs: Sequence[str], step: Step, _: Spell) -> str:
    labels, place, out = step.spec
    at = next(p for p, x in enumerate(labels) if x not in out)
    return transposed(f"{inputs[0]}[{':, ' * at}{place}]", labels[:at] + labels[at + 1 :], out)


def _sum(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """A sum over axes. Along short rows of a large array `einsum` is faster by half; pairwise
    summation, which `sum` has and `einsum` has not, gains nothing there.
    """
    (x,), (labels, out) = inputs, step.spec
    gone = [str(p) for p, label in enumerate(labels) if label not in out]
    numbers = [int(n) for n in map(size, step.operand_sizes[0]) if n.isdigit()]
    kept = len(out)
    if (
        labels[:kept] == out
        and len(numbers) == len(labels)
        and prod(numbers) >= MANY
        and prod(numbers[kept:]) <= tuning.short_sum
    ):
        return f'np.einsum("{_letters(labels, labels)}->{_letters(out, labels)}", {x})'
    return f"{x}.sum(axis={shape(gone) if len(gone) > 1 else gone[0]})"


def _view(inputs: Sequence[str], step: Step, _: Spell) -> str:
    (x,), (labels, out) = inputs, step.spec
    if len(set(labels)) == len(labels):
        return transposed(x, labels, out)
    if len(labels) == 2 and len(out) == 1:
        return f"{x}.diagonal()"
    return f'np.einsum("{_letters(labels, labels)}->{_letters(out, labels)}", {x})'


def _letters(labels: Labels, scope: Labels) -> str:
    names = dict(zip(dict.fromkeys(scope), LETTERS, strict=False))
    return "".join(names[label] for label in labels)


def _write(step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
    """Every term added into the strided view of its diagonal; a term that fills its place takes
    that of the zeros.
    """
    terms = list(zip(inputs, step.spec, strict=True))
    full = next((term for term in terms if fills(*term[1])), None)
    if full is None:
        zeros = f"{{out}} = np.zeros({shape([size(s) for s in step.sizes])}, dtype)"
        return [zeros, *(placed(term, "+=" if k else "=") for k, term in enumerate(terms)), ""]
    if all(len(set(output)) == len(output) for _, (_, output) in terms):
        return [" + ".join(aligned(x, *labels) for x, labels in terms)]  # the others broadcast
    x, (labels, output) = full
    terms.remove(full)
    return [f"{{out}} = np.array({aligned(x, labels, output)}, dtype)", *map(placed, terms), ""]


def fills(labels: Labels, output: Labels) -> bool:
    """Has a term an entry of its own for each of the tensor that it is written to?"""
    return len(labels) == len(output) == len(set(output))


def placed(term: tuple[str, tuple[Labels, Labels]], sign: str = "+=") -> str:
    """A line that adds a term to where it sits in ``{out}``, or puts it there."""
    x, (labels, output) = term
    return f"{place(output)}[...] {sign} {aligned(x, labels, tuple(dict.fromkeys(output)))}"


def place(output: Labels) -> str:
    """The strided view of ``{out}`` that is its diagonal by repeated labels."""
    distinct = tuple(dict.fromkeys(output))
    if distinct == output:
        return "{out}"
    return f'np.einsum("{_letters(output, output)}->{_letters(distinct, output)}", {{out}})'


def _contract2(inputs: Sequence[str], step: Step, size: Spell) -> str:
    la, lb, out = step.spec
    x, y = inputs
    batch, summed, first, second = contraction(la, lb, out)
    sizes = by_label(step, size)
    if not summed:
        return f"{_repeated(x, la, out, sizes)} * {_repeated(y, lb, out, sizes)}"
    if not batch and (
        text := _between(x, y, step, sizes) or _between(y, x, step, sizes, swapped=True)
    ):
        return text
    if turned(batch, first, second, out):
        # The transposed product has its axes in the order that is wanted.
        x, y, la, lb, first, second = y, x, lb, la, second, first
    made = batch + first + second
    if (
        batch
        and not (first and second)
        and _batch_last(batch, summed, (la, lb), (first, second), sizes)
    ):
        # Where the summed axis runs slowly, one pass over the memory in its order beats products of
        # rows.
        first_letters, second_letters, kept = (
            _letters(labels, la + lb) for labels in (la, lb, out)
        )
        return f'np.einsum("{first_letters},{second_letters}->{kept}", {x}, {y})'
    if batch and not first and not second and len(summed) == 1:
        # `vecdot` conjugates its first argument; `conj` of real numbers is free.
        rows = (transposed(text, ls, batch + summed) for text, ls in ((x, la), (y, lb)))
        return transposed("np.vecdot({}.conj(), {})".format(*rows), made, out)
    if (
        batch
        and len(summed) == 1
        and not (first and second)
        and _few([sizes(label) for label in out])
    ):
        rows = (aligned(text, ls, out + summed) for text, ls in ((x, la), (y, lb)))
        return "np.vecdot({}.conj(), {})".format(*rows)
    if (
        not batch
        and len(summed) == 1
        and max(len(first), len(second)) > 1
        and _few([sizes(label) for label in out])
    ):
        # `dot` takes any number of axes, product by product: slow, but without a copy and without a
        # reshape.
        x, y = (
            transposed(x, la, first + summed),
            transposed(y, lb, second[:-1] + summed + second[-1:]),
        )
        return transposed(f"{x}.dot({y})", made, out)
    left = _matrix(x, la, (batch, first, summed), sizes)
    right = _matrix(y, lb, (batch, summed, second), sizes)
    # On one or two axes `dot` is the same product for a quarter of the overhead.
    text = f"{left} @ {right}" if batch else f"{left}.dot({right})"
    if _grouped(batch, first) or _grouped(batch, second):
        text = f"({text})" if batch else text
        text += f".reshape({shape(list(map(sizes, made)))})"
    elif batch and made != out:
        text = f"({text})"
    return transposed(text, made, out)


def _batch_last(
    batch: Labels,
    summed: Labels,
    operands: tuple[Labels, Labels],
    rests: tuple[Labels, Labels],
    sizes: Callable[[int], str],
) -> bool:
    """Do the entries that are multiplied lie far apart, and whole rows of them side by side?"""
    if not any(rests):
        return summed[0] not in (operands[0][-1], operands[1][-1])
    last = operands[0 if rests[0] else 1][-1]
    return last in batch and _long(sizes(last), 16)


def _repeated(x: str, labels: Labels, out: Labels, sizes: Callable[[int], str]) -> str:
    """`x` as a view that broadcasts; copied in the order of the axes of the result, if it is
    read many times.
    """
    order = tuple(label for label in out if label in labels)
    own, all_ = product(list(map(sizes, labels))), product(list(map(sizes, out)))
    if order != labels and own.isdigit() and all_.isdigit() and rearranged(int(own), int(all_)):
        return aligned(f"np.ascontiguousarray({transposed(x, labels, order)})", order, out)
    return aligned(x, labels, out)


def _between(
    x: str, y: str, step: Step, sizes: Callable[[int], str], *, swapped: bool = False
) -> str:
    """A product over axes in the middle of `x`, as a stack of products that copies nothing;
    empty where it is none.
    """
    la, lb, out = step.spec
    if swapped:
        la, lb = lb, la
    found = middle(la, lb)
    if found is None or not _long(sizes(found[2][-1])):
        return ""
    before, summed, behind = found
    second = tuple(label for label in lb if label not in summed)
    stack = x
    if len(summed) > 1 or len(behind) > 1:
        merged = [product(list(map(sizes, group))) for group in (summed, behind)]
        stack = f"{x}.reshape({shape([*map(sizes, before), *merged])})"
    text = f"{_matrix(y, lb, ((), second, summed), sizes)} @ {stack}"
    made = before + second + behind
    if len(second) > 1 or len(behind) > 1:
        text = f"({text}).reshape({shape(list(map(sizes, made)))})"
    elif made != out:
        text = f"({text})"
    return transposed(text, made, out)


def _few(sizes: Sequence[str]) -> bool:
    """Are there so few entries that a product of vectors for each is faster than a product of
    matrices?
    """
    return all(size.isdigit() for size in sizes) and prod(map(int, sizes)) <= FEW


def _long(size: str, least: int = 8) -> bool:
    """Is an axis long enough for a product of its own, as far as one knows?"""
    return not size.isdigit() or int(size) >= least


def _grouped(batch: Labels, group: Labels) -> bool:
    """Does a group of axes differ from the one axis that a matrix product makes of it?"""
    return len(group) != 1 and bool(batch or group)


def _matrix(
    x: str, labels: Labels, groups: tuple[Labels, Labels, Labels], sizes: Callable[[int], str]
) -> str:
    """`x` as a stack of matrices; without batch axes an empty group is left out, for a vector is
    no matrix.
    """
    batch, rows, columns = groups
    x = transposed(x, labels, batch + rows + columns)
    shown = [g for g in (rows, columns) if g or batch]
    if all(len(g) == 1 for g in shown):
        return x
    merged = [product(list(map(sizes, group))) for group in shown]
    return f"{x}.reshape({shape([*map(sizes, batch), *merged])})"


#: how NumPy spells each kind of step as an expression
SPELT: dict[Op, Spelling] = {
    Ops.NUMBER: _number,
    Ops.VIEW: _view,
    Ops.SUM: _sum,
    Ops.CONTRACT: _contract2,
    Ops.SCALE: _scale,
    Ops.ADD: _add,
    Ops.COMBINE: combine_text,
    Ops.APPLY: _apply,
    Ops.GRAM: _gram,
    Ops.GRAMS: _grams,
    Ops.FACTOR: _factor,
    Ops.SOLVE: solve_text,
    Ops.RESHAPE: _reshape,
    Ops.OUTER: _outer,
    Ops.STACK: _stack,
    Ops.TAKE: _take,
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
        found = self.xp.asarray(array)
        return found.astype(dtype) if found.dtype != dtype else found

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

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        """Lines for one step; the last is the expression of its value, and ``{out}`` stands for
        its name.
        """
        return numpy_step(step, inputs, size)


NUMPY = Numpy(
    name="numpy",
    library=NumpyLibrary(),
    helpers=HELPERS,
    header="import numpy as np",
    module="np",
    dtypes="np",
    no_dtype='np.dtype("float64")',
    takes="numpy",
    passes=(
        *BASE_PASSES,
        "numpy peepholes",
        "tiling for the cache",
        "batching of products",
        "tiling for the memory limit",
    ),
)
