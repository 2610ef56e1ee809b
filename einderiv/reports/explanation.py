"""How a derivative came about: every index replaced, every delta inserted, kept or eliminated,
and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from math import prod
from typing import Any, NamedTuple

from ..autodiff import derive, stand_in
from ..errors import LimitError, NoFormError
from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Tensor,
    coefficient,
    core_labels,
    flatten,
    inside_labels,
    is_hot,
    is_zero,
    leaves,
    put,
    replaced,
    sized_einsum,
    tensors_of,
    terms,
    used_names,
    walk,
    wrapped,
)
from ..printing import (
    FormulaStyle,
    MimeBundle,
    Printed,
    as_text,
    broken,
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
    named_as_in,
    operand_texts,
    preformatted,
    printed,
    printed_subscripts,
    relation_steps,
    shown_letters,
    strip,
    typeset,
    with_deltas_eliminated,
    wrapped_prose,
    wrapped_words,
    zero_unless,
)
from .einsum_listing import einsum_lines, is_traced
from .inspection import ITEM_BYTES, check_given, core_entries, plan
from .steps import (
    MOST_OF_A_STRING,
    FormulaLine,
    beside,
    formula_lines,
    marked_lines,
    row_of,
    steps,
    told,
)

INDENT = "    "
LINE = 80  # columns
MOST_STEPS = 4000  # parts times operands of what is derived step by step
MOST_WHOLE = 12  # lines of the formula of what is derived
MOST_OF_THE_RESULT = 40  # lines of a formula
MOST_TERMS = 6  # of a sum or a function, whose einsum strings are shown
MOST_EXPLAINED = 60_000  # occurrences of a tensor times operands: each occurrence shows all of them


class SectionKind(Enum):
    """What a section of an explanation is about."""

    SUBJECT = "what is derived, and by what"
    EINSUMS = "the einsum strings that a traced function is made of"
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

    def __init__(
        self, sections: list[Section], derivative: Expr, subject: Expr | None = None
    ) -> None:
        self.sections, self.derivative = sections, derivative
        self.subject = derivative if subject is None else subject

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int | None = None) -> str:
        """The sections as lines, none of them beyond `width` columns but the rows of a table."""
        shown: list[str] = []
        for section in self.sections:
            shown.append(wrapped_prose(section.title, width))
            shown += [_fitting(line, section.kind, width) for line in section.lines]
        return "\n".join(shown)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        with named_as_in([self.subject, self.derivative]):  # as the lines are lettered
            html = typeset(self.derivative)
            for section in self.sections:
                html += collapsible(section.title, *_in_html(section.lines), opened=True)
        return mime_bundle(str(self), html, **latex_entry(self.derivative))


def _in_html(lines: Sequence[str]) -> list[str]:
    """Lines of text as they stand, and formulas typeset."""
    shown: list[str] = []
    plain: list[str] = []
    is_shown = False  # is the formula that the lines belong to shown already?
    for line in lines:
        blocks: list[str] = []
        if not isinstance(line, FormulaLine):
            is_shown = False
        elif line.typeset is not None:
            blocks = line.typeset()
            is_shown = bool(blocks)
        if blocks and plain:
            shown.append(preformatted(plain))
            plain = []
        shown += blocks
        if not is_shown:
            plain.append(line)
    return [*shown, preformatted(plain)] if plain else shown


#: the sections whose lines are formulas
_OF_FORMULAS = frozenset((SectionKind.SUBJECT, SectionKind.RESULT, SectionKind.RULES))


def _fitting(text: str, kind: SectionKind, width: int | None) -> str:
    """A line of a section, indented; what is longer than `width` is broken."""
    indented = INDENT + text.replace("\n", "\n" + INDENT)
    if kind in _OF_FORMULAS:
        return broken(indented, width)
    is_row = kind is SectionKind.COST and "  " in text
    return indented if is_row else wrapped_prose(indented, width)


def explain(
    y: Expr | str,
    wrt: Any,
    *,
    indices: Sequence[str] | None = None,
    sizes: Mapping[str, Any] | None = None,
    style: str = "index",
) -> Explanation:
    """The derivation of ``derive(y, wrt)`` step by step; with `sizes` also shapes, costs and the
    path.

    With ``style="auto"`` a derivative of at most two axes is shown in matrix notation too, where it
    has one, and with ``style="matrix"`` any. `indices` names the new axes. `sizes` gives sizes by
    labels or axis names, or shapes by names of tensors.

    >>> print(explain("ij,j->i", 1))  # doctest: +ELLIPSIS
    The derivative of einsum("ij,j->i", A, B) with respect to B
        y[i] = Σ_j A[i,j] B[j]
    1. Replace the indices of B by new ones
        ij,j->i   becomes   ij,a->ia
    ...

    Of sums and functions the parts have names, and each has its rule with the source:

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> print(explain(ed.log(x), x))  # doctest: +ELLIPSIS
    The derivative of log(x) with respect to x
        y[i] = log(x[i])   y = log(x)
    1. y: chain rule, log
        log'(x) = 1/x
        source: NIST DLMF, 4.7(i)
    ...

    Raises what ``derive`` raises, and LimitError for more occurrences than an explanation shows.
    """
    y = sized_einsum(y, sizes) if isinstance(y, str) else y
    if len(leaves(wrt)) != 1 or isinstance(wrt, (list, tuple, dict)):
        raise TypeError("explain takes one tensor, name or position at a time")
    J = derive(y, wrt, indices)
    with named_as_in([y, J]):  # a letter is one axis in all lines
        if _is_chain(y):
            _check_steps(y)
            return Explanation(_explained_chain(y, wrt, J, sizes), J, y)
        return Explanation(_explained_einsum(y, J, sizes, style), J, y)


def _explained_einsum(
    y: Expr, J: Expr, sizes: Mapping[str, Any] | None, style: str
) -> list[Section]:
    """The sections for what is one product, or derived by a position."""
    assert J.record is not None
    subject = f"The derivative of {as_text(y)} with respect to {J.record.wrt}"
    formulas = _formulas(y, J, style)
    sections = [Section(SectionKind.SUBJECT, subject, formulas)]
    if is_zero(J):
        sections.append(_nothing_left(J))
    else:
        sections += _derivation(y, J)
        sections.append(_result(J, style))
    sections.append(_layout(J))
    if sizes is not None and not set(sizes) <= _own_sizes(y):
        sections.append(_costs(J, sizes))
    return sections


def _explained_chain(y: Expr, wrt: Any, J: Expr, sizes: Mapping[str, Any] | None) -> list[Section]:
    """The sections for what is not one product: no line has more than 80 columns."""
    assert J.record is not None
    name = _name_for(y)
    subject = f"The derivative of {as_text(y)} with respect to {J.record.wrt}"
    if len(subject) > LINE:
        subject = f"The derivative of {name} with respect to {J.record.wrt}"
    lines = _both_styles(y, name)
    if len(lines) > MOST_WHOLE:
        lines = [f"{name} is written by its parts, which follow"]
    sections = [Section(SectionKind.SUBJECT, subject, lines)]
    if is_traced(y):
        sections.append(
            Section(SectionKind.EINSUMS, "The einsums of the function", einsum_lines(y))
        )
    sections += _chain(y, wrt, J, name)
    if is_zero(J):
        sections.append(_nothing_left(J))
    else:
        sections.append(Section(SectionKind.RESULT, "Result", _chain_result(J, name)))
    sections.append(_layout(J, name))
    if sizes is not None and not set(sizes) <= _own_sizes(y):
        sections.append(_costs(J, sizes))
    return sections


def _both_styles(e: Expr, name: str) -> list[str]:
    """The formula of `e`, and that in matrix notation where there is one."""
    row = row_of(e, name, named=True)
    if row.typeset is None:  # too large: it says so
        return wrapped_words(row.with_indices, LINE - len(INDENT))
    return beside([row], MOST_OF_THE_RESULT)


def _chain_result(J: Expr, name: str) -> list[str]:
    lines = _both_styles(J, name)
    addends = terms(J)
    for term in addends[:MOST_TERMS]:
        for line in _strings(term):
            lines += formula_lines(line, MOST_OF_A_STRING)
    if len(addends) > MOST_TERMS:
        lines.append(f"{len(addends) - MOST_TERMS} more terms")
    return lines


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
    in_words = []
    with named_as_in([explanation.subject, J]):
        for section in explanation.sections:
            in_words += [markup("h3", escaped(section.title)), *_in_html(section.lines)]
    try:
        pictures = strip(y, wrt).svg(style=False)
    except LimitError as error:
        pictures = preformatted([str(error)])
    result = expression_bundle(J)["text/html"]
    return html_page(name, result, "<h2>Step by step</h2>", pictures, *in_words)


def _nothing_left(J: Expr) -> Section:
    assert J.record is not None
    reason = f"no term is left: the expression does not vary with {J.record.wrt}"
    shape = f"zeros of shape [{', '.join(shown_letters(J).axes_of(J))}]"
    return Section(SectionKind.RESULT, "Result", [reason, shape])


def _derivation(y: Expr, J: Expr) -> list[Section]:
    """The steps, once for each occurrence of the tensor (the product rule)."""
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
        with suppress(NoFormError):  # then index expressions are operands of their own
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
    letters = shown_letters(e)
    names = letters.shortened(letters.naming(flat, flat.axes)).labels
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


def _chain(y: Expr, wrt: Any, J: Expr, name: str) -> list[Section]:
    """Sums and functions: the rule for each part, and their product."""
    y, variable = _with_variable(y, wrt, J)
    sections = []
    for k, (title, lines) in enumerate(steps(y, variable, J, name), 1):
        sections.append(Section(SectionKind.RULES, f"{k}. {title}", lines))
    return sections


def _with_variable(y: Expr, wrt: Any, J: Expr) -> tuple[Expr, Expr]:
    """`y`, and what it is derived by as it stands there; for a position a tensor of its own."""
    record = J.record
    assert record is not None
    if record.position is not None:
        assert isinstance(y, Einsum)
        y, place = stand_in(y, record.position)
        own = Tensor(_name_of_operand(y, J), (None,) * place.ndim)
        put(own, "axis_sizes", place.axis_sizes)
        return replaced(y, {place.name: own}), own
    if isinstance(wrt, Expr):  # the conjugate of a tensor, or one that does not occur
        return y, tensors_of(y).get(record.wrt, wrt)
    return y, tensors_of(y)[record.wrt]


def _name_of_operand(others: Expr, J: Expr) -> str:
    """The name of the operand that `J` is derived by, if no other has it."""
    record = J.record
    assert record is not None
    is_free = record.wrt.isidentifier() and record.wrt not in tensors_of(others)
    return record.wrt if is_free else f"A{record.position}"


def _name_for(y: Expr) -> str:
    """What `y` is called: y, unless a tensor is."""
    taken = {*tensors_of(y), *used_names(y)}
    return next(name for name in ("y", "f", "g", "y0") if name not in taken)


def _check_steps(y: Expr) -> None:
    """Raise for what has more parts, in more terms, than anybody reads the steps of."""
    parts = sum([1 for _ in walk([y])])
    operands = sum([term.count for term in terms(y) if isinstance(term, Einsum)])
    # of a product inside a function too, which is written out there
    inside = [node.count for node in walk([y]) if isinstance(node, Einsum)]
    operands = max([operands, *inside])
    if parts * operands > MOST_STEPS:
        raise LimitError(
            f"steps for an expression of {parts} parts in terms of {operands} operands show "
            "nothing: explain a part of it, or read ed.formula of the derivative"
        )


def _is_chain(y: Expr) -> bool:
    """Has `y` sums or functions?"""
    return any(isinstance(node, (Apply, Add)) and not is_hot(node) for node in walk([y]))


def _formulas(e: Expr, J: Expr, style: str) -> list[str]:
    """The formula of `e`: in matrix notation where the derivative `J` has one in this style, and
    then with indices too, which the steps speak of, unless matrix notation was asked for.
    """
    with_indices = formula(e)
    if style == "index" or formula(J, style=style) == formula(J):
        return marked_lines([with_indices], lambda: _blocks(e)[:1])
    in_matrices = formula(e, style="matrix")
    if style == "matrix":
        return marked_lines([in_matrices], lambda: _blocks(e)[-1:])
    return marked_lines(list(dict.fromkeys([in_matrices, with_indices])), lambda: _blocks(e)[::-1])


def _blocks(e: Expr) -> list[str]:
    typeset = row_of(e, "y", named=True).typeset
    return [] if typeset is None else typeset()


def _result(J: Expr, style: str) -> Section:
    lines = _formulas(J, J, style)
    for term in terms(J):
        lines += _strings(term)
    return Section(SectionKind.RESULT, "Result", lines)


def _strings(term: Expr) -> list[str]:
    """The einsum strings of a term."""
    number = coefficient(term)
    front = "" if number == 1 else f"{number} · "
    operands = ", ".join(operand_texts(term))
    return [
        f"einsum    {front}{told(printed_subscripts, term)}   of {operands}",
        f"compact   {front}{told(compact_subscripts, term)}",
        *_embedding(term),
    ]


def _embedding(term: Expr) -> list[str]:
    """Where the core of a term stands in it: which axes are tied, along which it is repeated."""
    if not isinstance(term, Einsum):
        return []
    flat = flatten(term)
    if not flat.factors and not flat.output:  # a number
        return []
    letters = shown_letters(term)
    names = letters.shortened(letters.naming(flat, flat.axes))
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
        try:
            output = compact_subscripts(flat).rpartition("->")[2]
        except NoFormError:  # the line above says why
            return []
    lines = ["core      dense"]
    if inner != output:
        lines = [f"core      {inner or 'a number'}, embedded as {inner}->{output}"]
    ties += zero_unless(flat)
    if ties:
        lines.append(f"cases     zero unless {' and '.join(ties)}")
    if repeated:
        lines.append(f"cases     the same for every {', '.join(repeated)}")
    return lines


def _layout(J: Expr, called: str | None = None) -> Section:
    """The axes of the result; `called` is the name of a chain, whose lines are broken."""
    record = J.record
    assert record is not None
    names = shown_letters(J).axes_of(J)
    count = J.ndim - record.count
    first, second = ", ".join(names[:count]), ", ".join(names[count:])
    name = called or "y"
    before = name
    if record.of.record is not None:  # ∂y/∂x[c], of a derivative of a higher order
        before = left_side(record.of, name, FormulaStyle(), names[:count])
    note = f"the shape of {before}, then that of {record.wrt}"
    if count == 0:
        note = f"the shape of {record.wrt}, for {before} is a scalar"
    line = f"{left_side(J, name, FormulaStyle(), names)} has axes [{first}] + [{second}]: {note}"
    if called:
        return Section(SectionKind.SHAPE, "Shape", wrapped_words(line, LINE - len(INDENT)))
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
