"""Expressions in the notation of the books: `Aᵀ (A X B + C) Bᵀ`.

A product is a network: factors are nodes, labels are edges. Where every summed label joins two
factors, the network is chains. A chain between the two axes of the result is a product of matrices,
one that ends in vectors at both ends is a number, a closed one is a trace. Several chains at one
axis are products entry by entry, or `diag`.

What has four axes is written as a matrix, the first two axes for its rows and the last two for its
columns. `vec` stacks columns, as in Magnus and Neudecker, *Matrix Differential Calculus* (2019),
chapter 2: the first axis of a pair runs fastest, so two chains, A from rows to rows and C from
columns to columns, are `C ⊗ A`, or `(C ⊗ A) K` where they cross, with the commutation matrix K,
`K vec(X) = vec(Xᵀ)`. A factor with four axes is such a matrix between vecs. For all else the answer
is None.

Every rule works on labels and gives forms, which `matrix_forms` makes a string of at the very end.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import NamedTuple

from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Sizes,
    Tensor,
    assemble,
    coefficient,
    flatten,
    is_zero,
    minus,
    same,
    terms,
)
from .formulas_shown import with_formulas
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
    LogDeterminant,
    Raised,
    SignedTerm,
    Symbol,
    Together,
    Total,
    Turned,
    all_forms,
    as_row,
    has_blanks,
    in_brackets,
    in_unicode,
    number_form,
    product_of,
    side_by_side,
    sum_of,
    transpose_of,
    without_brackets,
    without_sign,
)
from .network import arrays_named_in, operand_name
from .strings import LabelNames, printed


class NoMatrices(Exception):
    """The expression has no form in matrix notation."""


def matrix_form(e: Expr) -> Form | None:
    """`e` in matrix notation, or None where there is none: of index expressions books of matrices
    know ``vec`` and ``⊗`` alone.
    """
    before = _FOUND.set({})
    try:
        with arrays_named_in([e]):
            return without_brackets(_form(with_formulas(e)))
    except NoMatrices:
        return None
    finally:
        _FOUND.reset(before)


#: what was found in this call: of each sum in a product two forms are compared, and so of each sum
#: in that; without this, d sums in sums would be looked at 2^d times
_FOUND: ContextVar[dict[tuple[int, tuple[int, ...]], tuple[Expr, Form]]] = ContextVar("found")


def _form(e: Expr, order: Sequence[int] | None = None) -> Form:
    """As `matrix_form`; raises NoMatrices. Of products and sums `order` may change the axes."""
    if isinstance(e, (Tensor, Constant, Apply)):
        return _factor(e)
    if is_zero(e):
        return Figure(0)
    found = _FOUND.get()
    key = id(e), tuple(order or ())
    if key not in found:
        form = sum_of([_term(part, order) for part in terms(e)])
        found[key] = e, form  # with the expression, so that its id stays its own
    return found[key][1]


def _factor(e: Expr) -> Form:
    """A factor, in brackets where it needs them."""
    match e:
        case Tensor():
            return Symbol(e.name)
        case Constant() if not e.axis_sizes:
            return number_form(e.value)
        case Constant():
            return Symbol(operand_name(e))
        case Apply():
            return _applied(e)
        case Add():
            return Bracketed(_form(e))
    raise NoMatrices


class LabelledFactor(NamedTuple):
    """A factor of a product, or a delta, with its labels."""

    factor: Expr | None
    labels: LabelNames

    def form(self) -> Form:
        """The factor as a form; a delta is an identity matrix, or ones."""
        if self.factor is not None:
            return _factor(self.factor)
        return IDENTITY if len(self.labels) == 2 else ONES


def _slots(term: Expr) -> tuple[list[LabelledFactor], LabelNames]:
    """The deltas and the factors of one product, and the labels of its axes."""
    shown = printed(term, short=False)
    if shown.relations:
        raise NoMatrices
    slots = [LabelledFactor(None, labels) for labels in shown.deltas]
    for factor, labels in zip(shown.factors, shown.inputs, strict=True):
        slots.append(LabelledFactor(factor, labels))
    return slots, shown.output


# ---- functions
QUOTIENTS = ("reciprocal", "pseudo_reciprocal")
MATRIX_CALLS = ("det", "adj", "minors")


def _applied(e: Apply) -> Form:
    """A function of a matrix, a vector or a number."""
    name, first = e.function.name, e.arguments[0]
    if name == "expm" and len(e.arguments) == 2 and e.ndim == 2:
        return Called("L", tuple(_form(argument) for argument in e.arguments))
    most = 4 if (name, e.parameters) == ("minors", (2,)) else 2
    if first.ndim > 2 or len(e.arguments) != 1 or e.ndim > most:
        raise NoMatrices
    inner = _form(first)
    if name == "inv":
        return Raised(in_brackets(inner), -1)
    if name == "pinv":
        return Raised(in_brackets(inner), None)
    if name == "matrix_power":
        return Raised(in_brackets(inner), e.parameters[0])
    if name == "norm" and not e.ndim:
        return Length(inner)
    if name == "unit_vector" and e.ndim == e.core:
        return SignedTerm(False, in_brackets(inner), ((Length(inner), 1),))
    if name == "sqrt":
        vector = _squared(first)
        return Called(SQUARE_ROOT, (inner,)) if vector is None else Length(vector)
    if name == "logdet":
        return LogDeterminant(Bracketed(inner) if isinstance(inner, Total) else inner)
    if name not in MATRIX_CALLS and (e.core or e.parameters):
        raise NoMatrices
    return Called(name, (inner,))


def _squared(e: Expr) -> Form | None:
    """What `e` is the sum of the squares of, or nothing."""
    found = terms(e)
    if e.ndim or len(found) != 1 or coefficient(found[0]) != 1:
        return None
    slots, _ = _slots(found[0])
    if len(slots) != 2 or slots[0].labels != slots[1].labels:
        return None
    first, second = slots[0].factor, slots[1].factor
    if first is None or second is None or not same(first, second):
        return None
    return _form(first)


def _flattened(term: Einsum) -> Form:
    """``vec`` and ``⊗``: a product whose axes are two of its labels each, the second of which runs
    fastest.
    """
    flat = flatten(term)
    known = Sizes().read([term])
    pairs = [_digits(flat, label, known) for label in flat.output]
    carried = set().union(*flat.inputs)
    inside = [label for pair in pairs for label in pair]
    if len(flat.relations) != len(pairs) or len(set(inside)) < len(inside):
        raise NoMatrices
    if not carried.issuperset(inside):
        raise NoMatrices
    match pairs:
        case [(i, j)]:
            return _vector(_of(flat, (i, j)))
        case [(i, k), (j, m)]:
            # of four axes the first of a pair runs fastest
            return Bracketed(_term(_of(flat, (k, i, m, j))))
    raise NoMatrices


def _digits(e: Einsum, whole: Label, known: Sizes) -> Labels:
    """The two labels that an axis is, ``whole = n i + j`` for n values of j."""
    sizes = dict(e.given)
    for factor, labels in e.slots:
        sizes.update(zip(labels, factor.axis_sizes, strict=True))
    for one in e.relations:
        terms_of = dict(one.terms)
        sign = terms_of.pop(whole, None)
        if sign not in (1, -1) or one.constant or len(terms_of) != 2:
            continue
        weights = {label: minus(0, k) if sign == 1 else k for label, k in terms_of.items()}
        for i, j in (tuple(weights), tuple(weights)[::-1]):
            if weights[j] == 1 and known.find(weights[i]) == known.find(sizes[j]):
                return i, j
    raise NoMatrices


def _of(e: Einsum, output: Labels) -> Einsum:
    """The product without relations, with other axes."""
    return assemble(e.coefficient, e.slots, output, axes=(None,) * len(output), letters=e.letters)


def _vector(inner: Einsum) -> Form:
    """The rows of a matrix one by one: ``vec`` of its transpose; of ``u vᵀ``, ``u ⊗ v``."""
    pair = _two_vectors(inner)
    if pair is not None:
        return Bracketed(pair)
    return Called("vec", (_form(inner, (1, 0)),))


def _two_vectors(term: Expr) -> Form | None:
    slots, output = _slots(term)
    if len(slots) != 2 or coefficient(term) != 1:
        return None
    if sorted(slot.labels for slot in slots) != sorted((label,) for label in output):
        return None
    forms = {slot.labels[0]: slot.form() for slot in slots}
    return Together(ENTRIES_BY_ENTRIES, tuple(forms[label] for label in output))


# ---- products
class Link(NamedTuple):
    """A factor as a piece of chains: its form, its labels, and the form of its transpose."""

    form: Form
    labels: LabelNames
    flipped: Form


def _link(slot: LabelledFactor) -> Link:
    """A factor: of sums ``A + B`` is better than ``(Aᵀ + Bᵀ)ᵀ``."""
    form, e = slot.form(), slot.factor
    flipped = [transpose_of(form)]
    if isinstance(e, Add) and e.ndim == 2:
        flipped.append(Bracketed(_form(e, (1, 0))))
    shortest = min(flipped, key=lambda one: len(in_unicode(one)))
    return Link(form, slot.labels, shortest)


def _term(term: Expr, order: Sequence[int] | None = None) -> Form:
    """One product of factors, with its axes in another order if `order` is given."""
    if isinstance(term, Einsum) and term.relations and order is None:
        return _flattened(term)
    slots, output = _slots(term)
    if order is not None:
        output = tuple(output[p] for p in order)
    if len(output) not in (0, 1, 2, 4):
        raise NoMatrices
    below: list[Form] = []  # what the product is divided by
    links: list[Link] = []
    for slot in slots:
        e = slot.factor
        name = e.function.name if isinstance(e, Apply) else ""
        if isinstance(e, Apply) and name in QUOTIENTS and not e.ndim:
            below.append(_form(e.arguments[0]))
        elif isinstance(e, Apply) and name == "unit_vector" and e.ndim == e.core:  # x / ‖x‖
            (whole,) = e.arguments
            form = in_brackets(_form(whole))
            below.append(Length(_form(whole)))
            if isinstance(whole, Einsum):
                links.append(Link(form, slot.labels, transpose_of(form)))
            else:
                links.append(_link(slot._replace(factor=whole)))
        else:
            links.append(_link(slot))
    product = _by_pairs(links, output) or Chains(links, output).form()
    negative, size = without_sign(coefficient(term))
    if product is None:
        product = number_form(size)
    elif repr(size) != "1":
        product = side_by_side([number_form(size), product])
    divisors = _divisors(below)
    if negative or divisors:
        return SignedTerm(negative, product, divisors)
    return product


def _divisors(forms: Sequence[Form]) -> tuple[tuple[Form, int], ...]:
    """What a product is divided by, each once with how often."""
    divisors = []
    for form in dict.fromkeys(forms):
        times = forms.count(form)
        is_one_thing = isinstance(form, (Called, Length))
        divisors.append((form if is_one_thing else in_brackets(form), times))
    return tuple(divisors)


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
        case False, True if output == rows:  # unvec(S vec(B))
            pieces = [Called("unvec", (side_by_side([center.form, sides[columns]]),))]
        case True, False if output == columns:  # unvec(Sᵀ vec(A))
            pieces = [Called("unvec", (side_by_side([center.flipped, sides[rows]]),))]
        case _:
            raise NoMatrices
    return side_by_side([*numbers, *pieces])


class ChainPath(NamedTuple):
    """A chain: the axis of the result where it begins, the one where it ends, if any; its form."""

    start: str
    end: str | None
    form: Form


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
                vectors = [Bracketed(product_of(vectors))]
            pieces += vectors or [ONES]
            return None
        if vectors:  # … diag(x ∘ y) A …
            pieces.append(Called("diag", (product_of(vectors),)))
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
            case (label,):  # xᵀ …
                self.left.remove(k)
                return self.to_the_end([transpose_of(form)], label)
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
        pieces = [_beside(number) for number in numbers]
        if self.output:
            form = self.matrix_of_pairs(paths) if len(self.output) == 4 else self.matrix(paths)
            if numbers and any(_is_kronecker(inner) for inner in all_forms(form)):
                form = Bracketed(form)
            pieces.append(form)
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
        if len(self.output) == 1:  # x ∘ y
            return product_of(row)
        if not between:  # (x ∘ y) zᵀ, for ∘ binds less than a product
            left = product_of(row)
            return side_by_side([left if len(row) == 1 else Bracketed(left), as_row(column)])
        middle = product_of(between)
        if not vectors:  # A ∘ B
            return middle
        if middle == IDENTITY:  # diag(x ∘ y)
            return Called("diag", (product_of(row + column),))
        # diag(x) (A ∘ B) diag(y)
        if len(between) > 1:
            middle = Bracketed(middle)
        front = [Called("diag", (product_of(row),))] if row else []
        back = [Called("diag", (product_of(column),))] if column else []
        return side_by_side([*front, middle, *back])


def _is_kronecker(form: Form) -> bool:
    return isinstance(form, Together) and form.sign == ENTRIES_BY_ENTRIES


def _beside(number: Form) -> Form:
    """A number beside others: in brackets, unless it is one thing or a trace."""
    is_trace = isinstance(number, Called) and number.name == "tr"
    if is_trace or isinstance(number, Bracketed) or not has_blanks(number):
        return number
    return Bracketed(number)
