"""What a source of NumPy brings along to read and to write by index expressions.

A place is ``(constant, {axis: coefficient})``, and with index arrays
``(constant, {axis: coefficient}, (array, axes, coefficient))``: of ``x[1 + 2 i - r[e]]``, where i
and e are axes 0 and 1, it is ``(1, {0: 2}, (r, (1,), -1))``.

=============  =================================================================================
read           a view; of a padded copy where it reads outside; else what is inside, in zeros
read by array  rows are taken, those outside are 0
placed         assigned to a view where no two meet; else one slice is added for each value of the
               short axes, for ``+=`` on a view that overlaps itself loses terms
placed by      a product of a sparse matrix, which sums rows in one pass; ``np.add.at`` without
array          SciPy
masked         what comparisons that broadcast select
windowed       a product with a window, of which no more than a block is copied; where it runs
               along several axes, one of them is a sum of products, and not copied
=============  =================================================================================

Everything selects: nothing is multiplied by 0, so what stands outside does not matter.
"""

from __future__ import annotations

TEXTS = {
    "places_of": """\
def places_of(array, name):
    # the values of an index array, as the arithmetic on them needs them
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise TypeError(f"the index array {name} has dtype {array.dtype}: places are whole numbers")
    if array.size and array.dtype.kind == "i" and array.min() < 0:
        at = np.unravel_index(array.argmin(), array.shape)
        at = ", ".join(map(str, at))
        raise ValueError(
            f"the index array {name} holds {array.min()} at [{at}]: places are not negative"
        )
    if array.size and array.dtype == np.uint64 and array.max() > 2**63 - 1:
        raise ValueError(f"the index array {name} holds {array.max()}, which is beyond int64")
    return array.astype(np.int64, copy=False)
""",
    "moving_axes": """\
def moving_axes(indices, shape):
    # the indices without axes of one position, which is 0
    kept = []
    for constant, terms, *arrays in indices:
        terms = {axis: k for axis, k in terms.items() if k and shape[axis] != 1}
        kept.append((constant, terms, *arrays))
    return kept
""",
    "spans_of": """\
def spans_of(indices, shape):
    # the least and the largest value of each index, where no axis is empty
    found = []
    for constant, terms, *arrays in indices:
        low = high = constant
        ends = [k * (shape[axis] - 1) for axis, k in terms.items()]
        ends += [k * int(array.max(initial=0)) for array, _, k in arrays]
        for end in ends:
            low, high = low + min(end, 0), high + max(end, 0)
        found.append((low, high))
    return found
""",
    "inner_box": """\
def inner_box(indices, sizes, shape):
    # where the indices of at most one axis are inside, and index arrays have an entry: the first
    # position on each axis, and the one behind the last; None where there are none
    starts, stops = [0] * len(shape), list(shape)
    for (constant, terms, *arrays), size in zip(indices, sizes):
        for array, axes, _ in arrays:
            for axis, length in zip(axes, array.shape):
                stops[axis] = min(stops[axis], length)
        if arrays or len(terms) > 1:
            continue
        if not terms:
            if not 0 <= constant < size:
                return None
            continue
        ((axis, k),) = terms.items()
        # 0 <= constant + k i < size
        ends = (-constant, size - 1 - constant) if k > 0 else (constant - size + 1, constant)
        starts[axis] = max(starts[axis], -(-ends[0] // abs(k)))
        stops[axis] = min(stops[axis], ends[1] // abs(k) + 1)
    if any(start >= stop for start, stop in zip(starts, stops)):
        return None
    return starts, stops
""",
    "within_box": """\
def within_box(indices, starts, stops):
    # the indices by positions that are counted from the first of a box
    found = []
    for constant, terms, *arrays in indices:
        constant += sum(k * starts[axis] for axis, k in terms.items())
        cut = []
        for array, axes, k in arrays:
            block = tuple(slice(starts[axis], stops[axis]) for axis in axes)
            cut.append((array[(*block, ...)], axes, k))
        found.append((constant, terms, *cut))
    return found
""",
    "strided_at": """\
def strided_at(x, shape, indices, writeable=False):
    # x at indices that are all inside, as a view
    first = x[(*[slice(constant, None) for constant, _ in indices], ...)]
    strides = [0] * len(shape)
    for (_, terms), stride in zip(indices, x.strides):
        for axis, k in terms.items():
            strides[axis] += k * stride
    return np.lib.stride_tricks.as_strided(first, shape, strides, writeable=writeable)
""",
    "positions_at": """\
def positions_at(index, shape):
    # the values of an index, with all axes, and the least and the largest that they may be; axes
    # that it does not depend on have one position
    ((low, high),) = spans_of([index], shape)
    if low <= -(2**62) or high >= 2**62:  # and what it is compared with
        raise ValueError(f"an index reaches from {low} to {high}, which is beyond int64")
    constant, terms, *arrays = index
    parts = []
    for axis, k in terms.items():
        along = [-1 if a == axis else 1 for a in range(len(shape))]
        parts.append((k * np.arange(shape[axis], dtype=np.int64)).reshape(along))
    for array, axes, k in arrays:
        used = sorted(set(axes))
        if len(used) == len(axes):
            values = array.transpose([axes.index(axis) for axis in used])
        else:  # r[e, e]
            grids = np.ix_(*[np.arange(shape[axis]) for axis in used])
            values = array[tuple(grids[used.index(axis)] for axis in axes)]
        along = [shape[a] if a in used else 1 for a in range(len(shape))]
        parts.append((values if k == 1 else k * values).reshape(along))
    if constant or not parts:
        parts.append(np.full([1] * len(shape), constant, np.int64))
    return sum(parts[1:], parts[0]), low, high
""",
    "gathered_rows": """\
def gathered_rows(x, shape, indices):
    # x along its first axes at indices, by the axes of a shape, 0 outside; its other axes follow
    depth = len(indices)
    if len(shape) == 0:  # one place would be read as a view
        return gathered_rows(x, (1,), indices).reshape(x.shape[depth:])
    if 0 in x.shape[:depth]:
        return np.zeros((*shape, *x.shape[depth:]), x.dtype)
    rows, inside = [], np.True_
    for index, size in zip(indices, x.shape):
        at, low, high = positions_at(index, shape)
        if low < 0 or high >= size:
            here = (at >= 0) & (at < size)
            if not here.all():
                at = np.where(here, at, 0)
                inside = inside & here
        rows.append(at)
    if depth == 1 and x.flags.c_contiguous:
        found = x.take(np.broadcast_to(rows[0], shape), 0)
    else:
        rows[0] = np.broadcast_to(rows[0], shape)
        found = x[tuple(rows)]
    if not inside.all():
        outside = ~inside
        found[np.broadcast_to(outside, shape)] = 0
    return found
""",
    "taken_at": """\
def taken_at(x, rows, axis):
    # x at rows along an axis; where it has none, 0
    x = np.asarray(x)
    before, behind = x.shape[:axis], x.shape[axis + 1 :]
    if rows.ndim == 0:  # one would be a number
        return taken_at(x, rows[None], axis).reshape((*before, *behind))
    if rows.size == 0 or rows.max() < x.shape[axis]:
        return x.take(rows, axis)
    found = np.zeros((*before, *rows.shape, *behind), x.dtype)
    inside = rows < x.shape[axis]
    at = (*[slice(None)] * axis, inside)
    found[at] = x.take(rows[inside], axis)
    return found
""",
    "read_at": """\
def read_at(x, shape, *indices):
    # y[i] = x[f(i)], and 0 where f(i) is outside
    x, indices = np.asarray(x), moving_axes(indices, shape)
    inner = None if 0 in shape else inner_box(indices, x.shape, shape)
    if inner is None:
        return np.zeros(shape, x.dtype)
    reach = spans_of(indices, shape)
    if all(low >= 0 and high < n for (low, high), n in zip(reach, x.shape)):
        return strided_at(x, shape, indices)
    if any(high < 0 or low >= n for (low, high), n in zip(reach, x.shape)):
        return np.zeros(shape, x.dtype)
    starts, stops = inner
    part = [stop - start for start, stop in zip(starts, stops)]
    cut = within_box(indices, starts, stops)
    is_inside = all(low >= 0 and high < n for (low, high), n in zip(spans_of(cut, part), x.shape))
    entries = math.prod(shape)
    padded = math.prod(high - low + 1 for low, high in reach)
    if padded < entries or (not is_inside and padded <= entries + x.size):
        # zeros around x as far as it is read, never written into
        wide = np.zeros([high - low + 1 for low, high in reach], x.dtype)
        known = [slice(max(low, 0), min(high + 1, n)) for (low, high), n in zip(reach, x.shape)]
        there = [slice(s.start - low, s.stop - low) for s, (low, _) in zip(known, reach)]
        wide[tuple(there)] = x[tuple(known)]
        moved = [(c - low, terms) for (c, terms), (low, _) in zip(indices, reach)]
        return strided_at(wide, shape, moved)
    if not is_inside:
        return gathered_rows(x, shape, indices)
    found = np.zeros(shape, x.dtype)
    found[tuple(map(slice, starts, stops))] = strided_at(x, part, cut)
    return found
""",
    "tied_axes": """\
def tied_axes(indices):
    # the indices that have index arrays, and those that have an axis in common with these; their
    # axes
    among, axes = set(), set()
    while True:
        more = set(among)
        for k, (_, terms, *arrays) in enumerate(indices):
            own = {*terms, *[axis for _, at, _ in arrays for axis in at]}
            if arrays or own & axes:
                more.add(k)
                axes |= own
        if more == among:
            return sorted(among), sorted(axes)
        among = more
""",
    "renumbered_axes": """\
def renumbered_axes(indices, axes):
    # the indices by the places that their axes have in a list
    found = []
    for constant, terms, *arrays in indices:
        terms = {axes.index(axis): k for axis, k in terms.items()}
        moved = [(array, tuple(map(axes.index, at)), k) for array, at, k in arrays]
        found.append((constant, terms, *moved))
    return found
""",
    "gathered_at": """\
def gathered_at(x, shape, *indices):
    # y[i] = x[f(i)], and 0 where f(i) is outside, with index arrays in f
    x, indices = np.asarray(x), moving_axes(indices, shape)
    inner = None if 0 in shape else inner_box(indices, x.shape, shape)
    if inner is None:
        return np.zeros(shape, x.dtype)
    starts, stops = inner
    part = [stop - start for start, stop in zip(starts, stops)]
    indices = within_box(indices, starts, stops)
    by_array, axes = tied_axes(indices)
    others = [k for k in range(x.ndim) if k not in by_array]
    free = [axis for axis in range(len(part)) if axis not in axes]
    x = x.transpose(*by_array, *others)
    rows = renumbered_axes([indices[k] for k in by_array], axes)
    rest = [indices[k] for k in others]
    depth, own = len(rows), [part[axis] for axis in axes]
    if math.prod(part[axis] for axis in free) < math.prod(x.shape[depth:]):
        # the other axes become smaller, so they are read first
        kept = [(0, {k: 1}) for k in range(depth)]
        moved = [(c, {depth + free.index(a): k for a, k in t.items()}) for c, t in rest]
        x = read_at(x, (*x.shape[:depth], *[part[axis] for axis in free]), *kept, *moved)
        rest = [(0, {axis: 1}) for axis in free]
    found = gathered_rows(x, own, rows)
    in_place = [(0, {axis: 1}) for axis in axes] + rest
    if in_place != [(0, {axis: 1}) for axis in range(len(part))] or found.shape != tuple(part):
        found = read_at(found, part, *in_place)
    if part == list(shape):
        return found
    whole = np.zeros(shape, x.dtype)
    whole[tuple(map(slice, starts, stops))] = found
    return whole
""",
    "sums_of_rows": """\
def sums_of_rows(v, rows, count):
    # the sum of all rows of v that have one number, for each number
    if v.shape[1] == 1 and v.dtype.char in "fd":
        return np.bincount(rows, v[:, 0], count).astype(v.dtype, copy=False)[:, None]
    kept = v.dtype.char in "bhilqBHILQfd"
    if scipy_sparse is not None and (kept or v.dtype.char in "FD"):
        # complex numbers as two columns: 1 times an infinite one would be nan
        real = v if kept else v.view(v.real.dtype)
        ends = np.arange(len(rows) + 1)
        ones = np.ones(len(rows), real.dtype)
        found = scipy_sparse.csc_array((ones, rows, ends), (count, len(rows))) @ real
        return found if kept else found.view(v.dtype)
    found = np.zeros((count, v.shape[1]), v.dtype)
    np.add.at(found, rows, v)
    return found
""",
    "added_at": """\
def added_at(v, rows, count):
    # the sum of all v at one row, for each row; rows from count on are dropped
    v = np.asarray(v)
    more = v.shape[rows.ndim :]
    if v.size == 0:
        return np.zeros((count, *more), v.dtype)
    rows = rows.ravel()
    if rows.max() >= count:
        rows = np.minimum(rows, count)
    v = np.ascontiguousarray(v).reshape(len(rows), -1)
    return sums_of_rows(v, rows, count + 1)[:count].reshape(count, *more)
""",
    "weighted_rows": """\
def weighted_rows(w, v, rows, count):
    # the sum of all v at one row, each times its weight, for each row; rows from count on are
    # dropped
    v = np.asarray(v)
    if scipy_sparse is None or v.dtype.char not in "fd" or w.dtype != v.dtype or v.size == 0:
        return added_at(w.reshape(*w.shape, *[1] * (v.ndim - w.ndim)) * v, rows, count)
    more = v.shape[rows.ndim :]
    rows = rows.ravel()
    if rows.max() >= count:
        rows = np.minimum(rows, count)
    ends = np.arange(len(rows) + 1)
    weights = scipy_sparse.csc_array((np.ravel(w), rows, ends), (count + 1, len(rows)))
    found = weights @ np.ascontiguousarray(v).reshape(len(rows), -1)
    return found[:count].reshape(count, *more)
""",
    "scattered_rows": """\
def scattered_rows(v, shape, once, indices, depth):
    # Σ of v at indices by its first axes; its other axes follow. What is outside goes to one row
    # more, which is dropped
    own, more = v.shape[:depth], v.shape[depth:]
    parts, inside, step = [], np.True_, 1
    for index, size in zip(indices[::-1], shape[::-1]):
        at, low, high = positions_at(index, own)
        if low < 0 or high >= size:
            here = (at >= 0) & (at < size)
            inside, at = inside & here, np.where(here, at, 0)
        parts.append(at if step == 1 else step * at)
        step *= size
    rows = sum(parts[1:], parts[0])
    if not inside.all():
        rows = np.where(inside, rows, step)
    rows = np.broadcast_to(rows, own).ravel()
    v = np.ascontiguousarray(v).reshape(len(rows), -1)
    if once:
        found = np.zeros((step + 1, v.shape[1]), v.dtype)
        found[rows] = v
    else:
        found = sums_of_rows(v, rows, step + 1)
    return found[:step].reshape(*shape, *more)
""",
    "apart_axes": """\
def apart_axes(indices, shape):
    # long axes along which no two positions give the same values, by mixed radix: with all others
    # known, each digit is more than what the digits below it reach
    def are_apart(axes):
        left = set(axes)
        while left:
            found = set()
            for _, terms in indices:
                digits = sorted((abs(k), axis) for axis, k in terms.items() if axis in left)
                reach, apart = 0, True
                for k, axis in digits:
                    apart = apart and k > reach
                    reach += k * (shape[axis] - 1)
                if apart:
                    found.update(axis for _, axis in digits)
            if not found:
                return False
            left -= found
        return True

    chosen = []
    for axis in sorted(range(len(shape)), key=lambda axis: -shape[axis]):
        if are_apart([*chosen, axis]):
            chosen.append(axis)
    return chosen
""",
    "add_slices": """\
def add_slices(target, v, short):
    # target += v, one slice for each position on the short axes; in blocks of the longest axis
    # that stay in the cache while their slices are read
    long = [axis for axis in range(v.ndim) if axis not in short]
    longest = max(long, key=lambda axis: v.shape[axis], default=0)
    rows = max(1, 2**17 * v.shape[longest] // v.size)
    at = [slice(None)] * v.ndim
    for start in range(0, v.shape[longest], rows):
        at[longest] = slice(start, start + rows)
        for places in np.ndindex(*[v.shape[axis] for axis in short]):
            for axis, place in zip(short, places):
                at[axis] = slice(place, place + 1)
            piece = target[tuple(at)]
            piece += v[tuple(at)]
""",
    "place_at": """\
def place_at(v, shape, once, *indices):
    # y[f(i)] += v[i] into zeros; what is outside is dropped
    v, indices = np.asarray(v), moving_axes(indices, np.shape(v))
    used = {axis for _, terms in indices for axis in terms}
    summed = tuple(axis for axis in range(v.ndim) if axis not in used and v.shape[axis] != 1)
    if summed:
        v = v.sum(summed, v.dtype, keepdims=True)
    inner = None if 0 in v.shape or 0 in shape else inner_box(indices, shape, v.shape)
    if inner is None:
        return np.zeros(shape, v.dtype)
    v, indices = v[(*map(slice, *inner), ...)], within_box(indices, *inner)
    indices = moving_axes(indices, v.shape)
    reach = spans_of(indices, v.shape)
    if any(high < 0 or low >= n for (low, high), n in zip(reach, shape)):
        return np.zeros(shape, v.dtype)
    whole = range(v.ndim)
    long = whole if once else apart_axes(indices, v.shape)
    short = [axis for axis in whole if axis not in long and v.shape[axis] != 1]
    slices = math.prod(v.shape[axis] for axis in short)
    starts = [min(low, 0) for low, _ in reach]
    stops = [max(high + 1, n) for (_, high), n in zip(reach, shape)]
    room = math.prod(stop - start for start, stop in zip(starts, stops))
    few = slices <= 64 or v.size >= 256 * slices
    if not few or room > 2 * (math.prod(shape) + v.size):
        return scattered_rows(v, shape, once, indices, v.ndim)
    found = np.zeros([stop - start for start, stop in zip(starts, stops)], v.dtype)
    moved = [(constant - start, terms) for (constant, terms), start in zip(indices, starts)]
    target = strided_at(found, v.shape, moved, True)  # it overlaps itself, its slices do not
    if not short:
        target[...] = v
    else:
        add_slices(target, v, short)
    return found[(*[slice(-start, n - start) for start, n in zip(starts, shape)], ...)]
""",
    "scattered_at": """\
def scattered_at(v, shape, once, *indices):
    # y[f(i)] += v[i] into zeros, with index arrays in f
    v, indices = np.asarray(v), moving_axes(indices, np.shape(v))
    inner = None if 0 in v.shape or 0 in shape else inner_box(indices, shape, v.shape)
    if inner is None:
        return np.zeros(shape, v.dtype)
    v, indices = v[(*map(slice, *inner), ...)], within_box(indices, *inner)
    by_array, axes = tied_axes(indices)
    others = [k for k in range(len(shape)) if k not in by_array]
    free = [axis for axis in range(v.ndim) if axis not in axes]
    v = v.transpose(*axes, *free)
    rows = renumbered_axes([indices[k] for k in by_array], axes)
    size = [shape[k] for k in by_array]
    rest = renumbered_axes([indices[k] for k in others], [*axes, *free])
    depth, more = len(axes), [shape[k] for k in others]
    whole = [(0, {depth + k: 1}) for k in range(len(free))]
    plain = rest == whole and list(v.shape[depth:]) == more
    if not plain and math.prod(more) < math.prod(v.shape[depth:]):
        # the other axes become smaller, so they are placed first
        kept = [(0, {k: 1}) for k in range(depth)]
        v, plain = place_at(v, (*v.shape[:depth], *more), once, *kept, *rest), True
    found = scattered_rows(v, size, once, rows, depth)
    if not plain:
        kept = [(0, {k: 1}) for k in range(len(size))]
        shift = len(size) - depth
        moved = [(c, {axis + shift: k for axis, k in terms.items()}) for c, terms in rest]
        found = place_at(found, (*size, *more), once, *kept, *moved)
    back = [*by_array, *others]
    return found.transpose([back.index(k) for k in range(len(shape))])
""",
    "masked_at": """\
def masked_at(x, *conditions):
    # x where each index is a position on an axis of its size, else 0
    x = np.asarray(x)
    indices = moving_axes([index for index, _ in conditions], x.shape)
    sizes = [size for _, size in conditions]
    found = np.zeros(x.shape, x.dtype)
    inner = None if 0 in x.shape else inner_box(indices, sizes, x.shape)
    if inner is None:
        return found
    box = (*map(slice, *inner), ...)
    part, mask = x[box], np.True_
    for index, size in zip(within_box(indices, *inner), sizes):
        ((low, high),) = spans_of([index], part.shape)
        if high < 0 or low >= size:
            return found
        if low >= 0 and high < size:
            continue
        # k i is compared with the rest, which has an axis less
        constant, terms, *arrays = index
        longest = max(terms, key=lambda axis: part.shape[axis], default=None)
        rest = {axis: k for axis, k in terms.items() if axis != longest}
        right = positions_at((constant, rest, *arrays), part.shape)[0]
        left = np.int64(0)
        if longest is not None:
            left = positions_at((0, {longest: terms[longest]}), part.shape)[0]
        if low < 0:
            mask = mask & (left >= -right)
        if high >= size:
            mask = mask & (left < size - right)
    np.copyto(found[box], part, where=mask)
    return found
""",
}

_SPARSE = """\
try:
    from scipy import sparse as scipy_sparse
except ImportError:
    scipy_sparse = None"""

#: what the helpers import
IMPORTS = {
    **{name: "import math" for name, text in TEXTS.items() if "math." in text},
    "sums_of_rows": _SPARSE,
    "weighted_rows": _SPARSE,
}
