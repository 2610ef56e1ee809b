"""Matrix functions, batched over leading axes: inverses, determinants, powers, factors, triangles,
reshapes.

``inv(A)`` is a symbol: where a product contracts it, the planner solves with the factors of A
instead, and all uses of one matrix share its factors. The differentials are those of Magnus and
Neudecker, "Matrix Differential Calculus".
"""

from __future__ import annotations

from numbers import Integral

from ..errors import EinderivError, ShapeError, counted
from ..expression import (
    Expr,
    Size,
    as_expression,
    axes_of,
    called,
    checked,
    dressed,
    matmul,
    multiply,
    number,
    truth,
)
from .index_views import kronecker, merged, parted, triangle
from .indexing import entries
from .linalg_rules import at_power, transposed_matrix
from .table import apply, public


def matrix_argument(e: object, name: str) -> Expr:
    """A matrix, or a stack of them."""
    found = as_expression(e)
    if found.ndim < 2:
        raise ShapeError(
            f"{name} needs a matrix, or a stack of them, but {called(found)} has "
            f"{counted(found.ndim, 'axis')}"
        )
    return found


@public
def inv(a: object, /) -> Expr:
    """``inv(A)``: the inverse of the last two axes, ``inv(A) @ A = I``; the others are batch.

    In a product it is never formed: ``inv(A) @ b`` is evaluated as a solve. The derivative is
    ``-inv(A) dA inv(A)``.

    >>> import einderiv as ed
    >>> A = ed.tensor("A", "ij")
    >>> ed.evaluate(ed.inv(A), A=[[2.0, -1.0], [-1.0, 1.0]])
    array([[1., 1.],
           [1., 2.]])
    >>> print(ed.formula(ed.derive(ed.inv(A), A)))
    ∂y[j,i]/∂A[a,b] = −inv(A)[j,a] inv(A)[b,i]

    Raises ShapeError for fewer than two axes; ``numpy.linalg.LinAlgError`` on evaluation if the
    matrix is singular.
    """
    return checked(apply("inv", matrix_argument(a, "inv"), 2))


@public
def solve(a: object, b: object, /) -> Expr:
    """``solve(A, b)``: the x with ``A @ x = b``, that is ``inv(A) @ b``; `b` is a vector or has as
    many axes as `A`.

    >>> import einderiv as ed
    >>> x = ed.solve(ed.tensor("A", "ij"), ed.tensor("b", "i"))
    >>> ed.evaluate(x, A=[[2.0, 0.0], [0.0, 4.0]], b=[2.0, 2.0])
    array([1. , 0.5])

    Raises ShapeError for axes that do not fit.
    """
    return matmul(inv(a), as_expression(b))


@public
def det(a: object, /) -> Expr:
    """``det(A)``: the determinant of the last two axes. Its derivative is the transposed adjugate,
    singular or not.

    Higher derivatives are full tensors of minors; of a large matrix take `logdet`.

    >>> import einderiv as ed
    >>> A = ed.tensor("A", "ij")
    >>> ed.evaluate(ed.grad(ed.det(A), A), A=[[1.0, 0.0], [0.0, 0.0]])
    array([[0., 0.],
           [0., 1.]])

    Raises ShapeError for fewer than two axes.
    """
    return checked(apply("det", matrix_argument(a, "det"), 2))


@public
def logdet(a: object, /) -> Expr:
    """``logdet(A)``: ``log |det A|``, computed without forming the determinant; its derivative is
    ``inv(A).T``.

    >>> import einderiv as ed
    >>> A = ed.tensor("A", "ij")
    >>> import numpy as np
    >>> round(float(ed.evaluate(ed.logdet(A), A=np.eye(200) * 1e3)), 3)
    1381.551

    Raises ShapeError for fewer than two axes.
    """
    return checked(apply("logdet", matrix_argument(a, "logdet"), 2))


def slogdet(a: object, /) -> tuple[Expr, Expr]:
    """``slogdet(A)``: the pair of the sign of the determinant and the logarithm of its absolute
    value.

    >>> import einderiv as ed
    >>> sign, log = ed.slogdet(ed.tensor("A", "ij"))
    >>> float(ed.evaluate(sign, A=[[0.0, 1.0], [1.0, 0.0]]))
    -1.0

    Raises ShapeError for fewer than two axes.
    """
    sign = checked(apply("det_sign", matrix_argument(a, "slogdet"), 2))
    # The logarithm has met the sign, which has no complex derivative: of complex numbers `logdet`
    # is log det A, not the log |det A| that is meant here.
    return sign, dressed(logdet(a), origins=(sign,))


