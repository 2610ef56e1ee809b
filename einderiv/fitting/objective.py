"""A loss as functions of one flat vector of float64 numbers, which is what optimizers take."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ..autodiff import Wrt, hessian, hvp, paired, resolved, value_and_grad
from ..backends import Array
from ..errors import EinderivError, ShapeError, limits, near
from ..expression import (
    Expr,
    Size,
    Sizes,
    Tensor,
    add,
    check_known,
    einsum,
    leaves,
    mapped,
    quotient,
    replaced,
    solved,
    spoken,
    tensors_of,
    usable,
)
from ..functions import check_structures, inside, projected, structures, subtracted
from ..runtime import Compiled


class Functions:
    """A loss as functions of one flat vector, for ``scipy.optimize`` or any other optimizer:
    `scipy_functions`.

    `loss` is of free tensors; `structures` says which arrays are projected to a structure before
    they are given back.
    """

    def __init__(
        self,
        loss: Expr | str,
        wrt: Any,
        arrays: Mapping[str, Any],
        sizes: Mapping[str, int],
        start: Any = None,
    ) -> None:
        self.loss, self.structures, wrt = _inside(
            einsum(loss) if isinstance(loss, str) else loss, wrt
        )
        # TypeError for what is no scalar, or no expression
        self._both = self.compiled(value_and_grad(self.loss, wrt))
        self.wrt, (_, self._targets) = wrt, resolved(self.loss, wrt)
        self.arrays = {name: _real(array, name) for name, array in arrays.items()}
        #: the tensors that are minimised over, by name
        self.tensors = _tensors(self.loss, leaves(self._targets), self.arrays)
        values = {} if start is None else self._leaves(start, "start")
        known = solved(
            [self.loss], {name: a.shape for name, a in {**self.arrays, **values}.items()}, sizes
        )
        #: the shape of each of them
        self.shapes = {
            name: tuple(_number(known, tensor, size) for size in tensor.sizes)
            for name, tensor in self.tensors.items()
        }
        #: how many unknowns there are
        self.size = sum(map(prod, self.shapes.values()))

    def _leaves(self, tree: Any, what: str) -> dict[str, Array]:
        pairs = paired(self._targets, tree, "arrays")
        return {
            t.tensor.name: _real(a, f"the {what} of {t.label}").astype(np.float64) for t, a in pairs
        }

    def pack(self, tree: Any) -> Array:
        """Arrays in the structure of `wrt` as one flat vector of float64 numbers, a copy.

        Raises ShapeError for other shapes, EinderivError for an array that is not what its tensor
        is declared to be.
        """
        found = self._leaves(tree, "array")
        for name, array in found.items():
            if array.shape != self.shapes[name]:
                raise ShapeError(
                    f"the array of {name} has shape {array.shape}, but {name} has "
                    f"{self.shapes[name]}"
                )
        check_structures(self.structures, found)
        return self._joined(self._projected(found))

    def _projected(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: projected(a, self.structures.get(name)) for name, a in arrays.items()}

    def unpack(self, x: Any) -> Any:
        """A flat vector as arrays in the structure of `wrt`, and of the structure that is
        declared.
        """
        parts = iter(self._projected(self._named(x)).values())
        return mapped(lambda _: next(parts), self.wrt)

    def fun(self, x: Any) -> float:
        """The loss."""
        return float(self._value(self.at(x)))

    def jac(self, x: Any) -> Array:
        """The gradient."""
        return self.fun_and_jac(x)[1]

    def fun_and_jac(self, x: Any) -> tuple[float, Array]:
        """Loss and gradient, which share their work: for ``scipy.optimize.minimize(fun, …,
        jac=True)``.
        """
        value, gradient = self._both(self.at(x))
        return float(value), self._joined(gradient)

    def hess(self, x: Any) -> Array:
        """The Hessian as a dense matrix. Raises LimitError beyond ``limits.dense_bytes``."""
        limits.check("dense_bytes", 8 * self.size**2, "hessp never forms it")
        at, names = self.at(x), list(self.tensors)
        blocks = self._hessian(at)
        found = np.zeros((self.size, self.size))
        for i, rows in zip(names, self._spans().values(), strict=True):
            for j, columns in zip(names, self._spans().values(), strict=True):
                found[rows, columns] = np.reshape(
                    blocks[i][j], (rows.stop - rows.start, columns.stop - columns.start)
                )
        return found

    def hessp(self, x: Any, v: Any) -> Array:
        """The Hessian times a vector; the Hessian is never formed."""
        directions = {self._directions[name]: a for name, a in self._named(v).items()}
        return self._joined(self._product({**self.at(x), **directions}))

    def compiled(self, tree: Any, *, dense: bool = True) -> Compiled:
        """Expressions made from the loss, for unknowns that may be off their structure: methods
        try such ones.
        """
        found = Compiled(tree, dense=dense)
        found.structures = {
            name: s for name, s in found.structures.items() if name not in self.structures
        }
        return found

    @cached_property
    def _value(self) -> Compiled:
        return self.compiled(self.loss)

    @cached_property
    def _hessian(self) -> Compiled:
        return self.compiled(hessian(self.loss, dict(self.tensors)))

    @cached_property
    def _directions(self) -> dict[str, str]:
        """For each tensor a name that nothing else has, for its part of a direction."""
        taken = tensors_of(self.loss)
        return {
            name: next(n for k in range(len(taken) + 1) if (n := f"{name}_{k}") not in taken)
            for name in self.tensors
        }

    @cached_property
    def _product(self) -> Compiled:
        return self.compiled(hvp(self.loss, dict(self.tensors), self._directions))

    def check_bounds(self, bounds: Any) -> None:
        """Raise unless SciPy's bounds by entries of the flat vector leave room for the declared
        structures.

        What is within bounds must be so when it is projected: mirrored entries of a symmetric
        tensor need equal bounds, and 0 must be allowed where a diagonal or a triangle is zero.
        """
        lows, highs = map(self._named, _ends(bounds, self.size))
        for name, structure in self.structures.items():
            a, b = lows[name], highs[name]
            if structure == "symmetric":
                fits = all(np.array_equal(c, c.swapaxes(-1, -2)) for c in (a, b))
            else:
                fits = bool(
                    ((projected(np.ones(a.shape), structure) == 1) | ((a <= 0) & (b >= 0))).all()
                )
            if not fits:
                how = (
                    "mirrored entries have other bounds"
                    if structure == "symmetric"
                    else "they exclude its zeros"
                )
                raise EinderivError(
                    f"{name} is declared {structure}, but its bounds are not: {how}"
                )

    def at(self, x: Any) -> dict[str, Array]:
        """All arrays by name, those of `wrt` from a flat vector."""
        return {**self.arrays, **self._named(x)}

    def _spans(self) -> dict[str, slice]:
        """Where each tensor is in the flat vector."""
        ends = np.cumsum([0, *map(prod, self.shapes.values())]).tolist()
        return dict(zip(self.shapes, map(slice, ends, ends[1:]), strict=True))

    def _named(self, x: Any) -> dict[str, Array]:
        x = np.asarray(x, np.float64)
        if x.shape != (self.size,):
            raise ShapeError(
                f"the flat vector has shape {x.shape}, but there are {self.size} unknowns"
            )
        return {name: x[span].reshape(self.shapes[name]) for name, span in self._spans().items()}

    def _joined(self, tree: Any) -> Array:
        return np.concatenate([np.ravel(a) for a in leaves(tree)]).astype(np.float64, copy=False)


def scipy_functions(
    loss: Expr | str,
    wrt: Any,
    arrays: Mapping[str, Any] | None = None,
    /,
    *,
    sizes: Mapping[str, int] | None = None,
    **named: Any,
) -> Functions:
    """The loss as functions of one flat vector: `fun`, `jac`, `fun_and_jac`, `hess`, `hessp`,
    `pack`, `unpack`.

    `wrt` is a tensor or its name, or a list, tuple or dict of those; the arrays of all other
    tensors are given by name or as a mapping. They must fix the shapes of `wrt` too, or `sizes`
    does.

    A tensor that is declared symmetric, diagonal or lower has all its entries in the flat vector.
    With P, the projection to the structure, the loss of a flat S is ``f(P S) + |S - P S|² / 2``: f
    itself where S has the structure, and there gradients, and products of the Hessian with vectors
    of the structure, have it too. `unpack` gives P S.

    >>> import einderiv as ed, numpy as np
    >>> x = ed.tensor("x", "n")
    >>> f = ed.scipy_functions(ed.sum((ed.tensor("t", "n") - x) ** 2), x, t=np.array([1.0, 2.0]))
    >>> f.fun_and_jac(np.zeros(2))
    (5.0, array([-2., -4.]))
    >>> f.hess(np.zeros(2))
    array([[2., 0.],
           [0., 2.]])

    Raises TypeError for a loss that is no scalar, EinderivError for unknown names and for tensors
    that are declared orthogonal, ShapeError for unknown sizes.
    """
    return Functions(loss, wrt, {**(arrays or {}), **named}, sizes or {})


def _ends(bounds: Any, size: int) -> tuple[Array, ...]:
    """SciPy's bounds, an object with `lb` and `ub` or pairs with None, as two flat vectors."""
    if hasattr(bounds, "lb"):
        return np.broadcast_to(bounds.lb, size), np.broadcast_to(bounds.ub, size)
    pairs = np.array(bounds, np.float64)  # None becomes nan
    if pairs.shape != (size, 2):
        raise ShapeError(f"bounds of shape {pairs.shape} are no pairs for {size} unknowns")
    return tuple(
        np.where(np.isnan(ends), at, ends)
        for ends, at in zip(pairs.T, (-np.inf, np.inf), strict=True)
    )


