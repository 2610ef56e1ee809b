"""The quick way through a call that has been planned: one comparison for each array, then the source itself.

A compiled expression is mostly called again and again with the same shapes and dtypes. For that a wrapper is emitted
that takes the arrays by keyword, compares what must be the same, and calls the source. Whatever is not exactly as
before goes the long way, which says what is wrong, or plans anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import limits
from .execution import Execution


def quick(execution: Execution, memory_limit: int | None) -> Callable[..., Any] | None:
    """The wrapper for the shapes and dtypes of `execution`, or None where a call needs more than comparisons.

    It answers a tuple of results, or None for a call that must go the long way.
    """
    if not _plain(execution):
        return None
    inputs, shapes = execution.inputs, execution.shapes_of_inputs()
    scope: dict[str, Any] = {"_compute": execution.function, "_array": np.ndarray, "_wrap": np.asarray,
                             "_dtype": execution.compute, "_limits": limits, "_bytes": limits.dense_bytes,
                             "_held": tuple(execution.program.held)}  # fmt: skip
    if not inputs or scope.keys() & {*inputs} or {"others", "r", "type"} & {*inputs}:
        return None
    tests = [f"type({n}) is _array and {n}.dtype is _dtype and {n}.shape == {s}"
             for n, s in zip(inputs, shapes, strict=True)]  # fmt: skip
    if memory_limit is None:
        tests.append("_limits.dense_bytes == _bytes")
    scalars = [not shape for shape in execution.shapes]
    one = len(execution.program.outputs) == 1
    items = ["r" if one else f"r[{p}]" for p in execution.places]
    values = [f"_wrap({item})" if scalar else item for item, scalar in zip(items, scalars, strict=True)]
    source = [
        f"def call(*, {''.join(f'{n}=None, ' for n in inputs)}**others):",
        f"    if not others and {' and '.join(tests) or 'True'}:",
        "        try:",
        f"            r = _compute({', '.join([*inputs, '*_held'])})",
        "        except Exception:  # the long way says it better",
        "            return None",
        f"        return ({', '.join(values)}{',' * (len(values) == 1)})",
        "    return None",
    ]
    exec(compile("\n".join(source), "<einderiv call>", "exec"), scope)
    found: Callable[..., Any] = scope["call"]
    return found


def _plain(execution: Execution) -> bool:
    """Are the arrays taken, and the results given out, as they are?"""
    held = all(isinstance(a, np.ndarray) and a.dtype == execution.compute for a in execution.program.held)
    singleton = np.dtype(execution.compute.name) is execution.compute
    return held and singleton and execution.dtype == execution.compute and execution.compute.kind in "fc"
