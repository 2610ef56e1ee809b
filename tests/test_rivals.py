"""The tables of SymPy, AutoHOOT, tensorgrad and of bug reports; and by name what those libraries get wrong."""

import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tables_rivals
import tables_sympy
from tables_rivals import R, Z

import einderiv as ed

SIZES = {"i": 3, "j": 2, "a": 2, "u": 4, "s": 1, "m": 6}
SCALARS = ("t", "mu")
SYMPY = [
    pytest.param(row, id=f"{test}-{k}")
    for test, rows in tables_sympy.ROWS.items()
    for k, row in enumerate(rows)
]
OTHERS = [
    pytest.param(row, id=f"{file}: {name}")
    for file, rows in tables_rivals.TABLES.items()
    for name, row in rows.items()
]
ROWS = [*SYMPY, *OTHERS]


def names_of(f):
    return [name for name in inspect.signature(f).parameters if name != "K"]


def axes_of(row, name):
    default = "" if name in SCALARS else "ii" if name[0].isupper() else "i"
    return row.axes.get(name, default)


def arrays_for(row, seed=0):
    """Whole numbers without 0, or reals: positive, and with large diagonals where they are square."""
    rng = np.random.default_rng(seed)
    found = {}
    for name in names_of(row.f):
        shape = tuple(SIZES[x] for x in axes_of(row, name))
        if row.at == Z:
            found[name] = np.asarray(rng.integers(1, 5, shape) * rng.choice((-1, 1), shape))
        else:
            found[name] = np.asarray(rng.uniform(0.4, 0.9, shape))
            if len(shape) == 2 and shape[0] == shape[1]:
                found[name] += 1.5 * np.eye(shape[0])
    return found


def derived(row):
    tensors = {name: ed.tensor(name, axes_of(row, name)) for name in names_of(row.f)}
    y = row.f(ed, **tensors)
    for name in row.by.split():
        y = ed.derive(y, tensors[name])
    return y


def close(ours, theirs):
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(
        ours, theirs, rtol=0, atol=1e-9 * max(1, np.abs(theirs).max(initial=0))
    )


def check(row, arrays):
    e = derived(row)
    expected = np.asarray(row.closed(**{name: arrays[name] for name in names_of(row.closed)}))
    for dense in (True, False):
        found = ed.evaluate(e, arrays, dense=dense)
        found = found if dense else found.dense()
        if row.at == Z:
            assert found.dtype.kind == expected.dtype.kind == "i"
            assert found.shape == expected.shape
            assert (found == expected).all()
        else:
            close(found, expected)


@pytest.mark.parametrize("row", ROWS)
def test_value(row):
    check(row, arrays_for(row))


def test_a_wrong_value_is_caught():
    row = tables_sympy.TRACES[3]
    wrong = row._replace(closed=lambda A, B: B.T @ A.T)
    with pytest.raises(AssertionError):
        check(wrong, arrays_for(row))


@pytest.fixture(scope="module")
def K():
    """JAX under the names that the rows use."""
    jax = pytest.importorskip("jax")
    import judge

    jnp = jax.numpy
    same = ("trace", "exp", "log", "sin", "cos", "tan", "tanh", "sum", "einsum", "outer", "kron")
    linear = {name: getattr(jnp.linalg, name) for name in ("inv", "det", "matrix_power", "norm")}
    return SimpleNamespace(
        **{name: getattr(jnp, name) for name in same},
        **linear,
        logdet=lambda X: jnp.linalg.slogdet(X)[1],
        norm_squared=lambda X: (X * X).sum(),
        vec=jnp.ravel,
        softmax=jax.nn.softmax,
        logsumexp=jax.nn.logsumexp,
        orders=judge.orders,
    )


# JAX has no repeated output label
@pytest.mark.parametrize(
    "row", [p for p in ROWS if p.values[0].by and p.id != "reports: autograd #31"]
)
def test_jax_says_the_same(K, row):
    arrays = {name: a.astype(float) for name, a in arrays_for(row, seed=1).items()}
    target, *again = row.by.split()
    *_, want = K.orders(lambda z: row.f(K, **{**arrays, target: z}), arrays[target], 1 + len(again))
    close(ed.evaluate(derived(row), arrays), want)


def test_every_assert_of_sympy_is_accounted_for():
    stated = sum(row.counts for rows in tables_sympy.ROWS.values() for row in rows)
    assert stated + len(tables_sympy.UNSTATED) == tables_sympy.ASSERTS
    assert stated == 114


