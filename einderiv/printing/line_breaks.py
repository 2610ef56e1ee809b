"""Long formulas on several lines: they break at + and − outside of brackets, between factors where
that is not enough, and inside of brackets only where nothing else is left. An einsum string breaks
behind a comma.

>>> print(broken("y = A x + exp(B x + c) + Bᵀ y", 20))
y = A x
    + exp(B x + c)
    + Bᵀ y
"""

from __future__ import annotations

import textwrap

from ..errors import EinderivError

INDENT = "    "  # before the further lines of a formula
NARROWEST = 20  # columns
EARLY = 4  # a blank in the first quarter of a line is no better than a comma behind it
_OPENING, _CLOSING = "([{", ")]}"
_SIGNS = frozenset(("+", "−", "-"))
_WHERE = "where"


def checked_width(width: object) -> int | None:
    """A number of columns, or None for lines of any length."""
    if width is None:
        return None
    if not isinstance(width, int) or isinstance(width, bool):
        raise TypeError(f"width is a number of columns, not {type(width).__name__}")
    if width < NARROWEST:
        raise EinderivError(f"a width of {width} columns is below {NARROWEST}: no formula fits")
    return width


def broken(formula: str, width: int | None) -> str:
    """A formula with no line beyond `width` columns, unless a single factor is longer."""
    return formula if width is None else "\n".join(broken_lines(formula, width))


def broken_lines(formula: str, width: int) -> list[str]:
    """The lines of a formula, or of an einsum string, as :func:`broken` makes them.

    >>> broken_lines("aa,bb,cc,dd,ee->x", 14)
    ['aa,bb,cc,dd,', '    ee->x']
    """
    lines: list[str] = []
    for line in formula.split("\n"):
        lines += _lines(line, width)
    return lines


def wrapped_prose(line: str, width: int | None) -> str:
    """A line of words, broken at blanks."""
    if width is None or len(line) <= width:
        return line
    indent = _lead(line) + INDENT
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def wrapped_words(text: str, width: int) -> list[str]:
    """The lines of a sentence, none of them indented."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _lines(line: str, width: int) -> list[str]:
    """One line as several."""
    indent = _lead(line) + INDENT
    lines: list[str] = []
    while len(line) > width:
        at = _best_break(line, width)
        if at is None or at > width or at - len(_lead(line)) <= width // EARLY:
            at = _last_comma(line, width) or at
        if at is None:
            break
        lines.append(line[:at].rstrip())
        line = indent + line[at:].lstrip()
    return [*lines, line]


def _last_comma(line: str, width: int) -> int | None:
    """Behind the last comma within the width that is outside of brackets and before no blank: one
    of an einsum string.
    """
    found = None
    depth = 0
    for at, c in enumerate(line[:width]):
        depth += (c in _OPENING) - (c in _CLOSING)
        if c == "," and depth == 0 and line[at + 1 : at + 2].strip():
            found = at + 1
    return found


def _lead(line: str) -> str:
    """The blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip(" "))]


def _best_break(line: str, width: int) -> int | None:
    """Where a line that is too long ends; None where it cannot be broken.

    Of the places within the width the one that is in the fewest brackets, a sign before a blank
    between factors, and of equals the last. Where none is within the width, the first behind it.
    """
    best: tuple[tuple[int, bool, int], int] | None = None
    for at, depth, is_factor in _places(line):
        if at > width:
            return best[1] if best is not None else _behind_a_sign(line, width) or at
        rank = (depth, is_factor, -at)
        if best is None or rank < best[0]:
            best = (rank, at)
    return best[1] if best is not None else _behind_a_sign(line, width)


def _behind_a_sign(line: str, width: int) -> int | None:
    """The last blank of all within the width, behind a sum or a sign of equality: where a line ends
    that cannot be broken otherwise. What stands before it is no sign of a term.
    """
    at = line.rfind(" ", len(_lead(line)), width + 1)
    while at > 0 and line[:at].rstrip(" ")[-1:] in _SIGNS:
        at = line.rfind(" ", len(_lead(line)), at)
    return at if at > len(_lead(line)) else None


def _places(line: str) -> list[tuple[int, int, bool]]:
    """The blanks at which a line may end: how many brackets are open there, and whether a factor
    and no sign comes next.
    """
    places: list[tuple[int, int, bool]] = []
    depth = 0
    before = ""  # the word before a blank
    at = len(_lead(line))
    while at < len(line):
        c = line[at]
        if c == " ":
            word = line[at + 1 :].partition(" ")[0]
            # A sum keeps its body, an equation its right side, a sign its term.
            goes_on = not before or before in _SIGNS or before == "=" or word == "="
            opens_a_sum = before.lstrip(_OPENING).startswith(("Σ", "sum_"))
            if word == _WHERE:
                places.append((at, -1, False))
            elif not goes_on and not opens_a_sum:
                places.append((at, depth, word not in _SIGNS))
            before = ""
        else:
            depth += (c in _OPENING) - (c in _CLOSING)
            before += c
        at += 1
    return places
