"""What `ed.source` prints runs alone, with NumPy and nothing else, and computes what `evaluate` does."""

import ast
import subprocess
import sys

import numpy as np
import pytest

import einderiv as ed

t, es = ed.tensor, ed.einsum
A, B, C, M, x, v = t("A", "ij"), t("B", "jk"), t("C", "ki"), t("M", "nn"), t("x", "n"), t("v", "i")
SHAPES = dict(A=(2, 3), B=(3, 4), C=(4, 2), M=(3, 3), x=(3,), v=(2,), s=())
HELD = np.array([1.0, 2.0, 3.0])

MADE = {
    "a tensor":            lambda: A,
    "a transpose":         lambda: A.T,
    "a product":           lambda: A @ B,
    "a chain":             lambda: es("ij,jk,kl,lm->im", A, B, C, A),
    "trace":               lambda: ed.trace(M),
    "diagonal":            lambda: ed.diag(M),
    "embedding":           lambda: ed.diag(x),
    "seed by X":           lambda: ed.derive(es("is,st,tj->ij", A, B, C), 0),
    "seed by Y":           lambda: ed.derive(es("is,st,tj->ij", A, B, C), 1),
    "Hessian":             lambda: ed.hessian(es("i,ij,j->", x, M, x), "x"),
    "identity":            lambda: ed.derive(A * 1, "A"),
    "trace of a cube":     lambda: ed.grad(ed.trace(M @ M @ M), "M"),
    "sum of everything":   lambda: ed.derive(ed.sum(A), "A"),
    "mean":                lambda: ed.mean(A, 1),
    "softmax":             lambda: ed.softmax(A @ B),
    "softmax, axis 0":     lambda: ed.softmax(A, 0),
    "logsumexp":           lambda: ed.logsumexp(A @ B, 0),
    "softmax's Jacobian":  lambda: ed.derive(ed.softmax(v), "v"),
    "sigmoid":             lambda: ed.grad(ed.sum(ed.sigmoid(A)), "A"),
    "power":               lambda: (A * A + 1) ** -1.5,
    "reciprocal":          lambda: 1 / (A * A + 1),
    "numbers":             lambda: -2 * A + 0.5 - 1e-3 * A * A,
    "negative":            lambda: -A - -A * 3,
    "residual net":        lambda: ed.grad(ed.sum(x + M @ ed.tanh(x + M @ ed.tanh(x))), "M"),
    "several":             lambda: (A @ B, ed.exp(A @ B)),
    "one of several":      lambda: [A @ B],
    "a tree":              lambda: {"y": A, "g": (A, A.T)},
    "a held array":        lambda: es("ij,j->i", A, HELD),
    "held, twice":         lambda: es("ij,j,i->", A, HELD, es("j,j->", HELD, HELD) * v),
    "scalar":              lambda: t("s") * t("s") + 1,
}  # fmt: skip
#: tensors that have vanished but whose sizes are needed
MET = {
    MADE["seed by X"]: "A",
    MADE["seed by Y"]: "B",
    MADE["identity"]: "A",
    MADE["sum of everything"]: "A",
}


def run(source, given, *arrays, **named):
    """The source in a namespace of its own."""
    scope = {"__name__": "alone"}
    exec(compile(source, "<source>", "exec"), scope)
    return scope["compute"](*arrays, **given, **named)


def free(source):
    """Names of sizes that no argument has: they are keyword arguments."""
    functions = {n.name: n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    return [a.arg for a in functions["compute"].args.kwonlyargs]


def flat(values):
    values = list(values.values()) if isinstance(values, dict) else values
    return (
        [a for part in values for a in flat(part)]
        if isinstance(values, (list, tuple))
        else [np.asarray(values)]
    )


def assert_alone(source):
    assert "einderiv" not in source
    imports = [
        n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.Import, ast.ImportFrom))
    ]
    assert [ast.unparse(n) for n in imports] == ["import numpy as np"]


