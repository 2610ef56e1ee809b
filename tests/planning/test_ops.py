"""Every row of the ops, by its example: what it computes in each backend, which axes run together, whose memory it
shows, what bounds it.
"""

import importlib.util
from math import prod

import indexing
import numpy as np
import pytest

from einderiv.backends import JAX, NUMPY, TORCH
from einderiv.planning import Index, Ops, Step, axes_in_operands, run_together
from einderiv.planning.ops import MAYBE_SHARED, OPS

rng = np.random.default_rng(0)


def written(arrays, spec, shape):
    """A sum of terms in their places, entry by entry."""
    total = np.zeros(shape, np.int64)
    for a, (labels, output) in zip(arrays, spec):
        for at in np.ndindex(*shape):
            value = dict(zip(output, at))
            if tuple(value[x] for x in output) == at:
                total[at] += a[tuple(value[x] for x in labels)]
    return total


def stacked(arrays, spec, shape):
    *operands, out = spec
    new = next(x for x in out if x not in operands[0])
    rest = [x for x in out if x != new]
    turned = [np.einsum(a, list(labels), rest) for a, labels in zip(arrays, operands)]
    return np.stack(turned, out.index(new))


def taken(arrays, spec, shape):
    (a,), (labels, place, out) = arrays, spec
    gone = next(p for p, x in enumerate(labels) if x not in out)
    return np.einsum(a.take(place, gone), [x for x in labels if x in out], list(out))


def by_labels(arrays, spec, shape):
    *operands, out = spec
    slots = [part for a, labels in zip(arrays, operands) for part in (a, list(labels))]
    return np.einsum(*slots, list(out))


def with_numbers(arrays, spec, shape):
    numbers, constant = spec
    return sum(number * a for number, a in zip(numbers, arrays)) + constant


def solved(arrays, spec, shape):
    (a, b), (*_, transposed) = arrays, spec
    return np.linalg.solve(a.T if transposed else a, b)


def gram(arrays, spec, shape):
    (x, w), (axis,) = arrays, spec
    return np.einsum("na,n,nb->ab" if axis == 0 else "an,n,bn->ab", x, w, x)


def transformed(arrays, spec, shape):
    """Sums with roots of unity, written out."""
    axis, sign, period = spec
    columns, rows = np.arange(arrays[0].shape[axis]), np.arange(shape[axis])
    roots = np.exp(sign * 2j * np.pi * np.outer(rows, columns) / period)
    return np.moveaxis(np.tensordot(roots, arrays[0], (1, axis)), 0, axis)


def running(arrays, spec, shape):
    axis, backwards = spec
    turned = np.flip(arrays[0], axis) if backwards else arrays[0]
    total = np.cumsum(turned, axis)
    return np.flip(total, axis) if backwards else total


def convolved(arrays, spec, shape):
    """By arrays of ones and zeros that hold the relation of each window."""
    x_labels, y_labels, out, windows = spec
    sizes = {}
    for labels, lengths in zip(spec[:3], (*(a.shape for a in arrays), shape)):
        sizes.update(zip(labels, lengths))
    terms = [arrays[0], x_labels, arrays[1], y_labels]
    for *labels, stride, dilation, constant in windows:
        whole, step, tap = np.ix_(*(np.arange(sizes[label]) for label in labels))
        terms += [(whole == constant + stride * step + dilation * tap).astype(float), labels]
    return np.einsum(*terms, out)


def assembled(arrays, spec, shape):
    """Parts that are put together, entry by entry."""
    made = np.zeros(shape)
    for a, (spans, number, adds) in zip(arrays, spec[0], strict=True):
        counts = [n if span.extent is None else span.extent for span, n in zip(spans, shape)]
        for at in np.ndindex(*counts):
            there = tuple(span.start + span.step * i for span, i in zip(spans, at))
            by_axis = {span.axis: i for span, i in zip(spans, at)}
            own = number * a[tuple(by_axis[axis] for axis in range(a.ndim))]
            made[there] = made[there] + own if adds else own
    return made


def weighted(arrays, spec, shape):
    w, v, rows = arrays
    made = np.zeros(shape)
    for e, row in enumerate(rows):
        if row < len(made):
            made[row] += w[e] * v[e]
    return made


