"""Derivatives. The derivative of an einsum is an einsum; here are the rules, forwards and
backwards.

Forwards (:func:`pushforward`), the derivative of each node from those of its children:

===========  ======================================================================================
``Tensor``   its seed, for a derivative by itself the identity map ``->abab``
``Einsum``   the sum over its slots of the same einsum with that operand replaced by its derivative
``Add``      termwise
``Apply``    the row's terms, each times the derivative of the argument
===========  ======================================================================================

Backwards (:func:`pullback`) the same rules give one cotangent for each node, so that the gradient
of a scalar has a size proportional to the expression's, however often nodes are shared. Unknown
cases raise; they are never zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..errors import limits, our_bug
from ..expression import (
    FLAT,
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Slot,
    Tensor,
    added,
    assemble,
    children,
    fresh_labels,
    is_zero,
    placeholder,
    polynomial,
    powers,
    viewed,
    walk,
    with_slots,
    written_slots,
)
from ..functions import variable
from .masks import opened as opened_for_masks
from .masks import separate, under_conditions
from .product_tree import environments

#: terms: a derivative of at most this many is multiplied out into its consumer, so that every term
#: keeps its deltas; a longer one stays a sum, or a residual net of depth L would have 2^L terms
SPREAD = 16
#: factors: a derivative of at most this many is plugged into its consumer, for the path to find any
#: order; in a longer chain what is there stays nested, or a chain of n functions would copy n²
#: factors
PLUGGED = 128
#: factors: the cotangents of a longer product share their work along a tree; those of a shorter one
#: are plain products, which the planner orders as it likes
BRANCHED = 24


def pushforward(
    y: Expr,
    seeds: Mapping[str, Expr],
    names: tuple[str | None, ...] = (),
    *,
    multiplied: bool = True,
) -> Expr | None:
    """The derivative of `y` in the direction of `seeds`, whose last ``len(names)`` axes are new;
    None for zero. Where it is not `multiplied` out, the derivative of each node stays a node.
    """
    tangents: dict[int, Expr] = {}  # by node; a node without one has a derivative of zero
    order = list(walk([y]))
    limits.check("terms", _foreseen(order, seeds))
    held = 0
    for node in order:
        terms = _forward(node, tangents, seeds, names, multiplied)
        live = [term for term in terms if not is_zero(term)]
        if not live:
            continue
        total = added(live, flat=bool(names) and multiplied)
        tangents[id(node)] = total
        if isinstance(total, Add):
            held += len(total.addends)
        limits.check("terms", held)
    return tangents.get(id(y))


def _foreseen(order: Sequence[Expr], seeds: Collection[str]) -> int:
    """How many terms will be made of products of several operands that vary: one for each operand,
    at least.

    Equal operands may give equal terms, which are one; in a short product they count as one, for a
    long one it would take making them all to know.
    """
    varying: set[int] = set()
    terms = 0
    for node in order:
        parts = [id(part) for part in children(node) if id(part) in varying]
        name = variable(node)
        varies = name in seeds if name is not None else len(parts) > 0
        if varies:
            varying.add(id(node))
        if isinstance(node, Einsum):
            many = len(parts) if len(parts) > BRANCHED else len(set(parts))
            terms += many if many > 1 else 0
    return terms


def _forward(
    node: Expr,
    tangents: dict[int, Expr],
    seeds: Mapping[str, Expr],
    names: tuple[str | None, ...],
    multiplied: bool,
) -> list[Expr]:
    """The terms of the derivative of a node, from the derivatives of its parts."""
    # dX is the seed of X, and zero for all other tensors. The conjugate of a complex tensor counts
    # as a tensor of its own.
    name = variable(node)
    if name is not None:
        return [seeds[name]] if name in seeds else []
    match node:
        # dc = 0
        case Tensor() | Constant():
            return []
        # d(a + b) = da + db
        case Add():
            return [tangents[id(a)] for a in node.addends if id(a) in tangents]
        # d Σ a·b·c = Σ da·b·c + Σ a·db·c + Σ a·b·dc
        case Einsum():
            slots = node.slots
            terms: list[Expr] = []
            for k, factor in enumerate(node.factors):
                if id(factor) in tangents:
                    terms += _replaced(node, slots, k, tangents[id(factor)], names, multiplied)
            return terms
        # a row that maps tangents: df(a, b) = f'ₐ(da) + f'_b(db)
        case Apply() if node.function.forward:
            arguments = [(k, a) for k, a in enumerate(node.arguments) if id(a) in tangents]
            return [_pushed(node, k, tangents[id(a)], names) for k, a in arguments]
        # the chain rule: df(a, b) = ∂f/∂a · da + ∂f/∂b · db
        case Apply():
            terms = []
            for rule, a in zip(node.function.derivatives, node.arguments, strict=True):
                if id(a) in tangents:
                    for local in rule(node):
                        terms += _chained(node, local, tangents[id(a)], names, multiplied)
            return terms
    return our_bug(f"no rule for {type(node).__name__}")


def _spread(e: Expr, names: tuple[str | None, ...], multiplied: bool) -> Sequence[Expr]:
    """The terms of a derivative that are multiplied out one by one."""
    if multiplied and names and isinstance(e, Add) and len(e.addends) <= SPREAD:
        return e.addends
    return polynomial(e)


def _replaced(
    node: Einsum,
    slots: tuple[Slot, ...],
    k: int,
    inner: Expr,
    names: tuple[str | None, ...],
    multiplied: bool,
) -> list[Expr]:
    """`node` with slot `k` replaced by its derivative, whose new axes are appended to the
    output.
    """
    # ij,jk->ik  with B' of the new axes ab in the place of B:  ij,jkab->ikab
    new = fresh_labels(len(names))
    _, labels = slots[k]
    output = node.output + new
    axes = node.axes + names
    terms: list[Expr] = []
    for term in _spread(inner, names, multiplied):
        parts = [*slots[:k], (term, labels + new), *slots[k + 1 :]]
        inline = (*_plugged(term, names, multiplied), *powers(parts))
        replaced = with_slots(node, parts, output, axes=axes, inline=inline)
        terms.append(under_conditions(replaced))
    return terms


def _plugged(term: Expr, names: tuple[str | None, ...], multiplied: bool) -> tuple[Expr, ...]:
    """What is plugged into its consumer, though it contracts: a short product with new axes."""
    if multiplied and names and isinstance(term, Einsum) and term.count <= PLUGGED:
        return (term,)
    return ()


def _chained(
    node: Apply, local: Expr, inner: Expr, names: tuple[str | None, ...], multiplied: bool
) -> list[Expr]:
    """One term of a function's derivative times the derivative of its argument."""
    # nrc,nca->nra:  batch n, the result's axes r, the argument's axes c, the new axes a
    batch, result, core = _spans(node)
    new = fresh_labels(len(names))
    output = batch + result + new
    axes = node.axes + names
    given = tuple(zip(batch + result, node.axis_sizes, strict=True))
    terms: list[Expr] = []
    for term in _spread(inner, names, multiplied):
        slots = [(local, batch + result + core), (term, batch + core + new)]
        inline = (local, *_plugged(term, names, multiplied), *powers(slots))
        chained = assemble(1, slots, output, axes=axes, given=given, inline=inline)
        terms.append(under_conditions(chained))
    return terms


