"""Square matrices whose entries stand near the diagonal: LAPACK's factorisations of bands.

``bands[u + i - j, j] = A[i, j]``, with u diagonals above the main one and l below. A symmetric
(Hermitian) matrix is tried by Cholesky's factorisation, which is also what says that it is positive
definite; any other has an LU factorisation with pivots. Both take O(n (l + u)²).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from ..backends import Array
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
from .iterative import scipy_part

SAME = 8  # units in the last place of the largest entry: what mirrored sums may differ by


class Cholesky(NamedTuple):
    """``L Lᴴ``, or ``L D Lᴴ`` of a tridiagonal matrix, as LAPACK has them."""

    factors: tuple[Array, ...]
    pivots: Array  # what the unknowns before it have left of an entry of the diagonal


class Banded:
    """A matrix by its diagonals; with an `order` it is that of the unknowns in this order.

    Of a `mirrored` one, which is real and symmetric, only those from the main one down are held.
    """

    def __init__(
        self, bands: Array, upper: int, order: Array | None = None, *, mirrored: bool = False
    ) -> None:
        self.bands = bands
        self.upper = upper
        self.mirrored = mirrored
        self.main = 0 if mirrored else upper  # the row of the main diagonal
        self.lower = len(bands) - 1 - self.main
        self.order = order
        self.n = int(bands.shape[1])

    def words(self) -> str:
        """What it is, after its number of unknowns."""
        reordered = "" if self.order is None else ", in another order of the unknowns"
        return f"{self.lower} below and {self.upper} above the diagonal{reordered}"

    def with_bands(self, bands: Array) -> Banded:
        """Another matrix with its entries in the same places."""
        return Banded(bands, self.upper, self.order, mirrored=self.mirrored)

    def astype(self, dtype: Any) -> Banded:
        """The matrix with entries of another dtype."""
        return self if self.bands.dtype == dtype else self.with_bands(self.bands.astype(dtype))

    def __neg__(self) -> Banded:
        return self.with_bands(-self.bands)

    def shifted(self, number: float) -> Banded:
        """``A + number · I``."""
        bands = self.bands.copy()
        bands[self.main] += number
        return self.with_bands(bands)

    @property
    def values(self) -> Array:
        """All entries that are held."""
        return self.bands

    def dense(self) -> Array:
        """The matrix itself."""
        matrix = np.zeros((self.n, self.n), self.bands.dtype)
        for offset in range(-self.lower, self.upper + 1):
            rows = np.arange(max(0, -offset), min(self.n, self.n - offset))
            matrix[rows, rows + offset] = self._diagonal(offset)
        if self.order is None:
            return matrix
        back = np.argsort(self.order)
        return matrix[np.ix_(back, back)]

    def _diagonal(self, offset: int) -> Array:
        """``A[i, i + offset]``."""
        if self.mirrored:
            offset = min(offset, -offset)
        line: Array = self.bands[self.main - offset]
        return line[offset:] if offset >= 0 else line[: self.n + offset]

    # ---- is it symmetric?
    def _asymmetry(self, k: int) -> Array:
        """``A[i, i + k] - conj(A[i + k, i])``."""
        above = self._diagonal(k) if k <= self.upper else 0
        below = self._diagonal(-k).conj() if k <= self.lower else 0
        return np.asarray(above - below)

    def _is_mirrored(self, k: int) -> bool:
        """Is the k-th diagonal above that below, conjugated?"""
        if max(k, 1) > min(self.lower, self.upper):
            return not self._asymmetry(k).any()
        return np.array_equal(self._diagonal(k), self._diagonal(-k).conj())

    @cached_property
    def _is_exact(self) -> bool:
        """Is it Hermitian without any rounding?"""
        if self.mirrored:
            return True
        first = int(self.bands.dtype.kind != "c")  # a real diagonal is its own mirror image
        return all(map(self._is_mirrored, range(first, self._reach + 1)))

    @property
    def _reach(self) -> int:
        return max(self.lower, self.upper)

    def _is_symmetric(self) -> bool:
        """Is it Hermitian, up to rounding in sums that are taken in another order?"""
        if self._is_exact:
            return True
        diagonal = self._diagonal(0).real
        if not (diagonal > 0).all():
            return False
        scale = np.sqrt(diagonal) * (SAME * float(np.finfo(self.bands.dtype).eps))
        for k in range(self._reach + 1):
            # of a positive definite matrix: |A[i, j]|² <= A[i, i] A[j, j]
            allowed = scale[k:] * np.sqrt(diagonal[: self.n - k])
            if (np.abs(self._asymmetry(k)) > allowed).any():
                return False
        return True

    def hermitian(self, largest: Callable[[], float]) -> bool:
        """As :func:`.dense_blocks.hermitian`."""
        if self._is_exact:
            return True
        parts = map(self._asymmetry, range(self._reach + 1))
        off = max([float(np.abs(part).max(initial=0)) for part in parts])
        return is_rounding(off, self.bands, largest)

    def _lower_half(self) -> Array:
        """The diagonals of ``(A + Aᴴ) / 2`` from the main one down, ``half[i - j, j]``."""
        if self._is_exact:
            return self.bands[self.main :]
        half = np.zeros((self._reach + 1, self.n), self.bands.dtype)
        for row in range(len(half)):
            line = half[row, : self.n - row]
            if row <= self.lower:
                line += self._diagonal(-row)
            if row <= self.upper:
                line += self._diagonal(row).conj()
        half /= 2
        return half

    # ---- factors
    @cached_property
    def _cholesky(self) -> Cholesky | None:
        """The factors of ``(A + Aᴴ) / 2``; None where that is not positive definite."""
        half = self._lower_half()
        diagonal = half[0].real
        if not (diagonal > 0).all():
            return None
        if len(half) > 2:
            (factor,) = _lapack(("pbtrf",), half)
            factors, info = factor(half, lower=1)
            return None if info else Cholesky((factors,), factors[0].real ** 2)
        if len(half) == 1:
            return Cholesky((diagonal,), diagonal)
        (factor,) = _lapack(("pttrf",), half)
        pivots, multipliers, info = factor(diagonal, half[1, :-1])
        return None if info else Cholesky((pivots, multipliers), pivots)

    @cached_property
    def _lu(self) -> tuple[Array, Array, int]:
        """``P L U`` and its pivots, and where a pivot is zero: the number of the row, else 0."""
        count = 2 * self.lower + self.upper + 1
        room = np.zeros((count, self.n), self.bands.dtype, order="F")
        room[count - len(self.bands) :] = self.bands
        if self.mirrored:
            for k in range(1, self.upper + 1):
                room[self.lower + self.upper - k, k:] = self._diagonal(k)
        (factor,) = _lapack(("gbtrf",), room)
        lu, pivots, info = factor(room, self.lower, self.upper, overwrite_ab=1)
        return lu, pivots, info

    @cached_property
    def _by_cholesky(self) -> bool:
        return self._is_symmetric() and self._cholesky is not None

    # ---- what is done with it
    def solve(self, b: Array, name: Name) -> Array:
        """``A⁻¹ b`` of columns b, which may be written over."""
        given = b.reshape(self.n, -1)
        if self.order is not None:
            given = given[self.order]
        asked = magnitudes(given)
        x = self._solved(given, name)
        size = norm(self.bands) * (1 + self.mirrored)  # or less
        bad = lost(x, asked, size, lambda: self._grown(x), self.lower + self.upper + 1)
        if bad is not None:
            raise singular(name(bad), "singular to working precision")
        if self.order is not None:
            back = np.empty_like(x)
            back[self.order] = x
            x = back
        return x.reshape(b.shape)

    def _solved(self, b: Array, name: Name) -> Array:
        if self._by_cholesky and self._cholesky is not None:
            factors = self._cholesky.factors
            if len(factors) == 2:
                solve, made = _lapack(("pttrs",), factors[1])[0], factors
                options = {"lower": 1} if b.dtype.kind == "c" else {}
                x, _ = solve(*made, b, overwrite_b=1, **options)
                return np.asarray(x)
            if self.lower == self.upper == 0:
                return np.asarray(b / factors[0][:, None])
            (solve,) = _lapack(("pbtrs",), factors[0])
            x, _ = solve(factors[0], b, lower=1, overwrite_b=1)
            return np.asarray(x)
        lu, pivots, info = self._lu
        if info:
            raise singular(name(()), "singular")
        (solve,) = _lapack(("gbtrs",), lu)
        x, _ = solve(lu, self.lower, self.upper, b, pivots, overwrite_b=1)
        return np.asarray(x)

    def times(self, x: Array) -> Array:
        """The product with columns."""
        given = x.reshape(self.n, -1)
        if self.order is not None:
            given = given[self.order]
        product = np.zeros_like(given)
        for offset in range(-self.lower, self.upper + 1):
            start, stop = max(0, -offset), min(self.n, self.n - offset)
            line = self._diagonal(offset)[:, None]
            product[start:stop] += line * given[start + offset : stop + offset]
        if self.order is not None:
            back = np.empty_like(product)
            back[self.order] = product
            product = back
        return product.reshape(x.shape)

    def lower_bands(self) -> Array | None:
        """Cholesky's factor L of a symmetric matrix, ``bands[i - j, j] = L[i, j]``; None where it
        is not positive definite.
        """
        if self._cholesky is None:
            return None
        if len(self._cholesky.factors) == 1:
            (factors,) = self._cholesky.factors
            # of a diagonal it is what the roots are of
            return factors if factors.ndim == 2 else np.sqrt(factors)[None]
        pivots, multipliers = self._cholesky.factors
        roots = np.sqrt(pivots)
        below = np.concatenate([multipliers * roots[:-1], np.zeros(1, multipliers.dtype)])
        return np.stack([roots.astype(below.dtype), below])

    def _grown(self, x: Array) -> Array:
        """``|A| |x|``."""
        sizes = np.abs(x)
        grown = np.zeros_like(sizes)
        for offset in range(-self.lower, self.upper + 1):
            start, stop = max(0, -offset), min(self.n, self.n - offset)
            line = np.abs(self._diagonal(offset))[:, None]
            grown[start:stop] += line * sizes[start + offset : stop + offset]
        return grown

    def log_determinant(self) -> Any:
        """``log |det A|``."""
        if self._by_cholesky and self._cholesky is not None:
            return np.log(self._cholesky.pivots).sum()
        lu, _, info = self._lu
        if info:
            return -np.inf
        return np.log(np.abs(lu[self.lower + self.upper])).sum()

    @property
    def spectral_work(self) -> int:
        """About how many operations make it diagonal."""
        return self.n**2 * max(1, self.lower + self.upper)

    def eigenvalues(self) -> Array:
        """All eigenvalues, if it is symmetric up to rounding."""
        half = self._lower_half()
        if len(half) == 1:
            return np.sort(half[0].real)
        linalg = scipy_part("linalg")
        return np.asarray(linalg.eigvals_banded(half, lower=True, check_finite=False))

    def positive(self) -> bool:
        """Is a symmetric matrix positive definite, by more than rounding?"""
        if self._cholesky is None:
            return False
        entries = self.bands[self.main].real
        smallest = LEFT * self.n * float(np.finfo(self.bands.dtype).eps)
        return bool((self._cholesky.pivots > smallest * entries).all())

    def unsigned(self) -> tuple[Map, Map]:
        """As :func:`.dense_blocks.unsigned_blocks`, by the dense matrix."""
        maps = unsigned_blocks(self.dense())
        return partial(flatly, maps[0]), partial(flatly, maps[1])


def flatly(mapped: Map, x: Array) -> Array:
    """A map of vectors, applied to what has their axes unravelled."""
    return mapped(x.reshape(-1, x.shape[-1])).reshape(x.shape)


def _lapack(names: tuple[str, ...], array: Array) -> Any:
    return scipy_part("linalg.lapack").get_lapack_funcs(names, (array,))