def vectors_convolved(arrays, spec, shape):
    turned, first = spec
    whole = np.zeros(99)
    x, y = arrays
    for i, j in np.ndindex(x.size, y.size):
        whole[20 + i + j] += x[i] * (y[::-1] if turned else y)[j]
    return whole[20 + first : 20 + first + shape[0]]


#: what each op computes: of arrays, the spec and the shape of the result
MEANING = {
    "input":    lambda arrays, spec, shape: arrays[0],
    "number":   lambda arrays, spec, shape: np.array(spec[0]),
    "ones":     lambda arrays, spec, shape: np.ones(shape),
    "view":     by_labels,
    "sum":      by_labels,
    "contract": by_labels,
    "outer":    by_labels,
    "windowed product": by_labels,
    "scale":    lambda arrays, spec, shape: spec[0] * prod(spec[1]) * arrays[0],
    "add":      lambda arrays, spec, shape: sum(arrays),
    "apply":    lambda arrays, spec, shape: arrays[0] ** 2,
    "factor":   lambda arrays, spec, shape: arrays[0],
    "solve":    solved,
    "reshape":  lambda arrays, spec, shape: arrays[0].reshape(shape),
    "write":    written,
    "read":     indexing.read,
    "place":    indexing.placed,
    "mask":     indexing.selected,
    "running sum": running,
    "fourier transform": transformed,
    "assemble": assembled,
    "weighted rows": weighted,
    "combine":  with_numbers,
    "addmm":    lambda arrays, spec, shape: spec[3] * arrays[0] + spec[4] * by_labels(arrays[1:], spec[:3], shape),
    "gram":     gram,
    "grams":    lambda arrays, spec, shape: np.einsum("nr,rb,rd->nbd", arrays[0], arrays[1], arrays[1]),
    "convolution": convolved,
    "convolve": vectors_convolved,
    "stack":    stacked,
    "take":     taken,
    "shard":    lambda arrays, spec, shape: arrays[0],
}  # fmt: skip
INDEXED = {"read", "place", "mask"}  # all operands but the first are index arrays
SPELT = {  # the ops that a backend has
    NUMPY: set(OPS) - {"input", "ones", "addmm", "shard", "convolution"},
    TORCH: set(OPS)
    - {
        "input",
        "ones",
        "shard",
        "convolve",
        "outer",
        "gram",
        "grams",
        "stack",
        "take",
        "windowed product",
        "assemble",
        "weighted rows",
    },
    JAX: set(OPS)
    - {
        "input",
        "ones",
        "addmm",
        "convolve",
        "outer",
        "gram",
        "grams",
        "stack",
        "take",
        "windowed product",
        "weighted rows",
    },
}


def arrays_of(op):
    arrays = [rng.integers(-4, 5, shape).astype(float) for shape in op.example.shapes]
    if op.name in INDEXED:
        arrays[1:] = [rng.integers(0, 5, shape) for shape in op.example.shapes[1:]]
    if op is Ops.WEIGHTED_ROWS:
        arrays[2] = rng.integers(0, 7, op.example.shapes[2])
    if op.name in ("solve", "factor"):  # matrices that have an inverse
        arrays[0] += 9 * np.eye(*arrays[0].shape)
    return arrays


def step_of(op, arrays, shape):
    spec = op.example.spec
    sizes = tuple(a.shape for a in arrays)
    return Step(op, tuple(range(len(arrays))), spec, tuple(shape), 0, sizes)


def test_every_row_has_a_name_and_a_meaning():
    assert OPS.keys() == MEANING.keys()
    for op in OPS.values():
        assert op.operands
        assert op.spec


