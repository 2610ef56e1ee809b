"""What sources for Dask bring along to read and to write by index expressions, block by block.

The values of index arrays are known when the graph is made, so for each block of a result it is
known which part of the operand it is made of: of an index without arrays an interval, with a halo
where several positions read one entry; of an index array alone the rows that it points at. A task
joins these parts of the blocks of the operand, and does with them what NumPy's own source does with
a whole array. Places are written as there.
"""

from __future__ import annotations

from .numpy_indexing import IMPORTS as IMPORTS_OF_NUMPY
from .numpy_indexing import TEXTS as OF_NUMPY

_OWN = {
    "places_of": """\
def places_of(array, name):
    # the values of an index array, as the arithmetic on them needs them
    if not isinstance(array, np.ndarray):
        raise TypeError(f"the index array {name} must be one of NumPy: its values choose blocks")
    if array.dtype.kind not in "iu":
        raise TypeError(f"the index array {name} has dtype {array.dtype}: places are whole numbers")
    if array.size and array.min() < 0:
        at = ", ".join(map(str, np.unravel_index(array.argmin(), array.shape)))
        raise ValueError(f"{name}[{at}] is {array.min()}: places are counted from 0")
    return array.astype(np.int64, copy=False)
""",
    "edges": """\
def edges(chunks, place):
    # the first position of a block on each axis, and the one behind the last
    starts = [sum(c[:k]) for c, k in zip(chunks, place)]
    return starts, [start + c[k] for start, c, k in zip(starts, chunks, place)]
""",
    "cut_alike": """\
def cut_alike(x, lengths, indices):
    # how axes of these lengths are cut, where they read x, or are written from it: as the axis that
    # they are alone, else no longer than what a block of that axis gives
    chunks, most = [None] * len(lengths), list(lengths)
    for c, (constant, terms, *arrays), size in zip(x.chunks, indices, x.shape):
        for axis, k in terms.items():
            alone = len(terms) == 1 and k == 1 and not constant and not arrays
            if alone and lengths[axis] == size:
                chunks[axis] = c
            elif len(c) > 1:
                most[axis] = min(most[axis], max(1, max(c) // abs(k)))
    chunks = [cuts((n,), m) if c is None else c for c, n, m in zip(chunks, lengths, most)]
    longest = [max(c, default=0) for c in chunks]
    while prod(longest) > block:
        k = longest.index(max(longest))
        longest[k] = -(-longest[k] // 2)
    return tuple(cuts(c, n) for c, n in zip(chunks, longest))
""",
    "pieces_of": """\
def pieces_of(x, box):
    # the blocks of x that a box meets: for each its key, where its part goes in the box, and which
    # part that is. An axis of a box is an interval, or rows in their order
    lines = []
    for chunks, along in zip(x.chunks, box):
        line, start = [], 0
        for k, n in enumerate(chunks):
            if isinstance(along, tuple):
                low, high = max(along[0], start), min(along[1], start + n)
                there, here = (low - along[0], high - along[0]), slice(low - start, high - start)
            else:
                there = tuple(np.searchsorted(along, (start, start + n)).tolist())
                here = along[slice(*there)] - start
            if there[0] < there[1]:
                line.append((k, slice(*there), here))
            start += n
        lines.append(line)
    found = []
    for parts in product(*lines):
        found.append(((x.name, *[k for k, _, _ in parts]), *zip(*[part[1:] for part in parts])))
    return [(key, *(parts or ((), ()))) for key, *parts in found]
""",
    "joined": """\
def joined(size, dtype, parts, blocks):
    # a box of the parts of blocks
    found = np.empty(size, dtype)
    for (there, here), block in zip(parts, blocks):
        for axis, cut in enumerate(here):
            block = block[(*[slice(None)] * axis, cut)]
        found[there] = block
    return found
""",
    "wide": """\
def wide(along):
    # how many positions an axis of a box has
    return along[1] - along[0] if isinstance(along, tuple) else len(along)
""",
    "interval": """\
def interval(index, starts, stops):
    # the least and the largest value of an index in a block; None where its arrays have no entry
    constant, terms, *arrays = index
    low = high = constant
    for axis, k in terms.items():
        ends = k * starts[axis], k * (stops[axis] - 1)
        low, high = low + min(ends), high + max(ends)
    for array, axes, k in arrays:
        part = array[(*[slice(starts[axis], stops[axis]) for axis in axes], ...)]
        if not part.size:
            return None
        ends = k * int(part.min()), k * int(part.max())
        low, high = low + min(ends), high + max(ends)
    return low, high
""",
    "read_blocks": """\
def read_blocks(x, shape, *indices):
    # y[i] = x[f(i)], and 0 where f(i) is outside; a block is read_block(parts of x)
    if isinstance(x, np.ndarray):  # an index array, and read_at(x) or gathered_at(x) is one too
        by_array = any(arrays for _, _, *arrays in indices)
        return (gathered_at if by_array else read_at)(x, shape, *indices)
    chunks = cut_alike(x, shape, indices)
    name = "read-" + tokenize(x.name, shape, indices)
    graph = {}
    for place in np.ndindex(*map(len, chunks)):
        starts, stops = edges(chunks, place)
        size = [stop - start for start, stop in zip(starts, stops)]
        box, moved = [], []
        for index, n in zip(within_box(indices, starts, stops) if 0 not in size else (), x.shape):
            constant, terms, *arrays = index
            reach = interval(index, [0] * len(size), size)
            if reach is None:
                break
            alone = not constant and not terms and len(arrays) == 1 and arrays[0][2] == 1
            if alone:  # the rows that it points at, numbered anew
                array, axes, k = arrays[0]
                rows = np.unique(array[array < n])
                array = np.where(array < n, np.searchsorted(rows, array), len(rows))
                box.append(rows)
                moved.append((0, {}, (array, axes, k)))
            else:
                low = min(max(reach[0], 0), n)
                box.append((low, max(low, min(reach[1] + 1, n))))
                moved.append((constant - low, terms, *arrays))
        if 0 in size or len(box) < x.ndim or not all(map(wide, box)):
            graph[(name, *place)] = (partial(np.zeros, size, x.dtype),)
            continue
        keys, *parts = zip(*pieces_of(x, box))
        read = partial(read_block, [wide(a) for a in box], x.dtype, list(zip(*parts)), size, moved)
        graph[(name, *place)] = (read, *keys)
    graph = HighLevelGraph.from_collections(name, graph, dependencies=[x])
    return da.Array(graph, name, chunks, dtype=x.dtype)
""",
    "read_block": """\
def read_block(size, dtype, parts, shape, indices, *blocks):
    x = joined(size, dtype, parts, blocks)
    by_array = any(arrays for _, _, *arrays in indices)
    found = (gathered_at if by_array else read_at)(x, shape, *indices)
    # gathered_at(x) and read_at(x) may show entries more than once
    return np.require(found, None, "OW")
""",
    "met": """\
def met(index, start, stop, box):
    # the part of a box on which an index may have a value from start to stop
    constant, terms, *arrays = index
    box = list(box)
    starts, stops = zip(*box) if box else ((), ())
    whole = interval(index, starts, stops)
    if whole is None:
        return None
    for axis, k in terms.items():
        low, high = box[axis]
        ends = k * low, k * (high - 1)
        # start <= k i + rest < stop
        first, last = start - (whole[1] - max(ends)), stop - 1 - (whole[0] - min(ends))
        if k < 0:
            first, last = -last, -first
        box[axis] = (max(low, -(-first // abs(k))), min(high, last // abs(k) + 1))
    for array, axes, k in arrays:
        part = array[(*[slice(starts[axis], stops[axis]) for axis in axes], ...)]
        ends = k * int(part.min()), k * int(part.max())
        part = array[(*[slice(*box[axis]) for axis in axes], ...)]
        near = (k * part >= start - (whole[1] - max(ends))) & (
            k * part < stop - (whole[0] - min(ends))
        )
        if not near.any():
            return None
        for d, (axis, (start_here, _)) in enumerate([(axis, box[axis]) for axis in axes]):
            rows = start_here + np.flatnonzero(
                near.any(tuple(a for a in range(near.ndim) if a != d))
            )
            low, high = box[axis]  # r[e, e] has it twice
            box[axis] = (max(low, int(rows[0])), min(high, int(rows[-1]) + 1))
    return box
""",
    "place_blocks": """\
def place_blocks(v, shape, once, *indices):
    # y[f(i)] += v[i] into zeros; a block is place_block(parts of v)
    used = {axis for _, terms, *arrays in indices for axis in terms}
    used |= {axis for _, _, *arrays in indices for _, axes, _ in arrays for axis in axes}
    summed = tuple(axis for axis in range(v.ndim) if axis not in used and v.shape[axis] != 1)
    if summed:
        v = v.sum(summed, v.dtype, keepdims=True)
    chunks = cut_written(v, shape, indices)
    name = "place-" + tokenize(v.name, shape, once, indices)
    graph = {}
    for place in np.ndindex(*map(len, chunks)):
        starts, stops = edges(chunks, place)
        size = [stop - start for start, stop in zip(starts, stops)]
        box = [(0, n) for n in v.shape]
        for index, start, stop in zip(indices, starts, stops):
            if box is not None and all(low < high for low, high in box):
                box = met(index, start, stop, box)
        if 0 in size or box is None or any(low >= high for low, high in box):
            graph[(name, *place)] = (partial(np.zeros, size, v.dtype),)
            continue
        boxes = [box]
        if not once and prod(high - low for low, high in box) > 2 * block:
            boxes = parted_box(v, box)  # what is added need not be together
        keys = []
        for number, part in enumerate(boxes):
            moved = within_box(indices, *zip(*part)) if part else indices
            moved = [(c - start, *rest) for (c, *rest), start in zip(moved, starts)]
            blocks, *cut = zip(*pieces_of(v, part))
            task = partial(
                place_block, [wide(a) for a in part], v.dtype, list(zip(*cut)), size, once, moved
            )
            keys.append((f"{name}-part", *place, number) if len(boxes) > 1 else (name, *place))
            graph[keys[-1]] = (task, *blocks)
        level = 0
        while len(keys) > 1:  # a tree of sums, eight at a time: plus(blocks)
            groups = [keys[k : k + 8] for k in range(0, len(keys), 8)]
            keys = [(f"{name}-{level}", *place, k) for k in range(len(groups))]
            keys = [(name, *place)] if len(groups) == 1 else keys
            add = partial(plus, kept=len(size))
            graph.update((key, (add, *group)) for key, group in zip(keys, groups))
            level += 1
    graph = HighLevelGraph.from_collections(name, graph, dependencies=[v])
    return da.Array(graph, name, chunks, dtype=v.dtype)
""",
    "cut_written": """\
def cut_written(v, shape, indices):
    # how a result is cut: as the axis of v that an index is alone, else so that blocks are small
    chunks = []
    for (constant, terms, *arrays), n in zip(indices, shape):
        ((axis, k),) = terms.items() if len(terms) == 1 else ((None, 0),)
        if k == 1 and not constant and not arrays and v.shape[axis] == n:
            chunks.append(v.chunks[axis])
        elif len(terms) > 0 and not arrays:
            most = max(max(v.chunks[a], default=1) * abs(k) for a, k in terms.items())
            chunks.append(cuts((n,), most))
        else:
            chunks.append((n,))
    longest = [max(c, default=0) for c in chunks]
    while prod(longest) > block:
        k = longest.index(max(longest))
        longest[k] = -(-longest[k] // 2)
    return tuple(cuts(c, n) for c, n in zip(chunks, longest))
""",
    "parted_box": """\
def parted_box(v, box):
    # a box by the blocks of v
    lines = []
    for chunks, (low, high) in zip(v.chunks, box):
        ends = [sum(chunks[:k]) for k in range(len(chunks) + 1)]
        pairs = [(max(a, low), min(b, high)) for a, b in zip(ends, ends[1:])]
        lines.append([(a, b) for a, b in pairs if a < b])
    return [list(parts) for parts in product(*lines)]
""",
    "place_block": """\
def place_block(size, dtype, parts, shape, once, indices, *blocks):
    v = joined(size, dtype, parts, blocks)
    by_array = any(arrays for _, _, *arrays in indices)
    # scattered_at(v) and place_at(v) drop what is outside of this block
    found = (scattered_at if by_array else place_at)(v, tuple(shape), once, *indices)
    return np.require(found, None, "OW")
""",
    "mask_blocks": """\
def mask_blocks(x, *conditions):
    # x where each index is a position on an axis of its size, else 0: mask_block(x)
    name = "mask-" + tokenize(x.name, conditions)
    graph = {}
    for place in np.ndindex(*x.numblocks):
        starts, stops = edges(x.chunks, place)
        moved = within_box([index for index, _ in conditions], starts, stops)
        pairs = [(index, size) for index, (_, size) in zip(moved, conditions)]
        graph[(name, *place)] = (partial(mask_block, pairs), (x.name, *place))
    graph = HighLevelGraph.from_collections(name, graph, dependencies=[x])
    return da.Array(graph, name, x.chunks, dtype=x.dtype)
""",
    "mask_block": """\
def mask_block(conditions, x):
    return masked_at(x, *conditions)
""",
}

_GRAPHS = (
    "from functools import partial\nfrom math import prod\nfrom dask.base import tokenize\n"
    "from dask.highlevelgraph import HighLevelGraph"
)

TEXTS = {**OF_NUMPY, **_OWN}
IMPORTS = {
    **{name: text for name, text in IMPORTS_OF_NUMPY.items() if name in TEXTS},
    **dict.fromkeys(("read_blocks", "place_blocks", "mask_blocks"), _GRAPHS),
    **dict.fromkeys(("cut_alike", "cut_written"), "from math import prod"),
    **dict.fromkeys(("pieces_of", "parted_box"), "from itertools import product"),
}
