"""Programs that index, join, pad and shift: values and derivatives to the second, with JAX as the judge."""

import numpy as np
import pytest
from judge import jax, partials

import einderiv as ed

jnp = jax.numpy
RNG = np.random.default_rng(1)
IDS = np.array([2, 0, 1, 2, 0])
GIVEN = {
    "A": RNG.normal(size=(3, 3)),
    "B": RNG.normal(size=(3, 4)),
    "v": RNG.normal(size=6),
    "w": RNG.normal(size=3),
}

PROGRAMS = {  # of the module that has the functions
    "a stencil": lambda m, B: (
        m.tanh(m.roll(B, 1, 0) + m.roll(B, -1, 0) + m.roll(B, 1, 1) + m.roll(B, -1, 1) - 4 * B) ** 2
    ).sum(),
    "convolutions": lambda m, v, w: (
        m.tanh(m.convolve(m.tanh(m.convolve(v, w, mode="same")), w, mode="valid")) ** 2
    ).sum(),
    "reshapes": lambda m, B: m.tanh(m.reshape(m.exp(B), (6, 2)) @ m.reshape(B, (2, 6))).sum(),
    "joined reads": lambda m, A, B: m.tanh(
        m.concatenate([A[:, :2], A[::-1, 2:]], axis=1)[:, None, :] * B[None, :, 1:]
    ).sum(),
    "a total variation": lambda m, B: m.sqrt(
        m.diff(B, axis=0)[:, :-1] ** 2 + m.diff(B, axis=1)[:-1] ** 2 + 1
    ).sum(),
    "an embedding": lambda m, B: (m.tanh(B[IDS] @ B.T)[[0, 1, 2, 3, 4], [0, 1, 0, 1, 0]] ** 2).sum(),
    "a running sum": lambda m, v: m.exp(-m.cumsum(m.tanh(v) ** 2)).sum(),
    "a frame": lambda m, B: (m.pad(m.sin(B), ((1, 1), (2, 0)), mode="reflect")[1:-1, ::2] ** 2).sum(),
    "repeats": lambda m, v: (m.tile(m.sin(v), 2) * m.repeat(m.cos(v), 2)).sum(),
    "stacks": lambda m, v: (
        (m.stack([m.sin(v), m.cos(v)], axis=1) @ m.stack([v, -v])).reshape(-1)[::3].sum()
    ),
    "diagonals": lambda m, A, w: (
        (m.diagonal(A, 1) ** 2).sum() + m.trace(A @ A.T, -1) + (m.diag(w, 1)[:3, :3] @ A).sum() ** 2
    ),
    "a mean by a size": lambda m, v: m.sin(v[1:] * v[:-1]).sum() / v.shape[0] + (v * v.shape[0]).sum() ** 2,
}  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("known", [True, False], ids=["known", "later"])
def test_as_jax(f, known):
    names = f.__code__.co_varnames[1 : f.__code__.co_argcount]
    given = {name: GIVEN[name] for name in names}
    axes = {"A": "aa", "B": "bc", "v": "d", "w": "e"}
    tensors = {n: ed.tensor(n, GIVEN[n].shape if known else axes[n]) for n in names}
    y = f(np, *tensors.values())
    value, slopes = partials(lambda **arrays: f(jnp, *[arrays[n] for n in names]), given, names, 2)
    np.testing.assert_allclose(ed.evaluate(y, given), value, rtol=1e-12)
    for name, (first, second) in slopes.items():
        gradient = ed.grad(y, name)
        np.testing.assert_allclose(ed.evaluate(gradient, given), first, rtol=1e-9, atol=1e-11)
        hessian = ed.hessian(y, name)
        np.testing.assert_allclose(ed.evaluate(hessian, given), second, rtol=1e-9, atol=1e-10)
