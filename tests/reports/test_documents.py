"""Files that open by themselves."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from html_checks import no_script

import einderiv as ed
from einderiv.cli import main
from einderiv.printing import Derivation
from einderiv.reports import FORMATS

SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")


def document(name, y, wrt, sizes=None):
    """What a file in a format holds."""
    row = FORMATS[name]
    write = row.write_file or row.write
    return write(Derivation(y, wrt, ed.derive(y, wrt), sizes=sizes))


def test_a_page_says_all_and_loads_nothing():
    html = document("html", SEED, "X", sizes={"i": 4, "s": 3, "t": 2, "j": 5})
    text = no_script(html)
    assert html.startswith("<!doctype html>")
    assert "default-src &#x27;none&#x27;" in html
    for part in ("ia,bt,tj->ijab", "1. Replace the indices", "FLOP", "∂y[i,j]/∂X[a,b]"):
        assert part.lower() in text.lower(), part
    assert html.count("<svg") == 2


def test_latex_is_balanced():
    tex = document("latex", ed.grad(ed.parse("sum((T - einsum('nk,mk->nm', U, V))**2)"), "U"), "U")
    assert tex.count("{") == tex.count("}")
    assert re.findall(r"\\(begin|end)\{document\}", tex) == ["begin", "end"]


def test_latex_compiles(tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not here")
    (tmp_path / "J.tex").write_text(document("latex", SEED, "X"))
    subprocess.run(
        ["pdflatex", "-interaction=batchmode", "J.tex"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_writes_files(form, tmp_path, capsys):
    path = tmp_path / f"J.{form}"
    path.write_text("before")
    assert (
        main(["derive", "is,st,tj->ij", "--wrt", "0", "--format", form, "--output", str(path)]) == 0
    )
    assert capsys.readouterr().out == ""
    written = path.read_text(encoding="utf-8")
    assert written.endswith("\n")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if form == "svg":
        assert ET.fromstring(written).tag.endswith("svg")
    if form == "html":
        no_script(written)
    if form == "latex":
        assert written.startswith(r"\documentclass")


def test_the_source_runs_by_itself(tmp_path):
    path = tmp_path / "J.py"
    assert (
        main(["derive", "is,st,tj->ij", "--wrt", "1", "--format", "python", "--output", str(path)])
        == 0
    )
    run = "import numpy as np, J; print(J.compute(np.ones((2, 3)), np.ones((4, 5))).shape)"
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == str(np.ones((2, 5, 3, 4)).shape).split()


def test_a_file_that_cannot_be_written(tmp_path, capsys):
    assert (
        main(["derive", "ij,j->i", "--wrt", "0", "--output", str(tmp_path / "no" / "J.txt")]) == 2
    )
    assert "cannot be written" in capsys.readouterr().err
