"""The syntax of index notation: ``y[i] = Σ_k x[i+k] w[k]`` as a tree, with the positions of its
pieces. What it means is in `equations`.

====================  ==============================================================================
`Figure`              ``2.5``
`Read`                ``x[i+k]``, ``s``
`Call`                ``exp(x[i])``, ``softmax_n(A[n,m])``, ``inv(A)[i,j]``
`Tie`                 ``δ[a, i+1]``
`Guard`               ``[0 ≤ i−j < n]``, ``[2j = 3i]``
`Product`             factors side by side, and what of them is summed, ``Σ_{k: k < 3} …``
`Total`               ``a[i] + b[i] − c[i]``
====================  ==============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from ..errors import limits
from ..expression import PRIME, Number
from ..functions import FUNCTIONS, VOCABULARY
from .lexer import Source, Token, check_name


@dataclass(frozen=True)
class Place:
    """An index expression as it is written: signs and terms, each a product of atoms."""

    terms: tuple[tuple[int, tuple[Atom, ...], int], ...]  # sign, factors, position
    at: int


@dataclass(frozen=True)
class Atom:
    """A part of an index expression. `kind` is number, name, entry, size, sum, floor or least."""

    kind: str
    at: int
    value: int = 0
    name: str = ""
    places: tuple[Place, ...] = ()  # of an entry; of a floor, a least or a sum what is in it


@dataclass(eq=False)
class Figure:
    value: Number
    at: int


@dataclass(eq=False)
class Read:
    name: str
    places: tuple[Place, ...] | None  # None: no brackets
    at: int


@dataclass(eq=False)
class Call:
    name: str
    core: tuple[str, ...]
    arguments: tuple[Total, ...]
    places: tuple[Place, ...] | None
    at: int
    ranges: tuple[Guard, ...] = ()  # of the labels of its own axes


@dataclass(eq=False)
class Tie:
    places: tuple[Place, Place]
    at: int


@dataclass(eq=False)
class Guard:
    """A chain of comparisons: places, and the signs between them."""

    places: tuple[Place, ...]
    signs: tuple[str, ...]
    at: int


@dataclass(eq=False)
class Bracketed:
    """A sum in brackets, read at some place if it has brackets behind it."""

    total: Total
    at: int


@dataclass(eq=False)
class Raised:
    base: Factor
    exponent: Number
    at: int


@dataclass(eq=False)
class Measured:
    """``X.shape[0]`` as a number."""

    name: str
    axis: int
    at: int


Factor = Figure | Read | Call | Tie | Guard | Bracketed | Raised | Measured


@dataclass(eq=False)
class Product:
    factors: list[tuple[Factor, bool]]  # is it divided by?
    at: int
    summed: dict[str, int] = field(default_factory=dict)  # labels of Σ, and where they stand


@dataclass(eq=False)
class Total:
    terms: list[tuple[bool, Product]]  # is it taken away?
    at: int


@dataclass(eq=False)
class Equation:
    """``y[i] = …``; `wrt` are the tensors of ``∂y[i]/∂x[a]``, with the labels of their axes."""

    name: str | None
    axes: tuple[Place, ...]
    wrt: tuple[tuple[str, tuple[Place, ...]], ...]
    right: Total
    at: int


MOST_DIVISORS = 8  # of one thing; higher powers are powers
_NUMBER = r"(?:[0-9]+(?:\.(?![A-Za-z_.])[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_ABOVE = "⁰¹²³⁴⁵⁶⁷⁸⁹"  # digits of an exponent
_SIGNS = rf"//|<=|>=|==|\*\*|[-−+*·/()\[\]{{}},=:<>≤≥∂{_ABOVE}^.]"
# primes are behind the name of a further axis of its kind, key′
_WORDS = rf"(?P<sigma>Σ_?|sum_(?=\{{))|(?P<name>[^\W\dΣ∂{_ABOVE}][^\W{_ABOVE}]*[{PRIME}']*)"
_COMPLEX = rf"(?P<complex>\((?:[-−+]?{_NUMBER}[-−+]|[-−+]?){_NUMBER}j\))"
_BLANK = r"(?P<blank>[ \t\f\v\r\n]+)"
_PIECES = re.compile(rf"{_BLANK}|{_COMPLEX}|(?P<number>{_NUMBER})|{_WORDS}|(?P<sign>{_SIGNS})")
# in square brackets 2j and 2e are twice a label
_PIECES_OF_INDICES = re.compile(
    rf"{_BLANK}|(?P<number>[0-9]+(?:\.[0-9]+)?)|{_WORDS}|(?P<sign>{_SIGNS})"
)
_SAME = {"−": "-", "·": "*", "≤": "<=", "≥": ">=", "==": "=", "^": "**"}
_DELTAS = ("δ", "delta")
_COMPARING = ("<", "<=", ">", ">=", "=")


def pieces(text: Source, start: int, stop: int) -> list[Token]:
    """The tokens of index notation; signs that mean the same are one."""
    found: list[Token] = []
    inside = 0  # of how many square brackets
    at = start
    while at < stop:
        match = (_PIECES_OF_INDICES if inside else _PIECES).match(text, at, stop)
        if match is None:
            raise text.wrong(f"{text[at]!r} is no sign of index notation", at)
        kind, piece = str(match.lastgroup), match.group()
        inside += (piece in ("[", "{")) - (piece in ("]", "}"))
        if kind != "blank":
            same = piece.replace("'", PRIME) if kind == "name" else _SAME.get(piece, piece)
            found.append(Token(kind, same, at))
        at += len(piece)
    return found


def parted(text: Source, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Equations in the order in which they are understood: those that follow a ``where`` are said
    before it, the last of them first, for each may be made of those behind it.
    """
    for k, (start, stop) in enumerate(spans):
        tokens = pieces(text, start, stop)
        behind = [*tokens[1:], None]
        places = [t.at for t, after in zip(tokens, behind, strict=True) if _is_where(t, after)]
        if not places:
            continue
        at = places[0]
        parts = [*_listed(tokens, at + len("where"), stop), *spans[k + 1 :]]
        return [*spans[:k], *reversed(parts), (start, at)]
    return list(spans)


