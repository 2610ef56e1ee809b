"""Steps that NumPy has a faster form for, once the sizes are known. A rewrite of a program, before
it is spelt.

==========  ====================  ============  ====================================================
kind        inputs                spec          what it computes
==========  ====================  ============  ====================================================
gram        a matrix, a vector    summed axis   ``Xᵀ diag(w) X``, or ``X diag(w) Xᵀ`` where axis 1
                                                is summed
grams       two matrices          transposed?   ``Σ_r M[n,r] X[r,b] X[r,d]``, a Gram matrix for each
                                                n
combine     arrays of one shape   numbers       their sum, each times its number, and a constant
contract2   an array, ones        labels        a sum over a short axis: ``x.dot(ones)`` is the
                                                fastest way to it
outer       two vectors           labels        their outer product, by BLAS
apply       an array              a row below   ``σ(-x)`` without the negation; ``σ(x) σ(-x)`` with
                                                one exponential
==========  ====================  ============  ====================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from ..functions import Function, numpy
from ..planning import Program, Step, many_grams, weighted_gram

SHORT = 1 << 12  # entries of a sum that has no rounding to speak of, however it is made
# rows, columns: an outer product with less rows and more columns is faster written by NumPy
TALL, NARROW = 8, 64

#: functions that no expression has; nothing derives them
REFLECTED = Function(
    "reflected_sigmoid", "1 / (1 + exp(x))", (), "", numpy("reflected_sigmoid({0})"), ""
)
SLOPE = Function("sigmoid_slope", "sigmoid(x) sigmoid(-x)", (), "", numpy("sigmoid_slope({0})"), "")


def lowered(program: Program) -> None:
    """Put faster steps in the place of some, in a program whose sizes are numbers."""
    for k, step in enumerate([*program.steps]):
        for rewrite in REWRITES:
            found = next(rewrite(program, k, step), None)
            if found is not None:
                program.steps[k] = found
                break
    program.sort()


def _gram(program: Program, k: int, step: Step) -> Iterator[Step]:
    found = weighted_gram(program, k) or many_grams(program, k)
    if found is not None:
        yield found


def combined(program: Program, k: int) -> Step | None:
    """The sum that step `k` is, with the numbers of its terms; None where it has none."""
    return next(_combine(program, k, program.steps[k]), None)


def _combine(program: Program, k: int, step: Step) -> Iterator[Step]:
    """``1 + (-1) x`` in one pass less: numbers stay with the terms of their sum."""
    if step.kind not in ("add", "write"):
        return
    if step.kind == "write" and not all(
        labels in ((), output) and _distinct(output) for labels, output in step.spec
    ):
        return
    parts = [(program.steps[v], v) for v in step.inputs]
    constant = sum(p.spec[0] for p, _ in parts if p.kind == "number" and step.sizes)
    arrays = [(p, v) for p, v in parts if p.kind != "number" or not step.sizes]
    if not arrays or any(len(p.sizes) < len(step.sizes) for p, _ in arrays):
        return
    terms = [(p.spec[0], p.inputs[0]) if _times_a_number(p) else (1, v) for p, v in arrays]
    if constant or any(number != 1 for number, _ in terms):
        terms.sort(key=lambda term: term[0] != 1)  # the first may be written over
        values = tuple(v for _, v in terms)
        before = tuple(s for v in values for s in program.steps[v].sizes)
        spec = (tuple(number for number, _ in terms), constant)
        yield step._replace(kind="combine", inputs=values, spec=spec, operand_sizes=before)


def _distinct(labels: tuple[int, ...]) -> bool:
    return len(set(labels)) == len(labels)


def _times_a_number(step: Step) -> bool:
    return step.kind == "scale" and not step.spec[1]


def _reflected(program: Program, k: int, step: Step) -> Iterator[Step]:
    """``σ(-x)`` is ``1 / (1 + exp(x))``: two changes of sign less."""
    if _sigmoid(step) and (x := _opposite(program, step.inputs[0])) is not None:
        before = program.steps[x].sizes
        yield step._replace(inputs=(x,), spec=(REFLECTED, *step.spec[1:]), operand_sizes=before)


def _slope(program: Program, k: int, step: Step) -> Iterator[Step]:
    """``σ(x) σ(-x)``, the derivative of the sigmoid, is even, and needs one exponential that
    cannot overflow.
    """
    if step.kind != "contract2" or len(set(step.spec)) != 1:
        return
    one, two = (program.steps[v] for v in step.inputs)
    if (
        _sigmoid(one)
        and two.kind == "apply"
        and two.spec[0] is REFLECTED
        and one.inputs == two.inputs
    ):
        yield one._replace(spec=(SLOPE, *one.spec[1:]))
    elif (
        _sigmoid(two)
        and one.kind == "apply"
        and one.spec[0] is REFLECTED
        and one.inputs == two.inputs
    ):
        yield two._replace(spec=(SLOPE, *two.spec[1:]))


def _sigmoid(step: Step) -> bool:
    return step.kind == "apply" and step.spec[0].name == "sigmoid"


def _opposite(program: Program, x: int) -> int | None:
    """The value that `x` is minus one times, if it is."""
    step = program.steps[x]
    return step.inputs[0] if step.kind == "scale" and step.spec == (-1, ()) else None


def _total(program: Program, k: int, step: Step) -> Iterator[Step]:
    """A sum is a product with ones, which BLAS does in a third of the time of a short `sum`.

    A long axis is left to `sum`, which adds up by pairs and so rounds less, and an axis between
    others to the one pass over the memory that `sum` makes.
    """
    if step.kind != "sum":
        return
    labels, out = step.spec
    gone = tuple(label for label in labels if label not in out)
    count = prod(
        n for label, n in zip(labels, program.shape(step.inputs[0]), strict=True) if label in gone
    )
    if count <= SHORT and (labels == out + gone or (len(labels) == 2 and labels == gone + out)):
        sizes = tuple(
            size for label, size in zip(labels, step.operand_sizes, strict=True) if label in gone
        )
        ones = program.add("ones", (), (), sizes)
        yield Step(
            "contract2",
            (*step.inputs, ones),
            (labels, gone, out),
            step.sizes,
            step.flops,
            step.operand_sizes + sizes,
        )


def _outer(program: Program, k: int, step: Step) -> Iterator[Step]:
    """``x yᵀ`` as a product of matrices of one column and one row."""
    if (
        step.kind == "contract2"
        and len(step.sizes) == 2
        and all(len(labels) == 1 for labels in step.spec[:2])
    ):
        rows, columns = program.shape(k)
        if rows >= TALL or columns <= NARROW:
            yield step._replace(kind="outer")


REWRITES: tuple[Callable[[Program, int, Step], Iterator[Step]], ...] = (
    _gram,
    _combine,
    _reflected,
    _slope,
    _total,
    _outer,
)
