"""Products with windows as convolutions, where a library has a kernel for these.

``x[n, c, i+k, j+l] w[d, c, k, l] → n, d, i, j`` and both of its gradients hold a relation for each
window, ``whole = constant + stride · step + dilation · tap``. They differ in who has which axis:

===========  ======  ======  ======
             whole   step    tap
===========  ======  ======  ======
forward      x       result  w
by w         x       u       result
by x         result  u       w
===========  ======  ======  ======

A window that is read backwards, ``u[p - k] w[k]``, is the last of them: p is ``i + k``, where i is
an axis of u. The window itself is never formed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import NamedTuple

from ..expression import Label, Labels
from ..planning import Index, Ops, Program, Step, tuning
from .target import Target

MOST = 3  # windows that kernels have


class Axis(NamedTuple):
    """Where an axis is: ``constant + Σ coefficient · label``."""

    constant: int
    terms: dict[Label, int]

    @property
    def bare(self) -> Label | None:
        """The label, where it is nothing else."""
        ((label, k),) = self.terms.items() if len(self.terms) == 1 else ((-1, 0),)
        return label if k == 1 and not self.constant else None


class Window(NamedTuple):
    """``whole = constant + stride · step + dilation · tap``, of labels."""

    whole: Label
    step: Label
    tap: Label
    stride: int
    dilation: int
    constant: int


Spec = tuple[Labels, Labels, Labels, tuple[Window, ...]]


def make_convolutions(program: Program, target: Target) -> Program:
    """The program with convolutions in the place of products with windows."""
    rewritten = program.copy()
    for k, found in _convolutions(program):
        rewritten.steps[k] = found
    if rewritten.steps == program.steps:
        return program
    rewritten.sort()
    return rewritten


def convolve_vectors(program: Program, target: Target) -> Program:
    """The program with ``np.convolve`` in the place of long products of vectors with windows."""
    rewritten = program.copy()
    for k, found in _convolutions(program):
        vectors = _of_vectors(program, found)
        if vectors is not None:
            rewritten.steps[k] = vectors
    if rewritten.steps == program.steps:
        return program
    rewritten.sort()
    return rewritten


def _of_vectors(program: Program, step: Step) -> Step | None:
    """A convolution as one of two vectors; None where it has other axes, or is short."""
    x, y, _, windows = step.spec
    lengths = [program.entries(value) for value in step.inputs]
    if len(x) != 1 or len(y) != 1 or prod(lengths) < tuning.convolved_vectors:
        return None
    ((whole, _, _, stride, dilation, constant),) = windows
    if (stride, dilation) != (1, 1):
        return None
    if whole in x:
        # Σ x[c + i + k] y[k] is entry c + i + n - 1 of the product with y turned, of size n
        spec: tuple[bool, int] = (True, constant + lengths[1] - 1)
    else:
        spec = (False, -constant)
    return program.made(Ops.CONVOLVE, step.inputs, spec, step.sizes, step.flops)


def _convolutions(program: Program) -> Iterator[tuple[int, Step]]:
    """The steps that a convolution may take the place of, with their numbers."""
    uses = [0] * len(program.steps)
    for _, step in program.live_steps():
        for value in step.inputs:
            uses[value] += 1
    for k, step in program.live_steps():
        found = None
        if step.op is Ops.CONTRACT:
            found = _of_product(program, step, None)
        elif step.op is Ops.PLACE and len(step.inputs) == 1 and uses[step.inputs[0]] == 1:
            product = program.steps[step.inputs[0]]
            if product.op is Ops.CONTRACT and step.inputs[0] not in program.outputs:
                found = _of_product(program, product, step)
        if found is not None:
            yield k, found


def _of_product(program: Program, product: Step, place: Step | None) -> Step | None:
    """A product, and where it is written, as a convolution; None where it is none."""
    x_labels, y_labels, out = product.spec
    first, second = product.inputs
    whole = product if place is None else place
    if place is None:
        places = [Axis(0, {label: 1}) for label in out]
    else:
        places = [_axis(program, index, out) for index in place.spec[0]]
    pairs = [(first, x_labels, second, y_labels), (second, y_labels, first, x_labels)]
    if program.entries(second) > program.entries(first):
        pairs.reverse()
    lengths: dict[Label, int] = {}
    for value, labels in ((first, x_labels), (second, y_labels)):
        lengths.update(zip(labels, program.shape(value), strict=True))
    for value, labels, other, other_labels in pairs:
        source, axes = _read(program, value, labels)
        spec = _convolution(axes, other_labels, places, out, lengths)
        if spec is not None and _lengths_agree(program, source, other, spec, whole):
            return program.made(Ops.CONVOLUTION, (source, other), spec, whole.sizes, product.flops)
    return None


def _axis(program: Program, index: Index, labels: Labels) -> Axis:
    """An index by labels in the place of numbered axes."""
    terms: dict[Label, int] = {}
    for axis, coefficient in index.terms:
        terms[labels[axis]] = terms.get(labels[axis], 0) + program.measure(coefficient)
    return Axis(program.measure(index.constant), terms)


def _read(program: Program, value: int, labels: Labels) -> tuple[int, list[Axis]]:
    """The value that an operand is read of, and where."""
    step, own = program.steps[value], labels
    while step.op is Ops.VIEW and len(set(step.spec[0])) == len(step.spec[1]):
        inner, outer = step.spec
        own = tuple([own[outer.index(label)] for label in inner])
        value = step.inputs[0]
        step = program.steps[value]
    if step.op is not Ops.READ or len(step.inputs) > 1:
        return value, [Axis(0, {label: 1}) for label in own]
    return step.inputs[0], [_axis(program, index, own) for index in step.spec]


def _convolution(
    axes: list[Axis], y: Labels, places: list[Axis], out: Labels, lengths: Mapping[Label, int]
) -> Spec | None:
    """The labels of both operands and of the result, and the windows."""
    new = max([*y, *out, *(label for axis in axes for label in axis.terms), 0]) + 1
    windows: list[Window | None] = []
    result: list[Label] = []
    for number, place in enumerate(places, new):
        result.append(number if place.bare is None else place.bare)
        if place.bare is None:
            windows.append(_written(place, axes, y, number))
    reads = [axis for axis in axes if axis.bare is None]
    forwards = any(w is None or w.step in result for w in windows)
    backwards = not forwards and all(sorted(axis.terms.values()) == [-1, 1] for axis in reads)
    by_y = _more_is_summed(reads, y, lengths)
    x: list[Label] = []
    for number, axis in enumerate(axes, new + len(places)):
        x.append(number if axis.bare is None else axis.bare)
        if axis.bare is None:
            windows.append(_seen(axis, y, result, number, backwards=backwards, by_y=by_y))
    found = [w for w in windows if w is not None and w.stride > 0 and w.dilation > 0]
    if not 0 < len(found) == len(windows) <= MOST:
        return None
    if len({(w.whole in x, w.tap in y) for w in found}) > 1:
        return None
    # in the order of the axes of x, so that these need not be turned
    found.sort(key=lambda w: x.index(w.whole if w.whole in x else w.step))
    spec = tuple(x), y, tuple(result), tuple(found)
    return spec if _roles_are_plain(*spec) else None


def _written(place: Axis, axes: list[Axis], y: Labels, whole: Label) -> Window | None:
    """The window of an axis of the result that an axis of x and one of y are written along."""
    steps = [label for label in place.terms if any(axis.bare == label for axis in axes)]
    taps = [label for label in place.terms if label in y and label not in steps]
    if len(place.terms) != 2 or len(steps) != 1 or len(taps) != 1:
        return None
    (step,), (tap,) = steps, taps
    stride, dilation = place.terms[step], place.terms[tap]
    if (stride, dilation) == (1, -1):
        # the place is step - tap + c, so step, an axis of x, is the place + tap - c
        return Window(step, whole, tap, 1, 1, -place.constant)
    return Window(whole, step, tap, stride, dilation, place.constant)


def _seen(
    axis: Axis, y: Labels, result: list[Label], own: Label, *, backwards: bool, by_y: bool
) -> Window | None:
    """The window that an axis of x is read in, along an axis of y and one of the result."""
    summed = [label for label in axis.terms if label in y and label not in result]
    kept = [label for label in axis.terms if label in result and label not in y]
    if len(axis.terms) != 2 or len(summed) != 1 or len(kept) != 1:
        return None
    (s,), (o,) = summed, kept
    if backwards:
        # the axis is o - s + c, so o is the axis + s - c
        is_turned = (axis.terms[o], axis.terms[s]) == (1, -1)
        return Window(o, own, s, 1, 1, -axis.constant) if is_turned else None
    step, tap = (s, o) if by_y else (o, s)
    return Window(own, step, tap, axis.terms[step], axis.terms[tap], axis.constant)


def _more_is_summed(reads: list[Axis], y: Labels, lengths: Mapping[Label, int]) -> bool:
    """Is more of the windows summed than kept? Then it is the gradient of a short kernel."""
    summed = prod([lengths[x] for axis in reads for x in axis.terms if x in y])
    return summed > prod([lengths[x] for axis in reads for x in axis.terms if x not in y])


def _roles_are_plain(x: Labels, y: Labels, out: Labels, windows: tuple[Window, ...]) -> bool:
    """Is each label in just two of three, but for those of windows, which are in one each?"""
    everything = (*x, *y, *out)
    inside = {label for w in windows for label in (w.whole, w.step, w.tap)}
    if len(inside) < 3 * len(windows):
        return False
    for label in set(everything):
        if everything.count(label) != (1 if label in inside else 2):
            return False
    return all(len(set(labels)) == len(labels) for labels in (x, y, out))


def _lengths_agree(
    program: Program,
    x: int,
    y: int,
    spec: Spec,
    whole: Step,
) -> bool:
    """Is each label, which is an axis of two, as long in both, and is nothing empty?"""
    lengths: dict[Label, int] = {}
    shapes = (program.shape(x), program.shape(y), tuple(map(program.measure, whole.sizes)))
    for labels, shape in zip(spec[:3], shapes, strict=True):
        for label, length in zip(labels, shape, strict=True):
            if lengths.setdefault(label, length) != length or not length:
                return False
    return True
