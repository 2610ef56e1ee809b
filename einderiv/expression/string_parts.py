"""An einsum string in its parts: characters, tokens, operands and output; and whether its labels
are words or letters.

>>> written = written_parts("n(i+k)c,k->nic")
>>> [token.text for token in written.inputs[0].tokens]
['n', '(', 'i', '+', 'k', ')', 'c', '']
"""

from __future__ import annotations

import keyword
import re
import string
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from ..errors import ParseError

BLANKS = " \t\n\r\f\v"
ELLIPSIS = "..."

_TO_PARSE = "; a formula is read by ed.parse(text)"
_OF_FORMULAS = "@=/:;^"  # signs of a formula, which no einsum string has


def _letters() -> Iterator[str]:
    """ASCII, Latin and Greek letters that NFKC leaves alone: each looks the same in Python code."""
    yield from string.ascii_letters
    for code in (*range(0x00C0, 0x0250), *range(0x0370, 0x0400)):
        c = chr(code)
        is_latin_or_greek = unicodedata.name(c, "").startswith(("LATIN", "GREEK"))
        if is_latin_or_greek and c.isalpha() and unicodedata.normalize("NFKC", c) == c:
            yield c


LABEL_LETTERS = frozenset(_letters())
_CLASS = "".join(sorted(LABEL_LETTERS))
_TOKEN = re.compile(
    rf"""(?P<blank>[ \t\n\r\f\v]+)
    | (?P<word>[_{_CLASS}][_0-9{_CLASS}]*)
    | (?P<number>[0-9]+)
    | (?P<arrow>->)
    | (?P<dots>\.\.\.)
    | (?P<sign>[-+*,()\[\]])""",
    re.VERBOSE,
).finditer
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


def is_name(word: str) -> bool:
    """Is `word` fit for a tensor or an axis: an ASCII identifier that is no Python keyword?"""
    return _NAME(word) is not None and not keyword.iskeyword(word)


class Token(NamedTuple):
    """A word, a number, three dots, a sign, or the end of a part."""

    kind: str  # "word", "number", "arrow", "dots", "end", or the sign itself
    text: str
    at: int
    spaced: bool  # a blank stands before it


class Part(NamedTuple):
    """The tokens of an operand or of the output, the last of them its end."""

    tokens: list[Token]
    start: int


class Written(NamedTuple):
    """A string in its parts; `output` is None where it is left implicit."""

    text: str
    inputs: list[Part]
    output: Part | None
    first: Token | None  # sign, number or bracket: there is an index expression


def written_parts(text: str) -> Written:
    """The operands and the output. Brackets close, and do not nest.

    Raises ParseError at the first character that no einsum string has there.
    """
    parts: list[Part] = []
    arrow: Token | None = None
    first: Token | None = None
    opened: list[Token] = []
    tokens: list[Token] = []
    start = 0
    for token in _tokens(text):
        kind = token.kind
        if kind == "word" or kind == "dots":
            tokens.append(token)
            continue
        if kind == "arrow":
            if arrow is not None:
                message = "a second arrow: one '->' parts operands and output"
                raise ParseError(message, text, token.at)
            _check_closed(text, opened)
            arrow = token
        elif kind != "," or opened:
            _follow(text, token, opened, tokens)
            first = first or token
            tokens.append(token)
            continue
        elif arrow is not None:
            raise ParseError("a comma in the output: there is one output", text, token.at)
        tokens.append(Token("end", "", token.at, False))
        parts.append(Part(tokens, start))
        tokens = []
        start = token.at + len(token.text)
    _check_closed(text, opened)
    tokens.append(Token("end", "", len(text), False))
    last = Part(tokens, start)
    if arrow is not None:
        return Written(text, parts, last, first)
    return Written(text, [*parts, last], None, first)


def _tokens(text: str) -> Iterator[Token]:
    """What stands between the blanks."""
    read = 0
    spaced = False
    for match in _TOKEN(text):
        at = match.start()
        if at != read:
            break
        read = match.end()
        kind = match.lastgroup or ""
        if kind == "blank":
            spaced = True
            continue
        word = match[0]
        yield Token(word if kind == "sign" else kind, word, at, spaced)
        spaced = False
    if read != len(text):
        _refuse_character(text, read)


def formula_hint(text: str) -> str:
    """Without an arrow it may be a formula."""
    return "" if "->" in text else _TO_PARSE


