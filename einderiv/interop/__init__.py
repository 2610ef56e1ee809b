"""Expressions as functions of torch and JAX that know their own gradients, and functions of theirs
as expressions.
"""

from .gradients import to_jax, to_torch
from .imported import arrays
from .jax_reading import from_jax
from .torch_reading import from_torch

__all__ = [
    "arrays",
    "from_jax",
    "from_torch",
    "to_jax",
    "to_torch",
]
