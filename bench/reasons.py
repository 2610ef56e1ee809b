"""Why a case is lost, where it is known. A key is the case, or the case and the size; the page looks here."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "P9 diagonal": "by hand it is a view, which takes 90 ns; ours is an array of its own, no view of what was given",
}


def reason(family: str, case: str, size: str) -> str:
    """What is known about a lost case."""
    label = f"{family} {case}"
    return REASONS.get(f"{label}, {size}") or REASONS.get(label) or "not explained yet"
