"""Expressions as functions of torch and JAX that know their own gradients, and functions of theirs
as expressions.
"""

from .gradients import to_jax, to_torch
from .imported import arrays

__all__ = ["arrays", "to_jax", "to_torch"]
