"""The letters and names of what a program computes: each axis of a value is called as it is in the
strings of the expression, and a value as its tensor, or by the number of its step.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expression import (
    ArrayNames,
    Einsum,
    Expr,
    Label,
    Labels,
    Lettering,
    Naming,
    Size,
    Tensor,
    filled,
    lettering_of,
    short_product,
    terms,
    walk,
)
from ..planning import Ops, Program, Shown, Step

HELD = "#"  # before the number of a held array, in the place of a name
Names = tuple[str, ...]


class StepLetters:
    """The axes of the values of a program, under the letters of the expressions that it computes.

    A label of a step is called as the axis that has it first. Where that name is taken by another
    label of the step, it has the letter that the expression would give it.
    """

    def __init__(self, program: Program, roots: Sequence[Expr]) -> None:
        self.program = program
        derived = [root for root in roots if root.record is not None]
        main = (*derived, *roots, filled(1, (), ()))[0]
        self.letters: Lettering = lettering_of(main)
        self.results: dict[int, Names] = {}
        for value, root in zip(program.outputs, roots, strict=False):
            self.results.setdefault(value, self.letters.axes_of(root))
        self.inputs = _axes_of_tensors(roots, self.letters)
        self.axes: dict[int, Names] = {}  # by value
        self.called: dict[int, str] = {}
        arrays = ArrayNames(roots)
        rows = 0
        for k, step in program.live_steps():
            if step.op.before:
                self.called[k] = self._input(step, arrays)
            else:
                rows += 1
                self.called[k] = f"t{rows}"
            self.axes[k] = self._axes(k, step)

    def _input(self, step: Step, arrays: ArrayNames) -> str:
        if step.op is not Ops.INPUT:
            return "1"
        name = str(step.spec[0])
        if name.startswith(HELD):
            return arrays.of(self.program.held[int(name[len(HELD) :])]) or "array"
        return name

    def _axes(self, value: int, step: Step) -> Names:
        """The names of the axes of what a step makes."""
        if step.op is Ops.INPUT:
            return self._distinct(step.sizes, self.inputs.get(str(step.spec[0]), ()))
        if step.op.shown is Shown.EINSUM:
            *operands, out = step.spec
            names = self.labels(step, operands)
            return tuple([names[label] for label in out])
        if value in self.results and len(self.results[value]) == len(step.sizes):
            return self.results[value]
        for k in step.inputs:
            if self.program.steps[k].sizes == step.sizes:
                return self.axes[k]
        return self._distinct(step.sizes, ())

    def _distinct(self, sizes: Sequence[Size], wanted: Sequence[str | None]) -> Names:
        names: list[str] = []
        taken: set[str] = set()
        for axis, size in enumerate(sizes):
            name = wanted[axis] if axis < len(wanted) else None
            if name is None or name in taken:
                name = self.letters.fresh(size, taken)
            names.append(name)
            taken.add(name)
        return tuple(names)

    def labels(self, step: Step, operands: Sequence[Labels]) -> dict[Label, str]:
        """A name for each label of the operands of a step."""
        names: dict[Label, str] = {}
        taken: set[str] = set()
        for labels, k in zip(operands, step.inputs, strict=False):
            sizes = self.program.steps[k].sizes
            for label, name, size in zip(labels, self.axes[k], sizes, strict=True):
                if label in names:
                    continue
                free = self.letters.fresh(size, taken) if name in taken else name
                names[label] = free
                taken.add(free)
        return names

    def einsum(self, step: Step, operands: Sequence[Labels], out: Labels) -> str:
        """``bt,tj->bj``; with gaps between words where there are more labels than letters."""
        names = self.labels(step, operands)
        axes = tuple([names[label] for label in out])
        return self._text(Naming(axes, names), operands, out)

    def written(self, value: int, step: Step, labels: Labels, output: Labels, place: int) -> str:
        """``bj->ijib``: how one operand lies in the result. A label that only the result has is
        called as its axis there.
        """
        k = step.inputs[place]
        names = dict(zip(labels, self.axes[k], strict=True))
        for label, name, size in zip(output, self.axes[value], step.sizes, strict=True):
            taken = set(names.values())
            if label not in names:
                names[label] = self.letters.fresh(size, taken) if name in taken else name
        axes = tuple([names[label] for label in output])
        return self._text(Naming(axes, names), [labels], output)

    def _text(self, names: Naming, operands: Sequence[Labels], out: Labels) -> str:
        letters = self.letters.shortened(names).labels
        gap = " " if any(len(letter) > 1 for letter in letters.values()) else ""
        inputs = [gap.join([letters[label] for label in labels]) for labels in operands]
        return f"{','.join(inputs)}->{gap.join([letters[label] for label in out])}"


def _axes_of_tensors(roots: Sequence[Expr], letters: Lettering) -> dict[str, Sequence[str | None]]:
    """The names of the axes of each tensor: of the labels that it has where it is met first, in the
    terms before what is inside of these.
    """
    found: dict[str, Sequence[str | None]] = {}
    for root in roots:
        for term in terms(root):
            _take(found, term, letters)
    for node in walk(roots):
        if isinstance(node, Einsum):
            _take(found, node, letters)
    for node in walk(roots):
        if isinstance(node, Tensor):
            found.setdefault(node.name, node.axes)
    return found


def _take(found: dict[str, Sequence[str | None]], term: Expr, letters: Lettering) -> None:
    flat = short_product(term)
    names = letters.naming(flat, term.axes).labels
    for factor, labels in flat.slots:
        if isinstance(factor, Tensor):
            found.setdefault(factor.name, [names[label] for label in labels])
