"""Sums of a matrix and its transpose that a formula has several times, each under one name: ``S x
xᵀ S + S where S = A + Aᵀ``. Terms are collected into these sums as the formula is written, so that
no part of the expression is one.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from itertools import chain, count

from .matrix_forms import (
    Bracketed,
    Called,
    Chain,
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
    all_forms,
    transpose_of,
)

LEAST_USES = 3  # of A + Aᵀ, for which a name is shorter from then on


def named_sums(form: Form, taken: Container[str]) -> tuple[Form, list[tuple[str, Form]]]:
    """A form with symbols for the symmetric sums that it has several times, and what these are.

    >>> A, x = Symbol("A"), Symbol("x")
    >>> total = Bracketed(Total((A, Turned(A))))
    >>> row = Total((Chain((total, x, Turned(x), total)), A, Turned(A)))
    >>> from einderiv.printing.matrix_forms import in_unicode
    >>> whole, ((name, of),) = named_sums(row, {"A", "x"})
    >>> in_unicode(whole), name, in_unicode(of)
    ('S x xᵀ S + S', 'S', 'A + Aᵀ')
    """
    names = chain(["S"], (f"S{k}" for k in count(1)))
    free = (name for name in names if name not in taken)
    found: list[tuple[str, Form]] = []
    for own in dict.fromkeys(_symmetric_sums(form)):
        uses = sum(_has(inner, own) for inner in all_forms(form) if isinstance(inner, Total))
        if uses < LEAST_USES:
            continue
        symbol = Symbol(next(free), is_symmetric=True)
        form = _with_symbol(form, own, symbol)
        found.append((symbol.name, own))
    return form, found


def _symmetric_sums(form: Form) -> list[Total]:
    """The sums in brackets that have each of their terms, or its transpose, as another term."""
    found = []
    for inner in all_forms(form):
        if not isinstance(inner, Bracketed) or not isinstance(inner.inside, Total):
            continue
        own = inner.inside
        is_plain = all(isinstance(term, (Symbol, Turned)) for term in own.terms)
        if is_plain and {transpose_of(term) for term in own.terms} == {*own.terms}:
            found.append(own)
    return found


def _has(whole: Total, own: Total) -> bool:
    """Are all terms of a sum terms of another one?"""
    return {*own.terms} <= {*whole.terms}


def _with_symbol(form: Form, own: Total, symbol: Symbol) -> Form:
    """A form with a symbol for a sum, alone or among other terms."""
    match form:
        case Bracketed(inside=Total(terms=terms)) if {*terms} == {*own.terms}:
            return symbol
        case Total(terms=terms) if {*terms} == {*own.terms}:
            return symbol
        case Total(terms=terms) if _has(form, own):
            others = [term for term in terms if term not in own.terms]
            place = [term in own.terms for term in terms].index(True)
            rest = [_with_symbol(term, own, symbol) for term in others]
            return Total((*rest[:place], symbol, *rest[place:]))
    return _mapped(form, lambda inner: _with_symbol(inner, own, symbol))


def _mapped(form: Form, new: Callable[[Form], Form]) -> Form:
    """A form of other forms."""
    match form:
        case Bracketed(inside=inside):
            return Bracketed(new(inside))
        case Called(arguments=arguments):
            return replace(form, arguments=tuple(map(new, arguments)))
        case LogDeterminant(of=of) | Length(of=of) | Scalar(of=of):
            return replace(form, of=new(of))
        case Turned(of=of):
            return transpose_of(new(of))
        case Raised(base=base):
            return replace(form, base=new(base))
        case Chain(pieces=pieces):
            return Chain(tuple(map(new, pieces)))
        case Together(chains=chains):
            return replace(form, chains=tuple(map(new, chains)))
        case SignedTerm():
            divisors = [(new(divisor), exponent) for divisor, exponent in form.divisors]
            return replace(form, product=new(form.product), divisors=tuple(divisors))
        case Total(terms=terms):
            return Total(tuple(map(new, terms)))
    return form
