"""What all libraries spell alike: sizes, shapes, numbers, axes in another order, sums with numbers,
systems.

Everything here is text: labels and names of values go in, an expression of Python comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import our_bug
from ..expression import Labels, Number, Size
from ..planning import Op, Step

Spell = Callable[[Size], str]  # a size as text: a number, or the name of a variable
Spelling = Callable[[Sequence[str], Step, Spell], str]  # the operands as text, the step


def spelling_of(op: Op, spellings: Mapping[Op, Spelling]) -> Spelling:
    """How an op is spelt: by a library's own words, or by those that its row gives all of them."""
    if op in spellings:
        return spellings[op]
    return op.spell or our_bug(f"no spelling for {op.name}")


def product(sizes: Sequence[str]) -> str:
    """A product of sizes as text; numbers are multiplied out."""
    numbers = [int(s) for s in sizes if s.isdigit()]
    words = [s for s in sizes if not s.isdigit()]
    total = 1
    for n in numbers:
        total *= n
    return "*".join(([str(total)] if total != 1 or not words else []) + words)


def shape(sizes: Sequence[str]) -> str:
    """A shape as text."""
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def literal(number: Number) -> str:
    """A number as text that Python reads back."""
    text = repr(number)
    if "inf" in text or "nan" in text:
        return (
            f'complex("{text.strip("()")}")' if isinstance(number, complex) else f'float("{text}")'
        )
    return f"({text})" if text.startswith("-") else text


def transposed(x: str, labels: Labels, order: Labels, method: str = "transpose") -> str:
    """`x` with its axes in another order, by a method of the array."""
    if labels == order:
        return x
    if len(labels) == 2:
        return f"{x}.T"
    return f"{x}.{method}({', '.join(str(labels.index(label)) for label in order)})"


def aligned(x: str, labels: Labels, out: Labels, method: str = "transpose") -> str:
    """`x` as a view that broadcasts against axes `out`."""
    order = tuple(label for label in out if label in labels)
    x = transposed(x, labels, order, method)
    where = [":" if label in labels else "None" for label in out]
    while where and where[0] == "None":
        where = where[1:]  # leading axes broadcast by themselves
    return f"{x}[{', '.join(where)}]" if "None" in where else x


def core_axes(core: int) -> str:
    """The last axes as an argument."""
    return "-1" if core == 1 else shape([str(k) for k in range(-core, 0)])


def combine_text(inputs: Sequence[str], step: Step, _: Spell) -> str:
    """``a x + b y + c``, one number for all terms in front."""
    numbers, constant = step.spec
    common = numbers[0] if len(set(numbers)) == 1 < len(numbers) and abs(numbers[0]) != 1 else None
    text = (
        combination(inputs, numbers)
        if common is None
        else f"{literal(common)} * ({' + '.join(inputs)})"
    )
    if not constant:
        return text
    return (
        f"{literal(constant)} {text.replace('-', '- ', 1) if text.startswith('-') else f'+ {text}'}"
    )


def combination(inputs: Sequence[str], numbers: Sequence[float]) -> str:
    """A sum of terms with their numbers, as text."""
    terms = [
        ("- " if c < 0 else "+ ") + (f"{literal(abs(c))} * " if abs(c) != 1 else "") + x
        for c, x in zip(numbers, inputs, strict=True)
    ]
    text = " ".join(terms)
    return text[2:] if text.startswith("+") else text.replace(" ", "", 1)


def solve_text(inputs: Sequence[str], step: Step, size: Spell, method: str = "transpose") -> str:
    """``A⁻¹ b`` for all right-hand sides at once, those of a stack of matrices as a stack."""
    la, lb, _, flipped = step.spec
    batch, summed = la[:-2], la[-2] if flipped else la[-1]
    rest = tuple(label for label in lb if label not in batch and label != summed)
    sizes = by_label(step, size)
    right = aligned(inputs[1], lb, (*batch, summed, *rest), method)
    if batch or len(rest) > 1:
        stack = [sizes(label) if label in lb else "1" for label in batch]
        right = (
            f"{right}.reshape({shape([*stack, sizes(summed), product(list(map(sizes, rest)))])})"
        )
    text = f"solved({inputs[0]}, {right}{', True' * flipped})"
    if len(rest) > 1 or (batch and not rest):
        text += f".reshape({shape(list(map(sizes, (*batch, summed, *rest))))})"
    return text


def by_label(step: Step, size: Spell) -> Callable[[int], str]:
    """The size of every label of a contraction, as text."""
    la, lb, *_ = step.spec
    first, second = step.operand_sizes
    known = dict(zip(la + lb, first + second, strict=True))
    return lambda label: size(known[label])  # asked only for what is written down
