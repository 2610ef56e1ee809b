"""Kernels of NumPy that read and write by index expressions, against plain Python: thousands of random ones, what
stands outside, signs of zeros, memory.
"""

import tracemalloc
from math import prod

import indexing
import numpy as np
import pytest

import einderiv as ed
from einderiv.backends import NUMPY
from einderiv.backends.numpy_inplace import into
from einderiv.planning import Index, Ops, Program, Step

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
WITHOUT_SCIPY = loaded(missing=("scipy_sparse",))


def run(op, arrays, spec, shape, scope=WITH_SCIPY):
    names = tuple("xrst"[: len(arrays)])
    sizes = tuple(a.shape for a in arrays)
    step = Step(op, tuple(range(len(arrays))), spec, tuple(shape), 0, sizes)
    *before, last = NUMPY.spell(step, names, str)
    local = dict(zip(names, arrays))
    exec("\n".join(line.replace("{out}", "made") for line in before), scope, local)
    return eval(last, scope, local) if last else local["made"]


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


@pytest.mark.parametrize("scope", [WITH_SCIPY, WITHOUT_SCIPY], ids=["scipy", "numpy"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
def test_random_indices(dtype, scope):
    assigned = 0
    for seed in range(250):
        make = indexing.Maker(1000 * DTYPES.index(dtype) + seed)
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


def owner(a):
    while a.base is not None:
        a = a.base
    return a


def test_windows_are_views():
    """No more is allocated than the planner counts; what shows memory cannot be written."""
    views = padded = 0
    for seed in range(1500):
        make = indexing.Maker(seed)
        a, b = make.shape(3), make.shape(4)
        spec = tuple(make.index(b, []) for _ in a)
        program = Program(int)
        x = program.add(Ops.INPUT, (), ("x",), a)
        y = program.add(Ops.READ, (x,), spec, b)
        array = np.zeros(a)
        got = run(Ops.READ, [array], spec, b)
        foreseen = program.copied(y)
        if foreseen == 0:
            views += 1
            assert owner(got) is array or not got.size
            assert not got.flags.writeable or got.size <= array.size
        else:
            assert not np.shares_memory(got, array)
            # of rare indices on several axes that reach far, what is inside is taken one by one
            assert owner(got).size <= max(prod(b), foreseen) + array.size
            padded += foreseen < prod(b) and owner(got).size == foreseen
    assert views > 100
    assert padded > 50


LARGE = 100_000


@pytest.mark.parametrize(
    ("op", "spec", "given", "shape", "most"),
    [
        # a window, the same beyond the ends, a step, and one that is dropped nearly everywhere
        (Ops.READ,  (Index(0, ((0, 1), (1, 1))),),    (LARGE + 63,), (LARGE, 64), 0.03),
        (Ops.READ,  (Index(-32, ((0, 1), (1, 1))),),  (LARGE,),      (LARGE, 64), 1.03),
        (Ops.READ,  (Index(-3, ((0, 10),)),),         (10 * LARGE,), (LARGE,),    1.03),
        (Ops.READ,  (Index(-3, ((0, LARGE),)),),      (LARGE,),      (LARGE,),    1.03),
        (Ops.READ,  (Index(-3, ((0, LARGE), (1, 1))),), (LARGE,),    (10, 10),    0.03),
        (Ops.PLACE, ((Index(0, ((0, 1), (1, 1))),), False), (LARGE, 8), (LARGE + 7,), 1.02),
        (Ops.PLACE, ((Index(0, ((0, LARGE), (1, 1))),), False), (100, 10), (100,), 0.3),
    ],
)  # fmt: skip
def test_memory_of_kernels(op, spec, given, shape, most):
    """In arrays of LARGE entries."""
    array = np.ones(given)
    tracemalloc.start()
    run(op, [array], spec, shape)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 8 * LARGE * most


def test_large_segment_sums_and_slices():
    """Numbers of rows and blocks that small ones do not reach."""
    numbers = np.random.default_rng(0)
    r, v = numbers.integers(0, 50, 3000), numbers.integers(-9, 9, (3000, 4))
    want = np.zeros((40, 4), int)
    np.add.at(want, r[r < 40], v[r < 40])
    spec = ((Index(0, (), ((1, (0,), 1),)), Index(0, ((1, 1),))), False)
    for scope in (WITH_SCIPY, WITHOUT_SCIPY):
        assert run(Ops.PLACE, [v, r], spec, (40, 4), scope).tolist() == want.tolist()
        column = run(Ops.PLACE, [v[:, :1], r], spec, (40, 1), scope)
        assert column.tolist() == want[:, :1].tolist()
    long = numbers.integers(-9, 9, (100_000, 5))
    want = np.zeros(100_004, int)
    for k in range(5):
        want[k : k + 100_000] += long[:, k]
    spec = ((Index(0, ((0, 1), (1, 1))),), False)
    assert run(Ops.PLACE, [long], spec, (100_004,)).tolist() == want.tolist()
    turned = np.ascontiguousarray(long.T)
    spec = ((Index(0, ((0, 1), (1, 1))),), False)
    assert run(Ops.PLACE, [turned], spec, (100_004,)).tolist() == want.tolist()
    square = numbers.integers(-9, 9, (70, 70))
    want = [np.trace(square[::-1], k) for k in range(-69, 70)]
    assert run(Ops.PLACE, [square], spec, (139,)).tolist() == want


def test_sums_of_infinite_complex_numbers_stay():
    v = np.array([[complex(np.inf, 1), 2j]])
    spec = ((Index(0, (), ((1, (0,), 1),)), Index(0, ((1, 1),))), False)
    got = run(Ops.PLACE, [v, np.array([1])], spec, (2, 2))
    assert got[1, 0].real == np.inf
    assert got[1, 0].imag == 1


def test_bits_of_what_is_assigned_stay():
    odd = np.array([0x7FF8000000000123, 0xFFF0000000000000, 1 << 63], np.uint64).view(float)
    spec = ((Index(1, ((0, 2),)),), True)
    got = run(Ops.PLACE, [odd], spec, (7,))
    assert got[1::2].view(np.uint64).tolist() == odd.view(np.uint64).tolist()
    back = run(Ops.READ, [got], spec[0], (3,))
    assert np.array(back).view(np.uint64).tolist() == odd.view(np.uint64).tolist()


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        ([0, -3, 1],          ValueError, r"^the index array r holds -3 at \[1\]: places are not negative$"),
        ([[0, 1], [-1, 2]],   ValueError, r"^the index array r holds -1 at \[1, 0\]: places are not negative$"),
        ([0.0, 1.0],          TypeError,  "^the index array r has dtype float64: places are whole numbers$"),
        ([True, False],       TypeError,  "^the index array r has dtype bool: places are whole numbers$"),
        ([2**64 - 1],         ValueError, f"^the index array r holds {2**64 - 1}, which is beyond int64$"),
        ([2**62],             ValueError, f"^an index reaches from 1 to {2**62 + 1}, which is beyond int64$"),
    ],
)  # fmt: skip
def test_index_arrays_that_are_refused(array, error, message):
    r = np.array(array)
    by_array = (1, tuple(range(r.ndim)), 1)
    for constant in (0, 1):  # alone, and in a sum
        if "reaches" in message and not constant:
            continue  # nothing is computed
        index = Index(constant, (), (by_array,))
        with pytest.raises(error, match=message):
            run(Ops.READ, [np.ones(4), r], (index,), r.shape)
        with pytest.raises(error, match=message):
            run(Ops.PLACE, [np.ones(r.shape), r], ((index,), False), (4,))
        with pytest.raises(error, match=message):
            run(Ops.MASK, [np.ones(r.shape), r], ((index, 4),), r.shape)


