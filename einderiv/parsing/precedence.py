"""Reads an expression by the precedence of its operators, with two stacks and no recursion, into
the tree of a text.

What differs between languages is data: a :class:`Grammar`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .lexer import Source, Token
from .syntax import Node, Scope, called, number, operation

Make = Callable[..., Any]
#: reads the tokens of one line: its tree, and the tokens that are left
LineReader = Callable[[Source, Scope, Sequence[Token]], tuple[Node, tuple[Token, ...]]]
SUM, PRODUCT, PREFIX, POWER, INNER = range(1, 6)  # each binds tighter than the one before


class Sign(NamedTuple):
    """An operator: how tightly it binds, what it makes, and its name where axes are inferred."""

    binding: int
    make: Make
    kind: str
    right: bool = False  # a ^ b ^ c is a ^ (b ^ c)


@dataclass(frozen=True)
class Grammar:
    """The operators of a language that is read by precedence, and its own functions."""

    between: dict[str, Sign]
    before: dict[str, Sign]
    behind: dict[str, Make]
    # its own functions of one argument, by the place where they stand
    words: dict[str, Callable[[Token], Make]]
    constants: dict[str, Callable[[Token], Make]]
    wrapped: Callable[[str, Make], Make]  # a function of the vocabulary as one of this language
    bars: dict[str, str]  # ``|X|`` is abs(X)
    joined: bool = False  # an assignment may end without the end of a line


def by_precedence(grammar: Grammar) -> LineReader:
    """The reader of the lines of a language that has this grammar."""

    def read_line(
        text: Source, scope: Scope, tokens: Sequence[Token]
    ) -> tuple[Node, tuple[Token, ...]]:
        reader = _Reader(text, grammar, scope, tokens)
        return reader.read(), tuple(tokens[reader.at :])

    return read_line


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


class _Reader:
    """Reads one expression; `at` is then the number of tokens it took."""

    def __init__(
        self, text: Source, grammar: Grammar, scope: Scope, tokens: Sequence[Token]
    ) -> None:
        self.text = text
        self.grammar = grammar
        self.scope = scope
        self.tokens = tokens
        self.at = 0
        self.operands: list[Node] = []
        self.open: list[_Pending | _Bracket] = []

    def read(self) -> Node:
        """The expression."""
        wanted = True  # an operand comes next
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if not wanted and self._line_ends_before(token):
                break
            self.at += 1
            wanted = self._operand(token) if wanted else self._behind(token)
        if wanted:
            raise self.text.wrong("an operand is missing behind this", self.tokens[self.at - 1].at)
        self._reduce(0)
        if self.open:  # a bar: parentheses have been counted
            raise self.text.wrong("this bar is never closed", self.open[-1].at)
        return self.operands.pop()

    def _line_ends_before(self, token: Token) -> bool:
        """Does the next assignment begin here, on the same line: ``A = X  B = Y``?"""
        return self.grammar.joined and token.kind != "sign" and self._bracket() is None

    def _bracket(self) -> _Bracket | None:
        """The innermost parenthesis or bar that is open."""
        for opened in reversed(self.open):
            if isinstance(opened, _Bracket):
                return opened
        return None

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
        """Take a sign where an operand begins; is an operand still wanted?"""
        grammar = self.grammar
        if token.text == "(":
            self.open.append(_Bracket(")", token.at, len(self.operands)))
            return True
        # |X|
        if token.text in grammar.bars:
            name = grammar.bars[token.text]
            self.open.append(_Bracket(token.text, token.at, len(self.operands), name))
            return True
        # -X
        if token.text in grammar.before:
            sign = grammar.before[token.text]
            last = self.open[-1] if self.open else None
            if isinstance(last, _Pending) and last.sign.binding >= POWER and not last.sign.right:
                # 2^-1^2 is (2^(-1))^2 where powers are read from the left
                sign = sign._replace(binding=INNER)
            self.open.append(_Pending(sign, token.at, 1))
            return True
        # f(), or #('->') without operands
        if token.text == ")" and self._is_empty_call():
            self._close(token)
            return False
        raise self.text.wrong(f"an operand is missing before {token.text!r}", token.at)

    def _is_empty_call(self) -> bool:
        """Is the innermost thing open a call that has no argument yet?"""
        last = self.open[-1] if self.open else None
        if not isinstance(last, _Bracket) or not last.name:
            return False
        subscripts = 1 if last.name == "einsum" else 0  # they have been read with the sign #(
        return len(self.operands) <= last.start + subscripts

    def _name(self, token: Token) -> Node:
        if token.text in self.grammar.constants:
            make = self.grammar.constants[token.text](token)
            return Node("made", token.text, token.at, (), (), make)
        if token.text in self.grammar.words:
            raise self.text.wrong(
                f"{token.text!r} is a function: call it, {token.text}(…)", token.at
            )
        return self.scope.name(token.text, token.at)

    def _einsum(self, token: Token) -> bool:
        """The beginning of an einsum; is an operand wanted next?

        ``#('ij->i'`` waits for a comma or the end, ``#(ij->i;`` for an operand.
        """
        inside = token.text[token.text.index("(") + 1 :]
        written = inside.strip()
        first = token.stop - len(inside) + inside.index(written)
        self.open.append(_Bracket(")", token.at, len(self.operands), "einsum"))
        if written[0] in "'\"":
            # 'ij->i'
            self.operands.append(Node("literal", written[1:-1], first + 1))
            return False
        # ij->i;
        self.operands.append(Node("literal", written[:-1], first))
        return True

    def _behind(self, token: Token) -> bool:
        """Take a token behind an operand; is another operand wanted?"""
        grammar = self.grammar
        bracket = self._bracket()
        # A + B
        if token.text in grammar.between:
            sign = grammar.between[token.text]
            self._reduce(sign.binding, sign.right)
            self.open.append(_Pending(sign, token.at, 2))
            return True
        # A'
        if token.text in grammar.behind:
            self._reduce(POWER)
            make = grammar.behind[token.text]
            self.operands.append(operation(self.text, "T", token.at, [self.operands.pop()], make))
            return False
        # the end of (A), |A| or ||A||
        if bracket and token.text == bracket.closing:
            self._close(token)
            return False
        # the sign || that closes two single bars
        if bracket and token.text == 2 * bracket.closing:
            self._close(token)
            self._behind(Token("sign", bracket.closing, token.at + 1))
            return False
        # f(A, B)
        if token.text == ",":
            if bracket and bracket.name and bracket.closing == ")":
                self._reduce(0)
                return True
            raise self.text.wrong("a comma stands between the arguments of a function", token.at)
        hint = ""
        if token.text in grammar.bars:
            hint = "; write abs(X) and norm(X) where bars touch"
        elif token.kind != "sign" or token.text == "(":
            hint = "; a product is written *"
        raise self.text.wrong(f"an operator is missing before {token.text[:30]!r}{hint}", token.at)

    def _reduce(self, binding: int, right: bool = False) -> None:
        """Apply the operators that bind tighter than what comes."""
        while self.open and isinstance(top := self.open[-1], _Pending):
            sign = top.sign
            if sign.binding < binding or (sign.binding == binding and right):
                return
            self.open.pop()
            parts = self._taken(len(self.operands) - top.operands)
            self.operands.append(operation(self.text, sign.kind, top.at, parts, sign.make))

    def _taken(self, start: int) -> list[Node]:
        """The operands from `start` on, which are removed."""
        parts = self.operands[start:]
        del self.operands[start:]
        return parts

    def _close(self, token: Token) -> None:
        """The end of a parenthesis, a call or a bar."""
        self._reduce(0)
        bracket = self.open.pop()
        assert isinstance(bracket, _Bracket)
        parts = self._taken(bracket.start)
        # (A)
        if not bracket.name:
            self.operands.append(parts[0])
            return
        # a function that only this language has
        if bracket.name in self.grammar.words:
            if len(parts) != 1:
                raise self.text.wrong(
                    f"{bracket.name} takes one argument, not {len(parts)}", bracket.at
                )
            make = self.grammar.words[bracket.name](Token("name", bracket.name, bracket.at))
            self.operands.append(operation(self.text, bracket.name, bracket.at, parts, make))
            return
        # a function of the vocabulary
        node = called(self.text, bracket.name, bracket.at, parts)
        assert node.make is not None
        node.make = self.grammar.wrapped(bracket.name, node.make)
        self.operands.append(node)
