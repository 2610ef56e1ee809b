"""Where the terms of a structured tensor sit, as einsum strings: ``b->iib``, ``k->i(i+k)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from ..backends import Array
from ..expression import (
    NO_LETTERS,
    Label,
    Labels,
    Linear,
    fresh_names,
    numbers_of,
    solvings,
)
from ..planning import Term
from .terms import core_labels

ARRAYS = "rstuvwxyz"  # what index arrays are called


class Spelling:
    """The index expressions of a term: letters for labels that are free, and what the others are
    in terms of these. Labels that are on no axis have the `letters` of the author, as far as no
    other has them.
    """

    def __init__(
        self,
        term: Term[Array],
        sizes: Mapping[Label, int],
        axes: Sequence[str],
        letters: Mapping[Label, str | None] = NO_LETTERS,
    ) -> None:
        self.term = term
        in_factors = set(chain.from_iterable(labels for _, labels in term.factors))
        places = set(chain.from_iterable(labels[:-1] for _, labels in term.hots))
        values = {labels[-1] for _, labels in term.hots}
        keep = in_factors | places | values
        read = in_factors.union(term.output)
        found = next(iter(solvings(term.relations, sizes, read, 1, keep=keep)), None)
        # None: the term has no points
        self.by = found.by if found else {}
        guards = found.guards if found else ()
        rest = [Linear(one.constant, one.terms) for one in found.rest] if found else []
        self.hots: dict[Label, tuple[str, Labels]] = {}  # the label of a value, and what it is
        twice: list[Linear] = []  # of a value that is something else beside, r[e] - v, which is 0
        fixed: set[Label] = set()  # what decides where arrays are read stands for itself
        for name, (_, labels) in zip(_arrays(len(term.hots)), term.hots, strict=True):
            value = labels[-1]
            for place in labels[:-1]:
                linear = self.by.get(place, Linear(0, ((place, 1),)))
                fixed.update([label for label, _ in linear.terms])
            free = value not in self.by and value not in self.hots
            if free and value not in fixed:
                self.hots[value] = name, labels[:-1]
                continue
            (own,) = _fresh_label(sizes, self.hots)
            self.hots[own] = name, labels[:-1]
            other = self.by.get(value, Linear(0, ((value, 1),)))
            negated = [(label, -times) for label, times in other.terms]  # type: ignore[operator]
            twice.append(Linear(-other.constant, ((own, 1), *negated)))  # type: ignore[operator]
        self.names = self._letters(term, axes, letters)
        beside = [linear for linear, _ in guards]
        self.beside = [f"({self._sum(linear)})" for linear in (*beside, *rest, *twice)]
        # how long the vectors of ones are
        self.sizes_beside = [*[size for _, size in guards], *[1 for _ in (*rest, *twice)]]

    def _letters(
        self, term: Term[Array], axes: Sequence[str], letters: Mapping[Label, str | None]
    ) -> dict[Label, str]:
        """A letter for each label that is free: that of the first of the axes that it is."""
        gone = {*self.by, *self.hots}
        names: dict[Label, str] = {}
        for label, axis in zip(term.output, axes, strict=True):
            if label not in gone:
                names.setdefault(label, axis)
        others = [labels for _, labels in (*term.factors, *term.hots)]
        others.append(tuple([label for one in term.relations for label, _ in one.terms]))
        labels = dict.fromkeys([x for x in chain.from_iterable(others) if x not in gone])
        used = set(_arrays(len(term.hots)))
        if any(len(name) > 1 or name in used for name in names.values()):
            labels = dict.fromkeys([*names, *labels])
            names = {}
        for label in labels:
            letter = letters.get(label) or ""
            if len(letter) == 1 and letter not in used.union(names.values()):
                names.setdefault(label, letter)
        missing = [label for label in labels if label not in names]
        fresh = fresh_names(len(missing), used.union(names.values()))
        return names | dict(zip(missing, fresh, strict=True))

    def embedding(self, *, apart: bool = False) -> str:
        """Where the term sits in the tensor; with `apart` its factors one by one.

        What a relation selects beside stands in front, as the axis of a vector of ones:
        ``(i-j),ij->ij`` is a lower triangle.
        """
        term = self.term
        inputs = [labels for _, labels in term.factors] if apart else [core_labels(term)]
        operands = ",".join([*self.beside, *map(self.axes, inputs)])
        return f"{operands}->{self.axes(term.output)}"

    def axes(self, labels: Labels) -> str:
        """The axes of an operand."""
        return "".join([self._label(label) for label in labels])

    def _label(self, label: Label) -> str:
        if label in self.names:
            return self.names[label]
        text = self._text(label)
        # The same label on an axis of another size: (i) would be i.
        return f"({text}+0)" if text in self.names.values() else f"({text})"

    def _text(self, label: Label) -> str:
        """What a label is, in letters of labels that are free."""
        return self._sum(self.by.get(label, Linear(0, ((label, 1),))))

    def _sum(self, linear: Linear) -> str:
        constant, terms = numbers_of(linear)
        terms.sort(key=lambda term: term[1] < 0)  # a-i, not -i+a
        text = ""
        for label, times in terms:
            sign = "-" if times < 0 else "+" * bool(text)
            number = "" if abs(times) == 1 else str(abs(times))
            text += f"{sign}{number}{self._letter(label)}"
        if constant or not text:
            text += f"{constant:+d}" if text else str(constant)
        return text

    def _letter(self, label: Label) -> str:
        if label not in self.hots:
            return self.names[label]
        name, places = self.hots[label]
        inside = ",".join([self._text(place) for place in places])
        return f"{name}[{inside}]"


def _arrays(count: int) -> list[str]:
    return [ARRAYS[k] if k < len(ARRAYS) else f"r{k}" for k in range(count)]


def _fresh_label(sizes: Mapping[Label, int], hots: Mapping[Label, Any]) -> tuple[Label]:
    return (1 + max([0, *sizes, *hots]),)
