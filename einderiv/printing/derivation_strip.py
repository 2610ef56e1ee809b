"""A derivation as a strip of pictures: the expression, the operand taken out, its legs tied by
deltas, what is left.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from ..autodiff import derive, stand_in
from ..errors import EinderivError
from ..expression import (
    Einsum,
    Expr,
    Tensor,
    flatten,
    is_zero,
    sized_einsum,
    written_slots,
)
from .edges import LabelSizes
from .network_diagram import check_drawable, drawn_expression, leg_sides
from .routing import LegSides
from .shown_together import named_as_in, shown_letters
from .strings import as_text, insertions, printed_subscripts
from .svg import Drawing, Picture, Rectangle, one_drawing, text_box, text_line

CAPTION_FONT = 14.0  # of a caption


class StageKind(Enum):
    """What a picture of a derivation shows."""

    WHOLE = "the expression"
    HOLE = "the operand taken out"
    DELTAS = "its legs tied by deltas"
    RESULT = "the derivative"


class Stage(NamedTuple):
    """One picture of a derivation."""

    kind: StageKind
    caption: str
    drawing: Drawing


def derivation_stages(y: Expr | str, wrt: Any, *, sizes: LabelSizes | None = None) -> list[Stage]:
    """The pictures with their captions; of what is no single product the first and the last."""
    y = sized_einsum(y, sizes) if isinstance(y, str) else y
    if isinstance(y, Expr):
        check_drawable([y])  # before the steps are made, which takes longer
    J = derive(y, wrt)
    labels = sizes or {}
    wrt = J.record.wrt if J.record else "it"
    between = _between(y, J)
    holes = [hole for hole, _ in between if hole is not None]
    check_drawable([y, *holes, *[candidate for _, candidate in between], J])
    with named_as_in([y, J]):
        letters = shown_letters(J)
        drawing = drawn_expression(y, letters.axes_of(y), leg_sides(y), labels)
        stages = [Stage(StageKind.WHOLE, _caption("the expression", y), drawing)]
        for k, (hole, candidate) in enumerate(between):
            part = f", occurrence {k + 1}" if k else ""
            if hole is not None:
                caption = f"{wrt} taken out{part}: its legs hang loose"
                drawing = drawn_expression(hole, letters.axes_of(hole), leg_sides(hole), labels)
                stages.append(Stage(StageKind.HOLE, caption, drawing))
            caption = _caption(f"a delta ties each leg to a new axis{part}", candidate)
            drawing = drawn_expression(
                candidate, letters.axes_of(candidate), _split(candidate, J), labels
            )
            stages.append(Stage(StageKind.DELTAS, caption, drawing))
        caption = _caption("what is summed is joined: the derivative", J)
        drawing = drawn_expression(J, letters.axes_of(J), leg_sides(J), labels)
        stages.append(Stage(StageKind.RESULT, caption, drawing))
    return stages


def strip(y: Expr | str, wrt: Any, *, sizes: LabelSizes | None = None) -> Picture:
    """All steps of the derivation of ``derive(y, wrt)``, one below the other, as one picture.

    >>> print(strip("is,st,tj->ij", 0).alt)
    the derivative of einsum("is,st,tj->ij", A, B, C) by A

    Raises what ``derive`` and ``diagram`` raise.
    """
    y = sized_einsum(y, sizes) if isinstance(y, str) else y
    parts: list[Drawing] = []
    top = 0.0
    for _, caption, picture in derivation_stages(y, wrt, sizes=sizes):
        width = text_box(caption, 0, 0, CAPTION_FONT).width
        box = Rectangle(0, top, width, top + 20)
        words = text_line(caption, 0, top + 10, CAPTION_FONT, text_anchor="start")
        parts.append(Drawing((words,), box, ((caption, box),)))
        moved = picture.at(12 - picture.box.left, top + 32 - picture.box.top)
        parts.append(moved)
        top = moved.box.bottom + 26
    record = derive(y, wrt).record
    name = record.wrt if record is not None else wrt
    alt = f"the derivative of {as_text(y)} by {name}"
    return Picture(one_drawing(parts), alt, "one picture for each step")


def _caption(words: str, e: Expr) -> str:
    try:
        return f"{words}   {printed_subscripts(e)}"
    except EinderivError:  # a sum has no one string
        return words


def _split(candidate: Expr, J: Expr) -> LegSides:
    axes = tuple(range(candidate.ndim))
    count = J.record.count if J.record else 0
    first = len(axes) - count
    return LegSides(axes[:first], axes[first:], ())


def _between(y: Expr, J: Expr) -> list[tuple[Expr | None, Expr]]:
    """For each occurrence the expression with a hole, and with its deltas; empty where it is no
    single product.
    """
    record = J.record
    if record is None or not isinstance(y, Einsum) or is_zero(J):
        return []
    candidates = insertions(record, J.axes[J.ndim - record.count :])
    if record.position is not None:
        hole, _ = stand_in(y, record.position)
        return [(hole, candidate) for candidate in candidates]
    flat = flatten(y)
    holes: list[Expr] = []
    for k, (factor, _) in enumerate(written_slots(flat)):
        if isinstance(factor, Tensor) and factor.name == record.wrt:
            hole, _ = stand_in(flat, k)
            holes.append(hole)
    if len(holes) != len(candidates):  # equal terms were added to one
        return [(None, candidate) for candidate in candidates]
    return list(zip(holes, candidates, strict=True))
