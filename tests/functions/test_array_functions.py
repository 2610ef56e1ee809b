"""Functions that move entries give what NumPy gives, values and derivatives, of sizes known and given later.

Each call is written once, with ``np.``; the Jacobian of what is linear is its value for unit arrays.
"""

import math

import numpy as np
import pytest

import einderiv as ed

RNG = np.random.default_rng(0)
SHAPES = [(6,), (2, 3), (2, 3, 4), (0, 3), (1, 3), (3, 1), (1,)]
MODES = ["constant", "edge", "wrap", "reflect", "symmetric"]

ONE = {  # of one array
    "ravel": lambda x: np.ravel(x),
    "ravel F": lambda x: np.ravel(x, order="F"),
    "reshape": lambda x: np.reshape(x, (1, -1, 1)),
    "flip": lambda x: np.flip(x),
    "flip 0": lambda x: np.flip(x, 0),
    "repeat": lambda x: np.repeat(x, 2),
    "repeat 3": lambda x: np.repeat(x, 3, axis=-1),
    "repeat 0": lambda x: np.repeat(x, 0, axis=0),
    "tile": lambda x: np.tile(x, 2),
    "tile twice": lambda x: np.tile(x, (2, 1, 3)),
    "tile 0": lambda x: np.tile(x, 0),
    "diff": lambda x: np.diff(x, axis=-1),
    "diff of a scalar": lambda x: np.diff(x, prepend=0, append=7),
    "cumsum": lambda x: np.cumsum(x),
    "cumsum 0": lambda x: np.cumsum(x, axis=0),
    "cumsum -1": lambda x: np.cumsum(x, axis=-1),
    "expand_dims": lambda x: np.expand_dims(x, (0, -1)),
    "swapaxes": lambda x: np.swapaxes(x, 0, -1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "roll": lambda x: np.roll(x, 0),
    "concatenate": lambda x: np.concatenate([x, 2 * x, np.flip(x)], axis=-1),
    "concatenate all": lambda x: np.concatenate([x, x], axis=None),
    "stack": lambda x: np.stack([x, x * 3], axis=1),
    "stack last": lambda x: np.stack([x, x, x], axis=-1),
    "hstack": lambda x: np.hstack([x, x]),
    "vstack": lambda x: np.vstack([x, x]),
    "pad": lambda x: np.pad(x, 2),
    "pad pair": lambda x: np.pad(x, (0, 2)),
}
SOME = {  # of arrays with entries enough
    "split": lambda x: np.split(x, [1], axis=-1)[1],
    "split 3": lambda x: np.split(x, 3, axis=-1)[1],
    "take": lambda x: np.take(x, [[0, 2], [1, 0]], axis=-1),
    "take all": lambda x: np.take(x, [0, -1, 2]),
    "take one": lambda x: np.take(x, 2, axis=-1),
    "roll 1": lambda x: np.roll(x, 1),
    "roll -2": lambda x: np.roll(x, -2, axis=-1),
    "roll axes": lambda x: np.roll(x, (1, -1), axis=(0, -1)),
    "repeats": lambda x: np.repeat(x, [2, 0, 1], axis=-1),
    "diff 2": lambda x: np.diff(x, 2),
    **{f"pad {mode}": lambda x, mode=mode: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(2, 1)], mode)
       for mode in MODES},
}  # fmt: skip
#: what takes the sizes as they are, whatever the widths
KNOWN = {
    **{f"roll {k}": lambda x, k=k: np.roll(x, k) for k in (7, -5, 12)},
    **{f"roll {k} 0": lambda x, k=k: np.roll(x, k, axis=0) for k in (3, -4)},
    **{f"pad {mode} {width}": lambda x, mode=mode, width=width: np.pad(x, width, mode)
       for mode in MODES for width in (1, (0, 5), 4)},
    "pad values": lambda x: np.pad(x, (1, 2), constant_values=(3, 4)),
    "squeeze": lambda x: np.squeeze(x),
}  # fmt: skip
DECLARED = pytest.mark.parametrize("known", [True, False], ids=["known", "later"])
MOVED = [(f, shape) for f in ONE.values() for shape in SHAPES]
MOVED += [(f, shape) for f in SOME.values() for shape in [(3,), (2, 3), (4, 2, 3)]]


def whole(shape):
    return RNG.integers(-9, 10, shape)


