"""A server in a process of its own, and node driving Chromium."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

import einderiv

ROOT = Path(einderiv.__file__).parents[1]
BROWSER = Path(__file__).parent / "browser"
GALLERY = json.loads((ROOT / "einderiv/page/static/gallery.json").read_text(encoding="utf-8"))
#: six that differ: matrices, words, functions, orders, long ones
SHOWN = [GALLERY[k] for k in (0, 1, 3, 5, 6, 7)]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def started(command, expected):
    """A process that has printed what it prints when it is ready."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    line = process.stdout.readline()
    assert expected in line, line
    return process


@pytest.fixture(scope="session")
def address():
    """``einderiv serve``, as a user starts it."""
    for name in ("starlette", "uvicorn"):
        pytest.importorskip(name)
    port = free_port()
    process = started(
        [sys.executable, "-m", "einderiv", "serve", "--port", str(port)],
        f"http://127.0.0.1:{port}/",
    )
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="session")
def modules():
    """The folder with playwright-core in it: of `npm ci` in tests/page/browser, or as NODE_MODULES says."""
    found = Path(os.environ.get("NODE_MODULES", BROWSER / "node_modules"))
    if not (found / "playwright-core").is_dir():
        pytest.skip("playwright-core is not installed: npm ci in tests/page/browser")
    return found


@pytest.fixture(scope="session")
def drive(modules):
    """A function that runs one of the scripts in ``browser``, and returns what it prints."""
    node, chromium = (
        shutil.which("node"),
        shutil.which("chromium") or shutil.which("chromium-browser"),
    )
    if node is None or chromium is None:
        pytest.skip("node is not installed" if node is None else "chromium is not installed")

    def run(script, base, *, examples=(), out="", seconds=300):
        own = {
            "NODE_MODULES": str(modules),
            "CHROMIUM": chromium,
            "BASE": base,
            "OUT": str(out),
            "EXAMPLES": json.dumps(list(examples)),
        }
        done = subprocess.run(
            [node, str(BROWSER / script)],
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, **own},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture
def get():
    def read(url):
        with urlopen(url, timeout=10) as reply:
            return reply.read()

    return read
