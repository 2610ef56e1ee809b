"""The rows of matrix functions, and their differentials as einsums.

A term of a derivative by ``A[k, l]`` carries the batch labels, those of the result, and ``k, l``.
"""

# ruff: noqa: E741 (formulas call indices i, j, k, l)
from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..expression import (
    Apply,
    Expr,
    Labels,
    Number,
    assemble,
    filled,
    fresh_labels,
    viewed,
)
from .index_views import triangle
from .table import (
    Axis,
    Bounds,
    Function,
    Sides,
    Terms,
    apply,
    argument,
    enter,
    labels_of,
    no_axes,
    no_slope,
    power_bound,
    same_axes,
)


def term_of(
    node: Apply, coefficient: Number, slots: Sequence[tuple[Expr, Labels]], output: Labels
) -> Expr:
    """An einsum over the axes of `node` and the core axes of its argument; batch labels stand in
    front of all.
    """
    batch, result, core = labels_of(node)
    target = argument(node)
    known = (
        *zip(batch + result, node.axis_sizes, strict=True),
        *zip(batch + core, target.axis_sizes, strict=True),
    )
    used = {*batch, *output}
    for _, labels in slots:
        used.update(labels)
    return assemble(
        coefficient,
        [(e, batch + labels) for e, labels in slots],
        batch + output,
        axes=node.axes + target.axes[len(batch) :],
        given=tuple((label, size) for label, size in known if label in used),
    )


def _inv(node: Apply) -> Terms:
    # d A⁻¹ = −A⁻¹ dA A⁻¹
    _, (i, j), (k, l) = labels_of(node)
    slots = [(node, (i, k)), (node, (l, j))]
    return (term_of(node, -1, slots, (i, j, k, l)),)


def _logdet(node: Apply) -> Terms:
    # d log |det A| = tr(A⁻¹ dA)
    _, _, (k, l) = labels_of(node)
    inverse = apply("inv", argument(node), 2)
    return (term_of(node, 1, [(inverse, (l, k))], (k, l)),)


def _logdet_plain(np: Any, a: Any) -> Any:
    sign, size = np.linalg.slogdet(a)
    if not np.iscomplexobj(a):
        return size
    # The sign of a complex step is nearly 1 or -1: the logarithm is taken where it has no branch.
    near_one = sign * np.where(np.real(sign) < 0, -1, 1)
    return size + np.log(near_one)


def _det(node: Apply) -> Terms:
    # d det A = tr(adj(A) dA)
    _, _, (k, l) = labels_of(node)
    adjugate = apply("adj", argument(node), 2)
    return (term_of(node, 1, [(adjugate, (l, k))], (k, l)),)


def _adj(node: Apply) -> Terms:
    # adj(A)[i, j] is the derivative of det A by A[j, i]; that of a singular matrix is as good.
    _, (i, j), (k, l) = labels_of(node)
    second = apply("minors", argument(node), 2, (2,))
    return (term_of(node, 1, [(second, (j, i, k, l))], (i, j, k, l)),)


def _adj_plain(np: Any, a: Any) -> Any:
    """``det(A) A⁻¹``; by minors where the matrix is small, or may have no inverse."""
    if a.shape[-1] > 4:
        with suppress(np.linalg.LinAlgError):
            determinant = np.linalg.det(a)[..., None, None]
            return determinant * np.linalg.inv(a)
    return _minors_plain(np, a, 1).swapaxes(-1, -2)


def _minors(node: Apply) -> Terms:
    (order,) = node.parameters
    return (apply("minors", argument(node), 2, (order + 1,)),)


def _minors_plain(np: Any, a: Any, order: int) -> Any:
    """Derivatives of the determinant: it is linear in each row, so a row is replaced by a unit
    vector for each.
    """
    n = a.shape[-1]
    minors = np.zeros((*a.shape[:-2], *[n] * 2 * order), a.dtype)
    for at in np.ndindex(*[n] * 2 * order):
        rows, columns = at[::2], at[1::2]
        changed = a.copy()
        for row, column in zip(rows, columns, strict=True):
            changed[..., row, :] = np.eye(n)[column]
        # Twice by entries of one row is 0.
        minors[(..., *at)] = np.linalg.det(changed) if len(set(rows)) == order else 0
    return minors


def _of_order(
    arguments: tuple[Expr, ...], core: int, parameters: tuple[Any, ...]
) -> tuple[Axis, ...]:
    order: int = parameters[0]
    return same_axes(arguments, core, ()) * order


