"""Constraints that are expressions, as SciPy's methods take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..expression import Expr, dressed, einsum
from ..runtime import scipy_part
from .residuals import Residuals

CONSTRAINED = ("SLSQP", "trust-constr")  # the methods that take constraints: for few, for many


def listed(constraints: Any, name: str) -> list[Expr]:
    """One constraint, or a list of them.

    Raises TypeError for what is no expression.
    """
    if constraints is None:
        return []
    several = constraints if isinstance(constraints, (list, tuple)) else [constraints]
    found = []
    for one in several:
        expression = einsum(one) if isinstance(one, str) else one
        if not isinstance(expression, Expr):
            raise TypeError(
                f"{name} is an expression or a list of expressions, not {type(one).__name__}"
            )
        found.append(expression)
    return found


class Constraints(NamedTuple):
    """What is 0 at the minimum, and what is not above 0, entry by entry."""

    equal: list[Expr]
    below: list[Expr]

    def __bool__(self) -> bool:
        return bool(self.equal or self.below)

    def known_to(self, loss: Any) -> Any:
        """The loss, which knows the tensors of the constraints too."""
        loss = einsum(loss) if isinstance(loss, str) else loss
        if not self or not isinstance(loss, Expr):
            return loss
        return dressed(loss, origins=(*loss.origins, *self.equal, *self.below))

    def for_scipy(
        self, method: str, loss: Expr, wrt: Any, arrays: Mapping[str, Any], start: Any
    ) -> list[Any]:
        """The constraints as a method of SciPy takes them."""
        found: list[Any] = []
        for expressions, is_equal in ((self.equal, True), (self.below, False)):
            for one in expressions:
                known = dressed(one, origins=(*one.origins, loss))
                g = Residuals(known, wrt, arrays, {}, start)
                found.append(_of_slsqp(g, is_equal) if method == "SLSQP" else _bounded(g, is_equal))
        return found


def _of_slsqp(g: Residuals, is_equal: bool) -> dict[str, Any]:
    """SLSQP keeps what is not an equation at 0 or above."""
    if is_equal:
        return {"type": "eq", "fun": g.fun, "jac": g.jac}
    return {"type": "ineq", "fun": lambda x: -g.fun(x), "jac": lambda x: -g.jac(x)}


def _bounded(g: Residuals, is_equal: bool) -> Any:
    """0 ≤ g ≤ 0, or -∞ ≤ g ≤ 0."""
    optimize = scipy_part("optimize")

    low = 0 if is_equal else -np.inf
    return optimize.NonlinearConstraint(g.fun, low, 0, jac=g.jac_of_its_size, hess=g.curvature)
