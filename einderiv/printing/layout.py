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
STRESS_TERMS = 300_000  # of pairs: many points get fewer rounds, not more time
STILL = 0.05  # pixels: a round that moves nothing further is the last
SPRING_ROUNDS = 60
APART_ROUNDS = 80
APART_TESTS = 50_000  # of pairs: the same for points among many
OFF_EDGES_ROUNDS = 40
OFF_EDGES_TESTS = 100_000  # of pairs: a crowded picture gets fewer rounds, not more time
NODE_GAP = 16.0  # pixels between nodes


def graph_distances(count: int, edges: Mapping[tuple[int, int], float]) -> list[list[float]]:
    """The length of the shortest way between any two points; infinite where there is none."""
    infinite = float("inf")
    distances = [[infinite] * count for _ in range(count)]
    for point in range(count):
        distances[point][point] = 0.0
    for (a, b), length in edges.items():
        distances[a][b] = distances[b][a] = min(distances[a][b], length)
    # Floyd and Warshall: ways by the first points, then also by the next one.
    for middle in range(count):
        from_middle = distances[middle]
        for row in distances:
            to_middle = row[middle]
            if to_middle == infinite:
                continue
            for end, onward in enumerate(from_middle):
                if to_middle + onward < row[end]:
                    row[end] = to_middle + onward
    return distances


