"""Square tensors taken apart: stacks of blocks that are factored, for as often as the rest repeats
them.

The axes 0 … k-1 of a square tensor are rows, those behind are columns, and axis p is *tied* if its
row and its column are one label in every term: then nothing off the diagonal of this axis is other
than zero. A tensor is taken apart as

    identity on the tied axes that no factor has  ⊗  group  ⊗  group …

where a group is a stack of blocks: one for each index of its tied axes, square over its free ones.
A sum of terms makes one group, a single term one for each connected component of its factors: a
Kronecker product. So of ``db->abad`` only the block `db` is factored, for every `a` at once. A
relation or an index array connects as a factor does: along an axis that it has, the tensor is no
identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..backends import Array
from ..errors import limits
from ..expression import Labels, connected
from ..planning import Term
from .terms import alone, product, total, value

LARGEST_BLOCK = 2000  # unknowns: a larger block is not factored

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
        """What its blocks are, as dense ones: the name of a row of `KINDS`."""
        if self.tied:
            return "blocks" if self.free else "diagonal"
        return "block" if self.free else "number"

    def blocks(self, dtype: Any) -> Array:
        """The blocks, shape ``(*stack, order, order)``; without free axes their entries, shape
        ``stack``.
        """
        shape = (*self.stack, *self.inner, *self.inner)
        entries = alone(self.terms, dtype)
        if entries is None:
            parts = [product(term, shape) for term in self.terms]
            entries = value(total(parts, shape), dtype)
        if not self.free:
            return entries
        return entries.reshape((*self.stack, self.order, self.order))

    def largest(self) -> float:
        """The largest sum of the absolute values of all terms: what rounding in the blocks is
        relative to.
        """
        return float(self.of_magnitudes().blocks(np.float64).max(initial=0))

    def of_magnitudes(self) -> Group:
        """The group of the absolute values of all factors."""
        terms = []
        for term in self.terms:
            factors = [(np.abs(array), labels) for array, labels in term.factors]
            terms.append(term._replace(factors=tuple(factors)))
        return self._replace(terms=tuple(terms))

    def flat_terms(self) -> list[Term[Array]]:
        """The terms with the tied axes among the rows and among the columns."""
        k = len(self.tied)
        rows = k + len(self.free)
        terms = []
        for term in self.terms:
            columns = (*term.output[:k], *term.output[rows:])
            terms.append(term._replace(output=(*term.output[:rows], *columns)))
        return terms


def groups(terms: Sequence[Term[Array]], shape: Shape, *, kronecker: bool = True) -> list[Group]:
    """The groups of a square tensor with rows and columns of `shape`; without `kronecker` there
    is one.
    """
    shown = tuple([(joints_of(term), term.output) for term in terms])
    parts = []
    for tied, free, places in _grouped(shown, len(shape), kronecker):
        inside = [
            part_of(term, own, output) for term, (own, output) in zip(terms, places, strict=True)
        ]
        stack = tuple([shape[p] for p in tied])
        inner = tuple([shape[p] for p in free])
        parts.append(Group(tied, free, tuple(inside), stack, inner))
    return parts


def joints_of(term: Term[Array]) -> tuple[Labels, ...]:
    """The labels of each factor, then of each relation and each index array of a term."""
    joints = [labels for _, labels in term.factors]
    for one in term.relations:
        joints.append(tuple([label for label, _ in one.terms]))
    joints += [labels for _, labels in term.hots]
    return tuple(joints)


def part_of(term: Term[Array], own: Sequence[int], output: Labels) -> Term[Array]:
    """A part of a term: those of its joints that are numbered `own`."""
    first, second = len(term.factors), len(term.factors) + len(term.relations)
    factors = tuple([term.factors[n] for n in own if n < first])
    relations = tuple([term.relations[n - first] for n in own if first <= n < second])
    hots = tuple([term.hots[n - second] for n in own if n >= second])
    part = Term(factors, output, relations, hots)
    inside = set(chain.from_iterable(joints_of(part)))
    given = tuple([(label, size) for label, size in term.given if label in inside])
    return part._replace(given=given)


Shown = tuple[tuple[Labels, ...], Labels]  # the labels of a term: of its joints, of the tensor
# of a term within a group: which of its joints, and the labels of its axes
Inside = tuple[tuple[int, ...], Labels]
Axes = tuple[int, ...]


@lru_cache(maxsize=256)
def _grouped(
    terms: tuple[Shown, ...], k: int, kronecker: bool
) -> list[tuple[Axes, Axes, list[Inside]]]:
    """The tied and the free axes of each group, and its terms, as far as labels say them."""
    tied: set[int] = set()
    axes: list[int] = []  # along all others the tensor is an identity
    for p in range(k):
        if all(_is_tied(output, p, k) for _, output in terms):
            tied.add(p)
        if p not in tied or any(_is_carried(term, p) for term in terms):
            axes.append(p)
    # A ⊗ B + C ⊗ D is no Kronecker product: several terms are one group.
    if kronecker and len(terms) == 1:
        joints, output = terms[0]
        parts = components(joints, output, axes, k)
        return [_group([(own, output)], part, tied, k) for part, own in parts]
    everything = [(tuple(range(len(joints))), output) for joints, output in terms]
    return [_group(everything, axes, tied, k)]


def _is_tied(output: Sequence[int], p: int, k: int) -> bool:
    """Is axis p on a diagonal of its own, as the first one of ``abac``?"""
    return output[p] == output[k + p] and output.count(output[p]) == 2


def _is_carried(term: Shown, p: int) -> bool:
    """Does a factor vary along axis p, or a relation select there?"""
    joints, output = term
    return any(output[p] in labels for labels in joints)


def components(
    joints: tuple[Labels, ...], output: Labels, axes: Sequence[int], k: int
) -> list[tuple[list[int], tuple[int, ...]]]:
    """`axes` by what connects them, a joint with labels of both, or one label; each with the
    joints that it has. The first one has the numbers that stand in front of the term.
    """
    ends = [(output[p], output[k + p]) for p in axes]
    parts: list[tuple[list[int], list[int]]] = []
    numbers: list[int] = []
    for members in connected([*joints, *ends]):
        # The numbers of the joints come first, then those of the axes.
        own = [n for n in members if n < len(joints)]
        part = [axes[n - len(joints)] for n in members if n >= len(joints)]
        if part:
            parts.append((part, own))
        else:
            numbers += own
    parts.sort(key=lambda part: part[0][-1])  # by their last axes
    if not parts:
        parts.append(([], []))
    parts[0][1].extend(numbers)
    return [(part, tuple(sorted(own))) for part, own in parts]


def _group(
    terms: Sequence[Inside], axes: Sequence[int], tied: set[int], k: int
) -> tuple[Axes, Axes, list[Inside]]:
    """The group of `axes`."""
    stacked = tuple([p for p in axes if p in tied])
    free = tuple([p for p in axes if p not in tied])
    columns = [k + p for p in free]
    inside: list[Inside] = []
    for own, labels_of_tensor in terms:
        output = tuple([labels_of_tensor[p] for p in (*stacked, *free, *columns)])
        inside.append((own, output))
    return stacked, free, inside


def small(group: Group, dtype: Any) -> bool:
    """Can the blocks be factored within :data:`LARGEST_BLOCK` and the memory?"""
    if not group.free:
        return True
    size = prod(group.stack) * group.order**2 * np.dtype(dtype).itemsize
    return group.order <= LARGEST_BLOCK and size <= limits.dense_bytes
