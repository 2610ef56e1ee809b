"""Sums of Kronecker products over one pairing of axes: ``A ⊗ B + λ I``, ``A ⊗ I + I ⊗ B``.

The rows of the tensor fall apart into groups of axes that no term joins, so the tensor is

    Σ k[p, q, …] A_p ⊗ B_q ⊗ …

with few matrices for each group. Where each group has two at most, which are symmetric, and one of
the two is definite, both are diagonal in one basis (Golub, Van Loan, "Matrix Computations", 8.7):
``Vᵀ A V = Λ`` and ``Vᵀ C V = I``, and nothing larger than the factors is ever decomposed. Two
groups of any matrices are solved by triangular factors: ``A X + X B = E`` by Schur's (Bartels,
Stewart, 1972), ``A X B + C X D = E`` by those of the pencils (Gardiner, Laub, Amato, Moler, 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..backends import Array
from ..expression import connected
from .dense_blocks import (
    Map,
    Name,
    adjoint,
    factored,
    hermitian,
    log_blocks,
    positive_blocks,
    rounding,
    singular,
    spectrum,
    unsigned_blocks,
)
from .iterative import has_scipy, scipy_part
from .kronecker import LARGEST_BLOCK, Group, components, joints_of, part_of

SAME = 8  # units in the last place: multiples of one matrix differ by no more
STEPS = 2  # of refinement


class Basis(NamedTuple):
    """A basis in which the matrices of one group are diagonal: ``S⁻¹ = V D⁻¹ Vᴴ``."""

    vectors: Array
    values: Array  # a row for each matrix: the diagonal of Vᴴ M V
    log_metric: float  # log |det| of the matrix that became the identity, up to a sign
    is_unitary: bool


def kronecker_sum(group: Group, dtype: Any, *, small: bool) -> KroneckerSum | None:
    """The sum that a group of several terms is; None where it is none, or has too many matrices."""
    k = len(group.free)
    if group.tied or k < 2 or len(group.terms) < 2:
        return None
    parts = []
    for term in group.terms:
        parts.append(components(joints_of(term), term.output, range(k), k))
    together = _axes_together([axes for own in parts for axes, _ in own])
    orders = [prod([group.inner[p] for p in axes]) for axes in together]
    if len(together) < 2 or max(orders) > LARGEST_BLOCK or not prod(orders):
        return None
    kinds: list[_Matrices] = [_Matrices() for _ in together]
    coefficients: dict[tuple[int, ...], Any] = {}
    for term, own in zip(group.terms, parts, strict=True):
        places: list[int] = []
        number: Any = 1
        for axes, matrices in zip(together, kinds, strict=True):
            joints = sorted([n for part, numbers in own if part[0] in axes for n in numbers])
            output = [term.output[p] for p in (*axes, *[k + p for p in axes])]
            inside = part_of(term, joints, tuple(output))
            inner = tuple([group.inner[p] for p in axes])
            block = Group((), axes, (inside,), (), inner).blocks(dtype)
            place, times = matrices.add(block)
            places.append(place)
            number = number * times
        key = tuple(places)
        coefficients[key] = coefficients.get(key, 0) + number
    weights = np.zeros([len(matrices.found) for matrices in kinds], dtype)
    for key, number in coefficients.items():
        weights[key] = number
    found = KroneckerSum(group, together, [own.found for own in kinds], weights, small)
    found = found.reduced()
    return found if found.is_solved else None


def _axes_together(parts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The axes that some term joins."""
    groups = []
    for members in connected(parts):
        axes = {p for n in members for p in parts[n]}
        groups.append(tuple(sorted(axes)))
    return sorted(groups)


class _Matrices:
    """Matrices of one group of axes, multiples of one another held once."""

    def __init__(self) -> None:
        self.found: list[Array] = []

    def add(self, matrix: Array) -> tuple[int, Any]:
        """Which of those that are held it is a multiple of, and which multiple."""
        eps = float(np.finfo(matrix.dtype).eps)
        for k, other in enumerate(self.found):
            place = int(np.argmax(np.abs(other)))
            largest = other.flat[place]
            if largest == 0 or not np.isfinite(largest):
                continue
            times = matrix.flat[place] / largest
            off = np.abs(matrix - times * other).max()
            if times != 0 and off <= SAME * eps * abs(times * largest):
                return k, times
        self.found.append(matrix)
        return len(self.found) - 1, 1


