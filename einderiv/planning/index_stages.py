"""A product with relations as stages, where that takes less than all of it at once.

``a[i] b[j] c[k] → p`` with ``p = i + j + k`` is, at once, an outer product that is written to p. In
two stages it is ``t[q] = Σ a[i] b[j]`` with ``q = i + j``, then ``t[q] c[k]`` with ``p = q + k``:
two sums of windows. A stage is a system of one or two of the operands, and of what relates them:

==================  ================================================================================
an own label        nothing outside has it: no other operand, no other relation, not the output. It
                    is summed in the stage
a relation inside   has own labels, and at most one other: ``h = i + k`` of ``x[h] w[k]``, where i
                    stays
a relation parted   has two or more own labels, and two or more others: of ``p = i + j + k`` is
                    ``q = i + j`` inside, and ``p = q + k`` outside, with a new label q
an array inside     has a value that is an own label: rows are taken
==================  ================================================================================

The pair that is next is the one whose product is small against its operands, as in a greedy search
of orders. Where other operands are left, each entry of what a stage makes must be the sum of some
points: a 0 that stands for none of them would make infinite entries of others NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations
from math import prod
from typing import NamedTuple

from ..expression import (
    Hot,
    Label,
    Labels,
    Relation,
    fresh_labels,
    labels_in,
    numbers_of,
    plus,
    product_of_sizes,
    relation,
)
from .cost import costs
from .index_ways import Pair, Position, System, Way, Ways, labels_of
from .tuning_constants import tuning


class Stage(NamedTuple):
    """A part of a product: how its points are enumerated, and the labels of what it makes."""

    way: Way
    kept: Labels
    number: int  # below 0: what later stages call its value


class _Candidate(NamedTuple):
    """A stage that might be next, and what is left after it."""

    growth: float  # entries that its value has more than its operands
    points: int  # of the box of all its labels
    number: int  # of the candidates before it
    stage: System
    kept: Labels
    relations: tuple[Relation, ...]  # those that are left
    hots: list[Hot]
    operands: tuple[int, ...]


class _Parts(NamedTuple):
    """What of a system is inside a stage: its relations and its index arrays; and what is left."""

    inside: list[Relation]
    outside: list[Relation]
    inner_hots: list[Hot]
    outer_hots: list[Hot]


def in_stages(ways: Ways, system: System, kept: Labels, gone: set[Label]) -> list[Stage] | None:
    """The stages of a product at the labels `kept`, of which the last is what is left: one of all,
    where no others take clearly less. None where no point satisfies the relations.

    The last one is summed over the labels that are `gone` too.
    """
    at_once = ways.best(system, kept, gone)
    if at_once is None:
        return None
    whole, least = at_once
    best = [Stage(whole, kept, 0)]
    least *= tuning.staged_gain
    if not _may_gain(ways, system) or _least_seconds(ways, system, kept) > least:
        return best
    stages: list[Stage] = []
    taken = 0.0
    while system.relations or system.hots:
        found = _next(ways, system, kept)
        if found is None:
            break
        _name_sizes(ways, found.stage)
        made = ways.best(found.stage, found.kept)
        if made is None:
            return None
        way, seconds = made
        value = ways.planned(found.kept)
        stages.append(Stage(way, found.kept, value))
        taken += seconds
        if taken > least:
            break
        left = [pair for k, pair in enumerate(system.tensors) if k not in found.operands]
        tensors = [*left, (value, found.kept)]
        system = System(tensors, found.hots, found.relations, system.output)
        if len(tensors) > tuning.staged_operands and (system.relations or system.hots):
            continue
        at_once = ways.best(system, kept, gone)
        if at_once is None:
            return None
        last, seconds = at_once
        if taken + seconds < least:
            least = taken + seconds
            best = [*stages, Stage(last, kept, 0)]
    return best


def _may_gain(ways: Ways, system: System) -> bool:
    """Are there operands that stages could be of? A box without points has nothing to gain."""
    if not all(ways.lengths[label] for label in system.inside):
        return False
    parts = len(system.tensors) + len(system.relations) + len(system.hots)
    is_bare = len(system.relations) == 2 and not system.tensors
    return parts > 2 or is_bare or any(len(one.terms) > 3 for one in system.relations)


def _least_seconds(ways: Ways, system: System, kept: Labels) -> float:
    """The time that all stages take together at least: a step for each operand but one, and to
    write the result.
    """
    entries = prod([ways.lengths[label] for label in kept])
    return 8.0 * costs.byte * entries + costs.step * max(len(system.tensors) - 1, 1)


def _next(ways: Ways, system: System, kept: Labels) -> _Candidate | None:
    """The stage whose value is smallest against its operands; None where there is none."""
    search = _Search(ways, system, kept)
    return min(search.candidates(), default=None, key=lambda found: found[:3])


def _name_sizes(ways: Ways, stage: System) -> None:
    """The sizes of labels that are new in a stage, by names where these say it."""
    for one in stage.relations:
        constant, terms = numbers_of(one)
        for label, _ in terms:
            if label in ways.size_of:
                continue
            others = [term for term in terms if term[0] != label]
            length = ways.lengths[label]
            digits = None if constant else ways.digits(Position(0, tuple(others)), length)
            reach = sum([ways.lengths[x] - 1 for x, _ in others]) + 1
            if digits is not None:
                ways.size_of[label] = product_of_sizes(*ways.sizes(digits))
            elif reach == length and all([abs(k) == 1 for _, k in others]):
                ways.size_of[label] = plus(1 - len(others), *ways.sizes([x for x, _ in others]))
            else:
                ways.size_of[label] = length


class _Search:
    """The stages that one system might begin with."""

    def __init__(self, ways: Ways, system: System, kept: Labels) -> None:
        self.ways, self.system, self.kept = ways, system, set(kept)
        self.links: list[set[Label]] = [labels_in([one]) for one in system.relations]
        self.links += [labels_of(hot) for hot in system.hots]
        self.holders = Counter(chain.from_iterable(self.links))
        self.numbers = [numbers_of(one) for one in system.relations]
        self.entries = [self._entries(set(labels)) for _, labels in system.tensors]
        self.most = self._entries(self.kept & system.inside)

    def candidates(self) -> Iterator[_Candidate]:
        """Stages of pairs, and of single operands that become smaller."""
        smallest = sorted(range(len(self.entries)), key=self.entries.__getitem__)
        near = sorted(smallest[: tuning.staged_pairs])
        found = 0
        if not self.system.tensors:
            yield from self._tables()
        for operands in chain(combinations(near, 2), [(k,) for k in range(len(self.entries))]):
            for stage in self._of(operands, found):
                yield stage
                found += 1

    def _of(self, operands: tuple[int, ...], number: int) -> Iterator[_Candidate]:
        """The stages of some operands: with the relations that can be inside, and without."""
        tensors = [self.system.tensors[k] for k in operands]
        own = self._own(tensors, operands)
        if not own and len(operands) < 2:
            return
        parts = self._parted(own, tensors)
        is_whole = len(operands) == len(self.system.tensors)
        if parts is not None and not (is_whole and not parts.outside and not parts.outer_hots):
            yield from self._judged(operands, tensors, parts, number)
        if len(operands) == 2 and not set(tensors[0][1]).isdisjoint(tensors[1][1]):
            plain = _Parts([], list(self.system.relations), [], self.system.hots)
            yield from self._judged(operands, tensors, plain, number + 1)

    def _tables(self) -> Iterator[_Candidate]:
        """A relation as an array of zeros and ones, where nothing is multiplied with it."""
        relations = self.system.relations
        for k, one in enumerate(relations):
            others = [*relations[:k], *relations[k + 1 :]]
            parts = _Parts([one], others, [], self.system.hots)
            yield from self._judged((), [], parts, k)

    def _own(self, tensors: Sequence[Pair], operands: tuple[int, ...]) -> set[Label]:
        """The labels that no other operand has, nor the output."""
        others = [own for k, (_, own) in enumerate(self.system.tensors) if k not in operands]
        mine = set(chain.from_iterable(own for _, own in tensors)).union(*self.links)
        return mine.difference(self.kept, *others)

    def _parted(self, own: set[Label], tensors: Sequence[Pair]) -> _Parts | None:
        """What is inside a stage with these own labels; None where nothing is."""
        carried = set(chain.from_iterable(labels for _, labels in tensors))
        inside: list[Relation] = []
        outside: list[Relation] = []
        for k, one in enumerate(self.system.relations):
            alone = self._alone(k, own)
            mine = alone & carried
            # labels that nothing has, as those of a sum over a window: one after the other
            idle = sorted(alone - carried)
            if mine and len(idle) < 2 and self._goes_inside(k, alone):
                inside.append(one)
                continue
            part = mine.union(idle[:1] if len(idle) > 1 else ())
            parted = self._split(k, part) if mine and len(part) > 1 else None
            inside += parted[:1] if parted else ()
            outside.append(parted[1] if parted else one)
        inner_hots: list[Hot] = []
        outer_hots: list[Hot] = []
        for k, hot in enumerate(self.system.hots, len(self.system.relations)):
            alone = self._alone(k, own)
            goes_inside = not alone.isdisjoint(carried) and self._goes_inside(k, alone)
            (inner_hots if goes_inside else outer_hots).append(hot)
        if not inside and not inner_hots:
            return None
        return _Parts(inside, outside, inner_hots, outer_hots)

    def _alone(self, k: int, own: set[Label]) -> set[Label]:
        """The labels of these that one relation or index array has, and no other one."""
        return {x for x in self.links[k] & own if self.holders[x] == 1}

    def _goes_inside(self, k: int, alone: set[Label]) -> bool:
        """Has a relation or an index array own labels that no other one has, and at most one label
        of others; and has each place of what is made a point?
        """
        first = len(self.system.relations)
        if k >= first:
            return self.system.hots[k - first].value in alone
        others = self.links[k] - alone
        return bool(alone) and len(others) < 2 and self._is_full(k, alone)

    def _is_full(self, k: int, alone: set[Label]) -> bool:
        """Has each value of the other label of a relation, if there is one, some values of those
        that it has alone? ``1·i + 3·k`` comes to all numbers where i has three values.
        """
        constant, terms = self.numbers[k]
        mine = [term for term in terms if term[0] in alone]
        low, high = self._reach(mine)
        least, most = self._reach([term for term in terms if term[0] not in alone])
        # Σ mine = -constant - Σ others
        return self._has_no_gap(mine) and low <= -constant - most and -constant - least <= high

    def _has_no_gap(self, terms: Iterable[tuple[Label, int]]) -> bool:
        """Do some terms of a relation come to all numbers between their least and their largest?"""
        reach = 1
        for number, length in sorted([(abs(k), self.ways.lengths[x]) for x, k in terms]):
            if number > reach:
                return False
            reach += number * (length - 1)
        return True

    def _reach(self, terms: Iterable[tuple[Label, int]]) -> tuple[int, int]:
        """The least and the largest that some terms of a relation come to."""
        low = high = 0
        for label, number in terms:
            end = number * (self.ways.lengths[label] - 1)
            low, high = low + min(end, 0), high + max(end, 0)
        return low, high

    def _split(self, k: int, alone: set[Label]) -> tuple[Relation, Relation] | None:
        """A relation as two, with a new label for what some terms come to; None where these have
        gaps.
        """
        constant, terms = self.numbers[k]
        mine = [term for term in terms if term[0] in alone]
        others = [term for term in terms if term[0] not in alone]
        if len(others) < 2 or not self._has_no_gap(mine):
            return None
        low, high = self._reach(mine)
        least, most = self._reach(others)
        # Σ mine = -constant - Σ others
        start, end = max(low, -constant - most), min(high, -constant - least)
        if start > end:
            return None
        (new,) = fresh_labels(1)
        self.ways.lengths[new] = end - start + 1
        inside = relation(-start, {**dict(mine), new: -1})
        return inside, relation(constant + start, {**dict(others), new: 1})

    def _judged(
        self, operands: tuple[int, ...], tensors: list[Pair], parts: _Parts, number: int
    ) -> Iterator[_Candidate]:
        """A stage, if its value is not much larger than what is there."""
        held = list(chain.from_iterable(labels for _, labels in tensors))
        between = labels_in(parts.inside).union(*map(labels_of, parts.inner_hots))
        others = [own for k, (_, own) in enumerate(self.system.tensors) if k not in operands]
        outside = self.kept.union(*others, labels_in(parts.outside))
        outside = outside.union(*map(labels_of, parts.outer_hots))
        kept = self._in_order(held, parts, outside)
        box = self._entries(between.union(held))
        made, before = self._entries(set(kept)), sum(self.entries[k] for k in operands)
        if len(operands) == 1 and made >= before and box <= before:
            return  # a view
        if made > before + self.most:
            return
        stage = System(tensors, parts.inner_hots, tuple(parts.inside), kept)
        relations, hots = tuple(parts.outside), parts.outer_hots
        yield _Candidate(made - before, box, number, stage, kept, relations, hots, operands)

    def _in_order(self, held: list[Label], parts: _Parts, outside: set[Label]) -> Labels:
        """The labels that a stage keeps; what stands for others is where the first of these is."""
        found: dict[Label, None] = {}
        links = [labels_in([one]) for one in parts.inside]
        links += [labels_of(hot) for hot in parts.inner_hots]
        for label in held:
            if label in outside:
                found[label] = None
                continue
            for link in links:
                if label in link:
                    found.update(dict.fromkeys(sorted(link & outside)))
        for link in links:
            found.update(dict.fromkeys(sorted(link & outside)))
        return tuple(found)

    def _entries(self, labels: Iterable[Label]) -> int:
        return prod([self.ways.lengths[label] for label in labels])
