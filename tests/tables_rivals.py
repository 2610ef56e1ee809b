"""What the tests of AutoHOOT and tensorgrad, and the bug reports of einsum libraries, ask for: input, and its value.

A row is `f(K, …)` with ``K = einderiv`` for our input; the same `f` with a namespace of JAX is the judge where JAX is
installed. `closed` is the value that the source gives, in NumPy, shaped as here: axes of the result, then of `by`. With
whole numbers, `Z`, ours must be equal; with reals, `R`, to 1e-9. SymPy's rows are in `tables_sympy.py`.

Sources: AutoHOOT aeca7a8, `tests/jacobian_test.py` (18 tests) and `tests/autodiff_test.py` (36); tensorgrad 59c85e4,
`tests/test_matrix_calc.py` (5), `test_second_order.py` (3), `test_grads.py` (16), `test_jacobians.py` (4). Each of them
has a row; what they ask for beside values is in `UNSTATED`. Thirteen tests of `test_grads.py` derive a function that is
only a name: nothing here is, so they are stated for functions with the same numbers of axes, which comments name.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

Z, R = "whole numbers", "reals"
USUAL: Mapping[str, str] = MappingProxyType({})
I2, I = np.eye(2, dtype=int), np.eye(3, dtype=int)  # noqa: E741
o, es, sin, cos = np.outer, np.einsum, np.sin, np.cos
X1, X2, X3 = {"x1": "jj"}, {"x1": "jj", "x2": "jj"}, {"x1": "jj", "x2": "jj", "x3": "jj"}
NO = {"x1": "", "x2": "", "x3": ""}
FOUR = es("ac,bd->abcd", I2, I2)


class Row(NamedTuple):
    f: Any
    by: str  # a tensor; "x x" is the second derivative by x, "" the value itself
    closed: Any
    at: str = Z
    counts: int = 1  # asserts of the source that it states
    axes: Mapping[str, str] = (
        USUAL  # of tensors; else capitals have ii, small letters i, t and mu none
    )


def softmax(x):
    e = np.exp(x)
    return e / e.sum()


def softmax_by_x(x):
    return np.diag(softmax(x)) - o(softmax(x), softmax(x))


# ---- AutoHOOT, jacobian_test.py
JACOBIANS = {
    "add": Row(lambda K, x1, x2: x1 + x2, "x2", lambda: FOUR, axes=X2),
    "add_scalar": Row(lambda K, x1, x2: x1 + x2, "x2", lambda: np.array(1), axes=NO),
    "chainjacobian": Row(
        lambda K, x1, x2: K.einsum("abc,bcd->ad", x1, x2),
        "",
        lambda x1, x2: es("abc,bcd->ad", x1, x2),
        axes={"x1": "jjj", "x2": "jjj"},
    ),
    "add_w_chain": Row(lambda K, x1, x2, x3: x1 + x2 + x3, "x2", lambda: FOUR, axes=X3),
    "add_scalar_w_chain": Row(
        lambda K, x1, x2, x3: x1 + x2 + x3, "x2", lambda: np.array(1), axes=NO
    ),
    "sub, x1": Row(lambda K, x1, x2: x1 - x2, "x1", lambda: FOUR, axes=X2),
    "sub, x2": Row(lambda K, x1, x2: x1 - x2, "x2", lambda: -FOUR, axes=X2),
    "sub_w_chain": Row(lambda K, x1, x2, x3: x3 - (x1 - x2), "x2", lambda: FOUR, axes=X3),
    "mul, x1": Row(
        lambda K, x1, x2: x1 * x2, "x1", lambda x2: es("ai,bj,ij->abij", I2, I2, x2), axes=X2
    ),
    "mul, x2": Row(
        lambda K, x1, x2: x1 * x2, "x2", lambda x1: es("ai,bj,ij->abij", I2, I2, x1), axes=X2
    ),
    "three_mul": Row(
        lambda K, x1, x2, x3: x1 * x2 * x3,
        "x1",
        lambda x2, x3: es("ai,bj,ij,ij->abij", I2, I2, x2, x3),
        axes=X3,
    ),
    "three_mul_scalars": Row(
        lambda K, x1, x2, x3: x1 * x2 * x3, "x1", lambda x2, x3: x2 * x3, axes=NO
    ),
    "mul_scalars, x1": Row(lambda K, x1, x2: x1 * x2, "x1", lambda x2: x2, axes=NO),
    "mul_scalars, x2": Row(lambda K, x1, x2: x1 * x2, "x2", lambda x1: x1, axes=NO),
    "mul_one_scalar, left, x1": Row(
        lambda K, x1, x2: x1 * x2, "x1", lambda x2: x2, axes={**X2, "x1": ""}
    ),
    "mul_one_scalar, right, x2": Row(
        lambda K, x1, x2: x2 * x1, "x2", lambda x1: x1 * FOUR, axes={**X2, "x1": ""}
    ),
    "mul_const": Row(lambda K, x1: 2 * x1, "x1", lambda: 2 * FOUR, axes=X1),
    "einsum, x1": Row(
        lambda K, x1, x2: K.einsum("ikl,jkl->ijk", x1, x2),
        "x1",
        lambda x2: es("im,kn,jno->ijkmno", I, I, x2),
        axes={"x1": "iii", "x2": "iii"},
    ),
    "einsum, x2": Row(
        lambda K, x1, x2: K.einsum("ikl,jkl->ijk", x1, x2),
        "x2",
        lambda x1: es("jm,kn,ino->ijkmno", I, I, x1),
        axes={"x1": "iii", "x2": "iii"},
    ),
    "summation_einsum": Row(lambda K, x1: K.einsum("ij->", x1), "x1", lambda: 0 * I2 + 1, axes=X1),
    "summation_einsum_2": Row(
        lambda K, x1, x2: K.einsum("ij,ab->ab", x1, x2),
        "x1",
        lambda x2: es("ij,ab->abij", 0 * I2 + 1, x2),
        axes=X2,
    ),
    "trace_einsum": Row(lambda K, x1: K.einsum("ii->", x1), "x1", lambda: I2, axes=X1),
    "hessian_quadratic": Row(
        lambda K, x, H: K.einsum("i,ij,j->", x, H, x), "x x", lambda H: H + H.T
    ),
}

# ---- AutoHOOT, autodiff_test.py
CHAIN = {"x2": "ij", "x3": "ji", "x4": "ij"}
TALL = {"x": "ij", "A": "ij", "A1": "ij", "A2": "ij", "x1": "j", "x2": "j", "v1": "j", "v2": "j"}
ONES = 1 + 0 * I[0]


def rows_of(name, f, *gradients, **more):
    """One row for the gradient by each tensor."""
    return {f"{name}, {by}": Row(f, by, closed, **more) for by, closed in gradients}


def mix(x2, x3):
    return x2 * x2 + x2 + x3 + 3


GRADIENTS = {
    "identity": Row(lambda K, x: K.sum(x), "x", lambda: ONES),
    "add_by_const": Row(lambda K, x: K.sum(5 + x), "x", lambda: ONES),
    "sub_by_const": Row(lambda K, x: K.sum(x - 5), "x", lambda: ONES),
    "sub_by_const_2": Row(lambda K, x: K.sum(5 - x), "x", lambda: -ONES),
    "negative": Row(lambda K, x: K.sum(-x), "x", lambda: -ONES),
    "mul_by_const": Row(lambda K, x: K.sum(5 * x), "x", lambda: 5 * ONES),
    "power": Row(lambda K, x: K.sum(x**3), "x", lambda x: 3 * x**2),
    **rows_of(
        "add_two_vars", lambda K, x, y: K.sum(x + y), ("x", lambda: ONES), ("y", lambda: ONES)
    ),
    **rows_of(
        "sub_two_vars", lambda K, x, y: K.sum(x - y), ("x", lambda: ONES), ("y", lambda: -ONES)
    ),
    **rows_of("mul_two_vars", lambda K, x, y: K.sum(x * y), ("x", lambda y: y), ("y", lambda x: x)),
    **rows_of(
        "add_mul_mix_1",
        lambda K, x, y, z: K.sum(x + y * z * x),
        ("x", lambda y, z: 1 + y * z),
        ("y", lambda x, z: x * z),
        ("z", lambda x, y: x * y),
    ),
    **rows_of(
        "add_mul_mix_2",
        lambda K, x, y, z, w: K.sum(x + y * z * w),
        ("x", lambda: ONES),
        ("y", lambda z, w: z * w),
        ("z", lambda y, w: y * w),
        ("w", lambda y, z: y * z),
    ),
    **rows_of(
        "add_mul_mix_3",
        lambda K, x2, x3: K.sum(mix(x2, x3) * mix(x2, x3) + x3),
        ("x2", lambda x2, x3: 2 * mix(x2, x3) * (2 * x2 + 1)),
        ("x3", lambda x2, x3: 2 * mix(x2, x3) + 1),
        axes={"x2": "i", "x3": "i"},
    ),
    **rows_of(
        "matmul_two_vars",
        lambda K, x2, x3: K.sum(x2 @ x3),
        ("x2", lambda x3: o(ONES, x3.sum(1))),
        ("x3", lambda x2: o(x2.sum(0), ONES)),
        axes=CHAIN,
    ),
    **rows_of(
        "einsum",
        lambda K, x2, x3: K.sum(K.einsum("ik,kj->ij", x2, x3)),
        ("x2", lambda x3: o(ONES, x3.sum(1))),
        ("x3", lambda x2: o(x2.sum(0), ONES)),
        axes=CHAIN,
    ),
    **rows_of(
        "einsum_3op",
        lambda K, x2, x3, x4: K.sum(K.einsum("ik,kj,jl->il", x2, x3, x4)),
        ("x2", lambda x3, x4: es("i,kj,jl->ik", ONES, x3, x4)),
        ("x3", lambda x2, x4: es("ik,jl->kj", x2, x4)),
        ("x4", lambda x2, x3: es("ik,kj,l->jl", x2, x3, ONES[:2])),
        axes=CHAIN,
    ),
    "norm": Row(lambda K, x: K.norm(x) ** 2, "x", lambda x: 2 * x, R, axes=TALL),
    "sum": Row(lambda K, x: K.sum(x), "x", lambda x: 0 * x + 1, axes=TALL),
    "transpose": Row(lambda K, x: K.sum(x.T), "x", lambda x: 0 * x + 1, axes=TALL),
    "transpose_einsum": Row(
        lambda K, x: K.sum(K.einsum("ij->ji", x)), "x", lambda x: 0 * x + 1, axes=TALL
    ),
    "tensor_transpose_einsum": Row(
        lambda K, x, v: K.vjp(K.einsum("kij->jik", x), x, v),
        "",
        lambda v: es("jik->kij", v),
        axes={"x": "ija", "v": "aji"},
    ),
    "inner_product": Row(lambda K, x: K.sum(x @ x.T), "x", lambda x: 2 * x, axes={"x": "sj"}),
    "inner_product_einsum": Row(lambda K, x: K.einsum("i,i->", x, x), "x", lambda x: 2 * x),
    "summation_einsum": Row(lambda K, x: K.einsum("ij->", x), "x", lambda x: 0 * x + 1, axes=TALL),
    "summation_einsum_2": Row(
        lambda K, x, y: K.sum(K.einsum("ij,ab->ab", x, y)),
        "x",
        lambda x, y: 0 * x + y.sum(),
        axes={"x": "ij", "y": "ia"},
    ),
    "trace_einsum": Row(lambda K, X: K.einsum("ii->", X), "X", lambda: I),
    "vjps": Row(
        lambda K, A, x, v: K.vjp(K.einsum("ab,b->a", A, x), x, v),
        "",
        lambda A, v: v @ A,
        axes={"A": "ij", "x": "j"},
    ),
    "jvps": Row(
        lambda K, A1, x1, A2, x2, v1, v2: K.jvp(A1 @ x1 + A2 @ x2, [x1, x2], [v1, v2]),
        "",
        lambda A1, A2, v1, v2: A1 @ v1 + A2 @ v2,
        axes=TALL,
    ),
    "jtjvps": Row(
        lambda K, A, x, v: K.vjp(A @ x, x, K.jvp(A @ x, x, v)),
        "",
        lambda A, v: A.T @ A @ v,
        axes={"A": "ij", "x": "j", "v": "j"},
    ),
    "inner_product_hvp": Row(
        lambda K, x, v: K.hvp(K.sum(x.T @ x), x, v),
        "",
        lambda v: 2 * v,
        axes={"x": "is", "v": "is"},
    ),
    "hvp1": Row(
        lambda K, x, H, v: K.hvp(K.sum(x * (H @ x)), x, v),
        "",
        lambda H, v: (H + H.T) @ v,
        axes={"x": "is", "v": "is"},
    ),
    "hvp2": Row(
        lambda K, x, H, v: K.hvp(K.sum(x.T @ H @ x), x, v),
        "",
        lambda H, v: (H + H.T) @ v,
        axes={"x": "is", "v": "is"},
    ),
    "tensorinv_matrix": Row(lambda K, X: K.inv(X), "", lambda X: np.linalg.inv(X), R),
    "tensorinv_tensor": Row(
        lambda K, X: K.unvec(K.unvec(K.inv(K.vec(K.vec(X, (2, 3)), (0, 1))), (3, 2), 0), (3, 2), 2),
        "",
        lambda X: np.linalg.tensorinv(X),
        R,
        axes={"X": "ijij"},
    ),
    "tensorinv_odd_dim": Row(
        lambda K, X: K.unvec(K.inv(K.vec(X, (1, 2))), (3, 2), 0),
        "",
        lambda X: np.linalg.tensorinv(X, ind=1),
        R,
        axes={"X": "mij"},
    ),
    "tensordot": Row(
        lambda K, A, B: K.einsum("abcd,bdef->acef", A, B),
        "",
        lambda A, B: np.tensordot(A, B, ((1, 3), (0, 1))),
        axes={"A": "ijai", "B": "jiua"},
    ),
}

# ---- tensorgrad
SKINNY = {"X": "ji", "D": "jj", "b": "i", "c": "i", "B": "ji", "A": "ji"}
MATRIX_CALC = {
    "gradient_of_product": Row(
        lambda K, B, x, b, C, D, d: (B @ x + b) @ C @ (D @ x + d),
        "x",
        lambda B, x, b, C, D, d: B.T @ C @ (D @ x + d) + D.T @ C.T @ (B @ x + b),
        axes={"B": "ji", "b": "j", "C": "ju", "D": "ui", "d": "u"},
    ),
    "gradient_of_quadratic_form": Row(
        lambda K, b, X, c: (b @ X.T) @ (X @ c),
        "X",
        lambda b, X, c: X @ (o(b, c) + o(c, b)),
        axes=SKINNY,
    ),
    "gradient_of_matrix_trace": Row(
        lambda K, A, B: K.trace(B.T @ A), "A", lambda B: B, axes=SKINNY
    ),
    "gradient_of_quadratic_form_with_middle_matrix": Row(
        lambda K, b, X, D, c: b @ X.T @ D @ X @ c,
        "X",
        lambda b, X, D, c: D.T @ X @ o(b, c) + D @ X @ o(c, b),
        axes=SKINNY,
    ),
    "gradient_of_quadratic_form_with_affine_transform": Row(
        lambda K, X, b, c, D: (X @ b + c) @ D @ (X @ b + c),
        "X",
        lambda X, b, c, D: o((D + D.T) @ (X @ b + c), b),
        axes={**SKINNY, "c": "j"},
    ),
}
SECOND_ORDER = {
    "quadratic_hessian_is_closed_form": Row(lambda K, x, A: x @ A @ x, "x x", lambda A: A + A.T),
    "logsumexp_hessian_is_softmax_rank1": Row(
        lambda K, x: K.log(K.sum(K.exp(x))), "x x", softmax_by_x, R
    ),
    "mlp_hessian_matches_torch_func": Row(
        lambda K, x, W, w: K.sum(K.tanh(x @ W) * w),
        "x x",
        lambda x, W, w: W @ np.diag(-2 * w * np.tanh(x @ W) * (1 - np.tanh(x @ W) ** 2)) @ W.T,
        R,
        axes={"W": "ij", "w": "j"},
    ),
}
SIMPLE = {
    "simple_vector": Row(lambda K, x: x, "x", lambda: I),
    "simple_matrix": Row(lambda K, X: X, "X", lambda: es("ac,bd->abcd", I, I2), axes={"X": "ij"}),
    "a_not_function_of_x": Row(lambda K, t, x: t / x, "x", lambda t, x: np.diag(-t / x**2), R),
    "a_not_function_of_x_matrix": Row(
        lambda K, A, x: A @ x, "x", lambda A: A, axes={"A": "ij", "x": "j"}
    ),
}
GRADS = {
    "simple_grad": Row(lambda K, x, A: x @ A, "x", lambda A: A.T, axes={"A": "ij"}),
    "simple_hessian, x'Ax": Row(lambda K, x, A: x @ A @ x, "x x", lambda A: A + A.T),
    "simple_hessian, x'AA'x": Row(lambda K, x, A: x @ A @ A.T @ x, "x x", lambda A: 2 * A @ A.T),
    "simple_hessian, |A'x - y|²": Row(
        lambda K, x, A, y: K.norm_squared(A.T @ x - y),
        "x x",
        lambda A: 2 * A @ A.T,
        axes={"A": "ij", "y": "j"},
    ),
    "derivative_of_hadamard_product, a": Row(
        lambda K, A, B: A * B,
        "A",
        lambda B: es("ab,ac,bd->abcd", B, I, I2),
        axes={"A": "ij", "B": "ij"},
    ),
    "derivative_of_hadamard_product, b": Row(
        lambda K, A, B: A * B,
        "B",
        lambda A: es("ab,ac,bd->abcd", A, I, I2),
        axes={"A": "ij", "B": "ij"},
    ),
    # f a sine; logsumexp; logsumexp over one of two axes
    "f_0_0": Row(lambda K, t: K.sin(t), "t", lambda t: cos(t), R),
    "f_0_1": Row(lambda K, x: K.logsumexp(x, 0), "x", softmax, R),
    "f_0_2": Row(
        lambda K, X: K.logsumexp(X, 1),
        "X",
        lambda X: es("bi,bc->bci", np.exp(X) / np.exp(X).sum(1, keepdims=True), I),
        R,
        axes={"X": "ij"},
    ),
    # f a vector that grows with a number; softmax; a mixture of two vectors; the same with one vector twice
    "f_1_0": Row(lambda K, y, t: y * K.exp(t), "t", lambda y, t: y * np.exp(t), R),
    "f_1_1": Row(lambda K, x: K.softmax(x, 0), "x", softmax_by_x, R),
    "fxy_1_1_1": Row(
        lambda K, x, y: K.softmax(x, 0) * (x @ y),
        "x",
        lambda x, y: softmax_by_x(x) * (x @ y) + o(softmax(x), y),
        R,
    ),
    "fxx_1_1_1": Row(
        lambda K, x: K.softmax(x, 0) * (x @ x),
        "x",
        lambda x: softmax_by_x(x) * (x @ x) + 2 * o(softmax(x), x),
        R,
    ),
    # f an outer product over all but one axis of each
    "f_2_2_multi_input": Row(
        lambda K, X, Y: K.einsum("ij,kl->ikjl", K.sin(X), Y),
        "X",
        lambda X, Y: es("ij,ia,jb,kl->ikjlab", cos(X), I, I2, Y),
        R,
        axes={"X": "ij", "Y": "ju"},
    ),
    # softmax of softmax; of a matrix made of a vector; of a vector made of a matrix; matrix products of sines
    "f_1_1_nested": Row(
        lambda K, x: K.softmax(K.softmax(x, 0), 0),
        "x",
        lambda x: softmax_by_x(softmax(x)) @ softmax_by_x(x),
        R,
    ),
    "f_2_1_nested": Row(
        lambda K, x, A: K.einsum("jk,lj->l", K.sin(K.outer(x, x)), A),
        "x",
        lambda x, A: A @ np.diag(cos(o(x, x)) @ x) + A @ (x[:, None] * cos(o(x, x))),
        R,
    ),
    "f_1_2_nested": Row(
        lambda K, X, c: K.outer(K.sin(K.sum(X, 1)), c),
        "X",
        lambda X, c: es("l,m,li,j->lmij", cos(X.sum(1)), c, I, ONES[:2]),
        R,
        axes={"X": "ij"},
    ),
    "f_2_2_nested": Row(
        lambda K, A, X: A @ K.sin(X), "X", lambda A, X: es("mk,kn,nj->mnkj", A, cos(X), I), R
    ),
    "f_2_2_double_nested": Row(
        lambda K, A, X: K.sin(A @ K.sin(X)),
        "X",
        lambda A, X: es("mn,mk,kn,nj->mnkj", cos(A @ sin(X)), A, cos(X), I),
        R,
    ),
}

# ---- reports of wrong or missing derivatives of einsums
X4 = np.arange(16).reshape(4, 4)
REPORTS = {
    "autograd #115": Row(lambda K, X: K.einsum("ii->", X), "X", lambda: I),
    "autograd #510, x": Row(
        lambda K, x, W: K.sum(K.einsum("nd,nn->d", x, W)),
        "x",
        lambda x, W: o(np.diag(W), ONES[:2]),
        axes={"x": "ij"},
    ),
    "autograd #510, W": Row(
        lambda K, x, W: K.sum(K.einsum("nd,nn->d", x, W)),
        "W",
        lambda x: np.diag(x.sum(1)),
        axes={"x": "ij"},
    ),
    "autograd #242": Row(
        lambda K, X: K.sum(K.einsum("abcd->bd", X) ** 2),
        "X",
        lambda X: es("bd,ac->abcd", 2 * X.sum((0, 2)), 1 + 0 * I),
        axes={"X": "ijij"},
    ),
    "autograd #31": Row(lambda K, x: K.einsum("i->ii", x), "x", lambda: es("ia,ij->ija", I, I)),
    "autograd PR #114": Row(
        lambda K, X, x: K.einsum("i...,i->...", X, x),
        "x",
        lambda X: es("iab->abi", X),
        axes={"X": "iju"},
    ),
    "autograd, ii->i": Row(lambda K, X: K.einsum("ii->i", X), "X", lambda: es("ia,ib->iab", I, I)),
    "autograd, ijji->ij": Row(
        lambda K, X: K.einsum("ijji->ij", X),
        "X",
        lambda: es("ia,jb,jc,id->ijabcd", I, I2, I2, I),
        axes={"X": "ijji"},
    ),
    "autograd, iij->j": Row(
        lambda K, X: K.einsum("iij->j", X), "X", lambda: es("ab,jc->jabc", I, I2), axes={"X": "iij"}
    ),
    "MyGrad PR #24, first": Row(
        lambda K, X, Y, W: K.einsum("ijji,kji,jj->kj", X, Y, W),
        "X",
        lambda Y, W: es("kba,bb,ad,bc,bj->kjabcd", Y, W, I, I2, I2),
        axes={"X": "ijji", "Y": "uji", "W": "jj"},
    ),
    "MyGrad PR #24, last": Row(
        lambda K, X, Y, W: K.einsum("ijji,kji,jj->kj", X, Y, W),
        "W",
        lambda X, Y: es("ijji,kji,ja,jb->kjab", X, Y, I2, I2),
        axes={"X": "ijji", "Y": "uji", "W": "jj"},
    ),
    "MyGrad PR #24, ij,jk": Row(
        lambda K, X: K.sum(K.einsum("ij,jk", X, X)),
        "X",
        lambda X: X.sum(1)[None, :] + X.sum(0)[:, None],
    ),
    "MyGrad PR #84": Row(lambda K, X: K.einsum("ij,ij->", X, X), "X", lambda X: 2 * X),
    "OMEinsum #98": Row(
        lambda K, A, X: K.einsum("ijkl,ji,lk->", A, X, X),
        "X X",
        lambda A: es("ijkl->jilk", A) + es("ijkl->lkji", A),
        axes={"A": "iiii"},
    ),
    "OMEinsum #184": Row(
        lambda K, a, A, b: K.grad(
            a @ K.grad(K.einsum("b,b->", K.einsum("a,ab->b", a, A), b), a), b
        ),
        "",
        lambda a, A: A.T @ a,
    ),
    "MLX #2376": Row(
        lambda K, a, b: K.einsum("i,j->ij", a, b),
        "b",
        lambda a: es("i,jk->ijk", a, I2),
        axes={"b": "j"},
    ),
    "MXNet #18102": Row(
        lambda K, A, B: K.einsum("bnij,bnjc->bnic", A, B),
        "A",
        lambda B: es("bx,ny,ip,bnjc->bnicxypj", [[1]], [[1]], I, B),
        axes={"A": "ssij", "B": "ssju"},
    ),
    "tenferro #557": Row(lambda K, X, t: K.vjp(K.einsum("ii->", X), X, t), "", lambda t: t * I),
    "tinygrad #18207": Row(
        lambda K, X: K.einsum("iij->ij", X),
        "X",
        lambda: es("ia,ib,jc->ijabc", I, I, I2),
        axes={"X": "iij"},
    ),
}

TABLES = {
    "AutoHOOT jacobian_test": JACOBIANS,
    "AutoHOOT autodiff_test": GRADIENTS,
    "tensorgrad test_matrix_calc": MATRIX_CALC,
    "tensorgrad test_second_order": SECOND_ORDER,
    "tensorgrad test_jacobians": SIMPLE,
    "tensorgrad test_grads": GRADS,
    "reports": REPORTS,
}
#: how many tests each of the files has; several rows state one test where it asks for several derivatives
TESTS = {
    "AutoHOOT jacobian_test": 18,
    "AutoHOOT autodiff_test": 36,
    "tensorgrad test_matrix_calc": 5,
    "tensorgrad test_second_order": 3,
    "tensorgrad test_jacobians": 4,
    "tensorgrad test_grads": 16,
}
#: what is asked for beside a value, and cannot be stated, with the reason
UNSTATED = {
    "AutoHOOT, isinstance(y, ad.Node)": "a Python type of AutoHOOT's, in almost every test",
    "AutoHOOT, ctf and taco backends": "the same values in other array libraries",
    "AutoHOOT tensorinv_odd_dim, input_indices_length": "an attribute of AutoHOOT's nodes; the value is stated",
    "autograd #376": "`i,i` of sizes 2 and 1: a shared label of two sizes is an error here, so nothing is derived",
    "tensorgrad test_grads, D_0f": "a derivative that is only a name; functions of the same axes are stated instead",
    "tensorgrad test_second_order, statement counts": "not a value; a test of its own counts ours",
}
