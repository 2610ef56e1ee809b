"""Tensors with a declared structure: symmetric, diagonal, lower triangular, orthogonal, Hermitian;
and gradients along it.

Derivatives are unconstrained: every entry counts as free, as if nothing were declared. `project`
takes them to the tangent of the structure, which is what a step of a descent that keeps the
structure needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import EinderivError, ShapeError, counted
from ..expression import (
    Expr,
    Tensor,
    add,
    as_expression,
    called,
    checked,
    dressed,
    everything,
    matmul,
    times,
    viewed,
    walk,
)
from .complex import conj
from .linalg import tril
from .table import public


@public
def project(g: object, s: object, /) -> Expr:
    """``project(g, S).shape == g.shape``: the part of a derivative by `S` that is tangent to the
    structure of `S`.

    ============  ============================  ====================================================
    structure     the projection of G           source
    ============  ============================  ====================================================
    symmetric     ``(G + G.T) / 2``             Srinivasan and Panda, arXiv 1911.06491
    Hermitian     ``(G + conj(G).T) / 2``       the subspace of Hermitian matrices
    diagonal      the diagonal of G             the subspace of diagonal matrices
    lower         ``tril(G)``                   the subspace of lower triangles
    orthogonal    ``(G - S @ G.T @ S) / 2``     Edelman, Arias, Smith, SIAM J. Matrix Anal. 20
                                                (1998)
    ============  ============================  ====================================================

    It acts on the last two axes, those of `S`.

    >>> import einderiv as ed
    >>> S = ed.tensor("S", "nn", symmetric=True)
    >>> g = ed.grad(ed.einsum("i,ij,j->", "u", S, "v"), S)
    >>> print(ed.formula(ed.project(g, S)))
    y[a,b] = 0.5 u[a] v[b] + 0.5 u[b] v[a]

    Raises EinderivError if `S` has no declared structure, ShapeError if `g` has fewer axes than
    `S`.
    """
    found = as_expression(g)
    if not isinstance(s, Tensor) or s.structure is None:
        what = called(s) if isinstance(s, Expr) else type(s).__name__
        raise EinderivError(
            f"{what} has no declared structure: ed.tensor('S', 'nn', symmetric=True) has"
        )
    if found.ndim < s.ndim:
        raise ShapeError(
            f"{called(found)} has {counted(found.ndim, 'axis')}, but a derivative by {s.name} ends "
            "with "
            f"{s.ndim}"
        )
    return checked(dressed(_projected(found, s), origins=(s,)))


def _projected(g: Expr, s: Tensor) -> Expr:
    labels = tuple(range(g.ndim))
    batch, i, j = labels[:-2], labels[-2], labels[-1]
    flipped = viewed(g, labels, (*batch, j, i), names=g.axes)
    match s.structure:
        case "symmetric":
            # (G + Gᵀ) / 2
            return times(add(g, flipped), 0.5)
        case "hermitian":
            # (G + conj(G)ᵀ) / 2
            return times(add(g, conj(flipped)), 0.5)
        case "diagonal":
            diagonal = viewed(g, (*batch, i, i), (*batch, i))
            return viewed(diagonal, (*batch, i), (*batch, i, i), names=g.axes)
        case "lower":
            return tril(g)
    # orthogonal: (G − S Gᵀ S) / 2
    if g.ndim > s.ndim:
        repeated = batch if s.ndim == 2 else ()
        given = tuple(zip(repeated, g.axis_sizes, strict=False))
        wide = viewed(s, (i, j), (*batch, i, j), given=given)
    else:
        wide = s
    reflected = matmul(matmul(wide, flipped), wide)
    return times(add(g, times(reflected, -1)), 0.5)


def inside(g: Expr, s: Tensor) -> Expr:
    """`g` of the structure of `s`, for a structure that is a linear space."""
    return _projected(g, s)


def projected(a: Any, structure: str | None) -> Any:
    """The array next to `a` of a structure that is a linear space."""
    if structure == "symmetric":
        return (a + a.swapaxes(-1, -2)) / 2
    if structure == "hermitian":
        return (a + a.conj().swapaxes(-1, -2)) / 2
    return with_structure(a, structure)


def structures(roots: Iterable[Expr]) -> dict[str, str]:
    """The structures that are declared in expressions and in all that they were made from, by
    tensor.
    """
    return {
        node.name: node.structure
        for node in walk(roots, everything)
        if isinstance(node, Tensor) and node.structure
    }


def with_structure(a: Any, structure: str | None) -> Any:
    """An array of the declared structure near to `a`."""
    import numpy as np

    match structure:
        case "symmetric":
            # The lower triangle is written above the diagonal too.
            lower = np.tril(a)
            return lower + np.tril(a, -1).swapaxes(-1, -2)
        case "hermitian":
            return (a + a.conj().swapaxes(-1, -2)) / 2
        case "diagonal":
            return a * np.eye(a.shape[-1], dtype=a.dtype)
        case "lower":
            return np.tril(a)
        case "orthogonal":
            return np.linalg.qr(a)[0]
    return a


def check_places(name: str, places: Any) -> None:
    """Raise unless an index array holds whole numbers, none of them negative."""
    import numpy as np

    if places.dtype.kind not in "iu":
        raise TypeError(
            f"the index array {name} must hold whole numbers, not {places.dtype}: "
            "np.flatnonzero(mask) makes some of a mask"
        )
    if places.size and places.min() < 0:
        first = tuple(map(int, np.argwhere(places < 0)[0]))
        raise ShapeError(
            f"the index array {name} holds {places[first]} at {list(first)}: places are not "
            "negative"
        )


def check_structures(declared: Mapping[str, str], arrays: Mapping[str, Any]) -> None:
    """Raise unless arrays have the structure that was declared, up to rounding."""
    import numpy as np

    for name in declared.keys() & arrays.keys():
        a = np.asarray(arrays[name])
        structure = declared[name]
        if structure == "index":
            check_places(name, a)
            continue
        if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
            raise ShapeError(
                f"{name} is declared {structure}, which matrices are of as many rows as columns; "
                f"its array has shape {a.shape}"
            )
        transposed = a.swapaxes(-1, -2)
        match structure:
            case "orthogonal":
                off = transposed.conj() @ a - np.eye(a.shape[-1])
            case "symmetric":
                off = a - transposed
            case "hermitian":
                off = a - transposed.conj()
            case _:
                off = a - with_structure(a, structure)
        eps = float(np.finfo(a.dtype).eps) if a.dtype.kind in "fc" else 0.0
        largest = float(np.abs(off).max(initial=0))
        allowed = eps**0.5 * float(np.abs(a).max(initial=0))
        if not largest <= allowed:  # NaN is not allowed either
            raise EinderivError(
                f"{name} is declared {structure}, but its array is not: the largest deviation is "
                f"{largest:.3g}"
            )
