"""The derivatives of The Matrix Cookbook (Petersen and Pedersen, version of 15 November 2012), equations 33 to 142.

A row says the derivative in einderiv, the form that the book gives, and that form in NumPy to compare with. Axes that
carry one letter have one size. The page that `generate.py` makes of it shows the code of `ours` as it stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import einderiv as ed

o, es, inv, det, tr, mp, pinv = (np.outer, np.einsum, np.linalg.inv, np.linalg.det, np.trace, np.linalg.matrix_power,
                                 np.linalg.pinv)  # fmt: skip


class Row(NamedTuple):
    number: str
    axes: str  # of every tensor, "X:ij W:ii=symmetric"
    ours: Callable[..., Any]
    book: str  # the form in the book
    closed: Callable[..., Any]  # in NumPy
    real: bool = False  # compared at reals, to 1e-9; else at whole numbers, with ==
    note: str = ""
    printed: Callable[..., Any] | None = (
        None  # the form as it stands in the book, where it is wrong
    )
    spelled: str = ""  # the form of the book with its sums over r and its other letters written out


def independent(g: Any) -> Any:
    """The book's derivative by a symmetric matrix, from the one by free entries."""
    return g + g.T - ed.diag(ed.diag(g))


def curve(A: Any, B: Any, C: Any, t: Any) -> Any:
    """A matrix Y that depends on a number."""
    return A + t * B + t * t * C


def hadamard_i(A: Any) -> Any:
    return np.diag(np.diag(A))


DIFFERENTIALS = (
    Row("33", "A:ij X:ij dX:ij", lambda A, X, dX: ed.jvp(A, X, dX), "0", lambda A: 0 * A),
    Row("34", "a: X:ij dX:ij", lambda a, X, dX: ed.jvp(a * X, X, dX), "a dX", lambda a, dX: a * dX),
    Row("35", "X:ij Y:ij dX:ij dY:ij", lambda X, Y, dX, dY: ed.jvp(X + Y, [X, Y], [dX, dY]), "dX + dY",
        lambda dX, dY: dX + dY),
    Row("36", "X:ii dX:ii", lambda X, dX: ed.jvp(ed.trace(X), X, dX), "tr(dX)", lambda dX: tr(dX)),
    Row("37", "X:ij Y:jk dX:ij dY:jk", lambda X, Y, dX, dY: ed.jvp(X @ Y, [X, Y], [dX, dY]), "dX Y + X dY",
        lambda X, Y, dX, dY: dX @ Y + X @ dY),
    Row("38", "X:ij Y:ij dX:ij dY:ij", lambda X, Y, dX, dY: ed.jvp(X * Y, [X, Y], [dX, dY]), "dX ∘ Y + X ∘ dY",
        lambda X, Y, dX, dY: dX * Y + X * dY),
    Row("39", "X:ij Y:kl dX:ij dY:kl", lambda X, Y, dX, dY: ed.jvp(ed.kron(X, Y), [X, Y], [dX, dY]),
        "dX ⊗ Y + X ⊗ dY", lambda X, Y, dX, dY: np.kron(dX, Y) + np.kron(X, dY)),
    Row("40", "X:ii dX:ii", lambda X, dX: ed.jvp(ed.inv(X), X, dX), "−X⁻¹ dX X⁻¹",
        lambda X, dX: -inv(X) @ dX @ inv(X), real=True),
    Row("41", "X:ii dX:ii", lambda X, dX: ed.jvp(ed.det(X), X, dX), "tr(adj(X) dX)",
        lambda X, dX: tr(det(X) * inv(X) @ dX), real=True),
    Row("42", "X:ii dX:ii", lambda X, dX: ed.jvp(ed.det(X), X, dX), "det(X) tr(X⁻¹ dX)",
        lambda X, dX: det(X) * tr(inv(X) @ dX), real=True),
    Row("43", "X:ii dX:ii", lambda X, dX: ed.jvp(ed.logdet(X), X, dX), "tr(X⁻¹ dX)",
        lambda X, dX: tr(inv(X) @ dX), real=True),
    Row("44", "X:ij dX:ij", lambda X, dX: ed.jvp(X.T, X, dX), "dXᵀ", lambda dX: dX.T),
    Row("45", "X:ij=complex dX:ij=complex",
        lambda X, dX: ed.jvp(ed.conj(X).T, [X, ed.conj(X)], [dX, ed.conj(dX)]), "conj(dX)ᵀ",
        lambda dX: dX.conj().T, real=True, note="X and its conjugate are two variables, so there are two directions"),
)  # fmt: skip

