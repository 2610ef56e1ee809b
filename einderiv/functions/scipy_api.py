"""SciPy's names on expressions: ``scipy.special.logsumexp``, ``scipy.linalg.cholesky``,
``scipy.stats.norm.logpdf``.

SciPy's functions of entries ask their operands, as NumPy's do. The others ask nobody: while a
function is read, these stand in their places (:func:`..tracing.trace_function`). Names, order and
defaults of the arguments are SciPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import EinderivError
from ..expression import Expr, add, as_expression, number, operand, shape_of
from . import arrays, compound, distributions, elementwise, linalg, reductions, spectral

Named = Callable[..., Any]


def _logsumexp(
    a: object,
    axis: object = None,
    b: object = None,
    keepdims: object = False,
    return_sign: object = False,
) -> Expr:
    if return_sign:
        raise EinderivError("logsumexp of expressions has no return_sign: its weights are positive")
    e = arrays.expression_of(a)
    if b is not None:  # Σ b eᵃ = Σ e^(a + log b)
        e = add(e, elementwise.log(as_expression(operand(b))))
    return reductions.logsumexp(e, axis, keepdims=keepdims)


def _over_all(f: Named) -> Named:
    """SciPy takes all axes together where none is named."""

    def function(x: object, axis: object = None) -> Expr:
        e = as_expression(x)
        if axis is not None or e.ndim == 1:
            return f(e, -1 if axis is None else axis)  # type: ignore[no-any-return]
        flat: Expr = f(arrays.ravel(e), 0)
        return arrays.reshape(flat, shape_of(e))

    return function


def _multigammaln(a: object, d: int) -> Expr:
    # log Γ_d(a) = d (d − 1)/4 log π + Σ log Γ(a − j/2)
    e = as_expression(operand(a))
    found = as_expression(operand(d * (d - 1) / 4 * math.log(math.pi)))
    for j in range(d):
        found = add(found, elementwise.gammaln(add(e, operand(-j / 2))))
    return found


def _polygamma(n: object, x: object) -> Expr:
    return elementwise.digamma(x) if number(n) == 0 else elementwise.polygamma(n, x)


# ---- matrices; what only tells SciPy how to compute is taken and changes nothing
def _solve(a: object, b: object, lower: bool = False, **how: object) -> Expr:
    if how.pop("transposed", False):
        return linalg.solve(arrays.swapaxes(a, -1, -2), b)
    return linalg.solve(a, b)


def _inv(a: object, **how: object) -> Expr:
    return linalg.inv(a)


def _pinv(a: object, *, rtol: object = None, **how: object) -> Expr:
    if how:
        raise EinderivError(
            f"scipy.linalg.pinv of expressions takes rtol, not {', '.join(how)}: the derivative "
            "holds where the rank is constant"
        )
    return linalg.pinv(a, rtol)


def _det(a: object, **how: object) -> Expr:
    return linalg.det(a)


def _cholesky(a: object, lower: bool = False, **how: object) -> Expr:
    return linalg.cholesky(a, upper=not lower)


def _cho_factor(a: object, lower: bool = False, **how: object) -> tuple[Expr, bool]:
    return _cholesky(a, lower), lower


def _cho_solve(c_and_lower: Any, b: object, **how: object) -> Expr:
    return spectral.cho_solve(c_and_lower, b)


def _solve_triangular(
    a: object,
    b: object,
    trans: object = 0,
    lower: object = False,
    unit_diagonal: object = False,
    **how: object,
) -> Expr:
    return spectral.solve_triangular(a, b, trans, lower, unit_diagonal)


def _eigh(a: object, b: object = None, *, eigvals_only: bool = False, **how: object) -> Any:
    if b is not None or how.get("subset_by_index") is not None:
        raise EinderivError(
            "scipy.linalg.eigh of expressions takes one matrix and gives all eigenvalues: for "
            "A v = w B v write eigh of inv(L) A inv(L).T, L = cholesky(B)"
        )
    return spectral.eigvalsh(a) if eigvals_only else spectral.eigh(a)


def _eigvalsh(a: object, b: object = None, **how: object) -> Any:
    return _eigh(a, b, eigvals_only=True, **how)


def _svd(a: object, full_matrices: bool = True, compute_uv: bool = True, **how: object) -> Any:
    return spectral.svd(a, full_matrices, compute_uv)


def _svdvals(a: object, **how: object) -> Expr:
    return spectral.svdvals(a)


def _sqrtm(A: object, **how: object) -> Expr:
    return spectral.sqrtm(A)


def _logm(A: object, **how: object) -> Expr:
    return spectral.logm(A)


def _expm(A: object) -> Expr:
    return linalg.expm(A)


def _norm(a: object, ord: object = None, axis: object = None, keepdims: object = False) -> Expr:
    return compound.norm(a, ord, axis, keepdims=keepdims)


def _convolve(in1: object, in2: object, mode: str = "full", method: str = "auto") -> Expr:
    first, second = as_expression(in1), as_expression(in2)
    if first.ndim != 1 or second.ndim != 1:
        raise EinderivError(
            "scipy.signal.convolve of expressions takes vectors: write the einsum of more axes, "
            "ed.einsum('(i-k)(j-l),kl->ij', image, kernel, sizes=…)"
        )
    return arrays.convolve(first, second, mode)


#: functions by the module and the name in it
SCIPY: dict[str, dict[str, Named]] = {
    "scipy.special": {
        "logsumexp": _logsumexp,
        "softmax": _over_all(reductions.softmax),
        "log_softmax": _over_all(reductions.log_softmax),
        "polygamma": _polygamma,
        "multigammaln": _multigammaln,
    },
    "scipy.linalg": {
        "inv": _inv,
        "det": _det,
        "solve": _solve,
        "pinv": _pinv,
        "cholesky": _cholesky,
        "cho_factor": _cho_factor,
        "cho_solve": _cho_solve,
        "solve_triangular": _solve_triangular,
        "solve_sylvester": spectral.solve_sylvester,
        "eigh": _eigh,
        "eigvalsh": _eigvalsh,
        "svd": _svd,
        "svdvals": _svdvals,
        "expm": _expm,
        "sqrtm": _sqrtm,
        "logm": _logm,
        "norm": _norm,
    },
    "scipy.signal": {"convolve": _convolve, "fftconvolve": _convolve},
}
#: distributions by the module and the name in it, and then the method
SCIPY_OBJECTS: dict[str, dict[str, dict[str, Named]]] = {
    "scipy.stats": dict(distributions.DISTRIBUTIONS)
}
