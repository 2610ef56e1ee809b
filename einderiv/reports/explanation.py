"""How a derivative came about: every index replaced, every delta inserted, kept or eliminated,
and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from math import prod
from typing import Any, NamedTuple

from ..autodiff import derive
from ..errors import LimitError
from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Tensor,
    axis_names,
    coefficient,
    core_labels,
    flatten,
    inside_labels,
    is_hot,
    is_zero,
    leaves,
    naming,
    sized_einsum,
    terms,
    walk,
    wrapped,
)
from ..printing import (
    FormulaStyle,
    MimeBundle,
    Printed,
    as_text,
    collapsible,
    compact_subscripts,
    escaped,
    expression_bundle,
    formula,
    html_page,
    insertions,
    is_inserted_delta,
    latex_entry,
    left_side,
    markup,
    mime_bundle,
    operand_texts,
    preformatted,
    printed,
    printed_subscripts,
    relation_steps,
    strip,
    unicode_right_side,
    with_deltas_eliminated,
    zero_unless,
)
from .inspection import ITEM_BYTES, check_given, core_entries, plan

INDENT = "    "
MOST_EXPLAINED = 60_000  # occurrences of a tensor times operands: each occurrence shows all of them


class SectionKind(Enum):
    """What a section of an explanation is about."""

    SUBJECT = "what is derived, and by what"
    REPLACED = "indices are replaced by new ones"
    INSERTED = "deltas are inserted"
    ELIMINATED = "deltas are eliminated"
    RULES = "rules for sums and functions"
    RESULT = "the derivative"
    SHAPE = "its axes"
    COST = "what evaluating it takes"


class Section(NamedTuple):
    """One step of a derivation."""

    kind: SectionKind
    title: str
    lines: list[str]


class Explanation:
    """Sections of lines; ``print`` shows them as text, a notebook as parts that open and close."""

    def __init__(self, sections: list[Section], derivative: Expr) -> None:
        self.sections, self.derivative = sections, derivative

    def __str__(self) -> str:
        shown: list[str] = []
        for section in self.sections:
            shown.append(section.title)
            shown += [INDENT + line for line in section.lines]
        return "\n".join(shown)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        html = ""
        for section in self.sections:
            html += collapsible(section.title, preformatted(section.lines), opened=True)
        return mime_bundle(str(self), html, **latex_entry(self.derivative))


def explain(
    y: Expr | str,
    wrt: Any,
    *,
    indices: Sequence[str] | None = None,
    sizes: Mapping[str, Any] | None = None,
) -> Explanation:
    """The derivation of ``derive(y, wrt)`` step by step; with `sizes` also shapes, costs and the
    path.

    `indices` names the new axes. `sizes` gives sizes by labels or axis names, or shapes by names of
    tensors.

    >>> print(explain("ij,j->i", 1))  # doctest: +ELLIPSIS
    The derivative of einsum("ij,j->i", A, B) with respect to B
        y[i] = Σ_j A[i,j] B[j]
    1. Replace the indices of B by new ones
        ij,j->i   becomes   ij,a->ia
    ...

    Raises what ``derive`` raises, and LimitError for more occurrences than an explanation shows.
    """
    y = sized_einsum(y, sizes) if isinstance(y, str) else y
    if len(leaves(wrt)) != 1 or isinstance(wrt, (list, tuple, dict)):
        raise TypeError("explain takes one tensor, name or position at a time")
    J = derive(y, wrt, indices)
    subject = f"The derivative of {as_text(y)} with respect to {J.record.wrt}"
    sections = [Section(SectionKind.SUBJECT, subject, [formula(y)])]
    if is_zero(J):
        reason = f"no term is left: the expression does not vary with {J.record.wrt}"
        shape = f"zeros of shape [{', '.join(axis_names(J))}]"
        sections.append(Section(SectionKind.RESULT, "Result", [reason, shape]))
    else:
        sections += _derivation(y, J)
        sections.append(_result(J))
    sections.append(_layout(J))
    if sizes is not None and not set(sizes) <= _own_sizes(y):
        sections.append(_costs(J, sizes))
    return Explanation(sections, J)


def html_document(
    y: Expr,
    wrt: Any,
    *,
    indices: Sequence[str] | None = None,
    sizes: Mapping[str, Any] | None = None,
) -> str:
    """The derivation of ``derive(y, wrt)`` in HTML: the result, the steps in pictures and in words.

    >>> import einderiv as ed
    >>> html_document(ed.einsum("ij,j->i"), "B").startswith("<!doctype html>")
    True

    Raises what ``explain`` raises.
    """
    explanation = explain(y, wrt, indices=indices, sizes=sizes)
    J = explanation.derivative
    wrt_name = J.record.wrt if J.record else wrt
    name = f"The derivative of {as_text(y)} by {wrt_name}"
    steps = [
        markup("h3", escaped(section.title)) + preformatted(section.lines)
        for section in explanation.sections
    ]
    try:
        pictures = strip(y, wrt).svg()
    except LimitError as error:
        pictures = preformatted([str(error)])
    result = expression_bundle(J)["text/html"]
    return html_page(name, result, "<h2>Step by step</h2>", pictures, *steps)


def _derivation(y: Expr, J: Expr) -> list[Section]:
    """The steps, once for each occurrence of the tensor (the product rule)."""
    if any(isinstance(node, (Apply, Add)) and not is_hot(node) for node in walk([y])):
        return [_chain(y, J)]
    record = J.record
    assert record is not None
    names = J.axes[J.ndim - record.count :]
    before = flatten(y) if isinstance(y, Einsum) else None
    candidates: list[Expr] = []
    if record.position is None and before is not None:
        # The product rule: one insertion for each slot that holds the tensor, also where the
        # results are equal.
        # Positions are those of the flat product, not those of what its author wrote.
        flat = before.with_data()
        places = [k for k, f in enumerate(before.factors) if _is_tensor(f, record.wrt)]
        if len(places) * len(before.factors) > MOST_EXPLAINED:
            raise LimitError(
                f"{len(places)} occurrences of {record.wrt} among {len(before.factors)} operands "
                "are more than an explanation shows: explain a position, or print the derivative"
            )
        for k in places:
            candidates += insertions(replace(record, of=flat, position=k), names)
    else:
        candidates += insertions(record, names)
    sections: list[Section] = []
    for k, candidate in enumerate(candidates, 1):
        occurrence = f", occurrence {k} of {len(candidates)}" if len(candidates) > 1 else ""
        sections += _steps(candidate, before, J, occurrence)
    return sections


def _is_tensor(e: Expr, name: str) -> bool:
    return isinstance(e, Tensor) and e.name == name


def _steps(candidate: Expr, before: Einsum | None, J: Expr, occurrence: str) -> list[Section]:
    """The three steps for one occurrence of the operand, of which there may be several."""
    shown = printed(candidate, short=True)
    wrt = J.record.wrt if J.record else "it"
    count = J.record.count if J.record else 0
    inserted_deltas = _opaque(shown, count)
    others = [names for names in shown.deltas if names not in inserted_deltas]
    before_deltas = ["".join(names) for names in others]
    inputs = ["".join(labels) for labels in shown.inputs]
    output = "".join(shown.output)

    # 1: the operand with its indices, then with the new ones in their place.
    if before is not None:
        written = _string(before)
    else:
        old = "".join(pair[0] for pair in inserted_deltas)
        written = ",".join([*before_deltas, old, *inputs])
    new = "".join(shown.output[len(shown.output) - count :])
    replaced = ",".join(_in_place(candidate, new, [*before_deltas, *inputs]))
    replacing = [f"{written}   becomes   {replaced}->{output}"]

    # 2: a delta for each axis.
    inserted = printed_subscripts(candidate)
    inserting = []
    for pair in inserted_deltas:
        old, new_index = pair
        inserting.append(
            f"{_delta(pair)}: the entry at {new_index} varies only where {old} = {new_index}"
        )
    inserting.append(inserted)

    # 3: what becomes of them.
    eliminated = with_deltas_eliminated(candidate, J)
    final = printed_subscripts(eliminated)
    related = _related_names(candidate)
    eliminating = [_fate(pair, shown, inserted_deltas, related) for pair in inserted_deltas]
    eliminating.append(f"{inserted}   becomes   {final}")
    eliminating += relation_steps(eliminated)

    one = f"1. Replace the indices of {wrt} by new ones{occurrence}"
    two = "2. Insert one delta for each axis, tying the old index to the new"
    three = "3. Eliminate the deltas"
    return [
        Section(SectionKind.REPLACED, one, replacing),
        Section(SectionKind.INSERTED, two, inserting),
        Section(SectionKind.ELIMINATED, three, eliminating),
    ]


def _opaque(shown: Printed, count: int) -> list[tuple[str, ...]]:
    """The deltas that the derivation inserted: the last `count` of the printed ones."""
    return shown.deltas[len(shown.deltas) - count :]


def _string(flat: Einsum) -> str:
    if flat.parts is not None:
        return compact_subscripts(flat)
    shown = printed(flat, short=True)
    inputs = ["".join(labels) for labels in (*shown.deltas, *shown.inputs)]
    return f"{','.join(inputs)}->{''.join(shown.output)}"


def _in_place(candidate: Expr, new: str, rest: list[str]) -> list[str]:
    """The operands with the new indices where the replaced operand stood: there its deltas
    stand.
    """
    opaque = [is_inserted_delta(factor) for factor in flatten(wrapped(candidate)).factors]
    place = opaque.index(True) if True in opaque else 0
    place += len(rest) - opaque.count(False)  # deltas from before come first
    return [*rest[:place], new, *rest[place:]]


def _delta(pair: tuple[str, ...]) -> str:
    return f"δ[{','.join(pair)}]"


def _related_names(e: Expr) -> set[str]:
    """The names of labels that a relation or an index array has."""
    flat = flatten(wrapped(e))
    if flat.parts is None:
        return set()
    labels = {label for _, terms in flat.relations for label, _ in terms}
    labels.update(*[own for factor, own in flat.slots if is_hot(factor)])
    names = naming(flat, short=True).labels
    return {names[label] for label in labels if label in names}


def _fate(
    pair: tuple[str, ...], shown: Printed, pairs: list[tuple[str, ...]], related: set[str]
) -> str:
    """What becomes of one delta, and why."""
    old, new = pair
    delta = _delta(pair)
    if old in shown.output:
        both = f"{old} and {new} are both axes of the result"
        return f"{delta} stays: {both}, so it is 0 unless {old} = {new}"
    carriers = sum(old in labels for labels in shown.inputs)
    if carriers:  # Σ_i δ[i,a] A[i,j] = A[a,j]
        where = "the other operands carry it" if carriers > 1 else "an operand carries it"
        return f"{delta} goes: {old} is summed and {where}, so {old} becomes {new}"
    if old in related:  # Σ_p δ[p,a] [p = i + k] = [a = i + k]
        return (
            f"{delta} goes: {old} is summed and an index expression has it, so {old} becomes {new}"
        )
    others = [other for other in pairs if other[0] == old and other is not pair]
    if not others:
        why = f"{old} is summed and in no other operand, and Σ_{old} {delta} = 1"
        return f"{delta} goes: {why}"
    # Σ_i δ[i,a] δ[i,b] = δ[a,b]
    if pairs.index(others[0]) < pairs.index(pair):
        first = others[0][1]
        why = f"{old} is summed, and {first} already stands for it"
        return f"{delta} becomes δ[{first},{new}]: {why}"
    return f"{delta} goes: {old} is summed, so {new} takes its place in the other delta"


def _chain(y: Expr, J: Expr) -> Section:
    """Sums and functions: the rules that were used, and the terms they gave."""
    nodes = list(walk([y]))
    lines = []
    if any(isinstance(node, Add) for node in nodes):
        lines.append("a sum is derived term by term")
    functions = [node for node in nodes if isinstance(node, Apply) and not is_hot(node)]
    rules = {node.function.name: node.function for node in functions}
    for name, rule in rules.items():
        line = f"{name}'(x) = {rule.derived}"
        if rule.kink:
            line += f", with {rule.kink}"
        lines.append(line)
    lines.append("a product is derived operand by operand, each replaced by its own derivative")
    names = axis_names(J)
    for k, term in enumerate(terms(J), 1):
        lines.append(f"term {k}: {unicode_right_side(term, names)}")
    return Section(SectionKind.RULES, "1. Apply the rules", lines)


def _result(J: Expr) -> Section:
    lines = [formula(J)]
    for term in terms(J):
        number = coefficient(term)
        front = "" if number == 1 else f"{number} · "
        operands = ", ".join(operand_texts(term))
        lines.append(f"einsum    {front}{printed_subscripts(term)}   of {operands}")
        lines.append(f"compact   {front}{compact_subscripts(term)}")
        lines += _embedding(term)
    return Section(SectionKind.RESULT, "Result", lines)


def _embedding(term: Expr) -> list[str]:
    """Where the core of a term stands in it: which axes are tied, along which it is repeated."""
    if not isinstance(term, Einsum):
        return []
    flat = flatten(term)
    if not flat.factors and not flat.output:  # a number
        return []
    names = naming(flat, short=True)
    core = core_labels(flat)
    output = "".join(names.labels[label] for label in flat.output)
    inner = "".join(names.labels[label] for label in core)
    related = inside_labels(flat)
    ties, repeated = [], []
    for axis, label in enumerate(flat.output):
        name = names.labels[label]
        if label in flat.output[:axis]:
            ties.append(f"{name} = {names.axes[axis]}")
        elif label not in core and label not in related and flat.output.count(label) == 1:
            repeated.append(name)
    if flat.parts is not None:
        output = compact_subscripts(flat).rpartition("->")[2]
    lines = ["core      dense"]
    if inner != output:
        lines = [f"core      {inner or 'a number'}, embedded as {inner}->{output}"]
    ties += zero_unless(flat)
    if ties:
        lines.append(f"cases     zero unless {' and '.join(ties)}")
    if repeated:
        lines.append(f"cases     the same for every {', '.join(repeated)}")
    return lines


def _layout(J: Expr) -> Section:
    record = J.record
    assert record is not None
    names = axis_names(J)
    count = J.ndim - record.count
    first, second = ", ".join(names[:count]), ", ".join(names[count:])
    note = "the shape of y, then the shape of what it is derived by"
    if count == 0:
        note = "y is a scalar, so the derivative has the shape of what it is derived by"
    line = f"{left_side(J, 'y', FormulaStyle(), names)} has axes [{first}] + [{second}]: {note}"
    return Section(SectionKind.SHAPE, "Shape", [line])


def _own_sizes(y: Expr) -> set[str | None]:
    """The labels whose sizes are part of what was written: that they are given says no shapes."""
    if not isinstance(y, Einsum):
        return set()
    author = y.written or y
    return {author.letters.get(label) for label, size in author.given if isinstance(size, int)}


def _costs(J: Expr, sizes: Mapping[str, Any]) -> Section:
    table = plan(J, sizes)
    check_given(J, sizes)
    shape = table.outputs[0]
    core_bytes = ITEM_BYTES * core_entries(J, sizes)
    dense_bytes = ITEM_BYTES * prod(shape)
    line = (
        f"shape {shape}; in float64 the core takes {core_bytes} bytes, the dense tensor "
        f"{dense_bytes}"
    )
    return Section(SectionKind.COST, "Cost", [line, *table.lines()])
