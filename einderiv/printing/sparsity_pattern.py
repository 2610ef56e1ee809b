"""`sparsity`: where a flattened derivative is not zero, from its embedding alone: nothing of its
size is formed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, product
from math import prod
from typing import Any

from ..errors import EinderivError, ShapeError, near
from ..expression import (
    Add,
    Einsum,
    Expr,
    Label,
    axis_names,
    flatten,
    is_product,
    is_zero,
    natural,
    wrapped,
)
from ..expression import Sizes as Known
from .edges import LABEL_FONT
from .svg import Drawing, Picture, Rectangle, coordinate, markup, one_drawing, text_box, text_line

Spans = dict[Label, tuple[int, int]]  # the first and last value of each label in a box

ASSUMED_SIZE = 4  # of an axis whose size nobody says
GRID_CELLS = 96  # rows and columns of the grid that is drawn, at most
GRID_PIXELS = 320.0  # pixels of the longer side
BOXES_TRIED = 8192  # boxes of tied indices that are looked at for each term


def sparsity(
    J: Expr, sizes: Mapping[str, Any] | None = None, *, split: int | None = None
) -> Picture:
    """The pattern of a derivative as a matrix: output axes flattened by rows, input axes by
    columns.

    `sizes` gives the sizes of its axes, or shapes by the names of tensors; without it an axis whose
    size is not declared has 4. `split` says how many axes are rows, where `J` is no derivative. A
    cell of the picture that is filled holds at least one entry that need not be zero; large tensors
    have many entries to a cell. The count is exact for one term, an upper bound where terms may
    overlap.

    >>> import einderiv as ed
    >>> J = ed.derive("ij,j->i", 0)
    >>> print(sparsity(J, {"i": 3, "a": 3, "b": 4}).alt)
    3 by 12, 12 of 36 entries are not zero for sure: 33.3 %

    Raises ShapeError for a size that is not known, TypeError for what has no rows and columns.
    """
    if not isinstance(J, Expr):
        raise TypeError(f"sparsity draws a derivative, not {type(J).__name__}")
    own = J.record.count if J.record is not None else 0
    rows = J.ndim - own if split is None else split
    if (split is None and not 0 < own <= J.ndim) or not 0 <= rows <= J.ndim:
        raise TypeError("this is no derivative, so nothing says which axes are rows: give split=")
    shape = _shape(J, sizes)
    terms = (
        []
        if is_zero(J)
        else [flatten(wrapped(t)) for t in (J.addends if isinstance(J, Add) else (J,))]
    )
    height, width_ = prod(shape[:rows]), prod(shape[rows:])
    filled = min(sum(_entries(t, shape) for t in terms), height * width_)
    bound = "at most " * (len(terms) > 1)
    share = filled / (height * width_) if height * width_ else 0.0
    of = height * width_
    entries = f"{bound}{filled} of {of} entries are not zero for sure"
    alt = f"{height} by {width_}, {entries}: {100 * share:.3g} %"
    return Picture(
        _drawn(terms, shape, rows, axis_names(J)),
        alt,
        "filled cells may hold entries that are not zero",
    )


def _shape(J: Expr, given: Mapping[str, Any] | None) -> tuple[int, ...]:
    sizes = given or {}
    shapes = {
        name: tuple(natural(k, f"an axis of {name}") for k in n)
        for name, n in sizes.items()
        if isinstance(n, (tuple, list))
    }
    sizes = {
        name: natural(n, f"the size of {name!r}") for name, n in sizes.items() if name not in shapes
    }
    known = Known(shapes).read([J])
    names = axis_names(J)
    for key, n in sizes.items():
        size = J.sizes[names.index(key)] if key in names else key if key in known.names else None
        if size is None:
            raise EinderivError(
                f"no axis is called {key[:40]!r}; {near(key, (*names, *known.names))}"
            )
        measure = known.known_measure(size)
        if measure not in (None, n):
            raise ShapeError(f"sizes gives axis {key!r} the size {n}, but it has size {measure}")
        if not isinstance(size, int):
            known.fix(size, n, f"sizes={{{key!r}: {n}}}")
    if given is None:
        for size in sorted(J.sizes, key=is_product):  # those of merged axes follow from others
            if known.known_measure(size) is None:
                known.fix(size, ASSUMED_SIZE, "sparsity")
    found = [known.known_measure(size) for size in J.sizes]
    for name, number_ in zip(names, found, strict=True):
        if number_ is None:
            raise ShapeError(f"the size of axis {name} is not known: give sizes={{{name!r}: …}}")
    return tuple(n for n in found if n is not None)


def _entries(term: Einsum, shape: Sequence[int]) -> int:
    """The entries of the embedding: one for each value of its distinct labels."""
    return prod(dict(zip(term.output, shape, strict=True)).values())


def _drawn(
    terms: Sequence[Einsum], shape: Sequence[int], rows: int, names: Sequence[str]
) -> Drawing:
    height, wide = prod(shape[:rows]), prod(shape[rows:])
    down, across = min(max(height, 1), GRID_CELLS), min(max(wide, 1), GRID_CELLS)
    cell = GRID_PIXELS / max(down, across)
    box = Rectangle(0, 0, cell * across, cell * down)
    cells: set[tuple[int, int]] = set()
    for term in terms:
        cells |= _cells(term.output, shape, rows, down, across)
    frame = markup(
        "rect", x=0, y=0, width=box.right, height=box.bottom, fill="none", stroke="currentColor"
    )
    runs = _runs(cells)
    path = "".join(_rectangle(x * cell, y * cell, n * cell, cell) for y, x, n in runs)
    found = [
        Drawing(
            (frame, markup("path", d=path or "M0 0", fill="currentColor", fill_opacity="0.75")), box
        )
    ]
    for words, x, y in (
        (_axes(names[rows:], shape[rows:]), box.right / 2, -12.0),
        (_axes(names[:rows], shape[:rows]), box.right / 2, box.bottom + 14),
    ):
        side = "columns" if y < 0 else "rows"
        label = f"{side}: {words}"
        found.append(
            Drawing(
                (text_line(label, x, y, LABEL_FONT),),
                text_box(label, x, y, LABEL_FONT),
                ((label, text_box(label, x, y, LABEL_FONT)),),
            )
        )
    return one_drawing(found)


def _axes(names: Sequence[str], shape: Sequence[int]) -> str:
    return " × ".join(f"{name}({n})" for name, n in zip(names, shape, strict=True)) or "1"


def _cells(
    output: Sequence[Label], shape: Sequence[int], rows: int, down: int, across: int
) -> set[tuple[int, int]]:
    """The cells that an embedding touches.

    Labels that stand twice are tied. A box of their values is halved until it is seen as one cell
    on one side, and on the other as one cell or two beside each other; all other labels fill what
    they span.
    """
    sizes = dict(zip(output, shape, strict=True))
    if not all(sizes.values()):
        return set()
    sides = _Side(output[:rows], sizes, down), _Side(output[rows:], sizes, across)
    found: set[tuple[int, int]] = set()
    boxes: list[Spans] = [{x: (0, sizes[x] - 1) for x in output if output.count(x) > 1}]
    for tried in count():
        if not boxes:
            return found
        at = boxes.pop()
        open_ = [x for x, (low, high) in at.items() if low < high]
        corners = [{x: (ends[k],) * 2 for x, ends in at.items()} for k in (0, 1)]
        if not open_ or (
            all(side.narrow(at) for side in sides)
            and any(side.cells(corners[0]) == side.cells(corners[1]) for side in sides)
        ):
            found.update(product(sides[0].cells(at), sides[1].cells(at)))
        elif tried > BOXES_TRIED:  # what is sure: both ends
            found.update(
                *(product(sides[0].cells(corner), sides[1].cells(corner)) for corner in corners)
            )
        else:
            x = max(open_, key=lambda x: max(side.width(x, at[x]) for side in sides))
            middle = sum(at[x]) // 2
            boxes += [{**at, x: (at[x][0], middle)}, {**at, x: (middle + 1, at[x][1])}]
    return found


class _Side:
    """The rows or the columns: labels, how far apart their values are, and the cells that are
    drawn.
    """

    def __init__(self, labels: Sequence[Label], sizes: Mapping[Label, int], most: int) -> None:
        self.labels, self.sizes, self.most = labels, sizes, most
        self.strides = _strides([sizes[x] for x in labels])
        self.total = prod(sizes[x] for x in labels)

    def width(self, label: Label, span: tuple[int, int]) -> float:
        """What the values from one to the other span, in cells."""
        far = sum(stride for x, stride in zip(self.labels, self.strides, strict=True) if x == label)
        return (span[1] - span[0]) * far * self.most / self.total

    def narrow(self, at: Spans) -> bool:
        """Do all values of a box lie within the length of a cell?"""
        return sum(self.width(x, span) for x, span in at.items()) < 1

    def cells(self, at: Spans) -> set[int]:
        """The cells of a box."""
        return _spans(self.labels, self.sizes, at, self.strides, self.total, self.most)


def _strides(shape: Sequence[int]) -> list[int]:
    return [prod(shape[k + 1 :]) for k in range(len(shape))]


def _spans(
    labels: Sequence[Label],
    sizes: Mapping[Label, int],
    at: Mapping[Label, tuple[int, int]],
    strides: Sequence[int],
    total: int,
    cells: int,
) -> set[int]:
    """The cells along one side: the slow axes one by one while they matter, the rest as one
    range.
    """
    starts = {(0, 0)}
    for label, stride in zip(labels, strides, strict=True):
        if label in at:
            ranges = [at[label]]
        elif stride * cells > total:  # its values are seen one by one: together fewer than cells
            ranges = [(k, k) for k in range(sizes[label])]
        else:
            ranges = [(0, sizes[label] - 1)]
        starts = {(low + a * stride, high + b * stride) for low, high in starts for a, b in ranges}
    return {
        c
        for low, high in starts
        for c in range(low * cells // total, min(high * cells // total, cells - 1) + 1)
    }


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    """A path around a rectangle."""
    across, down = coordinate(width), coordinate(height)
    return f"M{coordinate(x)} {coordinate(y)}h{across}v{down}h{coordinate(-width)}z"


def _runs(cells: set[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Cells side by side as one rectangle: row, first column, how many."""
    runs: list[tuple[int, int, int]] = []
    for y, x in sorted(cells):
        if runs and runs[-1][0] == y and runs[-1][1] + runs[-1][2] == x:
            runs[-1] = y, runs[-1][1], runs[-1][2] + 1
        else:
            runs.append((y, x, 1))
    return runs
