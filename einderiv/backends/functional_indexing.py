"""What sources of torch, JAX and CuPy bring along to read and to write by index expressions.

A place is written as in NumPy's sources: ``(constant, {axis: coefficient})``, and with index arrays
``(constant, {axis: coefficient}, (array, axes, coefficient))``.

=============  =================================================================================
read           slices; windows, an axis of the operand after the other; zeros around what is read
read by array  rows are taken, those outside are 0
placed         a slice for each position of the short axes: along the longest axis of each index no
               two entries meet. Else rows are added, or assigned where no two meet
masked         what comparisons that broadcast select
=============  =================================================================================

Everything is a function of its inputs, so that autograd, `vmap` and compilers follow. None of them
shows what an index array holds: then nothing is checked, and a negative place drops its point, as
one beyond the end does. The texts are alike in all libraries but for what each file of a library
has of its own: `windows`, `widened`, `put`, `scattered_rows`, `rows_of`, `places_of`, `counted`,
`known`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .array_api_helpers import OF_TORCH, Rename, renamed_texts
from .numpy_indexing import TEXTS as OF_NUMPY

#: what looks at shapes only, and needs no library
_OF_SHAPES = (
    "moving_axes",
    "spans_of",
    "inner_box",
    "within_box",
    "tied_axes",
    "renumbered_axes",
)

TEXTS = {
    **{name: OF_NUMPY[name] for name in _OF_SHAPES},
    "turned": """\
def turned(x, order):
    # the axes of x in another order
    return x if order == sorted(order) else x.transpose(order)
""",
    "nothing_of": """\
def nothing_of(x, shape):
    # zeros of the dtype of x
    return xp.zeros(tuple(shape), dtype=x.dtype)
""",
    "along": """\
def along(x, axes, shape):
    # x, whose axes are these ones of a result in their order, by as many axes as this has
    order = sorted(range(len(axes)), key=lambda k: axes[k])
    kept = [n if axis in axes else 1 for axis, n in enumerate(shape)]
    return turned(x, order).reshape(kept)
""",
    "positions_at": """\
