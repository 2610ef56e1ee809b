"""What a formula in matrix notation is made of: a small tree, a string at the very end.

>>> total = Bracketed(Total((Symbol("X"), Symbol("B"))))
>>> in_unicode(side_by_side([transpose_of(Symbol("A")), total]))
'Aᵀ (X + B)'

====================  =================================
`Symbol`              ``X``
`Identity`            ``I``
`Figure`              ``2.5``
`Bracketed`           ``(…)``
`Scalar`              ``(xᵀ x)`` before a matrix
`Called`              ``det(X)``, ``√(x)``
`LogDeterminant`      ``ln |det X|``
`Length`              ``‖x‖``
`Raised`              ``X⁻¹``, ``X³``, ``X⁺``
`Turned`              ``Xᵀ``
`Chain`               ``A B x``
`Together`            ``A ∘ B``, ``A ⊗ B``
`SignedTerm`          ``−A / t``
`Total`               ``A + B − C``
====================  =================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..expression import Number


@dataclass(frozen=True, slots=True)
class Symbol:
    """A tensor, or the commutation matrix K."""

    name: str
    is_symmetric: bool = False
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity matrix; a tensor that is called I is a tensor."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is not negative; ones are written as one too."""

    value: Number


@dataclass(frozen=True, slots=True)
class Bracketed:
    inside: Form


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number before matrices, as it is written there; for what is taken out of sums."""

    of: Form


@dataclass(frozen=True, slots=True)
class Called:
    """A function of one or more things: ``det(X)``."""

    name: str
    arguments: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class LogDeterminant:
    of: Form


@dataclass(frozen=True, slots=True)
class Length:
    of: Form


@dataclass(frozen=True, slots=True)
class Raised:
    """A power; without an exponent the pseudoinverse."""

    base: Form
    exponent: float | None


@dataclass(frozen=True, slots=True)
class Turned:
    """The transpose."""

    of: Form


@dataclass(frozen=True, slots=True)
class Chain:
    """Two or more matrices, vectors or numbers side by side."""

    pieces: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """Two or more chains multiplied entry by entry, or entries by entries."""

    sign: str  # ∘ or ⊗
    chains: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class SignedTerm:
    """One term of a sum: with a sign, or with what it is divided by and how often."""

    negative: bool
    product: Form
    divisors: tuple[tuple[Form, float], ...]


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of two or more terms."""

    terms: tuple[Form, ...]


Form = (
    Symbol
    | Identity
    | Figure
    | Bracketed
    | Scalar
    | Called
    | LogDeterminant
    | Length
    | Raised
    | Turned
    | Chain
    | Together
    | SignedTerm
    | Total
)

IDENTITY = Identity()
COMMUTATION = Symbol("K")
ONES = Figure(1)
ENTRY_BY_ENTRY, ENTRIES_BY_ENTRIES = "∘", "⊗"
SQUARE_ROOT = "√"  # is called as functions are
NUMBERS = ("tr", "det")  # functions whose values are numbers


def inner_forms(form: Form) -> tuple[Form, ...]:
    """The forms that a form is made of."""
    match form:
        case Symbol() | Identity() | Figure():
            return ()
        case Bracketed(inside=inside):
            return (inside,)
        case Called(arguments=arguments):
            return arguments
        case LogDeterminant(of=of) | Length(of=of) | Turned(of=of) | Scalar(of=of):
            return (of,)
        case Raised(base=base):
            return (base,)
        case Chain(pieces=pieces):
            return pieces
        case Together(chains=chains):
            return chains
        case SignedTerm():
            return (form.product, *(divisor for divisor, _ in form.divisors))
        case Total(terms=terms):
            return terms


def all_forms(form: Form) -> Iterator[Form]:
    """A form and all that is in it."""
    yield form
    for inner in inner_forms(form):
        yield from all_forms(inner)


def is_number(form: Form) -> bool:
    """Is a form known to be a number, and no vector or matrix?"""
    match form:
        case Symbol():
            return form.is_number
        case Figure() | Scalar() | Length() | LogDeterminant():
            return True
        case Called(name=name):
            return name in NUMBERS
        case Bracketed(inside=inside):
            return is_number(inside)
        case Raised(base=base):
            return is_number(base)
    return False


def has_blanks(form: Form) -> bool:
    """Has the form a blank in it where it is printed?"""
    for inner in all_forms(form):
        match inner:
            case Chain() | Together() | Total() | LogDeterminant():
                return True
            case Called(arguments=arguments) if len(arguments) > 1:
                return True
            case SignedTerm(divisors=divisors) if divisors:
                return True
    return False


