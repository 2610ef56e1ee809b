"""Formulas in Unicode, ASCII and LaTeX."""

import numpy as np
import pytest

import einderiv as ed

x, y, A = ed.tensor("x", "n"), ed.tensor("y", "n"), ed.tensor("A", "nm")
SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")

TABLE = [
    (lambda: SEED,                         "y[i,j] = Σ_{s,t} X[i,s] Y[s,t] P[t,j]"),
    (lambda: ed.derive(SEED, "X"),         "∂y[i,j]/∂X[a,b] = δ[i,a] Σ_t Y[b,t] P[t,j]"),
    (lambda: ed.derive(SEED, "Y"),         "∂y[i,j]/∂Y[a,b] = X[i,a] P[b,j]"),
    (lambda: ed.derive(SEED, 1),           "∂y[i,j]/∂Y[a,b] = X[i,a] P[b,j]"),
    (lambda: ed.derive(ed.derive(SEED, "X"), "Y"), "∂²y[i,j]/∂X[a,b]∂Y[c,d] = δ[i,a] δ[b,c] P[d,j]"),
    (lambda: ed.derive("ii->", 0),         "∂y/∂A[a,b] = δ[a,b]"),
    (lambda: ed.derive("ij->", 0),         "∂y/∂A[a,b] = 1"),
    (lambda: ed.grad(ed.norm_squared(x), x), "∂y/∂x[a] = 2 x[a]"),
    (lambda: 3 * x - y,                    "y[n] = 3 x[n] − y[n]"),
    (lambda: (x + y) * x,                  "y[n] = (x[n] + y[n]) x[n]"),
    (lambda: ed.tanh(x) * ed.tensor("s", ""), "y[n] = tanh(x[n]) s"),
    (lambda: ed.softmax(A, 0),             "y[n,m] = softmax_n(A[n,m])"),
    (lambda: ed.logsumexp(A, "m"),         "y[n] = logsumexp_m(A[n,m])"),
    (lambda: ed.mean(x),                   "y = 1/n Σ_n x[n]"),
    (lambda: x**2.5,                       "y[n] = x[n]^(5/2)"),
    (lambda: x - x,                        "y[n] = 0"),
    (lambda: (1 + 2j) * x,                 "y[n] = ((1+2j)) x[n]"),
    (lambda: (-1 + 0j) * x,                "y[n] = ((-1+0j)) x[n]"),
    (lambda: ed.derive(SEED, ed.tensor("Z", "p")), "∂y[i,j]/∂Z[a] = 0"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "formula"), TABLE)
def test_unicode(make, formula):
    assert ed.formula(make()) == formula


@pytest.mark.parametrize(("make", "_"), TABLE)
def test_ascii_is_ascii_and_latex_balances(make, _):
    e = make()
    assert ed.formula(e, ascii=True).isascii()
    shown = ed.latex(e)
    assert shown.isascii()
    assert shown.count("{") == shown.count("}")
    assert shown.count(r"\left") == shown.count(r"\right")


def test_the_left_hand_side_has_a_name():
    shown = ed.formula(ed.derive(SEED, "X"), name="Q", ascii=True)
    assert shown == "dQ[i,j]/dX[a,b] = delta[i,a] sum_{t} Y[b,t] P[t,j]"
    with pytest.raises(ed.ParseError, match="left-hand side"):
        ed.formula(SEED, name=r"\input{x}")


@pytest.mark.parametrize(
    ("make", "latex"),
    [
        (
            lambda: ed.derive(SEED, "X"),
            r"\frac{\partial y_{ij}}{\partial X_{ab}} = \delta_{i a} \sum_{t} Y_{bt} P_{tj}",
        ),
        (
            lambda: ed.tensor("my_x", "first second"),
            r"y_{\mathrm{first},\mathrm{second}} = "
            r"\mathrm{my\_x}_{\mathrm{first},\mathrm{second}}",
        ),
        (lambda: ed.sqrt(x), r"y_{n} = \sqrt{x_{n}}"),
        (
            lambda: ed.derive(ed.einsum("αj,jé->αé", "X", "Y"), "X"),
            r"\frac{\partial y_{{\alpha}\text{é}}}{\partial X_{ab}} = "
            r"\delta_{{\alpha} a} Y_{b\text{é}}",
        ),
        (
            lambda: ed.einsum("λ_Ω _,_->λ_Ω", "X", "y"),
            r"y_{\mathrm{{\lambda}\_{\Omega}}} = "
            r"\sum_{\_} X_{\mathrm{{\lambda}\_{\Omega}},\_} y_{\_}",
        ),
    ],
)
def test_latex(make, latex):
    assert ed.latex(make()) == latex


