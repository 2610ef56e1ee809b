"""Walks over expressions that everybody needs: one loop bottom-up, what is rebuilt on it, and the
tensors met.

:func:`bottom_up` is the loop: a node is looked at once, behind all of its parts, and what was found
for these is at hand. A rewrite of expressions is a function of a node and its new parts, which
:func:`rebuilt` makes a node of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import TypeVar

from ..errors import EinderivError, ShapeError, counted, our_bug
from .arithmetic import added
from .labels import Size
from .nodes import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Tensor,
    children,
    everything,
    is_hot,
    put,
    title_of,
    titled,
    walk,
)
from .string_parts import is_name
from .unify import with_slots

T = TypeVar("T")
Roots = tuple[Expr, ...]
Swaps = Mapping[int, Expr]  # new expressions for nodes, by their ids


def bottom_up(
    roots: Iterable[Expr], found_for: Callable[[Expr, tuple[T, ...]], T]
) -> tuple[T, ...]:
    """What `found_for` says of the roots. It takes a node and what it said of the parts of that
    node.

    >>> import einderiv as ed
    >>> A, x = ed.tensor("A", "ij"), ed.tensor("x", "j")
    >>> bottom_up([ed.exp(A @ x)], lambda node, depths: 1 + max(depths, default=0))
    (3,)
    """
    roots = tuple(roots)
    found: dict[int, T] = {}
    for node in walk(roots):
        below = tuple([found[id(part)] for part in children(node)])
        found[id(node)] = found_for(node, below)
    return tuple([found[id(root)] for root in roots])


def rebuilt(node: Expr, parts: tuple[Expr, ...]) -> Expr:
    """`node` with other parts in the place of its own; itself, if they are its own."""
    if all(a is b for a, b in zip(children(node), parts, strict=True)):
        return node
    return titled(_rebuilt(node, parts), title_of(node))


def _rebuilt(node: Expr, parts: tuple[Expr, ...]) -> Expr:
    match node:
        case Einsum():
            slots = tuple(zip(parts, node.inputs, strict=True))
            return with_slots(node, slots, origins=node.origins)
        case Add():
            return added(parts)
        case Apply():
            if node.function.rebuild is not None:
                again: Expr = node.function.rebuild(node, parts)
                return again
            return Apply(node.function, parts, node.core, node.parameters)
    return our_bug(f"no parts in {type(node).__name__}")


def replaced(e: Expr, values: Mapping[str, Expr]) -> Expr:
    """`e` with other expressions in place of tensors, which they have the axes of."""

    if not values:
        return e

    def new(node: Expr, parts: tuple[Expr, ...]) -> Expr:
        if isinstance(node, Tensor):
            return values.get(node.name, node)
        return rebuilt(node, parts)

    return bottom_up([e], new)[0]


def swapped(roots: Sequence[Expr], swaps: Swaps) -> Roots:
    """`roots` with other nodes in the place of some; what they share stays shared."""

    def new(node: Expr, parts: tuple[Expr, ...]) -> Expr:
        return swaps[id(node)] if id(node) in swaps else rebuilt(node, parts)

    return bottom_up(roots, new)


class ArrayNames:
    """The names that the held arrays of an expression print by: the given ones, else ``array0``,
    ``array1``, …, in the order in which they were written. Two arrays never have one name.

    >>> import einderiv as ed, numpy as np
    >>> first, second = np.eye(2), np.ones((2, 2))
    >>> e = ed.einsum("ij,jk->ik", first, second)
    >>> ArrayNames([e]).of(second)
    'array1'
    """

    def __init__(self, roots: Iterable[Expr]) -> None:
        self._roots = tuple(roots)
        self._names: dict[int, str] | None = None  # by the ids of arrays, once one is asked for

    def of(self, array: object) -> str | None:
        """The name of an array, or None for one that is not held."""
        if self._names is None:
            self._names = self._found()
        return self._names.get(id(array))

    def _found(self) -> dict[int, str]:
        given: dict[int, str | None] = {}
        taken: set[str] = set()
        for node in walk(self._roots, _as_written):
            if isinstance(node, Tensor):
                taken.add(node.name)
            elif isinstance(node, Constant) and hasattr(node.value, "dtype"):
                given[id(node.value)] = given.get(id(node.value)) or node.name
        names: dict[int, str] = {}
        for array, name in given.items():
            if name is not None:
                while name in taken:
                    name += "_"
                names[array] = name
                taken.add(name)
        numbers = (f"array{k}" for k in count())
        for array in given:
            if array not in names:
                names[array] = next(name for name in numbers if name not in taken)
        return {array: names[array] for array in given}


def placeholder(name: str, sizes: tuple[Size, ...]) -> Tensor:
    """A tensor with the sizes of something else."""
    tensor = Tensor(name, (None,) * len(sizes))
    put(tensor, "axis_sizes", sizes)
    return tensor


def needed(roots: Iterable[Expr]) -> tuple[str, ...]:
    """The names of the tensors that must be given, in the order in which they were written.

    That is the order of their first appearance from left to right; of a derivative, in what was
    derived. Of the tensors that parameters of a traced function became, it is that of the
    parameters.
    """
    roots = tuple(roots)
    there = {node.name for node in walk(roots) if isinstance(node, Tensor)}
    first: dict[str, Tensor] = {}
    for node in walk(roots, _as_written):
        if not isinstance(node, Tensor) or node.name not in there:
            continue
        known = first.setdefault(node.name, node)
        if known.place is None:  # of one name, the parameter counts
            first[node.name] = node
    parameters = [tensor for tensor in first.values() if tensor.place is not None]
    in_order = iter(sorted(parameters, key=lambda tensor: tensor.place or 0))
    ordered = [tensor if tensor.place is None else next(in_order) for tensor in first.values()]
    return tuple([tensor.name for tensor in ordered])


def _as_written(e: Expr) -> Roots:
    """What a node was made from, which was written, before what it is made of."""
    return (*e.origins, *children(e))


def tensors_of(e: Expr) -> dict[str, Tensor]:
    """Every tensor met in the making of `e`, by name."""
    kinds = _kinds([e])
    for tensors in kinds.values():
        for other in tensors[1:]:
            check_ranks(tensors[0], other)
    return {name: tensors[0] for name, tensors in kinds.items()}


def names_of_index_arrays(e: Expr) -> set[str]:
    """The names of the index arrays met in the making of `e`, held ones too."""
    found: set[str] = set()
    for node in walk([e], everything):
        if is_hot(node) and isinstance(node.arguments[0], (Tensor, Constant)):
            found.add(node.arguments[0].name or "")
    return found


def declared(roots: Sequence[Expr]) -> dict[str, Expr]:
    """Every tensor that the expressions have met, by name: where one was declared with names of
    axes, that one.
    """
    found: dict[str, Expr] = {}
    for node in walk(roots, everything):
        if isinstance(node, Tensor):
            known = found.setdefault(node.name, node)
            if not any(known.axes):
                found[node.name] = node
    return found


def tensors_in(roots: Sequence[Expr]) -> dict[str, int]:
    """Every tensor that the expressions have met, with its number of axes."""
    kinds = _kinds(roots)  # what the expressions share is looked at once
    if any(len(tensors) > 1 for tensors in kinds.values()):
        _check_together(roots)
    return {name: tensors[0].ndim for name, tensors in kinds.items()}


def _kinds(roots: Iterable[Expr]) -> dict[str, list[Tensor]]:
    """Every tensor met, by name: the first of each number of axes, complex or not. There should
    be one.
    """
    kinds: dict[str, list[Tensor]] = {}
    for node in walk(roots, everything):
        if not isinstance(node, Tensor) or not is_name(node.name):
            continue  # a tensor that stands in for something else has a name that no user can write
        known = kinds.setdefault(node.name, [])
        if not any(t.ndim == node.ndim and t.complex == node.complex for t in known):
            known.append(node)
    return kinds


def check_ranks(known: Tensor, other: Tensor) -> None:
    """Within one expression all tensors of one name are one tensor."""
    if known.ndim != other.ndim:
        raise ShapeError(
            f"{known.name} stands for a tensor with {counted(known.ndim, 'axis')} and one with "
            f"{counted(other.ndim, 'axis')}: within one expression a tensor is its name"
        )
    if known.complex != other.complex:
        raise EinderivError(
            f"{known.name} is declared complex in one place and not in another: use the one tensor "
            "in both"
        )


def _check_together(roots: Sequence[Expr]) -> None:
    """Tensors of one name have the same number of axes in all expressions; in one of them they
    are one tensor.
    """
    known: dict[str, int] = {}
    for root in roots:
        for name, tensor in tensors_of(root).items():
            if known.setdefault(name, tensor.ndim) != tensor.ndim:
                raise ShapeError(
                    f"{name} has {counted(known[name], 'axis')} in one of the expressions and "
                    f"{counted(tensor.ndim, 'axis')} in another"
                )
