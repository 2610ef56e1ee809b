"""Rows with core axes that are reduced or normalised: softmax, the largest entry, products; over
any axes.
"""

from __future__ import annotations

import builtins
import itertools
import math
from typing import Any

from ..errors import ShapeError
from ..expression import (
    Apply,
    Expr,
    as_expression,
    assemble,
    axes_of,
    letters,
    times,
    truth,
    viewed,
)
from .index_views import merged
from .table import (
    Axis,
    Bounds,
    Function,
    Sides,
    Terms,
    apply,
    argument,
    enter,
    labels_of,
    largest,
    no_axes,
    no_slope,
    power_bound,
    public,
    same_axes,
)


def _softmax(node: Apply) -> Terms:
    # ∂p_i/∂u_j = p_i δ_ij − p_i p_j
    batch, rows, columns = labels_of(node)
    axes = node.axes + node.axes[len(batch) :]
    diagonal = assemble(1, [(node, batch + rows)], batch + rows + rows, axes=axes)
    pair = [(node, batch + rows), (node, batch + columns)]
    outer = assemble(-1, pair, batch + rows + columns, axes=axes)
    return diagonal, outer


def _softmax_plain(np: Any, x: Any, axes: tuple[int, ...]) -> Any:
    top = np.real(x).max(axes, keepdims=True)
    powers = np.exp(x - top)
    return powers / powers.sum(axes, keepdims=True)


def _logsumexp(node: Apply) -> Terms:
    return (apply("softmax", argument(node), node.core),)


