"""Every row in plain formulas: against formulas of these tests, and along complex steps against derived rules."""

import math
import sys

import numpy as np
import pytest
from formulas import (
    ALONE,
    FORMULAS,
    MATRICES,
    NAMES,
    PARAMETERS,
    arguments,
    by_differences,
    with_parameters,
)

import einderiv as ed
from einderiv.checking.reference import plain_value
from einderiv.functions.complex import _ROWS as COMPLEX_ROWS
from einderiv.functions.table import FUNCTIONS, apply

A, N, x = ed.tensor("A", "ij"), ed.tensor("A", "nij"), ed.tensor("x", "i")
ROWS = with_parameters(FORMULAS)
SQUARES = [(n, p) for n, p in with_parameters(MATRICES) if n not in ("vec", "unvec", "pinv")]
AT = np.random.default_rng(5).normal(size=(3, 3)) + 2 * np.eye(3)
AT = (AT + AT.T) / 2  # positive definite, for all rows take it
each = pytest.mark.parametrize(("name", "parameters"), ROWS, ids=[f"{n}{p or ''}" for n, p in ROWS])
square = pytest.mark.parametrize(
    ("name", "parameters"), SQUARES, ids=[f"{n}{p or ''}" for n, p in SQUARES]
)


def elementary(name, parameters, axes="ij"):
    row = FUNCTIONS[name]
    tensors = tuple(ed.tensor(n, axes) for n, _ in zip(NAMES, row.derivatives))
    return apply(name, tensors, abs(row.core), parameters)


def test_every_row_has_a_plain_formula():
    assert [n for n, row in FUNCTIONS.items() if row.plain is None and not row.added] == []


@each
@pytest.mark.parametrize("shape", [(2, 3), (1, 1), (3, 2)])
def test_elementwise_and_reductions(name, parameters, shape):
    node, given = elementary(name, parameters), arguments(name, shape)
    options = {"axis": 1} if FUNCTIONS[name].core else {}
    want = FORMULAS[name](*given, *parameters, **options)
    np.testing.assert_allclose(plain_value(node, given), want, rtol=1e-12, atol=1e-13)


@square
def test_matrix_rows(name, parameters):
    node = apply(name, A, 2, parameters)
    np.testing.assert_allclose(
        plain_value(node, [AT]), MATRICES[name](AT, *parameters), rtol=1e-11, atol=1e-12
    )
    if name not in ("cholesky",):  # whose formula here is of one matrix
        stack = np.stack([AT, AT + np.eye(3)])
        got = plain_value(apply(name, N, 2, parameters), [stack])
        np.testing.assert_allclose(got, MATRICES[name](stack, *parameters), rtol=1e-11, atol=1e-12)


def stepped(f, given, k):
    """The derivative by argument k, along a step so small that nothing is rounded."""
    columns = []
    for at in np.ndindex(*given[k].shape):
        moved = [a.astype(complex) if j == k else a for j, a in enumerate(given)]
        moved[k][at] += 1e-20j
        columns.append(np.imag(f(*moved)) / 1e-20)
    return np.stack(columns, -1).reshape(columns[0].shape + given[k].shape)