DETERMINANTS = (
    Row("46", "A:ii B:ii C:ii t:", lambda A, B, C, t: ed.derive(ed.det(curve(A, B, C, t)), t),
        "det(Y) tr(Y⁻¹ ∂Y/∂t)",
        lambda A, B, C, t: det(curve(A, B, C, t)) * tr(inv(curve(A, B, C, t)) @ (B + 2 * t * C)),
        real=True, note="`curve(A, B, C, t)` is `A + t * B + t * t * C`, for the book's Y(x)", spelled="det(Y) tr(Y⁻¹ (B + 2 t C)) where Y = A + t B + t² C"),
    Row("47", "X:ii", lambda X: ed.einsum("ik,jk->ij", ed.grad(ed.det(X), X), X), "det(X) I",
        lambda X: det(X) * np.eye(len(X)), real=True, note="adj(X) X is not simplified to det(X) I"),
    Row("48", "A:ii B:ii C:ii t:", lambda A, B, C, t: ed.derive(ed.derive(ed.det(curve(A, B, C, t)), t), t),
        "det(Y) (tr(Y⁻¹ Y″) + tr(Y⁻¹ Y′)² − tr(Y⁻¹ Y′ Y⁻¹ Y′))", lambda A, B, C, t: second(A, B, C, t), real=True,
        spelled="det(Y) (tr(Y⁻¹ 2 C) + tr(Y⁻¹ Z)² − tr(Y⁻¹ Z Y⁻¹ Z)) where Y = A + t B + t² C, Z = B + 2 t C"),
    Row("49", "X:ii", lambda X: ed.grad(ed.det(X), X), "det(X) X⁻ᵀ", lambda X: det(X) * inv(X).T, real=True),
    Row("50", "X:ii", lambda X: ed.einsum("ik,jk->ij", ed.grad(ed.det(X), X), X), "det(X) I",
        lambda X: det(X) * np.eye(len(X)), real=True, note="the same as 47"),
    Row("51", "A:ii X:ii B:ii", lambda A, X, B: ed.grad(ed.det(A @ X @ B), X), "det(A X B) X⁻ᵀ",
        lambda A, X, B: det(A @ X @ B) * inv(X).T, real=True),
    Row("52", "A:ii X:ii", lambda A, X: ed.grad(ed.det(X.T @ A @ X), X), "2 det(Xᵀ A X) X⁻ᵀ",
        lambda A, X: 2 * det(X.T @ A @ X) * inv(X).T, real=True),
    Row("53", "A:ii=symmetric X:ij", lambda A, X: ed.grad(ed.det(X.T @ A @ X), X),
        "2 det(Xᵀ A X) A X (Xᵀ A X)⁻¹", lambda A, X: 2 * det(X.T @ A @ X) * A @ X @ inv(X.T @ A @ X), real=True),
    Row("54", "A:ii X:ij", lambda A, X: ed.grad(ed.det(X.T @ A @ X), X),
        "det(Xᵀ A X) (A X (Xᵀ A X)⁻¹ + Aᵀ X (Xᵀ Aᵀ X)⁻¹)",
        lambda A, X: det(X.T @ A @ X) * (A @ X @ inv(X.T @ A @ X) + A.T @ X @ inv(X.T @ A.T @ X)), real=True),
    Row("55", "X:ij", lambda X: ed.grad(ed.logdet(X.T @ X), X), "2 (X⁺)ᵀ", lambda X: 2 * pinv(X).T, real=True),
    Row("56", "P:ji", lambda P: ed.grad(ed.logdet(ed.pinv(P).T @ ed.pinv(P)), P), "−2 Xᵀ",
        lambda P: -2 * pinv(P).T, real=True, note="P is X⁺, so X is `ed.pinv(P)`"),
    Row("57", "X:ii", lambda X: ed.grad(ed.logdet(X), X), "X⁻ᵀ", lambda X: inv(X).T, real=True),
    Row("58", "X:ii", lambda X: ed.grad(ed.det(ed.matrix_power(X, 3)), X), "3 det(X³) X⁻ᵀ",
        lambda X: 3 * det(mp(X, 3)) * inv(X).T, real=True, note="with k = 3"),
)  # fmt: skip


def second(A: Any, B: Any, C: Any, t: Any) -> Any:
    Y, first = curve(A, B, C, t), B + 2 * t * C
    G = inv(Y) @ first
    return det(Y) * (tr(inv(Y) @ (2 * C)) + tr(G) ** 2 - tr(G @ G))


