"""Square tensors taken apart: stacks of blocks that are factored, for as often as the rest repeats
them.

The axes 0 … k-1 of a square tensor are rows, those behind are columns, and axis p is *tied* if its
row and its column are one label in every term: then nothing off the diagonal of this axis is other
than zero. A tensor is taken apart as

    identity on the tied axes that no factor has  ⊗  group  ⊗  group …

where a group is a stack of blocks: one for each index of its tied axes, square over its free ones.
A sum of terms makes one group, a single term one for each connected component of its factors: a
Kronecker product. So of ``db->abad`` only the block `db` is factored, for every `a` at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from ..backends import Array
from ..errors import EinderivError, limits
from ..expression import Labels, connected
from ..planning import Term
from .terms import alone, product, total, value

LARGEST_BLOCK = 2000  # unknowns: a larger block is not factored
ROUNDING = 1000  # units in the last place: the error of a term, which is computed from others

Shape = tuple[int, ...]


class Group(NamedTuple):
    """A stack of square blocks over some axes of a square tensor."""

    tied: tuple[int, ...]  # the axes that say which block
    free: tuple[int, ...]  # the axes inside a block
    # those of the tensor, their axes in the order ``(*tied, *free, *free)``
    terms: tuple[Term[Array], ...]
    stack: Shape  # the sizes of the tied axes
    inner: Shape  # the sizes of the free axes

    @property
    def order(self) -> int:
        """How many unknowns a block has."""
        return prod(self.inner)

    @property
    def kind(self) -> str:
        """The row of `KINDS` that treats this group."""
        return (
            ("blocks" if self.free else "diagonal")
            if self.tied
            else ("block" if self.free else "number")
        )

    def blocks(self, dtype: Any) -> Array:
        """The blocks, shape ``(*stack, order, order)``; without free axes their entries, shape
        ``stack``.
        """
        shape = (*self.stack, *self.inner, *self.inner)
        found = alone(self.terms, dtype)
        if found is None:
            found = value(total([product(t, shape) for t in self.terms], shape), dtype)
        return found.reshape((*self.stack, self.order, self.order)) if self.free else found

    def largest(self) -> float:
        """The largest sum of the absolute values of all terms: what rounding in the blocks is
        relative to.
        """
        terms = tuple(
            Term(tuple((np.abs(a), labels) for a, labels in t.factors), t.output)
            for t in self.terms
        )
        return float(self._replace(terms=terms).blocks(np.float64).max(initial=0))


def groups(terms: Sequence[Term[Array]], shape: Shape, *, kronecker: bool = True) -> list[Group]:
    """The groups of a square tensor with rows and columns of `shape`; without `kronecker` there
    is one.
    """
    found = _grouped(
        tuple((tuple(ls for _, ls in t.factors), t.output) for t in terms), len(shape), kronecker
    )
    return [
        Group(
            stack,
            free,
            tuple(
                Term(tuple(t.factors[k] for k in own), output)
                for t, (own, output) in zip(terms, inside, strict=True)
            ),
            tuple(shape[p] for p in stack),
            tuple(shape[p] for p in free),
        )
        for stack, free, inside in found
    ]


Shown = tuple[tuple[Labels, ...], Labels]  # the labels of a term: of its factors, of the tensor
# of a term within a group: which of its factors, and the labels of its axes
Inside = tuple[tuple[int, ...], Labels]


@lru_cache(maxsize=256)
def _grouped(
    terms: tuple[Shown, ...], k: int, kronecker: bool
) -> list[tuple[tuple[int, ...], tuple[int, ...], list[Inside]]]:
    """The tied and the free axes of each group, and its terms, as far as labels say them."""
    tied = {p for p in range(k) if all(_tied(output, p, k) for _, output in terms)}
    carried = [{x for labels in factors for x in labels} for factors, _ in terms]
    rest = [
        p
        for p in range(k)
        if p not in tied or any(t[1][p] in c for t, c in zip(terms, carried, strict=True))
    ]
    parts = _components(terms[0], rest, k) if kronecker and len(terms) == 1 else []
    return [_group(terms, part, tied, k, first=part is parts[0]) for part in parts] or (
        [_group(terms, rest, tied, k, first=True)]
    )


def _tied(output: Sequence[int], p: int, k: int) -> bool:
    return output[p] == output[k + p] and output.count(output[p]) == 2


def _components(term: Shown, axes: Sequence[int], k: int) -> list[list[int]]:
    """`axes` by what connects them: a factor with labels of both, or one label."""
    factors, output = term
    ends = [(output[p], output[k + p]) for p in axes]
    found = connected([*factors, *ends])
    parts = [[axes[n - len(factors)] for n in group if n >= len(factors)] for group in found]
    return sorted(filter(None, parts), key=lambda part: part[-1])  # by their last axes


def _group(
    terms: Sequence[Shown], axes: Sequence[int], tied: set[int], k: int, *, first: bool
) -> tuple[tuple[int, ...], tuple[int, ...], list[Inside]]:
    """The group of `axes`; the first one has the numbers that stand in front of a term."""
    stack, free = tuple(p for p in axes if p in tied), tuple(p for p in axes if p not in tied)
    inside: list[Inside] = []
    for factors, whole in terms:
        output = tuple(whole[p] for p in (*stack, *free, *(k + p for p in free)))
        own = tuple(
            q for q, ls in enumerate(factors) if set(ls) & set(output) or (first and not ls)
        )
        inside.append((own, output))
    return stack, free, inside


# ---- what is done with the blocks of one group
Name = Callable[[Any], str]


def _divided(entries: Array, b: Array, name: Name) -> Array:
    """``b / entries``: entries of shape `stack`, right-hand sides of shape ``(*stack, 1,
    sides)``.
    """
    if not entries.all():
        raise _singular(name(first(entries == 0)), "zero")
    return np.asarray(b / entries[..., None, None])


def _factored(blocks: Array, b: Array, name: Name) -> Array:
    """``blocks⁻¹ b``, by one LU factorisation of each block.

    The residual of any such `x` is known up to n ε |A| |x| only (Wilkinson's backward error). Where
    this exceeds the right-hand side, no digit of it is met; scaling the unknowns does not change
    that.
    """
    try:
        x: Array = np.linalg.solve(blocks, b)
    except np.linalg.LinAlgError:
        raise _singular(name(first(np.linalg.slogdet(blocks)[1] == -np.inf)), "singular") from None
    known, asked = max(blocks.shape[-1], 8) * np.finfo(x.dtype).eps, np.abs(b).max(-2, initial=0)
    with np.errstate(over="ignore", invalid="ignore"):
        if _norm(blocks) * _norm(x) * known < asked.min(initial=np.inf):
            # |A| |x| <= ‖A‖ ‖x‖: no column needs a look.
            return x
        grown = (np.abs(blocks) @ np.abs(x)).max(-2, initial=0)
        lost = grown * known >= asked
    if (bad := (lost & (grown > 0)).any(-1)).any():
        raise _singular(name(first(bad)), "singular to working precision")
    return x


def _norm(a: Array) -> Any:
    flat = a.ravel()
    return np.sqrt(np.vdot(flat, flat).real)


def _log_entries(entries: Array) -> Any:
    with np.errstate(divide="ignore"):  # log 0 is -inf, as numpy.linalg.slogdet has it
        return np.log(np.abs(entries)).sum()


def _log_blocks(blocks: Array) -> Any:
    return np.linalg.slogdet(blocks)[1].sum()


def _real_entries(entries: Array) -> Array:
    return np.ravel(entries.real)


def _spectrum(blocks: Array) -> Array:
    return np.ravel(np.linalg.eigvalsh((blocks + np.conjugate(blocks.swapaxes(-1, -2))) / 2))


class Kind(NamedTuple):
    """One kind of group: in words for one group alone, in words as a part, and what is done with
    its blocks.
    """

    alone: str
    part: str
    solve: Callable[[Array, Array, Name], Array]
    log: Callable[[Array], Any]
    spectrum: Callable[[Array], Array]


KINDS = {
    "number": Kind("division by one number", "a number", _divided, _log_entries, _real_entries),
    "diagonal": Kind(
        "division by {stack} diagonal entries",
        "a diagonal of {stack}",
        _divided,
        _log_entries,
        _real_entries,
    ),
    "block": Kind("one {n}x{n} factorisation", "{n}x{n}", _factored, _log_blocks, _spectrum),
    "blocks": Kind(
        "{stack} blocks of {n}x{n}", "{stack} blocks of {n}x{n}", _factored, _log_blocks, _spectrum
    ),
}


def first(mask: Array) -> tuple[int, ...]:
    """Where a mask first holds."""
    return tuple(int(k) for k in np.argwhere(mask)[0])


def _singular(where: str, how: str) -> EinderivError:
    return EinderivError(f"{where} is {how}: the system has no unique solution")


def hermitian(blocks: Array, largest: Callable[[], float]) -> bool:
    """Are the blocks their own adjoints, up to half the digits, or to rounding in the terms that
    make them?

    Terms that cancel leave rounding errors of any sign. `largest` is `Group.largest`, asked for
    only then.
    """
    if not blocks.size:
        return True
    off = float(np.abs(blocks - np.conjugate(blocks.swapaxes(-1, -2))).max())
    eps = float(np.finfo(blocks.dtype).eps)
    return off <= sqrt(eps) * float(np.abs(blocks).max()) or off <= ROUNDING * eps * largest()


def small(group: Group, dtype: Any) -> bool:
    """Can the blocks be factored within :data:`LARGEST_BLOCK` and the memory?"""
    size = prod(group.stack) * group.order**2 * np.dtype(dtype).itemsize
    return not group.free or (group.order <= LARGEST_BLOCK and size <= limits.dense_bytes)


def words(pattern: str, group: Group) -> str:
    """A sentence of `KINDS` about a group."""
    return pattern.format(stack=prod(group.stack), n=group.order)


def named(parts: Sequence[Group]) -> str:
    """The blocks of some groups, in words."""
    return " and ".join(words(KINDS[g.kind].part, g) for g in parts)
