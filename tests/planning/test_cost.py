"""The constants of the estimate: what is refused, what a file may hold, and that plans follow them."""

import json
import random
from math import inf, prod

import pytest

import einderiv as ed
from einderiv.planning import (
    Index,
    Ops,
    Program,
    cost,
    costs,
    orders,
    seconds,
    step_seconds,
    tuning,
)
from einderiv.planning.cost import Costs, Entries, pair_seconds


def test_every_constant_is_described_and_positive():
    assert set(Costs.__annotations__) == set(dict(Costs()))
    assert all(value > 0 for _, value in Costs())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("matrix", 0, "cost 'matrix' must be a positive number, not '0'"),
        ("matrix", -1.0, "must be a positive number"),
        ("byte", float("nan"), "must be a positive number, not 'nan'"),
        ("byte", float("inf"), "must be a positive number, not 'inf'"),
        ("step", True, "must be a positive number, not 'True'"),
        ("step", "1", "must be a positive number"),
        ("matrx", 1.0, "no cost is called 'matrx'; did you mean 'matrix'"),
    ],
)
def test_what_is_refused(name, value, message):
    before = dict(costs)
    with pytest.raises(ed.EinderivError, match=message):
        setattr(costs, name, value)
    with pytest.raises(ed.EinderivError, match=message), costs.override(other=1.0, **{name: value}):
        pass
    assert dict(costs) == before


def test_a_file(tmp_path):
    path = tmp_path / "costs.json"
    path.write_text(json.dumps({"matrix": 1e-11, "cache": 1 << 20}))
    with costs.override():
        costs.load(path)
        assert (costs.matrix, costs.cache, costs.byte) == (1e-11, 1 << 20, Costs().byte)
    assert dict(costs) == dict(Costs())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "holds no costs: it must be an object with matrix"),
        ("{", "cannot be read: Expecting"),
        ('{"matrix": 1, "exec": 2}', "no cost is called 'exec'"),
        ('{"matrix": "1"}', "must be a positive number, not '1'"),
        ('{"matrix": NaN}', "must be a positive number, not 'nan'"),
        (" " * 20_000, "holds no costs"),
        (None, "cannot be read: .*No such file"),
    ],
)
def test_files_that_are_refused(tmp_path, text, message):
    path = tmp_path / "costs.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ed.EinderivError, match=message):
        costs.load(path)
    assert dict(costs) == dict(Costs())


def test_plans_follow_them():
    e = ed.einsum("ab,bc,cd->ad", "A", "B", "C")
    shapes = {"A": (30, 20), "B": (20, 40), "C": (40, 10)}
    shown = str(ed.compile(e).plan(shapes))
    with costs.override(step=1.0):
        alike = str(ed.compile(e).plan(shapes))
    assert shown != alike
    assert "50%" in alike, "where every step takes a second, each of the two is half of it"


ESTIMATES = [  # subscripts, the estimate of a step by that of the pair of its operands
    ("ij,jk->ik", 1),
    ("ij,kj->ik", 1),
    ("bij,bjk->bik", 1),
    ("ij,ij->ij", 1),
    ("i,j->ij", 1),
    ("ij,ij->i", 1 / 1.1),  # rows times rows
    ("i,i->", costs.matrix / (1.1 * costs.other)),  # a product of vectors
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "ratio"), ESTIMATES, ids=[row[0] for row in ESTIMATES])
def test_a_step_and_a_pair_are_estimated_alike_but_for_rows(subscripts, ratio):
    first, second, out = subscripts.replace("->", ",").split(",")
    numbers = dict.fromkeys(first + second, 200)
    bits = {x: 1 << k for k, x in enumerate(numbers)}
    a, b, made = (sum(bits[x] for x in labels) for labels in (first, second, out))
    shapes = {"A": (200,) * len(first), "B": (200,) * len(second)}
    with costs.override(step=1e-300, byte=1e-300):  # arithmetic alone
        program = ed.compile(ed.einsum(subscripts, "A", "B"))._planned(shapes, {}, {}).program
        contractions = [k for k in program.live() if program.steps[k].op.name == "contract"]
        found = seconds(program, contractions) / pair_seconds(
            a, b, made, Entries(list(numbers.values()))
        )
    assert found == pytest.approx(ratio)


