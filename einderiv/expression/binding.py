"""What a caller gives beside expressions: names of tensors, their shapes, sizes of axes and labels.

:func:`solved` takes all of it together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import EinderivError, ShapeError, near
from .arguments import natural
from .names import naming, short_product
from .nodes import Einsum, Expr, Size, everything, walk
from .sizes import Sizes, spoken


def check_known(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise unless all names that are given are among the known ones."""
    for name in given:
        if name not in known:
            raise EinderivError(
                f"no tensor here is called {str(name)[:40]!r}; {near(str(name), known)}"
            )


def shapes_of(given: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of arrays, or as they are given."""
    return {
        name: tuple(natural(n, f"an axis of {name}") for n in getattr(value, "shape", value))
        for name, value in given.items()
    }


def solved(
    roots: Sequence[Expr],
    shapes: Mapping[str, tuple[int, ...]],
    fixed: Mapping[str, int] | None = None,
) -> Sizes:
    """The sizes of the expressions, with the shapes of tensors and the `fixed` sizes that are
    given.
    """
    sizes = Sizes(shapes).read(roots)
    if fixed:
        fix(sizes, roots, fixed)
    return sizes


def fix(sizes: Sizes, roots: Sequence[Expr], fixed: Mapping[str, int]) -> None:
    """Give sizes by axis names of ``ed.tensor``, else by labels of the outermost einsum."""
    for key, measure in fixed.items():
        labels = _labels(roots[0]) if len(roots) == 1 else {}
        if key in sizes.names:
            sizes.fix(key, measure, f"sizes={{{key!r}: {measure}}}")
        elif key in labels:
            found = sizes.known_measure(labels[key])
            if found is not None and found != measure:
                raise ShapeError(
                    f"sizes gives label {key!r} the size {measure}, but it has size {found}"
                )
            if not isinstance(labels[key], int):
                sizes.fix(labels[key], measure, f"sizes={{{key!r}: {measure}}}")
        else:
            for size in _written(sizes, roots, key, (*sizes.names, *labels)):
                sizes.fix(size, measure, f"sizes={{{key!r}: {measure}}}")
    sizes.settled()


def _written(sizes: Sizes, roots: Sequence[Expr], key: str, others: Iterable[str]) -> list[Size]:
    """What a label that was written further inside measures, where it is one size everywhere."""
    inside: dict[str, dict[Size, Size]] = {}
    for node in walk([*roots, *(root.record.of for root in roots if root.record)], everything):
        if isinstance(node, Einsum):
            known: dict[int, Size] = dict(node.given)
            for factor, labels in node.slots:
                known.update(zip(labels, factor.sizes, strict=True))
            for label, letter in node.letters.items():
                if letter and label in known:
                    inside.setdefault(letter, {})[sizes.find(known[label])] = known[label]
    found = list(inside.get(key, {}).values())
    if not found:
        raise EinderivError(
            f"sizes names {key!r}, which is no axis or label here; "
            f"{near(key, dict.fromkeys([*others, *inside]))}"
        )
    if len(found) > 1:
        raise EinderivError(
            f"sizes names {key!r}, which is written for {len(found)} different axes here, "
            f"{' and '.join(map(spoken, found[:2]))}: give the shapes of tensors"
        )
    return found


def _labels(e: Expr) -> dict[str, Size]:
    """The sizes of the labels of the outermost einsum, by the names that are printed."""
    found: dict[str, Size]
    if not isinstance(e, Einsum):
        found = {name: size for name, size in zip(e.axes, e.sizes, strict=True) if name}
        return found if e.record is None else {**_labels(e.record.of), **found}
    flat = short_product(e)
    found = {}
    for names in (naming(flat), naming(flat, short=True)):
        sizes: dict[int, Size] = dict(flat.given)
        for factor, labels in flat.slots:
            sizes.update(zip(labels, factor.sizes, strict=True))
        for label, name in names.labels.items():
            found.setdefault(name, sizes[label])
        for name, label in zip(names.axes, flat.output, strict=True):
            found.setdefault(name, sizes[label])
    # A label of what was derived may have vanished from the derivative; its size is still a size of
    # it.
    return found if e.record is None else {**_labels(e.record.of), **found}
