"""Loads of a cluster, counted without one: near what Dask makes of the same program, sane where there is nothing."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends import best_cut
from einderiv.backends.dask_load import Cut, _regrouped, _tree, block_entries
from einderiv.reports.inspection import _unsized

LOSS = "T: ijk\nA: ir\nB: jr\nC: kr\nsum((T - einsum('ir,jr,kr->ijk', A, B, C))**2)"
LOGISTIC = "X: i j\nw: j\ny: i\nsum(softplus(X @ w)) - sum(y * (X @ w))"
CASES = {
    "chain":    (ed.einsum("ij,jk,kl->il", "A", "B", "C"), dict.fromkeys("ABC", (1200, 1200))),
    "CP":       (ed.grad(ed.parse(LOSS), "A"), {"T": (240,) * 3, **dict.fromkeys("ABC", (240, 16))}),
    "Jacobian": (ed.derive(ed.einsum("is,st,tj->ij", "A", "B", "C"), "A"), dict.fromkeys("ABC", (80, 80))),
    "gradient": (ed.grad(ed.parse(LOGISTIC), "w"), {"X": (4000, 300), "w": (300,), "y": (4000,)}),
    "Hessian":  (ed.hessian(ed.parse(LOGISTIC), "w"), {"X": (4000, 300), "w": (300,), "y": (4000,)}),
    "sum":      (ed.einsum("ij->i", "X"), {"X": (4000, 3000)}),
    "trace":    (ed.einsum("ij,ji->", "X", "Y"), {"X": (4000, 3000), "Y": (3000, 4000)}),
    "softmax":  (ed.softmax(ed.tensor("X", "ij"), 1), {"X": (4000, 3000)}),
    "batch":    (ed.einsum("bij,bjk->bik", "X", "Y"), {"X": (40, 300, 200), "Y": (40, 200, 300)}),
    "diagonal": (ed.einsum("ii->i", "X"), {"X": (3000, 3000)}),
    "solve":    (ed.einsum("ij,jk->ik", ed.inv(ed.tensor("S", "ij")), "B"), {"S": (300, 300), "B": (300, 5000)}),
}  # fmt: skip


def cut(e, shapes, entries, workers=4):
    program = _unsized(e, shapes).program
    return program, Cut(program, program.live(), 8, workers, entries)


@pytest.mark.parametrize("entries", [2**14, 2**16, 2**18])
@pytest.mark.parametrize("name", CASES)
def test_tasks_are_those_of_the_graph(name, entries):
    da = pytest.importorskip("dask.array", reason="dask is an extra")
    e, shapes = CASES[name]
    program, found = cut(e, shapes, entries)
    chunks = {
        program.steps[k].spec[0]: found.chunks[k]
        for k in program.live()
        if program.steps[k].op.name == "input"
    }
    f = ed.compile(e, backend="dask", memory_limit=64 * entries)
    graph = f(
        {n: da.zeros(shapes[n], chunks=chunks.get(n, -1)) for n in f.tensors}
    ).__dask_graph__()
    assert len(dict(graph)) == pytest.approx(found.tasks, rel=0.2)


@pytest.mark.parametrize("name", CASES)
def test_one_worker_sends_nothing_and_more_take_less_each(name):
    one, four, many = (cut(*CASES[name], 2**14, workers)[1] for workers in (1, 4, 64))
    assert one.sent == 0 <= four.sent <= many.sent
    assert one.peak >= four.peak >= many.peak > 0
    assert one.tasks == four.tasks == many.tasks


@pytest.mark.parametrize(
    ("e", "shapes"),
    [
        (ed.einsum("ij,jk->ik", "A", "B"), {"A": (0, 3), "B": (3, 0)}),
        (ed.einsum("ij,jk->ik", "A", "B"), {"A": (2, 0), "B": (0, 2)}),
        (ed.einsum("->", 7), {}),
        (ed.derive(ed.tensor("x", "i"), "x"), {"x": (0,)}),
    ],
)
def test_where_there_is_nothing(e, shapes):
    _, found = cut(e, shapes, 2**14)
    assert found.tasks >= 0
    assert np.isfinite([found.sent, found.peak, found.seconds]).all()


def test_blocks_are_within_the_memory_and_give_all_workers_work():
    assert (block_entries(8, None), block_entries(8, 2**20), block_entries(8, 8)) == (
        2**24,
        2**20 // 64,
        1,
    )
    program, _ = cut(*CASES["chain"], 2**14)
    steps = program.live()
    one, four, many = (best_cut(program, steps, 8, workers, None) for workers in (1, 4, 64))
    assert one.block == 2**24
    assert one.seconds > four.seconds >= many.seconds * 0.8
    assert four.block < 2**21  # 1200 by 1200, in pieces for all
    with ed.costs.override(task=1.0):  # tasks that cost so much are few
        assert best_cut(program, steps, 8, 64, None).block == 2**24


@pytest.mark.parametrize(
    ("old", "new", "tasks"),
    [
        (((4, 4),), ((4, 4),), 0),
        (((4, 4),), ((8,),), 1),  # two whole blocks joined
        (((8,),), ((4, 4),), 2),  # two cut off
        # pieces 2, 1, 3, of which the last is a whole block; one join
        (((3, 3),), ((2, 4),), 3 + 1 - 1),
        (((4, 4), (5,)), ((8,), (5,)), 1),
    ],
)
def test_cutting_and_joining(old, new, tasks):
    assert _regrouped(old, new) == tasks


@pytest.mark.parametrize(
    ("pieces", "tasks"), [([], 0), ([8], 1), ([9], 2 + 1), ([64], 8 + 1), ([4, 4], 4 + 1)]
)
def test_trees(pieces, tasks):
    assert _tree(pieces) == tasks
