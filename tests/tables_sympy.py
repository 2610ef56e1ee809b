"""The asserts of SymPy 1.14's tests of matrix and array derivatives, stated here: input, and SymPy's value in NumPy.

`sympy/matrices/expressions/tests/test_derivatives.py` has 108 asserts, one of them in a helper behind a `return`, where
it never runs. `sympy/tensor/array/expressions/tests/test_arrayexpr_derivatives.py` has 9. Of these 117 the rows below
state 114, and `UNSTATED` names the other 3 with the reason. A test adds these numbers up.

SymPy's numbers in brackets are those of the Matrix Cookbook. Its vectors are k×1 matrices, here they have one axis; its
array derivatives have the axes of X first, here they come last. What SymPy has only as a comment (`Not implemented`,
`TODO: wrong`, `TODO: no support`) is stated too, and counts 0.
"""

import numpy as np
from tables_rivals import R, Row

I, EYE2, EYE4 = (np.eye(n, dtype=int) for n in (3, 2, 4))  # noqa: E741
o, es, diag, tr, inv, sin, cos = (
    np.outer,
    np.einsum,
    np.diag,
    np.trace,
    np.linalg.inv,
    np.sin,
    np.cos,
)
FOUR = es("ac,bd->abcd", I, I)  # ∂A[a,b]/∂A[c,d]


def zeros(*shape):
    return np.zeros(shape, int)


def complicated(K, a, b, A, B, C, D, X):
    W = X @ D @ X.T + X @ (X.T @ B + A @ X) @ D @ B - X.T @ C.T @ A
    V = X @ D.T + B @ A @ X @ A.T - 3 * X @ D
    middle = B.T @ X.T @ (K.outer(a, b) @ W @ B + B @ V) @ B
    return a @ (A @ X @ (X.T @ B + X @ A) + middle + 42 * X @ B @ X.T @ A.T @ (X + X.T)) @ b


def complicated_by_x(a, b, A, B, C, D, X):
    """One outer product for each occurrence of X: uᵀ dX v gives u vᵀ, and uᵀ dXᵀ v gives v uᵀ."""
    W = X @ D @ X.T + X @ (X.T @ B + A @ X) @ D @ B - X.T @ C.T @ A
    V = X @ D.T + B @ A @ X @ A.T - 3 * X @ D
    left, n = X @ B @ a, B @ b
    p, q, m = (left @ a) * b, B @ B @ b, B.T @ left
    z, y = A @ X @ B.T @ X.T @ a, (X + X.T) @ b
    first = o(A.T @ a, (X.T @ B + X @ A) @ b) + o(n, X.T @ A.T @ a) + o(X.T @ A.T @ a, A @ b)
    by_w = (
        o(p, D @ X.T @ q)
        + o(q, D.T @ X.T @ p)
        + o(p, (X.T @ B + A @ X) @ D @ B @ q)
        + o(B @ D @ B @ q, X.T @ p)
        + o(A.T @ X.T @ p, D @ B @ q)
        - o(C.T @ A @ q, p)
    )
    by_v = o(m, D.T @ n) + o(A.T @ B.T @ m, A.T @ n) - 3 * o(m, D @ n)
    outside = o((o(a, b) @ W @ B + B @ V) @ n, B @ a)
    last = o(a, B @ X.T @ A.T @ y) + o(A.T @ y, B.T @ X.T @ a) + o(z, b) + o(b, z)
    return first + outside + by_w + by_v + 42 * last


def ratio(A, B, C, X):
    """(126) and (127) for B and C of any kind."""
    G = inv(A + X.T @ C @ X)
    M = X.T @ B @ X
    return B @ X @ G + B.T @ X @ G.T - C @ X @ G @ M @ G - C.T @ X @ G.T @ M.T @ G.T


