"""How long deriving takes: parse, derive, print. No array is touched.

    python bench/derivation.py [--growth]

The second column is what is aimed at; with --growth the curves up to 1000 operands follow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from timing import medians, shown

import einderiv as ed


def seed() -> str:
    """The derivative of three matrices by the first."""
    return str(ed.derive("is,st,tj->ij", 0).subscripts)


def chain(n: int) -> Callable[[], object]:
    """The derivative of a product of `n` matrices by the one in the middle."""
    arguments = [x for k in range(n) for x in (ed.tensor(f"M{k}", (None, None)), [k, k + 1])]

    def run() -> object:
        J = ed.derive(ed.einsum(*arguments, [0, n]), f"M{n // 2}")
        return J.subscripts if n < 50 else J.interleaved

    return run


def letters(n: int) -> Callable[[], object]:
    """The same from a string: 40 matrices take 41 letters."""
    names = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    text = ",".join(names[k : k + 2] for k in range(n)) + f"->{names[0]}{names[n]}"
    return lambda: ed.derive(text, n // 2).subscripts


def train(n: int) -> Callable[[], object]:
    """All gradients of a tensor train of `n` cores with a vector on each: bonds 0 … n, legs n + 1 …"""
    arguments: list[object] = []
    for k in range(n):
        bonds = [b for b in (k, k + 1) if 0 < b < n]
        arguments += [ed.tensor(f"G{k}", (None,) * (len(bonds) + 1)), [*bonds, n + k]]
        arguments += [ed.tensor(f"v{k}", (None,)), [n + k]]
    cores = [f"G{k}" for k in range(n)]

    def run() -> object:
        return [g.interleaved for g in ed.grad(ed.einsum(*arguments, []), cores)]

    return run


def residual(n: int) -> Callable[[], object]:
    """The gradient of a residual net of `n` layers."""
    h: ed.Expr = ed.tensor("h", "i")
    for k in range(n):
        h = h + ed.tensor(f"W{k}", "ij") @ ed.tanh(h)
    y = ed.sum(h)
    return lambda: ed.grad(y, "h")


def main(words: list[str]) -> None:
    """Print the table."""
    aims = [
        ("three matrices by the first", seed, 300e-6),
        ("40 matrices by one, a string", letters(40), 3e-3),
        ("tensor train, all 60 cores", train(60), 50e-3),
        ("residual net, 160 layers", residual(160), 0.5),
    ]
    times = medians({name: run for name, run, _ in aims}, rounds=15)
    print(f"{'parse + derive + print':32}{'median':>10}{'aim':>10}{'share':>8}")
    for name, _, aim in aims:
        print(f"{name:32}{shown(times[name]):>10}{shown(aim):>10}{times[name] / aim:8.2f}")
    if "--growth" in words:
        print(f"\n{'operands':>10}{'chain by one':>16}{'train, all cores':>18}{'per pair':>12}")
        for n in (10, 30, 100, 300, 1000):
            one, every = medians({"one": chain(n), "all": train(n // 2)}, rounds=3).values()
            print(f"{n:10}{shown(one):>16}{shown(every):>18}{shown(every / (n / 2) ** 2):>12}")


if __name__ == "__main__":
    main(sys.argv[1:])
