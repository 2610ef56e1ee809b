"""Derivatives that textbooks print: the formula of style "auto" is theirs, with its parts named, and where a reader
computes it, it is the derivative."""

import re

import numpy as np
import pytest

import einderiv as ed
from einderiv.printing.matrix_forms import Bracketed, Chain, Symbol, Total, Turned, in_unicode
from einderiv.printing.symmetric_sums import named_sums
from tests.matrix_text import value

t = ed.tensor
A, B, C = (t(name, "ii") for name in "ABC")
S = t("S", "ii", symmetric=True)
M = t("M", "ii")  # what many derivatives are taken by
D = t("D", "ij")
X, W, G, Y = t("X", "nd"), t("W", "dh"), t("G", "nh"), t("Y", "nk")
U, V, T, P = t("U", "nk"), t("V", "mk"), t("T", "nm"), t("P", "nm")
Z, b = t("Z", "dk"), t("b", "k")
w, y, r, g = t("w", "d"), t("y", "n"), t("r", "n"), t("g", "n")
K = t("K", "nn", symmetric=True)
x, c = t("x", "i"), t("c", "i")
a, s = t("a", ""), t("s", "")
q, k, v, o = t("q", "sd"), t("k", "td"), t("v", "te"), t("o", "se")
F, J = t("F", "hk"), t("J", "hd")
residual = X @ w - y
scores = X @ Z + b[None]
log_shares = ed.log_softmax(scores, axis=1)
attention = ed.softmax(q @ k.T / 8, axis=1) @ v

#: the table of answers that a reader expects
EXPECTED = [
    (ed.grad(x @ S @ x, x), "2 S x"),
    (ed.hessian(x @ S @ x, x), "2 S"),
    (ed.grad(ed.logdet(X.T @ X), X), "2 X (Xᵀ X)⁻¹"),
    (ed.grad(ed.sum(P * (T - U @ V.T) ** 2), U), "−2 (P ∘ (T − U Vᵀ)) V"),
    (ed.grad(ed.sum((P * (T - U @ V.T)) ** 2), U), "−2 (P ∘ P ∘ (T − U Vᵀ)) V"),
    (ed.vjp(ed.tanh(X @ W), W, G), "Xᵀ (G ∘ (1 − tanh(X W)²))"),
    (ed.grad(ed.log(ed.sum(ed.exp(A @ x))), x), "Aᵀ softmax(A x)"),
    (ed.derive(ed.softmax(x, axis=0), x), "diag(p) − p pᵀ where p = softmax(x)"),
    (ed.grad(ed.sum(ed.log(1 + ed.exp(-y * (X @ w)))), w), "−Xᵀ (sigmoid(−y ∘ (X w)) ∘ y)"),
    (
        ed.hessian(ed.exp(x @ A @ x), x),
        "exp(xᵀ A x) (S x xᵀ S + S) where S = A + Aᵀ",
    ),
    (ed.grad(ed.log(ed.det(A)), A), "A⁻ᵀ"),
    (ed.grad(ed.mean(residual**2), w), "2 Xᵀ (X w − y) / n"),
    (
        ed.grad(ed.mean((t("H", [5, 3]) @ t("u", [3]) - t("z", [5])) ** 2), "u"),
        "0.4 Hᵀ (H u − z)",
    ),
    (ed.derive(t("V", "") * s / (t("K", "") + s), "K"), "−V s / (K + s)²"),
    (ed.derive(t("V", "") * x / (t("K", "") + x), "K"), "−V x / (K + x)²"),
    (ed.grad(ed.sum(x**3), x), "3 x²"),
    (ed.derive(x**3, x), "3 diag(x²)"),
    (
        ed.derive(ed.layer_norm(x, "i"), x),
        "I / √(t) − 1 1ᵀ / (i √(t)) − r rᵀ / (t^(3/2) i) where "
        "t = rᵀ r / i + 1e-05, r = x − 1ᵀ x / i",
    ),
]  # fmt: skip

