"""What is done with stacks of dense blocks, and of diagonal entries: systems, determinants,
eigenvalues.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import numpy as np

from ..backends import Array
from ..errors import EinderivError

LEFT = 16  # units in the last place, for each unknown: a smaller eigenvalue counts as zero
ROUNDING = 1000  # units in the last place: the error of a term, which is computed from others

Name = Callable[[Any], str]  # what says which block an error is about
Map = Callable[[Array], Array]


def floating(dtype: Any) -> Any:
    """The dtype that is factored in. Raises TypeError where numpy.linalg has none."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc":
        return np.dtype(np.float64)
    largest = 8 if dtype.kind == "f" else 16  # bytes: float64, complex128
    if dtype.itemsize > largest:
        raise TypeError(
            f"numpy.linalg factors no {dtype}: convert the arrays to float64 or complex128 first"
        )
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def divided(entries: Array, b: Array, name: Name) -> Array:
    """``b / entries``: entries of shape `stack`, right-hand sides of shape ``(*stack, 1,
    sides)``.
    """
    if not entries.all():
        raise singular(name(first(entries == 0)), "zero")
    return np.asarray(b / entries[..., None, None])


def factored(blocks: Array, b: Array, name: Name) -> Array:
    """``blocks⁻¹ b``, by one LU factorisation of each block.

    The residual of any such `x` is known up to n ε |A| |x| only (Wilkinson's backward error). Where
    this exceeds the right-hand side, no digit of it is met; scaling the unknowns does not change
    that.
    """
    try:
        x: Array = np.linalg.solve(blocks, b)
    except np.linalg.LinAlgError:
        log_determinants = np.linalg.slogdet(blocks)[1]
        raise singular(name(first(log_determinants == -np.inf)), "singular") from None
    terms = blocks.shape[-1]
    bad = lost(x, magnitudes(b), norm(blocks), lambda: np.abs(blocks) @ np.abs(x), terms)
    if bad is not None:
        raise singular(name(bad), "singular to working precision")
    return x


def magnitudes(b: Array) -> Array:
    """The largest absolute value of each column."""
    if b.dtype.kind == "c" or not b.size:
        return np.asarray(np.abs(b).max(-2, initial=0))
    return np.asarray(np.maximum(b.max(-2), -b.min(-2)))


def lost(
    x: Array, asked: Array, size: float, grown: Callable[[], Array], terms: int
) -> tuple[int, ...] | None:
    """The first block for which `x` meets no digit of a column of the right-hand side, whose
    `magnitudes` are `asked`; None where there is none.

    `size` is Frobenius' norm of all blocks A, `grown` is ``|A| |x|``, and a row of A has so many
    `terms`.
    """
    known = max(terms, 8) * np.finfo(x.dtype).eps  # n ε
    with np.errstate(over="ignore", invalid="ignore"):
        if size * norm(x) * known < asked.min(initial=np.inf):
            # |A| |x| <= ‖A‖ ‖x‖: no column needs a look.
            return None
        largest = magnitudes(grown())
        is_lost = largest * known >= asked
    bad = (is_lost & (largest > 0)).any(-1)
    return first(bad) if bad.any() else None


def positive_entries(entries: Array) -> bool:
    return bool((entries > 0).all())


def positive_blocks(blocks: Array) -> bool:
    symmetric = (blocks + adjoint(blocks)) / 2
    try:
        factors = np.linalg.cholesky(symmetric)
    except np.linalg.LinAlgError:
        return False
    # A pivot is what of an entry of the diagonal the unknowns before it have left. The comparison
    # does not change with the scale of the unknowns.
    pivots = np.diagonal(factors, axis1=-2, axis2=-1).real ** 2
    entries = np.diagonal(symmetric, axis1=-2, axis2=-1).real
    return bool((pivots > rounding(blocks) * entries).all())


def rounding(blocks: Array) -> float:
    """What rounding leaves of an eigenvalue that is zero, in shares of the largest."""
    eps = float(np.finfo(blocks.dtype).eps)
    return LEFT * int(blocks.shape[-1]) * eps


def _inverse_magnitudes(entries: Array) -> tuple[Array, Array]:
    """``|a|⁺`` and 1 of each entry, both 0 where ``1 / a`` overflows."""
    present = np.abs(entries) >= np.finfo(entries.dtype).tiny
    inverses = np.zeros(entries.shape, entries.dtype)
    np.divide(1, np.abs(entries), out=inverses, where=present)
    return inverses, present.astype(entries.dtype)


def unsigned_entries(entries: Array) -> tuple[Map, Map]:
    """The products with ``|a|⁺`` and with 1 of each entry, both 0 where ``1 / a`` overflows."""
    inverses, present = _inverse_magnitudes(entries)

    def divided_by(x: Array) -> Array:
        return np.asarray(inverses[..., None, None] * x)

    def projected(x: Array) -> Array:
        return np.asarray(present[..., None, None] * x)

    return divided_by, projected


