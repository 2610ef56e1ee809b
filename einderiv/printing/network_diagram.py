"""`diagram`: a tensor network as a picture.

Axes of the result are legs in the order of the output: of a derivative those of what is derived at
the left, from top to bottom, and those of what it is derived by at the right. A matrix has a leg at
each side. What has more axes has its legs below, from left to right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product

from ..errors import LimitError, limits
from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Number,
    Tensor,
    axis_names,
    flatten,
    is_hot,
    is_zero,
    sized_einsum,
    walk,
    wrapped,
)
from ..functions import shown_parameters
from ..simplifying import named_parts
from .edges import LABEL_FONT, LabelSizes, drawn_edges, label_with_size
from .layout import Position, graph_distances, moved_apart, moved_off_edges, stress_layout
from .network import (
    NetworkEdge,
    NetworkNode,
    NodeKind,
    TensorNetwork,
    argument_axes,
    operand_name,
    tensor_network,
)
from .routing import CORNER, LegSides, NodeShape
from .shown_together import named_as_in
from .strings import as_text, is_inserted_delta
from .svg import (
    FONT,
    Drawing,
    Picture,
    Rectangle,
    bounding_box,
    markup,
    one_drawing,
    side_by_side_drawings,
    text_box,
    text_line,
    text_width,
    tooltip,
)

LEG = 34.0  # length of a leg
SLOT = 32.0  # distance of legs side by side
DEEP = 3  # frames in frames
NESTED = 12  # nodes within a frame
MANY = 60  # operands of a product, and terms of a sum, that are drawn at all
MOST = 400  # operands of a picture, those in frames too
# how much further apart nodes are placed, until the picture is clear
STRETCHES = (1.0, 1.25, 1.6, 2.0)
TRIED_PAIRS = 9000  # of nodes and lines, that are held apart, all tries together
INDEX_CORNER = 4.0  # radius of the corners of relations
BETWEEN_ROWS = 28.0  # pixels between an expression and its parts
NAME_LETTERS = 18  # letters of a name that are shown


def diagram(e: Expr | str, *, sizes: LabelSizes | None = None) -> Picture:
    """The tensor network of `e`, or of an einsum string, as a picture in SVG.

    Operands are nodes, labels are edges, axes of the result are legs. A bare wire between two legs
    is a delta; a dot is a copy tensor, where more than two meet; a ring marks the first axis of an
    operand. Functions are frames around their arguments, terms stand side by side. A part that
    occurs several times is drawn once, below, and stands above by its name. `sizes` gives sizes by
    labels, to be read where a pointer rests.

    >>> import einderiv as ed
    >>> picture = ed.diagram(ed.derive("is,st,tj->ij", 0))
    >>> picture
    Picture('einsum("bt,tj->ijib", B, C)')
    >>> str(picture).startswith("<svg")
    True

    Raises LimitError for more operands than can be told apart. The notation is Penrose's,
    *Applications of negative dimensional tensors* (1971).
    """
    e = sized_einsum(e, sizes) if isinstance(e, str) else e
    if not isinstance(e, Expr):
        raise TypeError(f"diagram draws an expression or an einsum string, not {type(e).__name__}")
    check_drawable([e])
    with named_as_in([e]):
        drawing = drawn_with_parts(e, sizes or {})
    return Picture(
        drawing,
        as_text(e),
        "a tensor network: nodes are operands, lines are labels, open ends are axes of the result",
    )


def check_drawable(roots: Sequence[Expr]) -> None:
    """Raise for expressions that together are more than a picture shows, before any is drawn."""
    count = sum(_drawn_operands(root, 0) for root in roots)
    if count > MOST:
        raise LimitError(
            f"a picture of {count} operands, those in frames too, shows nothing: at most {MOST} "
            "are drawn"
        )


def _drawn_operands(e: Expr, depth: int) -> int:
    """How many operands are drawn for an expression, each as often as it is."""
    terms = e.addends if isinstance(e, Add) else (e,)
    _check_terms(terms)
    count = 0
    for term in terms:
        product = wrapped(term)
        _check_operands(product.count)
        for factor in flatten(product).factors:
            count += 1
            if _has_frame(factor, depth):
                inside = factor.arguments if isinstance(factor, Apply) else (factor,)
                count += sum(_drawn_operands(part, depth + 1) for part in inside)
        if count > MOST:
            return count
    return count


def _check_terms(terms: Sequence[Expr]) -> None:
    limits.check("terms", len(terms))
    if len(terms) > MANY:
        raise LimitError(f"a picture of {len(terms)} terms shows nothing: draw some of .terms")


def _check_operands(count: int) -> None:
    if count > MANY:
        raise LimitError(
            f"a picture of {count} operands in one product shows nothing: at most {MANY} are drawn"
        )


def leg_sides(e: Expr) -> LegSides:
    """Where the legs of an expression are."""
    axes = tuple(range(e.ndim))
    if e.record is not None and 0 < e.record.count <= e.ndim:
        # The axes of what was differentiated, then those of what by.
        first = e.ndim - e.record.count
        return LegSides(axes[:first], axes[first:], ())
    match axes:
        case () | (_,):
            return LegSides((), axes, ())
        case (row, column):
            return LegSides((row,), (column,), ())
    return LegSides((), (), axes)


def drawn_with_parts(e: Expr, sizes: LabelSizes) -> Drawing:
    """An expression in which parts that occur several times stand by their names, and below it
    these parts, each drawn once.
    """
    whole, parts = named_parts(e, taken=_letters(e), every=True)
    rows = [drawn_expression(whole, axis_names(e), leg_sides(e), sizes)]
    for tensor, part in parts:
        body = drawn_expression(part, axis_names(tensor), leg_sides(part), sizes)
        rows.append(side_by_side_drawings([_text(f"{tensor.name} ="), body]))
    placed: list[Drawing] = []
    top = 0.0
    for row in rows:
        placed.append(row.at(-row.box.left, top - row.box.top))
        top += row.box.height + BETWEEN_ROWS
    return one_drawing(placed) if parts else rows[0]


def _letters(e: Expr) -> set[str]:
    """The letters of an expression, after which no part is called."""
    letters = set(axis_names(e))
    for node in walk([e]):
        if isinstance(node, Einsum):
            letters.update(filter(None, node.letters.values()))
    return letters


def drawn_expression(
    e: Expr, axes: tuple[str, ...], at: LegSides, sizes: LabelSizes, depth: int = 0
) -> Drawing:
    """An expression whose axes are called `axes`."""
    if is_zero(e):
        return _text("0")
    terms = e.addends if isinstance(e, Add) else (e,)
    parts: list[Drawing] = []
    for k, term in enumerate(terms):
        net = tensor_network(wrapped(term), axes, frozenset(axes))
        front = _front(net.number, is_first=k == 0, is_alone=not net.nodes)
        if front:
            parts.append(_text(front))
        if net.nodes:
            parts.append(_network(net, at, sizes, depth))
    return side_by_side_drawings(parts)


def _front(number: Number, *, is_first: bool, is_alone: bool) -> str:
    """The sign of a term, and its number; not a 1 before something else."""
    negative = not isinstance(number, complex) and number < 0
    size = abs(number) if negative else number
    words = []
    if negative:
        words.append("−")
    elif not is_first:
        words.append("+")
    if size != 1 or is_alone:
        words.append(f"{size}")
    return " ".join(words)


def _text(words: str) -> Drawing:
    size = FONT + 2
    box = text_box(words, 0, 0, size)
    return Drawing((text_line(words, 0, 0, size),), box, ((words, box),))


def _network(net: TensorNetwork, at: LegSides, sizes: LabelSizes, depth: int) -> Drawing:
    """The clearest of several drawings: where lines and labels meet what is not theirs, further
    apart.
    """
    shapes = [_shape(node, sizes, depth) for node in net.nodes]
    parts = len(net.nodes) + len(net.edges)
    tries = max(1, min(len(STRETCHES), TRIED_PAIRS // max(parts, 1) ** 2))
    stretches = STRETCHES[:tries]
    clearest, fewest = None, 0
    for stretch in stretches:
        places, ends = _arranged(net, shapes, at, stretch)
        drawing, faults = drawn_edges(net, places, shapes, ends, at, sizes)
        if clearest is None or faults < fewest:
            clearest, fewest = drawing, faults
        if faults == 0:
            break
    assert clearest is not None
    return clearest


# ---- the places of nodes
def _arranged(
    net: TensorNetwork, shapes: Sequence[NodeShape], at: LegSides, stretch: float
) -> tuple[list[Position], dict[int, Position]]:
    """The middles of the nodes, and where legs end."""
    # Components stand side by side where legs are below, and one below the other where not.
    across = bool(at.below)
    places: list[Position] = [(0.0, 0.0)] * len(net.nodes)
    start = 0.0
    for group in sorted(net.components(), key=lambda group: _rank(net, group, at)):
        points = _component(net, group, shapes, at, stretch)
        boxes = []
        for k, (x, y) in zip(group, points, strict=True):
            half_wide, half_high = shapes[k].wide / 2, shapes[k].high / 2
            boxes.append(Rectangle(x - half_wide, y - half_high, x + half_wide, y + half_high))
        box = bounding_box(boxes)
        room = _room_of_bows(net, group)
        start += room
        for k, (x, y) in zip(group, points, strict=True):
            places[k] = (x - box.left + start, y) if across else (x, y - box.top + start)
        start += (box.width if across else box.height) + 18 + room

    fixed: dict[int, Position] = {}
    for k, node in enumerate(net.nodes):
        if node.kind is NodeKind.LEG or (across and _has_leg(net, k)):
            fixed[k] = places[k]
    pairs = [(edge.a, edge.b) for edge in net.edges]
    extents = [(shape.wide, shape.high) for shape in shapes]
    for _ in range(3):
        ends = _ends(net, places, shapes, at)
        with_ends = [ends.get(k, place) for k, place in enumerate(places)]
        moved = moved_off_edges(with_ends, extents, pairs, fixed)
        before = places
        places = [place if k in ends else moved[k] for k, place in enumerate(places)]
        if places == before:
            break
    return places, _ends(net, places, shapes, at)


def _rank(net: TensorNetwork, group: Sequence[int], at: LegSides) -> tuple[float, int]:
    """Where a component stands: in the order of its legs, by the mean of their places; what has
    none comes first.
    """
    order: dict[int, float] = {}
    for side in at:
        for k, axis in enumerate(side):
            order[axis] = k / len(side)
    legs = [net.nodes[k] for k in group if net.nodes[k].kind is NodeKind.LEG]
    if not legs:
        return -1.0, group[0]
    return sum(order[leg.place] for leg in legs) / len(legs), group[0]


def _room_of_bows(net: TensorNetwork, group: Sequence[int]) -> float:
    """What edges beside each other, which are bows, need around the nodes of a component, with
    their labels.
    """
    beside: Counter[frozenset[int]] = Counter()
    for edge in net.edges:
        if edge.a in group and edge.a != edge.b:
            beside[frozenset((edge.a, edge.b))] += 1
    return 14.0 * (max(beside.values(), default=1) - 1)


def _has_leg(net: TensorNetwork, k: int) -> bool:
    """Has the node a leg of its own?"""
    for edge in net.edges:
        kinds = (net.nodes[edge.a].kind, net.nodes[edge.b].kind)
        if k in (edge.a, edge.b) and NodeKind.LEG in kinds:
            return True
    return False


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
    leg_of = {net.nodes[k].place: index[k] for k in group if net.nodes[k].kind is NodeKind.LEG}
    left = [leg_of[axis] for axis in at.left if axis in leg_of]
    right = [leg_of[axis] for axis in at.right if axis in leg_of]
    below = [leg_of[axis] for axis in at.below if axis in leg_of]

    distances = graph_distances(len(group), edges)
    across = min((distances[a][b] for a, b in product(left, right)), default=0.0)
    fixed: dict[int, Position] = {}
    for side, x in ((left, 0.0), (right, across)):
        for k, leg in enumerate(side):
            fixed[leg] = x, (k - (len(side) - 1) / 2) * SLOT
    if below:
        fixed.update(_row_above(group, edges, below, shapes))

    # Where all legs are on one side, the rest begins away from it.
    lean = (0.0, 0.0)
    match bool(left), bool(right), bool(below):
        case True, False, False:
            lean = (1.0, 0.0)
        case False, True, False:
            lean = (-1.0, 0.0)
        case False, False, True:
            lean = (0.0, -1.0)
    points = stress_layout(len(group), edges, fixed, lean)
    extents = [(shapes[k].wide, shapes[k].high) for k in group]
    return moved_apart(points, extents, fixed)


def _row_above(
    group: Sequence[int],
    edges: Mapping[tuple[int, int], float],
    legs: Sequence[int],
    shapes: Sequence[NodeShape],
) -> dict[int, Position]:
    """Legs below in their order, and what they belong to in a row above them; the legs alone where
    that is more than one row.
    """
    owner: dict[int, int] = {}
    for a, b in edges:
        if a in legs:
            owner[a] = b
        if b in legs:
            owner[b] = a
    owners = list(dict.fromkeys(owner[leg] for leg in legs if leg in owner))
    widest = max(shapes[group[n]].wide for n in owners)
    apart = max(2.2 * SLOT, widest + 28)
    places: dict[int, Position] = {}
    x = 0.0
    for n in owners:
        own = [leg for leg in legs if owner.get(leg) == n]
        side_by_side = legs.index(own[-1]) - legs.index(own[0]) == len(own) - 1
        if n in legs or not side_by_side:  # a wire between two legs, or legs of others between
            return {leg: (k * apart, 0.0) for k, leg in enumerate(legs)}
        for k, leg in enumerate(own):
            places[leg] = x + k * SLOT, 0.0
        wide = (len(own) - 1) * SLOT
        places[n] = x + wide / 2, -LEG - max(shapes[group[n]].high / 2, 16.0)
        x += apart + wide
    return places


def _length(net: TensorNetwork, edge: NetworkEdge, shapes: Sequence[NodeShape]) -> float:
    """How long an edge is to be, from middle to middle."""
    first, second = shapes[edge.a], shapes[edge.b]
    kinds = {net.nodes[edge.a].kind, net.nodes[edge.b].kind}
    room_for_label = max(30.0, text_width(edge.label, LABEL_FONT) + 22)
    gap = LEG if NodeKind.LEG in kinds else room_for_label
    first_half = max(first.wide, first.high * 0.8) / 2
    second_half = max(second.wide, second.high * 0.8) / 2
    bare_wire = kinds == {NodeKind.LEG}
    return first_half + second_half + gap + (40 if bare_wire else 0)


def _ends(
    net: TensorNetwork, places: list[Position], shapes: Sequence[NodeShape], at: LegSides
) -> dict[int, Position]:
    """Where legs end: at the borders of the picture, in the order of the output."""
    leg_of = {node.place: k for k, node in enumerate(net.nodes) if node.kind is NodeKind.LEG}
    inner = [k for k, node in enumerate(net.nodes) if node.kind is not NodeKind.LEG]
    inner = inner or list(range(len(net.nodes)))
    left = min(places[k][0] - shapes[k].wide / 2 for k in inner) - LEG
    right = max(places[k][0] + shapes[k].wide / 2 for k in inner) + LEG
    bottom = max(places[k][1] + shapes[k].high / 2 for k in inner) + LEG

    ends: dict[int, Position] = {}
    for side, border in ((at.left, left), (at.right, right)):
        legs = [leg_of[axis] for axis in side]
        heights = _spread([places[leg][1] for leg in legs], [0.0] * len(legs))
        for leg, y in zip(legs, heights, strict=True):
            ends[leg] = border, y
    legs = [leg_of[axis] for axis in at.below]
    # Labels below are side by side.
    widths = [text_width(net.nodes[leg].axes[0], LABEL_FONT) for leg in legs]
    for leg, x in zip(legs, _spread([places[leg][0] for leg in legs], widths), strict=True):
        ends[leg] = x, bottom
    return ends


def _spread(places: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Places along a border in order, each clear of the one before."""
    spread = sorted(places)
    for k in range(1, len(spread)):
        gap = max(SLOT * 0.7, (widths[k - 1] + widths[k]) / 2 + 4)
        spread[k] = max(spread[k], spread[k - 1] + gap)
    return spread


