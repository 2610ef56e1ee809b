"""The formats in which a derivative is written down, a row each: ``einderiv derive --format``
offers every row.

A new format is a file beside this one that walks over the nodes of an expression, and a row here.
What needs more than an expression, the steps of a derivation or code, is a row in
`reports/formats.py`, which has all formats together.

>>> import einderiv as ed
>>> y = ed.einsum("ij,j->i")
>>> row = next(row for row in PRINTED_FORMATS if row.name == "latex")
>>> print(row.write(Derivation(y, "B", ed.derive(y, "B"))))
\\frac{\\partial y_{i}}{\\partial B_{a}} = A_{ia}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..expression import Expr
from .data import json_text
from .derivation_strip import strip
from .index_notation import latex, latex_document


class Derivation(NamedTuple):
    """What a format writes down: an expression, what it is differentiated with respect to, the
    derivative, and what the reader asked for.
    """

    y: Expr
    wrt: Any
    derivative: Expr
    indices: Sequence[str] | None = None  # names of the new axes
    sizes: Mapping[str, Any] | None = None
    backend: str = "numpy"  # of source code
    style: str = "index"  # of formulas
    width: int | None = None  # columns of the lines of a text
    #: what was differentiated before, first to last, where the derivative is of a higher order
    before: tuple[Expr, ...] = ()

    @property
    def last(self) -> Expr:
        """What was differentiated last."""
        return self.before[-1] if self.before else self.y


class Format(NamedTuple):
    """One format. The test of the table runs the example of every row."""

    name: str
    about: str  # what it shows, in one line
    write: Callable[[Derivation], str]
    example: str  # a line of what it writes of the derivative of "ij,j->i" with respect to B
    #: where a file holds more than is printed
    write_file: Callable[[Derivation], str] | None = None
    #: several derivatives as one text; None for what shows a single one
    together: Callable[[Sequence[str]], str] | None = None


def _json_list(texts: Sequence[str]) -> str:
    return "[\n" + ",\n".join(texts) + "\n]"


PRINTED_FORMATS = (
    Format(
        "latex",
        "the formula, for math mode",
        lambda given: latex(given.derivative, style=given.style),
        r"\frac{\partial y_{i}}{\partial B_{a}} = A_{ia}",
        write_file=lambda given: latex_document(given.derivative, given.style),
        together="\n\n".join,
    ),
    Format(
        "json",
        "formulas and einsum strings as data with stable keys",
        lambda given: json_text(given.y, given.derivative),
        '"compact": "ia->ia"',
        together=_json_list,
    ),
    Format(
        "svg",
        "a picture of each step",
        lambda given: strip(given.last, given.wrt).svg(),
        'aria-label="the derivative of einsum(&quot;ij,j-&gt;i&quot;, A, B) by B"',
    ),
)
