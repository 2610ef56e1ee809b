"""DataArrays of xarray: matched by their dims wherever names of axes are known, or refused with both. Results of them
have dims and coordinates."""

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
DAYS, LATER = DATA.assign_coords(time=[0, 1, 2]), DATA.assign_coords(time=[0, 1, 3])
PLAIN = ed.einsum("ij,j->i", "A", "x")


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
        (lambda: ed.evaluate(PLAIN, A=DATA.T, x=WEIGHTS.drop_vars("feature")), "feature of x meets time of A|time of A meets feature of x"),
        (lambda: ed.evaluate(X @ w - LATER[:, 0], X=DAYS, w=V), r"X has the coordinates \[0, 1, 2\] and an array of the expression has \[0, 1, 3\]"),
        (lambda: ed.compile(X @ w, constants=["X"])(X=DATA, w=WEIGHTS[::-1]), r"an array of the expression has the coordinates \[a, b, c\]"),
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
        assert call(X=DATA.T, w=WEIGHTS).values.tolist() == (M @ V).tolist()
    together = xarray.Dataset({"X": DATA.T, "w": WEIGHTS, "more": DATA})
    assert ed.compile(y)(together).values.tolist() == (M @ V).tolist()
    plain = ed.einsum("ij,j->i", "X", "w")  # letters of one einsum name no axes
    assert ed.evaluate(plain, X=DATA.T, w=V).values.tolist() == (M.T @ V).tolist()


def test_names_of_a_held_array_survive():
    import pickle

    e = ed.einsum("ij,jk->ik", ed.constant(DATA, name="K"), "B")
    again = pickle.loads(pickle.dumps(ed.constant(DATA, name="K")))
    assert again.axes == ("time", "feature")
    assert pickle.loads(pickle.dumps(e)) == e


def test_several_arrays_are_no_array():
    with pytest.raises(TypeError, match=r"X is a Dataset of xarray.*dataset\['name'\]"):
        ed.evaluate(X @ w, X=DATA.to_dataset(name="X"), w=V)


def test_torch_takes_them_by_name():
    torch = pytest.importorskip("torch")
    f = ed.to_torch(X @ w)
    assert (
        f(DATA.T, torch.tensor(V)).tolist()
        == f(X=DATA, w=torch.tensor(V)).tolist()
        == (M @ V).tolist()
    )
    with pytest.raises(ed.ShapeError, match=r"dims \(t, feature\).*axes \(time, feature\)"):
        f(OTHER, torch.tensor(V))


# ---- results
TIMES, UNITS = [10, 20], ("feature", [1, 2, 3])
WIDE = xarray.DataArray(
    np.arange(6.0).reshape(2, 3),
    dims=("time", "feature"),
    coords={"time": TIMES, "feature": ["a", "b", "c"], "unit": UNITS, "site": 7},
)
v = ed.tensor("v", ("feature",))


@pytest.mark.parametrize(
    ("e", "dims", "along"),
    [
        (X,                                       ("time", "feature"),                 "time feature unit"),
        (X.T,                                     ("feature", "time"),                 "time feature unit"),
        (X @ w,                                   ("time",),                           "time"),
        (ed.sum(X),                               (),                                  ""),
        (ed.einsum("nd,d->n", X, w),              ("time",),                           "time"),
        (ed.einsum("nd,nk->dk", X, X),            ("feature", "feature_wrt"),          "feature unit feature_wrt unit_wrt"),
        (ed.derive(ed.tanh(X @ w), X),            ("time", "time_wrt", "feature"),     "time time_wrt feature unit"),
        (ed.hessian(ed.sum(ed.exp(X @ w)), w),    ("feature", "feature_wrt"),          "feature unit feature_wrt unit_wrt"),
        (ed.derive(ed.hessian(ed.sum(w**3 + X @ w @ X), w), w), ("feature", "feature_wrt", "feature_wrt2"), "feature unit feature_wrt unit_wrt feature_wrt2 unit_wrt2"),
        (ed.derive(X @ w, v),                     ("time", "feature"),                 "time feature unit"),
        (X[1:],                                   ("time", "feature"),                 "feature unit"),
        (X[:, ::-1],                              ("time", "feature"),                 "time"),
        (X + X[::-1],                             ("time", "feature"),                 "feature unit"),
        (X @ np.ones((3, 4)),                     ("time", "dim_1"),                     "time"),
        (ed.softmax(X, axis=1),                   ("time", "feature"),                 "time feature unit"),
        (ed.cumsum(X, axis=1),                    ("time", "feature"),                 "time"),
        (ed.sort(X, axis=0),                      ("time", "feature"),                 "feature unit"),
    ],
)  # fmt: skip
def test_results_have_dims_and_coordinates(e, dims, along):
    """Coordinates come along where entries stay where they are, and only there."""
    given = {"X": WIDE, "w": V, "v": V}
    plain = {"X": WIDE.values, "w": V, "v": V}
    for call in (ed.compile(e), lambda arrays: ed.evaluate(e, arrays)):
        for array in (WIDE, WIDE.T):
            found = call({**given, "X": array})
            assert isinstance(found, xarray.DataArray) and found.name is None
            np.testing.assert_array_equal(found.values, ed.evaluate(e, plain))
            assert found.dims == dims
            assert set(found.coords) == {"site", *along.split()}
            for dim in set(dims) & set(found.coords):
                want = WIDE.coords[dim.partition("_")[0]]
                assert found.coords[dim].values.tolist() == want.values.tolist()


