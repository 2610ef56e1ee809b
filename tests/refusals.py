"""Texts that are refused: which error comes, where its caret stands, after how many steps."""

import pytest
from work import Calls

import einderiv as ed


def refused(text, position, message, **options):
    """The error of parsing `text`: short, soon, and with a caret under the character at `position`."""
    with Calls() as calls, pytest.raises((ed.EinderivError, TypeError), match=message) as info:
        ed.parse(text, **options)
    # 10 to 30 for each character: they are read once; the rest loads what the first error needs
    assert calls.count < 50 * len(text) + 20_000, f"{calls.count} calls for {len(text)} characters"
    error, shown = info.value, str(info.value)
    assert len(shown) < 500 and shown.count("\n") <= 2, shown
    if position is None:
        return
    assert isinstance(error, (ed.ParseError, ed.ShapeError))
    assert error.position == position, (error.position, shown)
    *_, line, caret = shown.split("\n")
    char = text[error.position]
    assert not " " < char < "\x7f" or line[caret.index("^")] == char, shown


def refused_behind(head, text, at, message, **options):
    """The same for a text behind `head`, where the character at fault begins the first occurrence of `at`."""
    text += "\n"
    refused(head + text, None if at is None else len(head) + text.index(at), message, **options)
