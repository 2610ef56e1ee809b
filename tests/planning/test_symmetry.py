"""Axes that may change places: which they are, that exchanging them is exact, and that no work is done twice."""

import itertools

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Sizes
from einderiv.planning import Planner
from einderiv.planning.symmetry import Symmetries

n = 4
R, M, u = ed.tensor("R", (n, 3)), ed.tensor("M", (n, n)), ed.tensor("u", (n,))
rng = np.random.default_rng(0)
AT = {
    "R": rng.integers(-3, 4, (n, 3)),
    "M": rng.integers(-3, 4, (n, n)),
    "u": rng.integers(-3, 4, n),
}


def apart(sign=-1):
    """All differences of rows."""
    return ed.einsum("id->ijd", R, sizes={"j": n}) + sign * ed.einsum("jd->ijd", R, sizes={"i": n})


def near():
    """All squared distances."""
    return ed.einsum("ijd,ijd->ij", apart(), apart())


FOUND = {  # an expression, pairs of axes with their signs
    "differences": (apart, [(0, 1, -1)]),
    "sums":        (lambda: apart(1), [(0, 1, 1)]),
    "distances":   (near, [(0, 1, 1)]),
    "a function":  (lambda: ed.tanh(near()), [(0, 1, 1)]),
    "of a difference": (lambda: ed.tanh(apart()), []),  # that tanh is odd is not known
    "a product":   (lambda: ed.einsum("ij,ijd->ijd", ed.tanh(near()), apart()), [(0, 1, -1)]),
    "a matrix":    (lambda: M + 0, []),
    "by a row":    (lambda: ed.einsum("ij,i->ij", ed.tanh(near()), u), []),
    "other order": (lambda: ed.einsum("ijd->dij", apart()), [(1, 2, -1)]),
    "summed":      (lambda: ed.einsum("ijd->ij", apart()), [(0, 1, -1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_which_axes_may_change_places(name):
    make, want = FOUND[name]
    e = make()
    planner = Planner(
        [e], Sizes({key: a.shape for key, a in AT.items()}).read([e]), lambda size: size
    )
    value = planner.lower(e)
    assert Symmetries(planner.program).of(value) == want
    dense = np.asarray(ed.compile(e)({key: AT[key] for key in ed.compile(e).inputs}))
    for p, q, sign in want:
        assert (dense == sign * dense.swapaxes(p, q)).all()


TEXTS = ["ijc,ijd->icjd", "jic,ijd->icjd", "jic,jid->icjd", "ijc,ijc->i", "jic,ijd->jcd", "jic->ic"]


@pytest.mark.parametrize("text", TEXTS)
def test_exchanged_products_are_exact(text):
    d = apart()
    e = ed.einsum(text, *[d] * (1 + text.count(",")))
    dense = AT["R"][:, None, :] - AT["R"]
    want = np.einsum(text, *[dense] * (1 + text.count(",")))
    assert ed.evaluate(e, R=AT["R"]).tolist() == want.tolist()


@pytest.mark.parametrize(
    "pair", list(itertools.combinations(["ijc,ijd->icjd", "jic,jid->icjd", "jic,ijd->icjd"], 2))
)
def test_terms_that_cancel_and_that_add(pair):
    first, second = (ed.einsum(text, apart(), apart()) for text in pair)
    dense = AT["R"][:, None, :] - AT["R"]
    a, b = (np.einsum(text, dense, dense) for text in pair)
    assert ed.evaluate(first + second, R=AT["R"]).tolist() == (a + b).tolist()
    assert ed.evaluate(first - second, R=AT["R"]).tolist() == (a - b).tolist()


def test_the_hessian_of_pairs_makes_its_large_product_once():
    e = ed.hessian(ed.sum(ed.exp(-near())), R)
    assert sum(row.kernel == "outer" for row in ed.compile(e).plan({"R": (n, 3)}).steps) == 1
    got = ed.evaluate(e, R=AT["R"] / 5)
    assert ed.check(ed.sum(ed.exp(-near())), R, R=AT["R"] / 5).ok
    np.testing.assert_allclose(got, got.transpose(2, 3, 0, 1), rtol=1e-12)
    # moving all points changes nothing
    np.testing.assert_allclose(got.sum(2), np.zeros((n, 3, 3)), atol=1e-12)


def test_long_chains_are_no_recursion():
    e = near()
    for _ in range(3000):
        e = -ed.tanh(e)
    assert (
        ed.evaluate(ed.einsum("ij,jk->ik", e, M), R=np.zeros((n, 3)), M=np.ones((n, n))).tolist()
        == [[0.0] * n] * n
    )
