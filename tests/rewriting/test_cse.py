"""Equal parts become one node, different ones never."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Add, Einsum, walk
from einderiv.rewriting.cse import shared

A, B, X, Y = (ed.tensor(n, "ij") for n in "ABXY")
ARRAY = np.ones((2, 2))


def nodes(*roots):
    return sum(1 for _ in walk(roots))


EQUAL = {
    "twice":            lambda: (ed.exp(A @ B.T), ed.sin(A @ B.T)),
    "labels":           lambda: (ed.exp(ed.einsum("ij,kj->ik", A, B)), ed.sin(ed.einsum("ac,bc->ab", A, B))),
    "order":            lambda: (ed.exp(ed.einsum("ij,kj->ik", A, B)), ed.sin(ed.einsum("kj,ij->ik", B, A))),
    "sums":             lambda: (ed.exp(A + B), ed.sin(B + A)),
    "deep":             lambda: (ed.exp(ed.tanh(A * B) + A), ed.sin(ed.tanh(B * A) + A)),
    "arrays":           lambda: (ed.exp(A * ARRAY), ed.sin(A * ARRAY)),
}  # fmt: skip
DIFFERENT = {
    "names":            lambda: (ed.exp(A), ed.exp(B)),
    "transposed":       lambda: (ed.exp(A @ B.T), ed.exp(B @ A.T)),
    "coefficients":     lambda: (ed.exp(2 * (A @ B.T)), ed.exp(3 * (A @ B.T))),
    "whole and not":    lambda: (ed.exp(2 * (A @ B.T)), ed.exp(2.0 * (A @ B.T))),
    "functions":        lambda: (ed.exp(A), ed.sin(A)),
    "parameters":       lambda: (ed.power(A, 3), ed.power(A, 4)),
    "arrays":           lambda: (ed.exp(A * ARRAY), ed.exp(A * ARRAY.copy())),
    "axes":             lambda: (ed.softmax(A, 0), ed.softmax(A, 1)),
    "sizes":            lambda: (ed.einsum("i->ij", "v", sizes={"j": 2}), ed.einsum("i->ij", "v", sizes={"j": 3})),
}  # fmt: skip


@pytest.mark.parametrize("make", EQUAL.values(), ids=EQUAL)
def test_equal_parts_are_one(make):
    roots = make()
    (first, second) = shared(roots)
    assert first.arguments[0] is second.arguments[0]
    assert (first, second) == roots
    assert nodes(first, second) < nodes(*roots) or nodes(*roots) == nodes(first, second)


@pytest.mark.parametrize("make", DIFFERENT.values(), ids=DIFFERENT)
def test_different_parts_stay_apart(make):
    roots = tuple(ed.tanh(e) for e in make())
    (first, second) = shared(roots)
    assert first.arguments[0] is not second.arguments[0]
    assert (first, second) == roots


def test_roots_stay_apart_and_keep_their_labels():
    e = A @ B.T
    f = ed.einsum("ac,bc->ab", A, B)
    found = shared([e, f])
    assert found[0] is not found[1]
    assert isinstance(found[0], Einsum)
    assert (found[0].inputs, found[1].inputs) == (e.inputs, f.inputs)


def test_all_gradients_share_a_residual():
    U, V, W = ed.tensor("U", "ir"), ed.tensor("V", "jr"), ed.tensor("W", "kr")
    y = ed.einsum("ir,jr,kr->ijk", U, V, W) + ed.tensor("T", "ijk")
    product = ed.jvp(ed.grad(ed.sum(y * y), U), [U, V], ["P", "Q"])
    sums = [n for n in walk(shared([product])) if isinstance(n, Add) and n.ndim == 3]
    assert len(sums) == len({str(s) for s in sums})
