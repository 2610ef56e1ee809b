"""Eigenvalues, singular values, orthogonal factors, and functions of matrices made of them.

Their rows, and the rules of their derivatives, stand in :mod:`spectral_rules`.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import EinderivError, ShapeError
from ..expression import (
    Expr,
    add,
    as_expression,
    at_least_0,
    called,
    checked,
    dressed,
    lengths_of,
    matmul,
    truth,
)
from ..expression import difference_of_sizes as minus
from .elementwise import greater, sqrt, where
from .linalg import cholesky, inv, matrix_argument, pinv, tril, triu
from .linalg_rules import at_power, transposed_matrix
from .reductions import max
from .spectral_rules import is_known_which_is_smaller
from .table import apply, public


class Eigh(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Expr
    eigenvectors: Expr


class Svd(NamedTuple):
    """What `svd` gives."""

    U: Expr
    S: Expr
    Vh: Expr


class Qr(NamedTuple):
    """What `qr` gives."""

    Q: Expr
    R: Expr


@public
def eigvalsh(a: object, /) -> Expr:
    """``eigvalsh(A)``: the eigenvalues of the symmetric part of the last two axes, in ascending
    order.

    A sum of functions of them has the gradient ``Q f'(Λ) Qᵀ``, and second derivatives by divided
    differences: both are right where eigenvalues are equal.

    >>> import einderiv as ed
    >>> S = ed.tensor("S", "ii")
    >>> y = ed.sum(ed.eigvalsh(S) ** 2)
    >>> ed.evaluate(ed.grad(y, S), S=[[1.0, 0.0], [0.0, 1.0]])
    array([[2., 0.],
           [0., 2.]])

    Raises ShapeError unless the matrix is square.
    """
    return checked(apply("eigvalsh", matrix_argument(a, "eigvalsh"), 2))


@public
def eigh(a: object, /) -> Eigh:
    """``eigh(A)``: the eigenvalues of the symmetric part in ascending order, and the eigenvectors
    as columns.

    The derivative of eigenvectors is infinite where eigenvalues are equal; that of sums of
    functions of eigenvalues is not.

    >>> import einderiv as ed
    >>> values, vectors = ed.eigh(ed.tensor("S", "ii"))
    >>> ed.evaluate(values, S=[[0.0, 1.0], [1.0, 0.0]])
    array([-1.,  1.])

    Raises ShapeError unless the matrix is square.
    """
    matrix = matrix_argument(a, "eigh")
    return Eigh(eigvalsh(matrix), checked(apply("eigenvectors", matrix, 2)))


def _with_known_sides(a: object, name: str) -> Expr:
    """A matrix of which is known what the smaller of both sizes is."""
    matrix = matrix_argument(a, name)
    if is_known_which_is_smaller(matrix):
        return matrix
    raise ShapeError(
        f"{name} has as many singular values as the smaller size of {called(matrix)}, and which it "
        "is must be known: declare the sizes, as in ed.tensor('X', (5, 3))"
    )


@public
def svdvals(a: object, /) -> Expr:
    """``svdvals(A)``: the singular values of the last two axes, in descending order.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.svdvals(ed.tensor("A", (2, 2))), A=[[0.0, 3.0], [-1.0, 0.0]])
    array([3., 1.])

    Raises ShapeError where it is not known which size is the smaller.
    """
    return apply("svdvals", _with_known_sides(a, "svdvals"), 2)


@public
def svd(a: object, full_matrices: object = False, compute_uv: object = True) -> Svd | Expr:
    """``svd(A)``: the factors U, s, Vᵀ with ``U @ diag(s) @ Vt = A`` and as many columns of U and
    rows of Vᵀ as there are singular values; s alone where `compute_uv` is false.

    The derivatives of U and Vᵀ are infinite where singular values are equal.

    >>> import einderiv as ed
    >>> U, s, Vt = ed.svd(ed.tensor("A", (3, 2)))
    >>> U.shape, s.shape, Vt.shape
    ((3, 2), (2,), (2, 2))

    Raises ShapeError where it is not known which size is the smaller; EinderivError for
    `full_matrices`, whose further columns have no derivative.
    """
    matrix = _with_known_sides(a, "svd")
    if not truth(compute_uv, "compute_uv"):
        return svdvals(matrix)
    rows, columns = lengths_of(matrix)[-2:]
    if truth(full_matrices, "full_matrices") and rows != columns:
        raise EinderivError(
            "the further columns of full matrices have no derivative: svd(A, full_matrices=False)"
        )
    u, v = apply("left_vectors", matrix, 2), apply("right_vectors", matrix, 2)
    return Svd(u, apply("svdvals", matrix, 2), transposed_matrix(v))


def nuclear_norm(a: object, /) -> Expr:
    """The sum of the singular values of the last two axes; its derivative is ``U @ Vt``. It has
    derivatives up to the second.
    """
    return apply("nuclear_norm", matrix_argument(a, "nuclear_norm"), 2)


def largest_singular_value(e: Expr) -> Expr:
    """The root of the largest eigenvalue of ``Aᵀ A``; equal ones share the derivative, which is 0
    at 0.
    """
    square = matmul(transposed_matrix(e), e)
    top = max(eigvalsh(square), -1)
    is_positive = greater(top, 0)
    return where(is_positive, sqrt(where(is_positive, top, 1)), 0)


@public
def qr(a: object, mode: object = "reduced") -> Qr:
    """``qr(A)``: the factors Q, R with ``Q @ R = A``, orthonormal columns and an upper triangle, of
    a matrix with at least as many rows as columns.

    >>> import einderiv as ed
    >>> Q, R = ed.qr(ed.tensor("A", "ij"))
    >>> ed.evaluate(Q @ R, A=[[1.0, 2.0], [3.0, 4.0]]).round(12).tolist()
    [[1.0, 2.0], [3.0, 4.0]]

    Raises EinderivError for another mode than ``"reduced"``, ShapeError for fewer than two axes.
    """
    if mode != "reduced":
        raise EinderivError(f"qr has the mode 'reduced' here, not {mode!r}")
    matrix = matrix_argument(a, "qr")
    q, r = apply("q_factor", matrix, 2), apply("r_factor", matrix, 2)
    rows, columns = lengths_of(matrix)[-2:]
    tall = None if isinstance(rows, int) else at_least_0(minus(rows, columns))
    if tall is None:
        return Qr(checked(q), checked(r))
    met = (tall,)
    return Qr(checked(dressed(q, origins=met)), checked(dressed(r, origins=met)))


@public
def sqrtm(a: object, /) -> Expr:
    """``sqrtm(A)``: the principal square root of the last two axes, ``X @ X = A``; needs SciPy to
    evaluate.

    Derivatives are corners of roots of block matrices: Higham, "Functions of Matrices", theorem
    3.6.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.sqrtm(ed.tensor("A", "ii")), A=[[4.0, 0.0], [0.0, 9.0]])
    array([[2., 0.],
           [0., 3.]])

    Raises ShapeError unless the matrix is square.
    """
    return checked(apply("sqrtm", matrix_argument(a, "sqrtm"), 2))


@public
def logm(a: object, /) -> Expr:
    """``logm(A)``: the principal logarithm of the last two axes, ``expm(logm(A)) = A``; needs SciPy
    to evaluate.

    Derivatives are corners of logarithms of block matrices: Higham, "Functions of Matrices",
    theorem 3.6.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.logm(ed.tensor("A", "ii")), A=[[1.0, 0.0], [0.0, 1.0]]).tolist()
    [[0.0, 0.0], [0.0, 0.0]]

    Raises ShapeError unless the matrix is square.
    """
    return checked(apply("logm", matrix_argument(a, "logm"), 2))


@public
def solve_triangular(
    a: object, b: object, trans: object = 0, lower: object = False, unit_diagonal: object = False
) -> Expr:
    """``solve_triangular(A, b)``: the x with ``triu(A) @ x = b``, of the lower triangle with
    `lower`, of its transpose with ``trans=1`` or ``"T"``, as in SciPy.

    >>> import einderiv as ed
    >>> x = ed.solve_triangular(ed.tensor("A", "ii"), ed.tensor("b", "i"), lower=True)
    >>> ed.evaluate(x, A=[[2.0, 7.0], [1.0, 1.0]], b=[2.0, 3.0])
    array([1., 2.])

    Raises ShapeError for axes that do not fit, EinderivError for another `trans`.
    """
    matrix = matrix_argument(a, "solve_triangular")
    below = truth(lower, "lower")
    factor = tril(matrix) if below else triu(matrix)
    if truth(unit_diagonal, "unit_diagonal"):
        strict = tril(matrix, -1) if below else triu(matrix, 1)
        factor = add(strict, at_power(matrix, 0))
    if trans in (1, "T"):
        factor = transposed_matrix(factor)
    elif trans not in (0, "N"):
        raise EinderivError(f"trans must be 0, 1, 'N' or 'T', not {trans!r}")
    return matmul(inv(factor), as_expression(b))


@public
def cho_factor(a: object, lower: object = False) -> tuple[Expr, bool]:
    """``cho_factor(A)``: a triangle of Cholesky, ``U.T @ U = A`` or with `lower` ``L @ L.T = A``,
    and which it is, for `cho_solve`, as in SciPy; the other triangle is zero.

    >>> import einderiv as ed
    >>> factor = ed.cho_factor(ed.tensor("A", "ii"))
    >>> ed.evaluate(ed.cho_solve(factor, ed.tensor("b", "i")), A=[[4.0]], b=[2.0])
    array([0.5])

    Raises ShapeError for fewer than two axes.
    """
    below = truth(lower, "lower")
    factor = cholesky(a)
    return (factor if below else transposed_matrix(factor)), below


@public
def cho_solve(c_and_lower: object, b: object, /) -> Expr:
    """``cho_solve((c, lower), b)``: the x with ``A @ x = b``, of what `cho_factor` gives.

    >>> import einderiv as ed
    >>> x = ed.cho_solve((ed.tensor("L", "ii"), True), ed.tensor("b", "i"))
    >>> ed.evaluate(x, L=[[2.0]], b=[2.0])
    array([0.5])

    Raises TypeError unless the first argument is a pair, ShapeError for axes that do not fit.
    """
    if not isinstance(c_and_lower, (tuple, list)) or len(c_and_lower) != 2:
        raise TypeError("cho_solve takes a pair, the factor and whether it is the lower one")
    factor, below = c_and_lower
    lower = truth(below, "lower")
    # L (Lᵀ x) = b, or Uᵀ (U x) = b
    inner = solve_triangular(factor, b, trans=0 if lower else 1, lower=lower)
    return solve_triangular(factor, inner, trans=1 if lower else 0, lower=lower)


@public
def solve_sylvester(a: object, b: object, q: object, /) -> Expr:
    """``solve_sylvester(A, B, Q)``: the X with ``A @ X + X @ B = Q``, as in SciPy, which NumPy's
    evaluation needs.

    >>> import einderiv as ed
    >>> X = ed.solve_sylvester(ed.tensor("A", "ii"), ed.tensor("B", "jj"), ed.tensor("Q", "ij"))
    >>> ed.evaluate(X, A=[[1.0]], B=[[3.0]], Q=[[8.0]])
    array([[2.]])

    Raises ShapeError for axes that do not fit.
    """
    left, right, whole = (matrix_argument(one, "solve_sylvester") for one in (a, b, q))
    if not left.ndim == right.ndim == whole.ndim:
        raise ShapeError(
            "solve_sylvester takes three matrices, or stacks with the same number of axes, not "
            f"{left.ndim}, {right.ndim} and {whole.ndim}"
        )
    # what says that the sizes fit, and never stands in the result
    met = (matmul(left, whole), matmul(whole, right))
    found = apply("sylvester", (left, right, whole), 2)
    return checked(dressed(found, origins=met))


@public
def lstsq(a: object, b: object, /) -> Expr:
    """``lstsq(A, b)``: the x of least length with the least ``norm(A @ x - b)``, which is
    ``pinv(A) @ b``; its derivative holds where the rank is constant.

    >>> import einderiv as ed
    >>> x = ed.lstsq(ed.tensor("A", "ni"), ed.tensor("b", "n"))
    >>> ed.evaluate(x, A=[[1.0], [1.0]], b=[1.0, 3.0]).round(12).tolist()
    [2.0]

    Raises ShapeError for axes that do not fit.
    """
    return matmul(pinv(matrix_argument(a, "lstsq")), as_expression(b))
