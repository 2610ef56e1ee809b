"""Sums of structured terms of every pattern, against LAPACK on the dense matrix."""

import numpy as np
import pytest

import einderiv as ed

pytest.importorskip("scipy")
es = ed.einsum

# name: the embedding of a term with rows a, b and columns c, d (tied ones named alike), and the axes
# of its factors
TERMS = {
    "identity":   ("->abab", ()),
    "diagonal":   ("ab->abab", ("ab",)),
    "of rows":    ("a->abab", ("a",)),
    "left":       ("ac->abcb", ("ac",)),
    "right":      ("bd->abad", ("bd",)),
    "kronecker":  ("ac,bd->abcd", ("ac", "bd")),
    "blocks":     ("abd->abad", ("abd",)),
    "outer":      ("ab,cd->abcd", ("ab", "cd")),
    "row outers": ("ab,ad->abad", ("ab", "ad")),
    "of vectors": ("a,b,c,d->abcd", ("a", "b", "c", "d")),
    "full":       ("abcd->abcd", ("abcd",)),
}  # fmt: skip
# sums, and a word of how they are solved
SUMS = [
    (("identity", "kronecker"), "sum of Kronecker products"),
    (("kronecker", "kronecker"), "sum of Kronecker products"),
    (("left", "right"), "sum of Kronecker products"),
    (("left", "right", "identity"), "sum of Kronecker products"),
    (("left", "kronecker"), "sum of Kronecker products"),
    (("of rows", "kronecker"), "sum of Kronecker products"),
    (("identity", "outer"), "Woodbury"),
    (("diagonal", "outer"), "Woodbury"),
    (("diagonal", "outer", "outer"), "Woodbury"),
    (("diagonal", "row outers"), "Woodbury"),
    (("identity", "row outers"), "Woodbury"),
    (("blocks", "outer"), "Woodbury"),
    (("right", "outer"), "Woodbury"),
    (("diagonal", "of vectors"), "Woodbury"),
    (("diagonal", "identity", "of rows"), "division"),
    (("blocks", "diagonal"), "blocks of"),
    (("left",), "factorisation"),
    (("kronecker",), "Kronecker product"),
    (("full", "diagonal"), "dense"),
    (("left", "blocks"), "dense"),
]  # fmt: skip


def mirrored(letters):
    """The axes of the same factor in the transposed tensor."""
    return letters.translate(str.maketrans("abcd", "cdab"))


def drawn(r, name, sizes, *, symmetric, kind=float):
    """A random term as a structured tensor."""
    spec, factors = TERMS[name]
    arrays = []
    for axes in factors:
        array = r.normal(size=[sizes[x] for x in axes]).astype(kind)
        if kind is complex:
            array = array + 1j * r.normal(size=array.shape)
        if symmetric and name in ("left", "right", "kronecker"):
            array = array @ array.conj().T
        arrays.append(array)
    if symmetric and name in ("identity", "diagonal", "of rows"):
        arrays = [np.abs(array) + 0.5 for array in arrays]
    if symmetric and name in ("outer", "row outers"):
        arrays[1] = arrays[0].conj()
    if symmetric and name == "of vectors":
        arrays[2:] = [array.conj() for array in arrays[:2]]
    if symmetric and name == "blocks":
        arrays[0] = arrays[0] @ arrays[0].conj().swapaxes(-1, -2)
    if symmetric and name == "full":
        n = sizes["a"] * sizes["b"]
        matrix = arrays[0].reshape(n, n)
        arrays[0] = (matrix @ matrix.conj().T).reshape(arrays[0].shape)
    given = dict(zip("PQRS", arrays, strict=False))
    e = es(spec, *[ed.tensor(name, axes) for name, axes in zip("PQRS", factors, strict=False)],
           sizes={x: sizes[x] for x in "ab"})  # fmt: skip
    return ed.evaluate(e, given, dense=False)


def total(r, names, sizes, **options):
    S = drawn(r, names[0], sizes, **options)
    for name in names[1:]:
        S = S + drawn(r, name, sizes, **options)
    return S


def close(got, want, condition):
    scale = np.abs(want).max(initial=1e-300)
    assert np.shape(got) == np.shape(want)
    assert np.abs(got - want).max(initial=0) <= 1e-9 * max(condition, 1) ** 1 * scale


@pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "any"])
@pytest.mark.parametrize(("names", "method"), SUMS, ids=[" + ".join(row[0]) for row in SUMS])
def test_random_sums(names, method, symmetric):
    r = np.random.default_rng(len(method) + 7 * symmetric)
    for trial in range(12):
        n, m = r.integers(1, 6, 2)
        kind = complex if trial % 4 == 3 else float
        sizes = {"a": int(n), "b": int(m), "c": int(n), "d": int(m)}
        S = total(r, names, sizes, symmetric=symmetric, kind=kind)
        matrix = S.dense().reshape(n * m, n * m)
        if n > 2 and m > 3:
            assert method in S.method(), S.method()
            assert method == "dense" or "dense" not in S.method()
        condition = np.linalg.cond(matrix)
        if condition > 1e12:
            continue
        b = r.normal(size=(n, m, 2))
        x = np.linalg.solve(matrix, b.reshape(n * m, 2)).reshape(b.shape)
        close(S.solve(b), x, condition)
        close(S.solve(b[..., 0]), x[..., 0], condition)
        assert abs(S.logdet() - np.linalg.slogdet(matrix)[1]) <= 1e-9 * condition
        close(S.inv_diagonal().ravel(), np.diag(np.linalg.inv(matrix)), condition)
        close(S.diagonal().ravel() if S.split else np.diag(matrix), np.diag(matrix), 1)
        close(S.trace(), np.trace(matrix), n * m)
        if not symmetric:
            continue
        close(S.eigvalsh(), np.linalg.eigvalsh(matrix), condition)
        L = S.cholesky()
        lower = L.dense().reshape(n * m, n * m)
        close(lower, np.linalg.cholesky(matrix), condition)
        assert not np.triu(lower, 1).any()
        close(L @ L.solve(b[..., 0]), b[..., 0], condition)


def held(spec, *arrays, **sizes):
    """An einsum of arrays as a structured tensor."""
    inputs = spec.split("->")[0].split(",") if arrays else []
    names = [f"A{k}" for k in range(len(arrays))]
    e = es(spec, *map(ed.tensor, names, inputs), sizes=sizes)
    return ed.evaluate(e, dict(zip(names, arrays, strict=True)), dense=False)


def diagonal_plus_outer(d, *vectors):
    S = held("i->ii", d)
    for u in vectors:
        S = S + held("i,j->ij", u, u)
    return S


def test_ill_conditioned_diagonals_plus_rank_one():
    """No worse than ten times the error of Cholesky's factorisation: far better, as it is refined."""
    from fractions import Fraction

    n = 60
    for seed in range(5):
        r = np.random.default_rng(seed)
        d, u, b = 10.0 ** r.uniform(-8, 8, n), r.normal(size=n), r.normal(size=n)
        S = diagonal_plus_outer(d, u)
        exact_d, exact_u, exact_b = ([Fraction(v) for v in array] for array in (d, u, b))
        inside = sum(v * w / e for v, w, e in zip(exact_u, exact_b, exact_d, strict=True))
        capacitance = 1 + sum(v * v / e for v, e in zip(exact_u, exact_d, strict=True))
        right = []
        for v, w, e in zip(exact_u, exact_b, exact_d, strict=True):
            right.append(float((w - v * inside / capacitance) / e))
        right = np.array(right)
        factor = np.linalg.cholesky(S.dense())
        usual = np.linalg.solve(factor.T, np.linalg.solve(factor, b))
        assert "Woodbury" in S.method()
        own = np.linalg.norm(S.solve(b) - right) / np.linalg.norm(right)
        assert own <= 10 * np.linalg.norm(usual - right) / np.linalg.norm(right)
        assert own <= 1e-9


@pytest.mark.parametrize(("n", "zeros"), [(6, 1), (6, 2), (2500, 2)])
def test_zeros_on_the_diagonal(n, zeros):
    r = np.random.default_rng(n)
    d = r.uniform(1, 2, n)
    d[:zeros] = 0
    S = diagonal_plus_outer(d, r.normal(size=n), r.normal(size=n))
    b = r.normal(size=n)
    assert "plus 2 outer products" in S.method()
    matrix = S.dense()
    assert np.allclose(matrix @ S.solve(b), b)
    assert np.isclose(S.logdet(), np.linalg.slogdet(matrix)[1])
    if n < 10:
        assert np.allclose(S.inv_diagonal(), np.diag(np.linalg.inv(matrix)))


