"""Ways of lines: what they run through, where they end, and that pictures of any network of 30 operands are clear."""

import random
import re
from itertools import pairwise
from math import hypot

import pytest
from lengths import length

import einderiv as ed
from einderiv.expression import axis_names
from einderiv.printing import Rectangle
from einderiv.printing import network_diagram as diagrams
from einderiv.printing.network import NodeKind
from einderiv.printing.routing import NodeShape, border_point, crosses, routed


@pytest.mark.parametrize("at", [(1, 0), (0, 1), (3, 2), (-3, 2), (2, -9), (-1, -1)])
@pytest.mark.parametrize(("wide", "high", "r"), [(40, 32, 16), (8, 8, 4), (120, 80, 8)])
def test_lines_end_on_the_outline(at, wide, high, r):
    x, y = border_point((0.0, 0.0), (at[0] * 100.0, at[1] * 100.0), NodeShape(None, wide, high))
    outside = max(abs(x) - wide / 2 + r, 0), max(abs(y) - high / 2 + r, 0)
    assert abs(hypot(*outside) - r) < 1e-9
    assert abs(x * at[1] - y * at[0]) < 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_what_a_line_runs_through(seed):
    r = random.Random(seed)
    p, q, a, b = ((r.randint(0, 20), r.randint(0, 20)) for _ in range(4))
    box = Rectangle(
        min(a[0], b[0]) + 0.1, min(a[1], b[1]) + 0.1, max(a[0], b[0]) + 0.9, max(a[1], b[1]) + 0.9
    )
    on_it = [
        (p[0] + k / 5000 * (q[0] - p[0]), p[1] + k / 5000 * (q[1] - p[1])) for k in range(5001)
    ]
    assert crosses(box, p, q) == any(
        box.left < x < box.right and box.top < y < box.bottom for x, y in on_it
    )


def random_network(seed, most=12, dense=2):
    """Operands that hang together, some by several labels, and up to three axes of the result."""
    r = random.Random(seed)
    n = r.randint(3, most)
    edges = [(r.randrange(k), k) for k in range(1, n)]
    edges += [tuple(r.sample(range(n), 2)) for _ in range(r.randint(0, dense * n - len(edges)))]
    operands = [[k for k, edge in enumerate(edges) if v in edge] for v in range(n)]
    output = [1000 + k for k in range(r.randint(0, 3))]
    for label in output:
        r.choice(operands).append(label)
    for labels in operands:
        r.shuffle(labels)
    return ed.einsum(*[x for v, labels in enumerate(operands) for x in (f"T{v}", labels)], output)


def along(path):
    """Points of a path, a pixel or two apart."""
    at = [*map(float, re.findall(r"-?\d+(?:\.\d+)?", path))]
    (x0, y0), (x2, y2) = at[:2], at[-2:]
    x1, y1 = at[2:4] if "Q" in path else ((x0 + x2) / 2, (y0 + y2) / 2)
    for k in range(301):
        t, u = k / 300, 1 - k / 300
        yield u * u * x0 + 2 * u * t * x1 + t * t * x2, u * u * y0 + 2 * u * t * y1 + t * t * y2


def inside(box, point, margin):
    return (box.left + margin < point[0] < box.right - margin) and (
        box.top + margin < point[1] < box.bottom - margin
    )


def faults(e, monkeypatch):
    """What meets what is not its own, found from the picture."""
    seen = []

    def watched(net, places, shapes, *rest):
        drawn, count = lines(net, places, shapes, *rest)
        seen.append((count, net, places, shapes, drawn))
        return drawn, count

    lines = diagrams.drawn_edges
    monkeypatch.setattr(diagrams, "drawn_edges", watched)
    diagrams.drawn_expression(e, axis_names(e), diagrams.leg_sides(e), {})
    monkeypatch.undo()
    _, net, places, shapes, drawn = min(seen, key=lambda one: one[0])
    paths = [
        m.group(1) for part in drawn.parts if (m := re.search(r'<path[^>]* d="([^"]+)"', part))
    ]
    nodes = {
        k: s.drawn.box.moved(*places[k])
        for k, s in enumerate(shapes)
        if net.nodes[k].kind is not NodeKind.LEG
    }
    labels = [
        (t, b)
        for t, b in drawn.texts
        if not any(
            o.left <= b.left and b.right <= o.right and o.top <= b.top and b.bottom <= o.bottom
            for o in nodes.values()
        )
    ]
    found = []
    for edge, path in zip(net.edges, paths, strict=True):
        points = [*along(path)]
        found += [
            ("node", edge.label, k)
            for k, box in nodes.items()
            if k not in (edge.a, edge.b) and any(inside(box, p, 1.0) for p in points)
        ]
        found += [
            ("label", edge.label, t)
            for t, box in labels
            if any(inside(box, p, 3.0) for p in points)
        ]
    return found + [
        ("labels", t, u)
        for k, (t, a) in enumerate(labels)
        for u, b in labels[:k]
        if a.touches(b, -1.5)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_lines_and_labels_meet_nothing(seed, monkeypatch):
    assert faults(random_network(seed), monkeypatch) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60, length(170, 400)))
def test_lines_and_labels_meet_nothing_at_length(seed, monkeypatch):
    assert faults(random_network(seed), monkeypatch) == []


@pytest.mark.parametrize(("operands", "dense"), [(30, 1), (20, 2)])
def test_large_networks_are_clear(operands, dense, monkeypatch):
    e = random_network(operands, most=operands, dense=dense)
    assert faults(e, monkeypatch) == []


def test_bows_between_the_same_nodes_bend_together():
    """A third node lies between: all three lines pass it, at their distances from one another."""
    net = diagrams.tensor_network(ed.einsum("abc,abc,->", "A", "B", "s"), (), frozenset())
    shape = diagrams._shape(net.nodes[0], {}, 0)
    places = [(0.0, 0.0), (200.0, 0.0), (100.0, 0.0)]
    found = routed(net, places, [shape] * 3, {}, ((), (), ()))
    middle = shape.drawn.box.moved(100, 0)
    assert not any(route.through(middle) for route in found)
    assert [b.bend - a.bend for a, b in pairwise(found)] == [26.0, 26.0]
