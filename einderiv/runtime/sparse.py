"""Square matrices by their entries: reordered into a band where that is narrow, else factored by
SuperLU where its factors may fit.

Which of them is decided by the order of Cuthill and McKee, reversed: the factors of a matrix in
this order stay between its diagonal and the first entry of each row, its profile. Source: George,
Liu, "Computer Solution of Large Sparse Positive Definite Systems", 1981, chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..backends import Array
from ..errors import LimitError, limits
from ..planning import Term
from .banded import Banded, flatly
from .dense_blocks import (
    LEFT,
    Map,
    Name,
    is_rounding,
    lost,
    magnitudes,
    norm,
    singular,
    unsigned_blocks,
)
from .entries import entries
from .iterative import scipy_part

#: diagonals on one side, up to which bands are faster: of five-point stencils on 100 x 100 points
#: LAPACK took 21 ms, SuperLU 24 ms
WIDEST = 128
#: multiplications that the factors of a profile may take: ten seconds, mostly far less
MOST_WORK = 5e10


def is_narrow(lower: int, upper: int, order: int) -> bool:
    """Do so few diagonals hold less than half of a matrix?"""
    return 2 * (lower + upper + 1) <= order


class Extent(NamedTuple):
    """How large a band is: diagonals below and above the main one, unknowns, those of a block, and
    entries that may be other than zero.
    """

    lower: int
    upper: int
    n: int
    order: int
    entries: int

    def fits(self, dtype: Any) -> bool:
        """Is it narrow, not mostly empty if it is wide, and are its factors within the limits?"""
        diagonals = self.lower + self.upper + 1
        area = diagonals * self.n
        work = self.lower * diagonals * self.n
        is_large = area * np.dtype(dtype).itemsize > limits.dense_bytes or work > MOST_WORK
        if is_large or not is_narrow(self.lower, self.upper, self.order):
            return False
        return max(self.lower, self.upper) <= WIDEST or 4 * self.entries >= area


def matrix_of(
    terms: Sequence[Term[Array]], shape: Sequence[int], dtype: Any, order: int
) -> Banded | SuperLU | None:
    """The matrix whose rows have the axes `shape`, in blocks of `order` unknowns; None where
    neither a band nor the factors are small.
    """
    try:
        return chosen(flattened(terms, shape, shape, dtype), order)
    except LimitError:
        return None


def flattened(
    terms: Sequence[Term[Array]], rows: Sequence[int], columns: Sequence[int], dtype: Any
) -> Any:
    """Terms as a sparse matrix, rows and columns numbered in C order, without its zeros.

    Raises LimitError where there are too many entries.
    """
    k = len(rows)
    found: list[tuple[Array, Array, Array]] = []
    for term in terms:
        values, indices = entries(term, (*rows, *columns), dtype)
        row = _numbered(indices[:k], rows, len(values))
        column = _numbered(indices[k:], columns, len(values))
        present = values != 0
        if not present.all():
            values, row, column = values[present], row[present], column[present]
        found.append((values, row, column))
    nothing = np.zeros(0, np.int64)
    values, row, column = map(np.concatenate, zip((nothing, nothing, nothing), *found, strict=True))
    size = (prod(rows), prod(columns))
    return scipy_part("sparse").csc_matrix((values.astype(dtype), (row, column)), shape=size)


def _numbered(indices: Sequence[Array], shape: Sequence[int], count: int) -> Array:
    """Places in C order; of a scalar they are all 0."""
    place = np.zeros(count, np.int64)
    for index, n in zip(indices, shape, strict=True):
        place = place * n + index
    return place


def chosen(matrix: Any, order: int) -> Banded | SuperLU | None:
    """The form in which a sparse matrix is factored."""
    matrix.eliminate_zeros()
    written = matrix.tocoo()
    n = matrix.shape[0]
    lower, upper = _widths(written.row, written.col)
    if Extent(lower, upper, n, order, matrix.nnz).fits(matrix.dtype):
        return _banded(matrix, None, lower, upper)
    if matrix.nnz > order * n // 4:
        return None
    csgraph = scipy_part("sparse.csgraph")
    reordered = csgraph.reverse_cuthill_mckee(matrix.tocsr(), symmetric_mode=False)
    place = np.argsort(reordered)
    rows, columns = place[written.row], place[written.col]
    lower, upper = _widths(rows, columns)
    if Extent(lower, upper, n, order, matrix.nnz).fits(matrix.dtype):
        return _banded(matrix, reordered, lower, upper)
    first = np.arange(n)
    np.minimum.at(first, np.maximum(rows, columns), np.minimum(rows, columns))
    profile = (np.arange(n) - first).astype(float)
    held = 2 * matrix.dtype.itemsize * profile.sum()
    if (profile**2).sum() > MOST_WORK or held > limits.dense_bytes:
        return None
    return SuperLU(matrix)


def _widths(rows: Array, columns: Array) -> tuple[int, int]:
    """How many diagonals below and above the main one have entries."""
    offsets = columns.astype(np.int64) - rows
    return max(0, -int(offsets.min(initial=0))), max(0, int(offsets.max(initial=0)))


def _banded(matrix: Any, order: Array | None, lower: int, upper: int) -> Banded:
    written = matrix.tocoo()
    place = np.arange(matrix.shape[0]) if order is None else np.argsort(order)
    rows, columns = place[written.row], place[written.col]
    bands = np.zeros((lower + upper + 1, matrix.shape[0]), matrix.dtype)
    bands[upper + rows - columns, columns] = written.data
    return Banded(bands, upper, order)


class SuperLU:
    """A sparse matrix that SuperLU factors. Source: Demmel et al., "A supernodal approach to sparse
    partial pivoting", 1999.
    """

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix
        self.n = matrix.shape[0]

    def words(self) -> str:
        """What it is, after its number of unknowns."""
        return f"{self.matrix.nnz} entries"

    def astype(self, dtype: Any) -> SuperLU:
        """The matrix with entries of another dtype."""
        return self if self.matrix.dtype == dtype else SuperLU(self.matrix.astype(dtype))

    def __neg__(self) -> SuperLU:
        return SuperLU(-self.matrix)

    def shifted(self, number: float) -> SuperLU:
        """``A + number · I``."""
        identity = scipy_part("sparse").identity(self.n, self.matrix.dtype, format="csc")
        return SuperLU((self.matrix + number * identity).tocsc())

    @property
    def values(self) -> Array:
        """All entries that are held."""
        return np.asarray(self.matrix.data)

    def dense(self) -> Array:
        """The matrix itself."""
        return np.asarray(self.matrix.toarray())

    def hermitian(self, largest: Callable[[], float]) -> bool:
        """As :func:`.dense_blocks.hermitian`."""
        off = abs(self.matrix - self.matrix.conj().T)
        return is_rounding(float(off.max()) if off.nnz else 0.0, self.values, largest)

    @cached_property
    def _definite(self) -> Any:
        """The factors without pivoting of ``(A + Aᴴ) / 2``; None where it is not positive definite.

        Then ``U = D Lᴴ``, and by Sylvester's law D has the signs of the eigenvalues.
        """
        half = ((self.matrix + self.matrix.conj().T) / 2).tocsc()
        if not (half.diagonal().real > 0).all():
            return None
        try:
            lu = scipy_part("sparse.linalg").splu(
                half,
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        except RuntimeError:  # a pivot is zero
            return None
        kept_order = np.array_equal(lu.perm_r, lu.perm_c)
        return lu if kept_order and (lu.U.diagonal().real > 0).all() else None

    @cached_property
    def _general(self) -> Any:
        """The factors with pivots; None where the matrix is singular."""
        try:
            return scipy_part("sparse.linalg").splu(self.matrix)
        except RuntimeError:  # a pivot is zero
            return None

    @cached_property
    def _factors(self) -> Any:
        mirrored = abs(self.matrix - self.matrix.conj().T)
        is_symmetric = not mirrored.nnz or not mirrored.data.any()
        definite = self._definite if is_symmetric else None
        return self._general if definite is None else definite

    def solve(self, b: Array, name: Name) -> Array:
        """``A⁻¹ b`` of columns b."""
        if self._factors is None:
            raise singular(name(()), "singular")
        given = b.reshape(self.n, -1)
        x = np.asarray(self._factors.solve(np.ascontiguousarray(given)))
        terms = int(np.diff(self.matrix.indptr).max(initial=0))
        size = norm(self.values)
        bad = lost(x, magnitudes(given), size, lambda: abs(self.matrix) @ np.abs(x), terms)
        if bad is not None or not np.isfinite(x).all():
            raise singular(name(()), "singular to working precision")
        return x.reshape(b.shape)

    def times(self, x: Array) -> Array:
        """The product with columns."""
        return np.asarray(self.matrix @ x.reshape(self.n, -1)).reshape(x.shape)

    def log_determinant(self) -> Any:
        """``log |det A|``; the diagonal of L is 1."""
        if self._factors is None:
            return -np.inf
        return np.log(np.abs(self._factors.U.diagonal())).sum()

    def eigenvalues(self) -> Array:
        """All eigenvalues, if it is symmetric up to rounding, of the dense matrix."""
        dense = self.dense()
        return np.asarray(np.linalg.eigvalsh((dense + dense.conj().T) / 2))

    def positive(self) -> bool:
        """Is a symmetric matrix positive definite, by more than rounding?"""
        lu = self._definite
        if lu is None:
            return False
        # column k of A is column perm_c[k] of L U
        entries = np.empty(self.n)
        entries[lu.perm_c] = self.matrix.diagonal().real
        smallest = LEFT * self.n * float(np.finfo(self.matrix.dtype).eps)
        return bool((lu.U.diagonal().real > smallest * entries).all())

    def unsigned(self) -> tuple[Map, Map]:
        """As :func:`.dense_blocks.unsigned_blocks`, by the dense matrix."""
        maps = unsigned_blocks(self.dense())
        return partial(flatly, maps[0]), partial(flatly, maps[1])