@pytest.mark.parametrize("file", tables_rivals.TESTS)
def test_every_test_of_the_others_is_accounted_for(file):
    assert (
        len({name.split(",")[0] for name in tables_rivals.TABLES[file]})
        == tables_rivals.TESTS[file]
    )


def test_sympy_has_as_many_asserts(sympy):
    files = (
        "matrices/expressions/tests/test_derivatives",
        "tensor/array/expressions/tests/test_arrayexpr_derivatives",
    )
    texts = [(Path(sympy.__file__).parent / f"{file}.py").read_text() for file in files]
    assert (
        sum(len(re.findall(r"^ *assert ", text, re.MULTILINE)) for text in texts)
        == tables_sympy.ASSERTS
    )


# ---- where SymPy 1.14 is wrong: it answers 0
X, S = ed.tensor("X", "ij"), ed.tensor("S", "ij")
inv, det, tr = np.linalg.inv, np.linalg.det, np.trace
ZEROS = {
    "log det X":         (ed.logdet(X), lambda X: inv(X).T, lambda s, X, S: s.log(s.Determinant(X))),
    "1/det X":           (1 / ed.det(X), lambda X: -inv(X).T / det(X), lambda s, X, S: 1 / s.Determinant(X)),
    "exp(tr X)":         (ed.exp(ed.trace(X)), lambda X: np.exp(tr(X)) * np.eye(3), lambda s, X, S: s.exp(s.Trace(X))),
    "sin(tr X)":         (ed.sin(ed.trace(X)), lambda X: np.cos(tr(X)) * np.eye(3), lambda s, X, S: s.sin(s.Trace(X))),
    "tr X + tr S":       (ed.trace(X) + ed.trace(S), lambda X: np.eye(3), lambda s, X, S: s.Trace(X) + s.Trace(S)),
    "tr(X'X) + tr(S'S)": (ed.trace(X.T @ X) + ed.trace(S.T @ S), lambda X: 2 * X,
                          lambda s, X, S: s.Trace(X.T * X) + s.Trace(S.T * S)),
}  # fmt: skip


@pytest.mark.parametrize("name", ZEROS)
def test_ours_where_sympy_answers_zero(name):
    e, closed, _ = ZEROS[name]
    at = np.random.default_rng(0).uniform(0.4, 0.9, (3, 3)) + np.eye(3)
    gradient = ed.evaluate(ed.grad(e, X), X=at)
    close(gradient, closed(at))
    assert np.abs(gradient).max() > 0.1


def test_ours_where_sympy_answers_zero_for_the_exponential_of_a_matrix():
    linalg = pytest.importorskip("scipy.linalg")
    at, d = np.random.default_rng(0).uniform(0, 1, (2, 3, 3))
    found = ed.evaluate(ed.jvp(ed.expm(X), X, "D"), X=at, D=d)
    close(found, linalg.expm_frechet(at, d)[1])
    assert found.min() > 0.1


@pytest.fixture
def sympy():
    found = pytest.importorskip("sympy")
    if found.__version__ != "1.14.0":
        pytest.skip("found in SymPy 1.14.0")
    return found


@pytest.mark.parametrize("name", ZEROS)
def test_sympy_answers_zero(sympy, name):
    x, s = (sympy.MatrixSymbol(name, 3, 3) for name in "XS")
    assert ZEROS[name][2](sympy, x, s).diff(x) == sympy.ZeroMatrix(3, 3)


def test_sympy_answers_zero_for_the_exponential_of_a_matrix(sympy):
    k = sympy.Symbol("k")
    x = sympy.MatrixSymbol("X", k, k)
    assert sympy.exp(x).diff(x) == sympy.ZeroMatrix(k, k)


# ---- where tensorgrad 0.3.0 is wrong: the Hessian of a matrix factorisation is all zeros from n = 200
@pytest.mark.parametrize("n", [20, 200, 300])
def test_the_hessian_that_tensorgrad_loses(n):
    k = 3
    T, U, V = ed.tensor("T", "nm"), ed.tensor("U", "nk"), ed.tensor("V", "mk")
    H = ed.hessian(ed.norm_squared(T - U @ V.T), U)
    rng = np.random.default_rng(n)
    at = {
        "T": rng.integers(-3, 4, (n, n)),
        "U": rng.integers(-3, 4, (n, k)),
        "V": rng.integers(-3, 4, (n, k)),
    }
    found = ed.evaluate(H, at, dense=False)
    assert found.shape == (n, k, n, k)
    [(core, embedding)] = found.terms
    assert embedding == "db->abad"
    assert (core == 2 * at["V"].T @ at["V"]).all()
    assert core.any()
    direction = rng.integers(-3, 4, (n, k))
    assert (found.matvec(direction) == 2 * direction @ at["V"].T @ at["V"]).all()