def _inside(loss: Any, wrt: Any) -> tuple[Any, dict[str, str], Any]:
    """A loss f of tensors S of a declared structure as one of free tensors, ``f(P S) + |S - P S|² /
    2``.

    Its gradients at an S of the structure have the structure, and steps along them keep it. The
    second part is zero there, and its Hessian ``I - P`` makes the whole one as regular as that of f
    within the structure.
    """
    chosen = [found for leaf in leaves(wrt) if (found := _declared(loss, leaf)) is not None]
    parts = {}
    for tensor in chosen:
        if tensor.structure == "orthogonal":
            raise EinderivError(
                f"{tensor.name} is declared orthogonal: orthogonal matrices are no linear space, "
                "and "
                "no method here stays among them"
            )
        parts[tensor.name] = inside(
            Tensor(tensor.name, tensor.declared, None, tensor.complex), tensor
        )
    if not parts:
        return loss, {}, wrt
    free = replaced(loss, parts)
    for tensor in {t.name: t for t in chosen}.values():
        off = subtracted(
            Tensor(tensor.name, tensor.declared, None, tensor.complex), parts[tensor.name]
        )
        labels = list(range(tensor.ndim))
        free = add(free, quotient(einsum(off, labels, off, labels, []), 2))
    names = mapped(
        lambda leaf: leaf.name if isinstance(leaf, Tensor) and leaf.name in parts else leaf, wrt
    )
    return free, {tensor.name: str(tensor.structure) for tensor in chosen}, names


