"""What sources for Dask bring along: products of pairs block by block, deltas as blocks that are
never computed.

A product of two arrays is one layer of blocks. An axis that is summed comes in one piece where the
blocks stay within `block` entries, and joining them costs less than adding their products; else
these are added as a tree. Axes that are kept are cut first, so no block of a result is larger than
that. A delta between two axes of a result leaves the blocks off its diagonal zero: they are arrays
of one number, read many times.
"""

from __future__ import annotations

from .array_api_helpers import EVERYWHERE
from .base import Helpers
from .dask_indexing import IMPORTS as OF_INDEXING
from .dask_indexing import TEXTS as INDEXING
from .numpy_helpers import HELPERS as OF_NUMPY

TEXTS = {
    "cuts": """\
def cuts(chunks, most):
    # the same places to cut, and more of them, so that no piece is longer than `most`
    pieces = []
    for n in chunks:
        parts = -(-n // max(most, 1)) or 1
        pieces += [n // parts + (k < n % parts) for k in range(parts)]
    return tuple(pieces)
""",
    "common": """\
def common(*chunkings):
    # the cuts of all chunkings of one axis
    ends = sorted({sum(chunks[:k]) for chunks in chunkings for k in range(len(chunks) + 1)})
    return tuple(b - a for a, b in zip(ends, ends[1:])) or (0,)
""",
    "chosen": """\
def chosen(cx, la, cy, lb, out, block):
    # how one pair is cut. Axes that are kept are cut until blocks are small, then those that are
    # summed
    pairs = [*zip(la, cx), *zip(lb, cy)]
    chunks = {k: common(*(c for label, c in pairs if label == k)) for k in dict.fromkeys(la + lb)}
    longest = {k: max(c) for k, c in chunks.items()}
    summed = tuple(k for k in longest if k not in out)
    sizes = {k: sum(c) for k, c in chunks.items()}
    while prod(longest[k] for k in out) > block:
        k = max(out, key=lambda k: longest[k])
        longest[k] = -(-longest[k] // 2)
    whole = {**longest, **{k: sizes[k] for k in summed}}
    joined = [a for a in (la, lb) if any(longest[k] < whole[k] for k in a)]
    copied = sum(prod(whole[k] for k in a) for a in joined)
    added = prod(longest[k] for k in out) * prod(len(chunks[k]) for k in summed)
    fits = all(prod(whole[k] for k in labels) <= 2 * block for labels in (la, lb))
    # pieces of a small result are added for less than blocks are joined
    if fits and copied <= max(4 * added, 1 << 20):
        longest = whole
        chunks.update({k: (sizes[k],) for k in summed})
    while summed and any(prod(longest[k] for k in labels) > 2 * block for labels in (la, lb)):
        k = max(summed, key=lambda k: longest[k])
        if longest[k] < 2:
            break
        longest[k] = -(-longest[k] // 2)
    chunks = {k: cuts(c, longest[k]) for k, c in chunks.items()}
    return chunks, tuple(k for k in summed if len(chunks[k]) > 1)
""",
    "contract": """\
def contract(x, la, y, lb, out):
    # one pair of arrays, cut alike; what is left in pieces of a summed axis is added
    dtype = np.result_type(x, y)
    chunks, split = chosen(x.chunks, la, y.chunks, lb, out, block)
    x, y = (a.rechunk(tuple(chunks[k] for k in labels)) for a, labels in ((x, la), (y, lb)))
    # a block is pair(x, y); the layer has its name from here, for Dask would take the function to
    # pieces for one
    f = partial(pair, la=la, lb=lb, out=out, split=len(split))
    found = da.blockwise(f, out + split, x, la, y, lb,
                         name="pair-" + tokenize(x.name, la, y.name, lb, out, split),
                         adjust_chunks={k: 1 for k in split}, concatenate=True,
                         align_arrays=False, dtype=dtype,
                         meta=np.empty((0,) * len(out + split), dtype))
    return total(found, len(out)) if split else found
""",
    "total": """\
def total(x, kept):
    # the pieces along the axes behind the first `kept`, added eight at a time: plus(blocks)
    name = "total-" + tokenize(x.name, kept)
    graph = {}
    for place in np.ndindex(*x.numblocks[:kept]):
        parts, level = [(x.name, *place, *rest) for rest in np.ndindex(*x.numblocks[kept:])], 0
        while len(parts) > 1 or not level:
            groups = [parts[k : k + 8] for k in range(0, len(parts), 8)]
            parts = [(f"{name}-{level}", *place, k) for k in range(len(groups))]
            if len(groups) == 1:
                parts = [(name, *place)]
            add = partial(plus, kept=kept)
            graph.update((key, (add, *group)) for key, group in zip(parts, groups))
            level += 1
    graph = HighLevelGraph.from_collections(name, graph, dependencies=[x])
    return da.Array(graph, name, x.chunks[:kept], dtype=x.dtype)
""",
    "plus": """\
def plus(first, *rest, kept):
    found = first + rest[0] if rest else first
    for block in rest[1:]:
        found += block
    return found.reshape(found.shape[:kept])
""",
    "pair": """\
def pair(x, y, la, lb, out, split):
    # blocks: batch and kept axes in front, then one product of matrices for each of the batch, in
    # the result's order
    first = next((k for k in out if (k in la) != (k in lb)), None)
    if first in lb:
        x, la, y, lb = y, lb, x, la
    shared = [k for k in la if k in lb]
    batch, summed = [k for k in shared if k in out], [k for k in shared if k not in out]
    rows, columns = [k for k in la if k not in lb], [k for k in lb if k not in la]
    sizes = {**dict(zip(la, x.shape)), **dict(zip(lb, y.shape))}
    x = x.transpose([la.index(k) for k in batch + rows + summed])
    y = y.transpose([lb.index(k) for k in batch + summed + columns])
    if summed:
        front, n = [sizes[k] for k in batch], prod(sizes[k] for k in summed)
        y = y.reshape(*front, n, prod(sizes[k] for k in columns))
        if batch or len(summed) > 1 or x.flags.c_contiguous:
            x = x.reshape(*front, prod(sizes[k] for k in rows), n)
        # else a stack of products saves the copy that merging the rows of a part of an array takes
        found = np.matmul(x, y)
        found = found.reshape([sizes[k] for k in batch + rows + columns])
    else:
        x = x.reshape(x.shape + (1,) * len(columns))
        front, behind = [sizes[k] for k in batch], [sizes[k] for k in columns]
        found = x * y.reshape(front + [1] * len(rows) + behind)
    made = batch + rows + columns
    return found.transpose([made.index(k) for k in out])[(..., *(None,) * split)]
""",
    "diagonal": """\
def diagonal(x, labels, out):
    # axes of one label are read along their diagonal, then all put in order: only blocks on the
    # diagonal are touched
    chunks = {k: common(*(c for label, c in zip(labels, x.chunks) if label == k)) for k in labels}
    x = x.rechunk(tuple(chunks[k] for k in labels))
    name = "diagonal-" + tokenize(x, labels, out)
    # a block is read_diagonal(x)
    read = partial(read_diagonal, labels=labels, out=out)
    graph = {}
    for place in np.ndindex(*(len(chunks[k]) for k in out)):
        at = dict(zip(out, place))
        graph[(name, *place)] = (read, (x.name, *(at[k] for k in labels)))
    graph = HighLevelGraph.from_collections(name, graph, dependencies=[x])
    return da.Array(graph, name, tuple(chunks[k] for k in out), dtype=x.dtype)
""",
    "read_diagonal": """\
def read_diagonal(x, labels, out):
    return np.einsum(x, labels, out)
""",
    "spread": """\
def spread(shape, cores, block):
    # how a sum of terms (chunks of a core, its labels, those of all axes) is cut: axes that share a
    # label, alike
    tied = list(range(len(shape)))
    for _, _, output in cores:
        for p, label in enumerate(output):
            old, new = tied[p], tied[output.index(label)]
            tied = [new if t == old else t for t in tied]
    pieces = []
    for chunks, labels, output in cores:
        pieces += [(tied[output.index(k)], c) for k, c in zip(labels, chunks)]
    longest, chunks = {}, {}
    for t in dict.fromkeys(tied):
        chunks[t] = common((shape[t],), *(c for axis, c in pieces if axis == t))
        # cuts across a diagonal leave blocks empty
        many = 8 if tied.count(t) > 1 and prod(shape) > block // 8 else 1
        longest[t] = min(max(chunks[t]), -(-shape[t] // many))
    while prod(longest[t] for t in tied) > block:
        t = max(longest, key=longest.get)
        longest[t] = -(-longest[t] // 2)
    return tied, {t: cuts(c, longest[t]) for t, c in chunks.items()}
""",
    "embed": """\
def embed(shape, dtype, *terms):
    # the sum of terms (x, its labels, those of all axes): where a label repeats, blocks off the
    # diagonal hold nothing
    tied, chunks = spread(shape, [(x.chunks, labels, output) for x, labels, output in terms], block)
    terms = [(x.rechunk(tuple(chunks[tied[output.index(k)]] for k in labels)), labels, output)
             for x, labels, output in terms]
    name = "embed-" + tokenize(shape, dtype, *terms)
    graph = {}
    for place in np.ndindex(*(len(chunks[t]) for t in tied)):
        size = tuple(chunks[t][k] for t, k in zip(tied, place))
        here = [(x.name, labels, output) for x, labels, output in terms
                if all(place[output.index(k)] == at for k, at in zip(output, place))]
        keys = [(known, *[place[output.index(k)] for k in labels])
                for known, labels, output in here]
        spec = tuple((labels, output) for _, labels, output in here)
        # a block is placed(cores)
        graph[(name, *place)] = (partial(placed, size, dtype, spec), *keys)
    graph = HighLevelGraph.from_collections(name, graph, dependencies=[x for x, _, _ in terms])
    return da.Array(graph, name, tuple(chunks[t] for t in tied), dtype=dtype)
""",
    "placed": """\
def placed(shape, dtype, spec, *cores):
    # one block: cores written on their diagonals
    if not spec:
        return np.broadcast_to(np.zeros((), dtype), shape)
    found = np.zeros(shape, dtype)
    for core, (labels, output) in zip(cores, spec):
        distinct = tuple(dict.fromkeys(output))
        place = np.einsum(found, output, distinct)
        order = [k for k in distinct if k in labels]
        core = np.transpose(core, [labels.index(k) for k in order])
        place += core[tuple(slice(None) if k in labels else None for k in distinct)]
    return found
""",
    "each": """\
def each(f, depth, core, dtype, *arrays):
    # a function of every block; the last `depth` axes of its arguments come in one piece, `core`
    # are those it gives
    arrays = [a.rechunk({a.ndim - 1 - k: -1 for k in range(min(depth, a.ndim))}) for a in arrays]
    behind = tuple(range(100, 100 + depth))
    names = [tuple(range(a.ndim - depth)) + behind if a.ndim else () for a in arrays]
    batch = max((labels[: max(len(labels) - depth, 0)] for labels in names), key=len)
    made = tuple(range(200, 200 + len(core)))
    pairs = [part for a, labels in zip(arrays, names) for part in (a, labels)]
    return da.blockwise(f, batch + made, *pairs, new_axes=dict(zip(made, core)), concatenate=True,
                        dtype=dtype, meta=np.empty((0,) * len(batch + made), dtype))
""",
    "solve": """\
def solve(x, la, y, lb, out, flipped):
    # stacks of systems: the matrices in one piece, right-hand sides block by block
    gone, kept = (la[-2], la[-1]) if flipped else (la[-1], la[-2])
    dtype = np.result_type(x, y)
    x = x.rechunk({len(la) - 1: -1, len(la) - 2: -1})
    y = y.rechunk({lb.index(gone): -1})
    # a block is solved_blocks(x, y)
    f = partial(solved_blocks, la=la, lb=lb, out=out, gone=gone, kept=kept, flipped=flipped)
    empty = np.empty((0,) * len(out), dtype)
    return da.blockwise(f, out, x, la, y, lb, concatenate=True, dtype=dtype, meta=empty)
""",
    "solved_blocks": """\
def solved_blocks(x, y, la, lb, out, gone, kept, flipped):
    batch = la[:-2]
    rest = [k for k in lb if k not in batch and k != gone]
    order = [k for k in batch if k in lb] + [gone] + rest
    y = y.transpose([lb.index(k) for k in order])
    sizes = dict(zip(order, y.shape))
    front = [sizes.get(k, 1) for k in batch]
    y = y.reshape(*front, sizes[gone], prod(sizes[k] for k in rest))
    found = np.linalg.solve(x.swapaxes(-1, -2) if flipped else x, y)
    found = found.reshape(*x.shape[:-2], x.shape[-1], *(sizes[k] for k in rest))
    made = [*batch, kept, *rest]
    return found.transpose([made.index(k) for k in out])
""",
}
IMPORTS = {
    "pow_slope": "from math import comb",
    "chosen": "from math import prod",
    "contract": "from functools import partial\nfrom dask.base import tokenize",
    "spread": "from math import prod",
    "total": ("from functools import partial\nfrom dask.base import tokenize\n"
              "from dask.highlevelgraph import HighLevelGraph"),
    "pair": "from math import prod",
    "diagonal": ("from functools import partial\nfrom dask.base import tokenize\n"
                 "from dask.highlevelgraph import HighLevelGraph"),
    "embed": ("from functools import partial\nfrom dask.base import tokenize\n"
              "from dask.highlevelgraph import HighLevelGraph"),
    "solve": "from functools import partial",
    "solved_blocks": "from math import prod",
}  # fmt: skip

#: what NumPy's source brings along works on blocks; a row of the table says which it calls
_SHARED = (
    "sigmoid",
    "sech_squared",
    "scaled",
    "two_squares",
    "hypotenuse",
    "hypot_slope",
    "arctan2_slope",
    "kept_within",
    "elu_slope",
    "silu",
    "arctan_slope",
    "arctan_slope_times",
    "squares",
    "norm",
    "unit_vector",
    "softplus",
    "lowered",
    "softmax",
    "log_softmax",
    "logsumexp",
    *EVERYWHERE,
    "frechet",
    "staying_real",
    "frechet_of",
    "sylvester",
    "factored",
    "solved",
    "inverse",
    "determinant",
    "log_determinant",
)
DASK_HELPERS = Helpers(
    {**{name: OF_NUMPY.texts[name] for name in _SHARED}, **TEXTS, **INDEXING},
    {
        **{name: text for name, text in OF_NUMPY.imports.items() if name in _SHARED},
        **IMPORTS,
        **OF_INDEXING,
    },
)