def value(backend, op, arrays):
    """What the text of a backend computes."""
    library = backend.library.imported()
    names = [f"v{k}" for k in range(len(arrays))]
    scope = {"dtype": getattr(library, "float64", None), "device": "cpu"}
    lines = backend.spell(step_of(op, arrays, op.example.shape), names, str)
    helpers = backend.helpers.used(lines)
    imports = [backend.helpers.imports.get(name, "") for name in helpers]
    exec("\n".join([backend.header, *imports]), scope)
    for name in helpers:
        exec(backend.helpers.texts[name], scope)
    given = [library.asarray(a) if a.dtype.kind == "i" else library.asarray(a, dtype=library.float64)
             for a in arrays]  # fmt: skip
    if op is Ops.SOLVE:
        exec(backend.helpers.texts["factored"], scope)
        exec(backend.helpers.texts.get("factors", ""), scope)
        given[0] = scope["factored"](given[0])
    scope.update(zip(names, given))
    if backend is NUMPY:
        scope["dtype"] = np.dtype(float)
    *before, last = lines
    exec("\n".join(line.replace("{out}", "made") for line in before), scope)
    return (eval(last, scope) if last else scope["made"]), given


@pytest.mark.parametrize("backend", SPELT, ids=lambda backend: backend.name)
@pytest.mark.parametrize("name", sorted(set(OPS) - {"input", "ones"}))
def test_what_an_op_computes(name, backend):
    if importlib.util.find_spec(backend.name) is None:
        pytest.skip(f"{backend.name} is not here")
    op = OPS[name]
    arrays = arrays_of(op)
    if name not in SPELT[backend]:
        with pytest.raises(AssertionError, match=f"no spelling for {name}"):
            backend.spell(step_of(op, arrays, op.example.shape), ["x", "y", "z"], str)
        return
    if backend is JAX:
        import jax

        with jax.enable_x64(True):
            got, given = value(backend, op, arrays)
    else:
        got, given = value(backend, op, arrays)
    if op is Ops.FACTOR:
        got = got[0]  # the matrix, and beside it its factors
    want = MEANING[name](arrays, op.example.spec, op.example.shape)
    assert np.shape(got) == op.example.shape
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12, atol=1e-14)
    if backend is NUMPY and op.memory != MAYBE_SHARED and isinstance(got, np.ndarray):
        shared = any(np.shares_memory(got, a) for a in given if isinstance(a, np.ndarray))
        assert shared is op.memory.shows


@pytest.mark.parametrize("name", OPS)
def test_axes_that_run_together(name):
    """A block of every operand along one axis gives a block of the result, or a part of a sum."""
    op = OPS[name]
    arrays = arrays_of(op)
    spec, shape = op.example.spec, op.example.shape
    step = step_of(op, arrays, shape)
    want = MEANING[name](arrays, spec, shape) if arrays else None
    found = 0
    for operand, array in enumerate(arrays):
        for axis in range(array.ndim):
            together = run_together(step, operand, axis)
            if together is None:
                continue
            found += 1
            axes, place = together
            assert axes[operand] == axis
            parts = []
            for at in range(array.shape[axis]):
                cut = [a.take([at], axes[p]) if p in axes else a for p, a in enumerate(arrays)]
                part_shape = tuple(1 if p == place else n for p, n in enumerate(shape))
                parts.append(MEANING[name](cut, spec, part_shape))
            got = sum(parts) if place is None else np.concatenate(parts, place)
            np.testing.assert_allclose(got, want, rtol=1e-12)
            if place is not None:
                back = axes_in_operands(step, place)
                assert {p: a for p, a in enumerate(back) if a is not None} == axes
    in_one_piece = {"factor", "solve", "reshape", "gram", "grams", "convolution", "convolve"}
    assert bool(found) is (bool(arrays) and name not in in_one_piece)


@pytest.mark.parametrize("name", ["read", "place", "mask"])
def test_axes_of_index_expressions_that_run_together(name):
    """A cut along them gives a part, whatever the indices are: there are few, and no others."""
    op, found = OPS[name], 0
    for seed in range(800):
        make = indexing.Maker(seed)
        a, b = make.shape(3), make.shape(3)
        arrays, ways = make.arrays(b)
        indices = tuple(make.index(b, ways) for _ in a)
        if name == "read":
            spec, shape, first = indices, b, a
        elif name == "place":
            spec, shape, first = (indices, False), a, b
        else:
            spec, shape, first = tuple((index, 3) for index in indices), b, b
        arrays = [make.array(first, "int64"), *arrays]
        if name == "place" and seed % 2 and not indexing.meet(arrays, indices, shape):
            spec = (indices, True)
        step = Step(op, tuple(range(len(arrays))), spec, shape, 0, tuple(x.shape for x in arrays))
        want = MEANING[name](arrays, spec, shape)
        for operand, array in enumerate(arrays):
            for axis in range(array.ndim):
                together = run_together(step, operand, axis)
                if together is None or not array.shape[axis]:
                    continue
                axes, place = together
                found += 1
                parts = []
                for k in range(array.shape[axis]):
                    cut = [x.take([k], axes[p]) if p in axes else x for p, x in enumerate(arrays)]
                    part = tuple(1 if p == place else n for p, n in enumerate(shape))
                    parts.append(MEANING[name](cut, spec, part))
                got = sum(parts) if place is None else np.concatenate(parts, place)
                assert (got == want).all()
                assert place is not None or not (name == "place" and spec[1]), "signs of zeros"
    assert found > 30


