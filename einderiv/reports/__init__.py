"""What can be said before there are arrays: explanations, plans, sources."""

from .documents import html_document, latex_document
from .explanation import SectionKind, explain
from .inspection import core_entries, emitted, plan, source
from .plan_file import load_plan
from .plan_table import Plan

__all__ = [
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
