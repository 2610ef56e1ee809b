"""Circulant matrices, ``A[i, j] = c[(i - j) mod n]``: the Fourier transform makes them diagonal.

``A = F⁻¹ diag(F c) F``, so everything takes O(n log n). Source: Golub, Van Loan, "Matrix
Computations", 4.8.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..backends import Array
from .dense_blocks import Map, Name, is_rounding, singular

SAME = 8  # units in the last place: entries that are one number differ by no more


def around(values: Array) -> Array | None:
    """The first column of a Toeplitz matrix that is a circulant; None where it is none.

    `values` are ``t[i - j]`` from 1 - n to n - 1.
    """
    n = (len(values) + 1) // 2
    before, after = values[: n - 1], values[n:]
    eps = float(np.finfo(values.dtype).eps)
    off = np.abs(before - after).max(initial=0)
    if not off <= SAME * eps * np.abs(values).max(initial=0):
        return None
    return np.concatenate([values[n - 1 : n], (before + after) / 2])


class Circulant:
    """A circulant matrix by its first column."""

    def __init__(self, values: Array) -> None:
        self.values = values
        self.n = len(values)

    def words(self) -> str:
        """What it is, after its number of unknowns."""
        return f"{self.n} numbers"

    def astype(self, dtype: Any) -> Circulant:
        """The matrix with entries of another dtype."""
        return self if self.values.dtype == dtype else Circulant(self.values.astype(dtype))

    def __neg__(self) -> Circulant:
        return Circulant(-self.values)

    def dense(self) -> Array:
        """The matrix itself."""
        places = np.arange(self.n)
        return np.asarray(self.values[(places[:, None] - places) % self.n])

    @cached_property
    def _spectrum(self) -> Array:
        """The eigenvalues, in the order of frequencies."""
        return np.fft.fft(self.values)

    @property
    def _smallest(self) -> float:
        """Eigenvalues up to here are rounding."""
        size = float(np.abs(self.values).sum())
        return float(np.finfo(self.values.dtype).eps) * max(1, self.n.bit_length()) * size

    def _mapped(self, spectrum: Array, x: Array) -> Array:
        """``F⁻¹ diag(spectrum) F x`` of columns x."""
        shaped = x.reshape(self.n, -1)
        found = np.fft.ifft(spectrum[:, None] * np.fft.fft(shaped, axis=0), axis=0)
        is_real = not (np.iscomplexobj(x) or np.iscomplexobj(self.values))
        return np.asarray(found.real if is_real else found, x.dtype).reshape(x.shape)

    def _check(self, name: Name) -> None:
        magnitudes = np.abs(self._spectrum)
        if magnitudes.min() <= self._smallest:
            raise singular(name(()), f"singular, at frequency {int(np.argmin(magnitudes))},")

    def times(self, x: Array) -> Array:
        """The product with columns."""
        return self._mapped(self._spectrum, x)

    def solve(self, b: Array, name: Name) -> Array:
        """``A⁻¹ b`` of columns b."""
        self._check(name)
        return self._mapped(1 / self._spectrum, b)

    def log_determinant(self) -> Any:
        """``log |det A|``."""
        magnitudes = np.abs(self._spectrum)
        if not magnitudes.all():
            return -np.inf
        return np.log(magnitudes).sum()

    def inverse_diagonal(self, name: Name) -> Array:
        """The diagonal of the inverse, one number."""
        self._check(name)
        number = (1 / self._spectrum).mean()
        return np.full(self.n, number if np.iscomplexobj(self.values) else number.real)

    def eigenvalues(self) -> Array:
        """All eigenvalues, if it is symmetric up to rounding."""
        return np.asarray(self._spectrum.real)

    def hermitian(self, largest: Callable[[], float]) -> bool:
        """As :func:`.dense_blocks.hermitian`."""
        mirrored = np.roll(self.values[::-1], 1).conj()
        off = float(np.abs(self.values - mirrored).max(initial=0))
        return is_rounding(off, self.values, largest)

    def positive(self) -> bool:
        """Is a symmetric matrix positive definite, by more than rounding?"""
        return bool((self._spectrum.real > self._smallest).all())

    def unsigned(self) -> tuple[Map, Map]:
        """As :func:`.dense_blocks.unsigned_blocks`."""
        magnitudes = np.abs(self._spectrum)
        regular = magnitudes > self._smallest
        inverses = np.where(regular, 1 / np.where(regular, magnitudes, 1), 0)
        return (
            lambda x: self._mapped(inverses, x),
            lambda x: self._mapped(regular.astype(float), x),
        )
