"""Axes of a value that may change places, up to its sign: of ``x[i] - x[j]``, of its square, of
what they make.

Derivatives of energies of pairs have every term twice, once for each of the two. In a contraction
the labels of two such axes are exchanged where that makes it one that is there already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from ..expression import Labels
from .program import Program, Step

Swap = tuple[int, int, int]  # two axes, and the sign that exchanging them gives
Pair = tuple[int, Labels]  # a value and its labels


class Symmetries:
    """The exchanges of axes that map the values of a program to themselves."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.known: list[list[Swap]] = []  # for the values in order

    def of(self, value: int) -> list[Swap]:
        """All pairs of axes that may change places, as far as one sees."""
        for step in self.program.steps[len(self.known) : value + 1]:
            pairs = [
                (p, q)
                for p, q in combinations(range(len(step.sizes)), 2)
                if step.sizes[p] == step.sizes[q]
            ]
            self.known.append([(p, q, sign) for p, q in pairs if (sign := self._sign(step, p, q))])
        return self.known[value]

    def _sign(self, step: Step, p: int, q: int) -> int:
        """1 or -1 if exchanging axes `p` and `q` multiplies a value by that, else 0."""
        match step.kind:
            case "scale":
                return self._held(step.inputs[0], p, q)
            case "apply" if step.spec[1] == 0 and len(step.inputs) == 1:
                return max(self._held(step.inputs[0], p, q), 0)
            case "contract2" | "sum" | "view":
                *operands, out = step.spec
                signs = [
                    self._within(v, ls, out[p], out[q])
                    for v, ls in zip(step.inputs, operands, strict=True)
                ]
                return signs[0] * signs[-1] if len(signs) > 1 else signs[0]
            case "add":
                axes = tuple(range(len(step.sizes)))
                return self._of_sum([(v, axes) for v in step.inputs], p, q)
            case "write" if all(len(set(output)) == len(output) for _, output in step.spec):
                parts = zip(step.inputs, step.spec, strict=True)
                return self._of_sum(
                    [(v, tuple(output.index(x) for x in ls)) for v, (ls, output) in parts], p, q
                )
        return 0

    def _held(self, value: int, p: int, q: int) -> int:
        return next((sign for a, b, sign in self.of(value) if {a, b} == {p, q}), 0)

    def _within(self, value: int, labels: Labels, x: int, y: int) -> int:
        """The sign that exchanging two labels gives one operand."""
        if x not in labels and y not in labels:
            return 1
        if labels.count(x) != 1 or labels.count(y) != 1:
            return 0
        return self._held(value, labels.index(x), labels.index(y))

    def _of_sum(self, terms: list[Pair], p: int, q: int) -> int:
        """Terms with their numbers are mapped to each other, all with the same sign."""
        places = {p: q, q: p}
        found: Counter[Pair] = Counter()
        for value, labels in terms:
            step = self.program.steps[value]
            number, base = (
                (step.spec[0], step.inputs[0])
                if step.kind == "scale" and not step.spec[1]
                else (1, value)
            )
            found[base, labels] += number
        moved = {(v, tuple(places.get(x, x) for x in ls)): c for (v, ls), c in found.items()}
        return next(
            (sign for sign in (1, -1) if moved == {key: sign * c for key, c in found.items()}), 0
        )

    def ways(self, a: Pair) -> Iterator[tuple[Labels, int]]:
        """Labels that give the same contraction, each with its sign."""
        value, labels = a
        yield labels, 1
        for p, q, sign in self.of(value):
            other = list(labels)
            other[p], other[q] = labels[q], labels[p]
            yield tuple(other), sign
