"""HTML for notebooks and files: no script, nothing from elsewhere, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import EinderivError, LimitError
from ..expression import Expr, axis_names, coefficient, is_zero, terms
from .index_notation import formula, latex
from .network_diagram import diagram
from .strings import compact, operands, subscripts, text
from .svg import element, words

SHOWN = 20  # terms of a sum
STYLE = "white-space:pre-wrap;font-family:ui-monospace,Menlo,Consolas,monospace"

Bundle = dict[str, str]


def bundle(plain: str, html: str, **more: str) -> Bundle:
    """What a notebook chooses from: text, HTML, and whatever else there is."""
    return {"text/plain": plain, "text/html": html, **more}


def block(lines: Iterable[str]) -> str:
    """Lines of text as they stand."""
    return element("pre", words_of(lines), style=STYLE)


def words_of(lines: Iterable[str]) -> str:
    """Lines, each escaped."""
    return "\n".join(words(line) for line in lines)


def details(summary: str, *inside: str, opened: bool = False) -> str:
    """A part that opens when one asks for it."""
    return element("details", f"<summary>{words(summary)}</summary>", *inside, open="" if opened else None)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    cells = [element("tr", *(element("th", words(c) or "&nbsp;") for c in head))]
    cells += [element("tr", *(element("td", words(c) or "&nbsp;") for c in row)) for row in rows]
    return element("table", *cells)


def expression_bundle(e: Expr, include: object = None, exclude: object = None) -> Bundle:
    """An expression in a notebook: its formula, its strings, its picture. The text alone if it is too large for these.

    >>> import einderiv as ed
    >>> sorted(expression(ed.derive("is,st,tj->ij", 0)))
    ['text/html', 'text/latex', 'text/plain']
    """
    try:
        said = formula(e)
        html = "".join([block([said]), details("einsum strings", _strings(e)), _picture(e)])
    except LimitError:
        return bundle(text(e), block([text(e)]))
    return bundle(text(e), html, **formulated(e))


def formulated(e: Expr) -> dict[str, str]:
    """The formula in LaTeX, for a bundle; nothing where it is too large to be read."""
    try:
        return {"text/latex": f"${latex(e)}$"}
    except LimitError:
        return {}


def _picture(e: Expr) -> str:
    try:
        return details("picture", diagram(e).svg())
    except LimitError as error:
        return details("picture", block([str(error)]))


def _strings(e: Expr) -> str:
    if is_zero(e):
        return block([f"zeros with the axes {', '.join(axis_names(e)) or 'of a scalar'}"])
    found = terms(e)
    rows = [_row(term) for term in found[:SHOWN]]
    more = [("", f"{len(found) - SHOWN} more terms", "", "")] * (len(found) > SHOWN)
    return table(("", "einsum", "compact", "operands"), [*rows, *more])


def _row(term: Expr) -> tuple[str, str, str, str]:
    front = coefficient(term)
    try:
        strings = subscripts(term), compact(term)
    except EinderivError as error:
        strings = str(error), ""
    return "" if front == 1 else str(front), *strings, ", ".join(map(str, operands(term)))


def document(name: str, *parts: str) -> str:
    """A whole page that opens by itself, and may load nothing."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    style = ("html{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;"
             "padding:0 1rem}pre{overflow-x:auto}svg{max-width:100%;height:auto}td,th{text-align:left;"
             "padding:.1rem .8rem .1rem 0;font-family:ui-monospace,Menlo,Consolas,monospace}")  # fmt: skip
    head = ('<meta charset="utf-8">', element("meta", http_equiv="Content-Security-Policy", content=policy),
            '<meta name="viewport" content="width=device-width">', f"<title>{words(name)}</title>",
            f"<style>{style}</style>")  # fmt: skip
    return "\n".join(["<!doctype html>", '<html lang="en">', "<head>", *head, "</head>", "<body>",
                      f"<h1>{words(name)}</h1>", *parts, "</body>", "</html>"])  # fmt: skip
