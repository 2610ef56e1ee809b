"""The generated pages: they are fresh, complete, and every form on them is right, also as it is written in matrices."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matrix_text import value

import einderiv as ed
from einderiv.functions.table import ADDED, FUNCTIONS

DOCS = Path(__file__).parent.parent / "docs"
if not DOCS.exists():
    pytest.skip("the pages do not come with the package", allow_module_level=True)
sys.path.insert(0, str(DOCS))
generate, book, architecture = map(
    importlib.import_module, ("generate", "cookbook_table", "architecture_picture")
)
ROWS = [pytest.param(row, id=row.number) for rows in book.SECTIONS.values() for row in rows]


def close(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * max(1, np.abs(wanted).max()))


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), *arguments], capture_output=True, text=True
    )


def test_the_pages_are_fresh():
    done = run("--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_stale_page_is_noticed(tmp_path):
    assert run("--check", "--folder", str(tmp_path)).returncode == 1
    assert run("--folder", str(tmp_path)).returncode == 0
    assert run("--check", "--folder", str(tmp_path)).returncode == 0
    page = tmp_path / "cookbook.md"
    page.write_text(page.read_text().replace("Aᵀ Bᵀ", "Bᵀ Aᵀ"))
    done = run("--check", "--folder", str(tmp_path))
    assert (done.returncode, done.stderr) == (
        1,
        "cookbook.md is not what docs/generate.py writes: run it\n",
    )


# ---- the cookbook
def test_every_equation_is_there():
    stated = {int(n) for p in ROWS for n in re.findall(r"\d+", p.values[0].number)}
    others = {int(n) for n in (*book.UNSTATED, *book.DEFINITIONS)}
    assert not stated & others
    assert stated | others == set(range(book.FIRST, book.LAST + 1))


@pytest.mark.parametrize("row", ROWS)
def test_the_derivative_is_that_of_the_book(row):
    assert generate.verdict(row) in (generate.EXACT, generate.CLOSE)


def test_another_value_is_noticed():
    row = book.TRACES[2]
    with pytest.raises(generate.Mismatch, match=r"^\(101\) is not what the book says"):
        generate.verdict(row._replace(closed=lambda A, B: (A.T @ B.T) + 1))
    with pytest.raises(
        generate.Mismatch, match=r"^\(101\) is said to be a misprint, but it is right"
    ):
        generate.verdict(row._replace(printed=row.closed))


# those that are derivatives as they stand, and no products or combinations of some
DERIVED = [p for p in ROWS if generate.ours(p.values[0]).record is not None]


@pytest.mark.parametrize("row", DERIVED)
def test_the_derivative_is_independently_right(row):
    # Both the row and the book may be wrong in the same way: differences know neither.
    e, arrays = generate.ours(row), generate.arrays_for(row, seed=3)
    assert ed.check(
        e.record.of, e.record.wrt, **{n: np.asarray(a, float) for n, a in arrays.items()}
    ).ok


# what a text takes for granted: an abstract function, a sum over r, indices, a function of matrices that NumPy has not
UNREAD = re.compile(r"∂|′|Σ|\[|cos\(X\)|[GJr]\b|^0$|\b1\b")


@pytest.mark.parametrize("row", [p for p in ROWS if not UNREAD.search(p.values[0].book)])
def test_the_text_of_the_book_is_what_is_compared(row):
    arrays = generate.arrays_for(row)
    if row.number == "56":
        arrays["X"] = np.linalg.pinv(arrays["P"])
    wanted = generate.at(row.closed, arrays)
    close(value(row.book, arrays, wanted.shape), wanted)


MATRICES = [p for p in ROWS if generate.matrix_text(generate.ours(p.values[0])) is not None]


# Without zeros, and ones of unknown sizes.
@pytest.mark.parametrize("row", [p for p in MATRICES if p.id not in ("33", "76")])
def test_the_matrix_form_is_the_derivative(row):
    e, arrays = generate.ours(row), generate.arrays_for(row)
    wanted = ed.evaluate(e, arrays)
    close(value(generate.matrix_text(e), arrays, np.shape(wanted)), np.asarray(wanted))


def test_most_rows_are_tested_in_each_way():
    assert len(DERIVED) > 80
    assert sum(not UNREAD.search(p.values[0].book) for p in ROWS) >= 82


def test_every_derivative_has_a_matrix_form():
    assert [p.id for p in ROWS] == [p.id for p in MATRICES]


COUNTS = (
    ("2 Aᵀ (A X B + C) Bᵀ", 10),
    ("A + Aᵀ", 4),
    ("−X⁻ᵀ a bᵀ X⁻ᵀ", 8),
    ("2 tr(X) I", 4),
    ("Σ_{a,b} X[a,b] δ[a,c] adj(X)[b,a]", 13),
    ("u − v + w", 5),
    ("1j L(−0.5j Xᵀ, 2j I)", 8),
    ("(I ⊗ (Xᵀ Bᵀ)) K + (Xᵀ B) ⊗ I", 13),
    ("tr(U C) where U = x² / ‖x‖^(3/2)", 12),
)


@pytest.mark.parametrize(("text", "tokens"), COUNTS)
def test_counts(text, tokens):
    assert generate.token_count(text) == tokens


def longer_forms():
    return [
        row.number
        for section in book.SECTIONS.values()
        for row in section
        if generate.entry(row, "")[1] is not None
    ]


def test_nearly_all_forms_are_as_short_as_those_of_the_book():
    assert longer_forms() == ["55", "56", "58", "63", "76", "128"]


# what is written out for the book, where it has no sums over r and no letters for other things
SPELLED = [
    p for p in ROWS if p.values[0].spelled and not re.search(r"where|Σ|\[", p.values[0].spelled)
]


@pytest.mark.parametrize("row", SPELLED)
def test_what_is_spelled_is_what_is_compared(row):
    arrays = generate.arrays_for(row)
    wanted = generate.at(row.closed, arrays)
    close(value(row.spelled, arrays, wanted.shape), wanted)


def test_a_longer_form_is_listed_and_a_shorter_is_not():
    page = "\n".join(generate.cookbook())
    longer = page[page.index("## Longer than in the book") : page.index("## Not to be stated")]
    wanted = "- (58) 7 names, numbers and signs, the book has 6: 3 det(X)² adj(X)ᵀ"
    assert wanted in longer
    assert "(119)" not in longer


def test_what_has_no_matrix_form_is_in_indices():
    row = book.Row(
        "0", "T:ijk", lambda T: ed.einsum("ijk->ikj", T), "T[i,j,k]", lambda T: T.swapaxes(1, 2)
    )
    lines, longer = generate.entry(row, "T")
    assert "- here: in indices only" in lines
    assert "- formula: `f[i,k,j] = T[i,j,k]`" in lines
    assert longer is None


# ---- the functions
#: public calls that are no functions of the entries of a tensor, so the page has no line for them
NO_FUNCTIONS = {
    *(
        "check",
        "compile",
        "constant",
        "derive",
        "diagram",
        "einsum",
        "evaluate",
        "explain",
        "fisher",
        "formula",
        "function",
        "ggn",
        "grad",
    ),
    *(
        "hessian",
        "hvp",
        "jacobian",
        "jvp",
        "latex",
        "least_squares",
        "load_plan",
        "minimize",
        "parse",
        "plan",
        "scipy_functions",
    ),
    *(
        "source",
        "sparsity",
        "stream",
        "strip",
        "substitute",
        "tensor",
        "to_jax",
        "to_torch",
        "trace_function",
    ),
    *("named", "simplify"),
    *("arrays", "from_jax"),
    *("value_and_grad", "vjp"),
    *("arrays", "from_torch"),
}


def test_every_function_is_there():
    page = "\n".join(generate.functions())
    for name in FUNCTIONS:
        assert (f"| `{name}` |" in page) == (name not in ADDED), name
    for name in ed.__all__:
        told = f"| `{name}`" in page or f"| `{name}(" in page
        assert told == (
            callable(getattr(ed, name)) and name[0].islower() and name not in NO_FUNCTIONS
        ), name


def test_tables_have_as_many_cells_in_every_line():
    for line in (x for x in generate.functions() if x.startswith("|")):
        assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4, 12), line


def test_array_functions_are_on_the_page_by_all_their_names():
    lines = "\n".join(generate.array_lines())
    everywhere = ["reshape", "ravel", "squeeze", "swapaxes", "take", "repeat", "cumsum", "diagonal"]
    of_both = "pad roll flip tile diff stack concatenate hstack vstack block split tril triu kron"
    for name in everywhere + of_both.split():
        assert f"`ed.{name}`, `np.{name}`" in lines
    for name in everywhere:
        assert f"`np.{name}`, `e.{name}`" in lines
    for name in ["segment_sum", "one_hot", "eye", "arange", "zeros", "ones", "vec"]:
        assert f"| `ed.{name}` |" in lines
    assert "`np.gradient` |" in lines
    assert "ed.gradient" not in lines


# ---- all pages
@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert target.startswith("http") or (DOCS / target).exists(), target


# ---- the picture of the packages
TREE = {
    "errors.py": "import sys\n",
    "expression/nodes.py": "from ..errors import limits\nfrom . import sizes\n",
    "expression/sizes.py": "def f():\n    from ..errors import limits\n",
    "autodiff/rules.py": "from .. import expression\nfrom einderiv.expression import Add\nimport einderiv.errors\n",
}
UP = {
    "errors.py": "from .expression import Add\n",
    "parsing/python.py": "from ..autodiff import grad\n",
}


def boxes_of(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return architecture.packages(folder)


def test_the_picture_counts_the_files_that_import(tmp_path):
    # An import inside a function counts; two of one file count once; what is not of the package does not count.
    assert [(box.name, box.files, dict(box.imports)) for box in boxes_of(tmp_path, TREE)] == [
        ("errors", 1, {}),
        ("expression", 2, {"errors": 2}),
        ("autodiff", 1, {"expression": 1, "errors": 1}),
    ]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (TREE, []),
        ({**TREE, **UP}, ["errors imports expression (1)", "parsing imports autodiff (1)"]),
    ],
)
def test_the_picture_tells_imports_that_do_not_point_down(tmp_path, files, told):
    drawing = architecture.Drawing(boxes_of(tmp_path, files))
    assert drawing.against() == [f"against the order: {line}" for line in told]
    words = "".join(ElementTree.fromstring(drawing.svg()).itertext())
    assert all(line in words for line in told)


def test_the_picture_of_the_package_fits_a_page(tmp_path):
    for name in "first.svg", "second.svg":
        architecture.write(tmp_path / name)
    first, second = ((tmp_path / name).read_text() for name in ("first.svg", "second.svg"))
    assert first == second
    assert float(ElementTree.fromstring(first).get("width")) <= 720
