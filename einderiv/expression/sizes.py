"""Which sizes are equal, and what they measure. The equations are data of an expression, solved
on demand.

Contracting and adding make sizes equal, ``ed.tensor`` names them, arrays and ints say what
they measure. Sizes are polynomials: ``n = a + b - 1`` is solved for one of the three, for any of
them where the others are numbers. Nothing is shared between expressions: a :class:`Sizes` is made
from one expression (or from several evaluated together) and the shapes of one call.

>>> sizes = Sizes()
>>> sizes.equal(("y", 0), plus(("x", 0), negated(("w", 0)), 1))
True
>>> sizes.fix(("y", 0), 8, "the array of y")
>>> sizes.fix(("x", 0), 10, "the array of x")
>>> sizes.settled().measure(("w", 0))
3
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ..errors import LimitError, ShapeError, counted
from .groups import UnionFind
from .labels import Label, Polynomial, Size, Variable
from .nodes import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Slot,
    Tensor,
    Written,
    children,
    everything,
    is_hot,
    walk,
)
from .size_algebra import (
    factors,
    inside,
    linear_terms,
    measured,
    minus,
    negated,
    parted,
    plus,
    replaced,
    times,
    too_large,
    variables,
    written,
)
from .string_parts import is_name
from .unify import written_slots

E = TypeVar("E", bound=Expr)
MOST = 2**63  # entries along an axis: what no size can be
SPOKEN = 4  # sizes that a message names
LONG = 12  # sizes that a sum has in a message
SMALL = 200  # nodes: an expression of this many is checked in full whenever one is built from it


class Equation(NamedTuple):
    """Two sizes that are one, and who says so."""

    a: Size
    b: Size
    source: str = ""


class Sizes(UnionFind[Size]):
    """Which sizes are one, and what they measure, which :meth:`measure` answers.

    A size of an axis goes by the one that it was made equal to, or by a polynomial of others, if an
    equation was solved for it. Equations that cannot be solved yet are tried again when more is
    known.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
        super().__init__()
        self.shapes = shapes or {}
        self.measures: dict[Size, int] = {}  # by what a size goes by, which is no polynomial
        self.sources: dict[Size, str] = {}  # who said what a size measures, for messages
        self.tensors: dict[str, Tensor] = {}
        self.names: set[str] = set()
        self.polynomials: dict[Polynomial, None] = {}  # that are sizes of axes
        self.defined: list[Variable] = []  # that go by polynomials
        self.equations: dict[Size, Equation] = {}  # not solved, by their difference
        self.sums: dict[Size, int] = {}  # what sums of unknown sizes measure
        # of polynomials, until more is learnt
        self._normal_forms: dict[Size, Size] = {}
        self._numbers: dict[Polynomial, int | None] = {}

    def find(self, x: Size) -> Size:
        """What `x` goes by: sizes that are equal go by the same.

        >>> sizes = Sizes()
        >>> sizes.equal("n", times(2, "m")) and sizes.equal("m", "k")
        True
        >>> sizes.find(plus("n", "k")) == sizes.find(times(3, "m"))
        True
        """
        size = x
        while (up := self.parent.get(size, size)) is not size:
            size = up
        return self._normal(size) if isinstance(size, Polynomial) else size

    def _root(self, size: Size) -> Size:
        while (up := self.parent.get(size, size)) is not size:
            size = up
        return size

    def _normal(self, size: Polynomial) -> Size:
        """A polynomial with what its sizes go by put in."""
        known = self._normal_forms
        stack: list[Polynomial] = [] if size in known else [size]
        while stack:
            top = stack[-1]
            roots = [self._root(own) for own in variables(top)]
            waiting = [x for x in roots if isinstance(x, Polynomial) and x not in known]
            if waiting:  # definitions before what they define: chains of them may be long
                stack += waiting
                continue
            stack.pop()
            known[top] = replaced(top, self._known_form)
        return known[size]

    def _known_form(self, own: Variable) -> Size:
        root = self._root(own)
        return self._normal_forms[root] if isinstance(root, Polynomial) else root

    def _forget(self) -> None:
        """What was found of polynomials before something was learnt."""
        self._normal_forms.clear()
        self._numbers.clear()

    def known_measure(self, size: Size) -> int | None:
        """What the size of an axis measures, or None where that is not known.

        Raises ShapeError for one that comes out below 0, and LimitError for one beyond 2**63.
        """
        if isinstance(size, int):
            return size
        root = self._root(size)
        if not isinstance(root, Polynomial):
            return self.measures.get(root)
        number = self.known_number(root)
        if number is not None and number < 0:
            raise ShapeError(
                f"{self._named(size)} comes out as {number}{self._because(size)}: {_reach(root)}a "
                "size is not negative; give others, or sizes={label: number}"
            )
        if number is not None and number >= MOST:
            raise too_large(number.bit_length() - 1)
        return number

    def known_number(self, size: Size) -> int | None:
        """What a polynomial in sizes comes to, or None where that is not known: it need not be the
        size of an axis, and may be below 0.
        """
        if not isinstance(size, Polynomial):
            return self.known_measure(size)
        if size not in self._numbers:
            if self.defined:
                number = measured(self._normal(size), self.measures.get)
            else:  # what sizes go by is found for each of them
                number = measured(size, lambda own: self.measures.get(self._root(own)))
            if number is None and self.sums:
                number = self._of_known_sum(size)
            self._numbers[size] = number
        return self._numbers[size]

    def _of_known_sum(self, size: Polynomial) -> int | None:
        """``2 a b + 1``, where only the product of a and b is known."""
        rest = self._with_numbers(size)
        if rest is None or isinstance(rest, int):
            return rest
        factor, rest, constant = parted(rest)
        known = self.sums.get(rest)
        return None if known is None else factor * known + constant

    def _with_numbers(self, size: Size) -> Size | None:
        """A size with all numbers put in that are known; None where they are too large."""
        try:
            return replaced(self.find(size), lambda own: self.measures.get(own, own))
        except LimitError:
            return None

    def measure(self, size: Size) -> int:
        """What `size` measures. Raises ShapeError where it is not known, and says how to
        give it.
        """
        measure = self.known_measure(size)
        if measure is None:
            unknown = [own for own in variables(size) if self.known_measure(own) is None]
            raise ShapeError(f"the size of {spoken(size)} is not known: {how_to_give(*unknown)}")
        return measure

    def fix(self, size: Size, measure: int, source: str) -> None:
        """Say what `size` measures; `source` says who says so."""
        known = self.known_measure(size)
        if known is None:
            root = self.find(size)
            if isinstance(root, Polynomial):
                self._equate(Equation(size, measure, source))
                return
            self._forget()
            self.measures[root] = measure
            self.sources[root] = source
        elif known != measure:
            raise ShapeError(
                f"{spoken(size)} has size {known}{self._by(size)}, but {measure} by {source}"
            )

    def equal(self, a: Size, b: Size) -> bool:
        """Make two sizes one; False if that cannot be: if both measures are known and differ, or if
        their difference is a number whatever they measure.
        """
        if a == b:
            return True
        one = a if isinstance(a, int) else self._root(a)
        other = b if isinstance(b, int) else self._root(b)
        if one == other:
            return True
        # two sizes that stand for themselves: nearly always
        if not isinstance(one, (int, Polynomial)) and not isinstance(other, (int, Polynomial)):
            first, second = self.measures.get(one), self.measures.get(other)
            if first is not None and second is not None and first != second:
                return False
            self._unite(one, other)
            return True
        return self._equal_by_numbers(a, b)

    def _equal_by_numbers(self, a: Size, b: Size) -> bool:
        """The same, where one of the two is a number or a polynomial."""
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
        one = self.find(a)
        other = self.find(b)
        if one == other:
            return True
        if not isinstance(one, (int, Polynomial)) and not isinstance(other, (int, Polynomial)):
            self._unite(one, other)
            return True
        if first is not None and second is not None:
            return True
        difference = minus(one, other)
        if isinstance(difference, int):
            return False
        factor, _, constant = parted(difference)
        if constant % factor:  # 2 n = 2 m + 1
            return False
        self._equate(Equation(a, b))
        return True

    def _unite(self, a: Variable, b: Variable) -> None:
        if self._numbers or self._normal_forms:
            self._forget()
        self.parent[b] = a
        if a not in self.measures and b in self.measures:
            self.measures[a] = self.measures[b]
            self.sources[a] = self.sources[b]

    def _equate(self, equation: Equation) -> None:
        """Solve an equation, or keep it until more is known."""
        if not self._solve(equation) and not self._settle(equation):
            self.equations[self._left(equation)] = equation

    def _solve(self, equation: Equation) -> bool:
        """Solve an equation for a size with coefficient 1 or -1 that nothing is known of, so that
        it goes by the rest.
        """
        one, other = self.find(equation.a), self.find(equation.b)
        difference = minus(one, other)
        factor, rest, constant = parted(difference)
        if isinstance(one, int) or isinstance(other, int) or constant % factor:
            return False  # a number stays apart: there is more to say about who says so
        whole = plus(rest, constant // factor)
        unknown: dict[Variable, int] = {}
        for size, number in linear_terms(whole).items():
            if abs(number) == 1 and size not in self.measures:
                unknown[size] = number
        if not unknown:
            return False
        # a name rather than an axis, for arrays have axes; what stands alone on a side of it rather
        # than one of several
        names = [name for name in unknown if isinstance(name, str)]
        sides = [size for size in unknown if size in (one, other)]
        own: Variable = next(iter((*names, *sides, *unknown)))
        # own + others = 0, or -own + others = 0
        others = minus(whole, times(unknown[own], own))
        solution = negated(others) if unknown[own] == 1 else others
        if isinstance(solution, int):
            return False
        if not isinstance(solution, Polynomial):
            self._unite(solution, own)
            return True
        self._forget()
        self.parent[own] = solution
        self.defined.append(own)
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
                    batch = node.arguments[0].ndim - node.core if node.function.apart else None
                    self._aligned(node.arguments, node.function.name, batch)
                    if node.function.square:
                        self._square(node)
            for size in node.axis_sizes:
                if isinstance(size, Polynomial):
                    self.polynomials[size] = None
        return self.settled()

    def settled(self) -> Sizes:
        """Learn what can be learnt from all equations. Raises where sizes that are known contradict
        each other, and where one comes out below 0.
        """
        learnt = True
        while learnt:
            learnt = False
            sums = len(self.sums)
            for difference, equation in list(self.equations.items()):
                if self._solve(equation) or self._settle(equation):
                    learnt = True
                    if self.equations[difference] is equation:
                        del self.equations[difference]
            learnt = learnt or len(self.sums) > sums
        for size in (*self.polynomials, *self.defined):
            self.known_measure(size)
        return self

    def _left(self, equation: Equation) -> Size:
        """What is 0 by an equation."""
        return minus(self.find(equation.a), self.find(equation.b))

    def _settle(self, equation: Equation) -> bool:
        """Put the numbers in. Is nothing left to learn from the equation?"""
        left = self._with_numbers(self._left(equation))
        if left is None:
            return False
        if isinstance(left, int):
            if left:
                raise ShapeError(self._contradiction(equation))
            return True
        factor, rest, constant = parted(left)
        number, remainder = divmod(-constant, factor)
        if remainder:
            raise ShapeError(self._not_whole(equation, left))
        # one size
        if not isinstance(rest, (int, Polynomial)):
            if number < 0:
                raise ShapeError(f"{spoken(rest)} comes out as {number}: {self._told(equation)}")
            self.fix(rest, number, self._way(equation))
            return True
        # a sum or a product of several, of which only the whole is known
        before = self.sums.setdefault(rest, number)
        if before != number:
            raise ShapeError(
                f"{spoken(rest)} comes out as {before} and as {number}: {self._told(equation)}"
            )
        self._numbers.clear()
        # a b = c d, where a b is known to be 12
        for one, other in ((equation.a, equation.b), (equation.b, equation.a)):
            total = self.known_number(other)
            if not isinstance(other, int) and total is not None and self.known_number(one) is None:
                return self._settle(Equation(one, total, f"{spoken(other)} = {total}"))
        return False

    def said(self, size: Size) -> str:
        """What a size measures, or how it is called where that is not known."""
        number = self.known_number(size)
        return spoken(size) if number is None else str(number)

    def _by(self, size: Size) -> str:
        """`` by the array of X``, for a size that is known."""
        root = self._root(size)
        if isinstance(root, Polynomial):
            return self._because(size)
        return f" by {self.sources.get(root, 'its declaration')}"

    def _named(self, size: Size) -> str:
        """``axis 0 of y, which is axis 0 of x + 1,``, for one that goes by a polynomial."""
        root = self._root(size)
        if isinstance(size, Polynomial) or not isinstance(root, Polynomial):
            return spoken(size)
        return f"{spoken(size)}, which is {spoken(root)},"

    def _because(self, *sizes: Size) -> str:
        """`` (axis 0 of X is 3 by the array of X)``, for what polynomials are made of."""
        return _in_brackets(self._reasons(*sizes))

    def _reasons(self, *sizes: Size) -> list[str]:
        known: dict[str, None] = {}
        for size in sizes:
            whole = size if isinstance(size, Polynomial) else self._root(size)
            for own in variables(whole) if isinstance(whole, Polynomial) else ():
                root = self._root(own)
                number = self.known_number(own) if own in self.defined else self.measures.get(root)
                if number is not None:
                    source = self.sources.get(root)
                    by = f" by {source}" if source else ""
                    known[f"{spoken(own)} is {number}{by}"] = None
        return list(known)

    def _told(self, equation: Equation) -> str:
        """An equation in words, with what is known of both sides."""
        a, b, source = equation
        because = self._because(a, b)
        if isinstance(b, int):
            return f"{self._named(a)} is {b} by {source}{because}"
        return f"{self._named(a)} and {self._named(b)} are one size{because}"

    def _split(self, equation: Equation) -> tuple[int, list[Size]] | None:
        """Of ``n = 2 a b``, the number n and the parts 2, a and b; None for other equations."""
        for one, other in ((equation.a, equation.b), (equation.b, equation.a)):
            total = self.known_number(other)
            parts = factors(self._root(one))
            if total is not None and len(parts) > 1:
                return total, parts
        return None

    def _way(self, equation: Equation) -> str:
        """Who says what a size measures, where an equation does."""
        split = self._split(equation)
        if split is not None:
            return f"splitting an axis of size {split[0]}"
        a, b, source = equation
        root = self._root(a)
        sides = (
            [spoken(a)]
            if root == a or not isinstance(root, Polynomial)
            else [spoken(a), spoken(root)]
        )
        sides.append(str(b) if isinstance(b, int) else spoken(b))
        reasons = self._reasons(a, b)
        if isinstance(b, int):
            reasons.insert(0, f"{spoken(a)} is {b} by {source}")
        return " = ".join(sides) + _in_brackets(reasons)

    def _contradiction(self, equation: Equation) -> str:
        split = self._split(equation)
        if split is not None:
            total, parts = split
            return (
                f"an axis of size {total} cannot be split into axes of sizes "
                f"{', '.join(map(self.said, parts))}"
            )
        a, b, source = equation
        because = self._because(a)
        if isinstance(b, int):
            return f"{self._named(a)} is {self.said(a)}{because}, but {b} by {source}"
        return (
            f"{spoken(a)} is {self.said(a)}{because}, but {spoken(b)}, which is the same size, is "
            f"{self.said(b)}{self._because(b)}"
        )

    def _not_whole(self, equation: Equation, left: Size) -> str:
        factor, rest, constant = parted(left)
        number = -constant if factor > 0 else constant
        split = self._split(equation)
        if split is not None:
            return f"an axis of size {split[0]} cannot be split by {abs(factor)}: there is a rest"
        return (
            f"{abs(factor)} times {spoken(rest)} comes out as {number}, which leaves a rest: "
            f"{self._told(equation)}"
        )

    def _square(self, node: Apply) -> None:
        rows, columns = node.arguments[0].axis_sizes[-2:]
        if not self.equal(rows, columns):
            raise ShapeError(
                f"{node.function.name} needs a square matrix, but {called(node.arguments[0])} has "
                f"{self.said(rows)} rows and {self.said(columns)} columns"
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
                    f"{self.said((name, p))}{_at(self, (name, p))}"
                )
        if node.structure == "index":
            return
        # every other structure is one of square matrices
        rows = (name, node.ndim - 2)
        columns = (name, node.ndim - 1)
        if node.structure and not self.equal(rows, columns):
            raise ShapeError(
                f"{name} is declared {node.structure}, but its last axes have sizes "
                f"{self.said(rows)} and {self.said(columns)}"
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
                        f"{_spoken_label(author, slots, label)} has size "
                        f"{self.said(other)} in operand {j} ({called(slots[j][0])}) but "
                        f"{self.said(size)} in operand {k} ({called(operand)})"
                        f"{_also_in(slots, label, (j, k))}; size 1 does not broadcast"
                    )
        for label, size in author.given:
            if isinstance(size, str):
                self.names.add(size)
            elif isinstance(size, Polynomial):
                self.names.update([own for own in variables(size) if isinstance(own, str)])
                self.polynomials[size] = None
            other, k = first.setdefault(label, (size, -1))
            if other != size and not self.equal(other, size):
                parts = _digits(author, label)
                if parts and k >= 0:
                    raise ShapeError(
                        f"an axis of size {self.said(other)}, of {called(slots[k][0])}, cannot be "
                        f"split into axes of sizes {', '.join(map(self.said, parts))}"
                    )
                raise ShapeError(
                    f"{_spoken_label(author, slots, label)} has size "
                    f"{self.said(other)}, but was given size {self.said(size)}"
                )

    def _aligned(self, parts: tuple[Expr, ...], where: str, count: int | None = None) -> None:
        """Parts of a sum, or arguments of a function, have the same sizes axis by axis, or the
        first `count` of them.
        """
        first = parts[0]
        for part in parts[1:]:
            # Arguments may have other core axes than the first.
            pairs = zip(first.axis_sizes[:count], part.axis_sizes, strict=False)
            for p, (a, b) in enumerate(pairs):
                if a != b and not self.equal(a, b):
                    raise ShapeError(
                        f"axis {p} has size {self.said(a)} in {called(first)} but "
                        f"{self.said(b)} in {called(part)}, in {where}"
                    )


def _digits(e: Einsum | Written, whole: Label) -> list[Size]:
    """The sizes of the digits of a label, the first first, where a relation says what they are."""
    size_of = dict(e.given)
    for one in e.relations:
        terms = dict(one.terms)
        if terms.pop(whole, 0) in (1, -1) and not one.constant and size_of.keys() >= terms.keys():
            return [size_of[label] for label in terms]
    return []


def _reach(size: Polynomial) -> str:
    """What asks for more of an axis than is there, of the size ``axis − number``."""
    axes = [monomial for monomial, number in size.terms if monomial and number == 1]
    (*_, (last, number)) = size.terms
    one_axis = len(size.terms) == 2 and len(axes) == 1 and len(axes[0]) == 1
    if not one_axis or last or number >= 0 or axes[0][0][1] != 1:
        return ""
    return f"a slice, a place or a window takes {-number} of that axis, and "


def _in_brackets(reasons: Sequence[str]) -> str:
    if not reasons:
        return ""
    more = f", and {len(reasons) - SPOKEN} more" if len(reasons) > SPOKEN else ""
    return f" ({', '.join(reasons[:SPOKEN])}{more})"


def _spoken_label(e: Einsum | Written, slots: Sequence[Slot], label: Label) -> str:
    """A label in a message: by its letter, else by the first axis that has it."""
    letter = e.letters.get(label)
    if letter is not None:
        return f"label {letter!r}"
    for k, (operand, labels) in enumerate(slots):
        if is_hot(operand) and label == labels[-1]:
            return f"what the index array {called(operand.arguments[0])} points into"
        if label in labels:
            return f"axis {labels.index(label)} of operand {k} ({called(operand)})"
    return f"axis {e.output.index(label)} of the result" if label in e.output else "a label"


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


def spoken(size: Size) -> str:
    """``axis 0 of X`` for ``("X", 0)``.

    >>> spoken(("X", 0)), spoken("batch"), spoken(plus(("x", 0), negated(("w", 0)), 1))
    ('axis 0 of X', 'axis batch', 'axis 0 of x - axis 0 of w + 1')
    >>> spoken(times("n", "m"))
    'the merged axes axis m and axis n'
    """
    if isinstance(size, tuple):
        name, axis = size
        return f"the number of values of {name}" if axis < 0 else f"axis {axis} of {name}"
    if not isinstance(size, Polynomial):
        return f"axis {size}"
    if len(factors(size)) > 1 and size.terms[0][1] == 1:
        parts = list(dict.fromkeys(factors(size)))
        more = f" and {len(parts) - SPOKEN} more" if len(parts) > SPOKEN else ""
        return "the merged axes " + " and ".join(map(spoken, parts[:SPOKEN])) + more
    if sum([len(monomial) for part in inside(size) for monomial, _ in part.terms]) > LONG:
        some = ", ".join(map(spoken, variables(size)[:SPOKEN]))
        return f"a sum of {len(size.terms)} products of {some}, …"
    return written(size, spoken)


def how_to_give(*sizes: Size) -> str:
    """What to do about sizes that are not known.

    >>> how_to_give(("X", 0)), how_to_give("n")
    ('give X, or sizes={label: number}', "give sizes={'n': …}")
    >>> how_to_give(plus(("x", 0), negated(("w", 0)), 1))
    'give w and x, or sizes={label: number}'
    """
    own = dict.fromkeys([own for size in sizes for own in variables(size)])
    tensors = list(dict.fromkeys([one[0] for one in own if isinstance(one, tuple)]))[:SPOKEN]
    names = [one for one in own if isinstance(one, str)][:SPOKEN]
    ways = []
    if tensors:
        ways.append(f"give {' and '.join(tensors)}, or sizes={{label: number}}")
    if names:
        ways.append(f"give sizes={{{', '.join([f'{name!r}: …' for name in names])}}}")
    return " and ".join(ways)


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
