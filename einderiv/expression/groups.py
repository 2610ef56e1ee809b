"""What hangs together: parts that share something, and things that have become one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


def connected(
    parts: Sequence[Collection[Hashable]], apart: Container[Hashable] = ()
) -> list[list[int]]:
    """The connected components of `parts`, which are joined by what they share, but for what is in
    `apart`.

    Each component has the positions of its parts in order; the components are in the order of their
    first parts.

    >>> connected([(0, 1), (2,), (1, 3), ()])
    [[0, 2], [1], [3]]
    >>> connected([(0, 1), (2,), (1, 3), ()], apart={1})
    [[0], [1], [2], [3]]
    """
    holders: dict[Hashable, list[int]] = defaultdict(list)  # the parts that have something
    for k, part in enumerate(parts):
        for x in part:
            if x not in apart:
                holders[x].append(k)
    left = set(range(len(parts)))
    components: list[list[int]] = []
    for k in range(len(parts)):
        if k not in left:
            continue
        left.remove(k)
        component = [k]
        for j in component:  # it grows meanwhile
            for x in parts[j]:
                for near in holders.pop(x, ()):
                    if near in left:
                        left.remove(near)
                        component.append(near)
        component.sort()
        components.append(component)
    return components


class UnionFind(Generic[T]):
    """Things that become one, two classes of them at a time."""

    def __init__(self) -> None:
        self.parent: dict[T, T] = {}

    def find(self, x: T) -> T:
        """The one that the class of `x` goes by."""
        while (up := self.parent.get(x, x)) != x:
            x = up
        return x

    def unite(self, a: T, b: T) -> None:
        """Make two classes one, which goes by what that of `a` went by.

        >>> sizes = UnionFind()
        >>> sizes.unite("n", "m")
        >>> sizes.unite("k", "m")
        >>> sizes.find("m"), sizes.find("n"), sizes.find("other")
        ('k', 'k', 'other')
        """
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[b] = a
