"""The terms of an expression: products, whose sum it is, however its sums are nested."""

from __future__ import annotations

from ..errors import limits
from .arithmetic import added
from .nodes import Add, Expr, dressed, is_zero
from .traverse import tensors_of


def terms(e: Expr) -> tuple[Expr, ...]:
    """The terms of a sum, each one product; of anything else, itself.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> [str(term) for term in (x + ed.exp(x)).terms]
    ['x', 'exp(x)']
    """
    if not isinstance(e, Add):
        return (e,)
    products: list[Expr] = []
    stack: list[Expr] = [e]
    while stack:
        part = stack.pop()
        if isinstance(part, Add):
            stack.extend(reversed(part.addends))
        else:
            products.append(part)
            limits.check("terms", len(products))
    # Terms of different inner sums may be equal, or cancel.
    total = added(products, flat=False)
    merged = total.addends if isinstance(total, Add) else (total,)
    live = [term for term in merged if not is_zero(term)]
    # The size of a label may come from an index array that only another term holds.
    has_index_arrays = any(tensor.structure == "index" for tensor in tensors_of(e).values())
    if e.record is None and not e.origins and not has_index_arrays:
        return tuple(live)
    return tuple([dressed(term, axes=e.axes, origins=(e,), record=e.record) for term in live])
