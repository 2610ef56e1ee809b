"""Functions made of others: sums and means over chosen axes, traces, norms, losses, normalisation.

Each is an einsum, or rows of the table on some of the axes.
"""

from __future__ import annotations

import math

from .. import expression
from ..errors import EinderivError, ShapeError, counted, limits
from ..expression import (
    Expr,
    Operand,
    as_expression,
    assemble,
    axes_of,
    called,
    checked,
    multiply,
    named_alike,
    number,
    operand,
    times,
    viewed,
)
from . import table
from .complex import abs_, conj
from .elementwise import not_equal, raised, reciprocal
from .logarithms import quotient_of
from .reductions import kept, log_softmax, max, min, over
from .spectral import largest_singular_value, nuclear_norm


def divided(a: object, b: object) -> Expr:
    """``a / b``, elementwise."""
    left, right = named_alike(operand(a), operand(b))
    if not isinstance(right, Expr):
        if right == 0:
            raise EinderivError("division by the number 0")
        assert isinstance(left, Expr)
        # 1/1 is the fraction 1.0, which would take whole numbers to floats.
        unchanged = isinstance(right, int) and abs(right) == 1
        return times(left, right if unchanged else 1 / right)
    if isinstance(left, Expr):
        expression.common_axes((left, right))  # says so if they do not fit
    known = quotient_of(left, right) if isinstance(left, Expr) else None
    return multiply(left, reciprocal(right)) if known is None else known


