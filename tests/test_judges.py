"""JAX and PyTorch as outside judges: one formula, run by all three, in double precision.

Gradient or Jacobian and the second derivative of every row, each to 1e-9 of its largest entry.
"""

import warnings

import numpy as np
import pytest

import einderiv as ed

TOLERANCE = 1e-9
CANCELLED = 1e-15  # what rounding leaves of an exact zero


class Ours:
    """The names that the formulas use; JAX and PyTorch have rows of the same names below."""

    einsum, exp, log, sin, cos, tanh, sqrt = (
        ed.einsum,
        ed.exp,
        ed.log,
        ed.sin,
        ed.cos,
        ed.tanh,
        ed.sqrt,
    )
    sigmoid, relu, abs, sum, softmax = ed.sigmoid, ed.relu, ed.abs, ed.sum, ed.softmax
    logsumexp = ed.logsumexp
    mean, trace, norm, diag = ed.mean, ed.trace, ed.norm, ed.diag


def log1p_exp(K, z):
    return K.log(1 + K.exp(z))


def net(K, act, x, W, V, b):
    h = act(W @ x + b)
    h = h + act(V @ h)
    return h + act(V @ h)


def attention(K, Q, Y, V):
    return K.softmax(Q @ Y.T * 0.5, -1) @ V


# name, formula, tensors with their axes, wrt
ROWS = [
    ("logistic regression",   lambda K, X, y, w: K.sum(log1p_exp(K, -1 * (y * (X @ w)))),
     dict(X="mn", y="m", w="n"), "w"),
    ("cross-entropy",         lambda K, X, Y, W: K.sum(K.logsumexp(X @ W, 1)) - K.einsum("mk,mk->", Y, X @ W),
     dict(X="mn", Y="mk", W="nk"), "W"),
    ("cross-entropy, mean",   lambda K, X, Y,
     W: K.mean(K.logsumexp(X @ W, 1) - K.einsum("mk,mk->m", Y, X @ W)),
     dict(X="mn", Y="mk", W="nk"), "W"),
    ("factorisation by U",    lambda K, T, U, V: K.sum((T - U @ V.T) ** 2), dict(T="mn", U="mk", V="nk"),
     "U"),
    ("factorisation by V",    lambda K, T, U, V: K.sum((T - U @ V.T) ** 2), dict(T="mn", U="mk", V="nk"),
     "V"),
    ("masked factorisation",  lambda K, T, W, U, V: K.sum((W * (T - U @ V.T)) ** 2),
     dict(T="mn", W="mn", U="mk", V="nk"), "U"),
    ("tanh net by x",         lambda K, x, W, V, b: net(K, K.tanh, x, W, V, b),
     dict(x="n", W="kn", V="kk", b="k"), "x"),
    ("tanh net by V",         lambda K, x, W, V, b: K.sum(net(K, K.tanh, x, W, V, b)),
     dict(x="n", W="kn", V="kk", b="k"), "V"),
    ("sigmoid net by V",      lambda K, x, W, V, b: net(K, K.sigmoid, x, W, V, b),
     dict(x="n", W="kn", V="kk", b="k"), "V"),
    ("relu net by W",         lambda K, x, W, V, b: net(K, K.relu, x, W, V, b) * 3,
     dict(x="n", W="kn", V="kk", b="k"), "W"),
    ("relu net squared",      lambda K, x, W, V, b: K.sum(net(K, K.relu, x, W, V, b) ** 2),
     dict(x="n", W="kn", V="kk", b="k"), "V"),
    ("norm",                  lambda K, A, x: K.norm(A @ x), dict(A="mn", x="n"), "x"),
    ("norm of a matrix",      lambda K, A: K.norm(A), dict(A="mn"), "A"),
    ("mean of sines",         lambda K, A: K.mean(K.sin(A) * A), dict(A="mn"), "A"),
    ("mean of rows",          lambda K, A: K.mean(K.cos(A), 1), dict(A="mk"), "A"),
    ("form",                  lambda K, x, A: K.einsum("i,ij,j->", x, A, x), dict(x="n", A="nn"), "x"),
    ("form by the matrix",    lambda K, x, A: K.exp(K.einsum("i,ij,j->", x, A, x) / 9), dict(x="k", A="kk"),
     "A"),
    ("tr A^3",                lambda K, A: K.trace(A @ A @ A), dict(A="kk"), "A"),
    ("A^2",                   lambda K, A: A @ A, dict(A="kk"), "A"),
    ("attention by Q",        attention, dict(Q="mk", Y="nk", V="nk"), "Q"),
    ("attention by Y",        attention, dict(Q="mk", Y="nk", V="nk"), "Y"),
    ("attention by V",        lambda K, Q, Y, V: attention(K, Q, Y, V) ** 2, dict(Q="mk", Y="nk", V="nk"),
     "V"),
    ("softmax over columns",  lambda K, A: K.softmax(A, 0), dict(A="mk"), "A"),
    ("logsumexp of all",      lambda K, A: K.logsumexp(A * A), dict(A="mk"), "A"),
    ("quotient",              lambda K, x: x / (K.sum(x * x) + 1), dict(x="n"), "x"),
    ("power",                 lambda K, x, A: (A @ x) ** 2.5 / 7, dict(x="n", A="mn"), "x"),
    ("root and logarithm",    lambda K, x: K.sum(K.log(x) * K.sqrt(x)), dict(x="n"), "x"),
    ("absolute values",       lambda K, x, A: K.sum(K.abs(A @ x - 3) ** 3), dict(x="n", A="mn"), "x"),
    ("diagonals",             lambda K, A, x: K.diag(A @ K.diag(x) @ A) * K.sigmoid(x), dict(A="kk", x="k"),
     "x"),
    ("scalar only",           lambda K, s: K.exp(s * s) * s, dict(s=""), "s"),
    ("residual of a scalar",  lambda K, s, x: K.tanh(s * x) + x, dict(s="", x="n"), "s"),
    ("sum of everything",     lambda K, x, A: K.sum(K.tanh(A @ x)) * K.sum(x) + K.norm(x),
     dict(x="n", A="nn"), "x"),
]  # fmt: skip
TINY, USUAL, LARGE = dict(m=1, n=1, k=1), dict(m=4, n=3, k=2), dict(m=200, n=200, k=2)
#: rows whose second derivative is small enough at n = 200
AT_200 = {
    "logistic regression",
    "factorisation by U",
    "masked factorisation",
    "norm",
    "form",
    "tanh net by x",
    "sum of everything",
    "quotient",
    "root and logarithm",
    "attention by Q",
}
NO_SECOND = {"attention by Q", "quotient", "tanh net by x"}  # at n = 200


