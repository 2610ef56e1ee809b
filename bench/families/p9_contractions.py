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
from einderiv.checking.rivals import Arrays, Way, derivatives, einsum_model

from ..problems import LARGE, SMALL, TINY, Case, Problem, family, normal
from ..rivals import contracted

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BEYOND = LETTERS + "".join(map(chr, range(0x3B1, 0x3B1 + 16)))  # rivals take Greek where Latin ends
Sizes = int | tuple[int, ...]


class Row(NamedTuple):
    """A contraction: its string, the sizes of its labels in the order in which they appear (or one
    for all), small and large, and how it is written by hand.
    """

    name: str
    text: str
    small: Sizes
    large: Sizes
    hand: Callable[..., Any]

    def shapes(self, sizes: Sizes) -> list[tuple[int, ...]]:
        """The shapes of the operands: ``ij,jk->ik`` with (2, 3, 4) has (2, 3) and (3, 4)."""
        operands = self.text.partition("->")[0].split(",")
        labels = list(dict.fromkeys("".join(operands)))
        if isinstance(sizes, int):
            sizes = (sizes,) * len(labels)
        size = dict(zip(labels, sizes, strict=True))
        return [tuple(map(size.__getitem__, operand)) for operand in operands]

    def names(self) -> list[str]:
        """The operands are called A, B, … as einderiv calls them, or x0, x1, … where there are
        many.
        """
        count = self.text.count(",") + 1
        if count < 10:
            return list(LETTERS[26 : 26 + count])
        return [f"x{k}" for k in range(count)]


def chain(n: int) -> str:
    """A product of n matrices."""
    operands = ",".join(LETTERS[k : k + 2] for k in range(n))
    return f"{operands}->{LETTERS[0]}{LETTERS[n]}"


def cores(legs: str, bonds: str) -> list[str]:
    """The labels of each core of a train: the bond to the left, the leg, the bond to the right."""
    lefts = ["", *bonds]
    rights = [*bonds, ""]
    return [left + leg + right for left, leg, right in zip(lefts, legs, rights, strict=True)]


def inner(count: int) -> str:
    """The inner product of two trains, core by core."""
    above, below, legs = (BEYOND[k * count : (k + 1) * count] for k in range(3))
    pairs = zip(cores(legs, above[:-1]), cores(legs, below[:-1]), strict=True)
    return ",".join(f"{upper},{lower}" for upper, lower in pairs) + "->"


def unfolded(count: int) -> str:
    """A train as the full tensor."""
    legs, bonds = LETTERS[:count], LETTERS[26 : 25 + count]
    return ",".join(cores(legs, bonds)) + f"->{legs}"


def swapped(a: Any, *axes: int) -> Any:
    """A contiguous copy with its axes in another order."""
    return np.ascontiguousarray(a.transpose(axes))


def matmul(A: Any, B: Any) -> Any:
    """A product of matrices, of a batch of them, or with a vector."""
    return A @ B


def mttkrp(A: Any, B: Any, C: Any) -> Any:
    """By the first factor: a product with a Khatri-Rao product."""
    khatri_rao = (B[:, None, :] * C).reshape(-1, B.shape[1])
    return A.reshape(len(A), -1) @ khatri_rao


def mttkrp_middle(A: Any, B: Any, C: Any) -> Any:
    """By the middle factor: a product, then a sum."""
    return np.einsum("ijr,ir->jr", A @ C, B)


def cp(A: Any, B: Any, C: Any) -> Any:
    """The tensor of three factors."""
    pairs = (A[:, None, :] * B).reshape(-1, A.shape[1])
    return (pairs @ C.T).reshape(len(A), len(B), len(C))


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
    first, *others = cores
    full = first
    for core in others:
        full = full.reshape(-1, len(core)) @ core.reshape(len(core), -1)
    return full.reshape([len(first), *(core.shape[1] for core in others)])


def scores(A: Any, B: Any) -> Any:
    """Heads in front, then a product."""
    return A.transpose(0, 2, 1, 3) @ B.transpose(0, 2, 3, 1)


def values(A: Any, B: Any) -> Any:
    """A product, then heads back."""
    return (A @ B.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)


def linear_attention(A: Any, B: Any, C: Any) -> Any:
    """Keys with values first: nothing has two axes of positions."""
    state = B.transpose(0, 2, 3, 1) @ C.transpose(0, 2, 1, 3)
    return (A.transpose(0, 2, 1, 3) @ state).transpose(0, 2, 1, 3)


def middle(A: Any, B: Any) -> Any:
    """Two summed axes, one of them in the middle."""
    i, a, j, b = A.shape
    rows = swapped(A, 0, 2, 1, 3).reshape(i * j, a * b)
    columns = swapped(B, 0, 2, 1).reshape(a * b, -1)
    return (rows @ columns).reshape(i, j, -1)


def batch_middle(A: Any, B: Any) -> Any:
    """The batch in front, a product, and back: views only."""
    return (A.transpose(1, 0, 2) @ B).transpose(1, 0, 2)


def batch_last(A: Any, B: Any) -> Any:
    """Copies with the batch in front, a product, and back."""
    return (swapped(A, 2, 0, 1) @ swapped(B, 2, 0, 1)).transpose(1, 2, 0)


def product(*arrays: Any) -> Any:
    """From left to right."""
    return reduce(np.matmul, arrays)


