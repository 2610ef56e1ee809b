"""The identities of the textbooks, one row each. A row is tried at every node of its kind, and
taken where the answer is shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..expression import Add, Apply, Einsum, Expr
from . import adjugates, complements, logarithms, matrices, powers, signs, sums, totals
from . import sizes as counts
from .situation import Situation


@dataclass(frozen=True, eq=False)
class Identity:
    """One row: what it says, where it is tried, what it makes of a node."""

    name: str
    law: str
    of: type[Expr]  # the kind of node
    apply: Callable[[Any, Situation], Expr | None]  # None where it says nothing
    example: str  # a text, and what it becomes
    becomes: str
    source: str = ""
    tensors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of the example


IDENTITIES = (
    Identity(
        "numbers of sizes",
        "1/n is a number where the size n is one",
        Apply,
        counts.reciprocal_of_number,
        "mean(x)",
        "0.25 * sum(x)",
        tensors={"x": (4,)},
    ),
    Identity(
        "sizes that are numbers",
        "Σ_b 1 is the size of b",
        Einsum,
        counts.size_as_number,
        "y: j\neinsum('i,j->j', 0 * x + 2, y)",
        "y: j\n8 * y",
        tensors={"x": (4,)},
    ),
    Identity(
        "sizes cancel",
        "n · (1/n) = 1",
        Einsum,
        counts.cancelled,
        "x: i\ny: i\nmean(x) * sum(0 * y + 1)",
        "x: i\ny: i\nsum(x)",
    ),
    Identity(
        "shares",
        "the entries of softmax(x) add up to 1, where there are any",
        Einsum,
        totals.of_shares,
        "x: i\ny: j\neinsum('i,j->j', softmax(x), y)",
        "y: j\ny",
    ),
    Identity(
        "deviations",
        "deviations from the mean add up to 0",
        Einsum,
        totals.of_deviations,
        "x: i\ny: j\neinsum('i,j->j', x - mean(x), y)",
        "x: i\ny: j\n0 * y",
    ),
    Identity(
        "inverse by its minors",
        "adj(X) / det(X) = X⁻¹",
        Einsum,
        matrices.inverse_of_adjugate,
        "X: ii\nadj(X) / det(X)",
        "X: ii\ninv(X)",
        "Magnus and Neudecker, Matrix Differential Calculus (2019), chapter 1",
    ),
    Identity(
        "inverses cancel",
        "X⁻¹ X = X X⁻¹ = I, adj(X) X = X adj(X) = det(X) I",
        Einsum,
        matrices.inverses_cancelled,
        "X: ii\nA: ij\nX @ inv(X) @ A",
        "X: ii\nA: ij\nA",
    ),
    Identity(
        "adjugates of products",
        "adj(A B) A = det(A) adj(B), B adj(A B) = det(B) adj(A)",
        Einsum,
        adjugates.adjugate_of_product,
        "A: ii\nB: ii\nC: ii\nC @ adj(A @ B @ C) @ A",
        "A: ii\nB: ii\nC: ii\ndet(A) * det(C) * adj(B)",
        "Horn and Johnson, Matrix Analysis (2013), 0.8.2",
    ),
    Identity(
        "powers of a matrix",
        "Xⁿ X = X Xⁿ = Xⁿ⁺¹",
        Einsum,
        matrices.matrix_powers,
        "X: ii\nmatrix_power(X, 2) @ X",
        "X: ii\nmatrix_power(X, 3)",
    ),
    Identity(
        "inverse of the inverse",
        "(X⁻¹)⁻¹ = X",
        Apply,
        matrices.inverse_of_inverse,
        "X: ii\ninv(inv(X))",
        "X: ii\nX",
    ),
    Identity(
        "powers",
        "√x / x = x^(−1/2)",
        Einsum,
        powers.collected_powers,
        "x: i\nsqrt(x) / x",
        "x: i\nx ** -0.5",
    ),
    Identity(
        "signs",
        "sign(xᵀ x) x = x",
        Einsum,
        signs.sign_of_squares,
        "x: i\nsign(x @ x) * x",
        "x: i\nx",
    ),
    Identity(
        "first power",
        "x¹ = x",
        Apply,
        powers.first_power,
        "x: i\npower(x, 1.0)",
        "x: i\nx",
    ),
    Identity(
        "numbers of sums",
        "(2 x − 2 y) A = 2 (x − y) A",
        Einsum,
        sums.number_of_sum,
        "x: i\ny: i\nA: ij\n(2 * x - 2 * y) @ A",
        "x: i\ny: i\nA: ij\n2 * ((x - y) @ A)",
    ),
    Identity(
        "like terms",
        "xᵀ S + S x = 2 S x where S is symmetric",
        Add,
        sums.like_terms,
        "x: j\nA: ij\nK = inv(A.T @ A)\nx @ K + K @ x",
        "x: j\nA: ij\n2 * (x @ inv(A.T @ A))",
    ),
    Identity(
        "powers of a matrix in sums",
        "X² A + X X A = 2 X² A",
        Add,
        matrices.powers_in_sums,
        "X: ii\nmatrix_power(X, 2) + X @ X",
        "X: ii\n2 * matrix_power(X, 2)",
    ),
    Identity(
        "shares and complements",
        "(1 − y) sigmoid(u) − y sigmoid(−u) = sigmoid(u) − y",
        Add,
        complements.shares_and_complements,
        "x: i\ny: i\n(1 - y) * sigmoid(x) - y * sigmoid(-x)",
        "x: i\ny: i\nsigmoid(x) - y",
    ),
    Identity(
        "quotients beside logarithms",
        "log(x) + x / x = log(x) + 1",
        Add,
        logarithms.quotients_beside_logarithms,
        "x: i\nlog(x) + x / x",
        "x: i\nlog(x) + 1",
    ),
    Identity(
        "common factors",
        "s A + s B = s (A + B)",
        Add,
        sums.common_factors,
        "x: i\nA: ij\nB: ij\nnorm(x) * A + norm(x) * B",
        "x: i\nA: ij\nB: ij\nnorm(x) * (A + B)",
    ),
)
