"""Where the points of a network go: near what they hang on, apart from all else, the same every
time.

Distances in the drawing are to be those in the graph. What is left of the difference, the *stress*,
goes down in every step of this iteration (Gansner, Koren and North, *Graph Drawing by Stress
Majorization*, 2004).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, hypot, pi, sin

Position = tuple[float, float]
STRESS_ROUNDS = 120
STILL = 0.05  # pixels: a round that moves nothing further is the last
NODE_GAP = 16.0  # pixels between nodes


def graph_distances(count: int, edges: Mapping[tuple[int, int], float]) -> list[list[float]]:
    """The length of the shortest way between any two points; infinite where there is none."""
    far = float("inf")
    found = [[0.0 if a == b else far for b in range(count)] for a in range(count)]
    for (a, b), length in edges.items():
        found[a][b] = found[b][a] = min(found[a][b], length)
    for k in range(count):
        through = found[k]
        for a in range(count):
            first = found[a][k]
            if first < far:
                row = found[a]
                for b in range(count):
                    if first + through[b] < row[b]:
                        row[b] = first + through[b]
    return found


def stress_layout(
    count: int,
    edges: Mapping[tuple[int, int], float],
    fixed: Mapping[int, Position],
    lean: Position = (0.0, 0.0),
) -> list[Position]:
    """Points of a connected graph, those that are `fixed` where they are.

    `lean` is the direction in which the others begin, where all that is fixed is on one side.
    """
    far = graph_distances(count, edges)
    at = _begun(count, edges, far, fixed)
    if lean != (0.0, 0.0):  # all that is fixed is on one side: the rest goes away from it
        near = [min(far[p][q] for q in fixed) for p in range(count)]
        at = [
            xy if p in fixed else (xy[0] + lean[0] * near[p], xy[1] + lean[1] * near[p])
            for p, xy in enumerate(at)
        ]
    free = [p for p in range(count) if p not in fixed]
    for _ in range(STRESS_ROUNDS):
        moved = 0.0
        for p in free:
            x = y = total = 0.0
            for q in range(count):
                if q == p or far[p][q] == float("inf"):
                    continue
                weight = 1 / far[p][q] ** 2
                dx, dy = at[p][0] - at[q][0], at[p][1] - at[q][1]
                apart = hypot(dx, dy) or 1e-9
                x += weight * (at[q][0] + far[p][q] * dx / apart)
                y += weight * (at[q][1] + far[p][q] * dy / apart)
                total += weight
            if total:
                moved = max(moved, abs(x / total - at[p][0]), abs(y / total - at[p][1]))
                at[p] = x / total, y / total
        if moved < STILL:
            break
    return at


def _begun(
    count: int,
    edges: Mapping[tuple[int, int], float],
    far: Sequence[Sequence[float]],
    fixed: Mapping[int, Position],
) -> list[Position]:
    """Where points begin: between what is fixed; without that on a circle, or on a line if the
    graph is one.
    """
    if fixed:
        return _between(count, edges, fixed)
    degree = [sum(p in edge for edge in edges) for p in range(count)]
    if count <= 2 or (max(degree) <= 2 and len(edges) == count - 1):  # a path lies on a line
        end = min(range(count), key=lambda p: (degree[p], p))
        return [(far[end][p], 0.001 * p) for p in range(count)]
    order = _along(count, edges)
    radius = sum(edges.values()) / max(len(edges), 1) * count / (2 * pi)
    return [
        (radius * cos(2 * pi * order[p] / count - pi), radius * sin(2 * pi * order[p] / count - pi))
        for p in range(count)
    ]


def _along(count: int, edges: Mapping[tuple[int, int], float]) -> list[int]:
    """The places of points on a walk that goes on to a neighbour while it can: a ring is walked
    around.
    """
    near: list[list[int]] = [
        sorted({b if a == p else a for a, b in edges if p in (a, b)}) for p in range(count)
    ]
    places, stack = dict[int, int](), [0]
    while stack:
        p = stack.pop()
        if p not in places:
            places[p] = len(places)
            stack += sorted(
                (q for q in near[p] if q not in places), key=lambda q: (-len(near[q]), -q)
            )
    return [places.get(p, count - 1) for p in range(count)]


def _between(
    count: int, edges: Mapping[tuple[int, int], float], fixed: Mapping[int, Position]
) -> list[Position]:
    """Every point in the middle of its neighbours, as springs would have it; a little off, so
    that none coincide.
    """
    middle = (
        sum(x for x, _ in fixed.values()) / len(fixed),
        sum(y for _, y in fixed.values()) / len(fixed),
    )
    at = [
        fixed.get(p, (middle[0] + 3.0 * cos(2.4 * p), middle[1] + 3.0 * sin(2.4 * p)))
        for p in range(count)
    ]
    near = [[b if a == p else a for a, b in edges if p in (a, b)] for p in range(count)]
    for _ in range(60):
        for p in range(count):
            if p not in fixed and near[p]:
                n = len(near[p])
                at[p] = sum(at[q][0] for q in near[p]) / n, sum(at[q][1] for q in near[p]) / n
    return [
        (x, y) if p in fixed else (x + 0.5 * cos(2.4 * p), y + 0.5 * sin(2.4 * p))
        for p, (x, y) in enumerate(at)
    ]


def moved_apart(
    at: Sequence[Position], sizes: Sequence[Position], fixed: Mapping[int, Position]
) -> list[Position]:
    """Points moved apart until the rectangles around them do not overlap; `sizes` are widths and
    heights.
    """
    found = list(at)
    for _ in range(80):
        calm = True
        for p in range(len(found)):
            for q in range(p):
                dx, dy = found[p][0] - found[q][0], found[p][1] - found[q][1]
                wide = (sizes[p][0] + sizes[q][0]) / 2 + NODE_GAP - abs(dx)
                high = (sizes[p][1] + sizes[q][1]) / 2 + NODE_GAP - abs(dy)
                if wide <= 0.01 or high <= 0.01 or (p in fixed and q in fixed):
                    continue
                calm = False
                share = 1.0 if p in fixed or q in fixed else 0.5
                push = (
                    (wide * (1 if dx >= 0 else -1), 0.0)
                    if wide < high
                    else (0.0, high * (1 if dy >= 0 else -1))
                )
                if p not in fixed:
                    found[p] = found[p][0] + share * push[0], found[p][1] + share * push[1]
                if q not in fixed:
                    found[q] = found[q][0] - share * push[0], found[q][1] - share * push[1]
        if calm:
            break
    return found


def moved_off_edges(
    at: Sequence[Position],
    sizes: Sequence[Position],
    edges: Sequence[tuple[int, int]],
    fixed: Mapping[int, Position],
) -> list[Position]:
    """Points moved aside until no edge runs through the rectangle of a third one, nor rectangles
    overlap.
    """
    found = list(at)
    for _ in range(40):
        calm = True
        for p in range(len(found)):
            if p in fixed or not sizes[p][0]:
                continue
            for a, b in edges:
                if (
                    p not in (a, b)
                    and (push := _aside(found[p], sizes[p], found[a], found[b])) is not None
                ):
                    found[p] = found[p][0] + push[0], found[p][1] + push[1]
                    calm = False
        if calm:
            break
        found = moved_apart(found, sizes, fixed)
    return found


def _aside(middle: Position, size: Position, a: Position, b: Position) -> Position | None:
    """The shortest way for a rectangle off the line from `a` to `b`; None where it is clear of
    it.
    """
    dx, dy = b[0] - a[0], b[1] - a[1]
    far = hypot(dx, dy)
    if far < 1e-9:
        return None
    along = ((middle[0] - a[0]) * dx + (middle[1] - a[1]) * dy) / far
    across = ((middle[0] - a[0]) * -dy + (middle[1] - a[1]) * dx) / far
    reach = abs(dy) / far * size[0] / 2 + abs(dx) / far * size[1] / 2 + NODE_GAP / 2
    length = abs(dx) / far * size[0] / 2 + abs(dy) / far * size[1] / 2
    if abs(across) >= reach - 0.01 or not -length < along < far + length:
        return None
    step = (reach - abs(across)) * (1 if across >= 0 else -1)
    return -dy / far * step, dx / far * step