def test_sums_of_small_index_arrays_do_not_wrap():
    r = np.array([200, 100], np.uint8)
    index = Index(0, (), ((1, (0,), 1), (2, (0,), 1)))  # r[e] + s[e]
    x = np.arange(400)
    assert run(Ops.READ, [x, r, r], (index,), (2,)).tolist() == [0, 200]
    index = Index(2, (), ((1, (0,), -1),))
    assert run(Ops.READ, [x + 1, r], (index,), (2,)).tolist() == [0, 0]


def places(*terms, plus=0, arrays=()):
    return Index(plus, terms, arrays)


ALONG = ((1, (0,), 1),)  # the first index array, along axis 0
READS = [  # indices, shapes of the operands, shape of the result, the text
    ((places((0, 1), plus=1),),                    [(6,)],        (5,),    "x[1:]"),
    ((places((0, 1)),),                            [(6,)],        (5,),    "x[:5]"),
    ((places((0, 1)),),                            [(6,)],        (6,),    "x[...]"),
    ((places((0, -1), plus=5),),                   [(6,)],        (6,),    "x[::-1]"),
    ((places((0, -2), plus=4),),                   [(6,)],        (2,),    "x[4:0:-2]"),
    ((places((0, -2), plus=4),),                   [(6,)],        (3,),    "x[4::-2]"),
    ((places((0, 2)),),                            [(6,)],        (3,),    "x[::2]"),
    ((places((0, 2)),),                            [(6,)],        (2,),    "x[:4:2]"),
    ((places((0, 7), plus=2),),                    [(6,)],        (1,),    "x[2:3]"),
    ((places(plus=2),),                            [(6,)],        (),      "x[2, ...]"),
    ((places(plus=2), places((0, 1))),             [(6, 4)],      (4,),    "x[2]"),
    ((places((1, 1)), places((0, -1), plus=3)),    [(6, 4)],      (4, 6),  "x[:, ::-1].T"),
    ((places((0, 1), plus=-1),),                   [(6,)],        (6,),    "read_at(x, (6,), (-1, {0: 1}))"),
    ((places((0, 1), (1, 1)),),                    [(6,)],        (4, 3),  "read_at(x, (4, 3), (0, {0: 1, 1: 1}))"),
    ((places((0, 1)), places((0, 1))),             [(4, 4)],      (4,),    "read_at(x, (4,), (0, {0: 1}), (0, {0: 1}))"),
    ((places((0, 1)),),                            [(4,)],        (4, 2),  "read_at(x, (4, 2), (0, {0: 1}))"),
    ((places((0, 1)),),                            [(4,)],        (0,),    "read_at(x, (0,), (0, {0: 1}))"),
    ((places(arrays=ALONG), places((1, 1))),       [(6, 4), (9,)], (9, 4), "taken_at(x, places_of(r, 'r'), 0)"),
    ((places((0, 1)), places(arrays=((1, (1, 2), 1),))), [(2, 6), (3, 2)], (2, 3, 2), "taken_at(x, places_of(r, 'r'), 1)"),
    ((places(arrays=((1, (), 1),)), places((0, 1))), [(6, 4), ()], (4,),   "taken_at(x, places_of(r, 'r'), 0)"),
    ((places(arrays=ALONG), places((1, 1))),       [(6, 4), (9,)], (8, 4), None),
    ((places(arrays=ALONG), places((1, 1))),       [(6, 4), (9,)], (9, 3), None),
    ((places(arrays=ALONG), places((0, 1))),       [(6, 9), (9,)], (9,),   None),
    ((places((0, 1)), places(arrays=((1, (1,), 1),))), [(4, 6), (9,)], (4, 9), "taken_at(x, places_of(r, 'r'), 1)"),
    ((places((1, 1)), places(arrays=ALONG)),       [(4, 6), (9,)], (9, 4), None),
    ((places(plus=1, arrays=ALONG),),              [(6,), (9,)],   (9,),   None),
    ((places(arrays=((1, (0,), 2),)),),            [(6,), (9,)],   (9,),   None),
    ((places(arrays=((1, (0, 0), 1),)),),          [(6,), (9, 9)], (9,),   None),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "shapes", "shape", "text"), READS)
