"""Axes of a value that may change places, up to its sign: of ``x[i] - x[j]``, of its square, of
what they make.

Derivatives of energies of pairs have every term twice, once for each of the two. In a contraction
the labels of two such axes are exchanged where that makes it one that is there already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from math import prod

from ..expression import Labels
from .ops import Algebra, Axes, Ops, Step
from .program import Program

Swap = tuple[int, int, int]  # two axes, and the sign that exchanging them gives
Pair = tuple[int, Labels]  # a value and its labels


class Symmetries:
    """The exchanges of axes that map the values of a program to themselves."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.swaps: list[list[Swap]] = []  # for the values in order

    def of(self, value: int) -> list[Swap]:
        """All pairs of axes that may change places, as far as one sees."""
        for step in self.program.steps[len(self.swaps) : value + 1]:
            sizes = step.sizes
            pairs = [(p, q) for p, q in combinations(range(len(sizes)), 2) if sizes[p] == sizes[q]]
            signs = [self._sign(step, p, q) for p, q in pairs]
            swaps = [(p, q, sign) for (p, q), sign in zip(pairs, signs, strict=True) if sign]
            self.swaps.append(swaps)
        return self.swaps[value]

    def ways(self, pair: Pair) -> Iterator[tuple[Labels, int]]:
        """Labels that give the same contraction, each with its sign."""
        value, labels = pair
        yield labels, 1
        for p, q, sign in self.of(value):
            exchanged = list(labels)
            exchanged[p], exchanged[q] = labels[q], labels[p]
            yield tuple(exchanged), sign

    def _sign(self, step: Step, p: int, q: int) -> int:
        """1 or -1 if exchanging axes `p` and `q` multiplies a value by that, else 0."""
        operands, results = step.indexing
        match step.op.algebra:
            case Algebra.PRODUCT:
                # (a b)[q, p] = (±a)(±b): each operand by the labels that the two axes have
                labels = results[0]
                return prod(
                    self._within(v, own, labels[p], labels[q])
                    for v, own in zip(step.inputs, operands, strict=True)
                )
            case Algebra.SUM:
                # a term on a diagonal stays beside the exchange
                axes = tuple(range(len(step.sizes)))
                if any(result != axes for result in results):
                    return 0
                return self._of_sum(list(zip(step.inputs, operands, strict=True)), p, q)
            case Algebra.FUNCTION if len(operands) == 1 and None not in operands[0]:
                # f(x) = f(-x) is not known: only what stays the same does
                return max(self._known(step.inputs[0], p, q), 0)
            case Algebra.FUNCTION | Algebra.OTHER:
                return 0

    def _within(self, value: int, labels: Axes, x: int | None, y: int | None) -> int:
        """The sign that exchanging two labels gives one operand."""
        if x not in labels and y not in labels:
            return 1
        if labels.count(x) != 1 or labels.count(y) != 1:
            return 0
        return self._known(value, labels.index(x), labels.index(y))

    def _known(self, value: int, p: int, q: int) -> int:
        """The sign that exchanging two axes gives a value."""
        for a, b, sign in self.of(value):
            if {a, b} == {p, q}:
                return sign
        return 0

    def _of_sum(self, terms: list[tuple[int, Axes]], p: int, q: int) -> int:
        """Terms with their numbers are mapped to each other, all with the same sign."""
        coefficients: Counter[tuple[int, Axes]] = Counter()
        for value, places in terms:
            step = self.program.steps[value]
            if step.op is Ops.SCALE and not step.spec[1]:
                coefficients[step.inputs[0], places] += step.spec[0]
            else:
                coefficients[value, places] += 1
        exchange: dict[int | None, int] = {p: q, q: p}
        exchanged: dict[tuple[int, Axes], int] = {}
        for (value, places), coefficient in coefficients.items():
            moved = tuple([exchange.get(place, place) for place in places])
            exchanged[value, moved] = coefficient
        for sign in (1, -1):
            if all(exchanged.get(term) == sign * c for term, c in coefficients.items()):
                return sign
        return 0
