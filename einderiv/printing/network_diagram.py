"""`diagram`: a tensor network as a picture.

Axes of the result are legs in the order of the output: of a derivative those of what is derived at
the left, from top to bottom, and those of what it is derived by at the right. A matrix has a leg at
each side. What has more axes has its legs below, from left to right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import LimitError, limits
from ..expression import (
    Add,
    Apply,
    Constant,
    Expr,
    Number,
    Tensor,
    axis_names,
    einsum,
    is_zero,
    wrapped,
)
from ..functions import shown_parameters
from .edges import LABEL_FONT, LabelSizes, drawn_edges, label_with_size
from .layout import Position, graph_distances, moved_apart, moved_off_edges, stress_layout
from .network import (
    NetworkEdge,
    NetworkNode,
    TensorNetwork,
    argument_axes,
    operand_name,
    tensor_network,
)
from .routing import CORNER, LegSides, NodeShape
from .strings import as_text, is_inserted_delta
from .svg import (
    FONT,
    Drawing,
    Picture,
    Rectangle,
    bounding_box,
    markup,
    side_by_side_drawings,
    text_box,
    text_line,
    text_width,
    tooltip,
)

LEG, SLOT = 34.0, 32.0  # length of a leg, distance of legs side by side
# frames in frames, nodes within a frame, nodes that are drawn at all
DEEP, NESTED, MANY = 3, 12, 60
# how much further apart nodes are placed, until the picture is clear
STRETCHES = (1.0, 1.25, 1.6, 2.0)
NAME_LETTERS = 18  # letters of a name that are shown


def diagram(e: Expr | str, *, sizes: LabelSizes | None = None) -> Picture:
    """The tensor network of `e`, or of an einsum string, as a picture in SVG.

    Operands are nodes, labels are edges, axes of the result are legs. A bare wire between two legs
    is a delta; a dot is a copy tensor, where more than two meet; a ring marks the first axis of an
    operand. Functions are frames around their arguments, terms stand side by side. `sizes` gives
    sizes by labels, to be read where a pointer rests.

    >>> import einderiv as ed
    >>> picture = ed.diagram(ed.derive("is,st,tj->ij", 0))
    >>> picture
    Picture('einsum("bt,tj->ijib", B, C)')
    >>> str(picture).startswith("<svg")
    True

    Raises LimitError for more operands than can be told apart. The notation is Penrose's,
    *Applications of negative dimensional tensors* (1971).
    """
    e = einsum(e) if isinstance(e, str) else e
    if not isinstance(e, Expr):
        raise TypeError(f"diagram draws an expression or an einsum string, not {type(e).__name__}")
    return Picture(
        drawn_expression(e, axis_names(e), leg_sides(e), sizes or {}),
        as_text(e),
        "a tensor network: nodes are operands, lines are labels, open ends are axes of the result",
    )


def leg_sides(e: Expr) -> LegSides:
    """Where the legs of an expression are."""
    axes = tuple(range(e.ndim))
    if e.record is not None and 0 < e.record.count <= e.ndim:
        return axes[: e.ndim - e.record.count], axes[e.ndim - e.record.count :], ()
    return ((), axes, ()) if e.ndim < 2 else ((0,), (1,), ()) if e.ndim == 2 else ((), (), axes)


def drawn_expression(
    e: Expr, axes: tuple[str, ...], at: LegSides, sizes: LabelSizes, depth: int = 0
) -> Drawing:
    """An expression whose axes are called `axes`."""
    if is_zero(e):
        return Drawing(*_text("0"))
    terms = e.addends if isinstance(e, Add) else (e,)
    limits.check("terms", len(terms))
    if len(terms) > MANY:
        raise LimitError(f"a picture of {len(terms)} terms shows nothing: draw some of .terms")
    parts: list[Drawing] = []
    for k, term in enumerate(terms):
        net = tensor_network(wrapped(term), axes, frozenset(axes))
        if sum(node.kind == "operand" for node in net.nodes) > MANY:
            raise LimitError(
                f"a picture of {len(net.nodes)} nodes shows nothing: at most {MANY} operands are "
                "drawn"
            )
        front = _front(net.number, first=k == 0, alone=len(net.nodes) > 0)
        parts += [Drawing(*_text(front))] * bool(front)
        if net.nodes:  # a number alone has none
            parts.append(_network(net, at, sizes, depth))
    return side_by_side_drawings(parts)


def _front(value: Number, *, first: bool, alone: bool) -> str:
    negative = not isinstance(value, complex) and value < 0
    sign = "−" if negative else "" if first else "+"
    shown = abs(value) if negative else value
    return " ".join(part for part in (sign, "" if shown == 1 and alone else f"{shown}") if part)


def _text(
    words: str, size: float = FONT + 2
) -> tuple[tuple[str, ...], Rectangle, tuple[tuple[str, Rectangle], ...]]:
    box = text_box(words, 0, 0, size)
    return (text_line(words, 0, 0, size),), box, ((words, box),)


def _network(net: TensorNetwork, at: LegSides, sizes: LabelSizes, depth: int) -> Drawing:
    """The clearest of several drawings: where lines and labels meet what is not theirs, further
    apart.
    """
    shapes = [_shape(node, sizes, depth) for node in net.nodes]
    found = []
    for stretch in STRETCHES if len(net.edges) <= MANY else STRETCHES[:2]:
        places, ends = _arranged(net, shapes, at, stretch)
        found.append(drawn_edges(net, places, shapes, ends, at, sizes))
        if not found[-1][1]:
            break
    return min(found, key=lambda one: one[1])[0]


def _arranged(
    net: TensorNetwork, shapes: Sequence[NodeShape], at: LegSides, stretch: float
) -> tuple[list[Position], dict[int, Position]]:
    """The middles of the nodes, and where legs end."""
    places: list[Position] = [(0.0, 0.0)] * len(net.nodes)
    below, start = bool(at[2]), 0.0
    groups = sorted(net.components(), key=lambda group: _rank(net, group, at))
    for group in groups:
        points = _component(net, group, shapes, at, stretch)
        box = bounding_box(
            Rectangle(
                x - shapes[k].wide / 2,
                y - shapes[k].high / 2,
                x + shapes[k].wide / 2,
                y + shapes[k].high / 2,
            )
            for k, (x, y) in zip(group, points, strict=True)
        )
        start += (room := _bows(net, group))
        for k, (x, y) in zip(group, points, strict=True):
            places[k] = (x - box.left + start, y) if below else (x, y - box.top + start)
        start += (box.right - box.left if below else box.bottom - box.top) + 18 + room
    legs = {
        k: places[k]
        for k, node in enumerate(net.nodes)
        if node.kind == "leg" or (below and _owns(net, k))
    }
    pairs, boxes = [(edge.a, edge.b) for edge in net.edges], [(s.wide, s.high) for s in shapes]
    for _ in range(3):
        ends = _ends(net, places, shapes, at)
        moved = moved_off_edges([ends.get(k, p) for k, p in enumerate(places)], boxes, pairs, legs)
        if all(moved[k] == p for k, p in enumerate(places) if k not in ends):
            break
        places = [p if k in ends else moved[k] for k, p in enumerate(places)]
    return places, _ends(net, places, shapes, at)


def _bows(net: TensorNetwork, group: Sequence[int]) -> float:
    """What edges beside each other, which are bows, need around the nodes of a component, with
    their labels.
    """
    pairs = [
        tuple(sorted((edge.a, edge.b)))
        for edge in net.edges
        if edge.a in group and edge.a != edge.b
    ]
    return 14.0 * (max(map(pairs.count, pairs), default=1) - 1)


def _owns(net: TensorNetwork, k: int) -> bool:
    """Has the node a leg of its own?"""
    return any(
        k in (e.a, e.b) and "leg" in (net.nodes[e.a].kind, net.nodes[e.b].kind) for e in net.edges
    )


def _rank(net: TensorNetwork, group: Sequence[int], at: LegSides) -> tuple[float, int]:
    """Where a component stands: in the order of its legs."""
    order = {p: k / max(len(side), 1) for side in at for k, p in enumerate(side)}
    own = [order[net.nodes[k].place] for k in group if net.nodes[k].kind == "leg"]
    return (sum(own) / len(own) if own else -1.0), group[0]


def _component(
    net: TensorNetwork,
    group: Sequence[int],
    shapes: Sequence[NodeShape],
    at: LegSides,
    stretch: float,
) -> list[Position]:
    """The places of the nodes that hang together."""
    index = {k: n for n, k in enumerate(group)}
    edges: dict[tuple[int, int], float] = {}
    for edge in net.edges:
        if edge.a in index and edge.a != edge.b:
            edges[index[edge.a], index[edge.b]] = stretch * _length(net, edge, shapes)
    legs = [
        [
            index[k]
            for p in side
            for k in group
            if net.nodes[k].kind == "leg" and net.nodes[k].place == p
        ]
        for side in at
    ]
    far = graph_distances(len(group), edges)
    across = min((far[a][b] for a in legs[0] for b in legs[1]), default=0.0)
    fixed: dict[int, Position] = {}
    for side, x in ((legs[0], 0.0), (legs[1], across)):
        fixed.update((n, (x, (k - (len(side) - 1) / 2) * SLOT)) for k, n in enumerate(side))
    fixed.update(_row_above(group, edges, legs[2], shapes) if legs[2] else {})
    lean = (0.0, -1.0) if legs[2] else (-1.0, 0.0) if legs[1] and not legs[0] else (1.0, 0.0)
    found = stress_layout(
        len(group), edges, fixed, lean if sum(map(bool, legs)) == 1 else (0.0, 0.0)
    )
    boxes = [(shapes[k].wide, shapes[k].high) for k in group]
    return moved_apart(found, boxes, fixed)


def _row_above(
    group: Sequence[int],
    edges: Mapping[tuple[int, int], float],
    legs: Sequence[int],
    shapes: Sequence[NodeShape],
) -> dict[int, Position]:
    """Legs below in their order, and what they belong to in a row above them; empty where that
    is more than one row.
    """
    owner = {n: b if a == n else a for a, b in edges for n in (a, b) if n in legs}
    owned = list(dict.fromkeys(owner[n] for n in legs if n in owner))
    wide = max(shapes[group[n]].wide for n in owned)
    apart = max(2.2 * SLOT, wide + 28)
    places, x = dict[int, Position](), 0.0
    for n in owned:
        own = [leg for leg in legs if owner.get(leg) == n]
        if legs.index(own[-1]) - legs.index(own[0]) != len(own) - 1 or n in legs:
            return {leg: (k * apart, 0.0) for k, leg in enumerate(legs)}
        places.update((leg, (x + k * SLOT, 0.0)) for k, leg in enumerate(own))
        places[n] = x + (len(own) - 1) * SLOT / 2, -LEG - max(shapes[group[n]].high / 2, 16.0)
        x += apart + (len(own) - 1) * SLOT
    return places


def _length(net: TensorNetwork, edge: NetworkEdge, shapes: Sequence[NodeShape]) -> float:
    a, b = shapes[edge.a], shapes[edge.b]
    kinds = {net.nodes[edge.a].kind, net.nodes[edge.b].kind}
    gap = LEG if "leg" in kinds else max(30.0, text_width(edge.label, LABEL_FONT) + 22)
    return (
        max(a.wide, a.high * 0.8) / 2
        + max(b.wide, b.high * 0.8) / 2
        + gap
        + 40 * (kinds == {"leg"})
    )


def _ends(
    net: TensorNetwork, places: list[Position], shapes: Sequence[NodeShape], at: LegSides
) -> dict[int, Position]:
    """Where legs end: at the borders of the picture, in the order of the output."""
    inner = [k for k, node in enumerate(net.nodes) if node.kind != "leg"] or list(
        range(len(net.nodes))
    )
    left = min(places[k][0] - shapes[k].wide / 2 for k in inner) - LEG
    right = max(places[k][0] + shapes[k].wide / 2 for k in inner) + LEG
    bottom = max(places[k][1] + shapes[k].high / 2 for k in inner) + LEG
    leg = {node.place: k for k, node in enumerate(net.nodes) if node.kind == "leg"}
    found: dict[int, Position] = {}
    for side, border in zip(at, (left, right, bottom), strict=True):
        along = 0 if side is at[2] and side else 1
        own = sorted(places[leg[p]][along] for p in side)
        # labels below are side by side
        wide = [text_width(net.nodes[leg[p]].axes[0], LABEL_FONT) * (1 - along) for p in side]
        for k in range(1, len(own)):
            own[k] = max(own[k], own[k - 1] + max(SLOT * 0.7, (wide[k - 1] + wide[k]) / 2 + 4))
        found.update(
            (leg[p], (where, border) if along == 0 else (border, where))
            for p, where in zip(side, own, strict=True)
        )
    return found


def _shape(node: NetworkNode, sizes: LabelSizes, depth: int) -> NodeShape:
    """A node around (0, 0)."""
    if node.kind == "leg":
        return NodeShape(Drawing((), Rectangle(0, 0, 0, 0)), 0.0, 0.0)
    if node.kind == "dot":
        return NodeShape(
            Drawing((markup("circle", r=4, fill="currentColor"),), Rectangle(-4, -4, 4, 4)),
            8.0,
            8.0,
        )
    if node.kind in ("ones", "loop"):
        about = (
            f"ones along {node.axes[0]}"
            if node.kind == "ones"
            else f"the size of {node.axes[0]}, a trace"
        )
        words = "1" if node.kind == "ones" else node.axes[0]
        r = 9.0 if node.kind == "ones" else max(12.0, text_width(words, LABEL_FONT) / 2 + 5)
        parts = (
            tooltip(about),
            markup("circle", r=r, fill="none", stroke="currentColor"),
            text_line(words, 0, 0, LABEL_FONT),
        )
        group = markup("g", *parts, data_label=node.axes[0], class_="label")
        return NodeShape(
            Drawing(
                (group,), Rectangle(-r, -r, r, r), ((words, text_box(words, 0, 0, LABEL_FONT)),)
            ),
            2 * r,
            2 * r,
        )
    assert node.expr is not None
    return _operand(node.expr, node.axes, sizes, depth)


def _operand(e: Expr, axes: tuple[str, ...], sizes: LabelSizes, depth: int) -> NodeShape:
    inside = _inside(e, axes, sizes, depth)
    if inside is None:
        name = operand_name(e) or as_text(e)
        # what `stand_in` leaves; no user can write it
        hole = isinstance(e, Tensor) and e.name.startswith("#")
        name = "δ" if is_inserted_delta(e) else " " if hole else name
        shown = name if len(name) <= NAME_LETTERS else name[: NAME_LETTERS - 1] + "…"
        wide, high = max(38.0, text_width(shown) + 22), 32.0
        about = f"{name}[{', '.join(label_with_size(x, sizes) for x in axes)}]" if axes else name
        parts = (
            tooltip(about),
            _frame(wide, high, high / 2, dashes="2 4" if hole else None),
            text_line(shown, 0, 0),
        )
        known = name if isinstance(e, Tensor) and not hole else None
        group = markup("g", *parts, data_operand=known, class_="operand")
        return NodeShape(
            Drawing(
                (group,),
                Rectangle(-wide / 2, -high / 2, wide / 2, high / 2),
                ((shown, text_box(shown, 0, 0)),),
            ),
            wide,
            high,
        )
    head, body = inside
    wide = max(body.box.right - body.box.left, text_width(head, LABEL_FONT)) + 24
    high = body.box.bottom - body.box.top + 24 + 18 * bool(head)
    middle = 9.0 * bool(head)
    moved = body.at(
        -(body.box.left + body.box.right) / 2, middle - (body.box.top + body.box.bottom) / 2
    )
    texts = [(head, text_box(head, 0, 14 - high / 2, LABEL_FONT))] * bool(head)
    above = [text_line(head, 0, 14 - high / 2, LABEL_FONT)] * bool(head)
    inner = (_frame(wide, high, CORNER, dashes="4 3"), *above, *moved.parts)
    return NodeShape(
        Drawing(
            (markup("g", *inner, class_="frame"),),
            Rectangle(-wide / 2, -high / 2, wide / 2, high / 2),
            (*texts, *moved.texts),
        ),
        wide,
        high,
    )


def _inside(
    e: Expr, axes: tuple[str, ...], sizes: LabelSizes, depth: int
) -> tuple[str, Drawing] | None:
    """What stands in the frame of a function or a sum, and its title; None for what is drawn as
    one node.
    """
    if isinstance(e, (Tensor, Constant)) or depth >= DEEP or e.nodes > 20 * NESTED:
        return None
    if not isinstance(e, Apply):
        return "", drawn_expression(e, axes, leg_sides(e), sizes, depth + 1)
    names, core = argument_axes(e, axes)
    given = [str(p) for p in shown_parameters(e)]
    head = (
        e.function.name
        + (f"({', '.join(given)})" if given else "")
        + (f" over {', '.join(core)}" if core else "")
    )
    parts = [
        drawn_expression(
            a, names if a.ndim == len(names) else axis_names(a), leg_sides(a), sizes, depth + 1
        )
        for a in e.arguments
    ]
    return head, side_by_side_drawings(parts, gap=30.0)


def _frame(wide: float, high: float, radius: float, dashes: str | None = None) -> str:
    return markup(
        "rect",
        x=-wide / 2,
        y=-high / 2,
        width=wide,
        height=high,
        rx=radius,
        fill="currentColor",
        fill_opacity="0.06",
        stroke="currentColor",
        stroke_dasharray=dashes,
    )
