"""From expressions to strings and pictures: einsum strings, formulas, LaTeX, SVG, HTML."""

from .derivation_strip import steps, strip
from .html import Bundle, block, bundle, details, document, expression_bundle, formulated, table
from .index_notation import Latex, Style, body, formula, latex, left_side, matrix_equation, shown
from .network import label_names
from .network_diagram import diagram
from .sparsity_pattern import FEW, sparsity
from .strings import (
    Printed,
    compact,
    eliminated,
    inserted,
    insertions,
    interleaved,
    operands,
    printed,
    product,
    subscripts,
    text,
)
from .svg import Box, Drawn, Picture, as_number, element, line, text_box, title, together, width, words, write_whole

__all__ = [
    "Box",
    "Bundle",
    "Drawn",
    "FEW",
    "Latex",
    "Picture",
    "Printed",
    "Style",
    "as_number",
    "block",
    "body",
    "bundle",
    "compact",
    "details",
    "diagram",
    "document",
    "element",
    "eliminated",
    "expression_bundle",
    "formula",
    "formulated",
    "inserted",
    "insertions",
    "interleaved",
    "label_names",
    "latex",
    "left_side",
    "line",
    "matrix_equation",
    "operands",
    "printed",
    "product",
    "shown",
    "sparsity",
    "steps",
    "strip",
    "subscripts",
    "table",
    "text",
    "text_box",
    "title",
    "together",
    "width",
    "words",
    "write_whole",
]
