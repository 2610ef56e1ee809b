"""Toeplitz matrices, ``A[i, j] = t[i - j]``: Levinson's recursion solves them in O(n²).

The recursion needs every leading block to be regular, and loses digits where one nearly is not;
then the dense matrix is factored. Source: Levinson, "The Wiener RMS error criterion in filter
design and prediction", 1947; Golub, Van Loan, "Matrix Computations", 4.7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backends import Array
from ..errors import EinderivError
from ..expression import numbers_of
from ..planning import Term
from .dense_blocks import (
    Map,
    Name,
    factored,
    is_rounding,
    log_blocks,
    positive_blocks,
    spectrum,
    unsigned_blocks,
)
from .diagonals import Step, steps_of
from .iterative import scipy_part

KEPT = 1e-10  # of the right-hand side: a larger residual of the recursion is not taken


def along(terms: Sequence[Term[Array]], n: int, dtype: Any) -> Array | None:
    """The entries ``t[i - j]`` of an n by n matrix, i - j from 1 - n to n - 1; None where it is no
    Toeplitz matrix by its structure.
    """
    total = np.zeros(2 * n - 1, dtype)
    for term in terms:
        part = _direct(term, n, dtype)
        if part is None:
            part = _by_steps(term, n, dtype)
        if part is None:
            return None
        total += part
    return total


def _direct(term: Term[Array], n: int, dtype: Any) -> Array | None:
    """A term ``t[i - j + c]`` that nothing but its axes bounds, and numbers."""
    vectors = [(array, labels) for array, labels in term.factors if labels]
    row, column = term.output
    if len(vectors) != 1 or len(term.relations) != 1 or term.hots or row == column:
        return None
    ((array, labels),) = vectors
    constant, pairs = numbers_of(term.relations[0])
    times = dict(pairs)
    if len(labels) != 1 or times.keys() != {row, column, labels[0]}:
        return None
    if times[row] != -times[column]:
        return None
    # constant + c (i - j) + k place = 0
    offsets = np.arange(1 - n, n)
    reached = -(constant + times[row] * offsets)
    places = reached // times[labels[0]]
    inside = (reached % times[labels[0]] == 0) & (places >= 0) & (places < len(array))
    result = np.zeros(2 * n - 1, dtype)
    result[inside] = array[places[inside]]
    return result * _number(term, dtype)


def _by_steps(term: Term[Array], n: int, dtype: Any) -> Array | None:
    """A term that fills whole diagonals with one number each."""
    steps = steps_of(term, (n,))
    if steps is None:
        return None
    result = np.zeros(2 * n - 1, dtype)
    for step in steps:
        if not _is_whole(step, n):
            return None
        number = np.ones((), dtype)
        for (array, _), read in zip(term.factors, step.reads, strict=True):
            number = number * read.of(array)
        result[n - 1 - step.offset] += number
    return result


def _is_whole(step: Step, n: int) -> bool:
    if any(read.axes for read in step.reads):
        return False
    start, count = max(0, -step.offset), n - abs(step.offset)
    if count == 1:
        return step.start == start and all(own == 1 for own in step.counts)
    return (step.start, step.counts, step.strides) == (start, (count,), (1,))


def _number(term: Term[Array], dtype: Any) -> Array:
    """The product of the factors without axes."""
    number = np.ones((), dtype)
    for array, labels in term.factors:
        if not labels:
            number = number * array
    return number


class Toeplitz:
    """``A[i, j] = t[i - j]``; `values` are those from 1 - n to n - 1. Of a `small` one the dense
    matrix may be formed.
    """

    def __init__(self, values: Array, small: bool) -> None:
        self.values = values
        self.small = small
        self.n = (len(values) + 1) // 2

    def words(self) -> str:
        """What it is, after its number of unknowns."""
        return f"{len(self.values)} numbers"

    def astype(self, dtype: Any) -> Toeplitz:
        """The matrix with entries of another dtype."""
        return (
            self if self.values.dtype == dtype else Toeplitz(self.values.astype(dtype), self.small)
        )

    def __neg__(self) -> Toeplitz:
        return Toeplitz(-self.values, self.small)

    @property
    def _ends(self) -> tuple[Array, Array]:
        """The first column and the first row."""
        return self.values[self.n - 1 :], self.values[self.n - 1 :: -1]

    def dense(self) -> Array:
        """The matrix itself."""
        places = np.arange(self.n)
        return np.asarray(self.values[places[:, None] - places + self.n - 1])

    def hermitian(self, largest: Callable[[], float]) -> bool:
        """As :func:`.dense_blocks.hermitian`."""
        column, row = self._ends
        off = float(np.abs(column - row.conj()).max(initial=0))
        return is_rounding(off, self.values, largest)

    def solve(self, b: Array, name: Name) -> Array:
        """``A⁻¹ b`` of columns b; by the dense matrix where the recursion is not good enough."""
        linalg = scipy_part("linalg")
        try:
            x = np.asarray(linalg.solve_toeplitz(self._ends, b, check_finite=False))
            product = linalg.matmul_toeplitz(self._ends, x, check_finite=False)
            off = np.abs(product - b).max(0, initial=0)
            if (off <= KEPT * np.abs(b).max(0, initial=0)).all():
                return x.astype(b.dtype, copy=False)
        except np.linalg.LinAlgError:
            pass
        if self.small:
            return factored(self.dense(), b, name)
        raise EinderivError(
            f"{name(())} has a leading block that is singular, or nearly, and Levinson's recursion "
            "needs them regular: the dense matrix would be too large"
        )

    def times(self, x: Array) -> Array:
        """The product with columns."""
        linalg = scipy_part("linalg")
        product = linalg.matmul_toeplitz(self._ends, x.reshape(self.n, -1), check_finite=False)
        return np.asarray(product).reshape(x.shape)

    # ---- by the dense matrix
    def log_determinant(self) -> Any:
        """``log |det A|``."""
        return log_blocks(self.dense())

    def eigenvalues(self) -> Array:
        """All eigenvalues, if it is symmetric up to rounding."""
        return spectrum(self.dense())

    def positive(self) -> bool:
        """Is a symmetric matrix positive definite, by more than rounding?"""
        return positive_blocks(self.dense())

    def unsigned(self) -> tuple[Map, Map]:
        """As :func:`.dense_blocks.unsigned_blocks`."""
        return unsigned_blocks(self.dense())