BY_SCALAR = (
    Row(lambda K, A, t: A, "t", lambda: zeros(3, 3)),
    Row(lambda K, A, X, B, c, t: A @ (X + B) @ c, "t", lambda: zeros(3)),
    Row(lambda K, x, t: x, "t", lambda: zeros(3)),
    Row(lambda K, x, y, t: x @ y, "t", lambda: zeros()),
    Row(lambda K, x, t: K.outer(x, x), "t", lambda: zeros(3, 3)),
    Row(lambda K, x, y, t: x + y, "t", lambda: zeros(3)),
    Row(lambda K, x, t: x**2, "t", lambda: zeros(3)),
    Row(lambda K, x, t: K.exp(t * K.log(x)), "t", lambda x, t: np.log(x) * x**t, R),
    Row(lambda K, x, y, t: x * y, "t", lambda: zeros(3)),
    Row(lambda K, x, y, t: t * x * y, "t", lambda x, y: x * y),
    Row(lambda K, x, t: t * x, "t", lambda x: x),
    Row(
        lambda K, A, B, x, t: K.sin(t) * (A @ B @ x),
        "t",
        lambda A, B, x, t: cos(t) * (A @ B @ x),
        R,
    ),
    Row(lambda K, x, t: K.sin(x), "t", lambda: zeros(3), R),
    Row(lambda K, X, t: K.trace(t**2 * X), "t", lambda X, t: 2 * t * tr(X)),
    Row(lambda K, x, mu: 2 * mu * x, "x", lambda mu: 2 * mu * I),
)
NO_MATRIX_RESULT = (
    Row(lambda K, A: A, "A", lambda: FOUR),
    Row(lambda K, A: A.T, "A", lambda: es("ad,bc->abcd", I, I)),
    Row(lambda K, A: 2 * A, "A", lambda: 2 * FOUR),
    Row(lambda K, A: A + A, "A", lambda: FOUR + FOUR),
    Row(lambda K, A, B: A + B, "A", lambda: FOUR),
)
INVERSES = (
    Row(lambda K, a, X, b: a @ K.inv(X) @ b, "X", lambda a, X, b: -inv(X).T @ o(a, b) @ inv(X).T, R),  # (61)
    Row(lambda K, X: K.det(K.inv(X)), "X", lambda X: -np.linalg.det(inv(X)) * inv(X).T, R, counts=0),  # (62)
    Row(lambda K, A, X, B: K.trace(A @ K.inv(X) @ B), "X", lambda A, X, B: -(inv(X) @ B @ A @ inv(X)).T, R),  # (63)
    Row(lambda K, X, A: K.trace(K.inv(X + A)), "X", lambda X, A: -inv(X + A).T @ inv(X + A).T, R),  # (64)
)  # fmt: skip
VECTORS = (
    Row(lambda K, x: x, "x", lambda: I, counts=2),  # whole, and entry by entry
    Row(lambda K, x: x.T, "x", lambda: I),
    Row(lambda K, x, a: x @ a, "x", lambda a: a, counts=2),  # (69), whole, and entry by entry
    Row(lambda K, x, a: a @ x, "x", lambda a: a),
    Row(lambda K, a, X, b: a @ X @ b, "X", lambda a, b: o(a, b)),  # (70)
    Row(lambda K, a, X, b: a @ X.T @ b, "X", lambda a, b: o(b, a)),  # (71)
    Row(lambda K, a, X: a @ X @ a, "X", lambda a: o(a, a)),  # (72)
    Row(lambda K, a, X: a @ X.T @ a, "X", lambda a: o(a, a)),
    Row(lambda K, b, X, c: b @ X.T @ X @ c, "X", lambda b, X, c: X @ o(b, c) + X @ o(c, b)),  # (77)
    Row(lambda K, B, x, b, C, D, d: (B @ x + b) @ C @ (D @ x + d), "x",
        lambda B, x, b, C, D, d: B.T @ C @ (D @ x + d) + D.T @ C.T @ (B @ x + b)),  # (78)
    Row(lambda K, x, B: x @ B @ x, "x", lambda x, B: B @ x + B.T @ x),  # (81)
    Row(lambda K, b, X, D, c: b @ X.T @ D @ X @ c, "X",
        lambda b, X, D, c: D.T @ X @ o(b, c) + D @ X @ o(c, b)),  # (82)
    Row(lambda K, X, b, c, D: (X @ b + c) @ D @ (X @ b + c), "X",
        lambda X, b, c, D: o(D @ (X @ b + c), b) + o(D.T @ (X @ b + c), b)),  # (83)
    Row(lambda K, x: K.outer(x, x) @ x, "x", lambda x: I * (x @ x) + 2 * o(x, x)),
)  # fmt: skip
TRACES = (
    Row(lambda K, A: K.trace(A) * A, "A", lambda A: es("ab,cd->abcd", A, I) + tr(A) * FOUR, counts=2),
    Row(lambda K, X: K.trace(X), "X", lambda: I, counts=2),  # (99)
    Row(lambda K, X, A: K.trace(X @ A), "X", lambda A: A.T, counts=2),
    Row(lambda K, A, X, B: K.trace(A @ X @ B), "X", lambda A, B: A.T @ B.T, counts=2),
    Row(lambda K, A, X, B: K.trace(A @ X.T @ B), "X", lambda A, B: B @ A),
    Row(lambda K, X, A: K.trace(X.T @ A), "X", lambda A: A),
    Row(lambda K, A, X: K.trace(A @ X.T), "X", lambda A: A),  # (104)
    Row(lambda K, A, X: K.trace(K.kron(A, X)), "X", lambda A: tr(A) * I, counts=0),
    Row(lambda K, X: K.trace(K.matrix_power(X, 2)), "X", lambda X: 2 * X.T),  # (106)
    Row(lambda K, X, B: K.trace(K.matrix_power(X, 2) @ B), "X", lambda X, B: (X @ B + B @ X).T),
    Row(lambda K, X, B: K.trace(X @ X @ B), "X", lambda X, B: (X @ B + B @ X).T),
    Row(lambda K, X, B: K.trace(X.T @ B @ X), "X", lambda X, B: B @ X + B.T @ X),
    Row(lambda K, X, B: K.trace(B @ X @ X.T), "X", lambda X, B: B @ X + B.T @ X),
    Row(lambda K, X, B: K.trace(X @ X.T @ B), "X", lambda X, B: B @ X + B.T @ X),  # (110)
    Row(lambda K, X, B: K.trace(X @ B @ X.T), "X", lambda X, B: X @ B.T + X @ B),
    Row(lambda K, X, B: K.trace(B @ X.T @ X), "X", lambda X, B: X @ B.T + X @ B),
    Row(lambda K, X, B: K.trace(X.T @ X @ B), "X", lambda X, B: X @ B.T + X @ B),
    Row(lambda K, A, X, B: K.trace(A @ X @ B @ X), "X", lambda A, X, B: A.T @ X.T @ B.T + B.T @ X.T @ A.T),
    Row(lambda K, X: K.trace(X.T @ X), "X", lambda X: 2 * X),  # (115)
    Row(lambda K, X: K.trace(X @ X.T), "X", lambda X: 2 * X),
    Row(lambda K, B, X, C: K.trace(B.T @ X.T @ C @ X @ B), "X", lambda B, X, C: (C.T @ X + C @ X) @ B @ B.T),
    Row(lambda K, X, B, C: K.trace(X.T @ B @ X @ C), "X", lambda X, B, C: B @ X @ C + B.T @ X @ C.T),
    Row(lambda K, A, X, B, C: K.trace(A @ X @ B @ X.T @ C), "X",
        lambda A, X, B, C: A.T @ C.T @ X @ B.T + C @ A @ X @ B),  # (118)
    Row(lambda K, A, X, B, C: K.trace((A @ X @ B + C) @ (A @ X @ B + C).T), "X",
        lambda A, X, B, C: 2 * A.T @ (A @ X @ B + C) @ B.T),
    Row(lambda K, X: K.trace(K.kron(X, X)), "X", lambda X: 2 * tr(X) * I, counts=0),  # (120)
    Row(lambda K, X: K.trace(K.matrix_power(X, 3)), "X", lambda X: 3 * (X @ X).T, R, counts=0),
    Row(lambda K, A, X: K.trace(A @ K.matrix_power(X, 3)), "X",
        lambda A, X: (A @ X @ X + X @ A @ X + X @ X @ A).T, R, counts=0),
    Row(lambda K, B, X, C: K.trace(B.T @ X.T @ C @ X @ X.T @ C @ X @ B), "X",
        lambda B, X, C: (C @ X @ X.T @ C @ X @ B @ B.T + C.T @ X @ B @ B.T @ X.T @ C.T @ X
                         + C @ X @ B @ B.T @ X.T @ C @ X + C.T @ X @ X.T @ C.T @ X @ B @ B.T)),  # (123)
    Row(lambda K, A, X, B: K.trace(A @ K.inv(X) @ B), "X", lambda A, X, B: -inv(X).T @ A.T @ B.T @ inv(X).T, R),
    Row(lambda K, X, C, A: K.trace(K.inv(X.T @ C @ X) @ A), "X",
        lambda X, C, A: -inv(X).T @ (A.T @ inv(X) @ inv(C).T + A @ inv(X) @ inv(C)) @ inv(X).T, R),  # (125)
    Row(lambda K, X, C, B: K.trace(K.inv(X.T @ C @ X) @ (X.T @ B @ X)), "X", lambda: zeros(3, 3), R),  # as X is square
    Row(lambda K, A, X, C, B: K.trace(K.inv(A + X.T @ C @ X) @ (X.T @ B @ X)), "X", ratio, R),
)  # fmt: skip
MIXED = (
    Row(lambda K, A: 3 * K.trace(A), "A", lambda: 3 * I),
    Row(lambda K, A, t: 3 * t, "A", lambda: zeros(3, 3)),
    Row(lambda K, A: K.trace(A) ** 2, "A", lambda A: 2 * tr(A) * I),
    Row(lambda K, A: K.trace(A) * A, "A", lambda A: es("ab,cd->abcd", A, I) + tr(A) * FOUR),
    Row(lambda K, A: K.trace(K.trace(A) * A), "A", lambda A: 2 * tr(A) * I),
    Row(lambda K, A: K.trace(K.trace(K.trace(A) * A) * A), "A", lambda A: 3 * tr(A) ** 2 * I),
)
NORMS = (
    Row(lambda K, x, y: x @ y, "x", lambda y: y, counts=2),
    Row(lambda K, x, y: (x @ y) ** 0.5, "x", lambda x, y: y / (2 * np.sqrt(x @ y)), R),
    Row(lambda K, x: (x @ x) ** 0.5, "x", lambda x: x / np.sqrt(x @ x), R),
    Row(
        lambda K, c, a, x, b: (c @ a * (x @ b)) ** 0.5,
        "x",
        lambda c, a, x, b: b * (a @ c) / np.sqrt(c @ a * (x @ b)) / 2,
        R,
    ),
    Row(
        lambda K, c, a, x, b: (c @ a * (x @ b)) ** (1 / 3),
        "x",
        lambda c, a, x, b: b * (a @ c) * (c @ a * (x @ b)) ** (-2 / 3) / 3,
        R,
    ),
    Row(
        lambda K, a, X, b: (a @ X @ b) ** 0.5,
        "X",
        lambda a, X, b: o(a, b) / (2 * np.sqrt(a @ X @ b)),
        R,
    ),
    Row(
        lambda K, d, x, a, X, b, y, c: d @ x * (a @ X @ b) ** 0.5 * (y @ c),
        "X",
        lambda d, x, a, X, b, y, c: o(a, b) * (x @ d) * (y @ c) / (2 * np.sqrt(a @ X @ b)),
        R,
    ),
)
ELEMENTWISE = (
    Row(lambda K, x: K.tan(x), "x", lambda x: diag(np.tan(x) ** 2 + 1), R, counts=2),
    Row(lambda K, t, x: K.sin(t**2 * x), "t", lambda t, x: 2 * t * x * cos(t**2 * x), R, counts=2),
    Row(
        lambda K, t, A, B: K.sin(K.log(t) * (A @ B)),
        "t",
        lambda t, A, B: A @ B / t * cos(np.log(t) * A @ B),
        R,
    ),
    Row(lambda K, A, x: A @ K.exp(x), "x", lambda A, x: A @ diag(np.exp(x)), R, counts=0),
    Row(
        lambda K, x, A, y: x @ A @ x + 3 * K.sin(y) @ x,
        "x",
        lambda x, A, y: A.T @ x + A @ x + 3 * sin(y),
        R,
    ),
    Row(lambda K, x, y: K.sin(x) @ y, "x", lambda x, y: diag(cos(x)) @ y, R, counts=0),
    Row(lambda K, a, X, b: K.sin(a @ X @ b), "X", lambda a, X, b: o(a, b) * cos(a @ X @ b), R),
    Row(lambda K, a, X, b: a @ K.sin(X) @ b, "X", lambda a, X, b: diag(a) @ cos(X) @ diag(b), R),
    Row(
        lambda K, a, A, X, B, b: a @ K.sin(A @ X @ B) @ b,
        "X",
        lambda a, A, X, B, b: A.T @ diag(a) @ cos(A @ X @ B) @ diag(b) @ B.T,
        R,
    ),
    Row(
        lambda K, a, A, X, b: a @ K.sin(A @ X @ b) * b,
        "X",
        lambda a, A, X, b: es("i,j,k->ijk", b, A.T @ (a * cos(A @ X @ b)), b),
        R,
        counts=0,
    ),
    Row(
        lambda K, a, A, X, B, b: a @ A @ K.sin(X) @ B @ b,
        "X",
        lambda a, A, X, B, b: o(A.T @ a, B @ b) * cos(X),
        R,
    ),
    Row(
        lambda K, a, A, X, B, b: a @ K.log(A @ K.sin(X) @ B) @ b,
        "X",
        lambda a, A, X, B, b: (A.T @ (o(a, b) / (A @ sin(X) @ B)) @ B.T) * cos(X),
        R,
        counts=0,
    ),
    Row(
        lambda K, a, X, b: a @ K.log(K.sin(X)) @ b,
        "X",
        lambda a, X, b: o(a, b) / sin(X) * cos(X),
        R,
        counts=0,
    ),
)
HADAMARD = (
    Row(lambda K, a, x, b: a * x * b, "x", lambda a, b: diag(b * a)),
    Row(lambda K, a, A, X, B, b: a @ (A * X * B) @ b, "X", lambda a, A, B, b: o(a, b) * A * B),
    Row(lambda K, x: x**2, "x", lambda x: 2 * diag(x)),
    Row(lambda K, x: x.T**2, "x", lambda x: 2 * diag(x)),
    Row(lambda K, x: x**0.5, "x", lambda x: diag(x**-0.5) / 2, R),
    Row(lambda K, a, X, b: (a @ X @ b) ** 2, "X", lambda a, X, b: 2 * (a @ X @ b) * o(a, b)),
    Row(
        lambda K, a, X, b: (a @ X @ b) ** 0.5,
        "X",
        lambda a, X, b: o(a, b) / (2 * np.sqrt(a @ X @ b)),
        R,
    ),
)
ARRAYS = (
    Row(lambda K, X: X, "X", lambda: FOUR),
    Row(
        lambda K, A, X, B: K.einsum("ab,cd,ef->abcdef", A, X, B),
        "X",
        lambda A, B: es("ab,cg,dh,ef->abcdefgh", A, I, I, B),
    ),
    Row(lambda K, X: K.einsum("ii->", X), "X", lambda: I),
    Row(lambda K, X: K.einsum("ii->i", X), "X", lambda: es("ia,ib->iab", I, I)),
    Row(lambda K, X: K.sin(X), "X", lambda X: es("ab,ac,bd->abcd", cos(X), I, I), R, counts=2),
    Row(lambda K, A: A, "A", lambda: es("ad,be,cf->abcdef", I, EYE2, EYE4), axes={"A": "iju"}),
    Row(
        lambda K, A: K.sin(A),
        "A",
        lambda A: es("abc,ad,be,cf->abcdef", cos(A), I, EYE2, EYE4),
        R,
        axes={"A": "iju"},
    ),
    Row(lambda K, A: K.vec(A), "A", lambda: FOUR.reshape(9, 3, 3)),
)

