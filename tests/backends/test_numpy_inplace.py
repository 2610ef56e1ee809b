"""Large values are written over when nobody reads them any more, and only then; what a step into an array writes."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends import NUMPY, emit
from einderiv.backends.numpy_inplace import into
from einderiv.expression import Sizes
from einderiv.planning import Index, Ops, Program, Step, tuning
from einderiv.planning.ops import OPS

n = int(tuning.reused_entries**0.5) + 1
t = ed.tensor
A, B, C = t("A", "ij"), t("B", "ij"), t("C", "ij")
rng = np.random.default_rng(0)
AT = {name: rng.uniform(0.5, 1.5, (n, n)) for name in "ABC"}


CASES = {  # expression, value, must this line be in the source of a planned call?
    "scale":         (lambda: 3 * (A * B), lambda a: 3 * (a["A"] * a["B"]), " *= 3"),
    "add":           (lambda: A * B + C, lambda a: a["A"] * a["B"] + a["C"], " += C"),
    "map":           (lambda: ed.tanh(A + B), lambda a: np.tanh(a["A"] + a["B"]), "out=t"),
    "hadamard":      (lambda: ed.exp(A) * B, lambda a: np.exp(a["A"]) * a["B"], " *= B"),
    "transposed":    (lambda: (A + B).T * C, lambda a: (a["A"] + a["B"]).T * a["C"], None),
    "used twice":    (lambda: ed.exp(A + B) + (A + B), lambda a: np.exp(a["A"] + a["B"]) + a["A"] + a["B"], None),
    "only arrays":   (lambda: ed.exp(A), lambda a: np.exp(a["A"]), None),
    "a chain":       (lambda: ed.sin(ed.exp(ed.tanh(A * B))),
                      lambda a: np.sin(np.exp(np.tanh(a["A"] * a["B"]))), "out=t"),
    "a square":      (lambda: ed.square(A + B) * (A + C),
                      lambda a: (a["A"] + a["B"]) ** 2 * (a["A"] + a["C"]), "out=t"),
    "by a vector":   (lambda: ed.einsum("ij,i->ij", A + B, t("v", "i")), None, " *= v[:, None]"),
    "its own":       (lambda: (A + B) * (A + B), lambda a: (a["A"] + a["B"]) ** 2, None),
    "a constant":    (lambda: 1 + A * B, lambda a: 1 + a["A"] * a["B"], None),
    "terms":         (lambda: A * B - 2 * C + 1, lambda a: a["A"] * a["B"] - 2 * a["C"] + 1, " += 1"),
    "a diagonal":    (lambda: A @ B + ed.diag(t("v", "i")),
                      lambda a: a["A"] @ a["B"] + np.diag(a["A"][0]), ")[...] += v"),
    "dropped":       (lambda: ed.sum(ed.exp(A @ B) @ C), None, "del t"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_values_and_lines(name):
    make, value, line = CASES[name]
    e = make()
    arrays = {**AT, "v": AT["A"][0]}
    given = {k: arrays[k].copy() for k in ed.compile(e).inputs}
    f = ed.compile(e)
    found = f(given)
    if value is not None:
        np.testing.assert_allclose(found, value(arrays), rtol=1e-13)
    np.testing.assert_allclose(found, ed.compile(e)({k: a[:] for k, a in given.items()}), rtol=0)
    assert all((given[k] == arrays[k]).all() for k in given), (
        "an array of the caller was written to"
    )
    text = f._last.emitted.source
    assert line is None or line in text, text
    assert (f(given) == found).all()


def test_outputs_are_not_written_over():
    first = A + B
    tree = [first, ed.exp(first), 2 * first, first.T * C]
    found = ed.evaluate(tree, AT)
    total = AT["A"] + AT["B"]
    for got, want in zip(found, [total, np.exp(total), 2 * total, total.T * AT["C"]], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14)


def test_held_arrays_are_not_written_over():
    held = AT["A"].copy()
    ed.evaluate(ed.exp(3 * (held + 0 * B)), B=AT["B"])
    assert (held == AT["A"]).all()


def test_small_arrays_and_printed_sources_are_left_readable():
    e = ed.tanh(3 * (A + B))
    f = ed.compile(e)
    f(A=np.ones((2, 2)), B=np.ones((2, 2)))
    assert "out=" not in f._last.emitted.source
    assert "out=" not in ed.source(e)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int64])
def test_dtypes(dtype):
    a = (10 * AT["A"]).astype(dtype)
    found = ed.evaluate(2 * (A + B) * A, A=a, B=a)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, 4 * a * a, rtol=1e-6)


def test_a_term_that_fills_its_place_is_written_over():
    e = ed.einsum("i,j->ij", "x", "y") + ed.diag(ed.tensor("d", "i"))
    at = {"x": np.arange(70.0), "y": np.arange(70.0), "d": np.ones(70)}
    f = ed.compile(e)
    assert (f(at) == np.outer(at["x"], at["y"]) + np.eye(70)).all()
    source = f._last.emitted.source
    assert "zeros" not in source
    assert "np.array(" not in source
    small = {n: a[:5] for n, a in at.items()}
    assert (f(small) == np.outer(small["x"], small["y"]) + np.eye(5)).all()
    assert "np.array(" in f._last.emitted.source, "what is small is copied"
    assert (at["d"] == 1).all()


@pytest.mark.parametrize(
    "e",
    [
        A @ B + C + (A @ B).T,
        A @ B - 2 * C - 3 * (A @ B).T,
        A @ B + C + ed.diag(t("v", "i")) + (A @ B).T,
    ],
)
def test_nothing_is_written_over_while_a_view_of_it_is_read(e):
    at = {name: rng.integers(-3, 4, (n, n)).astype(float) for name in "ABC"} | {
        "v": np.arange(1.0 * n)
    }
    f = ed.compile(e)
    given = {name: at[name] for name in f.inputs}
    X, minus = at["A"] @ at["B"], "-2 *" in str(e) or "- 2 *" in str(e)
    want = (
        X - 2 * at["C"] - 3 * X.T
        if minus
        else X + at["C"] + X.T + (np.diag(at["v"]) if "v" in given else 0)
    )
    assert (f(given) == want).all()


WRITTEN = [
    # kind, spec, what is written into `out`
    ("contract", ((0, 1), (1, 2), (0, 2)),    ["np.matmul(x, y, out)"]),
    ("contract", ((0, 1), (1, 2), (2, 0)),    ["np.matmul(y.T, x.T, out)"]),
    ("contract", ((0, 1), (2, 1), (0, 2)),    ["np.matmul(x, y.T, out)"]),
    ("contract", ((0, 1), (0, 1), (1, 0)),    ["np.multiply(x.T, y.T, out)"]),
    ("contract", ((0,), (1,), (1, 0)),        ["np.multiply(x, y[:, None], out)"]),
    ("contract", ((0, 1), (1,), (0,)),        ["out[...] = x.dot(y)"]),
    ("outer",     ((0,), (1,), (0, 1)),        ["np.multiply(x[:, None], y, out)"]),
    ("add",       (),                          ["np.add(x, y, out)"]),
    ("combine",   ((1, -2), 0),                ["np.subtract(x, 2 * y, out)"]),
    ("combine",   ((1, 2), 5),                 ["np.add(x, 2 * y, out)", "out += 5"]),
    ("combine",   ((3, -2), 0),                ["out[...] = 3 * x - 2 * y"]),
    ("write",     (((0,), (0, 0)), ((0,), (0, 0))),
     ["out[...] = 0", 'np.einsum("aa->a", out)[...] = x', 'np.einsum("aa->a", out)[...] += y']),
    ("write",     (((0,), (0, 0)), ((0, 1), (0, 1))), ["out[...] = y", 'np.einsum("aa->a", out)[...] += x']),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "spec", "want"), WRITTEN, ids=[f"{row[0]} {row[2][0]}" for row in WRITTEN]
)
def test_what_is_written(kind, spec, want):
    sizes = tuple((3,) * len(labels) for labels in spec[:2]) if kind == "contract" else ()
    step = Step(OPS[kind], (0, 1), spec, (3, 3), 0, sizes)
    assert into(step, ["x", "y"], str, "out", zeroed=False) == want


def test_scales_and_functions():
    step = Step(OPS["scale"], (0,), (2, (5,)), (3,), 0, ((3,),))
    assert into(step, ["x"], str, "out", zeroed=False) == ["np.multiply(x, 2 * 5, out)"]
    e = ed.compile(ed.tanh(ed.tensor("x", "i")))
    e(x=np.ones(3))
    assert "np.tanh(x, out)" in e._last._emitted(False).source


ZEROED = [
    # places of the terms, what is written where there are zeros outside of them
    ([(0, 0)],                 ['np.einsum("aa->a", out)[...] = x0']),
    ([(0, 0), (0, 0)],         ['np.einsum("aa->a", out)[...] = x0', 'np.einsum("aa->a", out)[...] += x1']),
    ([(0, 0, 1), (0, 1, 0)],
     ['np.einsum("aba->ab", out)[...] = 0', 'np.einsum("aab->ab", out)[...] = x0',
      'np.einsum("aba->ab", out)[...] += x1']),
    ([(0, 0), (0, 1)],         ["out[...] = x1", 'np.einsum("aa->a", out)[...] += x0']),
    ([],                       []),
]  # fmt: skip


@pytest.mark.parametrize(("places", "want"), ZEROED, ids=[str(row[0]) for row in ZEROED])
def test_terms_into_zeros(places, want):
    spec = tuple((tuple(dict.fromkeys(place)), place) for place in places)
    step = Step(
        OPS["write"], tuple(range(len(places))), spec, (3,) * (len(places[0]) if places else 1), 0
    )
    names = [f"x{k}" for k in range(len(places))]
    assert into(step, names, str, "out", zeroed=True) == want
    n = len(places[0]) if places else 1
    rng, out = np.random.default_rng(0), np.zeros((3,) * n)
    arrays = dict(
        zip(names, (rng.normal(size=(3,) * len(labels)) for labels, _ in spec), strict=True)
    )
    want_ = np.zeros_like(out)
    for name, (_, place) in zip(names, spec, strict=True):
        letters = "".join("abc"[x] for x in place)
        short = "".join(dict.fromkeys(letters))
        np.einsum(f"{letters}->{short}", out)[...] = 99
        np.einsum(f"{letters}->{short}", want_)[...] += arrays[name]
    for line in into(step, names, str, "out", zeroed=True):
        exec(line, {"np": np, "out": out, **arrays})
    np.testing.assert_allclose(out, want_)


def test_what_a_read_shows_is_not_written_over():
    """A value is there as long as its window; nothing is written into the window."""
    n = tuning.reused_entries
    program = Program(int)
    x = program.add(Ops.INPUT, (), ("x",), (n + 1,))
    two = program.add(Ops.SCALE, (x,), (2, ()), (n + 1,), 1)
    window = program.add(Ops.READ, (two,), (Index(0, ((0, 1), (1, 1))),), (n, 2))
    three = program.add(Ops.SCALE, (two,), (3, ()), (n + 1,), 1)
    five = program.add(Ops.SCALE, (window,), (5, ()), (n, 2), 1)
    mask = program.add(Ops.MASK, (five,), ((Index(0, ((0, 1), (1, -1))), n),), (n, 2), 1)
    seven = program.add(Ops.SCALE, (mask,), (7, ()), (n, 2), 1)
    program.outputs = [three, seven]
    emitted = emit(program, (), Sizes({}), NUMPY, order=("x",), dtype="float64", many=True)
    given = np.arange(n + 1.0)
    got = emitted.function(NUMPY)(given)
    want = np.stack([2 * given[:-1], 2 * given[1:]], 1) * 35
    want[0, 1] = 0
    assert (got[0] == 6 * given).all()
    assert (got[1] == want).all()
    assert (given == np.arange(n + 1.0)).all()
    assert "t4 *= 7" in emitted.source, "what a mask makes is its own"
