"""``e[…]`` reads what NumPy reads; values and derivatives, of sizes that are known and that arrays give later."""

import re

import numpy as np
import pytest

import einderiv as ed

A = np.arange(60).reshape(3, 4, 5)
ALL = slice(None)
EVEN = A % 2 == 0

KEYS = {
    "a place": 1,
    "from the end": -1,
    "three places": (1, 2, -3),
    "numpy's whole numbers": (np.int8(2), ALL, np.uint16(1)),
    "an array of one number": (np.array(1), [0, 1]),
    "a slice": slice(1, None),
    "a reversal": slice(None, None, -1),
    "steps": (slice(None, None, 2), slice(1, None, 3), slice(0, None, 4)),
    "negative steps": (slice(None, None, -2), slice(2, None, -1), slice(-2, 0, -3)),
    "bounds from the end": (slice(-2, None), slice(1, -1), slice(None, -4)),
    "nothing": slice(2, 1),
    "a place and a slice": (0, slice(1, 3)),
    "a later place": (ALL, 2),
    "the last axis": (..., 0),
    "new axes": (None, ALL, None, 1),
    "a new last axis": (..., None),
    "all": ...,
    "an array": ([0, 2],),
    "a list alone": [0, 2],
    "repeated": [1, 1, 0, 1],
    "nothing in a list": [],
    "an empty table": np.zeros((2, 0), int),
    "a table": [[0, 1], [2, 0]],
    "negative places": [-1, -3],
    "places of both signs": [-1, 0, 2, -2],
    "small integers": (np.array([1, 2], np.uint8), ...),
    "pairs": ([0, 2], [1, 3]),
    "broadcast pairs": ([[0], [2]], [1, 2, 3]),
    "one and many": ([0], [1, 3]),
    "three arrays": ([0, 1], [1, 2], [[3], [4]]),
    "parted by a slice": ([0, 2], ALL, [1, 3]),
    "parted by an ellipsis": ([0, 2], ..., [1, 3]),
    "parted by an empty ellipsis": (ALL, [0, 1], ..., [1, 3]),
    "parted by a new axis": ([0, 2], None, [1, 3]),
    "behind a slice": (ALL, [0, 1], [2, 3]),
    "in the middle": (ALL, [0, 3, 3], ALL),
    "a place beside an array": (ALL, 0, [1, 2]),
    "a place, a slice, an array": (0, ALL, [1, 2]),
    "an array, a slice, a place": ([0, 2, -1], ALL, 1),
    "an array and a new axis": (ALL, None, [1, 2], None, 0),
    "slices beside an array": (slice(1, None), [3, 0], slice(None, None, -2)),
    "a mask": np.array([True, False, True]),
    "a mask of no place": np.zeros(3, bool),
    "a mask of all": EVEN,
    "a mask of two axes": EVEN[:, :, 0],
    "a mask of the last axes": (ALL, EVEN[0]),
    "a mask and an array": (np.array([True, False, True]), [1, 2]),
    "true": True,
    "false": False,
    "true beside an array": (True, [0, 1]),
    "true behind a place": (0, True, ALL, [1]),
}
EACH = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
DECLARED = pytest.mark.parametrize("axes", [A.shape, "ijk"], ids=["known", "later"])


def by_entries(read, shape):
    """The Jacobian of what moves entries: its value for each unit array."""
    size = int(np.prod(shape))
    units = np.eye(size, dtype=int).reshape(size, *shape)
    values = [read(unit) for unit in units]
    return np.stack(values, -1).reshape(*values[0].shape, *shape)


@EACH
@DECLARED
def test_reads_what_numpy_reads(key, axes):
    X = ed.tensor("X", axes)
    got, want = ed.evaluate(X[key], X=A), A[key]
    assert got.shape == want.shape and (got == want).all()
    J = ed.evaluate(ed.derive(X[key], X), X=A)
    slopes = by_entries(lambda x: x[key], A.shape)
    assert (slopes == J).all()


