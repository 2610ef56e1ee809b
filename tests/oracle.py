"""The judge: einsums by explicit loops, derivatives by exact differences.

Nothing here plans, orders or simplifies. An einsum is a sum over all assignments of indices to labels, and is
written exactly so. It is linear in each operand slot, so with integers `f(x + e) - f(x)` *is* the derivative:
every comparison can be `==`.
"""

import itertools

import numpy as np


def _labels(term, width):
    """`"ij..."` with its ellipsis spelled out. An ellipsis axis is labelled by its position from the right,
    a negative int: that aligns operands of different ranks as NumPy does."""
    head, dots, tail = term.partition("...")
    return (*head, *(range(-width, 0) if dots else ()), *tail)


def _width(term, rank):
    """How many axes the ellipsis of `term` stands for in an operand of `rank` axes."""
    width = rank - len(term.replace("...", ""))
    if width < 0 or (width and "..." not in term):
        raise ValueError(f"term {term!r} does not fit an operand with {rank} axes")
    return width


def parse(subscripts, ranks):
    """`(labels of each operand, labels of the output)` for operands of the given numbers of axes."""
    left, arrow, right = "".join(subscripts.split()).partition("->")
    # "->ii" is legal with no operand at all; with one operand the very same text means a scalar.
    terms = left.split(",") if left or ranks else []
    if len(terms) != len(ranks):
        raise ValueError(f"{subscripts!r} has {len(terms)} terms for {len(ranks)} operands")
    widths = [_width(term, rank) for term, rank in zip(terms, ranks)]
    inputs = [_labels(term, width) for term, width in zip(terms, widths)]
    widest = max(widths, default=0)
    if arrow:
        return inputs, _labels(right, widest)
    letters = left.replace(",", "").replace(".", "")
    once = sorted(c for c in set(letters) if letters.count(c) == 1)
    return inputs, (*range(-widest, 0), *once)


def label_sizes(inputs, shapes, sizes=None):
    """The size of every label; a label with two sizes is an error, also where one of them is 1."""
    found = dict(sizes or {})
    for labels, shape in zip(inputs, shapes):
        for label, size in zip(labels, shape):
            if found.setdefault(label, size) != size:
                raise ValueError(f"label {label!r} has sizes {found[label]} and {size}")
    return found


def _accumulator(arrays):
    """Integers are summed in int64, where the numbers of these tests are exact; all else keeps its dtype."""
    dtype = np.result_type(*arrays) if arrays else np.dtype(np.int64)
    return np.dtype(np.int64) if dtype.kind in "bui" else dtype


def _contract(inputs, output, sizes, arrays):
    """The sum over all index assignments.

    An array may have more axes than its term has labels. They ride along by broadcasting and end up last in
    the result: so all the perturbed inputs of a difference are evaluated in one run of the loop.
    """
    order = tuple(dict.fromkeys(itertools.chain(output, *inputs)))
    if unknown := [label for label in order if label not in sizes]:
        raise ValueError(f"no size for {unknown}")
    batch = np.broadcast_shapes(*(a.shape[len(labels) :] for labels, a in zip(inputs, arrays)))
    result = np.zeros((*(sizes[label] for label in output), *batch), _accumulator(arrays))
    reads = [
        ([order.index(label) for label in labels], array) for labels, array in zip(inputs, arrays)
    ]
    writes = [order.index(label) for label in output]
    for point in itertools.product(*(range(sizes[label]) for label in order)):
        value = 1
        for places, array in reads:
            value = value * array[tuple([point[place] for place in places])]
        # A repeated output label indexes the diagonal only: that is what makes `i->ii` an embedding.
        result[tuple([point[place] for place in writes])] += value
    return result


def _set_up(subscripts, arrays, sizes=None):
    """What `_contract` needs. Small integers are widened before they are multiplied."""
    arrays = [np.asarray(a) for a in arrays]
    arrays = [a.astype(np.int64) if a.dtype.kind in "bui" else a for a in arrays]
    inputs, output = parse(subscripts, [a.ndim for a in arrays])
    return inputs, output, label_sizes(inputs, [a.shape for a in arrays], sizes), arrays


def loop_einsum(subscripts, *arrays, sizes=None):
    """The einsum of `arrays`. `sizes` gives the sizes of output labels that no operand has."""
    return _contract(*_set_up(subscripts, arrays, sizes))


def _bumped(x, left=0, right=0):
    """`x + e` for every unit tensor `e`, stacked: shape `x.shape + 1s + x.shape + 1s`."""
    units = np.eye(x.size, dtype=np.int64).reshape(x.shape + x.shape)
    stacked = x.reshape(x.shape + (1,) * x.ndim) + units
    return stacked.reshape(x.shape + (1,) * left + x.shape + (1,) * right)


def _padded(array, count):
    return array.reshape(array.shape + (1,) * count)