def _refuse_character(text: str, p: int) -> NoReturn:
    """Say why the character at `p` is none of an einsum string."""
    c = text[p]
    if not c.isascii():
        name = unicodedata.name(c, "unnamed")
        plain = unicodedata.normalize("NFKC", c)
        meant = f", did you mean {plain!r}?" if plain in LABEL_LETTERS else ""
        raise ParseError(
            f"U+{ord(c):04X} ({name}) is no label{meant}: labels are ASCII, Greek and Latin "
            "letters, or words of them; the interleaved form einsum(X, [0, 1], …) takes numbers",
            text,
            p,
        )
    if c == "." and text[p + 1 : p + 2].isdecimal():
        message = "a fraction: an index is a sum of whole numbers times labels"
    elif c == ".":
        message = "an ellipsis is three dots, '...'"
    elif c == ">":
        message = f"a stray '>': the arrow is written '->'{formula_hint(text)}"
    else:
        hint = _TO_PARSE if c in _OF_FORMULAS else ""
        message = f"{c!r} is no label: labels are letters or words{hint}"
    raise ParseError(message, text, p)


def _follow(text: str, token: Token, opened: list[Token], before: list[Token]) -> None:
    """Keep account of the brackets that are open; `before` are the tokens before this one."""
    match token.kind:
        case "," if opened[-1].kind == "(":
            raise ParseError(
                "a comma between round brackets: a flattening is written '(h w)'"
                f"{formula_hint(text)}",
                text,
                token.at,
            )
        case "(" if opened:
            message = f"a bracket in a bracket: an index is a sum of its own{formula_hint(text)}"
            raise ParseError(message, text, token.at)
        case "[" if opened and opened[-1].kind == "[":
            raise ParseError(
                "an index array in an index array: take(r, s) is an array of its own",
                text,
                token.at,
            )
        case "[" if token.spaced or not before or before[-1].kind != "word":
            raise ParseError(
                "the name of an index array stands right before its '[', as in 'r[e]'"
                f"{formula_hint(text)}",
                text,
                token.at,
            )
        case "(" | "[":
            opened.append(token)
        case ")" | "]":
            wanted = "(" if token.kind == ")" else "["
            if not opened or opened[-1].kind != wanted:
                message = f"{token.kind!r} closes nothing: there is no {wanted!r} before it"
                if opened:
                    message = f"{token.kind!r} does not close {opened[-1].kind!r}"
                raise ParseError(message, text, token.at)
            opened.pop()


def _check_closed(text: str, opened: list[Token]) -> None:
    if opened:
        bracket = opened[-1]
        raise ParseError(f"this {bracket.kind!r} is never closed", text, bracket.at)


def is_in_words(written: Written) -> bool:
    """Are the labels words? They are where blanks part two of them, what is in brackets and blanks
    at signs aside; and where two letters or more stand at a sign or a number.

    >>> [is_in_words(written_parts(text)) for text in ("i + k,k->i", "time+lag->i", "n c->n c")]
    [False, True, True]
    """
    parts = written.inputs
    if written.first is not None:
        everything = parts if written.output is None else [*parts, written.output]
        if any(_has_long_term(part.tokens) for part in everything):
            return True
        if any(token.kind in ("(", "[") for part in everything for token in part.tokens):
            parts = everything
    return any(_is_parted(part.tokens) for part in parts)


def _has_long_term(tokens: list[Token]) -> bool:
    """Is there a word of two letters or more, no index array, that a sign or a number is next
    to?
    """
    around = ("+", "-", "*", "number")
    for k, token in enumerate(tokens[:-1]):
        if token.kind != "word" or len(token.text) == 1:
            continue
        after = tokens[k + 1].kind
        before = tokens[k - 1].kind if k else "end"
        if after != "[" and (before in around or after in around):
            return True
    return False


def _is_parted(tokens: list[Token]) -> bool:
    """Does a blank part two words, signs and brackets aside?"""
    joins = ("+", "-", "*", "number")
    depth = 0
    spaced = False
    before = ""
    for token in tokens[:-1]:
        if depth == 0:
            spaced = spaced or token.spaced
        if token.kind in ("(", "["):
            depth += 1
        elif token.kind in (")", "]"):
            depth -= 1
        elif depth == 0:
            if spaced and before not in ("", *joins) and token.kind not in ("+", "-", "*"):
                return True
            before = token.kind
            spaced = False
    return False
