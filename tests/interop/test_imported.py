"""Names of inputs of functions that are read, their arrays, and the check of what was read."""

from collections import namedtuple

import numpy as np
import pytest

import einderiv as ed
from einderiv.interop.imported import Input, inside, is_shape, names_of, verify

Layer = namedtuple("Layer", "W b")
ONE = np.ones(2)


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ({"W1": ONE, "b": ONE}, ["W1", "b"]),
        ([ONE, (ONE, ONE)], ["p0", "p1_0", "p1_1"]),
        ({"layers": [{"W": ONE}, {"W": ONE}]}, ["layers_0_W", "layers_1_W"]),
        (Layer(ONE, ONE), ["W", "b"]),
        ({"lambda": ONE, "a.b": ONE, "a b c": ONE}, ["lambda_", "a_b", "a_b_c"]),
        ({"none": None, "x": 2.0}, ["x"]),
        ({}, []),
    ],
)
def test_arrays_have_names(tree, names):
    assert list(ed.arrays(tree)) == names


def test_arguments_are_keywords():
    given = ed.arrays(params=[ONE, 2.0], x=ONE)
    assert list(given) == ["params_0", "params_1", "x"]
    assert given["x"] is ONE


def test_a_module_gives_parameters_and_buffers():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    given = ed.arrays(net)
    assert {"p0_weight", "p0_bias", "p1_running_mean"} <= given.keys()
    assert not given["p0_weight"].requires_grad


def test_two_arrays_of_one_name_are_refused():
    with pytest.raises(ed.EinderivError, match=r"called a_b: a\['b'\] and a_b; rename one"):
        ed.arrays({"a": {"b": ONE}, "a_b": ONE})


def test_what_holds_no_array_is_refused():
    with pytest.raises(TypeError, match="no arrays in f, of type function"):
        ed.arrays({"f": lambda: 1})


@pytest.mark.parametrize(
    ("value", "answer"),
    [((2, 3), True), ((), True), ((2, -1), False), ((True,), False), ([2], False), (2, False)],
)
def test_a_tuple_of_whole_numbers_is_a_shape(value, answer):
    assert is_shape(value) is answer


def test_shapes_are_leaves():
    assert list(inside({"W": (2, 3), "rest": ((2,), ONE)}))[:2] == [
        (("W",), (2, 3)),
        (("rest", 0), (2,)),
    ]


def test_names_of_the_root():
    assert names_of([("x",), ("x", 0)]) == ["x", "x_0"]


X = Input("x", (3,), "f")


def test_what_was_read_rightly_passes():
    x = X.tensor()
    verify([x * x, ed.sum(x)], [X], lambda a: [a["x"] ** 2, a["x"].sum()], name="f")


def test_a_wrong_value_is_found():
    with pytest.raises(ed.BackendError, match="result 1 of f was read wrongly"):
        x = X.tensor()
        verify([x, 2 * x], [X], lambda a: [a["x"], a["x"]], name="f")


def test_a_wrong_shape_is_found():
    with pytest.raises(ed.BackendError, match=r"f was read with the shape \(3,\), but has \(\)"):
        verify(X.tensor(), [X], lambda a: [a["x"].sum()], name="f")


def test_positive_numbers_are_tried():
    with np.errstate(invalid="ignore"):
        verify(ed.log(X.tensor()), [X], lambda a: [np.log(a["x"])], name="f")


def test_positive_definite_matrices_are_tried():
    def root(given):
        try:
            return [np.linalg.cholesky(given["A"])]
        except np.linalg.LinAlgError:
            return [np.full((3, 3), np.nan)]

    one = Input("A", (3, 3), "f")
    verify(ed.cholesky(one.tensor()), [one], root, name="f")


def test_the_given_arrays_are_tried_last():
    one = Input("x", (2,), "f", np.array([100.0, 200.0]))
    with np.errstate(invalid="ignore"):
        verify(ed.log(one.tensor() - 50), [one], lambda a: [np.log(a["x"] - 50)], name="f")


def test_what_is_finite_nowhere_is_said():
    with pytest.raises(ed.BackendError, match="not finite on random numbers: give arrays"):
        verify(X.tensor(), [X], lambda a: [a["x"] * np.nan], name="f")