def _logsumexp_plain(np: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """With the axes kept, of size 1."""
    top = np.real(x).max(axes, keepdims=True)
    total = np.exp(x - top).sum(axes, keepdims=True)
    return np.log(total) + top


def _log_softmax(node: Apply) -> Terms:
    # ∂ log p_i/∂u_j = δ_ij − p_j
    batch, rows, columns = labels_of(node)
    given = tuple(zip(batch + rows, node.axis_sizes, strict=True))
    axes = node.axes + node.axes[len(batch) :]
    p = apply("softmax", argument(node), node.core)
    delta = assemble(1, [], batch + rows + rows, axes=axes, given=given)
    repeated = assemble(-1, [(p, batch + columns)], batch + rows + columns, axes=axes, given=given)
    return delta, repeated


def _norm(node: Apply) -> Terms:
    return (apply("unit_vector", argument(node), node.core),)


def _unit(node: Apply) -> Terms:
    # ∂u_i/∂x_j = (δ_ij − u_i u_j) / ‖x‖: written with u, so that nothing is squared that is large
    batch, rows, columns = labels_of(node)
    given = tuple(zip(batch + rows, node.axis_sizes, strict=True))
    axes = node.axes + node.axes[len(batch) :]
    inverse = apply("pseudo_reciprocal", apply("norm", argument(node), node.core))
    slots = [(inverse, batch)]
    diagonal = assemble(1, slots, batch + rows + rows, axes=axes, given=given)
    pair = [*slots, (node, batch + rows), (node, batch + columns)]
    outer = assemble(-1, pair, batch + rows + columns, axes=axes)
    return diagonal, outer


def _unit_shown(node: Apply) -> Expr:
    """``x / ‖x‖``, as it is printed."""
    x = argument(node)
    labels = tuple(range(x.ndim))
    inverse = apply("pseudo_reciprocal", apply("norm", x, node.core))
    slots = [(x, labels), (inverse, labels[: x.ndim - node.core])]
    return assemble(1, slots, labels, axes=node.axes, letters=letters(labels, x.axes))


def _norm_squared(node: Apply) -> Expr:
    x = argument(node)
    labels = tuple(range(x.ndim))
    kept = labels[: x.ndim - node.core]
    names = letters(labels, x.axes)
    # Undeclared complex arrays stay refused: the conjugate was met.
    met = () if x.complex else (apply("conj", x),)
    slots = [(x, labels), (x, labels)]
    return assemble(1, slots, kept, axes=node.axes, letters=names, origins=met)


def _norm_plain(np: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """With the axes kept, of size 1."""
    return np.sqrt((x * x).sum(axes, keepdims=True))


def _p_norm(node: Apply) -> Terms:
    return (apply("p_slope", argument(node), node.core, node.parameters),)


def _p_slope(node: Apply) -> Terms:
    # s_i = sign(x_i) r_i^(p-1) with r = |x|/‖x‖: ∂s_i/∂x_j = (p-1) (δ_ij r_i^(p-2) - s_i s_j) / ‖x‖
    (p,) = node.parameters
    batch, rows, columns = labels_of(node)
    axes = node.axes + node.axes[len(batch) :]
    x = argument(node)
    length = apply("p_norm", x, node.core, node.parameters)
    inverse = (apply("pseudo_reciprocal", length), batch)
    shares = assemble(1, [(apply("abs", x), batch + rows), inverse], batch + rows, axes=node.axes)
    power = apply("power", shares, 0, (p - 2,))
    given = tuple(zip(batch + rows, node.axis_sizes, strict=True))
    slots = [(power, batch + rows), inverse]
    diagonal = assemble(p - 1, slots, batch + rows + rows, axes=axes, given=given)
    pair = [(node, batch + rows), (node, batch + columns), inverse]
    return diagonal, assemble(1 - p, pair, batch + rows + columns, axes=axes)


def _p_norm_plain(np: Any, x: Any, p: float, axes: tuple[int, ...]) -> Any:
    return (np.abs(x) ** p).sum(axes) ** (1 / p)


def _p_slope_plain(np: Any, x: Any, p: float, axes: tuple[int, ...]) -> Any:
    length = (np.abs(x) ** p).sum(axes, keepdims=True) ** (1 / p)
    return np.sign(x) * (np.abs(x) / length) ** (p - 1)


def _max(node: Apply) -> Terms:
    return (apply("at_max", argument(node), node.core),)


def _min(node: Apply) -> Terms:
    return (apply("at_min", argument(node), node.core),)


def _shares_plain(np: Any, x: Any, top: Any, axes: tuple[int, ...]) -> Any:
    at = np.where(x == top, 1.0, 0.0)
    return at / at.sum(axes, keepdims=True)


def _prod(node: Apply) -> Terms:
    # The product of all but some entries, by one more of them, leaves out that one too; twice the
    # same gives 0.
    (out,) = node.parameters
    return (apply("prod", argument(node), node.core, (out + 1,)),)


def _left_out(
    arguments: tuple[Expr, ...], core: int, parameters: tuple[Any, ...]
) -> tuple[Axis, ...]:
    out: int = parameters[0]
    return same_axes(arguments, core, ()) * out


def _bound_prod(bounds: Bounds, parameters: tuple[Any, ...], sides: Sides) -> int:
    # n entries without those left out; where none is left, 1 or 0
    left = math.prod(sides) - parameters[0]
    return power_bound(bounds[0] or 1, left) if left > 0 else 1


def _prod_plain(np: Any, x: Any, out: int, axes: tuple[int, ...]) -> Any:
    """For every choice of `out` entries, the product of all others, by loops."""
    batch = x.shape[: x.ndim - len(axes)]
    flat = x.reshape(*batch, -1)
    n = flat.shape[-1]
    products = np.zeros((*batch, *[n] * out), x.dtype)
    for gone in itertools.permutations(range(n), out):
        products[(..., *gone)] = np.delete(flat, gone, -1).prod(-1)
    return products


def _cumprod(node: Apply) -> Terms:
    # The product up to each entry without some, by one more of them, leaves out that one too.
    (out,) = node.parameters
    return (apply("cumprod", argument(node), 1, (out + 1,)),)


def _entries_and_left_out(
    arguments: tuple[Expr, ...], core: int, parameters: tuple[Any, ...]
) -> tuple[Axis, ...]:
    out: int = parameters[0]
    return same_axes(arguments, core, ()) * (out + 1)


def _cumprod_plain(np: Any, x: Any, out: int) -> Any:
    """For every choice of `out` entries, the products of all others up to each, by loops."""
    n = x.shape[-1]
    found = np.zeros((*x.shape[:-1], *[n] * (out + 1)), x.dtype)
    for gone in itertools.permutations(range(n), out):
        for last in range(builtins.max(gone, default=0), n):
            left = [k for k in range(last + 1) if k not in gone]
            found[(..., last, *gone)] = x[..., left].prod(-1)
    return found


_ROWS = (
    Function(
        "softmax",
        law="e^x / sum e^x over the core axes",
        derivatives=(_softmax,),
        derived="diag(p) - p p^T",
        source="Bishop, Pattern Recognition and Machine Learning (2006), chapter 4",
        spell={
            "numpy": "softmax({0}, {core})",
            "torch": "softmax({0}, {depth})",
            "jax": "softmax({0}, {core})",
            "julia": "exp.({0} .- maximum({0}, dims=ndims({0}))) ./ "
            "sum(exp.({0} .- maximum({0}, dims=ndims({0}))), dims=ndims({0}))",
        },
        latex=r"\operatorname{{softmax}}\left({0}\right)",
        plain=_softmax_plain,
        positive=True,
        sums_to_one=True,
        core=-1,
    ),
    Function(
        "log_softmax",
        law="x - log sum e^x over the core axes",
        derivatives=(_log_softmax,),
        derived="I - 1 softmax(x)^T",
        source="the sum rule, with logsumexp",
        spell={
            "numpy": "log_softmax({0}, {core})",
            "torch": "log_softmax({0}, {depth})",
            "jax": "log_softmax({0}, {core})",
        },
        latex=r"\log\operatorname{{softmax}}\left({0}\right)",
        plain=lambda np, x, axes: x - _logsumexp_plain(np, x, axes),
        core=-1,
    ),
    Function(
        "logsumexp",
        law="log sum e^x over the core axes",
        derivatives=(_logsumexp,),
        derived="softmax(x)",
        source="Boyd and Vandenberghe, Convex Optimization (2004), chapter 3",
        spell={
            "numpy": "logsumexp({0}, {core})",
            "torch": "logsumexp({0}, {depth})",
            "jax": "logsumexp({0}, {core})",
            "julia": "dropdims("
            "log.(sum(exp.({0} .- maximum({0}, dims=ndims({0}))), dims=ndims({0}))) .+ "
            "maximum({0}, dims=ndims({0})), dims=ndims({0}))",
        },
        latex=r"\operatorname{{logsumexp}}\left({0}\right)",
        plain=lambda np, x, axes: _logsumexp_plain(np, x, axes).squeeze(axes),
        core=-1,
        shape=no_axes,
    ),
    Function(
        "norm",
        law="the root of the sum of the squares over the core axes",
        derivatives=(_norm,),
        derived="unit(x)",
        source="Petersen and Pedersen, The Matrix Cookbook (2012), section 2.6",
        spell={
            "numpy": "norm({0}, {core})",
            "torch": "norm({0}, {depth})",
            "jax": "norm({0}, {core})",
        },
        latex=r"\left\|{0}\right\|",
        plain=lambda np, x, axes: _norm_plain(np, x, axes).squeeze(axes),
        kink="its derivative at 0 is 0",
        core=-1,
        shape=no_axes,
        squared=_norm_squared,
        of_moduli=True,
    ),
    Function(
        "p_norm",
        law="(sum |x|^p)^(1/p) over the core axes",
        derivatives=(_p_norm,),
        derived="sign(x) (|x|/norm)^(p - 1)",
        source="Boyd and Vandenberghe, Convex Optimization (2004), appendix A.1.2",
        spell={
            "numpy": "p_norm({0}, {core}, {1})",
            "torch": "p_norm({0}, {core}, {1})",
            "jax": "p_norm({0}, {core}, {1})",
        },
        latex=r"\left\|{0}\right\|_{{{1}}}",
        plain=_p_norm_plain,
        kink="its derivative at 0 is 0",
        core=-1,
        shape=no_axes,
        analytic=False,
    ),
    Function(
        "p_slope",
        law="sign(x) (|x|/norm)^(p - 1) over the core axes, with the norm of order p; 0 at 0",
        derivatives=(_p_slope,),
        derived="(p - 1) (diag((|x|/norm)^(p - 2)) - s s^T)/norm",
        source="the chain rule",
        spell={
            "numpy": "p_slope({0}, {core}, {1})",
            "torch": "p_slope({0}, {core}, {1})",
            "jax": "p_slope({0}, {core}, {1})",
        },
        latex=r"\operatorname{{slope}}_{{{1}}}\left({0}\right)",
        plain=_p_slope_plain,
        kink="0 at 0, and its derivative",
        core=-1,
        analytic=False,
    ),
    Function(
        "unit_vector",
        law="x / norm(x) over the core axes, 0 at 0",
        derivatives=(_unit,),
        derived="(I - u u^T) / norm(x)",
        source="Petersen and Pedersen, The Matrix Cookbook (2012), section 2.6",
        spell={
            "numpy": "unit_vector({0}, {core})",
            "torch": "unit_vector({0}, {depth})",
            "jax": "unit_vector({0}, {core})",
        },
        latex=r"\operatorname{{unit}}\left({0}\right)",
        plain=lambda np, x, axes: x / _norm_plain(np, x, axes),
        kink="0 at 0, and its derivative",
        shown=_unit_shown,
        core=-1,
        of_moduli=True,
    ),
    Function(
        "max",
        law="the largest entry over the core axes",
        derivatives=(_max,),
        derived="1 there, 0 elsewhere",
        source="definition, the entry that is the largest",
        spell={
            "numpy": "{0}.max(axis={core})",
            "torch": "torch.amax({0}, {core})",
            "jax": "{0}.max({core})",
        },
        latex=r"\max\left({0}\right)",
        plain=lambda np, x, axes: x.max(axes),
        kink="ties share equally",
        core=-1,
        shape=no_axes,
        analytic=False,
        integer=largest,
    ),
    Function(
        "min",
        law="the smallest entry over the core axes",
        derivatives=(_min,),
        derived="1 there, 0 elsewhere",
        source="definition, the entry that is the smallest",
        spell={
            "numpy": "{0}.min(axis={core})",
            "torch": "torch.amin({0}, {core})",
            "jax": "{0}.min({core})",
        },
        latex=r"\min\left({0}\right)",
        plain=lambda np, x, axes: x.min(axes),
        kink="ties share equally",
        core=-1,
        shape=no_axes,
        analytic=False,
        integer=largest,
    ),
    Function(
        "at_max",
        law="1 at the largest entry over the core axes, 0 elsewhere",
        derivatives=(no_slope,),
        derived="0",
        source="definition, constant between its jumps",
        spell={
            "numpy": "shares({0}, np.max, {core})",
            "torch": "shares({0}, torch.amax, {core})",
            "jax": "shares({0}, jnp.max, {core})",
        },
        latex=r"\operatorname{{at\_max}}\left({0}\right)",
        plain=lambda np, x, axes: _shares_plain(np, x, x.max(axes, keepdims=True), axes),
        kink="ties share equally; its derivative is 0",
        chooses=True,
        core=-1,
        analytic=False,
    ),
    Function(
        "at_min",
        law="1 at the smallest entry over the core axes, 0 elsewhere",
        derivatives=(no_slope,),
        derived="0",
        source="definition, constant between its jumps",
        spell={
            "numpy": "shares({0}, np.min, {core})",
            "torch": "shares({0}, torch.amin, {core})",
            "jax": "shares({0}, jnp.min, {core})",
        },
        latex=r"\operatorname{{at\_min}}\left({0}\right)",
        plain=lambda np, x, axes: _shares_plain(np, x, x.min(axes, keepdims=True), axes),
        kink="ties share equally; its derivative is 0",
        chooses=True,
        core=-1,
        analytic=False,
    ),
    Function(
        "prod",
        law="the product over the core axes, without n entries that n further axes tell",
        derivatives=(_prod,),
        derived="prod(x, n + 1)",
        source="the product rule",
        spell={
            "numpy": "products({0}, {depth}, {1})",
            "torch": "products({0}, {depth}, {1})",
            "jax": "products({0}, {depth}, {1})",
        },
        latex=r"\operatorname{{prod}}\left({0}\right)",
        plain=_prod_plain,
        integer=_bound_prod,
        core=-1,
        shape=_left_out,
    ),
    Function(
        "cumprod",
        law="the products up to each entry, without n entries that n further axes tell",
        derivatives=(_cumprod,),
        derived="cumprod(x, n + 1)",
        source="the product rule",
        spell={
            "numpy": "running_products({0}, {1})",
            "torch": "running_products({0}, {1})",
            "jax": "running_products({0}, {1})",
        },
        latex=r"\operatorname{{cumprod}}\left({0}\right)",
        plain=_cumprod_plain,
        integer=_bound_prod,
        core=1,
        shape=_entries_and_left_out,
    ),
)

enter(_ROWS)


@public
def softmax(e: object, axis: object = -1) -> Expr:
    """``softmax(e, axis)``: ``exp(e) / sum(exp(e), axis)``, computed without overflow.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.sum(ed.softmax(ed.tensor("x", "i"))), x=[1e4, 0.0, -1e4]))
    1.0

    Raises ShapeError for an axis that is not there.
    """
    return over("softmax", as_expression(e), axis)


@public
def log_softmax(e: object, axis: object = -1) -> Expr:
    """``log_softmax(e, axis)``: ``log(softmax(e, axis))``, computed without overflow and without
    cancellation.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.log_softmax(ed.tensor("x", "i")), x=[1e4, 0.0])
    array([     0., -10000.])

    Raises ShapeError for an axis that is not there.
    """
    return over("log_softmax", as_expression(e), axis)


@public
def logsumexp(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``logsumexp(e, axis)``: ``log(sum(exp(e), axis))``, computed without overflow; all axes by
    default.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.logsumexp(ed.tensor("x", "i")), x=[1e4, -1e4]))
    10000.0

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    return kept(over("logsumexp", found, axis), found, axis, keepdims)


@public
def max(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``max(e, axis)``: the largest entry over `axis`, all axes by default. Ties share the
    derivative equally.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.grad(ed.max(x), x), x=[3.0, 1.0, 3.0])
    array([0.5, 0. , 0.5])

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    return kept(over("max", found, axis), found, axis, keepdims)


@public
def min(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``min(e, axis)``: the smallest entry over `axis`, all axes by default. Ties share the
    derivative equally.

    >>> import einderiv as ed
    >>> int(ed.evaluate(ed.min(ed.tensor("x", "i")), x=[3, 1, 2]))
    1

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    return kept(over("min", found, axis), found, axis, keepdims)


@public
def prod(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``prod(e, axis)``: the product over `axis`, all axes by default. Zeros among the entries are
    no trouble.

    The derivative by an entry is the product of the others, never the product divided by it.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.grad(ed.prod(x), x), x=[2.0, 0.0, 5.0])
    array([ 0., 10.,  0.])

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    if not axes_of(found, axis):
        return times(found, 1)
    return kept(over("prod", found, axis, (0,)), found, axis, keepdims)


@public
def cumprod(e: object, axis: object = None) -> Expr:
    """``cumprod(e, axis)``: the product of the entries up to each; without an axis over all entries
    in row-major order. Zeros among the entries are no trouble.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.cumprod(ed.tensor("x", "i")), x=[1, 2, 3])
    array([1, 2, 6])

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    if axis is None:
        flat = merged(found, tuple(range(found.ndim)), place=0) if found.ndim else found
        return over("cumprod", flat, 0, (0,))
    if len(axes_of(found, axis)) != 1:
        raise TypeError(f"cumprod runs along one axis, not {axis!r}")
    return over("cumprod", found, axis, (0,))


def kept(result: Expr, e: Expr, axis: object, keepdims: object) -> Expr:
    """What was made of `e` over `axis`, with these axes of size 1 if `keepdims` says so."""
    if not truth(keepdims, "keepdims"):
        return result
    gone = axes_of(e, axis)
    output = range(e.ndim)
    return assemble(
        1,
        [(result, tuple([p for p in output if p not in gone]))],
        tuple(output),
        axes=tuple([None if p in gone else e.axes[p] for p in output]),
        given=tuple([(p, 1) for p in gone]),
    )


def over(name: str, e: Expr, axis: object, parameters: tuple[Any, ...] = ()) -> Expr:
    """A row with core axes, over any axes: they are moved last, and back behind the row."""
    core = axes_of(e, axis)
    if not e.ndim and name in ("max", "min", "logsumexp"):
        return e  # of the one entry, as in NumPy
    if not core:
        raise ShapeError(f"{name} needs at least one axis to work along")
    order = [p for p in range(e.ndim) if p not in core] + list(core)
    if order == list(range(e.ndim)):
        return apply(name, e, len(core), parameters)
    moved = viewed(e, range(e.ndim), order)
    applied = apply(name, moved, len(core), parameters)
    if applied.ndim < e.ndim:  # the core axes are gone, and the others are in order
        return applied
    return viewed(applied, order, range(e.ndim))
