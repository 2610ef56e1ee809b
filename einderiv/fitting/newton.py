"""Newton's method: steps by the structured Hessian, damped until the loss falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..autodiff import hessian
from ..backends import Array
from ..errors import EinderivError, near
from ..expression import natural, number
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
    at = Point(x, *both(x))
    taken = 0
    evaluations = 1
    status = 0  # the place in ENDINGS
    while not np.abs(at.gradient).max(initial=0) <= gtol:
        if taken == maxiter:
            status = 1
            break
        direction = -step(at, taken + 1)
        slope = float(at.gradient @ direction)  # - gᵀ H⁻¹ g, negative for a positive definite H
        if not slope < 0:
            raise EinderivError(
                f"Newton's step {taken + 1} leads upwards: the Hessian is not positive definite "
                "there; "
                "start nearer to a minimum, or take a method such as trust-ncg"
            )
        if -slope <= SPENT * abs(at.value):
            break  # a full step lowers the loss by about half of -slope
        lower, tried = _searched(both, at, direction, slope)
        evaluations += tried
        if lower is None:
            status = 2
            break
        at = lower
        taken += 1
    message = f"{ENDINGS[status]}; {step.method}" if step.method else ENDINGS[status]
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
        "message": message,
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
    chosen = {**OPTIONS, **options}
    gtol = number(chosen["gtol"])
    if isinstance(gtol, bool) or not isinstance(gtol, (int, float)):
        raise TypeError(f"gtol (or tol) must be a number, not {chosen['gtol']!r}")
    if not gtol >= 0:
        raise EinderivError(
            f"gtol (or tol) must be 0 or more, not {gtol}: it is the largest entry of the gradient "
            "at the end"
        )
    return {"maxiter": natural(chosen["maxiter"], "maxiter"), "gtol": gtol}


def _searched(
    both: Callable[[Array], tuple[float, Array]], at: Point, direction: Array, slope: float
) -> tuple[Point | None, int]:
    """The first of x + d, x + d/2, … whose loss is low enough, and how many were tried."""
    for k in range(HALVINGS):
        t = 0.5**k
        x = at.x + t * direction
        new = Point(x, *both(x))
        # Armijo: f(x + t d) <= f(x) + c t gᵀ d
        if new.value <= at.value + ARMIJO * t * slope:
            return new, k + 1
    return None, HALVINGS


class _Step:
    """``H⁻¹ g``: by structure for one tensor; for several dense, or by conjugate gradients where
    that is too large.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.count = 0  # of steps
        self.method = ""  # of the last one, in words
        self.hessian = None  # structured; of several tensors it is no one tensor
        if len(functions.tensors) == 1:
            (tensor,) = functions.tensors.values()
            self.hessian = functions.compiled(hessian(functions.loss, tensor), dense=False)

    def __call__(self, at: Point, number: int) -> Array:
        self.count += 1
        try:
            return self._solved(at)
        except EinderivError as error:
            raise EinderivError(f"Newton's step {number}: {error}") from None

    def _solved(self, at: Point) -> Array:
        f = self.functions
        if self.hessian is not None:
            H = self.hessian(f.at(at.x))
            self.method = H.method()
            (shape,) = f.shapes.values()
            step = H.solve(at.gradient.reshape(shape), rtol=RTOL)
            return np.asarray(step, np.float64).ravel()

        def product(v: Array) -> Array:
            return f.hessp(at.x, v)

        # Several tensors: the Hessian of their flat vector, in one piece if that can be factored.
        if f.size > LARGEST_BLOCK:
            self.method = "matrix-free conjugate gradients"
            return conjugate_gradients(product, at.gradient, None, RTOL, STEPS, np.float64)
        rows, columns = 0, 1
        matrix = Term(((f.hess(at.x), (rows, columns)),), (rows, columns))
        square = Square([matrix], (f.size,), np.float64)
        self.method = square.method("solve")
        return square.solve(at.gradient, product, None, RTOL, STEPS)
