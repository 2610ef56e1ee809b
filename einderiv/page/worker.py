"""A process that answers requests: one line of JSON in, one line out. ``python -m
einderiv.page.worker``.

It ends with its standard input, and by an alarm of the system if an answer takes far too long:
whoever started it may be gone by then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from .engine import answer

ALARM = 30  # seconds for one answer, whatever the server thinks
MEMORY = 4 << 30  # bytes of address space
WARM = [{"kind": kind, "text": "is,st,tj->ij"} for kind in ("derivative", "cost", "code", "check")]


def main() -> None:
    """Answer until the input ends."""
    _bound_memory()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints must not stand between the answers
    for request in WARM:  # what is imported and planned late is there when the first request comes
        answer(request)
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        _alarm(ALARM)
        print(json.dumps(answer(_read(line))), file=out, flush=True)
        _alarm(0)


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):  # not on Windows; there the server alone ends it
        signal.alarm(seconds)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if hard < 0 else min(MEMORY, hard), hard))


if __name__ == "__main__":
    main()
