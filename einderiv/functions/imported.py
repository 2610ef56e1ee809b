"""Functions that other libraries have, and that what is read from them may need.

They stand in the table as those of ``ed.function`` do, so that an expression with one of them can
be stored, and read in another process.
"""

from __future__ import annotations

import math

from ..expression import Expr, multiply, times
from .elementwise import exp
from .table import apply, function

# x, with the derivative 0: what JAX and PyTorch hold fast
stop_gradient = function(
    "stop_gradient",
    "1 * {0}",
    None,
    law="x, with the derivative 0",
    torch="1 * {0}",
    jax="1 * {0}",
    analytic=True,
)


def _erfinv(y: Expr) -> Expr:
    # √π/2 · exp(erfinv(y)²), one over the derivative of erf there
    x = apply("erfinv", y)
    return times(exp(multiply(x, x)), math.sqrt(math.pi) / 2)


erfinv = function(
    "erfinv",
    "special.erfinv({0})",
    _erfinv,
    law="the x with erf(x) = y",
    imports="from scipy import special",
    domain=(-0.9, 0.9),
    torch="torch.erfinv({0})",
    jax="lax.erf_inv({0})",
)
