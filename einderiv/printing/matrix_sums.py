"""Sums in matrix notation as the books write them: `(B + Bᵀ) x`, `X (b cᵀ + c bᵀ)`, `(X B + B X)ᵀ`.

>>> from einderiv.printing.matrix_forms import in_unicode
>>> B, x = Symbol("B"), Symbol("x")
>>> in_unicode(collected_sum([side_by_side([B, x]), side_by_side([transpose_of(B), x])]))
'(B + Bᵀ) x'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, takewhile
from typing import NamedTuple

from .matrix_forms import (
    ONES,
    Bracketed,
    Called,
    Chain,
    Figure,
    Form,
    Length,
    LogDeterminant,
    Raised,
    Scalar,
    SignedTerm,
    Symbol,
    Together,
    Total,
    Turned,
    in_brackets,
    inner_forms,
    is_number,
    side_by_side,
    sum_of,
    transpose_of,
)

MOST_TERMS = 12  # of a longer sum no two terms are compared
LEAST_SAVED_BY_TURNING = 3  # names and signs; `Aᵀ Bᵀ` stays, for the books have both


class Term(NamedTuple):
    """One term of a sum, taken apart."""

    is_negative: bool
    numbers: tuple[Form, ...]  # before the matrices: a figure, and symbols of numbers
    pieces: tuple[Form, ...]
    divisors: tuple[tuple[Form, float], ...]

    def form(self) -> Form:
        product = side_by_side([*self.numbers, *self.pieces] or [ONES])
        if self.is_negative or self.divisors:
            return SignedTerm(self.is_negative, product, self.divisors)
        return product


def collected_sum(terms: Sequence[Form]) -> Form:
    """The sum of terms, with what several of them have at one side in front of a bracket, or
    behind it, wherever this makes it shorter; and as a transpose, where all of it is one.
    """
    return _turned(_collected(terms))


def _collected(terms: Sequence[Form]) -> Form:
    parts = [_apart(term) for term in _plain_before_turned(terms)]
    if 1 < len(parts) <= MOST_TERMS:
        while _join_two(parts):
            pass
    return sum_of(_plain_before_turned([part.form() for part in parts]))


def _apart(form: Form) -> Term:
    if isinstance(form, SignedTerm):
        return _apart(form.product)._replace(is_negative=form.negative, divisors=form.divisors)
    pieces = form.pieces if isinstance(form, Chain) else (form,)
    count = len([*takewhile(is_number, pieces)])
    return Term(False, pieces[:count], pieces[count:], ())


def _join_two(parts: list[Term]) -> bool:
    """Two terms as one, the two that save most; is there a pair?"""
    best, saved, places = None, 0, (0, 0)
    for k, j in combinations(range(len(parts)), 2):
        apart = tokens(parts[k].form()) + tokens(parts[j].form()) + 1
        for joined in _joined(parts[k], parts[j]):
            gain = apart - tokens(joined.form())
            if gain > saved:
                best, saved, places = joined, gain, (k, j)
    if best is None:
        return False
    parts[places[0]] = best
    del parts[places[1]]
    return True


def _joined(first: Term, second: Term) -> Iterator[Term]:
    """The ways to write two terms as a product with their sum."""
    if first.divisors != second.divisors:
        return
    longest = min(len(first.pieces), len(second.pieces)) - 1
    for count in range(1, longest + 1):
        if first.pieces[:count] == second.pieces[:count]:
            yield _with_sum(first, second, count)
        if first.pieces[-count:] == second.pieces[-count:]:
            yield _with_sum(first, second, -count)


def _with_sum(first: Term, second: Term, cut: int) -> Term:
    """`front (rest of the first + rest of the second)`, or with what they share behind the sum;
    with the sign and the numbers of both before them.
    """
    has_same_numbers = first.numbers == second.numbers
    numbers = first.numbers if has_same_numbers else ()
    both_negative = first.is_negative and second.is_negative
    rests: list[Form] = []
    for term in (first, second):
        pieces = term.pieces[cut:] if cut > 0 else term.pieces[:cut]
        own = () if has_same_numbers else term.numbers
        is_negative = term.is_negative and not both_negative
        rests += _addends(Term(is_negative, own, pieces, ()))
    total = _collected(rests)
    inner = total.pieces if isinstance(total, Chain) else (in_brackets(total),)
    front, back = (first.pieces[:cut], ()) if cut > 0 else ((), first.pieces[cut:])
    return Term(both_negative, numbers, (*front, *inner, *back), first.divisors)


def _addends(term: Term) -> list[Form]:
    """A term as those of a sum; a sum alone in brackets goes on in it."""
    if len(term.pieces) == 1 and not term.numbers and not term.is_negative:
        (piece,) = term.pieces
        if isinstance(piece, Bracketed) and isinstance(piece.inside, Total):
            return list(piece.inside.terms)
    return [term.form()]


def _plain_before_turned(terms: Sequence[Form]) -> list[Form]:
    """`B + Bᵀ` for `Bᵀ + B`."""
    found = list(terms)
    for k, (first, second) in enumerate(pairwise(terms)):
        if isinstance(first, Turned) and first.of == second:
            found[k : k + 2] = [second, first]
    return found


# ---- transposes
def _turned(form: Form) -> Form:
    """`(X B + B X)ᵀ` for `Bᵀ Xᵀ + Xᵀ Bᵀ`."""
    if not isinstance(form, Total):
        return form
    terms = []
    for term in form.terms:
        part = _apart(term)
        if part.divisors or not all(map(_is_turned_matrix, part.pieces)):
            return form
        pieces = tuple([transpose_of(piece) for piece in reversed(part.pieces)])
        terms.append(part._replace(pieces=pieces).form())
    turned = Turned(Bracketed(sum_of(terms)))
    return turned if tokens(form) - tokens(turned) >= LEAST_SAVED_BY_TURNING else form


def _is_turned_matrix(piece: Form) -> bool:
    return isinstance(piece, Turned)


# ---- lengths
def tokens(form: Form) -> int:
    """How many names, numbers and signs a form is printed with; brackets are none.

    >>> tokens(side_by_side([Figure(2), transpose_of(Symbol("A")), Symbol("x")]))
    4
    """
    count = sum(map(tokens, inner_forms(form)))
    match form:
        case Symbol() | Figure() | Called() | Length() | LogDeterminant():
            return count + 1
        case Turned(of=Raised(exponent=-1)):  # X⁻ᵀ is one sign, as X⁻¹ is
            return count
        case Raised() | Turned():
            return count + 1
        case Together(chains=chains):
            return count + len(chains) - 1
        case SignedTerm(negative=negative, divisors=divisors):
            powers = [exponent for _, exponent in divisors if exponent != 1]
            return count + negative + bool(divisors) + len(powers)
        case Total(terms=terms):
            # of a term behind others the minus is the sign between them
            joined = [term for term in terms[1:] if isinstance(term, SignedTerm) and term.negative]
            return count + len(terms) - 1 - len(joined)
        case Chain() | Bracketed() | Scalar():
            return count
    return count + 1
