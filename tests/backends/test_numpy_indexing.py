"""Kernels of NumPy that read and write by index expressions, against plain Python: thousands of random ones, what
stands outside, signs of zeros, memory.
"""

import random

import indexing
import numpy as np
import pytest

from einderiv.backends import NUMPY
from einderiv.planning import Index, Ops, Step

DTYPES = (
    "int64",
    "int32",
    "uint8",
    "float64",
    "float32",
    "float16",
    "complex128",
    "complex64",
    "bool",
    "object",
)
MEANING = {Ops.READ: indexing.read, Ops.PLACE: indexing.placed, Ops.MASK: indexing.selected}


def loaded(missing=()):
    """The helpers as a source loads them, without some of what they import."""
    scope = {"np": np}
    exec("\n".join(NUMPY.helpers.imports.values()), scope)
    scope.update(dict.fromkeys(missing))
    for text in NUMPY.helpers.texts.values():
        exec(text, scope)
    return scope


WITH_SCIPY = loaded()
WITHOUT_SCIPY = loaded(missing=("sparse",))


def run(op, arrays, spec, shape, scope=WITH_SCIPY):
    names = tuple("xrst"[: len(arrays)])
    sizes = tuple(a.shape for a in arrays)
    step = Step(op, tuple(range(len(arrays))), spec, tuple(shape), 0, sizes)
    (line,) = NUMPY.spell(step, names, str)
    return eval(line, scope, dict(zip(names, arrays)))


def same(got, want):
    """Equal with all bits that count: dtype, shape, what is not a number, signs of zeros."""
    assert type(got) is np.ndarray
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    if want.dtype.kind in "fc":
        assert np.array_equal(got, want, equal_nan=True)
    else:
        assert (got == want).all()


def signs(a):
    return [np.signbit(part).tolist() for part in (a.real, a.imag)] if a.dtype.kind in "fc" else []


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


@pytest.mark.parametrize("scope", [WITH_SCIPY, WITHOUT_SCIPY], ids=["scipy", "numpy"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
def test_random_indices(dtype, scope):
    assigned = 0
    for seed in range(250):
        make = Maker(1000 * DTYPES.index(dtype) + seed)
        a, b = make.shape(3), make.shape(4)
        arrays, ways = make.arrays(b)
        # y[b] = x[f(b)]
        spec = tuple(make.index(b, ways) for _ in a)
        given = [make.array(a, dtype), *arrays]
        got = run(Ops.READ, given, spec, b, scope)
        want = indexing.read(given, spec, b)
        same(got, want)
        assert signs(got) == signs(want)
        # y[f(b)] += x[b]
        given = [make.array(b, dtype), *arrays]
        got = run(Ops.PLACE, given, (spec, False), a, scope)
        same(got, indexing.placed(given, (spec, False), a))
        if not indexing.meet(given, spec, a):
            assigned += 1
            got = run(Ops.PLACE, given, (spec, True), a, scope)
            want = indexing.placed(given, (spec, True), a)
            same(got, want)
            assert signs(got) == signs(want)
        # x[b] where 0 <= f(b) < n
        conditions = tuple((make.index(b, ways), make.rng.choice((0, 1, 2, 3, 5, 8))) for _ in a)
        got = run(Ops.MASK, given, conditions, b, scope)
        want = indexing.selected(given, conditions, b)
        same(got, want)
        assert signs(got) == signs(want)
    assert assigned > 50
