"""Sorting, medians and quantiles: NumPy says the values, JAX the slopes."""

import pickle

import numpy as np
import pytest

import einderiv as ed

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

rng = np.random.default_rng(3)
x, T = ed.tensor("x", "i"), ed.tensor("T", "abc")
t = rng.normal(size=(3, 4, 5))
AXES = [None, 0, 1, 2, -1]

CASES = {
    "sort":      (ed.sort, np.sort),
    "argsort":   (ed.argsort, lambda a, axis: np.argsort(a, axis, kind="stable")),
    "argmax":    (ed.argmax, np.argmax),
    "argmin":    (ed.argmin, np.argmin),
    "ptp":       (ed.ptp, np.ptp),
    "median":    (ed.median, np.median),
    "quantile":  (lambda e, axis: ed.quantile(e, 0.3, axis), lambda a, axis: np.quantile(a, 0.3, axis)),
    "several":   (lambda e, axis: ed.quantile(e, [0, 0.25], axis), lambda a, axis: np.quantile(a, [0, 0.25], axis)),
    "percentile": (lambda e, axis: ed.percentile(e, 90, axis), lambda a, axis: np.percentile(a, 90, axis)),
    "cumprod":   (ed.cumprod, np.cumprod),
}  # fmt: skip


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", CASES)
def test_values(name, axis):
    ours, numpys = CASES[name]
    np.testing.assert_allclose(ed.evaluate(ours(T, axis), T=t), numpys(t, axis), rtol=1e-13)


@pytest.mark.parametrize("axes", [(0, 1), (2, 0), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_several_axes(axes, keepdims):
    for ours, numpys in ((ed.median, np.median), (ed.ptp, np.ptp)):
        want = numpys(t, axes, keepdims=keepdims)
        np.testing.assert_allclose(ed.evaluate(ours(T, axes, keepdims=keepdims), T=t), want)


@pytest.mark.parametrize("name", ["sort", "argsort", "argmax", "argmin", "cumprod"])
def test_whole_numbers_stay_whole(name):
    whole = rng.integers(-3, 4, (3, 4, 5))
    ours, numpys = CASES[name]
    found = ed.evaluate(ours(T, 1), T=whole)
    assert found.dtype.kind == "i"
    assert found.tolist() == numpys(whole, 1).tolist()


def test_the_derivative_is_read_and_written_by_places():
    J = ed.derive(ed.sort(x), x)
    assert ed.formula(J) == "∂y[i]/∂x[a] = δ[a,argsort(x)[i]]"
    held = ed.evaluate(J, x=[3.0, 1.0, 2.0], dense=False)
    assert held.nbytes < 100
    assert held.dense().tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives(order):
    loss = ed.sum(ed.sort(T, 1) ** 3 * rng.normal(size=(3, 4, 5)))
    assert ed.check(loss, T, order=order, T=t).ok
    assert ed.check(ed.median(T, 1) ** 2, T, T=t).ok
    assert ed.check(ed.quantile(T, 0.3, (0, 2)) ** 2, T, T=t).ok


@pytest.mark.parametrize("name", ["sort", "median", "cumprod"])
def test_slopes_of_jax(name):
    jnp = jax.numpy
    ours, _ = CASES[name]
    tied = np.array([[2.0, 1.0, 2.0, 0.0], [0.0, 3.0, 3.0, 3.0]])
    X = ed.tensor("X", "ij")
    theirs = {"sort": jnp.sort, "median": jnp.median, "cumprod": jnp.cumprod}[name]
    for at in (tied, rng.normal(size=(2, 4))):
        want = jax.jacobian(lambda a: theirs(a, axis=1))(at)
        np.testing.assert_allclose(ed.evaluate(ed.derive(ours(X, 1), X), X=at), want, atol=1e-13)
    want = jax.hessian(lambda a: jnp.sum(theirs(a, axis=1) ** 3))(at)
    found = ed.evaluate(ed.hessian(ed.sum(ours(X, 1) ** 3), X), X=at)
    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("name", [n for n in CASES if n != "ptp"])
def test_other_libraries(name, backend):
    pytest.importorskip(backend)
    e = CASES[name][0](T, 1)
    found = np.asarray(ed.compile(e, backend=backend)(T=t))
    np.testing.assert_allclose(found, ed.evaluate(e, T=t), rtol=1e-13)
    if name not in ("argsort", "argmax", "argmin"):
        g = ed.grad(ed.sum(e**2), T)
        found = np.asarray(ed.compile(g, backend=backend)(T=t))
        np.testing.assert_allclose(found, ed.evaluate(g, T=t), rtol=1e-12, atol=1e-13)


def test_places_index():
    y = ed.tensor("y", "i")
    found = ed.evaluate(y[ed.argsort(x)], x=[3.0, 1.0, 2.0], y=[30.0, 10.0, 20.0])
    assert found.tolist() == [10, 20, 30]
    assert float(ed.evaluate(x[ed.argmax(x)], x=[1.0, 5.0, 2.0])) == 5
    rows = ed.take_along_axis(T, ed.argsort(T, 1), 1)
    assert ed.evaluate(rows, T=t).tolist() == np.sort(t, 1).tolist()
    held = np.argsort(t, 2)
    found = ed.evaluate(ed.take_along_axis(T, held, 2), T=t)
    assert found.tolist() == np.take_along_axis(t, held, 2).tolist()
    g = ed.evaluate(ed.grad(ed.sum(y[ed.argsort(x)] * [1, 2, 3]), y), x=[3.0, 1.0, 2.0])
    assert g.tolist() == [3, 1, 2]
    zero = ed.evaluate(ed.grad(ed.sum(y[ed.argsort(x)]), x), x=[3.0, 1.0, 2.0], y=[1.0, 2.0, 3.0])
    assert zero.tolist() == [0, 0, 0]


def test_special_entries():
    assert np.isnan(ed.evaluate(ed.median(x), x=[1.0, np.nan, 3.0]))
    assert ed.evaluate(ed.median(x), x=[-np.inf, 1.0, np.inf]) == 1
    assert ed.evaluate(ed.sort(x), x=np.array([])).tolist() == []
    assert ed.evaluate(ed.sort(x), x=[np.inf, -np.inf, 0.0]).tolist() == [-np.inf, 0, np.inf]
    assert ed.evaluate(ed.sort(x), x=np.float32([2, 1])).dtype == np.float32


def test_pickled():
    again = pickle.loads(pickle.dumps(ed.median(x)))
    assert again == ed.median(x)
    assert ed.evaluate(again, x=[3.0, 1.0, 2.0]) == 2


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ed.quantile(x, 1.5), ed.EinderivError, "between 0 and 1, not 1.5"),
        (lambda: ed.percentile(x, -1), ed.EinderivError, "between 0 and 100, not -1"),
        (lambda: ed.quantile(x, 0.123456789), ed.ShapeError, "declare the size of the axis"),
        (lambda: ed.sort(x, 1), ed.ShapeError, "axis 1 is out of range"),
        (lambda: ed.sort(T, (0, 1)), TypeError, "an axis is an int or a name"),
        (lambda: x[ed.exp(x)], TypeError, "an expression is no index"),
        (lambda: T[ed.argsort(x), [0, 1]], TypeError, "computed places go with slices only"),
        (lambda: ed.take_along_axis(T, ed.argsort(x), 0), ed.ShapeError, "indices with 3 axes"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_places_of_another_size():
    z = ed.tensor("z", "k")
    with pytest.raises(ed.ShapeError, match="size 2, but was given size 3"):
        ed.evaluate(z[ed.argsort(x)], x=[3.0, 1.0, 2.0], z=[1.0, 2.0])