@table.public
def sum(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``sum(e, axis)``: the sum over `axis`, all axes by default; the others stay in order.

    `axis` is an int, the name of an axis, or a tuple of those; with `keepdims` it stays, with size
    1, as in NumPy.

    >>> import einderiv as ed
    >>> X = ed.tensor("X", "is")
    >>> ed.sum(X, "s").subscripts
    'is->i'
    >>> ed.evaluate(X / ed.sum(X, 1, keepdims=True), X=[[1, 3], [4, 4]]).tolist()
    [[0.25, 0.75], [0.5, 0.5]]

    Raises ShapeError for an axis that is not there.
    """
    found = as_expression(e)
    return kept(summed(found, axis), found, axis, keepdims)


def summed(e: Expr, axis: object) -> Expr:
    """The sum of an expression over `axis`."""
    gone = axes_of(e, axis)
    if not gone:
        return e
    labels = range(e.ndim)
    return viewed(e, labels, [label for label in labels if label not in gone])


@table.public
def mean(e: object, axis: object = None, *, keepdims: object = False) -> Expr:
    """``mean(e, axis)``: the sum over `axis` divided by its size.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.mean(ed.tensor("x", "i")), x=[1.0, 2.0, 6.0]))
    3.0

    Raises ShapeError for an axis that is not there.
    """
    e = as_expression(e)
    gone = axes_of(e, axis)
    if not gone:
        return e
    share = table.apply("reciprocal", _count(e, gone))
    return kept(multiply(share, summed(e, gone)), e, axis, keepdims)


@table.public
def trace(e: object) -> Expr:
    """``trace(e)``: the sum of the diagonal of a matrix, ``ii->``.

    >>> import einderiv as ed
    >>> ed.trace(ed.tensor("X", "ij")).subscripts
    'ii->'

    Raises ShapeError unless `e` has two axes.
    """
    e = as_expression(e)
    _check_axes(e, (2,), "trace")
    return viewed(e, (0, 0), ())


def _check_axes(e: Expr, wanted: tuple[int, ...], what: str) -> None:
    """Raise unless `e` has one of the wanted numbers of axes."""
    limits.check("axes", e.ndim)
    if e.ndim not in wanted:
        raise ShapeError(
            f"{what} needs {' or '.join(map(str, wanted))} axes, but {called(e)} has {e.ndim}"
        )


@table.public
def diag(e: object) -> Expr:
    """``diag(v)`` of a vector is the matrix ``i->ii``; of a matrix its diagonal ``ii->i``, as in
    NumPy.

    >>> import einderiv as ed
    >>> ed.diag(ed.tensor("v", "i")).compact
    'i->ii'

    Raises ShapeError unless `e` has one or two axes.
    """
    e = as_expression(e)
    _check_axes(e, (1, 2), "diag")
    if e.ndim == 1:  # i->ii
        return viewed(e, (0,), (0, 0), names=(e.axes[0], None))
    return viewed(e, (0, 0), (0,))  # ii->i


@table.public
def outer(a: object, b: object) -> Expr:
    """``outer(a, b)``: all products of an entry of `a` with one of `b`; shape ``a.shape +
    b.shape``.

    >>> import einderiv as ed
    >>> ed.outer(ed.tensor("u", "i"), ed.tensor("v", "j")).subscripts
    'i,j->ij'

    Raises LimitError for more axes than an array has.
    """
    x, y = as_expression(a), as_expression(b)
    limits.check("axes", x.ndim + y.ndim)
    first = tuple(range(x.ndim))
    second = tuple(range(x.ndim, x.ndim + y.ndim))
    both, axes = first + second, x.axes + y.axes
    names = expression.letters(both, axes)
    return assemble(1, [(x, first), (y, second)], both, axes=axes, letters=names)


@table.public
def norm_squared(e: object) -> Expr:
    """``norm_squared(e)``: the sum of the squares of all entries; of ``|e|²`` where `e` is declared
    complex.

    >>> import einderiv as ed
    >>> ed.norm_squared(ed.tensor("x", "i")).subscripts
    'i,i->'
    """
    e = as_expression(e)
    return _squares(e, tuple(range(e.ndim)))


def _squares(e: Expr, gone: tuple[int, ...]) -> Expr:
    """The sum of the squares over the axes `gone`; of the squared moduli, where complex numbers
    are declared.
    """
    labels = tuple(range(e.ndim))
    kept = tuple(p for p in labels if p not in gone)
    # Where no complex numbers are declared the conjugate is e, but it was met: complex arrays are
    # refused, for their squares are not their squared moduli.
    met = () if e.complex else (table.apply("conj", e),)
    return assemble(
        1,
        [(e, labels), (conj(e) if e.complex else e, labels)],
        kept,
        axes=tuple(e.axes[p] for p in kept),
        letters=expression.letters(labels, e.axes),
        origins=met,
    )


@table.public
def norm(e: object, order: object = None, axis: object = None, *, keepdims: object = False) -> Expr:
    """``norm(e, order, axis)``: as ``numpy.linalg.norm``; by default the root of the sum of the
    squares of all entries.

    `order` over one axis: 1 is the sum of the absolute values, 2 the Euclidean length, infinity the
    largest absolute value and -infinity the smallest, 0 how many are not 0, and another number p
    ``sum(abs(e)**p)**(1/p)``. Over two axes, those of a matrix: 1 is the largest sum of a column,
    infinity that of a row, 2 the largest singular value, ``"nuc"`` the sum of the singular values,
    ``"fro"`` Frobenius. At 0 the derivative is 0, as in PyTorch, but for ``"nuc"``: there it is
    ``U @ Vt`` of the singular vectors. Lengths near the ends of the range of floats neither
    overflow nor vanish. Complex tensors must be declared so: of others complex arrays are refused.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.norm(ed.tensor("x", "i")), x=[3.0, 4.0]))
    5.0
    >>> float(ed.evaluate(ed.norm(ed.tensor("x", "i"), 1), x=[3.0, -4.0]))
    7.0

    Raises ShapeError for axes that are not there, EinderivError for other orders.
    """
    e = as_expression(e)
    chosen = axes_of(e, axis)
    found = _of_order(e, order, chosen)
    return kept(found, e, axis, keepdims)


def _of_order(e: Expr, order: object, axes: tuple[int, ...]) -> Expr:
    known = order if order in ("fro", "nuc") and isinstance(order, str) else number(order)
    if known is None and order is None:
        return _length(e, axes)
    if len(axes) not in (1, 2):
        raise EinderivError(f"the norm of order {order} takes one axis or two, not {len(axes)}")
    if isinstance(known, complex) or known is None or known != known:
        raise EinderivError(f"no norm of order {order!r} is known; there are {_ORDERS[len(axes)]}")
    if len(axes) == 2:
        return _of_matrix(e, order, known, axes)
    if isinstance(known, str):
        raise EinderivError(f"the norm of order {order!r} takes two axes, not 1")
    match known:
        case 2:
            return _length(e, axes)
        case 0:
            return summed(not_equal(e, 0), axes)
        case 1:
            return summed(abs_(e), axes)
        case math.inf:
            return max(abs_(e), axes)
        case _ if known == -math.inf:
            return min(abs_(e), axes)
    return over("p_norm", abs_(e) if e.complex else e, axes, (known,))


_ORDERS = {1: "numbers", 2: "1, 2, infinity, 'fro' and 'nuc'"}


def _of_matrix(e: Expr, order: object, known: float | str, axes: tuple[int, ...]) -> Expr:
    if known == "fro":
        return _length(e, axes)
    if known in (1, math.inf):
        return _by_size(abs_(e), axes, known == 1)
    if known not in (2, "nuc"):
        raise EinderivError(f"no norm of order {order!r} is known; there are {_ORDERS[2]}")
    left = [p for p in range(e.ndim) if p not in axes]
    matrix = viewed(e, range(e.ndim), [*left, *axes])
    return nuclear_norm(matrix) if known == "nuc" else largest_singular_value(matrix)


def _length(e: Expr, axes: tuple[int, ...]) -> Expr:
    """The Euclidean length over `axes`; of the moduli, where complex numbers are declared."""
    real = abs_(e) if e.complex or not axes else e
    return over("norm", real, axes) if axes else real


def _by_size(sizes: Expr, axes: tuple[int, ...], one: bool) -> Expr:
    """The largest sum of absolute values of a column, or of a row."""
    row, column = axes
    gone, left = (row, column) if one else (column, row)
    sums = summed(sizes, gone)
    # Behind the axis that is gone the others move up.
    return max(sums, left - 1 if left > gone else left)


@table.public
def var(e: object, axis: object = None, *, ddof: object = 0, keepdims: object = False) -> Expr:
    """``var(e, axis)``: the mean square distance from the mean, divided by ``n - ddof``, as in
    NumPy.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.var(ed.tensor("x", "i")), x=[1.0, 2.0, 6.0]).round(3))
    4.667

    Raises ShapeError for an axis that is not there, TypeError unless `ddof` is a number.
    """
    e = as_expression(e)
    free = _free(e, axis, ddof)
    gone = axes_of(e, axis)
    if not gone:
        return times(e, 0)
    total = _squares(_centred(e, gone), gone)
    return kept(multiply(table.apply("reciprocal", free), total), e, axis, keepdims)


@table.public
def std(e: object, axis: object = None, *, ddof: object = 0, keepdims: object = False) -> Expr:
    """``std(e, axis)``: the square root of :func:`var`; its derivative at equal entries is 0.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.std(ed.tensor("x", "i")), x=[1.0, 3.0]))
    1.0

    Raises ShapeError for an axis that is not there.
    """
    e = as_expression(e)
    free = _free(e, axis, ddof)
    gone = axes_of(e, axis)
    if not gone:
        return times(e, 0)
    length = _length(_centred(e, gone), gone)
    found = multiply(table.apply("reciprocal", table.apply("sqrt", free)), length)
    return kept(found, e, axis, keepdims)


def _free(e: Expr, axis: object, ddof: object) -> Expr:
    """``n - ddof`` for the n entries of `axis`, as a variance divides by it."""
    lost = number(ddof)
    if lost is None or isinstance(lost, complex):
        raise TypeError(f"ddof must be a number, not {ddof!r}")
    if not math.isfinite(lost):
        raise EinderivError(f"ddof must be a finite number, not {ddof!r}")
    free = expression.add(_count(e, axes_of(e, axis)), -lost)
    # With fewer entries than that nothing is left to divide by, as in NumPy: never a negative
    # variance.
    return table.apply("relu", free) if lost > 0 else free


def _count(e: Expr, axes: tuple[int, ...]) -> Expr:
    """How many entries `axes` have: a number if that is known, else an einsum of summed labels that
    no factor has.
    """
    known = [size for size in (e.axis_sizes[p] for p in axes) if isinstance(size, int)]
    if len(known) == len(axes):
        return as_expression(math.prod(known))
    summed = tuple((p, e.axis_sizes[p]) for p in axes)
    return assemble(1, [], (), axes=(), given=summed)


def _centred(e: Expr, axes: tuple[int, ...]) -> Expr:
    middle = _repeated(mean(e, axes), e, axes)
    return expression.add(e, times(middle, -1))


def _repeated(e: Expr, like: Expr, axes: tuple[int, ...]) -> Expr:
    """`e`, which has the axes of `like` without `axes`, with all of them again."""
    labels = range(like.ndim)
    kept = [p for p in labels if p not in axes]
    given = tuple((p, like.axis_sizes[p]) for p in axes)
    return viewed(e, kept, labels, given=given, names=like.axes)


@table.public
def dot(a: object, b: object) -> Expr:
    """``dot(a, b)``: as ``numpy.dot``: the last axis of `a` with the second but last, or only, axis
    of `b`.

    >>> import einderiv as ed
    >>> ed.dot(ed.tensor("A", "ij"), ed.tensor("x", "j")).subscripts
    'ij,j->i'

    Raises ShapeError for sizes that do not fit.
    """
    x, y = as_expression(a), as_expression(b)
    if not (x.ndim and y.ndim):
        return multiply(x, y)
    first = tuple(range(x.ndim))
    second = [x.ndim + p for p in range(y.ndim)]
    summed = first[-1]
    second[y.ndim - 2 if y.ndim > 1 else 0] = summed
    output = (*first[:-1], *(label for label in second if label != summed))
    names = {**expression.letters(tuple(second), y.axes), **expression.letters(first, x.axes)}
    axes = tuple(names[label] for label in output)
    slots = [(x, first), (y, tuple(second))]
    return checked(assemble(1, slots, output, axes=axes, letters=names))


@table.public
def cross_entropy(logits: object, targets: object, axis: object = -1) -> Expr:
    """``cross_entropy(logits, targets, axis)``: ``-sum(log_softmax(logits, axis) * targets,
    axis)``.

    `targets` are probabilities of the shape of `logits`; class numbers become such by
    ``np.eye(classes)[numbers]``. One value for each of the other axes; average them with
    ``ed.mean``. A class with a logit of -inf and the target 0 counts nothing.

    >>> import einderiv as ed
    >>> loss = ed.cross_entropy(ed.tensor("z", "nk"), ed.tensor("t", "nk"))
    >>> ed.evaluate(loss, z=[[1e4, 0.0]], t=[[0.0, 1.0]])
    array([10000.])

    Raises ShapeError for axes that do not fit.
    """
    z, t = as_expression(logits), as_expression(targets)
    if z.ndim != t.ndim:
        raise ShapeError(
            "cross_entropy takes probabilities of the shape of the logits, "
            f"{counted(z.ndim, 'axis')}, "
            f"but {called(t)} has {t.ndim}; class numbers become such by np.eye(classes)[numbers]"
        )
    # A class that is ruled out, with a logit of -inf and the target 0, costs nothing.
    terms = checked(table.apply("masked_product", (log_softmax(z, axis), t)))
    return times(summed(terms, axis), -1)


@table.public
def layer_norm(e: object, axis: object = -1, *, eps: object = 1e-5) -> Expr:
    """``layer_norm(e, axis)``: ``(e - mean) / sqrt(var + eps)`` over `axis`; multiply and add what
    scales and shifts.

    Source: Ba, Kiros, Hinton, "Layer normalization", arXiv 1607.06450.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.layer_norm(ed.tensor("x", "i"), eps=0), x=[1e4, -1e4])
    array([ 1., -1.])

    Raises ShapeError for an axis that is not there, TypeError unless `eps` is a number.
    """
    e = as_expression(e)
    small = number(eps)
    if small is None or isinstance(small, complex):
        raise TypeError(f"eps must be a number, not {eps!r}")
    gone = axes_of(e, axis)
    scale = raised(expression.add(var(e, gone), small), -0.5)
    return multiply(_centred(e, gone), _repeated(scale, e, gone))


def subtracted(a: Operand, b: Operand) -> Expr:
    """``a - b``."""
    a, b = named_alike(a, b)  # before the sign makes a product of an array
    minus_b = expression.times(b, -1) if isinstance(b, Expr) else -b
    return expression.add(a, minus_b)


def negated(e: Expr) -> Expr:
    """``-e``."""
    return expression.times(e, -1)
