"""HTML for notebooks and files: no script, nothing from elsewhere, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import EinderivError, LimitError
from ..expression import Expr, axis_names, coefficient, is_zero, terms
from .index_notation import latex
from .mathml import mathml
from .network_diagram import diagram
from .strings import as_text, compact_subscripts, printed_operands, printed_subscripts
from .svg import escaped, markup

SHOWN_TERMS = 20  # terms of a sum
TEXT_CSS = "white-space:pre-wrap;font-family:ui-monospace,Menlo,Consolas,monospace"
PAGE_CSS = (
    "html{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{overflow-x:auto}"
    "svg{max-width:100%;height:auto}"
    "td,th{text-align:left;padding:.1rem .8rem .1rem 0;"
    "font-family:ui-monospace,Menlo,Consolas,monospace}"
)

MimeBundle = dict[str, str]


def mime_bundle(plain: str, html: str, **more: str) -> MimeBundle:
    """What a notebook chooses from: text, HTML, and whatever else there is."""
    return {"text/plain": plain, "text/html": html, **more}


def preformatted(lines: Iterable[str]) -> str:
    """Lines of text as they stand."""
    return markup("pre", escaped_lines(lines), style=TEXT_CSS)


def escaped_lines(lines: Iterable[str]) -> str:
    """Lines, each escaped."""
    return "\n".join(escaped(line) for line in lines)


def collapsible(summary: str, *inside: str, opened: bool = False) -> str:
    """A part that opens when one asks for it."""
    shown = f"<summary>{escaped(summary)}</summary>"
    return markup("details", shown, *inside, open="" if opened else None)


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    lines = [_table_line("th", head)]
    lines += [_table_line("td", row) for row in rows]
    return markup("table", *lines)


def _table_line(name: str, cells: Iterable[str]) -> str:
    # An empty element would close itself, which HTML does not know.
    return markup("tr", *(markup(name, escaped(text) or "&nbsp;") for text in cells))


def expression_bundle(e: Expr, include: object = None, exclude: object = None) -> MimeBundle:
    """An expression in a notebook: its formula, its strings, its picture. The text alone if it is
    too large for these.

    >>> import einderiv as ed
    >>> sorted(expression_bundle(ed.derive("is,st,tj->ij", 0)))
    ['text/html', 'text/latex', 'text/plain']
    """
    plain = as_text(e)
    try:
        parts = [
            mathml(e),
            collapsible("einsum strings", _strings(e)),
            _picture(e),
        ]
    except LimitError:
        return mime_bundle(plain, preformatted([plain]))
    return mime_bundle(plain, "".join(parts), **latex_entry(e))


def typeset(e: Expr) -> str:
    """The formula as MathML, which browsers typeset without a script; nothing where it is too
    large to be read.
    """
    try:
        return mathml(e)
    except LimitError:
        return ""


def latex_entry(e: Expr) -> dict[str, str]:
    """The formula in LaTeX, for a bundle; nothing where it is too large to be read."""
    try:
        return {"text/latex": f"${latex(e)}$"}
    except LimitError:
        return {}


def _picture(e: Expr) -> str:
    try:
        return collapsible("picture", diagram(e).svg(style=False))
    except LimitError as error:
        return collapsible("picture", preformatted([str(error)]))


def _strings(e: Expr) -> str:
    if is_zero(e):
        axes = ", ".join(axis_names(e)) or "of a scalar"
        return preformatted([f"zeros with the axes {axes}"])
    addends = terms(e)
    rows = [_row(term) for term in addends[:SHOWN_TERMS]]
    if len(addends) > SHOWN_TERMS:
        rows.append(("", f"{len(addends) - SHOWN_TERMS} more terms", "", ""))
    return html_table(("", "einsum", "compact", "operands"), rows)


def _row(term: Expr) -> tuple[str, str, str, str]:
    number = coefficient(term)
    front = "" if number == 1 else str(number)
    operands = ", ".join(map(str, printed_operands(term)))
    try:
        return front, printed_subscripts(term), compact_subscripts(term), operands
    except EinderivError as error:  # more labels than letters
        return front, str(error), "", operands


def html_page(name: str, *parts: str) -> str:
    """A page that opens by itself, and may load nothing."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        '<meta charset="utf-8">',
        markup("meta", http_equiv="Content-Security-Policy", content=policy),
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escaped(name)}</title>",
        f"<style>{PAGE_CSS}</style>",
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            *head,
            "</head>",
            "<body>",
            f"<h1>{escaped(name)}</h1>",
            *parts,
            "</body>",
            "</html>",
        ]
    )
