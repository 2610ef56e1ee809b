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
    by_dims,
    check_known,
    declared,
    einsum,
    given_by_name,
    leaves,
    mapped,
    replaced,
    solved,
    spoken,
    tensors_of,
    times,
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
        if isinstance(loss, str):
            loss = einsum(loss)
        self.loss, self.structures, self.wrt = _inside(loss, wrt)
        # TypeError for what is no scalar, or no expression
        self._both = self.compiled(value_and_grad(self.loss, self.wrt))
        _, self._targets = resolved(self.loss, self.wrt)
        given_by_name = by_dims(arrays, self._declared)
        self.arrays = {name: _real(array, name) for name, array in given_by_name.items()}
        #: the tensors that are minimised over, by name
        self.tensors = _tensors(self.loss, leaves(self._targets), self.arrays)
        started = {} if start is None else self._leaves(start, "start")
        given = {**self.arrays, **started}
        known = solved([self.loss], {name: array.shape for name, array in given.items()}, sizes)
        #: the shape of each of them
        self.shapes: dict[str, tuple[int, ...]] = {}
        for name, tensor in self.tensors.items():
            shape = [_number(known, tensor, size) for size in tensor.axis_sizes]
            self.shapes[name] = tuple(shape)
        #: how many unknowns there are
        self.size = sum(map(prod, self.shapes.values()))

    def _declared(self) -> dict[str, Expr]:
        return declared([self.loss])

    def _leaves(self, tree: Any, what: str) -> dict[str, Array]:
        arrays = {}
        for target, array in paired(self._targets, tree, "arrays"):
            name = target.tensor.name
            turned = by_dims({name: array}, self._declared)[name]
            real = _real(turned, f"the {what} of {target.label}")
            arrays[target.tensor.name] = real.astype(np.float64)
        return arrays

    def pack(self, tree: Any) -> Array:
        """Arrays in the structure of `wrt` as one flat vector of float64 numbers, a copy.

        Raises ShapeError for other shapes, EinderivError for an array that is not what its tensor
        is declared to be.
        """
        arrays = self._leaves(tree, "array")
        for name, array in arrays.items():
            if array.shape != self.shapes[name]:
                raise ShapeError(
                    f"the array of {name} has shape {array.shape}, but {name} has "
                    f"{self.shapes[name]}"
                )
        check_structures(self.structures, arrays)
        return self.joined(self._projected(arrays))

    def _projected(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """P S for each array S: of the structure that is declared."""
        parts = {}
        for name, array in arrays.items():
            parts[name] = projected(array, self.structures.get(name))
        return parts

    def unpack(self, x: Any) -> Any:
        """A flat vector as arrays in the structure of `wrt`, and of the structure that is
        declared.
        """
        parts = iter(self._projected(self._named(x)).values())
        return mapped(lambda _: next(parts), self.wrt)

    def fun(self, x: Any) -> float:
        """The loss."""
        return _real_number(self._value(self.at(x)))

    def jac(self, x: Any) -> Array:
        """The gradient."""
        return self.fun_and_jac(x)[1]

    def fun_and_jac(self, x: Any) -> tuple[float, Array]:
        """Loss and gradient, which share their work: for ``scipy.optimize.minimize(fun, …,
        jac=True)``.
        """
        value, gradient = self._both(self.at(x))
        return _real_number(value), self.joined(gradient)

    def hess(self, x: Any) -> Array:
        """The Hessian as a dense matrix. Raises LimitError beyond ``limits.dense_bytes``."""
        limits.check("dense_bytes", 8 * self.size**2, "hessp never forms it")
        return self.matrix(self._hessian(self.at(x)))

    def matrix(self, blocks: Mapping[str, Mapping[str, Array]]) -> Array:
        """Blocks of two tensors each, as one matrix of the flat vector."""
        matrix = np.zeros((self.size, self.size))
        spans = self.spans()
        for i, rows in spans.items():
            for j, columns in spans.items():
                # ∂²f / ∂xᵢ ∂xⱼ has the axes of both tensors.
                shape = (rows.stop - rows.start, columns.stop - columns.start)
                matrix[rows, columns] = np.reshape(blocks[i][j], shape)
        return matrix

    def hessp(self, x: Any, v: Any) -> Array:
        """The Hessian times a vector; the Hessian is never formed."""
        return self.joined(self._product({**self.at(x), **self.directed(v)}))

    def directed(self, v: Any) -> dict[str, Array]:
        """A flat vector as directions by their names."""
        return {self.directions[name]: part for name, part in self._named(v).items()}

    def compiled(self, tree: Any, *, dense: bool = True) -> Compiled:
        """Expressions made from the loss, for unknowns that may be off their structure: methods
        try such ones.
        """
        f = Compiled(tree, dense=dense)
        # Not checked in calls: P makes S what it is declared to be.
        f.structures = {name: s for name, s in f.structures.items() if name not in self.structures}
        return f

    @cached_property
    def _value(self) -> Compiled:
        return self.compiled(self.loss)

    @cached_property
    def _hessian(self) -> Compiled:
        return self.compiled(hessian(self.loss, dict(self.tensors)))

    @cached_property
    def directions(self) -> dict[str, str]:
        """For each tensor a name that nothing else has, for its part of a direction."""
        taken = tensors_of(self.loss)
        directions = {}  # U_0 for U, or U_1 if there is a U_0
        for name in self.tensors:
            k = 0
            while f"{name}_{k}" in taken:
                k += 1
            directions[name] = f"{name}_{k}"
        return directions

    @cached_property
    def _product(self) -> Compiled:
        return self.compiled(hvp(self.loss, dict(self.tensors), self.directions))

    def check_bounds(self, bounds: Any) -> None:
        """Raise unless SciPy's bounds by entries of the flat vector leave room for the declared
        structures.

        What is within bounds must be so when it is projected: mirrored entries of a symmetric
        tensor need equal bounds, and 0 must be allowed where a diagonal or a triangle is zero.
        """
        lows, highs = map(self._named, _ends(bounds, self.size))
        for name, structure in self.structures.items():
            low, high = lows[name], highs[name]
            if structure == "symmetric":
                mirrored = [np.array_equal(ends, ends.swapaxes(-1, -2)) for ends in (low, high)]
                fits = all(mirrored)
                wrong = "mirrored entries have other bounds"
            else:
                kept = projected(np.ones(low.shape), structure) == 1
                zero_allowed = (low <= 0) & (high >= 0)
                fits = bool((kept | zero_allowed).all())
                wrong = "they exclude its zeros"
            if not fits:
                raise EinderivError(
                    f"{name} is declared {structure}, but its bounds are not: {wrong}"
                )

    def at(self, x: Any) -> dict[str, Array]:
        """All arrays by name, those of `wrt` from a flat vector."""
        return {**self.arrays, **self._named(x)}

    def spans(self) -> dict[str, slice]:
        """Where each tensor is in the flat vector."""
        spans = {}
        start = 0
        for name, shape in self.shapes.items():
            stop = start + prod(shape)
            spans[name] = slice(start, stop)
            start = stop
        return spans

    def _named(self, x: Any) -> dict[str, Array]:
        """A flat vector as arrays by name."""
        x = np.asarray(x, np.float64)
        if x.shape != (self.size,):
            raise ShapeError(
                f"the flat vector has shape {x.shape}, but there are {self.size} unknowns"
            )
        spans = self.spans()
        return {name: x[span].reshape(self.shapes[name]) for name, span in spans.items()}

    def joined(self, tree: Any) -> Array:
        """Arrays as a flat vector."""
        flat = [np.ravel(array) for array in leaves(tree)]
        return np.concatenate(flat).astype(np.float64, copy=False)


def others(
    loss: Expr | str, wrt: Any, arrays: Mapping[str, Any] | None, named: Mapping[str, Any]
) -> dict[str, Any]:
    """The arrays of all tensors but those of `wrt`. A mapping may hold more, those of `wrt` too;
    keywords may not.
    """
    loss = einsum(loss) if isinstance(loss, str) else loss
    if not isinstance(loss, Expr):  # said where the loss is looked at
        return {**named}
    known = tensors_of(loss)
    chosen = [leaf.name if isinstance(leaf, Tensor) else leaf for leaf in leaves(wrt)]
    wanted = given_by_name(known, arrays, {})
    rest = {name: array for name, array in wanted.items() if name not in chosen}
    return {**rest, **named}


def _ends(bounds: Any, size: int) -> tuple[Array, ...]:
    """SciPy's bounds, an object with `lb` and `ub` or pairs with None, as two flat vectors."""
    if hasattr(bounds, "lb"):
        return np.broadcast_to(bounds.lb, size), np.broadcast_to(bounds.ub, size)
    pairs = np.array(bounds, np.float64)  # None becomes nan
    if pairs.shape != (size, 2):
        raise ShapeError(f"bounds of shape {pairs.shape} are no pairs for {size} unknowns")
    lows, highs = pairs.T
    lows = np.where(np.isnan(lows), -np.inf, lows)
    highs = np.where(np.isnan(highs), np.inf, highs)
    return lows, highs


def _inside(loss: Any, wrt: Any) -> tuple[Any, dict[str, str], Any]:
    """A loss f of tensors S of a declared structure as one of free tensors, ``f(P S) + |S - P S|² /
    2``.

    Its gradients at an S of the structure have the structure, and steps along them keep it. The
    second part is zero there, and its Hessian ``I - P`` makes the whole one as regular as that of f
    within the structure.
    """
    declared: dict[str, Tensor] = {}
    free: dict[str, Tensor] = {}  # S without its structure
    projections: dict[str, Expr] = {}  # P S
    for leaf in leaves(wrt):
        tensor = _declared(loss, leaf)
        if tensor is None:
            continue
        name = tensor.name
        if tensor.structure == "index":
            raise TypeError(
                f"{name} is an index array, whole numbers: there is no derivative by it, and "
                "nothing to minimise over"
            )
        if tensor.structure == "orthogonal":
            raise EinderivError(
                f"{name} is declared orthogonal: orthogonal matrices are no linear space, and no "
                "method here stays among them"
            )
        declared[name] = tensor
        free[name] = Tensor(name, tensor.declared, None, tensor.complex)
        projections[name] = inside(free[name], tensor)
    if not declared:
        return loss, {}, wrt
    extended = replaced(loss, projections)
    for name, tensor in free.items():
        off = subtracted(tensor, projections[name])
        labels = list(range(tensor.ndim))
        # + |S - P S|² / 2
        extended = add(extended, times(einsum(off, labels, off, labels, []), 0.5))

    def by_name(leaf: Any) -> Any:
        return leaf.name if isinstance(leaf, Tensor) and leaf.name in declared else leaf

    named = {name: str(tensor.structure) for name, tensor in declared.items()}
    return extended, named, mapped(by_name, wrt)


def _declared(loss: Any, leaf: Any) -> Tensor | None:
    """The tensor of the loss that is meant, with its structure, if it has one."""
    name = leaf.name if isinstance(leaf, Tensor) else leaf
    known = tensors_of(loss) if isinstance(loss, Expr) else {}
    if not isinstance(name, str) or name not in known:
        return None
    structure = structures([loss]).get(name)
    if not structure and isinstance(leaf, Tensor):
        structure = leaf.structure
    if not structure:
        return None
    return Tensor(name, known[name].declared, structure, known[name].complex)


def _real(value: Any, what: str) -> Array:
    """An array of finite or other real numbers."""
    array: Array = usable(value, what)
    if array.dtype.kind == "c":
        raise TypeError(f"{what} is complex: a loss is minimised over real numbers")
    return array


def _real_number(value: Any) -> float:
    """A loss, which is a real number."""
    if np.iscomplexobj(value):
        raise TypeError(
            "the loss is complex, and no complex number is the least: take ed.real(loss), or of "
            "complex residuals r the loss ed.real(ed.sum(r * ed.conj(r)))"
        )
    return float(value)


def _tensors(loss: Expr, targets: list[Wrt], arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """What is minimised over, by name; nothing of it among the arrays, and these all known."""
    known = tensors_of(loss)
    tensors = {target.tensor.name: target.tensor for target in targets}
    if not tensors:
        raise EinderivError("wrt names no tensor to minimise over")
    for target in targets:
        if target.position is not None:
            raise TypeError(
                "wrt must be a tensor or its name here: an operand position has no values to start "
                "from"
            )
        if target.label not in known:
            raise EinderivError(
                f"the loss has no tensor {target.label!r}; {near(target.label, known)}"
            )
    for name in arrays:
        check_known([name], known)
        if name in tensors:
            raise EinderivError(
                f"{name} is what is minimised over: its values are the start, not a further array"
            )
    return tensors


def _number(sizes: Sizes, tensor: Tensor, size: Size) -> int:
    measure = sizes.known_measure(size)
    if measure is None:
        raise ShapeError(
            f"the shape of {tensor.name} is not known: no array fixes the size of {spoken(size)}; "
            "give it in sizes"
        )
    return measure
