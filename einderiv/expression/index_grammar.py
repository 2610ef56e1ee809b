"""The grammar of einsum strings: what is a word, a letter, a bracket, and what an index expression
on an axis says.

    axis = label | "(" sum ")" | "(" label label … ")"
    sum  = ["-"] term { ("+" | "-") term }
    term = number | [number ["*"]] (label | name "[" sum { "," sum } "]")

A slot that is one sum needs no brackets. No bracket stands in a bracket, but for those of index
arrays in round ones.

>>> written = split("n(2i+k)c,k->nic")
>>> [str(axis) for axis in axes(written.inputs[0], written, in_words=False, array_ranks={})[0]]
['n', '2i+k', 'c']

Source of the notation: Tullio.jl for sums, einops for ``(h w)``.
"""

from __future__ import annotations

import keyword
import re
import string
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from ..errors import ParseError, counted

BLANKS = " \t\n\r\f\v"
ELLIPSIS = "..."
DIGITS = 18  # of a number: so it is a whole number of 64 bits
NO_SIZES = "a size cannot be written in a string: ed.flip(e), e[::-1] and ed.pad(e, 1) know sizes"

_TO_PARSE = "; a formula is read by ed.parse(text)"
_OF_FORMULAS = "@=/:;^"  # signs of a formula, which no einsum string has


class AxisExpression(NamedTuple):
    """What one axis reads or writes: a sum, or a flattening, and then the rest is empty.

    >>> AxisExpression(1, (("i", 2), ("k", -1)), (("r", (AxisExpression(0, (("e", 1),)),), 1),))
    ... # doctest: +NORMALIZE_WHITESPACE
    AxisExpression(constant=1, terms=(('i', 2), ('k', -1)), arrays=(('r',
    (AxisExpression(constant=0, terms=(('e', 1),), arrays=(), flattened=()),), 1),), flattened=())
    >>> print(AxisExpression(1, (("i", 2), ("k", -1))), AxisExpression(flattened=("h", "w")))
    2i-k+1 h w
    """

    constant: int = 0
    terms: tuple[tuple[str, int], ...] = ()  # a label, and what it is multiplied by, never 0
    #: the name of an index array, an expression for each of its axes, what it is multiplied by
    arrays: tuple[tuple[str, tuple[AxisExpression, ...], int], ...] = ()
    flattened: tuple[str, ...] = ()  # of (h w), outermost first

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
        return self._sum()

    def __str__(self) -> str:
        return self.text

    def _sum(self) -> str:
        """Labels, then index arrays, then the constant."""
        written = [_times(coefficient, label) for label, coefficient in self.terms]
        for name, places, coefficient in self.arrays:
            inside = ",".join([place._sum() for place in places])
            written.append(_times(coefficient, f"{name}[{inside}]"))
        if self.constant or not written:
            written.append(f"{self.constant:+d}")
        return "".join(written).removeprefix("+")


Axis = str | AxisExpression  # a label or ELLIPSIS; or what is written in brackets


def _times(coefficient: int, what: str) -> str:
    """``+2i``, ``-i``."""
    sign = "-" if coefficient < 0 else "+"
    number = "" if abs(coefficient) == 1 else str(abs(coefficient))
    return f"{sign}{number}{what}"


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


def _letters() -> Iterator[str]:
    """ASCII, Latin and Greek letters that NFKC leaves alone: each looks the same in Python code."""
    yield from string.ascii_letters
    for code in (*range(0x00C0, 0x0250), *range(0x0370, 0x0400)):
        c = chr(code)
        is_latin_or_greek = unicodedata.name(c, "").startswith(("LATIN", "GREEK"))
        if is_latin_or_greek and c.isalpha() and unicodedata.normalize("NFKC", c) == c:
            yield c


LABEL_LETTERS = frozenset(_letters())
_CLASS = "".join(sorted(LABEL_LETTERS))
_TOKEN = re.compile(
    rf"""(?P<blank>[ \t\n\r\f\v]+)
    | (?P<word>[_{_CLASS}][_0-9{_CLASS}]*)
    | (?P<number>[0-9]+)
    | (?P<arrow>->)
    | (?P<dots>\.\.\.)
    | (?P<sign>[-+*,()\[\]])""",
    re.VERBOSE,
).finditer
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


