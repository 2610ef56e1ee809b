"""Derivatives of long chains of sums with the sums kept: ``(1 + B) (1 + A)`` rather than
``1 + A + B + B A``, which is 2ᴸ products for a residual net of L layers.

A derivative is multiplied out where it is derived, so that every term keeps its deltas; what the
terms share is hard to find again. Here it is derived once more, for the planner alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import finalize

from ..autodiff import opened, pushforward
from ..expression import (
    Add,
    Einsum,
    Expr,
    Roots,
    Sizes,
    Swaps,
    assemble,
    bottom_up,
    identity,
    rebuilt,
    swapped,
    tensors_of,
    walk,
    with_slots,
)
from ..planning import tuning
from .cse import equal, shared


def with_sums_kept(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """Derivatives that are sums, and were derived forwards, derived again with the sums in them
    kept as they are.
    """
    form = kept(roots, sizes)
    if form is not None:
        yield dict(zip(map(id, roots), form, strict=True))


def kept(roots: Roots, sizes: Sizes) -> Roots | None:
    """`roots` with the sums in derivatives kept; None where that changes nothing."""
    swaps: dict[int, Expr] = {}
    for node in walk(roots):
        if isinstance(node, Add) and node.record is not None:
            again = _derived_again(node)
            if again is not None:
                swaps[id(node)] = again
    return shared(_numbers_outside(swapped(roots, swaps)), sizes) if swaps else None


#: by the identity of sums, what they are with the sums in them kept; it goes when they go
_known: dict[int, Expr | None] = {}


def _derived_again(node: Add) -> Expr | None:
    """The sum with the sums in it kept; None where it is no such derivative. Two rows ask, of each
    form of a program.
    """
    if id(node) not in _known:
        again = _with_sums(node)
        _known[id(node)] = again
        finalize(node, _known.pop, id(node), None).atexit = False
        return again
    return _known[id(node)]


def _with_sums(node: Add) -> Expr | None:
    record = node.record
    if record is None or record.position is not None or record.of.ndim == 0:
        return None
    if len(node.addends) < tuning.kept_terms:
        return None
    y = record.of
    x = tensors_of(y).get(record.wrt)
    if x is None or node.ndim != y.ndim + x.ndim:
        return None
    names = node.axes[y.ndim :]
    seeds = {record.wrt: identity(x.axis_sizes, x.axes, names)}
    again = pushforward(y, seeds, names, multiplied=False)
    if again is None or _forms_zeros(again):
        return None
    # The record is for printing: a part of a derivative may have it, and what was substituted in.
    # To multiply out takes longest, so it is done last.
    derived = pushforward(y, seeds, names)
    if derived is None or not equal([node], [opened(derived)])[0]:
        return None
    return again


def _forms_zeros(e: Expr) -> bool:
    """Is a sum formed, in something else, of which all terms are zero off some diagonal, or where
    relations have no point? Its zeros cost as much as its entries, and times what is infinite they
    are nan.
    """
    for node in walk([e]):
        if node is not e and isinstance(node, Add) and all(map(_is_sparse, node.addends)):
            return True
    return False


def _is_sparse(term: Expr) -> bool:
    if not isinstance(term, Einsum):
        return False
    return term.parts is not None or len(set(term.output)) < len(term.output)


def _numbers_outside(roots: Roots) -> Roots:
    """`roots` with the numbers in front of products moved on to where they are added, so that a
    product and its multiples are one.
    """

    def moved(node: Expr, parts: tuple[Expr, ...]) -> Expr:
        here = rebuilt(node, parts)
        if not isinstance(here, Einsum) or here.coefficient == 1 or len(here.factors) < 2:
            return here
        product = with_slots(here, here.slots, coefficient=1)
        labels = tuple(range(here.ndim))
        return assemble(here.coefficient, [(product, labels)], labels, axes=here.axes)

    return bottom_up(roots, moved)
