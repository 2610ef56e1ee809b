"""Matrix notation: how an expression is written in it, and that the text, read back, is the expression's value."""

import numpy as np
import pytest
from matrix_text import value

import einderiv as ed
from einderiv.printing.matrix_forms import in_unicode
from einderiv.printing.matrix_notation import matrix_form

X, A, u, v, t = (
    ed.tensor("X", "ij"),
    ed.tensor("A", "ii"),
    ed.tensor("u", "i"),
    ed.tensor("v", "j"),
    ed.tensor("t", ""),
)


def text(e):
    form = matrix_form(e)
    return None if form is None else in_unicode(form)


STYLES = (
    (X @ X.T, "X Xᵀ"),
    (ed.outer(u, v), "u vᵀ"),
    (u @ X, "Xᵀ u"),
    (ed.vec(u), "u"),
    (ed.vec(u + u * u), "u + u²"),
    (ed.vec(ed.vec(2 * X)), "vec(2 Xᵀ)"),
    (u @ X @ v, "uᵀ X v"),
    (ed.trace(A), "tr(A)"),
    (ed.trace(A @ A.T), "tr(A Aᵀ)"),
    (u * u, "u²"),
    (X * X, "X ∘ X"),
    (ed.diag(u), "diag(u)"),
    (ed.diag(A), "diag(A)"),
    (ed.diag(u) @ X, "diag(u) X"),
    (X @ ed.diag(v), "X diag(v)"),
    (ed.einsum("i,i,i->", u, u, u), "uᵀ (u ∘ u)"),
    (ed.sum(X), "1ᵀ X 1"),
    (ed.sum(X, 1), "X 1"),
    (t * X, "t X"),
    ((u @ u) * X, "(uᵀ u) X"),
    (X / t, "X / t"),
    (X / (u @ u), "X / (uᵀ u)"),
    (ed.norm(u - X @ v), "‖u − X v‖"),
    (ed.inv(A).T, "A⁻ᵀ"),
    (ed.inv(A).T @ u, "A⁻ᵀ u"),
    (-2.5 * X, "−2.5 X"),
    (-2j * X, "−2j X"),
    ((1 - 2j) * X, "(1-2j) X"),
    (ed.einsum("ijk->ikj", "T"), None),
    (ed.logdet(A), "ln |det A|"),
    (ed.einsum("ijk->ij", "T"), None),
    (ed.softmax(u), "softmax(u)"),
    (ed.matrix_power(A, 3), "A³"),
    (ed.norm(2 * u), "‖2 u‖"),
    (ed.grad(ed.norm(u), u), "u / ‖u‖"),
    (ed.grad(ed.norm(X), X), "X / ‖X‖"),
    (ed.grad(ed.norm(u - X @ v), v), "−Xᵀ (u − X v) / ‖u − X v‖"),
    (ed.hessian(ed.norm(u), u), "I / ‖u‖ − u uᵀ / ‖u‖³"),
    (ed.sqrt(4 * (u @ u)), "√(4 uᵀ u)"),
    (ed.sqrt(-(u @ u)), "√(−uᵀ u)"),
    (ed.grad(ed.sqrt(3 * (u @ u)), u), "3.0 u / √(3 uᵀ u)"),
    (ed.trace(A + ed.inv(A)), "tr(A + A⁻¹)"),
    (ed.outer(u * ed.cos(X @ v), v), "(u ∘ cos(X v)) vᵀ"),
    (ed.diag(ed.exp(A) + A), "diag(exp(A) + A)"),
)


@pytest.mark.parametrize(("e", "wanted"), STYLES, ids=[str(wanted) for _, wanted in STYLES])
def test_matrix_notation(e, wanted):
    assert text(e) == wanted


