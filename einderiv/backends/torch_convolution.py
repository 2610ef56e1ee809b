"""How torch spells convolutions and their gradients: as its own kernels, which have the axes in the
order of stack, channels, and windows.

==================================  ==========================================================
``x[n,c,i+k,j+l] w[d,c,k,l] → ndij``  ``torch.nn.functional.conv2d(x, w)``
its gradient by w, of u             ``torch.nn.grad.conv2d_weight(x, (16, 8, 3, 3), u)``
its gradient by x, of u             ``torch.nn.grad.conv2d_input((16, 8, 32, 32), w, u)``
==================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..expression import Label, Labels
from ..planning import Step
from .source_text import Spell, shape, transposed

Group = tuple[Label, ...]  # labels that are one axis for a kernel


def convolution_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """A convolution, or its gradient by one operand."""
    x_labels, y_labels, out, windows = step.spec
    lengths: dict[Label, int] = {}
    pairs = [(x_labels, step.operand_sizes[0]), (y_labels, step.operand_sizes[1])]
    for labels, sizes in (*pairs, (out, step.sizes)):
        lengths.update(zip(labels, [int(size(s)) for s in sizes], strict=True))
    wholes, steps, taps = ([w[k] for w in windows] for k in range(3))
    inside = {*wholes, *steps, *taps}
    stack = tuple([x for x in x_labels if x in out and x not in inside])
    summed = tuple([x for x in x_labels if x in y_labels])
    made = tuple([x for x in y_labels if x in out and x not in inside])
    counts = [(w[3], w[4], w[5], lengths[w[0]], lengths[w[1]], lengths[w[2]]) for w in windows]
    options = _option("stride", [w[3] for w in windows]) + _option(
        "dilation", [w[4] for w in windows]
    )
    dims = f"{len(windows)}d"
    x, y = inputs

    def arranged(name: str, labels: Labels, *groups: Group) -> str:
        return _arranged(name, labels, [*groups], lengths)

    # zeros before and behind what there is, or less than that: by the first and the last place
    sides: list[tuple[int, int]] = []
    spans: list[int] = []
    for stride, dilation, constant, whole, moves, tapped in counts:
        span = stride * (moves - 1) + dilation * (tapped - 1) + 1
        spans.append(span)
        sides.append((-constant, constant + span - whole))
    if wholes[0] in x_labels:
        own = [(label,) for label in wholes]
        if taps[0] in y_labels:
            x = _padded(arranged(x, x_labels, stack, summed, *own), sides)
            y = arranged(y, y_labels, made, summed, *[(label,) for label in taps])
            text = f"torch.nn.functional.conv{dims}({x}, {y}{options})"
            groups = [stack, made, *[(label,) for label in steps]]
        else:
            x = _padded(arranged(x, x_labels, summed, stack, *own), sides)
            y = arranged(y, y_labels, summed, made, *[(label,) for label in steps])
            groups = [made, stack, *[(label,) for label in taps]]
            text = f"torch.nn.grad.conv{dims}_weight({x}, {_sizes(groups, lengths)}, {y}{options})"
    else:
        x = arranged(x, x_labels, stack, summed, *[(label,) for label in steps])
        y = arranged(y, y_labels, summed, made, *[(label,) for label in taps])
        full = shape([str(prod([lengths[x] for x in group])) for group in (stack, made)])
        full = f"({full[1:-1]}, {', '.join(map(str, spans))})"
        text = f"torch.nn.grad.conv{dims}_input({full}, {y}, {x}{options})"
        text = _padded(text, [(-before, -behind) for before, behind in sides])
        groups = [stack, made, *[(label,) for label in wholes]]
    flat = tuple([label for group in groups for label in group])
    if any(len(group) != 1 for group in groups):
        text = f"{text}.reshape({shape([str(lengths[label]) for label in flat])})"
    return transposed(text, flat, out, "permute")


def _option(name: str, numbers: Sequence[int]) -> str:
    if all(number == 1 for number in numbers):
        return ""
    return f", {name}={shape([str(number) for number in numbers])}"


def _arranged(name: str, labels: Labels, groups: Sequence[Group], lengths: dict[int, int]) -> str:
    """An array with its axes in groups, each of which is one axis."""
    flat = tuple([label for group in groups for label in group])
    text = transposed(name, labels, flat, "permute")
    if all(len(group) == 1 for group in groups):
        return text
    return f"{text}.reshape({_sizes(groups, lengths)})"


def _sizes(groups: Sequence[Group], lengths: dict[int, int]) -> str:
    return shape([str(prod([lengths[label] for label in group])) for group in groups])


def _padded(text: str, sides: Sequence[tuple[int, int]]) -> str:
    """Zeros before and behind the last axes; fewer entries where a number is negative."""
    if not any(any(pair) for pair in sides):
        return text
    numbers = [str(number) for pair in reversed(sides) for number in pair]
    return f"torch.nn.functional.pad({text}, ({', '.join(numbers)}))"
