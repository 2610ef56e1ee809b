"""The parts of an expression by name, from the inside out: each a function of those before it.

>>> import einderiv as ed
>>> x, A = ed.tensor("x", "j"), ed.tensor("A", "ij")
>>> for part in Parts(ed.exp(A @ x), x, "y").parts:
...     print(part.name, "=", part.local, "reads", *part.reads)
z = einsum("ij,j->i", A, x) reads x
y = exp(z) reads z
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from ..errors import counted
from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Forms,
    Tensor,
    children,
    dressed,
    is_hot,
    put,
    rebuilt,
    tensors_of,
    title_of,
    used_names,
    walk,
    written_names,
)
from ..functions import variable
from ..simplifying import name_of_part

MOST_WHOLE = 12  # steps; of more those that repeat others are left out
MOST_SHOWN = 20  # steps; of more the middle ones are left out
LEAST_REPEATED = 3  # equal groups of steps, of which then only the first is shown
LONGEST_GROUP = 16  # steps


class Part(NamedTuple):
    """A part of the expression: what it is of those that it reads, each a tensor by its name."""

    name: str
    tensor: Tensor  # that stands for it in others
    local: Expr
    reads: tuple[str, ...]  # of the parts that vary, and of what is derived by


class Left(NamedTuple):
    """Parts that are not shown, and why."""

    parts: tuple[Part, ...]
    why: str


class Parts:
    """The parts of `y` that vary with `wrt`, from the inside out; the last is `y` itself."""

    def __init__(self, y: Expr, wrt: Expr, name: str) -> None:
        self.wrt_name = variable(wrt) or ""
        self.tensors: dict[str, Expr] = {self.wrt_name: wrt}
        self.parts: list[Part] = []
        self.constants: list[tuple[Tensor, Expr]] = []
        # No part is called as a letter that somebody wrote, or that formulas of the whole have.
        self.taken = {name, *tensors_of(y), *used_names(y), *written_names(walk([y], _below))}
        # The names of sizes are those that the tensors of the whole say.
        self.origins: tuple[Expr, ...] = tuple(tensors_of(y).values())
        self.slopes: dict[tuple[str, str], Expr] = {}  # of parts by those that they read
        self.forms = Forms()
        self.by_form: dict[int, Tensor] = {}
        self.weights: set[int] = set()  # of these; a form is made of what has one of them only
        self._read(y, name)

    def _read(self, y: Expr, name: str) -> None:
        stands: dict[int, Expr] = {}  # by the nodes that vary
        for node in walk([y], _below):
            if variable(node) is not None:
                if variable(node) == self.wrt_name:
                    stands[id(node)] = node
                continue
            below = _below(node)
            if not any(id(part) in stands for part in below):
                continue
            if node is not y and _is_alias(node):
                stands[id(node)] = stands[id(below[0])]
                continue
            form = self.forms.of(node)
            if node is not y and form in self.by_form:
                stands[id(node)] = self.by_form[form]
                continue
            parts = []
            for part in below:
                varies = id(part) in stands
                parts.append(stands[id(part)] if varies else self._constant(part))
            local = rebuilt(node, tuple(parts))
            if isinstance(local, (Einsum, Add)):
                local = dressed(local, axes=node.axes, origins=self.origins)
            own = name if node is y else self._name(node)
            varying = [stands[id(part)] for part in below if id(part) in stands]
            reads = tuple(dict.fromkeys([variable(part) or "" for part in varying]))
            tensor = standing_for(node, own)
            self.parts.append(Part(own, tensor, local, reads))
            self.tensors[own] = tensor
            self.by_form[form] = tensor
            self.weights.add(node.weight)
            stands[id(node)] = tensor

    def _name(self, node: Expr) -> str:
        title = title_of(node)
        if title is None or title in self.taken:
            return name_of_part(node, self.taken)
        self.taken.add(title)
        return title

    def _constant(self, node: Expr) -> Expr:
        """A part that does not vary: by a name, if it is long."""
        if not _is_long(node):
            return node
        form = self.forms.of(node)
        if form not in self.by_form:
            tensor = standing_for(node, self._name(node))
            self.by_form[form] = tensor
            self.weights.add(node.weight)
            self.constants.append((tensor, node))
        return self.by_form[form]

    def with_names(self, e: Expr) -> Expr:
        """`e` with the names of parts in the place of parts."""
        found: dict[int, Expr] = {}
        for node in walk([e], self._unnamed):
            named = self._named(node)
            below = tuple([found[id(part)] for part in self._unnamed(node)])
            again = rebuilt(node, below) if named is None else named
            found[id(node)] = again
        return dressed(found[id(e)], axes=e.axes, origins=self.origins, record=e.record)

    def _named(self, node: Expr) -> Tensor | None:
        if not children(node) or is_hot(node) or node.weight not in self.weights:
            return None
        return self.by_form.get(self.forms.of(node))

    def _unnamed(self, node: Expr) -> tuple[Expr, ...]:
        return () if self._named(node) is not None else children(node)

    def shown(self) -> list[Part | Left]:
        """The parts without those that repeat others, and no more than can be read."""
        found = _without_repeats(self.parts, self.wrt_name)
        if len(found) <= MOST_SHOWN:
            return found
        half = MOST_SHOWN // 2
        left: list[Part] = []
        for one in found[half:-half]:
            left += [one] if isinstance(one, Part) else one.parts
        return [*found[:half], Left(tuple(left), "too many to be shown"), *found[-half:]]


def _below(node: Expr) -> tuple[Expr, ...]:
    """The parts of a node; a conjugate is a variable, and places that are computed do not vary."""
    return () if variable(node) is not None or is_hot(node) else children(node)


def _is_long(e: Expr) -> bool:
    """Is `e` worth a name? Not a tensor, a multiple of one or an array of indices, nor a size."""
    if not children(e) or is_hot(e) or variable(e) is not None:
        return False
    is_multiple = isinstance(e, Einsum) and len(e.factors) == 1 and not children(e.factors[0])
    return not is_multiple and any(isinstance(part, Tensor) for part in walk([e]))


def _is_alias(e: Expr) -> bool:
    """Is `e` its one factor as it is?"""
    if not isinstance(e, Einsum) or len(e.factors) != 1 or e.parts is not None:
        return False
    (labels,) = e.inputs
    is_plain = e.coefficient == 1 and len(set(labels)) == len(labels)
    return is_plain and e.output == labels


def standing_for(e: Expr, name: str) -> Tensor:
    tensor = Tensor(name, e.axes)
    put(tensor, "axis_sizes", e.axis_sizes)
    return tensor


# ---- what repeats
def _without_repeats(parts: Sequence[Part], wrt_name: str) -> list[Part | Left]:
    """Of groups of steps that follow each other and are alike, the first: the layers of a net."""
    place = {part.name: k for k, part in enumerate(parts)}
    outlines = [_outline(part, k, place, wrt_name) for k, part in enumerate(parts)]
    if len(parts) <= MOST_WHOLE:
        return [*parts]
    found: list[Part | Left] = []
    k = 0
    while k < len(parts):
        length, times = _group(outlines, k)
        if times < LEAST_REPEATED:
            found.append(parts[k])
            k += 1
            continue
        found += parts[k : k + length]
        end = k + length * times
        like = counted(length, "step")
        found.append(Left(tuple(parts[k + length : end]), f"like the {like} before, each time"))
        k = end
    return found


def _group(outlines: Sequence[object], start: int) -> tuple[int, int]:
    """The length of the shortest group of steps that repeats from a place on, and how often."""
    for length in range(1, LONGEST_GROUP + 1):
        first = outlines[start : start + length]
        end = start + length
        while outlines[end : end + length] == first:
            end += length
        times = (end - start) // length
        if times >= LEAST_REPEATED:
            return length, times
    return 1, 1


def _outline(part: Part, k: int, place: dict[str, int], wrt_name: str) -> object:
    """What a step is like: its rule, and how far before it the parts stand that it reads."""
    local = part.local
    own: object = type(local).__name__
    if isinstance(local, Add):  # what is summed up over layers becomes longer with each
        return own
    if isinstance(local, Apply):
        own = (local.function.name, local.core, local.parameters)
    if isinstance(local, Einsum):
        names: dict[int, int] = {}
        for label in chain(*local.inputs, local.output):
            names.setdefault(label, len(names))
        labels = [tuple(map(names.__getitem__, one)) for one in (*local.inputs, local.output)]
        own = (local.coefficient, *labels)
    distances = [0 if name == wrt_name else k - place[name] for name in part.reads]
    return (own, len(children(local)), tuple(distances))
