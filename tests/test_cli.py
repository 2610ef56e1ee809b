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

README = Path(__file__).parents[1] / "README.md"


def run(capsys, *words):
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_main_job_prints_what_the_readme_shows(capsys):
    shown = re.search(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.S).group(1)
    assert run(capsys, "derive", "is,st,tj->ij", "--wrt", "0") == (0, shown, "")


def test_names_and_sizes(capsys):
    code, out, _ = run(capsys, "derive", "is,st,tj->ij", "--names", "X,Y,P", "--wrt", "Y", "--sizes", "i=4,s=5,t=3,j=1")
    assert code == 0
    assert "∂y[i,j]/∂Y[a,b] = X[i,a] P[b,j]" in out
    assert "shape (4, 1, 5, 3)" in out


def test_formats(capsys):
    base = ["derive", "is,st,tj->ij", "--wrt", "0", "--format"]
    assert run(capsys, *base, "latex")[1].startswith(r"\frac{\partial y_{ij}}{\partial A_{ab}}")
    data = json.loads(run(capsys, *base, "json")[1])
    assert data["terms"] == [{"coefficient": 1, "subscripts": "ia,bt,tj->ijab", "compact": "bt,tj->ijib",
                              "operands": ['Delta("ia")', "B", "C"]}]  # fmt: skip
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
    import einderiv.checking

    monkeypatch.setattr(einderiv.checking, "derive", lambda y, wrt: ed.derive(2 * y, wrt))
    code, out, _ = run(capsys, "check", "ij->i", "--wrt", "A")
    assert code == 1
    assert out.startswith("WRONG: ")


BAD = [
    (["derive", "is,st,tj->iq", "--wrt", "0"],                      r"output label 'q'[^\n]*\n[^\n]*\n +\^"),
    (["derive", "ij->i", "--wrt", "7"],                             "position 7 is out of range"),
    (["derive", "ij->i", "--wrt", "Q"],                             "no tensor here is called 'Q'"),
    (["derive", "ij->i", "--wrt", "0", "--names", "X,Y"],           "2 names, but the einsum has 1"),
    (["derive", "ij->i", "--wrt", "0", "--names", "x;y"],           "ASCII identifier"),
    (["derive", "ij->i", "--wrt", "0", "--sizes", "i=x"],           "label=number"),
    (["derive", "ij->i", "--wrt", "0", "--sizes", "k=3"],           "no axis or label"),
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
