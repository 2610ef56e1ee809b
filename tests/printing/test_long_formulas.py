"""Formulas of whole models: a page with named parts, on lines of 80 columns."""

import re

import numpy as np
import pytest

import einderiv as ed

t = ed.tensor


def block():
    """A block of a transformer: attention and two layers, each behind a layer norm, with a loss."""
    x, g = t("x", "sd"), t("g", "d")
    queries, keys = t("Wq", "de"), t("Wk", "de")
    values, W1, W2 = t("Wv", "dd"), t("W1", "df"), t("W2", "fd")

    def normed(x):
        return ed.einsum("sd,d->sd", ed.layer_norm(x, "d"), g)

    h = normed(x)
    P = ed.softmax(ed.einsum("sd,de,tf,fe->st", h, queries, h, keys.T), "t")
    y = x + P @ h @ values
    return ed.mean((y + ed.gelu(normed(y) @ W1) @ W2) ** 2), ("Wq", "Wv", "W1", "g", "x")


def likelihood():
    """The negative logarithm of the likelihood of a Gaussian process."""
    X, y = t("X", "nd"), t("y", "n")
    length, height, noise = t("ell", ""), t("h", ""), t("s", "")
    squares = ed.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2)
    K = ed.named(
        height**2 * ed.exp(-0.5 * squares / length**2) + noise**2 * ed.eye("n"),
        "K",
    )
    return 0.5 * y @ ed.solve(K, y) + 0.5 * ed.logdet(K), ("ell", "h", "s", "X", "y")


def control(steps=6, *, feedback):
    """The cost of a linear system with quadratic costs, by a gain or by each control."""
    A, B, K = t("A", "ii"), t("B", "iu"), t("K", "ui")
    Q, R = t("Q", "ii", symmetric=True), t("R", "uu", symmetric=True)
    x = x0 = t("x0", "i")
    cost = x0 @ Q @ x0
    for k in range(steps):
        u = -(K @ x) if feedback else t(f"u{k}", "u")
        x = A @ x + B @ u
        cost = cost + x @ Q @ x + u @ R @ u
    return cost, ("K", "A", "B", "x0") if feedback else ("u0", "u3", "A", "x0")


MODELS = {
    "transformer": block(),
    "Gaussian process": likelihood(),
    "feedback": control(feedback=True),
    "controls": control(feedback=False),
}
CASES = [(model, wrt) for model, (_, names) in MODELS.items() for wrt in names]


@pytest.mark.parametrize("style", ["auto", "index"])
@pytest.mark.parametrize(("model", "wrt"), CASES)
def test_a_gradient_fits_on_a_page(model, wrt, style):
    gradient = ed.grad(MODELS[model][0], wrt)
    shown = ed.formula(gradient, style=style, width=80)
    lines = shown.splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 80
    # every part that is named is used
    _, _, parts = shown.partition("where")
    names = re.findall(r"(?:where|,|\n)\s*(\w+)(?:\[[^\]]*\])? = ", "where" + parts)
    assert names
    for name in names:
        assert len(re.findall(rf"\b{name}\b", shown)) > 1, name


def test_parts_are_numbered_as_they_are_met():
    gradient = ed.grad(control(feedback=False)[0], "A")
    _, _, parts = ed.formula(gradient, style="auto").partition("where")
    names = re.findall(r"(\w+) = ", parts)
    assert names == ["r", *[f"r{k}" for k in range(1, len(names))]]
    assert len(names) == 10


def test_equal_terms_of_parts_are_collected():
    gradient = ed.grad(control(feedback=True)[0], "K")
    shown = ed.formula(gradient, style="auto")
    assert not re.search(r"(\br\d+\b) \+ \1\b", shown)
    assert "2 R K x0" in shown


def test_the_formula_of_the_controls_is_the_gradient():
    cost, _ = control(feedback=False)
    gradient = ed.grad(cost, "u0")
    whole = ed.formula(gradient, style="auto", name="f").split(" = ", 1)[1]
    right, _, parts = whole.partition("where")
    rng = np.random.default_rng(0)
    shapes = {"A": (3, 3), "B": (3, 2), "Q": (3, 3), "R": (2, 2), "x0": (3,)}
    shapes |= {f"u{k}": (2,) for k in range(6)}
    arrays = {name: rng.integers(-2, 3, shape) for name, shape in shapes.items()}
    for name in "QR":
        arrays[name] = arrays[name] + arrays[name].T
    known = dict(arrays)
    for name, text in reversed(re.findall(r"(\w+) = ([^\n,]+)", parts)):
        known[name] = in_python(text, known)
    assert (
        in_python(right, known) == ed.evaluate(gradient, {n: arrays[n] for n in needed(gradient)})
    ).all()


def needed(e):
    return ed.compile(e).tensors


def in_python(text, known):
    """A text of matrices and vectors, with a product for each blank between two of them."""
    spelt = re.sub(r"(\w)ᵀ", r"\1.T", " ".join(text.split())).replace("−", "-")
    spelt = re.sub(r"(?<=[\w)]) (?=[\w(])", " @ ", spelt)
    spelt = re.sub(r"\b2 @", "2 *", spelt)
    return eval(spelt, {}, dict(known))
