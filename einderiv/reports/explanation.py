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
    Naming,
    Tensor,
    axis_names,
    coefficient,
    core_labels,
    einsum,
    flatten,
    is_zero,
    leaves,
    naming,
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
    preformatted,
    printed,
    printed_operands,
    printed_subscripts,
    strip,
    unicode_right_side,
    with_deltas_eliminated,
)
from .inspection import check_given, core_entries, plan

INDENT = "    "


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
        parts = [collapsible(s.title, preformatted(s.lines), opened=True) for s in self.sections]
        html = "".join(parts)
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

    Raises what ``derive`` raises.
    """
    y = einsum(y) if isinstance(y, str) else y
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
    if sizes is not None:
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
    name = f"The derivative of {as_text(y)} by {J.record.wrt if J.record else wrt}"
    steps = [
        markup("h3", escaped(section.title)) + preformatted(section.lines)
        for section in explanation.sections
    ]
    try:
        pictures = strip(y, wrt).svg()
    except LimitError as error:
        pictures = preformatted([str(error)])
    return html_page(
        name, expression_bundle(J)["text/html"], "<h2>Step by step</h2>", pictures, *steps
    )


def _derivation(y: Expr, J: Expr) -> list[Section]:
    """The steps, once for each occurrence of the tensor (the product rule)."""
    if any(isinstance(node, (Apply, Add)) for node in walk([y])):
        return [_chain(y, J)]
    record = J.record
    assert record is not None
    names = J.axes[J.ndim - record.count :]
    sections: list[Section] = []
    before = flatten(y) if isinstance(y, Einsum) else None
    if record.position is None and before is not None:
        # The product rule: one insertion for each slot that holds the tensor, also where the
        # results are equal.
        slots = [
            k
            for k, f in enumerate(before.factors)
            if isinstance(f, Tensor) and f.name == record.wrt
        ]
        first = [
            t for k in slots for t in insertions(replace(record, of=before, position=k), names)
        ]
    else:
        first = list(insertions(record, names))
    for k, candidate in enumerate(first):
        part = f", occurrence {k + 1} of {len(first)}" if len(first) > 1 else ""
        sections += _steps(candidate, before, J, part)
    return sections


def _steps(candidate: Expr, before: Einsum | None, J: Expr, part: str) -> list[Section]:
    found = printed(candidate, short=True)
    count = J.record.count if J.record else 0
    pairs = _opaque(found, count)
    kept = [d for d in found.deltas if d not in pairs]
    new = found.output[len(found.output) - count :]
    rest = [*("".join(d) for d in kept), *("".join(ls) for ls in found.inputs)]
    out = "".join(found.output)
    original = ",".join(
        [
            *("".join(d) for d in kept),
            "".join(p[0] for p in pairs),
            *("".join(ls) for ls in found.inputs),
        ]
    )
    written = _string(before) if before is not None else original
    wrt = J.record.wrt if J.record else "it"
    replaced = ",".join(_in_place(candidate, "".join(new), rest))
    one = [f"{written}   becomes   {replaced}->{out}"]
    inserted = printed_subscripts(candidate)
    two = [f"{_delta(p)}: the entry at {p[1]} varies only where {p[0]} = {p[1]}" for p in pairs] + [
        inserted
    ]
    three = [_fate(p, found, pairs) for p in pairs]
    final = printed_subscripts(with_deltas_eliminated(candidate, J))
    return [
        Section(SectionKind.REPLACED, f"1. Replace the indices of {wrt} by new ones{part}", one),
        Section(
            SectionKind.INSERTED,
            "2. Insert one delta for each axis, tying the old index to the new",
            two,
        ),
        Section(
            SectionKind.ELIMINATED,
            "3. Eliminate the deltas",
            [*three, f"{inserted}   becomes   {final}"],
        ),
    ]


def _opaque(found: Printed, count: int) -> list[tuple[str, ...]]:
    """The deltas that the derivation inserted: the last `count` of the printed ones."""
    return found.deltas[len(found.deltas) - count :] if count else []


def _string(flat: Einsum) -> str:
    found = printed(flat, short=True)
    parts = ["".join(ls) for ls in (*found.deltas, *found.inputs)]
    return ",".join(parts) + "->" + "".join(found.output)


def _in_place(candidate: Expr, new: str, rest: list[str]) -> list[str]:
    """The operands with the new indices where the replaced operand stood: there its deltas
    stand.
    """
    factors = flatten(wrapped(candidate)).factors
    opaque = list(map(is_inserted_delta, factors))
    place = opaque.index(True) if any(opaque) else 0
    place += len(rest) - opaque.count(False)  # deltas from before come first
    return [*rest[:place], new, *rest[place:]]


def _delta(pair: tuple[str, ...]) -> str:
    return f"δ[{','.join(pair)}]"


def _fate(pair: tuple[str, ...], found: Printed, pairs: list[tuple[str, ...]]) -> str:
    """What becomes of one delta, and why."""
    old, new = pair
    if old in found.output:
        both = f"{old} and {new} are both axes of the result"
        return f"{_delta(pair)} stays: {both}, so it is 0 unless {old} = {new}"
    again = [p for p in pairs if p[0] == old and p is not pair]
    if any(old in ls for ls in found.inputs):
        where = (
            "the other operands carry it"
            if sum(old in ls for ls in found.inputs) > 1
            else "an operand carries it"
        )
        return f"{_delta(pair)} goes: {old} is summed and {where}, so {old} becomes {new}"
    if again and pairs.index(again[0]) < pairs.index(pair):
        first = again[0][1]
        why = f"{old} is summed, and {first} already stands for it"
        return f"{_delta(pair)} becomes δ[{first},{new}]: {why}"
    if again:
        return f"{_delta(pair)} goes: {old} is summed, so {new} takes its place in the other delta"
    why = f"{old} is summed and in no other operand, and Σ_{old} {_delta(pair)} = 1"
    return f"{_delta(pair)} goes: {why}"


def _chain(y: Expr, J: Expr) -> Section:
    """Sums and functions: the rules that were used, and the terms they gave."""
    lines = []
    if any(isinstance(node, Add) for node in walk([y])):
        lines.append("a sum is derived term by term")
    rows = {node.function.name: node.function for node in walk([y]) if isinstance(node, Apply)}
    lines += [
        f"{name}'(x) = {row.derived}{f', with {row.kink}' if row.kink else ''}"
        for name, row in rows.items()
    ]
    lines.append("a product is derived operand by operand, each replaced by its own derivative")
    lines += [
        f"term {k}: {unicode_right_side(term, axis_names(J))}" for k, term in enumerate(terms(J), 1)
    ]
    return Section(SectionKind.RULES, "1. Apply the rules", lines)


def _result(J: Expr) -> Section:
    lines = [formula(J)]
    for term in terms(J):
        front = f"{coefficient(term)} · " if coefficient(term) != 1 else ""
        lines.append(
            f"einsum    {front}{printed_subscripts(term)}   of "
            f"{', '.join(map(str, printed_operands(term)))}"
        )
        lines.append(f"compact   {front}{compact_subscripts(term)}")
        lines += _embedding(term)
    return Section(SectionKind.RESULT, "Result", lines)


def _embedding(term: Expr) -> list[str]:
    flat = flatten(term) if isinstance(term, Einsum) else None
    if flat is None or not (flat.factors or flat.output):
        return []
    names: Naming = naming(flat, short=True)
    core = core_labels(flat)
    out = "".join(names.labels[x] for x in flat.output)
    where = "".join(names.labels[x] for x in core)
    ties = [
        f"{names.labels[x]} = {names.axes[p]}"
        for p, x in enumerate(flat.output)
        if x in flat.output[:p]
    ]
    lines = (
        [f"core      {where or 'a number'}, embedded as {where}->{out}"]
        if where != out
        else ["core      dense"]
    )
    if ties:
        lines.append(f"cases     zero unless {' and '.join(ties)}")
    spread = [
        names.labels[x]
        for x in dict.fromkeys(flat.output)
        if x not in core and flat.output.count(x) == 1
    ]
    if spread:
        lines.append(f"cases     the same for every {', '.join(spread)}")
    return lines


def _layout(J: Expr) -> Section:
    record = J.record
    assert record is not None
    names = axis_names(J)
    k = J.ndim - record.count
    first, second = ", ".join(names[:k]), ", ".join(names[k:])
    note = "the shape of y, then the shape of what it is derived by"
    if k == 0:
        note = "y is a scalar, so the derivative has the shape of what it is derived by"
    line = f"{left_side(J, 'y', FormulaStyle(), names)} has axes [{first}] + [{second}]: {note}"
    return Section(SectionKind.SHAPE, "Shape", [line])


def _costs(J: Expr, sizes: Mapping[str, Any]) -> Section:
    table = plan(J, sizes)
    check_given(J, sizes)
    held, dense = core_entries(J, sizes), prod(table.outputs[0])
    lines = [
        f"shape {table.outputs[0]}; in float64 the core takes {8 * held} bytes, the dense tensor "
        f"{8 * dense}"
    ]
    return Section(SectionKind.COST, "Cost", [*lines, *table.lines()])
