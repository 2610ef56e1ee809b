"""A letter is one axis in all that is shown of an expression: in its formula, its strings, the
explanation, the picture, the plan and the code.
"""

import re

import numpy as np
import pytest

import einderiv as ed

ATTENTION = (
    "Q: query feature\nK: key feature\nV: key value\n"
    "softmax(einsum('query feature, key feature -> query key', Q, K), axis=1) @ V"
)
LETTERS = "Q: if\nK: jf\nV: jd\nsoftmax(Q @ K.T, axis=1) @ V"
NETWORK = "W: hidden input\nU: output hidden\nx: input\nU @ tanh(W @ x)"
LOSS = "X: sample feature\nw: feature\ny: sample\nsum(log(1 + exp(-y * (X @ w)))) + w @ w"
INVERSE = "X: nd\nlogdet(X.T @ X) + trace(X @ inv(X.T @ X) @ X.T)"
NAMED_AS_LETTERS = "a: i\nX: ij\nb: j\nexp(a @ X @ b) * a"
MIXED = "T: time k\nC: k channel\nexp(T @ C) @ C.T"
#: expressions, and what each is derived by, once or twice
EXAMPLES = [
    (ATTENTION, "Q"), (ATTENTION, "K"), (ATTENTION, "V"), (LETTERS, "Q"), (LETTERS, "K"), (NETWORK, "W"),
    (LOSS, "w"), (LOSS, "X"), (INVERSE, "X"), (NAMED_AS_LETTERS, "a"), (NAMED_AS_LETTERS, "X"), (MIXED, "T"),
    (MIXED, "C"),
]  # fmt: skip
ORDERS = [(text, wrt, 1) for text, wrt in EXAMPLES]
ORDERS += [(LETTERS, "Q", 2), (NETWORK, "x", 2), (LOSS, "w", 2), (NAMED_AS_LETTERS, "a", 2)]


def derived(text, wrt, order=1):
    y = ed.parse(text)
    J = y
    for _ in range(order):
        J = ed.derive(J, wrt)
    return y, J


def some_arrays(y):
    """Arrays for its tensors; each declared axis has a size of its own."""
    rng = np.random.default_rng(0)
    sizes = {}
    arrays = {}
    for name, tensor in ed.expression.tensors_of(y).items():
        shape = [sizes.setdefault(axis, 5 - len(sizes)) for axis in tensor.declared]
        arrays[name] = rng.normal(size=shape)
    return arrays


def axes_of(tensors, found):
    """Which declared axis each index is, of those that stand at tensors, by what is found there."""
    axes = {}
    for name, indices in found:
        if name in tensors:
            for index, declared in zip(indices, tensors[name].declared, strict=True):
                axes.setdefault(index, set()).add(declared)
    return axes


def in_formula(e, tensors):
    shown = re.findall(r"(\w+)\[([^\[\]]*)\]", ed.formula(e))
    return axes_of(tensors, [(name, indices.split(",")) for name, indices in shown])


def in_strings(e, tensors):
    found = []
    for term in e.terms:
        inputs = term.subscripts.partition("->")[0].split(",")
        found += [(str(one), own) for one, own in zip(term.operands, inputs, strict=True)]
    return axes_of(tensors, found)


@pytest.mark.parametrize(("text", "wrt", "order"), ORDERS)
def test_a_letter_is_one_axis(text, wrt, order):
    y, J = derived(text, wrt, order)
    tensors = ed.expression.tensors_of(y)
    for e in (y, J):
        formula, strings = in_formula(e, tensors), in_strings(e, tensors)
        assert all(len(axes) == 1 for axes in formula.values()), formula
        assert all(len(axes) == 1 for axes in strings.values()), strings
        for letter in formula.keys() & strings.keys():
            assert formula[letter] == strings[letter], (letter, ed.formula(e))
        assert not formula.keys() & (tensors.keys() - {"f"}), "an index called as a tensor"


@pytest.mark.parametrize(("text", "wrt", "order"), ORDERS)
def test_strings_are_legal_for_numpy(text, wrt, order):
    _, J = derived(text, wrt, order)
    for term in J.terms:
        assert re.fullmatch(r"[A-Za-z]*(?:,[A-Za-z]*)*->[A-Za-z]*", term.subscripts)
        output = term.subscripts.partition("->")[2]
        assert len(set(output)) == len(output)


# The derivative by V has no V, so that no array says how long its last axis is.
@pytest.mark.parametrize(("text", "wrt", "order"), [row for row in ORDERS if row[1] != "V"])
def test_formulas_with_primes_are_read_back(text, wrt, order):
    declarations = [line for line in text.split("\n") if re.match(r"\w+: ", line)]
    y, J = derived(text, wrt, order)
    for ascii in (False, True):
        shown = ed.formula(J, ascii=ascii)
        again = ed.parse("\n".join([*declarations, shown]))
        arrays = some_arrays(y)
        assert np.allclose(ed.evaluate(again, arrays), ed.evaluate(J, arrays)), shown


