"""Densities and distribution functions by SciPy's names: ``scipy.stats.norm.logpdf(x, m, s)``.

Each is its formula, so that its derivative is one too. Outside the support a density is 0 and its
logarithm -inf, as in SciPy, and their derivatives are 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import EinderivError, ShapeError, counted
from ..expression import (
    Expr,
    add,
    as_expression,
    called,
    matmul,
    multiply,
    operand,
    shape_of,
    times,
)
from . import arrays, complex, compound, elementwise, linalg, special
from .numpy_variants import betaln

Density = Callable[..., Expr]


def _standard(x: object, loc: object, scale: object) -> tuple[Expr, Expr]:
    """``(x - loc) / scale``, and the logarithm of the scale."""
    width = as_expression(operand(scale))
    moved = compound.subtracted(as_expression(operand(x)), operand(loc))
    return as_expression(compound.divided(moved, width)), elementwise.log(width)


def _sum(*terms: Any) -> Expr:
    found = as_expression(operand(terms[0]))
    for term in terms[1:]:
        found = add(found, operand(term))
    return found


def _less(x: Any, *others: Any) -> Expr:
    found = as_expression(operand(x))
    for other in others:
        found = as_expression(compound.subtracted(found, operand(other)))
    return found


def _positive(z: Expr, density: Expr) -> Expr:
    """A density on the positive numbers."""
    return elementwise.where(elementwise.greater_equal(z, 0), density, -math.inf)


def _pdf(logarithm: Density) -> Density:
    def density(*args: Any, **options: Any) -> Expr:
        return elementwise.exp(logarithm(*args, **options))

    return density


# ---- of one number
def _norm_logpdf(x: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    return _less(times(multiply(z, z), -0.5), log_scale, math.log(2 * math.pi) / 2)


def _norm(f: Callable[[Expr], Expr], sign: int) -> Density:
    def function(x: object, loc: object = 0, scale: object = 1) -> Expr:
        return f(times(_standard(x, loc, scale)[0], sign))

    return function


def _gamma_logpdf(x: object, a: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    powers = special.xlogy(_less(a, 1), z)
    return _positive(z, _less(powers, z, elementwise.gammaln(a), log_scale))


def _chi2_logpdf(x: object, df: object, loc: object = 0, scale: object = 1) -> Expr:
    half = times(as_expression(operand(df)), 0.5)
    return _gamma_logpdf(x, half, loc, times(as_expression(operand(scale)), 2))


def _beta_logpdf(x: object, a: object, b: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    rest = _less(1, z)
    powers = _sum(special.xlogy(_less(a, 1), z), special.xlogy(_less(b, 1), rest))
    density = _less(powers, betaln(a, b), log_scale)
    return _positive(rest, _positive(z, density))


def _t_logpdf(x: object, df: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    freedom = as_expression(operand(df))
    half = times(_sum(freedom, 1), 0.5)
    spread = elementwise.log1p(as_expression(compound.divided(multiply(z, z), freedom)))
    constant = _less(
        elementwise.gammaln(half),
        elementwise.gammaln(times(freedom, 0.5)),
        times(elementwise.log(times(freedom, math.pi)), 0.5),
    )
    return _less(constant, multiply(half, spread), log_scale)


def _expon_logpdf(x: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    return _positive(z, _less(times(z, -1), log_scale))


def _laplace_logpdf(x: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    return _less(times(complex.abs_(z), -1), math.log(2), log_scale)


def _logistic_logpdf(x: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    return _less(times(z, -1), times(elementwise.softplus(times(z, -1)), 2), log_scale)


def _cauchy_logpdf(x: object, loc: object = 0, scale: object = 1) -> Expr:
    z, log_scale = _standard(x, loc, scale)
    return _less(times(elementwise.log1p(multiply(z, z)), -1), math.log(math.pi), log_scale)


def _poisson_logpmf(k: object, mu: object) -> Expr:
    return _less(special.xlogy(k, mu), elementwise.gammaln(_sum(k, 1)), mu)


def _bernoulli_logpmf(k: object, p: object) -> Expr:
    return _sum(special.xlogy(k, p), special.xlogy(_less(1, k), _less(1, p)))


# ---- of vectors
def _covariance(cov: object, size: Any) -> Expr:
    """A matrix; a number is that many times the identity, a vector is the diagonal."""
    matrix = as_expression(operand(cov))
    if matrix.ndim == 2:
        return matrix
    if matrix.ndim == 1:
        return arrays.diag_at(matrix)
    if matrix.ndim == 0:
        return multiply(matrix, arrays.eye(size))
    raise ShapeError(
        f"a covariance is a matrix, but {called(matrix)} has {counted(matrix.ndim, 'axis')}"
    )


def _mvn_logpdf(
    x: object, mean: object = 0, cov: object = 1, allow_singular: object = False
) -> Expr:
    if allow_singular:
        raise EinderivError(
            "a density by a singular covariance is not read: it has an inverse here"
        )
    moved = _less(x, 0 if mean is None else mean)
    if not moved.ndim:
        raise ShapeError("multivariate_normal takes vectors along the last axis")
    size = shape_of(moved)[-1]
    matrix = _covariance(cov, size)
    weighted = matmul(moved, linalg.inv(matrix))
    squared = compound.sum(multiply(weighted, moved), -1)
    constant = times(as_expression(operand(size)), math.log(2 * math.pi))
    return times(_sum(squared, linalg.logdet(matrix), constant), -0.5)


def _mvn_entropy(mean: object = 0, cov: object = 1) -> Expr:
    center = as_expression(operand(0 if mean is None else mean))
    size: Any = shape_of(center)[-1] if center.ndim else 1
    matrix = as_expression(operand(cov))
    if matrix.ndim == 2:
        size = shape_of(matrix)[-1]
    constant = times(as_expression(operand(size)), math.log(2 * math.pi * math.e))
    return times(_sum(linalg.logdet(_covariance(matrix, size)), constant), 0.5)


def _dirichlet_logpdf(x: object, alpha: object) -> Expr:
    weights = as_expression(operand(alpha))
    powers = special.xlogy(_less(weights, 1), x)
    if powers.ndim != 1:
        raise ShapeError("dirichlet of expressions takes one vector, and not a stack of them")
    total = elementwise.gammaln(compound.sum(weights))
    return _less(_sum(compound.sum(powers), total), compound.sum(elementwise.gammaln(weights)))


def _with_density(logarithm: Density, word: str = "pdf") -> dict[str, Density]:
    return {f"log{word}": logarithm, word: _pdf(logarithm)}


#: by the name in scipy.stats, and the name of the method
DISTRIBUTIONS: dict[str, dict[str, Density]] = {
    "norm": {
        **_with_density(_norm_logpdf),
        "cdf": _norm(special.ndtr, 1),
        "sf": _norm(special.ndtr, -1),
        "logcdf": _norm(special.log_ndtr, 1),
        "logsf": _norm(special.log_ndtr, -1),
    },
    "gamma": _with_density(_gamma_logpdf),
    "chi2": _with_density(_chi2_logpdf),
    "beta": _with_density(_beta_logpdf),
    "t": _with_density(_t_logpdf),
    "expon": _with_density(_expon_logpdf),
    "laplace": _with_density(_laplace_logpdf),
    "logistic": _with_density(_logistic_logpdf),
    "cauchy": _with_density(_cauchy_logpdf),
    "poisson": _with_density(_poisson_logpmf, "pmf"),
    "bernoulli": _with_density(_bernoulli_logpmf, "pmf"),
    "multivariate_normal": {**_with_density(_mvn_logpdf), "entropy": _mvn_entropy},
    "dirichlet": _with_density(_dirichlet_logpdf),
}
