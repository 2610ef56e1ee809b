"""The pictures of an answer: the expression, its derivative, where that is not zero, and one for
each step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import EinderivError, LimitError
from ..expression import Expr, axis_names
from ..printing import ASSUMED_SIZE, Picture, Stage, StageKind, derivation_stages, diagram, sparsity
from ..reports import SectionKind, explain
from .answers import asked
from .questions import Subject, given, subject
from .shapes import axis_sizes

#: what is drawn beside the sections of an explanation
DRAWN = {
    SectionKind.REPLACED: StageKind.HOLE,
    SectionKind.RULES: StageKind.HOLE,
    SectionKind.INSERTED: StageKind.DELTAS,
    SectionKind.ELIMINATED: StageKind.RESULT,
    SectionKind.RESULT: StageKind.RESULT,
}


def pictures(request: Mapping[str, Any]) -> dict[str, Any]:
    """SVG without a style of its own, None where there is no picture; and why.

    >>> found = pictures({"text": "is,st,tj->ij", "wrt": "A"})
    >>> found["diagrams"]["result"][:4], found["sparsity"][:4]
    ('<svg', '<svg')
    >>> [step is not None for step in found["steps"]]
    [True, True, True, True, True, False]

    Raises what ``derive`` raises.
    """
    q, _ = asked(request)
    found = subject(q)
    shown: dict[str, str | None]
    try:
        why, walked = "", _steps(found)
        shown = {"expression": _svg(diagram(found.chain[0])), "result": _svg(diagram(found.result))}
    except LimitError as e:
        why, walked = str(e), [None]
        shown = {"expression": None, "result": None}
    try:
        labels, shapes = given(q, found.tensors)
        pattern = _pattern(found.result, labels, shapes)
    except EinderivError:  # sizes that do not fit: the answer about the derivative says so
        pattern = None
    return {"diagrams": shown, "why": why, "sparsity": pattern, "steps": walked}


def _svg(picture: Picture) -> str:
    return picture.svg(style=False)


def _pattern(
    J: Expr, labels: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]]
) -> str | None:
    numbers = axis_sizes(J, labels, shapes)
    if J.record is None or not 0 < J.record.count <= J.ndim:
        return None
    if numbers.count(None) == len(numbers):  # sizes of merged axes follow from others then
        return _svg(sparsity(J))
    sizes = {}
    for name, number in zip(axis_names(J), numbers, strict=True):
        sizes[name] = ASSUMED_SIZE if number is None else number
    return _svg(sparsity(J, sizes))


def _steps(found: Subject) -> list[str | None]:
    """A picture for each step of the derivation, None where one would say nothing new."""
    if len(found.chain) != 2:
        return [None]
    y = found.chain[0]
    first, *between, last = derivation_stages(y, found.wrt)
    walked: list[str | None] = [_drawn(first)]
    for section in explain(y, found.wrt).sections[1:]:
        kind = DRAWN.get(section.kind)
        if kind is last.kind:
            walked.append(_drawn(last))
            continue
        stage = next((stage for stage in between if stage.kind is kind), None)
        walked.append(None if stage is None else _drawn(stage))
        if stage is not None:
            between.remove(stage)
    return walked


def _drawn(stage: Stage) -> str:
    return _svg(Picture(stage.drawing, stage.caption))
