"""Draw the packages of einderiv and the imports between them, as the sources have them.

    python docs/architecture_picture.py [--package FOLDER] FILE.svg

The documentation calls it while it is built, so the picture cannot be out of date. An import that points up, against
the order below, is told in red.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE.parent / "einderiv"
#: the packages from the bottom to the top, a line for each floor: packages of one floor do not import each other
FLOORS = """\
errors
expression
functions
autodiff parsing
simplifying
printing planning
rewriting
backends
reports
runtime
checking fitting interop large
page
operators
__init__
cli
"""
#: a module at the top that only calls another one is drawn with it
PART_OF = {"__main__": "cli"}


@dataclass
class Package:
    """A box: a folder, or a module at the top."""

    name: str
    files: int = 0
    lines: int = 0
    #: how many files of this package import another one
    imports: Counter[str] = field(default_factory=Counter)


# ---- reading
def imported(tree: ast.Module, package: list[str]) -> Iterator[list[str]]:
    """What a file imports, as paths below the top; `package` is the folder that it is in.

    Imports inside functions count like all others.

    >>> tree = ast.parse("from ..errors import limits\\ndef f():\\n    from . import paths")
    >>> list(imported(tree, ["planning"]))
    [['errors', 'limits'], ['planning', 'paths']]
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            stem = above + (node.module.split(".") if node.module else [])
            yield from ([*stem, alias.name] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            path = node.module.split(".")
            if path[0] == SOURCES.name:
                yield from ([*path[1:], alias.name] for alias in node.names)
        elif isinstance(node, ast.Import):
            paths = [alias.name.split(".") for alias in node.names]
            yield from (path[1:] or ["__init__"] for path in paths if path[0] == SOURCES.name)


def packages(folder: Path = SOURCES) -> list[Package]:
    """The packages below a folder with their imports, from the bottom to the top.

    A module at the top that has no floor belongs to ``__init__``. A package that has none comes last.
    """
    files = {
        path: path.relative_to(folder).with_suffix("").parts
        for path in sorted(folder.rglob("*.py"))
    }
    folders = {parts[0] for parts in files.values() if len(parts) > 1}
    order = FLOORS.split()

    def box_of(first: str) -> str:
        """The box of what is called `first` at the top."""
        first = PART_OF.get(first, first)
        return first if first in folders or first in order else "__init__"

    found: dict[str, Package] = {}
    for path, parts in files.items():
        text = path.read_text(encoding="utf-8")
        name = box_of(parts[0])
        box = found.setdefault(name, Package(name))
        box.files += 1
        box.lines += len(text.splitlines())
        targets = {box_of(target[0]) for target in imported(ast.parse(text), [*parts[:-1]])}
        box.imports.update(targets - {name})
    order += sorted(folders - {*order})
    return sorted(found.values(), key=lambda box: order.index(box.name))


def floor(name: str) -> int:
    """The number of the floor of a package."""
    floors = [line.split() for line in FLOORS.splitlines()]
    return next((k for k, names in enumerate(floors) if name in names), len(floors))


# ---- drawing
STEP = 29  # pixels from one column to the next
WIDTH, HEIGHT = 128, 30  # of a box
NEAR, FAR = 3, 9  # between boxes of one floor, and between floors
MARGIN = 12
ACCENT = "#3572a5"  # seen on white and on black, and white is read on it


def element(name: str, *inside: str, **attributes: object) -> str:
    """An element of SVG; what is inside is SVG already."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{shown}>{''.join(inside)}</{name}>"


def counted(number: int, word: str) -> str:
    """``1 file``, ``1,200 lines``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def text(words: str, x: float, y: float, **attributes: object) -> str:
    """A line of text."""
    return element("text", escape(words), x=x, y=y, **attributes)


class Drawing:
    """Boxes climb from the left bottom to the right top.

    An import leaves its box to the left and goes down into the box that is imported. Where it turns there is a disc
    with its weight. So every import has a place of its own, and one that points up or to the right would be seen.
    """

    def __init__(self, boxes: list[Package]) -> None:
        self.boxes = boxes
        self.place = {box.name: k for k, box in enumerate(boxes)}
        self.width = 2 * MARGIN + STEP * (len(boxes) - 1) + WIDTH
        rises = [0]  # of each box over the lowest
        for below, above in pairwise(boxes):
            gap = NEAR if floor(below.name) == floor(above.name) else FAR
            rises.append(rises[-1] + HEIGHT + gap)
        self.height = 2 * MARGIN + rises[-1] + HEIGHT
        self.tops = [MARGIN + rises[-1] - rise for rise in rises]

    def left(self, k: int) -> int:
        return MARGIN + STEP * k

    def top(self, k: int) -> int:
        return self.tops[k]

    def column(self, k: int) -> int:
        """Where imports come down to a box."""
        return self.left(k) + 14

    def row(self, k: int) -> int:
        """Where imports leave a box."""
        return self.top(k) + HEIGHT // 2

    def down(self, k: int) -> list[tuple[int, int]]:
        """The boxes below that box `k` imports, with the numbers of files."""
        places = {self.place[name]: count for name, count in self.boxes[k].imports.items()}
        return sorted((at, count) for at, count in places.items() if at < k)

    def box(self, k: int) -> str:
        package = self.boxes[k]
        x, y = self.left(k), self.top(k)
        size = f"{counted(package.files, 'file')}, {counted(package.lines, 'line')}"
        return element(
            "g",
            element(
                "rect",
                x=x,
                y=y,
                width=WIDTH,
                height=HEIGHT,
                rx=5,
                fill=ACCENT,
                fill_opacity=0.14,
                stroke=ACCENT,
            ),
            text(package.name, x + 8, y + 13, font_size=13, font_weight="bold"),
            text(size, x + 8, y + 25, font_size=10, opacity=0.75),
        )

    def lines(self) -> Iterator[str]:
        """The lines of all imports, beneath everything else."""
        starts: dict[int, int] = {}  # the highest box that imports a box
        for k in range(len(self.boxes)):
            targets = [at for at, _ in self.down(k)]
            starts.update(dict.fromkeys(targets, k))
            if targets:
                yield f"M{self.left(k)} {self.row(k)}H{self.column(targets[0])}"
        yield from (
            f"M{self.column(at)} {self.row(k)}V{self.top(at) - 7}" for at, k in starts.items()
        )

    def heads(self) -> Iterator[str]:
        """The heads of the arrows."""
        for at in sorted({at for k in range(len(self.boxes)) for at, _ in self.down(k)}):
            yield f"M{self.column(at) - 4} {self.top(at) - 8}h8l-4 7z"

    def disc(self, k: int, at: int, count: int) -> str:
        x, y = self.column(at), self.row(k)
        told = f"{counted(count, 'file')} of {self.boxes[k].name}: imports of {self.boxes[at].name}"
        radius = round(min(12.5, 7.5 + 0.45 * count), 1)
        return element(
            "g",
            element("title", escape(told)),
            element("circle", cx=x, cy=y, r=radius, fill=ACCENT),
            text(str(count), x, y + 3.5, font_size=10, text_anchor="middle", fill="#fff"),
        )

    def against(self) -> list[str]:
        """The imports that do not point to a lower floor."""
        return [
            f"against the order: {box.name} imports {name} ({count})"
            for box in self.boxes
            for name, count in sorted(box.imports.items())
            if floor(name) >= floor(box.name)
        ]

    def svg(self) -> str:
        """The picture."""
        against = self.against()
        height = self.height + 18 * len(against)
        told = [
            text(line, MARGIN, self.height + 18 * k + 8, font_size=12, fill="#d24")
            for k, line in enumerate(against)
        ]
        discs = [self.disc(k, *found) for k in range(len(self.boxes)) for found in self.down(k)]
        return element(
            "svg",
            element("title", "The packages of einderiv and the imports between them"),
            element(
                "path",
                d="".join(self.lines()),
                fill="none",
                stroke="currentColor",
                stroke_opacity=0.35,
            ),
            element("path", d="".join(self.heads()), fill="currentColor", fill_opacity=0.6),
            *(self.box(k) + "\n" for k in range(len(self.boxes))),
            *(disc + "\n" for disc in discs),
            *told,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {self.width} {height}",
            width=self.width,
            height=height,
            role="img",
            font_family="system-ui, sans-serif",
            fill="currentColor",
            style="max-width:100%;height:auto",
        )


def write(path: Path, folder: Path = SOURCES) -> None:
    """Write the picture, unless it is there already: Sphinx reads a page again whose picture is newer."""
    picture = Drawing(packages(folder)).svg() + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != picture:
        path.write_text(picture, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw the packages and their imports.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--package", type=Path, default=SOURCES, help="the folder of the package")
    options = parser.parse_args()
    write(options.file, options.package)
    return 0


if __name__ == "__main__":
    sys.exit(main())
