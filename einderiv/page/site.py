"""The page as files that need no server: ``einderiv site FOLDER --pyodide DIR``.

The files of the page, another engine behind them, the package itself as a zip file, and Pyodide,
which runs it in the browser. Pyodide comes from the folder of its npm package; nothing is fetched.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import EinderivError

PYODIDE = "314.0.7"
RUNTIME = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
#: what the worker loads by fetch, and so counts
COUNTED = (
    "pyodide/pyodide.asm.wasm",
    "pyodide/python_stdlib.zip",
    "pyodide/pyodide-lock.json",
    "einderiv.zip",
)
HERE = Path(__file__).parent
PACKAGE = HERE.parent
MARK = "site.json"  # a folder with this file in it was made here, and may be made again
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)


def build(folder: Path, pyodide: Path) -> list[str]:
    """Write the site into `folder`; what was made, in lines.

    Raises EinderivError for a folder that holds something else, and for another Pyodide than the
    one this is tested with.
    """
    _check_pyodide(pyodide)
    if folder.exists():
        made_here = (folder / MARK).is_file()
        empty = folder.is_dir() and not any(folder.iterdir())
        if not made_here and not empty:
            raise EinderivError(f"{str(folder)[:100]!r} holds something else: name a new folder")
    shutil.copytree(HERE / "static", folder, dirs_exist_ok=True)
    shutil.copytree(HERE / "alone", folder, dirs_exist_ok=True)
    index = (folder / "index.html").read_text(encoding="utf-8")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    index = index.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n  {policy}')
    (folder / "index.html").write_text(index, encoding="utf-8")
    (folder / "pyodide").mkdir(exist_ok=True)
    for name in RUNTIME:
        shutil.copyfile(pyodide / name, folder / "pyodide" / name)
    _zip(folder / "einderiv.zip")
    total = sum((folder / name).stat().st_size for name in COUNTED)
    (folder / MARK).write_text(
        json.dumps({"bytes": total, "pyodide": PYODIDE}) + "\n", encoding="utf-8"
    )
    return [
        f"{folder}: {total / 1e6:.1f} MB to load at the first visit",
        f"look at it with: python -m http.server --bind 127.0.0.1 --directory {folder}",
    ]


def _check_pyodide(pyodide: Path) -> None:
    missing = [name for name in ("package.json", *RUNTIME) if not (pyodide / name).is_file()]
    if missing:
        raise EinderivError(
            f"{str(pyodide)[:100]!r} is not the npm package pyodide: it has no {missing[0]}; "
            f"npm install pyodide@{PYODIDE}, and name node_modules/pyodide"
        )
    package = json.loads((pyodide / "package.json").read_text(encoding="utf-8"))
    version = package.get("version")
    if version != PYODIDE:
        raise EinderivError(
            f"this is Pyodide {str(version)[:40]}, but the page is tested with {PYODIDE}"
        )


def _zip(file: Path) -> None:
    """The package's Python files, always the same bytes for the same files."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _sources():
            name = (Path("einderiv") / path.relative_to(PACKAGE)).as_posix()
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def _sources() -> Iterator[Path]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "__pycache__" not in path.parts:
            yield path
