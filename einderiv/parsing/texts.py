"""Texts to expressions: declarations, assignments, and one expression on the last line, in any of
the languages of :mod:`~einderiv.parsing.dialects`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..errors import EinderivError, ParseError, ShapeError, near
from ..expression import (
    Expr,
    Tensor,
    as_expression,
    checked_size,
    constant,
    is_array,
    read_as,
    sized_einsum,
    tensors_of,
)
from .dialects import ALIASES, LANGUAGES, Language
from .equations import is_index_notation, read_equations
from .kinds import MOST_NAMES, Kinds, Search, oddness
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
#: what is done where nothing says how many axes a name has
_STRICT, _GUESS = "strict", "guess"
#: the language that a text is in is found by its signs; einsum strings are in one of their own
AUTO, EINSUM_STRING = "auto", "string"
_STRINGS = re.compile(r"(?<=[(,=])\s*'[^'\n]*'|\"[^\"\n]*\"")


def parse(
    text: str,
    *,
    language: str = "einderiv",
    tensors: Mapping[str, object] | None = None,
    sizes: Mapping[str, int | str] | None = None,
    kinds: str = _STRICT,
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

    With ``language="auto"`` the language is found by its signs, and einsum strings are read too.

    A name whose number of axes is not declared and follows from nothing is asked for. With
    ``kinds="guess"`` it is guessed, and ``e.kinds`` says how; a declaration corrects it:

    >>> ed.parse("sum((A @ x - b)**2)", kinds="guess").kinds
    A: matrix, x: vector, b: vector (guessed)
    >>> ed.parse("x: ij; sum((A @ x - b)**2)", kinds="guess").kinds
    A: matrix, b: vector (guessed)
    >>> ed.parse("A*x", language="auto", kinds="guess").kinds.language
    'matlab'

    Raises ParseError with a caret for what cannot be read, ShapeError for numbers of axes that
    contradict each other. Nothing of a text is ever run.
    """
    if kinds not in (_STRICT, _GUESS):
        raise EinderivError(f"kinds is {_STRICT!r} or {_GUESS!r}, not {str(kinds)[:40]!r}")
    guesses = kinds == _GUESS
    body = source(text)
    rows = [_row(language)] if language != AUTO else _rows_of(body, guesses)
    if not rows:
        return sized_einsum(einsum_string(body) or body, sizes)
    row, *others = rows
    if row.name == "einderiv" and is_index_notation(body):
        return _index_notation(body, tensors, sizes, guesses)
    if sizes:
        raise EinderivError("sizes are those of labels in index notation, y[i] = x[i+k]")
    if not guesses:
        tree = _tree(body, row, tensors)
        builder = tree.builder({})
        builder.build()
        return tree.expression(builder.built[tree.roots[-1]])
    return _best(body, row, others, tensors)


class _Tree(NamedTuple):
    """A text that is read, and not yet built."""

    body: Source
    row: Language
    scope: Scope
    roots: Sequence[Node]

    def builder(self, ranks: Mapping[str, int]) -> Builder:
        """Builds it as the language says, once some names have these numbers of axes."""
        row = self.row
        known = {**self.scope.known, **_tensors(ranks)}
        return Builder(self.body, self.roots, known, row.given, row.default, self.scope.values)

    def guesser(self, ranks: Mapping[str, int], *, infers: bool) -> Builder:
        """Builds what these numbers of axes allow, whatever the language says of names."""
        known = {**self.scope.known, **_tensors(ranks)}
        values = self.scope.values
        return Builder(self.body, self.roots, known, _nothing, _nothing, values, infers)

    def expression(self, value: object) -> Expr:
        """The expression of what the last line has made."""
        return as_expression(self.row.finished(value))


def _nothing(_: str) -> None:
    """A name says nothing about its axes."""
    return


def _tensors(ranks: Mapping[str, int]) -> dict[str, Expr]:
    return {name: Tensor(name, (None,) * rank) for name, rank in ranks.items()}


def _tree(body: Source, row: Language, tensors: Mapping[str, object] | None) -> _Tree:
    """The lines of a text, read in one language."""
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
    return _Tree(body, row, scope, roots)


# ---- what is guessed


