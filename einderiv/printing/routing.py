"""The ways of lines: from border to border of nodes, around all others.

A line is straight, or one quadratic curve. Lines between the same two nodes are bows beside each
other. Where one would run through another node, they bend together, as little as will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from .layout import Position
from .network import NetworkEdge, NodeKind, TensorNetwork
from .svg import Drawing, Rectangle, bounding_box, coordinate

CORNER = 8.0  # radius of the corners of frames
FULLY_ROUND = 32.0  # nodes that are at most so high have a half circle at either end
BESIDE = 26.0  # between the middles of bows beside each other
# in the order in which they are tried
BENDS = (0.0, -20.0, 20.0, -34.0, 34.0, -52.0, 52.0, -72.0, 72.0, -96.0, 96.0)
CLEARANCE = 6.0  # pixels that a line keeps from nodes that are not its own
PIECES = 10  # straight ones that stand for a curve where it is asked what is in its way


class LegSides(NamedTuple):
    """The axes of the result by the side of the picture where their legs end."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    below: tuple[int, ...]


class NodeShape(NamedTuple):
    """A node as it is drawn around its middle."""

    drawn: Drawing
    wide: float
    high: float
    corner: float | None = None  # radius of its corners, if it is not that of its kind


class EdgeRoute(NamedTuple):
    """The way of one line."""

    path: str  # as SVG has it
    points: tuple[Position, ...]  # of straight pieces that are near enough
    borders: tuple[Position, Position]  # where it begins and ends
    bend: float
    box: Rectangle  # around all of it

    def through(self, box: Rectangle) -> bool:
        """Does it run through a rectangle?"""
        if not self.box.touches(box, 0.1):
            return False
        return any(crosses(box, p, q) for p, q in pairwise(self.points))

    def at(self, share: float) -> tuple[Position, Position]:
        """The point at a share of the pieces, and the direction there, of length 1."""
        pieces = len(self.points) - 1
        complete = min(int(share * pieces), pieces - 1)
        part = share * pieces - complete  # of the piece where the point is
        start_x, start_y = self.points[complete]
        stop_x, stop_y = self.points[complete + 1]
        dx, dy = stop_x - start_x, stop_y - start_y
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        return (start_x + part * dx, start_y + part * dy), (dx / length, dy / length)


def crosses(box: Rectangle, p: Position, q: Position) -> bool:
    """Does the line from `p` to `q` run through a rectangle? (Liang and Barsky, 1984: what its
    sides leave of it.)
    """
    enters, leaves = 0.0, 1.0  # shares of the line
    sides = ((p[0], q[0], box.left, box.right), (p[1], q[1], box.top, box.bottom))
    for start, stop, low, high in sides:
        way = stop - start
        if way == 0:  # along the sides: between them all the time, or never
            if not low < start < high:
                return False
            continue
        at_low, at_high = (low - start) / way, (high - start) / way
        enters = max(enters, min(at_low, at_high))
        leaves = min(leaves, max(at_low, at_high))
    return enters < leaves


def routed(
    net: TensorNetwork,
    places: Sequence[Position],
    shapes: Sequence[NodeShape],
    ends: Mapping[int, Position],
    at: LegSides,
) -> list[EdgeRoute]:
    """The way of every edge; `ends` is where legs end."""
    boxes = {}
    for k, shape in enumerate(shapes):
        if net.nodes[k].kind is not NodeKind.LEG:
            boxes[k] = with_margin(shape.drawn.box.moved(*places[k]), CLEARANCE)
    # Edges between the same two nodes are bows beside each other, and bend together.
    groups: dict[frozenset[int], list[int]] = {}
    for k, edge in enumerate(net.edges):
        groups.setdefault(frozenset((edge.a, edge.b)), []).append(k)

    routes: dict[int, EdgeRoute] = {}
    for group in groups.values():
        edges = [net.edges[k] for k in group]
        first = edges[0]
        others = [box for k, box in boxes.items() if k not in (first.a, first.b)]
        fewest_met = None
        for shift in BENDS:
            tried = []
            for n, edge in enumerate(edges):
                # Bends are to the right of the way of an edge: one that goes the other way has
                # the other sign.
                turned = shift if edge.a == first.a else -shift
                beside = BESIDE * (n - (len(group) - 1) / 2)
                tried.append(_route(net, edge, beside + turned, places, shapes, ends, at))
            met = 0
            for route in tried:
                met += sum(map(route.through, others))
            if fewest_met is None or met < fewest_met:
                fewest_met = met
                routes.update(zip(group, tried, strict=True))
            if met == 0:
                break
    return [routes[k] for k in range(len(net.edges))]


