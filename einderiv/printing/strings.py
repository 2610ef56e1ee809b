"""The strings of an expression: `subscripts`, `operands`, `inserted`, `compact`, `interleaved`,
``str``.

In the printed form every delta is an operand: a later occurrence of a repeated output label takes a
letter of its own, and a :class:`~einderiv.Delta` ties it to the first. A label that only
broadcasts, or is summed though no operand has it, is a vector of ones.
"""

from __future__ import annotations

from typing import NamedTuple

from ..autodiff import pushforward, stand_in
from ..errors import NoFormError, NoLettersError
from ..expression import (
    LETTERS,
    Add,
    Apply,
    Constant,
    Delta,
    Einsum,
    Expr,
    Label,
    Naming,
    Number,
    Record,
    Size,
    Tensor,
    bare,
    carried,
    coefficient,
    dressed,
    filled,
    flatten,
    identity,
    is_zero,
    naming,
    same,
    scaled,
    tensors_of,
    terms,
    with_slots,
    wrapped,
)
from ..functions import shown_parameters

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
    factors: tuple[Expr, ...]
    inputs: list[LabelNames]
    output: LabelNames  # with deltas: every axis its own name
    compact: LabelNames  # without: a repeated label says where the core is embedded


def single_product(e: Expr) -> Einsum:
    """`e` as one flat product. Raises EinderivError for a sum of several."""
    if isinstance(e, Add):
        found = terms(e)
        if len(found) != 1:
            raise NoFormError(
                f"this is a sum of {len(found)} products, not one; read each of them in .terms"
            )
        e = found[0]
    return flatten(wrapped(e))


def printed(e: Expr, *, short: bool) -> Printed:
    """The printed form of one product; `short` shortens words to letters."""
    flat = single_product(e)
    names = naming(flat, short=short)
    deltas = _deltas(flat, names)
    factors, inputs = [], []
    for factor, labels in flat.slots:
        words = tuple(names.labels[label] for label in labels)
        if is_inserted_delta(factor):
            deltas.append((words, factor.sizes[0]))
        else:
            factors.append(factor)
            inputs.append(words)
    compact = tuple(names.labels[x] for x in flat.output)
    return Printed(
        [d for d, _ in deltas],
        [size for _, size in deltas],
        tuple(factors),
        inputs,
        names.axes,
        compact,
    )


def _deltas(flat: Einsum, names: Naming) -> list[tuple[LabelNames, Size]]:
    """The labels of every delta, and its size."""
    found: list[tuple[LabelNames, Size]] = []
    inside, given = carried(flat), dict(flat.given)
    for p, label in enumerate(flat.output):
        if label in flat.output[:p]:
            found.append(((names.labels[label], names.axes[p]), flat.sizes[p]))
        elif label not in inside and flat.output.count(label) == 1:
            found.append(((names.labels[label],), flat.sizes[p]))
    return found + [((names.labels[label],), given[label]) for label in bare(flat)]


class Letters(NamedTuple):
    """An einsum string by its labels, a letter each."""

    inputs: list[LabelNames]
    output: LabelNames

    def text(self) -> str:
        """The string."""
        return ",".join(map("".join, self.inputs)) + "->" + "".join(self.output)


def _letters(inputs: list[LabelNames], output: LabelNames) -> Letters:
    """Raises NoLettersError for more labels than there are letters."""
    names = {name for labels in inputs for name in labels} | set(output)
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
    return _letters(found.deltas + found.inputs, found.output)


def printed_operands(e: Expr) -> tuple[object, ...]:
    """The operands of `subscripts`: deltas first, then the rest in written order.

    >>> import einderiv as ed
    >>> ed.derive("is,st,tj->ij", 0).operands
    (Delta("ia"), B, C)
    """
    found = printed(e, short=True)
    return (*_with_sizes(e, found), *found.factors)


def _with_sizes(e: Expr, found: Printed) -> list[Delta]:
    gaps = (" " if any(len(name) > 1 for name in names) else "" for names in found.deltas)
    return [
        Delta(gap.join(d), size, e)
        for gap, d, size in zip(gaps, found.deltas, found.sizes, strict=True)
    ]


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
    found = printed(e, short=True)
    # A label summed over nothing stands here as it does in no numpy string: as an operand of ones.
    ones = [delta for delta in found.deltas if len(delta) == 1 and delta[0] not in found.output]
    return _letters(ones + found.inputs, found.compact)


def interleaved_operands(e: Expr) -> list[object]:
    """NumPy's list form of `subscripts`, for any number of labels: operand, labels, …, output
    labels.

    >>> import einderiv as ed
    >>> ed.derive("ij,jk->ik", 0).interleaved
    [Delta("ia"), [0, 1], B, [2, 3], [0, 3, 1, 2]]
    """
    found = printed(e, short=False)
    numbers: dict[str, int] = {}
    result: list[object] = []
    parts = [
        *zip(_with_sizes(e, found), found.deltas, strict=True),
        *zip(found.factors, found.inputs, strict=True),
    ]
    for part, names in parts:
        result += [part, [numbers.setdefault(name, len(numbers)) for name in names]]
    return [*result, [numbers.setdefault(name, len(numbers)) for name in found.output]]


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
        if is_zero(term) or same(
            with_deltas_eliminated(candidate, e), scaled(term, coefficient(candidate))
        ):
            return subscript_letters(candidate)
    raise NoFormError(
        "this product came about by a function's derivative; no one insertion gives it"
    )


