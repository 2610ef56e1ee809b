"""Sparse arrays of SciPy as einsums over their entries.

``A[i,j] = Σ_e v[e] [i = r[e]] [j = c[e]]``: the values, and an index array for each axis. What is
not stored is a zero that is selected, never multiplied: nan and inf elsewhere do not meet it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .index_building import one_hot_of
from .nodes import Einsum, Expr, Tensor
from .unify import assemble, fresh_labels


class Stored(NamedTuple):
    """The entries that are stored: their values, and for each axis the places where they are."""

    values: Any
    places: tuple[Any, ...]
    shape: tuple[int, ...]


def is_sparse(value: object) -> bool:
    """Is `value` a sparse array or matrix of SciPy? SciPy is not imported for the answer."""
    if not hasattr(value, "tocoo"):
        return False
    return any(base.__module__.startswith("scipy.sparse") for base in type(value).__mro__)


def stored(array: Any) -> Stored:
    """The entries of a sparse array, each place once; zeros that are stored stay.

    The array of the caller is not written to.
    """
    is_canonical = getattr(array, "has_canonical_format", False)
    if is_canonical and array.format != "bsr":
        found = array.tocoo(copy=False)
    else:
        found = array.tocoo(copy=True)
        own = found.dtype
        if own.kind in "iu" and own.itemsize < 8:  # sums of duplicates are exact
            found = found.astype("int64")
        found.sum_duplicates()
        narrow = found.astype(own)
        if found.dtype != own and (narrow.data == found.data).all():
            found = narrow
    places = tuple([place.astype("int64", copy=False) for place in found.coords])
    return Stored(found.data, places, tuple(map(int, found.shape)))


def spread(values: Expr, places: Sequence[Expr], shape: Sequence[int]) -> Einsum:
    """What has `values` at `places`, an index array for each axis of `shape`, and else zeros."""
    (entry, *axes) = fresh_labels(1 + len(places))
    slots: list[tuple[Expr, tuple[int, ...]]] = [(values, (entry,))]
    for index_array, axis, size in zip(places, axes, shape, strict=True):
        slots.append((one_hot_of(index_array, size), (entry, axis)))
    given = tuple(zip(axes, shape, strict=True))
    names = (None,) * len(axes)
    return assemble(1, slots, tuple(axes), axes=names, given=given)


def named_entries(tensor: Tensor, names: Sequence[str], shape: Sequence[int]) -> Einsum:
    """A tensor that is given as a sparse array: the first of `names` is that of its values, the
    others those of its places.
    """
    values = Tensor(names[0], (None,), imaginary=tensor.complex)
    places = [Tensor(name, (None,), "index") for name in names[1:]]
    return spread(values, places, shape)
