"""Where the parts of an array lie that is put together: boxes, which of them meet, and what none
covers.

>>> left = (Span(0), Span(1, 0, 1, 3))
>>> right = (Span(0), Span(None, 3, 1, 2))
>>> apart(left, right, (4, 6))
True
>>> uncovered([left, right], (4, 6))
[(None, (5, 6))]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd
from typing import NamedTuple

from ..expression import Number

Box = tuple[tuple[int, int] | None, ...]  # of each axis the first place and the one behind the last


class Span(NamedTuple):
    """Where an axis of a part lies along an axis of the whole: at ``start + step · i``."""

    axis: int | None  # of the value; None: the value is repeated along the axis of the whole
    start: int = 0
    step: int = 1
    extent: int | None = None  # None: it is all of the axis of the whole, from end to end

    def ends(self, length: int) -> tuple[int, int]:
        """The first place, and the one behind the last."""
        if self.extent is None:
            return 0, length
        other = self.start + self.step * (self.extent - 1)
        return min(self.start, other), max(self.start, other) + 1


class Part(NamedTuple):
    """A value times a number, and where it is put: assigned, or added to what is there."""

    spans: tuple[Span, ...]  # for each axis of the whole
    number: Number
    adds: bool

    @property
    def fills(self) -> bool:
        """Is it all of the whole, axis for axis, and put there as it is?"""
        own = all(span == Span(axis) for axis, span in enumerate(self.spans))
        return own and not self.adds and self.number == 1


def apart(a: Sequence[Span], b: Sequence[Span], lengths: Sequence[int]) -> bool:
    """Have two parts no entry in common? Along one axis they must be apart.

    >>> apart([Span(0, 0, 2, 3)], [Span(0, 1, 2, 3)], [6])
    True
    """
    for one, two, length in zip(a, b, lengths, strict=True):
        (low, high), (other_low, other_high) = one.ends(length), two.ends(length)
        if high <= other_low or other_high <= low:
            return True
        # start + step i = start' + step' j has no solution in whole numbers
        if (one.start - two.start) % gcd(one.step, two.step):
            return True
    return False


def entries_of(spans: Iterable[Span], lengths: Sequence[int]) -> int:
    """How many entries of the whole a part takes."""
    total = 1
    for span, length in zip(spans, lengths, strict=True):
        total *= length if span.extent is None else span.extent
    return total


def joined_axis(parts: Sequence[Part], cleared: Sequence[Box]) -> int | None:
    """The axis along which parts lie one behind the other and fill the whole; None where they do
    not.

    >>> above, below = (Span(0, 0, 1, 3), Span(1)), (Span(None, 3, 1, 2), Span(0))
    >>> joined_axis([Part(below, 1, False), Part(above, 1, False)], ())
    0
    """
    if cleared or len(parts) < 2:
        return None
    cut: set[int] = set()
    for spans, _, adds in parts:
        own = [span.axis for span in spans if span.axis is not None]
        if adds or own != sorted(own) or any(span.step != 1 for span in spans):
            return None
        cut.update(axis for axis, span in enumerate(spans) if span.extent is not None)
    return cut.pop() if len(cut) == 1 else None


def uncovered(parts: Sequence[Sequence[Span]], lengths: Sequence[int]) -> list[Box]:
    """Boxes without common entries that hold what no part covers. Of a part that leaves gaps all
    may be in them.
    """
    left: list[Box] = [(None,) * len(lengths)]
    for spans in parts:
        if any(abs(span.step) != 1 for span in spans):
            continue
        covered: Box = tuple(
            [None if s.extent is None else s.ends(n) for s, n in zip(spans, lengths, strict=True)]
        )
        pieces: list[Box] = []
        for box in left:
            pieces += _without(box, covered, lengths)
        left = pieces
    return left


def _without(box: Box, taken: Box, lengths: Sequence[int]) -> list[Box]:
    """What is left of a box without another: below and above it, axis after axis."""
    found: list[Box] = []
    for axis, (own, other) in enumerate(zip(box, taken, strict=True)):
        start, stop = own or (0, lengths[axis])
        low, high = other or (0, lengths[axis])
        low, high = max(low, start), min(high, stop)
        if low >= high:  # they have nothing in common
            return [box]
    for axis, other in enumerate(taken):
        start, stop = box[axis] or (0, lengths[axis])
        low, high = other or (0, lengths[axis])
        low, high = max(low, start), min(high, stop)
        if start < low:
            found.append((*box[:axis], (start, low), *box[axis + 1 :]))
        if high < stop:
            found.append((*box[:axis], (high, stop), *box[axis + 1 :]))
        if (low, high) != (start, stop):
            box = (*box[:axis], (low, high), *box[axis + 1 :])
    return found
