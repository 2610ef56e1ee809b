"""Sums of terms that lie apart, put together in one array: which steps, which lines, and values with all bits."""

from math import prod

import indexing
import numpy as np
import pytest

import einderiv as ed
from einderiv.backends import NUMPY
from einderiv.functions import FUNCTIONS
from einderiv.planning import Index, Ops, Program, Span, apart, entries_of, uncovered
from einderiv.rewriting import Target, optimized

A = ed.tensor("A", "ij")
B = ed.tensor("B", "kl")
V = ed.tensor("x", "i")
W = ed.tensor("y", "j")
SQUARE = V * V
LARGE = 20_000


def moving_sum(x):
    r = 2 * (x[2:] + x[1:-1] + x[:-2])
    return np.pad(r, (2, 0)) + np.pad(r, 1) + np.pad(r, (0, 2))


CASES = [  # an expression, what NumPy says, the lines that do it
    ("concatenate", ed.concatenate([V, W]),
     lambda x, y: np.concatenate([x, y]), ["t0[:20000] = x", "t0[20000:] = y"]),
    ("roll", ed.roll(V, 7), lambda x: np.roll(x, 7), ["t2[7:] = t1", "t2[:7] = t0"]),
    ("stack", ed.stack([A, B], axis=2), lambda A, B: np.stack([A, B], 2), ["t0[:, :, :1] = A[:, :, None]", "t0[:, :, 1:] = B[:, :, None]"]),
    ("block", ed.block([[A, B], [B, A]]), lambda A, B: np.block([[A, B], [B, A]]),
     ["t0[:170, :180] = A", "t0[:170, 180:] = B", "t0[170:, :180] = B", "t0[170:, 180:] = A"]),
    ("pad", ed.pad(A, 2), lambda A: np.pad(A, 2),
     ["t0[0:2] = 0", "t0[172:174] = 0", "t0[2:172, 0:2] = 0", "t0[2:172, 182:184] = 0", "t0[2:172, 2:182] = A"]),
    ("wrap", ed.pad(V, 3, mode="wrap"), lambda x: np.pad(x, 3, mode="wrap"), ["[3:20003] = x"]),
    ("reflect", ed.pad(A, 2, mode="reflect"), lambda A: np.pad(A, 2, mode="reflect"), ["t3 = t2[:, 2:182]", "t3[2:172] = A", "t2[:, :2] = t4"]),
    ("edge", ed.pad(A, 2, mode="edge"), lambda A: np.pad(A, 2, mode="edge"), ["t3 = t2[:, 2:182]", "t3[:2] = t0", "t3[2:172] = A", "t3[172:] = t1"]),
    ("beside one that is free", np.exp(V) + 2 * ed.pad(W, 1)[1:], lambda x, y: np.exp(x) + 2 * np.pad(y, 1)[1:],
     ["t0 = np.exp(x)", "t0[:19999] += 2 * y"]),
    ("made in place", ed.concatenate([np.exp(V), W]), lambda x, y: np.concatenate([np.exp(x), y]),
     ["t1 = t0[:20000]", "np.exp(x, t1)", "t0[20000:] = y"]),
    ("a difference backwards", ed.grad(ed.sum(ed.diff(V) ** 2), V),
     lambda x: 2 * (np.pad(np.diff(x), (1, 0)) - np.pad(np.diff(x), (0, 1))), ["t2 *= 2", "np.negative(t2, t3[:19999])", "t3[1:] += t2"]),
    ("one number for all", ed.grad(ed.sum((V[2:] + V[1:-1] + V[:-2]) ** 2), V), moving_sum,
     [" *= 2", "t4[:19998] = t3", "t4[2:] += t3"]),
    ("numbers that are no multiples", 2 * ed.pad(SQUARE, (0, 2)) + 2 * ed.pad(SQUARE, 1) + 3 * ed.pad(SQUARE, (2, 0)),
     lambda x: 2 * np.pad(x * x, (0, 2)) + 2 * np.pad(x * x, 1) + 3 * np.pad(x * x, (2, 0)), ["t1[2:] += 3 * t0"]),
    ("one sum at two places", ed.pad(V, (0, 1)) - 3 * ed.pad(SQUARE, (0, 1)) - 2 * ed.pad(V, (1, 0)) + 6 * ed.pad(SQUARE, (1, 0)),
     lambda x: np.pad(x - 3 * x * x, (0, 1)) - 2 * np.pad(x - 3 * x * x, (1, 0)), ["[:20000] = t", "[1:] += (-2) * t"]),
    ("another sum at each place", ed.pad(V, (0, 1)) - 3 * ed.pad(SQUARE, (0, 1)) + 2 * ed.pad(V, (1, 0)) - 5 * ed.pad(SQUARE, (1, 0)),
     lambda x: np.pad(x - 3 * x * x, (0, 1)) + np.pad(2 * x - 5 * x * x, (1, 0)), ["[1:] += (-5) * t", "[1:] += 2 * x"]),
    ("a term that fills", V + 2 * ed.pad(W, 1)[1:], lambda x, y: x + 2 * np.pad(y, 1)[1:], ["t0[...] = x", "t0[:19999] += 2 * y"]),
    ("a number", ed.pad(V, 1) * -3, lambda x: -3 * np.pad(x, 1), ["np.multiply(x, (-3), t0[1:20001])"]),
    ("its opposite", -ed.pad(V, 1), lambda x: -np.pad(x, 1), ["np.negative(x, t0[1:20001])"]),
]  # fmt: skip


