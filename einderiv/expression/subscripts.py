"""Einsum strings to labels and back. One can read a string, expand its ellipsis, and find unused
letters.

Words: an *operand* is one input of an einsum, its *subscripts* are its part of the string, a
*label* is one letter or word that names an axis inside one einsum. This module knows strings only,
neither arrays nor expressions.

Source of the notation: ``numpy.einsum``; words separated by blanks as in einops; a repeated output
label and an output label without an operand as in Wenig, Rump, Blacher, Giesen, "The Syntax and
Semantics of einsum" (arXiv 2509.20020).
"""

from __future__ import annotations

import itertools
import keyword
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

from ..errors import ParseError, ShapeError, counted, limits

LETTERS = string.ascii_lowercase + string.ascii_uppercase
BLANKS = " \t\n\r\f\v"
ELLIPSIS = "..."
_PLAIN = re.compile(r"[A-Za-z,]*(?:->[A-Za-z]*)?").fullmatch
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


class Term(NamedTuple):
    """The labels of one operand or of the output, each with its position in the string."""

    labels: tuple[str, ...]  # ELLIPSIS stands for the axes of an ellipsis
    positions: tuple[int, ...]
    start: int


class Notation(NamedTuple):
    """An einsum string, read. `output` is None where the string leaves it implicit."""

    text: str
    inputs: tuple[Term, ...]
    output: Term | None
    numbered: bool = False  # made of lists of numbers, not of a string


def is_name(word: str) -> bool:
    """Is `word` fit for a tensor or an axis: an ASCII identifier that is no Python keyword?"""
    return _WORD(word) is not None and not keyword.iskeyword(word)


def read(text: str) -> Notation:
    """Read an einsum string.

    >>> [term.labels for term in read("is,st->it").inputs]
    [('i', 's'), ('s', 't')]
    >>> read("batch in, in out -> batch out").output.labels
    ('batch', 'out')
    """
    if not isinstance(text, str):
        raise TypeError(
            f"subscripts must be a string such as 'ij,jk->ik', not {type(text).__name__}"
        )
    limits.check("characters", len(text), text=text)
    left, arrow, right = text.partition("->")
    if _PLAIN(text):
        inputs = tuple(itertools.starmap(_plain_term, _parts(left)))
        return Notation(text, inputs, _plain_term(right, len(left) + 2) if arrow else None)
    _check_characters(text, len(left) if arrow else None)
    words = any(len(part.split()) > 1 for part, _ in _parts(left))
    reader = _word_term if words else _letter_term
    inputs = tuple(reader(text, part, start) for part, start in _parts(left))
    return Notation(text, inputs, reader(text, right, len(left) + 2) if arrow else None)


def _parts(left: str) -> Iterator[tuple[str, int]]:
    start = 0
    for part in left.split(","):
        yield part, start
        start += len(part) + 1


def _plain_term(part: str, start: int) -> Term:
    return Term(tuple(part), tuple(range(start, start + len(part))), start)


def _check_characters(text: str, arrow: int | None) -> None:
    """Refuse at once what no mode allows, at the first such character."""
    for p, c in enumerate(text):
        if not c.isascii():
            name = unicodedata.name(c, "unnamed")
            raise ParseError(
                f"U+{ord(c):04X} ({name}) is no label: labels are ASCII letters or words", text, p
            )
        if c in "->" and (arrow is None or not arrow <= p < arrow + 2):
            more = arrow is not None and text.startswith("->", p)
            raise ParseError(
                "a second arrow: one '->' parts operands and output"
                if more
                else f"a stray {c!r}: the arrow is written '->'",
                text,
                p,
            )
        if arrow is not None and p > arrow and c == ",":
            raise ParseError("a comma in the output: there is one output", text, p)
        if not (c.isalnum() or c in "_,.->" or c in BLANKS):
            raise ParseError(f"{c!r} is no label: labels are ASCII letters or words", text, p)


def _letter_term(text: str, part: str, start: int) -> Term:
    labels, positions, p = [], [], 0
    while p < len(part):
        c, at = part[p], start + p
        if c == ".":
            _check_dots(text, part, p, start, ELLIPSIS in labels)
            c, p = ELLIPSIS, p + 2
        elif c not in BLANKS and c not in LETTERS:
            raise ParseError(
                f"{c!r} is no letter; words are labels where blanks separate them", text, at
            )
        if c not in BLANKS:
            labels.append(c)
            positions.append(at)
        p += 1
    return Term(tuple(labels), tuple(positions), start)


def _check_dots(text: str, part: str, p: int, start: int, seen: bool) -> None:
    if not part.startswith(ELLIPSIS, p):
        raise ParseError("an ellipsis is three dots, '...'", text, start + p)
    if seen:
        raise ParseError("a second ellipsis in one operand", text, start + p)


