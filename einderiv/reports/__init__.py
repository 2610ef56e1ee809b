"""What can be said before there are arrays: explanations, plans, sources."""

from .explanation import SectionKind, explain, html_document
from .inspection import ITEM_BYTES, core_entries, emitted, plan, source
from .plan_file import load_plan
from .plan_table import Plan

__all__ = [
    "ITEM_BYTES",
    "Plan",
    "SectionKind",
    "core_entries",
    "emitted",
    "explain",
    "html_document",
    "load_plan",
    "plan",
    "source",
]
