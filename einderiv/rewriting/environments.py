"""Many derivatives of one product along one tree: products that are one set of factors without one
of them each, as the gradients of a tensor train are.

The full product is nested once, along a good path; what each product is, is the derivative of that
by the factor it lacks. All of them together cost about three times the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..autodiff import pullback
from ..expression import (
    Add,
    Einsum,
    Expr,
    Label,
    Labels,
    Roots,
    Sizes,
    Swaps,
    assemble,
    bare,
    filled,
    placeholder,
    swapped,
    times,
    viewed,
)
from ..planning import search

SlotKey = tuple[int, Labels]  # the identity of a factor, and its labels
Slots = dict[SlotKey, Expr]


def along_one_tree(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """Products that are one set of factors without one of them each: derivatives along one tree
    of contractions.
    """
    terms: dict[int, Expr] = {}
    for root in roots:
        for term in root.addends if isinstance(root, Add) else (root,):
            terms[id(term)] = term
    groups: dict[int, list[Einsum]] = defaultdict(list)
    for term in terms.values():
        if isinstance(term, Einsum) and len(term.factors) > 1 and not bare(term):
            groups[len(term.factors)].append(term)
    for members in groups.values():
        if len(members) < 3:
            continue
        one_set = _one_set(members)
        if one_set is not None:
            yield _derived(*one_set, sizes)


def _one_set(members: list[Einsum]) -> tuple[Slots, list[tuple[Einsum, SlotKey]]] | None:
    """All factors with their labels, and for each product the one that it lacks; None where a
    product lacks more, or has other axes than what it lacks.
    """
    parts: list[Slots] = []
    union: Slots = {}
    for e in members:
        part = {(id(factor), labels): factor for factor, labels in e.slots}
        if len(part) != len(e.factors):
            return None
        parts.append(part)
        union.update(part)
    lacking: list[tuple[Einsum, SlotKey]] = []
    for e, part in zip(members, parts, strict=True):
        missing = [key for key in union if key not in part]
        if len(missing) != 1:
            return None
        (key,) = missing
        labels = key[1]
        distinct = len(set(e.output)) == len(e.output) and len(set(labels)) == len(labels)
        if not distinct or set(labels) != set(e.output):
            return None
        lacking.append((e, key))
    return union, lacking


def _derived(union: Slots, lacking: list[tuple[Einsum, SlotKey]], sizes: Sizes) -> Swaps:
    """Each product as the derivative of the full one by the factor that it lacks."""
    stand_ins = {key: placeholder(f"#{k}", f.sizes) for k, (key, f) in enumerate(union.items())}
    full = _nested([(stand_ins[key], key[1]) for key in union], sizes)
    wanted = [stand_ins[key].name for _, key in lacking]
    derivatives = pullback(full, set(wanted), filled(1, (), ()))
    factors = {id(stand_ins[key]): factor for key, factor in union.items()}
    restored = swapped([derivatives[name] for name in wanted], factors)
    swaps: dict[int, Expr] = {}
    for (e, (_, labels)), derivative in zip(lacking, restored, strict=True):
        turned = viewed(derivative, labels, e.output, names=e.axes)
        swaps[id(e)] = times(turned, e.coefficient)
    return swaps


def _nested(parts: list[tuple[Expr, Labels]], sizes: Sizes) -> Expr:
    """The full contraction of `parts` as a tree of products of two, along a path."""
    lengths: dict[Label, int] = {}
    for e, labels in parts:
        lengths.update(zip(labels, (sizes.known_measure(s) or 1 for s in e.sizes), strict=True))
    left = list(parts)
    for i, j in search([labels for _, labels in parts], (), lengths, "auto"):
        b, a = left.pop(max(i, j)), left.pop(min(i, j))
        needed: set[Label] = set().union(*(labels for _, labels in left))
        kept = tuple(x for x in dict.fromkeys(a[1] + b[1]) if x in needed)
        left.append((assemble(1, [a, b], kept, axes=(None,) * len(kept)), kept))
    return left[0][0]
