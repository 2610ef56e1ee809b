"""Walks: the loop bottom-up, rewrites on it, and the tensors that were met."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import (
    bottom_up,
    check_ranks,
    children,
    needed,
    placeholder,
    rebuilt,
    replaced,
    swapped,
    tensors_in,
    tensors_of,
)
from einderiv.functions.table import FUNCTIONS, apply

t, es = ed.tensor, ed.einsum
X, w, v, Z = t("X", ("row", "column")), t("w", ("column",)), t("v", "i"), t("Z", "i", complex=True)
product = es("ij,jk->ik", "X", "Y")


def test_a_node_is_looked_at_once_behind_its_parts():
    h = ed.exp(X @ w)
    looked = []

    def count(node, parts):
        looked.append(node)
        return 1 + sum(parts)

    assert bottom_up([h * h, h], count) == (9, 4)
    assert len(looked) == len(set(map(id, looked))) == 5
    assert all(
        looked.index(part) < looked.index(node) for node in looked for part in children(node)
    )


def test_deep_expressions_do_not_recurse():
    h = v
    for _ in range(3000):
        h = ed.tanh(h)
    assert bottom_up([h], lambda node, parts: 1 + sum(parts)) == (3001,)


@pytest.mark.parametrize("node", [X @ w, X + 2 * X * X, ed.softmax(X, 1), ed.conj(Z), 3 * (X @ w)])
def test_a_node_of_its_own_parts_is_itself(node):
    assert rebuilt(node, children(node)) is node


def test_a_node_of_other_parts():
    A, B, x = t("A", "ij"), t("B", "ij"), t("x", "j")
    y = 3 * (A @ x)
    assert rebuilt(y, (B, x)) == 3 * (B @ x)
    assert rebuilt(y, (B, x)).axes == y.axes
    assert rebuilt(A + B * B, (A, A)) == 2 * A
    assert rebuilt(ed.softmax(A, 1), (B,)) == ed.softmax(B, 1)


def test_a_conjugate_of_other_parts_moves_down_to_the_tensors():
    assert rebuilt(ed.conj(Z), (2j * Z,)) == -2j * ed.conj(Z)
    assert rebuilt(ed.conj(Z), (v,)) == apply("conj", v)
    assert replaced(ed.conj(Z), {"Z": ed.conj(Z)}) == Z


def test_what_is_replaced_everywhere_and_nowhere():
    A, x, y = t("A", "ij"), t("x", "j"), t("y", "j")
    e = ed.exp(A @ x) + A @ (x * x)
    assert replaced(e, {"x": 2 * y}) == ed.exp(2 * (A @ y)) + 4 * (A @ (y * y))
    assert replaced(e, {}) is e
    assert replaced(e, {"other": y}) is e


def test_what_is_shared_stays_shared_when_nodes_are_swapped():
    A, B = t("A", "ij"), t("B", "ij")
    shared = ed.exp(A)
    first, second = swapped([shared + B, shared * B], {id(A): B})
    assert first.addends[0] is second.factors[0]
    assert swapped([shared], {}) == (shared,)
    assert swapped([shared], {})[0] is shared


def test_a_placeholder_has_the_sizes_of_something_else():
    hole = placeholder("#0", X.axis_sizes)
    assert hole.axis_sizes == X.axis_sizes and hole.axes == (None, None)
    assert tensors_of(es("ij,jk->ik", hole, "Y")).keys() == {"Y"}


def test_what_must_be_given_and_what_was_met():
    J = ed.derive(es("is,st,tj->ij", "A", "B", "C"), "B")
    assert needed([J]) == ("A", "C")
    assert needed([J, X @ w]) == ("A", "C", "X", "w")
    assert tensors_of(J).keys() == {"A", "B", "C"}


def test_tensors_of_knows_all_that_were_met():
    J = ed.derive(ed.derive(es("ij,jk->ik", "A", ed.exp(t("B", "jk"))), t("Q", "q")), "A")
    assert list(tensors_of(product)) == ["X", "Y"]
    assert tensors_of(J).keys() == {"A", "B", "Q"}
    assert tensors_of(ed.einsum("i->", np.ones(3))) == {}


def test_ranks_and_complex_numbers_must_agree():
    check_ranks(X, t("X", "pq"))  # other names, as many axes
    with pytest.raises(
        ed.ShapeError, match="X stands for a tensor with 2 axes and one with 3 axes"
    ):
        check_ranks(X, t("X", "pqr"))
    with pytest.raises(ed.EinderivError, match="Z is declared complex in one place"):
        check_ranks(Z, t("Z", "i"))
    with pytest.raises(
        ed.ShapeError, match="v stands for a tensor with 1 axis and one with 2 axes"
    ):
        tensors_of(es("i,jk->", v, t("v", "ij")))


def test_tensors_of_several_expressions():
    assert tensors_in([X @ w, ed.tensor("b", "i")]) == {"X": 2, "w": 1, "b": 1}
    assert tensors_in([X, t("X", "ij")]) == {"X": 2}
    with pytest.raises(
        ed.ShapeError, match="w has 1 axis in one of the expressions and 2 axes in another"
    ):
        tensors_in([X @ w, ed.tensor("w", "ij")])
    with pytest.raises(
        ed.ShapeError, match="w stands for a tensor with 1 axis and one with 2 axes"
    ):
        tensors_in([X, es("i,jk->", w, t("w", "ij"))])
    with pytest.raises(
        ed.EinderivError, match="v is declared complex in one place and not in another"
    ):
        tensors_in([X, v * t("v", "i", complex=True)])
    # in two expressions, each its own
    assert tensors_in([v, t("v", "i", complex=True)]) == {"v": 1}


@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if row.keeps_symmetry])
def test_functions_that_keep_symmetry_do(name):
    S = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 5.0]])
    parameters = (3,) if name == "matrix_power" else ()
    value = ed.evaluate(apply(name, t("S", "nn"), 2, parameters), S=S)
    assert np.allclose(value, value.T)
    assert np.abs(value).max() > 0


@pytest.mark.parametrize(
    "name", [name for name, row in FUNCTIONS.items() if row.vanishes is not None]
)
def test_functions_that_vanish_with_an_argument_do(name):
    first = FUNCTIONS[name].vanishes
    tensors = [t(n, "bnn") for n in "ABC"[: first + 1]]
    matrices = np.array([[[1.0, 2.0], [3.0, 4.0]], np.zeros((2, 2))])
    e = apply(name, tuple(tensors), 2)
    regular = dict.fromkeys("ABC"[:first], np.broadcast_to(2 * np.eye(2) + 1, (2, 2, 2)))
    value = ed.evaluate(e, {**regular, tensors[first].name: matrices})
    assert np.abs(value[0]).max() > 0
    assert not value[1].any()
