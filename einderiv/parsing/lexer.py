"""A text to tokens, and tokens to lines: what all languages of :func:`einderiv.parse` have in
common.

Nothing here knows what an expression is. A text is declarations (``X: is``), assignments (``R = T -
U``) and, last, one expression; a line ends where no parenthesis is open, or at a semicolon.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import ParseError, limits
from ..expression import BLANKS, is_name

# operators in one chain: Python reads about three times as many, whatever else is on its stack
LONGEST = 1000
DIGITS = 309  # of a whole number: longer ones are beyond every float
_OPENING = {")": "(", "]": "[", "}": "{"}


class Token(NamedTuple):
    """A piece of a text. `kind` is ``name``, ``number``, ``string``, ``einsum``, ``sign`` or
    ``end`` of a line.
    """

    kind: str
    text: str
    at: int  # in the whole text

    @property
    def stop(self) -> int:
        return self.at + len(self.text)


class Line(NamedTuple):
    """An assignment, or without `name` the expression at the end."""

    name: Token | None
    tokens: tuple[Token, ...]


class Declaration(NamedTuple):
    """``S: nn, symmetric`` says that the tensor S has the axes n and n, and is symmetric."""

    name: str
    at: int
    axes: str
    axes_at: int
    structure: tuple[Token, ...]


class Lexicon(NamedTuple):
    """How the pieces of one language look."""

    comment: str  # that reaches to the end of the line
    pieces: tuple[tuple[str, str], ...]  # kind and pattern, tried in this order

    def pattern(self) -> re.Pattern[str]:
        """One pattern for all pieces, blanks and comments; the group that matches is the kind."""
        pieces = [
            ("blank", r"[ \t\f\v]+"),
            ("comment", rf"{self.comment}[^\r\n]*"),
            ("end", r"\r\n?|\n|;"),
            *self.pieces,
        ]
        groups = [f"(?P<{kind}>{pattern})" for kind, pattern in pieces]
        return re.compile("|".join(groups))


NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[jJ]?"
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
STRING = r"'[^'\r\n]*'|\"[^\"\r\n]*\""
# the positions of Python's ast count bytes: characters only while all are ASCII
_ODD = re.compile(r"[^ -~]")
_DECLARED = re.compile(rf"[ \t]*({NAME}(?:[ \t]*,[ \t]*{NAME})*)[ \t]*:(?!=)([^#%/\r\n;]*)")


class Source(str):
    """The whole text: it makes the errors that point into it."""

    __slots__ = ()

    def wrong(self, message: str, at: int) -> ParseError:
        """The error whose caret stands under the character at `at`."""
        last = max(len(self) - 1, 0)
        inside = min(max(at, 0), last)
        return ParseError(message, str(self) or " ", inside)


def source(text: object) -> Source:
    """`text`, once it is short enough."""
    if not isinstance(text, str):
        raise TypeError(f'parse takes a text such as "sum(exp(X))", not {type(text).__name__}')
    limits.check("characters", len(text), text=text)
    return Source(text)


def tokens(text: Source, pattern: re.Pattern[str], start: int, stop: int) -> Iterator[Token]:
    """The pieces between two positions, without blanks and comments."""
    at = start
    while at < stop:
        match = pattern.match(text, at, stop)
        if match is None or match.lastgroup is None:
            raise _strange(text, at)
        kind = match.lastgroup
        piece = match.group()
        if kind in ("number", "name"):
            _check_word(text, kind, piece, at)
        if kind == "string" and (odd := _ODD.search(piece)):
            raise _strange(text, at + odd.start())
        if kind not in ("blank", "comment"):
            yield Token(kind, piece, at)
        at = match.end()


def _strange(text: Source, at: int) -> ParseError:
    """No piece of the language begins here."""
    c = text[at]
    if c in "'\"":
        return text.wrong(
            "this quotation mark has no partner on its line; a transpose is written X.T", at
        )
    if _ODD.match(c):
        name = unicodedata.name(c, "unnamed")
        return text.wrong(f"U+{ord(c):04X} ({name}) means nothing here: a text is plain ASCII", at)
    if text.startswith(":=", at):
        return text.wrong("':=' cannot be read: an assignment has a line of its own, R = …", at)
    hint = _HINTS.get(c, "it means nothing here")
    return text.wrong(f"{c!r} cannot be read: {hint}", at)


_HINTS = {
    "[": "entries and slices are not read; an einsum says it, as 'ii->i' for a diagonal",
    "{": "braces are not read; write parentheses",
    "^": "a power is written **",
    ":": "a declaration stands at the beginning of its own line, as 'X: ij'",
    "%": "there is no remainder",
    "\\": "lines go on inside parentheses, and strings hold no escapes",
    "!": "there is no factorial, and 'differs from' is written !=",
    "#": "an einsum is written #('ij,jk->ik', A, B), and a comment begins with //",
    ".": "a dot stands before T, in numbers, and behind the name of a module",
}


def _check_word(text: Source, kind: str, piece: str, at: int) -> None:
    """Refuse a name that is none, and a number that is too long or runs into a name."""
    if kind == "name":
        if piece not in ("True", "False", "None"):
            check_name(text, piece, at)
        return
    digits = sum(c.isdigit() for c in piece)
    if digits > DIGITS:
        raise text.wrong(f"a number of {len(piece)} characters is more than floats hold", at)
    stop = at + len(piece)
    behind = text[stop : stop + 1]
    if behind.isalnum() or behind == "_":
        raise text.wrong(
            "a number runs into a name: write a product as 2*x, and numbers as 1000 or 1e3", stop
        )


def lines(text: Source, pattern: re.Pattern[str]) -> tuple[list[Declaration], list[list[Token]]]:
    """The declarations, and the tokens of each other line."""
    declared: list[Declaration] = []
    token_lines: list[list[Token]] = [[]]
    opened: list[Token] = []  # the parentheses that are not closed yet
    at = 0
    while at < len(text):
        inside_a_line = token_lines[-1] or opened
        head = None if inside_a_line else _DECLARED.match(text, at)
        if head is not None:
            declared.extend(_declarations(text, head))
            at = head.end()
        for token in tokens(text, pattern, at, len(text)):
            at = token.stop
            if token.kind != "end":
                if head is not None:
                    raise text.wrong(
                        "axes are letters or words, as in 'X: ij' or 'X: batch in'", token.at
                    )
                _balance(text, token, opened)
                token_lines[-1].append(token)
            elif not opened:
                # The next line may be a declaration, which is no tokens.
                token_lines.append([])
                break
            elif token.text == ";":
                raise text.wrong(
                    "a semicolon ends a line, but a parenthesis is still open", token.at
                )
        else:
            at = len(text)
    if opened:
        raise text.wrong("this parenthesis is never closed", opened[-1].at)
    return declared, [line for line in token_lines if line]


def line_spans(text: Source) -> Iterator[tuple[int, int]]:
    """Where the lines of index notation begin and end, without comments and empty ones. A line ends
    where no bracket is open.
    """
    start, depth, comment = 0, 0, False
    stop = 0  # behind the last character that is no comment
    for at, c in enumerate(str(text) + "\n"):
        if c in "\n;" and (depth <= 0 or at == len(text)) and not (comment and c == ";"):
            if text[start:stop].strip():
                yield start, stop
            start = stop = at + 1
            comment = False
        elif c == "\n":
            comment = False
        elif c == "#":
            comment = True
        elif not comment:
            depth += (c in "([{") - (c in ")]}")
            stop = at + 1


def declared_in(text: Source, start: int, stop: int) -> list[Declaration] | None:
    """The declarations of a line; None where it declares nothing."""
    head = _DECLARED.match(text, start, stop)
    if head is None or head.end() != stop:
        return None
    return list(_declarations(text, head))


def _balance(text: Source, token: Token, opened: list[Token]) -> None:
    """Keep `opened` up to date: the parentheses that are open behind `token`."""
    """Keep account of the parentheses, and refuse deep nests before anything descends into them."""
    if token.kind == "einsum" or token.text == "(":
        opened.append(token)
        if len(opened) > limits.depth:
            raise text.wrong(
                f"more than {limits.depth} parentheses inside each other (ed.limits.depth): "
                "assign the inner part, R = …",
                token.at,
            )
    elif token.text == ")":
        if not opened:
            raise text.wrong("this parenthesis closes nothing", token.at)
        opened.pop()


def _declarations(text: Source, head: re.Match[str]) -> Iterator[Declaration]:
    """``X, Y: is`` is one declaration for each name."""
    # behind the colon: the axes, and what the tensor is
    parts = []
    at = head.start(2)
    for part in head.group(2).split(","):
        blanks = len(part) - len(part.lstrip(BLANKS))
        parts.append(Token("name", part.strip(BLANKS), at + blanks))
        at += len(part) + 1
    axes, *structure = parts
    # before it: the names
    for name in re.finditer(NAME, head.group(1)):
        place = head.start(1) + name.start()
        check_name(text, name.group(), place)
        yield Declaration(name.group(), place, axes.text, axes.at, tuple(structure))


def check_name(text: Source, name: str, at: int) -> None:
    """Raise unless a tensor or a value can be called `name`."""
    if keyword.iskeyword(name):
        raise text.wrong(
            f"{name!r} is a keyword of Python, and no name: expressions are made of names, "
            "numbers, operators and calls of functions",
            at,
        )
    if not is_name(name) or name.startswith("__"):
        raise text.wrong(
            f"{name[:30]!r} is no name here: names do not begin with two underscores", at
        )


def assigned(text: Source, line: Sequence[Token]) -> Line:
    """``R = …`` taken apart; the pieces behind the sign are left as they are."""
    assigns = len(line) > 1 and line[0].kind == "name" and line[1].text == "="
    if not assigns:
        return Line(None, tuple(line))
    if len(line) == 2:
        raise text.wrong("nothing is assigned here", line[1].at)
    return Line(line[0], tuple(line[2:]))


def check_depth(
    text: Source, line: Sequence[Token], prefixes: frozenset[str], right: frozenset[str]
) -> None:
    """Refuse what would be a deep tree: long runs of signs, long chains of operators.

    A tree is at most as deep as the sum, over the open parentheses, of the operators inside each.
    """
    frames = [_Frame()]
    ended = False  # an operand has just ended
    for token in line:
        frame = frames[-1]
        if token.text == "(" or token.kind == "einsum":
            frames.append(_Frame())
        elif token.text == ")":
            frames.pop()
            frames[-1].inside = max(frames[-1].inside, frame.depth)
        elif token.text == ",":
            # the next argument begins anew, and the deepest of them counts
            frames[-1] = _Frame(before=frame.depth)
        elif token.kind == "sign":
            frame.operators += 1
            in_row = token.text in right or (not ended and token.text in prefixes)
            frame.in_row = frame.in_row + 1 if in_row else 0
        if frame.in_row > limits.depth:
            raise text.wrong(
                f"more than {limits.depth} signs or powers in a row (ed.limits.depth)", token.at
            )
        if frames[-1].depth > LONGEST:
            raise text.wrong(
                f"a chain of more than {LONGEST} operators: part it by assignments, R = …", token.at
            )
        ended = token.kind in ("name", "number", "string") or token.text == ")"


@dataclass(slots=True)
class _Frame:
    """What is inside one pair of parentheses, since its last comma."""

    before: int = 0  # the depth of the arguments before the comma
    inside: int = 0  # the depth of the deepest pair in it
    operators: int = 1
    in_row: int = 0  # signs and powers, which nest to the right

    @property
    def depth(self) -> int:
        return max(self.before, self.operators + self.inside)
