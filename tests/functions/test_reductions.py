"""Softmax, the largest entry, products: every form of an axis, exact integers, ties, empty axes, entries of ±1e4."""

import itertools
import math
import re

import numpy as np
import pytest
from formulas import by_differences
from scipy import special

import einderiv as ed
from einderiv.functions.reductions import over

ev = ed.evaluate
x, y, s, X, T, M = (ed.tensor(n, a) for n, a in zip("xysXTM", ("i", "i", "", "ij", "ijk", "nn")))
CUBE = np.array(
    [
        [[3, 1, 5, 2], [7, -4, 9, 6], [8, -2, 12, -3]],
        [[-5, 11, 4, 13], [-8, 15, -1, 10], [17, -6, 14, -7]],
    ]
)


def softmax(a, axis):
    e = np.exp(a - np.max(a, axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


FUNCTIONS = {
    "softmax":     softmax,
    "log_softmax": lambda a, axis: np.log(softmax(a, axis)),
    "logsumexp":   lambda a, axis: np.log(np.exp(a).sum(axis)),
    "max":         np.max,
    "min":         np.min,
    "prod":        lambda a, axis: np.prod(a, axis),
}  # fmt: skip
AXES = [  # as it is given, and as NumPy takes it
    (0, 0),
    (1, 1),
    (-1, 2),
    (-3, 0),
    ("j", 1),
    (None, (0, 1, 2)),
    ((0, 2), (0, 2)),
    ((2, 0), (0, 2)),
    ([1, "k"], (1, 2)),
    (("k", 0), (0, 2)),
    ((-1, -2, -3), (0, 1, 2)),
    (np.int64(1), 1),
    ((np.int8(-1), "i"), (0, 2)),
]


@pytest.mark.parametrize(("axis", "plain"), AXES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_form_of_an_axis(name, axis, plain):
    f, at = FUNCTIONS[name], CUBE / 10
    e = getattr(ed, name)(T, axis)
    np.testing.assert_allclose(ev(e, T=at), f(at, plain), rtol=1e-13, atol=1e-14)
    gone = {plain} if isinstance(plain, int) else {*plain}
    assert e.axes == (
        ("i", "j", "k")
        if "softmax" in name
        else tuple(a for k, a in enumerate("ijk") if k not in gone)
    )
    want = by_differences(lambda a: f(a, plain), at, 1e-6)
    np.testing.assert_allclose(ev(ed.derive(e, T), T=at), want, rtol=1e-7, atol=1e-8)
    if e.ndim < 3:  # all of it once more, backwards
        loss = ed.sum(e * e)
        want = by_differences(lambda a: (f(a, plain) ** 2).sum(), at, 1e-6)
        np.testing.assert_allclose(ev(ed.grad(loss, T), T=at), want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_axes_that_are_not_given(name):
    """All axes are reduced; those that are normalised are the last."""
    axis = -1 if "softmax" in name else (0, 1, 2)
    np.testing.assert_allclose(
        ev(getattr(ed, name)(T), T=CUBE / 10), FUNCTIONS[name](CUBE / 10, axis), rtol=1e-13
    )


# ---- exact integers
@pytest.mark.parametrize("axis", [0, 1, (0, 1), None])
@pytest.mark.parametrize("name", ["max", "min", "prod"])
def test_derivatives_of_integers(name, axis):
    """Of the largest entry: the indicator of its place. Of a product: those without the entry, and without two."""
    at = np.array([[2, -3, 5], [7, 0, -1]])
    e = getattr(ed, name)(X, axis)
    J, H = ed.derive(e, X), ed.derive(ed.derive(e, X), X)
    places = list(np.ndindex(2, 3))
    same = {
        p: [q for q in places if axis in (None, (0, 1)) or q[1 - axis] == p[1 - axis]]
        for p in places
    }

    def batch(p):
        return () if axis in (None, (0, 1)) else (p[1 - axis],)

    want, second = np.zeros((*e_shape(axis), 2, 3)), np.zeros((*e_shape(axis), 2, 3, 2, 3))
    for p, q in itertools.product(places, repeat=2):
        if name == "prod" and q in same[p]:
            want[(*batch(p), *p)] = math.prod(int(at[r]) for r in same[p] if r != p)
            second[(*batch(p), *p, *q)] = math.prod(
                int(at[r]) for r in same[p] if r not in (p, q)
            ) * (p != q)
        elif name != "prod":
            top = {"max": max, "min": min}[name](at[r] for r in same[p])
            want[(*batch(p), *p)] = at[p] == top
    assert (ev(J, X=at) == want).all()
    assert (ev(H, X=at) == second).all()


def e_shape(axis):
    return {0: (3,), 1: (2,)}.get(axis, ()) if not isinstance(axis, tuple) else ()


@pytest.mark.parametrize("order", range(1, 6))
def test_products_to_every_order(order):
    """By n different entries it is the product of the others; by one of them twice, zero; zeros are no trouble."""
    at, e = np.array([2.0, 0.0, 5.0, 0.0]), ed.prod(x)
    for _ in range(order):
        e = ed.derive(e, x)
    got = ev(e, x=at)
    for places in itertools.product(range(4), repeat=order):
        rest = [at[k] for k in range(4) if k not in places]
        assert got[places] == (math.prod(rest) if len(set(places)) == order else 0)


@pytest.mark.parametrize("f", [ed.max, ed.min])
def test_the_largest_of_integers_stays_an_integer(f):
    at = np.array([2**62 + 1, -(2**62) - 1, 2**62])
    assert int(ev(f(x), x=at)) == {ed.max: 2**62 + 1, ed.min: -(2**62) - 1}[f]
    assert ev(f(x, 0), x=at.astype("i4") * 0).dtype == np.int32


# ---- ties
TIES = [
    ([1, 1, 0],      [0.5, 0.5, 0],           [0, 0, 1]),
    ([2, 2, 2, 2],   [0.25] * 4,              [0.25] * 4),
    ([-1, 3, 3],     [0, 0.5, 0.5],           [1, 0, 0]),
    ([4],            [1],                     [1]),
]  # fmt: skip


@pytest.mark.parametrize(("at", "largest", "smallest"), TIES)
def test_ties_share_equally(at, largest, smallest):
    for f, want in ((ed.max, largest), (ed.min, smallest)):
        assert ev(ed.grad(f(x), x), x=np.array(at, "f4")).tolist() == want
        assert not ev(ed.hessian(f(x), x), x=np.array(at, float)).any()
        assert (
            ev(ed.hessian(f(x) ** 2, x), x=np.array(at, float)) == 2 * np.outer(want, want)
        ).all()


def test_ties_over_several_axes_and_in_batches():
    at = np.array([[[1.0, 5], [5, 2]], [[7, 0], [7, 7]]])
    want = np.zeros((2, 2, 2, 2))
    want[0, 0] = [[0, 0.5], [0.5, 0]]
    want[1, 1] = np.array([[1, 0], [1, 1]]) / 3
    np.testing.assert_allclose(ev(ed.derive(ed.max(T, (1, 2)), T), T=at), want, rtol=1e-15)


# ---- softmax and its like
def test_the_jacobian_of_softmax_is_a_diagonal_minus_an_outer_product():
    at = np.array([0.5, -1.0, 2.0])
    p = special.softmax(at)
    J = ed.derive(ed.softmax(x), x)
    np.testing.assert_allclose(ev(J, x=at), np.diag(p) - np.outer(p, p), rtol=1e-14)
    assert [embedding for _, embedding in ev(J, x=at, dense=False).terms] == ["i->ii", "ia->ia"]
    np.testing.assert_allclose(
        ev(ed.hessian(ed.logsumexp(x), x), x=at), np.diag(p) - np.outer(p, p), rtol=1e-14
    )
    np.testing.assert_allclose(
        ev(ed.derive(ed.log_softmax(x), x), x=at), np.eye(3) - p, rtol=1e-14, atol=1e-16
    )


@pytest.mark.parametrize("shift", [0, 1e4, -1e4, 1e8])
def test_a_shift_changes_nothing(shift):
    at = np.array([0.0, 1.0, 3.0])
    p = special.softmax(at)
    moved = {"x": at + shift}
    np.testing.assert_allclose(ev(ed.softmax(x), moved), p, rtol=1e-14)
    np.testing.assert_allclose(ev(ed.log_softmax(x), moved), np.log(p), rtol=1e-14)
    np.testing.assert_allclose(
        ev(ed.logsumexp(x), moved), shift + special.logsumexp(at), rtol=1e-15
    )
    np.testing.assert_allclose(
        ev(ed.derive(ed.softmax(x), x), moved), np.diag(p) - np.outer(p, p), rtol=1e-13
    )


LARGE = np.array([[1e4, -1e4, 3], [-1e4, -9998, -9999], [1e4, 9999.5, 0.25]], "f4")
PICKED = np.eye(3, dtype="f4")[[1, 0, 2]]


def steady():
    """Expressions of X, and the same with its gradient under weights, in float64 and formulas that do not overflow."""
    a, w3, w = LARGE.astype(float), np.array([1.0, -2, 3]), np.arange(1.0, 10).reshape(3, 3)
    p, mean, n = special.softmax(a, 1), a.mean(1, keepdims=True), a.shape[1]
    length, var = np.sqrt((a * a).sum(1)), a.var(1, keepdims=True)
    unit = (a - mean) / np.sqrt(var + 1e-5)
    centred = w - w.mean(1, keepdims=True) - unit * (w * unit).mean(1, keepdims=True)
    return {
        "softmax": (ed.softmax(X), w, p, p * (w - (w * p).sum(1, keepdims=True))),
        "log_softmax": (
            ed.log_softmax(X),
            w,
            special.log_softmax(a, 1),
            w - p * w.sum(1, keepdims=True),
        ),
        "logsumexp": (ed.logsumexp(X, 1), w3, special.logsumexp(a, 1), w3[:, None] * p),
        "cross_entropy": (
            ed.cross_entropy(X, PICKED),
            w3,
            -(PICKED * special.log_softmax(a, 1)).sum(1),
            w3[:, None] * (p - PICKED),
        ),
        "norm": (ed.norm(X, axis=1), w3, length, (w3 / length)[:, None] * a),
        "var": (ed.var(X, 1), w3, var[:, 0], w3[:, None] * 2 / n * (a - mean)),
        "std": (ed.std(X, 1), w3, np.sqrt(var[:, 0]), w3[:, None] * (a - mean) / n / np.sqrt(var)),
        "layer_norm": (ed.layer_norm(X), w, unit, centred / np.sqrt(var + 1e-5)),
        "max": (ed.max(X, 1), w3, a.max(1), w3[:, None] * (a == a.max(1, keepdims=True))),
        "prod": (ed.prod(X, 1), w3, a.prod(1), w3[:, None] * a.prod(1, keepdims=True) / a),
    }


@pytest.mark.parametrize("name", steady())
def test_large_entries_in_single_precision(name):
    e, weights, value, slope = steady()[name]
    loss = ed.sum(e * weights.astype("f4"))
    got, first = ev(e, X=LARGE), ev(ed.grad(loss, X), X=LARGE)
    assert got.dtype == first.dtype == np.float32
    for ours, theirs in ((got, value), (first, slope)):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6 * np.abs(theirs).max())
    assert np.isfinite(ev(ed.hessian(loss, X), X=LARGE)).all()


# ---- tiny and empty arrays
EMPTY = [
    # call                     shape   value
    (ed.softmax(x),            (0,),   np.zeros(0)),
    (ed.log_softmax(x),        (0,),   np.zeros(0)),
    (ed.logsumexp(x),          (0,),   np.array(-np.inf)),
    (ed.prod(x),               (0,),   np.array(1.0)),
    (ed.softmax(X, 0),         (0, 2), np.zeros((0, 2))),
    (ed.logsumexp(X, 0),       (0, 2), np.full(2, -np.inf)),
    (ed.logsumexp(X, 1),       (0, 2), np.zeros(0)),
    (ed.prod(X, 0),            (0, 2), np.ones(2)),
    (ed.max(X, 1),             (0, 2), np.zeros(0)),
    (ed.min(X, 0),             (2, 0), np.zeros(0)),
    (ed.softmax(x),            (1,),   np.ones(1)),
    (ed.log_softmax(x),        (1,),   np.zeros(1)),
    (ed.logsumexp(x),          (1,),   np.array(0.5)),
    (ed.prod(x),               (1,),   np.array(0.5)),
    (ed.max(x),                (1,),   np.array(0.5)),
    (ed.prod(s),               (),     np.array(0.5)),
    (ed.prod(X, ()),           (2, 2), np.full((2, 2), 0.5)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("e", "shape", "want"), EMPTY, ids=[f"{e} {shape}" for e, shape, _ in EMPTY]
)
def test_tiny_arrays(e, shape, want):
    (name,) = ed.compile(e).inputs
    at = {name: np.full(shape, 0.5)}
    got = ev(e, at)
    assert got.shape == want.shape
    np.testing.assert_array_equal(got, want)
    for _ in range(2):
        e, want = ed.derive(e, name), np.zeros((*want.shape, *shape))
        assert ev(e, at).shape == want.shape


@pytest.mark.parametrize("f", [ed.max, ed.min])
def test_no_largest_of_nothing(f):
    for e in (f(x), ed.grad(f(x), x)):
        with pytest.raises(ed.EinderivError, match="was asked of an axis that has none"):
            ev(e, x=np.zeros(0))


@pytest.mark.parametrize(
    ("at", "lse", "largest"),
    [
        ([-np.inf, 1.0], 1.0, 1.0),
        ([-np.inf, -np.inf], -np.inf, -np.inf),
        ([np.inf, 1.0], np.inf, np.inf),
    ],
)
def test_infinities(at, lse, largest):
    assert ev(ed.logsumexp(x), x=np.array(at)) == lse
    assert ev(ed.max(x), x=np.array(at)) == largest


# ---- what is refused
CALLS = ["softmax", "log_softmax", "logsumexp", "max", "min", "prod"]
REFUSED = [
    (X, 2,          ed.ShapeError, "axis 2 is out of range for 2 axes"),
    (X, -3,         ed.ShapeError, "axis -3 is out of range for 2 axes"),
    (X, "k",        ed.ShapeError, "no axis is called 'k'; the axes are i, j"),
    (X, (0, -2),    ed.ShapeError, "names one axis twice"),
    (X, (1, "j"),   ed.ShapeError, "names one axis twice"),
    (X, 1.0,        TypeError,     "an axis is an int or a name, not float"),
    (X, True,       TypeError,     "an axis is an int or a name, not bool"),
    (M, "n",        ed.ShapeError, "2 axes are called 'n'"),
    (s, 0,          ed.ShapeError, "axis 0 is out of range for 0 axes"),
    ("X", 0,        TypeError,     "the argument is the string 'X'"),
    (None, None,    TypeError,     "the argument must be an array"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "axis", "kind", "message"), REFUSED)
@pytest.mark.parametrize("name", CALLS)
def test_refused(name, e, axis, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        getattr(ed, name)(e, axis)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "max", "min"])
def test_at_least_one_axis_is_needed(name):
    with pytest.raises(ed.ShapeError, match=f"{name} needs at least one axis to work along"):
        over(name, X, ())
    if name in ("softmax", "log_softmax"):
        with pytest.raises(ed.ShapeError, match="out of range for 0 axes"):
            getattr(ed, name)(s)
    else:  # of one entry, as in NumPy
        assert getattr(ed, name)(s) == s
