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
FORMULA = "()*@+=/:;^"  # signs of a formula, which is no einsum string
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
    behind_arrow = len(left) + 2
    if _PLAIN(text):
        inputs = tuple([_plain_term(part, start) for part, start in _parts(left)])
        return Notation(text, inputs, _plain_term(right, behind_arrow) if arrow else None)
    _check_characters(text, len(left) if arrow else None)
    has_words = any(len(part.split()) > 1 for part, _ in _parts(left))
    term = _word_term if has_words else _letter_term
    inputs = tuple([term(text, part, start) for part, start in _parts(left)])
    return Notation(text, inputs, term(text, right, behind_arrow) if arrow else None)


def _parts(left: str) -> Iterator[tuple[str, int]]:
    """What stands between the commas, and where each part begins."""
    start = 0
    for part in left.split(","):
        yield part, start
        start += len(part) + 1


def _plain_term(part: str, start: int) -> Term:
    """Letters and nothing else."""
    positions = tuple(range(start, start + len(part)))
    return Term(tuple(part), positions, start)


def _check_characters(text: str, arrow: int | None) -> None:
    """Refuse at once what no mode allows, at the first such character."""
    for p, c in enumerate(text):
        if not c.isascii():
            name = unicodedata.name(c, "unnamed")
            raise ParseError(
                f"U+{ord(c):04X} ({name}) is no label: labels are ASCII letters or words", text, p
            )
        of_arrow = arrow is not None and arrow <= p < arrow + 2
        if c in "->" and not of_arrow:
            if arrow is not None and text.startswith("->", p):
                raise ParseError("a second arrow: one '->' parts operands and output", text, p)
            hint = "" if arrow is not None else "; a formula is read by ed.parse(text)"
            raise ParseError(f"a stray {c!r}: the arrow is written '->'{hint}", text, p)
        if arrow is not None and p > arrow and c == ",":
            raise ParseError("a comma in the output: there is one output", text, p)
        if not (c.isalnum() or c in "_,.->" or c in BLANKS):
            # sum((X @ w - y)**2)
            hint = "; a formula is read by ed.parse(text)" if c in FORMULA else ""
            message = f"{c!r} is no label: labels are ASCII letters or words{hint}"
            raise ParseError(message, text, p)


def _letter_term(text: str, part: str, start: int) -> Term:
    """Letters, each a label, blanks that mean nothing, and an ellipsis."""
    labels: list[str] = []
    positions: list[int] = []
    p = 0
    while p < len(part):
        c = part[p]
        label = c
        if c == ".":
            _check_dots(text, part, p, start, ELLIPSIS in labels)
            label = ELLIPSIS
        elif c not in BLANKS and c not in LETTERS:
            raise ParseError(
                f"{c!r} is no letter; words are labels where blanks separate them", text, start + p
            )
        if c not in BLANKS:
            labels.append(label)
            positions.append(start + p)
        p += len(label)
    return Term(tuple(labels), tuple(positions), start)


def _check_dots(text: str, part: str, p: int, start: int, seen: bool) -> None:
    """Refuse dots that are no ellipsis, or a second one; `seen` says that there is one already."""
    if not part.startswith(ELLIPSIS, p):
        raise ParseError("an ellipsis is three dots, '...'", text, start + p)
    if seen:
        raise ParseError("a second ellipsis in one operand", text, start + p)


def _word_term(text: str, part: str, start: int) -> Term:
    """Words between blanks, each a label, and an ellipsis."""
    labels: list[str] = []
    positions: list[int] = []
    for match in re.finditer(r"\S+", part):
        word = match.group()
        at = start + match.start()
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
    widest = max([span for span in spans if span is not None], default=0)
    dots = tuple([f"{ELLIPSIS}{p}" for p in range(widest)])
    inputs = []
    for term, span in zip(notation.inputs, spans, strict=True):
        aligned_right = dots[widest - (span or 0) :]
        inputs.append(_spelt(term, aligned_right))
    if notation.output is not None:
        return inputs, _spelt(notation.output, dots)
    counts = Counter(itertools.chain(*inputs))
    once = [x for x, count in counts.items() if count == 1 and not x.startswith(ELLIPSIS)]
    once.sort(key=label_number if notation.numbered else None)
    return inputs, (*dots, *once)


def label_number(name: str) -> int:
    """The number that a label has in the interleaved form: 2 for ``c``, 60 for ``x60``."""
    if len(name) == 1:
        return LETTERS.index(name)
    return int(name[1:])


def label_name(k: int) -> str:
    """Label `k` of the interleaved form: a letter, or a word behind the 52."""
    if k < len(LETTERS):
        return LETTERS[k]
    return f"x{k}"


def _check_count(notation: Notation, operands: int) -> None:
    terms = notation.inputs
    if len(terms) != operands:
        first_without = terms[operands] if operands < len(terms) else terms[-1]
        raise ParseError(
            f"{counted(len(terms), 'operand')} in the string, but "
            f"{counted(operands, 'operand')} given",
            notation.text,
            first_without.start,
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
    """The labels of a term, with `dots` in the place of its ellipsis."""
    if ELLIPSIS not in term.labels:
        return term.labels
    at = term.labels.index(ELLIPSIS)
    return term.labels[:at] + dots + term.labels[at + 1 :]


def fresh_names(count: int, used: Container[str]) -> list[str]:
    """The first unused letters; behind the 52 letters ``a1``, ``b1``, ….

    >>> fresh_names(3, {"a", "c"})
    ['b', 'd', 'e']
    """
    return list(itertools.islice(unused_names(used), count))


def unused_names(used: Container[str]) -> Iterator[str]:
    """All unused letters, one after the other."""
    return (name for name in _all_names() if name not in used)


def _all_names() -> Iterator[str]:
    """a, b, … Z, a1, b1, …"""
    yield from LETTERS
    for k in itertools.count(1):
        for letter in LETTERS:
            yield f"{letter}{k}"


def shortened(words: Sequence[str | None], used: set[str]) -> list[str]:
    """Letters for `words` in their order: a free single letter stays, others get the first free
    letters.

    >>> shortened(["i", "batch", None, "i"], set())
    ['i', 'a', 'b', 'c']
    """
    taken = set(used)
    kept: list[str | None] = []
    for word in words:
        if word is not None and len(word) == 1 and word not in taken:
            kept.append(word)
            taken.add(word)
        else:
            kept.append(None)
    free = iter(fresh_names(len(kept), taken))
    return [word if word is not None else next(free) for word in kept]
