"""Whole numbers are exact, or refused: what Python's integers say is the judge."""

from functools import reduce
from itertools import permutations
from math import prod

import numpy as np
import pytest

import einderiv as ed

rng = np.random.default_rng(3)
x, A = ed.tensor("x", "i"), ed.tensor("A", "ij")
BIG = np.array([10**9 + 7, 10**9 + 9])
M = rng.integers(-9, 10, (4, 4))
WIDE = np.array([[2**30 + 1, 3], [5, 2**30 + 7]])


def determinant(a):
    """By the sum over all permutations."""
    n, total = len(a), 0
    for at in permutations(range(n)):
        sign = prod((-1) ** (at[i] > at[j]) for i in range(n) for j in range(i + 1, n))
        total += sign * prod(int(a[i][at[i]]) for i in range(n))
    return total


def power(a, n):
    return reduce(np.dot, [a.astype(object)] * n)


CASES = [
    (ed.prod(x),                     {"x": BIG},                       prod(map(int, BIG))),
    (ed.grad(ed.prod(x), x),         {"x": np.append(BIG, 3)},         [3 * int(BIG[1]), 3 * int(BIG[0]), prod(map(int, BIG))]),
    (ed.prod(A, 1),                  {"A": np.stack([BIG, -BIG])},     [prod(map(int, BIG))] * 2),
    (ed.prod(x),                     {"x": np.array([], int)},         1),
    (ed.matrix_power(A, 3),          {"A": M * 10**4},                 power(M * 10**4, 3)),
    (ed.matrix_power(A, 2),          {"A": WIDE // 2},                 power(WIDE // 2, 2)),
    (ed.matrix_power(A, 60),         {"A": np.array([[1, 0], [0, 1]])}, np.eye(2, dtype=int)),
    (ed.det(A),                      {"A": M},                         determinant(M)),
    (ed.det(A),                      {"A": WIDE},                      determinant(WIDE)),
    (ed.det(A),                      {"A": np.array([[0, 2, 1], [1, 0, 0], [3, 1, 1]])}, determinant([[0, 2, 1], [1, 0, 0], [3, 1, 1]])),
    (ed.det(A),                      {"A": np.array([[1, 2], [2, 4]])}, 0),
    (ed.det(A),                      {"A": np.zeros((0, 0), int)},     1),
    (ed.det(ed.tensor("B", "kij")),  {"B": np.stack([M, M.T, 2 * M])}, [determinant(M), determinant(M), 16 * determinant(M)]),
    (x / 1,                          {"x": np.array([2**60 + 1])},     [2**60 + 1]),
    (x / -1,                         {"x": np.array([2**60 + 1])},     [-(2**60) - 1]),
    (3 * x / 1,                      {"x": np.array([2**60 + 1])},     [3 * 2**60 + 3]),
    (x**1,                           {"x": np.array([2**60 + 1])},     [2**60 + 1]),
    (ed.abs(x),                      {"x": np.array([-(2**60) - 1])},  [2**60 + 1]),
    (ed.real(x),                     {"x": np.array([2**60 + 1])},     [2**60 + 1]),
    (ed.norm(x, 1),                  {"x": np.array([-(2**60) - 1])},  2**60 + 1),
    (ed.norm_squared(x),             {"x": BIG},                       sum(int(v) ** 2 for v in BIG)),
    (ed.max(x),                      {"x": np.array([2**60 + 1, 3])},  2**60 + 1),
    (ed.kron(A, A),                  {"A": WIDE},                      np.kron(WIDE.astype(object), WIDE.astype(object))),
]  # fmt: skip


@pytest.mark.parametrize(("e", "at", "want"), CASES)
def test_exact(e, at, want):
    found = ed.evaluate(e, at)
    assert found.dtype == np.int64
    assert np.array_equal(found, np.asarray(want, object))


@pytest.mark.parametrize(
    ("e", "at"),
    [
        (ed.prod(x), {"x": np.full(64, 2)}),
        (ed.prod(x), {"x": np.append(BIG, 10)}),
        (ed.matrix_power(A, 9), {"A": WIDE}),
        (ed.matrix_power(A, 70), {"A": np.array([[2, 0], [0, 1]])}),
        (ed.det(A), {"A": WIDE * 4}),
        (ed.det(A), {"A": np.full((40, 40), 9)}),
    ],
)
def test_beyond_int64_is_refused(e, at):
    with pytest.raises(ed.EinderivError, match=r"integers may reach 2\*\*\d+ here, beyond int64"):
        ed.evaluate(e, at)
    assert np.isfinite(ed.evaluate(e, {name: a.astype(float) for name, a in at.items()})).all()


def test_other_libraries_say_so():
    torch = pytest.importorskip("torch")
    whole = torch.tensor([[1, 2], [3, 4]])
    for e in (ed.det(A), ed.matrix_power(A, 3)):
        with pytest.raises(ed.BackendError, match=r"torch computes .* of floats"):
            ed.evaluate(e, A=whole)
    assert ed.evaluate(ed.prod(A), A=whole) == 24
