"""Products with windows in NumPy's sources: blocks of a window that stay in the cache are copied,
without one of its axes, and multiplied by BLAS.

A window shows entries of an array more than once, ``x[n, c, p + k]`` along p and k. BLAS needs
matrices whose rows do not overlap, so it would copy all of the window. Along one pair of axes
nothing has to be copied: what k has is the same rows, from another on.
"""

from __future__ import annotations

TEXTS = {
    "tap_axes": """\
def tap_axes(x, own, others, out):
    # the axes h and k of a window x[.., t k + h, ..] whose k is summed, and t; None where there are
    # none, or the products of matrices for each k would be thin
    size, stride = dict(zip(own, x.shape)), dict(zip(own, x.strides))
    summed = [label for label in own if label in others and label not in out]
    kept = [label for label in own if label in out and label not in others]
    if len(summed) + len(kept) < len(own) or 0 in x.shape or set(out) <= set(own):
        return None
    for k in summed:
        depth = math.prod(size[label] for label in summed if label != k)
        for h in kept:
            step, rest = divmod(abs(stride[k]), stride[h]) if stride[h] > 0 else (0, 0)
            if step and not rest and depth >= 8 and 1 < size[k] <= size[h] // step:
                return h, k, step
    return None
""",
    "product_by_taps": """\
def product_by_taps(x, y, own, others, out, axes):
    # Σ x[.., t k + h, ..] y[k, ..]: x is copied without its axis k, and multiplied with y[k] where
    # it begins t k rows later
    h, k, step = axes
    inner = [label for label in own if label in others and label != k]
    for label in (k, *inner):  # forwards, for it is copied so
        if x.strides[own.index(label)] < 0:
            x, y = np.flip(x, own.index(label)), np.flip(y, others.index(label))
    size = {**dict(zip(own, x.shape)), **dict(zip(others, y.shape))}
    stride = dict(zip(own, x.strides))
    inner.sort(key=lambda label: -stride[label])
    kept = [label for label in out if label in own]
    columns = [label for label in out if label in others]
    before, behind = kept[: kept.index(h)], kept[kept.index(h) + 1 :]

    def count(labels):
        return math.prod(size[label] for label in labels)

    by_rows = out[-1] in columns
    tap_order = (k, *inner, *columns) if by_rows else (k, *columns, *inner)
    taps = y.transpose([others.index(label) for label in tap_order])
    matrix = [count(inner), count(columns)]
    taps = taps.reshape(size[k], *(matrix if by_rows else matrix[::-1]))
    rows, reach = count(behind), step * (size[k] - 1)
    order = [*before, h, *behind, *inner] if by_rows else [*before, *inner, h, *behind]
    shape = [size[label] + (reach if label == h else 0) for label in order]
    strides = [stride[label] for label in order]
    wide = np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    made = [size[h] * rows, count(columns)]
    found = np.empty((count(before), *(made if by_rows else made[::-1])), np.result_type(x, y))
    block = min(max(1, 2**16 // (rows * count(inner)) - reach), size[h])
    stacked = not by_rows and count(columns) <= 8  # one product for all k: each would be thin
    if stacked:
        taps = taps.reshape(-1, count(inner))
    for start in range(0, size[h], block):
        stop = min(start + block, size[h])
        part, to = slice(start, stop + reach), slice(start * rows, stop * rows)
        part = (part,) if by_rows else (*[slice(None)] * len(inner), part)
        starts = range(0, (reach + 1) * rows, step * rows)
        read = [slice(first, first + (stop - start) * rows) for first in starts]
        # what all blocks are copied into, and multiplied into
        lengths = [size[label] for label in order[len(before) :]]
        lengths[order.index(h) - len(before)] = stop - start + reach
        copied = np.empty(lengths, x.dtype)
        matrix = copied.reshape((-1, count(inner)) if by_rows else (count(inner), -1))
        if stacked:
            made = np.empty((len(taps), matrix.shape[1]), found.dtype)
            by_tap = made.reshape(size[k], count(columns), -1)
            pairs = [product[:, own] for product, own in zip(by_tap, read)]
        elif by_rows:
            pairs = [(matrix[own], tap) for tap, own in zip(taps, read)]
        else:
            pairs = [(tap, matrix[:, own]) for tap, own in zip(taps, read)]
        shown = wide[(*[slice(None)] * len(before), *part)]
        targets = found[:, to] if by_rows else found[:, :, to]
        for target, place in zip(targets, np.ndindex(*shape[: len(before)])):
            copied[...] = shown[place]
            if stacked:
                np.dot(taps, matrix, made)
                products = iter(pairs)
            else:
                products = (one.dot(other) for one, other in pairs)
            np.add(next(products), next(products), target)
            for product in products:
                target += product
    labels = [*before, h, *behind, *columns] if by_rows else [*before, *columns, h, *behind]
    return found.reshape([size[label] for label in labels]).transpose(
        [labels.index(label) for label in out]
    )
""",
    "row_axes": """\
def row_axes(x, own, others, out):
    # the axes h and k of a window x[.., h + t k, ..] whose h is summed and whose k is kept, and t;
    # None where there are none, or the products of matrices for each k would be thin
    size = dict(zip(own, x.shape))
    stride = dict(zip(own, map(abs, x.strides)))
    summed = [label for label in own if label in others and label not in out]
    kept = [label for label in own if label in out and label not in others]
    if len(summed) + len(kept) < len(own) or 0 in x.shape or set(out) <= set(own):
        return None
    for h in sorted(summed, key=lambda label: -stride[label]):
        depth = math.prod(size[label] for label in summed if stride[label] <= stride[h])
        for k in kept:
            step, rest = divmod(stride[k], stride[h]) if stride[h] else (0, 0)
            if step and not rest and depth >= 32 and 1 < size[k] <= size[h] // step:
                return h, k, step
    return None
""",
    "product_over_rows": """\
def product_over_rows(x, y, own, others, out, axes):
    # Σ x[.., h + t k, ..] y[h, ..]: x is copied without its axis k, a block at a time, and what
    # begins t k rows later is multiplied with y
    h, k, step = axes
    turned = x.strides[own.index(k)] < 0
    if turned:
        x = np.flip(x, own.index(k))
    if x.strides[own.index(h)] < 0:
        x, y = np.flip(x, own.index(h)), np.flip(y, others.index(h))
    size = {**dict(zip(own, x.shape)), **dict(zip(others, y.shape))}
    stride = dict(zip(own, x.strides))
    from_outside = sorted(own, key=lambda label: -abs(stride[label]))
    summed = [label for label in from_outside if label in others and label != h]
    outer = [label for label in summed if abs(stride[label]) > stride[h]]
    inner = [label for label in summed if label not in outer]
    kept = [label for label in from_outside if label not in others and label != k]
    columns = [label for label in others if label in out]
    reach = step * (size[k] - 1)

    def count(labels):
        return math.prod(size[label] for label in labels)

    def rows_first(strides, behind):
        # are the axes that are not summed closer together in memory?
        ends = [abs(strides[labels[-1]]) for labels in (behind, [h, *inner]) if labels]
        return len(ends) == 2 and ends[0] < ends[1]

    def arranged(labels, by_rows):
        return [*outer, h, *inner, *labels] if by_rows else [*outer, *labels, h, *inner]

    def block_of(array, labels, by_rows, place, start, stop):
        # rows of an array as a matrix, whose columns are the axes that are not summed
        if by_rows:
            return array[place][start:stop].reshape(-1, count(labels))
        cut = (*[slice(None)] * len(labels), slice(start, stop))
        return array[place][cut].reshape(count(labels), -1).T

    x_by_rows = rows_first(stride, kept)
    order = arranged(kept, x_by_rows)
    lengths = [size[label] + (reach if label == h else 0) for label in order]
    strides = [stride[label] for label in order]
    wide = np.lib.stride_tricks.as_strided(x, lengths, strides, writeable=False)
    y_by_rows = rows_first(dict(zip(others, y.strides)), columns)
    y = y.transpose([others.index(label) for label in arranged(columns, y_by_rows)])
    found = np.zeros((size[k], count(columns), count(kept)), np.result_type(x, y))
    row = count(inner)
    block = max(1, 2**16 // (row * count(kept)) - reach)
    for place in np.ndindex(*[size[label] for label in outer]):
        for start in range(0, size[h], block):
            stop = min(start + block, size[h])
            left = block_of(y, columns, y_by_rows, place, start, stop).T
            right = block_of(wide, kept, x_by_rows, place, start, stop + reach)
            for tap, total in enumerate(found):
                first = step * tap * row
                total += left.dot(right[first : first + left.shape[1]])
    if turned:
        found = found[::-1]
    labels = [k, *columns, *kept]
    found = found.reshape([size[label] for label in labels])
    return found.transpose([labels.index(label) for label in out])
""",
    "windowed_product": """\
def windowed_product(subscripts, x, y):
    # Σ x y, where one shows entries more than once: BLAS would copy all of it, here it copies a
    # block at a time. Where one has no label of its own, nothing is copied at all
    terms, out = subscripts.split("->")
    labels = (*terms.split(","), out)
    own, others = labels[:2]
    axes = tap_axes(x, own, others, out)
    if axes is not None:
        return product_by_taps(x, y, own, others, out, axes)
    axes = tap_axes(y, others, own, out)
    if axes is not None:
        return product_by_taps(y, x, others, own, out, axes)
    axes = row_axes(x, own, others, out)
    if axes is not None:
        return product_over_rows(x, y, own, others, out, axes)
    axes = row_axes(y, others, own, out)
    if axes is not None:
        return product_over_rows(y, x, others, own, out, axes)
    summed = [label for label in own if label in others and label not in out]
    rest = [label for label in own + others if label not in summed]
    if set(out) <= set(own) or set(out) <= set(others):
        # entries that are summed side by side, and forwards, are several times faster
        large, small = (x, y) if x.size >= y.size else (y, x)
        labels_of = labels[:2] if x.size >= y.size else labels[1::-1]
        turned = [label for label in summed if large.strides[labels_of[0].index(label)] < 0]
        if turned and small.size <= large.size // 4:  # for it is copied
            large = np.flip(large, [labels_of[0].index(label) for label in turned])
            small = np.flip(small, [labels_of[1].index(label) for label in turned]).copy()
        return np.einsum(f"{','.join(labels_of)}->{out}", large, small)
    sizes = dict(zip(own + others, x.shape + y.shape))
    axes = [[own.index(label) for label in summed], [others.index(label) for label in summed]]
    order = [rest.index(label) for label in out]
    entries = max(x.size, y.size)
    cut = max(own if x.size == entries else others, key=sizes.__getitem__)
    rows = max(1, 2**18 * sizes[cut] // max(1, entries))
    if rows >= sizes[cut]:
        return np.tensordot(x, y, axes).transpose(order)
    found = np.zeros([sizes[label] for label in out], np.result_type(x, y))
    for start in range(0, sizes[cut], rows):
        block = slice(start, start + rows)
        a, b, c = (
            array[tuple(block if label == cut else slice(None) for label in labels_of)]
            for array, labels_of in zip((x, y, found), labels)
        )
        c += np.tensordot(a, b, axes).transpose(order)
    return found
""",
}

IMPORTS = {name: "import math" for name, text in TEXTS.items() if "math." in text}