@public
def adj(a: object, /) -> Expr:
    """``adj(A)``: the adjugate, ``det(A) inv(A)``, also of a singular matrix; the transposed matrix
    of cofactors.

    >>> import einderiv as ed
    >>> import numpy as np
    >>> np.rint(ed.evaluate(ed.adj(ed.tensor("A", "ij")), A=[[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[4.0, -2.0], [-3.0, 1.0]]

    Raises ShapeError for fewer than two axes.
    """
    return checked(apply("adj", matrix_argument(a, "adj"), 2))


@public
def pinv(a: object, /, rtol: object = None) -> Expr:
    """``pinv(A)``: the Moore-Penrose inverse of real matrices; its derivative holds where the rank
    is constant. Singular values up to `rtol` times the largest count as 0, by default 1e-15 times,
    as in NumPy.

    Source: Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973), 413-432.

    >>> import einderiv as ed
    >>> ed.pinv(ed.tensor("A", "ij")).axes
    ('j', 'i')

    Raises ShapeError for fewer than two axes.
    """
    matrix = matrix_argument(a, "pinv")
    if rtol is None:
        return apply("pinv", matrix, 2)
    share = number(rtol)
    if isinstance(share, (bool, complex)) or share is None or not 0 <= share < 1:
        raise EinderivError(f"rtol must be a number from 0 to 1, not {rtol!r}")
    return apply("pinv", matrix, 2, (float(share),))


@public
def matrix_power(a: object, n: object, /) -> Expr:
    """``matrix_power(A, n)``: ``A @ A @ …`` for a whole number n; negative ones are powers of
    ``inv(A)``.

    The derivative is the sum of ``A^k dA A^(n-1-k)``.

    >>> import einderiv as ed
    >>> print(ed.matrix_power(ed.tensor("A", "ij"), 5))
    matrix_power(A, 5)

    Raises ShapeError for fewer than two axes, TypeError unless n is a whole number up to 1000.
    """
    matrix = matrix_argument(a, "matrix_power")
    power = number(n)
    if isinstance(power, bool) or not isinstance(power, int) or abs(power) > 1000:
        raise TypeError(
            f"the exponent of matrix_power must be a whole number of at most 1000, not {n!r}"
        )
    if power < 0:
        matrix, power = inv(matrix), -power
    symbol = checked(apply("matrix_power", matrix, 2, (power,)))
    if power > 1:
        return symbol
    # The first two powers are written out; that the matrix is square is still said by the symbol.
    return dressed(at_power(matrix, power), origins=(symbol,))


@public
def cholesky(a: object, /, *, upper: object = False) -> Expr:
    """``cholesky(A)``: the lower triangle L with ``L @ L.T = A`` of a symmetric positive definite
    real matrix; its transpose with `upper`.

    Of another matrix the symmetric part ``(A + A.T) / 2`` is taken, as JAX does, so the derivative
    is symmetric. Source: Murray, "Differentiation of the Cholesky decomposition", arXiv 1602.07527.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.cholesky(ed.tensor("A", "ij")), A=[[4.0, 2.0], [2.0, 5.0]])
    array([[2., 0.],
           [1., 2.]])

    Raises ShapeError for fewer than two axes; ``numpy.linalg.LinAlgError`` if the matrix is not
    positive definite.
    """
    factor = checked(apply("cholesky", matrix_argument(a, "cholesky"), 2))
    return transposed_matrix(factor) if truth(upper, "upper") else factor


@public
def expm(a: object, /) -> Expr:
    """``expm(A)``: the matrix exponential of the last two axes; needs SciPy to evaluate.

    Derivatives are exponentials of block matrices: Higham, "Functions of Matrices", theorem 3.6. A
    gradient takes one of twice the size; a full Jacobian takes one for each entry of A.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.expm(ed.tensor("A", "ij")), A=[[0.0, 1.0], [0.0, 0.0]])
    array([[1., 1.],
           [0., 1.]])

    Raises ShapeError for fewer than two axes.
    """
    return checked(apply("expm", matrix_argument(a, "expm"), 2))


@public
def tril(a: object, /, k: object = 0) -> Expr:
    """``tril(A, k)``: the entries on and below the k-th diagonal, zero above, as in NumPy.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.tril(ed.tensor("A", "ij")), A=[[1, 2], [3, 4]])
    array([[1, 0],
           [3, 4]])

    Raises ShapeError for fewer than two axes, TypeError unless k is a whole number.
    """
    return triangle(matrix_argument(a, "tril"), _diagonal(k), lower=True)


