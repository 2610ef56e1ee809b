"""Expressions as functions of torch and JAX that know their own gradients."""

from .gradients import to_jax, to_torch

__all__ = ["to_jax", "to_torch"]
