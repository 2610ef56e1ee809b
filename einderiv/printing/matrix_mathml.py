"""Forms in matrix notation as MathML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .matrix_forms import (
    SQUARE_ROOT,
    Bracketed,
    Called,
    Chain,
    Figure,
    Form,
    Identity,
    Length,
    LogDeterminant,
    Raised,
    Scalar,
    SignedTerm,
    Symbol,
    Together,
    Total,
    Turned,
    exponent_text,
    without_brackets,
)
from .svg import escaped

TRANSPOSED = "<mo>⊤</mo>"
INVERSE_TRANSPOSED = f"<mrow><mo>−</mo>{TRANSPOSED}</mrow>"
GAP = '<mspace width="0.17em"/>'


def in_mathml(form: Form) -> str:
    """A form as one element.

    >>> in_mathml(Turned(Symbol("A")))
    '<msup><mi>A</mi><mo>⊤</mo></msup>'
    """
    match form:
        case Symbol() | Identity() | Figure():
            return _one_thing(form)
        case Bracketed() | Scalar() | LogDeterminant() | Length():
            return _enclosed(form)
        case Called():
            return _called(form)
        case Raised(base=base, exponent=exponent):
            above = "<mo>+</mo>" if exponent is None else _exponent(exponent)
            return f"<msup>{in_mathml(base)}{above}</msup>"
        case Turned(of=of):
            return _turned(of)
        case Chain(pieces=pieces):
            return _row(GAP.join(map(in_mathml, pieces)))
        case Together(sign=sign, chains=chains):
            return _row(f"<mo>{sign}</mo>".join(map(in_mathml, chains)))
        case SignedTerm():
            minus = "<mo>−</mo>" if form.negative else ""
            return _row(minus, _quotient(form))
        case Total(terms=terms):
            return _total(terms)


def _one_thing(form: Symbol | Identity | Figure) -> str:
    match form:
        case Symbol(name=name):
            return f"<mi>{escaped(name)}</mi>"
        case Identity():
            return "<mi>I</mi>"
        case Figure(value=value):
            return f"<mn>{escaped(repr(value).strip('()'))}</mn>"


def _enclosed(form: Bracketed | Scalar | LogDeterminant | Length) -> str:
    match form:
        case Bracketed(inside=inside):
            return _between("(", in_mathml(inside), ")")
        case Scalar(of=of):
            return in_mathml(of)
        case LogDeterminant(of=of):
            return _row("<mi>ln</mi>", _between("|", f"<mi>det</mi>{GAP}{in_mathml(of)}", "|"))
        case Length(of=of):
            return _between("‖", in_mathml(of), "‖")


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _between(opening: str, inside: str, closing: str) -> str:
    return _row(f"<mo>{opening}</mo>", inside, f"<mo>{closing}</mo>")


def _exponent(exponent: float) -> str:
    return f"<mn>{exponent_text(exponent).replace('-', '−')}</mn>"


def _called(form: Called) -> str:
    inside = "<mo>,</mo>".join(map(in_mathml, form.arguments))
    if form.name == SQUARE_ROOT:
        return f"<msqrt>{inside}</msqrt>"
    return _row(f"<mi>{escaped(form.name)}</mi>", _between("(", inside, ")"))


def _turned(of: Form) -> str:
    if isinstance(of, Raised) and of.exponent == -1:  # X⁻ᵀ
        return f"<msup>{in_mathml(of.base)}{INVERSE_TRANSPOSED}</msup>"
    shown = in_mathml(of)
    if isinstance(of, Raised):  # (X²)ᵀ
        shown = _between("(", shown, ")")
    return f"<msup>{shown}{TRANSPOSED}</msup>"


def _quotient(term: SignedTerm) -> str:
    """A term without its sign, as a fraction where it is divided by something."""
    if not term.divisors:
        return in_mathml(term.product)
    above = in_mathml(without_brackets(term.product))
    below = []
    for divisor, exponent in term.divisors:
        if exponent == 0.5:
            below.append(f"<msqrt>{in_mathml(without_brackets(divisor))}</msqrt>")
        elif exponent == 1:
            alone = len(term.divisors) == 1
            below.append(in_mathml(without_brackets(divisor) if alone else divisor))
        else:
            below.append(f"<msup>{in_mathml(divisor)}{_exponent(exponent)}</msup>")
    return f"<mfrac>{above}{_row(GAP.join(below))}</mfrac>"


def _total(terms: Sequence[Form]) -> str:
    """Terms, each with its sign before it."""
    first, *rest = terms
    parts = [in_mathml(first)]
    for term in rest:
        if isinstance(term, SignedTerm) and term.negative:
            parts += ["<mo>−</mo>", in_mathml(replace(term, negative=False))]
        else:
            parts += ["<mo>+</mo>", in_mathml(term)]
    return _row(*parts)
