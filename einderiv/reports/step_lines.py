"""Long formulas in lines: broken before ``+`` and ``−``, outside brackets where that is possible.

>>> print(*broken_lines("y = Σ_j A[i,j] x[j] + b[i] − (c[i] + d[i]) e[i]", 24), sep="\\n")
y = Σ_j A[i,j] x[j]
    + b[i]
    − (c[i] + d[i]) e[i]
"""

from __future__ import annotations

SIGNS = ("+", "−", "-")
OPENING, CLOSING = "([{", ")]}"
CONTINUED = "    "  # in front of all lines but the first


def broken_lines(text: str, width: int) -> list[str]:
    """The lines of a formula, none longer than `width` where it has blanks or commas to break it
    at.
    """
    lines: list[str] = []
    for whole in text.splitlines():
        rest = whole.rstrip()
        front = ""
        while len(front) + len(rest) > width:
            left = width - len(front)
            place = _place(rest, left)
            if place is None or not left // 4 < place <= left:  # an einsum string, a word
                place = rest.rfind(",", 0, left) + 1 or place
            if place is None:
                break
            lines.append(front + rest[:place].rstrip())
            rest = rest[place:].lstrip()
            front = CONTINUED
        lines.append(front + rest)
    return lines


def wrapped_words(text: str, width: int) -> list[str]:
    """The lines of a sentence."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _place(text: str, width: int) -> int | None:
    """The blank at which a line ends, the last of the best kind; None where there is none."""
    best: tuple[tuple[int, int], int] | None = None
    for place, depth in _blanks(text):
        if place > width:
            return place if best is None else best[1]
        rank = (_badness(text, place, depth, width), -place)
        if best is None or rank < best[0]:
            best = rank, place
    return None if best is None else best[1]


def _badness(text: str, place: int, depth: int, width: int) -> int:
    """Best is a line that ends before a sign outside all brackets, then between factors."""
    following = text[place + 1 :].split(" ", 1)[0]
    is_sign = following in SIGNS
    if depth == 0 and is_sign:
        return 0
    is_long = place > width // 2
    if depth == 0 and is_long:
        return 1
    return 2 * depth + (not is_sign) + (not is_long) * len(text)


def _blanks(text: str) -> list[tuple[int, int]]:
    """The blanks of a text behind its beginning, and in how many brackets each stands."""
    found: list[tuple[int, int]] = []
    depth = 0
    has_begun = False
    for place, letter in enumerate(text):
        depth += (letter in OPENING) - (letter in CLOSING)
        if letter == " " and has_begun:
            found.append((place, depth))
        has_begun = has_begun or letter != " "
    return found
