"""A Newton step on matrix factorisation: gradient, structured Hessian and solve, plain and with a mask.

OMP_NUM_THREADS=1 python bench/newton.py

The loss is quadratic in U, so one step from anywhere ends at the minimum; this is checked before anything is timed.
The dense Hessian would have (n k)² entries. The last table is what deriving ten ReLU layers takes, symbols only.
"""

from __future__ import annotations

import numpy as np
from timing import medians, shown

import einderiv as ed

T, U, V, M = ed.tensor("T", "nm"), ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("M", "nm")
residual = T - ed.einsum("nk,mk->nm", U, V)
LOSSES = {"plain": ed.sum(residual**2), "mask": ed.sum(M * residual**2)}


def factorisation(kind: str, n: int, k: int) -> tuple[str, ...]:
    """One row: the size, the string of the core, the method, and the times of the parts."""
    rng = np.random.default_rng(0)
    at = {"T": rng.normal(size=(n, n)), "U": rng.normal(size=(n, k)), "V": rng.normal(size=(n, k))}
    if kind == "mask":
        at["M"] = (rng.random((n, n)) < 0.5).astype(float)
    loss = LOSSES[kind]
    gradient = ed.compile(ed.grad(loss, U))
    hessian = ed.compile(ed.hessian(loss, U), dense=False)
    g, H = gradient(at), hessian(at)
    end = at["U"] - H.solve(g)
    assert np.abs(gradient({**at, "U": end})).max() < 1e-9 * np.abs(g).max(), "not at the minimum"

    def step() -> np.ndarray:
        return at["U"] - hessian(at).solve(gradient(at))

    times = medians({"grad": lambda: gradient(at), "Hessian": lambda: hessian(at), "solve": lambda: H.solve(g),
                     "step": step}, rounds=9)  # fmt: skip
    dense = f"{8 * (n * k) ** 2 / 1e6:.0f} MB"
    return (kind, str(n), str(k), H.terms[0][1], f"{H.nbytes} B", dense, *map(shown, times.values()), H.method())


def network(layers: int) -> ed.Expr:
    """A ReLU network with softmax cross-entropy."""
    h: ed.Expr = ed.einsum("bi,oi->bo", "x", "W0")
    for k in range(1, layers):
        h = ed.einsum("bi,oi->bo", ed.relu(h), f"W{k}")
    return ed.sum(ed.logsumexp(h, 1)) - ed.einsum("bo,bo->", "labels", h)


def main() -> None:
    """Print the tables."""
    head = ("loss", "n", "k", "core", "held", "dense", "grad", "Hessian", "solve", "step", "method")
    rows = [head, *(factorisation(kind, n, 10) for kind in LOSSES for n in (100, 1000))]
    for row in rows:
        print("".join(f"{cell:<12}" if k != 3 else f"{cell:<16}" for k, cell in enumerate(row)))

    def deep(layers: int) -> list[str]:
        return [term.compact for term in ed.hessian(network(layers), "W0").terms]

    print("\nHessian of a ReLU network by its first layer, derived and read")
    times = medians({f"{n} layers": lambda n=n: deep(n) for n in (2, 10, 20)}, rounds=5)
    for name, seconds in times.items():
        print(f"{name:<12}{shown(seconds)}")


if __name__ == "__main__":
    main()
