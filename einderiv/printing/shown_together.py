"""The names of what is shown together: of held arrays, and of labels. Formulas, strings and
pictures ask here, so that those of one answer agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from ..expression import ArrayNames, Expr, Lettering, lettering_of


class ShownNames(NamedTuple):
    """The names of arrays and the letters of what is shown together."""

    arrays: ArrayNames
    letters: Lettering


_SHOWN: ContextVar[ShownNames | None] = ContextVar("shown", default=None)


@contextmanager
def named_as_in(roots: Sequence[Expr]) -> Iterator[None]:
    """Inside, held arrays are called as in `roots` together, and labels as in the last of them, so
    that parts, and what was derived, agree. Within what is named already nothing changes.
    """
    if _SHOWN.get() is not None:
        yield
        return
    before = _SHOWN.set(ShownNames(ArrayNames(roots), lettering_of(roots[-1])))
    try:
        yield
    finally:
        _SHOWN.reset(before)


def shown_names(e: Expr) -> ShownNames:
    """The names of what is shown now, of which `e` is a part; else its own."""
    return _SHOWN.get() or ShownNames(ArrayNames([e]), lettering_of(e))


def shown_letters(e: Expr) -> Lettering:
    """The letters of what is shown now, of which `e` is a part; else its own."""
    shown = _SHOWN.get()
    return lettering_of(e) if shown is None else shown.letters
