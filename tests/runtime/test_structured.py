"""Cores and where they sit: every method against the dense tensor."""

import pickle

import numpy as np
import pytest
from oracle import assert_same
from work import Calls

import einderiv as ed
from einderiv.expression import tensors_of

pytestmark = pytest.mark.threads  # an expression keeps what evaluates it

t, es = ed.tensor, ed.einsum
A, B, M, x, v = t("A", "ij"), t("B", "jk"), t("M", "nn"), t("x", "n"), t("v", "i")
SIZES = {
    "usual": dict(i=2, j=3, k=4, n=3),
    "ones": dict(i=1, j=1, k=1, n=1),
    "empty": dict(i=2, j=0, k=3, n=0),
}
AXES = dict(A="ij", B="jk", C="ki", M="nn", x="n", v="i", s="", w="j")

DERIVATIVES = [
    ("seed by X",             lambda: ed.derive(es("ij,jk,ki->ik", "A", "B", "C"), "A")),
    ("seed by Y",             lambda: ed.derive(es("ij,jk,kl->il", "A", "B", "C"), "B")),
    ("identity",              lambda: ed.derive(A * 1, "A")),
    ("transpose",             lambda: ed.derive(A.T, "A")),
    ("matrix times vector",   lambda: ed.derive(es("ij,j->i", A, "w"), "A")),
    ("square, two terms",     lambda: ed.derive(M @ M, "M")),
    ("cube, three terms",     lambda: ed.derive(M @ M @ M, "M")),
    ("overlapping diagonals", lambda: ed.derive(x * x + ed.sum(x) * x, "x")),
    ("diag and rank one",     lambda: ed.hessian((lambda q: q * q)(es("n,n->", x, x)), "x")),
    ("diag of a vector",      lambda: ed.derive(ed.diag(x), "x")),
    ("diagonal of a matrix",  lambda: ed.derive(ed.diag(M), "M")),
    ("trace",                 lambda: ed.grad(ed.trace(M), "M")),
    ("sum of all",            lambda: ed.grad(ed.sum(A), "A")),
    ("of a scalar",           lambda: ed.derive(t("s") * t("s"), "s")),
    ("by a scalar",           lambda: ed.derive(t("s") * A, "s")),
    ("scalar by a matrix",    lambda: ed.grad(es("ij,jk,ki->", "A", "B", "C"), "B")),
    ("broadcast",             lambda: ed.derive(es("i->ij", v, sizes={"j": 3}), "v")),
    ("broadcast, overlapping", lambda: ed.derive(es("i->ij", v, sizes={"j": 3}) + es("ij->ij",
                                                                                     ed.outer(v, [1, 2, 3])),
                                                 v)),
    ("zero",                  lambda: ed.derive(A * 1, t("x", "n"))),
    ("Hessian of a quartic",  lambda: ed.hessian(es("ij,ij,ij,ij->", A, A, A, A), "A")),
    ("matrix factorisation",  lambda: ed.hessian(ed.norm_squared(B.T @ B), "B")),
    ("embedded twice",        lambda: ed.derive(es("i->iii", v) * 3 - 2 * es("i->iii", v), v)),
]  # fmt: skip
CASES = [
    pytest.param(make, sizes, id=f"{name}, {size}")
    for name, make in DERIVATIVES
    for size, sizes in SIZES.items()
]


def given_for(e, sizes):
    r = np.random.default_rng(11)
    arrays = {name: r.integers(-3, 4, [sizes[a] for a in axes]) for name, axes in AXES.items()}
    return {name: np.asarray(a) for name, a in arrays.items() if name in tensors_of(e)}


