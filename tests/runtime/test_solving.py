"""Systems, determinants, traces, eigenvalues: every structure against NumPy on the dense tensor."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import tensors_of
from einderiv.planning import Term
from einderiv.runtime import solving
from einderiv.runtime.terms import product, value

t, es = ed.tensor, ed.einsum
r = np.random.default_rng(3)
x, X, Y, M = t("x", "n"), t("X", "nk"), t("Y", "nk"), t("M", "nn")
T, U, V, W = t("T", "nm"), t("U", "nk"), t("V", "mk"), t("W", "nm")
residual = T - es("nk,mk->nm", U, V)
ONES, SIZES = dict(n=1, k=1, m=1, d=1), dict(n=4, k=2, m=5, d=3)
AXES = dict(
    x="n",
    X="nk",
    Y="nk",
    M="nn",
    T="nm",
    U="nk",
    V="mk",
    W="nm",
    A="nn",
    B="kk",
    C="dd",
    D="nkk",
    s="",
    S="nkd",
    v="n",
    G="md",
    w="d",
    y="m",
    a="n",
    b="k",
)


def logistic():
    return ed.sum(ed.softplus(-1 * (t("y", "m") * es("md,d->m", "G", "w") / 4)))


SQUARE = [
    # name                    the tensor                                             how it is solved
    ("x'Ax",                  lambda: ed.hessian(es("i,ij,j->", x, "A", x), x),       "dense 4x4"),
    ("a linear map",          lambda: ed.derive(es("ij,j->i", "A", "x"), "x"),        "dense 4x4"),
    ("a number",              lambda: ed.hessian(t("s") ** 4, "s"),                   "division by one number"),
    ("squares",               lambda: ed.hessian(ed.norm_squared(X), X),              "division by one number"),
    ("fourth powers",         lambda: ed.hessian(ed.sum(X**4), X),                    "division by 8 diagonal entries"),
    ("rows scaled",           lambda: ed.derive(es("i,ij->ij", "v", "X"), "X"),       "division by 4 diagonal entries"),
    ("factorisation",         lambda: ed.hessian(ed.norm_squared(residual), U),
                                                        "one 2x2 factorisation for 4 right-hand sides"),
    ("its other side",        lambda: ed.hessian(ed.norm_squared(residual), V),
                                                        "one 2x2 factorisation for 5 right-hand sides"),
    ("with a ridge",          lambda: ed.hessian(ed.norm_squared(residual) + 3 * ed.norm_squared(U), U),
                                                        "one 2x2 factorisation for 4 right-hand sides"),
    ("with a mask",           lambda: ed.hessian(ed.sum(W * W * residual**2), U),     "4 blocks of 2x2"),
    ("mask and ridge",        lambda: ed.hessian(ed.sum(W * W * residual**2) + ed.norm_squared(U), U),
                                                                                      "4 blocks of 2x2"),
    ("blocks, many sides",    lambda: ed.derive(es("nij,njd->nid", "D", "S"), "S"),
                                                        "4 blocks of 2x2 for 3 right-hand sides"),
    ("sandwich",              lambda: ed.derive(es("ij,jk,kl->il", "A", "X", "B"), "X"),
                                                        "Kronecker product: 4x4 and 2x2"),
    ("|AXB|²",                lambda: ed.hessian(ed.norm_squared(es("ij,jk,kl->il", "A", "X", "B")), "X"),
                                                        "Kronecker product: 4x4 and 2x2"),
    ("three factors",         lambda: ed.derive(es("an,bk,cd,nkd->abc", "A", "B", "C", "S"), "S"),
                                                        "Kronecker product: 4x4 and 2x2 and 3x3"),
    ("two of three",          lambda: ed.derive(es("an,cd,nkd->akc", "A", "C", "S"), "S"),
                                                        "Kronecker product: 4x4 and 3x3 for 2 right-hand sides"),
    ("diagonal and matrix",   lambda: ed.derive(es("n,kl,nl->nk", "a", "B", "X"), "X"),
                                                        "Kronecker product: a diagonal of 4 and 2x2"),
    ("blocks and matrix",     lambda: ed.derive(es("nij,cd,njd->nic", "D", "C", "S"), "S"),
                                                        "Kronecker product: 4 blocks of 2x2 and 3x3"),
    ("numbers in front",      lambda: ed.derive(5 * ed.sum(t("b", "k")) * es("ij,jk,kl->il", "A", "X", "B"), "X"),
                                                        "Kronecker product: 4x4 and 2x2"),
    ("a sum of two products", lambda: ed.derive(es("ij,jk->ik", "A", "X") + es("nk,kj->nj", "X", "B"), "X"),
     "sum of Kronecker products of 4x4 and 2x2: Sylvester's equation by Schur factors, O(4³ + 2³)"),
    ("transposed",            lambda: ed.derive(M.T, M),                              "dense 16x16"),
    ("overlapping",           lambda: ed.derive(x * x + ed.sum(x) * x, x),
     "Woodbury's identity for a diagonal of 4 plus one outer product, O(4 · 1²)"),
    ("identity and corner",   lambda: ed.derive(M + es("ii->ii", M), M),              "dense 16x16"),
    ("logistic",              lambda: ed.hessian(logistic(), "w"),                    "dense 3x3"),
]  # fmt: skip
IDS = [name for name, *_ in SQUARE]
SINGULAR = [
    ("rank one",              lambda: ed.hessian(ed.sum(x) ** 2, x),                  "4x4 block is singular"),
    ("a zero",                lambda: ed.derive(x * 1, t("z", "n")),                  "4x4 block is singular"),
    ("no term",               lambda: ed.hessian(0 * ed.sum(x), x),                   "4x4 block is singular"),
    ("zero times",            lambda: ed.derive(t("z", "n") * x, x),                  "entry 0 of a diagonal of 4"),
    ("a number that is zero", lambda: ed.derive(es("n,n->", "z", "x") * x - x * es("n,n->", "z", "x"), x),
                                                                                      "4x4 block is singular"),
    ("softmax",               lambda: ed.derive(ed.softmax(x), x),                    "a diagonal of 4 plus one outer product is singular"),
    ("a corner",              lambda: ed.derive(es("ii->ii", M), M),                  "16x16 block is singular"),
]  # fmt: skip


def given_for(e, sizes, dtype=float):
    own = np.random.default_rng(8)
    arrays = {
        n: own.integers(-4, 5, [sizes[a] for a in axes]).astype(dtype) for n, axes in AXES.items()
    }
    for name in "ABC":
        arrays[name] = arrays[name] + 9 * np.eye(len(arrays[name]), dtype=dtype)
    arrays["D"] = arrays["D"] + 9 * np.eye(sizes["k"], dtype=dtype)
    for name in ("a", "b", "v", "s", "x", "X", "W"):
        arrays[name] = np.where(arrays[name] == 0, np.ones((), dtype), arrays[name])
    return {name: a for name, a in arrays.items() if name in tensors_of(e)}


def evaluated(make, sizes=SIZES, dtype=float):
    e = make()
    given = given_for(e, sizes, dtype)
    H = ed.evaluate(e, given, dense=False)
    n = int(np.prod(H.shape[: H.split], dtype=int))
    return H, np.asarray(ed.evaluate(e, given)).reshape(n, n)


def linear(A, dtype=None):
    """The tensor that is the matrix `A`."""
    A = np.asarray(A, dtype)
    return ed.evaluate(
        ed.derive(es("ij,j->i", "A", "x"), "x"), A=A, x=np.ones(A.shape[1], A.dtype), dense=False
    )


def close(got, want, digits=9):
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(
        got, want, rtol=10.0**-digits, atol=10.0**-digits * np.abs(want).max(initial=1e-300)
    )


@pytest.mark.parametrize(("make", "method"), [row[1:] for row in SQUARE], ids=IDS)
@pytest.mark.parametrize("extra", [(), (1,), (3,), (2, 3), (0,)], ids=str)
def test_solve(make, method, extra):
    H, full = evaluated(make)
    rows = H.shape[: H.split]
    assert H.method() == H.method("solve") == method
    b = r.integers(-5, 6, (*rows, *extra))
    got = H.solve(b)
    assert got.shape == b.shape
    assert got.dtype == np.float64
    close(got.reshape(len(full), -1), np.linalg.solve(full, b.reshape(len(full), -1)))
    if not extra:
        close(H.matvec(got), b)


@pytest.mark.parametrize("make", [row[1] for row in SQUARE], ids=IDS)
def test_determinant_trace_and_eigenvalues(make):
    H, full = evaluated(make)
    close(H.logdet(), np.linalg.slogdet(full)[1])
    close(H.trace(), np.trace(full))
    if np.array_equal(full, full.T):
        close(H.eigvalsh(), np.linalg.eigvalsh(full))
    else:
        with pytest.raises(ed.EinderivError, match="not symmetric"):
            H.eigvalsh()
    for what in ("logdet", "eigvalsh", "trace"):
        assert H.method(what)


@pytest.mark.parametrize(
    "make",
    [row[1] for row in SQUARE if row[0] != "logistic"],
    ids=[i for i in IDS if i != "logistic"],
)
def test_whole_numbers(make):
    H, full = evaluated(make, dtype=int)
    assert H.dtype == full.dtype == np.int64
    assert H.trace() == np.trace(full)
    assert H.trace().dtype == np.int64
    want = r.integers(-3, 4, H.shape[: H.split])
    found = H.solve(H.matvec(want))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(np.rint(found), want)
    close(found, want)


@pytest.mark.parametrize("make", [row[1] for row in SQUARE], ids=IDS)
def test_sizes_one(make):
    H, full = evaluated(make, ONES)
    assert full.shape == (1, 1)
    close(H.solve(np.full(H.shape[: H.split], 7.0)).ravel(), 7 / full[0])
    close(H.logdet(), np.log(np.abs(full[0, 0])))
    close(H.eigvalsh(), full[0])
    close(H.trace(), full[0, 0])


@pytest.mark.parametrize(
    "make",
    [row[1] for row in SQUARE if row[0] != "a number"],
    ids=[i for i in IDS if i != "a number"],
)
def test_sizes_zero(make):
    H, full = evaluated(make, dict(n=0, k=0, m=0, d=0))
    assert full.shape == (0, 0)
    rows = H.shape[: H.split]
    assert H.solve(np.ones(rows)).shape == rows
    assert H.solve(np.ones((*rows, 3))).shape == (*rows, 3)
    assert H.logdet() == 0 == np.linalg.slogdet(full)[1]
    assert H.trace() == 0
    assert H.eigvalsh().shape == (0,)


@pytest.mark.parametrize(
    ("make", "match"), [row[1:] for row in SINGULAR], ids=[row[0] for row in SINGULAR]
)
def test_singular_tensors(make, match):
    e = make()
    at = {n: np.array([[1.0, 2, 3, 5], np.zeros(4)][n == "z"]) for n in tensors_of(e) if n in "xz"}
    H = ed.evaluate(e, at or {"M": np.ones((4, 4))}, dense=False)
    with pytest.raises(ed.EinderivError, match=match):
        H.solve(r.normal(size=H.shape[: H.split]))
    assert H.logdet() < -25  # -inf, or what rounding makes of it


@pytest.mark.parametrize("seed", range(60))
def test_random_structures(seed):
    """Terms of random labels, ties and factors: an integer matrix plus a multiple of the identity."""
    own = np.random.default_rng(seed)
    k = int(own.integers(1, 4))
    shape = tuple(int(n) for n in own.integers(1, 4, k))
    identity = tuple(range(k))
    terms = [Term(((np.array(40), ()),), identity * 2)] if own.random() < 0.7 else []
    for _ in range(own.integers(1, 4) if terms else 1):
        columns = tuple(p if own.random() < 0.5 else k + p for p in range(k))
        labels = [x for x in dict.fromkeys(identity + columns) if own.random() < 0.8 or x >= k]
        parts = [
            tuple(x for x, where in zip(labels, own.integers(0, 3, len(labels))) if where == c)
            for c in range(3)
        ]
        sizes = dict(zip((*identity, *(k + p for p in range(k))), shape * 2))
        factors = tuple((own.integers(-3, 4, [sizes[x] for x in ls]), ls) for ls in parts if ls)
        terms.append(Term(factors or ((np.array(2), ()),), identity + columns))
    full = sum(value(product(t_, shape * 2), int) for t_ in terms).reshape(np.prod(shape), -1)
    square = solving.Square(terms, shape, np.dtype(int))
    b = own.integers(-5, 6, (*shape, 2))
    close(square.log_determinant(), np.linalg.slogdet(full)[1], 8)
    if np.linalg.cond(full) < 1e10:
        got = square.solve(b, no_product, None, 1e-10, 10)
        close(got.reshape(len(full), 2), np.linalg.solve(full, b.reshape(len(full), 2)))
    else:
        with pytest.raises(ed.EinderivError, match=r"singular|zero"):
            square.solve(own.normal(size=shape), no_product, None, 1e-10, 10)
    if (full == full.T).all():
        close(square.eigenvalues(), np.linalg.eigvalsh(full), 8)


def no_product(v):
    raise AssertionError("small systems are factored")


# ---- which block
def test_the_singular_block_is_named():
    e = ed.hessian(ed.sum(W * residual**2), U)
    mask = np.ones((4, 5))
    mask[2, 1:] = 0
    given = {**given_for(e, SIZES), "W": mask, "V": r.integers(-3, 4, (5, 2)).astype(float)}
    H = ed.evaluate(e, given, dense=False)
    with pytest.raises(ed.EinderivError, match="block 2 of 4 blocks of 2x2 is singular"):
        H.solve(np.ones((4, 2)))
    assert H.logdet() == -np.inf or H.logdet() < -20
    mask[2, :] = np.nan
    H = ed.evaluate(e, {**given, "W": mask}, dense=False)
    with pytest.raises(ed.EinderivError, match="block 2 of 4 blocks of 2x2 holds nan or inf"):
        H.solve(np.ones((4, 2)))


def test_the_zero_entry_is_named():
    H = ed.evaluate(
        ed.derive(es("ij,ij->ij", "V", "X"), "X"),
        V=np.array([[1, 2], [3, 0]]),
        X=np.ones((2, 2)),
        dense=False,
    )
    with pytest.raises(ed.EinderivError, match="entry 1, 1 of a diagonal of 4 is zero"):
        H.solve(np.ones((2, 2)))


def test_the_part_of_a_kronecker_product_is_named():
    H = ed.evaluate(
        ed.derive(es("ij,jk,kl->il", "A", "X", "B"), "X"),
        A=np.eye(3),
        X=np.ones((3, 2)),
        B=np.ones((2, 2)),
        dense=False,
    )
    with pytest.raises(
        ed.EinderivError, match="the 2x2 block, part 1 of the Kronecker product, is singular"
    ):
        H.solve(np.ones((3, 2)))
    assert H.logdet() == -np.inf


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1.0, 1e20, 1e150])
def test_badly_scaled_is_not_singular(scale):
    """Scaling the unknowns changes nothing, nor does scaling the tensor."""
    H = linear([[2.0, scale], [1.0, 3 * scale]])
    close(H.solve([3.0, 4.0]), [1.0, 1 / scale])


@pytest.mark.parametrize("n", [3, 5, 8])
def test_ill_conditioned_is_solved_while_digits_are_left(n):
    hilbert = 1 / (np.arange(n)[:, None] + np.arange(n) + 1)
    H = linear(hilbert)
    np.testing.assert_allclose(H.solve(hilbert @ np.ones(n)), np.ones(n), atol=1e-4)
    np.testing.assert_array_equal(H.solve(np.zeros(n)), np.zeros(n))


# ---- dtypes
@pytest.mark.parametrize(
    ("matrix", "vector", "want"),
    [
        ("f4", "f4", "f4"),
        ("f4", "f8", "f8"),
        ("f8", "f4", "f8"),
        ("f2", "f2", "f2"),
        ("i4", "i8", "f8"),
        ("f8", "c16", "c16"),
        ("c8", "f4", "c8"),
        ("c16", "f8", "c16"),
        ("u1", "i1", "f8"),
        ("i1", "f4", "f4"),
    ],
)
def test_dtypes(matrix, vector, want):
    for e, at in [
        (ed.derive(es("ij,j->i", "A", "x"), "x"), dict(A=np.array([[2, 1], [1, 3]]), x=np.ones(2))),
        (ed.derive(es("i,i->i", "A", "x"), "x"), dict(A=np.array([2, 3]), x=np.ones(2))),
    ]:
        H = ed.evaluate(e, {n: a.astype(matrix) for n, a in at.items()}, dense=False)
        got = H.solve(np.array([1, 2], vector))
        assert got.dtype == want
        close(got, np.linalg.solve(H.dense().astype("c16"), [1, 2]), 2 if want == "f2" else 5)
        assert H.trace().dtype == H.dtype
        assert H.logdet().dtype == np.zeros(0, solving.floating(H.dtype)).real.dtype


def test_long_doubles_are_refused():
    if np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("no longer than a double here")
    H = linear(np.eye(2), np.longdouble)
    with pytest.raises(TypeError, match="convert the arrays to float64"):
        H.solve(np.ones(2))


def test_complex():
    A = r.normal(size=(3, 3)) + 1j * r.normal(size=(3, 3))
    B = r.normal(size=(2, 2)) + 1j * r.normal(size=(2, 2))
    e = ed.derive(es("ij,jk,kl->il", "A", "X", "B"), "X")
    H = ed.evaluate(e, A=A, X=np.ones((3, 2), complex), B=B, dense=False)
    full = H.dense().reshape(6, 6)
    b = r.normal(size=(3, 2)) + 1j
    close(H.solve(b).ravel(), np.linalg.solve(full, b.ravel()))
    close(H.logdet(), np.linalg.slogdet(full)[1])
    close(H.trace(), np.trace(full))
    with pytest.raises(ed.EinderivError, match="not symmetric"):
        H.eigvalsh()
    H = ed.evaluate(e, A=A + A.conj().T, X=np.ones((3, 2), complex), B=B + B.conj().T, dense=False)
    close(H.eigvalsh(), np.linalg.eigvalsh(H.dense().reshape(6, 6)))


def test_antisymmetric_factors_make_a_symmetric_product():
    A, B = np.array([[0.0, 2], [-2, 0]]), np.array([[0.0, 1], [-1, 0]])
    H = ed.evaluate(
        ed.derive(es("ij,jk,lk->il", "A", "X", "B"), "X"), A=A, X=np.ones((2, 2)), B=B, dense=False
    )
    assert H.method("eigvalsh") == "eigenvalues of 2x2 and 2x2"
    close(H.eigvalsh(), np.linalg.eigvalsh(H.dense().reshape(4, 4)))


# ---- sizes that only structure makes possible
def test_large_systems_by_small_factors():
    n, k = 300_000, 3
    H = ed.evaluate(
        ed.hessian(ed.norm_squared(residual), U),
        T=np.ones((n, 2)),
        U=np.ones((n, k)),
        V=np.array([[1.0, 0, 0], [0, 1, 1]]),
        dense=False,
    )
    with pytest.raises(ed.EinderivError, match="3x3 block is singular"):
        H.solve(np.ones((n, k)))
    ridge = ed.norm_squared(residual) + ed.norm_squared(U)
    H = ed.evaluate(
        ed.hessian(ridge, U),
        T=np.ones((n, 2)),
        U=np.ones((n, k)),
        V=np.array([[1.0, 0, 0], [0, 1, 1]]),
        dense=False,
    )
    block = 2 * np.array([[2.0, 0, 0], [0, 2, 1], [0, 1, 2]])
    b = r.normal(size=(n, k))
    close(H.solve(b), np.linalg.solve(block, b.T).T)
    close(H.logdet(), n * np.linalg.slogdet(block)[1])
    assert H.trace() == n * np.trace(block)
    assert H.diagonal().shape == (n, k)
    close(H.eigvalsh(), np.sort(np.repeat(np.linalg.eigvalsh(block), n)))
    assert H.nbytes < 200


# ---- what does not fit
@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.solve(np.ones(2)),
        lambda s: s.logdet(),
        lambda s: s.trace(),
        lambda s: s.eigvalsh(),
        lambda s: s.method(),
    ],
)
def test_only_square_tensors(call):
    no = ed.evaluate(t("A", "ij"), A=np.ones((2, 3)), dense=False)
    with pytest.raises(TypeError, match="needs a derivative"):
        call(no)
    flat = linear(np.ones((2, 3)))
    with pytest.raises(ed.ShapeError, match=r"\(2,\), the input \(3,\)"):
        call(flat)


@pytest.mark.parametrize(
    ("b", "error", "match"),
    [
        (np.ones(3), ed.ShapeError, r"\(3,\).*must be \(2,\)"),
        (1.0, ed.ShapeError, r"\(\).*must be \(2,\)"),
        (np.ones((3, 2)), ed.ShapeError, r"\(3, 2\).*must be \(2,\)"),
        ("ab", TypeError, "b must be an array"),
        (np.array(["a", "b"]), TypeError, "dtype"),
    ],
)
def test_right_hand_sides_that_do_not_fit(b, error, match):
    with pytest.raises(error, match=match):
        linear(np.eye(2)).solve(b)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (dict(rtol=0.0), ed.EinderivError, "rtol must be positive, not 0"),
        (dict(rtol=np.nan), ed.EinderivError, "rtol must be positive, not nan"),
        (dict(maxiter=1.5), TypeError, "maxiter must be a whole number"),
        (dict(maxiter=-1), ed.ShapeError, "maxiter is -1"),
    ],
)
def test_options_that_make_no_sense(options, error, match):
    with pytest.raises(error, match=match):
        linear(np.eye(2)).solve(np.ones(2), **options)


def test_a_method_that_is_none():
    with pytest.raises(ed.EinderivError, match=r"'slove'.*did you mean 'solve'"):
        linear(np.eye(2)).method("slove")


@pytest.mark.parametrize("seed", range(4))
def test_eigenvalues_of_terms_that_cancel(seed):
    """A softmax over one column, summed with weights of one number, is constant: what is left is rounding."""
    own = np.random.default_rng(seed)
    X = t("X", "nk")
    e = ed.hessian(es("ab,b->", ed.softmax(X, 0), t("w", "k")), X)
    H = ed.evaluate(e, X=own.normal(size=(3, 1)), w=own.normal(size=1), dense=False)
    assert np.abs(H.eigvalsh()).max() < 1e-15


def test_eigenvalues_of_a_difference_that_is_not_symmetric():
    A = np.array([[1.0, 2], [2, 1]])
    e = t("A", "ij") - t("B", "ij")
    H = ed.evaluate(e, A=A, B=A + [[0, 1e-9], [-1e-9, 0]], dense=False)
    with pytest.raises(ed.EinderivError, match="not symmetric"):
        H.eigvalsh()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1j * np.nan])
def test_right_hand_sides_must_be_finite(bad):
    H = linear(np.array([[2.0, 1], [1, 3]]))
    with pytest.raises(ed.EinderivError, match="the right-hand side holds nan or inf"):
        H.solve(np.array([[1, 0], [0, bad]]))


# ---- steps for Hessians of any sign
def spectral(matrix):
    """|H|⁺ and the projection to where H is regular, by NumPy on the dense matrix."""
    values, vectors = np.linalg.eigh(matrix)
    regular = np.abs(values) > 1e-12 * np.abs(values).max(initial=0)
    inverses = np.where(regular, 1 / np.where(regular, np.abs(values), 1), 0)
    return (vectors * inverses) @ vectors.T, (vectors * regular) @ vectors.T


def hermitian_of(values):
    """A symmetric matrix with these eigenvalues."""
    q, _ = np.linalg.qr(r.normal(size=(len(values),) * 2))
    return (q * values) @ q.T


skew = r.normal(size=(3, 3))
skew = skew - skew.T
SIGNS = [
    # the structure, its arrays, is it positive definite?
    ("ab->ab", dict(A=hermitian_of([1.0, 2, 3])), True),
    ("ab->ab", dict(A=hermitian_of([1.0, 2, 0])), False),
    ("ab->ab", dict(A=hermitian_of([1.0, -2, 3])), False),
    ("ab->ab", dict(A=np.zeros((3, 3))), False),
    ("ab->acbc", dict(A=hermitian_of([1.0, 0, -3])), False),
    ("ab,cd->acbd", dict(A=hermitian_of([1.0, 2, 3]), B=hermitian_of([1.0, 2])), True),
    ("ab,cd->acbd", dict(A=hermitian_of([-1.0, -2, -3]), B=hermitian_of([-1.0, -2])), True),
    ("ab,cd->acbd", dict(A=hermitian_of([-1.0, -2, -3]), B=hermitian_of([1.0, 2])), False),
    ("ab,cd->acbd", dict(A=hermitian_of([1.0, 0, -3]), B=hermitian_of([1.0, -2])), False),
    ("ab,cd->acbd", dict(A=skew, B=np.array([[0.0, 2], [-2, 0]])), False),
    ("a->aa", dict(A=np.array([1.0, 2, 3])), True),
    ("a->aa", dict(A=np.array([1.0, 0, -3])), False),
    ("gab->gagb", dict(A=np.stack([hermitian_of([1.0, 2]), hermitian_of([0.0, -2])])), False),
    ("->aa", dict(A=np.array(-2.0)), False),
]


@pytest.mark.parametrize(("structure", "arrays", "positive"), SIGNS)
def test_steps_by_absolute_eigenvalues(structure, arrays, positive):
    given = {"->aa": {"a": 4}, "ab->acbc": {"c": 2}}.get(structure)
    e = es(structure, *arrays, sizes=given)
    H = ed.evaluate(e, arrays, dense=False)
    half = H.shape[: H.ndim // 2]
    size = int(np.prod(half))
    inverse, projection = spectral(H.dense().reshape(size, size))
    b = r.normal(size=half)
    step, flat = H.square.unsigned(b)
    np.testing.assert_allclose(step.ravel(), inverse @ b.ravel(), atol=1e-12)
    np.testing.assert_allclose(flat.ravel(), b.ravel() - projection @ b.ravel(), atol=1e-12)
    assert H.square.positive_definite() == positive


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_positive_whatever_the_scale_of_the_unknowns(scale):
    diagonal = np.diag([1.0, scale, 1 / scale])
    matrix = diagonal @ hermitian_of([1.0, 2, 3]) @ diagonal
    H = ed.evaluate(es("ab->ab", "A"), A=matrix, dense=False)
    assert H.square.positive_definite()


def test_steps_need_finite_gradients_and_blocks_that_can_be_factored(monkeypatch):
    H = ed.evaluate(es("ab->ab", "A"), A=np.eye(3), dense=False)
    with pytest.raises(ed.EinderivError, match="right-hand side holds nan"):
        H.square.unsigned(np.array([1.0, np.nan, 0]))
    monkeypatch.setattr("einderiv.runtime.kronecker.LARGEST_BLOCK", 2)
    with pytest.raises(ed.LimitError, match="the least step would factor 3x3"):
        H.square.unsigned(np.ones(3))