def exact_derivative(subscripts, arrays, k, sizes=None):
    """Derivative by operand slot `k`, all other slots fixed. Shape: `out.shape + arrays[k].shape`."""
    inputs, output, sizes, arrays = _set_up(subscripts, arrays, sizes)
    base = _contract(inputs, output, sizes, arrays)
    moved = list(arrays)
    moved[k] = _bumped(arrays[k])
    return _contract(inputs, output, sizes, moved) - _padded(base, arrays[k].ndim)


def exact_by_name(subscripts, names, values, name, sizes=None):
    """Derivative by a tensor that may stand at several slots: the sum over its slots (the product rule)."""
    arrays = [values[n] for n in names]
    return sum(
        exact_derivative(subscripts, arrays, k, sizes) for k, n in enumerate(names) if n == name
    )


def _mixed_difference(subscripts, arrays, p, q, sizes):
    """`f(x+e, y+d) - f(x+e, y) - f(x, y+d) + f(x, y)` for all unit `e` in slot `p`, `d` in slot `q`."""
    inputs, output, sizes, arrays = _set_up(subscripts, arrays, sizes)
    rank1, rank2 = arrays[p].ndim, arrays[q].ndim

    def f(bump_p, bump_q):
        moved = list(arrays)
        moved[p] = _bumped(arrays[p], right=rank2) if bump_p else arrays[p]
        moved[q] = _bumped(arrays[q], left=rank1) if bump_q else arrays[q]
        value = _contract(inputs, output, sizes, moved)
        return value if bump_p or bump_q else _padded(value, rank1 + rank2)

    return f(True, True) - f(True, False) - f(False, True) + f(False, False)


def exact_second(subscripts, names, values, name1, name2, sizes=None):
    """Second derivative, first by `name1`, then by `name2`. Shape: `out.shape + name1.shape + name2.shape`.

    One slot is linear, so only ordered pairs of *different* slots contribute.
    """
    arrays = [values[n] for n in names]
    out = loop_einsum(subscripts, *arrays, sizes=sizes)
    total = np.zeros(out.shape + np.shape(values[name1]) + np.shape(values[name2]), out.dtype)
    for p, q in itertools.permutations(range(len(names)), 2):
        if (names[p], names[q]) == (name1, name2):
            total = total + _mixed_difference(subscripts, arrays, p, q, sizes)
    return total


def assert_same(got, want, what=""):
    """Equal in shape, in being integers (where `want` is) and in every entry. No tolerance."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, should be {want.shape}"
    assert got.dtype.kind == want.dtype.kind, (
        f"{what}: dtype {got.dtype}, should be like {want.dtype}"
    )
    assert np.array_equal(got, want), f"{what}: got\n{got}\nshould be\n{want}"


def _is_delta(operand):
    return type(operand).__name__ == "Delta"


def _printed_sizes(terms, operands, output, arrays, output_shape):
    """Sizes of all labels of a printed string; a two-letter delta passes its size from letter to letter."""
    deltas = [term for term, operand in zip(terms, operands) if _is_delta(operand)]
    named = [(t, np.shape(arrays[str(o)])) for t, o in zip(terms, operands) if not _is_delta(o)]
    labels, shapes = zip(*named, (output, tuple(output_shape)))
    assert all(len(term) == len(shape) for term, shape in zip(labels, shapes)), (labels, shapes)
    sizes = label_sizes(labels, shapes)
    for _ in deltas:  # each round settles at least one more delta of a chain
        for pair in deltas:
            known = [sizes[label] for label in pair if label in sizes]
            sizes.update({label: known[0] for label in pair if known})
            assert len({sizes.get(label) for label in pair}) == 1, (pair, sizes)
    return sizes


def run_printed(expr, arrays, sizes_of):
    """What the printed string of an expression computes, run by `np.einsum` with real identity matrices.

    `arrays` maps tensor names to arrays; `sizes_of` is the shape of the result: a label that only broadcasts
    has no other source for its size. Uses only `expr.subscripts`, `expr.operands` and `expr.coefficient`.
    """
    left, arrow, output = expr.subscripts.partition("->")
    assert arrow, f"the output is not explicit in {expr.subscripts!r}"
    if not expr.operands:  # a bare number: np.einsum has no call without operands
        assert expr.subscripts == "->", f"{expr.subscripts!r} without operands"
        return np.asarray(expr.coefficient)
    terms = left.split(",")
    assert len(terms) == len(expr.operands), (expr.subscripts, expr.operands)
    sizes = _printed_sizes(terms, expr.operands, output, arrays, sizes_of)

    def array(term, operand):
        if not _is_delta(operand):
            return arrays[str(operand)]
        assert 1 <= len(term) <= 2, (
            f"delta {term!r}: neither an identity matrix nor a vector of ones"
        )
        size = sizes[term[0]]
        return np.eye(size, dtype=np.int64) if len(term) == 2 else np.ones(size, dtype=np.int64)

    return np.einsum(expr.subscripts, *map(array, terms, expr.operands)) * expr.coefficient
