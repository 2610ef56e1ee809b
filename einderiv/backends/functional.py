"""Steps spelt as functions of their inputs, without writing into arrays: what `jit`, `vmap` and
autograd follow.

Libraries differ in a few words only; a `Functional` backend holds these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..expression import LETTERS, Labels, Number
from ..planning import Ops, Step, contraction
from ..rewriting import BEYOND_INT32
from .base import Backend
from .source_text import (
    Spell,
    aligned,
    combine_text,
    core_axes,
    literal,
    product,
    shape,
    solve_text,
    spelling_of,
    transposed,
)

WIDE = 2**63

# a value, its labels, and those of all axes of the tensor that it is put in
Embedded = tuple[str, Labels, Labels]


@dataclass(frozen=True, kw_only=True, eq=False)
class Functional(Backend):
    """A backend whose steps are functions of their inputs. The words in which libraries differ
    are its fields.
    """

    like: str  # keywords of what makes arrays
    mask: str  # the mask of a diagonal of size {0}
    spread: str  # an array {0} broadcast to a shape {1}
    permute: str = "transpose"  # the method that reorders axes
    axis: str = "axis"  # the keyword for axes of a reduction

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        """The expression of one step, as the last of one line."""
        x = inputs[0] if inputs else ""
        match step.op:
            case Ops.NUMBER:
                return [f"{self.module}.full((), {_number(step.spec[0])}, {self.like})"]
            case Ops.VIEW:
                return [self.view(x, *step.spec)]
            case Ops.SUM:
                labels, out = step.spec
                summed = [p for p, label in enumerate(labels) if label not in out]
                return [f"{x}.sum({self.axis}={_axes(summed)})"]
            case Ops.CONTRACT:
                return [self.contract2(inputs, step)]
            case Ops.SCALE:
                number, sizes = step.spec
                return [" * ".join([*self.front(number, [size(s) for s in sizes]), x])]
            case Ops.ADD:
                return [" + ".join(inputs)]
            case Ops.COMBINE:
                return [combine_text(inputs, step, size)]
            case Ops.APPLY:
                row, core, parameters = step.spec
                shown = [literal(p) for p in parameters]
                return [
                    self.row(row).format(
                        *inputs, *shown, core=core_axes(core), depth=core, all=", ".join(inputs)
                    )
                ]
            case Ops.FACTOR:
                return [f"factored({x})"]
            case Ops.SOLVE:
                return [solve_text(inputs, step, size, self.permute)]
            case Ops.RESHAPE:
                return [f"{x}.reshape({shape([size(s) for s in step.sizes])})"]
            case Ops.WRITE:
                return [self.write(step, inputs, size)]
        return [spelling_of(step.op, {})(inputs, step, size)]

    def front(self, number: Number, sizes: Sequence[str]) -> list[str]:
        """The numbers of a scaling; a whole one too large for an integer of the library as an
        array.
        """
        found = [_number(number)] * (number != 1) + [product(sizes)] * bool(sizes)
        return [
            f"{self.module}.full((), {text}, {self.like})" if _large(text) else text
            for text in found
        ]

    def view(self, x: str, labels: Labels, out: Labels) -> str:
        """Axes reordered, diagonals read."""
        if len(set(labels)) == len(labels):
            return transposed(x, labels, out, self.permute)
        return self.einsum([labels], out, [x])

    def einsum(self, terms: Sequence[Labels], out: Labels, inputs: Sequence[str]) -> str:
        """A call of the library's einsum."""
        names = dict(
            zip(dict.fromkeys(label for term in terms for label in term), LETTERS, strict=False)
        )
        text = ",".join("".join(names[label] for label in term) for term in terms)
        text += "->" + "".join(names[label] for label in out)
        return f'{self.module}.einsum("{text}", {", ".join(inputs)})'

    def contract2(self, inputs: Sequence[str], step: Step) -> str:
        """A product: elementwise, of vectors and matrices, or an einsum."""
        la, lb, out = step.spec
        x, y = inputs
        batch, summed, first, second = contraction(la, lb, out)
        if not summed:
            return f"{aligned(x, la, out, self.permute)} * {aligned(y, lb, out, self.permute)}"
        if batch and not (first and second) and (lb if second else la)[-1] not in summed:
            return self.weighted(inputs, step, summed)
        if batch or len(summed) > 1 or max(len(first), len(second)) > 1:
            return self.einsum([la, lb], out, inputs)
        return " @ ".join(self.matrices(inputs, la, lb, out))

    def matrices(
        self, inputs: Sequence[str], la: Labels, lb: Labels, out: Labels
    ) -> tuple[str, str]:
        """Two matrices or vectors, so turned that their product is the one that is wanted."""
        x, y = inputs
        _, summed, first, second = contraction(la, lb, out)
        if out != first + second:
            x, y, la, lb, first, second = y, x, lb, la, second, first
        if (not second and la != first + summed) or (not first and lb != summed + second):
            # a vector goes to the side where its matrix need not be turned: XLA would copy that
            return (y, x)
        return transposed(x, la, first + summed), transposed(y, lb, summed + second)

    def weighted(self, inputs: Sequence[str], step: Step, summed: Labels) -> str:
        """A sum of an array with weights over axes that run slowly: one pass over the memory, where
        `einsum` makes a stack of products with vectors.
        """
        (la, lb, out), (x, y) = step.spec, inputs
        if len(lb) > len(la):
            x, y, la, lb = y, x, lb, la
        kept = tuple(label for label in la if label not in summed)
        gone = _axes([p for p, label in enumerate(la) if label in summed])
        y = aligned(y, lb, la, self.permute)
        return transposed(f"({x} * {y}).sum({self.axis}={gone})", kept, out, self.permute)

    def write(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        """The sum of all terms, each where it sits; outside of its diagonal a term is 0."""
        sizes = [size(s) for s in step.sizes]
        if not inputs:
            return f"{self.module}.zeros({shape(sizes)}, {self.like})"
        groups: dict[Labels, list[Embedded]] = {}
        for x, (labels, output) in zip(inputs, step.spec, strict=True):
            first = tuple(map(output.index, output))
            groups.setdefault(first, []).append((x, labels, output))
        text = " + ".join(self.embedded(terms, first, sizes) for first, terms in groups.items())
        filled = {
            p
            for labels, output in step.spec
            for p, label in enumerate(output)
            if label in labels or output.count(label) > 1
        }
        if len(filled) == len(sizes) and (
            len(inputs) > 1 or tuple(range(len(sizes))) not in groups
        ):
            return text
        text = f"({text})" if len(inputs) > 1 else text
        return self.fresh.format(
            text if len(filled) == len(sizes) else self.spread.format(text, shape(sizes))
        )

    def embedded(self, terms: Sequence[Embedded], first: Labels, sizes: Sequence[str]) -> str:
        """The sum of terms whose labels repeat alike; axis p repeats the label of axis
        ``first[p]``.
        """
        text = " + ".join(self.along(*term) for term in terms)
        mask = self.diagonals(terms[0][2], sizes)
        return f"{self.module}.where({mask}, {text}, 0)" if mask else text

    def along(self, x: str, labels: Labels, output: Labels) -> str:
        """`x` along the axes of the output; of a label that repeats, along the first."""
        return aligned(
            x,
            labels,
            tuple(x if output.index(x) == p else -1 - p for p, x in enumerate(output)),
            self.permute,
        )

    def diagonals(self, output: Labels, sizes: Sequence[str]) -> str:
        """The mask of the diagonals of labels that repeat; empty without them."""
        axes = tuple(range(len(output)))
        return " & ".join(
            aligned(self.mask.format(sizes[p]), (output.index(label), p), axes)
            for p, label in enumerate(output)
            if output.index(label) != p
        )


def _number(number: Number) -> str:
    """A number as text; beyond 64 bits it can only be one of a floating dtype."""
    return literal(
        float(number) if isinstance(number, int) and WIDE <= abs(number) < 10**308 else number
    )


def _large(text: str) -> bool:
    digits = text.strip("(-)")
    return digits.isdigit() and int(digits) >= BEYOND_INT32


def _axes(places: Sequence[int]) -> str:
    return str(places[0]) if len(places) == 1 else shape(list(map(str, places)))
