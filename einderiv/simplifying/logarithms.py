"""What is known of the argument of a logarithm that is added: where it is 0, there is a pole."""

from __future__ import annotations

from ..expression import Add, Apply, Einsum, Expr, Slot, added
from .powers import Power, powers_of, with_one_power
from .situation import Situation


def quotients_beside_logarithms(e: Add, situation: Situation) -> Expr | None:
    """A sum with log(x) in one term, where x / x in another is 1: at 0 the logarithm has a pole."""
    found = situation.terms(e)
    bases: list[tuple[Expr, tuple[int, ...]]] = []
    for term in found:
        bases += _arguments(term, e.ndim, situation)
    if not bases:
        return None
    shorter = []
    for term in found:
        shorter.append(_cancelled(term, bases, situation))
    if all(new is old for new, old in zip(shorter, found, strict=True)):
        return None
    return added(shorter)


def _axes(labels: tuple[int, ...], output: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes of the result that labels are; None where one is summed, or on a diagonal."""
    if len(set(output)) < len(output) or not set(labels) <= set(output):
        return None
    return tuple([output.index(label) for label in labels])


def _arguments(term: Expr, ndim: int, situation: Situation) -> list[tuple[Expr, tuple[int, ...]]]:
    """What the logarithms in a term are taken of, factor by factor, and the axes of those."""
    slots: list[Slot] = []
    if isinstance(term, Apply):
        output = tuple(range(ndim))
        slots = [(term, output)]
    elif isinstance(term, Einsum):
        flat = situation.flat(term)
        if flat is None:
            return []
        slots, output = list(flat.slots), flat.output
    else:
        return []
    found = []
    for factor, labels in slots:
        if not isinstance(factor, Apply) or factor.function.name != "log":
            continue
        for one in powers_of(0, factor.arguments[0], labels, whole_too=True):
            axes = _axes(one.labels, output)
            if axes is not None:
                found.append((one.base, axes))
    return found


def _cancelled(term: Expr, bases: list[tuple[Expr, tuple[int, ...]]], situation: Situation) -> Expr:
    """A term without the quotients of things that are not 0."""
    whole = situation.flat(term) if isinstance(term, Einsum) else None
    if whole is None:
        return term
    powers: list[Power] = []
    for k, (factor, labels) in enumerate(whole.slots):
        powers += powers_of(k, factor, labels)
    for base, axes in bases:
        alike = []
        for n, one in enumerate(powers):
            is_there = _axes(one.labels, whole.output) == axes
            if is_there and one.exponent == int(one.exponent) and situation.same(one.base, base):
                alike.append(n)
        signs = {powers[n].exponent > 0 for n in alike}
        if len(signs) == 2:
            return _cancelled(with_one_power(whole, powers, alike), bases, situation)
    return term
