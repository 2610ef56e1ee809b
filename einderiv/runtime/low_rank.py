"""A matrix that is easily solved plus a few outer products, ``S = B + U Vᵀ``: Woodbury's identity.

    S⁻¹ = B⁻¹ - B⁻¹ U (I + Vᵀ B⁻¹ U)⁻¹ Vᵀ B⁻¹        det S = det B · det(I + Vᵀ B⁻¹ U)

A term is of low rank where no label but those of the block joins its rows and its columns, as in
``u[a] v[b]`` with rank one, or where thin ones do, as k in ``u[k,a] v[k,b]``. Source: Woodbury,
"Inverting modified matrices", 1950; Golub, Van Loan, "Matrix Computations", 2.1. The solution is
refined by its residual, in more digits where B is a diagonal (Higham, "Accuracy and Stability of
Numerical Algorithms", chapter 12).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..backends import Array
from ..errors import EinderivError
from ..expression import Label, Labels, connected
from ..planning import Term
from .dense_blocks import (
    Map,
    Name,
    factored,
    first,
    hermitian,
    inverted_blocks,
    positive_blocks,
    singular,
    spectrum,
    unsigned_blocks,
)
from .kronecker import Group, joints_of, part_of
from .terms import alone, lengths, product, value

SMALL = 64  # unknowns: of more, outer products pay where there are a quarter as many
STEPS = 3  # of refinement


class Base(Protocol):
    """What is asked of the part that is easily solved, a square tensor."""

    @property
    def direct(self) -> bool:
        """Can it be factored?"""

    @property
    def hardest(self) -> int:
        """How many unknowns are factored as a dense matrix."""

    @property
    def named(self) -> str:
        """What it is, in words."""

    @property
    def size(self) -> float:
        """A bound on the products with vectors of ones and minus ones."""

    @property
    def values(self) -> Array:
        """All entries that are held."""

    def entries(self) -> Array | None:
        """The entries of a diagonal; None of any other."""

    def solved(self, b: Array) -> Array:
        """The inverse times b."""

    def times(self, x: Array) -> Array:
        """The product with x."""

    def astype(self, dtype: Any) -> Base:
        """The tensor with entries of another dtype."""

    def negated(self) -> Base:
        """The tensor times -1."""

    def transposed(self) -> Base:
        """The tensor with rows and columns swapped."""

    def log_determinant(self) -> Any:
        """``log |det|``."""

    def inverse_diagonal(self) -> Array:
        """The diagonal of the inverse."""


# terms, the shape of the rows and the dtype to a base
SquareOf = Callable[[Sequence[Term[Array]], tuple[int, ...], Any], Base]


class Outer(NamedTuple):
    """A term as ``Σ over thin labels of u vᵀ``: the joints of the rows and of the columns."""

    term: Term[Array]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    thin: Labels  # labels of both sides that are on no axis
    rank: int


def outer(group: Group, term: Term[Array]) -> Outer | None:
    """A term of a group by its two sides; None where it is of no low rank."""
    k, m = len(group.tied), len(group.free)
    stacked, rows, columns = term.output[:k], term.output[k : k + m], term.output[k + m :]
    if set(rows) & set(columns) or set(stacked) & {*rows, *columns}:
        return None
    joints = joints_of(term)
    shape = (*group.stack, *group.inner, *group.inner)
    sizes = lengths(term, shape)
    on_axes = set(term.output)
    # A label that is on no axis and of several joints may be what two sides share.
    inner = [x for x in dict.fromkeys(x for own in joints for x in own) if x not in on_axes]
    related = len(term.factors)
    candidates = [x for x in inner if not any(x in own for own in joints[related:])]
    sides = _sides(joints, rows, columns, set(stacked))
    thin: Labels = ()
    if sides is None and candidates:
        sides = _sides(joints, rows, columns, {*stacked, *candidates})
        if sides is not None:
            first_labels = {x for n in sides[0] for x in joints[n]}
            other_labels = {x for n in sides[1] for x in joints[n]}
            thin = tuple([x for x in candidates if x in first_labels & other_labels])
    if sides is None:
        return None
    rank = prod([sizes[x] for x in thin])
    return Outer(term, *sides, thin, rank)


def _sides(
    joints: Sequence[Labels], rows: Labels, columns: Labels, apart: set[Label]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The joints that hang together with the rows, all others included, and with the columns."""
    parts = connected([*joints, rows, columns], apart=apart)
    count = len(joints)
    of_rows = next(members for members in parts if count in members)
    of_columns = next(members for members in parts if count + 1 in members)
    if of_rows is of_columns:
        return None
    second = tuple([n for n in of_columns if n < count])
    return tuple([n for n in range(count) if n not in second]), second