@pytest.mark.parametrize(("make", "sizes"), CASES)
def test_every_method_against_the_dense(make, sizes):
    J = make()
    given = given_for(J, sizes)
    dense, s = ed.evaluate(J, given), ed.evaluate(J, given, dense=False)
    k = J.ndim - J.record.count
    r = np.random.default_rng(2)
    vector, covector = r.integers(-3, 4, dense.shape[k:]), r.integers(-3, 4, dense.shape[:k])
    assert (s.shape, s.ndim, s.dtype, s.split) == (dense.shape, dense.ndim, dense.dtype, k)
    assert_same(s.dense(), dense)
    assert_same(np.asarray(s), dense)
    assert_same(s.matvec(vector), np.tensordot(dense, vector, vector.ndim))
    assert_same(s.rmatvec(covector), np.tensordot(covector, dense, k))
    assert s.nbytes <= sum(core.nbytes for core, _ in s.terms)
    total = np.zeros(dense.shape, dense.dtype)
    for core, embedding in s.terms:  # the terms mean what they say
        labels, _, output = embedding.partition("->")
        at = dict(zip(output, dense.shape))
        total += ed.evaluate(
            es(embedding, core, sizes={c: n for c, n in at.items() if c not in labels})
        )
        assert len(labels) == core.ndim
    assert_same(total, dense)
    if dense.shape[:k] == dense.shape[k:]:
        want = np.diagonal(dense.reshape(covector.size, vector.size)).reshape(covector.shape)
        assert_same(s.diagonal(), want)
    else:
        with pytest.raises(ed.ShapeError, match="diagonal"):
            s.diagonal()


@pytest.mark.parametrize(("make", "sizes"), CASES)
def test_sparse_and_operators(make, sizes):
    pytest.importorskip("scipy")
    J = make()
    given = given_for(J, sizes)
    dense, s = ed.evaluate(J, given), ed.evaluate(J, given, dense=False)
    if dense.ndim:
        sparse = s.to_sparse()
        assert sparse.format == "coo"
        assert sparse.dtype == dense.dtype
        assert_same(sparse.toarray(), dense)
    else:
        with pytest.raises(ed.ShapeError, match="scalar"):
            s.to_sparse()
    k = J.ndim - J.record.count
    rows, columns = int(np.prod(dense.shape[:k])), int(np.prod(dense.shape[k:]))
    operator = s.as_linear_operator()
    assert operator.shape == (rows, columns)
    flat = dense.reshape(rows, columns)
    r = np.random.default_rng(4)
    v_, u_ = r.integers(-3, 4, columns), r.integers(-3, 4, rows)
    np.testing.assert_array_equal(operator.matvec(v_), flat @ v_)
    np.testing.assert_array_equal(operator.rmatvec(u_), flat.T @ u_)
    if rows and columns:
        np.testing.assert_array_equal(operator @ np.eye(columns, dtype=int), flat)
        np.testing.assert_array_equal(operator.H @ np.eye(rows, dtype=int), flat.T)


# ---- what is held
@pytest.mark.parametrize("n", [1, 64, 200])
def test_the_seed_holds_its_core_only(n):
    J = ed.derive(es("is,st,tj->ij", "X", "Y", "P"), "X")
    X, Y, P = np.ones((n, n)), np.eye(n), np.arange(float(n * n)).reshape(n, n)
    s = ed.evaluate(J, X=X, Y=Y, P=P, dense=False)
    assert s.shape == (n,) * 4  # 134 MB dense at n = 64
    assert s.nbytes == 8 * n * n  # 33 kB
    ((core, embedding),) = s.terms
    labels = embedding.partition("->")[0]
    assert embedding in ("bj->ijib", "jb->ijib")
    np.testing.assert_array_equal(core if labels == "bj" else core.T, P)
    assert f"nbytes={8 * n * n}" in repr(s)


@pytest.mark.parametrize(
    ("make", "held"),
    [
        (lambda: ed.derive(A * 1, "A"), 8),  # a number
        (lambda: ed.derive(ed.exp(x), "x"), 8 * 200),  # a diagonal
        (lambda: ed.derive(ed.softmax(x), "x"), 8 * 200**2),
        # no more than the dense one, and below
        (lambda: ed.hessian(ed.norm_squared(t("U", "ik")), "U"), 8),
        (lambda: ed.derive(es("ij,jk->ik", A, B), "A"), 8 * 200**2),
    ],
)
def test_bytes_held(make, held):
    J = make()
    shapes = dict(A=(200, 200), B=(200, 200), x=(200,), U=(200, 3))
    s = ed.evaluate(
        J, {n: np.ones(shape) for n, shape in shapes.items() if n in tensors_of(J)}, dense=False
    )
    assert 0 < s.nbytes <= held + (8 * 200 if len(s.terms) > 1 else 0)


# ---- Hessians that users ask for: the strings of their cores, and what is held
def factorisation(mask):
    residual = t("T", "nm") - es("nk,mk->nm", t("U", "nk"), t("V", "mk"))
    return ed.sum(t("W", "nm") * residual**2) if mask else ed.sum(residual**2)