SHOWN = [
    # expression                            formula                                                        strings
    ("X: sample feature\nX @ X.T @ X",      "Σ_{feature′,sample′} X[sample,feature′] X[sample′,feature′] X[sample′,feature]", "sF,SF,Sf->sf"),
    ("X: sample feature\nX.T @ X",          "Σ_sample X[sample,feature] X[sample,feature′]",               "sf,sF->fF"),
    ("X: nd\nX.T @ X",                      "Σ_n X[n,d] X[n,a]",                                           "nd,na->da"),
    ("a: \nX: ij\nj: j\na * (X @ j)",       "Σ_j a X[i,j] j[j]",                                           ",ij,j->i"),  # as declared
]  # fmt: skip


@pytest.mark.parametrize(("text", "formula", "strings"), SHOWN)
def test_what_is_shown(text, formula, strings):
    e = ed.parse(text)
    assert ed.formula(e).partition(" = ")[2] == formula
    assert e.subscripts == strings


def test_no_index_is_called_as_a_tensor():
    e = ed.parse("a'*X*b", language="matlab", kinds="guess")
    assert ed.formula(e) == "y = Σ_{c,d} a[c] X[c,d] b[d]"
    assert e.subscripts == "c,cd,d->"
    J = ed.derive(e, "X")
    assert ed.formula(J) == "∂y/∂X[e,f] = b[f] a[e]"


@pytest.mark.parametrize(
    ("style", "prime"),
    [("formula", "X[sample,feature′]"), ("ascii", "X[sample,feature']"), ("latex", r"\mathrm{feature}'")],
)  # fmt: skip
def test_primes(style, prime):
    e = ed.parse("X: sample feature\nX.T @ X")
    shown = ed.latex(e) if style == "latex" else ed.formula(e, ascii=style == "ascii")
    assert prime in shown


def test_strings_in_words_can_be_typed():
    e = ed.parse("X: sample feature\nX.T @ X")
    assert str(e) == 'einsum("sample feature, sample feature2 -> feature feature2", X, X)'
    assert ed.einsum("sample feature, sample feature2 -> feature feature2", "X", "X") == e


def test_an_explanation_has_one_letter_for_an_axis():
    """The second key is one letter in the change, in the chain rule, and in the result."""
    lines = str(ed.explain(ed.parse(LETTERS), "Q"))
    assert "Σ_c P[i,j] P[i,c] dZ[i,c]" in lines
    assert re.search(r"∂Z\[\w,c\]/∂Q\[a,b\]", lines)
    assert "− δ[i,a] Σ_{j,c} P[i,j] P[i,c] K[c,b] V[j,d]" in lines
    assert "ij,ic,cb,jd->idib" in lines


def test_the_picture_has_the_letters_of_the_formula():
    _, J = derived(ATTENTION, "Q")
    labels = set(re.findall(r'data-label="([^"]*)"', str(ed.diagram(J))))
    assert labels == {"query", "key", "key′", "value", "b", "feature"}  # a is the query


def test_listings_have_them_as_variables():
    _, J = derived(NETWORK, "W")
    assert "for hidden in range(" in ed.source(J, "loops")
    e = ed.parse("X: sample feature\nX.T @ X")
    assert "for feature_ in range(" in ed.source(e, "loops")


def test_letters_do_not_depend_on_what_was_asked_before():
    shown = []
    for first in (ed.formula, str, ed.diagram, lambda e: [t.subscripts for t in reversed(e.terms)]):
        _, J = derived(LETTERS, "K")
        first(J)
        shown.append((ed.formula(J), [t.subscripts for t in J.terms], str(J)))
    assert shown == shown[:1] * len(shown)


def test_more_axes_than_letters():
    axes = [f"n{k}" for k in range(60)]
    e = ed.einsum(
        *[part for k in range(59) for part in (ed.tensor(f"M{k}", axes[k : k + 2]), [k, k + 1])],
        [0, 59],
    )
    with pytest.raises(ed.LimitError, match="60 labels are more than the 52 letters"):
        _ = e.subscripts
    assert "M0[a,b] M1[b,c]" in ed.formula(e)


def test_parts_keep_their_names_where_letters_run_out():
    """More labels than letters: those that follow have numbers, and none is called as a part or a tensor."""
    x, M = ed.tensor("x", [None]), ed.tensor("M0", [None, None])
    for k in range(1, 70):
        M = M @ ed.tensor(f"M{k}", [None, None])
    shown = ed.formula(ed.einsum("ij,j->", M, ed.named(ed.exp(x), "S")))
    whole, _, parts = shown.partition(" where")
    assert whole.endswith(" S[j]")
    assert parts.split(" = ") == ["\n    S[a]", "exp(x[a])"]
    labels = set(re.search(r"Σ_\{([^}]*)\}", whole)[1].split(","))
    assert len(labels) == 71
    assert not labels & {"S", "x"}
