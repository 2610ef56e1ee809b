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
    row = _rows(names, steps)
    last = dict(row)  # the row of the last use
    for value, needs, *_ in steps:
        last.update((v, max(last[v], row[value] - 1)) for v in needs)
    places = _places(names, steps, row, last)
    found = [_passing(places[v, k]) for v, k in places if k != row[v]]
    found += [_line(places[v, k - 1], places[v, k]) for v, k in places if k != row[v]]
    found += [
        _line(places[v, row[value] - 1], places[value, row[value]])
        for value, needs, *_ in steps
        for v in dict.fromkeys(needs)
    ]
    found += [_input(name, places[v, row[v]]) for v, name in names.items()]
    found += [
        _step(words, kernel, share, places[value, row[value]], last=value in outputs)
        for value, _, words, kernel, share in steps
    ]
    return Picture(
        one_drawing(found),
        f"a plan of {len(steps)} steps",
        "inputs above, results below, darker where time goes",
    )


def _rows(names: Mapping[int, str], steps: Sequence[DrawnStep]) -> dict[int, int]:
    """The row of each value: a step is below all that it needs, an input just above its first
    use.
    """
    row = dict.fromkeys(names, 0)
    for value, needs, *_ in steps:
        row[value] = 1 + max((row[v] for v in needs), default=0)
    first: dict[int, int] = {}
    for value, needs, *_ in steps:
        first.update((v, min(first.get(v, row[value]), row[value])) for v in needs)
    row.update((v, first.get(v, 1) - 1) for v in names)
    return row


def _places(
    names: Mapping[int, str],
    steps: Sequence[DrawnStep],
    row: Mapping[int, int],
    last: Mapping[int, int],
) -> StepBoxes:
    """Row by row; in a row as what they need stands, from left to right."""
    wide = {v: max(40.0, text_width(name, STEP_FONT) + 20) for v, name in names.items()}
    wide |= {
        v: max(text_width(_short(words), STEP_FONT), text_width(f"{kernel} 100 %", STEP_FONT)) + 20
        for v, _, words, kernel, _ in steps
    }
    needs = {v: inputs for v, inputs, *_ in steps}
    found: StepBoxes = {}
    for k in range(max(last.values(), default=0) + 1):

        def middle(v: int, k: int = k) -> float:
            above = [
                found[n, k - 1]
                for n in (needs.get(v, ()) if row[v] == k else (v,))
                if (n, k - 1) in found
            ]
            return sum(box.left + box.right for box in above) / (2 * len(above)) if above else 0.0

        x = 0.0
        for v in sorted((v for v in row if row[v] <= k <= last[v]), key=lambda v: (middle(v), v)):
            size = wide[v] if row[v] == k else LANE
            left = max(x, middle(v) - size / 2)
            found[v, k] = Rectangle(left, k * (TALL + GAP), left + size, k * (TALL + GAP) + TALL)
            x = left + size + 18
    return found


def _short(words: str) -> str:
    return words if len(words) <= EINSUM_LETTERS else words[: EINSUM_LETTERS - 1] + "…"


def _line(a: Rectangle, b: Rectangle) -> Drawing:
    x, y = (a.left + a.right) / 2, (b.left + b.right) / 2
    bend = (a.bottom + b.top) / 2
    x1, x2, y1, y2, y3 = map(coordinate, (x, y, a.bottom, bend, b.top))
    return _stroke(
        f"M{x1} {y1}C{x1} {y2} {x2} {y2} {x2} {y3}",
        Rectangle(min(x, y), a.bottom, max(x, y), b.top),
    )


def _passing(box: Rectangle) -> Drawing:
    """The part of a line that passes a row."""
    x, y1, y2 = map(coordinate, ((box.left + box.right) / 2, box.top, box.bottom))
    return _stroke(f"M{x} {y1}L{x} {y2}", box)


def _stroke(path: str, box: Rectangle) -> Drawing:
    return Drawing(
        (markup("path", d=path, fill="none", stroke="currentColor", stroke_opacity="0.6"),), box
    )


def _input(name: str, box: Rectangle) -> Drawing:
    """An input: at the bottom of its row, where its lines begin."""
    x, y = (box.left + box.right) / 2, box.bottom - 13
    parts = (
        markup(
            "rect",
            x=box.left,
            y=y - 13,
            width=box.right - box.left,
            height=26,
            rx=13,
            fill="none",
            stroke="currentColor",
        ),
        text_line(name, x, y, STEP_FONT),
    )
    return Drawing(
        (markup("g", *parts, data_operand=name, class_="operand"),),
        box,
        ((name, text_box(name, x, y, STEP_FONT)),),
    )


def _step(words: str, kernel: str, share: float, box: Rectangle, *, last: bool) -> Drawing:
    x, percent = (box.left + box.right) / 2, f"{kernel} {share:.0%}"
    shown = _short(words)
    paper = markup(
        "rect", x=box.left, y=box.top, width=box.right - box.left, height=TALL, rx=5, fill="Canvas"
    )
    parts = (
        tooltip(f"{words}: {percent} of the time"),
        paper,
        markup(
            "rect",
            x=box.left,
            y=box.top,
            width=box.right - box.left,
            height=TALL,
            rx=5,
            fill="currentColor",
            fill_opacity=f"{0.05 + 0.4 * share:.2f}",
            stroke="currentColor",
            stroke_width=2.4 if last else 1,
        ),
        text_line(shown, x, box.top + 13, STEP_FONT),
        text_line(percent, x, box.top + 28, STEP_FONT),
    )
    texts = tuple(
        (t, text_box(t, x, box.top + y, STEP_FONT)) for t, y in ((shown, 13), (percent, 28))
    )
    return Drawing((markup("g", *parts, class_="step"),), box, texts)
