"""Long formulas in lines."""

import pytest

from einderiv.reports.step_lines import broken_lines, wrapped_words

ROWS = [
    # text                                 width  lines
    ("a + b",                              80,    ["a + b"]),
    ("y = aaaa bbbb + cccc dddd",          16,    ["y = aaaa bbbb", "    + cccc dddd"]),
    ("y = aaaa bbbb − cccc dddd",          16,    ["y = aaaa bbbb", "    − cccc dddd"]),
    ("y = aaaaaa (b + c) + d (e + f)",     20,    ["y = aaaaaa (b + c)", "    + d (e + f)"]),
    ("y = aaaaaa bbbbbb cccccc",           18,    ["y = aaaaaa bbbbbb", "    cccccc"]),
    ("y = f(aaaa + bbbb + cccc)",          18,    ["y = f(aaaa + bbbb", "    + cccc)"]),
    ("aa,bb,cc,dd,ee->x",                  10,    ["aa,bb,cc,", "    dd,", "    ee->x"]),
    ("abcdefghijkl",                       10,    ["abcdefghijkl"]),
    ("y = p where\n    p = aaaa bbbb",     14,    ["y = p where", "    p = aaaa", "    bbbb"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "width", "lines"), ROWS)
def test_lines(text, width, lines):
    assert broken_lines(text, width) == lines


@pytest.mark.parametrize(("text", "width", "lines"), ROWS)
def test_nothing_is_lost(text, width, lines):
    assert "".join("".join(broken_lines(text, width)).split()) == "".join(text.split())


def test_words():
    assert wrapped_words("one two three", 8) == ["one two", "three"]
    assert wrapped_words("", 8) == []