def _pinv(node: Apply) -> Terms:
    # d P = −P dA P + P Pᵀ dAᵀ (I − A P) + (I − P A) dAᵀ Pᵀ P
    _, (i, j), (k, l) = labels_of(node)
    x, y = fresh_labels(2)
    a, p = argument(node), node
    output = (i, j, k, l)
    return (
        # −P dA P
        term_of(node, -1, [(p, (i, k)), (p, (l, j))], output),
        # P Pᵀ dAᵀ
        term_of(node, 1, [(p, (i, x)), (p, (l, x))], (i, j, j, l)),
        # −P Pᵀ dAᵀ A P
        term_of(node, -1, [(p, (i, x)), (p, (l, x)), (a, (k, y)), (p, (y, j))], output),
        # dAᵀ Pᵀ P
        term_of(node, 1, [(p, (x, k)), (p, (x, j))], (i, j, k, i)),
        # −P A dAᵀ Pᵀ P
        term_of(node, -1, [(p, (i, y)), (a, (y, l)), (p, (x, k)), (p, (x, j))], output),
    )


def at_power(a: Expr, n: int) -> Expr:
    """``A^n`` for n from 0."""
    if n == 1:
        return a
    if n > 1:
        return apply("matrix_power", a, 2, (n,))
    # A^0: an identity for each matrix of a stack
    batch = tuple(range(a.ndim - 2))
    row = a.ndim
    given = ((row, a.axis_sizes[-2]), *zip(batch, a.axis_sizes, strict=False))
    axes = (*a.axes[:-1], None)
    return assemble(1, [], (*batch, row, row), axes=axes, given=given, origins=(a,))


def _bound_matrix_power(bounds: Bounds, parameters: tuple[Any, ...], sides: Sides) -> int:
    # |A^p| <= n^(p−1) b^p for entries up to b
    (p,) = parameters
    return power_bound(bounds[0], p) * power_bound(sides[0], p - 1)


def _bound_det(bounds: Bounds, _: tuple[Any, ...], sides: Sides) -> int:
    # |det A| <= (b √n)^n for entries up to b (Hadamard)
    n = sides[0]
    return power_bound(bounds[0], n) * (math.isqrt(power_bound(n, n)) + 1)


def _matrix_power(node: Apply) -> Terms:
    # d A^n = Σ_m A^m dA A^(n−1−m)
    _, (i, j), (k, l) = labels_of(node)
    a = argument(node)
    (n,) = node.parameters
    # At both ends a factor is the identity, and the term is diagonal: dA A^(n−1) and A^(n−1) dA.
    first = term_of(node, 1, [(at_power(a, n - 1), (l, j))], (i, j, i, l))
    last = term_of(node, 1, [(at_power(a, n - 1), (i, k))], (i, j, k, j))
    middle = []
    for m in range(1, n - 1):
        left, right = at_power(a, m), at_power(a, n - 1 - m)
        middle.append(term_of(node, 1, [(left, (i, k)), (right, (l, j))], (i, j, k, l)))
    return (first, *middle, last)


def _cholesky(node: Apply) -> Terms:
    # dL = L Φ(L⁻¹ dA L⁻ᵀ), where Φ takes the lower triangle and half of the diagonal, and dA is
    # symmetric: half for dA[k, l] and half for dA[l, k].
    _, (i, j), (k, l) = labels_of(node)
    (p,) = fresh_labels(1)
    inverse = apply("inv", node, 2)
    lower = triangle(filled(1, node.axis_sizes[-2:], node.axes[-2:]), 0, lower=True)
    batch = tuple(range(node.ndim - 2))
    given = tuple(zip(batch, node.axis_sizes, strict=False))
    mask = viewed(lower, (i, j), (*batch, i, j), given=given)
    output = (i, j, k, l)
    lower_part = [(node, (i, p)), (mask, (p, j))]
    # The mask has the diagonal in full, so half of it is taken off again.
    straight = [*lower_part, (inverse, (p, k)), (inverse, (j, l))]
    flipped = [*lower_part, (inverse, (p, l)), (inverse, (j, k))]
    diagonal = [(node, (i, j)), (inverse, (j, k)), (inverse, (j, l))]
    return (
        term_of(node, 0.5, straight, output),
        term_of(node, 0.5, flipped, output),
        term_of(node, -0.5, diagonal, output),
    )


