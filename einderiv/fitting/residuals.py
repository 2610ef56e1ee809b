"""Residuals as functions of one flat vector, which is what methods of least squares take."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import count
from math import prod
from typing import Any

import numpy as np

from ..autodiff import derive, hvp, jvp
from ..backends import Array
from ..errors import EinderivError, limits
from ..expression import Expr, Tensor, einsum, tensors_of, times
from ..runtime import Compiled, Structured, pattern, scipy_part
from .objective import Functions, others

DENSE = 1_000_000  # entries of a Jacobian that SciPy gets as a dense matrix


class Residuals:
    """A residual r as functions of one flat vector x, for ``scipy.optimize.least_squares`` or any
    other solver: `scipy_functions`. The loss is ½ |r|².
    """

    def __init__(
        self,
        residual: Expr,
        wrt: Any,
        arrays: Mapping[str, Any],
        sizes: Mapping[str, int],
        start: Any = None,
    ) -> None:
        self.residual = residual
        axes = list(range(residual.ndim))
        half = times(einsum(residual, axes, residual, axes, []), 0.5)
        #: ½ |r|², its gradient, and all that knows where the unknowns are in the flat vector
        self.loss = Functions(half, wrt, arrays, sizes, start)
        if self.loss.structures:
            name, structure = next(iter(self.loss.structures.items()))
            raise EinderivError(
                f"{name} is declared {structure}: least squares are over free tensors; minimize "
                "takes the loss ed.norm_squared(r) and keeps the structure"
            )
        self.size = self.loss.size

    def pack(self, tree: Any) -> Array:
        """Arrays in the structure of `wrt` as one flat vector of float64 numbers, a copy."""
        return self.loss.pack(tree)

    def unpack(self, x: Any) -> Any:
        """A flat vector as arrays in the structure of `wrt`."""
        return self.loss.unpack(x)

    def fun(self, x: Any) -> Array:
        """All residuals, flat."""
        return np.ravel(self._value(self.loss.at(x))).astype(np.float64, copy=False)

    def jac(self, x: Any) -> Array:
        """The Jacobian as a dense matrix: a row for each residual, a column for each unknown.

        Raises LimitError beyond ``limits.dense_bytes``.
        """
        at = self.loss.at(x)
        rows = self.fun(x).size
        limits.check("dense_bytes", 8 * rows * self.size, "jac_sparse and jac_operator form less")
        blocks = [np.reshape(block, (rows, -1)) for block in self._dense(at).values()]
        return np.concatenate(blocks, axis=1).astype(np.float64, copy=False)

    def jac_sparse(self, x: Any) -> Any:
        """The Jacobian as a sparse array of SciPy, of its non-zero entries."""
        blocks = self._structured(self.loss.at(x))
        return self._beside([self._flat(block.to_sparse(), block) for block in blocks.values()])

    def jac_of_its_size(self, x: Any) -> Any:
        """The Jacobian as SciPy's methods take it: dense, or sparse where it is large."""
        is_large = self.fun(x).size * self.size > DENSE
        return self.jac_sparse(x) if is_large else self.jac(x)

    def jac_operator(self, x: Any) -> Any:
        """The Jacobian as a ``scipy.sparse.linalg.LinearOperator``: only its cores are formed."""
        blocks = [
            block.as_linear_operator() for block in self._structured(self.loss.at(x)).values()
        ]
        linalg = scipy_part("sparse.linalg")
        spans = list(self.loss.spans().values())

        def matvec(v: Array) -> Any:
            v = np.ravel(v)
            parts = [A @ v[span] for A, span in zip(blocks, spans, strict=True)]
            return sum(parts[1:], parts[0])

        def rmatvec(u: Array) -> Any:
            return np.concatenate([A.rmatvec(np.ravel(u)) for A in blocks])

        shape = (blocks[0].shape[0], self.size)
        return linalg.LinearOperator(shape, matvec=matvec, rmatvec=rmatvec, dtype=np.float64)

    @cached_property
    def jac_sparsity(self) -> Any:
        """Where the Jacobian may be other than zero, whatever the numbers are: a sparse array of
        ones.
        """
        x = np.zeros(self.size)
        with np.errstate(all="ignore"):
            blocks = self._structured(self.loss.at(x))
        return self._beside([self._flat(pattern(block), block) for block in blocks.values()])

    def product(self, x: Array, v: Array) -> Array:
        """J v, the change of the residuals along a flat vector; J is never formed."""
        found = self._change({**self.loss.at(x), **self.loss.directed(v)})
        return np.ravel(found).astype(np.float64, copy=False)

    def curvature(self, x: Array, v: Array) -> Any:
        """The Hessian of ``v · r`` as a ``LinearOperator`` of SciPy: it is never formed."""
        linalg = scipy_part("sparse.linalg")
        f = self.loss
        factor, product = self._weighted
        at = {**f.at(x), factor: np.reshape(v, np.shape(self._value(f.at(x))))}

        def matvec(u: Array) -> Array:
            return f.joined(product({**at, **f.directed(np.ravel(u))}))

        shape = (self.size, self.size)
        return linalg.LinearOperator(shape, matvec=matvec, rmatvec=matvec, dtype=np.float64)

    @cached_property
    def _weighted(self) -> tuple[str, Compiled]:
        """The name of v, and the product of the Hessian of ``v · r`` with a direction."""
        axes = list(range(self.residual.ndim))
        factor = Tensor(free_name(self.residual, "factor"), (None,) * self.residual.ndim)
        weighted = einsum(self.residual, axes, factor, axes, [])
        tensors = dict(self.loss.tensors)
        return factor.name, self.loss.compiled(hvp(weighted, tensors, self.loss.directions))

    def _flat(self, array: Any, block: Structured) -> Any:
        """A sparse array with many axes as a matrix of residuals and unknowns."""
        inputs = block.shape[self.residual.ndim :]
        return array.reshape((prod(block.shape[: self.residual.ndim]), prod(inputs)))

    def _beside(self, matrices: list[Any]) -> Any:
        return scipy_part("sparse").hstack(matrices, format="csr")

    @cached_property
    def _value(self) -> Compiled:
        return self.loss.compiled(self.residual)

    @cached_property
    def jacobians(self) -> dict[str, Expr]:
        """The Jacobian by each tensor, by name."""
        found: dict[str, Expr] = derive(self.residual, dict(self.loss.tensors))
        return found

    @cached_property
    def _dense(self) -> Compiled:
        return self.loss.compiled(self.jacobians)

    @cached_property
    def _structured(self) -> Compiled:
        return self.loss.compiled(self.jacobians, dense=False)

    @cached_property
    def _change(self) -> Compiled:
        directions = self.loss.directions
        return self.loss.compiled(jvp(self.residual, dict(self.loss.tensors), directions))