def assert_runs(e, given, sizes=None, known=()):
    """`known` are tensors that only evaluate needs, for their sizes."""
    source = ed.source(e)
    assert_alone(source)
    named = {f"array{k}": HELD for k in range(source.count("array0") > 0)}
    got = flat(run(source, given, **named, **{name: sizes[name] for name in free(source)}))
    want = flat(ed.evaluate(e, {**given, **dict(known)}))
    assert len(got) == len(want)
    for a, b in zip(got, want):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_source_runs_alone(make):
    r, e = np.random.default_rng(5), make()
    everything = {name: np.asarray(r.uniform(0.2, 1, shape)) for name, shape in SHAPES.items()}
    given = {name: everything[name] for name in ed.compile(e).inputs}
    met = {name: everything[name] for name in MET.get(make, "")}
    assert_runs(e, given, {"i": 2, "j": 3}, met)


def test_a_size_without_an_array_is_a_keyword():
    J = ed.derive(es("ij,jk->ik", "A", "B"), 0)
    source = ed.source(J)
    (name,) = free(source)
    B_ = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(
        run(source, {"B": B_}, **{name: 4}), np.einsum("ia,bk->ikab", np.eye(4), B_)
    )
    with pytest.raises(TypeError, match=name):
        run(source, {"B": B_})


# ---- names that collide with what a source uses itself
FINE = [
    "t0",
    "t1",
    "_t1",
    "compute",
    "out",
    "i",
    "n",
    "a",
    "array1",
    "sum",
    "max",
    "__name__",
    "_",
    "shape",
    "self",
    "range",
    "exp",
    "match",
    "type",
    "einsum",
    "e",
    "m",
    "axis",
]
USED = ["np", "dtype", "sigmoid", "softmax", "logsumexp"]  # by the source itself


@pytest.mark.parametrize("name", [*FINE, *USED])
def test_names_of_tensors_that_collide(name):
    r = np.random.default_rng(0)
    first, second = t(name, "ij"), t("plain", "jk")
    given = {name: r.uniform(size=(2, 3)), "plain": r.uniform(size=(3, 4))}
    e = (
        ed.sigmoid(first @ second),
        ed.softmax(first @ second),
        ed.logsumexp(first),
        2 * ed.diag(ed.sum(first, 1)),
        ed.derive(first @ second, second),
    )
    clean = {"X": given[name], "plain": given["plain"]}
    X = t("X", "ij")
    want = flat(
        ed.evaluate(
            (
                ed.sigmoid(X @ second),
                ed.softmax(X @ second),
                ed.logsumexp(X),
                2 * ed.diag(ed.sum(X, 1)),
                ed.derive(X @ second, second),
            ),
            clean,
        )
    )
    source = ed.source(e)
    assert_alone(source)
    # An argument may be renamed; the order is that of `inputs`.
    for got in (ed.evaluate(e, given), run(source, {}, *(given[n] for n in ed.compile(e).inputs))):
        for a, b in zip(flat(got), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)


def test_a_tensor_called_like_a_held_array():
    e = es("i,i->i", t("array0", "i"), HELD)
    np.testing.assert_array_equal(ed.evaluate(e, array0=HELD), HELD**2)


@pytest.mark.parametrize("word", ["match", "type", "np", "dtype", "t0", "A", "compute", "_"])
def test_words_of_axes_that_collide(word):
    J = ed.derive(es("ij,j->i", t("A", (word, "c")), t("x", ("c",))), "x")
    y = es("ij->ijk", t("A", (word, "c")), sizes={"k": word})
    A_ = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(run(ed.source(J), {"A": A_}), A_)
    np.testing.assert_array_equal(
        run(ed.source(y), {"A": A_}), np.repeat(A_[:, :, None], 2, axis=2)
    )


@pytest.mark.parametrize("word", ["if", "lambda", "None", "class"])
def test_keywords_are_no_names(word):
    with pytest.raises(ed.ParseError, match="no Python keyword"):
        t("A", (word,))
    with pytest.raises(ed.ParseError, match="no Python keyword"):
        t(word, "i")


@pytest.mark.parametrize("word", ["if", "lambda", "None", "class"])
def test_labels_that_are_keywords_are_no_variables(word):
    """Where an einsum string may have them at all, the size must be called otherwise."""
    e = ed.derive(es(f"{word} j, j k -> {word} k", "A", "B"), "A")
    source, b = ed.source(e), np.arange(6.0).reshape(2, 3)
    (size,) = free(source)
    np.testing.assert_array_equal(
        run(source, {"B": b}, **{size: 4}), np.einsum("ia,bk->ikab", np.eye(4), b)
    )


