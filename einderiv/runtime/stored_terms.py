"""Terms of structured tensors as plain data, and what is read back checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..backends import Array
from ..expression import Labels, Relation, library, relation
from ..planning import Term
from .terms import is_related


def stored(term: Term[Array]) -> tuple[Any, ...]:
    """A term as plain data; one without relations is its factors and its output."""
    if not is_related(term):
        return term.factors, term.output
    relations = tuple([tuple(one) for one in term.relations])
    return term.factors, term.output, relations, term.hots, term.given


def read(row: Any, shape: tuple[int, ...]) -> Term[Array]:
    """A term of arrays that have the sizes of their labels."""
    factors, output, *related = row
    sizes: dict[Any, int] = dict(zip(output, shape, strict=True))
    held = tuple([_factor(array, labels, sizes, known=False) for array, labels in factors])
    if not related:
        return Term(held, tuple(output))
    relations, hots, given = related
    for label, size in given:
        if type(size) is not int or size < 0 or label in sizes:
            raise ValueError(f"no size of a label is {str(size)[:40]}")
        sizes[label] = size
    between = tuple([_relation(constant, terms, sizes) for constant, terms in relations])
    arrays = []
    for array, labels in hots:
        if labels[-1] not in sizes:
            raise ValueError("the value of an index array has no size")
        arrays.append(_factor(array, labels[:-1], sizes, known=True))
        if np.dtype(str(array.dtype).rpartition(".")[2]).kind not in "iu":
            raise ValueError(f"an index array holds whole numbers, not {array.dtype}")
        if isinstance(array, np.ndarray) and array.size and array.min() < 0:
            raise ValueError("an index array holds a negative number: places are not negative")
    places = tuple([(a, tuple(own)) for (a, _), (_, own) in zip(arrays, hots, strict=True)])
    return Term(held, tuple(output), between, places, tuple(map(tuple, given)))


def _factor(array: Any, labels: Any, sizes: dict[Any, int], *, known: bool) -> tuple[Array, Labels]:
    """An array with its labels; those that are not `known` get their sizes from it."""
    shape = tuple(array.shape)
    if library(array) is None or len(shape) != len(labels):
        raise ValueError(f"a factor has other axes than {len(labels)}")
    for label, n in zip(labels, shape, strict=True):
        found = sizes.get(label) if known else sizes.setdefault(label, n)
        if found != n:
            raise ValueError(f"a factor of shape {shape} does not have the sizes of its labels")
    return array, tuple(labels)


def _relation(constant: Any, terms: Any, sizes: Mapping[Any, int]) -> Relation:
    """A relation between labels that have sizes."""
    coefficients = dict(terms)
    if any(type(number) is not int for number in (constant, *coefficients.values())):
        raise ValueError("a relation has a coefficient that is no whole number")
    if len(coefficients) < len(terms) or 0 in coefficients.values():
        raise ValueError("a relation has each label once, and no coefficient is 0")
    if not sizes.keys() >= coefficients.keys():
        raise ValueError("a label of a relation has no size")
    return relation(constant, coefficients)
