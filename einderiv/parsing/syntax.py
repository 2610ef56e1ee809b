"""The tree of a text: numbers, names, and what functions and operators make of them. All languages
become such a tree.

What may be called, and with what, is decided here: the functions of the vocabulary, bare or behind
the name of a module that has one like it.
"""

from __future__ import annotations

import cmath
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import expression, functions
from ..errors import EinderivError, ParseError, counted, near
from ..expression import LARGEST, Expr, Number, as_expression, read
from ..functions import VOCABULARY, Named, check_arguments, numpy_function, numpy_names
from .lexer import Source, check_name


@dataclass(slots=True, eq=False)
class Node:
    """A number, a name, a literal that is neither, or with `make` something made of its parts."""

    kind: str  # number, name, literal, made
    # the number, the name, the literal; of what is made the function's name, or the sign
    value: Any
    at: int
    parts: tuple[Node, ...] = ()
    keywords: tuple[str, ...] = ()  # the names of the last parts
    make: Callable[..., Any] | None = None


#: parameters that take text, None, true or false, or a tuple; all others take expressions and
#: numbers
OPTIONS = frozenset(
    (
        "subscripts",
        "axis",
        "keepdims",
        "axes",
        "axis1",
        "axis2",
        "source",
        "destination",
        "order",
        "ord",
        "shape",
        "approximate",
        "optimize",
        "low",
        "high",
        "a_min",
        "a_max",
        "min",
        "max",
    )
)
#: names of arguments elsewhere
KEYWORDS = {"ord": "order", "dim": "axis"}
#: modules that may stand before a function, and whose functions those are
PREFIXES = {
    "np": "",
    "numpy": "",
    "jnp": "",
    "jax.numpy": "",
    "np.linalg": "linalg.",
    "numpy.linalg": "linalg.",
    "jnp.linalg": "linalg.",
    "jax.numpy.linalg": "linalg.",
    **dict.fromkeys(
        (
            "ed",
            "einderiv",
            "jax.nn",
            "torch",
            "torch.linalg",
            "torch.special",
            "torch.nn.functional",
            "F",
            "scipy.special",
            "scipy.linalg",
            "special",
            "linalg",
            "math",
        ),
        None,
    ),
}
CONSTANTS = {"pi": cmath.pi, "e": cmath.e, "inf": cmath.inf}


def function(text: Source, dotted: str, at: int) -> Named:
    """The function of that name, behind the name of a module or alone."""
    prefix, _, name = dotted.rpartition(".")
    if prefix and prefix not in PREFIXES:
        raise text.wrong(
            f"{prefix[:40]!r} is no module whose functions can be called here; "
            f"{near(prefix, PREFIXES)}",
            at,
        )
    numpy_prefix = PREFIXES.get(prefix)
    # np.exp, np.linalg.inv: as NumPy means it
    found = None if numpy_prefix is None else numpy_function(numpy_prefix + name)
    # exp, ed.exp, torch.exp: the vocabulary
    if found is None and numpy_prefix in (None, ""):
        found = VOCABULARY.get(name)
    if found is None:
        known: Sequence[str] = list(VOCABULARY) if numpy_prefix is None else numpy_names()
        raise text.wrong(
            f"there is no function {name[:40]!r}; {near(name, known)}", at + len(dotted) - len(name)
        )
    return found


def called(
    text: Source,
    dotted: str,
    at: int,
    parts: Sequence[Node],
    keywords: Sequence[tuple[str, int]] = (),
) -> Node:
    """A call of a function by its name. `keywords` are the names of the last parts, and where
    they stand.
    """
    f = function(text, dotted, at)
    name = dotted.rpartition(".")[2]
    known = inspect.signature(f).parameters
    words = []
    for word, _ in keywords:
        ours = KEYWORDS.get(word, word)
        is_theirs = word not in known and ours in known
        words.append(ours if is_theirs else word)
    for word, (_, place) in zip(words, keywords, strict=True):
        if word not in known:
            raise text.wrong(f"{name} takes {', '.join(known)}, and no {word[:40]!r}", place)
        if words.count(word) > 1:
            raise text.wrong(f"{word} is given twice", place)
    count = len(parts) - len(words)
    positional = parts[:count]
    named = dict(zip(words, parts[count:], strict=True))
    try:
        bound = check_arguments(f, name, positional, named)
    except TypeError as e:
        raise text.wrong(str(e), at) from None
    for parameter, given in bound.arguments.items():
        if parameter in OPTIONS:
            continue
        for part in given if isinstance(given, tuple) else (given,):  # a tuple: of *arguments
            if part.kind == "literal":
                raise _misplaced(text, part)
    if name == "einsum":
        _check_einsum(text, positional, at)
    return Node("made", name, at, tuple(parts), tuple(words), f)


def _misplaced(text: Source, part: Node) -> ParseError:
    quoted = isinstance(part.value, str)
    what = "text in quotes" if quoted else "this"
    return text.wrong(
        f"{what} stands only where a function takes it: the subscripts of an einsum, axis=…; "
        "names of tensors have no quotes",
        part.at - quoted,
    )