def test_bound_indices_never_capture():
    # The inner sum runs over what the outer formula already uses.
    B = ed.tensor("B", "ij")
    inner = ed.tanh(ed.einsum("ij,j->i", B, "v"))
    assert ed.formula(ed.einsum("ij,j->i", B, inner)) == "y[i] = Σ_j B[i,j] tanh(Σ_a B[j,a] v[a])"


def test_depth_is_limited():
    e = x
    for _ in range(300):
        e = ed.tanh(e)
    with pytest.raises(ed.LimitError, match=r"ed\.limits\.depth"):
        ed.formula(e)


def test_what_is_shared_is_printed_within_a_limit():
    e = x
    for _ in range(40):  # 2^40 parts
        e = e + ed.tanh(e)
    with pytest.raises(ed.LimitError, match=r"ed\.limits\.parts"):
        ed.formula(e)
    assert len(str(e)) <= 1001
    assert len(str(ed.derive(e, "x"))) <= 1001


LOSS = ed.parse("sum((T - einsum('nk,mk->nm', U, V))**2)")
v = ed.tensor("v", "n")
MATRIX = [  # an expression, in matrix notation, in LaTeX
    (
        ed.grad(LOSS, "U"),
        "∂y/∂U = −2 (T − U Vᵀ) V",
        r"\frac{\partial y}{\partial U} = -2 (T - U V^{\top}) V",
    ),
    (
        ed.hessian(ed.einsum("i,ij,j->", v, "A", v), v),
        "∂²y/∂v∂v = A + Aᵀ",
        r"\frac{\partial^{2} y}{\partial v\partial v} = A + A^{\top}",
    ),
    (
        ed.derive(ed.einsum("ij,jk,kl->il", "A", "X", "B"), "X"),
        "∂vec(y)/∂vec(X) = Bᵀ ⊗ A",
        r"\frac{\partial \operatorname{vec}(y)}{\partial \operatorname{vec}(X)} = B^{\top} \otimes  A",
    ),
    (
        ed.hessian(ed.einsum("ij,ij->", "X", "X"), "X"),
        "∂²y/∂vec(X)∂vec(X) = 2 I ⊗ I",
        r"\frac{\partial^{2} y}{\partial \operatorname{vec}(X)\partial \operatorname{vec}(X)} = 2 I \otimes  I",
    ),
    (ed.einsum("ij,kl->ikjl", "X", "Y"), "y = Y ⊗ X", r"y = Y \otimes  X"),
    (
        ed.grad(ed.logdet(ed.tensor("S", "ij")), "S"),
        "∂y/∂S = S⁻ᵀ",
        r"\frac{\partial y}{\partial S} = S^{-\top}",
    ),
    (ed.norm(v), "y = ‖v‖", r"y = \|v\|"),
    (ed.matrix_power(ed.tensor("A", "ij"), 12), "y = A¹²", "y = A^{12}"),
    (ed.einsum("ijk->ikj", "T"), "y[i,k,j] = T[i,j,k]", "y_{ikj} = T_{ijk}"),
    (
        ed.trace(ed.tensor("long_name", "ij")),
        "y = tr(long_name)",
        r"y = \operatorname{tr} (\mathrm{long\_name})",
    ),
]


@pytest.mark.parametrize(("e", "text", "tex"), MATRIX, ids=[text for _, text, _ in MATRIX])
def test_matrix_notation(e, text, tex):
    assert ed.formula(e, style="matrix") == text
    assert ed.latex(e, style="matrix") == tex


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"style": "matrx"}, "no style is called 'matrx'.*matrix"),
        ({"style": "matrix", "ascii": True}, "no ASCII form"),
    ],
)
def test_styles_that_are_not_there(options, match):
    with pytest.raises(ed.EinderivError, match=match):
        ed.formula(LOSS, **options)


M = ed.tensor("M", "ii")
CORES = [
    # expression                 text                            LaTeX
    (ed.matrix_power(M, 3),      "matrix_power(M, 3)[i,a]",      r"\left[M^{3}\right]_{ia}"),
    (ed.softmax(M).T,            "softmax_i(M[a,i])",            r"\operatorname{softmax}_{i}\left(M_{ai}\right)"),
    (ed.trace(ed.softmax(M)),    "Σ_i softmax_a(M[i,a])[i]",
     r"\sum_{i} \left[\operatorname{softmax}_{a}\left(M_{ia}\right)\right]_{i}"),
    (ed.inv(M @ M),              "inv_b,c(Σ_d M[b,d] M[d,c])[i,a]",
     r"\left[\left(\sum_{d} M_{bd} M_{dc}\right)_{b,c}^{-1}\right]_{ia}"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "text", "tex"), CORES)
