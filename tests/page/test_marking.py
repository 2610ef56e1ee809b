"""Labels in lines, strings and formulas."""

import pytest

import einderiv as ed
from einderiv.page.marking import labels_of, marked_latex, segments, shortened, string
from einderiv.printing import subscript_letters
from einderiv.reports import explain


def marked(line, labels, words=None):
    return "".join(f"<{text}>" if label else text for text, label in segments(line, labels, words))


LINES = [
    ("is,st->it   becomes   ab,st->it",            "<i><s>,<s><t>-><i><t>   becomes   <a><b>,<s><t>-><i><t>"),
    ("δ[i,a] goes: s is summed and a carries it",  "δ[<i>,<a>] goes: <s> is summed and a carries it"),
    ("y[i] = Σ_{s,t} A[i,s] B[t]",                 "y[<i>] = Σ_{<s>,<t>} A[<i>,<s>] B[<t>]"),
    ("zero unless i = a and s = b",                "zero unless <i> = <a> and <s> = <b>"),
    ("a sum is derived term by term",              "a sum is derived term by term"),
    ("Σ_s δ[s,b] = 1",                             "Σ_<s> δ[<s>,<b>] = 1"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "want"), LINES)
def test_lines(line, want):
    assert marked(line, "istab") == want


def test_no_character_is_lost():
    y = ed.parse("X: sample feature\nw: feature\nsum(log(sigmoid(X @ w)))")
    for section in explain(y, "w").sections:
        for line in section.lines:
            assert "".join(text for text, _ in segments(line, ["sample", "feature", "a"])) == line


def test_letters_that_shorten_words():
    J = ed.derive(ed.einsum("batch feature, feature -> batch", "X", "w"), "w")
    words = shortened(J)
    assert set(words.values()) == {"batch", "a"}
    assert {label for _, label in string(subscript_letters(J), words)} == {None, "batch", "a"}
    assert labels_of([J]) == ["batch", "a"]


def test_a_formula_has_a_colour_for_each_label():
    latex, colours = marked_latex(ed.derive("ij,j->i", 1))
    assert sorted(colours.values()) == ["a", "i"]
    plain = latex
    for colour, name in colours.items():
        plain = plain.replace(rf"\textcolor{{{colour}}}{{{name}}}", name)
    assert plain == ed.latex(ed.derive("ij,j->i", 1))