def widened(e: Expr, like: Expr) -> Expr:
    """`e` with the further batch axes of `like` in front of its core."""
    new = tuple(range(e.ndim, like.ndim))
    if not new:
        return e
    batch = tuple(range(e.ndim - 2))
    i, j = e.ndim - 2, e.ndim - 1
    given = tuple(zip(new, like.axis_sizes[len(batch) : -2], strict=True))
    return viewed(e, (*batch, i, j), (*batch, *new, i, j), given=given)


def transposed_matrix(e: Expr) -> Expr:
    *batch, i, j = range(e.ndim)
    return viewed(e, (*batch, i, j), (*batch, j, i))


def _expm_forward(node: Apply, k: int, tangent: Expr) -> Expr:
    # exp(A) with directions E1, E2, … is the derivative of exp at A in those directions: one
    # direction more by A, and linear in each of them.
    a, *directions = (widened(e, tangent) for e in node.arguments)
    if k == 0:
        directions.append(tangent)
    else:
        directions[k - 1] = tangent
    return apply("expm", (a, *directions), 2)


def _expm_backward(node: Apply, k: int, cotangent: Expr) -> Expr:
    # ⟨G, D exp(A)[E]⟩ = ⟨D exp(Aᵀ)[G], E⟩, and so for each of several directions.
    a, *directions = (transposed_matrix(e) for e in node.arguments)
    if k:
        del directions[k - 1]
    return apply("expm", (a, *directions, cotangent), 2)


def _expm_plain(np: Any, a: Any, *directions: Any) -> Any:
    """The matrix exponential; a direction by a complex step, several by differences of that."""
    from scipy.linalg import expm

    if not directions:
        return expm(a)
    first, *others = directions
    if not others and not np.iscomplexobj(a) and not np.iscomplexobj(first):
        h = 1e-20
        return np.imag(expm(a + 1j * h * first)) / h
    h = 1e-4
    right = _expm_plain(np, a + h * first, *others)
    left = _expm_plain(np, a - h * first, *others)
    return (right - left) / (2 * h)


def _crossed(
    arguments: tuple[Expr, ...], core: int, parameters: tuple[Any, ...]
) -> tuple[Axis, ...]:
    return same_axes(arguments, core, parameters)[::-1]


_MATRIX = r"\operatorname{{%s}}\left({0}\right)"

