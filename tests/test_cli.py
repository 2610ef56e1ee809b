"""The command line, run in this process; once as a user runs it."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import einderiv as ed
from einderiv.cli import main
from einderiv.parsing import is_einsum

README = Path(__file__).parents[1] / "README.md"


def run(capsys, *words):
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_main_job_prints_what_the_readme_shows(capsys):
    shown = re.search(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.S).group(1)
    assert run(capsys, "derive", "is,st,tj->ij", "--wrt", "0") == (0, shown, "")


def test_names_and_sizes(capsys):
    code, out, _ = run(
        capsys,
        "derive",
        "is,st,tj->ij",
        "--names",
        "X,Y,P",
        "--wrt",
        "Y",
        "--sizes",
        "i=4,s=5,t=3,j=1",
    )
    assert code == 0
    assert "∂y[i,j]/∂Y[a,b] = X[i,a] P[b,j]" in out
    assert "shape (4, 1, 5, 3)" in out


def test_formats(capsys):
    base = ["derive", "is,st,tj->ij", "--wrt", "0", "--format"]
    assert run(capsys, *base, "latex")[1].startswith(r"\frac{\partial y_{ij}}{\partial A_{ab}}")
    data = json.loads(run(capsys, *base, "json")[1])
    assert data["terms"] == [
        {
            "coefficient": 1,
            "subscripts": "ia,bt,tj->ijab",
            "compact": "bt,tj->ijib",
            "operands": ['Delta("ia")', "B", "C"],
        }
    ]
    scope = {}
    exec(run(capsys, *base, "python")[1], scope)
    B, C = np.arange(6).reshape(2, 3), np.arange(12).reshape(3, 4)
    want = ed.evaluate(ed.derive("is,st,tj->ij", 0), A=np.ones((5, 2), int), B=B, C=C)
    assert (scope["compute"](B, C, i=5) == want).all()


def test_check(capsys):
    code, out, _ = run(capsys, "check", "ii->i", "--wrt", "0")
    assert code == 0
    assert out.startswith("ok: ")


def test_a_failed_check_exits_with_1(capsys, monkeypatch):
    import einderiv.checking.derivative_check

    monkeypatch.setattr(
        einderiv.checking.derivative_check, "derive", lambda y, wrt: ed.derive(2 * y, wrt)
    )
    code, out, _ = run(capsys, "check", "ij->i", "--wrt", "A")
    assert code == 1
    assert out.startswith("WRONG: ")


BAD = [
    (["derive", "is,st,tj->iq", "--wrt", "0"],                      r"output label 'q'[^\n]*\n[^\n]*\n +\^"),
    (["derive", "ij->i", "--wrt", "7"],                             "position 7 is out of range"),
    (["derive", "ij->i", "--wrt", "0", "--sizes", "i=3", "--sizes", "j=2"], "--sizes is given twice"),
    (["derive", "ij->i", "--wrt", "0", "--sizes", "i=3,i=2"],       "'i' two sizes, 3 and 2"),
    (["derive", "ij->i", "--wrt", "0", "--format", "text", "--format", "json"], "--format is given twice"),
    (["derive", "ij->i", "--wrt", "0", "--names", "X", "--names", "Y"], "--names is given twice"),
    (["derive", "i,i->", "--wrt", "0", "--wrt", "1", "--format", "svg"], "svg shows one derivative"),
    (["derive", "i,i->", "--wrt", "0", "--wrt", "1", "--format", "latex", "--output", "x.tex"], "in a file shows one"),
    (["derive", "ij->i", "--wrt", "Q"],                             "no tensor here is called 'Q'"),
    (["derive", "ij->i", "--wrt", "0", "--names", "X,Y"],           "2 names, but the einsum has 1"),
    (["derive", "i->ij", "--wrt", "0"],                             "'j' is in no operand; give its size, --sizes j="),
    (["derive", "x: i\neinsum('i->ij', x)", "--wrt", "x"],           "'j' is in no operand, and a text gives no sizes"),
    (["derive", "ij->i", "--wrt", "0", "--names", "x;y"],           "ASCII identifier"),
    (["derive", "ij->i", "--wrt", "0", "--sizes", "i=x"],           "label=number"),
    (["derive", "ij->i", "--wrt", "0", "--sizes", "k=3"],           "no axis or label"),
    (["derive", "ij->i", "--wrt", "0", "--sizes", "k=3", "--format", "json"], "no axis or label"),
    (["derive", "ij->i", "--wrt", "0", "--backend", "torch"], "--backend torch is for --format python, not for text"),
    (["derive", "ij->i", "--wrt", "0", "--format", "python", "--backend", "os"], "no backend is called 'os'"),
    (["check", "ij->", "--wrt", "--1"],                             "expected one argument"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input_exits_with_2_and_says_why(capsys, words, message):
    try:
        code = main(words)
    except SystemExit as e:  # argparse
        code = e.code
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert re.search(message, captured.err)
    assert "Traceback" not in captured.err


LOSS = "sum((T - einsum('nk,mk->nm', U, V))**2)"


def test_a_text(capsys):
    code, out, err = run(capsys, "derive", LOSS, "--wrt", "U")
    assert (code, err) == (0, "")
    assert "∂y/∂U[c,d] = −2 Σ_m (T[c,m] − Σ_k U[c,k] V[m,k]) V[m,d]" in out
    assert run(capsys, "check", LOSS, "--wrt", "U")[0] == 0
    latex = run(capsys, "derive", LOSS, "--wrt", "U", "--format", "latex")[1]
    assert latex.startswith(r"\frac{\partial y}{\partial U_{cd}} = -2 \sum_{m}")
    scope = {}
    exec(run(capsys, "derive", LOSS, "--wrt", "U", "--format", "python")[1], scope)
    T, U, V = np.arange(6).reshape(2, 3), np.arange(4).reshape(2, 2), np.arange(6).reshape(3, 2)
    assert (scope["compute"](T, U, V) == -2 * (T - U @ V.T) @ V).all()


def test_a_sum_as_data(capsys):
    data = json.loads(
        run(capsys, "derive", "X: ij; exp(X) + X", "--wrt", "X", "--format", "json")[1]
    )
    assert (data["expression"], data["operands"], data["wrt"]) == ("exp(X) + X", ["X"], "X")
    assert [term["compact"] for term in data["terms"]] == ["ij->ijij", "->ijij"]


@pytest.mark.parametrize(
    ("text", "language", "want"),
    [
        ("0.5*x'*A*x", "matlab", "0.5 Σ_{a,b} x[a] A[a,b] x[b]"),
        ("#('ij,j->i', X, w)", "diff.einsum.org", "Σ_j X[i,j] w[j]"),
        ("X: ij\nX @ w - einsum('i->i', x)", "einderiv", None),
        ("ij", "einsum", "y[a,b] = ij[a,b]"),
    ],
)
def test_languages(capsys, text, language, want):
    wrt = {"matlab": "x", "diff.einsum.org": "w", "einsum": "ij"}.get(language, "x")
    code, out, err = run(capsys, "derive", text, "--language", language, "--wrt", wrt)
    if want is None:
        assert code == 2
        assert "how many axes has 'w'" in err
    else:
        assert code == 0
        assert want in out


@pytest.mark.parametrize(
    "content", [f"T: nm\n{LOSS}\n", f"\ufeff# with a mark\r\n{LOSS}\r\n", "nm,nk,mk->"]
)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_files_and_the_standard_input(capsys, monkeypatch, tmp_path, content, way):
    path = tmp_path / "loss.txt"
    path.write_text(content, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(content.lstrip("\ufeff")))
    wrt = "U" if "U" in content else "1"
    code, out, err = run(capsys, "derive", str(path) if way == "file" else "-", "--wrt", wrt)
    assert (code, err) == (0, "")
    assert out.startswith("The derivative of ")


@pytest.mark.parametrize(
    ("written", "want"),
    [
        ("is,st,tj->ij", True),
        ("ij", True),
        ("", True),
        ("batch in, in out -> batch out", True),
        ("...i->i", True),
        ("ij,jk-ik", True),
        ("i.j->j", True),
        ("ij->->i", True),
        ("i1,jk", True),
        ("ij\n->i\n", True),
        ("weight", True),
        ("X - Y", False),
        ("X > Y", False),
        ("X.T", False),
        ("X + Y", False),
        ("exp(X)", False),
        ("R = X", False),
        ("X: is\nX", False),
        ("loss.txt", False),
        ("#('ij->i', X)", False),
        ("x'", False),
        ("ij→i", False),
        ("i+k,k->i", True),
        ("n(i+k)c,kcd->nid", True),
        ("(rows[e])k->ek", True),
        ("2*i - 1 -> i", True),
        ("\u03b1\u03b2,\u03b2->\u03b1", True),
        ("f(x, y)", False),
        ("x[i+1]", False),
        ("2*i, j", False),
        ("einsum('i+k->i', x)", False),
    ],
)
def test_what_is_an_einsum_string(written, want):
    assert is_einsum(written) is want


TEXTS = [
    (["derive", "sum(X[0])", "--wrt", "X"],                         r"'\[' cannot be read[^\n]*\n[^\n]*\n +\^"),
    (["derive", "sum(X)", "--wrt", "X"],                            "how many axes has 'X'"),
    (["derive", "X: ij; sum(X)", "--wrt", "Q"],                     "no tensor here is called 'Q'"),
    (["derive", "X: ij; sum(X)", "--wrt", "X", "--names", "X"],     "--names is for the operands"),
    (["derive", "X: ij; sum(X)", "--wrt", "X", "--language", "perl"], "invalid choice: 'perl'"),
    (["derive", "(" * 10**5, "--wrt", "X"],                         "more than 100 parentheses"),
    (["derive", "no/such/file.txt", "--wrt", "X"],                  "there is no file 'no/such/file.txt'"),
    (["derive", "loss.txt", "--wrt", "X"],                          "there is no file 'loss.txt'; and as a text"),
    (["derive", ".", "--wrt", "X"],                                 "cannot be read|operand is missing"),
    (["derive", "-", "--wrt", "X"],                                 "limits.characters"),
    (["check", "__import__('os')", "--wrt", "X"],                   "underscores"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), TEXTS)
def test_texts_that_are_refused(capsys, monkeypatch, words, message):
    monkeypatch.setattr(sys, "stdin", io.StringIO("X+" * 10**6))
    try:
        code = main(words)
    except SystemExit as e:  # argparse
        code = e.code
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert re.search(message, captured.err)
    assert "Traceback" not in captured.err


def test_files_that_cannot_be_read(capsys, tmp_path):
    path = tmp_path / "loss.bin"
    path.write_bytes(b"\xff\xfe\x00")
    code, _, err = run(capsys, "derive", str(path), "--wrt", "X")
    assert code == 2
    assert "cannot be read: 'utf-8' codec" in err


def test_a_terminal_without_unicode_gets_ascii(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["derive", "ii->i", "--wrt", "0"]) == 0
    stream.flush()
    assert b"delta[i,a]" in stream.buffer.getvalue()


def test_as_a_module_and_into_a_closed_pipe():
    command = f"{sys.executable} -m einderiv derive 'is,st,tj->ij' --wrt 0 | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("The derivative of")
    assert done.stderr == ""


def test_bench_without_the_repository_says_where_it_is(capsys, monkeypatch, tmp_path):
    import einderiv.cli

    monkeypatch.setattr(einderiv.cli, "__file__", str(tmp_path / "site" / "einderiv" / "cli.py"))
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "bench", "--quick")
    assert (code, out) == (2, "")
    assert "clone its repository" in err


@pytest.mark.parametrize(
    ("backend", "header"),
    [
        ("numpy", "import numpy as np"),
        ("torch", "import torch"),
        ("jax", "import jax.numpy as jnp"),
        ("cupy", "import cupy as cp"),
    ],
)
def test_python_of_every_backend(capsys, backend, header):
    text = run(
        capsys, "derive", "ij,jk->ik", "--wrt", "0", "--format", "python", "--backend", backend
    )[1]
    assert text.splitlines()[0] == header
    compile(text, backend, "exec")


def test_several_wrt_give_several_answers(capsys):
    both = ["--wrt", "0", "--wrt", "B"]
    single = [run(capsys, "derive", "ij,jk->ik", "--wrt", wrt)[1] for wrt in ("0", "1")]
    assert run(capsys, "derive", "ij,jk->ik", *both) == (0, "\n".join(single), "")
    data = json.loads(run(capsys, "derive", "ij,jk->ik", *both, "--format", "json")[1])
    assert [part["wrt"] for part in data] == ["A", "B"]
    latex = run(capsys, "derive", "ij,jk->ik", *both, "--format", "latex")[1]
    assert "partial A_" in latex
    assert "partial B_" in latex
    code, out, _ = run(capsys, "check", "ij,jk->ik", *both)
    assert code == 0
    assert [line[:23] for line in out.splitlines()] == [
        "ok: the derivative by A",
        "ok: the derivative by B",
    ]


@pytest.mark.parametrize("words", [[], ["--names", "v"]])
def test_sizes_of_labels_that_only_the_output_has(capsys, words):
    """What the message asks for helps: i->iq with q = 4 broadcasts, and says no costs."""
    assert main(["derive", "i->iq", "--wrt", "0", "--sizes", "q=4", *words]) == 0
    shown = capsys.readouterr().out
    assert "the same for every q" in shown
    assert "FLOPs" not in shown
    assert main(["check", "i->iq", "--wrt", "0", "--sizes", "q=4", *words]) == 0
    assert ed.check("i->iq", 0, sizes={"q": 4}).ok
    assert "Shape" in str(ed.explain("i->iq", 0, sizes={"i": 2, "q": 4}))
    assert str(ed.strip("i->iq", 0, sizes={"q": 4})).startswith("<svg")
    assert str(ed.diagram("i->iq", sizes={"q": 4})).startswith("<svg")