#: others of the same kinds
TYPICAL = [
    # regressions
    (ed.grad(ed.norm_squared(residual), w), "2 Xᵀ (X w − y)"),
    (ed.hessian(ed.norm_squared(residual), w), "2 Xᵀ X"),
    (ed.grad(ed.norm_squared(residual) + a * w @ w, w), "2 a w + 2 Xᵀ (X w − y)"),
    (ed.hessian(ed.norm_squared(residual) / 2 + a * w @ w / 2, w), "a I + Xᵀ X"),
    (ed.grad(residual @ ed.diag(r) @ residual, w), "2 Xᵀ ((X w − y) ∘ r)"),
    (ed.grad(ed.norm(residual), w), "Xᵀ (X w − y) / ‖X w − y‖"),
    (ed.grad(ed.norm_squared(residual) + a * ed.sum(ed.abs(w)), w), "a sign(w) + 2 Xᵀ (X w − y)"),
    (ed.grad(ed.sum(ed.sqrt(1 + residual**2)), w), "Xᵀ (r / √(1 + r²)) where r = X w − y"),
    (
        ed.grad(
            -ed.sum(y * ed.log(ed.sigmoid(X @ w)) + (1 - y) * ed.log(1 - ed.sigmoid(X @ w))), w
        ),
        "Xᵀ (sigmoid(X w) − y)",
    ),
    (
        ed.hessian(ed.sum(ed.log(1 + ed.exp(X @ w)) - y * (X @ w)), w),
        "Xᵀ diag(sigmoid(X w) ∘ sigmoid(−X w)) X",
    ),
    (ed.grad(ed.sum(ed.exp(X @ w) - y * (X @ w)), w), "Xᵀ (−y + exp(X w))"),
    (
        ed.grad(-ed.sum(Y * log_shares) / X.shape[0], Z),
        "Xᵀ (−Y + diag(Y 1) softmax(X Z + 1 bᵀ)) / n",
    ),
    (ed.grad(-ed.sum(Y * log_shares), b), "(−Y + diag(Y 1) softmax(X Z + 1 bᵀ))ᵀ 1"),
    (ed.grad(-ed.sum(c * ed.log(ed.softmax(x, axis=0))), x), "−c + (1ᵀ c) softmax(x)"),
    (
        ed.hessian(ed.logsumexp(A @ x, 0), x),
        "Aᵀ (diag(p) − p pᵀ) A where p = softmax(A x)",
    ),
    # densities
    (
        ed.grad(y @ ed.inv(K) @ y / 2 + ed.logdet(K) / 2, K),
        "0.5 K⁻¹ − 0.5 K⁻¹ y yᵀ K⁻¹",
    ),
    (
        ed.grad(
            y @ ed.solve(K + s * ed.eye("n"), y) / 2 + ed.logdet(K + s * ed.eye("n")) / 2, s
        ),
        "0.5 tr(M) − 0.5 yᵀ M M y where M = (K + s I)⁻¹",
    ),
    (
        ed.grad(ed.exp(-0.5 * (x - c) @ ed.inv(S) @ (x - c)), x),
        "−exp(−0.5 (x − c)ᵀ S⁻¹ (x − c)) S⁻¹ (x − c)",
    ),
    (
        ed.grad(-0.5 * (x - c) @ ed.inv(S) @ (x - c) - 0.5 * ed.logdet(S), S),
        "−0.5 S⁻¹ + 0.5 S⁻¹ (x − c) (x − c)ᵀ S⁻¹",
    ),
    (ed.grad((x - c) @ S @ (x - c), c), "−2 S (x − c)"),
    (ed.grad(ed.trace(S @ M) - ed.logdet(M), M), "−M⁻ᵀ + S"),
    (ed.grad(-ed.sum(x * ed.log(x)), x), "−log(x) − 1"),
    # matrices
    (ed.grad(ed.trace(Z.T @ X.T @ X @ Z), Z), "2 Xᵀ X Z"),
    (
        ed.grad(ed.norm_squared(X - X @ Z @ Z.T), Z),
        "−2 (Rᵀ X + Xᵀ R) Z where R = X − X Z Zᵀ",
    ),
    (ed.grad(ed.sum((A @ M @ B - C) ** 2), M), "2 Aᵀ (A M B − C) Bᵀ"),
    (ed.grad(ed.trace(A.T @ (B * M)), M), "A ∘ B"),
    (ed.grad(ed.sum((A * M) @ c), M), "A diag(c)"),
    (ed.grad(ed.norm(A @ M - B), M), "Aᵀ (A M − B) / ‖A M − B‖"),
    (ed.grad(ed.trace(ed.matrix_power(M, 3)), M), "3 (M²)ᵀ"),
    (ed.grad(ed.trace(ed.matrix_power(M, 5)), M), "5 (M⁴)ᵀ"),
    (ed.grad(ed.det(M), M), "adj(M)ᵀ"),
    (ed.grad(ed.det(A @ M @ B), M), "det(A B) adj(M)ᵀ"),
    (ed.grad(ed.logdet(ed.eye("i") + D @ D.T), D), "2 (I + D Dᵀ)⁻¹ D"),
    (ed.grad(x @ ed.inv(A) @ c, A), "−A⁻ᵀ x cᵀ A⁻ᵀ"),
    (ed.grad(ed.trace(ed.inv(A) @ B), A), "−A⁻ᵀ Bᵀ A⁻ᵀ"),
    (
        ed.grad(ed.norm_squared(A @ M + M @ A.T + B), M),
        "2 R A + 2 Aᵀ R where R = A M + M Aᵀ + B",
    ),
    (ed.grad(x @ A @ x, x), "(A + Aᵀ) x"),
    (ed.hessian(x @ A @ x, x), "A + Aᵀ"),
    # a number beside a matrix is no matrix
    (
        ed.exp(x @ c) * (A @ B) + ed.einsum("i,a,aj->ij", x, c, B),
        "(exp(xᵀ c) A + x cᵀ) B",
    ),
    ((x @ A @ c) * B + ed.outer(x, c) @ B, "(xᵀ A c) B + x cᵀ B"),
    (A @ c + x @ c, "A c + xᵀ c"),
    (A @ c - x @ c, "A c − xᵀ c"),
    (ed.norm(x) * B + A @ B, "‖x‖ B + A B"),
    (s * (A @ x) + a * (B @ x), "(s A + a B) x"),
    # quotients and lengths
    (
        ed.grad((x @ S @ x) / (x @ x), x),
        "−2 ((xᵀ S x) x / (xᵀ x) − S x) / (xᵀ x)",
    ),
    (
        ed.grad(x @ c / (ed.norm(x) * ed.norm(c)), x),
        "−(xᵀ c) x / (r³ ‖c‖) + c / (r ‖c‖) where r = ‖x‖",
    ),
    (ed.grad(ed.norm(x), x), "x / ‖x‖"),
    (ed.derive(x / ed.norm(x), x), "I / r − x xᵀ / r³ where r = ‖x‖"),
    (
        ed.hessian(ed.norm(A @ x - c), x),
        "(Aᵀ A − Aᵀ r1 r1ᵀ A / r²) / r where r = ‖r1‖, r1 = A x − c",
    ),
    (ed.grad(ed.mean((x - ed.mean(x)) ** 2), x), "2 (x − 1ᵀ x / i) / i"),
    # layers
    (ed.grad(ed.sum(ed.relu(scores) * Y), Z), "Xᵀ (Y ∘ heaviside(X Z + 1 bᵀ))"),
    (ed.grad(ed.sum(ed.relu(scores) * Y), b), "(Y ∘ heaviside(X Z + 1 bᵀ))ᵀ 1"),
    (
        ed.grad(ed.norm_squared(F.T @ ed.tanh(J @ w + t("e", "h")) - b), J),
        "2 ((F (Fᵀ h1 − b)) ∘ (1 − h1²)) wᵀ where h1 = tanh(J w + e)",
    ),
    (
        ed.grad(ed.norm_squared(ed.tanh(X @ W) @ F - Y), W),
        "2 Xᵀ (((H F − Y) Fᵀ) ∘ (1 − H ∘ H)) where H = tanh(X W)",
    ),
    (ed.vjp(attention, v, o), "softmax(0.125 q kᵀ)ᵀ o"),
    (
        ed.vjp(attention, q, o),
        "0.125 (P ∘ (o vᵀ − ((o vᵀ) ∘ P) 1 1ᵀ)) k where P = softmax(0.125 q kᵀ)",
    ),
    (
        ed.vjp(attention, k, o),
        "0.125 (P ∘ (o vᵀ − ((o vᵀ) ∘ P) 1 1ᵀ))ᵀ q where P = softmax(0.125 q kᵀ)",
    ),
    (ed.derive(ed.sigmoid(A @ x), x), "diag(sigmoid(A x) ∘ sigmoid(−A x)) A"),
]  # fmt: skip
ANSWERS = EXPECTED + TYPICAL


