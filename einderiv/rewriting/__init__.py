"""What makes a program cheaper: rewrites of expressions, passes over programs, and the order
they run in.
"""

from .peephole_device import BEYOND_INT32
from .peephole_numpy import SHORT
from .pipeline import Target, optimized, planned
from .search import OFTEN
from .sharding import check_mesh
from .tiling import BLOCK, Loop, peak

__all__ = [
    "BEYOND_INT32",
    "BLOCK",
    "Loop",
    "OFTEN",
    "SHORT",
    "Target",
    "check_mesh",
    "optimized",
    "peak",
    "planned",
]
