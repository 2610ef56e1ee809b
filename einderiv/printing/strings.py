"""The strings of an expression: `subscripts`, `operands`, `inserted`, `compact`, `interleaved`,
``str``.

In the printed form every delta is an operand: a later occurrence of a repeated output label takes a
letter of its own, and a :class:`~einderiv.Delta` ties it to the first. A label that only
broadcasts, or is summed though no operand has it, is a vector of ones. So is every relation,
``Delta("a=i+k")``; without deltas it is an index expression on an axis, ``k->i(i+k)``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from itertools import chain
from typing import NamedTuple

from ..autodiff import pushforward, stand_in
from ..errors import NoFormError, NoLettersError
from ..expression import (
    LABEL_LETTERS,
    LETTERS,
    PRIME,
    Add,
    Apply,
    ArrayNames,
    AxisIndex,
    Constant,
    Delta,
    Einsum,
    Expr,
    IndexedAxes,
    KnownSizes,
    Label,
    Labels,
    Naming,
    Number,
    Record,
    Size,
    Slot,
    Spelling,
    Tensor,
    bare,
    coefficient,
    dressed,
    equation_of,
    equation_text,
    filled,
    flatten,
    fresh_names,
    identity,
    is_in_words,
    is_zero,
    names_of_arrays,
    needed_sizes,
    same,
    scaled,
    size_name,
    sizes_of_axes,
    tensors_of,
    terms,
    with_slots,
    wrapped,
    written_parts,
)
from ..functions import shown_parameters
from .shown_together import ShownNames, named_as_in, shown_letters, shown_names

SHOWN_OPERANDS = 24  # operands that str() shows
SHOWN_LEVELS = 4  # levels that str() shows
SHOWN_CHARACTERS = 1000  # characters that str() shows
INSERTED = "δ"  # how the tensors are called that stand for inserted deltas; no user can write it
LabelNames = tuple[str, ...]  # of the labels of one operand, or of axes


class Printed(NamedTuple):
    """One product as it is printed: names of labels for the deltas, for the factors, for the
    output axes.
    """

    deltas: list[LabelNames]
    sizes: list[Size]  # of the deltas
    relations: list[Delta]  # relations and index arrays as operands
    factors: tuple[Expr, ...]
    inputs: list[LabelNames]
    output: LabelNames  # with deltas: every axis its own name
    compact: LabelNames  # without: a repeated label says where the core is embedded


def single_product(e: Expr) -> Einsum:
    """`e` as one flat product, but for one that its factors together show to be zero: its number in
    front is that of what is written. Raises EinderivError for a sum of several.
    """
    if isinstance(e, Add):
        products = terms(e)
        if len(products) != 1:
            raise NoFormError(
                f"this is a sum of {len(products)} products, not one; read each of them in .terms"
            )
        e = products[0]
    product = wrapped(e)
    flat = flatten(product)
    return product if is_zero(flat) else flat


def printed(e: Expr, *, short: bool) -> Printed:
    """The printed form of one product; `short` shortens words to letters."""
    flat = single_product(e)
    letters = shown_letters(e)
    names = letters.naming(flat, flat.axes)
    if short:
        names = letters.shortened(names)
    counted = bare(flat)
    factors: list[Expr] = []
    inputs: list[LabelNames] = []
    relations: list[Delta] = []
    slots: Sequence[Slot] = flat.slots
    if flat.parts is not None:
        axes = IndexedAxes(flat, names)
        relations = _relations(e, axes)
        slots = tuple(zip(axes.factors, axes.inputs, strict=True))
        counted = axes.counted()
    read = {names.labels[label] for _, labels in slots for label in labels}
    read.update(chain.from_iterable([delta.names for delta in relations]))
    deltas = _deltas(flat, names, counted, read)
    for factor, labels in slots:
        words = tuple(names.labels[label] for label in labels)
        if is_inserted_delta(factor):
            deltas.append((words, factor.axis_sizes[0]))
        else:
            factors.append(factor)
            inputs.append(words)
    return Printed(
        deltas=[words for words, _ in deltas],
        sizes=[size for _, size in deltas],
        relations=relations,
        factors=tuple(factors),
        inputs=inputs,
        output=names.axes,
        compact=tuple(names.labels[label] for label in flat.output),
    )


def _relations(e: Expr, axes: IndexedAxes) -> list[Delta]:
    """Relations and index arrays as deltas: one for each label on an axis that follows from others,
    and for what is left over.
    """
    spelling = Spelling(axes, _named(ArrayNames([e])), size_name)
    on_axes = dict.fromkeys([*axes.flat.output, *chain(*axes.inputs)])
    rows: list[tuple[Label | None, AxisIndex]] = []
    rows += [(label, axes.place(label)) for label in on_axes if not axes.is_plain(label)]
    rows += [(one.label, one.at) for one in axes.unread]
    deltas = []
    for left, index in rows:
        node, labels = equation_of(axes, left, index)
        if index.flattened and left is not None:
            terms = axes.by[left].terms
            index = AxisIndex(0, terms)
        text = equation_text(spelling, left, index)
        sizes = tuple([axes.domains[label] for label in labels])
        deltas.append(Delta(text, sizes, e, node))
    return deltas


def _named(arrays: ArrayNames) -> Callable[[Expr], str]:
    """What index arrays are called."""

    def name(array: Expr) -> str:
        if isinstance(array, Constant):
            return arrays.of(array.value) or "array"
        return array.name if isinstance(array, Tensor) else "array"

    return name


def _deltas(
    flat: Einsum, names: Naming, counted: Labels, read: Container[str]
) -> list[tuple[LabelNames, Size]]:
    """The labels of every delta, and its size. There is one of ones for each label that is
    `counted`, and for an axis of the output that no operand has: the names that they `read`.
    """
    deltas: list[tuple[LabelNames, Size]] = []
    for axis, label in enumerate(flat.output):
        name, size = names.labels[label], flat.axis_sizes[axis]
        if label in flat.output[:axis]:  # tied to the axis where the label stood first
            deltas.append(((name, names.axes[axis]), size))
        elif name not in read and flat.output.count(label) == 1:  # ones
            deltas.append(((name,), size))
    given = dict(flat.given)
    for label in counted:  # ones that are summed
        deltas.append(((names.labels[label],), given[label]))
    return deltas


class Letters(NamedTuple):
    """An einsum string by its labels, a letter each, and index expressions in brackets."""

    inputs: list[LabelNames]
    output: LabelNames
    words: bool = False  # blanks part the labels

    def text(self) -> str:
        """The string."""
        gap, comma, arrow = (" ", ", ", " -> ") if self.words else ("", ",", "->")
        inputs = [gap.join(labels) for labels in self.inputs]
        return f"{comma.join(inputs)}{arrow}{gap.join(self.output)}".strip()


def _letters(inputs: list[LabelNames], output: LabelNames) -> Letters:
    """Raises NoLettersError for more labels than there are letters."""
    names = set(output).union(*inputs)
    if any(len(name) > 1 for name in names):
        raise NoLettersError(
            f"{len(names)} labels are more than the {len(LETTERS)} letters; .interleaved gives "
            "NumPy's list form"
        )
    return Letters(inputs, output)


def printed_subscripts(e: Expr) -> str:
    """The einsum string with its deltas as operands, legal for numpy, torch and jax.

    >>> import einderiv as ed
    >>> ed.derive("is,st,tj->ij", 0).subscripts
    'ia,bt,tj->ijab'

    Raises EinderivError for a sum, which has `terms`; LimitError beyond 52 labels, for which there
    is `interleaved`.
    """
    return subscript_letters(e).text()


def subscript_letters(e: Expr) -> Letters:
    """The labels of `printed_subscripts`."""
    found = printed(e, short=True)
    return _letters([*found.deltas, *_relation_labels(found), *found.inputs], found.output)


def _relation_labels(found: Printed) -> list[LabelNames]:
    return [delta.names for delta in found.relations]


def printed_operands(e: Expr) -> tuple[object, ...]:
    """The operands of `subscripts`: deltas first, then the rest in written order.

    >>> import einderiv as ed
    >>> ed.derive("is,st,tj->ij", 0).operands
    (Delta("ia"), B, C)
    """
    found = printed(e, short=True)
    return (*_with_sizes(e, found), *found.factors)


def _with_sizes(e: Expr, found: Printed) -> list[Delta]:
    """The deltas as operands."""
    deltas = []
    for names, size in zip(found.deltas, found.sizes, strict=True):
        gap = " " if any(len(name) > 1 for name in names) else ""
        deltas.append(Delta(gap.join(names), (size,) * len(names), e))
    return [*deltas, *found.relations]


def compact_subscripts(e: Expr) -> str:
    """The einsum string without delta operands; a repeated output label says where the core is
    embedded.

    >>> import einderiv as ed
    >>> ed.derive("is,st,tj->ij", 0).compact
    'bt,tj->ijib'
    """
    return compact_letters(e).text()


def compact_letters(e: Expr) -> Letters:
    """The labels of `compact_subscripts`."""
    return _compact(e).letters


class Compact(NamedTuple):
    """What `compact` prints, and of what."""

    letters: Letters
    axes: IndexedAxes
    spelling: Spelling


def _compact(e: Expr) -> Compact:
    """In words where index expressions have such labels, else in letters."""
    flat = single_product(e)
    arrays = _named(ArrayNames([e]))
    chosen = shown_letters(e)
    own = chosen.naming(flat, flat.axes)
    if flat.parts is not None:
        found = _compact_of(flat, typed(own), arrays)
        labels = found.axes.written_labels()
        if any(len(found.spelling.labels[label]) > 1 for label in labels):
            letters = found.letters._replace(words=True)
            if is_in_words(written_parts(letters.text())):
                return found._replace(letters=letters)
    found = _compact_of(flat, chosen.shortened(own), arrays)
    names_ = [found.spelling.labels[label] for label in found.axes.written_labels()]
    _letters([(name,) for name in names_], ())
    return found


def _compact_of(flat: Einsum, names: Naming, arrays: Callable[[Expr], str]) -> Compact:
    axes = IndexedAxes(flat, names)
    spelling = Spelling(axes, arrays)
    for_arrays = names_of_arrays(axes, spelling)
    if for_arrays:
        names = _without_names(names, for_arrays)
        axes = IndexedAxes(flat, names)
        spelling = Spelling(axes, arrays)
    # A label summed over nothing stands here as it does in no numpy string: as an operand of ones.
    inputs: list[LabelNames] = [(names.labels[label],) for label in axes.counted()]
    inputs += [(f"({spelling.text(one.at)})",) for one in axes.unread]
    for labels in axes.inputs:
        inputs.append(tuple([spelling.axis(label) for label in labels]))
    output = tuple([spelling.axis(label) for label in flat.output])
    return Compact(Letters(inputs, output), axes, spelling)


def _without_names(names: Naming, used: set[str]) -> Naming:
    """The same names, with free letters in the place of those that index arrays have."""
    taken = {*names.axes, *names.labels.values(), *used}
    clashing = [
        name for name in dict.fromkeys([*names.axes, *names.labels.values()]) if name in used
    ]
    instead = dict(zip(clashing, fresh_names(len(clashing), taken), strict=True))
    axes = tuple([instead.get(name, name) for name in names.axes])
    return Naming(axes, {label: instead.get(name, name) for label, name in names.labels.items()})


def printed_sizes(e: Expr) -> KnownSizes:
    """The sizes that make the string `compact` equal again, by labels and index expressions.

    >>> import einderiv as ed
    >>> ed.einsum("i->ij", "v", sizes={"j": 3}).sizes
    {'j': 3}

    Raises EinderivError for a sum, which has `terms`.
    """
    compact = _compact(e)
    axes, spelling = compact.axes, compact.spelling
    sizes = KnownSizes(sizes_of_axes(axes, spelling))
    sizes.of = e
    if not sizes or axes.flat.parts is None:
        return sizes
    count = len(compact.letters.inputs) - len(axes.factors)
    parts = [*[None] * count, *axes.factors]
    arrays = {}
    for factor, _ in axes.hot_slots:
        assert isinstance(factor, Apply)
        arrays[spelling.name(factor.arguments[0])] = factor.arguments[0]
    known = {spelling.labels[label]: own for label, own in axes.known.items()}
    needed = needed_sizes(compact.letters.text(), parts, sizes, arrays, known)
    for key in [key for key in sizes if key not in needed]:
        del sizes[key]
    return sizes


def interleaved_operands(e: Expr) -> list[object]:
    """NumPy's list form of `subscripts`, for any number of labels: operand, labels, …, output
    labels.

    >>> import einderiv as ed
    >>> ed.derive("ij,jk->ik", 0).interleaved
    [Delta("ia"), [0, 1], B, [2, 3], [0, 3, 1, 2]]
    """
    found = printed(e, short=False)
    operands = [*_with_sizes(e, found), *found.factors]
    inputs = [*found.deltas, *_relation_labels(found), *found.inputs]
    numbers: dict[str, int] = {}  # 0, 1, 2, … for the labels in the order of their coming
    for labels in (*inputs, found.output):
        for name in labels:
            numbers.setdefault(name, len(numbers))
    interleaved: list[object] = []
    for operand, labels in zip(operands, inputs, strict=True):
        interleaved += [operand, [numbers[name] for name in labels]]
    return [*interleaved, [numbers[name] for name in found.output]]


def inserted_subscripts(e: Expr) -> str:
    """The derivative as first generated: one delta for each axis of the operand, none eliminated.

    >>> import einderiv as ed
    >>> ed.derive("is,st,tj->ij", 0).inserted
    'ia,sb,st,tj->ijab'

    Raises EinderivError for what is no derivative, or a sum.
    """
    return inserted_letters(e).text()


def inserted_letters(e: Expr) -> Letters:
    """The labels of `inserted_subscripts`."""
    term = single_product(e)
    if e.record is None:
        raise NoFormError("nothing was inserted here: this is not a derivative")
    for candidate in insertions(e.record, e.axes[e.ndim - e.record.count :]):
        eliminated = with_deltas_eliminated(candidate, e)
        if is_zero(term) or same(eliminated, scaled(term, coefficient(candidate))):
            with named_as_in([e]):
                axes = shown_letters(e).axes_of(e)
                return subscript_letters(dressed(candidate, axes=axes))
    raise NoFormError(
        "this product came about by a function's derivative; no one insertion gives it"
    )


def insertions(record: Record, names: tuple[str | None, ...]) -> tuple[Expr, ...]:
    """The terms of a derivative before any delta is eliminated: derived with deltas that are
    opaque tensors.
    """
    y = record.of
    if record.position is None:
        tensor = tensors_of(y).get(record.wrt)
        if tensor is None:  # independent of it, and by a tensor that `y` has never met
            return ()
    else:
        assert isinstance(y, Einsum)
        y, tensor = stand_in(y, record.position)
    derivative = pushforward(y, {tensor.name: _opaque_deltas(tensor, names)}, names)
    if derivative is None:
        return ()
    axes = (*record.of.axes, *names)
    return tuple(dressed(term, axes=axes) for term in terms(derivative))


def _opaque_deltas(tensor: Tensor, names: tuple[str | None, ...]) -> Expr:
    """The derivative of a tensor by itself, δ[i,a] δ[j,b] …, in tensors that are not eliminated."""
    count = len(names)
    if count == 0:
        return filled(1, (), ())
    rows = tuple(range(count))
    columns = tuple(range(count, 2 * count))
    return Einsum(
        1,
        tuple(Tensor(f"{INSERTED}{p}", (None, None)) for p in range(count)),
        tuple(zip(rows, columns, strict=True)),
        rows + columns,
        tuple(zip(columns, tensor.axis_sizes, strict=True)),
        axes=(*tensor.axes, *names),
    )


def is_inserted_delta(e: Expr) -> bool:
    """Is it a tensor that stands for a delta which is not eliminated yet?"""
    return isinstance(e, Tensor) and e.name.startswith(INSERTED)


def with_deltas_eliminated(candidate: Expr, like: Expr) -> Einsum:
    """The candidate with every opaque delta replaced by the identity map."""
    flat = single_product(candidate)
    given = dict(flat.given)
    slots: list[tuple[Expr, tuple[Label, ...]]] = []
    for factor, labels in flat.slots:
        if is_inserted_delta(factor):
            size = given.get(labels[1], 0)
            slots.append((identity((size,), (None,), (None,)), labels))
        else:
            slots.append((factor, labels))
    return with_slots(flat, slots, axes=like.axes, deep=True)


def typed(names: Naming) -> Naming:
    """The same names as they are typed: key′ is key2.

    >>> typed(Naming(("key", "key′"), {0: "key", 1: "key′"})).axes
    ('key', 'key2')
    """
    taken = {*names.axes, *names.labels.values()}
    spelt = {name: _typed(name, taken) for name in taken}
    axes = tuple([spelt[name] for name in names.axes])
    return Naming(axes, {label: spelt[name] for label, name in names.labels.items()})


def _typed(name: str, taken: set[str]) -> str:
    """A name with a number in the place of its primes, which no other has."""
    word = name.rstrip(PRIME)
    if word == name:
        return name
    number = 1 + len(name) - len(word)
    while f"{word}{number}" in taken:
        number += 1
    return f"{word}{number}"


def operand_texts(e: Expr) -> list[str]:
    """The texts of the operands of a product, with the names that held arrays have in it."""
    shown = shown_names(e)
    texts = []
    for operand in printed_operands(e):
        texts.append(_shortened(operand, shown) if isinstance(operand, Expr) else str(operand))
    return texts


def as_text(e: Expr) -> str:
    """``str(e)``: short and readable for every expression, as deep as there is room for."""
    return _shortened(e, shown_names(e))


def _shortened(e: Expr, names: ShownNames) -> str:
    shown = _text(e, 1, names)
    for depth in range(2, SHOWN_LEVELS + 1):
        more = _text(e, depth, names)
        if len(more) > SHOWN_CHARACTERS:
            break
        shown = more
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + "…"


def _text(e: Expr, depth: int, names: ShownNames) -> str:
    match e:
        case Tensor():
            return e.name
        case Constant():
            return names.arrays.of(e.value) or repr(e.value)
        case _ if depth == 0:
            return "…"
        case Add():
            return _with_sign(*_signed_sum(e, depth, names))
        case Apply():
            arguments = [_text(argument, depth - 1, names) for argument in e.arguments]
            parameters = map(str, shown_parameters(e))
            return f"{e.function.name}({', '.join([*arguments, *parameters])})"
        case Einsum():
            return _with_sign(*_signed_einsum(e, depth, names))
    raise TypeError(type(e).__name__)


def _with_sign(negative: bool, shown: str) -> str:
    return "-" + shown if negative else shown


def _signed(e: Expr, depth: int, names: ShownNames) -> tuple[bool, str]:
    """Has the text of `e` a minus in front, and the rest of it."""
    if depth > 0 and isinstance(e, Add):
        return _signed_sum(e, depth, names)
    if depth > 0 and isinstance(e, Einsum):
        return _signed_einsum(e, depth, names)
    return False, _text(e, depth, names)


def _signed_sum(e: Add, depth: int, names: ShownNames) -> tuple[bool, str]:
    signed = []
    for addend in e.addends[:SHOWN_OPERANDS]:
        # Every term under the names of the sum's axes.
        term = dressed(addend, axes=e.axes) if isinstance(addend, Einsum) else addend
        signed.append(_signed(term, depth - 1, names))
    (first_negative, shown), *others = signed
    for negative, body in others:
        shown += f" - {body}" if negative else f" + {body}"
    if len(e.addends) > SHOWN_OPERANDS:
        shown += f" + … {len(e.addends) - SHOWN_OPERANDS} more terms"
    return first_negative, shown


def _signed_einsum(e: Einsum, depth: int, names: ShownNames) -> tuple[bool, str]:
    """The sign of a product, and the rest: ``zeros[i,j]``, ``2``, ``2 * A``, or
    ``2 * einsum("ij,j->i", A, B)``.
    """
    flat = flatten(e) if e.count <= SHOWN_OPERANDS else e
    own = typed(names.letters.naming(flat, flat.axes))
    if is_zero(e):
        return False, f"zeros[{','.join(own.axes)}]"
    counted = bare(flat)
    ones = 0
    factors = flat.factors
    inputs: list[LabelNames] = []
    if flat.parts is None:
        for labels in flat.inputs:
            inputs.append(tuple(own.labels[label] for label in labels))
        output = tuple(own.labels[label] for label in flat.output)
    else:
        axes = IndexedAxes(flat, own)
        spelling = Spelling(axes, _named(names.arrays), size_name)
        counted = axes.counted()
        ones = len(axes.unread)
        factors = axes.factors
        inputs += [(f"({spelling.text(one.at)})",) for one in axes.unread]
        for labels in axes.inputs:
            inputs.append(tuple(map(spelling.axis, labels)))
        output = tuple(map(spelling.axis, flat.output))
    inputs = [*[(own.labels[label],) for label in counted], *inputs]
    ones += len(counted)
    distinct = len(set(output)) == len(output)

    if not inputs and distinct and flat.parts is None:  # the same number everywhere
        number = repr(flat.coefficient)
        return number.startswith("-"), number.removeprefix("-")
    negative, front = _front(flat.coefficient)
    as_it_is = flat.parts is None and inputs == [output] and distinct
    if len(flat.factors) == 1 and as_it_is:
        factor = flat.factors[0]
        if not front and not negative:
            return _signed(factor, depth, names)
        shown = _text(factor, depth - 1 or 1, names)
        return negative, f"{front}({shown})" if isinstance(factor, Add) else front + shown

    words = not LABEL_LETTERS.issuperset(own.labels.values())
    gap, comma, arrow = (" ", ", ", " -> ") if words else ("", ",", "->")
    subscripts = comma.join(gap.join(labels) for labels in inputs[:SHOWN_OPERANDS])
    if len(inputs) > SHOWN_OPERANDS:
        subscripts += "…"
    subscripts += arrow + gap.join(output)
    operands = ["ones"] * ones
    for factor in factors[:SHOWN_OPERANDS]:
        operands.append(_text(factor, depth - 1, names))
    arguments = ", ".join([f'"{subscripts}"', *operands])
    return negative, f"{front}einsum({arguments})"


def _front(number: Number) -> tuple[bool, str]:
    """Is there a minus in front of a product, and what is behind it before the operands."""
    if number in (1, -1):
        return number == -1, ""
    shown = repr(number)
    return shown.startswith("-"), f"{shown.removeprefix('-')} * "
