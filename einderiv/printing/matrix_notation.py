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

from collections.abc import Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Number,
    Size,
    Sizes,
    Tensor,
    Variable,
    assemble,
    bare,
    carried,
    coefficient,
    flatten,
    is_zero,
    matmul,
    minus,
    naming,
    same,
    size_text,
    tensors_of,
    terms,
)
from ..functions import apply
from ..simplifying import Symmetries, as_power, counted_size
from .formulas_shown import with_formulas
from .index_reading import called_axis
from .matrix_chains import Link, NoMatrices, divided_by, form_of_links, raised
from .matrix_forms import (
    ENTRIES_BY_ENTRIES,
    IDENTITY,
    ONES,
    SQUARE_ROOT,
    Bracketed,
    Called,
    Chain,
    Figure,
    Form,
    Length,
    LogDeterminant,
    Raised,
    Scalar,
    SignedTerm,
    Symbol,
    Total,
    as_row,
    in_brackets,
    in_unicode,
    inner_forms,
    is_number,
    number_form,
    product_of,
    side_by_side,
    transpose_of,
    without_brackets,
    without_sign,
)
from .matrix_sums import collected_sum
from .network import operand_name
from .shown_together import named_as_in
from .strings import LabelNames, printed


def matrix_form(e: Expr) -> Form | None:
    """`e` in matrix notation, or None where there is none: of index expressions books of matrices
    know ``vec`` and ``⊗`` alone.
    """
    before = _READING.set(_Reading(e))
    try:
        with named_as_in([e]):
            return without_brackets(_form(with_formulas(e)))
    except NoMatrices:
        return None
    finally:
        _READING.reset(before)


class _Reading:
    """What is known of the expression that is written."""

    def __init__(self, e: Expr) -> None:
        # Of each sum in a product two forms are compared, and so of each sum in that; without this,
        # d sums in sums would be looked at 2^d times.
        self.found: dict[tuple[int, tuple[int, ...]], tuple[Expr, Form]] = {}
        self.is_symmetric = Symmetries().found
        self._whole = e
        self._sizes: Sizes | None = None
        self._names: dict[Variable, str] = {}
        tensors = tensors_of(e)
        for name, tensor in tensors.items():
            for axis, declared in enumerate(tensor.declared):
                is_free = isinstance(declared, str) and declared not in tensors
                own = str(declared) if is_free else f"{name}.shape[{axis}]"
                self._names.setdefault((name, axis), own)

    def are_equal(self, a: Size, b: Size) -> bool:
        """Are two sizes the same, as far as the whole expression says?"""
        if self._sizes is None:
            self._sizes = Sizes().read([self._whole])
        return a == b or self._sizes.find(a) == self._sizes.find(b)

    def size(self, size: Size) -> Form:
        """A size: a number, or its name."""
        if isinstance(size, int):
            return Figure(size)
        return Symbol(size_text(size, self._name, times=" ", minus="−"))

    def _name(self, variable: Variable) -> str:
        return self._names.get(variable) or called_axis(variable)


_READING: ContextVar[_Reading] = ContextVar("reading")


def _form(e: Expr, order: Sequence[int] | None = None) -> Form:
    """As `matrix_form`; raises NoMatrices. Of products and sums `order` may change the axes."""
    if isinstance(e, (Tensor, Constant, Apply)):
        return _factor(e)
    if is_zero(e):
        return Figure(0)
    found = _READING.get().found
    key = id(e), tuple(order or ())
    if key not in found:
        form = _sum(e, order)
        found[key] = e, form  # with the expression, so that its id stays its own
    return found[key][1]


def _sum(e: Expr, order: Sequence[int] | None) -> Form:
    """The terms of `e`; beside others a number that all entries have stands without ones."""
    parts = terms(e)
    is_number = [not _entries_differ(part) for part in parts]
    others = [part for part, number in zip(parts, is_number, strict=True) if not number]
    if not others or (e.ndim > 1 and not all(map(_is_entry_by_entry, others))):
        return collected_sum([_term(part, order) for part in parts])
    found = []
    for part, everywhere in zip(parts, is_number, strict=True):
        if everywhere:
            found.append(_as_scalar(_term(_number_everywhere(part))))
        else:
            found.append(_term(part, order))
    return collected_sum(found)


