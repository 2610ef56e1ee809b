"""The operations of a program as a polynomial in its sizes: ``2 i s t + 2 s t j``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from ..expression import Expr, Size, Sizes, flatten, naming, tensors_of, terms, wrapped
from ..planning import Program, Shown, Step

MOST_TERMS = 12  # that a line shows
MOST_FACTORS = 64  # of products whose labels are looked at

Monomial = tuple[str, ...]


def symbolic_cost(program: Program, roots: Sequence[Expr], sizes: Sizes) -> str | None:
    """The operations of the products of a program, the size of each axis by the letter that it has
    in `roots`; None where one of them has no name, or where there are no products.
    """
    names = _letters(roots, sizes)
    total: Counter[Monomial] = Counter()
    for _, step in program.live_steps():
        if step.op.before or not step.flops:
            continue
        found = _monomial(program, step, names, sizes)
        if found is None:
            return None
        factor, monomial = found
        total[monomial] += factor
    if not total or len(total) > MOST_TERMS:
        return None
    # the highest degree first, as it decides for large sizes
    in_order = sorted(total.items(), key=lambda one: -len(one[0]))
    return " + ".join([_text(factor, monomial) for monomial, factor in in_order])


def _letters(roots: Sequence[Expr], sizes: Sizes) -> dict[Size, str]:
    """A name for each size: that of the axis of a tensor, or of the first label that has it."""
    found: dict[Size, str] = {}
    for root in roots:
        for tensor in tensors_of(root).values():
            for declared, size in zip(tensor.declared, tensor.axis_sizes, strict=True):
                if isinstance(declared, str):
                    found.setdefault(sizes.find(size), declared)
    for term in chain.from_iterable(map(terms, roots)):
        product = wrapped(term)
        if product.count > MOST_FACTORS:
            continue
        flat = flatten(product)
        letters = naming(flat).labels
        places = [(flat.output, flat.axis_sizes)]
        places += [(labels, factor.axis_sizes) for factor, labels in flat.slots]
        for labels, own in places:
            for label, size in zip(labels, own, strict=True):
                found.setdefault(sizes.find(size), letters[label])
    return found


def _monomial(
    program: Program, step: Step, names: dict[Size, str], sizes: Sizes
) -> tuple[int, Monomial] | None:
    """How many operations a step has for each of its points, and the sizes of these."""
    axes: dict[object, Size] = {}
    if step.op.shown is Shown.EINSUM:
        *operands, _ = step.spec
        for labels, value in zip(operands, step.inputs, strict=False):
            axes.update(zip(labels, program.steps[value].sizes, strict=True))
    else:
        axes.update(enumerate(step.sizes))
    letters: list[str] = []
    points = 1
    for size in axes.values():
        points *= max(program.measure(size), 1)
        name = str(size) if isinstance(size, int) else names.get(sizes.find(size))
        if name is None:
            return None
        letters.append(name)
    factor = round(step.flops / points)
    return (factor, tuple(letters)) if factor >= 1 else None


def _text(factor: int, monomial: Monomial) -> str:
    parts = list(monomial)
    if factor != 1 or not parts:
        parts.insert(0, str(factor))
    return " ".join(parts)