def positions_at(index, shape, like):
    # the values of an index by all axes, those that it does not depend on have one position; and
    # where its index arrays hold places: they may hold anything
    constant, terms, *arrays = index
    ((low, high),) = spans_of([(constant, terms)], shape)
    limit = 2 ** (counted(1, like).dtype.itemsize * 8 - 2)
    if low <= -limit or high >= limit:  # and what it is compared with
        raise ValueError(f"an index reaches from {low} to {high}, which is beyond its integers")
    parts, there = [], []
    for axis, k in terms.items():
        parts.append(along(k * counted(shape[axis], like), [axis], shape))
    for array, axes, k in arrays:
        used = sorted(set(axes))
        if len(used) < len(axes):  # r[e, e]
            counts = [along(counted(shape[axis], like), [axis], shape) for axis in used]
            values = array[tuple(counts[used.index(axis)] for axis in axes)]
        else:
            values = along(array, axes, shape)
        parts.append(values if k == 1 else k * values)
        there.append((values >= 0) & (values <= limit // (abs(k) * len(arrays))))
    if constant or not parts:
        parts.append(constant + along(counted(1, like), [], [1] * len(shape)))
    return sum(parts[1:], parts[0]), there
""",
    "inside_of": """\
def inside_of(index, size, shape, like):
    # the values of an index, 0 where they are no positions on an axis of that size, and where they
    # are such; None where all are
    at, tests = positions_at(index, shape, like)
    constant, terms, *arrays = index
    ((low, high),) = spans_of([(constant, terms)], shape)
    if arrays or low < 0:
        tests.append(at >= 0)
    if arrays or high >= size:
        tests.append(at < size)
    inside = all_of(tests)
    if inside is None or known(~inside) is False:
        return at, None
    return xp.where(inside, at, 0), inside
""",
    "all_of": """\
def all_of(tests):
    # where all hold, None where there is nothing to hold
    found = None
    for test in tests:
        if test is not None:
            found = test if found is None else found & test
    return found
""",
    "selected": """\
def selected(inside, x):
    # x where the mask holds that its first axes have, else 0
    if inside is None:
        return x
    return xp.where(inside[(..., *[None] * (x.ndim - inside.ndim))], x, 0)
""",
    "gathered_rows": """\
def gathered_rows(x, shape, indices):
    # x along its first axes at indices, by the axes of a shape, 0 outside; its other axes follow
    depth = len(indices)
    if 0 in x.shape[:depth]:
        return nothing_of(x, (*shape, *x.shape[depth:]))
    rows, tests = [], []
    for index, size in zip(indices, x.shape):
        at, inside = inside_of(index, size, shape, x)
        rows.append(xp.broadcast_to(at, tuple(shape)))
        tests.append(inside)
    return selected(all_of(tests), rows_of(x, rows))
""",
    "strided_at": """\
def strided_at(x, shape, indices):
    # x at indices that are all inside: each axis becomes those that it is read along
    made = []
    for constant, terms in indices:
        p = len(made)
        if terms:
            x = windows(x, p, constant, [(k, shape[axis]) for axis, k in terms.items()])
            made += terms
        else:
            x = x[(*[slice(None)] * p, constant)]
    for axis in sorted(set(made)):
        while made.count(axis) > 1:  # x[i, i + 1]
            p = made.index(axis)
            q = made.index(axis, p + 1)
            x = xp.diagonal(x, 0, p, q)
            made = [*made[:p], *made[p + 1 : q], *made[q + 1 :], axis]
    if len(made) == len(shape):
        return turned(x, [made.index(axis) for axis in range(len(shape))])
    return xp.broadcast_to(along(x, made, shape), tuple(shape))
""",
    "read_at": """\
def read_at(x, shape, *indices):
    # y[i] = x[f(i)], and 0 where f(i) is outside
    indices = moving_axes(indices, shape)
    inner = None if 0 in shape else inner_box(indices, x.shape, shape)
    if inner is None:
        return nothing_of(x, shape)
    starts, stops = inner
    part = [stop - start for start, stop in zip(starts, stops)]
    indices = moving_axes(within_box(indices, starts, stops), part)
    reach = spans_of(indices, part)
    if any(high < 0 or low >= n for (low, high), n in zip(reach, x.shape)):
        return nothing_of(x, shape)
    if math.prod([high - low + 1 for low, high in reach]) <= math.prod(part) + math.prod(x.shape):
        # zeros around x as far as it is read
        cut = [slice(max(low, 0), min(high + 1, n)) for (low, high), n in zip(reach, x.shape)]
        sides = [(max(-low, 0), max(high + 1 - n, 0)) for (low, high), n in zip(reach, x.shape)]
        moved = [(constant - low, terms) for (constant, terms), (low, _) in zip(indices, reach)]
        found = strided_at(widened(x[(*cut, ...)], sides), part, moved)
    else:
        found = gathered_rows(x, part, indices)
    return widened(found, [(a, n - b) for a, b, n in zip(starts, stops, shape)])
""",
    "gathered_at": """\
def gathered_at(x, shape, *indices):
    # y[i] = x[f(i)], and 0 where f(i) is outside, with index arrays in f
    indices = moving_axes(indices, shape)
    inner = None if 0 in shape else inner_box(indices, x.shape, shape)
    if inner is None:
        return nothing_of(x, shape)
    starts, stops = inner
    part = [stop - start for start, stop in zip(starts, stops)]
    indices = within_box(indices, starts, stops)
    by_array, axes = tied_axes(indices)
    others = [k for k in range(x.ndim) if k not in by_array]
    free = [axis for axis in range(len(part)) if axis not in axes]
    x = turned(x, [*by_array, *others])
    rows = renumbered_axes([indices[k] for k in by_array], axes)
    rest = [indices[k] for k in others]
    depth, own = len(rows), [part[axis] for axis in axes]
    if math.prod([part[axis] for axis in free]) < math.prod(x.shape[depth:]):
        # the other axes become smaller, so they are read first
        kept = [(0, {k: 1}) for k in range(depth)]
        moved = [(c, {depth + free.index(a): k for a, k in t.items()}) for c, t in rest]
        x = read_at(x, (*x.shape[:depth], *[part[axis] for axis in free]), *kept, *moved)
        rest = [(0, {axis: 1}) for axis in free]
    found = gathered_rows(x, own, rows)
    found = read_at(found, part, *[(0, {axis: 1}) for axis in axes], *rest)
    return widened(found, [(a, n - b) for a, b, n in zip(starts, stops, shape)])
""",
    "place_at": """\
def place_at(v, shape, once, *indices):
    # y[f(i)] += v[i] into zeros; what is outside is dropped
    indices = moving_axes(indices, v.shape)
    used = {axis for _, terms in indices for axis in terms}
    summed = tuple(axis for axis in range(v.ndim) if axis not in used and v.shape[axis] != 1)
    if summed:
        v = v.sum(summed, dtype=v.dtype, keepdims=True)
    inner = None if 0 in v.shape or 0 in shape else inner_box(indices, shape, v.shape)
    if inner is None:
        return nothing_of(v, shape)
    v, indices = v[(*map(slice, *inner), ...)], within_box(indices, *inner)
    indices = moving_axes(indices, v.shape)
    # along one axis of each index, which no other index has, no two entries meet
    every = [axis for _, terms in indices for axis in terms]
    long = []
    for _, terms in indices:
        alone = [(v.shape[axis], axis) for axis in terms if every.count(axis) == 1]
        long.append(sorted(alone)[-1][1] if alone else None)
    short = [axis for axis in range(v.ndim) if axis not in long and v.shape[axis] != 1]
    if math.prod([v.shape[axis] for axis in short]) > 64:
        return scattered_rows(v, shape, once, indices, v.ndim)
    found = None
    for at in itertools.product(*[range(v.shape[axis]) for axis in short]):
        chosen = dict(zip(short, at))
        piece = v[tuple(chosen.get(axis, slice(None)) for axis in range(v.ndim))]
        rest = [axis for axis in range(v.ndim) if axis not in chosen]
        order = [rest.index(axis) for axis in long if axis is not None]
        order += [k for k in range(len(rest)) if k not in order]
        lengths = [1 if axis is None else v.shape[axis] for axis in long]
        lines = []
        for p, (constant, terms) in enumerate(indices):
            constant += sum(k * chosen[axis] for axis, k in terms.items() if axis in chosen)
            lines.append((constant, {} if long[p] is None else {p: terms[long[p]]}))
        box = inner_box(lines, shape, lengths)
        if box is not None:
            piece = turned(piece, order).reshape(lengths)[(*map(slice, *box), ...)]
            found = put(found, piece, shape, once, within_box(lines, *box))
    return nothing_of(v, shape) if found is None else found
""",
    "scattered_at": """\
def scattered_at(v, shape, once, *indices):
    # y[f(i)] += v[i] into zeros, with index arrays in f
    indices = moving_axes(indices, v.shape)
    inner = None if 0 in v.shape or 0 in shape else inner_box(indices, shape, v.shape)
    if inner is None:
        return nothing_of(v, shape)
    v, indices = v[(*map(slice, *inner), ...)], within_box(indices, *inner)
    by_array, axes = tied_axes(indices)
    others = [k for k in range(len(shape)) if k not in by_array]
    free = [axis for axis in range(v.ndim) if axis not in axes]
    v = turned(v, [*axes, *free])
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
    return turned(found, [back.index(k) for k in range(len(shape))])
""",
    "masked_at": """\
def masked_at(x, *conditions):
    # x where each index is a position on an axis of its size, else 0
    indices = moving_axes([index for index, _ in conditions], x.shape)
    sizes, shape = [size for _, size in conditions], x.shape
    inner = None if 0 in shape else inner_box(indices, sizes, shape)
    if inner is None:
        return nothing_of(x, shape)
    starts, stops = inner
    x = x[tuple(map(slice, starts, stops))]
    tests = []
    for index, size in zip(within_box(indices, starts, stops), sizes):
        tests.append(inside_of(index, size, x.shape, x)[1])
    found = selected(all_of(tests), x)
    return widened(found, [(a, n - b) for a, b, n in zip(starts, stops, shape)])
""",
    "inside_rows": """\
def inside_rows(v, shape, indices, depth):
    # where the first axes of v go, by all of these; what is outside goes behind the end of the
    # first
    rows, tests = [], []
    for index, size in zip(indices, shape):
        at, inside = inside_of(index, size, v.shape[:depth], v)
        rows.append(at)
        tests.append(inside)
    inside = all_of(tests)
    if inside is not None:
        rows[0] = xp.where(inside, rows[0], shape[0])
        rows[1:] = [xp.where(inside, at, 0) for at in rows[1:]]
    return [xp.broadcast_to(at, tuple(v.shape[:depth])) for at in rows]
""",
}

_OF_TORCH: tuple[Rename, ...] = (
    *OF_TORCH,
    (r"\.transpose\(order\)", ".permute(order)"),
    (r"xp\.zeros\(tuple\(shape\), dtype=x\.dtype\)", "x.new_zeros(tuple(shape))"),
)

#: what the helpers import
IMPORTS = {
    "read_at": "import math",
    "gathered_at": "import math",
    "place_at": "import itertools\nimport math",
    "scattered_at": "import math",
}


def indexing_helpers(module: str) -> dict[str, str]:
    """The texts in the words of a library; those that each has of its own are not among them."""
    renames: Sequence[Rename] = _OF_TORCH if module == "torch" else ()
    return renamed_texts(TEXTS, module, renames)
