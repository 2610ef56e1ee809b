"""The built documentation, in EINDERIV_SITE: its playground answers, and no other host is asked."""

import os
import re
import sys
from pathlib import Path

import pytest

from conftest import free_port, started

FETCHED = re.compile(
    r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=[\"'](?:https?:)?//[^>]*>"
)


@pytest.fixture(scope="module")
def site():
    found = os.environ.get("EINDERIV_SITE")
    if not found:
        pytest.skip("no documentation was built: EINDERIV_SITE names its folder")
    return Path(found)


def test_links_to_the_playground_show_derivatives(site, drive):
    if not (site / "playground").is_dir():
        pytest.skip("built without Pyodide")
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
        str(site),
    ]
    server = started(command, "Serving HTTP")
    try:
        shown = drive("playground.mjs", f"http://127.0.0.1:{port}")["shown"]
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()
    assert len(shown) == 3 and all("->" in text for text in shown)


def test_pages_fetch_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    found = {page.name: FETCHED.findall(page.read_text(encoding="utf-8")) for page in pages}
    assert len(pages) > 20 and {name: tags for name, tags in found.items() if tags} == {}