def test_an_index_array_that_is_read_in_two_ways_is_in_one_piece():
    """x[r[i] - r[j]]: a block of r would be one along both axes."""
    index = Index(0, (), ((1, (0,), 1), (1, (1,), -1)))
    step = Step(Ops.READ, (0, 1), (index,), (4, 4), 0, ((9,), (4,)))
    assert run_together(step, 1, 0) is None
    assert axes_in_operands(step, 0) == [None, None]
    twice = Index(0, (), ((1, (0,), 1), (1, (0,), 1)))
    step = Step(Ops.READ, (0, 1), (twice,), (4,), 0, ((9,), (4,)))
    assert run_together(step, 1, 0) == ({1: 0}, 0)


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.bound and op.example.shapes])
def test_bounds_of_whole_numbers(name):
    op = OPS[name]
    for _ in range(20):
        arrays = [rng.integers(-9, 10, shape) for shape in op.example.shapes]
        step = step_of(op, arrays, op.example.shape)
        largest = [int(abs(a).max()) for a in arrays]
        bound = op.bound(step, largest, int)
        assert isinstance(bound, int)
        assert abs(MEANING[name](arrays, op.example.spec, op.example.shape)).max() <= bound


def test_axes_of_functions():
    """A function runs along its batch axes; a number beside an array has none."""
    from einderiv.functions import FUNCTIONS

    def step(name, core, *ranks, sizes):
        operand_sizes = tuple((2, 3, 4)[:rank] for rank in ranks)
        return Step(
            Ops.APPLY,
            tuple(range(len(ranks))),
            (FUNCTIONS[name], core, ()),
            sizes,
            0,
            operand_sizes,
        )

    softmax = step("softmax", 1, 3, sizes=(2, 3, 4))
    assert run_together(softmax, 0, 1) == ({0: 1}, 1)
    assert run_together(softmax, 0, 2) is None
    largest = step("max", 2, 3, sizes=(2,))
    assert run_together(largest, 0, 0) == ({0: 0}, 0)
    assert run_together(largest, 0, 1) is None
    power = step("maximum", 0, 2, 0, sizes=(2, 3))
    assert run_together(power, 0, 1) == ({0: 1}, 1)
    assert axes_in_operands(power, 1) == [1, None]


# name, shape of what is placed, indices, shape, entries that meet at most
MEETING = [
    ("one sum",           (5, 3), [((0, 1), (1, 1))],             (7,),   3),
    ("two sums",          (5, 3), [((0, 1), (1, 1)), ((1, 1),)],  (7, 3), 1),
    ("the same axes",     (4, 3), [((0, 1), (1, 1)), ((0, 1), (1, 1))], (6, 6), 12),
    ("an axis apart",     (4, 3, 2), [((0, 1), (1, 2))],          (9,),   6),
    ("steps",             (4, 6), [((0, 2), (1, 3))],             (22,),  4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "terms", "result", "most"), [row[1:] for row in MEETING], ids=[r[0] for r in MEETING]
)
def test_how_many_entries_meet(shape, terms, result, most):
    indices = tuple([Index(0, own) for own in terms])
    sizes = (tuple(shape),)
    step = Step(Ops.PLACE, (0,), (indices, False), tuple(result), 0, sizes)
    counts = np.zeros(result, int)
    for at in np.ndindex(*shape):
        counts[tuple(sum(k * at[axis] for axis, k in own) for own in terms)] += 1
    bound = Ops.PLACE.bound(step, [1], int)
    assert counts.max() <= bound == most
