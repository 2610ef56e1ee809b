"""What one derives by: tensors, names, operand positions, and trees of those, resolved.

A position means one slot of the outermost einsum as it was written. A tensor of its own stands in
that slot while the rules run, and the operand goes back into what is left of it.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    put,
    replaced,
    tensors_of,
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


def resolved(y: Expr, wrt: Any, base: Expr | None = None) -> tuple[Expr, Any]:
    """`wrt` with its leaves resolved, and `y` with a tensor of its own in each slot that `wrt`
    counts.

    `base` is `y` with some slots replaced already.
    """
    base = y if base is None else base
    known = tensors_of(y)
    slots: dict[int, Wrt] = {}
    for leaf in leaves(wrt):
        if _is_position(leaf) and leaf not in slots:
            base, slots[leaf] = _slot_target(y, base, _slot(y, leaf))

    def target(leaf: Any) -> Wrt:
        return slots[leaf] if _is_position(leaf) else _named(leaf, known, y)

    targets = mapped(target, wrt)
    names = [t.tensor.name for t in leaves(targets)]
    for name in names:
        if names.count(name) > 1:
            raise EinderivError(f"wrt has {name.replace('#', 'operand ')} twice")
    return base, targets


def _is_position(leaf: object) -> bool:
    return isinstance(leaf, Integral) and not isinstance(leaf, bool)


def _slot_target(y: Expr, base: Expr, k: int) -> tuple[Expr, Wrt]:
    """The tensor that stands in slot `k` of `base`, which is put there unless it is."""
    assert isinstance(y, Einsum)
    assert isinstance(base, Einsum)
    operand, _ = written_slots(y)[k]
    here, _ = written_slots(base)[k]
    label = operand.name if isinstance(operand, Tensor) else f"operand {k} ({called(operand)})"
    if isinstance(here, Tensor) and here.name == f"#{k}":
        return base, Wrt(here, label, k)
    base, own = stand_in(base, k)
    return base, Wrt(own, label, k)


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
            "wrt must be a tensor, its name, an operand position, or a list, tuple or dict of "
            f"those, not {type(leaf).__name__}"
        )
    is_known = leaf in known and known[leaf].structure != "index"
    if not is_known and leaf in names_of_index_arrays(y):
        raise TypeError(f"{leaf} is an index array, whole numbers: there is no derivative by it")
    if leaf not in known:
        raise EinderivError(f"no tensor here is called {leaf[:40]!r}; {near(leaf, known)}")
    return Wrt(known[leaf], leaf, None)


def check_apart(y: Expr, targets: list[Wrt]) -> None:
    """A second derivative by a slot and by a tensor that the slot holds has no one meaning."""
    names = {t.tensor.name for t in targets if t.position is None}
    for t in targets:
        if t.position is None or not isinstance(y, Einsum):
            continue
        operand, _ = written_slots(y)[t.position]
        inside = names & set(tensors_of(operand))
        if inside:
            raise EinderivError(
                f"wrt has position {t.position} and {min(inside)}, which stands there: derive by "
                "one of them, and then by the other"
            )


def shared_axes(y: Expr, t: Wrt, shared: Any) -> tuple[int, int]:
    """The axis of `y` and the axis of the tensor that `shared` names: one name for both, or a
    pair of axes.
    """
    pair = isinstance(shared, (tuple, list))
    if pair and len(shared) != 2:
        raise EinderivError(
            f"shared names {counted(len(shared), 'axis')}, but it is one name, or a pair: an axis "
            "of what is derived, and one of wrt"
        )
    first, second = shared if pair else (shared, shared)
    of_y = _axis(axis_names(y), first, called(y))
    of_x = _axis(_names_of(y, t), second, t.label)
    return of_y, of_x


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


def restored(e: Expr, y: Expr, base: Expr) -> Expr:
    """`e` with the operands of `y` back in the slots that were replaced in `base`."""
    if base is y:
        return e
    assert isinstance(y, Einsum)
    assert isinstance(base, Einsum)
    operands: dict[str, Expr] = {}
    for (new, _), (old, _) in zip(written_slots(base), written_slots(y), strict=True):
        if isinstance(new, Tensor) and new.name.startswith("#"):
            operands[new.name] = old
    back = replaced(e, operands)
    if back is e:
        return e
    return dressed(back, axes=e.axes, origins=e.origins, record=e.record)