def network(layers):
    """ReLU layers and softmax cross-entropy."""
    h = es("bi,oi->bo", "x", "W0")
    for k in range(1, layers):
        h = es("bi,oi->bo", ed.relu(h), f"W{k}")
    return ed.sum(ed.logsumexp(h, 1)) - es("bo,bo->", "Y", h)


def logistic():
    return ed.sum(ed.softplus(-(t("y", "n") * es("nd,d->n", t("X", "nd"), t("w", "d")))))


HESSIANS = [
    # the tensor                                       shapes                                  cores     entries held
    (lambda: ed.hessian(es("i,ij,j->", x, M, x), x),   dict(M=(9, 9), x=(9,)),    ["ab->ab", "ab->ab"],  2 * 81),
    (lambda: ed.hessian(logistic(), "w"),              dict(X=(20, 4), w=(4,), y=(20,)), ["ab->ab"],     16),
    (lambda: ed.hessian(factorisation(False), "U"),    dict(T=(8, 7), U=(8, 3), V=(7, 3)), ["db->abad"], 9),
    (lambda: ed.hessian(factorisation(True), "U"),     dict(T=(8, 7), U=(8, 3), V=(7, 3), W=(8, 7)),
                                                                                  ["adb->abad"],         8 * 9),
    (lambda: ed.derive(ed.softmax(x), x),              dict(x=(50,)),             ["n->nn", "n,a->na"],  100),
    (lambda: ed.hessian(ed.logsumexp(x), x),           dict(x=(50,)),             ["a->aa", "a,b->ab"],  100),
    (lambda: ed.hessian(ed.norm_squared(es("bi,ij->bj", "X", "K")), "K"),
                                                       dict(X=(9, 4), K=(4, 5)),  ["ac->cbab"],          16),
    (lambda: ed.hessian(ed.norm_squared(es("ij,jk,kl->il", "A", "X", "B")), "X"),
                                                       dict(A=(5, 6), X=(6, 7), B=(7, 5)),
                                                                                  ["ac,bd->cdab"],       36 + 49),
]  # fmt: skip


@pytest.mark.parametrize(("make", "shapes", "cores", "entries"), HESSIANS)
def test_hessians(make, shapes, cores, entries):
    r = np.random.default_rng(5)
    H, at = make(), {n: r.normal(size=shape) for n, shape in shapes.items()}
    s = ed.evaluate(H, at, dense=False)
    assert [spelt(e) for _, e in s.factors] == [spelt(e) for e in cores]
    assert s.nbytes == 8 * entries
    np.testing.assert_allclose(s.dense(), ed.evaluate(H, at), rtol=1e-12, atol=1e-12)


def spelt(embedding):
    """An embedding up to the names of its labels, the order of the factors, and the order within each."""
    inputs, _, output = embedding.partition("->")
    names = {c: chr(97 + k) for k, c in enumerate(dict.fromkeys(output))}
    return sorted("".join(sorted(map(names.get, part))) for part in inputs.split(",")), [
        *map(names.get, output)
    ]


def test_cores_hold_what_the_books_say():
    r = np.random.default_rng(5)
    at = dict(
        T=r.normal(size=(8, 7)),
        U=r.normal(size=(8, 3)),
        V=r.normal(size=(7, 3)),
        W=r.normal(size=(8, 7)),
    )
    plain = ed.evaluate(
        ed.hessian(factorisation(False), "U"), {n: at[n] for n in "TUV"}, dense=False
    )
    np.testing.assert_allclose(plain.terms[0][0], 2 * at["V"].T @ at["V"], rtol=1e-12)
    masked = ed.evaluate(ed.hessian(factorisation(True), "U"), at, dense=False)
    want = 2 * np.einsum("nm,mk,ml->nkl", at["W"], at["V"], at["V"])
    np.testing.assert_allclose(masked.terms[0][0], want, rtol=1e-12)
    p = np.exp(at["V"][:, 0]) / np.exp(at["V"][:, 0]).sum()
    soft = ed.evaluate(ed.derive(ed.softmax(x), x), x=at["V"][:, 0], dense=False)
    np.testing.assert_allclose(soft.terms[0][0], p, rtol=1e-12)
    np.testing.assert_allclose(soft.terms[1][0], -np.outer(p, p), rtol=1e-12)


def test_the_logistic_hessian_is_one_einsum():
    H = ed.hessian(logistic(), "w")
    (term,) = H.terms
    inputs, _, output = term.compact.partition("->")
    matrices = [part for part in inputs.split(",") if len(part) == 2]
    assert sorted(matrices) == [f"n{output[0]}", f"n{output[1]}"]
    assert set(inputs) == {"n", ",", *output}


