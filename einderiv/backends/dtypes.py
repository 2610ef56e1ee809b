"""Dtypes of results, decided as each library decides them; and what an error of a library means.

The dtype of a result is that of all arrays together which the expression has met; its numbers count
as Python scalars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import EinderivError, ShapeError
from ..expression import (
    Apply,
    Constant,
    Einsum,
    Expr,
    Tensor,
    called,
    children,
    everything,
    is_hot,
    walk,
)
from ..functions import stays_integer
from .base import Library

Array = np.ndarray[Any, np.dtype[Any]]


class SingularMatrixError(EinderivError, np.linalg.LinAlgError):
    """A matrix that has no inverse, or no Cholesky factor."""


def decided(library: Library, roots: Sequence[Expr], dtypes: Mapping[str, Any]) -> tuple[Any, Any]:
    """The dtype of the results, and the one that is computed in, as the library has them."""
    held, numbers = met(roots)
    tensors = [node for node in walk(roots, everything) if isinstance(node, Tensor)]
    index = {tensor.name for tensor in tensors if tensor.structure == "index"}
    dtypes = {name: dtype for name, dtype in dtypes.items() if name not in index}
    result = library.promoted([*dtypes.values(), *map(library.held_dtype, held)], numbers)
    kind = library.kind(result)
    check_no_bool(kind.kind)
    if kind.kind == "c":
        check_holomorphic(roots, {name: library.kind(dtype) for name, dtype in dtypes.items()})
    if kind.kind in "iu":
        # Whole numbers are computed in the default of the library.
        return result, library.promoted([], [])
    if kind.name in library.widened:
        return result, np.dtype(library.widened[kind.name])
    return result, result


def met(roots: Sequence[Expr]) -> tuple[list[Any], list[float | complex]]:
    """What decides a dtype besides tensors: held arrays, and numbers that lift it. A function that
    leaves the integers lifts like a fraction.
    """
    held = []
    places = {id(node.arguments[0]) for node in walk(roots, everything) if is_hot(node)}
    for node in walk(roots, everything):
        if isinstance(node, Constant) and hasattr(node.value, "dtype") and id(node) not in places:
            held.append(node.value)
    kinds: set[type] = set()
    for node in walk(roots):
        if isinstance(node, Einsum):
            kinds.add(type(node.coefficient))
        if isinstance(node, Apply):
            kinds.update(map(type, node.parameters))
            if not stays_integer(node):
                kinds.add(float)
    return held, [kind(1) for kind in (float, complex) if kind in kinds]


def finished(library: Library, result: Any, dtype: Any) -> Any:
    """A result as an array of `dtype`. Raises EinderivError for whole numbers that it does not
    hold.
    """
    if result.dtype == dtype:
        return result
    kind = library.kind(dtype)
    if kind.kind in "iu" and prod(result.shape):
        low, high = int(result.min()), int(result.max())
        bits, signed = 8 * kind.itemsize, kind.kind == "i"
        if low < -(2 ** (bits - 1)) * signed or high >= 2 ** (bits - signed):
            raise EinderivError(
                f"the result runs from {low} to {high}, which {kind.name} does not hold: "
                f"convert the arrays to {library.wider} first"
            )
    return library.converted(result, dtype)


def explained(library: Library, error: Exception, dtype: str) -> EinderivError | None:
    """What an error of a library means, in our words; None for one that says something else. JAX
    raises none of these: it gives what division by zero gives.
    """
    text = str(error)
    singular = "a matrix cannot be inverted or factored"
    if isinstance(error, np.linalg.LinAlgError):
        return SingularMatrixError(f"{singular}: {text}")
    if _says(error, library.says_singular):
        return SingularMatrixError(f"{singular}: {text.split('. ')[0]}")
    of_nothing = "zero-size" in text or "non-zero size" in text
    if isinstance(error, (ValueError, IndexError)) and of_nothing:
        return EinderivError("the largest or smallest entry was asked of an axis that has none")
    if isinstance(error, ValueError) and ("places are" in text or "beyond int64" in text):
        return ShapeError(text)  # of the helpers for index expressions
    if "of data points (0)" in text or "FFT data points (0)" in text:
        return ShapeError("a Fourier transform of an axis without entries: it needs 1 at least")
    # A coefficient is a Python number.
    if isinstance(error, OverflowError) or _says(error, library.says_overflow):
        return EinderivError(f"a number in the expression is too large for {dtype}")
    return None


def _says(error: Exception, words: str | None) -> bool:
    """Is it an error that a library raises in these words?"""
    return isinstance(error, RuntimeError) and words is not None and words in str(error)


def check_no_bool(kind: str) -> None:
    """Refuse what would be computed in the algebra of truth values."""
    if kind == "b":
        raise TypeError(
            "all arrays are bool, for which + and * mean or and and: convert them to int64 or "
            "float64"
        )


def check_holomorphic(roots: Sequence[Expr], dtypes: Mapping[str, Any]) -> None:
    """Nothing that was met on the way may lack a complex derivative: it would be given out as
    the real one.
    """
    maybe_complex: set[int] = set()  # ids of nodes
    for node in walk(roots, everything):
        dtype = dtypes.get(node.name) if isinstance(node, Tensor) else None
        is_complex_array = dtype is not None and dtype.kind == "c"
        holds_complex = any(id(child) in maybe_complex for child in children(node))
        if is_complex_array or node.complex or holds_complex:
            maybe_complex.add(id(node))
        if not isinstance(node, Apply):
            continue
        if not any(id(argument) in maybe_complex for argument in node.arguments):
            continue
        conjugates = node.function.name == "conj"
        if (conjugates or node.function.of_moduli) and not node.complex:
            inner = node.arguments[0]
            name = called(inner)
            if not conjugates or not isinstance(inner, Tensor):  # of a norm or a variance
                given = [n for n, dtype in dtypes.items() if dtype.kind == "c"]
                names = ", ".join(given) or "a held array"
                raise EinderivError(
                    f"squared moduli of {name} are taken, and {names} is given as a complex array, "
                    "but not declared so: ed.tensor(…, complex=True)"
                )
            raise EinderivError(
                f"{name} is conjugated and given as a complex array, but not declared so: "
                f"ed.tensor({name!r}, …, complex=True)"
            )
        if not node.function.analytic:
            raise EinderivError(
                f"{node.function.name} of complex numbers is not holomorphic, so it has no "
                "derivative here; write it with real and imaginary parts, of tensors declared "
                "complex=True"
            )
