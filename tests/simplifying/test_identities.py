"""The table of identities: each says what it becomes, keeps values, and leaves nothing to be done twice."""

import random

import numpy as np
import pytest

import einderiv as ed
from einderiv.simplifying import Symmetries
from einderiv.simplifying.identities import IDENTITIES
from einderiv.simplifying.lengths import Lengths
from tests.lengths import length

E = ed.tensor
x, y, z = E("x", "i"), E("y", "i"), E("z", "j")
s = E("s", "")
A, B, X = E("A", "ij"), E("B", "ij"), E("X", "ij")
K, Q = E("K", "ii"), E("Q", "ii")
S, R = E("S", "ii", symmetric=True), E("R", "ii", symmetric=True)


def arrays_for(e, rng, n=3, *, whole=False):
    """Arrays that every function here takes: positive numbers, and regular matrices that are symmetric where it is
    declared."""
    found = {}
    for name, rank in ed.compile(e).tensors.items():
        shape = (n,) * rank
        if whole:
            found[name] = rng.integers(1, 5, shape)
        else:
            found[name] = rng.uniform(0.5, 1.5, shape)
        if name in "SR":
            found[name] = found[name] + found[name].T
        if rank == 2 and name in "SRKQ":
            found[name] = found[name] + 6 * np.eye(n, dtype=found[name].dtype)
    return found


def value(e, arrays):
    return ed.evaluate(e, {name: arrays[name] for name in ed.compile(e).tensors})


def check(e, rng, n=3, *, whole=False):
    """Simplified it is the same, no longer, and as simple as can be."""
    found = ed.simplify(e)
    arrays = arrays_for(e, rng, n, whole=whole)
    got, wanted = value(found, arrays), value(e, arrays)
    if whole:
        assert (got == wanted).all(), (str(e), str(found))
    else:
        assert np.allclose(got, wanted, rtol=1e-8, atol=1e-10), (str(e), str(found))
    assert found.axes == e.axes
    assert Lengths().of(found) <= Lengths().of(e), (str(e), str(found))
    again = ed.simplify(found)
    assert str(again) == str(found) and Lengths().of(again) == Lengths().of(found)
    return found


@pytest.mark.parametrize("row", IDENTITIES, ids=lambda row: row.name)
def test_rows(row):
    e = ed.parse(row.example, tensors=row.tensors)
    wanted = ed.parse(row.becomes, tensors=row.tensors)
    found = check(e, np.random.default_rng(0), n=4 if row.tensors else 3)
    assert found == wanted, str(found)
    assert Lengths().of(found) < Lengths().of(e) or row.name == "powers"


#: derivatives, and what the books say
BOOKS = {
    "quadratic form": (ed.grad(x @ S @ x, x), 2 * (S @ x)),
    "its Hessian": (ed.hessian(x @ S @ x, x), 2 * S),
    "any quadratic form": (ed.grad(x @ K @ x, x), x @ K + K @ x),
    "log det of a Gram matrix": (ed.grad(ed.logdet(X.T @ X), X), 2 * X @ ed.inv(X.T @ X)),
    "log of det": (ed.grad(ed.log(ed.det(K)), K), ed.inv(K).T),
    "trace of a square": (ed.grad(ed.trace(S @ S @ Q), Q), S @ S),
    "shares": (ed.grad(ed.sum(ed.softmax(x, axis=0)), x), 0 * x),
    "a matrix between its inverses": (ed.inv(K) @ K @ ed.inv(K), ed.inv(K)),
    "from both sides": (K @ Q @ ed.inv(K) @ K, K @ Q),
    "root over itself": (ed.sum(ed.sqrt(x) / x), ed.sum(x**-0.5)),
    "entropy": (ed.grad(-ed.sum(x * ed.log(x)), x), -ed.log(x) - 1),
    "divergence": (ed.grad(ed.sum(x * ed.log(x / y)), x), ed.log(x / y) + 1),
    "determinant of a product": (ed.grad(ed.det(K @ Q), Q), ed.det(K) * ed.adj(Q).T),
    "trace of a power": (
        ed.grad(ed.trace(ed.matrix_power(K, 4)), K),
        4 * ed.matrix_power(K, 3).T,
    ),
    "trace of a third power": (
        ed.grad(ed.trace(ed.matrix_power(K, 3)), K),
        3 * ed.matrix_power(K, 2).T,
    ),
    "log density": (
        ed.grad(ed.exp(-0.5 * (x - y) @ ed.inv(S) @ (x - y)), x),
        -ed.exp(-0.5 * (x - y) @ ed.inv(S) @ (x - y)) * (ed.inv(S) @ (x - y)),
    ),
    "logistic loss": (
        ed.grad(-ed.sum(y * ed.log(ed.sigmoid(x)) + (1 - y) * ed.log(1 - ed.sigmoid(x))), x),
        ed.sigmoid(x) - y,
    ),
    "exponentials": (ed.exp(x) * ed.exp(x) / ed.exp(x), ed.exp(x)),
}


