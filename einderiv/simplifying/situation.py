"""What the identities ask of the expression that is simplified."""

from __future__ import annotations

from ..errors import limits
from ..expression import (
    Add,
    Einsum,
    Expr,
    Forms,
    Number,
    Size,
    Sizes,
    coefficient,
    scaled,
    terms,
    total_weight,
)
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
        self._terms: dict[int, tuple[Add, tuple[Expr, ...]]] = {}
        self._units: dict[int, tuple[Add, tuple[Number, Add] | None]] = {}
        # Sums by the axes that they are summed over: is what comes of it 0?
        self.vanishing: dict[tuple[int, tuple[int, ...]], tuple[Add, bool]] = {}
        self._forms = Forms()

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

    def terms(self, e: Add) -> tuple[Expr, ...]:
        """The terms of a sum, which every identity of sums asks for, once for each sum."""
        if id(e) not in self._terms:
            self._terms[id(e)] = e, terms(e)
        return self._terms[id(e)][1]

    def unit_of_sum(self, e: Add) -> tuple[Number, Add] | None:
        """A number that all terms of a sum have, up to its sign, and the sum without it, the first
        term of which is positive; None where there is no such number. Products that share the sum
        share what is left of it: a copy for each would be looked at again for each.
        """
        if id(e) not in self._units:
            self._units[id(e)] = e, _unit_of_sum(e)
        return self._units[id(e)][1]

    def same(self, a: Expr, b: Expr) -> bool:
        """`same`, with one table for all that is compared here."""
        if a is b:
            return True
        if a.ndim != b.ndim or total_weight(a) != total_weight(b):
            return False
        self._forms.steps = limits.canonical_steps
        return self._forms.of(a) == self._forms.of(b)

    def are_equal(self, a: Size, b: Size) -> bool:
        """Are two sizes the same, as far as the whole expression says?"""
        return a == b or self.sizes.find(a) == self.sizes.find(b)

    def number(self, size: Size) -> int | None:
        """A size as a number, where it is known."""
        return self.sizes.known_measure(size)


def _unit_of_sum(e: Add) -> tuple[Number, Add] | None:
    number = coefficient(e.addends[0])
    numbers = [coefficient(term) for term in e.addends]
    if number in (1, -1, 0) or any(one not in (number, -number) for one in numbers):
        return None
    units = [
        scaled(term, 1 if one == number else -1)
        for term, one in zip(e.addends, numbers, strict=True)
    ]
    return number, Add(tuple(units), axes=e.axes, origins=e.origins)
