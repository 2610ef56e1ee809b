"""How long an expression is for a reader: names, numbers and signs, not brackets."""

from __future__ import annotations

from ..expression import Add, Apply, Constant, Einsum, Expr, Tensor, bare, children, walk

MOST_OPERANDS = 1000  # of a sum of products; a longer one stays as it is


def operands_of(e: Expr) -> int:
    """The operands of the terms of `e`, at least."""
    if isinstance(e, Add):
        return sum(map(operands_of, e.addends))
    return e.count if isinstance(e, Einsum) else 1


def has_longer_product(e: Expr, count: int) -> bool:
    """Is there a product of more than so many operands anywhere in `e`?"""
    return any(isinstance(node, Einsum) and node.count > count for node in walk([e]))


class Lengths:
    """Lengths of expressions, each counted once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Expr, int]] = {}  # with the expression: its id stays its own

    def of(self, e: Expr) -> int:
        """The number of names, numbers and signs.

        >>> import einderiv as ed
        >>> x, A = ed.tensor("x", "i"), ed.tensor("A", "ij")
        >>> [Lengths().of(e) for e in (x, 2 * x, x @ A, x + ed.exp(x))]
        [1, 2, 3, 4]
        """
        for node in walk([e], self._unknown):
            self._known[id(node)] = node, self._count(node)
        return self._known[id(e)][1]

    def _unknown(self, e: Expr) -> tuple[Expr, ...]:
        return () if id(e) in self._known else children(e)

    def _count(self, e: Expr) -> int:
        match e:
            case Tensor() | Constant():
                return 1
            case Apply():
                return 1 + sum([self._known[id(part)][1] for part in e.arguments])
            case Add():
                # a sign between two terms; a minus in front of one is that sign
                return len(e.addends) - 1 + sum([self._term(term) for term in e.addends])
            case Einsum():
                return self._term(e) + (e.coefficient == -1)
        raise TypeError(type(e).__name__)

    def _term(self, e: Expr) -> int:
        """A term without its sign."""
        if not isinstance(e, Einsum):
            return self._known[id(e)][1]
        count = sum([self._known[id(factor)][1] for factor in e.factors])
        summed = {label for labels in e.inputs for label in labels}.difference(e.output)
        deltas = len(e.output) - len(set(e.output))
        count += bool(summed) + deltas + len(bare(e)) + len(e.relations)
        is_one = e.coefficient in (1, -1)
        return count + (not is_one or not count)