def pays(rank: int, order: int) -> bool:
    """Are so few outer products less work than a dense block?"""
    return rank < order if order <= SMALL else 4 * rank <= order


def low_rank(group: Group, dtype: Any, square_of: SquareOf, *, small: bool) -> LowRank | None:
    """A group as a base plus outer products; None where it is none, or the base no easier."""
    if len(group.terms) < 2:
        return None
    base: list[Term[Array]] = []
    outers: list[Outer] = []
    for flat, term in zip(group.flat_terms(), group.terms, strict=True):
        found = outer(group, term)
        if found is None:
            base.append(flat)
        else:
            outers.append(found)
    rank = sum(one.rank for one in outers)
    if not base or not outers or not pays(rank, group.order):
        return None
    rows = (*group.stack, *group.inner)
    square = square_of(base, rows, dtype)
    if not square.direct or square.hardest >= group.order:
        return None
    left = np.concatenate([_side(group, one, 0, dtype) for one in outers], -1)
    right = np.concatenate([_side(group, one, 1, dtype) for one in outers], -1)
    base_terms, left, right = _without_zeros(square, group, left, right)
    if base_terms is not None:
        square = square_of(base_terms, rows, dtype)
    return LowRank(group, square, left, right, small, rank)


def _without_zeros(
    base: Base, group: Group, left: Array, right: Array
) -> tuple[list[Term[Array]] | None, Array, Array]:
    """The terms of a diagonal base whose zeros are made other numbers, and U and V with what takes
    these away again, ``B + U Vᵀ = (B + s Σ e eᵀ) + U Vᵀ - s Σ e eᵀ``.

    None where there are no zeros, or more than outer products, which makes S singular.
    """
    if not np.isfinite(base.values).all():  # whoever solves says so
        return None, left, right
    entries = base.entries()
    if entries is None or entries.all():
        return None, left, right
    flat = entries.reshape((*group.stack, group.order))
    zero = flat == 0
    most = int(zero.sum(-1).max())
    if most > left.shape[-1]:
        return None, left, right
    size = np.abs(flat).max(-1, keepdims=True)
    size = np.where(size > 0, size, 1).astype(flat.dtype)
    units = np.zeros((*flat.shape, most), flat.dtype)
    places = np.nonzero(zero)
    units[(*places, (np.cumsum(zero, -1) - 1)[places])] = 1
    filled = np.where(zero, size, flat).reshape((*group.stack, *group.inner))
    labels = tuple(range(filled.ndim))
    term = Term(((filled, labels),), (*labels, *labels))
    left = np.concatenate([left, -size[..., None] * units], -1)
    return [term], left, np.concatenate([right, units], -1)


def _side(group: Group, one: Outer, which: int, dtype: Any) -> Array:
    """U or V of a term, shape ``(*stack, order, rank)``; U also has what belongs to the stack."""
    k, m = len(group.tied), len(group.free)
    term = one.term
    start = k + which * m
    output = (*term.output[:k], *term.output[start : start + m], *one.thin)
    inside = part_of(term, (one.rows, one.columns)[which], output)
    sizes = lengths(term, (*group.stack, *group.inner, *group.inner))
    given = dict(inside.given)
    shape = (*group.stack, *group.inner, *[sizes[x] for x in one.thin])
    for label in output:
        given.pop(label, None)
    inside = inside._replace(given=tuple(given.items()))
    array = alone((inside,), dtype)
    if array is None:
        array = value(product(inside, shape), dtype)
    return array.reshape((*group.stack, group.order, one.rank))


