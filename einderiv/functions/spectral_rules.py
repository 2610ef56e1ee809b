"""Rows of eigenvalues and singular values, with the rules that hold where these are equal.

==========================  ========================================================================
``eigvalsh(A)``             ``dλ[i] = q[i]ᵀ dA q[i]``: a sum of functions of eigenvalues has the
                            gradient ``Q f'(Λ) Qᵀ``, which is ``recomposed(A, f'(Λ))``
``recomposed(A, f(Λ))``     ``Q f(Λ) Qᵀ`` changes by ``Q (D ∘ Qᵀ dA Q) Qᵀ``, where D are the divided
                            differences ``(f(a) - f(b))/(a - b)``, and ``f'(a)`` for equal a and b
``eigenvectors(A)``         ``dQ = Q (F ∘ Qᵀ dA Q)`` with ``F[i, j] = 1/(λ[j] - λ[i])``, 0 for equal
                            i and j: infinite where eigenvalues are equal, which says that no
                            eigenvectors are meant
==========================  ========================================================================

Of a matrix the symmetric part is taken, as for ``cholesky``. Source: Magnus and Neudecker, "Matrix
Differential Calculus"; divided differences: Lewis and Sendov, SIAM J. Matrix Anal. 23 (2001).
"""

# ruff: noqa: E741 (formulas call indices i, j, k, l)
from __future__ import annotations

from typing import Any

from ..errors import EinderivError
from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Labels,
    added,
    assemble,
    filled,
    fresh_labels,
    lengths_of,
    matmul,
    same,
    times,
    viewed,
    walk,
    with_slots,
    zero,
)
from .index_views import triangle
from .linalg_rules import term_of, transposed_matrix, widened
from .table import (
    Axis,
    Function,
    Terms,
    apply,
    argument,
    enter,
    labels_of,
    no_axes,
    same_axes,
)


# ---- eigenvalues and eigenvectors of symmetric matrices
def _values(arguments: tuple[Expr, ...], core: int, _: tuple[Any, ...]) -> tuple[Axis, ...]:
    return same_axes(arguments, core, ())[:1]


def _twice(arguments: tuple[Expr, ...], core: int, _: tuple[Any, ...]) -> tuple[Axis, ...]:
    return same_axes(arguments, core, ()) * 2


def _symmetric(np: Any, a: Any) -> Any:
    return (a + a.conj().swapaxes(-1, -2)) / 2


def _eigvalsh(node: Apply) -> Terms:
    # dλ[i] = Σ q[k,i] dA[k,l] q[l,i]
    _, (i,), (k, l) = labels_of(node)
    q = apply("eigenvectors", argument(node), 2)
    return (term_of(node, 1, [(q, (k, i)), (q, (l, i))], (i, k, l)),)


def _eigvalsh_backward(node: Apply, _: int, cotangent: Expr) -> Expr:
    # Σ c[i] dλ[i] = ⟨Q diag(c) Qᵀ, dA⟩
    return apply("recomposed", (argument(node), _on_diagonal(cotangent, argument(node))), 2)


def _on_diagonal(e: Expr, matrix: Expr) -> Expr:
    *batch, i = range(e.ndim)
    return viewed(e, (*batch, i), (*batch, i, i), names=matrix.axes)


def _eigenvectors(node: Apply) -> Terms:
    # dQ[i,p] = Σ_q Q[i,q] F[q,p] Q[k,q] dA[k,l] Q[l,p], and half of it each with k and l swapped
    _, (i, p), (k, l) = labels_of(node)
    (q,) = fresh_labels(1)
    gaps = apply("gap_reciprocals", apply("eigvalsh", argument(node), 2), 1)
    terms = []
    for a, b in ((k, l), (l, k)):
        slots = [(node, (i, q)), (gaps, (q, p)), (node, (a, q)), (node, (b, p))]
        terms.append(term_of(node, 0.5, slots, (i, p, k, l)))
    return tuple(terms)


def _gaps(node: Apply) -> Terms:
    # F[i,j] = 1/(x[j] - x[i]): dF[i,j] = F[i,j]² (dx[i] - dx[j])
    batch, (i, j), _ = labels_of(node)
    pair = [(node, batch + (i, j)), (node, batch + (i, j))]
    axes = (*node.axes, argument(node).axes[-1])
    first = assemble(1, pair, batch + (i, j, i), axes=axes)
    second = assemble(-1, pair, batch + (i, j, j), axes=axes)
    return first, second