def test_how_reads_are_spelt(spec, shapes, shape, text):
    numbers = np.random.default_rng(0)
    step = Step(Ops.READ, tuple(range(len(shapes))), spec, shape, 0, tuple(shapes))
    (line,) = NUMPY.spell(step, ("x", "r")[: len(shapes)], str)
    if text is None:
        assert line.startswith("gathered_at(")
    else:
        assert line == text
    for largest in (6, 8):  # all inside, and some outside
        arrays = [
            numbers.integers(-9, 9, shapes[0]),
            *[numbers.integers(0, largest, s) for s in shapes[1:]],
        ]
        same(run(Ops.READ, arrays, spec, shape), np.asarray(indexing.read(arrays, spec, shape)))


PLACES = [  # indices, once?, shapes of the operands, shape of the result, the text
    ((places((0, 1), plus=1),),                 True,  [(5,)],         (6,),   ["{out} = np.zeros((6,), x.dtype)", "{out}[1:] = x", ""]),
    ((places((0, 1), plus=1),),                 False, [(5,)],         (6,),   ["place_at(x, (6,), False, (1, {0: 1}))"]),
    ((places((0, 1), plus=2),),                 True,  [(5,)],         (6,),   ["place_at(x, (6,), True, (2, {0: 1}))"]),
    ((places((1, -2), plus=4), places((0, 1))), True,  [(2, 3)],       (6, 2), ["{out} = np.zeros((6, 2), x.dtype)", "{out}[4::-2] = x.T", ""]),
    ((places(plus=3), places((0, 1))),          True,  [(2,)],         (6, 2), ["{out} = np.zeros((6, 2), x.dtype)", "{out}[3] = x", ""]),
    ((places(plus=3),),                         True,  [()],           (6,),   ["{out} = np.zeros((6,), x.dtype)", "{out}[3, ...] = x", ""]),
    ((places((0, 1)), places((0, 1))),          True,  [(3,)],         (3, 3), ["place_at(x, (3, 3), True, (0, {0: 1}), (0, {0: 1}))"]),
    ((places(arrays=ALONG), places((1, 1))),    False, [(9, 2), (9,)], (6, 2), ["added_at(x, places_of(r, 'r'), 6)"]),
    ((places(arrays=((1, (0, 1), 1),)),),       False, [(4, 3), (4, 3)], (6,), ["added_at(x, places_of(r, 'r'), 6)"]),
    ((places(arrays=((1, (), 1),)), places((0, 1))), False, [(3,), ()], (6, 3), ["added_at(x, places_of(r, 'r'), 6)"]),
    ((places(arrays=ALONG), places((1, 1))),    False, [(0, 2), (0,)], (6, 2), ["added_at(x, places_of(r, 'r'), 6)"]),
    ((places(arrays=ALONG), places((1, 1))),    False, [(9, 2), (8,)], (6, 2), None),
    ((places(arrays=ALONG), places((1, 1))),    False, [(9, 2), (9,)], (6, 3), None),
    ((places(arrays=((1, (1,), 1),)), places((0, 1))), False, [(2, 9), (9,)], (6, 2), None),
    ((places((1, 1)), places(arrays=ALONG)),    False, [(9, 2), (9,)], (2, 6), None),
]  # fmt: skip