def _word_term(text: str, part: str, start: int) -> Term:
    labels: list[str] = []
    positions = []
    for match in re.finditer(r"\S+", part):
        word, at = match.group(), start + match.start()
        if "." in word:
            _check_dots(text, word, word.index("."), at, ELLIPSIS in labels)
            if word != ELLIPSIS:
                raise ParseError("an ellipsis among words stands between blanks", text, at)
        elif not _WORD(word):
            raise ParseError(f"{word[:30]!r} is no label: a word is an ASCII identifier", text, at)
        labels.append(word)
        positions.append(at)
    return Term(tuple(labels), tuple(positions), start)


def expand(
    notation: Notation,
    ranks: Sequence[int | None],
    called: Callable[[int], str] = "operand {}".format,
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The labels of each operand and of the output, every ellipsis spelt out as ``...0``, ``...1``,
    ….

    As in NumPy an ellipsis is aligned on the right, and an implicit output is the ellipsis, then
    the labels that occur once, sorted. `ranks` are the operands' numbers of axes, None where
    unknown; `called` names them in errors.

    >>> expand(read("...j,jk"), [3, 2])
    ([('...0', '...1', 'j'), ('j', 'k')], ('...0', '...1', 'k'))
    """
    _check_count(notation, len(ranks))
    spans = [_span(notation, k, rank, called) for k, rank in enumerate(ranks)]
    widest = max((s for s in spans if s is not None), default=0)
    dots = tuple(f"{ELLIPSIS}{p}" for p in range(widest))
    inputs = [
        _spelt(term, dots[widest - (span or 0) :])
        for term, span in zip(notation.inputs, spans, strict=True)
    ]
    if notation.output is not None:
        return inputs, _spelt(notation.output, dots)
    counts = Counter(label for labels in inputs for label in labels)
    once = [x for x, n in counts.items() if n == 1 and not x.startswith(ELLIPSIS)]
    return inputs, dots + tuple(sorted(once, key=label_number if notation.numbered else None))


def label_number(name: str) -> int:
    """The number of a label of the interleaved form."""
    return LETTERS.index(name) if len(name) == 1 else int(name[1:])


def label_name(k: int) -> str:
    """Label `k` of the interleaved form: a letter, or a word behind the 52."""
    return LETTERS[k] if k < len(LETTERS) else f"x{k}"


def _check_count(notation: Notation, operands: int) -> None:
    if len(notation.inputs) != operands:
        terms = notation.inputs
        at = terms[operands].start if operands < len(terms) else terms[-1].start
        raise ParseError(
            f"{counted(len(terms), 'operand')} in the string, but "
            f"{counted(operands, 'operand')} given",
            notation.text,
            at,
        )


def _span(notation: Notation, k: int, rank: int | None, called: Callable[[int], str]) -> int | None:
    """How many axes the ellipsis of operand `k` stands for; None without an ellipsis."""
    term = notation.inputs[k]
    named = len(term.labels) - (ELLIPSIS in term.labels)
    at = term.positions[0] if term.positions else term.start
    if ELLIPSIS in term.labels:
        if rank is None:
            raise ParseError(
                f"'...' needs a known number of axes for operand {k}: declare it with ed.tensor",
                notation.text,
                term.positions[term.labels.index(ELLIPSIS)],
            )
        if rank < named:
            raise ShapeError(
                f"{called(k)} has {counted(rank, 'axis')}, but {counted(named, 'label')} "
                "beside the ellipsis",
                notation.text,
                at,
            )
        return rank - named
    if rank is not None and rank != named:
        raise ShapeError(
            f"{called(k)} has {counted(rank, 'axis')}, but {counted(named, 'label')} here",
            notation.text,
            at,
        )
    return None


def _spelt(term: Term, dots: tuple[str, ...]) -> tuple[str, ...]:
    if ELLIPSIS not in term.labels:
        return term.labels
    at = term.labels.index(ELLIPSIS)
    return term.labels[:at] + dots + term.labels[at + 1 :]


def fresh_names(count: int, used: Container[str]) -> list[str]:
    """The first unused letters; behind the 52 letters ``a1``, ``b1``, ….

    >>> fresh_names(3, {"a", "c"})
    ['b', 'd', 'e']
    """
    rounds = itertools.chain([""], map(str, itertools.count(1)))
    free = (letter + suffix for suffix in rounds for letter in LETTERS)
    return list(itertools.islice((name for name in free if name not in used), count))


def shortened(words: Sequence[str | None], used: set[str]) -> list[str]:
    """Letters for `words` in their order: a free single letter stays, others get the first free
    letters.

    >>> shortened(["i", "batch", None, "i"], set())
    ['i', 'a', 'b', 'c']
    """
    taken = set(used)
    kept: list[str | None] = []
    for word in words:
        keep = word if word is not None and len(word) == 1 and word not in taken else None
        kept.append(keep)
        if keep:
            taken.add(keep)
    free = iter(fresh_names(len(kept), taken))
    return [word if word is not None else next(free) for word in kept]
