"""How each group of a square tensor is factored: as dense blocks, a band, a Toeplitz matrix, or a
sparse one.

A group that relations or index arrays make sparse is a band where its diagonals are few, as its
structure says; else it is looked at entry by entry. Everything else is a stack of dense blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..backends import Array
from ..planning import Term
from .banded import Banded
from .dense_blocks import (
    Map,
    Name,
    divided,
    factored,
    floating,
    hermitian,
    log_blocks,
    log_entries,
    positive_blocks,
    positive_entries,
    real_entries,
    spectrum,
    unsigned_blocks,
    unsigned_entries,
)
from .diagonals import Step, Steps, bands, filled, folded, mirrored, reach, steps_of, width
from .entries import most_entries
from .iterative import has_scipy
from .kronecker import Group, small
from .sparse import Extent, SuperLU, matrix_of
from .terms import is_related
from .toeplitz import Toeplitz, along

#: unknowns: a smaller matrix is a block, whatever its structure
TINY = 4
#: operations that make a band diagonal: 20 seconds
MOST_SPECTRAL = 5e8
#: unknowns of a block: of a smaller one that is no band the dense factors take less time
SPARSE_FROM = 256
#: of the entries of a matrix: one that is fuller is dense
SPARSE = 1 / 8

Form = Banded | SuperLU | Toeplitz


class Kind(NamedTuple):
    """One kind of group: in words for one group alone, in words as a part, and what is done with
    its blocks, which are an array or a `Form`.
    """

    alone: str
    part: str
    solve: Callable[[Any, Array, Name], Array]
    log: Callable[[Any], Any]
    spectrum: Callable[[Any], Array]
    hermitian: Callable[[Any, Callable[[], float]], bool]
    positive: Callable[[Any], bool]  # are the symmetric blocks positive definite?
    # |A|⁺, by the absolute values of the eigenvalues, and the projection to where A is regular
    unsigned: Callable[[Any], tuple[Map, Map]]


def _hermitian_entries(entries: Array, largest: Callable[[], float]) -> bool:
    return hermitian(entries[..., None, None], largest)


def _of_entries(alone: str, part: str) -> Kind:
    return Kind(
        alone,
        part,
        divided,
        log_entries,
        real_entries,
        _hermitian_entries,
        positive_entries,
        unsigned_entries,
    )


def _of_blocks(alone: str, part: str) -> Kind:
    return Kind(
        alone,
        part,
        factored,
        log_blocks,
        spectrum,
        hermitian,
        positive_blocks,
        unsigned_blocks,
    )


def _of_form(form: type[Form], alone: str, part: str) -> Kind:
    return Kind(
        alone,
        part,
        form.solve,
        form.log_determinant,
        form.eigenvalues,
        form.hermitian,
        form.positive,
        form.unsigned,
    )


KINDS = {
    "number": _of_entries("division by one number", "a number"),
    "diagonal": _of_entries("division by {stack} diagonal entries", "a diagonal of {stack}"),
    "block": _of_blocks("one {n}x{n} factorisation", "{n}x{n}"),
    "blocks": _of_blocks("{stack} blocks of {n}x{n}", "{stack} blocks of {n}x{n}"),
    "band": _of_form(
        Banded,
        "banded factorisation of {count} unknowns, {form}",
        "a band of {count} unknowns, {form}",
    ),
    "main diagonal": _of_form(
        Banded, "division by {count} diagonal entries", "a diagonal of {count}"
    ),
    "sparse": _of_form(
        SuperLU,
        "sparse factorisation (scipy.sparse.linalg.splu) of {count} unknowns, {form}",
        "a sparse matrix of {count} unknowns, {form}",
    ),
    "toeplitz": _of_form(
        Toeplitz,
        "Levinson's recursion for a Toeplitz matrix of {count} unknowns",
        "a Toeplitz matrix of {count} unknowns",
    ),
}


class Part:
    """A group of a square tensor, and the form in which it is factored."""

    def __init__(self, group: Group, dtype: Any) -> None:
        self.group = group
        self.dtype = dtype  # of the tensor

    @property
    def count(self) -> int:
        """How many unknowns all blocks have."""
        return prod(self.group.stack) * self.group.order

    @cached_property
    def form(self) -> Form | None:
        """What is factored instead of dense blocks, if anything is."""
        return _form(self.group, self.dtype)

    @classmethod
    def of_form(cls, form: Banded | SuperLU) -> Part:
        """A matrix that is no part of a tensor."""
        part = cls(Group((), (0,), (), (), (form.n,)), form.values.dtype)
        part.form = form
        return part

    @cached_property
    def kind(self) -> str:
        """The row of `KINDS` that treats this group."""
        match self.form:
            case Banded(lower=0, upper=0):
                return "main diagonal"
            case Banded():
                return "band"
            case SuperLU():
                return "sparse"
            case Toeplitz():
                return "toeplitz"
        return self.group.kind

    def held(self, dtype: Any) -> Any:
        """What is factored, in this dtype."""
        return self.group.blocks(dtype) if self.form is None else self.form.astype(dtype)

    def largest(self) -> float:
        """The largest sum of the absolute values of all terms: what rounding is relative to."""
        if self.form is None:
            return self.group.largest()
        form = _form(self.group.of_magnitudes(), np.dtype(np.float64))
        return self.group.largest() if form is None else float(np.abs(form.values).max(initial=0))

    def allows(self, what: str) -> bool:
        """Is `what` within the limits on work and memory?"""
        if self.form is None or what == "the least step":
            return small(self.group, self.dtype)
        match self.form, what:
            case _, "solve":
                return True
            case Banded() as band, "eigvalsh":
                return small(self.group, self.dtype) or band.spectral_work <= MOST_SPECTRAL
            case (Toeplitz(), _) | (SuperLU(), "eigvalsh"):
                return small(self.group, self.dtype)
        return True

    @property
    def alone(self) -> str:
        """How it is solved, in words."""
        return self._words(KINDS[self.kind].alone)

    @property
    def named(self) -> str:
        """What it is, in words."""
        return self._words(KINDS[self.kind].part)

    def _words(self, pattern: str) -> str:
        stack = prod(self.group.stack)
        form = "" if self.form is None else self.form.words()
        return pattern.format(stack=stack, n=self.group.order, count=self.count, form=form)


def named(parts: Sequence[Part]) -> str:
    """The blocks of some groups, in words."""
    return " and ".join([part.named for part in parts])


def _form(group: Group, dtype: Any) -> Form | None:
    """What a group is factored as, if not as dense blocks."""
    if not group.free:
        return None
    is_dense = small(group, dtype)
    related = any(map(is_related, group.terms))
    if is_dense and not (related and has_scipy()):
        return None
    dtype = floating(dtype)
    rows = (*group.stack, *group.inner)
    band = _band(group, rows, dtype)
    if band is not None:
        return band
    if not group.tied and len(rows) == 1 and rows[0] > TINY:
        values = along(group.terms, rows[0], dtype)
        if values is not None:
            return Toeplitz(values, is_dense)
    if is_dense and group.order < SPARSE_FROM:
        return None
    ring = _ring(group, rows, dtype)
    if ring is not None:
        return ring
    shape = (*rows, *rows)
    count = sum(most_entries(term, shape) for term in group.flat_terms())
    if count > SPARSE * prod(rows) * group.order:
        return None
    return matrix_of(group.flat_terms(), rows, dtype, group.order)


def _band(group: Group, rows: tuple[int, ...], dtype: Any) -> Banded | None:
    """A group by its diagonals, where they are few and its structure says which."""
    steps = _diagonals(group, rows)
    if steps is None:
        return None
    lower, upper = width(steps)
    if not Extent(lower, upper, prod(rows), group.order, filled(steps)).fits(dtype):
        return None
    half = dtype.kind != "c" and mirrored(steps)
    return Banded(bands(steps, prod(rows), dtype, half=half), upper, mirrored=half)


def _ring(group: Group, rows: tuple[int, ...], dtype: Any) -> Banded | None:
    """A group of rings, as ``roll`` makes them: a band in another order of the unknowns."""
    steps = _diagonals(group, rows)
    if steps is None:
        return None
    far = 2 * reach(steps, group.order)
    if not Extent(far, far, prod(rows), group.order, filled(steps)).fits(dtype):
        return None
    lines, unknowns = folded(steps, prod(rows), group.order, dtype)
    return Banded(lines, far, unknowns)


def _diagonals(group: Group, rows: tuple[int, ...]) -> Steps | None:
    """The diagonals that the terms of a group fill; None where structure does not say which."""
    steps: list[tuple[Term[Array], tuple[Step, ...]]] = []
    for term in group.flat_terms():
        own = steps_of(term, rows)
        if own is None:
            return None
        steps.append((term, own))
    return steps
