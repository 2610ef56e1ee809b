"""The lines of a picture with their labels, each where nothing else is, and how clear the picture is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .layout import Point
from .network import Edge, Network, Node
from .routing import Route, Shape, Sides, grown, routes
from .svg import Box, Drawn, around, element, line, text_box, title, together, width

SMALL = 13.0  # size of labels
AIR = 2.0  # around the letters of a label, in its box
SHARES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)  # of its line, where a label may be
Sizes = Mapping[str, int]
Mark = tuple[str, Box]  # a text and where it stands


def sized(label: str, sizes: Sizes) -> str:
    """A label with its size, if that is known."""
    return f"{label}: {sizes[label]}" if label in sizes else label


def lines(net: Network, places: Sequence[Point], shapes: Sequence[Shape], ends: Mapping[int, Point], at: Sides,
          sizes: Sizes) -> tuple[Drawn, int]:  # fmt: skip
    """All lines with their labels, the nodes above them, and the rings above those; and the number of faults."""
    ways = routes(net, places, shapes, ends, at)
    boxes = {k: shapes[k].drawn.box.moved(*places[k]) for k in range(len(shapes)) if net.nodes[k].kind != "leg"}
    marks = _labels(net, ways, ends, at, list(boxes.values()))
    found: list[Drawn] = []
    rings: list[str] = []
    for edge, route, own in zip(net.edges, ways, marks, strict=True):
        shown = [line(words, (b.left + b.right) / 2, (b.top + b.bottom) / 2, SMALL) for words, b in own]
        about = title(sized(edge.label, sizes))
        stroke = element("path", d=route.path, fill="none", stroke="currentColor", stroke_width="1.4")
        parts = element("g", about, stroke, *shown, data_label=edge.label, class_="label")
        if first := _first(net, edge, route.borders):
            rings.append(element("g", *first, data_label=edge.label, class_="label"))
        found.append(Drawn((parts,), around([route.box, *(b for _, b in own)]), tuple(own)))
    nodes = [shapes[k].drawn.at(*places[k]) for k in boxes]
    drawn = together([*found, *nodes])
    return drawn._replace(parts=(*drawn.parts, *rings)), _faults(net, ways, marks, boxes)


def _faults(net: Network, ways: Sequence[Route], marks: Sequence[Sequence[Mark]], boxes: Mapping[int, Box]) -> int:
    """Lines through nodes that are not theirs, or through labels, and labels upon labels or nodes."""
    texts = [box for own in marks for _, box in own]
    through = sum(route.through(box) for edge, route in zip(net.edges, ways, strict=True)
                  for k, box in boxes.items() if k not in (edge.a, edge.b))  # fmt: skip
    over = sum(route.through(grown(box, -AIR)) for route in ways for box in texts)
    upon = sum(a.touches(b, -1.0) for n, a in enumerate(texts) for b in [*texts[:n], *boxes.values()])
    return through + over + upon


def _first(net: Network, edge: Edge, borders: tuple[Point, Point]) -> list[str]:
    """A ring where a line begins that is the first axis of an operand of several: it tells A from its transpose."""
    return [
        element("circle", cx=x, cy=y, r=2.6, fill="Canvas", stroke="currentColor")
        for n, (x, y) in zip((edge.a, edge.b), borders, strict=True)
        if (node := net.nodes[n]).kind == "operand" and len(node.axes) > 1 and node.axes[0] == edge.label
    ]


# ---- labels
def _labels(net: Network, ways: Sequence[Route], ends: Mapping[int, Point], at: Sides, boxes: Sequence[Box]
            ) -> list[list[Mark]]:  # fmt: skip
    """The labels of every edge: those of legs first, for they have one place only; then the shortest lines'."""
    marks = [[_leg_label(net.nodes[n], ends[n], at) for n in (edge.a, edge.b) if n in ends] for edge in net.edges]
    taken = [*boxes, *(box for own in marks for _, box in own)]
    left = [k for k, own in enumerate(marks) if not own and not _said(net, k, ends)]
    for k in sorted(left, key=lambda k: _long(ways[k])):
        marks[k] = [_beside(net.edges[k].label, ways[k], taken, ways)]
        taken.append(marks[k][0][1])
    return marks


def _long(route: Route) -> float:
    (px, py), (qx, qy) = route.borders
    return abs(px - qx) + abs(py - qy)


def _said(net: Network, k: int, ends: Mapping[int, Point]) -> bool:
    """Is the label of a line written at another line of the same dot?"""
    dot = net.edges[k].b
    return net.nodes[dot].kind == "dot" and any(e.b == dot and (e.a in ends or j < k) for j, e in enumerate(net.edges))


def _leg_label(node: Node, end: Point, at: Sides) -> Mark:
    """The name of an axis beyond the end of its leg."""
    words = node.axes[0]
    half = width(words, SMALL) / 2 + 5
    x, y = ((-half, 0.0), (half, 0.0), (0.0, 12.0))[next(k for k, side in enumerate(at) if node.place in side)]
    return words, text_box(words, end[0] + x, end[1] + y, SMALL)


def _beside(label: str, route: Route, taken: Sequence[Box], ways: Sequence[Route]) -> Mark:
    """A place beside a line, outside of a bent one, where a label covers nothing, nor a line it."""
    best: tuple[int, Box] | None = None
    outside = (-1, 1) if route.bend > 0 else (1, -1)
    for step in (1.0, 1.5, 2.1):
        for share in SHARES:
            (x, y), (dx, dy) = route.at(share)
            away = step * (9.0 + abs(dy) * width(label, SMALL) / 2)
            for side in outside[: 1 if route.bend else 2]:
                box = text_box(label, x + side * away * dy, y - side * away * dx, SMALL)
                inside = grown(box, -AIR)
                met = 5 * sum(box.touches(other, -1.0) for other in taken) + sum(way.through(inside) for way in ways)
                if not met:
                    return label, box
                if best is None or met < best[0]:
                    best = met, box
    assert best is not None
    return label, best[1]