# ---- the shape of the text
def test_what_is_printed():
    lines = ed.source(es("is,st,tj->ij", "X", "Y", "P")).splitlines()
    assert lines[:4] == ["import numpy as np", "", "", "def compute(X, Y, P):"]
    assert lines[-3:] == [
        "    t0 = X.dot(Y)  # (i, t)",
        "    t1 = t0.dot(P)  # (i, j)",
        "    return t1",
    ]


@pytest.mark.parametrize(
    "make", [lambda: A @ B, lambda: es("is,st,tj->ij", "X", "Y", "P"), lambda: A @ t("w", "j")]
)
def test_no_variable_is_idle(make):
    (function,) = [n for n in ast.parse(ed.source(make())).body if isinstance(n, ast.FunctionDef)]
    names = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
    stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    assert stored <= {n.id for n in names if isinstance(n.ctx, ast.Load)}


def test_helpers_come_only_where_they_are_used():
    assert "def " not in ed.source(ed.tanh(A)).replace("def compute", "")
    for f in (ed.sigmoid, ed.softmax, ed.logsumexp):
        others = {"sigmoid", "softmax", "logsumexp"} - {f.__name__}
        source = ed.source(f(A))
        assert f"def {f.__name__}(" in source
        assert not any(f"def {other}(" in source for other in others)


def test_outputs_are_a_tuple_where_several_are_asked_for():
    a = np.ones((2, 3))
    assert isinstance(run(ed.source([A.T]), {"A": a}), tuple)
    assert run(ed.source(()), {}) == ()
    first, second = run(ed.source((A, A)), {"A": a})
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(first, a)


def test_the_dtype_follows_the_arguments():
    J = ed.derive(2 * (A @ A.T), "A")
    for dtype in ("f4", "f8", "c16"):
        a = np.ones((2, 3), dtype)
        assert run(ed.source(J), {"A": a}).dtype == dtype
    np.testing.assert_array_equal(
        run(ed.source(J), {"A": np.ones((2, 3), int)}), run(ed.source(J), {"A": a}).real
    )


@pytest.mark.parametrize("n", [0, 1, 200])
def test_one_source_serves_all_sizes(n):
    r = np.random.default_rng(n)
    M_, x_ = r.normal(size=(n, n)), r.normal(size=n)
    e = ed.hessian(ed.sum(ed.exp(es("ij,j->i", M, x))), "x")
    want = np.einsum("ij,ik,i->jk", M_, M_, np.exp(M_ @ x_))
    np.testing.assert_allclose(
        run(ed.source(e), dict(M=M_, x=x_)), want, rtol=1e-10, atol=1e-10 * abs(want).max(initial=1)
    )


def test_in_a_process_of_its_own():
    """Not even an imported module is shared."""
    source = ed.source(ed.derive(ed.softmax(A @ B), "A"))
    code = (
        source + "\nimport sys; a = np.ones((2, 3)); b = np.ones((3, 4))\n"
        "assert not np.abs(compute(a, b)).max() > 1e-12 and not any('deriv' in m for m in sys.modules)\n"
        "print('ran', compute(a, b).shape)\n"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert found.stderr == ""
    assert found.stdout == "ran (2, 4, 2, 3)\n"


@pytest.mark.parametrize(
    "make",
    [
        lambda x: ed.diag(x) * 0.5,
        lambda x: 0.5 * ed.diag(x) + ed.diag(x),
        lambda x: ed.diag(ed.exp(x)),
        lambda x: x**-2,
        lambda x: ed.diag(x * 1j) + ed.diag(x),
        lambda x: 2 * ed.diag(x),
    ],
)
def test_a_source_decides_the_dtype_as_evaluating_does(make):
    e, at, scope = make(ed.tensor("x", "i")), np.array([1, 2]), {}
    exec(ed.source(e), scope)
    got, want = scope["compute"](at), ed.evaluate(e, x=at)
    assert got.dtype == want.dtype
    assert (got == want).all()


def test_sizes_called_like_variables():
    X, Y = ed.tensor("X", ("t0", "t1")), ed.tensor("Y", ("t1", "t2"))
    e, scope = ed.derive(ed.exp(X @ Y), "X"), {}
    exec(ed.source(e), scope)
    x, y = np.arange(6.0).reshape(2, 3) / 9, np.arange(12.0).reshape(3, 4) / 9
    assert (scope["compute"](x, y) == ed.evaluate(e, X=x, Y=y)).all()