def scipy_functions(
    loss: Expr | str,
    wrt: Any,
    arrays: Mapping[str, Any] | None = None,
    /,
    *,
    sizes: Mapping[str, int] | None = None,
    **named: Any,
) -> Functions | Residuals:
    """The loss as functions of one flat vector: `fun`, `jac`, `fun_and_jac`, `hess`, `hessp`,
    `pack`, `unpack`. Of a residual, an expression with axes, `fun` gives all its entries, `jac`
    their Jacobian as a dense matrix, `jac_sparse` and `jac_operator` what is not zero of it, and
    `jac_sparsity` where that may be.

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

    >>> r = ed.scipy_functions(ed.tensor("t", "n") - x**2, x, t=np.array([1.0, 4.0]))
    >>> r.fun(np.ones(2)), r.jac(np.ones(2))
    (array([0., 3.]), array([[-2.,  0.],
           [ 0., -2.]]))

    Raises TypeError for what is no expression and for an index array as `wrt`, EinderivError for
    unknown names, for tensors that are declared orthogonal and, by a residual, of any structure;
    ShapeError for unknown sizes.
    """
    if isinstance(loss, str):
        loss = einsum(loss)
    if isinstance(loss, Expr) and loss.ndim:
        return Residuals(loss, wrt, others(loss, wrt, arrays, named), sizes or {})
    return Functions(loss, wrt, others(loss, wrt, arrays, named), sizes or {})


def free_name(e: Expr, name: str) -> str:
    """A name like `name` that no tensor has."""
    taken = tensors_of(e)
    names = (f"{name}{k}" for k in count())
    return next(free for free in names if free not in taken)
