"""Curvature without the second derivatives of a model: the generalised Gauss-Newton matrix, and the
Fisher information.

With the outputs z(w) of a model and J = ∂z/∂w, a loss L(z) has the Hessian
``Jᵀ (∂²L/∂z²) J + Σ ∂L/∂z ∂²z/∂w²``. The first part is the generalised Gauss-Newton matrix. It is
positive semidefinite wherever L is convex in z, and the whole Hessian where z is linear in w.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ShapeError
from ..expression import (
    Add,
    Expr,
    added,
    called,
    dressed,
    einsum,
    leaves,
    mapped,
    new_axes,
    times,
)
from .transforms import derive, grad, hessian


def ggn(loss: Expr, outputs: Any, wrt: Any) -> Any:
    """``ggn(L, z, w).shape == w.shape + w.shape``: the generalised Gauss-Newton matrix Jᵀ H J, with
    J = ∂z/∂w and H = ∂²L/∂z².

    `outputs` is a part of the loss, the very value z that it was made of, or a list, tuple or dict
    of parts. Where `wrt` holds several tensors the answer has a block for each two of them, as
    `hessian` has. What the loss has of `wrt` beside the outputs, a ridge say, does not count.

    >>> import einderiv as ed
    >>> X, w, t = ed.tensor("X", "nd"), ed.tensor("w", "d"), ed.tensor("t", "n")
    >>> z = X @ w
    >>> G = ed.ggn(ed.norm_squared(z - t), z, w)
    >>> G == ed.hessian(ed.norm_squared(z - t), w)
    True

    Raises TypeError if the loss is no scalar, EinderivError for outputs that are no part of it.
    Source: Schraudolph, "Fast Curvature Matrix-Vector Products for Second-Order Gradient Descent",
    Neural Computation 14, 2002.
    """
    parts = leaves(outputs)
    # ∂²L / ∂z ∂z′ for each two outputs
    hessians = hessian(loss, parts)
    return _through_outputs(loss, parts, wrt, lambda p, q: hessians[p][q])


def fisher(log_likelihood: Expr, outputs: Any, wrt: Any, *, empirical: bool = False) -> Any:
    """``fisher(l, z, w).shape == w.shape + w.shape``: the Fisher information of w, −Jᵀ (∂²l/∂z²) J
    with J = ∂z/∂w.

    That is the covariance of the score ∂l/∂w under the model where the second derivative by the
    outputs holds no observation: where they are natural parameters of an exponential family, as the
    means of normal distributions and the logits of a softmax are.

    With `empirical` it is ``Σ_n g_n g_nᵀ``, of the gradients of the samples that were observed:
    axis 0 of each output counts samples, which do not depend on each other, and `log_likelihood` is
    a sum over them, or has one value for each.

    >>> import einderiv as ed
    >>> X, w, t = ed.tensor("X", "nd"), ed.tensor("w", "d"), ed.tensor("t", "n")
    >>> z = X @ w
    >>> l = -0.5 * ed.norm_squared(t - z)
    >>> print(ed.formula(ed.fisher(l, z, w), style="matrix", name="F"))
    F = Xᵀ X
    >>> print(ed.formula(ed.fisher(l, z, w, empirical=True), name="F"))
    F[a,b] = Σ_n (t[n] − Σ_d X[n,d] w[d])² X[n,a] X[n,b]

    Raises TypeError for a log-likelihood that is no scalar, nor one for each sample; ShapeError for
    empirical outputs without an axis of samples. Source: Martens, "New Insights and Perspectives on
    the Natural Gradient Method", JMLR 21, 2020; of the empirical one Kunstner, Hennig, Balles,
    "Limitations of the Empirical Fisher Approximation for Natural Gradient Descent", NeurIPS 2019.
    """
    parts = leaves(outputs)
    total = _total(log_likelihood)
    if not empirical:
        hessians = hessian(total, parts)
        return _through_outputs(total, parts, wrt, lambda p, q: times(hessians[p][q], -1))
    for part in parts:
        if not part.ndim:
            raise ShapeError(
                f"{called(part)} is a number: axis 0 of the outputs counts the samples of an "
                "empirical Fisher information"
            )
    scores = _scores(total, parts, wrt)
    # Σ_n g_n g_nᵀ
    return _pairs(total, scores, lambda g, h: _joined(g, h, 1))


def _total(log_likelihood: Expr) -> Expr:
    """The sum over samples of what has one value for each."""
    if not isinstance(log_likelihood, Expr) or log_likelihood.ndim != 1:
        return log_likelihood
    return einsum(log_likelihood, [0], [])


def _scores(total: Expr, parts: list[Expr], wrt: Any) -> Any:
    """The gradient by `wrt` of each sample, which is its axis 0: Σ ∂l/∂z[n] ∂z[n]/∂w."""
    slopes = grad(total, parts)
    jacobians = [derive(part, wrt) for part in parts]

    def score(k: int) -> Expr:
        products = []
        for part, slope, jacobian in zip(parts, slopes, jacobians, strict=True):
            J = leaves(jacobian)[k]
            own = list(range(part.ndim))
            new = list(range(part.ndim, J.ndim))
            products.append(einsum(slope, own, J, [*own, *new], [0, *new]))
        return added(products)

    numbers = iter(range(len(leaves(jacobians[0]))))
    return mapped(lambda _: score(next(numbers)), jacobians[0])


def _through_outputs(
    of: Expr, parts: list[Expr], wrt: Any, middle: Callable[[int, int], Expr]
) -> Any:
    """Σ J_pᵀ M_pq J_q over the outputs, for each two tensors of `wrt`."""
    jacobians = [derive(part, wrt) for part in parts]
    places = [leaves(jacobian) for jacobian in jacobians]
    numbers = iter(range(len(places[0])))
    tree = mapped(lambda _: next(numbers), jacobians[0])

    def block(j: int, k: int) -> Expr:
        products = []
        for p, left in enumerate(parts):
            for q, right in enumerate(parts):
                M = middle(p, q)
                # Each term by itself: the deltas of diag(p) - p pᵀ meet those of J.
                for term in M.addends if isinstance(M, Add) else (M,):
                    partial = _joined(places[p][j], term, left.ndim)  # Jᵀ M
                    products.append(_joined_last(partial, places[q][k], right.ndim))
        return added(products)

    return _pairs(of, tree, block)


def _pairs(of: Expr, tree: Any, block: Callable[[Any, Any], Expr]) -> Any:
    """A block for each two leaves, with names for its axes."""

    def named(first: Any, second: Any) -> Expr:
        found = block(first, second)
        return dressed(found, axes=new_axes(of, found.ndim), origins=(of,))

    return mapped(lambda first: mapped(lambda second: named(first, second), tree), tree)


def _joined(a: Expr, b: Expr, count: int) -> Expr:
    """The sum over the first `count` axes of both; the others of `a`, then those of `b`."""
    shared = list(range(count))
    of_a = list(range(count, a.ndim))
    of_b = list(range(a.ndim, a.ndim + b.ndim - count))
    return einsum(a, [*shared, *of_a], b, [*shared, *of_b], [*of_a, *of_b])


def _joined_last(a: Expr, b: Expr, count: int) -> Expr:
    """The sum over the last `count` axes of `a` and the first of `b`."""
    of_a = list(range(a.ndim - count))
    shared = list(range(a.ndim - count, a.ndim))
    of_b = list(range(a.ndim, a.ndim + b.ndim - count))
    return einsum(a, [*of_a, *shared], b, [*shared, *of_b], [*of_a, *of_b])