def _is_where(token: Token, after: Token | None) -> bool:
    """Is it the word before the parts of a formula, and no function?"""
    is_word = token.kind == "name" and token.text == "where"
    return is_word and (after is None or after.text != "(")


def _listed(tokens: Sequence[Token], start: int, stop: int) -> list[tuple[int, int]]:
    """What commas outside of all brackets part."""
    found: list[tuple[int, int]] = []
    depth = 0
    for token in tokens:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if token.at >= start and token.text == "," and not depth:
            found.append((start, token.at))
            start = token.at + 1
    last = max([token.at for token in tokens])
    return [*found, (start, stop)] if last >= start else found


def equation(text: Source, start: int, stop: int) -> Equation:
    """The equation that stands between two positions."""
    return _Reader(text, pieces(text, start, stop), stop).equation()


def _divided(factor: Factor) -> list[tuple[Factor, bool]]:
    """What a product is divided by: ``/ x²`` is divided by x twice, as derivatives are."""
    if not isinstance(factor, Raised):
        return [(factor, True)]
    exponent = factor.exponent
    if isinstance(exponent, int) and 1 < exponent <= MOST_DIVISORS:
        return [(factor.base, True)] * exponent
    if isinstance(exponent, complex):
        return [(factor, True)]
    return [(Raised(factor.base, -exponent, factor.at), False)]


