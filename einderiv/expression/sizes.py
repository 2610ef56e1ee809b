"""Which sizes are equal, and what they measure. The equations are data of an expression, solved
on demand.

Contracting and adding make sizes equal, ``ed.tensor`` names them, arrays and ints say what
they measure. Nothing is shared between expressions: a :class:`Sizes` is made from one expression
(or from several evaluated together) and the shapes of one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import TypeVar

from ..errors import LimitError, ShapeError, counted
from .groups import UnionFind
from .labels import Label, Merged, Polynomial, Size, merged
from .nodes import Add, Apply, Constant, Einsum, Expr, Slot, Tensor, children, everything, walk
from .size_algebra import measured
from .string_parts import is_name
from .unify import written_slots

E = TypeVar("E", bound=Expr)
MOST = 2**63  # entries along an axis: what no size can be
SPOKEN = 4  # sizes that a message names
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
        self.products: dict[Merged, None] = {}
        self.unmeasured: set[Merged] = set()  # of which this was found, until more is learnt

    def known_measure(self, size: Size) -> int | None:
        """What `size` measures, or None where that is not known."""
        if isinstance(size, int):
            return size
        if isinstance(size, Polynomial):
            return measured(size, self.known_measure)
        measure = self.measures.get(self.find(size))
        if measure is None and isinstance(size, Merged):
            return self._measure_of_merged(size)
        return measure

    def _measure_of_merged(self, size: Merged) -> int | None:
        """Merged axes measure as much as all of them together."""
        if size in self.unmeasured:
            return None
        found: dict[Size, int | None] = {}
        for part in distinct_parts(size):
            measure = part if isinstance(part, int) else self.measures.get(self.find(part))
            if measure is None and isinstance(part, Merged):
                parts = [found[inner] for inner in part.parts]
                known = [inner for inner in parts if inner is not None]
                measure = _merged_measure(known) if len(known) == len(parts) else None
            found[part] = measure
        if found[size] is None:
            self.unmeasured.add(size)
        return found[size]

    def measure(self, size: Size) -> int:
        """What `size` measures. Raises ShapeError where it is not known, and says how to
        give it.
        """
        measure = self.known_measure(size)
        if measure is None:
            raise ShapeError(f"the size of {spoken(size)} is not known: {how_to_give(size)}")
        return measure

    def fix(self, size: Size, measure: int, source: str) -> None:
        """Say what `size` measures; `source` says who says so."""
        known = self.known_measure(size)
        if known is None:
            self.unmeasured.clear()
            self.measures[self.find(size)] = measure
            self.sources[self.find(size)] = source
        elif known != measure:
            before = self.sources.get(self.find(size), "its declaration")
            raise ShapeError(
                f"{spoken(size)} has size {known} by {before}, but {measure} by {source}"
            )

    def equal(self, a: Size, b: Size) -> bool:
        """Make two sizes one; False if both measures are known already, and differ."""
        first = self.known_measure(a)
        second = self.known_measure(b)
        if first is not None and second is not None and first != second:
            return False
        # a size and a number
        if isinstance(a, int):
            if second is None:
                self.fix(b, a, f"an axis of size {a}")
            return True
        if isinstance(b, int):
            if first is None:
                self.fix(a, b, f"an axis of size {b}")
            return True
        # two sizes, of which one may have a measure
        a = self.find(a)
        b = self.find(b)
        if a == b:
            return True
        self.unmeasured.clear()
        self.parent[b] = a
        if a not in self.measures and b in self.measures:
            self.measures[a] = self.measures[b]
            self.sources[a] = self.sources[b]
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
                    if node.function.reshapes:
                        self._reshaped(node)
            for size in node.axis_sizes:
                if isinstance(size, Merged):
                    self.products[size] = None
        return self.settled()

    def settled(self) -> Sizes:
        """Learn what the sizes of merged axes say about those of their parts, and the other way
        round.
        """
        learnt = True
        while learnt:
            learnt = self._unite_products()
            for product in self.products:
                learnt |= self._settle(product)
        return self

    def _unite_products(self) -> bool:
        """Products of the same sizes are one size: has anything been learnt by that?"""
        learnt = False
        first: dict[tuple[Size, ...], Size] = {}
        for product in self.products:
            parts = tuple([s if isinstance(s, int) else self.find(s) for s in product.parts])
            other = first.setdefault(parts, product)
            if self.find(other) == self.find(product):
                continue
            if not self.equal(other, product):
                raise ShapeError(
                    f"{spoken(product)} have size {self.known_measure(other)} and "
                    f"{self.known_measure(product)}"
                )
            learnt = True
        return learnt

    def _settle(self, product: Merged) -> bool:
        """Has anything been learnt from ``n = a · b``, where all but one of the three are known?"""
        total = self.measures.get(self.find(product))
        parts = [self.known_measure(part) for part in product.parts]
        unknown = [k for k, part in enumerate(parts) if part is None]
        measures = [part for part in parts if part is not None]
        known = prod(measures) if unknown else _merged_measure(measures)
        # n, from a and b
        if not unknown and total is None:
            self.unmeasured.clear()
            self.measures[self.find(product)] = known
            self.sources[self.find(product)] = f"merging axes of sizes {', '.join(map(str, parts))}"
            return True
        if not unknown and total != known:
            raise ShapeError(
                f"an axis of size {total} cannot be split into axes of sizes "
                f"{', '.join(map(str, parts))}"
            )
        # a, from n and b; where b is 0, it may be anything
        if total is None or len(unknown) != 1 or known == 0:
            return False
        if total % known:
            raise ShapeError(f"an axis of size {total} cannot be split by {known}: there is a rest")
        rest = product.parts[unknown[0]]
        self.fix(rest, total // known, f"splitting an axis of size {total}")
        return True

    def _reshaped(self, node: Apply) -> None:
        """Merged axes measure as much as all of them together, split ones too."""
        argument = node.arguments[0]
        batch = argument.ndim - node.core
        before = argument.axis_sizes[batch:]
        after = node.axis_sizes[batch:]
        one, parts = (before[0], after) if len(before) == 1 else (after[0], before)
        whole: Size = merged(parts) if len(parts) > 1 else parts[0]
        if isinstance(whole, Merged):
            self.products[whole] = None
        if not self.equal(one, whole):
            measures = [str(self.known_measure(part)) for part in parts]
            raise ShapeError(
                f"an axis of size {self.known_measure(one)}, of {called(argument)}, cannot be "
                f"split into axes of sizes {', '.join(measures)}"
            )

    def _square(self, node: Apply) -> None:
        rows, columns = node.arguments[0].axis_sizes[-2:]
        if not self.equal(rows, columns):
            raise ShapeError(
                f"{node.function.name} needs a square matrix, but {called(node.arguments[0])} has "
                f"{self.known_measure(rows)} rows and {self.known_measure(columns)} columns"
            )

    def _tensor(self, node: Tensor) -> None:
        name = node.name
        known = self.tensors.setdefault(name, node)
        if known.ndim != node.ndim:
            raise ShapeError(
                f"{name} stands for a tensor with {counted(known.ndim, 'axis')} and one with "
                f"{counted(node.ndim, 'axis')}: within one expression a tensor is its name"
            )
        # what its array measures
        shape = self.shapes.get(name)
        if shape is not None:
            if len(shape) != node.ndim:
                raise ShapeError(
                    f"{name} has {counted(node.ndim, 'axis')}, but its array has "
                    f"{len(shape)}, shape {shape}"
                )
            for p, measure in enumerate(shape):
                self.fix((name, p), measure, f"the array of {name}, shape {shape}")
        # what its axes are declared to be
        for p, declared in enumerate(node.declared):
            if isinstance(declared, str) and is_name(declared):
                self.names.add(declared)
            if declared is not None and not self.equal((name, p), declared):
                raise ShapeError(
                    f"axis {p} of {name} is declared as {declared}"
                    f"{_with(self.known_measure(declared), declared)}, but has size "
                    f"{self.known_measure((name, p))}{_at(self, (name, p))}"
                )
        if node.structure == "index":
            return
        # every other structure is one of square matrices
        rows = (name, node.ndim - 2)
        columns = (name, node.ndim - 1)
        if node.structure and not self.equal(rows, columns):
            raise ShapeError(
                f"{name} is declared {node.structure}, but its last axes have sizes "
                f"{self.known_measure(rows)} and {self.known_measure(columns)}"
            )

    def _einsum(self, node: Einsum) -> None:
        """A label has one size, in all operands and where it is given."""
        first: dict[Label, tuple[Size, int]] = {}  # its size, and the operand that has it first
        author = node.written or node
        slots = written_slots(node)
        for k, (operand, labels) in enumerate(slots):
            for label, size in zip(labels, operand.axis_sizes, strict=True):
                other, j = first.setdefault(label, (size, k))
                if other != size and not self.equal(other, size):
                    raise ShapeError(
                        f"label {author.letters.get(label) or label!r} has size "
                        f"{self.known_measure(other)} in operand {j} ({called(slots[j][0])}) but "
                        f"{self.known_measure(size)} in operand {k} ({called(operand)})"
                        f"{_also_in(slots, label, (j, k))}; size 1 does not broadcast"
                    )
        for label, size in author.given:
            if isinstance(size, str):
                self.names.add(size)
            if isinstance(size, Merged):
                self.products[size] = None
            other, _ = first.setdefault(label, (size, -1))
            if other != size and not self.equal(other, size):
                raise ShapeError(
                    f"label {author.letters.get(label) or label!r} has size "
                    f"{self.known_measure(other)}, but was given size {self.known_measure(size)}"
                )

    def _aligned(self, parts: tuple[Expr, ...], where: str) -> None:
        """Parts of a sum, or arguments of a function, have the same sizes axis by axis."""
        first = parts[0]
        for part in parts[1:]:
            # Arguments may have other core axes than the first.
            for p, (a, b) in enumerate(zip(first.axis_sizes, part.axis_sizes, strict=False)):
                if a != b and not self.equal(a, b):
                    raise ShapeError(
                        f"axis {p} has size {self.known_measure(a)} in {called(first)} but "
                        f"{self.known_measure(b)} in {called(part)}, in {where}"
                    )


def _also_in(slots: Sequence[Slot], label: Label, but: tuple[int, ...]) -> str:
    """``; it is also in operand 2``, for the operands that have a label but are not in `but`."""
    operands = [m for m, (_, labels) in enumerate(slots) if label in labels and m not in but]
    if not operands:
        return ""
    more = ", …" if len(operands) > 6 else ""
    return f"; it is also in {', '.join([f'operand {m}' for m in operands[:6]])}{more}"


def _with(measure: int | None, declared: Size) -> str:
    if measure is None or measure == declared:
        return ""
    return f" = {measure}"


def _at(sizes: Sizes, size: Size) -> str:
    source = sizes.sources.get(sizes.find(size))
    return f" by {source}" if source else ""


def distinct_parts(size: Size) -> list[Size]:
    """All that `size` is merged of, at every depth and each once, and last `size` itself: parts
    before what is merged of them.
    """
    found: dict[Size, None] = {}
    stack: list[tuple[Size, bool]] = [(size, False)]
    while stack:
        part, ready = stack.pop()
        if ready or not isinstance(part, Merged):
            found[part] = None
        elif part not in found:
            stack.append((part, True))
            stack += [(inner, False) for inner in reversed(part.parts)]
    return list(found)


def _merged_measure(parts: Sequence[int]) -> int:
    """What axes of these sizes measure when they are merged."""
    measure = prod(parts)
    if measure >= MOST:
        shown = ", ".join(map(str, parts[:6])) + (", …" if len(parts) > 6 else "")
        raise LimitError(
            f"merging axes of sizes {shown} makes one of 2**{measure.bit_length() - 1} or more, "
            "but sizes are below 2**63"
        )
    return measure


def _unmerged(size: Size) -> list[Size]:
    """The sizes of axes that `size` is merged of, each once."""
    return [part for part in distinct_parts(size) if not isinstance(part, Merged)]


def spoken(size: Size) -> str:
    """``axis 0 of X`` for ``("X", 0)``."""
    if isinstance(size, Merged):
        parts = _unmerged(size)
        more = f" and {len(parts) - SPOKEN} more" if len(parts) > SPOKEN else ""
        return "the merged axes " + " and ".join(map(spoken, parts[:SPOKEN])) + more
    return f"axis {size[1]} of {size[0]}" if isinstance(size, tuple) else f"axis {size}"


def how_to_give(size: Size) -> str:
    """What to do about a size that is not known."""
    if isinstance(size, Merged):
        return " and ".join(map(how_to_give, _unmerged(size)[:SPOKEN]))
    if isinstance(size, tuple):
        return f"give {size[0]}, or sizes={{label: number}}"
    return f"give sizes={{{size!r}: …}}"


def called(e: Expr) -> str:
    """A short name for an operand in a message."""
    match e:
        case Tensor():
            return e.name
        case Constant():
            return f"an array of shape {e.axis_sizes}" if e.axis_sizes else "a number"
        case Apply():
            return f"{e.function.name}(…)"
    what = "a sum" if isinstance(e, Add) else "an einsum"
    inside = [part.name for part in children(e) if isinstance(part, Tensor)]
    if not inside:
        return what
    return f"{what} of {', '.join(dict.fromkeys(inside[:4]))}"


def checked(e: E) -> E:
    """`e` itself, once the sizes that its arrays and ints make known agree.

    Large expressions are checked when they are derived or evaluated instead, for a check at every
    step of building one with n nodes would cost n².
    """
    if e.nodes <= SMALL:
        Sizes().read([e])
    return e
