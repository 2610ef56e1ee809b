"""The command line, run in this process; once as a user runs it."""

import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from first_attempts import FIRST

import einderiv as ed
from einderiv.cli import EXAMPLES, main
from einderiv.parsing import einsum_string

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
    (["derive", "ij->i", "--wrt", "0", "--order", "0"],             "number from 1 to 9, not 0"),
    (["derive", "ij->i", "--wrt", "0", "--order", "two"],           "invalid _order value: 'two'|invalid"),
    (["derive", "ij->i", "--wrt", "0", "--style", "book"],          "invalid choice: 'book'"),
    (["derive", "ij->i", "--wrt", "0", "--style", "matrix", "--format", "svg"], "--style matrix is for --format text or latex, not for svg"),
    (["derive", "i,i->", "--wrt", "0", "--order", "2", "--indices", "a"], "leave it out with --order 2"),
    (["derive", "i,i->", "--names", "x,x", "--wrt", "0", "--order", "2"], "position 0 is one place of several"),
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
    assert latex == r"\frac{\partial y}{\partial U} = -2 (T - U V^{\top}) V" + "\n"
    latex = run(capsys, "derive", LOSS, "--wrt", "U", "--format", "latex", "--style", "index")[1]
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
        ("X: ij\nX @ w - einsum('ij->', x)", "einderiv", "∂y[i]/∂x[b,c] = −1"),
        ("ij", "einsum", "y[a] = ij[a]"),
        ("x'*A*x", "auto", "xᵀ A x"),
        ("#('ij,j->i', X, w)", "auto", "Σ_j X[i,j] w[j]"),
    ],
)
def test_languages(capsys, text, language, want):
    names = {"ij": "ij", "#('ij,j->i', X, w)": "w"}
    wrt = names.get(text, "x")
    code, out, err = run(capsys, "derive", text, "--language", language, "--wrt", wrt)
    assert (code, err) == (0, "")
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
        ("ij→i", True),
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
    assert (einsum_string(written) is not None) is want


