"""Which axes are tied, and the batch Jacobians that are read off them."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.autodiff.block_diagonal import numbered, ties
from einderiv.functions.table import apply

t, es = ed.tensor, ed.einsum
X, W, A, B, v = t("X", "nd"), t("W", "ed"), t("A", "nij"), t("B", "nij"), t("v", "n")
layer = es("nd,ed->ne", X, W)
r = np.random.default_rng(2)
VALUES = dict(
    X=r.normal(size=(4, 3)),
    W=r.normal(size=(2, 3)),
    A=r.normal(size=(4, 2, 2)) + 3 * np.eye(2),
    B=r.normal(size=(4, 2, 2)),
    v=r.normal(size=4),
    K=r.normal(size=(4, 4)),
)


@pytest.mark.parametrize(
    ("make", "want"),
    [
        (lambda: X, (0, 1)),
        (lambda: es("i->ii", "v"), (0, 0)),
        (lambda: es("i->iji", "v", sizes={"j": 2}), (0, 1, 0)),
        (lambda: es("->abab", sizes={"a": 2, "b": 3}), (0, 1, 0, 1)),
        (lambda: ed.exp(es("i->ii", "v")), (0, 1)),
        (lambda: es("i->ii", "v") + es("j->jj", "w"), (0, 0)),
        (lambda: es("i->ii", "v") + es("ij->ij", "K"), (0, 1)),
        (lambda: es("i->iii", "v") + es("ij->iij", "K"), (0, 0, 1)),
        (lambda: es("ij,ij->ij", es("i->ii", "v"), "K"), (0, 0)),
        (lambda: es("ij,jk->ik", es("i->ii", "v"), es("i->ii", "w")), (0, 0)),
        (
            lambda: es(
                "ij,jk->ik",
                es("i->ii", "v") + es("i->ii", "w"),
                es("i->ii", "w") * 2 + es("i->ii", "u"),
            ),
            (0, 0),
        ),
        (lambda: 0 * es("ij->ij", "K"), (0, 0)),
        (lambda: ed.derive(ed.inv(A), A), (0, 1, 2, 0, 3, 4)),
        (lambda: ed.derive(ed.expm(A), A), (0, 1, 2, 0, 3, 4)),
    ],
)
def test_ties(make, want):
    assert ties(make()) == want


def test_classes_by_appearance():
    assert numbered("babca") == (0, 1, 0, 2, 1)


def test_deep_expressions_do_not_recurse():
    h = X
    for _ in range(3000):
        h = ed.tanh(h)
    assert ties(h) == (0, 1)


# ---- derivatives along a shared axis
SHARED = [
    ("a layer",            lambda: layer,                                    "X", "n", 0, 0),
    ("a nonlinear layer",  lambda: ed.tanh(layer),                           "X", "n", 0, 0),
    ("two layers",         lambda: ed.tanh(es("ne,fe->nf", ed.tanh(layer), "V")), "X", "n", 0, 0),
    ("a residual net",     lambda: ed.tanh(layer) + es("ne,fe->nf", ed.tanh(layer), "V"), "X", "n", 0, 0),
    ("a loss for each",    lambda: es("ne,ne->n", layer, layer),             "X", "n", 0, 0),
    ("softmax over rows",  lambda: ed.softmax(layer, 1),                     "X", "n", 0, 0),
    ("logsumexp",          lambda: ed.logsumexp(layer, 1),                   "X", "n", 0, 0),
    ("batch last",         lambda: ed.tanh(layer).T,                         "X", "n", 1, 0),
    ("weights by row",     lambda: ed.tanh(layer),                           "W", "e", 1, 0),
    ("products",           lambda: es("nij,njk->nik", A, B),                 "B", "n", 0, 0),
    ("inverses",           lambda: ed.inv(A),                                "A", "n", 0, 0),
    ("exponentials",       lambda: ed.expm(A),                               "A", "n", 0, 0),
    ("merged axes",        lambda: ed.vec(A * A, (1, 2)), "A", "n", 0, 0),
    ("elementwise",        lambda: ed.exp(v),                                "v", "n", 0, 0),
    ("position",           lambda: es("nd,ed->ne", X, W),                    0,   "n", 0, 0),
    ("names of strings",   lambda: es("nd,ed->ne", "X", "W"),                "X", "n", 0, 0),
    ("a pair of names",    lambda: es("md,ed->em", X, W),                    "X", ("m", "n"), 1, 0),
    ("positions",          lambda: es("nd,ed->en", X, W),                    "X", (-1, 0), 1, 0),
    ("does not vary",      lambda: layer,                                    "Z", ("n", 0), 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "wrt", "shared", "p", "q"), [row[1:] for row in SHARED], ids=[r_[0] for r_ in SHARED]
)
def test_shared_axes(make, wrt, shared, p, q):
    y = make()
    leaf = t("Z", "nz") if wrt == "Z" else wrt
    J = ed.derive(y, leaf, shared=shared)
    values = {**VALUES, "V": r.normal(size=(2, 2)), "Z": np.ones((4, 5))}
    given = {
        n: a
        for n, a in values.items()
        if n in {*ed.compile(y).inputs, *([wrt] if wrt == "Z" else [])}
    }
    full = ed.evaluate(ed.derive(y, leaf), given)
    tied = np.moveaxis(np.diagonal(full, 0, p, y.ndim + q), -1, p)
    got = ed.evaluate(J, given)
    assert got.shape == tied.shape
    np.testing.assert_allclose(got, tied, rtol=1e-12, atol=1e-14)
    assert ed.evaluate(ed.jacobian(y, leaf, shared=shared), given).shape == got.shape


def test_nothing_of_the_full_size_is_formed():
    n = 100_000
    J = ed.derive(ed.tanh(layer), X, shared="n")
    with ed.limits.override(dense_bytes=10**8):  # the full Jacobian takes 480 GB
        got = ed.evaluate(J, X=np.ones((n, 3)), W=np.ones((2, 3)))
    assert got.shape == (n, 2, 3)
    assert J.compact == "ne,ea->nea"


def test_trees_and_names_of_new_axes():
    y = es("nd,ne->nde", X, t("Y", "ne"))
    found = ed.derive(y, {"X": X, "Y": "Y"}, shared="n")
    assert {name: J.compact for name, J in found.items()} == {"X": "ne->nded", "Y": "nd->ndee"}
    assert ed.derive(y, X, indices="q", shared="n").axes == ("n", "d", "e", "q")
    assert ed.derive(ed.exp(v), v, shared="n").ndim == 1


@pytest.mark.parametrize(
    ("make", "wrt", "shared", "error", "match"),
    [
        (
            lambda: ed.softmax(layer, 0),
            "X",
            "n",
            ed.EinderivError,
            "n is not shared.*of X, in the term.*softmax",
        ),
        (
            lambda: layer - es("nd,ed->ne", es("mn,nd->md", "K", X), W),
            "X",
            "n",
            ed.EinderivError,
            "in the term -einsum.*K",
        ),
        (lambda: layer, "W", "n", ed.ShapeError, "W has no axis called 'n'.* axes are e, d"),
        (lambda: layer, "X", "q", ed.ShapeError, "einsum of X, W has no axis called 'q'"),
        (lambda: ed.sum(layer), "X", "n", ed.ShapeError, "called 'n' to share; its axes are none"),
        (lambda: es("nm,nd->md", "K", X), "X", (0, 0), ed.EinderivError, "axis m is not shared"),
        (lambda: layer, "X", (5, 0), ed.ShapeError, "5 is out of range for 2 axes"),
        (lambda: layer, "X", (0, 0, 0), ed.EinderivError, "3 axes, but it is one name, or a pair"),
        (lambda: layer, "X", 1.5, TypeError, "not float"),
        (lambda: layer, ["X", "W"], "n", ed.ShapeError, "W has no axis called 'n'"),
        (lambda: ed.outer(v, v), "v", "n", ed.EinderivError, "axis n is not shared.*n->naa"),
    ],
)
def test_axes_that_are_not_shared(make, wrt, shared, error, match):
    with pytest.raises(error, match=match):
        ed.derive(make(), wrt, shared=shared)


def test_gradients_for_each_sample_and_their_norms():
    y = ed.softplus(es("nd,d->n", X, "w"))
    G = ed.derive(y, "w")  # one gradient a sample: an einsum as it stands
    at = dict(X=VALUES["X"], w=np.ones(3))
    rows = ed.evaluate(G, at)
    assert rows.shape == (4, 3)
    norms = ed.evaluate(es("nd,nd->n", G, G), at)
    np.testing.assert_allclose(norms, (rows**2).sum(1), rtol=1e-13)
