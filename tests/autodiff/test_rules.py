"""The rules forwards and backwards: they agree, they stay small, and what they do not know they refuse."""

import math

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed
from einderiv.autodiff import pullback, pushforward, stand_in
from einderiv.expression import Add, Expr, Tensor, dressed, identity, is_zero, walk
from einderiv.expression.nodes import _fill

t, es = ed.tensor, ed.einsum
SIZES = {"i": 3, "j": 2, "k": 4, "n": 3, "m": 5}


def arrays_for(e, whole, sizes=SIZES):
    """Arrays for all tensors, by the names of their axes; without 0, which would hide mistakes."""
    rng = np.random.default_rng(7)
    found = {}
    for node in walk([e]):
        if isinstance(node, Tensor) and node.name not in found:
            shape = [sizes[a] for a in node.axes]
            signs = rng.choice((-1, 1), shape)
            found[node.name] = (
                rng.integers(1, 4, shape) * signs if whole else rng.uniform(0.2, 1.1, shape)
            )
    return found


A, B, M, x, v, s = t("A", "ij"), t("B", "jk"), t("M", "nn"), t("x", "n"), t("v", "i"), t("s")
# whole: polynomials with whole coefficients, compared with ==
POLYNOMIAL = [
    ("identity",            lambda: A, "A"),
    ("transpose",           lambda: A.T, "A"),
    ("product, left",       lambda: A @ B, "A"),
    ("product, right",      lambda: A @ B, "B"),
    ("trace",               lambda: ed.trace(M), "M"),
    ("diagonal",            lambda: ed.diag(M), "M"),
    ("embedding",           lambda: ed.diag(x), "x"),
    ("embedded twice",      lambda: es("i->iii", x), "x"),
    ("sum of all",          lambda: ed.sum(A), "A"),
    ("private label",       lambda: es("ij,i->i", A, v), "A"),
    ("two private labels",  lambda: es("ij,jk->j", A, B), "B"),
    ("broadcast",           lambda: es("i->ij", v, sizes={"j": 4}), "v"),
    ("scalar times matrix", lambda: s * A, "s"),
    ("scalar cubed",        lambda: s * s * s, "s"),
    ("scalar added",        lambda: A + s, "s"),
    ("form",                lambda: es("i,ij,j->", x, M, x), "x"),
    ("third power",         lambda: ed.trace(M @ M @ M), "M"),
    ("M M not a trace",     lambda: M @ M, "M"),
    ("sum in a product",    lambda: (A @ B - 2 * (A @ B)) @ es("kj->kj", t("C", "kj")), "A"),
    ("elementwise cube",    lambda: A**3, "A"),
    ("shared",              lambda: (lambda h: es("i,i,i->", h, h, h))(A @ t("w", "j")), "A"),
    ("hidden diagonal",     lambda: es("iij,jk->ik", t("T", "nnj"), B), "T"),
    ("nested, reused",      lambda: (lambda h: h + ed.sum(h) * h)(M @ x), "x"),
    ("bare size",           lambda: es("ij->i", es("i->ij", v, sizes={"j": 5})), "v"),
]  # fmt: skip
SMOOTH = [
    ("exp of a product",    lambda: ed.exp(A @ B), "A"),
    ("exp on a diagonal",   lambda: ed.exp(ed.diag(x)), "x"),
    ("softmax",             lambda: ed.softmax(A @ B), "B"),
    ("softmax, axis 0",     lambda: ed.softmax(A, 0), "A"),
    ("logsumexp of rows",   lambda: ed.logsumexp(A, 1), "A"),
    ("logsumexp of all",    lambda: ed.logsumexp(M @ M), "M"),
    ("norm",                lambda: ed.norm(A), "A"),
    ("mean of a power",     lambda: ed.mean(A**2.5), "A"),
    ("quotient",            lambda: x / (ed.sum(x * x) + 1), "x"),
    ("net with residuals",  lambda: ed.sum(x + M @ ed.tanh(x + M @ ed.tanh(x))), "M"),
    ("sigmoid of a form",   lambda: ed.sigmoid(es("i,ij,j->", x, M, x) / 9), "x"),
    ("relu of a difference", lambda: ed.relu(2 * x - M @ x), "x"),
]  # fmt: skip
ROWS = [(*row, True) for row in POLYNOMIAL] + [(*row, False) for row in SMOOTH]
SIZED = {"usual": SIZES, "ones": dict.fromkeys(SIZES, 1), "empty": {**SIZES, "j": 0}}
NO_EMPTY = ("norm", "mean of a power")  # 1/0 of nothing
CASES = [
    pytest.param(*row[1:], sizes, id=f"{row[0]}, {size}")
    for row in ROWS
    for size, sizes in SIZED.items()
    if size != "empty" or row[0] not in NO_EMPTY
]


