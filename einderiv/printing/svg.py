"""SVG as text: elements, measured text, pictures. Everything that is written is escaped here, and
nowhere else.

Lines and letters have ``currentColor``, so a picture takes the colours of the page that it stands
in; on its own it brings a light and a dark one along. Letters are of one width, so that their boxes
are known without a font.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from ..errors import EinderivError

FONT = 15.0  # pixels
LETTER_WIDTH = 0.61  # of the size of a font of one width: what a letter takes
PICTURE_CSS = "svg{color-scheme:light dark;color:CanvasText;background:Canvas}"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


class Rectangle(NamedTuple):
    """A rectangle: its left, top, right and bottom edges."""

    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: Rectangle, margin: float = 0) -> bool:
        """Do two rectangles overlap, or come nearer than `margin`?"""
        return (
            self.left < other.right + margin
            and other.left < self.right + margin
            and self.top < other.bottom + margin
            and other.top < self.bottom + margin
        )

    def moved(self, x: float, y: float) -> Rectangle:
        """The same rectangle elsewhere."""
        return Rectangle(self.left + x, self.top + y, self.right + x, self.bottom + y)


def bounding_box(boxes: Iterable[Rectangle]) -> Rectangle:
    """The smallest rectangle that holds all."""
    found = list(boxes) or [Rectangle(0, 0, 0, 0)]
    return Rectangle(
        min(b.left for b in found),
        min(b.top for b in found),
        max(b.right for b in found),
        max(b.bottom for b in found),
    )


def coordinate(value: float) -> str:
    """A coordinate: no more digits than one sees."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0")
        if abs(value) < 0.05
        else f"{value:.1f}".removesuffix(".0")
    )


def markup(name: str, /, *inside: str, **attributes: object) -> str:
    """An element with its attributes escaped; ``data_label`` is written ``data-label``. What is
    inside is SVG already.

    >>> markup("circle", r=3, data_label='"')
    '<circle r="3" data-label="&quot;"/>'
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_shown(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "".join(inside)
    return f"<{name}{shown}>{body}</{name}>" if body else f"<{name}{shown}/>"


def _shown(value: object) -> str:
    return coordinate(value) if isinstance(value, float) else str(value)


def escaped(text: str) -> str:
    """Text between tags. What is no letter to see is shown as what it is, so that nothing reads
    backwards.
    """
    return escape("".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text))


def tooltip(text: str) -> str:
    """What is shown where a pointer rests."""
    return f"<title>{escaped(text)}</title>"


def text_width(text: str, size: float = FONT) -> float:
    """The width of a line of text."""
    return len(text) * size * LETTER_WIDTH


def text_line(text: str, x: float, y: float, size: float = FONT, **attributes: object) -> str:
    """A line of text around a point."""
    given = {
        "text_anchor": "middle",
        "dominant_baseline": "central",
        "font_size": size,
        "fill": "currentColor",
    }
    return markup("text", escaped(text), x=float(x), y=float(y), **{**given, **attributes})


def text_box(text: str, x: float, y: float, size: float = FONT) -> Rectangle:
    """What a line of text around a point covers."""
    half = text_width(text, size) / 2
    return Rectangle(x - half, y - size * 0.6, x + half, y + size * 0.6)


class Drawing(NamedTuple):
    """SVG elements and what they cover; the boxes of all texts, for those who look for overlaps."""

    parts: tuple[str, ...]
    box: Rectangle
    texts: tuple[tuple[str, Rectangle], ...] = ()

    def at(self, x: float, y: float) -> Drawing:
        """The same, moved."""
        moved = markup("g", *self.parts, transform=f"translate({coordinate(x)} {coordinate(y)})")
        return Drawing(
            (moved,), self.box.moved(x, y), tuple((t, b.moved(x, y)) for t, b in self.texts)
        )


def one_drawing(drawn: Sequence[Drawing]) -> Drawing:
    """Several drawings as one."""
    return Drawing(
        tuple(p for d in drawn for p in d.parts),
        bounding_box(d.box for d in drawn),
        tuple(t for d in drawn for t in d.texts),
    )


def side_by_side_drawings(
    drawn: Sequence[Drawing], gap: float = 24.0, most: float = 1000.0
) -> Drawing:
    """Drawings side by side, their middles on one line; in several rows where they are wide."""
    rows: list[list[Drawing]] = [[]]
    x = 0.0
    for d in drawn:
        wide = d.box.right - d.box.left
        if rows[-1] and x + wide > most:
            rows.append([])
            x = 0.0
        rows[-1].append(d)
        x += wide + gap
    found, top = [], 0.0
    for parts in rows:
        high = max((d.box.bottom - d.box.top for d in parts), default=0.0)
        x = 0.0
        for d in parts:
            middle = top + high / 2
            found.append(d.at(x - d.box.left, middle - (d.box.top + d.box.bottom) / 2))
            x += d.box.right - d.box.left + gap
        top += high + gap
    return one_drawing(found)


class Picture:
    """A picture in SVG: ``str()`` is its text, a notebook shows it, :meth:`save` writes it to a
    file.

    >>> import einderiv as ed
    >>> str(ed.diagram("ij,jk->ik"))[:4]
    '<svg'
    """

    def __init__(self, drawn: Drawing, alt: str, about: str = "", margin: float = 14.0) -> None:
        """`alt` says in words what is to be seen; `about` says more, for those who listen."""
        self.drawn, self.alt, self.about, self.margin = drawn, alt, about, margin

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        box = self.drawn.box
        return box.right - box.left + 2 * self.margin, box.bottom - box.top + 2 * self.margin

    def svg(self, *, style: bool = True) -> str:
        """The text of the picture; without `style` for a page that brings its colours itself."""
        (w, h), box = self.size, self.drawn.box
        view = " ".join(map(coordinate, (box.left - self.margin, box.top - self.margin, w, h)))
        head = [tooltip(self.alt), f"<desc>{escaped(self.about)}</desc>" * bool(self.about)]
        return markup(
            "svg",
            *head,
            f"<style>{PICTURE_CSS}</style>" * style,
            *self.drawn.parts,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=view,
            width=coordinate(w),
            height=coordinate(h),
            role="img",
            aria_label=self.alt,
            font_family=MONO,
            class_="einderiv",
        )

    def __str__(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"Picture({self.alt!r})"

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "image/svg+xml": self.svg()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file that ends in ``.svg``: all of it or nothing.

        Raises EinderivError for another ending: einderiv draws SVG only.
        """
        target = Path(path)
        if target.suffix.lower() != ".svg":
            ending = target.suffix or "a file without an ending"
            raise EinderivError(
                f"pictures are written as .svg, not as {ending}: a browser prints them to all else"
            )
        write_in_one_step(target, self.svg() + "\n")


def write_in_one_step(target: Path, text: str) -> None:
    """Write a file in one step: who reads it sees the old text or the new one."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
