"""Loops over blocks: the same values whatever the axis and however ragged the blocks; and where there is a loop.

With a limit on memory the peak that is foreseen is the peak that is measured, and slices keep it below.
"""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from pass_table import replaced

import einderiv as ed
from einderiv.backends import NUMPY, emit
from einderiv.expression import Sizes, leaves, mapped
from einderiv.planning import Index, Ops, Program, costs, seconds, tuning
from einderiv.rewriting import peak, tiling
from einderiv.rewriting.tiling import along, tile_for_cache

U, V, T, M = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("T", "nm"), ed.tensor("M", "nm")
w, t, C = ed.tensor("w", "k"), ed.tensor("t", ""), ed.tensor("C", "pnk")
SHAPES = {"U": (7, 3), "V": (5, 3), "T": (7, 5), "M": (7, 5), "w": (3,), "t": (), "C": (7, 7, 3)}
rng = np.random.default_rng(0)
EXPRESSIONS = {
    "masked":         ed.grad(ed.sum(M * (U @ V.T - T) ** 2), U),
    "masked, by V":   ed.grad(ed.sum(M * (U @ V.T - T) ** 2), V),
    "all of it":      ed.value_and_grad(ed.sum(M * (U @ V.T - T) ** 2), [U, V]),
    "a layer":        ed.sum(ed.tanh(U @ V.T) * T),
    "softmax rows":   ed.grad(ed.sum(ed.softmax(U @ V.T, axis=1) * T), U),
    "softmax":        ed.softmax(U @ V.T, axis=0) @ V,
    "a scalar":       ed.sum(ed.exp(t * T) * M),
    "broadcast":      ed.exp(U * ed.einsum("k->nk", w, sizes={"n": "n"})) @ w,
    "where":          ed.sum(ed.where(T, M, T * M), 0),
    "embedded":       ed.derive(ed.tanh(U) @ w, U),
    "a diagonal":     ed.einsum("nm,nm,nn->n", T, M, ed.exp(U @ U.T)),
    "once more":      ed.exp(U @ V.T) @ ed.exp(V @ U.T),
    "after":          ed.inv(ed.exp(U).T @ ed.exp(U)) @ ed.sin(U).T,
    "three uses":     ed.exp(U @ V.T) + ed.outer(ed.sum(ed.exp(U @ V.T), 1), ed.sum(ed.exp(U @ V.T), 0)),
    "largest":        ed.max(ed.tanh(U @ V.T) - T, axis=1),
    "a view inside":  ed.exp(ed.exp(U) + ed.einsum("nnk->nk", ed.softmax(C, 0))),
    "moments":        ed.var(ed.exp(U @ V.T), axis=0),
}  # fmt: skip


def given(e):
    return {n: rng.normal(size=SHAPES[n]) for n in ed.compile(e).inputs}


def chosen(seed, rows):
    """A choice of a loop that always takes this one."""

    def choose(program, _):
        loop = along(program, program.live_steps(), seed)
        if loop is None:
            return program
        loop.rows = min(rows, loop.count - 1)
        LOOPS.append(loop)
        return replace(program, loop=loop)

    return choose


LOOPS = []


