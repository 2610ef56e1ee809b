"""P13: what is read of sums: traces, products with vectors, Laplacians, divergences of nets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Way, derivatives, jitted, tensors
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, normal, sized

SIZES = sized(3, 20, 200, 600)
A, B, C, D = (ed.tensor(name, "ij") for name in "ABCD")
x = ed.tensor("x", "i")


def data(n: int, matrices: str, vectors: str = "") -> Arrays:
    """Matrices whose products keep their size, and vectors."""
    arrays = normal(**dict.fromkeys(matrices, (n, n)), **dict.fromkeys(vectors, (n,)))
    return {name: a / np.sqrt(n) if a.ndim == 2 else a for name, a in arrays.items()}


def both(model: Callable[..., Any]) -> dict[str, Way]:
    """``model(xp, *arrays)`` by JAX and torch, as a user writes it."""

    def of_jax(arrays: Arrays) -> Call:
        import jax

        return jitted(lambda *given: model(jax.numpy, *given))(arrays)

    def of_torch(arrays: Arrays) -> Call:
        import torch

        given = tensors(arrays)
        return lambda: model(torch, *given)

    return {"jax.jit": of_jax, "torch": of_torch}


def two_parts() -> ed.Expr:
    """Σ exp(A x) + Σ sin(B x)."""
    return ed.sum(ed.exp(A @ x)) + ed.sum(ed.sin(B @ x))


def two_parts_model(xp: Any, x: Any, A: Any, B: Any) -> Any:
    """The same for rivals."""
    return xp.sum(xp.exp(A @ x)) + xp.sum(xp.sin(B @ x))


def laplacian(x: Any, A: Any, B: Any) -> Any:
    """Σ_o exp(A x)_o |A_o|² − Σ_o sin(B x)_o |B_o|²."""
    first = np.exp(A @ x) @ np.einsum("oi,oi->o", A, A)
    return first - np.sin(B @ x) @ np.einsum("oi,oi->o", B, B)


def hessian_product(x: Any, A: Any, B: Any, v: Any) -> Any:
    """Aᵀ (exp(A x) ∘ A v) − Bᵀ (sin(B x) ∘ B v)."""
    return (np.exp(A @ x) * (A @ v)) @ A - (np.sin(B @ x) * (B @ v)) @ B


def divergence(x: Any, A: Any, B: Any) -> Any:
    """n + tr(B diag(1 − tanh²(A x)) A)."""
    slope = 1 - np.tanh(A @ x) ** 2
    return len(x) + slope @ np.einsum("ij,ji->i", A, B)


def divergence_of_two(x: Any, A: Any, B: Any, C: Any, D: Any) -> Any:
    """tr J + tr(D diag(s) (C J)) with J = 1 + B diag(r) A, the Jacobian of the first layer."""
    r = np.tanh(A @ x)
    J = B @ ((1 - r**2)[:, None] * A)
    J[np.diag_indices(len(x))] += 1
    s = np.tanh(C @ (x + B @ r))
    return np.trace(J) + (1 - s**2) @ np.einsum("ij,ji->i", C @ J, D)


def laplacian_of_net(x: Any, A: Any, B: Any, C: Any, D: Any, u: Any) -> Any:
    """Σ_k c_k · |rows of Z_k|² over both layers: Z_k is the Jacobian of what tanh is taken of, and
    c_k its second slope times what is pulled back to it.
    """
    r = np.tanh(A @ x)
    slope = 1 - r**2
    J = B @ (slope[:, None] * A)
    J[np.diag_indices(len(x))] += 1
    s = np.tanh(C @ (x + B @ r))
    Z = C @ J
    outer = u @ D * -2 * s * (1 - s**2)
    inner = (u + (u @ D * (1 - s**2)) @ C) @ B * -2 * r * slope
    return outer @ np.einsum("ij,ij->i", Z, Z) + inner @ np.einsum("ij,ij->i", A, A)


def residual(h: ed.Expr, inner: ed.Expr, outer: ed.Expr) -> ed.Expr:
    """A layer h + W₂ tanh(W₁ h)."""
    return h + outer @ ed.tanh(inner @ h)


def traced(transform: str, model: Callable[..., Any]) -> dict[str, Way]:
    """The trace of a Jacobian or a Hessian by the first array."""

    def of_jax(arrays: Arrays) -> Call:
        import jax

        matrix = getattr(jax, transform)(lambda *given: model(jax.numpy, *given))
        return jitted(lambda *given: jax.numpy.trace(matrix(*given)))(arrays)

    def of_torch(arrays: Arrays) -> Call:
        import torch

        matrix = getattr(torch.func, transform)(lambda *given: model(torch, *given))
        given = tensors(arrays)
        return lambda: torch.trace(matrix(*given))

    return {f"jax.{transform}": of_jax, f"torch.{transform}": of_torch}


def one_layer(xp: Any, x: Any, A: Any, B: Any) -> Any:
    """A residual layer for rivals."""
    return x + B @ xp.tanh(A @ x)


def two_layers(xp: Any, x: Any, A: Any, B: Any, C: Any, D: Any) -> Any:
    """Two of them."""
    return one_layer(xp, one_layer(xp, x, A, B), C, D)


FAMILY = family(
    "P13",
    "what is read of sums",
    # Σ A ∘ Bᵀ + Σ C ∘ Dᵀ
    Case(
        "trace of a sum",
        SIZES,
        lambda n: Problem(
            arrays=data(n, "ABCD"),
            ours=lambda: ed.trace(A @ B + C @ D),
            hand=lambda A, B, C, D: np.vdot(A, B.T) + np.vdot(C, D.T),
            rivals=both(lambda xp, A, B, C, D: xp.trace(A @ B + C @ D)),
        ),
    ),
    # A (B x) + C x
    Case(
        "sum times a vector",
        SIZES,
        lambda n: Problem(
            arrays=data(n, "ABC", "x"),
            ours=lambda: (A @ B + C) @ x,
            hand=lambda A, B, C, x: A @ (B @ x) + C @ x,
            rivals=both(lambda xp, A, B, C, x: (A @ B + C) @ x),
        ),
    ),
    Case(
        "Laplacian of two parts",
        SIZES,
        lambda n: Problem(
            arrays={k: data(n, "AB", "x")[k] for k in "xAB"},
            ours=lambda: ed.trace(ed.hessian(two_parts(), x)),
            hand=laplacian,
            rivals=traced("hessian", two_parts_model),
        ),
    ),
    Case(
        "Hessian of two parts, times a vector",
        SIZES,
        lambda n: Problem(
            arrays={k: data(n, "AB", "xv")[k] for k in "xABv"},
            ours=lambda: ed.hessian(two_parts(), x) @ ed.tensor("v", "i"),
            hand=hessian_product,
            rivals=derivatives("hvp", two_parts_model, vectors=(3,), engines=("jax", "torch")),
        ),
    ),
    Case(
        "divergence, one layer",
        SIZES,
        lambda n: Problem(
            arrays={k: data(n, "AB", "x")[k] for k in "xAB"},
            ours=lambda: ed.trace(ed.derive(residual(x, A, B), x)),
            hand=divergence,
            rivals=traced("jacrev", one_layer),
        ),
    ),
    Case(
        "divergence, two layers",
        SIZES,
        lambda n: Problem(
            arrays={k: data(n, "ABCD", "x")[k] for k in "xABCD"},
            ours=lambda: ed.trace(ed.derive(residual(residual(x, A, B), C, D), x)),
            hand=divergence_of_two,
            rivals=traced("jacrev", two_layers),
        ),
    ),
    Case(
        "Laplacian of a net, two layers",
        SIZES,
        lambda n: Problem(
            arrays={k: data(n, "ABCD", "xu")[k] for k in "xABCDu"},
            ours=lambda: ed.trace(
                ed.hessian(ed.tensor("u", "i") @ residual(residual(x, A, B), C, D), x)
            ),
            hand=laplacian_of_net,
            rivals=traced("hessian", lambda xp, *given: given[-1] @ two_layers(xp, *given[:-1])),
        ),
    ),
)
