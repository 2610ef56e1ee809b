"""Reads, places and masks by index expressions, entry by entry in plain Python: what kernels are judged by;
and random ones."""

import random

import numpy as np

from einderiv.planning import Index


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


class Maker:
    """Random arrays and indices."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.numbers = np.random.default_rng(seed)

    def shape(self, most):
        return tuple(self.rng.choice((0, 1, 1, 2, 3, 4, 5) if self.rng.random() < 0.1 else (1, 2, 3, 4))
                     for _ in range(self.rng.randint(0, most)))  # fmt: skip

    def array(self, shape, dtype):
        a = self.numbers.integers(0 if dtype == "uint8" else -5, 6, shape)
        a = np.asarray(a).astype(dtype)
        if a.dtype.kind in "fc" and a.size:
            odd = self.numbers.choice([0.0, -0.0, np.nan, np.inf, -np.inf, 1, 2], shape)
            where = self.numbers.random(shape) < 0.3
            a = np.where(where, odd, a).astype(dtype)
        return self.laid(a)

    def laid(self, a):
        """The same array in another layout."""
        way = self.rng.randrange(4)
        if way == 0 or a.ndim == 0:
            return a
        if way == 1:
            return a.copy("F")
        if way == 2:
            return np.flip(np.flip(a).copy())
        wide = np.zeros([2 * n for n in a.shape], a.dtype)
        view = wide[tuple(slice(None, None, 2) for _ in a.shape)]
        view[...] = a
        return view

    def arrays(self, numbered):
        """Index arrays, and how they are read at some numbered axes."""
        arrays, ways = [], []
        for number in range(self.rng.randint(0, 2) if self.rng.random() < 0.4 else 0):
            axes = (
                tuple(self.rng.choices(range(len(numbered)), k=self.rng.randint(0, 2)))
                if numbered
                else ()
            )
            shape = tuple(
                max(0, numbered[axis] + self.rng.choice((0, 0, 0, -1, 1))) for axis in axes
            )
            dtype = self.rng.choice(("int64", "int32", "uint8", "int8"))
            arrays.append(self.laid(np.asarray(self.numbers.integers(0, 6, shape)).astype(dtype)))
            ways.append((number + 1, axes))
        return arrays, ways

    def index(self, numbered, ways):
        rng = self.rng
        if numbered and rng.random() < 0.3:
            return Index(0, ((rng.randrange(len(numbered)), 1),))
        axes = sorted(rng.sample(range(len(numbered)), rng.randint(0, min(3, len(numbered)))))
        terms = tuple((axis, rng.choice((1, 1, 1, -1, 2, -2, 3, 5))) for axis in axes)
        arrays = tuple((*way, rng.choice((1, 1, -1, 2))) for way in ways if rng.random() < 0.5)
        return Index(rng.choice((0, 0, 1, -1, 2, 3, -4, 6)), terms, arrays)
