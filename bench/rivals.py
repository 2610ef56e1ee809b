"""More rivals than `einderiv.checking` has: einsums planned by opt_einsum, cotengra and NumPy; and
functions that all namespaces have, for models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from einderiv.checking.rivals import Arrays, Way
from einderiv.checking.rounds import Call

Term = tuple[Any, ...]


def contracted(*terms: Term, scale: float = 1) -> dict[str, Way]:
    """A sum of einsums by opt_einsum, cotengra and NumPy, planned before: the way without delta
    elimination.

    A term is a string and its operands: names of arrays, or a number for an identity matrix of that
    size.
    """
    return {
        "opt_einsum": _planned(terms, scale, _by_opt_einsum),
        "cotengra": _planned(terms, scale, _by_cotengra),
        "numpy.einsum": _planned(terms, scale, _by_numpy),
    }


def _planned(terms: Sequence[Term], scale: float, plan: Callable[[str, list[Any]], Call]) -> Way:
    def prepare(arrays: Arrays) -> Call:
        calls = []
        for text, *operands in terms:
            calls.append(plan(text, [_operand(x, arrays) for x in operands]))
        if len(calls) == 1 and scale == 1:
            return calls[0]

        def run() -> Any:
            total = calls[0]()
            for call in calls[1:]:
                total = total + call()
            return total if scale == 1 else scale * total

        return run

    return prepare


def _operand(x: str | int, arrays: Arrays) -> Any:
    if isinstance(x, str):
        return arrays[x]
    any_array = next(iter(arrays.values()))
    return np.eye(x, dtype=any_array.dtype)


def _by_opt_einsum(text: str, operands: list[Any]) -> Call:
    import opt_einsum

    run = opt_einsum.contract_expression(text, *(a.shape for a in operands))
    return lambda: run(*operands)


def _by_cotengra(text: str, operands: list[Any]) -> Call:
    import cotengra

    run = cotengra.einsum_expression(text, *(a.shape for a in operands), optimize="greedy")
    return lambda: run(*operands)


def _by_numpy(text: str, operands: list[Any]) -> Call:
    path = np.einsum_path(text, *operands, optimize="greedy")[0]
    return lambda: np.einsum(text, *operands, optimize=path)


def logsumexp(xp: Any, x: Any) -> Any:
    """The logarithm of the sum of exponentials along the last axis, in terms that all three
    namespaces have.
    """
    top = _highest(xp, x)
    return xp.log(xp.sum(xp.exp(x - top), -1)) + top[..., 0]


def softmax(xp: Any, x: Any) -> Any:
    """Softmax along the last axis."""
    powers = xp.exp(x - _highest(xp, x))
    return powers / xp.sum(powers, -1)[..., None]


def _highest(xp: Any, x: Any) -> Any:
    """The largest entry along the last axis, which stays."""
    highest = xp.amax(x, -1) if xp.__name__ == "torch" else xp.max(x, -1)
    return highest[..., None]


def relu(xp: Any, x: Any) -> Any:
    """The positive part."""
    return xp.relu(x) if xp.__name__ == "torch" else xp.maximum(x, 0)
