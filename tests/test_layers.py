"""Imports point strictly down, those inside functions too; the symbolic floors import no array library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import einderiv as ed
from einderiv.expression import Expr
from einderiv.methods import ATTRIBUTES

ROOT = Path(ed.__file__).parent
FLOORS = [
    "errors", "rates", "notation", "arrays", "expression", "deltas", "unification", "sizes", "canonical", "naming",
    "algebra", "functions", "rows", "elementwise", "reductions", "matrix_rows", "matrices", "complexes", "declared",
    "compositions", "construction", "vocabulary", "protocols", "reading", "trees", "building", "precedence",
    "languages", "parsing", "nesting", "derivation", "targets", "coupling", "substitution", "cutting", "calculus",
    "steps", "paths", "symmetries", "planning", "reshaping", "factoring", "halving", "twins", "sharing", "grams",
    "layouts", "strategies", "lowering", "blocking", "stacking", "slicing", "fusing", "sharding", "pipeline",
    "source_text", "base", "array_helpers", "helpers", "numpy_backend", "buffers", "destinations", "functional",
    "torch_backend", "jax_backend", "cupy_backend", "dask_helpers", "chunking", "dask_backend", "table", "dtypes",
    "remarks", "writing", "emission", "receiving", "execution", "show", "show.text", "show.brackets",
    "show.matrix_style", "show.formulas", "show.drawing", "show.layout", "show.networks", "show.listings",
    "show.routes", "show.wires", "show.diagrams", "show.hypertext", "show.strips", "show.patterns",
    "show.plan_pictures", "show.plans", "show.cluster_plans", "show.saved_plans", "terms", "blocks", "krylov",
    "solving", "structured", "hosted", "methods", "calls", "given", "outlook", "evaluation", "compilation",
    "pieces", "clusters", "portions", "streaming", "gradients", "objective", "newton", "minimization",
    "explanation", "documents", "plain", "checking", "page", "page.questions", "page.marking", "page.shapes",
    "page.answers", "page.pictures", "page.figures", "page.engine", "page.worker", "page.workers", "page.server",
    "page.site", "", "cli", "__main__",
]  # fmt: skip
HEAVY = {"numpy", "opt_einsum", "scipy"}
#: the floors that may import NumPy when they are imported; elsewhere only a function that computes may
COMPUTING = {"dtypes", "execution", "calls", "blocks", "krylov", "solving", "structured", "plain", "checking",
             "objective", "newton", "pieces", "clusters",
             "portions", "streaming"}  # fmt: skip
MODULES = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").rstrip("."): p
           for p in sorted(ROOT.rglob("*.py"))}  # fmt: skip


def imported(name, path):
    """Pairs (module of ours or top-level name, is it imported when the module is?)."""
    tree = ast.parse(path.read_text())
    top = {id(n) for n in tree.body}
    parts = name.split(".") if name else []
    package = ["einderiv", *(parts if path.name == "__init__.py" else parts[:-1])]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((a.name.split(".")[0], id(node) in top) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])]).removeprefix("einderiv").lstrip(".")
            for alias in node.names:
                inner = f"{stem}.{alias.name}".lstrip(".")
                if node.level:
                    yield (inner if inner in MODULES else stem), id(node) in top
                else:
                    yield stem.split(".")[0], id(node) in top


def test_every_module_has_a_floor():
    assert sorted(MODULES) == sorted(FLOORS)


@pytest.mark.parametrize("name", FLOORS)
def test_imports_point_down(name):
    above = [m for m, _ in imported(name, MODULES[name]) if m in FLOORS and FLOORS.index(m) >= FLOORS.index(name)]
    assert above == []


@pytest.mark.parametrize("name", [f for f in FLOORS if f not in COMPUTING])
def test_no_array_library_on_import(name):
    assert [m for m, at_import in imported(name, MODULES[name]) if at_import and m in HEAVY] == []


def test_the_walk_sees_imports_inside_functions():
    # The test above would be worthless if it did not: paths imports opt_einsum inside a function.
    assert ("opt_einsum", False) in set(imported("paths", MODULES["paths"]))


def test_importing_and_deriving_loads_no_array_library():
    code = ("import sys, einderiv as ed; print(ed.explain('is,st,tj->ij', 0)); "
            "print(sorted({'numpy', 'opt_einsum'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_modules_do_not_carry_names_of_public_functions():
    assert not set(MODULES) & set(ed.__all__)


@pytest.mark.parametrize("name", ed.__all__)
def test_public_names_exist_and_say_what_they_are(name):
    assert getattr(ed, name).__doc__
    assert name in dir(ed)


def test_installed_attributes_are_complete():
    # What the type checker is told in `Expr`, and the rest that users meet, is what `methods` installs.
    source = ast.parse(MODULES["expression"].read_text())
    expr = next(n for n in source.body if isinstance(n, ast.ClassDef) and n.name == "Expr")
    block = next(n for n in expr.body if isinstance(n, ast.If))
    told = {n.name if isinstance(n, ast.FunctionDef) else n.target.id for n in block.body}
    assert told <= set(ATTRIBUTES)
    assert all(name in vars(Expr) for name in ATTRIBUTES)
