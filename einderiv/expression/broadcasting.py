"""NumPy's rule of broadcasting: axes align from the last, axes that are missing before them and
axes known to have size 1 are repeated.

A broadcast is a label of the output that an operand lacks, ``einsum("o->no", b)``: no node stands
for it. An axis of size 1 that is repeated leaves the operand first, wherever it came from, so that
what divides by a sum with ``keepdims=True`` reads and runs as what divides by the sum.

>>> import einderiv as ed
>>> X, b = ed.tensor("X", "no"), ed.tensor("b", "o")
>>> print(ed.formula(X + b))
y[n,o] = X[n,o] + b[o]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from ..errors import ShapeError
from .arguments import Operand
from .dims import turned, turned_if_same
from .embedding import labels_in
from .labels import Label, Size
from .nodes import Add, Apply, Constant, Einsum, Expr, Letters, Slot, Tensor, filled, walk
from .sizes import called, checked
from .unify import assemble

T = TypeVar("T")
#: nodes of a value that are looked at for an axis of size 1 to be taken out of it
NODES = 64
#: nodes of an expression that are looked at for the declarations of its axes
NODES_BEFORE_NAMES = 2000


def stretched(*operands: Operand) -> tuple[Expr, ...]:
    """All under the axes that NumPy's rule of broadcasting gives them together; one at least is an
    expression.
    """
    found = [x for x in operands if isinstance(x, Expr)]
    like = _most_axes(found)
    named = [named_like(x, like) for x in operands]
    common = common_axes([x for x in named if isinstance(x, Expr)])
    return tuple([repeated(x, common) for x in named])


class Axes(NamedTuple):
    """The axes that operands have together."""

    sizes: tuple[Size, ...]
    names: tuple[str | None, ...]

    def last(self, count: int) -> Axes:
        """The last of them."""
        start = len(self.sizes) - count
        return Axes(self.sizes[start:], self.names[start:])


def common_axes(operands: Sequence[Expr], last: int = 0) -> Axes:
    """The axes of all operands together, but for the `last` of each: aligned from the end, where
    one of a size that is known to be 1 is as long as another.

    Raises ShapeError where names say that others are meant.
    """
    ranks = [max(e.ndim - last, 0) for e in operands]
    rank = max(ranks)
    if min(ranks) < rank:
        _check_names(operands, ranks)
    sizes: list[Size] = [1] * rank
    names: list[str | None] = [None] * rank
    source: dict[int, Expr] = {}  # which operand has the size
    for e, own in zip(operands, ranks, strict=True):
        for p in range(own):
            q = rank - own + p
            mine = e.axis_sizes[p]
            if sizes[q] == 1 != mine:
                sizes[q], names[q], source[q] = mine, e.axes[p] or names[q], e
            elif q in source and source[q].ndim != e.ndim:
                _check_size(source[q], e, q - rank - last)
            elif names[q] is None:
                names[q] = e.axes[p]
    return Axes(tuple(sizes), tuple(names))


def _check_size(e: Expr, other: Expr, axis: int) -> None:
    """Raise where an axis, counted from the end, has another size in both."""
    size, theirs = e.axis_sizes[axis], other.axis_sizes[axis]
    if isinstance(size, int) and isinstance(theirs, int) and 1 != theirs != size:
        raise ShapeError(
            f"cannot broadcast: axis {e.ndim + axis} of {called(e)} has size {size}, axis "
            f"{other.ndim + axis} of {called(other)} has {theirs}"
        )


def _most_axes(operands: Sequence[Expr]) -> Expr:
    """The first of those with the most axes; a held array with named axes, which goes by the names
    of another, comes last.
    """
    return max(operands, key=lambda e: (not has_dims(e) and e.ndim > 0, e.ndim))


def _check_names(operands: Sequence[Expr], ranks: Sequence[int]) -> None:
    """Raise where an operand with fewer axes than another was declared under names that stand at
    other places there: ``X("nd") + w("n")`` would put n at d.
    """
    rank = max(ranks)
    large = operands[ranks.index(rank)]
    theirs = declared_names(large)[:rank]
    for e, own in zip(operands, ranks, strict=True):
        if own == rank:
            continue
        mine = declared_names(e)[:own]
        for p, name in enumerate(mine):
            there = theirs[rank - own + p]
            strange = name is not None and there is not None and name != there
            if strange and name in theirs and e.axis_sizes[p] != 1:
                raise _misplaced(e, large, mine, theirs, str(name), str(there))


def declared_names(e: Expr) -> tuple[str | None, ...]:
    """The name of each axis in the declaration of the tensor that it comes from; letters of an
    einsum are names for that einsum only.
    """
    if isinstance(e, Tensor):
        return tuple([name if isinstance(name, str) else None for name in e.declared])
    if isinstance(e, Constant):
        return e.axes  # the names that the array brought
    wanted = {size[0] for size in e.axis_sizes if isinstance(size, tuple) and len(size) == 2}
    tensors: dict[object, Tensor] = {}
    for node in islice(walk([e]), NODES_BEFORE_NAMES if wanted else 0):
        if isinstance(node, Tensor) and node.name in wanted:
            tensors[node.name] = node
    names: list[str | None] = []
    for size in e.axis_sizes:
        name: object = size if isinstance(size, str) else None
        if isinstance(size, tuple) and len(size) == 2 and size[0] in tensors:
            name = tensors[size[0]].declared[size[1]]
        names.append(name if isinstance(name, str) else None)
    return tuple(names)


def _misplaced(
    e: Expr,
    large: Expr,
    mine: Sequence[str | None],
    theirs: Sequence[str | None],
    name: str,
    there: str,
) -> ShapeError:
    word = called(e)
    advice = f"turn the axes of {word}, or write the einsum"
    places = [theirs.index(one) for one in mine if one in theirs]
    if len(places) == len(mine) and places == sorted(set(places)):
        key = [":" if q in places else "None" for q in range(places[0], len(theirs))]
        index = f"[{', '.join(key)}]"
        advice = f"write {word}{index}"
        if not isinstance(e, Tensor):
            advice = f"write {index} behind it, or keepdims=True in a reduction"
    return ShapeError(
        f"axis {name} of {word} would meet axis {there} of {called(large)}, which has an axis "
        f"{name} elsewhere: {advice}"
    )


def repeated(x: Operand, common: Axes) -> Expr:
    """`x` with all these axes: those that it lacks are the first, and those of size 1."""
    sizes, names = common
    if not isinstance(x, Expr):
        return filled(x, sizes, names)
    ones = [p for p, size in enumerate(common.last(x.ndim).sizes) if x.axis_sizes[p] == 1 != size]
    if not ones and x.ndim == len(sizes):
        return x
    rank = len(sizes)
    labels = [rank - x.ndim + p for p in range(x.ndim) if p not in ones]
    given = tuple([(q, size) for q, size in enumerate(sizes) if q not in labels])
    known = letters(range(rank), names)
    slots = [(without(x, ones), tuple(labels))]
    output = tuple(range(rank))
    return assemble(1, slots, output, axes=names, given=given, letters=known)


def without(e: Expr, ones: Sequence[int]) -> Expr:
    """`e` without axes that have size 1."""
    if not ones:
        return e
    found = _Removal().taken(e, frozenset(ones))
    if found is not None:
        return found
    labels = range(e.ndim)
    return viewed(e, labels, [p for p in labels if p not in ones])


class _Removal:
    """Takes axes of size 1 out of what a value is made of, down to where they were made."""

    def __init__(self) -> None:
        self.left = NODES
        self.done: dict[tuple[int, frozenset[int]], Expr | None] = {}

    def taken(self, e: Expr, ones: frozenset[int]) -> Expr | None:
        """None where the axes belong to an array or a tensor, or the way there is too long."""
        key = (id(e), ones)
        if key not in self.done:
            self.left -= 1
            self.done[key] = self._taken(e, ones) if self.left > 0 else None
        return self.done[key]

    def _taken(self, e: Expr, ones: frozenset[int]) -> Expr | None:
        names = tuple([name for p, name in enumerate(e.axes) if p not in ones])
        match e:
            case Add():
                terms = [self.taken(term, ones) for term in e.addends]
                known = [term for term in terms if term is not None]
                if len(known) < len(terms):
                    return None
                return Add(tuple(known), axes=names, origins=e.origins)
            case Apply() if not e.core and all(a.ndim == e.ndim for a in e.arguments):
                inside = [self.taken(argument, ones) for argument in e.arguments]
                made = tuple([one for one in inside if one is not None])
                return (
                    Apply(e.function, made, 0, e.parameters) if len(made) == len(inside) else None
                )
            case Einsum():
                return self._of_product(e, ones, names)
        return None

    def _of_product(
        self, e: Einsum, ones: frozenset[int], names: tuple[str | None, ...]
    ) -> Expr | None:
        output = tuple([label for p, label in enumerate(e.output) if p not in ones])
        gone = {e.output[p] for p in ones}.difference(output)
        if gone & labels_in(e.relations):
            return None
        slots: list[Slot] = []
        for factor, labels in e.slots:
            places = frozenset([p for p, label in enumerate(labels) if label in gone])
            inner = self.taken(factor, places) if places else factor
            if inner is None:
                return None
            slots.append((inner, tuple([label for label in labels if label not in gone])))
        given = tuple([(label, size) for label, size in e.given if label not in gone])
        alone = len(slots) == 1 and e.coefficient == 1 and not e.relations
        if alone and slots[0][1] == output and not e.origins:
            return slots[0][0]
        return assemble(
            e.coefficient,
            slots,
            output,
            axes=names,
            given=given,
            letters=e.letters,
            origins=e.origins,
            relations=e.relations,
        )


def letters(labels: Sequence[Label], names: Sequence[str | None]) -> Letters:
    """A name for each label: the first, where a label occurs again."""
    return dict(zip(reversed(labels), reversed(names), strict=True))


def viewed(
    e: Expr,
    labels: Sequence[Label],
    output: Sequence[Label],
    given: tuple[tuple[Label, Size], ...] = (),
    names: Sequence[str | None] | None = None,
) -> Expr:
    """An einsum of one operand, by labels."""
    known = letters(labels, e.axes)
    if names is None:
        names = [known.get(label) for label in output]
    slots = [(e, tuple(labels))]
    return checked(assemble(1, slots, tuple(output), axes=tuple(names), given=given, letters=known))


def has_dims(e: Operand) -> bool:
    """Is `e` a held array whose axes have names?"""
    return isinstance(e, Constant) and any(e.axes)


def named_like(x: T, other: Operand) -> T | Expr:
    """A held array whose axes have names, with its axes in the order of those of `other`.

    Raises ShapeError for other names than those of a tensor, or for the same at other places.
    """
    if not isinstance(x, Constant) or not has_dims(x):
        return x
    if not isinstance(other, Expr) or not other.ndim:
        return x
    dims = tuple([str(dim) for dim in x.axes])
    words = called(x), called(other)
    if isinstance(other, Tensor) and any(isinstance(axis, str) for axis in other.declared):
        order = turned(dims, other.declared, *words)
    else:
        order = turned_if_same(x.axes, other.axes, *words) or list(range(x.ndim))
    return x if order == sorted(order) else viewed(x, range(x.ndim), order)


def named_alike(a: Operand, b: Operand) -> tuple[Operand, Operand]:
    """Both, where one of them is a held array with named axes in the order of the other."""
    return named_like(a, b), named_like(b, a)