INVERSES = (
    Row("59", "A:ii B:ii C:ii t:", lambda A, B, C, t: ed.derive(ed.inv(curve(A, B, C, t)), t), "−Y⁻¹ ∂Y/∂t Y⁻¹",
        lambda A, B, C, t: -inv(curve(A, B, C, t)) @ (B + 2 * t * C) @ inv(curve(A, B, C, t)), real=True, spelled="−M (B + 2 t C) M where M = (A + t B + t² C)⁻¹"),
    Row("60", "X:ii", lambda X: ed.derive(ed.inv(X), X), "−X⁻¹[k,i] X⁻¹[j,l]",
        lambda X: -es("ki,jl->klij", inv(X), inv(X)), real=True),
    Row("61", "a:i X:ii b:i", lambda a, X, b: ed.grad(a @ ed.inv(X) @ b, X), "−X⁻ᵀ a bᵀ X⁻ᵀ",
        lambda a, X, b: -inv(X).T @ o(a, b) @ inv(X).T, real=True),
    Row("62", "X:ii", lambda X: ed.grad(ed.det(ed.inv(X)), X), "−det(X⁻¹) X⁻ᵀ",
        lambda X: -det(inv(X)) * inv(X).T, real=True),
    Row("63", "A:ki X:ii B:ik", lambda A, X, B: ed.grad(ed.trace(A @ ed.inv(X) @ B), X), "−(X⁻¹ B A X⁻¹)ᵀ",
        lambda A, X, B: -(inv(X) @ B @ A @ inv(X)).T, real=True),
    Row("64", "X:ii A:ii", lambda X, A: ed.grad(ed.trace(ed.inv(X + A)), X), "−((X + A)⁻¹ (X + A)⁻¹)ᵀ",
        lambda X, A: -(inv(X + A) @ inv(X + A)).T, real=True),
    Row("after 64", "A:ii G:ii", lambda A, G: ed.vjp(ed.inv(A), A, G), "−A⁻ᵀ G A⁻ᵀ",
        lambda A, G: -inv(A).T @ G @ inv(A).T, real=True, note="G is ∂J/∂W, for W = A⁻¹"),
    Row("65", "X:ii", lambda X: ed.grad(ed.trace(X), X), "I", lambda X: np.eye(len(X), dtype=int),
        note="the sum of the eigenvalues is the trace"),
    Row("66", "X:ii", lambda X: ed.grad(ed.det(X), X), "det(X) X⁻ᵀ", lambda X: det(X) * inv(X).T, real=True,
        note="the product of the eigenvalues is the determinant"),
)  # fmt: skip