class KroneckerSum:
    """``Σ weights[p, q, …] A_p ⊗ B_q ⊗ …`` over the `axes` of a group. Of a `small` one the dense
    matrix may be formed.
    """

    def __init__(
        self,
        group: Group,
        axes: Sequence[tuple[int, ...]],
        matrices: Sequence[Sequence[Array]],
        weights: Array,
        small: bool,
    ) -> None:
        self.group = group
        self.axes = axes
        self.matrices = matrices
        self.weights = weights
        self.small = small
        self.orders = tuple([own[0].shape[-1] for own in matrices])
        self.n = prod(self.orders)

    def _with(self, matrices: Sequence[Sequence[Array]], weights: Array) -> KroneckerSum:
        return KroneckerSum(self.group, self.axes, matrices, weights, self.small)

    def reduced(self) -> KroneckerSum:
        """The same with two matrices for each group, where one of two groups has no more:
        ``A ⊗ I + I ⊗ B + λ I = A ⊗ I + I ⊗ (B + λ I)``.
        """
        if self.weights.ndim != 2 or max(self.weights.shape) <= 2 < 1 + min(self.weights.shape):
            return self
        first, second = self.matrices
        if len(first) <= 2 < len(second):
            sums = [_combined(row, second) for row in self.weights]
            return self._with([first, sums], np.eye(len(first), dtype=self.weights.dtype))
        if len(second) <= 2 < len(first):
            sums = [_combined(row, first) for row in self.weights.T]
            return self._with([sums, second], np.eye(len(second), dtype=self.weights.dtype))
        return self

    def words(self) -> str:
        """What it is, after its number of unknowns."""
        return " and ".join([f"{n}x{n}" for n in self.orders])

    @property
    def how(self) -> str:
        """What is decomposed."""
        work = " + ".join([f"{n}³" for n in self.orders])
        if self.bases is not None:
            kind = "eigenproblems" if self.is_standard else "generalised eigenproblems"
            return f"two small {kind}" if len(self.orders) == 2 else f"{len(self.orders)} {kind}"
        if self._sylvester is not None:
            return f"Sylvester's equation by Schur factors, O({work})"
        return f"a generalised Sylvester equation by QZ factors, O({work})"

    def astype(self, dtype: Any) -> KroneckerSum:
        """The matrix with entries of another dtype."""
        if self.weights.dtype == dtype:
            return self
        matrices = [[matrix.astype(dtype) for matrix in own] for own in self.matrices]
        return self._with(matrices, self.weights.astype(dtype))

    def __neg__(self) -> KroneckerSum:
        return self._with(self.matrices, -self.weights)

    @property
    def values(self) -> Array:
        """All entries that are held."""
        held = [matrix.ravel() for own in self.matrices for matrix in own]
        return np.concatenate([*held, self.weights.ravel()])

    def dense(self) -> Array:
        """The matrix itself."""
        return self.group.blocks(self.weights.dtype)

    # ---- bases and factors
    @cached_property
    def bases(self) -> list[Basis] | None:
        """A basis for each group, where all matrices are diagonal; None where there are none."""
        found = []
        for own in self.matrices:
            basis = _basis(own)
            if basis is None:
                return None
            found.append(basis)
        return found

    @property
    def is_solved(self) -> bool:
        """Is there a way to solve it by its factors?"""
        if not all(np.isfinite(matrix).all() for own in self.matrices for matrix in own):
            return False
        if self.bases is not None:
            return True
        return len(self.orders) == 2 and max(self.weights.shape) <= 2 and has_scipy()

    @property
    def is_standard(self) -> bool:
        """Are its eigenvalues sums of products of those of its factors?"""
        return self.bases is not None and all(basis.is_unitary for basis in self.bases)

    @cached_property
    def _diagonal(self) -> Array:
        """D of ``Vᴴ S V = D``, an axis for each group."""
        assert self.bases is not None
        diagonal = self.weights
        for basis in self.bases:
            # the first axis, of matrices, becomes the last one, of vectors
            diagonal = np.tensordot(diagonal, basis.values, (0, 0))
        return diagonal

    @cached_property
    def _pair(self) -> tuple[Array, Array, Array, Array]:
        """A, B, C, D of ``A ⊗ B + C ⊗ D``."""
        first, second = self.matrices
        zeros = np.zeros_like(second[0])
        sums = [_combined(row, second) for row in self.weights]
        if len(first) == 1:
            return first[0], sums[0], np.zeros_like(first[0]), zeros
        return first[0], sums[0], first[1], sums[1]

    @cached_property
    def _sylvester(self) -> tuple[Array, Array] | None:
        """A and B of ``A X + X B``; None where the tensor is no such map."""
        a, b, c, d = self._pair
        for left, right, over, under in ((a, d, b, c), (c, b, d, a)):
            # left ⊗ β I + γ I ⊗ right
            beta, gamma = _multiple(over), _multiple(under)
            if beta is not None and gamma is not None:
                return beta * left, gamma * right.T
        return None

    @cached_property
    def _schur(self) -> tuple[Array, Array, Array, Array]:
        assert self._sylvester is not None
        linalg = scipy_part("linalg")
        a, b = self._sylvester
        output = "complex" if np.iscomplexobj(a) or np.iscomplexobj(b) else "real"
        r, u = linalg.schur(a, output=output)
        s, v = linalg.schur(b.conj().T, output=output)
        return r, u, s, v

    @cached_property
    def _qz(self) -> tuple[Array, ...]:
        """S, T, Q, Z of ``A = Q S Zᴴ, C = Q T Zᴴ``, and P, R, U, W of Bᵀ and Dᵀ."""
        qz = scipy_part("linalg").qz
        a, b, c, d = self._pair
        return (*qz(a, c, output="complex"), *qz(b.T, d.T, output="complex"))

    # ---- what is done with it
    def _moved(self, x: Array) -> Array:
        """Columns as an array with an axis for each group, then one of columns."""
        sides = x.shape[-1]
        order = [p for axes in self.axes for p in axes]
        shaped = x.reshape((*self.group.inner, sides)).transpose((*order, len(order)))
        return shaped.reshape((*self.orders, sides))

    def _back(self, x: Array) -> Array:
        order = [p for axes in self.axes for p in axes]
        shaped = x.reshape((*[self.group.inner[p] for p in order], x.shape[-1]))
        places = [*np.argsort(order).tolist(), len(order)]
        return shaped.transpose(places).reshape((self.n, x.shape[-1]))

    def _multiplied(self, matrices: Sequence[Array | None], x: Array) -> Array:
        """``(M_1 ⊗ M_2 ⊗ …) x``."""
        for p, matrix in enumerate(matrices):
            if matrix is not None:
                x = np.moveaxis(np.tensordot(matrix, x, (1, p)), 0, p)
        return x

    def times(self, x: Array) -> Array:
        """The product with columns."""
        return self._back(self._times(self._moved(x.reshape(self.n, -1)))).reshape(x.shape)

    def _times(self, x: Array) -> Array:
        total = np.zeros(x.shape, np.result_type(x, self.weights))
        for key in np.argwhere(self.weights):
            place = tuple(key.tolist())
            matrices = [own[p] for own, p in zip(self.matrices, place, strict=True)]
            total += self.weights[place] * self._multiplied(matrices, x)
        return total

    def solve(self, b: Array, name: Name) -> Array:
        """``S⁻¹ b`` of columns b, refined by its residual."""
        given = self._moved(b.reshape(self.n, -1))
        x = self._solved(given, name)
        eps = float(np.finfo(x.dtype).eps)
        size = float(np.sqrt(np.vdot(given, given).real))
        most = self._size
        for step in range(STEPS + 1):
            residual = given - self._times(x)
            off = float(np.abs(residual).max(initial=0))
            reached = most * float(np.abs(x).max(initial=0))
            if not np.isfinite(off) or (step == STEPS and off > self.n * eps * (reached + size)):
                if self.small:
                    return factored(self.dense(), b.reshape(self.n, -1), name).reshape(b.shape)
                raise singular(name(()), "singular to working precision")
            if off <= SAME * eps * (reached + size / max(self.n, 1)):
                break
            if step < STEPS:
                x = x + self._solved(residual, name)
        known = max(self.orders) * eps * most * np.abs(x).max((0, 1), initial=0)
        asked = np.abs(given).max((0, 1), initial=0)
        if ((known >= asked) & (known > 0)).any():
            raise singular(name(()), "singular to working precision")
        return self._back(x).reshape(b.shape).astype(b.dtype, copy=False)

    @cached_property
    def _size(self) -> float:
        """A bound on the sums of the absolute values of rows."""
        sums = np.abs(self.weights)
        for own in self.matrices:
            rows = [np.abs(matrix).sum(-1).max(initial=0) for matrix in own]
            sums = np.tensordot(sums, np.array(rows), (0, 0))
        return float(sums)

    def _solved(self, b: Array, name: Name) -> Array:
        if self.bases is not None:
            diagonal = self._diagonal
            self._check(np.abs(diagonal), name)
            inside = self._multiplied([adjoint(basis.vectors) for basis in self.bases], b)
            return self._multiplied(
                [basis.vectors for basis in self.bases], inside / diagonal[..., None]
            )
        self._check(np.abs(self._eigenvalues), name)
        solve = self._by_schur if self._sylvester is not None else self._by_qz
        columns = [solve(b[..., k]) for k in range(b.shape[-1])]
        return np.stack(columns, -1) if columns else np.zeros(b.shape, b.dtype)

    def _check(self, magnitudes: Array, name: Name) -> None:
        if not magnitudes.all():
            raise singular(name(()), "singular")

    def _by_schur(self, b: Array) -> Array:
        """X of ``A X + X B = b``."""
        r, u, s, v = self._schur
        (solve,) = scipy_part("linalg.lapack").get_lapack_funcs(("trsyl",), (r, s, b))
        right = u.conj().T @ b @ v
        y, scale, _ = solve(r, s, right, tranb="C" if np.iscomplexobj(s) else "T")
        return np.asarray(u @ (scale * y) @ v.conj().T)

    def _by_qz(self, b: Array) -> Array:
        """X of ``A X Bᵀ + C X Dᵀ = b``: with ``Y = Zᴴ X U`` it is ``S Y P + T Y R = Qᴴ b W``, all
        triangular, a column after the other.
        """
        solve = scipy_part("linalg").solve_triangular
        s, t, q, z, p, r, u, w = self._qz
        right = q.conj().T @ b @ w
        y = np.zeros_like(right)
        for j in range(y.shape[1]):
            before = y[:, :j]
            rest = right[:, j] - s @ (before @ p[:j, j]) - t @ (before @ r[:j, j])
            y[:, j] = solve(p[j, j] * s + r[j, j] * t, rest, check_finite=False)
        x = z @ y @ u.conj().T
        return np.asarray(x if np.iscomplexobj(b) or np.iscomplexobj(self.weights) else x.real)

    @cached_property
    def _eigenvalues(self) -> Array:
        """What the determinant is the product of, up to its sign."""
        if self._sylvester is not None:
            r, _, s, _ = self._schur
            return np.add.outer(_on_diagonal(r), _on_diagonal(s).conj())
        s, t, _, _, p, r, _, _ = self._qz
        first, second = map(np.diag, (s, t))
        return np.asarray(np.outer(first, np.diag(p)) + np.outer(second, np.diag(r)))

    def log_determinant(self) -> Any:
        """``log |det S|``."""
        with np.errstate(divide="ignore"):
            if self.bases is None:
                return np.log(np.abs(self._eigenvalues)).sum()
            total = np.log(np.abs(self._diagonal)).sum()
        for basis, order in zip(self.bases, self.orders, strict=True):
            total += self.n // order * basis.log_metric
        return total

    def eigenvalues(self) -> Array:
        """All eigenvalues, if it is symmetric up to rounding."""
        if self.is_standard:
            return self._diagonal.real.ravel()
        return spectrum(self.dense())

    def inverse_diagonal(self, name: Name) -> Array:
        """The diagonal of the inverse: ``Σ |V_1[i, a]|² |V_2[j, b]|² / D[a, b]``."""
        if self.bases is None:
            return inverse_diagonal(self, name)
        self._check(np.abs(self._diagonal), name)
        squares: list[Array | None] = [np.abs(basis.vectors) ** 2 for basis in self.bases]
        return self._back(self._multiplied(squares, 1 / self._diagonal[..., None]))[:, 0]

    def hermitian(self, largest: Callable[[], float]) -> bool:
        """As :func:`.dense_blocks.hermitian`."""
        if self.bases is not None:
            return not np.imag(self.weights).any()
        return self.small and hermitian(self.dense(), largest)

    def positive(self) -> bool:
        """Is a symmetric matrix positive definite, by more than rounding?"""
        if self.bases is not None:
            diagonal = self._diagonal.real
            smallest = SAME * max(self.orders) * float(np.finfo(diagonal.dtype).eps)
            return bool((diagonal > smallest * np.abs(diagonal).max(initial=0)).all())
        return positive_blocks(self.dense())

    def unsigned(self) -> tuple[Map, Map]:
        """As :func:`.dense_blocks.unsigned_blocks`: in a unitary basis where there is one."""
        if not self.is_standard or self.bases is None:
            return unsigned_blocks(self.dense())
        vectors: list[Array | None] = [basis.vectors for basis in self.bases]
        adjoints: list[Array | None] = [adjoint(basis.vectors) for basis in self.bases]
        magnitudes = np.abs(self._diagonal)
        regular = magnitudes > rounding(self.matrices[0][0]) * magnitudes.max(initial=0)
        inverses = np.where(regular, 1 / np.where(regular, magnitudes, 1), 0)

        def mapped(diagonal: Array, x: Array) -> Array:
            inside = self._multiplied(adjoints, self._moved(x.reshape(self.n, -1)))
            return self._back(self._multiplied(vectors, diagonal[..., None] * inside)).reshape(
                x.shape
            )

        return partial(mapped, inverses), partial(mapped, regular.astype(float))


