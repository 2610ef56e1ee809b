"""The terms of a structured tensor: factors that share no label, and where their product sits in
the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..backends import Array
from ..expression import Constant, Einsum, Expr, Labels, added, zero
from ..planning import Term
from .execution import computed


def product(term: Term[Array], shape: Sequence[int], output: Labels | None = None) -> Einsum:
    """A term as an einsum of its factors, the planner's to compute; `output` chooses other axes
    than all.

    An axis that is left out must be one that no factor has: nothing is summed over it.
    """
    output = term.output if output is None else output
    sizes = dict(zip(term.output, shape, strict=True))
    arrays = [Constant(array, tuple(array.shape)) for array, _ in term.factors]
    inputs = [labels for _, labels in term.factors]
    given = [(label, sizes[label]) for label in output]
    axes = (None,) * len(output)
    return Einsum(1, tuple(arrays), tuple(inputs), output, tuple(given), axes=axes)


def total(parts: Sequence[Expr], shape: tuple[int, ...]) -> Expr:
    """The sum of einsums of one shape; of none, zeros."""
    if not parts:
        return zero(shape, (None,) * len(shape))
    return added(parts)


def core_labels(term: Term[Array]) -> Labels:
    """The axes of the core: those of the tensor where nothing is embedded, else in the order of
    the factors.
    """
    inside: list[Any] = []
    for _, labels in term.factors:
        inside += labels
    return term.output if sorted(inside) == sorted(term.output) else tuple(inside)


def core(term: Term[Array], shape: tuple[int, ...], compute: Callable[[Einsum], Any]) -> Any:
    """The factors multiplied out by `compute`, where there are several."""
    labels = core_labels(term)
    if [own for _, own in term.factors] == [labels]:
        return term.factors[0][0]
    return compute(product(term, shape, labels))


def alone(terms: Sequence[Term[Array]], dtype: Any) -> Array | None:
    """One factor with its axes in another order, if that is all there is: no program is needed."""
    if len(terms) != 1 or len(terms[0].factors) != 1:
        return None
    ((array, labels),), output = terms[0]
    repeated = len(set(labels)) < len(labels)
    if repeated or sorted(labels) != sorted(output):
        return None
    transposed: Array = array.transpose([labels.index(label) for label in output])
    return transposed.astype(dtype, copy=False)


def value(e: Expr, dtype: Any) -> Array:
    """What `e`, an expression of factors alone, comes to. Raises LimitError beyond
    ``limits.dense_bytes``.
    """
    return computed(e, {}).astype(dtype, copy=False)
