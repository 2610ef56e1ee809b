"""A function is read with names of axes, with sizes, with tensors; what makes arrays in it knows expressions."""

import functools

import numpy as np
import pytest
from numpy import array, zeros

import einderiv as ed


def twice(x):
    return np.array([2 * x[0], 2.0])


def calls_another(x):
    return twice(x)[0] + 1


def by_names_of_numpy(x):
    return array([x[1], x[0]]) + zeros(2)


def with_a_list(x):
    parts = []
    for k in range(3):
        parts.append(x[k] ** k)
    return np.sum(parts) + np.mean(parts) + np.max([x[0], 7.0])


def nested(x):
    def inner(u):
        return np.array([u[1], -np.sin(u[0])])

    return x + 0.1 * inner(x + 0.05 * inner(x))


def recursive(x, depth=2):
    return x if not depth else np.asarray(recursive(x, depth - 1)) * 2


def sizes(X):
    n, d = X.shape
    ones = np.ones((n, 1))
    return (
        X @ np.eye(d)
        + ones * np.arange(d)
        + np.zeros(X.shape)
        + np.full((n, d), 2.0)
        + np.identity(d)[0]
    )


def sizes_as_numbers(X):
    n = X.shape[0]
    return X.sum() / (n - 1) + n**2 + X.size + np.sqrt(n) + X[: n - 1].sum() + n // 2


def reshaped(X):
    n, d = X.shape
    return X.reshape(n * d).reshape((d, n)) + np.linspace(0, 1, n)


def same_sizes(X, w):
    assert X.shape[1] == w.shape[0]
    assert X.shape[0] != w.shape
    assert X.shape[0] + 1 > X.shape[0] >= X.shape[0]
    return X @ w


def rows(x):
    return (
        np.r_[x, 1.0, x[0]]
        + np.c_[x, x].sum()
        + np.dot([x[0], x[1]], [1.0, 2.0])
        + np.sqrt([x[0], 4.0])[1]
    )


def plain_arrays(x):
    mask = np.zeros(3)
    mask[1] = 1.0
    mask += np.arange(3)
    return x * mask


class Model:
    def __init__(self):
        self.scale = 3.0

    def value(self, x):
        return np.array([x[0] * self.scale])

    def __call__(self, x):
        return np.stack([x[0], np.asarray(x[1])]) * self.scale


X, V, W = np.arange(1.0, 7).reshape(2, 3), np.array([1.0, 2.0, 4.0]), np.array([0.5, 2.0])
READ = [  # a function, its arguments, and whether names of axes do
    (twice, (V,), True),
    (calls_another, (V,), True),
    (by_names_of_numpy, (W,), True),
    (with_a_list, (V,), True),
    (nested, (W,), True),
    (recursive, (V,), True),
    (sizes, (X,), True),
    (sizes_as_numbers, (X,), True),
    (reshaped, (X,), True),
    (same_sizes, (X, V), True),
    (rows, (V,), False),
    (plain_arrays, (V,), True),
    (Model().value, (W,), True),
    (Model(), (W,), True),
    (functools.partial(lambda k, x: np.array([k * x[0]]), 2.0), (W,), True),
    (lambda x: np.array([[x[0], 1.0], [0.0, x[1]]]) @ x, (W,), True),
    (lambda x: x / len(x), (W,), False),
    (lambda x: sum(x[i] * x[i - 1] for i in range(x.shape[0])), (V,), False),
    (lambda X: np.sum(X, 1, None, None, True) + np.std(X, 1, None, None, 1)[:, None], (X,), True),
    (lambda X: X[..., None] * np.ones(2) + X[:, np.newaxis, :1], (X,), True),
]
LETTERS = {1: "d", 2: "nd"}


@pytest.mark.parametrize(("f", "given", "by_names"), READ)
def test_read(f, given, by_names):
    ways = [[a.shape for a in given], [ed.tensor(f"t{k}", a.shape) for k, a in enumerate(given)]]
    if by_names:
        ways.append([LETTERS[a.ndim] for a in given])
    want = f(*given)
    for way in ways:
        e = ed.trace_function(f, *way)
        found = ed.evaluate(e, dict(zip(names(e), given, strict=True)))
        assert found.shape == np.shape(want)
        np.testing.assert_allclose(found, want, rtol=1e-13)


def names(e):
    return ed.compile(e).inputs


def test_the_function_itself_is_left_alone():
    before = twice.__globals__["np"]
    ed.trace_function(calls_another, (3,))
    assert twice.__globals__["np"] is before is np
    assert twice(V).tolist() == [2, 2]


def test_a_function_of_no_module():
    names = {"np": np}  # no __name__, as in code that another program runs
    exec("def f(x): return np.tanh(x) + 1", names)
    assert names["f"].__module__ is None
    assert ed.trace_function(names["f"], "n") == ed.tanh(ed.tensor("x", "n")) + 1


REFUSED = [
    (lambda x: next(iter(x)), (2,), r"cannot be iterated over: write e\[0\], e\[1\]"),
    (lambda x: len(x) * x, "n", r"len\(\) takes a size that is known"),
    (lambda x: sum(x[i] for i in range(x.shape[0])), "n", r"trace_function\(f, \(3, 4\)\)"),
    (lambda x: x if x.shape[0] > 2 else -x, "n", r"x.shape\[0\] > 2 is not known"),
    (lambda x: x[x > 0], (2,), r"ed\.where\(x > 0, x, 0\)"),
    (lambda x: np.zeros(2).__setitem__(slice(1, None), x[1:]), (2,), r"cannot be written into one.*ed\.concatenate"),
    (lambda x: np.zeros(2).__iadd__(x), (2,), r"write a = a \+ e, not a \+= e"),
    (lambda x: max(x[0], 0), (2,), r"ed\.maximum\(x, y\)"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "axes", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused(f, axes, message):
    with pytest.raises(TypeError, match=message):
        ed.trace_function(f, axes)
