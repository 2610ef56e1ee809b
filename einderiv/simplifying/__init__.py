"""The textbook form of an expression: like terms collected, what cancels gone, symmetry used."""

from .lengths import operands_of
from .parts import name_of_part, named_parts
from .powers import as_power
from .simplification import simplify
from .sizes import counted_size
from .symmetry import Symmetries

__all__ = [
    "Symmetries",
    "as_power",
    "counted_size",
    "name_of_part",
    "named_parts",
    "operands_of",
    "simplify",
]
