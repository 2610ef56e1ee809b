"""Which characters of a line are labels: what the page lights up together.

A formula in LaTeX says it by colours that nobody sees: each label has a colour of its own, which
the page turns into a mark when the formula is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..expression import Add, Einsum, Expr, axis_names, is_name, naming, short_product
from ..printing import LatexStyle, Letters, left_side, right_side

Segment = tuple[str, str | None]  # a piece of a line, and the label that it is
#: where labels stand in the lines of an explanation: an einsum string, indices, sums, and what is
#: said of a label
_PLACES = re.compile(
    r"(?P<string>[A-Za-z]*(?:,[A-Za-z]*)*->[A-Za-z]*)"
    r"|(?<=\[)(?P<indices>\w+(?:, ?\w+)*)(?=\])"
    r"|(?<=Σ_)(?P<one>\w+)|(?<=Σ_\{)(?P<many>[\w,]+)(?=\})"
    r"|\b(?P<left>[A-Za-z]\w*)(?= = \w)|(?<= = )(?P<right>[A-Za-z]\w*)\b(?![(\[])"
    r"|\b(?P<said>[A-Za-z])"
    r"(?= is summed| becomes| and [a-z] are| are both| already| takes its| varies)"
    r"|(?<=becomes )(?P<new>[A-Za-z])\b(?![,\[])"
)


def segments(
    line: str, labels: Iterable[str], words: Mapping[str, str] | None = None
) -> list[Segment]:
    """`line` in pieces, those that are labels by their names.

    `words` says which label a letter of an einsum string shortens.

    >>> segments("ij->i of A", "ij")
    [('i', 'i'), ('j', 'j'), ('->', None), ('i', 'i'), (' of A', None)]
    """
    known, short = set(labels), words or {}
    found: list[Segment] = []
    at = 0
    for place in _PLACES.finditer(line):
        found.append((line[at : place.start()], None))
        pieces = re.findall(r"\w|\W+" if place.lastgroup == "string" else r"\w+|\W+", place.group())
        for piece in pieces:
            name = short.get(piece, piece) if place.lastgroup == "string" else piece
            found.append((piece, name if name in known else None))
        at = place.end()
    return [s for s in (*found, (line[at:], None)) if s[0]]


def string(letters: Letters, words: Mapping[str, str] | None = None) -> list[Segment]:
    """An einsum string in pieces; every letter is a label."""
    short = words or {}
    found: list[Segment] = []
    signs = ""  # that are between two letters
    for k, labels in enumerate((*letters.inputs, letters.output)):
        if k == len(letters.inputs):
            signs += "->"
        elif k:
            signs += ","
        for letter in labels:
            if signs:
                found.append((signs, None))
                signs = ""
            found.append((letter, short.get(letter, letter) or None))
    return [*found, (signs, None)] if signs else found


def shortened(e: Expr) -> dict[str, str]:
    """For each letter of the einsum string of one product, the label that it stands for in
    formulas.
    """
    if isinstance(e, Add):
        return {}
    flat: Einsum = short_product(e)
    long, short = naming(flat), naming(flat, short=True)
    pairs = [(short.labels[x], name) for x, name in long.labels.items()]
    return dict([*pairs, *zip(short.axes, long.axes, strict=True)])


def labels_of(expressions: Iterable[Expr]) -> list[str]:
    """Every label that the formulas of these expressions may show."""
    found: dict[str, None] = {}
    for e in expressions:
        for term in e.terms:
            found |= dict.fromkeys((*axis_names(e), *shortened(term).values()))
    return [name for name in found if is_name(name)]


class Marked(LatexStyle):
    """LaTeX in which each label has a colour: the number of the label."""

    def __init__(self) -> None:
        super().__init__()
        self.colours: dict[str, str] = {}

    def label(self, name: str) -> str:
        colour = self.colours.setdefault(name, f"#{0x010000 + len(self.colours):06x}")
        return rf"\textcolor{{{colour}}}{{{super().label(name)}}}"


def marked_latex(e: Expr) -> tuple[str, dict[str, str]]:
    """The formula of `e` in marked LaTeX, and the label of each colour. Raises LimitError as
    ``latex`` does.
    """
    style, names = Marked(), axis_names(e)
    shown = f"{left_side(e, 'y', style, names)} = {right_side(e, names, style)}"
    return shown, {colour: name for name, colour in style.colours.items()}
