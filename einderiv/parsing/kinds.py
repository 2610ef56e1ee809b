"""How the names of a text are read where nothing says how many axes they have.

A name that no declaration and no use decides is guessed: a capital is a matrix, a small letter a
vector, the name of a Greek letter a scalar. A reading that departs from that costs something, and
so does one where arrays meet that people rarely let meet, a scalar and a vector in a sum. Of all
readings that can be built at all the cheapest is taken; the next ones are remembered.

>>> import einderiv as ed
>>> print(ed.parse("x @ A @ x", kinds="guess").kinds)
x: vector, A: matrix (guessed)
>>> print(ed.parse("mean((X @ w - y)**2) + lam * w @ w", kinds="guess").kinds)
X: matrix, w: vector, y: vector, lam: scalar (guessed)
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ParseError, ShapeError, counted
from ..expression import Expr, reading_of
from .syntax import PARTNERS, Node

#: names of numbers of axes
WORDS = ("scalar", "vector", "matrix")
#: letters whose names people give to scalars, in the spellings that texts have
GREEK = frozenset(
    (
        "alpha", "beta", "gamma", "delta", "eps", "epsilon", "zeta", "eta", "kappa", "lam", "lamb",
        "lambda_", "mu", "nu", "rho", "sigma", "tau", "omega",
    )
)  # fmt: skip
#: what a number of axes costs: of a capital, of a small letter, of a Greek one
CAPITAL = {2: 0, 1: 3, 0: 4}
SMALL = {1: 0, 0: 2, 2: 3}
SPELT = {0: 0, 1: 1, 2: 3}
#: what it costs where a scalar and an array meet in a sum, a scalar is divided by an array, or an
#: array is an exponent
RARE = 3
#: readings that are remembered, and that are tried until one fits; nodes that are built for those
#: that are only remembered
REMEMBERED, TRIED, WORK = 5, 2000, 4000

POWERS = frozenset(("**", "^", ".^"))
QUOTIENTS = frozenset(("/", "./"))


class Kinds(Mapping[str, str]):
    """How each name was read that a text does not declare: a mapping to words, printed as one line.

    `guessed` are the names that other readings read in another way; the others follow from their
    use. `language` is that of the text, `others` are the next best readings, best first.

    >>> import einderiv as ed
    >>> kinds = ed.parse("inv(K) @ y", kinds="guess").kinds
    >>> print(kinds)
    K: matrix; y: vector (guessed)
    >>> kinds["y"], kinds.ranks["y"], kinds.guessed
    ('vector', 1, ('y',))
    >>> print(*kinds.others)
    K: matrix; y: matrix (guessed)
    """

    def __init__(
        self,
        ranks: Mapping[str, int] | None = None,
        guessed: Collection[str] = (),
        language: str = "",
        others: Sequence[Kinds] = (),
    ) -> None:
        self.ranks = dict(ranks or {})
        self.guessed = tuple([name for name in self.ranks if name in guessed])
        self.language = language
        self.others = tuple(others)

    def __getitem__(self, name: str) -> str:
        rank = self.ranks[name]
        return WORDS[rank] if rank < len(WORDS) else counted(rank, "axis")

    def __iter__(self) -> Iterator[str]:
        return iter(self.ranks)

    def __len__(self) -> int:
        return len(self.ranks)

    def __str__(self) -> str:
        certain = [f"{name}: {kind}" for name, kind in self.items() if name not in self.guessed]
        open_ones = [f"{name}: {self[name]}" for name in self.guessed]
        groups = [", ".join(certain)] if certain else []
        if open_ones:
            groups.append(f"{', '.join(open_ones)} (guessed)")
        return "; ".join(groups)

    __repr__ = __str__


def kinds_of(e: Expr) -> Kinds:
    """How the text that `e` comes from was read; empty where nothing was left open."""
    reading = reading_of(e)
    return reading if isinstance(reading, Kinds) else Kinds()


class Reading(NamedTuple):
    """Numbers of axes by name, what the reading costs, and what it makes of the nodes."""

    ranks: dict[str, int]
    cost: int
    built: Mapping[Node, Any]


#: builds as much of a text as these numbers of axes allow
Attempt = Callable[[Mapping[str, int]], Mapping[Node, Any]]


class Search:
    """The readings of a text that fit, cheapest first.

    >>> search = Search(["A", "x"], 1, lambda ranks: {})
    >>> [(found.ranks, found.cost) for found, _ in zip(search.readings(), range(2))]
    [({'A': 2, 'x': 1}, 0), ({'A': 2, 'x': 0}, 2)]
    """

    def __init__(self, names: Sequence[str], nodes: int, attempt: Attempt) -> None:
        """`names` are those to guess, in the order of the text, which has so many `nodes`."""
        self.names = names
        self.nodes = nodes
        self.attempt = attempt
        self.tried = 0
        self.refused: ParseError | ShapeError | None = None  # why the first did not fit

    def readings(self) -> Iterator[Reading]:
        """Every reading that can be built, in the order of what they cost.

        A choice for the first names that cannot be built is not followed further, and what it costs
        is at most what any reading costs that begins with it: so the first one found is cheapest.
        """
        choices: list[tuple[int, int, int, tuple[int, ...], Reading | None]] = [(0, 0, 0, (), None)]
        count = 0
        while choices and self.tried < TRIED:
            cost, _, _, ranks, reading = heapq.heappop(choices)
            if reading is None:
                reading = self._read(ranks)
                if reading is None:
                    continue
                if reading.cost > cost:  # dearer than it looked: others may come first
                    count += 1
                    again = (reading.cost, -len(ranks), count, ranks, reading)
                    heapq.heappush(choices, again)
                    continue
            if len(ranks) == len(self.names):
                yield reading
                continue
            departures = _departures(self.names[len(ranks)])
            for rank, departure in departures.items():
                count += 1
                next_ranks = (*ranks, rank)
                choice = (reading.cost + departure, -len(next_ranks), count, next_ranks, None)
                heapq.heappush(choices, choice)

    def _read(self, ranks: tuple[int, ...]) -> Reading | None:
        """The reading of the first names by these numbers of axes; None if it does not fit."""
        self.tried += 1
        chosen = dict(zip(self.names, ranks, strict=False))
        try:
            built = self.attempt(chosen)
        except (ParseError, ShapeError) as e:
            self.refused = self.refused or e
            return None
        cost = sum([_departures(name)[rank] for name, rank in chosen.items()])
        cost += sum([_oddness(node, built) for node in built])
        return Reading(chosen, cost, built)

    def kinds(self, certain: Mapping[str, int], language: str) -> tuple[Reading, Kinds] | None:
        """The best reading, and how it and the next ones read all names; None where none fits."""
        best: Reading | None = None
        found: list[Kinds] = []
        for reading in self.readings():
            best = best or reading
            found.append(Kinds({**certain, **reading.ranks}, self.names, language))
            is_enough = len(found) == REMEMBERED or self.tried * self.nodes > WORK
            if is_enough:
                break
        if best is None:
            return None
        first, *others = found
        return best, Kinds(first.ranks, self.names, language, others)


def _departures(name: str) -> dict[int, int]:
    """What each number of axes of a name costs, the usual one first."""
    if name.rstrip("0123456789") in GREEK or name in GREEK:
        return SPELT
    return CAPITAL if name.lstrip("_")[:1].isupper() else SMALL


def _oddness(node: Node, built: Mapping[Node, Any]) -> int:
    """What the meeting of the two parts of a node costs, once both are built."""
    if node.kind != "made" or len(node.parts) != 2:
        return 0
    # A number that is written goes with anything: it has no axes, and no scalar's name.
    left, right = [getattr(built.get(part), "ndim", None) for part in node.parts]
    if node.value in POWERS and right:  # x ** y
        return RARE
    if left is None or right is None:
        return 0
    if node.value in PARTNERS and left != right:  # s + x
        return RARE
    if node.value in QUOTIENTS and left < right:  # s / x
        return RARE
    return 0
