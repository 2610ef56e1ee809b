"""The lines of a picture: from border to border of nodes, their labels where nothing else is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .drawing import Box, Drawn, around, element, line, number, text_box, title, together, width
from .layout import Point, crossed
from .networks import Edge, Network, Node

SMALL = 13.0  # size of labels
CORNER = 8.0  # radius of the corners of frames
ROUND = 32.0  # nodes that are at most so high have a half circle at either end
Sides = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # axes with legs at the left, at the right, below
Sizes = Mapping[str, int]


class Shape(NamedTuple):
    """A node as it is drawn around its middle."""

    drawn: Drawn
    wide: float
    high: float


def sized(label: str, sizes: Sizes) -> str:
    """A label with its size, if that is known."""
    return f"{label}: {sizes[label]}" if label in sizes else label


def lines(net: Network, places: Sequence[Point], shapes: Sequence[Shape], ends: Mapping[int, Point], at: Sides,
          sizes: Sizes) -> Drawn:  # fmt: skip
    """All lines with their labels, the nodes above them, and the rings above those."""
    boxes = [shapes[k].drawn.box.moved(*places[k]) for k in range(len(shapes)) if net.nodes[k].kind != "leg"]
    texts: list[tuple[str, Box]] = []
    found: list[Drawn] = []
    rings: list[str] = []
    same: dict[frozenset[int], list[int]] = {}

    def ends_of(edge: Edge) -> tuple[Point, Point]:
        return ends.get(edge.a, places[edge.a]), ends.get(edge.b, places[edge.b])

    for k, edge in enumerate(net.edges):
        same.setdefault(frozenset((edge.a, edge.b)), []).append(k)
    for k, edge in enumerate(net.edges):
        group = same[frozenset((edge.a, edge.b))]
        start, stop = ends_of(edge)
        bend = 26.0 * (group.index(k) - (len(group) - 1) / 2) + _over(edge, start, stop, places, shapes, ends)
        path, middle, borders = _path(start, stop, shapes[edge.a], shapes[edge.b], bend, _inward(net, edge, at))
        marks = [_leg_label(net.nodes[n], ends[n], at) for n in (edge.a, edge.b) if n in ends]
        if not marks and not _said(net, k, ends):
            others = [ends_of(e) for e in net.edges if e is not edge]
            marks = [_beside(edge.label, start, stop, middle, [*boxes, *(b for _, b in texts)], others, bend)]
        texts += marks
        shown = [line(words, (b.left + b.right) / 2, (b.top + b.bottom) / 2, SMALL) for words, b in marks]
        about = title(sized(edge.label, sizes))
        stroke = element("path", d=path, fill="none", stroke="currentColor", stroke_width="1.4")
        parts = element("g", about, stroke, *shown, data_label=edge.label, class_="label")
        if first := _first(net, edge, borders):
            rings.append(element("g", *first, data_label=edge.label, class_="label"))
        corners = [
            Box(min(p, q), min(r, t), max(p, q), max(r, t)) for (p, r), (q, t) in ((start, stop), (middle, middle))
        ]
        found.append(Drawn((parts,), around([*corners, *(b for _, b in marks)]), tuple(marks)))
    nodes = [shapes[k].drawn.at(*places[k]) for k in range(len(shapes)) if net.nodes[k].kind != "leg"]
    drawn = together([*found, *nodes])
    return drawn._replace(parts=(*drawn.parts, *rings))


def _said(net: Network, k: int, ends: Mapping[int, Point]) -> bool:
    """Is the label of a line written at another line of the same dot?"""
    dot = net.edges[k].b
    return net.nodes[dot].kind == "dot" and any(e.b == dot and (e.a in ends or j < k) for j, e in enumerate(net.edges))


def _first(net: Network, edge: Edge, borders: tuple[Point, Point]) -> list[str]:
    """A ring where a line begins that is the first axis of an operand of several: it tells A from its transpose."""
    return [
        element("circle", cx=x, cy=y, r=2.6, fill="Canvas", stroke="currentColor")
        for n, (x, y) in zip((edge.a, edge.b), borders, strict=True)
        if (node := net.nodes[n]).kind == "operand" and len(node.axes) > 1 and node.axes[0] == edge.label
    ]


def _over(edge: Edge, start: Point, stop: Point, places: Sequence[Point], shapes: Sequence[Shape],
          ends: Mapping[int, Point]) -> float:  # fmt: skip
    """How far a line bends to pass over the nodes that it would run through."""
    if edge.a in ends or edge.b in ends:
        return 0.0
    on_way = [k for k in range(len(places)) if k not in ends and k not in (edge.a, edge.b) and shapes[k].wide
              and crossed(places[k], (shapes[k].wide, shapes[k].high), start, stop)]  # fmt: skip
    high = max((shapes[k].high for k in on_way), default=0.0)
    return (high + 16.0) * (1.0 if stop[0] < start[0] else -1.0) if on_way else 0.0


def _inward(net: Network, edge: Edge, at: Sides) -> Point:
    """The way that a wire between two legs of one side bends."""
    if not net.nodes[edge.a].kind == net.nodes[edge.b].kind == "leg":
        return 0.0, 0.0
    first, second = (next(k for k, side in enumerate(at) if net.nodes[n].place in side) for n in (edge.a, edge.b))
    return ((52.0, 0.0), (-52.0, 0.0), (0.0, -52.0))[first] if first == second else (0.0, 0.0)


def _path(start: Point, stop: Point, a: Shape, b: Shape, bend: float, inward: Point
          ) -> tuple[str, Point, tuple[Point, Point]]:  # fmt: skip
    """A line from border to border, its middle, and where it begins and ends."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    far = (dx * dx + dy * dy) ** 0.5 or 1.0
    control = (
        (start[0] + stop[0]) / 2 - dy / far * 2 * bend + inward[0],
        (start[1] + stop[1]) / 2 + dx / far * 2 * bend + inward[1],
    )
    if bend or inward != (0.0, 0.0):
        p, q = _border(start, control, a), _border(stop, control, b)
        middle = (p[0] + 2 * control[0] + q[0]) / 4, (p[1] + 2 * control[1] + q[1]) / 4
        return f"M{_at(p)}Q{_at(control)} {_at(q)}", middle, (p, q)
    p, q = _border(start, stop, a), _border(stop, start, b)
    return f"M{_at(p)}L{_at(q)}", ((p[0] + q[0]) / 2, (p[1] + q[1]) / 2), (p, q)


