"""Programs run on arrays: compiled calls, and results that keep their structure."""

from .compiled import Compiled, builder, compile, evaluate
from .execution import computed
from .iterative import STEPS, conjugate_gradients, scipy_part
from .joint import joined, pattern
from .kronecker import LARGEST_BLOCK
from .out import OPTIONS
from .solving import Square
from .structured import Structured
from .terms import is_related, product, value

__all__ = [
    "Compiled",
    "LARGEST_BLOCK",
    "OPTIONS",
    "STEPS",
    "Square",
    "Structured",
    "builder",
    "compile",
    "computed",
    "conjugate_gradients",
    "evaluate",
    "is_related",
    "joined",
    "pattern",
    "product",
    "scipy_part",
    "value",
]