@pytest.mark.parametrize("shape", [[2, 3, 2, 7], [0, 1, 5], [2**62] * 3, [3] * 40, []], ids=str)
def test_entries_are_the_product_of_sizes(shape):
    entries = Entries(shape)
    rng = random.Random(0)
    for labels in (0, (1 << len(shape)) - 1, *(rng.getrandbits(len(shape) or 1) for _ in range(9))):
        sizes = [max(n, 1) for k, n in enumerate(shape) if labels >> k & 1]
        assert entries[labels] == pytest.approx(prod(sizes), rel=1e-14)


def test_entries_of_any_number_of_labels_are_at_most_infinite():
    assert Entries([2] * 3000)[(1 << 3000) - 1] == inf
    assert Entries([2] * 1023)[(1 << 1023) - 1] == 2.0**1023


def test_few_entries_are_remembered(monkeypatch):
    monkeypatch.setattr(cost, "REMEMBERED", 10)
    entries = Entries([2] * 8)
    assert [entries[k] for k in range(256)] == [2.0 ** k.bit_count() for k in range(256)]
    assert len(entries) <= 11


def made(op, spec, shape, *shapes):
    """A program of one step on inputs of these shapes."""
    program = Program(int)
    inputs = [program.add(Ops.INPUT, (), (f"x{k}",), sizes) for k, sizes in enumerate(shapes)]
    program.outputs = [program.add(op, tuple(inputs), spec, shape)]
    return program


WINDOW = (Index(0, ((0, 1), (1, 1))),)
SAME = (Index(-1, ((0, 1), (1, 1))),)
ROWS = (Index(0, (), ((1, (0,), 1),)), Index(0, ((1, 1),)))
N = 10**6


@pytest.mark.parametrize(
    ("op", "spec", "shape", "shapes", "copied", "moved"),
    [
        # a view, the same with zeros around it, a part of it, nothing but the rows that are taken
        (Ops.READ,  WINDOW,                     (N, 3),  [(N + 2,)],       0,      None),
        (Ops.READ,  SAME,                       (N, 3),  [(N,)],           N + 2,  2 * (N + 2)),
        (Ops.READ,  (Index(1, ((0, 1),)),),     (N,),    [(2 * N,)],       0,      None),
        (Ops.READ,  (Index(-1, ((0, 1),)),),    (N,),    [(2 * N,)],       N,      2 * N),
        (Ops.READ,  (Index(0, ((0, 9),)),),     (N,),    [(N,)],           N,      2 * N),
        (Ops.READ,  ROWS,                       (N, 4),  [(9 * N, 4), (N,)], 4 * N, 9 * N),
        (Ops.PLACE, (ROWS, False),              (7, 4),  [(N, 4), (N,)],   28,     5 * N + 28),
        (Ops.PLACE, (WINDOW, False),            (N + 2,), [(N, 3)],        N + 2,  4 * N + 2),
        (Ops.MASK,  ((Index(0, ((0, 1), (1, -1))), 9),), (9, N), [(9, N)], 9 * N,  18 * N),
        (Ops.RUNNING_SUM, (0, False),           (N,),    [(N,)],           N,      2 * N),
    ],
)  # fmt: skip
def test_what_index_expressions_move(op, spec, shape, shapes, copied, moved):
    program = made(op, spec, shape, *shapes)
    (k,) = program.outputs
    assert program.copied(k) == copied
    want = tuning.named_step * costs.step if moved is None else 8 * moved * costs.byte + costs.step
    assert step_seconds(program, k, orders(program)) == pytest.approx(want)