FORMS = (
    Row("69", "x:i a:i", lambda x, a: ed.grad(x @ a, x), "a", lambda a: a),
    Row("69′", "x:i a:i", lambda x, a: ed.grad(a @ x, x), "a", lambda a: a),
    Row("70", "a:i X:ij b:j", lambda a, X, b: ed.grad(a @ X @ b, X), "a bᵀ", lambda a, b: o(a, b)),
    Row("71", "a:j X:ij b:i", lambda a, X, b: ed.grad(a @ X.T @ b, X), "b aᵀ", lambda a, b: o(b, a)),
    Row("72", "a:i X:ii", lambda a, X: ed.grad(a @ X @ a, X), "a aᵀ", lambda a: o(a, a)),
    Row("72′", "a:i X:ii", lambda a, X: ed.grad(a @ X.T @ a, X), "a aᵀ", lambda a: o(a, a)),
    Row("73", "X:ij", lambda X: ed.derive(X, X), "δ[i,m] δ[j,n]",
        lambda X: es("im,jn->ijmn", np.eye(X.shape[0], dtype=int), np.eye(X.shape[1], dtype=int)),
        note="the book's single-entry matrix"),
    Row("74", "X:ij A:jk", lambda X, A: ed.derive(X @ A, X), "δ[i,m] A[n,j]",
        lambda X, A: es("im,nj->ijmn", np.eye(len(X), dtype=int), A)),
    Row("75", "X:ij A:ik", lambda X, A: ed.derive(X.T @ A, X), "δ[i,n] A[m,j]",
        lambda X, A: es("in,mj->ijmn", np.eye(X.shape[1], dtype=int), A)),
    Row("76", "X:ij", lambda X: ed.grad(ed.sum(X) * ed.sum(X), X), "2 Σ_{k,l} X[k,l]", lambda X: 2 * X.sum() + 0 * X),
    Row("77", "b:j X:ij c:j", lambda b, X, c: ed.grad(b @ X.T @ X @ c, X), "X (b cᵀ + c bᵀ)",
        lambda b, X, c: X @ (o(b, c) + o(c, b))),
    Row("78", "B:ji x:i b:j C:jk D:ki d:k", lambda B, x, b, C, D, d: ed.grad((B @ x + b) @ C @ (D @ x + d), x),
        "Bᵀ C (D x + d) + Dᵀ Cᵀ (B x + b)",
        lambda B, x, b, C, D, d: B.T @ C @ (D @ x + d) + D.T @ C.T @ (B @ x + b)),
    Row("79", "X:ij B:ii", lambda X, B: ed.derive(X.T @ B @ X, X),
        "δ[l,j] Σ_m X[m,k] B[m,i] + δ[k,j] Σ_m B[i,m] X[m,l]",
        lambda X, B: es("lj,ki->klij", np.eye(X.shape[1], dtype=int), X.T @ B)
        + es("kj,il->klij", np.eye(X.shape[1], dtype=int), B @ X)),
    Row("80", "X:ij B:ii dX:ij", lambda X, B, dX: ed.jvp(X.T @ B @ X, X, dX), "Xᵀ B J + Jᵀ B X",
        lambda X, B, dX: X.T @ B @ dX + dX.T @ B @ X, note="with any matrix dX for the single-entry matrix J", spelled="Xᵀ B dX + dXᵀ B X"),
    Row("81", "x:i B:ii", lambda x, B: ed.grad(x @ B @ x, x), "(B + Bᵀ) x", lambda x, B: (B + B.T) @ x),
    Row("82", "b:j X:ij D:ii c:j", lambda b, X, D, c: ed.grad(b @ X.T @ D @ X @ c, X), "Dᵀ X b cᵀ + D X c bᵀ",
        lambda b, X, D, c: D.T @ X @ o(b, c) + D @ X @ o(c, b)),
    Row("83", "X:ij b:j c:i D:ii", lambda X, b, c, D: ed.grad((X @ b + c) @ D @ (X @ b + c), X),
        "(D + Dᵀ) (X b + c) bᵀ", lambda X, b, c, D: o((D + D.T) @ (X @ b + c), b)),
    Row("84", "x:i A:ij s:j W:ii=symmetric", lambda x, A, s, W: ed.grad((x - A @ s) @ W @ (x - A @ s), s),
        "−2 Aᵀ W (x − A s)", lambda x, A, s, W: -2 * A.T @ W @ (x - A @ s)),
    Row("85", "x:i s:i W:ii=symmetric", lambda x, s, W: ed.grad((x - s) @ W @ (x - s), x), "2 W (x − s)",
        lambda x, s, W: 2 * W @ (x - s)),
    Row("86", "x:i s:i W:ii=symmetric", lambda x, s, W: ed.grad((x - s) @ W @ (x - s), s), "−2 W (x − s)",
        lambda x, s, W: -2 * W @ (x - s)),
    Row("87", "x:i A:ij s:j W:ii=symmetric", lambda x, A, s, W: ed.grad((x - A @ s) @ W @ (x - A @ s), x),
        "2 W (x − A s)", lambda x, A, s, W: 2 * W @ (x - A @ s)),
    Row("88", "x:i A:ij s:j W:ii=symmetric", lambda x, A, s, W: ed.grad((x - A @ s) @ W @ (x - A @ s), A),
        "−2 W (x − A s) sᵀ", lambda x, A, s, W: -2 * o(W @ (x - A @ s), s)),
    Row("89", "a:=complex x:i=complex b:i=complex",
        lambda a, x, b: ed.grad((a - ed.conj(x) @ b) * ed.conj(a - ed.conj(x) @ b), x, convention="torch"),
        "−2 b conj(a − conj(x)ᵀ b)", lambda a, x, b: -2 * b * np.conj(a - x.conj() @ b), real=True,
        note="the book's square is that of the modulus, its derivative 2 ∂/∂x̄"),
)  # fmt: skip

