"""What can be said before there are arrays: explanations, plans, sources."""

from .documents import html_document, latex_document
from .explanation import SectionKind, explain
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
    "latex_document",
    "load_plan",
    "plan",
    "source",
]
