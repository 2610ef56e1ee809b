"""Binding of operators, by languages whose operators write down what they are given."""

import pytest

import einderiv as ed
from einderiv.parsing.dialects import EINSUM, MATLAB
from einderiv.parsing.lexer import Source, tokens
from einderiv.parsing.syntax import Scope


def read(text, language):
    """The tree of a text, with all its parentheses."""
    text = Source(text)
    pieces = list(tokens(text, language.lexicon.pattern(), 0, len(text)))
    node, rest = language.read_line(text, Scope(text, {}), pieces)
    return written(node), len(rest)


def written(node):
    if not node.parts:
        return str(node.value)
    parts = [written(part) for part in node.parts]
    between = len(parts) == 2 and not node.value.isalpha()
    return f"({node.value.join(parts)})" if between else f"{node.value}({', '.join(parts)})"


@pytest.mark.parametrize(
    ("text", "language", "want"),
    [
        ("A + B * C", EINSUM, "(A+(B*C))"),
        ("A - B - C", EINSUM, "((A-B)-C)"),
        ("A / B * C", EINSUM, "((A/B)*C)"),
        ("A @ B @@ C * D", EINSUM, "(((A@B)@@C)*D)"),
        ("(A + B) * C", EINSUM, "((A+B)*C)"),
        ("A ^ B ^ C", EINSUM, "(A**(B**C))"),
        ("-A ^ B", EINSUM, "negative((A**B))"),
        ("-A * B", EINSUM, "(negative(A)*B)"),
        ("A * -B", EINSUM, "(A*negative(B))"),
        ("A ^ -B * C", EINSUM, "((A**negative(B))*C)"),
        ("A ^ --B ^ C", EINSUM, "(A**negative(negative((B**C))))"),
        ("- + A", EINSUM, "negative(positive(A))"),
        ("exp(A + B) ^ 2", EINSUM, "(exp((A+B))**2)"),
        ("|A + |B|| - 1", EINSUM, "(abs((A+abs(B)))-1)"),
        ("||A||^2", EINSUM, "(norm(A)**2)"),
        ("maximum(A, B + C)", EINSUM, "maximum(A, (B+C))"),
        ("#('ij,jk->ik', A, B + C) * D", EINSUM, "(einsum(ij,jk->ik, A, (B+C))*D)"),
        ("#(ij->i; (A))", EINSUM, "einsum(ij->i, A)"),
        ("A + B C", EINSUM, "(A+B)"),
        ("A^B^C", MATLAB, "((A^B)^C)"),
        ("A^B'", MATLAB, "T((A^B))"),
        ("A*B'", MATLAB, "(A*T(B))"),
        ("-A'", MATLAB, "negative(T(A))"),
        ("-A.^2", MATLAB, "negative((A.^2))"),
        ("2^-A*B", MATLAB, "((2^negative(A))*B)"),
        ("2.^-A", MATLAB, "(2.^negative(A))"),
        ("2.*A./B", MATLAB, "((2.*A)./B)"),
        ("(A*B)''", MATLAB, "T(T((A*B)))"),
        ("norm2(A*x - y)^2", MATLAB, "(norm2(((A*x)-y))^2)"),
        ("sum(A')'", MATLAB, "T(sum(T(A)))"),
    ],
)
def test_binding(text, language, want):
    tree, left = read(text, language)
    assert tree == want
    assert left == ("C" in text.split() and text.endswith("B C"))


def test_long_chains_need_no_stack():
    tree, _ = read("+".join(["A"] * 300), EINSUM)
    assert tree.count("+") == 299
    with ed.limits.override(depth=900):
        text = "(" * 800 + "A" + ")" * 800
        assert ed.parse(text, language="einsum") == ed.tensor("A", "ij")
