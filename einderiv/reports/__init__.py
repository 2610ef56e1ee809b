"""What can be said before there are arrays: explanations, plans, sources."""

from .explanation import SectionKind, explain
from .formats import FORMATS
from .inspection import ITEM_BYTES, core_entries, emitted, plan, source
from .plan_file import load_plan
from .plan_table import Plan

__all__ = [
    "FORMATS",
    "ITEM_BYTES",
    "Plan",
    "SectionKind",
    "core_entries",
    "emitted",
    "explain",
    "load_plan",
    "plan",
    "source",
]