def is_name(word: str) -> bool:
    """Is `word` fit for a tensor or an axis: an ASCII identifier that is no Python keyword?"""
    return _NAME(word) is not None and not keyword.iskeyword(word)


class Token(NamedTuple):
    """A word, a number, three dots, a sign, or the end of a part."""

    kind: str  # "word", "number", "arrow", "dots", "end", or the sign itself
    text: str
    at: int
    spaced: bool  # a blank stands before it


class Part(NamedTuple):
    """The tokens of an operand or of the output, the last of them its end."""

    tokens: list[Token]
    start: int


class Written(NamedTuple):
    """A string in its parts; `output` is None where it is left implicit."""

    text: str
    inputs: list[Part]
    output: Part | None
    first: Token | None  # sign, number or bracket: there is an index expression


def split(text: str) -> Written:
    """The operands and the output. Brackets close, and do not nest.

    Raises ParseError at the first character that no einsum string has there.
    """
    parts: list[Part] = []
    arrow: Token | None = None
    first: Token | None = None
    opened: list[Token] = []
    tokens: list[Token] = []
    start = 0
    for token in _tokens(text):
        kind = token.kind
        if kind == "word" or kind == "dots":
            tokens.append(token)
            continue
        if kind == "arrow":
            if arrow is not None:
                message = "a second arrow: one '->' parts operands and output"
                raise ParseError(message, text, token.at)
            _check_closed(text, opened)
            arrow = token
        elif kind != "," or opened:
            _follow(text, token, opened, tokens)
            first = first or token
            tokens.append(token)
            continue
        elif arrow is not None:
            raise ParseError("a comma in the output: there is one output", text, token.at)
        tokens.append(Token("end", "", token.at, False))
        parts.append(Part(tokens, start))
        tokens = []
        start = token.at + len(token.text)
    _check_closed(text, opened)
    tokens.append(Token("end", "", len(text), False))
    last = Part(tokens, start)
    if arrow is not None:
        return Written(text, parts, last, first)
    return Written(text, [*parts, last], None, first)


def _tokens(text: str) -> Iterator[Token]:
    """What stands between the blanks."""
    read = 0
    spaced = False
    for match in _TOKEN(text):
        at = match.start()
        if at != read:
            break
        read = match.end()
        kind = match.lastgroup or ""
        if kind == "blank":
            spaced = True
            continue
        word = match[0]
        yield Token(word if kind == "sign" else kind, word, at, spaced)
        spaced = False
    if read != len(text):
        _refuse_character(text, read)


def _hint(text: str) -> str:
    """Without an arrow it may be a formula."""
    return "" if "->" in text else _TO_PARSE


def _refuse_character(text: str, p: int) -> NoReturn:
    """Say why the character at `p` is none of an einsum string."""
    c = text[p]
    if not c.isascii():
        name = unicodedata.name(c, "unnamed")
        plain = unicodedata.normalize("NFKC", c)
        meant = f", did you mean {plain!r}?" if plain in LABEL_LETTERS else ""
        raise ParseError(
            f"U+{ord(c):04X} ({name}) is no label{meant}: labels are ASCII, Greek and Latin "
            "letters, or words of them; the interleaved form einsum(X, [0, 1], …) takes numbers",
            text,
            p,
        )
    if c == "." and text[p + 1 : p + 2].isdecimal():
        message = "a fraction: an index is a sum of whole numbers times labels"
    elif c == ".":
        message = "an ellipsis is three dots, '...'"
    elif c == ">":
        message = f"a stray '>': the arrow is written '->'{_hint(text)}"
    else:
        hint = _TO_PARSE if c in _OF_FORMULAS else ""
        message = f"{c!r} is no label: labels are letters or words{hint}"
    raise ParseError(message, text, p)