def test_ten_layers_are_derived_in_a_few_steps():
    counts = {}
    for layers in (5, 10):
        with Calls() as calls:
            H = ed.hessian(network(layers), "W0")
            strings = [term.compact for term in H.terms]
        counts[layers] = calls.count
    assert counts[10] < 8 * counts[5]  # of the paths there are 32 times as many
    assert len(strings) == 2  # diag(p) and - p pᵀ
    assert all(len(set(s.partition("->")[2])) == 4 for s in strings)
    assert all(s.count(",") < 50 for s in strings)  # not 2^10 paths


def test_the_hessian_of_two_layers_is_right():
    r = np.random.default_rng(0)
    at = dict(
        x=r.normal(size=(4, 3)),
        W0=r.normal(size=(5, 3)),
        W1=r.normal(size=(2, 5)),
        Y=np.eye(2)[[0, 1, 1, 0]],
    )
    H = ed.evaluate(ed.hessian(network(2), "W0"), at, dense=False)
    g = ed.compile(ed.grad(network(2), "W0"))
    step = 1e-5 * r.normal(size=(5, 3))
    change = g({**at, "W0": at["W0"] + step}) - g({**at, "W0": at["W0"] - step})
    np.testing.assert_allclose(H.matvec(step), change / 2, rtol=1e-6, atol=1e-11)


def test_diagonals_of_sums_are_read_without_forming_them():
    n = 10**5
    H = ed.evaluate(
        ed.hessian(ed.norm_squared(x) + ed.sum(x) ** 2 / 2, x), x=np.ones(n), dense=False
    )
    np.testing.assert_array_equal(H.diagonal(), np.full(n, 3.0))  # 80 GB dense
    assert H.trace() == 3 * n


def test_a_core_that_serves_twice_counts_once():
    s = ed.evaluate(ed.derive(M + M.T, "M"), M=np.ones((3, 3)), dense=False)
    assert len(s.terms) == 2
    assert s.nbytes == 8


def test_dense_has_a_limit():
    s = ed.evaluate(ed.derive(t("y", "i") * 1, "y"), y=np.ones(10**6), dense=False)
    assert s.nbytes == 8
    with pytest.raises(ed.LimitError, match=r"dense result.*8 TB"):
        s.dense()
    with pytest.raises(ed.LimitError, match="100"):
        ed.evaluate(ed.derive(x * 1, "x"), x=np.ones(4), dense=False).dense(memory_limit=100)
    np.testing.assert_array_equal(s.matvec(np.arange(10**6)), np.arange(1e6))
    assert s.diagonal().shape == (10**6,)
    with ed.limits.override(dense_bytes=1000), pytest.raises(ed.LimitError, match="sparse form"):
        s.to_sparse()


# ---- complex numbers: the adjoint conjugates, and nothing else does
def test_complex_adjoint():
    r = np.random.default_rng(0)
    a, w, u = (r.normal(size=s) + 1j * r.normal(size=s) for s in ((3, 4), 4, 3))
    s = ed.evaluate(ed.derive(es("ij,j->i", "A", "x"), "x"), A=a, x=w, dense=False)
    np.testing.assert_allclose(s.matvec(w), a @ w, rtol=1e-14)
    np.testing.assert_allclose(s.rmatvec(u), a.conj().T @ u, rtol=1e-14)
    np.testing.assert_allclose(np.vdot(u, s.matvec(w)), np.vdot(s.rmatvec(u), w), rtol=1e-13)
    pytest.importorskip("scipy")
    operator = s.as_linear_operator()
    assert operator.dtype == np.complex128
    np.testing.assert_allclose(operator.H @ u, a.conj().T @ u, rtol=1e-14)
    np.testing.assert_allclose(operator @ w, a @ w, rtol=1e-14)


@pytest.mark.parametrize(
    ("matrix", "vector", "want"),
    [
        ("f4", "f4", "f4"),
        ("f4", "f8", "f8"),
        ("i8", "f8", "f8"),
        ("f8", "c16", "c16"),
        ("i1", "i8", "i8"),
    ],
)
def test_dtypes_of_products(matrix, vector, want):
    s = ed.evaluate(
        ed.derive(es("ij,j->i", "A", "x"), "x"),
        A=np.eye(2, dtype=matrix),
        x=np.ones(2, matrix),
        dense=False,
    )
    assert s.dtype == matrix
    assert s.matvec(np.ones(2, vector)).dtype == want
    assert s.rmatvec(np.ones(2, vector)).dtype == want


