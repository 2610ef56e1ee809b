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