def _follow(text: str, token: Token, opened: list[Token], before: list[Token]) -> None:
    """Keep account of the brackets that are open; `before` are the tokens before this one."""
    match token.kind:
        case "," if opened[-1].kind == "(":
            raise ParseError(
                f"a comma between round brackets: a flattening is written '(h w)'{_hint(text)}",
                text,
                token.at,
            )
        case "(" if opened:
            message = f"a bracket in a bracket: an index is a sum of its own{_hint(text)}"
            raise ParseError(message, text, token.at)
        case "[" if opened and opened[-1].kind == "[":
            raise ParseError(
                "an index array in an index array: take(r, s) is an array of its own",
                text,
                token.at,
            )
        case "[" if token.spaced or not before or before[-1].kind != "word":
            raise ParseError(
                f"the name of an index array stands right before its '[', as in 'r[e]'"
                f"{_hint(text)}",
                text,
                token.at,
            )
        case "(" | "[":
            opened.append(token)
        case ")" | "]":
            wanted = "(" if token.kind == ")" else "["
            if not opened or opened[-1].kind != wanted:
                message = f"{token.kind!r} closes nothing: there is no {wanted!r} before it"
                if opened:
                    message = f"{token.kind!r} does not close {opened[-1].kind!r}"
                raise ParseError(message, text, token.at)
            opened.pop()


def _check_closed(text: str, opened: list[Token]) -> None:
    if opened:
        bracket = opened[-1]
        raise ParseError(f"this {bracket.kind!r} is never closed", text, bracket.at)


def is_in_words(written: Written) -> bool:
    """Are the labels words? They are where blanks part two of them, what is in brackets and blanks
    at signs aside; and where two letters or more stand at a sign or a number.

    >>> [is_in_words(split(text)) for text in ("i + k,k->i", "time+lag->i", "n c->n c")]
    [False, True, True]
    """
    parts = written.inputs
    if written.first is not None:
        everything = parts if written.output is None else [*parts, written.output]
        if any(_has_long_term(part.tokens) for part in everything):
            return True
        if any(token.kind in ("(", "[") for part in everything for token in part.tokens):
            parts = everything
    return any(_is_parted(part.tokens) for part in parts)


def _has_long_term(tokens: list[Token]) -> bool:
    """Is there a word of two letters or more, no index array, that a sign or a number is next
    to?
    """
    around = ("+", "-", "*", "number")
    for k, token in enumerate(tokens[:-1]):
        if token.kind != "word" or len(token.text) == 1:
            continue
        after = tokens[k + 1].kind
        before = tokens[k - 1].kind if k else "end"
        if after != "[" and (before in around or after in around):
            return True
    return False


def _is_parted(tokens: list[Token]) -> bool:
    """Does a blank part two words, signs and brackets aside?"""
    joins = ("+", "-", "*", "number")
    depth = 0
    spaced = False
    before = ""
    for token in tokens[:-1]:
        if depth == 0:
            spaced = spaced or token.spaced
        if token.kind in ("(", "["):
            depth += 1
        elif token.kind in (")", "]"):
            depth -= 1
        elif depth == 0:
            if spaced and before not in ("", *joins) and token.kind not in ("+", "-", "*"):
                return True
            before = token.kind
            spaced = False
    return False


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
        sign = 1
        if self.now.kind == "-":
            sign = -1
            self.k += 1
        while True:
            number = sign * self._number()
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
        return AxisExpression(constant, kept, tuple(reads))

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
        self._check_behind(token)
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
        closing = self.now
        self.k += 1
        self._check_behind(closing)
        before = self.array_ranks.setdefault(named.text, len(places))
        if before != len(places):
            self.wrong(
                f"index array {named.text[:30]} has {counted(len(places), 'axis')} here, "
                f"but {before} before",
                named,
            )
        return named.text, tuple(places)

    def _check_behind(self, before: Token) -> None:
        """Refuse products of labels. `before` is a label or the end of an index array."""
        if self.now.kind != "*":
            return
        if self.tokens[self.k + 1].kind == "number":
            self.wrong(f"a number stands before what it multiplies, '2*i'{self._hint()}", self.now)
        self.wrong(
            "a product of labels: an index is a sum of whole numbers times labels; operands are "
            f"multiplied by a comma between them{self._hint()}; {NO_SIZES}",
            self.now,
        )

    def _hint(self) -> str:
        return _hint(self.text)

    def _refuse(self, token: Token, *, beside: bool = False) -> NoReturn:
        """Say why a sum cannot go on with `token`; `beside` says that it has no brackets."""
        after = self.tokens[self.k - 1].kind if self.k else ""
        match token.kind:
            case "(":
                self.wrong(
                    f"brackets in a sum: multiply out, '2i+2k' for '2(i+k)'{self._hint()}", token
                )
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