@pytest.mark.parametrize(("indices", "once", "shapes", "shape", "lines"), PLACES)
def test_how_places_are_spelt(indices, once, shapes, shape, lines):
    numbers = np.random.default_rng(0)
    spec = (indices, once)
    step = Step(Ops.PLACE, tuple(range(len(shapes))), spec, shape, 0, tuple(shapes))
    got = NUMPY.spell(step, ("x", "r")[: len(shapes)], str)
    if lines is None:
        assert got[0].startswith("scattered_at(")
    else:
        assert got == lines
    for largest in (6, 8):
        arrays = [
            numbers.integers(-9, 9, shapes[0]),
            *[numbers.integers(0, largest, s) for s in shapes[1:]],
        ]
        same(run(Ops.PLACE, arrays, spec, shape), indexing.placed(arrays, spec, shape))
    out = np.full(shape, 7)
    written = into(step, ("x", "r"), str, "out", zeroed=False)
    exec("\n".join(written), WITH_SCIPY, {"x": arrays[0], "r": arrays[-1], "out": out})
    assert out.tolist() == indexing.placed(arrays, spec, shape).tolist()
    if lines and len(lines) == 3:
        assert len(into(step, ("x", "r"), str, "out", zeroed=True)) == 1


MASKS = [  # conditions, the shape, the text
    ([(places((0, 1), (1, -1)), 9)],          (5, 4),    "np.tril(x)"),
    ([(places((0, 1), (1, -1), plus=2), 9)],  (5, 4),    "np.tril(x, 2)"),
    ([(places((0, -1), (1, 1), plus=1), 9)],  (5, 4),    "np.triu(x, -1)"),
    ([(places((0, 1), (1, -1), plus=4), 6)],  (5, 4),    "np.triu(x, -1)"),
    ([(places((0, -1), (1, 1), plus=4), 3)],  (5, 4),    "np.tril(x, -2)"),
    ([(places((1, 1), (2, -1)), 9)],          (2, 5, 4), "np.tril(x)"),
    ([(places((0, 1), (1, -1)), 3)],          (5, 4),    "masked_at(x, ((0, {0: 1, 1: -1}), 3))"),
    ([(places((0, 1), (2, -1)), 9)],          (5, 2, 4), "masked_at(x, ((0, {0: 1, 2: -1}), 9))"),
    ([(places((0, 2), (1, -1)), 9)],          (5, 4),    "masked_at(x, ((0, {0: 2, 1: -1}), 9))"),
    ([(places((0, 1), (1, -1), plus=3), 9)],  (5, 4),    "masked_at(x, ((3, {0: 1, 1: -1}), 9))"),
    ([(places((0, 1), (1, -1)), 9)],          (0, 4),    "masked_at(x, ((0, {0: 1, 1: -1}), 9))"),
    ([(places((0, 1)), 2), (places((1, 1), plus=-1), 2)], (5, 4), "masked_at(x, ((0, {0: 1}), 2), ((-1, {1: 1}), 2))"),
    ([],                                      (5,),      "masked_at(x)"),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "shape", "text"), MASKS)
