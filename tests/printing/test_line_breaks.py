"""Formulas on lines of a width that is asked for."""

import re

import pytest

import einderiv as ed
from einderiv.printing import broken, broken_lines, wrapped_prose, wrapped_words

BROKEN = [  # a line, the width, the lines
    ("y = a + b",                       80, ["y = a + b"]),
    ("y = a b c + d e f − g h i",       20, ["y = a b c + d e f", "    − g h i"]),
    ("y = a b (c + d) + e f g",         20, ["y = a b (c + d)", "    + e f g"]),
    # no sign outside of brackets: between factors
    ("y = aaaa (c + d) bbbb (e + f)",   24, ["y = aaaa (c + d) bbbb", "    (e + f)"]),
    # nor a factor: inside of brackets
    ("y = f(aaaaaaaaa + bbbbbbb + c)",  24, ["y = f(aaaaaaaaa", "    + bbbbbbb + c)"]),
    # a sum keeps its body, a sign its term, an equation its right side, if there is room
    ("y[i] = Σ_{k,l} A[i,k] B[k,l]",    22, ["y[i] = Σ_{k,l} A[i,k]", "    B[k,l]"]),
    ("y[i] = Σ_{k,l} A[i,k] B[k,l]",    20, ["y[i] = Σ_{k,l}", "    A[i,k] B[k,l]"]),
    # one factor that is too long stays whole
    ("aaaaaaaaaaaaaaaaaaaaaaaaaaaa",    20, ["aaaaaaaaaaaaaaaaaaaaaaaaaaaa"]),
    ("y = p p + q where p = A x + b",   22, ["y = p p + q", "    where p = A x + b"]),
    # a line that is indented goes on further to the right
    ("    y = a b c + d e f − g h i",   24, ["    y = a b c + d e f", "        − g h i"]),
    ("y = 1 +\n  z",                    20, ["y = 1 +", "  z"]),
    ("y = p where\n    p = aaaa bbbb cccc", 20, ["y = p where", "    p = aaaa bbbb", "        cccc"]),
    # an einsum string behind a comma, and where its word begins too early
    ("aaaa,bbbb,cccc,dddd,eeee->x",     20, ["aaaa,bbbb,cccc,dddd,", "    eeee->x"]),
    ("of aaaa,bbb(i+k),ccc,eeee->x",    20, ["of aaaa,bbb(i+k),", "    ccc,eeee->x"]),
    # behind a sum, or a sign of equality, where nothing else is left
    ("y[ii,jj] = Σ_{kk,ll} AAAA[ii,kk,ll,jj]", 24, ["y[ii,jj] = Σ_{kk,ll}", "    AAAA[ii,kk,ll,jj]"]),
    # no commas between indices
    ("AAAAAAAA[iiii,jjjj,kkkk,ll]",     20, ["AAAAAAAA[iiii,jjjj,kkkk,ll]"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "width", "lines"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken(line, width, lines):
    assert broken(line, width).split("\n") == lines
    assert broken(line, None) == line


@pytest.mark.parametrize(("line", "width", "lines"), BROKEN, ids=[row[0] for row in BROKEN])
def test_nothing_is_lost(line, width, lines):
    assert broken_lines(line, width) == lines
    assert "".join("".join(lines).split()) == "".join(line.split())


def test_words():
    assert wrapped_words("one two three", 8) == ["one two", "three"]
    assert wrapped_words("", 8) == []
    line = "    the shape of y, then that of x"
    assert wrapped_prose(line, 24) == "    the shape of y, then\n        that of x"
    assert wrapped_prose(line, None) == wrapped_prose(line, 80) == line


LONG = (
    "A: ij; B: ij; x: j; c: i; y = tanh(A @ x + c) * exp(B @ x - c); sum(y * y * c) + sum(log(c))"
)


@pytest.mark.parametrize("style", ["index", "matrix", "auto"])
@pytest.mark.parametrize("width", [20, 40, 80, 1000])
def test_a_width_changes_only_the_lines(style, width):
    for wrt in ("x", "c"):
        J = ed.grad(ed.parse(LONG), wrt)
        whole, shown = ed.formula(J, style=style), ed.formula(J, style=style, width=width)
        assert re.sub(r",?\s+", " ", shown) == re.sub(r",?\s+", " ", whole)
        for line in shown.split("\n"):
            # a line that is too long has no blank at which it could be broken
            assert len(line) <= width or not re.search(r"[^=+−\s] [^=+−]", line.strip())


def test_ascii():
    J = ed.grad(ed.parse(LONG), "c")
    lines = ed.formula(J, ascii=True, width=60).split("\n")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 60
    assert ed.formula(J, ascii=True, style="auto") == ed.formula(J, ascii=True)


@pytest.mark.parametrize(
    ("width", "kind", "message"),
    [
        (19, ed.EinderivError, "width of 19 columns is below 20"),
        ("80", TypeError, "width is a number of columns, not str"),
        (True, TypeError, "not bool"),
    ],
)
def test_widths_that_are_none(width, kind, message):
    with pytest.raises(kind, match=message):
        ed.formula(ed.tensor("x", "i"), width=width)


AUTO = [  # an expression, and the left side of its formula in the style "auto"
    (lambda: ed.parse("A: ij; x: j; A @ x"),                        "y"),
    (lambda: ed.derive("ij,jk,kl->il", 1),                          "∂y[i,l]/∂B[a,b]"),
    (lambda: ed.derive("ij,j->i", 1),                               "∂y/∂B"),
    (lambda: ed.parse("y[i] = x[i+k] * w[k]"),                      "y[i]"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "left"), AUTO)
def test_matrix_notation_of_what_is_small(make, left):
    assert ed.formula(make(), style="auto").partition(" = ")[0] == left
    in_indices = "[" in left
    same = ed.latex(make(), style="auto") == ed.latex(make(), style="index")
    assert same is in_indices