def arrays_for(e, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"x": (LARGE,), "y": (LARGE - 1,), "A": (170, 180), "B": (170, 180)}
    return {
        name: rng.integers(-9, 10, shapes[name]).astype(float) for name in ed.expression.needed([e])
    }


@pytest.mark.parametrize(("e", "want", "lines"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_is_put_together(e, want, lines):
    arrays = arrays_for(e)
    f = ed.compile(e)
    got = f(**arrays)
    np.testing.assert_array_equal(got, want(**arrays))
    assert "sums of parts" in f._last.program.passes
    source = f._last.emitted.source
    for line in lines:
        assert line in source
    assert "np.zeros" not in source.split("def compute")[1]
    for kind in (np.int32, np.float32, np.complex64) if "exp" not in source else ():
        typed = {name: a.astype(kind) for name, a in arrays.items()}
        other = ed.evaluate(e, typed)
        assert other.dtype == kind
        np.testing.assert_array_equal(other, want(**typed).astype(kind))


@pytest.mark.parametrize(("e", "want"), [c[1:3] for c in CASES], ids=[c[0] for c in CASES])
def test_into_arrays_of_the_caller(e, want):
    arrays = arrays_for(e)
    f = ed.compile(e)
    out = np.full(want(**arrays).shape, np.nan)
    assert f(**arrays, out=out) is out
    np.testing.assert_array_equal(out, want(**arrays))
    out[...] = 0
    for _ in range(2):  # what is there from before is written over, or was 0 and is
        f(**arrays, out=out, zeroed=True)
        np.testing.assert_array_equal(out, want(**arrays))


def test_bits_survive():
    """What is selected is not added to zeros and not multiplied by them."""
    odd = np.array([-0.0, np.nan, np.inf, -np.inf, 0.0, 1.0])
    payload = np.array([0x7FF8000000000123], np.uint64).view(float)
    x = np.concatenate([odd, payload])
    joined = ed.evaluate(ed.concatenate([V, W]), {"x": x, "y": x[::-1]})
    want = np.concatenate([x, x[::-1]])
    assert (joined.view(np.uint64) == want.view(np.uint64)).all()
    rolled = ed.evaluate(ed.roll(V, 3), {"x": x})
    assert (rolled.view(np.uint64) == np.roll(x, 3).view(np.uint64)).all()
    scaled = ed.evaluate(ed.pad(V, 1) * -1, {"x": x})
    assert np.signbit(scaled).tolist()[1:3] == [False, True]
    assert (scaled[0], np.signbit(scaled[0])) == (0, False)
    product = ed.evaluate(
        ed.pad(V, 1) * ed.tensor("y", "j"), {"x": np.ones(2), "y": np.array([np.nan, 1, 2, np.inf])}
    )
    assert product.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("e", "want"),
    [
        (ed.grad(ed.sum(np.exp(ed.concatenate([V, W]))), V), lambda x, y: np.exp(x)),
        (ed.exp(ed.concatenate([V, W])[:5]), lambda x, y: np.exp(x[:5])),
        (ed.exp(ed.concatenate([V, W]))[LARGE + 3 :], lambda x, y: np.exp(y[3:])),
        ((ed.exp(V) * V)[:4], lambda x: np.exp(x[:4]) * x[:4]),
        (ed.einsum("i,j->ij", np.exp(V), np.exp(W))[3, 5:9], lambda x, y: np.exp(x[3]) * np.exp(y[5:9])),
    ],
)  # fmt: skip
def test_what_is_not_selected_is_not_computed(e, want):
    rng = np.random.default_rng(2)
    names = sorted(ed.expression.needed([e]))
    arrays = {name: rng.normal(size=LARGE - (name == "y")) for name in names}
    f = ed.compile(e)
    np.testing.assert_array_equal(f(**arrays), want(**arrays))
    program = f._last.program
    shapes = [program.shape(k) for k, step in program.live_steps() if step.op is Ops.APPLY]
    assert set(shapes) <= {program.shape(program.outputs[0]), ()}
    assert not [step for _, step in program.live_steps() if step.op is Ops.ASSEMBLE]


@pytest.mark.parametrize(
    ("e", "arrays"),
    [
        (V[1:] - V[:-1], {"x": np.arange(5.0)}),
        (V * 2 + 1, {"x": np.arange(5.0)}),
        (ed.einsum("i,k->(i+k)", V, ed.tensor("w", "k")), {"x": np.arange(5.0), "w": np.arange(3.0)}),
        (ed.broadcast_to(V, (3, 5)), {"x": np.arange(5.0)}),
    ],
)  # fmt: skip
def test_what_is_no_sum_of_parts_stays(e, arrays):
    f = ed.compile(e)
    f(**arrays)
    assert "sums of parts" not in f._last.program.passes


# ---- random programs
class Random:
    """Random steps of one program that come to a wanted shape."""

    def __init__(self, seed):
        self.make = indexing.Maker(seed)
        self.rng = self.make.rng
        self.program = Program(int)
        self.arrays = []

    def value(self, shape, depth):
        kinds = (
            ["input"]
            if depth == 0
            else ["input", "read", "place", "scale", "add", "write", "product"]
        )
        made = getattr(self, self.rng.choice(kinds))(shape, depth)
        if self.rng.random() < 0.1:
            self.program.outputs.append(made)
        return made

    def input(self, shape, _):
        known = [k for k, s in enumerate(self.program.steps) if s.sizes == shape]
        if known and self.rng.random() < 0.3:
            return self.rng.choice(known)
        self.arrays.append(self.make.array(shape, "int64"))
        return self.program.add(Ops.INPUT, (), (f"x{len(self.arrays) - 1}",), shape)

    def affine(self, axis):
        return Index(self.rng.randint(-2, 4), ((axis, self.rng.choice((1, 1, 1, -1, 2, -2))),))

    def read(self, shape, depth):
        axes = [axis for axis in range(len(shape)) if self.rng.random() < 0.9]
        self.rng.shuffle(axes)
        spec = [self.affine(axis) for axis in axes]
        if self.rng.random() < 0.2:
            spec.insert(self.rng.randint(0, len(spec)), Index(self.rng.randint(-1, 3), ()))
        inner = tuple(self.rng.randint(1, 5) for _ in spec)
        return self.program.add(Ops.READ, (self.value(inner, depth - 1),), tuple(spec), shape)

    def view(self, shape, depth):
        inner = tuple(n + self.rng.randint(0, 2) for n in shape)
        extra = self.rng.random() < 0.2
        spec = []
        for axis, (n, m) in enumerate(zip(shape, inner)):
            start = self.rng.randint(0, m - n)
            backwards = self.rng.random() < 0.2
            spec.append(Index(start + (n - 1) * backwards, ((axis, -1 if backwards else 1),)))
        if extra:
            spec.insert(0, Index(1, ()))
            inner = (3, *inner)
        return self.program.add(Ops.READ, (self.value(inner, depth - 1),), tuple(spec), shape)

    def square(self, shape, depth):
        spec = (FUNCTIONS["square"], 0, ())
        return self.program.add(Ops.APPLY, (self.value(shape, depth - 1),), spec, shape)

    def place(self, shape, depth):
        spec = []
        inner = []
        order = list(range(len(shape)))
        self.rng.shuffle(order)
        axes = {}
        for axis in order:
            if self.rng.random() < 0.85:
                axes[axis] = len(inner)
                inner.append(self.rng.randint(1, 4))
        for axis in range(len(shape)):
            spec.append(
                self.affine(axes[axis]) if axis in axes else Index(self.rng.randint(-1, 3), ())
            )
        value = self.value(tuple(inner), depth - 1)
        return self.program.add(Ops.PLACE, (value,), (tuple(spec), True), shape)

    def mask(self, shape, depth):
        spec = []
        for axis in range(len(shape)):
            if self.rng.random() < 0.6:
                spec.append((self.affine(axis), self.rng.randint(1, 5)))
        value = self.value(shape, depth - 1)
        return self.program.add(Ops.MASK, (value,), tuple(spec), shape)

    def turned(self, shape, depth):
        out = tuple(self.rng.sample(range(len(shape)), len(shape)))
        labels = tuple(sorted(out))
        value = self.value(tuple(shape[out.index(x)] for x in labels), depth - 1)
        return self.program.add(Ops.VIEW, (value,), (labels, out), shape)

    def scale(self, shape, depth):
        spec = (self.rng.choice((-1, 2, -3)), ())
        return self.program.add(Ops.SCALE, (self.value(shape, depth - 1),), spec, shape)

    def add(self, shape, depth):
        values = tuple(self.value(shape, depth - 1) for _ in range(self.rng.randint(2, 4)))
        return self.program.add(Ops.ADD, values, (), shape)

    def write(self, shape, depth):
        output = tuple(range(len(shape)))
        values, spec = [], []
        for _ in range(self.rng.randint(1, 3)):
            labels = [x for x in output if self.rng.random() < 0.8]
            self.rng.shuffle(labels)
            values.append(self.value(tuple(shape[x] for x in labels), depth - 1))
            spec.append((tuple(labels), output))
        return self.program.add(Ops.WRITE, tuple(values), tuple(spec), shape)

    def product(self, shape, depth):
        output = tuple(range(len(shape)))
        own = tuple(x for x in output if self.rng.random() < 0.8)
        other = tuple(x for x in output if x not in own or self.rng.random() < 0.7)
        values = tuple(
            self.value(tuple(shape[x] for x in labels), depth - 1) for labels in (own, other)
        )
        return self.program.add(Ops.CONTRACT, values, (own, other, output), shape)


def loaded():
    """The helpers as a source loads them."""
    scope = {"np": np, "dtype": np.dtype("int64")}
    exec("\n".join(NUMPY.helpers.imports.values()), scope)
    for text in NUMPY.helpers.texts.values():
        exec(text, scope)
    return scope


def spelt(program, arrays, scope):
    """The outputs of a program, step by step as NumPy spells it."""
    values = {}
    for k, step in program.live_steps():
        if step.op is Ops.INPUT:
            values[k] = arrays[int(step.spec[0][1:])]
            continue
        names = [f"v{value}" for value in step.inputs]
        *before, last = NUMPY.spell(step, names, str)
        local = {f"v{value}": values[value] for value in step.inputs}
        exec("\n".join(line.replace("{out}", "made") for line in before), scope, local)
        values[k] = eval(last, scope, local) if last else local["made"]
    return [values[k] for k in program.outputs]


def test_random_sums():
    """Put together or not, all comes to the same whole numbers."""
    found = parts = added = 0
    scope = loaded()
    for seed in range(1000):
        random = Random(seed)
        shape = tuple(random.rng.randint(1, 6) for _ in range(random.rng.randint(0, 3)))
        random.program.outputs.append(random.value(shape, 4))
        before = list(random.program.steps)
        target = Target(passes=("reads first", "sums of parts"), kind="i", itemsize=8)
        after = optimized(random.program, target)
        assert random.program.steps == before
        want = spelt(random.program, random.arrays, scope)
        got = spelt(after, random.arrays, scope)
        for a, b in zip(got, want, strict=True):
            assert a.shape == b.shape
            assert (a == b).all(), seed
        for _, step in after.live_steps():
            if step.op is Ops.ASSEMBLE:
                found += 1
                parts += len(step.spec[0])
                added += sum(part.adds for part in step.spec[0])
    assert found > 300
    assert parts > 500
    assert added > 100


def test_what_no_part_covers():
    """Boxes and parts hold each entry of the whole once."""
    maker = indexing.Maker(3)
    covered = 0
    for _ in range(500):
        lengths = tuple(maker.rng.randint(1, 6) for _ in range(maker.rng.randint(1, 3)))
        parts = []
        for _ in range(maker.rng.randint(0, 4)):
            spans = []
            for n in lengths:
                extent = maker.rng.randint(1, n)
                step = maker.rng.choice((1, 1, 1, -1, 2)) if extent > 1 else 1
                reach = step * (extent - 1)
                low, high = max(0, -reach), n - 1 - max(reach, 0)
                if low > high:
                    spans.append(Span(0))
                    continue
                start = maker.rng.randint(low, high)
                whole = (start, step, extent) == (0, 1, n)
                spans.append(Span(0) if whole else Span(0, start, step, extent))
            if all(apart(spans, other, lengths) for other in parts):
                parts.append(spans)
        count = np.zeros(lengths, int)
        for spans in parts:
            places = [range(n) if s.extent is None else range(s.start, s.start + s.step * s.extent, s.step)
                      for s, n in zip(spans, lengths)]  # fmt: skip
            count[np.ix_(*places)] += 1
            assert entries_of(spans, lengths) == prod(map(len, places))
        assert count.max(initial=0) <= 1
        for box in uncovered(parts, lengths):
            cleared = tuple(slice(*(ends or (None,))) for ends in box)
            whole = [spans for spans in parts if all(abs(s.step) == 1 for s in spans)]
            count[cleared] += len(whole) == len(parts)
        if all(abs(s.step) == 1 for spans in parts for s in spans):
            covered += 1
            assert (count == 1).all()
    assert covered > 100


def test_numbers_that_are_no_multiples_of_each_other_stay_whole():
    """6 u + 3 v at one place is not 6 times u + v/2."""
    x, y = ed.tensor("x", (3, 2)), ed.tensor("y", (3,))
    cube = ed.einsum("1 + i,jk->k", y, x, sizes={"i": 2}) ** 3
    H = ed.derive(ed.derive(cube, x), y)
    given = {"x": np.array([[3, 2], [3, 3], [1, 1]]), "y": np.array([4, 4, -1])}
    found = ed.evaluate(H, given)
    assert found.dtype.kind == "i"
    floats = ed.evaluate(H, {name: 1.0 * array for name, array in given.items()})
    assert found.tolist() == floats.tolist()
