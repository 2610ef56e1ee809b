"""Square tensors with index embeddings: bands, Toeplitz matrices and sparse ones, against the dense tensor."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import relation
from einderiv.planning import Term
from einderiv.runtime import kinds, sparse
from einderiv.runtime.banded import Banded
from einderiv.runtime.diagonals import bands, mirrored, steps_of, width
from einderiv.runtime.entries import entries, most_entries
from einderiv.runtime.terms import product, value

pytest.importorskip("scipy")
r = np.random.default_rng(11)
x, Y, Z = ed.tensor("x", "i"), ed.tensor("Y", "ij"), ed.tensor("Z", "bi")
N = 40
FROM, TO, ORDER = r.integers(0, 300, 400), r.integers(0, 300, 400), r.permutation(300)


def numbers(*shape):
    return r.integers(1, 5, shape).astype(float)


def chain(y, axis=0, order=1):
    """Squares and fourth powers of differences."""
    return ed.sum(y**2) + ed.sum(ed.diff(y, order, axis=axis) ** 4)


def convolved(text, name, **sizes):
    return es(text, name, x, sizes=sizes)


es = ed.einsum
AT = dict(x=numbers(N))
LONG = dict(x=np.arange(300) % 7.0)  # no neighbours are equal
BAND = "banded factorisation of {} unknowns, {} below and {} above the diagonal"
TOEPLITZ = "Levinson's recursion for a Toeplitz matrix of 40 unknowns"
CENTRED = numbers(2 * N - 1) + 90 * (np.arange(2 * N - 1) == N - 1)
CASES = [
    # name                 tensor                                                  arrays                how it is solved
    ("a chain",            lambda: ed.hessian(chain(x), x),                         AT,                   BAND.format(N, 1, 1)),
    ("second differences", lambda: ed.hessian(chain(x, order=2), x),                AT,                   BAND.format(N, 2, 2)),
    ("without a ridge",    lambda: ed.hessian(x[0] ** 2 + ed.sum(ed.diff(x) ** 2), x), AT,                BAND.format(N, 1, 1)),
    ("indefinite",         lambda: ed.hessian(ed.sum(x**2) - 3 * ed.sum(x[1:] * x[:-1]), x), AT,          BAND.format(N, 1, 1)),
    ("a stencil",          lambda: ed.hessian(chain(Y) + chain(Y, 1), Y),           {"Y": numbers(16, 5)}, BAND.format(80, 5, 5)),
    ("a flat stencil",     lambda: ed.hessian(chain(x.reshape(8, 5)) + chain(x.reshape(8, 5), 1), x), AT, BAND.format(N, 5, 5)),
    ("several chains",     lambda: ed.hessian(chain(Z, 1), Z),                      {"Z": numbers(3, N)}, BAND.format(120, 1, 1)),
    ("chains of columns",  lambda: ed.hessian(chain(Y), Y),                         {"Y": numbers(N, 3)}, BAND.format(120, 1, 1)),
    ("not symmetric",      lambda: ed.derive(9 * x * x + convolved("k,(i-k)->i", "w", i=N, k=3), x),
     AT | {"w": numbers(3)}, BAND.format(N, 2, 0)),
    ("backwards",          lambda: ed.derive(x[::-1] * 1.0, x),                     AT,                   "dense 40x40"),
    ("every second",       lambda: ed.derive(x * x + ed.pad(x[::2], (0, 20)), x),   AT,                   BAND.format(N, 0, 19)),
    ("periodic and short", lambda: ed.hessian(chain(x) + (x[0] - x[-1]) ** 2, x),   AT,
     "Woodbury's identity for a band of 40 unknowns, 1 below and 1 above the diagonal plus 2 outer products, O(40 · 2²)"),
    ("periodic",           lambda: ed.hessian(chain(x) + ed.sum((ed.roll(x, 1) - x) ** 4), x), LONG,
     BAND.format(300, 2, 2) + ", in another order of the unknowns"),
    ("rings of two widths", lambda: ed.hessian(chain(x) + ed.sum((ed.roll(x, 2) - x) ** 4) + ed.sum(x * ed.roll(x, -3)), x), LONG,
     BAND.format(300, 6, 6) + ", in another order of the unknowns"),
    ("an odd ring",        lambda: ed.derive(9 * x + ed.roll(x, 1) ** 2, x),        {"x": np.arange(301) % 7.0},
     BAND.format(301, 2, 2) + ", in another order of the unknowns"),
    ("several rings",      lambda: ed.hessian(chain(Z, 1) + ed.sum((ed.roll(Z, 1, axis=1) - Z) ** 4), Z), {"Z": numbers(3, 300)},
     BAND.format(900, 2, 2) + ", in another order of the unknowns"),
    ("a ring of rows",     lambda: ed.hessian(chain(Y, 1) + ed.sum((ed.roll(Y, 1, axis=0) - Y) ** 4), Y), {"Y": numbers(90, 3)},
     BAND.format(270, 6, 6) + ", in another order of the unknowns"),
    ("permuted",           lambda: ed.hessian(chain(ed.take(x, ORDER)), x),         LONG,
     BAND.format(300, 1, 1) + ", in another order of the unknowns"),
    ("a chain by arrays",  lambda: ed.hessian(chain(ed.take(x, np.arange(300))), x), LONG,                BAND.format(300, 1, 1)),
    ("a graph",            lambda: ed.hessian(ed.sum(x**2) + ed.sum((ed.take(x, FROM) - ed.take(x, TO)) ** 2), x),
     LONG, "sparse factorisation (scipy.sparse.linalg.splu) of 300 unknowns, 1098 entries"),
    ("a directed graph",   lambda: ed.derive(9 * x + ed.segment_sum(ed.take(x, FROM), TO, 300), x),
     LONG, "sparse factorisation (scipy.sparse.linalg.splu) of 300 unknowns, 700 entries"),
    ("a long convolution", lambda: ed.derive(convolved("(i-j+39),j->i", "t", i=N, j=N), x), AT | {"t": CENTRED}, TOEPLITZ),
    ("with a ridge",       lambda: ed.derive(30 * x + convolved("(i-j),j->i", "t", i=N, j=N), x), AT | {"t": numbers(N)}, TOEPLITZ),
    ("two bands",          lambda: ed.derive(es("k,l,(i+k-1)(j+l-1)->ij", "u", "v", Y, sizes={"i": N, "j": 12}), Y),
     {"Y": numbers(N, 12), "u": np.array([1.0, 9, 2]), "v": np.array([3.0, 8, 1])},
     "Kronecker product: a band of 40 unknowns, 1 below and 1 above the diagonal and "
     "a band of 12 unknowns, 1 below and 1 above the diagonal"),
]  # fmt: skip
IDS = [name for name, *_ in CASES]


def evaluated(make, arrays):
    e = make()
    S = ed.evaluate(e, arrays, dense=False)
    n = int(np.prod(S.shape[: S.ndim // 2]))
    return S, ed.evaluate(e, arrays).reshape(n, n)


def close(got, want, digits=9):
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(got, want, atol=10.0**-digits * np.abs(want).max(initial=1))


@pytest.mark.parametrize(("make", "arrays", "method"), [row[1:] for row in CASES], ids=IDS)
def test_what_is_solved(make, arrays, method):
    S, dense = evaluated(make, arrays)
    assert S.method() == method
    rows = S.shape[: S.ndim // 2]
    for extra in ((), (1,), (2, 3), (0,)):
        b = r.integers(-5, 6, (*rows, *extra)).astype(float)
        before = b.copy()
        found = S.solve(b)
        assert (found.shape, found.dtype) == (b.shape, np.float64)
        assert np.array_equal(b, before)
        close(found.reshape(len(dense), -1), np.linalg.solve(dense, b.reshape(len(dense), -1)))
    close(S.logdet(), np.linalg.slogdet(dense)[1])
    close(S.trace(), np.trace(dense))
    close(S.diagonal().ravel(), np.diagonal(dense))
    if np.array_equal(dense, dense.T):
        close(S.eigvalsh(), np.linalg.eigvalsh(dense))
        assert S.square.positive_definite() == (np.linalg.eigvalsh(dense)[0] > 0)
    else:
        with pytest.raises(ed.EinderivError, match="not symmetric"):
            S.eigvalsh()
    for what in ("logdet", "eigvalsh"):
        assert S.method(what)


# ---- random terms: whole numbers, exactly
def drawn(seed):
    """A term of a square tensor whose labels are related, and the shape of its rows."""
    own = np.random.default_rng(seed)
    k = int(own.integers(1, 3))
    shape = tuple(int(n) for n in own.integers(1, 7, k))
    output = tuple(range(2 * k))
    free = list(range(10, 10 + int(own.integers(1, k + 2))))
    sizes = {label: int(own.integers(1, 6)) for label in free}
    relations = []
    for label in output:
        terms = {label: -1}
        for other in own.choice(free, int(own.integers(0, 3))):
            terms[int(other)] = int(own.choice([-1, 1, 1, 1, 2, 6]))
        relations.append(relation(int(own.integers(-2, 3)), terms))
    factors = []
    unread = list(free)
    while unread and own.random() < 0.8:
        labels = tuple(unread[: int(own.integers(1, 3))])
        unread = unread[len(labels) :]
        factors.append((own.integers(-4, 5, [sizes[label] for label in labels]), labels))
    between = {label for one in relations for label, _ in one.terms}
    given = tuple((label, sizes[label]) for label in unread if label in between)
    return Term(tuple(factors or [(np.array(3), ())]), output, tuple(relations), (), given), shape


def test_random_terms_fill_their_diagonals():
    seen = 0
    for seed in range(1500):
        term, shape = drawn(seed)
        n = int(np.prod(shape))
        dense = value(product(term, shape * 2), int).reshape(n, n)
        values, indices = entries(term, shape * 2, int)
        matrix = np.zeros(shape * 2, int)
        np.add.at(matrix, tuple(indices), values)
        assert matrix.reshape(n, n).tolist() == dense.tolist()
        assert np.count_nonzero(dense) <= most_entries(term, shape * 2)
        own = steps_of(term, shape)
        if own is None:
            continue
        steps = [(term, own)]
        upper = width(steps)[1]
        whole = Banded(bands(steps, n, int), upper)
        assert whole.dense().tolist() == dense.tolist()
        if mirrored(steps):
            assert (dense == dense.T).all()
            half = Banded(bands(steps, n, int, half=True), upper, mirrored=True)
            assert half.dense().tolist() == dense.tolist()
        seen += bool(dense.any())
    assert seen > 250


@pytest.mark.parametrize("seed", range(60))
def test_random_sums_are_solved(seed, monkeypatch):
    """Every form of one matrix, plus a multiple of the identity, says the same."""
    own = np.random.default_rng(seed)
    term, shape = drawn(seed)
    k = len(shape)
    identity = Term(((np.array(own.choice([60, -60])), ()),), (*range(k), *range(k)))
    transposed = term._replace(output=(*term.output[k:], *term.output[:k]))
    terms = [identity, term, transposed] if own.random() < 0.6 else [identity, term]
    n = int(np.prod(shape))
    dense = sum(value(product(one, shape * 2), float) for one in terms).reshape(n, n)
    monkeypatch.setattr(kinds, "TINY", 0)
    monkeypatch.setattr(kinds, "SPARSE_FROM", int(own.choice([0, 1000])))
    monkeypatch.setattr(kinds, "SPARSE", 10.0)
    widest = int(own.choice([-1, 100]))
    monkeypatch.setattr(sparse, "is_narrow", lambda lower, upper, _: max(lower, upper) <= widest)
    square = ed.runtime.Square(terms, shape, np.dtype(float))
    b = own.integers(-5, 6, (*shape, 2)).astype(float)
    found = square.solve(b, None, None, 1e-10, 1)
    close(found.reshape(n, 2), np.linalg.solve(dense, b.reshape(n, 2)))
    close(square.log_determinant(), np.linalg.slogdet(dense)[1])
    if (dense == dense.T).all():
        eigenvalues = np.linalg.eigvalsh(dense)
        close(square.eigenvalues(), eigenvalues)
        assert square.positive_definite() == (eigenvalues[0] > 0)
        step, flat = square.unsigned(b[..., 0])
        vectors = np.linalg.eigh(dense)[1]
        close(step.ravel(), vectors @ (vectors.T @ b[..., 0].ravel() / np.abs(eigenvalues)))
        close(flat, np.zeros(shape))


# ---- numbers of other kinds
TRIDIAGONAL = "(i+k-1),k->i"


def tridiagonal(weights, n=N):
    """``w[0]`` below the diagonal of n rows, ``w[1]`` on it and ``w[2]`` above."""
    e = es("k,(i+k-1)->i", "w", x, sizes={"i": n, "k": 3})
    weights = np.asarray(weights)
    return ed.evaluate(ed.derive(e, x), w=weights, x=np.ones(n, weights.dtype), dense=False)


@pytest.mark.parametrize("weights", [[-1, 3, -1], [-1, 3, 2], [0, 3, 0], [5, 1, 5]], ids=str)
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("dtype", "vector", "want"),
    [
        ("f4", "f4", "f4"),
        ("f4", "f8", "f8"),
        ("f2", "f2", "f2"),
        ("i4", "i8", "f8"),
        ("f8", "c16", "c16"),
        ("c8", "c8", "c8"),
        ("c16", "f8", "c16"),
    ],
)
def test_dtypes(weights, large, dtype, vector, want, monkeypatch):
    if large:  # as a sparse matrix
        monkeypatch.setattr(kinds, "_band", lambda *_: None)
        monkeypatch.setattr(kinds, "along", lambda *_: None)
        monkeypatch.setattr(kinds, "SPARSE_FROM", 0)
        monkeypatch.setattr(sparse, "is_narrow", lambda *_: False)
    S = tridiagonal(np.array(weights, dtype))
    assert S.method().startswith(("sparse", "banded", "division"))
    dense = S.dense().astype("c16" if "c" in want else "f8")
    b = (np.arange(N) % 5 - 2).astype(vector)
    found = S.solve(b)
    assert found.dtype == want
    close(
        found,
        np.linalg.solve(dense, b.astype(dense.dtype)),
        {"f2": 2, "f4": 4, "c8": 4}.get(want, 9),
    )
    assert S.logdet() == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-3)


def test_hermitian_bands():
    weights = np.array([1 + 2j, 6, 1 - 2j])
    S = tridiagonal(weights)
    dense = S.dense()
    assert np.array_equal(dense, dense.conj().T)
    b = numbers(N, 2) + 1j * numbers(N, 2)
    close(S.solve(b), np.linalg.solve(dense, b))
    close(S.eigvalsh(), np.linalg.eigvalsh(dense))
    assert S.square.positive_definite()
    wide = ed.evaluate(
        ed.derive(es("k,(i+k-2)->i", "w", x, sizes={"i": N, "k": 5}), x),
        w=np.array([0.5j, 1 + 2j, 9, 1 - 2j, -0.5j]),
        x=np.ones(N, complex),
        dense=False,
    )
    dense = wide.dense()
    close(wide.solve(b), np.linalg.solve(dense, b))
    close(wide.logdet(), np.linalg.slogdet(dense)[1])
    close(wide.eigvalsh(), np.linalg.eigvalsh(dense))


def test_badly_scaled_bands_are_no_symmetric_ones():
    """Mirrored entries are compared with the diagonal beside them, not with the largest entry."""
    n = 12
    e = es("i,(i+1)->i", "u", x, sizes={"i": n - 1})
    matrix = ed.derive(
        es("i,i->i", "d", x) + ed.pad(e, (0, 1)) + ed.pad(es("i,i->i", "v", x[:-1]), (1, 0)), x
    )
    d = np.r_[1e30, np.ones(n - 1) * 3]
    S = ed.evaluate(matrix, d=d, u=np.ones(n - 1), v=np.full(n - 1, 2.0), x=np.ones(n), dense=False)
    assert "band" in S.method()
    close(S.solve(np.arange(n) + 1.0), np.linalg.solve(S.dense(), np.arange(n) + 1.0))


# ---- what cannot be solved
SINGULAR = [
    ("a free chain",    lambda: ed.hessian(ed.sum(ed.diff(x) ** 2), x),           {"x": np.ones(N)},   "a band of 40 unknowns, 1 below and 1 above the diagonal is singular"),
    ("a free ring",     lambda: ed.hessian(ed.sum((x - ed.roll(x, 1)) ** 2), x),  {"x": np.ones(300)}, "in another order of the unknowns is singular"),
    ("a free graph",    lambda: ed.hessian(ed.sum((ed.take(x, FROM) - ed.take(x, TO)) ** 2), x), {"x": np.ones(300)}, "a sparse matrix of 300 unknowns, .* is singular"),
    ("an empty row",    lambda: ed.derive(es("(i+1)->i", x, sizes={"i": N}), x),  {"x": np.ones(N)},   "a band of 40 unknowns, 0 below and 1 above the diagonal is singular"),
    ("zeros",           lambda: ed.derive(ed.pad(x[1:-1] * x[1:-1], (1, 1)), x),  {"x": np.ones(N)},   "entry 0 of a diagonal of 40 is zero"),
    ("ones everywhere", lambda: ed.derive(convolved("(i-j+39),j->i", "t", i=N, j=N), x), {"x": np.ones(N), "t": np.ones(79)}, "a circulant matrix of 40 unknowns is singular, at frequency 1"),
    ("nan",             lambda: ed.hessian(chain(x), x),                          {"x": np.r_[np.nan, np.ones(N - 1)]}, "a band of 40 unknowns, .* holds nan or inf"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "arrays", "match"), [row[1:] for row in SINGULAR], ids=[row[0] for row in SINGULAR]
)
def test_what_has_no_solution(make, arrays, match):
    S = ed.evaluate(make(), arrays, dense=False)
    b = r.normal(size=S.shape[0])
    with pytest.raises(ed.EinderivError, match=match):
        S.solve(b)
    if not np.isnan(arrays["x"]).any():
        assert S.logdet() < -20 or abs(S.logdet() - np.linalg.slogdet(S.dense())[1]) < 30


@pytest.mark.parametrize(
    ("b", "error", "match"),
    [
        (
            np.ones(N + 1),
            ed.ShapeError,
            r"b has shape \(41,\), but the first 1 sizes must be \(40,\)",
        ),
        (np.ones(()), ed.ShapeError, r"b has shape \(\)"),
        (np.full(N, np.inf), ed.EinderivError, "the right-hand side holds nan or inf"),
    ],
)
def test_wrong_right_hand_sides(b, error, match):
    with pytest.raises(error, match=match):
        tridiagonal([1.0, 4, 1]).solve(b)


def test_a_matrix_that_is_not_square():
    S = ed.evaluate(ed.derive(ed.diff(x), x), x=np.ones(N), dense=False)
    with pytest.raises(ed.ShapeError, match=r"the output has shape \(39,\), the input \(40,\)"):
        S.solve(np.ones(39))


# ---- what structure makes possible
@pytest.mark.parametrize(("n", "count"), [(30, 200), (3000, 500)])
def test_blocks_by_an_index_array(n, count):
    """The rows of a factorisation, each with the observations that it has."""
    U, V = ed.tensor("U", "nk"), ed.tensor("V", "mk")
    rows, columns = r.integers(0, n, count), r.integers(0, 20, count)
    index = {"r": rows, "c": columns}
    residual = ed.tensor("T", "e") - es("(r[e])k,(c[e])k->e", U, V, index=index)
    loss = ed.sum(residual**2) + ed.norm_squared(U)
    arrays = {"U": numbers(n, 3), "V": numbers(20, 3), "T": numbers(count)}
    H = ed.evaluate(ed.hessian(loss, U), arrays, dense=False)
    assert H.method() == f"{n} blocks of 3x3"
    step = arrays["U"] - H.solve(ed.evaluate(ed.grad(loss, U), arrays))
    for row in rows[:10]:
        own = arrays["V"][columns[rows == row]]
        ridge = own.T @ own + np.eye(3)
        close(step[row], np.linalg.solve(ridge, own.T @ arrays["T"][rows == row]))


def test_long_chains():
    n = 200_000
    S = tridiagonal([-1.0, 3, -1], n)
    b = np.arange(n) % 7 - 3.0
    found = S.solve(b)
    close(S.matvec(found), b)
    # det T(n) = 3 det T(n - 1) - det T(n - 2): powers of the larger root of z² = 3 z - 1
    root = (3 + np.sqrt(5)) / 2
    assert S.logdet() == pytest.approx(n * np.log(root) + np.log(root / np.sqrt(5)))
    assert S.trace() == 3 * n
    with pytest.raises(ed.LimitError, match=r"eigvalsh of a band of 200000 .* takes about 8e"):
        S.eigvalsh()


def test_eigenvalues_of_a_band():
    n = 3000
    found = tridiagonal([1.0, 2, 1], n).eigvalsh()
    close(found, np.sort(2 + 2 * np.cos(np.arange(1, n + 1) * np.pi / (n + 1))))


def test_large_stencils_are_sparse():
    n = 150  # the band would be wide, and mostly empty
    S = ed.evaluate(ed.hessian(chain(Y) + chain(Y, 1), Y), Y=numbers(n, n), dense=False)
    assert S.method().startswith(
        "sparse factorisation (scipy.sparse.linalg.splu) of 22500 unknowns"
    )
    b = numbers(n, n, 2)
    found = S.solve(b)
    close(S.matvec(np.ascontiguousarray(found[..., 0])), b[..., 0])
    assert S.square.positive_definite()


def test_factors_that_would_be_too_large(monkeypatch):
    """A graph without a good order is left to conjugate gradients."""
    monkeypatch.setattr(sparse, "MOST_WORK", 1e4)
    monkeypatch.setattr("einderiv.runtime.kronecker.LARGEST_BLOCK", 100)
    S = ed.evaluate(
        ed.hessian(ed.sum(x**2) + ed.sum((ed.take(x, FROM) - ed.take(x, TO)) ** 2), x),
        x=np.ones(300),
        dense=False,
    )
    assert S.method() == "matrix-free conjugate gradients"
    b = numbers(300)
    close(S.matvec(S.solve(b)), b, 7)


def test_long_toeplitz_matrices():
    n = 2500
    t = 1.0 / (1 + np.abs(np.arange(1 - n, n)))
    S = ed.evaluate(
        ed.derive(convolved("(i-j+2499),j->i", "t", i=n, j=n), x), t=t, x=np.ones(n), dense=False
    )
    b = numbers(n)
    close(S.matvec(S.solve(b)), b)
    with pytest.raises(ed.LimitError, match="logdet would factor a Toeplitz matrix of 2500"):
        S.logdet()
    t[n - 1] = 0  # the first leading block is singular
    S = ed.evaluate(
        ed.derive(convolved("(i-j+2499),j->i", "t", i=n, j=n), x), t=t, x=np.ones(n), dense=False
    )
    with pytest.raises(ed.EinderivError, match="leading block that is singular"):
        S.solve(b)


def test_a_leading_block_may_be_singular():
    t = numbers(2 * N - 1)
    t[N - 1] = 0
    S, dense = evaluated(
        lambda: ed.derive(convolved("(i-j+39),j->i", "t", i=N, j=N), x), AT | {"t": t}
    )
    assert S.method() == TOEPLITZ
    b = numbers(N)
    close(S.solve(b), np.linalg.solve(dense, b))


def test_without_scipy(monkeypatch):
    """Small systems are dense then; large ones say what is missing."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("einderiv.runtime.iterative.importlib.import_module", missing)
    S = tridiagonal([1.0, 4, 1])
    assert S.method() == "dense 40x40"
    b = numbers(N)
    close(S.solve(b), np.linalg.solve(S.dense(), b))
    with pytest.raises(ImportError, match="this needs SciPy: pip install"):
        tridiagonal([1.0, 4, 1], 5000).solve(np.ones(5000))


def test_factors_are_kept(monkeypatch):
    S = tridiagonal([1.0, 4, 1])
    count = 0
    lapack = Banded._cholesky.func

    def counted(self):
        nonlocal count
        count += 1
        return lapack(self)

    counting = type(Banded._cholesky)(counted)
    counting.__set_name__(Banded, "_cholesky")
    monkeypatch.setattr(Banded, "_cholesky", counting)
    for _ in range(3):
        S.solve(numbers(N))
    S.logdet()
    assert count == 1