def test_many_unknowns_and_few_outer_products():
    """Nothing of 20,000 × 20,000 is formed, which would be a LimitError."""
    n = 20_000
    r = np.random.default_rng(0)
    x, V = ed.tensor("x", "i"), ed.tensor("V", "ki")
    at = dict(x=r.normal(size=n), V=r.normal(size=(5, n)))
    H = ed.evaluate(ed.hessian(ed.sum(ed.exp(x)) + ed.norm_squared(V @ x), x), at, dense=False)
    assert (
        H.method()
        == "Woodbury's identity for a diagonal of 20000 plus 5 outer products, O(20000 · 5²)"
    )
    b = r.normal(size=n)
    y = H.solve(b)
    assert np.abs(H @ y - b).max() <= 1e-10
    d = np.exp(at["x"])
    small = np.eye(5) + 2 * at["V"] / d @ at["V"].T
    assert np.isclose(H.logdet(), np.log(d).sum() + np.linalg.slogdet(small)[1])


RING = np.array([4, 1, 0.5, 0.2, 0.1, 0.1, 0.2, 0.5, 1])


@pytest.mark.parametrize("column", [RING, RING + np.arange(9)], ids=["symmetric", "any"])
def test_circulant_matrices(column):
    x = ed.tensor("x", "i")
    rolled = [column[k] * ed.roll(x, k) for k in range(1, 9)]
    S = ed.evaluate(ed.derive(sum(rolled, column[0] * x), x), x=np.ones(9), dense=False)
    matrix = S.dense()
    b = np.random.default_rng(0).normal(size=(9, 2))
    assert S.method() == "Fourier transforms of a circulant matrix of 9 unknowns, O(n log n)"
    assert np.allclose(S.solve(b), np.linalg.solve(matrix, b))
    assert np.isclose(S.logdet(), np.linalg.slogdet(matrix)[1])
    assert np.allclose(S.inv_diagonal(), np.diag(np.linalg.inv(matrix)))
    both = S + S.T
    assert "circulant" in both.method() and "circulant" in S.shifted(2).method()
    assert np.allclose(both.eigvalsh(), np.linalg.eigvalsh(both.dense()))


@pytest.mark.parametrize("upper", [False, True])
def test_triangular_matrices(upper):
    r = np.random.default_rng(1)
    y = ed.tril(ed.tensor("A", "ij")) @ ed.tensor("z", "j")
    S = ed.evaluate(
        ed.derive(y, "z"), A=r.normal(size=(8, 8)) + 3 * np.eye(8), z=np.ones(8), dense=False
    )
    S = S.T if upper else S
    matrix = S.dense()
    b = r.normal(size=(8, 2))
    assert (
        S.method()
        == f"substitution in {'an upper' if upper else 'a lower'} triangular matrix of 8 unknowns"
    )
    assert np.allclose(S.solve(b), np.linalg.solve(matrix, b))
    assert np.isclose(S.logdet(), np.linalg.slogdet(matrix)[1])
    assert np.allclose(S.inv_diagonal(), np.diag(np.linalg.inv(matrix)))


@pytest.mark.parametrize("order", [1, 2])
def test_the_factor_of_a_band_is_a_band(order):
    x = ed.tensor("x", "i")
    loss = ed.sum(x**2) + ed.sum(ed.diff(x, order) ** 4)
    S = ed.evaluate(ed.hessian(loss, x), x=np.arange(30) % 7.0, dense=False)
    L = S.cholesky()
    assert L.nbytes == 8 * 30 * (order + 1)
    assert np.allclose(L.dense(), np.linalg.cholesky(S.dense()))
    assert np.allclose(S.dense() @ L.T.solve(L.solve(np.ones(30))), 1)
    assert np.allclose(S.inv_diagonal(), np.diag(np.linalg.inv(S.dense())))


ONES = np.ones(6)
NAN = np.r_[np.nan, np.ones(5)]
LARGE = 2500


def kronecker_of(first, second):
    n, m = len(first), len(second)
    return held("ac->abcb", first, b=m) + held("bd->abad", second, a=n)


