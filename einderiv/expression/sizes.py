"""Which sizes are equal, and what they measure. The equations are data of an expression, solved
on demand.

Contracting and adding make sizes equal, ``ed.tensor`` names them, arrays and ints say what
they measure. Nothing is shared between expressions: a :class:`Sizes` is made from one expression
(or from several evaluated together) and the shapes of one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import TypeGuard, TypeVar

from ..errors import ShapeError, counted
from .groups import UnionFind
from .nodes import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Size,
    Tensor,
    children,
    everything,
    walk,
)
from .unify import written_slots

E = TypeVar("E", bound=Expr)
SMALL = 200  # nodes: an expression of this many is checked in full whenever one is built from it


class Sizes(UnionFind[Size]):
    """Which sizes are one, and what they measure, which :meth:`measure` answers."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
        super().__init__()
        self.shapes = shapes or {}
        self.measures: dict[Size, int] = {}
        self.sources: dict[Size, str] = {}  # who said what a size measures, for messages
        self.tensors: dict[str, Tensor] = {}
        self.names: set[str] = set()
        self.products: dict[tuple[Size, ...], None] = {}

    def known_measure(self, size: Size) -> int | None:
        """What `size` measures, or None where that is not known."""
        if isinstance(size, int):
            return size
        found = self.measures.get(self.find(size))
        if found is None and is_product(size):
            parts = [self.known_measure(s) for s in size[1:]]
            return None if None in parts else prod(n for n in parts if n is not None)
        return found

    def measure(self, size: Size) -> int:
        """What `size` measures. Raises ShapeError where it is not known, and says how to
        give it.
        """
        found = self.known_measure(size)
        if found is None:
            raise ShapeError(f"the size of {spoken(size)} is not known: {how_to_give(size)}")
        return found

    def fix(self, size: Size, measure: int, source: str) -> None:
        """Say what `size` measures; `source` says who says so."""
        known = self.known_measure(size)
        if known is None:
            self.measures[self.find(size)] = measure
            self.sources[self.find(size)] = source
        elif known != measure:
            before = self.sources.get(self.find(size), "its declaration")
            raise ShapeError(
                f"{spoken(size)} has size {known} by {before}, but {measure} by {source}"
            )

    def equal(self, a: Size, b: Size) -> bool:
        """Make two sizes one; False if both measures are known already, and differ."""
        p, q = self.known_measure(a), self.known_measure(b)
        if p is not None and q is not None and p != q:
            return False
        if isinstance(a, int) or isinstance(b, int):
            size, measure = (b, a) if isinstance(a, int) else (a, b)
            if (
                not isinstance(size, int)
                and self.known_measure(size) is None
                and isinstance(measure, int)
            ):
                self.fix(size, measure, f"an axis of size {measure}")
            return True
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[b] = a
            if a not in self.measures and b in self.measures:
                self.measures[a], self.sources[a] = self.measures[b], self.sources[b]
        return True

    def read(self, roots: Iterable[Expr]) -> Sizes:
        """Add the tensors and equations of `roots` and of all that they were made from."""
        for node in walk(roots, everything):
            match node:
                case Tensor():
                    self._tensor(node)
                case Einsum():
                    self._einsum(node)
                case Add():
                    self._aligned(node.addends, "a sum")
                case Apply():
                    self._aligned(node.arguments, node.function.name)
                    if node.function.square:
                        self._square(node)
                    if node.function.kind == "reshape":
                        self._reshaped(node)
            self.products.update((size, None) for size in node.sizes if is_product(size))
        return self.settled()

    def settled(self) -> Sizes:
        """Learn what the sizes of merged axes say about those of their parts, and the other way
        round.
        """
        while any([*self._same(), *map(self._settled, self.products)]):
            pass
        return self

    def _same(self) -> Iterable[bool]:
        """Products of the same sizes are one size: what has been learnt, product by product."""
        first: dict[tuple[Size, ...], Size] = {}
        for product in self.products:
            parts = tuple(s if isinstance(s, int) else self.find(s) for s in product[1:])
            other = first.setdefault(parts, product)
            learnt = self.find(other) != self.find(product)
            if learnt and not self.equal(other, product):
                raise ShapeError(
                    f"{spoken(product)} have size {self.known_measure(other)} and "
                    f"{self.known_measure(product)}"
                )
            yield learnt

    def _reshaped(self, node: Apply) -> None:
        """Merged axes measure as much as all of them together, split ones too."""
        first = node.arguments[0]
        before, after = first.sizes[first.ndim - node.core :], node.sizes[first.ndim - node.core :]
        one, parts = (before[0], after) if len(before) == 1 else (after[0], before)
        merged: Size = ("*", *parts) if len(parts) > 1 else parts[0]
        if is_product(merged):
            self.products[merged] = None
        if not self.equal(one, merged):
            raise ShapeError(
                f"an axis of size {self.known_measure(one)}, of {called(first)}, cannot be split "
                f"into axes of sizes {', '.join(str(self.known_measure(s)) for s in parts)}"
            )

    def _square(self, node: Apply) -> None:
        rows, columns = node.arguments[0].sizes[-2:]
        if not self.equal(rows, columns):
            raise ShapeError(
                f"{node.function.name} needs a square matrix, but {called(node.arguments[0])} has "
                f"{self.known_measure(rows)} rows and {self.known_measure(columns)} columns"
            )

    def _settled(self, product: tuple[Size, ...]) -> bool:
        """Has anything been learnt from ``n = a · b``, where all but one of the three are known?"""
        total, parts = (
            self.measures.get(self.find(product)),
            [self.known_measure(s) for s in product[1:]],
        )
        open_parts = [k for k, n in enumerate(parts) if n is None]
        known = prod(n for n in parts if n is not None)
        if not open_parts:
            if total is None:
                self.measures[self.find(product)] = known
                self.sources[self.find(product)] = (
                    f"merging axes of sizes {', '.join(map(str, parts))}"
                )
            elif total != known:
                raise ShapeError(
                    f"an axis of size {total} cannot be split into axes of sizes "
                    f"{', '.join(map(str, parts))}"
                )
            return total is None
        if total is None or len(open_parts) > 1 or known == 0:
            return False
        if total % known:
            raise ShapeError(f"an axis of size {total} cannot be split by {known}: there is a rest")
        self.fix(product[1 + open_parts[0]], total // known, f"splitting an axis of size {total}")
        return True

    def _tensor(self, node: Tensor) -> None:
        known = self.tensors.setdefault(node.name, node)
        if known.ndim != node.ndim:
            raise ShapeError(
                f"{node.name} stands for a tensor with {counted(known.ndim, 'axis')} and one with "
                f"{counted(node.ndim, 'axis')}: within one expression a tensor is its name"
            )
        shape = self.shapes.get(node.name)
        if shape is not None:
            if len(shape) != node.ndim:
                raise ShapeError(
                    f"{node.name} has {counted(node.ndim, 'axis')}, but its array has "
                    f"{len(shape)}, shape {shape}"
                )
            for p, measure in enumerate(shape):
                self.fix((node.name, p), measure, f"the array of {node.name}, shape {shape}")
        for p, declared in enumerate(node.declared):
            if isinstance(declared, str):
                self.names.add(declared)
            if declared is not None and not self.equal((node.name, p), declared):
                raise ShapeError(
                    f"axis {p} of {node.name} is declared as {declared}"
                    f"{_with(self.known_measure(declared), declared)}, but has size "
                    f"{self.known_measure((node.name, p))}{_at(self, (node.name, p))}"
                )

        if node.structure and not self.equal(
            (node.name, node.ndim - 2), (node.name, node.ndim - 1)
        ):
            raise ShapeError(
                f"{node.name} is declared {node.structure}, but its last axes have sizes "
                f"{self.known_measure((node.name, node.ndim - 2))} and "
                f"{self.known_measure((node.name, node.ndim - 1))}"
            )

    def _einsum(self, node: Einsum) -> None:
        first: dict[Label, tuple[Size, int]] = {}
        author = node.written or node
        slots = written_slots(node)
        for k, (operand, labels) in enumerate(slots):
            for label, size in zip(labels, operand.sizes, strict=True):
                other, j = first.setdefault(label, (size, k))
                if other != size and not self.equal(other, size):
                    elsewhere = [
                        f"operand {m}"
                        for m, (_, ls) in enumerate(slots)
                        if label in ls and m not in (j, k)
                    ]
                    also = (
                        f"; it is also in {', '.join(elsewhere[:6])}{', …' * (len(elsewhere) > 6)}"
                    )
                    raise ShapeError(
                        f"label {author.letters.get(label) or label!r} has size "
                        f"{self.known_measure(other)} in operand {j} ({called(slots[j][0])}) but "
                        f"{self.known_measure(size)} in operand {k} ({called(operand)})"
                        f"{also * bool(elsewhere)}; size 1 does not broadcast"
                    )
        for label, size in author.given:
            if isinstance(size, str):
                self.names.add(size)
            if is_product(size):
                self.products[size] = None
            other, _ = first.setdefault(label, (size, -1))
            if other != size and not self.equal(other, size):
                raise ShapeError(
                    f"label {author.letters.get(label) or label!r} has size "
                    f"{self.known_measure(other)}, but was given size {self.known_measure(size)}"
                )

    def _aligned(self, parts: tuple[Expr, ...], where: str) -> None:
        for part in parts[1:]:
            for p, (a, b) in enumerate(zip(parts[0].sizes, part.sizes, strict=False)):
                if a != b and not self.equal(a, b):
                    raise ShapeError(
                        f"axis {p} has size {self.known_measure(a)} in {called(parts[0])} but "
                        f"{self.known_measure(b)} in {called(part)}, in {where}"
                    )


def _with(measure: int | None, declared: Size) -> str:
    return "" if measure is None or measure == declared else f" = {measure}"


def _at(sizes: Sizes, size: Size) -> str:
    source = sizes.sources.get(sizes.find(size))
    return f" by {source}" if source else ""


def is_product(size: Size) -> TypeGuard[tuple[Size, ...]]:
    """Is `size` that of merged axes: ``("*", a, b)``?"""
    return isinstance(size, tuple) and size[0] == "*"


def spoken(size: Size) -> str:
    """``axis 0 of X`` for ``("X", 0)``."""
    if is_product(size):
        return "the merged axes " + " and ".join(map(spoken, size[1:]))
    return f"axis {size[1]} of {size[0]}" if isinstance(size, tuple) else f"axis {size}"


def how_to_give(size: Size) -> str:
    """What to do about a size that is not known."""
    if is_product(size):
        return " and ".join(map(how_to_give, size[1:]))
    if isinstance(size, tuple):
        return f"give {size[0]}, or sizes={{label: number}}"
    return f"give sizes={{{size!r}: …}}"


def called(e: Expr) -> str:
    """A short name for an operand in a message."""
    match e:
        case Tensor():
            return e.name
        case Constant():
            return f"an array of shape {e.sizes}" if e.sizes else "a number"
        case Apply():
            return f"{e.function.name}(…)"
    inside = [c.name for c in children(e) if isinstance(c, Tensor)]
    of = f" of {', '.join(dict.fromkeys(inside[:4]))}" if inside else ""
    return f"a sum{of}" if isinstance(e, Add) else f"an einsum{of}"


def checked(e: E) -> E:
    """`e` itself, once the sizes that its arrays and ints make known agree.

    Large expressions are checked when they are derived or evaluated instead, for a check at every
    step of building one with n nodes would cost n².
    """
    if e.nodes <= SMALL:
        Sizes().read([e])
    return e
