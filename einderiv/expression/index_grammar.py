"""The axes of einsum strings: labels, ellipses, and what an index expression says.

    axis = label | "(" sum ")" | "(" label label … ")"
    sum  = ["-"] term { ("+" | "-") term }
    term = number | [number ["*"]] (label | name "[" sum { "," sum } "]")

A slot that is one sum needs no brackets. No bracket stands in a bracket, but for those of index
arrays in round ones.

>>> from einderiv.expression import read
>>> [str(axis) for axis in read("n(2i+k)c,k->nic").inputs[0].labels]
['n', '2i+k', 'c']

Source of the notation: Tullio.jl for sums, einops for ``(h w)``.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from ..errors import ParseError, counted
from .labels import Size, Variable
from .size_algebra import size_text
from .string_parts import (
    ELLIPSIS,
    LABEL_LETTERS,
    Part,
    Token,
    Written,
    is_name,
    written_parts,
)

DIGITS = 18  # of a number: so it is a whole number of 64 bits
NO_SIZES = "a size cannot be written in a string: ed.flip(e), e[::-1] and ed.pad(e, 1) know sizes"


class AxisExpression(NamedTuple):
    """What one axis reads or writes: a sum, or a flattening, and then the rest is empty.

    >>> AxisExpression(1, (("i", 2), ("k", -1)), (("r", (AxisExpression(0, (("e", 1),)),), 1),))
    ... # doctest: +NORMALIZE_WHITESPACE
    AxisExpression(constant=1, terms=(('i', 2), ('k', -1)), arrays=(('r',
    (AxisExpression(constant=0, terms=(('e', 1),), arrays=(), flattened=(), plus_0=False),), 1),),
    flattened=(), plus_0=False)
    >>> print(AxisExpression(1, (("i", 2), ("k", -1))), AxisExpression(flattened=("h", "w")))
    2i-k+1 h w
    """

    constant: Size = 0  # a string has only numbers, a formula has sizes too
    terms: tuple[tuple[str, Size], ...] = ()  # a label, and what it is multiplied by, never 0
    #: the name of an index array, an expression for each of its axes, what it is multiplied by
    arrays: tuple[tuple[str, tuple[AxisExpression, ...], Size], ...] = ()
    flattened: tuple[str, ...] = ()  # of (h w), outermost first
    #: r[e]+0: one index array, written as a sum, so that only the sum is tested
    plus_0: bool = False

    @property
    def array(self) -> str | None:
        """The index array that stands alone, and so points into the axis."""
        is_array = len(self.arrays) == 1 and self.arrays[0][2] == 1
        alone = is_array and not self.terms and self.constant == 0 and not self.plus_0
        return self.arrays[0][0] if alone else None

    @property
    def text(self) -> str:
        """As it is written in round brackets. A label alone has ``+0``: ``(i)`` would be an axis
        of the label itself, whose size that label has.
        """
        if self.flattened:
            return " ".join(self.flattened)
        is_label = len(self.terms) == 1 and self.terms[0][1] == 1
        if is_label and not self.arrays and self.constant == 0:
            return f"{self.terms[0][0]}+0"
        return f"{self._sum()}+0" if self.plus_0 else self._sum()

    def __str__(self) -> str:
        return self.text

    def _sum(self) -> str:
        """Labels, then index arrays, then the constant."""
        written = [_times(coefficient, label) for label, coefficient in self.terms]
        for name, places, coefficient in self.arrays:
            inside = ",".join([place._sum() for place in places])
            written.append(_times(coefficient, f"{name}[{inside}]"))
        if self.constant or not written:
            is_number = isinstance(self.constant, int)
            own = f"{self.constant:+d}" if is_number else f"+{size_text(self.constant, _axis_of)}"
            written.append(own)
        return "".join(written).removeprefix("+")


Axis = str | AxisExpression  # a label or ELLIPSIS; or what is written in brackets


def _times(coefficient: Size, what: str) -> str:
    """``+2i``, ``-i``; in a formula, which knows sizes, ``+(x.shape[1])*i``."""
    if not isinstance(coefficient, int):
        return f"+({size_text(coefficient, _axis_of)})*{what}"
    sign = "-" if coefficient < 0 else "+"
    number = "" if abs(coefficient) == 1 else str(abs(coefficient))
    return f"{sign}{number}{what}"


def equation(text: str) -> tuple[AxisExpression, AxisExpression]:
    """The sides of ``a = i+k``; a word is one label.

    >>> [str(side) for side in equation("time = 2lag + r[e]")]
    ['time+0', '2lag+r[e]']

    Raises ParseError for what is no equation of two sums.
    """
    left, sign, right = text.partition("=")
    if not sign:
        raise ParseError("no equation: its sides are parted by '='", text, 0)
    start = len(left) + len(sign)
    array_ranks: dict[str, int] = {}
    sides = [_side(left, text, 0, array_ranks), _side(right, text, start, array_ranks)]
    return sides[0], sides[1]


def _side(side: str, text: str, start: int, array_ranks: dict[str, int]) -> AxisExpression:
    """One side of an equation, which starts at `start` in the text."""
    written = written_parts(" " * start + side)
    (part, *others) = written.inputs
    if others or written.output is not None or part.tokens[0].kind == "end":
        message = "a side of an equation is a sum such as '2i+k', or r[e]"
        raise ParseError(message, text, min(start, len(text) - 1))
    ((axis,), _) = _Reader(part.tokens, text, True, array_ranks).only_sum()
    assert isinstance(axis, AxisExpression), "a sum"
    return axis


def _axis_of(variable: Variable) -> str:
    return variable if isinstance(variable, str) else f"{variable[0]}.shape[{variable[1]}]"


def labels_of(axis: Axis) -> tuple[str, ...]:
    """The labels of an axis, each once, those in index arrays last.

    >>> labels_of(AxisExpression(3, (("i", 1), ("k", -1)))), labels_of("i")
    (('i', 'k'), ('i',))
    """
    if isinstance(axis, str):
        return (axis,)
    labels = dict.fromkeys(axis.flattened)
    labels |= dict.fromkeys([label for label, _ in axis.terms])
    for _, places, _ in axis.arrays:
        for place in places:
            labels |= dict.fromkeys(labels_of(place))
    return tuple(labels)


def axes(
    part: Part, written: Written, *, in_words: bool, array_ranks: dict[str, int]
) -> tuple[list[Axis], list[int]]:
    """The axes of a part of `written`, and their positions. `array_ranks` takes up how many axes
    each index array has.
    """
    reader = _Reader(part.tokens, written.text, in_words, array_ranks)
    if written.first is not None and _is_one_sum(part.tokens):
        return reader.only_sum()
    return reader.axes()


def _is_one_sum(tokens: list[Token]) -> bool:
    """Is there a sign, a number or an index array outside of round brackets?"""
    inside = False
    for token in tokens:
        if token.kind in ("(", ")"):
            inside = token.kind == "("
        elif not inside and token.kind in ("+", "-", "*", "[", "number"):
            return True
    return False


class _Reader:
    """Reads one part from its first token to its end."""

    def __init__(
        self, tokens: list[Token], text: str, in_words: bool, array_ranks: dict[str, int]
    ) -> None:
        self.tokens, self.text, self.in_words = tokens, text, in_words
        self.array_ranks = array_ranks
        self.k = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.k]

    def wrong(self, message: str, token: Token, shift: int = 0) -> NoReturn:
        raise ParseError(message, self.text, token.at + shift)

    def only_sum(self) -> tuple[list[Axis], list[int]]:
        """One sum without brackets."""
        first = self.now
        axis = self.sum()
        if self.now.kind != "end":
            self._refuse(self.now, beside=True)
        return [axis], [first.at]

    def axes(self) -> tuple[list[Axis], list[int]]:
        """Labels, an ellipsis and what is in brackets."""
        axes: list[Axis] = []
        positions: list[int] = []
        while True:
            token = self.tokens[self.k]
            if token.kind == "word":
                labels = self._labels(token)
                axes += labels
                positions += range(token.at, token.at + len(labels))
                self.k += 1
            elif token.kind == "dots":
                self._check_dots(token, ELLIPSIS in axes)
                axes.append(ELLIPSIS)
                positions.append(token.at)
                self.k += 1
            elif token.kind == "end":
                return axes, positions
            else:
                axis, position = self.bracket()
                axes.append(axis)
                positions.append(position)

    def _labels(self, token: Token) -> list[str]:
        """The word itself, or its letters."""
        if self.in_words:
            return [token.text]
        for p, c in enumerate(token.text):
            if c not in LABEL_LETTERS:
                message = f"{c!r} is no letter; words are labels where blanks separate them"
                self.wrong(message, token, p)
        return list(token.text)

    def _check_dots(self, token: Token, seen: bool) -> None:
        """Refuse a second ellipsis, and one that is a part of a word."""
        if seen:
            self.wrong("a second ellipsis in one operand", token)
        before = self.tokens[self.k - 1].kind if self.k else ""
        after = self.tokens[self.k + 1]
        touches = before == "word" and not token.spaced
        touches |= after.kind == "word" and not after.spaced
        if self.in_words and touches:
            self.wrong("an ellipsis among words stands between blanks", token)

    def bracket(self) -> tuple[Axis, int]:
        """``(i)``, ``(i+k)`` or ``(h w)``: a label, a sum or a flattening, and its position."""
        opening = self.now
        self.k += 1
        k = self.k
        while self.tokens[k].kind == "word":
            k += 1
        if self.tokens[k].kind != ")":
            axis = self.sum()
            if self.now.kind != ")":
                self._refuse(self.now)
            self.k += 1
            return axis, opening.at
        labels: list[str] = []
        for token in self.tokens[self.k : k]:
            labels += self._labels(token)
        self.k = k + 1
        if not labels:
            self.wrong("empty brackets: an axis of one entry is written '(0)'", opening)
        if len(labels) == 1:
            return labels[0], self.tokens[k - 1].at
        return AxisExpression(flattened=tuple(labels)), opening.at

    def sum(self) -> AxisExpression:
        """Terms with signs between them, up to what is none; equal ones are added up."""
        constant = 0
        terms: dict[str, int] = {}
        arrays: dict[tuple[str, tuple[AxisExpression, ...]], int] = {}
        count = 0
        sign = 1
        if self.now.kind == "-":
            sign = -1
            self.k += 1
        while True:
            number = sign * self._number()
            count += 1
            if self.now.kind == "word" and self.tokens[self.k + 1].kind == "[":
                array = self._array()
                arrays[array] = arrays.get(array, 0) + number
            elif self.now.kind == "word":
                label = self._label()
                terms[label] = terms.get(label, 0) + number
            else:
                constant += number
            if self.now.kind not in ("+", "-"):
                break
            sign = -1 if self.now.kind == "-" else 1
            self.k += 1
        kept = tuple([(label, number) for label, number in terms.items() if number])
        reads = [(name, places, number) for (name, places), number in arrays.items() if number]
        found = AxisExpression(constant, kept, tuple(reads))
        return found._replace(plus_0=count > 1 and found.array is not None)

    def _number(self) -> int:
        """What a term is multiplied by, or what it is; 1 where a word follows at once."""
        token = self.now
        if token.kind == "word":
            return 1
        if token.kind != "number":
            self._refuse(token)
        digits = token.text.lstrip("0")
        if len(digits) > DIGITS:
            self.wrong(f"a number of {len(digits)} digits: the most are {DIGITS}", token)
        self.k += 1
        if self.now.kind == "*":
            self.k += 1
            if self.now.kind == "number":
                self.wrong("a product of numbers: write the number that it is", self.now)
            if self.now.kind != "word":
                self._refuse(self.now)
        return int(digits or "0")

    def _label(self) -> str:
        token = self.now
        labels = self._labels(token)
        if len(labels) > 1:  # [ij]: at a sign it would be a word
            self.wrong(
                f"{token.text!r} are labels side by side: commas part the axes of an index array, "
                "and '+' the terms of a sum",
                token,
            )
        self.k += 1
        self._check_behind()
        return labels[0]

    def _array(self) -> tuple[str, tuple[AxisExpression, ...]]:
        """``rows[e,k+1]``: a name, and a sum for each axis."""
        named = self.now
        if not is_name(named.text):
            self.wrong(
                f"{named.text[:30]!r} cannot name an index array: a name is an ASCII identifier "
                "and no Python keyword",
                named,
            )
        self.k += 1
        places: list[AxisExpression] = []
        while self.now.kind != "]":  # at "[" or ","
            self.k += 1
            places.append(self.sum())
            if self.now.kind not in (",", "]"):
                self._refuse(self.now)
        self.k += 1
        self._check_behind()
        before = self.array_ranks.setdefault(named.text, len(places))
        if before != len(places):
            self.wrong(
                f"index array {named.text[:30]} has {counted(len(places), 'axis')} here, "
                f"but {before} before",
                named,
            )
        return named.text, tuple(places)

    def _check_behind(self) -> None:
        """Refuse a product with the label or index array that was read."""
        if self.now.kind != "*":
            return
        if self.tokens[self.k + 1].kind == "number":
            self.wrong("a number stands before what it multiplies, '2*i'", self.now)
        self.wrong(
            "a product of labels: an index is a sum of whole numbers times labels; operands are "
            f"multiplied by a comma between them; {NO_SIZES}",
            self.now,
        )

    def _refuse(self, token: Token, *, beside: bool = False) -> NoReturn:
        """Say why a sum cannot go on with `token`; `beside` says that it has no brackets."""
        after = self.tokens[self.k - 1].kind if self.k else ""
        match token.kind:
            case "(":
                self.wrong("brackets in a sum: multiply out, '2i+2k' for '2(i+k)'", token)
            case "dots":
                self.wrong(
                    "an ellipsis in an index expression: it stands beside, as in '...(i+k)'", token
                )
            case "*":
                self.wrong("nothing to multiply before '*'", token)
            case "+" | "-" if after in ("+", "-"):
                self.wrong("two signs in a row: one sign stands between two terms", token)
            case "+":
                self.wrong("a sum begins with a label, a number or '-'", token)
            case "end" | ")" | "]" | "," if after in ("+", "-", "*"):
                self.wrong(f"nothing behind {after!r}", self.tokens[self.k - 1])
            case "]" | ",":
                self.wrong("an axis of an index array without a place: write '0' or a label", token)
            case _:
                others = "; beside other labels it stands in round brackets" if beside else ""
                self.wrong(
                    f"no sign before {token.text[:30]!r}: an index is a sum such as '2i+k-1'"
                    f"{others}",
                    token,
                )