def test_solvers_take_the_operator():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    r = np.random.default_rng(1)
    G, b = r.normal(size=(200, 30)), r.normal(size=30)
    H = ed.hessian(ed.norm_squared(es("ij,j->i", "G", "x")) + ed.norm_squared(t("x", (None,))), "x")
    operator = ed.evaluate(H, G=G, x=b, dense=False).as_linear_operator()
    found, info = linalg.cg(operator, b, rtol=1e-12)
    assert info == 0
    np.testing.assert_allclose(found, np.linalg.solve(2 * G.T @ G + 2 * np.eye(30), b), rtol=1e-8)


# ---- what is no derivative, and what does not fit
@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.matvec(np.ones(2)),
        lambda s: s.rmatvec(np.ones(2)),
        lambda s: s.diagonal(),
        lambda s: s.as_linear_operator(),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda: A,
        lambda: A @ A.T,
        lambda: ed.hvp(ed.sum(A * A), "A", "A"),
        lambda: ed.derive(A * A, "A") * 2,
    ],
)
def test_only_derivatives_act(make, call):
    s = ed.evaluate(make(), A=np.ones((2, 2)), dense=False)
    with pytest.raises(TypeError, match="needs a derivative"):
        call(s)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s: s.matvec(np.ones(4)), r"\(4,\).*\(2, 3\)"),
        (lambda s: s.matvec(np.ones((3, 2))), r"\(3, 2\).*\(2, 3\)"),
        (lambda s: s.matvec(1.0), r"\(\).*\(2, 3\)"),
        (lambda s: s.rmatvec(np.ones((2, 1))), r"\(2, 1\).*\(2,\)"),
    ],
)
def test_shapes_that_do_not_fit(call, match):
    s = ed.evaluate(
        ed.derive(es("ij,j->i", "A", "x"), "A"), A=np.ones((2, 3)), x=np.ones(3), dense=False
    )
    with pytest.raises(ed.ShapeError, match=match):
        call(s)


def test_a_tensor_that_is_no_derivative_has_the_rest():
    s = ed.evaluate(ed.diag(v), v=np.array([1.0, 2.0]), dense=False)
    assert s.nbytes == 16
    np.testing.assert_array_equal(s.dense(), np.diag([1.0, 2.0]))
    assert [e.partition("->")[0] for _, e in s.terms] == ["i"]


def test_trees_of_structured_results():
    y = es("ij,j->i", "A", "x")
    got = ed.compile({"J": ed.derive(y, "A"), "y": y}, dense=False)(A=np.ones((2, 3)), x=np.ones(3))
    assert set(got) == {"J", "y"}
    assert isinstance(got["J"], ed.Structured)
    np.testing.assert_array_equal(got["y"].dense(), [3, 3])


def test_square_tensors_that_are_no_derivatives_are_solved_too():
    X, w, y = ed.tensor("X", "nd"), ed.tensor("w", "d"), ed.tensor("y", "n")
    rng = np.random.default_rng(0)
    at = {"X": rng.normal(size=(9, 4)), "w": rng.normal(size=4), "y": rng.normal(size=9)}
    loss = ed.sum(ed.softplus(X @ w)) + ed.norm_squared(w)
    H = ed.hessian(loss, w)
    J = ed.derive(X @ w - y, w)
    b = rng.normal(size=4)
    damped = H + 0.5 * ed.einsum("->aa", sizes={"a": 4})
    for e in (2 * H, damped, ed.einsum("na,nb->ab", J, J)):
        f = ed.compile(e)
        given = {n: at[n] for n in f.tensors}
        s, full = ed.evaluate(e, given, dense=False), f(given)
        np.testing.assert_allclose(s.solve(b), np.linalg.solve(full, b), rtol=1e-9)
        np.testing.assert_allclose(s.logdet(), np.linalg.slogdet(full)[1], rtol=1e-9)
        np.testing.assert_allclose(s.trace(), np.trace(full), rtol=1e-9)
        np.testing.assert_allclose(s.eigvalsh(), np.linalg.eigvalsh(full), rtol=1e-9)
        for call in (lambda s=s: s.matvec(b), s.diagonal, s.as_linear_operator):
            with pytest.raises(TypeError, match="needs a derivative"):
                call()