x, A, W, w = ed.tensor("x", "n"), ed.tensor("A", "nn"), ed.tensor("W", "nm"), ed.tensor("w", "m")
STATEMENTS = {  # its ceilings are 2, 8 and none; it asks for one softmax, and for one tanh
    "quadratic":      (x @ A @ x, 2, ("A",), None),
    "logsumexp":      (ed.logsumexp(x), 8, ("x",), "softmax("),
    "two-layer tanh": (ed.sum(ed.tanh(x @ W) * w), 15, ("x", "W", "w"), "np.tanh("),
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_counts_that_tensorgrad_bounds(name):
    y, ceiling, inputs, once = STATEMENTS[name]
    f = ed.compile(ed.hessian(y, x))
    sizes = {"x": (13,), "A": (13, 13), "W": (13, 7), "w": (7,)}
    source = f.source(**{name: sizes[name] for name in f.inputs})
    # without the comment on the shapes
    body = source[source.index("def compute") :].splitlines()[2:-1]
    assert set(f.inputs) == set(inputs)
    assert len(body) <= ceiling, source
    assert once is None or sum(once in line for line in body) == 1


# ---- where autograd 1.9 raises or is wrong, and AutoHOOT leaves two equal terms
REFUSED = {
    "ii->": ((3, 3),),
    "ii->i": ((3, 3),),
    "ijji->ij": ((2, 3, 3, 2),),
    "iij->j": ((2, 2, 3),),
    "i->ii": ((3,),),
}


@pytest.mark.parametrize("string", REFUSED)
def test_what_autograd_refuses(string):
    (shape,) = REFUSED[string]
    x = np.arange(1, 1 + np.prod(shape)).reshape(shape)
    A = ed.tensor("A", shape)
    f = ed.compile(ed.einsum(string, A))
    J = ed.evaluate(ed.derive(ed.einsum(string, A), A), A=x)
    for place in np.ndindex(shape):
        raised = x.copy()
        raised[place] += 1
        assert (f(A=raised) - f(A=x) == J[(..., *place)]).all()


@pytest.mark.parametrize("string", REFUSED)
def test_autograd_refuses(string):
    autograd = pytest.importorskip("autograd")
    x = np.ones(REFUSED[string][0])
    with pytest.raises(ValueError, match="output subscript 'i' multiple times"):
        autograd.grad(lambda a: autograd.numpy.sum(autograd.numpy.einsum(string, a)))(x)


def test_sizes_that_autograd_stretches_are_refused():
    # autograd's gradient by the operand of size 2 has shape (1,): issue 376
    with pytest.raises(ed.ShapeError, match=r"(?s)2.*1|1.*2"):
        ed.einsum("i,i->", np.ones(2), np.ones(1))
    with pytest.raises(ed.ShapeError, match=r"(?s)2.*1|1.*2"):
        ed.evaluate(ed.grad("i,i->", 0), A=np.ones(2), B=np.ones(1))


def test_autograd_stretches_sizes():
    autograd = pytest.importorskip("autograd")
    anp = autograd.numpy
    assert autograd.grad(lambda a: anp.einsum("i,i", a, np.ones(1)))(np.ones(2)).shape == (1,)


@pytest.mark.parametrize(
    "f", [lambda A: ed.einsum("ij,ij->ij", A, A), lambda A: A * A, lambda A: A**2]
)
def test_equal_terms_that_autohoot_keeps_apart_are_one(f):
    J = ed.derive(f(ed.tensor("A", "ij")), "A")
    assert len(J.terms) == 1
    assert (J.coefficient, J.compact) == (2, "ij->ijij")


def test_all_reals_and_whole_numbers_are_met():
    # Rows without a function of the reals must be exact.
    assert {p.values[0].at for p in ROWS} == {Z, R}
    assert sum(p.values[0].at == Z for p in ROWS) > 120