_ROWS = (
    Function(
        "inv",
        law="the inverse",
        derivatives=(_inv,),
        derived="-inv(A) dA inv(A)",
        source="Petersen and Pedersen, The Matrix Cookbook (2012), eq. 40",
        spell={
            "numpy": "inverse({0})",
            "torch": "inverse({0})",
            "jax": "inverse({0})",
            "julia": "inv({0})",
        },
        latex=r"{0}^{{-1}}",
        plain=lambda np, a: np.linalg.inv(a),
        core=2,
        shape=_crossed,
        square=True,
        factored=True,
        inverse=True,
        keeps_symmetry=True,
    ),
    Function(
        "det",
        law="the determinant",
        derivatives=(_det,),
        derived="tr(adj(A) dA)",
        source="Petersen and Pedersen, The Matrix Cookbook (2012), eq. 41",
        spell={
            "numpy": "determinant({0})",
            "torch": "determinant({0})",
            "jax": "determinant({0})",
            "julia": "fill(det({0}))",
        },
        latex=r"\det\left({0}\right)",
        plain=lambda np, a: np.linalg.det(a),
        integer=_bound_det,
        floats_in=frozenset({"torch", "jax", "cupy"}),
        core=2,
        shape=no_axes,
        square=True,
        factored=True,
    ),
    Function(
        "logdet",
        law="log |det A|",
        derivatives=(_logdet,),
        derived="tr(inv(A) dA)",
        source="Petersen and Pedersen, The Matrix Cookbook (2012), eq. 43",
        spell={
            "numpy": "log_determinant({0})",
            "torch": "log_determinant({0})",
            "jax": "log_determinant({0})",
            "julia": "fill(logabsdet({0})[1])",
        },
        latex=r"\log\left|\det\left({0}\right)\right|",
        plain=_logdet_plain,
        core=2,
        shape=no_axes,
        square=True,
        factored=True,
    ),
    Function(
        "det_sign",
        law="the sign of the determinant",
        derivatives=(no_slope,),
        derived="0",
        source="definition, constant between its jumps",
        spell={
            "numpy": "np.linalg.slogdet({0})[0]",
            "torch": "torch.linalg.slogdet({0})[0]",
            "jax": "jnp.linalg.slogdet({0})[0]",
        },
        latex=r"\operatorname{{sign}}\det\left({0}\right)",
        plain=lambda np, a: np.sign(np.linalg.det(a)),
        core=2,
        shape=no_axes,
        square=True,
        analytic=False,
        kink="its derivative is 0 at a singular matrix too",
    ),
    Function(
        "adj",
        law="the adjugate det(A) inv(A)",
        derivatives=(_adj,),
        derived="minors(A, 2)",
        source="Magnus and Neudecker, Matrix Differential Calculus (2019), chapter 8",
        spell={
            "numpy": "adjugate({0})",
            "torch": "adjugate({0})",
            "jax": "adjugate({0})",
        },
        latex=_MATRIX % "adj",
        plain=_adj_plain,
        core=2,
        shape=_crossed,
        square=True,
        keeps_symmetry=True,
    ),
    Function(
        "minors",
        law="the n-th derivative of det A",
        derivatives=(_minors,),
        derived="minors(A, n + 1)",
        source="the definition of minors; the first is Magnus and Neudecker (2019), chapter 8",
        spell={
            "numpy": "minors({0}, {1})",
            "torch": "minors({0}, {1})",
            "jax": "minors({0}, {1})",
        },
        latex=_MATRIX % "minors",
        plain=_minors_plain,
        core=2,
        shape=_of_order,
        square=True,
    ),
    Function(
        "pinv",
        law="the Moore-Penrose inverse",
        derivatives=(_pinv,),
        derived="-P dA P + P P^T dA^T (I - A P) + (I - P A) dA^T P^T P",
        source="Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least "
        "squares problems whose variables separate (1973), "
        "SIAM Journal on Numerical Analysis 10(2)",
        spell={
            "numpy": "np.linalg.pinv({arguments})",
            "torch": "torch.linalg.pinv({arguments})",
            "jax": "jnp.linalg.pinv({arguments})",
        },
        latex=r"{0}^{{+}}",
        plain=lambda np, a, *rtol: np.linalg.pinv(a, *rtol),
        core=2,
        shape=_crossed,
        analytic=False,
        kink="for constant rank",
        keeps_symmetry=True,
    ),
    Function(
        "matrix_power",
        law="A^n for a whole number n",
        derivatives=(_matrix_power,),
        derived="sum of A^m dA A^(n-1-m)",
        source="the product rule, factor by factor",
        spell={
            "numpy": "np.linalg.matrix_power({0}, {1})",
            "torch": "torch.linalg.matrix_power({0}, {1})",
            "jax": "jnp.linalg.matrix_power({0}, {1})",
        },
        latex=r"{0}^{{{1}}}",
        plain=lambda np, a, n: np.linalg.matrix_power(a, n),
        integer=_bound_matrix_power,
        floats_in=frozenset({"torch"}),
        core=2,
        square=True,
        keeps_symmetry=True,
    ),
    Function(
        "cholesky",
        law="the lower Cholesky factor of the symmetric part",
        derivatives=(_cholesky,),
        derived="L Phi(inv(L) dA inv(L)^T)",
        source="Murray, Differentiation of the Cholesky decomposition (2016), arXiv:1602.07527",
        spell={
            "numpy": "np.linalg.cholesky(({0} + {0}.swapaxes(-1, -2)) / 2)",
            "torch": "torch.linalg.cholesky(({0} + {0}.mT) / 2)",
            "jax": "jnp.linalg.cholesky({0})",
        },
        latex=_MATRIX % "chol",
        plain=lambda np, a: np.linalg.cholesky((a + a.swapaxes(-1, -2)) / 2),
        core=2,
        square=True,
        analytic=False,
    ),
    Function(
        "expm",
        law="the matrix exponential, and its derivatives in the directions that follow",
        derivatives=(),
        derived="the integral of e^(sA) dA e^((1 - s)A) over s from 0 to 1",
        source="Higham, Functions of Matrices: Theory and Computation (2008)",
        spell={
            "numpy": "frechet({all})",
            "torch": "frechet({all})",
            "jax": "frechet({all})",
        },
        latex=_MATRIX % "expm",
        plain=_expm_plain,
        core=2,
        square=True,
        needs="from scipy.linalg import expm",
        forward=_expm_forward,
        backward=_expm_backward,
        vanishes=1,
    ),
)

enter(_ROWS)
