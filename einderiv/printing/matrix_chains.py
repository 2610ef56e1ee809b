"""Products in matrix notation: factors that are joined by labels, as chains of matrices.

>>> from einderiv.printing.matrix_forms import in_unicode
>>> A, x = Symbol("A"), Symbol("x")
>>> links = [Link(A, ("i", "j"), Turned(A)), Link(x, ("i",), x)]
>>> in_unicode(form_of_links(links, ("j",)))
'Aᵀ x'

Every rule works on labels and forms, and knows no expressions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from .matrix_forms import (
    COMMUTATION,
    ENTRIES_BY_ENTRIES,
    IDENTITY,
    ONES,
    SQUARE_ROOT,
    Bracketed,
    Called,
    Figure,
    Form,
    Length,
    Raised,
    Scalar,
    SignedTerm,
    Symbol,
    Together,
    Turned,
    all_forms,
    as_row,
    has_blanks,
    in_brackets,
    product_of,
    side_by_side,
    without_brackets,
)
from .matrix_sums import tokens
from .powers_shown import joined_powers
from .strings import LabelNames


class NoMatrices(Exception):
    """The expression has no form in matrix notation."""


class Link(NamedTuple):
    """A factor as a piece of chains: its form, its labels, and the form of its transpose."""

    form: Form
    labels: LabelNames
    flipped: Form


class ChainPath(NamedTuple):
    """A chain: the axis of the result where it begins, the one where it ends, if any; its form."""

    start: str
    end: str | None
    form: Form


def form_of_links(links: Sequence[Link], output: LabelNames) -> Form | None:
    """The product of links, with the labels of `output` for its axes; None for that of nothing.
    Raises NoMatrices.
    """
    return _by_pairs(links, output) or _chained(links, output)


def _by_pairs(links: Sequence[Link], output: LabelNames) -> Form | None:
    """A product around a factor of four axes, ``vec(A)ᵀ S vec(B)``; None where there is none."""
    center = next((link for link in links if len(link.labels) == 4), None)
    if center is None:
        return None
    if len(set(center.labels)) < 4:  # a diagonal of it has no name
        raise NoMatrices
    rows, columns = center.labels[:2], center.labels[2:]
    sides: dict[LabelNames, Form] = {}
    numbers: list[Form] = []
    for link in links:
        if link is center:
            continue
        if not link.labels:
            numbers.append(link.form)
            continue
        free = [pair for pair in (rows, columns) if pair not in sides]
        pair = next((pair for pair in free if link.labels in (pair, pair[::-1])), None)
        if pair is None:
            raise NoMatrices
        form = link.form if link.labels == pair else link.flipped
        sides[pair] = Called("vec", (without_brackets(form),))
    match rows in sides, columns in sides:
        case True, True if not output:  # vec(A)ᵀ S vec(B)
            pieces = [Turned(sides[rows]), center.form, sides[columns]]
        case False, True if output in (rows, rows[::-1]):  # unvec(S vec(B))
            inside = Called("unvec", (side_by_side([center.form, sides[columns]]),))
            pieces = [inside if output == rows else Turned(inside)]
        case True, False if output in (columns, columns[::-1]):  # unvec(Sᵀ vec(A))
            inside = Called("unvec", (side_by_side([center.flipped, sides[rows]]),))
            pieces = [inside if output == columns else Turned(inside)]
        case _:
            raise NoMatrices
    return side_by_side([*numbers, *pieces])


def _chained(links: Sequence[Link], output: LabelNames) -> Form | None:
    """The chains of a product. Where they do not end, two matrices between the same labels are one,
    entry by entry, or a matrix product in the middle is.
    """
    while True:
        try:
            return Chains(links, output).form()
        except NoMatrices:
            shorter = _entry_by_entry(links, output) or _multiplied(links, output)
            if shorter is None:
                raise
            links = shorter


def _entry_by_entry(links: Sequence[Link], output: LabelNames) -> list[Link] | None:
    """With matrices between the same two labels as one, ``A ∘ B``."""
    pairs = [frozenset(link.labels) for link in links]
    often = Counter(pairs)
    for k, first in enumerate(links):
        pair = pairs[k]
        if len(first.labels) != 2 or len(pair) != 2 or often[pair] < 2:
            continue
        alike = [j for j, other in enumerate(pairs) if other == pair]
        forms, flipped = [], []
        for j in alike:
            form, labels, turned = links[j]
            is_same_way = labels == first.labels
            forms.append(form if is_same_way else turned)
            flipped.append(turned if is_same_way else form)
        forms, flipped = _in_powers(forms, Called), _in_powers(flipped, Called)
        form = in_brackets(product_of(forms))
        ways = [in_brackets(product_of(flipped)), Turned(form)]
        one = Link(form, first.labels, min(ways, key=tokens))
        rest = [link for j, link in enumerate(links) if j not in alike]
        return [*rest[:k], one, *rest[k:]]
    return None


def _multiplied(links: Sequence[Link], output: LabelNames) -> list[Link] | None:
    """With two matrices that, but for vectors, alone have a summed label as their product:
    ``A B``, or ``A diag(x) B``.
    """
    for k, first in enumerate(links):
        for label in first.labels:
            having = [j for j, link in enumerate(links) if label in link.labels]
            vectors = [j for j in having if len(links[j].labels) == 1]
            matrices = [j for j in having if j not in vectors]
            if label in output or len(matrices) != 2 or matrices[0] != k:
                continue
            second = links[matrices[1]]
            if len(set(first.labels)) != 2 or len(set(second.labels)) != 2:
                continue
            left, start = _ending_at(first, label)
            right, end = _ending_at(second, label)
            if start == end:
                continue
            between = [_diagonal([links[j].form for j in vectors])] if vectors else []
            forward = side_by_side([left.form, *between, right.flipped])
            back = side_by_side([right.form, *between, left.flipped])
            one = Link(forward, (start, end), back)
            rest = [link for j, link in enumerate(links) if j not in having]
            return [*rest[:k], one, *rest[k:]]
    return None


def _ending_at(link: Link, label: str) -> tuple[Link, str]:
    """A matrix with `label` for its columns, and the label of its rows."""
    first, second = link.labels
    if second == label:
        return link, first
    return Link(link.flipped, (second, first), link.form), second


class Chains:
    """The chains of a product."""

    def __init__(self, links: Sequence[Link], output: LabelNames) -> None:
        self.links, self.output = links, output
        self.left = list(range(len(links)))

    def at(self, label: str) -> list[int]:
        """The links that are left and have `label`."""
        return [k for k in self.left if label in self.links[k].labels]

    def through(self, k: int, label: str) -> tuple[Form, str | None]:
        """Link `k` as it is met at `label`, and the label behind it."""
        self.left.remove(k)
        form, labels, flipped = self.links[k]
        if len(labels) == 1:
            return form, None
        if len(labels) != 2 or labels[0] == labels[1]:
            raise NoMatrices
        first, second = labels
        return (form, second) if first == label else (flipped, first)

    def onward(self, label: str, pieces: list[Form]) -> str | None:
        """One step from a summed label: vectors end the chain, or are ``diag`` before the rest."""
        vectors, matrices = [], []
        for k in self.at(label):
            if len(self.links[k].labels) == 1:
                vector, _ = self.through(k, label)
                vectors.append(vector)
            else:
                matrices.append(k)
        if len(matrices) > 1:
            raise NoMatrices
        if not matrices:  # … x, … (x ∘ y), or … 1 where nothing else has the label
            if len(vectors) > 1:
                vectors = [Bracketed(_vectors_together(vectors))]
            pieces += vectors or [ONES]
            return None
        if vectors:  # … diag(x ∘ y) A …
            pieces.append(_diagonal(vectors))
        form, behind = self.through(matrices[0], label)
        pieces.append(form)
        return behind

    def path(self, k: int, label: str) -> ChainPath:
        """The chain from an axis of the result on, link `k` first."""
        form, labels, _ = self.links[k]
        if len(labels) == 2 and labels[0] == labels[1]:  # the diagonal of a matrix
            self.left.remove(k)
            return ChainPath(label, None, Called("diag", (without_brackets(form),)))
        form, at = self.through(k, label)
        pieces = [form]
        while at is not None and at not in self.output:
            at = self.onward(at, pieces)
        return ChainPath(label, at, side_by_side(pieces))

    def number(self) -> Form:
        """A number: a link without axes, a chain between two vectors, or a trace."""
        k = min(self.left, key=lambda j: (len(self.links[j].labels), j))
        form, labels, _ = self.links[k]
        match labels:
            case ():  # a number by itself
                self.left.remove(k)
                return form
            case (label,) if self.at(label) == [k]:  # 1ᵀ x
                self.left.remove(k)
                return side_by_side([Turned(ONES), form])
            case (label,):  # xᵀ …
                self.left.remove(k)
                return self.to_the_end([as_row([form])], label)
            case first, second:
                lonely = [label for label in labels if self.at(label) == [k]]
                if first != second and lonely:  # summed alone, with ones at that side: 1ᵀ A …
                    return self.to_the_end([Turned(ONES)], lonely[0])
                self.left.remove(k)
                return self.around([form], first, second)  # tr(A …)
        raise NoMatrices

    def to_the_end(self, pieces: list[Form], label: str) -> Form:
        """A chain from its first pieces to the vector where it ends."""
        at: str | None = label
        while at is not None:
            at = self.onward(at, pieces)
        return side_by_side(pieces)

    def around(self, pieces: list[Form], start: str, label: str) -> Form:
        """The trace of a closed chain."""
        at: str | None = label
        while at != start:
            if at is None:
                raise NoMatrices
            at = self.onward(at, pieces)
        if self.at(start):
            raise NoMatrices
        return Called("tr", (without_brackets(side_by_side(pieces)),))

    def form(self) -> Form | None:
        """All of the product; None for that of nothing."""
        paths: list[ChainPath] = []
        for label in self.output:
            for k in self.at(label):
                path = self.path(k, label)
                if path.end == label:
                    raise NoMatrices
                paths.append(path)
        numbers = []
        while self.left:
            numbers.append(self.number())
        if not self.output and len(numbers) == 1:
            return numbers[0]
        pieces = [_beside(number) for number in _in_powers(numbers, Form)]
        if self.output:
            form = self.matrix_of_pairs(paths) if len(self.output) == 4 else self.matrix(paths)
            if numbers and any(_is_kronecker(inner) for inner in all_forms(form)):
                form = Bracketed(form)
            pieces = [*map(Scalar, pieces), form]
        return side_by_side(pieces) if pieces else None

    def matrix_of_pairs(self, paths: Sequence[ChainPath]) -> Form:
        """The matrix with the first two axes of the result as rows, and the others as columns."""
        ends = [(path.start, path.end) for path in paths]
        i, j, k, m = self.output
        if ends == [(i, k), (j, m)]:  # C ⊗ A
            return product_of([paths[1].form, paths[0].form], ENTRIES_BY_ENTRIES)
        if ends == [(i, m), (j, k)]:  # (C ⊗ A) K
            crossed = product_of([paths[1].form, paths[0].form], ENTRIES_BY_ENTRIES)
            return side_by_side([Bracketed(crossed), COMMUTATION])
        if ends == [(i, j), (k, m)]:  # vec(A) vec(B)ᵀ
            rows, columns = (Called("vec", (path.form,)) for path in paths)
            return side_by_side([rows, Turned(columns)])
        raise NoMatrices

    def matrix(self, paths: Sequence[ChainPath]) -> Form:
        """The matrix or vector that the chains make."""
        first, last = self.output[0], self.output[-1]
        between = [path.form for path in paths if path.end is not None]
        vectors = [path for path in paths if path.end is None]
        row = [path.form for path in vectors if path.start == first]
        column = [path.form for path in vectors if path.start == last]
        if len(self.output) == 1:  # x ∘ y, or x²
            return product_of(_in_powers(row, Form))
        if not between:  # (x ∘ y) zᵀ, for ∘ binds less than a product
            left = _vectors_together(row)
            return side_by_side([left if len(row) == 1 else Bracketed(left), as_row(column)])
        between = _in_powers(between, Called)
        middle = product_of(between)
        if not vectors:  # A ∘ B
            return middle
        if middle == IDENTITY:  # diag(x ∘ y)
            return _diagonal([*row, *column])
        # diag(x) (A ∘ B) diag(y)
        if len(between) > 1:
            middle = Bracketed(middle)
        front = [_diagonal(row)] if row else []
        back = [_diagonal(column)] if column else []
        return side_by_side([*front, middle, *back])


def _vectors_together(vectors: Sequence[Form]) -> Form:
    """Vectors multiplied entry by entry, ``x ∘ y / z``: what several divide by stands below."""
    if len(vectors) == 1:
        return vectors[0]
    above: list[Form] = []
    below: list[tuple[Form, float]] = []
    for vector in vectors:
        inside = without_brackets(vector)
        if isinstance(inside, SignedTerm) and inside.product == ONES and not inside.negative:
            below += inside.divisors
        else:
            above.append(vector)
    product = product_of(above) if above else ONES
    return SignedTerm(False, product, divided_by(below)) if below else product


def _diagonal(vectors: Sequence[Form]) -> Form:
    """``diag(x ∘ y)``"""
    together = _vectors_together(_in_powers(vectors, Form))
    return Called("diag", (without_brackets(together),))


def _in_powers(forms: Sequence[Form], kind: Any) -> list[Form]:
    """Equal forms of a kind as powers; a matrix to a power is a product of matrices."""
    powers = Counter(forms)
    found: list[Form] = []
    for form in powers:
        if isinstance(form, kind):
            found.append(raised(form, powers[form]))
        else:
            found += [form] * powers[form]
    return found


def raised(form: Form, exponent: float) -> Form:
    """A form to a positive power; a function is one thing."""
    if exponent == 1:
        return form
    if exponent == 0.5:
        return Called(SQUARE_ROOT, (without_brackets(form),))
    is_one_thing = isinstance(form, (Called, Length, Symbol))
    return Raised(form if is_one_thing else in_brackets(form), exponent)


def divided_by(found: Sequence[tuple[Form, float]]) -> tuple[tuple[Form, float], ...]:
    """What a product is divided by, each once with its power."""
    powers = joined_powers(found)
    divisors = []
    in_order = sorted(powers, key=lambda one: not isinstance(one[0], (Symbol, Figure)))
    for form, exponent in in_order:
        is_one_thing = isinstance(form, (Called, Length))
        divisors.append((form if is_one_thing else in_brackets(form), exponent))
    return tuple(divisors)


def _is_kronecker(form: Form) -> bool:
    return isinstance(form, Together) and form.sign == ENTRIES_BY_ENTRIES


def _beside(number: Form) -> Form:
    """A number beside others: in brackets, unless it is one thing."""
    if isinstance(number, (Called, Bracketed)) or not has_blanks(number):
        return number
    return Bracketed(number)
