"""Minimising what an expression says: `minimize`, `least_squares`, Newton's method, functions for
SciPy.
"""

from .gauss_newton import least_squares
from .minimization import minimize
from .residuals import scipy_functions

__all__ = ["least_squares", "minimize", "scipy_functions"]
