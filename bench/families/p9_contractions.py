"""P9: 29 contractions that between them meet every kind of step, without any derivative: the calls
and the kernels.

Small ones show what a call costs, large ones what the kernels do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

import einderiv as ed

from ..problems import LARGE, SMALL, TINY, Arrays, Case, Family, Problem, Way, normal
from ..rivals import contracted, derivatives

Shapes = tuple[tuple[int, ...], ...]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BEYOND = LETTERS + "".join(map(chr, range(0x3B1, 0x3B1 + 16)))  # rivals take Greek where Latin ends


class Row(NamedTuple):
    """A contraction: its string, its shapes small and large, and how it is written by hand, if
    at all.
    """

    name: str
    text: str
    small: Shapes
    large: Shapes
    hand: Callable[..., Any] | None


def chain(n: int) -> str:
    """A product of n matrices."""
    return ",".join(LETTERS[k : k + 2] for k in range(n)) + f"->{LETTERS[0]}{LETTERS[n]}"


def inner(cores: int) -> str:
    """The inner product of two trains: bonds above, bonds below, legs."""
    above, below, legs = (BEYOND[k * cores : (k + 1) * cores] for k in range(3))
    parts = [
        f"{bonds[k - 1] if k else ''}{legs[k]}{bonds[k] if k < cores - 1 else ''}"
        for k in range(cores)
        for bonds in (above, below)
    ]
    return ",".join(parts) + "->"


def inner_shapes(cores: int, physical: int, bond: int) -> Shapes:
    """The shapes of both trains, core by core."""
    one = [(bond,) * (k > 0) + (physical,) + (bond,) * (k < cores - 1) for k in range(cores)]
    return tuple(shape for shape in one for _ in range(2))


def unfolded(cores: int) -> str:
    """A train as the full tensor."""
    legs, bonds = LETTERS[:cores], LETTERS[26 : 26 + cores]
    parts = [
        f"{bonds[k - 1] if k else ''}{legs[k]}{bonds[k] if k < cores - 1 else ''}"
        for k in range(cores)
    ]
    return ",".join(parts) + f"->{legs}"


def swapped(a: Any, *axes: int) -> Any:
    """A contiguous copy with its axes in another order."""
    return np.ascontiguousarray(a.transpose(axes))


def mttkrp(A: Any, B: Any, C: Any) -> Any:
    """By the first factor: a product with a Khatri-Rao product."""
    return A.reshape(len(A), -1) @ (B[:, None, :] * C).reshape(-1, B.shape[1])


def mttkrp_middle(A: Any, B: Any, C: Any) -> Any:
    """By the middle factor: a product, then a sum."""
    return np.einsum("ijr,ir->jr", A @ C, B)


def cp(A: Any, B: Any, C: Any) -> Any:
    """The tensor of three factors."""
    return ((A[:, None, :] * B).reshape(-1, A.shape[1]) @ C.T).reshape(len(A), len(B), len(C))


def tucker(A: Any, B: Any, C: Any, D: Any) -> Any:
    """Axis by axis: the last, the middle, the first."""
    last = A @ D.T
    middle = C @ last
    return (B @ middle.reshape(len(middle), -1)).reshape(len(B), *middle.shape[1:])


def four_index(*arrays: Any) -> Any:
    """The transformation of two-electron integrals: axis by axis."""
    g, *factors = arrays
    for factor in factors:
        g = g.reshape(len(g), -1).T @ factor
        g = g.reshape((len(factor),) * 4)
    return g


def quadratic(A: Any, B: Any, C: Any, D: Any) -> Any:
    """Row by row a B Cᵀ d."""
    return np.vecdot(A @ B @ C.T, D)


def train_inner(*cores: Any) -> Any:
    """From left to right, two products for each pair of cores."""
    E = cores[0].T @ cores[1]
    for a, b in zip(cores[2:-2:2], cores[3:-2:2], strict=True):
        t = (E.T @ a.reshape(len(a), -1)).reshape(-1, a.shape[2])
        E = t.T @ b.reshape(-1, b.shape[2])
    return np.vdot(E.T @ cores[-2], cores[-1])


def train_full(*cores: Any) -> Any:
    """From left to right, the legs in front."""
    out = cores[0]
    for g in cores[1:]:
        out = out.reshape(-1, len(g)) @ g.reshape(len(g), -1)
    return out.reshape([g.shape[0 if k == 0 else 1] for k, g in enumerate(cores)])


def attention_scores(A: Any, B: Any) -> Any:
    """Heads in front, then a product."""
    return A.transpose(0, 2, 1, 3) @ B.transpose(0, 2, 3, 1)


def attention_values(A: Any, B: Any) -> Any:
    """A product, then heads back."""
    return (A @ B.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)


def linear_attention(A: Any, B: Any, C: Any) -> Any:
    """Keys with values first: nothing has two axes of positions."""
    state = B.transpose(0, 2, 3, 1) @ C.transpose(0, 2, 1, 3)
    return (A.transpose(0, 2, 1, 3) @ state).transpose(0, 2, 1, 3)


def middle(A: Any, B: Any) -> Any:
    """Two summed axes, one of them in the middle."""
    i, p, j, q = A.shape
    return (
        swapped(A, 0, 2, 1, 3).reshape(i * j, p * q) @ swapped(B, 0, 2, 1).reshape(p * q, -1)
    ).reshape(i, j, -1)


def square(n: int, count: int = 2) -> Shapes:
    """Square matrices."""
    return ((n, n),) * count


ROWS = (
    Row("matmul", "ij,jk->ik", square(8), square(512), lambda A, B: A @ B),
    Row("matmul, transposed", "ji,jk->ki", square(8), square(512), lambda A, B: B.T @ A),
    Row(
        "matrix times vector",
        "ij,j->i",
        ((8, 8), (8,)),
        ((2000, 2000), (2000,)),
        lambda A, B: A @ B,
    ),
    Row(
        "batch of products",
        "bij,bjk->bik",
        ((8, 4, 4),) * 2,
        ((64, 96, 96),) * 2,
        lambda A, B: A @ B,
    ),
    Row(
        "batch of tiny products",
        "bij,bjk->bik",
        ((8, 3, 3),) * 2,
        ((100000, 3, 3),) * 2,
        lambda A, B: A @ B,
    ),
    Row(
        "batch in the middle",
        "ibj,bjk->ibk",
        ((4, 8, 4), (8, 4, 4)),
        ((96, 64, 96), (64, 96, 96)),
        lambda A, B: (A.transpose(1, 0, 2) @ B).transpose(1, 0, 2),
    ),
    Row(
        "batch last",
        "ijb,jkb->ikb",
        ((4, 4, 8),) * 2,
        ((96, 96, 64),) * 2,
        lambda A, B: (swapped(A, 2, 0, 1) @ swapped(B, 2, 0, 1)).transpose(1, 2, 0),
    ),
    Row("elementwise product", "ij,ij->ij", square(8), square(2000), lambda A, B: A * B),
    Row("row by row", "bi,bi->b", square(8), square(2000), lambda A, B: np.vecdot(A, B)),
    Row(
        "outer product",
        "i,j->ij",
        ((8,), (8,)),
        ((2000,), (2000,)),
        lambda A, B: np.multiply.outer(A, B),
    ),
    Row("trace", "ii->", square(8, 1), square(2000, 1), lambda A: A.trace()),
    Row("diagonal", "ii->i", square(8, 1), square(2000, 1), lambda A: A.diagonal()),
    Row("sums of rows", "ij->i", square(8, 1), square(2000, 1), lambda A: A.sum(1)),
    Row(
        "bilinear form",
        "i,ij,j->",
        ((8,), (8, 8), (8,)),
        ((2000,), (2000, 2000), (2000,)),
        lambda A, B, C: A @ B @ C,
    ),
    Row(
        "MTTKRP, first",
        "ijk,jr,kr->ir",
        ((6, 6, 6), (6, 4), (6, 4)),
        ((120, 120, 120), (120, 32), (120, 32)),
        mttkrp,
    ),
    Row(
        "MTTKRP, middle",
        "ijk,ir,kr->jr",
        ((6, 6, 6), (6, 4), (6, 4)),
        ((120, 120, 120), (120, 32), (120, 32)),
        mttkrp_middle,
    ),
    Row("CP to tensor", "ir,jr,kr->ijk", ((6, 4),) * 3, ((120, 32),) * 3, cp),
    Row(
        "Tucker to tensor",
        "abc,ia,jb,kc->ijk",
        ((3, 3, 3), *((6, 3),) * 3),
        ((24, 24, 24), *((120, 24),) * 3),
        tucker,
    ),
    Row(
        "Khatri-Rao", "ir,jr->ijr", ((6, 4),) * 2, ((300, 64),) * 2, lambda A, B: A[:, None, :] * B
    ),
    Row(
        "quadratic forms",
        "bi,ij,kj,bk->b",
        ((8, 4), (4, 4), (4, 4), (8, 4)),
        ((512, 128), (128, 128), (128, 128), (512, 128)),
        quadratic,
    ),
    Row(
        "attention scores",
        "bqhd,bkhd->bhqk",
        ((2, 4, 2, 4),) * 2,
        ((4, 128, 8, 64),) * 2,
        attention_scores,
    ),
    Row(
        "attention values",
        "bhqk,bkhd->bqhd",
        ((2, 2, 4, 4), (2, 4, 2, 4)),
        ((4, 8, 128, 128), (4, 128, 8, 64)),
        attention_values,
    ),
    Row(
        "linear attention",
        "bqhd,bkhd,bkhe->bqhe",
        ((2, 4, 2, 4),) * 3,
        ((4, 128, 8, 64),) * 3,
        linear_attention,
    ),
    Row(
        "two sums, one in the middle",
        "iajb,akb->ijk",
        ((3, 3, 3, 3), (3, 3, 3)),
        ((40, 40, 40, 40), (40, 60, 40)),
        middle,
    ),
    Row(
        "sum in the middle",
        "iaj,ak->ijk",
        ((3, 3, 3), (3, 3)),
        ((200, 200, 200), (200, 100)),
        lambda A, B: A.transpose(0, 2, 1) @ B,
    ),
    Row(
        "four-index transformation",
        "pqrs,pa,qb,rc,sd->abcd",
        ((3,) * 4, *square(3, 4)),
        ((28,) * 4, *square(28, 4)),
        four_index,
    ),
    Row(
        "chain of ten",
        chain(10),
        square(4, 10),
        square(128, 10),
        lambda *arrays: reduce(np.matmul, arrays),
    ),
    Row(
        "trains of 20 cores, inner product",
        inner(20),
        inner_shapes(20, 2, 4),
        inner_shapes(20, 4, 48),
        train_inner,
    ),
    Row(
        "train of 6 cores to tensor",
        unfolded(6),
        ((2, 2), *((2, 2, 2),) * 4, (2, 2)),
        ((12, 8), *((8, 12, 8),) * 4, (8, 12)),
        train_full,
    ),
)


def names(row: Row) -> list[str]:
    """The operands are called A, B, … as einderiv calls them, or x0, x1, … where there are many."""
    count = len(row.small)
    return [chr(65 + k) for k in range(count)] if count < 10 else [f"x{k}" for k in range(count)]


def expression(row: Row) -> ed.Expr:
    """The contraction; in NumPy's interleaved form where letters do not suffice."""
    inputs, output = row.text.split("->")
    if row.text.isascii():
        return ed.einsum(row.text, *names(row))
    arguments: list[object] = []
    for name, labels in zip(names(row), inputs.split(","), strict=True):
        arguments += [ed.tensor(name, (None,) * len(labels)), [BEYOND.index(c) for c in labels]]
    return ed.einsum(*arguments, [BEYOND.index(c) for c in output])


def rivals(row: Row) -> dict[str, Way]:
    """opt_einsum, cotengra and NumPy with plans made before, JAX and PyTorch."""

    def model(xp: Any, *arrays: Any) -> Any:
        return xp.einsum(row.text, *arrays)

    planned = contracted((row.text, *names(row)))
    if row.text.isascii():
        return {**planned, **derivatives("value", model, engines=("jax", "torch"))}
    return {name: planned[name] for name in ("opt_einsum", "cotengra")}


def contraction(row: Row, large: int) -> Problem:
    """One of them, small (0) or large (1)."""
    arrays: Arrays = normal(**dict(zip(names(row), row.large if large else row.small, strict=True)))
    if len(arrays) > 9:  # products of many: keep them near one
        arrays = {name: a / np.sqrt(a.size / a.shape[-1]) for name, a in arrays.items()}
    return Problem(arrays, partial(expression, row), row.hand, rivals(row))


FAMILY = Family(
    "P9",
    "29 contractions without derivatives",
    tuple(
        Case("P9", row.name, partial(contraction, row), {TINY: (0,), SMALL: (0,), LARGE: (1,)})
        for row in ROWS
    ),
)