def arrays_of(axes, sizes, name):
    rng = np.random.default_rng(sum(map(ord, name)) + sizes["n"])
    scale = 1 / np.sqrt(sizes["n"])  # sums of 200 products stay near 1
    return {
        t: rng.uniform(0.2, 1.5, [sizes[a] for a in ls]) * (scale if len(ls) == 2 else 1)
        for t, ls in axes.items()
    }


def assert_close(got, want, what):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, the judge says {want.shape}"
    error = np.abs(got - want).max(initial=0)
    assert error <= TOLERANCE * np.abs(want).max(initial=0) + CANCELLED, f"{what}: off by {error}"


@pytest.fixture(scope="module")
def jax_judge():
    pytest.importorskip("jax")
    import jax
    import jax.numpy as jnp
    import judge

    class K:
        einsum, exp, log, sin, cos = jnp.einsum, jnp.exp, jnp.log, jnp.sin, jnp.cos
        tanh, sqrt = jnp.tanh, jnp.sqrt
        sigmoid, relu, abs, sum, softmax = (
            jax.nn.sigmoid,
            jax.nn.relu,
            jnp.abs,
            jnp.sum,
            jax.nn.softmax,
        )
        logsumexp, mean, trace, diag = jax.scipy.special.logsumexp, jnp.mean, jnp.trace, jnp.diag
        norm = staticmethod(lambda x: jnp.sqrt(jnp.sum(x * x)))

    def judged(formula, arrays, wrt, order):
        return judge.orders(lambda x: formula(K, **{**arrays, wrt: x}), arrays[wrt], order)

    return judged