def stress_layout(
    count: int,
    edges: Mapping[tuple[int, int], float],
    fixed: Mapping[int, Position],
    lean: Position = (0.0, 0.0),
) -> list[Position]:
    """Points of a connected graph, those that are `fixed` where they are.

    `lean` is the direction in which the others begin, where all that is fixed is on one side.
    """
    distances = graph_distances(count, edges)
    places = _first_places(count, edges, distances, fixed)
    free = [point for point in range(count) if point not in fixed]
    if lean != (0.0, 0.0):  # all that is fixed is on one side: the rest goes away from it
        for point in free:
            x, y = places[point]
            away = min(distances[point][q] for q in fixed)
            places[point] = x + lean[0] * away, y + lean[1] * away
    for _ in range(min(STRESS_ROUNDS, 1 + STRESS_TERMS // count**2)):
        furthest = 0.0
        for point in free:
            x, y = places[point]
            new_x, new_y = _least_stress(point, places, distances[point])
            furthest = max(furthest, abs(new_x - x), abs(new_y - y))
            places[point] = new_x, new_y
        if furthest < STILL:
            break
    return places


def _least_stress(point: int, places: Sequence[Position], distances: Sequence[float]) -> Position:
    """Where the other points want one: each at its distance, on the line to where it is now.

    The mean of these wishes, where the near ones weigh more: 1 / distance².
    """
    x, y = places[point]
    sum_x = sum_y = sum_weights = 0.0
    for other, (other_x, other_y) in enumerate(places):
        distance = distances[other]
        if other == point or distance == float("inf"):
            continue
        weight = 1 / distance**2
        dx, dy = x - other_x, y - other_y
        apart = hypot(dx, dy) or 1e-9
        sum_x += weight * (other_x + distance * dx / apart)
        sum_y += weight * (other_y + distance * dy / apart)
        sum_weights += weight
    return (sum_x / sum_weights, sum_y / sum_weights) if sum_weights else (x, y)


def _first_places(
    count: int,
    edges: Mapping[tuple[int, int], float],
    distances: Sequence[Sequence[float]],
    fixed: Mapping[int, Position],
) -> list[Position]:
    """Where points begin: between what is fixed; without that on a circle, or on a line if the
    graph is one.
    """
    if fixed:
        return _between_fixed(count, edges, fixed)
    degrees = [len(neighbours) for neighbours in _neighbours(count, edges)]
    is_path = max(degrees) <= 2 and len(edges) == count - 1
    if count <= 2 or is_path:
        end = degrees.index(min(degrees))
        # A little off the line, so that forces have a direction.
        return [(distances[end][p], 0.001 * p) for p in range(count)]
    length = sum(edges.values()) / max(len(edges), 1)
    radius = length * count / (2 * pi)
    places = []
    for turn in _places_on_a_walk(count, edges):
        angle = 2 * pi * turn / count - pi
        places.append((radius * cos(angle), radius * sin(angle)))
    return places


def _neighbours(count: int, edges: Mapping[tuple[int, int], float]) -> list[list[int]]:
    """The other ends of the edges at each point."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        neighbours[a].append(b)
        neighbours[b].append(a)
    return neighbours


def _places_on_a_walk(count: int, edges: Mapping[tuple[int, int], float]) -> list[int]:
    """The places of points on a walk that goes on to a neighbour while it can: a ring is walked
    around.
    """
    neighbours = [sorted(set(points)) for points in _neighbours(count, edges)]
    places: dict[int, int] = {}
    stack = [0]
    while stack:
        point = stack.pop()
        if point in places:
            continue
        places[point] = len(places)
        ahead = [q for q in neighbours[point] if q not in places]
        # The last is taken next: the one with the fewest neighbours, of equal ones the first.
        stack += sorted(ahead, key=lambda q: (-len(neighbours[q]), -q))
    return [places.get(point, count - 1) for point in range(count)]


def _between_fixed(
    count: int, edges: Mapping[tuple[int, int], float], fixed: Mapping[int, Position]
) -> list[Position]:
    """Every point in the middle of its neighbours, as springs would have it; a little off, so
    that none coincide.
    """
    middle_x = sum(x for x, _ in fixed.values()) / len(fixed)
    middle_y = sum(y for _, y in fixed.values()) / len(fixed)
    places = []
    for point in range(count):
        dx, dy = _little_off(point)
        places.append(fixed.get(point, (middle_x + 3.0 * dx, middle_y + 3.0 * dy)))

    neighbours = _neighbours(count, edges)
    free = [point for point in range(count) if point not in fixed]
    for _ in range(SPRING_ROUNDS):
        for point in free:
            around = [places[q] for q in neighbours[point]]
            if around:
                x = sum(x for x, _ in around) / len(around)
                y = sum(y for _, y in around) / len(around)
                places[point] = x, y

    for point in free:
        x, y = places[point]
        dx, dy = _little_off(point)
        places[point] = x + 0.5 * dx, y + 0.5 * dy
    return places


def _little_off(point: int) -> Position:
    """A direction of its own for each point."""
    return cos(2.4 * point), sin(2.4 * point)  # 2.4 is the golden angle: directions spread evenly


def moved_apart(
    at: Sequence[Position], sizes: Sequence[Position], fixed: Mapping[int, Position]
) -> list[Position]:
    """Points moved apart until the rectangles around them do not overlap; `sizes` are widths and
    heights.
    """
    places = list(at)
    pairs = len(places) ** 2 // 2
    for _ in range(min(APART_ROUNDS, 1 + APART_TESTS // max(pairs, 1))):
        calm = True
        for p in range(len(places)):
            for q in range(p):
                if p in fixed and q in fixed:
                    continue
                push = _apart(places[p], sizes[p], places[q], sizes[q])
                if push is None:
                    continue
                calm = False
                # Where one of them is fixed, the other goes all the way.
                share = 1.0 if p in fixed or q in fixed else 0.5
                dx, dy = share * push[0], share * push[1]
                if p not in fixed:
                    x, y = places[p]
                    places[p] = x + dx, y + dy
                if q not in fixed:
                    x, y = places[q]
                    places[q] = x - dx, y - dy
        if calm:
            break
    return places


def _apart(
    middle: Position, size: Position, other_middle: Position, other_size: Position
) -> Position | None:
    """The shortest way for a rectangle off another, along one axis; None where it is clear of
    it.
    """
    dx = middle[0] - other_middle[0]
    dy = middle[1] - other_middle[1]
    overlap_x = (size[0] + other_size[0]) / 2 + NODE_GAP - abs(dx)
    overlap_y = (size[1] + other_size[1]) / 2 + NODE_GAP - abs(dy)
    if overlap_x <= 0.01 or overlap_y <= 0.01:
        return None
    if overlap_x < overlap_y:
        return overlap_x * (1 if dx >= 0 else -1), 0.0
    return 0.0, overlap_y * (1 if dy >= 0 else -1)


def moved_off_edges(
    at: Sequence[Position],
    sizes: Sequence[Position],
    edges: Sequence[tuple[int, int]],
    fixed: Mapping[int, Position],
) -> list[Position]:
    """Points moved aside until no edge runs through the rectangle of a third one, nor rectangles
    overlap.
    """
    places = list(at)
    tests = len(places) * len(edges) + APART_ROUNDS * len(places) ** 2 // 2  # of a round
    for _ in range(min(OFF_EDGES_ROUNDS, 1 + OFF_EDGES_TESTS // max(tests, 1))):
        calm = True
        for p in range(len(places)):
            if p in fixed or sizes[p][0] == 0:
                continue
            for a, b in edges:
                if p in (a, b):
                    continue
                push = _aside(places[p], sizes[p], places[a], places[b])
                if push is not None:
                    x, y = places[p]
                    places[p] = x + push[0], y + push[1]
                    calm = False
        if calm:
            break
        places = moved_apart(places, sizes, fixed)
    return places


def _aside(middle: Position, size: Position, a: Position, b: Position) -> Position | None:
    """The shortest way for a rectangle off the line from `a` to `b`; None where it is clear of
    it.
    """
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = hypot(dx, dy)
    if length < 1e-9:
        return None
    # The middle seen from `a`: how far along the line, and how far to its left.
    from_x, from_y = middle[0] - a[0], middle[1] - a[1]
    along = (from_x * dx + from_y * dy) / length
    across = (from_x * -dy + from_y * dx) / length
    # How far the rectangle reaches from its middle, along the line and across it.
    wide, high = size
    cosine, sine = abs(dx) / length, abs(dy) / length
    reach_along = cosine * wide / 2 + sine * high / 2
    reach_across = sine * wide / 2 + cosine * high / 2 + NODE_GAP / 2
    beyond_the_ends = not -reach_along < along < length + reach_along
    if beyond_the_ends or abs(across) >= reach_across - 0.01:
        return None
    step = (reach_across - abs(across)) * (1 if across >= 0 else -1)
    return -dy / length * step, dx / length * step
