"""From expressions to programs: what an op is, contraction paths, costs, memory order."""

from .cost import Entries, arithmetic, costs, pair_seconds, seconds, step_seconds
from .gram import many_grams, weighted_gram
from .liveness import Liveness, base, owner
from .loop import BLOCK, Loop
from .lowering import Planner, Term
from .memory_order import arranged, orders, rearranged
from .ops import (
    OWN,
    Index,
    Numbered,
    Op,
    Ops,
    Shown,
    Step,
    axes_in_operands,
    contraction,
    middle,
    run_together,
    sums,
    turned,
)
from .parts import Box, Part, Span, apart, entries_of, joined_axis, uncovered
from .paths import asked, check_optimizer, order_seconds, search, size_free
from .program import Program
from .tuning_constants import tuning

__all__ = [
    "BLOCK",
    "Box",
    "Entries",
    "Index",
    "Liveness",
    "Loop",
    "Numbered",
    "OWN",
    "Op",
    "Ops",
    "Part",
    "Planner",
    "Program",
    "Shown",
    "Span",
    "Step",
    "Term",
    "apart",
    "arithmetic",
    "arranged",
    "asked",
    "axes_in_operands",
    "base",
    "check_optimizer",
    "contraction",
    "costs",
    "entries_of",
    "joined_axis",
    "many_grams",
    "middle",
    "order_seconds",
    "orders",
    "owner",
    "pair_seconds",
    "rearranged",
    "run_together",
    "search",
    "seconds",
    "size_free",
    "step_seconds",
    "sums",
    "tuning",
    "turned",
    "uncovered",
    "weighted_gram",
]
