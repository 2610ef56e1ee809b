"""Equal parts of expressions made one node, so that a rewrite of one is a rewrite of all."""

from __future__ import annotations

from collections.abc import Sequence

from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Size,
    Sizes,
    Tensor,
    bottom_up,
    carried,
    dressed,
    rebuilt,
    renamed,
)


def shared(roots: Sequence[Expr], sizes: Sizes | None = None) -> tuple[Expr, ...]:
    """`roots` with one node for parts that are equal up to labels and the order of operands; the
    roots stay apart. Where `sizes` are given, sizes that they say are equal count as one.
    """
    known: dict[object, Expr] = {}
    outer = {id(root) for root in roots}

    def one(node: Expr, parts: tuple[Expr, ...]) -> Expr:
        here = rebuilt(node, parts)
        if isinstance(here, Add) and here is not node:
            # Terms that have become equal are one new term.
            addends = tuple([known.setdefault(_key(term, sizes), term) for term in here.addends])
            here = Add(addends, axes=here.axes, origins=here.origins)
        if here is not node and node.record is not None:
            here = dressed(here, axes=node.axes, record=node.record)
        return here if id(node) in outer else known.setdefault(_key(here, sizes), here)

    return bottom_up(roots, one)


def equal(roots: Sequence[Expr], others: Sequence[Expr]) -> list[bool]:
    """Is each root equal to the other one, part by part? Where they are nested in another way, this
    says no.
    """
    both = shared((*roots, *others))
    first, second = both[: len(roots)], both[len(roots) :]
    return [_key(a) == _key(b) for a, b in zip(first, second, strict=True)]


def _key(e: Expr, sizes: Sizes | None = None) -> object:
    """What two nodes have in common only if they are equal, given that equal parts are one node."""
    match e:
        case Tensor():
            return ("tensor", e.name, e.complex, e.structure)
        case Constant():
            return (
                ("array", id(e.value))
                if hasattr(e.value, "shape")
                else ("number", type(e.value), e.value)
            )
        case Add():
            return ("sum", tuple(sorted(map(id, e.addends))))
        case Apply():
            return (e.function.name, e.core, e.parameters, tuple(map(id, e.arguments)))
        case Einsum():
            slots = sorted(zip(map(id, e.factors), e.inputs, strict=True), key=lambda slot: slot[0])
            names: dict[Label, int] = {}
            inputs = tuple((key, _named(labels, names)) for key, labels in slots)
            output = _named(e.output, names)
            inside = carried(e)
            free = [(x, _one(size, sizes)) for x, size in e.given if x not in inside]
            given = frozenset((names[x], size) for x, size in free if x in names)
            others = tuple(size for x, size in free if x not in names)
            number = (type(e.coefficient), e.coefficient)
            if not e.relations:
                return ("einsum", *number, inputs, output, given, others)
            for x, _ in free:
                names.setdefault(x, len(names))
            related = frozenset(renamed(e.relations, names.__getitem__))
            domains = frozenset((names[x], size) for x, size in free)
            return ("einsum", *number, inputs, output, domains, related)
    return id(e)


def _one(size: Size, sizes: Sizes | None) -> Size:
    """The one that stands for all sizes that are equal to it."""
    return size if sizes is None or isinstance(size, int) else sizes.find(size)


def _named(labels: Labels, names: dict[Label, int]) -> tuple[int, ...]:
    return tuple(names.setdefault(x, len(names)) for x in labels)
