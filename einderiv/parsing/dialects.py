"""Two other languages: ``#('ij,jk->ik', A, B)`` of diff.einsum.org, and the Matlab of
matrixcalculus.org, ``x'*A*x``.

They are described at https://diff.einsum.org/language and
https://www.matrixcalculus.org/documentation.

A vector of the second stands or lies: ``x'*y`` is an inner product, ``x*y'`` an outer one, ``x*y``
neither. Here a vector has one axis either way, so a lying one is remembered as a :class:`Row` until
the text ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import expression, functions
from ..errors import EinderivError, ShapeError, counted
from ..expression import Einsum, Expr, as_expression, einsum, filled
from ..functions import VOCABULARY, is_elementwise
from .lexer import NAME, NUMBER, Lexicon, Token
from .precedence import POWER, PREFIX, PRODUCT, SUM, Language, Make, Sign, unknown
from .syntax import OPERATORS

# ---- diff.einsum.org


def _contracted(a: Any, b: Any) -> Expr:
    """The last axis of `a` with the first of `b`."""
    x, y = as_expression(a), as_expression(b)
    if not (x.ndim and y.ndim):
        raise ShapeError("@ needs two operands with axes; multiply by a scalar with *")
    first, second = list(range(x.ndim)), [x.ndim - 1, *range(x.ndim, x.ndim + y.ndim - 1)]
    return einsum(x, first, y, second, first[:-1] + second[1:])


def _unwrapped(_: str, make: Make) -> Make:
    return make


def _matrix(_: str) -> int:
    return 2


EINSUM = Language(
    lexicon=Lexicon(
        "//",
        (
            ("einsum", r"#[ \t]*\(\s*(?:'[^']*'|\"[^\"]*\"|[^;()'\"]*;)"),
            ("number", NUMBER),
            ("name", NAME),
            ("sign", r"@@|\|\||<=|>=|==|!=|\*\*|[-+*/^@(),=|<>]"),
        ),
    ),
    between={
        "+": Sign(SUM, OPERATORS["+"], "+"),
        "-": Sign(SUM, OPERATORS["-"], "-"),
        "*": Sign(PRODUCT, OPERATORS["*"], "*"),
        "/": Sign(PRODUCT, OPERATORS["/"], "/"),
        "@": Sign(PRODUCT, _contracted, "@"),
        "@@": Sign(PRODUCT, functions.outer, "@@"),
        "^": Sign(POWER, OPERATORS["**"], "**", right=True),
        "**": Sign(POWER, OPERATORS["**"], "**", right=True),
    },
    before={
        "-": Sign(PREFIX, OPERATORS["negative"], "negative"),
        "+": Sign(PREFIX, OPERATORS["positive"], "positive"),
    },
    behind={},
    given=unknown,
    default=_matrix,
    words={},
    constants={},
    wrapped=_unwrapped,
    bars={"|": "abs", "||": "norm"},
    joined=True,
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
    found: int = getattr(value, "ndim", 0)
    return found


def _form(value: Any) -> str:
    return (
        "a row"
        if isinstance(value, Row)
        else ("a scalar", "a column", "a matrix")[_rank(value)]
        if (_rank(value) < 3)
        else counted(_rank(value), "axis")
    )


def _entrywise(make: Make) -> Make:
    """A function of entries: rows give a row."""

    def function(*values: Any, **options: Any) -> Any:
        vectors = [isinstance(v, Row) for v in values if _rank(v) == 1]
        if len(set(vectors)) > 1:
            raise ShapeError("a row meets a column entry by entry: transpose one of them with '")
        found = make(*map(standing, values), **options)
        return Row(found) if any(vectors) else found

    return function


def _as_matlab(name: str, make: Make) -> Make:
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
        case ("a column", "a row"):
            return functions.outer(a, b.of)
        case ("a row", "a matrix"):
            return Row(expression.matmul(a.of, b))
        case ("a row", "a column") | ("a matrix", "a column" | "a matrix"):
            return expression.matmul(standing(a), b)
    raise ShapeError(
        f"{_form(a)} * {_form(b)} has no meaning: write .* for a product of entries, x'*y or x*y' "
        "for an "
        "inner or outer one"
    )


def _quotient(a: Any, b: Any) -> Any:
    if _rank(b):
        raise ShapeError(
            f"/ divides by scalars, not by {_form(b)}: write ./ for entries, and inv(A)*b"
        )
    return _entrywise(OPERATORS["/"])(a, b)


def _power(a: Any, b: Any) -> Any:
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
    if isinstance(a, complex) or a <= 0:
        raise EinderivError(f"{a} to the power of a variable: the base must be positive")
    return functions.exp(expression.times(b, math.log(a)))


def _transposed(a: Any) -> Any:
    if isinstance(a, Row):
        return a.of
    if _rank(a) > 2:
        raise ShapeError(f"' transposes vectors and matrices, not {_form(a)}")
    return Row(a) if _rank(a) == 1 else OPERATORS["T"](a) if _rank(a) else a


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
            sizes = [(f"{token.text}(…) at character {token.at}", p) for p in range(rank)]
            return expression.multiply(filled(1, tuple(sizes), (None,) * rank), standing(a))

        return constant

    return here


def _eye(token: Token) -> Make:
    def eye() -> Expr:
        return Einsum(
            1, (), (), (0, 0), ((0, (f"eye at character {token.at}", 0)),), axes=(None, None)
        )

    return eye


def _by_letter(name: str) -> int | None:
    """A matrix for a capital, a vector from h on, else a scalar: as the documentation says."""
    return None if name[0] == "_" else 2 if name[0].isupper() else 1 if name[0] >= "h" else 0


MATLAB = Language(
    lexicon=Lexicon(
        "%",
        (
            ("number", r"(?:[0-9]+(?:\.(?![*/^'])[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
            ("name", NAME),
            ("sign", r"\.[*/^']|[-+*/^'(),=]"),
        ),
    ),
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
    given=_by_letter,
    default=unknown,
    words={"norm1": _norm1, "norm2": _norm2, "vector": _filled(1), "matrix": _filled(2)},
    constants={"eye": _eye},
    wrapped=_as_matlab,
    bars={},
)
