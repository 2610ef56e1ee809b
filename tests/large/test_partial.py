"""Cores that are computed in portions: every block is what is cut out of the whole, whatever the expression.

Cuts go from the axes of a result down to those of its arrays.
"""

import random
from dataclasses import replace

import numpy as np
import pytest
import samples
from exactness import drawn, expression, in_portions

import einderiv as ed
from einderiv.expression import Tensor, solved
from einderiv.large.blocks import block
from einderiv.large.partial import Cutter, Data, Portion, components, described, portioned


def some_ranges(rng, shape):
    return tuple(sorted(rng.sample(range(n + 1), 2)) if n else (0, 0) for n in shape)


def compare(e, arrays, want, rng, limit=2**20):
    terms, p = in_portions(e, arrays, limit)
    for _ in range(4):
        ranges = some_ranges(rng, want.shape)
        found = block(terms, p.dtype, ranges)
        part = want[tuple(slice(*r) for r in ranges)]
        if found is None:
            assert not part.any()
        else:
            assert found.dtype == want.dtype
            assert found.shape == part.shape
            np.testing.assert_allclose(found, part, rtol=1e-9, atol=1e-12)
            if want.dtype.kind in "iu":
                assert found.tolist() == part.tolist()


@pytest.mark.parametrize("room", [10**7, 400])
@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_sample(name, room):
    e = samples.SAMPLES[name]()
    rng = random.Random(name)
    arrays = samples.arrays(e, domain=samples.domain(name))
    kinds = [e] if room == 400 else [e, *(ed.derive(e, n) for n in list(arrays)[:1])]
    for one in kinds:
        given = {n: a for n, a in arrays.items() if n in ed.compile(one).tensors}
        try:
            compare(one, given, np.asarray(ed.evaluate(one, given)), rng, room)
        except ed.LimitError:
            assert room == 400  # a function that needs more at a time


@pytest.mark.parametrize("seed", range(150))
def test_whole_numbers(seed):
    case = replace(drawn(seed), wide=False)
    e, values = expression(case), case.values()
    compare(
        e,
        {n: values[n] for n in ed.compile(e).tensors},
        np.asarray(ed.evaluate(e, values)),
        random.Random(seed),
    )


X, Y, w = ed.tensor("X", "ij"), ed.tensor("Y", "jk"), ed.tensor("w", "j")
rng = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint8, np.int32, complex])
def test_dtypes(dtype):
    arrays = {
        "X": rng.integers(0, 4, (6, 3)).astype(dtype),
        "Y": rng.integers(0, 4, (3, 5)).astype(dtype),
    }
    e = X @ Y
    compare(e, arrays, ed.evaluate(e, arrays), random.Random(0))
    compare(ed.sin(e), arrays, ed.evaluate(ed.sin(e), arrays), random.Random(0))


def test_dtypes_that_meet():
    arrays = {
        "X": rng.normal(size=(6, 3)).astype(np.float32),
        "Y": rng.normal(size=(3, 5)),
        "w": np.arange(3),
    }
    e = ed.tanh(ed.exp(X) @ ed.sin(Y)) + ed.einsum("ij,j,jk->ik", X, w, Y)
    compare(e, arrays, ed.evaluate(e, arrays), random.Random(0))


def test_a_result_that_its_dtype_does_not_hold():
    arrays = {"X": np.full((6, 3), 9, np.int8), "Y": np.full((3, 5), 9, np.int8)}
    terms, p = in_portions(X @ Y, arrays)
    with pytest.raises(ed.EinderivError, match="int8 does not hold"):
        block(terms, p.dtype, ((0, 2), (0, 5)))


def test_sizes_of_tensors_that_have_gone():
    e = ed.einsum("ij,jk->ik", X, ed.tanh(Y)) * ed.einsum(
        "ij->", ed.einsum("->ij", sizes={"i": "i", "j": "j"})
    )
    e = ed.derive(e / 2, "Y")
    arrays = {"X": rng.normal(size=(4, 3)), "Y": rng.normal(size=(3, 5))}
    compare(e, arrays, ed.evaluate(e, arrays), random.Random(0))


def test_a_size_that_nobody_gives():
    e = ed.einsum(
        "ik,kj,->ij", "A", "B", ed.exp(ed.einsum("n->", ed.einsum("->n", sizes={"n": "n"})))
    )
    arrays = {"A": np.ones((90, 2)), "B": np.ones((2, 90))}
    with pytest.raises(ed.ShapeError, match="the size of axis n is not known"):
        portioned(e, arrays, 20_000)
    ((parts, _),) = portioned(e, arrays, 20_000, {"n": 3}).factors
    assert np.allclose(parts[0][:2, :3], 2 * np.exp(3))


def test_what_a_part_computes(monkeypatch):
    """A function that no cut reaches is computed once; one that a cut reaches in parts."""
    e = ed.einsum("ij,jk->ik", ed.exp(X), ed.exp(Y))
    arrays = {"X": rng.normal(size=(40, 3)), "Y": rng.normal(size=(3, 5))}
    seen = []
    whole = np.exp
    monkeypatch.setattr(
        np, "exp", lambda x, *more, **named: seen.append(x.shape) or whole(x, *more, **named)
    )
    terms, p = in_portions(e, arrays)
    for k in range(4):
        block(terms, p.dtype, ((10 * k, 10 * k + 10), (0, 5)))
    assert seen.count((3, 5)) == 1
    assert seen.count((10, 3)) == 4
    assert len(seen) == 5


