"""The derivation of sums and functions: every rule with its source, parts by name, products, limits."""

import numpy as np
import pytest
from formulas import NAMES, PARAMETERS

import einderiv as ed
from einderiv.expression import dressed, tensors_of
from einderiv.functions.table import ADDED, FUNCTIONS, apply
from einderiv.reports.named_steps import Parts
from einderiv.reports.steps import rule_of

x, A = ed.tensor("x", "j"), ed.tensor("A", "ij")
LOGISTIC = ed.parse("X: nd\nw: d\ny: n\nsum(log(1 + exp(-y * (X @ w))))")
SQUARES = ed.parse("X: nd\nw: d\ny: n\nmean((X @ w - y)**2)")
ATTENTION = ed.parse("Q: ik\nK: jk\nV: jd\nsoftmax(Q @ K.T) @ V")
Z = ed.tensor("Z", "ij", complex=True)


def lines_of(y, wrt):
    return [line.strip() for line in str(ed.explain(y, wrt)).splitlines()]


def of_tensors(name):
    """The function of tensors; of matrices of square ones."""
    row = FUNCTIONS[name]
    axes = "ii" if row.core == 2 else "ij"
    count = 3 if name == "sylvester" else max(len(row.derivatives), 1)
    tensors = tuple(ed.tensor(n, axes) for n in NAMES[:count])
    (parameters, *_) = PARAMETERS.get(name, [()])
    return apply(name, tensors, abs(row.core), parameters)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - set(ADDED)))
def test_every_row_of_the_table_is_explained(name):
    row = FUNCTIONS[name]
    for variable in NAMES[: max(len(row.derivatives), 1)]:
        text = str(ed.explain(of_tensors(name), variable))
        assert " ".join(rule_of(row).split()) in " ".join(text.split())
        assert f"source: {row.source}" in " ".join(text.split())
        assert f"1. y: chain rule, {name}\n" in text or f"1. f: chain rule, {name}\n" in text


def test_a_function_of_ones_own_is_explained_as_given():
    if "cubed_here" not in ADDED:
        ed.function("cubed_here", "{0} ** 3", lambda u: 3 * u**2)
    text = str(ed.explain(ADDED["cubed_here"](x), x))
    assert "source: given with ed.function" in text
    assert "∂y[j]/∂x[a] = 3 δ[j,a] x[j]²" in text


LINES = [
    (LOGISTIC, "w", "u[n] = softplus(z1[n])   u = softplus(z1)"),
    (LOGISTIC, "w", "2. z: constant factor rule"),
    (LOGISTIC, "w", "einsum: nd,d->n of X, w"),
    (LOGISTIC, "w", "du[n] = sigmoid(z1[n]) dz1[n]          du = sigmoid(z1) ∘ dz1"),
    (LOGISTIC, "w", "∂u[n]/∂z1[a] = δ[n,a] sigmoid(z1[n])   ∂u/∂z1 = diag(sigmoid(z1))"),
    (LOGISTIC, "w", "∂f/∂w[a] = Σ_{n,b,c} ∂f/∂u[n] ∂u[n]/∂z1[b] ∂z1[b]/∂z[c] ∂z[c]/∂w[a]"),
    (LOGISTIC, "w", "= Σ_{n,b,c} δ[n,b] sigmoid(z1[n]) (−δ[b,c] y[b]) X[c,a]"),
    (LOGISTIC, "w", "δ[n,b] goes: b is summed, so b becomes n"),
    (LOGISTIC, "w", "δ[n,c] goes: c is summed, so c becomes n"),
    (LOGISTIC, "w", "∂f/∂w = −Xᵀ (sigmoid(−y ∘ (X w)) ∘ y)"),
    (SQUARES, "w", "4. z1: product rule"),
    (SQUARES, "w", "d(a b) = da b + a db, one factor at a time"),
    (SQUARES, "w", "dz1[n] = dr[n] r[n]            dz1 = dr ∘ r"),
    (SQUARES, "w", "dz1[n] = r[n] dr[n]            dz1 = r ∘ dr"),
    (SQUARES, "w", "3. r: sum rule"),
    (SQUARES, "w", "dr[n] = dz[n]          dr = dz"),
    (SQUARES, "w", "∂f/∂w[a] = 2/n Σ_n r[n] X[n,a]   ∂f/∂w = 2 Xᵀ r / n"),
    (ATTENTION, "Q", "∂P[i,j]/∂Z[a,b] = δ[i,a] δ[j,b] P[i,j] − δ[i,a] P[i,j] P[i,b]"),
    (ATTENTION, "Q", "δ[i,a] stays: i and a are both axes of the result"),
    (ATTENTION, "Q", "δ[j,c] goes in its term: c is summed and becomes j"),
    (ATTENTION, "V", "Not varying with V: P."),
    (ed.tanh(A @ x), x, "dy[i] = (1 − y[i]²) dz[i]          dy = (1 − y²) ∘ dz"),
    (ed.exp(x @ ed.tensor("S", "jj") @ x), x, "path 2 of 2, y ← t ← x:"),
    (ed.sign(A @ x), x, "= 0"),
    (ed.sum(ed.exp(Z * ed.conj(Z))), ed.conj(Z), "∂y/∂conj(Z) = exp(Z ∘ conj(Z)) ∘ Z"),
    (ed.einsum("j,j->", ed.softmax(x), x), 0, "dy = Σ_j dA0[j] x[j]   dy = dA0ᵀ x"),
    (ed.einsum("j,j->", ed.softmax(x), x), 1, "y = Σ_j p[j] A1[j]       y = pᵀ A1"),
    (ed.einsum("j,j->", ed.softmax(x), "w"), 1, "y = Σ_j p[j] w[j]        y = pᵀ w"),
    (ed.exp(x), ed.tensor("T", "pq"), "zeros of shape [j, a, b]"),
    (ed.conj(Z) + 1, "Z", "zeros of shape [i, j, a, b]"),
    (ed.named(ed.tanh(A @ x), "H") * 2 + 1, x, "H[i] = tanh(z[i])        H = tanh(z)"),
]  # fmt: skip


