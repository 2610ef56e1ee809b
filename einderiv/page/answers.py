"""The derivative as the page shows it: a request in, data out, both as JSON has them. Symbolic:
no NumPy is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from ..errors import EinderivError, LimitError
from ..expression import Expr, coefficient, is_zero
from ..printing import (
    FormulaStyle,
    Letters,
    compact_letters,
    formula,
    inserted_letters,
    latex,
    matrix_equation,
    subscript_letters,
)
from ..printing import as_text as short_text
from ..reports import explain
from .marking import labels_of, marked_latex, segments, shortened, string
from .questions import FieldError, Question, Subject, given, question, subject
from .shapes import layouts

READ = 40  # terms that the page shows one by one
STEPS = 60  # lines of one step


def derivative(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to "what is the derivative?".

    >>> found = derivative({"text": "is,st,tj->ij", "wrt": "A"})
    >>> found["terms"][0]["compact"][:4]
    [['b', 'b'], ['t', 't'], [',', None], ['t', 't']]
    >>> found["tensors"], found["wrt"]
    ({'A': 2, 'B': 2, 'C': 2}, 'A')

    Raises what ``parse``, ``einsum`` and ``derive`` raise, and FieldError for a field that cannot
    be used.
    """
    q, problem = asked(request)
    found = subject(q)
    J = found.result
    shapes, problem = _shapes(found, q, problem)
    expression, result = _formula(found.chain[0]), _formula(J)
    # The colours know the labels inside of functions too.
    inner = [*expression["colours"].values(), *result["colours"].values()]
    labels = list(dict.fromkeys([*labels_of(found.chain), *inner]))
    return {
        "language": found.language,
        "tensors": found.tensors,
        "wrt": found.wrt,
        "order": q.order,
        "labels": labels,
        "scalar": found.chain[0].ndim == 0,
        "expression": expression,
        "result": result,
        "zero": is_zero(J),
        "terms": _terms(J),
        "count": len(J.terms),
        "steps": steps(found, labels),
        "shapes": shapes,
        "problem": problem,
    }


def asked(request: Mapping[str, Any]) -> tuple[Question, dict[str, Any] | None]:
    """The question, and what is wrong with its sizes: those are left out then, for the
    derivative needs none.
    """
    try:
        return question(request), None
    except FieldError as e:
        if e.field != "sizes":
            raise
        return question({**request, "sizes": ""}), trouble(e, request)


def trouble(error: Exception, request: Mapping[str, Any]) -> dict[str, Any]:
    """An error as data: one message, and where in which field a caret goes.

    >>> try:
    ...     derivative({"text": "ij,j->k"})
    ... except EinderivError as e:
    ...     print(trouble(e, {"text": "ij,j->k"}))  # doctest: +ELLIPSIS
    {'message': "output label 'k' ...", 'field': 'text', 'position': 6}
    """
    message = str(error)
    position = getattr(error, "position", None)
    if isinstance(error, FieldError):
        return {"message": message, "field": error.field, "position": position}
    pointed, text = getattr(error, "text", ""), request.get("text", "")
    if position is not None and pointed:
        # without the text and the caret: the page draws its own
        message = getattr(error, "reason", message)
        start = text.find(pointed.strip()) if isinstance(text, str) else -1
        lead = len(pointed) - len(pointed.lstrip())
        position = start + position - lead if start >= 0 else None
    return {"message": message, "field": "text", "position": position}


def _formula(e: Expr) -> dict[str, Any]:
    """The formula: for reading aloud and copying, in LaTeX, in LaTeX with its labels marked, and
    of matrices.
    """
    try:
        marked, colours = marked_latex(e)
        return {
            "text": formula(e),
            "latex": latex(e),
            "marked": marked,
            "colours": colours,
            "matrix": matrix_equation(e, "y", FormulaStyle()),
        }
    except LimitError as error:
        return {
            "text": short_text(e),
            "latex": None,
            "marked": None,
            "colours": {},
            "matrix": None,
            "why": str(error),
        }


def _terms(J: Expr) -> list[dict[str, Any]]:
    if is_zero(J):
        return []
    return [_term(term) for term in J.terms[:READ]]


def _term(term: Expr) -> dict[str, Any]:
    words = shortened(term)
    # Letters of the string before deltas are eliminated may stand for other labels.
    same_letters = {letter: name if letter == name else "" for letter, name in words.items()}
    number = coefficient(term)
    return {
        "coefficient": None if number == 1 else str(number),
        "subscripts": _string(term, subscript_letters, words),
        "inserted": _string(term, inserted_letters, same_letters),
        "compact": _string(term, compact_letters, words),
        "operands": [str(o) for o in term.operands],
    }


def _string(
    term: Expr, form: Callable[[Expr], Letters], words: Mapping[str, str]
) -> list[list[str | None]] | None:
    """One of the three einsum strings, or None where the term has none in this form."""
    try:
        return [list(segment) for segment in string(form(term), words)]  # lists, as in JSON
    except EinderivError:  # `inserted` is defined for products only; beyond 52 letters no string is
        return None


def steps(found: Subject, labels: list[str]) -> list[dict[str, Any]]:
    """The derivation as steps to walk through, once for each order of the derivative."""
    walked: list[dict[str, Any]] = []
    orders = len(found.chain) - 1
    for k, (e, derivative) in enumerate(pairwise(found.chain), 1):
        words: dict[str, str] = {}
        for term in (*e.terms[:READ], *derivative.terms[:READ]):
            words.update(shortened(term))
        part = f"derivative {k} of {orders}: " if orders > 1 else ""
        first, *rest = explain(e, found.wrt).sections
        title = f"{part}what is derived by {found.wrt}"
        walked.append(_step(title, [short_text(e), *first.lines], labels, words))
        for section in rest:
            walked.append(_step(part + section.title, section.lines, labels, words))
    return walked


def _step(
    title: str, lines: list[str], labels: list[str], words: Mapping[str, str]
) -> dict[str, Any]:
    """One step, its lines in segments as JSON has them: lists."""
    shown: list[list[list[str | None]]] = []
    for line in lines[:STEPS]:
        shown.append([list(segment) for segment in segments(line, labels, words)])
    if len(lines) > STEPS:
        shown.append([[f"… {len(lines) - STEPS} more lines", None]])
    return {"title": title, "lines": shown}


def _shapes(
    found: Subject, q: Question, problem: dict[str, Any] | None
) -> tuple[list[dict[str, Any]], Any]:
    try:
        return layouts(found.result, *given(q, found.tensors)), problem
    except EinderivError as e:
        said = problem or {"message": str(e), "field": "sizes", "position": None}
        return layouts(found.result, {}), said
