"""Putting expressions or arrays in the place of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import EinderivError
from .arithmetic import aligned, as_operand
from .binding import check_known
from .nodes import Apply, Expr, Tensor, dressed, everything, walk
from .renaming import Renaming
from .sizes import checked
from .traverse import replaced, tensors_of

GONE = "′"  # no user writes it: a name ends in it whose tensor or axis has been put away


def substitute(e: Expr, parts: Mapping[str, Any] | None = None, /, **named: Any) -> Expr:
    """``substitute(e, X=a).shape == e.shape``: `e` with an expression, name, array or number in
    place of tensors.

    All are put in at once. What stands in must have the axes of the tensor, whose sizes it then has
    too.

    >>> import einderiv as ed
    >>> str(substitute(ed.einsum("ij,j->i", "A", "x"), x=ed.einsum("jk,k->j", "B", "z")))
    'einsum("ij,jk,k->i", A, B, z)'

    Raises EinderivError for an unknown name, and for what is complex in the place of a tensor that
    is not declared so where lengths are taken; ShapeError for other axes or sizes.
    """
    if not isinstance(e, Expr):
        raise TypeError(f"only expressions can be substituted in, not {type(e).__name__}")
    known = tensors_of(e)
    wanted = {**(parts or {}), **named}
    check_known(wanted, known)
    values: dict[str, Expr] = {}
    for name, value in wanted.items():
        _refuse_index_array(known[name])
        values[name] = as_operand(value, known[name], f"what stands for {name}")
    if not values:
        return e
    e, gone = _apart(e, values)
    known = _tensors_met(e)
    values = {
        gone.get(name, name): aligned(value, known[gone.get(name, name)], f"what stands for {name}")
        for name, value in values.items()
    }
    _refuse_moduli(e, {name for name, v in values.items() if v.complex and not known[name].complex})
    result = replaced(e, values)
    # What was brought is known from now on, also where its tensor had vanished. The sizes of a
    # tensor that has gone may still be what another axis measures; and names must not clash. What
    # it reads like now stands first, for the order of its tensors.
    result = dressed(result, axes=e.axes, origins=(result, e, *values.values()))
    tensors_of(result)
    return checked(result)


def _apart(e: Expr, values: Mapping[str, Expr]) -> tuple[Expr, dict[str, str]]:
    """`e`, and new names for those of its tensors that are put away and come again with what stands
    in.

    In ``x → A @ x`` the two x have axes of their own, and so have two axes called n, where it was x
    alone that had them: what was tied to the old n is tied to what stands in from now on.
    """
    brought = _tensors_met(*values.values())
    tensors = {name: name + GONE for name in values if name in brought}
    kept = [axis for t in _met(e) if t.name not in values for axis in t.declared]
    inside = {axis for tensor in brought.values() for axis in _declared(tensor)}
    lost = [axis for t in _met(e) if t.name in values for axis in t.declared]
    axes = {n: n + GONE for n in lost if isinstance(n, str) and n in inside and n not in kept}
    if not tensors and not axes:
        return e, {}
    return Renaming(tensors, axes).of(e), tensors


def _refuse_index_array(tensor: Tensor) -> None:
    if tensor.structure == "index":
        raise EinderivError(
            f"{tensor.name} is an index array, for which nothing is put in later: give it where "
            f"the einsum is written, ed.einsum(…, {tensor.name}=array), or at each call"
        )


def _refuse_moduli(e: Expr, names: set[str]) -> None:
    """Raise where `e` takes squares of real tensors `names` for their squared moduli: of what is
    complex they are none.
    """
    if not names:
        return
    alive = set(map(id, walk([e])))
    for node in walk([e], everything):
        if not isinstance(node, Apply) or node.complex:
            continue
        # A conjugate that is still there is that of what stands in; one that was only met is gone.
        met = node.function.name == "conj" and id(node) not in alive
        if not met and not node.function.of_moduli:
            continue
        for name in names.intersection(_tensors_met(node)):
            own = name.rstrip(GONE)
            raise EinderivError(
                f"squared moduli of {own} are taken, which is not declared complex, and what "
                f"stands for it is complex: ed.tensor({own!r}, …, complex=True)"
            )


def _met(*roots: Expr) -> list[Tensor]:
    return [node for node in walk(roots, everything) if isinstance(node, Tensor)]


def _tensors_met(*roots: Expr) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in reversed(_met(*roots))}


def _declared(tensor: Tensor) -> list[str]:
    return [axis for axis in tensor.declared if isinstance(axis, str)]


def bound(e: Expr, arrays: Mapping[str, Any]) -> Expr:
    """`e` with arrays in the place of tensors that it knows, still the derivative that it is."""
    known = tensors_of(e)
    for name in known.keys() & arrays.keys():
        _refuse_index_array(known[name])
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
