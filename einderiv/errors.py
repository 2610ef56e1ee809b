"""What can go wrong, and the limits that keep a mistake cheap.

Every error of this package is an :class:`EinderivError`, which is a ``ValueError``; wrong Python
types are ``TypeError``. A message says what is wrong, where, the values on both sides, and what to
do.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

LONG = re.compile(r"\S{100,}")
WINDOW = 64  # characters of a faulty string that a message shows


class EinderivError(ValueError):
    """The base of all errors that this package raises for a user's input. A word of any length
    is shown in short.
    """

    def __init__(self, message: str = "", place: str = "") -> None:
        """`place` shows where in a text the error is; :attr:`reason` is the message without it."""
        self.reason = LONG.sub(_in_short, str(message))
        super().__init__(self.reason + place)


def _in_short(word: re.Match[str]) -> str:
    return f"{word[0][:40]}…{word[0][-10:]}"


class _InString(EinderivError):
    def __init__(self, message: str, text: str = "", position: int | None = None) -> None:
        self.text = text
        self.position = position
        place = ""
        if text and position is not None:
            place = f"\n{_pointed(text, position)}"
        super().__init__(message, place)


class ParseError(_InString):
    """A string that cannot be read; `position` is the index of the first character at fault.

    >>> raise ParseError("two arrows", "i->i->i", 4)
    Traceback (most recent call last):
    einderiv.errors.ParseError: two arrows
        i->i->i
            ^
    """


class ShapeError(_InString):
    """Numbers of axes or sizes that contradict each other; with `position` where a string says
    one of them.
    """


class LimitError(_InString):
    """Work or memory beyond one of :data:`limits`, refused before it is spent."""


class NoFormError(EinderivError, AttributeError):
    """An attribute for which an expression has no form: the subscripts of a sum. So ``hasattr``
    is False.
    """


class NoLettersError(LimitError, AttributeError):
    """A string that has more labels than there are letters: ``hasattr`` is False."""


class BackendError(EinderivError):
    """Arrays of a library that is not supported here, or of two libraries at once."""


#: the signs of index notation, which take one column
SIGNS = "∂−·≤≥²³⁴⁵⁶⁷⁸⁹"


def _pointed(text: str, position: int) -> str:
    """The part of `text` around `position`, and a caret under that character."""
    start = max(0, position - WINDOW // 2) if len(text) > WINDOW else 0
    stop = start + WINDOW
    left = "…" if start > 0 else ""
    right = "…" if stop < len(text) else ""
    shown = "".join(map(_one_column, text[start:stop]))
    before = " " * (len(left) + position - start)
    return f"    {left}{shown}{right}\n    {before}^"


def _one_column(character: str) -> str:
    """Wide, zero-width and control characters would move the caret."""
    is_latin_or_greek = "\u00c0" <= character < "\u0400" and character.isalpha()
    if " " <= character <= "~" or is_latin_or_greek or character in SIGNS:
        return character
    return " " if character.isspace() else "?"


def counted(count: int, noun: str) -> str:
    """``counted(2, "axis")`` is ``"2 axes"``."""
    if count == 1:
        return f"1 {noun}"
    plural = {"axis": "axes", "index": "indices", "array of": "arrays of"}.get(noun, noun + "s")
    return f"{count} {plural}"


def near(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to a misspelt one, or lists what there is."""
    names = list(known)
    if not names:
        return "there are none"
    in_lower_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word[:100].lower(), in_lower_case, n=1)
    if close:
        return f"did you mean {in_lower_case[close[0]]!r}?"
    more = ", …" if len(names) > 12 else ""
    return f"known: {', '.join(names[:12])}{more}"


def our_bug(what: str) -> NoReturn:
    """Stop at a state that no input should lead to."""
    raise AssertionError(f"{what}: this is a bug in einderiv, please report it")


def _quarter_of_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, ValueError, OSError):  # no sysconf on this platform, or not these names
        return 2**31


class Limits:
    """Every limit of the package: set one for good, or for a while with :meth:`override`.

    >>> with limits.override(operands=2):
    ...     limits.check("operands", 3)
    Traceback (most recent call last):
    einderiv.errors.LimitError: 3 operands are over the limit of 2 (ed.limits.operands)
    >>> limits.operands
    10000
    """

    characters: int  #: of an einsum string
    operands: int  #: of one einsum, flattening included
    terms: int  #: of a sum
    axes: int  #: of an array (a letter for each)
    order: int  #: how often an expression may be derived
    dense_bytes: int  #: of any array that evaluation allocates; a quarter of the memory
    canonical_steps: int  #: refinements spent on telling equal products with repeated tensors apart
    depth: int  #: of nesting that formulas print and that texts have
    parts: int  #: that a formula prints
    orders: int  #: of multiplication that a path search may look at, before it is asked to
    tasks: int  #: of a graph for Dask

    def __init__(self) -> None:
        self.__dict__.update(
            characters=10**5,
            operands=10**4,
            terms=10**4,
            axes=52,
            order=64,
            dense_bytes=_quarter_of_memory(),
            canonical_steps=1000,
            depth=100,
            parts=2000,
            orders=10**6,
            tasks=10**6,
        )

    def __setattr__(self, name: str, value: int) -> None:
        if name not in self.__dict__:
            raise EinderivError(f"no limit is called {name!r}; {near(name, self.__dict__)}")
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise EinderivError(f"limit {name!r} must be a positive whole number, not {value!r}")
        self.__dict__[name] = value

    def check(self, name: str, value: int, hint: str = "", text: str = "") -> None:
        """Raise a :class:`LimitError` if `value` is over the limit `name`; of a `text`, with a
        caret where that is.
        """
        limit: int = self.__dict__[name]
        if value <= limit:
            return
        what = name.replace("_", " ")
        message = f"{value} {what} are over the limit of {limit} (ed.limits.{name})"
        if hint:
            message += f"; {hint}"
        raise LimitError(message, text, limit if text else None)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self.__dict__.items())

    @contextmanager
    def override(self, **values: int) -> Iterator[Limits]:
        """Other limits inside a ``with`` block; the old ones come back in any case.

        They hold for the whole process: blocks in several threads at once undo each other.
        """
        before = dict(self.__dict__)
        try:
            for name, value in values.items():
                setattr(self, name, value)
            yield self
        finally:
            self.__dict__.update(before)

    def __repr__(self) -> str:
        values = [f"{name}={value}" for name, value in self]
        return f"Limits({', '.join(values)})"


limits = Limits()


def spoken_bytes(size: float) -> str:
    """``33 kB`` for 33000."""
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000 or unit == "PB":
            return f"{size:.3g} {unit}"
        size /= 1000
    raise AssertionError(size)
