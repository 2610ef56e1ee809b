"""Programs are data: equal steps are one step, and contractions know the role of each label."""

import pytest

import einderiv as ed
from einderiv.planning import Program, Step, contraction
from einderiv.planning.ops import OPS
from einderiv.planning.program import _canonical

SIZES = {("X", 0): 4, ("X", 1): 5, "n": 200, "none": 0}


def program():
    return Program(lambda size: size if isinstance(size, int) else SIZES[size])


def x_of(p):
    return p.add(OPS["input"], (), ("X",), (("X", 0), ("X", 1)))


SAME = [
    # two ways to say one step, and two that differ
    ("view",       ((5, 7), (7, 5)),        ((0, 1), (1, 0)),          True),
    ("view",       ((5, 7), (7, 5)),        ((0, 1), (0, 1)),          False),
    ("view",       ((3, 3), (3,)),          ((9, 9), (9,)),            True),
    ("view",       ((3, 3), (3,)),          ((3, 4), (3,)),            False),
    ("sum",        ((1, 2), (1,)),          ((8, 4), (8,)),            True),
    ("sum",        ((1, 2), (1,)),          ((8, 4), (4,)),            False),
    ("scale",      (2, ()),                 (2, ()),                   True),
    ("scale",      (2, ()),                 (2.0, ()),                 False),  # 2.0 makes integers floats
    ("scale",      (1, ()),                 (True, ()),                False),
    ("scale",      (2, ()),                 (3, ()),                   False),
    ("scale",      (2, ("n",)),             (2, ("none",)),            False),
    ("number",     (1,),                    (1.0,),                    False),
    ("number",     (1,),                    (1 + 0j,),                 False),
    ("write",      (((1,), (1, 1)),),       (((6,), (6, 6)),),         True),
    ("write",      (((1, 2), (1, 2, 1)),),  (((1, 2), (1, 2, 2)),),    False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "one", "other", "same"), SAME, ids=[f"{r[0]} {r[1]} {r[2]}" for r in SAME]
)
def test_equal_steps_are_one_step(kind, one, other, same):
    p = program()
    x = x_of(p)
    a, b = p.add(OPS[kind], (x,), one, ("n",)), p.add(OPS[kind], (x,), other, ("n",))
    assert (a == b) is same
    assert len(p.steps) == (2 if same else 3)
    assert p.add(OPS[kind], (x,), one, ("n",)) == a, "asked once more"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (dict(), True),
        (dict(op=OPS["add"]), False),
        (dict(inputs=(0, 0)), False),
        (dict(sizes=(5,)), False),
        (dict(flops=99.0), True),  # a cost is no part of what a step says
    ],
)
def test_what_a_step_is(change, same):
    p = program()
    x_of(p)
    first = dict(op=OPS["sum"], inputs=(0,), spec=((0, 1), (0,)), sizes=(4,), flops=1.0)
    assert (p.add(**first) == p.add(**{**first, **change})) is same


def test_shapes_and_entries():
    p = program()
    x = x_of(p)
    assert p.shape(x) == (4, 5)
    assert p.entries(x) == 20
    assert p.entries(p.add(OPS["number"], (), (3,), ())) == 1
    assert p.entries(p.add(OPS["write"], (x,), (), ("n", "none"))) == 0
    assert p.shape(p.add(OPS["write"], (x,), (), ("n", 2, "n"))) == (200, 2, 200)


def test_a_step_knows_the_sizes_of_its_inputs():
    p = program()
    x = x_of(p)
    y = p.add(OPS["contract"], (x, x), ((0, 1), (0, 1), (0,)), (("X", 0),))
    assert p.steps[y].operand_sizes == ((("X", 0), ("X", 1)),) * 2
    spec = ((0, 1), (0, 1), (0,))
    assert p.steps[y] == Step(
        OPS["contract"], (x, x), spec, (("X", 0),), 0, ((("X", 0), ("X", 1)),) * 2
    )


@pytest.mark.parametrize(
    ("a", "b", "out", "batch", "summed", "first", "second"),
    [
        ((0, 1), (1, 2), (0, 2), (), (1,), (0,), (2,)),
        ((0, 1), (1, 0), (), (), (0, 1), (), ()),
        ((0, 1), (0, 1), (0, 1), (0, 1), (), (), ()),
        ((0, 1, 2), (0, 2, 3), (3, 1, 0), (0,), (2,), (1,), (3,)),
        ((), (0,), (0,), (), (), (), (0,)),
        ((), (), (), (), (), (), ()),
        ((0,), (1,), (1, 0), (), (), (0,), (1,)),
        ((2, 1, 0), (0, 1, 2), (1,), (1,), (2, 0), (), ()),
    ],
)
def test_roles_of_labels(a, b, out, batch, summed, first, second):
    assert contraction(a, b, out) == (batch, summed, first, second)
    assert sorted(batch + summed + first) == sorted(a)
    assert sorted(batch + summed + second) == sorted(b)


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ((), ()),
        (((7, 3), (3,)), ((0, 1), (1,))),
        (((7, 7), (7, 9)), ((0, 0), (0, 1))),
        (("X",), ("X",)),
        (((5,), ((5, 6), (6,))), ((0,), ((0, 1), (1,)))),
    ],
)
def test_labels_by_first_appearance(spec, want):
    assert _canonical(spec) == want
    assert _canonical(want) == want


def test_numbers_in_a_spec_are_no_labels():
    """2·x and 3·x are different steps although a label 2 and a label 3 would be the same."""
    p = program()
    x = x_of(p)
    values = [p.add(OPS["scale"], (x,), (k, ()), (4, 5)) for k in (2, 3, -2, 2.5)]
    assert len(set(values)) == 4


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("apply", ("power", 0, (5,)), ("power", 0, (6,))),
        ("scale", (1, (3,)), (1, (4,))),
        ("scale", (1, (("X", 0),)), (1, (("X", 1),))),
        ("scale", (2, (("X", 0), ("X", 0))), (2, (("X", 1), ("X", 1)))),
    ],
)
def test_numbers_in_nested_tuples_are_no_labels(kind, one, other):
    p = program()
    x = x_of(p)
    assert p.add(OPS[kind], (x,), one, (4, 5)) != p.add(OPS[kind], (x,), other, (4, 5))


X, x = ed.tensor("X", "ij"), ed.tensor("x", "i")


@pytest.mark.parametrize(
    ("make", "want"),
    [
        (lambda: ed.sum(x**5) + ed.sum(x**6), 32 + 64),
        (lambda: ed.sum(ed.mean(X, 0)) + ed.sum(ed.mean(X, 1)), 3 + 2),
        (lambda: ed.sum(ed.grad(ed.sum(x**7), "x")) + ed.sum(x**5), 7 * 64 + 32),
    ],
)
def test_what_is_nearly_the_same_is_not_shared(make, want):
    given = {"X": [[1.0] * 3] * 2, "x": [2.0]}
    e = make()
    assert ed.evaluate(e, {n: given[n] for n in ed.compile(e).inputs}) == want


def test_live_steps():
    p = program()
    x = x_of(p)
    a = p.add(OPS["scale"], (x,), (2, ()), (4, 5))
    dead = p.add(OPS["scale"], (x,), (2.5, ()), (4, 5))
    b = p.add(OPS["add"], (a, x), (), (4, 5))
    p.outputs = [b]
    assert p.live() == [x, a, b]
    p.outputs = [dead, dead]
    assert p.live() == [x, dead]
    p.outputs = []
    assert p.live() == []