POWERS = (
    Row("90", "X:ii", lambda X: ed.derive(ed.matrix_power(X, 3), X), "Σ_r (Xʳ)[k,i] (X²⁻ʳ)[j,l]",
        lambda X: sum(es("ki,jl->klij", mp(X, r), mp(X, 2 - r)) for r in range(3)), real=True,
        note="with n = 3, as in 91 and 92", spelled="δ[k,i] X²[j,l] + X[k,i] X[j,l] + X²[k,i] δ[j,l]"),
    Row("91", "a:i X:ii b:i", lambda a, X, b: ed.grad(a @ ed.matrix_power(X, 3) @ b, X), "Σ_r (Xʳ)ᵀ a bᵀ (X²⁻ʳ)ᵀ",
        lambda a, X, b: sum(o(mp(X, r).T @ a, mp(X, 2 - r) @ b) for r in range(3)), real=True, spelled="a bᵀ (X²)ᵀ + Xᵀ a bᵀ Xᵀ + (X²)ᵀ a bᵀ"),
    Row("92", "a:i X:ii b:i",
        lambda a, X, b: ed.grad(a @ ed.matrix_power(X, 3).T @ ed.matrix_power(X, 3) @ b, X),
        "Σ_r ((Xʳ)ᵀ X³ b aᵀ (X²⁻ʳ)ᵀ + (Xʳ)ᵀ X³ a bᵀ (X²⁻ʳ)ᵀ)",
        lambda a, X, b: sum(o(mp(X, r).T @ mp(X, 3) @ p, mp(X, 2 - r) @ q)
                            for r in range(3) for p, q in ((b, a), (a, b))),
        real=True, spelled="X³ b aᵀ (X²)ᵀ + Xᵀ X³ b aᵀ Xᵀ + (X²)ᵀ X³ b aᵀ + X³ a bᵀ (X²)ᵀ + Xᵀ X³ a bᵀ Xᵀ + (X²)ᵀ X³ a bᵀ", note="the book has the first term transposed, X²⁻ʳ a bᵀ (X³)ᵀ Xʳ",
        printed=lambda a, X, b: sum(mp(X, 2 - r) @ o(a, b) @ mp(X, 3).T @ mp(X, r)
                                    + o(mp(X, r).T @ mp(X, 3) @ a, mp(X, 2 - r) @ b) for r in range(3))),
    Row("93", "A:jk B:ji C:ki x:i", lambda A, B, C, x: ed.grad(ed.sin(B @ x) @ A @ ed.exp(C @ x), x),
        "(∂s/∂x)ᵀ A r + (∂r/∂x)ᵀ Aᵀ s", lambda A, B, C, x: (np.cos(B @ x)[:, None] * B).T @ A @ np.exp(C @ x)
        + (np.exp(C @ x)[:, None] * C).T @ A.T @ np.sin(B @ x), real=True, spelled="Bᵀ diag(cos(B x)) A exp(C x) + Cᵀ diag(exp(C x)) Aᵀ sin(B x)",
        note="with s = sin(B x) and r = exp(C x)"),
    Row("94, 95", "A:ji B:ii x:i", lambda A, B, x: ed.grad((A @ x) @ (A @ x) / ((B @ x) @ (B @ x)), x),
        "2 Aᵀ A x / (xᵀ Bᵀ B x) − 2 (xᵀ Aᵀ A x) Bᵀ B x / (xᵀ Bᵀ B x)²",
        lambda A, B, x: 2 * A.T @ A @ x / (x @ B.T @ B @ x)
        - 2 * (x @ A.T @ A @ x) * (B.T @ B @ x) / (x @ B.T @ B @ x) ** 2, real=True,
        note="the book has lost a transposition in the first denominator, xᵀ B B x",
        printed=lambda A, B, x: 2 * A.T @ A @ x / (x @ B @ B @ x)
        - 2 * (x @ A.T @ A @ x) * (B.T @ B @ x) / (x @ B.T @ B @ x) ** 2),
    Row("97", "A:ii x:i b:i", lambda A, x, b: ed.grad(x @ A @ x + b @ x, x), "(A + Aᵀ) x + b",
        lambda A, x, b: (A + A.T) @ x + b),
    Row("98", "A:ii x:i b:i", lambda A, x, b: ed.hessian(x @ A @ x + b @ x, x), "A + Aᵀ", lambda A: A + A.T),
)  # fmt: skip

