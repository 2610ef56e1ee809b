"""The public matrix calls against NumPy and SciPy: solving, huge determinants, Kronecker products, reshapes."""

import math
import re

import numpy as np
import pytest
from scipy import linalg

import einderiv as ed
from einderiv.backends import SingularMatrixError

ev = ed.evaluate
A, B, C = ed.tensor("A", "ij"), ed.tensor("B", "jk"), ed.tensor("C", "kl")
N, b, s = ed.tensor("N", "nij"), ed.tensor("b", "j"), ed.tensor("s")
rng = np.random.default_rng(3)
REGULAR = rng.normal(size=(3, 3)) + 2 * np.eye(3)
RIGHT = rng.normal(size=(3, 2))

VALUES = {
    "inv":          (ed.inv, np.linalg.inv),
    "det":          (ed.det, np.linalg.det),
    "logdet":       (ed.logdet, lambda a: np.linalg.slogdet(a)[1]),
    "sign":         (lambda e: ed.slogdet(e)[0], lambda a: np.linalg.slogdet(a)[0]),
    "slogdet":      (lambda e: ed.slogdet(e)[1], lambda a: np.linalg.slogdet(a)[1]),
    "adj":          (ed.adj, lambda a: np.linalg.det(a)[..., None, None] * np.linalg.inv(a)),
    "pinv":         (ed.pinv, np.linalg.pinv),
    "power 0":      (lambda e: ed.matrix_power(e, 0), lambda a: np.linalg.matrix_power(a, 0)),
    "power 1":      (lambda e: ed.matrix_power(e, 1), lambda a: a),
    "power 6":      (lambda e: ed.matrix_power(e, 6), lambda a: np.linalg.matrix_power(a, 6)),
    "power -3":     (lambda e: ed.matrix_power(e, -3), lambda a: np.linalg.matrix_power(a, -3)),
    "expm":         (ed.expm, linalg.expm),
    "tril":         (lambda e: ed.tril(e, -1), lambda a: np.tril(a, -1)),
    "triu":         (lambda e: ed.triu(e, 1), lambda a: np.triu(a, 1)),
}  # fmt: skip
STACKS = {
    "one": REGULAR,
    "stack": np.stack([REGULAR, -REGULAR.T]),
    "stacks": REGULAR + rng.normal(size=(2, 2, 3, 3)),
    "empty stack": np.zeros((0, 3, 3)),
    "4 bytes": REGULAR.astype("f4"),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("at", STACKS.values(), ids=STACKS)
def test_values(name, at):
    f, plain = VALUES[name]
    e = f(ed.tensor("A", "pqij"[4 - at.ndim :]))
    got, want = ev(e, A=at), plain(at)
    assert got.dtype == at.dtype and got.shape == want.shape
    precision = 1e-12 if at.dtype == float else 2e-5
    np.testing.assert_allclose(got, want, rtol=precision, atol=precision)


def test_the_defining_equations():
    at = {"A": REGULAR}
    np.testing.assert_allclose(ev(ed.inv(A) @ A, at), np.eye(3), atol=1e-14)
    np.testing.assert_allclose(
        ev(A @ ed.adj(A), at), np.linalg.det(REGULAR) * np.eye(3), atol=1e-13
    )
    L = ev(ed.cholesky(A @ A.T), at)
    np.testing.assert_allclose(L @ L.T, REGULAR @ REGULAR.T, rtol=1e-13)
    assert (np.triu(L, 1) == 0).all()
    sign, log = ed.slogdet(A)
    np.testing.assert_allclose(ev(sign * ed.exp(log) - ed.det(A), at), 0, atol=1e-13)
    # det exp A = exp tr A
    np.testing.assert_allclose(ev(ed.logdet(ed.expm(A)) - ed.trace(A), at), 0, atol=1e-13)


# ---- solving
SOLVES = [
    # call                           wrt, of the same in NumPy
    (lambda: ed.solve(A, b),         "Ab", lambda a, r: np.linalg.solve(a, r[:, 0])),
    (lambda: ed.solve(A, B),         "AB", np.linalg.solve),
    (lambda: ed.solve(A.T, B),       "AB", lambda a, r: np.linalg.solve(a.T, r)),
    (lambda: ed.solve(A, RIGHT),     "A",  lambda a, r: np.linalg.solve(a, RIGHT)),
    (lambda: ed.solve(REGULAR, B),   "B",  lambda a, r: np.linalg.solve(REGULAR, r)),
    (lambda: ed.solve(A @ A, B),     "AB", lambda a, r: np.linalg.solve(a @ a, r)),
    (lambda: B.T @ ed.inv(A) @ B,    "AB", lambda a, r: r.T @ np.linalg.inv(a) @ r),
]  # fmt: skip


@pytest.mark.parametrize(("made", "wrt", "plain"), SOLVES)
def test_solve(made, wrt, plain):
    """The solution, and its change when the matrix and the right side move at once."""
    e, at = made(), {"A": REGULAR, "B": RIGHT, "b": RIGHT[:, 0]}
    np.testing.assert_allclose(ev(e, used(e, at)), plain(REGULAR, RIGHT), rtol=1e-12)
    move = {n: np.cos(np.arange(a.size)).reshape(a.shape) for n, a in at.items()}
    move["b"] = move["B"][:, 0]
    plus, minus = (plain(REGULAR + h * move["A"], RIGHT + h * move["B"]) for h in (1e-6, -1e-6))
    slopes = [
        np.tensordot(ev(J, used(J, at)), move[n], move[n].ndim)
        for n in wrt
        for J in [ed.derive(e, n)]
    ]
    np.testing.assert_allclose(sum(slopes), (plus - minus) / 2e-6, rtol=1e-6, atol=1e-7)


def used(e, at):
    return {n: at[n] for n in ed.compile(e).tensors}


def test_a_solve_forms_no_inverse():
    for e in (ed.solve(A, b), ed.grad(b @ ed.solve(A, b), A), ed.inv(A) @ B):
        assert "inverse(" not in ed.source(e)
        assert "solved(" in ed.source(e)


# ---- singular matrices, huge determinants
SINGULAR = [np.array([[1.0, 2], [2, 4]]), np.zeros((3, 3)), np.diag([1.0, 0]), np.ones((2, 2))]


@pytest.mark.parametrize("at", SINGULAR)
@pytest.mark.parametrize(
    "made",
    [
        lambda: ed.inv(A),
        lambda: ed.solve(A, b),
        lambda: ed.solve(A, B),
        lambda: ed.matrix_power(A, -2),
        lambda: ed.grad(ed.logdet(A), A),
        lambda: ed.derive(ed.inv(A), A),
        lambda: ed.trace(ed.inv(A)),
        lambda: ed.cholesky(A),
        lambda: ed.inv(ed.tensor("A", "nij")),
    ],
)
def test_a_singular_matrix_is_named(made, at):
    e = made()
    given = {"A": np.stack([np.eye(len(at)), at]) if "n" in e.axes else at, "b": at[0], "B": at}
    with pytest.raises(
        SingularMatrixError, match=r"cannot be inverted or factored: .*(Singular|definite)"
    ) as info:
        ev(e, used(e, given))
    assert isinstance(info.value, ed.EinderivError) and isinstance(
        info.value, np.linalg.LinAlgError
    )


@pytest.mark.parametrize("at", SINGULAR)
def test_what_a_singular_matrix_has(at):
    assert ev(ed.det(A), A=at) == 0
    assert ev(ed.logdet(A), A=at) == -np.inf
    assert [ev(e, A=at) for e in ed.slogdet(A)] == [0, -np.inf]
    np.testing.assert_allclose(ev(A @ ed.adj(A), A=at), 0 * at, atol=1e-14)
    np.testing.assert_allclose(ev(A @ ed.pinv(A) @ A, A=at), at, atol=1e-14)


@pytest.mark.parametrize(
    ("scale", "dtype"), [(1e10, "f8"), (1e-10, "f8"), (1e10, "f4"), (1e-10, "f4")]
)
def test_huge_and_tiny_determinants(scale, dtype):
    n = 200
    # its determinant is n + 1
    at = (scale * linalg.toeplitz([2.0, -1] + [0] * (n - 2))).astype(dtype)
    want = math.log(n + 1) + n * math.log(scale)
    got, slope = ev(ed.logdet(A), A=at), ev(ed.grad(ed.logdet(A), A), A=at)
    assert got.dtype == slope.dtype == dtype
    np.testing.assert_allclose(got, want, rtol=1e-12 if dtype == "f8" else 1e-6)
    np.testing.assert_allclose(
        slope.trace() * scale, n * (n + 2) / 6, rtol=1e-9 if dtype == "f8" else 1e-2
    )
    assert ev(ed.slogdet(A)[0], A=-at[1:, 1:]) == -1
    np.testing.assert_allclose(ev(ed.logdet(N), N=np.stack([at, at])), [want, want], rtol=1e-6)


# ---- Kronecker products, in whole numbers
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 3), (3, 2)),
        ((1, 2), (4, 1)),
        ((2,), (3,)),
        ((2, 1, 2), (2, 3, 2)),
        ((0, 2), (2, 2)),
        ((2, 3), (2,)),
        ((), (3, 2)),
        ((), ()),
    ],
)
def test_kron(left, right):
    x, y = (np.arange(1, 1 + math.prod(shape)).reshape(shape) for shape in (left, right))
    X, Y = ed.tensor("X", "abc"[: x.ndim]), ed.tensor("Y", "pqr"[: y.ndim])
    e = ed.kron(X, Y)
    assert (ev(e, X=x, Y=y) == np.kron(x, y)).all()
    for T, at in ((X, x), (Y, y)):
        J = ev(ed.derive(e, T), X=x, Y=y)
        assert J.shape == np.kron(x, y).shape + at.shape
        for place in np.ndindex(*at.shape):
            unit = np.zeros_like(at)
            unit[place] = 1
            want = np.kron(unit, y) if T is X else np.kron(x, unit)
            assert (want == J[(..., *place)]).all()
    mixed = ev(ed.derive(ed.derive(ed.sum(e), X), Y), X=x, Y=y)
    assert (mixed == 1).all()