def _gaps_plain(np: Any, x: Any) -> Any:
    n = x.shape[-1]
    found = np.zeros((*x.shape, n), x.dtype)
    for i in range(n):
        for j in range(n):
            if i != j:
                found[..., i, j] = 1 / (x[..., j] - x[..., i])
    return found


# ---- functions of symmetric matrices
def _recomposed_by_matrix(node: Apply) -> Terms:
    # R = Q diag(c) Qᵀ: dR[i,j] = Σ Q[i,p] D[p,q] (Qᵀ dA Q)[p,q] Q[j,q] off the diagonal; on it c
    # changes
    _, (i, j), (k, l) = labels_of(node)
    matrix, diagonal = node.arguments
    p, q = fresh_labels(2)
    vectors, values = apply("eigenvectors", matrix, 2), apply("eigvalsh", matrix, 2)
    c = diagonal_of(diagonal)
    slopes = elementwise_slope(c, values)
    differences = apply("divided_differences", (values, c, slopes), 1)
    terms = []
    for a, b in ((k, l), (l, k)):
        slots = [
            (vectors, (i, p)),
            (vectors, (j, q)),
            (differences, (p, q)),
            (vectors, (a, p)),
            (vectors, (b, q)),
        ]
        terms.append(term_of(node, 0.5, slots, (i, j, k, l)))
    return tuple(terms)


def _recomposed_by_diagonal(node: Apply) -> Terms:
    # dR[i,j] = Σ_k Q[i,k] Q[j,k] dc[k]
    _, (i, j), (k, _) = labels_of(node)
    q = apply("eigenvectors", node.arguments[0], 2)
    return (term_of(node, 1, [(q, (i, k)), (q, (j, k))], (i, j, k, k)),)


def _recomposed_shown(node: Apply) -> Expr:
    matrix, diagonal = node.arguments
    q = apply("eigenvectors", matrix, 2)
    *batch, i, j = range(node.ndim)
    (p,) = fresh_labels(1)
    slots = [(q, (*batch, i, p)), (diagonal_of(diagonal), (*batch, p)), (q, (*batch, j, p))]
    return assemble(1, slots, (*batch, i, j), axes=node.axes)


def _recomposed_plain(np: Any, a: Any, c: Any) -> Any:
    _, q = np.linalg.eigh(_symmetric(np, a))
    return np.einsum("...ip,...pp,...jp->...ij", q, c, q)


def diagonal_of(e: Expr) -> Expr:
    """The diagonal of a stack of matrices."""
    *batch, i, _ = range(e.ndim)
    return viewed(e, (*batch, i, i), (*batch, i))


def elementwise_slope(e: Expr, by: Expr) -> Expr:
    """The derivative of each entry of `e` by the same entry of `by`: what is reduced over entries
    counts as a constant, for equal entries of `by` have equal shares in it.
    """
    within: dict[int, bool] = {}
    for node in walk([e]):
        parts = _parts_of_entries(node)
        within[id(node)] = same(node, by) or any(within.get(id(part), False) for part in parts)
    slopes: dict[int, Expr] = {}
    for node in walk([e], lambda node: () if same(node, by) else _parts_of_entries(node)):
        if within[id(node)]:
            slopes[id(node)] = _slope(node, by, slopes)
    return slopes.get(id(e), zero(e.axis_sizes, e.axes))


def _parts_of_entries(node: Expr) -> tuple[Expr, ...]:
    """The parts of a node whose last axis is that of the node."""
    match node:
        case Add():
            return node.addends
        case Apply() if node.function.core == 0 and node.function.derivatives:
            return node.arguments
        case Einsum() if node.output and node.parts is None:
            last = node.output[-1]
            return tuple([f for f, labels in node.slots if labels and labels[-1] == last])
    return ()


