"""Which characters of a line are labels: what the page lights up together.

A formula in LaTeX says it by colours that nobody sees: each label has a colour of its own, which
the page turns into a mark when the formula is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..expression import PRIME, Add, Einsum, Expr, axis_names, is_name, naming, short_product
from ..printing import LatexStyle, Letters, left_side, right_side

Segment = tuple[str, str | None]  # a piece of a line, and the label that it is
#: where labels stand in the lines of an explanation: an einsum string, indices, sums, and what is
#: said of a label
_PLACES = re.compile(
    r"(?P<string>[A-Za-z]*(?:,[A-Za-z]*)*->[A-Za-z]*)"
    r"|(?<=\[)(?P<indices>[\w′]+(?:, ?[\w′]+)*)(?=\])"
    r"|(?<=Σ_)(?P<one>[\w′]+)|(?<=Σ_\{)(?P<many>[\w′,]+)(?=\})"
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
    known = set(labels)
    letters = words or {}
    pieces: list[Segment] = []
    at = 0
    for place in _PLACES.finditer(line):
        pieces.append((line[at : place.start()], None))
        in_string = place.lastgroup == "string"  # an einsum string: a letter is a label
        for piece in re.findall(r"\w|\W+" if in_string else r"[\w′]+|[^\w′]+", place.group()):
            name = letters.get(piece, piece) if in_string else piece
            pieces.append((piece, name if name in known else None))
        at = place.end()
    pieces.append((line[at:], None))
    return [(text, label) for text, label in pieces if text]


def string(letters: Letters, words: Mapping[str, str] | None = None) -> list[Segment]:
    """An einsum string in pieces; every letter is a label."""
    names = words or {}
    pieces: list[Segment] = []
    signs = ""  # that are between two letters
    for k, labels in enumerate((*letters.inputs, letters.output)):
        if k == len(letters.inputs):
            signs += "->"
        elif k:
            signs += ","
        for letter in labels:
            if signs:
                pieces.append((signs, None))
                signs = ""
            pieces.append((letter, names.get(letter, letter) or None))
    if signs:
        pieces.append((signs, None))
    return pieces


def shortened(e: Expr) -> dict[str, str]:
    """For each letter of the einsum string of one product, the label that it stands for in
    formulas.
    """
    if isinstance(e, Add):
        return {}
    flat: Einsum = short_product(e)
    long, short = naming(flat, of=e), naming(flat, short=True, of=e)
    words = {short.labels[label]: name for label, name in long.labels.items()}
    words.update(zip(short.axes, long.axes, strict=True))
    return words


def labels_of(expressions: Iterable[Expr]) -> list[str]:
    """Every label that the formulas of these expressions may show."""
    names: list[str] = []
    for e in expressions:
        for term in e.terms:
            names += [*axis_names(e), *shortened(term).values()]
    return [name for name in dict.fromkeys(names) if is_name(name.rstrip(PRIME))]


class Marked(LatexStyle):
    """LaTeX in which each label has a colour: the number of the label."""

    def __init__(self) -> None:
        super().__init__()
        self.colours: dict[str, str] = {}

    def label(self, name: str) -> str:
        number = 0x010000 + len(self.colours)
        colour = self.colours.setdefault(name, f"#{number:06x}")
        return rf"\textcolor{{{colour}}}{{{super().label(name)}}}"


def marked_latex(e: Expr) -> tuple[str, dict[str, str]]:
    """The formula of `e` in marked LaTeX, and the label of each colour. Raises LimitError as
    ``latex`` does.
    """
    style, names = Marked(), axis_names(e)
    shown = f"{left_side(e, 'y', style, names)} = {right_side(e, names, style)}"
    return shown, {colour: name for name, colour in style.colours.items()}