@public
def triu(a: object, /, k: object = 0) -> Expr:
    """``triu(A, k)``: the entries on and above the k-th diagonal, zero below, as in NumPy.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.triu(ed.tensor("A", "ij"), 1), A=[[1, 2], [3, 4]])
    array([[0, 2],
           [0, 0]])

    Raises ShapeError for fewer than two axes, TypeError unless k is a whole number.
    """
    return triangle(matrix_argument(a, "triu"), _diagonal(k), lower=False)


def _diagonal(k: object) -> int:
    place = number(k)
    if isinstance(place, bool) or not isinstance(place, int):
        raise TypeError(f"the diagonal must be a whole number, not {k!r}")
    return place


@public
def vec(e: object, /, axes: object = None, *, order: str = "C") -> Expr:
    """``vec(e, axes)``: `axes` (all by default) merged into one, in row-major order like NumPy's
    ``ravel``.

    With ``order="F"`` the first axis runs fastest, as in the books: ``vec_F(A X B) = (B.T ⊗ A)
    vec_F(X)``, while in row-major order ``vec(A X B) = (A ⊗ B.T) vec(X)``. The merged axis stands
    where the first of `axes` stood.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.vec(ed.tensor("X", "ij")), X=[[1, 2], [3, 4]])
    array([1, 2, 3, 4])
    >>> ed.evaluate(ed.vec(ed.tensor("X", "ij"), order="F"), X=[[1, 2], [3, 4]])
    array([1, 3, 2, 4])

    Raises ShapeError for axes that are not there.
    """
    found = as_expression(e)
    chosen = axes_of(found, axes)
    if not chosen:
        raise ShapeError("vec needs at least one axis to merge")
    return checked(merged(found, _ordered(chosen, order), place=min(chosen)))


@public
def unvec(e: object, shape: object, /, axis: object = -1, *, order: str = "C") -> Expr:
    """``unvec(e, shape)``: one axis split into several, the inverse of `vec`; `shape` that of an
    expression, or ints.

    >>> import einderiv as ed
    >>> X = ed.tensor("X", "ij")
    >>> ed.unvec(ed.vec(X), X).axes
    ('i', 'j')
    >>> ed.evaluate(ed.unvec(ed.tensor("v", "k"), (2, 2)), v=[1, 2, 3, 4])
    array([[1, 2],
           [3, 4]])

    Raises ShapeError if the sizes do not fit, TypeError if `shape` is neither an expression nor a
    sequence of ints.
    """
    found = as_expression(e)
    parts = _parts(shape)
    chosen = axes_of(found, axis)
    if len(chosen) != 1:
        raise ShapeError(f"unvec splits one axis, not {len(chosen)}")
    made: Expr = parted(found, chosen[0], parts, _ordered(tuple(range(len(parts))), order))
    if isinstance(shape, Expr):
        # The expression has met `shape`, so it may be given an array that says the sizes.
        made = dressed(made, origins=(shape,))
    return checked(made)


def _parts(shape: object) -> list[tuple[Size, str | None]]:
    """The sizes and the names of the axes that `unvec` makes."""
    if isinstance(shape, Expr):
        parts = list(zip(shape.axis_sizes, shape.axes, strict=True))
    elif isinstance(shape, (tuple, list)) and all(map(_is_whole, shape)):
        parts = [(int(n), None) for n in shape]
    else:
        raise TypeError("the shape must be an expression or a sequence of whole numbers")
    if not parts or any(isinstance(n, int) and n < 0 for n, _ in parts):
        raise ShapeError(f"an axis cannot be split into {tuple(n for n, _ in parts)}")
    return parts


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _ordered(axes: tuple[int, ...], order: str) -> tuple[int, ...]:
    if order not in ("C", "F"):
        raise EinderivError(f"order must be 'C', row-major, or 'F', column-major, not {order!r}")
    return axes if order == "C" else axes[::-1]


@public
def kron(a: object, b: object, /) -> Expr:
    """``kron(A, B)``: the Kronecker product, as in NumPy; entry ``[i k, j l]`` is ``A[i, j] B[k,
    l]``.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.kron(ed.tensor("A", "ij"), ed.tensor("B", "kl")), A=[[1, 2]], B=[[1], [3]])
    array([[1, 2],
           [3, 6]])

    Where one has fewer axes, it has axes of size 1 before them.

    Raises TypeError for what is no expression, number or array.
    """
    x, y = as_expression(a), as_expression(b)
    missing = x.ndim - y.ndim
    x = entries(x, (None,) * max(-missing, 0) + (...,))
    y = entries(y, (None,) * max(missing, 0) + (...,))
    if not x.ndim:
        return multiply(x, y)
    return checked(kronecker(x, y))
