"""All formats in which a derivative is written down: those of `printing/formats.py`, and those that
need the steps of the derivation or code.
"""

from __future__ import annotations

from ..printing import PRINTED_FORMATS, Format
from .explanation import explain, html_document
from .inspection import source

_REPORTED = (
    Format(
        "text",
        "the derivation step by step",
        lambda given: str(
            explain(given.y, given.wrt, indices=given.indices, sizes=given.sizes),
        ),
        "1. Replace the indices of B by new ones",
        together="\n\n".join,
    ),
    Format(
        "python",
        "source code that computes it, for the backend of --backend",
        lambda given: source(given.derivative, given.backend).rstrip(),
        "def compute(A):",
    ),
    Format(
        "html",
        "a page with the result, the steps and their pictures",
        lambda given: html_document(given.y, given.wrt, indices=given.indices, sizes=given.sizes),
        "<h1>The derivative of einsum(&quot;ij,j-&gt;i&quot;, A, B) by B</h1>",
    ),
)
#: every format by its name, the explanation first
FORMATS: dict[str, Format] = {row.name: row for row in (*_REPORTED, *PRINTED_FORMATS)}