def test_kron_with_vec_is_a_product():
    """vec(A X B) = (A ⊗ Bᵀ) vec(X) in row-major order, (Bᵀ ⊗ A) vec(X) in column-major order."""
    given = {
        "A": rng.integers(-5, 6, (2, 3)),
        "B": rng.integers(-5, 6, (3, 4)),
        "C": rng.integers(-5, 6, (4, 2)),
    }
    rows = ed.vec(A @ B @ C) - ed.kron(A, C.T) @ ed.vec(B)
    columns = ed.vec(A @ B @ C, order="F") - ed.kron(C.T, A) @ ed.vec(B, order="F")
    assert not ev(rows, given).any() and not ev(columns, given).any()
    assert (
        ev(ed.derive(ed.vec(A @ B @ C), ed.tensor("B", "jk")), given).reshape(4, 12)
        == np.kron(given["A"], given["C"].T)
    ).all()


# ---- reshapes
AT = np.arange(24).reshape(2, 3, 4)
RESHAPES = [
    # call                                       the same in NumPy
    (lambda e: ed.vec(e),                        AT.ravel()),
    (lambda e: ed.vec(e, order="F"),             AT.ravel("F")),
    (lambda e: ed.vec(e, (1, 2)),                AT.reshape(2, 12)),
    (lambda e: ed.vec(e, ("i", -2)),             AT.reshape(6, 4)),
    (lambda e: ed.vec(e, (1, 0)),                AT.transpose(1, 0, 2).reshape(6, 4)),
    (lambda e: ed.vec(e, (0, 2)),                AT.transpose(0, 2, 1).reshape(8, 3)),
    (lambda e: ed.vec(e, (0, 1), order="F"),     AT.transpose(1, 0, 2).reshape(6, 4)),
    (lambda e: ed.vec(e, 1),                     AT),
    (lambda e: ed.vec(e, "k"),                   AT),
    (lambda e: ed.unvec(e, (2, 2)),              AT.reshape(2, 3, 2, 2)),
    (lambda e: ed.unvec(e, [2, 2], order="F"),   AT.reshape(2, 3, 2, 2).swapaxes(2, 3)),
    (lambda e: ed.unvec(e, (3, 1), 1),           AT.reshape(2, 3, 1, 4)),
    (lambda e: ed.unvec(e, (1, 2), "i"),         AT.reshape(1, 2, 3, 4)),
    (lambda e: ed.unvec(e, (1, 3, 1), -2),       AT.reshape(2, 1, 3, 1, 4)),
    (lambda e: ed.unvec(e, (np.int64(4),)),      AT),
    (lambda e: ed.unvec(ed.vec(e), e),           AT),
    (lambda e: ed.unvec(ed.vec(e, order="F"), e, order="F"), AT),
    (lambda e: ed.unvec(ed.vec(e), (4, 6)),      AT.reshape(4, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "want"), RESHAPES)
def test_reshapes(f, want):
    got = ev(f(ed.tensor("T", "ijk")), T=AT)
    assert got.dtype == AT.dtype and got.shape == want.shape
    assert (got == want).all()


def test_reshapes_of_arrays():
    assert ev(ed.vec(AT, (0, 1))).tolist() == AT.reshape(6, 4).tolist()
    assert ev(ed.unvec(AT[0, 0], (2, 2))).tolist() == [[0, 1], [2, 3]]


def test_axes_of_reshapes():
    T = ed.tensor("T", "ijk")
    assert ed.vec(T, (0, 1)).axes == (None, "k")
    assert ed.vec(T, "j").axes == ("i", "j", "k")
    assert ed.unvec(ed.vec(T), T).axes == ("i", "j", "k")
    assert ed.kron(A, A).axes == (None, None)


# ---- what is refused
MATRIX = [
    ed.inv,
    ed.det,
    ed.logdet,
    ed.slogdet,
    ed.adj,
    ed.pinv,
    ed.cholesky,
    ed.expm,
    ed.tril,
    ed.triu,
]


@pytest.mark.parametrize("f", MATRIX)
def test_a_matrix_is_needed(f):
    for e, text in (
        (b, "b has 1 axis"),
        (s, "s has 0 axes"),
        (2, "has 0 axes"),
        ([1.0, 2], "has 1 axis"),
    ):
        with pytest.raises(
            ed.ShapeError, match=f"{f.__name__} needs a matrix, or a stack of them, but .*{text}"
        ):
            f(e)
    for e in ("A", None, {}):
        with pytest.raises(TypeError, match=r"the argument (is the string 'A'|must be an array)"):
            f(e)


@pytest.mark.parametrize(
    "f",
    [
        ed.inv,
        ed.det,
        ed.logdet,
        ed.adj,
        ed.cholesky,
        ed.expm,
        *(lambda e, n=n: ed.matrix_power(e, n) for n in (-1, 0, 1, 2)),
    ],
)
def test_a_square_is_needed(f):
    with pytest.raises(
        ed.ShapeError, match=r"needs a square matrix, but .*shape \(2, 3\) has 2 rows and 3 columns"
    ):
        f(np.ones((2, 3)))
    with pytest.raises(
        ed.ShapeError, match="needs a square matrix, but A has 2 rows and 3 columns"
    ):
        ev(f(A), A=np.ones((2, 3)))


REFUSED = [
    (lambda: ed.matrix_power(A, 1.0),        TypeError,        "must be a whole number of at most 1000, not 1.0"),
    (lambda: ed.matrix_power(A, True),       TypeError,        "must be a whole number of at most 1000, not True"),
    (lambda: ed.matrix_power(A, 1001),       TypeError,        "must be a whole number of at most 1000, not 1001"),
    (lambda: ed.matrix_power(A, "2"),        TypeError,        "must be a whole number of at most 1000, not '2'"),
    (lambda: ed.matrix_power(b, 2),          ed.ShapeError,    "matrix_power needs a matrix"),
    (lambda: ed.tril(A, 0.5),                TypeError,        "the diagonal must be a whole number, not 0.5"),
    (lambda: ed.triu(A, None),               TypeError,        "the diagonal must be a whole number, not None"),
    (lambda: ed.solve(A, s),                 ed.ShapeError,    "@"),
    (lambda: ed.solve(b, A),                 ed.ShapeError,    "inv needs a matrix"),
    (lambda: ed.solve(A, "b"),               TypeError,        "the argument is the string 'b'"),
    (lambda: ed.solve(REGULAR, [1.0, 2]),    ed.ShapeError,    "size"),
    (lambda: ed.kron(A, "B"),                TypeError,        "the argument is the string 'B'"),
    (lambda: ed.vec(A, 2),                   ed.ShapeError,    "axis 2 is out of range for 2 axes"),
    (lambda: ed.vec(A, "k"),                 ed.ShapeError,    "no axis is called 'k'; the axes are i, j"),
    (lambda: ed.vec(A, (0, -2)),             ed.ShapeError,    "names one axis twice"),
    (lambda: ed.vec(A, ()),                  ed.ShapeError,    "vec needs at least one axis to merge"),
    (lambda: ed.vec(s),                      ed.ShapeError,    "vec needs at least one axis to merge"),
    (lambda: ed.vec(A, order="K"),           ed.EinderivError, "order must be 'C', row-major, or 'F'"),
    (lambda: ed.unvec(b, (2, 2), order="c"), ed.EinderivError, "order must be 'C', row-major, or 'F'"),
    (lambda: ed.unvec(b, ()),                ed.ShapeError,    "an axis cannot be split into ()"),
    (lambda: ed.unvec(b, s),                 ed.ShapeError,    "an axis cannot be split into ()"),
    (lambda: ed.unvec(b, (2, -1)),           ed.ShapeError,    "an axis cannot be split into (2, -1)"),
    (lambda: ed.unvec(b, 4),                 TypeError,        "must be an expression or a sequence of whole numbers"),
    (lambda: ed.unvec(b, (2.0, 2)),          TypeError,        "must be an expression or a sequence of whole numbers"),
    (lambda: ed.unvec(b, (True, 2)),         TypeError,        "must be an expression or a sequence of whole numbers"),
    (lambda: ed.unvec(A, (2, 2), (0, 1)),    ed.ShapeError,    "unvec splits one axis, not 2"),
    (lambda: ed.unvec(A, (2, 2), 5),         ed.ShapeError,    "axis 5 is out of range for 2 axes"),
    (lambda: ed.unvec(np.ones(5), (2, 2)),   ed.ShapeError,    "size 5, of an array of shape (5,), cannot be split into axes of"),
    (lambda: ev(ed.unvec(b, (2, 2)), b=[1.0] * 5), ed.ShapeError, "cannot be split into axes of sizes 2, 2"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_refused(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call()