def _slope(node: Expr, by: Expr, slopes: dict[int, Expr]) -> Expr:
    if same(node, by):
        return _ones(node)
    terms: list[Expr] = []
    match node:
        case Add():
            terms = [slopes[id(a)] for a in node.addends if id(a) in slopes]
        case Apply():
            # the chain rule, entry by entry
            for rule, a in zip(node.function.derivatives, node.arguments, strict=True):
                if id(a) in slopes:
                    labels = tuple(range(node.ndim))
                    for local in rule(node):
                        slots = [(local, labels), (slopes[id(a)], labels)]
                        terms.append(assemble(1, slots, labels, axes=node.axes))
        case Einsum():
            # the product rule
            for k, (factor, labels) in enumerate(node.slots):
                if labels and labels[-1] == node.output[-1] and id(factor) in slopes:
                    slots = [*node.slots[:k], (slopes[id(factor)], labels), *node.slots[k + 1 :]]
                    terms.append(with_slots(node, slots))
    return added(terms) if terms else zero(node.axis_sizes, node.axes)


def _ones(like: Expr) -> Expr:
    labels = tuple(range(like.ndim))
    given = tuple(zip(labels, like.axis_sizes, strict=True))
    return assemble(1, [], labels, axes=like.axes, given=given)


def _divided_by_value(node: Apply) -> Terms:
    # D[i,j] = (c[i] - c[j])/(x[i] - x[j]) = F[i,j] (c[j] - c[i]): by x that is D[i,j] F[i,j] at i,
    # and minus that at j
    batch, (i, j), _ = labels_of(node)
    gaps = apply("gap_reciprocals", node.arguments[0], 1)
    pair = [(node, batch + (i, j)), (gaps, batch + (i, j))]
    axes = (*node.axes, node.arguments[0].axes[-1])
    first = assemble(1, pair, batch + (i, j, i), axes=axes)
    second = assemble(-1, pair, batch + (i, j, j), axes=axes)
    return first, second


def _divided_by_function(node: Apply) -> Terms:
    batch, (i, j), _ = labels_of(node)
    gaps = apply("gap_reciprocals", node.arguments[0], 1)
    axes = (*node.axes, node.arguments[0].axes[-1])
    first = assemble(-1, [(gaps, batch + (i, j))], batch + (i, j, i), axes=axes)
    second = assemble(1, [(gaps, batch + (i, j))], batch + (i, j, j), axes=axes)
    return first, second


def _no_terms(_: Apply) -> Terms:
    # The slopes stand only where arguments are equal; there a further derivative is infinite.
    return ()


def _divided_plain(np: Any, x: Any, c: Any, s: Any) -> Any:
    n = x.shape[-1]
    found = np.zeros((*x.shape, n), np.result_type(x, c))
    for i in range(n):
        for j in range(n):
            gap = x[..., i] - x[..., j]
            with np.errstate(all="ignore"):
                quotient = (c[..., i] - c[..., j]) / gap
            near = np.abs(gap) < 1e-6
            found[..., i, j] = np.where(near, (s[..., i] + s[..., j]) / 2, quotient) * (i != j)
    return found


# ---- singular values
def fewer(e: Expr) -> tuple[Axis, Axis, Axis]:
    """Rows, columns, and the smaller of both, of the last two axes."""
    rows, columns = zip(e.axis_sizes[-2:], e.axes[-2:], strict=True)
    least = rows
    if isinstance(rows[0], int) and isinstance(columns[0], int) and columns[0] < rows[0]:
        least = columns
    return rows, columns, least


def is_known_which_is_smaller(e: Expr) -> bool:
    """Is it known how many singular values a matrix has?"""
    rows, columns = lengths_of(e)[-2:]
    return rows == columns or (isinstance(rows, int) and isinstance(columns, int))


def _of_left(arguments: tuple[Expr, ...], _: int, __: tuple[Any, ...]) -> tuple[Axis, ...]:
    rows, _columns, least = fewer(arguments[0])
    return rows, (least[0], None)


def _of_right(arguments: tuple[Expr, ...], _: int, __: tuple[Any, ...]) -> tuple[Axis, ...]:
    _rows, columns, least = fewer(arguments[0])
    return columns, (least[0], None)


def _least(arguments: tuple[Expr, ...], _: int, __: tuple[Any, ...]) -> tuple[Axis, ...]:
    return ((fewer(arguments[0])[2][0], None),)


