"""`sparsity`: where a flattened derivative is not zero, from its embedding alone: nothing of its
size is formed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from ..errors import EinderivError, ShapeError, near
from ..expression import (
    Add,
    Einsum,
    Expr,
    Label,
    Polynomial,
    Size,
    axis_names,
    flatten,
    is_zero,
    linear_terms,
    natural,
    variables,
    wrapped,
)
from ..expression import Sizes as Known
from .edges import LABEL_FONT
from .embedding_points import embedding_points
from .svg import Drawing, Picture, Rectangle, coordinate, markup, one_drawing, text_box, text_line

Spans = dict[Label, tuple[int, int]]  # the first and last value of each label in a box

ASSUMED_SIZE = 4  # of an axis whose size nobody says
GRID_CELLS = 96  # rows and columns of the grid that is drawn, at most
GRID_PIXELS = 320.0  # pixels of the longer side
NO_ROWS = "this is no derivative, so nothing says which axes are rows: give split="
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
    count = J.record.count if J.record is not None else 0
    if split is None and not 0 < count <= J.ndim:
        raise TypeError(NO_ROWS)
    rows = J.ndim - count if split is None else split
    if not 0 <= rows <= J.ndim:
        raise TypeError(NO_ROWS)
    terms = []
    if not is_zero(J):
        addends = J.addends if isinstance(J, Add) else (J,)
        terms = [flatten(wrapped(term)) for term in addends]
    shape, known = _shape(J, sizes, terms)
    height, width = prod(shape[:rows]), prod(shape[rows:])
    total = height * width
    points = [_points(term, known) for term in terms]
    counts = [
        _entries(t, shape) if p is None else len(p) for t, p in zip(terms, points, strict=True)
    ]
    filled = min(sum(counts), total)
    bound = "at most " if len(terms) > 1 else ""
    share = filled / total if total else 0.0
    entries = f"{bound}{filled} of {total} entries are not zero for sure"
    return Picture(
        _drawn(terms, points, shape, rows, axis_names(J)),
        f"{height} by {width}, {entries}: {100 * share:.3g} %",
        "filled cells may hold entries that are not zero",
    )


def _points(term: Einsum, known: Known) -> list[tuple[int, ...]] | None:
    """The places that a term with relations shows; of all others the embedding says it."""
    return None if term.parts is None else list(dict.fromkeys(embedding_points(term, known)))


def _shape(
    J: Expr, given: Mapping[str, Any] | None, terms: Sequence[Einsum]
) -> tuple[tuple[int, ...], Known]:
    shapes, numbers = _shapes_and_sizes(given or {})
    known = Known(shapes).read([J])
    for key, size in numbers.items():
        _fix(known, J, key, size)
    if given is None:
        inside = [size for term in terms if term.parts for _, size in term.given]
        inside += [size for t in terms if t.parts for f in t.factors for size in f.axis_sizes]
        _assume(known, [*J.axis_sizes, *inside])
    shape = []
    for name, axis_size in zip(axis_names(J), J.axis_sizes, strict=True):
        measure = known.known_measure(axis_size)
        if measure is None:
            raise ShapeError(f"the size of axis {name} is not known: give sizes={{{name!r}: …}}")
        shape.append(measure)
    return tuple(shape), known


def _assume(known: Known, sizes: Iterable[Size]) -> None:
    """A size for each axis that nobody says. Axes that are polynomials follow from others, of which
    those that are taken away are shorter: an axis of n - w + 1 has at least some entries.
    """
    for size in sizes:
        if not isinstance(size, Polynomial) and known.known_measure(size) is None:
            known.fix(size, ASSUMED_SIZE, "sparsity")
    for size in sizes:
        taken_away = {own for own, number in linear_terms(size).items() if number < 0}
        for own in variables(size):
            if known.known_measure(own) is None:
                short = own in taken_away
                known.fix(own, ASSUMED_SIZE // 2 if short else ASSUMED_SIZE, "sparsity")


def _shapes_and_sizes(
    given: Mapping[str, Any],
) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Shapes by names of tensors, and sizes by names of axes."""
    shapes: dict[str, tuple[int, ...]] = {}
    sizes: dict[str, int] = {}
    for name, value in given.items():
        if isinstance(value, (tuple, list)):
            shapes[name] = tuple(natural(n, f"an axis of {name}") for n in value)
        else:
            sizes[name] = natural(value, f"the size of {name!r}")
    return shapes, sizes