@pytest.mark.parametrize("dtype", ["float32", "int64", "complex64"])
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_dtypes_and_sizes(dtype, rows):
    data = WIDE[:rows].astype(dtype)
    found = ed.evaluate(X @ w, X=data, w=V.astype(dtype))
    assert found.dtype == dtype and found.time.values.tolist() == TIMES[:rows]
    assert (found.values == data.values @ V.astype(dtype)).all()


def test_trees_and_what_stays_of_numpy():
    value, gradient = ed.evaluate(ed.value_and_grad(ed.sum((X @ w) ** 2), w), X=WIDE, w=V)
    assert value.dims == () and gradient.feature.values.tolist() == ["a", "b", "c"]
    out = np.empty(2)
    assert ed.evaluate(X @ w, X=WIDE, w=V, out=out) is out
    structured = ed.evaluate(ed.derive(X @ w, w), X=WIDE, w=V, dense=False)
    assert type(structured.dense()) is np.ndarray


def test_levels_of_an_index():
    stacked = WIDE.stack(both=("time", "feature"))
    u = ed.tensor("u", ("both",))
    found = ed.evaluate(ed.derive(u * u, u), u=stacked)
    assert found.dims == ("both", "both_wrt")
    assert found.indexes["both_wrt"].names == ["time_wrt", "feature_wrt"]


def test_constants_count_as_given():
    f = ed.compile(X @ w, constants=["X"])
    assert f(X=WIDE.T, w=V).time.values.tolist() == f(w=V).time.values.tolist() == TIMES


def test_diagonals():
    """Between two dims it is along neither; within one it is along that."""
    square, one = ed.tensor("Q", "row column"), ed.tensor("R", "row row")
    data = xarray.DataArray(
        M, dims=("row", "column"), coords={"row": [1, 2, 3], "column": [4, 5, 6]}
    )
    found = ed.evaluate(ed.diag(square), Q=data)
    assert found.values.tolist() == np.diag(M).tolist() and not found.coords
    assert float(ed.evaluate(ed.trace(square), Q=data)) == np.trace(M)
    assert ed.evaluate(ed.diag(one), R=M).tolist() == np.diag(M).tolist()


REAL = np.random.default_rng(0).standard_normal((3, 4))
LABELS = {"time": [3, 1, 2], "feature": list("dbca")}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda X, w: X * w,                       lambda X, w: X * w),
        (lambda X, w: X @ w,                       lambda X, w: X.dot(w)),
        (lambda X, w: ed.exp(X).T,                 lambda X, w: np.exp(X).T),
        (lambda X, w: X.mean(0) - w,               lambda X, w: X.mean("time") - w),
        (lambda X, w: X - X.mean(1, keepdims=True), lambda X, w: X - X.mean("feature")),
        (lambda X, w: ed.maximum(X, w),            lambda X, w: np.maximum(X, w)),
        (lambda X, w: ed.where(X > 0, X, w),       lambda X, w: xarray.where(X > 0, X, w)),
        (lambda X, w: ed.softmax(X, axis=1),       lambda X, w: np.exp(X) / np.exp(X).sum("feature")),
        (lambda X, w: X.sum(),                     lambda X, w: X.sum()),
    ],
)  # fmt: skip
def test_as_xarray_itself_has_it(ours, theirs):
    data = xarray.DataArray(REAL, dims=("time", "feature"), coords=LABELS)
    weights = xarray.DataArray(REAL[0], dims="feature", coords={"feature": LABELS["feature"]})
    found = ed.evaluate(ours(X, w), {"X": data.T, "w": weights})
    xarray.testing.assert_allclose(found, theirs(data, weights).transpose(*found.dims))