def _as_scalar(form: Form) -> Form:
    """A term that is a number, so that nothing is taken out of it as out of matrices."""
    if isinstance(form, SignedTerm):
        return replace(form, product=Scalar(form.product))
    return Scalar(form)


def _entries_differ(e: Expr) -> bool:
    """Is `e` no number that is the same along all of its axes, of which none is on a diagonal?"""
    if not isinstance(e, Einsum) or e.relations or not e.ndim or len(set(e.output)) < e.ndim:
        return True
    return not carried(e).isdisjoint(e.output)


def _is_entry_by_entry(e: Expr) -> bool:
    """Is `e` a function of entries, or a product of those? Beside others a number is no matrix."""
    if isinstance(e, Apply):
        return not e.core
    if not isinstance(e, Einsum):
        return False
    held = [set(labels) for labels in e.inputs]
    is_hadamard = held.count(set(e.output)) > 1  # A ∘ B
    if not is_hadamard and not any(isinstance(factor, Apply) for factor in e.factors):
        return False
    places: tuple[set[Label], ...] = (set(), set(e.output))
    if not all(labels in places for labels in held):
        return False
    return is_hadamard or all(_is_entry_by_entry(f) or f.ndim < 2 for f in e.factors)


def _number_everywhere(e: Expr) -> Expr:
    assert isinstance(e, Einsum)
    given = tuple([(label, size) for label, size in e.given if label not in e.output])
    return assemble(e.coefficient, e.slots, (), axes=(), given=given, letters=e.letters)


def _factor(e: Expr) -> Form:
    """A factor, in brackets where it needs them."""
    match e:
        case Tensor():
            return Symbol(e.name, e.structure == "symmetric", not e.ndim)
        case Constant() if not e.axis_sizes:
            return number_form(e.value)
        case Constant():
            return Symbol(operand_name(e))
        case Apply():
            return _applied(e)
        case Add():
            return Bracketed(_form(e))
        case Einsum():
            form = _form(e)
            return form if isinstance(form, (Bracketed, Called)) else in_brackets(form)
    raise NoMatrices


class LabelledFactor(NamedTuple):
    """A factor of a product, or a delta, with its labels."""

    factor: Expr | None
    labels: LabelNames
    size: Size = 0  # of a delta

    def form(self) -> Form:
        """The factor as a form; a delta is an identity matrix, or ones."""
        if self.factor is not None:
            form = _factor(self.factor)
            is_matrix = len(self.labels) == 2 and self.factor.ndim == 1
            return Called("unvec", (form,)) if is_matrix else form
        return IDENTITY if len(self.labels) == 2 else ONES


def _slots(term: Expr) -> tuple[list[LabelledFactor], LabelNames]:
    """The deltas and the factors of one product, and the labels of its axes."""
    shown = printed(term, short=False)
    if shown.relations:
        raise NoMatrices
    slots = []
    for labels, size in zip(shown.deltas, shown.sizes, strict=True):
        slots.append(LabelledFactor(None, labels, size))
    for factor, labels in zip(shown.factors, shown.inputs, strict=True):
        slots.append(LabelledFactor(factor, labels))
    return slots, shown.output


def _related_slots(term: Einsum) -> tuple[list[LabelledFactor], list[LabelNames]]:
    """As `_slots` of a product where axes are two of its labels each, ``p = n i + j``: such an axis
    has the names of both, of j first, which runs fastest.
    """
    flat = flatten(term)
    names = naming(flat).labels
    known = Sizes().read([term])
    pairs: dict[Label, LabelNames] = {}
    inside = carried(flat)
    for whole in dict.fromkeys(chain(flat.output, *flat.inputs)):
        digits = _digits(flat, whole, known)
        if digits is not None:
            slow, fast = digits
            pairs[whole] = names[fast], names[slow]
            inside.update(digits)
    inside.difference_update(pairs)
    outside = [label for label in flat.output if label not in pairs]
    if len(pairs) != len(flat.relations) or bare(flat) or not inside.issuperset(outside):
        raise NoMatrices

    def axis(label: Label) -> LabelNames:
        return pairs.get(label, (names[label],))

    slots = []
    for factor, labels in flat.slots:
        merged = [label for label in labels if label in pairs]
        if merged and len(merged) < len(labels):
            raise NoMatrices
        slots.append(LabelledFactor(factor, tuple(chain(*map(axis, labels)))))
    return slots, [axis(label) for label in flat.output]


