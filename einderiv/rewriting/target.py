"""What a program is made for, as far as passes ask. No pass knows a library by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import limits
from ..planning import Program


@dataclass(frozen=True, kw_only=True)
class Target:
    """The dtype, the memory, the devices and the library that a program is for."""

    passes: tuple[str, ...]  # that the library asks for, by their names
    kind: str  # of the dtype that is computed in: f, c, i
    itemsize: int
    dense: bool = True  # are the results whole arrays, or cores?
    memory_limit: int | None = None  # in bytes, if the caller has set one
    # computes a program without tensors; None: none is folded
    constants: Callable[[Program], Sequence[Any]] | None = None
    devices: int | None = None  # among which values are divided

    @property
    def most_bytes(self) -> int:
        """The bytes that one array may take."""
        return limits.dense_bytes if self.memory_limit is None else self.memory_limit