@pytest.mark.parametrize(
    ("name", "parameters"), [(n, p) for n, p in ROWS if FUNCTIONS[n].analytic and n != "conj"]
)
def test_analytic_rows_take_complex_steps(name, parameters):
    """What `check` relies on: the imaginary part of the plain formula is the derivative, to the last digits."""
    node, given = elementary(name, parameters), arguments(name, (2, 3))
    arrays = dict(zip(NAMES, given))
    for k, n in enumerate(arrays):
        got = stepped(lambda *a: plain_value(node, a), given, k)
        np.testing.assert_allclose(
            got, ed.evaluate(ed.derive(node, n), arrays), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize(
    ("name", "parameters"), [(n, p) for n, p in SQUARES if FUNCTIONS[n].analytic]
)
def test_analytic_matrix_rows_take_complex_steps(name, parameters):
    node = apply(name, A, 2, parameters)
    got = stepped(lambda a: plain_value(node, [a]), [AT], 0)
    np.testing.assert_allclose(got, ed.evaluate(ed.derive(node, A), A=AT), rtol=1e-10, atol=1e-11)


def test_pinv_of_a_rectangle():
    at = np.arange(6.0).reshape(3, 2) ** 2
    np.testing.assert_allclose(
        plain_value(ed.pinv(A), [at]), MATRICES["pinv"](at), rtol=1e-12, atol=1e-13
    )


def test_moduli_of_numbers_and_their_conjugates():
    z = np.array([3 + 4j, -5j, 0])
    assert plain_value(apply("modulus", (x, x)), [z, z.conj()]).real.tolist() == [5, 5, 0]
    assert plain_value(apply("conj", x), [z]).tolist() == z.conj().tolist()
    assert plain_value(apply("pseudo_reciprocal", x), [z]).tolist() == [(3 - 4j) / 25, 0.2j, 0]
    assert {row.name for row in COMPLEX_ROWS} == {"modulus", "conj", "pseudo_reciprocal"} >= ALONE


@pytest.mark.parametrize("count", [0, 1, 2])
def test_directions_of_the_exponential(count):
    """The derivative in the directions E1, E2, by differences of the value; symmetric in them."""
    from scipy.linalg import expm

    directions = [np.triu(AT), np.ones((3, 3))][:count]
    node = apply("expm", tuple(ed.tensor(n, "ij") for n in "ABC"[: count + 1]), 2)
    got = plain_value(node, [AT / 4, *directions])
    f = [lambda a: expm(a)]
    for E in directions:
        f.append(lambda a, g=f[-1], E=E: (g(a + 1e-4 * E) - g(a - 1e-4 * E)) / 2e-4)
    np.testing.assert_allclose(got, f[-1](AT / 4), rtol=1e-5)
    np.testing.assert_allclose(plain_value(node, [AT / 4, *directions[::-1]]), got, rtol=1e-6)
    arrays = dict(zip("ABC", [AT / 4, *directions]))
    np.testing.assert_allclose(ed.evaluate(node, arrays), got, rtol=1e-6)


def test_products_by_loops():
    node = apply("prod", ed.tensor("x", "ij"), 1, (2,))
    got = plain_value(node, [np.array([[2, 0, 5], [1, 3, 7]])])
    assert got.tolist() == [[[0, 5, 0], [5, 0, 2], [0, 2, 0]], [[0, 7, 3], [7, 0, 1], [3, 1, 0]]]


def test_minors_of_singular_matrices():
    at = np.diag([2.0, 0, 0])
    first = plain_value(apply("minors", A, 2, (1,)), [at])
    assert not first.any()  # of rank one: the adjugate is zero, its derivative is not
    second = plain_value(apply("minors", A, 2, (2,)), [at])
    assert second[1, 1, 2, 2] == second[2, 2, 1, 1] == 2
    assert second[1, 2, 2, 1] == second[2, 1, 1, 2] == -2
    assert np.abs(second).sum() == 8
    np.testing.assert_allclose(
        by_differences(lambda a: plain_value(apply("minors", A, 2, (1,)), [a]), at, 1e-3),
        second,
        atol=1e-12,
    )


@pytest.mark.parametrize("name", ["gelu", "erf", "erfc", "gammaln", "digamma", "polygamma"])
def test_a_missing_scipy_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"needs SciPy: pip install 'einderiv\[scipy\]'"):
        plain_value(elementary(name, PARAMETERS.get(name, [()])[0]), [np.ones(2)])


# ---- far out, where a plain formula may be too plain
FAR = [
    ("sigmoid", -1e4, 0.0),
    ("sigmoid", 1e4, 1.0),
    ("softplus", 1e4, 1e4),
    ("softplus", -1e4, 0.0),
    ("silu", -1e4, 0.0),
    ("log_sigmoid", -1e4, -1e4),
    ("tanh", 1e4, 1.0),
    ("erf", -1e4, -1.0),
    ("gelu", -1e4, 0.0),
    ("arcsinh", 0.0, 0.0),
    ("elu", -1e4, -1.0),
    ("relu", -1e4, 0.0),
    ("log1p", 1e4, math.log(10001)),
    ("cbrt", -8.0, -2.0),
]


@pytest.mark.parametrize(("name", "at", "value"), FAR)
def test_large_arguments(name, at, value):
    parameters = {"elu": (1.0,)}.get(name, ())
    node, given = apply(name, x, 0, parameters), np.array([at])
    np.testing.assert_allclose(plain_value(node, [given]), [value], rtol=1e-12, atol=1e-300)
    assert ed.check(node, x, x=given).ok


@pytest.mark.parametrize("f", [ed.softmax, ed.log_softmax, ed.logsumexp, ed.max, ed.prod])
def test_reductions_of_large_entries(f):
    assert ed.check(f(x), x, x=np.array([1e4, -1e4, 3.0])).ok


@pytest.mark.parametrize("scale", [1e60, 1e-60])
def test_determinants_whose_square_overflows(scale):
    assert ed.check(ed.logdet(A), A, A=scale * AT).ok


@pytest.mark.parametrize("at", [AT, -AT, np.diag([1.0, 0, 0]), np.zeros((2, 2))])
def test_determinants_of_singular_matrices(at):
    assert ed.check(ed.det(A), A, A=at).ok


@pytest.mark.parametrize("e", [ed.adj(A), ed.derive(ed.det(A), A)])
@pytest.mark.parametrize("at", [np.diag([1.0, 0, 0]), np.zeros((2, 2))])
def test_adjugates_of_singular_matrices(e, at):
    assert ed.check(e, A, A=at).ok
