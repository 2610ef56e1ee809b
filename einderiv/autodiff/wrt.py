"""What one derives by: tensors, names, operand positions, parts, and trees of those, resolved.

A position means one slot of the outermost einsum as it was written, a part all occurrences of a
hidden value. A tensor of its own stands there while the rules run, and the operand or the part goes
back into what is left of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from numbers import Integral
from typing import Any

from ..errors import EinderivError, ShapeError, counted, near
from ..expression import (
    Einsum,
    Expr,
    Tensor,
    axis_names,
    called,
    check_ranks,
    children,
    dressed,
    leaves,
    mapped,
    names_of_index_arrays,
    placeholder,
    put,
    replaced,
    tensors_of,
    term_beside,
    title_of,
    used_names,
    walk,
    with_tensor_for,
    written_slots,
)
from ..functions import is_conjugate, variable
from .rules import stand_in


@dataclass(frozen=True, slots=True)
class Wrt:  # no tuple: trees of `wrt` are made of tuples
    """One leaf of `wrt`, resolved: the tensor to derive by, in `y` itself or in a copy with a
    slot replaced.
    """

    tensor: Tensor
    label: str  # for printing
    position: int | None
    part: Expr | None = None

    @property
    def is_hidden(self) -> bool:
        """Does a tensor of its own stand for it?"""
        return self.position is not None or self.part is not None


@dataclass(frozen=True, slots=True)
class Base:
    """An expression with tensors of their own in slots and for parts, and what they stand for."""

    expression: Expr
    stands_for: dict[str, Expr]

    def restored(self, e: Expr) -> Expr:
        """`e` with the operands and parts back in their places."""
        if not self.stands_for:
            return e
        back = replaced(e, self.stands_for)
        if back is e:
            return e
        return dressed(back, axes=e.axes, origins=e.origins, record=e.record)


def resolved(y: Expr, wrt: Any, base: Base | None = None) -> tuple[Base, Any]:
    """`wrt` with its leaves resolved, and `y` with a tensor of its own in each slot that `wrt`
    counts, and for each part that it holds.

    `base` is `y` with some slots replaced already.
    """
    base = Base(y, {}) if base is None else base
    known = tensors_of(y)
    slots: dict[int, Wrt] = {}
    parts: dict[int, Wrt] = {}
    for leaf in leaves(wrt):
        if _is_position(leaf) and leaf not in slots:
            base, slots[leaf] = _slot_target(y, base, _slot(y, leaf))
        elif _is_part(leaf) and id(leaf) not in parts:
            base, parts[id(leaf)] = _part_target(y, base, leaf)

    def target(leaf: Any) -> Wrt:
        if _is_position(leaf):
            return slots[leaf]
        return parts[id(leaf)] if _is_part(leaf) else _named(leaf, known, y)

    targets = mapped(target, wrt)
    names = [t.tensor.name for t in leaves(targets)]
    for t in leaves(targets):
        if names.count(t.tensor.name) > 1:
            name = t.label if t.part is not None else t.tensor.name
            raise EinderivError(f"wrt has {name.replace('#', 'operand ')} twice")
    return base, targets


def _is_part(leaf: object) -> bool:
    """Is a leaf a hidden value: an expression that is no tensor, nor the conjugate of one?"""
    is_tensor = isinstance(leaf, Tensor) or (isinstance(leaf, Expr) and variable(leaf) is not None)
    return isinstance(leaf, Expr) and not is_tensor


def _part_target(y: Expr, base: Base, part: Expr) -> tuple[Base, Wrt]:
    """A tensor for all occurrences of a part, in the place of which it is put."""
    label = title_of(part) or called(part)
    for name, known in base.stands_for.items():
        if known is part:
            return base, Wrt(_of_name(base.expression, name), label, None, part)
    tensor = placeholder(f"#{len(base.stands_for)} part", part.axis_sizes)
    put(tensor, "axes", part.axes)
    found = with_tensor_for(base.expression, part, tensor)
    if found is None:
        raise EinderivError(
            f"{called(part)} is no part of {called(y)} as it stands: derive by the very value that "
            "it was made of, or by a tensor"
        )
    beside = term_beside(found, part)
    if beside is not None:
        raise EinderivError(
            f"{called(part)} is a part of {called(y)}, and so is its term {called(beside)} alone: "
            "which of them is meant is not known; write it with a tensor in the place of the part"
        )
    found = dressed(found, axes=base.expression.axes, origins=base.expression.origins)
    stands_for = {**base.stands_for, tensor.name: part}
    return Base(found, stands_for), Wrt(tensor, label, None, part)


def with_named_part(y: Expr, part: object) -> tuple[Expr, Tensor] | None:
    """`y` with a tensor in the place of a part, and that tensor, which has a name that users may
    write; None for what is no part.
    """
    if not isinstance(part, Expr) or not _is_part(part):
        return None
    base, t = _part_target(y, Base(y, {}), part)
    taken = {*tensors_of(y), *used_names(y)}
    name = title_of(part)
    if name is None or name in taken:
        name = next(letter for letter in _names() if letter not in taken)
    tensor = Tensor(name, part.axes)
    return replaced(base.expression, {t.tensor.name: tensor}), tensor


def _names() -> Iterator[str]:
    yield "Z"
    yield from (f"Z{k}" for k in count(1))


def _of_name(e: Expr, name: str) -> Tensor:
    return next(node for node in walk([e]) if isinstance(node, Tensor) and node.name == name)


def _is_position(leaf: object) -> bool:
    return isinstance(leaf, Integral) and not isinstance(leaf, bool)


def _slot_target(y: Expr, base: Base, k: int) -> tuple[Base, Wrt]:
    """The tensor that stands in slot `k` of `base`, which is put there unless it is."""
    assert isinstance(y, Einsum)
    inside = base.expression
    if any(is_of_part(name) for name in base.stands_for):
        raise EinderivError(
            "wrt has a position beside a part: derive by one, and then by the other"
        )
    assert isinstance(inside, Einsum)
    operand, _ = written_slots(y)[k]
    here, _ = written_slots(inside)[k]
    label = operand.name if isinstance(operand, Tensor) else f"operand {k} ({called(operand)})"
    if isinstance(here, Tensor) and here.name == f"#{k}":
        return base, Wrt(here, label, k)
    inside, own = stand_in(inside, k)
    return Base(inside, {**base.stands_for, own.name: operand}), Wrt(own, label, k)


def is_of_part(name: str) -> bool:
    """Is a tensor of that name one that stands for a part?"""
    return name.endswith(" part")


def _slot(y: Expr, position: Any) -> int:
    """The slot of the outermost einsum at a position, which may count from the end."""
    k = int(position)
    if not isinstance(y, Einsum):
        raise EinderivError(
            f"position {k} counts the operands of an einsum, but this is {called(y)}; "
            "derive by a name or a tensor"
        )
    n = len(written_slots(y))
    if not -n <= k < n:
        raise EinderivError(
            f"position {k} is out of range for {counted(n, 'operand')}: 0 to {n - 1}, or -{n} to -1"
        )
    return k % n


def _named(leaf: Any, known: dict[str, Tensor], y: Expr) -> Wrt:
    """A tensor of `y`, its conjugate, or its name."""
    if isinstance(leaf, Tensor):
        if leaf.structure != "index":
            check_ranks(known.get(leaf.name, leaf), leaf)
            return Wrt(leaf, leaf.name, None)
        leaf = leaf.name
    if isinstance(leaf, Expr) and is_conjugate(leaf):
        name, inner = variable(leaf), children(leaf)[0]
        assert isinstance(inner, Tensor)
        own = Tensor(name or "", inner.declared)
        put(own, "axis_sizes", inner.axis_sizes)
        return Wrt(own, own.name, None)
    if not isinstance(leaf, str):
        raise TypeError(
            "wrt must be a tensor, its name, an operand position, a part of the expression, or a "
            f"list, tuple or dict of those, not {type(leaf).__name__}"
        )
    is_known = leaf in known and known[leaf].structure != "index"
    if not is_known and leaf in names_of_index_arrays(y):
        raise TypeError(f"{leaf} is an index array, whole numbers: there is no derivative by it")
    if leaf not in known:
        raise EinderivError(f"no tensor here is called {leaf[:40]!r}; {near(leaf, known)}")
    return Wrt(known[leaf], leaf, None)


def check_apart(y: Expr, targets: list[Wrt]) -> None:
    """A second derivative by a slot and by a tensor that the slot holds has no one meaning."""
    names = {t.tensor.name for t in targets if not t.is_hidden}
    for t in targets:
        operand = t.part
        what = f"{t.label} and {{0}}, which is in it"
        if t.position is not None and isinstance(y, Einsum):
            operand, _ = written_slots(y)[t.position]
            what = f"position {t.position} and {{0}}, which stands there"
        inside = names & set(tensors_of(operand)) if operand is not None else set()
        if inside:
            raise EinderivError(
                f"wrt has {what.format(min(inside))}: derive by one of them, and then by the other"
            )


def shared_axes(y: Expr, t: Wrt, shared: Any) -> tuple[int, int]:
    """The axis of `y` and the axis of the tensor that `shared` names: one name for both, or a
    pair of axes.
    """
    first, second = _pair(shared, "of what is derived, and one of wrt")
    of_y = _axis(axis_names(y), first, called(y))
    of_x = _axis(_names_of(y, t), second, t.label)
    return of_y, of_x


def shared_of_both(y: Expr, t: Wrt, s: Wrt, shared: Any) -> tuple[int, int]:
    """The axes of two tensors that `shared` names, for a second derivative of `y` by both."""
    first, second = _pair(shared, "of wrt, and one of wrt2")
    return _axis(_names_of(y, t), first, t.label), _axis(_names_of(y, s), second, s.label)


def _pair(shared: Any, which: str) -> tuple[Any, Any]:
    if not isinstance(shared, (tuple, list)):
        return shared, shared
    if len(shared) != 2:
        raise EinderivError(
            f"shared names {counted(len(shared), 'axis')}, but it is one name, or a pair: an axis "
            f"{which}"
        )
    first, second = shared
    return first, second


def _names_of(y: Expr, t: Wrt) -> tuple[str | None, ...]:
    """The names of the axes of a target; where none were declared, its letters in the outermost
    einsum.
    """
    if any(t.tensor.axes) or not isinstance(y, Einsum):
        return t.tensor.axes
    letters = (y.written or y).letters
    written: set[tuple[str | None, ...]] = set()
    for k, (operand, labels) in enumerate(written_slots(y)):
        by_name = isinstance(operand, Tensor) and operand.name == t.tensor.name
        is_target = by_name if t.position is None else k == t.position
        if is_target:
            written.add(tuple([letters.get(label) for label in labels]))
    return written.pop() if len(written) == 1 else t.tensor.axes


def _axis(names: tuple[str | None, ...], axis: Any, what: str) -> int:
    """One axis of `what`, by its name or counted from either end."""
    if _is_position(axis):
        k = int(axis)
        if not -len(names) <= k < len(names):
            raise ShapeError(
                f"shared axis {k} is out of range for {counted(len(names), 'axis')} of {what}"
            )
        return k % len(names)
    if not isinstance(axis, str):
        raise TypeError(
            "shared is the name or position of an axis, or a pair of those, not "
            f"{type(axis).__name__}"
        )
    count = names.count(axis)
    if count != 1:
        several = f"{count} axes" if count else "no axis"
        known = ", ".join([name or "?" for name in names]) or "none"
        raise ShapeError(
            f"{what} has {several} called {axis[:40]!r} to share; its axes are {known}"
        )
    return names.index(axis)


def paired(targets: Any, values: Any, what: str = "directions") -> list[tuple[Wrt, Any]]:
    """The leaves of two trees of the same structure, side by side."""
    if isinstance(targets, Wrt):
        return [(targets, values)]
    if type(values) is not type(targets) or len(values) != len(targets):
        raise TypeError(
            f"wrt is a {type(targets).__name__} of {len(targets)}: the {what} must be one too"
        )
    keys: Any = range(len(targets))
    if isinstance(targets, dict):
        keys = targets
        if set(targets) != set(values):
            mine, theirs = sorted(map(str, targets)), sorted(map(str, values))
            raise TypeError(f"wrt has the keys {mine}, the {what} {theirs}")
    pairs = []
    for key in keys:
        pairs += paired(targets[key], values[key], what)
    return pairs