def _check_einsum(text: Source, parts: Sequence[Node], at: int) -> None:
    """Refuse subscripts that cannot be read, with the caret inside them."""
    first = parts[0] if parts else None
    if first is None or first.kind != "literal" or not isinstance(first.value, str):
        raise text.wrong(
            "an einsum begins with its subscripts in quotes, as in einsum('ij,jk->ik', X, Y)", at
        )
    try:
        notation = read(first.value)
    except ParseError as e:
        raise text.wrong(e.reason, first.at + (e.position or 0)) from None
    written = len(notation.inputs)
    given = len(parts) - 1
    if written != given:
        raise text.wrong(f"{counted(written, 'operand')} in the subscripts, but {given} given", at)


def operation(
    text: Source, sign: str, at: int, parts: Sequence[Node], make: Callable[..., Any]
) -> Node:
    """An operator with its operands."""
    for part in parts:
        if part.kind == "literal":
            raise _misplaced(text, part)
    return Node("made", sign, at, tuple(parts), (), make)


def number(text: Source, written: str, at: int) -> Node:
    """A number as it is written in a text."""
    value: Number
    if written[-1] in "jJ":
        value = complex(written)
    elif written.isdigit():
        value = int(written)
    else:
        value = float(written)
    if _is_beyond_floats(value):
        raise text.wrong(f"{written[:30]} is more than floats hold", at)
    return Node("number", value, at)


def _is_beyond_floats(value: Number) -> bool:
    if isinstance(value, int):
        return value.bit_length() > LARGEST
    return not cmath.isfinite(value)


def _folding(fold: Callable[..., Number], make: Callable[..., Expr]) -> Callable[..., Any]:
    """An operator that computes with numbers, and makes expressions of others."""

    def operator(*operands: Any) -> Any:
        if any(isinstance(x, Expr) for x in operands):
            return make(*operands)
        try:
            value = fold(*operands)
        except ZeroDivisionError:
            raise EinderivError("division by the number 0") from None
        except OverflowError:
            value = cmath.inf
        if _is_beyond_floats(value):
            raise EinderivError(f"these numbers make more than floats hold, 2**{LARGEST}")
        return value

    return operator


def _raised(a: Any, b: Any) -> Any:
    integers = isinstance(a, int) and isinstance(b, int)
    # Powers of integers are bounded before they are computed: they could fill the memory.
    if integers and b > 0 and a.bit_length() * b > 2 * LARGEST:
        raise OverflowError
    return a**b


def _powered(a: Any, b: Any) -> Expr:
    """``a ** b``."""
    return functions.powered(a, b)


def plus(a: Any, b: Any) -> Any:
    return a + b


def minus(a: Any, b: Any) -> Any:
    return a - b


def times(a: Any, b: Any) -> Any:
    return a * b


def over(a: Any, b: Any) -> Any:
    return a / b


def opposite(a: Any) -> Any:
    return -a


def itself(a: Any) -> Any:
    return a


def transposed(a: Any) -> Any:
    return expression.transposed(as_expression(a))


#: the operators that all languages share, and those of Python
OPERATORS: dict[str, Callable[..., Any]] = {
    "+": _folding(plus, expression.add), "-": _folding(minus, functions.subtracted),
    "*": _folding(times, expression.multiply), "/": _folding(over, functions.divided),
    "**": _folding(_raised, _powered), "negative": _folding(opposite, functions.negated),
    "positive": itself, "@": expression.matmul, "T": transposed,
    ">": VOCABULARY["greater"], ">=": VOCABULARY["greater_equal"], "<": VOCABULARY["less"],
    "<=": VOCABULARY["less_equal"], "==": VOCABULARY["equal"], "!=": VOCABULARY["not_equal"],
}  # fmt: skip
#: partners have the same axes, unless one is a scalar
PARTNERS = frozenset({"+", "-", ">", ">=", "<", "<=", "==", "!="})
#: the axes of the result are those of the first part
KEEPING = frozenset({"negative", "positive", "**", "T"})


def check_free(text: Source, name: str, at: int) -> None:
    """Raise unless `name` is fit for a tensor or a value, and no function's."""
    check_name(text, name, at)
    if name in VOCABULARY:
        raise text.wrong(
            f"{name!r} is a function: call it, {name}(…), and choose another name for a tensor", at
        )


class Scope:
    """The names of a text: what is declared, what is assigned, and what has been used."""

    def __init__(self, text: Source, known: dict[str, Expr]) -> None:
        self.text = text
        self.known = known
        self.values: dict[str, Node] = {}
        self.used: set[str] = set()

    def name(self, word: str, at: int) -> Node:
        """The tensor or the assigned value of that name."""
        if word in self.values:
            return self.values[word]
        check_free(self.text, word, at)
        self.used.add(word)
        return Node("name", word, at)

    def assign(self, word: str, at: int, value: Node) -> None:
        """``word = value``, once."""
        check_free(self.text, word, at)
        taken = None
        if word in self.values:
            taken = "is assigned twice"
        elif word in self.known:
            taken = "is declared as a tensor"
        elif word in self.used:
            taken = "has been used before it is assigned"
        if taken is not None:
            raise self.text.wrong(f"{word[:40]!r} {taken}: choose another name", at)
        self.values[word] = value
