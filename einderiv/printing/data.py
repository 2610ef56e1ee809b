"""A derivative as data: what programs of others read."""

from __future__ import annotations

import json
from typing import Any

from ..expression import Add, Expr, axis_names, coefficient, tensors_of, terms
from .index_notation import formula, latex
from .strings import as_text, compact_subscripts, operand_texts, printed_subscripts


def json_text(y: Expr, J: Expr) -> str:
    """The derivative `J` of `y` in JSON; the keys are stable.

    >>> import einderiv as ed
    >>> y = ed.einsum("ij,j->i")
    >>> print(json_text(y, ed.derive(y, "B")))  # doctest: +ELLIPSIS
    {
      "expression": "ij,j->i",
      "operands": [
        "A",
        "B"
      ],
      "wrt": "B",
    ...

    Raises LimitError for what has no formula of a readable length, or more labels than letters.
    """
    return json.dumps(_derivative_data(y, J), indent=2)


def _derivative_data(y: Expr, J: Expr) -> dict[str, Any]:
    assert J.record is not None
    if isinstance(y, Add):  # a sum has no one einsum string
        expression = as_text(y)
        operands = list(tensors_of(y))
    else:
        expression = printed_subscripts(y)
        operands = operand_texts(y)
    return {
        "expression": expression,
        "operands": operands,
        "wrt": J.record.wrt,
        "axes": list(axis_names(J)),
        "formula": formula(J),
        "latex": latex(J),
        "terms": [_term_data(term) for term in terms(J)],
    }


def _term_data(term: Expr) -> dict[str, Any]:
    return {
        "coefficient": coefficient(term),
        "subscripts": printed_subscripts(term),
        "operands": operand_texts(term),
        "compact": compact_subscripts(term),
    }
