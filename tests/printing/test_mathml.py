"""Formulas in MathML: well-formed, and with the letters of the formula in Unicode."""

import re
from html import unescape
from xml.dom import minidom

import pytest

import einderiv as ed
from einderiv.printing.mathml import mathml

x, S = ed.tensor("x", "i"), ed.tensor("S", "ij")
X, w, y = ed.tensor("X", "nd"), ed.tensor("w", "d"), ed.tensor("y", "n")
ROWS = {
    "product": ed.derive("is,st,tj->ij", 0),
    "quotients": ed.grad(ed.mean((X @ w - y) ** 2), w),
    "parts": ed.derive(ed.layer_norm(x, "i"), x),
    "powers": ed.derive(x**2.5 + ed.sqrt(x), x),
    "inverse": ed.derive(ed.inv(ed.tensor("A", "ii")), "A"),
    "places": ed.derive(ed.einsum("i+k,k->i", "x", "w", sizes={"k": 3}), "w"),
    "conditions": ed.tril(S),
    "index arrays": ed.einsum("(r[e])k,(c[e])k->e", "U", "V"),
    "ranges": ed.sum(ed.exp(ed.einsum("i+1->i", "x", sizes={"i": 4}))),
    "names": ed.tensor("x_1", "i") * 2.0,
    "nothing": 0 * x,
}


@pytest.mark.parametrize("name", ROWS)
def test_elements(name):
    text = mathml(ROWS[name])
    tree = minidom.parseString(text)
    assert tree.documentElement.tagName == "math"
    # text stands in elements for text alone
    for node in tree.getElementsByTagName("*"):
        leaves = [c.data.strip() for c in node.childNodes if c.nodeType == c.TEXT_NODE]
        assert node.tagName in ("mi", "mn", "mo", "mtext") or not any(leaves), node.toxml()


@pytest.mark.parametrize("name", ROWS)
def test_letters(name):
    shown = unescape(re.sub(r"<[^>]*>", "", mathml(ROWS[name])))
    wanted = ed.formula(ROWS[name]).replace("Σ", "∑").replace("sqrt", "")
    assert set(re.findall(r"\w", shown)) - {"_"} == set(re.findall(r"\w", wanted)) - set("²³_")


def test_names_are_escaped():
    assert "<script" not in mathml(ed.tensor("x", "i"))
