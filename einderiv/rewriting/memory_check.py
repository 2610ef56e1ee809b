"""Arrays over the limit are refused before they are allocated."""

from __future__ import annotations

from math import prod

from ..errors import LimitError, limits, spoken_bytes
from ..planning import Program
from .target import Target


def check_memory(program: Program, target: Target) -> Program:
    """The program as it is; LimitError if one of its arrays is too large."""
    for k, step in program.live_steps():
        shape = program.shape(k)
        if len(shape) > limits.axes:
            limits.check("axes", len(shape))
        result = k in program.outputs
        size = (prod(shape) if result else program.copied(k)) * target.itemsize
        if size > target.most_bytes and not step.op.before:
            what = "the dense result" if result else "an intermediate array"
            hint = "dense=False keeps its structure, or " if target.dense and result else ""
            raise LimitError(
                f"{what} of shape {shape} takes {spoken_bytes(size)}, over the limit of "
                f"{spoken_bytes(target.most_bytes)}: {hint}raise memory_limit or "
                "ed.limits.dense_bytes"
            )
    return program
