"""Triangular matrices, as relations between rows and columns make them: solved by substitution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..backends import Array
from .banded import flatly
from .dense_blocks import Map, Name, hermitian, lost, magnitudes, norm, singular, unsigned_blocks
from .iterative import scipy_part


class Triangular:
    """A matrix without entries above its diagonal, if it is `lower`, or below it."""

    def __init__(self, values: Array, *, lower: bool) -> None:
        self.values = values
        self.lower = lower
        self.n = len(values)

    def words(self) -> str:
        """What it is, after its number of unknowns."""
        return "a lower" if self.lower else "an upper"

    def astype(self, dtype: Any) -> Triangular:
        """The matrix with entries of another dtype."""
        if self.values.dtype == dtype:
            return self
        return Triangular(self.values.astype(dtype), lower=self.lower)

    def __neg__(self) -> Triangular:
        return Triangular(-self.values, lower=self.lower)

    def dense(self) -> Array:
        """The matrix itself."""
        return self.values

    def times(self, x: Array) -> Array:
        """The product with columns."""
        return np.asarray((self.values @ x.reshape(self.n, -1)).reshape(x.shape))

    def solve(self, b: Array, name: Name) -> Array:
        """``A⁻¹ b`` of columns b."""
        diagonal = np.diagonal(self.values)
        if not diagonal.all():
            zero = int(np.argmin(np.abs(diagonal)))
            raise singular(f"entry {zero} of the diagonal of {name(())}", "zero")
        given = b.reshape(self.n, -1)
        solve = scipy_part("linalg").solve_triangular
        x = np.asarray(solve(self.values, given, lower=self.lower, check_finite=False))
        size = norm(self.values)
        bad = lost(x, magnitudes(given), size, lambda: np.abs(self.values) @ np.abs(x), self.n)
        if bad is not None or not np.isfinite(x).all():
            raise singular(name(()), "singular to working precision")
        return x.reshape(b.shape)

    def log_determinant(self) -> Any:
        """``log |det A|``, of the diagonal."""
        with np.errstate(divide="ignore"):
            return np.log(np.abs(np.diagonal(self.values))).sum()

    def inverse_diagonal(self, name: Name) -> Array:
        """The diagonal of the inverse: the inverses of the diagonal."""
        diagonal = np.diagonal(self.values)
        if not diagonal.all():
            raise singular(name(()), "singular")
        return np.asarray(1 / diagonal)

    def hermitian(self, largest: Callable[[], float]) -> bool:
        """As :func:`.dense_blocks.hermitian`: only if it is a diagonal."""
        return hermitian(self.values, largest)

    def eigenvalues(self) -> Array:
        """All eigenvalues of a symmetric one, which is a diagonal."""
        return np.asarray(np.diagonal(self.values).real)

    def positive(self) -> bool:
        """Is a symmetric one, which is a diagonal, positive definite?"""
        return bool((np.diagonal(self.values).real > 0).all())

    def unsigned(self) -> tuple[Map, Map]:
        """As :func:`.dense_blocks.unsigned_blocks`."""
        maps = unsigned_blocks(self.values)
        return partial(flatly, maps[0]), partial(flatly, maps[1])
