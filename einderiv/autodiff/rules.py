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
    viewed,
    walk,
    with_slots,
    written_slots,
)
from ..functions import variable
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
    y: Expr, seeds: Mapping[str, Expr], names: tuple[str | None, ...] = ()
) -> Expr | None:
    """The derivative of `y` in the direction of `seeds`, whose last ``len(names)`` axes are new;
    None for zero.
    """
    found: dict[int, Expr] = {}
    order = list(walk([y]))
    limits.check("terms", _foreseen(order, seeds))
    held = 0
    for node in order:
        terms = _forward(node, found, seeds, names)
        live = [term for term in terms if not is_zero(term)]
        if live:
            total = found[id(node)] = added(live, flat=bool(names))
            held += len(total.addends) if isinstance(total, Add) else 0
            limits.check("terms", held)
    return found.get(id(y))


def _foreseen(order: Sequence[Expr], seeds: Collection[str]) -> int:
    """How many terms will be made of products of several operands that vary: one for each operand,
    at least.

    Equal operands may give equal terms, which are one; in a short product they count as one, for a
    long one it would take making them all to know.
    """
    varies: set[int] = set()
    terms = 0
    for node in order:
        name = variable(node)
        parts = [
            id(c)
            for c in (node.factors if isinstance(node, Einsum) else children(node))
            if id(c) in varies
        ]
        if name in seeds if name is not None else parts:
            varies.add(id(node))
        many = len(parts) if len(parts) > BRANCHED else len(set(parts))
        terms += many if isinstance(node, Einsum) and many > 1 else 0
    return terms


def _forward(
    node: Expr, found: dict[int, Expr], seeds: Mapping[str, Expr], names: tuple[str | None, ...]
) -> list[Expr]:
    match node:
        case Tensor():
            return [seeds[node.name]] if node.name in seeds else []
        case Constant():
            return []
        case Add():
            return [found[id(a)] for a in node.addends if id(a) in found]
        case Einsum():
            slots = node.slots
            return [
                term
                for k, (f, _) in enumerate(slots)
                if id(f) in found
                for term in _replaced(node, slots, k, found[id(f)], names)
            ]
        case Apply():
            if (name := variable(node)) is not None:
                return [seeds[name]] if name in seeds else []
            if node.function.forward:
                return [
                    _pushed(node, k, found[id(a)], names)
                    for k, a in enumerate(node.arguments)
                    if id(a) in found
                ]
            rules = node.function.derivatives
            return [
                term
                for rule, a in zip(rules, node.arguments, strict=True)
                if id(a) in found
                for local in rule(node)
                for term in _chained(node, local, found[id(a)], names)
            ]
    return our_bug(f"no rule for {type(node).__name__}")


def _spread(e: Expr, names: tuple[str | None, ...]) -> Sequence[Expr]:
    """The terms of a derivative that are multiplied out one by one."""
    return e.addends if names and isinstance(e, Add) and len(e.addends) <= SPREAD else (e,)


def _replaced(
    node: Einsum, slots: tuple[Slot, ...], k: int, inner: Expr, names: tuple[str | None, ...]
) -> list[Expr]:
    """`node` with slot `k` replaced by its derivative, whose new axes are appended to the
    output.
    """
    new = fresh_labels(len(names))
    made: list[Expr] = []
    for term in _spread(inner, names):
        parts = [*slots[:k], (term, slots[k][1] + new), *slots[k + 1 :]]
        axes = node.axes + names
        made.append(
            with_slots(node, parts, node.output + new, axes=axes, inline=_plugged(term, names))
        )
    return made


def _plugged(term: Expr, names: tuple[str | None, ...]) -> tuple[Expr, ...]:
    return (term,) if names and isinstance(term, Einsum) and term.count <= PLUGGED else ()


def _chained(node: Apply, local: Expr, inner: Expr, names: tuple[str | None, ...]) -> list[Expr]:
    """One term of a function's derivative times the derivative of its argument."""
    batch, result, core = _spans(node)
    new = fresh_labels(len(names))
    given = tuple(zip(batch + result, node.sizes, strict=True))
    return [
        assemble(
            1,
            [(local, batch + result + core), (term, batch + core + new)],
            batch + result + new,
            axes=node.axes + names,
            given=given,
            inline=(local, *_plugged(term, names)),
        )
        for term in _spread(inner, names)
    ]


