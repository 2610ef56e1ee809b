"""P15: index expressions: embeddings, factorisations of observed entries, stencils, convolutions,
running sums, and what puts arrays together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Way, derivatives, jitted, tensors
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, normal, sized

LONG = sized(7, 1000, 100_000, 1_000_000)
SQUARE = sized(6, 30, 300, 1000)
IMAGES = sized((2, 2, 3, 6), (4, 4, 8, 16), (16, 8, 16, 32))
EMBEDDINGS = sized((5, 3, 8), (300, 8, 1000), (5000, 16, 20_000), (50_000, 64, 200_000))
OBSERVED = sized((6, 2, 20), (200, 5, 4000), (1000, 10, 100_000), (5000, 10, 1_000_000))
RIDGE = 2.0  # more than what the curvature of tanh² may lack
ENGINES = ("jax", "torch")

A, B = ed.tensor("A", "ij"), ed.tensor("B", "kl")
U, V, W, x, u = (ed.tensor(name, "ij" if name in "UVW" else "i") for name in "UVWxu")
images, kernel, back = ed.tensor("x", "nchw"), ed.tensor("w", "ockl"), ed.tensor("u", "nopq")
observed = ed.einsum("(r[e])k,(c[e])k->e", U, V)
T = ed.tensor("T", "e")


# ---- a factorisation of observed entries
def ratings(n: int, k: int, count: int) -> Arrays:
    """Factors of a matrix, and places and values of its observed entries."""
    rng = np.random.default_rng(1)
    places = {name: rng.integers(0, n, count) for name in "rc"}
    return {**normal(U=(n, k), V=(n, k), T=(count,)), **places}


def factors_by_hand(U: Any, V: Any, T: Any, r: Any, c: Any) -> Any:
    """2 R V and 2 Rᵀ U, where R holds the residuals of the observed entries."""
    from scipy import sparse

    residual = np.einsum("ek,ek->e", U.take(r, 0), V.take(c, 0))
    residual -= T
    residual *= 2
    R = sparse.coo_array((residual, (r, c)), (len(U), len(V)))
    return R @ V, R.T @ U


def factors_model(xp: Any, U: Any, V: Any, T: Any, r: Any, c: Any) -> Any:
    """The same for rivals."""
    return xp.sum((xp.sum(U[r] * V[c], -1) - T) ** 2)


# ---- a chain
def chain() -> ed.Expr:
    """Σ tanh²(x[i+1] - x[i]) + ρ Σ x[i]²."""
    return ed.sum(ed.tanh(x[1:] - x[:-1]) ** 2) + RIDGE * ed.sum(x**2)


def chain_step_by_hand(x: Any) -> Any:
    """Newton's step, with a tridiagonal Hessian."""
    from scipy.linalg import solveh_banded

    t = np.tanh(np.diff(x))
    s = 1 - t * t
    slope, curvature = 2 * t * s, 2 * s * (1 - 3 * t * t)
    gradient = 2 * RIDGE * x
    gradient[1:] += slope
    gradient[:-1] -= slope
    bands = np.full((2, len(x)), 2 * RIDGE)
    bands[1, 1:] += curvature
    bands[1, :-1] += curvature
    bands[0, 1:] = -curvature
    return x - solveh_banded(bands, gradient)


def chain_step(n: int) -> Problem:
    """A Newton step: gradient, structured Hessian, solve. Both sides work on this very array."""
    arrays = normal(x=(n,))
    gradient = ed.compile(ed.grad(chain(), x))
    hessian = ed.compile(ed.hessian(chain(), x), dense=False)
    return Problem(
        arrays=arrays,
        ours=lambda: arrays["x"] - hessian(arrays).solve(gradient(arrays)),
        hand=lambda: chain_step_by_hand(**arrays),
        kind="call",
    )


# ---- convolutions of images
def convolved() -> ed.Expr:
    """The valid convolution of images, by channels, with a kernel for each output."""
    return ed.einsum("nc(p+k)(q+l),ockl->nopq", images, kernel)


def image_data(n: int, channels: int, outputs: int, side: int) -> Arrays:
    """Images, kernels of 3 by 3, and a cotangent."""
    inner = side - 2
    shapes = {"x": (n, channels, side, side), "w": (outputs, channels, 3, 3)}
    return normal(**shapes, u=(n, outputs, inner, inner))


