"""DataArrays of xarray: matched by their dims wherever names of axes are known, or refused with both."""

import operator

import numpy as np
import pytest

import einderiv as ed

xarray = pytest.importorskip("xarray")

X, w = ed.tensor("X", "time feature"), ed.tensor("w", ("feature",))
M, V = np.arange(9.0).reshape(3, 3), np.array([1.0, 2, 4])
COORDS = {"feature": ["a", "b", "c"]}
DATA = xarray.DataArray(M, dims=("time", "feature"), coords=COORDS)
WEIGHTS = xarray.DataArray(V, dims=("feature",), coords=COORDS)
at = {"X": M + 1, "w": V}


@pytest.mark.parametrize(
    ("e", "want"),
    [
        (lambda d: X + d,                                              M + 1 + M),
        (lambda d: X - d,                                              M + 1 - M),
        (lambda d: X * d,                                              (M + 1) * M),
        (lambda d: X / (1 + d),                                        (M + 1) / (1 + M)),
        (lambda d: ed.maximum(d, X),                                   np.maximum(M, M + 1)),
        (lambda d: np.minimum(X, d),                                   np.minimum(M, M + 1)),
        (lambda d: ed.where(d > 3, X, 0),                              np.where(M > 3, M + 1, 0)),
        (lambda d: ed.sum((X - d) ** 2),                               9.0),
        (lambda d: ed.einsum("time feature, feature -> time", d, w),   M @ V),
        (lambda d: ed.substitute(X @ w, X=d),                          M @ V),
        (lambda d: ed.vjp(ed.exp(0 * X) * X, X, d),                    M),
        (lambda d: ed.einsum("tf,tf->t", X, X + d),                    ((M + 1) * (2 * M + 1)).sum(1)),
    ],
)  # fmt: skip
def test_an_operand_goes_by_its_names(e, want):
    """Square, so that a place in the stead of a name would go unseen."""
    for data in (DATA, DATA.T):
        np.testing.assert_allclose(ed.evaluate(e(data), at), want)


OTHER = DATA.rename(time="t")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ed.evaluate(X @ w, X=DATA[0], w=V),           r"dims \(feature\).*axes \(time, feature\)"),
        (lambda: ed.evaluate(X @ w, X=OTHER, w=V),             r"dims \(t, feature\).*axes \(time, feature\)"),
        (lambda: ed.evaluate(X @ w, X=DATA.expand_dims("z"), w=V), r"dims \(z, time, feature\).*axes \(time"),
        (lambda: X - OTHER,                                    r"dims \(t, feature\).*axes \(time, feature\)"),
        (lambda: ed.substitute(X, X=OTHER), r"dims \(t, feature\).*axes"),
        (lambda: w * DATA,                                     r"dims \(time, feature\).*axes \(feature\)"),
        (lambda: ed.einsum("feature k, k -> feature", DATA, w), r"dims \(time, feature\).*axes \(feature, k\)"),
        (lambda: X @ DATA,                                     "sum over feature of X and time of an array"),
        (lambda: ed.evaluate(X @ w, X=DATA, w=WEIGHTS[::-1]),  r"along feature, X has the coordinates \[a, b, c\]"),
    ],
)  # fmt: skip
def test_other_names_are_refused(call, message):
    with pytest.raises(ed.ShapeError, match=message):
        call()


@pytest.mark.parametrize(
    "f", [operator.add, operator.sub, operator.mul, operator.truediv, operator.lt]
)
def test_operators_that_xarray_takes_for_itself(f):
    """It asks an operand for a shape, and puts the answer under its own dims."""
    with pytest.raises(ed.EinderivError, match=r"write e \+ array, not array \+ e"):
        f(DATA, X)


def test_calls():
    y = X @ w
    for call in (ed.compile(y), lambda **given: ed.evaluate(y, given)):
        assert call(X=DATA.T, w=WEIGHTS).tolist() == (M @ V).tolist()
    together = xarray.Dataset({"X": DATA.T, "w": WEIGHTS, "more": DATA})
    assert ed.compile(y)(together).tolist() == (M @ V).tolist()
    plain = ed.einsum("ij,j->i", "X", "w")  # letters of one einsum name no axes
    assert ed.evaluate(plain, X=DATA.T, w=V).tolist() == (M.T @ V).tolist()


def test_names_of_a_held_array_survive():
    import pickle

    e = ed.einsum("ij,jk->ik", ed.constant(DATA, name="K"), "B")
    again = pickle.loads(pickle.dumps(ed.constant(DATA, name="K")))
    assert again.axes == ("time", "feature")
    assert pickle.loads(pickle.dumps(e)) == e