def with_margin(box: Rectangle, by: float) -> Rectangle:
    """A rectangle with a margin around it."""
    return Rectangle(box.left - by, box.top - by, box.right + by, box.bottom + by)


def _route(
    net: TensorNetwork,
    edge: NetworkEdge,
    bend: float,
    places: Sequence[Position],
    shapes: Sequence[NodeShape],
    ends: Mapping[int, Position],
    at: LegSides,
) -> EdgeRoute:
    """A line from border to border."""
    start = ends.get(edge.a, places[edge.a])
    stop = ends.get(edge.b, places[edge.b])
    first, last = shapes[edge.a], shapes[edge.b]
    inward = _inward(net, edge, at)
    points: tuple[Position, ...]
    if not bend and inward == (0.0, 0.0):
        borders = border_point(start, stop, first), border_point(stop, start, last)
        points = borders
        path = f"M{_at(borders[0])}L{_at(borders[1])}"
    else:
        # The control point is twice as far from the line as the curve is.
        dx, dy = stop[0] - start[0], stop[1] - start[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        control = (
            (start[0] + stop[0]) / 2 - dy / length * 2 * bend + inward[0],
            (start[1] + stop[1]) / 2 + dx / length * 2 * bend + inward[1],
        )
        borders = border_point(start, control, first), border_point(stop, control, last)
        path = f"M{_at(borders[0])}Q{_at(control)} {_at(borders[1])}"
        shares = [k / PIECES for k in range(PIECES + 1)]
        points = tuple(_on_curve(borders[0], control, borders[1], share) for share in shares)
    box = bounding_box(Rectangle(x, y, x, y) for x, y in points)
    return EdgeRoute(path, points, borders, bend, box)


def border_point(start: Position, to: Position, shape: NodeShape) -> Position:
    """Where the way to another point leaves a node: a rectangle with round corners, or a circle."""
    if not shape.wide:  # a node without a size
        return start
    dx, dy = to[0] - start[0], to[1] - start[1]
    half_wide, half_high = shape.wide / 2, shape.high / 2
    # The share of the way at which it leaves the rectangle; the node may hold all of the way.
    share = 1.0
    if dx:
        share = min(share, half_wide / abs(dx))
    if dy:
        share = min(share, half_high / abs(dy))
    radius = half_high if shape.high <= FULLY_ROUND else CORNER
    if shape.corner is not None:
        radius = shape.corner
    corner_x, corner_y = half_wide - radius, half_high - radius  # the middle of the corner
    at_a_corner = abs(dx) * share > corner_x and abs(dy) * share > corner_y
    if share < 1 and at_a_corner:
        # |share d - corner| = radius: of the two solutions the way out, which is the larger one.
        square = dx * dx + dy * dy
        along = abs(dx) * corner_x + abs(dy) * corner_y
        rest = corner_x * corner_x + corner_y * corner_y - radius * radius
        root = max(along * along - square * rest, 0.0) ** 0.5
        share = (along + root) / square
    return start[0] + share * dx, start[1] + share * dy


def _on_curve(start: Position, control: Position, stop: Position, t: float) -> Position:
    """The quadratic Bézier curve (1 - t)² start + 2 (1 - t) t control + t² stop."""
    u = 1 - t
    x = u * u * start[0] + 2 * u * t * control[0] + t * t * stop[0]
    y = u * u * start[1] + 2 * u * t * control[1] + t * t * stop[1]
    return x, y


def _inward(net: TensorNetwork, edge: NetworkEdge, at: LegSides) -> Position:
    """The way that a wire between two legs of one side bends."""
    first, second = net.nodes[edge.a], net.nodes[edge.b]
    if not first.kind is second.kind is NodeKind.LEG:
        return 0.0, 0.0
    for side, inward in zip(at, ((52.0, 0.0), (-52.0, 0.0), (0.0, -52.0)), strict=True):
        if first.place in side and second.place in side:
            return inward
    return 0.0, 0.0


def _at(point: Position) -> str:
    x, y = point
    return f"{coordinate(x)} {coordinate(y)}"