def _best(
    body: Source,
    row: Language,
    others: Sequence[Language],
    tensors: Mapping[str, object] | None,
) -> Expr:
    """The expression of the reading that costs least; in another language where that is cheaper,
    as for ``A*x``, which is no product of entries.
    """
    try:
        best = _guessed(_tree(body, row, tensors))
        refused = None
    except (ParseError, ShapeError) as e:
        best, refused = None, e
    is_certain = best is not None and not best.cost
    for other in () if is_certain else others:
        try:
            found = _guessed(_tree(body, other, tensors))
        except (ParseError, ShapeError):
            continue
        comparable = best is None or found.is_guessed or not best.is_guessed
        if best is None or (comparable and found.cost < best.cost):
            best = found
    if best is None:
        assert refused is not None
        raise refused
    return best.expression


class _Guessed(NamedTuple):
    """An expression, which knows its kinds, and what they cost; nothing, where all follow from
    declarations and uses.
    """

    expression: Expr
    cost: int
    is_guessed: bool


def _guessed(tree: _Tree) -> _Guessed:
    """The reading of a text that costs least."""
    inferring = tree.guesser({}, infers=True)
    try:
        inferring.build_known()
        certain = inferring.learnt_ranks()
        unknown = inferring.unknown()
    except (ParseError, ShapeError):
        # Uses that contradict each other: a reading may still fit, where arrays are broadcast.
        certain = {}
        unknown = list(inferring.names_in_order())
        if not unknown:
            raise
    last = tree.roots[-1]
    language = tree.row.name
    if not unknown:
        e = tree.expression(inferring.built[last])
        odd = 0
        for node in inferring.order:
            parts = [inferring.built[part] for part in node.parts]
            odd += oddness(node, parts, inferring.built[node])
        return _Guessed(_with_kinds(e, Kinds(certain, (), language)), odd, is_guessed=False)

    if len(unknown) > MOST_NAMES:
        raise inferring.asked(unknown[0])
    known = {**tree.scope.known, **_tensors(certain)}
    search = Search(unknown, inferring.order, known, inferring.make)
    found = search.kinds(certain, language)
    if found is None:
        raise search.refused or inferring.asked(unknown[0])
    cost, kinds = found
    builder = tree.guesser(kinds.ranks, infers=False)
    builder.build_known()
    e = tree.expression(builder.built[last])
    return _Guessed(_with_kinds(e, kinds), cost, is_guessed=True)


def _with_kinds(e: Expr, kinds: Kinds) -> Expr:
    """An expression that knows how its text was read, if that left anything open."""
    return read_as(e, kinds) if kinds else e


def _index_notation(
    body: Source,
    tensors: Mapping[str, object] | None,
    sizes: Mapping[str, int | str] | None,
    guesses: bool,
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
    e = read_equations(body, spans, known, given)
    if not guesses:
        return e
    # the brackets of a name say how many axes it has
    ranks = {name: tensor.ndim for name, tensor in tensors_of(e).items() if name not in known}
    return _with_kinds(e, Kinds(ranks, (), "einderiv"))


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


def einsum_string(written: str) -> str | None:
    """The einsum string that `written` is, None where it is a text. An arrow may be one sign.

    >>> einsum_string("ij,jk→ik"), einsum_string("A @ B")
    ('ij,jk->ik', None)
    """
    string = written.replace("→", "->")
    return string if is_einsum(string) else None


def language_of(text: str) -> str:
    """The language that a text is in, by signs that only one of them has.

    >>> [language_of(t) for t in ("ij,j->i", "sum(X**2)", "#(ij,j->i; A, x)", "x'*A*x", "tr(A*X)")]
    ['string', 'einderiv', 'einsum', 'matlab', 'matlab']
    """
    row = _row_by_signs(text)
    if row is not None:
        return row.name
    return EINSUM_STRING if _is_string(text) else "einderiv"


def _is_string(text: str) -> bool:
    """Is it an einsum string, and no single name?"""
    string = einsum_string(text)
    return string is not None and ("->" in string or "," in string)


def _row_by_signs(text: str) -> Language | None:
    """The language whose signs a text has; none for an einsum string."""
    if _is_string(text):
        return None
    bare = _STRINGS.sub("", text)
    for row in LANGUAGES.values():
        if row.signs is not None and row.signs.search(bare):
            return row
    return None


def _rows_of(body: Source, guesses: bool) -> list[Language]:
    """The languages that a text may be in, the likeliest first; none for an einsum string."""
    if _is_string(body):
        return []
    row = _row_by_signs(body)
    if row is not None:
        return [row]
    # A*x has no sign of its own: Matlab's product fits where that of entries does not.
    return [LANGUAGES["einderiv"], LANGUAGES["matlab"]] if guesses else [LANGUAGES["einderiv"]]


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
