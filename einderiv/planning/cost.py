"""What the planner thinks that steps take: the constants of its estimate of time, and the estimates
made of them.

The constants ship with the package, so that the same expression and sizes give the same plan
everywhere; nothing is measured while a plan is made. ``einderiv bench --calibrate --save
costs.json`` measures those of a machine.

A contraction has two estimates, each the larger of arithmetic and memory. :func:`step_seconds` is
of a step whose operands are known; :func:`pair_seconds` is of two sets of labels, for the search of
an order, which asks for thousands. They differ on purpose, and one for both would change plans and
what is printed of them:

=====================  =======================================  ====================================
                       `step_seconds`                           `pair_seconds` and `pair_copies`
=====================  =======================================  ====================================
rows times rows        as other arithmetic                      `rows_rate` times that: of two
                                                                orders, the one without
a product of vectors   as a product of matrices                 `rows_rate` times other arithmetic
an operand twice       is read once; half of ``AᵀA``            is read twice; all is computed
copies                 read and written, where NumPy makes      read, where the summed axes of an
                                                                operand are neither
                       one: axes have an order in memory        its first nor its last
=====================  =======================================  ====================================
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..errors import EinderivError, near
from .gram import is_gram
from .memory_order import Order, copied, orders
from .ops import Ops, Rate, Step
from .program import Program
from .tuning_constants import tuning

LARGEST = 10_000  # characters of a file
REMEMBERED = 2**18  # numbers of entries that one search keeps


class Costs:
    """The constants, in seconds and bytes: set one for good, or for a while with :meth:`override`.

    The time of a step is the larger of its arithmetic and the memory it moves, and `step`. Plans
    that are made keep the constants that they were made with.

    >>> with costs.override(byte=1e-9):
    ...     print(costs.byte)
    1e-09
    >>> costs.byte
    1.25e-10
    """

    matrix: float  #: seconds for an addition or a multiplication in a product of matrices
    other: float  #: seconds for one elsewhere
    byte: float  #: seconds for a byte read or written in memory
    cached: float  #: seconds for a byte in the cache
    step: float  #: seconds that a step takes however small it is
    cache: float  #: bytes of a block that stays in the cache
    task: float  #: seconds that the scheduler of a cluster spends on a task
    sent: float  #: seconds for a byte that one worker sends another

    def __init__(self) -> None:
        self.__dict__.update(
            matrix=1 / 35e9,
            other=1e-9,
            byte=1 / 8e9,
            cached=1 / 30e9,
            step=1e-6,
            cache=2.0**21,
            task=1e-3,
            sent=1e-9,
        )

    def __setattr__(self, name: str, value: float) -> None:
        if name not in self.__dict__:
            raise EinderivError(
                f"no cost is called {str(name)[:40]!r}; {near(str(name), self.__dict__)}"
            )
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not 0 < value < math.inf
        ):
            raise EinderivError(f"cost {name!r} must be a positive number, not {str(value)[:40]!r}")
        self.__dict__[name] = float(value)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(self.__dict__.items())

    @contextmanager
    def override(self, **values: float) -> Iterator[Costs]:
        """Other costs inside a ``with`` block; the old ones come back in any case."""
        before = dict(self)
        try:
            self.update(values)
            yield self
        finally:
            self.__dict__.update(before)

    def update(self, values: Mapping[str, float]) -> None:
        """Several at a time; all or, where one of them is refused, none."""
        new = Costs()
        for name, value in values.items():
            setattr(new, name, value)
        self.__dict__.update({name: getattr(new, name) for name in values})

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take the constants of a file that ``einderiv bench --calibrate --save`` has written.

        Raises EinderivError for a file that cannot be read, is no JSON object, or has other names
        or numbers.
        """
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(LARGEST + 1)
            found = json.loads(text) if len(text) <= LARGEST else None
        except (OSError, ValueError) as e:
            raise EinderivError(f"the costs in {str(path)[:100]!r} cannot be read: {e}") from None
        if not isinstance(found, dict):
            names = ", ".join(dict(self))
            raise EinderivError(
                f"{str(path)[:100]!r} holds no costs: it must be an object with {names}"
            )
        self.update(found)


costs = Costs()


def seconds(program: Program, steps: Sequence[int], known: Sequence[Order] | None = None) -> float:
    """The estimated time of those steps of a program, whose values lie in memory in the orders
    that are `known`.
    """
    known = orders(program) if known is None else known
    return sum(step_seconds(program, k, known) for k in steps)


def step_seconds(program: Program, k: int, known: Sequence[Order]) -> float:
    """The estimated time of step `k`, where the axes of values lie in the orders that are
    `known`.
    """
    step = program.steps[k]
    written = program.copied(k)
    if step.op.rate(step) is Rate.NOTHING and (step.op is not Ops.READ or not written):
        return tuning.named_step * costs.step
    if step.op is Ops.READ:  # no more of the value than is written, and the index arrays
        read = written + sum(map(program.entries, set(step.inputs[1:])))
    else:
        read = sum(map(program.entries, set(step.inputs)))
    moved = 8.0 * (written + read)
    copies = 16.0 * copied(program, k, known) * costs.byte
    work = arithmetic(step) * (0.5 if is_gram(program, k) else 1.0)
    return max(work, moved * costs.byte) + copies + costs.step


def arithmetic(step: Step) -> float:
    """The estimated time that a step computes for."""
    rate = step.op.rate(step)
    return step.flops * (costs.matrix if rate is Rate.MATRIX else costs.other)


class Entries(dict[int, float]):
    """The number of entries of a tensor with a set of labels, the bits of a whole number; labels
    of one size are counted together.

    >>> Entries([2, 3, 2])[0b111]
    12.0
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        groups: dict[int, int] = {}
        for k, n in enumerate(shape):
            groups[n] = groups.get(n, 0) | 1 << k
        self.groups: list[tuple[int, list[float]]] = []  # labels; the powers of their size
        for n, labels in groups.items():
            if n > 1:  # 0 would make everything free
                powers = [1.0]
                for _ in range(labels.bit_count()):
                    powers.append(powers[-1] * n)  # inf where ** would raise an OverflowError
                self.groups.append((labels, powers))

    def __missing__(self, labels: int) -> float:
        found = 1.0
        for group, powers in self.groups:
            found *= powers[(labels & group).bit_count()]
        if len(self) > REMEMBERED:
            self.clear()
        self[labels] = found
        return found


def pair_seconds(a: int, b: int, out: int, entries: Entries) -> float:
    """The estimated time of one pair: arithmetic or memory, whichever takes longer."""
    flops = entries[a | b] * (1 if a | b == out else 2)
    moved = 8 * costs.byte * (entries[a] + entries[b] + entries[out])
    rate = costs.matrix if a & b & ~out else costs.other
    if a == b and a != out:
        # Rows times rows are no product of matrices: no form of them is faster than the memory.
        rate = tuning.rows_rate * costs.other
    return max(flops * rate, moved) + costs.step


def pair_copies(
    a: int, b: int, kept: Sequence[int], ends: Mapping[int, set[int]], entries: Entries
) -> float:
    """The estimated time to copy operands in another order: those with a summed axis that is
    neither first nor last.
    """
    summed = kept[a] & kept[b] & ~kept[a | b]
    return sum(
        8 * costs.byte * entries[kept[x]] for x in (a, b) if x in ends and summed not in ends[x]
    )
