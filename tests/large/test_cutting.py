"""Cuts from the axes of a result down to those of its arrays."""

import pytest

import einderiv as ed
from einderiv.expression import Tensor, solved
from einderiv.large.cutting import Cutter

X, Y, x, A = ed.tensor("X", "ij"), ed.tensor("Y", "jk"), ed.tensor("x", "i"), ed.tensor("A", "ii")
SHAPES = {"X": (10, 20), "Y": (20, 30), "x": (10,), "A": (10, 10)}

CASES = [  # what is cut, along which axis to 4, and what it is made of: sources and their cuts
    ("rows",              lambda: X @ Y,                      0, [("X", ((0, 0),)), ("Y", ())]),
    ("columns",           lambda: X @ Y,                      1, [("X", ()), ("Y", ((1, 1),))]),
    ("a sum, a transpose", lambda: X @ Y + (Y.T @ X.T).T,     0, [("X", ((0, 0),)), ("Y", ())]),
    ("X on both sides",   lambda: X @ X.T,                    0, [("X", ((0, 0),)), ("X", ())]),
    ("elementwise",       lambda: ed.exp(X @ Y),              1, [("X", ()), ("Y", ((1, 1),))]),
    ("a number",          lambda: ed.where(ed.greater(X, 1), 0.5, X), 1, [("X", ((1, 1),))]),
    ("a trace's axis",    lambda: ed.einsum("ii->i", A),      0, [("A", ((0, 0), (1, 0)))]),
    ("a batch axis",      lambda: ed.softmax(X),              0, [("X", ((0, 0),))]),
    ("a function across", lambda: ed.inv(A) @ X,              0, [("inv(A)", ((0, 0),)), ("X", ())]),
    ("beside a diagonal", lambda: ed.exp(ed.diag(x)),         0, [("diag", ((0, 0),))]),
    ("a vector of ones",  lambda: ed.einsum("i->ij", x, sizes={"j": 30}), 1, [("x", ())]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "axis", "want"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_is_cut(make, axis, want):
    e = make()
    cutter = Cutter(solved([e], SHAPES), {axis: 4}, 0)
    found = cutter.cut(e, ((axis, axis),))
    whole = [solved([e], SHAPES).number(n) for n in e.sizes]
    assert list(found.sizes) == [4 if p == axis else n for p, n in enumerate(whole)]
    leaves = [(leaf.source.name if isinstance(leaf.source, Tensor) else None, leaf.cuts)
              for leaf in cutter.leaves.values()]  # fmt: skip
    shown = [(name if name in SHAPES else None, cuts) for name, cuts in want]
    assert sorted(leaves, key=repr) == sorted(shown, key=repr)


def test_values_that_serve_again_are_leaves():
    e = X @ ed.exp(Y)
    for room, count in ((600, 2), (599, 2), (0, 2)):
        cutter = Cutter(solved([e], SHAPES), {0: 4}, room)
        cutter.cut(e, ((0, 0),))
        assert len(cutter.leaves) == count
        assert any(isinstance(leaf.source, Tensor) and leaf.source.name == "Y" for leaf in cutter.leaves.values()) is (
            room < 600
        )


def test_all_sizes_are_numbers():
    e = ed.mean(ed.derive(ed.softmax(X) @ Y, "X"), (2, 3)) / 3
    cutter = Cutter(solved([e], SHAPES), {}, -1)
    found = cutter.cut(e, ())
    assert all(isinstance(n, int) for n in found.sizes)
    assert ed.compile(found).inputs  # nothing else is to be given