def test_a_part_is_not_computed_twice_in_a_row(monkeypatch):
    arrays = {"X": rng.normal(size=(4, 3)), "Y": rng.normal(size=(3, 5))}
    terms, p = in_portions(
        ed.derive(ed.einsum("ij,jk,l->ikl", X, Y, "v"), "v"), {**arrays, "v": np.ones(7)}
    )
    calls = []
    part = Data.part
    monkeypatch.setattr(Data, "part", lambda *what: calls.append(what) or part(*what))
    for k in range(7):
        block(terms, p.dtype, ((0, 4), (0, 5), (k, k + 1), (k, k + 1)))
    assert len(calls) == 1


def test_small_factors_are_arrays_and_large_ones_portions():
    e = ed.einsum("ij,jk,l->ikl", X, Y, "v")
    arrays = {"X": rng.normal(size=(50, 3)), "Y": rng.normal(size=(3, 50)), "v": np.ones(7)}
    found = portioned(e, arrays, 20_000)
    ((parts, _),) = found.factors
    assert [type(part).__name__ for part in parts] == ["Portion", "ndarray"]
    assert found.nbytes == 7 * 8
    assert not any(isinstance(part, Portion) for part in portioned(e, arrays, 50_000).factors[0][0])
    assert np.array_equal(parts[0][2:5, :], (arrays["X"] @ arrays["Y"])[2:5])


@pytest.mark.parametrize(("changed", "same"), [({}, True), ({"X": 1}, False), ({"Y": 1}, False)])
def test_digests(changed, same):
    arrays = {"X": np.ones((4, 3)), "Y": np.ones((3, 5))}

    def digest(arrays):
        ((portion, _),) = in_portions(X @ Y, arrays)[0][0].factors
        return portion.digest()

    assert (digest(arrays) == digest({n: a + changed.get(n, 0) for n, a in arrays.items()})) is same


@pytest.mark.parametrize(
    "other",
    [
        lambda: 2 * X @ Y,
        lambda: X @ ed.sin(Y),
        lambda: X @ ed.cos(Y),
        lambda: ed.sin(X) @ Y,
        lambda: X @ Y + 1,
        lambda: ed.einsum("ij,jk->ki", X, Y),
        lambda: ed.einsum("ij,jk,j->ik", X, Y, [1, 2, 3]),
        lambda: ed.einsum("ij,jk,j->ik", X, Y, [1, 2, 4]),
        lambda: X @ Y**2,
        lambda: X @ Y**2.5,
    ],
)
def test_descriptions_tell_expressions_apart(other):
    def text(e):
        return repr(described(e, solved([e], {"X": (4, 3), "Y": (3, 5)}).known_measure))

    assert text(X @ Y) == text(ed.tensor("X", "ab") @ ed.tensor("Y", "bc"))
    assert text(other()) == text(other())
    assert text(other()) != text(X @ Y)


def test_components():
    e = 3 * ed.einsum("ij,jk,l,->ikl", X, Y, "v", "s")
    found, output, *_ = components(e, lambda size: size)
    assert [one.coefficient for one, _ in found] == [3, 1]
    assert [len(one.factors) for one, _ in found] == [3, 1]
    assert [len(labels) for _, labels in found] == [2, 1]
    assert output == found[0][1] + found[1][1]


def test_depth_is_no_matter():
    e = x = ed.tensor("x", "i")
    for _ in range(3000):
        e = ed.sin(e)
    arrays = {"x": np.linspace(0, 1, 9)}
    terms, p = in_portions(e * x, arrays, limit=10)
    with pytest.raises(ed.LimitError, match="limit of 5 bytes"):
        block(terms, p.dtype, ((0, 3),))
    terms, p = in_portions(e * x, arrays)
    assert block(terms, p.dtype, ((0, 3),)).shape == (3,)


x, A = ed.tensor("x", "i"), ed.tensor("A", "ii")
SHAPES = {"X": (10, 20), "Y": (20, 30), "x": (10,), "A": (10, 10)}

CUTS = [  # what is cut, along which axis to 4, and what it is made of: sources and their cuts
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


@pytest.mark.parametrize(
    ("make", "axis", "want"), [row[1:] for row in CUTS], ids=[row[0] for row in CUTS]
)
def test_what_is_cut(make, axis, want):
    e = make()
    cutter = Cutter(solved([e], SHAPES), {axis: 4}, 0)
    found = cutter.cut(e, ((axis, axis),))
    whole = [solved([e], SHAPES).known_measure(n) for n in e.axis_sizes]
    assert list(found.axis_sizes) == [4 if p == axis else n for p, n in enumerate(whole)]
    leaves = [
        (leaf.source.name if isinstance(leaf.source, Tensor) else None, leaf.cuts)
        for leaf in cutter.leaves.values()
    ]
    shown = [(name if name in SHAPES else None, cuts) for name, cuts in want]
    assert sorted(leaves, key=repr) == sorted(shown, key=repr)


def test_values_that_serve_again_are_leaves():
    e = X @ ed.exp(Y)
    for room, count in ((600, 2), (599, 2), (0, 2)):
        cutter = Cutter(solved([e], SHAPES), {0: 4}, room)
        cutter.cut(e, ((0, 0),))
        assert len(cutter.leaves) == count
        assert any(
            isinstance(leaf.source, Tensor) and leaf.source.name == "Y"
            for leaf in cutter.leaves.values()
        ) is (room < 600)


def test_all_sizes_are_numbers():
    e = ed.mean(ed.derive(ed.softmax(X) @ Y, "X"), (2, 3)) / 3
    cutter = Cutter(solved([e], SHAPES), {}, -1)
    found = cutter.cut(e, ())
    assert all(isinstance(n, int) for n in found.axis_sizes)
    assert ed.compile(found).inputs  # nothing else is to be given
