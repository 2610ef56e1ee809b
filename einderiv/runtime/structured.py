"""Results that keep their structure: small cores, and where they sit. What deltas make zero or
repeat is not held.

The cores are arrays of any backend, and stay where they are: what products can do is done there.
What factors matrices is for NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ..backends import BACKENDS, NUMPY, Array, Backend
from ..errors import BackendError, EinderivError, ShapeError, near
from ..expression import (
    NO_LETTERS,
    Einsum,
    Expr,
    Labels,
    Tensor,
    assemble,
    axis_names,
    fresh_names,
    library,
    natural,
    solved,
    usable,
)
from ..expression import terms as terms_of
from ..functions import tree_data, tree_of
from ..planning import Term
from ..printing import MimeBundle, collapsible, html_table, latex_entry, mime_bundle, preformatted
from .algebra import identity, merged, scaled, transposed
from .embeddings import Spelling
from .entries import entries
from .execution import Execution, check_bound, largest
from .iterative import STEPS, scipy_part
from .solving import Square
from .stored_terms import read, stored
from .terms import held_terms, lengths, multiplied, product, total

# what needs an input of the shape of the output
SQUARE = ("solve", "logdet", "trace", "eigvalsh", "cholesky", "inv_diagonal")


class Structured:
    """A tensor as a sum of embedded cores; the terms may overlap.

    >>> import einderiv as ed, numpy as np
    >>> J = ed.derive("ij,j->i", 0)
    >>> s = ed.evaluate(J, A=np.zeros((2, 3)), B=np.array([1.0, 2.0, 3.0]), dense=False)
    >>> s.shape, s.nbytes, s.terms[0][1]
    ((2, 2, 3), 24, 'b->iib')
    >>> s.matvec(np.ones((2, 3)))
    array([6., 6.])
    >>> s @ np.ones((2, 3))
    array([6., 6.])

    ``S @ v`` is ``S.matvec(v)``. What would form the dense tensor is a TypeError; ``S.dense()``
    forms it.
    """

    def __init__(
        self,
        terms: list[Term[Array]],
        shape: tuple[int, ...],
        dtype: Any,
        root: Expr,
        split: int | None,
        backend: Backend = NUMPY,
        device: Any = None,
    ) -> None:
        """`root` is the expression whose value this is; `split` is how many axes are the
        output's, for a derivative. The cores are arrays of `backend` on `device`, and stay there.
        """
        self._terms = terms
        self.shape = shape
        self.dtype = dtype
        self._root = root
        self.split = split
        self._backend = backend
        self._device = device
        # Products with arrays of one dtype, and the dtype of their results.
        self._planned: dict[Any, tuple[Execution, Any]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # The cores, and what they are cores of; what was planned for products is planned again.
        terms = tuple(map(stored, self._terms))
        how = (self.split, self._backend.name, self._device)
        return structured_of, (terms, self.shape, self.dtype, tree_data(self._root), how)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes, as the expression prints them."""
        return axis_names(self._root)

    def __repr__(self) -> str:
        embeddings = list(map(self._embedding, range(len(self._terms))))
        return (
            f"Structured(shape={self.shape}, dtype={self.dtype}, terms={embeddings}, "
            f"nbytes={self.nbytes})"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        rows = []
        for k, term in enumerate(self._terms):
            shapes = [str(tuple(array.shape)) for array, _ in term.factors]
            rows.append((self._embedding(k), " ⊗ ".join(shapes)))
        head = f"{self.shape} of {self.dtype}: {self.nbytes} bytes are held"
        table = html_table(("embedding", "factors"), rows)
        html = preformatted([head]) + collapsible("terms", table)
        return mime_bundle(repr(self), html, **latex_entry(self._root))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the factors that are held; an array that serves several times counts
        once.
        """
        bytes_of: dict[int, int] = {}
        for term in self._terms:
            bytes_of.update((id(array), array.nbytes) for array, _ in term.factors)
        return sum(bytes_of.values())

    @property
    def terms(self) -> list[tuple[Array, str]]:
        """Pairs of a core, its coefficient included, and its embedding, such as ``"bj->ijib"``.

        A core that is a product of several arrays is held as its factors, and multiplied out here.
        """
        pairs = []
        for k, term in enumerate(self._terms):
            whole = multiplied(term, self.shape, self._value)
            pairs.append((whole.factors[0][0], self._spelling(k, whole).embedding()))
        return pairs

    @property
    def factors(self) -> list[tuple[tuple[Array, ...], str]]:
        """The terms as they are held: arrays whose product is the core, and for instance
        ``"ia,bj->ijab"``.
        """
        pairs = []
        for k, term in enumerate(self._terms):
            arrays = tuple([array for array, _ in term.factors])
            pairs.append((arrays, self._embedding(k, apart=True)))
        return pairs

    def _embedding(self, k: int, *, apart: bool = False) -> str:
        """Where term k sits in the tensor, ``b->iib``; with `apart` its factors one by one."""
        return self._spelling(k, self._terms[k]).embedding(apart=apart)

    def _spelling(self, k: int, term: Term[Array]) -> Spelling:
        written = terms_of(self._root)
        own = written[k] if len(written) == len(self._terms) else None
        letters = own.letters if isinstance(own, Einsum) else NO_LETTERS
        return Spelling(term, lengths(term, self.shape), self.axes, letters)

    def dense(self, memory_limit: int | None = None) -> Any:
        """The tensor itself. Raises LimitError beyond `memory_limit` bytes (default
        ``limits.dense_bytes``).
        """
        parts = [product(term, self.shape) for term in self._terms]
        return self._value(total(parts, self.shape), memory_limit)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        library = self._backend.library
        array: Array | None = library.looked_at(self.dense())
        if array is None:
            raise BackendError(f"a traced tensor of {library.name} is no NumPy array")
        return array if dtype is None else array.astype(dtype)

    def to_sparse(self) -> Any:
        """A ``scipy.sparse.coo_array`` of as many axes; entries that terms share are added.

        Raises ImportError without SciPy, LimitError if the stored entries are too many,
        BackendError for cores that are not NumPy's.
        """
        self._check_numpy("to_sparse")
        sparse = scipy_part("sparse")
        values_of_terms = []
        indices_of_terms = []
        for term in self._terms:
            values, indices = entries(term, self.shape, self.dtype)
            values_of_terms.append(values)
            indices_of_terms.append(indices)
        if not self.ndim:
            raise ShapeError("a scalar has no sparse form")
        if not self._terms:
            return sparse.coo_array(self.shape, dtype=self.dtype)
        values = np.concatenate(values_of_terms)
        # For each axis the indices of all terms.
        places = [np.concatenate(parts) for parts in zip(*indices_of_terms, strict=True)]
        result = sparse.coo_array((values, tuple(places)), shape=self.shape)
        result.sum_duplicates()
        result.eliminate_zeros()
        return result

    def _split(self, what: str) -> int:
        if self.split is None:
            raise TypeError(
                f"{what} needs a derivative, whose axes are those of the output, then of the "
                "input; this tensor is none"
            )
        return self.split

    def matvec(self, v: Any) -> Any:
        """The derivative times `v`, an array of the shape of the input; the result has the shape
        of the output.
        """
        return self._times(v, self._split("matvec"))

    def _times(self, v: Any, k: int) -> Any:
        """The map from the axes behind the first `k` to those."""
        rows = tuple(range(k))
        columns = tuple(range(k, self.ndim))
        return self._applied(v, self.shape[k:], columns, rows, "v")

    # NumPy asks no ufunc for an operator with an array on its left: Python asks the methods here,
    # and what they do not have is a TypeError, never a dense tensor in silence.
    __array_ufunc__ = None

    def __array_function__(
        self, f: Any, types: object, args: Sequence[object], options: Mapping[str, object]
    ) -> Any:
        raise TypeError(
            f"np.{f.__name__} would form the dense tensor: S @ v is a product that does not, "
            "S.dense() makes an array"
        )

    def __matmul__(self, v: Any) -> Any:
        """``S @ v`` is ``S.matvec(v)``: over all input axes; nothing dense is formed. Of two
        structured tensors it is their product, where that stays structured.
        """
        if isinstance(v, Structured):
            return self._multiplied_by(v)
        self._check_factor(v)
        return self.matvec(v)

    def __rmatmul__(self, u: Any) -> Any:
        """``u @ S``, over all output axes; nothing is conjugated."""
        self._check_factor(u)
        k = self._split("u @ S")
        rows = tuple(range(k))
        columns = tuple(range(k, self.ndim))
        return self._applied(u, self.shape[:k], rows, columns, "u")

    def _check_factor(self, value: Any) -> None:
        if isinstance(value, Expr):
            raise TypeError(
                f"a structured result is multiplied by an array, not by {type(value).__name__}: "
                "write the product as an expression, and evaluate that"
            )

    # ---- sums and multiples, which have the cores of their parts
    def _derived(
        self,
        terms: list[Term[Array]],
        dtype: Any,
        shape: tuple[int, ...] | None = None,
        split: int | None = None,
        axes: Sequence[str] | None = None,
    ) -> Structured:
        """A tensor made of this one. No expression has its value: it is called S."""
        names = tuple(self.axes if axes is None else axes)
        if len(set(names)) < len(names):
            names = tuple(fresh_names(len(names), ()))
        shape = self.shape if shape is None else shape
        root = Tensor("S", names)
        return Structured(terms, shape, dtype, root, split, self._backend, self._device)

    def __add__(self, other: Any) -> Structured:
        """``S + S`` of one shape: equal embeddings are held once.

        Raises TypeError for a dense array: that sum is dense, ``S.dense() + c``.
        """
        return self._sum(other)

    def __radd__(self, other: Any) -> Structured:
        return self._sum(other)

    def __sub__(self, other: Any) -> Structured:
        """``S - S``, as the sum."""
        return self._sum(-other if isinstance(other, Structured) else other)

    def __rsub__(self, other: Any) -> Structured:
        return self._sum(other)

    def _sum(self, other: Any) -> Structured:
        if not isinstance(other, Structured):
            raise TypeError(
                f"a structured tensor plus or minus {_spoken(other)} would be dense: S.dense() "
                "makes an array, S.shifted(number) adds to the diagonal"
            )
        if other.shape != self.shape:
            raise ShapeError(
                f"a sum needs tensors of one shape, not {self.shape} and {other.shape}"
            )
        self._check_backend(other)
        dtype = self._backend.library.promoted([self.dtype, other.dtype], [])
        split = self.split if self.split == other.split else None
        terms = merged([*self._terms, *other._terms], self._adder(dtype))
        return self._derived(terms, dtype, split=split)

    def _check_backend(self, other: Structured) -> None:
        if other._backend is not self._backend:
            raise BackendError(
                f"one structured tensor has arrays of {self._backend.name}, the other of "
                f"{other._backend.name}: evaluate both with arrays of one library"
            )

    def _adder(self, dtype: Any) -> Callable[[Array, Array], Array]:
        """What adds cores; whole numbers are exact, or refused."""

        def add(a: Array, b: Array) -> Array:
            if self._is_whole(dtype):
                check_bound(largest(a) + largest(b), self._backend.library.kind(dtype).itemsize)
            convert = self._backend.library.converted
            added: Array = convert(convert(a, dtype) + convert(b, dtype), dtype)
            return added

        return add

    def _is_whole(self, dtype: Any) -> bool:
        return bool(self._backend.library.kind(dtype).kind in "iu")

    def __neg__(self) -> Structured:
        """``-S``."""
        return self._scaled(-1, lambda array: -1 * array)

    def __pos__(self) -> Structured:
        return self

    def __mul__(self, number: Any) -> Structured:
        """A number times S. Raises TypeError for an array."""
        return self._scaled(number, lambda array: array * number)

    def __rmul__(self, number: Any) -> Structured:
        return self._scaled(number, lambda array: array * number)

    def __truediv__(self, number: Any) -> Structured:
        """S by a number; whole numbers become floats, as those of arrays do."""
        return self._scaled(number, lambda array: array / number, divides=True)

    def _scaled(
        self, number: Any, times: Callable[[Array], Array], *, divides: bool = False
    ) -> Structured:
        if not _is_number(number):
            raise TypeError(
                f"a structured tensor is multiplied and divided by numbers, not by "
                f"{_spoken(number)}: S @ v is a product, S.dense() makes an array"
            )
        dtype = self._promoted(number)
        if divides and self._is_whole(dtype):
            dtype = self._promoted(1.0)
        whole = self._is_whole(dtype)
        convert = self._backend.library.converted

        def converted(array: Array) -> Array:
            if whole:
                size = self._backend.library.kind(dtype).itemsize
                check_bound(largest(array) * abs(int(number)), size)
            product = self._backend.library.as_array(times(convert(array, dtype)))
            found: Array = convert(product, dtype)
            return found

        return self._derived(scaled(self._terms, converted), dtype, split=self.split)

    def _promoted(self, number: Any) -> Any:
        """The dtype of a product with a number: one of Python does not widen floats."""
        promoted = self._backend.library.promoted
        if isinstance(number, (bool, int, float, complex)):
            return promoted([self.dtype], [number])
        return promoted([self.dtype, number.dtype], [])

    @property
    def T(self) -> Structured:
        """Input and output swapped: the transpose, not the adjoint, of the matrix of a derivative
        or of another tensor that is square.
        """
        k = self.ndim // 2 if self.split is None and self._is_square() else self._split("S.T")
        shape = (*self.shape[k:], *self.shape[:k])
        axes = (*self.axes[k:], *self.axes[:k])
        split = None if self.split is None else self.ndim - k
        return self._derived(transposed(self._terms, k), self.dtype, shape, split, axes)

    def _is_square(self) -> bool:
        half = self.ndim // 2
        return self.shape[:half] == self.shape[half:]

    def shifted(self, number: Any) -> Structured:
        """``S + λ I``: a number times the identity is added, as the damping of a Newton step.

        >>> import einderiv as ed, numpy as np
        >>> x = ed.tensor("x", "i")
        >>> H = ed.evaluate(ed.hessian(ed.sum(ed.exp(x)), x), x=np.zeros(3), dense=False)
        >>> H.shifted(0.5).solve(np.ones(3))
        array([0.66666667, 0.66666667, 0.66666667])

        Raises ShapeError for a tensor that is not square, TypeError for what is no number.
        """
        k = self._rows("shifted")
        if not _is_number(number):
            raise TypeError(f"shifted takes a number, not {_spoken(number)}")
        dtype = self._promoted(number)
        library = self._backend.library
        if isinstance(number, (bool, int, float, complex)):
            number = library.given({"number": np.asarray(number, np.result_type(number))})[0][
                "number"
            ]
        term = identity(library.converted(library.as_array(number), dtype), k)
        terms = merged([*self._terms, term], self._adder(dtype))
        return self._derived(terms, dtype, split=self.split)

    def _multiplied_by(self, other: Structured) -> Structured:
        """The product over the inputs of this one and the outputs of the other.

        Raises TypeError where the product holds more than both of them, as of two sums: that is
        dense.
        """
        self._check_backend(other)
        k, inner = self._split("S @ S"), other._split("S @ S")
        if self.shape[k:] != other.shape[:inner]:
            raise ShapeError(
                f"S @ S needs an input of the shape of the other's output, not {self.shape[k:]} "
                f"and {other.shape[:inner]}"
            )
        middle = tuple(range(k, self.ndim))
        rows = tuple(range(k))
        columns = tuple(range(self.ndim, self.ndim + other.ndim - inner))
        shape = (*self.shape[:k], *other.shape[inner:])
        parts = []
        for term in self._terms:
            first = product(term, self.shape)
            for own in other._terms:
                second = product(own, other.shape)
                slots = [(first, (*rows, *middle)), (second, (*middle, *columns))]
                axes = (None,) * len(shape)
                output = (*rows, *columns)
                parts.append(assemble(1, slots, output, axes=axes, inline=(first, second)))
        e = total(parts, shape)
        execution = Execution(
            [e], solved([e], {}), {}, backend=self._backend, device=self._device, dense=False
        )
        program = execution.program
        held = sum(map(program.entries, program.outputs))
        before = self._entries() + other._entries()
        # One whose core fills the tensor is dense as it is: the product is no denser.
        is_full = any(2 * s._entries() >= prod(s.shape) for s in (self, other))
        if not is_full and held > 2 * before and 2 * held > prod(shape):
            raise TypeError(
                f"the product of these structured tensors has cores of {held} entries, and those "
                f"of both have {before}: multiply one of them by S.dense()"
            )
        dtype = execution.dtypes[0]
        found = held_terms(execution.terms[0], iter(execution.run({})))
        terms = merged(found, self._adder(dtype))
        names = fresh_names(len(shape), ())
        return self._derived(terms, dtype, shape, k, names)

    def _entries(self) -> int:
        """How many entries the factors have; an array that serves several times counts once."""
        factors = {id(array): array for term in self._terms for array, _ in term.factors}
        return sum(prod(array.shape) for array in factors.values())

    def rmatvec(self, u: Any) -> Any:
        """The adjoint times `u`, an array of the shape of the output. It conjugates: ``<u, J v>
        = <Jᴴ u, v>``.
        """
        k = self._split("rmatvec")
        conjugated = self._backend.library.conjugated
        u = conjugated(self._array(u))
        rows = tuple(range(k))
        columns = tuple(range(k, self.ndim))
        # Jᴴ u = conj(Jᵀ conj(u))
        return conjugated(self._applied(u, self.shape[:k], rows, columns, "u"))

    def _applied(
        self, v: Any, shape: tuple[int, ...], inner: Labels, outer: Labels, name: str
    ) -> Any:
        """The terms times `v`, which has the axes `inner`; the result has the axes `outer`."""
        v = self._array(v)
        if v.shape != shape:
            raise ShapeError(
                f"{name} has shape {tuple(v.shape)}, but the derivative takes shape {shape}"
            )
        return self._product(lambda: self._along(inner, outer), v, (name, v.dtype))

    def _array(self, value: Any) -> Any:
        """`value` as an array of the library that the cores are of."""
        if self._backend is NUMPY:
            return np.asarray(value)  # each step of a solver comes here
        return self._backend.library.given({"v": value})[0]["v"]

    def _product(self, make: Callable[[], Expr], v: Any, key: Any) -> Any:
        """An expression of the factors and `v`, which is made and planned once for each `key`."""
        library = self._backend.library
        if key not in self._planned:
            e = make()
            sizes = solved([e], {"v": tuple(v.shape)})
            execution = Execution(
                [e], sizes, {"v": v.dtype}, backend=self._backend, device=self._device
            )
            self._planned[key] = execution, library.promoted([self.dtype, v.dtype], [])
        execution, dtype = self._planned[key]
        return library.converted(execution.run({"v": v})[0], dtype)

    def _value(self, e: Expr, memory_limit: int | None = None) -> Any:
        """What an expression of the factors comes to, in the dtype of all."""
        execution = Execution(
            [e],
            solved([e], {}),
            {},
            backend=self._backend,
            device=self._device,
            memory_limit=memory_limit,
        )
        return self._backend.library.converted(execution.run({})[0], self.dtype)

    def _check_numpy(self, what: str) -> None:
        """Raise for cores of another library: what factors matrices looks at the numbers, which
        traced ones do not have.
        """
        if self._backend is not NUMPY:
            raise BackendError(
                f"{what} is for NumPy arrays, not those of {self._backend.name}: give arrays that "
                "went through numpy.asarray, or compute with .terms"
            )

    def _along(self, inner: Labels, outer: Labels) -> Expr:
        """The terms times a tensor ``v`` of the axes `inner`, over the axes `outer`."""
        vector = Tensor("v", (None,) * len(inner))
        labels = tuple(range(self.ndim))
        given = tuple(zip(labels, self.shape, strict=True))
        axes = (None,) * len(outer)
        parts = []
        for term in self._terms:
            # multiplied out: the order of the products is the planner's, nothing dense is formed
            whole = product(term, self.shape)
            slots = [(whole, labels), (vector, inner)]
            parts.append(assemble(1, slots, outer, axes=axes, given=given, inline=(whole,)))
        return total(parts, tuple([self.shape[p] for p in outer]))

    def diagonal(self) -> Any:
        """The entries ``[i…, i…]`` of a derivative whose input has the shape of its output; shape
        as the output.

        Raises ShapeError if the two shapes differ.
        """
        self._split("diagonal")
        return self._diagonal(self._rows("diagonal"))

    def _diagonal(self, k: int) -> Any:
        """``H[i…, i…]`` of a tensor with k axes of rows."""
        return self._tied(tuple(range(k)))

    def _tied(self, output: Labels) -> Any:
        """Rows and columns tied, and summed over those that are not in `output`."""
        rows = range(self.ndim // 2)
        # ``abab->ab`` for the diagonal, ``abab->`` for the trace
        axes = (None,) * len(output)
        parts = []
        for term in self._terms:
            whole = product(term, self.shape)
            slots = [(whole, (*rows, *rows))]
            parts.append(assemble(1, slots, output, axes=axes, inline=(whole,)))
        return self._value(total(parts, tuple([self.shape[p] for p in output])))

    def as_linear_operator(self) -> Any:
        """A ``scipy.sparse.linalg.LinearOperator``: flattened input axes to flattened output axes,
        in C order.

        Raises ImportError without SciPy, BackendError for cores that are not NumPy's.
        """
        self._check_numpy("as_linear_operator")
        k = self._split("as_linear_operator")
        linalg = scipy_part("sparse.linalg")
        rows, columns = self.shape[:k], self.shape[k:]

        def matvec(v: Array) -> Any:
            return self.matvec(v.reshape(columns)).ravel()

        def rmatvec(u: Array) -> Any:
            return self.rmatvec(u.reshape(rows)).ravel()

        shape = (prod(rows), prod(columns))
        return linalg.LinearOperator(shape, matvec=matvec, rmatvec=rmatvec, dtype=self.dtype)

    # ---- square tensors: derivatives whose input has the shape of the output, and others of such a
    # shape, as 2 H + JᵀJ
    def _rows(self, what: str) -> int:
        """How many axes the rows have, those in front; raises for a tensor that is not square."""
        half = self.ndim // 2
        if self.split is None and self.shape[:half] == self.shape[half:]:
            return half
        k = self._split(what)
        if self.shape[:k] != self.shape[k:]:
            raise ShapeError(
                f"the output has shape {self.shape[:k]}, the input {self.shape[k:]}: there is a "
                f"diagonal, and {what}, only if they are the same"
            )
        return k

    @cached_property
    def square(self) -> Square:
        """A square tensor as the groups of blocks that are factored."""
        self._check_numpy("what factors matrices, as solve, logdet and eigvalsh,")
        return Square(self._terms, self.shape[: self.ndim // 2], self.dtype)

    def method(self, what: str = "solve") -> str:
        """How ``solve``, ``logdet``, ``trace``, ``eigvalsh``, ``cholesky`` or ``inv_diagonal`` does
        it, in one sentence.

        Raises EinderivError for another name, ShapeError if output and input have other shapes.
        """
        if what not in SQUARE:
            raise EinderivError(
                f"nothing that needs a method is called {str(what)[:40]!r}; "
                f"{near(str(what), SQUARE)}"
            )
        self._rows(what)
        return self.square.method(what)

    def solve(self, b: Any, *, rtol: float = 1e-10, maxiter: int = STEPS) -> Array:
        """``H.solve(b).shape == b.shape``: the `x` with ``H.matvec(x) == b``, a Newton step if H is
        a Hessian.

        H is a derivative whose input has the shape of the output, or any tensor the first half of
        whose axes has the sizes of the second, such as ``2 H`` or ``JᵀJ + λ I``.

        `b` has the shape of the output, or further axes behind, for several right-hand sides. What
        is factored follows from the structure, and ``method()`` says what: one block for all
        right-hand sides where the others are tied by deltas, a stack of blocks, the factors of a
        Kronecker product or of a sum of two, a base beside outer products (Woodbury's identity), or
        the dense tensor up to 2000 unknowns. With SciPy also a band, as of a chain or a stencil, a
        Toeplitz, circulant or triangular matrix, and a sparse matrix whose factors may fit, most of
        any size. Beyond, conjugate gradients work without any factor, to ``|H x - b| <= rtol |b|``
        in at most `maxiter` steps; only they use these two, and need SciPy. Whole numbers are
        solved in float64.

        >>> import einderiv as ed, numpy as np
        >>> U, V = ed.tensor("U", "nk"), ed.tensor("V", "mk")
        >>> loss = ed.norm_squared(ed.tensor("T", "nm") - ed.einsum("nk,mk->nm", U, V))
        >>> T, U0 = np.ones((4, 3)), np.zeros((4, 2))
        >>> V0 = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> H = ed.evaluate(ed.hessian(loss, U), T=T, U=U0, V=V0, dense=False)
        >>> H.terms[0][1], H.method()
        ('db->abad', 'one 2x2 factorisation for 4 right-hand sides')
        >>> U0 - H.solve(ed.evaluate(ed.grad(loss, U), T=T, U=U0, V=V0))
        array([[1., 1.],
               [1., 1.],
               [1., 1.],
               [1., 1.]])

        Raises EinderivError for a singular block, which it names, for nan or inf in H or `b`, where
        conjugate gradients meet a tensor that is not symmetric, and where they do not converge;
        ShapeError for shapes that do not fit.
        """
        k = self._rows("solve")
        b = usable(b, "b")
        if b.shape[:k] != self.shape[:k]:
            raise ShapeError(
                f"b has shape {b.shape}, but the first {k} sizes must be {self.shape[:k]}"
            )
        if not rtol > 0:
            raise EinderivError(f"rtol must be positive, not {rtol}")
        maxiter = natural(maxiter, "maxiter")
        return self.square.solve(
            b, lambda v: self._times(v, k), lambda: self._diagonal(k), rtol, maxiter
        )

    def logdet(self) -> Any:
        """``log |det H|``, of ``H`` with its output and input axes flattened:
        ``numpy.linalg.slogdet(…)[1]``.

        -inf for a singular tensor. Raises LimitError where a block is too large to be factored.
        """
        self._rows("logdet")
        return self.square.log_determinant()

    def trace(self) -> Any:
        """The sum of the diagonal, read off the cores; nothing is formed, and whole numbers stay
        exact.
        """
        self._rows("trace")
        if 0 in self.shape:
            # The sum of nothing, though a core may hold a mean over nothing, which is nan.
            return self._value(total([], ()))[()]
        return self._tied(())[()]

    def eigvalsh(self) -> Array:
        """All eigenvalues of a symmetric (Hermitian) tensor, its axes flattened, ascending.

        Raises EinderivError if it is not symmetric, LimitError where a block is too large.
        """
        self._rows("eigvalsh")
        return self.square.eigenvalues()

    def inv_diagonal(self) -> Array:
        """The diagonal of the inverse, in the shape of the output: variances, where H is the
        precision of a normal distribution.

        Raises EinderivError for a singular tensor, LimitError where a block is too large.
        """
        self._rows("inv_diagonal")
        return self.square.inverse_diagonal()

    def cholesky(self) -> Structured:
        """The lower factor L of a symmetric (Hermitian) positive definite tensor, ``L Lᴴ``, by
        blocks, bands and factors of a Kronecker product; ``L @ z`` and ``L.solve(b)`` are its
        products.

        >>> import einderiv as ed, numpy as np
        >>> x = ed.tensor("x", "i")
        >>> H = ed.evaluate(ed.hessian(2 * ed.norm_squared(x), x), x=np.zeros(3), dense=False)
        >>> H.cholesky() @ np.ones(3)
        array([2., 2., 2.])

        Raises EinderivError for a tensor that is not symmetric, or not positive definite,
        LimitError where a block is too large.
        """
        k = self._rows("cholesky")
        term = self.square.cholesky()
        (array, _), *_ = term.factors
        return self._derived([term], array.dtype, split=k)


def _is_number(value: Any) -> bool:
    """Is it a number of Python, or an array of one without axes?"""
    if isinstance(value, (bool, int, float, complex)):
        return True
    is_array = isinstance(value, np.generic) or library(value) is not None
    return bool(is_array and getattr(value, "ndim", 1) == 0)


def _spoken(value: Any) -> str:
    """What a value is, for an error."""
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return (
        f"a number ({kind})"
        if shape in (None, ()) and _is_number(value)
        else (kind if shape is None else f"an array of shape {tuple(shape)}")
    )


def structured_of(terms: Any, shape: Any, dtype: Any, data: Any, how: Any) -> Structured:
    """What ``pickle`` makes a structured tensor of. Raises EinderivError for what is none."""
    root = tree_of(data)
    try:
        split, backend, device = how
        if not isinstance(root, Expr) or len(shape) != root.ndim or backend not in BACKENDS:
            raise ValueError("its parts do not fit")
        if split is not None and split not in range(root.ndim + 1):
            raise ValueError(f"no derivative has {split} axes of its output here")
        held = [read(row, shape) for row in terms]
    except (TypeError, ValueError, AttributeError) as error:
        raise EinderivError(f"this is no stored structured tensor: {str(error)[:100]}") from None
    return Structured(held, tuple(shape), dtype, root, split, BACKENDS[backend], device)
