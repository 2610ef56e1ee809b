"""Einsum strings to labels and index expressions. One can read a string, expand its ellipsis, and
find unused letters.

Words: an *operand* is one input of an einsum, its *subscripts* are its part of the string, a
*label* is one letter or word that names an axis inside one einsum. This module knows strings only,
neither arrays nor expressions.

Source of the notation: ``numpy.einsum``; words separated by blanks as in einops; a repeated output
label and an output label without an operand as in Wenig, Rump, Blacher, Giesen, "The Syntax and
Semantics of einsum" (arXiv 2509.20020).
"""

from __future__ import annotations

import itertools
import re
import string
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

from ..errors import ParseError, ShapeError, counted, limits
from .index_grammar import Axis, AxisExpression, axes
from .string_parts import ELLIPSIS, Written, is_in_words, written_parts

LETTERS = string.ascii_lowercase + string.ascii_uppercase
_PLAIN = re.compile(r"[A-Za-z,]*(?:->[A-Za-z]*)?").fullmatch
_IMPLICIT = "an index expression without an output: write '->' and the axes of the output"


class Term(NamedTuple):
    """The labels of one operand or of the output, each with its position in the string."""

    labels: tuple[Axis, ...]  # ELLIPSIS stands for the axes of an ellipsis
    positions: tuple[int, ...]
    start: int


class Notation(NamedTuple):
    """An einsum string, read. `output` is None where the string leaves it implicit."""

    text: str
    inputs: tuple[Term, ...]
    output: Term | None
    numbered: bool = False  # made of lists of numbers, not of a string
    indexed: bool = False  # an axis is an index expression


def read(text: str) -> Notation:
    """Read an einsum string.

    >>> [term.labels for term in read("is,st->it").inputs]
    [('i', 's'), ('s', 't')]
    >>> read("batch in, in out -> batch out").output.labels
    ('batch', 'out')
    >>> read("2i+k,k->i").inputs[0].labels
    (AxisExpression(constant=0, terms=(('i', 2), ('k', 1)), arrays=(), flattened=(), plus_0=False),)

    Raises ParseError with a caret for anything else, LimitError for a string that is too long.
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
    return _by_grammar(written_parts(text))


def _by_grammar(written: Written) -> Notation:
    """What has blanks, ellipses, words or index expressions."""
    output = written.output
    if output is None and written.first is not None:
        message = f"{_IMPLICIT}; a formula is read by ed.parse(text)"
        raise ParseError(message, written.text, written.first.at)
    in_words = is_in_words(written)
    array_ranks: dict[str, int] = {}
    terms: list[Term] = []
    for part in written.inputs if output is None else [*written.inputs, output]:
        labels, positions = axes(part, written, in_words=in_words, array_ranks=array_ranks)
        terms.append(Term(tuple(labels), tuple(positions), part.start))
    indexed = written.first is not None and _has_expression(terms)
    last = None if output is None else terms.pop()
    return Notation(written.text, tuple(terms), last, indexed=indexed)


def _has_expression(terms: list[Term]) -> bool:
    """Is there an index expression, more than a label in brackets?"""
    axes = itertools.chain.from_iterable([term.labels for term in terms])
    return any(isinstance(axis, AxisExpression) for axis in axes)


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


def _terms(notation: Notation) -> tuple[Term, ...]:
    """Operands and, where it is written, the output."""
    if notation.output is None:
        return notation.inputs
    return (*notation.inputs, notation.output)


def arrays_of(notation: Notation) -> dict[str, int]:
    """The index arrays, and how many axes each has.

    >>> arrays_of(read("(rows[e])k,(i+c[e,k])->eki"))
    {'rows': 1, 'c': 2}
    """
    ranks: dict[str, int] = {}
    if not notation.indexed:
        return ranks
    for axis in itertools.chain.from_iterable([term.labels for term in _terms(notation)]):
        if isinstance(axis, AxisExpression):
            ranks |= {name: len(places) for name, places, _ in axis.arrays}
    return ranks


def expand(
    notation: Notation,
    ranks: Sequence[int | None],
    called: Callable[[int], str] = "operand {}".format,
) -> tuple[list[tuple[Axis, ...]], tuple[Axis, ...]]:
    """The axes of each operand and of the output, every ellipsis spelt out as ``...0``, ``...1``,
    ….

    As in NumPy an ellipsis is aligned on the right, and an implicit output is the ellipsis, then
    the labels that occur once, sorted; an index expression is an axis and stays. `ranks` are the
    operands' numbers of axes, None where unknown; `called` names them in errors.

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
    if notation.indexed:
        raise ParseError(_IMPLICIT, notation.text, 0)
    labels = [axis for axis in itertools.chain(*inputs) if isinstance(axis, str)]
    counts = Counter(labels)
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
        what = "axis" if notation.indexed else "label"
        raise ShapeError(
            f"{called(k)} has {counted(rank, 'axis')}, but {counted(named, what)} here"
            f"{_in_brackets(term, rank)}",
            notation.text,
            at,
        )
    return None


def _in_brackets(term: Term, rank: int) -> str:
    """``ij+k`` is a sum of the words `ij` and `k`: with two axes ``i(j+k)`` is meant."""
    axis = term.labels[0] if len(term.labels) == 1 else ""
    if isinstance(axis, str) or not axis.terms or axis.terms[0][1] != 1:
        return ""
    (word, _), *rest = axis.terms
    if len(word) != rank:
        return ""
    meant = axis._replace(terms=((word[-1], 1), *rest))
    return f"; {word!r} is a word here, did you mean '{word[:-1]}({meant})'?"


def _spelt(term: Term, dots: tuple[str, ...]) -> tuple[Axis, ...]:
    """The axes of a term, with `dots` in the place of its ellipsis."""
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