def test_an_index_of_a_function_is_bound_once(e, text, tex):
    assert ed.formula(e).split(" = ")[1] == text
    assert ed.latex(e).split(" = ")[1] == tex


# ---- index expressions
WINDOW = ed.einsum("i+k,k->i", "x", "w")
X10, W3 = ed.tensor("x", (10,)), ed.tensor("w", (3,))
NUMBERS = ed.einsum("i+k,k->i", X10, W3)
OBSERVED = ed.einsum("(r[e])k,(c[e])k->e", "U", "V")
ROWS = ed.derive(OBSERVED, "U", indices="ab")


def ones(size):
    return ed.einsum("->i", sizes={"i": size})


INDEXED = [
    (WINDOW,                                            "y[i] = Σ_k x[i+k] w[k]"),
    (ed.derive(WINDOW, "x", indices="a"),               "∂y[i]/∂x[a] = w[a−i]"),
    (ed.derive(WINDOW, "w", indices="a"),               "∂y[i]/∂w[a] = x[i+a]"),
    (ed.einsum("2i+1->i", "x"),                         "y[i] = x[2i+1]"),
    (ed.einsum("(-i+9)->i", X10, sizes={"i": 10}),      "y[i] = x[9−i]"),
    # deltas, those of two axes as ever
    (ed.derive(ed.einsum("i+1->i", "x"), "x", indices="a"), "∂y[i]/∂x[a] = δ[a,i+1]"),
    (ed.derive(ed.einsum("(i+0)->i", X10, sizes={"i": 4}), "x", indices="a"), "∂y[i]/∂x[a] = δ[i,a]"),
    (ed.derive(ed.einsum("ij->(i j)", ed.tensor("A", (2, 3))), "A", indices="bc", ), "∂y[a]/∂A[b,c] = δ[a,3b+c]"),
    # index arrays
    (OBSERVED,                                          "y[e] = Σ_k U[r[e],k] V[c[e],k]"),
    # of axes of two sizes one has the label, the others a sum
    (ed.einsum("i(i+0)->i", ed.tensor("A", (4, 3))),    "y[i] = A[i,i+0]"),
    (ed.einsum("(i+0)->i", X10, sizes={"i": 4}),        "y[i] = x[i+0]"),
    (ed.einsum("(r[e]+0)->e", "x"),                     "y[e] = x[r[e]+0]"),
    (ed.derive(ed.einsum("(r[e]+0)->e", "x"), "x", indices="a"), "∂y[e]/∂x[a] = δ[a,r[e]+0]"),
    (ed.derive(ed.einsum("r[e]->e", "x"), "x", indices="a"), "∂y[e]/∂x[a] = δ[a,r[e]]"),
    (ROWS,                                              "∂y[e]/∂U[a,b] = δ[a,r[e]] V[c[e],b]"),
    (ed.einsum("eab,ecd->abcd", ROWS, ROWS),            "y[a,b,c,d] = δ[a,c] Σ_e δ[a,r[e]] V[c[e],b] V[c[e],d]"),
    (ed.einsum("e,(c[e])->(r[e])", "v", "x", sizes={"r": 5}), "y[a] = Σ_e δ[a,r[e]] v[e] x[c[e]]"),
    (ed.einsum("(s[f])->f", ed.einsum("(r[e])->e", "x")), "y[f] = x[r[s[f]]]"),
    (ed.einsum("(r[e+1])->e", "x"),                     "y[e] = x[r[e+1]]"),
    (ed.one_hot([2, 0], 3),                             "y[a,b] = δ[b,ids[a]]"),
    # masks and ranges; what is sure is not said
    (ed.einsum("(i-j),j->i", ones(5), ed.tensor("x", (5,)), sizes={"i": 5}), "y[i] = Σ_{j: j ≤ i} x[j]"),
    (ed.einsum("(i-j),ij->ij", ones(5), ed.tensor("A", (5, 5))), "y[i,j] = [j ≤ i] A[i,j]"),
    (ed.einsum("(i-j),ij->ij", ones(2), ed.tensor("A", (5, 5))), "y[i,j] = [0 ≤ i−j < 2] A[i,j]"),
    (ed.einsum("(2j-3i)->ij", ones(1), sizes={"i": 5, "j": 7}), "y[i,j] = [2j = 3i]"),
    (ed.einsum("(i+k)->i", X10, sizes={"k": 3}),        "y[i] = Σ_{k: k < 3} x[i+k]"),
    (ed.einsum("ia->a", ed.derive(NUMBERS, "x", indices="a")), "y[a] = Σ_{k: 0 ≤ a−k < 8} w[k]"),
    # sizes by numbers where they are known, else by name
    (ed.einsum("ij->(i j)", ed.tensor("A", (2, 3))),    "y[a] = Σ_i A[i,a−3i]"),
    (ed.einsum("ij->(i j)", "A"),                       "y[a] = Σ_i A[i,a−A.shape[1]·i]"),
    (ed.einsum("(h w)->hw", "x", sizes={"h": 2}),       "y[h,w] = x[(x.shape[0]//2)·h+w]"),
    # a function of what is outside is not 0: its range is said
    (ed.einsum("i+1->i", ed.exp(X10)),                  "y[i] = exp(x[i+1])"),
    (ed.einsum("i+1->i", ed.exp(X10), sizes={"i": 10}), "y[i] = [i+1 < 10] exp(x[i+1])"),
    (ed.einsum("i+1->i", ed.softmax(X10, 0)),           "y[i] = softmax(x)[i+1]"),
    (ed.einsum("2i+1->i", X10 * X10 + 1),               "y[i] = (x[2i+1]² + 1)"),
    # what a delta implies is not said once more
    (ed.hessian(ed.sum((X10[1:] - X10[:-1]) ** 2), X10), "∂²y/∂x[b]∂x[c] = −2 δ[c,b+1] + 2 δ[b,c] [b < 9] + 2 δ[b,c] [1 ≤ b] − 2 δ[b,c+1]"),
    # of one place there is no sum
    (np.gradient(X10),                                  "y[a] = δ[a,0] (x[1] − x[0]) + 0.5 [0 ≤ a−1 < 8] (x[a+1] − x[a−1]) + δ[a,9] (x[9] − x[8])"),
    (ed.sum(ed.exp(X10[4:5])),                          "y = exp(x[4])"),
    (ed.mean(X10[ed.constant(np.array([[0, 2], [3, 1]]), name="r")], 1), "y[a] = 0.5 Σ_c x[r[a,c]]"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "shown"), INDEXED, ids=[shown for _, shown in INDEXED])
