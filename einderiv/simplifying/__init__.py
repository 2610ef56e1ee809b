"""The textbook form of an expression: like terms collected, what cancels gone, symmetry used."""

from .simplification import simplify

__all__ = ["simplify"]