def windows(x: Any) -> Any:
    """All windows of 3 by 3: the last two axes."""
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))


def convolved_by_hand(x: Any, w: Any) -> Any:
    """One product of matrices, of all windows."""
    return np.tensordot(windows(x), w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)


def by_images(w: Any, u: Any) -> Any:
    """The convolution of the padded cotangent with the kernel from its end."""
    padded = np.pad(u, ((0, 0), (0, 0), (2, 2), (2, 2)))
    flipped = w[:, :, ::-1, ::-1]
    return np.tensordot(windows(padded), flipped, ((1, 4, 5), (0, 2, 3))).transpose(0, 3, 1, 2)


def by_kernel(x: Any, u: Any) -> Any:
    """Each window times the cotangent, summed."""
    return np.tensordot(u, windows(x), ((0, 2, 3), (0, 2, 3)))


def convolution_model(xp: Any, x: Any, w: Any) -> Any:
    """The same for rivals, by their own kernels."""
    if xp.__name__ == "torch":
        return xp.nn.functional.conv2d(x, w)
    import jax

    return jax.lax.conv(x, w, (1, 1), "VALID")


# ---- stencils
def laplacian(a: Any) -> Any:
    """Five points, inside."""
    around = a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:]
    return around - 4 * a[1:-1, 1:-1]


def stencil_by_hand(A: Any) -> Any:
    """The transposed stencil of twice the Laplacian."""
    r = laplacian(A)
    r *= 2
    out = np.zeros_like(A)
    out[:-2, 1:-1] = r
    out[2:, 1:-1] += r
    out[1:-1, :-2] += r
    out[1:-1, 2:] += r
    r *= 4
    out[1:-1, 1:-1] -= r
    return out


# ---- embeddings
def words(n: int, k: int, count: int) -> Arrays:
    """A table, and the rows that are looked up."""
    rng = np.random.default_rng(2)
    return {**normal(W=(n, k), G=(count, k)), "r": rng.integers(0, n, count)}


def embedding_by_hand(W: Any, G: Any, r: Any) -> Any:
    """The sum of all cotangents of a row, as a product with a sparse matrix."""
    from scipy import sparse

    ends = np.arange(len(r) + 1)
    return sparse.csc_array((np.ones(len(r), G.dtype), r, ends), (len(W), len(r))) @ G


def embedding_model(xp: Any, W: Any, G: Any, r: Any) -> Any:
    """The same for rivals; torch has a function for it."""
    rows = xp.nn.functional.embedding(r, W) if xp.__name__ == "torch" else W[r]
    return xp.sum(rows * G)


def values(model: Callable[..., Any]) -> dict[str, Way]:
    """``model(xp, *arrays)`` by JAX and torch."""

    def of_jax(arrays: Arrays) -> Call:
        import jax

        return jitted(lambda *given: model(jax.numpy, *given))(arrays)

    def of_torch(arrays: Arrays) -> Call:
        import torch

        given = tensors(arrays)
        return lambda: model(torch, *given)

    return {"jax.jit": of_jax, "torch": of_torch}


def put_together(
    name: str,
    ours: Callable[[], ed.Expr],
    model: Callable[..., Any],
    hand: Callable[..., Any],
    *arrays: str,
) -> Case:
    """What only puts arrays together, against one function of each library."""
    is_matrix = arrays[0] in "AB"

    def problem(n: int) -> Problem:
        shape = (n, n) if is_matrix else (n,)
        return Problem(
            arrays=normal(**dict.fromkeys(arrays, shape)),
            ours=ours,
            hand=hand,
            rivals=values(model),
        )

    return Case(name, SQUARE if is_matrix else LONG, problem)


def padded_model(xp: Any, A: Any) -> Any:
    """Two zeros on each side."""
    return xp.nn.functional.pad(A, (2, 2, 2, 2)) if xp.__name__ == "torch" else xp.pad(A, 2)


def joined_model(xp: Any, A: Any, B: Any) -> Any:
    """One below the other."""
    return xp.cat([A, B]) if xp.__name__ == "torch" else xp.concatenate([A, B])


