"""Names of sizes in a source, and its remarks: comments that tell the shapes of its values in
these names.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence

from ..expression import (
    SHORT_SIZES,
    Einsum,
    Expr,
    Polynomial,
    Size,
    Sizes,
    Tensor,
    as_factor,
    everything,
    fresh_names,
    spelled_size,
    walk,
)
from .source_text import shape

WIDTH = 110  # of the lines that tell the shapes of all arguments


class Names:
    """Names for the variables of a source: tensors keep theirs, sizes are called by their
    labels.
    """

    def __init__(self, roots: tuple[Expr, ...], sizes: Sizes, taken: set[str]) -> None:
        self.sizes, self.taken = sizes, taken
        self.known: dict[Size, str] = {}  # sizes that have a name
        self.wanted: dict[Size, str] = {}  # what they would be called best
        for node in walk(roots, everything):
            if isinstance(node, Tensor):
                self._want(node.axis_sizes, node.axes)
            if isinstance(node, Einsum):
                for factor, labels in node.slots:
                    self._want(
                        factor.axis_sizes, tuple(node.letters.get(label) for label in labels)
                    )

    def _want(self, sizes: tuple[Size, ...], names: tuple[str | None, ...]) -> None:
        for size, name in zip(sizes, names, strict=True):
            if name and not isinstance(size, int):
                self.wanted.setdefault(self.sizes.find(size), name)

    def size(self, size: Size) -> str:
        """The variable that holds a size, or the size itself if it is a number: one that is part of
        an index expression may be negative.
        """
        number = self.sizes.known_number(size)
        if number is not None:
            return str(number)
        size = self.sizes.find(size)
        if isinstance(size, int):
            return str(size)
        if isinstance(size, Polynomial):
            return as_factor(size, spelled_size(size, self.size, SHORT_SIZES))
        if size not in self.known:
            name = self.wanted.get(size, size if isinstance(size, str) else "n")
            if name in self.taken or keyword.iskeyword(name):
                name = fresh_names(1, self.taken)[0]
            self.known[size] = name
            self.taken.add(name)
        return self.known[size]

    def fresh(self, name: str) -> str:
        """A name like `name` that nothing has yet."""
        while name in self.taken:
            name = "_" + name
        self.taken.add(name)
        return name

    def shape(self, sizes: Iterable[Size]) -> str:
        """A shape as it is written in a remark.

        >>> Names((), Sizes({}), set()).shape((2, 3)), Names((), Sizes({}), set()).shape((2,))
        ('(2, 3)', '(2,)')
        """
        return shape([self.size(size) for size in sizes])


def head(arguments: Mapping[str, str], results: Sequence[str]) -> list[str]:
    """The remark on top of a function: the shape of each argument and of each result.

    >>> head({"A": "(i, j)", "x": "(j,)"}, ["(i,)"])
    ['# A (i, j), x (j,) -> (i,)']
    """
    words = [f"{name} {shape}," for name, shape in arguments.items()]
    if words:
        words[-1] = words[-1].removesuffix(",")
    words.append(f"-> {', '.join(results) or '()'}")
    lines = words[:1]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [f"# {line}" for line in lines]


def remarked(lines: Sequence[str], shapes: Mapping[str, str]) -> list[str]:
    """The lines, each value with its shape where it gets its name, unless the line shows it.

    >>> lines = ["t0 = A @ B", "t1 = np.zeros((i, j))", "t1[0] = t0"]
    >>> remarked(lines, {"t0": "(i, k)", "t1": "(i, j)"})
    ['t0 = A @ B  # (i, k)', 't1 = np.zeros((i, j))', 't1[0] = t0']
    """
    with_shapes = []
    for line in lines:
        name = re.match(r"(\w+) = ", line)
        shape = shapes.get(name[1]) if name else None
        if shape is not None and shape not in line:
            line = f"{line}  # {shape}"
        with_shapes.append(line)
    return with_shapes
