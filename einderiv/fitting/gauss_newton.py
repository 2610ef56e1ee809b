"""Least squares by the structured Gauss-Newton matrix JᵀJ, solved as its structure says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ..backends import Array
from ..errors import EinderivError, ShapeError, near
from ..expression import (
    Expr,
    Tensor,
    added,
    einsum,
    identity,
    leaves,
    natural,
    number,
    truth,
)
from ..runtime import LARGEST_BLOCK, STEPS, Compiled, joined, scipy_part
from .newton import Point
from .objective import others
from .progress import check_tolerance, watched
from .residuals import Residuals, free_name

OWN = ("lm", "dogleg")  # on the structured matrix
SCIPY = ("trf", "dogbox")  # of SciPy, with the sparse Jacobian
FIRST_DAMPING = 1e-3  # of the largest entry on the diagonal of JᵀJ
LEAST_DAMPING = 1e-14  # of that entry: what makes a singular matrix regular
ENOUGH = 0.25  # of the promised decrease: where ftol may stop
RTOL = 1e-10  # of a solve by conjugate gradients
ENDINGS = (
    "the most evaluations are spent (max_nfev)",
    "the largest entry of the gradient is below gtol",
    "the last decrease of the cost is below ftol of it",
    "the last step is below xtol of the unknowns",
)


def least_squares(
    residual: Expr | str,
    wrt: Any,
    x0: Any,
    arrays: Mapping[str, Any] | None = None,
    /,
    *,
    method: str = "auto",
    bounds: Any = None,
    ftol: float = 1e-8,
    xtol: float = 1e-8,
    gtol: float = 1e-8,
    max_nfev: int | None = None,
    progress: bool | None = None,
    **named: Any,
) -> Any:
    """A minimum of ½ |r|² over `wrt`, from `x0`; ``result.x`` has the structure and the shapes of
    `x0`.

    `residual` is an expression with any axes, or an einsum string, `wrt` a tensor or its name, or a
    list, tuple or dict of those; the arrays of all other tensors are given by name or as a mapping.
    `method` is ``"lm"``, Levenberg-Marquardt: steps by ``JᵀJ + λ I``, solved by its structure; or
    ``"dogleg"``, Powell's trust region; or ``"trf"`` or ``"dogbox"``, those of
    ``scipy.optimize.least_squares`` with the generated sparse Jacobian, which take `bounds`: a pair
    (low, high), each a number or arrays in the structure of `wrt`. ``"auto"`` is ``"lm"``, and
    ``"trf"`` with bounds. It ends where the largest entry of the gradient is below `gtol`, a step
    lowers the cost by less than `ftol` of it, or is shorter than `xtol` of the unknowns, or after
    `max_nfev` evaluations, 100 for each unknown by default but at least 1000. With `progress` a bar
    counts evaluations.

    >>> import einderiv as ed, numpy as np
    >>> t, y = ed.tensor("t", "n"), ed.tensor("y", "n")
    >>> a, k = ed.tensor("a", ""), ed.tensor("k", "")
    >>> at = np.linspace(0, 3, 20)
    >>> data = {"t": at, "y": 2 * np.exp(-0.7 * at)}
    >>> found = ed.least_squares(a * ed.exp(-k * t) - y, [a, k], [1.0, 1.0], data)
    >>> [round(float(x), 6) for x in found.x], found.success
    ([2.0, 0.7], True)

    The answer is SciPy's ``OptimizeResult``, with `cost`, `fun` (the residuals, flat), `grad`,
    `optimality`, `nfev`, `njev`, `status` and `message`. Raises TypeError for what is no expression
    and for an index array as `wrt`, EinderivError for an unknown method or name and for tensors
    that are declared to have a structure, ShapeError for bounds that do not fit; ImportError
    without SciPy. Source: Madsen, Nielsen, Tingleff, "Methods for Non-Linear Least Squares
    Problems", 2004.
    """
    optimize = scipy_part("optimize")
    residual = einsum(residual) if isinstance(residual, str) else residual
    if not isinstance(residual, Expr):
        raise TypeError(
            f"the residual must be an expression or an einsum string, not {type(residual).__name__}"
        )
    if progress is not None:
        progress = truth(progress, "progress")
    chosen = _method(method, bounds)
    tolerances = {"ftol": ftol, "xtol": xtol, "gtol": gtol}
    for name, value in tolerances.items():
        check_tolerance(value, name)
    r = Residuals(residual, wrt, others(residual, wrt, arrays, named), {}, x0)
    x = r.pack(x0)
    most = max(1000, 100 * r.size) if max_nfev is None else natural(max_nfev, "max_nfev")
    if not r.size:
        ending = {"x": x, "cost": r.loss.fun(x), "fun": r.fun(x), "nfev": 1, "njev": 0}
        ending |= {"status": 1, "success": True, "message": "there are no unknowns"}
        result = optimize.OptimizeResult(ending)
    elif chosen in OWN:
        steps = levenberg_marquardt if chosen == "lm" else dogleg
        with watched(r.loss.fun_and_jac, progress, "least_squares", "cost") as both:
            result = optimize.OptimizeResult(steps(r, both, x, most, **tolerances))
    else:
        low, high = _ends(bounds, r)
        with watched(r.fun, progress, "least_squares", "") as fun:
            result = optimize.least_squares(
                fun,
                x,
                jac=r.jac_of_its_size,
                bounds=(low, high),
                method=chosen,
                max_nfev=max_nfev,
                **tolerances,
            )
    result.x = r.unpack(result.x)
    return result


def levenberg_marquardt(
    r: Residuals,
    both: Callable[[Array], tuple[float, Array]],
    x: Array,
    most: int,
    ftol: float,
    xtol: float,
    gtol: float,
) -> dict[str, Any]:
    """Steps ``-(JᵀJ + λ I)⁻¹ Jᵀr``: λ falls where the cost falls as the linear model says, and
    grows where it does not.

    Source: Nielsen, "Damping Parameter in Marquardt's Method", 1999.
    """
    normal = NormalMatrix(r)
    at = Point(x, *_finite_start(both(x)))
    damping, growth = None, 2.0
    evaluations, jacobians = 1, 1
    status = 0
    while True:
        if _is_flat(at, gtol) or evaluations >= most:
            status = int(_is_flat(at, gtol))
            break
        if damping is None:
            damping = FIRST_DAMPING * normal.largest(at.x)
        step = -normal.solved(at.x, damping, at.gradient)
        if np.linalg.norm(step) <= xtol * (xtol + np.linalg.norm(at.x)):
            status = 3
            break
        new = Point(at.x + step, *both(at.x + step))
        evaluations += 1
        # what the linear model gains: ½ hᵀ (λ h - g)
        promised = 0.5 * float(step @ (damping * step - at.gradient))
        gained = at.value - new.value
        if not (gained > 0 and np.isfinite(new.gradient).all()):
            damping *= growth
            growth *= 2
            if not np.isfinite(damping):
                status = 3
                break
            continue
        ratio = gained / promised if promised > 0 else 1.0
        is_spent = gained < ftol * at.value and ratio > ENOUGH
        at = new
        jacobians += 1
        damping *= max(1 / 3, 1 - (2 * ratio - 1) ** 3)
        growth = 2.0
        if is_spent:
            status = 2
            break
    return _ending(r, at, evaluations, jacobians, status, normal.method)


def dogleg(
    r: Residuals,
    both: Callable[[Array], tuple[float, Array]],
    x: Array,
    most: int,
    ftol: float,
    xtol: float,
    gtol: float,
) -> dict[str, Any]:
    """Steps within a trust region: along steepest descent to the minimum of the linear model on it,
    then towards the Gauss-Newton step.

    Source: Powell, "A hybrid method for nonlinear equations", 1970.
    """
    normal = NormalMatrix(r)
    at = Point(x, *_finite_start(both(x)))
    radius = max(1.0, float(np.linalg.norm(x)))
    newton: Array | None = None
    evaluations, jacobians = 1, 1
    status = 0
    while True:
        if _is_flat(at, gtol) or evaluations >= most:
            status = int(_is_flat(at, gtol))
            break
        if newton is None:
            least = LEAST_DAMPING * normal.largest(at.x)
            newton = -normal.solved(at.x, least, at.gradient)
            slope = r.product(at.x, at.gradient)  # J g, where |J g|² = gᵀ JᵀJ g
        curved = float(slope @ slope)
        squared = float(at.gradient @ at.gradient)
        descent = -at.gradient * (squared / curved if curved > 0 else np.inf)
        step = _within(newton, descent, at.gradient, radius)
        if np.linalg.norm(step) <= xtol * (xtol + np.linalg.norm(at.x)):
            status = 3
            break
        new = Point(at.x + step, *both(at.x + step))
        evaluations += 1
        along = r.product(at.x, step)
        promised = -float(at.gradient @ step) - 0.5 * float(along @ along)
        gained = at.value - new.value
        is_better = gained > 0 and bool(np.isfinite(new.gradient).all())
        ratio = gained / promised if is_better and promised > 0 else 0.0
        length = float(np.linalg.norm(step))
        if ratio > 0.75:
            radius = max(radius, 3 * length)
        elif ratio < ENOUGH:
            radius = length / 2
        if is_better:
            is_spent = gained < ftol * at.value and ratio > ENOUGH
            at, newton = new, None
            jacobians += 1
            if is_spent:
                status = 2
                break
    return _ending(r, at, evaluations, jacobians, status, normal.method)


def _is_flat(at: Point, gtol: float) -> bool:
    """Is no entry of the gradient above gtol?"""
    return bool(np.abs(at.gradient).max(initial=0) <= gtol)


def _within(newton: Array, descent: Array, gradient: Array, radius: float) -> Array:
    """The dogleg path as far as it is within the radius."""
    if np.linalg.norm(newton) <= radius:
        return newton
    length = np.linalg.norm(descent)
    if not length < radius:
        steepest: Array = -gradient * (radius / np.linalg.norm(gradient))
        return steepest
    # |a + t (b - a)|² = radius²
    between = newton - descent
    b = float(descent @ between)
    c = float(length**2 - radius**2)
    d = float(between @ between)
    t = (-b + np.sqrt(b * b - c * d)) / d
    corner: Array = descent + t * between
    return corner


def _finite_start(found: tuple[float, Array]) -> tuple[float, Array]:
    cost, gradient = found
    if not (np.isfinite(cost) and np.isfinite(gradient).all()):
        raise EinderivError(
            f"at the start the cost is {cost} and its gradient is not all finite: start where the "
            "residuals and their derivatives are finite"
        )
    return found


def _ending(
    r: Residuals, at: Point, evaluations: int, jacobians: int, status: int, how: str
) -> dict[str, Any]:
    message = f"{ENDINGS[status]}; {how}" if how else ENDINGS[status]
    return {
        "x": at.x,
        "cost": at.value,
        "fun": r.fun(at.x),
        "grad": at.gradient,
        "optimality": float(np.abs(at.gradient).max(initial=0)),
        "active_mask": np.zeros(len(at.x), int),
        "nfev": evaluations,
        "njev": jacobians,
        "status": status,
        "success": status > 0,
        "message": message,
    }


class NormalMatrix:
    """``JᵀJ + λ I`` of the unknowns, solved as its structure says."""

    def __init__(self, r: Residuals) -> None:
        self.r = r
        self.method = ""  # of the last solve, in words
        self.damping = free_name(r.residual, "damping")  # of λ

    def solved(self, x: Array, damping: float, b: Array) -> Array:
        """``(JᵀJ + λ I)⁻¹ b``."""
        f = self.r.loss
        at = {**f.at(x), self.damping: np.float64(damping)}
        names = list(f.tensors)
        if len(names) == 1:
            (block,) = leaves(self._structured(at))
            self.method = block.method("solve")
            found: Array = block.solve(b.reshape(f.shapes[names[0]])).ravel()
            return found
        if f.size <= LARGEST_BLOCK:
            self.method = f"dense {f.size}x{f.size}"
            return _dense_solved(f.matrix(self._dense(at)), b)
        blocks = self._structured(at)
        square = joined([[blocks[i][j] for j in names] for i in names])
        if square is not None:
            self.method = square.method("solve")
            J = self.r.jac_operator(x)
            flat: Array = square.solve(
                b, lambda v: J.rmatvec(J @ v) + damping * v, None, RTOL, STEPS
            )
            return flat.ravel()
        self.method = "LSMR, matrix-free"
        # the least |J h + r|² + λ |h|², whose solution is -(JᵀJ + λ I)⁻¹ Jᵀr
        linalg = scipy_part("sparse.linalg")
        operator = self.r.jac_operator(x)
        out = linalg.lsmr(operator, self.r.fun(x), damp=np.sqrt(damping), atol=1e-12, btol=1e-12)
        solution: Array = out[0]
        return solution

    def largest(self, x: Array) -> float:
        """The largest entry on the diagonal of JᵀJ; 1 where all are 0."""
        found = self._diagonals(self.r.loss.at(x))
        top = max([float(np.max(d, initial=0)) for d in leaves(found)], default=0.0)
        return top if top > 0 else 1.0

    @cached_property
    def _blocks(self) -> dict[str, dict[str, Expr]]:
        """JᵢᵀJⱼ, and λ I where i = j."""
        f = self.r.loss
        jacobians = self.r.jacobians
        rows = list(range(self.r.residual.ndim))
        found: dict[str, dict[str, Expr]] = {}
        for i, first in jacobians.items():
            found[i] = {}
            for j, second in jacobians.items():
                of_i = list(range(len(rows), first.ndim))
                of_j = list(range(first.ndim, first.ndim + second.ndim - len(rows)))
                block: Expr = einsum(first, [*rows, *of_i], second, [*rows, *of_j], [*of_i, *of_j])
                if i == j:
                    block = added([block, self._scaled_identity(f.tensors[i])])
                found[i][j] = block
        return found

    def _scaled_identity(self, tensor: Tensor) -> Expr:
        """λ I, of the unknowns of a tensor."""
        axes = (None,) * tensor.ndim
        unit = identity(tensor.axis_sizes, axes, axes)
        labels = list(range(unit.ndim))
        return einsum(Tensor(self.damping, ()), [], unit, labels, labels)

    @cached_property
    def _dense(self) -> Compiled:
        return self.r.loss.compiled(self._blocks)

    @cached_property
    def _structured(self) -> Compiled:
        return self.r.loss.compiled(self._blocks, dense=False)

    @cached_property
    def _diagonals(self) -> Compiled:
        """Σ J², of each unknown: JᵀJ is not formed."""
        rows = list(range(self.r.residual.ndim))
        found: dict[str, Expr] = {}
        for name, J in self.r.jacobians.items():
            labels = list(range(J.ndim))
            found[name] = einsum(J, labels, J, labels, labels[len(rows) :])
        return self.r.loss.compiled(found)


def _dense_solved(matrix: Array, b: Array) -> Array:
    """By Cholesky's factors, which a damped JᵀJ has; by least squares where rounding says no."""
    linalg = scipy_part("linalg")
    try:
        found: Array = linalg.cho_solve(linalg.cho_factor(matrix), b)
    except linalg.LinAlgError:
        found = np.linalg.lstsq(matrix, b, rcond=None)[0]
    return found


