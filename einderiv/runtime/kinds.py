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
from .circulant import Circulant, around
from .dense_blocks import (
    Map,
    Name,
    divided,
    factored,
    floating,
    hermitian,
    inverted_blocks,
    inverted_entries,
    log_blocks,
    log_entries,
    lower_blocks,
    lower_entries,
    positive_blocks,
    positive_entries,
    real_entries,
    spectrum,
    times_entries,
    unsigned_blocks,
    unsigned_entries,
)
from .diagonals import Step, Steps, bands, filled, folded, mirrored, reach, steps_of, width
from .entries import most_entries
from .iterative import has_scipy
from .kronecker import Group, small
from .kronecker_sums import KroneckerSum, inverse_diagonal, kronecker_sum
from .low_rank import LowRank, SquareOf, low_rank
from .sparse import Extent, SuperLU, matrix_of
from .terms import is_related
from .toeplitz import Toeplitz, along
from .triangular import Triangular

#: unknowns: a smaller matrix is a block, whatever its structure
TINY = 4
#: operations that make a band diagonal: 20 seconds
MOST_SPECTRAL = 5e8
#: unknowns of a block: of a smaller one that is no band the dense factors take less time
SPARSE_FROM = 256
#: of the entries of a matrix: one that is fuller is dense
SPARSE = 1 / 8

Form = Banded | SuperLU | Toeplitz | Circulant | Triangular | KroneckerSum | LowRank


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
    times: Callable[[Any, Array], Array]  # the product with columns
    inverse_diagonal: Callable[[Any, Name], Array]
    lower: Callable[[Any, Name], Array]  # Cholesky's factor, a dense one


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
        times_entries,
        inverted_entries,
        lower_entries,
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
        np.matmul,
        inverted_blocks,
        lower_blocks,
    )


def _lower_of(form: Form, name: Name) -> Array:
    return lower_blocks(form.dense(), name)


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
        form.times,
        getattr(form, "inverse_diagonal", inverse_diagonal),
        _lower_of,
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
    "circulant": _of_form(
        Circulant,
        "Fourier transforms of a circulant matrix of {count} unknowns, O(n log n)",
        "a circulant matrix of {count} unknowns",
    ),
    "triangular": _of_form(
        Triangular,
        "substitution in {form} triangular matrix of {count} unknowns",
        "{form} triangular matrix of {count} unknowns",
    ),
    "kronecker sum": _of_form(
        KroneckerSum,
        "sum of Kronecker products of {form}: {how}",
        "a sum of Kronecker products of {form}",
    ),
    "low rank": _of_form(
        LowRank,
        "Woodbury's identity for {form}, {how}",
        "{form}",
    ),
}


