"""Steps spelt as functions of their inputs, without writing into arrays: what `jit`, `vmap` and
autograd follow.

Libraries differ in a few words only; a `Functional` backend holds these.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..expression import Labels, Number
from ..planning import Index, Op, Ops, Step, contraction
from ..rewriting import BEYOND_INT32
from .base import Backend
from .functional_index_spelling import masked_text, place_text, read_text
from .numpy_index_spelling import transform_called, triangle_text
from .source_text import (
    ALIKE,
    Embedded,
    Spell,
    aligned,
    call_text,
    core_axes,
    einsum_text,
    embedded_terms,
    literal,
    shape,
    size_product,
    solve_text,
    spelling_of,
    transposed,
)

WIDE = 2**63


#: the ops that are functions of their inputs in the words of each library
FUNCTIONAL = (
    Ops.NUMBER,
    Ops.VIEW,
    Ops.SUM,
    Ops.CONTRACT,
    Ops.SCALE,
    Ops.APPLY,
    Ops.SOLVE,
    Ops.WRITE,
    Ops.TRANSFORM,
)

#: the steps of index expressions
INDEXED = (Ops.READ, Ops.PLACE, Ops.MASK, Ops.RUNNING_SUM)


@dataclass(frozen=True, kw_only=True, eq=False)
class Functional(Backend):
    """A backend whose steps are functions of their inputs. The words in which libraries differ
    are its fields.
    """

    like: str  # keywords of what makes arrays
    mask: str  # the mask of a diagonal of size {0}
    places: str  # the whole numbers below {0}
    spread: str  # an array {0} broadcast to a shape {1}
    permute: str = "transpose"  # the method that reorders axes
    axis: str = "axis"  # the keyword for axes of a reduction

    @property
    def ops(self) -> Collection[Op]:
        """Those that lowering makes, and sums with numbers."""
        return {*FUNCTIONAL, *INDEXED, *ALIKE}

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        """The expression of one step, as the last of one line."""
        x = inputs[0] if inputs else ""
        if step.op in INDEXED:
            return [self.indexed(step, inputs, size)]
        match step.op:
            case Ops.NUMBER:
                return [f"{self.module}.full((), {_number(step.spec[0])}, {self.like})"]
            case Ops.VIEW:
                return [self.view(x, *step.spec)]
            case Ops.SUM:
                labels, out = step.spec
                summed = [axis for axis, label in enumerate(labels) if label not in out]
                return [f"{x}.sum({self.axis}={_axes(summed)})"]
            case Ops.CONTRACT:
                return [self.contract2(inputs, step)]
            case Ops.SCALE:
                number, sizes = step.spec
                return [" * ".join([*self.front(number, [size(s) for s in sizes]), x])]
            case Ops.APPLY:
                row, core, parameters = step.spec
                shown = [literal(parameter) for parameter in parameters]
                text = call_text(self.row(row), inputs, shown, core_axes(core), core)
                return [text]
            case Ops.SOLVE:
                return [solve_text(inputs, step, size, self.permute)]
            case Ops.WRITE:
                return [self.write(step, inputs, size)]
            case Ops.TRANSFORM:
                return [self.transform(x, step, size)]
        return [spelling_of(step.op, ALIKE)(inputs, step, size)]

    def transform(self, x: str, step: Step, size: Spell) -> str:
        """A discrete Fourier transform along an axis."""
        return transform_called(f"{self.module}.fft", x, step, size)

    def indexed(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        """A step of an index expression."""
        match step.op:
            case Ops.READ:
                return read_text(inputs, step, size, self.permute, self.flip)
            case Ops.PLACE:
                return place_text(inputs, step, size)
            case Ops.MASK:
                return self.masked(step, inputs, size)
        return self.running_sum(inputs[0], *step.spec)

    def running_sum(self, x: str, axis: int, backwards: bool) -> str:
        """The running sum along an axis, from its start or from its end."""
        turned = self.flip(x, axis) if backwards else x
        text = f"{self.module}.cumsum({turned}, {axis}, dtype={x}.dtype)"
        return self.flip(text, axis) if backwards else text

    def flip(self, x: str, *axes: int) -> str:
        """An array with axes turned around."""
        return f"{self.module}.flip({x}, {shape([str(axis) for axis in axes])})"

    def front(self, number: Number, sizes: Sequence[str]) -> list[str]:
        """The numbers of a scaling; a whole one too large for an integer of the library as an
        array.
        """
        factors = [] if number == 1 else [_number(number)]
        if sizes:
            factors.append(size_product(sizes))
        for k, text in enumerate(factors):
            if _is_large(text):
                factors[k] = f"{self.module}.full((), {text}, {self.like})"
        return factors

    def view(self, x: str, labels: Labels, out: Labels) -> str:
        """Axes reordered, diagonals read."""
        if len(set(labels)) == len(labels):
            return transposed(x, labels, out, self.permute)
        return self.einsum([labels], out, [x])

    def einsum(self, terms: Sequence[Labels], out: Labels, inputs: Sequence[str]) -> str:
        """A call of the library's einsum."""
        return f'{self.module}.einsum("{einsum_text(terms, out)}", {", ".join(inputs)})'

    def contract2(self, inputs: Sequence[str], step: Step) -> str:
        """A product: elementwise, of vectors and matrices, or an einsum."""
        x, y = inputs
        x_labels, y_labels, out = step.spec
        batch, summed, first, second = contraction(x_labels, y_labels, out)
        if not summed:
            # ij,j->ij
            left = aligned(x, x_labels, out, self.permute)
            right = aligned(y, y_labels, out, self.permute)
            return f"{left} * {right}"
        larger = y_labels if second else x_labels
        if batch and not (first and second) and larger[-1] not in summed:
            # nkd,nd->kd
            return self.weighted(inputs, step, summed)
        if batch or len(summed) > 1 or len(first) > 1 or len(second) > 1:
            return self.einsum([x_labels, y_labels], out, inputs)
        # ik,kj->ij
        return " @ ".join(self.matrices(inputs, x_labels, y_labels, out))

    def matrices(
        self, inputs: Sequence[str], x_labels: Labels, y_labels: Labels, out: Labels
    ) -> tuple[str, str]:
        """Two matrices or vectors, so turned that their product is the one that is wanted."""
        x, y = inputs
        _, summed, first, second = contraction(x_labels, y_labels, out)
        if out != first + second:
            # ik,kj->ji: y'x' for x y
            x, x_labels, y, y_labels = y, y_labels, x, x_labels
            first, second = second, first
        is_turned_first = not second and x_labels != first + summed  # ki,k->i
        is_turned_second = not first and y_labels != summed + second  # k,jk->j
        if is_turned_first or is_turned_second:
            # The vector goes to the side where its matrix need not be turned: XLA would copy that.
            return y, x
        rows = transposed(x, x_labels, first + summed)
        columns = transposed(y, y_labels, summed + second)
        return rows, columns

    def weighted(self, inputs: Sequence[str], step: Step, summed: Labels) -> str:
        """A sum of an array with weights over axes that run slowly: one pass over the memory, where
        `einsum` makes a stack of products with vectors.
        """
        # nkd,nd->kd: the weights have no other axes than the array
        x, weights = inputs
        labels, weight_labels, out = step.spec
        if len(weight_labels) > len(labels):
            x, labels, weights, weight_labels = weights, weight_labels, x, labels
        kept = tuple(label for label in labels if label not in summed)
        axes = _axes([axis for axis, label in enumerate(labels) if label in summed])
        weights = aligned(weights, weight_labels, labels, self.permute)
        text = f"({x} * {weights}).sum({self.axis}={axes})"
        return transposed(text, kept, out, self.permute)

    def write(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        """The sum of all terms, each where it sits; outside of its diagonal a term is 0."""
        sizes = [size(s) for s in step.sizes]
        if not inputs:
            return f"{self.module}.zeros({shape(sizes)}, {self.like})"
        alike: dict[Labels, list[Embedded]] = {}  # terms by the diagonals that they are on
        filled: set[int] = set()  # axes along which some term has its entries
        for term in embedded_terms(inputs, step):
            # first[p] is the axis that has the label of axis p first: (0, 1, 0) for aba
            first = tuple(term.output.index(label) for label in term.output)
            alike.setdefault(first, []).append(term)
            for axis, label in enumerate(term.output):
                if label in term.labels or term.output.count(label) > 1:
                    filled.add(axis)
        text = " + ".join(self.embedded(terms, first, sizes) for first, terms in alike.items())
        has_all_axes = len(filled) == len(sizes)
        no_diagonal = tuple(range(len(sizes)))
        if has_all_axes and (len(inputs) > 1 or no_diagonal not in alike):
            # It was computed here, so it shares memory with nothing.
            return text
        if len(inputs) > 1:
            text = f"({text})"
        if not has_all_axes:
            text = self.spread.format(text, shape(sizes))
        return self.fresh.format(text)

    def masked(self, step: Step, inputs: Sequence[str], size: Spell) -> str:
        """An array where all index expressions are inside, selected: what is outside may be NaN."""
        triangle = triangle_text(inputs, step, size, self.module)
        if triangle is not None:
            return triangle
        if any(index.arrays or not index.terms for index, _ in step.spec):
            return masked_text(inputs, step, size)
        sizes = [size(s) for s in step.sizes]
        conditions: list[str] = []
        for index, n in step.spec:
            place = self.place(index, sizes, size)
            conditions += [f"(0 <= {place})", f"({place} < {size(n)})"]
        return f"{self.module}.where({' & '.join(conditions)}, {inputs[0]}, 0)"

    def place(self, index: Index, sizes: Sequence[str], size: Spell) -> str:
        """``3 + 2 * i - j`` as an array that broadcasts against axes of these sizes."""
        axes = tuple(range(len(sizes)))
        text = size(index.constant) if index.constant or not index.terms else ""
        for axis, coefficient in index.terms:
            places = aligned(self.places.format(sizes[axis]), (axis,), axes, self.permute)
            if coefficient in (1, -1):
                sign = "-" if coefficient == -1 else "+" if text else ""
                text += f" {sign} {places}" if text else f"{sign}{places}"
            else:
                text += f"{' + ' if text else ''}{size(coefficient)} * {places}"
        return text

    def embedded(self, terms: Sequence[Embedded], first: Labels, sizes: Sequence[str]) -> str:
        """The sum of terms whose labels repeat alike; axis p repeats the label of axis
        ``first[p]``.
        """
        text = " + ".join(self.along(term) for term in terms)
        mask = self.diagonals(terms[0].output, sizes)
        return f"{self.module}.where({mask}, {text}, 0)" if mask else text

    def along(self, term: Embedded) -> str:
        """A term along the axes of its tensor; of a label that repeats, along the first."""
        # aba: the labels a, b and one that nothing has
        axes = []
        for axis, label in enumerate(term.output):
            axes.append(label if term.output.index(label) == axis else -1 - axis)
        return aligned(term.x, term.labels, tuple(axes), self.permute)

    def diagonals(self, output: Labels, sizes: Sequence[str]) -> str:
        """The mask of the diagonals of labels that repeat; empty without them."""
        axes = tuple(range(len(output)))
        masks = []
        for axis, label in enumerate(output):
            first = output.index(label)
            if first != axis:
                masks.append(aligned(self.mask.format(sizes[axis]), (first, axis), axes))
        return " & ".join(masks)


def _number(number: Number) -> str:
    """A number as text; beyond 64 bits it can only be one of a floating dtype."""
    if isinstance(number, int) and WIDE <= abs(number) < 10**308:
        number = float(number)
    return literal(number)


def _is_large(text: str) -> bool:
    digits = text.strip("(-)")
    return digits.isdigit() and int(digits) >= BEYOND_INT32


def _axes(axes: Sequence[int]) -> str:
    return str(axes[0]) if len(axes) == 1 else shape([str(axis) for axis in axes])
