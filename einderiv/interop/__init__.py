"""Expressions as functions of torch and JAX that know their own gradients, and functions of theirs
as expressions.
"""

from .gradients import to_jax, to_torch
from .imported import arrays
from .jax_reading import from_jax

__all__ = ["arrays", "from_jax", "to_jax", "to_torch"]
