"""The public derivatives: `derive`, `jacobian`, `grad`, `value_and_grad`, `hessian`, `jvp`, `vjp`,
`hvp`.

`wrt` is a tensor, its name, an operand position, or a list, tuple or dict of those; the answer has
the same structure. A position means that slot alone of the outermost einsum as it was written, a
name or tensor all its occurrences.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from ..errors import EinderivError, counted, limits
from ..expression import (
    Add,
    Einsum,
    Expr,
    Record,
    added,
    aligned,
    axis_names,
    called,
    check_name,
    dressed,
    einsum,
    filled,
    identity,
    is_zero,
    leaves,
    mapped,
    new_axes,
    same,
    tensors_of,
    times,
    zero,
)
from ..functions import conj
from .block_diagonal import ties
from .rules import opened, pullback, pushforward
from .wrt import Base, Wrt, check_apart, paired, resolved, shared_axes, shared_of_both


def derive(
    y: Expr | str, wrt: Any, indices: Sequence[str] | None = None, *, shared: Any = None
) -> Any:
    """``derive(y, x).shape == y.shape + x.shape``: the derivative, an expression like any other.

    `y` may be an einsum string. `indices` names the new axes; by default they are the first unused
    letters. `shared` names an axis of both `y` and `x`, or is a pair of an axis of `y` and one of
    `x`, along which entry n of `y` depends on entry n of `x` alone: then the shape is that of `y`
    and of `x` without it, one block for each n.

    >>> derive("is,st,tj->ij", 0).subscripts
    'ia,bt,tj->ijab'
    >>> derive("is,st,tj->ij", 1, indices="pq").subscripts
    'ip,qj->ijpq'
    >>> derive("nd,de->ne", 0, shared="n").compact
    'ae->nea'

    Raises EinderivError for an unknown name or position (a tensor that does not occur gives a
    zero), and where a term couples the entries along a shared axis; LimitError beyond
    ``limits.order`` derivatives. Source of the rules: Laue, Mitterreiter, Giesen, "A Simple and
    Efficient Tensor Calculus", AAAI 2020; the elimination of deltas is unification.
    """
    y = _expression(y)
    limits.check("order", _order(y) + 1)
    base, targets = resolved(y, wrt)
    # one block for each index of the shared axis
    if shared is not None:
        return mapped(lambda t: _batched(y, base, t, shared_axes(y, t, shared), indices), targets)
    # of a tensor: forwards, once for each target
    if y.ndim > 0:
        return mapped(lambda t: _derived(y, base, t, indices), targets)
    # of a scalar: backwards, once for all targets
    cotangents = _pulled(y, base, targets, filled(1, (), ()))
    names_for = cache(lambda count: _names_for(y, count, indices))  # which reads all letters of `y`

    def gradient(t: Wrt) -> Expr:
        names = names_for(t.tensor.ndim)
        return _result(y, base, t, cotangents.get(t.tensor.name), (), names)

    return mapped(gradient, targets)


def jacobian(
    y: Expr | str, wrt: Any, indices: Sequence[str] | None = None, *, shared: Any = None
) -> Any:
    """The same as :func:`derive`.

    >>> jacobian("ij,j->i", 1).compact
    'ia->ia'
    """
    return derive(y, wrt, indices, shared=shared)


def grad(y: Expr | str, wrt: Any, *, convention: str | None = None) -> Any:
    """``grad(y, x).shape == x.shape``: the derivative of a scalar.

    By a tensor Z declared complex it is ∂y/∂Z. For a real `y`, or the real part of another, the
    `convention` ``"jax"`` gives 2 ∂y/∂Z, as JAX does, and ``"torch"`` gives 2 ∂y/∂conj(Z), as
    PyTorch does, which is the direction of steepest ascent.

    >>> grad("i,ij,j->", 1).subscripts
    'a,b->ab'
    >>> from einderiv import conj, sum, tensor
    >>> Z = tensor("Z", "i", complex=True)
    >>> print(grad(sum(Z * conj(Z)), Z, convention="torch"))
    2 * Z

    Raises TypeError if `y` is no scalar, EinderivError for an unknown convention.
    """
    y = _expression(y)
    _check_scalar(y, "grad", "derive gives the Jacobian")
    if convention is None:
        return derive(y, wrt)
    if convention not in ("jax", "torch"):
        raise EinderivError(f"no convention is called {convention!r}; there are 'jax' and 'torch'")
    known = tensors_of(y)
    is_real = same(y, conj(y))

    def gradient(leaf: Any) -> Any:
        tensor = known.get(leaf) if isinstance(leaf, str) else leaf
        if not isinstance(tensor, Expr) or not tensor.complex:
            return derive(y, leaf)
        z, conjugate = tensor, conj(tensor)
        if convention == "torch":
            z, conjugate = conjugate, z
        # 2 ∂y/∂z
        if is_real:
            return times(derive(y, z), 2)
        # 2 ∂ Re y/∂z = ∂y/∂z + conj(∂y/∂z̄)
        return added([derive(y, z), conj(derive(y, conjugate))])

    return mapped(gradient, wrt)


def value_and_grad(y: Expr | str, wrt: Any, *, convention: str | None = None) -> tuple[Expr, Any]:
    """``(y, grad(y, wrt))``, to be evaluated together.

    >>> value_and_grad("i,i->", 0)[1].subscripts
    'a->a'

    Raises TypeError if `y` is no scalar.
    """
    y = _expression(y)
    return y, grad(y, wrt, convention=convention)


def hessian(y: Expr | str, wrt: Any, wrt2: Any = None, *, shared: Any = None) -> Any:
    """``hessian(y, x, z).shape == x.shape + z.shape``: the second derivative of a scalar, by `wrt`
    and then `wrt2`.

    Without `wrt2` both are `wrt`; for a list of n tensors the answer is n lists of n. `shared`
    names an axis of both, or is a pair of axes, along which entries are not coupled: then the shape
    is that of `wrt` and of `wrt2` without it, one block for each entry.

    >>> from einderiv import tensor
    >>> A, x = tensor("A", "nn"), tensor("x", "n")
    >>> [term.subscripts for term in hessian(einsum("i,ij,j->", x, A, x), x).terms]
    ['ab->ab', 'ba->ab']

    >>> from einderiv import sum
    >>> X = tensor("X", "nd")
    >>> hessian(sum(einsum("nd,nd->n", X, X) ** 2), X, shared="n").ndim
    3

    Raises TypeError if `y` is no scalar; EinderivError where entries along a shared axis are
    coupled.
    """
    y = _expression(y)
    _check_scalar(y, "hessian", "derive twice gives the second derivative of anything")
    base, first = resolved(y, wrt)
    base, second = (base, first) if wrt2 is None else resolved(y, wrt2, base)
    check_apart(y, [*leaves(first), *leaves(second)])

    # Forwards over backwards.
    def row(t: Wrt) -> Any:
        name = t.tensor.name
        cotangents = pullback(base.expression, [name], filled(1, (), ()))
        # Its slots stay replaced: they are derived by once more.
        gradient = _result(
            y, Base(y, {}), t, cotangents.get(name), (), _names_for(y, t.tensor.ndim, None)
        )
        apart = Base(gradient, {})

        def second_derivative(s: Wrt) -> Expr:
            if shared is None:
                return _derived(gradient, apart, s, None)
            return _batched(gradient, apart, s, shared_of_both(y, t, s, shared), None)

        return mapped(lambda s: base.restored(second_derivative(s)), second)

    return mapped(row, first)


def jvp(y: Expr | str, wrt: Any, tangent: Any) -> Expr:
    """``jvp(y, x, v).shape == y.shape``: the derivative of `y` in the direction `v`, of the shape
    of `x`.

    For a list of tensors `tangent` is a list of directions, and the answer their sum.

    >>> str(jvp("ij,j->i", 1, "v"))
    'einsum("ij,j->i", A, v)'

    Raises ShapeError if a tangent has not the axes of its tensor.
    """
    y = _expression(y)
    base, targets = resolved(y, wrt)
    pairs = paired(targets, tangent)
    named = [pair for pair in pairs if not pair[0].is_hidden]
    slots = [pair for pair in pairs if pair[0].is_hidden]
    # A name means its occurrences in all slots, also in those that are counted: two passes.
    parts: list[Expr] = []
    if named:
        parts.append(_pushed(y, y, named))
    if slots:
        parts.append(base.restored(_pushed(y, base.expression, slots)))
    result = parts[0] if len(parts) == 1 else dressed(added(parts), axes=y.axes, origins=(y,))
    tensors_of(result)  # a direction may be called like a tensor of other axes
    return result


def vjp(y: Expr | str, wrt: Any, cotangent: Any) -> Any:
    """``vjp(y, x, u).shape == x.shape``: `u`, of the shape of `y`, times the Jacobian. Nothing is
    conjugated.

    >>> vjp("ij,j->i", 1, "u").subscripts
    'i,ia->a'

    Raises ShapeError if the cotangent has not the axes of `y`.
    """
    y = _expression(y)
    base, targets = resolved(y, wrt)
    u = aligned(cotangent, y, "the cotangent")
    cotangents = _pulled(y, base, targets, u)
    return mapped(lambda t: _result(y, base, t, cotangents.get(t.tensor.name), (u,)), targets)


def hvp(y: Expr | str, wrt: Any, vector: Any) -> Any:
    """``hvp(y, x, v).shape == x.shape``: the Hessian of a scalar times `v`; the Hessian is never
    formed.

    For a list of tensors `vector` is a list, and the answer too.

    >>> str(hvp("i,ij,j->", 0, "v"))
    'zeros[a]'
    >>> from einderiv import tensor
    >>> x = tensor("x", "n")
    >>> hvp(einsum("i,i->", x, x), x, "v").coefficient
    2

    Raises TypeError if `y` is no scalar.
    """
    # Forwards over backwards: the tangent of the gradient, one node for each of the gradient's. The
    # direction may contain the tensor itself and still counts as constant, for only the gradient is
    # derived.
    y = _expression(y)
    _check_scalar(y, "hvp", "jvp takes any expression")
    base, targets = resolved(y, wrt)
    check_apart(y, leaves(targets))
    gradients = pullback(
        base.expression, {t.tensor.name for t in leaves(targets)}, filled(1, (), ())
    )
    pairs = paired(targets, vector)

    def product(t: Wrt) -> Expr:
        gradient = gradients.get(t.tensor.name)
        if gradient is None:
            gradient = zero(t.tensor.axis_sizes, t.tensor.axes)
        return base.restored(_pushed(y, gradient, pairs))

    return mapped(product, targets)


def _expression(y: object) -> Expr:
    if isinstance(y, str):
        return einsum(y)
    if not isinstance(y, Expr):
        raise TypeError(
            f"what is derived must be an expression or an einsum string, not {type(y).__name__}"
        )
    return y


def _check_scalar(y: Expr, what: str, instead: str) -> None:
    if y.ndim:
        raise TypeError(
            f"{what} needs a scalar, but {called(y)} has {counted(y.ndim, 'axis')}; {instead}"
        )


def _order(y: Expr) -> int:
    """How often `y` has been derived already."""
    order = 0
    while y.record is not None:
        y = y.record.of
        order += 1
    return order


def _names_for(y: Expr, count: int, indices: Sequence[str] | None) -> tuple[str, ...]:
    """Names for the new axes of a derivative: `indices`, or the first unused letters."""
    if indices is None:
        return new_axes(y, count)
    if not isinstance(indices, (str, list, tuple)):
        raise TypeError(
            f"indices must be a string or a list of names, not {type(indices).__name__}"
        )
    text = indices if isinstance(indices, str) else None
    has_words = text is not None and " " in text
    names = tuple(text.split()) if text is not None and has_words else tuple(indices)
    for name in names:
        check_name(name, "an axis", text)
    if len(names) != count:
        raise EinderivError(
            f"indices {indices!r} names {counted(len(names), 'axis')}, but wrt has {count}"
        )
    taken = set(axis_names(y))
    for p, name in enumerate(names):
        if name in taken or name in names[:p]:
            raise EinderivError(
                f"indices {indices!r}: {name!r} already names an axis of the derivative"
            )
    return names


def _pulled(y: Expr, base: Base, targets: Any, cotangent: Expr) -> dict[str, Expr]:
    """Backwards for all targets: a name means its occurrences in all slots, also in those that
    are counted.
    """
    names = {t.tensor.name for t in leaves(targets) if not t.is_hidden}
    slots = {t.tensor.name for t in leaves(targets) if t.is_hidden}
    cotangents: dict[str, Expr] = {}
    if names:
        cotangents |= pullback(y, names, cotangent)
    if slots:
        cotangents |= pullback(base.expression, slots, cotangent)
    return cotangents


def _derived(y: Expr, base: Base, t: Wrt, indices: Sequence[str] | None) -> Expr:
    """Forwards, with the identity map as the tangent of the tensor."""
    names = _names_for(y, t.tensor.ndim, indices)
    seed = identity(t.tensor.axis_sizes, t.tensor.axes, names)
    inner = base.expression if t.is_hidden else y
    derivative = pushforward(inner, {t.tensor.name: seed}, names)
    return _result(y, base, t, derivative, (), names)


def _batched(
    y: Expr, base: Base, t: Wrt, axes: tuple[int, int], indices: Sequence[str] | None
) -> Expr:
    """The diagonal over a shared axis. Off it the derivative is zero, so the diagonal is also the
    sum over the axis of the tensor: the derivative in directions that are the same for all n,
    ``->nab…ab…`` instead of ``->nab…nab…``.
    """
    x = t.tensor
    p, q = axes  # of y, and of x
    _check_uncoupled(_derived(y, base, t, None), p, y.ndim + q, t)
    names = _names_for(y, x.ndim - 1, indices)
    labels = tuple(range(x.ndim))
    others = labels[:q] + labels[q + 1 :]
    given = tuple(zip(labels, x.axis_sizes, strict=True))
    seed = Einsum(1, (), (), labels + others, given, axes=(*x.axes, *names))
    inner = base.expression if t.is_hidden else y
    derivative = pushforward(inner, {x.name: seed}, names)
    origins = (y,) if t.is_hidden else (y, x)
    shown = (*axis_names(y), *names)
    if derivative is None or is_zero(derivative):
        sizes = tuple([x.axis_sizes[k] for k in others])
        return zero(y.axis_sizes + sizes, shown, origins)
    return dressed(opened(base.restored(derivative)), axes=shown, origins=origins)


def _check_uncoupled(J: Expr, p: int, q: int, t: Wrt) -> None:
    """Raise unless axes `p` and `q` are tied in every term."""
    terms = J.addends if isinstance(J, Add) else (J,)
    for term in terms:
        classes = ties(term)
        if classes[p] != classes[q]:
            raise EinderivError(
                f"axis {axis_names(J)[p]} is not shared: entries of it depend on others of "
                f"{t.label}, in the term {dressed(term, axes=J.axes)}"
            )


def _result(
    y: Expr,
    base: Base,
    t: Wrt,
    derivative: Expr | None,
    origins: tuple[Expr, ...],
    names: tuple[str, ...] | None = None,
) -> Expr:
    """A derivative as it is handed out: with the names of its axes, what it came from, and its
    record.
    """
    x = t.tensor
    axes: tuple[str | None, ...]
    record = None
    if names is not None:
        axes = (*axis_names(y), *names)
        sizes = y.axis_sizes + x.axis_sizes
        record = Record(y, t.label, x.ndim, t.position)
    else:
        # A product with a (co)tangent has the shape of the tensor, and no new axes.
        axes = x.axes if any(x.axes) else new_axes(y, x.ndim)
        sizes = x.axis_sizes
    origins = (y, *origins) if x.name.startswith("#") else (y, x, *origins)
    if derivative is None or is_zero(derivative):
        return dressed(zero(sizes, axes, origins), record=record)
    result = opened(base.restored(derivative))
    result = dressed(result, axes=axes, origins=origins, record=record)
    if names is None:
        tensors_of(result)  # a cotangent may be called like a tensor of other axes
    return result


def _pushed(y: Expr, base: Expr, pairs: list[tuple[Wrt, Any]]) -> Expr:
    """The derivative of `base` in the directions that are paired with targets."""
    seeds: dict[str, Expr] = {}
    tensors: list[Expr] = []
    for t, direction in pairs:
        seeds[t.tensor.name] = aligned(direction, t.tensor, f"the direction for {t.label}")
        if not t.tensor.name.startswith("#"):
            tensors.append(t.tensor)
    derivative = pushforward(base, seeds)
    origins = (y, *tensors, *seeds.values())
    if derivative is None or is_zero(derivative):
        return zero(base.axis_sizes, base.axes, origins)
    return dressed(opened(derivative), axes=base.axes, origins=origins)
