"""The passes over programs, in the order that they run in.

A pass is a function ``(program, target) -> program``. It answers the program that it was given
where there is nothing to do, and else another one: programs are not changed under whoever holds
them. The backend lists the passes that it wants, by name. The plan of a compiled expression says
which of them did something.

To add a pass, write it in a file of its own, and add a row here. A test runs its example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..errors import EinderivError, near
from ..planning import Op, Ops, Program
from .assembling import assemble_sums, join_sums
from .batching import batch_products
from .constant_folding import fold_constants
from .convolutions import convolve_vectors, make_convolutions
from .memory_check import check_memory
from .peephole_device import absorb_numbers, combine_numbers, free_numbers, fuse_addmm
from .peephole_numpy import numpy_peepholes
from .selecting import select_first
from .sharding import shard
from .target import Target
from .tiling import tile_for_cache, tile_for_limit

FLOATS = "f"  # the rules of real numbers: an order of comparison, no conjugation, rounding
INEXACT = "fc"
ALL = "biufc"


def _always(_: Target) -> bool:
    return True


def _folds(target: Target) -> bool:
    return target.constants is not None


def _limited(target: Target) -> bool:
    return target.memory_limit is not None


def _unlimited(target: Target) -> bool:
    return target.memory_limit is None


def _in_one_piece(target: Target) -> bool:
    """Is every array made in one piece, so that each must fit by itself?"""
    return target.memory_limit is None or "tiling for the memory limit" not in target.passes


def _divided(target: Target) -> bool:
    return target.devices is not None


class Example(NamedTuple):
    """An expression for which a pass does something, in the language of ``ed.parse``."""

    text: str
    shapes: Mapping[str, tuple[int, ...]]
    held: tuple[str, ...] = ()  # tensors whose arrays are part of the program
    memory_limit: int | None = None
    devices: int | None = None


@dataclass(frozen=True)
class Pass:
    """One row. It runs where the backend asks for it, in the `kinds` of dtypes, `when` it can."""

    name: str
    law: str
    run: Callable[[Program, Target], Program]
    example: Example
    kinds: str = ALL  # of dtypes
    when: Callable[[Target], bool] = _always
    makes: tuple[Op, ...] = ()  # that lowering does not make: a backend must have words for them
    loops: bool = False  # may it make a loop? then a source must write into arrays

    def __post_init__(self) -> None:
        """Whole numbers are exact or refused: what is made of them has a bound."""
        for op in self.makes:
            exact = op.bound is not None or not set("iu") & set(self.kinds)
            assert exact, f"{self.name} makes {op.name} of whole numbers, which has no bound"

    def applies(self, target: Target) -> bool:
        """Does the pass run for this target?"""
        return self.name in target.passes and target.kind in self.kinds and self.when(target)


_FACTORISATION = {"M": (500, 600), "T": (500, 600), "U": (500, 4), "V": (600, 4)}

PASSES = (
    Pass(
        "constant folding",
        "what held arrays decide is computed once: the factors of A in inv(A) x",
        fold_constants,
        Example("inv(A) @ x", {"A": (3, 3), "x": (3,)}, held=("A",)),
        kinds=INEXACT,
        when=_folds,
    ),
    Pass(
        "convolutions",
        "x[i+k] w[k] and its gradients by a kernel of the library, which forms no window",
        make_convolutions,
        Example("y[i] = x[i+k]*w[k]", {"x": (9,), "w": (3,)}),
        kinds=FLOATS,
        makes=(Ops.CONVOLUTION,),
    ),
    Pass(
        "reads first",
        "exp(y)[::2] → exp(y[::2]): what is not selected is not computed",
        select_first,
        Example('einsum("(2i)->i", exp(x))', {"x": (5,)}),
    ),
    Pass(
        "sums of parts",
        "terms with zeros around them are put into one array: y[:2] = 0, y[2:] = x, y[1:-1] += x",
        assemble_sums,
        Example('einsum("i->(i+2)", x) + pad(x, 1)', {"x": (5,)}),
        makes=(Ops.ASSEMBLE,),
    ),
    Pass(
        "concatenations",
        "terms with zeros around them that lie one behind the other are joined",
        join_sums,
        Example("roll(x, 2)", {"x": (5,)}),
        makes=(Ops.ASSEMBLE,),
    ),
    Pass(
        "convolutions of vectors",
        "x[i+k] w[k] and its gradients by np.convolve, or by FFT where w is long",
        convolve_vectors,
        Example("y[i] = x[i+k]*w[k]", {"x": (9000,), "w": (30,)}),
        kinds=FLOATS,
        makes=(Ops.CONVOLVE,),
    ),
    Pass(
        "numpy peepholes",
        "1 + (-1) x in one pass; Xᵀ diag(w) X with half the work; a short sum as a product",
        numpy_peepholes,
        Example("1 - x", {"x": (5,)}),
        kinds=FLOATS,
        makes=(
            Ops.COMBINE,
            Ops.GRAM,
            Ops.GRAMS,
            Ops.ONES,
            Ops.OUTER,
            Ops.WEIGHTED_ROWS,
            Ops.WINDOWED,
        ),
    ),
    Pass(
        "numbers out of products",
        "(c x) y + z → c (x y) + z: the kernel of the sum takes the number along",
        free_numbers,
        Example("2 * (A @ B) + C", {"A": (100, 2), "B": (2, 100), "C": (100, 100)}),
        kinds=FLOATS,
    ),
    Pass(
        "numbers into sums",
        "c x + y in one kernel",
        combine_numbers,
        Example("2 * x + y", {"x": (5,), "y": (5,)}),
        kinds=FLOATS,
        makes=(Ops.COMBINE,),
    ),
    Pass(
        "numbers into operands",
        "c (exp(x) y) → (c exp(x)) y: XLA makes one kernel of all that is elementwise",
        absorb_numbers,
        Example("2 * (exp(x) @ y)", {"x": (5,), "y": (5,)}),
        kinds=FLOATS,
    ),
    Pass(
        "addmm",
        "β x + α a b in one kernel of torch",
        fuse_addmm,
        Example("A @ B + C", {"A": (2, 3), "B": (3, 4), "C": (2, 4)}),
        kinds=FLOATS,
        makes=(Ops.ADDMM,),
    ),
    Pass(
        "tiling for the cache",
        "(M ∘ tanh(U Vᵀ − T)) V over blocks of rows: what is passed on stays in the cache",
        tile_for_cache,
        Example("(M * tanh(U @ V.T - T)) @ V", _FACTORISATION),
        kinds=FLOATS,
        loops=True,
    ),
    Pass(
        "batching of products",
        "A x, A y → A [x y]: a large array is read once",
        batch_products,
        Example("exp(A @ X) + sin(A @ Y)", {"A": (512, 512), "X": (512, 4), "Y": (512, 4)}),
        kinds=FLOATS,
        when=_unlimited,
        makes=(Ops.STACK, Ops.TAKE),
    ),
    Pass(
        "tiling for the memory limit",
        "exp(U Vᵀ) w over blocks of rows, so that all fits at once",
        tile_for_limit,
        Example("exp(U @ V.T) @ w", {"U": (90, 2), "V": (80, 2), "w": (80,)}, memory_limit=20_000),
        when=_limited,
        loops=True,
    ),
    Pass(
        "memory check",
        "an array over the limit is refused",
        check_memory,
        Example("exp(U @ V.T) @ w", {"U": (90, 2), "V": (80, 2), "w": (80,)}, memory_limit=20_000),
        when=_in_one_piece,
    ),
    Pass(
        "sharding",
        "the rows of X, and with them those of X w, are divided among devices",
        shard,
        Example("X @ w", {"X": (4, 3), "w": (3,)}, devices=2),
        when=_divided,
        makes=(Ops.SHARD,),
    ),
)


def pass_called(name: str) -> Pass:
    """The row of a pass; EinderivError if there is none."""
    for row in PASSES:
        if row.name == name:
            return row
    raise EinderivError(f"no pass is called {name[:40]!r}; {near(name, [p.name for p in PASSES])}")


def optimized(program: Program, target: Target) -> Program:
    """A program in the form in which it is written down, with the names of the passes that did
    something.

    Raises LimitError for arrays over the limit that no loop makes smaller.
    """
    done: list[str] = []
    for row in PASSES:
        if row.applies(target):
            before = program
            program = row.run(program, target)
            if program is not before:
                done.append(row.name)
    return replace(program, passes=done)
