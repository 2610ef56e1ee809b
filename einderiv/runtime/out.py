"""The arrays that results are written into, ``out=``: leaf by leaf of the expressions, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from ..backends import BACKENDS
from ..errors import BackendError, EinderivError, ShapeError
from ..expression import leaves

Place = tuple[str, Any]  # where an array stands, as a user would write it, and the array
# keywords of a call: a tensor of such a name is given in a mapping
OPTIONS = ("sizes", "out", "zeroed")
FEW = 6  # arrays whose pairs are compared one by one
WORK = 10**5  # steps that are spent on telling whether two arrays share a number


def check_options(
    options: Mapping[str, Any], tensors: Iterable[str], arrays: Mapping[str, Any] | None
) -> None:
    """Raise unless it is clear what the options are: options, and no tensors that have these
    names.
    """
    sizes = options.get("sizes")
    out = options.get("out")
    zeroed = options.get("zeroed", False)
    meant = {
        "out": out is not None,
        "zeroed": zeroed is not False,
        "sizes": not isinstance(sizes, Mapping | None),
    }
    for name, given in meant.items():
        if given and name in tensors and name not in (arrays or {}):
            raise EinderivError(
                f"{name}= is an option of this call, and also one of the tensors: give the arrays "
                f"in a mapping, {{{name!r}: array, …}}, then {name}= is the option"
            )
    if not isinstance(zeroed, bool):
        raise TypeError(
            f"zeroed says of out whether it holds zeros: True or False, not {type(zeroed).__name__}"
        )
    if zeroed and out is None:
        raise EinderivError("zeroed=True says something of out=, which is not given")


def check_dense_numpy(backend: str, dense: bool) -> None:
    """Raise where there is no one array of NumPy to write into."""
    if not BACKENDS[backend].writes:
        raise BackendError(f"out= is for NumPy arrays, not for those of {backend}")
    if not dense:
        raise EinderivError("dense=False gives cores, not one array: out= needs dense=True")


def received(tree: Any, out: Any, shapes: Sequence[tuple[int, ...]], dtype: Any) -> list[Any]:
    """The arrays of `out` for the leaves of `tree`, None where a fresh one is wanted; raises for
    what does not fit.
    """
    places = _paired(tree, out, "out")
    for (what, array), shape in zip(places, shapes, strict=True):
        if array is not None:
            _check(what, array, shape, dtype)
    given = [(what, array) for what, array in places if array is not None]
    for j, k in near([array for _, array in given]):
        one, array = given[j]
        other, other_array = given[k]
        if _shared(array, other_array):
            raise EinderivError(f"{one} and {other} share memory, so they cannot hold two results")
    return [array for _, array in places]


def _paired(tree: Any, out: Any, what: str) -> list[Place]:
    """The arrays of `out` for the leaves of `tree`, with what a user would write for each."""
    if out is None:
        return [(what, None)] * len(leaves(tree))
    places: list[Place] = []
    if isinstance(tree, dict):
        if not isinstance(out, Mapping) or out.keys() != tree.keys():
            raise EinderivError(
                f"{what} must be a dict with the keys of the expressions, "
                f"{', '.join(map(repr, tree))}"
            )
        for key in tree:
            places += _paired(tree[key], out[key], f"{what}[{key!r}]")
        return places
    if isinstance(tree, (list, tuple)):
        if not isinstance(out, (list, tuple)) or len(out) != len(tree):
            raise EinderivError(
                f"{what} must be a list or tuple of {len(tree)}, as the expressions are"
            )
        for k in range(len(tree)):
            places += _paired(tree[k], out[k], f"{what}[{k}]")
        return places
    return [(what, out)]


def _check(what: str, array: Any, shape: tuple[int, ...], dtype: Any) -> None:
    import numpy as np

    if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{what} must be a NumPy array, not {type(array).__name__}")
    if array.shape != shape:
        raise ShapeError(f"{what} has shape {array.shape}, but the result has shape {shape}")
    if array.dtype != dtype:
        raise EinderivError(f"{what} has dtype {array.dtype}, but the result has dtype {dtype}")
    if not array.flags.writeable:
        raise EinderivError(f"{what} is read-only: give an array that can be written to")
    # An array without entries has steps of 0, and no number in it.
    steps = zip(array.shape, array.strides, strict=True)
    if array.size and any(n > 1 and step == 0 for n, step in steps):
        raise EinderivError(
            f"{what} has one number in several places, as a broadcast array has: give a copy of it"
        )


def _shared(x: Any, y: Any) -> bool:
    """Do two arrays share a number? Also where that is too hard to say."""
    import numpy as np

    try:
        return np.may_share_memory(x, y) and np.shares_memory(x, y, max_work=WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def near(arrays: Sequence[Any]) -> list[tuple[int, int]]:
    """The pairs of arrays that may share memory, as far as the ends of each say: its places, the
    lower one first.
    """
    import numpy as np

    kept = [(k, a) for k, a in enumerate(arrays) if isinstance(a, np.ndarray)]
    if len(kept) <= FEW:
        return [(j, k) for (j, x), (k, y) in combinations(kept, 2) if np.may_share_memory(x, y)]
    bounds = []
    for k, array in kept:
        if array.size:
            low, high = np.lib.array_utils.byte_bounds(array)
            bounds.append((low, high, k))
    # From the lowest address up: those that end behind `low` overlap with the array there.
    pairs: list[tuple[int, int]] = []
    reaching: list[tuple[int, int]] = []
    for low, high, k in sorted(bounds):
        reaching = [(end, j) for end, j in reaching if end > low]
        pairs += [(min(j, k), max(j, k)) for _, j in reaching]
        reaching.append((high, k))
    return sorted(pairs)


def apart(arrays: Sequence[Any], others: Sequence[Any]) -> list[bool]:
    """Which of `arrays` lie in other memory than all of `others`?"""
    count = len(arrays)
    # Pairs of one of `arrays`, whose places come first, and one of `others`.
    touched = {j for j, k in near([*arrays, *others]) if j < count <= k}
    return [k not in touched for k in range(count)]
