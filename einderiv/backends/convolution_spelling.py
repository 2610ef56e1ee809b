"""How torch and JAX spell convolutions and their gradients: as their own kernels, which have the
axes in the order of stack, channels, and windows.

=====================================  ==========================================================
``x[n,c,i+k,j+l] w[d,c,k,l] → ndij``     ``torch.nn.functional.conv2d(x, w)``
its gradient by w, of u                ``torch.nn.grad.conv2d_weight(x, (16, 8, 3, 3), u)``
its gradient by x, of u                ``torch.nn.grad.conv2d_input((16, 8, 32, 32), w, u)``
any of them                            ``convolved(x, w, (1, 1), …)`` in JAX
=====================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ..expression import Label, Labels
from ..planning import Step
from .source_text import Spell, shape, transposed

Group = tuple[Label, ...]  # labels that are one axis for a kernel
Sides = list[tuple[int, int]]  # zeros before and behind each axis; entries less where negative


class Roles(NamedTuple):
    """What the labels of a convolution are to a kernel: ``whole = c + s · step + d · tap``."""

    stack: Group  # in x and in the result
    summed: Group  # in x and in y
    made: Group  # in y and in the result
    wholes: list[Group]
    steps: list[Group]
    taps: list[Group]
    strides: list[int]
    dilations: list[int]
    spans: list[int]  # from the first place to behind the last
    sides: Sides  # how these places reach beyond the whole
    forwards: bool  # is the whole an axis of x? else it is one of the result
    by_y: bool  # are the taps axes of the result?


def torch_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """A convolution, or its gradient by one operand, in torch."""
    x, y = inputs
    x_labels, y_labels, out, windows = step.spec
    lengths = _lengths(step, size)
    roles = _roles(step, lengths)
    stack, summed, made = roles[:3]
    dims = f"{len(windows)}d"
    options = _option("stride", roles.strides) + _option("dilation", roles.dilations)

    def arranged(name: str, labels: Labels, *groups: Group) -> str:
        return _arranged(name, labels, groups, lengths, "permute")

    if roles.by_y:
        groups = [made, stack, *roles.taps]
        x = _padded(arranged(x, x_labels, summed, stack, *roles.wholes), roles.sides)
        y = arranged(y, y_labels, summed, made, *roles.steps)
        text = f"torch.nn.grad.conv{dims}_weight({x}, {_sizes(groups, lengths)}, {y}{options})"
    elif roles.forwards:
        groups = [stack, made, *roles.steps]
        x = _padded(arranged(x, x_labels, stack, summed, *roles.wholes), roles.sides)
        y = arranged(y, y_labels, made, summed, *roles.taps)
        text = f"torch.nn.functional.conv{dims}({x}, {y}{options})"
    else:
        groups = [stack, made, *roles.wholes]
        x = arranged(x, x_labels, stack, summed, *roles.steps)
        y = arranged(y, y_labels, summed, made, *roles.taps)
        channels = [str(prod([lengths[label] for label in group])) for group in (stack, made)]
        full = shape([*channels, *map(str, roles.spans)])
        text = f"torch.nn.grad.conv{dims}_input({full}, {y}, {x}{options})"
        text = _padded(text, [(-before, -behind) for before, behind in roles.sides])
    return _restored(text, groups, out, lengths, "permute")


def jax_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """A convolution, or its gradient by one operand, in JAX."""
    x, y = inputs
    x_labels, y_labels, out, _ = step.spec
    lengths = _lengths(step, size)
    roles = _roles(step, lengths)
    taps = roles.steps if roles.by_y else roles.taps
    seen = roles.wholes if roles.forwards else roles.steps
    groups = [roles.stack, roles.made]
    x = _arranged(x, x_labels, [roles.stack, roles.summed, *seen], lengths, "transpose")
    y = _arranged(y, y_labels, [roles.made, roles.summed, *taps], lengths, "transpose")
    if roles.forwards:
        strides, dilations = roles.strides, roles.dilations
        if roles.by_y:
            strides, dilations = dilations, strides
        words = [shape([str(number) for number in strides]), _pairs(roles.sides)]
        options = _option("rhs_dilation", dilations)
        groups += roles.taps if roles.by_y else roles.steps
    else:
        # all places, each tap from behind: zeros as far as the taps reach
        reach = [d * (lengths[tap] - 1) for d, (tap,) in zip(roles.dilations, taps, strict=True)]
        sides = []
        for more, (before, behind) in zip(reach, roles.sides, strict=True):
            sides.append((more - before, more - behind))
        words = [shape(["1"] * len(taps)), _pairs(sides)]
        options = _option("lhs_dilation", roles.strides) + _option("rhs_dilation", roles.dilations)
        y = f"jnp.flip({y}, {shape([str(2 + k) for k in range(len(taps))])})"
        groups += roles.wholes
    text = f"convolved({x}, {y}, {', '.join(words)}{options})"
    return _restored(text, groups, out, lengths, "transpose")


def convolve_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """Some entries of the convolution of two vectors, in NumPy."""
    turned, first = step.spec
    x, y = inputs
    return f"convolved({x}, {y}{'[::-1]' if turned else ''}, {first}, {size(step.sizes[0])})"


#: what a source of NumPy brings along
TEXTS = {
    "convolved": """\