@pytest.mark.parametrize("name", BOOKS)
def test_books(name):
    e, wanted = BOOKS[name]
    assert check(e, np.random.default_rng(1)) in (wanted, ed.simplify(wanted))


def test_hessian_of_an_exponential_has_it_once():
    e = ed.hessian(ed.exp(x @ K @ x), x)
    found = check(e, np.random.default_rng(2))
    assert str(e).count("exp") == 6 and str(found).count("exp") == 1


def test_layer_norm_has_three_terms():
    found = check(ed.derive(ed.layer_norm(x, "i"), x), np.random.default_rng(3))
    assert len(found.terms) == 3


def test_what_may_be_zero_is_not_cancelled():
    for e in (x * x / x, ed.sqrt(x) * ed.sqrt(x) / x, x / x, K / K):
        at_zero = dict.fromkeys(ed.compile(e).tensors, np.zeros((2,) * e.ndim))
        with np.errstate(all="ignore"):
            assert np.isnan(value(ed.simplify(e), at_zero)).all()


NEGATIVE = {
    "a root of a square": x * ed.sqrt(ed.power(x, 2.0)),
    "of a sixth power": x * ed.sqrt(ed.power(x, 6)),
    "of a square below": ed.sqrt(ed.power(x, -2.0)) * x,
    "two roots": ed.power(x, 1.5) * ed.sqrt(x),
    "two roots below": ed.power(x, -1.5) / ed.sqrt(x),
    "a root and a power": x * ed.power(x, 1.5),
    "a root over a power": ed.sqrt(x) / x,
    "a quotient of powers": ed.power(x, 3.0) / ed.power(x, 5.0),
}


@pytest.mark.parametrize("name", NEGATIVE)
def test_powers_of_what_is_negative(name):
    e = NEGATIVE[name]
    at = {"x": np.array([-2.0, -0.5, 3.0])}
    with np.errstate(all="ignore"):
        assert np.allclose(value(ed.simplify(e), at), value(e, at), equal_nan=True)


@pytest.mark.parametrize("name", NEGATIVE)
def test_formulas_of_what_is_negative(name):
    e = NEGATIVE[name]
    at = {"x": np.array([-2.0, -0.5, 3.0])}
    typed = ed.parse(ed.formula(e), tensors={"x": x})
    with np.errstate(all="ignore"):
        assert np.allclose(value(typed, at), value(e, at), equal_nan=True), ed.formula(e)


def test_what_it_was_made_of_is_known():
    e = ed.simplify(ed.sum(ed.softmax(x, axis=0)) * s)
    assert e == s
    assert ed.derive(e, "x") == 0 * x  # a name that has gone is a known one


def test_the_formula_keeps_its_left_side():
    assert ed.formula(ed.simplify(ed.grad(x @ S @ x, x))).startswith("∂y/∂x[")


def test_no_expression():
    with pytest.raises(TypeError, match="not object"):
        ed.simplify(object())