TRACES = (
    Row("99", "X:ii", lambda X: ed.grad(ed.trace(X), X), "I", lambda X: np.eye(len(X), dtype=int)),
    Row("100", "X:ij A:ji", lambda X, A: ed.grad(ed.trace(X @ A), X), "Aᵀ", lambda A: A.T),
    Row("101", "A:ki X:ij B:jk", lambda A, X, B: ed.grad(ed.trace(A @ X @ B), X), "Aᵀ Bᵀ", lambda A, B: A.T @ B.T),
    Row("102", "A:kj X:ij B:ik", lambda A, X, B: ed.grad(ed.trace(A @ X.T @ B), X), "B A", lambda A, B: B @ A),
    Row("103", "X:ij A:ij", lambda X, A: ed.grad(ed.trace(X.T @ A), X), "A", lambda A: A),
    Row("104", "A:ij X:ij", lambda A, X: ed.grad(ed.trace(A @ X.T), X), "A", lambda A: A),
    Row("105", "A:kk X:ii", lambda A, X: ed.grad(ed.trace(ed.kron(A, X)), X), "tr(A) I",
        lambda A, X: tr(A) * np.eye(len(X), dtype=int)),
    Row("106", "X:ii", lambda X: ed.grad(ed.trace(X @ X), X), "2 Xᵀ", lambda X: 2 * X.T),
    Row("107", "X:ii B:ii", lambda X, B: ed.grad(ed.trace(X @ X @ B), X), "(X B + B X)ᵀ",
        lambda X, B: (X @ B + B @ X).T),
    Row("108", "X:ij B:ii", lambda X, B: ed.grad(ed.trace(X.T @ B @ X), X), "B X + Bᵀ X", lambda X, B: B @ X + B.T @ X),
    Row("109", "X:ij B:ii", lambda X, B: ed.grad(ed.trace(B @ X @ X.T), X), "B X + Bᵀ X", lambda X, B: B @ X + B.T @ X),
    Row("110", "X:ij B:ii", lambda X, B: ed.grad(ed.trace(X @ X.T @ B), X), "B X + Bᵀ X", lambda X, B: B @ X + B.T @ X),
    Row("111", "X:ij B:jj", lambda X, B: ed.grad(ed.trace(X @ B @ X.T), X), "X Bᵀ + X B", lambda X, B: X @ B.T + X @ B),
    Row("112", "X:ij B:jj", lambda X, B: ed.grad(ed.trace(B @ X.T @ X), X), "X Bᵀ + X B", lambda X, B: X @ B.T + X @ B),
    Row("113", "X:ij B:jj", lambda X, B: ed.grad(ed.trace(X.T @ X @ B), X), "X Bᵀ + X B", lambda X, B: X @ B.T + X @ B),
    Row("114", "A:ji X:ij B:ji", lambda A, X, B: ed.grad(ed.trace(A @ X @ B @ X), X), "Aᵀ Xᵀ Bᵀ + Bᵀ Xᵀ Aᵀ",
        lambda A, X, B: A.T @ X.T @ B.T + B.T @ X.T @ A.T),
    Row("115", "X:ij", lambda X: ed.grad(ed.trace(X.T @ X), X), "2 X", lambda X: 2 * X),
    Row("115′", "X:ij", lambda X: ed.grad(ed.trace(X @ X.T), X), "2 X", lambda X: 2 * X),
    Row("116", "B:jk X:ij C:ii", lambda B, X, C: ed.grad(ed.trace(B.T @ X.T @ C @ X @ B), X), "Cᵀ X B Bᵀ + C X B Bᵀ",
        lambda B, X, C: C.T @ X @ B @ B.T + C @ X @ B @ B.T),
    Row("117", "X:ij B:ii C:jj", lambda X, B, C: ed.grad(ed.trace(X.T @ B @ X @ C), X), "B X C + Bᵀ X Cᵀ",
        lambda X, B, C: B @ X @ C + B.T @ X @ C.T),
    Row("118", "A:ki X:ij B:jj C:ik", lambda A, X, B, C: ed.grad(ed.trace(A @ X @ B @ X.T @ C), X),
        "Aᵀ Cᵀ X Bᵀ + C A X B", lambda A, X, B, C: A.T @ C.T @ X @ B.T + C @ A @ X @ B),
    Row("119", "A:ki X:ij B:jl C:kl", lambda A, X, B, C: ed.grad(ed.trace((A @ X @ B + C) @ (A @ X @ B + C).T), X),
        "2 Aᵀ (A X B + C) Bᵀ", lambda A, X, B, C: 2 * A.T @ (A @ X @ B + C) @ B.T),
    Row("120", "X:ii", lambda X: ed.grad(ed.trace(ed.kron(X, X)), X), "2 tr(X) I",
        lambda X: 2 * tr(X) * np.eye(len(X), dtype=int)),
    Row("120′", "X:ii", lambda X: ed.grad(ed.trace(X) * ed.trace(X), X), "2 tr(X) I",
        lambda X: 2 * tr(X) * np.eye(len(X), dtype=int)),
    Row("121", "X:ii", lambda X: ed.grad(ed.trace(ed.matrix_power(X, 4)), X), "4 (X³)ᵀ", lambda X: 4 * mp(X, 3).T,
        real=True, note="with k = 4"),
    Row("122", "A:ii X:ii", lambda A, X: ed.grad(ed.trace(A @ ed.matrix_power(X, 3)), X), "Σ_r (Xʳ A X²⁻ʳ)ᵀ",
        lambda A, X: sum(mp(X, r) @ A @ mp(X, 2 - r) for r in range(3)).T, real=True, note="with k = 3", spelled="(A X² + X A X + X² A)ᵀ"),
    Row("123", "B:jk X:ij C:ii", lambda B, X, C: ed.grad(ed.trace(B.T @ X.T @ C @ X @ X.T @ C @ X @ B), X),
        "C X Xᵀ C X B Bᵀ + Cᵀ X B Bᵀ Xᵀ Cᵀ X + C X B Bᵀ Xᵀ C X + Cᵀ X Xᵀ Cᵀ X B Bᵀ",
        lambda B, X, C: C @ X @ X.T @ C @ X @ B @ B.T + C.T @ X @ B @ B.T @ X.T @ C.T @ X
        + C @ X @ B @ B.T @ X.T @ C @ X + C.T @ X @ X.T @ C.T @ X @ B @ B.T),
    Row("124", "A:ki X:ii B:ik", lambda A, X, B: ed.grad(ed.trace(A @ ed.inv(X) @ B), X), "−X⁻ᵀ Aᵀ Bᵀ X⁻ᵀ",
        lambda A, X, B: -inv(X).T @ A.T @ B.T @ inv(X).T, real=True),
    Row("125", "X:ij C:ii=symmetric A:jj", lambda X, C, A: ed.grad(ed.trace(ed.inv(X.T @ C @ X) @ A), X),
        "−C X (Xᵀ C X)⁻¹ (A + Aᵀ) (Xᵀ C X)⁻¹",
        lambda X, C, A: -C @ X @ inv(X.T @ C @ X) @ (A + A.T) @ inv(X.T @ C @ X), real=True),
    Row("126", "X:ij B:ii=symmetric C:ii=symmetric",
        lambda X, B, C: ed.grad(ed.trace(ed.inv(X.T @ C @ X) @ (X.T @ B @ X)), X),
        "−2 C X (Xᵀ C X)⁻¹ Xᵀ B X (Xᵀ C X)⁻¹ + 2 B X (Xᵀ C X)⁻¹",
        lambda X, B, C: ratio(0, X, B, C), real=True),
    Row("127", "X:ij A:jj=symmetric B:ii=symmetric C:ii=symmetric",
        lambda X, A, B, C: ed.grad(ed.trace(ed.inv(A + X.T @ C @ X) @ (X.T @ B @ X)), X),
        "−2 C X (A + Xᵀ C X)⁻¹ Xᵀ B X (A + Xᵀ C X)⁻¹ + 2 B X (A + Xᵀ C X)⁻¹",
        lambda X, A, B, C: ratio(A, X, B, C), real=True, note="A has to be symmetric too, which the book does not say"),
    Row("128", "X:ii", lambda X: ed.grad(ed.trace((ed.expm(1j * X) - ed.expm(-1j * X)) / 2j), X), "cos(X)ᵀ",
        lambda X: cosine(X).T, real=True,
        note="the sine of a matrix, as exponentials; elementwise `ed.sin` is another function"),
)  # fmt: skip


