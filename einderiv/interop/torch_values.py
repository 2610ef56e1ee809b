"""What readers of operations of torch work with: the values of a graph, and einsums of them.

A value of a graph is an expression with known sizes, or a tensor of torch whose entries are known
when the graph is read. Torch broadcasts; einsums do not, so readers say by labels what
repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeGuard

from ..errors import ShapeError
from ..expression import (
    AffineIndex,
    Einsum,
    Expr,
    Label,
    Slot,
    Tensor,
    add,
    as_expression,
    assemble,
    at,
    filled,
    held,
    indexed,
    is_zero,
    multiply,
    one_hot_of,
    viewed,
    with_slots,
)
from .imported import no_form

Shape = tuple[int, ...]


class Operation(NamedTuple):
    """A row of the table of operations that are read."""

    name: str  # of the operator, without its overload
    read: Callable[..., Any]
    example: str  # of Python, of tensors that it names
    shapes: Mapping[str, Shape | str]  # of those; "SPD 3" is a positive definite matrix
    note: str = ""


class Call:
    """One operation of a graph: what it gives, and how to say that it cannot be read."""

    def __init__(self, name: str, line: str, meta: Any, arguments: Any, source: Any) -> None:
        self.name = name
        self.line = line
        self.meta = meta  # a tensor without entries, or several
        self.arguments = arguments
        self.source = source  # the dtype of the first argument

    @property
    def shape(self) -> Shape:
        """Of the result."""
        return tuple(map(int, self.meta.shape))

    def refuse(self, way_round: str) -> NoReturn:
        """Raise a BackendError that names the operation and the line."""
        raise no_form(self.name, self.line, way_round)


# ---- known values
def is_known(value: Any) -> bool:
    """A tensor of torch with entries?"""
    return not isinstance(value, Expr) and hasattr(value, "dtype") and hasattr(value, "dim")


def is_expression(value: Any) -> TypeGuard[Expr]:
    return isinstance(value, Expr)


def expression_of(value: Any) -> Expr:
    """A value as an expression: a tensor is held, but one number everywhere is that number."""
    if isinstance(value, Expr):
        return value
    if not is_known(value):
        return as_expression(value)
    shape = tuple(value.shape)
    array = value.detach().cpu()
    if array.dtype.is_complex:
        array = array.resolve_conj()
    if array.numel() and bool((array == array.reshape(-1)[0]).all()):
        return filled(array.reshape(-1)[0].item() * 1, shape, (None,) * len(shape))
    if str(array.dtype) == "torch.bool":
        array = array.to(_byte())  # 0 and 1, as comparisons give
    if str(array.dtype) == "torch.bfloat16":
        array = array.float()
    return held(array.numpy(), "a tensor of torch")


def _byte() -> Any:
    import torch

    return torch.int8


def shape_of(value: Any) -> Shape:
    if isinstance(value, Expr):
        return sizes_of(value)
    return tuple(map(int, value.shape)) if is_known(value) else ()


def sizes_of(e: Expr) -> Shape:
    """The sizes of the axes, which are numbers in all that is read."""
    sizes = []
    for size in e.axis_sizes:
        assert isinstance(size, int), "a tensor of torch has a shape"
        sizes.append(size)
    return tuple(sizes)


# ---- broadcasting
def together(*values: Any) -> list[Expr]:
    """Values of one shape: axes are aligned from the last, and those of size 1 repeat."""
    shape = broadcast(*[shape_of(value) for value in values])
    return [spread(expression_of(value), shape) for value in values]


def broadcast(*shapes: Shape) -> Shape:
    """The shape of arrays of these shapes together."""
    longest = max(map(len, shapes), default=0)
    sizes = []
    for p in range(longest, 0, -1):
        met = {shape[-p] for shape in shapes if len(shape) >= p} - {1}
        if len(met) > 1:
            raise ShapeError(f"shapes {' and '.join(map(str, shapes))} do not broadcast")
        sizes.append(met.pop() if met else 1)
    return tuple(sizes)


def spread(e: Expr, shape: Shape) -> Expr:
    """`e` in a shape that it broadcasts to."""
    own = sizes_of(e)
    if own == shape:
        return e
    if not own and isinstance(e, Einsum) and not e.factors:
        return filled(e.coefficient, shape, (None,) * len(shape))
    first = len(shape) - len(own)
    output = range(len(shape))
    labels = []
    for p, size in enumerate(own):
        repeats = size == 1 and shape[first + p] != 1
        labels.append(len(shape) + p if repeats else first + p)
    given = [(label, shape[label]) for label in output if label not in labels]
    return without_single_places(viewed(e, labels, output, tuple(given)))


def without_single_places(e: Expr) -> Expr:
    """`e` without labels that only say that there is one place, of an axis that came and went."""
    if not isinstance(e, Einsum) or not e.given:
        return e
    used = _labels_of(e)
    kept = tuple([(label, size) for label, size in e.given if size != 1 or label in used])
    if len(kept) == len(e.given):
        return e
    slots = list(zip(e.factors, e.inputs, strict=True))
    return with_slots(e, slots, given=kept, origins=e.origins)


def _labels_of(e: Einsum) -> set[Label]:
    """The labels of an einsum that an operand, the output or a relation has."""
    used = {*e.output, *[label for labels in e.inputs for label in labels]}
    for one in e.relations:
        used.update(label for label, _ in one.terms)
    return used


def plus(a: Any, b: Any) -> Expr:
    """``a + b``"""
    return add(*together(a, b))


def product(a: Any, b: Any) -> Expr:
    """``a * b``"""
    if not isinstance(a, (Expr, int, float, complex)):
        a = expression_of(a)
    if not isinstance(b, (Expr, int, float, complex)):
        b = expression_of(b)
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        return as_expression(a * b)
    if not isinstance(a, Expr) or not isinstance(b, Expr):
        return multiply(a, b)
    return multiply(*together(a, b))


# ---- einsums
def contracted(text: str, *operands: Expr) -> Expr:
    """An einsum by letters, such as ``bij,bjk->bik``."""
    inputs, output = text.split("->")
    number = {letter: k for k, letter in enumerate(dict.fromkeys(text) if text else ())}
    slots: list[Slot] = []
    for term, operand in zip(inputs.split(","), operands, strict=True):
        slots.append((operand, tuple([number[letter] for letter in term])))
    labels = tuple([number[letter] for letter in output])
    return assemble(1, slots, labels, axes=(None,) * len(labels))


def read_at(e: Expr, reads: Sequence[AffineIndex], domains: Sequence[int]) -> Expr:
    """``e[reads]`` over labels 0, 1, … of these domains, which are the axes of the result."""
    output = [at(label) for label in range(len(domains))]
    sizes = dict(enumerate(domains))
    return indexed([(e, list(reads))], output, sizes, list(domains), [None] * len(domains))


def written_at(e: Expr, writes: Sequence[AffineIndex], sizes: Shape) -> Expr:
    """``y[writes] += e``, with zeros where nothing is written."""
    own = sizes_of(e)
    reads = [at(label) for label in range(len(own))]
    names = [None] * len(sizes)
    return indexed([(e, reads)], list(writes), dict(enumerate(own)), list(sizes), names)


def placed(e: Expr, before: Sequence[int], sizes: Shape) -> Expr:
    """`e` with zeros around it: `before` each axis so many, up to these sizes. Negative numbers cut
    off.
    """
    writes = [at(label, start) for label, start in enumerate(before)]
    return written_at(e, writes, sizes)


def windows(
    e: Expr, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], out: Shape
) -> Expr:
    """``e[…, s i + d k]`` of the last axes, as further axes k at the end: all inside."""
    rank = e.ndim - len(kernel)
    own = sizes_of(e)
    domains = [*own[:rank], *out, *kernel]
    reads = [at(label) for label in range(rank)]
    for p, (s, d) in enumerate(zip(stride, dilation, strict=True)):
        terms = ((rank + p, s), (rank + len(kernel) + p, d))
        reads.append(AffineIndex(0, terms))
    return read_at(e, reads, domains)


def linear(e: Expr, axis: int, matrix: Any) -> Expr:
    """``Σ_j matrix[i, j] e[…, j, …]`` of a tensor of torch."""
    labels = tuple(range(e.ndim))
    new = e.ndim
    output = (*labels[:axis], new, *labels[axis + 1 :])
    factor = expression_of(matrix)
    slots = [(factor, (new, axis)), (e, labels)]
    return assemble(1, slots, output, axes=(None,) * e.ndim)


# ---- index arrays
def hot(call: Call, index: Any, size: int) -> Expr:
    """An index array as a factor: 1 where its last axis, of this size, is what stands at the
    others.
    """
    if is_known(index):
        array = index.detach().cpu().numpy()
        if array.size and (array.min() < -size or array.max() >= size):
            call.refuse(f"an index is outside the axis of size {size}")
        array = array.astype("int64")
        array[array < 0] += size
        return one_hot_of(held(array, "an index array"), size)
    if isinstance(index, Tensor):
        return one_hot_of(index, size)
    if isinstance(index, Einsum) and len(index.factors) == 1 and index.coefficient == 1:
        (source,) = index.factors
        if isinstance(source, Tensor) and not is_zero(index):  # a view of an input
            (value,) = _fresh(index)
            slots = [(one_hot_of(source, size), (*index.inputs[0], value))]
            output = (*index.output, value)
            return with_slots(index, slots, output, axes=(None,) * len(output))
    return call.refuse("its indices are computed from an input: make them an argument")


def _fresh(e: Einsum) -> tuple[Label]:
    """A label that an einsum has nowhere."""
    used = _labels_of(e) | {label for label, _ in e.given}
    return (max(used, default=-1) + 1,)


def whole_number_index(value: Any) -> bool:
    """A tensor of whole numbers, which are places?"""
    return not str(value.dtype).endswith(("bool", "uint8"))
