"""A derivation as a strip of pictures: the expression, the operand taken out, its legs tied by deltas, what is left."""

from __future__ import annotations

from typing import Any

from ..autodiff import derive, stand_in
from ..errors import EinderivError
from ..expression import Einsum, Expr, Tensor, axis_names, einsum, flatten, is_zero, written_slots
from .edges import Sizes
from .network_diagram import drawn, sides
from .strings import insertions, subscripts, text
from .svg import Box, Drawn, Picture, line, text_box, together

SIZE = 14.0  # of a caption


def steps(y: Expr | str, wrt: Any, *, sizes: Sizes | None = None) -> list[tuple[str, Drawn]]:
    """The pictures with their captions; of what is no single product the first and the last."""
    y = einsum(y) if isinstance(y, str) else y
    J = derive(y, wrt)
    found = [(_caption("the expression", y), drawn(y, axis_names(y), sides(y), sizes or {}))]
    for k, (hole, candidate) in enumerate(_between(y, J)):
        part = f", occurrence {k + 1}" if k else ""
        if hole is not None:
            found.append((f"{J.record.wrt if J.record else 'it'} taken out{part}: its legs hang loose",
                          drawn(hole, axis_names(hole), sides(hole), sizes or {})))  # fmt: skip
        found.append((_caption(f"a delta ties each leg to a new axis{part}", candidate),
                      drawn(candidate, axis_names(candidate), _split(candidate, J), sizes or {})))  # fmt: skip
    found.append((_caption("what is summed is joined: the derivative", J),
                  drawn(J, axis_names(J), sides(J), sizes or {})))  # fmt: skip
    return found


def strip(y: Expr | str, wrt: Any, *, sizes: Sizes | None = None) -> Picture:
    """All steps of the derivation of ``derive(y, wrt)``, one below the other, as one picture.

    >>> print(strip("is,st,tj->ij", 0).alt)
    the derivative of einsum("is,st,tj->ij", A, B, C) by A

    Raises what ``derive`` and ``diagram`` raise.
    """
    y = einsum(y) if isinstance(y, str) else y
    parts: list[Drawn] = []
    top = 0.0
    for caption, picture in steps(y, wrt, sizes=sizes):
        box = text_box(caption, 0, 0, SIZE)
        wide = box.right - box.left
        words = line(caption, 0, top + 10, SIZE, text_anchor="start")
        parts.append(Drawn((words,), Box(0, top, wide, top + 20), ((caption, Box(0, top, wide, top + 20)),)))
        moved = picture.at(12 - picture.box.left, top + 32 - picture.box.top)
        parts.append(moved)
        top = moved.box.bottom + 26
    record = derive(y, wrt).record
    name = record.wrt if record is not None else wrt
    return Picture(together(parts), f"the derivative of {text(y)} by {name}", "one picture for each step")


def _caption(words: str, e: Expr) -> str:
    try:
        return f"{words}   {subscripts(e)}"
    except EinderivError:  # a sum has no one string
        return words


def _split(candidate: Expr, J: Expr) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    axes = tuple(range(candidate.ndim))
    count = J.record.count if J.record else 0
    return axes[: len(axes) - count], axes[len(axes) - count :], ()


def _between(y: Expr, J: Expr) -> list[tuple[Expr | None, Expr]]:
    """For each occurrence the expression with a hole, and with its deltas; empty where it is no single product."""
    record = J.record
    if record is None or not isinstance(y, Einsum) or is_zero(J):
        return []
    whole = flatten(y)
    names = J.axes[J.ndim - record.count :]
    if record.position is not None:
        return [(_hole(y, record.position), candidate) for candidate in insertions(record, names)]
    slots = [k for k, (f, _) in enumerate(written_slots(whole)) if isinstance(f, Tensor) and f.name == record.wrt]
    candidates = insertions(record, names)
    if not slots or len(slots) != len(candidates):
        return [(None, candidate) for candidate in candidates]
    return [(_hole(whole, k), candidate) for k, candidate in zip(slots, candidates, strict=True)]


def _hole(y: Einsum, k: int) -> Expr:
    return stand_in(y, k)[0]
