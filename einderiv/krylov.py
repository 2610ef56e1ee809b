"""Conjugate gradients: systems that are too large to be factored, solved by products alone."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from math import sqrt
from typing import Any

import numpy as np

from .errors import EinderivError
from .execution import Array

STEPS = 10_000  # of conjugate gradients, unless the caller says otherwise
RESTARTS = 3  # of conjugate gradients, whose running residual may drift from the true one
GAIN = 0.99  # a residual that has not come to this share of its least, in 2 n + 100 steps, stands still
FLAT = 8 * float(np.finfo(np.float64).eps)  # of the largest curvature: less is rounding, the map is singular

Map = Callable[[Array], Array]


def conjugate_gradients(applied: Map, b: Array, diagonal: Array | None, rtol: float, maxiter: int,
                        dtype: Any) -> Array:  # fmt: skip
    """What the symmetric positive definite map `applied` maps to the vector `b`, to ``|residual| <= rtol |b|``.

    A positive diagonal preconditions. `dtype` says how exact the map is. Raises EinderivError for what is not finite,
    for a map that is not symmetric (Hermitian), as a random probe shows, and where the residual stays too large: at
    once where a direction has no curvature, for then the map is singular. Source: Hestenes, Stiefel, "Methods of
    Conjugate Gradients for Solving Linear Systems", 1952.
    """
    if not np.isfinite(b).all():
        raise EinderivError("the right-hand side holds nan or inf")
    v, image = _probe(applied, b, sqrt(np.finfo(dtype).eps))
    positive = diagonal is not None and np.isreal(diagonal).all() and (diagonal.real > 0).all()
    weights = diagonal.real if diagonal is not None and positive else np.ones(b.size)
    largest = float(abs(np.vdot(v, image)) / np.vdot(v, weights * v).real)
    x: Array = np.zeros_like(b)
    size = float(np.linalg.norm(b))
    # A map that is not definite may divide by zero; the residual tells.
    with np.errstate(all="ignore"):
        for _ in range(RESTARTS):
            x, stuck = _steps(applied, b, x, weights, rtol * size / 2, maxiter, largest)
            residual = float(np.linalg.norm(applied(x) - b))
            if residual <= rtol * size:
                return x
            if stuck or not np.isfinite(residual):
                break
    share = residual / size if size else residual
    raise EinderivError(
        f"conjugate gradients stopped at a residual of {share:.3g} of the right-hand side, over rtol = {rtol:g}: "
        "the tensor may be singular, indefinite or ill-conditioned; raise rtol or maxiter"
    )


def _steps(applied: Map, b: Array, x: Array, weights: Array, target: float, maxiter: int, largest: float
           ) -> tuple[Array, bool]:  # fmt: skip
    """Steps from `x` until the running residual is small enough, and whether it was left for want of progress.

    The curvature ``<p, A p> / <p, W p>`` of a direction p lies between the extreme eigenvalues of W⁻¹A, W the weights.
    Where b has a part in the null space of A, the directions turn to it, and their curvature falls to rounding.
    """
    r = b - applied(x)
    z = r / weights
    p, rho = z, np.vdot(r, z).real
    least, waited = np.inf, 0
    for _ in range(maxiter):
        now = float(np.linalg.norm(r))
        if now <= target:
            break
        least, waited = (now, 0) if now <= GAIN * least else (least, waited + 1)
        q = applied(p)
        curvature, length = np.vdot(p, q).real, np.vdot(p, weights * p).real
        if waited > 2 * b.size + 100 or not abs(curvature) > FLAT * largest * length:
            return x, True
        largest = max(largest, abs(curvature) / length)
        x = x + (rho / curvature) * p
        r = r - (rho / curvature) * q
        z = r / weights
        rho, before = np.vdot(r, z).real, rho
        p = z + (rho / before) * p
    return x, False


def _probe(applied: Map, b: Array, tolerance: float) -> tuple[Array, Array]:
    """A random vector and its image. Raises unless ``<u, H v> = <H u, v>`` for two of them."""
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(2, b.size)) + (1j * rng.normal(size=(2, b.size)) if b.dtype.kind == "c" else 0)
    image = applied(v)
    if not np.isfinite(image).all():
        raise EinderivError("the tensor holds nan or inf")
    gap = abs(np.vdot(u, image) - np.vdot(applied(u), v))
    if not gap <= tolerance * np.linalg.norm(u) * np.linalg.norm(image):
        raise EinderivError("conjugate gradients need a symmetric (Hermitian) tensor, and this one is none: "
                            "scipy.sparse.linalg.gmres takes .as_linear_operator()")  # fmt: skip
    return v, image


def scipy_part(name: str) -> Any:
    """A part of SciPy, which is optional."""
    try:
        return importlib.import_module(f"scipy.{name}")
    except ImportError:
        raise ImportError("this needs SciPy: pip install 'einderiv[scipy]'") from None
