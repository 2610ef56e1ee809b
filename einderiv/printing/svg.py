"""SVG as text: elements, measured text, pictures. Everything that is written is escaped here, and
nowhere else.

Lines and letters have ``currentColor``, and nothing is painted behind them, so a picture takes the
colours of the page that it stands in. As a file of its own it is light or dark as the browser, or
the page that shows it as an image, asks. Letters are of one width, so that their boxes
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
#: of a file: within a page the root is the page, which has colours of its own
PICTURE_CSS = "svg:root{color-scheme:light dark;color:CanvasText}"
#: what covers lines: the background of JupyterLab, of VS Code, of the docs, else of the page
PAPER = (
    "var(--jp-layout-color0,var(--vscode-editor-background,var(--color-background-primary,Canvas)))"
)
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


class Rectangle(NamedTuple):
    """A rectangle: its left, top, right and bottom edges."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def touches(self, other: Rectangle, margin: float = 0) -> bool:
        """Do two rectangles overlap, or come nearer than `margin`?"""
        if self.left >= other.right + margin or other.left >= self.right + margin:
            return False  # side by side
        return self.top < other.bottom + margin and other.top < self.bottom + margin

    def moved(self, x: float, y: float) -> Rectangle:
        """The same rectangle elsewhere."""
        return Rectangle(self.left + x, self.top + y, self.right + x, self.bottom + y)


def bounding_box(boxes: Iterable[Rectangle]) -> Rectangle:
    """The smallest rectangle that holds all."""
    held = list(boxes)
    if not held:
        return Rectangle(0, 0, 0, 0)
    return Rectangle(
        min(box.left for box in held),
        min(box.top for box in held),
        max(box.right for box in held),
        max(box.bottom for box in held),
    )


def coordinate(value: float) -> str:
    """A coordinate: no more digits than one sees."""
    shown = f"{value:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown


def markup(name: str, /, *inside: str, **attributes: object) -> str:
    """An element with its attributes escaped; ``data_label`` is written ``data-label``. What is
    inside is SVG already.

    >>> markup("circle", r=3, data_label='"')
    '<circle r="3" data-label="&quot;"/>'
    """
    start = name
    for key, value in attributes.items():
        if value is not None:
            # `class_` is no word of Python's, and is written class.
            attribute = key.rstrip("_").replace("_", "-")
            start += f' {attribute}="{escape(_shown(value))}"'
    body = "".join(inside)
    return f"<{start}>{body}</{name}>" if body else f"<{start}/>"


def _shown(value: object) -> str:
    return coordinate(value) if isinstance(value, float) else str(value)


def escaped(text: str) -> str:
    """Text between tags. What is no letter to see is shown as what it is, so that nothing reads
    backwards.
    """
    visible = [c if c.isprintable() else f"\\u{ord(c):04x}" for c in text]
    return escape("".join(visible))


def tooltip(text: str) -> str:
    """What is shown where a pointer rests."""
    return f"<title>{escaped(text)}</title>"


def text_width(text: str, size: float = FONT) -> float:
    """The width of a line of text."""
    return len(text) * size * LETTER_WIDTH


def text_line(text: str, x: float, y: float, size: float = FONT, **attributes: object) -> str:
    """A line of text around a point."""
    usual = {
        "text_anchor": "middle",
        "dominant_baseline": "central",
        "font_size": size,
        "fill": "currentColor",
    }
    return markup("text", escaped(text), x=float(x), y=float(y), **{**usual, **attributes})


def text_box(text: str, x: float, y: float, size: float = FONT) -> Rectangle:
    """What a line of text around a point covers."""
    half_width = text_width(text, size) / 2
    half_height = size * 0.6
    return Rectangle(x - half_width, y - half_height, x + half_width, y + half_height)


class Drawing(NamedTuple):
    """SVG elements and what they cover; the boxes of all texts, for those who look for overlaps."""

    parts: tuple[str, ...]
    box: Rectangle
    texts: tuple[tuple[str, Rectangle], ...] = ()

    def at(self, x: float, y: float) -> Drawing:
        """The same, moved."""
        moved = markup("g", *self.parts, transform=f"translate({coordinate(x)} {coordinate(y)})")
        texts = [(text, box.moved(x, y)) for text, box in self.texts]
        return Drawing((moved,), self.box.moved(x, y), tuple(texts))


def one_drawing(drawn: Sequence[Drawing]) -> Drawing:
    """Several drawings as one."""
    parts: list[str] = []
    texts: list[tuple[str, Rectangle]] = []
    for one in drawn:
        parts += one.parts
        texts += one.texts
    return Drawing(tuple(parts), bounding_box(one.box for one in drawn), tuple(texts))


def side_by_side_drawings(
    drawn: Sequence[Drawing], gap: float = 24.0, most: float = 1000.0
) -> Drawing:
    """Drawings side by side, their middles on one line; in several rows where they are wide."""
    rows: list[list[Drawing]] = [[]]
    x = 0.0
    for one in drawn:
        if rows[-1] and x + one.box.width > most:
            rows.append([])
            x = 0.0
        rows[-1].append(one)
        x += one.box.width + gap

    placed: list[Drawing] = []
    top = 0.0
    for row in rows:
        height = max((one.box.height for one in row), default=0.0)
        x = 0.0
        for one in row:
            _, middle = one.box.middle
            placed.append(one.at(x - one.box.left, top + height / 2 - middle))
            x += one.box.width + gap
        top += height + gap
    return one_drawing(placed)


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
        return box.width + 2 * self.margin, box.height + 2 * self.margin

    def svg(self, *, style: bool = True) -> str:
        """The text of the picture; without `style` for a page that brings its colours itself."""
        width, height = self.size
        box = self.drawn.box
        view = (box.left - self.margin, box.top - self.margin, width, height)
        head = [tooltip(self.alt)]
        if self.about:
            head.append(f"<desc>{escaped(self.about)}</desc>")
        if style:
            head.append(f"<style>{PICTURE_CSS}</style>")
        return markup(
            "svg",
            *head,
            *self.drawn.parts,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=" ".join(map(coordinate, view)),
            width=coordinate(width),
            height=coordinate(height),
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
        # Within the page it has the colours of the page, which an image does not know.
        return {
            "text/plain": repr(self),
            "text/html": self.svg(style=False),
            "image/svg+xml": self.svg(),
        }

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
