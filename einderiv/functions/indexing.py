"""Index arrays: whole numbers that say where an axis is read or written.

In an einsum an index array r is the factor ``onehot(r)[e, v]``, which is 1 where r[e] = v: then
``U[r[e], k]`` is ``onehot(r)[e, v] U[v, k]``. It is never formed; what reads the product reads the
array itself.
"""

from __future__ import annotations

from typing import Any

from ..expression import (
    Apply,
    Expr,
    assemble,
    checked,
    einsum,
    index_array,
    install_one_hot,
    one_hot_of,
)
from .table import Axis, Function


def _values(_: tuple[Expr, ...], __: int, parameters: tuple[Any, ...]) -> tuple[Axis, ...]:
    """One axis more, with as many places as the axis that is pointed into."""
    (size,) = parameters
    return ((size, None),)


def _none(_: Apply) -> tuple[Expr, ...]:
    raise TypeError("an index array is whole numbers: there is no derivative by it")


ONE_HOT = Function(
    "one_hot",
    "1 where r[e] = v, else 0",
    (_none,),
    "none: r is whole numbers",
    {},
    r"\delta\left[{0}\right]",
    shape=_values,
    integer=lambda *_: 1,
    analytic=False,
    selects=True,
)

install_one_hot(ONE_HOT)


def one_hot(ids: object, size: int | str, /) -> Expr:
    """``one_hot(r, n)[e, v] = 1 where r[e] = v, else 0``: of the shape of `ids`, and n.

    `ids` is an array of whole numbers, or the name of a vector of them that is given later.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.one_hot([2, 0], 3)).tolist()
    [[0, 0, 1], [1, 0, 0]]

    Raises TypeError for what is no array of whole numbers, ShapeError for negative ones.
    """
    if isinstance(ids, str):
        return einsum("->e(r[e])".replace("r[", f"{ids}["), sizes={ids: size})
    array = index_array("ids", ids)
    factor = one_hot_of(array, size)
    labels = tuple(range(factor.ndim))
    return checked(assemble(1, [(factor, labels)], labels, axes=factor.axes))
