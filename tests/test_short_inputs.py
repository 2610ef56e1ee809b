"""Texts of fewer than 200 characters that once asked for seconds: what is done about them is counted.

An answer, or an error of ours, after a bounded number of calls. Those of a picture are short ones.
"""

import pytest
from work import Calls

import einderiv as ed

pytestmark = pytest.mark.slow

MOST = 5_000_000
MOST_OF_PICTURES = 12_000_000


def steps(line, count, start="A: i i\nB=A"):
    """The same line again and again, each of what the line before gave."""
    text, name = start, "B"
    for k in range(count):
        new = chr(ord("C") + k)
        text += f"\n{new}={line.replace('#', name)}"
        name = new
    return f"{text}\n{name}"


def nested(before, inner, after, depth):
    return "A: i i\nB: i i\nC: i i\n" + before * depth + inner + after * depth


def derivative(e):
    return ed.derive(e, "A")


WAYS = {
    "formula": ed.formula,
    "latex": ed.latex,
    "matrix": lambda e: ed.formula(e, style="matrix"),
    "matrix, latex": lambda e: ed.latex(e, style="matrix"),
    "explain": lambda e: str(ed.explain(e, "A")),
    "diagram": lambda e: str(ed.diagram(e)),
    "strip": lambda e: str(ed.strip(e, "A")),
    "loops": lambda e: ed.source(e, "loops"),
    "loops of the derivative": lambda e: ed.source(derivative(e), "loops"),
    "source": ed.source,
    "formula of the derivative": lambda e: ed.formula(derivative(e)),
    "matrix of the derivative": lambda e: ed.formula(derivative(e), style="matrix"),
    "diagram of the derivative": lambda e: str(ed.diagram(derivative(e))),
}
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
TEXTS = {
    "a product with its own sum": steps("#*sum(#)", 14),
    "sums in products, both ways": steps("(#+#.T)*#", 6),
    "sums in products, deep": nested("(", "A", "+B)@C", 25),
    "sums in traces": nested("(", "A", "*trace(A))", 14),
    "squares": steps("#@#", 14),
    "squares, entry by entry": steps("#*#", 14),
    "squares of squares": steps("#**2", 10),
    "a determinant of many factors": steps("#*sum(#)", 11) + "\ndet(L)",
    "Kronecker products": steps("kron(#,#)", 11),
    "outer products": steps("outer(#,#)", 12),
    "Kronecker products, one by one": "A: i i i i\n" + "kron(" * 15 + "A" + ",A)" * 15,
    "many vectors": ",".join("a" * 34) + "->",
    "many more": ",".join("a" * 60) + "->",
    "two with many axes": f"{LETTERS[:36]},{LETTERS[:39]}->{LETTERS[:20]}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", TEXTS)
def test_an_answer_or_a_refusal_soon(name, way):
    text = TEXTS[name]
    assert len(text) < 200
    with Calls() as calls:
        try:
            e = ed.einsum(text) if "->" in text else ed.parse(text)
            shown = WAYS[way](e)
        except ed.EinderivError as error:
            shown = str(error)
    assert len(shown) < 2 * 10**6
    most = MOST_OF_PICTURES if way.startswith(("diagram", "strip")) else MOST
    assert calls.count < most, calls.count


#: of what derives twice, or plans a derivative: about 10,000 terms may be made
MOST_OF_DERIVATIVES = 13_000_000
CHAINS = {
    "ratios": steps("#/(1+#)", 14, "B: i"),
    "variances": steps("#*var(#)", 14, "B: i"),
    "softmax": steps("softmax(#@#,1)", 9, "B: i i"),
    "determinants": steps("#*det(#)", 14, "B: i i"),
    "quotients": steps("#/#.T", 13, "B: i i"),
    "exponentials": steps("exp(#)*#", 13, "B: i i"),
}
OF_DERIVATIVES = {
    "second derivative": lambda e: str(ed.derive(ed.derive(e, "B"), "B").ndim),
    "explanation": lambda e: str(ed.explain(ed.derive(e, "B"), "B")),
    "plan": lambda e: str(ed.plan(ed.derive(e, "B"))),
    "source": lambda e: ed.source(ed.derive(e, "B")),
}


@pytest.mark.parametrize("way", OF_DERIVATIVES)
@pytest.mark.parametrize("name", CHAINS)
def test_derivatives_of_chains_soon(name, way):
    assert len(CHAINS[name]) < 200
    with Calls() as calls:
        try:
            shown = OF_DERIVATIVES[way](ed.parse(CHAINS[name]))
        except ed.LimitError as error:
            shown = str(error)
    assert shown
    assert calls.count < MOST_OF_DERIVATIVES, calls.count