def random_vector(rng, depth):
    """A vector along i."""
    if depth <= 0:
        return rng.choice((x, y))
    u = random_vector(rng, depth - 1)
    return rng.choice(
        (
            lambda: ed.exp(-u * u),
            lambda: ed.softmax(u, axis=0),
            lambda: u - ed.mean(u),
            lambda: random_matrix(rng, depth - 1) @ u,
            lambda: u * random_vector(rng, depth - 1),
            lambda: u + rng.choice((1, -2, 0.5)) * random_vector(rng, depth - 1),
            lambda: u / (1 + u * u),
            lambda: ed.sqrt(1 + u * u) / (1 + u * u),
            lambda: random_number(rng, depth - 1) * u,
        )
    )()


def random_matrix(rng, depth):
    if depth <= 0:
        return rng.choice((K, S, R, K.T))
    M = random_matrix(rng, depth - 1)
    return rng.choice(
        (
            lambda: M @ M.T,
            lambda: ed.inv(M @ M.T + 9 * S @ S),
            lambda: M + rng.choice((1, -2)) * random_matrix(rng, depth - 1).T,
            lambda: M @ random_matrix(rng, 0),
            lambda: M * random_matrix(rng, depth - 1),
            lambda: ed.inv(S) @ M @ S,
        )
    )()


def random_number(rng, depth):
    u = random_vector(rng, depth)
    return rng.choice(
        (
            lambda: ed.sum(u),
            lambda: ed.mean(u * u),
            lambda: u @ S @ u,
            lambda: ed.trace(random_matrix(rng, depth)),
            lambda: ed.log(1 + ed.exp(ed.mean(u))),
        )
    )()


def random_expression(rng):
    e = random_number(rng, rng.randrange(3))
    names = sorted(ed.compile(e).tensors)
    order = rng.randrange(3)
    for _ in range(order):
        e = ed.derive(e, rng.choice(names))
    return e


def check_random(seeds):
    for seed in seeds:
        check(random_expression(random.Random(seed)), np.random.default_rng(seed))


def test_random_expressions():
    check_random(range(60))


@pytest.mark.slow
def test_many_random_expressions():
    check_random(range(60, length(400, 20_000)))


def random_whole(rng, depth=2):
    """A matrix of whole numbers: products, sums, transposes."""
    if depth <= 0:
        return rng.choice((K, S, Q))
    M, N = random_whole(rng, depth - 1), random_whole(rng, depth - 1)
    return rng.choice((M @ N, M + N, M * N, M.T, M - 2 * N.T, 3 * M, M @ N @ M.T))


@pytest.mark.parametrize("seed", range(40))
def test_whole_numbers_stay_exact(seed):
    rng = random.Random(seed)
    e = (
        ed.derive(ed.trace(random_whole(rng)), rng.choice((K, S, Q)))
        if seed % 2
        else random_whole(rng)
    )
    check(e, np.random.default_rng(seed), whole=True)


POINTS = E("P", "nd")
APART = POINTS[:, None, :] - POINTS[None, :, :]
SQUARES = ed.sum(APART**2, axis=2)
SYMMETRIC = {
    "squares of differences": (SQUARES, True),
    "a kernel": (ed.inv(ed.exp(-0.5 * SQUARES) + ed.eye("n")), True),
    "differences in a form": (ed.einsum("nmd,de,nme->nm", APART, E("W", "de"), APART), True),
    "differences": (ed.einsum("nmd,d->nm", APART, E("w", "d")), False),
    "their third powers": (ed.sum(APART * APART * APART, axis=2), False),
    "one of two": (ed.einsum("nmd,nd->nm", APART * APART, POINTS), False),
    "any product": (K @ K.T @ Q, False),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetries(name):
    e, is_symmetric = SYMMETRIC[name]
    assert Symmetries().found(e) == is_symmetric
    rng = np.random.default_rng(0)
    shapes = {"P": (4, 2), "W": (2, 2), "w": (2,), "K": (4, 4), "Q": (4, 4)}
    arrays = {name: rng.normal(size=shapes[name]) for name in ed.compile(e).tensors}
    value = ed.evaluate(e, arrays)
    assert np.allclose(value, value.T) == is_symmetric


def test_a_kernel_is_symmetric():
    y = E("y", "n")
    k = ed.exp(-0.5 * SQUARES) + ed.eye("n")
    assert ed.simplify(ed.grad(y @ ed.inv(k) @ y, y)) == ed.simplify(2 * (y @ ed.inv(k)))
