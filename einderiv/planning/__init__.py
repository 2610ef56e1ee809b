"""From expressions to programs: what an op is, contraction paths, costs, memory order."""

from .cost import arithmetic, costs, seconds, step_seconds
from .gram import many_grams, weighted_gram
from .liveness import Liveness, base, owner
from .lowering import Planner, Term
from .memory_order import arranged, orders, rearranged
from .paths import check_optimizer, search
from .program import OWN, Numbered, Program, Step, contraction, memory, middle, turned

__all__ = [
    "Liveness",
    "Numbered",
    "OWN",
    "Planner",
    "Program",
    "Step",
    "Term",
    "arithmetic",
    "arranged",
    "base",
    "check_optimizer",
    "contraction",
    "costs",
    "many_grams",
    "memory",
    "middle",
    "orders",
    "owner",
    "rearranged",
    "search",
    "seconds",
    "step_seconds",
    "turned",
    "weighted_gram",
]
