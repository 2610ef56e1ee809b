"""P8: the latency of a call on small arrays, where everything but the arithmetic is what costs."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Call, Case, Family, Problem, Way, normal, sized
from ..rivals import derivatives

W, x, b = ed.tensor("W", "oi"), ed.tensor("x", "i"), ed.tensor("b", "o")


def pair(first: str, one: tuple[str, str], second: str, two: tuple[str, str]) -> dict[str, Way]:
    """Two einsums, one after the other, by opt_einsum with its plan made before and by NumPy."""

    def planned(arrays: Arrays) -> Call:
        import opt_einsum

        left, right = [arrays[n] for n in one], [arrays[n] for n in two]
        f = opt_einsum.contract_expression(first, *(a.shape for a in left))
        g = opt_einsum.contract_expression(second, *(a.shape for a in right))
        return lambda: (f(*left), g(*right))

    def plain(arrays: Arrays) -> Call:
        left, right = [arrays[n] for n in one], [arrays[n] for n in two]
        return lambda: (np.einsum(first, *left), np.einsum(second, *right))

    return {"opt_einsum": planned, "numpy.einsum": plain}


def product(i: int, j: int, k: int) -> Problem:
    """Both gradients of Σ G ∘ (AB)."""

    def model(xp: Any, A: Any, B: Any, G: Any) -> Any:
        return xp.sum((A @ B) * G)

    def hand(A: Any, B: Any, G: Any) -> Any:
        return [G @ B.T, A.T @ G]

    rivals = {
        **pair("ik,jk->ij", ("G", "B"), "ij,ik->jk", ("A", "G")),
        **derivatives("grad", model, (0, 1)),
    }
    return Problem(
        normal(A=(i, j), B=(j, k), G=(i, k)),
        lambda: ed.grad(ed.einsum("ij,jk,ik->", "A", "B", "G"), ["A", "B"]),
        hand,
        rivals,
    )


def layer(o: int, i: int) -> Problem:
    """The value and the gradients of Σ tanh(Wx + b)²."""

    def model(xp: Any, W: Any, x: Any, b: Any) -> Any:
        return xp.sum(xp.tanh(W @ x + b) ** 2)

    def hand(W: Any, x: Any, b: Any) -> Any:
        t = np.tanh(W @ x + b)
        g = 2 * t * (1 - t * t)
        return [np.multiply.outer(g, x), g]

    return Problem(
        normal(W=(o, i), x=(i,), b=(o,)),
        lambda: ed.grad(ed.sum(ed.tanh(W @ x + b) ** 2), [W, b]),
        hand,
        derivatives("grad", model, (0, 2)),
    )


def quadratic_form(n: int) -> Problem:
    """The Hessian of Σ (xᵀAx)², three by three."""

    def model(xp: Any, x: Any, A: Any) -> Any:
        return (x @ A @ x) ** 2

    def hand(x: Any, A: Any) -> Any:
        symmetric = A + A.T
        g = symmetric @ x
        return 2 * (np.multiply.outer(g, g) + (x @ A @ x) * symmetric)

    return Problem(
        normal(x=(n,), A=(n, n)),
        lambda: ed.hessian(ed.einsum("i,ij,j->", "x", "A", "x") ** 2, "x"),
        hand,
        derivatives("hessian", model),
    )


FAMILY = Family("P8", "latency on small arrays", (
    Case("P8", "gradients of a product", product, sized((2, 3, 4), (3, 4, 5))),
    Case("P8", "gradients of a layer", layer, sized((2, 3), (4, 3))),
    Case("P8", "Hessian of (xᵀAx)²", quadratic_form, sized(2, 3)),
))  # fmt: skip
