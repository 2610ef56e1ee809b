"""The terms of an expression: products, whose sum it is, however its sums are nested."""

from __future__ import annotations

from ..errors import limits
from .arithmetic import added
from .nodes import Add, Expr, dressed, is_zero


def terms(e: Expr) -> tuple[Expr, ...]:
    """The terms of a sum, each one product; of anything else, itself.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> [str(term) for term in (x + ed.exp(x)).terms]
    ['x', 'exp(x)']
    """
    if not isinstance(e, Add):
        return (e,)
    found: list[Expr] = []
    stack: list[Expr] = [e]
    while stack:
        part = stack.pop()
        if isinstance(part, Add):
            stack.extend(reversed(part.addends))
        else:
            found.append(part)
            limits.check("terms", len(found))
    merged = [t for t in _merged(found) if not is_zero(t)]
    if e.record is None and not e.origins:
        return tuple(merged)
    return tuple(dressed(t, axes=e.axes, origins=(e,), record=e.record) for t in merged)


def _merged(found: list[Expr]) -> list[Expr]:
    if len(found) < 2:
        return found
    total = added(found, flat=False)
    return list(total.addends) if isinstance(total, Add) else [total]
