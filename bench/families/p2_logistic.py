"""P2: logistic regression: gradient, Hessian, Hessian times a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, derivatives

from ..problems import Case, Problem, family, normal, sized

X, y, w = ed.tensor("X", "mn"), ed.tensor("y", "m"), ed.tensor("w", "n")
SIZES = sized(3, 10, 100, 1000)


def loss() -> ed.Expr:
    """Σ log(1 + exp(−y (Xw)))."""
    return ed.sum(ed.softplus(-(y * (X @ w))))


def model(xp: Any, w: Any, X: Any, y: Any) -> Any:
    """The loss for rivals."""
    return xp.sum(xp.log(1 + xp.exp(-y * (X @ w))))


def data(n: int) -> Arrays:
    """Twice as many points as unknowns; labels are 1 and −1."""
    arrays = normal(w=(n,), X=(2 * n, n), y=(2 * n,))
    return {"w": arrays["w"], "X": arrays["X"] / np.sqrt(n), "y": np.sign(arrays["y"])}


def chance(w: Any, X: Any, y: Any) -> Any:
    """The sigmoid σ of −y (Xw)."""
    return 1 / (1 + np.exp(y * (X @ w)))


def hessian(w: Any, X: Any, y: Any) -> Any:
    """Xᵀ diag(σ(1 − σ)) X: with the root on both sides it is a symmetric product, which costs
    half.
    """
    sigma = chance(w, X, y)
    scaled = X * np.sqrt(sigma * (1 - sigma))[:, None]
    return scaled.T @ scaled


def hessian_product(w: Any, X: Any, y: Any, v: Any) -> Any:
    """Xᵀ (σ(1 − σ) ∘ Xv)."""
    sigma = chance(w, X, y)
    return ((sigma * (1 - sigma)) * (X @ v)) @ X


FAMILY = family(
    "P2",
    "logistic regression",
    # −Xᵀ(y ∘ σ)
    Case(
        "gradient",
        SIZES,
        lambda n: Problem(
            arrays=data(n),
            ours=lambda: ed.grad(loss(), w),
            hand=lambda w, X, y: -((y * chance(w, X, y)) @ X),
            rivals=derivatives("grad", model),
        ),
    ),
    Case(
        "Hessian",
        SIZES,
        lambda n: Problem(
            arrays=data(n),
            ours=lambda: ed.hessian(loss(), w),
            hand=hessian,
            rivals=derivatives("hessian", model),
            skipped={"autograd.hessian": "1000 passes over 16 MB"} if n > 300 else {},
        ),
    ),
    Case(
        "Hessian times a vector",
        SIZES,
        lambda n: Problem(
            arrays={**data(n), **normal(1, v=(n,))},
            ours=lambda: ed.hvp(loss(), w, "v"),
            hand=hessian_product,
            rivals=derivatives("hvp", model, vectors=(3,)),
        ),
    ),
)