@pytest.fixture(scope="module")
def torch_judge():
    torch = pytest.importorskip("torch")

    def every(x, axis):
        return tuple(range(x.ndim)) if axis is None else axis

    class K:
        einsum, exp, log, sin, cos, tanh, sqrt = (
            torch.einsum,
            torch.exp,
            torch.log,
            torch.sin,
            torch.cos,
            torch.tanh,
            torch.sqrt,
        )
        sigmoid, relu, abs, sum, softmax = (
            torch.sigmoid,
            torch.relu,
            torch.abs,
            torch.sum,
            torch.softmax,
        )
        trace, diag, mean = torch.trace, torch.diag, torch.mean
        logsumexp = staticmethod(lambda x, axis=None: torch.logsumexp(x, every(x, axis)))
        norm = staticmethod(lambda x: torch.sqrt(torch.sum(x * x)))

    def judged(formula, arrays, wrt, order):
        given = {name: torch.from_numpy(a) for name, a in arrays.items()}

        def f(x):
            return formula(K, **{**given, wrt: x})

        jacrev, jacfwd = torch.func.jacrev, torch.func.jacfwd
        with warnings.catch_warnings():
            # vmap says when it has no batching rule and loops instead; the numbers are the same
            warnings.filterwarnings(
                "ignore", message=".*performance drop|.*batching rule", category=UserWarning
            )
            # jacfwd imports decompositions that torch itself compiles in a way it calls deprecated
            warnings.filterwarnings("ignore", message=r".*torch\.jit", category=DeprecationWarning)
            return [g(given[wrt]).numpy() for g in (f, jacrev(f), jacfwd(jacrev(f)))[: order + 1]]

    return judged


CASES = [
    pytest.param(*row, sizes, id=f"{row[0]}, {size}")
    for row in ROWS
    for size, sizes in (("tiny", TINY), ("usual", USUAL), ("200", LARGE))
    if size != "200" or row[0] in AT_200
]


@pytest.mark.parametrize("judge", ["jax_judge", "torch_judge"])
@pytest.mark.parametrize(
    ("name", "formula", "axes", "wrt", "sizes"),
    [pytest.param(c.values[0], *c.values[1:], id=c.id) for c in CASES],
)
def test_against(name, formula, axes, wrt, sizes, judge, request):
    judged = request.getfixturevalue(judge)
    arrays = {t: np.asarray(a) for t, a in arrays_of(axes, sizes, name).items()}
    y = formula(Ours, **{t: ed.tensor(t, ls) for t, ls in axes.items()})
    given = {t: a for t, a in arrays.items() if t in ed.compile(y).inputs}
    assert set(given) == set(arrays), "a tensor of the formula is missing from the expression"
    value, jacobian, *second = judged(
        formula, arrays, wrt, 1 if sizes is LARGE and name in NO_SECOND else 2
    )
    first = ed.derive(y, wrt)
    assert_close(ed.evaluate(y, given), value, "value")
    assert_close(ed.evaluate(first, given), jacobian, "first derivative")
    if y.ndim == 0:
        assert_close(ed.evaluate(ed.grad(y, wrt), given), jacobian, "gradient")
    for want in second:
        assert_close(ed.evaluate(ed.derive(first, wrt), given), want, "second derivative")
        if y.ndim == 0:
            assert_close(ed.evaluate(ed.hessian(y, wrt), given), want, "Hessian")


def test_the_table_has_every_kind_of_row():
    assert {row[3] for row in ROWS} >= {"w", "W", "U", "V", "x", "A", "Q", "s"}
    assert {row[0] for row in ROWS} >= AT_200
    assert AT_200 >= NO_SECOND


@pytest.mark.parametrize(
    "wrong", [lambda a: a * (1 + 1e-8), lambda a: a.T, lambda a: a[:2], lambda a: 0 * a]
)
def test_a_wrong_answer_is_caught(wrong):
    right = np.arange(9.0).reshape(3, 3)
    with pytest.raises(AssertionError, match=r"off by|shape"):
        assert_close(wrong(right), right, "planted")
