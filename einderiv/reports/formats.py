"""All formats in which a derivative is written down: those of `printing/formats.py`, and those that
need the steps of the derivation or code.
"""

from __future__ import annotations

from ..printing import PRINTED_FORMATS, Derivation, Format
from .explanation import Section, SectionKind, explain, html_document
from .inspection import source, spoken_cost


def _explained(given: Derivation) -> str:
    """The derivation, once for each order."""
    chain = given.before or (given.y,)
    texts = []
    for order, y in enumerate(chain, 1):
        is_last = order == len(chain)
        explanation = explain(
            y,
            given.wrt,
            indices=given.indices,
            sizes=given.sizes if is_last else None,
            style=given.style,
        )
        if is_last and given.sizes is None:
            cost = spoken_cost(given.derivative)
            if cost:
                explanation.sections.append(Section(SectionKind.COST, "Cost", cost))
        heading = f"Derivative {order} of {len(chain)}\n" if len(chain) > 1 else ""
        texts.append(heading + explanation.text(given.width))
    return "\n\n".join(texts)


_REPORTED = (
    Format(
        "text",
        "the derivation step by step",
        _explained,
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
        lambda given: html_document(
            given.last, given.wrt, indices=given.indices, sizes=given.sizes
        ),
        "<h1>The derivative of einsum(&quot;ij,j-&gt;i&quot;, A, B) by B</h1>",
    ),
)
#: every format by its name, the explanation first
FORMATS: dict[str, Format] = {row.name: row for row in (*_REPORTED, *PRINTED_FORMATS)}
