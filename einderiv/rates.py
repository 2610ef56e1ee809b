"""What the planner thinks that steps take: the constants of its estimate of time, and files with others.

They ship with the package, so that the same expression and sizes give the same plan everywhere; nothing is measured
while a plan is made. ``einderiv bench --calibrate --save costs.json`` measures those of a machine.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .errors import EinderivError, near

LARGEST = 10_000  # characters of a file


class Costs:
    """The constants, in seconds and bytes: set one for good, or for a while with :meth:`override`.

    The time of a step is the larger of its arithmetic and the memory it moves, and `step`. Plans that are made keep the
    constants that they were made with.

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
        self.__dict__.update(matrix=1 / 35e9, other=1e-9, byte=1 / 8e9, cached=1 / 30e9, step=1e-6, cache=2.0**21,
                             task=1e-3, sent=1e-9)  # fmt: skip

    def __setattr__(self, name: str, value: float) -> None:
        if name not in self.__dict__:
            raise EinderivError(f"no cost is called {str(name)[:40]!r}; {near(str(name), self.__dict__)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
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

        Raises EinderivError for a file that cannot be read, is no JSON object, or has other names or numbers.
        """
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(LARGEST + 1)
            found = json.loads(text) if len(text) <= LARGEST else None
        except (OSError, ValueError) as e:
            raise EinderivError(f"the costs in {str(path)[:100]!r} cannot be read: {e}") from None
        if not isinstance(found, dict):
            names = ", ".join(dict(self))
            raise EinderivError(f"{str(path)[:100]!r} holds no costs: it must be an object with {names}")
        self.update(found)


costs = Costs()
