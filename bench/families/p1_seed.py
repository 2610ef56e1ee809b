"""P1: a product of three matrices; its Jacobians, dense and as cores, and products with them."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, derivatives

from ..problems import Case, Problem, cores, family, normal, sized
from ..rivals import contracted

E = "is,st,tj->ij"
X, Y, P = ed.tensor("X", "is"), ed.tensor("Y", "st"), ed.tensor("P", "tj")
SIZES = sized((2, 3, 4, 2), (4, 5, 3, 1), (48, 48, 48, 48), (106, 106, 106, 106))


def product() -> ed.Expr:
    """The product as an expression."""
    return ed.einsum(E, X, Y, P)


def model(xp: Any, x: Any, y: Any, p: Any) -> Any:
    """The product for rivals."""
    return x @ y @ p


def data(i: int, s: int, t: int, j: int) -> Arrays:
    """The three matrices."""
    return normal(X=(i, s), Y=(s, t), P=(t, j))


def by_x(X: Any, Y: Any, P: Any) -> Any:
    """∂Q[i,j]/∂X[a,b] = δ[i,a] (YP)[b,j]: zeros, and the core on the diagonal i = a."""
    i, s = X.shape
    j = P.shape[1]
    jacobian = np.zeros((i, j, i, s), X.dtype)
    np.einsum("ijib->ijb", jacobian)[...] = (Y @ P).T
    return jacobian


def by_y(X: Any, P: Any) -> Any:
    """∂Q[i,j]/∂Y[a,b] = X[i,a] P[b,j]: an outer product, written in the order of the result."""
    return np.multiply(X[:, None, :, None], np.ascontiguousarray(P.T)[None, :, None, :])


def by_p(X: Any, Y: Any, P: Any) -> Any:
    """∂Q[i,j]/∂P[a,b] = δ[j,b] (XY)[i,a]: zeros, and the core on the diagonal j = b."""
    i = len(X)
    t, j = P.shape
    jacobian = np.zeros((i, j, t, j), X.dtype)
    np.einsum("ijaj->ija", jacobian)[...] = (X @ Y)[:, None, :]
    return jacobian


def pulled_back(X: Any, Y: Any, P: Any, G: Any) -> list[Any]:
    """G Pᵀ Yᵀ, Xᵀ G Pᵀ and (XY)ᵀ G."""
    right = G @ P.T
    return [right @ Y.T, X.T @ right, (X @ Y).T @ G]


FAMILY = family(
    "P1",
    "three matrices: Jacobians, VJP, JVP",
    # Of the entries in i and a only those with i = a are not zero.
    Case(
        "Jacobian by X",
        SIZES,
        lambda i, s, t, j: Problem(
            arrays=data(i, s, t, j),
            ours=lambda: ed.derive(product(), X),
            hand=by_x,
            rivals={
                **contracted(("ia,sb,st,tj->ijab", i, s, "Y", "P")),
                **derivatives("jacobian", model, 0),
            },
        ),
    ),
    # No entry is zero.
    Case(
        "Jacobian by Y",
        SIZES,
        lambda i, s, t, j: Problem(
            arrays=data(i, s, t, j),
            ours=lambda: ed.derive(product(), Y),
            hand=by_y,
            rivals={
                **contracted(("is,sa,tb,tj->ijab", "X", s, t, "P")),
                **derivatives("jacobian", model, 1),
            },
        ),
    ),
    # Of the entries in j and b only those with j = b are not zero.
    Case(
        "Jacobian by P",
        SIZES,
        lambda i, s, t, j: Problem(
            arrays=data(i, s, t, j),
            ours=lambda: ed.derive(product(), P),
            hand=by_p,
            rivals={
                **contracted(("is,st,ta,jb->ijab", "X", "Y", t, j)),
                **derivatives("jacobian", model, 2),
            },
        ),
    ),
    # The core alone is a product of two matrices.
    Case(
        "Jacobian by X, structured",
        SIZES,
        lambda i, s, t, j: Problem(
            arrays=data(i, s, t, j),
            ours=lambda: ed.derive(product(), X),
            hand=lambda Y, P: Y @ P,
            kind="structured",
            answer=cores,
            full=by_x,
        ),
    ),
    # The products of a cotangent with all three Jacobians.
    Case(
        "VJP of all three",
        SIZES,
        lambda i, s, t, j: Problem(
            arrays={**data(i, s, t, j), **normal(1, G=(i, j))},
            ours=lambda: ed.vjp(product(), [X, Y, P], "G"),
            hand=pulled_back,
            rivals=derivatives("vjp", model, (0, 1, 2), vectors=(3,)),
        ),
    ),
    # The derivative along tangents of all three matrices: dX Y P + X dY P + X Y dP
    Case(
        "JVP of all three",
        SIZES,
        lambda i, s, t, j: Problem(
            arrays={**data(i, s, t, j), **normal(1, dX=(i, s), dY=(s, t), dP=(t, j))},
            ours=lambda: ed.jvp(product(), [X, Y, P], ["dX", "dY", "dP"]),
            hand=lambda X, Y, P, dX, dY, dP: (dX @ Y + X @ dY) @ P + X @ Y @ dP,
            rivals={
                **contracted((E, "dX", "Y", "P"), (E, "X", "dY", "P"), (E, "X", "Y", "dP")),
                **derivatives("jvp", model, (0, 1, 2), vectors=(3, 4, 5)),
            },
        ),
    ),
)