TEXTS = [
    (["derive", "sum(X[0])", "--wrt", "X"],                         r"'\[' cannot be read[^\n]*\n[^\n]*\n +\^"),
    (["derive", "ij jk -> ik", "--wrt", "0"],                       r"a comma is missing here[^\n]*ij,jk->ik[^\n]*\n[^\n]*\n +\^"),
    (["derive", "x: i; x @ trace(A)", "--wrt", "x"],                "scalar|@ needs"),
    (["derive", "sum(X)", "--wrt", "Y"],                            "no tensor here is called 'Y'"),
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


@pytest.mark.parametrize(("text", "wrt"), [(row[0], row[3]) for row in FIRST])
def test_first_attempts_are_answered(capsys, text, wrt):
    code, out, err = run(capsys, "derive", text, "--wrt", wrt)
    assert (code, err) == (0, "")
    assert f"with respect to {wrt}" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_kinds_are_said(capsys):
    text = "sum((A @ x - b)**2)"
    out = run(capsys, "derive", text, "--wrt", "x")[1]
    said = "Read as A: matrix, x: vector, b: vector (guessed)\n"
    hint = "    to change that, begin the text with 'b:;'\n"
    assert out.startswith(said + hint)
    corrected = run(capsys, "derive", f"b:; {text}", "--wrt", "x")[1]
    assert corrected.startswith("Read as A: matrix, x: vector (guessed)\n")
    declared = run(capsys, "derive", f"A: ij; x: j; b: i; {text}", "--wrt", "x")
    assert declared[1].startswith("The derivative of ")
    # data stays data
    code, out, err = run(capsys, "derive", text, "--wrt", "x", "--format", "json")
    assert code == 0
    assert json.loads(out)["wrt"] == "x"
    assert err == said + hint
    code, out, _ = run(capsys, "check", text, "--wrt", "x")
    assert code == 0
    assert out.startswith(said + hint + "ok: ")


def test_the_language_is_said_where_it_was_found(capsys):
    out = run(capsys, "derive", "A*x", "--wrt", "x")[1]
    assert out.startswith("Read as A: matrix, x: vector (guessed), as on matrixcalculus.org\n")
    assert "∂y/∂x = A\n" in out


COSTS = [  # a text, by what, its cost in the letters of the user, what was assumed
    ("is,st,tj->ij",                       "0", "2 s t j flops", "s = t = j = 32"),
    ("X: nd; w: d; sum((X @ w)**2)",       "w", "4 n d + d flops", "n = d = 32"),
    ("i,i->",                              "0", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "cost", "assumed"), COSTS)
def test_costs_are_said_without_sizes(capsys, text, wrt, cost, assumed):
    out = run(capsys, "derive", text, "--wrt", wrt)[1]
    if cost is None:
        assert "Cost" not in out
        return
    assert out.endswith(f"\nCost\n    {cost}\n    the order of multiplication: assumed {assumed}\n")


STYLES = [  # a text, by what, the style, what is shown and what is not
    ("x'*A*x",            "x", "auto",   ["∂y/∂x = (A + Aᵀ) x", "∂y/∂x[c] ="],  []),
    ("x'*A*x",            "x", "matrix", ["∂y/∂x = (A + Aᵀ) x"],               ["∂y/∂x[c] ="]),
    ("x'*A*x",            "x", "index",  ["∂y/∂x[c] ="],                       ["Aᵀ"]),
    ("is,st,tj->ij",      "0", "auto",   ["∂y[i,j]/∂A[a,b] = δ[i,a]"],         ["vec"]),
    ("y[i] = x[i+k]*w[k]", "w", "matrix", ["∂y[i]/∂w[a] = x[i+a]"],            []),
    ("is,st,tj->ij",      "0", "matrix", ["∂vec(y)/∂vec(A) = (Cᵀ Bᵀ) ⊗ I"],     []),
    ("X: nd; w: d; y: n; sum((X @ w - y)**2)", "w", "auto", ["2 Xᵀ (X w − y)"], []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "style", "shown", "hidden"), STYLES)
def test_styles(capsys, text, wrt, style, shown, hidden):
    code, out, _ = run(capsys, "derive", text, "--wrt", wrt, "--style", style)
    assert code == 0
    for part in shown:
        assert part in out
    for part in hidden:
        assert part not in out
    if style == "auto":
        assert run(capsys, "derive", text, "--wrt", wrt)[1] == out


def test_orders(capsys):
    text = "x: i\nA: ij\nx @ A @ x"
    code, out, err = run(capsys, "derive", text, "--wrt", "x", "--order", "2")
    assert (code, err) == (0, "")
    assert out.startswith("Derivative 1 of 2\n")
    assert "\n\nDerivative 2 of 2\n" in out
    want = ed.formula(ed.hessian(ed.parse(text), "x"))
    assert want.partition("= ")[2] in out
    assert "the shape of ∂y/∂x[a], then that of x" in out
    assert run(capsys, "check", text, "--wrt", "x", "--order", "2")[0] == 0
    data = json.loads(
        run(capsys, "derive", text, "--wrt", "x", "--order", "2", "--format", "json")[1]
    )
    assert data["formula"] == want
    scope = {}
    words = ["derive", "ij,j,j->i", "--names", "A,x,x", "--wrt", "x", "--order", "2"]
    exec(run(capsys, *words, "--format", "python")[1], scope)
    A = np.arange(6).reshape(2, 3)
    got = scope["compute"](A)
    assert (got == 2 * A[:, :, None] * np.eye(3, dtype=int)).all()


@pytest.mark.parametrize("form", ["svg", "html", "latex"])
def test_other_formats_of_a_second_derivative(capsys, form):
    words = ["derive", "i,ij,j->", "--names", "x,A,x", "--wrt", "x", "--order", "2"]
    code, out, err = run(capsys, *words, "--format", form)
    assert (code, err) == (0, "")
    assert "A" in out


#: the words of a call of the command line in a text
COMMAND = re.compile(r"einderiv (?:derive|check|bench|serve|site)\b[^`\n]*")


def _commands(text):
    """The calls of the command line in a text."""
    return [shlex.split(command)[1:] for command in COMMAND.findall(text)]


@pytest.fixture
def runs(capsys, monkeypatch, tmp_path):
    """Run a command as it stands: pages are not served, and little is timed, by one library."""
    import einderiv.checking
    import einderiv.page

    served = []
    monkeypatch.setattr(
        einderiv.page, "serve", lambda *given, **named: served.append((given, named))
    )
    monkeypatch.setattr(einderiv.page, "build", lambda *given: map(str, given))
    monkeypatch.setattr(einderiv.checking, "LIBRARIES", {"opt_einsum": ""})
    monkeypatch.setattr(einderiv.checking.own_timing, "LIBRARIES", {"opt_einsum": ""})
    monkeypatch.setenv(einderiv.cli.MEASURES, "1")
    monkeypatch.chdir(tmp_path)

    def run_one(words):
        code, out, err = run(capsys, *words)
        assert (code, err if "Read as" not in err else "") == (0, "")
        assert out or served or "--output" in words
        return out

    return run_one


HELPS = [(name, words) for name, text in EXAMPLES.items() for words in _commands(text)]


@pytest.mark.parametrize(("name", "words"), HELPS, ids=str)
def test_the_examples_of_the_help_run(runs, name, words):
    assert words[0] == name
    runs(words)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_help_shows_the_examples(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert EXAMPLES[name] in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_every_command_has_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert sorted(re.findall(r"^    (\w+) ", shown, re.M)) == sorted(EXAMPLES)


def test_the_texts_that_the_help_quotes_are_read(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["derive", "--help"])
    shown = capsys.readouterr().out.partition("examples:")[0]
    quoted = [" ".join(text.split()) for text in re.findall(r"'([^']*)'", shown) if "(" in text]
    assert len(quoted) > 0
    for text in quoted:
        wrt = re.search(r"[A-Z]", text).group(0)
        assert run(capsys, "derive", text, "--wrt", wrt)[0] == 0


CONSOLE = "\n".join(re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.S))
#: what else stands in console blocks; .ci/run does it in an environment of its own
ELSEWHERE = re.compile(r"pip install (?:-e )?(?:\.|'\.\[\w+\]')$|pytest$")


@pytest.mark.parametrize("words", _commands(README.read_text(encoding="utf-8")), ids=" ".join)
def test_the_commands_of_the_readme_run(runs, words):
    if words == ["bench", "--quick"]:
        pytest.skip("the benchmarks of the repository run in .ci/run")
    runs(words)


def test_the_console_blocks_of_the_readme_hold_nothing_else():
    parts = [
        part.strip() for line in CONSOLE.splitlines() for part in line.lstrip("$ ").split("&&")
    ]
    assert len(parts) > 6
    for part in filter(None, parts):
        assert COMMAND.fullmatch(part) or ELSEWHERE.match(part), part


WAYS = [  # to ask: each of them after a text and what a derivative is taken by
    ["--style", "index"],
    ["--style", "matrix"],
    ["--order", "2"],
    ["--order", "2", "--style", "index"],
    ["--order", "3"],
]


@pytest.mark.parametrize("more", WAYS, ids=" ".join)
@pytest.mark.parametrize(("text", "wrt"), [(row[0], row[3]) for row in FIRST])
def test_lines_of_all_first_attempts_fit(capsys, text, wrt, more):
    code, out, err = run(capsys, "derive", text, "--wrt", wrt, *more)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("style", ["auto", "index"])
@pytest.mark.parametrize(
    ("text", "names"), [(row[0], [*row[1]]) for row in FIRST if len(row[1]) > 1]
)
def test_lines_of_first_attempts_by_all_their_names_fit(capsys, text, names, style):
    by_all = [word for name in names for word in ("--wrt", name)]
    code, out, err = run(capsys, "derive", text, *by_all, "--style", style)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    for name in names:
        assert f"with respect to {name}" in " ".join(out.split())
