"""A derivation as a file that opens by itself: a page, a LaTeX document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..autodiff import derive
from ..errors import LimitError
from ..expression import Expr
from ..printing import (
    as_text,
    escaped,
    expression_bundle,
    html_page,
    latex,
    markup,
    preformatted,
    strip,
)
from .explanation import explain


def html_document(
    y: Expr,
    wrt: Any,
    *,
    indices: Sequence[str] | None = None,
    sizes: Mapping[str, Any] | None = None,
) -> str:
    """The derivation of ``derive(y, wrt)`` in HTML: the result, the steps in pictures and in words.

    >>> import einderiv as ed
    >>> html_document(ed.einsum("ij,j->i"), "B").startswith("<!doctype html>")
    True

    Raises what ``derive`` and ``explain`` raise.
    """
    J = derive(y, wrt, indices)
    name = f"The derivative of {as_text(y)} by {J.record.wrt if J.record else wrt}"
    sections = explain(y, wrt, indices=indices, sizes=sizes).sections
    steps = [
        markup("h3", escaped(section.title)) + preformatted(section.lines) for section in sections
    ]
    try:
        pictures = strip(y, wrt).svg()
    except LimitError as error:
        pictures = preformatted([str(error)])
    return html_page(
        name, expression_bundle(J)["text/html"], "<h2>Step by step</h2>", pictures, *steps
    )


def latex_document(e: Expr) -> str:
    """The formula of `e` as a document that LaTeX compiles; it needs amsmath."""
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{amsmath,amssymb}",
            r"\begin{document}",
            r"\[",
            latex(e),
            r"\]",
            r"\end{document}",
        ]
    )