def _fix(known: Known, J: Expr, key: str, given: int) -> None:
    """Give an axis its size. Raises for one that is not there, or has another."""
    names = axis_names(J)
    size: Size
    if key in names:
        size = J.axis_sizes[names.index(key)]
    elif key in known.names:
        size = key
    else:
        raise EinderivError(f"no axis is called {key[:40]!r}; {near(key, (*names, *known.names))}")
    measure = known.known_measure(size)
    if measure not in (None, given):
        raise ShapeError(f"sizes gives axis {key!r} the size {given}, but it has size {measure}")
    if not isinstance(size, int):
        known.fix(size, given, f"sizes={{{key!r}: {given}}}")


def _entries(term: Einsum, shape: Sequence[int]) -> int:
    """The entries of the embedding: one for each value of its distinct labels."""
    sizes = dict(zip(term.output, shape, strict=True))
    return prod(sizes.values())


def _drawn(
    terms: Sequence[Einsum],
    points: Sequence[list[tuple[int, ...]] | None],
    shape: Sequence[int],
    rows: int,
    names: Sequence[str],
) -> Drawing:
    height, width = prod(shape[:rows]), prod(shape[rows:])
    down = min(max(height, 1), GRID_CELLS)
    across = min(max(width, 1), GRID_CELLS)
    cell = GRID_PIXELS / max(down, across)
    box = Rectangle(0, 0, cell * across, cell * down)
    frame = markup(
        "rect", x=0, y=0, width=box.right, height=box.bottom, fill="none", stroke="currentColor"
    )
    cells: set[tuple[int, int]] = set()
    for term, places in zip(terms, points, strict=True):
        if places is None:
            cells |= _cells(term.output, shape, rows, down, across)
        else:
            cells |= _cells_of_places(places, shape, rows, (down, across))
    path = ""
    for y, x, count in _runs(cells):
        path += _rectangle(x * cell, y * cell, count * cell, cell)
    filled = markup("path", d=path or "M0 0", fill="currentColor", fill_opacity="0.75")
    middle = box.right / 2
    columns = f"columns: {_axes(names[rows:], shape[rows:])}"
    below = f"rows: {_axes(names[:rows], shape[:rows])}"
    return one_drawing(
        [
            Drawing((frame, filled), box),
            _label(columns, middle, -12.0),
            _label(below, middle, box.bottom + 14),
        ]
    )


def _label(words: str, x: float, y: float) -> Drawing:
    box = text_box(words, x, y, LABEL_FONT)
    return Drawing((text_line(words, x, y, LABEL_FONT),), box, ((words, box),))


def _axes(names: Sequence[str], shape: Sequence[int]) -> str:
    axes = [f"{name}({size})" for name, size in zip(names, shape, strict=True)]
    return " × ".join(axes) or "1"


