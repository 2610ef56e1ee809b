"""What the identities ask of the expression that is simplified."""

from __future__ import annotations

from ..expression import Einsum, Expr, Size, Sizes
from . import products
from .symmetry import Symmetries


class Situation:
    """The sizes, symmetries and products of one expression and its parts."""

    def __init__(self, root: Expr) -> None:
        self._root = root
        self._sizes: Sizes | None = None
        self.is_symmetric = Symmetries().found
        # With the product: its id stays its own.
        self._flat: dict[int, tuple[Einsum, Einsum | None]] = {}

    @property
    def sizes(self) -> Sizes:
        """What the whole says of sizes; read once it is asked for."""
        if self._sizes is None:
            self._sizes = Sizes().read([self._root])
        return self._sizes

    def flat(self, e: Einsum) -> Einsum | None:
        """`products.flat`, which every identity of products asks for, once for each product."""
        if id(e) not in self._flat:
            self._flat[id(e)] = e, products.flat(e)
        return self._flat[id(e)][1]

    def are_equal(self, a: Size, b: Size) -> bool:
        """Are two sizes the same, as far as the whole expression says?"""
        return a == b or self.sizes.find(a) == self.sizes.find(b)

    def number(self, size: Size) -> int | None:
        """A size as a number, where it is known."""
        return self.sizes.known_measure(size)
