"""The page as files: what is written, what is refused, and that it runs in a browser with no server behind it."""

import json
import re
import subprocess
import sys
import zipfile

import pytest

import einderiv as ed
from conftest import GALLERY, ROOT, free_port, started
from einderiv.cli import main
from einderiv.page import build
from einderiv.page.site import MARK, PYODIDE, RUNTIME


@pytest.fixture
def runtime(tmp_path):
    """A folder like that of the npm package."""
    folder = tmp_path / "npm"
    folder.mkdir()
    for name in RUNTIME:
        (folder / name).write_text(name)
    (folder / "package.json").write_text(json.dumps({"version": PYODIDE}))
    return folder


def test_files(runtime, tmp_path, capsys):
    site = tmp_path / "site"
    assert main(["site", str(site), "--pyodide", str(runtime)]) == 0
    assert "MB to load" in capsys.readouterr().out
    assert (site / "engine.js").read_text() == (ROOT / "einderiv/page/alone/engine.js").read_text()
    assert (site / "main.js").read_text() == (ROOT / "einderiv/page/static/main.js").read_text()
    assert "script-src 'self' 'wasm-unsafe-eval'" in (site / "index.html").read_text()
    with zipfile.ZipFile(site / "einderiv.zip") as archive:
        assert "einderiv/page/engine.py" in archive.namelist()
        assert all(re.fullmatch(r"einderiv/[\w/]+\.py", name) for name in archive.namelist())
    before = (site / "einderiv.zip").read_bytes()
    build(site, runtime)  # again, over what was made
    assert (site / "einderiv.zip").read_bytes() == before
    assert json.loads((site / MARK).read_text())["pyodide"] == PYODIDE


def test_nothing_else_is_written_over(runtime, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(ed.EinderivError, match="holds something else"):
        build(tmp_path / "mine", runtime)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda folder: (folder / "pyodide.mjs").unlink(), "has no pyodide.mjs"),
        (
            lambda folder: (folder / "package.json").write_text('{"version": "1.2.3"}'),
            "this is Pyodide 1.2.3",
        ),
    ],
)
def test_another_pyodide(runtime, tmp_path, change, match):
    change(runtime)
    with pytest.raises(ed.EinderivError, match=match):
        build(tmp_path / "site", runtime)


def test_the_engine_needs_no_numpy(runtime, tmp_path):
    build(tmp_path / "site", runtime)
    code = (
        "import sys; sys.modules['numpy'] = sys.modules['opt_einsum'] = None; sys.path.insert(0, sys.argv[1])\n"
        "from importlib import util; found = util.find_spec\n"
        "util.find_spec = lambda name: None if name in ('numpy', 'opt_einsum') else found(name)\n"
        "from einderiv.page.engine import answer\n"
        "print(answer({'kind': 'derivative', 'text': 'ij,j->i', 'wrt': 'B'})['result']['text'])\n"
        "print(answer({'kind': 'code', 'text': 'ij,j->i'})['error']['message'])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path / "site" / "einderiv.zip")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "∂y[i]/∂B[a] = A[i,a]",
        "this needs numpy and opt_einsum, which this page runs without: einderiv serve shows it",
    ]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_python_in_the_browser(drive, modules, tmp_path, record_property):
    if not (modules / "pyodide").is_dir():
        pytest.skip("pyodide is not installed: npm ci in tests/page/browser")
    build(tmp_path / "site", modules / "pyodide")
    port = free_port()
    command = [
        sys.executable,
        "-u",
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(tmp_path / "site"),
    ]
    server = started(command, "Serving HTTP")
    try:
        found = drive("alone.mjs", f"http://127.0.0.1:{port}", examples=GALLERY, out=tmp_path)
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()
    record_property("cold start, seconds", found["cold"])
    print(found)
    assert 0 < found["cold"] < 60
    assert len(found["times"]) == len({row["title"] for row in GALLERY})
