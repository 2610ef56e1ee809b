"""P1: a product of three matrices; its Jacobians, dense and as cores, and products with them."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Case, Family, Problem, cores, normal, sized
from ..rivals import contracted, derivatives

E = "is,st,tj->ij"
X, Y, P = ed.tensor("X", "is"), ed.tensor("Y", "st"), ed.tensor("P", "tj")
SIZES = sized((2, 3, 4, 2), (4, 5, 3, 1), (48, 48, 48, 48), (106, 106, 106, 106))


def model(xp: Any, x: Any, y: Any, p: Any) -> Any:
    """The product."""
    return x @ y @ p


def product() -> ed.Expr:
    """The product as an expression."""
    return ed.einsum(E, X, Y, P)


def data(i: int, s: int, t: int, j: int) -> dict[str, Any]:
    """The three matrices."""
    return normal(X=(i, s), Y=(s, t), P=(t, j))


def by_x(X: Any, Y: Any, P: Any) -> Any:
    """∂Q[i,j]/∂X[a,b] = δ[i,a] (YP)[b,j]: zeros, and the core on the diagonal i = a."""
    (i, s), j = X.shape, P.shape[1]
    out = np.zeros((i, j, i, s), X.dtype)
    np.einsum("ijib->ijb", out)[...] = (Y @ P).T
    return out


def by_y(X: Any, P: Any) -> Any:
    """∂Q[i,j]/∂Y[a,b] = X[i,a] P[b,j]: an outer product, written in the order of the result."""
    return np.multiply(X[:, None, :, None], np.ascontiguousarray(P.T)[None, :, None, :])


def by_p(X: Any, Y: Any, P: Any) -> Any:
    """∂Q[i,j]/∂P[a,b] = δ[j,b] (XY)[i,a]."""
    i, (t, j) = len(X), P.shape
    out = np.zeros((i, j, t, j), X.dtype)
    np.einsum("ijaj->ija", out)[...] = (X @ Y)[:, None, :]
    return out


def jacobian_by_x(i: int, s: int, t: int, j: int) -> Problem:
    """A dense Jacobian of which one entry in `i` is not zero."""
    rivals = {
        **contracted(("ia,sb,st,tj->ijab", i, s, "Y", "P")),
        **derivatives("jacobian", model, 0),
    }
    return Problem(data(i, s, t, j), lambda: ed.derive(product(), X), by_x, rivals)


def jacobian_by_y(i: int, s: int, t: int, j: int) -> Problem:
    """A dense Jacobian without zeros."""
    rivals = {
        **contracted(("is,sa,tb,tj->ijab", "X", s, t, "P")),
        **derivatives("jacobian", model, 1),
    }
    return Problem(data(i, s, t, j), lambda: ed.derive(product(), Y), by_y, rivals)


def jacobian_by_p(i: int, s: int, t: int, j: int) -> Problem:
    """A dense Jacobian of which one entry in `j` is not zero."""
    rivals = {
        **contracted(("is,st,ta,jb->ijab", "X", "Y", t, j)),
        **derivatives("jacobian", model, 2),
    }
    return Problem(data(i, s, t, j), lambda: ed.derive(product(), P), by_p, rivals)


def structured_by_x(i: int, s: int, t: int, j: int) -> Problem:
    """The core alone, which is a product of two matrices."""

    def core(Y: Any, P: Any) -> Any:
        return Y @ P

    return Problem(
        data(i, s, t, j),
        lambda: ed.derive(product(), X),
        core,
        kind="structured",
        answer=cores,
        full=by_x,
    )


def pullbacks(i: int, s: int, t: int, j: int) -> Problem:
    """The products of a cotangent with all three Jacobians."""

    def hand(X: Any, Y: Any, P: Any, G: Any) -> list[Any]:
        right = G @ P.T
        return [right @ Y.T, X.T @ right, (X @ Y).T @ G]

    arrays = {**data(i, s, t, j), **normal(1, G=(i, j))}
    rivals = derivatives("vjp", model, (0, 1, 2), vectors=(3,))
    return Problem(arrays, lambda: ed.vjp(product(), [X, Y, P], "G"), hand, rivals)


def pushforward(i: int, s: int, t: int, j: int) -> Problem:
    """The derivative along tangents of all three matrices."""

    def hand(X: Any, Y: Any, P: Any, dX: Any, dY: Any, dP: Any) -> Any:
        left = X @ Y
        return (dX @ Y + X @ dY) @ P + left @ dP

    arrays = {**data(i, s, t, j), **normal(1, dX=(i, s), dY=(s, t), dP=(t, j))}
    rivals = {
        **contracted((E, "dX", "Y", "P"), (E, "X", "dY", "P"), (E, "X", "Y", "dP")),
        **derivatives("jvp", model, (0, 1, 2), vectors=(3, 4, 5)),
    }
    return Problem(arrays, lambda: ed.jvp(product(), [X, Y, P], ["dX", "dY", "dP"]), hand, rivals)


FAMILY = Family("P1", "three matrices: Jacobians, VJP, JVP", (
    Case("P1", "Jacobian by X", jacobian_by_x, SIZES),
    Case("P1", "Jacobian by Y", jacobian_by_y, SIZES),
    Case("P1", "Jacobian by P", jacobian_by_p, SIZES),
    Case("P1", "Jacobian by X, structured", structured_by_x, SIZES),
    Case("P1", "VJP of all three", pullbacks, SIZES),
    Case("P1", "JVP of all three", pushforward, SIZES),
))  # fmt: skip
