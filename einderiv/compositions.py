"""Functions made of others: reductions over chosen axes, traces, norms, softmax.

One can sum, average, trace, build and read diagonals, multiply outer, measure; each is an einsum or a row of the table
on some of the axes.
"""

from __future__ import annotations

from . import algebra, functions
from .algebra import Operand, axes_of, check_axes, expression, multiply, operand, viewed
from .errors import ShapeError
from .expression import Apply, Expr, Number
from .unification import assemble


def divided(a: object, b: object) -> Expr:
    """``a / b``, elementwise."""
    left, right = operand(a), operand(b)
    if not isinstance(right, Expr):
        return algebra.divided(left, right)
    return multiply(left, functions.apply("reciprocal", right))


def sum(e: object, axis: object = None) -> Expr:
    """``sum(e, axis)``: the sum over `axis`, all axes by default; the others stay in order.

    `axis` is an int, the name of an axis, or a tuple of those.

    >>> import einderiv as ed
    >>> ed.sum(ed.tensor("X", "is"), "s").subscripts
    'is->i'

    Raises ShapeError for an axis that is not there.
    """
    return algebra.summed(expression(e), axis)


def mean(e: object, axis: object = None) -> Expr:
    """``mean(e, axis)``: the sum over `axis` divided by its size.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.mean(ed.tensor("x", "i")), x=[1.0, 2.0, 6.0]))
    3.0

    Raises ShapeError for an axis that is not there.
    """
    e = expression(e)
    gone = axes_of(e, axis)
    # The size is an einsum too: a summed label that no factor has.
    size = assemble(1, [], (), axes=(), given=tuple((p, e.sizes[p]) for p in gone))
    return multiply(functions.apply("reciprocal", size), algebra.summed(e, gone)) if gone else e


def trace(e: object) -> Expr:
    """``trace(e)``: the sum of the diagonal of a matrix, ``ii->``.

    >>> import einderiv as ed
    >>> ed.trace(ed.tensor("X", "ij")).subscripts
    'ii->'

    Raises ShapeError unless `e` has two axes.
    """
    e = expression(e)
    check_axes(e, (2,), "trace")
    return viewed(e, (0, 0), ())


def diag(e: object) -> Expr:
    """``diag(v)`` of a vector is the matrix ``i->ii``; of a matrix its diagonal ``ii->i``, as in NumPy.

    >>> import einderiv as ed
    >>> ed.diag(ed.tensor("v", "i")).compact
    'i->ii'

    Raises ShapeError unless `e` has one or two axes.
    """
    e = expression(e)
    check_axes(e, (1, 2), "diag")
    return viewed(e, (0,), (0, 0), names=(e.axes[0], None)) if e.ndim == 1 else viewed(e, (0, 0), (0,))


def outer(a: object, b: object) -> Expr:
    """``outer(a, b)``: all products of an entry of `a` with one of `b`; shape ``a.shape + b.shape``.

    >>> import einderiv as ed
    >>> ed.outer(ed.tensor("u", "i"), ed.tensor("v", "j")).subscripts
    'i,j->ij'
    """
    x, y = expression(a), expression(b)
    first, second = tuple(range(x.ndim)), tuple(range(x.ndim, x.ndim + y.ndim))
    names = algebra.letters(first + second, x.axes + y.axes)
    return assemble(1, [(x, first), (y, second)], first + second, axes=x.axes + y.axes, letters=names)


def norm_squared(e: object) -> Expr:
    """``norm_squared(e)``: the sum of the squares of all entries.

    >>> import einderiv as ed
    >>> ed.norm_squared(ed.tensor("x", "i")).subscripts
    'i,i->'
    """
    e = expression(e)
    labels = tuple(range(e.ndim))
    return assemble(1, [(e, labels)] * 2, (), axes=(), letters=algebra.letters(labels, e.axes))


def norm(e: object) -> Expr:
    """``norm(e)``: the root of the sum of the squares of all entries (Euclidean, Frobenius).

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.norm(ed.tensor("x", "i")), x=[3.0, 4.0]))
    5.0
    """
    return functions.apply("sqrt", norm_squared(e))


def softmax(e: object, axis: object = -1) -> Expr:
    """``softmax(e, axis)``: ``exp(e) / sum(exp(e), axis)``, computed without overflow.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.sum(ed.softmax(ed.tensor("x", "i"))), x=[1e4, 0.0, -1e4]))
    1.0

    Raises ShapeError for an axis that is not there.
    """
    return _over("softmax", expression(e), axis)


def logsumexp(e: object, axis: object = None) -> Expr:
    """``logsumexp(e, axis)``: ``log(sum(exp(e), axis))``, computed without overflow; all axes by default.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.logsumexp(ed.tensor("x", "i")), x=[1e4, -1e4]))
    10000.0

    Raises ShapeError for an axis that is not there.
    """
    return _over("logsumexp", expression(e), axis)


def _over(name: str, e: Expr, axis: object) -> Expr:
    """A row with core axes, over any axes: they are moved last, and back behind the row."""
    core = axes_of(e, axis)
    if not core:
        raise ShapeError(f"{name} needs at least one axis to work along")
    order = [p for p in range(e.ndim) if p not in core] + list(core)
    moved = e if order == list(range(e.ndim)) else viewed(e, range(e.ndim), order)
    found: Apply = functions.apply(name, moved, len(core))
    if order == list(range(e.ndim)) or found.ndim < e.ndim:
        return found
    return viewed(found, order, range(e.ndim))


def subtracted(a: Operand, b: Operand) -> Expr:
    """``a - b``."""
    return algebra.add(a, algebra.times(b, -1) if isinstance(b, Expr) else -b)


def negated(e: Expr) -> Expr:
    """``-e``."""
    minus: Number = -1
    return algebra.times(e, minus)