@pytest.mark.parametrize(("make", "wrt", "whole", "sizes"), CASES)
def test_forwards_and_backwards_agree(make, wrt, whole, sizes):
    y = make()
    tensor = next(n for n in walk([y]) if isinstance(n, Tensor) and n.name == wrt)
    new = tuple("ABCDEFGH"[: tensor.ndim])
    forward = pushforward(y, {wrt: identity(tensor.axis_sizes, tensor.axes, new)}, new)
    u = Tensor("u", (None,) * y.ndim)
    backward = pullback(y, [wrt], u)[wrt]
    assert forward.ndim == y.ndim + tensor.ndim
    assert backward.ndim == tensor.ndim
    given = arrays_for(y, whole, sizes)
    J = ed.evaluate(dressed(forward, origins=(y, tensor)), given)
    entries = np.arange(1, 1 + math.prod(J.shape[: y.ndim])).reshape(J.shape[: y.ndim])
    cotangent = entries if whole else entries / 10
    got = ed.evaluate(dressed(backward, origins=(y, u)), {"u": cotangent, **given})
    want = np.tensordot(cotangent, J, y.ndim)
    if whole:
        assert_same(got, want)
    else:
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    if sizes is SIZES:
        assert np.any(got), "a zero gradient would make agreement worthless"


def residual_net(depth):
    """h + W tanh(h), `depth` times; one W, so that every layer adds to one gradient."""
    W, h = t("W", "nn"), t("x", "n")
    for _ in range(depth):
        h = h + es("ij,j->i", W, ed.tanh(h))
    return h


def count(*roots):
    return sum(1 for _ in walk(roots))


@pytest.mark.parametrize("wrt", ["x", "W"])
def test_a_gradient_grows_linearly_with_depth(wrt):
    sizes = [count(ed.grad(ed.sum(residual_net(depth)), wrt)) for depth in (40, 80, 160)]
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0]), sizes
    assert sizes[2] < 160 * 20, sizes


def test_gradients_by_several_tensors_share_their_nodes():
    y = ed.sum(residual_net(40))
    together = ed.grad(y, ["x", "W"])
    assert count(*together) < 1.2 * count(together[1])


def test_hvp_grows_linearly_with_depth():
    sizes = [count(ed.hvp(ed.sum(residual_net(depth)), "x", "v")) for depth in (20, 40, 80)]
    # Short sums are opened into longer ones, so a layer costs a node more or less here and there.
    assert abs((sizes[2] - sizes[1]) - 2 * (sizes[1] - sizes[0])) <= 5, sizes


def test_a_deep_jacobian_does_not_explode():
    """Multiplied out, thirty residual layers would be 2**30 terms."""
    J = ed.derive(residual_net(30), "x")
    assert count(J) < 30 * 60
    rng = np.random.default_rng(0)
    W, x0 = rng.normal(size=(4, 4)) / 4, rng.normal(size=4)
    h, want = x0, np.eye(4)
    for _ in range(30):
        want = (np.eye(4) + W * (1 - np.tanh(h) ** 2)) @ want
        h = h + W @ np.tanh(h)
    np.testing.assert_allclose(
        ed.evaluate(J, W=W, x=x0), want, rtol=1e-11, atol=1e-11 * abs(want).max()
    )


