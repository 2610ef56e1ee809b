"""The notebooks of the docs run from top to bottom, keep no output, and what their cells end in shows itself."""

import ast
import json
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
NOTEBOOKS = sorted(DOCS.rglob("*.ipynb"))


def cells(path):
    return [
        c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"
    ]


def run(source, scope):
    """Run a cell; the value of its last expression, None without one."""
    *body, last = ast.parse(source).body
    exec(compile(ast.Module(body, []), "cell", "exec"), scope)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "cell", "eval"), scope)
    exec(compile(ast.Module([last], []), "cell", "exec"), scope)
    return None


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} >= {
        "first_derivative",
        "hessian_of_a_factorisation",
        "gallery",
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_shows_what_it_ends_in(path):
    scope = {}
    for cell in cells(path):
        value = run("".join(cell["source"]), scope)
        if type(value).__module__.startswith("einderiv"):
            bundle = value._repr_mimebundle_()
            assert bundle["text/plain"]
            assert "<script" not in "".join(map(str, bundle.values()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_kept(path):
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(path))
