"""What all libraries spell alike: sizes, shapes, numbers, axes in another order, sums with numbers,
systems.

Everything here is text: labels and names of values go in, an expression of Python comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

from ..errors import our_bug
from ..expression import LETTERS, Labels, Number, Size
from ..planning import Op, Ops, Step

Spell = Callable[[Size], str]  # a size as text: a number, or the name of a variable
Spelling = Callable[[Sequence[str], Step, Spell], str]  # the operands as text, the step


def spelling_of(op: Op, spellings: Mapping[Op, Spelling]) -> Spelling:
    """How an op is spelt: by a library's own words, or by those that its row gives all of them."""
    if op in spellings:
        return spellings[op]
    return op.spell or our_bug(f"no spelling for {op.name}")


class Embedded(NamedTuple):
    """A term at its place in a tensor of zeros: ``v, (0,), (0, 0)`` is a vector on a diagonal."""

    x: str
    labels: Labels
    output: Labels  # the label of each axis of the tensor


def embedded_terms(inputs: Sequence[str], step: Step) -> list[Embedded]:
    """The terms of the tensor that a step writes."""
    return [Embedded(x, *labels) for x, labels in zip(inputs, step.spec, strict=True)]


def size_product(sizes: Sequence[str]) -> str:
    """A product of sizes as text; numbers are multiplied out.

    >>> size_product(["2", "n", "3"]), size_product(["1", "n"]), size_product([])
    ('6*n', 'n', '1')
    """
    words = [size for size in sizes if not size.isdigit()]
    total = prod(int(size) for size in sizes if size.isdigit())
    if total == 1 and words:
        return "*".join(words)
    return "*".join([str(total), *words])


def shape(sizes: Sequence[str]) -> str:
    """A shape as text.

    >>> shape(["n"]), shape(["2", "(n - w + 1)"])
    ('(n,)', '(2, n - w + 1)')
    """
    return f"({', '.join(map(bare, sizes))}{',' if len(sizes) == 1 else ''})"


def bare(size: str) -> str:
    """A size without the brackets around all of it: as an argument it needs none.

    >>> bare("(n - w + 1)"), bare("(n + 1)*(m + 1)"), bare("n")
    ('n - w + 1', '(n + 1)*(m + 1)', 'n')
    """
    if not size.startswith("("):
        return size
    depth = 0
    for place, character in enumerate(size):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return size[1:-1] if place == len(size) - 1 else size
    return size


def literal(number: Number) -> str:
    """A number as text that Python reads back."""
    text = repr(number)
    if "inf" not in text and "nan" not in text:
        return f"({text})" if text.startswith("-") else text
    if isinstance(number, complex):
        return f'complex("{text.strip("()")}")'
    return f'float("{text}")'


def numpy_parameters(parameters: Sequence[Number]) -> list[str]:
    """The parameters of a function of NumPy, which refuses negative whole powers of integers.

    >>> numpy_parameters([-3, 2])
    ['(-3.0)', '2']
    """
    texts = []
    for parameter in parameters:
        if isinstance(parameter, int) and parameter < 0:
            parameter = float(parameter)
        texts.append(literal(parameter))
    return texts


def call_text(
    spelling: str, arguments: Sequence[str], parameters: Sequence[str], core: str, depth: int
) -> str:
    """The spelling of a row with its arguments and parameters in the places of its holes."""
    everything = [*arguments, *parameters]
    return spelling.format(
        *everything,
        core=core,
        depth=depth,
        all=", ".join(arguments),
        arguments=", ".join(everything),
    )


def scale_factors(step: Step, size: Spell) -> list[str]:
    """What a scaling multiplies by: its number unless that is 1, then its sizes in one product."""
    number, sizes = step.spec
    factors = [] if number == 1 else [literal(number)]
    if sizes:
        factors.append(size_product([size(s) for s in sizes]))
    return factors


def einsum_text(inputs: Sequence[Labels], out: Labels) -> str:
    """The subscripts of a call of einsum, with letters by first appearance.

    >>> einsum_text([(4, 7), (7, 2)], (2, 4))
    'ab,bc->ca'
    """
    distinct = dict.fromkeys(chain.from_iterable(inputs))
    letters = dict(zip(distinct, LETTERS, strict=False))
    *terms, result = ["".join(map(letters.__getitem__, labels)) for labels in (*inputs, out)]
    return f"{','.join(terms)}->{result}"