# ---- the shapes of nodes
def _shape(node: NetworkNode, sizes: LabelSizes, depth: int) -> NodeShape:
    """A node around (0, 0)."""
    match node.kind:
        case NodeKind.LEG:
            return NodeShape(Drawing((), Rectangle(0, 0, 0, 0)), 0.0, 0.0)
        case NodeKind.DOT:
            dot = markup("circle", r=4, fill="currentColor")
            return NodeShape(Drawing((dot,), Rectangle(-4, -4, 4, 4)), 8.0, 8.0)
        case NodeKind.ONES:
            label = node.axes[0]
            return _circle("1", 9.0, f"ones along {label}", label)
        case NodeKind.LOOP:
            label = node.axes[0]
            radius = max(12.0, text_width(label, LABEL_FONT) / 2 + 5)
            return _circle(label, radius, f"the size of {label}, a trace", label)
        case NodeKind.INDEX:
            return _index_expression(node.text)
        case NodeKind.OPERAND:
            assert node.expr is not None
            return _operand(node.expr, node.axes, sizes, depth)


def _circle(words: str, radius: float, about: str, label: str) -> NodeShape:
    """Words in a circle."""
    parts = (
        tooltip(about),
        markup("circle", r=radius, fill="none", stroke="currentColor"),
        text_line(words, 0, 0, LABEL_FONT),
    )
    group = markup("g", *parts, data_label=label, class_="label")
    box = Rectangle(-radius, -radius, radius, radius)
    drawing = Drawing((group,), box, ((words, text_box(words, 0, 0, LABEL_FONT)),))
    return NodeShape(drawing, 2 * radius, 2 * radius)


