"""The lines of a picture with their labels, each where nothing else is, and how clear the
picture is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .layout import Position
from .network import NetworkEdge, NetworkNode, NodeKind, TensorNetwork
from .routing import EdgeRoute, LegSides, NodeShape, routed, with_margin
from .svg import (
    PAPER,
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
    routes = routed(net, places, shapes, ends, at)
    boxes: dict[int, Rectangle] = {}
    for k, shape in enumerate(shapes):
        if net.nodes[k].kind is not NodeKind.LEG:
            boxes[k] = shape.drawn.box.moved(*places[k])
    labels = _labels(net, routes, ends, at, list(boxes.values()))
    lines: list[Drawing] = []
    rings: list[str] = []
    for edge, route, own_labels in zip(net.edges, routes, labels, strict=True):
        parts = [
            tooltip(label_with_size(edge.label, sizes)),
            markup("path", d=route.path, fill="none", stroke="currentColor", stroke_width="1.4"),
        ]
        covered = [route.box]
        for words, box in own_labels:
            x, y = box.middle
            parts.append(text_line(words, x, y, LABEL_FONT))
            covered.append(box)
        line = markup("g", *parts, data_label=edge.label, class_="label")
        lines.append(Drawing((line,), bounding_box(covered), tuple(own_labels)))
        own_rings = _rings(net, edge, route.borders)
        if own_rings:
            rings.append(markup("g", *own_rings, data_label=edge.label, class_="label"))
    nodes = [shapes[k].drawn.at(*places[k]) for k in boxes]
    drawn = one_drawing([*lines, *nodes])
    with_rings = drawn._replace(parts=(*drawn.parts, *rings))
    return with_rings, _faults(net, routes, labels, boxes)


def _rings(net: TensorNetwork, edge: NetworkEdge, borders: tuple[Position, Position]) -> list[str]:
    """A ring where a line begins that is the first axis of an operand of several: it tells A
    from its transpose.
    """
    rings = []
    for end, (x, y) in zip((edge.a, edge.b), borders, strict=True):
        node = net.nodes[end]
        several = node.kind is NodeKind.OPERAND and len(node.axes) > 1
        if several and node.axes[0] == edge.label:
            rings.append(markup("circle", cx=x, cy=y, r=2.6, fill=PAPER, stroke="currentColor"))
    return rings


def _faults(
    net: TensorNetwork,
    routes: Sequence[EdgeRoute],
    labels: Sequence[Sequence[PlacedText]],
    boxes: Mapping[int, Rectangle],
) -> int:
    """Lines through nodes that are not theirs, or through labels, and labels upon labels or
    nodes.
    """
    count = 0
    for edge, route in zip(net.edges, routes, strict=True):
        others = [box for k, box in boxes.items() if k not in (edge.a, edge.b)]
        count += sum(map(route.through, others))
    seen = list(boxes.values())
    for own_labels in labels:
        for _, box in own_labels:
            letters = with_margin(box, -AIR)
            count += sum(route.through(letters) for route in routes)
            count += sum(box.touches(other, -1.0) for other in seen)
            seen.append(box)
    return count


# ---- labels
def _labels(
    net: TensorNetwork,
    routes: Sequence[EdgeRoute],
    ends: Mapping[int, Position],
    at: LegSides,
    boxes: Sequence[Rectangle],
) -> list[list[PlacedText]]:
    """The labels of every edge: those of legs first, for they have one place only; then the
    shortest lines'.
    """
    labels: list[list[PlacedText]] = []
    taken = list(boxes)
    for edge in net.edges:
        legs = [end for end in (edge.a, edge.b) if end in ends]
        own = [_leg_label(net.nodes[leg], ends[leg], at) for leg in legs]
        labels.append(own)
        taken += [box for _, box in own]
    left = [k for k, own in enumerate(labels) if not own and not _is_said(net, k, ends)]
    for k in sorted(left, key=lambda k: _extent(routes[k])):
        label = _beside(net.edges[k].label, routes[k], taken, routes)
        labels[k] = [label]
        taken.append(label[1])
    return labels


def _extent(route: EdgeRoute) -> float:
    (start_x, start_y), (stop_x, stop_y) = route.borders
    return abs(start_x - stop_x) + abs(start_y - stop_y)


def _is_said(net: TensorNetwork, k: int, ends: Mapping[int, Position]) -> bool:
    """Is the label of a line written at another line of the same dot?"""
    dot = net.edges[k].b
    if net.nodes[dot].kind is not NodeKind.DOT:
        return False
    edges = enumerate(net.edges)
    return any(other.b == dot and (other.a in ends or j < k) for j, other in edges)


def _leg_label(node: NetworkNode, end: Position, at: LegSides) -> PlacedText:
    """The name of an axis beyond the end of its leg."""
    words = node.axes[0]
    half = text_width(words, LABEL_FONT) / 2 + 5
    x, y = end
    if node.place in at.left:
        x -= half
    elif node.place in at.right:
        x += half
    else:
        y += 12.0
    return words, text_box(words, x, y, LABEL_FONT)


def _beside(
    label: str, route: EdgeRoute, taken: Sequence[Rectangle], routes: Sequence[EdgeRoute]
) -> PlacedText:
    """A place beside a line, outside of a bent one, where a label covers nothing, nor a line it."""
    best: tuple[int, Rectangle] | None = None
    sides = [1, -1]
    if route.bend:
        sides = [-1 if route.bend > 0 else 1]
    half = text_width(label, LABEL_FONT) / 2
    for step in (1.0, 1.5, 2.1):
        for share in SHARES:
            (x, y), (dx, dy) = route.at(share)
            away = step * (9.0 + abs(dy) * half)
            for side in sides:
                box = text_box(label, x + side * away * dy, y - side * away * dx, LABEL_FONT)
                letters = with_margin(box, -AIR)
                # What a label covers is worse than a line through it.
                covered = sum(box.touches(other, -1.0) for other in taken)
                crossed = sum(other.through(letters) for other in routes)
                met = 5 * covered + crossed
                if met == 0:
                    return label, box
                if best is None or met < best[0]:
                    best = met, box
    assert best is not None
    return label, best[1]
