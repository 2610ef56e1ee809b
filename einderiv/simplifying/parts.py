"""Parts of a formula that occur again and again, each said once: ``diag(p) − p pᵀ where p =
softmax(x)``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import NamedTuple

from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Forms,
    Tensor,
    added,
    bottom_up,
    children,
    collected,
    dressed,
    is_hot,
    put,
    rebuilt,
    tensors_of,
    title_of,
    walk,
)
from .lengths import MOST_OPERANDS, Lengths, has_longer_product, operands_of
from .powers import as_power
from .symmetry import Symmetries

MOST_PARTS = 24
LONG_PRODUCT = 128  # factors
LEAST_SAVED = 2  # names, numbers and signs that a part that occurs twice must save
#: what parts are called, as numbers, as vectors, and as what has more axes; others are u, U and t
ROLES = {
    "softmax": ("p", "p", "P"),
    "sigmoid": ("p", "p", "P"),
    "exp": ("e", "e", "E"),
    "tanh": ("h", "h", "H"),
    "relu": ("h", "h", "H"),
    "gelu": ("h", "h", "H"),
    "silu": ("h", "h", "H"),
    "inv": ("M", "M", "M"),
    "norm": ("r", "r", "r"),
    "power": ("s", "s", "S"),
    "sqrt": ("s", "s", "S"),
    "+": ("t", "r", "R"),
    "·": ("t", "z", "Z"),
}
OTHER = ("t", "u", "U")
RAISED = ("inv", "pinv", "matrix_power")  # written as powers: X⁻¹, X⁺, X²


class Named(NamedTuple):
    """An expression in which tensors stand for its parts, and what these are, in the order in which
    they are met: a part may be made of those behind it.
    """

    whole: Expr
    parts: tuple[tuple[Tensor, Expr], ...]


def named_parts(e: Expr, taken: Iterable[str] = (), *, every: bool = False) -> Named:
    """`e` with tensors for the parts that it has in several places, where this makes it shorter;
    with `every` for all functions and sums that it has in several places. No tensor is called as
    one of `e`, or as one of the names that are `taken`.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> whole, parts = named_parts(ed.derive(ed.softmax(x, axis=0), x), "ia")
    >>> whole
    einsum("i->ii", p) - einsum("i,a->ia", p, p)
    >>> [(str(name), str(part)) for name, part in parts]
    [('p', 'softmax(x)')]
    """
    naming = _Naming(e, taken, every)
    naming.as_titled()
    if sum(map(operands_of, naming.roots())) > MOST_OPERANDS:
        return naming.found()
    while len(naming.parts) < MOST_PARTS and naming.one_more():
        pass
    return naming.found()


def name_of_part(e: Expr, taken: set[str]) -> str:
    """What a part is called by its role, among the names that are `taken`, to which it is added.

    >>> import einderiv as ed
    >>> name_of_part(ed.softmax(ed.tensor("x", "i")), {"p"})
    'p1'
    """
    role = "·" if isinstance(e, Einsum) else "+"
    if isinstance(e, Apply):
        role = e.function.name
    letter = ROLES.get(role, OTHER)[min(e.ndim, 2)]
    for name in chain([letter], (f"{letter}{k}" for k in count(1))):
        if name not in taken:
            break
    taken.add(name)
    return name


class _Naming:
    """The expression and its parts, as far as they have names."""

    def __init__(self, e: Expr, taken: Iterable[str], every: bool) -> None:
        self.e = self.whole = e
        self.every = every
        self.parts: dict[str, tuple[Tensor, Expr]] = {}
        self.by_role: list[str] = []  # the names of those that their authors did not name
        self.taken = {*taken, *tensors_of(e)}
        self.forms = Forms()
        self.lengths = Lengths()
        self.is_symmetric = Symmetries().found

    def roots(self) -> list[Expr]:
        return [self.whole, *[part for _, part in self.parts.values()]]

    def as_titled(self) -> None:
        """Name what its author named, the largest parts first."""
        titles: dict[str, Expr] = {}
        for node in walk([self.whole], children):
            title = title_of(node)
            if title is not None and node is not self.whole:
                titles[title] = node
        for title, node in reversed([*titles.items()]):
            if title not in self.taken:
                self.taken.add(title)
                self._put_apart(node, title)

    def one_more(self) -> bool:
        """Name the part that saves most; is there one?"""
        uses = self._uses()
        best, saved = None, 0
        for node, times in uses:
            own = self._saved(node, times)
            if own > saved:
                best, saved = node, own
        if best is None:
            return False
        name = name_of_part(best, self.taken)
        self.by_role.append(name)
        self._put_apart(best, name)
        return True

    def _put_apart(self, part: Expr, name: str) -> None:
        """A tensor in the place of a part, wherever it occurs."""
        key = self.forms.of(part)
        tensor = self._tensor(part, name)

        def new(node: Expr, parts: tuple[Expr, ...]) -> Expr:
            may_be = isinstance(node, type(part)) and node.weight == part.weight
            if may_be and node.ndim == part.ndim and self.forms.of(node) == key:
                return tensor
            return self._rebuilt(node, parts)

        self.whole, *others = bottom_up(self.roots(), new)
        for (own, (known, _)), other in zip(list(self.parts.items()), others, strict=True):
            self.parts[own] = known, other
        self.parts[name] = tensor, part

    def _rebuilt(self, node: Expr, parts: tuple[Expr, ...]) -> Expr:
        """A node of other parts; terms of a sum that have become equal are collected."""
        found = rebuilt(node, parts)
        if found is node or not isinstance(found, Add):
            return found
        live = collected(found.addends, self.is_symmetric)
        return found if len(live) == len(found.addends) else added(live)

    def _uses(self) -> Iterator[tuple[Expr, int]]:
        """The parts that may have a name, and how often each is printed."""
        times: Counter[int] = Counter()
        printed: dict[int, tuple[Expr, int]] = {}
        for root in self.roots():
            times[id(root)] += 1
        in_order = [*walk(self.roots())]
        for node in reversed(in_order):
            for part in children(node):
                times[id(part)] += times[id(node)]
        tops = {id(root) for root in self.roots()}
        for node in in_order:
            if not isinstance(node, (Apply, Add)) or id(node) in tops:
                continue
            if not self.every and not _is_worth_a_name(node):
                continue
            # long parts that are equal are told to be by being the same node
            is_long = has_longer_product(node, LONG_PRODUCT)
            key = id(node) if is_long else self.forms.of(node)
            first, before = printed.get(key, (node, 0))
            printed[key] = first, before + times[id(node)]
        yield from printed.values()

    def _saved(self, node: Expr, times: int) -> int:
        """How much shorter the whole is with a name for `node`; at least 1 where it is named."""
        length = self.lengths.of(node)
        saved = times * length - (times + length + 2)
        if self.every and times > 1:
            return max(saved, 1)
        if times > 2 and length > 1 and isinstance(node, Apply):
            return saved + LEAST_SAVED  # said three times, a short function has a name too
        is_of_shares = isinstance(node, Apply) and node.function.sums_to_one
        if times > 1 and length > LEAST_SAVED and is_of_shares:
            return max(saved, 0) + LEAST_SAVED  # P = softmax(Q Kᵀ), as everybody has it
        return saved if times > 1 and saved >= LEAST_SAVED else 0

    def _tensor(self, node: Expr, name: str) -> Tensor:
        structure = "symmetric" if self.is_symmetric(node) else None
        tensor = Tensor(name, node.axes, structure=structure)
        put(tensor, "axis_sizes", node.axis_sizes)
        return tensor

    def found(self) -> Named:
        """The parts in the order in which a reader meets them."""
        in_order: dict[str, None] = {}
        pending = [self.whole]
        while pending:
            for node in _in_writing(pending.pop(0)):
                if not isinstance(node, Tensor) or node.name not in self.parts:
                    continue
                if node.name not in in_order:
                    in_order[node.name] = None
                    pending.append(self.parts[node.name][1])
        names = self._in_order(in_order)
        tensors = {old: self._tensor(self.parts[old][1], new) for old, new in names.items()}

        def new(node: Expr, parts: tuple[Expr, ...]) -> Expr:
            if isinstance(node, Tensor) and node.name in tensors:
                return tensors[node.name]
            return rebuilt(node, parts)

        roots = [self.whole, *[self.parts[old][1] for old in names]]
        whole, *others = bottom_up(roots, new)
        # The names of sizes are those that the tensors of the whole expression say.
        origins = (self.e,)
        parts = []
        for tensor, part in zip(tensors.values(), others, strict=True):
            parts.append((tensor, dressed(part, origins=origins)))
        return Named(dressed(whole, origins=origins), tuple(parts))

    def _in_order(self, met: Iterable[str]) -> dict[str, str]:
        """The names of the parts, and those that they have in the end: numbered as they are met."""
        stems: dict[str, list[str]] = {}
        for name in self.by_role:
            stems.setdefault(name.rstrip("0123456789"), []).append(name)
        names = {}
        for old in met:
            names[old] = old
            if old in self.by_role:
                names[old] = stems[old.rstrip("0123456789")].pop(0)
        return names


def _is_worth_a_name(e: Expr) -> bool:
    """Is `e` no power or quotient, and no inverse or power of a symbol? Their bases have names. Nor
    is it an index array, which stands in the brackets of others.
    """
    if is_hot(e):
        return False
    _, exponent = as_power(e)
    if isinstance(e, Apply) and e.function.name == "pseudo_reciprocal":
        return False
    is_inverse = isinstance(e, Apply) and e.function.name in RAISED
    return exponent == 1 and not (is_inverse and isinstance(children(e)[0], Tensor))


def _in_writing(e: Expr) -> Iterator[Expr]:
    """The distinct nodes of `e` from left to right."""
    seen: set[int] = set()
    stack = [e]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        stack.extend(reversed(children(node)))
