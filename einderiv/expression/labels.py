"""What nodes name their axes by: labels, sizes, and relations between labels.

A label is a whole number that means something inside one einsum only. Its size is an int, a name
declared with ``ed.tensor``, ``("X", 0)`` for axis 0 of the tensor X, or a :class:`Polynomial` of
such.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import counted

Label = int
Labels = tuple[Label, ...]


class Polynomial:
    """A size that is a sum of products of sizes: ``n - w + 1``. Made by `size_algebra`, in normal
    form, so that equal ones are alike; a number, or one size alone, is none.

    A product holds each of its sizes once, with an exponent: ``kron(K, K)`` of a `K` that is a
    ``kron`` itself has the size of `K` twice, so that short products stand for very many axes.
    """

    __slots__ = ("__weakref__", "_hash", "terms")

    terms: tuple[tuple[Monomial, int], ...]  # each product with its coefficient, never 0

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        self.terms = terms
        self._hash = hash(("polynomial", terms))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Polynomial) or self._hash != other._hash:
            return False
        return self.terms == other.terms

    def __repr__(self) -> str:
        return f"Polynomial({counted(len(self.terms), 'term')})"


class Floor:
    """``dividend // divisor``, a part of a :class:`Polynomial`, where no division is exact."""

    __slots__ = ("__weakref__", "_hash", "dividend", "divisor", "order")

    dividend: Size
    divisor: Size
    order: str  # sorts it among others: a digest, for floors may be nested deep

    @property
    def parts(self) -> tuple[Size, ...]:
        return self.dividend, self.divisor

    def __init__(self, dividend: Size, divisor: Size, order: str) -> None:
        self.dividend = dividend
        self.divisor = divisor
        self.order = order
        self._hash = hash(("floor", dividend, divisor))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Floor) or self._hash != other._hash:
            return False
        return self.dividend == other.dividend and self.divisor == other.divisor

    def __repr__(self) -> str:
        return f"Floor({self.order})"


class Least:
    """``min(n, m)``, a part of a :class:`Polynomial`, where nobody knows which is less."""

    __slots__ = ("__weakref__", "_hash", "order", "parts")

    parts: tuple[Size, ...]  # two or more, in order
    order: str  # sorts it among others

    def __init__(self, parts: tuple[Size, ...], order: str) -> None:
        self.parts = parts
        self.order = order
        self._hash = hash(("least", parts))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Least) or self._hash != other._hash:
            return False
        return self.parts == other.parts

    def __repr__(self) -> str:
        return f"Least({self.order})"


Variable = str | tuple[str, int]
Composite = Floor | Least  # made of other sizes
Atom = Variable | Composite
Monomial = tuple[tuple[Atom, int], ...]  # atoms in order, each with its exponent
Size = int | Variable | Polynomial
Given = tuple[tuple[Label, Size], ...]


class Relation(NamedTuple):
    """``constant + Σ coefficient · label = 0`` between labels of one einsum."""

    constant: Size
    terms: tuple[tuple[Label, Size], ...]  # sorted by label, no zero coefficient


Relations = tuple[Relation, ...]