def _svd(node: Apply) -> tuple[Expr, Expr, Expr]:
    a = argument(node)
    u, v = (apply(name, a, 2) for name in ("left_vectors", "right_vectors"))
    return u, apply("svdvals", a, 2), v


def _svdvals(node: Apply) -> Terms:
    # dσ[i] = u[i]ᵀ dA v[i]
    _, (i,), (k, l) = labels_of(node)
    u, _s, v = _svd(node)
    return (term_of(node, 1, [(u, (k, i)), (v, (l, i))], (i, k, l)),)


def _singular_vectors(node: Apply, own: Expr, other: Expr, at: Labels, across: Labels) -> Terms:
    # With A = U S Vᵀ: dU = U (F ∘ (Uᵀ dA V S + S Vᵀ dAᵀ U)) + (I - U Uᵀ) dA V S⁻¹, where
    # F[i,j] = 1/(s[j]² - s[i]²); and so for V, of Aᵀ
    _, (i, p), _core = labels_of(node)
    (k,), (l,) = at, across
    (q,) = fresh_labels(1)
    s = apply("svdvals", argument(node), 2)
    gaps = apply("gap_reciprocals", apply("square", s), 1)
    inverse = apply("reciprocal", s)
    output = (i, p, *_core)
    first = [(own, (i, q)), (gaps, (q, p)), (own, (k, q)), (other, (l, p)), (s, (p,))]
    second = [(own, (i, q)), (gaps, (q, p)), (s, (q,)), (other, (l, q)), (own, (k, p))]
    beside = [(own, (i, q)), (own, (k, q)), (other, (l, p)), (inverse, (p,))]
    moved = tuple([i if label == k else label for label in output])
    straight = [(other, (l, p)), (inverse, (p,))]
    return (
        term_of(node, 1, first, output),
        term_of(node, 1, second, output),
        term_of(node, 1, straight, moved),
        term_of(node, -1, beside, output),
    )


def _left_vectors(node: Apply) -> Terms:
    _, _, (k, l) = labels_of(node)
    return _singular_vectors(node, node, apply("right_vectors", argument(node), 2), (k,), (l,))


def _right_vectors(node: Apply) -> Terms:
    _, _, (k, l) = labels_of(node)
    return _singular_vectors(node, node, apply("left_vectors", argument(node), 2), (l,), (k,))


def _nuclear(node: Apply) -> Terms:
    # d Σ σ = ⟨U Vᵀ, dA⟩
    return (apply("polar", argument(node), 2),)


def _polar_forward(node: Apply, k: int, tangent: Expr) -> Expr:
    a, *directions = (widened(e, tangent) for e in node.arguments)
    if k == 0 and directions:
        raise EinderivError(
            "the nuclear norm and the polar factor have second derivatives here, and no third"
        )
    return apply("polar", (a, tangent), 2)


def _polar_plain(np: Any, a: Any, *directions: Any) -> Any:
    def unitary(x: Any) -> Any:
        u, _, vh = np.linalg.svd(x, full_matrices=False)
        return u @ vh

    if not directions:
        return unitary(a)
    h = 1e-6
    return (unitary(a + h * directions[0]) - unitary(a - h * directions[0])) / (2 * h)


# ---- orthogonal factors
def _of_left_by_columns(
    arguments: tuple[Expr, ...], _: int, __: tuple[Any, ...]
) -> tuple[Axis, ...]:
    rows, columns, least = fewer(arguments[0])
    inner = least if isinstance(columns[0], int) and isinstance(rows[0], int) else columns
    return rows, (inner[0], None)


def _of_right_by_columns(
    arguments: tuple[Expr, ...], core: int, parameters: tuple[Any, ...]
) -> tuple[Axis, ...]:
    _rows, columns, _least = fewer(arguments[0])
    _, orthonormal = _of_left_by_columns(arguments, core, parameters)
    return orthonormal, columns