def shown(e):
    """The right-hand side in one line, its parts parted by commas."""
    _, right = ed.formula(e, style="auto", name="f").split(" = ", 1)
    whole, _, parts = right.partition(" where")
    parts = ", ".join(re.split(r"\s*\n\s*|, (?=\w+ =)", parts.strip()))
    return whole + (" where " + parts if parts else "")


@pytest.mark.parametrize(("e", "wanted"), ANSWERS, ids=[wanted for _, wanted in ANSWERS])
def test_texts(e, wanted):
    assert shown(e) == wanted


def test_a_symmetric_sum_is_called_as_no_tensor():
    vector = t("S", "i")
    whole = shown(ed.hessian(ed.exp(vector @ A @ vector), vector))
    assert whole == "exp(Sᵀ A S) (S1 S Sᵀ S1 + S1) where S1 = A + Aᵀ"
    assert "S = A" in ed.latex(ed.hessian(ed.exp(x @ A @ x), x), style="matrix")


def test_a_symmetric_sum_in_any_order():
    name, left, right = Symbol("A"), Symbol("x"), Symbol("y")
    one, other = Total((name, Turned(name))), Total((Turned(name), name))
    row = Chain((Bracketed(one), left, Bracketed(other), right, Bracketed(one)))
    form, sums = named_sums(Total((right, row, name, Turned(name))), {"A", "S"})
    assert in_unicode(form) == "y + S1 x S1 y S1 + S1"
    assert [(own, in_unicode(total)) for own, total in sums] == [("S1", "A + Aᵀ")]