def _at(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _border(start: Point, to: Point, shape: Shape) -> Point:
    """Where the way to another point leaves a node: a rectangle with round corners, or a circle."""
    dx, dy = to[0] - start[0], to[1] - start[1]
    ways = [half / abs(d) for half, d in ((shape.wide / 2, dx), (shape.high / 2, dy)) if d]
    share = min([1.0, *ways]) if shape.wide else 0.0
    r = shape.high / 2 if shape.high <= ROUND else CORNER
    x, y = shape.wide / 2 - r, shape.high / 2 - r  # the middle of the corner
    if share < 1 and abs(dx) * share > x and abs(dy) * share > y:  # |t d - c| = r, the way out
        square, along = dx * dx + dy * dy, abs(dx) * x + abs(dy) * y
        share = (along + max(along * along - square * (x * x + y * y - r * r), 0.0) ** 0.5) / square
    return start[0] + share * dx, start[1] + share * dy


def _leg_label(node: Node, end: Point, at: Sides) -> tuple[str, Box]:
    """The name of an axis beyond the end of its leg."""
    words = node.axes[0]
    half = width(words, SMALL) / 2 + 5
    x, y = ((-half, 0.0), (half, 0.0), (0.0, 12.0))[next(k for k, side in enumerate(at) if node.place in side)]
    return words, text_box(words, end[0] + x, end[1] + y, SMALL)


def _beside(label: str, start: Point, stop: Point, middle: Point, taken: Sequence[Box],
            lines: Sequence[tuple[Point, Point]], bend: float) -> tuple[str, Box]:  # fmt: skip
    """A place beside a line, outside of a bent one, where a label covers nothing, no other line if that can be."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    far = (dx * dx + dy * dy) ** 0.5 or 1.0
    away = 9.0 + abs(dy) / far * width(label, SMALL) / 2
    tries = []
    for share in (0.0, -0.12, 0.12, -0.22, 0.22):
        for side in (1.1, 1.6, 2.2) if bend < 0 else (-1.1, -1.6, -2.2) if bend else (1, -1, 1.6, -1.6):
            x, y = middle[0] + share * dx + side * away * dy / far, middle[1] + share * dy - side * away * dx / far
            tries.append(text_box(label, x, y, SMALL))
    free = [box for box in tries if not any(box.touches(b) for b in taken)]
    size = width(label, SMALL) - 12, SMALL - 12  # as wide as its letters, with what `crossed` keeps clear around
    clear = (
        b for b in free if not any(crossed(((b.left + b.right) / 2, (b.top + b.bottom) / 2), size, *ab) for ab in lines)
    )
    return label, next(clear, (free or tries)[0])