def ratio(A: Any, X: Any, B: Any, C: Any) -> Any:
    G = inv(A + X.T @ C @ X)
    return -2 * C @ X @ G @ X.T @ B @ X @ G + 2 * B @ X @ G


def cosine(X: Any) -> Any:
    """By its series."""
    total, term = np.eye(len(X)), np.eye(len(X))
    for n in range(1, 30):
        term = -term @ X @ X / ((2 * n - 1) * (2 * n))
        total = total + term
    return total


NORMS = (
    Row("129", "x:i a:i", lambda x, a: ed.grad(ed.norm(x - a), x), "(x − a) / ‖x − a‖",
        lambda x, a: (x - a) / np.linalg.norm(x - a), real=True),
    Row("130", "x:i a:i", lambda x, a: ed.derive((x - a) / ed.norm(x - a), x),
        "I / ‖x − a‖ − (x − a) (x − a)ᵀ / ‖x − a‖³",
        lambda x, a: np.eye(len(x)) / np.linalg.norm(x - a) - o(x - a, x - a) / np.linalg.norm(x - a) ** 3, real=True),
    Row("131", "x:i", lambda x: ed.grad(ed.norm_squared(x), x), "2 x", lambda x: 2 * x),
    Row("131′", "x:i", lambda x: ed.grad(ed.abs(x @ x), x), "2 x", lambda x: 2 * x),
    Row("132", "X:ij", lambda X: ed.grad(ed.norm_squared(X), X), "2 X", lambda X: 2 * X),
    Row("132′", "X:ij=complex", lambda X: ed.grad(ed.trace(X @ ed.conj(X).T), X, convention="torch"), "2 X",
        lambda X: 2 * X, real=True),
)  # fmt: skip

