"""Reads, places and masks by index expressions, entry by entry in plain Python: what kernels are judged by."""

import numpy as np


def at(index, places, arrays):
    """The value of an index, or None where an index array has no entry."""
    total = index.constant + sum(k * places[axis] for axis, k in index.terms)
    for number, axes, k in index.arrays:
        where = tuple(places[axis] for axis in axes)
        if any(p >= n for p, n in zip(where, arrays[number].shape)):
            return None
        total += k * int(arrays[number][where])
    return total


def all_at(indices, places, arrays, shape):
    """The values of indices, or None where one is not on its axis."""
    found = [at(index, places, arrays) for index in indices]
    inside = all(p is not None and 0 <= p < n for p, n in zip(found, shape))
    return tuple(found) if inside else None


def read(arrays, spec, shape):
    got = np.zeros(shape, arrays[0].dtype)
    for places in np.ndindex(*shape):
        found = all_at(spec, places, arrays, arrays[0].shape)
        if found is not None:
            got[places] = arrays[0][found]
    return got


def placed(arrays, spec, shape):
    indices, once = spec
    got = np.zeros(shape, arrays[0].dtype)
    met = set()
    for places in np.ndindex(*arrays[0].shape):
        found = all_at(indices, places, arrays, shape)
        if found is None:
            continue
        if once:
            assert found not in met
            met.add(found)
            got[found] = arrays[0][places]
        else:
            got[found] += arrays[0][places]
    return got


def selected(arrays, spec, shape):
    got = np.zeros(shape, arrays[0].dtype)
    indices, sizes = zip(*spec) if spec else ((), ())
    for places in np.ndindex(*shape):
        if all_at(indices, places, arrays, sizes) is not None:
            got[places] = arrays[0][places]
    return got


def meet(arrays, indices, shape):
    """Are two entries written to one place?"""
    found = [all_at(indices, places, arrays, shape) for places in np.ndindex(*arrays[0].shape)]
    inside = [place for place in found if place is not None]
    return len(set(inside)) < len(inside)
