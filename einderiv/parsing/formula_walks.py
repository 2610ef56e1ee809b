"""What stands in the tree of a formula: its labels, its reads, its places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .formula_syntax import (
    Bracketed,
    Call,
    Equation,
    Factor,
    Figure,
    Guard,
    Place,
    Product,
    Raised,
    Read,
    Tie,
    Total,
)


def labels_of_place(place: Place) -> set[str]:
    found: set[str] = set()
    stack = [place]
    while stack:
        for _, atoms, _ in stack.pop().terms:
            for atom in atoms:
                stack += atom.places
                if atom.kind == "name":
                    found.add(atom.name)
    return found


def labels_of_factor(factor: Factor) -> set[str]:
    """The labels that a factor has, but for those that are summed in it by a Σ."""
    match factor:
        case Read():
            return set().union(*map(labels_of_place, factor.places or ()))
        case Tie() | Guard():
            return set().union(*map(labels_of_place, factor.places))
        case Bracketed():
            return labels_of_total(factor.total)
        case Raised():
            return labels_of_factor(factor.base)
        case Call():
            inside = set().union(*map(labels_of_total, factor.arguments)) - set(factor.core)
            return inside.union(*map(labels_of_place, factor.places or ()))
    return set()


def labels_of_total(total: Total) -> set[str]:
    found: set[str] = set()
    for _, product in total.terms:
        for factor, _ in product.factors:
            found |= labels_of_factor(factor) - set(product.summed)
    return found


def totals_in(factor: Factor) -> Sequence[Total]:
    """The sums in a factor."""
    while isinstance(factor, Raised):
        factor = factor.base
    match factor:
        case Bracketed():
            return (factor.total,)
        case Call():
            return factor.arguments
    return ()


def summed_here(product: Product, own: Sequence[set[str]]) -> set[str]:
    """The labels of a product that are not summed within one of its factors, and those that stay.
    `own` are the labels of each factor.
    """
    found = set(product.summed)
    for k, (factor, _) in enumerate(product.factors):
        others = set().union(*[labels for m, labels in enumerate(own) if m != k])
        # A power of a sum in brackets is a product of such sums.
        is_product = isinstance(factor, Raised) and isinstance(factor.base, Bracketed)
        found |= own[k] & others if totals_in(factor) and not is_product else own[k]
    return found


def sure_labels(written: Equation) -> set[str]:
    """The names that are labels for certain: on the left, summed by a Σ, or alone on an axis."""
    found: set[str] = set()
    for place in written.axes:
        found |= labels_of_place(place)
    for product in products_of(written.right):
        found.update(product.summed)
        for factor, _ in product.factors:
            while isinstance(factor, Raised):
                factor = factor.base
            if isinstance(factor, Call):
                found.update(factor.core)
            if isinstance(factor, (Read, Call, Tie)):
                for place in factor.places or ():
                    (sign, atoms, _), *others = place.terms
                    if not others and len(atoms) == 1 and sign == 1 and atoms[0].kind == "name":
                        found.add(atoms[0].name)
    return found


def places_in(total: Total) -> list[Place]:
    """All index expressions of a sum."""
    found: list[Place] = []
    for product in products_of(total):
        for factor, _ in product.factors:
            while isinstance(factor, Raised):
                factor = factor.base
            if isinstance(factor, (Read, Call, Tie, Guard)):
                found += factor.places or ()
    return found


def products_of(total: Total) -> list[Product]:
    """The products of a sum, and of the sums in brackets in it."""
    found: list[Product] = []
    for _, product in total.terms:
        found.append(product)
        for factor, _ in product.factors:
            while isinstance(factor, Raised):
                factor = factor.base
            if isinstance(factor, Bracketed):
                found += products_of(factor.total)
            if isinstance(factor, Call):
                for argument in factor.arguments:
                    found += products_of(argument)
    return found


def reads_of(total: Total) -> list[Read]:
    found: list[Read] = []
    for product in products_of(total):
        for factor, _ in product.factors:
            while isinstance(factor, Raised):
                factor = factor.base
            if isinstance(factor, Read):
                found.append(factor)
    return found


def bare_name(total: Total) -> str | None:
    """The name that a sum consists of, if it is one."""
    if len(total.terms) != 1 or total.terms[0][0] or total.terms[0][1].summed:
        return None
    factors = total.terms[0][1].factors
    if len(factors) != 1 or factors[0][1] or not isinstance(factors[0][0], Read):
        return None
    read = factors[0][0]
    return read.name if read.places is None else None


def figure_of(total: Total) -> Any:
    """The number that a sum consists of, if it is one."""
    if len(total.terms) != 1 or total.terms[0][1].summed:
        return None
    negative, product = total.terms[0]
    if len(product.factors) != 1 or product.factors[0][1]:
        return None
    factor = product.factors[0][0]
    if not isinstance(factor, Figure):
        return None
    return -factor.value if negative else factor.value
