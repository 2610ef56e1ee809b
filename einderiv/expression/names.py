"""Letters for labels: the author's wherever possible, else the first unused ones. Naming is
deterministic.

A class of tied labels goes by its first label in the output, else by the first in written order. A
later occurrence of a repeated output label has a name of its own, which only the deltas show.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from .canonical import FLATTENED
from .embedding import labels_in
from .labels import Label
from .nodes import Add, Einsum, Expr, is_hot, walk, wrapped
from .subscripts import LETTERS, fresh_names
from .traverse import tensors_of
from .unify import bare, flatten

_LETTERS = frozenset(LETTERS)


class Naming(NamedTuple):
    """A name for every output axis, and one for every label."""

    axes: tuple[str, ...]
    labels: dict[Label, str]


def naming(e: Einsum, *, short: bool = False, used: Iterable[str] = ()) -> Naming:
    """Names for a flat einsum; `short` shortens words to ASCII letters, and letters that are none.

    Single letters keep their place first, so that shortening a word never takes a letter that
    somebody wrote.
    """
    # The axes of the output come first, then the other labels as they are written.
    wanted: list[tuple[Label, str | None]] = list(zip(e.output, e.axes, strict=True))
    seen = set(e.output)
    related = sorted(labels_in(e.relations)) if e.relations else ()
    for label in chain(*e.inputs, related, bare(e)):
        if label not in seen:
            seen.add(label)
            wanted.append((label, e.letters.get(label)))
    taken = set(used)
    kept: list[str | None] = []
    for _, name in wanted:
        is_no_letter = short and name not in _LETTERS
        if name is None or name in taken or is_no_letter:
            kept.append(None)
        else:
            kept.append(name)
            taken.add(name)
    free = iter(fresh_names(kept.count(None), taken))
    names = [name if name is not None else next(free) for name in kept]
    labels: dict[Label, str] = {}
    for (label, _), name in zip(wanted, names, strict=True):
        labels.setdefault(label, name)
    return Naming(tuple(names[: e.ndim]), labels)


def short_product(e: Expr) -> Einsum:
    """`e` as one product for naming: flat, unless it is so large that nobody reads its letters."""
    product = wrapped(e)
    return flatten(product) if product.count <= FLATTENED else product


def axis_names(e: Expr) -> tuple[str, ...]:
    """The names of the axes as they are printed."""
    return naming(short_product(e)).axes if e.ndim else ()


def used_names(e: Expr) -> set[str]:
    """Every name that printing `e` may show, of labels that have vanished too."""
    used: set[str] = set()
    for node in walk([e]):
        used.update([name for name in node.axes if name])
        if isinstance(node, Einsum):
            used.update([name for name in node.letters.values() if name])
    terms = e.addends if isinstance(e, Add) else (e,)
    for term in terms:
        if isinstance(term, Einsum):
            flat = short_product(term)
            names = naming(flat)
            used.update(names.axes)
            composite = _composite(flat)
            used.update([name for x, name in names.labels.items() if x not in composite])
    return used


def _composite(flat: Einsum) -> set[Label]:
    """Labels that nobody wrote, of axes that hold an index expression."""
    if flat.parts is None:
        return set()
    values = [labels[-1] for factor, labels in flat.slots if is_hot(factor)]
    related = labels_in(flat.relations).union(values)
    return {label for label in related if flat.letters.get(label) is None}


def new_axes(e: Expr, count: int) -> tuple[str, ...]:
    """Names for new axes: the first letters that `e` does not use, as names of tensors neither."""
    return tuple(fresh_names(count, used_names(e).union(tensors_of(e))))