def _q_factor(node: Apply) -> Terms:
    # A = Q R, C = Qᵀ dA R⁻¹ and M = 1 below the diagonal: dQ = Q (M ∘ C - (M ∘ C)ᵀ)
    # + (I - Q Qᵀ) dA R⁻¹
    _, (i, p), (k, l) = labels_of(node)
    (r,) = fresh_labels(1)
    inverse, below = _inverse_factor(node), _triangle(node, -1, lower=True)
    output = (i, p, k, l)
    lower = [(node, (i, r)), (below, (r, p)), (node, (k, r)), (inverse, (l, p))]
    upper = [(node, (i, r)), (below, (p, r)), (node, (k, p)), (inverse, (l, r))]
    beside = [(node, (i, r)), (node, (k, r)), (inverse, (l, p))]
    return (
        term_of(node, 1, lower, output),
        term_of(node, -1, upper, output),
        term_of(node, 1, [(inverse, (l, p))], (i, p, i, l)),
        term_of(node, -1, beside, output),
    )


def _r_factor(node: Apply) -> Terms:
    # dR = (C - M ∘ C + (M ∘ C)ᵀ) R
    _, (p, c), (k, l) = labels_of(node)
    (r,) = fresh_labels(1)
    q = apply("q_factor", argument(node), 2)
    inverse, below = _inverse_factor(node), _triangle(node, -1, lower=True)
    above = _triangle(node, 0, lower=False)
    output = (p, c, k, l)
    straight = [(above, (p, r)), (q, (k, p)), (inverse, (l, r)), (node, (r, c))]
    flipped = [(below, (r, p)), (q, (k, r)), (inverse, (l, p)), (node, (r, c))]
    return term_of(node, 1, straight, output), term_of(node, 1, flipped, output)


def _inverse_factor(node: Apply) -> Expr:
    rows, columns, _ = fewer(argument(node))
    if isinstance(rows[0], int) and isinstance(columns[0], int) and rows[0] < columns[0]:
        raise EinderivError(
            f"qr of a matrix with fewer rows than columns, {rows[0]} and {columns[0]}, has no "
            "derivative here: derive that of its transpose"
        )
    return apply("inv", apply("r_factor", argument(node), 2), 2)


def _triangle(node: Apply, k: int, *, lower: bool) -> Expr:
    """1 on one side of the k-th diagonal, for each matrix of a stack."""
    size, name = node.axis_sizes[-1], node.axes[-1]
    if node.function.name == "r_factor":
        size, name = node.axis_sizes[-2], node.axes[-2]
    one = triangle(filled(1, (size, size), (name, None)), k, lower=lower)
    batch = tuple(range(node.ndim - 2))
    i, j = node.ndim - 2, node.ndim - 1
    given = tuple(zip(batch, node.axis_sizes, strict=False))
    return viewed(one, (i, j), (*batch, i, j), given=given)


# ---- roots and logarithms of matrices
def _frechet_of(name: str) -> tuple[Any, Any]:
    """The maps of a function of matrices whose derivative is its own corner: f of the blocks
    [[A, E], [0, A]] has f'(A)[E] there.
    """

    def forward(node: Apply, k: int, tangent: Expr) -> Expr:
        a, *directions = (widened(e, tangent) for e in node.arguments)
        if k == 0:
            directions.append(tangent)
        else:
            directions[k - 1] = tangent
        return apply(name, (a, *directions), 2)

    def backward(node: Apply, k: int, cotangent: Expr) -> Expr:
        # ⟨G, D f(A)[E]⟩ = ⟨D f(Aᵀ)[G], E⟩
        a, *directions = (transposed_matrix(e) for e in node.arguments)
        if k:
            del directions[k - 1]
        return apply(name, (a, *directions, cotangent), 2)

    return forward, backward


def _by_differences(f: Any) -> Any:
    def plain(np: Any, a: Any, *directions: Any) -> Any:
        if not directions:
            return np.stack([f(one) for one in a.reshape(-1, *a.shape[-2:])]).reshape(a.shape)
        *others, last = directions
        h = 1e-4
        right = plain(np, a + h * last, *others)
        return (right - plain(np, a - h * last, *others)) / (2 * h)

    return plain


def _root(a: Any) -> Any:
    import numpy as np

    values, vectors = np.linalg.eig(a)
    return np.real((vectors * np.sqrt(values.astype(complex))) @ np.linalg.inv(vectors))


def _logarithm(a: Any) -> Any:
    import numpy as np

    values, vectors = np.linalg.eig(a)
    return np.real((vectors * np.log(values.astype(complex))) @ np.linalg.inv(vectors))


