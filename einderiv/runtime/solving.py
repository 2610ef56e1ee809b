"""Systems, determinants and eigenvalues of square tensors: Hessians above all. The structure
decides what is factored.

Along an axis where the tensor is an identity nothing is to be solved. The rest is a Kronecker
product of groups of blocks (:mod:`.kronecker`), for which ``(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹``,
``log|det(A ⊗ B)| = n log|det A| + m log|det B|`` (A is m by m, B n by n), and the eigenvalues of
A ⊗ B are all products of one of A and one of B. A group is a stack of dense blocks, or what its
relations and index arrays make of it, a band or a sparse matrix (:mod:`.kinds`). What is too large
to be factored, conjugate gradients solve without forming it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..backends import Array
from ..errors import EinderivError, LimitError, limits, spoken_bytes
from ..expression import Labels, Relation, relation
from ..planning import Term
from .algebra import scaled, transposed
from .banded import Banded
from .dense_blocks import Map, Name, first, floating, not_positive
from .iterative import conjugate_gradients
from .kinds import KINDS, MOST_SPECTRAL, Part, named
from .kronecker import LARGEST_BLOCK, Shape, groups
from .sparse import SuperLU

# Of the largest entry: the multiples of the identity that are added to a tensor until it is
# positive definite, which it is before they reach the sum of a row.
SHIFTS = [1e-3 * 4**k for k in range(20)]


WANTED = {
    "logdet": "log |det|",
    "eigvalsh": "eigenvalues",
    "cholesky": "Cholesky's factor",
    "inv_diagonal": "diagonal of the inverse",
}


class Square:
    """A square tensor: rows and columns of one shape, and the groups it is made of."""

    def __init__(
        self, terms: Sequence[Term[Array]], shape: Shape, dtype: Any, *, kronecker: bool = True
    ) -> None:
        self.terms = terms
        self.shape = shape
        self.dtype = dtype
        self.count = prod(shape)  # of unknowns
        self.parts = [
            Part(group, dtype, Square) for group in groups(terms, shape, kronecker=kronecker)
        ]

    @classmethod
    def of_form(cls, form: Banded | SuperLU) -> Square:
        """A matrix that is no tensor's."""
        square = cls((), (form.n,), form.values.dtype)
        square.parts = [Part.of_form(form, Square)]
        return square

    @property
    def direct(self) -> bool:
        """Can every block be factored? If not, only conjugate gradients are left."""
        return all(part.allows("solve") for part in self.parts)

    @property
    def tells_signs(self) -> bool:
        """Can `positive_definite` say whether it is so?"""
        return all(part.allows("the signs of eigenvalues") for part in self.parts)

    def method(self, what: str) -> str:
        """One sentence: how `what` is computed."""
        if what == "trace":
            return "the sum of the diagonal, read off the cores"
        if what == "solve" and not self.direct:
            return "matrix-free conjugate gradients"
        covered = prod(part.count for part in self.parts)
        # The axes that no group has: along them the tensor is an identity.
        sides = self.count // max(covered, 1)
        if what != "solve":
            times = f", {sides} times each" if sides > 1 else ""
            wanted = WANTED[what]
            return f"{wanted} of {named(self.parts)}{times}"
        several = f" for {sides} right-hand sides" if sides > 1 else ""
        if len(self.parts) > 1:
            return f"Kronecker product: {named(self.parts)}{several}"
        (part,) = self.parts
        if part.kind == "block" and not several:
            return f"dense {part.group.order}x{part.group.order}"
        division = part.alone
        return division + several if part.group.free else division

    def solve(
        self,
        b: Array,
        applied: Callable[[Array], Array],
        diagonal: Callable[[], Array] | None,
        rtol: float,
        maxiter: int,
    ) -> Array:
        """What the tensor maps to `b`, whose axes behind those of the rows are right-hand sides."""
        result = np.result_type(self.dtype, b)
        result = result if result.kind in "fc" else np.dtype(np.float64)
        floating(result)  # raises where nothing is factored
        if not b.size:
            return np.zeros(b.shape, result)
        if not self.direct:
            x = _conjugate_gradients_each(self, b, applied, diagonal, rtol, maxiter)
            return x.astype(result)
        return self.solved(b)

    def solved(self, b: Array) -> Array:
        """`solve` by factors, of a tensor whose blocks can be factored."""
        result = np.result_type(self.dtype, b)
        result = result if result.kind in "fc" else np.dtype(np.float64)
        dtype = floating(result)
        blocks = [self._blocks(k, dtype) for k in range(len(self.parts))]
        _check_finite(b)
        # (A ⊗ B)⁻¹ b = A⁻¹ (B⁻¹ b), each along its own axes
        x = b.astype(dtype)
        for k, own in enumerate(blocks):
            x = self._solved(k, own, x)
        return np.asarray(x, dtype=result, order="C")

    # ---- as the base of another one
    @property
    def named(self) -> str:
        """What it is, in words."""
        return named(self.parts)

    @property
    def hardest(self) -> int:
        """How many unknowns are factored as a dense matrix."""
        return max([part.hardest for part in self.parts], default=1)

    def entries(self) -> Array | None:
        """The entries of a diagonal, in the shape of its rows; None of any other."""
        if any(part.kind not in ("number", "diagonal") for part in self.parts):
            return None
        ones = np.ones((*self.shape, 1), floating(self.dtype))
        return self.times(ones)[..., 0]

    def times(self, x: Array) -> Array:
        """The product with x, whose axes behind those of the rows are columns."""
        dtype = floating(np.result_type(self.dtype, x))
        for k, part in enumerate(self.parts):
            held = self._blocks(k, dtype)
            x = self._along(k, partial(KINDS[part.kind].times, held), x)
        return x

    @property
    def size(self) -> float:
        """The product of the largest entries of all groups, and how many unknowns these have."""
        dtype = floating(self.dtype)
        result = 1.0
        for k, part in enumerate(self.parts):
            held = self._blocks(k, dtype)
            values = held if part.form is None else held.values
            result *= float(np.abs(values).max(initial=0)) * part.group.order
        return result

    @property
    def values(self) -> Array:
        """All entries that are held."""
        dtype = floating(self.dtype)
        held = [part.held(dtype) for part in self.parts]
        parts = [own if part.form is None else own.values for part, own in self._beside(held)]
        return np.concatenate([np.ravel(own) for own in parts])

    def with_terms(self, terms: Sequence[Term[Array]], dtype: Any = None) -> Square:
        """Another one with rows of this shape."""
        return Square(terms, self.shape, self.dtype if dtype is None else dtype)

    def astype(self, dtype: Any) -> Square:
        """The tensor with entries of another dtype."""
        return self.with_terms(self.terms, dtype)

    def negated(self) -> Square:
        """The tensor times -1."""
        return self.with_terms(scaled(self.terms, lambda array: -1 * array))

    def transposed(self) -> Square:
        """The tensor with rows and columns swapped."""
        return self.with_terms(transposed(self.terms, len(self.shape)))

    # ---- factors and inverses
    def inverse_diagonal(self) -> Array:
        """The diagonal of the inverse, in the shape of the rows."""
        dtype = floating(self.dtype)
        result = np.ones(self.shape, dtype)
        if not self.count:
            return result
        self._check_direct("inv_diagonal")
        # diag(A⁻¹ ⊗ B⁻¹): along an identity it is repeated
        for k, part in enumerate(self.parts):
            group = part.group
            own = KINDS[part.kind].inverse_diagonal(self._blocks(k, dtype), self._namer(k))
            axes = (*group.tied, *group.free)
            shaped = own.reshape((*group.stack, *group.inner)).transpose(np.argsort(axes))
            others = [p for p in range(len(self.shape)) if p not in axes]
            result = result * np.expand_dims(shaped, others)
        return result

    def cholesky(self) -> Term[Array]:
        """The lower factor L of a Hermitian positive definite tensor, ``L Lᴴ``, one term of as many
        axes: a Kronecker product has those of its groups.
        """
        dtype = floating(self.dtype)
        k = len(self.shape)
        self._check_direct("cholesky")
        factors: list[tuple[Array, Labels]] = []
        relations: list[Relation] = []
        columns = list(range(k))
        blocks = [self._blocks(n, dtype) for n in range(len(self.parts))]
        if self.count and not self._are_symmetric(blocks):
            if len(self.parts) == 1:
                raise EinderivError(
                    "the tensor is not symmetric (Hermitian): it has no Cholesky factor"
                )
            # The product of two antisymmetric matrices by Kronecker is symmetric.
            return Square(self.terms, self.shape, self.dtype, kronecker=False).cholesky()
        signs = [1 if KINDS[p.kind].positive(b) else -1 for p, b in self._beside(blocks)]
        if signs.count(-1) % 2:
            signs[signs.index(-1)] = 1  # it is named in the error
        for n, (part, held) in enumerate(self._beside(blocks)):
            group = part.group
            for p in group.free:
                columns[p] = k + p
            own = held if signs[n] > 0 else -held
            across = tuple([columns[p] for p in group.free])
            if isinstance(own, Banded) and own.order is None and len(self.shape) == 1:
                lower = own.lower_bands()
                if lower is None:
                    raise not_positive(self._namer(n)(()))
                # L[j + d, j] = lower[d, j]
                factors.append((lower, (2 * k, *across)))
                relations.append(relation(0, {group.free[0]: 1, across[0]: -1, 2 * k: -1}))
                continue
            array = KINDS[part.kind].lower(own, self._namer(n))
            shape = (*group.stack, *group.inner, *group.inner)
            factors.append((array.reshape(shape), (*group.tied, *group.free, *across)))
        if not factors:
            factors.append((np.ones((), dtype), ()))
        return Term(tuple(factors), (*range(k), *columns), tuple(relations))

    def _beside(self, blocks: Sequence[Any]) -> list[tuple[Part, Any]]:
        return list(zip(self.parts, blocks, strict=True))

    def positive_definite(self) -> bool:
        """Is a symmetric tensor whose blocks can be factored positive definite? A Kronecker
        product also is if an even number of its parts are negative definite.
        """
        dtype = floating(self.dtype)
        negative = 0
        for k, part in enumerate(self.parts):
            blocks = self._blocks(k, dtype)
            positive = KINDS[part.kind].positive
            if positive(blocks):
                continue
            if not positive(-blocks):
                return False
            negative += 1
        return negative % 2 == 0

    def unsigned(self, b: Array) -> tuple[Array, Array]:
        """``|H|⁺ b`` of a symmetric tensor H, and the part of `b` that H maps to zero.

        ``|H|`` has the absolute values of the eigenvalues; those that are rounding count as zero.
        Where H is positive semidefinite this is the least solution of the system, where it is
        indefinite it still leads downwards if `b` is a gradient: ``bᵀ |H|⁺ b >= 0``. Source:
        Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional
        non-convex optimization", 2014.
        """
        dtype = floating(np.result_type(self.dtype, b))
        self._check_direct("the least step")
        blocks = [self._blocks(k, dtype) for k in range(len(self.parts))]
        _check_finite(b)
        if len(self.parts) > 1 and not self._are_symmetric(blocks):
            # The product of two antisymmetric matrices by Kronecker is symmetric.
            return Square(self.terms, self.shape, self.dtype, kronecker=False).unsigned(b)
        # |A ⊗ B|⁺ = |A|⁺ ⊗ |B|⁺
        step = inside = b.astype(dtype)
        for k, own in enumerate(blocks):
            inverse, projection = KINDS[self.parts[k].kind].unsigned(own)
            step = self._along(k, inverse, step)
            inside = self._along(k, projection, inside)
        return step, b - inside

    @property
    def damps(self) -> bool:
        """Is it one sparse matrix, too large for its eigenvalues, that `damped` is for?"""
        return len(self.parts) == 1 and not self.parts[0].allows("the least step")

    def damped(self, b: Array) -> Array:
        """``(H + λ I)⁻¹ b`` of a symmetric tensor, with a λ that makes ``H + λ I`` positive
        definite: as `unsigned` it leads downwards if `b` is a gradient.

        Source: Nocedal, Wright, "Numerical Optimization", 2006, algorithm 3.3.
        """
        dtype = floating(np.result_type(self.dtype, b))
        held = self._blocks(0, dtype)
        _check_finite(b)
        size = float(np.abs(held.values).max(initial=0)) or 1.0
        positive = KINDS[self.parts[0].kind].positive
        for share in (float(np.finfo(dtype).eps) ** 0.5, *SHIFTS):
            moved = held.shifted(share * size)
            if positive(moved):
                return self._solved(0, moved, b.astype(dtype))
        raise EinderivError("no multiple of the identity makes the tensor positive definite")

    def _are_symmetric(self, blocks: Sequence[Any]) -> bool:
        """Are all groups symmetric (Hermitian), given their blocks?"""
        for part, held in zip(self.parts, blocks, strict=True):
            if not KINDS[part.kind].hermitian(held, part.largest):
                return False
        return True

    def _solved(self, k: int, blocks: Any, x: Array) -> Array:
        """The inverse of one group applied to its axes of `x`."""
        solve = KINDS[self.parts[k].kind].solve
        return self._along(k, lambda flat: solve(blocks, flat, self._namer(k)), x)

    def _along(self, k: int, mapped: Map, x: Array) -> Array:
        """A map of one group applied to its axes of `x`; along all others it is the identity."""
        group = self.parts[k].group
        own = (*group.tied, *group.free)
        others = [p for p in range(x.ndim) if p not in own]
        order = (*own, *others)
        moved = x.transpose(order)
        sides = x.size // (prod(group.stack) * group.order)
        flat = moved.reshape((*group.stack, group.order, sides))
        # One system for each block, (*stack, order, sides).
        y = mapped(flat)
        back = [order.index(p) for p in range(x.ndim)]
        return y.reshape(moved.shape).transpose(back)

    def _blocks(self, k: int, dtype: Any) -> Any:
        part = self.parts[k]
        blocks = part.held(dtype)
        finite = np.isfinite(blocks if part.form is None else part.form.values)
        if not finite.all():
            which = first(~finite)[: len(part.group.stack)] if part.form is None else ()
            raise EinderivError(f"{self._namer(k)(which)} holds nan or inf")
        return blocks

    def _namer(self, k: int) -> Name:
        """What says which block of group k an error is about."""
        part = self.parts[k]
        spoken = named([part])
        of = f", part {k} of the Kronecker product," if len(self.parts) > 1 else ""

        def name(at: tuple[int, ...]) -> str:
            place = ", ".join(map(str, at))
            match part.kind:
                case "number":
                    return f"the number in front{of}"
                case "block":
                    return f"the {spoken} block{of}"
                case "diagonal":
                    return f"entry {place} of {spoken}{of}"
                case "blocks":
                    return f"block {place} of {spoken}{of}"
                case "low rank" if at:
                    return f"block {place} of {spoken}{of}"
            return f"{spoken}{of}"

        return name

    def log_determinant(self) -> Any:
        """``log |det|``, of each group as often as the others repeat it."""
        dtype = floating(self.dtype)
        real = np.zeros(0, dtype).real.dtype.type
        if not self.count:
            return real(0)
        self._check_direct("logdet")
        logs = []
        for k, part in enumerate(self.parts):
            log = KINDS[part.kind].log(self._blocks(k, dtype))
            # log |det(A ⊗ I)| = n log |det A|, where the identity is n by n.
            logs.append(log * (self.count // part.count))
        return real(sum(logs))

    def eigenvalues(self) -> Array:
        """All eigenvalues of a Hermitian tensor, ascending: products of one of each group."""
        dtype = floating(self.dtype)
        limits.check("dense_bytes", self.count * dtype.itemsize)
        real = np.zeros(0, dtype).real.dtype
        if not self.count:
            return np.zeros(0, real)
        self._check_direct("eigvalsh")
        blocks = [self._blocks(k, dtype) for k in range(len(self.parts))]
        if not self._are_symmetric(blocks):
            if len(self.parts) == 1:
                raise EinderivError(
                    "the tensor is not symmetric (Hermitian): eigvalsh would be wrong"
                )
            # The product of two antisymmetric matrices by Kronecker is symmetric.
            return Square(self.terms, self.shape, self.dtype, kronecker=False).eigenvalues()
        # Those of A ⊗ B are all λ μ; along an identity each is repeated.
        products = np.ones(1, real)
        for part, held in zip(self.parts, blocks, strict=True):
            eigenvalues = KINDS[part.kind].spectrum(held)
            products = np.multiply.outer(products, eigenvalues).ravel()
        return np.sort(np.repeat(products, self.count // products.size))

    def _check_direct(self, what: str) -> None:
        for part in self.parts:
            if part.allows(what):
                continue
            if what == "eigvalsh" and isinstance(part.form, Banded):
                raise LimitError(
                    f"eigvalsh of {part.named} takes about {part.form.spectral_work:.0e} "
                    f"operations, over {MOST_SPECTRAL:.0e}: scipy.sparse.linalg.eigsh finds some "
                    "eigenvalues, of .as_linear_operator()"
                )
            size = prod(part.group.stack) * part.group.order**2 * np.dtype(self.dtype).itemsize
            raise LimitError(
                f"{what} would factor {named([part])}, {spoken_bytes(size)}: at most "
                f"{LARGEST_BLOCK} unknowns a block and ed.limits.dense_bytes; "
                ".as_linear_operator() is for scipy.sparse.linalg"
            )


def _check_finite(b: Array) -> None:
    if not np.isfinite(b).all():
        raise EinderivError("the right-hand side holds nan or inf")


# ---- without factors: conjugate gradients
def _conjugate_gradients_each(
    square: Square,
    b: Array,
    applied: Callable[[Array], Array],
    diagonal: Callable[[], Array] | None,
    rtol: float,
    maxiter: int,
) -> Array:
    """Conjugate gradients for each right-hand side."""
    columns = b.reshape(square.count, -1)
    wide = np.complex128 if np.result_type(square.dtype, b).kind == "c" else np.float64

    def flat(v: Array) -> Array:
        return applied(v.reshape(square.shape)).ravel()

    entries = None if diagonal is None else diagonal().ravel()
    exact = floating(square.dtype)
    solutions = []
    for column in columns.T:
        x = conjugate_gradients(flat, column.astype(wide), entries, rtol, maxiter, exact)
        solutions.append(x)
    return np.stack(solutions, axis=-1).reshape(b.shape)