def _index_expression(words: str) -> NodeShape:
    """A small node with a relation between the lines that end there."""
    wide = text_width(words, LABEL_FONT) + 12
    high = 22.0
    parts = (
        tooltip(f"zero unless {words}"),
        _frame(wide, high, INDEX_CORNER),
        text_line(words, 0, 0, LABEL_FONT),
    )
    group = markup("g", *parts, class_="index")
    box = Rectangle(-wide / 2, -high / 2, wide / 2, high / 2)
    drawing = Drawing((group,), box, ((words, text_box(words, 0, 0, LABEL_FONT)),))
    return NodeShape(drawing, wide, high, INDEX_CORNER)


def _operand(e: Expr, axes: tuple[str, ...], sizes: LabelSizes, depth: int) -> NodeShape:
    inside = _inside(e, axes, sizes, depth)
    if inside is not None:
        title, body = inside
        return _framed(title, body)
    hole = isinstance(e, Tensor) and e.name.startswith("#")  # as `stand_in` leaves it
    if is_inserted_delta(e):
        name = "δ"
    elif hole:
        name = " "
    else:
        name = operand_name(e) or as_text(e)
    shown = name if len(name) <= NAME_LETTERS else name[: NAME_LETTERS - 1] + "…"
    indices = ", ".join(label_with_size(label, sizes) for label in axes)
    wide = max(38.0, text_width(shown) + 22)
    high = 32.0
    parts = (
        tooltip(f"{name}[{indices}]" if axes else name),
        _frame(wide, high, high / 2, dashes="2 4" if hole else None),
        text_line(shown, 0, 0),
    )
    tensor = name if isinstance(e, Tensor) and not hole else None
    group = markup("g", *parts, data_operand=tensor, class_="operand")
    box = Rectangle(-wide / 2, -high / 2, wide / 2, high / 2)
    drawing = Drawing((group,), box, ((shown, text_box(shown, 0, 0)),))
    return NodeShape(drawing, wide, high)


