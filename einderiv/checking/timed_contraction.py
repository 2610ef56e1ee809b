"""A derivative as einsums of arrays and identity matrices, computed by opt_einsum: what one has
without delta elimination.

``is,st,tj->ij`` by its first operand is ``ia,sb,st,tj->ijab`` of two identity matrices and the
other operands.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..errors import EinderivError, limits, spoken_bytes
from ..expression import (
    Add,
    Apply,
    Constant,
    Delta,
    Expr,
    Tensor,
    coefficient,
    solved,
    terms,
)
from ..printing import INSERTED, insertions, printed_operands, printed_subscripts
from .derivative_check import naive
from .rivals import Arrays, Way
from .rounds import Call

ITEM_BYTES = 8
MOST_OPERATIONS = 2e9  # of one call: about a second


class NoContraction(EinderivError):
    """A derivative that einsums of arrays alone do not give."""


def with_identities(J: Expr, shape: tuple[int, ...]) -> Way:
    """The way of opt_einsum to a derivative of this shape: deltas are inserted, and none is
    eliminated.

    Raises NoContraction, when it is made, where the derivative is zero, has functions, or needs
    arrays beyond ``limits.dense_bytes`` on the way.
    """

    def prepare(arrays: Arrays) -> Call:
        record = J.record
        assert record is not None
        split = J.ndim - record.count
        inserted = insertions(record, J.axes[split:])
        if not inserted:
            raise NoContraction("the derivative is zero")
        known = dict(arrays)
        for axis, size in enumerate(shape[split:]):
            known[f"{INSERTED}{axis}"] = np.eye(size)
        return _sum([_contraction(term, known) for term in inserted])

    return prepare


def _contraction(e: Expr, arrays: Arrays) -> Call:
    """A call that computes an expression without functions."""
    match e:
        case Tensor():
            array = arrays[e.name]
            return lambda: array
        case Constant():
            held = np.asarray(e.value)
            return lambda: held
        case Apply():
            raise NoContraction(
                f"the derivative has the function {e.function.name}, and einsums have none"
            )
        case Add():
            return _sum([_contraction(term, arrays) for term in terms(e)])
        case _:
            return _product(e, arrays)


def _sum(calls: list[Call]) -> Call:
    if len(calls) == 1:
        return calls[0]

    def run() -> Any:
        total = calls[0]()
        for call in calls[1:]:
            total = total + call()
        return total

    return run


def _product(e: Expr, arrays: Arrays) -> Call:
    """One einsum of arrays and identity matrices; the way through it is found once."""
    import opt_einsum  # here, for `ed.check` stands in this package and needs none

    calls: list[Call] = []
    shapes: list[tuple[int, ...]] = []
    for operand in printed_operands(e):
        if isinstance(operand, Delta):
            delta = _filled(operand, e, arrays)
            calls.append(partial(_same, delta))
            shapes.append(delta.shape)
        else:
            assert isinstance(operand, Expr)
            call = _contraction(operand, arrays)
            calls.append(call)
            shapes.append(np.shape(call()))
    scale = coefficient(e)
    if not calls:
        return lambda: np.asarray(scale, float)
    text = printed_subscripts(e)
    _, found = opt_einsum.contract_path(text, *shapes, shapes=True)
    largest = ITEM_BYTES * int(found.largest_intermediate)
    if largest > limits.dense_bytes:
        raise NoContraction(
            f"an array on the way takes {spoken_bytes(largest)}, above "
            f"ed.limits.dense_bytes, {spoken_bytes(limits.dense_bytes)}"
        )
    if found.opt_cost > MOST_OPERATIONS:
        raise NoContraction(f"it takes {float(found.opt_cost):.0e} operations")
    contracted = opt_einsum.contract_expression(text, *shapes)

    def run() -> Any:
        value = contracted(*[call() for call in calls])
        return value if scale == 1 else scale * value

    return run


def _filled(delta: Delta, e: Expr, arrays: Arrays) -> Any:
    """The array of a delta: an identity matrix, ones, or a relation between the axes."""
    assert delta.sizes is not None
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    return naive(delta.expression(delta.sizes), arrays, solved([e], shapes))


def _same(array: Any) -> Any:
    return array