FAMILY = family(
    "P15",
    "index expressions",
    Case(
        "observed factorisation, both gradients",
        OBSERVED,
        lambda n, k, count: Problem(
            arrays=ratings(n, k, count),
            ours=lambda: ed.grad(ed.sum((observed - T) ** 2), [U, V]),
            hand=factors_by_hand,
            rivals=derivatives("grad", factors_model, (0, 1), engines=ENGINES),
        ),
    ),
    Case("Newton step on a chain", sized(7, 500, 10_000, 100_000), chain_step),
    # Σ x[n,c,p+k,q+l] w[o,c,k,l]
    Case(
        "conv2d",
        IMAGES,
        lambda *numbers: Problem(
            arrays={name: image_data(*numbers)[name] for name in "xw"},
            ours=convolved,
            hand=convolved_by_hand,
            rivals=values(convolution_model),
        ),
    ),
    Case(
        "conv2d, by the images",
        IMAGES,
        lambda *numbers: Problem(
            arrays=image_data(*numbers),
            ours=lambda: ed.grad(ed.sum(back * convolved()), images),
            hand=by_images,
            rivals=derivatives("vjp", convolution_model, 0, engines=ENGINES, vectors=(2,)),
        ),
    ),
    Case(
        "conv2d, by the kernel",
        IMAGES,
        lambda *numbers: Problem(
            arrays=image_data(*numbers),
            ours=lambda: ed.grad(ed.sum(back * convolved()), kernel),
            hand=by_kernel,
            rivals=derivatives("vjp", convolution_model, 1, engines=ENGINES, vectors=(2,)),
        ),
    ),
    # Σ (Δ A)²
    Case(
        "five-point stencil, gradient",
        SQUARE,
        lambda n: Problem(
            arrays=normal(A=(n, n)),
            ours=lambda: ed.grad(ed.sum(laplacian(A) ** 2), A),
            hand=stencil_by_hand,
            rivals=derivatives("grad", lambda xp, A: xp.sum(laplacian(A) ** 2), engines=ENGINES),
        ),
    ),
    # Σ W[r[e],k] G[e,k]
    Case(
        "embedding, gradient",
        EMBEDDINGS,
        lambda n, k, count: Problem(
            arrays=words(n, k, count),
            ours=lambda: ed.grad(ed.einsum("(r[e])k,ek->", W, ed.tensor("G", "ek")), W),
            hand=embedding_by_hand,
            rivals=derivatives("grad", embedding_model, engines=ENGINES),
        ),
    ),
    put_together(
        "cumsum", lambda: ed.cumsum(x), lambda xp, x: xp.cumsum(x, 0), lambda x: np.cumsum(x), "x"
    ),
    Case(
        "cumsum, gradient",
        LONG,
        lambda n: Problem(
            arrays=normal(x=(n,), u=(n,)),
            ours=lambda: ed.grad(u @ ed.cumsum(x), x),
            hand=lambda u: np.cumsum(u[::-1])[::-1],
            rivals=derivatives("vjp", lambda xp, x: xp.cumsum(x, 0), engines=ENGINES, vectors=(1,)),
        ),
    ),
    put_together(
        "flip",
        lambda: ed.flip(x),
        lambda xp, x: xp.flip(x, (0,)),
        lambda x: np.flip(x).copy(),
        "x",
    ),
    put_together(
        "roll", lambda: ed.roll(x, 7), lambda xp, x: xp.roll(x, 7), lambda x: np.roll(x, 7), "x"
    ),
    put_together(
        "concatenate",
        lambda: ed.concatenate([A, B]),
        joined_model,
        lambda A, B: np.concatenate([A, B]),
        *"AB",
    ),
    put_together("pad", lambda: ed.pad(A, 2), padded_model, lambda A: np.pad(A, 2), "A"),
    put_together(
        "pad, reflected",
        lambda: ed.pad(A, 2, mode="reflect"),
        lambda xp, A: (
            xp.nn.functional.pad(A[None], (2, 2, 2, 2), mode="reflect")[0]
            if xp.__name__ == "torch"
            else xp.pad(A, 2, mode="reflect")
        ),
        lambda A: np.pad(A, 2, mode="reflect"),
        "A",
    ),
    # the copy that a result is, for an argument is never given back
    put_together(
        "reshape",
        lambda: A.reshape(-1),
        lambda xp, A: xp.reshape(A, (-1,)),
        lambda A: A.reshape(-1).copy(),
        "A",
    ),
)
