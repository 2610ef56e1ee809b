"""P2: logistic regression: gradient, Hessian, Hessian times a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Case, Family, Problem, normal, sized
from ..rivals import derivatives

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
    """The sigmoid of −y (Xw)."""
    return 1 / (1 + np.exp(y * (X @ w)))


def gradient(n: int) -> Problem:
    """−Xᵀ(y σ)."""

    def hand(w: Any, X: Any, y: Any) -> Any:
        return -((y * chance(w, X, y)) @ X)

    return Problem(data(n), lambda: ed.grad(loss(), w), hand, derivatives("grad", model))


def hessian(n: int) -> Problem:
    """Xᵀ diag(σ(1 − σ)) X: with the root on both sides it is a symmetric product, which costs
    half.
    """

    def hand(w: Any, X: Any, y: Any) -> Any:
        s = chance(w, X, y)
        scaled = X * np.sqrt(s * (1 - s))[:, None]
        return scaled.T @ scaled

    large = n > 300
    return Problem(
        data(n),
        lambda: ed.hessian(loss(), w),
        hand,
        derivatives("hessian", model, engines=("jax", "torch") if large else ()),
        skipped={"autograd.hessian": "1000 passes over 16 MB"} if large else {},
    )


def product(n: int) -> Problem:
    """The Hessian times a vector."""

    def hand(w: Any, X: Any, y: Any, v: Any) -> Any:
        s = chance(w, X, y)
        return ((s * (1 - s)) * (X @ v)) @ X

    return Problem(
        {**data(n), **normal(1, v=(n,))},
        lambda: ed.hvp(loss(), w, "v"),
        hand,
        derivatives("hvp", model, 0, vectors=(3,)),
    )


FAMILY = Family("P2", "logistic regression", (
    Case("P2", "gradient", gradient, SIZES),
    Case("P2", "Hessian", hessian, SIZES),
    Case("P2", "Hessian times a vector", product, SIZES),
))  # fmt: skip
