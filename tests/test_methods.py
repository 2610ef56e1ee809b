"""What expressions do as Python objects; what the operators compute is in test_algebra."""

import subprocess
import sys

import numpy as np
import pytest

import einderiv as ed

X = ed.tensor("X", "ij")
SUM = X + ed.exp(X)


@pytest.mark.parametrize(
    "name", ["subscripts", "operands", "compact", "interleaved", "inserted", "coefficient"]
)
def test_a_sum_names_its_terms(name):
    with pytest.raises(ed.EinderivError, match=r"sum of 2 products.*\.terms"):
        getattr(SUM, name)


@pytest.mark.parametrize("other", ["X", None, object(), {}])
def test_operators_refuse_what_is_no_operand(other):
    with pytest.raises(TypeError):
        X + other
    with pytest.raises(TypeError):
        other * X


@pytest.mark.parametrize("left", [np.ones((2, 2)), np.float64(2.0), [[1, 2], [3, 4]], 3])
def test_the_left_operand_may_be_an_array(left):
    for e in (left + X, left - X, left * X):
        assert isinstance(e, ed.Expr)
    value = np.array([[1, 2], [3, 5]])
    assert (ed.evaluate(left * X, X=value) == np.asarray(left) * value).all()


VALUES = np.array([[3.0, 1.0, 2.0], [0.5, 4.0, 4.0]])
REDUCTIONS = ["sum", "mean", "max", "min", "prod", "var", "std"]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_are_those_of_numpy(name, axis, keepdims):
    want = getattr(VALUES, name)(axis=axis, keepdims=keepdims)
    ways = [
        getattr(X, name)(axis=axis, keepdims=keepdims),
        getattr(ed, name)(X, axis, keepdims=keepdims),
        getattr(np, name)(X, axis=axis, keepdims=keepdims),
    ]
    for e in ways:
        assert e == ways[0]
        assert e.ndim == want.ndim
        assert np.allclose(ed.evaluate(e, X=VALUES), want, rtol=1e-14)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_axes_that_are_kept_have_derivatives(name):
    rows = getattr(X, name)(1, keepdims=True)
    short = getattr(X, name)(1)
    assert rows.axes == ("i", None)
    assert ed.derive(rows[:, 0], X) == ed.derive(short, X)


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_lengths_keep_their_axes(axis):
    want = np.linalg.norm(VALUES, axis=axis, keepdims=True)
    for e in (ed.norm(X, None, axis, keepdims=True), np.linalg.norm(X, axis=axis, keepdims=True)):
        assert np.allclose(ed.evaluate(e, X=VALUES), want, rtol=1e-14)
    logs = ed.evaluate(ed.logsumexp(X, axis, keepdims=True), X=VALUES)
    assert np.allclose(logs, np.log(np.exp(VALUES).sum(axis, keepdims=True)), rtol=1e-14)
    unit = X / ed.norm(X, None, 1, keepdims=True)
    assert ed.check(ed.sum(unit * unit * X), X, X=VALUES).ok


METHODS = [
    (X.clip(1, 3),            VALUES.clip(1, 3)),
    (X.clip(min=1),           VALUES.clip(min=1)),
    (X.clip(max=1),           VALUES.clip(max=1)),
    (X.dot(X.T),              VALUES.dot(VALUES.T)),
    (X.conj(),                VALUES),
    (X.take([2, 0], 1),       VALUES.take([2, 0], 1)),
    (X.repeat(2, axis=0),     VALUES.repeat(2, axis=0)),
    (X.mT,                    VALUES.T),
    (X - X.mean(1, keepdims=True), VALUES - VALUES.mean(1, keepdims=True)),
]  # fmt: skip


@pytest.mark.parametrize(("e", "want"), METHODS, ids=str)
def test_methods_are_those_of_numpy(e, want):
    assert np.allclose(ed.evaluate(e, X=VALUES), want, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["sum", "max", "var"])
def test_keepdims_is_true_or_false(name):
    with pytest.raises(TypeError, match="keepdims is True or False, not '3'"):
        getattr(X, name)(0, keepdims=3)


def test_a_script_may_ask_for_a_shape():
    # Nobody stands above a module that is run.
    script = "import einderiv as ed; print(ed.tensor('x', (2, 3)).shape)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("(2, 3)\n", "")


def test_equality_with_other_things_is_false():
    assert X != 3
    assert X != "X"
    assert ed.tensor("X", "ab") == X


def test_expressions_are_keys():
    assert {X: 1, X.T: 2}[ed.einsum("ba->ab", X)] == 2


def test_immutable():
    with pytest.raises(AttributeError, match="immutable"):
        X.name = "Y"
    with pytest.raises(AttributeError):
        X.subscripts = "i"


def test_number_of_axes_and_their_names():
    assert (X.ndim, X.axes, (X @ X).ndim) == (2, ("i", "j"), 2)
    assert +X is X
