"""Reading entries, ``e[…]``, and index arrays: whole numbers that say where an axis is read or
written.

In an einsum an index array r is the factor ``onehot(r)[e, v]``, which is 1 where r[e] = v: then
``U[r[e], k]`` is ``onehot(r)[e, v] U[v, k]``. It is never formed; what reads the product reads the
array itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any, NamedTuple

from ..errors import ShapeError, counted
from ..expression import (
    AffineIndex,
    Apply,
    ArrayTerm,
    Constant,
    Einsum,
    Expr,
    Label,
    Size,
    as_size,
    assemble,
    at,
    at_least_0,
    called,
    checked,
    checked_size,
    einsum,
    equal_sizes,
    floor_quotient,
    held,
    index_array,
    indexed,
    install_one_hot,
    is_array,
    lengths_of,
    one_hot_of,
    origins_of,
    sized,
)
from ..expression import difference_of_sizes as minus
from ..expression import sign_of_size as sign
from ..expression import sum_of_sizes as plus
from .table import Axis, Function


def _values(_: tuple[Expr, ...], __: int, parameters: tuple[Any, ...]) -> tuple[Axis, ...]:
    """One axis more, with as many places as the axis that is pointed into."""
    (size,) = parameters
    return ((size, None),)


def _none(node: Apply) -> tuple[Expr, ...]:
    if is_place(node.arguments[0]):
        return ()  # computed places are constant between their jumps
    raise TypeError("an index array is whole numbers: there is no derivative by it")


def is_place(e: Expr) -> bool:
    """Is an expression made of places that are computed, like the order of numbers?"""
    return isinstance(e, Apply) and e.function.places


ONE_HOT = Function(
    "one_hot",
    "1 where r[e] = v, else 0",
    (_none,),
    "none: r is whole numbers",
    {},
    r"\delta\left[{0}\right]",
    shape=_values,
    integer=lambda *_: 1,
    analytic=False,
    selects=True,
)

install_one_hot(ONE_HOT)


def one_hot(ids: object, size: object, /) -> Expr:
    """``one_hot(r, n)[e, v] = 1 where r[e] = v, else 0``: of the shape of `ids`, and n.

    `ids` is an array of whole numbers, or the name of a vector of them that is given later.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.one_hot([2, 0], 3)).tolist()
    [[0, 0, 1], [1, 0, 0]]

    Raises TypeError for what is no array of whole numbers, ShapeError for negative ones.
    """
    if isinstance(ids, str):
        return einsum("->e(r[e])".replace("r[", f"{ids}["), sizes={ids: size})  # type: ignore[dict-item]
    array = held_index_array(ids)
    factor = one_hot_of(array, checked_size("one_hot", size))
    labels = tuple(range(factor.ndim))
    met = origins_of(size)
    return checked(assemble(1, [(factor, labels)], labels, axes=factor.axes, origins=met))


Array = Any  # of NumPy, which is imported when an array is there


class Cut(NamedTuple):
    """The places ``start + step · j`` of an axis, for j < length."""

    start: Size
    step: int
    length: Size


class _Whole(NamedTuple):
    """A whole number that indexes: it counts from the end where it is negative."""

    place: Size


class _Places(NamedTuple):
    """An index array; from a boolean array, with the length that an axis must have for it."""

    array: Array
    length: int | None = None
    name: str | None = None  # for printing


class _Computed(NamedTuple):
    """Places that are computed when arrays are there, and the axes that they are read at."""

    places: Apply
    order: tuple[int, ...]  # for each axis of `places` that of the expression it stands in


class _Truth(NamedTuple):
    """A single True or False: a new axis of one place, or of none."""

    array: Array


_Item = _Whole | _Places | _Computed | _Truth | slice | EllipsisType | None


def entries(e: Expr, key: Any) -> Expr:
    """``e[key]``: NumPy's reading forms. Whole numbers, slices, ``None``, ``...``, arrays of whole
    numbers, which go together as pairs, and held boolean arrays.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(x[1:] - x[:-1], x=[1, 4, 9]).tolist()
    [3, 5]

    Slices are clipped where the size is known; where it is not they must be inside, which is
    checked when arrays are given.

    Raises ShapeError for places that are not there, TypeError for what is no index.
    """
    return _Reading(e, key).expression()


class _Reading:
    """An expression that is read at a key, item by item."""

    def __init__(self, e: Expr, key: Any) -> None:
        self.e = e
        self.lengths = lengths_of(e)
        self.domains: dict[Label, Size] = {}
        self.names: dict[Label, str | None] = {}
        self.reads: list[AffineIndex] = []
        self.output: list[Label] = []  # of slices and new axes
        self.met: list[Expr | None] = []  # for checks when sizes are known
        given: list[_Item] = []
        for item in key if isinstance(key, tuple) else (key,):
            self.met += origins_of(item)
            if isinstance(item, slice):
                self.met += origins_of(item.start, item.stop)
            given += _items(item)
        self.items = self._without_ellipsis(given)
        self.has_arrays = any([isinstance(item, (_Places, _Computed, _Truth)) for item in given])
        # Arrays, and numbers beside them, that stand together are replaced where they stand.
        places = [k for k, item in enumerate(given) if self._is_advanced(item)]
        together = bool(places) and places == list(range(places[0], places[-1] + 1))
        self.before: int | None = places[0] if together else 0
        self.first = given[places[0]] if together else None

    def _without_ellipsis(self, given: Sequence[_Item]) -> list[_Item]:
        """The items, with full slices for ``...`` and behind the last."""
        if sum([item is ... for item in given]) > 1:
            raise ShapeError("an index can only have a single ellipsis ('...')")
        used = sum([isinstance(item, (_Whole, _Places, _Computed, slice)) for item in given])
        if used > self.e.ndim:
            raise ShapeError(
                f"too many indices: {called(self.e)} has {counted(self.e.ndim, 'axis')}, but "
                f"{used} were indexed"
            )
        rest: list[_Item] = [slice(None)] * (self.e.ndim - used)
        place = next((k for k, item in enumerate(given) if item is ...), len(given))
        return [*given[:place], *rest, *given[place + 1 :]]

    def _is_advanced(self, item: _Item) -> bool:
        """Is an item an array, or a number beside arrays, which counts as one?"""
        if isinstance(item, (_Places, _Computed, _Truth)):
            return True
        return isinstance(item, _Whole) and self.has_arrays

    def expression(self) -> Expr:
        shape, labels = self._broadcast()
        axis = 0
        place: int | None = None  # of the axes of arrays in the result
        for item in self.items:
            if item is self.first and item is not None and place is None:
                place = len(self.output)
            if item is None:
                label = self._new_label(1)
                self.output.append(label)
            elif isinstance(item, slice):
                self.reads.append(self._slice(item, axis))
                axis += 1
            elif isinstance(item, _Whole):
                self.reads.append(AffineIndex(self._place(item.place, axis)))
                axis += 1
            elif isinstance(item, _Places):
                self.reads.append(self._array(item, axis, labels))
                axis += 1
            elif isinstance(item, _Computed):
                self.reads.append(self._computed(item, axis, labels))
                axis += 1
        place = 0 if place is None else place
        order = [*self.output[:place], *labels, *self.output[place:]]
        self.domains.update(zip(labels, shape, strict=True))
        return indexed(
            [(self.e, self.reads)],
            [at(label) for label in order],
            self.domains,
            [self.domains[label] for label in order],
            [self.names.get(label) for label in order],
            origins=tuple([one for one in self.met if one is not None]),
        )

    def _new_label(self, size: Size, name: str | None = None) -> Label:
        label = len(self.domains)
        self.domains[label] = size
        self.names[label] = name
        return label

    # ---- one axis
    def _slice(self, item: slice, axis: int) -> AffineIndex:
        cut, checks = places_of(item, self.lengths[axis])
        self.met += checks
        own = self.e.axis_sizes[axis]
        whole = cut == Cut(0, 1, self.lengths[axis])
        label = self._new_label(own if whole else cut.length, self.e.axes[axis])
        self.output.append(label)
        return at(label, cut.start, cut.step)

    def _place(self, place: Size, axis: int) -> Size:
        """A place of an axis; a negative one counts from the end."""
        size = self.lengths[axis]
        found = plus(size, place) if sign(place) == -1 else place
        rest = minus(size, plus(found, 1))
        if any([isinstance(x, int) and x < 0 for x in (found, rest)]):
            raise ShapeError(
                f"index {place} is out of bounds for axis {axis} of {called(self.e)}, with size "
                f"{size}"
            )
        self.met += [at_least_0(found), at_least_0(rest)]
        return found

    def _array(self, item: _Places, axis: int, labels: Sequence[Label]) -> AffineIndex:
        """An axis that is read where an index array says."""
        array, size = item.array, self.lengths[axis]
        if item.length is not None:
            if isinstance(size, int) and size != item.length:
                raise ShapeError(
                    f"boolean index did not match {called(self.e)} along axis {axis}: the size of "
                    f"the axis is {size}, but that of the boolean array {item.length}"
                )
            self.met.append(equal_sizes(size, item.length))
        array, places = _without_broadcast(array, labels)
        name = item.name if array.shape == item.array.shape else None
        if not array.size:
            return self._alone(array, places, axis, name)
        lowest, highest = int(array.min()), int(array.max())
        if isinstance(size, int):
            if lowest < -size or highest >= size:
                worst = lowest if lowest < -size else highest
                raise ShapeError(
                    f"index {worst} is out of bounds for axis {axis} of {called(self.e)}, with "
                    f"size {size}"
                )
            if lowest < 0:
                array = _whole_numbers(array)
                array[array < 0] += size
                name = None  # another array
            return self._alone(array, places, axis, name)
        if highest >= 0:
            self.met.append(at_least_0(minus(size, highest + 1)))
        if lowest >= 0:
            return self._alone(array, places, axis, name)
        self.met.append(at_least_0(plus(size, lowest)))
        # r[e] + n where r[e] is negative: with c = r - lowest, c[e] + lowest + n negative[e]
        counted_up = _whole_numbers(array) - lowest
        term = ArrayTerm(_held(counted_up), places, highest - lowest + 1)
        if highest < 0:
            return AffineIndex(plus(size, lowest), (), (term,))
        negative = _whole_numbers(array < 0)
        return AffineIndex(lowest, (), (term, ArrayTerm(_held(negative), places, 2, size)))

    def _alone(
        self, array: Array, places: tuple[Label, ...], axis: int, name: str | None
    ) -> AffineIndex:
        term = ArrayTerm(_held(array, name), places, self.e.axis_sizes[axis])
        return AffineIndex(0, (), (term,))

    def _computed(self, item: _Computed, axis: int, labels: Sequence[Label]) -> AffineIndex:
        """An axis that is read at computed places; it has as many as the axis that they are of."""
        size = self.e.axis_sizes[axis]
        pointed_into = item.places.arguments[0].axis_sizes[-1]
        self.met.append(equal_sizes(size, pointed_into))
        own = tuple([labels[place] for place in item.order])
        return AffineIndex(0, (), (ArrayTerm(item.places, own, size),))

    # ---- arrays together
    def _broadcast(self) -> tuple[tuple[Size, ...], list[Label]]:
        """The shape of all arrays together, and its labels."""
        computed = [item for item in self.items if isinstance(item, _Computed)]
        if computed:
            first = computed[0]
            if sum(map(self._is_advanced, self.items)) > 1:
                raise TypeError(
                    "computed places go with slices only: read the other axes before or after"
                )
            sizes = first.places.axis_sizes
            shape_of = dict(zip(first.order, sizes, strict=True))
            names = dict(zip(first.order, first.places.axes, strict=True))
            own = [self._new_label(shape_of[p], names[p]) for p in range(len(sizes))]
            return tuple([shape_of[p] for p in range(len(sizes))]), own
        arrays = [item.array for item in self.items if isinstance(item, (_Places, _Truth))]
        if not arrays:
            return (), []
        import numpy as np

        try:
            shape = np.broadcast_shapes(*[array.shape for array in arrays])
        except ValueError:
            shapes = " ".join([str(array.shape) for array in arrays])
            raise ShapeError(
                "shape mismatch: indexing arrays could not be broadcast together with shapes "
                f"{shapes}"
            ) from None
        return shape, [self._new_label(size) for size in shape]


def _items(item: Any) -> list[_Item]:
    """What one item of a key is; a boolean array is the arrays of its places."""
    if item is None or item is ... or isinstance(item, slice):
        return [item]
    name = None
    if isinstance(item, Constant) and item.ndim:
        name, item = item.name, item.value
    if isinstance(item, Expr):
        computed = as_places(item)
        if computed is not None:
            return [computed]
        raise TypeError(
            "an expression is no index, for its values are not known: give an array of whole "
            "numbers, ed.argsort or ed.argmax of something, or an einsum with an index array, as "
            "in '(r[e])k->ek'; a sum of x[x > 0] is one of ed.where(x > 0, x, 0)"
        )
    size = as_size(item)
    if size is not None:
        return [_Whole(size)]
    if not isinstance(item, (bool, list, tuple)) and not is_array(item):
        raise _no_index(type(item).__name__)
    import numpy as np

    try:
        array = np.asarray(item)
    except ValueError:
        raise _no_index("nested lists of different lengths") from None
    if not array.size and isinstance(item, (list, tuple)):
        array = array.astype(np.int64)
    if array.dtype == bool:
        if not array.ndim:
            return [_Truth(np.zeros(int(array), np.int64))]
        places = np.nonzero(array)
        return [_Places(own, n) for own, n in zip(places, array.shape, strict=True)]
    if array.dtype.kind not in "iu":
        raise _no_index(f"an array of {array.dtype}")
    return [_Places(array, name=name)] if array.ndim else [_Whole(int(array))]


def as_places(e: Expr) -> _Computed | None:
    """Computed places, with their axes in any order; None for what is none."""
    if isinstance(e, Apply) and e.function.places:
        return _Computed(e, tuple(range(e.ndim)))
    if not isinstance(e, Einsum) or len(e.factors) != 1 or e.coefficient != 1 or e.parts:
        return None
    (factor,), (labels,) = e.factors, e.inputs
    if not isinstance(factor, Apply) or not factor.function.places:
        return None
    if sorted(labels) != sorted(e.output) or len(set(labels)) != len(labels):
        return None
    return _Computed(factor, tuple([e.output.index(label) for label in labels]))


def _no_index(what: str) -> TypeError:
    return TypeError(
        "only integers, slices (`:`), ellipsis (`...`), `None`, and integer or boolean arrays are "
        f"valid indices, not {what}"
    )


def _held(array: Array, name: str | None = None) -> Expr:
    return held(array, "an index array", name)


def held_index_array(ids: object) -> Expr:
    """Whole numbers as an index array, under the name that a held array has."""
    if isinstance(ids, Constant) and ids.ndim:
        return index_array(ids.name or "ids", ids.value)
    return index_array("ids", ids)


def _whole_numbers(array: Array) -> Array:
    """A copy in the widest whole numbers, for sums of them to fit."""
    import numpy as np

    return array.astype(np.int64)


def _without_broadcast(array: Array, labels: Sequence[Label]) -> tuple[Array, tuple[Label, ...]]:
    """An index array without the axes of one place, and the labels of its other axes."""
    own = labels[len(labels) - array.ndim :] if array.ndim else ()
    kept = [k for k, n in enumerate(array.shape) if n != 1]
    if len(kept) == array.ndim:
        return array, tuple(own)  # the same array, so that it is seen to be that
    return array.reshape([array.shape[k] for k in kept]), tuple([own[k] for k in kept])


def places_of(item: slice, size: Size) -> tuple[Cut, list[Expr | None]]:
    """The places of a slice of an axis, and what must be met for them to be inside."""
    step = 1 if item.step is None else as_size(item.step)
    if not isinstance(step, int):
        raise TypeError(f"the step of a slice is a whole number, not {item.step!r}")
    if step == 0:
        raise ShapeError("slice step cannot be zero")
    bounds: list[Size | None] = []
    for bound in (item.start, item.stop):
        found = None if bound is None else as_size(bound)
        if found is None and bound is not None:
            raise TypeError(
                f"slice indices must be integers, sizes or None, not {type(bound).__name__}"
            )
        bounds.append(found)
    start, stop = bounds
    if isinstance(size, int) and not any([isinstance(b, str | tuple) or _open(b) for b in bounds]):
        first, last, _ = slice(start, stop, step).indices(size)
        return Cut(first, step, len(range(first, last, step))), []
    checks: list[Expr | None] = []
    low = start if step > 0 else stop
    high = stop if step > 0 else start
    found_low = _from_the_end(low, size)
    found_high = _from_the_end(high, size)
    # upwards from low to below high; downwards from high to above low
    inner_low: Size = (0 if step > 0 else -1) if found_low is None else found_low
    inner_high: Size = (size if step > 0 else minus(size, 1)) if found_high is None else found_high
    if found_low is not None:
        checks.append(_met(found_low, low))
        checks.append(_met(minus(size, found_low), low))
    if found_high is not None:
        last_place = size if step > 0 else minus(size, 1)
        checks.append(_met(found_high, high))
        checks.append(_met(minus(last_place, found_high), high))
    length = minus(inner_high, inner_low)
    count = floor_quotient(plus(length, abs(step) - 1), abs(step))
    count = max(0, count) if isinstance(count, int) else count
    return Cut(inner_low if step > 0 else inner_high, step, count), checks


def _open(bound: Size | None) -> bool:
    return bound is not None and not isinstance(bound, int)


def _from_the_end(bound: Size | None, size: Size) -> Size | None:
    if bound is None:
        return None
    return plus(size, bound) if sign(bound) == -1 else bound


def _met(size: Size, bound: Size | None) -> Expr | None:
    """What must be at least 0 for a bound to be inside. Raises ShapeError where it is not."""
    if isinstance(size, int) and size < 0:
        shown = bound if bound is None else sized(bound, ())
        raise ShapeError(f"the bound {shown} of a slice is outside the axis")
    return at_least_0(size)