# ---- functions
MATRIX_CALLS = ("det", "adj", "minors")


def _applied(e: Apply) -> Form:
    """A function of a matrix, a vector or a number."""
    name, first = e.function.name, e.arguments[0]
    if name == "expm" and len(e.arguments) == 2 and e.ndim == 2:
        return Called("L", tuple(_form(argument) for argument in e.arguments))
    most = 4 if (name, e.parameters) == ("minors", (2,)) else 2
    if first.ndim > 2 or len(e.arguments) != 1 or e.ndim > most:
        raise NoMatrices
    base, exponent = _power_of(e)
    if exponent != 1 and name != "sqrt":
        return _to_power(base, exponent)
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
    # A function of rows has its core axis last, as in softmax(Q Kᵀ); of vectors it is all.
    of_rows = e.core == 1 and (first.ndim == 1 or e.ndim == first.ndim)
    if name not in MATRIX_CALLS and ((e.core and not of_rows) or e.parameters):
        raise NoMatrices
    return Called(name, (inner,))


def _power_of(e: Apply) -> tuple[Expr, float]:
    """What a function is a power of, and which; 1/x that is 0 at 0 is written as 1/x."""
    if e.function.name == "pseudo_reciprocal":
        return e.arguments[0], -1
    return as_power(e)


def _to_power(base: Expr, exponent: float) -> Form:
    """A number, or the entries of a vector, to a power."""
    if base.ndim == 2:  # X² is a product of matrices
        if exponent != -1:
            raise NoMatrices
        return Called("reciprocal", (_form(base),))
    if exponent < 0:
        return Bracketed(SignedTerm(False, ONES, ((_below(base), -exponent),)))
    return raised(_form(base), exponent)


def _below(base: Expr) -> Form:
    """What is divided by."""
    size = counted_size(base)
    return _form(base) if size is None else _READING.get().size(size)


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
    """``vec`` and ``⊗``: a product of which axes are two labels each."""
    slots, axes = _related_slots(term)
    output = tuple(chain(*axes))
    carried_here = set(chain(*[slot.labels for slot in slots]))
    if len(set(output)) < len(output) or not carried_here.issuperset(output):
        raise NoMatrices
    number = coefficient(term)
    match [len(axis) for axis in axes]:
        case [2]:
            return min(_vectors(slots, output, number), key=lambda form: len(in_unicode(form)))
        case [2, 2]:
            return Bracketed(_product(slots, output, number))
        case lengths if 2 not in lengths:
            return _product(slots, output, number)
    raise NoMatrices


def _vectors(slots: Sequence[LabelledFactor], output: LabelNames, number: Number) -> Iterator[Form]:
    """The ways to write a vector whose axis is two labels: ``u ⊗ v``, ``(A ⊗ B) z``, ``vec(X)``."""
    if len(slots) == 2 and number == 1:
        by_label = {slot.labels: slot for slot in slots}
        fast, slow = by_label.get(output[:1]), by_label.get(output[1:])
        if fast is not None and slow is not None:
            yield Bracketed(product_of([slow.form(), fast.form()], ENTRIES_BY_ENTRIES))
    for k, slot in enumerate(slots):
        if slot.factor is None or slot.factor.ndim != 1 or len(slot.labels) != 2:
            continue
        others = [*slots[:k], *slots[k + 1 :]]
        with suppress(NoMatrices):
            matrix = _product(others, (*output, *slot.labels), number)
            yield side_by_side([in_brackets(matrix), _factor(slot.factor)])
    with suppress(NoMatrices):
        yield Called("vec", (without_brackets(_product(slots, output, number)),))


def _digits(e: Einsum, whole: Label, known: Sizes) -> Labels | None:
    """The two labels that an axis is, ``whole = n i + j`` for n values of j; None for others."""
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
    return None


# ---- products


