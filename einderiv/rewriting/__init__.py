"""What makes a program cheaper: rewrites of expressions, passes over programs, and the order
they run in.
"""

from .passes import optimized, pass_called
from .peephole_device import BEYOND_INT32
from .pipeline import planned
from .rewrites import DISTRIBUTING
from .target import Target
from .tiling import peak

__all__ = [
    "BEYOND_INT32",
    "DISTRIBUTING",
    "Target",
    "optimized",
    "pass_called",
    "peak",
    "planned",
]
