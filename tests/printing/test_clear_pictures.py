"""Pictures as they are in SVG: what occurs several times is drawn once, and nothing meets what is not its own."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from math import hypot

import pytest

import einderiv as ed
from einderiv.printing import Rectangle, text_box

P = ed.parse
ATTENTION = P("Q: qd; K: kd; V: kv; softmax(Q @ K.T) @ V")
NORM = P("x: n; x / norm(x)")
LAYER_NORM = P("x: n; (x - mean(x)) / sqrt(mean((x - mean(x))**2) + 1e-5)")
GP = P("y: n; K: nn; 0.5 * y @ inv(K) @ y + 0.5 * logdet(K)")
NET = P("X: nd; W1: dh; W2: ho; tanh(X @ W1) @ W2")
DEEP = P("x: i; W1: ij; W2: jk; W3: kl; tanh(tanh(tanh(x @ W1) @ W2) @ W3)")
LOSS = P("X: nd; y: n; w: d; sum(log(1 + exp(-y * (X @ w))))")
FACTORS = P("T: nm; U: nk; V: mk; W: nm; sum(W * (T - U @ V.T)**2)")
CONVOLUTION = ed.einsum("n(h+y)(w+x)c,yxcf->nhwf", "X", "W")
GATHER = ed.einsum("(r[e])k,(c[e])k->e", "U", "V")
CASES = {
    "attention": ATTENTION,
    "attention by Q": ed.derive(ATTENTION, "Q"),
    "attention by K": ed.derive(ATTENTION, "K"),
    "attention by V": ed.derive(ATTENTION, "V"),
    "norm": NORM,
    "norm by x": ed.derive(NORM, "x"),
    "layer norm": LAYER_NORM,
    "layer norm by x": ed.derive(LAYER_NORM, "x"),
    "GP": GP,
    "GP by K": ed.derive(GP, "K"),
    "GP by y": ed.derive(GP, "y"),
    "net": NET,
    "net by the first": ed.derive(NET, "W1"),
    "net by the second": ed.derive(NET, "W2"),
    "deep net by the first": ed.derive(DEEP, "W1"),
    "deep net by x": ed.derive(DEEP, "x"),
    "logistic": ed.derive(LOSS, "w"),
    "logistic, second": ed.hessian(LOSS, "w"),
    "factors": ed.derive(FACTORS, "U"),
    "factors, second": ed.hessian(FACTORS, "U"),
    "softmax": ed.derive(P("x: i; softmax(x)"), "x"),
    "softmax, second": ed.derive(ed.derive(P("x: i; softmax(x)"), "x"), "x"),
    "exp of a form": ed.hessian(P("x: i; A: ij; exp(x @ A @ x)"), "x"),
    "convolution": CONVOLUTION,
    "convolution by W": ed.derive(CONVOLUTION, "W"),
    "convolution by X": ed.derive(CONVOLUTION, "X"),
    "gather": GATHER,
    "gather by U": ed.derive(GATHER, "U"),
    "windows": ed.derive("i+k,k->i", 0),
}
SHIFT = re.compile(r"translate\((-?[\d.]+) (-?[\d.]+)\)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Seen:
    """What a picture shows: nodes, texts and lines, where they stand on the page."""

    def __init__(self, picture):
        self.root = ET.fromstring(str(picture))
        self.nodes, self.texts, self.lines, self.rings = [], [], [], []
        self.corners = {}  # the radius of the corners of each node
        self.look(self.root, 0.0, 0.0)

    def look(self, element, x, y):
        shift = SHIFT.fullmatch(element.get("transform", ""))
        if shift:
            x, y = x + float(shift[1]), y + float(shift[2])

        def at(name):
            return float(element.get(name))

        match element.tag.partition("}")[2]:
            case "rect":
                left, top = x + at("x"), y + at("y")
                box = Rectangle(left, top, left + at("width"), top + at("height"))
                self.nodes.append(box)
                self.corners[box] = float(element.get("rx", 0))
            case "circle":
                middle_x, middle_y, r = (
                    x + float(element.get("cx", 0)),
                    y + float(element.get("cy", 0)),
                    at("r"),
                )
                box = Rectangle(middle_x - r, middle_y - r, middle_x + r, middle_y + r)
                (self.rings if r == 2.6 else self.nodes).append(box)
                self.corners[box] = r
            case "text":
                size = float(element.get("font-size"))
                self.texts.append(
                    (element.text, text_box(element.text, x + at("x"), y + at("y"), size))
                )
            case "path":
                self.lines.append([*along(element.get("d"), x, y)])
        for inside in element:
            self.look(inside, x, y)


def along(path, x, y):
    """Points of a line, a pixel or two apart."""
    at = [*map(float, NUMBER.findall(path))]
    (x0, y0), (x2, y2) = at[:2], at[-2:]
    x1, y1 = at[2:4] if "Q" in path else ((x0 + x2) / 2, (y0 + y2) / 2)
    for k in range(201):
        t, u = k / 200, 1 - k / 200
        yield (
            x + u * u * x0 + 2 * u * t * x1 + t * t * x2,
            y + u * u * y0 + 2 * u * t * y1 + t * t * y2,
        )


def inside(box, point, margin):
    return (box.left + margin < point[0] < box.right - margin) and (
        box.top + margin < point[1] < box.bottom - margin
    )


def in_node(box, radius, point):
    """Is a point more than a pixel inside of a rectangle with round corners, or of a circle?"""
    x, y = box.middle
    beyond_x = max(abs(point[0] - x) - (box.width / 2 - radius), 0)
    beyond_y = max(abs(point[1] - y) - (box.height / 2 - radius), 0)
    is_round = radius > 0
    return inside(box, point, 1.0) and (not is_round or hypot(beyond_x, beyond_y) < radius - 1.0)


def holds(outer, inner):
    return (
        outer.left <= inner.left + 0.2
        and outer.top <= inner.top + 0.2
        and inner.right <= outer.right + 0.2
        and inner.bottom <= outer.bottom + 0.2
    )


def faults(picture):
    """All that meets what is not its own."""
    seen = Seen(picture)
    return [*overlaps(seen), *crossings(seen), *strays(seen)]


def overlaps(seen):
    """Nodes upon nodes that they are not in, texts upon texts, and texts upon borders of nodes."""
    for a, b in combinations(seen.nodes, 2):
        if a.touches(b, -1.0) and not holds(a, b) and not holds(b, a):
            yield "nodes", a, b
    for (t, a), (u, b) in combinations(seen.texts, 2):
        if a.touches(b, -1.5):
            yield "texts", t, u
    for text, box in seen.texts:
        for node in seen.nodes:
            if box.touches(node, -1.5) and not holds(node, box):
                yield "text at a border", text, node


def crossings(seen):
    """Lines through nodes and through texts."""
    for line in seen.lines:
        for node in seen.nodes:
            # A line is all in a frame or all outside: it ends at the borders of its own nodes.
            within = [in_node(node, seen.corners[node], point) for point in line]
            if any(within) and not all(within[1:-1]):
                yield "line through a node", line[0], line[-1], node
        for text, box in seen.texts:
            if any(inside(box, point, 3.0) for point in line):
                yield "line through a text", line[0], line[-1], text


def strays(seen):
    """What lies outside of the view."""
    left, top, wide, high = map(float, seen.root.get("viewBox").split())
    view = Rectangle(left, top, left + wide, top + high)
    points = [Rectangle(x, y, x, y) for line in seen.lines for x, y in line]
    for box in [*seen.nodes, *seen.rings, *[box for _, box in seen.texts], *points]:
        if not holds(view, box):
            yield "outside", box


@pytest.mark.parametrize("name", CASES)
def test_nothing_meets_what_is_not_its_own(name):
    assert faults(ed.diagram(CASES[name])) == []


def frames(element):
    """The frames of a picture as text, without the places of what is in them."""
    found = []
    for group in element.iter("{http://www.w3.org/2000/svg}g"):
        if group.get("class") == "frame":
            found.append(
                " ".join(text.text for text in group.iter("{http://www.w3.org/2000/svg}text"))
            )
    return found


@pytest.mark.parametrize("name", CASES)
def test_no_function_or_sum_is_drawn_twice(name):
    found = frames(ET.fromstring(str(ed.diagram(CASES[name]))))
    assert len(set(found)) == len(found)


def test_a_part_is_drawn_below_by_its_name():
    seen = Seen(ed.diagram(CASES["attention by K"]))
    texts = [text for text, _ in seen.texts]
    assert texts.count("P =") == 1
    assert texts.count("P") == 3
    assert texts.count("softmax over k") == 1
    lowest = max(box.bottom for text, box in seen.texts if text == "P")
    assert next(box.top for text, box in seen.texts if text == "P =") > lowest


def test_the_checker_sees_faults():
    ways = [
        '<rect x="0" y="0" width="40" height="40"/><rect x="20" y="20" width="40" height="40"/>',
        '<path d="M-5 20L45 20"/><rect x="0" y="0" width="40" height="40"/>',
        '<path d="M-50 20L150 20"/>',
        '<text x="20" y="20" font-size="13">abc</text><text x="25" y="20" font-size="13">d</text>',
        '<text x="20" y="20" font-size="13">abc</text><path d="M0 20L60 20"/>',
        '<text x="0" y="20" font-size="13">abc</text><rect x="0" y="0" width="40" height="40"/>',
    ]
    for inside_of in ways:
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-20 -20 120 120">{inside_of}</svg>'
        assert faults(svg), inside_of
    clear = '<rect x="0" y="0" width="40" height="40"/><path d="M40 20L90 20"/>'
    assert (
        faults(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-20 -20 120 120">{clear}</svg>')
        == []
    )
