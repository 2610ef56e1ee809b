"""The derivation step by step."""

import re
from html import unescape
from xml.dom import minidom

import pytest

import einderiv as ed

SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")
x, A = ed.tensor("x", "n"), ed.tensor("A", "nn")

LINES = [
    (SEED, "X", "is,st,tj->ij   becomes   ab,st,tj->ijab"),
    (SEED, "X", "ia,sb,st,tj->ijab"),
    (SEED, "X", "δ[i,a] stays: i and a are both axes of the result, so it is 0 unless i = a"),
    (SEED, "X", "δ[s,b] goes: s is summed and an operand carries it, so s becomes b"),
    (SEED, "X", "ia,sb,st,tj->ijab   becomes   ia,bt,tj->ijab"),
    (SEED, "X", "cases     zero unless i = a"),
    (SEED, "X", "∂y[i,j]/∂X[a,b] = δ[i,a] Σ_t Y[b,t] P[t,j]"),
    (SEED, "Y", "is,st,tj->ij   becomes   is,ab,tj->ijab"),
    (SEED, -1, "is,st,tj->ij   becomes   is,st,ab->ijab"),
    ("ii->", 0, "δ[i,a] goes: i is summed, so a takes its place in the other delta"),
    ("ii->", 0, "δ[i,b] becomes δ[a,b]: i is summed, and a already stands for it"),
    ("ij->i", 0, "δ[j,b] goes: j is summed and in no other operand, and Σ_j δ[j,b] = 1"),
    ("ij->i", 0, "cases     the same for every b"),
    (
        ed.einsum("i,ij,j->", x, A, x),
        "x",
        "1. Replace the indices of x by new ones, occurrence 2 of 2",
    ),
    (ed.einsum("i,ij,j->", x, A, x), "x", "ja,i,ij->a   becomes   i,ia->a"),
    (ed.softmax(x), x, "softmax'(x) = diag(p) - p p^T"),
    (ed.relu(x), x, "relu'(x) = heaviside(x); relu'(0) = 0"),
    (
        ed.einsum("ij,j->i", "W2", ed.einsum("ij,j->i", "W1", "x")),
        "W1",
        "ij,ja,a->i   becomes   ij,bc,a->ibc",
    ),
    (SEED, ed.tensor("Z", "pq"), "zeros of shape [i, j, a, b]"),
    (ed.derive(SEED, "X"), "Y", "ia,bt,tj->ijab   becomes   ia,cd,tj->ijabcd"),
]


@pytest.mark.parametrize(("y", "wrt", "line"), LINES)
def test_a_line(y, wrt, line):
    assert line in [shown.strip() for shown in str(ed.explain(y, wrt)).splitlines()]


def test_with_sizes_there_are_shapes_and_costs():
    shown = str(ed.explain(SEED, "X", sizes=dict(i=4, s=5, t=3, j=1)))
    assert "shape (4, 1, 4, 5); in float64 the core takes 40 bytes, the dense tensor 640" in shown
    assert "total" in shown
    assert str(ed.explain(SEED, "X", sizes={"X": (4, 5), "Y": (5, 3), "P": (3, 1)})) == shown


def test_in_a_notebook_it_is_escaped_text():
    html = ed.explain(SEED, "X")._repr_mimebundle_()["text/html"]
    assert "The derivative of einsum(&quot;is,st" in html
    assert html.count("<details") == len(ed.explain(SEED, "X").sections)


def test_one_at_a_time():
    with pytest.raises(TypeError, match="one tensor"):
        ed.explain(SEED, ["X", "Y"])


def test_new_names():
    assert "ip,qt,tj->ijpq" in str(ed.explain(SEED, "X", indices="pq"))


def test_equal_occurrences_are_all_shown():
    shown = str(ed.explain(ed.einsum("i,i->", x, x), "x"))
    assert "occurrence 1 of 2" in shown
    assert "occurrence 2 of 2" in shown
    assert "∂y/∂x[a] = 2 x[a]" in shown
    assert str(ed.explain(ed.trace(A @ A @ A), "A")).count("Insert one delta") == 3


