"""The rewrites of expressions that the search tries, one row each.

A row proposes places: which nodes it would put in the place of which. The search plans the whole
program with each, and keeps what pays.

To add a rewrite, write it in a file of its own, and add a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..expression import Roots, Sizes, Swaps
from .congruence import twins
from .dimension_tree import from_the_ends
from .distribution import distributed
from .environments import along_one_tree
from .factor import common_factors
from .inlining import inlined
from .reshapes import reshapes_at_operands


@dataclass(frozen=True)
class Rewrite:
    """One row. `places` proposes what is put in the place of nodes, the most promising first."""

    name: str
    law: str
    places: Callable[[Roots, Sizes], Iterator[Swaps]]


REWRITES = (
    Rewrite("reshapes", "xᵀ vec(A ⊗ B) y → tr(Xᵀ A Y Bᵀ)", reshapes_at_operands),
    Rewrite("distribute", "(U Vᵀ − T) V → U (Vᵀ V) − T V", distributed),
    Rewrite("halve", "T (a b) c + T (a d) c → (T (b + d)) a c, from the ends of T", from_the_ends),
    Rewrite("twins", "A B C P Cᵀ Bᵀ Aᵀ → J P Jᵀ with J = A B C", twins),
    Rewrite("inline", "Σ_ab G_ab² with G = x yᵀ → Σ_a x_a² Σ_b y_b²", inlined),
    Rewrite("factor", "L A N + L B N → L (A + B) N", common_factors),
    Rewrite("environments", "all gradients of a tensor train along one tree", along_one_tree),
)
