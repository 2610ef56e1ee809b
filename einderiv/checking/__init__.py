"""Derivatives held against independent ones."""

from .derivative_check import LENGTHS, check, naive, random_arrays

__all__ = ["LENGTHS", "check", "naive", "random_arrays"]
