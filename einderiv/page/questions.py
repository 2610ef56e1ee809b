"""What the page asks: a request of a browser, checked field by field, and the expressions it speaks
of.

Everything here is symbolic, so it runs in a browser too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..autodiff import derive
from ..errors import EinderivError, LimitError, ParseError, counted, near
from ..expression import Expr, einsum, tensors_of
from ..parsing import AUTO, EINSUM_STRING, LANGUAGES, einsum_string, language_of, parse

#: what one request may hold; smaller than the limits of the package, for here a stranger types
CHARACTERS = 4000
ORDER = 4  # of a derivative
DIGITS = 9  # of a size
BOUNDS = {
    "characters": CHARACTERS,
    "operands": 200,
    "terms": 500,
    "order": 8,
    "parts": 1500,
    "depth": 60,
    "dense_bytes": 2**26,
}
KNOWN = (AUTO, EINSUM_STRING, *LANGUAGES)
_SIZE = re.compile(
    rf"([A-Za-z_]\w*)\s*=\s*([0-9]{{1,{DIGITS}}}(?:x[0-9]{{1,{DIGITS}}})*)\s*", re.ASCII
)


@dataclass(frozen=True)
class Question:
    """A request, checked: a text, what it is derived by, how often, and sizes."""

    text: str
    language: str = "auto"
    wrt: str | None = None
    order: int = 1
    sizes: tuple[tuple[str, int | tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Subject:
    """What a question is about. `chain` is the expression, its derivative, the derivative of
    that, …
    """

    language: str
    tensors: dict[str, int]
    wrt: str
    chain: tuple[Expr, ...]

    @property
    def result(self) -> Expr:
        """The derivative that was asked for."""
        return self.chain[-1]


class FieldError(EinderivError):
    """A field of the page, other than the text, that cannot be used; `position` is the character
    at fault.
    """

    def __init__(self, message: str, field: str, position: int | None = None) -> None:
        super().__init__(message)
        self.field, self.position = field, position


def question(request: Mapping[str, Any]) -> Question:
    """The question in a request.

    >>> question({"text": "ij,j->i", "wrt": "B", "sizes": "i=2, j=3"})
    Question(text='ij,j->i', language='auto', wrt='B', order=1, sizes=(('i', 2), ('j', 3)))

    Raises FieldError for a field that cannot be used, LimitError for a text that is too long.
    """
    text = _text(request, "text", "")
    if len(text) > CHARACTERS:
        raise LimitError(
            f"{len(text)} characters are more than the {CHARACTERS} of this page", text, CHARACTERS
        )
    language = _text(request, "language", "auto")
    if language not in KNOWN:
        raise FieldError(
            f"no language is called {language[:40]!r}; known: {', '.join(KNOWN)}", "language"
        )
    order = request.get("order", 1)
    if not isinstance(order, int) or isinstance(order, bool) or not 1 <= order <= ORDER:
        raise FieldError(f"the order is a number from 1 to {ORDER}", "order")
    wrt = _text(request, "wrt", "") or None
    return Question(text.rstrip(), language, wrt, order, sizes(_text(request, "sizes", "")))


def _text(request: Mapping[str, Any], field: str, default: str) -> str:
    value = request.get(field)
    value = default if value is None else value
    if not isinstance(value, str):
        raise FieldError(f"{field} is a text, not {type(value).__name__}", field)
    return value


def sizes(text: str) -> tuple[tuple[str, int | tuple[int, ...]], ...]:
    """``i=4, T=30x20`` as pairs: the size of a label, the shape of a tensor.

    >>> sizes(" i=4, T=30x20,")
    (('i', 4), ('T', (30, 20)))

    Raises FieldError, with the position, for anything else.
    """
    if len(text) > CHARACTERS:
        raise FieldError(
            f"{len(text)} characters are more than the {CHARACTERS} of this page",
            "sizes",
            CHARACTERS,
        )
    values: dict[str, int | tuple[int, ...]] = {}
    for part in re.finditer(r"[^,;\s][^,;]*", text):
        pair = _SIZE.fullmatch(part.group())
        if pair is None:
            raise FieldError(
                "sizes are written i=4 for a label, T=30x20 for a tensor: whole numbers of at most "
                f"{DIGITS} digits",
                "sizes",
                part.start(),
            )
        name, shape = pair.groups()
        numbers = tuple(map(int, shape.split("x")))
        value = numbers if len(numbers) > 1 else numbers[0]
        before = values.setdefault(name, value)
        if before != value:
            raise FieldError(f"{name} has two sizes, {before} and {value}", "sizes", part.start())
    return tuple(values.items())


def written(q: Question) -> tuple[str, Expr]:
    """The language of a question, and its expression. Raises ParseError for nothing at all."""
    if not q.text.strip():
        raise ParseError(
            "type an einsum such as is,st,tj->ij, or an expression such as sum((A @ x - b)**2)"
        )
    read_as = language_of(q.text) if q.language == "auto" else q.language
    string = einsum_string(q.text)
    if string is not None and "->" in string:  # no other language has an arrow outside of quotes
        read_as = EINSUM_STRING
    if read_as == EINSUM_STRING:
        return read_as, einsum(string or q.text)
    return read_as, parse(q.text, language=read_as)


def given(
    q: Question, tensors: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, tuple[int, ...]]]:
    """The sizes of a question: of labels, and as shapes of tensors (``x=5`` is a shape if x is a
    tensor of one axis).

    Raises FieldError for a shape of no tensor here, or with another number of axes.
    """
    labels: dict[str, int] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, value in q.sizes:
        shape = value if isinstance(value, tuple) else (value,)
        if name not in tensors:
            if isinstance(value, tuple):
                raise FieldError(
                    f"there is no tensor called {name[:40]!r} here; {near(name, tensors)}", "sizes"
                )
            labels[name] = value
        elif len(shape) != tensors[name]:
            raise FieldError(
                f"{name} has {counted(tensors[name], 'axis')}, but its shape here "
                f"{'x'.join(map(str, shape))}",
                "sizes",
            )
        else:
            shapes[name] = shape
    return labels, shapes


@lru_cache(maxsize=16)
def subject(q: Question) -> Subject:
    """The expression of a question and its derivatives; several answers about one question share
    them.

    Raises what ``parse``, ``einsum`` and ``derive`` raise.
    """
    read_as, y = written(q)
    tensors = tensors_of(y)
    if not tensors:
        raise EinderivError("there is no tensor in this to derive by")
    wrt = q.wrt if q.wrt in tensors else next(iter(tensors))
    chain = [y]
    for _ in range(q.order):
        chain.append(derive(chain[-1], wrt))
    ranks = {name: tensor.ndim for name, tensor in tensors.items()}
    return Subject(read_as, ranks, wrt, tuple(chain))