def insertions(record: Record, names: tuple[str | None, ...]) -> tuple[Expr, ...]:
    """The terms of a derivative before any delta is eliminated: derived with deltas that are
    opaque tensors.
    """
    y, n = record.of, record.count
    if record.position is None:
        tensor = tensors_of(y).get(record.wrt)
        if tensor is None:  # independent of it, and by a tensor that `y` has never met
            return ()
    else:
        assert isinstance(y, Einsum)
        y, tensor = stand_in(y, record.position)
    if n:
        deltas = [Tensor(f"{INSERTED}{p}", (None, None)) for p in range(n)]
        rows, columns = tuple(range(n)), tuple(range(n, 2 * n))
        seed: Expr = Einsum(
            1,
            tuple(deltas),
            tuple(zip(rows, columns, strict=True)),
            rows + columns,
            tuple(zip(columns, tensor.sizes, strict=True)),
            axes=(*tensor.axes, *names),
        )
    else:
        seed = filled(1, (), ())
    found = pushforward(y, {tensor.name: seed}, names)
    return (
        ()
        if found is None
        else tuple(dressed(t, axes=(*record.of.axes, *names)) for t in terms(found))
    )


def is_inserted_delta(e: Expr) -> bool:
    """Is it a tensor that stands for a delta which is not eliminated yet?"""
    return isinstance(e, Tensor) and e.name.startswith(INSERTED)


def with_deltas_eliminated(candidate: Expr, like: Expr) -> Einsum:
    """The candidate with every opaque delta replaced by the identity map."""
    flat = single_product(candidate)
    slots: list[tuple[Expr, tuple[Label, ...]]] = []
    for factor, labels in flat.slots:
        opaque = is_inserted_delta(factor)
        size = dict(flat.given).get(labels[1], 0) if opaque else 0
        slots.append((identity((size,), (None,), (None,)) if opaque else factor, labels))
    return with_slots(flat, slots, axes=like.axes, deep=True)


def as_text(e: Expr) -> str:
    """``str(e)``: short and readable for every expression, as deep as there is room for."""
    shown = _text(e, 1)
    for depth in range(2, SHOWN_LEVELS + 1):
        more = _text(e, depth)
        if len(more) > SHOWN_CHARACTERS:
            break
        shown = more
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + "…"


def _text(e: Expr, depth: int) -> str:
    match e:
        case Tensor():
            return e.name
        case Constant():
            return f"array{e.sizes}" if e.sizes else repr(e.value)
        case _ if depth == 0:
            return "…"
        case Add():
            return _minus(*_signed_sum(e, depth))
        case Apply():
            extra = "".join(f", {p}" for p in shown_parameters(e))
            return (
                f"{e.function.name}({', '.join(_text(a, depth - 1) for a in e.arguments)}{extra})"
            )
        case Einsum():
            return _minus(*_signed_einsum(e, depth))
    raise TypeError(type(e).__name__)


def _minus(negative: bool, shown: str) -> str:
    return "-" + shown if negative else shown


def _signed(e: Expr, depth: int) -> tuple[bool, str]:
    """Has the text of `e` a minus in front, and the rest of it."""
    if depth > 0 and isinstance(e, Add):
        return _signed_sum(e, depth)
    if depth > 0 and isinstance(e, Einsum):
        return _signed_einsum(e, depth)
    return False, _text(e, depth)


def _signed_sum(e: Add, depth: int) -> tuple[bool, str]:
    shown = ""
    minus = False
    for k, addend in enumerate(e.addends[:SHOWN_OPERANDS]):
        # Every term under the names of the sum's axes.
        term = dressed(addend, axes=e.axes) if isinstance(addend, Einsum) else addend
        negative, body = _signed(term, depth - 1)
        if k == 0:
            minus, shown = negative, body
        else:
            shown += (" - " if negative else " + ") + body
    if len(e.addends) > SHOWN_OPERANDS:
        shown += f" + … {len(e.addends) - SHOWN_OPERANDS} more terms"
    return minus, shown


def _signed_einsum(e: Einsum, depth: int) -> tuple[bool, str]:
    flat = flatten(e) if e.count <= SHOWN_OPERANDS else e
    names = naming(flat)
    if is_zero(e):
        return False, f"zeros[{','.join(names.axes)}]"
    shape = tuple(names.labels[label] for label in flat.output)
    inputs = [tuple(names.labels[label] for label in ls) for ls in flat.inputs]
    inputs = [(names.labels[label],) for label in bare(flat)] + inputs
    words = any(len(w) > 1 for w in names.labels.values())
    gap = " " if words else ""
    body = (", " if words else ",").join(gap.join(ls) for ls in inputs[:SHOWN_OPERANDS]) + (
        "…" if len(inputs) > SHOWN_OPERANDS else ""
    )
    negative, front = _front(flat.coefficient)
    if not flat.factors and not bare(flat) and len(set(shape)) == len(shape):
        shown_number = repr(flat.coefficient)  # the same number everywhere
        return shown_number.startswith("-"), shown_number.removeprefix("-")
    if len(flat.factors) == 1 and inputs == [shape] and len(set(shape)) == len(shape):
        factor = flat.factors[0]
        if not front and not negative:
            return _signed(factor, depth)
        inner = _text(factor, depth - 1 or 1)
        return negative, f"{front}({inner})" if isinstance(factor, Add) else front + inner
    arrow = f" -> {gap.join(shape)}" if words else f"->{''.join(shape)}"
    ones = ["ones"] * len(bare(flat))
    shown = [*ones, *(_text(f, depth - 1) for f in flat.factors[:SHOWN_OPERANDS])]
    return negative, f"{front}einsum({', '.join([f'{chr(34)}{body}{arrow}{chr(34)}', *shown])})"


def _front(number: Number) -> tuple[bool, str]:
    """Is there a minus in front of a product, and what is behind it before the operands."""
    if number in (1, -1):
        return number == -1, ""
    size = repr(number)
    return size.startswith("-"), f"{size.removeprefix('-')} * "
