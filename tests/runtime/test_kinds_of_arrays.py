"""One call with every kind of arrays: the values, shapes and dtypes of NumPy's, entry by entry."""

import numpy as np
import pytest

import einderiv as ed

X, w, b = ed.tensor("X", "nd"), ed.tensor("w", ("d",)), ed.tensor("b", ("n",))
DIMS = {"X": ("n", "d"), "w": ("d",), "b": ("n",)}
EXPRESSIONS = [
    X @ w + b,
    ed.grad(ed.sum((X @ w - b) ** 2), w),
    ed.derive(X @ w * b, X),
    ed.einsum("nd,n->d", X, b),
    X * w,
    X.T,
    ed.sum(X * w),
]


def standard(name, array):
    return pytest.importorskip("array_api_strict").asarray(array)


def table(name, array):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(array) if array.ndim == 2 else pandas.Series(array)


def labelled(name, array):
    return pytest.importorskip("xarray").DataArray(array, dims=DIMS[name])


def numbers_of(found):
    return np.asarray(getattr(found, "values", found))


@pytest.mark.parametrize("kind", [standard, table, labelled])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "complex128"])
@pytest.mark.parametrize("shape", [(0, 2), (1, 1), (2, 0), (3, 2)])
def test_every_kind(kind, dtype, shape):
    if kind is table and not shape[1]:
        pytest.skip("a table without columns has no dtype")
    rng = np.random.default_rng(1)
    given = {}
    for name, size in (("X", shape), ("w", shape[1]), ("b", shape[0])):
        given[name] = rng.integers(-3, 4, size).astype(dtype)
    for e in EXPRESSIONS:
        want = ed.evaluate(e, given)
        found = numbers_of(ed.evaluate(e, {name: kind(name, a) for name, a in given.items()}))
        assert found.dtype == want.dtype and found.shape == want.shape
        assert (found == want).all()


def test_a_table_without_columns():
    array = pytest.importorskip("pandas").DataFrame(index=range(2))
    assert ed.evaluate(X @ w, X=array, w=[]).tolist() == [0, 0]