def _link(slot: LabelledFactor) -> Link:
    """A factor: of sums ``A + B`` is better than ``(Aᵀ + Bᵀ)ᵀ``; a chain needs no brackets."""
    form, e = slot.form(), slot.factor
    chain = without_brackets(form)
    has_numbers = any(map(is_number, inner_forms(chain)))
    if isinstance(chain, Chain) and len(slot.labels) in (1, 2) and not has_numbers:
        return Link(chain, slot.labels, as_row([chain]))
    if e is not None and _READING.get().is_symmetric(e):
        return Link(form, slot.labels, form)
    flipped = [transpose_of(form)]
    if isinstance(e, Add) and e.ndim == 2:
        flipped.append(Bracketed(_form(e, (1, 0))))
    shortest = min(flipped, key=lambda one: len(in_unicode(one)))
    return Link(form, slot.labels, shortest)


def _term(term: Expr, order: Sequence[int] | None = None) -> Form:
    """One product of factors, with its axes in another order if `order` is given."""
    if isinstance(term, Einsum) and order is None and flatten(term).relations:
        return _flattened(term)
    slots, output = _slots(term)
    if order is not None:
        output = tuple(output[p] for p in order)
    return _product(slots, output, coefficient(term))


def _product(slots: Sequence[LabelledFactor], output: LabelNames, number: Number) -> Form:
    """The product of factors at their labels, and of a number."""
    if len(output) not in (0, 1, 2, 4):
        raise NoMatrices
    below: list[tuple[Form, float]] = []  # what the product is divided by, and to which power
    links: list[Link] = []
    for slot in _with_one_determinant(slots):
        if _is_size(slot, slots, output):
            links.append(Link(_READING.get().size(slot.size), (), ONES))
            continue
        divisor, rest = _divided(slot, output)
        below += divisor
        if rest is not None:
            links.append(_link(rest))
    product = None
    if links:  # else all of it is below
        product = form_of_links(links, output)
    negative, size = without_sign(number)
    if product is None:
        product = number_form(size)
    elif size != 1:
        product = side_by_side([number_form(size), product])
    divisors = divided_by(below)
    if negative or divisors:
        return SignedTerm(negative, product, divisors)
    return product


def _with_one_determinant(slots: Sequence[LabelledFactor]) -> list[LabelledFactor]:
    """``det(A B)`` for ``det(A) det(B)``, the determinants of different matrices of one size."""
    found: list[LabelledFactor] = []
    for slot in slots:
        place = next((k for k, other in enumerate(found) if _join(other.factor, slot.factor)), None)
        if place is None:
            found.append(slot)
            continue
        first, second = found[place].factor, slot.factor
        assert isinstance(first, Apply)
        assert isinstance(second, Apply)
        product = matmul(first.arguments[0], second.arguments[0])
        found[place] = slot._replace(factor=apply("det", product, 2))
    return found


def _join(a: Expr | None, b: Expr | None) -> bool:
    """Are they the determinants of two matrices of one size, which are not the same?"""
    if not isinstance(a, Apply) or not isinstance(b, Apply) or a.ndim or b.ndim:
        return False
    if a.function.name != "det" or b.function.name != "det":
        return False
    first, second = a.arguments[0], b.arguments[0]
    has_one_size = _READING.get().are_equal(first.axis_sizes[0], second.axis_sizes[0])
    return has_one_size and not same(first, second)


def _is_size(slot: LabelledFactor, slots: Sequence[LabelledFactor], output: LabelNames) -> bool:
    """Are they ones that are summed, and so a number, the size of their axis?"""
    if slot.factor is not None or len(slot.labels) != 1:
        return False
    (label,) = slot.labels
    return label not in output and sum([label in other.labels for other in slots]) == 1


def _divided(
    slot: LabelledFactor, output: LabelNames
) -> tuple[list[tuple[Form, float]], LabelledFactor | None]:
    """What a factor divides by, and what is left of it: numbers, and vectors where the product is
    one, go below.
    """
    e = slot.factor
    if not isinstance(e, Apply):
        return [], slot
    if e.function.name == "unit_vector" and e.ndim == e.core:  # x / ‖x‖
        (whole,) = e.arguments
        return [(Length(_form(whole)), 1)], slot._replace(factor=whole)
    base, exponent = _power_of(e)
    is_vector = len(output) == 1 and slot.labels == output
    if exponent < 0 and (not slot.labels or is_vector):
        return [(_below(base), -exponent)], None
    return [], slot
