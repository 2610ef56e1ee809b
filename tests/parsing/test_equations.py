"""Index notation as input: what `formula` prints can be typed."""

import re
from dataclasses import replace

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Sizes, axis_names, tensors_of
from tests import index_programs as programs

x, w, A, B = (
    np.arange(10),
    np.array([1, 2, 3]),
    np.arange(12).reshape(3, 4),
    np.arange(20).reshape(4, 5),
)
U, V = np.arange(15).reshape(5, 3), np.arange(18).reshape(6, 3)
r, c, v = np.array([0, 4, 2, 2]), np.array([5, 1, 0, 0]), np.arange(4)
GIVEN = {
    "x": x,
    "w": w,
    "A": A,
    "B": B,
    "U": U,
    "V": V,
    "r": r,
    "c": c,
    "v": v,
    "s": 7,
    "z": x - 3,
    "a": x,
    "d": np.array([1, 0, 3]),
}
windows = np.lib.stride_tricks.sliding_window_view(x, 3)

VALUES = [  # a text, sizes, what it is in NumPy
    ("y[i] = x[i+k] * w[k]",                   {},       np.correlate(x, w)),
    ("y[i] = Σ_k x[i+k] w[k]",                 {},       np.correlate(x, w)),
    ("y[i] = sum_{k} x[i+k] w[k]",             {},       np.correlate(x, w)),
    ("y[i] = x[i-k] w[k]",                     {"i": 12}, np.convolve(x, w)),
    ("y[i+k] = x[i] w[k]",                     {},       np.convolve(x, w)),
    ("y[i] = x[2i+1]",                         {},       x[1::2]),
    ("y[i] = x[9 − i]",                        {"i": 10}, x[::-1]),
    ("y[i] = x[x.shape[0]−1−i]",               {"i": 10}, x[::-1]),
    ("a: n\ny[i] = a[n-1-i]",                  {"i": 10}, x[::-1]),
    ("y[i,j] = A[i,k] B[k,j]",                 {},       A @ B),
    ("y[j,i] = A[i,j]",                        {},       A.T),
    ("y = Σ_i x[i] z[i]",                      {},       x @ (x - 3)),
    ("y[] = x[i] z[i]",                        {},       x @ (x - 3)),
    ("y[i,i] = w[i]",                          {},       np.diag(w)),
    ("y[i,j] = δ[i,j] w[j]",                   {},       np.diag(w)),
    ("y[i,j] = delta[i,j] w[i] w[j]",          {},       np.diag(w * w)),
    # differences are taken where all reads are inside
    ("y[i] = x[i+1] − x[i]",                   {},       np.diff(x)),
    ("y[i] = (x[i+1] - x[i])**2",              {},       np.diff(x) ** 2),
    ("y[i] = x[i+1] − 2 x[i] + x[i]*2 - x[i+2]", {},     x[1:-1] - x[2:]),
    # and so are products, quotients, and what functions are applied to
    ("y[i] = x[i] x[i+1]",                     {},       x[:-1] * x[1:]),
    ("y[i] = x[i]/x[i+1]",                     {},       x[:-1] / x[1:]),
    ("y[i] = x[i+1]*abs(x[i])",                {},       x[1:] * x[:-1]),
    ("y[i] = abs(x[i+1])*x[i]",                {},       x[1:] * x[:-1]),
    ("y[i] = x[i] x[i+1]",                     {"i": 10}, x * np.append(x[1:], 0)),
    ("y = x[i]/x[i+1]",                        {},       (x[:-1] / x[1:]).sum()),
    ("y = Σ_i abs(x[i+1] - x[i])",             {},       9),
    ("y = Σ_i (x[i+1] - x[i])**2",             {},       9),
    ("y = max_i(x[i] - x[i+1])",               {},       -1),
    ("y = max_i(x[i]) max_i(w[i])",            {},       27),
    ("y[i] = z[i] + x[i+k] w[k]",              {},       (x - 3)[:8] + np.correlate(x, w)),
    ("y[i] = w[k] abs(x[i+k])",                {},       np.correlate(x, w)),
    ("y = Σ_i x[i]**2 x[i+1]",                 {},       x[:-1] ** 2 @ x[1:]),
    # ranges that are written
    ("y[i] = max_{k: k < 3}(x[i+k])",          {},       windows.max(1)),
    ("y = max_{i,k: i < 2, k < 3}(x[i+k])",    {},       3),
    ("y = Σ_{k: k < 3} x[k] + Σ_k w[k]",       {},       9),
    ("y = Σ_{k: k < 3} a[k]",                  {},       3),
    ("y = Σ_{k,e: k < max(r)+1} δ[k,r[e]]",    {},       4),
    ("y = Σ_{i,k: k < 3} δ[i,k]",              {},       3),
    ("y = Σ_{i,k: k < 3, i < 3} δ[i,k]",       {},       3),
    ("y = Σ_{i,k: k < 3, i < 2} δ[i,k+1]",     {},       1),
    # functions of whole arrays
    ("y[i,j] = tril(A)[i,j]",                  {},       np.tril(A)),
    ("y[i,j] = triu(A, 1)[i,j]",               {},       np.triu(A, 1)),
    ("y[i] = roll(x, 1)[i]",                   {},       np.roll(x, 1)),
    ("y[i] = cumsum(x)[i]",                    {},       np.cumsum(x)),
    ("y[i,j] = outer(x, z)[i,j]",              {},       np.outer(x, x - 3)),
    # masks
    ("y[i,j] = [j ≤ i] A[i,j]",                {},       np.tril(A)),
    ("y[i,j] = [i >= j] A[i,j]",               {},       np.tril(A)),
    ("y[i,j] = [0 <= i-j < 2] A[i,j]",         {},       np.tril(A) - np.tril(A, -2)),
    ("y[i,j] = [2j = 3i]",                     {"i": 3, "j": 4}, np.array([[1, 0, 0, 0], [0] * 4, [0, 0, 0, 1]])),
    ("y[i] = Σ_{j: j ≤ i} x[j]",               {"i": 10}, np.cumsum(x)),
    ("y[i] = Σ_{k: k < 3} x[i+k]",             {},       windows.sum(1)),
    ("y[i] = Σ_{k: k < 3} 1 + 0*x[i]",         {},       np.full(10, 3)),
    # index arrays
    ("y[e] = U[r[e],k] V[c[e],k]",             {},       (U[r] * V[c]).sum(1)),
    ("y[b] = Σ_i δ[b,d.shape[0]·i] w[i] d[i]", {"b": 9}, np.array([1, 0, 0, 0, 0, 0, 9, 0, 0])),
    ("y[r[e]] = v[e]",                         {"r": 5}, np.array([0, 0, 5, 0, 1])),
    ("y[a] = Σ_e δ[a,r[e]] v[e]",              {"a": 5}, np.array([0, 0, 5, 0, 1])),
    ("y[e] = x[r[d[e]]]",                       {},       x[r[[1, 0, 3]]]),
    ("y[e] = x[r[e] + 1]",                     {},       x[r + 1]),
    ("y[i] = A[i,i+0]",                        {},       np.diagonal(A)),
    ("y[i] = A[i+0,i]",                        {},       np.diagonal(A)),
    ("y[e] = A[r[e]+0,0]",                     {},       np.append(A[:, 0], 0)[np.minimum(r, 3)]),
    ("y[a] = Σ_e δ[a,r[e]+0] v[e]",            {"a": 3}, np.array([0, 0, 5])),
    # functions, quotients and powers
    ("y[i] = abs(x[i] - 4)",                   {},       abs(x - 4)),
    ("y[i] = maximum(x[i], z[i] + 4)",         {},       np.maximum(x, x + 1)),
    ("y[i,j] = A[i,j] + w[i]",                 {},       A + w[:, None]),
    ("y[i,j] = maximum(A[i,j], w[i])",         {},       np.maximum(A, w[:, None])),
    ("y[i] = s x[i] − 2(x[i] + 1)",            {},       7 * x - 2 * (x + 1)),
    ("y[i] = (A[i,k] + B[k,j])*(w[i] - w[i])", {},       np.zeros(3, int)),
    ("y = max_i(x[i])",                        {},       9),
    ("y[i] = max_j(A[i,j])",                   {},       A.max(1)),
    # several lines
    ("h[i] = x[i+k] w[k]\ny[i] = h[i+1] − h[i]   # the slope", {}, np.diff(np.correlate(x, w))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sizes", "value"), VALUES, ids=[text for text, _, _ in VALUES])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_values(text, sizes, value):
    e = ed.parse(text, tensors=SHAPES, sizes=sizes)
    found = ed.evaluate(e, GIVEN)
    assert np.shape(found) == np.shape(value)
    assert np.allclose(found, value, rtol=1e-15, atol=0)


SHAPES = {name: value.shape for name, value in GIVEN.items() if name not in "arcsdv"}
SHAPES["v"] = (4,)


def ones(size):
    return ed.einsum("->i", sizes={"i": size})


X, W, M = ed.tensor("x", (10,)), ed.tensor("w", (3,)), ed.tensor("A", (3, 4))
WINDOW = ed.einsum("i+k,k->i", X, W)
OBSERVED = ed.einsum("(r[e])k,(c[e])k->e", ed.tensor("U", (5, 3)), ed.tensor("V", (6, 3)))
ROWS = ed.derive(OBSERVED, "U")

TYPED = [
    ed.einsum("i+k,k->i", "x", "w"),
    WINDOW,
    ed.derive(WINDOW, "x"),
    ed.derive(WINDOW, "w"),
    ed.derive(ed.derive(ed.einsum("i+k,i+k,k->", X, X, W), X), X),
    ed.einsum("ia,ib->ab", ed.derive(WINDOW, "x"), ed.derive(WINDOW, "x")),
    ed.einsum("ia->a", ed.derive(WINDOW, "x")),
    ed.einsum("2i+1->i", X),
    ed.einsum("(-i+9)->i", X, sizes={"i": 10}),
    ed.derive(ed.einsum("i+1->i", X), "x"),
    ed.derive(ed.einsum("(i+0)->i", X, sizes={"i": 4}), "x"),
    OBSERVED,
    ROWS,
    ed.einsum("eab,ecd->abcd", ROWS, ROWS),
    ed.einsum("e,(c[e])->(r[e])", "v", X, sizes={"r": 5}),
    ed.einsum("(r[e+1])->e", X),
    ed.einsum("(r[e]+0)->e", X),
    ed.einsum("(s[f])->f", ed.einsum("(r[e])->e", X)),
    ed.einsum("(i-j),j->i", ones(10), X, sizes={"i": 10}),
    ed.einsum("(i-j),ij->ij", ones(3), M),
    ed.einsum("(i-j),ij->ij", ones(2), M),
    ed.einsum("(2j-3i)->ij", ones(1), sizes={"i": 5, "j": 7}),
    ed.einsum("(i+k)->i", X, sizes={"k": 3}),
    ed.einsum("ij->(i j)", M),
    ed.einsum("ij,kl->(i k)(j l)", M, ed.tensor("B", (2, 3))),
    ed.einsum("(h w)->hw", X, sizes={"h": 2}),
    ed.einsum("i+1->i", X) - ed.einsum("(i+0)->i", X, sizes={"i": 9}),
    ed.grad(ed.sum(ed.sin(WINDOW)), "w"),
    ed.einsum("i+1->i", ed.softmax(X, 0)),
    ed.derive("is,st,tj->ij", 0),
    ed.derive(ed.einsum("ij,j->i", M, ed.sin(ed.tensor("u", (4,)))), "u"),
    3 * X**2 - ed.exp(X) / 2,
    ed.softmax(M, 0),
    ed.logsumexp(M, 1),
    ed.inv(ed.tensor("S", (3, 3))),
    ed.det(ed.tensor("S", (3, 3)) + ed.tensor("T", (3, 3))),
    (1 + 2j) * X,
]


@pytest.mark.parametrize("e", TYPED, ids=ed.formula)
@pytest.mark.parametrize("plain", [False, True])
def test_what_is_printed_can_be_typed(e, plain):
    tensors = {name: t for name, t in tensors_of(e).items() if t.structure != "index"}
    assert ed.parse(ed.formula(e, ascii=plain), tensors=tensors, sizes=sizes_of(e)) == e


def sizes_of(e):
    known = Sizes().read([e])
    measures = zip(axis_names(e), map(known.known_measure, e.axis_sizes), strict=True)
    return {name: size for name, size in measures if size is not None}


def shifted(size=None, by=1, **more):
    sizes = {} if size is None else {"i": size}
    return ed.einsum(f"(i+{by})->i", "x", sizes=sizes, **more)


def over_windows(size):
    return ed.einsum("(i+k)->ik", "x", sizes={"k": size})


# what no axis of a result shows: all of it stands in the text
RANGES = [
    (ed.sum(shifted()),                             "Σ_{i: i < x.shape[0]−1} x[i+1]"),
    (ed.sum(ed.exp(shifted(4))),                    "Σ_{i: i < 4} exp(x[i+1])"),
    (ed.sum(ed.exp(shifted())),                     "Σ_{i: i < x.shape[0]−1} exp(x[i+1])"),
    (ed.sum(ed.exp(shifted(4)) * ed.tensor("z", "i")), "Σ_{i: i < 4} exp(x[i+1]) z[i]"),
    (ed.einsum("i,i+1->", "x", "x"),                "Σ_{i: i < x.shape[0]} x[i] x[i+1]"),
    (ed.sum(shifted(by=0, size=4)),                 "Σ_{i: i < 4} x[i]"),
    (ed.logsumexp(over_windows(3), (0, 1)),         "logsumexp_{i,k: i < x.shape[0]−2, k < 3}(x[i+k])"),
    (ed.sum(ed.logsumexp(over_windows(4), 1)),      "Σ_{i: i < x.shape[0]−3} logsumexp_{k: k < 4}(x[i+k])"),
    (ed.sum(ed.softmax(shifted(), 0) * shifted()),  "Σ_{i: i < x.shape[0]−1} softmax_i(x[i+1]) x[i+1]"),
    (ed.max(ed.exp(shifted(3)) + 1),                "max_{i: i < 3}(exp(x[i+1]) + 1)"),
    # nothing is said that follows
    (ed.sum(ed.exp(ed.tensor("x", "i"))),           "Σ_i exp(x[i])"),
    (ed.sum(ed.exp(ed.einsum("(r[e])->e", "x"))),   "Σ_e exp(x[r[e]])"),
    (ed.sum(ed.tanh(ed.einsum("i+k,k->i", X, W)) * ed.tensor("z", (8,))), "Σ_i tanh(Σ_k x[i+k] w[k]) z[i]"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "shown"), RANGES, ids=[shown for _, shown in RANGES])
@pytest.mark.parametrize("plain", [False, True])
def test_ranges_are_printed_where_no_axis_has_them(e, shown, plain):
    text = ed.formula(e, ascii=plain)
    if not plain:
        assert text == f"y = {shown}"
    tensors = {name: t for name, t in tensors_of(e).items() if t.structure != "index"}
    assert ed.parse(text, tensors=tensors) == e


def test_windows_of_other_lengths_print_otherwise():
    few, many = (ed.logsumexp(over_windows(n), 1) for n in (3, 4))
    assert ed.formula(few) != ed.formula(many)
    assert ed.latex(many).endswith(r"\operatorname{logsumexp}_{k:\, k < 4}\left(x_{i+k}\right)")


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("derived", [False, True])
def test_random_programs_within_functions(seed, derived):
    """Sums of functions of a program or of its derivative, typed again, have the same value."""
    program = replace(programs.drawn(seed), declared=True)
    arrays = programs.given(program)
    e = programs.expression(program)
    if derived:
        e = ed.derive(e, min(program.shapes))
    small = ed.tanh(0.01 * e)
    tensors = {k: np.shape(a) for k, a in arrays.items() if k in program.shapes}
    held = {}
    for name, array in program.arrays.items():
        if program.ways[name] != "input" and isinstance(array, np.ndarray):
            held[name] = array
    for each in (ed.sum(small), *([ed.logsumexp(small, 0)] if e.ndim else [])):
        want = ed.evaluate(each, arrays)
        sizes = dict(zip(axis_names(each), np.shape(want), strict=True))
        text = ed.formula(each, name="result")
        if not re.search(r"[\[{]", text):
            continue  # nothing of it has an index
        typed = ed.parse(text, tensors={**tensors, **held}, sizes=sizes)
        assert np.allclose(ed.evaluate(typed, arrays), want, rtol=1e-12, equal_nan=True), text


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed):
    """The formula of a program and of a derivative, typed again, has the same value."""
    program = replace(programs.drawn(seed), declared=True)
    arrays = programs.given(program)
    e = programs.expression(program)
    name = min(program.shapes)
    for each in (e, ed.derive(e, name)):
        text = ed.formula(each)
        tensors = {k: np.shape(a) for k, a in arrays.items() if k in program.shapes}
        held = {k: a for k, a in program.arrays.items() if program.ways[k] != "input"}
        want = ed.evaluate(each, arrays)
        sizes = dict(zip(axis_names(each), np.shape(want), strict=True))
        try:
            typed = ed.parse(text, tensors={**tensors, **held}, sizes=sizes)
        except ed.EinderivError as error:
            # the sizes of what nothing shows are not in a text
            assert "left open" in str(error) or "nothing" in str(error), text  # noqa: PT017
            continue
        assert np.array_equal(ed.evaluate(typed, arrays), want), text


ERRORS = [  # a text, what is wrong with it, and the character at the caret
    ("y[i] = x[i*k]",              "product of labels",                 "i*k"),
    ("y[i] = x[i+1] w[k",          "']' is missing",                    None),
    ("y[i] = x[a−i]",              "leaves the size of 'i' open|left open", "a−i"),
    ("y[i] = Σ_{k,k} x[k] w[i]",   "'k' is summed twice",               "k}"),
    ("y[i] = Σ_i x[i]",            "'i' is summed, and stands outside", "i x"),
    ("y[i] = Σ_j x[i]",            "'j' is summed, but nothing has it", "j x"),
    ("y[i] = x[i] x[i,i]",         "'x' has 1 index before, and 2 here", "x[i,i]"),
    ("y[i] = x[1.5]",              "whole numbers",                     "1.5"),
    ("y[i] = x[i] +",              "a factor is missing",               None),
    ("y[i] = x[i] $ 2",            "no sign of index notation",         "$"),
    ("y[i] = foo(x[i])",           "no function 'foo'",                 "foo"),
    ("y[i] = δ[i]",                "a delta has two indices",           "δ"),
    ("y[i] = [i] x[i]",            "a condition compares",              "] x"),
    ("y[i] = x[z.shape[0]+i]",     "there is no z.shape",               "z"),
    ("y[i] = x[i] / 0",            "division by the number 0",          "0"),
    ("y[i,j] = x[i]",              "the size of 'j' is left open",      None),
    ("y[i] = x[i]**w[i]",          "an exponent is a number",           "w"),
    ("y[i,j] = tril(A, 1, 2)[i,j]", "tril takes a, k, not 3 arguments",   "tril"),
    ("y[i] = exp(x, x)[i]",        "exp takes e, not 2 arguments",      "exp"),
    ("y[i] = maximum(x[i])",       "maximum takes a, b, not 1 argument", "maximum"),
    ("y[i] = max_{k: i < 3}(x[i+k])", "range of a label is written k < 3", "i < 3"),
    ("y[i] = max_{k}(x[i+k]) [j < max(x)]", "there is no index array 'x'", "x)]"),
    ("y[i] = max_{k: k < 3(x[i+k])", "'}' is missing|missing",            None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "match", "at"), ERRORS, ids=[text for text, _, _ in ERRORS])
def test_errors_have_a_caret(text, match, at):
    with pytest.raises(ed.EinderivError, match=match) as caught:
        ed.parse(text)
    if at is not None:
        assert text[caught.value.position :].startswith(at)


def test_an_error_shows_the_signs_of_a_formula():
    text = "∂²y[i]/∂x[a]∂x[b] = w[a−i]"
    with pytest.raises(ed.ShapeError, match=r"leaves the size of 'i' open") as caught:
        ed.parse(text)
    assert str(caught.value).endswith(f"    {text}\n    {' ' * text.index('a−i')}^")


@pytest.mark.parametrize("text", ["i+k,k->i", "i+1->i", "2i->i"])
def test_the_shape_of_a_derivative_says_what_its_formula_does_not(text):
    operands = ("x", "w")[: text.count(",") + 1]
    for e in (
        ed.einsum(text, *operands),
        ed.einsum(text, *operands) - ed.einsum(text, *operands) ** 2,
    ):
        J = ed.derive(e, "x")
        sizes = dict(zip(J.axes, J.shape, strict=True))
        assert ed.parse(ed.formula(J), sizes=sizes) == J
    assert ed.parse("∂d[t]/∂x[a] = δ[a,t+1] − δ[t,a]", sizes={"t": 3, "a": 4}).axes == ("t", "a")


def test_other_texts_are_no_index_notation():
    assert str(ed.parse("einsum('ij->i', A)")) == 'einsum("ij->i", A)'
    with pytest.raises(ed.EinderivError, match="index notation"):
        ed.parse("sum(x)", sizes={"i": 3})
