"""The terms of a structured tensor: factors, and where their product sits in the tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from ..backends import Array
from ..expression import Constant, Einsum, Expr, Label, Labels, added, one_hot_of, zero
from ..planning import Term
from .execution import computed


def is_related(term: Term[Any]) -> bool:
    """Does a relation or an index array say where a term sits?"""
    return bool(term.relations or term.hots)


def held_terms(places: Sequence[Term[int]], arrays: Iterator[Array]) -> list[Term[Array]]:
    """Planned terms with the arrays that were computed for them, in this order."""
    held = []
    for term in places:
        factors = tuple([(next(arrays), labels) for _, labels in term.factors])
        hots = tuple([(next(arrays), labels) for _, labels in term.hots])
        held.append(Term(factors, term.output, term.relations, hots, term.given))
    return held


def lengths(term: Term[Array], shape: Sequence[int]) -> dict[Label, int]:
    """The sizes of all labels of a term."""
    sizes = dict(term.given)
    for array, labels in term.factors:
        sizes.update(zip(labels, array.shape, strict=True))
    sizes.update(zip(term.output, shape, strict=True))
    return sizes


def product(term: Term[Array], shape: Sequence[int]) -> Einsum:
    """A term as an einsum of its factors, the planner's to compute."""
    sizes = lengths(term, shape)
    factors: list[Expr] = [_constant(array) for array, _ in term.factors]
    inputs = [labels for _, labels in term.factors]
    for array, labels in term.hots:
        factors.append(one_hot_of(_constant(array), sizes[labels[-1]]))
        inputs.append(labels)
    given = [(label, sizes[label]) for label in dict.fromkeys(term.output)]
    axes = (None,) * len(term.output)
    return Einsum(
        1,
        tuple(factors),
        tuple(inputs),
        term.output,
        (*given, *term.given),
        axes=axes,
        relations=term.relations,
    )


def _constant(array: Array) -> Constant:
    return Constant(array, tuple(array.shape))


def total(parts: Sequence[Expr], shape: tuple[int, ...]) -> Expr:
    """The sum of einsums of one shape; of none, zeros."""
    if not parts:
        return zero(shape, (None,) * len(shape))
    return added(parts)


def core_labels(term: Term[Array]) -> Labels:
    """The axes of the core: those of the tensor where no axis is embedded, else in the order of
    the factors.
    """
    inside: list[Any] = []
    for _, labels in term.factors:
        inside += labels
    if len(term.factors) > 1 and not is_related(term):
        # Factors may share axes, and labels that are summed over.
        inside = [x for x in dict.fromkeys(inside) if x in term.output]
    return term.output if sorted(inside) == sorted(term.output) else tuple(inside)


def core(term: Term[Array], compute: Callable[[Einsum], Any]) -> Any:
    """The factors multiplied out by `compute`, where there are several."""
    labels = core_labels(term)
    inputs = [own for _, own in term.factors]
    if inputs == [labels]:
        return term.factors[0][0]
    factors = [_constant(array) for array, _ in term.factors]
    axes = (None,) * len(labels)
    return compute(Einsum(1, tuple(factors), tuple(inputs), labels, axes=axes))


def multiplied(
    term: Term[Array], shape: Sequence[int], compute: Callable[[Einsum], Any]
) -> Term[Array]:
    """A term with one factor, its core.

    Factors that index arrays read are read first: the core of U[r[e], k] and V[c[e], l] has the
    axes e, k and l, and is not the outer product of U and V.
    """
    labels = core_labels(term)
    values = {own[-1] for _, own in term.hots}
    if len(term.factors) < 2 or values.isdisjoint(labels):
        return term._replace(factors=((core(term, compute), labels),))
    sizes = lengths(term, shape)
    read = [(array, own) for array, own in term.hots if own[-1] in labels]
    inputs = [own for _, own in (*term.factors, *read)]
    places = chain.from_iterable([own[:-1] for _, own in read])
    gone = {own[-1] for _, own in read}
    kept = tuple([x for x in dict.fromkeys((*labels, *places)) if x not in gone])
    factors: list[Expr] = [_constant(array) for array, _ in term.factors]
    factors += [one_hot_of(_constant(array), sizes[own[-1]]) for array, own in read]
    found = compute(Einsum(1, tuple(factors), tuple(inputs), kept, axes=(None,) * len(kept)))
    inside = set(kept).union(term.output)
    given = dict(term.given) | {label: sizes[label] for label in gone}
    left = tuple([(label, size) for label, size in given.items() if label not in inside])
    return term._replace(factors=((found, kept),), given=left)


def alone(terms: Sequence[Term[Array]], dtype: Any) -> Array | None:
    """One factor with its axes in another order, if that is all there is: no program is needed."""
    if len(terms) != 1 or len(terms[0].factors) != 1 or is_related(terms[0]):
        return None
    ((array, labels),), output, *_ = terms[0]
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