#: the rows of each of SymPy's tests
ROWS = {
    "test_matrix_derivative_by_scalar": BY_SCALAR,
    "test_one_matrix": (Row(lambda K, x: K.sum(x), "x", lambda: I.sum(0)),),
    "test_matrix_derivative_non_matrix_result": NO_MATRIX_RESULT,
    # (33): a zero of four axes, which SymPy cannot write down and leaves as an unevaluated derivative
    "test_matrix_derivative_trivial_cases": (
        Row(lambda K, X, A: X, "A", lambda: zeros(3, 3, 3, 3)),
    ),
    "test_matrix_derivative_with_inverse": INVERSES,
    "test_matrix_derivative_vectors_and_scalars": VECTORS,
    "test_matrix_derivatives_of_traces": TRACES,
    "test_derivatives_of_complicated_matrix_expr": (Row(complicated, "X", complicated_by_x),),
    "test_mixed_deriv_mixed_expressions": MIXED,
    "test_derivatives_matrix_norms": NORMS,
    "test_derivatives_elementwise_applyfunc": ELEMENTWISE,
    "test_derivatives_of_hadamard_expressions": HADAMARD,
    "test_arrayexpr_derivatives1": ARRAYS,
}
#: asserts in the two files
ASSERTS = 117
#: those that no expression can state, and why
UNSTATED = {
    "_check_derivative_with_explicit_matrix": "stands behind a return, so it never runs",
    "test_matrix_derivative_vectors_and_scalars, str(…)": "the spelling of a SymPy string; its value is that of (83)",
    "test_mixed_deriv_mixed_expressions, isinstance(…)": "a Python type of SymPy's; its value is stated",
}
