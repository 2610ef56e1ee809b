"""What the identities ask of the expression that is simplified."""

from __future__ import annotations

from ..expression import Expr, Size, Sizes
from .symmetry import Symmetries


class Situation:
    """The sizes and symmetries of one expression and its parts."""

    def __init__(self, root: Expr) -> None:
        self._root = root
        self._sizes: Sizes | None = None
        self.is_symmetric = Symmetries().found

    @property
    def sizes(self) -> Sizes:
        """What the whole says of sizes; read once it is asked for."""
        if self._sizes is None:
            self._sizes = Sizes().read([self._root])
        return self._sizes

    def are_equal(self, a: Size, b: Size) -> bool:
        """Are two sizes the same, as far as the whole expression says?"""
        return a == b or self.sizes.find(a) == self.sizes.find(b)

    def number(self, size: Size) -> int | None:
        """A size as a number, where it is known."""
        return self.sizes.known_measure(size)
