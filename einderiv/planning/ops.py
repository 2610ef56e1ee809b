"""What an op is: one row for each, and all that the planner, the passes and the backends ask of it.

A step of a program is an op on some values. Nothing else knows an op by its name; whoever needs to
know where an axis comes from, whether a value is memory of its own, or how fast it is computed,
asks the row:

>>> matrix_product = Step(
...     Ops.CONTRACT, (0, 1), ((0, 1), (1, 2), (0, 2)), (5, 7), 210, ((5, 6), (6, 7))
... )
>>> axes_in_operands(matrix_product, 1)  # columns of the result are columns of the second operand
[None, 1]
>>> run_together(matrix_product, 0, 1)  # columns of the first, rows of the second: a sum
({0: 1, 1: 0}, None)

To add an op, add a row to :class:`Ops` and its spelling to the files of the backends that have it,
or `spell` to the row where all libraries say it alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import prod
from typing import Any, NamedTuple

from ..expression import Labels, Size
from ..functions import FUNCTIONS, batch_axes
from .parts import Part, Span

Axes = tuple[int | None, ...]  # a label for each axis; None for one that is needed in one piece


class Indexing(NamedTuple):
    """Which axes run together: those with one label. (The indexing maps of MLIR's `linalg`.)

    An axis without a label is needed in one piece. The result has labels for each operand: a sum of
    terms in their places may put one on a diagonal, and the next beside it.
    """

    operands: tuple[Axes, ...]
    results: tuple[Axes, ...]


class Algebra(Enum):
    """What a value is of its operands, as far as symmetries and bounds need to know."""

    PRODUCT = auto()  #: their product, summed over the labels that the result has not
    SUM = auto()  #: their sum, each in its place
    FUNCTION = auto()  #: a row of the functions table, along the axes without labels
    OTHER = auto()


class Memory(NamedTuple):
    """Where a value lies: does it take memory of its own, does it show that of its operand, or may
    it?
    """

    takes: bool
    shows: bool


OWN = Memory(takes=True, shows=False)
GIVEN = Memory(takes=False, shows=False)  # it is there already
SHARED = Memory(takes=False, shows=True)
MAYBE_SHARED = Memory(takes=True, shows=True)


class Layout(Enum):
    """In which order NumPy lays the axes of a value out in memory."""

    ROWS = auto()  #: the last axis is the fastest
    OPERAND = auto()  #: as the first operand of as many axes
    LABELS = auto()  #: as its one operand, axis for axis
    PRODUCT = auto()  #: as the product of matrices that it is leaves them


class Rate(Enum):
    """What decides the time of the arithmetic: the costs of `cost.py` by their names."""

    NOTHING = auto()  #: no number is computed
    MATRIX = auto()  #: a product of matrices, by BLAS
    OTHER = auto()


class Shown(Enum):
    """What a plan shows of a step beside its name."""

    NOTHING = auto()
    NUMBER = auto()  #: the number that it multiplies by, or that it is
    EINSUM = auto()  #: its labels
    TERMS = auto()  #: the labels of each term
    INDICES = auto()  #: where it reads, writes, or keeps entries
    PARTS = auto()  #: where each part lies


class Example(NamedTuple):
    """A step that the tests run in every backend: shapes of its operands, spec, and shape."""

    shapes: tuple[tuple[int, ...], ...]
    spec: tuple[Any, ...]
    shape: tuple[int, ...]


Bound = Callable[["Step", Sequence[int], Callable[[Size], int]], int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """One row. `operands` and `spec` say in words what a step has."""

    name: str  # as a plan shows it
    operands: str
    spec: str
    example: Example
    indexing: Callable[[Step], Indexing]
    algebra: Algebra = Algebra.OTHER
    memory: Memory = OWN
    layout: Layout = Layout.ROWS
    rate: Callable[[Step], Rate]
    # of the absolute values of whole numbers, by those of the operands; None: there are none
    bound: Bound | None = None
    labelled: bool = False  # is the spec labels? then steps that name them otherwise are one
    elementwise: bool = False  # an entry is made of the same entry of each operand, always
    follows: bool = False  # is its value divided among devices as its operand is, without a word?
    kernel: str = "elementwise"  # what NumPy makes of it, as a plan says; empty: it depends
    shown: Shown = Shown.NOTHING
    before: bool = False  # is the value there before the first line of a source runs?
    # how every library says it that has no word of its own: operands and sizes as text
    spell: Callable[[Sequence[str], Step, Callable[[Size], str]], str] | None = None

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class Index(NamedTuple):
    """Where one axis is read or written: a constant, positions on numbered axes, each times its
    coefficient, and values of index arrays, each times its coefficient.

    A value is read where the axes of its array are those with its numbers; beyond the ends of the
    array there is none, so that point is left out. ``x[1 + 2 i - r[e]]``, where i and e are axes 0
    and 1, and r is the input 1:

    >>> Index(1, ((0, 2),), ((1, (1,), -1),))
    Index(constant=1, terms=((0, 2),), arrays=((1, (1,), -1),))
    """

    constant: Size
    terms: tuple[tuple[int, Size], ...]  # an axis, and its coefficient
    arrays: tuple[tuple[int, tuple[int, ...], Size], ...] = ()  # an input, its axes, a coefficient

    @property
    def bare(self) -> int | None:
        """The axis that it is the position on, and nothing else."""
        if self.constant == 0 and len(self.terms) == 1 and not self.arrays:
            axis, coefficient = self.terms[0]
            return axis if coefficient == 1 else None
        return None

    def reach(self, shape: Sequence[int], measure: Callable[[Size], int]) -> tuple[int, int]:
        """The least and the largest value, without index arrays, where no axis is empty.

        >>> Index(-1, ((0, 2), (1, -1))).reach((5, 3), int)
        (-3, 7)
        """
        low = high = measure(self.constant)
        for axis, coefficient in self.terms:
            end = measure(coefficient) * (shape[axis] - 1)
            low, high = low + min(end, 0), high + max(end, 0)
        return low, high


class Step(NamedTuple):
    """One step; `sizes` are those of its result."""

    op: Op
    inputs: tuple[int, ...]
    spec: tuple[Any, ...]
    sizes: tuple[Size, ...]
    flops: float  # multiplications and additions, by the sizes the plan was made for
    operand_sizes: tuple[tuple[Size, ...], ...] = ()  # of the axes of each input

    @property
    def indexing(self) -> Indexing:
        """Which of its axes run together."""
        return self.op.indexing(self)

    @property
    def memory(self) -> Memory:
        """Where its value lies; a function of a user may answer its argument."""
        if self.op is Ops.APPLY and self.spec[0].may_answer_argument:
            return MAYBE_SHARED
        return self.op.memory

    @property
    def elementwise(self) -> bool:
        """Is an entry of the value made of the same entry of each operand?"""
        if self.op is Ops.APPLY:
            return bool(self.spec[1] == 0)  # no core axes
        if self.op is Ops.CONTRACT:
            return not sums(self)
        return self.op.elementwise

    @property
    def of_user(self) -> bool:
        """Is it a function that a user added? It may look at all of its argument."""
        return self.op is Ops.APPLY and self.spec[0].added


Numbered = list[tuple[int, Step]]  # steps with the numbers of their values


# ---- which axes run together
def in_one_piece(step: Step) -> Indexing:
    """No axis of the result is an axis of an operand."""
    result: Axes = (None,) * len(step.sizes)
    operands = tuple((None,) * len(sizes) for sizes in step.operand_sizes)
    return Indexing(operands, (result,) * len(operands))


def same_axes(step: Step) -> Indexing:
    """Operands and result have the same axes."""
    axes = tuple(range(len(step.sizes)))
    return Indexing((axes,) * len(step.inputs), (axes,) * len(step.inputs))


def by_labels(step: Step) -> Indexing:
    """The spec has the labels of each operand, then those of the result."""
    *operands, result = step.spec
    return Indexing(tuple(operands), (result,) * len(operands))


def by_places(step: Step) -> Indexing:
    """The spec has for each operand its labels and where they sit: axes of the result are labels
    of both.
    """
    operands: list[Axes] = []
    results: list[Axes] = []
    for labels, output in step.spec:
        operands.append(tuple(output.index(x) for x in labels))
        results.append(tuple(output.index(x) for x in output))
    return Indexing(tuple(operands), tuple(results))


def along_batch(step: Step) -> Indexing:
    """A function is made along the axes before its core axes; scalars have none."""
    row, core, _ = step.spec
    rank, ranks = len(step.sizes), [len(sizes) for sizes in step.operand_sizes]
    batch, batches = batch_axes(row, core, ranks, rank)
    operands: list[Axes] = []
    for own_batch, own_rank in zip(batches, ranks, strict=True):
        operands.append((*range(own_batch), *[None] * (own_rank - own_batch)))
    result = (*range(batch), *[None] * (rank - batch))
    return Indexing(tuple(operands), (result,) * len(operands))


def beside(step: Step) -> Indexing:
    """The first operand has the axes of the result, the others have labels. What they sum is in one
    piece: with each part the first would be added once more.
    """
    *labelled, result = step.spec[:3]
    operands: list[Axes] = [result]
    for labels in labelled:
        operands.append(tuple([x if x in result else None for x in labels]))
    return Indexing(tuple(operands), (result,) * 3)


def at_one_place(step: Step) -> Indexing:
    """All labels of the operand but one, of which one place is taken, are in the result."""
    labels, _, result = step.spec
    operand = tuple(x if x in result else None for x in labels)
    return Indexing((operand,), (result,))


def at_reads(step: Step) -> Indexing:
    """Axes of the result that are axes of the operand, or of index arrays, as they are."""
    operand, arrays = step.operand_sizes[0], step.operand_sizes[1:]
    free = _used_as_they_are(step.spec, operand, step.sizes, arrays)
    own: Axes = tuple(index.bare if index.bare in free else None for index in step.spec)
    result: Axes = tuple(axis if axis in free else None for axis in range(len(step.sizes)))
    return Indexing((own, *_of_arrays(step.spec, free, arrays)), (result,) * len(step.inputs))


def at_places(step: Step) -> Indexing:
    """Axes of the operand that are axes of the result, or of index arrays, as they are. The latter
    are summed, unless the entries are assigned: a sum with zeros would lose their signs.
    """
    indices, once = step.spec
    operand, arrays = step.operand_sizes[0], step.operand_sizes[1:]
    free = _used_as_they_are(indices, step.sizes, operand, arrays)
    if once:
        free &= {index.bare for index in indices}
    own: Axes = tuple(axis if axis in free else None for axis in range(len(operand)))
    result: Axes = tuple(index.bare if index.bare in free else None for index in indices)
    return Indexing((own, *_of_arrays(indices, free, arrays)), (result,) * len(step.inputs))


def at_selected(step: Step) -> Indexing:
    """The axes that decide nothing but what is read of index arrays."""
    indices = [index for index, _ in step.spec]
    arrays = step.operand_sizes[1:]
    free = set(range(len(step.sizes))) - _read_apart(indices, step.sizes, arrays)
    for index in indices:
        free.difference_update(axis for axis, _ in index.terms)
    own: Axes = tuple(axis if axis in free else None for axis in range(len(step.sizes)))
    return Indexing((own, *_of_arrays(indices, free, arrays)), (own,) * len(step.inputs))


def at_parts(step: Step) -> Indexing:
    """The axes that no part is cut along."""
    parts, cleared = step.spec
    apart: set[int] = set()
    for box in (*[part.spans for part in parts], *cleared):
        apart.update(axis for axis, where in enumerate(box) if _is_cut(where))
    result: Axes = tuple([None if axis in apart else axis for axis in range(len(step.sizes))])
    operands: list[Axes] = []
    for part, sizes in zip(parts, step.operand_sizes, strict=True):
        own: list[int | None] = [None] * len(sizes)
        for axis, span in enumerate(part.spans):
            if span.axis is not None:
                own[span.axis] = result[axis]
        operands.append(tuple(own))
    return Indexing(tuple(operands), (result,) * len(operands))


def _is_cut(where: Span | tuple[int, int] | None) -> bool:
    """Is it less than all of an axis?"""
    return where is not None and not (isinstance(where, Span) and where.extent is None)


def by_rows(step: Step) -> Indexing:
    """The axes of weights and of an index array are summed, all others are axes of the result."""
    weights, value, _ = step.operand_sizes
    summed = tuple(range(len(weights)))
    own = tuple(range(len(value)))
    result: Axes = (None, *own[len(summed) :])
    return Indexing((summed, own, summed), (result,) * 3)


def along_others(step: Step) -> Indexing:
    """All axes but the one that is summed along, or transformed."""
    summed = step.spec[0]
    axes: Axes = tuple(None if axis == summed else axis for axis in range(len(step.sizes)))
    return Indexing((axes,), (axes,))


def _used_as_they_are(
    indices: Sequence[Index],
    sizes: Sequence[Size],
    numbered: Sequence[Size],
    arrays: Sequence[Sequence[Size]],
) -> set[int]:
    """The numbered axes that no arithmetic is done with: each is as long as the axes that it is
    the index of, which have these `sizes`.
    """
    apart = _read_apart(indices, numbered, arrays)
    for index, size in zip(indices, sizes, strict=True):
        if index.bare is None or numbered[index.bare] != size:
            apart.update(axis for axis, _ in index.terms)
    return set(range(len(numbered))) - apart


def _read_apart(
    indices: Sequence[Index], numbered: Sequence[Size], arrays: Sequence[Sequence[Size]]
) -> set[int]:
    """The numbered axes at which index arrays of another length are read, or one array in several
    ways.
    """
    apart: set[int] = set()
    ways: dict[int, tuple[int, ...]] = {}
    for index in indices:
        for number, axes, _ in index.arrays:
            if ways.setdefault(number, axes) != axes:
                apart.update(axes, ways[number])
            for axis, size in zip(axes, arrays[number - 1], strict=True):
                if numbered[axis] != size:
                    apart.add(axis)
    return apart


def _of_arrays(
    indices: Sequence[Index], free: set[int], arrays: Sequence[Sequence[Size]]
) -> list[Axes]:
    """The labels of the axes of each index array."""
    found: list[Axes] = [(None,) * len(sizes) for sizes in arrays]
    for index in indices:
        for number, axes, _ in index.arrays:
            found[number - 1] = tuple(axis if axis in free else None for axis in axes)
    return found


def axes_in_operands(step: Step, axis: int) -> list[int | None]:
    """For each operand the axis that axis `axis` of the result is; None where it is none of them,
    or two.
    """
    places: list[int | None] = []
    for operand, result in zip(*step.indexing, strict=True):
        label = result[axis]
        once = label is not None and operand.count(label) == 1
        places.append(operand.index(label) if once else None)
    return places


def run_together(step: Step, operand: int, axis: int) -> tuple[dict[int, int], int | None] | None:
    """The axes that run together with an axis of an operand: by operand, and of the result.

    That of the result is None for a sum over the axis. The answer is None where the step needs the
    axis in one piece, or one value has it twice.
    """
    operands, results = step.indexing
    label = operands[operand][axis]
    if label is None:
        return None
    place = results[operand].index(label) if label in results[operand] else None
    axes: dict[int, int] = {}
    for p, (own, result) in enumerate(zip(operands, results, strict=True)):
        here = label if place is None else result[place]
        if here is None or own.count(here) > 1 or result.count(here) > 1:
            return None
        if here in own:
            axes[p] = own.index(here)
    return axes, place


# ---- rates
def nothing(_: Step) -> Rate:
    """No number is computed."""
    return Rate.NOTHING


def elsewhere(_: Step) -> Rate:
    """The rate of other arithmetic than products of matrices."""
    return Rate.OTHER


def by_blas(_: Step) -> Rate:
    """The rate of products of matrices."""
    return Rate.MATRIX


def of_reads(step: Step) -> Rate:
    """A view takes no time, a copy of what index arrays point at does."""
    has_arrays = any(index.arrays for index in step.spec)
    return Rate.OTHER if has_arrays else Rate.NOTHING


def of_product(step: Step) -> Rate:
    """A product of matrices, or of a matrix and a vector. Rows with rows are none."""
    batch, summed, first, second = contraction(*step.spec[:3])
    rows_with_rows = batch and not first and not second
    return Rate.MATRIX if summed and not rows_with_rows else Rate.OTHER


# ---- bounds of whole numbers
def product_bound(step: Step, operands: Sequence[int], measure: Callable[[Size], int]) -> int:
    """As many products are added up as the summed labels have values."""
    labels, results = step.indexing
    sizes: dict[int | None, Size] = {}
    for own, own_sizes in zip(labels, step.operand_sizes, strict=True):
        sizes.update(zip(own, own_sizes, strict=True))
    summed = [measure(size) for label, size in sizes.items() if label not in results[0]]
    return prod(operands) * prod(summed)


def scale_bound(step: Step, operands: Sequence[int], measure: Callable[[Size], int]) -> int:
    """The number, and the sizes that it stands for."""
    number, sizes = step.spec
    return operands[0] * abs(int(number)) * prod(map(measure, sizes))


def number_bound(step: Step, _: Sequence[int], __: Callable[[Size], int]) -> int:
    """The number itself."""
    return abs(int(step.spec[0]))


def sum_bound(_: Step, operands: Sequence[int], __: Callable[[Size], int]) -> int:
    """All terms meet in one entry."""
    return sum(operands)


def first_bound(_: Step, operands: Sequence[int], __: Callable[[Size], int]) -> int:
    """That of the first operand: its entries are read."""
    return operands[0]


def place_bound(step: Step, operands: Sequence[int], measure: Callable[[Size], int]) -> int:
    """As many entries meet as there are positions on the axes that the place in the result does not
    decide: those that are an axis of the result by themselves, and of each other one the longest
    that it alone has, for that follows from all others.
    """
    indices, once = step.spec
    if once:
        return operands[0]
    sizes = list(map(measure, step.operand_sizes[0]))
    known = {index.bare for index in indices}
    uses: Counter[int] = Counter()
    for index in indices:
        uses.update({axis for axis, _ in index.terms})
        # of r[e] there is no e that follows
        uses.update(2 * [axis for _, axes, _ in index.arrays for axis in axes])
    for index in indices:
        alone = [axis for axis, k in index.terms if uses[axis] == 1 and measure(k) != 0]
        if index.bare is None and alone:
            known.add(max(alone, key=sizes.__getitem__))
    return operands[0] * prod(size for axis, size in enumerate(sizes) if axis not in known)


def running_bound(step: Step, operands: Sequence[int], measure: Callable[[Size], int]) -> int:
    """As many entries are added up as the axis has."""
    axis, _ = step.spec
    return operands[0] * measure(step.sizes[axis])


def parts_bound(step: Step, operands: Sequence[int], _: Callable[[Size], int]) -> int:
    """What is assigned has a place of its own, what is added may meet all others."""
    parts, _cleared = step.spec
    assigned, added = 0, 0
    for part, bound in zip(parts, operands, strict=True):
        own = abs(int(part.number)) * bound
        if part.adds:
            added += own
        else:
            assigned = max(assigned, own)
    return assigned + added


def function_bound(step: Step, operands: Sequence[int], measure: Callable[[Size], int]) -> int:
    """What the row of the function says."""
    row, core, parameters = step.spec
    sizes = step.operand_sizes[0]
    sides = tuple(map(measure, sizes[len(sizes) - core :]))
    return int(row.integer(tuple(operands), parameters, sides))


# ---- the rows
class Ops:
    """The ops, by name. Those below the line are made by passes only."""

    INPUT = Op(
        name="input",
        operands="none",
        spec="the name of a tensor, or # and the index of a held array",
        example=Example((), ("A",), (2, 3)),
        indexing=in_one_piece,
        memory=GIVEN,
        rate=nothing,
        before=True,
    )
    NUMBER = Op(
        name="number",
        operands="none",
        spec="a number",
        example=Example((), (3,), ()),
        indexing=in_one_piece,
        memory=GIVEN,
        rate=nothing,
        bound=number_bound,
        follows=True,
        shown=Shown.NUMBER,
    )
    ONES = Op(
        name="ones",
        operands="none",
        spec="nothing: an array of ones, made when a source is loaded",
        example=Example((), (), (4,)),
        indexing=in_one_piece,
        memory=GIVEN,
        rate=nothing,
        before=True,
        follows=True,
    )
    VIEW = Op(
        name="view",
        operands="one value",
        spec="its labels, and those of the result: a diagonal, a transpose",
        example=Example(((2, 3, 2),), ((0, 1, 0), (1, 0)), (3, 2)),
        indexing=by_labels,
        algebra=Algebra.PRODUCT,
        memory=SHARED,
        layout=Layout.LABELS,
        rate=nothing,
        bound=product_bound,
        labelled=True,
        follows=True,
        kernel="view",
        shown=Shown.EINSUM,
    )
    SUM = Op(
        name="sum",
        operands="one value",
        spec="its labels, and those of the result: the others are summed",
        example=Example(((2, 3, 4),), ((0, 1, 2), (0, 2)), (2, 4)),
        indexing=by_labels,
        algebra=Algebra.PRODUCT,
        layout=Layout.LABELS,
        rate=elsewhere,
        bound=product_bound,
        labelled=True,
        shown=Shown.EINSUM,
    )
    CONTRACT = Op(
        name="contract",
        operands="two values",
        spec="labels of both and of the result",
        example=Example(((2, 3), (3, 4)), ((0, 1), (1, 2), (0, 2)), (2, 4)),
        indexing=by_labels,
        algebra=Algebra.PRODUCT,
        layout=Layout.PRODUCT,
        rate=of_product,
        bound=product_bound,
        labelled=True,
        kernel="",
        shown=Shown.EINSUM,
    )
    SCALE = Op(
        name="scale",
        operands="one value",
        spec="a number, and sizes to multiply by",
        example=Example(((2, 3),), (-3, (4,)), (2, 3)),
        indexing=same_axes,
        algebra=Algebra.PRODUCT,
        layout=Layout.OPERAND,
        rate=elsewhere,
        bound=scale_bound,
        elementwise=True,
        follows=True,
        shown=Shown.NUMBER,
    )
    ADD = Op(
        name="add",
        operands="values of one shape",
        spec="nothing",
        example=Example(((2, 3), (2, 3), (2, 3)), (), (2, 3)),
        indexing=same_axes,
        algebra=Algebra.SUM,
        layout=Layout.OPERAND,
        rate=elsewhere,
        bound=sum_bound,
        elementwise=True,
    )
    APPLY = Op(
        name="apply",
        operands="values",
        spec="a row of the functions table, core axes, parameters",
        example=Example(((2, 3),), (FUNCTIONS["square"], 0, ()), (2, 3)),
        indexing=along_batch,
        algebra=Algebra.FUNCTION,
        layout=Layout.OPERAND,
        rate=elsewhere,
        bound=function_bound,
    )
    FACTOR = Op(
        name="factor",
        operands="one value",
        spec="nothing: a matrix with its LU factors",
        example=Example(((3, 3),), (), (3, 3)),
        indexing=in_one_piece,
        memory=MAYBE_SHARED,  # the matrix itself, where a library factors it in each call
        rate=by_blas,
        follows=True,
        kernel="lu",
        bound=sum_bound,  # of the matrix, which the factors hold
    )
    SOLVE = Op(
        name="solve",
        operands="factors, one value",
        spec="labels of both and of the result; is the matrix transposed?",
        example=Example(((3, 3), (3, 2)), ((0, 1), (1, 2), (0, 2), False), (3, 2)),
        # It could be divided along its right-hand sides, but XLA does not divide calls of LAPACK.
        indexing=in_one_piece,
        rate=by_blas,
        labelled=True,
        kernel="lu solve",
    )
    RESHAPE = Op(
        name="reshape",
        operands="one value",
        spec="nothing: axes merged or split",
        example=Example(((2, 6),), (), (3, 4)),
        indexing=in_one_piece,
        memory=SHARED,
        rate=nothing,
        bound=sum_bound,
        kernel="view",
    )
    WRITE = Op(
        name="write",
        operands="values",
        spec="for each its labels, and where it sits in the zeros around it",
        example=Example(
            ((2, 3), (2, 2, 3)), (((0, 1), (0, 0, 1)), ((0, 1, 2), (1, 0, 2))), (2, 2, 3)
        ),
        indexing=by_places,
        algebra=Algebra.SUM,
        rate=elsewhere,
        bound=sum_bound,
        labelled=True,
        shown=Shown.TERMS,
    )
    READ = Op(
        name="read",
        operands="one value, index arrays",
        spec="for each axis of the value where it is read, by axes of the result; outside it is 0",
        # y[e, i, k] = x[r[e] + i - 1, k]
        example=Example(
            ((5, 3), (4,)),
            (Index(-1, ((1, 1),), ((1, (0,), 1),)), Index(0, ((2, 1),))),
            (4, 2, 3),
        ),
        indexing=at_reads,
        memory=MAYBE_SHARED,  # the value itself, where nothing is read outside
        rate=of_reads,
        bound=first_bound,
        kernel="read",
        shown=Shown.INDICES,
    )
    PLACE = Op(
        name="place",
        operands="one value, index arrays",
        spec="for each axis of the result where it is written, by axes of the value; what is "
        "outside is dropped; do no two entries meet? Else they add up",
        # y[r[e] + i - 1, k] = Σ v[e, i, k]
        example=Example(
            ((4, 2, 3), (4,)),
            ((Index(-1, ((1, 1),), ((1, (0,), 1),)), Index(0, ((2, 1),))), False),
            (5, 3),
        ),
        indexing=at_places,
        rate=elsewhere,
        bound=place_bound,
        kernel="scatter",
        shown=Shown.INDICES,
    )
    MASK = Op(
        name="mask",
        operands="one value, index arrays",
        spec="indices by the axes of the value, each with a size: an entry is 0 unless each index "
        "is a position on an axis of that size",
        # x[i, j, k] where 0 <= i - j < 4
        example=Example(((3, 4, 2),), ((Index(0, ((0, 1), (1, -1))), 4),), (3, 4, 2)),
        indexing=at_selected,
        layout=Layout.OPERAND,
        rate=elsewhere,
        bound=first_bound,
        kernel="where",
        shown=Shown.INDICES,
    )
    RUNNING_SUM = Op(
        name="running sum",
        operands="one value",
        spec="an axis, and is it summed from its end?",
        example=Example(((2, 3),), (1, True), (2, 3)),
        indexing=along_others,
        rate=elsewhere,
        bound=running_bound,
        kernel="cumsum",
    )
    TRANSFORM = Op(
        name="fourier transform",
        operands="one value",
        spec="an axis, the sign s and the period N of exp(s 2 pi i j k / N): behind the entries "
        "along it are zeros up to N, and of the N sums the result has the first",
        example=Example(((2, 3),), (1, -1, 5), (2, 4)),
        indexing=along_others,
        rate=elsewhere,
        kernel="fft",
    )
    # ------------------------------------------------------------------------------------------
    COMBINE = Op(
        name="combine",
        operands="arrays of one shape",
        spec="a number for each, and a constant: their sum, each times its number",
        example=Example(((2, 3), (2, 3)), ((1, -2), 3), (2, 3)),
        indexing=same_axes,
        layout=Layout.OPERAND,
        rate=elsewhere,
        elementwise=True,
    )
    ASSEMBLE = Op(
        name="assemble",
        operands="values",
        spec="where each part lies in the result, its number, and is it added? what is assigned "
        "has no entry in common; then the boxes that nothing is assigned to",
        # y[1:3] = x, y[:1] = 0, y[3:] = 0, y[3:1:-1] -= 2 * z.T
        example=Example(
            ((2, 3), (3, 2)),
            (
                (
                    Part((Span(0, 1, 1, 2), Span(1)), 1, adds=False),
                    Part((Span(1, 3, -1, 2), Span(0)), -2, adds=True),
                ),
                (((0, 1), None), ((3, 4), None)),
            ),
            (4, 3),
        ),
        indexing=at_parts,
        rate=elsewhere,
        bound=parts_bound,
        kernel="slices",
        shown=Shown.PARTS,
    )
    WEIGHTED_ROWS = Op(
        name="weighted rows",
        operands="weights, one value, an index array",
        spec="nothing: y[r[e]] += w[e] v[e], all axes of the array first; beyond y it is dropped",
        example=Example(((4,), (4, 3), (4,)), (), (5, 3)),
        indexing=by_rows,
        rate=elsewhere,
        kernel="scatter",
    )
    ADDMM = Op(
        name="addmm",
        operands="an array, two matrices",
        spec="labels of the matrices and of the result, β, α: β x + α a b, in one kernel of torch",
        example=Example(((2, 4), (2, 3), (3, 4)), ((0, 1), (1, 2), (0, 2), 2, -3), (2, 4)),
        indexing=beside,
        rate=of_product,
        kernel="gemm",
    )
    OUTER = Op(
        name="outer",
        operands="two vectors",
        spec="labels of both and of the result: their outer product, by BLAS",
        example=Example(((2,), (3,)), ((0,), (1,), (1, 0)), (3, 2)),
        indexing=by_labels,
        algebra=Algebra.PRODUCT,
        rate=elsewhere,
        kernel="outer",
        shown=Shown.EINSUM,
    )
    GRAM = Op(
        name="gram",
        operands="a matrix, a vector",
        spec="the axis that is summed: Xᵀ diag(w) X, or X diag(w) Xᵀ for axis 1",
        example=Example(((5, 3), (5,)), (0,), (3, 3)),
        # Its rows could be added up block by block; half of each would be computed in vain.
        indexing=in_one_piece,
        rate=by_blas,
        kernel="gemm",
    )
    GRAMS = Op(
        name="grams",
        operands="two matrices",
        spec="is each transposed? Σ_r M[n,r] X[r,b] X[r,d], a Gram matrix for each n",
        example=Example(((4, 5), (5, 3)), (False, False), (4, 3, 3)),
        indexing=in_one_piece,
        rate=by_blas,
        kernel="gemm",
    )
    WINDOWED = Op(
        name="windowed product",
        operands="two values, of which one shows entries more than once",
        spec="labels of both and of the result; no more than a block of the window is copied",
        example=Example(((5, 3), (3, 2)), ((0, 1), (1, 2), (0, 2)), (5, 2)),
        indexing=by_labels,
        algebra=Algebra.PRODUCT,
        rate=of_product,
        bound=product_bound,
        labelled=True,
        kernel="blocks of gemm",
        shown=Shown.EINSUM,
    )
    CONVOLUTION = Op(
        name="convolution",
        operands="two values",
        spec="labels of both and of the result; of each window the labels of its whole, its step "
        "and its tap, stride, dilation and constant: whole = constant + stride step + dilation tap",
        # y[n, i] = Σ x[n, c, 2 i + k - 1] w[c, k]
        example=Example(
            ((2, 3, 7), (3, 2)), ((0, 1, 2), (1, 4), (0, 3), ((2, 3, 4, 2, 1, -1),)), (2, 4)
        ),
        indexing=in_one_piece,
        rate=by_blas,
        kernel="convolution",
    )
    CONVOLVE = Op(
        name="convolve",
        operands="two vectors",
        spec="is the second turned? the first entry, of all of their product: Σ x[i] y[n - i] at n",
        example=Example(((7,), (3,)), (True, 1), (9,)),
        indexing=in_one_piece,
        rate=elsewhere,
        kernel="convolve",
    )
    STACK = Op(
        name="stack",
        operands="arrays of one size",
        spec="labels of each, and of the result: the arrays along the label that they have not",
        example=Example(((2, 3), (3, 2)), ((0, 1), (1, 0), (0, 7, 1)), (2, 2, 3)),
        indexing=by_labels,
        rate=elsewhere,
    )
    TAKE = Op(
        name="take",
        operands="one array",
        spec="its labels, a place, those of the result: the part at that place of the other label",
        example=Example(((2, 5, 3),), ((0, 7, 1), 4, (1, 0)), (3, 2)),
        indexing=at_one_place,
        memory=SHARED,
        rate=elsewhere,
        follows=True,
        kernel="view",
    )
    SHARD = Op(
        name="shard",
        operands="one value",
        spec="the axis that is divided among devices, or None",
        example=Example(((4, 3),), (0,), (4, 3)),
        indexing=same_axes,
        layout=Layout.OPERAND,
        rate=elsewhere,
        bound=sum_bound,
    )


#: all rows by name
OPS: dict[str, Op] = {row.name: row for row in vars(Ops).values() if isinstance(row, Op)}


# ---- what passes know of products
def contraction(a: Labels, b: Labels, out: Labels) -> tuple[Labels, Labels, Labels, Labels]:
    """The labels of a step on two values by role: batch (in both, kept), summed, only in the first,
    only in the second.

    >>> contraction((0, 1, 2), (0, 2, 3), (0, 1, 3))
    ((0,), (2,), (1,), (3,))
    """
    kept = set(out)
    batch = tuple(x for x in a if x in b and x in kept)
    summed = tuple(x for x in a if x in b and x not in kept)
    first = tuple(x for x in a if x not in b)
    second = tuple(x for x in b if x not in a)
    return batch, summed, first, second


def sums(step: Step) -> bool:
    """Is it a product of two arrays that sums?"""
    return step.op is Ops.CONTRACT and bool(contraction(*step.spec)[1])


def turned(batch: Labels, first: Labels, second: Labels, out: Labels) -> bool:
    """Is it the transposed product of two matrices that has its axes in the order that is
    wanted?
    """
    return not batch and bool(first and second) and out[: len(second)] == second


def middle(la: Labels, lb: Labels) -> tuple[Labels, Labels, Labels] | None:
    """The axes of the first operand before, among and behind those that are summed, if these are in
    its middle.

    >>> middle((0, 1, 2), (1, 3))
    ((0,), (1,), (2,))
    """
    summed = tuple(x for x in la if x in lb)
    start = la.index(summed[0])
    before, behind = la[:start], la[start + len(summed) :]
    in_the_middle = la == before + summed + behind and before and behind
    return (before, summed, behind) if in_the_middle else None
