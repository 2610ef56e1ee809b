"""Arrays with named axes, such as those of xarray, go by the names, where the tensor has some."""

import numpy as np
import pytest

import einderiv as ed


class Named:
    """What is asked of an `xarray.DataArray`."""

    def __init__(self, array, *dims):
        self.values, self.dims = array, dims
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __array__(self, dtype=None, copy=None):
        return self.values


M, T = np.arange(9).reshape(3, 3), np.arange(27).reshape(3, 3, 3)
w = np.array([1, 2, 4])
y = ed.einsum("nd,d->n", ed.tensor("X", "n d"), ed.tensor("w", ("d",)))


def constants(e):
    return lambda X, w: ed.compile(e, constants=["X"])(X=X, w=w)


CALLS = [
    lambda X, w: ed.evaluate(y, X=X, w=w),
    lambda X, w: ed.compile(y)({"X": X, "w": w}),
    lambda X, w: ed.compile([y, y])(X=X, w=w)[1],
    constants(y),
]


@pytest.mark.parametrize("call", CALLS)
def test_by_name(call):
    assert np.array_equal(call(Named(M, "n", "d"), w), M @ w)
    assert np.array_equal(call(Named(M, "d", "n"), w), M.T @ w)
    assert np.array_equal(call(Named(M, "d", "n"), Named(w, "d")), M.T @ w)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dims", [("n", "k"), ("d", "d"), ("a", "b")])
def test_other_names_are_refused(call, dims):
    with pytest.raises(
        ed.ShapeError, match=rf"array for X has the dims \({dims[0]}, {dims[1]}\).*\(n, d\)"
    ):
        call(Named(M, *dims), w)


def test_extra_dims_are_refused():
    with pytest.raises(ed.ShapeError, match=r"dims \(n, d, t\).*axes \(n, d\)"):
        ed.evaluate(y, X=Named(T, "n", "d", "t"), w=w)


def test_axes_without_names():
    plain = ed.einsum("nd,d->n", "X", "w")
    assert np.array_equal(ed.evaluate(plain, X=Named(M, "d", "n"), w=w), M @ w)
    some = ed.tensor("X", (None, "d", 3))
    found = ed.evaluate(ed.einsum("adb->adb", some), X=Named(T, "d", "a", "b"))
    assert np.array_equal(found, T.transpose(1, 0, 2))


def test_check_goes_by_name():
    wide = np.ones((2, 3))
    assert ed.check(ed.sum(y * y), "w", X=Named(wide.T, "d", "n"), w=w).ok


def test_minimize_goes_by_name():
    X, b, c = ed.tensor("X", "nd"), ed.tensor("b", "nd"), np.arange(6.0).reshape(2, 3)
    start = Named(np.zeros((3, 2)), "d", "n")
    found = ed.minimize(ed.norm_squared(X - b), X, start, b=Named(c.T, "d", "n"), method="newton")
    assert np.allclose(found.x, c)
