"""Figures as people read them, and columns of them."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence

LEAST_ROOM = 10  # letters of the first column


def shown(seconds: float) -> str:
    """A time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def stored(count: float | None) -> str:
    """A number of bytes with its unit."""
    if count is None:
        return "–"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"


def ratio(number: float | None) -> str:
    """A ratio for a table."""
    if number is None:
        return "–"
    return f"{number:.2f}" if number < 9.995 else f"{number:.0f}"


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Collection[str] = (),
    width: int | None = None,
) -> str:
    """Columns for a terminal, those called as in `left` to the left; the cells of the first column
    are broken at blanks where the lines were longer than `width`.

    >>> print(table(("case", "time"), [("a product of three", "3 ms")], ("case",), width=16))
    case        time
    a product   3 ms
      of three
    """
    room = _room_of_first(head, rows, width)
    lines: list[list[str]] = [list(head)]
    for first, *others in rows:
        start, *rest = textwrap.wrap(first, room, subsequent_indent="  ") or [""]
        lines.append([start, *others])
        lines += [[piece, *[""] * len(others)] for piece in rest]
    columns = []
    for name, *cells in zip(*lines, strict=True):
        wide = max(map(len, (name, *cells)))
        align = str.ljust if name in left else str.rjust
        columns.append([align(cell, wide) for cell in (name, *cells)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _room_of_first(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> int:
    """How many letters the first column may have: as many as it wants, or what others leave."""
    widths = [max(map(len, cells)) for cells in zip(head, *rows, strict=True)]
    others = sum(widths[1:]) + 2 * (len(widths) - 1)
    if width is None:
        return max(widths[0], 1)
    return max(min(widths[0], width - others), LEAST_ROOM)


def legend(meanings: Mapping[str, str], width: int) -> str:
    """What the names at the head of a table mean, a line or two for each."""
    indent = max(map(len, meanings)) + 2
    lines = []
    for name, meaning in meanings.items():
        start = name.ljust(indent)
        lines += textwrap.wrap(
            start + meaning, width, subsequent_indent=" " * indent, drop_whitespace=True
        )
    return "\n".join(lines)