ROWS = (
    Row("matmul", "ij,jk->ik", 8, 512, matmul),
    Row("matmul, transposed", "ji,jk->ki", 8, 512, lambda A, B: B.T @ A),
    Row("matrix times vector", "ij,j->i", 8, 2000, matmul),
    Row("batch of products", "bij,bjk->bik", (8, 4, 4, 4), (64, 96, 96, 96), matmul),
    Row("batch of tiny products", "bij,bjk->bik", (8, 3, 3, 3), (100000, 3, 3, 3), matmul),
    Row("batch in the middle", "ibj,bjk->ibk", (4, 8, 4, 4), (96, 64, 96, 96), batch_middle),
    Row("batch last", "ijb,jkb->ikb", (4, 4, 8, 4), (96, 96, 64, 96), batch_last),
    Row("elementwise product", "ij,ij->ij", 8, 2000, lambda A, B: A * B),
    Row("row by row", "bi,bi->b", 8, 2000, lambda A, B: np.vecdot(A, B)),
    Row("outer product", "i,j->ij", 8, 2000, lambda A, B: np.multiply.outer(A, B)),
    Row("trace", "ii->", 8, 2000, lambda A: A.trace()),
    Row("diagonal", "ii->i", 8, 2000, lambda A: A.diagonal()),
    Row("sums of rows", "ij->i", 8, 2000, lambda A: A.sum(1)),
    Row("bilinear form", "i,ij,j->", 8, 2000, lambda A, B, C: A @ B @ C),
    Row("MTTKRP, first", "ijk,jr,kr->ir", (6, 6, 6, 4), (120, 120, 120, 32), mttkrp),
    Row("MTTKRP, middle", "ijk,ir,kr->jr", (6, 6, 6, 4), (120, 120, 120, 32), mttkrp_middle),
    Row("CP to tensor", "ir,jr,kr->ijk", (6, 4, 6, 6), (120, 32, 120, 120), cp),
    Row(
        "Tucker to tensor",
        "abc,ia,jb,kc->ijk",
        (3, 3, 3, 6, 6, 6),
        (24, 24, 24, 120, 120, 120),
        tucker,
    ),
    Row("Khatri-Rao", "ir,jr->ijr", (6, 4, 6), (300, 64, 300), lambda A, B: A[:, None, :] * B),
    Row("quadratic forms", "bi,ij,kj,bk->b", (8, 4, 4, 4), (512, 128, 128, 128), quadratic),
    Row("attention scores", "bqhd,bkhd->bhqk", (2, 4, 2, 4, 4), (4, 128, 8, 64, 128), scores),
    Row("attention values", "bhqk,bkhd->bqhd", (2, 2, 4, 4, 4), (4, 8, 128, 128, 64), values),
    Row(
        "linear attention",
        "bqhd,bkhd,bkhe->bqhe",
        (2, 4, 2, 4, 4, 4),
        (4, 128, 8, 64, 128, 64),
        linear_attention,
    ),
    Row("two sums, one in the middle", "iajb,akb->ijk", 3, (40, 40, 40, 40, 60), middle),
    Row(
        "sum in the middle",
        "iaj,ak->ijk",
        3,
        (200, 200, 200, 100),
        lambda A, B: A.transpose(0, 2, 1) @ B,
    ),
    Row("four-index transformation", "pqrs,pa,qb,rc,sd->abcd", 3, 28, four_index),
    Row("chain of ten", chain(10), 4, 128, product),
    Row(
        "trains of 20 cores, inner product",
        inner(20),
        (2, 4, 4) * 19 + (2,),
        (4, 48, 48) * 19 + (4,),
        train_inner,
    ),
    Row("train of 6 cores to tensor", unfolded(6), 2, (12, 8) * 5 + (12,), train_full),
)


def expression(row: Row) -> ed.Expr:
    """The contraction; in NumPy's interleaved form where letters do not suffice."""
    if row.text.isascii():
        return ed.einsum(row.text, *row.names())
    inputs, output = row.text.split("->")
    arguments: list[object] = []
    for name, labels in zip(row.names(), inputs.split(","), strict=True):
        tensor = ed.tensor(name, (None,) * len(labels))
        arguments += [tensor, [BEYOND.index(label) for label in labels]]
    return ed.einsum(*arguments, [BEYOND.index(label) for label in output])


def rivals(row: Row) -> dict[str, Way]:
    """opt_einsum, cotengra and NumPy with plans made before, JAX and PyTorch."""
    planned = contracted((row.text, *row.names()))
    if row.text.isascii():
        direct = derivatives("value", einsum_model(row.text), engines=("jax", "torch"))
        return {**planned, **direct}
    return {name: planned[name] for name in ("opt_einsum", "cotengra")}


def data(row: Row, sizes: Sizes) -> Arrays:
    """Normally distributed operands; where there are many, products of them are kept near one."""
    arrays = normal(**dict(zip(row.names(), row.shapes(sizes), strict=True)))
    if len(arrays) > 9:
        return {name: a / np.sqrt(a.size / a.shape[-1]) for name, a in arrays.items()}
    return arrays


def contraction(row: Row) -> Case:
    """One of them, small (0) or large (1)."""
    return Case(
        row.name,
        {TINY: (0,), SMALL: (0,), LARGE: (1,)},
        lambda large: Problem(
            arrays=data(row, row.large if large else row.small),
            ours=partial(expression, row),
            hand=row.hand,
            rivals=rivals(row),
        ),
    )


FAMILY = family("P9", "29 contractions without derivatives", *map(contraction, ROWS))