class Part:
    """A group of a square tensor, and the form in which it is factored."""

    def __init__(self, group: Group, dtype: Any, square_of: SquareOf) -> None:
        """`square_of` makes a tensor of terms, for what is a sum of a tensor and others."""
        self.group = group
        self.square_of = square_of
        self._diagonals: dict[Any, Array] = {}  # by dtype
        self.dtype = dtype  # of the tensor

    @property
    def count(self) -> int:
        """How many unknowns all blocks have."""
        return prod(self.group.stack) * self.group.order

    @cached_property
    def form(self) -> Form | None:
        """What is factored instead of dense blocks, if anything is."""
        return _form(self.group, self.dtype, self.square_of)

    @classmethod
    def of_form(cls, form: Banded | SuperLU, square_of: SquareOf) -> Part:
        """A matrix that is no part of a tensor."""
        part = cls(Group((), (0,), (), (), (form.n,)), form.values.dtype, square_of)
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
            case Circulant():
                return "circulant"
            case Triangular():
                return "triangular"
            case KroneckerSum():
                return "kronecker sum"
            case LowRank():
                return "low rank"
        return self.group.kind

    def held(self, dtype: Any) -> Any:
        """What is factored, in this dtype."""
        if self.form is not None:
            return self.form.astype(dtype)
        if self.group.free:
            return self.group.blocks(dtype)
        # A diagonal is small, and as a base it is asked for again and again.
        if dtype not in self._diagonals:
            self._diagonals[dtype] = self.group.blocks(dtype)
        return self._diagonals[dtype]

    def largest(self) -> float:
        """The largest sum of the absolute values of all terms: what rounding is relative to."""
        if self.form is None or isinstance(self.form, (KroneckerSum, LowRank)):
            return self.group.largest()
        form = _form(self.group.of_magnitudes(), np.dtype(np.float64), self.square_of)
        return self.group.largest() if form is None else float(np.abs(form.values).max(initial=0))

    def allows(self, what: str) -> bool:
        """Is `what` within the limits on work and memory?"""
        match self.form, what:
            case Circulant(), _ if what != "cholesky":
                return True
            case KroneckerSum(is_standard=True), _ if what != "cholesky":
                return True
            case None, _:
                return small(self.group, self.dtype)
            case Banded(order=None, n=n), "cholesky" if n == self.group.order:
                return len(self.group.inner) == 1 or small(self.group, self.dtype)
            case _, "the least step" | "cholesky":
                return small(self.group, self.dtype)
            case _, "solve" | "inv_diagonal":
                return True
            case ((KroneckerSum() | LowRank()), "logdet"):
                return True
            case ((KroneckerSum() | LowRank()), _):
                return small(self.group, self.dtype)
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
        how = self.form.how if isinstance(self.form, (KroneckerSum, LowRank)) else ""
        order = self.group.order
        return pattern.format(stack=stack, n=order, count=self.count, form=form, how=how)

    @property
    def hardest(self) -> int:
        """How many unknowns are factored as a dense matrix."""
        match self.form:
            case None:
                return self.group.order if self.group.free else 1
            case KroneckerSum(orders=orders):
                return int(max(orders))
            case Triangular() | Toeplitz():
                return int(self.group.order) - 1
        return 1


def named(parts: Sequence[Part]) -> str:
    """The blocks of some groups, in words."""
    return " and ".join([part.named for part in parts])


def _form(group: Group, dtype: Any, square_of: SquareOf) -> Form | None:
    """What a group is factored as, if not as dense blocks."""
    if not group.free:
        return None
    is_dense = small(group, dtype)
    related = any(map(is_related, group.terms))
    dtype = floating(dtype)

    def _low_rank(group: Group, dtype: Any, is_dense: bool) -> LowRank | None:
        return low_rank(group, dtype, square_of, small=is_dense)

    recognised: list[Callable[[Group, Any, bool], Form | None]] = [_kronecker_sum, _low_rank]
    if has_scipy():
        if related:
            recognised = [_by_diagonals, _by_entries, *recognised]
        elif not is_dense:
            recognised.append(_by_entries)
    for form_of in recognised:
        form = form_of(group, dtype, is_dense)
        if form is not None:
            return form
    return None


def _kronecker_sum(group: Group, dtype: Any, is_dense: bool) -> KroneckerSum | None:
    return kronecker_sum(group, dtype, small=is_dense)


def _by_diagonals(group: Group, dtype: Any, is_dense: bool) -> Form | None:
    """A band, or one number along each diagonal, or no entries on one side."""
    rows = (*group.stack, *group.inner)
    band = _band(group, rows, dtype)
    if band is not None:
        return band
    if not group.tied and len(rows) == 1 and rows[0] > TINY:
        values = along(group.terms, rows[0], dtype)
        if values is not None:
            column = around(values)
            return Toeplitz(values, is_dense) if column is None else Circulant(column)
    if group.tied or not is_dense or group.order < 2:
        return None
    steps = _diagonals(group, rows)
    if steps is None:
        return None
    lower, upper = width(steps)
    if min(lower, upper) or lower == upper:
        return None
    return Triangular(group.blocks(dtype), lower=upper == 0)


def _by_entries(group: Group, dtype: Any, is_dense: bool) -> Form | None:
    """A ring, or a sparse matrix; small ones are dense."""
    if is_dense and group.order < SPARSE_FROM:
        return None
    rows = (*group.stack, *group.inner)
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
