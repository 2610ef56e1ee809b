"""P16: models that others wrote, read by ``ed.from_jax``: the gradients by all parameters, against
``jax.jit`` of JAX's own and torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, derivatives

from ..problems import Case, Problem, family, normal, sized

ENGINES = ("jax", "torch")


# ---- Σ (tanh(X V + b) W + c − Y)²
def perceptron(xp: Any, V: Any, b: Any, W: Any, c: Any, X: Any, Y: Any) -> Any:
    """A layer, a bend and a layer."""
    return xp.sum((xp.tanh(X @ V + b) @ W + c - Y) ** 2)


def perceptron_by_hand(V: Any, b: Any, W: Any, c: Any, X: Any, Y: Any) -> list[Any]:
    """Backwards."""
    hidden = np.tanh(X @ V + b)
    back = 2 * (hidden @ W + c - Y)
    before = (back @ W.T) * (1 - hidden**2)
    return [X.T @ before, before.sum(0), hidden.T @ back, back.sum(0)]


def perceptron_problem(n: int, d: int) -> Problem:
    """So many rows, of layers so wide."""
    shapes = {"V": (d, d), "b": (d,), "W": (d, 3), "c": (3,), "X": (n, d), "Y": (n, 3)}
    return _read(perceptron, perceptron_by_hand, normal(**shapes), 4)


# ---- Σ (u − h Δu³ − y)², Δ of neighbours on a line
def stencil(xp: Any, u: Any, y: Any) -> Any:
    """One step of a porous medium."""
    cube = u**3
    return xp.sum((u[1:-1] + 0.1 * (cube[2:] - 2 * cube[1:-1] + cube[:-2]) - y) ** 2)


def stencil_by_hand(u: Any, y: Any) -> list[Any]:
    """The stencil backwards."""
    cube = u**3
    back = 2 * (u[1:-1] + 0.1 * (cube[2:] - 2 * cube[1:-1] + cube[:-2]) - y)
    of_cube = np.zeros_like(u)
    of_cube[2:] += 0.1 * back
    of_cube[1:-1] -= 0.2 * back
    of_cube[:-2] += 0.1 * back
    found = of_cube * 3 * u**2
    found[1:-1] += back
    return [found]


def stencil_problem(n: int) -> Problem:
    """So many places within."""
    return _read(stencil, stencil_by_hand, normal(u=(n + 2,), y=(n,)), 1)


# ---- a flow: Σ z²/2 − log of the slopes, z = x + u tanh(w x + b)
def flow(xp: Any, u: Any, w: Any, b: Any, X: Any) -> Any:
    """The negative log-likelihood of a normalising flow that acts on each column."""
    bent = xp.tanh(X * w + b)
    z = X + u * bent
    return xp.sum(z**2) / 2 - xp.sum(xp.log(1 + u * w * (1 - bent**2)))


def flow_by_hand(u: Any, w: Any, b: Any, X: Any) -> list[Any]:
    """Backwards."""
    bent = np.tanh(X * w + b)
    slope = 1 - bent**2
    z = X + u * bent
    inverse = 1 / (1 + u * w * slope)
    # of what is in the tanh
    inside = z * u * slope + inverse * u * w * 2 * bent * slope
    of_u = z * bent - inverse * w * slope
    of_w = inside * X - inverse * u * slope
    return [of_u.sum(0), of_w.sum(0), inside.sum(0)]


def flow_problem(n: int, d: int) -> Problem:
    """So many rows and columns; slopes are positive."""
    arrays = normal(u=(d,), w=(d,), b=(d,), X=(n, d))
    arrays = {**arrays, "u": np.abs(arrays["u"]), "w": np.abs(arrays["w"])}
    return _read(flow, flow_by_hand, arrays, 3)


def _read(model: Any, hand: Any, arrays: Arrays, count: int) -> Problem:
    """The gradients by the first so many arrays, of the model as JAX writes it."""
    names = list(arrays)

    def ours() -> list[ed.Expr]:
        import jax.numpy as jnp

        shapes = {name: array.shape for name, array in arrays.items()}

        def of_jax(given: Any) -> Any:
            return model(jnp, *[given[name] for name in names])

        read = ed.from_jax(of_jax, shapes)
        found: list[ed.Expr] = ed.grad(
            ed.substitute(read, {f"given_{name}": ed.tensor(name, shapes[name]) for name in names}),
            names[:count],
        )
        return found

    wrt = tuple(range(count))
    rivals = derivatives("grad", model, wrt, engines=ENGINES)
    return Problem(arrays=arrays, ours=ours, hand=hand, rivals=rivals)


FAMILY = family(
    "P16",
    "models that are read",
    Case("perceptron", sized((5, 4), (64, 32), (512, 128)), perceptron_problem),
    Case("stencil", sized(5, 500, 50_000), stencil_problem),
    Case("normalising flow", sized((5, 3), (100, 20), (2000, 200)), flow_problem),
    needs="jax",
)