# ---- A X + X B = C
def _of_right_side(arguments: tuple[Expr, ...], _: int, __: tuple[Any, ...]) -> tuple[Axis, ...]:
    right = arguments[2]
    return tuple(zip(right.axis_sizes[-2:], right.axes[-2:], strict=True))


def _sylvester_forward(node: Apply, k: int, tangent: Expr) -> Expr:
    # A dX + dX B = dC - dA X - X dB
    a, b, _c = (widened(e, tangent) for e in node.arguments)
    x = widened(node, tangent)
    right = tangent if k == 2 else times(matmul(tangent, x) if k == 0 else matmul(x, tangent), -1)
    return apply("sylvester", (a, b, right), 2)


def _sylvester_backward(node: Apply, k: int, cotangent: Expr) -> Expr:
    # with Aᵀ Y + Y Bᵀ = G: Y to C, -Y Xᵀ to A, -Xᵀ Y to B
    a, b, _c = (transposed_matrix(e) for e in node.arguments)
    y = apply("sylvester", (a, b, cotangent), 2)
    if k == 2:
        return y
    turned = transposed_matrix(node)
    return times(matmul(y, turned) if k == 0 else matmul(turned, y), -1)


def _sylvester_plain(np: Any, a: Any, b: Any, c: Any) -> Any:
    m, n = c.shape[-2:]
    left = np.einsum("...ik,jl->...ijkl", a, np.eye(n))
    right = np.einsum("...lj,ik->...ijkl", b, np.eye(m))
    system = (left + right).reshape(*c.shape[:-2], m * n, m * n)
    found = np.linalg.solve(system, c.reshape(*c.shape[:-2], m * n, 1))
    return found.reshape(c.shape)


_NAMED = r"\operatorname{{%s}}\left({0}\right)"
_ROOT_MAPS, _LOGARITHM_MAPS = _frechet_of("sqrtm"), _frechet_of("logm")


def _everywhere(text: str) -> dict[str, str]:
    """One spelling for all libraries."""
    return dict.fromkeys(("numpy", "torch", "jax"), text)


