"""The operations of a program as a polynomial in its sizes: ``2 i s t + 2 s t j``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..expression import Expr, Size, Sizes, flatten, lettering_of, tensors_of, terms, wrapped
from ..planning import Program, Shown, Step

MOST_TERMS = 12  # that a line shows
MOST_FACTORS = 64  # of products whose labels are looked at

Monomial = tuple[str, ...]


def symbolic_cost(program: Program, roots: Sequence[Expr], sizes: Sizes) -> str | None:
    """The operations of the products of a program, the size of each axis by the letter that it has
    in `roots`; None where one of them has no name, or where there are no products.
    """
    names = size_letters(roots, sizes)
    total: Counter[Monomial] = Counter()
    written: dict[Monomial, Monomial] = {}
    for _, step in program.live_steps():
        if step.op.before or not step.flops:
            continue
        found = _monomial(program, step, names, sizes)
        if found is None:
            return None
        factor, letters = found
        # a b c is c a b: it is written as it came first
        total[written.setdefault(tuple(sorted(letters)), letters)] += factor
    if not total or len(total) > MOST_TERMS:
        return None
    # the highest degree first, as it decides for large sizes
    in_order = sorted(total.items(), key=lambda one: -len(one[0]))
    return " + ".join([_text(factor, monomial) for monomial, factor in in_order])


def size_letters(roots: Sequence[Expr], sizes: Sizes) -> dict[Size, str]:
    """A name for each size: that of the axis of a tensor, or of the first label that has it; of a
    derivative, in what was derived, for there the letters are those of the user.
    """
    found: dict[Size, str] = {}
    roots = [one for root in roots for one in (*_derived(root), root)]
    for root in roots:
        for tensor in tensors_of(root).values():
            for declared, size in zip(tensor.declared, tensor.axis_sizes, strict=True):
                if isinstance(declared, str):
                    found.setdefault(sizes.find(size), declared)
    pairs = [(root, term) for root in roots for term in terms(root)]
    for root, term in pairs:
        product = wrapped(term)
        if product.count > MOST_FACTORS:
            continue
        flat = flatten(product)
        letters = lettering_of(root).naming(flat, term.axes).labels
        places = [(labels, factor.axis_sizes) for factor, labels in flat.slots]
        places.append((flat.output, flat.axis_sizes))
        for labels, own in places:
            for label, size in zip(labels, own, strict=True):
                found.setdefault(sizes.find(size), letters[label])
    return found


def _derived(e: Expr) -> list[Expr]:
    """What an expression is the derivative of, and what that is one of, the first before all."""
    chain: list[Expr] = []
    while e.record is not None:
        e = e.record.of
        chain.insert(0, e)
    return chain


def _monomial(
    program: Program, step: Step, names: dict[Size, str], sizes: Sizes
) -> tuple[int, Monomial] | None:
    """How many operations a step has for each of its points, and the sizes of these."""
    for axes in _axes(program, step):
        points = 1
        for size in axes:
            points *= max(program.measure(size), 1)
        factor = round(step.flops / points)
        if factor < 1:
            continue
        letters: list[str] = []
        for size in axes:
            name = str(size) if isinstance(size, int) else names.get(sizes.find(size))
            if name is None:
                return None
            letters.append(name)
        return factor, tuple(letters)
    return None


def _axes(program: Program, step: Step) -> list[list[Size]]:
    """The sizes of the points that a step works at. What is written to diagonals has more entries
    than operations: there it is the points of what is written.
    """
    values = [program.steps[value].sizes for value in step.inputs]
    if step.op.shown is not Shown.EINSUM:
        return [list(step.sizes), *map(list, values)]
    axes: dict[object, Size] = {}
    *operands, _ = step.spec
    for labels, own in zip(operands, values, strict=False):
        axes.update(zip(labels, own, strict=True))
    return [list(axes.values())]


def _text(factor: int, monomial: Monomial) -> str:
    parts = list(monomial)
    if factor != 1 or not parts:
        parts.insert(0, str(factor))
    return " ".join(parts)
