"""Which matrices are their own transposes: those that are declared so, and what is made of them."""

from __future__ import annotations

from ..expression import Add, Apply, Einsum, Expr, Tensor, added, same, times, viewed
from . import products
from .lengths import has_longer_product

MOST_FACTORS = 24  # of a product that is compared with its transpose


class Symmetries:
    """What is known of the expressions that one simplification meets."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Expr, bool]] = {}  # with the expression: its id stays its own

    def found(self, e: Expr) -> bool:
        """Is `e` the same with its last two axes exchanged?

        >>> import einderiv as ed
        >>> X, S = ed.tensor("X", "ij"), ed.tensor("S", "ii", symmetric=True)
        >>> [Symmetries().found(e) for e in (X.T @ X, ed.inv(X.T @ X), S + X.T @ X, S @ S, X @ S)]
        [True, True, True, True, False]
        """
        if e.ndim < 2:
            return False
        if id(e) not in self._known:
            self._known[id(e)] = e, False  # while it is looked at
            self._known[id(e)] = e, self._look(e)
        return self._known[id(e)][1]

    def _look(self, e: Expr) -> bool:
        match e:
            case Tensor():
                return e.structure == "symmetric"
            case Apply() if e.function.keeps_symmetry and len(e.arguments) == 1:
                return self.found(e.arguments[0])
            case Apply() if e.core == 0:
                return all(map(self.found, e.arguments))
            case Einsum() if e.count <= MOST_FACTORS and e.parts is None:
                return self._is_its_transpose(e) or self._keeps_sign(e)
            case Add():
                return all(map(self.found, e.addends)) or self._is_its_transpose(e)
        return False

    def _keeps_sign(self, e: Einsum) -> bool:
        """Is `e` a product of factors that, with two axes exchanged, are the same up to their
        signs, as the squares of ``X[i,k] − X[j,k]`` are?
        """
        flat = products.flat(e)
        if flat is None or len(set(flat.output)) < flat.ndim:
            return False
        i, j = flat.output[-2:]
        sign = 1
        for factor, labels in flat.slots:
            if i not in labels and j not in labels:
                continue
            exchanged = tuple([{i: j, j: i}.get(label, label) for label in labels])
            if len(set(labels)) < len(labels) or set(exchanged) != set(labels):
                return False
            parts = factor.addends if isinstance(factor, Add) else (factor,)
            flipped = added([viewed(part, labels, exchanged) for part in parts])
            if same(flipped, factor, is_symmetric=self.found):
                continue
            if not isinstance(factor, Add) or not same(flipped, times(factor, -1)):
                return False
            sign = -sign
        return sign == 1

    def _is_its_transpose(self, e: Expr) -> bool:
        if has_longer_product(e, MOST_FACTORS):
            return False  # which is not looked for there
        *batch, i, j = range(e.ndim)
        flipped = viewed(e, range(e.ndim), (*batch, j, i))
        return same(e, flipped, is_symmetric=self.found)