@pytest.mark.parametrize("n", [1, 200])
def test_gradient_of_the_deep_net(n):
    rng = np.random.default_rng(1)
    W, x0 = rng.normal(size=(n, n)) / n, rng.normal(size=n)
    hs = [x0]
    for _ in range(20):
        hs.append(hs[-1] + W @ np.tanh(hs[-1]))
    u, dW = np.ones(n), np.zeros((n, n))
    for h in hs[-2::-1]:
        dW += np.outer(u, np.tanh(h))
        u = u + (W.T @ u) * (1 - np.tanh(h) ** 2)
    got = ed.evaluate(ed.grad(ed.sum(residual_net(20)), {"x": "x", "W": "W"}), W=W, x=x0)
    np.testing.assert_allclose(got["x"], u, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(got["W"], dW, rtol=1e-11, atol=1e-12)


class Odd(Expr):
    """A sixth kind of node, which no rule knows."""

    __slots__ = ()

    def __init__(self):
        _fill(self, (), (), (), 1)


@pytest.mark.parametrize(
    "wrapped", [lambda odd: odd, lambda odd: odd * t("s"), lambda odd: odd + t("s")]
)
def test_an_unknown_node_raises_forwards(wrapped):
    with pytest.raises(AssertionError, match=r"no children known for Odd.*please report"):
        pushforward(wrapped(Odd()), {"s": t("ds")})


@pytest.mark.parametrize(
    "wrapped", [lambda odd: odd, lambda odd: odd * t("s"), lambda odd: odd + t("s")]
)
def test_an_unknown_node_raises_backwards(wrapped):
    with pytest.raises(AssertionError, match=r"Odd.*please report"):
        pullback(wrapped(Odd()), ["s"], t("u"))


@pytest.mark.parametrize("y", [lambda: t("s"), lambda: ed.exp(t("s")), lambda: t("s") * t("s")])
def test_independent_is_nothing(y):
    assert pushforward(y(), {"other": t("d")}) is None
    assert pullback(y(), ["other"], t("u")) == {}


def test_a_zero_that_is_no_accident():
    """sign and heaviside have no terms: their derivative is zero, and nothing else answers zero."""
    for f in (ed.sign, ed.heaviside):
        assert is_zero(ed.derive(f(x), "x"))
        assert is_zero(ed.grad(ed.sum(f(x)), "x"))
    for f in (ed.exp, ed.abs, ed.relu, ed.sqrt, ed.reciprocal, ed.square, ed.sin, ed.cos, ed.log):
        assert not is_zero(ed.derive(f(x), "x"))


def test_a_slot_of_its_own():
    y = es("i,i,i->", v, v, v)
    replaced, own = stand_in(y, 1)
    assert own.name == "#1"
    assert own.axis_sizes == v.axis_sizes
    assert replaced.factors == (v, own, v)
    assert y.factors == (v, v, v), "expressions are immutable"


def test_nested_squarings_share_their_nodes():
    """e = A^(2^40) has a trillion factors when flattened; its gradient at the identity is 2^40 for every entry."""
    A = t("A", "ij")
    e = A
    for _ in range(40):
        e = e @ e
    g = ed.grad(ed.sum(e), A)
    assert len(list(walk([g]))) < 600
    assert (ed.evaluate(g, A=np.eye(2)) == 2.0**40).all()


def test_a_long_chain_of_functions_nests_instead_of_copying():
    e = t("x", "i")
    for _ in range(1000):
        e = ed.tanh(e)
    J = ed.derive(e, "x")
    # n²/2 would be 500 000
    assert sum(len(n.factors) for n in walk([J]) if hasattr(n, "factors")) < 130_000
    got = ed.evaluate(J, x=np.array([0.0, 1e-3]))
    assert got[0].tolist() == [1.0, 0.0]
    assert 0 < got[1, 1] < 1


def test_the_limit_of_terms_is_seen_before_they_are_made():
    chain = ed.derive(
        ed.einsum(*[part for k in range(40) for part in ("A", [k, k + 1])], [0, 40]), "A"
    )
    with (
        ed.limits.override(terms=100),
        pytest.raises(ed.LimitError, match="1560 terms are over the limit of 100"),
    ):
        ed.derive(chain, "A")  # 40 terms of 39 operands


def test_equal_operands_are_below_the_limit_of_terms():
    squares = ed.sum(
        sum(
            ed.einsum("i,i->i", *[ed.tensor(f"t{k}", "i") * ed.tensor("x", "i")] * 2)
            for k in range(9)
        )
    )
    with ed.limits.override(terms=10):
        assert len(ed.grad(squares, "x").terms) == 9


# ---- like terms
def slopes(value, first, order):
    """``f, f′, f″, …`` at a place where ``f = value``, for a function with ``f′ = P(f)``, P by its coefficients:
    each derivative is a polynomial in f, and ``Q(f)′ = Q′(f) P(f)``.
    """
    polynomial, found = [0, 1], []  # f itself
    for _ in range(order + 1):
        found.append(sum(c * value**k for k, c in enumerate(polynomial)))
        slope = [k * c for k, c in enumerate(polynomial)][1:] or [0]
        product = [0] * (len(slope) + len(first) - 1)
        for i, a in enumerate(slope):
            for j, b in enumerate(first):
                product[i + j] += a * b
        polynomial = product
    return found


POWERS = [
    # f′ = P(f)
    ("tanh", ed.tanh, math.tanh, (1, 0, -1)),
    ("tan", ed.tan, math.tan, (1, 0, 1)),
    ("sigmoid", ed.sigmoid, lambda x: 1 / (1 + math.exp(-x)), (0, 1, -1)),
    ("reciprocal", lambda x: 1 / x, lambda x: 1 / x, (0, 0, -1)),
    ("exp", ed.exp, math.exp, (0, 1)),
]  # fmt: skip


@pytest.mark.parametrize("make", [lambda e, x: ed.derive(e, x), lambda e, x: ed.grad(ed.sum(e), x)])
@pytest.mark.parametrize(("name", "ours", "plain", "first"), POWERS, ids=lambda p: str(p)[:10])
def test_the_nth_derivative_is_a_polynomial_of_about_n_terms(name, ours, plain, first, make):
    y = t("y")
    e, at = ours(y), 0.375
    for n, want in enumerate(slopes(plain(at), first, 15)):
        if n:
            e = make(e, y)
        assert len(e.terms) <= n + 2
        for term in e.terms if n > 3 else ():
            assert not any(isinstance(node, Add) for node in walk([term]))
        np.testing.assert_allclose(ed.evaluate(e, y=at), want, rtol=1e-7)


@pytest.mark.parametrize(
    ("make", "order", "most"),
    [
        (lambda x: ed.tanh(x) * ed.tanh(x), 10, 12),
        (lambda x: ed.sigmoid(2 * x) * x, 8, 20),
        (ed.silu, 8, 20),
        (ed.softplus, 10, 12),
        (lambda x: ed.sin(x) * ed.cos(x), 10, 3),
        (lambda x: x**3 * ed.log(x), 8, 6),
    ],
)
def test_products_of_functions_stay_short(make, order, most):
    x = t("x")
    e, slope = make(x), None
    for _ in range(order):
        e, slope = ed.derive(e, x), e
    assert len(e.terms) <= most
    # against a difference of the derivative before it
    at, h = 0.7, 1e-5
    near = [float(ed.evaluate(slope, x=at + d)) for d in (h, -h)]
    np.testing.assert_allclose(ed.evaluate(e, x=at), (near[0] - near[1]) / (2 * h), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "want"),
    [
        # what is written as a difference is not multiplied out: it may be known to more digits
        (lambda x, y: (ed.sigmoid(x) - y) ** 2, "2 * einsum(\",,->\", sigmoid(x) - y, sigmoid(x), sigmoid(-x))"),
        (lambda x, y: ed.exp(x) * (x - 1), "einsum(\",->\", x - 1, exp(x)) + exp(x)"),
    ],
)  # fmt: skip
def test_ordinary_derivatives_keep_their_form(make, want):
    derivative = ed.derive(make(t("x"), t("y")), "x")
    assert sorted(str(derivative).split()) == sorted(want.split())
