"""KaTeX, as the page brings it along, sets everything that `latex` writes."""

import importlib
import json
import os
import shutil
import subprocess
import sys

import pytest

import einderiv as ed
from conftest import BROWSER, GALLERY, ROOT
from einderiv.functions.table import ADDED, FUNCTIONS
from einderiv.page.engine import answer

pytestmark = pytest.mark.slow  # Node is started for each
DOCS = ROOT / "docs"
KATEX = ROOT / "einderiv/page/static/katex/katex.min.js"
NAMES = ("w_0", "x1", "L_2a", "alpha", "hidden_layer", "A__b", "_x", "T_", "lambda_")


def set_by_katex(formulas):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [node, str(BROWSER / "katex.mjs")],
        input=json.dumps(formulas),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KATEX": str(KATEX)},
    )
    return json.loads(done.stdout)


def of_the_cookbook():
    if not DOCS.exists():
        pytest.skip("the pages do not come with the package")
    sys.path.insert(0, str(DOCS))
    generate, book = map(importlib.import_module, ("generate", "cookbook_table"))
    rows = [row for section in book.SECTIONS.values() for row in section]
    return [generate.ours(row) for row in rows]


def in_both_styles(expressions):
    found = []
    for e in expressions:
        found.append(ed.latex(e))
        try:
            found.append(ed.latex(e, style="matrix"))
        except ed.EinderivError:  # it has no matrix form, which is said
            continue
    return found


def test_the_cookbook():
    formulas = in_both_styles(of_the_cookbook())
    assert len(formulas) > 150 and set_by_katex(formulas) == []


def test_the_gallery_as_the_page_shows_it():
    formulas = [tex for row in GALLERY for tex in latex_in(answer({**row, "kind": "derivative"}))]
    assert len(formulas) >= len(GALLERY) and set_by_katex(formulas) == []


def latex_in(answered):
    """Every LaTeX text in an answer, however deep."""
    for key, value in answered.items():
        if isinstance(value, dict):
            yield from latex_in(value)
        elif isinstance(value, list):
            for one in value:
                yield from latex_in(one) if isinstance(one, dict) else ()
        elif key in ("latex", "marked") and isinstance(value, str):
            yield value


def test_every_function_and_its_derivative():
    formulas = []
    for name, row in FUNCTIONS.items():
        arity = len(row.derivatives)
        if name in ADDED or arity not in (1, 2) or not hasattr(ed, name):
            continue
        try:
            e = getattr(ed, name)(*(ed.tensor(x, "ii") for x in "XY"[:arity]))
            formulas += [ed.latex(e), ed.latex(ed.derive(e, "X"))]
        except (TypeError, ed.EinderivError):  # it takes parameters, or is not differentiable
            continue
    assert len(formulas) > 60 and set_by_katex(formulas) == []


@pytest.mark.parametrize("name", NAMES)
def test_names_and_labels_in_words(name):
    e = ed.derive(ed.einsum("batch head_1 row, row -> batch head_1", name, "v"), name)
    assert set_by_katex([ed.latex(e), ed.latex(e * 1e-300), ed.latex(e * (2 - 1j))]) == []


def test_what_is_no_latex_is_refused():
    assert [tex for tex, _ in set_by_katex(["x", r"\frac{", r"\htmlData{a=b}{x}"])] == [
        r"\frac{",
        r"\htmlData{a=b}{x}",
    ]
