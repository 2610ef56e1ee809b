"""What a caller gives beside expressions: names of tensors, their shapes, sizes of axes and labels.

:func:`solved` takes all of it together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ..errors import EinderivError, ShapeError, near
from .arguments import natural
from .arrays import usable
from .dims import check_labels, dims_of, indexes_of, turned
from .foreign import root_of
from .labels import Size
from .names import label_sizes, naming, short_product
from .nodes import Einsum, Expr, Tensor, everything, is_hot, walk
from .size_algebra import variables
from .sizes import Sizes, spoken

VALUES = "values of "  # and the name of an index array: the key of the size 1 + the largest


def check_known(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise unless all names that are given are among the known ones."""
    for name in given:
        if name not in known:
            raise EinderivError(
                f"no tensor here is called {str(name)[:40]!r}; {near(str(name), known)}"
            )


def by_dims(arrays: Mapping[str, Any], tensors: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The arrays, those with named axes (of xarray) turned to the order of their tensors.

    `tensors` gives the tensors by name, and is called where an array has names. A tensor whose axes
    have no names takes any array by position.

    Raises ShapeError where the names are not those of the tensor, and where two arrays have other
    coordinates along an axis of one name.
    """
    found = dict(arrays)
    coordinates: dict[str, tuple[str, Any]] = {}  # along each dim: of which array, and what
    for name, array in arrays.items():
        dims = dims_of(array)
        if dims is None:
            continue
        tensor = tensors().get(name)
        order = list(range(len(dims)))
        if isinstance(tensor, Tensor) and any(isinstance(axis, str) for axis in tensor.declared):
            order = turned(dims, tensor.declared, f"the array for {name}", "the tensor")
            for dim, index in zip(dims, indexes_of(array), strict=True):
                other, before = coordinates.setdefault(dim, (name, index))
                if before is None:
                    coordinates[dim] = (name, index)
                check_labels(index, before, f"along {dim}", name, other)
        found[name] = _contents(array, order, name)
    return found


def _contents(array: Any, order: list[int], name: str) -> Any:
    """What an array with named axes holds, an array of any library, its axes in this order."""
    if root_of(type(array)) != "xarray":
        return usable(array, name).transpose(order)
    inner = array.variable if hasattr(array, "variable") else array
    return inner.transpose(*[array.dims[axis] for axis in order]).data


def given_by_name(
    known: Collection[str], mapping: Mapping[str, Any] | None, named: Mapping[str, Any]
) -> dict[str, Any]:
    """What a call gives by name. A mapping may hold more than is known, for it may be the data of
    many calls; a keyword is meant for this one, and must be known.

    >>> given_by_name({"X": 2}, {"X": 1, "Y": 2}, {})
    {'X': 1}
    """
    if mapping is not None and not isinstance(mapping, Mapping):
        raise TypeError(
            f"arrays come by name, X=x, or as a mapping, not as {type(mapping).__name__}"
        )
    for name in mapping or ():
        if not isinstance(name, str):
            raise TypeError(
                f"a mapping of arrays has the names of tensors as keys, not {str(name)[:40]}, "
                f"of type {type(name).__name__}"
            )
    check_known(named, known)
    wanted = {name: value for name, value in (mapping or {}).items() if name in known}
    return {**wanted, **named}


def shapes_of(given: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of arrays, or as they are given."""
    shapes = {}
    for name, value in given.items():
        shape = getattr(value, "shape", value)
        shapes[name] = tuple([natural(n, f"an axis of {name}") for n in shape])
    return shapes


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


def valued(roots: Iterable[Expr]) -> list[str]:
    """The index arrays whose number of values some size is made of: 1 + the largest."""
    found: dict[str, None] = {}
    for node in walk(roots, everything):
        if isinstance(node, Einsum) and node.parts is not None:
            for _, size in node.given:
                own = [one for one in variables(size) if isinstance(one, tuple) and one[1] < 0]
                found |= dict.fromkeys([name for name, _ in own])
        if is_hot(node):
            own = [one for one in variables(node.parameters[0]) if isinstance(one, tuple)]
            found |= dict.fromkeys([name for name, axis in own if axis < 0])
    return list(found)


def shaping(roots: Iterable[Expr]) -> set[str]:
    """Of these the ones that decide how many places an axis of a tensor has."""
    found: set[str] = set()
    for node in walk(roots):
        # the one-hot factors themselves are never formed
        for size in () if is_hot(node) else node.axis_sizes:
            own = [one for one in variables(size) if isinstance(one, tuple) and one[1] < 0]
            found.update(name for name, _ in own)
    return found


def fix(sizes: Sizes, roots: Sequence[Expr], fixed: Mapping[str, int]) -> None:
    """Give sizes by axis names of ``ed.tensor``, else by labels of the outermost einsum."""
    labels = _labels(roots[0]) if fixed and len(roots) == 1 else {}
    for key, measure in fixed.items():
        if key.startswith(VALUES):
            name = key.removeprefix(VALUES)
            sizes.fix((name, -1), measure, f"the largest value of {name}")
            continue
        source = f"sizes={{{key!r}: {measure}}}"
        # the name of an axis
        if key in sizes.names:
            sizes.fix(key, measure, source)
        # a label of the outermost einsum
        elif key in labels:
            size = labels[key]
            known = sizes.known_measure(size)
            if known is not None and known != measure:
                raise ShapeError(
                    f"sizes gives label {key!r} the size {measure}, but it has size {known}"
                )
            if not isinstance(size, int):
                sizes.fix(size, measure, source)
        # a label that was written further inside
        else:
            for size in _written(sizes, roots, key, (*sizes.names, *labels)):
                sizes.fix(size, measure, source)
    sizes.settled()


def _written(sizes: Sizes, roots: Sequence[Expr], key: str, others: Iterable[str]) -> list[Size]:
    """What a label that was written further inside measures, where it is one size everywhere."""
    inside: dict[str, dict[Size, Size]] = {}  # for each letter its sizes, equal ones once
    derived = [root.record.of for root in roots if root.record]
    for node in walk([*roots, *derived], everything):
        if not isinstance(node, Einsum):
            continue
        size_of = label_sizes(node)
        for label, letter in node.letters.items():
            if letter and label in size_of:
                size = size_of[label]
                measure = sizes.known_measure(size)
                one = sizes.find(size) if measure is None else measure
                inside.setdefault(letter, {})[one] = size
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
    found: dict[str, Size] = {}
    if isinstance(e, Einsum):
        flat = short_product(e)
        size_of = label_sizes(flat)
        for names in (naming(flat, of=e), naming(flat, short=True, of=e)):
            for label, name in names.labels.items():
                found.setdefault(name, size_of[label])
            for name, label in zip(names.axes, flat.output, strict=True):
                found.setdefault(name, size_of[label])
    else:
        found = {name: size for name, size in zip(e.axes, e.axis_sizes, strict=True) if name}
    if e.record is None:
        return found
    # A label of what was derived may have vanished from the derivative; its size is still a size of
    # it.
    return {**_labels(e.record.of), **found}
