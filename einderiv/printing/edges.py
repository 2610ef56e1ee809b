"""The lines of a picture with their labels, each where nothing else is, and how clear the
picture is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .layout import Position
from .network import NetworkEdge, NetworkNode, TensorNetwork
from .routing import EdgeRoute, LegSides, NodeShape, routed, with_margin
from .svg import (
    Drawing,
    Rectangle,
    bounding_box,
    markup,
    one_drawing,
    text_box,
    text_line,
    text_width,
    tooltip,
)

LABEL_FONT = 13.0  # size of labels
AIR = 2.0  # around the letters of a label, in its box
SHARES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)  # of its line, where a label may be
LabelSizes = Mapping[str, int]
PlacedText = tuple[str, Rectangle]  # a text and where it stands


def label_with_size(label: str, sizes: LabelSizes) -> str:
    """A label with its size, if that is known."""
    return f"{label}: {sizes[label]}" if label in sizes else label


def drawn_edges(
    net: TensorNetwork,
    places: Sequence[Position],
    shapes: Sequence[NodeShape],
    ends: Mapping[int, Position],
    at: LegSides,
    sizes: LabelSizes,
) -> tuple[Drawing, int]:
    """All lines with their labels, the nodes above them, and the rings above those; and the
    number of faults.
    """
    ways = routed(net, places, shapes, ends, at)
    boxes = {
        k: shapes[k].drawn.box.moved(*places[k])
        for k in range(len(shapes))
        if net.nodes[k].kind != "leg"
    }
    marks = _labels(net, ways, ends, at, list(boxes.values()))
    found: list[Drawing] = []
    rings: list[str] = []
    for edge, route, own in zip(net.edges, ways, marks, strict=True):
        shown = [
            text_line(words, (b.left + b.right) / 2, (b.top + b.bottom) / 2, LABEL_FONT)
            for words, b in own
        ]
        about = tooltip(label_with_size(edge.label, sizes))
        stroke = markup(
            "path", d=route.path, fill="none", stroke="currentColor", stroke_width="1.4"
        )
        parts = markup("g", about, stroke, *shown, data_label=edge.label, class_="label")
        if first := _first(net, edge, route.borders):
            rings.append(markup("g", *first, data_label=edge.label, class_="label"))
        found.append(Drawing((parts,), bounding_box([route.box, *(b for _, b in own)]), tuple(own)))
    nodes = [shapes[k].drawn.at(*places[k]) for k in boxes]
    drawn = one_drawing([*found, *nodes])
    return drawn._replace(parts=(*drawn.parts, *rings)), _faults(net, ways, marks, boxes)


def _faults(
    net: TensorNetwork,
    ways: Sequence[EdgeRoute],
    marks: Sequence[Sequence[PlacedText]],
    boxes: Mapping[int, Rectangle],
) -> int:
    """Lines through nodes that are not theirs, or through labels, and labels upon labels or
    nodes.
    """
    texts = [box for own in marks for _, box in own]
    through = sum(
        route.through(box)
        for edge, route in zip(net.edges, ways, strict=True)
        for k, box in boxes.items()
        if k not in (edge.a, edge.b)
    )
    over = sum(route.through(with_margin(box, -AIR)) for route in ways for box in texts)
    upon = sum(
        a.touches(b, -1.0) for n, a in enumerate(texts) for b in [*texts[:n], *boxes.values()]
    )
    return through + over + upon


def _first(net: TensorNetwork, edge: NetworkEdge, borders: tuple[Position, Position]) -> list[str]:
    """A ring where a line begins that is the first axis of an operand of several: it tells A
    from its transpose.
    """
    return [
        markup("circle", cx=x, cy=y, r=2.6, fill="Canvas", stroke="currentColor")
        for n, (x, y) in zip((edge.a, edge.b), borders, strict=True)
        if (node := net.nodes[n]).kind == "operand"
        and len(node.axes) > 1
        and node.axes[0] == edge.label
    ]


# ---- labels
def _labels(
    net: TensorNetwork,
    ways: Sequence[EdgeRoute],
    ends: Mapping[int, Position],
    at: LegSides,
    boxes: Sequence[Rectangle],
) -> list[list[PlacedText]]:
    """The labels of every edge: those of legs first, for they have one place only; then the
    shortest lines'.
    """
    marks = [
        [_leg_label(net.nodes[n], ends[n], at) for n in (edge.a, edge.b) if n in ends]
        for edge in net.edges
    ]
    taken = [*boxes, *(box for own in marks for _, box in own)]
    left = [k for k, own in enumerate(marks) if not own and not _said(net, k, ends)]
    for k in sorted(left, key=lambda k: _long(ways[k])):
        marks[k] = [_beside(net.edges[k].label, ways[k], taken, ways)]
        taken.append(marks[k][0][1])
    return marks


def _long(route: EdgeRoute) -> float:
    (px, py), (qx, qy) = route.borders
    return abs(px - qx) + abs(py - qy)


def _said(net: TensorNetwork, k: int, ends: Mapping[int, Position]) -> bool:
    """Is the label of a line written at another line of the same dot?"""
    dot = net.edges[k].b
    return net.nodes[dot].kind == "dot" and any(
        e.b == dot and (e.a in ends or j < k) for j, e in enumerate(net.edges)
    )


def _leg_label(node: NetworkNode, end: Position, at: LegSides) -> PlacedText:
    """The name of an axis beyond the end of its leg."""
    words = node.axes[0]
    half = text_width(words, LABEL_FONT) / 2 + 5
    x, y = ((-half, 0.0), (half, 0.0), (0.0, 12.0))[
        next(k for k, side in enumerate(at) if node.place in side)
    ]
    return words, text_box(words, end[0] + x, end[1] + y, LABEL_FONT)


def _beside(
    label: str, route: EdgeRoute, taken: Sequence[Rectangle], ways: Sequence[EdgeRoute]
) -> PlacedText:
    """A place beside a line, outside of a bent one, where a label covers nothing, nor a line it."""
    best: tuple[int, Rectangle] | None = None
    outside = (-1, 1) if route.bend > 0 else (1, -1)
    for step in (1.0, 1.5, 2.1):
        for share in SHARES:
            (x, y), (dx, dy) = route.at(share)
            away = step * (9.0 + abs(dy) * text_width(label, LABEL_FONT) / 2)
            for side in outside[: 1 if route.bend else 2]:
                box = text_box(label, x + side * away * dy, y - side * away * dx, LABEL_FONT)
                inside = with_margin(box, -AIR)
                met = 5 * sum(box.touches(other, -1.0) for other in taken) + sum(
                    way.through(inside) for way in ways
                )
                if not met:
                    return label, box
                if best is None or met < best[0]:
                    best = met, box
    assert best is not None
    return label, best[1]
