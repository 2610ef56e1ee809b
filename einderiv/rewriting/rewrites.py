"""The rewrites of expressions that the search tries, one row each.

A row proposes places: which nodes it would put in the place of which. The search plans the whole
program with each, and keeps what pays.

To add a rewrite, write it in a file of its own, and add a row here. A test runs its example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..expression import Roots, Sizes, Swaps
from .congruence import twins
from .dimension_tree import from_the_ends
from .distribution import apart, distributed
from .environments import along_one_tree
from .factor import common_factors
from .inlining import inlined
from .kept_sums import with_sums_kept
from .readings import readings


class Example(NamedTuple):
    """An expression for which a rewrite proposes something, in the language of ``ed.parse``; or its
    derivatives by all tensors.
    """

    text: str
    shapes: Mapping[str, tuple[int, ...]]
    derivatives: bool = False


@dataclass(frozen=True)
class Rewrite:
    """One row. `places` proposes what is put in the place of nodes, the most promising first.

    The first that pays is taken; where a row proposes forms of the `whole` program, the best. The
    relations of products that are changed are kept, or such products are left alone.
    """

    name: str
    law: str
    places: Callable[[Roots, Sizes], Iterator[Swaps]]
    example: Example
    whole: bool = False


def _of_size(n: int, matrices: str, vectors: str = "") -> dict[str, tuple[int, ...]]:
    return {**dict.fromkeys(matrices, (n, n)), **dict.fromkeys(vectors, (n,))}


REWRITES = (
    Rewrite(
        "distribute",
        "tr(A B + C D) → tr(A B) + tr(C D), and so on inside",
        apart,
        Example("trace(A @ B + C @ D)", _of_size(60, "ABCD")),
        whole=True,
    ),
    Rewrite(
        "keep sums",
        "1 + A + B + B A → (1 + B) (1 + A) in derivatives of chains",
        with_sums_kept,
        Example(
            "x + A @ x**2 + B @ (x + A @ x**2)**2", {**_of_size(9, "AB", "x")}, derivatives=True
        ),
        whole=True,
    ),
    Rewrite(
        "distribute readings",
        "tr(P H Q + S) → ⟨Qᵀ Pᵀ, H⟩ + tr(S), (A + B C) v → A v + B (C v), through nested sums",
        readings,
        Example("((A @ B + C) @ D + C) @ x", _of_size(60, "ABCD", "x")),
        whole=True,
    ),
    Rewrite(
        "distribute one",
        "(U Vᵀ − T) V → U (Vᵀ V) − T V",
        distributed,
        Example("(U @ V.T - T) @ V", {"U": (90, 2), "V": (80, 2), "T": (90, 80)}),
    ),
    Rewrite(
        "halve",
        "T (a b) c + T (a d) c → (T (b + d)) a c, T contracted from its ends",
        from_the_ends,
        Example(
            "einsum('ijk,j,k->i', T, b, c) + einsum('ijk,j,k->i', T, b, d)",
            {"T": (30, 30, 30), **_of_size(30, "", "bcd")},
        ),
    ),
    Rewrite(
        "twins",
        "A B C P Cᵀ Bᵀ Aᵀ → J P Jᵀ with J = A B C",
        twins,
        Example("einsum('ab,bc,c,dc,ed->ae', A, B, p, B, A)", _of_size(30, "AB", "p")),
    ),
    Rewrite(
        "inline",
        "Σ_ab G_ab² with G = x yᵀ → Σ_a x_a² Σ_b y_b²",
        inlined,
        Example("sum(einsum('i,j->ij', x, y)**2)", _of_size(900, "", "xy")),
    ),
    Rewrite(
        "factor",
        "L A N + L B N → L (A + B) N",
        common_factors,
        Example("L @ A @ N + L @ B @ N", _of_size(60, "LABN")),
    ),
    Rewrite(
        "environments",
        "products of one set of factors without one of them each, along one tree",
        along_one_tree,
        Example("einsum('ab,bc,cd,da->', A, B, C, D)", _of_size(9, "ABCD"), derivatives=True),
    ),
)

#: rewrites that are left out where no digits may be lost: with them the rounding error of a sum is
#: relative to its terms
DISTRIBUTING = ("distribute", "distribute readings", "distribute one")
