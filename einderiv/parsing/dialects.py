"""The languages of texts, a :class:`Language` each: that of Python, ``#('ij,jk->ik', A, B)`` of
diff.einsum.org, and the Matlab of matrixcalculus.org, ``x'*A*x``.

The last two are described at https://diff.einsum.org/language and
https://www.matrixcalculus.org/documentation.

A vector of Matlab stands or lies: ``x'*y`` is an inner product, ``x*y'`` an outer one, ``x*y``
neither. Here a vector has one axis either way, so a lying one is remembered as a :class:`Row` until
the text ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import expression, functions
from ..errors import ShapeError, counted
from ..expression import Einsum, Expr, as_expression, called, einsum, filled
from ..functions import VOCABULARY, is_elementwise
from . import python
from .lexer import NAME, NUMBER, Lexicon, Token
from .precedence import (
    POWER,
    PREFIX,
    PRODUCT,
    SUM,
    Grammar,
    LineReader,
    Make,
    Sign,
    by_precedence,
)
from .syntax import OPERATORS, itself


def _unknown(_: str) -> None:
    """Names say nothing about axes."""
    return


@dataclass(frozen=True)
class Language:
    """A language of texts: all that is known of it. :data:`LANGUAGES` has the rows."""

    name: str
    aliases: tuple[str, ...]  # other names of it
    home: str  # where it is spoken
    example: tuple[str, str]  # a text, and how its expression is printed
    lexicon: Lexicon
    read_line: LineReader
    given: Callable[[str], int | None] = _unknown  # how many axes a name has without a declaration
    default: Callable[[str], int | None] = _unknown  # how many where nothing else says so
    finished: Callable[[Any], Any] = itself  # the expression of what the last line has made
    # what only its texts have, by which the page knows it; languages are tried in their order
    signs: re.Pattern[str] | None = None


# ---- Python


EINDERIV = Language(
    name="einderiv",
    aliases=("python",),
    home="Python",
    example=(
        "einsum('ij,j->i', A, exp(x))",
        'einsum("ij,j->i", A, exp(x))',
    ),
    lexicon=python.PIECES,
    read_line=python.read_line,
)


# ---- diff.einsum.org


def _contracted(a: Any, b: Any) -> Expr:
    """The last axis of `a` with the first of `b`: ``ij,jkl->ikl``."""
    first = as_expression(a)
    second = as_expression(b)
    if not (first.ndim and second.ndim):
        raise ShapeError("@ needs two operands with axes; multiply by a scalar with *")
    left = list(range(first.ndim - 1))
    summed = first.ndim - 1
    right = list(range(first.ndim, first.ndim + second.ndim - 1))
    return einsum(first, [*left, summed], second, [summed, *right], [*left, *right])


def _alike(make: Make) -> Make:
    """An operator of entries in a language that says of nothing but scalars that it broadcasts."""

    def function(*values: Any, **options: Any) -> Any:
        ranks = {_rank(value) for value in values} - {0}
        if len(ranks) > 1:
            words = " with ".join([_axes(value) for value in values])
            raise ShapeError(
                f"cannot combine {words}: only scalars broadcast here; write the einsum"
            )
        return make(*values, **options)

    return function


def _axes(value: Any) -> str:
    """An operand and its number of axes, for a message."""
    e = standing(value)
    name = called(e) if isinstance(e, Expr) else "a number"
    return f"{name}, {counted(_rank(value), 'axis')},"


def _unwrapped(name: str, make: Make) -> Make:
    return _alike(make) if is_elementwise(name) else make


def _matrix(_: str) -> int:
    return 2


EINSUM_GRAMMAR = Grammar(
    between={
        "+": Sign(SUM, _alike(OPERATORS["+"]), "+"),
        "-": Sign(SUM, _alike(OPERATORS["-"]), "-"),
        "*": Sign(PRODUCT, _alike(OPERATORS["*"]), "*"),
        "/": Sign(PRODUCT, _alike(OPERATORS["/"]), "/"),
        "@": Sign(PRODUCT, _contracted, "@"),
        "@@": Sign(PRODUCT, functions.outer, "@@"),
        "^": Sign(POWER, _alike(OPERATORS["**"]), "**", right=True),
        "**": Sign(POWER, _alike(OPERATORS["**"]), "**", right=True),
    },
    before={
        "-": Sign(PREFIX, OPERATORS["negative"], "negative"),
        "+": Sign(PREFIX, OPERATORS["positive"], "positive"),
    },
    behind={},
    words={},
    constants={},
    wrapped=_unwrapped,
    bars={"|": "abs", "||": "norm"},
    joined=True,
)
EINSUM = Language(
    name="einsum",
    aliases=("diff.einsum.org", "einsum.org"),
    home="diff.einsum.org",
    example=(
        "#('ij,j->i', A, x) + b",
        'einsum("ij,j->i", A, x) + b',
    ),
    lexicon=Lexicon(
        "//",
        (
            ("einsum", r"#[ \t]*\(\s*(?:'[^']*'|\"[^\"]*\"|[^;()'\"]*;)"),
            ("number", NUMBER),
            ("name", NAME),
            ("sign", r"@@|\|\||<=|>=|==|!=|\*\*|[-+*/^@(),=|<>]"),
        ),
    ),
    read_line=by_precedence(EINSUM_GRAMMAR),
    default=_matrix,
    signs=re.compile(r"#\(|@@|\||\^[^\n]*@|@[^\n]*\^"),
)


# ---- matrixcalculus.org


class Row(NamedTuple):
    """A vector that lies."""

    of: Expr

    @property
    def ndim(self) -> int:
        return 1


def standing(value: Any) -> Any:
    """The expression, whether it stood or lay."""
    return value.of if isinstance(value, Row) else value


def _rank(value: Any) -> int:
    """The number of axes of an expression, a row or a number."""
    ndim: int = getattr(value, "ndim", 0)
    return ndim


def _form(value: Any) -> str:
    """What a value is called in a message."""
    if isinstance(value, Row):
        return "a row"
    rank = _rank(value)
    if rank < 3:
        return ("a scalar", "a column", "a matrix")[rank]
    return counted(rank, "axis")


def _entrywise(make: Make) -> Make:
    """A function of entries: rows give a row."""

    def function(*values: Any, **options: Any) -> Any:
        lying = [isinstance(v, Row) for v in values if _rank(v) == 1]
        if len(set(lying)) > 1:
            raise ShapeError("a row meets a column entry by entry: transpose one of them with '")
        result = _alike(make)(*map(standing, values), **options)
        return Row(result) if any(lying) else result

    return function


def _as_matlab(name: str, make: Make) -> Make:
    """A function of the vocabulary: of entries, or one that asks nothing about rows and columns."""
    if is_elementwise(name):
        return _entrywise(make)

    def function(*values: Any, **options: Any) -> Any:
        return make(*map(standing, values), **options)

    return function


def _product(a: Any, b: Any) -> Any:
    """``a * b`` of scalars, columns, rows and matrices."""
    if not _rank(a) or not _rank(b):
        return _entrywise(OPERATORS["*"])(a, b)
    match _form(a), _form(b):
        # x*y'
        case ("a column", "a row"):
            return functions.outer(a, b.of)
        # x'*A
        case ("a row", "a matrix"):
            return Row(expression.matmul(a.of, b))
        # x'*y, A*x, A*B
        case ("a row", "a column") | ("a matrix", "a column" | "a matrix"):
            return expression.matmul(standing(a), b)
    raise ShapeError(
        f"{_form(a)} * {_form(b)} has no meaning: write .* for a product of entries, x'*y or x*y' "
        "for an inner or outer one"
    )


def _quotient(a: Any, b: Any) -> Any:
    """``a / b`` by a scalar."""
    if _rank(b):
        raise ShapeError(
            f"/ divides by scalars, not by {_form(b)}: write ./ for entries, and inv(A)*b"
        )
    return _entrywise(OPERATORS["/"])(a, b)


def _power(a: Any, b: Any) -> Any:
    """``a ^ b``: of scalars, or of a matrix by a number."""
    if not _rank(a) and not _rank(b):
        return _powers(a, b)
    if _rank(a) != 2 or _rank(b):
        raise ShapeError(f"{_form(a)} ^ {_form(b)} has no meaning: write .^ for powers of entries")
    return functions.matrix_power(a, b)


def _powers(a: Any, b: Any) -> Any:
    """``a .^ b``; by a variable it is ``exp(b log a)``."""
    if not isinstance(b, Expr):
        return OPERATORS["**"](a, b)
    if isinstance(a, Expr):
        return functions.exp(expression.multiply(b, functions.log(a)))
    return OPERATORS["**"](a, b)


def _transposed(a: Any) -> Any:
    """``a'``: columns and rows become each other."""
    if isinstance(a, Row):
        return a.of
    match _rank(a):
        case 0:
            return a
        case 1:
            return Row(a)
        case 2:
            return OPERATORS["T"](a)
    raise ShapeError(f"' transposes vectors and matrices, not {_form(a)}")


