"""Texts to expressions: declarations, assignments, and one expression on the last line, in any of
the languages of :mod:`~einderiv.parsing.dialects`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import EinderivError, near
from ..expression import Expr, as_expression, checked_size, constant, is_array
from .dialects import ALIASES, LANGUAGES, Language
from .equations import is_index_notation, read_equations
from .lexer import (
    Declaration,
    Source,
    assigned,
    check_depth,
    declared_in,
    line_spans,
    lines,
    source,
)
from .resolve import Builder, declarations
from .syntax import Node, Scope

#: signs of all languages that nest: one before an operand, and one that may be read from the right
_PREFIXES = frozenset(("+", "-"))
_FROM_THE_RIGHT = frozenset(("^", "**"))


def parse(
    text: str,
    *,
    language: str = "einderiv",
    tensors: Mapping[str, object] | None = None,
    sizes: Mapping[str, int | str] | None = None,
) -> Expr:
    """The expression that a text says: declarations, assignments, and one expression on the last
    line.

    >>> import einderiv as ed
    >>> print(ed.parse("sum((T - einsum('nk,mk->nm', U, V))**2)").ndim)
    0
    >>> y = ed.parse('''
    ...     X: sample feature    # axes are letters, or words
    ...     w: feature
    ...     p = sigmoid(X @ w)
    ...     sum(log(p))
    ... ''')
    >>> ed.grad(y, "w").ndim
    1

    `tensors` declares tensors too: axes, or expressions that stand for names. `language` is that of
    Python (``"einderiv"``), of diff.einsum.org (``"einsum"``) or of matrixcalculus.org
    (``"matlab"``):

    >>> ed.grad(ed.parse("0.5*x'*A*x", language="matlab"), "x").ndim
    1

    A text whose left side has brackets is index notation, as `formula` prints it: labels that are
    not on the left are summed, nothing is read outside an axis, and `sizes` gives sizes of labels
    that the text leaves open.

    >>> y = ed.parse("y[i] = x[i+k] * w[k]")
    >>> y == ed.einsum("i+k,k->i", "x", "w")
    True
    >>> print(ed.formula(y))
    y[i] = Σ_k x[i+k] w[k]

    Raises ParseError with a caret for what cannot be read, ShapeError for numbers of axes that
    contradict each other. Nothing of a text is ever run.
    """
    row = _row(language)
    body = source(text)
    if row.name == "einderiv" and is_index_notation(body):
        return _index_notation(body, tensors, sizes)
    if sizes:
        raise EinderivError("sizes are those of labels in index notation, y[i] = x[i+k]")
    declared, token_lines = lines(body, row.lexicon.pattern())
    scope = Scope(body, declarations(body, declared, tensors))
    roots: list[Node] = []
    rest = [tuple(tokens) for tokens in reversed(token_lines)]
    while rest:
        line = assigned(body, rest.pop())
        check_depth(body, line.tokens, _PREFIXES, _FROM_THE_RIGHT)
        node, more = row.read_line(body, scope, line.tokens)
        if line.name is not None:
            scope.assign(line.name.text, line.name.at, node)
        if more and line.name is None:
            raise body.wrong("an operator is missing before this", more[0].at)
        if more:
            rest.append(more)
        if line.name is None and rest:
            what = "every line but the last is an assignment, R = …"
            raise body.wrong(what, line.tokens[0].at)
        if line.name is not None and not rest:
            raise body.wrong("the last line is the expression itself", line.tokens[0].at)
        roots.append(node)
    if not roots:
        raise body.wrong("there is no expression in this text", len(body) - 1)
    builder = Builder(body, roots, scope.known, row.given, row.default, scope.values)
    builder.build()
    return as_expression(row.finished(builder.built[roots[-1]]))


def _index_notation(
    body: Source, tensors: Mapping[str, object] | None, sizes: Mapping[str, int | str] | None
) -> Expr:
    """The expression of declarations and equations, ``y[i] = …``."""
    declared: list[Declaration] = []
    spans: list[tuple[int, int]] = []
    for start, stop in line_spans(body):
        found = declared_in(body, start, stop)
        if found is None:
            spans.append((start, stop))
        else:
            declared += found
    given = {key: checked_size(key, size) for key, size in (sizes or {}).items()}
    known = declarations(body, declared, _with_arrays(tensors))
    return read_equations(body, spans, known, given)


def _with_arrays(tensors: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """Arrays among the tensors are held."""
    if not isinstance(tensors, Mapping):
        return tensors
    return {key: constant(v, name=key) if is_array(v) else v for key, v in tensors.items()}


def is_einsum(written: str) -> bool:
    """Does it look like an einsum string: letters, words, commas, dots, an arrow; and with an arrow
    the signs and brackets of index expressions?

    A minus, a greater sign or a single dot is one of a text if there is neither arrow nor comma:
    ``A - B``, ``X.T``.
    """
    if "->" in written:
        return re.fullmatch(r"[\w,.>\s+*()\[\]-]*", written) is not None
    if not re.fullmatch(r"[\w,.>\s-]*", written):
        return False
    if "," in written:
        return True
    signs_of_texts = re.search(r"[->]|(?<!\.)\.(?!\.)", written)
    return signs_of_texts is None


def _row(language: object) -> Language:
    """The row of a language, by its name or another one."""
    if not isinstance(language, str):
        raise TypeError(f"language must be a name such as 'matlab', not {type(language).__name__}")
    name = ALIASES.get(language.lower(), language.lower())
    if name not in LANGUAGES:
        raise EinderivError(
            f"no language is called {language[:40]!r}; {near(language, [*LANGUAGES, *ALIASES])}"
        )
    return LANGUAGES[name]
