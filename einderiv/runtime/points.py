"""Where a term sits whose labels are related: the points that satisfy all relations, enumerated.

A label that follows from others is computed, a relation between known labels filters, and only what
nothing decides is enumerated, within the range that the relations leave. So a band of width 3 has
3 n points, whatever the box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..backends import Array
from ..errors import LimitError, limits, spoken_bytes
from ..expression import Label, Labels, Relation, numbers_of

Places = tuple[Array, Labels]  # an index array, and the labels of its places and of its value


class Points:
    """The points of a system: for each label an array of its values, one for each point."""

    def __init__(
        self, relations: Sequence[Relation], hots: Sequence[Places], lengths: Mapping[Label, int]
    ) -> None:
        self.lengths = lengths
        self.count = 1
        self.values: dict[Label, Array] = {}
        # those that nothing has decided yet
        self.relations = list(relations)
        self.hots = [(np.asarray(array), labels) for array, labels in hots]

    def enumerate(self, labels: Iterable[Label]) -> None:
        """Give all of `labels` values, and those of the relations."""
        wanted = dict.fromkeys(labels)
        for one in self.relations:
            wanted |= dict.fromkeys([label for label, _ in one.terms])
        for _, own in self.hots:
            wanted |= dict.fromkeys(own)
        while True:
            self._follow()
            left = [label for label in wanted if label not in self.values]
            if not left:
                return
            read = {own[-1] for _, own in self.hots}  # these follow from where an array is read
            self._spread(min(left, key=lambda x: (x in read, self.lengths[x])))

    def _follow(self) -> None:
        """Use what is decided by labels that have values, until nothing is."""
        decided = True
        while decided:
            relations, self.relations = self.relations, []
            hots, self.hots = self.hots, []
            for one in relations:
                _, terms = numbers_of(one)
                unknown = [term for term in terms if term[0] not in self.values]
                if len(unknown) < 2:
                    self._solve(one, unknown)
                else:
                    self.relations.append(one)
            for array, labels in hots:
                if all(label in self.values for label in labels[:-1]):
                    self._read(array, labels)
                else:
                    self.hots.append((array, labels))
            left = len(self.relations) + len(self.hots)
            decided = left < len(relations) + len(hots)

    def _solve(self, one: Relation, unknown: Sequence[tuple[Label, int]]) -> None:
        """Use a relation in which at most one label has no values."""
        rest = self._sum(one)
        if not unknown:
            self._keep(rest == 0)
            return
        ((label, times),) = unknown
        found = -rest // times
        self.values[label] = found
        exact = found * times == -rest
        self._keep(exact & (found >= 0) & (found < self.lengths[label]))

    def _sum(self, one: Relation) -> Array:
        """What a relation says of the labels that have values, one number for each point."""
        constant, terms = numbers_of(one)
        total = np.full(self.count, constant, np.int64)
        for label, times in terms:
            if label in self.values:
                total += times * self.values[label]
        return total

    def _read(self, array: Array, labels: Labels) -> None:
        """Read an index array at labels that have values."""
        *places, value = labels
        found = array[tuple([self.values[label] for label in places])]
        found = np.broadcast_to(found, self.count).astype(np.int64)
        known = self.values.setdefault(value, found)
        self._keep((known == found) & (found >= 0) & (found < self.lengths[value]))

    def _keep(self, mask: Array) -> None:
        """Leave the points at which `mask` holds."""
        if mask.all():
            return
        self.count = int(np.count_nonzero(mask))
        self.values = {label: values[mask] for label, values in self.values.items()}

    def _spread(self, label: Label) -> None:
        """Enumerate a label, at each point within the range that the relations leave."""
        low = np.zeros(self.count, np.int64)
        high = np.full(self.count, self.lengths[label] - 1, np.int64)
        for one in self.relations:
            _, terms = numbers_of(one)
            times = dict(terms).get(label, 0)
            if times:
                self._narrow(one, label, times, low, high)
        counts = np.maximum(high - low + 1, 0)
        count = int(counts.sum())
        size = 8 * count * (len(self.values) + 2)
        if size > limits.dense_bytes:
            raise LimitError(
                f"the sparse form has {count} entries and takes {spoken_bytes(size)}, over the "
                f"limit of {spoken_bytes(limits.dense_bytes)} (ed.limits.dense_bytes)"
            )
        # Of a point whose label has n values there are n points now, which differ in the label.
        starts = np.cumsum(counts) - counts
        self.values = {x: np.repeat(values, counts) for x, values in self.values.items()}
        self.values[label] = np.arange(count) + np.repeat(low - starts, counts)
        self.count = count

    def _narrow(self, one: Relation, label: Label, times: int, low: Array, high: Array) -> None:
        """Raise `low` and lower `high` to where ``times · label = -rest`` can hold."""
        least = most = -self._sum(one)
        _, terms = numbers_of(one)
        for other, k in terms:
            if other != label and other not in self.values:
                reach = k * (self.lengths[other] - 1)
                least, most = least - max(reach, 0), most - min(reach, 0)
        if times < 0:
            least, most, times = -most, -least, -times
        np.maximum(low, -(-least // times), out=low)
        np.minimum(high, most // times, out=high)
