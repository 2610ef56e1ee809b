"""The engine behind the page: one function from a request to an answer, both plain data.

The server's workers call it, and so does the page without a server, in the browser: there what
needs NumPy says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from ..errors import EinderivError, LimitError, limits
from .answers import derivative, trouble
from .figures import code, cost, verdict
from .pictures import pictures
from .questions import BOUNDS

Kind = Callable[[Mapping[str, Any]], dict[str, Any]]
#: what can be asked, and whether it needs NumPy
KINDS: dict[str, tuple[Kind, bool]] = {
    "derivative": (derivative, False),
    "pictures": (pictures, False),
    "cost": (cost, True),
    "code": (code, True),
    "check": (verdict, True),
}
NEEDS = ("numpy", "opt_einsum")


def answer(request: object) -> dict[str, Any]:
    """The answer to a request: ``{"kind": …, "ok": True, …}``, or ``"ok": False`` and an
    ``"error"``. Never raises.

    >>> answer({"kind": "derivative", "text": "ij,j->i", "wrt": "B"})["result"]["text"]
    '∂y[i]/∂B[a] = A[i,a]'
    >>> answer({"kind": "derivative", "text": "ij,j->k"})["error"]["position"]
    6
    """
    start = time.perf_counter()
    body = request if isinstance(request, dict) else {}
    kind = body.get("kind")
    known = isinstance(kind, str) and kind in KINDS
    found = _answered(body, kind)
    return {
        "kind": kind if known else None,
        "kinds": list(KINDS),
        "ok": "error" not in found,
        **found,
        "ms": round(1000 * (time.perf_counter() - start), 2),
    }


def _answered(request: Mapping[str, Any], kind: object) -> dict[str, Any]:
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(KINDS)
        return _refusal("kind", f"a request is an object whose kind is one of {known}")
    function, needs_numpy = KINDS[kind]
    missing = [name for name in NEEDS if find_spec(name) is None] if needs_numpy else []
    if missing:
        return _refusal(
            "needs",
            f"this needs {' and '.join(missing)}, which this page runs without: "
            "einderiv serve shows it",
        )
    try:
        with limits.override(**BOUNDS):
            return function(request)
    except (EinderivError, TypeError) as e:
        return {"error": trouble(e, request)}
    except (RecursionError, MemoryError):
        too_large = LimitError("this is too large or too deeply nested for this page")
        return {"error": trouble(too_large, request)}
    except Exception as e:  # whatever it is, the page says it in a line and goes on
        bug = EinderivError(f"a bug in einderiv ({type(e).__name__}): please report it")
        return {"error": trouble(bug, request)}


def _refusal(field: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "field": field, "position": None}}