def in_brackets(form: Form) -> Form:
    """A form in brackets, unless it is one symbol."""
    if isinstance(form, (Symbol, Identity, Bracketed)):
        return form
    return Bracketed(form)


def without_brackets(form: Form) -> Form:
    """A form without brackets around all of it, where other brackets follow."""
    return form.inside if isinstance(form, Bracketed) else form


def side_by_side(pieces: Sequence[Form]) -> Form:
    """One chain of pieces; those that are chains themselves go on in it."""
    flat: list[Form] = []
    for piece in pieces:
        flat += piece.pieces if isinstance(piece, Chain) else [piece]
    return flat[0] if len(flat) == 1 else Chain(tuple(flat))


def product_of(chains: Sequence[Form], sign: str = ENTRY_BY_ENTRY) -> Form:
    """Chains multiplied entry by entry, or entries by entries."""
    if len(chains) == 1:
        return chains[0]
    return Together(sign, tuple(_between_signs(chain) for chain in chains))


def _between_signs(chain: Form) -> Form:
    """A chain in brackets, unless it is one thing."""
    if isinstance(chain, (Bracketed, Called)) or not has_blanks(chain):
        return chain
    return Bracketed(chain)


def sum_of(terms: Sequence[Form]) -> Form:
    """The sum of terms."""
    return terms[0] if len(terms) == 1 else Total(tuple(terms))


def transpose_of(form: Form) -> Form:
    """The transpose of what is no chain."""
    if is_its_transpose(form):
        return form
    return form.of if isinstance(form, Turned) else Turned(form)


def is_its_transpose(form: Form) -> bool:
    """Is a form the same when rows and columns are exchanged, as ``S`` and ``Xᵀ S X`` are?"""
    match form:
        case Identity() | Scalar():
            return True
        case Symbol(is_symmetric=is_symmetric):
            return is_symmetric
        case Bracketed(inside=inside):
            return is_its_transpose(inside)
        case Raised(base=base):
            return is_its_transpose(base)
        case Chain(pieces=pieces):
            return all(map(_are_transposes, pieces, reversed(pieces)))
        case Together(chains=chains):
            return all(map(is_its_transpose, chains))
        case Total(terms=terms):
            return all(map(is_its_transpose, terms))
    return False


def _are_transposes(a: Form, b: Form) -> bool:
    return a == transpose_of(b)


def as_row(columns: Sequence[Form]) -> Form:
    """Columns, multiplied entry by entry, as a row."""
    if len(columns) > 1:  # (x ∘ y)ᵀ
        return Turned(Bracketed(product_of(columns)))
    (column,) = columns
    pieces = column.pieces if isinstance(column, Chain) else (column,)
    return side_by_side([transpose_of(piece) for piece in reversed(pieces)])  # (A x)ᵀ = xᵀ Aᵀ


def number_form(value: Number) -> Form:
    """A number that is not negative; one of two parts in brackets."""
    has_two_parts = repr(value).startswith("(")  # (1+2j)
    return Bracketed(Figure(value)) if has_two_parts else Figure(value)


def without_sign(value: Number) -> tuple[bool, Number]:
    """Is a number written with a minus in front, and the number without it."""
    if isinstance(value, complex):  # of -2j the real part may be -0
        if value.real == 0 and value.imag < 0:
            return True, complex(0, -value.imag)
        return False, value
    if repr(value).startswith("-"):
        return True, -value
    return False, value


# ---- forms as strings
class FormSpelling(NamedTuple):
    """How forms are spelt; templates have ``{}`` where a form goes."""

    signs: Mapping[str, str]
    symbol: Callable[[str], str]
    call: Callable[[str, str], str]  # of a name, and of what is between its brackets
    root: str
    length: str
    log_determinant: str
    exponent: Callable[[float], str]


def _superscript(exponent: float) -> str:
    if exponent == int(exponent):
        return str(int(exponent)).translate(SUPERSCRIPTS)
    return f"^({exponent_text(exponent)})"


def exponent_text(exponent: float) -> str:
    """An exponent as a whole number or a fraction of small ones, where it is one.

    >>> [exponent_text(p) for p in (3.0, 1.5, -0.25, 0.1)]
    ['3', '3/2', '-1/4', '0.1']
    """
    for below in (1, 2, 3, 4):
        if exponent * below == int(exponent * below):
            above = str(int(exponent * below))
            return above if below == 1 else f"{above}/{below}"
    return repr(exponent)


def _latex_call(name: str, inside: str) -> str:
    gap = "" if name == "det" else " "
    return rf"\operatorname{{{name}}}{gap}({inside})"


SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
UNICODE = FormSpelling(
    {"T": "ᵀ", "-T": "⁻ᵀ", "+": "⁺", "−": "−", ENTRY_BY_ENTRY: "∘", ENTRIES_BY_ENTRIES: "⊗"},
    symbol=str,
    call="{}({})".format,
    root="√({})",
    length="‖{}‖",
    log_determinant="ln |det {}|",
    exponent=_superscript,
)
LATEX = FormSpelling(
    {
        "T": r"^{\top}",
        "-T": r"^{-\top}",
        "+": "^{+}",
        "−": "-",
        ENTRY_BY_ENTRY: r"\odot ",
        ENTRIES_BY_ENTRIES: r"\otimes ",
    },
    symbol=str,
    call=_latex_call,
    root=r"\sqrt{{{}}}",
    length=r"\|{}\|",
    log_determinant=r"\mathrm{{ln}} |\operatorname{{det}} {}|",
    exponent=lambda exponent: f"^{{{exponent_text(exponent)}}}",
)


def in_unicode(form: Form) -> str:
    """A form in Unicode."""
    return _spelt(form, UNICODE)


def in_latex(form: Form, symbol: Callable[[str], str]) -> str:
    """A form in LaTeX, for math mode; `symbol` spells names."""
    return _spelt(form, LATEX._replace(symbol=symbol))


def _spelt(form: Form, spelling: FormSpelling) -> str:
    signs = spelling.signs
    match form:
        case Symbol(name=name):
            return spelling.symbol(name)
        case Identity():
            return "I"
        case Figure(value=value):
            return repr(value).strip("()")
        case Bracketed():
            return f"({_spelt(form.inside, spelling)})"
        case Called():
            return _spelt_call(form, spelling)
        case LogDeterminant(of=of) | Length(of=of) | Scalar(of=of):
            templates = {LogDeterminant: spelling.log_determinant, Length: spelling.length}
            return templates.get(type(form), "{}").format(_spelt(of, spelling))
        case Raised(base=base, exponent=exponent):
            above = signs["+"] if exponent is None else spelling.exponent(exponent)
            return _spelt(base, spelling) + above
        case Turned(of=of):
            return _spelt_turned(of, spelling)
        case Chain(pieces=pieces):
            return " ".join(_spelt(piece, spelling) for piece in pieces)
        case Together(sign=sign, chains=chains):
            return f" {signs[sign]} ".join(_spelt(chain, spelling) for chain in chains)
        case SignedTerm() | Total():
            return _spelt_sum(form, spelling)


def _spelt_call(form: Called, spelling: FormSpelling) -> str:
    inside = ", ".join(_spelt(argument, spelling) for argument in form.arguments)
    if form.name == SQUARE_ROOT:
        return spelling.root.format(inside)
    return spelling.call(form.name, inside)


def _spelt_turned(of: Form, spelling: FormSpelling) -> str:
    if isinstance(of, Raised) and of.exponent == -1:  # X⁻ᵀ
        return _spelt(of.base, spelling) + spelling.signs["-T"]
    shown = _spelt(of, spelling)
    if isinstance(of, Raised):  # (X²)ᵀ
        shown = f"({shown})"
    return shown + spelling.signs["T"]


def _spelt_sum(form: SignedTerm | Total, spelling: FormSpelling) -> str:
    if isinstance(form, SignedTerm):
        return _spelt_term(form, spelling)
    first, *rest = form.terms
    return _spelt(first, spelling) + "".join(_spelt_addend(term, spelling) for term in rest)


def _spelt_term(term: SignedTerm, spelling: FormSpelling) -> str:
    shown = _spelt(term.product, spelling)
    if term.negative:
        shown = spelling.signs["−"] + shown
    below = []
    for divisor, exponent in term.divisors:
        if exponent == 0.5:
            below.append(spelling.root.format(_spelt(without_brackets(divisor), spelling)))
            continue
        above = spelling.exponent(exponent) if exponent != 1 else ""
        below.append(_spelt(divisor, spelling) + above)
    if not below:
        return shown
    if len(below) == 1:
        return f"{shown} / {below[0]}"
    return f"{shown} / ({' '.join(below)})"


def _spelt_addend(form: Form, spelling: FormSpelling) -> str:
    """A term behind others, with its sign before it."""
    if isinstance(form, SignedTerm) and form.negative:
        return f" {spelling.signs['−']} " + _spelt(replace(form, negative=False), spelling)
    return " + " + _spelt(form, spelling)