FAULTS = [
    ("singular sum", lambda: diagonal_plus_outer(ONES, 1j * ONES / 6**0.5), lambda S: S.solve(ONES), "a diagonal of 6 plus one outer product is singular"),
    ("nan", lambda: diagonal_plus_outer(NAN, ONES), lambda S: S.solve(ONES), "plus one outer product holds nan or inf"),
    ("inf", lambda: diagonal_plus_outer(ONES, np.inf * NAN), lambda S: S.logdet(), "plus one outer product holds nan or inf"),
    ("nan in b", lambda: diagonal_plus_outer(ONES, ONES), lambda S: S.solve(NAN), "the right-hand side holds nan or inf"),
    ("shape of b", lambda: diagonal_plus_outer(ONES, ONES), lambda S: S.solve(np.ones(5)), "the first 1 sizes must be .6,."),
    ("not positive", lambda: -diagonal_plus_outer(ONES, ONES), lambda S: S.cholesky(), "is not positive definite: it has no Cholesky factor"),
    ("a block", lambda: held("a->aa", np.r_[1.0, -1, 1]), lambda S: S.cholesky(), "entry 1 of a diagonal of 3 is not positive definite"),
    ("not symmetric", lambda: held("i->ii", ONES) + held("i,j->ij", ONES, np.arange(6.0)), lambda S: S.cholesky(), "not symmetric .Hermitian.: it has no Cholesky"),
    ("too large", lambda: diagonal_plus_outer(np.ones(LARGE), np.ones(LARGE)), lambda S: S.cholesky(), "cholesky would factor a diagonal of 2500 plus one outer product, 50 MB"),
    ("too many zeros", lambda: diagonal_plus_outer(np.r_[0, 0, np.ones(LARGE)], np.ones(LARGE + 2)), lambda S: S.solve(np.ones(LARGE + 2)), "entry 0 of a diagonal of 2502 is zero"),
    ("eigenvalues that cancel", lambda: kronecker_of(np.diag([1.0, 2]), np.diag([-1.0, 5, 6])), lambda S: S.solve(np.ones((2, 3))), "a sum of Kronecker products of 2x2 and 3x3 is singular"),
    ("Sylvester's", lambda: kronecker_of(np.array([[1.0, 1], [0, 2]]), np.array([[-1.0, 5], [0, 6]])), lambda S: S.solve(np.ones((2, 2))), "a sum of Kronecker products of 2x2 and 2x2 is singular"),
    ("nan in a factor", lambda: kronecker_of(np.full((2, 2), np.nan), np.eye(3)), lambda S: S.solve(np.ones((2, 3))), "holds nan or inf"),
    ("a circulant", lambda: ed.evaluate(ed.derive(ed.roll(ed.tensor("x", "i"), 1) - ed.tensor("x", "i"), "x"), x=np.ones(9), dense=False), lambda S: S.solve(np.ones(9)), "is singular"),
    ("no square", lambda: ed.evaluate(ed.derive("ij,j->i", 1), A=np.ones((2, 3)), B=np.ones(3), dense=False), lambda S: S.inv_diagonal(), "there is a diagonal, and inv_diagonal, only if"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "call", "match"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_faults(make, call, match):
    with pytest.raises(ed.EinderivError, match=match):
        call(make())


def test_methods_are_named_whatever_the_numbers():
    assert "Woodbury" in diagonal_plus_outer(NAN, ONES).method()
    assert "dense" in kronecker_of(np.full((2, 2), np.nan), np.eye(3)).method()


def test_no_unknowns_and_one():
    for n in (0, 1):
        S = diagonal_plus_outer(np.ones(n), np.ones(n))
        assert S.solve(np.ones(n)).shape == S.inv_diagonal().shape == S.eigvalsh().shape == (n,)
        assert S.logdet() == np.log(2.0) * n
        assert S.cholesky().dense().shape == (n, n)
    for shape in ((0, 3), (3, 0), (0, 0), (1, 1), (1, 4)):
        n, m = shape
        S = held("ac,bd->abcd", np.ones((n, n)), np.ones((m, m))).shifted(1.0)
        matrix = S.dense().reshape(n * m, n * m)
        assert np.allclose(S.solve(np.ones(shape)).ravel(), np.linalg.solve(matrix, np.ones(n * m)))
        assert np.allclose(S.eigvalsh(), np.linalg.eigvalsh(matrix))
        assert np.allclose(S.cholesky().dense().reshape(n * m, n * m), np.linalg.cholesky(matrix))