# with four axes in the expression or inside it; each text is evaluated too
B, S, T = ed.tensor("B", "jk"), ed.tensor("S", "ijkl"), ed.tensor("T", "kl")
PAIRS = (
    (ed.kron(X, A), "X ⊗ A"),
    (ed.kron(X, A @ X), "X ⊗ (A X)"),
    (ed.kron(X.T, 2 * A), "2 Xᵀ ⊗ A"),
    (ed.kron(X, A) + ed.kron(A @ X, A), "(X ⊗ A) + ((A X) ⊗ A)"),
    (ed.kron(u, v), "u ⊗ v"),
    (ed.kron(u, v) @ ed.kron(u, v), "(uᵀ u) (vᵀ v)"),
    (ed.vec(X), "vec(Xᵀ)"),
    (ed.vec(X, order="F"), "vec(X)"),
    (ed.vec(X) @ ed.vec(X), "tr(X Xᵀ)"),
    (ed.vec(X + A @ X), "vec((X + A X)ᵀ)"),
    (ed.vec(ed.exp(X)), "vec(exp(X)ᵀ)"),
    (ed.einsum("ij,kl->ikjl", X, A), "A ⊗ X"),
    (ed.einsum("ij,kl->kijl", X, A), "(X ⊗ A) K"),
    (ed.einsum("ij,kl->ijkl", X, A), "vec(X) vec(A)ᵀ"),
    (ed.derive(A @ X @ B, X), "Bᵀ ⊗ A"),
    (ed.derive(X.T @ A, X), "(Aᵀ ⊗ I) K"),
    (ed.derive(t * t * X, X), "t² (I ⊗ I)"),
    (S, "S"),
    (ed.einsum("ijkl,kl->ij", S, T), "unvec(S vec(T))"),
    (ed.einsum("ijkl,ij->kl", S, X), "unvec(Sᵀ vec(X))"),
    (ed.einsum("ijkl,ji,kl,->", S, X.T, T, t), "t vec(X)ᵀ S vec(T)"),
    (ed.einsum("ijkl,ik->jl", S, "Q"), None),
    (ed.einsum("ijkl,ij,k->l", S, X, u), None),
    (ed.einsum("ijkl->ij", S), None),
    (ed.einsum("ijij,,j->", "K4", t, u), None),
    (ed.einsum("ijik->jk", "K4"), None),
    (ed.einsum("ijkl->lkji", S), None),
    (ed.einsum("i,j,k,l->ijkl", "p", "q", "r", "s"), None),
    (ed.derive(ed.outer(u, u), u), None),
    (ed.grad(ed.trace(ed.kron(A, A)), A), "2 tr(A) I"),
    (ed.vjp(ed.kron(A, A), A, "G"), None),
    (ed.grad(ed.trace(ed.expm(A)), A), "L(Aᵀ, I)"),
)
LARGE = {"i": 3, "j": 2, "k": 4, "l": 5}


def close(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize(("e", "shown"), PAIRS, ids=[str(shown) for _, shown in PAIRS])
def test_four_axes_are_a_matrix(e, shown):
    assert text(e) == shown
    if shown:
        shapes = {
            "X": "ij",
            "A": "ii",
            "u": "i",
            "v": "j",
            "t": "",
            "B": "jk",
            "S": "ijkl",
            "T": "kl",
        }
        rng = np.random.default_rng(0)
        arrays = {name: rng.normal(size=[LARGE[x] for x in axes]) for name, axes in shapes.items()}
        wanted = ed.evaluate(e, {name: arrays[name] for name in ed.compile(e).tensors})
        close(value(shown, arrays, wanted.shape), wanted)


def test_signs_of_a_sum():
    assert text(-u - 2 * ed.tensor("w", "i")) == "−u − 2 w"


@pytest.mark.parametrize(
    ("e", "wanted"),
    [
        (X / t, "X / t"),
        (X / t / t, "X / t²"),
        (X / t / (u @ u), "X / (t (uᵀ u))"),
        (X / ed.sqrt(u @ u + t), "X / √(uᵀ u + t)"),
        (X / ed.norm(u), "X / ‖u‖"),
        (X / (ed.norm(u) + 1), "X / (‖u‖ + 1)"),
        (X / (ed.norm(u) * t), "X / (‖u‖ t)"),
    ],
)
def test_divisors(e, wanted):
    assert text(e) == wanted


CUBED = A + ed.matrix_power(ed.tensor("B", "ii"), 3)


@pytest.mark.parametrize(
    ("e", "wanted", "latex"),
    [
        (ed.outer(u, CUBED.T @ u), "u uᵀ (A + B³)", r"u u^{\top} (A + B^{3})"),
        (ed.inv(A.T), "(Aᵀ)⁻¹", r"(A^{\top})^{-1}"),
        (ed.logdet(A), "ln |det A|", r"\mathrm{ln} |\operatorname{det} A|"),
        (
            ed.logdet(A + CUBED),
            "ln |det (2 A + B³)|",
            r"\mathrm{ln} |\operatorname{det} (2 A + B^{3})|",
        ),
        (ed.tensor("I", "ij").T, "Iᵀ", r"I^{\top}"),
        (
            ed.einsum("i,ij,j->ij", u, ed.tensor("I", "ij"), v),
            "diag(u) I diag(v)",
            r"\operatorname{diag} (u) I \operatorname{diag} (v)",
        ),
        (ed.tensor("det", "ij") @ v, "det v", r"\mathrm{det} v"),
    ],
)
def test_what_looks_like_something_else_is_not_taken_for_it(e, wanted, latex):
    assert text(e) == wanted
    assert ed.latex(e, style="matrix") == f"y = {latex}"


def test_more_labels_than_letters():
    chain = ed.einsum(
        ",".join(f"a{k} a{k + 1}" for k in range(60)) + "->a0 a60", *(f"M{k}" for k in range(60))
    )
    assert text(chain) == " ".join(f"M{k}" for k in range(60))