_ROWS = (
    Function(
        "eigvalsh",
        law="the eigenvalues of the symmetric part, in ascending order",
        derivatives=(_eigvalsh,),
        backward=_eigvalsh_backward,
        derived="q[i]^T dA q[i]",
        source="Magnus and Neudecker, Matrix Differential Calculus (2019), chapter 9",
        spell=_everywhere("eigenvalues({0})"),
        latex=r"\lambda\left({0}\right)",
        plain=lambda np, a: np.linalg.eigvalsh(_symmetric(np, a)),
        core=2,
        shape=_values,
        square=True,
        analytic=False,
        kink="of equal eigenvalues those of the vectors that the library finds",
    ),
    Function(
        "eigenvectors",
        law="the eigenvectors of the symmetric part as columns, by ascending eigenvalues",
        derivatives=(_eigenvectors,),
        derived="Q (F o Q^T dA Q) with F[i, j] = 1/(x[j] - x[i]), where x are the eigenvalues",
        source="Magnus and Neudecker, Matrix Differential Calculus (2019), chapter 9",
        spell=_everywhere("eigenvectors({0})"),
        latex=_NAMED % "eigenvectors",
        plain=lambda np, a: np.linalg.eigh(_symmetric(np, a))[1],
        core=2,
        square=True,
        analytic=False,
        kink="infinite where eigenvalues are equal",
    ),
    Function(
        "gap_reciprocals",
        law="1/(x[j] - x[i]), 0 for i = j",
        derivatives=(_gaps,),
        derived="gaps[i, j]^2 (dx[i] - dx[j])",
        source="the quotient rule",
        spell=_everywhere("gap_reciprocals({0})"),
        latex=_NAMED % "gaps",
        plain=_gaps_plain,
        core=1,
        shape=_twice,
        analytic=False,
        kink="infinite where entries are equal",
    ),
    Function(
        "recomposed",
        law="Q C Q^T for a diagonal matrix C and the eigenvectors Q of the symmetric part of A",
        derivatives=(_recomposed_by_matrix, _recomposed_by_diagonal),
        derived="Q (D o Q^T dA Q) Q^T with the divided differences D, Q dC Q^T",
        source="Lewis and Sendov, SIAM Journal on Matrix Analysis 23 (2001), theorem 3.3",
        spell=_everywhere("recomposed({0}, {1})"),
        latex=r"\operatorname{{recomposed}}\left({0}, {1}\right)",
        plain=_recomposed_plain,
        shown=_recomposed_shown,
        core=2,
        square=True,
        analytic=False,
        kink="where eigenvalues are equal, of functions of eigenvalues that treat them alike",
    ),
    Function(
        "divided_differences",
        law="(c[i] - c[j])/(x[i] - x[j]), (s[i] + s[j])/2 where both are equal, 0 for i = j",
        derivatives=(_divided_by_value, _divided_by_function, _no_terms),
        derived="gaps (dc[j] - dc[i]) + gaps D (dx[i] - dx[j])",
        source="NIST DLMF, 3.3(iii)",
        spell=_everywhere("divided_differences({0}, {1}, {2})"),
        latex=r"\operatorname{{divided}}\left({0}, {1}\right)",
        plain=_divided_plain,
        core=1,
        shape=_twice,
        analytic=False,
        kink="infinite slopes where entries are equal",
    ),
    Function(
        "svdvals",
        law="the singular values, in descending order",
        derivatives=(_svdvals,),
        derived="u[i]^T dA v[i]",
        source="Magnus and Neudecker, Matrix Differential Calculus (2019), chapter 9",
        spell={
            "numpy": "np.linalg.svd({0}, compute_uv=False)",
            "torch": "torch.linalg.svdvals({0})",
            "jax": "jnp.linalg.svd({0}, compute_uv=False)",
        },
        latex=r"\sigma\left({0}\right)",
        plain=lambda np, a: np.linalg.svd(a, compute_uv=False),
        core=2,
        shape=_least,
        analytic=False,
        kink="of equal singular values those of the vectors that the library finds",
    ),
    Function(
        "left_vectors",
        law="the left singular vectors as columns",
        derivatives=(_left_vectors,),
        derived="U (F o (U^T dA V S + S V^T dA^T U)) + (I - U U^T) dA V S^-1",
        source="Townsend (2016), Differentiating the singular value decomposition",
        spell={
            "numpy": "np.linalg.svd({0}, full_matrices=False)[0]",
            "torch": "torch.linalg.svd({0}, full_matrices=False)[0]",
            "jax": "jnp.linalg.svd({0}, full_matrices=False)[0]",
        },
        latex=_NAMED % "U",
        plain=lambda np, a: np.linalg.svd(a, full_matrices=False)[0],
        core=2,
        shape=_of_left,
        analytic=False,
        kink="infinite where singular values are equal",
    ),
    Function(
        "right_vectors",
        law="the right singular vectors as columns",
        derivatives=(_right_vectors,),
        derived="V (F o (S U^T dA V + V^T dA^T U S)) + (I - V V^T) dA^T U S^-1",
        source="Townsend (2016), Differentiating the singular value decomposition",
        spell={
            "numpy": "np.linalg.svd({0}, full_matrices=False)[2].swapaxes(-1, -2)",
            "torch": "torch.linalg.svd({0}, full_matrices=False)[2].mT",
            "jax": "jnp.linalg.svd({0}, full_matrices=False)[2].swapaxes(-1, -2)",
        },
        latex=_NAMED % "V",
        plain=lambda np, a: np.linalg.svd(a, full_matrices=False)[2].swapaxes(-1, -2),
        core=2,
        shape=_of_right,
        analytic=False,
        kink="infinite where singular values are equal",
    ),
    Function(
        "nuclear_norm",
        law="the sum of the singular values",
        derivatives=(_nuclear,),
        derived="polar(A)",
        source="Watson (1992), Linear Algebra and its Applications 170",
        spell={
            "numpy": "np.linalg.svd({0}, compute_uv=False).sum(-1)",
            "torch": "torch.linalg.svdvals({0}).sum(-1)",
            "jax": "jnp.linalg.svd({0}, compute_uv=False).sum(-1)",
        },
        latex=r"\left\|{0}\right\|_*",
        plain=lambda np, a: np.linalg.svd(a, compute_uv=False).sum(-1),
        core=2,
        shape=no_axes,
        analytic=False,
        kink="U V^T where singular values are 0",
    ),
    Function(
        "polar",
        law="U V^T of the singular vectors, and its derivative in the direction that follows",
        derivatives=(),
        derived="U ((U^T dA V - V^T dA^T U)/(s[i] + s[j])) V^T, and what is beside U and V",
        source="Higham, Functions of Matrices: Theory and Computation (2008)",
        spell=_everywhere("polar({all})"),
        latex=_NAMED % "polar",
        plain=_polar_plain,
        core=2,
        analytic=False,
        forward=_polar_forward,
        backward=_polar_forward,  # the map is its own adjoint
        vanishes=1,
        kink="infinite where singular values are 0",
    ),
    Function(
        "q_factor",
        law="the orthogonal factor of A = Q R",
        derivatives=(_q_factor,),
        derived="Q (M o C - (M o C)^T) + (I - Q Q^T) dA R^-1 with C = Q^T dA R^-1, "
        "M = 1 below the diagonal",
        source="Walter and Lehmann (2010), Algorithmic differentiation of linear algebra functions",
        spell={
            "numpy": "np.linalg.qr({0})[0]",
            "torch": "torch.linalg.qr({0})[0]",
            "jax": "jnp.linalg.qr({0})[0]",
        },
        latex=_NAMED % "Q",
        plain=lambda np, a: np.linalg.qr(a)[0],
        core=2,
        shape=_of_left_by_columns,
        analytic=False,
    ),
    Function(
        "r_factor",
        law="the upper triangle of A = Q R",
        derivatives=(_r_factor,),
        derived="(C - M o C + (M o C)^T) R with C = Q^T dA R^-1, M = 1 below the diagonal",
        source="Walter and Lehmann (2010), Algorithmic differentiation of linear algebra functions",
        spell={
            "numpy": "np.linalg.qr({0})[1]",
            "torch": "torch.linalg.qr({0})[1]",
            "jax": "jnp.linalg.qr({0})[1]",
        },
        latex=_NAMED % "R",
        plain=lambda np, a: np.linalg.qr(a)[1],
        core=2,
        shape=_of_right_by_columns,
        analytic=False,
    ),
    Function(
        "sqrtm",
        law="the principal square root, and its derivatives in the directions that follow",
        derivatives=(),
        derived="the X with X sqrtm(A) + sqrtm(A) X = dA",
        source="Higham, Functions of Matrices: Theory and Computation (2008)",
        spell={
            "numpy": "frechet_of(staying_real(sqrtm), {all})",
            "jax": "frechet_of(linalg.sqrtm, {all})",
        },
        latex=r"\left({0}\right)^{{1/2}}",
        plain=_by_differences(_root),
        core=2,
        square=True,
        needs="from scipy.linalg import sqrtm",
        forward=_ROOT_MAPS[0],
        backward=_ROOT_MAPS[1],
        vanishes=1,
        analytic=False,
    ),
    Function(
        "logm",
        law="the principal logarithm, and its derivatives in the directions that follow",
        derivatives=(),
        derived="the integral of (s(A - I) + I)^-1 dA (s(A - I) + I)^-1 over s from 0 to 1",
        source="Higham, Functions of Matrices: Theory and Computation (2008)",
        spell={"numpy": "frechet_of(staying_real(logm), {all})"},
        latex=_NAMED % "logm",
        plain=_by_differences(_logarithm),
        core=2,
        square=True,
        needs="from scipy.linalg import logm",
        forward=_LOGARITHM_MAPS[0],
        backward=_LOGARITHM_MAPS[1],
        vanishes=1,
        analytic=False,
    ),
    Function(
        "sylvester",
        law="the X with A X + X B = C",
        derivatives=(),
        derived="the X with A X + X B = dC - dA X - X dB",
        source="Golub and Van Loan, Matrix Computations (2013)",
        spell=_everywhere("sylvester({0}, {1}, {2})"),
        latex=r"\operatorname{{sylvester}}\left({0}, {1}, {2}\right)",
        plain=_sylvester_plain,
        core=2,
        shape=_of_right_side,
        apart=True,
        forward=_sylvester_forward,
        backward=_sylvester_backward,
        vanishes=2,
        analytic=False,
    ),
)

enter(_ROWS)
