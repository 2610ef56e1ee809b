"""Orders of axes in memory are those that NumPy makes, and what is counted as a copy is one."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.planning import Program, arranged, orders
from einderiv.planning import memory_order as layouts
from einderiv.planning.memory_order import copied
from einderiv.planning.ops import OPS

rng = np.random.default_rng(0)
SIZE = {"a": 9, "b": 10, "c": 11, "d": 12}
#: einsums of two operands, of which the order of the result and the entries that are copied are known
PRODUCTS = [
    ("abc,cd->abd", 0),
    ("abc,ad->bcd", 0),
    ("abc,bd->acd", 0),
    ("abc,acd->bd", 9 * 10 * 11),
    ("abc,bcd->ad", 0),
    ("abcd,ab->cd", 0),
    ("abcd,cd->ab", 0),
    ("abcd,ac->bd", 9 * 10 * 11 * 12),
    ("abc,dba->cd", 9 * 10 * 12),
    ("ab,bc->ac", 0),
    ("ab,bc->ca", 0),
    ("abc,abd->dc", 0),
    ("ab,cd->abcd", 0),
    ("ab,cb->abc", 0),
    ("ba,bc->abc", 0),
    ("ab,cb->bac", 0),
    ("abc,bd->abcd", 0),
    ("dab,dbc->dac", 0),
]


def program(text):
    p = Program(lambda size: size)
    (la, lb), out = text.split("->")[0].split(","), text.split("->")[1]
    labels = [tuple(map(ord, ls)) for ls in (la, lb, out)]
    inputs = tuple(
        p.add(OPS["input"], (), (name,), tuple(SIZE[x] for x in ls))
        for name, ls in zip("XY", (la, lb))
    )
    p.outputs = [p.add(OPS["contract"], inputs, tuple(labels), tuple(SIZE[x] for x in out), 1)]
    return p


@pytest.mark.parametrize(("text", "copies"), PRODUCTS)
def test_orders_are_those_of_numpy(text, copies):
    (x, y), out = text.split("->")[0].split(","), text.split("->")[1]
    p = program(text)
    known = orders(p)
    assert copied(p, p.outputs[0], known) == copies
    e = ed.einsum(text, "X", "Y")
    f = ed.compile(e)
    shapes = {n: tuple(SIZE[c] for c in ls) for n, ls in (("X", x), ("Y", y))}
    got = f({n: rng.normal(size=shape) for n, shape in shapes.items()})
    strides = [got.strides[a] for a in known[p.outputs[0]]]
    assert strides == sorted(strides, reverse=True), (text, out)


def sweep(kept=False):
    """A product, and one that sums two of its axes, which lie side by side only if its operands change places."""
    p = Program(lambda size: size)
    x, y, z = (
        p.add(OPS["input"], (), (name,), shape)
        for name, shape in zip("XYZ", ((9, 10, 11), (12, 11), (12, 9, 13)))
    )
    inner = p.add(OPS["contract"], (x, y), ((0, 1, 2), (3, 2), (0, 1, 3)), (9, 10, 12), 1)
    outer = p.add(OPS["contract"], (z, inner), ((3, 0, 4), (0, 1, 3), (4, 1)), (13, 10), 1)
    p.outputs = [outer, inner] if kept else [outer]
    return p, inner, outer


def test_products_are_turned_around_for_those_who_read_them():
    p, inner, outer = sweep()
    assert copied(p, outer, orders(p)) == 9 * 10 * 12
    known = arranged(p)
    assert p.steps[inner].spec[2] == (3, 0, 1)
    assert p.steps[outer].spec[1] == (3, 0, 1)
    assert p.shape(inner) == (12, 9, 10)
    assert copied(p, outer, known) == 0
    assert known == orders(p)


def test_an_output_keeps_its_axes():
    p, inner, _ = sweep(kept=True)
    before = list(p.steps)
    arranged(p)
    assert p.steps == before
    assert p.shape(inner) == (9, 10, 12)


def test_no_copy_in_the_sweeps_of_a_train():
    cores, bond = 6, 20
    arguments, shapes = [], {}
    for k in range(cores):
        for start, name in ((0, "A"), (100, "B")):
            left, right = [start + k] * (k > 0), [start + k + 1] * (k < cores - 1)
            arguments += [f"{name}{k}", [*left, 200 + k, *right]]
            shapes[f"{name}{k}"] = (bond,) * len(left) + (4,) + (bond,) * len(right)
    gradients = ed.grad(ed.einsum(*arguments, []), [f"A{k}" for k in range(cores)])
    p = ed.compile(gradients)._planned(shapes, {}, {}).program
    known = orders(p)
    assert sum(copied(p, k, known) for k in p.live()) <= 3 * bond * bond * 4, "at the ends at most"


def test_an_arrangement_that_gains_nothing_is_taken_back(monkeypatch):
    p = Program(lambda size: size)
    x = p.add(OPS["input"], (), ("X",), (9, 10))
    y = p.add(OPS["input"], (), ("Y",), (10, 11, 12))
    inner = p.add(OPS["contract"], (x, y), ((0, 1), (1, 2, 3), (0, 2, 3)), (9, 11, 12), 1)
    z = p.add(OPS["input"], (), ("Z",), (9, 12, 5))
    p.outputs = [p.add(OPS["contract"], (inner, z), ((0, 2, 3), (0, 3, 4), (2, 4)), (11, 5), 1)]
    steps = list(p.steps)
    monkeypatch.setattr(layouts, "copied", lambda *_: 1)
    arranged(p)
    assert p.steps == steps