@EACH
def test_of_a_function(key):
    X = ed.tensor("X", "ijk")
    e = ed.sum(ed.square(ed.tanh(X)[key] * 2))
    x = np.linspace(-1, 1, 60).reshape(A.shape)
    want = np.zeros(60)
    np.add.at(want, np.arange(60).reshape(A.shape)[key], 1)
    slope = 8 * np.tanh(x) * (1 - np.tanh(x) ** 2) * want.reshape(A.shape)
    np.testing.assert_allclose(ed.evaluate(ed.grad(e, X), X=x), slope, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("start", [None, 0, 1, -1, 2, -3, 9, -9])
@pytest.mark.parametrize("stop", [None, 0, 1, -1, 3, 9, -9])
@pytest.mark.parametrize("step", [None, 2, -1, -3])
def test_slices_are_clipped_where_the_size_is_known(n, start, stop, step):
    x, key = np.arange(n), slice(start, stop, step)
    got = ed.evaluate(ed.tensor("x", (n,))[key], x=x)
    assert got.tolist() == x[key].tolist()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("start", [None, 0, 1, -1, 2, -3])
@pytest.mark.parametrize("stop", [None, 0, 1, -1, 3])
@pytest.mark.parametrize("step", [None, 2, -1, -3])
def test_slices_of_sizes_that_are_not_known_are_right_or_refused(n, start, stop, step):
    x, key = np.arange(n), slice(start, stop, step)
    bounds = [b for b in (start, stop) if b is not None]
    inside = all(-n <= b <= (n if step in (None, 2) else n - 1) for b in bounds)
    try:
        got = ed.evaluate(ed.tensor("x", "i")[key], x=x)
    except ed.ShapeError as error:
        refused = str(error)
        assert "a size is not negative" in refused
        ends = key.indices(n)
        assert not inside or (ends[1] - ends[0]) * ends[2] < 0  # the bounds are the wrong way
    else:
        assert got.tolist() == x[key].tolist()


def test_sizes_are_bounds():
    x, y = ed.tensor("x", "i"), ed.tensor("y", "j")
    n = y.shape[0]
    at, other = np.arange(7), np.zeros(3, int)
    for e, want in (
        (x[n:], at[3:]),
        (x[:n], at[:3]),
        (x[-n:], at[-3:]),
        (x[n], at[3]),
        (x[n - 1 :: 2], at[2::2]),
        (x[: 2 * n], at[:6]),
    ):
        assert ed.evaluate(e, x=at, y=other).tolist() == want.tolist()


def test_second_derivatives_keep_the_band():
    x = ed.tensor("x", "i")
    H = ed.hessian(ed.sum((x[1:] - x[:-1]) ** 2), x)
    D = np.diff(np.eye(6, dtype=int), axis=0)
    assert (ed.evaluate(H, x=np.arange(6)) == 2 * D.T @ D).all()


def test_a_read_of_a_read():
    X = ed.tensor("X", "ij")
    at = np.arange(12).reshape(3, 4)
    assert (ed.evaluate(X[1:][:, ::-1][0, 1:], X=at) == at[1:][:, ::-1][0, 1:]).all()
    assert (ed.evaluate(X[[2, 0]][:, [1, 1]][0], X=at) == at[[2, 0]][:, [1, 1]][0]).all()


def test_the_array_is_held_and_never_written_to():
    places = np.array([-1, 0, -2])
    X = ed.tensor("X", (3, 2))
    at = np.arange(6).reshape(3, 2)
    assert (ed.evaluate(X[places], X=at) == at[places]).all()
    assert places.tolist() == [-1, 0, -2]


@pytest.mark.parametrize(
    ("key", "error", "said"),
    [
        (5, ed.ShapeError, r"index 5 is out of bounds for axis 0 of X, with size 3"),
        (-4, ed.ShapeError, r"index -4 is out of bounds for axis 0 of X, with size 3"),
        ((0, 4), ed.ShapeError, r"index 4 is out of bounds for axis 1"),
        ([0, 3], ed.ShapeError, r"index 3 is out of bounds for axis 0"),
        ((ALL, [0, -5]), ed.ShapeError, r"index -5 is out of bounds for axis 1"),
        ((0, 0, 0), ed.ShapeError, r"too many indices: X has 2 axes, but 3 were indexed"),
        ((..., ...), ed.ShapeError, r"can only have a single ellipsis"),
        (([0, 1], [0, 1, 2]), ed.ShapeError, r"could not be broadcast together with shapes \(2,\)"),
        (np.array([True, False]), ed.ShapeError, r"boolean index did not match X along axis 0"),
        (slice(None, None, 0), ed.ShapeError, r"slice step cannot be zero"),
        (slice(None, None, 1.5), TypeError, r"step of a slice is a whole number, not 1.5"),
        (slice(1.5), TypeError, r"slice indices must be integers, sizes or None, not float"),
        (1.0, TypeError, r"only integers, slices .* are valid indices, not float"),
        ("i", TypeError, r"only integers, slices .* are valid indices, not str"),
        ([0.5], TypeError, r"valid indices, not an array of float64"),
        ([[0], [1, 2]], TypeError, r"not nested lists of different lengths"),
        (ed.tensor("r", "i"), TypeError, r"an expression is no index"),
    ],
)  # fmt: skip
def test_refused(key, error, said):
    with pytest.raises(error, match=said):
        ed.tensor("X", (3, 4))[key]


@pytest.mark.parametrize("key", [5, -4, slice(1, 5), [0, 3], [-4], [-4, 0]])
def test_refused_when_the_size_is_known(key):
    e = ed.tensor("X", "ij")[key]
    with pytest.raises(ed.EinderivError, match=r"axis 0 of X"):
        ed.evaluate(e, X=np.ones((3, 4)))


def test_a_mask_says_the_size():
    x = ed.tensor("x", "i")
    e = x[np.array([True, False, True])]
    assert ed.evaluate(e, x=[1, 2, 3]).tolist() == [1, 3]
    with pytest.raises(ed.ShapeError, match="3"):
        ed.evaluate(e, x=[1, 2])


ASSIGNED = {  # places, and what makes another expression
    "0":     "ed.concatenate([[v], e[1:]])",
    "1":     "ed.concatenate([e[:1], [v], e[2:]])",
    "-1":    "ed.concatenate([e[:-1], [v]])",
    "1:":    "ed.concatenate([e[:1], v])",
    ":-1":   "ed.concatenate([v, e[-1:]])",
    "1:3":   "ed.concatenate([e[:1], v, e[3:]])",
    ":":     "v",
    "::2":   None,
    "[1,2]": None,
    "True":  None,
}  # fmt: skip


@pytest.mark.parametrize(("places", "line"), ASSIGNED.items())
def test_assignment_is_refused(places, line):
    x = ed.tensor("x", "i")
    said = "ed.where" if line is None else f"For e[{places}] = v write e = {line}"
    with pytest.raises(TypeError, match="expressions are immutable: .*" + re.escape(said)):
        exec(f"x[{places}] = 1", {"x": x})
    if line is None:
        return
    # and the line does it
    array = np.arange(4.0)
    v = np.full(np.shape(eval(f"array[{places}]")), 9.0)
    e = eval(line, {"ed": ed, "e": x, "v": v})
    exec(f"array[{places}] = v")
    got = ed.evaluate(e, x=np.arange(4.0)) if line != "v" else v
    assert got.tolist() == array.tolist()


def test_what_is_no_list_says_what_to_write():
    x = ed.tensor("x", "i")
    with pytest.raises(TypeError, match=r"a, b = e\[0\], e\[1\], and ed\.stack\(\["):
        _a, _b = x
    with pytest.raises(TypeError, match=r"deleted; .*ed\.concatenate"):
        del x[1]
    array = np.zeros(3)
    with pytest.raises(TypeError, match=r"for a\[1:\] = e ed\.concatenate\(\[a\[:1\], e\]\)"):
        array[1:] = x
    held = np.zeros(3)

    def written(x):
        held[1] = x.sum()
        return x

    with pytest.raises(TypeError, match=r"for a\[k\] = e write ed\.concatenate"):
        ed.trace_function(written, "i")


def test_arrays_of_expressions_name_stack():
    q = ed.tensor("q")
    with pytest.raises(TypeError, match=r"ed\.stack\(\[\[a, b\], \[c, d\]\]\)"):
        np.array([[ed.cos(q), -ed.sin(q)], [ed.sin(q), ed.cos(q)]])


def test_one_hot():
    assert ed.evaluate(ed.one_hot([2, 0], 3)).tolist() == [[0, 0, 1], [1, 0, 0]]
    x = ed.tensor("x", "i")
    assert ed.evaluate(ed.one_hot([1], x.shape[0]), x=[1, 2]).tolist() == [[0, 1]]


def test_a_held_array_indexes_under_its_name():
    e, v = ed.tensor("E", "vd"), ed.tensor("v", "e")
    ids = ed.constant(np.array([3, 0, 3, 1]), name="ids")
    assert e[ids] == e[ids.value]
    assert ed.formula(e[ids]) == "y[a,d] = E[ids[a],d]"
    assert ed.formula(ed.take(e, ids, 0)) == "y[a,d] = E[ids[a],d]"
    assert ed.formula(ed.segment_sum(v, ids, 4)) == "y[a] = Σ_e δ[a,ids[e]] v[e]"
    assert ed.formula(ed.one_hot(ids, 4)) == "y[a,b] = δ[b,ids[a]]"
    # one array has one name, however it is used
    assert ed.formula(ed.segment_sum(v, ids, 4)[ids]) == "y[a] = Σ_e δ[ids[e],ids[a]] v[e]"
    # places from the end are another array
    last = ed.constant(np.array([-1, 0]), name="last")
    assert "last" not in ed.formula(ed.tensor("x", (4,))[last])


def test_a_bound_outside_is_called_as_it_was_written():
    x = ed.tensor("x", "i")
    with pytest.raises(ed.ShapeError, match=r"the bound x\.shape\[0\] \+ 2 of a slice is outside"):
        x[x.shape[0] + 2 :]


@pytest.mark.parametrize(
    ("key", "need"),
    [(slice(9), 9), (slice(-9, None), 9), (slice(7, 9), 7), (7, 8), (-7, 7), ([1, 7], 8)],
)
def test_what_is_not_there_is_said_when_sizes_are_known(key, need):
    e = ed.tensor("x", "i")[key]
    message = f"a slice, a place or a window takes {need} of that axis"
    with pytest.raises(ed.ShapeError, match=rf"axis 0 of x is 4 by the array of x.*{message}"):
        ed.evaluate(e, x=np.arange(4))


def test_an_array_of_fractions_is_no_index():
    with pytest.raises(TypeError, match="valid indices, not an array of float64"):
        ed.tensor("E", "vd")[ed.constant(np.array([0.5]))]