def test_how_masks_are_spelt(conditions, shape, text):
    spec = tuple(conditions)
    step = Step(Ops.MASK, (0,), spec, shape, 0, (shape,))
    assert NUMPY.spell(step, ("x",), str) == [text]
    x = np.arange(1.0, 1 + prod(shape)).reshape(shape)
    x[x % 3 == 0] = np.nan
    same(run(Ops.MASK, [x], spec, shape), indexing.selected([x], spec, shape))


# ---------------------------------------------------------------- products with windows
rng = np.random.default_rng(2)
SIZES = {"n": 3, "h": 9, "w": 7, "y": 3, "x": 2, "c": 8, "f": 4, "g": 2}


def window(layout, stride, dilation, backwards):
    """The window ``x[n, s h + d y, w + x, c]`` of whole numbers in a layout, and its labels."""
    reach = {"P": stride * (SIZES["h"] - 1) + dilation * (SIZES["y"] - 1) + 1, "Q": 8}
    base = rng.integers(-4, 5, [reach.get(axis) or SIZES[axis] for axis in layout]).astype(float)
    start = [dilation * (SIZES["y"] - 1) if axis == "P" and backwards else 0 for axis in layout]
    labels, strides = "", []
    for axis, step in zip(layout, base.strides):
        labels += {"P": "hy", "Q": "wx"}.get(axis, axis)
        taps = -dilation if backwards else dilation
        strides += {"P": [stride * step, taps * step], "Q": [step, step]}.get(axis, [step])
    first = base[tuple(slice(place, None) for place in start)]
    shape = [SIZES[label] for label in labels]
    return labels, np.lib.stride_tricks.as_strided(first, shape, strides, writeable=False)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1), (2, 4)])
@pytest.mark.parametrize("layout", ["nPQc", "ncPQ", "cPQ", "PQnc", "PQ", "Pc"])
@pytest.mark.parametrize("kernel", ["yxcf", "fcyx", "fygxc"])
def test_products_with_windows(layout, stride, dilation, kernel, backwards):
    labels, x = window(layout, stride, dilation, backwards)
    own = "".join(label for label in kernel if label in labels + "fg")
    y = rng.integers(-4, 5, [SIZES[label] for label in own]).astype(float)
    kept = [label for label in labels if label not in own]
    for out in ("".join(kept) + "f", "f" + "".join(kept)):
        out += "g" if "g" in own else ""
        want = np.einsum(f"{labels},{own}->{out}", x, y)
        for terms, operands in ((f"{labels},{own}", (x, y)), (f"{own},{labels}", (y, x))):
            got = WITH_SCIPY["windowed_product"](f"{terms}->{out}", *operands)
            assert got.dtype == want.dtype
            assert got.tolist() == want.tolist()


