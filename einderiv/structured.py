"""Results that keep their structure: small cores, and where they sit. What deltas make zero or repeat is not held."""

from __future__ import annotations

from math import prod
from typing import Any, cast

import numpy as np

from .algebra import added, viewed
from .errors import LimitError, ShapeError, limits
from .execution import Array, computed, spoken_bytes
from .expression import Constant, Einsum, Expr, Tensor, zero
from .naming import axis_names
from .notation import fresh_names
from .steps import Labels
from .unification import assemble

Term = tuple[Array, Labels, Labels]  # a core, its labels, and the labels of all axes of the tensor


class Structured:
    """A tensor as a sum of embedded cores; the terms may overlap.

    >>> import einderiv as ed, numpy as np
    >>> J = ed.derive("ij,j->i", 0)
    >>> s = ed.evaluate(J, A=np.zeros((2, 3)), B=np.array([1.0, 2.0, 3.0]), dense=False)
    >>> s.shape, s.nbytes, s.terms[0][1]
    ((2, 2, 3), 24, 'b->iib')
    >>> s.matvec(np.ones((2, 3)))
    array([6., 6.])
    """

    __slots__ = ("_root", "_terms", "dtype", "shape", "split")

    def __init__(self, terms: list[Term], shape: tuple[int, ...], dtype: Any, root: Expr,
                 split: int | None) -> None:  # fmt: skip
        """`root` is the expression whose value this is; `split` is how many axes are the output's, for a derivative."""
        self._terms, self.shape, self.dtype, self._root, self.split = terms, shape, dtype, root, split

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes, as the expression prints them."""
        return axis_names(self._root)

    def _expression(self) -> Expr:
        """The tensor as an expression of its cores: what is to be done with it, the planner knows how to do."""
        parts = [self._term(*term) for term in self._terms]
        return added(parts) if parts else zero(self.shape, (None,) * len(self.shape))

    def _term(self, core: Array, labels: Labels, output: Labels) -> Expr:
        known = tuple(zip(output, self.shape, strict=True))
        return Einsum(1, (Constant(core, core.shape),), (labels,), output, known, axes=(None,) * len(output))

    def __repr__(self) -> str:
        return (f"Structured(shape={self.shape}, dtype={self.dtype}, terms={[e for _, e in self.terms]}, "
                f"nbytes={self.nbytes})")  # fmt: skip

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the cores that are held; a core that serves several terms counts once."""
        return sum({id(core): core.nbytes for core, _, _ in self._terms}.values())

    @property
    def terms(self) -> list[tuple[Array, str]]:
        """Pairs of a core, its coefficient included, and its embedding, such as ``"bj->ijib"``."""
        return [(core, self._embedding(labels, output)) for core, labels, output in self._terms]

    def _embedding(self, labels: Labels, output: Labels) -> str:
        names: dict[int, str] = {}
        for label, axis in zip(output, self.axes, strict=True):
            names.setdefault(label, axis)
        if any(len(name) > 1 for name in names.values()):
            names = dict(zip(names, fresh_names(len(names), set()), strict=True))
        return "".join(names[x] for x in labels) + "->" + "".join(names[x] for x in output)

    def dense(self, memory_limit: int | None = None) -> Array:
        """The tensor itself. Raises LimitError beyond `memory_limit` bytes (default ``limits.dense_bytes``)."""
        return self._computed(self._expression(), {}, memory_limit)

    def _computed(self, e: Expr, arrays: dict[str, Array], memory_limit: int | None = None) -> Array:
        result = computed(e, arrays, memory_limit)
        return result.astype(np.result_type(self.dtype, *arrays.values()), copy=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        found = self.dense()
        return found if dtype is None else found.astype(dtype)

    def to_sparse(self) -> Any:
        """A ``scipy.sparse.coo_array`` of as many axes; entries that terms share appear once for each.

        Raises ImportError without SciPy, LimitError if the stored entries are too many.
        """
        sparse = _scipy("sparse")
        found = [self._entries(*term) for term in self._terms]
        values = np.concatenate([v for v, _ in found]) if found else np.zeros(0, self.dtype)
        places = [np.concatenate([p[k] for _, p in found]) if found else np.zeros(0, np.int64)
                  for k in range(self.ndim)]  # fmt: skip
        if not self.ndim:
            raise ShapeError("a scalar has no sparse form")
        result = sparse.coo_array((values, tuple(places)), shape=self.shape)
        result.sum_duplicates()
        return result

    def _entries(self, core: Array, labels: Labels, output: Labels) -> tuple[Array, list[Array]]:
        distinct = tuple(dict.fromkeys(output))
        sizes = dict(zip(output, self.shape, strict=True))
        count = prod(sizes[x] for x in distinct)
        size = count * (core.dtype.itemsize + 8 * self.ndim)
        if size > limits.dense_bytes:
            raise LimitError(f"the sparse form has {count} entries and takes {spoken_bytes(size)}, over the limit of "
                             f"{spoken_bytes(limits.dense_bytes)} (ed.limits.dense_bytes)")  # fmt: skip
        where = dict(zip(distinct, np.indices(tuple(sizes[x] for x in distinct)), strict=True))
        order = tuple(labels.index(x) for x in distinct if x in labels)
        shaped = core.transpose(order).reshape([sizes[x] if x in labels else 1 for x in distinct])
        full = np.broadcast_to(shaped, [sizes[x] for x in distinct])
        return full.ravel(), [where[x].ravel() for x in output]

    def _split(self, what: str) -> int:
        if self.split is None:
            raise TypeError(f"{what} needs a derivative, whose axes are those of the output, then of the input; "
                            "this tensor is none")  # fmt: skip
        return self.split

    def matvec(self, v: Any) -> Array:
        """The derivative times `v`, an array of the shape of the input; the result has the shape of the output."""
        k = self._split("matvec")
        return self._applied(v, self.shape[k:], tuple(range(k, self.ndim)), tuple(range(k)), "v")

    def rmatvec(self, u: Any) -> Array:
        """The adjoint times `u`, an array of the shape of the output. It conjugates: ``<u, J v> = <Jᴴ u, v>``."""
        k = self._split("rmatvec")
        u = np.conjugate(np.asarray(u))
        return np.conjugate(self._applied(u, self.shape[:k], tuple(range(k)), tuple(range(k, self.ndim)), "u"))

    def _applied(self, v: Any, shape: tuple[int, ...], inner: Labels, outer: Labels, name: str) -> Array:
        v = np.asarray(v)
        if v.shape != shape:
            raise ShapeError(f"{name} has shape {v.shape}, but the derivative takes shape {shape}")
        vector = Tensor("v", (None,) * v.ndim)
        labels = tuple(range(self.ndim))
        given = tuple(zip(labels, self.shape, strict=True))
        parts = [assemble(1, [(term, labels), (vector, inner)], outer, axes=(None,) * len(outer), given=given)
                 for term in (self._term(*term) for term in self._terms)]  # fmt: skip
        if not parts:
            return np.zeros([self.shape[p] for p in outer], np.result_type(self.dtype, v))
        return self._computed(added(parts), {"v": v})

    def diagonal(self) -> Array:
        """The entries ``[i…, i…]`` of a derivative whose input has the shape of its output; shape as the output.

        Raises ShapeError if the two shapes differ.
        """
        k = self._split("diagonal")
        if self.shape[:k] != self.shape[k:]:
            raise ShapeError(f"the output has shape {self.shape[:k]}, the input {self.shape[k:]}: there is a diagonal "
                             "only if they are the same")  # fmt: skip
        labels = tuple(range(k))
        return self._computed(viewed(self._expression(), labels * 2, labels), {}) if self._terms else (
            np.zeros(self.shape[:k], self.dtype))  # fmt: skip

    def as_linear_operator(self) -> Any:
        """A ``scipy.sparse.linalg.LinearOperator``: flattened input axes to flattened output axes, in C order.

        Raises ImportError without SciPy.
        """
        k = self._split("as_linear_operator")
        linalg = _scipy("sparse.linalg")
        out, inner = self.shape[:k], self.shape[k:]

        def matvec(v: Array) -> Array:
            return self.matvec(v.reshape(inner)).ravel()

        def rmatvec(u: Array) -> Array:
            return self.rmatvec(u.reshape(out)).ravel()

        return linalg.LinearOperator((prod(out), prod(inner)), matvec=matvec, rmatvec=rmatvec, dtype=self.dtype)


def _scipy(module: str) -> Any:
    """A part of SciPy, which is optional."""
    try:
        import scipy.sparse
        import scipy.sparse.linalg
    except ImportError:
        raise ImportError("this needs SciPy: pip install 'einderiv[scipy]'") from None
    return cast(Any, scipy.sparse if module == "sparse" else scipy.sparse.linalg)
