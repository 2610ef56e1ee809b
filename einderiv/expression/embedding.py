"""Which part of an einsum is its core, and which says where the core sits in the full tensor.

The core of ``x[p] δ[j,l] → p, j, l`` is ``x[p]``. With relations: the core of ``w[k] → i, a`` with
``a = i + k`` is ``w[k]``, and the relation belongs to the embedding, for w is written along the
diagonals of a matrix. In ``x[p] w[k] → i`` with ``p = i + k`` it belongs to the core: what i is
does not say which of the products x[p] w[k] stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from .groups import connected
from .labels import Label, Labels, Relation, Size
from .relation_rows import Hot
from .relations import determined


class Parts(NamedTuple):
    """An einsum with relations, parted. `hots` are positions among the index arrays."""

    structure: bool  # at most one tensor, of which the output shows each point once at most
    core: Labels  # the labels of the core
    inner: tuple[Relation, ...]  # the relations of the core
    outer: tuple[Relation, ...]  # those of the embedding
    outer_hots: tuple[int, ...]  # the index arrays of the embedding


def labels_in(relations: Sequence[Relation]) -> set[Label]:
    """The labels that relations are between."""
    return {label for one in relations for label, _ in one.terms}


def parted(
    inputs: Sequence[Labels],
    hots: Sequence[Hot],
    relations: tuple[Relation, ...],
    output: Labels,
    domains: Mapping[Label, Size],
    *,
    overlapping: bool = False,
) -> Parts:
    """The parts of an einsum of tensors with the labels `inputs` and of the index arrays `hots`.

    With `overlapping` the embedding may add several entries of the core into one of the tensor:
    then the core of ``w[k] w[l] → a, b`` with ``a = i + k``, ``b = i + l`` is ``w[k] w[l]``.
    """
    links: list[Relation | Hot] = [*relations, *hots]
    in_factors = set(chain.from_iterable(inputs))
    everything = in_factors.union(*map(_labels, links))
    kept = set(output)
    if len(inputs) <= 1 and determined(relations, domains, hots, kept, everything):
        core = tuple(dict.fromkeys(inputs[0])) if inputs else ()
        return Parts(True, core, (), relations, tuple(range(len(hots))))
    # What reaches an axis of the output that no tensor has may embed.
    targets = kept - in_factors
    reaching: list[int] = []
    more = True
    while more:  # what reaches such a label is reached itself
        new = [k for k, one in enumerate(links) if k not in reaching and targets & _labels(one)]
        for k in new:
            targets |= _labels(links[k]) - in_factors
        reaching += new
        more = bool(new)
    reaching.sort()
    embeds: set[int] = set()
    for group in connected([_labels(links[k]) for k in reaching]):
        members = [reaching[k] for k in group]
        own = set().union(*(_labels(links[k]) for k in members))
        own_relations = tuple([links[k] for k in members if k < len(relations)])
        own_hots = [links[k] for k in members if k >= len(relations)]
        shown = kept & own
        if overlapping or determined(own_relations, domains, own_hots, shown, own):  # type: ignore[arg-type]
            embeds.update(members)
    inner = tuple([one for k, one in enumerate(relations) if k not in embeds])
    outer = tuple([one for k, one in enumerate(relations) if k in embeds])
    outer_hots = tuple([k for k in range(len(hots)) if k + len(relations) in embeds])
    ends = kept.union(*(_labels(links[k]) for k in embeds))
    own_links = [_labels(link) for k, link in enumerate(links) if k not in embeds]
    inside = in_factors.union(*own_links)
    if len(kept) == len(output) and kept == ends & inside:
        return Parts(False, output, inner, outer, outer_hots)
    in_order = dict.fromkeys(chain(chain.from_iterable(inputs), output, sorted(inside)))
    core = tuple([label for label in in_order if label in ends and label in inside])
    return Parts(False, core, inner, outer, outer_hots)


def _labels(link: Relation | Hot) -> set[Label]:
    if isinstance(link, Relation):
        return {label for label, _ in link.terms}
    return {*link.places, link.value}
