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

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ParseError, ShapeError, counted
from ..expression import Expr, Tensor, reading_of
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
#: what it costs where a scalar and an array meet in a sum, a scalar is divided by an array, an
#: array is an exponent, or arrays of different numbers of axes meet entry by entry
RARE = 3
#: readings that are remembered
REMEMBERED = 5
#: choices that are kept for one name, over all names, and at least; orders of names that are tried
MOST, WORK, FEWEST, TRIES = 81, 600, 6, 12
#: names that are guessed in one text
MOST_NAMES = 200

POWERS = frozenset(("**", "^", ".^"))
QUOTIENTS = frozenset(("/", "./"))
ENTRYWISE = frozenset(("*", "/"))


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


class Choice(NamedTuple):
    """Numbers of axes of the first names, and what they cost."""

    cost: int
    ranks: dict[str, int]


#: what a node is made of its parts; raises where that cannot be
Make = Callable[[Node, Sequence[Any]], Any]


class Search:
    """The readings of a text that fit, cheapest first.

    Name after name gets each number of axes; what can be built with those so far is built, and the
    cheapest choices are kept. Where none is left, the names that met in the node that failed go
    first in another try: so their choices are weighed before there are many others.
    """

    def __init__(
        self, names: Sequence[str], nodes: Sequence[Node], known: Mapping[str, Expr], make: Make
    ) -> None:
        """`names` are those to guess, `nodes` come parts before what is made of them."""
        self.names = names
        self.nodes = nodes
        self.known = known
        self.make = make
        # why the best choice did not go further, and at which node
        self.refused: ParseError | ShapeError | None = None
        self.failed: Node | None = None
        self.values: dict[tuple[Node, tuple[int, ...]], Any] = {}
        self.open_names: dict[Node, tuple[str, ...]] = {}  # of each node, in the order of the text
        self._find_open_names()

    def kinds(self, certain: Mapping[str, int], language: str) -> tuple[int, Kinds] | None:
        """What the best reading costs, and how it and the next ones read all names; None where none
        fits.
        """
        choices = self._choices()
        if not choices:
            return None
        found = []
        for choice in choices[:REMEMBERED]:
            in_order = {name: choice.ranks[name] for name in self.names}
            found.append(Kinds({**certain, **in_order}, self.names, language))
        best, *others = found
        return choices[0].cost, Kinds(best.ranks, self.names, language, others)

    def _find_open_names(self) -> None:
        place = {name: k for k, name in enumerate(self.names)}
        for node in self.nodes:
            own = {node.value} if node.kind == "name" and node.value in place else set()
            for part in node.parts:
                own.update(self.open_names[part])
            self.open_names[node] = tuple(sorted(own, key=place.__getitem__))

    def _choices(self) -> list[Choice]:
        """The choices for all names that can be built, the cheapest first."""
        order = list(self.names)
        wide = 0  # names of failed nodes, whose choices are all kept
        for _ in range(TRIES):
            choices = self._kept(order, wide)
            if choices or self.failed is None:
                return choices
            first = list(self.open_names[self.failed])
            again = [*first, *[name for name in order if name not in first]]
            if again == order:
                break
            order, wide = again, len(first)
        return []

    def _kept(self, order: Sequence[str], wide: int) -> list[Choice]:
        """The cheapest choices for the names in this order."""
        complete = self._completed(order)
        choices = [Choice(0, {})]
        narrow = max(FEWEST, WORK // len(order))
        for k, name in enumerate(order):
            more: list[Choice] = []
            self.failed = self.refused = None
            for choice in choices:
                for rank, departure in _departures(name).items():
                    ranks = {**choice.ranks, name: rank}
                    oddness = self._oddness(complete[k], ranks)
                    if oddness is not None:
                        more.append(Choice(choice.cost + departure + oddness, ranks))
            if not more:
                return []
            more.sort(key=_cost)
            choices = more[: MOST if k < wide else min(narrow, MOST)]
        return choices

    def _completed(self, order: Sequence[str]) -> list[list[Node]]:
        """The nodes that can be built when a name is chosen, and not before."""
        place = {name: k for k, name in enumerate(order)}
        complete: list[list[Node]] = [[] for _ in order]
        for node in self.nodes:
            last = max([place[name] for name in self.open_names[node]], default=0)
            complete[last].append(node)
        return complete

    def _oddness(self, nodes: Sequence[Node], ranks: Mapping[str, int]) -> int | None:
        """What these nodes cost; None if one of them cannot be built."""
        cost = 0
        for node in nodes:
            try:
                made = self._value(node, ranks)
            except (ParseError, ShapeError) as e:
                if self.failed is None:
                    self.refused, self.failed = e, node
                return None
            cost += oddness(node, [self._value(part, ranks) for part in node.parts], made)
        return cost

    def _value(self, node: Node, ranks: Mapping[str, int]) -> Any:
        """What a node is by these numbers of axes: built once for those of its own names."""
        key = (node, tuple([ranks[name] for name in self.open_names[node]]))
        if key not in self.values:
            self.values[key] = self._built(node, ranks)
        value = self.values[key]
        if isinstance(value, (ParseError, ShapeError)):
            raise value
        return value

    def _built(self, node: Node, ranks: Mapping[str, int]) -> Any:
        match node.kind:
            case "name" if node.value in self.known:
                return self.known[node.value]
            case "name":
                return Tensor(node.value, (None,) * ranks[node.value])
            case "made":
                try:
                    return self.make(node, [self._value(part, ranks) for part in node.parts])
                except (ParseError, ShapeError) as e:
                    return e
        return node.value


def _cost(choice: Choice) -> int:
    return choice.cost


def _departures(name: str) -> dict[int, int]:
    """What each number of axes of a name costs, the usual one first."""
    if name.rstrip("0123456789") in GREEK or name in GREEK:
        return SPELT
    return CAPITAL if name.lstrip("_")[:1].isupper() else SMALL


def oddness(node: Node, values: Sequence[Any], made: Any) -> int:
    """What the meeting of the two parts of a node costs, of which it is made."""
    if node.kind != "made" or len(values) != 2:
        return 0
    # A number that is written goes with anything: it has no axes, and no scalar's name.
    left, right = [getattr(value, "ndim", None) for value in values]
    if node.value in POWERS and right:  # x ** y
        return RARE
    if left is None or right is None:
        return 0
    if node.value in PARTNERS and left != right:  # s + x
        return RARE
    # A * x, where it is no product of matrices
    if node.value in ENTRYWISE and left != right and left and right:
        return RARE if getattr(made, "ndim", None) == max(left, right) else 0
    if node.value in QUOTIENTS and left < right:  # s / x
        return RARE
    return 0