def _declared(loss: Any, leaf: Any) -> Tensor | None:
    """The tensor of the loss that is meant, with its structure, if it has one."""
    name = leaf.name if isinstance(leaf, Tensor) else leaf
    known = tensors_of(loss) if isinstance(loss, Expr) else {}
    if not isinstance(name, str) or name not in known:
        return None
    structure = structures([loss]).get(name) or (
        leaf.structure if isinstance(leaf, Tensor) else None
    )
    return Tensor(name, known[name].declared, structure, known[name].complex) if structure else None


def _real(value: Any, what: str) -> Array:
    """An array of finite or other real numbers."""
    array: Array = usable(value, what)
    if array.dtype.kind == "c":
        raise TypeError(f"{what} is complex: a loss is minimised over real numbers")
    return array


def _tensors(loss: Expr, targets: list[Wrt], arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """What is minimised over, by name; nothing of it among the arrays, and these all known."""
    known = tensors_of(loss)
    found = {t.tensor.name: t.tensor for t in targets}
    if not found:
        raise EinderivError("wrt names no tensor to minimise over")
    for t in targets:
        if t.position is not None:
            raise TypeError(
                "wrt must be a tensor or its name here: an operand position has no values to start "
                "from"
            )
        if t.label not in known:
            raise EinderivError(f"the loss has no tensor {t.label!r}; {near(t.label, known)}")
    for name in arrays:
        check_known([name], known)
        if name in found:
            raise EinderivError(
                f"{name} is what is minimised over: its values are the start, not a further array"
            )
    return found


def _number(sizes: Sizes, tensor: Tensor, size: Size) -> int:
    found = sizes.number(size)
    if found is None:
        raise ShapeError(
            f"the shape of {tensor.name} is not known: no array fixes the size of {spoken(size)}; "
            "give it in sizes"
        )
    return found
