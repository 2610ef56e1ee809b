"""Conjugate gradients: systems that are too large to be factored, solved by products alone."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from ..backends import Array
from ..errors import EinderivError

STEPS = 10_000  # of conjugate gradients, unless the caller says otherwise
RESTARTS = 3  # of conjugate gradients, whose running residual may drift from the true one


def conjugate_gradients(
    applied: Callable[[Array], Array],
    b: Array,
    diagonal: Array | None,
    rtol: float,
    maxiter: int,
    dtype: Any,
) -> Array:
    """What the symmetric positive definite map `applied` maps to the vector `b`, to ``|residual| <=
    rtol |b|``.

    A positive diagonal preconditions. `dtype` says how exact the map is. Raises EinderivError for a
    map that is not symmetric (Hermitian), as a random probe shows, and where the residual stays too
    large. Source: Hestenes, Stiefel, "Methods of Conjugate Gradients for Solving Linear Systems",
    1952.
    """
    if not np.isfinite(b).all():
        raise EinderivError("the right-hand side holds nan or inf")
    linalg = scipy_part("sparse.linalg")
    _probe(applied, b, sqrt(np.finfo(dtype).eps))
    operator = linalg.LinearOperator((b.size, b.size), matvec=applied, dtype=b.dtype)
    # Jacobi's preconditioner, where the diagonal is one.
    preconditioner = None
    if diagonal is not None and np.isreal(diagonal).all() and (diagonal.real > 0).all():
        scale = 1 / diagonal.real
        preconditioner = linalg.LinearOperator(operator.shape, matvec=scale.__mul__, dtype=b.dtype)
    x: Array = np.zeros_like(b)
    size = np.linalg.norm(b)
    for _ in range(RESTARTS):
        # A map that is not definite may divide by zero; the residual tells.
        with np.errstate(all="ignore"):
            x, _ = linalg.cg(
                operator, b, x0=x, rtol=rtol / 2, atol=0.0, maxiter=maxiter, M=preconditioner
            )
        residual = np.linalg.norm(applied(x) - b)  # the true one
        if residual <= rtol * size:
            return x
        if not np.isfinite(residual):
            break
    share = residual / size if size else residual
    raise EinderivError(
        f"conjugate gradients stopped at a residual of {share:.3g} of the right-hand side, over "
        f"rtol = {rtol:g}: the tensor may be indefinite or ill-conditioned; raise rtol or maxiter"
    )


def scipy_part(name: str) -> Any:
    """A part of SciPy, which is optional."""
    try:
        return importlib.import_module(f"scipy.{name}")
    except ImportError:
        raise ImportError("this needs SciPy: pip install 'einderiv[scipy]'") from None


def has_scipy() -> bool:
    """Is SciPy there?"""
    try:
        scipy_part("sparse")
    except ImportError:
        return False
    return True


def _probe(applied: Callable[[Array], Array], b: Array, tolerance: float) -> None:
    """Raise unless ``<u, H v> = <H u, v>`` for two random vectors."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, b.size))
    if b.dtype.kind == "c":
        vectors = vectors + 1j * rng.normal(size=(2, b.size))
    u, v = vectors
    image = applied(v)
    if not np.isfinite(image).all():
        raise EinderivError("the tensor holds nan or inf")
    gap = abs(np.vdot(u, image) - np.vdot(applied(u), v))
    if not gap <= tolerance * np.linalg.norm(u) * np.linalg.norm(image):
        raise EinderivError(
            "conjugate gradients need a symmetric (Hermitian) tensor, and this one is none: "
            "scipy.sparse.linalg.gmres takes .as_linear_operator()"
        )
