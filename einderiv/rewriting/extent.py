"""How large expressions are, where that is known."""

from __future__ import annotations

from math import prod

from ..expression import Einsum, Expr, Sizes


def entries(e: Expr, sizes: Sizes) -> int:
    """The entries of a value; a size that is not known counts as 1."""
    return prod(sizes.known_measure(size) or 1 for size in e.sizes)


def grown(e: Expr, sizes: Sizes) -> bool:
    """Is `e` a product that is larger than what it is made of, as ``U Vᵀ`` is?"""
    if not isinstance(e, Einsum) or len(e.factors) < 2:
        return False
    return entries(e, sizes) > max(entries(f, sizes) for f in e.factors)