def _norm1(_: Token) -> Make:
    def norm1(a: Any) -> Expr:
        return functions.sum(VOCABULARY["abs"](standing(a)))

    return norm1


def _norm2(_: Token) -> Make:
    def norm2(a: Any) -> Expr:
        return functions.norm(standing(a))

    return norm2


def _filled(rank: int) -> Callable[[Token], Make]:
    """``vector(1)``: as long as what it meets needs it to be."""

    def here(token: Token) -> Make:
        def constant(a: Any) -> Expr:
            place = f"{token.text}(…) at character {token.at}"
            sizes = tuple((place, p) for p in range(rank))
            ones = filled(1, sizes, (None,) * rank)
            return expression.multiply(ones, standing(a))

        return constant

    return here


def _eye(token: Token) -> Make:
    def eye() -> Expr:
        # ->ii
        size = (f"eye at character {token.at}", 0)
        return Einsum(1, (), (), (0, 0), ((0, size),), axes=(None, None))

    return eye


def _by_letter(name: str) -> int | None:
    """A matrix for a capital, a vector from h on, else a scalar: as the documentation says."""
    first = name[0]
    if first == "_":
        return None
    if first.isupper():
        return 2
    return 1 if first >= "h" else 0


MATLAB_GRAMMAR = Grammar(
    between={
        "+": Sign(SUM, _entrywise(OPERATORS["+"]), "+"),
        "-": Sign(SUM, _entrywise(OPERATORS["-"]), "-"),
        "*": Sign(PRODUCT, _product, "*"),
        "/": Sign(PRODUCT, _quotient, "/"),
        ".*": Sign(PRODUCT, _entrywise(OPERATORS["*"]), ".*"),
        "./": Sign(PRODUCT, _entrywise(OPERATORS["/"]), "./"),
        "^": Sign(POWER, _power, "^"),
        ".^": Sign(POWER, _entrywise(_powers), ".^"),
    },
    before={
        "-": Sign(PREFIX, _entrywise(OPERATORS["negative"]), "negative"),
        "+": Sign(PREFIX, OPERATORS["positive"], "positive"),
    },
    behind={"'": _transposed, ".'": _transposed},
    words={"norm1": _norm1, "norm2": _norm2, "vector": _filled(1), "matrix": _filled(2)},
    constants={"eye": _eye},
    wrapped=_as_matlab,
    bars={},
)
MATLAB = Language(
    name="matlab",
    aliases=("matrixcalculus", "matrixcalculus.org"),
    home="matrixcalculus.org",
    example=(
        "x'*A*x",
        'einsum("a,ab,b->", x, A, x)',
    ),
    lexicon=Lexicon(
        "%",
        (
            ("number", r"(?:[0-9]+(?:\.(?![*/^'])[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
            ("name", NAME),
            ("sign", r"\.[*/^']|[-+*/^'(),=]"),
        ),
    ),
    read_line=by_precedence(MATLAB_GRAMMAR),
    given=_by_letter,
    finished=standing,
    signs=re.compile(r"[\w)\]]\s*'|\.[*/^]|\b(?:norm1|norm2|vector|matrix|tr|eye)\b|\^"),
)


#: every language by its name
LANGUAGES = {row.name: row for row in (EINDERIV, EINSUM, MATLAB)}
#: other names of languages
ALIASES = {alias: row.name for row in LANGUAGES.values() for alias in row.aliases}