SIZES = {"n": 4, "d": 3, "h": 2, "k": 2, "m": 3, "i": 3, "j": 2, "s": 3, "t": 4, "e": 2}
# The reader of the tests takes a one for a number, has no size for the identity of a part, and reads
# a length behind another factor as the end of one.
UNREAD = re.compile(r"1ᵀ|\b1\b(?! [−+]|²)| 1\)|where .*\bI\b|‖c‖")
READ = [(e, wanted) for e, wanted in ANSWERS if not UNREAD.search(wanted)]


@pytest.mark.parametrize(("e", "wanted"), READ, ids=[wanted for _, wanted in READ])
def test_what_a_reader_computes(e, wanted):
    rng = np.random.default_rng(0)
    arrays = {}
    for name, tensor in ed.expression.tensors_of(e).items():
        shape = [SIZES[axis] if isinstance(axis, str) else axis for axis in tensor.declared]
        arrays[name] = rng.uniform(0.5, 1.5, shape)
        if name in "SK" and len(shape) == 2:
            arrays[name] = arrays[name] + arrays[name].T + 4 * np.eye(len(arrays[name]))
    found = ed.evaluate(e, {name: arrays[name] for name in ed.compile(e).tensors})
    whole, _, parts = wanted.partition(" where ")
    known = SIZES | arrays
    for part in reversed(re.split(r", (?=\w+ =)", parts) if parts else []):
        name, text = part.split(" = ", 1)
        known[name] = value(text, known, None)
    assert np.allclose(value(whole, known, found.shape), found)


def test_most_are_read():
    assert len(READ) > 45
