"""Newton's method: steps by the structured Hessian, damped until the loss falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from ..autodiff import hessian
from ..backends import Array
from ..errors import EinderivError, near
from ..expression import natural, number
from ..planning import Term
from ..runtime import LARGEST_BLOCK, STEPS, Compiled, Square, conjugate_gradients, joined
from .objective import Functions

ARMIJO = 1e-4  # the share of the promised decrease that a step must bring
HALVINGS = 50  # of a step, before the search gives up
DOUBLINGS = 100  # of a step along which the loss keeps falling, before it counts as unbounded
SPENT = 2.0**-50  # of the loss: a smaller decrease is rounding
NOISE = 2.0**-40  # of the loss: the rounding in a loss that many terms make
FLAT = 1e-6  # of the gradient: a smaller part of it where the Hessian is zero is rounding
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

    Where H is singular or indefinite the step is ``|H|⁺ g`` (`Square.unsigned`): the least one
    that solves a convex problem, and downhill from a saddle; of a sparse H that is too large for
    its eigenvalues ``(H + λ I)⁻¹ g`` (`Square.damped`). Where it has no slope to go by, it is
    steepest descent. All are doubled while the loss falls.

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
        direction, regular = step(at, taken + 1)
        slope = float(at.gradient @ direction)  # - gᵀ H⁻¹ g, negative for a positive definite H
        is_spent = -slope <= SPENT * abs(at.value)  # a full step lowers the loss by about half
        if is_spent and regular:
            lower, tried = _settled(both, at, direction), 1
        else:
            lower, tried = _searched(both, at, direction, slope)
        evaluations += tried
        if lower is None and -slope > NOISE * abs(at.value):
            # A Hessian that is next to zero asks for steps beyond all sense.
            direction, regular = -at.gradient, False
            lower, tried = _searched(both, at, direction, -float(at.gradient @ at.gradient))
            evaluations += tried
        if lower is not None and not regular:
            lower, tried = _doubled(both, at, direction, lower, taken + 1)
            evaluations += tried
        if lower is not None:
            at = lower
            taken += 1
        if is_spent:
            break
        if lower is None:
            # What rounding hides, no search can find.
            status = 0 if -slope <= NOISE * abs(at.value) else 2
            break
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
        if new.value <= at.value + ARMIJO * t * slope and np.isfinite(new.gradient).all():
            return new, k + 1
        if k == 0 and _is_settling(new, at):
            return new, 1
    return None, HALVINGS


def _is_settling(new: Point, at: Point) -> bool:
    """Is the loss the same up to rounding, and the gradient at most half? Near a minimum the
    gradient knows more digits of the place than the loss.
    """
    same = abs(new.value - at.value) <= NOISE * abs(at.value)
    largest = np.abs(new.gradient).max(initial=0)
    return bool(same and largest <= np.abs(at.gradient).max(initial=0) / 2)


def _settled(
    both: Callable[[Array], tuple[float, Array]], at: Point, direction: Array
) -> Point | None:
    """The last step, too short for the loss to tell, if the gradient says that it is right."""
    x = at.x + direction
    new = Point(x, *both(x))
    return new if _is_settling(new, at) else None


def _doubled(
    both: Callable[[Array], tuple[float, Array]],
    at: Point,
    direction: Array,
    best: Point,
    number: int,
) -> tuple[Point, int]:
    """The last of x + 2d, x + 4d, … while the loss falls, and how many were tried.

    Raises EinderivError if it falls without end.
    """
    t = 1.0
    for k in range(DOUBLINGS):
        t *= 2
        x = at.x + t * direction
        new = Point(x, *both(x))
        if new.value == -np.inf:
            break
        if not (new.value < best.value and np.isfinite(new.gradient).all()):
            return best, k + 1
        best = new
    raise EinderivError(
        f"Newton's step {number}: the loss falls without end, to {best.value:.6g} and on: the "
        "Hessian is not positive definite there, and no minimum lies that way; start nearer to "
        "one, or add a term such as ed.norm_squared of the unknowns"
    )


class _Step:
    """``H⁻¹ g``: by structure for one tensor; for several dense, or sparse where that is too large,
    or by conjugate gradients.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.count = 0  # of steps
        self.method = ""  # of the last one, in words
        self.hessian = None  # structured; of several tensors it is no one tensor
        if len(functions.tensors) == 1:
            (tensor,) = functions.tensors.values()
            self.hessian = functions.compiled(hessian(functions.loss, tensor), dense=False)

    def __call__(self, at: Point, number: int) -> tuple[Array, bool]:
        """The step, and whether it is Newton's own, of a Hessian that is positive along it."""
        self.count += 1
        try:
            return self._step(at)
        except EinderivError as error:
            raise EinderivError(f"Newton's step {number}: {error}") from None

    def _step(self, at: Point) -> tuple[Array, bool]:
        found = self._square(at.x)
        if found is None:
            self.method = "matrix-free conjugate gradients"
            flat_product = partial(self.functions.hessp, at.x)
            step = conjugate_gradients(flat_product, at.gradient, None, RTOL, STEPS, np.float64)
            return -_downhill(step, at.gradient), True
        square, product, diagonal = found
        self.method = square.method("solve")
        gradient = at.gradient.reshape(square.shape)
        if not square.tells_signs:
            step = square.solve(gradient, product, diagonal, RTOL, STEPS).ravel()
            return -_downhill(step, at.gradient), True
        if square.positive_definite():
            with suppress(EinderivError):  # singular to working precision
                step = square.solve(gradient, product, diagonal, RTOL, STEPS).ravel()
                return -step, True
        if square.damps:
            return -square.damped(gradient).ravel(), False
        shortest, flat = square.unsigned(gradient)
        # Where the Hessian is zero and the gradient is not, nothing but the gradient says a way.
        if np.linalg.norm(flat) > FLAT * np.linalg.norm(gradient):
            shortest = flat
        return -shortest.ravel(), False

    def _square(
        self, x: Array
    ) -> tuple[Square, Callable[[Array], Array], Callable[[], Array] | None] | None:
        """The Hessian, its product with an array, and its diagonal; None of several tensors whose
        Hessian is too large for its factors.
        """
        f = self.functions
        if self.hessian is not None:
            H = self.hessian(f.at(x))
            return H.square, H.matvec, H.diagonal
        # Several tensors: the Hessian of their flat vector, in one piece.
        flat_product = partial(f.hessp, x)
        if f.size > LARGEST_BLOCK:
            blocks = self._blocks(f.at(x))
            sparse = joined([list(row.values()) for row in blocks.values()])
            return None if sparse is None else (sparse, flat_product, None)
        rows, columns = 0, 1
        matrix = Term(((f.hess(x), (rows, columns)),), (rows, columns))
        return Square([matrix], (f.size,), np.float64), flat_product, None

    @cached_property
    def _blocks(self) -> Compiled:
        """The Hessian by blocks, structured."""
        f = self.functions
        return f.compiled(hessian(f.loss, dict(f.tensors)), dense=False)


def _downhill(step: Array, gradient: Array) -> Array:
    """A step by conjugate gradients, which cannot say the eigenvalues of an indefinite Hessian."""
    if not gradient @ step > 0:
        raise EinderivError(
            "it leads upwards: the Hessian is not positive definite there, and too large for its "
            "eigenvalues; start nearer to a minimum, or take a method such as trust-ncg"
        )
    return step