def test_index_expressions(e, shown):
    assert ed.formula(e) == shown
    plain = ed.formula(e, ascii=True)
    assert plain.isascii()
    # there is no form in matrices but for `vec`, and what undoes it
    matrices = {"y[a] = Σ_i A[i,a": "y = vec(Aᵀ)", "y[h,w] = x[": "y = unvec(x)ᵀ"}
    found = [form for begins, form in matrices.items() if shown.startswith(begins)]
    assert ed.formula(e, style="matrix") == (found[0] if found else shown)


def test_an_axis_of_size_1_is_no_sum():
    A = ed.tensor("A", "ij")
    assert ed.formula(A / ed.sum(A, 1, keepdims=True)) == "y[i,j] = A[i,j] / (Σ_a A[i,a])"


@pytest.mark.parametrize(
    ("e", "shown"),
    [
        (ROWS, r"\frac{\partial y_{e}}{\partial U_{ab}} = \delta_{a,r_{e}} V_{c_{e},b}"),
        (
            ed.einsum("(i+k)->i", X10, sizes={"k": 3}),
            r"y_{i} = \sum_{k:\, k < 3} x_{i+k}",
        ),
        (
            ed.einsum("(h w)->hw", "x", sizes={"h": 2}),
            r"y_{hw} = x_{(\lfloor\mathrm{x.shape[0]}/2\rfloor)\,h+w}",
        ),
        (
            ed.einsum("(i-j),ij->ij", ones(5), ed.tensor("A", (5, 5))),
            r"y_{ij} = [j \le i] A_{ij}",
        ),
    ],
)
def test_index_expressions_in_latex(e, shown):
    assert ed.latex(e) == shown


def test_a_size_is_not_called_as_a_label_is():
    row = ed.tensor("x", "n")
    e = ed.einsum("(i+k)->i", row, sizes={"k": "n", "i": 4})
    assert ed.formula(e) == "y[i] = Σ_{k: k < n} x[i+k]"
    e = ed.einsum("(n+k)->n", row, sizes={"k": "n", "n": 4})
    assert ed.formula(e) == "y[n] = Σ_{k: k < x.shape[0]} x[n+k]"


def test_held_index_arrays_have_names():
    e = ed.einsum("(rows[e])->e", "x", rows=np.array([3, 1]))
    assert ed.formula(e) == "y[e] = x[rows[e]]"
