"""The ways of lines: from border to border of nodes, around all others.

A line is straight, or one quadratic curve. Lines between the same two nodes are bows beside each
other. Where one would run through another node, they bend together, as little as will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from .layout import Position
from .network import NetworkEdge, TensorNetwork
from .svg import Drawing, Rectangle, bounding_box, coordinate

CORNER = 8.0  # radius of the corners of frames
FULLY_ROUND = 32.0  # nodes that are at most so high have a half circle at either end
BESIDE = 26.0  # between the middles of bows beside each other
# in the order in which they are tried
BENDS = (0.0, -20.0, 20.0, -34.0, 34.0, -52.0, 52.0, -72.0, 72.0, -96.0, 96.0)
CLEARANCE = 6.0  # pixels that a line keeps from nodes that are not its own
PIECES = 10  # straight ones that stand for a curve where it is asked what is in its way
# axes with legs at the left, at the right, below
LegSides = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class NodeShape(NamedTuple):
    """A node as it is drawn around its middle."""

    drawn: Drawing
    wide: float
    high: float


class EdgeRoute(NamedTuple):
    """The way of one line."""

    path: str  # as SVG has it
    points: tuple[Position, ...]  # of straight pieces that are near enough
    borders: tuple[Position, Position]  # where it begins and ends
    bend: float
    box: Rectangle  # around all of it

    def through(self, box: Rectangle) -> bool:
        """Does it run through a rectangle?"""
        return self.box.touches(box, 0.1) and any(
            crosses(box, p, q) for p, q in pairwise(self.points)
        )

    def at(self, share: float) -> tuple[Position, Position]:
        """The point at a share of the pieces, and the direction there, of length 1."""
        place = share * (len(self.points) - 1)
        k = min(int(place), len(self.points) - 2)
        (px, py), (qx, qy) = self.points[k : k + 2]
        dx, dy = qx - px, qy - py
        far = (dx * dx + dy * dy) ** 0.5 or 1.0
        return (px + (place - k) * dx, py + (place - k) * dy), (dx / far, dy / far)


def crosses(box: Rectangle, p: Position, q: Position) -> bool:
    """Does the line from `p` to `q` run through a rectangle? (Liang and Barsky, 1984: what its
    sides leave of it.)
    """
    start, stop = 0.0, 1.0
    for at, to, low, high in ((p[0], q[0], box.left, box.right), (p[1], q[1], box.top, box.bottom)):
        way = to - at
        if way == 0:
            if not low < at < high:
                return False
            continue
        first, last = (low - at) / way, (high - at) / way
        start, stop = max(start, min(first, last)), min(stop, max(first, last))
    return start < stop


def routed(
    net: TensorNetwork,
    places: Sequence[Position],
    shapes: Sequence[NodeShape],
    ends: Mapping[int, Position],
    at: LegSides,
) -> list[EdgeRoute]:
    """The way of every edge; `ends` is where legs end."""
    nodes = {
        k: with_margin(s.drawn.box.moved(*places[k]), CLEARANCE)
        for k, s in enumerate(shapes)
        if net.nodes[k].kind != "leg"
    }
    found: dict[int, EdgeRoute] = {}
    same: dict[frozenset[int], list[int]] = {}
    for k, edge in enumerate(net.edges):
        same.setdefault(frozenset((edge.a, edge.b)), []).append(k)
    for group in same.values():
        edges = [net.edges[k] for k in group]
        others = [box for k, box in nodes.items() if k not in (edges[0].a, edges[0].b)]
        best = None
        for shift in BENDS:
            tried = [
                _route(
                    net,
                    edge,
                    BESIDE * (n - (len(group) - 1) / 2) + _turned(edge, edges[0], shift),
                    places,
                    shapes,
                    ends,
                    at,
                )
                for n, edge in enumerate(edges)
            ]
            met = sum(route.through(box) for route in tried for box in others)
            if best is None or met < best[0]:
                best = met, tried
            if not met:
                break
        assert best is not None
        found.update(zip(group, best[1], strict=True))
    return [found[k] for k in range(len(net.edges))]


def with_margin(box: Rectangle, by: float) -> Rectangle:
    """A rectangle with a margin around it."""
    return Rectangle(box.left - by, box.top - by, box.right + by, box.bottom + by)


def _turned(edge: NetworkEdge, first: NetworkEdge, shift: float) -> float:
    """Bends are to the right of the way of an edge: one that goes the other way has the other
    sign.
    """
    return shift if edge.a == first.a else -shift


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
    start, stop = ends.get(edge.a, places[edge.a]), ends.get(edge.b, places[edge.b])
    a, b = shapes[edge.a], shapes[edge.b]
    inward = _inward(net, edge, at)
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    far = (dx * dx + dy * dy) ** 0.5 or 1.0
    control = (
        (start[0] + stop[0]) / 2 - dy / far * 2 * bend + inward[0],
        (start[1] + stop[1]) / 2 + dx / far * 2 * bend + inward[1],
    )
    if bend or inward != (0.0, 0.0):
        p, q = border_point(start, control, a), border_point(stop, control, b)
        points: tuple[Position, ...] = tuple(
            _on_curve(p, control, q, k / PIECES) for k in range(PIECES + 1)
        )
        path = f"M{_at(p)}Q{_at(control)} {_at(q)}"
    else:
        p, q = border_point(start, stop, a), border_point(stop, start, b)
        points, path = (p, q), f"M{_at(p)}L{_at(q)}"
    return EdgeRoute(
        path, points, (p, q), bend, bounding_box(Rectangle(x, y, x, y) for x, y in points)
    )


def _on_curve(p: Position, control: Position, q: Position, t: float) -> Position:
    u = 1 - t
    return (
        u * u * p[0] + 2 * u * t * control[0] + t * t * q[0],
        u * u * p[1] + 2 * u * t * control[1] + t * t * q[1],
    )


def _inward(net: TensorNetwork, edge: NetworkEdge, at: LegSides) -> Position:
    """The way that a wire between two legs of one side bends."""
    if not net.nodes[edge.a].kind == net.nodes[edge.b].kind == "leg":
        return 0.0, 0.0
    first, second = (
        next(k for k, side in enumerate(at) if net.nodes[n].place in side) for n in (edge.a, edge.b)
    )
    return ((52.0, 0.0), (-52.0, 0.0), (0.0, -52.0))[first] if first == second else (0.0, 0.0)


def _at(point: Position) -> str:
    return f"{coordinate(point[0])} {coordinate(point[1])}"


def border_point(start: Position, to: Position, shape: NodeShape) -> Position:
    """Where the way to another point leaves a node: a rectangle with round corners, or a circle."""
    dx, dy = to[0] - start[0], to[1] - start[1]
    ways = [half / abs(d) for half, d in ((shape.wide / 2, dx), (shape.high / 2, dy)) if d]
    share = min([1.0, *ways]) if shape.wide else 0.0
    r = shape.high / 2 if shape.high <= FULLY_ROUND else CORNER
    x, y = shape.wide / 2 - r, shape.high / 2 - r  # the middle of the corner
    if share < 1 and abs(dx) * share > x and abs(dy) * share > y:  # |t d - c| = r, the way out
        square, along = dx * dx + dy * dy, abs(dx) * x + abs(dy) * y
        share = (along + max(along * along - square * (x * x + y * y - r * r), 0.0) ** 0.5) / square
    return start[0] + share * dx, start[1] + share * dy