def _pushed(node: Apply, k: int, inner: Expr, names: tuple[str | None, ...]) -> Expr:
    """The derivative by argument `k` of a row that maps tangents: for it, the new axes are batch
    axes.
    """
    batch, result, core = _spans(node)
    new = fresh_labels(len(names))
    tangent = viewed(inner, batch + core + new, batch + new + core) if names else inner
    image: Expr = node.function.forward(node, k, tangent)
    return (
        viewed(image, batch + new + result, batch + result + new, names=node.axes + names)
        if names
        else image
    )


def _spans(node: Apply) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Labels of the batch axes, the core axes of the result, and the core axes of the argument."""
    n = node.arguments[0].ndim
    batch = n - node.core
    return tuple(range(batch)), tuple(range(n, n + node.ndim - batch)), tuple(range(batch, n))


def pullback(y: Expr, names: Collection[str], cotangent: Expr) -> dict[str, Expr]:
    """The cotangents of the tensors `names`, one pass over the nodes; a name that is missing has
    none.
    """
    order = list(walk([y]))
    needed: set[int] = set()
    for node in order:
        if variable(node) in names or any(id(c) in needed for c in children(node)):
            needed.add(id(node))
    found: dict[int, list[Expr]] = {id(y): [cotangent]}
    result: dict[str, list[Expr]] = {}
    for node in reversed(order):
        if id(node) not in needed or id(node) not in found:
            continue
        total = added(found.pop(id(node)), flat=False)
        if is_zero(total):
            continue
        if (name := variable(node)) in names and name is not None:
            result.setdefault(name, []).append(total)
        for child, term in _backward(node, total, needed):
            found.setdefault(id(child), []).append(term)
    return {name: added(terms) if len(terms) > 1 else terms[0] for name, terms in result.items()}


def _backward(node: Expr, cotangent: Expr, needed: set[int]) -> list[tuple[Expr, Expr]]:
    match node:
        case Einsum():
            wanted = [k for k, f in enumerate(node.factors) if id(f) in needed]
            if len(node.factors) > BRANCHED and len(wanted) > 1:
                return [
                    (node.factors[k], e) for k, e in environments(node, cotangent, wanted).items()
                ]
            return [(node.factors[k], _transposed(node, k, cotangent)) for k in wanted]
        case Add():
            return [(a, cotangent) for a in node.addends if id(a) in needed]
        case Apply():
            return [
                (a, term)
                for k, a in enumerate(node.arguments)
                if id(a) in needed
                for term in _unchained(node, k, cotangent)
            ]
        case Tensor() | Constant():
            return []
    return our_bug(f"no rule for {type(node).__name__}")


def _transposed(node: Einsum, k: int, cotangent: Expr) -> Expr:
    """Swap the output and operand `k`: the cotangent takes the output's labels, the operand's
    labels are the output.

    A label that only operand `k` has is then in no factor, and broadcasts; its size is known from
    the operand.
    """
    target, labels = node.factors[k], node.inputs[k]
    slots = node.slots
    parts = [(cotangent, node.output), *slots[:k], *slots[k + 1 :]]
    given = (*node.given, *zip(labels, target.sizes, strict=True))
    return with_slots(node, parts, labels, axes=target.axes, given=given)


def _unchained(node: Apply, k: int, cotangent: Expr) -> list[Expr]:
    """The cotangent of argument `k`, a term for each of the row's."""
    if node.function.backward:
        return [node.function.backward(node, k, cotangent)]
    batch, result, core = _spans(node)
    target = node.arguments[k]
    given = tuple(zip(batch + core, target.sizes, strict=True))
    return [
        assemble(
            1,
            [(cotangent, batch + result), (local, batch + result + core)],
            batch + core,
            axes=target.axes,
            given=given,
            inline=(local,),
        )
        for local in node.function.derivatives[k](node)
    ]


def opened(e: Expr) -> Expr:
    """A sum with the sums among its terms opened, as far as they are short, and equal terms
    merged again.
    """
    while (
        isinstance(e, Add) and any(isinstance(a, Add) for a in e.addends) and len(e.addends) < FLAT
    ):
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
    tensor = placeholder(f"#{k}", operand.sizes)
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
    )
    return copy, tensor