def jacobian(f, shape):
    """Of what is linear, or constant and linear: its differences for unit arrays."""
    origin = np.zeros(shape, int)
    units = np.eye(origin.size, dtype=int).reshape(origin.size, *shape)
    columns = [f(unit) - f(origin) for unit in units]
    value = f(origin)
    return (
        np.stack(columns, -1).reshape(*value.shape, *shape)
        if columns
        else np.zeros((*value.shape, *shape))
    )


def check(f, shape, known):
    X = ed.tensor("X", shape if known else "ijkl"[: len(shape)])
    at = whole(shape)
    got, want = ed.evaluate(f(X), X=at), f(at)
    assert got.shape == want.shape and (got == want).all()
    assert (ed.evaluate(ed.derive(f(X), X), X=at) == jacobian(f, shape)).all()
    # of what is made of it, and of what it is made of
    e = ed.sum(ed.square(f(X * X)))
    slope = 2 * at * np.tensordot(2 * f(at * at), jacobian(f, shape), want.ndim)
    assert (ed.evaluate(ed.grad(e, X), X=at) == slope).all()


@pytest.mark.parametrize(("f", "shape"), MOVED)
@DECLARED
def test_as_numpy(f, shape, known):
    check(f, shape, known)


@pytest.mark.parametrize("f", KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("shape", [(1,), (2,), (5,), (2, 3), (3, 1)])
def test_of_known_sizes(f, shape):
    check(f, shape, known=True)


RESHAPED = [
    ((2, 3), (3, 2)), ((2, 3), (6, 1)), ((2, 3, 4), (6, 4)), ((2, 3, 4), (2, 12)), ((2, 3, 4), (4, 3, 2)),
    ((2, 3, 4), (1, 2, 3, 1, 4)), ((4,), (2, 2)), ((6, 4), (2, 3, 4)), ((2, 6), (4, 3)), ((0, 3), (3, 0)),
    ((0,), (0, 5)), ((), (1, 1)), ((1,), ()), ((2, 1, 3), (2, 3)), ((2, 6), (4, -1)), ((2, 3), (-1,)),
    ((2, 2, 2), (-1, 4)), ((4, 6), (2, 2, 3, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), RESHAPED)
@pytest.mark.parametrize("order", ["C", "F"])
@DECLARED
def test_reshape(old, new, order, known):
    check(lambda x: np.reshape(x, new, order=order), old, known)


def test_reshape_by_sizes():
    X, Y = ed.tensor("X", "ij"), ed.tensor("Y", "kl")
    x, y = np.arange(24).reshape(4, 6), np.zeros((3, 8))
    (n, m), (k, _) = X.shape, Y.shape
    for e, shape in (
        (X.reshape(Y.shape), (3, 8)),
        (X.reshape(k, -1), (3, 8)),
        (X.reshape(-1, m // 2), (8, 3)),
        (X.reshape(n // 2, 2 * m), (2, 12)),
        (X.reshape(m, n), (6, 4)),
        (X.reshape(-1), (24,)),
        (X.reshape((n, 2, m // 2)), (4, 2, 3)),
    ):
        assert (ed.evaluate(e, {"X": x, "Y": y}) == x.reshape(shape)).all()
    assert ed.reshape(ed.ravel(X), X.shape) == X and X.reshape(n, 1, m).reshape(n, m) == X
    with pytest.raises(ed.ShapeError, match="size"):
        ed.evaluate(X.reshape(Y.shape), X=x, Y=np.zeros((3, 7)))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("f", [np.convolve, np.correlate])
@DECLARED
def test_windows(f, n, k, mode, known):
    x, w = whole(n), whole(k)
    X, W = (
        (ed.tensor("X", (n,)), ed.tensor("W", (k,)))
        if known
        else (ed.tensor("X", "i"), ed.tensor("W", "k"))
    )
    e = f(X, W, mode)
    if k > n and mode != "full" and not known:
        with pytest.raises(ed.ShapeError, match="a size is not negative"):
            ed.evaluate(e, X=x, W=w)
        return
    got, want = ed.evaluate(e, X=x, W=w), f(x, w, mode)
    assert got.shape == want.shape and (got == want).all()
    by_x = np.stack([f(unit, w, mode) for unit in np.eye(n, dtype=int)], -1)
    by_w = np.stack([f(x, unit, mode) for unit in np.eye(k, dtype=int)], -1)
    assert (ed.evaluate(ed.derive(e, X), X=x, W=w) == by_x).all()
    assert (ed.evaluate(ed.derive(e, W), X=x, W=w) == by_w).all()


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_correlate_conjugates(mode):
    x, w = np.array([1 + 2j, 3j, -1]), np.array([2 - 1j, 1j])
    X, W = ed.tensor("X", "i", complex=True), ed.tensor("W", "k", complex=True)
    for e in (ed.correlate(X, W, mode), ed.correlate(X, w, mode)):
        np.testing.assert_allclose(ed.evaluate(e, {"X": x, "W": w}), np.correlate(x, w, mode))


@pytest.mark.parametrize("offset", [0, 1, -1, 2, -2, 3, 5])
@pytest.mark.parametrize("shape", [(3, 3), (3, 4), (4, 2), (0, 2), (2, 3, 4)])
@pytest.mark.parametrize("f", [np.diagonal, np.trace])
def test_diagonals(f, shape, offset):
    check(lambda x: f(x, offset), shape, known=True)
    check(lambda x: f(x, offset, axis1=-1, axis2=0), shape, known=True)


@pytest.mark.parametrize("offset", [1, -1, 2, -2])
@pytest.mark.parametrize("shape", [(3, 3), (3, 4), (4, 2), (2, 5), (2, 2), (6, 3)])
def test_diagonals_of_sizes_that_are_not_known(shape, offset):
    X, a = ed.tensor("X", "ij"), np.arange(1, 1 + math.prod(shape)).reshape(shape)
    d = ed.diagonal(X, offset)
    assert ed.evaluate(d, X=a).tolist() == np.diagonal(a, offset).tolist()
    assert ed.evaluate(np.trace(X, offset), X=a) == np.trace(a, offset)
    slope = ed.evaluate(ed.grad(ed.sum(d * d), X), X=a)
    assert (slope == 2 * a * np.eye(*shape, offset, dtype=int)).all()
    again = ed.parse(ed.formula(ed.sum(d)), tensors={"X": "ij"})
    assert ed.evaluate(again, X=a) == np.trace(a, offset)


def test_a_diagonal_outside_of_a_matrix():
    X = ed.tensor("X", "ij")
    with pytest.raises(ed.ShapeError, match=r"min\(axis 0 of X, axis 1 of X - 3\) comes out as -1"):
        ed.evaluate(ed.diagonal(X, 3), X=np.ones((2, 2)))


@pytest.mark.parametrize("k", [0, 1, -1, 3])
@pytest.mark.parametrize("shape", [(3,), (4, 4)])
@DECLARED
def test_diag(shape, k, known):
    check(lambda x: np.diag(x, k), shape, known)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, order: np.gradient(x, edge_order=order, axis=0),
        lambda x, order: np.gradient(x, 0.5, axis=-1, edge_order=order),
        lambda x, order: np.gradient(x, 0.5, np.array([0, 1, 3, 7.0]), edge_order=order)[1],
        lambda x, order: np.gradient(x, np.array([0, 1, 3, 7.0, 8]), 2, edge_order=order)[0],
    ],
)
@DECLARED
def test_gradient(f, order, known):
    x = RNG.normal(size=(5, 4))
    X = ed.tensor("X", x.shape if known else "ij")
    np.testing.assert_allclose(ed.evaluate(f(X, order), X=x), f(x, order), rtol=1e-12, atol=1e-12)
    slope = np.stack([f(unit.reshape(5, 4), order) for unit in np.eye(20)], -1).reshape(5, 4, 5, 4)
    np.testing.assert_allclose(
        ed.evaluate(ed.derive(f(X, order), X), X=x), slope, rtol=1e-12, atol=1e-12
    )


def test_block():
    A, B = ed.tensor("A", "ij"), ed.tensor("B", "kj")
    a, b = whole((2, 3)), whole((1, 3))
    for f in (lambda a, b: np.block([[a, 2 * a], [b, b]]), lambda a, b: np.block([[a], [b]]),
              lambda a, b: np.block([a, np.ones((2, 1))]), lambda a, b: np.block([[[a]], [[a]]])):  # fmt: skip
        assert (ed.evaluate(f(A, B), {"A": a, "B": b}) == f(a, b)).all()


def test_segment_sums():
    v, at = ed.tensor("v", "ek"), whole((5, 2))
    ids = np.array([2, 0, 2, 3, 0])
    want = np.zeros((5, 2), int)
    np.add.at(want, ids, at)
    e = ed.segment_sum(v, ids, 5)
    assert (ed.evaluate(e, v=at) == want).all()
    u = whole((5, 2))
    assert (ed.evaluate(ed.vjp(e, v, u), v=at) == u[ids]).all()
    later = ed.segment_sum(v, "r", ed.tensor("w", "s").shape[0])
    assert (ed.evaluate(later, v=at, r=ids, w=np.zeros(5)) == want).all()
    table = ed.segment_sum(ed.tensor("t", "ij"), [[0, 1], [1, 1]], 2)
    assert ed.evaluate(table, t=[[1, 2], [3, 4]]).tolist() == [1, 9]


def test_take_of_places_that_are_given_later():
    E, at = ed.tensor("E", "vd"), whole((4, 3))
    e = ed.take(E, "ids", 0)
    ids = np.array([3, 0, 3])
    assert (ed.evaluate(e, E=at, ids=ids) == at[ids]).all()
    u = whole((3, 3))
    want = np.zeros((4, 3), int)
    np.add.at(want, ids, u)
    assert (ed.evaluate(ed.vjp(e, E, u), E=at, ids=ids) == want).all()


@pytest.mark.parametrize(
    ("e", "want"),
    [
        (ed.eye(3), np.eye(3)),
        (ed.eye(2, 4, 1), np.eye(2, 4, 1)),
        (ed.eye(4, 2, k=-1), np.eye(4, 2, -1)),
        (ed.eye(0, 2), np.eye(0, 2)),
        (ed.eye(2, 2, 5), np.eye(2, 2, 5)),
        (ed.zeros((2, 0)), np.zeros((2, 0))),
        (ed.zeros(3), np.zeros(3)),
        (ed.ones((2, 3)), np.ones((2, 3))),
        (ed.ones(()), np.ones(())),
        (ed.arange(5), np.arange(5)),
        (ed.arange(2, 9, 3), np.arange(2, 9, 3)),
        (ed.arange(0, 1, 0.25), np.arange(0, 1, 0.25)),
    ],
)
def test_made_of_nothing(e, want):
    got = ed.evaluate(e)
    assert got.shape == want.shape and (got == want).all()


def test_made_of_sizes_and_names():
    x = ed.tensor("x", "n")
    (n,) = x.shape
    at = np.zeros(4)
    for e, want in (
        (ed.eye("n"), np.eye(4)),
        (ed.eye(n, n + 1, 1), np.eye(4, 5, 1)),
        (ed.ones(("n", 2)), np.ones((4, 2))),
        (ed.zeros(x.shape), np.zeros(4)),
        (ed.arange(n), np.arange(4)),
        (ed.arange("n"), np.arange(4)),
        (ed.arange(1, n), np.arange(1, 4)),
        (ed.arange(n, 0, -1), np.arange(4, 0, -1)),
        (ed.arange(n, 3 * n, 3), np.arange(4, 12, 3)),
    ):
        got = ed.evaluate(e + 0 * ed.sum(x), x=at)
        assert got.shape == want.shape and (got == want).all()


def test_methods():
    X = ed.tensor("X", (2, 3))
    x = whole((2, 3))
    for f in (
        lambda a: a.reshape(3, 2),
        lambda a: a.reshape((3, -1), order="F"),
        lambda a: a.ravel(),
        lambda a: a.flatten(),
        lambda a: a.transpose(),
        lambda a: a.transpose(1, 0),
        lambda a: a.transpose((0, 1)),
        lambda a: a.swapaxes(0, 1),
        lambda a: a[:, :1].squeeze(1),
        lambda a: a.copy(),
        lambda a: a.trace(1),
        lambda a: a[:, 1:].trace(),
        lambda a: a[:, :2].diagonal(),
        lambda a: a.cumsum(1),
        lambda a: a.cumsum(),
        lambda a: a.sum(),
        lambda a: a.sum(axis=0),
        lambda a: a.mean(1),
    ):
        got, want = ed.evaluate(f(X), X=x), f(x)
        assert np.shape(got) == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=1e-15)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x[:, None] * y[None, :],
        lambda x, y: x[:, None] + y[None, :],
        lambda x, y: np.maximum(x[:, None], y[None]),
        lambda x, y: x[:, None] / (y * y + 1)[None] - np.ones((1, 3)),
    ],
)
def test_axes_of_size_one_broadcast(f):
    X, Y = ed.tensor("x", "i"), ed.tensor("y", "j")
    x, y = RNG.normal(size=4), RNG.normal(size=3)
    np.testing.assert_allclose(ed.evaluate(f(X, Y), x=x, y=y), f(x, y), rtol=1e-14)
    J = ed.evaluate(ed.derive(ed.sum(f(X, Y)), X), x=x, y=y)
    step = 1e-6 * np.eye(4)
    want = [(f(x + h, y).sum() - f(x - h, y).sum()) / 2e-6 for h in step]
    np.testing.assert_allclose(J, want, rtol=1e-6, atol=1e-8)


def test_joins_of_parts():
    x, y = ed.tensor("x", "i"), ed.tensor("y", "j")
    e = np.concatenate([x * 2, y, np.array([7]), x[:0]])
    assert ed.evaluate(e, x=[1, 2], y=[3]).tolist() == [2, 4, 3, 7]
    assert ed.evaluate(ed.derive(e, y), x=[1, 2], y=[3]).tolist() == [[0], [0], [1], [0]]
    assert (x[1:] - x[:-1] == ed.diff(x)) and ed.flip(ed.flip(x)) == x


X34 = ed.tensor("X", (3, 4))


@pytest.mark.parametrize(
    ("f", "error", "said"),
    [
        (lambda: ed.reshape(X34, (5, 2)), ed.ShapeError, r"cannot reshape X of size 12 into shape \(5, 2\)"),
        (lambda: ed.reshape(X34, (5, -1)), ed.ShapeError, r"cannot reshape X of size 12 into"),
        (lambda: ed.reshape(X34, (-1, -1)), ed.ShapeError, r"only specify one unknown dimension"),
        (lambda: ed.reshape(X34, (2.0, 6)), TypeError, r"a shape is made of whole numbers"),
        (lambda: ed.reshape(X34, (-2, 6)), ed.ShapeError, r"negative dimensions are not allowed"),
        (lambda: ed.reshape(X34, 12, "G"), ed.EinderivError, r"order must be 'C'"),
        (lambda: ed.squeeze(X34, 0), ed.ShapeError, r"size not equal to one: axis 0 of X has size 3"),
        (lambda: ed.expand_dims(X34, 4), ed.ShapeError, r"axis 4 is out of bounds"),
        (lambda: ed.expand_dims(X34, (0, 0)), ed.ShapeError, r"one axis twice"),
        (lambda: ed.broadcast_to(X34, (3, 5)), ed.ShapeError, r"X could not be broadcast to \(3, 5\)"),
        (lambda: ed.broadcast_to(X34, 4), ed.ShapeError, r"more dimensions than allowed"),
        (lambda: ed.concatenate(ed.tensor("x", "ij")), TypeError, r"concatenate takes a list of expressions, and x stands for one"),
        (lambda: ed.concatenate(3), TypeError, r"concatenate takes a list of expressions, not int"),
        (lambda: ed.concatenate([]), ed.ShapeError, r"needs at least one array"),
        (lambda: ed.concatenate([X34, X34[0]]), ed.ShapeError, r"same number of dimensions, not 2, 1"),
        (lambda: ed.concatenate([X34, X34.T]), ed.ShapeError, r"match along axis 1.* 4 in array 0 and 3"),
        (lambda: ed.concatenate([1, 2]), ed.ShapeError, r"zero-dimensional arrays cannot be concatenated"),
        (lambda: ed.stack([X34, X34.T]), ed.ShapeError, r"match along axis 0.* 3 in array 0 and 4"),
        (lambda: ed.stack([X34, 1]), ed.ShapeError, r"must have the same shape"),
        (lambda: ed.block([[X34], X34]), ed.ShapeError, r"list depths are mismatched"),
        (lambda: ed.split(X34, 3, 1), ed.ShapeError, r"equal division: axis 1 has size 4, for 3 parts"),
        (lambda: ed.pad(X34, -1), ed.ShapeError, r"can't contain negative values"),
        (lambda: ed.pad(X34, (1, 2, 3)), ed.ShapeError, r"a pair for each of 2 axes"),
        (lambda: ed.pad(X34, 1, "mean"), ed.EinderivError, r"pad knows the modes constant, edge"),
        (lambda: ed.pad(X34[:0], 1, "edge"), ed.ShapeError, r"can't extend empty axis 0"),
        (lambda: ed.pad(X34, 1.5), TypeError, r"a width must be a whole number"),
        (lambda: ed.roll(X34, 1.5), TypeError, r"a shift must be a whole number"),
        (lambda: ed.roll(X34, (1, 2, 3), (0, 1)), ed.ShapeError, r"a shift for each axis"),
        (lambda: ed.repeat(X34, -1), ed.ShapeError, r"may not contain negative values"),
        (lambda: ed.repeat(X34, [1, 2], 0), ed.ShapeError, r"2 entries, but axis 0 of X has 3"),
        (lambda: ed.diff(X34, -1), ed.ShapeError, r"order must be non-negative but got -1"),
        (lambda: ed.diff(1), ed.ShapeError, r"at least one dimensional"),
        (lambda: np.gradient(X34[:1], axis=0), ed.ShapeError, r"too small to calculate a numerical gradient"),
        (lambda: np.gradient(X34, 1, 2, 3), TypeError, r"invalid number of arguments"),
        (lambda: np.gradient(X34, edge_order=3), ed.EinderivError, r"greater than 2 not supported"),
        (lambda: ed.cumsum(X34, 2), ed.ShapeError, r"axis 2 is out of range"),
        (lambda: ed.convolve(X34, [1]), ed.ShapeError, r"takes two vectors, but X has 2 axes"),
        (lambda: ed.convolve(X34[0], []), ed.ShapeError, r"vectors that are not empty"),
        (lambda: ed.convolve(X34[0], [1], "wide"), ed.EinderivError, r"modes full, same and valid"),
        (lambda: ed.take(X34, [4], 1), ed.ShapeError, r"index 4 is out of bounds for axis 1"),
        (lambda: ed.take(X34, slice(1)), TypeError, r"take takes whole numbers"),
        (lambda: ed.segment_sum(X34, [0, 1, 9], 3), ed.ShapeError, r"ids holds 9, but there are 3 segments"),
        (lambda: ed.segment_sum(X34, [0, 1], 3), ed.ShapeError, r"axis 0 of X has size 3, but that of ids 2"),
        (lambda: ed.segment_sum(X34, [0, -1, 1], 3), ed.ShapeError, r"places are not negative"),
        (lambda: ed.eye(-1), ed.ShapeError, r"negative dimensions"),
        (lambda: ed.eye(1.5), TypeError, r"a shape is made of"),
        (lambda: ed.arange(0, 5, 0), ed.ShapeError, r"step of arange cannot be zero"),
        (lambda: ed.arange(X34), TypeError, r"arange takes whole numbers, sizes"),
        (lambda: ed.diagonal(X34, 0, 0, 0), ed.ShapeError, r"both axis 0"),
    ],
)  # fmt: skip
def test_refused(f, error, said):
    with pytest.raises(error, match=said):
        f()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ed.roll(x, 4),
        lambda x: ed.pad(x, 3, "reflect"),
        lambda x: ed.pad(x, 4, "wrap"),
        lambda x: ed.split(x, 2)[0],
        lambda x: ed.reshape(x, (2, -1)),
        lambda x: ed.squeeze(x, 0),
        lambda x: ed.broadcast_to(x, (2, 2)),
        lambda x: ed.repeat(x, [1, 2]),
        lambda x: np.gradient(x[1:], edge_order=2),
    ],
)
def test_refused_when_the_size_is_known(f):
    e = f(ed.tensor("x", "i"))
    with pytest.raises(ed.ShapeError, match=r"size|known"):
        ed.evaluate(e, x=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (2, 2), (1, 5), (5, 1), (0, 3), (3, 0)])
def test_traces_of_any_shape(shape):
    """Off the diagonal, of a matrix whose sizes are not known before."""
    A = ed.tensor("A", "ij")
    a = np.arange(shape[0] * shape[1]).reshape(shape)
    for k in (-4, -2, -1, 1, 2, 4):
        assert ed.evaluate(np.trace(A, k), A=a) == np.trace(a, k)
        gradient = ed.evaluate(ed.grad(np.trace(A, k), A), A=a)
        assert gradient.tolist() == np.eye(*shape, k).tolist()