def _framed(title: str, body: Drawing) -> NodeShape:
    """A drawing in a frame, with a title if there is one."""
    wide = max(body.box.width, text_width(title, LABEL_FONT)) + 24
    high = body.box.height + 24 + (18 if title else 0)
    middle_x, middle_y = body.box.middle
    moved = body.at(-middle_x, (9.0 if title else 0.0) - middle_y)
    parts = [_frame(wide, high, CORNER, dashes="4 3")]
    texts = list(moved.texts)
    if title:
        y = 14 - high / 2
        parts.append(text_line(title, 0, y, LABEL_FONT))
        texts.insert(0, (title, text_box(title, 0, y, LABEL_FONT)))
    group = markup("g", *parts, *moved.parts, class_="frame")
    box = Rectangle(-wide / 2, -high / 2, wide / 2, high / 2)
    return NodeShape(Drawing((group,), box, tuple(texts)), wide, high)


def _inside(
    e: Expr, axes: tuple[str, ...], sizes: LabelSizes, depth: int
) -> tuple[str, Drawing] | None:
    """What stands in the frame of a function or a sum, and its title; None for what is drawn as
    one node.
    """
    if not _has_frame(e, depth):
        return None
    if not isinstance(e, Apply):
        return "", drawn_expression(e, axes, leg_sides(e), sizes, depth + 1)
    names, core = argument_axes(e, axes)
    title = e.function.name
    parameters = shown_parameters(e)
    if parameters:
        title += f"({', '.join(map(str, parameters))})"
    if core:
        title += f" over {', '.join(core)}"
    parts = []
    for argument in e.arguments:
        own = names if argument.ndim == len(names) else axis_names(argument)
        parts.append(drawn_expression(argument, own, leg_sides(argument), sizes, depth + 1))
    return title, side_by_side_drawings(parts, gap=30.0)


def _has_frame(e: Expr, depth: int) -> bool:
    """Is it drawn as a frame around what it is made of?"""
    if is_hot(e):
        return False
    return not isinstance(e, (Tensor, Constant)) and depth < DEEP and e.nodes <= 20 * NESTED


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
