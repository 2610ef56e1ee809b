"""Reads an expression by the precedence of its operators, with two stacks and no recursion, into
the tree of a text.

What differs between languages is data: a :class:`Language`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .lexer import Lexicon, Source, Token
from .syntax import Node, Scope, called, number, operation

Make = Callable[..., Any]
SUM, PRODUCT, PREFIX, POWER, INNER = range(1, 6)  # each binds tighter than the one before


class Sign(NamedTuple):
    """An operator: how tightly it binds, what it makes, and its name where axes are inferred."""

    binding: int
    make: Make
    kind: str
    right: bool = False  # a ^ b ^ c is a ^ (b ^ c)


@dataclass(frozen=True)
class Language:
    """What the reader must know of a language."""

    lexicon: Lexicon
    between: dict[str, Sign]
    before: dict[str, Sign]
    behind: dict[str, Make]
    given: Callable[[str], int | None]  # how many axes a name has that is not declared
    default: Callable[[str], int | None]  # how many it has where nothing else says so
    # its own functions of one argument, by the place where they stand
    words: dict[str, Callable[[Token], Make]]
    constants: dict[str, Callable[[Token], Make]]
    wrapped: Callable[[str, Make], Make]  # a function of the vocabulary as one of this language
    bars: dict[str, str]  # ``|X|`` is abs(X)
    joined: bool = False  # an assignment may end without the end of a line


def unknown(_: str) -> None:
    """Names say nothing about axes."""
    return


@dataclass(slots=True)
class _Pending:
    """An operator whose last operand is not complete."""

    sign: Sign
    at: int
    operands: int


@dataclass(slots=True)
class _Bracket:
    """A parenthesis or bar that is open; with `name`, of a call."""

    closing: str
    at: int
    start: int  # operands before it
    name: str = ""


class Reader:
    """Reads one expression; `at` is then the number of tokens it took."""

    def __init__(
        self, text: Source, language: Language, scope: Scope, tokens: Sequence[Token]
    ) -> None:
        self.text, self.language, self.scope, self.tokens = text, language, scope, tokens
        self.at = 0
        self.operands: list[Node] = []
        self.open: list[_Pending | _Bracket] = []

    def read(self) -> Node:
        """The expression."""
        wanted = True  # an operand comes next
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if not wanted and self.language.joined and not self._bracket() and token.kind != "sign":
                break
            self.at += 1
            wanted = self._operand(token) if wanted else self._behind(token)
        if wanted:
            raise self.text.wrong("an operand is missing behind this", self.tokens[self.at - 1].at)
        self._reduce(0)
        if self.open:  # a bar: parentheses have been counted
            raise self.text.wrong("this bar is never closed", self.open[-1].at)
        return self.operands.pop()

    def _bracket(self) -> _Bracket | None:
        return next((o for o in reversed(self.open) if isinstance(o, _Bracket)), None)

    def _operand(self, token: Token) -> bool:
        """Take a token where an operand begins; is one still wanted?"""
        match token.kind:
            case "number":
                self.operands.append(number(self.text, token.text, token.at))
            case "name" if self._next_is("("):
                self.at += 1
                self.open.append(_Bracket(")", token.at, len(self.operands), token.text))
                return True
            case "name":
                self.operands.append(self._name(token))
            case "einsum":
                return self._einsum(token)
            case _:
                return self._before(token)
        return False

    def _next_is(self, sign: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].text == sign

    def _before(self, token: Token) -> bool:
        bracket = self._bracket()
        if token.text == "(":
            self.open.append(_Bracket(")", token.at, len(self.operands)))
        elif token.text in self.language.bars:
            name = self.language.bars[token.text]
            self.open.append(_Bracket(token.text, token.at, len(self.operands), name))
        elif token.text in self.language.before:
            sign = self.language.before[token.text]
            last = self.open[-1] if self.open else None
            if isinstance(last, _Pending) and last.sign.binding >= POWER and not last.sign.right:
                # 2^-1^2 is (2^(-1))^2 where powers are read from the left
                sign = sign._replace(binding=INNER)
            self.open.append(_Pending(sign, token.at, 1))
        elif (
            token.text == ")"
            and bracket
            and bracket is self.open[-1]
            and bracket.name
            and (len(self.operands) <= bracket.start + (bracket.name == "einsum"))
        ):
            self._close(token)
            return False
        else:
            raise self.text.wrong(f"an operand is missing before {token.text!r}", token.at)
        return True

    def _name(self, token: Token) -> Node:
        if token.text in self.language.constants:
            return Node(
                "made", token.text, token.at, (), (), self.language.constants[token.text](token)
            )
        if token.text in self.language.words:
            raise self.text.wrong(
                f"{token.text!r} is a function: call it, {token.text}(…)", token.at
            )
        return self.scope.name(token.text, token.at)

    def _einsum(self, token: Token) -> bool:
        """``#('ij->i'`` waits for a comma or the end, ``#(ij->i;`` for an operand."""
        inner = token.text[token.text.index("(") + 1 :]
        written = inner.strip()
        first = token.stop - len(inner) + inner.index(written)
        self.open.append(_Bracket(")", token.at, len(self.operands), "einsum"))
        quoted = written[0] in "'\""
        self.operands.append(
            Node("literal", written[1:-1] if quoted else written[:-1], first + quoted)
        )
        return not quoted

    def _behind(self, token: Token) -> bool:
        """Take a token behind an operand; is another operand wanted?"""
        language, bracket = self.language, self._bracket()
        if token.text in language.between:
            sign = language.between[token.text]
            self._reduce(sign.binding, sign.right)
            self.open.append(_Pending(sign, token.at, 2))
            return True
        if token.text in language.behind:
            self._reduce(POWER)
            make = language.behind[token.text]
            self.operands.append(operation(self.text, "T", token.at, [self.operands.pop()], make))
        elif bracket and token.text == bracket.closing:
            self._close(token)
        elif bracket and token.text == 2 * bracket.closing:
            self._close(token)
            self._behind(Token("sign", bracket.closing, token.at + 1))
        elif token.text == "," and bracket and bracket.name and bracket.closing == ")":
            self._reduce(0)
            return True
        elif token.text == ",":
            raise self.text.wrong("a comma stands between the arguments of a function", token.at)
        else:
            hint = "; a product is written *" if token.kind != "sign" or token.text == "(" else ""
            hint = (
                "; write abs(X) and norm(X) where bars touch"
                if token.text in language.bars
                else hint
            )
            raise self.text.wrong(
                f"an operator is missing before {token.text[:30]!r}{hint}", token.at
            )
        return False

    def _reduce(self, binding: int, right: bool = False) -> None:
        """Apply the operators that bind tighter than what comes."""
        while self.open and isinstance(top := self.open[-1], _Pending):
            if top.sign.binding < binding or (top.sign.binding == binding and right):
                return
            self.open.pop()
            parts = self.operands[-top.operands :]
            del self.operands[-top.operands :]
            self.operands.append(operation(self.text, top.sign.kind, top.at, parts, top.sign.make))

    def _close(self, token: Token) -> None:
        """The end of a parenthesis, a call or a bar."""
        self._reduce(0)
        bracket = self.open.pop()
        assert isinstance(bracket, _Bracket)
        parts = self.operands[bracket.start :]
        del self.operands[bracket.start :]
        if not bracket.name:
            self.operands.append(parts[0])
        elif bracket.name in self.language.words:
            if len(parts) != 1:
                raise self.text.wrong(
                    f"{bracket.name} takes one argument, not {len(parts)}", bracket.at
                )
            make = self.language.words[bracket.name](Token("name", bracket.name, bracket.at))
            self.operands.append(operation(self.text, bracket.name, bracket.at, parts, make))
        else:
            node = called(self.text, bracket.name, bracket.at, parts)
            assert node.make is not None
            node.make = self.language.wrapped(bracket.name, node.make)
            self.operands.append(node)
