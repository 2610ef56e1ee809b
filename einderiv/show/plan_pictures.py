"""A plan as a tree: a node for each step, below what it needs; the darker, the longer it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import LimitError
from .drawing import Box, Drawn, Picture, element, line, number, text_box, title, together, width

SMALL, TALL, GAP = 12.0, 40.0, 26.0
LONG = 26  # letters of an einsum that are shown
MANY = 120  # steps that are drawn


def plan_picture(names: Mapping[int, str], steps: Sequence[tuple[int, tuple[int, ...], str, str, float]],
                 outputs: Sequence[int]) -> Picture:  # fmt: skip
    """A picture of steps: (value, values it needs, its einsum, its kernel, its share of the time).

    `names` are those of the inputs. Raises LimitError for more steps than can be told apart.
    """
    if len(steps) > MANY:
        raise LimitError(
            f"a picture of {len(steps)} steps shows nothing: at most {MANY} are drawn; print(plan) has all"
        )
    level = dict.fromkeys(names, 0)
    for value, needs, *_ in steps:
        level[value] = 1 + max((level.get(v, 0) for v in needs), default=0)
    boxes = _boxes(names, steps, level)
    found: list[Drawn] = []
    for value, needs, *_ in steps:
        for v in needs:
            found.append(_line(boxes[v], boxes[value]))
    found += [_input(name, boxes[v]) for v, name in names.items()]
    found += [_step(words, kernel, share, boxes[value], last=value in outputs)
              for value, _, words, kernel, share in steps]  # fmt: skip
    return Picture(
        together(found), f"a plan of {len(steps)} steps", "inputs above, results below, darker where time goes"
    )


def _boxes(names: Mapping[int, str], steps: Sequence[tuple[int, tuple[int, ...], str, str, float]],
           level: Mapping[int, int]) -> dict[int, Box]:  # fmt: skip
    """Rows by level; in a row as the values that they need stand, from left to right."""
    wide = {v: max(40.0, width(name, SMALL) + 20) for v, name in names.items()}
    wide |= {
        v: max(width(_short(words), SMALL), width(f"{kernel} 100 %", SMALL)) + 20 for v, _, words, kernel, _ in steps
    }
    needs = {v: inputs for v, inputs, *_ in steps}
    rows: dict[int, list[int]] = {}
    for v in (*names, *needs):
        rows.setdefault(level[v], []).append(v)
    found: dict[int, Box] = {}
    for depth, row in sorted(rows.items()):

        def middle(v: int) -> float:
            known = [(found[n].left + found[n].right) / 2 for n in needs.get(v, ()) if n in found]
            return sum(known) / len(known) if known else 0.0

        order = sorted(row, key=lambda v: (middle(v), v)) if depth else row
        x = 0.0
        for v in order:
            left = max(x, middle(v) - wide[v] / 2 if depth else 0.0)
            found[v] = Box(left, depth * (TALL + GAP), left + wide[v], depth * (TALL + GAP) + TALL)
            x = left + wide[v] + 18
    return found


def _short(words: str) -> str:
    return words if len(words) <= LONG else words[: LONG - 1] + "…"


def _line(a: Box, b: Box) -> Drawn:
    x, y = (a.left + a.right) / 2, (b.left + b.right) / 2
    bend = (a.bottom + b.top) / 2
    x1, x2, y1, y2, y3 = map(number, (x, y, a.bottom, bend, b.top))
    path = f"M{x1} {y1}C{x1} {y2} {x2} {y2} {x2} {y3}"
    return Drawn((element("path", d=path, fill="none", stroke="currentColor", stroke_opacity="0.6"),),
                 Box(min(x, y), a.bottom, max(x, y), b.top))  # fmt: skip


def _input(name: str, box: Box) -> Drawn:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    parts = (element("rect", x=box.left, y=y - 13, width=box.right - box.left, height=26, rx=13, fill="none",
                     stroke="currentColor"), line(name, x, y, SMALL))  # fmt: skip
    return Drawn(
        (element("g", *parts, data_operand=name, class_="operand"),), box, ((name, text_box(name, x, y, SMALL)),)
    )


def _step(words: str, kernel: str, share: float, box: Box, *, last: bool) -> Drawn:
    x, percent = (box.left + box.right) / 2, f"{kernel} {share:.0%}"
    shown = _short(words)
    paper = element("rect", x=box.left, y=box.top, width=box.right - box.left, height=TALL, rx=5, fill="Canvas")
    parts = (title(f"{words}: {percent} of the time"), paper,
             element("rect", x=box.left, y=box.top, width=box.right - box.left, height=TALL, rx=5, fill="currentColor",
                     fill_opacity=f"{0.05 + 0.4 * share:.2f}", stroke="currentColor", stroke_width=2.4 if last else 1),
             line(shown, x, box.top + 13, SMALL), line(percent, x, box.top + 28, SMALL))  # fmt: skip
    texts = tuple((t, text_box(t, x, box.top + y, SMALL)) for t, y in ((shown, 13), (percent, 28)))
    return Drawn((element("g", *parts, class_="step"),), box, texts)
