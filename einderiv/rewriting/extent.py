"""How large expressions are, and how long products of them take, where sizes are known."""

from __future__ import annotations

from collections import Counter
from math import prod

from ..expression import Einsum, Expr, Label, Labels, Sizes, flatten
from ..planning import Entries, costs, pair_seconds, search, tuning


def entries(e: Expr, sizes: Sizes) -> int:
    """The entries of a value; a size that is not known counts as 1."""
    return prod(sizes.known_measure(size) or 1 for size in e.axis_sizes)


def grown(e: Expr, sizes: Sizes) -> bool:
    """Is `e` a product that is larger than what it is made of, as ``U Vᵀ`` is?"""
    if not isinstance(e, Einsum) or len(e.factors) < 2:
        return False
    return entries(e, sizes) > max(entries(f, sizes) for f in e.factors)


def product_seconds(e: Einsum, sizes: Sizes, *, nested: bool = True) -> float:
    """The estimated time of a product of values that are there, in the order of a path: where
    products are `nested`, of what these are made of.
    """
    deep = nested and e.count <= tuning.inlined_factors
    flat = flatten(e, tuning.inlined_factors) if deep else e
    lengths: dict[Label, int] = {}
    for factor, labels in flat.slots:
        measures = [sizes.known_measure(size) or 1 for size in factor.axis_sizes]
        lengths.update(zip(labels, measures, strict=True))
    # An output with a repeated label is a core on a diagonal.
    output = tuple(dict.fromkeys(x for x in flat.output if x in lengths))
    uses = Counter(output)
    for labels in flat.inputs:
        uses.update(set(labels))
    bits = {x: 1 << k for k, x in enumerate(lengths)}
    size_of = Entries(list(lengths.values()))
    total = 0.0
    terms: list[Labels] = []
    left: list[int] = []  # sets of labels, as the bits of a number
    for labels in flat.inputs:
        # Diagonals are read and private labels summed before anything is multiplied.
        kept = tuple(x for x in dict.fromkeys(labels) if uses[x] > 1)
        if kept != labels:
            total += 8 * costs.byte * size_of[sum({bits[x] for x in labels})] + costs.step
        terms.append(kept)
        left.append(sum(bits[x] for x in kept))
    for i, j in search(terms, output, lengths, "auto"):
        b, a = left.pop(max(i, j)), left.pop(min(i, j))
        out = 0
        for x, bit in bits.items():
            uses_here = bool(a & bit) + bool(b & bit)
            if uses_here and uses[x] > uses_here:
                uses[x] += 1 - uses_here
                out |= bit
        left.append(out)
        total += pair_seconds(a, b, out, size_of)
    return total