@pytest.mark.parametrize(
    ("layout", "stride", "axes"),
    [
        ("nPQc", 1, ("h", "y", 1)),
        ("ncPQ", 1, ("h", "y", 1)),
        ("nPQc", 2, ("w", "x", 1)),
        ("PQ",   1, None),  # a product of few rows for each tap
    ],
)  # fmt: skip
def test_the_taps_of_a_window(layout, stride, axes):
    labels, x = window(layout, stride, 1, False)
    own = "".join(label for label in "yxcf" if label in labels + "f")
    out = "".join(label for label in labels if label not in own) + "f"
    assert WITH_SCIPY["tap_axes"](x, labels, own, out) == axes


KERNEL_OUTS = ["yxcf", "fcyx", "cfxy"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("layout", ["nPQc", "ncPQ", "cPQ", "PQnc", "nPc"])
@pytest.mark.parametrize("cotangent", ["nfhw", "nhwf", "fwhn", "hwnf"])
def test_products_over_the_rows_of_windows(layout, stride, dilation, cotangent, backwards):
    """Gradients by kernels: places are summed, taps are kept."""
    labels, x = window(layout, stride, dilation, backwards)
    own = "".join(label for label in cotangent if label in labels + "f")
    y = rng.integers(-4, 5, [SIZES[label] for label in own]).astype(float)
    if (stride, dilation) == (1, 1) and "Q" in layout:
        out = "".join(label for label in "yxcf" if label in labels + "f")
        assert WITH_SCIPY["row_axes"](x, labels, own, out) == ("h", "y", 1)
    for kernel in KERNEL_OUTS:
        out = "".join(label for label in kernel if label in labels + "f")
        want = np.einsum(f"{labels},{own}->{out}", x, y)
        for terms, operands in ((f"{labels},{own}", (x, y)), (f"{own},{labels}", (y, x))):
            got = WITH_SCIPY["windowed_product"](f"{terms}->{out}", *operands)
            assert got.dtype == want.dtype
            assert got.tolist() == want.tolist()


def test_a_product_over_rows_copies_a_block():
    """Less than a window that is cut along one axis."""
    x, y = rng.random((16, 8, 34, 34)), rng.random((16, 4, 32, 32))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    product = WITH_SCIPY["windowed_product"]
    tracemalloc.start()
    try:
        found = product("nchwyx,nfhw->fcyx", windows, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(found, np.einsum("nchwyx,nfhw->fcyx", windows, y), rtol=1e-12)
    assert peak <= x.nbytes // 2


@pytest.mark.parametrize("out", ["nhwf", "nfhw"])
def test_a_product_by_taps_copies_a_block(out):
    """Less than a window that is cut along one axis."""
    x = rng.random((16, 34, 34, 8))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    y = rng.random((3, 3, 8, 4))
    product = WITH_SCIPY["windowed_product"]
    tracemalloc.start()
    try:
        found = product(f"nhwcyx,yxcf->{out}", windows, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= found.nbytes + x.nbytes


@pytest.mark.parametrize("scope", [WITH_SCIPY, WITHOUT_SCIPY], ids=["scipy", "numpy"])
@pytest.mark.parametrize("shape", [(9,), (3, 3), (0,)])
def test_rows_with_weights(shape, scope):
    """Rows beyond the end are dropped, those of equal numbers added up; nothing is multiplied by 0."""
    rng = np.random.default_rng(3)
    for dtype in ("float64", "float32", "complex128"):
        w, v = (
            rng.integers(-4, 5, shape).astype(dtype),
            rng.integers(-4, 5, (*shape, 2)).astype(dtype),
        )
        rows = rng.integers(0, 6, shape).astype("uint8")
        if w.size:
            v[(0,) * len(shape)] = np.nan
        want = np.zeros((4, 2), dtype)
        for at in np.ndindex(*shape):
            if rows[at] < 4:
                want[rows[at]] += w[at] * v[at]
        same(run(Ops.WEIGHTED_ROWS, [w, v, rows], (), (4, 2), scope), want)


def test_sums_of_segments_are_one_call():
    """Whatever the sizes of the entries and of the index array are called."""
    v, r = rng.integers(-9, 10, 12).astype(float), rng.integers(0, 4, 12)
    total = ed.compile(ed.segment_sum(ed.tensor("v", "e"), r, 4))
    want = [v[r == k].sum() for k in range(4)]
    assert total(v=v).tolist() == want
    assert "added_at(v, places_of(ids, 'ids'), 4)" in total._last.emitted.source