def transposed(x: str, labels: Labels, order: Labels, method: str = "transpose") -> str:
    """`x` with its axes in another order, by a method of the array."""
    if labels == order:
        return x
    if len(labels) == 2:
        return f"{x}.T"
    axes = [str(labels.index(label)) for label in order]
    return f"{x}.{method}({', '.join(axes)})"


def aligned(x: str, labels: Labels, out: Labels, method: str = "transpose") -> str:
    """`x` as a view that broadcasts against axes `out`."""
    order = tuple(label for label in out if label in labels)
    x = transposed(x, labels, order, method)
    index = [":" if label in labels else "None" for label in out]
    while index and index[0] == "None":
        index = index[1:]  # leading axes broadcast by themselves
    return f"{x}[{', '.join(index)}]" if "None" in index else x


def core_axes(core: int) -> str:
    """The last axes as an argument."""
    return "-1" if core == 1 else shape([str(axis) for axis in range(-core, 0)])


def add_text(inputs: Sequence[str], _: Step, __: Spell) -> str:
    """``x + y``."""
    return " + ".join(inputs)


def combine_text(inputs: Sequence[str], step: Step, _: Spell) -> str:
    """``a x + b y + c``, one number for all terms in front."""
    numbers, constant = step.spec
    common = numbers[0]
    if len(numbers) > 1 and len(set(numbers)) == 1 and abs(common) != 1:
        # a x + a y = a (x + y)
        text = f"{literal(common)} * ({' + '.join(inputs)})"
    else:
        text = combination(inputs, numbers)
    if not constant:
        return text
    # c - x, and c + x
    rest = text.replace("-", "- ", 1) if text.startswith("-") else f"+ {text}"
    return f"{literal(constant)} {rest}"


def combination(inputs: Sequence[str], numbers: Sequence[float]) -> str:
    """A sum of terms with their numbers, as text.

    >>> combination(["x", "y", "z"], [-1, 2, -0.5])
    '-x + 2 * y - 0.5 * z'
    """
    text = ""
    for number, x in zip(numbers, inputs, strict=True):
        sign = "-" if number < 0 else "+"
        term = x if abs(number) == 1 else f"{literal(abs(number))} * {x}"
        if text:
            text += f" {sign} {term}"
        else:
            text = f"-{term}" if sign == "-" else term
    return text


def factor_text(inputs: Sequence[str], _: Step, __: Spell) -> str:
    """A matrix with its LU factors, by a helper of that name."""
    return f"factored({inputs[0]})"


def reshape_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """The same entries in another shape."""
    return f"{inputs[0]}.reshape({shape([size(s) for s in step.sizes])})"


def solve_text(inputs: Sequence[str], step: Step, size: Spell, method: str = "transpose") -> str:
    """``A⁻¹ b`` for all right-hand sides at once, those of a stack of matrices as a stack."""
    matrix_labels, right_labels, _, flipped = step.spec
    batch = matrix_labels[:-2]
    summed = matrix_labels[-2] if flipped else matrix_labels[-1]  # Aᵀ⁻¹ b sums over the rows of A
    rest = tuple(label for label in right_labels if label not in batch and label != summed)
    sizes = by_label(step, size)
    right = aligned(inputs[1], right_labels, (*batch, summed, *rest), method)
    if batch or len(rest) > 1:
        stack = [sizes(label) if label in right_labels else "1" for label in batch]
        rows = sizes(summed)
        columns = size_product([sizes(label) for label in rest])
        right = f"{right}.reshape({shape([*stack, rows, columns])})"
    text = f"solved({inputs[0]}, {right}{', True' * flipped})"
    if len(rest) > 1 or (batch and not rest):
        made = [sizes(label) for label in (*batch, summed, *rest)]
        text += f".reshape({shape(made)})"
    return text


def by_label(step: Step, size: Spell) -> Callable[[int], str]:
    """The size of every label of a contraction, as text."""
    la, lb, *_ = step.spec
    first, second = step.operand_sizes
    known = dict(zip(la + lb, first + second, strict=True))
    return lambda label: size(known[label])  # asked only for what is written down


#: the ops that all libraries spell alike
ALIKE: dict[Op, Spelling] = {
    Ops.ADD: add_text,
    Ops.COMBINE: combine_text,
    Ops.FACTOR: factor_text,
    Ops.RESHAPE: reshape_text,
}