@pytest.mark.parametrize(("y", "wrt", "line"), LINES)
def test_a_line(y, wrt, line):
    assert line in lines_of(y, wrt)


def net(depth, residual):
    h = ed.tensor("x", "i")
    for k in range(depth):
        W, b = ed.tensor(f"W{k}", "ii"), ed.tensor(f"b{k}", "i")
        step = ed.tanh(W @ h + b)
        h = h + step if residual else step
    return ed.sum(h * h)


EXPRESSIONS = {
    "logistic": (LOGISTIC, "w"),
    "squares": (SQUARES, "w"),
    "attention": (ATTENTION, "Q"),
    "quadratic in exp": (ed.exp(x @ ed.tensor("S", "jj") @ x), "x"),
    "log det": (ed.logdet(ed.tensor("X", "ij").T @ ed.tensor("X", "ij")), "X"),
    "a net": (net(3, residual=False), "W0"),
    "a residual net": (net(3, residual=True), "W1"),
    "the same part twice": (ed.sum(ed.exp(A @ x) * ed.exp(A @ x) + ed.sin(A @ x)), "x"),
    "a matrix function": (ed.inv(ed.tensor("S", "jj") @ ed.tensor("S", "jj")), "S"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_steps_multiply_to_the_derivative(name):
    """The slopes of the parts by each other, multiplied from the inside out by NumPy."""
    y, wrt = EXPRESSIONS[name]
    found = Parts(y, tensors_of(y)[wrt], "value")
    values = given(y)

    def at(e):
        e = dressed(e, origins=(y,))  # whose tensors say the sizes
        return np.asarray(ed.evaluate(e, {n: values[n] for n in tensors_of(e)}))

    for tensor, constant in found.constants:
        values[tensor.name] = at(constant)
    slopes = {wrt: np.eye(values[wrt].size).reshape(values[wrt].shape * 2)}
    for part in found.parts:
        values[part.name] = at(part.local)
        terms = []
        for below in part.reads:
            slope = at(ed.derive(part.local, below))
            terms.append(np.tensordot(slope, slopes[below], np.ndim(values[below])))
        slopes[part.name] = sum(terms)
    want = ed.evaluate(ed.derive(y, wrt), {n: values[n] for n in tensors_of(y)})
    np.testing.assert_allclose(slopes["value"], want, rtol=1e-9, atol=1e-9)


def given(y):
    sizes = dict(n=4, d=3, i=3, j=3, k=2)
    random = np.random.default_rng(7)
    found = {}
    for name, tensor in tensors_of(y).items():
        shape = [sizes.get(axis, 3) for axis in tensor.axes]
        found[name] = random.uniform(0.2, 1.0, shape)
    return found


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_it_is_read_in_80_columns_and_always_the_same(name):
    y, wrt = EXPRESSIONS[name]
    text = str(ed.explain(y, wrt))
    assert max(map(len, text.splitlines())) <= 80
    assert str(ed.explain(y, wrt)) == text


@pytest.mark.parametrize(("residual", "left"), [(False, "84 steps"), (True, "112 steps")])
def test_layers_that_repeat_are_left_out(residual, left):
    y = net(30, residual)
    text = str(ed.explain(y, "W0"))
    assert f"{left} left out" in text
    assert len(text.splitlines()) < 250
    assert max(map(len, text.splitlines())) <= 80


def test_of_many_different_steps_the_middle_is_left_out():
    functions = [ed.sin, ed.cos, ed.tanh, ed.exp, ed.arctan, ed.sigmoid]
    h = x
    for k in range(40):
        h = functions[(k * k + k // 7) % 6](h) if k % 5 else functions[k % 3](A @ h @ A)
    text = str(ed.explain(h, x))
    assert "too many to be shown" in text
    assert text.count("source: ") <= 21


def test_a_sum_of_many_parts_shows_some():
    y = ed.sum(ed.exp(x))
    for k in range(9):
        y = y + ed.sin(ed.sum(x * ed.tensor(f"c{k}", "j")))
    lines = lines_of(y, x)
    assert any(line.startswith("and so by t") for line in lines)


def test_a_notebook_has_the_steps():
    bundle = ed.explain(LOGISTIC, "w")._repr_mimebundle_()
    for text in (bundle["text/html"], bundle["text/plain"]):
        assert "4. u: chain rule, softplus" in text
        assert "6. Multiply them: the chain rule" in text
    assert bundle["text/html"].count("<details") == len(ed.explain(LOGISTIC, "w").sections)
    assert bundle["text/latex"].startswith(r"$\frac{\partial y}{\partial w_{a}} = ")


def test_names_of_changes_and_parts_are_free():
    """Tensors may be called as parts would be."""
    z, p = ed.tensor("z", "j"), ed.tensor("p", "i")
    lines = lines_of(ed.sum(ed.softmax(A @ z) * p), "z")
    assert "z1[i] = Σ_j A[i,j] z[j]    z1 = A z" in lines
    assert "p1[i] = softmax_i(z1[i])   p1 = softmax(z1)" in lines


NO_STRINGS = {  # no einsum string says all of their sizes
    "flip": (ed.flip(ed.tensor("X", "ni"), 0), "becomes"),
    "exp of cumsum": (ed.exp(ed.cumsum(ed.tensor("X", "ni"), 1)), "core"),
    "squares of cumsum": (ed.sum(ed.cumsum(ed.tensor("X", "ni")) ** 2), "no string can"),
}


@pytest.mark.parametrize("name", NO_STRINGS)
def test_what_has_no_string_is_explained(name):
    y, said = NO_STRINGS[name]
    text = str(ed.explain(y, "X"))
    assert said in text
    assert "∂y" in text


def test_what_is_too_large_for_a_formula_has_steps():
    h = x
    for k in range(400):
        h = ed.sin(h) if k % 2 else ed.exp(h)
    text = str(ed.explain(h, x))
    assert "limits.depth" in text
    assert "steps left out" in text
    assert len(text.splitlines()) < 100


def test_equal_parts_have_one_name():
    c = ed.tensor("c", "j")
    y = ed.exp(ed.sin(c)) * x + ed.exp(ed.sin(c)) * ed.cos(x) + ed.sqrt(ed.cos(x))
    lines = lines_of(y, x)
    assert "Not varying with x: e." in lines
    assert sum(line.endswith(": chain rule, cos") for line in lines) == 1


def test_lines_in_words_have_80_columns():
    text = "Q: query feature\nK: key feature\nV: key value\nsoftmax(Q @ K.T, axis=1) @ V"
    for wrt in "QKV":
        lines = str(ed.explain(ed.parse(text), wrt)).splitlines()
        assert max(map(len, lines)) <= 80