@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("e", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_axis_gives_the_same(e, rows, monkeypatch):
    at = given(e)
    replaced(monkeypatch, "tiling for the cache", None)
    wanted = ed.compile(e)(at)
    monkeypatch.setattr(tuning, "reused_entries", 2)
    monkeypatch.setattr(tuning, "wide_entries", 1)
    LOOPS.clear()
    program = ed.compile(e)._planned({n: a.shape for n, a in at.items()}, {}, {}).program
    for value in (k for k, step in enumerate(program.steps) if step.op.name == "input"):
        for axis in range(len(program.shape(value))):
            replaced(monkeypatch, "tiling for the cache", chosen((value, axis), rows))
            f, out = ed.compile(e), mapped(lambda a: np.full_like(a, np.nan), wanted)
            f(at, out=out)
            for got, there, want in zip(leaves(f(at)), leaves(out), leaves(wanted), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
                assert (there == got).all()
    assert LOOPS, "no axis of any input made a loop"


def source_of(e, **shapes):
    f = ed.compile(e)
    f({n: rng.random(shapes[n]) for n in f.inputs})
    return f._last.emitted.source


def test_a_masked_factorisation_runs_in_rows():
    source = source_of(EXPRESSIONS["masked"], U=(500, 4), V=(600, 4), T=(500, 600), M=(500, 600))
    loop = source[source.index("for ") :]
    assert [x.strip() for x in loop.split("\n")[2:5]] == [
        "t0 = U[block].dot(V.T)",
        "t0 -= T[block]",
        "t0 *= M[block]",
    ]


def test_no_loop_where_nothing_is_passed_on():
    A = ed.tensor("A", "ij")
    assert "for " not in source_of(A @ A.T, A=(600, 500))
    assert "for " not in source_of(
        EXPRESSIONS["masked"], U=(50, 4), V=(60, 4), T=(50, 60), M=(50, 60)
    )


def test_integers_and_complex_numbers_run_in_one_piece():
    e = EXPRESSIONS["masked"]
    for dtype in (np.int64, np.complex128):
        f = ed.compile(e)
        f(
            {
                n: np.ones(s, dtype)
                for n, s in dict(U=(500, 4), V=(600, 4), T=(500, 600), M=(500, 600)).items()
            }
        )
        assert "for " not in f._last.emitted.source


def test_rows_fit_the_cache(monkeypatch):
    e = EXPRESSIONS["masked"]
    f = ed.compile(e)
    shapes = dict(U=(500, 4), V=(600, 4), T=(500, 600), M=(500, 600))
    f({n: np.ones(s) for n, s in shapes.items()})
    program = f._last.program
    steps = program.live_steps()
    loop = program.loop
    assert loop.count == 500
    assert loop.rows * 600 * 8 <= costs.cache < 4 * loop.rows * 600 * 8
    monkeypatch.setattr(tuning, "thin_rows", 10**6)
    untiled = replace(program, loop=None)
    assert tile_for_cache(untiled, None) is untiled
    assert seconds(program, [k for k, _ in steps]) > tiling.looped_seconds(program, steps, loop)


v = ed.tensor("v", "m")
AT = {
    "U": rng.normal(size=(1000, 8)),
    "V": rng.normal(size=(750, 8)),
    "T": rng.normal(size=(1000, 750)),
    "v": rng.normal(size=750),
}
WHOLE = 8 * 1000 * 750  # bytes of a matrix of all pairs
LIMITED = {
    "a number":        ed.sum(ed.tanh(U @ V.T) * T),
    "by rows":         ed.grad(ed.sum(ed.tanh(U @ V.T) * T), U),
    "by columns":      ed.grad(ed.sum(ed.tanh(U @ V.T) * T), V),
    "all pairs":       ed.exp(-ed.einsum("nk,mk->nm", U, V)) @ v,
    "one after other": ed.exp(U @ V.T) @ (ed.exp(V @ U.T) @ ed.exp(U)),
}  # fmt: skip


def arrays_of(f):
    return {name: AT[name] for name in f.inputs}


def measured(f):
    f(arrays_of(f))
    tracemalloc.start()
    found = f(arrays_of(f))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, most


def steps_of(f):
    program = f._last.program
    return program, [(k, program.steps[k]) for k in program.live()]


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("e", LIMITED.values(), ids=LIMITED)
def test_memory_stays_below_a_limit(e, share):
    limit = int(share * WHOLE)
    f = ed.compile(e, memory_limit=limit)
    found, most = measured(f)
    np.testing.assert_allclose(found, ed.evaluate(e, arrays_of(f)), rtol=1e-11, atol=1e-11)
    assert most <= 1.05 * limit + 20_000
    assert "in progress(range(" in f._last.emitted.source


@pytest.mark.parametrize("e", LIMITED.values(), ids=LIMITED)
def test_the_peak_is_what_is_foreseen(e, monkeypatch):
    replaced(monkeypatch, "tiling for the cache", None)
    f = ed.compile(e)
    most = measured(f)[1]
    foreseen = 8 * peak(*steps_of(f))
    assert 0.6 * most - 20_000 <= foreseen  # and never much less than what is taken
    assert most <= 1.05 * foreseen + 20_000


X, P = ed.tensor("x", "i"), ed.tensor("p", "i")
CHAIN = ed.sum(ed.tanh(X[1:] - X[:-1]) ** 2) + 0.5 * ed.sum(X * X)
WINDOWED = {
    "gradient of a chain":  ed.grad(CHAIN, X),
    "and its value":        ed.value_and_grad(CHAIN, X),
    "Hessian times vector": ed.hvp(CHAIN, X, P),
    "of arctan":            ed.grad(ed.sum(ed.arctan(X[2:] - X[:-2])), X),
}  # fmt: skip


HELD = [(name, 600_000) for name in WINDOWED]  # in blocks
HELD += [(name, 30_000) for name in WINDOWED if "Hessian" not in name]  # in one piece


@pytest.mark.parametrize(("name", "count"), HELD)
def test_windows_hold_an_operand_and_a_result(name, count):
    """What no step needs any more is written over; what is cut into blocks holds less."""
    e = WINDOWED[name]
    f = ed.compile(e)
    at = {name: rng.normal(size=count) for name in f.inputs}
    wanted = f(at)
    tracemalloc.start()
    found = f(at)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most <= 2.1 * 8 * count + 20_000
    for got, want in zip(leaves(found), leaves(wanted), strict=True):
        assert np.array_equal(got, want)


def test_a_loop_runs_along_a_view(monkeypatch):
    """Blocks of x[1:] and x[:-1] are cut of these views, wherever x is cut."""
    e = WINDOWED["Hessian times vector"]
    at = {"x": rng.integers(-3, 4, 50).astype(float), "p": rng.integers(-3, 4, 50).astype(float)}
    replaced(monkeypatch, "tiling for the cache", None)
    wanted = ed.compile(e)(at)
    monkeypatch.setattr(tuning, "wide_entries", 1)
    for rows in (1, 7, 24):
        replaced(monkeypatch, "tiling for the cache", first_view(rows))
        f = ed.compile(e)
        np.testing.assert_allclose(f(at), wanted, rtol=1e-13)
        source = f._last.emitted.source
        assert "[block] - t" in source.split("for start")[1]


def first_view(rows):
    def choose(program, target):
        steps = program.live_steps()
        views = [k for k in tiling.given(program, steps) if program.steps[k].op is Ops.READ]
        return chosen((views[0], 0), rows)(program, target)

    return choose


def test_no_slices_where_it_fits():
    f = ed.compile(LIMITED["a number"], memory_limit=10 * WHOLE)
    f(arrays_of(f))
    assert "progress" not in f._last.emitted.source


@pytest.mark.parametrize(
    ("e", "limit", "message"),
    [
        (
            ed.outer(v, v),
            10**6,
            r"the dense result of shape \(750, 750\) takes 4.5 MB, over the limit of 1 MB",
        ),
        (
            ed.inv(T.T @ T) @ v,
            5 * 10**6,
            r"together take 9 MB at their peak, over the memory_limit of 5 MB",
        ),
    ],
)
def test_what_cannot_be_cut(e, limit, message):
    f = ed.compile(e, memory_limit=limit)
    with pytest.raises(ed.LimitError, match=message):
        f(arrays_of(f))


def test_whole_numbers_and_complex_ones_are_cut_too():
    e = ed.einsum("nk,mk,nm->", "U", "V", "T")
    for dtype in (np.int64, np.complex128):
        at = {
            n: rng.integers(-3, 4, s).astype(dtype)
            for n, s in dict(U=(50, 8), V=(40, 8), T=(50, 40)).items()
        }
        f = ed.compile(e, memory_limit=3000)
        assert f(at) == np.einsum("nk,mk,nm->", at["U"], at["V"], at["T"])


# ---- reads, places and masks
N, ROWS = 60, 40


def indexed_programs():
    """Programs of steps by index expressions, with what they come to."""
    shapes = {"x": (N + 2, 5), "w": (3,), "v": (N, 5)}
    arrays = {name: rng.integers(-3, 4, shape).astype(float) for name, shape in shapes.items()}
    arrays["r"] = r = rng.integers(0, ROWS, N)
    program = Program(int)
    names = {name: program.add(Ops.INPUT, (), (name,), a.shape) for name, a in arrays.items()}
    # a[i, k, c] = x[i + k, c], b[i, c] = a[i, k, c] w[k]
    window = program.add(
        Ops.READ, (names["x"],), (Index(0, ((0, 1), (1, 1))), Index(0, ((2, 1),))), (N, 3, 5)
    )
    product = program.add(Ops.CONTRACT, (window, names["w"]), ((0, 1, 2), (1,), (0, 2)), (N, 5), 1)
    by_row = Index(0, (), ((1, (0,), 1),))
    # y[r[e], c] = Σ v[e, c], z[e, c] = y[r[e], c]
    mixed = program.add(Ops.CONTRACT, (product, names["v"]), ((0, 1), (0, 1), (0, 1)), (N, 5), 1)
    total = program.add(
        Ops.PLACE, (mixed, names["r"]), ((by_row, Index(0, ((1, 1),))), False), (ROWS, 5), 1
    )
    back = program.add(Ops.READ, (total, names["r"]), (by_row, Index(0, ((1, 1),))), (N, 5))
    shown = program.add(Ops.MASK, (back,), ((Index(0, ((0, 1), (1, -7))), N),), (N, 5), 1)
    running = program.add(Ops.RUNNING_SUM, (shown,), (1, True), (N, 5), 1)
    program.outputs = [running, window, back]
    x, w, v = (arrays[name] for name in "xwv")
    seen = np.stack([x[k : k + N] for k in range(3)], 1)
    y = np.zeros((ROWS, 5))
    np.add.at(y, r, np.einsum("ikc,k->ic", seen, w) * v)
    z = y[r]
    masked = np.where(np.arange(N)[:, None] >= 7 * np.arange(5), z, 0)
    return program, arrays, [np.cumsum(masked[:, ::-1], 1)[:, ::-1], seen, z]


def test_loops_over_what_runs_together_give_the_same():
    """Along every axis of every input, with ragged blocks: the same, or no loop."""
    program, arrays, want = indexed_programs()
    found = 0
    for seed, name in enumerate(arrays):
        for axis in range(arrays[name].ndim):
            loop = along(program, program.live_steps(), (seed, axis))
            if loop is None:
                continue
            loop.rows, found = 2, found + 1
            looped = replace(program, loop=loop)
            source = emit(
                looped, (), Sizes({}), NUMPY, order=tuple(arrays), dtype="float64", many=True
            )
            for got, value in zip(source.function(NUMPY)(*arrays.values()), want):
                assert got.tolist() == value.tolist()
                assert got.flags.writeable
    assert found >= 3