STRUCTURES = (
    Row("133", "G:kl S:klij T:ij",
        lambda G, S, T: ed.grad(ed.substitute(ed.sum(G * ed.tensor("A", "kl")), A=ed.einsum("klij,ij->kl", S, T)), T),
        "Σ_{k,l} G[k,l] S[k,l,i,j]", lambda G, S: es("kl,klij->ij", G, S),
        note="the entries of A are those of T as S says; G is ∂f/∂A"),
    Row("136", "X:ij G:kl A:ki B:jl",
        lambda X, G, A, B: ed.einsum("kl,klij->ij", G, ed.derive(A @ X @ B, X)), "Σ_{k,l} G[k,l] ∂U[k,l]/∂X[i,j]",
        lambda G, A, B: A.T @ G @ B.T, note="with U = A X B, as in 137; G is ∂g/∂U", spelled="Σ_{k,l} G[k,l] A[k,i] B[j,l]"),
    Row("137", "X:ij G:kl A:ki B:jl", lambda X, G, A, B: ed.vjp(A @ X @ B, X, G), "tr(Gᵀ ∂U/∂X[i,j])",
        lambda G, A, B: A.T @ G @ B.T, spelled="tr(Gᵀ Σ_{i,j} A[k,i] B[j,l])"),
    Row("138", "X:ii=symmetric a:i b:i", lambda X, a, b: independent(ed.grad(a @ X @ b, X)), "G + Gᵀ − diag(G)",
        lambda a, b: o(a, b) + o(b, a) - hadamard_i(o(a, b)), spelled="a bᵀ + b aᵀ − diag(a ∘ b)",
        note="`independent(G)` is `G + G.T - ed.diag(ed.diag(G))`, here with G = a bᵀ"),
    Row("139", "A:ii X:ii=symmetric", lambda A, X: independent(ed.grad(ed.trace(A @ X), X)), "A + Aᵀ − A ∘ I",
        lambda A: A + A.T - hadamard_i(A)),
    Row("140", "X:ii=symmetric", lambda X: independent(ed.grad(ed.det(X), X)), "det(X) (2 X⁻¹ − X⁻¹ ∘ I)",
        lambda X: det(X) * (2 * inv(X) - hadamard_i(inv(X))), real=True),
    Row("141", "X:ii=symmetric", lambda X: independent(ed.grad(ed.logdet(X), X)), "2 X⁻¹ − X⁻¹ ∘ I",
        lambda X: 2 * inv(X) - hadamard_i(inv(X)), real=True),
    Row("142", "A:ii X:ii=diagonal", lambda A, X: ed.project(ed.grad(ed.trace(A @ X), X), X), "A ∘ I", hadamard_i),
)  # fmt: skip

#: the sections of the book
SECTIONS = {
    "2 Differentials": DIFFERENTIALS,
    "2.1 Derivatives of a determinant": DETERMINANTS,
    "2.2 Derivatives of an inverse, 2.3 of eigenvalues": INVERSES,
    "2.4 Derivatives of matrices, vectors and scalar forms": FORMS,
    "2.4.3 Higher order and non-linear, 2.4.4 Gradient and Hessian": POWERS,
    "2.5 Derivatives of traces": TRACES,
    "2.6 Derivatives of vector norms, 2.7 of matrix norms": NORMS,
    "2.8 Derivatives of structured matrices": STRUCTURES,
}
#: what cannot be stated, and why
UNSTATED = {
    "67": "the differential of an eigenvalue: there is no function for single eigenvalues here",
    "68": "the differential of an eigenvector: there is no function for eigenvectors here",
}
#: equations that define something and state no derivative
DEFINITIONS = {
    "96": "the function that 97 and 98 derive",
    "134": "the name of the structure matrix, which is S in 133",
    "135": "the notation of the chain rule, which 136 states",
}
FIRST, LAST = 33, 142