def _cells_of_places(
    places: Sequence[tuple[int, ...]], shape: Sequence[int], rows: int, drawn: tuple[int, int]
) -> set[tuple[int, int]]:
    """The cells of single entries."""
    height, width = prod(shape[:rows]), prod(shape[rows:])
    cells: set[tuple[int, int]] = set()
    for place in places:
        row = column = 0
        for index, size in zip(place[:rows], shape[:rows], strict=True):
            row = row * size + index
        for index, size in zip(place[rows:], shape[rows:], strict=True):
            column = column * size + index
        cells.add((row * drawn[0] // height, column * drawn[1] // width))
    return cells


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
    row_side = _Side(output[:rows], sizes, down)
    column_side = _Side(output[rows:], sizes, across)
    cells: set[tuple[int, int]] = set()
    tied = [label for label in output if output.count(label) > 1]
    # A box of many labels takes longer; up to four take the least that there is to do.
    most = 1 + BOXES_TRIED // max(len(set(tied)) // 4, 1)
    boxes: list[Spans] = [{label: (0, sizes[label] - 1) for label in tied}]
    tried = 0
    while boxes:
        box = boxes.pop()
        tried += 1
        wide = [label for label, (low, high) in box.items() if low < high]
        if not wide or _fills_its_cells(box, row_side, column_side):
            cells.update(product(row_side.cells(box), column_side.cells(box)))
        elif tried > most:  # what is sure: both ends
            for end in _both_ends(box):
                cells.update(product(row_side.cells(end), column_side.cells(end)))
        else:
            widths = {}
            for label in wide:
                span = box[label]
                widths[label] = max(row_side.width(label, span), column_side.width(label, span))
            widest = max(wide, key=widths.__getitem__)
            low, high = box[widest]
            middle = (low + high) // 2
            boxes += [{**box, widest: (low, middle)}, {**box, widest: (middle + 1, high)}]
    return cells


def _fills_its_cells(box: Spans, rows: _Side, columns: _Side) -> bool:
    """Is a box so small that all cells which it spans are touched by its values?"""
    if not (rows.is_narrow(box) and columns.is_narrow(box)):
        return False
    first, last = _both_ends(box)
    return rows.cells(first) == rows.cells(last) or columns.cells(first) == columns.cells(last)


def _both_ends(box: Spans) -> tuple[Spans, Spans]:
    """The least and the greatest values of a box, each a box of one value."""
    first = {label: (low, low) for label, (low, _) in box.items()}
    last = {label: (high, high) for label, (_, high) in box.items()}
    return first, last


class _Side:
    """The rows or the columns: labels, how far apart their values are, and the cells that are
    drawn.
    """

    def __init__(self, labels: Sequence[Label], sizes: Mapping[Label, int], most: int) -> None:
        """`most` is how many cells are drawn."""
        self.labels, self.sizes, self.most = labels, sizes, most
        shape = [sizes[label] for label in labels]
        self.strides = [prod(shape[k + 1 :]) for k in range(len(shape))]
        self.total = prod(shape)

    def width(self, label: Label, span: tuple[int, int]) -> float:
        """What the values from one to the other span, in cells."""
        stride = 0  # of a label that stands here twice, the sum of both
        for own, own_stride in zip(self.labels, self.strides, strict=True):
            if own == label:
                stride += own_stride
        low, high = span
        return (high - low) * stride * self.most / self.total

    def is_narrow(self, box: Spans) -> bool:
        """Do all values of a box lie within the length of a cell?"""
        return sum(self.width(label, span) for label, span in box.items()) < 1

    def cells(self, box: Spans) -> set[int]:
        """The cells of a box: the slow axes one by one while they matter, the rest as one range."""
        ranges = {(0, 0)}  # from the first to the last flat index
        for label, stride in zip(self.labels, self.strides, strict=True):
            if label in box:
                spans = [box[label]]
            elif stride * self.most > self.total:
                # Its values are seen one by one: together fewer than cells.
                spans = [(k, k) for k in range(self.sizes[label])]
            else:
                spans = [(0, self.sizes[label] - 1)]
            longer = set()
            for (start, stop), (low, high) in product(ranges, spans):
                longer.add((start + low * stride, stop + high * stride))
            ranges = longer
        cells: set[int] = set()
        for start, stop in ranges:
            first = start * self.most // self.total
            last = min(stop * self.most // self.total, self.most - 1)
            cells.update(range(first, last + 1))
        return cells


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    """A path around a rectangle."""
    corner = f"{coordinate(x)} {coordinate(y)}"
    across, down, back = coordinate(width), coordinate(height), coordinate(-width)
    return f"M{corner}h{across}v{down}h{back}z"


def _runs(cells: set[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Cells side by side as one rectangle: row, first column, how many."""
    runs: list[tuple[int, int, int]] = []
    for row, column in sorted(cells):
        if runs:
            last_row, first, count = runs[-1]
            if last_row == row and first + count == column:
                runs[-1] = row, first, count + 1
                continue
        runs.append((row, column, 1))
    return runs
