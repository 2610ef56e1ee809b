"""Steps that NumPy has a faster form for, once the sizes are known.

Each peephole looks at one step, and answers the step that is put in its place, or None:

===================  =============================================================================
`windowed`           ``x[i+k] w[k,c]``: a product of matrices would copy the whole window
`weighted_rows`      ``y[r[e], k] += w[e] v[e, k]`` in one sparse product: no array of all terms
`gram`, `grams`      ``Xᵀ diag(w) X`` is symmetric: half the work
`combine`            ``1 + (-1) x`` in one pass less: numbers stay with the terms of their sum
`reflected_sigmoid`  ``σ(-x)`` without the two changes of sign
`sigmoid_slope`      ``σ(x) σ(-x)`` with one exponential
`contract`           a sum over a short axis as ``x.dot(ones)``, the fastest way to it
`outer`              the outer product of two vectors by BLAS
===================  =============================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from ..functions import Function
from ..planning import (
    Index,
    Ops,
    Program,
    Step,
    contraction,
    many_grams,
    sums,
    tuning,
    weighted_gram,
)
from .target import Target

#: functions that no expression has; nothing derives them
REFLECTED = Function(
    "reflected_sigmoid", "1 / (1 + exp(x))", (), "", {"numpy": "reflected_sigmoid({0})"}, ""
)
SLOPE = Function(
    "sigmoid_slope", "sigmoid(x) sigmoid(-x)", (), "", {"numpy": "sigmoid_slope({0})"}, ""
)

Peephole = Callable[[Program, int, Step], Step | None]


def numpy_peepholes(program: Program, _: Target) -> Program:
    """The program with faster steps in the place of some."""
    rewritten = program.copy()
    for k, step in enumerate(program.steps):
        for peephole in PEEPHOLES:
            faster = peephole(rewritten, k, step)
            if faster is not None:
                rewritten.steps[k] = faster
                break
    if rewritten.steps == program.steps:
        return program
    rewritten.sort()
    return rewritten


def _windowed(program: Program, k: int, step: Step) -> Step | None:
    """A product with a window, which shows more entries than there are: BLAS would copy it. Stacks
    of products are made without a copy.
    """
    if not sums(step) or not any(_is_large_window(program, v) for v in step.inputs):
        return None
    batch, _, first, second = contraction(*step.spec)
    return None if batch and first and second else step._replace(op=Ops.WINDOWED)


def _weighted_rows(program: Program, k: int, step: Step) -> Step | None:
    """Rows times a number each, added up where an index array says: the products are not formed."""
    if step.op is not Ops.PLACE or len(step.inputs) != 2:
        return None
    value, array = step.inputs
    depth = len(program.steps[array].sizes)
    product = program.steps[value]
    if not _adds_rows(step, depth) or product.op is not Ops.CONTRACT or value in program.outputs:
        return None
    if sum(other.inputs.count(value) for other in program.steps) > 1:
        return None
    *operands, out = product.spec
    for weights, rows in ((0, 1), (1, 0)):
        if operands[weights] == out[:depth] and operands[rows] == out:
            inputs = (product.inputs[weights], product.inputs[rows], array)
            flops = 2.0 * program.entries(value)
            return program.made(Ops.WEIGHTED_ROWS, inputs, (), step.sizes, flops)
    return None


def _adds_rows(step: Step, depth: int) -> bool:
    """Is the first axis written at an index array whose axes come first, and are all other axes as
    they are?
    """
    indices, once = step.spec
    value, array = step.operand_sizes
    if once or not indices or not 0 < depth < len(value):
        return False
    axes = tuple(range(depth))
    others = [index.bare for index in indices[1:]]
    at_array = indices[0] == Index(0, (), ((1, axes, 1),))
    in_order = others == list(range(depth, len(value)))
    return at_array and in_order and value == (*array, *step.sizes[1:])


def _is_large_window(program: Program, value: int) -> bool:
    return program.entries(value) >= tuning.copied_window and program.is_window(value)


def _gram(program: Program, k: int, _: Step) -> Step | None:
    """``Xᵀ diag(w) X``: of a symmetric product half is computed."""
    return weighted_gram(program, k) or many_grams(program, k)


def combine(program: Program, k: int, step: Step) -> Step | None:
    """``1 + (-1) x`` in one pass less: numbers stay with the terms of their sum."""
    if not _plain_sum(step):
        return None
    constant = 0
    terms: list[tuple[int | float | complex, int]] = []
    for v in step.inputs:
        term = program.steps[v]
        if term.op is Ops.NUMBER and step.sizes:
            constant += term.spec[0]
        elif len(term.sizes) < len(step.sizes):
            return None  # it broadcasts
        elif _times_a_number(term):
            terms.append((term.spec[0], term.inputs[0]))
        else:
            terms.append((1, v))
    if not terms or (not constant and all(number == 1 for number, _ in terms)):
        return None
    terms.sort(key=lambda term: term[0] != 1)  # the first may be written over
    values = tuple(v for _, v in terms)
    numbers = tuple(number for number, _ in terms)
    return program.made(Ops.COMBINE, values, (numbers, constant), step.sizes, step.flops)


def _plain_sum(step: Step) -> bool:
    """Is it a sum of numbers and of terms that fill it, axis by axis?"""
    if step.op is Ops.ADD:
        return True
    if step.op is not Ops.WRITE:
        return False
    for labels, output in step.spec:
        fills = labels == output and len(set(output)) == len(output)
        scalar = not labels and len(set(output)) == len(output)
        if not fills and not scalar:
            return False
    return True


def _times_a_number(step: Step) -> bool:
    return step.op is Ops.SCALE and not step.spec[1]


def _reflected(program: Program, k: int, step: Step) -> Step | None:
    """``σ(-x)`` is ``1 / (1 + exp(x))``: two changes of sign less."""
    if not _is_sigmoid(step):
        return None
    opposite = program.steps[step.inputs[0]]
    if opposite.op is not Ops.SCALE or opposite.spec != (-1, ()):
        return None
    spec = (REFLECTED, *step.spec[1:])
    return program.made(Ops.APPLY, opposite.inputs, spec, step.sizes, step.flops)


def _slope(program: Program, k: int, step: Step) -> Step | None:
    """``σ(x) σ(-x)``, the derivative of the sigmoid, is even, and needs one exponential that
    cannot overflow.
    """
    if step.op is not Ops.CONTRACT or len(set(step.spec)) != 1:
        return None
    one, two = (program.steps[v] for v in step.inputs)
    if one.inputs != two.inputs:
        return None
    for sigmoid, reflected in ((one, two), (two, one)):
        if _is_sigmoid(sigmoid) and reflected.op is Ops.APPLY and reflected.spec[0] is REFLECTED:
            return sigmoid._replace(spec=(SLOPE, *sigmoid.spec[1:]))
    return None


def _is_sigmoid(step: Step) -> bool:
    return step.op is Ops.APPLY and bool(step.spec[0].name == "sigmoid")


def _total(program: Program, k: int, step: Step) -> Step | None:
    """A sum is a product with ones, which BLAS does in a third of the time of a short `sum`.

    A long axis is left to `sum`, which adds up by pairs and so rounds less, and an axis between
    others to the one pass over the memory that `sum` makes.
    """
    if step.op is not Ops.SUM:
        return None
    labels, result = step.spec
    summed = tuple(label for label in labels if label not in result)
    at_the_end = labels == result + summed
    columns = len(labels) == 2 and labels == summed + result
    if not at_the_end and not columns:
        return None
    sizes = tuple(
        size for label, size in zip(labels, step.operand_sizes[0], strict=True) if label in summed
    )
    if prod(map(program.measure, sizes)) > tuning.short_sum:
        return None
    ones = program.add(Ops.ONES, (), (), sizes)
    inputs, spec = (*step.inputs, ones), (labels, summed, result)
    return program.made(Ops.CONTRACT, inputs, spec, step.sizes, step.flops)


def _outer(program: Program, k: int, step: Step) -> Step | None:
    """``x yᵀ`` as a product of matrices of one column and one row."""
    if step.op is not Ops.CONTRACT or len(step.sizes) != 2:
        return None
    la, lb, _ = step.spec
    if len(la) != 1 or len(lb) != 1:
        return None
    rows, columns = program.shape(k)
    few_rows = rows < tuning.outer_rows and columns > tuning.outer_columns
    return None if few_rows else step._replace(op=Ops.OUTER)


#: tried in this order; a step is replaced once
PEEPHOLES: tuple[Peephole, ...] = (
    _windowed,
    _weighted_rows,
    _gram,
    combine,
    _reflected,
    _slope,
    _total,
    _outer,
)
