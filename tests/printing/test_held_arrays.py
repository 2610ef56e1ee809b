"""Two held arrays never print alike, and each has one name in text, formula, LaTeX and source."""

import re

import numpy as np
import pytest

import einderiv as ed

A, B, C = np.eye(2), np.ones((2, 2)), 3 * np.eye(2)
x, taken = ed.tensor("x", "i"), ed.tensor("array0", "i")
K = ed.constant(C, name="K")

CASES = [
    (A @ x,                                        ["array0"]),
    (A @ x - B @ x,                                ["array0", "array1"]),
    (A @ (B @ x) + A @ x,                          ["array0", "array1"]),
    (ed.derive(A @ x - B @ x, x),                  ["array0", "array1"]),
    (ed.exp(A @ x) + ed.tanh(B @ x),               ["array0", "array1"]),
    (K @ x - B @ x,                                ["K", "array0"]),
    (ed.constant(A, name="K") @ x - K @ x,         ["K", "K_"]),
    (ed.constant(A, name="x") @ x,                 ["x_"]),
    (A @ taken,                                    ["array1"]),
    (ed.einsum("ij,jk,k->i", A, B, x),             ["array0", "array1"]),
]  # fmt: skip


@pytest.mark.parametrize(("e", "names"), CASES)
def test_each_array_has_its_name(e, names):
    arguments = re.search(r"def compute\((.*)\)", ed.source(e))[1].split(", ")
    shown = {"text": str(e), "formula": ed.formula(e), "ascii": ed.formula(e, ascii=True)}
    for name in names:
        assert name in arguments
        for form, text in shown.items():
            assert re.search(rf"\b{name}\b", text), (form, text)
        assert name.replace("_", r"\_") in ed.latex(e)


@pytest.mark.parametrize(("e", "names"), CASES)
def test_pictures_and_matrix_notation(e, names):
    def shown(picture):
        return set(re.findall(r">(array\d|K_?|x_)<", str(picture)))

    assert shown(ed.diagram(e)) >= set(names)
    if taken.name not in ed.compile(e).inputs:
        assert shown(ed.strip(e, x)) >= set(names)
    if e.ndim == 1:  # a Jacobian of tanh(A x) is a diagonal, with no notation in matrices
        matrices = ed.formula(e, style="matrix")
        assert all(re.search(rf"\b{name}\b", matrices) for name in names), matrices
        assert "[" not in matrices


def test_a_step_of_a_derivation_calls_arrays_as_the_whole_does():
    drawn = str(ed.strip(ed.einsum("i,j,j->ij", np.ones(2), np.zeros(2), x), x))
    assert drawn.count(">array1<") == drawn.count(">array0<") > 2


def test_a_derivative_keeps_the_names_of_what_was_derived():
    y = ed.sum(ed.exp(A @ x)) * ed.sum(B @ x)
    only = ed.derive(B @ ed.exp(x) + A @ A @ np.ones(2), "x")
    assert "array0" in ed.formula(only)
    assert ed.formula(y).count("array1") == ed.formula(ed.grad(y, x)).count("array1") - 1


def test_explain_tells_the_terms_apart():
    text = str(ed.explain(A @ x - B @ x, x))
    assert re.findall(r"->ab +of (\w+)", text) == ["array0", "array1"]


def test_a_name_is_for_printing():
    assert ed.constant(A, name="K") @ x == A @ x
    assert np.array_equal(ed.evaluate(K @ x, x=[1, 2]), [3, 6])


@pytest.mark.parametrize(
    ("array", "name", "error", "message"),
    [
        (A, "a b", ed.ParseError, "name of an array must be an ASCII identifier"),
        (A, 3, TypeError, "must be a string"),
        ("text", "K", TypeError, "K must be an array"),
    ],
)
def test_what_is_refused(array, name, error, message):
    with pytest.raises(error, match=message):
        ed.constant(array, name=name)
