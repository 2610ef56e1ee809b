"""Products that are used more than once, and whether they are formed."""

from inspect import signature

import numpy as np
import pytest

import einderiv as ed

N = 120
A, S, R = ed.tensor("A", "ij"), ed.tensor("S", "jk"), ed.tensor("R", "jk")
u, v = ed.tensor("u", "k"), ed.tensor("v", "k")


def slope(y):
    return 1 - np.tanh(y) ** 2


# the expression, about how many operations hand-written code takes, and the value with M = A S
APPLIED = {
    "hvp of a layer": (
        ed.hvp(ed.sum(ed.tanh((A @ S) @ v)), v, u),
        12 * N**2,
        lambda M, R, u, v: -2 * M.T @ (slope(M @ v) * np.tanh(M @ v) * (M @ u)),
    ),
    "jvp of a layer": (
        ed.jvp(ed.tanh((A @ S) @ v), v, u),
        8 * N**2,
        lambda M, R, u, v: slope(M @ v) * (M @ u),
    ),
    "gradient of a layer": (
        ed.grad(ed.sum(ed.tanh((A @ S) @ v)), v),
        8 * N**2,
        lambda M, R, u, v: M.T @ slope(M @ v),
    ),
    "one vector after the other": (
        (A @ S) @ ed.tanh((A @ S) @ v),
        8 * N**2,
        lambda M, R, u, v: M @ np.tanh(M @ v),
    ),
    "three factors": (
        (A @ S @ R) @ ed.tanh((A @ S @ R) @ v),
        12 * N**2,
        lambda M, R, u, v: M @ R @ np.tanh(M @ R @ v),
    ),
}
# a product that a matrix is multiplied with is formed once for both
FORMED = {
    "with two matrices": (
        ed.tanh((A @ S) @ R) + ed.exp((A @ S) @ A),
        3 * 2 * N**3,
        lambda M, R, A: np.tanh(M @ R) + np.exp(M @ A),
    ),
    "by entry": (
        ed.sum(ed.tanh(A @ S)) + ed.sum(ed.exp(A @ S)),
        2 * N**3,
        lambda M: np.tanh(M).sum() + np.exp(M).sum(),
    ),
}


@pytest.mark.parametrize("name", APPLIED | FORMED)
def test_operations(name):
    e, by_hand, _ = (APPLIED | FORMED)[name]
    shapes = {t: (N,) * rank for t, rank in ed.compile(e).tensors.items()}
    functions = 60 * N if name in APPLIED else 60 * N**2
    assert ed.plan(e, shapes).flops <= by_hand + functions


@pytest.mark.parametrize("name", APPLIED | FORMED)
def test_values(name):
    e, _, value = (APPLIED | FORMED)[name]
    rng = np.random.default_rng(0)
    arrays = {t: rng.normal(size=(N,) * rank) / 30 for t, rank in ed.compile(e).tensors.items()}
    given = {"M": arrays["A"] @ arrays["S"], **dict.fromkeys("Ru"), **arrays}
    wanted = value(*[given[name] for name in signature(value).parameters])
    assert np.allclose(ed.evaluate(e, arrays), wanted, rtol=1e-9)