def unsigned_blocks(blocks: Array) -> tuple[Map, Map]:
    """The products with ``|A|⁺ = Σ v vᵀ / |λ|`` and with ``P = Σ v vᵀ`` of each block, over the
    eigenvalues λ that are more than rounding.
    """
    symmetric = (blocks + adjoint(blocks)) / 2
    values, vectors = np.linalg.eigh(symmetric)
    magnitudes = np.abs(values)
    smallest = rounding(blocks) * magnitudes.max(-1, keepdims=True, initial=0)
    regular = np.where(magnitudes > smallest, magnitudes, 0)
    inverses, present = _inverse_magnitudes(regular)
    turned = adjoint(vectors)
    inverse = (vectors * inverses[..., None, :]) @ turned
    projection = (vectors * present[..., None, :]) @ turned
    return partial(np.matmul, inverse), partial(np.matmul, projection)


def norm(a: Array) -> Any:
    """Frobenius' norm of all numbers together."""
    flat = a.ravel()
    return np.sqrt(np.vdot(flat, flat).real)


def log_entries(entries: Array) -> Any:
    with np.errstate(divide="ignore"):  # log 0 is -inf, as numpy.linalg.slogdet has it
        return np.log(np.abs(entries)).sum()


def log_blocks(blocks: Array) -> Any:
    return np.linalg.slogdet(blocks)[1].sum()


def real_entries(entries: Array) -> Array:
    return np.ravel(entries.real)


def spectrum(blocks: Array) -> Array:
    symmetric = (blocks + adjoint(blocks)) / 2  # they are so up to rounding
    return np.ravel(np.linalg.eigvalsh(symmetric))


def times_entries(entries: Array, x: Array) -> Array:
    """The product with columns x of shape ``(*stack, 1, sides)``."""
    return np.asarray(entries[..., None, None] * x)


def inverted_entries(entries: Array, name: Name) -> Array:
    """The diagonals of the inverses, shape ``(*stack, 1)``."""
    return divided(entries, np.ones((*entries.shape, 1, 1), entries.dtype), name)[..., 0]


def inverted_blocks(blocks: Array, name: Name) -> Array:
    """The diagonals of the inverses, shape ``(*stack, order)``."""
    identity = np.broadcast_to(np.eye(blocks.shape[-1], dtype=blocks.dtype), blocks.shape)
    inverses = factored(blocks, identity, name)
    return np.diagonal(inverses, axis1=-2, axis2=-1)


def lower_entries(entries: Array, name: Name) -> Array:
    """The roots of positive entries, as Cholesky's factors have them."""
    bad = ~(entries.real > 0)
    if bad.any():
        raise not_positive(name(first(bad)))
    return np.sqrt(entries)


def lower_blocks(blocks: Array, name: Name) -> Array:
    """Cholesky's factors, lower ones, of symmetric blocks."""
    symmetric = (blocks + adjoint(blocks)) / 2
    try:
        return np.linalg.cholesky(symmetric)
    except np.linalg.LinAlgError:
        pass
    for at in np.ndindex(*blocks.shape[:-2]):
        try:
            np.linalg.cholesky(symmetric[at])
        except np.linalg.LinAlgError:
            raise not_positive(name(at)) from None
    raise not_positive(name(()))


def not_positive(where: str) -> EinderivError:
    return EinderivError(f"{where} is not positive definite: it has no Cholesky factor")


def adjoint(blocks: Array) -> Array:
    return np.conjugate(blocks.swapaxes(-1, -2))


def first(mask: Array) -> tuple[int, ...]:
    """Where a mask first holds."""
    place = np.argwhere(mask)[0]
    return tuple(place.tolist())


def singular(where: str, how: str) -> EinderivError:
    return EinderivError(f"{where} is {how}: the system has no unique solution")


def hermitian(blocks: Array, largest: Callable[[], float]) -> bool:
    """Are the blocks their own adjoints, up to half the digits, or to rounding in the terms that
    make them?

    Terms that cancel leave rounding errors of any sign. `largest` is `Group.largest`, asked for
    only then.
    """
    if not blocks.size:
        return True
    off = float(np.abs(blocks - adjoint(blocks)).max())
    return is_rounding(off, blocks, largest)


def is_rounding(off: float, entries: Array, largest: Callable[[], float]) -> bool:
    """Is the largest difference of mirrored entries small enough for `hermitian`?"""
    eps = float(np.finfo(entries.dtype).eps)
    if off <= sqrt(eps) * float(np.abs(entries).max(initial=0)):
        return True
    return off <= ROUNDING * eps * largest()
