"""What notebooks show: text, HTML without a script, LaTeX; everything escaped, no array printed."""

import re

import numpy as np
import pytest
from html_checks import no_script

import einderiv as ed
from einderiv.printing import PAPER, collapsible, html_page, html_table, preformatted

SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")
J = ed.derive(SEED, "X")
AT = {name: np.random.default_rng(0).normal(size=(3, 3)) for name in "XYP"}

SHOWN = {
    "an expression": lambda: SEED,
    "a derivative": lambda: J,
    "a sum": lambda: SEED + 2 * SEED + ed.exp(SEED),
    "a zero": lambda: ed.derive(SEED, ed.tensor("Z", "ab")),
    "a scalar": lambda: ed.sum(SEED),
    "an explanation": lambda: ed.explain(SEED, "X"),
    "a plan": lambda: ed.plan(J, {"X": (3, 4), "Y": (4, 5), "P": (5, 6)}),
    "a structured tensor": lambda: ed.evaluate(J, AT, dense=False),
    "a check": lambda: ed.check(SEED, "X"),
    "checks": lambda: ed.check(SEED, ["X", "Y"]),
    "a picture": lambda: ed.diagram(J),
}


@pytest.mark.parametrize("name", SHOWN)
def test_every_kind_shows_itself(name):
    value = SHOWN[name]()
    found = value._repr_mimebundle_()
    assert found["text/plain"] == (repr(value) if name == "a picture" else str(value))
    if name != "a picture":
        assert no_script(found["text/html"])
    assert ("text/latex" in found) is (name not in ("a plan", "a check", "checks", "a picture"))
    if "text/latex" in found:
        assert found["text/latex"][0] == found["text/latex"][-1] == "$"


def test_the_strings_are_there():
    text = no_script(J._repr_mimebundle_()["text/html"])
    for part in ("ia,bt,tj->ijab", "bt,tj->ijib", 'Delta("ia"), Y, P'):
        assert part in text
    assert "<math" in J._repr_mimebundle_()["text/html"]


def test_arrays_are_not_printed():
    s = ed.evaluate(J, {**AT, "Y": np.full((3, 3), np.nan)}, dense=False)
    assert "nan" not in s._repr_mimebundle_()["text/html"]
    assert "bj->ijib" in no_script(s._repr_mimebundle_()["text/html"])


def test_what_is_too_large_for_a_formula_is_text():
    e = SEED
    for k in range(150):
        e = ed.exp(e) + float(k)
    assert list(e._repr_mimebundle_()) == ["text/plain", "text/html"]


HOSTILE = [
    "<script>alert(1)</script>",
    "</pre><img src=x onerror=alert(1)>",
    '" onload="x',
    "a\u202eb",
    "&lt;",
    "${x}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_escaped(text):
    inside = preformatted([text])
    for html in (inside, collapsible(text, inside), html_table([text], [[text]]), html_page(text)):
        shown = no_script(html)
        assert text.replace("\u202e", "\\u202e") in shown


def test_ipython_takes_it():
    display = pytest.importorskip(
        "IPython.core.formatters", reason="IPython is not here"
    ).DisplayFormatter()
    data, _ = display.format(J)
    assert data["text/html"] == J._repr_mimebundle_()["text/html"]


def test_pictures_within_a_page_bring_no_colours():
    """An inline picture takes those of the page; a file has its own, and paints nothing behind itself."""
    picture = ed.diagram(J)
    bundle = picture._repr_mimebundle_()
    assert "<style" not in bundle["text/html"]
    assert "svg:root{color-scheme:light dark" in bundle["image/svg+xml"]
    assert "background:" not in bundle["image/svg+xml"]
    shown = [
        bundle["text/html"],
        J._repr_mimebundle_()["text/html"],
        ed.plan(J, {"X": (3, 4), "Y": (4, 5), "P": (5, 6)})._repr_mimebundle_()["text/html"],
    ]
    for html in shown:
        assert "<svg" in html
        assert "<style" not in html
        assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', html)) <= {
            "none",
            "currentColor",
            PAPER,
        }


@pytest.mark.parametrize("make", [lambda: J, lambda: ed.explain(SEED, "X")])
def test_formulas_are_typeset(make):
    html = make()._repr_mimebundle_()["text/html"]
    assert html.startswith("<math")
    assert "<script" not in html


def test_a_function_over_two_axes_of_one_name_tells_them_apart():
    e = ed.inv(ed.parse("K: nn; K"))
    title = re.search(r">inv over ([^<]*)<", str(ed.diagram(e))).group(1)
    assert len(set(title.split(", "))) == 2
