"""A plan as a tree: a node for each step, below what it needs; the darker, the longer it takes.

Nodes stand in rows, inputs in the row above their first use. A value that a later row needs is led
through the rows between at a place of its own, so that no line runs behind a node (the dummy
vertices of Sugiyama, Tagawa and Toda, *Methods for visual understanding of hierarchical system
structures*, 1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import LimitError
from ..printing import (
    PAPER,
    Drawing,
    Picture,
    Rectangle,
    coordinate,
    markup,
    one_drawing,
    text_box,
    text_line,
    text_width,
    tooltip,
)

STEP_FONT, TALL, GAP = 12.0, 40.0, 26.0
EINSUM_LETTERS = 26  # letters of an einsum that are shown
MOST_STEPS = 120  # steps that are drawn
LANE = 6.0  # width of the place where a line passes a row

# value, values it needs, its einsum, its kernel, share of time
DrawnStep = tuple[int, tuple[int, ...], str, str, float]
# of a value in a row: its node in its own, the lanes of its line in later ones
StepBoxes = dict[tuple[int, int], Rectangle]


def drawn_plan(
    names: Mapping[int, str], steps: Sequence[DrawnStep], outputs: Sequence[int]
) -> Picture:
    """A picture of steps; `names` are those of the inputs. Raises LimitError for more than can
    be told apart.
    """
    if len(steps) > MOST_STEPS:
        raise LimitError(
            f"a picture of {len(steps)} steps shows nothing: at most {MOST_STEPS} are drawn; "
            "print(plan) has all"
        )
    rows = _rows(names, steps)
    last = dict(rows)  # the row of the last use
    for value, needs, *_ in steps:
        for needed in needs:
            last[needed] = max(last[needed], rows[value] - 1)
    places = _places(names, steps, rows, last)

    parts: list[Drawing] = []
    # Lines through the rows between, then lines to what needs the values; nodes above the lines.
    passing = [(value, row) for value, row in places if row != rows[value]]
    parts += [_passing(places[value, row]) for value, row in passing]
    parts += [_line(places[value, row - 1], places[value, row]) for value, row in passing]
    for value, needs, *_ in steps:
        row = rows[value]
        for needed in dict.fromkeys(needs):
            parts.append(_line(places[needed, row - 1], places[value, row]))
    for value, name in names.items():
        parts.append(_input(name, places[value, rows[value]]))
    for value, _, words, kernel, share in steps:
        box = places[value, rows[value]]
        parts.append(_step(words, kernel, share, box, last=value in outputs))
    return Picture(
        one_drawing(parts),
        f"a plan of {len(steps)} steps",
        "inputs above, results below, darker where time goes",
    )


def _rows(names: Mapping[int, str], steps: Sequence[DrawnStep]) -> dict[int, int]:
    """The row of each value: a step is below all that it needs, an input just above its first
    use.
    """
    rows = dict.fromkeys(names, 0)
    for value, needs, *_ in steps:
        rows[value] = 1 + max((rows[needed] for needed in needs), default=0)
    first_use: dict[int, int] = {}
    for value, needs, *_ in steps:
        for needed in needs:
            first_use[needed] = min(first_use.get(needed, rows[value]), rows[value])
    for value in names:
        rows[value] = first_use.get(value, 1) - 1
    return rows


def _places(
    names: Mapping[int, str],
    steps: Sequence[DrawnStep],
    rows: Mapping[int, int],
    last: Mapping[int, int],
) -> StepBoxes:
    """Row by row; in a row as what they need stands, from left to right."""
    widths: dict[int, float] = {}
    for value, name in names.items():
        widths[value] = max(40.0, text_width(name, STEP_FONT) + 20)
    above: dict[int, tuple[int, ...]] = {}
    for value, needs, words, kernel, _ in steps:
        kernel_width = text_width(f"{kernel} 100 %", STEP_FONT)
        widths[value] = max(text_width(_short(words), STEP_FONT), kernel_width) + 20
        above[value] = needs
    places: StepBoxes = {}
    for row in range(max(last.values(), default=0) + 1):
        here = [value for value in rows if rows[value] <= row <= last[value]]
        middles: dict[int, float] = {}
        for value in here:
            # A node stands below what it needs, a line below where it was.
            before = above.get(value, ()) if rows[value] == row else (value,)
            boxes = [places[other, row - 1] for other in before if (other, row - 1) in places]
            middles[value] = _mean_middle(boxes)
        top = row * (TALL + GAP)
        x = 0.0
        for value in sorted(here, key=lambda value: (middles[value], value)):
            width = widths[value] if rows[value] == row else LANE
            left = max(x, middles[value] - width / 2)
            places[value, row] = Rectangle(left, top, left + width, top + TALL)
            x = left + width + 18
    return places


def _mean_middle(boxes: Sequence[Rectangle]) -> float:
    """Where the middles of boxes are, from left to right, on average."""
    if not boxes:
        return 0.0
    return sum(box.left + box.right for box in boxes) / (2 * len(boxes))


def _short(words: str) -> str:
    if len(words) <= EINSUM_LETTERS:
        return words
    return words[: EINSUM_LETTERS - 1] + "…"


def _line(a: Rectangle, b: Rectangle) -> Drawing:
    """A curve from the bottom of one box to the top of another."""
    start, stop = a.middle[0], b.middle[0]
    box = Rectangle(min(start, stop), a.bottom, max(start, stop), b.top)
    x1, x2 = coordinate(start), coordinate(stop)
    y1, y2 = coordinate(a.bottom), coordinate(b.top)
    bend = coordinate((a.bottom + b.top) / 2)
    return _stroke(f"M{x1} {y1}C{x1} {bend} {x2} {bend} {x2} {y2}", box)


def _passing(box: Rectangle) -> Drawing:
    """The part of a line that passes a row."""
    x = coordinate(box.middle[0])
    return _stroke(f"M{x} {coordinate(box.top)}L{x} {coordinate(box.bottom)}", box)


def _stroke(path: str, box: Rectangle) -> Drawing:
    line = markup("path", d=path, fill="none", stroke="currentColor", stroke_opacity="0.6")
    return Drawing((line,), box)


def _input(name: str, box: Rectangle) -> Drawing:
    """An input: at the bottom of its row, where its lines begin."""
    x = box.middle[0]
    y = box.bottom - 13
    frame = markup(
        "rect",
        x=box.left,
        y=y - 13,
        width=box.width,
        height=26,
        rx=13,
        fill="none",
        stroke="currentColor",
    )
    shown = text_line(name, x, y, STEP_FONT)
    group = markup("g", frame, shown, data_operand=name, class_="operand")
    return Drawing((group,), box, ((name, text_box(name, x, y, STEP_FONT)),))


def _step(words: str, kernel: str, share: float, box: Rectangle, *, last: bool) -> Drawing:
    """A step: its einsum, its kernel with its share of the time; darker the more it takes."""
    x = box.middle[0]
    shown = _short(words)
    percent = f"{kernel} {share:.0%}"
    place = {"x": box.left, "y": box.top, "width": box.width, "height": TALL, "rx": 5}
    parts = [
        tooltip(f"{words}: {percent} of the time"),
        markup("rect", **place, fill=PAPER),
        markup(
            "rect",
            **place,
            fill="currentColor",
            fill_opacity=f"{0.05 + 0.4 * share:.2f}",
            stroke="currentColor",
            stroke_width=2.4 if last else 1,
        ),
    ]
    texts = []
    for text, down in ((shown, 13), (percent, 28)):
        parts.append(text_line(text, x, box.top + down, STEP_FONT))
        texts.append((text, text_box(text, x, box.top + down, STEP_FONT)))
    return Drawing((markup("g", *parts, class_="step"),), box, tuple(texts))