class LowRank:
    """``B + U Vᵀ`` with a base B and U, V of shape ``(*stack, order, rank)``. Of a `small` one the
    dense blocks may be formed.
    """

    def __init__(
        self, group: Group, base: Base, left: Array, right: Array, small: bool, rank: int
    ) -> None:
        """`rank` is that of the terms; U and V may have more columns, which repair the base."""
        self.rank = rank
        self.group = group
        self.base = base
        self.left = left
        self.right = right
        self.small = small
        self.n = prod(group.stack) * group.order

    def words(self) -> str:
        """What it is, after its number of unknowns."""
        count = self.rank
        products = "one outer product" if count == 1 else f"{count} outer products"
        each = " each" if self.group.stack else ""
        return f"{self.base.named} plus {products}{each}"

    @property
    def how(self) -> str:
        """What it costs beside the base."""
        return f"O({self.n} · {self.rank}²)"

    def astype(self, dtype: Any) -> LowRank:
        """The matrix with entries of another dtype."""
        if self.left.dtype == dtype:
            return self
        left, right = self.left.astype(dtype), self.right.astype(dtype)
        return LowRank(self.group, self.base.astype(dtype), left, right, self.small, self.rank)

    def __neg__(self) -> LowRank:
        return LowRank(
            self.group, self.base.negated(), -self.left, self.right, self.small, self.rank
        )

    @property
    def values(self) -> Array:
        """All entries that are held."""
        return np.concatenate([self.base.values, self.left.ravel(), self.right.ravel()])

    def dense(self) -> Array:
        """The blocks themselves."""
        return self.group.blocks(self.left.dtype)

    # ---- what is done with it
    def _based(self, x: Array) -> Array:
        """``B⁻¹ x`` of x with the shape ``(*stack, order, sides)``."""
        shaped = x.reshape((*self.group.stack, *self.group.inner, x.shape[-1]))
        return self.base.solved(shaped).reshape(x.shape)

    @cached_property
    def _parts(self) -> tuple[Array, Array]:
        """``Y = B⁻¹ U`` and the capacitance matrix ``C = I + Vᵀ Y``."""
        y = self._based(self.left)
        count = self.left.shape[-1]
        small = np.swapaxes(self.right, -1, -2) @ y
        return y, small + np.eye(count, dtype=y.dtype)

    def _once(self, b: Array, name: Name) -> Array:
        y, capacitance = self._parts
        x = self._based(b)
        inside = np.swapaxes(self.right, -1, -2) @ x
        try:
            return np.asarray(x - y @ np.linalg.solve(capacitance, inside))
        except np.linalg.LinAlgError:
            zero = np.linalg.slogdet(capacitance)[1] == -np.inf
            raise singular(name(first(zero)), "singular") from None

    def times(self, x: Array) -> Array:
        """The product with columns."""
        shaped = x.reshape((*self.group.stack, *self.group.inner, x.shape[-1]))
        based = self.base.times(shaped).reshape(x.shape)
        return np.asarray(based + self.left @ (np.swapaxes(self.right, -1, -2) @ x))

    def _residual(self, x: Array, b: Array) -> Array:
        """``b - S x``, in more digits where that is cheap: the base is a diagonal of float64."""
        entries = self.base.entries()
        if entries is None or x.dtype != np.float64:
            return np.asarray(b - self.times(x))
        wide = x.astype(np.longdouble)
        based = np.reshape(entries, (*self.group.stack, self.group.order, 1)) * wide
        inside = np.swapaxes(self.right, -1, -2).astype(np.longdouble) @ wide
        return np.asarray(b - based - self.left.astype(np.longdouble) @ inside, x.dtype)

    def _reached(self, x: Array) -> Array:
        """``|S| |x|``, or more: what rounding in the product with x is relative to."""
        size = np.abs(x)
        inside = np.swapaxes(np.abs(self.right), -1, -2) @ size
        return np.asarray(self._base_size * size + np.abs(self.left) @ inside)

    @cached_property
    def _base_size(self) -> Any:
        """The absolute values of the entries of a diagonal base, or the largest of another."""
        entries = self.base.entries()
        if entries is None:
            return self.base.size
        return np.abs(entries).reshape((*self.group.stack, self.group.order, 1))

    def solve(self, b: Array, name: Name) -> Array:
        """``S⁻¹ b`` of columns b. Where the base is singular, or too near, by the dense blocks."""
        given = b.reshape((*self.group.stack, self.group.order, -1))
        try:
            x = self._refined(given, name)
        except EinderivError as error:
            if self.small:
                return factored(self.dense(), given, name).reshape(b.shape)
            raise EinderivError(
                f"{error}: Woodbury's identity divides by that part alone; add a multiple of the "
                "identity, S.shifted(λ)"
            ) from None
        return x.reshape(b.shape).astype(b.dtype, copy=False)

    def _refined(self, b: Array, name: Name) -> Array:
        x = self._once(b, name)
        eps = float(np.finfo(x.dtype).eps)
        for step in range(STEPS + 1):
            correction = self._once(self._residual(x, b), name)
            change = float(np.abs(correction).max(initial=0))
            size = float(np.abs(x).max(initial=0))
            if not np.isfinite(change) or (step == STEPS and change > 1e-2 * size):
                raise singular(name(()), "singular to working precision")
            x = x + correction
            if change <= 4 * eps * size:
                break
        largest = self._reached(x).max(-2, initial=0)
        known = max(self.group.order, 8) * eps * largest
        lost = (known >= np.abs(b).max(-2, initial=0)) & (largest > 0)
        if lost.any():
            raise singular(name(first(lost.any(-1))), "singular to working precision")
        return x

    def log_determinant(self) -> Any:
        """``log |det S| = log |det B| + log |det C|``."""
        entries = self.base.entries()
        if entries is not None and not entries.all():
            return -np.inf  # more zeros than outer products
        try:
            whole = self.base.log_determinant()
            if not np.isfinite(whole):
                raise EinderivError(
                    f"{self.base.named} is singular, and the determinant lemma divides by that "
                    "part alone: add a multiple of the identity, S.shifted(λ)"
                )
            return whole + np.linalg.slogdet(self._parts[1])[1].sum()
        except EinderivError:
            if not self.small:
                raise
            return np.linalg.slogdet(self.dense())[1].sum()

    def inverse_diagonal(self, name: Name) -> Array:
        """The diagonal of ``B⁻¹ - B⁻¹ U C⁻¹ Vᵀ B⁻¹``."""
        try:
            y, capacitance = self._parts
            based = self.base.inverse_diagonal().reshape((*self.group.stack, self.group.order))
            shaped = self.right.reshape((*self.group.stack, *self.group.inner, -1))
            turned = self.base.transposed().solved(shaped)
            z = np.linalg.solve(capacitance, np.swapaxes(turned.reshape(self.right.shape), -1, -2))
            return np.asarray(based - np.einsum("...ir,...ri->...i", y, z))
        except (EinderivError, np.linalg.LinAlgError):
            if not self.small:
                raise
            blocks = self.dense()
            return inverted_blocks(blocks, name)

    # ---- by the dense blocks
    def eigenvalues(self) -> Array:
        """All eigenvalues, if it is symmetric up to rounding."""
        return spectrum(self.dense())

    def hermitian(self, largest: Callable[[], float]) -> bool:
        """As :func:`.dense_blocks.hermitian`."""
        return hermitian(self.dense(), largest)

    def positive(self) -> bool:
        """Are symmetric blocks positive definite, by more than rounding?"""
        return positive_blocks(self.dense())

    def unsigned(self) -> tuple[Map, Map]:
        """As :func:`.dense_blocks.unsigned_blocks`."""
        return unsigned_blocks(self.dense())
