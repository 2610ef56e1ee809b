"""Minimising what an expression says: `minimize`, Newton's method, functions for SciPy."""

from .minimization import minimize
from .objective import scipy_functions

__all__ = ["minimize", "scipy_functions"]
