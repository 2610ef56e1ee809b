"""An expression in the form of the textbooks: the identities of the table, from the inside out,
until none applies.
"""

from __future__ import annotations

from ..expression import Expr, as_expression, bottom_up, dressed, rebuilt, walk
from .identities import IDENTITIES
from .lengths import MOST_OPERANDS, Lengths, operands_of
from .situation import Situation

ROUNDS = 64  # over the whole expression; each makes it shorter, so that there are few
TRIED = 200  # identities that are tried for each node of the expression, in all


def simplify(e: Expr) -> Expr:
    """An equal expression in the form of the textbooks, no longer than it was: equal terms are
    collected, powers and quotients too, what cancels has gone, symmetry is used. Terms and factors
    stay in the order in which they were written.

    It is what the formulas of an expression show; derivations and plans have no need of it. An axis
    of unknown size is taken to have entries: the entries of softmax(x) add up to 1, and to 0 where
    x has none, which ``evaluate`` still finds.

    >>> import einderiv as ed
    >>> x, S = ed.tensor("x", "i"), ed.tensor("S", "ii", symmetric=True)
    >>> ed.simplify(ed.grad(x @ S @ x, x)) == 2 * (S @ x)
    True
    >>> X = ed.tensor("X", "ij")
    >>> ed.simplify(ed.grad(ed.logdet(X.T @ X), X)) == 2 * (X @ ed.inv(X.T @ X))
    True
    >>> ed.simplify(ed.sum(ed.softmax(x, axis=0)))
    1

    The identities are the rows of ``simplifying/identities.py``. Raises TypeError for what is no
    expression.
    """
    e = as_expression(e)
    found = _Simplification(e).of(e)
    if found is e:
        return e
    return dressed(found, axes=e.axes, origins=(e,), record=e.record)


class _Simplification:
    """One call: what it has found, and what is left of its budget."""

    def __init__(self, e: Expr) -> None:
        self.situation = Situation(e)
        self.lengths = Lengths()
        self.left = TRIED * sum(1 for _ in walk([e]))

    def of(self, e: Expr) -> Expr:
        for _ in range(ROUNDS):
            (found,) = bottom_up([e], self._node)
            if found is e:
                break
            e = found
        return e

    def _node(self, node: Expr, parts: tuple[Expr, ...]) -> Expr:
        """A node of simplified parts, as short as the identities make it."""
        if operands_of(node) > MOST_OPERANDS:
            return node
        e = rebuilt(node, parts)
        if self.lengths.of(e) > self.lengths.of(node):
            e = node
        applies = True
        while applies and self.left > 0:
            applies = False
            for identity in IDENTITIES:
                if not isinstance(e, identity.of):
                    continue
                self.left -= 1
                found = identity.apply(e, self.situation)
                if found is not None and self.lengths.of(found) < self.lengths.of(e):
                    e = found
                    applies = True
                    break
        return e
