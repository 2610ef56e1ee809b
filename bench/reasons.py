"""Why a case is lost, where it is known. A key is the case, or the case and the size; the page looks here."""

from __future__ import annotations

REASONS: dict[str, str] = {}


def reason(family: str, case: str, size: str) -> str:
    """What is known about a lost case."""
    label = f"{family} {case}"
    return REASONS.get(f"{label}, {size}") or REASONS.get(label) or "not explained yet"
