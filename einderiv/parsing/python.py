"""One line of a text in the syntax of Python: its own parser makes the tree, and an allow-list says
what may be in it.

Nothing is ever evaluated: a text is data, its names are tensors, its calls are those of the
vocabulary.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..errors import ParseError, limits
from .lexer import NAME, NUMBER, STRING, Lexicon, Source, Token
from .syntax import CONSTANTS, OPERATORS, PREFIXES, Node, Scope, called, number, operation

PIECES = Lexicon(
    "#",
    (
        ("number", NUMBER),
        ("string", STRING),
        ("name", NAME),
        ("sign", r"\*\*|<=|>=|==|!=|[-+*/@().,=<>]"),
    ),
)
_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
    ast.USub: "negative",
    ast.UAdd: "positive",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def read_line(
    text: Source, scope: Scope, tokens: Sequence[Token]
) -> tuple[Node, tuple[Token, ...]]:
    """The tree of one line. Nothing is left of it."""
    return _PythonLine(text, scope, tokens).read(), ()


class _PythonLine:
    """One expression in the syntax of Python: the tree that ``ast`` makes, node by node, each of
    an allowed kind.
    """

    def __init__(self, text: Source, scope: Scope, tokens: Sequence[Token]) -> None:
        self.text = text
        self.scope = scope
        self.tokens = tokens
        self.start = tokens[0].at
        self.made: dict[ast.AST, Node] = {}

    def read(self) -> Node:
        """The tree of the line."""
        self._check_tokens()
        # Blanks for comments and ends of lines: each character keeps its distance from the first.
        characters = [" "] * (self.tokens[-1].stop - self.start)
        for token in self.tokens:
            characters[token.at - self.start : token.stop - self.start] = token.text
        try:
            body = ast.parse("".join(characters), mode="exec").body
        except SyntaxError as e:
            raise self.text.wrong(
                f"this cannot be read: {e.msg}", self.start + (e.offset or 1) - 1
            ) from None
        except (RecursionError, MemoryError):
            what = "this is nested more deeply than Python can read: part it by assignments"
            raise self.text.wrong(what, self.start) from None
        first = body[0]
        if len(body) != 1 or not isinstance(first, ast.Expr):
            raise self.text.wrong(
                "this is no expression: a line is an expression, or one name and = before it",
                self.start,
            )
        return self._tree(first.value)

    def _check_tokens(self) -> None:
        """What Python would read, and we do not."""
        before: Token | None = None
        for token in self.tokens:
            if token.kind == "string":
                self._check_string(token, before)
            # An operand begins on the line, behind ( and behind a comma; * and ** are stars there.
            begins = before is None or before.text in ("(", ",")
            allowed = ("(", "+", "-") if before is None else ("(", "+", "-", ")", "*", "**")
            if begins and token.kind == "sign" and token.text not in allowed:
                raise self.text.wrong(f"an operand is missing before {token.text!r}", token.at)
            ended = before is not None and (before.kind != "sign" or before.text == ")")
            if ended and token.kind != "sign":
                raise self.text.wrong(
                    f"an operator is missing before {token.text[:30]!r}", token.at
                )
            before = token
        if before and before.kind == "sign" and before.text != ")":
            raise self.text.wrong("an operand is missing behind this", before.at)

    def _check_string(self, token: Token, before: Token | None) -> None:
        """Refuse f'…', two strings that Python would join, and escapes."""
        if before is not None:
            prefixed = before.kind == "name" and before.stop == token.at
            if prefixed or before.kind == "string":
                raise self.text.wrong(
                    "only plain strings are read, without a letter or another string before them",
                    before.at,
                )
        escape = token.text.find("\\")
        if escape >= 0:
            raise self.text.wrong("strings hold no escapes", token.at + escape)

    def _tree(self, root: ast.expr) -> Node:
        """Every node behind its parts, without recursion."""
        stack: list[tuple[ast.expr, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                self.made[node] = self._made(node)
            else:
                stack.append((node, True))
                stack.extend((part, False) for part in reversed(self._parts(node)))
        result = self.made[root]
        if result.kind == "literal":
            raise self.text.wrong("this is no expression", self._at(root))
        return result

    def _at(self, node: Any) -> int:
        return self.start + int(node.col_offset)

    def _parts(self, node: ast.expr) -> list[ast.expr]:
        """What a node is made of; whatever is not allowed ends here."""
        match node:
            # A + B
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
                return [left, right]
            # A > B, but no chain of comparisons
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _SIGNS:
                return [left, right]
            # -A
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNS:
                return [operand]
            # f(A, axis=0)
            case ast.Call(args=args, keywords=keywords):
                return [*args, *(keyword.value for keyword in keywords)]
            # A.T
            case ast.Attribute(attr="T", value=value):
                return [value]
            # (0, 1)
            case ast.Tuple(elts=parts):
                return parts
            # A, 2, 'ij->i'
            case ast.Name() | ast.Constant():
                return []
            # np.pi
            case ast.Attribute() if self._is_constant(node):
                return []
        raise self._refused(node)

    def _is_constant(self, node: ast.Attribute) -> bool:
        """Is it ``np.pi``, or another constant behind the name of a module?"""
        return node.attr in CONSTANTS and self._dotted(node).rpartition(".")[0] in PREFIXES

    def _refused(self, node: ast.expr) -> ParseError:
        """What is wrong with a node that is not allowed."""
        at = self._at(node)
        match node:
            case ast.Attribute(attr=name):
                return self.text.wrong(
                    "an expression has no attribute but .T here; functions are called as sum(X)",
                    self._end(node) - len(name),
                )
            case ast.BinOp(left=left) | ast.Compare(left=left):
                signs = " ".join([sign for sign in _SIGNS.values() if not sign.isalpha()])
                return self.text.wrong(
                    f"this operator is not read, or not here: there are {signs}", self._sign(left)
                )
            case ast.Starred():
                return self.text.wrong(
                    "a star before an argument is not read: write the arguments one by one", at
                )
        what = (
            "this is not read: an expression is made of names, numbers, operators, .T and calls "
            "of functions"
        )
        return self.text.wrong(what, at)

    def _end(self, node: ast.expr) -> int:
        return self.start + (node.end_col_offset or 0)

    def _sign(self, left: ast.expr) -> int:
        """Where the operator behind `left` stands."""
        stop = self._end(left)
        for token in self.tokens:
            if token.at >= stop and token.text not in ("(", ")"):
                return token.at
        return stop

    def _made(self, node: ast.expr) -> Node:
        """The node of our tree, whose parts are made."""
        at = self._at(node)
        match node:
            # A + B, A > B
            case (
                ast.BinOp(left=left, op=op, right=right)
                | ast.Compare(left=left, ops=[op], comparators=[right])
            ):
                sign = _SIGNS[type(op)]
                parts = [self.made[left], self.made[right]]
                return operation(self.text, sign, self._sign(left), parts, OPERATORS[sign])
            # -A
            case ast.UnaryOp(op=op, operand=operand):
                sign = _SIGNS[type(op)]
                return operation(self.text, sign, at, [self.made[operand]], OPERATORS[sign])
            # A.T
            case ast.Attribute(attr="T", value=value):
                parts = [self.made[value]]
                return operation(self.text, "T", self._end(node) - 1, parts, OPERATORS["T"])
            # np.pi
            case ast.Attribute(attr=name):
                return Node("number", CONSTANTS[name], at)
            case ast.Name(id=name):
                return self.scope.name(name, at)
            case ast.Call():
                return self._call(node)
            case ast.Tuple():
                return self._tuple(node)
        assert isinstance(node, ast.Constant)
        return self._constant(node)

    def _call(self, node: ast.Call) -> Node:
        parts = [self.made[argument] for argument in node.args]
        keywords = []
        for keyword in node.keywords:
            if keyword.arg is None:
                what = "two stars before an argument are not read: write the arguments one by one"
                raise self.text.wrong(what, self._at(keyword))
            keywords.append((keyword.arg, self._at(keyword)))
            parts.append(self.made[keyword.value])
        return called(self.text, self._dotted(node.func), self._at(node), parts, keywords)

    def _dotted(self, node: ast.expr) -> str:
        """``np.linalg.inv``, of names only."""
        names: list[str] = []
        end = self._end(node)
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            if not isinstance(node.value, (ast.Attribute, ast.Name)):
                raise self._refused(node)
            node = node.value
        if not isinstance(node, ast.Name):
            raise self.text.wrong(
                "only functions are called, by their names; a product is written *", self._at(node)
            )
        prefix = ".".join([node.id, *reversed(names[1:])])
        if names and prefix not in PREFIXES:
            first, last = prefix[:40], names[0][:40]
            what = (
                f"{first!r} is no module whose functions can be called here: write {last}({first})"
            )
            raise self.text.wrong(what, end - len(names[0]))
        return ".".join([node.id, *reversed(names)])

    def _tuple(self, node: ast.Tuple) -> Node:
        parts = [self.made[part] for part in node.elts]
        if len(parts) > limits.axes:
            what = f"{len(parts)} axes are over the limit of {limits.axes} (ed.limits.axes)"
            raise self.text.wrong(what, self._at(node))
        for part in parts:
            is_text = part.kind == "literal" and isinstance(part.value, str)
            if part.kind != "number" and not is_text:
                raise self.text.wrong(
                    "a tuple holds whole numbers or names in quotes, for axis=…", part.at
                )
        return Node("literal", tuple(part.value for part in parts), self._at(node))

    def _constant(self, node: ast.Constant) -> Node:
        at = self._at(node)
        if isinstance(node.value, str):
            return Node("literal", node.value, at + 1)
        if node.value is None or isinstance(node.value, bool):
            return Node("literal", node.value, at)
        if isinstance(node.value, (int, float, complex)):
            return number(self.text, str(self.text[at : self._end(node)]), at)
        raise self._refused(node)