def inverse_diagonal(form: Any, name: Name) -> Array:
    """The diagonal of the inverse of any form, by columns of the identity."""
    chunk = 256
    found = np.zeros(form.n, form.values.dtype)
    for start in range(0, form.n, chunk):
        count = min(chunk, form.n - start)
        columns = np.zeros((form.n, count), form.values.dtype)
        places = np.arange(count)
        columns[start + places, places] = 1
        found[start + places] = form.solve(columns, name)[start + places, places]
    return found


def _combined(weights: Array, matrices: Sequence[Array]) -> Array:
    """``Σ weight · matrix``."""
    total = np.zeros_like(matrices[0])
    for weight, matrix in zip(weights, matrices, strict=True):
        total = total + weight * matrix
    return total


def _multiple(matrix: Array) -> Any:
    """Which multiple of the identity a matrix is; None where it is none."""
    number = matrix.flat[0]
    off = np.abs(matrix - number * np.eye(len(matrix))).max()
    eps = float(np.finfo(matrix.dtype).eps)
    return number if off <= SAME * eps * abs(number) else None


def _on_diagonal(factor: Array) -> Array:
    """The eigenvalues of Schur's factor: of a real one LAPACK's 2x2 blocks have an equal diagonal,
    ``a ± sqrt(b c)``.
    """
    values = np.diagonal(factor)
    if np.iscomplexobj(factor):
        return values
    below, above = np.diagonal(factor, -1), np.diagonal(factor, 1)
    (pairs,) = np.nonzero(below)
    found = values.astype(complex)
    imaginary = 1j * np.sqrt(np.abs(below[pairs] * above[pairs]))
    found[pairs] += imaginary
    found[pairs + 1] -= imaginary
    return found