def _method(method: Any, bounds: Any) -> str:
    """The method that is meant, which takes bounds if there are any."""
    if not isinstance(method, str):
        raise TypeError(f"method must be the name of one, not {type(method).__name__}")
    if method == "auto":
        return "lm" if bounds is None else "trf"
    if method not in (*OWN, *SCIPY):
        known = ("auto", *OWN, *SCIPY)
        raise EinderivError(f"no method is called {method[:40]!r}; {near(method, known)}")
    if method in OWN and bounds is not None:
        raise EinderivError(f"method {method!r} takes no bounds; trf and dogbox do")
    return method


def _ends(bounds: Any, r: Residuals) -> tuple[Array, Array]:
    """Bounds as two flat vectors."""
    if bounds is None:
        return np.full(r.size, -np.inf), np.full(r.size, np.inf)
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise TypeError(
            "bounds is a pair (low, high), of numbers or of arrays in the structure of wrt"
        )
    low, high = (_end(end, r) for end in bounds)
    if (low > high).any():
        k = int(np.argmax(low > high))
        raise ShapeError(f"the low bound {low[k]} of unknown {k} is above the high one, {high[k]}")
    return low, high


def _end(end: Any, r: Residuals) -> Array:
    one = number(end)
    if one is not None and not isinstance(one, complex):
        return np.full(r.size, float(one))
    return r.pack(end)
