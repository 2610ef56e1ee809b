"""Answers in matrix notation as the books print them: the texts, and what they come to when a reader computes them."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.printing.matrix_forms import in_unicode
from einderiv.printing.matrix_notation import matrix_form
from tests.matrix_text import value

t = ed.tensor
A, B, C = (t(name, "ii") for name in "ABC")
S = t("S", "ii", symmetric=True)
X, W, G = t("X", "nd"), t("W", "dh"), t("G", "nh")
U, V, T, P = t("U", "nk"), t("V", "mk"), t("T", "nm"), t("P", "nm")
x, c = t("x", "i"), t("c", "i")
w, y = t("w", "d"), t("y", "n")
s, r = t("s", ""), t("r", "")
Q, K, Z = t("Q", "sd"), t("K", "td"), t("Z", "te")
attention = ed.softmax(Q @ K.T, axis=1) @ Z

ANSWERS = {
    "2 S x": ed.grad(x @ S @ x, x),
    "2 S": ed.hessian(x @ S @ x, x),
    "S⁻¹ − S⁻¹ x xᵀ S⁻¹": ed.grad(x @ ed.inv(S) @ x + ed.logdet(S), S),
    "2 X (Xᵀ X)⁻¹": ed.grad(ed.logdet(X.T @ X), X),
    "A⁻ᵀ": ed.grad(ed.log(ed.det(A)), A),
    "(A ∘ B) C": (A * B) @ C,
    "tr(A Bᵀ)": ed.sum(A * B),
    "−2 (P ∘ (T − U Vᵀ)) V": ed.grad(ed.sum(P * (T - U @ V.T) ** 2), U),
    "Xᵀ (G ∘ (1 − tanh(X W)²))": ed.grad(ed.sum(G * ed.tanh(X @ W)), W),
    "Xᵀ heaviside(X W)": ed.grad(ed.sum(ed.relu(X @ W)), W),
    "Xᵀ softmax(X w)": ed.grad(ed.logsumexp(X @ w, axis=0), w),
    "diag(softmax(x)) − softmax(x) softmax(x)ᵀ": ed.derive(ed.softmax(x, axis=0), x),
    "−Xᵀ (sigmoid(−y ∘ (X w)) ∘ y)": ed.grad(ed.sum(ed.log(1 + ed.exp(-y * (X @ w)))), w),
    "2 Xᵀ (X w − y) / n": ed.grad(ed.mean((X @ w - y) ** 2), w),
    "−r x / (s + x)²": ed.derive(r * x / (s + x), s),
    "3 x²": ed.grad(ed.sum(x**3), x),
    "1.5 √(x)": ed.grad(ed.sum(x**1.5), x),
    "0.5 / √(x)": ed.grad(ed.sum(ed.sqrt(x)), x),
    "Xᵀ (X w − y) / ‖X w − y‖": ed.grad(ed.norm(X @ w - y), w),
    "softmax(Q Kᵀ) Z": attention,
    "softmax(Aᵀ)ᵀ": ed.softmax(A, axis=0),
    "(A ⊗ B) z": ed.kron(A, B) @ t("z", "a"),
    "I / ‖x‖ − x xᵀ / ‖x‖³": ed.hessian(ed.norm(x), x),
}
#: with a one that stands for a vector of ones, which the reader of the tests takes for a number
OF_ONES = {
    "(A ∘ B) 1": ed.einsum("ij,ij->i", A, B),
    "(softmax(Q Kᵀ) ∘ (O Zᵀ − ((O Zᵀ) ∘ softmax(Q Kᵀ)) 1 1ᵀ)) K": ed.grad(
        ed.sum(t("O", "se") * attention), Q
    ),
    "−c + (1ᵀ c) softmax(x)": ed.grad(-ed.sum(c * ed.log_softmax(x, axis=0)), x),
}
NUMBERS = {"n": 4}  # the sizes that answers name


def text(e):
    form = matrix_form(ed.simplify(e))
    return None if form is None else in_unicode(form)


@pytest.mark.parametrize("wanted", ANSWERS | OF_ONES)
def test_texts(wanted):
    assert text((ANSWERS | OF_ONES)[wanted]) == wanted


@pytest.mark.parametrize("wanted", ANSWERS)
def test_what_a_reader_computes(wanted):
    e = ANSWERS[wanted]
    rng = np.random.default_rng(0)
    sizes = {"i": 3, "d": 3, "h": 2, "n": 4, "k": 2, "m": 3, "s": 3, "t": 4, "e": 2, "a": 9}
    arrays = {}
    for name in ed.compile(e).tensors:
        shape = [sizes[axis] for axis in TENSORS[name]]
        arrays[name] = rng.uniform(0.5, 1.5, shape)
    if "S" in arrays:
        arrays["S"] = arrays["S"] + arrays["S"].T + 3 * np.eye(3)
    found = ed.evaluate(e, arrays)
    assert np.allclose(value(wanted, arrays | NUMBERS, found.shape), found)


#: the axes of the tensors above
TENSORS = {
    **dict.fromkeys("ABCS", "ii"),
    **{"X": "nd", "W": "dh", "G": "nh", "U": "nk", "V": "mk", "T": "nm", "P": "nm"},
    **{"Q": "sd", "K": "td", "Z": "te", "O": "se"},
    **{"x": "i", "c": "i", "w": "d", "y": "n", "z": "a", "s": "", "r": ""},
}
