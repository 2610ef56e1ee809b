"""Newton's method: steps by the structured Hessian, damped until the loss falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..autodiff import hessian
from ..backends import Array
from ..errors import EinderivError, near
from ..expression import number, whole
from ..planning import Term
from ..runtime import LARGEST_BLOCK, STEPS, Square, conjugate_gradients
from .objective import Functions

ARMIJO = 1e-4  # the share of the promised decrease that a step must bring
HALVINGS = 50  # of a step, before the search gives up
SPENT = 2.0**-50  # of the loss: a smaller decrease is rounding
RTOL = 1e-10  # of a step by conjugate gradients

OPTIONS: dict[str, Any] = {"maxiter": 100, "gtol": 1e-8}
ENDINGS = (
    "the gradient, or what a further step could gain, is as small as was asked for",
    "maxiter steps are spent",
    "no step in Newton's direction lowers the loss",
)


class Point(NamedTuple):
    """A place, the loss there, and its gradient."""

    x: Array
    value: float
    gradient: Array


def newton(
    functions: Functions,
    both: Callable[[Array], tuple[float, Array]],
    x: Array,
    maxiter: int,
    gtol: float,
) -> dict[str, Any]:
    """Damped Newton steps: ``x - t H⁻¹ g``, with t halved until the loss falls by a share of what
    the slope promises.

    `both` gives loss and gradient. Source: Armijo, "Minimization of functions having Lipschitz
    continuous first partial derivatives", 1966; Nocedal, Wright, "Numerical Optimization", 2006,
    chapter 3.
    """
    step = _Step(functions)
    at, taken, evaluations, status = Point(x, *both(x)), 0, 1, 0
    while not np.abs(at.gradient).max(initial=0) <= gtol:
        if taken == maxiter:
            status = 1
            break
        direction = -step(at, taken + 1)
        slope = float(at.gradient @ direction)
        if not slope < 0:
            raise EinderivError(
                f"Newton's step {taken + 1} leads upwards: the Hessian is not positive definite "
                "there; "
                "start nearer to a minimum, or take a method such as trust-ncg"
            )
        if -slope <= SPENT * abs(at.value):
            break
        found, tried = _searched(both, at, direction, slope)
        evaluations += tried
        if found is None:
            status = 2
            break
        at, taken = found, taken + 1
    said = "; ".join(filter(None, (ENDINGS[status], step.method)))
    return {
        "x": at.x,
        "fun": at.value,
        "jac": at.gradient,
        "nit": taken,
        "nfev": evaluations,
        "njev": evaluations,
        "nhev": step.count,
        "status": status,
        "success": status == 0,
        "message": said,
    }


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of Newton's method, the others as they are by default.

    Raises EinderivError for an unknown one and for a negative one or nan, TypeError for what is no
    number.
    """
    for name in options:
        if name not in OPTIONS:
            raise EinderivError(
                f"method 'newton' has no option {str(name)[:40]!r}; {near(str(name), OPTIONS)}"
            )
    found = {**OPTIONS, **options}
    gtol = number(found["gtol"])
    if isinstance(gtol, bool) or not isinstance(gtol, (int, float)):
        raise TypeError(f"gtol (or tol) must be a number, not {found['gtol']!r}")
    if not gtol >= 0:
        raise EinderivError(
            f"gtol (or tol) must be 0 or more, not {gtol}: it is the largest entry of the gradient "
            "at the end"
        )
    return {"maxiter": whole(found["maxiter"], "maxiter"), "gtol": gtol}


def _searched(
    both: Callable[[Array], tuple[float, Array]], at: Point, direction: Array, slope: float
) -> tuple[Point | None, int]:
    """The first of x + d, x + d/2, … whose loss is low enough, and how many were tried."""
    for k in range(HALVINGS):
        t = 0.5**k
        new = Point(at.x + t * direction, *both(at.x + t * direction))
        if new.value <= at.value + ARMIJO * t * slope:
            return new, k + 1
    return None, HALVINGS


class _Step:
    """``H⁻¹ g``: by structure for one tensor; for several dense, or by conjugate gradients where
    that is too large.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions, self.count, self.method = functions, 0, ""
        one = next(iter(functions.tensors.values())) if len(functions.tensors) == 1 else None
        self.hessian = (
            None if one is None else functions.compiled(hessian(functions.loss, one), dense=False)
        )

    def __call__(self, at: Point, number: int) -> Array:
        self.count += 1
        try:
            return self._solved(at)
        except EinderivError as e:
            raise EinderivError(f"Newton's step {number}: {e}") from None

    def _solved(self, at: Point) -> Array:
        f = self.functions
        if self.hessian is not None:
            H = self.hessian(f.at(at.x))
            self.method = H.method()
            (shape,) = f.shapes.values()
            return np.asarray(H.solve(at.gradient.reshape(shape), rtol=RTOL), np.float64).ravel()

        def product(v: Array) -> Array:
            return f.hessp(at.x, v)

        if f.size > LARGEST_BLOCK:
            self.method = "matrix-free conjugate gradients"
            return conjugate_gradients(product, at.gradient, None, RTOL, STEPS, np.float64)
        whole = Square([Term(((f.hess(at.x), (0, 1)),), (0, 1))], (f.size,), np.float64)
        self.method = whole.method("solve")
        return whole.solve(at.gradient, product, None, RTOL, STEPS)