def convolved(x, y, first, count):
    # entries of the convolution of two vectors, 0 beyond its ends
    long, short = (x, y) if x.size >= y.size else (y, x)
    low, high = max(first, 0), min(first + count, x.size + y.size - 1)
    if high <= low:
        return np.zeros(count, np.result_type(x, y))
    # what they are made of
    start, stop = max(low - short.size + 1, 0), min(high, long.size)
    part = long[start:stop]
    many = (high - low) * short.size >= 2**25 and short.size >= 512
    if many and scipy_signal is not None and all(a.dtype == np.float64 for a in (part, short)):
        # by FFT, which no infinite number may go through; narrower floats would lose digits
        many = bool(np.isfinite(part).all() and np.isfinite(short).all())
    else:
        many = False
    if many:
        found = scipy_signal.oaconvolve(part, short)[low - start : high - start]
    elif start == low - short.size + 1 and stop == high:
        found = np.convolve(part, short, "valid")
    else:
        found = np.convolve(part, short)[low - start : high - start]
    if found.size == count:
        return found
    whole = np.zeros(count, found.dtype)
    whole[low - first : high - first] = found
    return whole
""",
}
IMPORTS = {
    "convolved": """\
try:
    from scipy import signal as scipy_signal
except ImportError:
    scipy_signal = None""",
}


def _lengths(step: Step, size: Spell) -> dict[Label, int]:
    """The length of each label: a pass that makes convolutions knows all sizes."""
    x_labels, y_labels, out, _ = step.spec
    found: dict[Label, int] = {}
    sizes = (*step.operand_sizes, step.sizes)
    for labels, own in zip((x_labels, y_labels, out), sizes, strict=True):
        found.update(zip(labels, [int(size(s)) for s in own], strict=True))
    return found


def _roles(step: Step, lengths: dict[Label, int]) -> Roles:
    x, y, out, windows = step.spec
    inside = {label for window in windows for label in window[:3]}
    spans: list[int] = []
    sides: Sides = []
    for whole, moved, tap, stride, dilation, constant in windows:
        span = stride * (lengths[moved] - 1) + dilation * (lengths[tap] - 1) + 1
        spans.append(span)
        sides.append((-constant, constant + span - lengths[whole]))
    return Roles(
        stack=tuple([label for label in x if label in out and label not in inside]),
        summed=tuple([label for label in x if label in y]),
        made=tuple([label for label in y if label in out and label not in inside]),
        wholes=[(window[0],) for window in windows],
        steps=[(window[1],) for window in windows],
        taps=[(window[2],) for window in windows],
        strides=[window[3] for window in windows],
        dilations=[window[4] for window in windows],
        spans=spans,
        sides=sides,
        forwards=windows[0][0] in x,
        by_y=windows[0][2] in out,
    )


def _option(name: str, numbers: Sequence[int]) -> str:
    if all(number == 1 for number in numbers):
        return ""
    return f", {name}={shape([str(number) for number in numbers])}"


def _pairs(sides: Sides) -> str:
    return f"[{', '.join([str(pair) for pair in sides])}]"


def _arranged(
    name: str, labels: Labels, groups: Sequence[Group], lengths: dict[Label, int], permute: str
) -> str:
    """An array with its axes in groups, each of which is one axis."""
    flat = tuple([label for group in groups for label in group])
    text = transposed(name, labels, flat, permute)
    if all(len(group) == 1 for group in groups):
        return text
    return f"{text}.reshape({_sizes(groups, lengths)})"


def _restored(
    text: str, groups: Sequence[Group], out: Labels, lengths: dict[Label, int], permute: str
) -> str:
    """What a kernel made, with the axes of the result."""
    flat = tuple([label for group in groups for label in group])
    if any(len(group) != 1 for group in groups):
        text = f"{text}.reshape({shape([str(lengths[label]) for label in flat])})"
    return transposed(text, flat, out, permute)


def _sizes(groups: Sequence[Group], lengths: dict[Label, int]) -> str:
    return shape([str(prod([lengths[label] for label in group])) for group in groups])


def _padded(text: str, sides: Sides) -> str:
    """Zeros before and behind the last axes; fewer entries where a number is negative."""
    if not any(any(pair) for pair in sides):
        return text
    numbers = [str(number) for pair in reversed(sides) for number in pair]
    return f"torch.nn.functional.pad({text}, ({', '.join(numbers)}))"