@pytest.mark.parametrize(
    "loss", [ed.norm_squared, ed.norm, lambda x: ed.mean(x**2), lambda x: ed.sum(x**3)]
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_the_trace_of_nothing(loss):
    x = ed.tensor("x", "n")
    H = ed.evaluate(ed.hessian(loss(x), x), x=np.zeros(0), dense=False)
    assert H.trace() == 0
    assert type(H.trace()) is np.float64


@pytest.mark.parametrize("kind", [np.float64, np.complex128])
def test_matmul_is_a_product(kind):
    A, x = ed.tensor("A", "ij"), ed.tensor("x", "j")
    y = ed.exp(A @ x)
    at = {"A": np.arange(6.0).reshape(2, 3).astype(kind) / 7, "x": np.arange(3).astype(kind)}
    if kind is np.complex128:
        at["A"] = at["A"] * (1 + 2j)
    S = ed.evaluate(ed.derive(y, A), at, dense=False)
    dense = S.dense()
    v, u = np.arange(6.0).reshape(2, 3), np.arange(1.0, 3)
    S.dense = None  # would be called
    assert np.allclose(S @ v, np.tensordot(dense, v, 2))
    assert np.allclose(u @ S, np.tensordot(u, dense, 1))


REFUSED = [
    (lambda S, v: S + v, "plus or minus an array of shape .3,. would be dense: S.dense"),
    (lambda S, v: v + S, "plus or minus an array of shape .3,. would be dense"),
    (lambda S, v: S * v, "multiplied and divided by numbers, not by an array of shape .3,."),
    (lambda S, v: S.shifted(v), "shifted takes a number, not an array of shape .3,."),
    (lambda S, v: np.multiply(S, 2), "does not support ufuncs"),
    (lambda S, v: np.dot(S, v), "np.dot would form the dense tensor: S @ v"),
    (lambda S, v: np.sum(S), "np.sum would form the dense tensor: S @ v"),
    (lambda S, v: np.linalg.norm(S), "np.norm would form the dense tensor: S @ v"),
    (lambda S, v: S @ v[:1], "v has shape"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_nothing_dense_in_silence(call, message):
    J = ed.derive("ij,j->i", 1)
    S = ed.evaluate(J, A=np.eye(3), B=np.ones(3), dense=False)
    with pytest.raises((TypeError, ed.ShapeError), match=message):
        call(S, np.ones(3))
    assert np.array_equal(np.asarray(S), np.eye(3))  # asked for


THIN = [
    # einsum             sizes                         factors of the one term
    ("ki,kj->ij",        {"k": 2, "i": 30},             "ki,kj->ij"),
    ("ki,k,kj->ij",      {"k": 2, "i": 30},             None),
    ("ni,nj->nij",       {"n": 4, "i": 30},             "ni,nj->nij"),
    ("nki,nkj->nij",     {"n": 3, "k": 2, "i": 30},     "nki,nkj->nij"),
    ("ki,kj->ij",        {"k": 20, "i": 30},            "ij->ij"),
    ("nki,nkj->ij",      {"n": 2, "k": 2, "i": 30},     "ij->ij"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "sizes", "factors"), THIN, ids=[row[0] for row in THIN])
def test_products_by_few_labels_are_held_as_their_sides(spec, sizes, factors):
    sizes = sizes | {"j": sizes["i"]}
    inputs = spec.split("->")[0].split(",")
    arrays = [
        np.random.default_rng(k).integers(-4, 5, [sizes[x] for x in axes])
        for k, axes in enumerate(inputs)
    ]
    e = ed.einsum(spec, *[ed.tensor(f"A{k}", axes) for k, axes in enumerate(inputs)])
    S = ed.evaluate(e, {f"A{k}": array for k, array in enumerate(arrays)}, dense=False)
    want = np.einsum(spec, *arrays)
    assert np.array_equal(S.dense(), want)
    (held,) = S.factors
    assert len(held[0]) == (1 if factors == "ij->ij" else 2)
    assert factors is None or held[1] == factors
    ((core, _),) = S.terms
    assert np.array_equal(core, want)
    assert np.array_equal(pickle.loads(pickle.dumps(S)).dense(), want)
    assert np.array_equal(S.to_sparse().toarray() if want.ndim == 2 else want, want)
    if len(held[0]) == 2:
        assert 2 * S.nbytes <= want.nbytes
