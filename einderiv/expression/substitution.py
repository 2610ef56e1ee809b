"""Putting expressions or arrays in the place of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arithmetic import aligned
from .binding import check_known
from .nodes import Expr, dressed
from .sizes import checked
from .traverse import replaced, tensors_of


def substitute(e: Expr, parts: Mapping[str, Any] | None = None, /, **named: Any) -> Expr:
    """``substitute(e, X=a).shape == e.shape``: `e` with an expression, name, array or number in
    place of tensors.

    All are put in at once. What stands in must have the axes of the tensor, whose sizes it then has
    too.

    >>> import einderiv as ed
    >>> str(substitute(ed.einsum("ij,j->i", "A", "x"), x=ed.einsum("jk,k->j", "B", "z")))
    'einsum("ij,jk,k->i", A, B, z)'

    Raises EinderivError for an unknown name, ShapeError for other axes or sizes.
    """
    if not isinstance(e, Expr):
        raise TypeError(f"only expressions can be substituted in, not {type(e).__name__}")
    known = tensors_of(e)
    wanted = {**(parts or {}), **named}
    check_known(wanted, known)
    values = {
        name: aligned(value, known[name], f"what stands for {name}")
        for name, value in wanted.items()
    }
    if not values:
        return e
    result = replaced(e, values)
    # What was brought is known from now on, also where its tensor had vanished. The sizes of a
    # tensor that has gone may still be what another axis measures; and names must not clash. What
    # it reads like now stands first, for the order of its tensors.
    result = dressed(result, axes=e.axes, origins=(result, e, *values.values()))
    tensors_of(result)
    return checked(result)


def bound(e: Expr, arrays: Mapping[str, Any]) -> Expr:
    """`e` with arrays in the place of tensors that it knows, still the derivative that it is."""
    known = tensors_of(e)
    values = {
        name: aligned(array, known[name], f"the constant {name}")
        for name, array in arrays.items()
        if name in known
    }
    result = replaced(e, values)
    if result is e:
        return e
    origins = tuple(values.values())
    return checked(dressed(result, axes=e.axes, origins=origins, record=e.record))
