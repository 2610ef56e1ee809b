"""Axes align from the last; axes that are missing, and axes known to have size 1, are repeated."""

import itertools

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed

t, ev = ed.tensor, ed.evaluate
RNG = np.random.default_rng(0)
SHAPES = [
    (),
    (3,),
    (1,),
    (2, 3),
    (2, 1),
    (1, 3),
    (1, 1),
    (4, 2, 3),
    (4, 1, 3),
    (1, 2, 1),
    (0,),
    (2, 0),
    (4, 2, 1),
]
PAIRS = list(itertools.product(SHAPES, SHAPES))
OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "maximum": np.maximum,
    "where": lambda a, b: np.where(np.greater(a, 0), a, b),
}


def whole(*shape):
    return RNG.integers(-9, 10, shape)


def fit(*shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", OPERATORS)
def test_all_pairs_of_shapes(name):
    f = OPERATORS[name]
    for first, second in PAIRS:
        A, B = t("A", first), t("B", second)
        if not fit(first, second):
            with pytest.raises(ed.ShapeError, match=r"has size|cannot broadcast"):
                f(A, B)
            continue
        a, b = whole(*first), whole(*second)
        assert_same(ev(f(A, B), A=a, B=b), f(a, b))
        assert_same(ev(f(A, b), A=a), f(a, b))


@pytest.mark.parametrize("f", [OPERATORS["+"], OPERATORS["*"]], ids="+*")
def test_derivatives_collect_what_was_repeated(f):
    """Exact differences: both are linear in each operand."""
    for first, second in PAIRS:
        if not fit(first, second):
            continue
        A, B = t("A", first), t("B", second)
        a, b = whole(*first), whole(*second)
        w = whole(*np.broadcast_shapes(first, second))
        g = ev(ed.grad(ed.sum(f(A, B) * w), "A"), A=a, B=b)
        want = np.zeros(first, int)
        for place in np.ndindex(*first):
            moved = a.copy()
            moved[place] += 1
            want[place] = ((f(moved, b) - f(a, b)) * w).sum()
        assert_same(g, want)


MATRICES = [
    (3,),
    (2, 3),
    (3, 3),
    (4, 2, 3),
    (1, 2, 3),
    (4, 1, 1),
    (5, 4, 3, 3),
    (5, 1, 2, 3),
    (0, 2, 3),
    (1, 1, 1),
]


def test_stacks_of_matrices_broadcast():
    tried = 0
    for first, second in itertools.product(MATRICES, MATRICES):
        a = whole(*first)
        b = whole(*second[:-2], *second[-2:][::-1])
        try:
            want = a @ b
        except ValueError:
            continue
        A, B = t("A", a.shape), t("B", b.shape)
        assert_same(ev(A @ B, A=a, B=b), want)
        assert_same(ev(A @ b, A=a), want)
        assert_same(ev(a @ B, B=b), want)
        w = whole(*want.shape)
        g = ev(ed.grad(ed.sum((A @ B) * w), "A"), A=a, B=b)
        total = np.zeros(a.shape, int)
        for place in np.ndindex(*a.shape):
            moved = a.copy()
            moved[place] += 1
            total[place] = ((moved @ b - want) * w).sum()
        assert_same(g, total)
        tried += 1
    assert tried > 40


X, W, b, w = t("X", "nd"), t("W", "do"), t("b", "o"), t("w", "n")
WRITTEN = [  # an expression, and the formula of it
    (X @ W + b,                                    "y[n,o] = Σ_d X[n,d] W[d,o] + b[o]"),
    (X - w[:, None],                               "y[n,d] = X[n,d] − w[n]"),
    (X * t("d", "d"),                              "y[n,d] = X[n,d] d[d]"),
    (X / ed.sum(X, 1, keepdims=True),              "y[n,d] = X[n,d] / (Σ_a X[n,a])"),
    (ed.sqrt(ed.sum(X, 1, keepdims=True) + 1) * X, "y[n,d] = sqrt(Σ_a X[n,a] + 1) X[n,d]"),
    (X[:, None] - X[None],                         "y[n,a,d] = X[n,d] − X[a,d]"),
    (t("P", "bij") @ t("Q", "jk"),                 "y[b,i,k] = Σ_j P[b,i,j] Q[j,k]"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "formula"), WRITTEN, ids=[row[1] for row in WRITTEN])
def test_a_broadcast_is_no_node(e, formula):
    """An axis of size 1 is gone where it is repeated, so that no sum over one place is printed."""
    assert ed.formula(e) == formula


def test_matrix_notation_of_a_bias():
    assert ed.formula(X @ W + b, style="matrix") == "y = X W + 1 bᵀ"


def test_names_of_an_einsum_are_its_own():
    """They say nothing about the axes of what is added: the declarations do."""
    i = t("i", "i")
    assert (np.einsum("ij,jk->ik", X, W) + i).ndim == 2
    with pytest.raises(ed.ShapeError, match=r"axis n of w would meet axis o of an einsum of X, W"):
        np.einsum("ij,jk->ik", X, W) + w


def test_a_name_twice_fits_where_it_is_the_last():
    A = t("A", "ii")
    v = np.array([1, 2])
    assert ev(A + t("v", "i"), A=[[0, 0], [0, 0]], v=v).tolist() == [[1, 2], [1, 2]]


def test_names_of_a_held_array_are_declared():
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(np.ones(4), dims=["n"])
    for f in (lambda: 2 * X + array, lambda: 2 * X * array):
        with pytest.raises(
            ed.ShapeError, match=r"axis n of an array of shape .4,. would meet axis d"
        ):
            f()
