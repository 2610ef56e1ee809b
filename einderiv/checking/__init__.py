"""Derivatives held against independent ones."""

from .derivative_check import check

__all__ = ["check"]