def test_sizes_are_given_for_all_axes_or_none():
    with pytest.raises(ed.ShapeError, match="axis 'c' no size"):
        ed.explain("bi,bi->b", 0, sizes={"b": 2})


def test_every_occurrence_ends_in_its_own_string():
    # The three terms of tr(A B A A) by A: where each stood, and what each became.
    e = ed.einsum("ij,jk,kl,li->", "A", "B", "A", "A")
    lines = [
        line.split() for line in str(ed.explain(e, "A")).splitlines() if "   becomes   " in line
    ]
    assert [line[-1] for line in lines] == [
        "ab,jk,kl,li->ab",
        "bk,kl,la->ab",
        "ij,jk,ab,li->ab",
        "ij,ja,bi->ab",
        "ij,jk,kl,ab->ab",
        "bj,jk,ka->ab",
    ]


def test_an_operand_that_is_broadcast():
    b, G = ed.tensor("b", "k"), ed.tensor("G", "nk")
    rows = ed.einsum("k->nk", b, sizes={"n": "n"})
    text = str(ed.explain(ed.einsum("nk,nk->", rows, G), b))
    assert "∂y/∂b[a] = Σ_n G[n,a]" in text
    twice = str(ed.explain(ed.einsum("nk,nk->", rows, rows), b))
    assert "occurrence 2 of 2" in twice
    assert "∂y/∂b[a] = 2 " in twice


WINDOW = ed.einsum("i+k,k->i", "x", ed.tensor("w", (3,)))
INDEXED = [  # what is derived, by what, and lines of its explanation
    (WINDOW, "x", ("a = i + k, so k = a − i", "∂y[i]/∂x[a] = w[a−i]", "zero unless 0 ≤ a − i < 3")),
    (WINDOW, "w", ("∂y[i]/∂w[a] = x[i+a]", "an index expression has it, so k becomes a")),
    (ed.einsum("i+1->i", "x"), "x", ("∂y[i]/∂x[a] = δ[a,i+1]", "zero unless a = i + 1")),
    (
        ed.einsum("(r[e])k,(c[e])k->e", "U", "V"),
        "U",
        ("∂y[e]/∂U[a,b] = δ[a,r[e]] V[c[e],b]", "zero unless a = r[e]"),
    ),
    (ed.einsum("ij->(i j)", ed.tensor("A", (2, 3))), "A", ("zero unless a = 3b + c",)),
]


@pytest.mark.parametrize(("y", "wrt", "lines"), INDEXED)
def test_relations_are_steps(y, wrt, lines):
    """What is read outside an axis is zero, and the relation says where."""
    own = "b" if y.ndim == 1 and y.axes[0] is None else "a"
    count = ed.derive(y, wrt).record.count
    names = "abcdef"["abcdef".index(own) :][:count]
    shown = str(ed.explain(y, wrt, indices=names))
    for line in lines:
        assert line in shown
    assert "the same for every" not in shown


def test_notebooks_typeset_the_steps():
    """Formulas of steps are MathML, with indices and in matrix notation; what is no formula stays text."""
    x, A = ed.tensor("x", "j"), ed.tensor("A", "ij")
    html = ed.explain(ed.sum(ed.tanh(A @ x) ** 2), x)._repr_mimebundle_()["text/html"]
    blocks = re.findall(r"<math.*?</math>", html)
    for block in blocks:
        minidom.parseString(block)
    texts = {unescape(re.sub(r"<[^>]*>", "", block)) for block in blocks}
    assert {"zi=∑jAij xj", "z=Ax", "dh=(1−h2)∘dz", "∂h∂z=diag(1−h2)"} <= texts
    plain = "\n".join(re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL))
    assert "source: NIST DLMF, 4.34" in plain
    assert "dh = " not in plain


def test_what_is_cut_off_in_text_is_no_longer_in_notebooks():
    y = ed.sum(sum(ed.exp(k * x) * ed.sin(k * x) for k in range(1, 60)))
    explanation = ed.explain(y, x)
    cut = [
        line for section in explanation.sections for line in section.lines if "more line" in line
    ]
    html = explanation._repr_mimebundle_()["text/html"]
    assert cut and all(line in html for line in cut)