def _pushed(node: Apply, k: int, inner: Expr, names: tuple[str | None, ...]) -> Expr:
    """The derivative by argument `k` of a row that maps tangents: for it, the new axes are batch
    axes.
    """
    image: Expr
    if not names:
        image = node.function.forward(node, k, inner)
        return image
    batch, result, core = _spans(node)
    new = fresh_labels(len(names))
    tangent = viewed(inner, batch + core + new, batch + new + core)
    image = node.function.forward(node, k, tangent)
    return viewed(image, batch + new + result, batch + result + new, names=node.axes + names)


def _spans(node: Apply) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Labels of the batch axes, the core axes of the result, and the core axes of the argument."""
    n = node.arguments[0].ndim
    first_core = n - node.core
    batch = tuple(range(first_core))
    core = tuple(range(first_core, n))
    result = tuple(range(n, n + node.ndim - first_core))
    return batch, result, core


def pullback(y: Expr, names: Collection[str], cotangent: Expr) -> dict[str, Expr]:
    """The cotangents of the tensors `names`, one pass over the nodes; a name that is missing has
    none.
    """
    order = list(walk([y]))
    needed: set[int] = set()  # nodes that have one of the tensors in them
    for node in order:
        if variable(node) in names or any(id(part) in needed for part in children(node)):
            needed.add(id(node))
    cotangents: dict[int, list[Expr]] = {id(y): [cotangent]}  # by node, a term for each of its uses
    found: dict[str, list[Expr]] = {}
    for node in reversed(order):
        if id(node) not in needed or id(node) not in cotangents:
            continue
        # All uses of the node stand before it in this order, so its cotangent is complete.
        total = added(cotangents.pop(id(node)), flat=False)
        if is_zero(total):
            continue
        name = variable(node)
        if name is not None and name in names:
            found.setdefault(name, []).append(total)
        for part, term in _backward(node, total, needed):
            cotangents.setdefault(id(part), []).append(term)
    return {name: added(terms) if len(terms) > 1 else terms[0] for name, terms in found.items()}


def _backward(node: Expr, cotangent: Expr, needed: set[int]) -> list[tuple[Expr, Expr]]:
    """What the cotangent of a node says about its parts: pairs of a part and a term of its
    cotangent.
    """
    match node:
        # y = Σ a·b·c:  ȳ·b·c to a, ȳ·a·c to b, ȳ·a·b to c
        case Einsum():
            factors = node.factors
            wanted = [k for k, factor in enumerate(factors) if id(factor) in needed]
            if len(factors) > BRANCHED and len(wanted) > 1 and node.parts is None:
                around = environments(node, cotangent, wanted)
                return [(factors[k], term) for k, term in around.items()]
            pairs: list[tuple[Expr, Expr]] = []
            for k in wanted:
                pairs += [(factors[k], term) for term in _transposed(node, k, cotangent)]
            return pairs
        # y = a + b:  ȳ to both
        case Add():
            return [(a, cotangent) for a in node.addends if id(a) in needed]
        # y = f(a, b):  ȳ·∂f/∂a to a, ȳ·∂f/∂b to b
        case Apply():
            pairs = []
            for k, a in enumerate(node.arguments):
                if id(a) in needed:
                    pairs += [(a, term) for term in _unchained(node, k, cotangent)]
            return pairs
        # nothing is below
        case Tensor() | Constant():
            return []
    return our_bug(f"no rule for {type(node).__name__}")


def _transposed(node: Einsum, k: int, cotangent: Expr) -> list[Expr]:
    """Swap the output and operand `k`: the cotangent takes the output's labels, the operand's
    labels are the output.

    A label that only operand `k` has is then in no factor, and broadcasts; its size is known from
    the operand.
    """
    # ij,jk->ik  for B:  ik,ij->jk
    slots = node.slots
    target, labels = slots[k]
    others = (*slots[:k], *slots[k + 1 :])
    given = (*node.given, *zip(labels, target.axis_sizes, strict=True))
    is_entrywise = set(labels).issuperset(node.output)  # nothing is summed on the way back
    terms: list[Expr] = []
    for part in _parts(cotangent, is_entrywise):
        parts = [(part, node.output), *others]
        beside = [factor for factor, _ in others]
        inline = (*opened_for_masks(part, beside), *powers(parts))
        turned = with_slots(node, parts, labels, axes=target.axes, given=given, inline=inline)
        terms.append(under_conditions(turned))
    return terms


def _parts(cotangent: Expr, is_entrywise: bool) -> list[Expr]:
    """The terms of a cotangent that are taken back one by one: those under conditions of their own,
    and of a polynomial in functions of entries each, so that like terms meet.
    """
    parts = separate(cotangent)
    if not is_entrywise:
        return list(parts)
    found: list[Expr] = []
    for part in parts:
        found += polynomial(part)
    return found


def _unchained(node: Apply, k: int, cotangent: Expr) -> list[Expr]:
    """The cotangent of argument `k`, a term for each of the row's."""
    if node.function.backward:
        return [node.function.backward(node, k, cotangent)]
    # nr,nrc->nc:  batch n, the result's axes r, the argument's axes c
    batch, result, core = _spans(node)
    target = node.arguments[k]
    output = batch + core
    given = tuple(zip(output, target.axis_sizes, strict=True))
    # Under the condition of a `where` all terms stay together.
    parts = [cotangent] if node.function.masks else _parts(cotangent, not node.core)
    terms: list[Expr] = []
    for whole in node.function.derivatives[k](node):
        for local in polynomial(whole, beside=parts):
            beside = local.factors if isinstance(local, Einsum) else (local,)
            for part in parts:
                slots = [(part, batch + result), (local, batch + result + core)]
                inline = (local, *opened_for_masks(part, beside), *powers(slots))
                term = assemble(1, slots, output, axes=target.axes, given=given, inline=inline)
                terms.append(under_conditions(term))
    return terms


def opened(e: Expr) -> Expr:
    """A sum with the sums among its terms opened, as far as they are short, and equal terms
    merged again.
    """
    while isinstance(e, Add) and len(e.addends) < FLAT:
        if not any(isinstance(term, Add) for term in e.addends):
            return e
        opened_once = added(e.addends)
        if isinstance(opened_once, Add) and len(opened_once.addends) == len(e.addends):
            return e
        e = opened_once
    return e


def stand_in(y: Einsum, k: int) -> tuple[Einsum, Tensor]:
    """`y` with operand `k`, as it was written, replaced by a tensor of its own; and that tensor.

    An einsum is linear in each slot, so the tensor is gone from any derivative by it. No user can
    write its name.
    """
    slots = list(written_slots(y))
    operand, labels = slots[k]
    tensor = placeholder(f"#{k}", operand.axis_sizes)
    slots[k] = (tensor, labels)
    author = y.written or y
    copy = assemble(
        author.coefficient,
        slots,
        author.output,
        axes=y.axes,
        given=author.given,
        letters=author.letters,
        written=True,
        relations=author.relations,
    )
    return copy, tensor
