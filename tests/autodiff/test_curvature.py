"""Gauss-Newton matrices and Fisher information, against NumPy and against Hessians."""

import numpy as np
import pytest

import einderiv as ed

rng = np.random.default_rng(4)
X, W, L, b = ed.tensor("X", "nd"), ed.tensor("W", "do"), ed.tensor("L", "no"), ed.tensor("b", "o")
Z = ed.tanh(ed.einsum("nd,do->no", X, W) + b)
LOSS = ed.sum(ed.logsumexp(Z, 1)) - ed.sum(L * Z)
AT = {
    "X": rng.normal(size=(4, 3)),
    "W": rng.normal(size=(3, 2)),
    "b": rng.normal(size=2),
    "L": np.eye(2)[[0, 1, 1, 0]],
}


def by_hand():
    """∂z/∂W, ∂z/∂b, ∂²L/∂z² of each sample, and ∂L/∂z."""
    z = np.tanh(AT["X"] @ AT["W"] + AT["b"])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    slope = 1 - z**2
    by_W = np.einsum("no,nd,op->nodp", slope, AT["X"], np.eye(2))
    by_b = np.einsum("no,op->nop", slope, np.eye(2))
    H = np.einsum("no,op->nop", p, np.eye(2)) - np.einsum("no,np->nop", p, p)
    return by_W, by_b, H, p - AT["L"]


def test_blocks_of_a_layer():
    by_W, by_b, H, _ = by_hand()
    found = ed.evaluate(ed.ggn(LOSS, Z, {"W": W, "b": b}), AT)
    assert np.allclose(found["W"]["W"], np.einsum("noab,nop,npcd->abcd", by_W, H, by_W))
    assert np.allclose(found["W"]["b"], np.einsum("noab,nop,npc->abc", by_W, H, by_b))
    assert np.allclose(found["b"]["W"], np.einsum("noa,nop,npcd->acd", by_b, H, by_W))
    assert np.allclose(found["b"]["b"], np.einsum("noa,nop,npc->ac", by_b, H, by_b))


def test_the_fisher_information_is_that_of_the_negative_likelihood():
    assert ed.fisher(-LOSS, Z, W) == ed.ggn(LOSS, Z, W)


@pytest.mark.parametrize("is_summed", [True, False])
def test_empirical(is_summed):
    by_W, by_b, _, slope = by_hand()
    each = ed.einsum("no,no->n", L, Z) - ed.logsumexp(Z, 1)
    found = ed.evaluate(
        ed.fisher(ed.sum(each) if is_summed else each, Z, [W, b], empirical=True), AT
    )
    g = np.einsum("no,noab->nab", slope, by_W)
    h = np.einsum("no,noa->na", slope, by_b)
    assert np.allclose(found[0][0], np.einsum("nab,ncd->abcd", g, g))
    assert np.allclose(found[0][1], np.einsum("nab,nc->abc", g, h))
    assert np.allclose(found[1][1], np.einsum("na,nc->ac", h, h))


x, A, w = ed.tensor("x", "i"), ed.tensor("A", "ji"), ed.tensor("w", "i")
LINEAR = A @ x


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (ed.norm_squared(LINEAR), LINEAR),
        (ed.sum(LINEAR**3) + ed.sum(x), LINEAR),
        (ed.norm_squared(LINEAR) ** 2, LINEAR),
    ],
)
def test_of_linear_outputs_it_is_the_hessian(loss, outputs):
    whole = rng.integers(-3, 4, (3, 2))
    at = {"A": whole, "x": rng.integers(-3, 4, 2)}
    found = ed.evaluate(ed.ggn(loss, outputs, x), at)
    assert np.array_equal(found, ed.evaluate(ed.hessian(loss, x), at))


def test_several_outputs():
    u, v = ed.named(x * w, "u"), ed.named(ed.square(x), "v")
    loss = ed.sum(u * v) + ed.norm_squared(v)
    at = {"x": rng.integers(-3, 4, 3), "w": rng.integers(-3, 4, 3)}
    found = ed.evaluate(ed.ggn(loss, [u, v], x), at)
    J, K = np.diag(at["w"]), np.diag(2 * at["x"])
    want = J @ K + K @ J + 2 * K @ K  # ∂²/∂u∂v = I, ∂²/∂v² = 2 I
    assert np.array_equal(found, want)


def test_the_structure_of_a_softmax_is_kept():
    """diag(p) - p pᵀ of each sample: no two samples meet."""
    logits = ed.einsum("nd,do->no", X, W)
    G = ed.ggn(ed.sum(ed.logsumexp(logits, 1)), logits, W)
    sizes = {"X": (500, 3), "W": (3, 4)}
    assert ed.plan(G, sizes).flops < 500 * 3 * 4 * 3 * 4 * 4


def test_a_diagonal_forms_no_matrix():
    J_squared = ed.ggn(0.5 * ed.norm_squared(ed.tanh(X @ w)), ed.tanh(X @ w), w)
    diagonal = ed.einsum("ii->i", J_squared)
    plan = ed.plan(diagonal, {"X": (100, 2000), "w": (2000,)})
    assert plan.largest < 2000 * 2000 if hasattr(plan, "largest") else plan.bytes <= 8 * 2000


WRONG = [
    (lambda: ed.ggn(Z, Z, W),                                    TypeError,        "hessian needs a scalar"),
    (lambda: ed.ggn(LOSS, ed.exp(X), W),                         ed.EinderivError, "is no part of"),
    (lambda: ed.fisher(ed.sum(x), ed.sum(x), x, empirical=True), ed.ShapeError,    "is a number: axis 0"),
    (lambda: ed.fisher(Z, Z, W),                                 TypeError,        "needs a scalar"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), WRONG)
def test_what_is_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()
