"""Sums and multiples of structured tensors, as lists of their terms: nothing dense is formed.

Terms that sit in the same places have their cores added, so of ``H + 2 H`` the core is held once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..backends import Array
from ..expression import Label, Labels
from ..planning import Term

Multiplied = Callable[[Array], Array]


def scaled(terms: Sequence[Term[Array]], times: Multiplied) -> list[Term[Array]]:
    """Each term with its smallest factor multiplied by a number; a factor of several terms is
    multiplied once.
    """
    known: dict[int, Array] = {}
    result = []
    for term in terms:
        factors = list(term.factors)
        least = min(range(len(factors)), key=lambda k: len(factors[k][1]))
        for k, (array, _) in enumerate(factors):
            if array.nbytes < factors[least][0].nbytes:
                least = k
        array, labels = factors[least]
        if id(array) not in known:
            known[id(array)] = times(array)
        factors[least] = (known[id(array)], labels)
        result.append(term._replace(factors=tuple(factors)))
    return result


def transposed(terms: Sequence[Term[Array]], k: int) -> list[Term[Array]]:
    """The terms with their first `k` axes behind the others."""
    return [term._replace(output=(*term.output[k:], *term.output[:k])) for term in terms]


def identity(number: Array, k: int) -> Term[Array]:
    """A number times the identity of tensors with `k` axes."""
    rows = tuple(range(k))
    return Term(((number, ()),), (*rows, *rows))


def merged(terms: Sequence[Term[Array]], add: Callable[[Array, Array], Array]) -> list[Term[Array]]:
    """The terms of one tensor, those of them added that differ in one factor only."""
    result: list[Term[Array]] = []
    at: dict[object, list[int]] = {}  # by where a term sits, which of the results do
    for term in terms:
        same = at.setdefault(_place(term), [])
        for k in same:
            both = _added(result[k], term, add)
            if both is not None:
                result[k] = both
                break
        else:
            same.append(len(result))
            result.append(term)
    return result


def _added(
    term: Term[Array], other: Term[Array], add: Callable[[Array, Array], Array]
) -> Term[Array] | None:
    """The sum of two terms in one place; None where they differ in several factors."""
    pairs = list(zip(term.factors, other.factors, strict=True))
    different = [k for k, ((a, _), (b, _)) in enumerate(pairs) if a is not b]
    if len(different) > 1:
        # u ⊗ v + w ⊗ z is no product
        return None
    # x ⊗ v + y ⊗ v = (x + y) ⊗ v, and a term added to itself is twice one of its factors
    k = different[0] if different else 0
    (one, labels), (two, _) = pairs[k]
    factors = list(term.factors)
    factors[k] = (add(one, two), labels)
    return term._replace(factors=tuple(factors))


def _place(term: Term[Array]) -> object:
    """Where a term sits, with names for its labels: equal for all that sit there."""
    names: dict[Label, int] = {}
    for label in term.output:
        names.setdefault(label, len(names))
    for _, labels in (*term.factors, *term.hots):
        for label in labels:
            names.setdefault(label, len(names))
    for relation in term.relations:
        for label, _ in relation.terms:
            names.setdefault(label, len(names))

    def named(labels: Labels) -> Labels:
        return tuple([names[label] for label in labels])

    relations = []
    for relation in term.relations:
        sides = frozenset([(names[label], times) for label, times in relation.terms])
        relations.append((relation.constant, sides))
    return (
        tuple([(named(labels), tuple(array.shape)) for array, labels in term.factors]),
        named(term.output),
        frozenset(relations),
        tuple([(id(array), named(labels)) for array, labels in term.hots]),
        tuple([(names.get(label), size) for label, size in term.given]),
    )