def _is_symmetric(matrix: Array) -> bool:
    off = np.abs(matrix - adjoint(matrix)).max()
    return bool(off <= SAME * float(np.finfo(matrix.dtype).eps) * np.abs(matrix).max())


def _basis(matrices: Sequence[Array]) -> Basis | None:
    """A basis in which one or two symmetric matrices are diagonal; None where none is definite."""
    if len(matrices) > 2 or not all(map(_is_symmetric, matrices)):
        return None
    n = len(matrices[0])
    dtype = np.zeros(0, matrices[0].dtype).real.dtype
    values = np.empty((len(matrices), n), dtype)
    numbers = [_multiple(matrix) for matrix in matrices]
    others = [k for k, number in enumerate(numbers) if number is None]
    if len(others) <= 1:
        vectors = np.eye(n, dtype=matrices[0].dtype)
        for k in others:
            values[k], vectors = np.linalg.eigh((matrices[k] + adjoint(matrices[k])) / 2)
        for k, number in enumerate(numbers):
            if number is not None:
                values[k] = np.real(number)
        return Basis(vectors, values, 0.0, True)
    best: tuple[float, int, int, Array] | None = None
    for k, matrix in enumerate(matrices):
        for sign in (1, -1):
            try:
                factor = np.linalg.cholesky(sign * (matrix + adjoint(matrix)) / 2)
            except np.linalg.LinAlgError:
                continue
            pivots = np.diagonal(factor).real
            spread = float(pivots.min() / pivots.max())
            if best is None or spread > best[0]:
                best = spread, k, sign, factor
    if best is None or best[0] ** 2 < 1e3 * float(np.finfo(dtype).eps):
        return None
    _, k, sign, factor = best
    # Vᴴ M V = ± I with V = L⁻ᴴ W, where W are the eigenvectors of L⁻¹ N L⁻ᴴ
    half = np.linalg.solve(factor, matrices[1 - k])
    inner = np.linalg.solve(factor, adjoint(half))
    values[1 - k], turned = np.linalg.eigh((inner + adjoint(inner)) / 2)
    values[k] = sign
    vectors = np.linalg.solve(adjoint(factor), turned)
    return Basis(vectors, values, float(log_blocks(factor)) * 2, False)
