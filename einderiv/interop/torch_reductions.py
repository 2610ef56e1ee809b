"""Operations of torch that contract, reduce or normalise axes, and those of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import functions
from ..expression import Expr, times, viewed
from .torch_values import (
    Call,
    Operation,
    contracted,
    expression_of,
    plus,
    product,
    shape_of,
    spread,
)

X = {"x": (2, 3)}
MATRIX = {"A": "SPD 3"}


# ---- products
def _mm(_: Call, a: Any, b: Any) -> Expr:
    return contracted("ij,jk->ik", expression_of(a), expression_of(b))


def _bmm(_: Call, a: Any, b: Any) -> Expr:
    return contracted("bij,bjk->bik", expression_of(a), expression_of(b))


def _mv(_: Call, a: Any, b: Any) -> Expr:
    return contracted("ij,j->i", expression_of(a), expression_of(b))


def _dot(_: Call, a: Any, b: Any) -> Expr:
    return contracted("i,i->", expression_of(a), expression_of(b))


def _plus_product(multiplied: Callable[..., Expr]) -> Callable[..., Expr]:
    """``beta x + alpha a b``"""

    def read(call: Call, x: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Expr:
        found = multiplied(call, a, b)
        if alpha != 1:
            found = times(found, alpha)
        return plus(product(x, beta) if beta != 1 else x, found) if beta else found

    return read


def _trilinear(
    call: Call,
    x: Any,
    y: Any,
    z: Any,
    expand1: Sequence[int],
    expand2: Sequence[int],
    expand3: Sequence[int],
    sumdim: Sequence[int],
    unroll_dim: int = 1,
) -> Expr:
    """The product of three, each with new axes, summed over some."""
    lifted = []
    for value, new in ((x, expand1), (y, expand2), (z, expand3)):
        e = expression_of(value)
        rank = e.ndim + len(new)
        own = [p for p in range(rank) if p not in new]
        lifted.append(viewed(e, own, range(rank), tuple([(p, 1) for p in new])))
    return functions.sum(product(product(lifted[0], lifted[1]), lifted[2]), tuple(sumdim))


# ---- reductions
def _axes(x: Expr, dim: Any) -> tuple[int, ...]:
    """The axes that are reduced: none named means all."""
    if dim is None or dim == [] or dim == ():
        return tuple(range(x.ndim))
    dims = dim if isinstance(dim, (list, tuple)) else [dim]
    return tuple([p % x.ndim if x.ndim else 0 for p in dims]) if x.ndim else ()


def _reduced(function: Callable[..., Expr]) -> Callable[..., Expr]:
    def read(_: Call, x: Expr, dim: Any = None, keepdim: bool = False, **__: Any) -> Expr:
        axes = _axes(x, dim)
        return function(x, axes, keepdims=keepdim) if axes else x

    return read


_sum = _reduced(functions.sum)
_mean = _reduced(functions.mean)
_amax = _reduced(functions.max)
_amin = _reduced(functions.min)


def _extreme(function: Callable[..., Expr]) -> Callable[..., Any]:
    """The largest of all, or along an axis, then with their places, which are no formula."""

    def read(call: Call, x: Expr, dim: Any = None, keepdim: bool = False) -> Any:
        found = function(call, x, dim, keepdim)
        return found if dim is None else (found, None)

    return read


def _prod(call: Call, x: Expr, dim: Any = None, keepdim: bool = False, **_: Any) -> Expr:
    return _reduced(functions.prod)(call, x, dim, keepdim)


def _any(call: Call, x: Expr, dim: Any = None, keepdim: bool = False) -> Expr:
    truth = functions.not_equal(x, times(x, 0))
    return _amax(call, truth, dim, keepdim)


def _all(call: Call, x: Expr, dim: Any = None, keepdim: bool = False) -> Expr:
    truth = functions.not_equal(x, times(x, 0))
    return _amin(call, truth, dim, keepdim)


def _var(
    _: Call, x: Expr, dim: Any = None, *, correction: Any = 1, keepdim: bool = False, **__: Any
) -> Expr:
    ddof = 1 if correction is None else correction
    return functions.var(x, _axes(x, dim), ddof=ddof, keepdims=keepdim)


def _std(
    _: Call, x: Expr, dim: Any = None, *, correction: Any = 1, keepdim: bool = False, **__: Any
) -> Expr:
    ddof = 1 if correction is None else correction
    return functions.std(x, _axes(x, dim), ddof=ddof, keepdims=keepdim)


def _var_mean(
    call: Call, x: Expr, dim: Any = None, *, correction: Any = 1, keepdim: bool = False
) -> tuple[Expr, Expr]:
    middle = functions.mean(x, _axes(x, dim), keepdims=keepdim)
    return _var(call, x, dim, correction=correction, keepdim=keepdim), middle


def _logsumexp(_: Call, x: Expr, dim: Any, keepdim: bool = False) -> Expr:
    return functions.logsumexp(x, _axes(x, dim), keepdims=keepdim)


def _norm(
    call: Call, x: Expr, order: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any
) -> Expr:
    axes = _axes(x, dim)
    order = 2 if order is None else order
    if order == 2:
        # over all axes at once, as of one vector
        return functions.norm(x, None, axes, keepdims=keepdim)
    sizes = functions.abs_(x)
    if order == float("inf"):
        return functions.max(sizes, axes, keepdims=keepdim)
    if order == -float("inf"):
        return functions.min(sizes, axes, keepdims=keepdim)
    if order == 1:
        return functions.sum(sizes, axes, keepdims=keepdim)
    if order == 0:
        call.refuse("it counts entries, and jumps")
    total = functions.sum(functions.powered(sizes, order), axes, keepdims=keepdim)
    return functions.powered(total, 1 / order)


def _distances(call: Call, a: Any, b: Any, p: float, mode: Any = None) -> Expr:
    """Of every row of `a` to every row of `b`."""
    x, y = expression_of(a), expression_of(b)
    rank = x.ndim
    rows, columns = shape_of(x), shape_of(y)
    shape = (*rows[:-1], columns[-2], rows[-1])
    first = viewed(x, [*range(rank - 1), rank], range(rank + 1), ((rank - 1, shape[-2]),))
    second = viewed(
        y, [*range(rank - 2), rank - 1, rank], range(rank + 1), ((rank - 2, shape[-3]),)
    )
    return _norm(call, plus(first, times(second, -1)), p, -1)


def _cumsum(_: Call, x: Expr, dim: int, **__: Any) -> Expr:
    return functions.cumsum(x, dim) if x.ndim else x


def _logcumsumexp(_: Call, x: Expr, dim: int) -> Expr:
    """``log Σ_{j ≤ i} exp(x_j)``, each over a row of a triangle, so that none underflows."""
    import torch

    n = shape_of(x)[dim]
    last = functions.moveaxis(x, dim, -1)
    rows = viewed(last, [*range(x.ndim - 1), x.ndim], range(x.ndim + 1), ((x.ndim - 1, n),))
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    seen = plus(rows, torch.zeros(n, n, dtype=torch.float16).masked_fill(later, -torch.inf))
    return functions.moveaxis(functions.logsumexp(seen, -1), -1, dim)


def _softmax(_: Call, x: Expr, dim: int, *__: Any) -> Expr:
    return functions.softmax(x, dim)


def _log_softmax(_: Call, x: Expr, dim: int, *__: Any) -> Expr:
    return functions.log_softmax(x, dim)


def _softmax_backward(_: Call, gradient: Any, p: Any, dim: int, *__: Any) -> Expr:
    weighted = product(gradient, p)
    total = functions.sum(weighted, dim, keepdims=True)
    return plus(weighted, times(product(p, total), -1))


def _log_softmax_backward(_: Call, gradient: Any, y: Any, dim: int, *__: Any) -> Expr:
    total = functions.sum(expression_of(gradient), dim, keepdims=True)
    return plus(gradient, times(product(functions.exp(expression_of(y)), total), -1))


# ---- attention
def _attention(
    _: Call,
    query: Any,
    key: Any,
    value: Any,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Any = None,
    scale: Any = None,
    **__: Any,
) -> tuple[Any, ...]:
    """``softmax(scale Q Kᵀ + mask) V``, batched over two axes."""
    import torch

    q, k, v = map(expression_of, (query, key, value))
    rows, columns = shape_of(q)[-2], shape_of(k)[-2]
    factor = shape_of(q)[-1] ** -0.5 if scale is None else scale
    scores = times(contracted("bhik,bhjk->bhij", q, k), factor)
    if is_causal:
        later = torch.ones(rows, columns, dtype=torch.bool).triu(1)
        scores = plus(scores, torch.zeros(rows, columns).masked_fill(later, -torch.inf))
    if attn_mask is not None:
        scores = plus(scores, attn_mask)
    return contracted("bhij,bhjk->bhik", functions.softmax(scores, -1), v), None


def _flash(
    call: Call, q: Any, k: Any, v: Any, dropout_p: float = 0.0, is_causal: bool = False, **more: Any
) -> Any:
    if dropout_p:
        call.refuse("its dropout is random: take dropout_p=0")
    return _attention(call, q, k, v, dropout_p, is_causal, **more)


# ---- matrices
def _cholesky(_: Call, a: Any, upper: bool = False, **__: Any) -> Any:
    factor = functions.cholesky(a)
    return functions.swapaxes(factor, -1, -2) if upper else factor


def _cholesky_ex(call: Call, a: Any, *, upper: bool = False, **_: Any) -> tuple[Any, ...]:
    return _cholesky(call, a, upper), None


def _inverse(_: Call, a: Any, **__: Any) -> tuple[Any, ...]:
    return functions.inv(a), None


def _solved(a: Any, b: Any) -> Expr:
    """``inv(A) B`` of matrices, or stacks of them that broadcast."""
    inverse, right = functions.inv(expression_of(a)), expression_of(b)
    rank = max(inverse.ndim, right.ndim)
    batch = []
    for p in range(rank - 2):
        sizes = [shape_of(e)[p - rank] for e in (inverse, right) if p - rank >= -e.ndim]
        batch.append(max(sizes))
    left = spread(inverse, (*batch, *shape_of(inverse)[-2:]))
    other = spread(right, (*batch, *shape_of(right)[-2:]))
    letters = "abcdefgh"[: len(batch)]
    return contracted(f"{letters}ij,{letters}jk->{letters}ik", left, other)


def _solve_ex(call: Call, a: Any, b: Any, *, left: bool = True, **_: Any) -> tuple[Any, ...]:
    if not left:
        call.refuse("solve with left=True, of transposed matrices")
    matrix, right = expression_of(a), expression_of(b)
    if right.ndim == matrix.ndim - 1:
        letters = "abcdefgh"[: right.ndim - 1]
        text = f"{letters}ij,{letters}j->{letters}i"
        return contracted(text, functions.inv(matrix), right), None, None, None
    return _solved(matrix, right), None, None, None


def _solve_triangular(
    call: Call,
    a: Any,
    b: Any,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
    **_: Any,
) -> Expr:
    if not left:
        call.refuse("solve with left=True, of transposed matrices")
    return _solved(_triangle(a, upper, unitriangular), b)


def _triangle(a: Any, upper: bool, unit: bool) -> Expr:
    import torch

    matrix = expression_of(a)
    if unit:
        inner = functions.triu(matrix, 1) if upper else functions.tril(matrix, -1)
        return plus(inner, torch.eye(shape_of(matrix)[-1], dtype=torch.int8))
    return functions.triu(matrix) if upper else functions.tril(matrix)


def _triangular_solve(
    call: Call,
    b: Any,
    a: Any,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> tuple[Any, ...]:
    factor = _triangle(a, upper, unitriangular)
    if transpose:
        factor = functions.swapaxes(factor, -1, -2)
    return _solved(factor, b), None


def _cholesky_solve(_: Call, b: Any, a: Any, upper: bool = False) -> Expr:
    factor = _triangle(a, upper, False)
    lower = functions.swapaxes(factor, -1, -2) if upper else factor
    return _solved(functions.swapaxes(lower, -1, -2), _solved(lower, b))


def _pinv(call: Call, a: Any, **_: Any) -> Expr:
    return functions.pinv(expression_of(a))


def _det(_: Call, a: Any) -> tuple[Any, ...]:
    return functions.det(a), None, None


def _slogdet(_: Call, a: Any) -> tuple[Any, ...]:
    sign, log = functions.slogdet(a)
    return sign, log, None, None


def _trace(_: Call, a: Any) -> Expr:
    return functions.trace(a)


AB = {"x": (2, 3), "y": (3, 4)}
ROWS = (
    Operation("mm", _mm, "x @ y", AB),
    Operation("bmm", _bmm, "torch.bmm(x, y)", {"x": (2, 3, 4), "y": (2, 4, 2)}),
    Operation("mv", _mv, "x @ y", {"x": (2, 3), "y": (3,)}),
    Operation("dot", _dot, "x @ y", {"x": (3,), "y": (3,)}),
    Operation(
        "addmm", _plus_product(_mm), "torch.addmm(z, x, y, beta=2, alpha=3)", {**AB, "z": (4,)}
    ),
    Operation(
        "baddbmm",
        _plus_product(_bmm),
        "torch.baddbmm(z, x, y)",
        {"x": (2, 3, 4), "y": (2, 4, 2), "z": (2,)},
    ),
    Operation(
        "addmv", _plus_product(_mv), "torch.addmv(z, x, y)", {"x": (2, 3), "y": (3,), "z": (2,)}
    ),
    Operation(
        "_trilinear", _trilinear, "F.bilinear(x, y, W)", {"x": (5, 2), "y": (5, 3), "W": (4, 2, 3)}
    ),
    Operation("sum", _sum, "x.sum(1, keepdim=True) + x.sum()", X),
    Operation("mean", _mean, "x.mean(0) * x.mean()", X),
    Operation("prod", _prod, "x.prod(1) * x.prod()", X),
    Operation("amax", _amax, "x.amax(1)", X, "ties share"),
    Operation("amin", _amin, "x.amin((0, 1))", X, "ties share"),
    Operation("max", _extreme(_amax), "x.max(1).values + x.max()", X, "the values alone"),
    Operation("min", _extreme(_amin), "x.min(1).values + x.min()", X, "the values alone"),
    Operation("any", _any, "(x > 0).any(1, keepdim=True) * x", X),
    Operation("all", _all, "(x > 0).all(1, keepdim=True) * x", X),
    Operation("var", _var, "x.var(1) * x.var(correction=0)", X),
    Operation("std", _std, "x.std(1) * x.std()", X),
    Operation("var_mean", _var_mean, "sum(torch.var_mean(x, 1))", X),
    Operation("logsumexp", _logsumexp, "x.logsumexp(1, keepdim=True)", X),
    Operation("linalg_vector_norm", _norm, "torch.linalg.vector_norm(x, 3, 1) + x.norm()", X),
    Operation("norm", _norm, "aten.norm.ScalarOpt_dim(x, 2, [1])", X),
    Operation("_cdist_forward", _distances, "torch.cdist(x, y)", {"x": (2, 3), "y": (4, 3)}),
    Operation(
        "_euclidean_dist",
        lambda call, a, b: _distances(call, a, b, 2),
        "aten._euclidean_dist(x, y)",
        {"x": (2, 3), "y": (4, 3)},
    ),
    Operation("cumsum", _cumsum, "x.cumsum(1)", X),
    Operation("logcumsumexp", _logcumsumexp, "(500 * x).logcumsumexp(1) + x.logcumsumexp(0)", X),
    Operation("_softmax", _softmax, "x.softmax(0)", X),
    Operation("_safe_softmax", _softmax, "torch._safe_softmax(x, 0)", X, "nan where all is masked"),
    Operation("_log_softmax", _log_softmax, "x.log_softmax(1)", X),
    Operation(
        "_softmax_backward_data",
        _softmax_backward,
        "torch._softmax_backward_data(x, y, 1, x.dtype)",
        {"x": (2, 3), "y": (2, 3)},
    ),
    Operation(
        "_log_softmax_backward_data",
        _log_softmax_backward,
        "torch._log_softmax_backward_data(x, y, 1, x.dtype)",
        {"x": (2, 3), "y": (2, 3)},
    ),
    Operation(
        "_scaled_dot_product_flash_attention_for_cpu",
        _flash,
        "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        {"q": (1, 2, 3, 4), "k": (1, 2, 3, 4), "v": (1, 2, 3, 4)},
    ),
    Operation("linalg_cholesky_ex", _cholesky_ex, "torch.linalg.cholesky(A)", MATRIX),
    Operation("cholesky", _cholesky, "torch.cholesky(A)", MATRIX),
    Operation("linalg_inv_ex", _inverse, "torch.linalg.inv(A)", MATRIX),
    Operation("linalg_pinv", _pinv, "torch.linalg.pinv(x)", X, "of full rank"),
    Operation(
        "_linalg_solve_ex", _solve_ex, "torch.linalg.solve(A, x)", {"A": "SPD 3", "x": (3, 2)}
    ),
    Operation(
        "linalg_solve_triangular",
        _solve_triangular,
        "torch.linalg.solve_triangular(A, x, upper=False)",
        {"A": "SPD 3", "x": (3, 2)},
    ),
    Operation(
        "triangular_solve",
        _triangular_solve,
        "torch.triangular_solve(x, A)[0]",
        {"A": "SPD 3", "x": (3, 2)},
    ),
    Operation(
        "cholesky_solve",
        _cholesky_solve,
        "torch.cholesky_solve(x, A.tril()).sum(1)",
        {"A": "SPD 3", "x": (3, 2)},
    ),
    Operation("_linalg_det", _det, "torch.linalg.det(A)", MATRIX),
    Operation("_linalg_slogdet", _slogdet, "torch.linalg.slogdet(A)[1]", MATRIX),
    Operation(
        "linalg_matrix_exp", lambda _, a: functions.expm(a), "torch.linalg.matrix_exp(A)", MATRIX
    ),
    Operation("trace", _trace, "torch.trace(A)", MATRIX),
)
