"""Finding a part of an expression again, and putting a tensor in its place."""

from __future__ import annotations

from .arithmetic import add, added, times
from .nodes import Add, Einsum, Expr, Number, Tensor, children, walk, wrapped
from .traverse import rebuilt


def with_tensor_for(e: Expr, part: Expr, tensor: Tensor) -> Expr | None:
    """`e` with `tensor` in the place of `part`, of its multiples, and of sums that contain it; None
    where it is nowhere.

    ``b - Z`` is a sum of b and -1 Z, and ``2 Z`` of a product Z is that product with the
    coefficient 2: neither holds Z as it is.
    """
    made: dict[int, Expr] = {}
    for node in walk([e]):
        found = _with_tensor(node, part, tensor)
        if found is None:
            found = rebuilt(node, tuple([made[id(inner)] for inner in children(node)]))
        made[id(node)] = found
    return None if made[id(e)] is e else made[id(e)]


def term_beside(e: Expr, part: Expr) -> Expr | None:
    """A term of a sum that stands in `e` without the others, as where some of them cancelled."""
    terms = part.addends if isinstance(part, Add) else ()
    for node in walk([e]):
        for term in terms:
            if children(term) and _multiple(node, term) is not None:
                return term
    return None


def _with_tensor(node: Expr, part: Expr, tensor: Tensor) -> Expr | None:
    multiple = _multiple(node, part)
    if multiple is not None:
        return tensor if multiple == 1 else times(tensor, multiple)
    if not isinstance(node, Add) or not isinstance(part, Add):
        return None
    return _with_tensor_for_addends(node, part, tensor)


def _with_tensor_for_addends(node: Add, part: Add, tensor: Tensor) -> Expr | None:
    """A sum with some of its terms, which are a multiple of another sum, as one."""
    left = list(node.addends)
    multiple: Number | None = None
    for addend in part.addends:
        for place, other in enumerate(left):
            found = _multiple(other, addend)
            if found is not None and multiple in (None, found):
                multiple = found
                del left[place]
                break
        else:
            return None
    assert multiple is not None
    term = tensor if multiple == 1 else times(tensor, multiple)
    return add(added(left), term) if left else term


def _multiple(node: Expr, part: Expr) -> Number | None:
    """The number that `part` is multiplied by where `node` is a multiple of it, else None."""
    if node is part:
        return 1
    if node.ndim != part.ndim:
        return None
    if not isinstance(node, Einsum):
        return 1 if node.weight == part.weight and node == part else None
    # equal up to coefficients: a product leaves its own out of its weight
    product = wrapped(part)
    if node.weight != product.weight or not product.coefficient or not node.coefficient:
        return None
    ratio = _ratio(node.coefficient, product.coefficient)
    return ratio if times(part, ratio) == node else None


def _ratio(a: Number, b: Number) -> Number:
    """``a / b``, whole where it is."""
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    return a / b
