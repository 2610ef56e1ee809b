"""CONTRIBUTING says where to add what, in a few lines each: the lines run, and what they add is used end to end."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = TEXT[TEXT.index("## Where to add what") : TEXT.index("## Check\n")]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
WORDS = ("function", "identity", "backend", "op", "pass", "rewrite", "output format", "dialect")


def test_every_kind_has_its_lines():
    told = re.findall(r"^\*\*An? ([a-z ]+)\*\*", SECTION, re.MULTILINE)
    assert tuple(told) == WORDS
    assert len(BLOCKS) == len(WORDS)


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_the_lines_add_what_they_say():
    done = run("\n".join(BLOCKS))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "4 axes" in done.stdout


@pytest.mark.parametrize(
    ("written", "planted", "said"),
    [
        ('"(1 - np.cos({0}))"', '"(2 - np.cos({0}))"', "AssertionError"),
        ("return program if doubled", "return program if program or doubled", "AssertionError"),
        ("yield {id(node): node.arguments[0].arguments[0]}", "yield {}", "IndexError"),
    ],
)
def test_the_lines_would_fail(written, planted, said):
    """A wrong spelling, a pass and a rewrite that do nothing are seen."""
    code = "\n".join(BLOCKS)
    assert written in code
    done = run(code.replace(written, planted))
    assert done.returncode != 0
    assert said in done.stderr
