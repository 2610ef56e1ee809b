"""Every row of the table once more, in plain formulas: what `check` compares with. No rule of
derivation is used.

The formulas take complex numbers where the function is analytic, for the complex step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from ..backends import Array
from ..expression import Apply


def _core(node: Apply) -> tuple[int, ...]:
    return tuple(range(-node.core, 0))


def _special() -> Any:
    try:
        from scipy import special
    except ImportError:
        raise ImportError("this function needs SciPy: pip install 'einderiv[scipy]'") from None
    return special


def _shares(x: Array, top: Array, node: Apply) -> Array:
    at = np.where(x == top, 1.0, 0.0)
    return np.asarray(at / at.sum(_core(node), keepdims=True))


def _products(x: Array, node: Apply) -> Array:
    """For every choice of entries that are left out, the product of the others, by loops."""
    flat = x.reshape(*x.shape[: x.ndim - node.core], -1)
    n, (out,) = flat.shape[-1], node.parameters
    found = np.zeros((*flat.shape[:-1], *[n] * out), x.dtype)
    for gone in itertools.permutations(range(n), out):
        found[(..., *gone)] = np.delete(flat, gone, -1).prod(-1)
    return found


def _minors(a: Array, node: Apply) -> Array:
    """Derivatives of the determinant: it is linear in each row, so a row is replaced by a unit
    vector for each.
    """
    n, (order,) = a.shape[-1], node.parameters
    found = np.zeros((*a.shape[:-2], *[n] * 2 * order), a.dtype)
    for at in np.ndindex(*[n] * 2 * order):
        rows, columns = at[::2], at[1::2]
        changed = a.copy()
        for row, column in zip(rows, columns, strict=True):
            changed[..., row, :] = np.eye(n)[column]
        found[(..., *at)] = np.linalg.det(changed) if len(set(rows)) == order else 0
    return found


def _exponential(a: Array, *rest: Any) -> Array:
    """The matrix exponential; a direction by a complex step, several by differences of that."""
    from scipy.linalg import expm

    *directions, _ = rest
    if not directions:
        return np.asarray(expm(a))
    first, *others = directions
    h = 1e-4 if others else 1e-20
    if not others and not np.iscomplexobj(a) and not np.iscomplexobj(first):
        return np.asarray(np.imag(expm(a + 1j * h * first)) / h)
    h = 1e-4
    return np.asarray(
        _exponential(a + h * first, *others, _) - _exponential(a - h * first, *others, _)
    ) / (2 * h)


def _decay(x: Array) -> tuple[Array, Array]:
    """Where x ≥ 0, and ``e^-|x|``, which never overflows."""
    right = np.real(x) >= 0
    return right, np.exp(np.where(right, -x, x))


def _sigmoid(x: Array) -> Array:
    right, e = _decay(x)
    return np.asarray(np.where(right, 1, e) / (1 + e))


def _softplus(x: Array) -> Array:
    right, e = _decay(x)
    return np.asarray(np.where(right, x, 0) + np.log(1 + e))


def _logdet(a: Array) -> Array:
    sign, size = np.linalg.slogdet(a)
    # The sign of a complex step is nearly 1 or -1: the logarithm is taken where it has no branch.
    return np.asarray(
        size + np.log(sign * np.where(np.real(sign) < 0, -1, 1)) if np.iscomplexobj(a) else size
    )


def _adjugate(a: Array, node: Apply) -> Array:
    """``det(A) A⁻¹``; by minors where the matrix is small, or may have no inverse."""
    n = a.shape[-1]
    if n > 4:
        with suppress(np.linalg.LinAlgError):
            return np.asarray(np.linalg.det(a)[..., None, None] * np.linalg.inv(a))
    return _minors(a, Apply(node.function, node.arguments, 2, (1,))).swapaxes(-1, -2)


def _soft(x: Array, node: Apply) -> Array:
    axes = tuple(range(-node.core, 0))
    e = np.exp(x - np.real(x).max(axes, keepdims=True))
    return np.asarray(e / e.sum(axes, keepdims=True))


def _logsum(x: Array, node: Apply) -> Array:
    axes = tuple(range(-node.core, 0))
    top = np.real(x).max(axes, keepdims=True)
    return np.asarray(
        np.log(np.exp(x - top).sum(axes)) + top.reshape(x.shape[: x.ndim - node.core])
    )


#: every row once more, in plain formulas that take complex numbers where the function is analytic
PLAIN: dict[str, Callable[..., Any]] = {
    "exp": lambda x, _: np.exp(x),
    "log": lambda x, _: np.log(x),
    "sin": lambda x, _: np.sin(x),
    "cos": lambda x, _: np.cos(x),
    "tanh": lambda x, _: np.tanh(x),
    "sqrt": lambda x, _: np.sqrt(x),
    "square": lambda x, _: x * x,
    "reciprocal": lambda x, _: 1 / x,
    "sigmoid": lambda x, _: _sigmoid(x),
    "relu": lambda x, _: np.where(x > 0, x, 0),
    "abs": lambda x, _: np.where(x < 0, -x, x),
    "sign": lambda x, _: np.where(x > 0, 1, np.where(x < 0, -1, 0)),
    "heaviside": lambda x, _: np.where(x > 0, 1, 0),
    "maximum": lambda x, y, _: np.where(x > y, x, y),
    "minimum": lambda x, y, _: np.where(x < y, x, y),
    "hypot": lambda x, y, _: np.sqrt(x * x + y * y),
    "arctan2": lambda x, y, _: np.arctan2(x, y),
    "expm1": lambda x, _: np.exp(x) - 1,
    "log1p": lambda x, _: np.log(1 + x),
    "log2": lambda x, _: np.log(x) / np.log(2),
    "log10": lambda x, _: np.log(x) / np.log(10),
    "cbrt": lambda x, _: np.cbrt(x),
    "tan": lambda x, _: np.tan(x),
    "arcsin": lambda x, _: np.arcsin(x),
    "arccos": lambda x, _: np.arccos(x),
    "arctan": lambda x, _: np.arctan(x),
    "sinh": lambda x, _: np.sinh(x),
    "cosh": lambda x, _: np.cosh(x),
    "arcsinh": lambda x, _: np.arcsinh(x),
    "arccosh": lambda x, _: np.arccosh(x),
    "arctanh": lambda x, _: np.arctanh(x),
    "softplus": lambda x, _: _softplus(x),
    "log_sigmoid": lambda x, _: -_softplus(-x),
    "power": lambda x, node: x ** node.parameters[0],
    "softmax": _soft,
    "logsumexp": _logsum,
    "log_softmax": lambda x, node: (
        x - _logsum(x, node).reshape(*x.shape[: x.ndim - node.core], *[1] * node.core)
    ),
    "greater": lambda x, y, _: 1 * (x > y),
    "greater_equal": lambda x, y, _: 1 * (x >= y),
    "less": lambda x, y, _: 1 * (x < y),
    "less_equal": lambda x, y, _: 1 * (x <= y),
    "equal": lambda x, y, _: 1 * (x == y),
    "not_equal": lambda x, y, _: 1 * (x != y),
    "where": lambda c, x, y, _: np.where(c != 0, x, y),
    "leaky_relu": lambda x, node: x * np.where(x > 0, 1, node.parameters[0]),
    "elu": lambda x, node: np.where(
        x > 0, x, node.parameters[0] * (np.exp(np.where(x > 0, 0, x)) - 1)
    ),
    "silu": lambda x, _: x * _sigmoid(x),
    "gelu": lambda x, _: x * _special().ndtr(x),
    "erf": lambda x, _: _special().erf(x),
    "erfc": lambda x, _: _special().erfc(x),
    "gammaln": lambda x, _: _special().gammaln(x),
    "digamma": lambda x, _: _special().psi(x),
    "polygamma": lambda x, node: _special().polygamma(node.parameters[0], x),
    "max": lambda x, node: x.max(_core(node)),
    "min": lambda x, node: x.min(_core(node)),
    "at_max": lambda x, node: _shares(x, x.max(_core(node), keepdims=True), node),
    "at_min": lambda x, node: _shares(x, x.min(_core(node), keepdims=True), node),
    "prod": _products,
    "inv": lambda a, _: np.linalg.inv(a),
    "det": lambda a, _: np.linalg.det(a),
    "logdet": lambda a, _: _logdet(a),
    "det_sign": lambda a, _: np.sign(np.linalg.det(a)),
    "minors": _minors,
    "adj": _adjugate,
    "pinv": lambda a, _: np.linalg.pinv(a),
    "matrix_power": lambda a, node: np.linalg.matrix_power(a, node.parameters[0]),
    "cholesky": lambda a, _: np.linalg.cholesky((a + a.swapaxes(-1, -2)) / 2),
    "tril": lambda a, node: np.tril(a, *node.parameters),
    "triu": lambda a, node: np.triu(a, *node.parameters),
    "conj": lambda x, _: np.conjugate(x),
    "modulus": lambda u, v, _: np.sqrt(u * v),
    "pseudo_reciprocal": lambda x, _: np.where(x == 0, 0, 1 / np.where(x == 0, 1, x)),
    "expm": _exponential,
    "vec": lambda a, _: a,
    "unvec": lambda a, _: a,
}