class _Reader:
    def __init__(self, text: Source, tokens: Sequence[Token], stop: int) -> None:
        self.text, self.tokens, self.stop = text, tokens, stop
        self.at = 0
        self.depth = 0

    # ---- tokens
    def peek(self, ahead: int = 0) -> Token:
        k = self.at + ahead
        return self.tokens[k] if k < len(self.tokens) else Token("end", "", self.stop)

    def take(self, *texts: str) -> Token | None:
        token = self.peek()
        if token.kind in ("sign", "name") and token.text in texts:
            self.at += 1
            return token
        return None

    def expect(self, sign: str, what: str) -> Token:
        token = self.take(sign)
        return token if token is not None else self.refuse(f"{sign!r} is missing {what}")

    def refuse(self, message: str, at: int | None = None) -> NoReturn:
        place = self.peek().at if at is None else at
        raise self.text.wrong(message, place)

    # ---- the left side
    def equation(self) -> Equation:
        start = self.peek().at
        if self.peek().text == "∂" or self._is_plain_derivative():
            name, axes, wrt = self._derivative()
        else:
            token = self._name("the left side is a name with its axes, y[i]")
            name, axes, wrt = token.text, self._places() or (), ()
        self.expect("=", "behind the left side")
        right = self.total()
        if self.peek().kind != "end":
            self.refuse(f"an operator is missing before {self.peek().text!r}")
        return Equation(name, axes, wrt, right, start)

    def _is_plain_derivative(self) -> bool:
        """``dy[i]/dx[a]``: a quotient on the left."""
        depth = 0
        for token in self.tokens[self.at :]:
            depth += (token.text == "[") - (token.text == "]")
            if not depth and token.text == "=":
                return False
            if not depth and token.text == "/":
                return self.peek().text.startswith("d")
        return False

    def _derivative(
        self,
    ) -> tuple[str | None, tuple[Place, ...], tuple[tuple[str, tuple[Place, ...]], ...]]:
        axes = list(self._differential()[1])
        self.expect("/", "between what is derived and what it is derived by")
        wrt: list[tuple[str, tuple[Place, ...]]] = []
        while self.peek().kind != "end" and self.peek().text != "=":
            name, own = self._differential()
            wrt.append((name, own))
            axes += own
        return None, tuple(axes), tuple(wrt)

    def _differential(self) -> tuple[str, tuple[Place, ...]]:
        """``∂²y[i]`` or ``d^2y[i]``."""
        if self.take("∂") is not None:
            self._digits_above()  # the order
            name = self._name("behind ∂ stands a name").text
            return name, self._places() or ()
        token = self._name("a derivative is written ∂y[i]/∂x[a], or dy[i]/dx[a]")
        name = token.text.removeprefix("d")
        if not name and self.take("**") is not None:
            self.at += 1  # the order
            name = self._name("behind the order stands a name").text
        return name, self._places() or ()

    def _name(self, what: str) -> Token:
        token = self.peek()
        if token.kind != "name":
            self.refuse(what)
        self.at += 1
        return token

    # ---- sums and products
    def total(self) -> Total:
        self._deeper()
        start = self.peek().at
        terms = [(self.take("-") is not None, self._product())]
        while (sign := self.take("+", "-")) is not None:
            terms.append((sign.text == "-", self._product()))
        self.depth -= 1
        return Total(terms, start)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > limits.depth:
            self.refuse(f"more than {limits.depth} brackets inside each other (ed.limits.depth)")

    def _product(self) -> Product:
        product = Product([], self.peek().at)
        divided = False
        while True:
            if self.peek().kind == "sigma":
                self._sigma(product)
                continue
            product.factors += _divided(self._power()) if divided else [(self._power(), False)]
            divided = False
            if (sign := self.take("*", "/")) is not None:
                divided = sign.text == "/"
                continue
            following = self.peek()
            begins = following.kind in ("number", "complex", "name", "sigma")
            if not begins and following.text not in ("(", "["):
                return product

    def _sigma(self, product: Product) -> None:
        """``Σ_k`` or ``Σ_{k,l: 0 ≤ a−k < n}``: of all factors that follow."""
        self.at += 1
        if self.take("{") is None:
            token = self._name("behind Σ stand labels, Σ_k or Σ_{j,k}")
            self._bind(product, token)
            return
        while True:
            self._bind(product, self._name("behind Σ stand labels, Σ_k or Σ_{j,k}"))
            if self.take(",") is None:
                break
        product.factors += [(guard, False) for guard in self._ranges()]
        self.expect("}", "behind what is summed over")

    def _ranges(self) -> list[Guard]:
        """``: k < 3, l < 4`` behind labels."""
        found: list[Guard] = []
        if self.take(":") is not None:
            found.append(self._comparison())
            while self.take(",") is not None:
                found.append(self._comparison())
        return found

    def _bind(self, product: Product, token: Token) -> None:
        if token.text in product.summed:
            self.refuse(f"{token.text!r} is summed twice", token.at)
        product.summed[token.text] = token.at

    def _power(self) -> Factor:
        base = self._factor()
        sign = self.peek()
        above = self._digits_above()
        if not above and self.take("**") is None:
            return base
        if isinstance(base, (Figure, Tie, Guard)):
            self.refuse("only entries and sums in brackets are raised to a power here", sign.at)
        if above:
            return Raised(base, int(above), sign.at)
        if self.take("(") is None:
            return Raised(base, self._exponent(), sign.at)
        value = self._exponent()  # x^(3/2)
        if self.take("/") is not None:
            below = self._exponent()
            if not below:
                self.refuse("an exponent is divided by 0 here", sign.at)
            value = value / below
        self.expect(")", "to close this exponent")
        return Raised(base, value, sign.at)

    def _digits_above(self) -> str:
        """Digits of an exponent, ``²``, as plain ones."""
        found = ""
        while self.peek().kind == "sign" and self.peek().text in tuple(_ABOVE):
            found += str(_ABOVE.index(self.peek().text))
            self.at += 1
        return found

    def _exponent(self) -> Number:
        negative = self.take("-") is not None
        token = self.peek()
        if token.kind != "number":
            self.refuse("an exponent is a number here; else write power(x[i], y[i])")
        self.at += 1
        value = _number(token.text)
        return -value if negative else value

    def _factor(self) -> Factor:
        token = self.peek()
        self.at += 1
        match token.kind:
            case "number":
                return Figure(_number(token.text), token.at)
            case "complex":
                return Figure(complex(token.text.strip("()").replace("−", "-")), token.at)
            case "name" if token.text in _DELTAS and self.peek().text == "[":
                places = self._places() or ()
                if len(places) != 2:
                    self.refuse("a delta has two indices, δ[i,a]", token.at)
                return Tie((places[0], places[1]), token.at)
            case "name":
                return self._named(token)
        if token.text == "(":
            total = self.total()
            self.expect(")", "to close this bracket")
            return Bracketed(total, token.at)
        if token.text == "[":
            self.at -= 1
            self.expect("[", "")
            guard = self._comparison()
            self.expect("]", "behind a condition")
            return guard
        return self.refuse("a factor is missing here", token.at)

    def _named(self, token: Token) -> Factor:
        name, core, ranges = token.text, list[str](), list[Guard]()
        if self.peek().text == "." and self.peek(1).text == "shape":
            return self._measured(token)
        called = self._call_with_core(name)
        if called is not None:
            name, core = called
        elif self._is_braced_call(name):
            name, core = name[:-1], self._labels()
            ranges = self._ranges()
            self.expect("}", "behind the axes of a function")
        is_function = name in VOCABULARY or name in FUNCTIONS
        touching = self.tokens[self.at - 1].stop == self.peek().at
        if self.peek().text != "(" or not (touching or is_function):
            check_name(self.text, name, token.at)
            return Read(name, self._places(), token.at)
        if not is_function:
            self.refuse(f"there is no function {name[:40]!r}; a product is written *", token.at)
        self.at += 1
        arguments: list[Total] = []
        while self.peek().text != ")":
            arguments.append(self.total())
            if self.take(",") is None:
                break
        self.expect(")", "to close the arguments")
        if not arguments:
            self.refuse(f"{name} has no argument", token.at)
        return Call(name, tuple(core), tuple(arguments), self._places(), token.at, tuple(ranges))

    def _measured(self, token: Token) -> Measured:
        """``X.shape[0]``."""
        self.at += 2
        places = self._places() or ()
        numbers = [atoms[0].value for one in places for _, atoms, _ in one.terms]
        if len(numbers) != 1 or len(places) != 1:
            self.refuse(f"the size of an axis is written {token.text}.shape[0]", token.at)
        return Measured(token.text, numbers[0], token.at)

    def _call_with_core(self, name: str) -> tuple[str, list[str]] | None:
        """``inv_b,c(…)``: the name, and the labels of the axes that belong to the function."""
        if name in VOCABULARY or name in FUNCTIONS:
            return None
        ahead = 0
        more: list[str] = []
        while self.peek(ahead).text == "," and self.peek(ahead + 1).kind == "name":
            more.append(self.peek(ahead + 1).text)
            ahead += 2
        if self.peek(ahead).text != "(":
            return None
        for k in range(len(name) - 1, 0, -1):
            if name[k] == "_" and (name[:k] in VOCABULARY or name[:k] in FUNCTIONS):
                self.at += ahead
                return name[:k], [name[k + 1 :], *more]
        return None

    def _is_braced_call(self, name: str) -> bool:
        """``max_{k: k < 3}(…)``?"""
        function = name.removesuffix("_")
        known = function in VOCABULARY or function in FUNCTIONS
        return known and function != name and self.peek().text == "{"

    def _labels(self) -> list[str]:
        """The labels behind the bracket in ``max_{k: k < 3}``."""
        self.expect("{", "")
        found = [self._name("in these brackets stand labels").text]
        while self.take(",") is not None:
            found.append(self._name("in these brackets stand labels").text)
        return found

    # ---- index expressions
    def _places(self) -> tuple[Place, ...] | None:
        """What stands in the brackets that touch what is before them; None where there are none."""
        touching = self.at == 0 or self.tokens[self.at - 1].stop == self.peek().at
        if not touching or self.take("[") is None:
            return None
        found: list[Place] = []
        while self.peek().text != "]":
            found.append(self.place())
            if self.take(",") is None:
                break
        self.expect("]", "to close this bracket")
        return tuple(found)

    def _comparison(self) -> Guard:
        start = self.peek().at
        places = [self.place()]
        signs: list[str] = []
        while (sign := self.take(*_COMPARING)) is not None:
            signs.append(sign.text)
            places.append(self.place())
        if not signs:
            self.refuse("a condition compares, [j ≤ i]")
        return Guard(tuple(places), tuple(signs), start)

    def place(self) -> Place:
        self._deeper()
        start = self.peek().at
        terms: list[tuple[int, tuple[Atom, ...], int]] = []
        sign = -1 if self.take("-") is not None else 1
        while True:
            at = self.peek().at
            terms.append((sign, self._atoms(), at))
            token = self.take("+", "-")
            if token is None:
                break
            sign = -1 if token.text == "-" else 1
        self.depth -= 1
        return Place(tuple(terms), start)

    def _atoms(self) -> tuple[Atom, ...]:
        """A product in an index expression: ``2i``, ``n·i``, ``(n//2)·i``."""
        found = [self._atom()]
        while True:
            if self.take("*") is not None:
                found.append(self._atom())
            elif (sign := self.take("//")) is not None:
                whole = Place(((1, tuple(found), found[0].at),), found[0].at)
                by = self._atom()
                found = [Atom("floor", sign.at, places=(whole, Place(((1, (by,), by.at),), by.at)))]
            elif self.take("**") is not None:
                token = self.peek()
                if token.kind != "number" or not token.text.isdigit() or len(token.text) > 2:
                    self.refuse("an exponent of a size is a small whole number")
                self.at += 1
                found += [found[-1]] * (int(token.text) - 1)
            elif self.peek().kind in ("number", "name") and found[-1].kind in ("number", "size"):
                found.append(self._atom())
            else:
                return tuple(found)

    def _atom(self) -> Atom:
        token = self.peek()
        self.at += 1
        if token.kind == "number":
            if not token.text.isdigit() or len(token.text) > 18:
                self.refuse("an index holds whole numbers of at most 18 digits", token.at)
            return Atom("number", token.at, int(token.text))
        if token.text == "(":
            inner = self.place()
            self.expect(")", "to close this bracket")
            return Atom("sum", token.at, places=(inner,))
        if token.kind != "name":
            self.refuse("a label or a number is missing here", token.at)
        if self.take(".") is not None:
            return self._shape(token)
        if token.text == "max" and self.take("(") is not None:
            array = self._name("behind max( stands an index array, whose largest entry it is")
            self.expect(")", "behind the index array")
            return Atom("largest", array.at, name=array.text)
        if token.text == "min" and self.take("(") is not None:
            parts = [self.place()]
            while self.take(",") is not None:
                parts.append(self.place())
            self.expect(")", "behind the sizes of which this is the least")
            return Atom("least", token.at, places=tuple(parts))
        if self.peek().text == "[":
            return Atom("entry", token.at, name=token.text, places=self._places() or ())
        return Atom("name", token.at, name=token.text)

    def _shape(self, token: Token) -> Atom:
        """``x.shape[0]``, behind its dot."""
        if self._name("behind the dot stands shape, x.shape[0]").text != "shape":
            self.refuse("a size is written x.shape[0]", token.at)
        self.expect("[", "behind shape")
        number = self.peek()
        if number.kind != "number" or not number.text.isdigit():
            self.refuse("an axis is a whole number, x.shape[0]")
        self.at += 1
        self.expect("]", "behind the axis")
        return Atom("size", token.at, int(number.text), token.text)


def _number(written: str) -> int | float:
    return int(written) if written.isdigit() else float(written)
